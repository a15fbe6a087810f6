/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/vm/clients/stalling.h"

#include "tests/vm/clients/client.h"
#include "tests/vm/clients/edu.h"
#include "tests/vm/clients/expect.h"

#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <linux/vfio.h>
#include <poll.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>

static int faults;
static unsigned char *page; /* whoever touches it waits for ever */

long make_page_that_never_comes(long unused)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register range;

	(void)unused;
	faults = (int)syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	expect(faults >= 0 && !ioctl(faults, UFFDIO_API, &api));
	page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	expect(page != MAP_FAILED);
	range = (struct uffdio_register){ .range = { (uintptr_t)page, PAGE }, .mode = UFFDIO_REGISTER_MODE_MISSING };
	expect(!ioctl(faults, UFFDIO_REGISTER, &range));
	return 0;
}

static void *stall_in_read(void *unused)
{
	(void)unused;
	config_read(my.lease.device.fd, 0, page, 4);
	return NULL;
}

static void *stall_in_write(void *unused)
{
	(void)unused;
	config_write(my.lease.device.fd, CONFIG_LINE_AT, page, 1);
	return NULL;
}

static void *stall_in_device_ioctl(void *unused)
{
	(void)unused;
	ioctl(my.lease.device.fd, VFIO_DEVICE_GET_INFO, page);
	return NULL;
}

static void *stall_in_container_ioctl(void *unused)
{
	(void)unused;
	ioctl(my.lease.container.fd, VFIO_IOMMU_MAP_DMA, page);
	return NULL;
}

static void *(*const ways[])(void *) = {
	[STALL_READ] = stall_in_read,
	[STALL_WRITE] = stall_in_write,
	[STALL_DEVICE_IOCTL] = stall_in_device_ioctl,
	[STALL_CONTAINER_IOCTL] = stall_in_container_ioctl,
};

long begin_to_stall(long way)
{
	struct pollfd wait = { .fd = faults, .events = POLLIN };
	pthread_t thread;

	expect(!pthread_create(&thread, NULL, ways[way], NULL));
	expect(poll(&wait, 1, PATIENCE_MS) == 1);
	return 0;
}
