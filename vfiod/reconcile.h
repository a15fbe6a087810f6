/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIOD_RECONCILE_H
#define VFIOD_RECONCILE_H

#include "vfiod/journal.h"

/*
 * What a vfiod that starts makes of what it finds: the journal of the one before, the assignments that are kept, the
 * module's table of handles, and the functions that are there.  A pure function: what it says is carried out by
 * saved.c.
 *
 * A lease goes on where the journal and the module agree on it.  Whatever else there is of one is revoked, and a
 * function is free only after it has been cleaned.
 */

/* A function that is there. */
struct reconcile_function {
	uint64_t address;
	struct journal_identity identity;
	bool on_vfio; /* its driver is a VFIO driver */
	uint32_t vfs; /* virtual functions that it has */
};

/* An entry of the module's table. */
struct reconcile_handle {
	uint64_t address; /* of the function, as the vfiod before has noted it */
	uint64_t lease;
	uint32_t uid, pid;
	bool is_device; /* or a container's */
	bool is_live;	/* neither revoked nor closed */
	bool has_ended; /* nothing of it is left but the entry */
};

struct reconcile_input {
	const struct journal_record *journal;
	size_t journal_count;
	const struct journal_record *kept;
	size_t kept_count;
	const struct reconcile_handle *handles;
	size_t handle_count;
	const struct reconcile_function *functions; /* in ascending order of address */
	size_t function_count;
};

enum reconcile_act {
	RECONCILE_GO_ON,      /* its lease goes on, until the deadline if it has one */
	RECONCILE_LOOK,	      /* it is leased by its files: whether they are open is for the kernel to say */
	RECONCILE_END,	      /* its lease is to end: revoke what there is of @lease, and clean it */
	RECONCILE_CLEAN,      /* nobody has it: clean it */
	RECONCILE_QUARANTINE, /* it stays there */
	RECONCILE_UNDO,	      /* it was being taken: have it where it was */
	RECONCILE_GIVE_BACK,  /* it was being given back: go on with that */
	RECONCILE_TAKE,	      /* it is assigned, and the host has it: take it again */
	RECONCILE_JOIN,	      /* it is a companion, for as long as anything of its IOMMU group is assigned */
	RECONCILE_VFS,	      /* it has virtual functions that vfiod makes, has made, or removes: go on with that */
	RECONCILE_LEAVE,      /* it is the host's */
	RECONCILE_REVOKE,     /* no function: revoke @lease, which is nobody's */
};

struct reconcile_action {
	enum reconcile_act act;
	uint64_t address;
	uint64_t lease;			     /* of END and REVOKE; 0: there is none */
	const struct journal_record *record; /* of the journal, or NULL */
	const struct journal_record *kept;   /* or NULL */
	const char *why;		     /* what does not agree, for a person; or NULL */
};

/**
 * reconcile_catch_up() - lets the journal have the leases that it was still to be told of.
 *
 * The lease of a function that was open in advance is written down behind the answer to its client: the module's table
 * has it from the first handle on.  It is newer than any that the record of the function, which says that it is free,
 * knows of.
 */
void reconcile_catch_up(struct journal_record *records, size_t count, const struct reconcile_handle *handles,
			size_t handle_count);

/**
 * reconcile() - what is to be done.
 * @actions: room for as many as there are records, kept assignments and handles together
 *
 * Each function has one action at most, and so has each lease that is nobody's.
 *
 * Return: how many there are.
 */
size_t reconcile(const struct reconcile_input *input, struct reconcile_action *actions);

#endif
