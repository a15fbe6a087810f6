/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIOD_TERMS_H
#define VFIOD_TERMS_H

struct client;
struct daemon;
struct device;

/*
 * What a function's rule says of a lease as long as that lasts: how long that is at most (lease-time), and how much
 * memory its program may lock (memlock). They are those of the moment in which the lease began: another configuration
 * counts for the leases after it.
 */

/** terms_set() - a lease of @device is about to begin: until when. Return: 0 or -ENOMEM; terms_end() ends it. */
int terms_set(struct daemon *daemon, struct device *device);

/** terms_begin() - it is there, and @client is to get it; NULL: the client is gone. */
void terms_begin(struct daemon *daemon, struct device *device, const struct client *client);

/** terms_tell() - tell the client, which has got it, how long it lasts. */
void terms_tell(struct daemon *daemon, struct device *device);

/** terms_resume() - it goes on over a restart of vfiod. */
void terms_resume(struct daemon *daemon, struct device *device);

/** terms_end() - it has ended. */
void terms_end(struct daemon *daemon, struct device *device);

#endif
