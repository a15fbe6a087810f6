/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIOD_BIND_H
#define VFIOD_BIND_H

#include "proto/vfiod_proto.h"
#include "vfiod/driver.h"
#include "vfiod/failure.h"

#include <stdint.h>

/* Binding goes by driver_override and drivers_probe, never by new_id, which would claim every function with the same
 * ids for good; and it is believed only when the driver link says so.  All of this can sleep: for worker threads. */

/* Where a function was before vfiod took it. */
struct bind_origin {
	char driver[VFIOD_NAME_MAX];   /* empty: none */
	char override[VFIOD_NAME_MAX]; /* its driver_override; empty: none */
};

/** bind_look() - where a function is, for bind_give_back() and bind_undo(). */
int bind_look(uint64_t address, struct bind_origin *origin, struct failure *failure);

/**
 * bind_take() - bind a function to a VFIO driver.
 *
 * One that has a VFIO driver already, by hand or since before a restart of vfiod, keeps it if that is of the choice.
 * Where vfiod is to choose, a refusal by the strict driver is logged before the other one gets the function.
 *
 * @origin: where it is to be again, if that fails
 *
 * Return: 0, or a negative errno with the reason in @failure; the function is there then.
 */
int bind_take(uint64_t address, enum driver_choice choice, const struct bind_origin *origin, struct failure *failure);

/**
 * bind_keep_off() - take a function from its driver, and have it get no other one.
 *
 * As bind_give_back() and bind_undo() it can be called again for one that it has been called for.
 */
int bind_keep_off(uint64_t address, struct failure *failure);

/** bind_undo() - bind a function that bind_take() has taken to what it was taken from, whatever that is. */
int bind_undo(uint64_t address, const struct bind_origin *origin, char driver[VFIOD_NAME_MAX], struct failure *failure);

/**
 * bind_give_back() - bind a function to what it was taken from.
 *
 * One that had a VFIO driver already goes to the driver that the kernel chooses.  One that has been given another
 * driver meanwhile keeps it.
 *
 * @driver: what it is bound to now; empty: nothing
 *
 * Return: 0, or a negative errno with the reason in @failure when that is not what it was taken from.
 */
int bind_give_back(uint64_t address, const struct bind_origin *origin, char driver[VFIOD_NAME_MAX],
		   struct failure *failure);

#endif
