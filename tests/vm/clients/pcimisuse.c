/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The ioctls of a VFIO device file, misused: each wrong call has to give its errno, and to leave nothing behind.
 *
 *	pcimisuse			the names of the tests
 *	pcimisuse TEST ADDRESS		runs one on an edu; errors are for functions with PCI Express
 *
 * What is expected is linux/vfio.h, where that is silent what vfio-pci always did, and vfiod_pci(4) where that differs.
 */
#include "tests/vm/clients/broker.h"
#include "tests/vm/clients/client.h"
#include "tests/vm/clients/edu.h"
#include "tests/vm/clients/expect.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/vfio.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define INTX  VFIO_PCI_INTX_IRQ_INDEX
#define MSI   VFIO_PCI_MSI_IRQ_INDEX
#define MSIX  VFIO_PCI_MSIX_IRQ_INDEX
#define ERROR VFIO_PCI_ERR_IRQ_INDEX
#define REQ   VFIO_PCI_REQ_IRQ_INDEX

#define NONE	VFIO_IRQ_SET_DATA_NONE
#define BOOL	VFIO_IRQ_SET_DATA_BOOL
#define EVENTFD VFIO_IRQ_SET_DATA_EVENTFD
#define MASK	VFIO_IRQ_SET_ACTION_MASK
#define UNMASK	VFIO_IRQ_SET_ACTION_UNMASK
#define TRIGGER VFIO_IRQ_SET_ACTION_TRIGGER

static struct vfio vfio;
static int interrupt, other_interrupt, ends[2];

static int open_files(void)
{
	DIR *folder = opendir("/proc/self/fd");
	int count = 0;

	expect(folder);
	while (readdir(folder))
		count++;
	closedir(folder);
	return count;
}

static bool is_edu(void)
{
	uint32_t id = 0;

	expect(config_read(vfio.device, CONFIG_VENDOR_AT, &id, 4));
	return id == 0x11e81234;
}

/* The result of a call, in which errno is; says what was tried. */
static void answer(const char *what, int row, int result, int should)
{
	int error = errno;

	if (should ? result == -1 && error == should : result >= 0)
		return;
	dprintf(2, "pcimisuse: %s, row %d: result %d, errno %d (%s); should be %d (%s)\n", what, row, result, error,
		strerror(error), should, should ? strerror(should) : "success");
	_exit(1);
}

#define ROWS(table) (sizeof(table) / sizeof((table)[0]))

/* ---- the three that ask ---------------------------------------------------------------------------------------- */

union argument {
	__u32 argsz;
	struct vfio_device_info device;
	struct vfio_region_info region;
	struct vfio_irq_info irq;
	struct vfio_irq_set set;
	struct vfio_device_feature feature;
	unsigned char bytes[2 * PAGE];
};

static const struct question {
	const char *name;
	unsigned int command;
	__u32 least; /* bytes that it needs */
	union argument argument;
} questions[] = {
	{ "GET_INFO", VFIO_DEVICE_GET_INFO, 16, { .device = { .flags = 0 } } },
	{ "GET_REGION_INFO", VFIO_DEVICE_GET_REGION_INFO, 32, { .region = { .index = VFIO_PCI_CONFIG_REGION_INDEX } } },
	{ "GET_IRQ_INFO", VFIO_DEVICE_GET_IRQ_INFO, 16, { .irq = { .index = REQ } } },
};

static void questions_of_every_size_are_answered_or_refused(void)
{
	const __u32 huge[] = { 0x7fffffff, 0x80000000, 0xfffffff0, 0xffffffff };

	for (size_t i = 0; i < ROWS(questions); i++) {
		const struct question *q = &questions[i];

		for (__u32 size = 0; size < PAGE; size++) {
			union argument a = q->argument;

			a.argsz = size;
			memset(a.bytes + PAGE, 0xee, PAGE);
			answer(q->name, (int)size, ioctl(vfio.device, q->command, &a), size < q->least ? EINVAL : 0);
			/* nothing is written behind what was offered; these have no capabilities to tell */
			for (size_t at = size < q->least ? 4 : size; at < PAGE; at++)
				expect(at < sizeof(struct vfio_region_info) || a.bytes[at] == 0);
			expect(a.bytes[PAGE] == 0xee);
		}
		for (size_t j = 0; j < ROWS(huge); j++) {
			union argument a = q->argument;

			a.argsz = huge[j];
			answer(q->name, (int)j, ioctl(vfio.device, q->command, &a), 0);
		}
	}
}

/* Two pages, of which the second is not there. */
static unsigned char *edge(void)
{
	unsigned char *pages = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	expect(pages != MAP_FAILED && !munmap(pages + PAGE, PAGE));
	return pages + PAGE;
}

static void bad_pointers_give_EFAULT(void)
{
	unsigned char *end = edge();
	void *const bad[] = { NULL,
			      (void *)1,
			      (void *)0xffff888000000000ul,
			      (void *)0xffffffff81000000ul,
			      (void *)0x7ffffffff000ul,
			      (void *)-1ul,
			      (void *)-4096ul,
			      end,
			      end - 3 };
	const unsigned int commands[] = { VFIO_DEVICE_GET_INFO, VFIO_DEVICE_GET_REGION_INFO, VFIO_DEVICE_GET_IRQ_INFO,
					  VFIO_DEVICE_SET_IRQS, VFIO_DEVICE_FEATURE };

	for (size_t i = 0; i < ROWS(commands); i++)
		for (size_t j = 0; j < ROWS(bad); j++)
			answer("a bad pointer", (int)(100 * i + j), ioctl(vfio.device, commands[i], bad[j]), EFAULT);
	for (size_t i = 0; i < ROWS(questions); i++) {
		const struct question *q = &questions[i];
		unsigned char *at = end - q->least;

		/* it ends where the page ends, at any address */
		for (int odd = 0; odd < 8; odd++) {
			memcpy(at - odd, &q->argument, q->least);
			memcpy(at - odd, &q->least, 4);
			answer(q->name, odd, ioctl(vfio.device, q->command, at - odd), 0);
		}
		/* an answer that cannot be written */
		memcpy(at, &q->argument, q->least);
		memcpy(at, &q->least, 4);
		expect(!mprotect(end - PAGE, PAGE, PROT_READ));
		answer(q->name, 100, ioctl(vfio.device, q->command, at), EFAULT);
		expect(!mprotect(end - PAGE, PAGE, PROT_READ | PROT_WRITE));
	}
}

static void indexes_out_of_range_are_refused(void)
{
	static const __u32 indexes[] = { 0,	 1,	   2,	       3,	   4,	       5,	  6,
					 7,	 8,	   9,	       63,	   255,	       1024,	  4096,
					 0xffff, 1u << 23, 0x7fffffff, 0x80000000, 0xfffffff8, 0xffffffff };

	for (size_t i = 0; i < ROWS(indexes); i++) {
		struct vfio_region_info region = { .argsz = sizeof(region), .index = indexes[i] };
		struct vfio_irq_info irq = { .argsz = sizeof(irq), .index = indexes[i] };

		answer("a region", (int)i, ioctl(vfio.device, VFIO_DEVICE_GET_REGION_INFO, &region),
		       indexes[i] >= VFIO_PCI_VGA_REGION_INDEX ? EINVAL : 0);
		/* a function without PCI Express reports no errors */
		if (indexes[i] == ERROR)
			continue;
		answer("an interrupt", (int)i, ioctl(vfio.device, VFIO_DEVICE_GET_IRQ_INFO, &irq),
		       indexes[i] >= VFIO_PCI_NUM_IRQS ? EINVAL : 0);
	}
}

static void the_answers_are_those_of_a_function(void)
{
	struct vfio_device_info device = { .argsz = sizeof(device) };
	const struct {
		__u32 index, count, flags;
	} irqs[] = {
		{ INTX, 1, VFIO_IRQ_INFO_EVENTFD | VFIO_IRQ_INFO_MASKABLE | VFIO_IRQ_INFO_AUTOMASKED },
		{ MSI, 1, VFIO_IRQ_INFO_EVENTFD | VFIO_IRQ_INFO_NORESIZE | VFIO_IRQ_INFO_MASKABLE },
		{ MSIX, 0, 0 },
		{ REQ, 1, VFIO_IRQ_INFO_EVENTFD | VFIO_IRQ_INFO_NORESIZE },
	};

	expect(!ioctl(vfio.device, VFIO_DEVICE_GET_INFO, &device));
	expect(device.num_regions == VFIO_PCI_NUM_REGIONS && device.num_irqs == VFIO_PCI_NUM_IRQS);
	expect((device.flags & VFIO_DEVICE_FLAGS_PCI) && (device.flags & VFIO_DEVICE_FLAGS_RESET));
	for (size_t i = 0; i < ROWS(irqs); i++) {
		struct vfio_irq_info irq = { .argsz = sizeof(irq), .index = irqs[i].index };

		expect(!ioctl(vfio.device, VFIO_DEVICE_GET_IRQ_INFO, &irq) && irq.count == irqs[i].count);
		expect(!irq.count || irq.flags == irqs[i].flags);
	}
}

/* ---- SET_IRQS ------------------------------------------------------------------------------------------------------
 */

/* Files by their kind; the numbers are of none that there can be. */
enum { GOOD = -1000, OTHER, CLOSED, PIPE, DEVICE, GROUP, CONTAINER, NO_FILE };

static int file_of(int kind)
{
	switch (kind) {
	case GOOD:
		return interrupt;
	case OTHER:
		return other_interrupt;
	case CLOSED:
		return 900;
	case PIPE:
		return ends[0];
	case DEVICE:
		return vfio.device;
	case GROUP:
		return vfio.group;
	case CONTAINER:
		return vfio.container;
	case NO_FILE:
		return 0x7fffffff;
	default:
		return kind;
	}
}

#define RIGHT	(-1) /* argsz: as long as header and data are */
#define EITHER	(-1) /* some drivers take it, some do not */
#define REFUSED (-2) /* some say EINVAL, some ENOTTY */

struct
try {
	int error;
	__u32 flags, index, start, count;
	int data[2]; /* files or bools */
	int argsz;
};

static size_t data_size(const struct try *try)
{
	size_t each = try->flags & EVENTFD ? 4 : try->flags & BOOL ? 1 : 0;

	return each * (try->count < 2 ? try->count : 2);
}

static void fill(const struct try *try, union argument *a)
{
	memset(a, 0, sizeof(*a));
	a->set = (struct vfio_irq_set){
		.flags = try->flags, .index = try->index, .start = try->start, .count = try->count
	};
	for (unsigned int i = 0; i < 2; i++) {
		int file = file_of(try->data[i]);

		if (try->flags & EVENTFD)
			memcpy(a->set.data + 4 * i, &file, 4);
		else
			a->set.data[i] = (unsigned char)try->data[i];
	}
	a->argsz = try->argsz == RIGHT ? (__u32)(sizeof(a->set) + data_size(try)) : (__u32)try->argsz;
}

static void run_table(const char *what, const struct try *table, size_t rows)
{
	int before = open_files();

	for (size_t i = 0; i < rows; i++) {
		union argument a;
		int result;

		fill(&table[i], &a);
		result = ioctl(vfio.device, VFIO_DEVICE_SET_IRQS, &a);
		if (table[i].error == EITHER)
			expect(!result || errno == EINVAL || errno == EBUSY);
		else if (table[i].error == REFUSED && errno == ENOTTY)
			answer(what, (int)i, result, ENOTTY);
		else
			answer(what, (int)i, result, table[i].error == REFUSED ? EINVAL : table[i].error);
	}
	expect(open_files() == before);
}

#define RUN_TABLE(what, table) run_table(what, table, ROWS(table))

/* Wrong whatever is enabled: table for an index, of which vector 0 is the only one. */
#define WRONG_ALWAYS(index) \
	{ EINVAL, NONE | TRIGGER, index, 0, 1, { 0 }, 0 }, { EINVAL, NONE | TRIGGER, index, 0, 1, { 0 }, 4 }, \
		{ EINVAL, NONE | TRIGGER, index, 0, 1, { 0 }, 19 }, /* no data type, two, three */ \
		{ EINVAL, TRIGGER, index, 0, 1, { 0 }, RIGHT }, \
		{ EINVAL, NONE | BOOL | TRIGGER, index, 0, 1, { 1 }, 100 }, \
		{ EINVAL, NONE | EVENTFD | TRIGGER, index, 0, 1, { GOOD }, 100 }, \
		{ EINVAL, BOOL | EVENTFD | TRIGGER, index, 0, 1, { GOOD }, 100 }, \
		{ EINVAL, NONE | BOOL | EVENTFD | TRIGGER, index, 0, 1, { GOOD }, 100 }, /* unknown flags */ \
		{ EINVAL, 1u << 6 | NONE | TRIGGER, index, 0, 1, { 0 }, RIGHT }, \
		{ EINVAL, 1u << 31 | NONE | TRIGGER, index, 0, 1, { 0 }, RIGHT }, \
		{ EINVAL, ~0u, index, 0, 1, { GOOD }, 100 }, /* vectors that are not there, sums that overflow */ \
		{ EINVAL, NONE | TRIGGER, index, 1, 1, { 0 }, RIGHT }, \
		{ EINVAL, EVENTFD | TRIGGER, index, 0, 2, { GOOD, OTHER }, RIGHT }, \
		{ EINVAL, EVENTFD | TRIGGER, index, 1, 1, { GOOD }, RIGHT }, \
		{ EINVAL, EVENTFD | TRIGGER, index, 0, 2048, { GOOD, OTHER }, 8000 }, \
		{ EINVAL, EVENTFD | TRIGGER, index, 0, 0xffffffff, { GOOD }, 100 }, \
		{ EINVAL, EVENTFD | TRIGGER, index, 0, 0x40000000, { GOOD }, 100 }, \
		{ EINVAL, EVENTFD | TRIGGER, index, 0xffffffff, 1, { GOOD }, 100 }, \
		{ EINVAL, EVENTFD | TRIGGER, index, 0xffffffff, 2, { GOOD, OTHER }, 100 }, \
		{ EINVAL, EVENTFD | TRIGGER, index, 0x80000000, 0x80000000, { GOOD }, 100 }, \
		{ EINVAL, BOOL | TRIGGER, index, 0xfffffff0, 0x20, { 1 }, 100 }, \
		{ EINVAL, NONE | TRIGGER, index, 0xffffffff, 0xffffffff, { 0 }, 100 }, \
		{ EINVAL, NONE | TRIGGER, index, 0x80000000, 0, { 0 }, RIGHT }, \
		{ EINVAL, NONE | TRIGGER, index, 1, 0, { 0 }, RIGHT }, /* too short for its data */ \
		{ EINVAL, EVENTFD | TRIGGER, index, 0, 1, { GOOD }, 20 }, \
		{ EINVAL, EVENTFD | TRIGGER, index, 0, 1, { GOOD }, 23 }, \
	{ \
		EINVAL, BOOL | TRIGGER, index, 0, 1, { 1 }, 20 \
	}

/* Files that are no eventfds. */
#define WRONG_FILES(action, index) \
	{ EBADF, EVENTFD | action, index, 0, 1, { CLOSED }, RIGHT }, \
		{ EBADF, EVENTFD | action, index, 0, 1, { NO_FILE }, RIGHT }, \
		{ EINVAL, EVENTFD | action, index, 0, 1, { PIPE }, RIGHT }, \
		{ EINVAL, EVENTFD | action, index, 0, 1, { DEVICE }, RIGHT }, \
		{ EINVAL, EVENTFD | action, index, 0, 1, { GROUP }, RIGHT }, \
	{ \
		EINVAL, EVENTFD | action, index, 0, 1, { CONTAINER }, RIGHT \
	}

static void interrupts_are_not_set_by_a_wrong_call(void)
{
	static const struct try wrong[] = {
		WRONG_ALWAYS(INTX),
		WRONG_ALWAYS(MSI),
		WRONG_ALWAYS(ERROR),
		WRONG_ALWAYS(REQ),
		WRONG_FILES(TRIGGER, INTX),
		WRONG_FILES(TRIGGER, MSI),
		WRONG_FILES(TRIGGER, REQ),
		/* none, and one, of something that is not there */
		{ EINVAL, NONE | TRIGGER, MSIX, 0, 0, { 0 }, RIGHT },
		{ EINVAL, EVENTFD | TRIGGER, MSIX, 0, 1, { GOOD }, RIGHT },
		{ EINVAL, NONE | TRIGGER, VFIO_PCI_NUM_IRQS, 0, 1, { 0 }, RIGHT },
		{ EINVAL, NONE | TRIGGER, VFIO_PCI_NUM_IRQS + 1, 0, 1, { 0 }, RIGHT },
		{ EINVAL, EVENTFD | TRIGGER, 0x7fffffff, 0, 1, { GOOD }, RIGHT },
		{ EINVAL, EVENTFD | TRIGGER, 0xffffffff, 0, 1, { GOOD }, RIGHT },
		/* of what is not enabled */
		{ EINVAL, NONE | MASK, INTX, 0, 1, { 0 }, RIGHT },
		{ EINVAL, NONE | UNMASK, INTX, 0, 1, { 0 }, RIGHT },
		{ EINVAL, BOOL | MASK, INTX, 0, 1, { 1 }, RIGHT },
		{ EINVAL, BOOL | UNMASK, INTX, 0, 1, { 1 }, RIGHT },
		{ EINVAL, EVENTFD | UNMASK, INTX, 0, 1, { GOOD }, RIGHT },
		{ EINVAL, NONE | TRIGGER, INTX, 0, 1, { 0 }, RIGHT },
		{ EINVAL, BOOL | TRIGGER, INTX, 0, 1, { 1 }, RIGHT },
		{ EINVAL, NONE | TRIGGER, MSI, 0, 1, { 0 }, RIGHT },
		{ EINVAL, BOOL | TRIGGER, MSI, 0, 1, { 1 }, RIGHT },
		/* to switch off what is not on */
		{ EITHER, NONE | TRIGGER, INTX, 0, 0, { 0 }, RIGHT },
		{ EITHER, NONE | TRIGGER, MSI, 0, 0, { 0 }, RIGHT },
		{ EITHER, EVENTFD | TRIGGER, INTX, 0, 0, { 0 }, RIGHT },
		/* no action, or several */
		{ REFUSED, NONE, INTX, 0, 1, { 0 }, RIGHT },
		{ REFUSED, NONE, MSI, 0, 1, { 0 }, RIGHT },
		{ REFUSED, NONE | MASK | UNMASK, INTX, 0, 1, { 0 }, RIGHT },
		{ REFUSED, EVENTFD | TRIGGER | MASK, MSI, 0, 1, { GOOD }, RIGHT },
		{ REFUSED, EVENTFD | TRIGGER | UNMASK, INTX, 0, 1, { GOOD }, RIGHT },
		{ REFUSED, NONE | MASK | UNMASK | TRIGGER, MSI, 0, 1, { 0 }, RIGHT },
		/* what has no mask */
		{ ENOTTY, NONE | MASK, REQ, 0, 1, { 0 }, RIGHT },
		{ ENOTTY, EVENTFD | UNMASK, REQ, 0, 1, { GOOD }, RIGHT },
	};

	RUN_TABLE("with nothing enabled", wrong);
	expect(!irq_wait(interrupt, 0) && !irq_wait(other_interrupt, 0));
	/* none of them is in the way of a right one */
	expect(!irq_enable(vfio.device, MSI, interrupt) && !irq_enable(vfio.device, MSI, -1));
	expect(!irq_enable(vfio.device, INTX, interrupt) && !irq_enable(vfio.device, INTX, -1));
}

static bool comes(int index)
{
	const struct try loopback[] = { { 0, NONE | TRIGGER, (__u32)index, 0, 1, { 0 }, RIGHT } };

	RUN_TABLE("a loopback", loopback);
	return irq_wait(interrupt, PATIENCE_MS) && !irq_wait(other_interrupt, 0);
}

static void enabled_INTx_stays_as_it_is(void)
{
	static const struct try table[] = {
		WRONG_ALWAYS(INTX),
		WRONG_FILES(TRIGGER, INTX),
		WRONG_FILES(UNMASK, INTX),
		/* one kind at a time */
		{ EINVAL, EVENTFD | TRIGGER, MSI, 0, 1, { OTHER }, RIGHT },
		{ EINVAL, NONE | TRIGGER, MSI, 0, 1, { 0 }, RIGHT },
		{ EINVAL, BOOL | TRIGGER, MSI, 0, 1, { 1 }, RIGHT },
		{ EITHER, NONE | TRIGGER, MSI, 0, 0, { 0 }, RIGHT },
		{ REFUSED, EVENTFD | MASK, INTX, 0, 1, { OTHER }, RIGHT },
		{ EINVAL, NONE | MASK, INTX, 0, 0, { 0 }, RIGHT },
		{ EINVAL, NONE | UNMASK, INTX, 0, 0, { 0 }, RIGHT },
		/* right ones, with more room than they need */
		{ 0, NONE | MASK, INTX, 0, 1, { 0 }, 4096 },
		{ 0, NONE | MASK, INTX, 0, 1, { 0 }, RIGHT },
		{ 0, NONE | UNMASK, INTX, 0, 1, { 0 }, 0x7fffffff },
		{ 0, NONE | UNMASK, INTX, 0, 1, { 0 }, RIGHT },
		{ 0, BOOL | MASK, INTX, 0, 1, { 0 }, RIGHT },
		{ 0, BOOL | MASK, INTX, 0, 1, { 1 }, RIGHT },
		{ 0, BOOL | UNMASK, INTX, 0, 1, { 255 }, RIGHT },
		{ 0, BOOL | TRIGGER, INTX, 0, 1, { 0 }, RIGHT },
		/* an eventfd that unmasks: one, another, none */
		{ 0, EVENTFD | UNMASK, INTX, 0, 1, { OTHER }, RIGHT },
		{ EITHER, EVENTFD | UNMASK, INTX, 0, 1, { GOOD }, RIGHT },
		{ 0, EVENTFD | UNMASK, INTX, 0, 1, { -1 }, RIGHT },
		{ 0, EVENTFD | UNMASK, INTX, 0, 1, { -1 }, RIGHT },
	};

	expect(!irq_enable(vfio.device, INTX, interrupt));
	RUN_TABLE("with INTx enabled", table);
	expect(comes(INTX));
	expect(!irq_enable(vfio.device, INTX, -1));
}

static void enabled_MSI_stays_as_it_is(void)
{
	static const struct try table[] = {
		WRONG_ALWAYS(MSI),
		WRONG_FILES(TRIGGER, MSI),
		{ EINVAL, EVENTFD | TRIGGER, INTX, 0, 1, { OTHER }, RIGHT },
		{ EINVAL, NONE | TRIGGER, INTX, 0, 1, { 0 }, RIGHT },
		{ EINVAL, NONE | MASK, INTX, 0, 1, { 0 }, RIGHT },
		{ EINVAL, NONE | UNMASK, INTX, 0, 1, { 0 }, RIGHT },
		{ EITHER, NONE | TRIGGER, INTX, 0, 0, { 0 }, RIGHT },
		{ EINVAL, EVENTFD | TRIGGER, MSIX, 0, 1, { OTHER }, RIGHT },
		/* it has not been set */
		{ 0, EVENTFD | TRIGGER, MSI, 0, 1, { GOOD }, 4000 },
		{ 0, BOOL | TRIGGER, MSI, 0, 1, { 0 }, RIGHT },
	};

	expect(!irq_enable(vfio.device, MSI, interrupt));
	RUN_TABLE("with MSI enabled", table);
	expect(!irq_wait(interrupt, 0) && comes(MSI));
	expect(!irq_enable(vfio.device, MSI, -1));
}

/* What vfio-pci never could. */
static void MSI_can_be_masked_by_the_right_calls_and_no_other(void)
{
	static const struct try table[] = {
		{ EINVAL, NONE | MASK, MSI, 0, 2, { 0 }, RIGHT },
		{ EINVAL, NONE | MASK, MSI, 1, 1, { 0 }, RIGHT },
		{ EINVAL, BOOL | MASK, MSI, 0, 1, { 1 }, 20 },
		{ EINVAL, BOOL | UNMASK, MSI, 0, 0xffffffff, { 1 }, 100 },
		{ REFUSED, EVENTFD | MASK, MSI, 0, 1, { OTHER }, RIGHT },
		{ REFUSED, EVENTFD | UNMASK, MSI, 0, 1, { OTHER }, RIGHT },
		{ 0, NONE | MASK, MSI, 0, 1, { 0 }, RIGHT },
		{ 0, NONE | MASK, MSI, 0, 1, { 0 }, 100 },
		{ 0, BOOL | UNMASK, MSI, 0, 1, { 0 }, RIGHT },
		{ 0, BOOL | UNMASK, MSI, 0, 1, { 1 }, RIGHT },
		{ 0, NONE | UNMASK, MSI, 0, 1, { 0 }, RIGHT },
	};

	expect(!irq_enable(vfio.device, MSI, interrupt));
	RUN_TABLE("masks of MSI", table);
	expect(comes(MSI));
	expect(!irq_enable(vfio.device, MSI, -1));
}

static void errors_and_requests_are_set_tried_and_taken_away(void)
{
	const __u32 indexes[] = { REQ, ERROR };

	for (size_t i = 0; i < ROWS(indexes); i++) {
		const struct try table[] = {
			WRONG_ALWAYS(indexes[i]),
			WRONG_FILES(TRIGGER, indexes[i]),
			{ ENOTTY, NONE | MASK, indexes[i], 0, 1, { 0 }, RIGHT },
			{ ENOTTY, NONE | UNMASK, indexes[i], 0, 1, { 0 }, RIGHT },
			{ EITHER, NONE | TRIGGER, indexes[i], 0, 1, { 0 }, RIGHT },
			{ 0, EVENTFD | TRIGGER, indexes[i], 0, 1, { OTHER }, RIGHT },
			{ 0, EVENTFD | TRIGGER, indexes[i], 0, 1, { GOOD }, RIGHT },
			{ 0, BOOL | TRIGGER, indexes[i], 0, 1, { 0 }, RIGHT },
		};
		const struct try gone[] = { { 0, EVENTFD | TRIGGER, indexes[i], 0, 1, { -1 }, RIGHT },
					    { EITHER, NONE | TRIGGER, indexes[i], 0, 1, { 0 }, RIGHT },
					    { EITHER, NONE | TRIGGER, indexes[i], 0, 0, { 0 }, RIGHT } };
		struct vfio_irq_info info = { .argsz = sizeof(info), .index = indexes[i] };

		if (indexes[i] == ERROR && is_edu())
			continue;
		expect(!ioctl(vfio.device, VFIO_DEVICE_GET_IRQ_INFO, &info) && info.count == 1);
		RUN_TABLE("a trigger", table);
		expect(!irq_wait(interrupt, 0) && comes((int)indexes[i]));
		RUN_TABLE("a trigger taken away", gone);
		expect(!irq_wait(interrupt, 0) && !irq_wait(other_interrupt, 0));
	}
}

static void data_is_read_from_any_address_and_not_from_none(void)
{
	const struct try enable = { 0, EVENTFD | TRIGGER, MSI, 0, 1, { GOOD }, RIGHT };
	const size_t size = sizeof(struct vfio_irq_set) + 4;
	unsigned char *end = edge();
	union argument a;

	fill(&enable, &a);
	for (unsigned int odd = 0; odd < 8; odd++) {
		memcpy(end - size - odd, &a, size);
		answer("at an odd address", (int)odd, ioctl(vfio.device, VFIO_DEVICE_SET_IRQS, end - size - odd), 0);
	}
	expect(comes(MSI) && !irq_enable(vfio.device, MSI, -1));
	for (size_t there = 0; there < size; there++) {
		memcpy(end - there, &a, there);
		answer("with its end missing", (int)there, ioctl(vfio.device, VFIO_DEVICE_SET_IRQS, end - there),
		       EFAULT);
	}
	/* a table of as many as there cannot be, in memory that is not there */
	a.set.count = 1;
	a.argsz = 0xffffffff;
	answer("as long as can be", 0, ioctl(vfio.device, VFIO_DEVICE_SET_IRQS, &a), 0);
	expect(!irq_enable(vfio.device, MSI, -1));
}

/* ---- the rest
 * -------------------------------------------------------------------------------------------------------- */

static void a_reset_has_no_argument(void)
{
	const unsigned long arguments[] = { 0, 1, 0xffff888000000000ul, ~0ul };

	for (size_t i = 0; i < ROWS(arguments); i++)
		answer("a reset", (int)i, ioctl(vfio.device, VFIO_DEVICE_RESET, arguments[i]), 0);
}

static void calls_that_are_not_offered_give_ENOTTY(void)
{
	static const unsigned int not_offered[] = { VFIO_DEVICE_GET_PCI_HOT_RESET_INFO, VFIO_DEVICE_PCI_HOT_RESET,
						    VFIO_DEVICE_QUERY_GFX_PLANE, VFIO_DEVICE_GET_GFX_DMABUF,
						    VFIO_DEVICE_IOEVENTFD };

	for (size_t i = 0; i < ROWS(not_offered); i++)
		for (__u32 size = 0; size < 256; size++) {
			union argument a = { .argsz = size };

			answer("a call", (int)(1000 * i + size), ioctl(vfio.device, not_offered[i], &a), ENOTTY);
		}
}

static void unknown_calls_give_ENOTTY(void)
{
	union argument a = { .argsz = sizeof(a) };

	for (unsigned int type = VFIO_TYPE - 1; type <= VFIO_TYPE + 1; type++)
		for (unsigned int number = 0; number < 256; number++)
			for (unsigned int way = 0; way < 4; way++)
				for (unsigned int size = 0; size < 0x4000; size = size * 2 + 1) {
					/* what the device file, or the core before it, knows */
					if (type == VFIO_TYPE && !way && !size && number >= VFIO_BASE + 7 &&
					    number <= VFIO_BASE + 20)
						continue;
					answer("an unknown call", (int)(type << 8 | number),
					       ioctl(vfio.device, _IOC(way, type, number, size), &a), ENOTTY);
				}
}

static void features_are_asked_in_the_right_way_and_not_there(void)
{
	const struct {
		__u32 argsz, flags;
		int error;
	} table[] = {
		{ 0, VFIO_DEVICE_FEATURE_PROBE | VFIO_DEVICE_FEATURE_GET, EINVAL },
		{ 7, VFIO_DEVICE_FEATURE_PROBE | VFIO_DEVICE_FEATURE_GET, EINVAL },
		{ 8, 1u << 19, EINVAL },
		{ 8, 1u << 31 | VFIO_DEVICE_FEATURE_PROBE, EINVAL },
		{ 8, VFIO_DEVICE_FEATURE_GET | VFIO_DEVICE_FEATURE_SET, EINVAL },
	};

	for (size_t i = 0; i < ROWS(table); i++) {
		union argument a = { .feature = { .argsz = table[i].argsz, .flags = table[i].flags } };

		answer("a feature", (int)i, ioctl(vfio.device, VFIO_DEVICE_FEATURE, &a), table[i].error);
	}
	for (__u32 number = 0; number <= 0xffff; number = number < 64 ? number + 1 : number * 2 + 1)
		for (int way = 0; way < 3; way++) {
			/* MIG_PRECOPY_INFOv2 of Linux 7.3: VFIO looks at the size first, and then at what there is */
			if (number == 12)
				continue;
			union argument a = { .feature = { .argsz = way ? 4096 : 8, .flags = number } };

			a.feature.flags |= way == 2 ? VFIO_DEVICE_FEATURE_SET : VFIO_DEVICE_FEATURE_GET;
			if (!way)
				a.feature.flags |= VFIO_DEVICE_FEATURE_PROBE;
			answer("a feature", (int)number, ioctl(vfio.device, VFIO_DEVICE_FEATURE, &a), ENOTTY);
		}
}

static void the_file_is_no_other_kind_of_file(void)
{
	struct pollfd wait = { .fd = vfio.device, .events = POLLIN | POLLOUT };
	char bytes[8];

	/* no position, and no end of it */
	expect_errno(ESPIPE, lseek(vfio.device, 0, SEEK_END));
	expect_errno(EINVAL, pread(vfio.device, bytes, 8, (off_t)1 << 62));
	expect_errno(EINVAL, pread(vfio.device, bytes, 8, -1));
	expect_errno(EINVAL, ftruncate(vfio.device, 0));
	expect(poll(&wait, 1, 0) >= 0);
	expect_errno(ENODEV, ioctl(vfio.group, VFIO_GROUP_GET_DEVICE_FD, "no such function"));
}

static void the_device_works(void)
{
}

#define TEST(name) \
	{ \
#name, name \
	}

static const struct {
	const char *name;
	void (*run)(void);
} tests[] = {
	TEST(the_answers_are_those_of_a_function),
	TEST(questions_of_every_size_are_answered_or_refused),
	TEST(bad_pointers_give_EFAULT),
	TEST(indexes_out_of_range_are_refused),
	TEST(interrupts_are_not_set_by_a_wrong_call),
	TEST(enabled_INTx_stays_as_it_is),
	TEST(enabled_MSI_stays_as_it_is),
	TEST(MSI_can_be_masked_by_the_right_calls_and_no_other),
	TEST(errors_and_requests_are_set_tried_and_taken_away),
	TEST(data_is_read_from_any_address_and_not_from_none),
	TEST(a_reset_has_no_argument),
	TEST(calls_that_are_not_offered_give_ENOTTY),
	TEST(unknown_calls_give_ENOTTY),
	TEST(features_are_asked_in_the_right_way_and_not_there),
	TEST(the_file_is_no_other_kind_of_file),
	TEST(the_device_works), /* as after each */
};

/* After each an edu does DMA, and interrupts of both kinds. */
static void expect_working(void)
{
	if (!is_edu())
		return;
	my.lease.device.fd = vfio.device;
	my.lease.container.fd = vfio.container;
	expect(!command(COMMAND_MEMORY | COMMAND_MASTER));
	expect(!map_bar(0) && bar_answers(0) == 1);
	expect(!map_memory(NEW_IOVA) && !dma_round_trip(NEW_IOVA));
	expect(!intx_works(0) && !msi_works(0));
	expect(!irq_enable(vfio.device, MSI, -1) && !unmap_bar(0));
}

static int run(void (*test)(void), const char *address)
{
	vfio = vfio_open(address);
	interrupt = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	other_interrupt = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	expect(interrupt >= 0 && other_interrupt >= 0 && !pipe(ends));
	test();
	expect_working();
	vfio_detach(&vfio);
	return 0;
}

int main(int argc, char **argv)
{
	for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
		if (argc == 1)
			puts(tests[i].name);
		if (argc == 3 && !strcmp(argv[1], tests[i].name))
			return run(tests[i].run, argv[2]);
	}
	return argc > 1 ? 2 : 0;
}
