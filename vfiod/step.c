/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vfiod/step.h"

#include "vfiod/daemon.h"
#include "vfiod/log.h"
#include "vfiod/saved.h"
#include "vfiod/warm.h"
#include "vfiod/worker.h"

#include <stdlib.h>

/* A step that there is not is no request's fault, but ours: the next vfiod finds out what is true. */
static struct state_step look_up(const struct device *device, enum state_event event)
{
	struct state_step step = state_step(device->state, event);

	if (step.verdict == STATE_GO)
		return step;
	log_line(LOG_CRIT, "a fault of vfiod's: event %d happens to a function that is %s", (int)event,
		 state_name(device->state));
	abort();
}

static void set_state(struct device *device, enum vfiod_state next)
{
	device->state = next;
	warm_recount(device);
}

/* Return: 0, or a negative errno: the journal does not have it. */
static int go(struct daemon *daemon, struct device *device, enum vfiod_state next)
{
	enum vfiod_state before = device->state;

	set_state(device, next);
	return state_noted(before) == state_noted(next) ? 0 : saved_note(daemon, device);
}

enum state_action step_take(struct daemon *daemon, struct device *device, enum state_event event)
{
	struct state_step step = look_up(device, event);

	go(daemon, device, step.next);
	return step.action;
}

void step_ahead(struct device *device, enum state_event event)
{
	struct state_step step = look_up(device, event);

	set_state(device, step.next);
}

int step_try(struct daemon *daemon, struct device *device, enum state_event event)
{
	struct state_step step = look_up(device, event);
	enum vfiod_state before = device->state;
	int err = go(daemon, device, step.next);

	if (err)
		go(daemon, device, before);
	return err;
}

int step_start(struct daemon *daemon, struct device *device, enum state_event event, struct job *job)
{
	int err = 0;

	/* a lease ends, whether that can be noted or not */
	if (event == EVENT_CLOSED)
		step_take(daemon, device, event);
	else
		err = step_try(daemon, device, event);
	if (!err)
		workers_start(daemon->workers, job);
	return err;
}
