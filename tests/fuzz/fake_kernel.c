/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/fuzz/fake_kernel.h"

#include "proto/address.h"
#include "vfiod/driver.h"
#include "vfiod/sysfs.h"

#include <dirent.h>
#include <errno.h>
#include <libudev.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct fake_kernel fake_kernel;
static int monitor = -1; /* readable as long as there are events */

/* ---- functions ---- */

struct fake_function *fake_function(uint64_t address)
{
	for (size_t i = 0; i < fake_kernel.count; i++)
		if (fake_kernel.functions[i].address == address)
			return &fake_kernel.functions[i];
	return NULL;
}

static struct fake_function *present(uint64_t address)
{
	struct fake_function *function = fake_function(address);

	return function && function->present ? function : NULL;
}

struct fake_function *fake_add(uint64_t address)
{
	struct fake_function *function = fake_function(address);

	if (!function && fake_kernel.count == FAKE_FUNCTIONS)
		return NULL;
	if (!function)
		function = &fake_kernel.functions[fake_kernel.count++];
	*function = (struct fake_function){ .present = true, .address = address };
	return function;
}

static struct fake_attribute *find(const struct fake_function *function, const char *name)
{
	for (size_t i = 0; i < function->count; i++)
		if (!strcmp(function->attributes[i].name, name))
			return (struct fake_attribute *)&function->attributes[i];
	return NULL;
}

const char *fake_attribute(const struct fake_function *function, const char *name)
{
	const struct fake_attribute *attribute = find(function, name);

	return attribute ? attribute->value : NULL;
}

void fake_set(struct fake_function *function, const char *name, const char *value)
{
	struct fake_attribute *attribute = find(function, name);

	if (!value && attribute)
		*attribute = function->attributes[--function->count];
	if (!value || (!attribute && function->count == FAKE_ATTRIBUTES))
		return;
	if (!attribute)
		attribute = &function->attributes[function->count++];
	snprintf(attribute->name, sizeof(attribute->name), "%s", name);
	snprintf(attribute->value, sizeof(attribute->value), "%s", value);
}

/* ---- drivers ---- */

static bool is_loaded(const char *driver)
{
	if (!driver_is_vfio(driver))
		return driver[0];
	return strcmp(driver, DRIVER_STRICT) ? fake_kernel.stock : fake_kernel.strict;
}

/* The one that is wanted, or else the host's own: an attribute that no real function has. */
static void probe(struct fake_function *function)
{
	const char *wanted = fake_attribute(function, "driver_override"), *home = fake_attribute(function, "home");
	const char *driver = wanted && wanted[0] ? wanted : home ? home : "";

	if (fake_attribute(function, "driver") || !is_loaded(driver))
		return;
	if (!fake_kernel.may_bind || fake_kernel.may_bind(function->address, driver))
		fake_set(function, "driver", driver);
}

void __wrap_driver_look(struct drivers *drivers);
bool __wrap_driver_is_disguised(void);
int __wrap_serial_read(uint64_t address, uint64_t *serial);

void __wrap_driver_look(struct drivers *drivers)
{
	*drivers = (struct drivers){ .strict = fake_kernel.strict, .stock = fake_kernel.stock };
}

bool __wrap_driver_is_disguised(void)
{
	return false;
}

int __wrap_serial_read(uint64_t address, uint64_t *serial)
{
	const struct fake_function *function = present(address);

	if (!function)
		return -ENOENT;
	*serial = function->serial;
	return 0;
}

/* ---- sysfs.h ---- */

static int give(const char *text, char *value, size_t size)
{
	value[0] = '\0';
	if (!text)
		return -ENOENT;
	if (strlen(text) >= size)
		return -ENOBUFS;
	strcpy(value, text);
	return 0;
}

int sysfs_read(uint64_t address, const char *attribute, char *value, size_t size)
{
	const struct fake_function *function = present(address);

	return give(function ? fake_attribute(function, attribute) : NULL, value, size);
}

int sysfs_link(uint64_t address, const char *attribute, char *value, size_t size)
{
	return sysfs_read(address, attribute, value, size);
}

int sysfs_read_file(const char *path, char *value, size_t size)
{
	char number[24];

	snprintf(number, sizeof(number), "%llu", (unsigned long long)fake_kernel.event_number);
	return give(strcmp(path, "/sys/kernel/uevent_seqnum") ? NULL : number, value, size);
}

int sysfs_write(uint64_t address, const char *attribute, const char *value)
{
	struct fake_function *function = present(address);

	if (!function)
		return -ENOENT;
	if (fake_kernel.may_write && !fake_kernel.may_write(address, attribute))
		return -EIO;
	if (!strcmp(attribute, "driver/unbind")) {
		if (!fake_attribute(function, "driver"))
			return -ENOENT;
		fake_set(function, "driver", NULL);
	} else if (!strcmp(attribute, "driver_override")) {
		fake_set(function, attribute, value[0] == '\n' ? "" : value);
	}
	return 0;
}

int sysfs_write_file(const char *path, const char *value)
{
	uint64_t address;

	if (strcmp(path, "/sys/bus/pci/drivers_probe") || proto_address_parse(value, &address) || !present(address))
		return -ENODEV;
	probe(present(address));
	return 0;
}

int sysfs_device_path(uint64_t address, char *path)
{
	const struct fake_function *function = present(address);
	const char *syspath = function ? fake_attribute(function, "syspath") : NULL;

	if (!function)
		return -ENOENT;
	snprintf(path, PATH_MAX, "%s", syspath ? syspath : "/sys/devices/pci0000:00");
	return 0;
}

/* ---- libudev ---- */

struct udev {
	int nothing;
};

struct udev_device {
	struct fake_function *function; /* NULL: it is not there */
	char name[PROTO_ADDRESS_LEN];
	char action[16];
	uint64_t number;
};

struct udev_monitor {
	int nothing;
};

struct udev *udev_new(void)
{
	return calloc(1, sizeof(struct udev));
}

struct udev *udev_unref(struct udev *udev)
{
	free(udev);
	return NULL;
}

static struct udev_device *device_new(uint64_t address, const char *action, uint64_t number)
{
	struct udev_device *made = calloc(1, sizeof(*made));

	if (!made)
		return NULL;
	made->function = present(address);
	proto_address_format(address, made->name);
	snprintf(made->action, sizeof(made->action), "%s", action);
	made->number = number;
	return made;
}

struct udev_device *udev_device_new_from_subsystem_sysname(struct udev *udev, const char *subsystem,
							   const char *sysname)
{
	uint64_t address;

	(void)udev;
	(void)subsystem;
	return proto_address_parse(sysname, &address) || !present(address) ? NULL : device_new(address, "", 0);
}

struct udev_device *udev_device_unref(struct udev_device *device)
{
	free(device);
	return NULL;
}

const char *udev_device_get_action(struct udev_device *device)
{
	return device->action[0] ? device->action : NULL;
}

unsigned long long udev_device_get_seqnum(struct udev_device *device)
{
	return device->number;
}

const char *udev_device_get_sysname(struct udev_device *device)
{
	return device->name;
}

const char *udev_device_get_sysattr_value(struct udev_device *device, const char *name)
{
	return device->function ? fake_attribute(device->function, name) : NULL;
}

const char *udev_device_get_driver(struct udev_device *device)
{
	return udev_device_get_sysattr_value(device, "driver");
}

const char *udev_device_get_syspath(struct udev_device *device)
{
	return udev_device_get_sysattr_value(device, "syspath");
}

static int give_up(struct dirent **names, int count)
{
	while (count)
		free(names[--count]);
	free(names);
	errno = ENOMEM;
	return -1;
}

/* The functions that there are, for which vfiod asks. */
int __wrap_scandir(const char *path, struct dirent ***names, int (*select)(const struct dirent *),
		   int (*compare)(const struct dirent **, const struct dirent **));
int __wrap_scandir(const char *path, struct dirent ***names, int (*select)(const struct dirent *),
		   int (*compare)(const struct dirent **, const struct dirent **))
{
	struct dirent **made = calloc(FAKE_FUNCTIONS, sizeof(*made));
	int count = 0;

	(void)path;
	(void)select;
	(void)compare;
	for (size_t i = 0; made && i < fake_kernel.count; i++) {
		if (!fake_kernel.functions[i].present)
			continue;
		made[count] = calloc(1, sizeof(*made[count]));
		if (!made[count])
			return give_up(made, count);
		proto_address_format(fake_kernel.functions[i].address, made[count++]->d_name);
	}
	*names = made;
	return made ? count : -1;
}

struct udev_monitor *udev_monitor_new_from_netlink(struct udev *udev, const char *name)
{
	struct udev_monitor *made = calloc(1, sizeof(*made));

	(void)udev;
	(void)name;
	if (!made)
		return NULL;
	fake_kernel.event_count = 0;
	monitor = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK | EFD_SEMAPHORE);
	if (monitor >= 0)
		return made;
	free(made);
	return NULL;
}

struct udev_monitor *udev_monitor_unref(struct udev_monitor *unused)
{
	close(monitor);
	monitor = -1;
	free(unused);
	return NULL;
}

int udev_monitor_filter_add_match_subsystem_devtype(struct udev_monitor *unused, const char *subsystem,
						    const char *devtype)
{
	(void)unused;
	(void)subsystem;
	(void)devtype;
	return 0;
}

int udev_monitor_enable_receiving(struct udev_monitor *unused)
{
	(void)unused;
	return 0;
}

int udev_monitor_get_fd(struct udev_monitor *unused)
{
	(void)unused;
	return monitor;
}

struct udev_device *udev_monitor_receive_device(struct udev_monitor *unused)
{
	struct fake_event event = fake_kernel.events[0];
	uint64_t count;

	(void)unused;
	errno = EAGAIN;
	if (!fake_kernel.event_count || read(monitor, &count, sizeof(count)) < 0)
		return NULL;
	memmove(&fake_kernel.events[0], &fake_kernel.events[1], --fake_kernel.event_count * sizeof(event));
	errno = event.action[0] ? 0 : ENOBUFS;
	return event.action[0] ? device_new(event.address, event.action, event.number) : NULL;
}

void fake_tell(const char *action, uint64_t address)
{
	const size_t room = sizeof(fake_kernel.events) / sizeof(fake_kernel.events[0]);
	const uint64_t one = 1;

	fake_kernel.event_number++;
	if (monitor < 0)
		return;
	if (fake_kernel.event_count == room) {
		fake_kernel.events[room - 1].action[0] = '\0';
		return;
	}
	fake_kernel.events[fake_kernel.event_count] = (struct fake_event){
		.address = address,
		.number = fake_kernel.event_number,
	};
	snprintf(fake_kernel.events[fake_kernel.event_count++].action, sizeof(fake_kernel.events[0].action), "%s",
		 action);
	if (write(monitor, &one, sizeof(one)) < 0)
		abort();
}

bool fake_untold(void)
{
	return fake_kernel.event_count;
}
