/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * storm SECONDS SEED ADDRESS: threads that make, use, close, revoke and forget handles of one edu, all at the same time
 * and without regard for each other, while others try to unbind its driver and to unload the module. What they get does
 * not matter here: the kernel has to stay whole, and the device has to work afterwards.
 */
#include "tests/vm/clients/broker.h"
#include "tests/vm/clients/edu.h"
#include "tests/vm/clients/expect.h"

#include <fcntl.h>
#include <linux/vfio.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SLOTS	  12
#define THREADS	  8
#define HIGH	  500 /* where files begin that nobody closes by mistake */
#define CYCLE_MS  1000
#define LEASES	  4
#define IDS_RANGE 16 /* how far back handles are tried */

static int slots[SLOTS]; /* handles, or -1 */
static volatile int last_id, stop;
static int node;
static struct vfio vfio;
static const char *address;
static unsigned long done[16];

static int high(int fd)
{
	int moved = fcntl(fd, F_DUPFD_CLOEXEC, HIGH);

	expect(moved >= 0);
	close(fd);
	return moved;
}

static unsigned int draw(unsigned int *seed, unsigned int below)
{
	return (unsigned int)rand_r(seed) % below;
}

static int any_handle(unsigned int *seed)
{
	return __atomic_load_n(&slots[draw(seed, SLOTS)], __ATOMIC_RELAXED);
}

static __u32 any_id(unsigned int *seed)
{
	return (__u32)last_id - draw(seed, IDS_RANGE);
}

/* ---- what threads do ----------------------------------------------------------------------------------------------
 */

static void make(unsigned int *seed)
{
	bool device = draw(seed, 3);
	struct vfiod_handle_create how = { .kind = device ? VFIOD_HANDLE_DEVICE : VFIOD_HANDLE_CONTAINER,
					   .fd = device ? vfio.device : vfio.container,
					   .container = device && draw(seed, 2) ? any_id(seed) : 0,
					   .lease = 1 + draw(seed, LEASES) };
	struct handle made;
	int old;

	if (handle_create(node, &how, &made))
		return;
	last_id = (int)made.id;
	old = __atomic_exchange_n(&slots[draw(seed, SLOTS)], made.fd, __ATOMIC_ACQ_REL);
	if (old >= 0)
		close(old);
}

static void close_one(unsigned int *seed)
{
	int old = __atomic_exchange_n(&slots[draw(seed, SLOTS)], -1, __ATOMIC_ACQ_REL);

	if (old >= 0)
		close(old);
}

static void call(unsigned int *seed)
{
	struct vfio_device_info info = { .argsz = sizeof(info) };
	int fd = any_handle(seed);
	uint32_t value;

	ioctl(fd, VFIO_DEVICE_GET_INFO, &info);
	ioctl(fd, VFIO_GET_API_VERSION);
	config_read(fd, 0, &value, 4);
}

static void map(unsigned int *seed)
{
	volatile void *bar = bar_map(any_handle(seed), 0, EDU_SIZE);
	uint32_t value;

	if (bar == MAP_FAILED)
		return;
	load(bar, EDU_ID, &value);
	munmap((char *)bar + EDU_SIZE / 2, 4096);
	load(bar, EDU_INVERT, &value);
	munmap((void *)bar, EDU_SIZE);
}

static void fork_and_touch(unsigned int *seed)
{
	volatile void *bar = bar_map(any_handle(seed), 0, EDU_SIZE);
	pid_t child = fork();
	uint32_t value;

	if (!child) {
		if (bar != MAP_FAILED)
			load(bar, EDU_ID, &value);
		_exit(0);
	}
	if (bar != MAP_FAILED)
		munmap((void *)bar, EDU_SIZE);
	if (child > 0)
		waitpid(child, NULL, 0);
}

static void map_memory(unsigned int *seed)
{
	static char memory[4096] __attribute__((aligned(4096)));
	int fd = any_handle(seed);

	if (!dma_map(fd, memory, sizeof(memory), 0x100000))
		dma_unmap(fd, sizeof(memory), 0x100000);
}

static void take_back(unsigned int *seed)
{
	struct vfiod_handle_revoke how = { .size = sizeof(how), .timeout_ms = draw(seed, 20) };

	if (draw(seed, 2))
		how.id = any_id(seed);
	else
		how.flags = VFIOD_HANDLE_REVOKE_LEASE, how.lease = 1 + draw(seed, LEASES);
	ioctl(node, VFIOD_HANDLE_REVOKE, &how);
}

static void forget_one(unsigned int *seed)
{
	for (int i = 0; i < IDS_RANGE; i++)
		forget(node, any_id(seed));
}

static void look(unsigned int *seed)
{
	struct pollfd wait = { .fd = draw(seed, 2) ? node : any_handle(seed), .events = POLLIN };
	struct vfiod_handle_info changes[4];

	poll(&wait, 1, 0);
	table_count(node);
	if (read(node, changes, sizeof(changes)) > 0)
		last_id = (int)(changes[0].id > (__u32)last_id ? changes[0].id : (__u32)last_id);
}

static void unload(unsigned int *seed)
{
	(void)seed;
	syscall(SYS_delete_module, "vfiod_handle", O_NONBLOCK);
}

static void (*const jobs[])(unsigned int *seed) = {
	make, make, close_one, call, map, fork_and_touch, map_memory, take_back, forget_one, look, unload,
};
#define JOBS (sizeof(jobs) / sizeof(jobs[0]))

static void *run_thread(void *seed_of)
{
	unsigned int *seed = seed_of;

	while (!stop) {
		unsigned int job = draw(seed, JOBS);

		jobs[job](seed);
		__atomic_add_fetch(&done[job], 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

/* Waits until the device is closed: until the end of the cycle. */
static void *unbind(void *unused)
{
	int file = open("/sys/bus/pci/drivers/vfio-pci/unbind", O_WRONLY | O_CLOEXEC);

	(void)unused;
	expect(file >= 0 && write(file, address, strlen(address)) == (ssize_t)strlen(address));
	close(file);
	return NULL;
}

static void bind(void)
{
	int file = open("/sys/bus/pci/drivers_probe", O_WRONLY | O_CLOEXEC);

	expect(file >= 0 && write(file, address, strlen(address)) == (ssize_t)strlen(address));
	close(file);
}

/* A second or so, at the end of which everything is gone; with @unbinding, the driver as well. */
static void cycle(unsigned int *seed, bool unbinding)
{
	pthread_t threads[THREADS], unbinder;
	unsigned int seeds[THREADS];

	vfio = vfio_open(address);
	vfio.group = high(vfio.group);
	vfio.container = high(vfio.container);
	vfio.device = high(vfio.device);
	stop = 0;
	for (size_t i = 0; i < THREADS; i++) {
		seeds[i] = (unsigned int)rand_r(seed);
		expect(!pthread_create(&threads[i], NULL, run_thread, &seeds[i]));
	}
	if (unbinding)
		expect(!pthread_create(&unbinder, NULL, unbind, NULL));
	nanosleep(&(struct timespec){ .tv_nsec = CYCLE_MS * 999999L }, NULL);
	stop = 1;
	for (size_t i = 0; i < THREADS; i++)
		expect(!pthread_join(threads[i], NULL));
	for (size_t i = 0; i < SLOTS; i++) {
		if (slots[i] >= 0)
			close(slots[i]);
		slots[i] = -1;
	}
	table_clear(node);
	close_fd(&vfio.device);
	if (!unbinding)
		vfio_detach(&vfio);
	close_fd(&vfio.container);
	close_fd(&vfio.group);
	if (unbinding) {
		expect(!pthread_join(unbinder, NULL));
		bind();
	}
}

int main(int argc, char **argv)
{
	time_t end = time(NULL) + (argc == 4 ? atoi(argv[1]) : 0);
	unsigned int seed = argc == 4 ? (unsigned int)atoi(argv[2]) : 0;
	unsigned long all = 0;

	if (argc != 4)
		return 2;
	address = argv[3];
	node = high(node_open(O_NONBLOCK));
	memset(slots, -1, sizeof(slots));
	for (int i = 0; time(NULL) < end; i++)
		cycle(&seed, i % 2);
	for (size_t i = 0; i < JOBS; i++) {
		/* a storm that leaves something out proves nothing of it */
		expect(done[i]);
		all += done[i];
	}
	printf("figure: %lu operations in a storm of %s s\n", all, argv[1]);
	return 0;
}
