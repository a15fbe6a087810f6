/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "libpcicfg/engine.h"
#include "libpcicfg/names.h"

const char *pcicfg_condition_name(enum pcicfg_condition condition)
{
	static const char *const names[PCICFG_CONDITIONS] = {
		[PCICFG_HIDDEN] = "hidden",   [PCICFG_FIXED] = "fixed",	  [PCICFG_READ_ONLY] = "read-only",
		[PCICFG_VIRTUAL] = "virtual", [PCICFG_PASSED] = "passed",
	};

	return names[condition];
}

/* Of the bits that are ours and do not change: those with which nothing is said. */
static __u32 hidden_bits(__u16 entry)
{
	switch (entry) {
	case ENTRY(TABLE_PLAIN, PLAIN_EXT_HEADER):
		return 0;
	case ENTRY(TABLE_PLAIN, PLAIN_STD_HEADER_ONLY):
	case ENTRY(TABLE_PLAIN, PLAIN_STD_HEADER):
	case ENTRY(TABLE_PLAIN, PLAIN_STD_HEADER_3):
	case ENTRY(TABLE_PLAIN, PLAIN_STD_HEADER_RAW):
		return ~STD_HEADER;
	default:
		return entry >> 8 == TABLE_PLAIN ? ALL : 0;
	}
}

/* Of the virtual bits of a dword those that this function has: a BAR's are as many as it is long. */
static __u32 existing_bits(const struct pcicfg *cfg, __u16 offset)
{
	offset &= ~3;
	switch (row_of(cfg, offset)->mark) {
	case PCICFG_MARK_BAR:
		return cfg->bar_mask[offset == PCI_ROM_ADDRESS ? PCICFG_ROM : (offset - PCI_BASE_ADDRESS_0) / 4];
	case PCICFG_MARK_MSI_MASK:
		return (__u32)((1ull << cfg->msi_vectors) - 1);
	default:
		return ALL;
	}
}

/* Fixed bits that are 0 and of no register that there is. */
static __u32 absent_bits(const struct pcicfg *cfg, __u16 offset)
{
	offset &= ~3;
	if (offset == 0x38 ||
	    (row_of(cfg, offset)->mark == PCICFG_MARK_BAR && !user_dword(cfg, offset) && !existing_bits(cfg, offset)))
		return ALL;
	return hidden_bits(cfg->map[offset / 4]);
}

void pcicfg_conditions(const struct pcicfg *cfg, __u16 offset, __u32 masks[PCICFG_CONDITIONS])
{
	const struct pcicfg_row *row = row_of(cfg, offset);
	__u32 write = row->write & existing_bits(cfg, offset), fixed = row->virt & ~write;
	__u32 hidden = fixed & absent_bits(cfg, offset);

	masks[PCICFG_HIDDEN] = hidden;
	masks[PCICFG_FIXED] = fixed & ~hidden;
	masks[PCICFG_READ_ONLY] = ~row->virt & ~row->write;
	masks[PCICFG_VIRTUAL] = row->virt & write;
	masks[PCICFG_PASSED] = ~row->virt & row->write;
}

/* Whether the user's chain has a capability at @offset. */
static bool is_linked(const struct pcicfg *cfg, __u16 offset, bool is_extended)
{
	__u32 at = is_extended ? PCICFG_SIZE_PCI : user_dword(cfg, PCI_CAPABILITY_LIST);

	while (at && at != offset)
		at = is_extended ? user_dword(cfg, (__u16)at) >> 20 : user_dword(cfg, (__u16)at) >> 8 & 0xff;
	return at && (!is_extended || (user_dword(cfg, offset) & 0xfffff));
}

static int describe(const struct pcicfg *cfg, __u16 offset, __u32 header, struct pcicfg_found *found)
{
	const struct pcicfg_capability *capability = NULL;
	__u16 table = cfg->map[offset / 4] >> 8;
	struct shape shape;
	int error;

	memset(found, 0, sizeof(*found));
	found->offset = offset;
	found->is_extended = offset >= PCICFG_SIZE_PCI;
	found->id = (__u16)(header & (found->is_extended ? 0xffff : 0xff));
	found->is_shown = is_linked(cfg, offset, found->is_extended);
	found->length = PCI_CAP_SIZEOF;
	if (found->is_extended && found->id < PCICFG_EXT_CAPS)
		capability = &pcicfg_ext_caps[found->id];
	if (!found->is_extended && found->id < PCICFG_STD_CAPS)
		capability = &pcicfg_std_caps[found->id];
	if (!capability)
		return 0;
	found->name = capability->name;
	found->why = capability->why;
	error = pcicfg_shape(cfg, capability, offset, header, found->is_extended ? cfg->size : PCICFG_SIZE_PCI, &shape);
	if (error)
		return error;
	found->length = shape.length;
	if (found->is_shown && table)
		found->registers = pcicfg_names(table, &found->register_count);
	else
		found->registers = pcicfg_names_without_table(found->is_extended, found->id, &found->register_count);
	/* what it has not got, or lies about */
	while (found->register_count && found->registers[found->register_count - 1].offset >= found->length)
		found->register_count--;
	return 0;
}

/* A chain of the hardware from @offset on; @seen keeps a loop from being walked for ever. */
static int chain(const struct pcicfg *cfg, __u16 offset, struct pcicfg_found *found, int count)
{
	__u32 seen[PCICFG_DWORDS / 32] = { 0 }, header;
	bool is_extended = offset >= PCICFG_SIZE_PCI;
	int error;

	while (count < PCICFG_FOUND_MAX && offset >= (is_extended ? PCICFG_SIZE_PCI : PCI_STD_HEADER_SIZEOF) &&
	       !(seen[offset / 128] >> (offset / 4 % 32) & 1)) {
		error = hw_read(cfg, offset, 4, &header);
		if (error)
			return error;
		if (header == 0xffffffffu || (is_extended && !header))
			break;
		seen[offset / 128] |= 1u << (offset / 4 % 32);
		error = describe(cfg, offset, header, &found[count++]);
		if (error)
			return error;
		offset = is_extended ? header >> 20 & 0xffc : header >> 8 & 0xfc;
	}
	return count;
}

int pcicfg_find(const struct pcicfg *cfg, struct pcicfg_found found[PCICFG_FOUND_MAX])
{
	__u32 status, pointer;
	int error = hw_read(cfg, PCI_STATUS, 2, &status), count = 1;

	if (!error)
		error = hw_read(cfg, PCI_CAPABILITY_LIST, 1, &pointer);
	if (error)
		return error;
	memset(&found[0], 0, sizeof(found[0]));
	found[0].is_shown = true;
	found[0].length = PCI_STD_HEADER_SIZEOF;
	found[0].name = "Header";
	found[0].why = "Type 0.";
	found[0].registers = pcicfg_names(TABLE_HEADER, &found[0].register_count);
	if (status & PCI_STATUS_CAP_LIST)
		count = chain(cfg, pointer & 0xfc, found, count);
	if (count > 0 && cfg->size > PCICFG_SIZE_PCI)
		count = chain(cfg, PCICFG_SIZE_PCI, found, count);
	return count;
}
