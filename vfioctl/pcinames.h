/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIOCTL_PCINAMES_H
#define VFIOCTL_PCINAMES_H

#include <stdbool.h>
#include <stddef.h>

struct vfiodma_info;

/* The PCI id database. */
struct pcinames;

/* The names of one function; empty: the database has none. */
struct pcinames_text {
	char vendor[128], device[128];
	char subsystem_vendor[128], subsystem[128];
	char class_name[128], interface[128];
};

/**
 * pcinames_open() - open the database. Nothing but the file is asked: neither the network nor udev.
 * @path: NULL for libpci's own
 * @names: the caller's to free with pcinames_close()
 *
 * Return: 0 or -ENOMEM; without the file there are just no names.
 */
int pcinames_open(const char *path, struct pcinames **names);

/** pcinames_close() - free it; NULL is fine. */
void pcinames_close(struct pcinames *names);

/** pcinames_lookup() - all names of a function. */
void pcinames_lookup(struct pcinames *names, const struct vfiodma_info *info, struct pcinames_text *text);

/**
 * pcinames_device() - vendor and device in one: "Intel Corporation 82574L Gigabit Network Connection", or with numbers
 * where there is no name.
 * @brief: "Intel 82574L Gigabit Network Connection"
 *
 * Return: @title.
 */
const char *pcinames_device(const struct pcinames_text *text, const struct vfiodma_info *info, bool brief, char *title,
			    size_t size);

/** pcinames_class() - the class: "Ethernet controller", or "network" when @brief. Return: @title. */
const char *pcinames_class(const struct pcinames_text *text, const struct vfiodma_info *info, bool brief, char *title,
			   size_t size);

#endif
