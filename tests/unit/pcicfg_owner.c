/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/pcicfg_owner.h"

#include <string.h>

/* ---- what the user may do in which register, by the numbers ---- */

struct rule {
	uint16_t offset;
	uint8_t width;
	uint32_t passed; /* hardware bits that the user may change */
	uint32_t own;	 /* bits of the user's own */
	uint32_t start;	 /* of those, the ones that begin as the hardware has them */
	uint32_t rw1c;	 /* bits that writing 1 clears */
	uint32_t fixed;	 /* bits that are not the hardware's, and cannot be changed: 0, or set below */
};

#define END \
	{ \
		.width = 0 \
	}

static const struct rule header_rules[] = {
	{ .offset = 0x04, .width = 2, .passed = 0x0057, .own = 0x0500, .start = 0x0100 },
	{ .offset = 0x06, .width = 2, .rw1c = 0xf900, .fixed = 0x0010 },
	{ .offset = 0x0c, .width = 2, .own = 0xffff, .start = 0xffff },
	{ .offset = 0x34, .width = 4, .fixed = 0xffffffff },
	{ .offset = 0x38, .width = 4, .fixed = 0xffffffff },
	{ .offset = 0x3c, .width = 2, .own = 0x00ff, .start = 0x00ff, .fixed = 0xff00 },
	END,
};

static const struct rule vf_header_rules[] = {
	{ .offset = 0x00, .width = 4, .fixed = 0xffffffff },
	{ .offset = 0x04, .width = 2, .passed = 0x0004, .fixed = 0xfffb },
	{ .offset = 0x06, .width = 2, .rw1c = 0xf900, .fixed = 0x0010 },
	{ .offset = 0x0c, .width = 2, .own = 0xffff, .start = 0xffff },
	{ .offset = 0x34, .width = 4, .fixed = 0xffffffff },
	{ .offset = 0x38, .width = 4, .fixed = 0xffffffff },
	{ .offset = 0x3c, .width = 2, .own = 0x00ff, .start = 0x00ff, .fixed = 0xff00 },
	END,
};

static const struct rule pm_rules[] = {
	{ .offset = 2, .width = 2, .fixed = 0xf800 },
	{ .offset = 4, .width = 2, .passed = 0x1e00, .own = 0x0003, .start = 0x0003, .rw1c = 0x8000, .fixed = 0x8100 },
	END,
};

static const struct rule vpd_rules[] = {
	{ .offset = 2, .width = 2, .own = 0xffff },
	{ .offset = 4, .width = 4, .own = 0xffffffff },
	END,
};

#define MSI_CONTROL \
	{ .offset = 2, .width = 2, .own = 0x0071, .fixed = 0xfe00 }, \
	{ \
		.offset = 4, .width = 4, .own = 0xfffffffc, .fixed = 3 \
	}
#define MSI_DATA(at) \
	{ \
		.offset = at, .width = 4, .own = 0xffff, .fixed = 0xffff0000 \
	}
static const struct rule msi_32_rules[] = { MSI_CONTROL, MSI_DATA(8), END };
static const struct rule msi_64_rules[] = {
	MSI_CONTROL, { .offset = 8, .width = 4, .own = 0xffffffff }, MSI_DATA(12), END
};
static const struct rule msi_32_mask_rules[] = { MSI_CONTROL,
						 MSI_DATA(8),
						 { .offset = 12, .width = 4, .own = 0xffffffff },
						 { .offset = 16, .width = 4, .fixed = 0xffffffff },
						 END };
static const struct rule msi_64_mask_rules[] = { MSI_CONTROL,
						 { .offset = 8, .width = 4, .own = 0xffffffff },
						 MSI_DATA(12),
						 { .offset = 16, .width = 4, .own = 0xffffffff },
						 { .offset = 20, .width = 4, .fixed = 0xffffffff },
						 END };

static const struct rule pcix_rules[] = { { .offset = 2, .width = 2, .passed = 0x007e }, END };

static const struct rule exp_rules[] = {
	/* FLR is written, and reads as 0 */
	{ .offset = 8, .width = 2, .passed = 0x0010, .own = 0x78ef, .start = 0x78ef, .fixed = 0x8000 },
	{ .offset = 0x0a, .width = 2, .rw1c = 0x004f },
	{ .offset = 0x28, .width = 2, .passed = 0x031f },
	END,
};

static const struct rule msix_rules[] = { { .offset = 2, .width = 2, .own = 0xc000 }, END };

static const struct rule af_rules[] = { { .offset = 4, .width = 1, .fixed = 0xff },
					{ .offset = 6, .width = 2, .fixed = 0xffff },
					END };

static const struct rule aer_rules[] = {
	{ .offset = 0x08, .width = 4, .own = 0xffffffff, .start = 0xffffffff },
	{ .offset = 0x0c, .width = 4, .own = 0xffffffff, .start = 0xffffffff },
	{ .offset = 0x14, .width = 4, .own = 0xffffffff, .start = 0xffffffff },
	END,
};

static const struct rule pwr_rules[] = { { .offset = 4, .width = 1, .passed = 0xff }, END };

/* ---- capabilities ---- */

struct found {
	unsigned int length;
	bool is_shown;
	bool is_raw; /* all but id, next pointer and length is the user's */
	const struct rule *rules;
	bool once;
	bool is_bad; /* too short: nothing but its header can be believed */
};

/* Shown are 1 to 3, 5, 7, 9, 0a, 0d, 10 to 13. */
#define SHOWN_STD 0x000f26aeu
/* Shown are 01 to 04, 08, 09, 0b, 0d, 16 to 18, 1f, 22 and 23. */
#define SHOWN_EXT 0x0000000c81c02b1eull

bool owner_is_shown(bool extended, unsigned int id)
{
	if (extended)
		return id < 64 && (SHOWN_EXT >> id & 1);
	return id < 32 && (SHOWN_STD >> id & 1);
}

static struct found std_capability(const struct hw *hw, unsigned int pos)
{
	uint16_t at = (uint16_t)pos;
	uint16_t flags = (uint16_t)hw_get(hw, (uint16_t)(at + 2), 2);
	unsigned int type = flags >> 4 & 15;
	struct found found = { .length = 4, .is_shown = owner_is_shown(false, hw->memory[pos]), .once = true };

	switch (hw->memory[pos]) {
	case 0x00:
	case 0x08:
		found.once = false;
		break;
	case 0x01:
		found.length = 8, found.rules = pm_rules;
		break;
	case 0x02:
		found.length = 12;
		break;
	case 0x03:
		found.length = 8, found.rules = vpd_rules;
		break;
	case 0x05:
		found.length = (flags & 0x80 ? 14 : 10) + (flags & 0x100 ? 10 : 0);
		found.rules = flags & 0x80    ? flags & 0x100 ? msi_64_mask_rules : msi_64_rules
			      : flags & 0x100 ? msi_32_mask_rules
					      : msi_32_rules;
		break;
	case 0x07:
		found.length = flags & 0x3000 ? 24 : 8, found.rules = pcix_rules;
		break;
	case 0x09:
		found.length = flags & 0xff, found.is_raw = true, found.once = false;
		found.is_bad = found.length < 3;
		break;
	case 0x0c:
	case 0x0d:
		found.length = 8;
		break;
	case 0x10:
		if ((flags & 15) < 2)
			found.length = type == 9 || type == 10 ? 12 : 20;
		else
			found.length = type == 9 || type == 10 ? 0x2c : 0x34;
		found.rules = exp_rules;
		break;
	case 0x11:
		found.length = 12, found.rules = msix_rules;
		break;
	case 0x12:
		found.length = pos + 8 <= 0x100 && (hw->memory[pos + 4] & 15) == 15 ? 16 : 8;
		break;
	case 0x13:
		found.length = 6, found.rules = af_rules;
		break;
	case 0x15:
		found.length = 0x24;
		break;
	}
	return found;
}

static struct found ext_capability(const struct hw *hw, unsigned int pos)
{
	/* by id: how long it is at least; 0: unknown */
	static const uint8_t lengths[0x3b] = {
		4,  0x2c, 0,  12, 16, 16, 12, 8,  0,  0,  20, 0,  8,  8,  8,  8,  64, 4,  40, 16,
		4,  12,	  0,  12, 8,  12, 16, 8,  8,  12, 16, 12, 4,  16, 12, 0,  12, 12, 32, 8,
		12, 16,	  32, 12, 20, 12, 24, 16, 12, 16, 16, 16, 16, 20, 8,  20, 4,  16, 4,
	};
	unsigned int id = hw_get(hw, (uint16_t)pos, 2);
	uint32_t second = pos + 8 <= 0x1000 ? hw_get(hw, (uint16_t)(pos + 4), 4) : 0;
	struct found found = { .length = 4, .is_shown = owner_is_shown(true, id), .once = id != 0 && id != 0x2e };

	if (id > 0x3a) {
		found.once = false;
		return found;
	}
	found.length = lengths[id];
	if (id == 0x01)
		found.rules = aer_rules;
	if (id == 0x04)
		found.rules = pwr_rules;
	if (id == 0x02 || id == 0x08 || id == 0x09)
		found.length = 16 + 12 * (1 + (second & 7));
	if (id == 0x16)
		found.length = 16 + (second & 31) + 1;
	if (id == 0x0b || id == 0x23) {
		found.length = second >> 20;
		found.once = false;
		found.is_raw = id == 0x0b;
		found.is_bad = found.length < (id == 0x0b ? 8u : 12u);
		if (id == 0x23 && (second & 0xffff) == 0x1e98)
			found.is_shown = false;
	}
	return found;
}

/* ---- who owns what ---- */

static void set_bytes(uint8_t *bytes, unsigned int at, unsigned int width, uint32_t bits)
{
	for (unsigned int i = 0; i < width; i++)
		bytes[at + i] = (uint8_t)(bits >> 8 * i);
}

static void apply(struct owner *owner, const struct hw *hw, unsigned int pos, unsigned int end, const struct rule *rule)
{
	for (; rule && rule->width; rule++) {
		unsigned int at = pos + rule->offset;

		if (at >= end)
			continue;
		set_bytes(owner->shown, at, rule->width, ~(rule->own | rule->fixed));
		set_bytes(owner->passed, at, rule->width, rule->passed);
		set_bytes(owner->own, at, rule->width, rule->own);
		set_bytes(owner->rw1c, at, rule->width, rule->rw1c);
		set_bytes(owner->value, at, rule->width, hw_get(hw, (uint16_t)at, rule->width) & rule->start);
	}
}

static void forget_byte(struct owner *owner, unsigned int at)
{
	owner->shown[at] = owner->passed[at] = owner->own[at] = owner->value[at] = 0;
}

struct search {
	struct owner *owner;
	const struct hw *hw;
	bool claimed[4096], disputed[4096], is_header[4096], seen[2][0x100];
	unsigned int tail; /* where the last next pointer of the user is */
};

/* A dword that was claimed before belongs to nobody from now on, but for id and next pointer in the user's chain. */
static void dispute(struct search *search, unsigned int at)
{
	if (!search->is_header[at])
		forget_byte(search->owner, at);
	else if (at < 0x100 && at % 4 > 1)
		forget_byte(search->owner, at);
	search->disputed[at] = true;
}

static void take(struct search *search, unsigned int pos, unsigned int end, struct found found, bool extended)
{
	struct owner *owner = search->owner;
	unsigned int length = (found.length + 3) / 4 * 4, kept = found.length;
	bool before[4096];

	memcpy(before, search->claimed, sizeof(before));
	if (pos + found.length > end || found.is_bad) {
		found.is_shown = false;
		length = 4;
	}
	if (before[pos])
		found.is_shown = false;
	for (unsigned int at = pos; at < pos + length && at < end; at++) {
		if (search->claimed[at])
			dispute(search, at);
		search->claimed[at] = true;
	}
	if (!found.is_shown)
		return;
	for (unsigned int at = pos; at < pos + kept; at++) {
		if (before[at])
			continue;
		owner->shown[at] = 0xff;
		/* where the capability ends within a dword, a write of the dword would reach beyond */
		owner->passed[at] =
			found.is_raw && at - pos >= (extended ? 8u : 3u) && at / 4 * 4 + 4 <= pos + kept ? 0xff : 0;
	}
	for (const struct rule *rule = found.rules; rule && rule->width; rule++)
		if (rule->offset < found.length && !before[pos + rule->offset]) {
			const struct rule one[2] = { *rule, END };

			apply(owner, search->hw, pos, end, one);
		}
	/* the header: what is there is what the chain needs */
	for (unsigned int i = 0; i < (extended ? 4u : 2u); i++)
		forget_byte(owner, pos + i);
	for (unsigned int i = 0; i < 4; i++)
		search->is_header[pos + i] = true;
	if (extended) {
		set_bytes(owner->value, pos, 4, hw_get(search->hw, (uint16_t)pos, 4) & 0xfffff);
		if (pos != 0x100)
			set_bytes(owner->value, search->tail + 2, 2,
				  (uint32_t)(owner->value[search->tail + 2] & 15) | pos << 4);
		search->tail = pos;
	} else {
		owner->value[pos] = search->hw->memory[pos];
		owner->value[search->tail] = (uint8_t)pos;
		search->tail = pos + 1;
	}
	owner->chain[owner->chained++] = (uint16_t)pos;
}

static void std_chain(struct search *search)
{
	const struct hw *hw = search->hw;
	bool visited[0x100] = { false };
	unsigned int pos = hw->memory[0x34] & 0xfc;

	if (!(hw->memory[0x06] & 0x10))
		return;
	for (; pos >= 0x40 && !visited[pos] && hw->memory[pos] != 0xff; pos = hw->memory[pos + 1] & 0xfc) {
		struct found found = std_capability(hw, pos);
		unsigned int id = hw->memory[pos], chained = search->owner->chained;

		visited[pos] = true;
		if (found.once && search->seen[0][id] && id <= 0x14)
			found.is_shown = false;
		search->seen[0][id] = true;
		take(search, pos, 0x100, found, false);
		if (search->owner->chained == chained)
			continue;
		if (id == 0x01) {
			search->owner->pm = (uint16_t)pos;
			search->owner->d1 = hw->memory[pos + 3] & 2;
			search->owner->d2 = hw->memory[pos + 3] & 4;
		}
		if (id == 0x03)
			search->owner->vpd = (uint16_t)pos;
		if (id == 0x05) {
			search->owner->msi = (uint16_t)pos;
			search->owner->msi_vectors_log2 = hw->memory[pos + 2] >> 1 & 7;
			if (search->owner->msi_vectors_log2 > 5)
				search->owner->msi_vectors_log2 = 5;
		}
	}
	if (search->owner->chained)
		search->owner->value[0x06] |= 0x10;
}

static void ext_chain(struct search *search)
{
	const struct hw *hw = search->hw;
	static bool visited[4096];
	unsigned int pos = 0x100;

	memset(visited, 0, sizeof(visited));
	search->tail = 0x100;
	for (unsigned int i = 0; i < 4; i++)
		search->is_header[0x100 + i] = true;
	while (pos >= 0x100 && !visited[pos] && hw_get(hw, (uint16_t)pos, 4) &&
	       hw_get(hw, (uint16_t)pos, 2) != 0xffff) {
		struct found found = ext_capability(hw, pos);
		unsigned int id = hw_get(hw, (uint16_t)pos, 2);

		visited[pos] = true;
		if (id < 0x100) {
			if (found.once && search->seen[1][id])
				found.is_shown = false;
			search->seen[1][id] = true;
		}
		take(search, pos, 0x1000, found, true);
		pos = hw_get(hw, (uint16_t)(pos + 2), 2) >> 4 & 0xffc;
	}
}

/* Registers that are in no capability, of the one device with such that is recorded: Emulex OneConnect (be3). */
static void gaps(struct search *search, const struct pcicfg_facts *facts)
{
	if (facts->vendor != 0x19a2 || facts->device != 0x0710)
		return;
	for (unsigned int at = 0x40; at < 0x100; at++) {
		bool is_status = at / 4 == 0x58 / 4 || (at >= 0xa0 && at < 0xb0), is_enable = at >= 0xfc;

		if (search->claimed[at] || (!is_status && !is_enable))
			continue;
		search->owner->shown[at] = 0xff;
		search->owner->passed[at] = is_enable ? 0xff : 0;
	}
}

/* Sizing: which bits of a BAR can be set. */
static void bars(struct owner *owner, const struct pcicfg_facts *facts)
{
	for (unsigned int bar = 0; bar < 7; bar++) {
		const struct pcicfg_bar *fact = &facts->bar[bar];
		unsigned int at = bar < 6 ? 0x10 + 4 * bar : 0x30;
		uint64_t least = bar == 6 ? 0x800 : fact->flags & PCICFG_BAR_IO ? 4 : 16, size = least;

		set_bytes(owner->shown, at, 4, 0);
		set_bytes(owner->passed, at, 4, 0);
		set_bytes(owner->own, at, 4, 0);
		set_bytes(owner->value, at, 4, 0);
		if (!fact->length)
			continue;
		while (size < fact->length)
			size *= 2;
		set_bytes(owner->own, at, 4, (uint32_t)-size | (bar == 6));
		if (bar == 6)
			continue;
		owner->value[at] = fact->flags & PCICFG_BAR_IO ? 1
							       : (fact->flags & PCICFG_BAR_64BIT ? 4 : 0) |
									 (fact->flags & PCICFG_BAR_PREFETCH ? 8 : 0);
		if (fact->flags & PCICFG_BAR_64BIT) {
			bar++;
			set_bytes(owner->shown, at + 4, 4, 0);
			set_bytes(owner->passed, at + 4, 4, 0);
			set_bytes(owner->own, at + 4, 4, (uint32_t)(-size >> 32));
			set_bytes(owner->value, at + 4, 4, 0);
		}
	}
}

void owner_find_out(struct owner *owner, const struct hw *hw, const struct pcicfg_facts *facts)
{
	bool is_vf = facts->flags & PCICFG_VF;
	static struct search search;

	memset(owner, 0, sizeof(*owner));
	memset(&search, 0, sizeof(search));
	search.owner = owner;
	search.hw = hw;
	search.tail = 0x34;
	memset(owner->shown, 0xff, 0x40);
	memset(search.claimed, 1, 0x40);
	apply(owner, hw, 0, 0x40, is_vf ? vf_header_rules : header_rules);
	bars(owner, facts);
	if (is_vf) {
		set_bytes(owner->value, 0, 2, facts->vendor);
		set_bytes(owner->value, 2, 2, facts->device);
		owner->value[4] = 0x02;
	} else if (!(facts->flags & PCICFG_NO_INTX) && hw->memory[0x3d] <= 4) {
		owner->value[0x3d] = hw->memory[0x3d];
	}
	std_chain(&search);
	if (facts->size > 0x100)
		ext_chain(&search);
	gaps(&search, facts);
	/* a power state that nobody watches is not entered */
	for (unsigned int i = 0; owner->pm && i < 8; i++)
		if (search.disputed[owner->pm + i])
			owner->d1 = owner->d2 = false, owner->pm_is_broken = true;
	/* MSI: as many mask bits as there can be vectors */
	if (owner->msi) {
		unsigned int at = owner->msi + (hw->memory[owner->msi + 2] & 0x80 ? 16u : 12u);

		if (hw->memory[owner->msi + 3] & 1)
			for (unsigned int i = 0; i < 4; i++)
				owner->own[at + i] &=
					(uint8_t)(((1ull << (1u << owner->msi_vectors_log2)) - 1) >> 8 * i);
	}
}

void owner_settle(const struct owner *owner, struct hw *hw)
{
	for (unsigned int at = 0; at < hw->size; at += 4) {
		unsigned int all = 0xff, some = 0;

		for (unsigned int i = 0; i < 4; i++) {
			all &= owner->passed[at + i];
			some |= owner->passed[at + i];
		}
		if (some && all != 0xff)
			memcpy(&hw->rw1c[at], &owner->rw1c[at], 4);
	}
}

uint32_t owner_reads(const struct owner *owner, const struct hw *hw, uint16_t offset, unsigned int width)
{
	uint32_t value = 0;

	for (unsigned int i = 0; i < width; i++) {
		unsigned int at = offset + i;
		uint8_t byte = (uint8_t)((hw->memory[at] & owner->shown[at]) | (owner->value[at] & ~owner->shown[at]));

		value |= (uint32_t)byte << 8 * i;
	}
	return value;
}

static bool covers(uint16_t offset, unsigned int width, unsigned int at)
{
	return at >= offset && at < offset + width;
}

void owner_writes(struct owner *owner, struct hw *hw, uint16_t offset, unsigned int width, uint32_t value)
{
	unsigned int power = owner->pm ? owner->pm + 4u : 0, msi = owner->msi ? owner->msi + 2u : 0;
	uint8_t state = owner->value[power];

	for (unsigned int i = 0; i < width; i++) {
		unsigned int at = offset + i;
		uint8_t byte = (uint8_t)(value >> 8 * i), passed = owner->passed[at], clear = passed & hw->rw1c[at];

		owner->value[at] = (uint8_t)((owner->value[at] & ~owner->own[at]) | (byte & owner->own[at]));
		passed &= (uint8_t)~clear;
		hw->memory[at] = (uint8_t)((hw->memory[at] & ~passed) | (byte & passed));
		hw->memory[at] &= (uint8_t) ~(byte & clear);
	}
	/* a state that is not there is not entered */
	if (power && covers(offset, width, power) && (owner->own[power] & 3)) {
		unsigned int to = owner->value[power] & 3;

		if ((to == 1 && !owner->d1) || (to == 2 && !owner->d2) || owner->pm_is_broken)
			owner->value[power] = (uint8_t)((owner->value[power] & ~3) | (state & 3));
	}
	/* more vectors than there are: all of them */
	if (msi && covers(offset, width, msi) && (owner->own[msi] & 0x70) &&
	    (owner->value[msi] >> 4 & 7u) > owner->msi_vectors_log2)
		owner->value[msi] = (uint8_t)((owner->value[msi] & 0x8f) | owner->msi_vectors_log2 << 4);
}
