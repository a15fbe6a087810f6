/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How soon vfiod has a function back from a client that does all it can to keep it:
 *
 *	stuck				the ways of keeping it
 *	stuck WAY GRACE ROUNDS ADDRESS	revokes an edu of alice's so many times, each time with GRACE ms of grace
 *	stuck drive GRACE ROUNDS ADDRESS	the first of the ways with an nvme
 *
 * A thread of the client's reads a register without end, and has an edu write to memory without end; vfiod and the
 * module have to be there, and vm.unprivileged_userfaultfd to be 1.
 */
#include "libvfiodma/vfiodma.h"
#include "tests/vm/clients/client.h"
#include "tests/vm/clients/edu.h"
#include "tests/vm/clients/expect.h"
#include "tests/vm/clients/stalling.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* After the grace: until the function is free, and until instructions and DMA of the client reach nothing any more. */
#define BAR_MS	    100
#define DRIVE_MS    1000 /* with two resets that take 100 ms and more (PCIe 6.0 §6.6.2): on closing, and on cleaning */
#define STOP_BAR_MS 20
#define TRANSFER_MS 100 /* what an edu takes for one */
#define NVME_CSTS   0x1c
#define BYTE	    0xa5
#define ROUNDS_MAX  100
#define SEVERAL	    3 /* processes */

static const struct way {
	const char *name;
	int stall; /* or -1 */
	bool stop;
	unsigned int processes; /* that have to be killed */
	bool drive;
} ways[] = {
	{ "read", STALL_READ, false, 1, false },
	{ "device-ioctl", STALL_DEVICE_IOCTL, false, 1, false },
	{ "container-ioctl", STALL_CONTAINER_IOCTL, false, 1, false },
	{ "read-by-several", STALL_READ, false, SEVERAL, false },
	{ "stopped-in-read", STALL_READ, true, 1, false },
	{ "stopped-in-container-ioctl", STALL_CONTAINER_IOCTL, true, 1, false },
	{ "stopped", -1, true, 0, false },
	{ "drive", STALL_READ, false, 1, true },
};

static const char *address;

/* In milliseconds. */
static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return 1e3 * (double)time.tv_sec + 1e-6 * (double)time.tv_nsec;
}

static struct vfiodma_session *connect_as(bool admin)
{
	struct vfiodma_session *session;

	if (vfiodma_session_open(&(struct vfiodma_options){ .admin = admin }, &session)) {
		fprintf(stderr, "stuck: %s\n", vfiodma_session_error(session));
		_exit(1);
	}
	return session;
}

/* ---- the client ---- */

/* What remains of the client when it has been killed, and the memory that its device writes to. */
static struct {
	_Atomic double answered;    /* when the last access to a register began that was answered */
	_Atomic double lost;	    /* when one gave SIGBUS; 0: none has */
	_Atomic double began;	    /* when the last transfer was begun */
	_Atomic unsigned int count; /* of transfers that have ended */
} * seen;
static unsigned char *memory;

/* The edu writes a page of BYTE each time, over zeros. */
static void *hammer(void *unused)
{
	uint32_t command;
	double start;

	(void)unused;
	for (;; seen->count++) {
		memset(memory, 0, PAGE);
		seen->began = now();
		if (!dma_start(my.bar, EDU_BUFFER, OLD_IOVA, PAGE, EDU_DMA_TO_RAM))
			break;
		do {
			start = now();
			if (!load(my.bar, EDU_DMA_CMD, &command))
				goto lost;
			seen->answered = start;
		} while (command & EDU_DMA_START);
		expect(memory[0] == BYTE && memory[PAGE - 1] == BYTE);
	}
lost:
	seen->lost = now();
	return NULL;
}

static void *hammer_drive(void *unused)
{
	uint32_t status;
	double start;

	(void)unused;
	for (start = now(); load(my.bar, NVME_CSTS, &status); start = now()) {
		seen->answered = start;
		seen->count = 1;
	}
	seen->lost = now();
	return NULL;
}

static void prepare_dma(void)
{
	expect(!command(COMMAND_MASTER | COMMAND_MEMORY));
	expect(!dma_map(my.lease.container.fd, memory, PAGE, OLD_IOVA));
	memset(memory, BYTE, PAGE);
	expect(dma_wait(my.bar) && dma_start(my.bar, OLD_IOVA, EDU_BUFFER, PAGE, 0) && dma_wait(my.bar));
}

static long use_lease(long drive)
{
	struct vfiodma_session *session = connect_as(false);
	struct vfiodma_lease *lease;
	pthread_t thread;

	if (vfiodma_lease_acquire(session, address, 0, &lease)) {
		fprintf(stderr, "stuck: %s\n", vfiodma_session_error(session));
		_exit(1);
	}
	my.lease.device.fd = vfiodma_lease_device_fd(lease);
	my.lease.container.fd = vfiodma_lease_container_fd(lease);
	my.bar = bar_map(my.lease.device.fd, 0, drive ? PAGE : EDU_SIZE);
	expect(my.bar != MAP_FAILED);
	if (!drive)
		prepare_dma();
	expect(!pthread_create(&thread, NULL, drive ? hammer_drive : hammer, NULL));
	while (!seen->count)
		poll(NULL, 0, 1);
	return 0;
}

/* In the client, and in @processes - 1 children of its own. */
static long stall(long which)
{
	const struct way *way = &ways[which];
	int ready[2];
	char byte;

	expect(!pipe(ready));
	for (unsigned int i = 1; i < way->processes; i++) {
		pid_t child = fork();

		expect(child >= 0);
		if (child)
			continue;
		expect(!make_page_that_never_comes(0) && !begin_to_stall(way->stall));
		expect(write(ready[1], "", 1) == 1);
		for (;;)
			pause();
	}
	for (unsigned int i = 1; i < way->processes; i++)
		expect(read(ready[0], &byte, 1) == 1);
	return make_page_that_never_comes(0) || begin_to_stall(way->stall);
}

/* ---- the administrator ---- */

struct round {
	double freed, load; /* ms after the grace */
	bool dma;	    /* a transfer was on when the lease ended */
};

/* A transfer that was on when DMA had to have stopped must not come through; it is over when its time is. */
static void check_memory(struct round *round, double stopped)
{
	round->dma = seen->began + TRANSFER_MS > stopped;
	poll(NULL, 0, TRANSFER_MS + 50);
	for (unsigned int i = 0; round->dma && i < PAGE; i++)
		expect(!memory[i]);
}

/* A client that is stopped, and in no call, lives: when it goes on there is nothing for it any more. */
static void go_on(const struct actor *client)
{
	double start = now();

	expect(!seen->lost && !kill(client->pid, SIGCONT));
	while (!seen->lost)
		poll(NULL, 0, 1);
	expect(seen->answered < start);
}

static void check_killed(const struct actor *client)
{
	siginfo_t how;

	expect(!waitid(P_PID, (id_t)client->pid, &how, WEXITED | WNOWAIT));
	expect(how.si_code == CLD_KILLED && how.si_status == SIGKILL);
}

static struct round one_round(struct vfiodma_session *admin, const struct way *way, unsigned int grace_ms)
{
	struct actor client;
	struct round round = { 0 };
	unsigned int killed;
	double start;

	memset(seen, 0, sizeof(*seen));
	client = actor_start(ALICE, NULL, 0);
	actor_ask(&client, use_lease, way->drive);
	if (way->stall >= 0)
		actor_ask(&client, stall, way - ways);
	if (way->stop)
		actor_stop(&client);

	start = now();
	if (vfiodma_revoke(admin, address, grace_ms, NULL, &killed)) {
		fprintf(stderr, "stuck: %s\n", vfiodma_session_error(admin));
		_exit(1);
	}
	round.freed = now() - start - grace_ms;
	round.load = seen->answered - start - grace_ms;
	expect(killed == way->processes);
	if (!way->stop)
		expect(seen->lost && round.load > -20); /* it had the grace */
	if (way->processes)
		check_killed(&client);
	else
		go_on(&client);
	if (!way->drive)
		check_memory(&round, start + grace_ms + STOP_BAR_MS);
	actor_end(&client);
	return round;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

/* Return: whether all of them were within the bar. */
static bool report(const struct way *way, unsigned int grace_ms, const char *what, double *ms, unsigned int count,
		   double bar)
{
	char name[64];

	snprintf(name, sizeof(name), "stuck_%s_%u%s", way->name, grace_ms, what);
	qsort(ms, count, sizeof(*ms), by_size);
	printf("bench %s %.1f ms\nbench %s_max %.1f ms (at most %.0f)\n", name, ms[count / 2], name, ms[count - 1],
	       bar);
	return ms[count - 1] <= bar;
}

static bool measure(const struct way *way, unsigned int grace_ms, unsigned int rounds)
{
	struct vfiodma_session *admin = connect_as(true);
	double freed[ROUNDS_MAX], load[ROUNDS_MAX];
	unsigned int with_dma = 0;
	bool good;

	/* Once more, with nothing to wait for but what is measured: all that it takes is in memory then. */
	one_round(admin, way, grace_ms);
	for (unsigned int i = 0; i < rounds; i++) {
		struct round round = one_round(admin, way, grace_ms);

		freed[i] = round.freed;
		load[i] = round.load;
		with_dma += round.dma;
	}
	good = report(way, grace_ms, "", freed, rounds, way->drive ? DRIVE_MS : BAR_MS);
	if (!way->stop)
		good &= report(way, grace_ms, "_last_load", load, rounds, STOP_BAR_MS);
	printf("%u of %u had a transfer on\n", with_dma, rounds);
	/* a stopped client begins none in its grace */
	return good && (with_dma || (way->stop && grace_ms) || way->drive);
}

int main(int argc, char **argv)
{
	unsigned int rounds = argc == 5 ? (unsigned int)atoi(argv[3]) : 0;

	seen = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	memory = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	expect(seen != MAP_FAILED && memory != MAP_FAILED);
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		if (argc == 1 && !ways[i].drive)
			puts(ways[i].name);
		if (rounds && rounds <= ROUNDS_MAX && !strcmp(argv[1], ways[i].name)) {
			address = argv[4];
			return measure(&ways[i], (unsigned int)atoi(argv[2]), rounds) ? 0 : 1;
		}
	}
	return argc > 1 ? 2 : 0;
}
