/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libvfiodma/type1.h"

#include "libvfiodma/kernel_info.h"
#include "libvfiodma/vfiodma.h"

#include <errno.h>
#include <linux/vfio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

static int copy_ranges(const void *from, size_t size, size_t count, struct iova_range **ranges)
{
	struct iova_range *copy;

	if (count > size / sizeof(struct vfio_iova_range))
		return -EBADMSG;
	copy = calloc(count ? count : 1, sizeof(*copy));
	if (!copy)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		struct vfio_iova_range range;

		memcpy(&range, (const char *)from + i * sizeof(range), sizeof(range));
		copy[i] = (struct iova_range){ range.start, range.end };
	}
	*ranges = copy;
	return 0;
}

static int parse_info(const struct vfio_iommu_type1_info *info, size_t size, uint64_t *granule,
		      struct iova_range **ranges, size_t *count)
{
	struct vfio_iommu_type1_info_cap_iova_range cap;
	uint32_t first = info->flags & VFIO_IOMMU_INFO_CAPS ? info->cap_offset : 0;
	const void *rest;
	size_t rest_size;
	int err = kernel_info_cap(info, size, first, VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE, &cap, sizeof(cap), &rest,
				  &rest_size);

	if (err == -ENOENT || !(info->flags & VFIO_IOMMU_INFO_PGSIZES) || !info->iova_pgsizes)
		return -EOPNOTSUPP;
	if (err)
		return err;
	err = copy_ranges(rest, rest_size, cap.nr_iovas, ranges);
	if (err)
		return err;
	*count = cap.nr_iovas;
	*granule = info->iova_pgsizes & -info->iova_pgsizes;
	return 0;
}

int type1_info(int container, uint64_t *granule, struct iova_range **ranges, size_t *count)
{
	const struct vfio_iommu_type1_info question = { .argsz = sizeof(question) };
	void *info;
	size_t size;
	int err = kernel_info(container, VFIO_IOMMU_GET_INFO, &question, &info, &size);

	if (err)
		return err;
	err = parse_info(info, size, granule, ranges, count);
	free(info);
	return err;
}

int type1_map(int container, uint64_t iova, void *memory, uint64_t size, unsigned int access)
{
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map),
		.flags = (access & VFIODMA_READ ? VFIO_DMA_MAP_FLAG_READ : 0) |
			 (access & VFIODMA_WRITE ? VFIO_DMA_MAP_FLAG_WRITE : 0),
		.vaddr = (uintptr_t)memory,
		.iova = iova,
		.size = size,
	};

	return ioctl(container, VFIO_IOMMU_MAP_DMA, &map) ? -errno : 0;
}

int type1_unmap(int container, uint64_t iova, uint64_t size)
{
	struct vfio_iommu_type1_dma_unmap unmap = { .argsz = sizeof(unmap), .iova = iova, .size = size };

	if (ioctl(container, VFIO_IOMMU_UNMAP_DMA, &unmap))
		return -errno;
	/* the kernel writes back how much it unmapped */
	return unmap.size == size ? 0 : -EIO;
}
