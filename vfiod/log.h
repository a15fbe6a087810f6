/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIOD_LOG_H
#define VFIOD_LOG_H

#include <stdbool.h>
#include <stdint.h>
#include <syslog.h>

/*
 * The daemon's one log.  Where its standard error is the journal, a line is an entry with fields
 * (systemd.journal-fields(7), and those of struct log_about); elsewhere it is a plain line.  Safe in every thread, and
 * it never waits for who reads it: lines that are not taken are left out, and their number is told with the next one.
 */

/*
 * X(NAME, message id, priority, what has happened): the kinds of events that a machine may look for, or an auditor.  An
 * id is told to users (vfiod(8)) and never changes.
 */
#define LOG_EVENTS(X) \
	X(READY, "06dc8652f4534c6fa87a1e5eb1b546e9", LOG_INFO, "vfiod serves") \
	X(STOPPING, "2ad2c0c5fc4148cf8690b6f6d8c06cbd", LOG_INFO, "vfiod ends") \
	X(RELOADED, "860adaefcf2a4dad891b22875bcf1655", LOG_INFO, "the configuration was read anew") \
	X(NOT_RELOADED, "1410c321a74040c2a6b20884400e5258", LOG_ERR, "it has a mistake and stays as it was") \
	X(ASSIGNED, "e5af80b8404d42daad44a92b16a6390c", LOG_INFO, "a function was assigned to a user or group") \
	X(UNASSIGNED, "10d31a3592f440e68ea53c5563aded67", LOG_INFO, "a function was given back to the host") \
	X(GRANTED, "27cf7a0eeb624e8a86d753fd532e8442", LOG_INFO, "a lease has begun") \
	X(DENIED, "bf69d7e78976456eb71b792dbf18af4e", LOG_NOTICE, "a request was refused") \
	X(ANNOUNCED, "0dc681faa5e143469fe28a8550cb60a3", LOG_INFO, "a user was told that a lease is to end") \
	X(REVOKED, "781a960eb58844ab818d6fe6b7c711be", LOG_INFO, "a lease was taken away, its function is clean") \
	X(ENDED, "d3ec899f735d437fb89f8ddc1430c80d", LOG_INFO, "a lease was given back, its function is clean") \
	X(ORPHANED, "0c8899af39dd42d7b32279ee4f2cd4b8", LOG_WARNING, "a lease that vfiod did not know was taken away") \
	X(QUARANTINED, "81842bebfa0e44ce9cae310214932485", LOG_ERR, "a function could not be cleaned: nobody gets it") \
	X(KILLED, "9f31fcebe92b48a7bb03e836670000fb", LOG_WARNING, "a process stuck with a revoked lease was killed") \
	X(UNPLUGGED, "9bf2add2581d40f0976d57ce5fd6af4d", LOG_WARNING, "a function went that was not the host's") \
	X(EXPELLED, "6dac86cb345a44dcb60fba54eb8486f4", LOG_NOTICE, "a connection broke the rules of the protocol") \
	X(DROPPED, "0140c42d91b942c5b68b17aaae166a1c", LOG_NOTICE, "a connection did not greet, or read its answers") \
	X(CONNECTION_REFUSED, "2adedbb926cd4130b919bf30a1b8a7b7", LOG_NOTICE, "a connection was one too many") \
	X(SUPPRESSED, "77ec29edfd2e460f8ede52f6a5ad9434", LOG_NOTICE, "so many lines about a user were left out") \
	X(NOT_SAVED, "5c5bb41180bb41058bdb5783e31e8838", LOG_ERR, "the file for the next vfiod cannot be written") \
	X(CLEARED, "2e53ac62c5904a53b4d7457129926fda", LOG_NOTICE, "what was quarantined has been cleaned after all") \
	X(TAKEN_ALONG, "72363f00c34d40d3bbb61a8025fa0974", LOG_INFO, "a companion was taken from the host") \
	X(WENT_BACK, "b42ed125386f4e16b55abef45cda3922", LOG_INFO, "a companion was given back to the host") \
	X(NOT_ASSIGNED, "a72de7b0713b4dbbbfe896f6e7b64c2d", LOG_ERR, "what is assigned could not be taken again") \
	X(RESUMED, "752d59d55ee9423283c5b3a8c91f1205", LOG_INFO, "a lease goes on after a restart of vfiod") \
	X(TIME_IS_UP, "3c0e4533cb5f4f9b874bcbcc2d511940", LOG_INFO, "a lease has had the time that its rule allows") \
	X(VFS_NOT_REMOVED, "5c18b47d5adf4e5b8ba1adebbd671700", LOG_ERR, "virtual functions could not be removed") \
	X(VFS_LOST, "15982ae1ee18456f9d957478ca02b30c", LOG_WARNING, "somebody else has removed virtual functions")

enum log_event {
#define X(NAME, id, priority, text) LOG_EVENT_##NAME,
	LOG_EVENTS(X)
#undef X
};

/* What an event is about, as far as it applies. */
struct log_about {
	const uint64_t *device; /* VFIOD_DEVICE: the address of a function */
	const uint32_t *uid;	/* VFIOD_UID: the user whose doing it is */
	uint64_t lease;		/* VFIOD_LEASE; 0: none */
	const char *op;		/* VFIOD_OP: the operation of the protocol */
	const char *reason;	/* VFIOD_REASON: a word that stays the same, failure_reason_word() */
	int priority;		/* 0: that of the event's kind */
};

/** log_setup() - LOG_DEBUG lines are written only when @verbose is set. To be called before any thread is made. */
void log_setup(bool verbose);

/** log_line() - write one line; @priority is one of syslog(3)'s. */
void log_line(int priority, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** log_event() - write one line of an event that has an id. @about: or NULL */
void log_event(enum log_event event, const struct log_about *about, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
