/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The memory that a device may reach: which of it is mapped, where, and by whom it was allocated. */
#include "libvfiodma/iova.h"
#include "libvfiodma/lease.h"
#include "libvfiodma/type1.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

struct vfiodma_domain {
	struct vfiodma_lease *lease;
	uint64_t granule; /* every address and size is a multiple of it */
	unsigned int width;

	/* Protects all below.  It is not held while the kernel maps or unmaps: pinning much memory takes long, and the
	 * kernel has a lock of its own.  A mapping's "busy" keeps other threads away meanwhile. */
	pthread_mutex_t lock;
	struct iova_space *space;
	void *by_iova;	 /* tsearch(3) tree of all mappings */
	void *by_memory; /* of those whose memory is ours */
	uint64_t mapped; /* bytes */
};

struct mapping {
	uint64_t iova;
	uint64_t size;
	void *memory;
	bool ours; /* the memory is from vfiodma_dma_alloc() */
	bool busy; /* a thread is with the kernel about it: to all others it is not there */
};

static int compare_iova(const void *left, const void *right)
{
	const struct mapping *a = left, *b = right;

	return a->iova < b->iova ? -1 : a->iova > b->iova;
}

static int compare_memory(const void *left, const void *right)
{
	uintptr_t a = (uintptr_t)((const struct mapping *)left)->memory;
	uintptr_t b = (uintptr_t)((const struct mapping *)right)->memory;

	return a < b ? -1 : a > b;
}

/* ---- errors in words ---- */

struct size_text {
	char text[32];
};

static struct size_text size_text(uint64_t size)
{
	static const char *const units[] = { "bytes", "KiB", "MiB", "GiB", "TiB" };
	struct size_text result;
	unsigned int unit = 0;

	while (unit < 4 && size >= 1024 && size % 1024 == 0) {
		size /= 1024;
		unit++;
	}
	snprintf(result.text, sizeof(result.text), "%" PRIu64 " %s", size, units[unit]);
	return result;
}

static int explain_no_memory(struct vfiodma_domain *domain, uint64_t size, uint64_t already)
{
	struct errors *errors = domain->lease->session->errors;
	struct rlimit limit;

	if (getrlimit(RLIMIT_MEMLOCK, &limit) || limit.rlim_cur == RLIM_INFINITY)
		return errors_add(errors, -ENOMEM, "cannot map %s for DMA: the kernel is out of memory",
				  size_text(size).text);
	return errors_add(errors, -ENOMEM,
			  "cannot map %s for DMA: RLIMIT_MEMLOCK is %s, and %s are mapped already: raise it with "
			  "\"ulimit -l\", LimitMEMLOCK= of a systemd unit, or /etc/security/limits.conf",
			  size_text(size).text, size_text(limit.rlim_cur).text, size_text(already).text);
}

static int explain_map(struct vfiodma_domain *domain, const struct mapping *mapping, uint64_t already, int err)
{
	struct errors *errors = domain->lease->session->errors;
	struct size_text size = size_text(mapping->size);

	switch (err) {
	case -ENOMEM:
		return explain_no_memory(domain, mapping->size, already);
	case -EFAULT:
		return errors_add(
			errors, err,
			"cannot map %s at %p for DMA: not all of it is memory of this process that allows the "
			"access asked for",
			size.text, mapping->memory);
	case -EEXIST:
		return errors_add(errors, err,
				  "cannot map %s for DMA: I/O address 0x%" PRIx64 " is in use already, by a map that "
				  "libvfiodma does not know of",
				  size.text, mapping->iova);
	case -EINVAL:
		return errors_add(errors, err,
				  "cannot map %s for DMA: the kernel refuses I/O addresses from 0x%" PRIx64, size.text,
				  mapping->iova);
	case -ENOSPC:
		return errors_add(errors, err,
				  "cannot map %s for DMA: the container has as many maps as it may have (parameter "
				  "dma_entry_limit of the kernel module vfio_iommu_type1): use fewer and larger ones",
				  size.text);
	default:
		return lease_error(domain->lease, err, "cannot map %s for DMA: %s", size.text, strerror(-err));
	}
}

static int explain_reserve(struct vfiodma_domain *domain, uint64_t size, int err)
{
	struct errors *errors = domain->lease->session->errors;

	if (err == -ENOSPC)
		return errors_add(
			errors, err,
			"cannot map %s for DMA: that much is not free in one piece of the I/O addresses below "
			"2^%u that %s can use",
			size_text(size).text, domain->width, domain->lease->address);
	return errors_add(errors, err, "no memory to keep account of a DMA map");
}

/* ---- mappings ---- */

/* Finds an I/O address and enters the mapping as busy.  The lock is held. */
static int enter(struct vfiodma_domain *domain, struct mapping *mapping)
{
	int err = iova_alloc(domain->space, mapping->size, &mapping->iova);

	if (err)
		return err;
	mapping->busy = true;
	if (!tsearch(mapping, &domain->by_iova, compare_iova))
		goto release_iova;
	if (mapping->ours && !tsearch(mapping, &domain->by_memory, compare_memory))
		goto leave_by_iova;
	domain->mapped += mapping->size;
	return 0;

leave_by_iova:
	tdelete(mapping, &domain->by_iova, compare_iova);
release_iova:
	iova_release(domain->space, mapping->iova, mapping->size);
	return -ENOMEM;
}

/* Undoes enter(). */
static void leave(struct vfiodma_domain *domain, struct mapping *mapping)
{
	domain->mapped -= mapping->size;
	if (mapping->ours)
		tdelete(mapping, &domain->by_memory, compare_memory);
	tdelete(mapping, &domain->by_iova, compare_iova);
	iova_release(domain->space, mapping->iova, mapping->size);
}

/* Looks a mapping up that nobody is busy with, and makes it busy.  -EINVAL: it is not of @size; 0 goes for every size.
 */
static int claim(struct vfiodma_domain *domain, const struct mapping *key, bool ours, uint64_t size,
		 struct mapping **mapping)
{
	struct mapping **node;
	int err = 0;

	pthread_mutex_lock(&domain->lock);
	node = ours ? tfind(key, &domain->by_memory, compare_memory) : tfind(key, &domain->by_iova, compare_iova);
	if (!node || (*node)->busy || (*node)->ours != ours) {
		err = -ENOENT;
	} else if (size && (*node)->size != size) {
		err = -EINVAL;
	} else {
		(*node)->busy = true;
		*mapping = *node;
	}
	pthread_mutex_unlock(&domain->lock);
	return err;
}

static int map(struct vfiodma_domain *domain, struct mapping *mapping, unsigned int access)
{
	uint64_t already;
	int err;

	pthread_mutex_lock(&domain->lock);
	already = domain->mapped;
	err = enter(domain, mapping);
	pthread_mutex_unlock(&domain->lock);
	if (err)
		return explain_reserve(domain, mapping->size, err);

	err = type1_map(domain->lease->container_fd, mapping->iova, mapping->memory, mapping->size, access);

	pthread_mutex_lock(&domain->lock);
	if (err)
		leave(domain, mapping);
	else
		mapping->busy = false;
	pthread_mutex_unlock(&domain->lock);
	return err ? explain_map(domain, mapping, already, err) : 0;
}

/* Unmaps and forgets a mapping that was claimed; after an error it is as it was. */
static int unmap(struct vfiodma_domain *domain, struct mapping *mapping)
{
	int err = type1_unmap(domain->lease->container_fd, mapping->iova, mapping->size);
	uint64_t iova = mapping->iova;

	if (err == -ENODEV) /* the lease was revoked, and all maps went with it */
		err = 0;
	pthread_mutex_lock(&domain->lock);
	if (err)
		mapping->busy = false;
	else
		leave(domain, mapping);
	pthread_mutex_unlock(&domain->lock);
	if (err)
		return lease_error(domain->lease, err, "cannot unmap I/O address 0x%" PRIx64 " of %s: %s", iova,
				   domain->lease->address, strerror(-err));
	if (mapping->ours)
		munmap(mapping->memory, mapping->size);
	free(mapping);
	return 0;
}

/* ---- the domain ---- */

static int make_space(struct vfiodma_domain *domain)
{
	uint64_t last = domain->width == 64 ? UINT64_MAX : (UINT64_C(1) << domain->width) - 1;
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	struct iova_range *ranges;
	size_t count;
	int err = type1_info(domain->lease->container_fd, &domain->granule, &ranges, &count);

	if (err)
		return err;
	if (domain->granule < page)
		domain->granule = page; /* memory is pinned by the page */
	err = iova_space_new(ranges, count, last, domain->granule, &domain->space);
	free(ranges);
	return err;
}

static int explain_open(struct vfiodma_lease *lease, unsigned int width, int err)
{
	struct errors *errors = lease->session->errors;

	if (err == -EOPNOTSUPP)
		return errors_add(errors, err,
				  "the kernel does not tell which I/O addresses %s can use: Linux 5.4 or newer does",
				  lease->address);
	if (err == -ENOSPC)
		return errors_add(errors, err, "there are no I/O addresses below 2^%u that %s can use", width,
				  lease->address);
	return lease_error(lease, err, "cannot set up DMA for %s: %s", lease->address, strerror(-err));
}

static int check_open(struct vfiodma_lease *lease, unsigned int width)
{
	struct errors *errors = lease->session->errors;

	if (lease->container_fd < 0)
		return errors_add(errors, -EINVAL, "the lease of %s has no container: it was acquired with %s",
				  lease->address, lease->iommufd < 0 ? "VFIODMA_LEASE_GROUP" : "VFIODMA_LEASE_IOMMUFD");
	if (width < 1 || width > 64)
		return errors_add(errors, -EINVAL, "a device cannot drive %u address bits: 1 to 64 make sense", width);
	if (lease->has_domain)
		return errors_add(errors, -EBUSY, "the lease of %s has a domain already", lease->address);
	return 0;
}

int vfiodma_domain_open(struct vfiodma_lease *lease, unsigned int width, struct vfiodma_domain **domain)
{
	struct vfiodma_domain *new;
	int err = check_open(lease, width);

	if (err)
		return err;
	new = calloc(1, sizeof(*new));
	if (!new)
		return explain_open(lease, width, -ENOMEM);
	new->lease = lease;
	new->width = width;
	err = make_space(new);
	if (err) {
		free(new);
		return explain_open(lease, width, err);
	}
	pthread_mutex_init(&new->lock, NULL);
	lease->has_domain = true;
	*domain = new;
	return 0;
}

void vfiodma_domain_close(struct vfiodma_domain *domain)
{
	if (!domain)
		return;
	while (domain->by_iova) {
		struct mapping *mapping = *(struct mapping **)domain->by_iova; /* search.h: a node begins with it */

		/* Memory may go even where this fails: the kernel keeps what the device can reach until the container
		 * is closed. */
		type1_unmap(domain->lease->container_fd, mapping->iova, mapping->size);
		leave(domain, mapping);
		if (mapping->ours)
			munmap(mapping->memory, mapping->size);
		free(mapping);
	}
	iova_space_free(domain->space);
	pthread_mutex_destroy(&domain->lock);
	domain->lease->has_domain = false;
	free(domain);
}

/* ---- map and unmap ---- */

static int map_memory(struct vfiodma_domain *domain, void *memory, size_t size, unsigned int access, bool ours,
		      uint64_t *iova)
{
	struct mapping *mapping = calloc(1, sizeof(*mapping));
	int err;

	if (!mapping)
		return explain_reserve(domain, size, -ENOMEM);
	*mapping = (struct mapping){ .size = size, .memory = memory, .ours = ours };
	err = map(domain, mapping, access);
	if (err) {
		free(mapping);
		return err;
	}
	*iova = mapping->iova;
	return 0;
}

int vfiodma_dma_map(struct vfiodma_domain *domain, void *memory, size_t size, unsigned int access, uint64_t *iova)
{
	struct errors *errors = domain->lease->session->errors;

	if (!size || ((uintptr_t)memory | size) & (domain->granule - 1))
		return errors_add(
			errors, -EINVAL,
			"cannot map %zu bytes at %p for DMA: address and size have to be multiples of the page "
			"size, %s",
			size, memory, size_text(domain->granule).text);
	if (!access || access & ~(VFIODMA_READ | VFIODMA_WRITE))
		return errors_add(errors, -EINVAL,
				  "cannot map for DMA with access 0x%x: it is VFIODMA_READ, VFIODMA_WRITE or both",
				  access);
	return map_memory(domain, memory, size, access, false, iova);
}

int vfiodma_dma_unmap(struct vfiodma_domain *domain, uint64_t iova, size_t size)
{
	struct errors *errors = domain->lease->session->errors;
	const struct mapping key = { .iova = iova };
	struct mapping *mapping;
	int err = size ? claim(domain, &key, false, size, &mapping) : -EINVAL;

	if (err == -ENOENT)
		return errors_add(errors, err, "vfiodma_dma_map() has mapped nothing at I/O address 0x%" PRIx64, iova);
	if (err)
		return errors_add(errors, err,
				  "the map at I/O address 0x%" PRIx64
				  " is not of %zu bytes: it can be unmapped whole only",
				  iova, size);
	return unmap(domain, mapping);
}

int vfiodma_dma_alloc(struct vfiodma_domain *domain, size_t size, void **memory, uint64_t *iova)
{
	struct errors *errors = domain->lease->session->errors;
	size_t mask = (size_t)domain->granule - 1;
	void *pages;
	int err;

	if (!size || size > SIZE_MAX - mask)
		return errors_add(errors, -EINVAL, "cannot allocate %zu bytes for DMA", size);
	size = (size + mask) & ~mask;
	pages = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (pages == MAP_FAILED)
		return errors_add(errors, -errno, "cannot allocate %s for DMA: %m", size_text(size).text);
	/* The device writes to the pages that are here now.  After a fork() they would be shared copy-on-write, and the
	 * first of both processes to write could find itself on a copy that the device never sees. */
	err = madvise(pages, size, MADV_DONTFORK) ? -errno : 0;
	if (err)
		errors_add(errors, err, "cannot keep memory for DMA out of child processes: %s", strerror(-err));
	else
		err = map_memory(domain, pages, size, VFIODMA_READ | VFIODMA_WRITE, true, iova);
	if (err) {
		munmap(pages, size);
		return err;
	}
	*memory = pages;
	return 0;
}

int vfiodma_dma_free(struct vfiodma_domain *domain, void *memory)
{
	const struct mapping key = { .memory = memory };
	struct mapping *mapping;

	if (!memory)
		return 0;
	if (claim(domain, &key, true, 0, &mapping))
		return errors_add(domain->lease->session->errors, -ENOENT,
				  "the memory at %p is not from vfiodma_dma_alloc()", memory);
	return unmap(domain, mapping);
}
