/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vfiod/space.h"

#include "proto/address.h"

#include <endian.h>
#include <fcntl.h>
#include <linux/pci_regs.h>
#include <stdio.h>
#include <unistd.h>

#define CAPS_MAX ((256 - PCI_STD_HEADER_SIZEOF) / 4) /* more than these is a loop */

int space_open(uint64_t address)
{
	char text[PROTO_ADDRESS_LEN], path[64];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/config", proto_address_format(address, text));
	return open(path, O_RDWR | O_CLOEXEC);
}

void space_close(int space)
{
	if (space >= 0)
		close(space);
}

uint16_t space_read16(int space, unsigned int offset)
{
	uint16_t value;

	return pread(space, &value, sizeof(value), offset) == sizeof(value) ? le16toh(value) : UINT16_MAX;
}

uint32_t space_read32(int space, unsigned int offset)
{
	uint32_t value;

	return pread(space, &value, sizeof(value), offset) == sizeof(value) ? le32toh(value) : UINT32_MAX;
}

void space_write16(int space, unsigned int offset, uint16_t value)
{
	value = htole16(value);
	if (pwrite(space, &value, sizeof(value), offset) != sizeof(value))
		return; /* who wrote it reads it back */
}

unsigned int space_find(int space, uint8_t id)
{
	uint16_t status = space_read16(space, PCI_STATUS);
	unsigned int at = 0;

	if (status & PCI_STATUS_CAP_LIST && status != UINT16_MAX)
		at = space_read16(space, PCI_CAPABILITY_LIST) & 0xfc;
	for (int i = 0; i < CAPS_MAX && at >= PCI_STD_HEADER_SIZEOF; i++) {
		uint16_t header = space_read16(space, at);

		if (header == UINT16_MAX)
			return 0;
		if ((header & 0xff) == id)
			return at;
		at = header >> 8 & 0xfc;
	}
	return 0;
}
