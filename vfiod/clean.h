/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIOD_CLEAN_H
#define VFIOD_CLEAN_H

#include "vfiod/failure.h"

#include <stdbool.h>
#include <stdint.h>

/* What of a function's header a lease must not change: what it is, the six BARs and the ROM's. */
struct clean_header {
	uint32_t id;		 /* vendor and device; all ones in a virtual function (PCIe 6.0 §9.3.4.1.1) */
	uint32_t class_revision; /* never all ones in a function that answers */
	uint32_t bars[7];
};

/**
 * clean_stop_dma() - switch a function's bus mastering off, whoever has it open.
 *
 * For one whose user cannot switch it on again.  Whether it is off is for clean_function() to find out.
 */
void clean_stop_dma(uint64_t address);

/**
 * clean_function() - make sure that nothing of the last user is left in a function that a VFIO driver holds.
 *
 * Bus master off and read back, reset, then: it answers with its id, bus master and MSI and MSI-X are off, and its
 * BARs are @before.  Nobody may have it open.  Takes up to seconds: for worker threads.
 *
 * @address: the function
 * @required: it has to be reset; otherwise it is where the kernel can
 * @before: how it has to look afterwards; NULL: only its id is compared with what it was before the reset
 * @after: how it looks, for the next time; may be @before; untouched on error
 *
 * Return: 0, or a negative errno with the step that failed in @failure: the function is not known to be clean.
 */
int clean_function(uint64_t address, bool required, const struct clean_header *before, struct clean_header *after,
		   struct failure *failure);

#endif
