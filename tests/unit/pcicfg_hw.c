/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/pcicfg_hw.h"

#include <string.h>

static bool is_bad(const struct hw *hw, uint16_t offset, unsigned int width)
{
	return (width != 1 && width != 2 && width != 4) || offset % width || offset + width > hw->size;
}

uint32_t hw_get(const struct hw *hw, uint16_t offset, unsigned int width)
{
	uint32_t value = 0;

	for (unsigned int i = width; i-- > 0;)
		value = value << 8 | hw->memory[offset + i];
	return value;
}

void hw_put(struct hw *hw, uint16_t offset, unsigned int width, uint32_t value)
{
	for (unsigned int i = 0; i < width; i++)
		hw->memory[offset + i] = (uint8_t)(value >> 8 * i);
}

void hw_mark_rw1c(struct hw *hw, uint16_t offset, unsigned int width, uint32_t bits)
{
	for (unsigned int i = 0; i < width; i++)
		hw->rw1c[offset + i] = (uint8_t)(bits >> 8 * i);
}

/* Whether this transaction fails: @error is what it would return. */
static bool fails(struct hw *hw, int error)
{
	if (!error)
		return false;
	if (hw->healthy > 0)
		hw->healthy--;
	else if (!hw->healthy)
		return true;
	return false;
}

static int hw_read(void *context, __u16 offset, unsigned int width, __u32 *value)
{
	struct hw *hw = context;

	hw->reads++;
	hw->read_offset = offset;
	hw->read_width = width;
	if (is_bad(hw, offset, width)) {
		hw->bad++;
		return -1;
	}
	if (fails(hw, hw->read_error))
		return hw->read_error;
	*value = hw->is_gone ? ~0u >> (32 - 8 * width) : hw_get(hw, offset, width);
	return 0;
}

/* The bits of byte @at that the user wrote as 1. */
static uint8_t asked_for(const struct hw *hw, unsigned int at)
{
	if (at < hw->user_offset || at >= hw->user_offset + hw->user_width)
		return 0;
	return (uint8_t)(hw->user_value >> 8 * (at - hw->user_offset));
}

static int hw_write(void *context, __u16 offset, unsigned int width, __u32 value)
{
	struct hw *hw = context;

	hw->writes++;
	hw->write_offset = offset;
	hw->write_width = width;
	hw->written = value;
	if (is_bad(hw, offset, width)) {
		hw->bad++;
		return -1;
	}
	if (fails(hw, hw->write_error))
		return hw->write_error;
	for (unsigned int i = 0; i < width; i++) {
		unsigned int at = offset + i;
		uint8_t byte = (uint8_t)(value >> 8 * i), *cell = &hw->memory[at], rw = ~(hw->rw1c[at] | hw->stuck[at]);

		if (byte & hw->rw1c[at] & ~asked_for(hw, at))
			hw->cleared_unasked = true;
		*cell = (uint8_t)((*cell & ~rw) | (byte & rw));
		*cell &= (uint8_t) ~(byte & hw->rw1c[at]);
	}
	return 0;
}

const struct pcicfg_hw hw_access = { hw_read, hw_write };

void hw_init(struct hw *hw, uint32_t size)
{
	memset(hw, 0, sizeof(*hw));
	hw->size = size;
}

void hw_forget(struct hw *hw)
{
	hw->reads = hw->writes = hw->bad = 0;
	hw->cleared_unasked = false;
	hw->user_width = 0;
}

void hw_user_writes(struct hw *hw, uint16_t offset, unsigned int width, uint32_t value)
{
	hw_forget(hw);
	hw->user_offset = offset;
	hw->user_width = width;
	hw->user_value = value;
}
