/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What vfiod tells unasked: what happens to a lease. */
#include "libvfiodma/events.h"

#include <endian.h>
#include <errno.h>
#include <poll.h>
#include <string.h>

static struct vfiodma_lease *find_lease(struct vfiodma_session *session, uint64_t id)
{
	struct vfiodma_lease *lease;

	LIST_FOREACH (lease, &session->leases, next)
		if (lease->id == id)
			return lease;
	return NULL;
}

int events_take(struct vfiodma_session *session, struct proto_msg *msg)
{
	const struct vfiod_lease_event *event = proto_msg_body(msg);
	struct vfiodma_lease *lease;

	if (proto_check_event(msg))
		return session_bad_reply(session, msg, "it is an event that libvfiodma does not know");
	lease = find_lease(session, le64toh(event->lease));
	if (!lease) /* it was released meanwhile: nobody to tell */
		return 0;
	if (le32toh(event->kind) == VFIOD_LEASE_REVOKE_ANNOUNCED) {
		lease->pending |= 1u << VFIODMA_EVENT_REVOKE_ANNOUNCED;
		lease->grace_ms = le32toh(event->grace_ms);
	} else {
		lease->pending |= 1u << VFIODMA_EVENT_REVOKED;
		lease->revoked = true;
	}
	return 0;
}

/* Takes what has come, and waits for nothing. */
static int receive_events(struct vfiodma_session *session)
{
	struct pollfd readable = { .fd = session->conn.fd, .events = POLLIN };
	struct proto_msg msg;
	int err = 0;

	while (!err && !session->broken && poll(&readable, 1, 0) == 1) {
		err = session_receive(session, &msg, 0);
		if (!err && !(msg.flags & VFIOD_EVENT))
			err = session_bad_reply(session, &msg, "nobody asked for it");
		else if (!err)
			err = events_take(session, &msg);
	}
	return err;
}

/* ---- to the program ---- */

void vfiodma_session_set_event_fn(struct vfiodma_session *session, vfiodma_event_fn event_fn, void *data)
{
	session->event_fn = event_fn;
	session->event_data = data;
}

/* The next event that is to be told; one lease's in the order in which they happen. */
static bool next_event(struct vfiodma_session *session, struct vfiodma_event *event)
{
	struct vfiodma_lease *lease;

	LIST_FOREACH (lease, &session->leases, next)
		if (lease->pending)
			break;
	if (!lease)
		return false;
	*event = (struct vfiodma_event){ .size = sizeof(*event), .lease = lease };
	memcpy(event->address, lease->address, sizeof(event->address));
	if (lease->pending & 1u << VFIODMA_EVENT_REVOKE_ANNOUNCED) {
		event->kind = VFIODMA_EVENT_REVOKE_ANNOUNCED;
		event->grace_ms = lease->grace_ms;
	} else {
		event->kind = VFIODMA_EVENT_REVOKED;
	}
	lease->pending &= ~(1u << event->kind);
	return true;
}

int vfiodma_session_dispatch(struct vfiodma_session *session)
{
	struct vfiodma_event event;
	int err;

	if (session->broken)
		err = errors_add(session->errors, -ENOTCONN,
				 "there is no connection to vfiod any more: open a new session");
	else
		err = receive_events(session);
	/* the function may release leases, the one that it is told of among them, and close the session */
	session->users++;
	while (session->conn.fd >= 0 && next_event(session, &event))
		if (session->event_fn)
			session->event_fn(session->event_data, &event);
	session_put(session);
	return err;
}

bool vfiodma_lease_revoked(const struct vfiodma_lease *lease)
{
	/* the kernel knows it at once, and vfiod may be gone */
	return lease && (lease->revoked || lease_hung_up(lease));
}
