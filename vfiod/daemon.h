/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIOD_DAEMON_H
#define VFIOD_DAEMON_H

#include "vfiod/claims.h"
#include "vfiod/config.h"
#include "vfiod/device.h"
#include "vfiod/metrics.h"

#include <stdbool.h>
#include <stdint.h>

struct event;
struct event_base;
struct handles;
struct hotplug;
struct kept;
struct memlock;
struct pci_events;
struct reload;
struct saved;
struct server;
struct udev;
struct watch;
struct workers;

/* All of the daemon's state. The loop's thread alone touches it: what a worker needs, its job carries as a copy. */
struct daemon {
	struct event_base *base;
	struct config *config;
	struct config_source source; /* of it, and of the next one */
	struct reload *reload;	     /* that reads the next one now; or NULL */
	struct udev *udev;
	struct hotplug *hotplug;
	struct devices devices;
	struct workers *workers;
	struct workers *closers; /* of clients' sockets with files in their queues */
	struct watch *watch;
	struct handles *handles;       /* NULL: the module is not loaded; see daemon_handles() */
	struct pci_events *pci_events; /* NULL: no function has the driver that tells them */
	struct server *server;
	struct metrics metrics;
	struct claims claims;	 /* of users on pools */
	const char *numa;	 /* where the machine's nodes are described; NULL: NUMA_ROOT */
	struct memlock *memlock; /* processes whose limit was raised */
	struct saved *saved;	 /* NULL until what the vfiod before left has been read */
	struct kept *kept;
	const char *state_dir; /* where assignments are kept, or NULL */
	bool orphans;	       /* there may be companions of which nothing else of the group is assigned any more */
	size_t returning;      /* functions that are to be taken again, or are parked over that */
	size_t unclean;	       /* functions that are to be cleaned, see revoke_go_on() */
	struct event *sigterm, *sigint, *sighup, *patience, *heartbeat;
	size_t changing_sets; /* of virtual functions, on their way there or back */
	uint64_t last_lease;  /* the number of the newest */
	bool stopping;
};

/**
 * daemon_main() - all that vfiod(8) is.
 * Return: the exit status: 0, 1 (it could not start, or did not end cleanly) or 2 (a usage error).
 */
int daemon_main(int argc, char **argv);

/** daemon_handles() - leases by revocable handles can be had: the module is loaded, perhaps only since we started. */
bool daemon_handles(struct daemon *daemon);

/** daemon_open_handles() - the same. Return: 0; or a negative errno, which may be want: facts_is_want(). */
int daemon_open_handles(struct daemon *daemon);

/** daemon_settled() - a worker has reported on @device: let those who waited for that go on; it may be gone then. */
void daemon_settled(struct daemon *daemon, struct device *device);

/**
 * daemon_try_again() - soon, all of what waits for something else: there was want of memory or files, and nothing that
 * reports when there is enough.
 */
void daemon_try_again(struct daemon *daemon);

/** daemon_go_on() - with what waits for another function. */
void daemon_go_on(struct daemon *daemon);

/** daemon_device_gone() - @device was unplugged. */
void daemon_device_gone(struct daemon *daemon, struct device *device);

#endif
