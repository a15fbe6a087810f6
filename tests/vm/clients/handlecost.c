/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * handlecost ADDRESS: what a handle costs, on an edu. One run measures the bare file and the handle in turns; the
 * figures are medians, and the ratio of one to the other must stay below its bar.
 */
#include "tests/vm/clients/broker.h"
#include "tests/vm/clients/edu.h"
#include "tests/vm/clients/expect.h"

#include <fcntl.h>
#include <linux/vfio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define TURNS 101

/* A file and what has been made of it. */
struct side {
	int fd;
	volatile void *bar;
};

static int irq;
static uint32_t virtual_value, hardware_value;
#define VIRTUAL_AT  0x10 /* BAR 0, which VFIO keeps for the user */
#define HARDWARE_AT 0x0c /* cache line size and its neighbours, which it does not */

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return 1e9 * (double)t.tv_sec + (double)t.tv_nsec;
}

/* ---- what is measured ----------------------------------------------------------------------------------------------
 */

static void get_info(const struct side *side)
{
	struct vfio_device_info info = { .argsz = sizeof(info) };

	expect(!ioctl(side->fd, VFIO_DEVICE_GET_INFO, &info));
}

static void read_virtual(const struct side *side)
{
	expect(config_read(side->fd, VIRTUAL_AT, &virtual_value, 4));
}

static void read_hardware(const struct side *side)
{
	expect(config_read(side->fd, HARDWARE_AT, &hardware_value, 4));
}

static void write_virtual(const struct side *side)
{
	expect(config_write(side->fd, VIRTUAL_AT, &virtual_value, 4));
}

static void write_hardware(const struct side *side)
{
	expect(config_write(side->fd, HARDWARE_AT, &hardware_value, 4));
}

static void load_register(const struct side *side)
{
	(void)*(volatile uint32_t *)((volatile char *)side->bar + EDU_INVERT);
}

static void store_register(const struct side *side)
{
	*(volatile uint32_t *)((volatile char *)side->bar + EDU_INVERT) = 1;
}

/* The mapping is made anew by prepare_fault(). */
static volatile void *untouched;

static void prepare_fault(const struct side *side)
{
	untouched = bar_map(side->fd, 0, EDU_SIZE);
	expect(untouched != MAP_FAILED);
}

static void first_fault(const struct side *side)
{
	(void)side;
	(void)*(volatile uint32_t *)untouched;
}

static void undo_fault(const struct side *side)
{
	(void)side;
	expect(!munmap((void *)untouched, EDU_SIZE));
}

static void interrupt(const struct side *side)
{
	uint64_t count;

	*(volatile uint32_t *)((volatile char *)side->bar + EDU_RAISE) = 1;
	expect(read(irq, &count, sizeof(count)) == sizeof(count));
}

static void acknowledge(const struct side *side)
{
	*(volatile uint32_t *)((volatile char *)side->bar + EDU_ACK) = 1;
}

static const struct measure {
	const char *name;
	double bar; /* the ratio that is promised */
	int times;  /* in a turn */
	void (*run)(const struct side *side);
	void (*before)(const struct side *side), (*after)(const struct side *side);
} measures[] = {
	{ "handle-ioctl", 1.10, 20, get_info, NULL, NULL },
	{ "handle-read-virtual", 1.10, 20, read_virtual, NULL, NULL },
	{ "handle-read-hardware", 1.10, 20, read_hardware, NULL, NULL },
	{ "handle-write-virtual", 1.10, 20, write_virtual, NULL, NULL },
	{ "handle-write-hardware", 1.10, 20, write_hardware, NULL, NULL },
	{ "handle-load", 1.005, 100, load_register, NULL, NULL },
	{ "handle-store", 1.005, 100, store_register, NULL, NULL },
	{ "handle-first-fault", 1.15, 1, first_fault, prepare_fault, undo_fault },
	{ "handle-msi", 1.05, 1, interrupt, NULL, acknowledge },
};

/* ---- medians ---- */

static int by_value(const void *a, const void *b)
{
	return *(const double *)a < *(const double *)b ? -1 : 1;
}

static double median(double *values, size_t count)
{
	qsort(values, count, sizeof(*values), by_value);
	return values[count / 2];
}

static double turn(const struct measure *m, const struct side *side)
{
	double start, took;

	if (m->before)
		m->before(side);
	start = now();
	for (int i = 0; i < m->times; i++)
		m->run(side);
	took = (now() - start) / m->times;
	if (m->after)
		m->after(side);
	return took;
}

/* Return: whether it is within its bar. */
static bool measure(const struct measure *m, const struct side *bare, const struct side *handle)
{
	double of_bare[TURNS], of_handle[TURNS], ratio;

	for (int i = 0; i < TURNS; i++) {
		of_bare[i] = turn(m, bare);
		of_handle[i] = turn(m, handle);
	}
	ratio = median(of_handle, TURNS) / median(of_bare, TURNS);
	printf("bench %s %.0f ns ratio %.3f vs bare-fd (at most %.2f)\n", m->name, median(of_handle, TURNS), ratio,
	       m->bar);
	return ratio <= m->bar;
}

/* A lease whose client has the BAR mapped and touched; its device stays open here. */
static bool measure_revoke(int node, struct vfio *vfio)
{
	double took[TURNS / 2], ms;
	int bad = 0;

	for (size_t i = 0; i < TURNS / 2; i++) {
		struct lease lease = lease_make(node, vfio, 2, false);
		struct side side = { .fd = lease.device.fd, .bar = bar_map(lease.device.fd, 0, EDU_SIZE) };
		double start;

		expect(side.bar != MAP_FAILED);
		load_register(&side);
		start = now();
		bad += revoke_lease(node, 2, 1000).pending != 0;
		took[i] = (now() - start) / 1e6;
		expect(!munmap((void *)side.bar, EDU_SIZE));
		lease_close(&lease);
		expect(!forget(node, lease.device.id) && !forget(node, lease.container.id));
	}
	ms = median(took, TURNS / 2);
	printf("bench handle-revoke %.3f ms (at most 5)\n", ms);
	return ms <= 5 && !bad;
}

int main(int argc, char **argv)
{
	struct side bare, handle;
	struct lease lease;
	struct vfio vfio;
	int node, good = 1;

	if (argc != 2)
		return 2;
	vfio = vfio_open(argv[1]);
	node = node_open(O_NONBLOCK);
	lease = lease_make(node, &vfio, 1, false);
	bare = (struct side){ .fd = vfio.device, .bar = bar_map(vfio.device, 0, EDU_SIZE) };
	handle = (struct side){ .fd = lease.device.fd, .bar = bar_map(lease.device.fd, 0, EDU_SIZE) };
	irq = eventfd(0, EFD_CLOEXEC);
	expect(bare.bar != MAP_FAILED && handle.bar != MAP_FAILED && irq >= 0);
	expect(!command_change(vfio.device, COMMAND_MEMORY | COMMAND_MASTER, 0));
	expect(!irq_enable(vfio.device, VFIO_PCI_MSI_IRQ_INDEX, irq));
	load_register(&bare);
	load_register(&handle);
	for (size_t i = 0; i < sizeof(measures) / sizeof(measures[0]); i++)
		good &= measure(&measures[i], &bare, &handle);
	good &= measure_revoke(node, &vfio);
	return good ? 0 : 1;
}
