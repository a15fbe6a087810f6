/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIOD_SYSFS_H
#define VFIOD_SYSFS_H

#include <stddef.h>
#include <stdint.h>

/* Attributes of PCI functions, below /sys/bus/pci/devices/ADDRESS. */

/**
 * sysfs_read() - read an attribute without its newline.
 * @attribute: its name
 * @value: room for the text; always terminated, empty on error
 *
 * Return: 0 or a negative errno (-ENOENT: there is no such attribute; -ENOBUFS: it does not fit).
 */
int sysfs_read(uint64_t address, const char *attribute, char *value, size_t size);

/** sysfs_write() - write an attribute; the kernel's refusal is the error. */
int sysfs_write(uint64_t address, const char *attribute, const char *value);

/**
 * sysfs_link() - the last component of what a link points to ("driver", "iommu_group").
 * @value: room for the text; always terminated, empty on error
 */
int sysfs_link(uint64_t address, const char *attribute, char *value, size_t size);

/**
 * sysfs_device_path() - where the function really lives, "/sys/devices/pci0000:00/…".
 * @path: room for PATH_MAX bytes
 */
int sysfs_device_path(uint64_t address, char *path);

/** sysfs_write_file() - write to any file of sysfs. */
int sysfs_write_file(const char *path, const char *value);

/** sysfs_read_file() - as sysfs_read(), for any file of one line. */
int sysfs_read_file(const char *path, char *value, size_t size);

#endif
