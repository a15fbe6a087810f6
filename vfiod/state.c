/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vfiod/state.h"

#define GO(action, state) \
	{ \
		STATE_GO, ACT_##action, VFIOD_##state \
	}
#define WAIT \
	{ \
		STATE_WAIT, 0, 0 \
	}
#define REFUSE \
	{ \
		STATE_REFUSE, 0, 0 \
	}
#define NEVER \
	{ \
		STATE_NEVER, 0, 0 \
	}

/*
 * What each event does in each state.  A function in a state ending in -ING has a worker thread, which reports DONE,
 * STILL_OPEN or FAILED; so at most one thread works on a function, and nobody else touches it meanwhile.
 */
/* clang-format off */
static const struct state_step table[STATE_COUNT][EVENT_COUNT] = {
	[VFIOD_UNMANAGED] = {
		[EVENT_ASSIGN]     = GO(TAKE, ASSIGNING),
		[EVENT_ACQUIRE]    = REFUSE,
		[EVENT_UNASSIGN]   = REFUSE,
		[EVENT_REVOKE]     = REFUSE,
		[EVENT_CLEAR]      = REFUSE,
		[EVENT_CLOSED]     = NEVER,
		[EVENT_WARM]       = NEVER,
		[EVENT_UNPLUG]     = GO(FORGET, GONE),
		[EVENT_JOIN]       = GO(STAY, COMPANION),
		[EVENT_LEAVE]      = NEVER,
		[EVENT_DONE]       = NEVER,
		[EVENT_STILL_OPEN] = NEVER,
		[EVENT_FAILED]     = NEVER,
	},
	[VFIOD_ASSIGNING] = {
		[EVENT_ASSIGN]     = WAIT,
		[EVENT_ACQUIRE]    = WAIT,
		[EVENT_UNASSIGN]   = WAIT,
		[EVENT_REVOKE]     = WAIT,
		[EVENT_CLEAR]      = WAIT,
		[EVENT_CLOSED]     = NEVER,
		[EVENT_WARM]       = NEVER,
		[EVENT_UNPLUG]     = WAIT,
		[EVENT_JOIN]       = GO(STAY, COMPANION),
		[EVENT_LEAVE]      = NEVER,
		[EVENT_DONE]       = GO(SETTLE, FREE),
		[EVENT_STILL_OPEN] = NEVER,
		[EVENT_FAILED]     = GO(SETTLE, UNMANAGED),
	},
	[VFIOD_FREE] = {
		/* it is clean: only its owner changes, which is nothing that a user could see of the function */
		[EVENT_ASSIGN]     = GO(HAND_ON, WARMING),
		[EVENT_ACQUIRE]    = GO(OPEN, GRANTING),
		[EVENT_UNASSIGN]   = GO(GIVE_BACK, UNASSIGNING),
		[EVENT_REVOKE]     = REFUSE,
		[EVENT_CLEAR]      = REFUSE,
		/* which it is not known to be clean of after a restart, see revoke_go_on() */
		[EVENT_CLOSED]     = GO(CLEAN, REVOKING),
		[EVENT_WARM]       = GO(WARM, WARMING),
		[EVENT_UNPLUG]     = GO(FORGET, GONE),
		[EVENT_JOIN]       = NEVER,
		[EVENT_LEAVE]      = NEVER,
		[EVENT_DONE]       = NEVER,
		[EVENT_STILL_OPEN] = NEVER,
		[EVENT_FAILED]     = NEVER,
	},
	[VFIOD_GRANTING] = {
		[EVENT_ASSIGN]     = WAIT,
		[EVENT_ACQUIRE]    = WAIT,
		[EVENT_UNASSIGN]   = WAIT,
		[EVENT_REVOKE]     = WAIT,
		[EVENT_CLEAR]      = WAIT,
		[EVENT_CLOSED]     = NEVER,
		[EVENT_WARM]       = NEVER,
		[EVENT_UNPLUG]     = WAIT,
		[EVENT_JOIN]       = NEVER,
		[EVENT_LEAVE]      = NEVER,
		[EVENT_DONE]       = GO(GRANT, LEASED),
		[EVENT_STILL_OPEN] = NEVER,
		[EVENT_FAILED]     = GO(SETTLE, FREE),
	},
	[VFIOD_LEASED] = {
		[EVENT_ASSIGN]     = REFUSE,
		[EVENT_ACQUIRE]    = REFUSE,
		[EVENT_UNASSIGN]   = REFUSE,
		[EVENT_REVOKE]     = GO(ANNOUNCE, LEASED),
		[EVENT_CLEAR]      = REFUSE,
		[EVENT_CLOSED]     = GO(CLEAN, REVOKING),
		[EVENT_WARM]       = NEVER,
		[EVENT_UNPLUG]     = GO(FORGET, GONE),
		[EVENT_JOIN]       = NEVER,
		[EVENT_LEAVE]      = NEVER,
		[EVENT_DONE]       = NEVER,
		[EVENT_STILL_OPEN] = NEVER,
		[EVENT_FAILED]     = NEVER,
	},
	[VFIOD_REVOKING] = {
		[EVENT_ASSIGN]     = WAIT,
		[EVENT_ACQUIRE]    = WAIT,
		[EVENT_UNASSIGN]   = WAIT,
		[EVENT_REVOKE]     = WAIT,
		[EVENT_CLEAR]      = WAIT,
		[EVENT_CLOSED]     = NEVER,
		[EVENT_WARM]       = NEVER,
		[EVENT_UNPLUG]     = WAIT,
		[EVENT_JOIN]       = NEVER,
		[EVENT_LEAVE]      = NEVER,
		[EVENT_DONE]       = GO(SETTLE, FREE),
		[EVENT_STILL_OPEN] = GO(SETTLE, LEASED),
		[EVENT_FAILED]     = GO(SETTLE, QUARANTINED),
	},
	[VFIOD_UNASSIGNING] = {
		[EVENT_ASSIGN]     = WAIT,
		[EVENT_ACQUIRE]    = WAIT,
		[EVENT_UNASSIGN]   = WAIT,
		[EVENT_REVOKE]     = WAIT,
		[EVENT_CLEAR]      = WAIT,
		[EVENT_CLOSED]     = NEVER,
		[EVENT_WARM]       = NEVER,
		[EVENT_UNPLUG]     = WAIT,
		[EVENT_JOIN]       = GO(STAY, COMPANION),
		[EVENT_LEAVE]      = NEVER,
		[EVENT_DONE]       = GO(SETTLE, UNMANAGED),
		[EVENT_STILL_OPEN] = NEVER,
		/* one that could not be given back is not clean either */
		[EVENT_FAILED]     = GO(SETTLE, QUARANTINED),
	},
	[VFIOD_QUARANTINED] = {
		[EVENT_ASSIGN]     = REFUSE,
		[EVENT_ACQUIRE]    = REFUSE,
		[EVENT_UNASSIGN]   = GO(GIVE_BACK, UNASSIGNING),
		[EVENT_REVOKE]     = REFUSE,
		[EVENT_CLEAR]      = GO(CLEAN, REVOKING),
		[EVENT_CLOSED]     = NEVER,
		[EVENT_WARM]       = NEVER,
		[EVENT_UNPLUG]     = GO(FORGET, GONE),
		[EVENT_JOIN]       = NEVER,
		[EVENT_LEAVE]      = NEVER,
		[EVENT_DONE]       = NEVER,
		[EVENT_STILL_OPEN] = NEVER,
		[EVENT_FAILED]     = NEVER,
	},
	[VFIOD_WARMING] = {
		[EVENT_ASSIGN]     = WAIT,
		[EVENT_ACQUIRE]    = WAIT,
		[EVENT_UNASSIGN]   = WAIT,
		[EVENT_REVOKE]     = WAIT,
		[EVENT_CLEAR]      = WAIT,
		[EVENT_CLOSED]     = NEVER,
		[EVENT_WARM]       = NEVER,
		[EVENT_UNPLUG]     = WAIT,
		[EVENT_JOIN]       = NEVER,
		[EVENT_LEAVE]      = NEVER,
		[EVENT_DONE]       = GO(SETTLE, FREE),
		[EVENT_STILL_OPEN] = NEVER,
		/* one that could not be opened in advance, or stays its owner's, is free all the same */
		[EVENT_FAILED]     = GO(SETTLE, FREE),
	},
	/* What comes under its address is another function, which begins as UNMANAGED. */
	[VFIOD_GONE] = {
		[EVENT_ASSIGN]     = REFUSE,
		[EVENT_ACQUIRE]    = REFUSE,
		[EVENT_UNASSIGN]   = REFUSE,
		[EVENT_REVOKE]     = REFUSE,
		[EVENT_CLEAR]      = REFUSE,
		[EVENT_CLOSED]     = NEVER,
		[EVENT_WARM]       = NEVER,
		[EVENT_UNPLUG]     = NEVER,
		[EVENT_JOIN]       = NEVER,
		[EVENT_LEAVE]      = NEVER,
		[EVENT_DONE]       = NEVER,
		[EVENT_STILL_OPEN] = NEVER,
		[EVENT_FAILED]     = NEVER,
	},
	/* It has no user, and so nothing to be cleaned of. */
	[VFIOD_COMPANION] = {
		[EVENT_ASSIGN]     = GO(TAKE, ASSIGNING),
		[EVENT_ACQUIRE]    = REFUSE,
		[EVENT_UNASSIGN]   = REFUSE,
		[EVENT_REVOKE]     = REFUSE,
		[EVENT_CLEAR]      = REFUSE,
		[EVENT_CLOSED]     = NEVER,
		[EVENT_WARM]       = NEVER,
		[EVENT_UNPLUG]     = GO(FORGET, GONE),
		[EVENT_JOIN]       = NEVER,
		[EVENT_LEAVE]      = GO(GIVE_BACK, UNASSIGNING),
		[EVENT_DONE]       = NEVER,
		[EVENT_STILL_OPEN] = NEVER,
		[EVENT_FAILED]     = NEVER,
	},
};
/* clang-format on */

struct state_step state_step(enum vfiod_state state, enum state_event event)
{
	return table[state][event];
}

enum vfiod_state state_noted(enum vfiod_state state)
{
	if (state == VFIOD_GRANTING)
		return VFIOD_LEASED;
	return state == VFIOD_WARMING ? VFIOD_FREE : state;
}

const char *state_name(enum vfiod_state state)
{
	static const char *const names[STATE_COUNT] = {
		[VFIOD_UNMANAGED] = "unmanaged",
		[VFIOD_ASSIGNING] = "assigning",
		[VFIOD_FREE] = "free",
		[VFIOD_GRANTING] = "granting",
		[VFIOD_LEASED] = "leased",
		[VFIOD_REVOKING] = "revoking",
		[VFIOD_UNASSIGNING] = "unassigning",
		[VFIOD_QUARANTINED] = "quarantined",
		[VFIOD_WARMING] = "warming",
		[VFIOD_GONE] = "gone",
		[VFIOD_COMPANION] = "companion",
	};

	return names[state];
}
