/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/pcicfg_layout.h"

#include <string.h>

uint64_t random_next(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * 2685821657736338717ull;
}

uint32_t random_below(uint64_t *state, uint32_t limit)
{
	return (uint32_t)((random_next(state) >> 32) % limit);
}

static bool chance(uint64_t *state, uint32_t percent)
{
	return random_below(state, 100) < percent;
}

/* Registers of all contents; no word of all ones, which would be a function that has gone. */
static void fill(uint64_t *state, struct hw *hw)
{
	for (uint32_t at = 0; at < hw->size; at += 4)
		hw_put(hw, (uint16_t)at, 4, (uint32_t)random_next(state) & 0x7fff7fff);
	for (uint32_t at = 0; at < hw->size; at++)
		if (chance(state, 20))
			hw->rw1c[at] = (uint8_t)random_next(state);
}

static uint64_t length_of(uint64_t *state, uint32_t log2)
{
	/* now and then one that is no power of two */
	return (1ull << random_below(state, log2)) - (chance(state, 10) ? 1 : 0);
}

static void make_facts(uint64_t *state, struct hw *hw, struct pcicfg_facts *facts)
{
	memset(facts, 0, sizeof(*facts));
	facts->size = (uint16_t)hw->size;
	facts->vendor = 0x1234;
	facts->device = (uint16_t)random_next(state);
	facts->flags = (chance(state, 15) ? PCICFG_VF : 0) | (chance(state, 15) ? PCICFG_NO_INTX : 0);
	for (unsigned int bar = 0; bar < 6; bar++) {
		struct pcicfg_bar *fact = &facts->bar[bar];

		if (chance(state, 30))
			continue;
		if (chance(state, 20)) {
			fact->flags = PCICFG_BAR_IO;
			fact->length = length_of(state, 12);
		} else if (bar < 5 && chance(state, 50)) {
			fact->flags = PCICFG_BAR_64BIT | (chance(state, 50) ? PCICFG_BAR_PREFETCH : 0);
			fact->length = length_of(state, 45);
			bar++;
		} else {
			fact->length = length_of(state, 32);
		}
	}
	if (chance(state, 50))
		facts->bar[6].length = length_of(state, 25);
}

static void make_header(uint64_t *state, struct hw *hw, const struct pcicfg_facts *facts)
{
	hw_put(hw, 0x00, 2, facts->flags & PCICFG_VF ? 0xffff : facts->vendor);
	hw_put(hw, 0x02, 2, facts->flags & PCICFG_VF ? 0xffff : facts->device);
	hw->memory[0x0e] = chance(state, 20) ? 0x80 : 0; /* multi-function */
	hw->memory[0x3d] = (uint8_t)random_below(state, 6);
	if (!chance(state, 5))
		hw->memory[0x06] |= 0x10;
}

/* A length for a capability at @pos: mostly one that fits before @end, else any. */
static uint32_t some_length(uint64_t *state, uint32_t pos, uint32_t end, uint32_t least, uint32_t most)
{
	uint32_t room = end - pos < 64 ? end - pos : 64;

	if (chance(state, 15))
		return random_below(state, most + 1);
	if (chance(state, 5))
		return chance(state, 50) ? most : end - pos;
	return room > least ? least + random_below(state, room - least + 1) : least;
}

static uint32_t make_std(uint64_t *state, struct hw *hw, uint32_t pos, uint8_t id)
{
	uint32_t length = 4;

	hw->memory[pos] = id;
	switch (id) {
	case 0x01:
		length = 8;
		if (pos + 8 <= 0x100)
			hw->memory[pos + 4] &= 0xfc; /* D0 */
		break;
	case 0x02:
	case 0x11:
		length = 12;
		break;
	case 0x03:
	case 0x0d:
		length = 8;
		break;
	case 0x05:
		hw->memory[pos + 2] = (uint8_t)random_below(state, 256) & 0xfe;
		hw->memory[pos + 3] = (uint8_t)random_below(state, 8);
		length = 24;
		break;
	case 0x07:
		length = 24;
		break;
	case 0x09:
		length = some_length(state, pos, 0x100, 3, 0xff);
		hw->memory[pos + 2] = (uint8_t)length;
		break;
	case 0x10:
		hw->memory[pos + 2] = (uint8_t)(random_below(state, 3) | (chance(state, 30) ? 0x90 : 0));
		length = 0x34;
		break;
	case 0x12:
		length = 16;
		break;
	}
	return length;
}

static uint32_t make_ext(uint64_t *state, struct hw *hw, uint32_t pos, uint16_t id)
{
	uint32_t length = 8 + 4 * random_below(state, 14);

	hw_put(hw, (uint16_t)pos, 2, id);
	hw_put(hw, (uint16_t)(pos + 2), 2, 1 + random_below(state, 3));
	if ((id == 0x0b || id == 0x23) && pos + 8 <= 0x1000) {
		length = some_length(state, pos, 0x1000, id == 0x0b ? 8 : 12, 0xfff);
		hw_put(hw, (uint16_t)(pos + 4), 4, (hw_get(hw, (uint16_t)(pos + 4), 4) & 0xfffff) | length << 20);
		if (id == 0x23 && chance(state, 30))
			hw_put(hw, (uint16_t)(pos + 4), 2, 0x1e98);
	}
	if (id == 0x10)
		length = 0x40;
	if (id == 0x01)
		length = 0x2c;
	return length;
}

/* Mostly where the last one ended; else on top of another, in the header, unaligned, back to where it was. */
static uint32_t some_place(uint64_t *state, uint32_t next, uint32_t begin, uint32_t end, bool lies)
{
	if (lies && chance(state, 12))
		return begin + 4 * random_below(state, (end - begin) / 4);
	if (chance(state, 60))
		next += 4 * random_below(state, 4);
	return next;
}

static void std_chain(uint64_t *state, struct hw *hw, bool lies)
{
	uint32_t pos = 0x40 + 4 * random_below(state, 8), count = random_below(state, 10), pointer = 0x34;

	for (uint32_t i = 0; i < count && pos < 0x100; i++) {
		uint8_t id = (uint8_t)(chance(state, 90) ? random_below(state, 0x16) : random_below(state, 256));
		uint32_t length = make_std(state, hw, pos, id);

		hw->memory[pointer] = (uint8_t)(pos | (lies ? random_below(state, 4) : 0));
		pointer = pos + 1;
		pos = some_place(state, (pos + length + 3) & ~3u, 0x40, 0x100, lies);
	}
	hw->memory[pointer] = 0;
	if (lies && chance(state, 30))
		hw->memory[pointer] = (uint8_t)random_below(state, 256);
}

static void ext_chain(uint64_t *state, struct hw *hw, bool lies)
{
	uint32_t pos = 0x100, count = random_below(state, 16), last = 0;

	if (!count)
		hw_put(hw, 0x100, 4, 0);
	for (uint32_t i = 0; i < count && pos + 4 <= 0x1000; i++) {
		uint16_t id = (uint16_t)(chance(state, 90) ? random_below(state, 0x3b) : random_next(state));
		uint32_t length = make_ext(state, hw, pos, id);

		if (last)
			hw_put(hw, (uint16_t)(last + 2), 2,
			       (hw_get(hw, (uint16_t)(last + 2), 2) & 15) | (pos | (lies ? random_below(state, 4) : 0))
										    << 4);
		last = pos;
		pos = some_place(state, (pos + length + 3) & ~3u, 0x100, 0x1000, lies);
	}
	if (last && lies && chance(state, 30))
		hw_put(hw, (uint16_t)(last + 2), 2, (uint16_t)random_next(state));
}

void layout_generate(uint64_t *state, struct hw *hw, struct pcicfg_facts *facts)
{
	bool lies = chance(state, 50);

	hw_init(hw, chance(state, 70) ? 4096 : 256);
	fill(state, hw);
	make_facts(state, hw, facts);
	make_header(state, hw, facts);
	std_chain(state, hw, lies);
	if (hw->size > 256)
		ext_chain(state, hw, lies);
}
