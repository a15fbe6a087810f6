/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vfiod/group.h"

#include "proto/address.h"
#include "vfiod/device.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define OBSTACLE_MAX 192

/* What @other's being there means for @device: words to put behind its address, or NULL where it is in nobody's way. */
static const char *obstacle(const struct device *other, const struct owner *owner, char text[OBSTACLE_MAX])
{
	char address[PROTO_ADDRESS_LEN];

	proto_address_format(other->facts.address, address);
	if (other->state != VFIOD_UNMANAGED) {
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

int group_check(const struct devices *devices, const struct device *device, const struct owner *owner,
		struct failure *failure)
{
	char list[384] = "", text[OBSTACLE_MAX], address[PROTO_ADDRESS_LEN];
	size_t used = 0;

	for (size_t i = 0; i < devices->count; i++) {
		const struct device *other = devices->list[i];

		if (other == device || other->facts.group != device->facts.group || !obstacle(other, owner, text))
			continue;
		if (used < sizeof(list))
			used += (size_t)snprintf(list + used, sizeof(list) - used, "%s%s", used ? ", " : "", text);
	}
	if (!used)
		return 0;
	return failure_set(failure, -EBUSY, "%s shares IOMMU group %u with %s",
			   proto_address_format(device->facts.address, address), device->facts.group, list);
}
