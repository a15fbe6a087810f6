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

/* One PCI transaction: 1, 2 or 4 bytes, aligned, within the space (PCIe 6.0 §2.2.7.1 knows no other). */
static bool is_transaction(const struct pcicfg *cfg, __u16 offset, unsigned int width)
{
	return (width == 1 || width == 2 || width == 4) && !(offset & (width - 1)) && offset < cfg->size;
}

enum pcicfg_mark pcicfg_mark(const struct pcicfg *cfg, __u16 offset)
{
	return offset < cfg->size ? (enum pcicfg_mark)row_of(cfg, offset)->mark : PCICFG_MARK_NONE;
}

int pcicfg_read(const struct pcicfg *cfg, __u16 offset, unsigned int width, __u32 *value)
{
	const struct pcicfg_row *row;
	unsigned int shift = 8 * (offset & 3);
	__u32 lanes, hw = 0;
	int error;

	if (!is_transaction(cfg, offset, width))
		return -EINVAL;
	row = row_of(cfg, offset);
	lanes = lanes_of(offset, width);
	if (lanes & ~row->virt) {
		error = hw_read(cfg, offset, width, &hw);
		if (error)
			return error;
		hw <<= shift;
	}
	*value = (((hw & ~row->virt) | (user_dword(cfg, offset) & row->virt)) & lanes) >> shift;
	return 0;
}

/*
 * Brings the bits of @pass into hardware as @change->after has them. Where there are others beside them this is a
 * read-modify-write: they keep their value, but for rw1c bits, to which writing back the 1 that was read would clear
 * what the host has not seen yet.
 */
static int write_through(const struct pcicfg *cfg, const struct pcicfg_row *row, unsigned int width, __u16 offset,
			 __u32 pass, struct change *change)
{
	unsigned int shift = 8 * (offset & 3);
	__u32 hw, keep = 0;
	int error;

	if (pass != change->lanes) {
		error = hw_read(cfg, offset, width, &hw);
		if (error)
			return error;
		change->hw = hw << shift;
		/* No register that is in part the host's has all bits set: nobody answered, and nothing is to be kept.
		 */
		if (width > 1 && (change->hw & change->lanes) == change->lanes)
			return -ENODEV;
		change->hw_lanes = change->lanes;
		keep = change->hw & ~pass & ~row->rw1c;
	}
	return hw_write(cfg, offset, width, ((keep | (change->after & pass)) & change->lanes) >> shift);
}

int pcicfg_write(struct pcicfg *cfg, __u16 offset, unsigned int width, __u32 value, struct pcicfg_events *events)
{
	const struct pcicfg_row *row;
	struct change change;
	__u32 may, pass;
	int error;

	events->count = 0;
	if (!is_transaction(cfg, offset, width))
		return -EINVAL;
	row = row_of(cfg, offset);
	change.lanes = lanes_of(offset, width);
	change.hw_lanes = 0;
	change.before = user_dword(cfg, offset);
	may = row->write & change.lanes;
	change.after = (change.before & ~may) | (value << 8 * (offset & 3) & may);
	pass = may & ~row->virt;
	if (pass) {
		error = write_through(cfg, row, width, offset, pass, &change);
		if (error)
			return error;
	}
	set_user_dword(cfg, offset, change.after);
	if (row->mark) {
		change.offset = offset & ~3;
		pcicfg_effect(cfg, (enum pcicfg_mark)row->mark, &change, events);
	}
	return 0;
}
