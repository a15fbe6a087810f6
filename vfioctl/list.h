/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIOCTL_LIST_H
#define VFIOCTL_LIST_H

#include <stdbool.h>
#include <stdio.h>

struct inventory;
struct pcinames;
struct terminal;

/**
 * list_print() - the table of "vfioctl list".
 * @all: bridges, too
 *
 * Return: 0 or -ENOMEM.
 */
int list_print(const struct inventory *inventory, struct pcinames *names, bool all, const struct terminal *terminal,
	       FILE *out);

/** list_print_json() - the same as an array of json_device(). Return: 0 or -ENOMEM. */
int list_print_json(const struct inventory *inventory, struct pcinames *names, bool all, FILE *out);

#endif
