/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How long it takes to get to the first register of a function, in nanoseconds:
 *
 *	instant direct ADDRESS GROUP	as root, by stock VFIO: "first NS"
 *	instant lease ADDRESS		by vfiod: "files NS" until the files are there, "first NS" until the register is
 */
#include "libvfiodma/vfiodma.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/vfio.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static int broken(const char *what)
{
	fprintf(stderr, "instant: %s: %s\n", what, strerror(errno));
	return 1;
}

static uint64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

/* BAR 0, mapped and read: what a driver does first. */
static int first_register(int device)
{
	struct vfio_region_info bar = { .argsz = sizeof(bar), .index = VFIO_PCI_BAR0_REGION_INDEX };
	const volatile uint32_t *registers;

	if (ioctl(device, VFIO_DEVICE_GET_REGION_INFO, &bar))
		return broken("VFIO_DEVICE_GET_REGION_INFO");
	registers = mmap(NULL, bar.size, PROT_READ | PROT_WRITE, MAP_SHARED, device, (off_t)bar.offset);
	if (registers == MAP_FAILED)
		return broken("mmap");
	if (registers[0] == 0xffffffff) {
		errno = EIO;
		return broken("the first register");
	}
	return 0;
}

static int direct(const char *address, const char *number)
{
	uint64_t start = now();
	int container = open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC), group, device;
	char node[32];

	snprintf(node, sizeof(node), "/dev/vfio/%s", number);
	group = open(node, O_RDWR | O_CLOEXEC);
	if (container < 0 || group < 0)
		return broken(node);
	if (ioctl(group, VFIO_GROUP_SET_CONTAINER, &container) || ioctl(container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU))
		return broken("the container");
	device = ioctl(group, VFIO_GROUP_GET_DEVICE_FD, address);
	if (device < 0)
		return broken("VFIO_GROUP_GET_DEVICE_FD");
	if (first_register(device))
		return 1;
	printf("first %llu\n", (unsigned long long)(now() - start));
	return 0;
}

static int lease(const char *address)
{
	struct vfiodma_session *session;
	struct vfiodma_lease *lease;
	uint64_t start, files;

	if (vfiodma_session_open(NULL, &session))
		goto failed;
	start = now();
	if (vfiodma_lease_acquire(session, address, 0, &lease))
		goto failed;
	files = now() - start;
	if (first_register(vfiodma_lease_device_fd(lease)))
		return 1;
	printf("first %llu\nfiles %llu\n", (unsigned long long)(now() - start), (unsigned long long)files);
	return 0;

failed:
	fprintf(stderr, "instant: %s\n", vfiodma_session_error(session));
	return 1;
}

int main(int argc, char **argv)
{
	if (argc == 4 && !strcmp(argv[1], "direct"))
		return direct(argv[2], argv[3]);
	if (argc == 3 && !strcmp(argv[1], "lease"))
		return lease(argv[2]);
	fprintf(stderr, "usage: instant direct ADDRESS GROUP | instant lease ADDRESS\n");
	return 2;
}
