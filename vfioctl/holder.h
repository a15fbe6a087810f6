/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIOCTL_HOLDER_H
#define VFIOCTL_HOLDER_H

#include <stdint.h>

#define HOLDER_COMMAND_MAX 64

/**
 * holder_command() - what the process calls itself that asked for a lease (proc(5), /proc/PID/comm).
 * @command: room for HOLDER_COMMAND_MAX bytes; fit for a terminal
 *
 * Return: 0, or -ENOENT where that cannot be read, as when the process has ended.
 */
int holder_command(uint32_t pid, char *command);

#endif
