/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The regions of a device: BARs, ROM, config space. */
#include "libvfiodma/device.h"
#include "libvfiodma/kernel_info.h"

#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/pci_regs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

/* ---- open and close ---- */

int vfiodma_device_open(struct vfiodma_lease *lease, struct vfiodma_device **device)
{
	struct errors *errors = lease->session->errors;
	struct vfio_device_info info = { .argsz = sizeof(info) };
	struct vfiodma_device *new;

	if (lease->device_fd < 0)
		return errors_add(errors, -EINVAL,
				  "the lease of %s has no device: it was acquired with VFIODMA_LEASE_GROUP",
				  lease->address);
	if (lease->iommufd >= 0)
		return errors_add(
			errors, -EOPNOTSUPP,
			"the lease of %s was acquired with VFIODMA_LEASE_IOMMUFD: its program binds the device to "
			"the iommufd, and drives it, itself",
			lease->address);
	if (lease->has_device)
		return errors_add(errors, -EBUSY, "the lease of %s has an open device already", lease->address);
	if (ioctl(lease->device_fd, VFIO_DEVICE_GET_INFO, &info))
		return lease_error(lease, -errno, "VFIO tells nothing of %s: %m", lease->address);
	if (!(info.flags & VFIO_DEVICE_FLAGS_PCI))
		return errors_add(errors, -EINVAL, "%s is not a PCI device to VFIO", lease->address);
	new = calloc(1, sizeof(*new));
	if (!new)
		return errors_add(errors, -ENOMEM, "no memory to open %s", lease->address);
	new->lease = lease;
	new->region_count = info.num_regions < VFIO_PCI_NUM_REGIONS ? info.num_regions : VFIO_PCI_NUM_REGIONS;
	new->irq_count = info.num_irqs < VFIO_PCI_NUM_IRQS ? info.num_irqs : VFIO_PCI_NUM_IRQS;
	lease->has_device = true;
	*device = new;
	return 0;
}

void vfiodma_device_close(struct vfiodma_device *device)
{
	if (!device)
		return;
	for (unsigned int i = 0; i < VFIO_PCI_NUM_IRQS; i++)
		vfiodma_irq_disable(device, i);
	for (unsigned int i = 0; i < VFIO_PCI_NUM_REGIONS; i++)
		if (device->maps[i].base)
			munmap(device->maps[i].base, device->maps[i].size);
	device->lease->has_device = false;
	free(device);
}

int vfiodma_device_reset(struct vfiodma_device *device)
{
	if (!ioctl(device->lease->device_fd, VFIO_DEVICE_RESET))
		return 0;
	return lease_error(device->lease, -errno, "cannot reset %s: %m", device->lease->address);
}

/* ---- what regions there are ---- */

static const char *region_name(unsigned int index)
{
	static const char *const names[] = {
		[VFIO_PCI_BAR0_REGION_INDEX] = "BAR 0",	    [VFIO_PCI_BAR1_REGION_INDEX] = "BAR 1",
		[VFIO_PCI_BAR2_REGION_INDEX] = "BAR 2",	    [VFIO_PCI_BAR3_REGION_INDEX] = "BAR 3",
		[VFIO_PCI_BAR4_REGION_INDEX] = "BAR 4",	    [VFIO_PCI_BAR5_REGION_INDEX] = "BAR 5",
		[VFIO_PCI_ROM_REGION_INDEX] = "ROM",	    [VFIO_PCI_CONFIG_REGION_INDEX] = "config space",
		[VFIO_PCI_VGA_REGION_INDEX] = "VGA region",
	};

	return index < sizeof(names) / sizeof(names[0]) ? names[index] : "such region";
}

/* Regions are asked for when they are used: asking for the ROM makes the kernel read it. */
static int region_info(struct vfiodma_device *device, unsigned int index, struct vfio_region_info *info)
{
	struct vfio_region_info answer = { .argsz = sizeof(answer), .index = index };

	if (index < device->region_count && !ioctl(device->lease->device_fd, VFIO_DEVICE_GET_REGION_INFO, &answer)) {
		*info = answer;
		return 0;
	}
	/* EINVAL is how the kernel says that there is none */
	if (index < device->region_count && errno != EINVAL)
		return lease_error(device->lease, -errno, "VFIO tells nothing of %s of %s: %m", region_name(index),
				   device->lease->address);
	*info = (struct vfio_region_info){ .index = index };
	return 0;
}

static int existing_region(struct vfiodma_device *device, unsigned int index, struct vfio_region_info *info)
{
	struct vfio_region_info found = { 0 };
	int err = region_info(device, index, &found);

	if (err)
		return err;
	if (!found.size)
		return errors_add(device->lease->session->errors, -EINVAL, "%s has no %s (region %u)",
				  device->lease->address, region_name(index), index);
	*info = found;
	return 0;
}

int vfiodma_region_size(struct vfiodma_device *device, unsigned int index, uint64_t *size)
{
	struct vfio_region_info info = { 0 };
	int err = region_info(device, index, &info);

	if (!err)
		*size = info.size;
	return err;
}

/* ---- mapped ---- */

/*
 * The areas that may be mapped; a kernel that lists none means the whole region.
 *
 * Return: 0 with @areas, to be freed; -EOPNOTSUPP (none), -EBADMSG (areas that are not in the region, or not of whole
 * pages), -ENOMEM, or what the kernel said.
 */
static int mappable_areas(struct vfiodma_device *device, const struct vfio_region_info *info,
			  struct vfio_region_sparse_mmap_area **areas, size_t *count)
{
	const struct vfio_region_info question = { .argsz = sizeof(question), .index = info->index };
	struct vfio_region_info_cap_sparse_mmap sparse = { .nr_areas = 1 };
	const struct vfio_region_sparse_mmap_area whole = { .size = info->size };
	size_t size, list_size = sizeof(whole);
	const void *list = &whole;
	void *full = NULL;
	int err = 0;

	if (!(info->flags & VFIO_REGION_INFO_FLAG_MMAP))
		return -EOPNOTSUPP;
	if (info->flags & VFIO_REGION_INFO_FLAG_CAPS)
		err = kernel_info(device->lease->device_fd, VFIO_DEVICE_GET_REGION_INFO, &question, &full, &size);
	if (!err && full)
		err = kernel_info_cap(full, size, ((struct vfio_region_info *)full)->cap_offset,
				      VFIO_REGION_INFO_CAP_SPARSE_MMAP, &sparse, sizeof(sparse), &list, &list_size);
	if (err == -ENOENT)
		err = 0;
	if (!err && sparse.nr_areas > list_size / sizeof(whole))
		err = -EBADMSG;
	if (!err && !sparse.nr_areas)
		err = -EOPNOTSUPP;
	if (!err) {
		*count = sparse.nr_areas;
		*areas = malloc(*count * sizeof(whole));
		if (*areas)
			memcpy(*areas, list, *count * sizeof(whole));
		else
			err = -ENOMEM;
	}
	free(full);
	return err;
}

static bool area_fits(const struct vfio_region_sparse_mmap_area *area, uint64_t region_size, uint64_t page)
{
	return area->offset % page == 0 && area->offset <= region_size && area->size <= region_size - area->offset;
}

/* Maps @areas where they belong in @base. Return: 0 or a negative errno. */
static int map_areas(struct vfiodma_device *device, const struct vfio_region_info *info, char *base,
		     const struct vfio_region_sparse_mmap_area *areas, size_t count)
{
	int protection = (info->flags & VFIO_REGION_INFO_FLAG_READ ? PROT_READ : 0) |
			 (info->flags & VFIO_REGION_INFO_FLAG_WRITE ? PROT_WRITE : 0);
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);

	for (size_t i = 0; i < count; i++) {
		if (!area_fits(&areas[i], info->size, page))
			return -EBADMSG;
		if (areas[i].size &&
		    mmap(base + areas[i].offset, (size_t)areas[i].size, protection, MAP_SHARED | MAP_FIXED,
			 device->lease->device_fd, (off_t)(info->offset + areas[i].offset)) == MAP_FAILED)
			return -errno;
	}
	return 0;
}

/* The region's own range of addresses, with the areas in it. */
static int map_sparse(struct vfiodma_device *device, const struct vfio_region_info *info)
{
	struct vfio_region_sparse_mmap_area *areas;
	size_t count;
	void *base;
	int err = info->size > SIZE_MAX ? -EOPNOTSUPP : mappable_areas(device, info, &areas, &count);

	if (err)
		return err;
	base = mmap(NULL, (size_t)info->size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	err = base == MAP_FAILED ? -errno : map_areas(device, info, base, areas, count);
	free(areas);
	if (err) {
		if (base != MAP_FAILED)
			munmap(base, (size_t)info->size);
		return err;
	}
	/* a child would keep the lease alive by it */
	madvise(base, (size_t)info->size, MADV_DONTFORK);
	device->maps[info->index].base = base;
	device->maps[info->index].size = info->size;
	return 0;
}

static int map_region(struct vfiodma_device *device, unsigned int index)
{
	struct vfio_region_info info = { 0 };
	int err = existing_region(device, index, &info);

	if (err)
		return err;
	err = map_sparse(device, &info);
	if (err == -EOPNOTSUPP)
		return lease_error(device->lease, err,
				   "%s of %s cannot be mapped: use vfiodma_region_read() and vfiodma_region_write()",
				   region_name(index), device->lease->address);
	if (err)
		return lease_error(device->lease, err, "cannot map %s of %s: %s", region_name(index),
				   device->lease->address, strerror(-err));
	return 0;
}

int vfiodma_region_map(struct vfiodma_device *device, unsigned int index, void **base, uint64_t *size)
{
	if (index >= VFIO_PCI_NUM_REGIONS || !device->maps[index].base) {
		int err = map_region(device, index);

		if (err)
			return err;
	}
	*base = device->maps[index].base;
	if (size)
		*size = device->maps[index].size;
	return 0;
}

/* ---- through the kernel ---- */

/* Where @length bytes at @offset of a region are in the device's file. */
static int region_position(struct vfiodma_device *device, unsigned int index, uint64_t offset, size_t length,
			   off_t *position)
{
	struct vfio_region_info info = { 0 };
	int err = existing_region(device, index, &info);

	if (err)
		return err;
	if (offset > info.size || length > info.size - offset)
		return errors_add(device->lease->session->errors, -EINVAL,
				  "%zu bytes at 0x%" PRIx64 " are not in %s of %s, which has 0x%" PRIx64 " bytes",
				  length, offset, region_name(index), device->lease->address, (uint64_t)info.size);
	*position = (off_t)(info.offset + offset);
	return 0;
}

/* @done is what pread() or pwrite() gave: a part counts as a failure, since nobody can tell what it means to a device
 */
static int access_result(struct vfiodma_device *device, const char *verb, unsigned int index, uint64_t offset,
			 size_t length, ssize_t done)
{
	int err = done < 0 ? -errno : -EIO;

	if (done >= 0 && (size_t)done == length)
		return 0;
	return lease_error(device->lease, err, "cannot %s %zu bytes at 0x%" PRIx64 " of %s of %s: %s", verb, length,
			   offset, region_name(index), device->lease->address, strerror(-err));
}

int vfiodma_region_read(struct vfiodma_device *device, unsigned int index, uint64_t offset, void *data, size_t length)
{
	off_t position = 0;
	int err = region_position(device, index, offset, length, &position);

	if (err)
		return err;
	return access_result(device, "read", index, offset, length,
			     pread(device->lease->device_fd, data, length, position));
}

int vfiodma_region_write(struct vfiodma_device *device, unsigned int index, uint64_t offset, const void *data,
			 size_t length)
{
	off_t position = 0;
	int err = region_position(device, index, offset, length, &position);

	if (err)
		return err;
	return access_result(device, "write", index, offset, length,
			     pwrite(device->lease->device_fd, data, length, position));
}

int vfiodma_bus_master(struct vfiodma_device *device, bool enable)
{
	uint16_t command;
	int err = vfiodma_region_read(device, VFIO_PCI_CONFIG_REGION_INDEX, PCI_COMMAND, &command, sizeof(command));

	if (err)
		return err;
	if (enable)
		command |= htole16(PCI_COMMAND_MASTER);
	else
		command &= (uint16_t)~htole16(PCI_COMMAND_MASTER);
	return vfiodma_region_write(device, VFIO_PCI_CONFIG_REGION_INDEX, PCI_COMMAND, &command, sizeof(command));
}
