/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vfiod/numa.h"

#include "vfiod/sysfs.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#define LINE_MAX_BYTES 8192

/* A number in front of @at, which is moved behind it. */
static bool take_number(const char **at, unsigned long *number)
{
	char *end;

	if (**at < '0' || **at > '9')
		return false;
	*number = strtoul(*at, &end, 10);
	*at = end;
	return true;
}

/*
 * The file "distance" of a node has a number for each node that is online, in their order, and "online" says which
 * these are: "0-1,3".
 */
static void pair(const char *online, const char *distances, struct numa *numa)
{
	unsigned long first, last, distance;

	while (take_number(&online, &first)) {
		last = first;
		if (*online == '-' && (online++, !take_number(&online, &last)))
			return;
		for (; first <= last && first < NUMA_NODES_MAX; first++) {
			if (!take_number(&distances, &distance))
				return;
			numa->distance[first] = (unsigned int)distance;
			distances += *distances == ' ';
		}
		if (*online == ',')
			online++;
	}
}

int numa_read(const char *root, uint32_t node, struct numa *numa)
{
	char path[PATH_MAX], online[LINE_MAX_BYTES], distances[LINE_MAX_BYTES];
	int err;

	for (size_t i = 0; i < NUMA_NODES_MAX; i++)
		numa->distance[i] = NUMA_FAR;
	snprintf(path, sizeof(path), "%s/online", root);
	err = sysfs_read_file(path, online, sizeof(online));
	if (err)
		return err;
	snprintf(path, sizeof(path), "%s/node%u/distance", root, node);
	err = sysfs_read_file(path, distances, sizeof(distances));
	if (err)
		return err;
	pair(online, distances, numa);
	return 0;
}

unsigned int numa_distance(const struct numa *numa, uint32_t node)
{
	return node < NUMA_NODES_MAX ? numa->distance[node] : NUMA_FAR;
}
