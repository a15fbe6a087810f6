/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIOCTL_SHOW_H
#define VFIOCTL_SHOW_H

#include <stdio.h>

struct inventory;
struct pcinames;
struct terminal;
struct vfiodma_info;
struct vfiodma_isolation;

/**
 * show_print() - everything known of one function, for a person.
 * @info: one of @inventory
 * @isolations: of isolation_fetch(), or NULL
 */
void show_print(const struct inventory *inventory, struct pcinames *names, const struct vfiodma_info *info,
		const struct vfiodma_isolation *isolations, const struct terminal *terminal, FILE *out);

#endif
