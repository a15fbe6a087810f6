/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vfiod/clean.h"

#include "proto/address.h"
#include "vfiod/serial.h"
#include "vfiod/space.h"
#include "vfiod/sysfs.h"

#include <errno.h>
#include <linux/pci_regs.h>
#include <stdbool.h>
#include <string.h>

static void read_header(int space, struct clean_header *header)
{
	uint64_t serial = serial_find(space);

	header->id = space_read32(space, PCI_VENDOR_ID);
	header->class_revision = space_read32(space, PCI_CLASS_REVISION);
	for (unsigned int i = 0; i < 6; i++)
		header->bars[i] = space_read32(space, PCI_BASE_ADDRESS_0 + 4 * i);
	header->bars[6] = space_read32(space, PCI_ROM_ADDRESS);
	header->serial[0] = (uint32_t)serial;
	header->serial[1] = (uint32_t)(serial >> 32);
}

static int stop_dma(int space, const char *text, struct failure *failure)
{
	uint16_t command = space_read16(space, PCI_COMMAND);

	if (command & PCI_COMMAND_MASTER)
		space_write16(space, PCI_COMMAND, (uint16_t)(command & ~PCI_COMMAND_MASTER));
	if (space_read16(space, PCI_COMMAND) & PCI_COMMAND_MASTER)
		return failure_set(failure, -EIO, "%s: its bus mastering could not be switched off", text);
	return 0;
}

static int check_interrupts(int space, const char *text, struct failure *failure)
{
	unsigned int msi = space_find(space, PCI_CAP_ID_MSI), msix = space_find(space, PCI_CAP_ID_MSIX);

	if (msi && space_read16(space, msi + PCI_MSI_FLAGS) & PCI_MSI_FLAGS_ENABLE)
		return failure_set(failure, -EIO, "%s: its MSI is still on after the reset", text);
	if (msix && space_read16(space, msix + PCI_MSIX_FLAGS) & PCI_MSIX_FLAGS_ENABLE)
		return failure_set(failure, -EIO, "%s: its MSI-X is still on after the reset", text);
	return 0;
}

static int verify(int space, const char *text, const struct clean_header *before, const struct clean_header *after,
		  struct failure *failure)
{
	if (after->class_revision == 0xffffffff)
		return failure_set(failure, -EIO, "%s: it does not answer after the reset", text);
	if (after->id != before->id || after->class_revision != before->class_revision)
		return failure_set(failure, -EIO, "%s: it was %04x:%04x and is %04x:%04x after the reset", text,
				   before->id & 0xffff, before->id >> 16, after->id & 0xffff, after->id >> 16);
	if (memcmp(after->serial, before->serial, sizeof(after->serial)))
		return failure_set(failure, -EIO, "%s: another device of the same kind is in its place", text);
	if (memcmp(after->bars, before->bars, sizeof(after->bars)))
		return failure_set(failure, -EIO, "%s: its BARs are not what they were before the lease", text);
	if (space_read16(space, PCI_COMMAND) & PCI_COMMAND_MASTER)
		return failure_set(failure, -EIO, "%s: its bus mastering is on after the reset", text);
	return check_interrupts(space, text, failure);
}

int clean_reset(uint64_t address, enum clean_reset wanted, struct failure *failure)
{
	int err = wanted == CLEAN_RESET_NONE ? 0 : sysfs_write(address, "reset", "1");
	/* no such file: the kernel knows no way; ENOTTY: it listed the bus's before a neighbour came to that bus */
	bool impossible = err == -ENOENT || err == -ENOTTY;
	char text[PROTO_ADDRESS_LEN];

	if (!err || (impossible && wanted == CLEAN_RESET_BEST_EFFORT))
		return 0;
	proto_address_format(address, text);
	if (impossible)
		return failure_set(failure, -EOPNOTSUPP,
				   "%s cannot be reset by the kernel, so it could not be cleaned between users; a rule "
				   "with reset = \"best-effort\" in vfiod.conf accepts that",
				   text);
	return failure_set(failure, err, "%s: its reset failed: %s", text, strerror(-err));
}

/*
 * A VFIO driver has a function sleep (D3hot) that nobody has open.  What is written to its registers then is lost when
 * it wakes up, since the kernel writes back what it saved when it fell asleep; so it is kept awake here.
 */
static void keep_awake(uint64_t address, char control[8])
{
	sysfs_read(address, "power/control", control, 8);
	sysfs_write(address, "power/control", "on");
}

static void let_sleep(uint64_t address, const char *control)
{
	if (control[0])
		sysfs_write(address, "power/control", control);
}

void clean_stop_dma(uint64_t address)
{
	int space = space_open(address);
	struct failure failure;

	stop_dma(space, "", &failure);
	space_close(space);
}

void clean_look(uint64_t address, struct clean_header *header)
{
	int space = space_open(address);

	read_header(space, header);
	space_close(space);
}

int clean_function(uint64_t address, enum clean_reset wanted, const struct clean_header *before,
		   struct clean_header *after, struct failure *failure)
{
	int space = space_open(address);
	struct clean_header first, now;
	char text[PROTO_ADDRESS_LEN], control[8];
	int err;

	proto_address_format(address, text);
	keep_awake(address, control);
	read_header(space, &first);
	err = stop_dma(space, text, failure);
	if (!err)
		err = clean_reset(address, wanted, failure);
	if (!err) {
		read_header(space, &now);
		err = verify(space, text, before ? before : &first, &now, failure);
	}
	if (!err)
		*after = now;
	let_sleep(address, control);
	space_close(space);
	return err;
}

int clean_for_host(uint64_t address, struct failure *failure)
{
	int space = space_open(address);
	char text[PROTO_ADDRESS_LEN], control[8];
	struct failure reset;
	int err;

	proto_address_format(address, text);
	keep_awake(address, control);
	err = stop_dma(space, text, failure);
	if (!err) {
		clean_reset(address, CLEAN_RESET_BEST_EFFORT, &reset);
		err = stop_dma(space, text, failure);
	}
	if (err)
		failure_set(
			failure, err,
			"%s: its bus mastering could not be switched off, so that it could write to the host's memory; "
			"switch the machine off and on",
			text);
	let_sleep(address, control);
	space_close(space);
	return err;
}
