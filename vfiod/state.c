/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vfiod/state.h"

#define GO(state) \
	{ \
		STATE_GO, VFIOD_##state \
	}
#define WAIT \
	{ \
		STATE_WAIT, 0 \
	}
#define REFUSE \
	{ \
		STATE_REFUSE, 0 \
	}
#define NEVER \
	{ \
		STATE_NEVER, 0 \
	}

/* A function in a state ending in -ING has a worker thread, which reports DONE, STILL_OPEN or FAILED; so at most one
 * thread works on a function, and nobody else touches it meanwhile. */
/* clang-format off */
static const struct state_step table[STATE_COUNT][EVENT_COUNT] = {
	/*                      ASSIGN         ACQUIRE       UNASSIGN         REVOKE      CLOSED        WARM         DONE           STILL_OPEN   FAILED */
	[VFIOD_UNMANAGED]   = { GO(ASSIGNING), REFUSE,       REFUSE,          REFUSE,     NEVER,        NEVER,       NEVER,         NEVER,       NEVER },
	[VFIOD_ASSIGNING]   = { WAIT,          WAIT,         WAIT,            WAIT,       NEVER,        NEVER,       GO(FREE),      NEVER,       GO(UNMANAGED) },
	/* ASSIGN of a clean function only changes its owner */
	[VFIOD_FREE]        = { GO(FREE),      GO(GRANTING), GO(UNASSIGNING), REFUSE,     NEVER,        GO(WARMING), NEVER,         NEVER,       NEVER },
	[VFIOD_GRANTING]    = { WAIT,          WAIT,         WAIT,            WAIT,       NEVER,        NEVER,       GO(LEASED),    NEVER,       GO(FREE) },
	[VFIOD_LEASED]      = { REFUSE,        REFUSE,       REFUSE,          GO(LEASED), GO(REVOKING), NEVER,       NEVER,         NEVER,       NEVER },
	[VFIOD_REVOKING]    = { WAIT,          WAIT,         WAIT,            WAIT,       NEVER,        NEVER,       GO(FREE),      GO(LEASED),  GO(QUARANTINED) },
	/* a function that could not be given back is not clean either */
	[VFIOD_UNASSIGNING] = { WAIT,          WAIT,         WAIT,            WAIT,       NEVER,        NEVER,       GO(UNMANAGED), NEVER,       GO(QUARANTINED) },
	[VFIOD_QUARANTINED] = { REFUSE,        REFUSE,       GO(UNASSIGNING), REFUSE,     NEVER,        NEVER,       NEVER,         NEVER,       NEVER },
	/* one that could not be opened in advance is free all the same */
	[VFIOD_WARMING]     = { WAIT,          WAIT,         WAIT,            WAIT,       NEVER,        NEVER,       GO(FREE),      NEVER,       GO(FREE) },
};
/* clang-format on */

struct state_step state_step(enum vfiod_state state, enum state_event event)
{
	return table[state][event];
}

const char *state_name(enum vfiod_state state)
{
	static const char *const names[STATE_COUNT] = {
		[VFIOD_UNMANAGED] = "unmanaged",     [VFIOD_ASSIGNING] = "assigning",	  [VFIOD_FREE] = "free",
		[VFIOD_GRANTING] = "granting",	     [VFIOD_LEASED] = "leased",		  [VFIOD_REVOKING] = "revoking",
		[VFIOD_UNASSIGNING] = "unassigning", [VFIOD_QUARANTINED] = "quarantined", [VFIOD_WARMING] = "warming",
	};

	return names[state];
}
