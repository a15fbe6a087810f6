/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TEST_PCICFG_LAYOUT_H
#define TEST_PCICFG_LAYOUT_H

#include "tests/unit/pcicfg_hw.h"

/* Functions that nobody built: well-formed ones, and ones that lie. */

/** random_next() - xorshift64*: the same numbers from the same seed, on every machine. */
uint64_t random_next(uint64_t *state);

/** random_below() - 0 to @limit - 1. */
uint32_t random_below(uint64_t *state, uint32_t limit);

/** layout_generate() - fill @hw and @facts in from @state. */
void layout_generate(uint64_t *state, struct hw *hw, struct pcicfg_facts *facts);

#endif
