/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIOD_TOPOLOGY_H
#define VFIOD_TOPOLOGY_H

#include <stdint.h>

/*
 * The way to a function through the bridges above it, as lspci -DP prints it: the address of the first one on a root
 * bus, then device and function number of each below it ("0000:00:1c.0/00.0").  The numbers of the buses behind
 * bridges, which change when a card is added elsewhere, are not in it.
 */

#define TOPOLOGY_PATH_MAX 96 /* 15 bridges and the function, and room for long domains */

/**
 * topology_of() - the path of a function.
 * @syspath: where it lives in sysfs, "/sys/devices/pci0000:00/0000:00:1c.0/0000:01:00.0"
 * @path: room for the result; empty on error
 *
 * Return: 0, -EINVAL when @syspath leads to no PCI function, or -ENAMETOOLONG.
 */
int topology_of(const char *syspath, char path[TOPOLOGY_PATH_MAX]);

/** topology_parent() - the bridge above a function that lives there, or VFIOD_NO_ADDRESS. */
uint64_t topology_parent(const char *syspath);

/**
 * topology_parse() - check a path that somebody wrote, and write it as topology_of() does.
 * Return: 0, -EINVAL or -ENAMETOOLONG, with @path empty.
 */
int topology_parse(const char *text, char path[TOPOLOGY_PATH_MAX]);

#endif
