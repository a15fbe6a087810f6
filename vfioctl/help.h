/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIOCTL_HELP_H
#define VFIOCTL_HELP_H

#include <stdio.h>

struct command;

/** help_all() - what vfioctl is, its commands, global options and exit statuses. */
void help_all(FILE *out);

/** help_command() - one command: what it takes and does. */
void help_command(const struct command *command, FILE *out);

#endif
