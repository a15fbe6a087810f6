/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "libpcicfg/engine.h"

/*
 * The walk along the hardware's two chains, and the user's chains that come out of it.
 *
 * The chains are the function's word, and nothing in them is believed. A pointer below its space ends a chain, and so
 * does one to a header that was visited before: both walks end. What is not shown is left out of the user's chain. A
 * dword that two capabilities claim is nobody's: it is hidden, since one of the two might be the host's; of a header
 * that is in the user's chain already, id and next pointer stay.
 */

#define WORDS (PCICFG_DWORDS / 32)

_Static_assert(PCICFG_STD_CAPS <= 32 && PCICFG_EXT_CAPS <= 64, "struct walk has a bit for each known id");

struct walk {
	struct pcicfg *cfg;
	__u32 claimed[WORDS]; /* dwords that belong to a capability, also to a hidden one */
	__u32 visited[WORDS]; /* headers that the walk was at */
	__u32 linked[WORDS];  /* headers of the user's chain */
	__u32 seen_std;	      /* ids */
	__u64 seen_ext;
	__u16 end;  /* of the space that is walked */
	__u16 tail; /* the header that the next one is linked to; 0: the pointer in the type 0 header */
};

static bool is_in(const __u32 *set, __u16 offset)
{
	return set[offset / 128] >> (offset / 4 % 32) & 1;
}

static void put_in(__u32 *set, __u16 offset)
{
	set[offset / 128] |= 1u << (offset / 4 % 32);
}

/* ---- which dword is whose ---- */

static void claim_twice(struct walk *walk, __u16 offset)
{
	struct pcicfg *cfg = walk->cfg;

	if (!is_in(walk->linked, offset)) {
		cfg->map[offset / 4] = ENTRY(TABLE_PLAIN, PLAIN_HIDDEN);
		set_user_dword(cfg, offset, 0);
	} else if (offset < PCICFG_SIZE_PCI) {
		cfg->map[offset / 4] = ENTRY(TABLE_PLAIN, PLAIN_STD_HEADER_ONLY);
		set_user_dword(cfg, offset, user_dword(cfg, offset) & 0xffff);
	}
}

static int claim(struct walk *walk, __u16 offset, __u16 entry)
{
	struct pcicfg *cfg = walk->cfg;
	const struct pcicfg_row *row;
	__u32 hw;
	int error;

	if (is_in(walk->claimed, offset)) {
		claim_twice(walk, offset);
		return 0;
	}
	put_in(walk->claimed, offset);
	cfg->map[offset / 4] = entry;
	row = row_of(cfg, offset);
	if (!row->start)
		return 0;
	error = hw_read(cfg, offset, 4, &hw);
	if (!error)
		set_user_dword(cfg, offset, hw & row->start);
	return error;
}

/* The row of dword @index of a capability. */
static __u16 entry_of(const struct shape *shape, unsigned int index)
{
	unsigned int left = shape->length - 4 * index, last;

	if (shape->decision == DECISION_HIDDEN)
		return ENTRY(TABLE_PLAIN, PLAIN_HIDDEN);
	/* The rows follow each other: all of a dword, its first byte, two, three. */
	if (index && left < 4 && shape->has_tail)
		return ENTRY(TABLE_PLAIN, PLAIN_READ + left);
	if (shape->table == TABLE_PLAIN)
		return ENTRY(TABLE_PLAIN, index ? shape->rest : shape->first);
	last = pcicfg_tables[shape->table].count - 1u;
	return ENTRY(shape->table, index < last ? index : last);
}

static int claim_all(struct walk *walk, __u16 pos, const struct shape *shape)
{
	unsigned int index;
	int error = 0;

	for (index = 0; !error && 4 * index < shape->length && pos + 4 * index < walk->end; index++)
		error = claim(walk, (__u16)(pos + 4 * index), entry_of(shape, index));
	return error;
}

/* ---- the user's chain ---- */

/* Ends the chain in the capability at @pos, whose id (and version) are in @header. */
static void link_std(struct walk *walk, __u16 pos, __u32 header)
{
	struct pcicfg *cfg = walk->cfg;

	if (walk->tail)
		set_user_dword(cfg, walk->tail, user_dword(cfg, walk->tail) | (__u32)pos << 8);
	else
		set_user_dword(cfg, PCI_CAPABILITY_LIST, pos);
	set_user_dword(cfg, pos, user_dword(cfg, pos) | (header & 0xff));
	put_in(walk->linked, pos);
	walk->tail = pos;
}

/*
 * The chain begins at 0x100, whatever is there. A hidden capability that is first leaves a null capability behind: id 0
 * and version 0 (PCIe 6.0 §7.9.28), and, when nothing follows, the sign for "none" (§7.6.1).
 */
static void link_ext(struct walk *walk, __u16 pos, __u32 header)
{
	struct pcicfg *cfg = walk->cfg;

	if (pos != PCICFG_SIZE_PCI)
		set_user_dword(cfg, walk->tail, user_dword(cfg, walk->tail) | (__u32)pos << 20);
	set_user_dword(cfg, pos, header & 0xfffff);
	put_in(walk->linked, pos);
	walk->tail = pos;
}

/* ---- what the engine has to know of a capability ---- */

static void note_pm(struct pcicfg *cfg, __u16 pos, __u32 header)
{
	cfg->pm = pos;
	cfg->flags |= (header >> 16 & PCI_PM_CAP_D1 ? CFG_D1 : 0) | (header >> 16 & PCI_PM_CAP_D2 ? CFG_D2 : 0);
}

static void note_msi(struct pcicfg *cfg, __u16 pos, __u32 header)
{
	unsigned int log = (header >> 16 & PCI_MSI_FLAGS_QMASK) >> 1;

	cfg->msi = pos;
	cfg->msi_vectors = (__u16)(1u << (log < 5 ? log : 5)); /* 6 and 7 are reserved */
	if (header >> 16 & PCI_MSI_FLAGS_MASKBIT)
		cfg->msi_mask = pos + (header >> 16 & PCI_MSI_FLAGS_64BIT ? PCI_MSI_MASK_64 : PCI_MSI_MASK_32);
}

static void note_msix(struct pcicfg *cfg, __u16 pos, __u32 header)
{
	cfg->msix = pos;
	cfg->msix_vectors = (__u16)((header >> 16 & PCI_MSIX_FLAGS_QSIZE) + 1);
}

static void note_vpd(struct pcicfg *cfg, __u16 pos, __u32 header)
{
	(void)header;
	cfg->vpd = pos;
}

static void note_exp(struct pcicfg *cfg, __u16 pos, __u32 header)
{
	(void)header;
	cfg->exp = pos;
}

static void note_af(struct pcicfg *cfg, __u16 pos, __u32 header)
{
	const __u32 both = PCI_AF_CAP_TP | PCI_AF_CAP_FLR;

	(void)pos;
	if ((header >> 24 & both) == both)
		cfg->flags |= CFG_AF_FLR;
}

static void (*const notes[PCICFG_STD_CAPS])(struct pcicfg *, __u16, __u32) = {
	[PCI_CAP_ID_PM] = note_pm,   [PCI_CAP_ID_MSI] = note_msi, [PCI_CAP_ID_MSIX] = note_msix,
	[PCI_CAP_ID_VPD] = note_vpd, [PCI_CAP_ID_EXP] = note_exp, [PCI_CAP_ID_AF] = note_af,
};

/* ---- the two walks ---- */

/* What is not in the tables: nobody decided about it, so nobody sees it. */
static const struct pcicfg_capability unknown = { .decision = DECISION_HIDDEN, .length = 4, .many = 1 };

/* Takes the capability at @pos in. @again: there was one of its kind before, and there can be one only. */
static int place(struct walk *walk, const struct pcicfg_capability *capability, bool again, __u16 pos, __u32 header,
		 bool *shown)
{
	struct shape shape;
	int error = pcicfg_shape(walk->cfg, capability, pos, header, walk->end, &shape);

	if (error)
		return error;
	if ((again && !capability->many) || is_in(walk->claimed, pos))
		shape.decision = DECISION_HIDDEN;
	*shown = shape.decision != DECISION_HIDDEN;
	return claim_all(walk, pos, &shape);
}

static int place_std(struct walk *walk, __u16 pos, __u32 header)
{
	unsigned int id = header & 0xff;
	bool is_known = id < PCICFG_STD_CAPS, again = is_known && (walk->seen_std >> id & 1), shown;
	int error = place(walk, is_known ? &pcicfg_std_caps[id] : &unknown, again, pos, header, &shown);

	if (error)
		return error;
	if (is_known)
		walk->seen_std |= 1u << id;
	if (!shown)
		return 0;
	link_std(walk, pos, header);
	if (notes[id])
		notes[id](walk->cfg, pos, header);
	return 0;
}

static int place_ext(struct walk *walk, __u16 pos, __u32 header)
{
	unsigned int id = header & 0xffff;
	bool is_known = id < PCICFG_EXT_CAPS, again = is_known && (walk->seen_ext >> id & 1), shown;
	int error = place(walk, is_known ? &pcicfg_ext_caps[id] : &unknown, again, pos, header, &shown);

	if (error)
		return error;
	if (is_known)
		walk->seen_ext |= 1ull << id;
	if (shown)
		link_ext(walk, pos, header);
	return 0;
}

static int walk_std(struct walk *walk)
{
	__u32 value;
	__u16 pos;
	int error = hw_read(walk->cfg, PCI_STATUS, 2, &value);

	if (error || !(value & PCI_STATUS_CAP_LIST))
		return error;
	error = hw_read(walk->cfg, PCI_CAPABILITY_LIST, 1, &value);
	walk->end = PCICFG_SIZE_PCI;
	/* PCIe 6.0 §7.5.1.1.11: the low two bits of a pointer are to be masked. */
	for (pos = value & 0xfc; !error && pos >= PCI_STD_HEADER_SIZEOF && !is_in(walk->visited, pos);
	     pos = value >> 8 & 0xfc) {
		error = hw_read(walk->cfg, pos, 4, &value);
		if (error || (value & 0xff) == 0xff)
			break;
		put_in(walk->visited, pos);
		error = place_std(walk, pos, value);
	}
	return error;
}

static int walk_ext(struct walk *walk)
{
	__u16 pos = PCICFG_SIZE_PCI;
	__u32 value;
	int error = 0;

	walk->end = walk->cfg->size;
	walk->tail = pos;
	put_in(walk->linked, pos);
	for (; !error && pos >= PCICFG_SIZE_PCI && pos < walk->end && !is_in(walk->visited, pos);
	     pos = value >> 20 & 0xffc) {
		error = hw_read(walk->cfg, pos, 4, &value);
		if (error || !value || (value & 0xffff) == 0xffff)
			break;
		put_in(walk->visited, pos);
		error = place_ext(walk, pos, value);
	}
	return error;
}

/* ---- after the walks ---- */

/* Whether all of a capability's first @count dwords are still its own. */
static bool is_whole(const struct pcicfg *cfg, __u16 pos, unsigned int count)
{
	__u16 entry = cfg->map[pos / 4];
	unsigned int index;

	for (index = 0; index < count; index++)
		if (cfg->map[pos / 4 + index] != (entry | index) || !(entry >> 8))
			return false;
	return true;
}

/* A capability that lost a dword to another has no side effects any more. */
static void forget_broken(struct pcicfg *cfg)
{
	if (cfg->pm && !is_whole(cfg, cfg->pm, 2))
		cfg->pm = 0;
	if (cfg->vpd && !is_whole(cfg, cfg->vpd, 2))
		cfg->vpd = 0;
	if (cfg->msix && !is_whole(cfg, cfg->msix, 1))
		cfg->msix = cfg->msix_vectors = 0;
	if (cfg->exp && !is_whole(cfg, cfg->exp, 3))
		cfg->exp = 0;
	if (cfg->msi && !is_whole(cfg, cfg->msi, pcicfg_tables[cfg->map[cfg->msi / 4] >> 8].count))
		cfg->msi = cfg->msi_mask = 0;
}

static void open_gaps(struct walk *walk, const struct pcicfg_facts *facts)
{
	const struct pcicfg_quirk *quirk;
	unsigned int offset;

	for (quirk = pcicfg_quirks; quirk < pcicfg_quirks + pcicfg_quirk_count; quirk++) {
		if (quirk->vendor != facts->vendor || quirk->device != facts->device)
			continue;
		for (offset = quirk->first; offset < quirk->last && offset < walk->cfg->size; offset += 4)
			if (!is_in(walk->claimed, (__u16)offset))
				walk->cfg->map[offset / 4] = ENTRY(TABLE_PLAIN, quirk->row);
	}
}

static int claim_header(struct walk *walk)
{
	enum pcicfg_table_id table = walk->cfg->flags & CFG_VF ? TABLE_HEADER_VF : TABLE_HEADER;
	unsigned int index;
	int error = 0;

	for (index = 0; !error && index < PCI_STD_HEADER_SIZEOF / 4; index++)
		error = claim(walk, (__u16)(4 * index), ENTRY(table, index));
	return error;
}

int pcicfg_walk(struct pcicfg *cfg, const struct pcicfg_facts *facts)
{
	struct walk walk = { .cfg = cfg };
	int error = claim_header(&walk);

	if (!error)
		error = walk_std(&walk);
	if (!error && cfg->size > PCICFG_SIZE_PCI)
		error = walk_ext(&walk);
	if (error)
		return error;
	if (user_dword(cfg, PCI_CAPABILITY_LIST))
		set_user_dword(cfg, PCI_COMMAND, user_dword(cfg, PCI_COMMAND) | PCI_STATUS_CAP_LIST << 16);
	forget_broken(cfg);
	open_gaps(&walk, facts);
	return 0;
}
