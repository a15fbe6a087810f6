/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIOD_CLEAN_H
#define VFIOD_CLEAN_H

#include "vfiod/failure.h"

#include <stdint.h>

/* What of a function's config space a lease must not change: what it is, the six BARs and the ROM's. */
struct clean_header {
	uint32_t id;		 /* vendor and device; all ones in a virtual function (PCIe 6.0 §9.3.4.1.1) */
	uint32_t class_revision; /* never all ones in a function that answers */
	uint32_t bars[7];
	uint32_t serial[2]; /* low and high (PCIe 6.0 §7.9.3); zeros: it has none */
};

/* What is to become of what a user has left in a function's registers and memory. */
enum clean_reset {
	CLEAN_RESET_REQUIRED,	 /* it is reset, or it is not clean */
	CLEAN_RESET_BEST_EFFORT, /* it is reset where the kernel can */
	CLEAN_RESET_NONE,	 /* the next user may have it */
};

/**
 * clean_reset() - reset a function, as far as that is wanted.
 *
 * Return: 0, -EOPNOTSUPP when it has to be reset and the kernel knows no way, or the errno of a reset that failed.
 */
int clean_reset(uint64_t address, enum clean_reset wanted, struct failure *failure);

/**
 * clean_stop_dma() - switch a function's bus mastering off, whoever has it open.
 *
 * For one whose user cannot switch it on again.  Whether it is off is for clean_function() to find out.
 */
void clean_stop_dma(uint64_t address);

/**
 * clean_look() - read what identifies a function, and its BARs, whoever has it.
 *
 * Takes its time where the function sleeps: for worker threads.
 */
void clean_look(uint64_t address, struct clean_header *header);

/**
 * clean_function() - make sure that nothing of the last user is left in a function that a VFIO driver holds.
 *
 * Bus master off and read back, reset unless @wanted says none, then: it answers with its id, bus master and MSI and
 * MSI-X are off, and its BARs and its serial number are @before.  Nobody may have it open.  Takes up to seconds: for
 * worker threads.
 *
 * @address: the function
 * @wanted: whether it is to be reset
 * @before: how it has to look afterwards; NULL: as it looked before the reset
 * @after: how it looks, for the next time; may be @before; untouched on error
 *
 * Return: 0, or a negative errno with the step that failed in @failure: the function is not known to be clean.
 */
int clean_function(uint64_t address, enum clean_reset wanted, const struct clean_header *before,
		   struct clean_header *after, struct failure *failure);

/**
 * clean_for_host() - make sure that a function which is not known to be clean does no DMA, before the host has it back.
 *
 * It is reset as well, if it can be; what is wrong with it otherwise the host's driver finds out.  For worker threads.
 *
 * Return: 0, or -EIO: its bus mastering stays on.
 */
int clean_for_host(uint64_t address, struct failure *failure);

#endif
