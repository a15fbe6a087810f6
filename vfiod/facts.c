/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vfiod/facts.h"

#include "proto/address.h"
#include "vfiod/driver.h"
#include "vfiod/sysfs.h"

#include <errno.h>
#include <libudev.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool facts_is_want(int error)
{
	return error == ENOMEM || error == EMFILE || error == ENFILE;
}

/* An attribute, or NULL: there is none, or it could not be read for want of something: @err is set then. */
static const char *attribute_of(struct udev_device *dev, const char *attribute, int *err)
{
	const char *text;

	errno = 0;
	text = udev_device_get_sysattr_value(dev, attribute);
	if (!text && facts_is_want(errno))
		*err = -errno;
	return text;
}

/* A number of sysfs, hexadecimal behind 0x; @otherwise where there is none. */
static uint32_t number(struct udev_device *dev, const char *attribute, uint32_t otherwise, int *err)
{
	const char *text = attribute_of(dev, attribute, err);
	char *end;
	long long value;

	if (!text)
		return otherwise;
	value = strtoll(text, &end, 0);
	/* the node of a machine without NUMA reads -1 */
	return end == text || value < 0 ? otherwise : (uint32_t)value;
}

/* Text that not every function has; empty where it is longer, too. */
static void text_of(uint64_t address, const char *attribute, char *text, size_t size, int *err)
{
	int result = sysfs_read(address, attribute, text, size);

	if (facts_is_want(-result))
		*err = result;
}

/* A driver of VFIO's makes a group of this name (vfio_noiommu_group_alloc() in drivers/vfio/group.c) when it takes a
 * function that has none, where it was told to; others have no name. */
static bool is_of_no_iommu_mode(uint64_t address, int *err)
{
	char name[VFIOD_NAME_MAX];

	text_of(address, "iommu_group/name", name, sizeof(name), err);
	return !strcmp(name, "vfio-noiommu");
}

static void read_group(struct facts *facts, int *err)
{
	char number[VFIOD_NAME_MAX];

	facts->no_iommu = is_of_no_iommu_mode(facts->address, err);
	facts->group = VFIOD_NONE;
	if (!facts->no_iommu && !sysfs_link(facts->address, "iommu_group", number, sizeof(number)))
		facts->group = (uint32_t)strtoul(number, NULL, 10);
}

uint32_t facts_count_vfs(uint64_t address)
{
	char link[VFIOD_NAME_MAX], target[VFIOD_NAME_MAX];
	uint32_t count = 0;

	do
		snprintf(link, sizeof(link), "virtfn%u", count);
	while (!sysfs_link(address, link, target, sizeof(target)) && ++count);
	return count;
}

static bool is_strict(const char *driver)
{
	return !strcmp(driver, DRIVER_STRICT) || (!strcmp(driver, DRIVER_STOCK) && driver_is_disguised());
}

/* How many events, about anything, the kernel has sent; 0: that is not known. */
static uint64_t count_events(void)
{
	char text[24];

	return sysfs_read_file("/sys/kernel/uevent_seqnum", text, sizeof(text)) ? 0 : strtoull(text, NULL, 10);
}

/* Virtual functions may be on a further bus than their parent, with the numbers of another one on the parent's. */
static void read_place(struct udev_device *dev, struct facts *facts)
{
	char parent[VFIOD_NAME_MAX];

	facts->is_virtual = !sysfs_link(facts->address, "physfn", parent, sizeof(parent)) &&
			    !proto_address_parse(parent, &facts->physical_function);
	facts->parent = topology_parent(udev_device_get_syspath(dev));
	if (!facts->is_virtual)
		topology_of(udev_device_get_syspath(dev), facts->path);
}

/* Every function has these.  Read in part, for want of something, it would be taken for another one in its place. */
static bool is_readable(struct udev_device *dev, int *err)
{
	static const char *const attributes[] = { "vendor", "device", "subsystem_vendor", "subsystem_device", "class" };

	for (size_t i = 0; i < sizeof(attributes) / sizeof(attributes[0]); i++)
		if (!attribute_of(dev, attributes[i], err))
			return false;
	return true;
}

int facts_from_udev(struct udev_device *dev, struct facts *facts)
{
	struct facts found = { 0 };
	const char *name = udev_device_get_sysname(dev);
	const char *driver;
	int err = 0;

	if (!name)
		return -ENOMEM;
	if (proto_address_parse(name, &found.address))
		return -EINVAL;
	found.seen = count_events(); /* before the rest: it may go, and be told to have gone, while that is read */
	if (!is_readable(dev, &err))
		return err ? err : -ENODEV;
	found.vendor = (uint16_t)number(dev, "vendor", 0xffff, &err);
	found.device = (uint16_t)number(dev, "device", 0xffff, &err);
	found.subsystem_vendor = (uint16_t)number(dev, "subsystem_vendor", 0, &err);
	found.subsystem_device = (uint16_t)number(dev, "subsystem_device", 0, &err);
	found.class_code = number(dev, "class", 0, &err);
	found.numa_node = number(dev, "numa_node", VFIOD_NONE, &err);
	found.vfs = facts_count_vfs(found.address);
	found.boot_display = number(dev, "boot_vga", 0, &err) == 1;
	read_group(&found, &err);
	errno = 0;
	driver = udev_device_get_driver(dev);
	if (!driver && facts_is_want(errno))
		err = -errno;
	snprintf(found.driver, sizeof(found.driver), "%s", driver ? driver : "");
	found.strict = is_strict(found.driver);
	facts_note_host_driver(&found, found.driver);
	read_place(dev, &found);
	text_of(found.address, "label", found.label, sizeof(found.label), &err);
	text_of(found.address, "reset_method", found.reset, sizeof(found.reset), &err);
	if (!err)
		*facts = found;
	return err;
}

int facts_read(struct udev *udev, uint64_t address, struct facts *facts)
{
	char name[PROTO_ADDRESS_LEN];
	struct udev_device *dev;
	int err;

	errno = 0;
	dev = udev_device_new_from_subsystem_sysname(udev, "pci", proto_address_format(address, name));
	if (!dev)
		return facts_is_want(errno) ? -errno : -ENODEV;
	err = facts_from_udev(dev, facts);
	udev_device_unref(dev);
	return err;
}

void facts_refresh_driver(struct facts *facts)
{
	sysfs_link(facts->address, "driver", facts->driver, sizeof(facts->driver));
	facts->strict = is_strict(facts->driver);
	facts_note_host_driver(facts, facts->driver);
}

void facts_note_host_driver(struct facts *facts, const char *driver)
{
	if (driver[0] && !driver_is_vfio(driver))
		snprintf(facts->host_driver, sizeof(facts->host_driver), "%s", driver);
}

bool facts_is_bridge(const struct facts *facts)
{
	return facts->class_code >> 16 == 0x06;
}

bool facts_on_vfio(const struct facts *facts)
{
	return driver_is_vfio(facts->driver);
}
