/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The library's end of the connection, against a daemon of this test's own that says what it is told to say. */
#include "libvfiodma/lease.h"
#include "libvfiodma/vfiodma.h"
#include "proto/address.h"
#include "proto/conn.h"
#include "tests/temporary.h"

#include <assert.h>
#include <check.h>
#include <dirent.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* ---- the daemon ---- */

/* A thread that takes one connection and runs a script on it.  It opens and closes nothing after the HELLO, so that the
 * client's descriptors can be counted. */
struct daemon {
	int listener;
	struct proto_conn conn;
	struct proto_msg request; /* the last */
	int script_argument;
	int spare[3];	       /* descriptors to send */
	uint64_t released;     /* the lease of the last RELEASE */
	const char *complaint; /* what the client did wrong */
	void (*script)(struct daemon *daemon);
	pthread_t thread;
};

static char runtime_dir[TEMPORARY_MAX];

static void socket_path(bool admin, struct sockaddr_un *where)
{
	*where = (struct sockaddr_un){ .sun_family = AF_UNIX };
	snprintf(where->sun_path, sizeof(where->sun_path), "%s/%s", runtime_dir,
		 admin ? VFIOD_ADMIN_SOCKET : VFIOD_PUB_SOCKET);
}

static int listen_at(bool admin)
{
	struct sockaddr_un where;
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	socket_path(admin, &where);
	unlink(where.sun_path);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&where, sizeof(where)), 0);
	ck_assert_int_eq(listen(fd, 1), 0);
	return fd;
}

/* Receives the next request; false: it is not @opcode, which is a complaint, or the client has gone. */
static bool take(struct daemon *daemon, uint16_t opcode)
{
	const struct proto_op *op;
	const char *why = "the client has gone";

	if (daemon->complaint)
		return false;
	if (proto_conn_recv(&daemon->conn, &daemon->request, 0, &why) ||
	    proto_check_request(&daemon->request,
				proto_op(opcode)->sockets & VFIOD_ON_PUB ? VFIOD_ON_PUB : VFIOD_ON_ADMIN, &op, &why)) {
		daemon->complaint = why;
		return false;
	}
	if (op->opcode != opcode)
		daemon->complaint = "another request was expected";
	return op->opcode == opcode;
}

static void answer(struct daemon *daemon, const void *body, size_t length, unsigned int fd_count)
{
	if (proto_conn_send(&daemon->conn, daemon->request.opcode, VFIOD_REPLY, daemon->request.cookie, body, length,
			    daemon->spare, fd_count))
		daemon->complaint = "the reply could not be sent";
}

static void answer_error(struct daemon *daemon, int error, const char *text)
{
	if (proto_conn_send_error(&daemon->conn, daemon->request.opcode, daemon->request.cookie, error, text))
		daemon->complaint = "the error could not be sent";
}

static void greet_in(struct daemon *daemon, uint16_t version)
{
	const struct vfiod_hello_rep reply = {
		.version = htole16(version),
		.version_min = htole16(1),
		.version_max = htole16(version),
	};

	if (!take(daemon, VFIOD_HELLO))
		return;
	answer(daemon, &reply, sizeof(reply), 0);
	daemon->conn.version = version;
}

static void greet(struct daemon *daemon)
{
	greet_in(daemon, 1);
}

static void *daemon_main(void *argument)
{
	struct daemon *daemon = argument;

	daemon->conn.fd = accept4(daemon->listener, NULL, NULL, SOCK_CLOEXEC);
	if (daemon->conn.fd < 0)
		daemon->complaint = "nobody connected";
	else
		daemon->script(daemon);
	return NULL;
}

static void daemon_start_at(struct daemon *daemon, bool admin, void (*script)(struct daemon *daemon), int argument)
{
	*daemon = (struct daemon){ .script = script, .script_argument = argument };
	for (int i = 0; i < 3; i++)
		daemon->spare[i] = eventfd(0, EFD_CLOEXEC);
	daemon->listener = listen_at(admin);
	ck_assert_int_eq(pthread_create(&daemon->thread, NULL, daemon_main, daemon), 0);
}

static void daemon_start(struct daemon *daemon, void (*script)(struct daemon *daemon), int argument)
{
	daemon_start_at(daemon, false, script, argument);
}

/* Waits until the script is through; the connection stays. */
static void daemon_join(struct daemon *daemon)
{
	ck_assert_int_eq(pthread_join(daemon->thread, NULL), 0);
	ck_assert_msg(!daemon->complaint, "the daemon complains: %s", daemon->complaint);
}

static void daemon_close(struct daemon *daemon)
{
	close(daemon->conn.fd);
	close(daemon->listener);
	for (int i = 0; i < 3; i++)
		close(daemon->spare[i]);
}

/* ---- the client ---- */

static struct vfiodma_session *open_session(bool admin)
{
	const struct vfiodma_options options = { .runtime_dir = runtime_dir, .admin = admin };
	struct vfiodma_session *session;
	int err = vfiodma_session_open(&options, &session);

	ck_assert_msg(!err, "%s", vfiodma_session_error(session));
	return session;
}

static struct vfiodma_session *fail_to_open(int expected)
{
	const struct vfiodma_options options = { .runtime_dir = runtime_dir };
	struct vfiodma_session *session;

	ck_assert_int_eq(vfiodma_session_open(&options, &session), expected);
	ck_assert_ptr_nonnull(session);
	return session;
}

static void assert_says(const struct vfiodma_session *session, const char *part)
{
	ck_assert_msg(strstr(vfiodma_session_error(session), part), "\"%s\" is not in \"%s\"", part,
		      vfiodma_session_error(session));
}

/* After it the session refuses everything. */
static void assert_ended(struct vfiodma_session *session)
{
	struct vfiodma_info info;

	ck_assert_int_eq(vfiodma_show(session, "01:00.0", &info), -ENOTCONN);
	assert_says(session, "open a new session");
}

static unsigned int count_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned int count = 0;

	ck_assert_ptr_nonnull(dir);
	while (readdir(dir))
		count++;
	closedir(dir);
	return count;
}

/* ---- HELLO ---- */

START_TEST(opening_agrees_on_the_version)
{
	struct daemon daemon;
	struct vfiodma_session *session;
	const struct vfiod_hello_req *request = proto_msg_body(&daemon.request);

	daemon_start(&daemon, greet, 0);
	session = open_session(false);
	daemon_join(&daemon);
	ck_assert_uint_eq(le16toh(request->version_min), VFIOD_VERSION_MIN);
	ck_assert_uint_eq(le16toh(request->version_max), VFIOD_VERSION_MAX);
	ck_assert_str_eq(vfiodma_session_error(session), "");
	ck_assert_int_eq(fcntl(vfiodma_session_fd(session), F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	vfiodma_session_close(session);
	daemon_close(&daemon);
}
END_TEST

START_TEST(the_environment_names_the_run_time_directory)
{
	struct daemon daemon;
	struct vfiodma_session *session;

	daemon_start(&daemon, greet, 0);
	setenv("VFIOD_RUNTIME_DIR", runtime_dir, 1);
	ck_assert_int_eq(vfiodma_session_open(NULL, &session), 0);
	daemon_join(&daemon);
	vfiodma_session_close(session);
	daemon_close(&daemon);
}
END_TEST

START_TEST(without_a_daemon_the_error_says_how_to_start_one)
{
	struct sockaddr_un where;
	struct vfiodma_session *session;

	socket_path(false, &where);
	unlink(where.sun_path);
	session = fail_to_open(-ENOENT);
	assert_says(session, "vfiod is not running (no ");
	assert_says(session, where.sun_path);
	assert_says(session, "systemctl start vfiod");
	assert_ended(session);
	vfiodma_session_close(session);
}
END_TEST

START_TEST(a_socket_that_a_dead_daemon_left_is_no_daemon)
{
	struct vfiodma_session *session;

	close(listen_at(false));
	session = fail_to_open(-ECONNREFUSED);
	assert_says(session, "vfiod is not running (nobody listens on ");
	vfiodma_session_close(session);
}
END_TEST

START_TEST(the_administrators_socket_is_not_for_everybody)
{
	const struct vfiodma_options options = { .runtime_dir = runtime_dir, .admin = true };
	struct vfiodma_session *session;
	struct sockaddr_un where;
	int listener = listen_at(true);
	bool root = !geteuid();

	socket_path(true, &where);
	ck_assert_int_eq(chmod(where.sun_path, 0), 0);
	if (root)
		ck_assert_int_eq(seteuid(65534), 0); /* root may connect to everything */
	ck_assert_int_eq(vfiodma_session_open(&options, &session), -EACCES);
	assert_says(session, "admin.sock is the administrator's: run this as root");
	vfiodma_session_close(session);
	close(listener);
	if (root)
		ck_assert_int_eq(seteuid(0), 0);
	prctl(PR_SET_DUMPABLE, 1); /* the change of user has cleared it, and the leak checker needs it */
}
END_TEST

START_TEST(a_run_time_directory_that_is_too_long_is_refused)
{
	char path[200];
	const struct vfiodma_options options = { .runtime_dir = path };
	struct vfiodma_session *session;

	memset(path, 'x', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	ck_assert_int_eq(vfiodma_session_open(&options, &session), -ENAMETOOLONG);
	assert_says(session, "too long");
	vfiodma_session_close(session);
}
END_TEST

static void refuse_the_version(struct daemon *daemon)
{
	if (take(daemon, VFIOD_HELLO))
		answer_error(daemon, -EPROTONOSUPPORT, "this vfiod speaks 7 to 9");
}

START_TEST(a_refused_version_is_named_with_what_vfiod_says)
{
	struct daemon daemon;
	struct vfiodma_session *session;

	daemon_start(&daemon, refuse_the_version, 0);
	session = fail_to_open(-EPROTONOSUPPORT);
	daemon_join(&daemon);
	assert_says(session, "versions 1 to 3");
	assert_says(session, "this vfiod speaks 7 to 9");
	assert_ended(session);
	vfiodma_session_close(session);
	daemon_close(&daemon);
}
END_TEST

/* As vfiod does it with whom it has no room for: the answer is there whether HELLO has come or not. */
static void turn_away_for_want_of_room(struct daemon *daemon)
{
	const char *why;
	int err;

	shutdown(daemon->conn.fd, SHUT_RD);
	err = proto_conn_recv(&daemon->conn, &daemon->request, 0, &why);
	if (proto_conn_send_error(&daemon->conn, VFIOD_HELLO, err ? 0 : daemon->request.cookie, -EAGAIN, "too many"))
		daemon->complaint = "the error could not be sent";
}

START_TEST(who_is_turned_away_is_told_why)
{
	struct daemon daemon;
	struct vfiodma_session *session;

	daemon_start(&daemon, turn_away_for_want_of_room, 0);
	session = fail_to_open(-EAGAIN);
	daemon_join(&daemon);
	ck_assert_str_eq(vfiodma_session_error(session), "too many");
	assert_ended(session);
	vfiodma_session_close(session);
	daemon_close(&daemon);
}
END_TEST

static void choose_version_9(struct daemon *daemon)
{
	const struct vfiod_hello_rep reply = { .version = htole16(9) };

	if (take(daemon, VFIOD_HELLO))
		answer(daemon, &reply, sizeof(reply), 0);
}

START_TEST(a_version_that_was_not_offered_is_refused)
{
	struct daemon daemon;
	struct vfiodma_session *session;

	daemon_start(&daemon, choose_version_9, 0);
	session = fail_to_open(-EPROTONOSUPPORT);
	daemon_join(&daemon);
	assert_says(session, "version 9");
	assert_says(session, "1 to 3");
	assert_ended(session);
	vfiodma_session_close(session);
	daemon_close(&daemon);
}
END_TEST

static void turn_away(struct daemon *daemon)
{
	if (take(daemon, VFIOD_HELLO))
		answer_error(daemon, -EUSERS, "too many connections of one user");
}

START_TEST(a_client_that_is_turned_away_is_told_why)
{
	struct daemon daemon;
	struct vfiodma_session *session;

	daemon_start(&daemon, turn_away, 0);
	session = fail_to_open(-EUSERS);
	daemon_join(&daemon);
	ck_assert_str_eq(vfiodma_session_error(session), "too many connections of one user");
	assert_ended(session);
	vfiodma_session_close(session);
	daemon_close(&daemon);
}
END_TEST

/* ---- replies ---- */

struct heard {
	int error;
	char text[600];
};

static void hear(void *data, int error, const char *text)
{
	struct heard *heard = data;

	heard->error = error;
	snprintf(heard->text, sizeof(heard->text), "%s", text);
}

static void refuse_twice(struct daemon *daemon)
{
	greet(daemon);
	if (take(daemon, VFIOD_ACQUIRE))
		answer_error(daemon, -EBUSY, "01:00.0 is alice's until 12:00");
	if (take(daemon, VFIOD_ACQUIRE))
		answer_error(daemon, -EACCES, "");
}

START_TEST(an_error_of_vfiod_reaches_the_caller_in_its_own_words)
{
	struct heard heard = { 0 };
	const struct vfiodma_options options = { .runtime_dir = runtime_dir, .log = hear, .log_data = &heard };
	struct vfiodma_lease *lease = NULL;
	struct vfiodma_session *session;
	struct daemon daemon;

	daemon_start(&daemon, refuse_twice, 0);
	ck_assert_int_eq(vfiodma_session_open(&options, &session), 0);
	ck_assert_int_eq(vfiodma_lease_acquire(session, "01:00.0", 0, &lease), -EBUSY);
	ck_assert_str_eq(vfiodma_session_error(session), "01:00.0 is alice's until 12:00");
	ck_assert_int_eq(heard.error, -EBUSY);
	ck_assert_str_eq(heard.text, "01:00.0 is alice's until 12:00");
	/* the session goes on; an error without words gets those of its number */
	ck_assert_int_eq(vfiodma_lease_acquire(session, "01:00.0", 0, &lease), -EACCES);
	ck_assert_str_eq(vfiodma_session_error(session), strerror(EACCES));
	ck_assert_ptr_null(lease);
	daemon_join(&daemon);
	vfiodma_session_close(session);
	daemon_close(&daemon);
}
END_TEST

/* A packet that is the reply to a LIST but for one thing. */
struct packet {
	struct vfiod_hdr hdr;
	__le32 count, zero; /* struct vfiod_list_rep */
	struct vfiod_device devices[2];
	char more[8];
	size_t length;
};

static void too_short(struct packet *packet)
{
	packet->length -= 8;
	packet->hdr.length = htole32((uint32_t)packet->length);
}

static void too_long(struct packet *packet)
{
	packet->length += 8;
	packet->hdr.length = htole32((uint32_t)packet->length);
}

static void cut_off(struct packet *packet)
{
	packet->length -= 8;
}

static void without_a_header(struct packet *packet)
{
	packet->length = 23;
}

static void of_another_cookie(struct packet *packet)
{
	packet->hdr.cookie ^= htole64(1);
}

static void of_another_operation(struct packet *packet)
{
	packet->hdr.opcode = htole16(VFIOD_ACQUIRE);
}

static void of_no_operation(struct packet *packet)
{
	packet->hdr.opcode = htole16(77);
}

static void of_another_version(struct packet *packet)
{
	packet->hdr.version = htole16(2);
}

static void without_magic(struct packet *packet)
{
	packet->hdr.magic = 0;
}

static void a_request(struct packet *packet)
{
	packet->hdr.flags = 0;
}

static void an_error_of_another_size(struct packet *packet)
{
	packet->hdr.flags |= htole32(VFIOD_ERROR);
}

static void make_error(struct packet *packet, uint32_t code)
{
	struct vfiod_error *error = (struct vfiod_error *)&packet->count;

	static_assert(sizeof(*error) <= sizeof(struct vfiod_list_rep) + sizeof(packet->devices), "an error has room");
	memset(error, 0, sizeof(*error));
	error->code = htole32(code);
	packet->hdr.flags |= htole32(VFIOD_ERROR);
	packet->length = sizeof(packet->hdr) + sizeof(*error);
	packet->hdr.length = htole32((uint32_t)packet->length);
}

static void an_error_without_a_code(struct packet *packet)
{
	make_error(packet, 0);
}

static void an_error_that_is_no_errno(struct packet *packet)
{
	make_error(packet, 0xffffffff);
}

static void an_error_whose_text_does_not_end(struct packet *packet)
{
	make_error(packet, EBUSY);
	memset(((struct vfiod_error *)&packet->count)->text, 'x', sizeof(((struct vfiod_error *)0)->text));
}

static void of_fewer_records_than_it_says(struct packet *packet)
{
	packet->count = htole32(3);
}

static void of_very_many_records(struct packet *packet)
{
	packet->count = htole32(0xffffffff);
}

static void out_of_order(struct packet *packet)
{
	packet->devices[1].address = packet->devices[0].address;
}

static void of_an_address_that_does_not_exist(struct packet *packet)
{
	packet->devices[1].address = htole64(1ull << 48);
}

static void of_a_driver_that_does_not_end(struct packet *packet)
{
	memset(packet->devices[1].driver, 'x', VFIOD_NAME_MAX);
}

static void of_a_reason_that_does_not_end(struct packet *packet)
{
	memset(packet->devices[0].reason, 'x', sizeof(packet->devices[0].reason));
}

static void (*const faults[])(struct packet *packet) = {
	too_short,
	too_long,
	cut_off,
	without_a_header,
	of_another_cookie,
	of_another_operation,
	of_no_operation,
	of_another_version,
	without_magic,
	a_request,
	an_error_of_another_size,
	an_error_without_a_code,
	an_error_that_is_no_errno,
	an_error_whose_text_does_not_end,
	of_fewer_records_than_it_says,
	of_very_many_records,
	out_of_order,
	of_an_address_that_does_not_exist,
	of_a_driver_that_does_not_end,
	of_a_reason_that_does_not_end,
};

#define FAULTS (sizeof(faults) / sizeof(faults[0]))

static void list_with_a_fault(struct daemon *daemon)
{
	struct packet packet = {
		.hdr = {
			.magic = htole32(VFIOD_MAGIC),
			.version = htole16(1),
			.opcode = htole16(VFIOD_LIST),
			.flags = htole32(VFIOD_REPLY),
		},
		.count = htole32(2),
		.devices = { { .address = htole64(0x100) }, { .address = htole64(0x101) } },
		.length = sizeof(packet.hdr) + sizeof(struct vfiod_list_rep) + sizeof(packet.devices),
	};

	greet(daemon);
	if (!take(daemon, VFIOD_LIST))
		return;
	packet.hdr.length = htole32((uint32_t)packet.length);
	packet.hdr.cookie = htole64(daemon->request.cookie);
	if (daemon->script_argument >= 0)
		faults[daemon->script_argument](&packet);
	if (send(daemon->conn.fd, &packet, packet.length, MSG_NOSIGNAL) < 0)
		daemon->complaint = "the reply could not be sent";
	if (daemon->script_argument < 0 && take(daemon, VFIOD_LIST))
		answer(daemon, &(struct vfiod_list_rep){ 0 }, sizeof(struct vfiod_list_rep), 0);
}

START_TEST(the_reply_that_the_faults_are_made_of_is_good)
{
	struct vfiodma_info *infos = NULL;
	struct vfiodma_session *session;
	struct daemon daemon;
	size_t count;

	daemon_start(&daemon, list_with_a_fault, -1);
	session = open_session(false);
	ck_assert_int_eq(vfiodma_list(session, &infos, &count), 0);
	ck_assert_uint_eq(count, 2);
	ck_assert_str_eq(infos[1].address, "0000:01:00.1");
	daemon_join(&daemon);
	free(infos);
	vfiodma_session_close(session);
	daemon_close(&daemon);
}
END_TEST

START_TEST(a_reply_with_a_fault_ends_the_session)
{
	struct vfiodma_info *infos = NULL;
	struct vfiodma_session *session;
	struct daemon daemon;
	size_t count = 4711;

	daemon_start(&daemon, list_with_a_fault, _i);
	session = open_session(false);
	ck_assert_int_eq(vfiodma_list(session, &infos, &count), -EBADMSG);
	ck_assert_ptr_null(infos);
	ck_assert_uint_eq(count, 4711);
	assert_says(session, "cannot be used (");
	assert_ended(session);
	daemon_join(&daemon);
	vfiodma_session_close(session);
	daemon_close(&daemon);
}
END_TEST

static void list_with_descriptors(struct daemon *daemon)
{
	greet(daemon);
	if (take(daemon, VFIOD_LIST))
		answer(daemon, &(struct vfiod_list_rep){ 0 }, sizeof(struct vfiod_list_rep),
		       (unsigned int)daemon->script_argument);
}

START_TEST(descriptors_that_nobody_asked_for_are_closed)
{
	struct vfiodma_info *infos = NULL;
	struct vfiodma_session *session;
	struct daemon daemon;
	unsigned int before;
	size_t count;

	daemon_start(&daemon, list_with_descriptors, _i);
	session = open_session(false);
	before = count_descriptors();
	ck_assert_int_eq(vfiodma_list(session, &infos, &count), -EBADMSG);
	assert_says(session, "file descriptors that nobody asked for");
	assert_ended(session);
	daemon_join(&daemon);
	ck_assert_uint_eq(count_descriptors(), before);
	vfiodma_session_close(session);
	daemon_close(&daemon);
}
END_TEST

static void hang_up_on_a_request(struct daemon *daemon)
{
	greet(daemon);
	if (take(daemon, VFIOD_LIST))
		shutdown(daemon->conn.fd, SHUT_RDWR);
}

START_TEST(a_daemon_that_dies_in_the_middle_of_a_request_is_noticed)
{
	struct vfiodma_info info;
	struct vfiodma_session *session;
	struct daemon daemon;

	daemon_start(&daemon, hang_up_on_a_request, 0);
	session = open_session(false);
	ck_assert_int_eq(vfiodma_show(session, "01:00.0", &info), -ECONNRESET);
	assert_says(session, "vfiod closed the connection");
	assert_ended(session);
	daemon_join(&daemon);
	vfiodma_session_close(session);
	daemon_close(&daemon);
}
END_TEST

START_TEST(a_daemon_that_died_between_two_requests_is_noticed_without_a_signal)
{
	struct pollfd gone;
	struct vfiodma_info info;
	struct vfiodma_session *session;
	struct daemon daemon;

	daemon_start(&daemon, greet, 0);
	session = open_session(false);
	daemon_join(&daemon);
	daemon_close(&daemon);
	gone = (struct pollfd){ .fd = vfiodma_session_fd(session), .events = POLLIN };
	ck_assert_int_eq(poll(&gone, 1, -1), 1);
	ck_assert_int_eq(vfiodma_show(session, "01:00.0", &info), -ECONNRESET);
	assert_says(session, "vfiod closed the connection");
	assert_ended(session);
	vfiodma_session_close(session);
}
END_TEST

/* ---- list and show ---- */

#define MANY 30 /* functions: some pages */

static void list_many(struct daemon *daemon)
{
	struct {
		__le32 count, zero; /* struct vfiod_list_rep */
		struct vfiod_device devices[VFIOD_LIST_MAX];
	} page;
	const struct vfiod_list_req *request = proto_msg_body(&daemon->request);

	greet(daemon);
	for (int i = 0; i < daemon->script_argument && take(daemon, VFIOD_LIST); i++) {
		uint32_t count = 0;

		memset(&page, 0, sizeof(page));
		for (uint64_t address = le64toh(request->start); address < MANY && count < le32toh(request->max);
		     address++)
			page.devices[count++] = (struct vfiod_device){
				.address = htole64(address),
				.vendor = htole16(0x1234),
				.class_code = htole32(0xff0000),
				.group = htole32((uint32_t)address),
				.state = htole32(address % 2 ? VFIOD_FREE : VFIOD_UNMANAGED),
				.owner_uid = htole32(VFIOD_NONE),
				.flags = htole32(address % 2 ? VFIOD_DEVICE_WARM | VFIOD_DEVICE_STRICT
							     : VFIOD_DEVICE_REVOCABLE),
				.driver = "vfio-pci",
				.reset = "flr bus",
			};
		page.count = htole32(count);
		answer(daemon, &page, sizeof(struct vfiod_list_rep) + count * sizeof(page.devices[0]), 0);
	}
}

START_TEST(a_list_of_several_pages_comes_whole_and_in_order)
{
	struct vfiodma_info *infos = NULL;
	struct vfiodma_session *session;
	struct daemon daemon;
	size_t count = 0;

	daemon_start(&daemon, list_many, (MANY + VFIOD_LIST_MAX - 1) / VFIOD_LIST_MAX + 1);
	session = open_session(false);
	ck_assert_int_eq(vfiodma_list(session, &infos, &count), 0);
	daemon_join(&daemon);
	ck_assert_uint_eq(count, MANY);
	for (unsigned int i = 0; i < MANY; i++)
		ck_assert_uint_eq(infos[i].group, i);
	ck_assert_str_eq(infos[9].address, "0000:00:01.1");
	ck_assert_uint_eq(infos[9].size, sizeof(infos[9]));
	ck_assert_uint_eq(infos[9].vendor, 0x1234);
	ck_assert_uint_eq(infos[9].class_code, 0xff0000);
	ck_assert_uint_eq(infos[9].owner_uid, VFIODMA_NONE);
	ck_assert_str_eq(infos[9].driver, "vfio-pci");
	ck_assert_str_eq(infos[9].original_driver, "");
	ck_assert_str_eq(infos[9].reset, "flr bus");
	ck_assert_uint_eq(infos[8].flags, VFIODMA_INFO_REVOCABLE);
	ck_assert_uint_eq(infos[9].flags, VFIODMA_INFO_WARM | VFIODMA_INFO_STRICT);
	ck_assert_str_eq(vfiodma_state_name(infos[9].state), "free");
	ck_assert_str_eq(vfiodma_state_name(99), "unknown");
	free(infos);
	vfiodma_session_close(session);
	daemon_close(&daemon);
}
END_TEST

START_TEST(one_function_is_shown_and_a_missing_one_is_not)
{
	struct vfiodma_info info = { .group = 4711 };
	struct vfiodma_session *session;
	struct daemon daemon;

	daemon_start(&daemon, list_many, 2);
	session = open_session(false);
	ck_assert_int_eq(vfiodma_show(session, "00:00.7", &info), 0);
	ck_assert_str_eq(info.address, "0000:00:00.7");
	info.group = 4711;
	ck_assert_int_eq(vfiodma_show(session, "01:00.0", &info), -ENODEV);
	assert_says(session, "there is no PCI function 01:00.0");
	ck_assert_uint_eq(info.group, 4711);
	daemon_join(&daemon);
	vfiodma_session_close(session);
	daemon_close(&daemon);
}
END_TEST

START_TEST(what_is_not_an_address_is_refused_without_asking)
{
	struct vfiodma_lease *lease = NULL;
	struct vfiodma_info info;
	struct vfiodma_session *session;
	struct daemon daemon;

	daemon_start(&daemon, greet, 0);
	session = open_session(false);
	daemon_join(&daemon);
	ck_assert_int_eq(vfiodma_show(session, "eth0", &info), -EINVAL);
	assert_says(session, "\"eth0\" is not the address of a PCI function");
	ck_assert_int_eq(vfiodma_show(session, NULL, &info), -EINVAL);
	ck_assert_int_eq(vfiodma_lease_acquire(session, "01:00.8", 0, &lease), -EINVAL);
	ck_assert_int_eq(vfiodma_lease_acquire(session, "01:00.0", 0x80, &lease), -EINVAL);
	vfiodma_session_close(session);
	daemon_close(&daemon);
}
END_TEST

/* ---- assign and unassign ---- */

static void obey_the_administrator(struct daemon *daemon)
{
	const struct vfiod_assign_rep assigned = { .driver = "vfio-pci", .original_driver = "nvme" };
	const struct vfiod_unassign_rep unassigned = { .driver = "nvme" };
	const struct vfiod_assign_req *request = proto_msg_body(&daemon->request);
	struct vfiod_unassign_rep endless;

	memset(&endless, 'x', sizeof(endless));
	daemon->conn.version = VFIOD_VERSION_NONE;
	greet(daemon);
	if (take(daemon, VFIOD_ASSIGN)) {
		if (le64toh(request->address) != 0x200 || le32toh(request->uid) != 1000 ||
		    le32toh(request->gid) != VFIOD_NONE)
			daemon->complaint = "another assignment was expected";
		answer(daemon, &assigned, sizeof(assigned), 0);
	}
	if (take(daemon, VFIOD_UNASSIGN))
		answer(daemon, &unassigned, sizeof(unassigned), 0);
	if (take(daemon, VFIOD_UNASSIGN))
		answer(daemon, &endless, sizeof(endless), 0);
}

START_TEST(an_administrator_hears_which_drivers_were_bound)
{
	char driver[32] = "untouched";
	struct vfiodma_session *session;
	struct daemon daemon;

	daemon_start_at(&daemon, true, obey_the_administrator, 0);
	session = open_session(true);
	ck_assert_int_eq(vfiodma_assign(session, "02:00.0", 1000, 100, driver), -EINVAL);
	ck_assert_int_eq(vfiodma_assign(session, "02:00.0", VFIODMA_NONE, VFIODMA_NONE, driver), -EINVAL);
	assert_says(session, "either to a user or to a group");
	ck_assert_str_eq(driver, "untouched");
	ck_assert_int_eq(vfiodma_assign(session, "02:00.0", 1000, VFIODMA_NONE, driver), 0);
	ck_assert_str_eq(driver, "nvme");
	ck_assert_int_eq(vfiodma_unassign(session, "02:00.0", NULL), 0);
	ck_assert_int_eq(vfiodma_unassign(session, "02:00.0", driver), -EBADMSG);
	ck_assert_str_eq(driver, "nvme");
	daemon_join(&daemon);
	vfiodma_session_close(session);
	daemon_close(&daemon);
}
END_TEST

static void revoke_for_the_administrator(struct daemon *daemon)
{
	const struct vfiod_revoke_rep revoked = { .lease = htole64(77), .killed = htole32(2) };
	const struct vfiod_revoke_req *request = proto_msg_body(&daemon->request);

	greet(daemon);
	for (uint32_t i = 0; i < 2 && take(daemon, VFIOD_REVOKE); i++) {
		if (le64toh(request->address) != 0x200 || le32toh(request->grace_ms) != i * 1500)
			daemon->complaint = "another revocation was expected";
		answer(daemon, &revoked, sizeof(revoked), 0);
	}
	if (take(daemon, VFIOD_REVOKE))
		answer_error(daemon, -EOPNOTSUPP, "the module vfiod_handle is not loaded");
}

START_TEST(an_administrator_hears_which_lease_was_revoked_and_who_was_killed)
{
	struct vfiodma_session *session;
	struct daemon daemon;
	uint64_t lease = 0;
	unsigned int killed = 0;

	daemon_start_at(&daemon, true, revoke_for_the_administrator, 0);
	session = open_session(true);
	ck_assert_int_eq(vfiodma_revoke(session, "eth0", 0, &lease, &killed), -EINVAL);
	ck_assert_int_eq(vfiodma_revoke(session, "02:00.0", 0, NULL, NULL), 0);
	ck_assert_int_eq(vfiodma_revoke(session, "02:00.0", 1500, &lease, &killed), 0);
	ck_assert_uint_eq(lease, 77);
	ck_assert_uint_eq(killed, 2);
	lease = killed = 3;
	ck_assert_int_eq(vfiodma_revoke(session, "02:00.0", 0, &lease, &killed), -EOPNOTSUPP);
	assert_says(session, "vfiod_handle");
	ck_assert_uint_eq(lease, 3);
	ck_assert_uint_eq(killed, 3);
	daemon_join(&daemon);
	vfiodma_session_close(session);
	daemon_close(&daemon);
}
END_TEST

static void reload_for_the_administrator(struct daemon *daemon)
{
	const struct vfiod_reload_rep reply = { .rules = htole32(7) };

	greet_in(daemon, 3);
	if (take(daemon, VFIOD_RELOAD))
		answer(daemon, &reply, sizeof(reply), 0);
	if (take(daemon, VFIOD_RELOAD))
		answer_error(daemon, -EINVAL, "vfiod.conf:3: no such option");
}

START_TEST(an_administrator_hears_how_many_rules_there_are_or_what_is_wrong_with_them)
{
	struct vfiodma_session *session;
	struct daemon daemon;
	unsigned int rules = 0;

	daemon_start_at(&daemon, true, reload_for_the_administrator, 0);
	session = open_session(true);
	ck_assert_int_eq(vfiodma_reload(session, &rules), 0);
	ck_assert_uint_eq(rules, 7);
	rules = 1;
	ck_assert_int_eq(vfiodma_reload(session, &rules), -EINVAL);
	ck_assert_uint_eq(rules, 1);
	assert_says(session, "vfiod.conf:3:");
	daemon_join(&daemon);
	vfiodma_session_close(session);
	daemon_close(&daemon);
}
END_TEST

static void clear_for_the_administrator(struct daemon *daemon)
{
	const struct vfiod_clear_rep cleared = { .address = htole64(0x200) };
	const struct vfiod_clear_req *request = proto_msg_body(&daemon->request);

	greet_in(daemon, 3);
	if (take(daemon, VFIOD_CLEAR)) {
		if (le64toh(request->address) != 0x200)
			daemon->complaint = "another function was expected";
		answer(daemon, &cleared, sizeof(cleared), 0);
	}
	if (take(daemon, VFIOD_CLEAR))
		answer_error(daemon, -EIO, "it does not answer after the reset");
}

START_TEST(an_administrator_hears_whether_a_quarantine_is_over)
{
	struct vfiodma_session *session;
	struct daemon daemon;

	daemon_start_at(&daemon, true, clear_for_the_administrator, 0);
	session = open_session(true);
	ck_assert_int_eq(vfiodma_clear(session, "eth0"), -EINVAL);
	ck_assert_int_eq(vfiodma_clear(session, "02:00.0"), 0);
	ck_assert_int_eq(vfiodma_clear(session, "02:00.0"), -EIO);
	assert_says(session, "does not answer");
	daemon_join(&daemon);
	vfiodma_session_close(session);
	daemon_close(&daemon);
}
END_TEST

/* ---- leases ---- */

/* How to answer an ACQUIRE: the mode of the reply and its descriptors. */
static const struct grant {
	uint32_t mode;
	unsigned int fd_count;
	unsigned int flags; /* what the client asks for */
} bad_grants[] = {
	{ VFIOD_MODE_CONTAINER, 0, 0 },
	{ VFIOD_MODE_CONTAINER, 1, 0 },
	{ VFIOD_MODE_GROUP, 1, 0 },
	{ VFIOD_MODE_GROUP, 2, 0 },
	{ VFIOD_MODE_IOMMUFD, 2, 0 },
	{ VFIOD_MODE_IOMMUFD + 1, 2, 0 },
	{ VFIOD_MODE_GROUP, 0, VFIODMA_LEASE_GROUP },
	{ VFIOD_MODE_GROUP, 2, VFIODMA_LEASE_GROUP },
	{ VFIOD_MODE_CONTAINER, 1, VFIODMA_LEASE_GROUP },
	{ VFIOD_MODE_CONTAINER, 2, VFIODMA_LEASE_IOMMUFD },
	{ VFIOD_MODE_IOMMUFD, 1, VFIODMA_LEASE_IOMMUFD },
};

#define BAD_GRANTS (sizeof(bad_grants) / sizeof(bad_grants[0]))

static void grant(struct daemon *daemon, uint32_t mode, unsigned int fd_count)
{
	const struct vfiod_acquire_rep reply = { .lease = htole64(77), .mode = htole32(mode), .reset = "bus" };

	if (take(daemon, VFIOD_ACQUIRE))
		answer(daemon, &reply, sizeof(reply), fd_count);
}

static void grant_badly(struct daemon *daemon)
{
	greet(daemon);
	grant(daemon, bad_grants[daemon->script_argument].mode, bad_grants[daemon->script_argument].fd_count);
}

START_TEST(a_lease_with_other_descriptors_than_its_own_is_refused_and_they_are_closed)
{
	struct vfiodma_lease *lease = NULL;
	struct vfiodma_session *session;
	struct daemon daemon;
	unsigned int before;

	daemon_start(&daemon, grant_badly, _i);
	session = open_session(false);
	before = count_descriptors();
	ck_assert_int_eq(vfiodma_lease_acquire(session, "01:00.0", bad_grants[_i].flags, &lease), -EBADMSG);
	ck_assert_ptr_null(lease);
	assert_ended(session);
	daemon_join(&daemon);
	ck_assert_uint_eq(count_descriptors(), before);
	vfiodma_session_close(session);
	daemon_close(&daemon);
}
END_TEST

/* Whether two descriptors are of one file: eventfds of this process differ in the id that the kernel shows. */
static bool same_eventfd(int left, int right)
{
	char paths[2][64], texts[2][256] = { "", "" };
	const int fds[] = { left, right };

	for (int i = 0; i < 2; i++) {
		snprintf(paths[i], sizeof(paths[i]), "/proc/self/fdinfo/%d", fds[i]);
		FILE *file = fopen(paths[i], "r");
		ck_assert_ptr_nonnull(file);
		while (fgets(texts[i], sizeof(texts[i]), file) && strncmp(texts[i], "eventfd-id:", 11) != 0)
			;
		fclose(file);
		ck_assert_msg(!strncmp(texts[i], "eventfd-id:", 11), "the kernel does not tell an eventfd's id");
	}
	return !strcmp(texts[0], texts[1]);
}

static void take_release(struct daemon *daemon, int error)
{
	const struct vfiod_release_req *request = proto_msg_body(&daemon->request);
	struct vfiod_release_rep reply;

	if (!take(daemon, VFIOD_RELEASE))
		return;
	daemon->released = le64toh(request->lease);
	reply.lease = request->lease;
	if (error)
		answer_error(daemon, error, "a child process still has it open");
	else
		answer(daemon, &reply, sizeof(reply), 0);
}

static void lease_out(struct daemon *daemon)
{
	greet(daemon);
	grant(daemon, VFIOD_MODE_CONTAINER, 2);
	take_release(daemon, daemon->script_argument);
}

START_TEST(a_lease_has_a_device_and_a_container_until_it_is_released)
{
	struct vfiodma_lease *lease = NULL;
	struct vfiodma_session *session;
	struct daemon daemon;
	unsigned int before;

	daemon_start(&daemon, lease_out, 0);
	session = open_session(false);
	before = count_descriptors();
	ck_assert_int_eq(vfiodma_lease_acquire(session, "01:00.0", 0, &lease), 0);
	ck_assert_uint_eq(vfiodma_lease_id(lease), 77);
	ck_assert(same_eventfd(vfiodma_lease_device_fd(lease), daemon.spare[0]));
	ck_assert(same_eventfd(vfiodma_lease_container_fd(lease), daemon.spare[1]));
	ck_assert_int_eq(vfiodma_lease_group_fd(lease), -1);
	ck_assert_int_eq(fcntl(vfiodma_lease_device_fd(lease), F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	ck_assert_int_eq(fcntl(vfiodma_lease_container_fd(lease), F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	ck_assert_int_eq(vfiodma_lease_release(lease), 0);
	daemon_join(&daemon);
	ck_assert_uint_eq(daemon.released, 77);
	ck_assert_uint_eq(count_descriptors(), before);
	vfiodma_session_close(session);
	daemon_close(&daemon);
}
END_TEST

START_TEST(a_release_that_vfiod_cannot_grant_says_why_and_frees_the_lease_all_the_same)
{
	struct vfiodma_lease *lease = NULL;
	struct vfiodma_session *session;
	struct daemon daemon;
	unsigned int before;

	daemon_start(&daemon, lease_out, -EBUSY);
	session = open_session(false);
	before = count_descriptors();
	ck_assert_int_eq(vfiodma_lease_acquire(session, "01:00.0", 0, &lease), 0);
	ck_assert_int_eq(vfiodma_lease_release(lease), -EBUSY);
	ck_assert_str_eq(vfiodma_session_error(session), "a child process still has it open");
	daemon_join(&daemon);
	ck_assert_uint_eq(count_descriptors(), before);
	vfiodma_session_close(session);
	daemon_close(&daemon);
}
END_TEST

/* ---- pools ---- */

static void grant_of_pool(struct daemon *daemon, uint64_t address, uint32_t mode, unsigned int fd_count)
{
	const struct vfiod_acquire_pool_rep reply = {
		.lease = htole64(77), .address = htole64(address), .mode = htole32(mode), .reset = "bus"
	};

	if (take(daemon, VFIOD_ACQUIRE_POOL))
		answer(daemon, &reply, sizeof(reply), fd_count);
}

static void lease_out_of_a_pool(struct daemon *daemon)
{
	const struct vfiod_acquire_pool_req *request = proto_msg_body(&daemon->request);

	greet_in(daemon, 3);
	grant_of_pool(daemon, 0x100, VFIOD_MODE_CONTAINER, 2);
	if (strcmp(request->pool, "fast") != 0 ||
	    le32toh(request->numa_node) != (daemon->script_argument ? 1 : VFIOD_NONE))
		daemon->complaint = "another pool or node was expected";
	take_release(daemon, 0);
}

START_TEST(a_lease_of_a_pool_tells_which_function_it_is_of)
{
	struct vfiodma_lease *lease = NULL;
	struct vfiodma_session *session;
	struct daemon daemon;
	int err;

	daemon_start(&daemon, lease_out_of_a_pool, _i);
	session = open_session(false);
	if (_i)
		err = vfiodma_lease_acquire_pool(session, "fast", 1, 0, &lease);
	else
		err = vfiodma_lease_acquire(session, "pool:fast", 0, &lease);
	ck_assert_msg(!err, "%s", vfiodma_session_error(session));
	ck_assert_str_eq(vfiodma_lease_address(lease), "0000:01:00.0");
	ck_assert_uint_eq(vfiodma_lease_id(lease), 77);
	ck_assert(same_eventfd(vfiodma_lease_device_fd(lease), daemon.spare[0]));
	ck_assert_int_eq(vfiodma_lease_release(lease), 0);
	daemon_join(&daemon);
	vfiodma_session_close(session);
	daemon_close(&daemon);
}
END_TEST

static void lease_badly_out_of_a_pool(struct daemon *daemon)
{
	greet_in(daemon, 3);
	if (daemon->script_argument == 0)
		grant_of_pool(daemon, 1ull << 48, VFIOD_MODE_CONTAINER, 2);
	else
		grant_of_pool(daemon, 0x100, VFIOD_MODE_CONTAINER, daemon->script_argument - 1u);
}

START_TEST(a_lease_of_a_pool_that_makes_no_sense_is_refused_and_its_descriptors_are_closed)
{
	struct vfiodma_lease *lease = NULL;
	struct vfiodma_session *session;
	struct daemon daemon;
	unsigned int before;

	daemon_start(&daemon, lease_badly_out_of_a_pool, _i);
	session = open_session(false);
	before = count_descriptors();
	ck_assert_int_eq(vfiodma_lease_acquire_pool(session, "fast", VFIODMA_NONE, 0, &lease), -EBADMSG);
	ck_assert_ptr_null(lease);
	daemon_join(&daemon);
	ck_assert_uint_eq(count_descriptors(), before);
	vfiodma_session_close(session);
	daemon_close(&daemon);
}
END_TEST

START_TEST(an_older_vfiod_is_not_asked_for_pools)
{
	static const char *const names[] = { NULL, "", "a-name-of-32-characters-or-bytes" };
	struct vfiodma_lease *lease = NULL;
	struct vfiodma_member *members;
	struct vfiodma_session *session;
	struct vfiodma_why why;
	struct daemon daemon;
	size_t count;

	daemon_start(&daemon, greet, 0);
	session = open_session(false);
	daemon_join(&daemon);
	ck_assert_int_eq(vfiodma_lease_acquire(session, "pool:fast", 0, &lease), -EPROTONOSUPPORT);
	assert_says(session, "upgrade");
	ck_assert_int_eq(vfiodma_members(session, &members, &count), -EPROTONOSUPPORT);
	ck_assert_int_eq(vfiodma_why(session, "01:00.0", 0, VFIODMA_NONE, &why), -EPROTONOSUPPORT);
	ck_assert_int_eq(vfiodma_reload(session, NULL), -EPROTONOSUPPORT);
	for (size_t i = 0; i < 3; i++)
		ck_assert_int_eq(vfiodma_lease_acquire_pool(session, names[i], VFIODMA_NONE, 0, &lease), -EINVAL);
	ck_assert_int_eq(vfiodma_lease_acquire_pool(session, "fast", VFIODMA_NONE, 4, &lease), -EINVAL);
	ck_assert_int_eq(vfiodma_why(session, "fast", 0, VFIODMA_NONE, &why), -EINVAL);
	ck_assert_int_eq(vfiodma_why(session, "pool:fast", 4, VFIODMA_NONE, &why), -EINVAL);
	ck_assert_ptr_null(lease);
	vfiodma_session_close(session);
	daemon_close(&daemon);
}
END_TEST

/* Two pages of members, the first one full, and none. */
static void tell_members(struct daemon *daemon)
{
	unsigned char bytes[VFIOD_MSG_MAX] __attribute__((aligned(8))) = { 0 };
	struct vfiod_members_rep *rep = (struct vfiod_members_rep *)(void *)bytes;
	const struct vfiod_members_req *request = proto_msg_body(&daemon->request);
	static const uint32_t counts[] = { VFIOD_MEMBERS_MAX, 1, 0 };

	greet_in(daemon, 3);
	for (size_t page = 0; page < 3; page++) {
		if (!take(daemon, VFIOD_MEMBERS))
			return;
		rep->count = htole32(counts[page]);
		for (uint32_t i = 0; i < counts[page]; i++) {
			rep->members[i].address = htole64(le64toh(request->start) + i);
			strcpy(rep->members[i].pool, page ? "slow" : "fast");
		}
		if (daemon->script_argument == 1)
			memset(rep->members[0].pool, 'x', sizeof(rep->members[0].pool));
		if (daemon->script_argument == 2)
			rep->members[1].address = rep->members[0].address;
		answer(daemon, rep, sizeof(*rep) + counts[page] * sizeof(rep->members[0]), 0);
		if (daemon->script_argument)
			return;
	}
}

START_TEST(the_members_of_pools_come_whole_and_in_order)
{
	struct vfiodma_member *members;
	struct vfiodma_session *session;
	struct daemon daemon;
	size_t count;

	daemon_start(&daemon, tell_members, 0);
	session = open_session(false);
	ck_assert_int_eq(vfiodma_members(session, &members, &count), 0);
	daemon_join(&daemon);
	ck_assert_uint_eq(count, VFIOD_MEMBERS_MAX + 1);
	ck_assert_str_eq(members[0].address, "0000:00:00.0");
	ck_assert_str_eq(members[0].pool, "fast");
	ck_assert_str_eq(members[8].address, "0000:00:01.0");
	ck_assert_str_eq(members[VFIOD_MEMBERS_MAX].pool, "slow");
	free(members);
	vfiodma_session_close(session);
	daemon_close(&daemon);
}
END_TEST

START_TEST(members_that_make_no_sense_end_the_session)
{
	struct vfiodma_member *members;
	struct vfiodma_session *session;
	struct daemon daemon;
	size_t count;

	daemon_start(&daemon, tell_members, _i);
	session = open_session(false);
	ck_assert_int_eq(vfiodma_members(session, &members, &count), -EBADMSG);
	daemon_join(&daemon);
	assert_ended(session);
	vfiodma_session_close(session);
	daemon_close(&daemon);
}
END_TEST

/* By script_argument: a port that has ACS off, nothing that could be seen, and a function that there cannot be. */
static void tell_isolation(struct daemon *daemon)
{
	static const uint64_t at[] = { 0xe0, VFIOD_NO_ADDRESS, 1ull << 60 };
	const struct vfiod_isolation_req *request = proto_msg_body(&daemon->request);
	struct vfiod_isolation_rep rep = { .at = htole64(at[daemon->script_argument]) };

	greet_in(daemon, 3);
	if (!take(daemon, VFIOD_ISOLATION))
		return;
	if (le64toh(request->address) != 0x100 || le64toh(request->other) != 0x101)
		daemon->complaint = "another question was expected";
	rep.cause = htole32(daemon->script_argument ? VFIOD_ISOLATION_UNKNOWN : VFIOD_ISOLATION_PORT);
	rep.acs = htole32(daemon->script_argument ? 0 : 0x14);
	answer(daemon, &rep, sizeof(rep), 0);
}

START_TEST(why_two_functions_share_a_group_is_told_with_who_does_not_keep_them_apart)
{
	struct vfiodma_isolation isolation;
	struct vfiodma_session *session;
	struct daemon daemon;

	daemon_start(&daemon, tell_isolation, _i);
	session = open_session(false);
	ck_assert_int_eq(vfiodma_isolation(session, "01:00.0", "0000:01:00.1", &isolation), _i == 2 ? -EBADMSG : 0);
	daemon_join(&daemon);
	if (_i == 2)
		assert_ended(session);
	if (_i == 0) {
		ck_assert_uint_eq(isolation.cause, VFIODMA_ISOLATION_PORT);
		ck_assert_str_eq(isolation.at, "0000:00:1c.0");
		ck_assert_uint_eq(isolation.acs, 0x14);
	} else if (_i == 1) {
		ck_assert_uint_eq(isolation.cause, VFIODMA_ISOLATION_UNKNOWN);
		ck_assert_str_eq(isolation.at, "");
	}
	vfiodma_session_close(session);
	daemon_close(&daemon);
}
END_TEST

static void tell_why(struct daemon *daemon)
{
	struct vfiod_why_rep granted = { .address = htole64(0x100) };
	struct vfiod_why_rep refused = { .address = htole64(VFIOD_NO_ADDRESS),
					 .code = htole32(EBUSY),
					 .remedy = htole32(VFIOD_REMEDY_HOLDER | VFIOD_REMEDY_ADMIN),
					 .text = "somebody has it" };
	const struct vfiod_why_req *request = proto_msg_body(&daemon->request);

	greet_in(daemon, 3);
	if (!take(daemon, VFIOD_WHY))
		return;
	if (strcmp(request->pool, "fast") != 0 || request->address || le32toh(request->mode) != VFIOD_MODE_GROUP ||
	    le32toh(request->numa_node) != 1)
		daemon->complaint = "another question was expected";
	answer(daemon, &granted, sizeof(granted), 0);
	if (!take(daemon, VFIOD_WHY))
		return;
	if (request->pool[0] || le64toh(request->address) != 0x100 || le32toh(request->mode) != VFIOD_MODE_CONTAINER)
		daemon->complaint = "another question was expected";
	answer(daemon, &refused, sizeof(refused), 0);
	if (!take(daemon, VFIOD_WHY))
		return;
	refused.code = 0; /* granted, and nothing that is given */
	answer(daemon, &refused, sizeof(refused), 0);
}

START_TEST(what_would_come_of_a_request_is_told_with_who_can_change_it)
{
	struct vfiodma_session *session;
	struct daemon daemon;
	struct vfiodma_why why;

	daemon_start(&daemon, tell_why, 0);
	session = open_session(false);
	ck_assert_int_eq(vfiodma_why(session, "pool:fast", VFIODMA_LEASE_GROUP, 1, &why), 0);
	ck_assert_uint_eq(why.size, sizeof(why));
	ck_assert_int_eq(why.error, 0);
	ck_assert_str_eq(why.address, "0000:01:00.0");
	ck_assert_str_eq(why.text, "");
	ck_assert_int_eq(vfiodma_why(session, "01:00.0", 0, VFIODMA_NONE, &why), 0);
	ck_assert_int_eq(why.error, -EBUSY);
	ck_assert_uint_eq(why.remedy, VFIODMA_BY_HOLDER | VFIODMA_BY_ADMIN);
	ck_assert_str_eq(why.address, "");
	ck_assert_str_eq(why.text, "somebody has it");
	ck_assert_int_eq(vfiodma_why(session, "01:00.0", 0, VFIODMA_NONE, &why), -EBADMSG);
	daemon_join(&daemon);
	vfiodma_session_close(session);
	daemon_close(&daemon);
}
END_TEST

static void lease_out_by_iommufd(struct daemon *daemon)
{
	greet(daemon);
	grant(daemon, VFIOD_MODE_IOMMUFD, 2);
	take_release(daemon, 0);
}

START_TEST(a_lease_by_iommufd_has_the_two_files_and_is_driven_by_its_program)
{
	struct vfiodma_lease *lease = NULL;
	struct vfiodma_device *device = NULL;
	struct vfiodma_domain *domain = NULL;
	struct vfiodma_session *session;
	struct daemon daemon;

	daemon_start(&daemon, lease_out_by_iommufd, 0);
	session = open_session(false);
	ck_assert_int_eq(vfiodma_lease_acquire(session, "01:00.0", VFIODMA_LEASE_IOMMUFD | VFIODMA_LEASE_GROUP, &lease),
			 -EINVAL);
	assert_says(session, "no such flags");
	ck_assert_int_eq(vfiodma_lease_acquire(session, "01:00.0", VFIODMA_LEASE_IOMMUFD, &lease), 0);
	ck_assert(same_eventfd(vfiodma_lease_device_fd(lease), daemon.spare[0]));
	ck_assert(same_eventfd(vfiodma_lease_iommufd(lease), daemon.spare[1]));
	ck_assert_int_eq(vfiodma_lease_group_fd(lease), -1);
	ck_assert_int_eq(vfiodma_lease_container_fd(lease), -1);
	ck_assert_int_eq(vfiodma_device_open(lease, &device), -EOPNOTSUPP);
	assert_says(session, "VFIODMA_LEASE_IOMMUFD");
	ck_assert_int_eq(vfiodma_domain_open(lease, 64, &domain), -EINVAL);
	assert_says(session, "VFIODMA_LEASE_IOMMUFD");
	ck_assert_int_eq(vfiodma_lease_release(lease), 0);
	daemon_join(&daemon);
	vfiodma_session_close(session);
	daemon_close(&daemon);
}
END_TEST

static void lease_out_the_group(struct daemon *daemon)
{
	greet(daemon);
	grant(daemon, VFIOD_MODE_GROUP, 1);
	take_release(daemon, 0);
}

START_TEST(a_lease_of_the_group_has_no_device_and_no_domain)
{
	struct vfiodma_lease *lease = NULL;
	struct vfiodma_device *device = NULL;
	struct vfiodma_domain *domain = NULL;
	struct vfiodma_session *session;
	struct daemon daemon;

	daemon_start(&daemon, lease_out_the_group, 0);
	session = open_session(false);
	ck_assert_int_eq(vfiodma_lease_acquire(session, "01:00.0", VFIODMA_LEASE_GROUP, &lease), 0);
	ck_assert(same_eventfd(vfiodma_lease_group_fd(lease), daemon.spare[0]));
	ck_assert_int_eq(vfiodma_lease_device_fd(lease), -1);
	ck_assert_int_eq(vfiodma_lease_container_fd(lease), -1);
	ck_assert_int_eq(vfiodma_device_open(lease, &device), -EINVAL);
	assert_says(session, "VFIODMA_LEASE_GROUP");
	ck_assert_int_eq(vfiodma_domain_open(lease, 64, &domain), -EINVAL);
	assert_says(session, "VFIODMA_LEASE_GROUP");
	ck_assert_int_eq(vfiodma_lease_release(lease), 0);
	daemon_join(&daemon);
	vfiodma_session_close(session);
	daemon_close(&daemon);
}
END_TEST

static void lease_out_and_wait(struct daemon *daemon)
{
	greet(daemon);
	grant(daemon, VFIOD_MODE_CONTAINER, 2);
}

START_TEST(descriptors_that_are_not_of_vfio_make_no_device_and_no_domain)
{
	struct vfiodma_lease *lease = NULL;
	struct vfiodma_device *device = NULL;
	struct vfiodma_domain *domain = NULL;
	struct vfiodma_session *session;
	struct daemon daemon;

	daemon_start(&daemon, lease_out, 0);
	session = open_session(false);
	ck_assert_int_eq(vfiodma_lease_acquire(session, "01:00.0", 0, &lease), 0);
	ck_assert_int_eq(vfiodma_device_open(lease, &device), -ENOTTY);
	ck_assert_int_eq(vfiodma_domain_open(lease, 64, &domain), -ENOTTY);
	ck_assert_int_eq(vfiodma_domain_open(lease, 0, &domain), -EINVAL);
	ck_assert_int_eq(vfiodma_domain_open(lease, 65, &domain), -EINVAL);
	ck_assert_ptr_null(device);
	ck_assert_ptr_null(domain);
	ck_assert_int_eq(vfiodma_lease_release(lease), 0);
	daemon_join(&daemon);
	vfiodma_session_close(session);
	daemon_close(&daemon);
}
END_TEST

START_TEST(a_lease_outlives_its_session)
{
	struct vfiodma_lease *lease = NULL;
	struct vfiodma_session *session;
	struct daemon daemon;
	unsigned int before;

	daemon_start(&daemon, lease_out_and_wait, 0);
	session = open_session(false);
	before = count_descriptors();
	ck_assert_int_eq(vfiodma_lease_acquire(session, "01:00.0", 0, &lease), 0);
	daemon_join(&daemon);
	vfiodma_session_close(session);
	ck_assert_int_ge(fcntl(vfiodma_lease_device_fd(lease), F_GETFD), 0);
	ck_assert_int_eq(vfiodma_lease_release(lease), -ENOTCONN);
	ck_assert_uint_eq(count_descriptors(), before - 1); /* less that of the session */
	daemon_close(&daemon);
}
END_TEST

START_TEST(nothing_can_be_freed)
{
	vfiodma_session_close(NULL);
	vfiodma_device_close(NULL);
	vfiodma_domain_close(NULL);
	ck_assert_int_eq(vfiodma_lease_release(NULL), 0);
	ck_assert_str_eq(vfiodma_session_error(NULL), "out of memory");
}
END_TEST

/* ---- events ---- */

#define LEASE	 77 /* the number that grant() gives */
#define GRACE_MS 5000

/* An event on its way; tests spoil it. */
struct event_packet {
	struct vfiod_hdr hdr;
	struct vfiod_lease_event body;
	char more[8];
	unsigned int fd_count;
};

static struct event_packet event_packet(uint64_t lease, uint32_t kind, uint32_t grace_ms)
{
	return (struct event_packet){
		.hdr = {
			.magic = htole32(VFIOD_MAGIC),
			.version = htole16(1),
			.opcode = htole16(VFIOD_LEASE_EVENT),
			.length = htole32(sizeof(struct vfiod_hdr) + sizeof(struct vfiod_lease_event)),
			.flags = htole32(VFIOD_EVENT),
		},
		.body = {
			.lease = htole64(lease),
			.address = htole64(0x100),
			.kind = htole32(kind),
			.grace_ms = htole32(grace_ms),
		},
	};
}

static void send_event(struct daemon *daemon, const struct event_packet *packet)
{
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct iovec iov = { (void *)(uintptr_t)packet, le32toh(packet->hdr.length) };
	struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (packet->fd_count) {
		mh.msg_control = control.room;
		mh.msg_controllen = sizeof(control.room);
		control.align = (struct cmsghdr){
			.cmsg_len = CMSG_LEN(sizeof(int)),
			.cmsg_level = SOL_SOCKET,
			.cmsg_type = SCM_RIGHTS,
		};
		memcpy(CMSG_DATA(&control.align), &daemon->spare[2], sizeof(int));
	}
	if (sendmsg(daemon->conn.fd, &mh, MSG_NOSIGNAL) != (ssize_t)iov.iov_len)
		daemon->complaint = "the event could not be sent";
}

static void tell(struct daemon *daemon, uint64_t lease, uint32_t kind, uint32_t grace_ms)
{
	struct event_packet packet = event_packet(lease, kind, grace_ms);

	packet.hdr.version = htole16(daemon->conn.version);
	send_event(daemon, &packet);
}

/* What the program was told, and what it does then. */
struct told {
	unsigned int count;
	struct vfiodma_event last[4];
	struct vfiodma_session *close;
	bool release;
};

static void be_told(void *data, const struct vfiodma_event *event)
{
	struct told *told = data;

	ck_assert_uint_lt(told->count, 4);
	ck_assert_uint_eq(event->size, sizeof(*event));
	told->last[told->count++] = *event;
	if (told->release)
		vfiodma_lease_release(event->lease);
	if (told->close)
		vfiodma_session_close(told->close);
}

static struct vfiodma_lease *acquire(struct vfiodma_session *session)
{
	struct vfiodma_lease *lease = NULL;
	int err = vfiodma_lease_acquire(session, "01:00.0", 0, &lease);

	ck_assert_msg(!err, "%s", vfiodma_session_error(session));
	return lease;
}

/* Ends a test whose daemon has gone already. */
static void end(struct vfiodma_session *session, struct vfiodma_lease *lease, struct daemon *daemon)
{
	vfiodma_session_close(session);
	vfiodma_lease_release(lease);
	daemon_close(daemon);
}

static void warn_and_revoke(struct daemon *daemon)
{
	greet(daemon);
	grant(daemon, VFIOD_MODE_CONTAINER, 2);
	tell(daemon, LEASE, VFIOD_LEASE_REVOKE_ANNOUNCED, GRACE_MS);
	tell(daemon, LEASE, VFIOD_LEASE_REVOKED, 0);
}

START_TEST(events_are_told_in_their_order_and_when_the_program_asks)
{
	struct told told = { 0 };
	struct vfiodma_session *session;
	struct vfiodma_lease *lease;
	struct daemon daemon;
	struct pollfd readable = { .events = POLLIN };

	daemon_start(&daemon, warn_and_revoke, 0);
	session = open_session(false);
	vfiodma_session_set_event_fn(session, be_told, &told);
	lease = acquire(session);
	daemon_join(&daemon);
	readable.fd = vfiodma_session_fd(session);
	ck_assert_int_eq(poll(&readable, 1, 0), 1);
	ck_assert_uint_eq(told.count, 0);
	ck_assert(!vfiodma_lease_revoked(lease));
	ck_assert_int_eq(vfiodma_session_dispatch(session), 0);
	ck_assert_uint_eq(told.count, 2);
	ck_assert_uint_eq(told.last[0].kind, VFIODMA_EVENT_REVOKE_ANNOUNCED);
	ck_assert_uint_eq(told.last[0].grace_ms, GRACE_MS);
	ck_assert_ptr_eq(told.last[0].lease, lease);
	ck_assert_str_eq(told.last[0].address, "0000:01:00.0");
	ck_assert_uint_eq(told.last[1].kind, VFIODMA_EVENT_REVOKED);
	ck_assert_uint_eq(told.last[1].grace_ms, 0);
	ck_assert_ptr_eq(told.last[1].lease, lease);
	ck_assert(vfiodma_lease_revoked(lease));
	/* each once */
	ck_assert_int_eq(vfiodma_session_dispatch(session), 0);
	ck_assert_uint_eq(told.count, 2);
	end(session, lease, &daemon);
}
END_TEST

START_TEST(a_dispatch_without_events_does_not_wait)
{
	struct told told = { 0 };
	struct vfiodma_session *session;
	struct daemon daemon;

	daemon_start(&daemon, greet, 0);
	session = open_session(false);
	vfiodma_session_set_event_fn(session, be_told, &told);
	daemon_join(&daemon);
	ck_assert_int_eq(vfiodma_session_dispatch(session), 0);
	ck_assert_uint_eq(told.count, 0);
	vfiodma_session_close(session);
	daemon_close(&daemon);
}
END_TEST

static void revoke_within_requests(struct daemon *daemon)
{
	const struct vfiod_list_rep none = { 0 };

	greet(daemon);
	grant(daemon, VFIOD_MODE_CONTAINER, 2);
	tell(daemon, LEASE, VFIOD_LEASE_REVOKE_ANNOUNCED, GRACE_MS + 1);
	if (take(daemon, VFIOD_LIST)) {
		tell(daemon, LEASE, VFIOD_LEASE_REVOKE_ANNOUNCED, GRACE_MS);
		tell(daemon, LEASE, VFIOD_LEASE_REVOKED, 0);
		answer(daemon, &none, sizeof(none), 0);
	}
}

START_TEST(events_in_front_of_a_reply_wait_for_the_next_dispatch)
{
	struct told told = { 0 };
	struct vfiodma_session *session;
	struct vfiodma_lease *lease;
	struct vfiodma_info info;
	struct daemon daemon;

	daemon_start(&daemon, revoke_within_requests, 0);
	session = open_session(false);
	vfiodma_session_set_event_fn(session, be_told, &told);
	lease = acquire(session);
	ck_assert_int_eq(vfiodma_show(session, "01:00.0", &info), -ENODEV);
	daemon_join(&daemon);
	ck_assert_uint_eq(told.count, 0);
	ck_assert(vfiodma_lease_revoked(lease));
	ck_assert_int_eq(vfiodma_session_dispatch(session), 0);
	/* what was announced twice is told once, as it was announced last */
	ck_assert_uint_eq(told.count, 2);
	ck_assert_uint_eq(told.last[0].kind, VFIODMA_EVENT_REVOKE_ANNOUNCED);
	ck_assert_uint_eq(told.last[0].grace_ms, GRACE_MS);
	ck_assert_uint_eq(told.last[1].kind, VFIODMA_EVENT_REVOKED);
	end(session, lease, &daemon);
}
END_TEST

static void revoke_while_it_is_released(struct daemon *daemon)
{
	const struct vfiod_release_rep reply = { .lease = htole64(LEASE) };

	greet(daemon);
	grant(daemon, VFIOD_MODE_CONTAINER, 2);
	if (!take(daemon, VFIOD_RELEASE))
		return;
	tell(daemon, LEASE, VFIOD_LEASE_REVOKED, 0);
	answer(daemon, &reply, sizeof(reply), 0);
	tell(daemon, LEASE, VFIOD_LEASE_REVOKED, 0);
}

START_TEST(of_a_lease_that_was_released_nothing_is_told)
{
	struct told told = { 0 };
	struct vfiodma_session *session;
	struct daemon daemon;

	daemon_start(&daemon, revoke_while_it_is_released, 0);
	session = open_session(false);
	vfiodma_session_set_event_fn(session, be_told, &told);
	ck_assert_int_eq(vfiodma_lease_release(acquire(session)), 0);
	daemon_join(&daemon);
	ck_assert_int_eq(vfiodma_session_dispatch(session), 0);
	ck_assert_uint_eq(told.count, 0);
	vfiodma_session_close(session);
	daemon_close(&daemon);
}
END_TEST

static void revoke_and_take_the_release(struct daemon *daemon)
{
	greet(daemon);
	grant(daemon, VFIOD_MODE_CONTAINER, 2);
	tell(daemon, LEASE, VFIOD_LEASE_REVOKE_ANNOUNCED, GRACE_MS);
	take_release(daemon, 0);
}

START_TEST(a_program_may_release_the_lease_and_close_the_session_when_it_is_told)
{
	struct told told = { .release = true };
	struct vfiodma_session *session;
	struct daemon daemon;
	unsigned int before;
	struct pollfd readable = { .events = POLLIN };

	daemon_start(&daemon, revoke_and_take_the_release, 0);
	session = open_session(false);
	before = count_descriptors();
	vfiodma_session_set_event_fn(session, be_told, &told);
	acquire(session);
	readable.fd = vfiodma_session_fd(session);
	ck_assert_int_eq(poll(&readable, 1, -1), 1);
	told.close = _i ? session : NULL;
	ck_assert_int_eq(vfiodma_session_dispatch(session), 0);
	ck_assert_uint_eq(told.count, 1);
	daemon_join(&daemon);
	ck_assert_uint_eq(daemon.released, LEASE);
	if (!_i)
		vfiodma_session_close(session);
	ck_assert_uint_eq(count_descriptors(), before - 1); /* less that of the session */
	daemon_close(&daemon);
}
END_TEST

START_TEST(a_program_that_does_not_want_to_know_is_not_told_but_its_lease_knows)
{
	struct told told = { 0 };
	struct vfiodma_session *session;
	struct vfiodma_lease *lease;
	struct daemon daemon;

	daemon_start(&daemon, warn_and_revoke, 0);
	session = open_session(false);
	lease = acquire(session);
	daemon_join(&daemon);
	ck_assert_int_eq(vfiodma_session_dispatch(session), 0);
	ck_assert(vfiodma_lease_revoked(lease));
	vfiodma_session_set_event_fn(session, be_told, &told);
	ck_assert_int_eq(vfiodma_session_dispatch(session), 0);
	ck_assert_uint_eq(told.count, 0);
	end(session, lease, &daemon);
}
END_TEST

static void revoke_and_die(struct daemon *daemon)
{
	warn_and_revoke(daemon);
	shutdown(daemon->conn.fd, SHUT_RDWR);
}

START_TEST(what_vfiod_told_before_it_went_away_is_told)
{
	struct told told = { 0 };
	struct vfiodma_session *session;
	struct vfiodma_lease *lease;
	struct daemon daemon;

	daemon_start(&daemon, revoke_and_die, 0);
	session = open_session(false);
	vfiodma_session_set_event_fn(session, be_told, &told);
	lease = acquire(session);
	daemon_join(&daemon);
	ck_assert_int_eq(vfiodma_session_dispatch(session), -ECONNRESET);
	ck_assert_uint_eq(told.count, 2);
	ck_assert_int_eq(vfiodma_session_dispatch(session), -ENOTCONN);
	ck_assert_uint_eq(told.count, 2);
	assert_ended(session);
	end(session, lease, &daemon);
}
END_TEST

START_TEST(a_lease_whose_handle_has_hung_up_was_revoked_whether_or_not_vfiod_has_said_so)
{
	struct vfiodma_session *session;
	struct vfiodma_lease *lease;
	struct daemon daemon;
	int ends[2];

	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	daemon_start(&daemon, lease_out_and_wait, 0);
	session = open_session(false);
	lease = acquire(session);
	daemon_join(&daemon);
	ck_assert_int_ge(dup2(ends[0], vfiodma_lease_device_fd(lease)), 0);
	close(ends[0]);
	ck_assert(!vfiodma_lease_revoked(lease));
	ck_assert_int_eq(lease_error(lease, -ENODEV, "cannot reset it: %s", strerror(ENODEV)), -ENODEV);
	ck_assert_str_eq(vfiodma_session_error(session), "cannot reset it: No such device");
	close(ends[1]);
	ck_assert_int_eq(lease_error(lease, -ENODEV, "cannot reset it: %s", strerror(ENODEV)), -ENODEV);
	assert_says(session, "0000:01:00.0 was taken back");
	ck_assert_int_eq(lease_error(lease, -EIO, "cannot reset it"), -EIO);
	ck_assert_str_eq(vfiodma_session_error(session), "cannot reset it");
	vfiodma_session_close(session);
	ck_assert(vfiodma_lease_revoked(lease));
	ck_assert_int_eq(vfiodma_lease_release(lease), -ENOTCONN);
	daemon_close(&daemon);
}
END_TEST

/* ---- what happens to the function ---- */

static void tell_of_function(struct daemon *daemon, uint32_t kind, uint64_t id)
{
	const struct vfiod_function_event event = {
		.lease = htole64(LEASE),
		.address = htole64(0x100),
		.id = htole64(id),
		.kind = htole32(kind),
		.severity = htole32(kind == VFIOD_FUNCTION_ERROR ? VFIOD_SEVERITY_FROZEN : VFIOD_SEVERITY_NONE),
		.answer_ms = htole32(id ? 3000 : 0),
	};

	if (proto_conn_send(&daemon->conn, VFIOD_FUNCTION_EVENT, VFIOD_EVENT, 0, &event, sizeof(event), NULL, 0))
		daemon->complaint = "the event could not be sent";
}

/* Takes an answer, says yes, and tells what follows from it; or what is wrong with it. */
static void take_answer(struct daemon *daemon, uint64_t id, uint32_t verdict, uint32_t consequence)
{
	const struct vfiod_answer_req *request = proto_msg_body(&daemon->request);
	const struct vfiod_answer_rep reply = { .lease = htole64(LEASE) };

	if (!take(daemon, VFIOD_ANSWER))
		return;
	if (le64toh(request->lease) != LEASE || le64toh(request->id) != id || le32toh(request->verdict) != verdict)
		daemon->complaint = "another answer was expected";
	if (consequence)
		tell_of_function(daemon, consequence, 0);
	answer(daemon, &reply, sizeof(reply), 0);
}

static void fail_and_recover(struct daemon *daemon)
{
	greet_in(daemon, 2);
	grant(daemon, VFIOD_MODE_CONTAINER, 2);
	tell_of_function(daemon, VFIOD_FUNCTION_ERROR, 42);
	take_answer(daemon, 42, VFIOD_VERDICT_NEED_RESET, 0);
	tell_of_function(daemon, VFIOD_FUNCTION_RESET, 43);
	take_answer(daemon, 43, VFIOD_VERDICT_GO_ON, VFIOD_FUNCTION_RESUMED);
}

/* A program that has its function reset after an error. */
static void recover(void *data, const struct vfiodma_event *event)
{
	be_told(data, event);
	if (event->id)
		ck_assert_int_eq(vfiodma_lease_answer(event->lease, event->id,
						      event->kind == VFIODMA_EVENT_ERROR ? VFIODMA_NEED_RESET
											 : VFIODMA_GO_ON),
				 0);
}

START_TEST(a_program_answers_what_happens_to_its_function_when_it_is_told)
{
	struct told told = { 0 };
	struct vfiodma_session *session;
	struct vfiodma_lease *lease;
	struct daemon daemon;
	struct pollfd readable = { .events = POLLIN };

	daemon_start(&daemon, fail_and_recover, 0);
	session = open_session(false);
	vfiodma_session_set_event_fn(session, recover, &told);
	lease = acquire(session);
	readable.fd = vfiodma_session_fd(session);
	while (told.count < 3) {
		ck_assert_int_eq(poll(&readable, 1, -1), 1);
		ck_assert_msg(!vfiodma_session_dispatch(session), "%s", vfiodma_session_error(session));
	}
	daemon_join(&daemon);
	ck_assert_uint_eq(told.last[0].kind, VFIODMA_EVENT_ERROR);
	ck_assert_uint_eq(told.last[0].severity, VFIODMA_SEVERITY_FROZEN);
	ck_assert_uint_eq(told.last[0].id, 42);
	ck_assert_uint_eq(told.last[0].answer_ms, 3000);
	ck_assert_ptr_eq(told.last[0].lease, lease);
	ck_assert_str_eq(told.last[0].address, "0000:01:00.0");
	ck_assert_uint_eq(told.last[1].kind, VFIODMA_EVENT_RESET);
	ck_assert_uint_eq(told.last[1].severity, 0);
	ck_assert_uint_eq(told.last[2].kind, VFIODMA_EVENT_RESUMED);
	ck_assert_uint_eq(told.last[2].id, 0);
	ck_assert_uint_eq(told.last[2].answer_ms, 0);
	end(session, lease, &daemon);
}
END_TEST

static void fail_twice(struct daemon *daemon)
{
	greet_in(daemon, 2);
	grant(daemon, VFIOD_MODE_CONTAINER, 2);
	for (unsigned int i = 1; i <= 100; i++) {
		tell_of_function(daemon, VFIOD_FUNCTION_ERROR, i);
		tell_of_function(daemon, VFIOD_FUNCTION_RESUMED, 0);
	}
	tell_of_function(daemon, VFIOD_FUNCTION_ERROR, 101);
	tell_of_function(daemon, VFIOD_FUNCTION_REMOVAL, 0);
}

START_TEST(of_each_kind_the_last_is_told_and_all_in_their_order)
{
	struct told told = { 0 };
	struct vfiodma_session *session;
	struct vfiodma_lease *lease;
	struct daemon daemon;

	daemon_start(&daemon, fail_twice, 0);
	session = open_session(false);
	vfiodma_session_set_event_fn(session, be_told, &told);
	lease = acquire(session);
	daemon_join(&daemon);
	ck_assert_int_eq(vfiodma_session_dispatch(session), 0);
	ck_assert_uint_eq(told.count, 3);
	ck_assert_uint_eq(told.last[0].kind, VFIODMA_EVENT_RESUMED);
	ck_assert_uint_eq(told.last[1].kind, VFIODMA_EVENT_ERROR);
	ck_assert_uint_eq(told.last[1].id, 101);
	ck_assert_uint_eq(told.last[2].kind, VFIODMA_EVENT_REMOVAL);
	end(session, lease, &daemon);
}
END_TEST

static void tell_every_kind(struct daemon *daemon)
{
	greet_in(daemon, 3);
	grant(daemon, VFIOD_MODE_CONTAINER, 2);
	tell(daemon, LEASE, VFIOD_LEASE_LIMITED, 60000);
	tell(daemon, LEASE, VFIOD_LEASE_REVOKE_ANNOUNCED, GRACE_MS);
	for (uint32_t kind = VFIOD_FUNCTION_LOST; kind <= VFIOD_FUNCTION_WOKEN; kind++)
		tell_of_function(daemon, kind, 0);
	tell(daemon, LEASE, VFIOD_LEASE_REVOKED, 0);
}

static void count_kinds(void *data, const struct vfiodma_event *event)
{
	*(unsigned int *)data |= 1u << event->kind;
}

START_TEST(a_lease_holds_an_event_of_every_kind)
{
	struct vfiodma_session *session;
	struct vfiodma_lease *lease;
	struct daemon daemon;
	unsigned int kinds = 0;

	daemon_start(&daemon, tell_every_kind, 0);
	session = open_session(false);
	vfiodma_session_set_event_fn(session, count_kinds, &kinds);
	lease = acquire(session);
	daemon_join(&daemon);
	ck_assert_int_eq(vfiodma_session_dispatch(session), 0);
	ck_assert_uint_eq(kinds, 0x7fe);
	end(session, lease, &daemon);
}
END_TEST

static void refuse_an_answer(struct daemon *daemon)
{
	const struct vfiod_answer_rep reply = { .lease = htole64(LEASE + 1) };

	greet_in(daemon, 2);
	grant(daemon, VFIOD_MODE_CONTAINER, 2);
	if (take(daemon, VFIOD_ANSWER))
		answer_error(daemon, -ENOENT, "the kernel has gone on");
	if (take(daemon, VFIOD_ANSWER))
		answer(daemon, &reply, sizeof(reply), 0);
}

START_TEST(an_answer_that_is_refused_says_why)
{
	struct vfiodma_session *session;
	struct vfiodma_lease *lease;
	struct daemon daemon;

	daemon_start(&daemon, refuse_an_answer, 0);
	session = open_session(false);
	lease = acquire(session);
	ck_assert_int_eq(vfiodma_lease_answer(lease, 42, 0), -EINVAL);
	assert_says(session, "no answer 0");
	ck_assert_int_eq(vfiodma_lease_answer(lease, 42, VFIODMA_GIVE_UP + 1), -EINVAL);
	ck_assert_int_eq(vfiodma_lease_answer(lease, 0, VFIODMA_GO_ON), -ENOENT);
	ck_assert_int_eq(vfiodma_lease_answer(lease, 42, VFIODMA_GO_ON), -ENOENT);
	assert_says(session, "the kernel has gone on");
	ck_assert_int_eq(vfiodma_lease_answer(lease, 42, VFIODMA_GO_ON), -EBADMSG);
	assert_says(session, "another lease");
	daemon_join(&daemon);
	ck_assert_int_eq(vfiodma_lease_answer(lease, 42, VFIODMA_GO_ON), -ENOTCONN);
	end(session, lease, &daemon);
}
END_TEST

START_TEST(an_older_vfiod_is_not_asked_what_it_does_not_know)
{
	struct vfiodma_session *session;
	struct vfiodma_lease *lease;
	struct daemon daemon;

	daemon_start(&daemon, lease_out_and_wait, 0);
	session = open_session(false);
	lease = acquire(session);
	daemon_join(&daemon);
	ck_assert_int_eq(vfiodma_lease_answer(lease, 42, VFIODMA_GO_ON), -ENOENT);
	ck_assert_int_eq(vfiodma_session_dispatch(session), 0);
	end(session, lease, &daemon);
}
END_TEST

static void of_another_size(struct event_packet *packet)
{
	packet->hdr.length = htole32(le32toh(packet->hdr.length) + 8);
}

static void of_another_kind(struct event_packet *packet)
{
	packet->body.kind = htole32(3);
}

static void with_a_cookie(struct event_packet *packet)
{
	packet->hdr.cookie = htole64(1);
}

static void with_an_operations_opcode(struct event_packet *packet)
{
	packet->hdr.opcode = htole16(VFIOD_ACQUIRE);
}

static void in_another_version(struct event_packet *packet)
{
	packet->hdr.version = htole16(2);
}

static void with_a_descriptor(struct event_packet *packet)
{
	packet->fd_count = 1;
}

static void as_a_reply(struct event_packet *packet)
{
	packet->hdr.flags = htole32(VFIOD_REPLY);
}

static void (*const event_faults[])(struct event_packet *packet) = {
	of_another_size,    of_another_kind,   with_a_cookie, with_an_operations_opcode,
	in_another_version, with_a_descriptor, as_a_reply,
};

#define EVENT_FAULTS (sizeof(event_faults) / sizeof(event_faults[0]))

/* With the fault, within a request or not: script_argument is twice the fault's number, and 1 more for within. */
static void tell_badly(struct daemon *daemon)
{
	struct event_packet packet = event_packet(LEASE, VFIOD_LEASE_REVOKED, 0);

	event_faults[daemon->script_argument / 2](&packet);
	greet(daemon);
	grant(daemon, VFIOD_MODE_CONTAINER, 2);
	if (daemon->script_argument % 2)
		take(daemon, VFIOD_LIST);
	send_event(daemon, &packet);
}

START_TEST(an_event_with_a_fault_ends_the_session_and_is_not_told)
{
	struct told told = { 0 };
	struct vfiodma_session *session;
	struct vfiodma_lease *lease;
	struct vfiodma_info info;
	struct daemon daemon;
	unsigned int before;

	daemon_start(&daemon, tell_badly, _i);
	session = open_session(false);
	vfiodma_session_set_event_fn(session, be_told, &told);
	lease = acquire(session);
	before = count_descriptors();
	if (_i % 2)
		ck_assert_int_eq(vfiodma_show(session, "01:00.0", &info), -EBADMSG);
	daemon_join(&daemon);
	if (!(_i % 2))
		ck_assert_int_eq(vfiodma_session_dispatch(session), -EBADMSG);
	assert_ended(session);
	ck_assert_int_eq(vfiodma_session_dispatch(session), -ENOTCONN);
	ck_assert_uint_eq(told.count, 0);
	ck_assert_uint_eq(count_descriptors(), before);
	end(session, lease, &daemon);
}
END_TEST

/* ---- all ---- */

static Suite *make_suite(void)
{
	Suite *suite = suite_create("session");
	TCase *hello = tcase_create("hello"), *replies = tcase_create("replies"), *list = tcase_create("list");
	TCase *admin = tcase_create("admin"), *leases = tcase_create("leases"), *events = tcase_create("events");

	tcase_add_test(hello, opening_agrees_on_the_version);
	tcase_add_test(hello, the_environment_names_the_run_time_directory);
	tcase_add_test(hello, without_a_daemon_the_error_says_how_to_start_one);
	tcase_add_test(hello, a_socket_that_a_dead_daemon_left_is_no_daemon);
	tcase_add_test(hello, the_administrators_socket_is_not_for_everybody);
	tcase_add_test(hello, a_run_time_directory_that_is_too_long_is_refused);
	tcase_add_test(hello, a_refused_version_is_named_with_what_vfiod_says);
	tcase_add_loop_test(hello, who_is_turned_away_is_told_why, 0, 30);
	tcase_add_test(hello, a_version_that_was_not_offered_is_refused);
	tcase_add_test(hello, a_client_that_is_turned_away_is_told_why);
	suite_add_tcase(suite, hello);
	tcase_add_test(replies, an_error_of_vfiod_reaches_the_caller_in_its_own_words);
	tcase_add_test(replies, the_reply_that_the_faults_are_made_of_is_good);
	tcase_add_loop_test(replies, a_reply_with_a_fault_ends_the_session, 0, FAULTS);
	tcase_add_loop_test(replies, descriptors_that_nobody_asked_for_are_closed, 1, 3);
	tcase_add_test(replies, a_daemon_that_dies_in_the_middle_of_a_request_is_noticed);
	tcase_add_test(replies, a_daemon_that_died_between_two_requests_is_noticed_without_a_signal);
	suite_add_tcase(suite, replies);
	tcase_add_test(list, a_list_of_several_pages_comes_whole_and_in_order);
	tcase_add_test(list, one_function_is_shown_and_a_missing_one_is_not);
	tcase_add_test(list, what_is_not_an_address_is_refused_without_asking);
	suite_add_tcase(suite, list);
	tcase_add_test(admin, an_administrator_hears_which_drivers_were_bound);
	tcase_add_test(admin, an_administrator_hears_how_many_rules_there_are_or_what_is_wrong_with_them);
	tcase_add_test(admin, an_administrator_hears_which_lease_was_revoked_and_who_was_killed);
	tcase_add_test(admin, an_administrator_hears_whether_a_quarantine_is_over);
	suite_add_tcase(suite, admin);
	tcase_add_loop_test(leases, a_lease_with_other_descriptors_than_its_own_is_refused_and_they_are_closed, 0,
			    BAD_GRANTS);
	tcase_add_test(leases, a_lease_has_a_device_and_a_container_until_it_is_released);
	tcase_add_test(leases, a_release_that_vfiod_cannot_grant_says_why_and_frees_the_lease_all_the_same);
	tcase_add_loop_test(leases, a_lease_of_a_pool_tells_which_function_it_is_of, 0, 2);
	tcase_add_loop_test(leases, a_lease_of_a_pool_that_makes_no_sense_is_refused_and_its_descriptors_are_closed, 0,
			    3);
	tcase_add_test(leases, an_older_vfiod_is_not_asked_for_pools);
	tcase_add_test(leases, the_members_of_pools_come_whole_and_in_order);
	tcase_add_loop_test(leases, members_that_make_no_sense_end_the_session, 1, 3);
	tcase_add_loop_test(leases, why_two_functions_share_a_group_is_told_with_who_does_not_keep_them_apart, 0, 3);
	tcase_add_test(leases, what_would_come_of_a_request_is_told_with_who_can_change_it);
	tcase_add_test(leases, a_lease_of_the_group_has_no_device_and_no_domain);
	tcase_add_test(leases, a_lease_by_iommufd_has_the_two_files_and_is_driven_by_its_program);
	tcase_add_test(leases, descriptors_that_are_not_of_vfio_make_no_device_and_no_domain);
	tcase_add_test(leases, a_lease_outlives_its_session);
	tcase_add_test(leases, nothing_can_be_freed);
	suite_add_tcase(suite, leases);
	tcase_add_test(events, events_are_told_in_their_order_and_when_the_program_asks);
	tcase_add_test(events, a_dispatch_without_events_does_not_wait);
	tcase_add_test(events, events_in_front_of_a_reply_wait_for_the_next_dispatch);
	tcase_add_test(events, of_a_lease_that_was_released_nothing_is_told);
	tcase_add_loop_test(events, a_program_may_release_the_lease_and_close_the_session_when_it_is_told, 0, 2);
	tcase_add_test(events, a_program_that_does_not_want_to_know_is_not_told_but_its_lease_knows);
	tcase_add_test(events, what_vfiod_told_before_it_went_away_is_told);
	tcase_add_test(events, a_lease_whose_handle_has_hung_up_was_revoked_whether_or_not_vfiod_has_said_so);
	tcase_add_test(events, a_program_answers_what_happens_to_its_function_when_it_is_told);
	tcase_add_test(events, of_each_kind_the_last_is_told_and_all_in_their_order);
	tcase_add_test(events, a_lease_holds_an_event_of_every_kind);
	tcase_add_test(events, an_answer_that_is_refused_says_why);
	tcase_add_test(events, an_older_vfiod_is_not_asked_what_it_does_not_know);
	tcase_add_loop_test(events, an_event_with_a_fault_ends_the_session_and_is_not_told, 0, 2 * EVENT_FAULTS);
	suite_add_tcase(suite, events);
	return suite;
}

/* Every test has a process of its own; the sockets' folder is this one's. */
static int make_runtime_dir(void)
{
	char pub[sizeof(runtime_dir) + 4];

	if (!mkdtemp(temporary_path(runtime_dir, "session")))
		return -1;
	snprintf(pub, sizeof(pub), "%s/pub", runtime_dir);
	return chmod(runtime_dir, 0711) || mkdir(pub, 0755) ? -1 : 0;
}

static void remove_runtime_dir(void)
{
	struct sockaddr_un where;
	char pub[sizeof(runtime_dir) + 4];

	socket_path(false, &where);
	unlink(where.sun_path);
	socket_path(true, &where);
	unlink(where.sun_path);
	snprintf(pub, sizeof(pub), "%s/pub", runtime_dir);
	rmdir(pub);
	rmdir(runtime_dir);
}

int main(void)
{
	SRunner *runner;
	int failed;

	if (make_runtime_dir()) {
		perror(runtime_dir);
		return EXIT_FAILURE;
	}
	runner = srunner_create(make_suite());
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	remove_runtime_dir();
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
