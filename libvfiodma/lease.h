/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIODMA_LEASE_H
#define VFIODMA_LEASE_H

#include "libvfiodma/session.h"
#include "proto/address.h"

#include <sys/queue.h>

struct vfiodma_lease {
	struct vfiodma_session *session;
	uint64_t id;
	char address[PROTO_ADDRESS_LEN];
	int device_fd, container_fd, group_fd, iommufd; /* -1 where the mode has none */
	bool has_device, has_domain; /* one of each at a time: two would not know of each other's work */
	bool revoked;
	struct vfiodma_event
		pending[VFIODMA_EVENT_LIMITED]; /* that the program was not told yet: one of a kind at most */
	unsigned int pending_count;
	LIST_ENTRY(vfiodma_lease) next;
};

/**
 * lease_mode() - the mode of the protocol for the flags of a lease.
 * Return: 0, or -EINVAL, which is the session's error.
 */
int lease_mode(struct vfiodma_session *session, unsigned int flags, enum vfiod_mode *mode);

/** lease_hung_up() - whether the kernel says that the lease was revoked; any thread may ask. */
bool lease_hung_up(const struct vfiodma_lease *lease);

/**
 * lease_error() - errors_add() for a call on the lease's files that has failed: of a lease that was revoked it says so.
 * @error: what the kernel said
 */
int lease_error(const struct vfiodma_lease *lease, int error, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
