/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What vfiod counts.  A part of the contract (vfiod_proto.h): a number's place in the reply to STATS is its place in
 * these tables, which are added to at their ends only.  So who is of another release leaves out what it does not know,
 * and finds zeros for what the other does not.
 */
#ifndef VFIOD_STATS_H
#define VFIOD_STATS_H

#define VFIOD_STATS_MAX	    64 /* numbers */
#define VFIOD_LATENCIES_MAX 8
#define VFIOD_BUCKETS	    16

/*
 * X(NAME, kind, name, label and value or "", what it is): Prometheus' names; numbers of one name stand together.  A
 * COUNTER counts from the start of vfiod, a GAUGE is as it is now.
 */
#define VFIOD_STAT_TABLE(X) \
	X(GRANTS, COUNTER, "vfiod_leases_granted_total", "", "Leases granted.") \
	X(ENDS, COUNTER, "vfiod_leases_ended_total", "how=\"released\"", "Leases that have ended.") \
	X(REVOKES, COUNTER, "vfiod_leases_ended_total", "how=\"revoked\"", "Leases that have ended.") \
	X(ENDS_UNPLUGGED, COUNTER, "vfiod_leases_ended_total", "how=\"unplugged\"", "Leases that have ended.") \
	X(ENDS_QUARANTINED, COUNTER, "vfiod_leases_ended_total", "how=\"quarantined\"", "Leases that have ended.") \
	X(DENIED_NOT_ALLOWED, COUNTER, "vfiod_requests_denied_total", "reason=\"not-allowed\"", "Requests refused.") \
	X(DENIED_BUSY, COUNTER, "vfiod_requests_denied_total", "reason=\"busy\"", "Requests refused.") \
	X(DENIED_LIMIT, COUNTER, "vfiod_requests_denied_total", "reason=\"limit\"", "Requests refused.") \
	X(DENIED_ABSENT, COUNTER, "vfiod_requests_denied_total", "reason=\"absent\"", "Requests refused.") \
	X(DENIED_FAULT, COUNTER, "vfiod_requests_denied_total", "reason=\"fault\"", "Requests refused.") \
	X(DENIED_UNSUPPORTED, COUNTER, "vfiod_requests_denied_total", "reason=\"unsupported\"", "Requests refused.") \
	X(DENIED_INVALID, COUNTER, "vfiod_requests_denied_total", "reason=\"invalid\"", "Requests refused.") \
	X(DENIED_OTHER, COUNTER, "vfiod_requests_denied_total", "reason=\"other\"", "Requests refused.") \
	X(RESETS, COUNTER, "vfiod_cleanings_total", "result=\"clean\"", "Functions cleaned after a lease.") \
	X(RESET_FAILURES, COUNTER, "vfiod_cleanings_total", "result=\"failed\"", "Functions cleaned after a lease.") \
	X(QUARANTINES, COUNTER, "vfiod_quarantines_total", "", "Functions put into quarantine.") \
	X(KILLS, COUNTER, "vfiod_processes_killed_total", "", "Processes killed, stuck with a revoked lease.") \
	X(CONNECTIONS, COUNTER, "vfiod_connections_total", "result=\"taken\"", "Connections of clients.") \
	X(CONNECTIONS_REFUSED, COUNTER, "vfiod_connections_total", "result=\"refused\"", "Connections of clients.") \
	X(DROPS, COUNTER, "vfiod_connections_ended_total", "why=\"slow\"", "Connections that vfiod ended.") \
	X(EXPULSIONS, COUNTER, "vfiod_connections_ended_total", "why=\"rules\"", "Connections that vfiod ended.") \
	X(SAVE_FAILURES, COUNTER, "vfiod_state_write_failures_total", "", "Failures to save the state of functions.") \
	X(RELOADS, COUNTER, "vfiod_reloads_total", "result=\"taken\"", "Readings of a new configuration.") \
	X(RELOAD_FAILURES, COUNTER, "vfiod_reloads_total", "result=\"failed\"", "Readings of a new configuration.") \
	X(OPEN, GAUGE, "vfiod_connections_open", "", "Connections of clients, now.") \
	X(FREE, GAUGE, "vfiod_functions", "state=\"free\"", "Assigned functions, now.") \
	X(LEASED, GAUGE, "vfiod_functions", "state=\"leased\"", "Assigned functions, now.") \
	X(QUARANTINED, GAUGE, "vfiod_functions", "state=\"quarantined\"", "Assigned functions, now.") \
	X(CHANGING, GAUGE, "vfiod_functions", "state=\"changing\"", "Assigned functions, now.") \
	X(UPTIME, GAUGE, "vfiod_uptime_seconds", "", "Seconds since vfiod started.")

/* X(NAME, name, what it is) */
#define VFIOD_LATENCY_TABLE(X) \
	X(ACQUIRE, "vfiod_acquire_seconds", "Time from the request to the lease.") \
	X(RELEASE, "vfiod_release_seconds", "Time from the end of a lease to a free function.") \
	X(RESET, "vfiod_reset_seconds", "Time to reset and verify a function; a part of the one before.")

enum vfiod_stat {
#define X(NAME, kind, name, label, text) VFIOD_STAT_##NAME,
	VFIOD_STAT_TABLE(X)
#undef X
		VFIOD_STAT_COUNT
};

enum vfiod_latency {
#define X(NAME, name, text) VFIOD_LATENCY_##NAME,
	VFIOD_LATENCY_TABLE(X)
#undef X
		VFIOD_LATENCY_COUNT
};

/* The upper ends of the buckets, in microseconds; the last bucket has no end. */
#define VFIOD_BUCKET_ENDS \
	{ \
		50, 100, 250, 500, 1000, 2500, 5000, 10000, 25000, 50000, 100000, 250000, 500000, 1000000, 5000000 \
	}

#endif
