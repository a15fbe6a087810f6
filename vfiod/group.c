/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vfiod/group.h"

#include "proto/address.h"
#include "vfiod/companion.h"
#include "vfiod/config.h"
#include "vfiod/device.h"
#include "vfiod/isolation.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define OBSTACLE_MAX  192
#define EXPLAINED_MAX 184 /* of the list: what to do is said of the first ones, the rest is named */
#define LIST_MAX      248 /* so that it fits into a struct failure with what is around it */

/* What is in the way of an assignment, as it is found. */
struct obstacles {
	const struct config *config;
	const struct owner *owner;
	enum companions companions;
	char list[LIST_MAX + 1];
	unsigned int unnamed;
	const struct device *first;
	bool has_group;	     /* the function is assigned already, so what is taken along is so with it */
	bool could_go_along; /* one has a host driver, and no rule says what becomes of it */
};

static const char *owned(const struct device *other, const struct owner *owner, const char *address,
			 char text[OBSTACLE_MAX])
{
	const struct device *leader = companions_leader(other->devices, other);
	char with[PROTO_ADDRESS_LEN];

	if (other->owner.uid == owner->uid && other->owner.gid == owner->gid)
		return NULL;
	if (other->state == VFIOD_COMPANION && !leader)
		snprintf(text, OBSTACLE_MAX, "%s (on its way back to the host; try again)", address);
	else if (other->state == VFIOD_COMPANION)
		snprintf(text, OBSTACLE_MAX,
			 "%s (taken along with %s of another owner; release that first: vfioctl release %s)", address,
			 proto_address_format(leader->facts.address, with), with);
	else
		snprintf(text, OBSTACLE_MAX, "%s (assigned to another owner; release it first: vfioctl release %s)",
			 address, address);
	return text;
}

/* It would be taken along, but must not be. */
static const char *kept_by_host(const struct obstacles *obstacles, const struct device *other, const char *address,
				char text[OBSTACLE_MAX])
{
	const struct rule *rule = policy_rule(obstacles->config, &other->facts);
	struct failure failure;
	int err = policy_may_take(obstacles->config, &other->facts, &failure);

	if (!err && !other->set) /* a set: vfiod makes virtual functions of it, or has */
		return NULL;
	if (err == -EPERM)
		snprintf(text, OBSTACLE_MAX,
			 "%s (which stays the host's: rule \"%.60s\" says assign = false; change that in vfiod.conf)",
			 address, rule->name);
	else if (err && other->facts.boot_display)
		snprintf(text, OBSTACLE_MAX,
			 "%s (the display that the machine booted with; choose another one in the firmware)", address);
	else
		snprintf(text, OBSTACLE_MAX, "%s (which has virtual functions enabled; disable them first)", address);
	return text;
}

/* What @other's being there means: words to put behind its address, or NULL where it is in nobody's way. */
static const char *obstacle(struct obstacles *obstacles, const struct device *other, char text[OBSTACLE_MAX])
{
	char address[PROTO_ADDRESS_LEN];

	proto_address_format(other->facts.address, address);
	if (other->state == VFIOD_COMPANION && obstacles->has_group)
		return NULL;
	if (other->state != VFIOD_UNMANAGED || other->returns)
		return owned(other, obstacles->owner, address, text);
	/* a bridge does no DMA of its own */
	if (facts_is_bridge(&other->facts))
		return NULL;
	if (obstacles->companions != COMPANIONS_REFUSE)
		return kept_by_host(obstacles, other, address, text);
	/* a VFIO driver keeps the function still until somebody opens it */
	if (!other->facts.driver[0] || facts_on_vfio(&other->facts))
		return NULL;
	obstacles->could_go_along = true;
	snprintf(text, OBSTACLE_MAX, "%s (driver %s; unbind it first: echo %s > /sys/bus/pci/drivers/%s/unbind)",
		 address, other->facts.driver, address, other->facts.driver);
	return text;
}

/* Adds an item to a list of at most @limit characters, whole or not at all. */
static bool append(char *list, size_t limit, const char *item)
{
	size_t used = strlen(list);

	if (used + strlen(item) + 2 > limit)
		return false;
	sprintf(list + used, "%s%s", used ? ", " : "", item);
	return true;
}

static void add(struct obstacles *obstacles, const struct device *other, const char *text)
{
	char address[PROTO_ADDRESS_LEN];

	if (!obstacles->first)
		obstacles->first = other;
	if (!append(obstacles->list, EXPLAINED_MAX, text) &&
	    !append(obstacles->list, LIST_MAX, proto_address_format(other->facts.address, address)))
		obstacles->unnamed++;
}

static int refuse(const struct devices *devices, const struct device *device, const struct obstacles *obstacles,
		  struct failure *failure)
{
	static const char advice[] = "; or a rule with companions = \"unbind\" takes it along";
	char address[PROTO_ADDRESS_LEN], more[32] = "", why[ISOLATION_TEXT_MAX];
	struct isolation_reason reason;

	isolation_explain(devices, device, obstacles->first, &reason);
	isolation_text(&reason, why);
	if (obstacles->unnamed)
		snprintf(more, sizeof(more), " and %u more", obstacles->unnamed);
	return failure_set(failure, -EBUSY, "%s shares IOMMU group %u with %s%s%s%s%s",
			   proto_address_format(device->facts.address, address), device->facts.group, obstacles->list,
			   more, why[0] ? ": " : "", why, obstacles->could_go_along ? advice : "");
}

int group_check(const struct devices *devices, const struct device *device, const struct owner *owner,
		const struct config *config, struct failure *failure)
{
	struct obstacles obstacles = {
		.config = config,
		.owner = owner,
		.companions = policy_companions(config, &device->facts),
		.has_group = device->state != VFIOD_UNMANAGED && device->state != VFIOD_COMPANION,
	};
	char text[OBSTACLE_MAX];

	for (size_t i = 0; i < devices->count; i++) {
		const struct device *other = devices->list[i];

		if (other != device && other->facts.group == device->facts.group && obstacle(&obstacles, other, text))
			add(&obstacles, other, text);
	}
	return obstacles.list[0] ? refuse(devices, device, &obstacles, failure) : 0;
}
