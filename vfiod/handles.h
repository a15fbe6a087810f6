/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIOD_HANDLES_H
#define VFIOD_HANDLES_H

#include "kmod/uapi/vfiod_handle.h"
#include "vfiod/failure.h"

#include <stdint.h>

struct event_base;
struct handles;
struct vfio_files;

/*
 * Revocable handles, by the module vfiod_handle: what a client gets instead of the files themselves, where the module
 * is loaded.  vfiod keeps the files.
 */

/* What a handle says of its lease to the vfiod after this one. */
struct handle_note {
	uint64_t address;
	uint64_t lease;
	uint32_t uid, pid;
	uint64_t until_ms; /* as in struct lease */
};

typedef void (*handles_fn)(void *data, const struct vfiod_handle_info *info);

/**
 * handles_new() - open the module's node.
 * @changed: called from the loop for every handle that has changed, or is there and has not been read; before any
 *	request is taken
 * @handles: the caller's to free with handles_free(); the handles themselves go on
 *
 * Return: 0, or -ENOENT: the module is not loaded.
 */
int handles_new(struct event_base *base, handles_fn changed, void *data, struct handles **handles);

void handles_free(struct handles *handles);

/** handles_read() - tell of what has changed, or is there and has not been read, now. */
void handles_read(struct handles *handles, handles_fn changed, void *data);

/** handles_node() - the node, for handles_revoke() in a thread. */
int handles_node(const struct handles *handles);

/**
 * handles_lease() - make the handles of a lease: a container's, and a device's that goes with it.
 * @files: what they stand for
 * @fds: device and container, the caller's to close
 */
int handles_lease(struct handles *handles, const struct vfio_files *files, const struct handle_note *note, int fds[2],
		  struct failure *failure);

/** handles_note() - what the handle's maker noted. */
void handles_note(const struct vfiod_handle_info *info, struct handle_note *note);

/** handles_forget() - let go of a handle's entry in the module's table, if it has ended. */
void handles_forget(struct handles *handles, uint32_t id);

/** handles_shut() - from here on nothing of the client reaches the function, though operations may be in flight. */
void handles_shut(int node, uint64_t lease);

/**
 * handles_revoke() - end all handles of a lease.  From the beginning on nothing of the client reaches the function.
 *
 * The module kills a process that is stuck in the kernel with one of them.  Takes up to seconds: for worker threads.
 *
 * @killed: how many were
 *
 * Return: 0, also when there is none; or -ETIMEDOUT: the kernel has not let go of the files.
 */
int handles_revoke(int node, uint64_t lease, unsigned int *killed, struct failure *failure);

#endif
