/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Clients of vfiod for the benchmarks, which speak the protocol themselves: RUNTIME-DIR is vfiod's.
 *
 *	client assign UID ADDRESS...	what an administrator does
 *	client lease COUNT ADDRESS...	acquire and release, one function after the other: "lease NS" is the median of
 *					how long the files take
 *	client paced COUNT ADDRESS...	the same, with pauses: no limit on requests is reached
 *	client deny COUNT ADDRESS	ask for what is denied
 *	client compare COUNT ADDRESS...	leases, and between them bare exchanges of the same files with a process that
 *					does nothing else: "lease NS" and "bare NS" are the medians. That process is
 *					where vfiod is, on another processor than this one, and each of the two has
 *					answered something just before, so that neither slept longer
 *	client share COUNT ADDRESS...	the same, with all three on one processor
 *	client idle COUNT		that many connections, greeted; "ready", and then they stay
 *	client half COUNT		the same without a greeting, for as long as vfiod lets them, and then anew
 *	client flood COUNT		the same, greeted, each in a process that asks as fast as vfiod takes it
 *	client slow COUNT ADDRESS...	the same, each asks for a function's files and for long answers, and reads none
 */
#include "proto/address.h"
#include "proto/conn.h"
#include "tests/fake/wire.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE_NS	UINT64_C(60000000000)
#define VFIOD_PROCESSOR 1 /* on which scale.sh starts vfiod, for "compare" */

static const char *runtime_dir;

static void __attribute__((noreturn)) die(const char *what)
{
	fprintf(stderr, "client: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static unsigned long long median(uint64_t *values, size_t count)
{
	qsort(values, count, sizeof(values[0]), by_value);
	return (unsigned long long)values[count / 2];
}

/* ---- the protocol ---- */

static struct proto_conn connect_to(const char *socket_name)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct proto_conn conn = { .fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0) };

	snprintf(address.sun_path, sizeof(address.sun_path), "%s/%s", runtime_dir, socket_name);
	if (conn.fd < 0 || connect(conn.fd, (const struct sockaddr *)&address, sizeof(address)))
		die(address.sun_path);
	return conn;
}

static struct proto_conn connect_vfiod(void)
{
	return connect_to(VFIOD_PUB_SOCKET);
}

/* Return: 0, or the error of the reply. */
static int ask(struct proto_conn *conn, uint16_t opcode, const void *body, size_t length, unsigned int fds,
	       struct proto_msg *msg)
{
	static uint64_t cookie;
	const char *why = "";
	int err = proto_conn_send(conn, opcode, 0, ++cookie, body, length, NULL, 0);

	if (!err)
		err = proto_conn_recv(conn, msg, fds, &why);
	if (err) {
		errno = -err;
		die(why[0] ? why : "an exchange");
	}
	if (msg->cookie != cookie || msg->opcode != opcode) {
		errno = EBADMSG;
		die("a reply");
	}
	if (msg->flags & VFIOD_ERROR)
		return (int)le32toh(((struct vfiod_error *)proto_msg_body(msg))->code);
	return 0;
}

static void greet(struct proto_conn *conn)
{
	const struct vfiod_hello_req hello = { htole16(VFIOD_VERSION_MIN), htole16(VFIOD_VERSION_MAX), 0 };
	struct proto_msg msg;

	if (ask(conn, VFIOD_HELLO, &hello, sizeof(hello), 0, &msg))
		die("HELLO");
	conn->version = VFIOD_VERSION_MAX;
}

static uint64_t parse(const char *text)
{
	uint64_t address;

	if (proto_address_parse(text, &address)) {
		errno = EINVAL;
		die(text);
	}
	return address;
}

/* Return: nanoseconds until the files are there. */
static uint64_t acquire(struct proto_conn *conn, uint64_t address, struct proto_msg *msg)
{
	const struct vfiod_acquire_req body = { htole64(address), htole32(VFIOD_MODE_CONTAINER), 0 };
	uint64_t begin = now();

	if (ask(conn, VFIOD_ACQUIRE, &body, sizeof(body), 2, msg) || msg->fd_count != 2) {
		fprintf(stderr, "client: ACQUIRE: %s\n",
			msg->flags & VFIOD_ERROR ? ((struct vfiod_error *)proto_msg_body(msg))->text : "no files");
		exit(1);
	}
	return now() - begin;
}

static void release(struct proto_conn *conn, struct proto_msg *granted)
{
	const struct vfiod_acquire_rep *rep = proto_msg_body(granted);
	const struct vfiod_release_req body = { rep->lease, 0 };
	struct proto_msg msg;

	proto_msg_close_fds(granted);
	if (ask(conn, VFIOD_RELEASE, &body, sizeof(body), 0, &msg)) {
		fprintf(stderr, "client: RELEASE: %s\n", ((struct vfiod_error *)proto_msg_body(&msg))->text);
		exit(1);
	}
}

/* Without a word to vfiod: the fake machine says whether it is clean and open in advance again. */
static void await_open(uint64_t address)
{
	const struct sockaddr_un kernel = { .sun_family = AF_UNIX, .sun_path = FAKE_SOCKET };
	const struct timespec pause = { .tv_nsec = 1000000 };
	static struct fake_call call = { .op = FAKE_CONTROL };
	static struct fake_answer answer;
	uint64_t begin = now();
	char text[PROTO_ADDRESS_LEN];

	do {
		int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

		errno = ETIMEDOUT;
		if (now() - begin > PATIENCE_NS)
			die("to wait until it is open in advance");

		nanosleep(&pause, NULL);
		call.length = (uint32_t)sprintf(call.data, "opened %s", proto_address_format(address, text));
		if (connect(fd, (const struct sockaddr *)&kernel, sizeof(kernel)) ||
		    send(fd, &call, offsetof(struct fake_call, data) + call.length, 0) < 0 ||
		    recv(fd, &answer, sizeof(answer), 0) < 0)
			die(FAKE_SOCKET);
		close(fd);
	} while (answer.value);
}

static bool is_warm(struct proto_conn *conn, uint64_t address)
{
	const struct vfiod_list_req body = { htole64(address), htole32(1), 0 };
	const struct vfiod_list_rep *rep;
	struct proto_msg msg;

	if (ask(conn, VFIOD_LIST, &body, sizeof(body), 0, &msg))
		die("LIST");
	rep = proto_msg_body(&msg);
	return le32toh(rep->devices[0].flags) & VFIOD_DEVICE_WARM;
}

/* It is clean and open in advance again: vfiod has nothing to do any more. */
static void await_warm(struct proto_conn *conn, uint64_t address)
{
	const struct timespec pause = { .tv_nsec = 200000 };

	do
		nanosleep(&pause, NULL);
	while (!is_warm(conn, address));
}

/* ---- a bare exchange ---- */

#define BARE_SIZE (sizeof(struct vfiod_hdr) + sizeof(struct vfiod_acquire_rep))

static void send_files(int fd, const int fds[2])
{
	static char bytes[BARE_SIZE];
	struct iovec data = { bytes, sizeof(bytes) };
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(2 * sizeof(int))];
	} control = { .header = { CMSG_LEN(2 * sizeof(int)), SOL_SOCKET, SCM_RIGHTS } };
	struct msghdr msg = {
		.msg_iov = &data, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)
	};

	memcpy(CMSG_DATA(&control.header), fds, 2 * sizeof(int));
	if (sendmsg(fd, &msg, 0) < 0)
		die("sendmsg");
}

static void stay_on(int processor)
{
	cpu_set_t only;

	CPU_ZERO(&only);
	CPU_SET(processor, &only);
	if (sched_setaffinity(0, sizeof(only), &only))
		die("sched_setaffinity");
}

/* Return: our end of it. */
static int start_bare(const int fds[2])
{
	char request[128];
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends))
		die("socketpair");
	if (!fork()) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		stay_on(VFIOD_PROCESSOR);
		close(ends[0]);
		while (recv(ends[1], request, sizeof(request), 0) > 0)
			send_files(ends[1], fds);
		_exit(0);
	}
	close(ends[1]);
	return ends[0];
}

static uint64_t exchange(int bare)
{
	static char request[sizeof(struct vfiod_hdr) + sizeof(struct vfiod_acquire_req)], bytes[VFIOD_MSG_MAX];
	struct iovec data = { bytes, sizeof(bytes) };
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(2 * sizeof(int))];
	} control;
	struct msghdr msg = {
		.msg_iov = &data, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)
	};
	uint64_t begin = now(), took;
	int fds[2];

	if (send(bare, request, sizeof(request), 0) < 0 || recvmsg(bare, &msg, MSG_CMSG_CLOEXEC) < 0)
		die("a bare exchange");
	took = now() - begin;
	memcpy(fds, CMSG_DATA(&control.header), sizeof(fds));
	close(fds[0]);
	close(fds[1]);
	return took;
}

/* ---- what there is to measure ---- */

static int lease_with_pauses(size_t count, size_t functions, char **addresses, long pause_ms)
{
	const struct timespec pause = { .tv_nsec = pause_ms * 1000000 };
	struct proto_conn conn = connect_vfiod();
	uint64_t *took = calloc(count, sizeof(*took));
	struct proto_msg msg;

	greet(&conn);
	for (size_t i = 0; i < count; i++) {
		uint64_t address = parse(addresses[i % functions]);

		await_open(address);
		took[i] = acquire(&conn, address, &msg);
		release(&conn, &msg);
		await_open(address);
		nanosleep(&pause, NULL);
	}
	printf("lease %llu\n", median(took, count));
	return 0;
}

static int lease(size_t count, size_t functions, char **addresses)
{
	return lease_with_pauses(count, functions, addresses, 0);
}

static int paced(size_t count, size_t functions, char **addresses)
{
	return lease_with_pauses(count, functions, addresses, 25);
}

static int assign(size_t uid, size_t functions, char **addresses)
{
	struct vfiod_assign_req body = { .uid = htole32((uint32_t)uid), .gid = htole32(VFIOD_NONE) };
	struct proto_conn conn = connect_to(VFIOD_ADMIN_SOCKET);
	struct proto_msg msg;

	greet(&conn);
	for (size_t i = 0; i < functions; i++) {
		body.address = htole64(parse(addresses[i]));
		if (ask(&conn, VFIOD_ASSIGN, &body, sizeof(body), 0, &msg)) {
			fprintf(stderr, "client: ASSIGN: %s\n", ((struct vfiod_error *)proto_msg_body(&msg))->text);
			return 1;
		}
	}
	return 0;
}

static int deny(size_t count, size_t functions, char **addresses)
{
	struct proto_conn conn = connect_vfiod();
	const struct vfiod_acquire_req body = { htole64(parse(addresses[0])), htole32(VFIOD_MODE_CONTAINER), 0 };
	struct proto_msg msg;

	(void)functions;
	greet(&conn);
	for (size_t i = 0; i < count; i++)
		if (!ask(&conn, VFIOD_ACQUIRE, &body, sizeof(body), 2, &msg)) {
			errno = 0;
			die("it was not denied");
		}
	return 0;
}

/* Return: nanoseconds, of a second one. */
static uint64_t exchange_awake(int bare)
{
	exchange(bare);
	return exchange(bare);
}

static uint64_t lease_awake(struct proto_conn *conn, uint64_t address)
{
	struct proto_msg granted;
	uint64_t took;

	is_warm(conn, address);
	took = acquire(conn, address, &granted);
	release(conn, &granted);
	return took;
}

static int compare_on(int processor, size_t count, size_t functions, char **addresses)
{
	struct proto_conn conn = connect_vfiod();
	uint64_t *took = calloc(count, sizeof(*took)), *bare_took = calloc(count, sizeof(*bare_took));
	struct proto_msg msg;
	int bare;

	greet(&conn);
	acquire(&conn, parse(addresses[0]), &msg);
	bare = start_bare(msg.fds);
	stay_on(processor);
	for (size_t i = 0; i < count; i++) {
		uint64_t address = parse(addresses[1 + i % (functions - 1)]);

		await_warm(&conn, address);
		bare_took[i] = exchange_awake(bare);
		took[i] = lease_awake(&conn, address);
	}
	printf("lease %llu\nbare %llu\n", median(took, count), median(bare_took, count));
	return 0;
}

static int compare(size_t count, size_t functions, char **addresses)
{
	return compare_on(!VFIOD_PROCESSOR, count, functions, addresses);
}

static int share(size_t count, size_t functions, char **addresses)
{
	return compare_on(VFIOD_PROCESSOR, count, functions, addresses);
}

/* ---- neighbours ---- */

static void stay(void)
{
	puts("ready");
	fflush(stdout);
	for (;;)
		pause();
}

static int idle(size_t count, size_t functions, char **addresses)
{
	(void)functions;
	(void)addresses;
	while (count--) {
		struct proto_conn conn = connect_vfiod();

		greet(&conn);
	}
	stay();
	return 0;
}

/* Sends what it can without waiting. */
static void send_all(struct proto_conn *conn, uint16_t opcode, const void *body, size_t length, unsigned int times)
{
	while (times-- && !proto_conn_send(conn, opcode, 0, 1, body, length, NULL, 0))
		;
}

static void set_nonblocking(int fd)
{
	if (fcntl(fd, F_SETFL, O_NONBLOCK))
		die("O_NONBLOCK");
}

/* Connections, each made anew by @make when vfiod has ended it; their answers stay unread. */
static void keep(size_t count, struct proto_conn (*make)(size_t i))
{
	struct pollfd *ends = calloc(count, sizeof(*ends));

	for (size_t i = 0; i < count; i++)
		ends[i] = (struct pollfd){ .fd = make(i).fd, .events = POLLRDHUP };
	puts("ready");
	fflush(stdout);
	while (poll(ends, count, -1) > 0)
		for (size_t i = 0; i < count; i++)
			if (ends[i].revents) {
				close(ends[i].fd);
				ends[i].fd = make(i).fd;
			}
}

static struct proto_conn make_half(size_t i)
{
	(void)i;
	return connect_vfiod();
}

static int half(size_t count, size_t functions, char **addresses)
{
	(void)functions;
	(void)addresses;
	keep(count, make_half);
	return 1;
}

/* Asks whenever there is room for a request, and reads whatever there is, until vfiod has enough of it. */
static void ask_without_end(void)
{
	const struct vfiod_list_req body = { 0, htole32(VFIOD_LIST_MAX), 0 };
	struct proto_conn conn = connect_vfiod();
	struct pollfd end = { .fd = conn.fd, .events = POLLIN | POLLOUT };
	char bytes[VFIOD_MSG_MAX];

	greet(&conn);
	set_nonblocking(conn.fd);
	while (poll(&end, 1, -1) == 1 && !(end.revents & POLLHUP)) {
		send_all(&conn, VFIOD_LIST, &body, sizeof(body), 1000);
		while (recv(conn.fd, bytes, sizeof(bytes), 0) > 0)
			;
	}
	close(conn.fd);
}

static int flood(size_t count, size_t functions, char **addresses)
{
	(void)functions;
	(void)addresses;
	while (count--)
		if (!fork()) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			for (;;)
				ask_without_end();
		}
	stay();
	return 0;
}

static char **slow_addresses;
static size_t slow_functions;

static struct proto_conn make_slow(size_t i)
{
	const struct vfiod_list_req list = { 0, htole32(VFIOD_LIST_MAX), 0 };
	struct vfiod_acquire_req body = { .mode = htole32(VFIOD_MODE_CONTAINER) };
	struct proto_conn conn = connect_vfiod();

	body.address = htole64(parse(slow_addresses[i % slow_functions]));
	greet(&conn);
	set_nonblocking(conn.fd);
	send_all(&conn, VFIOD_ACQUIRE, &body, sizeof(body), 1);
	send_all(&conn, VFIOD_LIST, &list, sizeof(list), 1000);
	return conn;
}

static int slow(size_t count, size_t functions, char **addresses)
{
	slow_addresses = addresses;
	slow_functions = functions;
	keep(count, make_slow);
	return 1;
}

static const struct {
	const char *name;
	int (*run)(size_t count, size_t functions, char **addresses);
	int functions; /* at least */
} ways[] = {
	{ "assign", assign, 1 },   { "lease", lease, 1 }, { "paced", paced, 1 }, { "deny", deny, 1 },
	{ "compare", compare, 2 }, { "share", share, 2 }, { "idle", idle, 0 },	 { "half", half, 0 },
	{ "flood", flood, 0 },	   { "slow", slow, 1 },
};

static void raise_file_limit(void)
{
	struct rlimit limit;

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

int main(int argc, char **argv)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	raise_file_limit();
	for (size_t i = 0; argc >= 4 && i < sizeof(ways) / sizeof(ways[0]); i++)
		if (!strcmp(ways[i].name, argv[2]) && argc - 4 >= ways[i].functions) {
			runtime_dir = argv[1];
			return ways[i].run(strtoul(argv[3], NULL, 10), (size_t)argc - 4, argv + 4);
		}
	fputs("usage: client RUNTIME-DIR WAY COUNT [ADDRESS...]; see tests/bench/client.c\n", stderr);
	return 2;
}
