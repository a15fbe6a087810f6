/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIOD_GROUP_H
#define VFIOD_GROUP_H

#include "vfiod/failure.h"
#include "vfiod/policy.h"

struct config;
struct device;
struct devices;

/* An IOMMU group is the smallest set of functions that the IOMMU can keep apart from the rest of the machine: the
 * functions of one group can reach each other, so they have one owner or none. */

/**
 * group_check() - may @device go to @owner, as far as the other functions of its IOMMU group are concerned?
 *
 * Another function may be a bridge, have no driver, or be assigned to the same owner, or about to be again; or it may
 * have any driver, where the rule of @device takes it along.  The facts are the caller's to have refreshed.
 *
 * Return: 0, or -EBUSY with every function that stands in the way, why it can, and what to do about it, in @failure.
 */
int group_check(const struct devices *devices, const struct device *device, const struct owner *owner,
		const struct config *config, struct failure *failure);

#endif
