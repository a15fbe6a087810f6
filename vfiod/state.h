/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIOD_STATE_H
#define VFIOD_STATE_H

#include "proto/vfiod_proto.h"

/* The life of a PCI function under vfiod, one table.  The states are enum vfiod_state of the wire. */

#define STATE_COUNT (VFIOD_WARMING + 1)

enum state_event {
	/* what somebody asks for */
	EVENT_ASSIGN,
	EVENT_ACQUIRE,
	EVENT_UNASSIGN,
	EVENT_REVOKE, /* announced to the client; what ends the lease is CLOSED */
	/* what the kernel tells, or vfiod does of itself */
	EVENT_CLOSED, /* the lease is over: its last file is closed, or its time to close them */
	EVENT_WARM,   /* open it in advance, or close it again */
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

struct state_step {
	enum state_verdict verdict;
	enum vfiod_state next; /* for STATE_GO */
};

/** state_step() - what @event does to a function in @state. */
struct state_step state_step(enum vfiod_state state, enum state_event event);

/** state_name() - for people: "free", "leased" … */
const char *state_name(enum vfiod_state state);

#endif
