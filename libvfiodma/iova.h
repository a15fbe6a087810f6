/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The IOVA allocator: which I/O addresses of a domain are free.  Pure computation without locks.
 *
 * What is free is kept as an array in ascending order: finding a neighbour is a binary search, the first fit is a
 * scan.  Nothing of that shows here, so that a tree can take its place when somebody maps often enough to notice.
 */
#ifndef VFIODMA_IOVA_H
#define VFIODMA_IOVA_H

#include <stddef.h>
#include <stdint.h>

/* Both ends belong to it, so that the whole 64-bit space is a range. */
struct iova_range {
	uint64_t first, last;
};

struct iova_space;

/**
 * iova_space_new() - an address space that is free throughout.
 * @ranges: what the IOMMU can translate, in any order; they may touch and overlap
 * @count: of @ranges
 * @last: the highest address that the device can drive
 * @granule: the page size, a power of two; the first page is never handed out, since 0 passes for "no address"
 * @space: the caller's to free with iova_space_free()
 *
 * Return: 0, -EINVAL (@granule is not a power of two, a range ends before it begins), -ENOSPC (no page is left),
 * -ENOMEM.
 */
int iova_space_new(const struct iova_range *ranges, size_t count, uint64_t last, uint64_t granule,
		   struct iova_space **space);

void iova_space_free(struct iova_space *space);

/**
 * iova_alloc() - the lowest free addresses that fit.
 * @size: in bytes, a multiple of the granule
 * @iova: a multiple of the granule; of 2 MiB where @size is at least that and such a place is left, so that the IOMMU
 *        can use its large pages
 *
 * Return: 0, -EINVAL (@size), -ENOSPC, -ENOMEM.
 */
int iova_alloc(struct iova_space *space, uint64_t size, uint64_t *iova);

/**
 * iova_release() - give back what iova_alloc() gave, whole.  It needs no memory.
 *
 * Return: 0, or -EINVAL when some of it is free already, or cannot have been handed out.
 */
int iova_release(struct iova_space *space, uint64_t iova, uint64_t size);

#endif
