/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A client whose DMA goes on and on, each byte of it verified:
 *
 *	pattern ADDRESS SEED
 *
 * It leases an edu, has it copy a pattern to its own memory and back to another page, looks at every byte and at every
 * interrupt, and begins again with another pattern; on SIGTERM it releases the edu. Its standard output, a file, has
 * one line: its process and the number of transfers there and back so far.
 */
#include "libvfiodma/vfiodma.h"
#include "tests/vm/clients/edu.h"

#include <errno.h>
#include <linux/vfio.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define SIZE	    4096u
#define PATIENCE_MS 10000 /* the edu needs 100 ms for a transfer, on a slow machine it may be longer */

/* Exit status. */
enum {
	RELEASED = 0, /* as it was told to, and nothing was wrong */
	WRONG = 1,
	USAGE = 2,
	TAKEN_BACK = 3,
	NO_LEASE = 4,
};

struct pattern {
	struct vfiodma_session *session;
	struct vfiodma_lease *lease;
	struct vfiodma_device *device;
	struct vfiodma_domain *domain;
	void *registers;
	uint64_t *there, *back; /* a page each */
	uint64_t iova;		/* of both */
	int msi;
	uint64_t seed, count;
};

static volatile sig_atomic_t leave;

static void on_term(int signal)
{
	(void)signal;
	leave = 1;
}

/* What a load or store becomes where the device was. */
static void bus_error(int signal)
{
	(void)signal;
	_exit(TAKEN_BACK);
}

static int wrong(const struct pattern *my, const char *what)
{
	if (vfiodma_lease_revoked(my->lease))
		return TAKEN_BACK;
	fprintf(stderr, "pattern: transfer %llu: %s\n", (unsigned long long)my->count, what);
	return WRONG;
}

static int acquire(struct pattern *my, const char *address)
{
	if (!vfiodma_session_open(NULL, &my->session) && !vfiodma_lease_acquire(my->session, address, 0, &my->lease))
		return 0;
	fprintf(stderr, "pattern: %s\n", vfiodma_session_error(my->session));
	return NO_LEASE;
}

/* A transfer that the tenant before has begun ends by itself, and nothing else can be begun until then. */
static int wait_idle(struct pattern *my)
{
	const struct timespec pause = { .tv_nsec = 5000000 };

	for (int i = 0; i < PATIENCE_MS / 5; i++) {
		if (!(vfiodma_read32(my->registers, EDU_DMA_CMD) & EDU_DMA_START))
			return 0;
		nanosleep(&pause, NULL);
	}
	return wrong(my, "the edu is busy for ever");
}

static int prepare(struct pattern *my)
{
	void *memory;
	int status;

	if (vfiodma_device_open(my->lease, &my->device) ||
	    vfiodma_region_map(my->device, VFIO_PCI_BAR0_REGION_INDEX, &my->registers, NULL) ||
	    vfiodma_domain_open(my->lease, 28, &my->domain) ||
	    vfiodma_dma_alloc(my->domain, (size_t)2 * SIZE, &memory, &my->iova) ||
	    vfiodma_irq_enable(my->device, VFIO_PCI_MSI_IRQ_INDEX, 1, &my->msi))
		return wrong(my, vfiodma_session_error(my->session));
	my->there = memory;
	my->back = my->there + SIZE / sizeof(*my->there);
	status = wait_idle(my);
	if (status)
		return status;
	vfiodma_write32(my->registers, EDU_ACK, vfiodma_read32(my->registers, EDU_IRQ_STATUS));
	return vfiodma_bus_master(my->device, true) ? wrong(my, vfiodma_session_error(my->session)) : 0;
}

/* Each word of each transfer is another (splitmix64, of Steele, Lea and Flood). */
static uint64_t word(const struct pattern *my, size_t i)
{
	uint64_t x = my->seed + 0x9e3779b97f4a7c15 * (my->count * SIZE + i + 1);

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
	x = (x ^ x >> 27) * 0x94d049bb133111eb;
	return x ^ x >> 31;
}

static int wait_interrupt(struct pattern *my)
{
	uint64_t interrupts;

	for (int i = 0; i < PATIENCE_MS / 100; i++) {
		int err = vfiodma_irq_wait(my->msi, 100, &interrupts);

		if (!err)
			return interrupts == 1 ? 0 : wrong(my, "more than one interrupt");
		if (vfiodma_lease_revoked(my->lease))
			return TAKEN_BACK;
	}
	return wrong(my, "the interrupt does not come");
}

static int transfer(struct pattern *my, uint64_t from, uint64_t to, uint32_t command)
{
	int status;

	vfiodma_write32(my->registers, EDU_DMA_SRC, (uint32_t)from);
	vfiodma_write32(my->registers, EDU_DMA_DST, (uint32_t)to);
	vfiodma_write32(my->registers, EDU_DMA_COUNT, SIZE);
	vfiodma_wmb();
	vfiodma_write32(my->registers, EDU_DMA_CMD, EDU_DMA_START | EDU_DMA_IRQ | command);
	status = wait_interrupt(my);
	if (status)
		return status;
	if (vfiodma_read32(my->registers, EDU_IRQ_STATUS) != EDU_IRQ_DMA)
		return wrong(my, "the interrupt is not that of the transfer");
	vfiodma_write32(my->registers, EDU_ACK, EDU_IRQ_DMA);
	vfiodma_rmb();
	return 0;
}

static int there_and_back(struct pattern *my)
{
	int status;

	for (size_t i = 0; i < SIZE / sizeof(*my->there); i++) {
		my->there[i] = word(my, i);
		my->back[i] = ~word(my, i);
	}
	status = transfer(my, my->iova, EDU_BUFFER, 0);
	if (!status)
		status = transfer(my, EDU_BUFFER, my->iova + SIZE, EDU_DMA_TO_RAM);
	if (status)
		return status;
	for (size_t i = 0; i < SIZE / sizeof(*my->there); i++)
		if (my->there[i] != word(my, i) || my->back[i] != word(my, i))
			return wrong(my, "the pattern is wrong");
	my->count++;
	return 0;
}

/* The line is always of the same length: who reads it meanwhile sees a whole one. */
static int tell(const struct pattern *my)
{
	char line[64];
	int length = snprintf(line, sizeof(line), "%10d %10llu\n", (int)getpid(), (unsigned long long)my->count);

	return pwrite(STDOUT_FILENO, line, (size_t)length, 0) == length ? 0 : wrong(my, strerror(errno));
}

static int run(struct pattern *my)
{
	int status = prepare(my);

	if (!status)
		status = tell(my);
	while (!status && !leave) {
		status = there_and_back(my);
		if (!status)
			status = tell(my);
	}
	return status;
}

/* The files are closed before vfiod is told of it: should it be gone, that is enough. */
static int release(struct pattern *my)
{
	int err;

	vfiodma_bus_master(my->device, false);
	vfiodma_domain_close(my->domain);
	vfiodma_device_close(my->device);
	err = vfiodma_lease_release(my->lease);
	my->lease = NULL;
	if (!err || err == -ECONNRESET || err == -ENOTCONN)
		return RELEASED;
	return wrong(my, vfiodma_session_error(my->session));
}

int main(int argc, char **argv)
{
	struct pattern my = { 0 };
	int status;

	if (argc != 3) {
		fprintf(stderr, "usage: pattern ADDRESS SEED\n");
		return USAGE;
	}
	my.seed = strtoull(argv[2], NULL, 10);
	signal(SIGTERM, on_term);
	signal(SIGBUS, bus_error);
	status = acquire(&my, argv[1]);
	if (!status)
		status = run(&my);
	return status ? status : release(&my);
}
