/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Asks an NVMe controller who it is: a driver of one command (NVM Express Base Specification 1.4 §3.1, §5.15, §7.6.1).
 *
 *	nvme-identify DEVICE
 * DEVICE is an address, or pool:NAME for one of a pool.
 * The exit status is 3 when the controller was taken back meanwhile.
 *
 * Build it with: cc nvme-identify.c $(pkg-config --cflags --libs libvfiodma)
 */
#include <endian.h>
#include <linux/vfio.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>
#include <vfiodma.h>

enum {
	NVME_CAP = 0x00,
	NVME_CC = 0x14,
	NVME_CSTS = 0x1c,
	NVME_AQA = 0x24,
	NVME_ASQ = 0x28,
	NVME_ACQ = 0x30,
	NVME_DOORBELLS = 0x1000,
};

#define CC_ENABLE      1u
#define CC_ENTRY_SIZES (6u << 16 | 4u << 20) /* 64 bytes per submission, 16 per completion; pages of 4 KiB: 0 */
#define CSTS_READY     1u
#define CSTS_FATAL     2u
#define IDENTIFY       0x06
#define IDENTIFY_CTRL  1
#define PAGE	       4096ul
#define QUEUE_ENTRIES  2u /* the least that the specification allows */
#define COMMAND_ID     0x4242u
#define STATUS_PHASE   0x10000u
#define PATIENCE_MS    10000
#define TAKEN_BACK     3  /* exit status */
#define ADDRESS_BITS   64 /* an NVMe controller can drive them all */

struct command {
	uint32_t dword0, namespace_id, reserved[4];
	uint64_t prp1, prp2;
	uint32_t dword10, rest[5];
};

struct nvme {
	struct vfiodma_session *session;
	struct vfiodma_lease *lease;
	struct vfiodma_device *device;
	struct vfiodma_domain *domain;
	void *registers; /* BAR 0 */
	uint64_t cap;
	unsigned char *memory; /* three pages: submission queue, completion queue, data */
	uint64_t iova;	       /* where the controller sees them */
	int msix;	       /* eventfd of vector 0, which the admin queue has */
};

/* @what: the controller does not do; or NULL: the library has failed, and says why. */
static int failed(const struct nvme *nvme, const char *what)
{
	if (vfiodma_lease_revoked(nvme->lease))
		what = "the controller was taken back";
	fprintf(stderr, "nvme-identify: %s\n", what ? what : vfiodma_session_error(nvme->session));
	return -1;
}

/* What a load or store becomes where the controller was. */
static void bus_error(int signal)
{
	static const char text[] = "nvme-identify: the controller was taken back\n";

	(void)signal;
	_exit(write(STDERR_FILENO, text, sizeof(text) - 1) < 0 ? 1 : TAKEN_BACK);
}

static void write64(const struct nvme *nvme, size_t offset, uint64_t value)
{
	vfiodma_write32(nvme->registers, offset, (uint32_t)value);
	vfiodma_write32(nvme->registers, offset + 4, (uint32_t)(value >> 32));
}

static int nvme_open(struct nvme *nvme, const char *what)
{
	void *memory;

	if (vfiodma_session_open(NULL, &nvme->session) || vfiodma_lease_acquire(nvme->session, what, 0, &nvme->lease) ||
	    vfiodma_device_open(nvme->lease, &nvme->device) ||
	    vfiodma_region_map(nvme->device, VFIO_PCI_BAR0_REGION_INDEX, &nvme->registers, NULL) ||
	    vfiodma_domain_open(nvme->lease, ADDRESS_BITS, &nvme->domain))
		return failed(nvme, NULL);
	nvme->cap = vfiodma_read32(nvme->registers, NVME_CAP) | (uint64_t)vfiodma_read32(nvme->registers, NVME_CAP + 4)
									<< 32;
	if ((nvme->cap >> 48) & 0xf) /* CAP.MPSMIN */
		return failed(nvme, "the controller wants pages of more than 4 KiB");
	if (vfiodma_dma_alloc(nvme->domain, 3 * PAGE, &memory, &nvme->iova) ||
	    vfiodma_irq_enable(nvme->device, VFIO_PCI_MSIX_IRQ_INDEX, 1, &nvme->msix) ||
	    vfiodma_bus_master(nvme->device, true))
		return failed(nvme, NULL);
	nvme->memory = memory;
	return 0;
}

/* In reverse order; what was not opened is NULL, which is all right. */
static void nvme_close(struct nvme *nvme)
{
	if (nvme->memory && !vfiodma_lease_revoked(nvme->lease))
		vfiodma_write32(nvme->registers, NVME_CC, 0); /* no more DMA from here on */
	if (nvme->device)
		vfiodma_bus_master(nvme->device, false);
	vfiodma_domain_close(nvme->domain);
	vfiodma_device_close(nvme->device);
	if (vfiodma_lease_release(nvme->lease))
		fprintf(stderr, "nvme-identify: %s\n", vfiodma_session_error(nvme->session));
	vfiodma_session_close(nvme->session);
}

/* Waits until CSTS.RDY is @ready, as long as the controller says that it may take (CAP.TO, in units of 500 ms). */
static int wait_ready(const struct nvme *nvme, uint32_t ready)
{
	unsigned int patience = (unsigned int)((nvme->cap >> 24) & 0xff) * 500 + 500;

	for (unsigned int i = 0; i < patience; i++, usleep(1000)) {
		uint32_t status = vfiodma_read32(nvme->registers, NVME_CSTS);

		if (status & CSTS_FATAL)
			return failed(nvme, "the controller has had a fatal error");
		if ((status & CSTS_READY) == ready)
			return 0;
	}
	return failed(nvme, "the controller does not get ready in the time that it promises");
}

static int start_controller(const struct nvme *nvme)
{
	vfiodma_write32(nvme->registers, NVME_CC, 0);
	if (wait_ready(nvme, 0))
		return -1;
	vfiodma_write32(nvme->registers, NVME_AQA, (QUEUE_ENTRIES - 1) << 16 | (QUEUE_ENTRIES - 1));
	write64(nvme, NVME_ASQ, nvme->iova);
	write64(nvme, NVME_ACQ, nvme->iova + PAGE);
	vfiodma_wmb(); /* the queues are zero before the controller looks */
	vfiodma_write32(nvme->registers, NVME_CC, CC_ENABLE | CC_ENTRY_SIZES);
	return wait_ready(nvme, CSTS_READY);
}

static int identify(const struct nvme *nvme)
{
	struct command *command = (struct command *)nvme->memory;
	const volatile uint32_t *completion = (const volatile uint32_t *)(nvme->memory + PAGE);
	size_t completion_doorbell = NVME_DOORBELLS + (4u << ((nvme->cap >> 32) & 0xf)); /* CAP.DSTRD */

	command->dword0 = htole32(IDENTIFY | COMMAND_ID << 16);
	command->prp1 = htole64(nvme->iova + 2 * PAGE);
	command->dword10 = htole32(IDENTIFY_CTRL);
	vfiodma_wmb(); /* the command is complete before the controller hears of it */
	vfiodma_write32(nvme->registers, NVME_DOORBELLS, 1);

	/* memory was zero: the controller's first time round the queue writes the phase bit as 1 */
	while (!(le32toh(completion[3]) & STATUS_PHASE))
		if (vfiodma_irq_wait(nvme->msix, PATIENCE_MS, NULL))
			return failed(nvme, "the interrupt does not come");
	vfiodma_rmb(); /* nothing else of the answer is read earlier than that */
	vfiodma_write32(nvme->registers, completion_doorbell, 1);
	if (le32toh(completion[3]) != (STATUS_PHASE | COMMAND_ID))
		return failed(nvme, "the controller refuses to identify itself");
	return 0;
}

/* A text of the controller: of fixed length, filled up with spaces. */
static void print_field(const char *name, const unsigned char *text, int length)
{
	while (length > 0 && (text[length - 1] == ' ' || text[length - 1] == '\0'))
		length--;
	printf("%-9s %.*s\n", name, length, (const char *)text);
}

int main(int argc, char **argv)
{
	struct nvme nvme = { 0 };
	int err, taken;

	if (argc != 2 || argv[1][0] == '-') {
		fprintf(stderr, "usage: nvme-identify DEVICE\n");
		return 2;
	}
	signal(SIGBUS, bus_error);
	err = nvme_open(&nvme, argv[1]) || start_controller(&nvme) || identify(&nvme);
	if (!err) {
		print_field("model", nvme.memory + 2 * PAGE + 24, 40);
		print_field("serial", nvme.memory + 2 * PAGE + 4, 20);
		print_field("firmware", nvme.memory + 2 * PAGE + 64, 8);
	}
	taken = err && vfiodma_lease_revoked(nvme.lease);
	nvme_close(&nvme);
	return taken ? TAKEN_BACK : err;
}
