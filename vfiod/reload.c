/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vfiod/reload.h"

#include "vfiod/config.h"
#include "vfiod/daemon.h"
#include "vfiod/log.h"
#include "vfiod/monotonic.h"
#include "vfiod/systemd.h"
#include "vfiod/warm.h"
#include "vfiod/worker.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct reload_job {
	struct job job; /* first: it is what the worker knows of us */
	struct daemon *daemon;
	/* what the thread needs: it is not changed while vfiod runs */
	const struct config_source *source;
	/* what it found out */
	struct config *config;
	struct failure failure;
};

static void reload_run(struct job *job)
{
	struct reload_job *reload = (struct reload_job *)job;

	config_load(reload->source->path, reload->source->required, reload->source->dir, &reload->config,
		    &reload->failure);
}

static void take_over(struct daemon *daemon, struct config *config)
{
	config_free(daemon->config);
	daemon->config = config;
	metrics_count(&daemon->metrics, VFIOD_STAT_RELOADS);
	log_event(LOG_EVENT_RELOADED, NULL, "the configuration was read anew, %zu rules", config->rule_count);
	systemd_notify("READY=1\nSTATUS=Serving; the configuration has %zu rules", config->rule_count);
	for (size_t i = 0; i < daemon->devices.count; i++)
		warm_up(daemon, daemon->devices.list[i]);
}

static void refuse(struct daemon *daemon, const struct failure *failure)
{
	metrics_count(&daemon->metrics, VFIOD_STAT_RELOAD_FAILURES);
	log_event(LOG_EVENT_NOT_RELOADED, NULL, "the configuration stays as it was: %s", failure->text);
	systemd_notify("READY=1\nSTATUS=Serving by the configuration of before, since the new one is wrong: %.300s",
		       failure->text);
}

static void reload_done(struct job *job)
{
	struct reload_job *reload = (struct reload_job *)job;
	struct daemon *daemon = reload->daemon;
	bool again = daemon->reload_again;

	daemon->reloading = false;
	daemon->reload_again = false;
	if (daemon->stopping)
		config_free(reload->config);
	else if (reload->failure.error)
		refuse(daemon, &reload->failure);
	else
		take_over(daemon, reload->config);
	free(reload);
	if (again && !daemon->stopping)
		reload_start(daemon);
}

/* As sd_notify(3) wants it: the manager tells by the time which of several reloads is over. */
static void tell(void)
{
	systemd_notify("RELOADING=1\nMONOTONIC_USEC=%llu", (unsigned long long)monotonic_us());
}

void reload_start(struct daemon *daemon)
{
	struct reload_job *reload;
	struct failure failure;
	int err = -ENOMEM;

	if (daemon->reloading) { /* the files may have changed after they were read */
		daemon->reload_again = true;
		return;
	}
	tell();
	reload = calloc(1, sizeof(*reload));
	if (reload) {
		*reload = (struct reload_job){
			.job = { .run = reload_run, .done = reload_done },
			.daemon = daemon,
			.source = &daemon->source,
		};
		err = workers_start(daemon->workers, &reload->job);
	}
	daemon->reloading = !err;
	if (!err)
		return;
	failure_set(&failure, err, "no worker thread could be started to read it: %s", strerror(-err));
	refuse(daemon, &failure);
	free(reload);
}
