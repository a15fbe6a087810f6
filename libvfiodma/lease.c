/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The right to one PCI function, and the descriptors that come with it. */
#include "libvfiodma/lease.h"

#include <endian.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool lease_hung_up(const struct vfiodma_lease *lease)
{
	/* a handle that was revoked has hung up; a VFIO file itself never does */
	struct pollfd handle = { .fd = lease->device_fd };

	return poll(&handle, 1, 0) == 1 && handle.revents & POLLHUP;
}

int lease_error(const struct vfiodma_lease *lease, int error, const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (error == -ENODEV && lease_hung_up(lease))
		snprintf(text, sizeof(text),
			 "%s was taken back: its lease was revoked, and nothing of it works any more; free all of it",
			 lease->address);
	return errors_add(lease->session->errors, error, "%s", text);
}

static struct vfiodma_lease *lease_new(struct vfiodma_session *session, uint64_t address)
{
	struct vfiodma_lease *lease = calloc(1, sizeof(*lease));

	if (!lease)
		return NULL;
	proto_address_format(address, lease->address);
	lease->device_fd = lease->container_fd = lease->group_fd = -1;
	lease->session = session;
	session->users++;
	LIST_INSERT_HEAD(&session->leases, lease, next);
	return lease;
}

static void lease_free(struct vfiodma_lease *lease)
{
	LIST_REMOVE(lease, next);
	session_put(lease->session);
	free(lease);
}

/* Moves the descriptors from the reply to the lease, if they are those of the mode that was asked for. */
static int take_grant(struct vfiodma_lease *lease, enum vfiod_mode mode, struct proto_msg *reply)
{
	const struct vfiod_acquire_rep *grant = proto_msg_body(reply);

	if (le32toh(grant->mode) != mode || !session_text_ends(grant->reset, sizeof(grant->reset)))
		return session_bad_reply(lease->session, reply, "it grants something else than was asked for");
	if (reply->fd_count != (mode == VFIOD_MODE_CONTAINER ? 2 : 1))
		return session_bad_reply(lease->session, reply, "its file descriptors are not those of a lease");
	if (mode == VFIOD_MODE_CONTAINER) {
		lease->device_fd = reply->fds[0];
		lease->container_fd = reply->fds[1];
	} else {
		lease->group_fd = reply->fds[0];
	}
	lease->id = le64toh(grant->lease);
	return 0;
}

int vfiodma_lease_acquire(struct vfiodma_session *session, const char *address, unsigned int flags,
			  struct vfiodma_lease **lease)
{
	enum vfiod_mode mode = flags & VFIODMA_LEASE_GROUP ? VFIOD_MODE_GROUP : VFIOD_MODE_CONTAINER;
	struct vfiod_acquire_req request = { .mode = htole32(mode) };
	struct vfiodma_lease *granted;
	struct proto_msg reply;
	uint64_t number;
	int err;

	if (flags & ~VFIODMA_LEASE_GROUP)
		return errors_add(session->errors, -EINVAL, "there are no such flags of a lease: 0x%x", flags);
	err = session_address(session, address, &number);
	if (err)
		return err;
	request.address = htole64(number);
	/* all that can fail here comes before vfiod is asked: nothing then has to be given back */
	granted = lease_new(session, number);
	if (!granted)
		return errors_add(session->errors, -ENOMEM, "no memory for a lease of %s", address);
	err = session_request(session, VFIOD_ACQUIRE, &request, sizeof(request), &reply);
	if (!err)
		err = take_grant(granted, mode, &reply);
	if (err) {
		lease_free(granted);
		return err;
	}
	*lease = granted;
	return 0;
}

static void close_descriptors(const struct vfiodma_lease *lease)
{
	const int fds[] = { lease->device_fd, lease->container_fd, lease->group_fd };

	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		if (fds[i] >= 0)
			close(fds[i]);
}

int vfiodma_lease_release(struct vfiodma_lease *lease)
{
	struct vfiod_release_req request = { 0 };
	struct proto_msg reply;
	const struct vfiod_release_rep *released = proto_msg_body(&reply);
	int err;

	if (!lease)
		return 0;
	request.lease = htole64(lease->id);
	close_descriptors(lease);
	err = session_request(lease->session, VFIOD_RELEASE, &request, sizeof(request), &reply);
	if (!err && le64toh(released->lease) != lease->id)
		err = session_bad_reply(lease->session, &reply, "it speaks of another lease");
	lease_free(lease);
	return err;
}

int vfiodma_lease_device_fd(const struct vfiodma_lease *lease)
{
	return lease->device_fd;
}

int vfiodma_lease_container_fd(const struct vfiodma_lease *lease)
{
	return lease->container_fd;
}

int vfiodma_lease_group_fd(const struct vfiodma_lease *lease)
{
	return lease->group_fd;
}

uint64_t vfiodma_lease_id(const struct vfiodma_lease *lease)
{
	return lease->id;
}
