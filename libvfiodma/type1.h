/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A container with the type1 IOMMU: its ioctls (linux/vfio.h), and nothing of ours. */
#ifndef VFIODMA_TYPE1_H
#define VFIODMA_TYPE1_H

#include "libvfiodma/iova.h"

/**
 * type1_info() - what the IOMMU of a container can translate.
 * @granule: its smallest page
 * @ranges: usable I/O addresses, the caller's to free(3)
 * @count: of @ranges
 *
 * Return: 0, -EOPNOTSUPP (the kernel does not tell, as before Linux 5.4), -EBADMSG, -ENOMEM, or what the ioctl says.
 */
int type1_info(int container, uint64_t *granule, struct iova_range **ranges, size_t *count);

/** type1_map() - let the device reach @memory at @iova; @access is VFIODMA_READ and VFIODMA_WRITE. */
int type1_map(int container, uint64_t iova, void *memory, uint64_t size, unsigned int access);

/** type1_unmap() - undo it. Return: 0, or -EIO when the kernel had something else mapped there. */
int type1_unmap(int container, uint64_t iova, uint64_t size);

#endif
