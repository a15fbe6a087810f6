/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef PROTO_ADDRESS_H
#define PROTO_ADDRESS_H

#include <stdint.h>

/* "dddddddd:bb:ss.f" and its NUL */
#define PROTO_ADDRESS_LAST ((UINT64_C(1) << 48) - 1) /* 32 bits of domain, 16 of bus, slot and function */
#define PROTO_ADDRESS_LEN  18

/**
 * proto_address_parse() - read the address of a PCI function.
 * @text: "dddd:bb:ss.f" with a domain of 4 to 8 hexadecimal digits, or "bb:ss.f" in domain 0
 * @address: the result, domain << 16 | bus << 8 | slot << 3 | function; untouched on error
 *
 * Return: 0, or -EINVAL for anything else, also where something follows the address.
 */
int proto_address_parse(const char *text, uint64_t *address);

/**
 * proto_address_format() - write an address the way the kernel names it in sysfs ("0000:01:00.0").
 * @address: as proto_address_parse() gives it
 * @text: room for the result
 *
 * Return: @text.
 */
const char *proto_address_format(uint64_t address, char text[PROTO_ADDRESS_LEN]);

#endif
