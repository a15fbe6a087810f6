/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vfiod/inuse.h"

#include "proto/address.h"
#include "vfiod/facts.h"
#include "vfiod/sysfs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <mntent.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* One question about one function. */
struct question {
	char address[PROTO_ADDRESS_LEN];
	char path[PATH_MAX]; /* of the function below /sys/devices */
	struct failure *failure;
};

/* What could not be opened: that it is not there is an answer, all else is none. */
static int cannot_tell(const struct question *q, const char *path, int error)
{
	if (error == ENOENT || error == ENXIO || error == ENODEV || error == ENOMEDIUM)
		return 0;
	return failure_set(q->failure, -error, "cannot tell whether the host uses %s: %s: %s; try again", q->address,
			   path, strerror(error));
}

/* Is the entry @name of the class directory @class something of this function's? */
static bool belongs(const struct question *q, const char *class, const char *name)
{
	char link[PATH_MAX], target[PATH_MAX];
	size_t length = strlen(q->path);

	snprintf(link, sizeof(link), "/sys/class/%s/%s", class, name);
	return realpath(link, target) && !strncmp(target, q->path, length) && target[length] == '/';
}

/* With NVMe multipath the kernel hides the path's own disk, nvme0c1n1, and shows one for all paths, nvme0n1. */
static void visible_disk(const char *name, char disk[NAME_MAX + 1])
{
	unsigned int subsystem, controller, namespace;
	int end = 0;

	if (sscanf(name, "nvme%uc%un%u%n", &subsystem, &controller, &namespace, &end) == 3 && !name[end])
		snprintf(disk, NAME_MAX + 1, "nvme%un%u", subsystem, namespace);
	else
		snprintf(disk, NAME_MAX + 1, "%s", name);
}

/* Is @name the disk @disk, or a partition of it? */
static bool is_part_of(const char *name, const char *disk)
{
	char path[PATH_MAX];

	if (!strcmp(name, disk))
		return true;
	snprintf(path, sizeof(path), "/sys/class/block/%s/%s/partition", disk, name);
	return !access(path, F_OK);
}

/* Is a part of this disk mounted, as far as we see? */
static int check_mounts(const struct question *q, const char *disk)
{
	static const char path[] = "/proc/self/mounts";
	FILE *mounts = setmntent(path, "r");
	struct mntent entry;
	char buffer[4 * PATH_MAX];
	int err = 0;

	if (!mounts)
		return cannot_tell(q, path, errno);
	while (!err && getmntent_r(mounts, &entry, buffer, sizeof(buffer))) {
		const char *part = entry.mnt_fsname + 5;

		if (!strncmp(entry.mnt_fsname, "/dev/", 5) && is_part_of(part, disk))
			err = failure_set(q->failure, -EBUSY,
					  "%s is in use: %s is mounted at %s; unmount it first: umount /dev/%s",
					  q->address, part, entry.mnt_dir, part);
	}
	if (!err && ferror(mounts))
		err = cannot_tell(q, path, errno);
	endmntent(mounts);
	return err;
}

/* Does the host swap on a part of this disk? */
static int check_swaps(const struct question *q, const char *disk)
{
	static const char path[] = "/proc/swaps";
	FILE *swaps = fopen(path, "re");
	char line[PATH_MAX + 256], part[NAME_MAX + 1];
	int err = 0;

	if (!swaps)
		return cannot_tell(q, path, errno);
	while (!err && fgets(line, sizeof(line), swaps))
		if (sscanf(line, "/dev/%255s", part) == 1 && is_part_of(part, disk))
			err = failure_set(q->failure, -EBUSY,
					  "%s is in use: the host swaps on %s; stop that first: swapoff /dev/%s",
					  q->address, part, part);
	if (!err && ferror(swaps))
		err = cannot_tell(q, path, errno);
	fclose(swaps);
	return err;
}

/* Has the block device @name, if it is a loop device, a part of this disk behind it? */
static int check_loop(const struct question *q, const char *disk, const char *name)
{
	char path[PATH_MAX], behind[NAME_MAX + 1];
	int err;

	snprintf(path, sizeof(path), "/sys/class/block/%s/loop/backing_file", name);
	err = sysfs_read_file(path, behind, sizeof(behind));
	if (facts_is_want(-err))
		return cannot_tell(q, path, -err);
	if (err || strncmp(behind, "/dev/", 5) || !is_part_of(behind + 5, disk))
		return 0;
	return failure_set(
		q->failure, -EBUSY,
		"%s is in use: loop device %s is on %s; unmount it, then detach it: losetup --detach /dev/%s",
		q->address, name, disk, name);
}

/* To be behind a loop device is no exclusive use. */
static int check_loops(const struct question *q, const char *disk)
{
	static const char path[] = "/sys/class/block";
	struct dirent *entry;
	int err = 0;
	DIR *dir = opendir(path);

	if (!dir)
		return cannot_tell(q, path, errno);
	while (!err && (entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			err = check_loop(q, disk, entry->d_name);
	closedir(dir);
	return err;
}

/* Whoever mounts, swaps on or stacks on a disk opens it exclusively, and so do careful programs, in any namespace. */
static int check_exclusive(const struct question *q, const char *disk)
{
	char path[PATH_MAX];
	int fd;

	snprintf(path, sizeof(path), "/dev/%s", disk);
	fd = open(path, O_RDONLY | O_EXCL | O_CLOEXEC | O_NONBLOCK);
	if (fd >= 0) {
		close(fd);
		return 0;
	}
	/* a sandbox or a security module that keeps disks from us: with those, the other questions have to do */
	if (errno == EACCES || errno == EPERM)
		return 0;
	if (errno != EBUSY)
		return cannot_tell(q, path, errno);
	return failure_set(q->failure, -EBUSY,
			   "%s is in use: something has %s for itself (a RAID, LVM or device mapper volume, "
			   "a mount elsewhere); see: lsblk %s",
			   q->address, path, path);
}

static int check_disk(const struct question *q, const char *name)
{
	char disk[NAME_MAX + 1];
	int err;

	visible_disk(name, disk);
	err = check_mounts(q, disk);
	if (!err)
		err = check_swaps(q, disk);
	if (!err)
		err = check_loops(q, disk);
	if (!err)
		err = check_exclusive(q, disk);
	return err;
}

static int check_interface(const struct question *q, const char *name)
{
	char path[PATH_MAX], text[32];
	int err;

	snprintf(path, sizeof(path), "/sys/class/net/%s/master", name);
	if (!access(path, F_OK))
		return failure_set(
			q->failure, -EBUSY,
			"%s is in use: network interface %s is part of a bridge or bond; take it out first: ip "
			"link set %s nomaster",
			q->address, name, name);
	snprintf(path, sizeof(path), "/sys/class/net/%s/flags", name);
	err = sysfs_read_file(path, text, sizeof(text));
	if (facts_is_want(-err))
		return cannot_tell(q, path, -err);
	if (err || !(strtoul(text, NULL, 16) & IFF_UP))
		return 0;
	return failure_set(q->failure, -EBUSY,
			   "%s is in use: network interface %s is up; if nothing needs it: ip link set %s down",
			   q->address, name, name);
}

/* The kernel shows an interface in its own network namespace only; but the folder that it is in is there for all. */
static int check_namespaces(const struct question *q)
{
	char path[PATH_MAX + 8];
	struct dirent *entry;
	bool hidden = true;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/net", q->path);
	dir = opendir(path);
	if (!dir)
		return cannot_tell(q, path, errno);
	while (hidden && (entry = readdir(dir)))
		hidden = entry->d_name[0] == '.';
	closedir(dir);
	if (!hidden)
		return 0;
	return failure_set(
		q->failure, -EBUSY,
		"%s is in use: its network interface is in another network namespace (a container's?); move it "
		"back first: ip -n NAMESPACE link set INTERFACE netns 1",
		q->address);
}

static int check_class(const struct question *q, const char *class,
		       int (*check)(const struct question *q, const char *name))
{
	char path[PATH_MAX];
	struct dirent *entry;
	int err = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "/sys/class/%s", class);
	dir = opendir(path);
	if (!dir)
		return cannot_tell(q, path, errno);
	while (!err && (entry = readdir(dir)))
		if (entry->d_name[0] != '.' && belongs(q, class, entry->d_name))
			err = check(q, entry->d_name);
	closedir(dir);
	return err;
}

/* A UIO driver lets programs map the function's registers, and knows not who does. */
static int check_uio(const struct question *q)
{
	char path[PATH_MAX + 8];

	snprintf(path, sizeof(path), "%s/uio", q->path);
	if (access(path, F_OK))
		return 0;
	return failure_set(q->failure, -EBUSY,
			   "%s is in use: a UIO driver has it, for a program of its own; unbind it first: echo %s > "
			   "/sys/bus/pci/devices/%s/driver/unbind",
			   q->address, q->address, q->address);
}

int inuse_check(uint64_t address, struct failure *failure)
{
	struct question q = { .failure = failure };
	int err;

	proto_address_format(address, q.address);
	err = sysfs_device_path(address, q.path);
	if (err)
		return failure_set(failure, err, "%s: %s", q.address, strerror(-err));
	err = check_class(&q, "block", check_disk);
	if (!err)
		err = check_class(&q, "net", check_interface);
	if (!err)
		err = check_namespaces(&q);
	if (!err)
		err = check_uio(&q);
	return err;
}
