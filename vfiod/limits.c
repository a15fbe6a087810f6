/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vfiod/limits.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/queue.h>

#define SLOTS	    1024
#define SECOND	    1000000u
#define LOG_LINES   30	     /* of one user at once */
#define LOG_COST    2000000u /* and then one in this time */
#define SETTLE_STEP 4	     /* accounts looked at when another becomes idle: more than become so */

struct account {
	uid_t uid;
	unsigned int connections;
	unsigned int left_out; /* of the log */
	struct bucket requests, lines;
	bool idle; /* in that queue */
	LIST_ENTRY(account) slot;
	TAILQ_ENTRY(account) next;
};

struct limits {
	void (*forgotten)(uid_t uid, unsigned int left_out);
	unsigned int connections;
	LIST_HEAD(, account) slots[SLOTS]; /* by uid */
	TAILQ_HEAD(, account) idle;	   /* without a connection */
};

/* ---- buckets ---- */

bool bucket_take(struct bucket *bucket, uint64_t now, uint64_t cost, unsigned int size)
{
	uint64_t full_at = bucket->full_at > now ? bucket->full_at : now;

	/* so many tokens are missing, and one more is to be */
	if (full_at - now + cost > cost * size)
		return false;
	bucket->full_at = full_at + cost;
	return true;
}

/* ---- accounts ---- */

struct limits *limits_new(void (*forgotten)(uid_t uid, unsigned int left_out))
{
	struct limits *made = calloc(1, sizeof(*made));

	if (!made)
		return NULL;
	made->forgotten = forgotten;
	TAILQ_INIT(&made->idle);
	return made;
}

static unsigned int slot_of(uid_t uid)
{
	return (uint32_t)uid * 2654435761u >> 22; /* Knuth's multiplicative hash, of 10 bits */
}

static void account_free(struct limits *limits, struct account *account)
{
	if (account->left_out)
		limits->forgotten(account->uid, account->left_out);
	if (account->idle)
		TAILQ_REMOVE(&limits->idle, account, next);
	LIST_REMOVE(account, slot);
	free(account);
}

void limits_free(struct limits *limits)
{
	struct account *account;

	if (!limits)
		return;
	for (unsigned int i = 0; i < SLOTS; i++)
		while ((account = LIST_FIRST(&limits->slots[i])))
			account_free(limits, account); /* NOLINT(clang-analyzer-unix.Malloc): it takes itself out */
	free(limits);
}

/* Nothing has to be remembered of it. */
static bool is_as_new(const struct account *account, uint64_t now)
{
	return account->requests.full_at <= now && account->lines.full_at <= now;
}

/* Of an account without a connection: it may go as soon as it is as good as a new one. */
static void settle(struct limits *limits, struct account *account, uint64_t now)
{
	struct account *first;

	if (account->connections || account->idle)
		return;
	for (int i = 0; i < SETTLE_STEP && (first = TAILQ_FIRST(&limits->idle)); i++) {
		if (is_as_new(first, now)) { /* NOLINT(clang-analyzer-unix.Malloc): as above */
			account_free(limits, first);
			continue;
		}
		/* to the end, so that one with a long memory does not keep the others */
		TAILQ_REMOVE(&limits->idle, first, next);
		TAILQ_INSERT_TAIL(&limits->idle, first, next);
	}
	account->idle = true;
	TAILQ_INSERT_TAIL(&limits->idle, account, next);
}

struct account *limits_account(struct limits *limits, uid_t uid, uint64_t now)
{
	unsigned int slot = slot_of(uid);
	struct account *account;

	LIST_FOREACH (account, &limits->slots[slot], slot)
		if (account->uid == uid)
			return account;
	account = calloc(1, sizeof(*account));
	if (!account)
		return NULL;
	account->uid = uid;
	LIST_INSERT_HEAD(&limits->slots[slot], account, slot);
	settle(limits, account, now);
	return account;
}

/* ---- connections ---- */

int limits_connect(struct limits *limits, struct account *account, const struct quotas *quotas, struct failure *failure)
{
	if (quotas->connections_per_user && account->connections >= quotas->connections_per_user)
		return failure_set(
			failure, -EAGAIN,
			"user %u has %u connections to vfiod, and may not have more (connections-per-user in "
			"vfiod.conf); close one first",
			(unsigned)account->uid, account->connections);
	if (quotas->connections && limits->connections >= quotas->connections)
		return failure_set(failure, -EAGAIN,
				   "vfiod has %u connections, and takes no more (connections in vfiod.conf); try again "
				   "later",
				   limits->connections);
	limits->connections++;
	account->connections++;
	if (account->idle)
		TAILQ_REMOVE(&limits->idle, account, next);
	account->idle = false;
	return 0;
}

void limits_disconnect(struct limits *limits, struct account *account, uint64_t now)
{
	limits->connections--;
	account->connections--;
	settle(limits, account, now);
}

/* ---- what they do ---- */

bool account_may_ask(struct account *account, const struct quotas *quotas, uint64_t now)
{
	unsigned int rate = quotas->requests_per_second;

	return !rate || bucket_take(&account->requests, now, SECOND / rate, rate);
}

bool account_may_log(struct account *account, uint64_t now, unsigned int *left_out)
{
	if (!bucket_take(&account->lines, now, LOG_COST, LOG_LINES)) {
		account->left_out++;
		return false;
	}
	*left_out = account->left_out;
	account->left_out = 0;
	return true;
}
