/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIOD_CLAIMS_H
#define VFIOD_CLAIMS_H

#include "proto/vfiod_proto.h"
#include "vfiod/policy.h"

#include <stddef.h>
#include <stdint.h>

/*
 * Who asked for one of a pool in vain, lately.  Nobody waits in a queue for a pool; but while a user has such a claim,
 * whoever has more functions of the pool than that user gets no other one of it, as far as they are assigned to the
 * same owner as the one that was asked for in vain: who may have that may have these.
 */

#define CLAIM_MS   60000
#define CLAIMS_MAX 256 /* the oldest go first */

struct claim {
	char pool[VFIOD_NAME_MAX]; /* empty: none */
	uint32_t uid;
	struct owner owner;
	uint64_t until_ms;
};

struct claims {
	struct claim list[CLAIMS_MAX];
};

/** claims_note() - @uid asked for one of @pool that is @owner's at @now_ms, in vain; it is good for CLAIM_MS. */
void claims_note(struct claims *claims, const char *pool, uint32_t uid, const struct owner *owner, uint64_t now_ms);

/** claims_settle() - @uid has got one. */
void claims_settle(struct claims *claims, const char *pool, uint32_t uid);

/**
 * claims_next() - the claims on functions of @pool that are @owner's which are good at @now_ms.
 * @last: the one before; NULL: the first
 */
const struct claim *claims_next(const struct claims *claims, const struct claim *last, const char *pool,
				const struct owner *owner, uint64_t now_ms);

#endif
