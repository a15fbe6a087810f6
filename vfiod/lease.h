/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIOD_LEASE_H
#define VFIOD_LEASE_H

#include "proto/vfiod_proto.h"

#include <stdint.h>

struct daemon;
struct device;
struct failure;
struct request;
struct vfiod_handle_info;

/*
 * lease.c has the handlers of ACQUIRE, RELEASE and REVOKE (request.h), and what happens to a lease between them; its
 * end is revoke.c's.
 *
 * With the module vfiod_handle the client gets handles on files that stay ours, and the lease ends when its device's
 * handle is closed for the last time, or when we say so.
 *
 * Without it, and with a group's file, the client gets the files themselves and vfiod keeps no copy, so a lease ends
 * when the kernel says that the last of them was closed, in whichever process: inotify tells the close of the group's
 * node, which lasts as long as the group and any device of it are open.
 */

/**
 * lease_closed() - the node of a leased group was closed.
 * @data: the daemon
 * @watch: the inotify watch, or WATCH_ANY
 */
void lease_closed(void *data, int watch);

/**
 * lease_handle_changed() - what the module says of a handle.
 * @data: the daemon
 */
void lease_handle_changed(void *data, const struct vfiod_handle_info *info);

/** lease_unplug() - the kernel waits until @device, which vfiod has open, is closed. */
void lease_unplug(struct device *device);

/** lease_tell() - send the client of a lease an event (enum vfiod_event_kind), if it is still there. */
void lease_tell(struct daemon *daemon, struct device *device, uint32_t kind, uint32_t grace_ms);

/**
 * lease_end() - forget the lease of @device, and tell those who wait for that.
 * @killed: processes that had to be
 * @failure: why the function is not clean; or NULL
 */
void lease_end(struct daemon *daemon, struct device *device, unsigned int killed, const struct failure *failure);

/** lease_forget_request() - whoever waits for the end of a lease by @request is gone. */
void lease_forget_request(struct daemon *daemon, struct request *request);

#endif
