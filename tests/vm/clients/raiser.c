/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/vm/clients/raiser.h"

#include "tests/vm/clients/edu.h"
#include "tests/vm/clients/expect.h"

#include <linux/vfio.h>
#include <sys/ioctl.h>

static bool edu_arm(volatile void *bar, unsigned int index)
{
	(void)bar, (void)index;
	return true;
}

static bool edu_raise(volatile void *bar, unsigned int index, unsigned int vector)
{
	(void)index, (void)vector;
	return store(bar, EDU_RAISE, 1);
}

static bool edu_ack(volatile void *bar, unsigned int index, unsigned int vector)
{
	(void)index, (void)vector;
	return store(bar, EDU_ACK, ~0u);
}

/* Intel 82576 Datasheet 2.61 §8.8: causes of INTx and MSI in ICR and its kin, those of MSI-X in EICR. The former are
 * at the places that they have in older controllers, too, and QEMU knows only these. */
enum {
	IGB_ICR = 0xc0, /* a 1 clears */
	IGB_ICS = 0xc8,
	IGB_IMS = 0xd0,
	IGB_GPIE = 0x1514,
	IGB_EICS = 0x1520,
	IGB_EIMS = 0x1524,
	IGB_EICR = 0x1580, /* a 1 clears */
};

#define IGB_CAUSE	0x1u /* a descriptor was written back */
#define IGB_MSIX_MODE	0x10u
#define IGB_ALL_VECTORS 0x3ffu

static bool igb_arm(volatile void *bar, unsigned int index)
{
	if (index == VFIO_PCI_MSIX_IRQ_INDEX)
		return store(bar, IGB_GPIE, IGB_MSIX_MODE) && store(bar, IGB_EIMS, IGB_ALL_VECTORS);
	return store(bar, IGB_GPIE, 0) && store(bar, IGB_IMS, IGB_CAUSE);
}

static bool igb_raise(volatile void *bar, unsigned int index, unsigned int vector)
{
	if (index == VFIO_PCI_MSIX_IRQ_INDEX)
		return store(bar, IGB_EICS, 1u << vector);
	return store(bar, IGB_ICS, IGB_CAUSE);
}

static bool igb_ack(volatile void *bar, unsigned int index, unsigned int vector)
{
	if (index == VFIO_PCI_MSIX_IRQ_INDEX)
		return store(bar, IGB_EICR, 1u << vector);
	return store(bar, IGB_ICR, IGB_CAUSE);
}

/* A virtual function has three vectors of its own, in registers at the same places (§7.8.2.8); its PF's driver has put
 * the device into the mode with MSI-X. QEMU's keeps its causes over a function level reset. */
#define IGBVF_ALL_VECTORS 0x7u

static bool igbvf_arm(volatile void *bar, unsigned int index)
{
	(void)index;
	return store(bar, IGB_EICR, IGBVF_ALL_VECTORS) && store(bar, IGB_EIMS, IGBVF_ALL_VECTORS);
}

/* An xHCI controller raises nothing without rings in memory: what it has is raised by hand. */
static bool by_hand(volatile void *bar, unsigned int index, unsigned int vector)
{
	(void)bar, (void)index, (void)vector;
	return false;
}

static const struct raiser raisers[] = {
	{ .id = 0x11e81234, .size = 0x100000, .arm = edu_arm, .raise = edu_raise, .ack = edu_ack },
	{ .id = 0x10c98086, .size = 0x20000, .arm = igb_arm, .raise = igb_raise, .ack = igb_ack },
	{ .id = 0x10ca8086, .size = 0x4000, .arm = igbvf_arm, .raise = igb_raise, .ack = igb_ack },
	{ .id = 0x01941033, .size = 0x4000, .arm = edu_arm, .raise = by_hand, .ack = by_hand }, /* sixteen of MSI */
};

const struct raiser *raiser_of(int device)
{
	uint32_t id = 0;

	expect(config_read(device, CONFIG_VENDOR_AT, &id, 4));
	for (size_t i = 0; i < sizeof(raisers) / sizeof(raisers[0]); i++)
		if (raisers[i].id == id)
			return &raisers[i];
	expect(!"its interrupts can be raised");
	return NULL;
}

unsigned int vector_count(int device, unsigned int index)
{
	struct vfio_irq_info info = { .argsz = sizeof(info), .index = index };

	if (ioctl(device, VFIO_DEVICE_GET_IRQ_INFO, &info)) {
		/* errors are those of PCI Express */
		expect(errno == EINVAL && index == VFIO_PCI_ERR_IRQ_INDEX);
		return 0;
	}
	return info.count;
}

unsigned int capability_at(int device, uint8_t id)
{
	uint8_t at = 0, found = 0;

	expect(config_read(device, 0x34, &at, 1));
	while (at) {
		expect(config_read(device, at, &found, 1));
		if (found == id)
			return at;
		expect(config_read(device, at + 1u, &at, 1));
	}
	return 0;
}
