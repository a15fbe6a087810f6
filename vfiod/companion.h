/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIOD_COMPANION_H
#define VFIOD_COMPANION_H

#include "vfiod/bind.h"
#include "vfiod/driver.h"
#include "vfiod/failure.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct daemon;
struct device;
struct devices;
struct owner;

/*
 * Companions: the other functions of an IOMMU group of which something is assigned.  A group can be handed out only
 * when no host driver has any function of it; so where a rule wants that, they are taken from the host along with the
 * one that is assigned, and go back when nothing of the group is assigned any more.  Nobody gets them meanwhile.
 */

/* What becomes of them: the option "companions" of vfiod.conf(5). */
enum companions {
	COMPANIONS_REFUSE, /* they stay the host's; one with a host driver is in the way */
	COMPANIONS_BIND,   /* they get the VFIO driver */
	COMPANIONS_UNBIND, /* they get none */
};

/* One that is to be taken along. */
struct companion {
	uint64_t address;
	enum driver_choice choice; /* which VFIO driver, with COMPANIONS_BIND */
	bool has_origin;	   /* it has been taken before */
	struct bind_origin origin;
};

struct companion_list {
	enum companions how;
	struct companion *list; /* in ascending order of address */
	size_t count;
};

/** companions_parse() - a word of vfiod.conf(5). Return: 0, or -EINVAL. */
int companions_parse(const char *text, enum companions *companions);

/* ---- in the loop ---- */

/**
 * companions_find() - those that go along with @device, by its rule.
 *
 * All functions of its group but bridges and what is assigned, or is about to be again.
 *
 * @list: companions_free() frees it
 *
 * Return: 0 or -ENOMEM.
 */
int companions_find(struct daemon *daemon, const struct device *device, struct companion_list *list);

void companions_free(struct companion_list *list);

/** companions_note() - they are @owner's from now on, and the journal has where they were. Return: 0, or its errno. */
int companions_note(struct daemon *daemon, const struct companion_list *list, const struct owner *owner);

/** companions_settle() - what they go along with has been taken. */
void companions_settle(struct daemon *daemon, const struct companion_list *list);

/** companions_follow() - those of the group of @device have its owner. */
void companions_follow(struct daemon *daemon, const struct device *device);

/** companions_leader() - the first function of the group of @device, but itself, that is assigned or about to be; or
 * NULL. */
const struct device *companions_leader(const struct devices *devices, const struct device *device);

/**
 * companions_stay() - what becomes of @device, which is assigned and is to be so no longer.
 * Return: COMPANIONS_REFUSE: it goes back to the host.  Else it stays as a companion: by the rule of what else of its
 * group is assigned.
 */
enum companions companions_stay(const struct daemon *daemon, const struct device *device);

/**
 * companions_orphan() - a companion of @group that is to go back: nothing else of the group is assigned any more; or
 * NULL.
 * @undo: or what it was to go along with could not be taken
 */
struct device *companions_orphan(const struct devices *devices, uint32_t group, bool undo);

/* ---- for worker threads ---- */

/** companions_look() - refuse where the host uses one of @list; find out where they are. */
int companions_look(uint64_t address, struct companion_list *list, struct failure *failure);

/** companions_take() - take all of @list from the host. */
int companions_take(uint64_t address, const struct companion_list *list, struct failure *failure);

/** companions_place() - have one function where companions are. */
int companions_place(uint64_t address, enum companions how, enum driver_choice choice, struct failure *failure);

#endif
