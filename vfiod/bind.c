/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vfiod/bind.h"

#include "proto/address.h"
#include "vfiod/sysfs.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#define DRIVER	    "vfio-pci"
#define DRIVERS_DIR "/sys/bus/pci/drivers"

static void read_driver(uint64_t address, char driver[VFIOD_NAME_MAX])
{
	sysfs_link(address, "driver", driver, VFIOD_NAME_MAX);
}

static int read_override(uint64_t address, char override[VFIOD_NAME_MAX])
{
	int err = sysfs_read(address, "driver_override", override, VFIOD_NAME_MAX);

	if (!strcmp(override, "(null)"))
		override[0] = '\0';
	return err;
}

/* An empty write leaves the override as it is: a newline clears it. */
static int write_override(uint64_t address, const char *override)
{
	return sysfs_write(address, "driver_override", override[0] ? override : "\n");
}

static int unbind(uint64_t address)
{
	char text[PROTO_ADDRESS_LEN];
	int err = sysfs_write(address, "driver/unbind", proto_address_format(address, text));

	return err == -ENOENT ? 0 : err; /* it has no driver */
}

static int probe(uint64_t address)
{
	char text[PROTO_ADDRESS_LEN];

	return sysfs_write_file("/sys/bus/pci/drivers_probe", proto_address_format(address, text));
}

/* Sets the override, lets go of the present driver and has the kernel look for the one that is wanted. */
static int rebind(uint64_t address, const char *override, bool look)
{
	int err = write_override(address, override);

	if (!err)
		err = unbind(address);
	/* a driver that refuses the function fails the probe: the link that we read afterwards tells it better */
	if (!err && look)
		probe(address);
	return err;
}

int bind_take(uint64_t address, struct bind_origin *origin, struct failure *failure)
{
	char text[PROTO_ADDRESS_LEN], driver[VFIOD_NAME_MAX];
	struct bind_origin found;
	int err;

	proto_address_format(address, text);
	if (access(DRIVERS_DIR "/" DRIVER, F_OK))
		return failure_set(failure, -ENOENT, "the %s driver is not loaded; load it: modprobe %s", DRIVER,
				   DRIVER);
	read_driver(address, found.driver);
	err = read_override(address, found.override);
	if (err)
		return failure_set(failure, err, "%s: its driver_override cannot be read: %s", text, strerror(-err));
	if (strcmp(found.driver, DRIVER)) {
		err = rebind(address, DRIVER, true);
		read_driver(address, driver);
		if (err || strcmp(driver, DRIVER)) {
			struct failure undo = { 0 };

			bind_give_back(address, &found, driver, &undo);
			err = err ? err : -ENODEV;
			return failure_set(
				failure, err,
				"%s could not be bound to %s: %s; the kernel's log (dmesg) may say more%s%.200s", text,
				DRIVER, err == -ENODEV ? "the driver refused it" : strerror(-err),
				undo.error ? "; and then: " : "", undo.text);
		}
	}
	*origin = found;
	return 0;
}

int bind_give_back(uint64_t address, const struct bind_origin *origin, char driver[VFIOD_NAME_MAX],
		   struct failure *failure)
{
	char text[PROTO_ADDRESS_LEN];
	bool ours = !strcmp(origin->driver, DRIVER);
	/* vfio-pci by our own override is no origin that anybody chose */
	const char *override = strcmp(origin->override, DRIVER) ? origin->override : "";
	bool taken;
	int err;

	proto_address_format(address, text);
	read_driver(address, driver);
	/* one that has another driver is not ours to take it from: only our override goes */
	taken = driver[0] && strcmp(driver, DRIVER);
	err = taken ? write_override(address, override) : rebind(address, override, origin->driver[0] != '\0');
	read_driver(address, driver);
	if (err)
		return failure_set(failure, err, "%s could not be taken from %s: %s", text,
				   driver[0] ? driver : "its driver", strerror(-err));
	/* somebody has given it another driver meanwhile, which is theirs to do */
	if (taken)
		return 0;
	if (!ours && strcmp(driver, origin->driver))
		return failure_set(failure, -ENODEV,
				   "%s did not go back to driver %s, it has %s; the kernel's log (dmesg) may say why",
				   text, origin->driver[0] ? origin->driver : "none", driver[0] ? driver : "none");
	return 0;
}
