/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vfiod/inuse.h"

#include "proto/address.h"
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

/* Which part of this disk is mounted, and where; false if none is that we see. */
static bool mounted_at(const char *disk, char part[NAME_MAX + 1], char where[PATH_MAX])
{
	FILE *mounts = setmntent("/proc/self/mounts", "r");
	struct mntent entry;
	char buffer[4 * PATH_MAX];
	bool found = false;

	if (!mounts)
		return false;
	while (!found && getmntent_r(mounts, &entry, buffer, sizeof(buffer))) {
		if (strncmp(entry.mnt_fsname, "/dev/", 5) || !is_part_of(entry.mnt_fsname + 5, disk))
			continue;
		snprintf(part, NAME_MAX + 1, "%s", entry.mnt_fsname + 5);
		snprintf(where, PATH_MAX, "%s", entry.mnt_dir);
		found = true;
	}
	endmntent(mounts);
	return found;
}

/* Which part of this disk the host swaps on. */
static bool swapped_on(const char *disk, char part[NAME_MAX + 1])
{
	FILE *swaps = fopen("/proc/swaps", "re");
	char line[PATH_MAX + 256];
	bool found = false;

	if (!swaps)
		return false;
	while (!found && fgets(line, sizeof(line), swaps))
		found = sscanf(line, "/dev/%255s", part) == 1 && is_part_of(part, disk);
	fclose(swaps);
	return found;
}

/* Which loop device has a part of this disk behind it: that is no exclusive use. */
static bool looped_on(const char *disk, char loop[NAME_MAX + 1])
{
	char path[PATH_MAX], behind[NAME_MAX + 1];
	struct dirent *entry;
	bool found = false;
	DIR *dir = opendir("/sys/class/block");

	while (dir && !found && (entry = readdir(dir))) {
		snprintf(path, sizeof(path), "/sys/class/block/%s/loop/backing_file", entry->d_name);
		found = !sysfs_read_file(path, behind, sizeof(behind)) && !strncmp(behind, "/dev/", 5) &&
			is_part_of(behind + 5, disk);
		if (found)
			snprintf(loop, NAME_MAX + 1, "%s", entry->d_name);
	}
	if (dir)
		closedir(dir);
	return found;
}

/* Whoever mounts, swaps on or stacks on a disk opens it exclusively, and so do careful programs, in any namespace. */
static bool opened_exclusively(const char *disk)
{
	char path[PATH_MAX];
	int fd;

	snprintf(path, sizeof(path), "/dev/%s", disk);
	fd = open(path, O_RDONLY | O_EXCL | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return errno == EBUSY;
	close(fd);
	return false;
}

static int check_disk(const struct question *q, const char *name)
{
	char disk[NAME_MAX + 1], part[NAME_MAX + 1], where[PATH_MAX];

	visible_disk(name, disk);
	if (mounted_at(disk, part, where))
		return failure_set(q->failure, -EBUSY,
				   "%s is in use: %s is mounted at %s; unmount it first: umount /dev/%s", q->address,
				   part, where, part);
	if (swapped_on(disk, part))
		return failure_set(q->failure, -EBUSY,
				   "%s is in use: the host swaps on %s; stop that first: swapoff /dev/%s", q->address,
				   part, part);
	if (looped_on(disk, part))
		return failure_set(
			q->failure, -EBUSY,
			"%s is in use: loop device %s is on %s; unmount it, then detach it: losetup --detach /dev/%s",
			q->address, part, disk, part);
	if (opened_exclusively(disk))
		return failure_set(
			q->failure, -EBUSY,
			"%s is in use: something has /dev/%s for itself (a RAID, LVM or device mapper volume, "
			"a mount elsewhere); see: lsblk /dev/%s",
			q->address, disk, disk);
	return 0;
}

static int check_interface(const struct question *q, const char *name)
{
	char path[PATH_MAX], text[32];

	snprintf(path, sizeof(path), "/sys/class/net/%s/master", name);
	if (!access(path, F_OK))
		return failure_set(
			q->failure, -EBUSY,
			"%s is in use: network interface %s is part of a bridge or bond; take it out first: ip "
			"link set %s nomaster",
			q->address, name, name);
	snprintf(path, sizeof(path), "/sys/class/net/%s/flags", name);
	if (sysfs_read_file(path, text, sizeof(text)) || !(strtoul(text, NULL, 16) & IFF_UP))
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
		return 0;
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
		return errno == ENOENT ? 0 : failure_set(q->failure, -errno, "%s: %s", path, strerror(errno));
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
