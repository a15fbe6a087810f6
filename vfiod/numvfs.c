/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vfiod/numvfs.h"

#include "proto/address.h"
#include "vfiod/driver.h"
#include "vfiod/sysfs.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE_MS 10000 /* for functions that a driver makes in its own time */
#define PAUSE_MS    20

/* A physical function. */
struct parent {
	const char *root;
	char address[PROTO_ADDRESS_LEN];
};

static struct parent parent_of(const char *root, uint64_t address)
{
	struct parent parent = { .root = root };

	proto_address_format(address, parent.address);
	return parent;
}

static void path_of(const struct parent *parent, const char *attribute, char path[PATH_MAX])
{
	snprintf(path, PATH_MAX, "%s/%s/%s", parent->root, parent->address, attribute);
}

static int read_number(const struct parent *parent, const char *attribute, unsigned int *number)
{
	char path[PATH_MAX], text[16];
	int err;

	path_of(parent, attribute, path);
	err = sysfs_read_file(path, text, sizeof(text));
	if (!err)
		*number = (unsigned int)strtoul(text, NULL, 10);
	return err;
}

static int write_number(const struct parent *parent, const char *attribute, unsigned int number)
{
	char path[PATH_MAX], text[16];

	path_of(parent, attribute, path);
	snprintf(text, sizeof(text), "%u", number);
	return sysfs_write_file(path, text);
}

/* What a link points to; empty: there is none. */
static void read_link(const struct parent *parent, const char *attribute, char *name, size_t size)
{
	char path[PATH_MAX], target[PATH_MAX];
	const char *slash;
	ssize_t n;

	name[0] = '\0';
	path_of(parent, attribute, path);
	n = readlink(path, target, sizeof(target) - 1);
	if (n < 0)
		return;
	target[n] = '\0';
	slash = strrchr(target, '/');
	snprintf(name, size, "%.*s", (int)size - 1, slash ? slash + 1 : target);
}

/* ---- before ---- */

static int check_total(const struct parent *parent, unsigned int count, struct failure *failure)
{
	unsigned int total = 0;
	int err = read_number(parent, "sriov_totalvfs", &total);

	if (err && err != -ENOENT)
		return failure_set(failure, err, "%s: sriov_totalvfs: %s; the kernel's log (dmesg) may say why",
				   parent->address, strerror(-err));
	if (!total)
		return failure_set(
			failure, -EOPNOTSUPP,
			"%s has no virtual functions to offer: it has no SR-IOV capability, or the firmware has "
			"switched it off",
			parent->address);
	if (count > total)
		return failure_set(failure, -EINVAL, "%s can have %u virtual functions at most, not %u; ask for fewer",
				   parent->address, total, count);
	return 0;
}

static int check_driver(const struct parent *parent, struct failure *failure)
{
	char driver[64];

	read_link(parent, "driver", driver, sizeof(driver));
	if (driver[0])
		return 0;
	return failure_set(failure, -ENOENT,
			   "%s has no driver, which would have to make its virtual functions; have the kernel look for "
			   "one: echo %s > /sys/bus/pci/drivers_probe",
			   parent->address, parent->address);
}

static int check_present(const struct parent *parent, unsigned int count, bool again, struct failure *failure)
{
	unsigned int present = 0;
	int err = read_number(parent, "sriov_numvfs", &present);

	if (err)
		return failure_set(failure, err, "%s: sriov_numvfs: %s; the kernel's log (dmesg) may say why",
				   parent->address, strerror(-err));
	if (!present || (again && present == count))
		return 0;
	return failure_set(failure, -EBUSY,
			   "%s has %u virtual functions already, which vfiod has not made; remove them first: echo 0 > "
			   "/sys/bus/pci/devices/%s/sriov_numvfs",
			   parent->address, present, parent->address);
}

int numvfs_look(const char *root, uint64_t address, unsigned int count, bool again, bool *autoprobe,
		struct failure *failure)
{
	const struct parent parent = parent_of(root, address);
	unsigned int on = 0;
	int err = check_total(&parent, count, failure);

	if (!err)
		err = check_driver(&parent, failure);
	if (!err)
		err = check_present(&parent, count, again, failure);
	if (err)
		return err;
	err = read_number(&parent, "sriov_drivers_autoprobe", &on);
	if (err)
		return failure_set(failure, err, "%s: sriov_drivers_autoprobe: %s", parent.address, strerror(-err));
	*autoprobe = on;
	return 0;
}

/* ---- making ---- */

/* The kernel's words for a driver that has no such operation are those for a file that is not there. */
static int explain_write(const struct parent *parent, unsigned int count, int err, struct failure *failure)
{
	char driver[64];

	read_link(parent, "driver", driver, sizeof(driver));
	if (err == -ENOENT && !strcmp(driver, DRIVER_STOCK))
		return failure_set(failure, -EOPNOTSUPP,
				   "%s: driver %s makes virtual functions only where that is allowed: echo 1 > "
				   "/sys/module/vfio_pci/parameters/enable_sriov",
				   parent->address, driver);
	if (err == -ENOENT)
		return failure_set(failure, -EOPNOTSUPP,
				   "%s: driver %s makes no virtual functions; it needs another driver of the host",
				   parent->address, driver[0] ? driver : "none");
	return failure_set(failure, err,
			   "%s: driver %s has not made %u virtual functions: %s; the kernel's log (dmesg) may say why",
			   parent->address, driver, count, strerror(-err));
}

static bool all_there(const struct parent *parent, unsigned int count, uint64_t *vfs)
{
	char link[32], name[PROTO_ADDRESS_LEN];

	for (unsigned int i = 0; i < count; i++) {
		snprintf(link, sizeof(link), "virtfn%u", i);
		read_link(parent, link, name, sizeof(name));
		if (proto_address_parse(name, &vfs[i]))
			return false;
	}
	return true;
}

static int await(const struct parent *parent, unsigned int count, uint64_t *vfs, struct failure *failure)
{
	static const struct timespec pause = { .tv_nsec = PAUSE_MS * 1000000L };
	unsigned int present = count;

	for (int waited_ms = 0; waited_ms < PATIENCE_MS; waited_ms += PAUSE_MS) {
		if (all_there(parent, count, vfs))
			return 0;
		if (!read_number(parent, "sriov_numvfs", &present) && present < count)
			break;
		nanosleep(&pause, NULL);
	}
	return failure_set(
		failure, -EIO,
		"%s was to get %u virtual functions, and not all of them have appeared (the kernel counts %u); "
		"its log (dmesg) may say why",
		parent->address, count, present);
}

int numvfs_make(const char *root, uint64_t address, unsigned int count, uint64_t *vfs, struct failure *failure)
{
	const struct parent parent = parent_of(root, address);
	unsigned int present = 0;
	int err = numvfs_put_autoprobe(root, address, false, failure);

	if (err)
		return err;
	err = read_number(&parent, "sriov_numvfs", &present);
	if (!err && present != count)
		err = write_number(&parent, "sriov_numvfs", count);
	return err ? explain_write(&parent, count, err, failure) : await(&parent, count, vfs, failure);
}

/* ---- afterwards ---- */

int numvfs_remove(const char *root, uint64_t address, struct failure *failure)
{
	const struct parent parent = parent_of(root, address);
	unsigned int present = 0;
	int err = read_number(&parent, "sriov_numvfs", &present);

	if (!err && present)
		err = write_number(&parent, "sriov_numvfs", 0);
	if (!err || err == -ENOENT) /* it has gone, or its driver, and they with it */
		return 0;
	return failure_set(failure, err, "%s keeps its virtual functions: %s; the kernel's log (dmesg) may say why",
			   parent.address, strerror(-err));
}

int numvfs_put_autoprobe(const char *root, uint64_t address, bool on, struct failure *failure)
{
	const struct parent parent = parent_of(root, address);
	int err = write_number(&parent, "sriov_drivers_autoprobe", on);

	return err ? failure_set(failure, err, "%s: sriov_drivers_autoprobe: %s", parent.address, strerror(-err)) : 0;
}
