/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIOD_NUMVFS_H
#define VFIOD_NUMVFS_H

#include "vfiod/failure.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * Virtual functions by the kernel's means: a physical function's driver makes them when their number is written to
 * sriov_numvfs (Documentation/PCI/pci-iov-howto.rst).  All of this waits for the lock of the physical function, and for
 * whoever has a virtual function open: for worker threads.
 */

#define NUMVFS_ROOT "/sys/bus/pci/devices" /* the @root of all of these */
#define NUMVFS_MAX  UINT16_MAX		   /* the field NumVFs has 16 bits (PCIe 6.0 §9.3.3.7) */

/**
 * numvfs_look() - can a physical function have @count virtual functions?
 * @again: they may be there already, as a vfiod before this one has made them
 * @autoprobe: whether the host's drivers take virtual functions that appear
 *
 * Return: 0, or -EOPNOTSUPP (it has none to offer), -EINVAL (fewer than @count), -EBUSY (somebody else has made some),
 * -ENOENT (it has no driver), with the reason in @failure.
 */
int numvfs_look(const char *root, uint64_t address, unsigned int count, bool again, bool *autoprobe,
		struct failure *failure);

/**
 * numvfs_make() - have the driver make them, with no driver of the host's taking them; wait until all are there.
 * @vfs: room for @count; their addresses
 *
 * Return: 0, or a negative errno: some may be there even so, which numvfs_remove() removes.
 */
int numvfs_make(const char *root, uint64_t address, unsigned int count, uint64_t *vfs, struct failure *failure);

/** numvfs_remove() - have the driver remove them; it is no error where there are none. */
int numvfs_remove(const char *root, uint64_t address, struct failure *failure);

/** numvfs_put_autoprobe() - whether the host's drivers take virtual functions that appear. */
int numvfs_put_autoprobe(const char *root, uint64_t address, bool on, struct failure *failure);

#endif
