/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIOD_MEMLOCK_H
#define VFIOD_MEMLOCK_H

#include <stdint.h>
#include <sys/types.h>

/*
 * How much memory the process of a client may lock (RLIMIT_MEMLOCK, getrlimit(2)), which is how much it may map for
 * DMA: raised for as long as it has leases.
 */

/* A process whose limit was raised, and how often. */
struct memlock;

/**
 * memlock_raise() - let a process lock @limit bytes at least.
 * @list: of those that were raised, begins as NULL; the new one, or the process's old one, is in it then
 * @pid: the process
 * @pidfd: of the same process, the caller's to close: @pid may be somebody else's by the time that it is used
 * @raised: for memlock_drop(); NULL: its limit is that high anyway
 *
 * Return: 0, -ESRCH (the process has ended, or is of another pid namespace), or what prlimit(2) says: -EPERM without
 * CAP_SYS_RESOURCE.
 */
int memlock_raise(struct memlock **list, pid_t pid, int pidfd, uint64_t limit, struct memlock **raised);

/**
 * memlock_drop() - undo one memlock_raise(); with the last one of a process its limit is as it was before the first,
 * unless somebody has changed it meanwhile.
 */
void memlock_drop(struct memlock **list, struct memlock *raised);

#endif
