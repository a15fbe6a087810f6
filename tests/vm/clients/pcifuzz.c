/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pcifuzz SECONDS SEED ADDRESS...: random calls on the VFIO device files of some functions, from several threads
 * without regard for each other, in rounds; every other round's process is killed in the middle of it. What the calls
 * give does not matter here: the kernel has to stay whole, and the functions have to work afterwards.
 */
#include "tests/vm/clients/broker.h"
#include "tests/vm/clients/edu.h"
#include "tests/vm/clients/expect.h"

#include <fcntl.h>
#include <linux/pci_regs.h>
#include <linux/vfio.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAGE	      4096u
#define THREADS	      6
#define FUNCTIONS_MAX 8
#define EVENTFDS      8
#define ROUND_MS      2000
#define REGION_SHIFT  40

static struct function {
	const char *address;
	struct vfio vfio;
	bool is_edu;
	uint64_t size[VFIO_PCI_NUM_REGIONS];
	unsigned int vectors[VFIO_PCI_NUM_IRQS];
} functions[FUNCTIONS_MAX];
static size_t function_count;
static int eventfds[EVENTFDS];
static volatile int stop;
static unsigned long *done; /* by operation; shared with the processes of the rounds */

/* ---- chance --------------------------------------------------------------------------------------------------------
 */

static uint64_t draw(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static unsigned int below(uint64_t *state, unsigned int limit)
{
	return (unsigned int)(draw(state) >> 16) % limit;
}

static struct function *any_function(uint64_t *state)
{
	return &functions[below(state, (unsigned int)function_count)];
}

/* Mostly small, now and then at an edge of what fits. */
static uint32_t any_number(uint64_t *state, uint32_t small)
{
	static const uint32_t edges[] = { 0, 1, 0x7fffffff, 0x80000000, 0xfffffff0, 0xffffffff, 0x40000000, 0x10000 };

	return below(state, 8) ? below(state, small) : edges[below(state, sizeof(edges) / sizeof(edges[0]))];
}

static int any_file(uint64_t *state)
{
	struct function *f = any_function(state);
	const int odd[] = { -1, -1, -2, 0, 900, f->vfio.device, f->vfio.group, f->vfio.container, 0x7fffffff };

	return below(state, 4) ? eventfds[below(state, EVENTFDS)] : odd[below(state, sizeof(odd) / sizeof(odd[0]))];
}

/* ---- operations ---- */

/* Of calls whose result does not matter, which the compiler would rather have looked at. */
static void whatever(ssize_t result)
{
	(void)result;
}

static void set_irqs(uint64_t *state)
{
	struct function *f = any_function(state);
	union {
		struct vfio_irq_set set;
		unsigned char bytes[sizeof(struct vfio_irq_set) + 4 * 32];
	} a;
	unsigned int index = any_number(state, VFIO_PCI_NUM_IRQS + 1);
	unsigned int vectors = index < VFIO_PCI_NUM_IRQS && f->vectors[index] ? f->vectors[index] : 2;

	a.set = (struct vfio_irq_set){
		.argsz = below(state, 16) ? sizeof(a) : any_number(state, sizeof(a)),
		.flags = 1u << below(state, 3) | 8u << below(state, 3),
		.index = index,
		.start = below(state, 3) ? 0 : any_number(state, vectors + 1),
		.count = any_number(state, (vectors < 31 ? vectors : 31) + 1),
	};
	if (!below(state, 16))
		a.set.flags = (uint32_t)draw(state) & (below(state, 2) ? 63 : ~0u);
	for (size_t at = sizeof(a.set); at < sizeof(a); at += 4) {
		int value = a.set.flags & VFIO_IRQ_SET_DATA_EVENTFD ? any_file(state) : (int)below(state, 0x1000000);

		memcpy(a.bytes + at, &value, 4);
	}
	ioctl(f->vfio.device, VFIO_DEVICE_SET_IRQS, below(state, 64) ? (void *)&a : (void *)draw(state));
}

static void ask(uint64_t *state)
{
	static const unsigned int commands[] = {
		VFIO_DEVICE_GET_INFO, VFIO_DEVICE_GET_REGION_INFO,	  VFIO_DEVICE_GET_IRQ_INFO,
		VFIO_DEVICE_FEATURE,  VFIO_DEVICE_GET_PCI_HOT_RESET_INFO, VFIO_DEVICE_IOEVENTFD
	};
	uint32_t words[64];

	for (size_t i = 0; i < 64; i++)
		words[i] = any_number(state, 12);
	words[0] = below(state, 2) ? sizeof(words) : any_number(state, sizeof(words));
	ioctl(any_function(state)->vfio.device, commands[below(state, sizeof(commands) / sizeof(commands[0]))],
	      below(state, 32) ? (void *)words : (void *)draw(state));
}

static void unknown_call(uint64_t *state)
{
	unsigned char bytes[64] = "";

	ioctl(any_function(state)->vfio.device, _IOC(below(state, 4), VFIO_TYPE, below(state, 256), below(state, 64)),
	      bytes);
}

static void reset(uint64_t *state)
{
	/* it takes as long as a hundred others */
	if (!below(state, 40))
		ioctl(any_function(state)->vfio.device, VFIO_DEVICE_RESET);
}

static off_t any_place(uint64_t *state, struct function *f, unsigned int *index)
{
	uint64_t size, at;

	*index = any_number(state, VFIO_PCI_NUM_REGIONS + 1) & 0x3fffff;
	size = *index < VFIO_PCI_NUM_REGIONS && f->size[*index] ? f->size[*index] : PAGE;
	at = below(state, 4)   ? draw(state) % (size < PAGE ? size : PAGE)
	     : below(state, 2) ? size - below(state, 16)
			       : draw(state);
	return (off_t)(((uint64_t)*index << REGION_SHIFT) + (at & ((1ull << REGION_SHIFT) - 1)));
}

static void read_any(uint64_t *state)
{
	struct function *f = any_function(state);
	unsigned char bytes[256];
	unsigned int index;
	off_t at = any_place(state, f, &index);

	whatever(pread(f->vfio.device, below(state, 32) ? bytes : (void *)draw(state), 1 + below(state, sizeof(bytes)),
		       at));
}

/*
 * To a device's registers only where they start no DMA: what that does to memory that nobody mapped is between device
 * and IOMMU, whose reports would hide others. The edu's DMA registers are left out, and of other functions all BARs
 * are.
 */
static bool is_harmless(const struct function *f, unsigned int index, off_t at, size_t count)
{
	uint64_t from = (uint64_t)at & ((1ull << REGION_SHIFT) - 1);

	if (index >= VFIO_PCI_ROM_REGION_INDEX)
		return true;
	return f->is_edu && (from + count <= EDU_DMA_SRC || from >= EDU_DMA_CMD + 8);
}

static void write_any(uint64_t *state)
{
	struct function *f = any_function(state);
	unsigned char bytes[64];
	size_t count = 1 + below(state, below(state, 4) ? 8 : sizeof(bytes));
	unsigned int index;
	off_t at = any_place(state, f, &index);

	for (size_t i = 0; i < count; i++)
		bytes[i] = (unsigned char)(below(state, 3) ? draw(state) >> 8 : below(state, 2) ? 0 : 0xff);
	if (is_harmless(f, index, at, count))
		whatever(pwrite(f->vfio.device, below(state, 32) ? bytes : (void *)draw(state), count, at));
}

/* The first registers of config space and of the capabilities, where most happens. */
static void write_config(uint64_t *state)
{
	struct function *f = any_function(state);
	uint32_t value = below(state, 2) ? (uint32_t)draw(state) : 1u << below(state, 32);
	unsigned int at = below(state, 2) ? PCI_COMMAND : below(state, 256);

	whatever(pwrite(f->vfio.device, &value, 1u << below(state, 3), (off_t)((7ull << REGION_SHIFT) + at)));
}

/* So that it is of use, now and then, what others do. */
static void switch_on(uint64_t *state)
{
	struct function *f = any_function(state);
	uint32_t zero = 0;

	for (unsigned int at = 0x40; at < 0x100; at += 4) {
		uint8_t id = 0;

		config_read(f->vfio.device, at, &id, 1);
		if (id == PCI_CAP_ID_PM)
			config_write(f->vfio.device, at + PCI_PM_CTRL, &zero, 2);
	}
	command_change(f->vfio.device, PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER, 0);
}

static void map(uint64_t *state)
{
	struct function *f = any_function(state);
	unsigned int index;
	off_t at = any_place(state, f, &index) & ~(off_t)(PAGE - 1);
	size_t size = PAGE * (size_t)(1 + below(state, 4));
	int writable = below(state, 2) ? PROT_WRITE : 0;
	char *bar =
		mmap(NULL, size, PROT_READ | writable, below(state, 8) ? MAP_SHARED : MAP_PRIVATE, f->vfio.device, at);
	uint32_t value;

	if (bar == MAP_FAILED)
		return;
	for (unsigned int i = below(state, 4); i; i--)
		load(bar, PAGE * (size_t)below(state, (unsigned int)(size / PAGE)), &value);
	if (writable && f->is_edu && !(at & ((1ll << REGION_SHIFT) - 1)))
		store(bar, below(state, 2) ? EDU_RAISE : EDU_ACK, (uint32_t)draw(state));
	/* in two parts, the second of which nobody has put anything in the place of */
	if (size > PAGE && below(state, 2)) {
		munmap(bar, PAGE);
		load(bar + PAGE, 0, &value);
		munmap(bar + PAGE, size - PAGE);
	} else {
		munmap(bar, size);
	}
}

static void wait_any(uint64_t *state)
{
	struct pollfd wait[2] = { { .fd = any_function(state)->vfio.device, .events = (short)draw(state) },
				  { .fd = eventfds[below(state, EVENTFDS)], .events = POLLIN } };
	uint64_t count;

	if (poll(wait, 2, 0) > 0 && (wait[1].revents & POLLIN))
		whatever(read(wait[1].fd, &count, sizeof(count)));
}

/* Which unmasks INTx, if it is the one that does. */
static void signal_any(uint64_t *state)
{
	const uint64_t one = 1;

	whatever(write(eventfds[below(state, EVENTFDS)], &one, sizeof(one)));
}

/* The old one is closed: whatever is signalled by it has to hold on to it. */
static void replace_eventfd(uint64_t *state)
{
	int new = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	if (new >= 0) {
		dup3(new, eventfds[below(state, EVENTFDS)], O_CLOEXEC);
		close(new);
	}
}

static void another_file(uint64_t *state)
{
	struct function *f = any_function(state);
	int device = ioctl(f->vfio.group, VFIO_GROUP_GET_DEVICE_FD, f->address);
	uint32_t value;

	if (device >= 0) {
		config_read(device, 0, &value, 4);
		close(device);
	}
}

static const struct {
	const char *name;
	void (*run)(uint64_t *state);
} jobs[] = {
	{ "SET_IRQS", set_irqs },
	{ "SET_IRQS", set_irqs },
	{ "questions", ask },
	{ "unknown calls", unknown_call },
	{ "RESET", reset },
	{ "reads", read_any },
	{ "writes", write_any },
	{ "config writes", write_config },
	{ "config writes", write_config },
	{ "switching on", switch_on },
	{ "mappings", map },
	{ "polls", wait_any },
	{ "signals", signal_any },
	{ "other eventfds", replace_eventfd },
	{ "other files", another_file },
};
#define JOBS (sizeof(jobs) / sizeof(jobs[0]))

/* ---- rounds ---- */

static void *run_thread(void *state)
{
	while (!stop) {
		unsigned int job = below(state, JOBS);

		jobs[job].run(state);
		__atomic_add_fetch(&done[job], 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

static void find_out(struct function *f)
{
	uint32_t id;

	expect(config_read(f->vfio.device, 0, &id, 4));
	f->is_edu = id == 0x11e81234;
	for (unsigned int i = 0; i < VFIO_PCI_NUM_REGIONS; i++) {
		struct vfio_region_info info = { .argsz = sizeof(info), .index = i };

		f->size[i] = ioctl(f->vfio.device, VFIO_DEVICE_GET_REGION_INFO, &info) ? 0 : info.size;
	}
	for (unsigned int i = 0; i < VFIO_PCI_NUM_IRQS; i++) {
		struct vfio_irq_info info = { .argsz = sizeof(info), .index = i };

		f->vectors[i] = ioctl(f->vfio.device, VFIO_DEVICE_GET_IRQ_INFO, &info) ? 0 : info.count;
	}
}

static void wait_ms(unsigned int ms)
{
	struct timespec time = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L };

	nanosleep(&time, NULL);
}

/* In a process of its own, which ends with all of it open; @ms: 0 for one that does not end by itself. Says when it
 * begins. */
static void round_of(uint64_t *state, unsigned int ms, int begins)
{
	pthread_t threads[THREADS];
	uint64_t states[THREADS];

	for (size_t i = 0; i < function_count; i++) {
		functions[i].vfio = vfio_open(functions[i].address);
		find_out(&functions[i]);
	}
	for (size_t i = 0; i < EVENTFDS; i++)
		expect((eventfds[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) >= 0);
	for (size_t i = 0; i < THREADS; i++) {
		states[i] = draw(state);
		expect(!pthread_create(&threads[i], NULL, run_thread, &states[i]));
	}
	close(begins);
	if (!ms)
		pause();
	wait_ms(ms);
	stop = 1;
	for (size_t i = 0; i < THREADS; i++)
		expect(!pthread_join(threads[i], NULL));
	_exit(0);
}

static void one_round(uint64_t *state, bool kill_it)
{
	unsigned int ms = kill_it ? 1 + below(state, ROUND_MS) : ROUND_MS;
	int status, ends[2];
	char nothing;
	pid_t child;

	expect(!pipe2(ends, O_CLOEXEC));
	child = fork();
	expect(child >= 0);
	if (!child)
		round_of(state, kill_it ? 0 : ms, ends[1]);
	close(ends[1]);
	/* its end is closed when it begins, or has ended */
	expect(!read(ends[0], &nothing, 1));
	close(ends[0]);
	if (kill_it) {
		wait_ms(ms);
		kill(child, SIGKILL);
	}
	expect(waitpid(child, &status, 0) == child);
	expect(kill_it ? WIFSIGNALED(status) : WIFEXITED(status) && !WEXITSTATUS(status));
	draw(state);
}

int main(int argc, char **argv)
{
	time_t end = time(NULL) + (argc > 3 ? atoi(argv[1]) : 0);
	uint64_t state = argc > 3 ? strtoull(argv[2], NULL, 10) * 2 + 1 : 0;
	unsigned long all = 0;

	if (argc < 4 || argc > 3 + FUNCTIONS_MAX)
		return 2;
	for (int i = 3; i < argc; i++)
		functions[function_count++].address = argv[i];
	done = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	expect(done != MAP_FAILED);
	for (int i = 0; i < 2 || time(NULL) < end; i++)
		one_round(&state, i % 2);
	for (size_t i = 0; i < JOBS; i++) {
		/* what was left out has not been tried */
		if (!done[i])
			fprintf(stderr, "pcifuzz: no %s\n", jobs[i].name);
		expect(done[i]);
		all += done[i];
	}
	printf("figure: %lu random calls on %zu functions in %s s\n", all, function_count, argv[1]);
	return 0;
}
