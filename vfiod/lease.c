/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vfiod/lease.h"

#include "proto/address.h"
#include "vfiod/clock.h"
#include "vfiod/config.h"
#include "vfiod/daemon.h"
#include "vfiod/decide.h"
#include "vfiod/handles.h"
#include "vfiod/log.h"
#include "vfiod/pci_events.h"
#include "vfiod/peer.h"
#include "vfiod/request.h"
#include "vfiod/revoke.h"
#include "vfiod/saved.h"
#include "vfiod/server.h"
#include "vfiod/sriov.h"
#include "vfiod/step.h"
#include "vfiod/terms.h"
#include "vfiod/vfio.h"
#include "vfiod/warm.h"
#include "vfiod/watch.h"
#include "vfiod/worker.h"

#include <endian.h>
#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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
	bool by_handles;
	struct vfio_token token;
	/* open in advance, but of no use for this; then what it found out */
	struct vfio_files files;
	struct failure failure;
};

static void grant_run(struct job *job)
{
	struct grant_job *grant = (struct grant_job *)job;
	struct failure unwatched;

	vfio_close(&grant->files);
	if (grant->mode == VFIOD_MODE_GROUP)
		vfio_open_group(grant->group, &grant->files.group, &grant->failure);
	else if (grant->mode == VFIOD_MODE_IOMMUFD)
		vfio_open_iommufd(grant->address, &grant->files, &grant->failure);
	else
		vfio_open_device(grant->address, grant->group, &grant->token, &grant->files, &grant->failure);
	/* of a device that is not bound yet the kernel takes no request for that; its client can ask, once it is */
	if (grant->by_handles && grant->mode == VFIOD_MODE_CONTAINER && !grant->failure.error &&
	    vfio_watch_unplug(&grant->files, &unwatched))
		log_line(LOG_WARNING, "%s", unwatched.text);
}

static void grant_reply(struct request *request, struct device *device, uint32_t mode, const int *fds,
			unsigned int count)
{
	struct vfiod_acquire_rep rep = {
		.lease = htole64(device->lease.id),
		.mode = htole32(mode),
		.group = htole32(device->facts.group),
	};
	struct vfiod_acquire_pool_rep pool_rep = {
		.lease = rep.lease,
		.address = htole64(device->facts.address),
		.mode = rep.mode,
		.group = rep.group,
	};
	struct daemon *daemon = request->daemon;
	const struct log_about about = {
		.device = &device->facts.address,
		.uid = &device->lease.uid,
		.lease = device->lease.id,
		.op = request->op->name,
	};
	uint64_t begun = request->begun;
	char text[PROTO_ADDRESS_LEN];

	memccpy(rep.reset, device->facts.reset, '\0', sizeof(rep.reset) - 1);
	memccpy(pool_rep.reset, device->facts.reset, '\0', sizeof(pool_rep.reset) - 1);
	terms_begin(daemon, device, request->client);
	if (request->op->opcode == VFIOD_ACQUIRE_POOL)
		request_reply(request, &pool_rep, sizeof(pool_rep), fds, count);
	else
		request_reply(request, &rep, sizeof(rep), fds, count);
	terms_tell(daemon, device);
	/* the client is at work already */
	metrics_count(&daemon->metrics, VFIOD_STAT_GRANTS);
	metrics_time(&daemon->metrics, VFIOD_LATENCY_ACQUIRE, clock_us() - begun);
	log_event(LOG_EVENT_GRANTED, &about, "%s leased to user %u (pid %u), lease %llu",
		  proto_address_format(device->facts.address, text), device->lease.uid, device->lease.pid,
		  (unsigned long long)device->lease.id);
}

/*
 * The client gets handles on what we have open.  Those of a client that is gone are closed here for the last time, and
 * the module tells us so as of any other.
 */
static int grant_handles(struct request *request, struct device *device, struct failure *failure)
{
	const struct handle_note note = {
		.address = device->facts.address,
		.lease = device->lease.id,
		.uid = device->lease.uid,
		.pid = device->lease.pid,
		.until_ms = device->lease.until_ms,
	};
	bool by_iommufd = device->files.iommufd >= 0;
	int fds[2], err = handles_lease(request->daemon->handles, &device->files, &note, fds, failure);
	struct vfio_files files;

	if (err)
		return err;
	/*
	 * The kernel binds a device to an iommufd, not to a handle of one: so the client gets the file itself.  It is
	 * this client's alone, and does nothing without the device, whose handle can be revoked.  The last close of the
	 * device waits for calls on the iommufd, which may be stuck: it is not to be ours.
	 */
	if (by_iommufd) {
		fds[1] = device->files.iommufd;
		device->files.iommufd = -1;
		files = warm_take(device);
		vfio_close(&files);
	}
	grant_reply(request, device, by_iommufd ? VFIOD_MODE_IOMMUFD : VFIOD_MODE_CONTAINER, fds, 2);
	close(fds[0]);
	close(fds[1]);
	return 0;
}

/* ---- a lease of the files themselves ---- */

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
	step_take(daemon, device, EVENT_DONE);
	if (device->lease.closed_again)
		revoke_start(daemon, device);
	if (!device_is_busy(device))
		daemon_settled(daemon, device);
}

static void grant_files(struct grant_job *grant)
{
	const struct vfio_files *files = &grant->files;
	int fds[VFIOD_FDS_MAX] = { files->device, files->container };

	grant->device->lease.granted = true;
	if (grant->mode == VFIOD_MODE_GROUP)
		fds[0] = files->group;
	grant_reply(grant->request, grant->device, grant->mode, fds, grant->mode == VFIOD_MODE_GROUP ? 1 : 2);
	/* Our copies go by a worker: where the client got none, or is gone, that is the last close, which resets the
	 * function. */
	grant->job.run = grant_close;
	grant->job.done = grant_closed;
	workers_start(grant->daemon->workers, &grant->job);
}

/* ---- either ---- */

static void grant_failed(struct grant_job *grant)
{
	struct device *device = grant->device;
	struct daemon *daemon = grant->daemon;

	step_take(daemon, device, EVENT_FAILED);
	lease_end(daemon, device, 0, NULL);
	request_refuse(grant->request, &grant->failure);
	/* opened, and not given away: of no use to who asks in another mode, or nothing that can be asked back */
	if (device->files.iommufd >= 0 || (warm_is(device) && !device->unplug))
		warm_down(daemon, device);
	free(grant);
	if (!device_is_busy(device))
		daemon_settled(daemon, device);
}

static void grant_done(struct job *job)
{
	struct grant_job *grant = (struct grant_job *)job;
	struct device *device = grant->device;
	struct daemon *daemon = grant->daemon;

	if (!grant->failure.error && !grant->by_handles) {
		grant_files(grant);
		return;
	}
	if (!grant->failure.error)
		warm_keep(daemon, device, &grant->files);
	if (grant->failure.error || grant_handles(grant->request, device, &grant->failure)) {
		grant_failed(grant);
		return;
	}
	free(grant);
	step_take(daemon, device, EVENT_DONE);
	daemon_settled(daemon, device);
}

/*
 * What is open already takes no thread: the lease is there before the loop looks at anything else.  The journal has it
 * after the client does: until then the module's table is what tells the next vfiod of it (reconcile_catch_up()), which
 * needs a record of the function as it was before.
 */
static int grant_warm(struct request *request, struct device *device, struct failure *failure)
{
	struct daemon *daemon = request->daemon;
	bool ahead = saved_is_noted(daemon, device);
	int err = 0;

	if (ahead)
		step_ahead(device, EVENT_ACQUIRE);
	else
		err = step_try(daemon, device, EVENT_ACQUIRE);
	if (err)
		return failure_set(failure, err, "vfiod cannot write down that it is yours: %s; try again",
				   strerror(-err));
	err = grant_handles(request, device, failure);
	step_take(daemon, device, err ? EVENT_FAILED : EVENT_DONE);
	if (ahead && !err)
		saved_note(daemon, device);
	return err;
}

static int grant_cold(struct request *request, struct device *device, uint32_t mode, bool by_handles,
		      struct failure *failure)
{
	struct daemon *daemon = request->daemon;
	struct grant_job *grant = calloc(1, sizeof(*grant));
	char node[32];
	int watch, err;

	if (!grant)
		return failure_set(failure, -ENOMEM, "vfiod is out of memory");
	vfio_group_node(device->facts.group, node);
	/* before anybody opens it, so that no close can be missed */
	err = by_handles ? 0 : watch_add(daemon->watch, node, &watch);
	if (err) {
		failure_set(failure, err, "%s: %s", node, strerror(-err));
		goto free_grant;
	}
	if (!by_handles)
		device_watch(device, watch);
	*grant = (struct grant_job){
		.job = { .run = grant_run, .done = grant_done },
		.daemon = daemon,
		.request = request,
		.device = device,
		.address = device->facts.address,
		.group = device->facts.group,
		.mode = mode,
		.by_handles = by_handles,
		.token = sriov_token(device),
		.files = warm_take(device),
	};
	err = step_start(daemon, device, EVENT_ACQUIRE, &grant->job);
	if (!err)
		return 0;
	failure_set(failure, err, "vfiod could not begin with it: %s; try again", strerror(-err));
	warm_keep(daemon, device, &grant->files);
	if (!by_handles)
		watch_remove(daemon->watch, device->lease.watch);
free_grant:
	free(grant);
	return err;
}

static int grant_start(struct request *request, struct device *device, uint32_t mode, struct failure *failure)
{
	struct daemon *daemon = request->daemon;
	const struct peer *peer = request_peer(request);
	bool by_handles = mode != VFIOD_MODE_GROUP && daemon_handles(daemon);
	int err;

	device_lease(device, ++daemon->last_lease, peer->uid);
	device->lease.pid = (uint32_t)peer->pid;
	device->lease.client = client_serial(request->client);
	device->lease.by_handles = by_handles;
	err = terms_set(daemon, device);
	if (err)
		failure_set(failure, err, "vfiod is out of memory");
	else if (by_handles && mode == VFIOD_MODE_CONTAINER && warm_is(device))
		err = grant_warm(request, device, failure);
	else
		err = grant_cold(request, device, mode, by_handles, failure);
	if (err) {
		terms_end(daemon, device);
		device_unlease(device);
	}
	return err;
}

/* Who asked for one of a pool in vain has a claim on the next; not who could have one by asking for something else. */
static void note_claim(struct daemon *daemon, const struct wish *wish, const struct verdict *verdict)
{
	const char *pool;

	if (verdict->decision == DECISION_GRANT) {
		pool = policy_pool(daemon->config, &verdict->device->facts);
		if (pool)
			claims_settle(&daemon->claims, pool, wish->peer->uid);
	} else if (wish->pool && verdict->failure.error == -EBUSY && !(verdict->remedy & VFIOD_REMEDY_YOU)) {
		claims_note(&daemon->claims, wish->pool, wish->peer->uid, &verdict->owner, clock_ms());
	}
}

/*
 * It is free, and we have it open, in the way of another one of its group; or it is to be had by its group's file, of
 * which our own close would pass for the client's.
 */
static bool is_to_be_closed(const struct wish *wish, const struct verdict *verdict)
{
	if (verdict->decision == DECISION_WAIT)
		return verdict->device->state == VFIOD_FREE;
	return verdict->decision == DECISION_GRANT && wish->mode == VFIOD_MODE_GROUP && warm_is(verdict->device);
}

static void acquire(struct request *request, const struct wish *wish)
{
	struct daemon *daemon = request->daemon;
	struct verdict verdict;

	decide(daemon, wish, &verdict);
	while (is_to_be_closed(wish, &verdict)) {
		warm_down(daemon, verdict.device);
		/* the one that was chosen, and not the next best of its pool, which would be closed, too */
		if (verdict.decision == DECISION_GRANT && device_is_busy(verdict.device))
			verdict.decision = DECISION_WAIT;
		else
			decide(daemon, wish, &verdict);
	}
	if (verdict.decision == DECISION_WAIT) {
		request_wait(request, verdict.device);
		return;
	}
	note_claim(daemon, wish, &verdict);
	if (verdict.decision == DECISION_REFUSE || grant_start(request, verdict.device, wish->mode, &verdict.failure))
		request_refuse(request, &verdict.failure);
}

void request_acquire(struct request *request, const struct vfiod_acquire_req *body)
{
	const struct wish wish = {
		.peer = request_peer(request),
		.address = le64toh(body->address),
		.mode = le32toh(body->mode),
	};

	acquire(request, &wish);
}

void request_acquire_pool(struct request *request, const struct vfiod_acquire_pool_req *body)
{
	const struct wish wish = {
		.peer = request_peer(request),
		.pool = body->pool,
		.mode = le32toh(body->mode),
		.node = le32toh(body->numa_node),
	};
	struct failure failure;

	if (request_check_pool(body->pool, &failure))
		request_refuse(request, &failure);
	else
		acquire(request, &wish);
}

/* ---- what happens to it ---- */

/* The client has closed what it had. */
static void closed(struct daemon *daemon, struct device *device)
{
	if (device->state == VFIOD_LEASED)
		revoke_start(daemon, device);
	else
		device->lease.closed_again = true; /* a worker has it, and its report is to come */
}

void lease_closed(void *data, int watch)
{
	struct daemon *daemon = data;
	struct device *device = watch == WATCH_ANY ? NULL : devices_by_watch(&daemon->devices, watch);

	if (device && device->lease.id)
		closed(daemon, device);
	for (size_t i = 0; watch == WATCH_ANY && i < daemon->devices.count; i++)
		if (daemon->devices.list[i]->lease.id && daemon->devices.list[i]->lease.watch)
			closed(daemon, daemon->devices.list[i]);
}

static void note_handle(struct device *device, uint32_t id)
{
	size_t i = device->lease.handles[0] && device->lease.handles[0] != id;

	device->lease.handles[i] = id;
}

void lease_handle_changed(void *data, const struct vfiod_handle_info *info)
{
	struct daemon *daemon = data;
	struct device *device = devices_by_lease(&daemon->devices, info->lease);

	if (device) {
		note_handle(device, info->id);
		if (info->kind == VFIOD_HANDLE_DEVICE && info->flags & VFIOD_HANDLE_CLOSED)
			closed(daemon, device);
	} else if (info->state == VFIOD_HANDLE_ENDED) {
		handles_forget(daemon->handles, info->id);
	} else {
		revoke_orphan(daemon, info->lease);
	}
}

void lease_unplug(struct device *device)
{
	struct daemon *daemon = device->daemon;

	if (device->state == VFIOD_FREE)
		warm_down(daemon, device);
	else if (device->state == VFIOD_LEASED && device->lease.by_handles)
		revoke_announce(daemon, device, daemon->config->revoke_grace * 1000);
}

void lease_tell(struct daemon *daemon, struct device *device, uint32_t kind, uint32_t grace_ms)
{
	const struct vfiod_lease_event event = {
		.lease = htole64(device->lease.id),
		.address = htole64(device->facts.address),
		.kind = htole32(kind),
		.grace_ms = htole32(grace_ms),
	};
	struct client *client = daemon->server ? server_client(daemon->server, device->lease.client) : NULL;

	if (client)
		client_event(client, VFIOD_LEASE_EVENT, &event, sizeof(event));
}

/* ---- its end ---- */

/* The entries in the module's table are ours to remove; after the journal has that the lease is over. */
static void forget_handles(struct daemon *daemon, const struct lease *lease)
{
	for (size_t i = 0; i < 2; i++)
		if (lease->handles[i])
			handles_forget(daemon->handles, lease->handles[i]);
}

void lease_end(struct daemon *daemon, struct device *device, unsigned int killed, const struct failure *failure)
{
	struct lease lease = device->lease;
	struct vfiod_release_rep released = { .lease = htole64(lease.id) };
	struct vfiod_revoke_rep revoked = { .lease = htole64(lease.id), .killed = htole32(killed) };

	pci_events_settle(daemon, device);
	terms_end(daemon, device);
	if (lease.revoke || lease.deadline)
		lease_tell(daemon, device, VFIOD_LEASE_REVOKED, 0);
	if (lease.deadline)
		event_free(lease.deadline);
	if (lease.watch)
		watch_remove(daemon->watch, lease.watch);
	device_unlease(device);
	if (lease.by_handles)
		forget_handles(daemon, &lease);
	if (lease.release && failure)
		request_refuse(lease.release, failure);
	else if (lease.release)
		request_reply(lease.release, &released, sizeof(released), NULL, 0);
	if (lease.revoke && failure)
		request_refuse(lease.revoke, failure);
	else if (lease.revoke)
		request_reply(lease.revoke, &revoked, sizeof(revoked), NULL, 0);
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

void lease_forget_request(struct daemon *daemon, struct request *request)
{
	bool is_release = request->op->opcode == VFIOD_RELEASE;
	struct device *device = is_release ? devices_by_lease(&daemon->devices, le64toh(request->body.release.lease))
					   : devices_find(&daemon->devices, le64toh(request->body.revoke.address));

	if (device && device->lease.release == request)
		device->lease.release = NULL;
	if (device && device->lease.revoke == request)
		device->lease.revoke = NULL;
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
	/* what the client may still have open of it goes away now */
	if (device->lease.by_handles && device->state == VFIOD_LEASED)
		revoke_start(daemon, device);
	return;

refuse:
	request_refuse(request, &failure);
}

void request_revoke(struct request *request, const struct vfiod_revoke_req *body)
{
	struct daemon *daemon = request->daemon;
	uint32_t grace_ms = le32toh(body->grace_ms);
	struct device *device = request_find(request, le64toh(body->address));
	char text[PROTO_ADDRESS_LEN];
	struct request *before;
	struct failure failure;

	if (!device)
		return;
	proto_address_format(device->facts.address, text);
	if (!request->lease)
		request->lease = device->lease.id;
	if (device->lease.id && device->lease.id != request->lease) {
		failure_set(&failure, -EINVAL,
			    "the lease of %s that was to be revoked has ended by itself; it is leased to user %u anew",
			    text, device->lease.uid);
		request_refuse(request, &failure);
		return;
	}
	if (!request_step(request, device, EVENT_REVOKE))
		return;
	if (!device->lease.by_handles) {
		failure_set(&failure, -EOPNOTSUPP,
			    "%s was leased to user %u (asked for by process %u) without a revocable handle: the module "
			    "vfiod_handle was not loaded, or the group's file was asked for; it is free when that "
			    "program ends",
			    text, device->lease.uid, device->lease.pid);
		request_refuse(request, &failure);
		return;
	}
	if (grace_ms == VFIOD_NONE)
		grace_ms = daemon->config->revoke_grace * 1000;
	before = device->lease.revoke;
	if (before) {
		bool sooner = device->lease.ends_ms > clock_ms() + grace_ms;

		failure_set(&failure, -EBUSY, "the revocation of %s has been announced %s", text,
			    sooner ? "anew, and comes sooner" : "already, and comes sooner than that");
		request_refuse(sooner ? before : request, &failure);
		if (!sooner)
			return;
	}
	device->lease.revoke = request;
	revoke_announce(daemon, device, grace_ms);
}
