/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLIENTS_RAISER_H
#define CLIENTS_RAISER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Devices of the test machine whose interrupts are raised by writes to a register: edu (INTx, MSI without mask bits)
 * and igb (INTx, MSI with a mask bit, ten MSI-X vectors). MSI and MSI-X take bus mastering, all takes memory decoding.
 */
struct raiser {
	uint32_t id; /* the first dword of config space */
	size_t size; /* of BAR 0 */

	/** @arm: what the device has to be told before it raises interrupts of that VFIO index; again after a reset */
	bool (*arm)(volatile void *bar, unsigned int index);

	/** @raise: a vector's interrupt; false: an access gave SIGBUS */
	bool (*raise)(volatile void *bar, unsigned int index, unsigned int vector);

	/** @ack: the reason for it is gone: the pin of INTx goes down, and the vector can be raised again */
	bool (*ack)(volatile void *bar, unsigned int index, unsigned int vector);
};

/** raiser_of() - how the function behind the VFIO device file (or handle) @device is raised. */
const struct raiser *raiser_of(int device);

/** vector_count() - how many vectors of that VFIO index the function has. */
unsigned int vector_count(int device, unsigned int index);

/** capability_at() - where the capability with that id is in the user's config space, or 0. */
unsigned int capability_at(int device, uint8_t id);

#endif
