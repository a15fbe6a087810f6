/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The ioctls of a VFIO device file, misused: each wrong call has to give its errno, and to leave nothing behind.
 *
 *	pcimisuse ADDRESS		the names of the tests that the function has: an edu's, those of MSI-X
 *	pcimisuse TEST ADDRESS		runs one; errors are for functions with PCI Express
 *
 * What is expected is linux/vfio.h, where that is silent what vfio-pci always did, and vfiod_pci(4) where that differs.
 */
#include "tests/vm/clients/broker.h"
#include "tests/vm/clients/client.h"
#include "tests/vm/clients/edu.h"
#include "tests/vm/clients/expect.h"
#include "tests/vm/clients/raiser.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/pci_regs.h>
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

#define EDU 0x11e81234u
#define IGB 0x10c98086u

static bool is(uint32_t which)
{
	uint32_t id = 0;

	expect(config_read(vfio.device, CONFIG_VENDOR_AT, &id, 4));
	return id == which;
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

/* ---- the three that ask ---- */

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

/* Wrong whatever is enabled: table for an index that has so many @vectors. */
#define WRONG_ALWAYS(index, vectors) \
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
		{ EINVAL, NONE | TRIGGER, index, vectors, 1, { 0 }, RIGHT }, \
		{ EINVAL, EVENTFD | TRIGGER, index, (vectors)-1, 2, { GOOD, OTHER }, RIGHT }, \
		{ EINVAL, EVENTFD | TRIGGER, index, vectors, 1, { GOOD }, RIGHT }, \
		{ EINVAL, EVENTFD | TRIGGER, index, 0, 2048, { GOOD, OTHER }, 8000 }, \
		{ EINVAL, EVENTFD | TRIGGER, index, 0, 0xffffffff, { GOOD }, 100 }, \
		{ EINVAL, EVENTFD | TRIGGER, index, 0, 0x40000000, { GOOD }, 100 }, \
		{ EINVAL, EVENTFD | TRIGGER, index, 0xffffffff, 1, { GOOD }, 100 }, \
		{ EINVAL, EVENTFD | TRIGGER, index, 0xffffffff, 2, { GOOD, OTHER }, 100 }, \
		{ EINVAL, EVENTFD | TRIGGER, index, 0x80000000, 0x80000000, { GOOD }, 100 }, \
		{ EINVAL, BOOL | TRIGGER, index, 0xfffffff0, 0x20, { 1 }, 100 }, \
		{ EINVAL, NONE | TRIGGER, index, 0xffffffff, 0xffffffff, { 0 }, 100 }, \
		{ EINVAL, NONE | TRIGGER, index, 0x80000000, 0, { 0 }, RIGHT }, \
		{ EINVAL, NONE | TRIGGER, index, vectors, 0, { 0 }, RIGHT }, /* too short for its data */ \
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
		WRONG_ALWAYS(INTX, 1),
		WRONG_ALWAYS(MSI, 1),
		WRONG_ALWAYS(ERROR, 1),
		WRONG_ALWAYS(REQ, 1),
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
		WRONG_ALWAYS(INTX, 1),
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
		WRONG_ALWAYS(MSI, 1),
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
			WRONG_ALWAYS(indexes[i], 1),
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

		if (indexes[i] == ERROR && is(EDU))
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

/* ---- SET_IRQS of MSI-X ---- */

static __u32 vectors; /* of MSI-X; the functions that have any have five or more */

static void call(int error, __u32 flags, __u32 index, __u32 start, __u32 count, int first, int second)
{
	const struct try row[] = { { error, flags, index, start, count, { first, second }, RIGHT } };

	RUN_TABLE("a call", row);
}

/* Vector 0 signals interrupt, vector 1 other_interrupt. */
static void set_up_two(void)
{
	call(0, EVENTFD | TRIGGER, MSIX, 0, 2, GOOD, OTHER);
}

static void switch_off(__u32 index)
{
	call(0, NONE | TRIGGER, index, 0, 0, 0, 0);
}

enum { NOTHING, FIRST, SECOND, BOTH };

static int signalled(int timeout_ms)
{
	return (irq_wait(interrupt, timeout_ms) ? FIRST : NOTHING) |
	       (irq_wait(other_interrupt, timeout_ms) ? SECOND : NOTHING);
}

/* Which eventfd a vector has: it is signalled when the call returns. */
static int loopback(__u32 vector)
{
	call(0, NONE | TRIGGER, MSIX, vector, 1, 0, 0);
	return signalled(0);
}

static bool both_are_set_up(void)
{
	return loopback(0) == FIRST && loopback(1) == SECOND;
}

/* Whether vectors can be added without switching the index off first (VFIO_IRQ_INFO_NORESIZE): not with vfiod-pci. */
static int error_of_more(void)
{
	struct vfio_irq_info info = { .argsz = sizeof(info), .index = MSIX };

	expect(!ioctl(vfio.device, VFIO_DEVICE_GET_IRQ_INFO, &info));
	return info.flags & VFIO_IRQ_INFO_NORESIZE ? EINVAL : 0;
}

/* ---- what an igb can be told to do; the others have rings to be set up first ---- */

static volatile void *igb_bar(void)
{
	const struct raiser *raiser = raiser_of(vfio.device);
	volatile void *bar;

	expect(!command_change(vfio.device, COMMAND_MEMORY | COMMAND_MASTER, 0));
	bar = bar_map(vfio.device, 0, raiser->size);
	expect(bar != MAP_FAILED && raiser->arm(bar, MSIX));
	return bar;
}

/* The vectors that are raised one after the other, and what that signals within the time. */
static int raised(volatile void *bar, unsigned int first, unsigned int last, int timeout_ms)
{
	const struct raiser *raiser = raiser_of(vfio.device);

	for (unsigned int vector = first; vector <= last; vector++)
		expect(raiser->raise(bar, MSIX, vector) && raiser->ack(bar, MSIX, vector));
	return signalled(timeout_ms);
}

static void igb_expect_both(void)
{
	volatile void *bar = igb_bar();

	expect(raised(bar, 0, 1, PATIENCE_MS) == BOTH && !signalled(0));
	expect(!munmap((void *)bar, raiser_of(vfio.device)->size));
}

/* ---- the tests ---- */

static void MSIX_is_not_set_up_by_a_wrong_call(void)
{
	const struct try wrong[] = {
		WRONG_ALWAYS(MSIX, vectors),
		WRONG_FILES(TRIGGER, MSIX),
		/* one of two, and one at the end of all */
		{ EBADF, EVENTFD | TRIGGER, MSIX, 0, 2, { GOOD, CLOSED }, RIGHT },
		{ EINVAL, EVENTFD | TRIGGER, MSIX, 0, 2, { GOOD, PIPE }, RIGHT },
		{ EBADF, EVENTFD | TRIGGER, MSIX, vectors - 2, 2, { OTHER, NO_FILE }, RIGHT },
		{ EINVAL, EVENTFD | TRIGGER, MSIX, vectors - 1, 1, { DEVICE }, RIGHT },
		/* one file for each of them is too few */
		{ EINVAL, EVENTFD | TRIGGER, MSIX, 0, vectors, { GOOD, OTHER }, RIGHT },
		{ EINVAL, EVENTFD | TRIGGER, MSIX, 0, 2, { GOOD, OTHER }, 20 + 7 },
		/* files of no vectors */
		{ EINVAL, EVENTFD | TRIGGER, MSIX, 0, 0, { 0 }, RIGHT },
		{ EINVAL, EVENTFD | TRIGGER, MSIX, 3, 0, { 0 }, RIGHT },
		/* of what is not set up */
		{ EINVAL, NONE | TRIGGER, MSIX, 0, 1, { 0 }, RIGHT },
		{ EINVAL, NONE | TRIGGER, MSIX, 0, vectors, { 0 }, RIGHT },
		{ EINVAL, BOOL | TRIGGER, MSIX, 0, 2, { 1, 1 }, RIGHT },
		{ REFUSED, NONE | MASK, MSIX, 0, 1, { 0 }, RIGHT },
		{ REFUSED, NONE | UNMASK, MSIX, 0, vectors, { 0 }, RIGHT },
		{ REFUSED, BOOL | MASK, MSIX, 0, 2, { 1, 1 }, RIGHT },
		{ REFUSED, BOOL | UNMASK, MSIX, 0, 2, { 0, 1 }, RIGHT },
		{ REFUSED, EVENTFD | MASK, MSIX, 0, 1, { GOOD }, RIGHT },
		{ REFUSED, EVENTFD | UNMASK, MSIX, 0, 1, { GOOD }, RIGHT },
		{ EITHER, NONE | TRIGGER, MSIX, 0, 0, { 0 }, RIGHT },
		/* no action, or several */
		{ REFUSED, NONE, MSIX, 0, 1, { 0 }, RIGHT },
		{ REFUSED, EVENTFD, MSIX, 0, 2, { GOOD, OTHER }, RIGHT },
		{ REFUSED, NONE | MASK | UNMASK, MSIX, 0, 1, { 0 }, RIGHT },
		{ REFUSED, EVENTFD | TRIGGER | MASK, MSIX, 0, 2, { GOOD, OTHER }, RIGHT },
		{ REFUSED, BOOL | TRIGGER | UNMASK, MSIX, 0, 2, { 1, 1 }, RIGHT },
		{ REFUSED, NONE | MASK | UNMASK | TRIGGER, MSIX, 0, 0, { 0 }, RIGHT },
	};

	RUN_TABLE("with MSI-X not set up", wrong);
	expect(!signalled(0));
	set_up_two();
	expect(both_are_set_up());
}

static void MSIX_that_is_set_up_stays_as_it_is(void)
{
	const struct try table[] = {
		WRONG_ALWAYS(MSIX, vectors),
		{ EINVAL, BOOL | TRIGGER, MSIX, 0, 2, { 1, 1 }, 21 },
		{ EITHER, EVENTFD | TRIGGER, MSIX, 0, 0, { 0 }, RIGHT },
		{ REFUSED, EVENTFD | MASK, MSIX, 0, 1, { OTHER }, RIGHT },
		{ REFUSED, EVENTFD | UNMASK, MSIX, 0, 2, { OTHER, GOOD }, RIGHT },
		{ REFUSED, NONE, MSIX, 0, 1, { 0 }, RIGHT },
		{ REFUSED, BOOL, MSIX, 0, 2, { 1, 1 }, RIGHT },
		{ REFUSED, EVENTFD | TRIGGER | MASK, MSIX, 0, 2, { OTHER, GOOD }, RIGHT },
		{ REFUSED, NONE | TRIGGER | UNMASK, MSIX, 0, 0, { 0 }, RIGHT },
		{ REFUSED, BOOL | MASK | UNMASK | TRIGGER, MSIX, 0, 2, { 1, 1 }, RIGHT },
		/* right ones, with more room than they need, and of nothing */
		{ 0, EVENTFD | TRIGGER, MSIX, 0, 2, { GOOD, OTHER }, 4096 },
		{ 0, EVENTFD | TRIGGER, MSIX, 1, 1, { OTHER }, 0x7fffffff },
		{ 0, BOOL | TRIGGER, MSIX, 0, 2, { 0, 0 }, RIGHT },
		{ 0, BOOL | TRIGGER, MSIX, 0, 0, { 0 }, RIGHT },
	};

	set_up_two();
	RUN_TABLE("with MSI-X set up", table);
	expect(!signalled(0) && both_are_set_up());
	call(0, BOOL | TRIGGER, MSIX, 0, 2, 0, 1);
	expect(signalled(0) == SECOND);
	call(0, BOOL | TRIGGER, MSIX, 0, 2, 255, 0);
	expect(signalled(0) == FIRST);
	call(0, NONE | TRIGGER, MSIX, 0, 2, 0, 0);
	expect(signalled(0) == BOTH);
	if (is(IGB))
		igb_expect_both();
	switch_off(MSIX);
}

static void MSIX_has_as_many_vectors_as_it_was_set_up_with(void)
{
	const int more = error_of_more();
	const struct try table[] = {
		{ more, EVENTFD | TRIGGER, MSIX, 2, 1, { GOOD }, RIGHT },
		{ more, EVENTFD | TRIGGER, MSIX, 1, 2, { OTHER, GOOD }, RIGHT },
		{ more, EVENTFD | TRIGGER, MSIX, vectors - 1, 1, { GOOD }, RIGHT },
		{ more, EVENTFD | TRIGGER, MSIX, vectors - 2, 2, { -1, -1 }, RIGHT },
		{ more, NONE | TRIGGER, MSIX, 3, 1, { 0 }, RIGHT },
		{ more, BOOL | TRIGGER, MSIX, 3, 2, { 1, 1 }, RIGHT },
		{ REFUSED, NONE | MASK, MSIX, 2, 1, { 0 }, RIGHT },
		{ REFUSED, BOOL | UNMASK, MSIX, 1, 2, { 0, 1 }, RIGHT },
	};

	set_up_two();
	RUN_TABLE("of more than are set up", table);
	expect(!signalled(0) && both_are_set_up());
	switch_off(MSIX);
	/* from the last on: there are all, and nobody is told of the others until somebody asks for that */
	call(0, EVENTFD | TRIGGER, MSIX, vectors - 1, 1, GOOD, 0);
	expect(loopback(vectors - 1) == FIRST && loopback(0) == NOTHING && loopback(vectors - 2) == NOTHING);
	call(0, EVENTFD | TRIGGER, MSIX, 0, 2, OTHER, -1);
	expect(loopback(0) == SECOND && loopback(1) == NOTHING && loopback(vectors - 1) == FIRST);
	call(0, EVENTFD | TRIGGER, MSIX, 0, 1, -1, 0);
	expect(loopback(0) == NOTHING && loopback(vectors - 1) == FIRST);
	switch_off(MSIX);
}

/* As with vfio-pci: nobody is told any more of those that the call has got to, the one that it failed at with them. */
static void a_call_with_a_wrong_file_ends_the_vectors_up_to_that_one_and_no_other(void)
{
	set_up_two();
	call(EBADF, EVENTFD | TRIGGER, MSIX, 1, 1, CLOSED, 0);
	expect(loopback(0) == FIRST && loopback(1) == NOTHING);
	call(0, EVENTFD | TRIGGER, MSIX, 1, 1, OTHER, 0);
	expect(both_are_set_up());
	call(EINVAL, EVENTFD | TRIGGER, MSIX, 0, 2, PIPE, GOOD);
	expect(loopback(0) == NOTHING && loopback(1) == SECOND);
	call(EBADF, EVENTFD | TRIGGER, MSIX, 0, 2, OTHER, NO_FILE);
	expect(loopback(0) == NOTHING && loopback(1) == NOTHING);
	set_up_two();
	expect(both_are_set_up());
	if (is(IGB))
		igb_expect_both();
	switch_off(MSIX);
}

static void igb_expect_masks(void)
{
	volatile void *bar = igb_bar();

	call(0, BOOL | MASK, MSIX, 0, 2, 0, 1);
	expect(raised(bar, 0, 1, HOPELESS_IRQ) == FIRST);
	call(0, BOOL | UNMASK, MSIX, 0, 2, 1, 0);
	expect(!signalled(HOPELESS_IRQ));
	call(0, BOOL | UNMASK, MSIX, 0, 2, 0, 1);
	expect(irq_wait(other_interrupt, PATIENCE_MS) && !signalled(0));
	expect(!munmap((void *)bar, raiser_of(vfio.device)->size));
}

/* What vfio-pci never could. */
static void MSIX_can_be_masked_by_the_right_calls_and_no_other(void)
{
	const struct try table[] = {
		{ EINVAL, NONE | MASK, MSIX, 0, 3, { 0 }, RIGHT },
		{ EINVAL, NONE | MASK, MSIX, 2, 1, { 0 }, RIGHT },
		{ EINVAL, NONE | UNMASK, MSIX, vectors - 1, 2, { 0 }, RIGHT },
		{ EINVAL, NONE | UNMASK, MSIX, vectors, 1, { 0 }, RIGHT },
		{ EINVAL, NONE | MASK, MSIX, 0xffffffff, 1, { 0 }, RIGHT },
		{ EINVAL, NONE | MASK, MSIX, 1, 0xffffffff, { 0 }, RIGHT },
		{ EINVAL, BOOL | UNMASK, MSIX, 0xfffffff0, 0x20, { 1 }, 100 },
		{ EINVAL, BOOL | MASK, MSIX, 0, 2, { 1, 1 }, 21 },
		{ REFUSED, EVENTFD | MASK, MSIX, 0, 2, { OTHER, GOOD }, RIGHT },
		{ REFUSED, EVENTFD | UNMASK, MSIX, 0, 1, { -1 }, RIGHT },
		{ REFUSED, NONE | MASK | UNMASK, MSIX, 0, 2, { 0 }, RIGHT },
		{ 0, NONE | MASK, MSIX, 0, 2, { 0 }, RIGHT },
		{ 0, NONE | MASK, MSIX, 0, 1, { 0 }, 100 },
		{ 0, BOOL | UNMASK, MSIX, 0, 2, { 0, 0 }, RIGHT },
		{ 0, BOOL | UNMASK, MSIX, 0, 2, { 1, 0 }, RIGHT },
		{ 0, NONE | UNMASK, MSIX, 1, 1, { 0 }, RIGHT },
		{ 0, NONE | UNMASK, MSIX, 0, 2, { 0 }, RIGHT },
	};

	set_up_two();
	RUN_TABLE("masks of MSI-X", table);
	expect(!signalled(0) && both_are_set_up());
	if (is(IGB)) {
		igb_expect_both();
		igb_expect_masks();
	}
	switch_off(MSIX);
}

static void one_kind_is_in_the_way_of(__u32 other)
{
	const struct try table[] = {
		{ EINVAL, EVENTFD | TRIGGER, other, 0, 1, { OTHER }, RIGHT },
		{ EINVAL, EVENTFD | TRIGGER, other, 0, 1, { -1 }, RIGHT },
		{ EINVAL, NONE | TRIGGER, other, 0, 1, { 0 }, RIGHT },
		{ EINVAL, BOOL | TRIGGER, other, 0, 1, { 1 }, RIGHT },
		{ REFUSED, NONE | MASK, other, 0, 1, { 0 }, RIGHT },
		{ REFUSED, BOOL | MASK, other, 0, 1, { 1 }, RIGHT },
		{ REFUSED, NONE | UNMASK, other, 0, 1, { 0 }, RIGHT },
		{ REFUSED, EVENTFD | UNMASK, other, 0, 1, { OTHER }, RIGHT },
		{ EITHER, NONE | TRIGGER, other, 0, 0, { 0 }, RIGHT },
	};

	RUN_TABLE("another kind", table);
}

static void INTx_MSI_and_MSIX_are_in_the_way_of_each_other(void)
{
	static const __u32 kinds[] = { INTX, MSI, MSIX };

	for (size_t i = 0; i < ROWS(kinds); i++) {
		if (!vector_count(vfio.device, kinds[i]))
			continue;
		call(0, EVENTFD | TRIGGER, kinds[i], 0, 1, GOOD, 0);
		for (size_t j = 0; j < ROWS(kinds); j++)
			if (j != i && vector_count(vfio.device, kinds[j]))
				one_kind_is_in_the_way_of(kinds[j]);
		expect(!signalled(0));
		call(0, NONE | TRIGGER, kinds[i], 0, 1, 0, 0);
		expect(signalled(0) == FIRST);
		switch_off(kinds[i]);
	}
}

static void all_vectors_are_set_up_by_a_call_that_is_all_there(void)
{
	const size_t header = sizeof(struct vfio_irq_set), size = header + 4 * vectors;
	unsigned char *end = edge();
	union argument a;

	a.set = (struct vfio_irq_set){ .flags = EVENTFD | TRIGGER, .index = MSIX, .count = vectors };
	for (__u32 i = 0; i < vectors; i++)
		memcpy(a.set.data + 4 * i, i % 2 ? &other_interrupt : &interrupt, 4);
	for (a.argsz = 0; a.argsz < size; a.argsz++)
		answer("too short", (int)a.argsz, ioctl(vfio.device, VFIO_DEVICE_SET_IRQS, &a), EINVAL);
	for (size_t there = 0; there < size; there++) {
		memcpy(end - there, &a, there);
		answer("with its end missing", (int)there, ioctl(vfio.device, VFIO_DEVICE_SET_IRQS, end - there),
		       EFAULT);
	}
	call(EINVAL, NONE | TRIGGER, MSIX, 0, 1, 0, 0);
	for (unsigned int odd = 0; odd < 8; odd++) {
		memcpy(end - size - odd, &a, size);
		answer("at an odd address", (int)odd, ioctl(vfio.device, VFIO_DEVICE_SET_IRQS, end - size - odd), 0);
	}
	for (__u32 i = 0; i < vectors; i++)
		expect(loopback(i) == (i % 2 ? SECOND : FIRST));
	switch_off(MSIX);
}

/* ---- capabilities of a region, of the BAR with the table of MSI-X --------------------------------------------------
 */

#define LEAST	    ((__u32)sizeof(struct vfio_region_info)) /* of GET_REGION_INFO, without capabilities */
#define UNTOUCHED   0xee
#define MORE	    512 /* than any has */
#define ROUND(a, n) (((a) + (n)-1) / (n) * (n))

/* Where the table is. */
static struct msix_table {
	unsigned int bar;
	__u64 offset, length;
} msix_table;

static void find_table(void)
{
	uint32_t where = 0;

	expect(config_read(vfio.device, capability_at(vfio.device, PCI_CAP_ID_MSIX) + PCI_MSIX_TABLE, &where, 4));
	msix_table.bar = where & PCI_MSIX_TABLE_BIR;
	msix_table.offset = where & PCI_MSIX_TABLE_OFFSET;
	msix_table.length = (__u64)vectors * PCI_MSIX_ENTRY_SIZE;
}

/* A question in which all but what is asked for is something else. */
static void ask(union argument *a, __u32 index, __u32 argsz)
{
	memset(a, UNTOUCHED, sizeof(*a));
	a->region.index = index;
	a->argsz = argsz;
}

/* What a region needs, as it says itself. */
static __u32 needed(__u32 index)
{
	union argument a;

	ask(&a, index, LEAST);
	answer("a region", (int)index, ioctl(vfio.device, VFIO_DEVICE_GET_REGION_INFO, &a), 0);
	return a.argsz;
}

static bool untouched_from(const union argument *a, size_t at)
{
	while (at < sizeof(*a) && a->bytes[at] == UNTOUCHED)
		at++;
	return at == sizeof(*a);
}

/* All pages but those with the table, in their order. */
static void expect_areas(const struct vfio_region_info_cap_sparse_mmap *sparse, __u64 size)
{
	const __u64 from = msix_table.offset / PAGE * PAGE, to = ROUND(msix_table.offset + msix_table.length, PAGE);
	__u64 end = 0, sum = 0;

	expect(sparse->header.version == 1 && sparse->nr_areas);
	for (__u32 i = 0; i < sparse->nr_areas; i++) {
		const struct vfio_region_sparse_mmap_area *area = &sparse->areas[i];

		expect(area->size && !(area->size % PAGE) && !(area->offset % PAGE));
		expect(area->offset >= end && area->offset + area->size <= size);
		expect(area->offset >= to || area->offset + area->size <= from);
		end = area->offset + area->size;
		sum += area->size;
	}
	expect(sum == size - (to - from));
}

/* The whole BAR can be mapped where that is said, and not otherwise. */
static bool is_mappable(const struct vfio_region_info *region)
{
	void *bar = mmap(NULL, region->size, PROT_READ, MAP_SHARED, vfio.device, (off_t)region->offset);

	return bar != MAP_FAILED && !munmap(bar, region->size);
}

static void expect_capabilities(const union argument *a, __u32 end)
{
	const struct vfio_info_cap_header *header;
	bool mappable = false, areas = false;

	for (__u32 at = a->region.cap_offset; at; at = header->next) {
		header = (const void *)(a->bytes + at);
		expect(at >= LEAST && at + sizeof(*header) <= end && (!header->next || header->next > at));
		mappable |= header->id == VFIO_REGION_INFO_CAP_MSIX_MAPPABLE;
		if (header->id != VFIO_REGION_INFO_CAP_SPARSE_MMAP)
			continue;
		areas = true;
		expect(at + sizeof(struct vfio_region_info_cap_sparse_mmap) <= end);
		expect_areas((const void *)header, a->region.size);
	}
	expect(areas != mappable && is_mappable(&a->region) == mappable);
}

static void expect_answer(const union argument *a, __u32 argsz, __u32 wanted)
{
	const bool has_some = wanted > LEAST, fits = argsz >= wanted;

	expect(!!(a->region.flags & VFIO_REGION_INFO_FLAG_CAPS) == has_some);
	expect(a->argsz == (fits ? argsz : wanted));
	expect(!has_some || a->region.cap_offset == (fits ? LEAST : 0));
	expect(untouched_from(a, fits ? wanted : LEAST));
	if (has_some && fits)
		expect_capabilities(a, wanted);
}

static void capabilities_are_given_where_there_is_room_for_all_of_them(void)
{
	union argument a, before;

	expect(needed(msix_table.bar) > LEAST && needed(msix_table.bar) < MORE);
	for (__u32 index = 0; index < VFIO_PCI_VGA_REGION_INDEX; index++) {
		const __u32 wanted = needed(index);

		for (__u32 argsz = 0; argsz < MORE; argsz++) {
			ask(&a, index, argsz);
			before = a;
			answer("a region", (int)(1000 * index + argsz),
			       ioctl(vfio.device, VFIO_DEVICE_GET_REGION_INFO, &a), argsz < LEAST ? EINVAL : 0);
			if (argsz < LEAST)
				expect(!memcmp(&a, &before, sizeof(a)));
			else
				expect_answer(&a, argsz, wanted);
		}
		ask(&a, index, 0xffffffff);
		answer("a region", (int)index, ioctl(vfio.device, VFIO_DEVICE_GET_REGION_INFO, &a), 0);
		expect_answer(&a, 0xffffffff, wanted);
	}
}

static void capabilities_are_written_to_memory_that_is_there(void)
{
	const __u32 wanted = needed(msix_table.bar);
	unsigned char *end = edge();
	union argument a;

	/* they end where the page ends, whatever is claimed to be behind it */
	for (__u32 claimed = wanted; claimed < wanted + 2 * PAGE; claimed += 61) {
		ask(&a, msix_table.bar, claimed);
		memcpy(end - wanted, &a, LEAST);
		answer("at the end", (int)claimed, ioctl(vfio.device, VFIO_DEVICE_GET_REGION_INFO, end - wanted), 0);
		memcpy(a.bytes, end - wanted, wanted);
		expect_answer(&a, claimed, wanted);
	}
	for (__u32 there = LEAST; there < wanted; there++) {
		ask(&a, msix_table.bar, wanted);
		memcpy(end - there, &a, LEAST);
		answer("with the end missing", (int)there, ioctl(vfio.device, VFIO_DEVICE_GET_REGION_INFO, end - there),
		       EFAULT);
		/* who knows how much there is, is not written beyond it */
		ask(&a, msix_table.bar, there);
		memcpy(end - there, &a, LEAST);
		answer("with what there is", (int)there, ioctl(vfio.device, VFIO_DEVICE_GET_REGION_INFO, end - there),
		       0);
	}
}

/* ---- the rest ---- */

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

enum needs { ANY, NEEDS_EDU, NEEDS_MSIX };

#define TEST(name, needs) \
	{ \
#name, name, needs \
	}
/* clang-format off */
static const struct {
	const char *name;
	void (*run)(void);
	enum needs needs;
} tests[] = {
	TEST(the_answers_are_those_of_a_function, NEEDS_EDU),
	TEST(questions_of_every_size_are_answered_or_refused, NEEDS_EDU),
	TEST(bad_pointers_give_EFAULT, NEEDS_EDU),
	TEST(indexes_out_of_range_are_refused, NEEDS_EDU),
	TEST(interrupts_are_not_set_by_a_wrong_call, NEEDS_EDU),
	TEST(enabled_INTx_stays_as_it_is, NEEDS_EDU),
	TEST(enabled_MSI_stays_as_it_is, NEEDS_EDU),
	TEST(MSI_can_be_masked_by_the_right_calls_and_no_other, NEEDS_EDU),
	TEST(errors_and_requests_are_set_tried_and_taken_away, ANY),
	TEST(data_is_read_from_any_address_and_not_from_none, NEEDS_EDU),
	TEST(MSIX_is_not_set_up_by_a_wrong_call, NEEDS_MSIX),
	TEST(MSIX_that_is_set_up_stays_as_it_is, NEEDS_MSIX),
	TEST(MSIX_has_as_many_vectors_as_it_was_set_up_with, NEEDS_MSIX),
	TEST(a_call_with_a_wrong_file_ends_the_vectors_up_to_that_one_and_no_other, NEEDS_MSIX),
	TEST(MSIX_can_be_masked_by_the_right_calls_and_no_other, NEEDS_MSIX),
	TEST(INTx_MSI_and_MSIX_are_in_the_way_of_each_other, NEEDS_MSIX),
	TEST(all_vectors_are_set_up_by_a_call_that_is_all_there, NEEDS_MSIX),
	TEST(capabilities_are_given_where_there_is_room_for_all_of_them, NEEDS_MSIX),
	TEST(capabilities_are_written_to_memory_that_is_there, NEEDS_MSIX),
	TEST(a_reset_has_no_argument, NEEDS_EDU),
	TEST(calls_that_are_not_offered_give_ENOTTY, NEEDS_EDU),
	TEST(unknown_calls_give_ENOTTY, NEEDS_EDU),
	TEST(features_are_asked_in_the_right_way_and_not_there, NEEDS_EDU),
	TEST(the_file_is_no_other_kind_of_file, NEEDS_EDU),
	TEST(the_device_works, NEEDS_EDU), /* as after each */
};
/* clang-format on */

/* After each an edu does DMA, and interrupts of both kinds. */
static void expect_working(void)
{
	if (!is(EDU))
		return;
	my.lease.device.fd = vfio.device;
	my.lease.container.fd = vfio.container;
	expect(!command(COMMAND_MEMORY | COMMAND_MASTER));
	expect(!map_bar(0) && bar_answers(0) == 1);
	expect(!map_memory(NEW_IOVA) && !dma_round_trip(NEW_IOVA));
	expect(!intx_works(0) && !msi_works(0));
	expect(!irq_enable(vfio.device, MSI, -1) && !unmap_bar(0));
}

static void open_function(const char *address)
{
	vfio = vfio_open(address);
	vectors = vector_count(vfio.device, MSIX);
	if (vectors)
		find_table();
}

static int print_names(const char *address)
{
	open_function(address);
	for (size_t i = 0; i < ROWS(tests); i++)
		if (tests[i].needs == ANY || (tests[i].needs == NEEDS_EDU && is(EDU)) ||
		    (tests[i].needs == NEEDS_MSIX && vectors))
			puts(tests[i].name);
	vfio_detach(&vfio);
	return 0;
}

static int run(void (*test)(void), const char *address)
{
	open_function(address);
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
	if (argc == 2)
		return print_names(argv[1]);
	for (size_t i = 0; argc == 3 && i < ROWS(tests); i++)
		if (!strcmp(argv[1], tests[i].name))
			return run(tests[i].run, argv[2]);
	fprintf(stderr, "usage: pcimisuse ADDRESS, or pcimisuse TEST ADDRESS\n");
	return 2;
}
