/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TEST_PCICFG_OWNER_H
#define TEST_PCICFG_OWNER_H

#include "tests/unit/pcicfg_hw.h"

/*
 * The policy a second time, to hold the first one against: whose is each bit of a config space? Written with the
 * numbers of the specifications instead of the names of pci_regs.h, byte by byte instead of by rows, and without a look
 * at the tables of the library.
 */
struct owner {
	uint8_t shown[4096];  /* the user sees hardware's bit */
	uint8_t passed[4096]; /* of those, the user may change it */
	uint8_t own[4096];    /* the user has a bit of its own that it may change */
	uint8_t value[4096];  /* of bits that are not shown: what the user sees; 0 if hidden */
	uint8_t rw1c[4096];   /* of registers that are the user's in part: what writing 1 clears */
	uint16_t chain[600];  /* where the user's capabilities are, in order */
	unsigned int chained;
	/* what changes a written value */
	uint16_t msi, pm, vpd; /* 0: none */
	unsigned int msi_vectors_log2;
	bool d1, d2, pm_is_broken;
};

/** owner_find_out() - of a function at rest. */
void owner_find_out(struct owner *owner, const struct hw *hw, const struct pcicfg_facts *facts);

/** owner_settle() - make the hardware's registers that are the user's in part as the specifications have them. */
void owner_settle(const struct owner *owner, struct hw *hw);

/** owner_reads() - what the user has to see. */
uint32_t owner_reads(const struct owner *owner, const struct hw *hw, uint16_t offset, unsigned int width);

/** owner_writes() - what a write of the user has to do: @hw is changed as the hardware has to be. */
void owner_writes(struct owner *owner, struct hw *hw, uint16_t offset, unsigned int width, uint32_t value);

/** owner_is_shown() - may a capability with this id be in the user's chain? */
bool owner_is_shown(bool extended, unsigned int id);

#endif
