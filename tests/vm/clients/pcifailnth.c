/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pcifailnth ADDRESS: each operation of a VFIO PCI driver with its first allocation (or copy of user memory) failing,
 * then its second, and so on, until it needs no more (Documentation/fault-injection/fault-injection.rst: fail-nth).
 * What has failed has to work when it is tried again.
 */
#include "tests/vm/clients/broker.h"
#include "tests/vm/clients/chance.h"
#include "tests/vm/clients/edu.h"
#include "tests/vm/clients/expect.h"
#include "tests/vm/clients/function.h"

#include <linux/pci_regs.h>
#include <linux/vfio.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE	    4096u
#define VECTORS_MAX 4

static int interrupt;
static const char *address;
static struct vfio vfio;
static volatile void *bar;
static struct vfio_irq_info irqs[VFIO_PCI_NUM_IRQS];

/* ---- operations: what comes before (false: there is no such thing here), the attempt, what undoes it ---------------
 */

static bool always(void)
{
	return true;
}

static void nothing(void)
{
}

/* An open that failed has left nothing that keeps the function awake, and nobody too few for one that is open. */
static bool closed(void)
{
	close_fd(&vfio.device);
	expect(function_falls_asleep(address));
	return true;
}

static void stays_awake(void)
{
	expect(function_stays_awake(address));
}

static int open_device(void)
{
	vfio.device = ioctl(vfio.group, VFIO_GROUP_GET_DEVICE_FD, address);
	return vfio.device < 0 ? -1 : 0;
}

static int describe(void)
{
	char space[512];
	struct vfio_region_info *info = (void *)space;

	for (unsigned int i = 0; i < VFIO_PCI_VGA_REGION_INDEX; i++) {
		*info = (struct vfio_region_info){ .argsz = sizeof(space), .index = i };
		if (ioctl(vfio.device, VFIO_DEVICE_GET_REGION_INFO, info))
			return -1;
	}
	return 0;
}

static int set_irqs(unsigned int index, unsigned int action, unsigned int count, int file)
{
	char space[sizeof(struct vfio_irq_set) + VECTORS_MAX * sizeof(int)];
	struct vfio_irq_set *set = (void *)space;
	int result;

	*set = (struct vfio_irq_set){ .argsz = sizeof(space),
				      .flags = (count ? VFIO_IRQ_SET_DATA_EVENTFD : VFIO_IRQ_SET_DATA_NONE) | action,
				      .index = index,
				      .count = count };
	for (unsigned int i = 0; i < count; i++)
		memcpy(set->data + i * sizeof(file), &file, sizeof(file));
	result = ioctl(vfio.device, VFIO_DEVICE_SET_IRQS, set);
	/* fewer vectors than were asked for */
	if (result > 0) {
		errno = ENOSPC;
		return -1;
	}
	return result;
}

static int enable(unsigned int index)
{
	unsigned int count = irqs[index].count < VECTORS_MAX ? irqs[index].count : VECTORS_MAX;

	return set_irqs(index, VFIO_IRQ_SET_ACTION_TRIGGER, count, interrupt);
}

#define INTERRUPT(name, index) \
	static bool has_##name(void) \
	{ \
		return irqs[index].count; \
	} \
	static int enable_##name(void) \
	{ \
		return enable(index); \
	} \
	static int disable_##name(void) \
	{ \
		return set_irqs(index, VFIO_IRQ_SET_ACTION_TRIGGER, 0, -1); \
	} \
	static void switch_off_##name(void) \
	{ \
		expect(!disable_##name()); \
	} \
	static bool switched_on_##name(void) \
	{ \
		return has_##name() && !enable_##name(); \
	}

INTERRUPT(intx, VFIO_PCI_INTX_IRQ_INDEX)
INTERRUPT(msi, VFIO_PCI_MSI_IRQ_INDEX)
INTERRUPT(msix, VFIO_PCI_MSIX_IRQ_INDEX)
INTERRUPT(error, VFIO_PCI_ERR_IRQ_INDEX)
INTERRUPT(request, VFIO_PCI_REQ_IRQ_INDEX)

static int unmask_by_eventfd(void)
{
	return set_irqs(VFIO_PCI_INTX_IRQ_INDEX, VFIO_IRQ_SET_ACTION_UNMASK, 1, interrupt);
}

static void no_unmask(void)
{
	expect(!set_irqs(VFIO_PCI_INTX_IRQ_INDEX, VFIO_IRQ_SET_ACTION_UNMASK, 1, -1));
	switch_off_intx();
}

static bool has_reset(void)
{
	return !ioctl(vfio.device, VFIO_DEVICE_RESET);
}

static int reset(void)
{
	return ioctl(vfio.device, VFIO_DEVICE_RESET);
}

/* Where the capability is that is tried, found before failures are made. */
static unsigned int capability;

static bool find_capability(uint8_t id)
{
	uint8_t at, found;

	capability = 0;
	expect(config_read(vfio.device, PCI_CAPABILITY_LIST, &at, 1));
	while (at && !capability) {
		expect(config_read(vfio.device, at, &found, 1));
		if (found == id)
			capability = at;
		expect(config_read(vfio.device, at + 1u, &at, 1));
	}
	return capability;
}

static bool has_express(void)
{
	return find_capability(PCI_CAP_ID_EXP);
}

static int reset_by_config(void)
{
	uint16_t control = PCI_EXP_DEVCTL_BCR_FLR;

	return config_write(vfio.device, capability + PCI_EXP_DEVCTL, &control, 2) ? 0 : -1;
}

static bool has_power(void)
{
	return find_capability(PCI_CAP_ID_PM);
}

static int sleep_and_wake(void)
{
	uint16_t off = 3, on = 0;

	if (!config_write(vfio.device, capability + PCI_PM_CTRL, &off, 2))
		return -1;
	return config_write(vfio.device, capability + PCI_PM_CTRL, &on, 2) ? 0 : -1;
}

static bool decoding(void)
{
	return !command_change(vfio.device, COMMAND_MEMORY, 0);
}

static int toggle_decoding(void)
{
	return command_change(vfio.device, 0, COMMAND_MEMORY) || command_change(vfio.device, COMMAND_MEMORY, 0) ? -1
														: 0;
}

static int read_bar(void)
{
	uint32_t value;

	return pread(vfio.device, &value, 4, 0) == 4 ? 0 : -1;
}

static int map_bar(void)
{
	bar = bar_map(vfio.device, 0, PAGE);
	return bar == MAP_FAILED ? -1 : 0;
}

static bool mapped(void)
{
	return decoding() && !map_bar();
}

static int touch_bar(void)
{
	uint32_t value;

	errno = ENOMEM;
	return load(bar, 0, &value) ? 0 : -1;
}

static void unmap_bar(void)
{
	expect(!munmap((void *)bar, PAGE));
}

static const struct operation {
	const char *name;
	bool (*before)(void);
	int (*attempt)(void);
	void (*undo)(void);
	bool may_need_none;
} operations[] = {
	{ "open", closed, open_device, stays_awake, false },
	{ "GET_REGION_INFO", always, describe, nothing, false },
	{ "SET_IRQS of INTx", has_intx, enable_intx, switch_off_intx, false },
	{ "SET_IRQS of INTx, off", switched_on_intx, disable_intx, nothing, false },
	{ "SET_IRQS of INTx, unmask by eventfd", switched_on_intx, unmask_by_eventfd, no_unmask, false },
	{ "SET_IRQS of MSI", has_msi, enable_msi, switch_off_msi, false },
	{ "SET_IRQS of MSI, off", switched_on_msi, disable_msi, nothing, false },
	{ "SET_IRQS of MSI-X", has_msix, enable_msix, switch_off_msix, false },
	{ "SET_IRQS of MSI-X, off", switched_on_msix, disable_msix, nothing, false },
	{ "SET_IRQS of errors", has_error, enable_error, switch_off_error, false },
	{ "SET_IRQS of errors, off", switched_on_error, disable_error, nothing, false },
	{ "SET_IRQS of requests", has_request, enable_request, switch_off_request, false },
	{ "SET_IRQS of requests, off", switched_on_request, disable_request, nothing, false },
	{ "RESET", has_reset, reset, nothing, true },
	{ "RESET with MSI", switched_on_msi, reset, switch_off_msi, true },
	{ "RESET with MSI-X", switched_on_msix, reset, switch_off_msix, true },
	{ "FLR by config space", has_express, reset_by_config, nothing, false },
	{ "power states", has_power, sleep_and_wake, nothing, false },
	{ "decoding off and on", decoding, toggle_decoding, nothing, false },
	{ "read of a BAR", decoding, read_bar, nothing, false },
	{ "mmap", decoding, map_bar, unmap_bar, false },
	{ "a first fault", mapped, touch_bar, unmap_bar, true },
};

static bool is_clean(int error)
{
	/* EBUSY: pci_request_regions() does not tell no memory from no room */
	return error == ENOMEM || error == EFAULT || error == ENFILE || error == ENOSPC || error == EBUSY;
}

/* Return: how many places it has, each of which was made to fail. */
static int run(const struct operation *operation)
{
	int heard = 0, chance;
	bool made;

	for (chance = 1;; chance++) {
		int result, error;

		if (!operation->before())
			return 0;
		chance_arm(chance);
		errno = 0;
		result = operation->attempt();
		made = chance_disarm();
		error = errno;
		if (result) {
			heard++;
			if (!made || !is_clean(error))
				dprintf(2, "pcifailnth: %s, failure %d: %s\n", operation->name, chance,
					strerror(error));
			expect(made && is_clean(error));
			expect(!operation->attempt());
		}
		operation->undo();
		if (!made)
			break;
	}
	printf("# %s: %d places to fail, of %d of which the caller hears\n", operation->name, chance - 1, heard);
	expect(chance > 1 || operation->may_need_none);
	return chance - 1;
}

int main(int argc, char **argv)
{
	int places = 0;

	if (argc != 2)
		return 2;
	setlinebuf(stdout);
	address = argv[1];
	interrupt = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	expect(interrupt >= 0);
	function_is_drowsy(address);
	vfio = vfio_open(address);
	for (unsigned int i = 0; i < VFIO_PCI_NUM_IRQS; i++) {
		irqs[i] = (struct vfio_irq_info){ .argsz = sizeof(irqs[i]), .index = i };
		if (ioctl(vfio.device, VFIO_DEVICE_GET_IRQ_INFO, &irqs[i]))
			irqs[i].count = 0;
	}
	for (size_t i = 0; i < sizeof(operations) / sizeof(operations[0]); i++)
		places += run(&operations[i]);
	vfio_detach(&vfio);
	printf("figure: %s: %d failures made, one at a time\n", address, places);
	return 0;
}
