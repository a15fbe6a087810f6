/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vfiod/companion.h"

#include "proto/address.h"
#include "vfiod/daemon.h"
#include "vfiod/inuse.h"
#include "vfiod/log.h"
#include "vfiod/policy.h"
#include "vfiod/saved.h"
#include "vfiod/step.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int companions_parse(const char *text, enum companions *companions)
{
	static const char *const words[] = {
		[COMPANIONS_REFUSE] = "refuse",
		[COMPANIONS_BIND] = "bind",
		[COMPANIONS_UNBIND] = "unbind",
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcmp(text, words[i]))
			continue;
		*companions = (enum companions)i;
		return 0;
	}
	return -EINVAL;
}

/* ---- in the loop ---- */

static bool shares_group(const struct device *device, const struct device *other)
{
	return other != device && other->facts.group == device->facts.group && device->facts.group != VFIOD_NONE;
}

/* It has been given to an owner, or is on the way to that or from there. */
static bool has_group(const struct device *device)
{
	return (device->state != VFIOD_UNMANAGED && device->state != VFIOD_COMPANION) || device->returns;
}

const struct device *companions_leader(const struct devices *devices, const struct device *device)
{
	const struct device *other = NULL, *leader = NULL;

	while ((other = devices_in_group(devices, device->facts.group, other)))
		if (shares_group(device, other) && has_group(other) &&
		    (!leader || other->facts.address < leader->facts.address))
			leader = other;
	return leader;
}

struct device *companions_orphan(const struct devices *devices, uint32_t group, bool undo)
{
	struct device *device = NULL, *last = NULL;

	while ((device = devices_in_group(devices, group, device)))
		if (device->state == VFIOD_COMPANION &&
		    ((undo && device->joining) || !companions_leader(devices, device)) &&
		    (!last || device->facts.address > last->facts.address))
			last = device;
	return last;
}

static bool goes_along(const struct device *device, const struct device *other)
{
	return shares_group(device, other) && !facts_is_bridge(&other->facts) && !has_group(other) && !other->set;
}

static struct companion companion_of(const struct daemon *daemon, const struct device *device)
{
	return (struct companion){
		.address = device->facts.address,
		.choice = policy_driver(daemon->config, &device->facts),
		.has_origin = device->has_origin,
		.origin = device->origin,
	};
}

int companions_find(struct daemon *daemon, const struct device *device, struct companion_list *list)
{
	struct companion_list found = { .how = policy_companions(daemon->config, &device->facts) };

	if (found.how != COMPANIONS_REFUSE) {
		found.list = calloc(daemon->devices.count, sizeof(found.list[0]));
		if (!found.list)
			return -ENOMEM;
		for (size_t i = 0; i < daemon->devices.count; i++)
			if (goes_along(device, daemon->devices.list[i]))
				found.list[found.count++] = companion_of(daemon, daemon->devices.list[i]);
	}
	*list = found;
	return 0;
}

void companions_free(struct companion_list *list)
{
	free(list->list);
	list->list = NULL;
	list->count = 0;
}

int companions_note(struct daemon *daemon, const struct companion_list *list, const struct owner *owner)
{
	int err = 0;

	for (size_t i = 0; i < list->count && !err; i++) {
		const struct companion *companion = &list->list[i];
		struct device *device = devices_find(&daemon->devices, companion->address);

		if (!device || device->state != VFIOD_UNMANAGED)
			continue; /* one already; or it has gone, which who takes it finds out */
		device->owner = *owner;
		device->origin = companion->origin;
		device->has_origin = device->companion = device->joining = true;
		err = step_try(daemon, device, EVENT_JOIN);
		if (err) {
			device->owner = (struct owner){ VFIOD_NONE, VFIOD_NONE };
			device->has_origin = device->companion = device->joining = false;
		}
	}
	return err;
}

void companions_settle(struct daemon *daemon, const struct companion_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		struct device *device = devices_find(&daemon->devices, list->list[i].address);

		if (device)
			device->joining = false;
	}
}

void companions_follow(struct daemon *daemon, const struct device *device)
{
	struct device *other = NULL;

	while ((other = devices_in_group(&daemon->devices, device->facts.group, other))) {
		if (!shares_group(device, other) || other->state != VFIOD_COMPANION)
			continue;
		other->owner = device->owner;
		saved_note(daemon, other);
	}
}

enum companions companions_stay(const struct daemon *daemon, const struct device *device)
{
	enum companions how = COMPANIONS_REFUSE;
	const struct device *other = NULL;

	while (how == COMPANIONS_REFUSE && (other = devices_in_group(&daemon->devices, device->facts.group, other)))
		if (shares_group(device, other) && has_group(other) && !other->companion)
			how = policy_companions(daemon->config, &other->facts);
	return how;
}

/* ---- for worker threads ---- */

static int not_along(uint64_t address, uint64_t companion, struct failure *failure)
{
	const struct failure why = *failure;
	char text[PROTO_ADDRESS_LEN], other[PROTO_ADDRESS_LEN];

	return failure_set(failure, why.error, "%s cannot be taken along with %s: %.400s",
			   proto_address_format(companion, other), proto_address_format(address, text), why.text);
}

int companions_look(uint64_t address, struct companion_list *list, struct failure *failure)
{
	for (size_t i = 0; i < list->count; i++) {
		struct companion *companion = &list->list[i];
		int err = inuse_check(companion->address, failure);

		if (!err && !companion->has_origin)
			err = bind_look(companion->address, &companion->origin, failure);
		if (err)
			return not_along(address, companion->address, failure);
	}
	return 0;
}

int companions_place(uint64_t address, enum companions how, enum driver_choice choice, struct failure *failure)
{
	struct bind_origin here;
	int err;

	if (how == COMPANIONS_UNBIND)
		return bind_keep_off(address, failure);
	err = bind_look(address, &here, failure);
	return err ? err : bind_take(address, choice, &here, failure);
}

int companions_take(uint64_t address, const struct companion_list *list, struct failure *failure)
{
	for (size_t i = 0; i < list->count; i++) {
		const struct companion *companion = &list->list[i];

		if (companions_place(companion->address, list->how, companion->choice, failure))
			return not_along(address, companion->address, failure);
	}
	return 0;
}
