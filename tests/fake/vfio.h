/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef FAKE_VFIO_H
#define FAKE_VFIO_H

#include "tests/fake/machine.h"
#include "tests/fake/wire.h"

#include <stdio.h>

/* VFIO's files and the table of handles: who has which open, and what comes of it when that ends. */

/** vfio_init() - @epoll: tells of ends of socket pairs, vfio_ended() by data.u64 */
void vfio_init(int epoll);

/** vfio_group_changed() - the driver of a function of it has: its node comes or goes. */
void vfio_group_changed(uint32_t group);

/** vfio_open() - a node of /dev; @fd: the caller's to close; @object: what it is */
int vfio_open(const char *path, int *fd, uint32_t *object);

/** vfio_ioctl() - @files: what it is on, and an argument or -1; @fd: what it made, the caller's to close, or -1 */
int64_t vfio_ioctl(const struct fake_call *call, const int files[2], struct fake_answer *answer, int *fd);

/** vfio_pool() - make handles that nobody has yet. Return: how many. */
size_t vfio_pool(uint32_t ids[FAKE_POOL_MAX], int fds[FAKE_POOL_MAX]);

/** vfio_ended() - the other end of a pair has been closed. */
void vfio_ended(uint64_t which);

/** vfio_ask_back() - signal who has it open that it is wanted. */
void vfio_ask_back(const struct function *function);

/** vfio_handles_loaded() - whether there is the module, from now on. */
void vfio_handles_loaded(bool loaded);

/** vfio_tell() - what is open, in words. */
void vfio_tell(FILE *to);

#endif
