/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a driver of VFIO costs its user: medians of nanoseconds, a line "NAME NS" each. The scenario compares drivers.
 *
 *	pcicost registers ADDRESS	config space and BAR 0 by the file, of a function of PCI Express
 *	pcicost edu ADDRESS		page faults and interrupts, of an edu
 *	pcicost open ADDRESS		opening it again, and closing it
 */
#include "tests/vm/clients/broker.h"
#include "tests/vm/clients/edu.h"
#include "tests/vm/clients/expect.h"

#include <linux/pci_regs.h>
#include <linux/vfio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>

#define TURNS	   101
#define TIMES	   20 /* in a turn, of what is short */
#define OPEN_TURNS 15
#define PAGE	   4096u

static int device, irq;
static volatile char *bar;

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return 1e9 * (double)t.tv_sec + (double)t.tv_nsec;
}

/* ---- what is measured ---- */

struct measure {
	const char *name;
	void (*run)(const struct measure *m, int i);
	int times; /* in a turn */
	void (*before)(const struct measure *m), (*after)(const struct measure *m);
	uint64_t at; /* in the device's file */
	unsigned int size;
	uint64_t value; /* what is written is what was read */
};

static void read_file(const struct measure *m, int i)
{
	uint64_t value;

	(void)i;
	expect(pread(device, &value, m->size, (off_t)m->at) == m->size);
}

static void write_file(const struct measure *m, int i)
{
	(void)i;
	expect(pwrite(device, &m->value, m->size, (off_t)m->at) == m->size);
}

/* Mappings that nobody has touched yet. */
static volatile char *untouched[TIMES];

static void map_all(const struct measure *m)
{
	for (int i = 0; i < m->times; i++) {
		untouched[i] = bar_map(device, 0, EDU_SIZE);
		expect(untouched[i] != MAP_FAILED);
	}
}

static void touch(const struct measure *m, int i)
{
	(void)m;
	(void)*(volatile uint32_t *)untouched[i];
}

static void touch_each_page(const struct measure *m, int i)
{
	(void)m;
	for (size_t at = 0; at < EDU_SIZE; at += PAGE)
		(void)*(volatile uint32_t *)(untouched[i] + at);
}

static void unmap_all(const struct measure *m)
{
	for (int i = 0; i < m->times; i++)
		expect(!munmap((void *)untouched[i], EDU_SIZE));
}

static void interrupt(const struct measure *m, int i)
{
	uint64_t count;

	(void)m;
	(void)i;
	*(volatile uint32_t *)(bar + EDU_RAISE) = 1;
	expect(read(irq, &count, sizeof(count)) == sizeof(count));
}

static void acknowledge(const struct measure *m)
{
	(void)m;
	*(volatile uint32_t *)(bar + EDU_ACK) = 1;
}

/* ---- medians ---- */

static int by_value(const void *a, const void *b)
{
	return *(const double *)a < *(const double *)b ? -1 : 1;
}

static void say(const char *name, double *values, size_t count)
{
	qsort(values, count, sizeof(*values), by_value);
	printf("%s %.1f\n", name, values[count / 2]);
}

static double turn(const struct measure *m)
{
	double start, took;

	if (m->before)
		m->before(m);
	start = now();
	for (int i = 0; i < m->times; i++)
		m->run(m, i);
	took = (now() - start) / m->times;
	if (m->after)
		m->after(m);
	return took;
}

static void measure(const struct measure *m)
{
	double took[TURNS];

	for (int i = 0; i < TURNS; i++)
		took[i] = turn(m);
	say(m->name, took, TURNS);
}

/* ---- registers ---- */

static uint64_t config(uint64_t at)
{
	return ((uint64_t)VFIO_PCI_CONFIG_REGION_INDEX << 40) + at;
}

/* @sizes: one bit for each width, as the width says. */
static void measure_file(const char *what, uint64_t at, unsigned int sizes, bool is_write)
{
	for (unsigned int size = 1; size <= 8; size *= 2) {
		struct measure m = { .times = TIMES, .at = at, .size = size, .run = is_write ? write_file : read_file };
		char name[64];

		if (!(sizes & size))
			continue;
		expect(pread(device, &m.value, size, (off_t)at) == size);
		snprintf(name, sizeof(name), "%s-%u", what, size);
		m.name = name;
		measure(&m);
	}
}

/* Where the capability of PCI Express is. */
static uint64_t find_express(void)
{
	uint8_t at = PCI_CAPABILITY_LIST - PCI_CAP_LIST_NEXT, id = 0;

	while (id != PCI_CAP_ID_EXP) {
		expect(config_read(device, at + PCI_CAP_LIST_NEXT, &at, 1) && at);
		expect(config_read(device, at, &id, 1));
	}
	return at;
}

/* Registers of each kind that both drivers know: the user's own, and the hardware's, in part or as a whole. */
static void measure_registers(void)
{
	uint64_t control = config(find_express() + PCI_EXP_DEVCTL2);

	expect(!command_change(device, COMMAND_MEMORY, 0));
	measure_file("config-read-virtual", config(PCI_BASE_ADDRESS_0), 1 | 2 | 4, false);
	measure_file("config-read-hardware", config(PCI_CLASS_REVISION), 1 | 2 | 4, false);
	measure_file("config-write-virtual", config(PCI_BASE_ADDRESS_0), 1 | 2 | 4, true);
	measure_file("config-write-hardware", control, 1 | 2 | 4, true);
	measure_file("config-write-command", config(PCI_COMMAND), 2, true);
	measure_file("bar-read", region_offset(device, VFIO_PCI_BAR0_REGION_INDEX), 4 | 8, false);
}

/* ---- an edu ---- */

static void measure_edu(void)
{
	static const struct measure measures[] = {
		{ "first-fault", touch, TIMES, map_all, unmap_all, 0, 0, 0 },
		{ "fault-on-each-page", touch_each_page, 1, map_all, unmap_all, 0, 0, 0 },
		{ "msi", interrupt, 1, NULL, acknowledge, 0, 0, 0 },
	};

	expect(!command_change(device, COMMAND_MEMORY | COMMAND_MASTER, 0));
	bar = bar_map(device, 0, EDU_SIZE);
	irq = eventfd(0, EFD_CLOEXEC);
	expect(bar != MAP_FAILED && irq >= 0);
	expect(!irq_enable(device, VFIO_PCI_MSI_IRQ_INDEX, irq));
	for (size_t i = 0; i < sizeof(measures) / sizeof(measures[0]); i++)
		measure(&measures[i]);
}

/* ---- opening it ---------------------------------------------------------------------------------------------------
 */

/* It has been open before, and so the driver may know what is to be known of it. */
static void measure_open(struct vfio *vfio, const char *address)
{
	double opening[OPEN_TURNS], closing[OPEN_TURNS];

	for (int i = 0; i < OPEN_TURNS; i++) {
		double start = now();

		close_fd(&vfio->device);
		closing[i] = now() - start;
		start = now();
		vfio->device = ioctl(vfio->group, VFIO_GROUP_GET_DEVICE_FD, address);
		opening[i] = now() - start;
		expect(vfio->device >= 0);
	}
	say("open", opening, OPEN_TURNS);
	say("close", closing, OPEN_TURNS);
}

int main(int argc, char **argv)
{
	struct vfio vfio;

	if (argc != 3) {
		fprintf(stderr, "usage: pcicost registers|edu|open ADDRESS\n");
		return 2;
	}
	vfio = vfio_open(argv[2]);
	device = vfio.device;
	if (!strcmp(argv[1], "registers"))
		measure_registers();
	else if (!strcmp(argv[1], "edu"))
		measure_edu();
	else if (!strcmp(argv[1], "open"))
		measure_open(&vfio, argv[2]);
	else
		return 2;
	return 0;
}
