/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIOD_REVOKE_H
#define VFIOD_REVOKE_H

#include <stdbool.h>
#include <stdint.h>

struct daemon;
struct device;

/*
 * The end of a lease: whatever of it is left is taken away, the function is closed, reset and verified, and then free;
 * or quarantined, when any of that could not be.
 */

/** revoke_announce() - tell the client of a lease by handles that it ends in @grace_ms, and have it end then. */
void revoke_announce(struct daemon *daemon, struct device *device, uint32_t grace_ms);

/** revoke_start() - end the lease of a function that is VFIOD_LEASED, now. */
void revoke_start(struct daemon *daemon, struct device *device);

/** revoke_check() - the same for a lease of which is not known whether it has ended: if it is open still, it goes on.
 */
void revoke_check(struct daemon *daemon, struct device *device);

/**
 * revoke_go_on() - clean functions that a vfiod before us has left free, where nobody has their group open any more.
 *
 * A lease that goes on over a restart keeps the others of its group from that until it ends, and from everybody, too.
 */
void revoke_go_on(struct daemon *daemon);

/**
 * revoke_orphan() - end the handles of a lease that nobody knows: a vfiod before this one died over it.
 */
void revoke_orphan(struct daemon *daemon, uint64_t lease);

#endif
