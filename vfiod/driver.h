/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIOD_DRIVER_H
#define VFIOD_DRIVER_H

#include "vfiod/failure.h"

#include <stdbool.h>
#include <stddef.h>

/* The two VFIO drivers of PCI functions: the kernel's own, and the strict one, vfiod_pci(4). */
#define DRIVER_STOCK  "vfio-pci"
#define DRIVER_STRICT "vfiod-pci"

/* Which of them a function is to have: the option "driver" of vfiod.conf(5). */
enum driver_choice {
	DRIVER_CHOICE_AUTO, /* the strict one where it is loaded and takes the function, else the kernel's own */
	DRIVER_CHOICE_STRICT,
	DRIVER_CHOICE_STOCK,
};

/* What the kernel has of them. */
struct drivers {
	bool strict;	/* the strict one, by its own name */
	bool stock;	/* one that is called vfio-pci */
	bool disguised; /* which is the strict one under that name: stock_name=1 of vfiod_pci(4) */
};

/* The names to bind a function to, of which the first that takes it has it. */
struct driver_names {
	const char *name[2];
	size_t count;
};

/** driver_choice_parse() - a word of vfiod.conf(5). Return: 0, or -EINVAL. */
int driver_choice_parse(const char *text, enum driver_choice *choice);

/** driver_is_vfio() - whether a driver of that name is one of the two. */
bool driver_is_vfio(const char *name);

/** driver_is_disguised() - whether the strict one is loaded under the name of the other. */
bool driver_is_disguised(void);

/** driver_look() - ask the kernel. */
void driver_look(struct drivers *drivers);

/**
 * driver_choose() - the names by which a choice can be had.
 * Return: 0, or -ENOENT (it is not loaded) or -EEXIST (the strict one has its name), with what to do in @failure.
 */
int driver_choose(enum driver_choice choice, const struct drivers *drivers, struct driver_names *names,
		  struct failure *failure);

#endif
