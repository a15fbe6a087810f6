/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vfiod/claims.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static bool is_of(const struct claim *claim, const char *pool, uint32_t uid)
{
	return claim->uid == uid && !strcmp(claim->pool, pool);
}

static bool is_same(const struct owner *a, const struct owner *b)
{
	return a->uid == b->uid && a->gid == b->gid;
}

/* The user's own claim on the pool, or else the place of the one that ends first, or has ended. */
static struct claim *place_for(struct claims *claims, const char *pool, uint32_t uid)
{
	struct claim *oldest = &claims->list[0];

	for (size_t i = 0; i < CLAIMS_MAX; i++) {
		struct claim *claim = &claims->list[i];

		if (is_of(claim, pool, uid))
			return claim;
		if (claim->until_ms < oldest->until_ms)
			oldest = claim;
	}
	return oldest;
}

void claims_note(struct claims *claims, const char *pool, uint32_t uid, const struct owner *owner, uint64_t now_ms)
{
	struct claim *claim = place_for(claims, pool, uid);

	*claim = (struct claim){ .uid = uid, .owner = *owner, .until_ms = now_ms + CLAIM_MS };
	snprintf(claim->pool, sizeof(claim->pool), "%s", pool);
}

void claims_settle(struct claims *claims, const char *pool, uint32_t uid)
{
	for (size_t i = 0; i < CLAIMS_MAX; i++)
		if (is_of(&claims->list[i], pool, uid))
			claims->list[i] = (struct claim){ .uid = 0 };
}

const struct claim *claims_next(const struct claims *claims, const struct claim *last, const char *pool,
				const struct owner *owner, uint64_t now_ms)
{
	const struct claim *end = claims->list + CLAIMS_MAX;

	for (const struct claim *claim = last ? last + 1 : claims->list; claim < end; claim++)
		if (claim->until_ms > now_ms && !strcmp(claim->pool, pool) && is_same(&claim->owner, owner))
			return claim;
	return NULL;
}
