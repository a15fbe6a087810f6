/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIOD_HOLDER_H
#define VFIOD_HOLDER_H

struct client;
struct daemon;
struct device;

/*
 * A lease by handles is over when they are closed for the last time; or, so that no forgotten child keeps a function
 * for ever, when both the connection that it was asked for by is closed and the process that made that has ended.  A
 * child that is to have the function on keeps the connection open.  After a restart of vfiod there is no such
 * connection: the process counts, or, if that has ended already, the handles alone.
 */

/** holder_disconnected() - the connection of @client is about to be closed. */
void holder_disconnected(struct daemon *daemon, struct client *client);

/** holder_resume() - a lease of before goes on. */
void holder_resume(struct device *device);

/** holder_end() - the lease of @device has ended. */
void holder_end(struct device *device);

#endif
