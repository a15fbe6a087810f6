/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIOD_DEVICE_H
#define VFIOD_DEVICE_H

#include "vfiod/bind.h"
#include "vfiod/clean.h"
#include "vfiod/facts.h"
#include "vfiod/policy.h"
#include "vfiod/state.h"
#include "vfiod/vfio.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/queue.h>

struct daemon;
struct event;
struct job;
struct memlock;
struct request;
struct vf_set;
TAILQ_HEAD(request_queue, request);

/* Who has a function. */
struct lease {
	uint64_t id; /* 0: there is none */
	uint32_t uid, pid;
	uint64_t client;	 /* server_client()'s number of the connection that has it, or 0 */
	bool by_handles;	 /* revocable: the files are ours, the client has handles on them */
	uint32_t handles[2];	 /* their entries in the module's table, as far as it has told of them */
	int watch;		 /* else: inotify watch of the group's node */
	bool granted;		 /* the client has it, though the worker may still be closing our copies */
	bool closed_again;	 /* a close was seen while a worker had the function */
	struct request *release; /* the client's RELEASE, answered when the function is clean; or NULL */
	struct request *revoke;	 /* an administrator's REVOKE, the same */
	struct event *process;	 /* holder.h: the end of its process; or NULL */
	uint64_t question;	 /* pci_events.h: the event that the client is to answer; or 0 */
	struct event *deadline;	 /* when the revocation is no longer only announced; or NULL */
	uint64_t ends_ms;	 /* that time, by the monotonic clock */
	/* terms.h */
	uint64_t until_ms;	 /* by the monotonic clock, or 0: no end of its own */
	struct event *term;	 /* that end; or NULL */
	struct memlock *memlock; /* the limit of its process that was raised for it; or NULL */
};

/* A PCI function of this machine. */
struct device {
	struct daemon *daemon;	 /* whose it is */
	struct devices *devices; /* among which it is */
	struct facts facts;
	enum vfiod_state state;
	struct owner owner;	     /* of an assigned one */
	struct bind_origin origin;   /* where to give it back to */
	struct clean_header header;  /* as it was when it was last known to be clean */
	bool has_origin, has_header; /* those two are known */
	bool companion;		     /* it is here, or was until now, as one of its group that is not assigned */
	bool joining;		     /* and goes back, if what it is taken along with cannot be taken */
	struct vfio_files files;     /* open in advance, or what a lease's handles stand for (warm.h) */
	struct event *unplug;	     /* the kernel wants them closed; or NULL */
	struct lease lease;
	char reason[128];	      /* why it is quarantined, or why it could not be taken again */
	size_t slot;		      /* saved.c's; 0: none */
	bool is_behind;		      /* saved.c's: its record could not be written, and is an old one */
	bool returns;		      /* it is to be taken again, see assign_again() */
	struct job *parked;	      /* it is bound, and waits until the rest of its group is; or NULL */
	bool forgetting;	      /* a worker removes what is kept of it: until then it is not assigned anew */
	bool left_to_host;	      /* it is assigned, and stays the host's until the next boot */
	struct vf_set *set;	      /* the virtual functions that vfiod makes of it (sriov.h); or NULL */
	bool unclean;		      /* free, and to be cleaned as soon as its group is: a vfiod before us had it */
	bool gone;		      /* unplugged while a worker had it */
	struct request_queue waiting; /* requests that wait for the worker to report */
	bool counted_warm;	      /* in devices.warm */
	LIST_ENTRY(device) by_group;
	LIST_ENTRY(device) by_lease, by_holder; /* while it is leased */
	LIST_ENTRY(device) by_watch;		/* while its lease has one */
};
LIST_HEAD(device_list, device);

/* Slots to look in for those of a group, of a lease, of a user: so a request costs the same with few as with many. */
#define DEVICES_SLOTS 1024

/* All of them, in ascending order of address. */
struct devices {
	struct daemon *daemon;
	struct device **list;
	size_t count, room;
	size_t warm; /* those that are open in advance, or just being opened */
	struct device_list by_group[DEVICES_SLOTS], by_lease[DEVICES_SLOTS];
	struct device_list by_holder[DEVICES_SLOTS], by_watch[DEVICES_SLOTS];
};

/** devices_find() - by address, or NULL. */
struct device *devices_find(const struct devices *devices, uint64_t address);

/** devices_from() - the index of the first one at @address or after it. */
size_t devices_from(const struct devices *devices, uint64_t address);

/** devices_by_lease() - the one that a lease is of, or NULL. */
struct device *devices_by_lease(const struct devices *devices, uint64_t lease);

/** devices_in_group() - one function of an IOMMU group after the other, NULL first; in no order. */
struct device *devices_in_group(const struct devices *devices, uint32_t group, const struct device *before);

/** devices_held_by() - one function that a user has a lease of after the other, NULL first; in no order. */
struct device *devices_held_by(const struct devices *devices, uint32_t uid, const struct device *before);

/** device_lease() - it is leased to @uid from now on; the rest of its lease is the caller's to set. */
void device_lease(struct device *device, uint64_t id, uint32_t uid);

/** device_watch() - of its lease, the number of the watch on its group's node. */
void device_watch(struct device *device, int watch);

/** devices_by_watch() - the one whose lease has that watch, or NULL. */
struct device *devices_by_watch(const struct devices *devices, int watch);

/** device_unlease() - it is not any more; all of its lease is forgotten. */
void device_unlease(struct device *device);

/**
 * devices_put() - add a function, or bring its facts up to date.
 * Return: 0, or one of which facts_is_want(): it is a new one, and is not added.
 */
int devices_put(struct devices *devices, const struct facts *facts);

/** devices_remove() - forget a function that is no longer there. */
void devices_remove(struct devices *devices, struct device *device);

void devices_free(struct devices *devices);

/**
 * devices_occupied_sibling() - another function of the same IOMMU group that keeps the group open: a worker has it, a
 * client, or we in advance; or NULL.
 */
struct device *devices_occupied_sibling(const struct devices *devices, const struct device *device);

/** devices_quarantined_sibling() - another function of the same IOMMU group that is in quarantine, or NULL. */
struct device *devices_quarantined_sibling(const struct devices *devices, const struct device *device);

/** device_is_busy() - a worker has it. */
bool device_is_busy(const struct device *device);

#endif
