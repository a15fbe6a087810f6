/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vfiod/sysfs.h"

#include "proto/address.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void attribute_path(uint64_t address, const char *attribute, char path[PATH_MAX])
{
	char text[PROTO_ADDRESS_LEN];

	snprintf(path, PATH_MAX, "/sys/bus/pci/devices/%s/%s", proto_address_format(address, text), attribute);
}

int sysfs_read_file(const char *path, char *value, size_t size)
{
	char text[4096]; /* an attribute is a page at most */
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;
	int err = 0;

	value[0] = '\0';
	if (fd < 0)
		return -errno;
	n = read(fd, text, sizeof(text) - 1);
	if (n < 0)
		err = -errno;
	close(fd);
	if (err)
		return err;
	text[n] = '\0';
	text[strcspn(text, "\n")] = '\0';
	if (strlen(text) >= size)
		return -ENOBUFS;
	strcpy(value, text);
	return 0;
}

int sysfs_read(uint64_t address, const char *attribute, char *value, size_t size)
{
	char path[PATH_MAX];

	attribute_path(address, attribute, path);
	return sysfs_read_file(path, value, size);
}

int sysfs_write_file(const char *path, const char *value)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t written;
	int err = 0;

	if (fd < 0)
		return -errno;
	written = write(fd, value, strlen(value));
	if (written < 0)
		err = -errno;
	else if ((size_t)written != strlen(value))
		err = -EIO;
	close(fd);
	return err;
}

int sysfs_write(uint64_t address, const char *attribute, const char *value)
{
	char path[PATH_MAX];

	attribute_path(address, attribute, path);
	return sysfs_write_file(path, value);
}

int sysfs_link(uint64_t address, const char *attribute, char *value, size_t size)
{
	char path[PATH_MAX], target[PATH_MAX];
	const char *name;
	ssize_t n;

	value[0] = '\0';
	attribute_path(address, attribute, path);
	n = readlink(path, target, sizeof(target) - 1);
	if (n < 0)
		return -errno;
	target[n] = '\0';
	name = strrchr(target, '/');
	name = name ? name + 1 : target;
	if (strlen(name) >= size)
		return -ENOBUFS;
	strcpy(value, name);
	return 0;
}

int sysfs_device_path(uint64_t address, char *path)
{
	char link[PATH_MAX];

	attribute_path(address, "", link);
	return realpath(link, path) ? 0 : -errno;
}
