/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIOCTL_PARSE_H
#define VFIOCTL_PARSE_H

#include "vfioctl/failure.h"

/**
 * parse_and_run() - read the command line and run the command in it.
 * @argv: as main() gets it; its order may be changed
 *
 * Return: what vfioctl exits with.
 */
enum exit_status parse_and_run(int argc, char **argv);

#endif
