/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIOD_STATE_H
#define VFIOD_STATE_H

#include "proto/vfiod_proto.h"

/* The life of a PCI function under vfiod, one table.  The states are enum vfiod_state of the wire. */

#define STATE_COUNT (VFIOD_COMPANION + 1)

enum state_event {
	/* what somebody asks for */
	EVENT_ASSIGN,
	EVENT_ACQUIRE,
	EVENT_UNASSIGN,
	EVENT_REVOKE, /* announced to the client; what ends the lease is CLOSED */
	EVENT_CLEAR,  /* clean it once more */
	/* what the kernel tells, or vfiod does of itself */
	EVENT_CLOSED, /* the lease is over: its last file is closed, or its time to close them */
	EVENT_WARM,   /* open it in advance, or close it again */
	EVENT_UNPLUG, /* it is not there any more */
	EVENT_JOIN,   /* it becomes a companion of what is assigned of its IOMMU group */
	EVENT_LEAVE,  /* nothing of its group is assigned any more: back to the host with it */
	/* what a worker reports */
	EVENT_DONE,
	EVENT_STILL_OPEN, /* only of REVOKING: the lease's files are open after all */
	EVENT_FAILED,
	EVENT_COUNT
};

enum state_verdict {
	STATE_GO,     /* take the step */
	STATE_WAIT,   /* ask again when the worker has reported */
	STATE_REFUSE, /* not in this state */
	STATE_NEVER,  /* cannot happen: a fault of vfiod's */
};

/* What is to be done of a step; those up to ACT_CLEAN are for a worker, which reports. */
enum state_action {
	ACT_TAKE,      /* bind it to a VFIO driver, clean it, and keep its assignment */
	ACT_HAND_ON,   /* keep that it is another owner's */
	ACT_GIVE_BACK, /* to the host */
	ACT_OPEN,      /* for a lease */
	ACT_WARM,      /* open it in advance, or close it again */
	ACT_CLEAN,     /* end what is left of a lease, reset it, verify that it is clean */
	ACT_ANNOUNCE,  /* to the client, that its lease is to end */
	ACT_GRANT,     /* the client gets what was opened */
	ACT_SETTLE,    /* tell who waits what has come of it */
	ACT_FORGET,    /* it, and its lease if it has one */
	ACT_STAY,      /* where it is, for nobody's use */
	ACT_COUNT
};

struct state_step {
	enum state_verdict verdict;
	/* for STATE_GO */
	enum state_action action;
	enum vfiod_state next;
};

/** state_step() - what @event does to a function in @state. */
struct state_step state_step(enum vfiod_state state, enum state_event event);

/**
 * state_noted() - what the journal has of a function in @state.
 *
 * A function on its way to a client may be the client's already, and one that is only opened in advance is free.
 */
enum vfiod_state state_noted(enum vfiod_state state);

/** state_name() - for people: "free", "leased" … */
const char *state_name(enum vfiod_state state);

#endif
