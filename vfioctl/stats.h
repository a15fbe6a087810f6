/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIOCTL_STATS_H
#define VFIOCTL_STATS_H

#include <stdio.h>

struct vfiodma_stat;

/* The numbers of vfiodma_stats(), one at a time in its order, for three kinds of readers. */

/** stats_print_line() - for people. */
void stats_print_line(const struct vfiodma_stat *stat, FILE *out);

/**
 * stats_print_prometheus() - in Prometheus' text format, version 0.0.4.
 * @before: the one printed before it, or NULL
 */
void stats_print_prometheus(const struct vfiodma_stat *stat, const struct vfiodma_stat *before, FILE *out);

struct json_object;

/**
 * stats_add_json() - to an object: a number, or under the name of several an object with one by each label's value.
 * Return: 0 or -ENOMEM.
 */
int stats_add_json(struct json_object *object, const struct vfiodma_stat *stat);

#endif
