/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/vm/clients/owned.h"

#include "tests/vm/clients/expect.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/pci_regs.h>

int owned_sysfs(const char *address, const char *name, int flags)
{
	char path[PATH_MAX];
	int file;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/%s", address, name);
	file = open(path, flags | O_CLOEXEC);
	expect(file >= 0);
	return file;
}

/* ---- the hardware ---- */

static uint32_t number(const uint8_t *bytes, unsigned int width)
{
	uint32_t value = 0;

	for (unsigned int i = 0; i < width; i++)
		value |= (uint32_t)bytes[i] << 8 * i;
	return value;
}

static int hw_get(void *context, __u16 offset, unsigned int width, __u32 *value)
{
	const struct owned *owned = context;
	uint8_t bytes[4];

	if (owned->config < 0)
		memcpy(bytes, owned->memory + offset, width);
	else
		expect(pread(owned->config, bytes, width, offset) == (ssize_t)width);
	*value = number(bytes, width);
	return 0;
}

/* Without a note of it: what the host does on its own. */
static void hw_put(struct owned *owned, uint16_t offset, unsigned int width, uint32_t value)
{
	uint8_t bytes[4];

	for (unsigned int i = 0; i < width; i++) {
		uint8_t take = owned->changeable[offset + i];

		bytes[i] = (uint8_t)(value >> 8 * i);
		owned->memory[offset + i] = (uint8_t)((owned->memory[offset + i] & ~take) | (bytes[i] & take));
	}
	if (owned->config >= 0)
		expect(pwrite(owned->config, bytes, width, offset) == (ssize_t)width);
}

static int hw_put_for_user(void *context, __u16 offset, unsigned int width, __u32 value)
{
	struct owned *owned = context;

	expect(owned->write_count < HW_WRITES_MAX);
	owned->writes[owned->write_count++] = (struct hw_write){ owned->access, offset, (uint16_t)width, value };
	hw_put(owned, offset, width, value);
	return 0;
}

static const struct pcicfg_hw hardware = { hw_get, hw_put_for_user };

/* ---- what it takes ---- */

/* Bits of a byte that may be written: the user's, and the Max_Read_Request_Size, which the host writes for the user. */
static uint8_t reachable(const struct pcicfg *cfg, uint16_t offset)
{
	__u32 masks[PCICFG_CONDITIONS], bits;

	pcicfg_conditions(cfg, offset & 0xfffc, masks);
	bits = masks[PCICFG_PASSED];
	if (cfg->exp && (offset & 0xfffc) == cfg->exp + PCI_EXP_DEVCTL)
		bits |= PCI_EXP_DEVCTL_READRQ;
	return (uint8_t)(bits >> 8 * (offset & 3));
}

void owned_measure(const char *address, uint8_t changeable[PCICFG_SIZE_PCIE])
{
	int file = owned_sysfs(address, "config", O_RDWR);
	static struct pcicfg cfg;
	struct pcicfg_facts facts;
	struct pcicfg_dump dump;

	expect(!pcicfg_sysfs_read("/sys", address, &dump, &facts));
	expect(!pcicfg_open(&cfg, &facts, &pcicfg_dump_hw, &dump));
	memset(changeable, 0, PCICFG_SIZE_PCIE);
	for (uint16_t at = 0; at < dump.size; at++) {
		uint8_t bits = reachable(&cfg, at), was, opposite, is;

		if (!bits)
			continue;
		expect(pread(file, &was, 1, at) == 1);
		opposite = was ^ bits;
		expect(pwrite(file, &opposite, 1, at) == 1 && pread(file, &is, 1, at) == 1);
		changeable[at] = is ^ was;
		expect(pwrite(file, &was, 1, at) == 1 && pread(file, &is, 1, at) == 1 && is == was);
	}
	expect(!close(file));
}

void owned_open(struct owned *owned, const char *address, const struct pcicfg_dump *dump,
		const struct pcicfg_facts *facts, const uint8_t changeable[PCICFG_SIZE_PCIE], bool is_made_up)
{
	memset(owned, 0, sizeof(*owned));
	owned->address = address;
	owned->config = is_made_up ? -1 : owned_sysfs(address, "config", O_RDWR);
	memcpy(owned->memory, dump->memory, sizeof(owned->memory));
	memcpy(owned->changeable, changeable, sizeof(owned->changeable));
	expect(!pcicfg_open(&owned->cfg, facts, &hardware, owned));
	/* the power state, too, is the hardware's to keep */
	if (owned->cfg.pm)
		owned->changeable[owned->cfg.pm + PCI_PM_CTRL] |= PCI_PM_CTRL_STATE_MASK;
}

/* ---- what the owner does for the user ---- */

static void set_power(struct owned *owned, unsigned int state)
{
	uint16_t control = owned->cfg.pm + PCI_PM_CTRL;
	uint32_t value;

	/* to D0 the kernel writes the word as a whole (drivers/pci/pci.c, pci_power_up()): what was selected is lost */
	hw_get(owned, control, 2, &value);
	hw_put(owned, control, 2, state ? (value & ~(uint32_t)PCI_PM_CTRL_STATE_MASK) | state : 0);
}

/* Before a reset the kernel brings a function into D0, and the model has to be told. */
static void wake(struct owned *owned)
{
	uint32_t value;

	if (!owned->cfg.pm)
		return;
	hw_get(owned, owned->cfg.pm + PCI_PM_CTRL, 2, &value);
	if (value & PCI_PM_CTRL_STATE_MASK)
		set_power(owned, 0);
	pcicfg_power_is(&owned->cfg, 0);
}

/* "Reset the function, then restore it as it was": for what is made up that is nothing. */
int owned_reset(struct owned *owned)
{
	int file;

	wake(owned);
	owned->resets++;
	if (owned->config < 0)
		return 0;
	file = owned_sysfs(owned->address, "reset", O_WRONLY);
	expect(write(file, "1", 1) == 1);
	expect(!close(file));
	return 0;
}

/* No host has anything against it here. */
static void set_read_request(struct owned *owned, uint32_t bytes)
{
	uint16_t control = owned->cfg.exp + PCI_EXP_DEVCTL;
	uint32_t value, code = (uint32_t)__builtin_ctz(bytes) - 7;

	hw_get(owned, control, 2, &value);
	hw_put(owned, control, 2, (value & ~(uint32_t)PCI_EXP_DEVCTL_READRQ) | code << 12);
}

static void repair(struct owned *owned)
{
	bool was_reset;

	expect(!pcicfg_repair(&owned->cfg, &was_reset) && !was_reset);
}

static void carry_out(struct owned *owned, const struct pcicfg_event *event)
{
	switch (event->kind) {
	case PCICFG_POWER:
		owned->power_changes++;
		set_power(owned, event->after);
		break;
	case PCICFG_FLR:
		owned_reset(owned);
		break;
	case PCICFG_READ_REQUEST:
		set_read_request(owned, event->after);
		break;
	case PCICFG_WAS_RESET:
		repair(owned);
		break;
	case PCICFG_DECODE: /* mappings of BARs */
	case PCICFG_INTX:   /* nobody listens for interrupts here: */
	case PCICFG_MSI:    /* the hardware's registers for them stay as they are */
	case PCICFG_MSI_MASK:
	case PCICFG_MSIX:
		break;
	default:
		expect(!"an event that no function of the sequence has");
	}
}

/* One transaction of the user, with what pcicfg_mark() asks for before it. */
static int write_piece(struct owned *owned, uint16_t offset, unsigned int width, uint32_t value)
{
	enum pcicfg_mark mark = pcicfg_mark(&owned->cfg, offset);
	struct pcicfg_events events;
	int error;

	if (mark == PCICFG_MARK_COMMAND || mark == PCICFG_MARK_POWER)
		repair(owned);
	error = pcicfg_write(&owned->cfg, offset, width, value, &events);
	for (unsigned int i = 0; !error && i < events.count; i++)
		carry_out(owned, &events.event[i]);
	return error;
}

int owned_write(struct owned *owned, uint16_t offset, const void *buffer, size_t size)
{
	const uint8_t *bytes = buffer;
	unsigned int width, done;
	int error;

	for (done = 0; (width = pcicfg_piece(&owned->cfg, offset + done, size - done)); done += width) {
		error = write_piece(owned, (uint16_t)(offset + done), width, number(bytes + done, width));
		if (error)
			return done ? (int)done : error;
	}
	return (int)done;
}

int owned_read(struct owned *owned, uint16_t offset, void *buffer, size_t size)
{
	__u64 done;
	int error = pcicfg_read_bytes(&owned->cfg, offset, buffer, size, &done);

	return error && !done ? error : (int)done;
}
