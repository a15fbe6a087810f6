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
	lease->device_fd = lease->container_fd = lease->group_fd = lease->iommufd = -1;
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

/* What the replies to ACQUIRE and to ACQUIRE_POOL have in common. */
struct granted {
	uint64_t lease;
	uint32_t mode;
	const char *reset; /* of VFIOD_NAME_MAX bytes */
};

/* Moves the descriptors from the reply to the lease, if they are those of the mode that was asked for. */
static int take_grant(struct vfiodma_lease *lease, enum vfiod_mode mode, const struct granted *granted,
		      struct proto_msg *reply)
{
	if (granted->mode != mode || !session_text_ends(granted->reset, VFIOD_NAME_MAX))
		return session_bad_reply(lease->session, reply, "it grants something else than was asked for");
	if (reply->fd_count != (mode == VFIOD_MODE_GROUP ? 1 : 2))
		return session_bad_reply(lease->session, reply, "its file descriptors are not those of a lease");
	if (mode == VFIOD_MODE_GROUP) {
		lease->group_fd = reply->fds[0];
	} else {
		lease->device_fd = reply->fds[0];
		*(mode == VFIOD_MODE_IOMMUFD ? &lease->iommufd : &lease->container_fd) = reply->fds[1];
	}
	lease->id = granted->lease;
	return 0;
}

int lease_mode(struct vfiodma_session *session, unsigned int flags, enum vfiod_mode *mode)
{
	*mode = VFIOD_MODE_CONTAINER;
	switch (flags) {
	case 0:
		return 0;
	case VFIODMA_LEASE_GROUP:
		*mode = VFIOD_MODE_GROUP;
		return 0;
	case VFIODMA_LEASE_IOMMUFD:
		*mode = VFIOD_MODE_IOMMUFD;
		return 0;
	default:
		return errors_add(session->errors, -EINVAL, "there are no such flags of a lease: 0x%x", flags);
	}
}

static int acquire(struct vfiodma_lease *lease, uint64_t address, enum vfiod_mode mode)
{
	const struct vfiod_acquire_req request = { .address = htole64(address), .mode = htole32(mode) };
	struct proto_msg reply;
	const struct vfiod_acquire_rep *rep = proto_msg_body(&reply);
	int err = session_request(lease->session, VFIOD_ACQUIRE, &request, sizeof(request), &reply);
	struct granted granted;

	if (err)
		return err;
	granted = (struct granted){ le64toh(rep->lease), le32toh(rep->mode), rep->reset };
	return take_grant(lease, mode, &granted, &reply);
}

static int acquire_pool(struct vfiodma_lease *lease, struct vfiod_acquire_pool_req *request, enum vfiod_mode mode)
{
	struct proto_msg reply;
	const struct vfiod_acquire_pool_rep *rep = proto_msg_body(&reply);
	struct granted granted;
	int err;

	request->mode = htole32(mode);
	err = session_request(lease->session, VFIOD_ACQUIRE_POOL, request, sizeof(*request), &reply);
	if (err)
		return err;
	if (le64toh(rep->address) > PROTO_ADDRESS_LAST)
		return session_bad_reply(lease->session, &reply, "its address is none");
	proto_address_format(le64toh(rep->address), lease->address);
	granted = (struct granted){ le64toh(rep->lease), le32toh(rep->mode), rep->reset };
	return take_grant(lease, mode, &granted, &reply);
}

/* All that can fail here comes before vfiod is asked: nothing then has to be given back. */
static int prepare(struct vfiodma_session *session, uint64_t address, const char *what, struct vfiodma_lease **lease)
{
	*lease = lease_new(session, address);
	return *lease ? 0 : errors_add(session->errors, -ENOMEM, "no memory for a lease of %s", what);
}

int vfiodma_lease_acquire(struct vfiodma_session *session, const char *address, unsigned int flags,
			  struct vfiodma_lease **lease)
{
	const char *pool = session_pool_of(address);
	struct vfiodma_lease *made;
	enum vfiod_mode mode;
	uint64_t number;
	int err;

	if (pool)
		return vfiodma_lease_acquire_pool(session, pool, VFIODMA_NONE, flags, lease);
	err = lease_mode(session, flags, &mode);
	if (!err)
		err = session_address(session, address, &number);
	if (!err)
		err = prepare(session, number, address, &made);
	if (err)
		return err;
	err = acquire(made, number, mode);
	if (err)
		lease_free(made);
	else
		*lease = made;
	return err;
}

int vfiodma_lease_acquire_pool(struct vfiodma_session *session, const char *pool, uint32_t numa_node,
			       unsigned int flags, struct vfiodma_lease **lease)
{
	struct vfiod_acquire_pool_req request = { .numa_node = htole32(numa_node) };
	struct vfiodma_lease *made;
	enum vfiod_mode mode;
	int err = lease_mode(session, flags, &mode);

	if (!err)
		err = session_pool(session, pool, request.pool);
	if (!err)
		err = prepare(session, 0, pool, &made);
	if (err)
		return err;
	err = acquire_pool(made, &request, mode);
	if (err)
		lease_free(made);
	else
		*lease = made;
	return err;
}

static void close_descriptors(const struct vfiodma_lease *lease)
{
	const int fds[] = { lease->device_fd, lease->container_fd, lease->group_fd, lease->iommufd };

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

int vfiodma_lease_iommufd(const struct vfiodma_lease *lease)
{
	return lease->iommufd;
}

const char *vfiodma_lease_address(const struct vfiodma_lease *lease)
{
	return lease->address;
}

uint64_t vfiodma_lease_id(const struct vfiodma_lease *lease)
{
	return lease->id;
}
