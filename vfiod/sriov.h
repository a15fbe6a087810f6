/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIOD_SRIOV_H
#define VFIOD_SRIOV_H

#include "vfiod/vfio.h"

#include <stdbool.h>
#include <stdint.h>

struct daemon;
struct device;
struct failure;
struct journal_record;
struct request;
struct vf_set;

/*
 * The virtual functions that vfiod makes of a physical function, for one owner: sriov.c has the handler of ASSIGN_VFS
 * (request.h).  The physical function stays the host's, with the driver that it has.
 *
 * They are made, then each is assigned as any other function would be, in the order of their addresses; if one cannot
 * be, all of it is undone.  They go as they came, all together: their leases end, each is given back, and then the
 * driver removes them.  What is kept over reboots is that the physical function has them.
 */

/** sriov_token() - what it takes to open a function. */
struct vfio_token sriov_token(const struct device *device);

/**
 * sriov_check_lease() - may a function be leased, as far as it is a virtual one of vfiod's?
 * Return: 0, -EBUSY (they are being made, or removed) or -EOPNOTSUPP (not in this mode).
 */
int sriov_check_lease(const struct device *device, uint32_t mode, struct failure *failure);

/** sriov_is_member() - it is one of the virtual functions that vfiod makes of another one. */
bool sriov_is_member(const struct device *device);

/**
 * sriov_check_alone() - may a function be assigned, or given back, by itself?
 * Return: 0, or -EBUSY: it goes together with others.
 */
int sriov_check_alone(const struct device *device, struct failure *failure);

/** sriov_released_by() - the function whose UNASSIGN gives @device back: itself, or the one that it is a virtual one
 * of. */
uint64_t sriov_released_by(const struct device *device);

/** sriov_release() - UNASSIGN of a function that has a set of virtual ones. */
void sriov_release(struct request *request, struct device *device);

/** sriov_refused() - @device could not be assigned, or given back.  Return: whether that was for a set. */
bool sriov_refused(struct device *device, const struct failure *failure);

/** sriov_again() - make the virtual functions anew that are kept of @device. */
void sriov_again(struct device *device, const struct journal_record *kept);

/** sriov_waits() - its virtual functions are to be made anew, and can be now that it has a driver. */
bool sriov_waits(const struct device *device);

/** sriov_go_on() - a function has settled: do what had to wait for that. */
void sriov_go_on(struct daemon *daemon);

/** sriov_gone() - @device, which may have a set, was unplugged. */
void sriov_gone(struct device *device);

/** sriov_lost() - a virtual function of @physical_function is there no more. */
void sriov_lost(struct daemon *daemon, uint64_t physical_function);

/* ---- what outlasts vfiod ---- */

/** sriov_is_noted() - the journal has to have a record of it. */
bool sriov_is_noted(const struct device *device);

/** sriov_describe() - what is in that. */
void sriov_describe(const struct device *device, struct journal_record *record);

/** sriov_adopt() - take over what the vfiod before has noted. Return: 0 or -ENOMEM. */
int sriov_adopt(struct device *device, const struct journal_record *record);

/** sriov_resume() - go on with it; @kept: it is to be there after that, or NULL. */
void sriov_resume(struct device *device, const struct journal_record *kept);

/** sriov_free() - @set may be NULL. */
void sriov_free(struct vf_set *set);

#endif
