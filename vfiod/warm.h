/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIOD_WARM_H
#define VFIOD_WARM_H

#include <stdbool.h>

struct daemon;
struct device;
struct vfio_files;

/*
 * A warm function is free, and vfiod has it open: the reset that opening costs has been paid after the last lease, and
 * the next one is two handles on what is open.  That needs the module of handles, and a group of its own, since a group
 * can be opened once; and policy may say no.
 */

/** warm_up() - open a free function in advance, if policy and the machine let us. */
void warm_up(struct daemon *daemon, struct device *device);

/**
 * warm_down() - close a warm function again, since somebody needs its group, or it is unplugged.
 *
 * Only of a free one; it is busy afterwards.
 */
void warm_down(struct daemon *daemon, struct device *device);

/**
 * warm_keep() - what has been opened for a lease by handles stays ours; @files are taken over.
 *
 * Without @device->unplug after that the kernel cannot ask for it back.
 */
void warm_keep(struct daemon *daemon, struct device *device, struct vfio_files *files);

/** warm_take() - the files of a function, for a worker to use and to close; there may be none. */
struct vfio_files warm_take(struct device *device);

/** warm_recount() - its state or its files have changed: for how many are open in advance. */
void warm_recount(struct device *device);

/** warm_is() - vfiod has it open. */
bool warm_is(const struct device *device);

#endif
