/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vfiod/group.h"

#include "proto/address.h"
#include "vfiod/device.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define OBSTACLE_MAX  192
#define EXPLAINED_MAX 256 /* of the list: what to do is said of the first ones, the rest is named */
#define LIST_MAX      384 /* so that it fits into a struct failure with what is around it */

/* What @other's being there means for @device: words to put behind its address, or NULL where it is in nobody's way. */
static const char *obstacle(const struct device *other, const struct owner *owner, char text[OBSTACLE_MAX])
{
	char address[PROTO_ADDRESS_LEN];

	proto_address_format(other->facts.address, address);
	if (other->state != VFIOD_UNMANAGED || other->returns) {
		if (other->owner.uid == owner->uid && other->owner.gid == owner->gid)
			return NULL;
		snprintf(text, OBSTACLE_MAX, "%s (assigned to another owner; release it first: vfioctl release %s)",
			 address, address);
		return text;
	}
	/* a VFIO driver keeps the function still until somebody opens it; a bridge does no DMA of its own */
	if (!other->facts.driver[0] || facts_on_vfio(&other->facts) || facts_is_bridge(&other->facts))
		return NULL;
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

int group_check(const struct devices *devices, const struct device *device, const struct owner *owner,
		struct failure *failure)
{
	char list[LIST_MAX + 1] = "", text[OBSTACLE_MAX], address[PROTO_ADDRESS_LEN], more[32] = "";
	unsigned int unnamed = 0;

	for (size_t i = 0; i < devices->count; i++) {
		const struct device *other = devices->list[i];

		if (other == device || other->facts.group != device->facts.group || !obstacle(other, owner, text))
			continue;
		if (!append(list, EXPLAINED_MAX, text) &&
		    !append(list, LIST_MAX, proto_address_format(other->facts.address, address)))
			unnamed++;
	}
	if (!list[0])
		return 0;
	if (unnamed)
		snprintf(more, sizeof(more), " and %u more", unnamed);
	return failure_set(failure, -EBUSY, "%s shares IOMMU group %u with %s%s",
			   proto_address_format(device->facts.address, address), device->facts.group, list, more);
}
