/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vfiod/vfio.h"

#include "proto/address.h"
#include "vfiod/interrupts.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/vfio.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define CONTAINER_NODE	   "/dev/vfio/vfio"
#define IOMMUFD_NODE	   "/dev/iommu"
#define DEVICE_PATIENCE_MS 2000
#define DEVICE_NAME_MAX	   (PROTO_ADDRESS_LEN + 46) /* with " vf_token=" and a UUID */

void vfio_group_node(uint32_t group, char path[32])
{
	snprintf(path, 32, "/dev/vfio/%u", group);
}

int vfio_open_group(uint32_t group, int *fd, struct failure *failure)
{
	struct vfio_group_status status = { .argsz = sizeof(status) };
	char path[32];
	int opened;

	vfio_group_node(group, path);
	opened = open(path, O_RDWR | O_CLOEXEC);
	if (opened < 0 && errno == EBUSY)
		return failure_set(
			failure, -EBUSY,
			"IOMMU group %u is open in another program; see: find /proc/[0-9]*/fd -lname '*vfio*'", group);
	if (opened < 0)
		return failure_set(failure, -errno, "%s: %s; %s", path, strerror(errno),
				   errno == ENOENT ? "see which drivers its functions have: lspci -k" : "try again");
	if (ioctl(opened, VFIO_GROUP_GET_STATUS, &status)) {
		int err = failure_set(failure, -errno, "%s: VFIO_GROUP_GET_STATUS: %s", path, strerror(errno));

		close(opened);
		return err;
	}
	if (!(status.flags & VFIO_GROUP_FLAGS_VIABLE)) {
		close(opened);
		return failure_set(failure, -EPERM,
				   "IOMMU group %u is not viable: a host driver has another function of it; see: ls "
				   "/sys/kernel/iommu_groups/%u/devices",
				   group, group);
	}
	*fd = opened;
	return 0;
}

int vfio_await_group(uint32_t group, unsigned int limit_ms, int *fd, struct failure *failure)
{
	unsigned int waited_ms = 0, pause_ms = 1;
	int err;

	while ((err = vfio_open_group(group, fd, failure)) == -EBUSY && waited_ms < limit_ms) {
		const struct timespec pause = { .tv_nsec = pause_ms * 1000000L };

		nanosleep(&pause, NULL);
		waited_ms += pause_ms;
		pause_ms = pause_ms < 50 ? pause_ms * 2 : 50;
	}
	if (!err)
		failure->error = 0; /* of the tries before */
	return err;
}

static int open_container(int *fd, struct failure *failure)
{
	int opened = open(CONTAINER_NODE, O_RDWR | O_CLOEXEC);

	if (opened < 0)
		return failure_set(failure, -errno, "%s: %s; load the module: modprobe vfio", CONTAINER_NODE,
				   strerror(errno));
	if (ioctl(opened, VFIO_GET_API_VERSION) != VFIO_API_VERSION ||
	    ioctl(opened, VFIO_CHECK_EXTENSION, VFIO_TYPE1v2_IOMMU) != 1) {
		close(opened);
		return failure_set(
			failure, -EOPNOTSUPP,
			"the kernel has no type1 IOMMU for VFIO; load the module: modprobe vfio_iommu_type1");
	}
	*fd = opened;
	return 0;
}

/* EAGAIN: the kernel has the function's lock, or has it in recovery from an error; neither takes long. */
static int await_device(int group, const char *name)
{
	static const struct timespec pause = { .tv_nsec = 10000000 };
	int device, pauses = DEVICE_PATIENCE_MS / 10;

	while ((device = ioctl(group, VFIO_GROUP_GET_DEVICE_FD, name)) < 0 && errno == EAGAIN && pauses--)
		nanosleep(&pause, NULL);
	return device;
}

static int refused(uint64_t address, uint32_t group, const char *what, struct failure *failure)
{
	int err = -errno;
	char text[PROTO_ADDRESS_LEN];

	if (interrupts_explain(address, group, err, failure))
		return err;
	return failure_set(failure, err, "%s: %s: %s", proto_address_format(address, text), what, strerror(-err));
}

/* In this order, which is VFIO's: a container has no IOMMU before it has a group, a group no device before that. */
static int connect_group(uint64_t address, uint32_t group, const struct vfio_files *files, struct failure *failure)
{
	if (ioctl(files->group, VFIO_GROUP_SET_CONTAINER, &files->container))
		return refused(address, group, "VFIO_GROUP_SET_CONTAINER", failure);
	if (ioctl(files->container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU))
		return refused(address, group, "VFIO_SET_IOMMU", failure);
	return 0;
}

static int open_group(uint64_t address, uint32_t group, struct vfio_files *files, struct failure *failure)
{
	int err = open_container(&files->container, failure);

	if (!err)
		err = vfio_open_group(group, &files->group, failure);
	return err ? err : connect_group(address, group, files, failure);
}

int vfio_try_group(uint64_t address, uint32_t group, struct failure *failure)
{
	struct vfio_files opened = VFIO_NO_FILES;
	int err = open_group(address, group, &opened, failure);

	vfio_close(&opened);
	return err;
}

/* The address, and behind it the token (vfio_pci_core_match() in drivers/vfio/pci/vfio_pci_core.c). */
static void name_device(const char *address, const struct vfio_token *token, char name[DEVICE_NAME_MAX])
{
	const unsigned char *b = token->bytes;

	if (!token->is)
		snprintf(name, DEVICE_NAME_MAX, "%s", address);
	else
		snprintf(name, DEVICE_NAME_MAX,
			 "%s vf_token=%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", address,
			 b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14],
			 b[15]);
}

static const char *explain_device(int err, const struct vfio_token *token)
{
	if (err != EACCES)
		return "";
	return token->is
		       ? "; somebody has given its physical function another VF token"
		       : "; its physical function is with vfio-pci, whose VF token is not vfiod's: have vfiod make the "
			 "virtual functions: vfioctl assign PHYSICAL-FUNCTION --vfs NUMBER";
}

static int open_device(uint64_t address, const struct vfio_token *token, struct vfio_files *files,
		       struct failure *failure)
{
	char text[PROTO_ADDRESS_LEN], name[DEVICE_NAME_MAX];
	int err;

	proto_address_format(address, text);
	name_device(text, token, name);
	files->device = await_device(files->group, name);
	err = files->device < 0 ? errno : 0;
	explicit_bzero(name, sizeof(name));
	if (err)
		return failure_set(failure, -err, "%s: VFIO_GROUP_GET_DEVICE_FD: %s%s", text, strerror(err),
				   explain_device(err, token));
	return 0;
}

int vfio_open_device(uint64_t address, uint32_t group, const struct vfio_token *token, struct vfio_files *files,
		     struct failure *failure)
{
	struct vfio_files opened = VFIO_NO_FILES;
	int err = open_group(address, group, &opened, failure);

	if (!err)
		err = open_device(address, token, &opened, failure);
	if (err) {
		vfio_close(&opened);
		return err;
	}
	*files = opened;
	return 0;
}

/* ---- by iommufd ---- */

/*
 * linux/iommufd.h, which the headers of Debian 12 do not have: an option of an iommufd.  The mode of RLIMIT_MEMLOCK is
 * 1 where it is a process's.
 */
struct iommu_option {
	uint32_t size, option;
	uint16_t op, reserved;
	uint32_t object;
	uint64_t value;
};
#define IOMMU_OPTION		 _IO(';', 0x87)
#define IOMMU_OPTION_RLIMIT_MODE 0
#define IOMMU_OPTION_OP_SET	 0

bool vfio_has_iommufd(void)
{
	return !access(IOMMUFD_NODE, F_OK);
}

/* The name of its own file, as sysfs has it: vfioN. */
static int find_device_node(const char *address, char path[64])
{
	char folder[64];
	struct dirent *entry;
	DIR *dir;

	snprintf(folder, sizeof(folder), "/sys/bus/pci/devices/%s/vfio-dev", address);
	dir = opendir(folder);
	if (!dir)
		return -errno;
	while ((entry = readdir(dir)) && strncmp(entry->d_name, "vfio", 4) != 0)
		;
	if (entry)
		snprintf(path, 64, "/dev/vfio/devices/%.40s", entry->d_name);
	closedir(dir);
	return entry ? 0 : -ENOENT;
}

static int open_iommufd(int *fd, struct failure *failure)
{
	struct iommu_option option = {
		.size = sizeof(option), .option = IOMMU_OPTION_RLIMIT_MODE, .op = IOMMU_OPTION_OP_SET, .value = 1
	};
	int opened = open(IOMMUFD_NODE, O_RDWR | O_CLOEXEC);

	if (opened < 0)
		return failure_set(failure, -errno, IOMMUFD_NODE ": %s; load the module: modprobe iommufd",
				   strerror(errno));
	if (ioctl(opened, IOMMU_OPTION, &option)) {
		int err = failure_set(failure, -errno, IOMMUFD_NODE ": IOMMU_OPTION_RLIMIT_MODE: %s", strerror(errno));

		close(opened);
		return err;
	}
	*fd = opened;
	return 0;
}

int vfio_open_iommufd(uint64_t address, struct vfio_files *files, struct failure *failure)
{
	struct vfio_files opened = VFIO_NO_FILES;
	char text[PROTO_ADDRESS_LEN], path[64];
	int err;

	if (find_device_node(proto_address_format(address, text), path))
		return failure_set(failure, -EOPNOTSUPP,
				   "%s has no file of its own in /dev/vfio/devices: this kernel makes none "
				   "(CONFIG_VFIO_DEVICE_CDEV); ask for it in mode \"container\"",
				   text);
	opened.device = open(path, O_RDWR | O_CLOEXEC);
	if (opened.device < 0)
		err = failure_set(failure, -errno, "%s: %s", path, strerror(errno));
	else
		err = open_iommufd(&opened.iommufd, failure);
	if (err)
		vfio_close(&opened);
	else
		*files = opened;
	return err;
}

/* ---- either ---- */

int vfio_watch_unplug(struct vfio_files *files, struct failure *failure)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	union {
		struct vfio_irq_set set;
		char room[sizeof(struct vfio_irq_set) + sizeof(fd)];
	} request = {
		.set = { .argsz = sizeof(request),
			 .flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER,
			 .index = VFIO_PCI_REQ_IRQ_INDEX,
			 .count = 1 },
	};

	memcpy(request.set.data, &fd, sizeof(fd));
	if (fd >= 0 && !ioctl(files->device, VFIO_DEVICE_SET_IRQS, &request)) {
		files->unplug = fd;
		return 0;
	}
	failure_set(failure, -errno, "the kernel cannot tell when a device is to be unplugged: %s", strerror(errno));
	if (fd >= 0)
		close(fd);
	return failure->error;
}

void vfio_close(struct vfio_files *files)
{
	/* the device first: the group's container can be left only when no device of it is open */
	if (files->device >= 0)
		close(files->device);
	if (files->group >= 0)
		close(files->group);
	if (files->container >= 0)
		close(files->container);
	if (files->iommufd >= 0)
		close(files->iommufd);
	if (files->unplug >= 0)
		close(files->unplug);
	*files = VFIO_NO_FILES;
}
