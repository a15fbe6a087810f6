/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The daemon as it is started, on its real sockets: what it says to clients good and bad, how it begins and how it
 * ends. VFIOD: the program, if it is not ./vfiod/vfiod
 *
 * Nothing here takes a function from the host: no well-formed ASSIGN of a function that is there is ever sent.
 */
#include "proto/address.h"
#include "proto/conn.h"
#include "tests/temporary.h"

#include <check.h>
#include <dirent.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <grp.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE    20 /* seconds, that nothing ever takes */
#define SCM_MAX_FDS 253
#define COOKIE	    0x1122334455667788ull
#define NO_ADDRESS  0xfffffffeffffull /* of a function that no machine has */
#define NOBODY	    65534

/* A folder per test, with the run-time directory, the configuration and the daemon's log in it. */
static char root[TEMPORARY_MAX];
static char dir[TEMPORARY_MAX + 8], run_dir[88], state_dir[88], pub_path[104], admin_path[104], config_path[96],
	log_path[96];

static pid_t daemon_pid;
static int ready_fd = -1; /* the daemon's NOTIFY_SOCKET */

/* ---- files ---- */

static void write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "we");

	ck_assert_msg(file, "cannot write %s", path);
	ck_assert_int_ge(fputs(text, file), 0);
	ck_assert_int_eq(fclose(file), 0);
}

static const char *read_text(const char *path)
{
	static char text[65536];
	FILE *file = fopen(path, "re");

	ck_assert_msg(file, "cannot read %s", path);
	text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
	fclose(file);
	return text;
}

static bool exists(const char *path)
{
	struct stat st;

	return !lstat(path, &st);
}

static mode_t mode_of(const char *path)
{
	struct stat st;

	ck_assert_msg(!stat(path, &st), "there is no %s", path);
	return st.st_mode & 07777;
}

static void make_dir(void)
{
	snprintf(dir, sizeof(dir), "%s/XXXXXX", root);
	ck_assert_ptr_nonnull(mkdtemp(dir));
	ck_assert_int_eq(chmod(dir, 0755), 0);
	snprintf(run_dir, sizeof(run_dir), "%s/run", dir);
	snprintf(state_dir, sizeof(state_dir), "%s/state", dir);
	snprintf(pub_path, sizeof(pub_path), "%s/%s", run_dir, VFIOD_PUB_SOCKET);
	snprintf(admin_path, sizeof(admin_path), "%s/%s", run_dir, VFIOD_ADMIN_SOCKET);
	snprintf(config_path, sizeof(config_path), "%s/vfiod.conf", dir);
	snprintf(log_path, sizeof(log_path), "%s/log", dir);
	/* most tests are one user, who does a lot */
	write_file(config_path, "connections-per-user = 0\nrequests-per-second = 0\n");
}

/* ---- the daemon ---- */

static struct sockaddr_un address_of(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	ck_assert_uint_lt(strlen(path), sizeof(address.sun_path));
	strcpy(address.sun_path, path);
	return address;
}

/* What is different from a plain start. */
struct start {
	const char *const *arguments; /* instead of the usual ones */
	int sockets[2];		      /* of systemd, from number 3 on; 0: none */
	const char *socket_names;
	mode_t umask;
	rlim_t files;
	const char *watchdog; /* WATCHDOG_USEC */
};

static const char *const usual[] = {
	"--runtime-dir", run_dir, "--state-dir", state_dir, "--config", config_path, NULL,
};

static void pass_sockets(const struct start *start)
{
	char pid[16];
	int count = 0, fds[2];

	for (; count < 2 && start->sockets[count]; count++)
		fds[count] = fcntl(start->sockets[count], F_DUPFD, 16);
	for (int i = 0; i < count; i++)
		dup2(fds[i], 3 + i);
	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	setenv("LISTEN_PID", pid, 1);
	setenv("LISTEN_FDS", count == 2 ? "2" : "1", 1);
	setenv("LISTEN_FDNAMES", start->socket_names, 1);
}

static void become_daemon(const struct start *start, const char *ready_path)
{
	const char *program = getenv("VFIOD"), *arguments[10];
	int log = open(log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600), count = 1;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	arguments[0] = program ? program : "./vfiod/vfiod";
	for (const char *const *argument = start->arguments ? start->arguments : usual; *argument; argument++)
		arguments[count++] = *argument;
	arguments[count] = NULL;
	dup2(log, STDOUT_FILENO);
	dup2(log, STDERR_FILENO);
	unsetenv("JOURNAL_STREAM");
	setenv("NOTIFY_SOCKET", ready_path, 1);
	if (start->watchdog)
		setenv("WATCHDOG_USEC", start->watchdog, 1);
	umask(start->umask ? start->umask : 022);
	if (start->files)
		setrlimit(RLIMIT_NOFILE, &(struct rlimit){ start->files, start->files });
	/* whatever the test has open */
	close_range(start->socket_names ? 64 : 3, ~0u, CLOSE_RANGE_CLOEXEC);
	if (start->socket_names)
		pass_sockets(start);
	execv(arguments[0], (char *const *)(uintptr_t)arguments);
	_exit(127);
}

static pid_t spawn(const struct start *start, const char *ready_path)
{
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (!pid)
		become_daemon(start, ready_path);
	return pid;
}

/* Runs vfiod to its end. Return: its exit status. */
static int run_to_end(const struct start *start)
{
	pid_t pid = spawn(start, "");
	int status;

	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(WIFEXITED(status), "ended by signal %d: %s", WTERMSIG(status), read_text(log_path));
	return WEXITSTATUS(status);
}

static int last_signal; /* to the daemon; 0: none */

static void send_signal(int signal)
{
	last_signal = signal;
	ck_assert_int_eq(kill(daemon_pid, signal), 0);
}

/*
 * The same once more, after two seconds without an effect.  ThreadSanitizer's runtime loses a signal now and then, if
 * it comes right before a thread sleeps in epoll_wait(): that of GCC 12 and that of Clang 14 one of hundreds, of a
 * program of ten lines.  VFIOD_LOSES_SIGNALS=1 says that vfiod has such a runtime; no other vfiod gets one twice.
 */
static void send_again(unsigned int waited_ms)
{
	if (waited_ms && waited_ms % 2000 == 0 && last_signal && getenv("VFIOD_LOSES_SIGNALS"))
		kill(daemon_pid, last_signal);
}

/* The next thing that the daemon tells its service manager; or its log, when it ends instead. */
static const char *next_notice(void)
{
	struct pollfd ready = { .fd = ready_fd, .events = POLLIN };
	static char text[1024];

	for (int i = 0; i < PATIENCE * 10; i++) {
		if (poll(&ready, 1, 100) == 1) {
			ssize_t size = recv(ready_fd, text, sizeof(text) - 1, 0);

			ck_assert_int_gt(size, 0);
			text[size] = '\0';
			last_signal = 0; /* it has come */
			return text;
		}
		ck_assert_msg(!waitpid(daemon_pid, NULL, WNOHANG), "vfiod has ended: %s", read_text(log_path));
		send_again((unsigned int)i * 100);
	}
	ck_abort_msg("vfiod says nothing to its service manager: %s", read_text(log_path));
	return "";
}

static void expect_notice(const char *words)
{
	const char *text = next_notice();

	ck_assert_msg(strstr(text, words), "'%s' is not in: %s", words, text);
}

static void start_as(const struct start *start)
{
	char path[104];
	struct sockaddr_un address;

	snprintf(path, sizeof(path), "%s/ready", dir);
	unlink(path);
	address = address_of(path);
	if (ready_fd >= 0)
		close(ready_fd);
	ready_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(bind(ready_fd, (struct sockaddr *)&address, sizeof(address)), 0);
	daemon_pid = spawn(start, path);
	expect_notice("READY=1");
}

static void start(void)
{
	start_as(&(struct start){ 0 });
}

/* Waits until the daemon has ended. Return: its status as waitpid() has it. */
static int await_end(void)
{
	int status;
	pid_t ended;

	for (unsigned int ms = 0; !(ended = waitpid(daemon_pid, &status, WNOHANG)); ms += 10) {
		send_again(ms);
		poll(NULL, 0, 10);
	}
	ck_assert_int_eq(ended, daemon_pid);
	daemon_pid = last_signal = 0;
	return status;
}

/* Ends the daemon. Return: its exit status. */
static int stop_with(int signal)
{
	int status;

	send_signal(signal);
	status = await_end();
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

/* ---- clients ---- */

static int connect_to(const char *path)
{
	const struct timeval patience = { .tv_sec = PATIENCE };
	struct sockaddr_un address = address_of(path);
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)), 0);
	ck_assert_msg(!connect(fd, (struct sockaddr *)&address, sizeof(address)), "%s: %s", path, strerror(errno));
	return fd;
}

static struct proto_msg msg;   /* the last one received */
static const char *about = ""; /* the case that a loop is at */

static void receive(struct proto_conn *conn, uint16_t opcode, uint64_t cookie)
{
	const char *why = "";
	int err = proto_conn_recv(conn, &msg, VFIOD_FDS_MAX, &why);

	ck_assert_msg(!err, "%s: no answer: %s %s; its log: %s", about, strerror(-err), why,
		      err ? read_text(log_path) : "");
	ck_assert_uint_eq(msg.fd_count, 0);
	/* an error can be an answer to what was no message at all */
	ck_assert_uint_eq(msg.opcode, opcode);
	ck_assert_uint_eq(msg.cookie, cookie);
	if (proto_op(opcode))
		ck_assert_int_eq(proto_check_reply(&msg, opcode, cookie), 0);
}

static void expect_error(struct proto_conn *conn, uint16_t opcode, uint64_t cookie, int code, const char *words)
{
	struct vfiod_error *error = proto_msg_body(&msg);

	receive(conn, opcode, cookie);
	ck_assert_uint_eq(msg.flags, VFIOD_REPLY | VFIOD_ERROR);
	ck_assert_uint_eq(msg.length, sizeof(*error));
	ck_assert_msg(strstr(error->text, words), "%s: '%s' is not in: %s", about, words, error->text);
	ck_assert_ptr_null(strchr(error->text, '\n'));
	ck_assert_msg(le32toh(error->code) == (uint32_t)code, "%s: %u: %s", about, le32toh(error->code), error->text);
}

static void expect_end(const struct proto_conn *conn)
{
	char byte;

	ck_assert_int_eq(recv(conn->fd, &byte, 1, 0), 0);
}

static void ask(struct proto_conn *conn, uint16_t opcode, const void *body, size_t length)
{
	ck_assert_int_eq(proto_conn_send(conn, opcode, 0, COOKIE, body, length, NULL, 0), 0);
}

static void expect_refusal(struct proto_conn *conn, uint16_t opcode, const void *body, size_t length, int code,
			   const char *words)
{
	ask(conn, opcode, body, length);
	expect_error(conn, opcode, COOKIE, code, words);
}

static const struct vfiod_hello_rep *say_hello(struct proto_conn *conn, uint16_t min, uint16_t max)
{
	const struct vfiod_hello_req body = { .version_min = htole16(min), .version_max = htole16(max) };
	const struct vfiod_hello_rep *rep = proto_msg_body(&msg);

	ask(conn, VFIOD_HELLO, &body, sizeof(body));
	receive(conn, VFIOD_HELLO, COOKIE);
	ck_assert_uint_eq(msg.flags, VFIOD_REPLY);
	conn->version = le16toh(rep->version);
	return rep;
}

static struct proto_conn strange_client(const char *path)
{
	return (struct proto_conn){ .fd = connect_to(path), .version = VFIOD_VERSION_NONE };
}

static struct proto_conn client_of(const char *path)
{
	struct proto_conn conn = strange_client(path);

	say_hello(&conn, VFIOD_VERSION_MIN, VFIOD_VERSION_MAX);
	return conn;
}

/* Return: how many there are. */
static uint32_t list(struct proto_conn *conn, uint64_t from, uint32_t max)
{
	const struct vfiod_list_req body = { .start = htole64(from), .max = htole32(max) };
	const struct vfiod_list_rep *rep = proto_msg_body(&msg);

	ask(conn, VFIOD_LIST, &body, sizeof(body));
	receive(conn, VFIOD_LIST, COOKIE);
	ck_assert_uint_eq(msg.flags, VFIOD_REPLY);
	return le32toh(rep->count);
}

/* ---- a witness: a good client that is there all the time ---- */

static struct proto_conn witness;
static unsigned int baseline; /* descriptors of the daemon with the witness alone */

static unsigned int count_fds(void)
{
	char path[32];
	DIR *fds;
	unsigned int count = 0;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)daemon_pid);
	fds = opendir(path);
	ck_assert_ptr_nonnull(fds);
	while (readdir(fds))
		count++;
	closedir(fds);
	return count;
}

static void start_with_witness(void)
{
	make_dir();
	start();
	witness = client_of(pub_path);
	baseline = count_fds();
}

/* Others are served as before, and nothing of those who are gone is left. */
static void assert_unharmed(void)
{
	time_t end = time(NULL) + PATIENCE;
	struct proto_conn other = client_of(pub_path);

	list(&other, 0, 1);
	close(other.fd);
	do
		list(&witness, 0, 1); /* the daemon has been round its loop when it answers */
	while (count_fds() != baseline && time(NULL) < end);
	ck_assert_uint_eq(count_fds(), baseline);
}

static void assert_unharmed_and_stop(void)
{
	assert_unharmed();
	close(witness.fd);
	ck_assert_msg(!stop_with(SIGTERM), "%s", read_text(log_path));
}

static void stop_what_runs(void)
{
	if (daemon_pid)
		ck_assert_msg(!stop_with(SIGTERM), "%s", read_text(log_path));
}

/* ---- HELLO ---- */

START_TEST(hello_settles_on_a_version_that_both_speak)
{
	static const struct {
		uint16_t min, max, agreed;
	} ranges[] = { { 1, 1, 1 }, { 1, 9, 3 }, { 2, 2, 2 }, { 3, 4, 3 }, { 0, 1, 1 }, { 0, 65535, 3 } };
	struct proto_conn conn = strange_client(pub_path);
	const struct vfiod_hello_rep *rep = say_hello(&conn, ranges[_i].min, ranges[_i].max);

	ck_assert_uint_eq(le16toh(rep->version), ranges[_i].agreed);
	ck_assert_uint_eq(le16toh(rep->version_min), VFIOD_VERSION_MIN);
	ck_assert_uint_eq(le16toh(rep->version_max), VFIOD_VERSION_MAX);
	ck_assert_uint_eq(le16toh(rep->features), 0);
	ck_assert_uint_eq(le32toh(rep->uid), getuid());
	list(&conn, 0, 1);
	close(conn.fd);
}
END_TEST

START_TEST(hello_without_a_common_version_names_those_of_both)
{
	static const struct {
		uint16_t min, max;
		const char *words;
	} ranges[] = {
		{ 4, 9, "versions 4 to 9" },
		{ 0, 0, "versions 0 to 0" },
		{ 9, 1, "versions 9 to 1" },
		{ 65535, 65535, "versions 65535 to 65535" },
	};
	const struct vfiod_hello_req body = { .version_min = htole16(ranges[_i].min),
					      .version_max = htole16(ranges[_i].max) };
	struct proto_conn conn = strange_client(pub_path);

	expect_refusal(&conn, VFIOD_HELLO, &body, sizeof(body), EPROTONOSUPPORT, ranges[_i].words);
	expect_refusal(&conn, VFIOD_HELLO, &body, sizeof(body), EPROTONOSUPPORT, "this vfiod versions 1 to 3");
	/* it was a good message: the client may ask for less */
	say_hello(&conn, 1, 1);
	list(&conn, 0, 1);
	close(conn.fd);
}
END_TEST

/* ---- who breaks the rules gets one answer, and the connection ends ---- */

/* A message as it should be, up to what each case makes of it. */
struct whole {
	struct vfiod_hdr hdr;
	unsigned char body[65536 - sizeof(struct vfiod_hdr)];
};

static const struct broken {
	const char *name;
	bool after_hello;
	uint16_t opcode;
	size_t length; /* of the body */
	size_t size;   /* of the message, if it is not what its header says */
	uint32_t magic, flags, zero;
	uint16_t version;
	unsigned int fds;
	int code;
	const char *words;
} broken[] = {
	{ "LIST in no version before HELLO", false, VFIOD_LIST, 16, .code = EPROTONOSUPPORT, .words = "HELLO" },
	{ "LIST in version 1 before HELLO", false, VFIOD_LIST, 16, .version = 1, .code = EPROTONOSUPPORT,
	  .words = "HELLO" },
	{ "ACQUIRE before HELLO", false, VFIOD_ACQUIRE, 16, .version = 1, .code = EPROTONOSUPPORT, .words = "HELLO" },
	{ "unknown before HELLO", false, 4711, 16, .version = 1, .code = EPROTONOSUPPORT, .words = "HELLO" },
	{ "HELLO in version 1", false, VFIOD_HELLO, 8, .version = 1, .code = EPROTONOSUPPORT, .words = "version 0" },
	{ "short HELLO", false, VFIOD_HELLO, 7, .code = EBADMSG, .words = "size" },
	{ "long HELLO", false, VFIOD_HELLO, 9, .code = EBADMSG, .words = "size" },
	{ "HELLO with reserved bits", false, VFIOD_HELLO, 8, .zero = 1, .code = EBADMSG, .words = "reserved" },
	{ "second HELLO", true, VFIOD_HELLO, 8, .code = EBADMSG, .words = "one HELLO" },
	{ "unknown operation", true, 0x7fff, 16, .version = VFIOD_VERSION_MAX, .code = ENOSYS,
	  .words = "does not know" },
	{ "operation 0", true, 0, 16, .version = VFIOD_VERSION_MAX, .code = ENOSYS, .words = "does not know" },
	{ "operation 65535", true, 65535, 16, .version = VFIOD_VERSION_MAX, .code = ENOSYS, .words = "does not know" },
	{ "one byte", true, 0, 0, .size = 1, .version = VFIOD_VERSION_MAX, .code = EBADMSG, .words = "shorter" },
	{ "almost a header", true, 0, 0, .size = 23, .version = VFIOD_VERSION_MAX, .code = EBADMSG,
	  .words = "shorter" },
	{ "a header alone", true, VFIOD_LIST, 0, .version = VFIOD_VERSION_MAX, .code = EBADMSG, .words = "size" },
	{ "short LIST", true, VFIOD_LIST, 15, .version = VFIOD_VERSION_MAX, .code = EBADMSG, .words = "size" },
	{ "long LIST", true, VFIOD_LIST, 17, .version = VFIOD_VERSION_MAX, .code = EBADMSG, .words = "size" },
	{ "longest LIST", true, VFIOD_LIST, 4072, .version = VFIOD_VERSION_MAX, .code = EBADMSG, .words = "size" },
	{ "a header that says more", true, VFIOD_LIST, 16, .size = 39, .version = VFIOD_VERSION_MAX, .code = EBADMSG,
	  .words = "length" },
	{ "a header that says less", true, VFIOD_LIST, 16, .size = 41, .version = VFIOD_VERSION_MAX, .code = EBADMSG,
	  .words = "length" },
	{ "one byte too many", true, VFIOD_LIST, 4073, .version = VFIOD_VERSION_MAX, .code = EBADMSG,
	  .words = "length" },
	{ "64 KiB", true, VFIOD_LIST, 65536 - 24, .version = VFIOD_VERSION_MAX, .code = EBADMSG, .words = "length" },
	{ "64 KiB that say to be 40 bytes", true, VFIOD_LIST, 16, .size = 65536, .version = VFIOD_VERSION_MAX,
	  .code = EBADMSG, .words = "length" },
	{ "another magic", true, VFIOD_LIST, 16, .version = VFIOD_VERSION_MAX, .magic = 1, .code = EBADMSG,
	  .words = "magic" },
	{ "no version", true, VFIOD_LIST, 16, .code = EPROTONOSUPPORT, .words = "version" },
	{ "another version", true, VFIOD_LIST, 16, .version = VFIOD_VERSION_MAX + 1, .code = EPROTONOSUPPORT,
	  .words = "version" },
	{ "a reply", true, VFIOD_LIST, 16, .version = VFIOD_VERSION_MAX, .flags = VFIOD_REPLY, .code = EBADMSG,
	  .words = "reserved" },
	{ "a flag", true, VFIOD_LIST, 16, .version = VFIOD_VERSION_MAX, .flags = 1u << 31, .code = EBADMSG,
	  .words = "reserved" },
	{ "reserved bits", true, VFIOD_LIST, 16, .version = VFIOD_VERSION_MAX, .zero = 1u << 31, .code = EBADMSG,
	  .words = "reserved" },
	{ "a descriptor", true, VFIOD_LIST, 16, .version = VFIOD_VERSION_MAX, .fds = 1, .code = EPERM,
	  .words = "descriptors" },
	{ "two descriptors", true, VFIOD_LIST, 16, .version = VFIOD_VERSION_MAX, .fds = 2, .code = EPERM,
	  .words = "descriptors" },
	{ "all descriptors that fit", true, VFIOD_LIST, 16, .version = VFIOD_VERSION_MAX, .fds = SCM_MAX_FDS,
	  .code = EPERM, .words = "descriptors" },
	{ "HELLO with descriptors", false, VFIOD_HELLO, 8, .fds = SCM_MAX_FDS, .code = EPERM, .words = "descriptors" },
};

#define BROKEN_COUNT ((int)(sizeof(broken) / sizeof(broken[0])))

/* Return: false where the kernel has refused it, and nothing was sent. */
static bool send_raw(int fd, const void *bytes, size_t size, const int *fds, unsigned int fd_count)
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
	if (sendmsg(fd, &mh, MSG_NOSIGNAL) == (ssize_t)size)
		return true;
	/* Linux 6.16 and newer refuse descriptors on vfiod's behalf; on older ones vfiod does */
	ck_assert_int_eq(errno, EPERM);
	ck_assert_uint_gt(fd_count, 0);
	return false;
}

static bool send_broken(const struct proto_conn *conn, const struct broken *as)
{
	static struct whole whole;
	uint32_t zero = htole32(as->zero);
	int fds[SCM_MAX_FDS];

	whole = (struct whole){
		.hdr = {
			.magic = htole32(VFIOD_MAGIC ^ as->magic),
			.version = htole16(as->version),
			.opcode = htole16(as->opcode),
			.length = htole32((uint32_t)(sizeof(whole.hdr) + as->length)),
			.flags = htole32(as->flags),
			.cookie = htole64(COOKIE),
		},
	};
	if (as->length >= sizeof(zero))
		memcpy(whole.body + as->length - sizeof(zero), &zero, sizeof(zero));
	for (unsigned int i = 0; i < as->fds; i++)
		fds[i] = i % 2 ? conn->fd : STDIN_FILENO; /* its own socket among them */
	return send_raw(conn->fd, &whole, as->size ? as->size : sizeof(whole.hdr) + as->length, fds, as->fds);
}

static void expect_expulsion(const char *path, const struct broken *as)
{
	struct proto_conn conn = as->after_hello ? client_of(path) : strange_client(path);
	bool header = (!as->size || as->size >= sizeof(struct vfiod_hdr)) && !as->magic;

	about = as->name;
	if (send_broken(&conn, as)) {
		expect_error(&conn, header ? as->opcode : 0, header ? COOKIE : 0, as->code, as->words);
		expect_end(&conn);
	}
	close(conn.fd);
}

START_TEST(who_breaks_the_rules_on_the_public_socket_gets_one_answer_and_the_connection_ends)
{
	expect_expulsion(pub_path, &broken[_i]);
}
END_TEST

START_TEST(who_breaks_the_rules_on_the_administrators_socket_gets_one_answer_and_the_connection_ends)
{
	expect_expulsion(admin_path, &broken[_i]);
}
END_TEST

START_TEST(a_thousand_who_break_the_rules_leave_nothing_behind)
{
	for (int i = 0; i < 1000; i++)
		expect_expulsion(i % 2 ? pub_path : admin_path, &broken[i % BROKEN_COUNT]);
}
END_TEST

START_TEST(a_packet_without_a_byte_ends_the_connection)
{
	struct proto_conn conn = client_of(pub_path);

	send_raw(conn.fd, "", 0, NULL, 0);
	expect_end(&conn);
	close(conn.fd);
}
END_TEST

START_TEST(descriptors_without_a_byte_are_refused)
{
	struct proto_conn conn = client_of(pub_path);

	if (send_raw(conn.fd, "", 0, &conn.fd, 1)) {
		expect_error(&conn, 0, 0, EPERM, "descriptors");
		expect_end(&conn);
	} else {
		list(&conn, 0, 1); /* nothing has come that would end it */
	}
	close(conn.fd);
}
END_TEST

START_TEST(odd_descriptors_are_refused)
{
	struct proto_conn conn = client_of(pub_path);
	const int fds[] = { epoll_create1(EPOLL_CLOEXEC), open("/proc/self/mem", O_RDWR | O_CLOEXEC), conn.fd,
			    witness.fd };

	if (send_raw(conn.fd, "odd", 3, fds, 4)) {
		expect_error(&conn, 0, 0, EPERM, "descriptors");
		expect_end(&conn);
	}
	close(fds[0]);
	close(fds[1]);
	close(conn.fd);
}
END_TEST

/* ---- what is refused, and the connection stays ---- */

START_TEST(an_administrators_request_on_the_public_socket_is_refused_and_the_connection_stays)
{
	const struct vfiod_assign_req assign = { .address = htole64(NO_ADDRESS), .gid = htole32(VFIOD_NONE) };
	const struct vfiod_unassign_req unassign = { .address = htole64(NO_ADDRESS) };
	const struct vfiod_revoke_req revoke = { .address = htole64(NO_ADDRESS) };
	const struct vfiod_clear_req clear = { .address = htole64(NO_ADDRESS) };
	struct proto_conn conn = client_of(pub_path);

	expect_refusal(&conn, VFIOD_ASSIGN, &assign, sizeof(assign), EACCES, "admin.sock");
	expect_refusal(&conn, VFIOD_UNASSIGN, &unassign, sizeof(unassign), EACCES, "admin.sock");
	expect_refusal(&conn, VFIOD_REVOKE, &revoke, sizeof(revoke), EACCES, "admin.sock");
	expect_refusal(&conn, VFIOD_CLEAR, &clear, sizeof(clear), EACCES, "admin.sock");
	ck_assert_ptr_nonnull(strstr(read_text(log_path), "vfiod: REVOKE of user "));
	list(&conn, 0, 1);
	close(conn.fd);
}
END_TEST

START_TEST(a_clients_request_on_the_administrators_socket_is_refused_and_the_connection_stays)
{
	const struct vfiod_acquire_req acquire = { .address = htole64(NO_ADDRESS), .mode = htole32(1) };
	const struct vfiod_release_req release = { .lease = htole64(1) };
	const struct vfiod_answer_req answer = { .lease = htole64(1) };
	struct proto_conn conn = client_of(admin_path);

	expect_refusal(&conn, VFIOD_ACQUIRE, &acquire, sizeof(acquire), EACCES, "pub/vfiod.sock");
	expect_refusal(&conn, VFIOD_RELEASE, &release, sizeof(release), EACCES, "pub/vfiod.sock");
	expect_refusal(&conn, VFIOD_ANSWER, &answer, sizeof(answer), EACCES, "pub/vfiod.sock");
	list(&conn, 0, 1);
	close(conn.fd);
}
END_TEST

START_TEST(an_answer_about_no_lease_is_refused_and_the_connection_stays)
{
	const struct vfiod_answer_req answer = { .lease = htole64(1), .id = htole64(1), .verdict = htole32(1) };
	struct proto_conn conn = client_of(pub_path);

	expect_refusal(&conn, VFIOD_ANSWER, &answer, sizeof(answer), ENOENT, "has no lease 1");
	list(&conn, 0, 1);
	close(conn.fd);
}
END_TEST

START_TEST(a_function_that_is_not_there_is_named)
{
	const struct vfiod_acquire_req acquire = { .address = htole64(NO_ADDRESS), .mode = htole32(1) };
	const struct vfiod_assign_req assign = { .address = htole64(NO_ADDRESS), .gid = htole32(VFIOD_NONE) };
	const struct vfiod_unassign_req unassign = { .address = htole64(NO_ADDRESS) };
	const struct vfiod_revoke_req revoke = { .address = htole64(NO_ADDRESS) };
	const struct vfiod_clear_req clear = { .address = htole64(NO_ADDRESS) };
	struct proto_conn conn = client_of(pub_path), admin = client_of(admin_path);

	expect_refusal(&conn, VFIOD_ACQUIRE, &acquire, sizeof(acquire), ENODEV, "fffffffe:ff:1f.7");
	expect_refusal(&admin, VFIOD_ASSIGN, &assign, sizeof(assign), ENODEV, "fffffffe:ff:1f.7");
	expect_refusal(&admin, VFIOD_UNASSIGN, &unassign, sizeof(unassign), ENODEV, "vfioctl list");
	expect_refusal(&admin, VFIOD_REVOKE, &revoke, sizeof(revoke), ENODEV, "fffffffe:ff:1f.7");
	expect_refusal(&admin, VFIOD_CLEAR, &clear, sizeof(clear), ENODEV, "fffffffe:ff:1f.7");
	list(&conn, 0, 1);
	list(&admin, 0, 1);
	close(conn.fd);
	close(admin.fd);
}
END_TEST

START_TEST(a_lease_that_is_not_there_cannot_be_released)
{
	static const uint64_t leases[] = { 0, 1, 0x8000000000000000ull, UINT64_MAX };
	const struct vfiod_release_req release = { .lease = htole64(leases[_i]) };
	struct proto_conn conn = client_of(pub_path);

	expect_refusal(&conn, VFIOD_RELEASE, &release, sizeof(release), ENOENT, "no lease");
	list(&conn, 0, 1);
	close(conn.fd);
}
END_TEST

/* The address of some function of this machine. Return: false when it has none. */
static bool some_address(uint64_t *address)
{
	const struct vfiod_list_rep *rep = proto_msg_body(&msg);

	if (!list(&witness, 0, 1))
		return false;
	*address = le64toh(rep->devices[0].address);
	return true;
}

START_TEST(a_function_that_is_not_assigned_cannot_be_acquired)
{
	struct proto_conn conn = client_of(pub_path);
	uint64_t address;

	if (some_address(&address)) {
		const struct vfiod_acquire_req acquire = { .address = htole64(address), .mode = htole32((uint32_t)_i) };

		expect_refusal(&conn, VFIOD_ACQUIRE, &acquire, sizeof(acquire), EACCES, "vfioctl assign");
	}
	close(conn.fd);
}
END_TEST

START_TEST(a_mode_that_there_is_not_is_refused)
{
	static const uint32_t modes[] = { 0, VFIOD_MODE_IOMMUFD + 1, 0xffffffff };
	struct proto_conn conn = client_of(pub_path);
	uint64_t address;

	if (some_address(&address)) {
		const struct vfiod_acquire_req acquire = { .address = htole64(address), .mode = htole32(modes[_i]) };

		expect_refusal(&conn, VFIOD_ACQUIRE, &acquire, sizeof(acquire), EINVAL, "mode");
	}
	close(conn.fd);
}
END_TEST

START_TEST(an_assignment_to_nobody_or_to_two_is_refused)
{
	struct proto_conn conn = client_of(admin_path);
	uint32_t id = _i ? VFIOD_NONE : 0;
	uint64_t address;

	if (some_address(&address)) {
		const struct vfiod_assign_req assign = { .address = htole64(address),
							 .uid = htole32(id),
							 .gid = htole32(id) };

		expect_refusal(&conn, VFIOD_ASSIGN, &assign, sizeof(assign), EINVAL, "either a user or a group");
	}
	close(conn.fd);
}
END_TEST

START_TEST(a_function_that_is_not_assigned_cannot_be_given_back)
{
	struct proto_conn conn = client_of(admin_path);
	uint64_t address;

	if (some_address(&address)) {
		const struct vfiod_unassign_req unassign = { .address = htole64(address) };

		expect_refusal(&conn, VFIOD_UNASSIGN, &unassign, sizeof(unassign), EINVAL, "not assigned");
	}
	close(conn.fd);
}
END_TEST

START_TEST(a_function_that_is_not_leased_cannot_be_revoked)
{
	struct proto_conn conn = client_of(admin_path);
	uint64_t address;

	if (some_address(&address)) {
		const struct vfiod_revoke_req revoke = { .address = htole64(address) };

		expect_refusal(&conn, VFIOD_REVOKE, &revoke, sizeof(revoke), EINVAL, "not leased");
	}
	close(conn.fd);
}
END_TEST

/* ---- LIST ---- */

struct addresses {
	uint64_t *list;
	size_t count;
};

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static struct addresses of_this_machine(void)
{
	struct addresses found = { calloc(4096, sizeof(uint64_t)), 0 };
	DIR *devices = opendir("/sys/bus/pci/devices");
	const struct dirent *entry;

	ck_assert_ptr_nonnull(found.list);
	while (devices && (entry = readdir(devices)))
		if (!proto_address_parse(entry->d_name, &found.list[found.count]))
			ck_assert_uint_lt(found.count++, 4095);
	if (devices)
		closedir(devices);
	qsort(found.list, found.count, sizeof(uint64_t), compare);
	return found;
}

START_TEST(a_walk_through_the_list_has_every_function_once_and_in_order)
{
	struct addresses expected = of_this_machine();
	struct proto_conn conn = client_of(pub_path);
	const struct vfiod_list_rep *rep = proto_msg_body(&msg);
	uint64_t start_at = 0;
	uint32_t count;
	size_t seen = 0;

	while ((count = list(&conn, start_at, (uint32_t)_i))) {
		ck_assert_uint_le(count, (uint32_t)_i);
		for (uint32_t i = 0; i < count; i++, seen++) {
			ck_assert_uint_lt(seen, expected.count);
			ck_assert_uint_eq(le64toh(rep->devices[i].address), expected.list[seen]);
		}
		start_at = le64toh(rep->devices[count - 1].address) + 1;
	}
	ck_assert_uint_eq(seen, expected.count);
	free(expected.list);
	close(conn.fd);
}
END_TEST

START_TEST(a_list_is_as_long_as_was_asked_for_and_not_longer_than_there_are_functions)
{
	struct addresses expected = of_this_machine();
	struct proto_conn conn = client_of(pub_path);

	for (size_t max = expected.count > 1 ? expected.count - 1 : 1; max <= expected.count + 1; max++) {
		size_t wanted = max < expected.count ? max : expected.count;

		if (max <= VFIOD_LIST_MAX)
			ck_assert_uint_eq(list(&conn, 0, (uint32_t)max), wanted);
	}
	free(expected.list);
	close(conn.fd);
}
END_TEST

START_TEST(a_list_of_none_or_of_too_many_is_refused)
{
	static const uint32_t sizes[] = { 0, VFIOD_LIST_MAX + 1, 0x7fffffff, 0x80000000, UINT32_MAX };
	const struct vfiod_list_req body = { .max = htole32(sizes[_i]) };
	struct proto_conn conn = client_of(pub_path);

	expect_refusal(&conn, VFIOD_LIST, &body, sizeof(body), EINVAL, "1 to 14");
	ck_assert_uint_le(list(&conn, 0, VFIOD_LIST_MAX), VFIOD_LIST_MAX);
	close(conn.fd);
}
END_TEST

START_TEST(a_list_begins_at_the_address_that_was_asked_for_or_behind_it)
{
	struct addresses expected = of_this_machine();
	struct proto_conn conn = client_of(pub_path);
	const struct vfiod_list_rep *rep = proto_msg_body(&msg);

	for (size_t i = 0; i < expected.count; i++) {
		ck_assert_uint_eq(list(&conn, expected.list[i], 1), 1);
		ck_assert_uint_eq(le64toh(rep->devices[0].address), expected.list[i]);
		ck_assert_uint_eq(list(&conn, expected.list[i] + 1, 1), i + 1 < expected.count);
	}
	ck_assert_uint_eq(list(&conn, UINT64_MAX, VFIOD_LIST_MAX), 0);
	free(expected.list);
	close(conn.fd);
}
END_TEST

static uint32_t attribute(const char *address, const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/%s", address, name);
	return (uint32_t)strtoul(read_text(path), NULL, 16);
}

/* The last part of what a link of sysfs points to, or "". */
static const char *link_of(const char *address, const char *name)
{
	static char target[512];
	char path[128];
	ssize_t length;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/%s", address, name);
	length = readlink(path, target, sizeof(target) - 1);
	target[length < 0 ? 0 : length] = '\0';
	return strrchr(target, '/') ? strrchr(target, '/') + 1 : target;
}

static void assert_as_in_sysfs(const struct vfiod_device *device)
{
	char address[PROTO_ADDRESS_LEN];
	const char *group;

	proto_address_format(le64toh(device->address), address);
	ck_assert_uint_eq(le16toh(device->vendor), attribute(address, "vendor"));
	ck_assert_uint_eq(le16toh(device->device), attribute(address, "device"));
	ck_assert_uint_eq(le16toh(device->subsystem_vendor), attribute(address, "subsystem_vendor"));
	ck_assert_uint_eq(le16toh(device->subsystem_device), attribute(address, "subsystem_device"));
	ck_assert_uint_eq(le32toh(device->class_code), attribute(address, "class"));
	ck_assert_str_eq(device->driver, link_of(address, "driver"));
	group = link_of(address, "iommu_group");
	ck_assert_uint_eq(le32toh(device->group), *group ? strtoul(group, NULL, 10) : VFIOD_NONE);
}

START_TEST(the_list_says_of_every_function_what_sysfs_says_and_that_it_is_the_hosts)
{
	struct addresses expected = of_this_machine();
	struct proto_conn conn = client_of(pub_path);
	const struct vfiod_list_rep *rep = proto_msg_body(&msg);

	for (size_t i = 0; i < expected.count; i++) {
		ck_assert_uint_eq(list(&conn, expected.list[i], 1), 1);
		assert_as_in_sysfs(&rep->devices[0]);
		ck_assert_uint_eq(le32toh(rep->devices[0].state), VFIOD_UNMANAGED);
		ck_assert_uint_eq(le32toh(rep->devices[0].owner_uid), VFIOD_NONE);
		ck_assert_uint_eq(le32toh(rep->devices[0].owner_gid), VFIOD_NONE);
		ck_assert_uint_eq(le32toh(rep->devices[0].holder_uid), VFIOD_NONE);
		ck_assert_uint_eq(le32toh(rep->devices[0].holder_pid), VFIOD_NONE);
		ck_assert_str_eq(rep->devices[0].original_driver, "");
		ck_assert_str_eq(rep->devices[0].reason, "");
	}
	free(expected.list);
	close(conn.fd);
}
END_TEST

/* ---- clients that come and go ---- */

START_TEST(what_was_asked_before_a_half_close_is_answered)
{
	const struct vfiod_list_req body = { .max = htole32(1) };
	struct proto_conn conn = client_of(pub_path);

	ask(&conn, VFIOD_LIST, &body, sizeof(body));
	ck_assert_int_eq(shutdown(conn.fd, SHUT_WR), 0);
	receive(&conn, VFIOD_LIST, COOKIE);
	expect_end(&conn);
	close(conn.fd);
}
END_TEST

START_TEST(a_half_close_ends_the_connection)
{
	struct proto_conn conn = client_of(pub_path);

	ck_assert_int_eq(shutdown(conn.fd, SHUT_WR), 0);
	expect_end(&conn);
	close(conn.fd);
}
END_TEST

START_TEST(clients_that_leave_at_any_moment_leave_nothing_behind)
{
	const struct vfiod_hello_req hello = { .version_min = htole16(1), .version_max = htole16(1) };
	const struct vfiod_list_req body = { .max = htole32(1) };

	for (int i = 0; i < 600; i++) {
		struct proto_conn conn = strange_client(i % 2 ? pub_path : admin_path);

		if (i % 3 > 0)
			ask(&conn, VFIOD_HELLO, &hello, sizeof(hello));
		if (i % 3 > 1) {
			conn.version = 1;
			ask(&conn, VFIOD_LIST, &body, sizeof(body));
		}
		close(conn.fd);
	}
}
END_TEST

START_TEST(a_client_that_is_killed_leaves_nothing_behind)
{
	pid_t pid = fork();
	int status;

	ck_assert_int_ge(pid, 0);
	if (!pid) {
		const struct vfiod_list_req body = { .max = htole32(1) };
		struct proto_conn conn = client_of(pub_path);

		proto_conn_send(&conn, VFIOD_LIST, 0, COOKIE, &body, sizeof(body), NULL, 0);
		raise(SIGKILL);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}
END_TEST

START_TEST(requests_that_come_at_once_are_answered_one_by_one)
{
	const struct vfiod_list_req body = { .max = htole32(1) };
	struct proto_conn conn = client_of(pub_path);

	for (uint64_t cookie = 0; cookie < 50; cookie++)
		ck_assert_int_eq(proto_conn_send(&conn, VFIOD_LIST, 0, cookie, &body, sizeof(body), NULL, 0), 0);
	for (uint64_t cookie = 0; cookie < 50; cookie++)
		receive(&conn, VFIOD_LIST, cookie);
	close(conn.fd);
}
END_TEST

START_TEST(a_client_that_does_not_read_its_answers_is_let_go)
{
	const struct vfiod_list_req body = { .max = htole32(VFIOD_LIST_MAX) };
	struct proto_conn conn = client_of(pub_path);
	struct pollfd room = { .fd = conn.fd, .events = POLLOUT };
	int err = 0;

	ck_assert_int_eq(fcntl(conn.fd, F_SETFL, O_NONBLOCK), 0);
	while (!err) {
		err = proto_conn_send(&conn, VFIOD_LIST, 0, COOKIE, &body, sizeof(body), NULL, 0);
		if (err == -EAGAIN)
			err = poll(&room, 1, PATIENCE * 1000) == 1 ? 0 : -ETIMEDOUT;
	}
	ck_assert_msg(err == -EPIPE || err == -ECONNRESET, "%s", strerror(-err));
	close(conn.fd);
}
END_TEST

START_TEST(many_idle_clients_are_in_nobodys_way)
{
	int fds[400];

	for (int i = 0; i < 400; i++)
		fds[i] = connect_to(pub_path);
	for (int i = 0; i < 400; i++) {
		list(&witness, 0, 1);
		close(fds[i]);
	}
}
END_TEST

/* ---- descriptors run out ---- */

/* The answer to HELLO: either it is greeted, or it is refused in words and the connection ends. */
static bool is_turned_away(struct proto_conn *conn, const char *words)
{
	const struct vfiod_hello_req body = { .version_min = htole16(1), .version_max = htole16(VFIOD_VERSION_MAX) };
	const struct vfiod_error *error = proto_msg_body(&msg);
	const char *why = "";
	int err = proto_conn_send(conn, VFIOD_HELLO, 0, COOKIE, &body, sizeof(body), NULL, 0);

	/* it may have been told already */
	ck_assert(!err || err == -EPIPE);
	ck_assert_int_eq(proto_conn_recv(conn, &msg, 0, &why), 0);
	ck_assert_uint_eq(msg.opcode, VFIOD_HELLO);
	if (!(msg.flags & VFIOD_ERROR))
		return false;
	ck_assert_uint_eq(msg.cookie, err ? 0 : COOKIE);
	ck_assert_msg(strstr(error->text, words), "%s", error->text);
	ck_assert_uint_eq(le32toh(error->code), EAGAIN);
	expect_end(conn);
	return true;
}

START_TEST(when_descriptors_run_out_clients_are_told_so_and_served_later)
{
	struct proto_conn conn;
	int fds[64], refused = 0;

	make_dir();
	start_as(&(struct start){ .files = 32 });
	for (int i = 0; i < 64; i++)
		fds[i] = connect_to(pub_path);
	for (int i = 0; i < 64; i++) {
		conn = (struct proto_conn){ .fd = fds[i], .version = VFIOD_VERSION_NONE };
		refused += is_turned_away(&conn, "no free file descriptor");
	}
	ck_assert_int_ge(refused, 64 - 32);
	ck_assert_int_lt(refused, 64);
	for (int i = 0; i < 64; i++)
		close(fds[i]);
	/* as soon as vfiod has seen that they are gone */
	while (conn = strange_client(pub_path), is_turned_away(&conn, "no free file descriptor"))
		close(conn.fd);
	conn.version = VFIOD_VERSION_MAX;
	list(&conn, 0, 1);
	close(conn.fd);
	ck_assert_ptr_nonnull(strstr(read_text(log_path), "no connection can be taken: Too many open files"));
}
END_TEST

/* ---- quotas ---- */

static void assert_says(const char *words);

static void start_with(const char *text)
{
	make_dir();
	write_file(config_path, text);
	start();
}

START_TEST(a_user_with_too_many_connections_is_told_so)
{
	struct proto_conn conns[4], other, admin;

	start_with("connections-per-user = 3\n");
	for (int i = 0; i < 3; i++)
		conns[i] = client_of(pub_path);
	other = strange_client(pub_path);
	ck_assert(is_turned_away(&other, "and may not have more"));
	assert_says("a connection of user ");
	/* who is in nobody's way on the other socket */
	admin = client_of(admin_path);
	list(&admin, 0, 1);
	close(conns[0].fd);
	list(&admin, 0, 1);
	conns[3] = client_of(pub_path);
	for (int i = 1; i < 4; i++) {
		list(&conns[i], 0, 1);
		close(conns[i].fd);
	}
	close(other.fd);
	close(admin.fd);
}
END_TEST

START_TEST(all_users_together_have_a_limit_too)
{
	struct proto_conn conns[3], other;

	start_with("connections = 3\n");
	for (int i = 0; i < 3; i++)
		conns[i] = client_of(pub_path);
	other = strange_client(pub_path);
	ck_assert(is_turned_away(&other, "vfiod has 3 connections"));
	for (int i = 0; i < 3; i++)
		close(conns[i].fd);
	close(other.fd);
}
END_TEST

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

START_TEST(a_user_who_asks_too_much_waits_and_nobody_else_does)
{
	struct proto_conn conn, admin;
	int64_t begun;

	start_with("requests-per-second = 50\n");
	conn = client_of(pub_path);
	admin = client_of(admin_path);
	begun = now_ms();
	/* 50 are free, the others come in three times as long */
	for (int i = 0; i < 150; i++)
		list(&conn, 0, 1);
	ck_assert_int_ge(now_ms() - begun, 1000);
	for (int i = 0; i < 150; i++)
		list(&admin, 0, 1);
	ck_assert_int_lt(now_ms() - begun, 1000 * PATIENCE);
	close(conn.fd);
	close(admin.fd);
}
END_TEST

START_TEST(a_client_that_leaves_while_it_has_to_wait_leaves_nothing_behind)
{
	const struct vfiod_list_req body = { .max = htole32(1) };

	start_with("requests-per-second = 5\n");
	witness = client_of(admin_path);
	baseline = count_fds();
	for (int i = 0; i < 20; i++) {
		struct proto_conn conn = strange_client(pub_path);

		conn.version = 1;
		proto_conn_send(&conn, VFIOD_LIST, 0, COOKIE, &body, sizeof(body), NULL, 0);
		close(conn.fd);
	}
	do
		list(&witness, 0, 1);
	while (count_fds() != baseline);
	close(witness.fd);
}
END_TEST

START_TEST(who_does_not_greet_in_time_is_let_go)
{
	struct proto_conn good, silent;

	start_with("client-timeout = 1\n");
	silent = strange_client(pub_path);
	good = client_of(pub_path);
	expect_end(&silent);
	assert_says("did not greet: its time is over");
	list(&good, 0, 1);
	close(silent.fd);
	close(good.fd);
}
END_TEST

START_TEST(who_does_not_read_an_answer_in_time_is_let_go)
{
	const struct vfiod_list_req body = { .max = htole32(1) };
	struct pollfd end;
	struct proto_conn deaf;

	start_with("client-timeout = 1\n");
	deaf = client_of(pub_path);
	ask(&deaf, VFIOD_LIST, &body, sizeof(body));
	end = (struct pollfd){ .fd = deaf.fd, .events = POLLRDHUP };
	ck_assert_int_eq(poll(&end, 1, PATIENCE * 1000), 1);
	assert_says("did not read its answer: its time is over");
	close(deaf.fd);
}
END_TEST

START_TEST(who_has_read_its_answer_may_be_idle_for_long)
{
	struct proto_conn idle, deaf;
	const struct vfiod_list_req body = { .max = htole32(1) };
	struct pollfd end;

	start_with("client-timeout = 1\n");
	idle = client_of(pub_path);
	list(&idle, 0, 1);
	/* one that is let go after the same time, or a little more */
	deaf = client_of(pub_path);
	ask(&deaf, VFIOD_LIST, &body, sizeof(body));
	end = (struct pollfd){ .fd = deaf.fd, .events = POLLRDHUP };
	ck_assert_int_eq(poll(&end, 1, PATIENCE * 1000), 1);
	list(&idle, 0, 1);
	close(idle.fd);
	close(deaf.fd);
}
END_TEST

static const struct vfiod_stats_rep *stats(struct proto_conn *conn)
{
	const struct vfiod_stats_req body = { 0 };

	ask(conn, VFIOD_STATS, &body, sizeof(body));
	receive(conn, VFIOD_STATS, COOKIE);
	ck_assert_uint_eq(msg.flags, VFIOD_REPLY);
	return proto_msg_body(&msg);
}

START_TEST(what_happens_is_counted_for_the_administrator)
{
	const struct vfiod_unassign_req body = { .address = htole64(NO_ADDRESS) };
	const struct vfiod_stats_rep *counted;
	struct proto_conn conn, admin, other;

	start_with("connections-per-user = 1\n");
	admin = client_of(admin_path);
	conn = client_of(pub_path);
	expect_refusal(&admin, VFIOD_UNASSIGN, &body, sizeof(body), ENODEV, "");
	other = strange_client(pub_path);
	ck_assert(is_turned_away(&other, ""));
	counted = stats(&admin);
	ck_assert_uint_eq(le64toh(counted->counts[VFIOD_STAT_DENIED_ABSENT]), 1);
	ck_assert_uint_eq(le64toh(counted->counts[VFIOD_STAT_CONNECTIONS]), 2);
	ck_assert_uint_eq(le64toh(counted->counts[VFIOD_STAT_OPEN]), 2);
	ck_assert_uint_eq(le64toh(counted->counts[VFIOD_STAT_CONNECTIONS_REFUSED]), 1);
	ck_assert_uint_eq(le64toh(counted->counts[VFIOD_STAT_GRANTS]), 0);
	ck_assert_uint_eq(le64toh(counted->latencies[VFIOD_LATENCY_ACQUIRE].count), 0);
	close(other.fd);
	close(conn.fd);
	close(admin.fd);
}
END_TEST

START_TEST(nobody_can_fill_the_log)
{
	const char *text;
	unsigned int lines = 0;

	make_dir();
	start();
	witness = client_of(admin_path);
	for (int i = 0; i < 500; i++)
		expect_expulsion(pub_path, &broken[0]);
	list(&witness, 0, 1);
	close(witness.fd);
	for (text = read_text(log_path); (text = strstr(text, "sent a message that is refused")); text++)
		lines++;
	ck_assert_uint_ge(lines, 10);
	ck_assert_uint_lt(lines, 100);
}
END_TEST

/* ---- start ---- */

static void assert_says(const char *words)
{
	ck_assert_msg(strstr(read_text(log_path), words), "'%s' is not in: %s", words, read_text(log_path));
}

static void assert_one_line(void)
{
	const char *text = read_text(log_path), *end = strchr(text, '\n');

	ck_assert_msg(end && !end[1], "not one line: %s", text);
}

START_TEST(the_sockets_have_their_modes_whatever_the_umask_is)
{
	static const mode_t masks[] = { 01, 022, 077, 0777 };

	make_dir();
	start_as(&(struct start){ .umask = masks[_i] });
	ck_assert_uint_eq(mode_of(pub_path), 0666);
	ck_assert_uint_eq(mode_of(admin_path), 0600);
}
END_TEST

START_TEST(everybody_gets_through_to_the_public_socket_whatever_the_umask_is)
{
	char pub_dir[104];

	make_dir();
	start_as(&(struct start){ .umask = 077 });
	ck_assert_uint_eq(mode_of(run_dir), 0755);
	snprintf(pub_dir, sizeof(pub_dir), "%s/pub", run_dir);
	ck_assert_uint_eq(mode_of(pub_dir), 0755);
}
END_TEST

/* In a process of its own, as a user without privilege. Return: its exit status. */
static int as_nobody(int (*run)(void))
{
	pid_t pid = fork();
	int status;

	ck_assert_int_ge(pid, 0);
	if (!pid)
		_exit(setgroups(0, NULL) || setresgid(NOBODY, NOBODY, NOBODY) || setresuid(NOBODY, NOBODY, NOBODY)
			      ? 99
			      : run());
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static int greet_as_whom(void)
{
	struct proto_conn conn = strange_client(pub_path);

	return le32toh(say_hello(&conn, 1, 1)->uid) == NOBODY ? 0 : 1;
}

START_TEST(a_client_is_who_the_kernel_says)
{
	make_dir();
	start();
	ck_assert_int_eq(as_nobody(greet_as_whom), 0);
}
END_TEST

static int try_admin(void)
{
	struct sockaddr_un address = address_of(admin_path);
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	return connect(fd, (struct sockaddr *)&address, sizeof(address)) ? errno : 0;
}

START_TEST(the_administrators_socket_is_closed_to_others)
{
	make_dir();
	start();
	ck_assert_int_eq(as_nobody(try_admin), EACCES);
}
END_TEST

START_TEST(a_second_vfiod_refuses_to_start_and_does_the_first_no_harm)
{
	struct proto_conn conn, other;

	make_dir();
	start();
	conn = client_of(pub_path);
	snprintf(log_path, sizeof(log_path), "%s/log of the second", dir);
	ck_assert_int_eq(run_to_end(&(struct start){ 0 }), 1);
	assert_says("another vfiod runs already");
	assert_says("systemctl stop vfiod");
	assert_says(run_dir);
	assert_one_line();
	list(&conn, 0, 1);
	other = client_of(admin_path);
	list(&other, 0, 1);
	close(conn.fd);
	close(other.fd);
}
END_TEST

/* What stands where a socket is to be made. */
static void make_pub_dir(void)
{
	char path[104];

	ck_assert_int_eq(mkdir(run_dir, 0755), 0);
	snprintf(path, sizeof(path), "%s/pub", run_dir);
	ck_assert_int_eq(mkdir(path, 0755), 0);
}

static const char *path_of(int socket)
{
	return socket ? admin_path : pub_path;
}

static void assert_refuses_to_replace(const char *path)
{
	ck_assert_int_eq(run_to_end(&(struct start){ 0 }), 1);
	assert_says(path);
	assert_one_line();
	/* nor is the other socket left */
	ck_assert(!exists(path == pub_path ? admin_path : pub_path));
}

START_TEST(a_file_in_place_of_a_socket_is_left_alone)
{
	make_dir();
	make_pub_dir();
	write_file(path_of(_i), "precious\n");
	assert_refuses_to_replace(path_of(_i));
	ck_assert_str_eq(read_text(path_of(_i)), "precious\n");
}
END_TEST

START_TEST(a_link_in_place_of_a_socket_is_left_alone_with_what_it_leads_to)
{
	char target[104], found[104] = "";

	make_dir();
	make_pub_dir();
	snprintf(target, sizeof(target), "%s/precious", dir);
	write_file(target, "precious\n");
	ck_assert_int_eq(symlink(target, path_of(_i)), 0);
	assert_refuses_to_replace(path_of(_i));
	ck_assert_int_gt(readlink(path_of(_i), found, sizeof(found) - 1), 0);
	ck_assert_str_eq(found, target);
	ck_assert_str_eq(read_text(target), "precious\n");
}
END_TEST

START_TEST(a_link_to_nowhere_in_place_of_a_socket_is_left_alone)
{
	char target[104];

	make_dir();
	make_pub_dir();
	snprintf(target, sizeof(target), "%s/nowhere", dir);
	ck_assert_int_eq(symlink(target, path_of(_i)), 0);
	assert_refuses_to_replace(path_of(_i));
	ck_assert(exists(path_of(_i)));
	ck_assert(!exists(target));
}
END_TEST

START_TEST(a_link_to_a_socket_in_place_of_a_socket_is_left_alone_with_that)
{
	struct sockaddr_un address;
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	char target[104];

	make_dir();
	make_pub_dir();
	snprintf(target, sizeof(target), "%s/theirs", dir);
	address = address_of(target);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	ck_assert_int_eq(symlink(target, path_of(_i)), 0);
	assert_refuses_to_replace(path_of(_i));
	ck_assert(exists(path_of(_i)));
	ck_assert(exists(target));
	close(fd);
}
END_TEST

START_TEST(a_folder_in_place_of_a_socket_is_left_alone)
{
	make_dir();
	make_pub_dir();
	ck_assert_int_eq(mkdir(path_of(_i), 0755), 0);
	assert_refuses_to_replace(path_of(_i));
	ck_assert(exists(path_of(_i)));
}
END_TEST

START_TEST(a_link_in_place_of_the_lock_is_left_alone)
{
	char lock[104], target[104];

	make_dir();
	make_pub_dir();
	snprintf(lock, sizeof(lock), "%s/lock", run_dir);
	snprintf(target, sizeof(target), "%s/target", dir);
	ck_assert_int_eq(symlink(target, lock), 0);
	ck_assert_int_eq(run_to_end(&(struct start){ 0 }), 1);
	assert_says(lock);
	ck_assert(!exists(target));
}
END_TEST

START_TEST(a_run_time_directory_that_cannot_be_made_is_named)
{
	make_dir();
	snprintf(run_dir, sizeof(run_dir), "%s/no/such", dir);
	ck_assert_int_eq(run_to_end(&(struct start){ 0 }), 1);
	assert_says(run_dir);
	assert_says("No such file or directory");
	assert_one_line();
}
END_TEST

START_TEST(a_run_time_directory_with_too_long_a_name_for_a_socket_is_refused)
{
	static char long_dir[200];
	static const char *const arguments[] = { "--runtime-dir", long_dir, "--config", config_path, NULL };

	make_dir();
	snprintf(long_dir, sizeof(long_dir), "%s/%090d", dir, 0);
	ck_assert_int_eq(run_to_end(&(struct start){ .arguments = arguments }), 1);
	assert_says("too long");
	assert_one_line();
}
END_TEST

START_TEST(a_mistake_in_the_configuration_keeps_it_from_starting)
{
	char expected[128];

	make_dir();
	write_file(config_path, "# a comment\n\nrule \"a\" {\n	colour = \"red\"\n}\n");
	snprintf(expected, sizeof(expected), "vfiod: %s:4: ", config_path);
	ck_assert_int_eq(run_to_end(&(struct start){ 0 }), 1);
	assert_says(expected);
	assert_one_line();
	ck_assert(!exists(run_dir));
}
END_TEST

START_TEST(a_configuration_that_is_not_there_keeps_it_from_starting)
{
	make_dir();
	ck_assert_int_eq(unlink(config_path), 0);
	ck_assert_int_eq(run_to_end(&(struct start){ 0 }), 1);
	assert_says(config_path);
	assert_one_line();
}
END_TEST

static const char *const check_config[] = { "--check-config", "--runtime-dir", run_dir, "--config", config_path, NULL };

START_TEST(a_good_configuration_can_be_checked_without_starting)
{
	make_dir();
	write_file(config_path, "rule \"a\" { class = \"0108\" }\n");
	ck_assert_int_eq(run_to_end(&(struct start){ .arguments = check_config }), 0);
	assert_says("in order, 1 rules");
	ck_assert(!exists(run_dir));
}
END_TEST

START_TEST(a_bad_configuration_can_be_checked_without_starting)
{
	make_dir();
	write_file(config_path, "rule \"a\" {\n	class = \"0108\"\n");
	ck_assert_int_eq(run_to_end(&(struct start){ .arguments = check_config }), 1);
	assert_says(".conf:1: ");
	assert_one_line();
}
END_TEST

/* ---- the command line ---- */

static const struct {
	const char *arguments[4];
	int status;
	const char *words;
} command_lines[] = {
	{ { "--help" }, 0, "Usage: vfiod [OPTION]..." },
	{ { "-h" }, 0, "--runtime-dir DIR" },
	{ { "--version" }, 0, "vfiod " },
	{ { "--no-such-option" }, 2, "no-such-option" },
	{ { "-x" }, 2, "x" },
	{ { "--config" }, 2, "config" },
	{ { "--runtime-dir" }, 2, "runtime-dir" },
	{ { "argument" }, 2, "argument" },
	{ { "--check-config", "argument" }, 2, "argument" },
};

START_TEST(a_command_line_has_its_exit_status)
{
	make_dir();
	ck_assert_int_eq(run_to_end(&(struct start){ .arguments = command_lines[_i].arguments }),
			 command_lines[_i].status);
	assert_says(command_lines[_i].words);
}
END_TEST

/* ---- the end ---- */

START_TEST(a_hangup_has_the_configuration_read_anew)
{
	const struct vfiod_reload_req body = { 0 };
	struct proto_conn conn;

	make_dir();
	start();
	conn = client_of(admin_path);
	write_file(config_path, "bad\n");
	send_signal(SIGHUP);
	ask(&conn, VFIOD_RELOAD, &body, sizeof(body));
	expect_error(&conn, VFIOD_RELOAD, COOKIE, EINVAL, "vfiod.conf:1:");
	write_file(config_path, "rule \"a\" { class = \"02\" }\n");
	send_signal(SIGHUP);
	for (unsigned int ms = 0; !strstr(read_text(log_path), "the configuration was read anew, 1 rules"); ms += 10) {
		send_again(ms);
		ck_assert_int_eq(poll(NULL, 0, 10), 0);
	}
	ck_assert_ptr_nonnull(strstr(read_text(log_path), "the configuration stays as it was"));
	close(conn.fd);
	ck_assert_int_eq(stop_with(SIGTERM), 0);
}
END_TEST

START_TEST(a_signal_ends_it_well_and_takes_the_sockets_along)
{
	struct proto_conn conn, admin;

	make_dir();
	start();
	conn = client_of(pub_path);
	admin = strange_client(admin_path);
	ck_assert_int_eq(stop_with(_i ? SIGTERM : SIGINT), 0);
	ck_assert(!exists(pub_path));
	ck_assert(!exists(admin_path));
	expect_end(&conn);
	expect_end(&admin);
	close(conn.fd);
	close(admin.fd);
}
END_TEST

START_TEST(it_starts_again_after_it_has_ended)
{
	struct proto_conn conn;

	make_dir();
	start();
	ck_assert_int_eq(stop_with(SIGTERM), 0);
	start();
	conn = client_of(pub_path);
	list(&conn, 0, 1);
	close(conn.fd);
}
END_TEST

START_TEST(it_starts_again_after_it_was_killed)
{
	struct proto_conn conn, admin;

	make_dir();
	start();
	ck_assert_int_eq(stop_with(SIGKILL), -SIGKILL);
	ck_assert(exists(pub_path));
	start();
	conn = client_of(pub_path);
	list(&conn, 0, 1);
	admin = client_of(admin_path);
	list(&admin, 0, 1);
	close(conn.fd);
	close(admin.fd);
}
END_TEST

/* ---- the service manager ---- */

#ifdef HAVE_SECCOMP
START_TEST(it_runs_under_its_filter_of_system_calls)
{
	char path[104];

	make_dir();
	start();
	snprintf(path, sizeof(path), "/proc/%d/status", (int)daemon_pid);
	ck_assert_ptr_nonnull(strstr(read_text(path), "\nSeccomp:\t2\n"));
	ck_assert_ptr_nonnull(strstr(read_text(path), "\nNoNewPrivs:\t1\n"));
}
END_TEST
#endif

START_TEST(its_end_is_announced)
{
	make_dir();
	start();
	send_signal(SIGTERM);
	expect_notice("STOPPING=1");
	await_end();
}
END_TEST

START_TEST(the_watchdog_hears_of_it_as_often_as_it_wants_to)
{
	make_dir();
	start_as(&(struct start){ .watchdog = "300000" });
	for (int i = 0; i < 5; i++)
		expect_notice("WATCHDOG=1");
}
END_TEST

static void reload_with(const char *text)
{
	write_file(config_path, text);
	send_signal(SIGHUP);
	expect_notice("RELOADING=1\nMONOTONIC_USEC=");
}

START_TEST(the_configuration_is_read_anew_when_it_is_asked_to)
{
	make_dir();
	start();
	reload_with("rule \"one\" { vendor = \"1234\" }\nrule \"two\" { vendor = \"1235\" }\n");
	expect_notice("READY=1\nSTATUS=Serving; the configuration has 2 rules");
	reload_with("");
	expect_notice("READY=1\nSTATUS=Serving; the configuration has 0 rules");
}
END_TEST

START_TEST(a_mistake_in_the_new_configuration_changes_nothing)
{
	struct proto_conn conn;

	make_dir();
	start();
	conn = client_of(pub_path);
	reload_with("rule \"one\" {\nvendor = \"xyz\" }\n");
	expect_notice("READY=1\nSTATUS=Serving by the configuration of before");
	assert_says("the configuration stays as it was");
	assert_says("vfiod.conf:2");
	list(&conn, 0, 1);
	close(conn.fd);
	reload_with("");
	expect_notice("READY=1\nSTATUS=Serving; the configuration has 0 rules");
}
END_TEST

START_TEST(many_reloads_at_once_end_with_the_newest_configuration)
{
	const char *text = "";

	make_dir();
	start();
	for (int i = 0; i < 100; i++)
		send_signal(SIGHUP);
	write_file(config_path, "rule \"one\" { vendor = \"1234\" }\n");
	send_signal(SIGHUP);
	while (!strstr(text, "has 1 rules"))
		text = next_notice();
}
END_TEST

/* ---- what the one before has left ---- */

static const char *const bad_journals[][2] = {
	{ "", "it is no journal, or is damaged" },
	{ "nonsense", "it is no journal, or is damaged" },
	{ "vfiodjnl", "it is no journal, or is damaged" },
};

static const char *journal_path(void)
{
	static char path[104];

	snprintf(path, sizeof(path), "%s/journal", run_dir);
	return path;
}

static size_t size_of(const char *path)
{
	struct stat st;

	ck_assert_int_eq(stat(path, &st), 0);
	return (size_t)st.st_size;
}

START_TEST(a_journal_that_is_none_is_said_and_replaced)
{
	make_dir();
	ck_assert_int_eq(mkdir(run_dir, 0755), 0);
	write_file(journal_path(), bad_journals[_i][0]);
	start();
	ck_assert_ptr_nonnull(strstr(read_text(log_path), "journal cannot be read: "));
	ck_assert_ptr_nonnull(strstr(read_text(log_path), bad_journals[_i][1]));
	ck_assert_str_eq(read_text(journal_path()), "vfiodjnl\1");
	ck_assert_uint_eq(size_of(journal_path()), 4096);
	ck_assert_int_eq(stop_with(SIGTERM), 0);
	write_file(log_path, "");
	start();
	ck_assert_ptr_null(strstr(read_text(log_path), "journal"));
}
END_TEST

/* Nothing can be noted then, so nothing is given away; but what is given away already is served on. */
START_TEST(without_room_for_a_journal_it_serves_and_says_so)
{
	struct proto_conn conn;

	make_dir();
	ck_assert_int_eq(mkdir(run_dir, 0755), 0);
	ck_assert_int_eq(mkdir(journal_path(), 0755), 0);
	start();
	ck_assert_ptr_nonnull(strstr(read_text(log_path), "journal cannot be written: "));
	conn = client_of(pub_path);
	list(&conn, 0, 1);
	close(conn.fd);
}
END_TEST

START_TEST(an_assignment_that_cannot_be_read_is_said)
{
	char path[128];

	make_dir();
	ck_assert_int_eq(mkdir(state_dir, 0755), 0);
	snprintf(path, sizeof(path), "%s/assigned", state_dir);
	ck_assert_int_eq(mkdir(path, 0755), 0);
	snprintf(path, sizeof(path), "%s/assigned/fffffffe:00:00.0", state_dir);
	write_file(path, "nonsense");
	start();
	ck_assert_ptr_nonnull(strstr(read_text(log_path), "assigned/fffffffe:00:00.0 cannot be read: it is damaged"));
	ck_assert(exists(path));
}
END_TEST

START_TEST(where_nothing_is_assigned_no_state_directory_is_made)
{
	make_dir();
	start();
	ck_assert_int_eq(stop_with(SIGTERM), 0);
	ck_assert(!exists(state_dir));
}
END_TEST

/* ---- sockets of systemd ---- */

static int make_socket(const char *name)
{
	char path[104];
	struct sockaddr_un address;
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	address = address_of(path);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	ck_assert_int_eq(listen(fd, 16), 0);
	return fd;
}

static void assert_takes(const char *name, uint16_t opcode, int code)
{
	const struct vfiod_unassign_req body = { .address = htole64(NO_ADDRESS) };
	struct proto_conn conn;
	char path[104];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	conn = client_of(path);
	expect_refusal(&conn, opcode, &body, sizeof(body), code, "");
	close(conn.fd);
}

START_TEST(sockets_of_systemd_are_served_by_their_names_and_left_to_systemd)
{
	int first = make_socket("first"), second = make_socket("second");
	char path[104];

	start_as(&(struct start){ .sockets = { first, second }, .socket_names = _i ? "pub:admin" : "admin:pub" });
	assert_takes("first", VFIOD_UNASSIGN, _i ? EACCES : ENODEV);
	assert_takes("second", VFIOD_UNASSIGN, _i ? ENODEV : EACCES);
	/* and none beside them */
	ck_assert(!exists(pub_path));
	ck_assert(!exists(admin_path));
	ck_assert_int_eq(stop_with(SIGTERM), 0);
	snprintf(path, sizeof(path), "%s/first", dir);
	ck_assert(exists(path));
	snprintf(path, sizeof(path), "%s/second", dir);
	ck_assert(exists(path));
	close(first);
	close(second);
}
END_TEST

START_TEST(who_connected_before_systemd_started_it_is_served)
{
	int pub = make_socket("first");
	struct proto_conn conn;
	char path[104];

	snprintf(path, sizeof(path), "%s/first", dir);
	conn = strange_client(path);
	start_as(&(struct start){ .sockets = { pub }, .socket_names = "pub" });
	say_hello(&conn, 1, 1);
	list(&conn, 0, 1);
	close(conn.fd);
	close(pub);
}
END_TEST

/* Where the kernel refuses descriptors on vfiod's behalf, this is how they get to it all the same. */
START_TEST(descriptors_that_were_sent_before_it_started_are_refused)
{
	const struct broken hello = { .opcode = VFIOD_HELLO, .length = 8, .fds = SCM_MAX_FDS };
	int pub = make_socket("first");
	struct proto_conn conn, other;
	char path[104];

	snprintf(path, sizeof(path), "%s/first", dir);
	conn = strange_client(path);
	ck_assert(send_broken(&conn, &hello));
	start_as(&(struct start){ .sockets = { pub }, .socket_names = "pub" });
	expect_error(&conn, VFIOD_HELLO, COOKIE, EPERM, "descriptors");
	expect_end(&conn);
	close(conn.fd);
	other = client_of(path);
	list(&other, 0, 1);
	ck_assert_uint_lt(count_fds(), SCM_MAX_FDS);
	close(other.fd);
	close(pub);
}
END_TEST

/* One end of a connection over loopback, full of what nobody reads; its last close waits for that. */
static int lingering_socket(int listener)
{
	struct sockaddr_in loopback;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t size = sizeof(loopback);
	char bytes[65536] = { 0 };

	ck_assert(!getsockname(listener, (struct sockaddr *)&loopback, &size));
	ck_assert(!connect(fd, (struct sockaddr *)&loopback, size));
	while (send(fd, bytes, sizeof(bytes), MSG_DONTWAIT) > 0)
		;
	ck_assert(!setsockopt(fd, SOL_SOCKET, SO_LINGER, &(struct linger){ 1, 50 }, sizeof(struct linger)));
	return fd;
}

/* The kernel refuses no descriptors on vfiod's behalf then, so that vfiod itself has not to close them in its loop. */
START_TEST(a_file_that_was_sent_before_it_started_and_is_long_in_closing_is_in_nobodys_way)
{
	const struct sockaddr_in loopback = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int pub = make_socket("first"), listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), status;
	time_t begin = time(NULL);
	struct proto_conn conn;
	char path[104];
	pid_t child;

	ck_assert(!bind(listener, (const struct sockaddr *)&loopback, sizeof(loopback)) && !listen(listener, 1));
	snprintf(path, sizeof(path), "%s/first", dir);
	child = fork();
	if (!child) { /* a process that ends does not wait for what it closes: the message's is the last close */
		int fd = lingering_socket(listener);

		conn = strange_client(path);
		_exit(!send_raw(conn.fd, "?", 1, &fd, 1));
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);
	start_as(&(struct start){ .sockets = { pub }, .socket_names = "pub" });
	conn = client_of(path);
	list(&conn, 0, 1);
	ck_assert_int_lt(time(NULL) - begin, 30);
	close(conn.fd);
	close(listener);
	close(pub);
}
END_TEST

START_TEST(a_socket_that_systemd_does_not_pass_is_made)
{
	int pub = make_socket("first");
	struct proto_conn conn;

	start_as(&(struct start){ .sockets = { pub }, .socket_names = "pub" });
	ck_assert(!exists(pub_path));
	ck_assert_uint_eq(mode_of(admin_path), 0600);
	conn = client_of(admin_path);
	list(&conn, 0, 1);
	close(conn.fd);
	close(pub);
}
END_TEST

START_TEST(a_socket_of_another_name_is_not_taken)
{
	int other = make_socket("first");
	struct proto_conn conn;

	start_as(&(struct start){ .sockets = { other }, .socket_names = "public" });
	conn = client_of(pub_path);
	list(&conn, 0, 1);
	close(conn.fd);
	close(other);
}
END_TEST

/* ---- faults by their numbers: see tests/faults.tsv ---- */

/* A process beside the test that does one thing, is told when to go on, and says what came of it. */
struct beside {
	pid_t pid;
	int fd; /* to it and from it */
};

static struct beside run_beside(void (*run)(int fd))
{
	struct beside beside;
	int ends[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
	beside = (struct beside){ fork(), ends[0] };
	ck_assert_int_ge(beside.pid, 0);
	if (!beside.pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(ends[0]);
		run(ends[1]);
		_exit(0);
	}
	close(ends[1]);
	return beside;
}

static void tell(int fd)
{
	ck_assert_int_eq(send(fd, "+", 1, MSG_NOSIGNAL), 1);
}

static void hear(int fd)
{
	char byte;

	ck_assert_int_eq(recv(fd, &byte, 1, 0), 1);
}

static void end_beside(const struct beside *beside)
{
	int status;

	ck_assert_int_eq(waitpid(beside->pid, &status, 0), beside->pid);
	ck_assert_msg(WIFEXITED(status) && !WEXITSTATUS(status), "the process beside ends with %x", status);
	close(beside->fd);
}

static void become_nobody(void)
{
	if (setgroups(0, NULL) || setresgid(NOBODY, NOBODY, NOBODY) || setresuid(NOBODY, NOBODY, NOBODY))
		_exit(99);
}

static uint32_t greeted_as(struct proto_conn *conn)
{
	return le32toh(say_hello(conn, VFIOD_VERSION_MIN, VFIOD_VERSION_MAX)->uid);
}

static void pass(int to, int fd)
{
	ck_assert(send_raw(to, "+", 1, &fd, 1));
}

static int take_passed(int from)
{
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(sizeof(int))];
	} control;
	char byte;
	struct iovec iov = { &byte, 1 };
	struct msghdr mh = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.room, .msg_controllen = sizeof(control.room)
	};
	int fd;

	ck_assert_int_eq(recvmsg(from, &mh, MSG_CMSG_CLOEXEC), 1);
	ck_assert_uint_eq(mh.msg_controllen, CMSG_SPACE(sizeof(int)));
	memcpy(&fd, CMSG_DATA(&control.align), sizeof(fd));
	return fd;
}

/* Connects, and gives the connection away. */
static void connect_as_nobody(int fd)
{
	become_nobody();
	pass(fd, connect_to(pub_path));
	hear(fd);
}

/* Uses the connection of another. */
static void use_as_nobody(int fd)
{
	const struct vfiod_assign_req assign = { .address = htole64(NO_ADDRESS), .gid = htole32(VFIOD_NONE) };
	struct proto_conn conn = { .fd = take_passed(fd), .version = VFIOD_VERSION_NONE };

	become_nobody();
	ck_assert_uint_eq(greeted_as(&conn), 0);
	expect_refusal(&conn, VFIOD_ASSIGN, &assign, sizeof(assign), EACCES, "admin.sock");
	list(&conn, 0, 1);
}

START_TEST(F5_a_connection_that_is_passed_to_another_user_is_its_connectors_still)
{
	struct beside beside = run_beside(use_as_nobody);
	int fd = connect_to(pub_path);
	struct proto_conn conn;

	pass(beside.fd, fd);
	close(fd);
	end_beside(&beside);
	beside = run_beside(connect_as_nobody);
	conn = (struct proto_conn){ .fd = take_passed(beside.fd), .version = VFIOD_VERSION_NONE };
	ck_assert_uint_eq(greeted_as(&conn), NOBODY);
	/* also when its connector is gone */
	tell(beside.fd);
	end_beside(&beside);
	list(&conn, 0, 1);
	close(conn.fd);
}
END_TEST

#define MANY 1000

/* How long a good client takes from its connection to its answer. */
static int64_t good_client_us(void)
{
	struct timespec begun, now;
	struct proto_conn conn;

	clock_gettime(CLOCK_MONOTONIC, &begun);
	conn = client_of(pub_path);
	list(&conn, 0, 1);
	close(conn.fd);
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (now.tv_sec - begun.tv_sec) * 1000000 + (now.tv_nsec - begun.tv_nsec) / 1000;
}

static int compare_times(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

START_TEST(F7_a_thousand_idle_and_a_thousand_silent_clients_are_in_nobodys_way)
{
	static struct proto_conn idle[MANY];
	static int silent[MANY];
	int64_t times[21];

	for (int i = 0; i < MANY; i++) {
		idle[i] = client_of(pub_path);
		silent[i] = connect_to(pub_path);
	}
	while (count_fds() < baseline + 2 * MANY) /* the last are in the queue of the socket perhaps */
		poll(NULL, 0, 1);
	for (int i = 0; i < 21; i++)
		times[i] = good_client_us();
	qsort(times, 21, sizeof(times[0]), compare_times);
	ck_assert_int_lt(times[10], 100000);
	for (int i = 0; i < MANY; i++) {
		close(idle[i].fd);
		close(silent[i]);
	}
}
END_TEST

/* Asks without end, ahead of its answers, which it reads. */
static void flood(int fd)
{
	const struct vfiod_list_req body = { .max = htole32(VFIOD_LIST_MAX) };
	struct proto_conn conn;
	struct proto_msg answer;
	const char *why;

	become_nobody();
	conn = client_of(pub_path);
	tell(fd);
	ck_assert_int_eq(fcntl(conn.fd, F_SETFL, O_NONBLOCK), 0);
	for (;;) {
		struct pollfd either = { .fd = conn.fd, .events = POLLIN | POLLOUT };

		poll(&either, 1, -1);
		proto_conn_send(&conn, VFIOD_LIST, 0, COOKIE, &body, sizeof(body), NULL, 0);
		proto_conn_recv(&conn, &answer, 0, &why);
	}
}

static int64_t list_us(void)
{
	struct timespec begun, now;

	clock_gettime(CLOCK_MONOTONIC, &begun);
	list(&witness, 0, 1);
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (now.tv_sec - begun.tv_sec) * 1000000 + (now.tv_nsec - begun.tv_nsec) / 1000;
}

#define TURNS	  20
#define EACH_TURN 50
#define TIMES	  (TURNS * EACH_TURN)

/* Turn about, so that a machine that is busy is so for both. */
static void time_with_and_without(pid_t other, int64_t *quiet, int64_t *flooded)
{
	for (int turn = 0; turn < TURNS; turn++) {
		ck_assert_int_eq(kill(other, SIGSTOP), 0);
		for (int i = 0; i < EACH_TURN; i++)
			*quiet++ = list_us();
		ck_assert_int_eq(kill(other, SIGCONT), 0);
		for (int i = 0; i < EACH_TURN; i++)
			*flooded++ = list_us();
	}
}

/* The witness asks for more than its share, too: it is the administrator, who has no limit. */
START_TEST(F8_a_user_who_floods_vfiod_does_not_slow_others_down)
{
	static int64_t quiet[TIMES], flooded[TIMES];
	struct beside beside;

	make_dir();
	start();
	witness = client_of(admin_path);
	baseline = count_fds();
	/* the limits as they are without a configuration */
	write_file(config_path, "");
	send_signal(SIGHUP);
	expect_notice("RELOADING=1");
	expect_notice("READY=1");
	beside = run_beside(flood);
	hear(beside.fd);
	time_with_and_without(beside.pid, quiet, flooded);
	qsort(quiet, TIMES, sizeof(quiet[0]), compare_times);
	qsort(flooded, TIMES, sizeof(flooded[0]), compare_times);
	ck_assert_msg(flooded[TIMES * 99 / 100] < 10 * quiet[TIMES * 99 / 100], "p99 %lld us, flooded %lld us",
		      (long long)quiet[TIMES * 99 / 100], (long long)flooded[TIMES * 99 / 100]);
	ck_assert_int_eq(kill(beside.pid, SIGKILL), 0);
	waitpid(beside.pid, NULL, 0);
	close(beside.fd);
	assert_unharmed();
	close(witness.fd);
}
END_TEST

/* A folder of the test's in place of the one with the public socket; what is in it then is not vfiod's. */
static void replace_pub_dir(void)
{
	char pub_dir[104];

	snprintf(pub_dir, sizeof(pub_dir), "%s/pub", run_dir);
	ck_assert_int_eq(unlink(pub_path), 0);
	ck_assert_int_eq(rmdir(pub_dir), 0);
	ck_assert_int_eq(mkdir(pub_dir, 0755), 0);
}

START_TEST(F25_a_socket_whose_folder_is_removed_and_made_anew_is_there_again_with_the_next_vfiod)
{
	struct proto_conn admin;

	replace_pub_dir();
	/* who is connected stays so, and so does the other door */
	list(&witness, 0, 1);
	admin = client_of(admin_path);
	list(&admin, 0, 1);
	close(admin.fd);
	write_file(pub_path, "precious\n");
	ck_assert_int_eq(stop_with(SIGTERM), 0);
	ck_assert_str_eq(read_text(pub_path), "precious\n");
	expect_end(&witness);
	close(witness.fd);
	ck_assert_int_eq(unlink(pub_path), 0);
	start();
	witness = client_of(pub_path);
	ck_assert_uint_eq(count_fds(), baseline);
}
END_TEST

/* What a container gets of vfiod: the folder of the public socket, and nothing else of the run-time directory. */
static char container[88];

static void enter_container(void)
{
	char pub_dir[104];

	snprintf(pub_dir, sizeof(pub_dir), "%s/pub", run_dir);
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount(pub_dir, container, NULL, MS_BIND, NULL) || chroot(container) || chdir("/"))
		_exit(98);
}

/* Its vfiod ends, and another one begins, while it runs. */
static void live_in_container(int fd)
{
	const struct vfiod_assign_req assign = { .address = htole64(NO_ADDRESS), .gid = htole32(VFIOD_NONE) };
	struct proto_conn conn;

	enter_container();
	conn = client_of("/vfiod.sock");
	expect_refusal(&conn, VFIOD_ASSIGN, &assign, sizeof(assign), EACCES, "admin.sock");
	ck_assert(!exists("/admin.sock") && !exists("/../admin.sock"));
	tell(fd);
	hear(fd);
	expect_end(&conn);
	conn = client_of("/vfiod.sock");
	list(&conn, 0, 1);
}

static struct beside start_container(void)
{
	struct beside beside;

	snprintf(container, sizeof(container), "%s/container", dir);
	ck_assert_int_eq(mkdir(container, 0755), 0);
	beside = run_beside(live_in_container);
	hear(beside.fd);
	return beside;
}

START_TEST(F46_the_folder_of_the_socket_works_in_a_container_after_a_restart)
{
	struct beside beside = start_container();

	close(witness.fd);
	ck_assert_int_eq(stop_with(_i ? SIGKILL : SIGTERM), _i ? -SIGKILL : 0);
	start();
	witness = client_of(pub_path);
	tell(beside.fd);
	end_beside(&beside);
}
END_TEST

/* Root of a user namespace: outside it is a user as any other. */
static void be_root_of_a_namespace(int fd)
{
	const struct vfiod_unassign_req unassign = { .address = htole64(NO_ADDRESS) };
	struct proto_conn conn;

	become_nobody();
	prctl(PR_SET_DUMPABLE, 1);
	if (unshare(CLONE_NEWUSER))
		_exit(97);
	write_file("/proc/self/uid_map", "0 65534 1\n");
	ck_assert_uint_eq(getuid(), 0);
	conn = strange_client(pub_path);
	ck_assert_uint_eq(greeted_as(&conn), NOBODY);
	expect_refusal(&conn, VFIOD_UNASSIGN, &unassign, sizeof(unassign), EACCES, "admin.sock");
	ck_assert_int_eq(try_admin(), EACCES);
	tell(fd);
}

START_TEST(F45_root_of_a_container_is_no_administrator)
{
	struct beside beside = start_container();

	/* with the host's user 0: the same as in F46, and it has seen that it gets nothing */
	ck_assert_int_eq(kill(beside.pid, SIGKILL), 0);
	waitpid(beside.pid, NULL, 0);
	close(beside.fd);
	beside = run_beside(be_root_of_a_namespace);
	hear(beside.fd);
	end_beside(&beside);
}
END_TEST

/* ---- all of them ---- */

static TCase *case_of(const char *name, void (*setup)(void), void (*teardown)(void))
{
	TCase *tcase = tcase_create(name);

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 4 * PATIENCE);
	return tcase;
}

static TCase *hello_case(void)
{
	TCase *tcase = case_of("hello", start_with_witness, assert_unharmed_and_stop);

	tcase_add_loop_test(tcase, hello_settles_on_a_version_that_both_speak, 0, 6);
	tcase_add_loop_test(tcase, hello_without_a_common_version_names_those_of_both, 0, 4);
	return tcase;
}

static TCase *rules_case(void)
{
	TCase *tcase = case_of("rules", start_with_witness, assert_unharmed_and_stop);

	tcase_add_loop_test(tcase, who_breaks_the_rules_on_the_public_socket_gets_one_answer_and_the_connection_ends, 0,
			    BROKEN_COUNT);
	tcase_add_loop_test(tcase,
			    who_breaks_the_rules_on_the_administrators_socket_gets_one_answer_and_the_connection_ends,
			    0, BROKEN_COUNT);
	tcase_add_test(tcase, a_thousand_who_break_the_rules_leave_nothing_behind);
	tcase_add_test(tcase, a_packet_without_a_byte_ends_the_connection);
	tcase_add_test(tcase, descriptors_without_a_byte_are_refused);
	tcase_add_test(tcase, odd_descriptors_are_refused);
	return tcase;
}

static TCase *refusals_case(void)
{
	TCase *tcase = case_of("refusals", start_with_witness, assert_unharmed_and_stop);

	tcase_add_test(tcase, an_administrators_request_on_the_public_socket_is_refused_and_the_connection_stays);
	tcase_add_test(tcase, a_clients_request_on_the_administrators_socket_is_refused_and_the_connection_stays);
	tcase_add_test(tcase, an_answer_about_no_lease_is_refused_and_the_connection_stays);
	tcase_add_test(tcase, a_function_that_is_not_there_is_named);
	tcase_add_loop_test(tcase, a_lease_that_is_not_there_cannot_be_released, 0, 4);
	tcase_add_loop_test(tcase, a_function_that_is_not_assigned_cannot_be_acquired, VFIOD_MODE_CONTAINER,
			    VFIOD_MODE_IOMMUFD + 1);
	tcase_add_loop_test(tcase, a_mode_that_there_is_not_is_refused, 0, 3);
	tcase_add_loop_test(tcase, an_assignment_to_nobody_or_to_two_is_refused, 0, 2);
	tcase_add_test(tcase, a_function_that_is_not_assigned_cannot_be_given_back);
	tcase_add_test(tcase, a_function_that_is_not_leased_cannot_be_revoked);
	return tcase;
}

static TCase *list_case(void)
{
	TCase *tcase = case_of("list", start_with_witness, assert_unharmed_and_stop);

	tcase_add_loop_test(tcase, a_walk_through_the_list_has_every_function_once_and_in_order, 1, VFIOD_LIST_MAX + 1);
	tcase_add_test(tcase, a_list_is_as_long_as_was_asked_for_and_not_longer_than_there_are_functions);
	tcase_add_loop_test(tcase, a_list_of_none_or_of_too_many_is_refused, 0, 5);
	tcase_add_test(tcase, a_list_begins_at_the_address_that_was_asked_for_or_behind_it);
	tcase_add_test(tcase, the_list_says_of_every_function_what_sysfs_says_and_that_it_is_the_hosts);
	return tcase;
}

static TCase *clients_case(void)
{
	TCase *tcase = case_of("clients", start_with_witness, assert_unharmed_and_stop);

	tcase_add_test(tcase, what_was_asked_before_a_half_close_is_answered);
	tcase_add_test(tcase, a_half_close_ends_the_connection);
	tcase_add_test(tcase, clients_that_leave_at_any_moment_leave_nothing_behind);
	tcase_add_test(tcase, a_client_that_is_killed_leaves_nothing_behind);
	tcase_add_test(tcase, requests_that_come_at_once_are_answered_one_by_one);
	tcase_add_test(tcase, a_client_that_does_not_read_its_answers_is_let_go);
	tcase_add_test(tcase, many_idle_clients_are_in_nobodys_way);
	return tcase;
}

static TCase *quotas_case(void)
{
	TCase *tcase = case_of("quotas", NULL, stop_what_runs);

	tcase_add_test(tcase, a_user_with_too_many_connections_is_told_so);
	tcase_add_test(tcase, all_users_together_have_a_limit_too);
	tcase_add_test(tcase, a_user_who_asks_too_much_waits_and_nobody_else_does);
	tcase_add_test(tcase, a_client_that_leaves_while_it_has_to_wait_leaves_nothing_behind);
	tcase_add_test(tcase, who_does_not_greet_in_time_is_let_go);
	tcase_add_test(tcase, who_does_not_read_an_answer_in_time_is_let_go);
	tcase_add_test(tcase, who_has_read_its_answer_may_be_idle_for_long);
	tcase_add_test(tcase, what_happens_is_counted_for_the_administrator);
	tcase_add_test(tcase, nobody_can_fill_the_log);
	return tcase;
}

static TCase *start_case(void)
{
	TCase *tcase = case_of("start", NULL, stop_what_runs);

	tcase_add_test(tcase, when_descriptors_run_out_clients_are_told_so_and_served_later);
	tcase_add_loop_test(tcase, the_sockets_have_their_modes_whatever_the_umask_is, 0, 4);
	tcase_add_test(tcase, everybody_gets_through_to_the_public_socket_whatever_the_umask_is);
	tcase_add_test(tcase, a_second_vfiod_refuses_to_start_and_does_the_first_no_harm);
	tcase_add_loop_test(tcase, a_file_in_place_of_a_socket_is_left_alone, 0, 2);
	tcase_add_loop_test(tcase, a_link_in_place_of_a_socket_is_left_alone_with_what_it_leads_to, 0, 2);
	tcase_add_loop_test(tcase, a_link_to_nowhere_in_place_of_a_socket_is_left_alone, 0, 2);
	tcase_add_loop_test(tcase, a_link_to_a_socket_in_place_of_a_socket_is_left_alone_with_that, 0, 2);
	tcase_add_loop_test(tcase, a_folder_in_place_of_a_socket_is_left_alone, 0, 2);
	tcase_add_test(tcase, a_link_in_place_of_the_lock_is_left_alone);
	tcase_add_test(tcase, a_run_time_directory_that_cannot_be_made_is_named);
	tcase_add_test(tcase, a_run_time_directory_with_too_long_a_name_for_a_socket_is_refused);
	tcase_add_test(tcase, a_mistake_in_the_configuration_keeps_it_from_starting);
	tcase_add_test(tcase, a_configuration_that_is_not_there_keeps_it_from_starting);
	tcase_add_test(tcase, a_good_configuration_can_be_checked_without_starting);
	tcase_add_test(tcase, a_bad_configuration_can_be_checked_without_starting);
	tcase_add_loop_test(tcase, a_command_line_has_its_exit_status, 0,
			    sizeof(command_lines) / sizeof(command_lines[0]));
	return tcase;
}

static TCase *identity_case(void)
{
	TCase *tcase = case_of("identity", NULL, stop_what_runs);

	if (geteuid()) {
		puts("SKIPPED: the tests of clients of another user need root");
		return tcase;
	}
	tcase_add_test(tcase, a_client_is_who_the_kernel_says);
	tcase_add_test(tcase, the_administrators_socket_is_closed_to_others);
	return tcase;
}

static TCase *end_case(void)
{
	TCase *tcase = case_of("end", NULL, stop_what_runs);

	tcase_add_test(tcase, a_hangup_has_the_configuration_read_anew);
	tcase_add_loop_test(tcase, a_signal_ends_it_well_and_takes_the_sockets_along, 0, 2);
	tcase_add_test(tcase, it_starts_again_after_it_has_ended);
	tcase_add_test(tcase, it_starts_again_after_it_was_killed);
	tcase_add_loop_test(tcase, a_journal_that_is_none_is_said_and_replaced, 0, 3);
	tcase_add_test(tcase, without_room_for_a_journal_it_serves_and_says_so);
	tcase_add_test(tcase, an_assignment_that_cannot_be_read_is_said);
	tcase_add_test(tcase, where_nothing_is_assigned_no_state_directory_is_made);
	return tcase;
}

static TCase *manager_case(void)
{
	TCase *tcase = case_of("manager", NULL, stop_what_runs);

#ifdef HAVE_SECCOMP
	tcase_add_test(tcase, it_runs_under_its_filter_of_system_calls);
#endif
	tcase_add_test(tcase, its_end_is_announced);
	tcase_add_test(tcase, the_watchdog_hears_of_it_as_often_as_it_wants_to);
	tcase_add_test(tcase, the_configuration_is_read_anew_when_it_is_asked_to);
	tcase_add_test(tcase, a_mistake_in_the_new_configuration_changes_nothing);
	tcase_add_test(tcase, many_reloads_at_once_end_with_the_newest_configuration);
	return tcase;
}

static TCase *activation_case(void)
{
	TCase *tcase = case_of("activation", make_dir, stop_what_runs);

	tcase_add_loop_test(tcase, sockets_of_systemd_are_served_by_their_names_and_left_to_systemd, 0, 2);
	tcase_add_test(tcase, who_connected_before_systemd_started_it_is_served);
	tcase_add_test(tcase, descriptors_that_were_sent_before_it_started_are_refused);
	tcase_add_test(tcase, a_file_that_was_sent_before_it_started_and_is_long_in_closing_is_in_nobodys_way);
	tcase_add_test(tcase, a_socket_that_systemd_does_not_pass_is_made);
	tcase_add_test(tcase, a_socket_of_another_name_is_not_taken);
	return tcase;
}

static TCase *faults_case(void)
{
	TCase *tcase = case_of("faults", start_with_witness, assert_unharmed_and_stop);

	if (geteuid()) {
		puts("SKIPPED: the tests of faults need root");
		return tcase;
	}
	tcase_add_test(tcase, F5_a_connection_that_is_passed_to_another_user_is_its_connectors_still);
	tcase_add_test(tcase, F7_a_thousand_idle_and_a_thousand_silent_clients_are_in_nobodys_way);
	tcase_add_test(tcase, F25_a_socket_whose_folder_is_removed_and_made_anew_is_there_again_with_the_next_vfiod);
	tcase_add_test(tcase, F45_root_of_a_container_is_no_administrator);
	tcase_add_loop_test(tcase, F46_the_folder_of_the_socket_works_in_a_container_after_a_restart, 0, 2);
	return tcase;
}

static TCase *flood_case(void)
{
	TCase *tcase = case_of("flood", NULL, stop_what_runs);

	if (geteuid())
		puts("SKIPPED: the test of a flood needs root");
	else
		tcase_add_test(tcase, F8_a_user_who_floods_vfiod_does_not_slow_others_down);
	return tcase;
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

int main(void)
{
	Suite *suite = suite_create("server");
	SRunner *runner;
	int failed;

	if (!mkdtemp(temporary_path(root, "server")) || chmod(root, 0755)) {
		perror(root);
		return EXIT_FAILURE;
	}
	suite_add_tcase(suite, hello_case());
	suite_add_tcase(suite, rules_case());
	suite_add_tcase(suite, refusals_case());
	suite_add_tcase(suite, list_case());
	suite_add_tcase(suite, clients_case());
	suite_add_tcase(suite, quotas_case());
	suite_add_tcase(suite, start_case());
	suite_add_tcase(suite, identity_case());
	suite_add_tcase(suite, end_case());
	suite_add_tcase(suite, manager_case());
	suite_add_tcase(suite, activation_case());
	suite_add_tcase(suite, faults_case());
	suite_add_tcase(suite, flood_case());
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	/* here, because a test that fails cleans up nothing */
	nftw(root, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
