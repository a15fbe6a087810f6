/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vfiod/bind.h"

#include "proto/address.h"
#include "vfiod/log.h"
#include "vfiod/sysfs.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

/* The override that no driver has the name of: what driverctl(8) writes for that, too. */
#define NO_DRIVER "none"

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

/* To @wanted, by the means of @override; NULL: to whichever the kernel chooses. */
static int put_back(uint64_t address, const char *wanted, const char *override, char driver[VFIOD_NAME_MAX],
		    struct failure *failure)
{
	char text[PROTO_ADDRESS_LEN];
	bool taken;
	int err;

	proto_address_format(address, text);
	read_driver(address, driver);
	/* one that has another driver is not ours to take it from: only our override goes */
	taken = driver[0] && !driver_is_vfio(driver);
	err = taken ? write_override(address, override) : rebind(address, override, !wanted || wanted[0]);
	read_driver(address, driver);
	if (err)
		return failure_set(failure, err, "%s could not be taken from %s: %s", text,
				   driver[0] ? driver : "its driver", strerror(-err));
	/* somebody has given it another driver meanwhile, which is theirs to do */
	if (taken)
		return 0;
	if (wanted && strcmp(driver, wanted))
		return failure_set(failure, -ENODEV,
				   "%s did not go back to driver %s, it has %s; the kernel's log (dmesg) may say why",
				   text, wanted[0] ? wanted : "none", driver[0] ? driver : "none");
	return 0;
}

int bind_undo(uint64_t address, const struct bind_origin *origin, char driver[VFIOD_NAME_MAX], struct failure *failure)
{
	return put_back(address, origin->driver, origin->override, driver, failure);
}

int bind_give_back(uint64_t address, const struct bind_origin *origin, char driver[VFIOD_NAME_MAX],
		   struct failure *failure)
{
	/* a VFIO driver by our own override is no origin that anybody chose */
	const char *override = driver_is_vfio(origin->override) ? "" : origin->override;

	return put_back(address, driver_is_vfio(origin->driver) ? NULL : origin->driver, override, driver, failure);
}

static bool is_of(const struct driver_names *names, const char *driver)
{
	for (size_t i = 0; i < names->count; i++)
		if (!strcmp(names->name[i], driver))
			return true;
	return false;
}

/* The driver that has the override that we wrote, and yet has not got the function, does not want it. */
static bool has_refused(uint64_t address, const char *name)
{
	char override[VFIOD_NAME_MAX];

	return !read_override(address, override) && !strcmp(override, name);
}

/* Return: 0, or -ENODEV (no driver of @names has taken it) or what a step on the way to that said. */
static int try_names(uint64_t address, const struct driver_names *names, const char **last)
{
	char text[PROTO_ADDRESS_LEN], driver[VFIOD_NAME_MAX];

	for (size_t i = 0; i < names->count; i++) {
		int err = rebind(address, names->name[i], true);

		*last = names->name[i];
		read_driver(address, driver);
		if (err || !strcmp(driver, names->name[i]))
			return err;
		if (i + 1 == names->count || driver[0] || !has_refused(address, names->name[i]))
			break;
		log_line(LOG_WARNING,
			 "%s was refused by %s, see the kernel's log (dmesg), and is to get %s, which guards less; "
			 "driver = \"%s\" in a rule of vfiod.conf forbids that",
			 proto_address_format(address, text), names->name[i], names->name[i + 1], names->name[i]);
	}
	return -ENODEV;
}

int bind_look(uint64_t address, struct bind_origin *origin, struct failure *failure)
{
	struct bind_origin found;
	char text[PROTO_ADDRESS_LEN];
	int err;

	read_driver(address, found.driver);
	err = read_override(address, found.override);
	if (err)
		return failure_set(failure, err, "%s: its driver_override cannot be read: %s",
				   proto_address_format(address, text), strerror(-err));
	*origin = found;
	return 0;
}

int bind_keep_off(uint64_t address, struct failure *failure)
{
	char text[PROTO_ADDRESS_LEN], driver[VFIOD_NAME_MAX];
	int err = rebind(address, NO_DRIVER, false);

	read_driver(address, driver);
	if (!err && driver[0])
		err = -EBUSY;
	if (!err)
		return 0;
	return failure_set(failure, err, "%s could not be taken from %s: %s", proto_address_format(address, text),
			   driver[0] ? driver : "its driver", strerror(-err));
}

int bind_take(uint64_t address, enum driver_choice choice, const struct bind_origin *origin, struct failure *failure)
{
	char text[PROTO_ADDRESS_LEN], driver[VFIOD_NAME_MAX];
	const struct bind_origin before = *origin;
	struct failure undo = { 0 };
	struct driver_names names;
	struct drivers drivers;
	const char *last;
	int err;

	proto_address_format(address, text);
	driver_look(&drivers);
	err = driver_choose(choice, &drivers, &names, failure);
	if (err)
		return err;
	last = names.name[0];
	read_driver(address, driver);
	err = is_of(&names, driver) ? 0 : try_names(address, &names, &last);
	if (!err)
		return 0;
	bind_undo(address, &before, driver, &undo);
	return failure_set(failure, err,
			   "%s could not be bound to %s: %s; the kernel's log (dmesg) may say more%s%.200s", text, last,
			   err == -ENODEV ? "the driver refused it" : strerror(-err), undo.error ? "; and then: " : "",
			   undo.text);
}
