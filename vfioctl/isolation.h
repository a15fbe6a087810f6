/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIOCTL_ISOLATION_H
#define VFIOCTL_ISOLATION_H

#include <stddef.h>

struct inventory;
struct json_object;
struct vfiodma_info;
struct vfiodma_isolation;
struct vfiodma_session;

/* Why functions share an IOMMU group. */

/**
 * isolation_fetch() - ask vfiod for it.
 * @info: of @inventory
 * @isolations: of @info with each other member of its group, in the order of inventory_next_member(), the caller's to
 *	free(3); NULL: there is no other, or vfiod is an older one that cannot tell
 *
 * Return: 0 or -ENOMEM.
 */
int isolation_fetch(struct vfiodma_session *session, const struct inventory *inventory, const struct vfiodma_info *info,
		    struct vfiodma_isolation **isolations);

#define ISOLATION_TEXT_SIZE 128

/** isolation_text() - the reason in words; empty where it is unknown. Return: @text. */
const char *isolation_text(const struct vfiodma_isolation *isolation, char text[ISOLATION_TEXT_SIZE]);

/** isolation_advice() - what would change it, for a person. */
const char *isolation_advice(const struct vfiodma_isolation *isolation);

/** isolation_add_json() - put the reasons into json_device()'s "group_members". */
void isolation_add_json(struct json_object *device, const struct vfiodma_isolation *isolations);

#endif
