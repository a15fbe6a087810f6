/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Drives QEMU's educational device (qemu: docs/specs/edu.rst): registers, DMA and an interrupt.
 *
 *	edu DEVICE		one round, then give the device back
 *	edu --hold DEVICE	one round, then go on with DMA until somebody ends the program or wants the device back
 * DEVICE is an address, or pool:NAME for one of a pool.
 * The exit status is 3 when the device was taken back, or given back since it was to be taken.
 *
 * Build it with: cc edu.c $(pkg-config --cflags --libs libvfiodma)
 */
#include <linux/vfio.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <vfiodma.h>

enum {
	EDU_ID = 0x00,	   /* 0xRRrr00ed: major and minor version */
	EDU_INVERT = 0x04, /* reads as the inverse of what was written */
	EDU_IRQ_STATUS = 0x24,
	EDU_IRQ_ACK = 0x64,
	EDU_DMA_SRC = 0x80,
	EDU_DMA_DST = 0x88,
	EDU_DMA_COUNT = 0x90,
	EDU_DMA_CMD = 0x98,
};

#define EDU_DMA_START  0x01u
#define EDU_DMA_TO_RAM 0x02u
#define EDU_DMA_IRQ    0x04u

#define EDU_BUFFER	0x40000u /* the device's own memory */
#define EDU_BUFFER_SIZE 4096u
#define EDU_DMA_WIDTH	28 /* address bits that it can drive */

#define TAKEN_BACK  3	  /* exit status */
#define PATIENCE_MS 10000 /* the device needs 100 ms for a transfer, an emulated machine may need longer */

struct edu {
	struct vfiodma_session *session;
	struct vfiodma_lease *lease;
	struct vfiodma_device *device;
	struct vfiodma_domain *domain;
	void *registers;       /* BAR 0 */
	unsigned char *memory; /* two buffers: what goes to the device, what comes back */
	uint64_t iova;	       /* where the device sees them */
	int msi;	       /* eventfd */
	int leave;	       /* it is wanted back */
};

/* @what: the device does not do; or NULL: the library has failed, and says why. */
static int failed(const struct edu *edu, const char *what)
{
	if (vfiodma_lease_revoked(edu->lease))
		what = "the device was taken back";
	fprintf(stderr, "edu: %s\n", what ? what : vfiodma_session_error(edu->session));
	return -1;
}

/* What a load or store becomes where the device was. */
static void bus_error(int signal)
{
	static const char text[] = "edu: the device was taken back\n";

	(void)signal;
	_exit(write(STDERR_FILENO, text, sizeof(text) - 1) < 0 ? 1 : TAKEN_BACK);
}

/* Who is told in time can leave in good order. */
static void lease_event(void *data, const struct vfiodma_event *event)
{
	struct edu *edu = data;

	if (event->kind == VFIODMA_EVENT_LIMITED)
		fprintf(stderr, "edu: the device is lent for %u s\n", (event->grace_ms + 999) / 1000);
	if (event->kind == VFIODMA_EVENT_REVOKE_ANNOUNCED) {
		fprintf(stderr, "edu: the device will be taken in %u ms, so it is given back\n", event->grace_ms);
		edu->leave = 1;
	}
}

static int edu_open(struct edu *edu, const char *what)
{
	if (vfiodma_session_open(NULL, &edu->session) || vfiodma_lease_acquire(edu->session, what, 0, &edu->lease) ||
	    vfiodma_device_open(edu->lease, &edu->device) ||
	    vfiodma_region_map(edu->device, VFIO_PCI_BAR0_REGION_INDEX, &edu->registers, NULL))
		return failed(edu, NULL);
	vfiodma_session_set_event_fn(edu->session, lease_event, edu);
	return 0;
}

static int edu_prepare_dma(struct edu *edu)
{
	void *memory;

	if (vfiodma_domain_open(edu->lease, EDU_DMA_WIDTH, &edu->domain) ||
	    vfiodma_dma_alloc(edu->domain, (size_t)2 * EDU_BUFFER_SIZE, &memory, &edu->iova) ||
	    vfiodma_irq_enable(edu->device, VFIO_PCI_MSI_IRQ_INDEX, 1, &edu->msi) ||
	    vfiodma_bus_master(edu->device, true))
		return failed(edu, NULL);
	edu->memory = memory;
	return 0;
}

/* In reverse order; what was not opened is NULL, which is all right. */
static void edu_close(struct edu *edu)
{
	if (edu->device)
		vfiodma_bus_master(edu->device, false);
	vfiodma_domain_close(edu->domain);
	vfiodma_device_close(edu->device);
	if (vfiodma_lease_release(edu->lease))
		fprintf(stderr, "edu: %s\n", vfiodma_session_error(edu->session));
	vfiodma_session_close(edu->session);
}

static int check_registers(const struct edu *edu)
{
	uint32_t id = vfiodma_read32(edu->registers, EDU_ID);

	if ((id & 0xffff) != 0xed)
		return failed(edu, "this is not an edu device");
	printf("edu %s: identification 0x%08x\n", vfiodma_lease_address(edu->lease), id);
	vfiodma_write32(edu->registers, EDU_INVERT, 0x12345678);
	if (vfiodma_read32(edu->registers, EDU_INVERT) != ~0x12345678u)
		return failed(edu, "the device does not invert");
	printf("registers: ~0x12345678 is right\n");
	return 0;
}

static int transfer(const struct edu *edu, uint64_t from, uint64_t to, uint32_t command)
{
	vfiodma_write32(edu->registers, EDU_DMA_SRC, (uint32_t)from);
	vfiodma_write32(edu->registers, EDU_DMA_DST, (uint32_t)to);
	vfiodma_write32(edu->registers, EDU_DMA_COUNT, EDU_BUFFER_SIZE);
	vfiodma_wmb(); /* what was written to the buffers is there before the device looks */
	vfiodma_write32(edu->registers, EDU_DMA_CMD, EDU_DMA_START | command);
	for (int i = 0; i < PATIENCE_MS; i++, usleep(1000))
		if (!(vfiodma_read32(edu->registers, EDU_DMA_CMD) & EDU_DMA_START))
			return 0;
	return failed(edu, "the device is busy for ever");
}

/* Sends the first buffer to the device and fetches it back into the second one, which interrupts. */
static int round_trip(const struct edu *edu, uint64_t *interrupts)
{
	unsigned char *back = edu->memory + EDU_BUFFER_SIZE;

	for (unsigned int i = 0; i < EDU_BUFFER_SIZE; i++)
		edu->memory[i] = (unsigned char)(i * 7 + 1);
	memset(back, 0, EDU_BUFFER_SIZE);
	if (transfer(edu, edu->iova, EDU_BUFFER, 0) ||
	    transfer(edu, EDU_BUFFER, edu->iova + EDU_BUFFER_SIZE, EDU_DMA_TO_RAM | EDU_DMA_IRQ))
		return -1;
	if (vfiodma_irq_wait(edu->msi, PATIENCE_MS, interrupts))
		return failed(edu, "the interrupt does not come");
	vfiodma_write32(edu->registers, EDU_IRQ_ACK, vfiodma_read32(edu->registers, EDU_IRQ_STATUS));
	vfiodma_rmb(); /* nothing of the buffer is read earlier than that */
	return memcmp(edu->memory, back, EDU_BUFFER_SIZE) ? failed(edu, "DMA: the data came back changed") : 0;
}

static int run(struct edu *edu, int hold)
{
	uint64_t interrupts;

	if (check_registers(edu) || edu_prepare_dma(edu) || round_trip(edu, &interrupts))
		return -1;
	printf("DMA: %u bytes to the device and back, the same\n", EDU_BUFFER_SIZE);
	printf("MSI: %llu interrupt%s\n", (unsigned long long)interrupts, interrupts == 1 ? "" : "s");
	if (!hold)
		return 0;
	printf("holding\n");
	fflush(stdout);
	while (!edu->leave && !round_trip(edu, &interrupts))
		vfiodma_session_dispatch(edu->session); /* should vfiod be gone: the device is not */
	return -1;
}

int main(int argc, char **argv)
{
	int hold = argc > 1 && !strcmp(argv[1], "--hold");
	struct edu edu = { 0 };
	int err, taken;

	if (argc != 2 + hold || argv[1 + hold][0] == '-') {
		fprintf(stderr, "usage: edu [--hold] DEVICE\n");
		return 2;
	}
	signal(SIGBUS, bus_error);
	err = edu_open(&edu, argv[1 + hold]) || run(&edu, hold);
	taken = edu.leave || vfiodma_lease_revoked(edu.lease);
	edu_close(&edu);
	return taken ? TAKEN_BACK : err;
}
