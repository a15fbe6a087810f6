/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIOCTL_WHY_H
#define VFIOCTL_WHY_H

#include <stdint.h>
#include <stdio.h>

struct vfiodma_why;

/** why_flags() - VFIODMA_LEASE_… of a mode. @mode: a value of --mode, or NULL: the container's */
unsigned int why_flags(const char *mode);

/** why_numa_node() - read the number of a NUMA node that a person gave: 0 to 1023. Return: 0 or -EINVAL. */
int why_numa_node(const char *text, uint32_t *node);

/** why_print() - the answer for a person. @pool: the name of the pool that was asked for, or NULL */
void why_print(const struct vfiodma_why *why, const char *pool, FILE *out);

/** why_print_json() - the answer for a program. Return: 0 or -ENOMEM. */
int why_print_json(const struct vfiodma_why *why, const char *pool, FILE *out);

#endif
