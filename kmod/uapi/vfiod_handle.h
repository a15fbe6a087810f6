/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
#ifndef VFIOD_HANDLE_UAPI_H
#define VFIOD_HANDLE_UAPI_H

#include <linux/ioctl.h>
#include <linux/types.h>

/**
 * DOC: /dev/vfiod, the control node of revocable handles
 *
 * A handle is a file that behaves as the VFIO file that it stands for, until it is revoked. The
 * node makes handles, has the table of them, and revokes them. Only a process with CAP_SYS_ADMIN in
 * the first user namespace may open it; what it passes to others are the handles.
 *
 * Each structure begins with its size as the caller knows it. A caller that knows more fields than
 * the kernel has to leave those zero (else E2BIG); one that knows fewer gets and gives only these.
 * Fields named "reserved" are zero.
 *
 * An entry of the table stays, also when its handle has ended, until it is forgotten. Each change
 * of an entry gives it a new sequence number, and read() of the node gives the entries that have
 * changed since this opener's last read(), the one that changed first at the front: whole struct
 * vfiod_handle_info, as many as fit. It waits for one, or fails with EAGAIN on a node opened with
 * O_NONBLOCK; poll() says POLLIN when there is one. An entry that changes twice between two reads
 * is seen once, as it is now. A new opener's first reads give the whole table.
 */

#define VFIOD_HANDLE_NODE  "/dev/vfiod"
#define VFIOD_HANDLE_IOCTL 0xe8

#define VFIOD_HANDLE_CREATE _IO(VFIOD_HANDLE_IOCTL, 0)
#define VFIOD_HANDLE_LIST   _IO(VFIOD_HANDLE_IOCTL, 1)
#define VFIOD_HANDLE_REVOKE _IO(VFIOD_HANDLE_IOCTL, 2)
#define VFIOD_HANDLE_FORGET _IO(VFIOD_HANDLE_IOCTL, 3)

#define VFIOD_HANDLE_TAG_SIZE 32

/* What a handle stands for. */
#define VFIOD_HANDLE_DEVICE \
	1 /* a VFIO device: from VFIO_GROUP_GET_DEVICE_FD, or /dev/vfio/devices/vfioN */
#define VFIOD_HANDLE_CONTAINER 2 /* a VFIO container: /dev/vfio/vfio */
/*
 * An iommufd: /dev/iommu. The kernel does not take its handle for an iommufd where it wants one by
 * number (VFIO_DEVICE_BIND_IOMMUFD: EBADFD): bind the device before the handles are given away, or
 * give a client that binds it itself, through the device's handle, a real iommufd.
 */
#define VFIOD_HANDLE_IOMMUFD 3

/**
 * struct vfiod_handle_create - VFIOD_HANDLE_CREATE: make a handle
 * @size: in: sizeof(struct vfiod_handle_create)
 * @kind: in: VFIOD_HANDLE_DEVICE, _CONTAINER or _IOMMUFD; what @fd is has to be just that
 * @fd: in: the file that the handle stands for; the handle holds a reference of its own
 * @flags: in: 0
 * @lease: in: the lease that the handle belongs to, for revoking by lease; any number but 0
 * @uid: in: whom the handle is for, kept for the caller
 * @container: in: for a device, the handle of the container or iommufd that its DMA goes through,
 * or 0.  When the device's handle ends before that one has, the device's file is held open until it
 * has: the kernel must not detach a device from a container in the middle of a call on it.
 * @tag: in: kept for the caller
 * @id: out: the number of the handle, never used twice in a row
 * @handle_fd: out: the handle, close-on-exec
 *
 * Return: 0; -EBADF: @fd is not open; -EINVAL: it is not a file of @kind, or an argument is wrong;
 * -ENOENT: there is no handle @container; -ENOSPC: as many handles as the module's parameter
 * max_handles allows; -EMFILE, -ENFILE, -ENOMEM.
 */
struct vfiod_handle_create {
	__u32 size;
	__u32 kind;
	__s32 fd;
	__u32 flags;
	__u64 lease;
	__u32 uid;
	__u32 container;
	__u8 tag[VFIOD_HANDLE_TAG_SIZE];
	__u32 id;
	__s32 handle_fd;
};

/* The states of a handle, in this order. */
#define VFIOD_HANDLE_LIVE 1 /* it works */
#define VFIOD_HANDLE_REVOKING \
	2 /* dead to its user; what was in flight, or its container, still holds the real file */
#define VFIOD_HANDLE_ENDED 3 /* the real file has been let go of */

/* In vfiod_handle_info.flags: the last reference to the handle's file is gone. */
#define VFIOD_HANDLE_CLOSED 1

/**
 * struct vfiod_handle_info - an entry of the table
 * @size: sizeof(struct vfiod_handle_info) of this kernel, the distance to the next one
 * @id: the number of the handle
 * @seq: grows with each change in the table
 * @lease: as given to VFIOD_HANDLE_CREATE
 * @kind: as given
 * @uid: as given
 * @container: as given
 * @creator: the process that made it, by its number in the first pid namespace
 * @state: VFIOD_HANDLE_LIVE, _REVOKING or _ENDED
 * @flags: VFIOD_HANDLE_CLOSED or 0
 * @busy: operations in flight on the real file
 * @busy_pid: a process that has one in flight and has not been killed, by its number in the first
 * pid namespace, or 0
 * @tag: as given
 */
struct vfiod_handle_info {
	__u32 size;
	__u32 id;
	__u64 seq;
	__u64 lease;
	__u32 kind;
	__u32 uid;
	__u32 container;
	__u32 creator;
	__u32 state;
	__u32 flags;
	__u32 busy;
	__u32 busy_pid;
	__u8 tag[VFIOD_HANDLE_TAG_SIZE];
};

/**
 * struct vfiod_handle_list - VFIOD_HANDLE_LIST: read the table
 * @size: in: sizeof(struct vfiod_handle_list)
 * @count: in: how many entries there is room for; out: how many there are
 * @entries: in: where they go, in the order of their ids
 * @entry_size: in: sizeof(struct vfiod_handle_info), the distance from one to the next
 * @reserved: 0
 *
 * Return: 0; -ENOSPC: there are more than fit, none was written, and @count says how many; -EINVAL,
 * -EFAULT, -ENOMEM.
 */
struct vfiod_handle_list {
	__u32 size;
	__u32 count;
	__u64 entries;
	__u32 entry_size;
	__u32 reserved;
};

/* In vfiod_handle_revoke.flags: every handle of @lease, and not handle @id. */
#define VFIOD_HANDLE_REVOKE_LEASE 1
/* One process that has an operation in flight when the time is over gets SIGKILL. */
#define VFIOD_HANDLE_REVOKE_KILL 2

/**
 * struct vfiod_handle_revoke - VFIOD_HANDLE_REVOKE: end a handle, or all of a lease
 * @size: in: sizeof(struct vfiod_handle_revoke)
 * @flags: in: VFIOD_HANDLE_REVOKE_LEASE, VFIOD_HANDLE_REVOKE_KILL (which an older module does not
 * know: -EINVAL), both or 0
 * @lease: in: the lease, or 0
 * @id: in: the handle, or 0
 * @timeout_ms: in: how long to wait for operations in flight, and then for the real file to be
 * closed, at most 600,000 ms (10 min)
 * @pending: out: how many of the handles have not ended in time
 * @busy_pid: out: a process that has an operation in flight and has not been killed, by its number
 * in the first pid namespace; 0: none, what is in flight is on its way out, or the device's file is
 * being closed, or held for its container's handle.  With VFIOD_HANDLE_REVOKE_KILL: the one that
 * has been killed by this call; it is on its way out, and there may be others
 *
 * From the beginning of the call on no new operation and no page fault of the handles' users
 * reaches the real files, and their mappings are gone, whatever is in flight. The container's
 * operations are waited for first, then its file is let go of, then the device's. To go on waiting,
 * revoke again: what has ended stays so.
 *
 * The real file itself is closed by its last user; a caller that has it open, too, closes it.
 *
 * Return: 0, also with @pending; -ENOENT: no such handle; -EINTR: a fatal signal; -EINVAL, -EFAULT.
 */
struct vfiod_handle_revoke {
	__u32 size;
	__u32 flags;
	__u64 lease;
	__u32 id;
	__u32 timeout_ms;
	__u32 pending;
	__u32 busy_pid;
};

/**
 * struct vfiod_handle_forget - VFIOD_HANDLE_FORGET: take an entry that has ended out of the table
 * @size: in: sizeof(struct vfiod_handle_forget)
 * @id: in: the handle
 *
 * Return: 0; -ENOENT: no such handle; -EBUSY: it has not ended.
 */
struct vfiod_handle_forget {
	__u32 size;
	__u32 id;
};

#endif
