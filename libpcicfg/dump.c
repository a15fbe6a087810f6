/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "libpcicfg/pcicfg_people.h"
#include "libpcicfg/port.h"

#include <stdio.h>

/* Recorded config spaces. */

static int dump_read(void *context, __u16 offset, unsigned int width, __u32 *value)
{
	const struct pcicfg_dump *dump = context;
	unsigned int i;

	*value = 0;
	for (i = 0; i < width; i++)
		*value |= (__u32)dump->memory[offset + i] << 8 * i;
	return 0;
}

static int dump_write(void *context, __u16 offset, unsigned int width, __u32 value)
{
	struct pcicfg_dump *dump = context;
	unsigned int i;

	for (i = 0; i < width; i++)
		dump->memory[offset + i] = (__u8)(value >> 8 * i);
	return 0;
}

const struct pcicfg_hw pcicfg_dump_hw = { dump_read, dump_write };

/* The value of one hexadecimal digit, or -1. */
static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* The value of two of them, or -1. */
static int byte(const char *digits)
{
	int high = digit(digits[0]), low = digit(digits[1]);

	return high < 0 || low < 0 ? -1 : high * 16 + low;
}

/* "1f0: 00 01 ..." Returns how many bytes the line has, 0 for another line, or -EILSEQ. */
static int parse_line(struct pcicfg_dump *dump, const char *line, size_t length, size_t *offset)
{
	size_t at = 0, count = 0;
	int value;

	for (*offset = 0; at < length && at < 4 && digit(line[at]) >= 0; at++)
		*offset = *offset * 16 + (size_t)digit(line[at]);
	if (!at || at + 1 >= length || line[at] != ':' || line[at + 1] != ' ')
		return 0;
	for (at++; at + 2 < length && line[at] == ' '; at += 3) {
		value = byte(line + at + 1);
		if (value < 0)
			break;
		if (*offset + count >= sizeof(dump->memory))
			return -EILSEQ;
		dump->memory[*offset + count++] = (__u8)value;
	}
	return (int)count;
}

static int parse_text(struct pcicfg_dump *dump, const char *text, size_t size, size_t *end)
{
	const char *line = text, *stop = text + size;

	for (*end = 0; line < stop;) {
		const char *next = memchr(line, '\n', (size_t)(stop - line));
		size_t length = (size_t)((next ? next : stop) - line), offset;
		int count = parse_line(dump, line, length, &offset);

		if (count < 0)
			return count;
		/* the next function begins, or a piece is missing */
		if (count && offset != *end)
			return offset ? -EILSEQ : 0;
		*end += (size_t)count;
		line += length + 1;
	}
	return 0;
}

/* As many bytes as sysfs has: without privilege, of a conventional function, of one of PCI Express. */
static bool is_raw_size(size_t size)
{
	return size == PCI_STD_HEADER_SIZEOF || size == PCICFG_SIZE_PCI || size == PCICFG_SIZE_PCIE;
}

int pcicfg_dump_parse(struct pcicfg_dump *dump, const void *data, size_t size)
{
	struct pcicfg_dump read = { 0 };
	size_t end = 0;
	int error = parse_text(&read, data, size, &end);

	if (error)
		return error;
	if (!end && is_raw_size(size)) {
		memcpy(read.memory, data, size);
		end = size;
	}
	if (end < PCI_STD_HEADER_SIZEOF)
		return end ? -ENODATA : -EINVAL;
	read.recorded = (__u16)end;
	read.size = end > PCICFG_SIZE_PCI ? PCICFG_SIZE_PCIE : PCICFG_SIZE_PCI;
	*dump = read;
	return 0;
}

/* How long a BAR with this address may be: as far as the address is aligned. */
static __u64 guess_length(__u64 address, __u64 least)
{
	__u64 length = address & -address;

	if (!length || length > 1 << 20)
		return 1 << 20;
	return length < least ? least : length;
}

static unsigned int guess_bar(const struct pcicfg_dump *dump, unsigned int bar, struct pcicfg_facts *facts)
{
	__u32 low, high = 0;

	dump_read((void *)dump, (__u16)(PCI_BASE_ADDRESS_0 + 4 * bar), 4, &low);
	if (!low)
		return 1;
	if (low & PCI_BASE_ADDRESS_SPACE_IO) {
		facts->bar[bar].flags = PCICFG_BAR_IO;
		facts->bar[bar].length = low & ~3u ? guess_length(low & ~3u, 4) : 256;
		return 1;
	}
	facts->bar[bar].flags = low & PCI_BASE_ADDRESS_MEM_PREFETCH ? PCICFG_BAR_PREFETCH : 0;
	if ((low & PCI_BASE_ADDRESS_MEM_TYPE_MASK) == PCI_BASE_ADDRESS_MEM_TYPE_64 && bar < 5) {
		facts->bar[bar].flags |= PCICFG_BAR_64BIT;
		dump_read((void *)dump, (__u16)(PCI_BASE_ADDRESS_0 + 4 * bar + 4), 4, &high);
	}
	facts->bar[bar].length = guess_length((__u64)high << 32 | (low & ~15u), 16);
	return facts->bar[bar].flags & PCICFG_BAR_64BIT ? 2 : 1;
}

void pcicfg_dump_facts(const struct pcicfg_dump *dump, struct pcicfg_facts *facts)
{
	__u32 vendor, device, rom;
	unsigned int bar = 0;

	memset(facts, 0, sizeof(*facts));
	dump_read((void *)dump, PCI_VENDOR_ID, 2, &vendor);
	dump_read((void *)dump, PCI_DEVICE_ID, 2, &device);
	dump_read((void *)dump, PCI_ROM_ADDRESS, 4, &rom);
	facts->size = dump->size;
	facts->vendor = (__u16)vendor;
	facts->device = (__u16)device;
	facts->flags = vendor == 0xffff ? PCICFG_VF : 0;
	while (bar < PCICFG_ROM)
		bar += guess_bar(dump, bar, facts);
	facts->bar[PCICFG_ROM].length =
		rom & PCI_ROM_ADDRESS_MASK ? guess_length(rom & PCI_ROM_ADDRESS_MASK, 0x800) : 0;
}
