/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vfiod/clean.h"

#include "proto/address.h"
#include "vfiod/log.h"
#include "vfiod/sysfs.h"

#include <errno.h>
#include <pci/pci.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* libpci asks for a function that does not return, for errors of its bus scan; of a single function it reads and writes
 * registers only, which does not come here. */
static void __attribute__((noreturn, format(printf, 1, 2))) give_up(char *format, ...)
{
	char text[256];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	log_line(LOG_CRIT, "libpci: %s", text);
	abort();
}

static void say_nothing(char *format, ...) /* NOLINT(readability-non-const-parameter): libpci's type */
{
	(void)format;
}

/* Config space by way of sysfs. */
static struct pci_access *open_access(void)
{
	struct pci_access *access = pci_alloc();

	access->method = PCI_ACCESS_SYS_BUS_PCI;
	access->error = give_up;
	access->warning = say_nothing; /* a read that fails gives all ones, which is noticed */
	access->debug = say_nothing;
	pci_init(access);
	return access;
}

static struct pci_dev *open_function(struct pci_access *access, uint64_t address)
{
	return pci_get_dev(access, (int)(address >> 16), (int)(address >> 8 & 0xff), (int)(address >> 3 & 0x1f),
			   (int)(address & 7));
}

static void read_serial(struct pci_dev *dev, uint32_t serial[2])
{
	const struct pci_cap *cap = pci_find_cap(dev, PCI_EXT_CAP_ID_DSN, PCI_CAP_EXTENDED);

	for (int i = 0; i < 2; i++)
		serial[i] = cap ? pci_read_long(dev, (int)cap->addr + 4 + 4 * i) : 0;
}

static void read_header(struct pci_dev *dev, struct clean_header *header)
{
	header->id = pci_read_long(dev, PCI_VENDOR_ID);
	header->class_revision = pci_read_long(dev, PCI_CLASS_REVISION);
	for (int i = 0; i < 6; i++)
		header->bars[i] = pci_read_long(dev, PCI_BASE_ADDRESS_0 + 4 * i);
	header->bars[6] = pci_read_long(dev, PCI_ROM_ADDRESS);
	read_serial(dev, header->serial);
}

static int stop_dma(struct pci_dev *dev, const char *text, struct failure *failure)
{
	uint16_t command = pci_read_word(dev, PCI_COMMAND);

	if (command & PCI_COMMAND_MASTER)
		pci_write_word(dev, PCI_COMMAND, (uint16_t)(command & ~PCI_COMMAND_MASTER));
	if (pci_read_word(dev, PCI_COMMAND) & PCI_COMMAND_MASTER)
		return failure_set(failure, -EIO, "%s: its bus mastering could not be switched off", text);
	return 0;
}

static int check_interrupts(struct pci_dev *dev, const char *text, struct failure *failure)
{
	const struct pci_cap *msi = pci_find_cap(dev, PCI_CAP_ID_MSI, PCI_CAP_NORMAL);
	const struct pci_cap *msix = pci_find_cap(dev, PCI_CAP_ID_MSIX, PCI_CAP_NORMAL);

	if (msi && pci_read_word(dev, (int)msi->addr + PCI_MSI_FLAGS) & PCI_MSI_FLAGS_ENABLE)
		return failure_set(failure, -EIO, "%s: its MSI is still on after the reset", text);
	if (msix && pci_read_word(dev, (int)msix->addr + PCI_CAP_FLAGS) & PCI_MSIX_ENABLE)
		return failure_set(failure, -EIO, "%s: its MSI-X is still on after the reset", text);
	return 0;
}

static int verify(struct pci_dev *dev, const char *text, const struct clean_header *before,
		  const struct clean_header *after, struct failure *failure)
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
	if (pci_read_word(dev, PCI_COMMAND) & PCI_COMMAND_MASTER)
		return failure_set(failure, -EIO, "%s: its bus mastering is on after the reset", text);
	return check_interrupts(dev, text, failure);
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
	struct pci_access *access = open_access();
	struct pci_dev *dev = open_function(access, address);
	struct failure failure;

	stop_dma(dev, "", &failure);
	pci_free_dev(dev);
	pci_cleanup(access);
}

void clean_look(uint64_t address, struct clean_header *header)
{
	struct pci_access *access = open_access();
	struct pci_dev *dev = open_function(access, address);

	read_header(dev, header);
	pci_free_dev(dev);
	pci_cleanup(access);
}

int clean_function(uint64_t address, enum clean_reset wanted, const struct clean_header *before,
		   struct clean_header *after, struct failure *failure)
{
	struct pci_access *access = open_access();
	struct pci_dev *dev = open_function(access, address);
	struct clean_header first, now;
	char text[PROTO_ADDRESS_LEN], control[8];
	int err;

	proto_address_format(address, text);
	keep_awake(address, control);
	read_header(dev, &first);
	err = stop_dma(dev, text, failure);
	if (!err)
		err = clean_reset(address, wanted, failure);
	if (!err) {
		read_header(dev, &now);
		err = verify(dev, text, before ? before : &first, &now, failure);
	}
	if (!err)
		*after = now;
	let_sleep(address, control);
	pci_free_dev(dev);
	pci_cleanup(access);
	return err;
}

int clean_for_host(uint64_t address, struct failure *failure)
{
	struct pci_access *access = open_access();
	struct pci_dev *dev = open_function(access, address);
	char text[PROTO_ADDRESS_LEN], control[8];
	struct failure reset;
	int err;

	proto_address_format(address, text);
	keep_awake(address, control);
	err = stop_dma(dev, text, failure);
	if (!err) {
		clean_reset(address, CLEAN_RESET_BEST_EFFORT, &reset);
		err = stop_dma(dev, text, failure);
	}
	if (err)
		failure_set(
			failure, err,
			"%s: its bus mastering could not be switched off, so that it could write to the host's memory; "
			"switch the machine off and on",
			text);
	let_sleep(address, control);
	pci_free_dev(dev);
	pci_cleanup(access);
	return err;
}
