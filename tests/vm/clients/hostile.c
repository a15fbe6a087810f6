/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Clients that are no good. A line on stdout says when the interesting point is reached.
 *
 *	hostile silent COUNT SOCKET		connect COUNT times, say nothing, "connected", stay until killed
 *	hostile deaf SOCKET			ask and never read, "thrown out after N requests" when that ends
 *	hostile lingering COUNT SOCKET		COUNT times, send a file whose close may take an hour, and hang up
 *	hostile killed SEED COUNT SOCKET ADDRESS
 *						COUNT processes, each killed somewhere on its way to a lease
 *	hostile step STEP SOCKET ADDRESS	be killed at that step of the way, see walk()
 *	hostile impatient SOCKET ADDRESS	be killed while an ACQUIRE waits for the last lease's end, "killed"
 *	hostile stopped SOCKET ADDRESS		stop with the answer to an ACQUIRE unread; when continued, "let go" if
 *						the connection has ended meanwhile
 *	hostile ahead COUNT SOCKET ADDRESS	send ACQUIREs, as many as there is room for, but not more than COUNT;
 *						read nothing, "sent N"; and "let go" when the connection has ended
 *	hostile release LEASE SOCKET		RELEASE of that number, "released" or the error
 */
#include "tests/vm/clients/connect.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define DEAF_MAX     100000 /* requests; a server that takes more than that keeps them all somewhere */
#define KILL_STEPS   6	    /* before each step of a client, and after the last one */
#define KILL_MAX_US  20000  /* how long a process may get at a point that is a time */
#define WAITING_MS   20	    /* a reply that has not come after that is one that waits */
#define ATTEMPTS_MAX 50

static int usage(void)
{
	fprintf(stderr, "usage: hostile WAY ARGUMENT...\n");
	return 2;
}

static int say(const char *what)
{
	puts(what);
	fflush(stdout);
	return 0;
}

static int silent(char **arguments)
{
	for (int count = atoi(arguments[0]); count > 0; count--)
		connect_to(arguments[1]);
	say("connected");
	return pause();
}

static int deaf(char **arguments)
{
	struct proto_conn conn = greeted(arguments[0]);
	const struct vfiod_list_req request = { .max = htole32(VFIOD_LIST_MAX) };
	unsigned int count = 0;

	while (count < DEAF_MAX && !proto_conn_send(&conn, VFIOD_LIST, 0, 3, &request, sizeof(request), NULL, 0))
		count++;
	printf("%s after %u requests\n", count < DEAF_MAX ? "thrown out" : "still served", count);
	return count < DEAF_MAX ? 0 : 1;
}

/* ---- a file that lingers ---- */

/* One end of a connection over loopback, full of what nobody reads; its close is to wait for that. */
static int lingering_socket(const struct sockaddr_in *listener)
{
	char bytes[65536] = { 0 };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || connect(fd, (const struct sockaddr *)listener, sizeof(*listener)))
		return -1;
	while (send(fd, bytes, sizeof(bytes), MSG_DONTWAIT) > 0)
		;
	return setsockopt(fd, SOL_SOCKET, SO_LINGER, &(struct linger){ 1, 3600 }, sizeof(struct linger)) ? -1 : fd;
}

/*
 * Sends a file and ends. If the message's close is the last one, it may take that hour; a process that ends does not
 * wait for its own, which is the last one where vfiod was quicker, or the kernel takes no files.
 */
static void send_lingering(const char *path, const struct sockaddr_in *listener)
{
	const struct vfiod_list_req request = { .max = htole32(VFIOD_LIST_MAX) };
	struct proto_conn conn = connect_to(path);
	int fd = lingering_socket(listener);
	int err = fd < 0 ? -errno : proto_conn_send(&conn, VFIOD_LIST, 0, 3, &request, sizeof(request), &fd, 1);

	/* EPERM: by which a kernel says that who listens wants no files (SO_PASSRIGHTS) */
	_exit(err && err != -EPERM);
}

static int lingering(char **arguments)
{
	struct sockaddr_in loopback = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t size = sizeof(loopback);

	if (listener < 0 || bind(listener, (struct sockaddr *)&loopback, size) || listen(listener, 1024) ||
	    getsockname(listener, (struct sockaddr *)&loopback, &size))
		return 1;
	for (int count = atoi(arguments[0]); count > 0; count--) {
		pid_t child = fork();
		int status;

		if (child < 0)
			give_up("fork");
		if (!child)
			send_lingering(arguments[1], &loopback);
		if (waitpid(child, &status, 0) != child)
			give_up("waitpid");
		if (status)
			return 1;
	}
	return 0;
}

/* ---- killed on the way ---- */

/* Kills this process before step @now if that is its point. */
static void point(int step, int now)
{
	if (step == now)
		raise(SIGKILL);
}

/* Until there is something to be read, or the connection has ended. */
static void await(const struct proto_conn *conn)
{
	struct pollfd pollfd = { conn->fd, POLLIN, 0 };

	if (poll(&pollfd, 1, -1) != 1)
		give_up("poll");
}

/* What comes back on the way to a lease does not matter: the device may be another one's, or being cleaned. */
static void walk(const char *path, const char *address, int step)
{
	struct proto_conn conn = connect_to(path);
	struct proto_msg reply;

	point(step, 0);
	send_hello(&conn);
	point(step, 1);
	receive(&conn, &reply);
	conn.version = VFIOD_VERSION_MAX;
	point(step, 2);
	send_acquire(&conn, address);
	point(step, 3);
	await(&conn);
	point(step, 4);
	receive(&conn, &reply);
	point(step, 5);
	proto_msg_close_fds(&reply);
	point(step, 6);
	for (;;)
		pause();
}

static void kill_after(pid_t child, long us)
{
	const struct timespec pause_for = { .tv_nsec = us * 1000 };

	nanosleep(&pause_for, NULL); /* a random point, not a wait for anything */
	kill(child, SIGKILL);
}

/* Half of the processes end at a certain step, the others at some time. */
static int killed(char **arguments)
{
	unsigned int seed = (unsigned int)strtoul(arguments[0], NULL, 10);

	for (int count = atoi(arguments[1]); count > 0; count--) {
		bool timed = rand_r(&seed) & 1;
		int step = timed ? -1 : rand_r(&seed) % KILL_STEPS;
		long us = rand_r(&seed) % KILL_MAX_US;
		pid_t child = fork();

		if (child < 0)
			give_up("fork");
		if (!child)
			walk(arguments[2], arguments[3], step);
		if (timed)
			kill_after(child, us);
		if (waitpid(child, NULL, 0) != child)
			give_up("waitpid");
	}
	return 0;
}

static int step(char **arguments)
{
	walk(arguments[1], arguments[2], atoi(arguments[0]));
	return 0;
}

/* ---- killed while it waits ---- */

/* Has a process get the lease and lose its life. */
static void sacrifice(const char *path, const char *address)
{
	pid_t child = fork();

	if (child < 0)
		give_up("fork");
	if (!child) {
		struct proto_conn conn = greeted(path);
		struct proto_msg reply;

		send_acquire(&conn, address);
		receive(&conn, &reply);
		raise(SIGKILL);
	}
	if (waitpid(child, NULL, 0) != child)
		give_up("waitpid");
}

/* Whether the ACQUIRE on @conn is one that waits; if not, its reply is taken. */
static bool waits(struct proto_conn *conn)
{
	struct pollfd pollfd = { conn->fd, POLLIN, 0 };
	struct proto_msg reply;

	if (!poll(&pollfd, 1, WAITING_MS))
		return true;
	if (!receive(conn, &reply))
		proto_msg_close_fds(&reply);
	return false;
}

static int impatient(char **arguments)
{
	for (int i = 0; i < ATTEMPTS_MAX; i++) {
		struct proto_conn conn = greeted(arguments[0]);

		sacrifice(arguments[0], arguments[1]);
		send_acquire(&conn, arguments[1]);
		if (waits(&conn)) {
			say("killed");
			return raise(SIGKILL);
		}
		close(conn.fd);
	}
	errno = ETIMEDOUT;
	give_up("no request waited");
}

/* ---- who does not read ---- */

static bool is_let_go(const struct proto_conn *conn, int timeout_ms)
{
	struct pollfd pollfd = { conn->fd, POLLRDHUP, 0 };

	return poll(&pollfd, 1, timeout_ms) == 1;
}

static int stopped(char **arguments)
{
	struct proto_conn conn = greeted(arguments[0]);

	send_acquire(&conn, arguments[1]);
	await(&conn);
	say("stopped");
	raise(SIGSTOP);
	say(is_let_go(&conn, 0) ? "let go" : "connected");
	return pause();
}

static int ahead(char **arguments)
{
	struct proto_conn conn = greeted(arguments[1]);
	int count = 0;

	fcntl(conn.fd, F_SETFL, O_NONBLOCK);
	while (count < atoi(arguments[0]) && !send_acquire(&conn, arguments[2]))
		count++;
	printf("sent %d\n", count);
	fflush(stdout);
	say(is_let_go(&conn, -1) ? "let go" : "connected");
	return pause();
}

/* ---- who gives back what is not its own ---- */

static int release(char **arguments)
{
	const struct vfiod_release_req request = { .lease = htole64(strtoull(arguments[0], NULL, 10)) };
	struct proto_conn conn = greeted(arguments[1]);
	struct proto_msg reply;

	if (proto_conn_send(&conn, VFIOD_RELEASE, 0, 3, &request, sizeof(request), NULL, 0) || receive(&conn, &reply))
		give_up("RELEASE");
	return say(error_of(&reply) ? strerrorname_np(error_of(&reply)) : "released");
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int arguments;
		int (*run)(char **arguments);
	} ways[] = {
		{ "silent", 2, silent },   { "deaf", 1, deaf },	  { "lingering", 2, lingering },
		{ "killed", 4, killed },   { "step", 3, step },	  { "impatient", 2, impatient },
		{ "stopped", 2, stopped }, { "ahead", 3, ahead }, { "release", 2, release },
	};

	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
		if (argc > 1 && !strcmp(argv[1], ways[i].name) && argc == 2 + ways[i].arguments)
			return ways[i].run(argv + 2);
	return usage();
}
