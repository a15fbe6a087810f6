/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLIENTS_BROKER_H
#define CLIENTS_BROKER_H

#include "kmod/uapi/vfiod_handle.h"

#include <stdbool.h>
#include <sys/types.h>

/* What a broker does, as root and without vfiod: open a function by stock VFIO, and make handles of its files. */

/** struct vfio - the files of a function that was opened in the ordinary way; -1: closed. */
struct vfio {
	int group, container, device;
};

/** vfio_group() - the group of the function at @address (0000:01:00.0). */
int vfio_group(const char *address);

/** vfio_cdev() - the device's own node, of kernels that have it. */
int vfio_cdev(const char *address);

/**
 * vfio_device() - the function's file, from its group, which has a container. EAGAIN, while the kernel resets the
 * function or recovers it from an error, is waited for.
 */
int vfio_device(int group, const char *address);

/** vfio_attach() - open a container with TYPE1v2 for @vfio->group, and the device. */
void vfio_attach(struct vfio *vfio, const char *address);

/** vfio_open() - vfio_group() and vfio_attach(). */
struct vfio vfio_open(const char *address);

/** vfio_detach() - take the container from the group, which has to succeed, and close both files but the group's. */
void vfio_detach(struct vfio *vfio);

/** close_fd() - close it and remember that. */
void close_fd(int *fd);

/** struct handle - a handle as the broker has it. */
struct handle {
	int fd;
	__u32 id;
};

/** struct lease - the handles of a device and its container. */
struct lease {
	__u64 number;
	struct handle container, device;
};

/** node_open() - the control node; @flags: O_NONBLOCK or 0. */
int node_open(int flags);

/** handle_create() - as the ioctl; 0 or -1 with errno. */
int handle_create(int node, struct vfiod_handle_create *how, struct handle *made);

/** lease_make() - both handles of @vfio, whose own container and device it closes if @give. */
struct lease lease_make(int node, struct vfio *vfio, __u64 number, bool give);

/** lease_close() - close the broker's copies of the handles. */
void lease_close(struct lease *lease);

/** revoke_lease() and so on - the answer has to come, with whatever is in it. */
struct vfiod_handle_revoke revoke_lease_and_kill(int node, __u64 number, __u32 timeout_ms);
struct vfiod_handle_revoke revoke_lease(int node, __u64 number, __u32 timeout_ms);
struct vfiod_handle_revoke revoke_handle(int node, __u32 id, __u32 timeout_ms);

/** forget() - 0 or -1 with errno. */
int forget(int node, __u32 id);

/** table_count(), table_entry() - what LIST says; an entry with id 0: there is none. */
__u32 table_count(int node);
struct vfiod_handle_info table_entry(int node, __u32 id);

/** table_clear() - revoke and forget what is there. */
void table_clear(int node);

#endif
