/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Counting, and the handler of STATS. */
#include "vfiod/metrics.h"

#include "vfiod/clock.h"
#include "vfiod/daemon.h"
#include "vfiod/failure.h"
#include "vfiod/request.h"
#include "vfiod/server.h"

#include <endian.h>
#include <stddef.h>

static const uint32_t ends[] = VFIOD_BUCKET_ENDS;
_Static_assert(sizeof(ends) / sizeof(ends[0]) == VFIOD_BUCKETS - 1, "the last bucket has no end");
_Static_assert(VFIOD_STAT_COUNT <= VFIOD_STATS_MAX, "the reply has room for all numbers");
_Static_assert(VFIOD_LATENCY_COUNT <= VFIOD_LATENCIES_MAX, "the reply has room for all latencies");

void metrics_count(struct metrics *metrics, enum vfiod_stat stat)
{
	metrics->counts[stat]++;
}

void metrics_deny(struct metrics *metrics, int error)
{
	static const enum vfiod_stat stats[REASON_COUNT] = {
		[REASON_NOT_ALLOWED] = VFIOD_STAT_DENIED_NOT_ALLOWED,
		[REASON_BUSY] = VFIOD_STAT_DENIED_BUSY,
		[REASON_LIMIT] = VFIOD_STAT_DENIED_LIMIT,
		[REASON_ABSENT] = VFIOD_STAT_DENIED_ABSENT,
		[REASON_FAULT] = VFIOD_STAT_DENIED_FAULT,
		[REASON_UNSUPPORTED] = VFIOD_STAT_DENIED_UNSUPPORTED,
		[REASON_INVALID] = VFIOD_STAT_DENIED_INVALID,
		[REASON_OTHER] = VFIOD_STAT_DENIED_OTHER,
	};

	metrics_count(metrics, stats[failure_reason(error)]);
}

void metrics_time(struct metrics *metrics, enum vfiod_latency latency, uint64_t us)
{
	struct metrics_latency *at = &metrics->latencies[latency];
	size_t bucket = 0;

	while (bucket < VFIOD_BUCKETS - 1 && us > ends[bucket])
		bucket++;
	at->buckets[bucket]++;
	at->count++;
	at->sum_us += us;
}

/* ---- STATS ---- */

static enum vfiod_stat stat_of(const struct device *device)
{
	if (device->state == VFIOD_QUARANTINED)
		return VFIOD_STAT_QUARANTINED;
	if (device->state == VFIOD_LEASED)
		return VFIOD_STAT_LEASED;
	return device->state == VFIOD_FREE ? VFIOD_STAT_FREE : VFIOD_STAT_CHANGING;
}

/* What is counted when somebody asks. */
static void look(struct daemon *daemon)
{
	struct metrics *metrics = &daemon->metrics;

	for (int i = VFIOD_STAT_FREE; i <= VFIOD_STAT_CHANGING; i++)
		metrics->counts[i] = 0;
	for (size_t i = 0; i < daemon->devices.count; i++)
		if (daemon->devices.list[i]->state != VFIOD_UNMANAGED)
			metrics_count(metrics, stat_of(daemon->devices.list[i]));
	metrics->counts[VFIOD_STAT_OPEN] = server_connections(daemon->server);
	metrics->counts[VFIOD_STAT_UPTIME] = (clock_us() - metrics->started) / 1000000;
}

static void put_latency(const struct metrics_latency *from, struct vfiod_stats_latency *to)
{
	to->count = htole64(from->count);
	to->sum_us = htole64(from->sum_us);
	for (size_t i = 0; i < VFIOD_BUCKETS; i++)
		to->buckets[i] = htole64(from->buckets[i]);
}

void request_stats(struct request *request, const struct vfiod_stats_req *body)
{
	struct daemon *daemon = request->daemon;
	struct vfiod_stats_rep rep = { 0 };

	(void)body;
	look(daemon);
	for (size_t i = 0; i < VFIOD_STAT_COUNT; i++)
		rep.counts[i] = htole64(daemon->metrics.counts[i]);
	for (size_t i = 0; i < VFIOD_LATENCY_COUNT; i++)
		put_latency(&daemon->metrics.latencies[i], &rep.latencies[i]);
	request_reply(request, &rep, sizeof(rep), NULL, 0);
}
