/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "libpcicfg/pcicfg_people.h"
#include "libpcicfg/port.h"

#include <inttypes.h>
#include <linux/limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* A function of this machine: Documentation/PCI/sysfs-pci.rst */

/* <linux/ioport.h>, which is not for user space; sysfs prints them in "resource" all the same. */
#define IORESOURCE_IO	    0x00000100u
#define IORESOURCE_PREFETCH 0x00002000u
#define IORESOURCE_MEM_64   0x00100000u

static FILE *open_file(const char *root, const char *address, const char *name)
{
	char path[PATH_MAX];
	int length = snprintf(path, sizeof(path), "%s/bus/pci/devices/%s/%s", root, address, name);

	if (length < 0 || (size_t)length >= sizeof(path)) {
		errno = ENAMETOOLONG;
		return NULL;
	}
	return fopen(path, "re");
}

/* "config", or what is like it. */
static int read_space(const char *root, const char *address, const char *name, struct pcicfg_dump *dump)
{
	FILE *file = open_file(root, address, name);
	size_t size;
	int error = 0;

	if (!file)
		return -errno;
	size = fread(dump->memory, 1, sizeof(dump->memory), file);
	if (ferror(file))
		error = -errno;
	fclose(file);
	if (error)
		return error;
	dump->recorded = (__u16)size;
	dump->size = size > PCICFG_SIZE_PCI ? PCICFG_SIZE_PCIE : PCICFG_SIZE_PCI;
	return size < PCI_STD_HEADER_SIZEOF ? -EIO : 0;
}

static int read_number(const char *root, const char *address, const char *name, __u16 *number)
{
	FILE *file = open_file(root, address, name);
	unsigned int value;
	int fields;

	if (!file)
		return -errno;
	fields = fscanf(file, "%x", &value);
	fclose(file);
	if (fields != 1)
		return -EIO;
	*number = (__u16)value;
	return 0;
}

/* A line for each BAR and the ROM: first address, last address, flags. */
static int read_bars(const char *root, const char *address, struct pcicfg_facts *facts)
{
	FILE *file = open_file(root, address, "resource");
	uint64_t first, last, flags;
	unsigned int bar;

	if (!file)
		return -errno;
	for (bar = 0; bar < PCICFG_BARS && fscanf(file, "%" SCNx64 "%" SCNx64 "%" SCNx64, &first, &last, &flags) == 3;
	     bar++) {
		facts->bar[bar].length = flags ? last - first + 1 : 0;
		if (flags & IORESOURCE_IO)
			facts->bar[bar].flags |= PCICFG_BAR_IO;
		if (flags & IORESOURCE_PREFETCH)
			facts->bar[bar].flags |= PCICFG_BAR_PREFETCH;
		if (flags & IORESOURCE_MEM_64)
			facts->bar[bar].flags |= PCICFG_BAR_64BIT;
	}
	fclose(file);
	facts->bar[PCICFG_ROM].flags = 0;
	return bar == PCICFG_BARS ? 0 : -EIO;
}

static bool is_there(const char *root, const char *address, const char *name)
{
	char path[PATH_MAX];
	int length = snprintf(path, sizeof(path), "%s/bus/pci/devices/%s/%s", root, address, name);

	return length > 0 && (size_t)length < sizeof(path) && !access(path, F_OK);
}

int pcicfg_sysfs_read(const char *root, const char *address, struct pcicfg_dump *dump, struct pcicfg_facts *facts)
{
	struct pcicfg_dump read = { 0 };
	struct pcicfg_facts known = { 0 };
	int error = read_space(root, address, "config", &read);

	if (error == -ENOENT)
		return -ENODEV;
	if (!error)
		error = read_number(root, address, "vendor", &known.vendor);
	if (!error)
		error = read_number(root, address, "device", &known.device);
	if (!error)
		error = read_bars(root, address, &known);
	if (error)
		return error;
	known.size = read.size;
	known.flags = is_there(root, address, "physfn") ? PCICFG_VF : 0;
	*dump = read;
	*facts = known;
	return 0;
}

int pcicfg_sysfs_read_user(const char *root, const char *address, struct pcicfg_dump *dump)
{
	struct pcicfg_dump read = { 0 };
	int error = read_space(root, address, "user_config", &read);

	if (error == -ENOENT)
		return is_there(root, address, "config") ? -EOPNOTSUPP : -ENODEV;
	if (error == -ENODEV)
		return -ENOTCONN;
	if (!error)
		*dump = read;
	return error;
}
