/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIOD_DECIDE_H
#define VFIOD_DECIDE_H

#include "vfiod/failure.h"
#include "vfiod/policy.h"
#include "vfiod/state.h"

#include <stdint.h>

struct daemon;
struct device;
struct devices;
struct peer;

/*
 * What comes of a request, by policy and by the state of things: the one place in which that is decided.  ACQUIRE does
 * what comes out of it, WHY tells it.  Nothing is changed here.
 */

/* What a peer wants. */
struct wish {
	const struct peer *peer;
	const char *pool; /* one of this pool; or NULL: */
	uint64_t address; /* this function */
	uint32_t mode;	  /* VFIOD_MODE_… */
	uint32_t node;	  /* of a pool: the NUMA node that it is to be near to, or VFIOD_NONE */
};

enum decision {
	DECISION_GRANT,
	DECISION_WAIT, /* and decide anew then */
	DECISION_REFUSE,
};

struct verdict {
	enum decision decision;
	struct device *device;	/* that is granted, or waited for; see decide_step(). NULL: refused */
	struct owner owner;	/* of the function that @failure is about */
	uint32_t remedy;	/* VFIOD_REMEDY_…: who can change it */
	struct failure failure; /* why it is refused, or has to wait */
};

/** decide() - may the peer have what it wants, now? */
void decide(struct daemon *daemon, const struct wish *wish, struct verdict *verdict);

/**
 * decide_step() - may @event happen to @device now, as far as its state goes?
 *
 * It may not while another function of its IOMMU group is leased or in a worker's hands: a group can be opened once.
 *
 * @in_the_way: for STATE_WAIT: whose worker has to report first; one that is VFIOD_FREE is held open in advance, and is
 *	to be closed first (warm_down())
 * @failure: for STATE_WAIT and STATE_REFUSE: why
 */
enum state_verdict decide_step(const struct devices *devices, struct device *device, enum state_event event,
			       struct device **in_the_way, struct failure *failure);

#endif
