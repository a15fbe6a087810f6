/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIOCTL_HELP_H
#define VFIOCTL_HELP_H

#include <stdio.h>

struct command;

/** help_all() - what vfioctl is, its commands, global options and exit statuses. */
void help_all(FILE *out);

/** help_unknown() - say that there is no such command, and which is meant. Return: STATUS_USAGE. */
enum exit_status help_unknown(const char *name);

/** help_command() - one command: what it takes and does. */
void help_command(const struct command *command, FILE *out);

#endif
