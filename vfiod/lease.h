/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIOD_LEASE_H
#define VFIOD_LEASE_H

struct daemon;
struct device;
struct failure;
struct request;

/*
 * lease.c has the handlers of ACQUIRE and RELEASE (request.h), and what happens to a lease between them.
 *
 * The client gets the files themselves and vfiod keeps no copy, so a lease ends when the kernel says that the last of
 * them was closed, in whichever process: inotify tells the close of the group's node, which lasts as long as the group
 * and any device of it are open.
 */

/**
 * lease_closed() - the node of a leased group was closed.
 * @data: the daemon
 * @watch: the inotify watch, or WATCH_ANY
 */
void lease_closed(void *data, int watch);

/**
 * lease_end() - forget the lease of @device, and tell the client that waits for that.
 * @failure: why the function is not clean; or NULL
 */
void lease_end(struct daemon *daemon, struct device *device, const struct failure *failure);

/** lease_forget_release() - the client that waits for the end of its lease is gone. */
void lease_forget_release(struct daemon *daemon, struct request *request);

#endif
