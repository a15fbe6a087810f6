/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLIENTS_CHANCE_H
#define CLIENTS_CHANCE_H

#include <stdbool.h>

/* An allocation that fails (Documentation/fault-injection/fault-injection.rst: fail-nth), of the thread that asks for
 * it first, on the kernel that can do that. */

/** chance_arm() - from now on the thread's @n-th allocation, or copy of user memory, fails; counted from 1. */
void chance_arm(int n);

/** chance_disarm() - whether the failure that was armed has been made. Keeps errno. */
bool chance_disarm(void);

#endif
