/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vfiod/serial.h"

#include "proto/address.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/pci_regs.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EXTENDED_BEGIN 0x100
#define CAPS_MAX       ((4096 - EXTENDED_BEGIN) / 8) /* more than these is a loop */

int serial_parse(const char *text, uint64_t *serial)
{
	char digits[17];
	size_t count = 0;

	if (strlen(text) != 23)
		return -EINVAL;
	for (size_t i = 0; i < 23; i++) {
		if (i % 3 == 2 ? text[i] != '-' : !strchr("0123456789abcdefABCDEF", text[i]))
			return -EINVAL;
		if (i % 3 != 2)
			digits[count++] = text[i];
	}
	digits[count] = '\0';
	*serial = strtoull(digits, NULL, 16);
	return *serial ? 0 : -EINVAL;
}

static bool read_dword(int config, unsigned int offset, uint32_t *value)
{
	uint32_t raw;

	if (pread(config, &raw, sizeof(raw), offset) != sizeof(raw))
		return false;
	*value = le32toh(raw);
	return true;
}

uint64_t serial_find(int config)
{
	unsigned int at = EXTENDED_BEGIN;
	uint32_t header, low, high;

	for (unsigned int i = 0; i < CAPS_MAX && at >= EXTENDED_BEGIN; i++) {
		/* a function that is gone reads as ones */
		if (!read_dword(config, at, &header) || !header || header == UINT32_MAX)
			return 0;
		if (PCI_EXT_CAP_ID(header) == PCI_EXT_CAP_ID_DSN)
			return read_dword(config, at + 4, &low) && read_dword(config, at + 8, &high)
				       ? (uint64_t)high << 32 | low
				       : 0;
		at = PCI_EXT_CAP_NEXT(header);
	}
	return 0;
}

int serial_read(uint64_t address, uint64_t *serial)
{
	char text[PROTO_ADDRESS_LEN], path[64];
	int config;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/config", proto_address_format(address, text));
	config = open(path, O_RDONLY | O_CLOEXEC);
	if (config < 0)
		return -errno;
	*serial = serial_find(config);
	close(config);
	return 0;
}
