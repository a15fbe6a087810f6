/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "libpcicfg/engine.h"

/*
 * Every access of a user passes through this file. The tables say per bit what may happen, this says how:
 *
 *	read:	hardware's bits where virt is 0, ours where it is 1
 *	write:	to hardware where write is 1 and virt is 0, to ours where both are 1, nowhere else
 *
 * The work is the same for every register, however many capabilities there are.
 */

/*
 * The bits of one PCI transaction: 1, 2 or 4 bytes, aligned, within the space (PCIe 6.0 §2.2.7 knows no other). 0: it
 * is none.
 */
static inline __u32 transaction(const struct pcicfg *cfg, __u16 offset, unsigned int width)
{
	if (width > 4 || !(1u << width & (1u << 1 | 1u << 2 | 1u << 4)) || (offset & (width - 1)) ||
	    offset >= cfg->size)
		return 0;
	return 0xffffffffu >> (32 - 8 * width);
}

__u32 pcicfg_writable(const struct pcicfg *cfg, __u16 offset, unsigned int width)
{
	__u32 bits = transaction(cfg, offset, width);

	return bits ? row_of(cfg, offset)->write >> 8 * (offset & 3) & bits : 0;
}

enum pcicfg_mark pcicfg_mark(const struct pcicfg *cfg, __u16 offset)
{
	return offset < cfg->size ? (enum pcicfg_mark)row_of(cfg, offset)->mark : PCICFG_MARK_NONE;
}

int pcicfg_read(const struct pcicfg *cfg, __u16 offset, unsigned int width, __u32 *value)
{
	__u32 bits = transaction(cfg, offset, width), virt, ours;
	unsigned int shift = 8 * (offset & 3);
	int error;

	if (!bits)
		return -EINVAL;
	virt = row_of(cfg, offset)->virt >> shift & bits;
	if (!virt)
		return hw_read(cfg, offset, width, value);
	ours = user_dword(cfg, offset) >> shift & virt;
	if (virt != bits) {
		error = hw_read(cfg, offset, width, value);
		if (error)
			return error;
		ours |= *value & ~virt;
	}
	*value = ours;
	return 0;
}

/*
 * Brings the bits @pass of @value into hardware, and leaves those beside them, in the same @bits, as they are: a
 * read-modify-write. It writes 0 to rw1c bits: writing back the 1 that was read would clear what the host has not seen.
 */
static int write_beside(const struct pcicfg *cfg, const struct pcicfg_row *row, __u16 offset, unsigned int width,
			__u32 bits, __u32 pass, __u32 value, __u32 *hw)
{
	int error = hw_read(cfg, offset, width, hw);

	if (error)
		return error;
	/* No register that is in part the host's has all bits set: nobody answered, and nothing is to be kept. */
	if (width > 1 && *hw == bits)
		return -ENODEV;
	value &= pass;
	value |= *hw & ~pass & ~(row->rw1c >> 8 * (offset & 3));
	return hw_write(cfg, offset, width, value);
}

/* A register that has virtual bits, bits of the host, or a side effect. */
static noinline int write_mixed(struct pcicfg *cfg, const struct pcicfg_row *row, __u16 offset, unsigned int width,
				__u32 bits, __u32 value, struct pcicfg_events *events)
{
	unsigned int shift = 8 * (offset & 3);
	__u32 may = row->write >> shift & bits, pass = may & ~(row->virt >> shift), hw = 0;
	struct change change;
	int error;

	if (pass) {
		error = write_beside(cfg, row, offset, width, bits, pass, value, &hw);
		if (error)
			return error;
	}
	change.before = user_dword(cfg, offset);
	change.after = (change.before & ~(may << shift)) | (value & may) << shift;
	set_user_dword(cfg, offset, change.after);
	if (row->mark) {
		change.offset = offset & ~3;
		change.lanes = bits << shift;
		change.hw = hw << shift;
		change.hw_lanes = pass ? change.lanes : 0;
		pcicfg_effect(cfg, (enum pcicfg_mark)row->mark, &change, events);
	}
	return 0;
}

int pcicfg_write(struct pcicfg *cfg, __u16 offset, unsigned int width, __u32 value, struct pcicfg_events *events)
{
	__u32 bits = transaction(cfg, offset, width), pass;
	const struct pcicfg_row *row;

	events->count = 0;
	if (!bits)
		return -EINVAL;
	row = row_of(cfg, offset);
	pass = (row->write & ~row->virt) >> 8 * (offset & 3);
	if ((pass & bits) == bits && !row->mark)
		return hw_write(cfg, offset, width, value & bits);
	return write_mixed(cfg, row, offset, width, bits, value, events);
}
