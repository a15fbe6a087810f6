/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIOCTL_POOL_H
#define VFIOCTL_POOL_H

#include <stddef.h>
#include <stdio.h>

struct inventory;
struct terminal;
struct vfiodma_member;

/* The functions that are in pools, ordered by pool and address: see pool_sort(). */
struct members {
	struct vfiodma_member *list;
	size_t count;
};

/** pool_sort() - by the name of the pool, and of one pool by address. */
void pool_sort(struct members *members);

/** pool_print() - a line for each pool: how many functions, how many of them free, and who has the others. */
int pool_print(const struct members *members, const struct inventory *inventory, const struct terminal *terminal,
	       FILE *out);

/** pool_print_json() - the same for programs, with each function whole. Both return 0 or -ENOMEM. */
int pool_print_json(const struct members *members, const struct inventory *inventory, FILE *out);

#endif
