/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIOD_POLICY_H
#define VFIOD_POLICY_H

#include "vfiod/clean.h"
#include "vfiod/companion.h"
#include "vfiod/driver.h"
#include "vfiod/failure.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct config;
struct facts;
struct peer;
struct rule;

/* Who may have what. Pure functions of their arguments: no system call, no clock, no state. */

/* To whom a function is assigned: exactly one of both is not VFIOD_NONE. */
struct owner {
	uint32_t uid;
	uint32_t gid;
};

/* Another user who has fewer functions of a pool than the peer, and asked for one in vain: see claims.h. */
struct rival {
	bool is; /* there is one */
	uint32_t uid;
	size_t leases, own;   /* of the pool: the other user's, and the peer's */
	unsigned int seconds; /* that its claim is still good for */
};

/* What a peer asks for. */
struct demand {
	const struct peer *peer;
	uint32_t mode;	/* VFIOD_MODE_… */
	bool revocable; /* the lease would be one that can be taken back, if the rule has a lease-time */
	size_t leases;	/* that the peer has of other functions that the rule is about, if that limits them */
};

/** policy_rule() - the first rule that fits the function, or NULL. */
const struct rule *policy_rule(const struct config *config, const struct facts *facts);

/**
 * policy_may_assign() - may an administrator take this function from the host?
 *
 * The machine's own state (is it in use, is its IOMMU group viable) is not policy's: see inuse.h and group.h.
 *
 * Return: 0, or -EOPNOTSUPP (a bridge, no IOMMU, no reset), -EBUSY (the boot display, virtual functions), -EPERM (a
 * rule), with the reason in @failure.
 */
int policy_may_assign(const struct config *config, const struct facts *facts, struct failure *failure);

/**
 * policy_may_take() - may a function be taken from the host, be it as a companion of another one?
 *
 * Nobody gets a companion, so that it need not be one that can be cleaned.
 *
 * Return: 0, or -EBUSY or -EPERM as of policy_may_assign(), with the reason in @failure.
 */
int policy_may_take(const struct config *config, const struct facts *facts, struct failure *failure);

/**
 * policy_may_acquire() - may this peer have a function that is assigned to @owner?
 *
 * Return: 0, or -EACCES (it is not the peer's, or not in this mode), -EDQUOT (the peer has as many as it may) or
 * -EOPNOTSUPP (what its rule wants of the lease cannot be had), with the reason in
 * @failure. User 0 has no privilege here.
 */
int policy_may_acquire(const struct config *config, const struct facts *facts, const struct owner *owner,
		       const struct demand *demand, struct failure *failure);

/**
 * policy_may_go_first() - may a peer have a function of a pool before @rival?
 * Return: 0, or -EBUSY with the reason in @failure.
 */
int policy_may_go_first(const struct config *config, const struct facts *facts, const struct rival *rival,
			struct failure *failure);

/** policy_pool() - the name of the pool that the function is in, or NULL. */
const char *policy_pool(const struct config *config, const struct facts *facts);

/** policy_wants_other_mode() - the rule's functions are not to be had in @mode. */
bool policy_wants_other_mode(const struct rule *rule, uint32_t mode);

/** policy_driver() - which VFIO driver the function is to have. */
enum driver_choice policy_driver(const struct config *config, const struct facts *facts);

/** policy_reset() - whether the function has to be reset between two users. */
enum clean_reset policy_reset(const struct config *config, const struct facts *facts);

/** policy_companions() - what becomes of the rest of its IOMMU group when the function is assigned. */
enum companions policy_companions(const struct config *config, const struct facts *facts);

/** policy_unsafe_interrupts() - may it be assigned where it can raise any interrupt of the machine? */
bool policy_unsafe_interrupts(const struct config *config, const struct facts *facts);

/** policy_may_keep_warm() - may the function be kept open and clean while nobody has it? */
bool policy_may_keep_warm(const struct config *config, const struct facts *facts);

#endif
