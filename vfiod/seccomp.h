/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIOD_SECCOMP_H
#define VFIOD_SECCOMP_H

#include "vfiod/failure.h"

/**
 * seccomp_install() - let this process, and each thread that it makes, make no other system calls than it needs.
 *
 * To be called when all is open that the loop works with, and before there are threads.  Where vfiod was built without
 * libseccomp it does nothing.
 *
 * Return: 0, or a negative errno and why.
 */
int seccomp_install(struct failure *failure);

#endif
