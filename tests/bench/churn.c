/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * churn RUNTIME-DIR PROCESSES ADDRESS...: processes that lease any of the functions, keep a lease for a while and end
 * it in one of the ways there are, some by dying, whether vfiod is there or not. Run it on a fake machine, as root.
 *
 * It ends by SIGTERM, and fails where a lease is lost, a function is handed out twice, or it was not cleaned before:
 * who has one has a file locked, and leaves config space in a state.
 */
#include "proto/address.h"
#include "proto/conn.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/pci_regs.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LOCKS	  "/run/bench/locks"
#define FUNCTIONS 1024
#define DIED	  42

struct function {
	const char *name;
	uint64_t address;
	int lock;
	uint64_t lease; /* 0: it is not ours */
	int fds[2];
};

static const char *runtime_dir;
static struct function functions[FUNCTIONS];
static size_t function_count, held, share; /* as many as everybody has if all are leased */
static struct proto_conn conn = { .fd = -1 };
static volatile sig_atomic_t ending;

static void __attribute__((noreturn)) fail(const struct function *function, const char *what)
{
	fprintf(stderr, "churn: %s: %s\n", function ? function->name : "churn", what);
	exit(1);
}

static void end(int signal)
{
	(void)signal;
	ending = 1;
}

static void pause_ms(long ms)
{
	const struct timespec time = { .tv_nsec = ms * 1000000 };

	nanosleep(&time, NULL);
}

/* ---- vfiod, which may be dead ---- */

static void hang_up(void)
{
	if (conn.fd >= 0)
		close(conn.fd);
	conn.fd = -1;
}

/* Return: 0, the error of the reply, or -1: vfiod is gone. */
static int ask(uint16_t opcode, const void *body, size_t length, unsigned int fds, struct proto_msg *msg)
{
	static uint64_t cookie;
	const char *why = "";

	if (proto_conn_send(&conn, opcode, 0, ++cookie, body, length, NULL, 0))
		return -1;
	do {
		if (proto_conn_recv(&conn, msg, fds, &why))
			return -1;
	} while (msg->flags & VFIOD_EVENT);
	if (msg->flags & VFIOD_ERROR)
		return (int)le32toh(((struct vfiod_error *)proto_msg_body(msg))->code);
	return 0;
}

static bool is_connected(void)
{
	const struct vfiod_hello_req hello = { htole16(VFIOD_VERSION_MIN), htole16(VFIOD_VERSION_MAX), 0 };
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct proto_msg msg;

	if (conn.fd >= 0)
		return true;
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/" VFIOD_PUB_SOCKET, runtime_dir);
	conn = (struct proto_conn){ .fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0) };
	if (connect(conn.fd, (const struct sockaddr *)&address, sizeof(address)) ||
	    ask(VFIOD_HELLO, &hello, sizeof(hello), 0, &msg)) {
		hang_up();
		return false;
	}
	conn.version = VFIOD_VERSION_MAX;
	return true;
}

/* ---- a function ---- */

/*
 * Leaves bus mastering on, and a register set that a reset alone clears.
 * Return: whether somebody else had, and it was not cleaned since.
 */
static bool use(const struct function *function)
{
	uint8_t command = 0xff, line = 0xff;
	char path[64];
	bool used;
	int fd;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/config", function->name);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0 || pread(fd, &command, 1, PCI_COMMAND) != 1 || pread(fd, &line, 1, PCI_INTERRUPT_LINE) != 1)
		fail(function, "its config space cannot be read");
	used = command & PCI_COMMAND_MASTER || line;
	command |= PCI_COMMAND_MASTER;
	line = 1;
	if (pwrite(fd, &command, 1, PCI_COMMAND) != 1 || pwrite(fd, &line, 1, PCI_INTERRUPT_LINE) != 1)
		fail(function, "its config space cannot be written");
	close(fd);
	return used;
}

static void take(struct function *function, struct proto_msg *msg)
{
	const struct vfiod_acquire_rep *rep = proto_msg_body(msg);

	if (msg->fd_count != 2)
		fail(function, "its files are missing");
	function->lease = le64toh(rep->lease);
	memcpy(function->fds, msg->fds, sizeof(function->fds));
	held++;
	if (flock(function->lock, LOCK_EX | LOCK_NB))
		fail(function, "it was handed out twice");
	if (use(function))
		fail(function, "it was not cleaned before");
}

static void acquire(struct function *function)
{
	const struct vfiod_acquire_req body = { htole64(function->address), htole32(VFIOD_MODE_CONTAINER), 0 };
	struct proto_msg msg;
	int err;

	if (function->lease || !is_connected())
		return;
	err = ask(VFIOD_ACQUIRE, &body, sizeof(body), 2, &msg);
	if (!err)
		take(function, &msg);
	else if (err < 0)
		hang_up();
	else if (err != EBUSY && err != EAGAIN)
		fail(function, ((struct vfiod_error *)proto_msg_body(&msg))->text);
}

/* By closing all, and perhaps with a word about it. */
static void release(struct function *function, bool ask_for_it)
{
	const struct vfiod_release_req body = { htole64(function->lease), 0 };
	struct proto_msg msg;

	flock(function->lock, LOCK_UN);
	close(function->fds[0]);
	close(function->fds[1]);
	function->lease = 0;
	held--;
	if (!ask_for_it || !is_connected())
		return;
	if (ask(VFIOD_RELEASE, &body, sizeof(body), 0, &msg) < 0)
		hang_up();
}

/* A handle that was revoked has hung up. */
static void check_held(void)
{
	for (size_t i = 0; i < function_count; i++) {
		struct pollfd handle = { .fd = functions[i].fds[0] };

		if (functions[i].lease && poll(&handle, 1, 0) == 1 && handle.revents & POLLHUP)
			fail(&functions[i], "its lease was lost");
	}
}

/* ---- a process ---- */

/* The locks have lower numbers than the handles: who dies lets go of them first. */
static void open_locks(void)
{
	char path[64];

	for (size_t i = 0; i < function_count; i++) {
		snprintf(path, sizeof(path), LOCKS "/%s", functions[i].name);
		functions[i].lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
		if (functions[i].lock < 0)
			fail(&functions[i], strerror(errno));
	}
}

static struct function *any_held(void)
{
	size_t i = (size_t)rand() % function_count;

	while (!functions[i].lease)
		i = (i + 1) % function_count;
	return &functions[i];
}

static void act(void)
{
	int chance = rand() % 20000;

	if (chance < 1)
		_exit(DIED);
	if (held && (held > share || chance < 400))
		release(any_held(), chance % 2);
	else
		acquire(&functions[(size_t)rand() % function_count]);
	check_held();
	pause_ms(10);
}

static void __attribute__((noreturn)) be_client(unsigned int seed)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	srand(seed);
	open_locks();
	while (!ending)
		act();
	while (held)
		release(any_held(), false);
	exit(0);
}

static int supervise(unsigned int processes)
{
	static unsigned int seed;
	unsigned int alive = 0;
	int status, failed = 0;

	do {
		while (!ending && alive < processes) {
			pid_t child = fork();

			if (child < 0)
				fail(NULL, strerror(errno));
			if (!child)
				be_client(++seed);
			seed++;
			alive++;
		}
		if (wait(&status) < 0) { /* the signal that ends us */
			kill(0, SIGTERM);
			continue;
		}
		alive--;
		failed |= !WIFEXITED(status) || (WEXITSTATUS(status) && WEXITSTATUS(status) != DIED);
		if (failed)
			kill(0, SIGTERM);
	} while (alive);
	printf("%u processes\n", seed);
	return failed;
}

int main(int argc, char **argv)
{
	const struct sigaction action = { .sa_handler = end };
	struct rlimit limit;

	if (argc < 4 || argc - 3 > FUNCTIONS) {
		fputs("usage: churn RUNTIME-DIR PROCESSES ADDRESS...\n", stderr);
		return 2;
	}
	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	setpgid(0, 0);
	sigaction(SIGTERM, &action, NULL);
	runtime_dir = argv[1];
	mkdir(LOCKS, 0700);
	for (int i = 3; i < argc; i++) {
		struct function *function = &functions[function_count++];

		function->name = argv[i];
		if (proto_address_parse(argv[i], &function->address))
			fail(function, "it is no address");
	}
	share = function_count / (size_t)atoi(argv[2]);
	return supervise((unsigned int)atoi(argv[2]));
}
