/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What vfiod tells unasked: what happens to a lease. */
#include "libvfiodma/events.h"

#include <assert.h>
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

/* Takes an event out of the queue. */
static void drop(struct vfiodma_lease *lease, unsigned int index)
{
	lease->pending_count--;
	memmove(&lease->pending[index], &lease->pending[index + 1],
		(lease->pending_count - index) * sizeof(lease->pending[0]));
}

static void put(struct vfiodma_session *session, uint64_t id, struct vfiodma_event event)
{
	struct vfiodma_lease *lease = find_lease(session, id);

	if (!lease) /* it was released meanwhile: nobody to tell */
		return;
	for (unsigned int i = 0; i < lease->pending_count; i++)
		if (lease->pending[i].kind == event.kind)
			drop(lease, i);
	event.size = sizeof(event);
	event.lease = lease;
	memcpy(event.address, lease->address, sizeof(event.address));
	lease->pending[lease->pending_count++] = event;
	if (event.kind == VFIODMA_EVENT_REVOKED)
		lease->revoked = true;
}

/* The library's numbers are the protocol's. */
static_assert((int)VFIODMA_EVENT_LIMITED == VFIOD_LEASE_LIMITED && (int)VFIODMA_EVENT_LOST == VFIOD_FUNCTION_LOST &&
		      (int)VFIODMA_EVENT_WOKEN == VFIOD_FUNCTION_WOKEN &&
		      (int)VFIODMA_SEVERITY_DEAD == VFIOD_SEVERITY_DEAD &&
		      (int)VFIODMA_GIVE_UP == VFIOD_VERDICT_GIVE_UP,
	      "kinds, severities and verdicts are passed on as they are");

int events_take(struct vfiodma_session *session, struct proto_msg *msg)
{
	const struct vfiod_lease_event *lease = proto_msg_body(msg);
	const struct vfiod_function_event *function = proto_msg_body(msg);

	if (proto_check_event(msg))
		return session_bad_reply(session, msg, "it is an event that libvfiodma does not know");
	if (msg->opcode == VFIOD_LEASE_EVENT)
		put(session, le64toh(lease->lease),
		    (struct vfiodma_event){ .kind = le32toh(lease->kind), .grace_ms = le32toh(lease->grace_ms) });
	else
		put(session, le64toh(function->lease),
		    (struct vfiodma_event){
			    .kind = le32toh(function->kind),
			    .severity = le32toh(function->severity),
			    .id = le64toh(function->id),
			    .answer_ms = le32toh(function->answer_ms),
		    });
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
		if (lease->pending_count)
			break;
	if (!lease)
		return false;
	*event = lease->pending[0];
	drop(lease, 0);
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

int vfiodma_lease_answer(struct vfiodma_lease *lease, uint64_t id, uint32_t verdict)
{
	const struct vfiod_answer_req request = {
		.lease = htole64(lease->id),
		.id = htole64(id),
		.verdict = htole32(verdict),
	};
	struct vfiodma_session *session = lease->session;
	struct proto_msg reply;
	const struct vfiod_answer_rep *answered = proto_msg_body(&reply);
	int err;

	if (verdict < VFIODMA_GO_ON || verdict > VFIODMA_GIVE_UP)
		return errors_add(session->errors, -EINVAL, "there is no answer %u to an event", verdict);
	/* what an older vfiod does not tell it cannot be answered either: it would end the connection */
	if (!id || (!session->broken && session->conn.version < 2))
		return errors_add(session->errors, -ENOENT, "%s: no event waits for this answer", lease->address);
	err = session_request(session, VFIOD_ANSWER, &request, sizeof(request), &reply);
	if (!err && le64toh(answered->lease) != lease->id)
		err = session_bad_reply(session, &reply, "it speaks of another lease");
	return err;
}

bool vfiodma_lease_revoked(const struct vfiodma_lease *lease)
{
	/* the kernel knows it at once, and vfiod may be gone */
	return lease && (lease->revoked || lease_hung_up(lease));
}
