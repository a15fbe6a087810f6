/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIOCTL_WHY_H
#define VFIOCTL_WHY_H

#include <stdio.h>

struct vfiodma_why;

/** why_print() - the answer for a person. @pool: the name of the pool that was asked for, or NULL */
void why_print(const struct vfiodma_why *why, const char *pool, FILE *out);

/** why_print_json() - the answer for a program. Return: 0 or -ENOMEM. */
int why_print_json(const struct vfiodma_why *why, const char *pool, FILE *out);

#endif
