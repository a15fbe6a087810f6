/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vfiod/warm.h"

#include "proto/address.h"
#include "vfiod/config.h"
#include "vfiod/daemon.h"
#include "vfiod/lease.h"
#include "vfiod/log.h"
#include "vfiod/sriov.h"
#include "vfiod/step.h"
#include "vfiod/vfio.h"
#include "vfiod/worker.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct warm_job {
	struct job job; /* first: it is what the worker knows of us */
	struct daemon *daemon;
	struct device *device; /* the loop's: not to be touched in the thread */
	/* what the thread needs */
	uint64_t address;
	uint32_t group;
	struct vfio_token token;
	/* what it has opened, or is to close */
	struct vfio_files files;
	struct failure failure;
};

bool warm_is(const struct device *device)
{
	return device->files.device >= 0;
}

void warm_recount(struct device *device)
{
	bool counts = device->state == VFIOD_WARMING || (device->state == VFIOD_FREE && warm_is(device));

	device->devices->warm += counts;
	device->devices->warm -= device->counted_warm;
	device->counted_warm = counts;
}

struct vfio_files warm_take(struct device *device)
{
	struct vfio_files files = device->files;

	if (device->unplug)
		event_free(device->unplug);
	device->unplug = NULL;
	device->files = VFIO_NO_FILES;
	warm_recount(device);
	return files;
}

/* The kernel waits in the middle of an unplug, or of an unbind by hand, until the device is closed. */
static void unplug(evutil_socket_t fd, short what, void *data)
{
	struct device *device = data;
	char text[PROTO_ADDRESS_LEN];
	uint64_t count;

	(void)what;
	if (read(fd, &count, sizeof(count)) < 0 || !warm_is(device))
		return;
	log_line(LOG_NOTICE, "%s is wanted back by the kernel, which unplugs it or takes it from its driver",
		 proto_address_format(device->facts.address, text));
	lease_unplug(device);
}

void warm_keep(struct daemon *daemon, struct device *device, struct vfio_files *files)
{
	device->files = *files;
	*files = VFIO_NO_FILES;
	warm_recount(device);
	if (device->files.unplug < 0)
		return;
	device->unplug = event_new(daemon->base, device->files.unplug, EV_READ | EV_PERSIST, unplug, device);
	if (device->unplug && !event_add(device->unplug, NULL))
		return;
	log_line(LOG_ERR, "out of memory: an unplug will have to wait for the end of a lease");
	if (device->unplug)
		event_free(device->unplug);
	device->unplug = NULL;
}

static struct warm_job *job_new(struct daemon *daemon, struct device *device, void (*run)(struct job *),
				void (*done)(struct job *))
{
	struct warm_job *made = calloc(1, sizeof(*made));

	if (!made)
		return NULL;
	*made = (struct warm_job){
		.job = { .run = run, .done = done },
		.daemon = daemon,
		.device = device,
		.address = device->facts.address,
		.group = device->facts.group,
		.token = sriov_token(device),
		.files = VFIO_NO_FILES,
	};
	return made;
}

static void settle(struct warm_job *warm, enum state_event event)
{
	struct device *device = warm->device;
	struct daemon *daemon = warm->daemon;

	step_take(daemon, device, event);
	free(warm);
	daemon_settled(daemon, device);
}

/* ---- up ---- */

static void up_run(struct job *job)
{
	struct warm_job *warm = (struct warm_job *)job;

	if (vfio_open_device(warm->address, warm->group, &warm->token, &warm->files, &warm->failure))
		return;
	/* nobody uses it whose end would close it: an unplug would wait for ever */
	if (vfio_watch_unplug(&warm->files, &warm->failure))
		vfio_close(&warm->files);
}

static void up_done(struct job *job)
{
	struct warm_job *warm = (struct warm_job *)job;

	if (warm->failure.error) {
		log_line(LOG_WARNING, "not opened in advance: %s", warm->failure.text);
		settle(warm, EVENT_FAILED);
		return;
	}
	warm_keep(warm->daemon, warm->device, &warm->files);
	if (warm->device->unplug) {
		settle(warm, EVENT_DONE);
		return;
	}
	warm->files = warm_take(warm->device);
	vfio_close(&warm->files); /* rather slowly than not at all */
	settle(warm, EVENT_FAILED);
}

static bool is_alone(const struct devices *devices, const struct device *device)
{
	struct device *other = NULL;

	while ((other = devices_in_group(devices, device->facts.group, other))) {
		if (other == device || other->state == VFIOD_COMPANION)
			continue;
		facts_refresh_driver(&other->facts);
		if (other->state != VFIOD_UNMANAGED || other->returns || facts_on_vfio(&other->facts))
			return false;
	}
	return true;
}

static bool is_wanted(struct daemon *daemon, const struct device *device)
{
	if (!daemon_handles(daemon) || daemon->stopping || !policy_may_keep_warm(daemon->config, &device->facts))
		return false;
	return daemon->devices.warm < daemon->config->warm_devices && is_alone(&daemon->devices, device);
}

void warm_up(struct daemon *daemon, struct device *device)
{
	struct warm_job *warm;

	if (device->state != VFIOD_FREE || warm_is(device) || !is_wanted(daemon, device))
		return;
	warm = job_new(daemon, device, up_run, up_done);
	if (!warm || step_start(daemon, device, EVENT_WARM, &warm->job))
		free(warm);
}

/* ---- down ---- */

static void down_run(struct job *job)
{
	vfio_close(&((struct warm_job *)job)->files);
}

static void down_done(struct job *job)
{
	settle((struct warm_job *)job, EVENT_DONE);
}

void warm_down(struct daemon *daemon, struct device *device)
{
	struct warm_job *warm = job_new(daemon, device, down_run, down_done);
	struct vfio_files files = warm_take(device);

	if (warm) {
		warm->files = files;
		if (!step_start(daemon, device, EVENT_WARM, &warm->job))
			return;
	}
	/* rather slowly than not at all */
	free(warm);
	vfio_close(&files);
	daemon_try_again(daemon); /* no worker reports that it is closed */
}
