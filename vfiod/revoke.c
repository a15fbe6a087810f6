/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vfiod/revoke.h"

#include "proto/address.h"
#include "vfiod/clean.h"
#include "vfiod/clock.h"
#include "vfiod/config.h"
#include "vfiod/daemon.h"
#include "vfiod/handles.h"
#include "vfiod/lease.h"
#include "vfiod/log.h"
#include "vfiod/pci_events.h"
#include "vfiod/request.h"
#include "vfiod/saved.h"
#include "vfiod/server.h"
#include "vfiod/step.h"
#include "vfiod/warm.h"
#include "vfiod/worker.h"

#include <endian.h>
#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct revoke_job {
	struct job job; /* first: it is what the worker knows of us */
	struct daemon *daemon;
	struct device *device; /* the loop's: not to be touched in the thread; NULL: of an orphan */
	struct request *clear; /* by which a quarantined function is cleaned again; or NULL */
	/* what the thread needs */
	int node; /* of the handles, or -1 */
	uint64_t lease;
	struct vfio_files files; /* that the handles stood for, as far as we have them */
	uint64_t address;
	uint32_t group;
	enum clean_reset reset;
	unsigned int patience_ms; /* for the group to be closed */
	uint64_t begun;		  /* clock_us() */
	/* the state before the lease, and what it found out */
	bool has_header;
	struct clean_header header;
	unsigned int killed;
	uint64_t clean_us; /* how long that took; 0: it did not come to it */
	bool still_open;
	struct failure failure;
};

/* ---- in the thread ---- */

/* The handles first: the kernel must not detach a group in the middle of a call on its container. */
static void revoke_run(struct job *job)
{
	struct revoke_job *revoke = (struct revoke_job *)job;
	uint64_t begun;
	int fd, err = 0;

	/* and the function's DMA before whoever is stuck with one, who may be long in coming back */
	if (revoke->node >= 0) {
		handles_shut(revoke->node, revoke->lease);
		clean_stop_dma(revoke->address);
		err = handles_revoke(revoke->node, revoke->lease, &revoke->killed, &revoke->failure);
	}
	/* also when a process is stuck with one: the kernel closes what that holds when it comes back */
	vfio_close(&revoke->files);
	if (err)
		return;
	err = vfio_await_group(revoke->group, revoke->patience_ms, &fd, &revoke->failure);
	revoke->still_open = err == -EBUSY;
	if (err)
		return;
	close(fd);
	begun = clock_us();
	clean_function(revoke->address, revoke->reset, revoke->has_header ? &revoke->header : NULL, &revoke->header,
		       &revoke->failure);
	revoke->clean_us = clock_us() - begun + 1;
}

/* ---- in the loop ---- */

static struct log_about about_lease(const struct device *device)
{
	return (struct log_about){
		.device = &device->facts.address,
		.uid = &device->lease.uid,
		.lease = device->lease.id,
	};
}

/* The lease is over, but the function is not known to be clean: nobody gets it. */
static void quarantine(struct daemon *daemon, struct device *device, struct request *clear,
		       const struct failure *failure)
{
	struct log_about about;
	struct failure told;

	snprintf(device->reason, sizeof(device->reason), "%.127s", failure->text);
	about = about_lease(device);
	about.reason = failure_reason_word(failure->error);
	step_take(daemon, device, EVENT_FAILED);
	if (!clear)
		metrics_count(&daemon->metrics, VFIOD_STAT_QUARANTINES);
	if (device->lease.id)
		metrics_count(&daemon->metrics, VFIOD_STAT_ENDS_QUARANTINED);
	log_event(LOG_EVENT_QUARANTINED, &about, "quarantined: %s", failure->text);
	failure_set(&told, -EIO, "the lease has ended, but the device is quarantined: %.400s", failure->text);
	lease_end(daemon, device, 0, &told);
	if (clear)
		request_refuse(clear, failure);
}

static void log_end(const struct revoke_job *revoke)
{
	static const char *const how[] = {
		[CLEAN_RESET_REQUIRED] = "reset and verified",
		[CLEAN_RESET_BEST_EFFORT] = "reset if it can be, and verified",
		[CLEAN_RESET_NONE] = "verified, and by its rule not reset",
	};
	const struct device *device = revoke->device;
	const struct log_about about = about_lease(device);
	bool taken = device->lease.revoke || device->lease.deadline;
	char text[PROTO_ADDRESS_LEN];

	proto_address_format(revoke->address, text);
	if (revoke->clear)
		log_event(LOG_EVENT_CLEARED, &(struct log_about){ .device = &revoke->address, .op = "CLEAR" },
			  "%s is not quarantined any more: %s", text, how[revoke->reset]);
	if (!revoke->lease)
		return;
	metrics_count(&revoke->daemon->metrics, taken ? VFIOD_STAT_REVOKES : VFIOD_STAT_ENDS);
	log_event(taken ? LOG_EVENT_REVOKED : LOG_EVENT_ENDED, &about, "%s: lease %llu of user %u ended, %s", text,
		  (unsigned long long)revoke->lease, device->lease.uid, how[revoke->reset]);
}

static void ended(struct revoke_job *revoke)
{
	struct device *device = revoke->device;
	const struct vfiod_clear_rep rep = { .address = htole64(revoke->address) };

	device->header = revoke->header;
	device->has_header = true;
	device->reason[0] = '\0';
	step_take(revoke->daemon, device, EVENT_DONE);
	log_end(revoke);
	lease_end(revoke->daemon, device, revoke->killed, NULL);
	if (revoke->clear)
		request_reply(revoke->clear, &rep, sizeof(rep), NULL, 0);
}

static void count(struct daemon *daemon, const struct revoke_job *revoke)
{
	struct metrics *metrics = &daemon->metrics;

	metrics->counts[VFIOD_STAT_KILLS] += revoke->killed;
	if (!revoke->clean_us)
		return;
	metrics_count(metrics, revoke->failure.error ? VFIOD_STAT_RESET_FAILURES : VFIOD_STAT_RESETS);
	metrics_time(metrics, VFIOD_LATENCY_RESET, revoke->clean_us);
	if (!revoke->failure.error && !revoke->clear)
		metrics_time(metrics, VFIOD_LATENCY_RELEASE, clock_us() - revoke->begun);
}

static void revoke_done(struct job *job)
{
	struct revoke_job *revoke = (struct revoke_job *)job;
	struct device *device = revoke->device;
	struct daemon *daemon = revoke->daemon;
	bool gone = device->gone;

	count(daemon, revoke);
	if (revoke->still_open && device->lease.id && !device->lease.by_handles) {
		step_take(daemon, device, EVENT_STILL_OPEN);
		if (device->lease.closed_again)
			revoke_start(daemon, device);
	} else if (revoke->failure.error) {
		quarantine(daemon, device, revoke->clear, &revoke->failure);
	} else {
		ended(revoke);
	}
	free(revoke);
	if (device_is_busy(device))
		return;
	daemon_settled(daemon, device);
	if (!gone)
		warm_up(daemon, device);
}

static struct revoke_job *job_new(struct daemon *daemon, uint64_t lease)
{
	struct revoke_job *made = calloc(1, sizeof(*made));

	if (!made)
		return NULL;
	made->daemon = daemon;
	made->lease = lease;
	made->node = -1;
	made->files = VFIO_NO_FILES;
	return made;
}

static struct revoke_job *job_for(struct daemon *daemon, struct device *device, unsigned int patience_ms)
{
	struct revoke_job *made = job_new(daemon, device->lease.id);

	if (!made)
		return NULL;
	made->job.run = revoke_run;
	made->job.done = revoke_done;
	made->device = device;
	made->address = device->facts.address;
	made->group = device->facts.group;
	made->reset = policy_reset(daemon->config, &device->facts);
	made->patience_ms = patience_ms;
	made->begun = clock_us();
	made->has_header = device->has_header;
	made->header = device->header;
	if (device->lease.by_handles)
		made->node = handles_node(daemon->handles);
	return made;
}

static void start(struct daemon *daemon, struct device *device, unsigned int patience_ms)
{
	struct revoke_job *revoke = job_for(daemon, device, patience_ms);
	struct vfio_files files = warm_take(device);
	struct failure failure;

	device->lease.closed_again = false;
	/* a client that has closed all will not answer, and the kernel would keep the worker waiting */
	pci_events_settle(daemon, device);
	if (revoke) {
		revoke->files = files;
		step_start(daemon, device, EVENT_CLOSED, &revoke->job);
		return;
	}
	step_take(daemon, device, EVENT_CLOSED);
	/* its user is stopped all the same, and what closing takes is waited for here */
	if (device->lease.by_handles)
		handles_shut(handles_node(daemon->handles), device->lease.id);
	vfio_close(&files);
	failure_set(&failure, -ENOMEM, "vfiod has no memory to clean it");
	quarantine(daemon, device, NULL, &failure);
	daemon_try_again(daemon); /* no worker reports on it */
}

void revoke_start(struct daemon *daemon, struct device *device)
{
	start(daemon, device, 10000);
}

void revoke_check(struct daemon *daemon, struct device *device)
{
	start(daemon, device, 1000);
}

void revoke_go_on(struct daemon *daemon)
{
	for (size_t i = 0; daemon->unclean && i < daemon->devices.count; i++) {
		struct device *device = daemon->devices.list[i];

		if (!device->unclean || device->state != VFIOD_FREE ||
		    devices_occupied_sibling(&daemon->devices, device))
			continue;
		device->unclean = false;
		daemon->unclean--;
		revoke_check(daemon, device);
	}
}

static void time_is_over(evutil_socket_t fd, short what, void *data)
{
	struct device *device = data;

	(void)fd;
	(void)what;
	if (device->state == VFIOD_LEASED)
		revoke_start(device->daemon, device);
}

void revoke_announce(struct daemon *daemon, struct device *device, uint32_t grace_ms)
{
	uint64_t ends_ms = clock_ms() + grace_ms;
	const struct timeval grace = { .tv_sec = grace_ms / 1000, .tv_usec = (suseconds_t)(grace_ms % 1000) * 1000 };
	const struct log_about about = about_lease(device);
	char text[PROTO_ADDRESS_LEN];

	if (device->lease.deadline && device->lease.ends_ms <= ends_ms)
		return;
	device->lease.ends_ms = ends_ms;
	if (!device->lease.deadline)
		device->lease.deadline = evtimer_new(daemon->base, time_is_over, device);
	if (!grace_ms || !device->lease.deadline || evtimer_add(device->lease.deadline, &grace)) {
		revoke_start(daemon, device);
		return;
	}
	saved_note(daemon, device);
	log_event(LOG_EVENT_ANNOUNCED, &about, "%s: lease %llu of user %u is to end in %u ms",
		  proto_address_format(device->facts.address, text), (unsigned long long)device->lease.id,
		  device->lease.uid, grace_ms);
	lease_tell(daemon, device, VFIOD_LEASE_REVOKE_ANNOUNCED, grace_ms);
}

/* ---- once more ---- */

static int check_clear(struct device *device, struct failure *failure)
{
	char text[PROTO_ADDRESS_LEN];

	proto_address_format(device->facts.address, text);
	facts_refresh_driver(&device->facts);
	if (facts_on_vfio(&device->facts))
		return 0;
	return failure_set(failure, -EBUSY,
			   "%s is with driver %s now, and can only be reset with a VFIO driver; have it be the host's: "
			   "vfioctl release %s",
			   text, device->facts.driver[0] ? device->facts.driver : "none", text);
}

void request_clear(struct request *request, const struct vfiod_clear_req *body)
{
	struct daemon *daemon = request->daemon;
	struct device *device = request_find(request, le64toh(body->address));
	struct revoke_job *revoke = NULL;
	struct failure failure;
	int err;

	if (!device || !request_step(request, device, EVENT_CLEAR))
		return;
	err = check_clear(device, &failure);
	if (!err) {
		revoke = job_for(daemon, device, 0);
		err = revoke ? step_start(daemon, device, EVENT_CLEAR, &revoke->job) : -ENOMEM;
		if (err)
			failure_set(&failure, err, "vfiod could not begin with it: %s; try again", strerror(-err));
	}
	if (!err) {
		revoke->clear = request;
		return;
	}
	request_refuse(request, &failure);
	free(revoke);
}

/* ---- orphans ---- */

static void orphan_run(struct job *job)
{
	struct revoke_job *revoke = (struct revoke_job *)job;

	handles_revoke(revoke->node, revoke->lease, &revoke->killed, &revoke->failure);
}

/* The module tells when they have ended, and they are forgotten then. */
static void orphan_done(struct job *job)
{
	struct revoke_job *revoke = (struct revoke_job *)job;

	if (revoke->failure.error)
		log_line(LOG_ERR, "%s", revoke->failure.text);
	free(revoke);
}

void revoke_orphan(struct daemon *daemon, uint64_t lease)
{
	struct revoke_job *revoke = job_new(daemon, lease);

	log_event(LOG_EVENT_ORPHANED, &(struct log_about){ .lease = lease }, "lease %llu is nobody's: revoked",
		  (unsigned long long)lease);
	if (!revoke)
		return;
	revoke->job.run = orphan_run;
	revoke->job.done = orphan_done;
	revoke->node = handles_node(daemon->handles);
	workers_start(daemon->workers, &revoke->job);
}
