/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIOD_METRICS_H
#define VFIOD_METRICS_H

#include "proto/vfiod_stats.h"

#include <stdint.h>

/* What vfiod counts, and how long things take; vfiod_stats.h has the names. The loop's alone. */
struct metrics {
	uint64_t started; /* clock_us() */
	uint64_t counts[VFIOD_STAT_COUNT];
	struct metrics_latency {
		uint64_t count, sum_us;
		uint64_t buckets[VFIOD_BUCKETS]; /* not cumulative */
	} latencies[VFIOD_LATENCY_COUNT];
};

/** metrics_count() - one more. */
void metrics_count(struct metrics *metrics, enum vfiod_stat stat);

/** metrics_deny() - one more request that was refused with this negative errno. */
void metrics_deny(struct metrics *metrics, int error);

/** metrics_time() - it has taken this many microseconds. */
void metrics_time(struct metrics *metrics, enum vfiod_latency latency, uint64_t us);

#endif
