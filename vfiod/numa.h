/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIOD_NUMA_H
#define VFIOD_NUMA_H

#include <stdint.h>

#define NUMA_NODES_MAX 1024
#define NUMA_ROOT      "/sys/devices/system/node"

/* How far the machine's NUMA nodes are from one of them, as its firmware says: 10 is none of a way. */
struct numa {
	unsigned int distance[NUMA_NODES_MAX]; /* NUMA_FAR: there is no such node */
};

#define NUMA_FAR 0xffffffffu

/**
 * numa_read() - the distances from @node.
 * @root: NUMA_ROOT
 * Return: 0, or -ENOENT: there is no such node.
 */
int numa_read(const char *root, uint32_t node, struct numa *numa);

/** numa_distance() - to @node; of one that is not known (VFIOD_NONE), NUMA_FAR. */
unsigned int numa_distance(const struct numa *numa, uint32_t node);

#endif
