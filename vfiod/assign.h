/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIOD_ASSIGN_H
#define VFIOD_ASSIGN_H

struct daemon;
struct device;
struct failure;
struct owner;

/*
 * Taking a function from the host, and giving it back: assign.c has the handlers of ASSIGN and UNASSIGN (request.h),
 * and what vfiod does of itself.
 *
 * What is assigned is kept over reboots (kept.h), and taken again when the function appears.
 */

/** assign_appeared() - @device is there, and is the host's: take it again, if it is assigned. */
void assign_appeared(struct daemon *daemon, struct device *device);

/**
 * assign_again() - the same for a function whose assignment is kept, whatever became of it before.
 *
 * As soon as nobody has another function of its IOMMU group, and after the same checks as any other assignment; where
 * that fails it stays the host's, and has the reason.
 */
void assign_again(struct daemon *daemon, struct device *device);

/** assign_go_on() - take what assign_again() had to leave until now. */
void assign_go_on(struct daemon *daemon);

/**
 * assign_member() - assign a virtual function as one of those that vfiod makes of another (sriov.h).
 *
 * As ASSIGN does, but it is not kept by itself.  What comes of it sriov_refused() is told, or its state says.
 */
int assign_member(struct daemon *daemon, struct device *device, const struct owner *owner, struct failure *failure);

/** assign_leave() - have a free or quarantined one where it was before that; the same. */
int assign_leave(struct daemon *daemon, struct device *device, struct failure *failure);

/*
 * What the vfiod before died over; of a quarantined function whose origin is known. Return: 0, or a negative errno,
 * which has been logged: it stays in quarantine.
 */
int assign_undo(struct daemon *daemon, struct device *device);
void assign_give_back(struct daemon *daemon, struct device *device);

#endif
