/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The wire: messages over a real socket, whole and broken, and the table of operations that they are checked against.
 */
#include "proto/conn.h"

#include <check.h>
#include <dirent.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#define BODY_MAX     (VFIOD_MSG_MAX - sizeof(struct vfiod_hdr))
#define SCM_MAX_FDS  253 /* the kernel's */
#define COOKIE	     0x1122334455667788ull
#define OPCODE_COUNT 16

static struct proto_conn near_end, far_end;
static struct proto_msg msg;
static const char *why;
static int some_fd; /* to be passed */

static void connect_ends(void)
{
	int fds[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
	near_end = (struct proto_conn){ .fd = fds[0], .version = VFIOD_VERSION_MAX };
	far_end = (struct proto_conn){ .fd = fds[1], .version = VFIOD_VERSION_MAX };
	some_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	ck_assert_int_ge(some_fd, 0);
	why = NULL;
}

static void close_ends(void)
{
	close(some_fd);
	close(near_end.fd);
	if (far_end.fd >= 0)
		close(far_end.fd);
}

static unsigned int count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned int count = 0;

	ck_assert_ptr_nonnull(dir);
	while (readdir(dir))
		count++;
	closedir(dir);
	return count;
}

/* Sends bytes and descriptors as they are. */
static void send_raw(const void *bytes, size_t size, const int *fds, unsigned int fd_count)
{
	struct iovec iov = { (void *)(uintptr_t)bytes, size };
	struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1 };
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(SCM_MAX_FDS * sizeof(int))];
	} control = { 0 };

	if (fd_count) {
		struct cmsghdr *cmsg = &control.align;

		mh.msg_control = control.room;
		mh.msg_controllen = CMSG_SPACE(fd_count * sizeof(int));
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(fd_count * sizeof(int));
		memcpy(CMSG_DATA(cmsg), fds, fd_count * sizeof(int));
	}
	if (sendmsg(near_end.fd, &mh, MSG_NOSIGNAL) != (ssize_t)size)
		ck_abort_msg("sendmsg: %s", strerror(errno));
}

/* A message as it should be: a header in front of a body of @length zeros. */
struct whole {
	struct vfiod_hdr hdr;
	unsigned char body[BODY_MAX + 16];
};

static struct whole message(uint16_t opcode, size_t length)
{
	return (struct whole){
		.hdr = {
			.magic = htole32(VFIOD_MAGIC),
			.version = htole16(opcode == VFIOD_HELLO ? VFIOD_VERSION_NONE : VFIOD_VERSION_MAX),
			.opcode = htole16(opcode),
			.length = htole32((uint32_t)(sizeof(struct vfiod_hdr) + length)),
			.cookie = htole64(COOKIE),
		},
	};
}

static size_t size_of(const struct whole *whole)
{
	return le32toh(whole->hdr.length);
}

static void assert_refused(unsigned int max_fds, int error, const char *words)
{
	ck_assert_int_eq(proto_conn_recv(&far_end, &msg, max_fds, &why), error);
	ck_assert_uint_eq(msg.fd_count, 0);
	ck_assert_int_eq(msg.fds[0], -1);
	ck_assert_int_eq(msg.fds[1], -1);
	ck_assert_msg(why && strstr(why, words), "'%s' is not in: %s", words, why ? why : "(nothing)");
}

/* ---- there and back ---- */

START_TEST(a_message_arrives_as_it_was_sent)
{
	const struct vfiod_list_req body = { .start = htole64(0x123), .max = htole32(14) };

	ck_assert_int_eq(proto_conn_send(&near_end, VFIOD_LIST, 0, COOKIE, &body, sizeof(body), NULL, 0), 0);
	ck_assert_int_eq(proto_conn_recv(&far_end, &msg, 0, &why), 0);
	ck_assert_uint_eq(msg.version, VFIOD_VERSION_MAX);
	ck_assert_uint_eq(msg.opcode, VFIOD_LIST);
	ck_assert_uint_eq(msg.flags, 0);
	ck_assert_uint_eq(msg.cookie, COOKIE);
	ck_assert_uint_eq(msg.length, sizeof(body));
	ck_assert_mem_eq(proto_msg_body(&msg), &body, sizeof(body));
	ck_assert_uint_eq(msg.fd_count, 0);
}
END_TEST

START_TEST(the_bytes_of_a_message_are_those_of_the_contract)
{
	static const unsigned char expected[] = {
		'v',  'f',  'f',  'd',				/* magic */
		0,    0,					/* HELLO's version */
		1,    0,					/* opcode */
		32,   0,    0,	  0,				/* length */
		0,    0,    0,	  0,				/* flags */
		0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11, /* cookie */
		1,    0,    2,	  0,	0,    0,    0,	  0,	/* from 1 to 2 */
	};
	const struct vfiod_hello_req body = { .version_min = htole16(1), .version_max = htole16(2) };
	unsigned char bytes[sizeof(expected) + 1];

	ck_assert_int_eq(proto_conn_send(&near_end, VFIOD_HELLO, 0, COOKIE, &body, sizeof(body), NULL, 0), 0);
	ck_assert_int_eq(recv(far_end.fd, bytes, sizeof(bytes), 0), sizeof(expected));
	ck_assert_mem_eq(bytes, expected, sizeof(expected));
}
END_TEST

START_TEST(a_header_has_the_version_of_its_connection_and_that_of_hello_has_none)
{
	struct vfiod_hdr hdr;

	near_end.version = 0x1234;
	ck_assert_int_eq(proto_conn_send(&near_end, VFIOD_LIST, 0, 0, NULL, 0, NULL, 0), 0);
	ck_assert_int_eq(recv(far_end.fd, &hdr, sizeof(hdr), 0), sizeof(hdr));
	ck_assert_uint_eq(le16toh(hdr.version), 0x1234);
	ck_assert_int_eq(proto_conn_send(&near_end, VFIOD_HELLO, 0, 0, NULL, 0, NULL, 0), 0);
	ck_assert_int_eq(recv(far_end.fd, &hdr, sizeof(hdr), 0), sizeof(hdr));
	ck_assert_uint_eq(le16toh(hdr.version), VFIOD_VERSION_NONE);
}
END_TEST

START_TEST(a_message_without_body_is_a_message)
{
	ck_assert_int_eq(proto_conn_send(&near_end, VFIOD_LIST, 0, COOKIE, NULL, 0, NULL, 0), 0);
	ck_assert_int_eq(proto_conn_recv(&far_end, &msg, 0, &why), 0);
	ck_assert_uint_eq(msg.length, 0);
}
END_TEST

START_TEST(the_longest_body_fits)
{
	static unsigned char body[BODY_MAX];

	memset(body, 0xa5, sizeof(body));
	ck_assert_int_eq(proto_conn_send(&near_end, VFIOD_LIST, 0, 0, body, sizeof(body), NULL, 0), 0);
	ck_assert_int_eq(proto_conn_recv(&far_end, &msg, 0, &why), 0);
	ck_assert_uint_eq(msg.length, sizeof(body));
	ck_assert_mem_eq(proto_msg_body(&msg), body, sizeof(body));
}
END_TEST

START_TEST(a_body_that_no_message_holds_is_not_sent)
{
	static unsigned char body[BODY_MAX + 1];

	ck_assert_int_eq(proto_conn_send(&near_end, VFIOD_LIST, 0, 0, body, sizeof(body), NULL, 0), -EMSGSIZE);
	ck_assert_int_eq(recv(far_end.fd, body, 1, MSG_DONTWAIT), -1);
	ck_assert_int_eq(errno, EAGAIN);
}
END_TEST

START_TEST(two_messages_stay_two)
{
	ck_assert_int_eq(proto_conn_send(&near_end, VFIOD_LIST, 0, 1, NULL, 0, NULL, 0), 0);
	ck_assert_int_eq(proto_conn_send(&near_end, VFIOD_LIST, 0, 2, NULL, 0, NULL, 0), 0);
	ck_assert_int_eq(proto_conn_recv(&far_end, &msg, 0, &why), 0);
	ck_assert_uint_eq(msg.cookie, 1);
	ck_assert_int_eq(proto_conn_recv(&far_end, &msg, 0, &why), 0);
	ck_assert_uint_eq(msg.cookie, 2);
}
END_TEST

START_TEST(an_error_arrives_with_its_code_and_text)
{
	struct vfiod_error *error = proto_msg_body(&msg);

	ck_assert_int_eq(proto_conn_send_error(&near_end, VFIOD_LIST, COOKIE, -EBUSY, "because"), 0);
	ck_assert_int_eq(proto_conn_recv(&far_end, &msg, 2, &why), 0);
	ck_assert_int_eq(proto_check_reply(&msg, VFIOD_LIST, COOKIE), 0);
	ck_assert_uint_eq(msg.flags, VFIOD_REPLY | VFIOD_ERROR);
	ck_assert_uint_eq(le32toh(error->code), EBUSY);
	ck_assert_str_eq(error->text, "because");
	/* nothing of our memory behind the text */
	for (size_t i = strlen("because"); i < sizeof(error->text); i++)
		ck_assert_int_eq(error->text[i], 0);
}
END_TEST

START_TEST(a_long_text_of_an_error_is_cut)
{
	struct vfiod_error *error = proto_msg_body(&msg);
	char text[2000];

	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	ck_assert_int_eq(proto_conn_send_error(&near_end, VFIOD_LIST, COOKIE, -EBUSY, text), 0);
	ck_assert_int_eq(proto_conn_recv(&far_end, &msg, 2, &why), 0);
	ck_assert_int_eq(proto_check_reply(&msg, VFIOD_LIST, COOKIE), 0);
	ck_assert_uint_eq(strlen(error->text), sizeof(error->text) - 1);
}
END_TEST

/* ---- descriptors that are expected ---- */

START_TEST(as_many_descriptors_arrive_as_were_sent)
{
	const int fds[] = { some_fd, near_end.fd };
	unsigned int count = (unsigned int)_i, before = count_fds();

	ck_assert_int_eq(proto_conn_send(&near_end, VFIOD_ACQUIRE, VFIOD_REPLY, 0, NULL, 0, fds, count), 0);
	ck_assert_uint_eq(count_fds(), before);
	ck_assert_int_eq(proto_conn_recv(&far_end, &msg, VFIOD_FDS_MAX, &why), 0);
	ck_assert_uint_eq(msg.fd_count, count);
	ck_assert_uint_eq(count_fds(), before + count);
	for (unsigned int i = 0; i < VFIOD_FDS_MAX; i++)
		ck_assert_int_eq(msg.fds[i] >= 0, i < count);
	proto_msg_close_fds(&msg);
	ck_assert_uint_eq(count_fds(), before);
}
END_TEST

START_TEST(a_descriptor_arrives_as_the_same_file_in_its_place_and_does_not_survive_exec)
{
	const int fds[] = { some_fd, near_end.fd };
	struct stat sent, came;

	ck_assert_int_eq(proto_conn_send(&near_end, VFIOD_ACQUIRE, VFIOD_REPLY, 0, NULL, 0, fds, 2), 0);
	ck_assert_int_eq(proto_conn_recv(&far_end, &msg, 2, &why), 0);
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(fstat(fds[i], &sent), 0);
		ck_assert_int_eq(fstat(msg.fds[i], &came), 0);
		ck_assert_uint_eq(sent.st_dev, came.st_dev);
		ck_assert_uint_eq(sent.st_ino, came.st_ino);
		ck_assert_int_eq(fcntl(msg.fds[i], F_GETFD), FD_CLOEXEC);
	}
	proto_msg_close_fds(&msg);
}
END_TEST

START_TEST(descriptors_that_the_receiver_took_are_not_closed_with_the_message)
{
	int taken;

	ck_assert_int_eq(proto_conn_send(&near_end, VFIOD_ACQUIRE, VFIOD_REPLY, 0, NULL, 0, &some_fd, 1), 0);
	ck_assert_int_eq(proto_conn_recv(&far_end, &msg, 2, &why), 0);
	taken = msg.fds[0];
	msg.fds[0] = -1;
	proto_msg_close_fds(&msg);
	ck_assert_int_ge(fcntl(taken, F_GETFD), 0);
	close(taken);
}
END_TEST

START_TEST(closing_the_descriptors_of_a_message_twice_closes_them_once)
{
	int innocent;

	ck_assert_int_eq(proto_conn_send(&near_end, VFIOD_ACQUIRE, VFIOD_REPLY, 0, NULL, 0, &some_fd, 1), 0);
	ck_assert_int_eq(proto_conn_recv(&far_end, &msg, 2, &why), 0);
	proto_msg_close_fds(&msg);
	innocent = dup(some_fd); /* has the same number now */
	proto_msg_close_fds(&msg);
	ck_assert_int_ge(fcntl(innocent, F_GETFD), 0);
	close(innocent);
}
END_TEST

START_TEST(more_descriptors_than_a_message_has_are_not_sent)
{
	const int fds[] = { some_fd, some_fd, some_fd };

	ck_assert_int_eq(proto_conn_send(&near_end, VFIOD_ACQUIRE, VFIOD_REPLY, 0, NULL, 0, fds, 3), -EMSGSIZE);
	ck_assert_int_eq(recv(far_end.fd, &msg, 1, MSG_DONTWAIT), -1);
}
END_TEST

/* ---- descriptors that are not ---- */

/* How many are sent to how many that are expected. A buffer for one has room for two: the kernel rounds up. */
static const struct {
	unsigned int sent, expected;
} strays[] = {
	{ 1, 0 },	    { 2, 0 }, { 3, 0 }, { SCM_MAX_FDS - 1, 0 },
	{ SCM_MAX_FDS, 0 }, { 2, 1 }, { 3, 1 }, { SCM_MAX_FDS, 1 },
	{ 3, 2 },	    { 4, 2 }, { 5, 2 }, { SCM_MAX_FDS, 2 },
};

START_TEST(refuses_a_message_with_more_descriptors_than_expected_and_keeps_none)
{
	struct whole whole = message(VFIOD_LIST, sizeof(struct vfiod_list_req));
	int fds[SCM_MAX_FDS];
	unsigned int before = count_fds();

	for (unsigned int i = 0; i < SCM_MAX_FDS; i++)
		fds[i] = some_fd;
	send_raw(&whole, size_of(&whole), fds, strays[_i].sent);
	assert_refused(strays[_i].expected, -EPERM, "file descriptors");
	ck_assert_uint_eq(count_fds(), before);
}
END_TEST

START_TEST(refuses_its_own_socket_and_keeps_none_of_it)
{
	struct whole whole = message(VFIOD_LIST, sizeof(struct vfiod_list_req));
	const int fds[] = { near_end.fd, far_end.fd };
	unsigned int before = count_fds();

	send_raw(&whole, size_of(&whole), fds, 2);
	assert_refused((unsigned int)_i, -EPERM, "file descriptors");
	ck_assert_uint_eq(count_fds(), before);
}
END_TEST

START_TEST(closes_the_expected_descriptors_of_a_message_that_is_broken)
{
	struct whole whole = message(VFIOD_ACQUIRE, sizeof(struct vfiod_acquire_rep));
	const int fds[] = { some_fd, some_fd };
	unsigned int before = count_fds();

	send_raw(&whole, size_of(&whole) - 1, fds, 2);
	assert_refused(2, -EBADMSG, "length");
	ck_assert_uint_eq(count_fds(), before);
}
END_TEST

START_TEST(descriptors_without_a_byte_are_refused_and_not_taken_for_the_end)
{
	unsigned int before = count_fds();

	send_raw("", 0, &some_fd, 1);
	ck_assert_int_eq(proto_conn_recv(&far_end, &msg, (unsigned int)_i, &why), _i ? -EBADMSG : -EPERM);
	ck_assert_uint_eq(count_fds(), before);
}
END_TEST

/* ---- framing ---- */

START_TEST(refuses_what_is_shorter_than_a_header)
{
	struct whole whole = message(VFIOD_LIST, 0);

	whole.hdr.length = htole32((uint32_t)_i);
	send_raw(&whole, (size_t)_i, NULL, 0);
	assert_refused(0, -EBADMSG, "shorter");
	ck_assert_uint_eq(msg.opcode, 0);
	ck_assert_uint_eq(msg.cookie, 0);
}
END_TEST

START_TEST(refuses_another_magic_number)
{
	struct whole whole = message(VFIOD_LIST, 0);

	((unsigned char *)&whole.hdr.magic)[_i] ^= 1;
	send_raw(&whole, size_of(&whole), NULL, 0);
	assert_refused(0, -EBADMSG, "magic");
	ck_assert_uint_eq(msg.opcode, 0);
	ck_assert_uint_eq(msg.cookie, 0);
}
END_TEST

START_TEST(refuses_a_length_that_is_not_the_messages)
{
	static const uint32_t lengths[] = { 0,	  1,	23,	 24,	     39,	 41,
					    4096, 4097, 0x10028, 0x7fffffff, 0x80000028, 0xffffffff };
	struct whole whole = message(VFIOD_LIST, sizeof(struct vfiod_list_req));

	whole.hdr.length = htole32(lengths[_i]);
	send_raw(&whole, 40, NULL, 0);
	assert_refused(0, -EBADMSG, "length");
	/* what the answer is to carry */
	ck_assert_uint_eq(msg.opcode, VFIOD_LIST);
	ck_assert_uint_eq(msg.cookie, COOKIE);
	ck_assert_uint_eq(msg.length, 0);
}
END_TEST

START_TEST(refuses_a_message_that_says_truly_that_it_is_too_long)
{
	static unsigned char bytes[65536];
	static const size_t sizes[] = { VFIOD_MSG_MAX + 1, VFIOD_MSG_MAX + 24, sizeof(bytes) };
	struct whole whole = message(VFIOD_LIST, sizes[_i] - sizeof(whole.hdr));

	memcpy(bytes, &whole.hdr, sizeof(whole.hdr));
	send_raw(bytes, sizes[_i], NULL, 0);
	assert_refused(0, -EBADMSG, "length");
	/* and all of it is gone */
	whole = message(VFIOD_LIST, 0);
	send_raw(&whole, size_of(&whole), NULL, 0);
	ck_assert_int_eq(proto_conn_recv(&far_end, &msg, 0, &why), 0);
}
END_TEST

START_TEST(refuses_a_message_that_is_longer_than_a_message_can_be_and_says_to_fit)
{
	static unsigned char bytes[65536];
	struct whole whole = message(VFIOD_LIST, BODY_MAX);

	memcpy(bytes, &whole.hdr, sizeof(whole.hdr));
	send_raw(bytes, _i ? sizeof(bytes) : VFIOD_MSG_MAX + 1, NULL, 0);
	assert_refused(0, -EBADMSG, "length");
}
END_TEST

START_TEST(refuses_a_version_that_was_not_agreed_on)
{
	static const uint16_t versions[] = { 0, VFIOD_VERSION_MAX + 1, 0x100, 0xffff };
	struct whole whole = message(VFIOD_LIST, 0);

	whole.hdr.version = htole16(versions[_i]);
	send_raw(&whole, size_of(&whole), NULL, 0);
	assert_refused(0, -EPROTONOSUPPORT, "version");
	ck_assert_uint_eq(msg.opcode, VFIOD_LIST);
	ck_assert_uint_eq(msg.cookie, COOKIE);
}
END_TEST

START_TEST(before_hello_refuses_everything_else_in_any_version)
{
	static const uint16_t versions[] = { VFIOD_VERSION_NONE, VFIOD_VERSION_MAX, 0xffff };

	far_end.version = VFIOD_VERSION_NONE;
	for (uint16_t opcode = 0; opcode <= OPCODE_COUNT; opcode++) {
		struct whole whole = message(opcode, 16);

		if (opcode == VFIOD_HELLO)
			continue;
		whole.hdr.version = htole16(versions[_i]);
		send_raw(&whole, size_of(&whole), NULL, 0);
		assert_refused(0, -EPROTONOSUPPORT, "HELLO");
	}
}
END_TEST

START_TEST(refuses_hello_of_any_version_but_none)
{
	static const uint16_t versions[] = { 1, 2, 0x100, 0xffff };
	struct whole whole = message(VFIOD_HELLO, sizeof(struct vfiod_hello_req));

	far_end.version = _i % 2 ? VFIOD_VERSION_NONE : VFIOD_VERSION_MAX;
	whole.hdr.version = htole16(versions[_i / 2]);
	send_raw(&whole, size_of(&whole), NULL, 0);
	assert_refused(0, -EPROTONOSUPPORT, "HELLO carries version 0");
}
END_TEST

START_TEST(takes_hello_before_a_version_is_agreed_on)
{
	struct whole whole = message(VFIOD_HELLO, sizeof(struct vfiod_hello_req));

	far_end.version = VFIOD_VERSION_NONE;
	send_raw(&whole, size_of(&whole), NULL, 0);
	ck_assert_int_eq(proto_conn_recv(&far_end, &msg, 0, &why), 0);
}
END_TEST

/* ---- the socket ---- */

START_TEST(the_end_of_the_connection_is_told)
{
	ck_assert_int_eq(proto_conn_send(&near_end, VFIOD_LIST, 0, 0, NULL, 0, NULL, 0), 0);
	ck_assert_int_eq(shutdown(near_end.fd, SHUT_WR), 0);
	/* what was sent before it comes first */
	ck_assert_int_eq(proto_conn_recv(&far_end, &msg, (unsigned int)_i, &why), 0);
	ck_assert_int_eq(proto_conn_recv(&far_end, &msg, (unsigned int)_i, &why), -ECONNRESET);
}
END_TEST

START_TEST(a_message_to_one_who_is_gone_is_an_error_and_no_signal)
{
	signal(SIGPIPE, SIG_DFL); /* libcheck's caller may have it ignored */
	close(far_end.fd);
	far_end.fd = -1;
	ck_assert_int_eq(proto_conn_send(&near_end, VFIOD_LIST, 0, 0, NULL, 0, NULL, 0), -EPIPE);
}
END_TEST

START_TEST(without_a_message_a_socket_that_does_not_block_says_so)
{
	ck_assert_int_eq(fcntl(far_end.fd, F_SETFL, O_NONBLOCK), 0);
	ck_assert_int_eq(proto_conn_recv(&far_end, &msg, (unsigned int)_i, &why), -EAGAIN);
	ck_assert_uint_eq(msg.fd_count, 0);
}
END_TEST

START_TEST(a_full_socket_that_does_not_block_says_so_and_loses_nothing)
{
	unsigned int sent = 0, came = 0;
	int err;

	ck_assert_int_eq(fcntl(near_end.fd, F_SETFL, O_NONBLOCK), 0);
	ck_assert_int_eq(fcntl(far_end.fd, F_SETFL, O_NONBLOCK), 0);
	while (!(err = proto_conn_send(&near_end, VFIOD_LIST, 0, sent, NULL, 0, &some_fd, 1)))
		sent++;
	ck_assert_int_eq(err, -EAGAIN);
	ck_assert_uint_gt(sent, 0);
	while (!proto_conn_recv(&far_end, &msg, 1, &why)) {
		ck_assert_uint_eq(msg.cookie, came++);
		proto_msg_close_fds(&msg);
	}
	ck_assert_uint_eq(came, sent);
}
END_TEST

static volatile sig_atomic_t signals_left;

/* The last signal sends what is waited for. */
static void interrupt(int signal)
{
	(void)signal;
	if (--signals_left == 0 && write(near_end.fd, "short", 5) != 5)
		abort();
}

START_TEST(signals_do_not_interrupt_the_wait_for_a_message)
{
	const struct sigaction action = { .sa_handler = interrupt };
	const struct itimerval often = { { 0, 200 }, { 0, 200 } }, never = { 0 };

	signals_left = 20;
	ck_assert_int_eq(sigaction(SIGALRM, &action, NULL), 0);
	ck_assert_int_eq(setitimer(ITIMER_REAL, &often, NULL), 0);
	assert_refused(0, -EBADMSG, "shorter");
	ck_assert_int_eq(setitimer(ITIMER_REAL, &never, NULL), 0);
	ck_assert_int_le(signals_left, 0);
}
END_TEST

/* ---- the table of operations ---- */

static const struct {
	uint16_t opcode;
	const char *name;
	unsigned int sockets, fds;
	size_t request, reply;
} contract[OPCODE_COUNT] = {
	{ 1, "HELLO", VFIOD_ON_BOTH, 0, 8, 16 },	{ 2, "LIST", VFIOD_ON_BOTH, 0, 16, 8 },
	{ 3, "ACQUIRE", VFIOD_ON_PUB, 2, 16, 48 },	{ 4, "RELEASE", VFIOD_ON_PUB, 0, 16, 8 },
	{ 5, "ASSIGN", VFIOD_ON_ADMIN, 0, 24, 64 },	{ 6, "UNASSIGN", VFIOD_ON_ADMIN, 0, 16, 32 },
	{ 7, "REVOKE", VFIOD_ON_ADMIN, 0, 16, 16 },	{ 8, "ANSWER", VFIOD_ON_PUB, 0, 24, 8 },
	{ 9, "ACQUIRE_POOL", VFIOD_ON_PUB, 2, 48, 56 }, { 10, "WHY", VFIOD_ON_PUB, 0, 56, 520 },
	{ 11, "MEMBERS", VFIOD_ON_BOTH, 0, 16, 8 },	{ 12, "RELOAD", VFIOD_ON_ADMIN, 0, 8, 8 },
	{ 13, "STATS", VFIOD_ON_ADMIN, 0, 8, 1664 },	{ 14, "CLEAR", VFIOD_ON_ADMIN, 0, 16, 8 },
	{ 15, "ISOLATION", VFIOD_ON_BOTH, 0, 24, 16 },	{ 16, "ASSIGN_VFS", VFIOD_ON_ADMIN, 0, 56, 8 },
};

START_TEST(an_operation_is_as_the_contract_has_it)
{
	const struct proto_op *op = proto_op(contract[_i].opcode);

	ck_assert_ptr_nonnull(op);
	ck_assert_uint_eq(op->opcode, contract[_i].opcode);
	ck_assert_str_eq(op->name, contract[_i].name);
	ck_assert_uint_eq(op->sockets, contract[_i].sockets);
	ck_assert_uint_eq(op->fds, contract[_i].fds);
	ck_assert_uint_eq(op->request, contract[_i].request);
	ck_assert_uint_eq(op->reply, contract[_i].reply);
}
END_TEST

START_TEST(there_are_no_other_operations)
{
	unsigned int found = 0;

	for (unsigned int opcode = 0; opcode <= UINT16_MAX; opcode++)
		found += proto_op((uint16_t)opcode) != NULL;
	ck_assert_uint_eq(found, OPCODE_COUNT);
}
END_TEST

START_TEST(the_longest_list_fits_into_a_message)
{
	ck_assert_uint_eq(VFIOD_LIST_MAX, 14);
	ck_assert_uint_le(sizeof(struct vfiod_hdr) + sizeof(struct vfiod_list_rep) +
				  VFIOD_LIST_MAX * sizeof(struct vfiod_device),
			  VFIOD_MSG_MAX);
}
END_TEST

/* ---- requests ---- */

/* As it comes from proto_conn_recv(). */
static void have_message(uint16_t opcode, size_t length)
{
	struct whole whole = message(opcode, length);

	send_raw(&whole, size_of(&whole), NULL, 0);
	ck_assert_int_eq(proto_conn_recv(&far_end, &msg, 0, &why), 0);
}

static int check_request(unsigned int socket)
{
	const struct proto_op *op = NULL;
	int err = proto_check_request(&msg, socket, &op, &why);

	ck_assert_int_eq(err == 0, op != NULL);
	ck_assert_int_eq(err != 0, why != NULL);
	if (op)
		ck_assert_uint_eq(op->opcode, msg.opcode);
	return err;
}

static unsigned int socket_of(int op)
{
	return contract[op].sockets & VFIOD_ON_PUB ? VFIOD_ON_PUB : VFIOD_ON_ADMIN;
}

START_TEST(takes_a_request_of_its_operations_size)
{
	have_message(contract[_i].opcode, contract[_i].request);
	ck_assert_int_eq(check_request(socket_of(_i)), 0);
}
END_TEST

START_TEST(refuses_a_request_of_any_other_size)
{
	for (size_t length = 0; length <= BODY_MAX; length++) {
		if (length == contract[_i].request)
			continue;
		have_message(contract[_i].opcode, length);
		why = NULL;
		ck_assert_msg(check_request(socket_of(_i)) == -EBADMSG, "%s of %zu bytes", contract[_i].name, length);
	}
}
END_TEST

START_TEST(refuses_every_flag_of_a_request)
{
	for (int bit = 0; bit < 32; bit++) {
		have_message(contract[_i].opcode, contract[_i].request);
		msg.flags = 1u << bit;
		why = NULL;
		ck_assert_int_eq(check_request(socket_of(_i)), -EBADMSG);
	}
}
END_TEST

START_TEST(refuses_every_reserved_bit_of_a_request)
{
	for (int bit = 0; bit < 32; bit++) {
		have_message(contract[_i].opcode, contract[_i].request);
		msg.bytes[sizeof(struct vfiod_hdr) + contract[_i].request - 4 + bit / 8] =
			(unsigned char)(1 << bit % 8);
		why = NULL;
		ck_assert_int_eq(check_request(socket_of(_i)), -EBADMSG);
	}
}
END_TEST

START_TEST(takes_a_request_from_its_own_sockets_only)
{
	for (unsigned int socket = VFIOD_ON_PUB; socket <= VFIOD_ON_ADMIN; socket <<= 1) {
		have_message(contract[_i].opcode, contract[_i].request);
		why = NULL;
		ck_assert_int_eq(check_request(socket), contract[_i].sockets & socket ? 0 : -EACCES);
		if (why)
			ck_assert_ptr_nonnull(strstr(why, socket == VFIOD_ON_PUB ? "admin.sock" : "pub/vfiod.sock"));
	}
}
END_TEST

START_TEST(refuses_an_operation_that_there_is_not)
{
	for (unsigned int opcode = 0; opcode <= UINT16_MAX; opcode++) {
		if (opcode >= 1 && opcode <= OPCODE_COUNT)
			continue;
		msg = (struct proto_msg){ .opcode = (uint16_t)opcode, .length = 16 };
		why = NULL;
		ck_assert_int_eq(check_request(VFIOD_ON_BOTH), -ENOSYS);
	}
}
END_TEST

/* ---- replies ---- */

static void have_reply(uint16_t opcode, uint32_t flags, size_t length)
{
	struct whole whole = message(opcode, length);

	whole.hdr.flags = htole32(flags);
	send_raw(&whole, size_of(&whole), NULL, 0);
	ck_assert_int_eq(proto_conn_recv(&far_end, &msg, 0, &why), 0);
}

START_TEST(takes_a_reply_of_its_operations_size)
{
	have_reply(contract[_i].opcode, VFIOD_REPLY, contract[_i].reply);
	ck_assert_int_eq(proto_check_reply(&msg, contract[_i].opcode, COOKIE), 0);
}
END_TEST

START_TEST(refuses_a_reply_of_any_other_size)
{
	for (size_t length = 0; length <= BODY_MAX; length++) {
		if (length == contract[_i].reply)
			continue;
		have_reply(contract[_i].opcode, VFIOD_REPLY, length);
		ck_assert_msg(proto_check_reply(&msg, contract[_i].opcode, COOKIE) == -EBADMSG, "%s of %zu bytes",
			      contract[_i].name, length);
	}
}
END_TEST

START_TEST(refuses_a_reply_to_another_request)
{
	uint16_t opcode = contract[_i].opcode;

	have_reply(opcode, VFIOD_REPLY, contract[_i].reply);
	ck_assert_int_eq(proto_check_reply(&msg, opcode, COOKIE + 1), -EBADMSG);
	ck_assert_int_eq(proto_check_reply(&msg, opcode, COOKIE ^ 1ull << 63), -EBADMSG);
	for (unsigned int other = 0; other <= UINT16_MAX; other++)
		if (other != opcode)
			ck_assert_int_eq(proto_check_reply(&msg, (uint16_t)other, COOKIE), -EBADMSG);
}
END_TEST

START_TEST(refuses_a_request_for_a_reply)
{
	have_reply(contract[_i].opcode, 0, contract[_i].reply);
	ck_assert_int_eq(proto_check_reply(&msg, contract[_i].opcode, COOKIE), -EBADMSG);
	have_reply(contract[_i].opcode, VFIOD_ERROR, sizeof(struct vfiod_error));
	ck_assert_int_eq(proto_check_reply(&msg, contract[_i].opcode, COOKIE), -EBADMSG);
}
END_TEST

START_TEST(refuses_a_reply_with_more_descriptors_than_its_operation_has)
{
	have_reply(contract[_i].opcode, VFIOD_REPLY, contract[_i].reply);
	for (unsigned int count = 0; count <= VFIOD_FDS_MAX; count++) {
		msg.fd_count = count;
		ck_assert_int_eq(proto_check_reply(&msg, contract[_i].opcode, COOKIE),
				 count <= contract[_i].fds ? 0 : -EBADMSG);
	}
}
END_TEST

START_TEST(takes_an_error_in_place_of_any_reply)
{
	have_reply(contract[_i].opcode, VFIOD_REPLY | VFIOD_ERROR, sizeof(struct vfiod_error));
	ck_assert_int_eq(proto_check_reply(&msg, contract[_i].opcode, COOKIE), 0);
}
END_TEST

START_TEST(refuses_an_error_of_any_other_size)
{
	for (size_t length = 0; length <= BODY_MAX; length++) {
		if (length == sizeof(struct vfiod_error))
			continue;
		have_reply(contract[_i].opcode, VFIOD_REPLY | VFIOD_ERROR, length);
		ck_assert_int_eq(proto_check_reply(&msg, contract[_i].opcode, COOKIE), -EBADMSG);
	}
}
END_TEST

START_TEST(refuses_an_error_with_descriptors)
{
	have_reply(VFIOD_ACQUIRE, VFIOD_REPLY | VFIOD_ERROR, sizeof(struct vfiod_error));
	msg.fd_count = 1;
	ck_assert_int_eq(proto_check_reply(&msg, VFIOD_ACQUIRE, COOKIE), -EBADMSG);
}
END_TEST

START_TEST(refuses_an_error_whose_text_does_not_end)
{
	struct vfiod_error *error = proto_msg_body(&msg);

	have_reply(VFIOD_LIST, VFIOD_REPLY | VFIOD_ERROR, sizeof(*error));
	memset(error->text, 'x', sizeof(error->text));
	ck_assert_int_eq(proto_check_reply(&msg, VFIOD_LIST, COOKIE), -EBADMSG);
	error->text[sizeof(error->text) - 1] = '\0';
	ck_assert_int_eq(proto_check_reply(&msg, VFIOD_LIST, COOKIE), 0);
}
END_TEST

static size_t list_size(size_t count)
{
	return sizeof(struct vfiod_list_rep) + count * sizeof(struct vfiod_device);
}

START_TEST(takes_a_list_that_is_as_long_as_it_says)
{
	struct vfiod_list_rep *rep = proto_msg_body(&msg);

	have_reply(VFIOD_LIST, VFIOD_REPLY, list_size((size_t)_i));
	rep->count = htole32((uint32_t)_i);
	ck_assert_int_eq(proto_check_reply(&msg, VFIOD_LIST, COOKIE), 0);
}
END_TEST

START_TEST(refuses_a_list_that_is_not_as_long_as_it_says)
{
	/* the last ones wrap around in 32 bits */
	static const uint32_t lies[] = {
		0,  1,	2,  3,	4,  5,		6,	    7,		8,	    9,		10,	    11,
		12, 13, 14, 15, 16, 0x7fffffff, 0x80000000, 0xffffffff, 0x20000000, 0x20000001, 0xe000000e,
	};
	struct vfiod_list_rep *rep = proto_msg_body(&msg);

	have_reply(VFIOD_LIST, VFIOD_REPLY, list_size((size_t)_i));
	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		rep->count = htole32(lies[i]);
		ck_assert_int_eq(proto_check_reply(&msg, VFIOD_LIST, COOKIE), lies[i] == (uint32_t)_i ? 0 : -EBADMSG);
	}
}
END_TEST

START_TEST(refuses_a_list_that_ends_within_a_record)
{
	struct vfiod_list_rep *rep = proto_msg_body(&msg);

	for (int off = -1; off <= 1; off += 2) {
		have_reply(VFIOD_LIST, VFIOD_REPLY, list_size(3) + (size_t)off);
		rep->count = htole32(3);
		ck_assert_int_eq(proto_check_reply(&msg, VFIOD_LIST, COOKIE), -EBADMSG);
	}
}
END_TEST

START_TEST(members_are_as_many_as_they_say)
{
	struct vfiod_members_rep *rep = proto_msg_body(&msg);
	static const uint32_t lies[] = { 0, 100, 101, 102, 0x7fffffff, 0x80000065, 0xffffffff };

	ck_assert_uint_eq(VFIOD_MEMBERS_MAX, 101);
	for (uint32_t count = 0; count <= 101; count += 101) {
		have_reply(VFIOD_MEMBERS, VFIOD_REPLY, 8 + 40 * count);
		for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
			rep->count = htole32(lies[i]);
			ck_assert_int_eq(proto_check_reply(&msg, VFIOD_MEMBERS, COOKIE),
					 lies[i] == count ? 0 : -EBADMSG);
		}
	}
	have_reply(VFIOD_MEMBERS, VFIOD_REPLY, 8 + 39);
	rep->count = htole32(1);
	ck_assert_int_eq(proto_check_reply(&msg, VFIOD_MEMBERS, COOKIE), -EBADMSG);
}
END_TEST

/* ---- events ---- */

/* An event as it should be, but for its @kind and @grace_ms. */
static struct whole lease_event(uint32_t kind, uint32_t grace_ms)
{
	const struct vfiod_lease_event body = {
		.lease = htole64(1),
		.address = htole64(0x100),
		.kind = htole32(kind),
		.grace_ms = htole32(grace_ms),
	};
	struct whole whole = message(VFIOD_LEASE_EVENT, sizeof(body));

	whole.hdr.flags = htole32(VFIOD_EVENT);
	whole.hdr.cookie = 0;
	memcpy(whole.body, &body, sizeof(body));
	return whole;
}

static int check_event(const struct whole *whole)
{
	send_raw(whole, size_of(whole), NULL, 0);
	ck_assert_int_eq(proto_conn_recv(&far_end, &msg, 0, &why), 0);
	return proto_check_event(&msg);
}

START_TEST(takes_the_events_that_there_are_and_no_other_kinds)
{
	static const uint32_t others[] = { 0, 3, 9, 11, 0x100, 0x10000, 0x1000001, 0xffffffff };
	struct whole whole = lease_event(VFIOD_LEASE_REVOKE_ANNOUNCED, 5000);

	ck_assert_int_eq(check_event(&whole), 0);
	whole = lease_event(VFIOD_LEASE_REVOKE_ANNOUNCED, 0);
	ck_assert_int_eq(check_event(&whole), 0);
	whole = lease_event(VFIOD_LEASE_REVOKED, 0);
	ck_assert_int_eq(check_event(&whole), 0);
	whole = lease_event(VFIOD_LEASE_REVOKED, 1);
	ck_assert_int_eq(check_event(&whole), -EBADMSG);
	whole = lease_event(VFIOD_LEASE_LIMITED, 60000);
	ck_assert_int_eq(check_event(&whole), 0);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		whole = lease_event(others[i], 0);
		ck_assert_int_eq(check_event(&whole), -EBADMSG);
	}
}
END_TEST

START_TEST(refuses_the_event_of_a_limit_in_version_2)
{
	struct whole whole = lease_event(VFIOD_LEASE_LIMITED, 60000);

	far_end.version = 2;
	whole.hdr.version = htole16(2);
	ck_assert_int_eq(check_event(&whole), -EBADMSG);
}
END_TEST

/* What happens to a function; tests spoil it. */
static struct vfiod_function_event function_event(uint32_t kind)
{
	return (struct vfiod_function_event){
		.lease = htole64(1),
		.address = htole64(0x100),
		.kind = htole32(kind),
		.severity = htole32(kind == VFIOD_FUNCTION_ERROR ? VFIOD_SEVERITY_FROZEN : VFIOD_SEVERITY_NONE),
	};
}

static struct whole function_message(const struct vfiod_function_event *body, size_t length)
{
	struct whole whole = message(VFIOD_FUNCTION_EVENT, length);

	whole.hdr.flags = htole32(VFIOD_EVENT);
	whole.hdr.cookie = 0;
	memcpy(whole.body, body, sizeof(*body));
	return whole;
}

static int check_function_event(const struct vfiod_function_event *body)
{
	const struct whole whole = function_message(body, sizeof(*body));

	return check_event(&whole);
}

START_TEST(takes_the_events_of_functions_and_no_other_kinds)
{
	static const uint32_t others[] = { 0, 1, 2, VFIOD_FUNCTION_WOKEN + 1, 0x104, 0x10004, 0xffffffff };
	struct vfiod_function_event event;

	for (uint32_t kind = VFIOD_FUNCTION_LOST; kind <= VFIOD_FUNCTION_WOKEN; kind++) {
		event = function_event(kind);
		ck_assert_int_eq(check_function_event(&event), 0);
		event.id = htole64(1ull << 63);
		ck_assert_int_eq(check_function_event(&event), 0);
		event.answer_ms = htole32(3000);
		ck_assert_int_eq(check_function_event(&event), 0);
	}
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		event = function_event(others[i]);
		ck_assert_int_eq(check_function_event(&event), -EBADMSG);
	}
}
END_TEST

START_TEST(refuses_an_event_of_a_function_that_contradicts_itself)
{
	struct vfiod_function_event event;

	for (uint32_t severity = 0; severity < 6; severity++) {
		event = function_event(VFIOD_FUNCTION_ERROR);
		event.severity = htole32(severity);
		ck_assert_int_eq(check_function_event(&event), severity >= 1 && severity <= 3 ? 0 : -EBADMSG);
		event.kind = htole32(VFIOD_FUNCTION_RESET);
		ck_assert_int_eq(check_function_event(&event), severity ? -EBADMSG : 0);
	}
	event = function_event(VFIOD_FUNCTION_SUSPEND);
	event.answer_ms = htole32(1); /* of no question */
	ck_assert_int_eq(check_function_event(&event), -EBADMSG);
	event = function_event(VFIOD_FUNCTION_SUSPEND);
	event.zero = htole32(0x80000000);
	ck_assert_int_eq(check_function_event(&event), -EBADMSG);
}
END_TEST

START_TEST(refuses_an_event_of_a_function_of_any_other_size_and_in_version_1)
{
	const struct vfiod_function_event event = function_event(VFIOD_FUNCTION_RESUMED);
	struct whole whole;

	for (uint32_t length = 0; length <= BODY_MAX; length++) {
		whole = function_message(&event, length);
		ck_assert_msg(check_event(&whole) == (length == sizeof(event) ? 0 : -EBADMSG), "an event of %u bytes",
			      length);
	}
	far_end.version = 1;
	whole = function_message(&event, sizeof(event));
	whole.hdr.version = htole16(1);
	ck_assert_int_eq(check_event(&whole), -EBADMSG);
}
END_TEST

START_TEST(refuses_an_event_of_any_other_size)
{
	for (uint32_t length = 0; length <= BODY_MAX; length++) {
		struct whole whole = lease_event(VFIOD_LEASE_REVOKED, 0);

		whole.hdr.length = htole32((uint32_t)sizeof(whole.hdr) + length);
		ck_assert_msg(check_event(&whole) == (length == sizeof(struct vfiod_lease_event) ? 0 : -EBADMSG),
			      "an event of %u bytes", length);
	}
}
END_TEST

START_TEST(refuses_an_event_with_any_other_flag_opcode_or_cookie)
{
	struct whole whole;

	for (uint32_t flags = 0; flags < 16; flags++) {
		whole = lease_event(VFIOD_LEASE_REVOKED, 0);
		whole.hdr.flags = htole32(flags);
		ck_assert_int_eq(check_event(&whole), flags == VFIOD_EVENT ? 0 : -EBADMSG);
	}
	for (unsigned int opcode = 2; opcode <= UINT16_MAX; opcode++) {
		whole = lease_event(VFIOD_LEASE_REVOKED, 0);
		whole.hdr.opcode = htole16((uint16_t)opcode);
		ck_assert_int_eq(check_event(&whole), opcode == VFIOD_LEASE_EVENT ? 0 : -EBADMSG);
	}
	for (int bit = 0; bit < 64; bit++) {
		whole = lease_event(VFIOD_LEASE_REVOKED, 0);
		whole.hdr.cookie = htole64(1ull << bit);
		ck_assert_int_eq(check_event(&whole), -EBADMSG);
	}
}
END_TEST

START_TEST(refuses_an_event_with_descriptors)
{
	const struct whole whole = lease_event(VFIOD_LEASE_REVOKED, 0);

	ck_assert_int_eq(check_event(&whole), 0);
	msg.fd_count = 1;
	ck_assert_int_eq(proto_check_event(&msg), -EBADMSG);
}
END_TEST

START_TEST(an_event_is_no_reply_and_a_reply_no_event)
{
	const struct whole whole = lease_event(VFIOD_LEASE_REVOKED, 0);

	ck_assert_int_eq(check_event(&whole), 0);
	ck_assert_int_eq(proto_check_reply(&msg, contract[_i].opcode, 0), -EBADMSG);
	have_reply(contract[_i].opcode, VFIOD_REPLY, contract[_i].reply);
	ck_assert_int_eq(proto_check_event(&msg), -EBADMSG);
}
END_TEST

/* ---- any bytes at all ---- */

static uint64_t seed;

/* xorshift64*: the same everywhere, so that a seed can be run again. */
static uint32_t random_below(uint32_t limit)
{
	seed ^= seed >> 12;
	seed ^= seed << 25;
	seed ^= seed >> 27;
	return (uint32_t)(seed * 0x2545f4914f6cdd1dull >> 32) % limit;
}

static const uint64_t interesting[] = { 0, 1, 0x7f, 0x80, 0xff, 0x7fff, 0xffff, 0x7fffffff, 0xffffffff, UINT64_MAX };

/* Changes nothing, a bit, a field of the header, or the size of a message. */
static size_t mutate(struct whole *whole, size_t size)
{
	unsigned char *bytes = (unsigned char *)whole;

	for (uint32_t changes = random_below(4); changes; changes--) {
		uint64_t value = interesting[random_below(10)];
		uint32_t width = 1u << random_below(4), at = random_below(24 / width) * width;

		switch (random_below(5)) {
		case 0:
			bytes[random_below((uint32_t)size + 1)] ^= (unsigned char)(1u << random_below(8));
			break;
		case 1:
			value = htole64(value);
			memcpy(bytes + at, &value, width);
			break;
		case 2: /* shorter or longer, and its header says so */
			size = random_below(VFIOD_MSG_MAX + 8);
			whole->hdr.length = htole32((uint32_t)size);
			break;
		case 3: /* shorter or longer, and its header lies */
			size = random_below(2) ? size + 1 : size - !!size;
			break;
		case 4:
			whole->hdr.opcode = htole16((uint16_t)random_below(OPCODE_COUNT + 2));
			break;
		}
		if (!size)
			break;
	}
	return size ? size : 1; /* no byte at all is the end of the connection */
}

static bool is_zero(const unsigned char *bytes, size_t size)
{
	while (size && !bytes[size - 1])
		size--;
	return !size;
}

/* What has to be true of every message that passed, looked at without the code that let it pass. */
static bool is_sound_request(size_t size, unsigned int socket)
{
	const struct vfiod_hdr *hdr = (const struct vfiod_hdr *)(const void *)msg.bytes;
	unsigned int op = le16toh(hdr->opcode) - 1u;

	return le32toh(hdr->magic) == VFIOD_MAGIC && le32toh(hdr->length) == size && !hdr->flags && op < OPCODE_COUNT &&
	       le16toh(hdr->version) == (op ? VFIOD_VERSION_MAX : VFIOD_VERSION_NONE) &&
	       size == sizeof(*hdr) + contract[op].request && contract[op].sockets & socket &&
	       is_zero(msg.bytes + size - 4, 4);
}

static bool is_sound_reply(size_t size, uint16_t opcode)
{
	const struct vfiod_hdr *hdr = (const struct vfiod_hdr *)(const void *)msg.bytes;
	const struct vfiod_list_rep *list = proto_msg_body(&msg);

	if (le32toh(hdr->length) != size || le16toh(hdr->opcode) != opcode || le64toh(hdr->cookie) != COOKIE ||
	    !(le32toh(hdr->flags) & VFIOD_REPLY))
		return false;
	if (le32toh(hdr->flags) & VFIOD_ERROR)
		return size == sizeof(*hdr) + sizeof(struct vfiod_error) && !msg.bytes[size - 1];
	if (opcode == VFIOD_MEMBERS)
		return le32toh(list->count) <= VFIOD_MEMBERS_MAX &&
		       size == sizeof(*hdr) + 8 + 40 * le32toh(list->count);
	if (opcode == VFIOD_LIST)
		return le32toh(list->count) <= VFIOD_LIST_MAX && size == sizeof(*hdr) + list_size(le32toh(list->count));
	return size == sizeof(*hdr) + contract[opcode - 1].reply;
}

static void announce_seed(uint64_t value)
{
	seed = value;
	printf("seed %#llx\n", (unsigned long long)seed);
	fflush(stdout);
}

START_TEST(no_mutation_of_a_request_passes_unless_it_is_whole)
{
	unsigned int before = count_fds(), passed = 0, refused = 0;
	const struct proto_op *op;

	announce_seed(0x76666f6401);
	for (int i = 0; i < 100000; i++) {
		unsigned int target = random_below(OPCODE_COUNT), fds = random_below(16) ? 0 : 1 + random_below(3);
		unsigned int socket = random_below(2) ? VFIOD_ON_PUB : VFIOD_ON_ADMIN;
		struct whole whole = message(contract[target].opcode, contract[target].request);
		size_t size = mutate(&whole, size_of(&whole));
		const int sent[] = { some_fd, some_fd, some_fd };
		int err;

		send_raw(&whole, size, sent, fds);
		err = proto_conn_recv(&far_end, &msg, 0, &why);
		if (fds && err != -EPERM)
			ck_abort_msg("message %d passed with descriptors: %d", i, err);
		if (fds) /* it was looked at, not taken */
			recv(far_end.fd, NULL, 0, 0);
		if (!err)
			err = proto_check_request(&msg, socket, &op, &why);
		if (!err && !is_sound_request(size, socket))
			ck_abort_msg("message %d passed", i);
		passed += !err;
		refused += err != 0;
	}
	ck_assert_uint_gt(passed, 1000);
	ck_assert_uint_gt(refused, 1000);
	ck_assert_uint_eq(count_fds(), before);
}
END_TEST

START_TEST(no_mutation_of_a_reply_passes_unless_it_is_whole)
{
	unsigned int before = count_fds(), passed = 0, refused = 0;

	announce_seed(0x76666f6402);
	for (int i = 0; i < 100000; i++) {
		unsigned int target = random_below(OPCODE_COUNT), count = random_below(VFIOD_LIST_MAX + 1);
		bool error = !random_below(4), list = !error && contract[target].opcode == VFIOD_LIST;
		size_t length = error ? sizeof(struct vfiod_error) : list ? list_size(count) : contract[target].reply;
		struct whole whole = message(contract[target].opcode, length);
		unsigned int fds = random_below(4);
		const int sent[] = { some_fd, some_fd, some_fd };
		size_t size;
		int err;

		whole.hdr.flags = htole32(VFIOD_REPLY | (error ? VFIOD_ERROR : 0));
		whole.body[0] = (unsigned char)(list ? count : 0);
		size = mutate(&whole, size_of(&whole));
		send_raw(&whole, size, sent, fds);
		err = proto_conn_recv(&far_end, &msg, VFIOD_FDS_MAX, &why);
		if (fds > VFIOD_FDS_MAX && err != -EPERM)
			ck_abort_msg("message %d passed with descriptors: %d", i, err);
		if (!err) {
			err = proto_check_reply(&msg, contract[target].opcode, COOKIE);
			if (!err && !is_sound_reply(size, contract[target].opcode))
				ck_abort_msg("message %d passed", i);
			proto_msg_close_fds(&msg);
		}
		passed += !err;
		refused += err != 0;
	}
	ck_assert_uint_gt(passed, 1000);
	ck_assert_uint_gt(refused, 1000);
	ck_assert_uint_eq(count_fds(), before);
}
END_TEST

static TCase *case_of(const char *name)
{
	TCase *tcase = tcase_create(name);

	tcase_add_checked_fixture(tcase, connect_ends, close_ends);
	tcase_set_timeout(tcase, 120);
	return tcase;
}

static TCase *round_trip_case(void)
{
	TCase *tcase = case_of("round trip");

	tcase_add_test(tcase, a_message_arrives_as_it_was_sent);
	tcase_add_test(tcase, the_bytes_of_a_message_are_those_of_the_contract);
	tcase_add_test(tcase, a_header_has_the_version_of_its_connection_and_that_of_hello_has_none);
	tcase_add_test(tcase, a_message_without_body_is_a_message);
	tcase_add_test(tcase, the_longest_body_fits);
	tcase_add_test(tcase, a_body_that_no_message_holds_is_not_sent);
	tcase_add_test(tcase, two_messages_stay_two);
	tcase_add_test(tcase, an_error_arrives_with_its_code_and_text);
	tcase_add_test(tcase, a_long_text_of_an_error_is_cut);
	return tcase;
}

static TCase *descriptors_case(void)
{
	TCase *tcase = case_of("descriptors");

	tcase_add_loop_test(tcase, as_many_descriptors_arrive_as_were_sent, 0, VFIOD_FDS_MAX + 1);
	tcase_add_test(tcase, a_descriptor_arrives_as_the_same_file_in_its_place_and_does_not_survive_exec);
	tcase_add_test(tcase, descriptors_that_the_receiver_took_are_not_closed_with_the_message);
	tcase_add_test(tcase, closing_the_descriptors_of_a_message_twice_closes_them_once);
	tcase_add_test(tcase, more_descriptors_than_a_message_has_are_not_sent);
	tcase_add_loop_test(tcase, refuses_a_message_with_more_descriptors_than_expected_and_keeps_none, 0,
			    sizeof(strays) / sizeof(strays[0]));
	tcase_add_loop_test(tcase, refuses_its_own_socket_and_keeps_none_of_it, 0, 2);
	tcase_add_test(tcase, closes_the_expected_descriptors_of_a_message_that_is_broken);
	tcase_add_loop_test(tcase, descriptors_without_a_byte_are_refused_and_not_taken_for_the_end, 0, 3);
	return tcase;
}

static TCase *framing_case(void)
{
	TCase *tcase = case_of("framing");

	tcase_add_loop_test(tcase, refuses_what_is_shorter_than_a_header, 1, sizeof(struct vfiod_hdr));
	tcase_add_loop_test(tcase, refuses_another_magic_number, 0, 4);
	tcase_add_loop_test(tcase, refuses_a_length_that_is_not_the_messages, 0, 12);
	tcase_add_loop_test(tcase, refuses_a_message_that_says_truly_that_it_is_too_long, 0, 3);
	tcase_add_loop_test(tcase, refuses_a_message_that_is_longer_than_a_message_can_be_and_says_to_fit, 0, 2);
	tcase_add_loop_test(tcase, refuses_a_version_that_was_not_agreed_on, 0, 4);
	tcase_add_loop_test(tcase, before_hello_refuses_everything_else_in_any_version, 0, 3);
	tcase_add_loop_test(tcase, refuses_hello_of_any_version_but_none, 0, 8);
	tcase_add_test(tcase, takes_hello_before_a_version_is_agreed_on);
	return tcase;
}

static TCase *socket_case(void)
{
	TCase *tcase = case_of("socket");

	tcase_add_loop_test(tcase, the_end_of_the_connection_is_told, 0, 3);
	tcase_add_test(tcase, a_message_to_one_who_is_gone_is_an_error_and_no_signal);
	tcase_add_loop_test(tcase, without_a_message_a_socket_that_does_not_block_says_so, 0, 3);
	tcase_add_test(tcase, a_full_socket_that_does_not_block_says_so_and_loses_nothing);
	tcase_add_test(tcase, signals_do_not_interrupt_the_wait_for_a_message);
	return tcase;
}

static TCase *requests_case(void)
{
	TCase *tcase = case_of("requests");

	tcase_add_loop_test(tcase, an_operation_is_as_the_contract_has_it, 0, OPCODE_COUNT);
	tcase_add_test(tcase, there_are_no_other_operations);
	tcase_add_test(tcase, the_longest_list_fits_into_a_message);
	tcase_add_loop_test(tcase, takes_a_request_of_its_operations_size, 0, OPCODE_COUNT);
	tcase_add_loop_test(tcase, refuses_a_request_of_any_other_size, 0, OPCODE_COUNT);
	tcase_add_loop_test(tcase, refuses_every_flag_of_a_request, 0, OPCODE_COUNT);
	tcase_add_loop_test(tcase, refuses_every_reserved_bit_of_a_request, 0, OPCODE_COUNT);
	tcase_add_loop_test(tcase, takes_a_request_from_its_own_sockets_only, 0, OPCODE_COUNT);
	tcase_add_test(tcase, refuses_an_operation_that_there_is_not);
	return tcase;
}

static TCase *replies_case(void)
{
	TCase *tcase = case_of("replies");

	tcase_add_loop_test(tcase, takes_a_reply_of_its_operations_size, 0, OPCODE_COUNT);
	tcase_add_loop_test(tcase, refuses_a_reply_of_any_other_size, 0, OPCODE_COUNT);
	tcase_add_loop_test(tcase, refuses_a_reply_to_another_request, 0, OPCODE_COUNT);
	tcase_add_loop_test(tcase, refuses_a_request_for_a_reply, 0, OPCODE_COUNT);
	tcase_add_loop_test(tcase, refuses_a_reply_with_more_descriptors_than_its_operation_has, 0, OPCODE_COUNT);
	tcase_add_loop_test(tcase, takes_an_error_in_place_of_any_reply, 0, OPCODE_COUNT);
	tcase_add_loop_test(tcase, refuses_an_error_of_any_other_size, 0, OPCODE_COUNT);
	tcase_add_test(tcase, refuses_an_error_with_descriptors);
	tcase_add_test(tcase, refuses_an_error_whose_text_does_not_end);
	tcase_add_test(tcase, members_are_as_many_as_they_say);
	tcase_add_loop_test(tcase, takes_a_list_that_is_as_long_as_it_says, 0, VFIOD_LIST_MAX + 1);
	tcase_add_loop_test(tcase, refuses_a_list_that_is_not_as_long_as_it_says, 0, VFIOD_LIST_MAX + 1);
	tcase_add_test(tcase, refuses_a_list_that_ends_within_a_record);
	return tcase;
}

static TCase *events_case(void)
{
	TCase *tcase = case_of("events");

	tcase_add_test(tcase, takes_the_events_that_there_are_and_no_other_kinds);
	tcase_add_test(tcase, refuses_the_event_of_a_limit_in_version_2);
	tcase_add_test(tcase, takes_the_events_of_functions_and_no_other_kinds);
	tcase_add_test(tcase, refuses_an_event_of_a_function_that_contradicts_itself);
	tcase_add_test(tcase, refuses_an_event_of_a_function_of_any_other_size_and_in_version_1);
	tcase_add_test(tcase, refuses_an_event_of_any_other_size);
	tcase_add_test(tcase, refuses_an_event_with_any_other_flag_opcode_or_cookie);
	tcase_add_test(tcase, refuses_an_event_with_descriptors);
	tcase_add_loop_test(tcase, an_event_is_no_reply_and_a_reply_no_event, 0, OPCODE_COUNT);
	return tcase;
}

static TCase *mutations_case(void)
{
	TCase *tcase = case_of("mutations");

	tcase_add_test(tcase, no_mutation_of_a_request_passes_unless_it_is_whole);
	tcase_add_test(tcase, no_mutation_of_a_reply_passes_unless_it_is_whole);
	return tcase;
}

int main(void)
{
	Suite *suite = suite_create("wire");
	SRunner *runner;
	int failed;

	suite_add_tcase(suite, round_trip_case());
	suite_add_tcase(suite, descriptors_case());
	suite_add_tcase(suite, framing_case());
	suite_add_tcase(suite, socket_case());
	suite_add_tcase(suite, requests_case());
	suite_add_tcase(suite, replies_case());
	suite_add_tcase(suite, events_case());
	suite_add_tcase(suite, mutations_case());
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
