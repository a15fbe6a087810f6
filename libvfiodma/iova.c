/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libvfiodma/iova.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define LARGE_PAGE (UINT64_C(2) << 20)

struct iova_space {
	struct iova_range *holes; /* what is free: ascending, apart from each other by a byte at least */
	size_t count;
	/* Each area handed out can cut one hole in two.  Room for that is made when it is handed out, so that giving it
	 * back never needs memory: capacity >= the holes at the start + areas. */
	size_t capacity;
	size_t areas; /* handed out */
	size_t holes_at_start;
	uint64_t granule;
};

/* ---- the beginning ---- */

static int compare_ranges(const void *left, const void *right)
{
	uint64_t a = ((const struct iova_range *)left)->first, b = ((const struct iova_range *)right)->first;

	return a < b ? -1 : a > b;
}

/* Cuts a range to whole pages above the first one and not above @last; false: nothing of it is left. */
static bool clip(struct iova_range *range, uint64_t last, uint64_t granule)
{
	uint64_t mask = granule - 1;

	if (range->first < granule)
		range->first = granule;
	if (range->last > last)
		range->last = last;
	if (range->first > UINT64_MAX - mask)
		return false;
	range->first = (range->first + mask) & ~mask;
	if ((range->last & mask) != mask) {
		if (range->last < granule)
			return false;
		range->last = (range->last & ~mask) - 1;
	}
	return range->first <= range->last;
}

/* Adds a range whose start is not below that of the ranges before it. */
static void add_hole(struct iova_space *space, const struct iova_range *range)
{
	struct iova_range *top = space->count ? &space->holes[space->count - 1] : NULL;

	if (!top || (range->first > top->last && range->first - 1 > top->last))
		space->holes[space->count++] = *range;
	else if (range->last > top->last)
		top->last = range->last;
}

static int check_ranges(const struct iova_range *ranges, size_t count, uint64_t granule)
{
	if (!granule || granule & (granule - 1))
		return -EINVAL;
	for (size_t i = 0; i < count; i++)
		if (ranges[i].first > ranges[i].last)
			return -EINVAL;
	return 0;
}

int iova_space_new(const struct iova_range *ranges, size_t count, uint64_t last, uint64_t granule,
		   struct iova_space **space)
{
	struct iova_range *sorted = NULL;
	struct iova_space *new;
	int err = check_ranges(ranges, count, granule);

	if (err)
		return err;
	if (!count)
		return -ENOSPC;
	new = calloc(1, sizeof(*new));
	if (!new)
		return -ENOMEM;
	sorted = calloc(count, sizeof(*sorted));
	new->holes = calloc(count, sizeof(*new->holes));
	err = -ENOMEM;
	if (!sorted || !new->holes)
		goto free_all;
	new->capacity = count;
	new->granule = granule;
	memcpy(sorted, ranges, count * sizeof(*sorted));
	qsort(sorted, count, sizeof(*sorted), compare_ranges);
	for (size_t i = 0; i < count; i++)
		if (clip(&sorted[i], last, granule))
			add_hole(new, &sorted[i]);
	new->holes_at_start = new->count;
	err = -ENOSPC;
	if (!new->count)
		goto free_all;
	free(sorted);
	*space = new;
	return 0;

free_all:
	free(sorted);
	iova_space_free(new);
	return err;
}

void iova_space_free(struct iova_space *space)
{
	if (!space)
		return;
	free(space->holes);
	free(space);
}

/* ---- handing out ---- */

/* Makes room for the holes that there may be once another area is handed out. */
static int reserve(struct iova_space *space)
{
	size_t need = space->holes_at_start + space->areas + 1;
	size_t capacity = space->capacity;
	struct iova_range *grown;

	if (need <= capacity)
		return 0;
	capacity = need > capacity * 2 ? need : capacity * 2;
	grown = reallocarray(space->holes, capacity, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	space->holes = grown;
	space->capacity = capacity;
	return 0;
}

static bool fits(const struct iova_range *hole, uint64_t size, uint64_t alignment, uint64_t *iova)
{
	uint64_t mask = alignment - 1, start;

	if (hole->first > UINT64_MAX - mask)
		return false;
	start = (hole->first + mask) & ~mask;
	if (start > hole->last || hole->last - start < size - 1)
		return false;
	*iova = start;
	return true;
}

static void insert_hole(struct iova_space *space, size_t at, uint64_t first, uint64_t last)
{
	memmove(&space->holes[at + 1], &space->holes[at], (space->count - at) * sizeof(space->holes[0]));
	space->holes[at] = (struct iova_range){ first, last };
	space->count++;
}

static void remove_hole(struct iova_space *space, size_t at)
{
	space->count--;
	memmove(&space->holes[at], &space->holes[at + 1], (space->count - at) * sizeof(space->holes[0]));
}

/* Takes @first to @last out of a hole that contains them. */
static void cut(struct iova_space *space, size_t at, uint64_t first, uint64_t last)
{
	struct iova_range *hole = &space->holes[at];

	if (hole->first == first && hole->last == last) {
		remove_hole(space, at);
	} else if (hole->first == first) {
		hole->first = last + 1;
	} else if (hole->last == last) {
		hole->last = first - 1;
	} else {
		uint64_t end = hole->last;

		hole->last = first - 1;
		insert_hole(space, at + 1, last + 1, end);
	}
}

static bool first_fit(struct iova_space *space, uint64_t size, uint64_t alignment, uint64_t *iova)
{
	for (size_t i = 0; i < space->count; i++) {
		if (!fits(&space->holes[i], size, alignment, iova))
			continue;
		cut(space, i, *iova, *iova + (size - 1));
		space->areas++;
		return true;
	}
	return false;
}

int iova_alloc(struct iova_space *space, uint64_t size, uint64_t *iova)
{
	uint64_t found;
	int err;

	if (!size || size & (space->granule - 1))
		return -EINVAL;
	err = reserve(space);
	if (err)
		return err;
	if (!(size >= LARGE_PAGE && space->granule < LARGE_PAGE && first_fit(space, size, LARGE_PAGE, &found)) &&
	    !first_fit(space, size, space->granule, &found))
		return -ENOSPC;
	*iova = found;
	return 0;
}

/* ---- taking back ---- */

/* The first hole that ends at or above @iova; space->count: there is none. */
static size_t hole_at_or_above(const struct iova_space *space, uint64_t iova)
{
	size_t low = 0, high = space->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (space->holes[middle].last < iova)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

int iova_release(struct iova_space *space, uint64_t iova, uint64_t size)
{
	uint64_t mask = space->granule - 1, last = iova + (size - 1);
	size_t at = hole_at_or_above(space, iova);
	bool joins_below, joins_above;

	if (!size || (size | iova) & mask || iova < space->granule || last < iova || !space->areas)
		return -EINVAL;
	if (at < space->count && space->holes[at].first <= last)
		return -EINVAL;
	joins_below = at > 0 && space->holes[at - 1].last == iova - 1;
	joins_above = at < space->count && space->holes[at].first - 1 == last;
	if (joins_below && joins_above) {
		space->holes[at - 1].last = space->holes[at].last;
		remove_hole(space, at);
	} else if (joins_below) {
		space->holes[at - 1].last = last;
	} else if (joins_above) {
		space->holes[at].first = iova;
	} else if (space->count < space->capacity) {
		insert_hole(space, at, iova, last);
	} else {
		return -EINVAL;
	}
	space->areas--;
	return 0;
}
