/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What vfiod counts, for administrators. */
#include "libvfiodma/session.h"

#include <endian.h>
#include <string.h>

static const struct {
	const char *name, *label, *help;
	enum vfiodma_stat_kind kind;
} stats[] = {
#define X(NAME, kind, name, label, text) { name, label, text, VFIODMA_##kind },
	VFIOD_STAT_TABLE(X)
#undef X
};

static const struct {
	const char *name, *help;
} latencies[] = {
#define X(NAME, name, text) { name, text },
	VFIOD_LATENCY_TABLE(X)
#undef X
};

static void tell_latency(size_t i, const struct vfiod_stats_latency *latency, vfiodma_stat_fn fn, void *data)
{
	static const uint32_t ends[] = VFIOD_BUCKET_ENDS;
	struct vfiodma_stat stat = {
		.name = latencies[i].name,
		.label = "",
		.help = latencies[i].help,
		.kind = VFIODMA_HISTOGRAM,
		.value = le64toh(latency->count),
		.sum_us = le64toh(latency->sum_us),
		.bucket_count = VFIOD_BUCKETS,
		.bucket_ends_us = ends,
	};
	uint64_t buckets[VFIOD_BUCKETS];

	for (size_t bucket = 0; bucket < VFIOD_BUCKETS; bucket++)
		buckets[bucket] = le64toh(latency->buckets[bucket]);
	stat.buckets = buckets;
	fn(data, &stat);
}

int vfiodma_stats(struct vfiodma_session *session, vfiodma_stat_fn fn, void *data)
{
	const struct vfiod_stats_req request = { 0 };
	struct proto_msg reply;
	const struct vfiod_stats_rep *told = proto_msg_body(&reply);
	int err = session_request(session, VFIOD_STATS, &request, sizeof(request), &reply);

	if (err)
		return err;
	for (size_t i = 0; i < VFIOD_STAT_COUNT; i++) {
		const struct vfiodma_stat stat = {
			.name = stats[i].name,
			.label = stats[i].label,
			.help = stats[i].help,
			.kind = stats[i].kind,
			.value = le64toh(told->counts[i]),
		};

		fn(data, &stat);
	}
	for (size_t i = 0; i < VFIOD_LATENCY_COUNT; i++)
		tell_latency(i, &told->latencies[i], fn, data);
	return 0;
}
