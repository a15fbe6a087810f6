/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "libpcicfg/engine.h"

/* Accesses of any length, as a program makes them with pread() and pwrite(), cut into transactions. */

unsigned int pcicfg_piece(const struct pcicfg *cfg, __u64 offset, __u64 count)
{
	__u64 left = offset < cfg->size ? cfg->size - offset : 0;

	if (left > count)
		left = count;
	if (!(offset & 3) && left >= 4)
		return 4;
	if (!(offset & 1) && left >= 2)
		return 2;
	return left ? 1 : 0;
}

int pcicfg_read_bytes(const struct pcicfg *cfg, __u64 offset, void *buffer, __u64 count, __u64 *done)
{
	__u8 *bytes = buffer;
	unsigned int width, i;
	__u32 value;
	int error;

	for (*done = 0; (width = pcicfg_piece(cfg, offset + *done, count - *done)); *done += width) {
		error = pcicfg_read(cfg, (__u16)(offset + *done), width, &value);
		if (error)
			return error;
		for (i = 0; i < width; i++)
			bytes[*done + i] = (__u8)(value >> 8 * i);
	}
	return 0;
}

int pcicfg_write_bytes(struct pcicfg *cfg, __u64 offset, const void *buffer, __u64 count, __u64 *done,
		       struct pcicfg_events *events)
{
	const __u8 *bytes = buffer;
	unsigned int width, i;
	__u32 value;
	int error;

	events->count = 0;
	for (*done = 0; !events->count && (width = pcicfg_piece(cfg, offset + *done, count - *done)); *done += width) {
		value = 0;
		for (i = 0; i < width; i++)
			value |= (__u32)bytes[*done + i] << 8 * i;
		error = pcicfg_write(cfg, (__u16)(offset + *done), width, value, events);
		if (error)
			return error;
	}
	return 0;
}
