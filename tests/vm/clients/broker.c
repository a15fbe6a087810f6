/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/vm/clients/broker.h"

#include "tests/vm/clients/expect.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/vfio.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/ioctl.h>

void close_fd(int *fd)
{
	if (*fd >= 0)
		expect(!close(*fd));
	*fd = -1;
}

int vfio_group(const char *address)
{
	struct vfio_group_status status = { .argsz = sizeof(status) };
	char path[PATH_MAX], link[PATH_MAX] = "";
	int group;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/iommu_group", address);
	expect(readlink(path, link, sizeof(link) - 1) > 0);
	snprintf(path, sizeof(path), "/dev/vfio/%d", atoi(strrchr(link, '/') + 1));
	group = open(path, O_RDWR | O_CLOEXEC);
	expect(group >= 0);
	expect(!ioctl(group, VFIO_GROUP_GET_STATUS, &status) && (status.flags & VFIO_GROUP_FLAGS_VIABLE));
	return group;
}

int vfio_cdev(const char *address)
{
	char path[PATH_MAX];
	struct dirent *entry;
	int device = -1;
	DIR *folder;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/vfio-dev", address);
	folder = opendir(path);
	expect(folder);
	while ((entry = readdir(folder)))
		if (!strncmp(entry->d_name, "vfio", 4)) {
			snprintf(path, sizeof(path), "/dev/vfio/devices/%s", entry->d_name);
			device = open(path, O_RDWR | O_CLOEXEC);
		}
	closedir(folder);
	expect(device >= 0);
	return device;
}

int vfio_device(int group, const char *address)
{
	int device, patience_ms = 20000;

	while ((device = ioctl(group, VFIO_GROUP_GET_DEVICE_FD, address)) < 0 && errno == EAGAIN && patience_ms--)
		poll(NULL, 0, 1);
	expect(device >= 0);
	return device;
}

void vfio_attach(struct vfio *vfio, const char *address)
{
	vfio->container = open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC);
	expect(vfio->container >= 0);
	expect(!ioctl(vfio->group, VFIO_GROUP_SET_CONTAINER, &vfio->container));
	expect(!ioctl(vfio->container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU));
	vfio->device = vfio_device(vfio->group, address);
}

struct vfio vfio_open(const char *address)
{
	struct vfio vfio = { .group = vfio_group(address) };

	vfio_attach(&vfio, address);
	return vfio;
}

void vfio_detach(struct vfio *vfio)
{
	close_fd(&vfio->device);
	expect(!ioctl(vfio->group, VFIO_GROUP_UNSET_CONTAINER));
	close_fd(&vfio->container);
}

/* ---- handles ---- */

int node_open(int flags)
{
	int node = open(VFIOD_HANDLE_NODE, O_RDWR | O_CLOEXEC | flags);

	expect(node >= 0);
	return node;
}

int handle_create(int node, struct vfiod_handle_create *how, struct handle *made)
{
	how->size = sizeof(*how);
	if (ioctl(node, VFIOD_HANDLE_CREATE, how))
		return -1;
	*made = (struct handle){ .fd = how->handle_fd, .id = how->id };
	return 0;
}

struct lease lease_make(int node, struct vfio *vfio, __u64 number, bool give)
{
	struct vfiod_handle_create how = { .kind = VFIOD_HANDLE_CONTAINER, .fd = vfio->container, .lease = number };
	struct lease lease = { .number = number };

	expect(!handle_create(node, &how, &lease.container));
	how.kind = VFIOD_HANDLE_DEVICE;
	how.fd = vfio->device;
	how.container = lease.container.id;
	expect(!handle_create(node, &how, &lease.device));
	if (give) {
		close_fd(&vfio->device);
		close_fd(&vfio->container);
	}
	return lease;
}

void lease_close(struct lease *lease)
{
	close_fd(&lease->device.fd);
	close_fd(&lease->container.fd);
}

static struct vfiod_handle_revoke take_back(int node, struct vfiod_handle_revoke how)
{
	how.size = sizeof(how);
	expect(!ioctl(node, VFIOD_HANDLE_REVOKE, &how));
	return how;
}

struct vfiod_handle_revoke revoke_lease(int node, __u64 number, __u32 timeout_ms)
{
	return take_back(node, (struct vfiod_handle_revoke){
				       .flags = VFIOD_HANDLE_REVOKE_LEASE, .lease = number, .timeout_ms = timeout_ms });
}

struct vfiod_handle_revoke revoke_lease_and_kill(int node, __u64 number, __u32 timeout_ms)
{
	return take_back(node, (struct vfiod_handle_revoke){
				       .flags = VFIOD_HANDLE_REVOKE_LEASE | VFIOD_HANDLE_REVOKE_KILL,
				       .lease = number,
				       .timeout_ms = timeout_ms,
			       });
}

struct vfiod_handle_revoke revoke_handle(int node, __u32 id, __u32 timeout_ms)
{
	return take_back(node, (struct vfiod_handle_revoke){ .id = id, .timeout_ms = timeout_ms });
}

int forget(int node, __u32 id)
{
	struct vfiod_handle_forget how = { .size = sizeof(how), .id = id };

	return ioctl(node, VFIOD_HANDLE_FORGET, &how);
}

/* ---- the table ---- */

static __u32 table_read(int node, struct vfiod_handle_info **entries)
{
	struct vfiod_handle_list list = { .size = sizeof(list), .entry_size = sizeof(**entries), .count = 64 };

	*entries = NULL;
	for (;;) {
		*entries = realloc(*entries, list.count * sizeof(**entries));
		expect(*entries);
		list.entries = (__u64)(unsigned long)*entries;
		if (!ioctl(node, VFIOD_HANDLE_LIST, &list))
			return list.count;
		expect(errno == ENOSPC);
	}
}

__u32 table_count(int node)
{
	struct vfiod_handle_info *entries;
	__u32 count = table_read(node, &entries);

	free(entries);
	return count;
}

struct vfiod_handle_info table_entry(int node, __u32 id)
{
	struct vfiod_handle_info *entries, found = { 0 };
	__u32 count = table_read(node, &entries);

	for (__u32 i = 0; i < count; i++)
		if (entries[i].id == id)
			found = entries[i];
	free(entries);
	return found;
}

void table_clear(int node)
{
	struct vfiod_handle_info *entries;
	__u32 count = table_read(node, &entries);

	for (__u32 i = 0; i < count; i++)
		revoke_handle(node, entries[i].id, 0);
	for (__u32 i = 0; i < count; i++) {
		expect(!revoke_handle(node, entries[i].id, 20000).pending);
		expect(!forget(node, entries[i].id));
	}
	free(entries);
}
