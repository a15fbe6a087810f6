/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIOD_INUSE_H
#define VFIOD_INUSE_H

#include "vfiod/failure.h"

#include <stdint.h>

/**
 * inuse_check() - does the host use this function?
 *
 * It does when a block device behind it is mounted, swapped on, part of another one, behind a loop device or opened
 * exclusively, or when a network interface of it is up or in another network namespace.  Reads sysfs and /proc and
 * opens block devices: for worker threads.
 *
 * Return: 0, or -EBUSY with what uses it and what to do, in @failure; or what the kernel said, where that is no answer.
 */
int inuse_check(uint64_t address, struct failure *failure);

#endif
