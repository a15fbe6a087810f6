/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vfiod/pci_events.h"

#include "kmod/uapi/vfiod_pci.h"
#include "proto/address.h"
#include "vfiod/daemon.h"
#include "vfiod/failure.h"
#include "vfiod/lease.h"
#include "vfiod/log.h"
#include "vfiod/peer.h"
#include "vfiod/request.h"
#include "vfiod/server.h"

#include <endian.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NODE "/dev/vfiod-pci"

/* From this version of the protocol on a client knows these events. */
#define SINCE_VERSION 2

struct pci_events {
	struct daemon *daemon;
	int node;
	struct event *event;
};

/* The kernel's words and ours; they are numbered alike, but that is no promise. */
static const struct {
	uint32_t told; /* enum vfiod_event_kind */
	int priority;
	const char *words;
} kinds[] = {
	[VFIOD_PCI_ERROR] = { VFIOD_FUNCTION_ERROR, LOG_WARNING, "has reported an error" },
	[VFIOD_PCI_RESET] = { VFIOD_FUNCTION_RESET, LOG_NOTICE, "has been reset after an error" },
	[VFIOD_PCI_RESUMED] = { VFIOD_FUNCTION_RESUMED, LOG_NOTICE, "has recovered from its error" },
	[VFIOD_PCI_REMOVAL] = { VFIOD_FUNCTION_REMOVAL, LOG_NOTICE, "is wanted back by the kernel" },
	[VFIOD_PCI_SUSPEND] = { VFIOD_FUNCTION_SUSPEND, LOG_INFO, "is about to lose its state: the machine sleeps" },
	[VFIOD_PCI_WOKEN] = { VFIOD_FUNCTION_WOKEN, LOG_INFO, "is awake again" },
};

static const struct {
	uint32_t told; /* enum vfiod_severity */
	const char *words;
} severities[] = {
	[VFIOD_PCI_CHANNEL_NORMAL] = { VFIOD_SEVERITY_USABLE, ", and can still be reached" },
	[VFIOD_PCI_CHANNEL_FROZEN] = { VFIOD_SEVERITY_FROZEN, ", and cannot be reached until it has been reset" },
	[VFIOD_PCI_CHANNEL_DEAD] = { VFIOD_SEVERITY_DEAD, ", and cannot be reached any more" },
};

static const struct {
	uint32_t given; /* enum vfiod_pci_verdict */
	const char *words;
} verdicts[] = {
	[VFIOD_VERDICT_GO_ON] = { VFIOD_PCI_GO_ON, "goes on" },
	[VFIOD_VERDICT_NEED_RESET] = { VFIOD_PCI_NEED_RESET, "wants a reset" },
	[VFIOD_VERDICT_GIVE_UP] = { VFIOD_PCI_GIVE_UP, "gives the function up" },
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* ---- to the kernel ---- */

/* Return: 0, or -ENOENT (its time is over), or another negative errno. */
static int answer(const struct pci_events *events, uint64_t id, uint32_t verdict)
{
	const struct vfiod_pci_answer what = { .size = sizeof(what), .verdict = verdict, .id = id };
	ssize_t size = write(events->node, &what, sizeof(what));

	if (size == (ssize_t)sizeof(what))
		return 0;
	return size < 0 ? -errno : -EIO;
}

/* Nobody else can: so that nobody waits for nothing. */
static void go_on(const struct pci_events *events, uint64_t id)
{
	int err = answer(events, id, VFIOD_PCI_GO_ON);

	if (err && err != -ENOENT)
		log_line(LOG_ERR, NODE ": event %llu cannot be answered: %s", (unsigned long long)id, strerror(-err));
}

void pci_events_settle(struct daemon *daemon, struct device *device)
{
	uint64_t id = device->lease.question;

	device->lease.question = 0;
	if (id && daemon->pci_events)
		go_on(daemon->pci_events, id);
}

void pci_events_client_gone(struct daemon *daemon, uint32_t uid, uint64_t serial)
{
	struct device *device = NULL;

	while ((device = devices_held_by(&daemon->devices, uid, device)))
		if (device->lease.client == serial)
			pci_events_settle(daemon, device);
}

/* ---- to the client ---- */

/* The client that has the function, if it is one that knows of these events; or NULL. */
static struct client *client_of(const struct daemon *daemon, const struct device *device)
{
	bool has_it = device->state == VFIOD_LEASED || (device->state == VFIOD_GRANTING && device->lease.granted);
	struct client *client = has_it && daemon->server ? server_client(daemon->server, device->lease.client) : NULL;

	return client && client_version(client) >= SINCE_VERSION ? client : NULL;
}

/* Return: whether the client has got it. */
static bool tell(struct daemon *daemon, struct device *device, uint32_t kind, uint32_t severity,
		 const struct vfiod_pci_event *event)
{
	const struct vfiod_function_event told = {
		.lease = htole64(device->lease.id),
		.address = htole64(device->facts.address),
		.id = htole64(event->id),
		.kind = htole32(kind),
		.severity = htole32(severity),
		.answer_ms = htole32(event->id ? event->time_ms : 0),
	};
	struct client *client = client_of(daemon, device);

	if (!client || !client_event(client, VFIOD_FUNCTION_EVENT, &told, sizeof(told)))
		return false;
	if (event->id)
		device->lease.question = event->id;
	return true;
}

/*
 * What was lost may have been anybody's: all are told that there was something.  A question among it has been waited
 * for in vain: the kernel goes on after its time.
 */
static void lost(struct daemon *daemon, const struct vfiod_pci_event *event)
{
	log_line(LOG_WARNING, NODE ": events were lost, since vfiod did not read them in time; the kernel goes on by "
				   "itself where it waits for an answer");
	for (size_t i = 0; i < daemon->devices.count; i++)
		if (daemon->devices.list[i]->facts.strict)
			tell(daemon, daemon->devices.list[i], VFIOD_FUNCTION_LOST, VFIOD_SEVERITY_NONE, event);
}

/* ---- from the kernel ---- */

static uint64_t address_of(const struct vfiod_pci_event *event)
{
	return (uint64_t)event->domain << 16 | (uint64_t)event->bus << 8 | event->devfn;
}

static void say(const struct vfiod_pci_event *event, const char *more, const struct device *device, bool told)
{
	char text[PROTO_ADDRESS_LEN];

	proto_address_format(address_of(event), text);
	if (told)
		log_line(kinds[event->kind].priority, "%s %s%s; lease %llu of user %u is %s", text,
			 kinds[event->kind].words, more, (unsigned long long)device->lease.id, device->lease.uid,
			 event->id ? "asked" : "told");
	else
		log_line(kinds[event->kind].priority, "%s %s%s; there is no client to be told", text,
			 kinds[event->kind].words, more);
}

static void take(struct pci_events *events, const struct vfiod_pci_event *event)
{
	struct daemon *daemon = events->daemon;
	struct device *device = devices_find(&daemon->devices, address_of(event));
	uint32_t severity = VFIOD_SEVERITY_NONE;
	const char *more = "";
	bool told = false;

	if (event->kind == VFIOD_PCI_LOST) {
		lost(daemon, event);
		return;
	}
	if (event->kind < COUNT(kinds) && kinds[event->kind].told) {
		if (event->kind == VFIOD_PCI_ERROR) {
			size_t channel = event->detail < COUNT(severities) && event->detail ? event->detail
											    : VFIOD_PCI_CHANNEL_DEAD;
			severity = severities[channel].told;
			more = severities[channel].words;
		}
		told = device && tell(daemon, device, kinds[event->kind].told, severity, event);
		say(event, more, device, told);
	}
	/* its client may have taken the place of our eventfd for that, and keep what the kernel wants back */
	if (event->kind == VFIOD_PCI_REMOVAL && device)
		lease_unplug(device);
	if (event->id && !told)
		go_on(events, event->id);
}

/* Events of a module that is newer than we are may be longer than ours. Return: false when it makes no sense. */
static bool take_all(struct pci_events *events, const char *bytes, size_t size)
{
	struct vfiod_pci_event event;

	for (size_t at = 0; at < size; at += event.size) {
		if (size - at < sizeof(event))
			return false;
		memcpy(&event, bytes + at, sizeof(event));
		if (event.size < sizeof(event) || event.size > size - at)
			return false;
		take(events, &event);
	}
	return size != 0;
}

static void readable(evutil_socket_t fd, short what, void *data)
{
	struct pci_events *events = data;
	char bytes[64 * sizeof(struct vfiod_pci_event)];
	ssize_t size;

	(void)what;
	while ((size = read(fd, bytes, sizeof(bytes))) >= 0 && take_all(events, bytes, (size_t)size))
		;
	if (size < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	log_line(LOG_ERR, NODE " is of no use any more: %s", size < 0 ? strerror(errno) : "its events make no sense");
	event_del(events->event);
}

/* ---- the node ---- */

int pci_events_new(struct daemon *daemon, int node, struct pci_events **events)
{
	struct pci_events *made = calloc(1, sizeof(*made));

	if (!made)
		return -ENOMEM;
	made->daemon = daemon;
	made->node = node;
	made->event = event_new(daemon->base, node, EV_READ | EV_PERSIST, readable, made);
	/* before any request: whoever asks for a function that the kernel wants back is to find that out */
	if (!made->event || event_priority_set(made->event, 0) || event_add(made->event, NULL))
		goto free_events;
	*events = made;
	return 0;

free_events:
	if (made->event)
		event_free(made->event);
	free(made);
	return -ENOMEM;
}

void pci_events_free(struct pci_events *events)
{
	if (!events)
		return;
	event_free(events->event);
	close(events->node);
	free(events);
}

static bool has_functions(const struct devices *devices)
{
	for (size_t i = 0; i < devices->count; i++)
		if (devices->list[i]->facts.strict)
			return true;
	return false;
}

static void open_node(struct daemon *daemon)
{
	int node = open(NODE, O_RDWR | O_CLOEXEC | O_NONBLOCK);
	int err = node < 0 ? -errno : pci_events_new(daemon, node, &daemon->pci_events);

	if (!err)
		return;
	log_line(LOG_ERR, NODE ": %s; errors, removal and suspend of functions are not told to those who use them",
		 strerror(-err));
	if (node >= 0)
		close(node);
}

void pci_events_follow(struct daemon *daemon)
{
	bool wanted = has_functions(&daemon->devices);

	if (wanted && !daemon->pci_events)
		open_node(daemon);
	if (wanted || !daemon->pci_events)
		return;
	pci_events_free(daemon->pci_events);
	daemon->pci_events = NULL;
}

/* ---- the client's answer ---- */

/* Return: 0, or why this answer is not taken. */
static int check_answer(struct request *request, const struct device *device, const struct vfiod_answer_req *body,
			struct failure *failure)
{
	const struct peer *peer = request_peer(request);
	unsigned long long lease = le64toh(body->lease), id = le64toh(body->id);
	uint32_t verdict = le32toh(body->verdict);

	if (!device || device->lease.uid != peer->uid)
		return failure_set(failure, -ENOENT, "user %u has no lease %llu", (unsigned)peer->uid, lease);
	if (device->lease.client != client_serial(request->client))
		return failure_set(failure, -EPERM,
				   "lease %llu was acquired on another connection: its events are answered there alone",
				   lease);
	if (!verdict || verdict >= COUNT(verdicts))
		return failure_set(failure, -EINVAL, "there is no answer %u to an event", verdict);
	if (!id || id != device->lease.question)
		return failure_set(failure, -ENOENT,
				   "event %llu of lease %llu waits for no answer: it has got one, or was never told",
				   id, lease);
	return 0;
}

void request_answer(struct request *request, const struct vfiod_answer_req *body)
{
	struct daemon *daemon = request->daemon;
	struct device *device = devices_by_lease(&daemon->devices, le64toh(body->lease));
	struct vfiod_answer_rep rep = { .lease = body->lease };
	uint32_t verdict = le32toh(body->verdict);
	char text[PROTO_ADDRESS_LEN];
	struct failure failure;
	int err = check_answer(request, device, body, &failure);

	if (err)
		goto refuse;
	device->lease.question = 0;
	err = daemon->pci_events ? answer(daemon->pci_events, le64toh(body->id), verdicts[verdict].given) : -ENOENT;
	if (err) {
		failure_set(&failure, err, "event %llu cannot be answered: %s", (unsigned long long)le64toh(body->id),
			    err == -ENOENT ? "the kernel has not waited any longer, and has gone on" : strerror(-err));
		goto refuse;
	}
	log_line(LOG_INFO, "%s: lease %llu of user %u %s", proto_address_format(device->facts.address, text),
		 (unsigned long long)device->lease.id, device->lease.uid, verdicts[verdict].words);
	request_reply(request, &rep, sizeof(rep), NULL, 0);
	return;

refuse:
	request_refuse(request, &failure);
}
