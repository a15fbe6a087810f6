/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vfiod/request.h"

#include "proto/address.h"
#include "vfiod/clock.h"
#include "vfiod/config.h"
#include "vfiod/daemon.h"
#include "vfiod/decide.h"
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
	request->begun = clock_us();
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

		const struct log_about about = {
			.device = request->has_address ? &request->address : NULL,
			.uid = &peer->uid,
			.op = request->op->name,
			.reason = failure_reason_word(failure->error),
		};

		metrics_deny(&request->daemon->metrics, failure->error);
		if (client_may_log(request->client))
			log_event(LOG_EVENT_DENIED, &about, "%s of user %u (pid %d) refused: %s", request->op->name,
				  (unsigned)peer->uid, (int)peer->pid, failure->text);
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

	request->address = address;
	request->has_address = true;
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

int request_check_pool(const char name[VFIOD_NAME_MAX], struct failure *failure)
{
	if (!memchr(name, '\0', VFIOD_NAME_MAX))
		return failure_set(failure, -EINVAL, "the name of a pool has at most %d bytes", VFIOD_NAME_MAX - 1);
	if (!name[0] || config_is_pool(name))
		return 0;
	/* it is not repeated: nothing that is no text gets into the log */
	return failure_set(failure, -EINVAL, "that is no name of a pool; see which there are: vfioctl pool");
}

bool request_step(struct request *request, struct device *device, enum state_event event)
{
	struct device *in_the_way;
	struct failure failure;
	enum state_verdict verdict;

	if (event == EVENT_ASSIGN && device->forgetting) {
		request_wait(request, device);
		return false;
	}
	while ((verdict = decide_step(&request->daemon->devices, device, event, &in_the_way, &failure)) == STATE_WAIT &&
	       in_the_way->state == VFIOD_FREE)
		warm_down(request->daemon, in_the_way);
	if (verdict == STATE_GO)
		return true;
	if (verdict == STATE_WAIT)
		request_wait(request, in_the_way);
	else
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
	       (device->facts.is_virtual ? VFIOD_DEVICE_VIRTUAL : 0) | (device->set ? VFIOD_DEVICE_HAS_VFS : 0) |
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
	record->physical = htole32(facts->physical_function & 0xffff);
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
	daemon_handles(request->daemon); /* the module may have been loaded meanwhile: it is told whether it is */
	for (size_t i = devices_from(devices, le64toh(body->start)); i < devices->count && count < max; i++) {
		facts_refresh_driver(&devices->list[i]->facts);
		fill_record(request->daemon, devices->list[i], &rep->devices[count++]);
	}
	rep->count = htole32(count);
	request_reply(request, rep, sizeof(*rep) + count * sizeof(rep->devices[0]), NULL, 0);
}
