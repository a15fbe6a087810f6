/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIOD_JOURNAL_H
#define VFIOD_JOURNAL_H

#include "vfiod/bind.h"
#include "vfiod/clean.h"
#include "vfiod/policy.h"
#include "vfiod/state.h"
#include "vfiod/vfio.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * What vfiod writes down of functions, as bytes: a head, and then records of one size, each with a checksum of its own.
 * Two files are made so: the journal of saved.c, and what kept.c keeps of an assignment.
 *
 * Nothing here touches a file.
 */

#define JOURNAL_SIZE 512 /* of the head and of a record: none lies across two pages of memory */

/* The version that is written, and the oldest that is read.  A test builds the next vfiod with a higher number. */
#ifndef JOURNAL_VERSION
#define JOURNAL_VERSION 1
#endif
#define JOURNAL_VERSION_MIN 1

/* Which function it is: another one in its place has another identity.  Serial numbers are in struct clean_header. */
struct journal_identity {
	uint16_t vendor, device, subsystem_vendor, subsystem_device;
};

struct facts;

/** journal_identity_of() - of a function that is there. */
struct journal_identity journal_identity_of(const struct facts *facts);

/* Of a lease. */

struct journal_lease {
	uint64_t id; /* 0: there is none */
	uint32_t uid, pid;
	bool by_handles;
	uint64_t deadline_ms; /* when it is to end, by the monotonic clock, or JOURNAL_NO_TIME */
};

#define JOURNAL_NO_TIME UINT64_MAX

/* What is noted of virtual functions that vfiod makes.  They have records of their own, as any assigned function. */
enum journal_vfs_phase {
	JOURNAL_VFS_MAKING = 1, /* they are being made, or assigned; or undone, and stay kept */
	JOURNAL_VFS_THERE,	/* they are assigned, all of them */
	JOURNAL_VFS_LEAVING,	/* they are being given back, or removed */
};

struct journal_vfs {
	uint32_t count; /* 0: vfiod makes none of this function */
	enum journal_vfs_phase phase;
	bool autoprobe; /* the host's drivers were to have what appears, and are to again */
	struct vfio_token token;
	char pool[VFIOD_NAME_MAX]; /* that they are in; empty: what their rules say */
};

struct journal_record {
	uint64_t address;
	/* state_noted(); UNMANAGED: it has virtual functions of vfiod's, or is assigned and yet the host's until the
	 * next boot */
	enum vfiod_state state;
	uint64_t last_lease; /* the number of the newest lease of any function */
	struct journal_identity identity;
	struct owner owner; /* of an UNMANAGED one that of its virtual functions, or nobody */
	bool companion;	    /* it was never assigned: a COMPANION, or one on its way from there or back */
	bool has_origin, has_header;
	struct bind_origin origin;
	struct clean_header header;
	struct journal_lease lease; /* of a LEASED one, or a REVOKING one */
	char reason[128];	    /* of a QUARANTINED one */
	struct journal_vfs vfs;	    /* of an UNMANAGED one */
};

/** journal_encode_head() - the first bytes of a journal that has room for @slots records. */
void journal_encode_head(uint32_t slots, unsigned char bytes[JOURNAL_SIZE]);

/** journal_encode() - a record. */
void journal_encode(const struct journal_record *record, unsigned char bytes[JOURNAL_SIZE]);

/**
 * journal_encode_none() - a slot that is free.
 * @last_lease: as in struct journal_record: it must not go with the record that had it last
 */
void journal_encode_none(uint64_t last_lease, unsigned char bytes[JOURNAL_SIZE]);

/**
 * journal_decode() - take a journal apart, whoever may have written it.
 * @bytes: of any kind
 * @records: room for @size / JOURNAL_SIZE
 * @count: of the records
 * @damaged: of slots that had one, of which nothing can be known
 * @last_lease: the highest that any slot has, with a record or without
 *
 * Return: 0, -EBADMSG (it is no journal, its head is damaged, or it is not as long as that says), -EPROTONOSUPPORT (a
 * newer vfiod has written it), or -EEXIST (two records are of one function); nothing is in @records then.
 */
int journal_decode(const void *bytes, size_t size, struct journal_record *records, size_t *count, size_t *damaged,
		   uint64_t *last_lease);

#endif
