/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIOD_LIMITS_H
#define VFIOD_LIMITS_H

#include "vfiod/config.h"
#include "vfiod/failure.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct account;
struct limits;

/*
 * How much of vfiod one user may have: connections, requests and lines of the log.  What it costs to look does not
 * depend on how many users and connections there are.  Times are microseconds of any clock that only goes forward.
 */

/* A bucket of tokens: so many fit in, and one comes each @cost microseconds. It is full when @full_at is over. */
struct bucket {
	uint64_t full_at;
};

/** bucket_take() - take a token out. Return: whether there was one. */
bool bucket_take(struct bucket *bucket, uint64_t now, uint64_t cost, unsigned int size);

/**
 * limits_new() - nobody has anything yet.
 * @forgotten: hears how many lines about a user were left out whose account goes; account_may_log() has not told
 *
 * Return: NULL without memory.
 */
struct limits *limits_new(void (*forgotten)(uid_t uid, unsigned int left_out));

/** limits_free() - tells of all that was left out. */
void limits_free(struct limits *limits);

/**
 * limits_account() - the account of a user, made if there is none.
 *
 * It goes some time after its last connection, when nothing has to be remembered of it any more: @account of before a
 * connection is of use until the next call of limits_account() or limits_disconnect().
 *
 * Return: NULL without memory.
 */
struct account *limits_account(struct limits *limits, uid_t uid, uint64_t now);

/**
 * limits_connect() - a connection more.
 * Return: 0, or -EAGAIN and in words which limit that would be over.
 */
int limits_connect(struct limits *limits, struct account *account, const struct quotas *quotas,
		   struct failure *failure);

/** limits_disconnect() - one less; the account may be gone afterwards. */
void limits_disconnect(struct limits *limits, struct account *account, uint64_t now);

/** account_may_ask() - take a request out of what the user has in this second. */
bool account_may_ask(struct account *account, const struct quotas *quotas, uint64_t now);

/**
 * account_may_log() - may a line be written that this user has caused?
 * @left_out: how many were not, since the last one was; they are forgotten then
 */
bool account_may_log(struct account *account, uint64_t now, unsigned int *left_out);

#endif
