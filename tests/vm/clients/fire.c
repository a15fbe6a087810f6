/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fire ROUNDS SEED ADDRESS: a client that uses an edu in all ways at once is revoked at a random moment, ROUNDS times.
 *
 * From the return of REVOKE on its loads must give SIGBUS and its calls ENODEV, its memory must stay as it is and its
 * interrupt silent, while the next client has the device.
 */
#include "tests/vm/clients/client.h"
#include "tests/vm/clients/edu.h"
#include "tests/vm/clients/expect.h"

#include <fcntl.h>
#include <linux/vfio.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define THREADS_MAX 16

/* What an attempt came to. */
enum result {
	WORKED,
	REFUSED, /* as it has to be after a revocation */
	NEITHER, /* failed in another way, as it may before one */
};

/* Between the broker and the client that is fired at. */
static struct {
	volatile int revoked; /* REVOKE has returned */
	struct {
		volatile unsigned int before, refused; /* attempts before; refused after */
		volatile unsigned int wrong;	       /* not refused after */
	} threads[THREADS_MAX];
} * shared;

static bool can_move;

static enum result sigbus_or(bool worked)
{
	return worked ? WORKED : REFUSED;
}

static enum result enodev_or(bool worked)
{
	return worked ? WORKED : errno == ENODEV ? REFUSED : NEITHER;
}

/* ---- what the threads do ------------------------------------------------------------------------------------------
 */

static enum result access_register(void)
{
	uint32_t value;

	if (!store(my.bar, EDU_INVERT, 0x55aa))
		return REFUSED;
	return sigbus_or(load(my.bar, EDU_INVERT, &value));
}

static enum result fork_and_access(void)
{
	int status = 0;
	pid_t child = fork();

	if (!child)
		_exit(access_register());
	expect(child > 0 && waitpid(child, &status, 0) == child);
	if (!WIFEXITED(status))
		dprintf(2, "\na child ended with signal %d\n", WTERMSIG(status));
	expect(WIFEXITED(status));
	return (enum result)WEXITSTATUS(status);
}

static enum result map_and_unmap_dma(void)
{
	static __thread uint64_t iova;
	static __thread void *memory;

	if (!iova) {
		memory = mmap(NULL, 8 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		expect(memory != MAP_FAILED);
		iova = 0x1000000 + ((uintptr_t)memory & 0x7fff000);
	}
	if (dma_map(my.lease.container.fd, memory, 8 * PAGE, iova))
		return enodev_or(false);
	return enodev_or(!dma_unmap(my.lease.container.fd, 8 * PAGE, iova));
}

static enum result ask_device(void)
{
	struct vfio_device_info info = { .argsz = sizeof(info) };

	return enodev_or(!ioctl(my.lease.device.fd, VFIO_DEVICE_GET_INFO, &info));
}

static enum result read_config(void)
{
	uint32_t value;

	return enodev_or(config_read(my.lease.device.fd, CONFIG_VENDOR_AT, &value, 4));
}

/* Memory accesses off and on again. */
static enum result toggle_memory(void)
{
	if (command_change(my.lease.device.fd, 0, COMMAND_MEMORY))
		return enodev_or(false);
	return enodev_or(!command_change(my.lease.device.fd, COMMAND_MEMORY, 0));
}

static enum result rearm_interrupt(void)
{
	return enodev_or(!irq_enable(my.lease.device.fd, VFIO_PCI_MSI_IRQ_INDEX, my.irq));
}

static enum result map_and_split(void)
{
	volatile void *bar = bar_map(my.lease.device.fd, 0, EDU_SIZE);
	char *middle = (char *)bar + EDU_SIZE / 2, *moved;
	uint32_t value;

	if (bar == MAP_FAILED)
		return enodev_or(false);
	load(bar, EDU_ID, &value);
	expect(!munmap(middle, PAGE));
	if (can_move) {
		moved = mremap(middle + PAGE, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, middle);
		expect(moved == middle);
		load(moved, 0, &value);
	}
	expect(!munmap((void *)bar, EDU_SIZE));
	return WORKED;
}

/* The kernel's copy faults in the client's mapping. */
static enum result read_into_own_bar(void)
{
	bool worked = config_read(my.lease.device.fd, CONFIG_VENDOR_AT, (char *)my.bar + EDU_INVERT, 4);

	return enodev_or(worked);
}

static enum result transfer(void)
{
	uint32_t running;

	if (!load(my.bar, EDU_DMA_CMD, &running))
		return REFUSED;
	if (running & EDU_DMA_START)
		return WORKED;
	return sigbus_or(dma_start(my.bar, EDU_BUFFER, OLD_IOVA, PAGE, EDU_DMA_TO_RAM | EDU_DMA_IRQ));
}

static enum result (*const jobs[])(void) = {
	access_register,   access_register,   access_register, access_register,	  fork_and_access,
	map_and_unmap_dma, map_and_unmap_dma, ask_device,      read_config,	  toggle_memory,
	rearm_interrupt,   map_and_split,     map_and_split,   read_into_own_bar, transfer,
};
#define THREADS (sizeof(jobs) / sizeof(jobs[0]))
_Static_assert(THREADS <= THREADS_MAX, "as many as there is room for");

static void *run_thread(void *number)
{
	size_t i = (size_t)number;

	for (;;) {
		bool after = shared->revoked;
		enum result result = jobs[i]();

		if (!after)
			shared->threads[i].before++;
		else if (result == REFUSED)
			shared->threads[i].refused++;
		else
			shared->threads[i].wrong++;
	}
	return NULL;
}

static long open_fire(long unused)
{
	(void)unused;
	expect(!map_bar(0) && !map_memory(OLD_IOVA) && !command(COMMAND_MASTER | COMMAND_MEMORY));
	expect(!enable_irq(VFIO_PCI_MSI_IRQ_INDEX));
	for (size_t i = 0; i < THREADS; i++) {
		pthread_t thread;

		expect(!pthread_create(&thread, NULL, run_thread, (void *)i));
	}
	return 0;
}

/* ---- the broker ---- */

static const char *address;
static unsigned int seed;

static void pause_for(long ns)
{
	nanosleep(&(struct timespec){ .tv_nsec = ns }, NULL);
}

static bool all_threads(bool (*have)(size_t i))
{
	for (size_t i = 0; i < THREADS; i++)
		if (!have(i))
			return false;
	return true;
}

static bool has_begun(size_t i)
{
	return shared->threads[i].before > 1;
}

static bool was_refused(size_t i)
{
	return shared->threads[i].refused > 1 || shared->threads[i].wrong;
}

/* Until every thread has got somewhere. */
static void wait_for_threads(bool (*have)(size_t i))
{
	for (int i = 0; i < PATIENCE_MS && !all_threads(have); i++)
		pause_for(1000000);
	expect(all_threads(have));
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void say_who_is_stuck(int node, const struct lease *lease)
{
	struct vfiod_handle_info c = table_entry(node, lease->container.id), d = table_entry(node, lease->device.id);
	double start = now();
	struct vfiod_handle_revoke done;

	dprintf(2, "\ncontainer: state %u, %u busy (%u); device: state %u, %u busy (%u)\n", c.state, c.busy, c.busy_pid,
		d.state, d.busy, d.busy_pid);
	done = revoke_lease(node, lease->number, 6 * TIME_LIMIT);
	dprintf(2, "after %.1f s more: %u pending\n", now() - start, done.pending);
}

/* The next client, while the first one fires on. */
static struct actor next_client(int node, struct vfio *vfio, bool thorough)
{
	struct lease lease;
	struct actor second;

	expect(!ioctl(vfio->group, VFIO_GROUP_UNSET_CONTAINER));
	vfio_attach(vfio, address);
	lease = lease_make(node, vfio, 2, true);
	second = client_start(&lease, BOB);
	expect(!actor_ask(&second, map_bar, 0) && !actor_ask(&second, map_memory, NEW_IOVA));
	expect(!actor_ask(&second, command, COMMAND_MASTER | COMMAND_MEMORY));
	expect(!actor_ask(&second, thorough ? dma_round_trip : dma_fetch, NEW_IOVA));
	expect(!actor_ask(&second, msi_works, 0));
	return second;
}

/* Return: how long REVOKE took, in seconds. */
static double fire_round(int node, int group, bool thorough)
{
	struct vfio vfio = { .group = group };
	struct vfiod_handle_revoke done;
	struct lease lease;
	struct actor first, second;
	double start, took;

	memset(shared, 0, sizeof(*shared));
	vfio_attach(&vfio, address);
	lease = lease_make(node, &vfio, 1, true);
	first = client_start(&lease, ALICE);
	expect(!actor_ask(&first, open_fire, 0));
	wait_for_threads(has_begun);
	pause_for(rand_r(&seed) % 50000000);

	start = now();
	done = revoke_lease(node, 1, TIME_LIMIT);
	shared->revoked = 1;
	took = now() - start;
	if (done.pending)
		say_who_is_stuck(node, &lease);
	expect(!done.pending);
	actor_ask(&first, fill_memory, 0xa5);
	actor_ask(&first, irq_arrives, 0); /* what came before */

	second = next_client(node, &vfio, thorough);
	wait_for_threads(was_refused);
	for (size_t i = 0; i < THREADS; i++)
		if (shared->threads[i].wrong) {
			fprintf(stderr, "thread %zu was let through %u times\n", i, shared->threads[i].wrong);
			exit(1);
		}
	expect(actor_ask(&first, memory_is_all, 0xa5));
	expect(!actor_ask(&first, irq_arrives, 0));
	expect(!actor_ask(&first, calls_are_refused, 0));
	actor_end(&first);
	expect(actor_ask(&second, bar_answers, 0) == 1);
	actor_end(&second);
	table_clear(node);
	vfio_detach(&vfio);
	return took;
}

static int by_value(const void *a, const void *b)
{
	return *(const double *)a < *(const double *)b ? -1 : 1;
}

int main(int argc, char **argv)
{
	size_t rounds = argc == 4 ? (size_t)atoi(argv[1]) : 0;
	double *took, start = now();
	struct utsname name;
	int node, group;

	if (!rounds) {
		fprintf(stderr, "usage: fire ROUNDS SEED ADDRESS\n");
		return 2;
	}
	seed = (unsigned int)atoi(argv[2]);
	address = argv[3];
	/* Linux 6.1 warns when a BAR's mapping is moved, also one of the device itself. */
	can_move = !uname(&name) && strncmp(name.release, "6.1.", 4) != 0;
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	took = calloc(rounds, sizeof(*took));
	expect(shared != MAP_FAILED && took);
	node = node_open(O_NONBLOCK);
	group = vfio_group(address);
	for (size_t i = 0; i < rounds; i++) {
		dprintf(2, "\rround %zu of %zu ", i + 1, rounds);
		took[i] = fire_round(node, group, !i);
		dprintf(2, "REVOKE %.0f ms, %.1f s in all", 1e3 * took[i], now() - start);
		if (i % 25 == 24)
			dprintf(1, "# %zu rounds\n", i + 1);
	}
	qsort(took, rounds, sizeof(*took), by_value);
	printf("figure: %zu rounds under fire, %.1f s each, REVOKE with the device's close took %.0f ms (median), %.0f "
	       "ms "
	       "(longest)\n",
	       rounds, (now() - start) / (double)rounds, 1e3 * took[rounds / 2], 1e3 * took[rounds - 1]);
	free(took);
	return 0;
}
