/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIOCTL_JSON_H
#define VFIOCTL_JSON_H

#include <stdio.h>

struct inventory;
struct json_object;
struct pcinames;
struct vfiodma_info;

/**
 * json_device() - one function as vfioctl(1) describes it. Programs rely on the keys: they are added, never changed.
 * @info: one of @inventory
 *
 * Return: the caller's to put, or NULL for want of memory.
 */
struct json_object *json_device(const struct inventory *inventory, struct pcinames *names,
				const struct vfiodma_info *info);

/** json_print() - print an object or an array, and put it. Return: 0 or -ENOMEM. */
int json_print(struct json_object *object, FILE *out);

/** json_print_device() - print json_device(). Return: 0 or -ENOMEM. */
int json_print_device(const struct inventory *inventory, const struct vfiodma_info *info, FILE *out);

/**
 * json_print_revoked() - print json_device() of a function that was revoked, and from whom.
 * @info: as it is now, of @inventory
 * @before: as it was leased
 * @killed: how many processes were
 *
 * Return: 0 or -ENOMEM.
 */
int json_print_revoked(const struct inventory *inventory, const struct vfiodma_info *info,
		       const struct vfiodma_info *before, unsigned int killed, FILE *out);

#endif
