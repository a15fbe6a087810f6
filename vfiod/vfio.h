/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIOD_VFIO_H
#define VFIOD_VFIO_H

#include "vfiod/failure.h"

#include <stdbool.h>
#include <stdint.h>

/* The VFIO files of a function (linux/vfio.h). Opening them resets it: for worker threads. */

struct vfio_files {
	int group, container, device; /* -1: not open */
	int iommufd;		      /* in the place of group and container; or -1 */
	int unplug;		      /* an eventfd that is signalled when the kernel wants the device closed; or -1 */
};
#define VFIO_NO_FILES ((struct vfio_files){ .group = -1, .container = -1, .device = -1, .iommufd = -1, .unplug = -1 })

/*
 * What the kernel's vfio-pci wants to hear from who opens a virtual function whose physical function it has, too, and
 * from who opens that one while a virtual function is open: a UUID, which whoever opens the physical function sets.  It
 * is vfiod's secret: it is in no log, and no client has it.
 */
struct vfio_token {
	bool is; /* there is one */
	unsigned char bytes[16];
};

/** vfio_group_node() - "/dev/vfio/N", the file that a group's last close is noticed on. */
void vfio_group_node(uint32_t group, char path[32]);

/**
 * vfio_open_group() - open an IOMMU group, and check that it is viable: no function of it has a host driver.
 * @fd: the caller's to close
 *
 * Return: 0, or -EBUSY (somebody has it open), -EPERM (it is not viable), -ENOENT (no node), with the reason in
 * @failure.
 */
int vfio_open_group(uint32_t group, int *fd, struct failure *failure);

/**
 * vfio_await_group() - the same; where somebody has it open, wait until that is over, but not longer than @limit_ms.
 *
 * The kernel tells of a close before it carries it out (__fput() in fs/file_table.c), and to detach a group from much
 * pinned memory takes its time: until that is done the group says EBUSY.  After that somebody else has opened it, whose
 * close will be told too.
 */
int vfio_await_group(uint32_t group, unsigned int limit_ms, int *fd, struct failure *failure);

/**
 * vfio_try_group() - would the kernel let a user have functions of this group?
 *
 * Opens it in a container with a type1v2 IOMMU, which the kernel refuses where the group is not viable or where
 * interrupts are not remapped, and closes both again.
 */
int vfio_try_group(uint64_t address, uint32_t group, struct failure *failure);

/**
 * vfio_open_device() - open a function in a container of its own, with a type1v2 IOMMU set.
 * @token: what it takes, see above; to a physical function, none of whose virtual ones is open, it is given so
 * @files: all three, the caller's to close with vfio_close()
 *
 * Waits for a function that is being reset or recovers from an error, up to two seconds.
 */
int vfio_open_device(uint64_t address, uint32_t group, const struct vfio_token *token, struct vfio_files *files,
		     struct failure *failure);

/** vfio_has_iommufd() - whether this kernel has iommufd (CONFIG_IOMMUFD), loaded or to be loaded. */
bool vfio_has_iommufd(void);

/**
 * vfio_open_iommufd() - open a function by its own file, /dev/vfio/devices/vfioN, and an iommufd for it.
 * @files: device and iommufd, the caller's to close with vfio_close()
 *
 * Neither is bound to the other yet (VFIO_DEVICE_BIND_IOMMUFD), which the client does, and is when the function is
 * opened.  What the iommufd pins counts against the process that maps it, and not against all of its user
 * (IOMMU_OPTION_RLIMIT_MODE), as with a container.
 *
 * Return: 0; -EOPNOTSUPP: the kernel has no such files (CONFIG_VFIO_DEVICE_CDEV); or another negative errno.
 */
int vfio_open_iommufd(uint64_t address, struct vfio_files *files, struct failure *failure);

/**
 * vfio_watch_unplug() - have the kernel say when it waits for the device to be closed.
 *
 * It does so when the function is unplugged, or taken from its driver.  A client may ask for the same, and takes its
 * place.  Where it cannot be watched the kernel waits until the device is closed for another reason.
 *
 * Return: 0, or a negative errno; @files are as before.
 */
int vfio_watch_unplug(struct vfio_files *files, struct failure *failure);

/** vfio_close() - close what is open of @files. */
void vfio_close(struct vfio_files *files);

#endif
