/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vfiod/step.h"

#include "vfiod/daemon.h"
#include "vfiod/log.h"
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

enum state_action step_take(struct daemon *daemon, struct device *device, enum state_event event)
{
	struct state_step step = look_up(device, event);

	(void)daemon;
	device->state = step.next;
	return step.action;
}

int step_start(struct daemon *daemon, struct device *device, enum state_event event, struct job *job)
{
	struct state_step step = look_up(device, event);
	enum vfiod_state before = device->state;
	int err;

	device->state = step.next;
	err = workers_start(daemon->workers, job);
	if (err)
		device->state = before;
	return err;
}
