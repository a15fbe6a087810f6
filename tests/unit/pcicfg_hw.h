/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TEST_PCICFG_HW_H
#define TEST_PCICFG_HW_H

#include "libpcicfg/pcicfg.h"

#include <stdint.h>

/*
 * A function's config space as hardware has it: every bit that is not rw1c can be written, as if all of it mattered to
 * the host, so that a write that goes too far is seen.
 */
struct hw {
	uint8_t memory[4096];
	uint8_t rw1c[4096];  /* bits that are cleared by writing 1 */
	uint8_t stuck[4096]; /* bits that ignore writes */
	uint32_t size;
	int read_error, write_error; /* what transactions return; 0: they work */
	int healthy;		     /* transactions until then; negative: all of them */
	bool is_gone;		     /* pulled out: reads as all ones */
	/* what happened since hw_forget() */
	unsigned int reads, writes;
	uint16_t read_offset, write_offset;
	unsigned int read_width, write_width;
	uint32_t written;
	unsigned int bad;     /* unaligned, outside, of another width */
	bool cleared_unasked; /* a 1 went to an rw1c bit that the user did not write */
	uint16_t user_offset; /* the user's access, see hw_user_writes() */
	unsigned int user_width;
	uint32_t user_value;
};

extern const struct pcicfg_hw hw_access;

/** hw_init() - @size bytes of zeros. */
void hw_init(struct hw *hw, uint32_t size);

/** hw_forget() - start counting anew. */
void hw_forget(struct hw *hw);

/** hw_user_writes() - what the user is about to write: all other ones in a transaction are not the user's. */
void hw_user_writes(struct hw *hw, uint16_t offset, unsigned int width, uint32_t value);

uint32_t hw_get(const struct hw *hw, uint16_t offset, unsigned int width);
void hw_put(struct hw *hw, uint16_t offset, unsigned int width, uint32_t value);

/** hw_mark_rw1c() - bits of a register that writing 1 clears. */
void hw_mark_rw1c(struct hw *hw, uint16_t offset, unsigned int width, uint32_t bits);

#endif
