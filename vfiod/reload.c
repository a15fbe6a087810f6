/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vfiod/reload.h"

#include "vfiod/clock.h"
#include "vfiod/config.h"
#include "vfiod/daemon.h"
#include "vfiod/log.h"
#include "vfiod/request.h"
#include "vfiod/systemd.h"
#include "vfiod/warm.h"
#include "vfiod/worker.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* One at a time. Whoever asks meanwhile has it done once more: the files may have changed after they were read. */
struct reload {
	struct job job; /* first: it is what the worker knows of us */
	struct daemon *daemon;
	struct request_queue asked; /* RELOADs that it answers */
	struct request_queue later; /* those that came meanwhile */
	bool again;
	/* what the thread needs: it is not changed while vfiod runs */
	const struct config_source *source;
	/* what it found out */
	struct config *config;
	struct failure failure;
};

static void start(struct daemon *daemon, struct request_queue *asked);

static void reload_run(struct job *job)
{
	struct reload *reload = (struct reload *)job;

	config_load(reload->source->path, reload->source->required, reload->source->dir, &reload->config,
		    &reload->failure);
}

/* What may be kept open, and what may not any more. */
static void rewarm(struct daemon *daemon)
{
	unsigned int most = daemon->config->warm_devices, kept = 0;

	for (size_t i = 0; i < daemon->devices.count; i++) {
		struct device *device = daemon->devices.list[i];

		if (device->state != VFIOD_FREE || !warm_is(device))
			continue;
		if (kept < most && policy_may_keep_warm(daemon->config, &device->facts))
			kept++;
		else
			warm_down(daemon, device);
	}
	for (size_t i = 0; i < daemon->devices.count; i++)
		warm_up(daemon, daemon->devices.list[i]);
}

static void take_over(struct daemon *daemon, struct config *config)
{
	config_free(daemon->config);
	daemon->config = config;
	metrics_count(&daemon->metrics, VFIOD_STAT_RELOADS);
	log_event(LOG_EVENT_RELOADED, NULL, "the configuration was read anew, %zu rules", config->rule_count);
	systemd_notify("READY=1\nSTATUS=Serving; the configuration has %zu rules", config->rule_count);
	rewarm(daemon);
}

static void refuse(struct daemon *daemon, const struct failure *failure)
{
	metrics_count(&daemon->metrics, VFIOD_STAT_RELOAD_FAILURES);
	log_event(LOG_EVENT_NOT_RELOADED, NULL, "the configuration stays as it was: %s", failure->text);
	systemd_notify("READY=1\nSTATUS=Serving by the configuration of before, since the new one is wrong: %.300s",
		       failure->text);
}

static void answer(const struct daemon *daemon, struct request_queue *asked, const struct failure *failure)
{
	const struct vfiod_reload_rep rep = { .rules = htole32((uint32_t)daemon->config->rule_count) };
	struct request *request;
	struct failure told;

	failure_set(&told, failure->error, "%.400s; the configuration of before stays", failure->text);
	while ((request = TAILQ_FIRST(asked))) {
		TAILQ_REMOVE(asked, request, next);
		if (failure->error)
			request_refuse(request, &told);
		else
			request_reply(request, &rep, sizeof(rep), NULL, 0);
	}
}

static void reload_done(struct job *job)
{
	struct reload *reload = (struct reload *)job;
	struct daemon *daemon = reload->daemon;

	daemon->reload = NULL;
	if (daemon->stopping)
		config_free(reload->config);
	else if (reload->failure.error)
		refuse(daemon, &reload->failure);
	else
		take_over(daemon, reload->config);
	answer(daemon, &reload->asked, &reload->failure);
	if (reload->again && !daemon->stopping)
		start(daemon, &reload->later);
	else
		answer(daemon, &reload->later, &reload->failure); /* nobody is there to hear it */
	free(reload);
}

/* As sd_notify(3) wants it: the manager tells by the time which of several reloads is over. */
static void tell(void)
{
	systemd_notify("RELOADING=1\nMONOTONIC_USEC=%llu", (unsigned long long)clock_us());
}

/* @asked: empty afterwards */
static void start(struct daemon *daemon, struct request_queue *asked)
{
	struct reload *reload = calloc(1, sizeof(*reload));
	struct failure failure;

	tell();
	if (!reload) {
		failure_set(&failure, -ENOMEM, "vfiod is out of memory");
		refuse(daemon, &failure);
		answer(daemon, asked, &failure);
		return;
	}
	reload->job = (struct job){ .run = reload_run, .done = reload_done };
	reload->daemon = daemon;
	reload->source = &daemon->source;
	TAILQ_INIT(&reload->asked);
	TAILQ_INIT(&reload->later);
	TAILQ_CONCAT(&reload->asked, asked, next);
	daemon->reload = reload;
	workers_start(daemon->workers, &reload->job);
}

static void ask(struct daemon *daemon, struct request_queue *asked)
{
	if (!daemon->reload) {
		start(daemon, asked);
		return;
	}
	daemon->reload->again = true;
	TAILQ_CONCAT(&daemon->reload->later, asked, next);
}

void reload_start(struct daemon *daemon)
{
	struct request_queue nobody = TAILQ_HEAD_INITIALIZER(nobody);

	ask(daemon, &nobody);
}

void request_reload(struct request *request, const struct vfiod_reload_req *body)
{
	struct request_queue asked = TAILQ_HEAD_INITIALIZER(asked);

	(void)body;
	TAILQ_INSERT_TAIL(&asked, request, next);
	ask(request->daemon, &asked);
}
