/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vfiod/request.h"

#include "proto/address.h"
#include "vfiod/daemon.h"
#include "vfiod/kept.h"
#include "vfiod/lease.h"
#include "vfiod/log.h"
#include "vfiod/peer.h"
#include "vfiod/server.h"
#include "vfiod/warm.h"

#include <endian.h>
#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct request *request_new(struct daemon *daemon, struct client *client, const struct proto_op *op,
			    struct proto_msg *msg)
{
	struct request *request = calloc(1, sizeof(*request));

	if (!request)
		return NULL;
	request->daemon = daemon;
	request->client = client;
	request->op = op;
	request->cookie = msg->cookie;
	memcpy(&request->body, proto_msg_body(msg), msg->length);
	return request;
}

void request_run(struct request *request)
{
	switch (request->op->opcode) {
#define X(opcode, NAME, name, sockets, fds) \
	case VFIOD_##NAME: \
		request_##name(request, &request->body.name); \
		break;
		VFIOD_OPS(X)
#undef X
	}
}

const struct peer *request_peer(const struct request *request)
{
	return request->client ? client_peer(request->client) : NULL;
}

static void request_free(struct request *request)
{
	if (request->deadline)
		event_free(request->deadline);
	free(request);
}

void request_reply(struct request *request, const void *body, size_t length, const int *fds, unsigned int fd_count)
{
	if (request->client)
		client_reply(request->client, request->op->opcode, request->cookie, body, length, fds, fd_count);
	request_free(request);
}

void request_refuse(struct request *request, const struct failure *failure)
{
	if (request->client) {
		const struct peer *peer = client_peer(request->client);

		log_line(LOG_NOTICE, "%s of user %u (pid %d) refused: %s", request->op->name, (unsigned)peer->uid,
			 (int)peer->pid, failure->text);
		client_refuse(request->client, request->op->opcode, request->cookie, failure->error, failure->text);
	}
	request_free(request);
}

void request_wait(struct request *request, struct device *device)
{
	request->waits_for = device;
	TAILQ_INSERT_TAIL(&device->waiting, request, next);
}

void request_resume(struct request_queue *waiting)
{
	struct request *request;

	while ((request = TAILQ_FIRST(waiting))) {
		TAILQ_REMOVE(waiting, request, next);
		request->waits_for = NULL;
		request_run(request);
	}
}

void request_abandon(struct request *request)
{
	request->client = NULL;
	if (request->waits_for)
		TAILQ_REMOVE(&request->waits_for->waiting, request, next);
	else if (request->op->opcode == VFIOD_RELEASE || request->op->opcode == VFIOD_REVOKE)
		lease_forget_request(request->daemon, request);
	else
		return; /* a worker has it, and finds nobody to answer */
	request_free(request);
}

struct device *request_find(struct request *request, uint64_t address)
{
	struct device *device = devices_find(&request->daemon->devices, address);
	char text[PROTO_ADDRESS_LEN];
	struct failure failure;

	if (!device) {
		proto_address_format(address, text);
		if (kept_find(request->daemon->kept, address))
			failure_set(
				&failure, -ENODEV,
				"there is no PCI function %s; it is assigned, and is taken when it appears; to have "
				"it stay the host's then: vfioctl release %s",
				text, text);
		else
			failure_set(&failure, -ENODEV, "there is no PCI function %s; see: vfioctl list --all", text);
		request_refuse(request, &failure);
	}
	return device;
}

/* In words, why @event cannot happen to @device in its present state. */
static void explain(const struct device *device, enum state_event event, struct failure *failure)
{
	char text[PROTO_ADDRESS_LEN];

	proto_address_format(device->facts.address, text);
	if (event == EVENT_REVOKE)
		failure_set(failure, -EINVAL, "%s is not leased to anybody", text);
	else if (event == EVENT_CLEAR)
		failure_set(failure, -EINVAL, "%s is not quarantined", text);
	else if (device->state == VFIOD_LEASED && device->lease.by_handles)
		failure_set(failure, -EBUSY,
			    "%s is leased to user %u (asked for by process %u); an administrator can take it back: "
			    "vfioctl revoke %s",
			    text, device->lease.uid, device->lease.pid, text);
	else if (device->state == VFIOD_LEASED)
		failure_set(
			failure, -EBUSY,
			"%s is leased to user %u (asked for by process %u); it is free when the last program that has "
			"it open ends",
			text, device->lease.uid, device->lease.pid);
	else if (device->state == VFIOD_QUARANTINED)
		failure_set(
			failure, event == EVENT_ACQUIRE ? -EIO : -EBUSY,
			"%s is quarantined: %s; an administrator can have it reset once more: vfioctl quarantine clear "
			"%s, or give it back to the host: vfioctl release %s",
			text, device->reason, text, text);
	else if (event == EVENT_ACQUIRE)
		failure_set(
			failure, -EACCES,
			"%s is not assigned to anybody; an administrator can do that: vfioctl assign %s --user NAME",
			text, text);
	else if (facts_on_vfio(&device->facts))
		failure_set(failure, -EINVAL,
			    "%s is not assigned to anybody, though %s has it; to give it back, assign it first: "
			    "vfioctl assign %s --user root",
			    text, device->facts.driver, text);
	else
		failure_set(failure, -EINVAL, "%s is not assigned to anybody", text);
}

static void explain_sibling(const struct device *device, const struct device *sibling, struct failure *failure)
{
	char text[PROTO_ADDRESS_LEN], other[PROTO_ADDRESS_LEN];

	failure_set(
		failure, -EBUSY,
		"%s shares IOMMU group %u with %s, which is leased to user %u (asked for by process %u): a group has "
		"one lease at a time",
		proto_address_format(device->facts.address, text), device->facts.group,
		proto_address_format(sibling->facts.address, other), sibling->lease.uid, sibling->lease.pid);
}

bool request_step(struct request *request, struct device *device, enum state_event event)
{
	enum state_verdict verdict = state_step(device->state, event).verdict;
	struct device *sibling = devices_occupied_sibling(&request->daemon->devices, device);
	struct failure failure;

	if (verdict == STATE_GO && sibling && sibling->state == VFIOD_FREE) {
		warm_down(request->daemon, sibling);
		sibling = devices_occupied_sibling(&request->daemon->devices, device);
	}

	if (verdict == STATE_WAIT) {
		request_wait(request, device);
		return false;
	}
	if (verdict == STATE_GO && !sibling)
		return true;
	if (verdict == STATE_GO && device_is_busy(sibling)) {
		request_wait(request, sibling);
		return false;
	}
	if (verdict == STATE_GO)
		explain_sibling(device, sibling, &failure);
	else
		explain(device, event, &failure);
	request_refuse(request, &failure);
	return false;
}

void request_hello(struct request *request, const struct vfiod_hello_req *body)
{
	unsigned int min = le16toh(body->version_min), max = le16toh(body->version_max);
	struct vfiod_hello_rep rep = {
		.version_min = htole16(VFIOD_VERSION_MIN),
		.version_max = htole16(VFIOD_VERSION_MAX),
		.uid = htole32(request_peer(request)->uid),
	};
	struct failure failure;

	if (min > VFIOD_VERSION_MAX || max < VFIOD_VERSION_MIN || min > max) {
		failure_set(&failure, -EPROTONOSUPPORT,
			    "the client speaks versions %u to %u of the protocol and this vfiod versions %u to %u; "
			    "upgrade the older of both",
			    min, max, VFIOD_VERSION_MIN, VFIOD_VERSION_MAX);
		request_refuse(request, &failure);
		return;
	}
	rep.version = htole16((uint16_t)(max < VFIOD_VERSION_MAX ? max : VFIOD_VERSION_MAX));
	client_set_version(request->client, le16toh(rep.version));
	request_reply(request, &rep, sizeof(rep), NULL, 0);
}

/* What a worker has to do afterwards is nobody's concern. */
static enum vfiod_state told_state(const struct device *device)
{
	if (device->state == VFIOD_GRANTING && device->lease.granted)
		return VFIOD_LEASED;
	return device->state == VFIOD_WARMING ? VFIOD_FREE : device->state;
}

static uint32_t told_flags(const struct daemon *daemon, const struct device *device)
{
	bool revocable = device->lease.id ? device->lease.by_handles : daemon->handles != NULL;

	return (revocable ? VFIOD_DEVICE_REVOCABLE : 0) | (device->facts.strict ? VFIOD_DEVICE_STRICT : 0) |
	       (device->state == VFIOD_FREE && warm_is(device) ? VFIOD_DEVICE_WARM : 0);
}

static void fill_record(const struct daemon *daemon, const struct device *device, struct vfiod_device *record)
{
	const struct facts *facts = &device->facts;

	record->address = htole64(facts->address);
	record->vendor = htole16(facts->vendor);
	record->device = htole16(facts->device);
	record->subsystem_vendor = htole16(facts->subsystem_vendor);
	record->subsystem_device = htole16(facts->subsystem_device);
	record->class_code = htole32(facts->class_code);
	record->group = htole32(facts->group);
	record->state = htole32(told_state(device));
	record->flags = htole32(told_flags(daemon, device));
	record->numa_node = htole32(facts->numa_node);
	record->owner_uid = htole32(device->owner.uid);
	record->owner_gid = htole32(device->owner.gid);
	record->holder_uid = htole32(device->lease.id ? device->lease.uid : VFIOD_NONE);
	record->holder_pid = htole32(device->lease.id ? device->lease.pid : VFIOD_NONE);
	snprintf(record->driver, sizeof(record->driver), "%s", facts->driver);
	snprintf(record->original_driver, sizeof(record->original_driver), "%s", device->origin.driver);
	snprintf(record->reset, sizeof(record->reset), "%s", facts->reset);
	snprintf(record->reason, sizeof(record->reason), "%s", device->reason);
}

void request_list(struct request *request, const struct vfiod_list_req *body)
{
	_Alignas(8) unsigned char bytes[VFIOD_MSG_MAX] = { 0 };
	struct vfiod_list_rep *rep = (struct vfiod_list_rep *)(void *)bytes;
	const struct devices *devices = &request->daemon->devices;
	uint32_t max = le32toh(body->max), count = 0;
	struct failure failure;

	if (!max || max > VFIOD_LIST_MAX) {
		failure_set(&failure, -EINVAL, "a LIST is of 1 to %zu functions, not of %u", VFIOD_LIST_MAX, max);
		request_refuse(request, &failure);
		return;
	}
	for (size_t i = devices_from(devices, le64toh(body->start)); i < devices->count && count < max; i++) {
		facts_refresh_driver(&devices->list[i]->facts);
		fill_record(request->daemon, devices->list[i], &rep->devices[count++]);
	}
	rep->count = htole32(count);
	request_reply(request, rep, sizeof(*rep) + count * sizeof(rep->devices[0]), NULL, 0);
}
