/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef FAKE_WIRE_H
#define FAKE_WIRE_H

/*
 * Between the fake machine's kernel, which is a process, and what is preloaded into programs that take it for one. A
 * program's files of VFIO are ends of socket pairs, of which the kernel has the other ends: so they can be passed on,
 * and the kernel sees the last close of each, whoever dies.
 *
 * Each call is a connection of its own: SOCK_SEQPACKET, one message there with the files that it is about, one back.
 */

#include "kmod/uapi/vfiod_handle.h"

#include <stdatomic.h>
#include <stdint.h>

#define FAKE_DIR    "/run/fake"
#define FAKE_SOCKET FAKE_DIR "/kernel"
#define FAKE_TABLE  FAKE_DIR "/handles"

enum fake_op {
	FAKE_OPEN,    /* data: the path */
	FAKE_WRITE,   /* an attribute of sysfs, which is passed; data: what is written */
	FAKE_IOCTL,   /* on what is passed; then a file that is its argument, if there is one */
	FAKE_POOL,    /* handles that nobody has yet: data of the answer: their numbers */
	FAKE_CONTROL, /* data: a line of commands, see main.c; data of the answer: text */
};

#define FAKE_DATA_MAX 4096
#define FAKE_POOL_MAX 64

struct fake_call {
	uint32_t op;
	uint32_t command; /* of an ioctl */
	uint64_t argument;
	uint32_t length;
	char data[FAKE_DATA_MAX];
};

/* In fake_answer.value: ask again in a while, since the kernel would sleep now. */
#define FAKE_AGAIN INT64_MIN

struct fake_answer {
	int64_t value;	 /* or a negative errno */
	uint32_t object; /* of which a file is passed: what ioctl()s will be about */
	uint32_t sleep_ms;
	uint32_t length;
	char data[FAKE_DATA_MAX];
};

/* What a file stands for, in the upper four bits of its number. */
enum fake_kind { FAKE_NOTHING, FAKE_GROUP, FAKE_CONTAINER, FAKE_DEVICE, FAKE_NODE };
#define FAKE_KIND(object) ((enum fake_kind)((object) >> 28))

/* ---- the table of handles, in memory that all share ---- */

#define FAKE_HANDLES 16384 /* handle ID is at ID modulo this */
#define FAKE_FREE    0u	   /* beside VFIOD_HANDLE_LIVE and so on */

/* Whoever makes a handle writes all, and the state last; from then on the kernel alone writes. */
struct fake_handle {
	_Atomic uint32_t state;
	_Atomic uint32_t flags;
	uint32_t id;
	uint32_t kind;
	uint64_t lease;
	uint32_t uid;
	uint32_t container;
	uint32_t creator;
	uint32_t object;
	uint8_t tag[VFIOD_HANDLE_TAG_SIZE];
	uint32_t busy_pid;
	uint32_t zero;
};

struct fake_table {
	/* vfiod.sh reads these: the process that has taken handles in advance, and how many it still has */
	_Atomic uint32_t storing;
	_Atomic uint32_t stored;
	struct fake_handle handles[FAKE_HANDLES];
	/* the numbers of those that the kernel has changed, in this order */
	_Atomic uint64_t changes;
	_Atomic uint32_t changed[FAKE_HANDLES];
};

#endif
