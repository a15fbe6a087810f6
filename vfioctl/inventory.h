/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIOCTL_INVENTORY_H
#define VFIOCTL_INVENTORY_H

#include "vfioctl/failure.h"
#include "vfioctl/terminal.h"

#include <stdbool.h>
#include <stddef.h>

struct vfiodma_info;
struct vfiodma_session;

#define INVENTORY_ADDRESS_SIZE 18 /* of the address of a PCI function, and its NUL */

/* All PCI functions of the machine, in ascending order of address. */
struct inventory {
	struct vfiodma_info *infos;
	size_t count;
};

/** inventory_fetch() - ask vfiod for it; a failure is told to the person. inventory_free() frees it. */
enum exit_status inventory_fetch(struct vfiodma_session *session, struct inventory *inventory);
void inventory_free(struct inventory *inventory);

/** inventory_address() - check what a person gave as an address; @address gets it in full. */
enum exit_status inventory_address(const char *text, char address[INVENTORY_ADDRESS_SIZE]);

/**
 * inventory_fetch_device() - inventory_fetch(), and find one function in it; also its absence is told to the person.
 * @address: in full, as inventory_address() gives it
 * @info: of @inventory
 */
enum exit_status inventory_fetch_device(struct vfiodma_session *session, const char *address,
					struct inventory *inventory, const struct vfiodma_info **info);

/** inventory_is_bridge() - whether it is of base class 06h (PCI Code and ID Assignment 1.11 §1.7). */
bool inventory_is_bridge(const struct vfiodma_info *info);

/** inventory_next_member() - the member after @last (NULL: the first) of the IOMMU group of @info, itself left out. */
const struct vfiodma_info *inventory_next_member(const struct inventory *inventory, const struct vfiodma_info *info,
						 const struct vfiodma_info *last);

/** inventory_next_leader() - the same of those that are assigned, which a companion was taken along with. */
const struct vfiodma_info *inventory_next_leader(const struct inventory *inventory, const struct vfiodma_info *info,
						 const struct vfiodma_info *last);

/** inventory_next_vf() - the virtual function of @info after @last (NULL: the first), or NULL. */
const struct vfiodma_info *inventory_next_vf(const struct inventory *inventory, const struct vfiodma_info *info,
					     const struct vfiodma_info *last);

/** inventory_parent() - the function that @info is a virtual one of, where vfiod has made it; or NULL. */
const struct vfiodma_info *inventory_parent(const struct inventory *inventory, const struct vfiodma_info *info);

/** inventory_short_address() - @address as seen from @from: without its domain when that is the same. */
const char *inventory_short_address(const char *address, const char *from);

/**
 * inventory_group_text() - an IOMMU group and who else is in it: "12", "14 +07:00.1", or "-".
 * @bridges: name bridges, too
 * @brief: how many others, not which: "14 +1"
 * @text: the caller's to free(3)
 *
 * Return: 0 or -ENOMEM.
 */
int inventory_group_text(const struct inventory *inventory, const struct vfiodma_info *info, bool bridges, bool brief,
			 char **text);

/** inventory_tone() - how a state stands out. */
enum tone inventory_tone(const struct vfiodma_info *info);

#endif
