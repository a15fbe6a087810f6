/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIOCTL_CONFIG_VIEW_H
#define VFIOCTL_CONFIG_VIEW_H

#include "libpcicfg/pcicfg_people.h"
#include "vfioctl/terminal.h"

#include <stdbool.h>
#include <stdio.h>

struct json_object;

/* A config space, and what its user sees of it. */
struct config_view {
	struct pcicfg_dump dump; /* the hardware's */
	struct pcicfg_dump live; /* the user's, as the driver has it; its size is 0: as the model has it at the start */
	struct pcicfg cfg;	 /* the model */
	struct pcicfg_found found[PCICFG_FOUND_MAX];
	int found_count;
	struct terminal terminal;
};

/**
 * config_view_open() - make the model of a view whose dumps have been read.
 * Return: 0, or what pcicfg_open() said.
 */
int config_view_open(struct config_view *view, const struct pcicfg_facts *facts);

/** config_view_is_header_alone() - whether the capabilities could not be read. */
bool config_view_is_header_alone(const struct config_view *view);

/** config_view_print() - all registers by name. */
void config_view_print(const struct config_view *view, FILE *out);

/** config_view_print_bytes() - the hardware's bytes, or the user's, as lspci(8) prints them. */
void config_view_print_bytes(const struct config_view *view, bool user, FILE *out);

/** config_view_print_differences() - the lines of bytes where the two differ. */
void config_view_print_differences(const struct config_view *view, FILE *out);

/** config_view_json() - all of it, the caller's to free; NULL: no memory. */
struct json_object *config_view_json(const struct config_view *view);

#endif
