/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vfiod/lease.h"

#include "proto/address.h"
#include "vfiod/clean.h"
#include "vfiod/config.h"
#include "vfiod/daemon.h"
#include "vfiod/log.h"
#include "vfiod/peer.h"
#include "vfiod/request.h"
#include "vfiod/vfio.h"
#include "vfiod/watch.h"
#include "vfiod/worker.h"

#include <endian.h>
#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* How long a RELEASE waits for files that are still open. */
static const struct timeval release_patience = { .tv_sec = 2 };

/* ---- a lease begins ---- */

struct grant_job {
	struct job job; /* first: it is what the worker knows of us */
	struct daemon *daemon;
	struct request *request; /* until it is answered */
	struct device *device;	 /* the loop's: not to be touched in the thread */
	/* what the thread needs */
	uint64_t address;
	uint32_t group;
	uint32_t mode;
	/* what it found out */
	struct vfio_files files;
	struct failure failure;
};

static void grant_run(struct job *job)
{
	struct grant_job *grant = (struct grant_job *)job;

	if (grant->mode == VFIOD_MODE_GROUP)
		vfio_open_group(grant->group, &grant->files.group, &grant->failure);
	else
		vfio_open_device(grant->address, grant->group, &grant->files, &grant->failure);
}

void lease_end(struct daemon *daemon, struct device *device, const struct failure *failure)
{
	struct request *release = device->lease.release;
	struct vfiod_release_rep rep = { .lease = htole64(device->lease.id) };

	watch_remove(daemon->watch, device->lease.watch);
	memset(&device->lease, 0, sizeof(device->lease));
	if (release && failure)
		request_refuse(release, failure);
	else if (release)
		request_reply(release, &rep, sizeof(rep), NULL, 0);
}

static void grant_reply(struct grant_job *grant)
{
	struct vfiod_acquire_rep rep = {
		.lease = htole64(grant->device->lease.id),
		.mode = htole32(grant->mode),
		.group = htole32(grant->group),
	};
	int fds[VFIOD_FDS_MAX] = { grant->files.device, grant->files.container };
	unsigned int count = 2;

	if (grant->mode == VFIOD_MODE_GROUP) {
		fds[0] = grant->files.group;
		count = 1;
	}
	snprintf(rep.reset, sizeof(rep.reset), "%s", grant->device->facts.reset);
	request_reply(grant->request, &rep, sizeof(rep), fds, count);
}

static void revoke_start(struct daemon *daemon, struct device *device);

static void grant_close(struct job *job)
{
	vfio_close(&((struct grant_job *)job)->files);
}

/* The client alone has the files now; or nobody, if it is gone already. */
static void grant_closed(struct job *job)
{
	struct grant_job *grant = (struct grant_job *)job;
	struct device *device = grant->device;
	struct daemon *daemon = grant->daemon;

	free(grant);
	device->state = state_step(device->state, EVENT_DONE).next;
	if (device->lease.closed_again)
		revoke_start(daemon, device);
	if (!device_is_busy(device))
		daemon_settled(daemon, device);
}

static void grant_done(struct job *job)
{
	struct grant_job *grant = (struct grant_job *)job;
	struct device *device = grant->device;
	struct daemon *daemon = grant->daemon;
	char text[PROTO_ADDRESS_LEN];

	if (grant->failure.error) {
		device->state = state_step(device->state, EVENT_FAILED).next;
		lease_end(daemon, device, NULL);
		request_refuse(grant->request, &grant->failure);
		free(grant);
		daemon_settled(daemon, device);
		return;
	}
	log_line(LOG_INFO, "%s leased to user %u (pid %u), lease %llu", proto_address_format(grant->address, text),
		 device->lease.uid, device->lease.pid, (unsigned long long)device->lease.id);
	device->lease.granted = true;
	grant_reply(grant);
	/* Our copies go by a worker: where the client got none, or is gone, that is the last close, which resets the
	 * function. */
	grant->job.run = grant_close;
	grant->job.done = grant_closed;
	if (workers_start(daemon->workers, &grant->job)) {
		grant_close(&grant->job);
		grant_closed(&grant->job);
	}
}

static int grant_start(struct request *request, struct device *device, uint32_t mode, struct failure *failure)
{
	struct daemon *daemon = request->daemon;
	struct grant_job *grant = calloc(1, sizeof(*grant));
	char node[32];
	int err;

	if (!grant)
		return failure_set(failure, -ENOMEM, "vfiod is out of memory");
	vfio_group_node(device->facts.group, node);
	/* before anybody opens it, so that no close can be missed */
	err = watch_add(daemon->watch, node, &device->lease.watch);
	if (err) {
		failure_set(failure, err, "%s: %s", node, strerror(-err));
		goto free_grant;
	}
	*grant = (struct grant_job){
		.job = { .run = grant_run, .done = grant_done },
		.daemon = daemon,
		.request = request,
		.device = device,
		.address = device->facts.address,
		.group = device->facts.group,
		.mode = mode,
		.files = { -1, -1, -1 },
	};
	err = workers_start(daemon->workers, &grant->job);
	if (err) {
		failure_set(failure, err, "vfiod could not start a worker thread: %s; try again", strerror(-err));
		goto remove_watch;
	}
	return 0;

remove_watch:
	watch_remove(daemon->watch, device->lease.watch);
free_grant:
	free(grant);
	return err;
}

/* Whoever has a group's file can open every function of it that vfio-pci has, whoever's that is. */
static int check_group_mode(const struct devices *devices, const struct device *device, struct failure *failure)
{
	char text[PROTO_ADDRESS_LEN], other[PROTO_ADDRESS_LEN];

	for (size_t i = 0; i < devices->count; i++) {
		struct device *sibling = devices->list[i];

		if (sibling == device || sibling->facts.group != device->facts.group)
			continue;
		facts_refresh_driver(&sibling->facts);
		if (sibling->facts.driver[0] && !facts_is_bridge(&sibling->facts))
			return failure_set(
				failure, -EBUSY,
				"%s shares IOMMU group %u with %s, which the group's file would give away too; "
				"ask for the device in a container instead",
				proto_address_format(device->facts.address, text), device->facts.group,
				proto_address_format(sibling->facts.address, other));
	}
	return 0;
}

void request_acquire(struct request *request, const struct vfiod_acquire_req *body)
{
	struct daemon *daemon = request->daemon;
	uint32_t mode = le32toh(body->mode);
	const struct peer *peer = request_peer(request);
	/* last: without a device there is no request any more */
	struct device *device = request_find(request, le64toh(body->address));
	struct failure failure;

	if (!device)
		return;
	if (mode != VFIOD_MODE_CONTAINER && mode != VFIOD_MODE_GROUP) {
		failure_set(&failure, -EINVAL, "there is no mode %u to acquire a function in", mode);
		goto refuse;
	}
	/* a stranger is told so at once, and does not wait in front of the owner */
	if (device->state != VFIOD_UNMANAGED &&
	    policy_may_acquire(daemon->config, &device->facts, &device->owner, peer, &failure))
		goto refuse;
	if (!request_step(request, device, EVENT_ACQUIRE))
		return;
	if (mode == VFIOD_MODE_GROUP && check_group_mode(&daemon->devices, device, &failure))
		goto refuse;
	if (grant_start(request, device, mode, &failure))
		goto refuse;
	device->state = state_step(device->state, EVENT_ACQUIRE).next;
	device->lease.id = ++daemon->last_lease;
	device->lease.uid = peer->uid;
	device->lease.pid = (uint32_t)peer->pid;
	return;

refuse:
	request_refuse(request, &failure);
}

/* ---- a lease ends ---- */

struct revoke_job {
	struct job job; /* first: it is what the worker knows of us */
	struct daemon *daemon;
	struct device *device; /* the loop's: not to be touched in the thread */
	/* what the thread needs */
	uint64_t address;
	uint32_t group;
	bool reset_required;
	/* the state before the lease, and what it found out */
	struct clean_header header;
	bool still_open;
	struct failure failure;
};

/*
 * The kernel tells of a close before it carries it out (__fput() in fs/file_table.c), and to detach a group from much
 * pinned memory takes its time: until that is done the group says EBUSY.  After that somebody else has opened it, whose
 * close will be told too.
 */
static int open_after_close(uint32_t group, int *fd, struct failure *failure)
{
	static const unsigned int limit_ms = 10000;
	unsigned int waited_ms = 0, pause_ms = 1;
	int err;

	while ((err = vfio_open_group(group, fd, failure)) == -EBUSY && waited_ms < limit_ms) {
		const struct timespec pause = { .tv_nsec = pause_ms * 1000000L };

		nanosleep(&pause, NULL);
		waited_ms += pause_ms;
		pause_ms = pause_ms < 50 ? pause_ms * 2 : 50;
	}
	if (!err)
		failure->error = 0; /* of the tries before */
	return err;
}

static void revoke_run(struct job *job)
{
	struct revoke_job *revoke = (struct revoke_job *)job;
	int fd, err = open_after_close(revoke->group, &fd, &revoke->failure);

	revoke->still_open = err == -EBUSY;
	if (err)
		return;
	close(fd);
	clean_function(revoke->address, revoke->reset_required, &revoke->header, &revoke->header, &revoke->failure);
}

/* The lease is over, but the function is not known to be clean: nobody gets it. */
static void quarantine(struct daemon *daemon, struct device *device, const struct failure *failure)
{
	struct failure told;

	device->state = state_step(device->state, EVENT_FAILED).next;
	snprintf(device->reason, sizeof(device->reason), "%.127s", failure->text);
	log_line(LOG_ERR, "quarantined: %s", failure->text);
	failure_set(&told, -EIO, "the lease has ended, but the device is quarantined: %.400s", failure->text);
	lease_end(daemon, device, &told);
}

static void revoke_done(struct job *job)
{
	struct revoke_job *revoke = (struct revoke_job *)job;
	struct device *device = revoke->device;
	struct daemon *daemon = revoke->daemon;
	char text[PROTO_ADDRESS_LEN];

	proto_address_format(revoke->address, text);
	if (revoke->still_open) {
		device->state = state_step(device->state, EVENT_STILL_OPEN).next;
		if (device->lease.closed_again)
			revoke_start(daemon, device);
	} else if (revoke->failure.error) {
		quarantine(daemon, device, &revoke->failure);
	} else {
		device->state = state_step(device->state, EVENT_DONE).next;
		device->header = revoke->header;
		log_line(LOG_INFO, "%s: lease %llu of user %u ended, reset and verified", text,
			 (unsigned long long)device->lease.id, device->lease.uid);
		lease_end(daemon, device, NULL);
	}
	free(revoke);
	if (!device_is_busy(device))
		daemon_settled(daemon, device);
}

static void revoke_start(struct daemon *daemon, struct device *device)
{
	const struct rule *rule = policy_rule(daemon->config, &device->facts);
	struct revoke_job *revoke = calloc(1, sizeof(*revoke));
	struct failure failure;
	int err = -ENOMEM;

	device->lease.closed_again = false;
	device->state = state_step(device->state, EVENT_CLOSED).next;
	if (revoke) {
		*revoke = (struct revoke_job){
			.job = { .run = revoke_run, .done = revoke_done },
			.daemon = daemon,
			.device = device,
			.address = device->facts.address,
			.group = device->facts.group,
			.reset_required = !rule || rule->reset_required,
			.header = device->header,
		};
		err = workers_start(daemon->workers, &revoke->job);
	}
	if (!err)
		return;
	failure_set(&failure, err, "no worker thread could be started to clean it: %s", strerror(-err));
	quarantine(daemon, device, &failure);
	free(revoke);
}

void lease_closed(void *data, int watch)
{
	struct daemon *daemon = data;

	for (size_t i = 0; i < daemon->devices.count; i++) {
		struct device *device = daemon->devices.list[i];

		if (!device->lease.id || (device->lease.watch != watch && watch != WATCH_ANY))
			continue;
		if (device->state == VFIOD_LEASED)
			revoke_start(daemon, device);
		else
			device->lease.closed_again = true; /* a worker has it, and its report is to come */
	}
}

static void release_too_late(evutil_socket_t fd, short what, void *data)
{
	struct request *request = data;
	struct device *device = devices_by_lease(&request->daemon->devices, le64toh(request->body.release.lease));
	struct failure failure;

	(void)fd;
	(void)what;
	if (device_is_busy(device)) { /* all is closed: it is the reset that takes its time */
		evtimer_add(request->deadline, &release_patience);
		return;
	}
	device->lease.release = NULL;
	failure_set(&failure, -EBUSY,
		    "the lease's files are still open somewhere: a mapping, or another process that inherited them; it "
		    "ends when they are closed");
	request_refuse(request, &failure);
}

void lease_forget_release(struct daemon *daemon, struct request *request)
{
	struct device *device = devices_by_lease(&daemon->devices, le64toh(request->body.release.lease));

	if (device && device->lease.release == request)
		device->lease.release = NULL;
}

void request_release(struct request *request, const struct vfiod_release_req *body)
{
	struct daemon *daemon = request->daemon;
	uint64_t id = le64toh(body->lease);
	struct device *device = devices_by_lease(&daemon->devices, id);
	struct vfiod_release_rep rep = { .lease = body->lease };
	struct failure failure;

	if (!device && id && id <= daemon->last_lease) {
		/* the kernel told of the close, and the function was cleaned, before the client could tell us */
		request_reply(request, &rep, sizeof(rep), NULL, 0);
		return;
	}
	if (!device || device->lease.uid != request_peer(request)->uid) {
		failure_set(&failure, -ENOENT, "user %u has no lease %llu", (unsigned)request_peer(request)->uid,
			    (unsigned long long)id);
		goto refuse;
	}
	if (device->lease.release) {
		failure_set(&failure, -EBUSY, "lease %llu is being released already", (unsigned long long)id);
		goto refuse;
	}
	request->deadline = evtimer_new(daemon->base, release_too_late, request);
	if (!request->deadline || evtimer_add(request->deadline, &release_patience)) {
		failure_set(&failure, -ENOMEM, "vfiod is out of memory");
		goto refuse;
	}
	device->lease.release = request;
	return;

refuse:
	request_refuse(request, &failure);
}

void request_revoke(struct request *request, const struct vfiod_revoke_req *body)
{
	struct failure failure;

	(void)body;
	failure_set(&failure, -EOPNOTSUPP, "this vfiod cannot revoke a lease");
	request_refuse(request, &failure);
}
