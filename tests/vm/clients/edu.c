/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/vm/clients/edu.h"

#include "tests/vm/clients/expect.h"

#include <linux/vfio.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

uint64_t region_offset(int device, unsigned int index)
{
	struct vfio_region_info info = { .argsz = sizeof(info), .index = index };

	return ioctl(device, VFIO_DEVICE_GET_REGION_INFO, &info) ? 0 : info.offset;
}

/* The offsets are those of vfio-pci since it exists; asked for once, since a dead handle does not say. */
static uint64_t config_offset(void)
{
	return (uint64_t)VFIO_PCI_CONFIG_REGION_INDEX << 40;
}

bool config_read(int device, unsigned int at, void *value, size_t size)
{
	return pread(device, value, size, (off_t)(config_offset() + at)) == (ssize_t)size;
}

bool config_write(int device, unsigned int at, const void *value, size_t size)
{
	return pwrite(device, value, size, (off_t)(config_offset() + at)) == (ssize_t)size;
}

int command_change(int device, uint16_t set, uint16_t clear)
{
	uint16_t command;

	if (!config_read(device, PCI_COMMAND_AT, &command, sizeof(command)))
		return -1;
	command = (uint16_t)((command | set) & ~clear);
	return config_write(device, PCI_COMMAND_AT, &command, sizeof(command)) ? 0 : -1;
}

volatile void *bar_map(int device, size_t offset, size_t size)
{
	return mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, device, (off_t)offset);
}

/* ---- accesses that may give SIGBUS ---- */

static __thread sigjmp_buf back;
static __thread volatile sig_atomic_t expected;

static void on_sigbus(int signal)
{
	(void)signal;
	if (expected)
		siglongjmp(back, 1);
	_exit(135);
}

static void catch_sigbus(void)
{
	struct sigaction action = { .sa_handler = on_sigbus, .sa_flags = SA_NODEFER };

	sigaction(SIGBUS, &action, NULL);
}

static pthread_once_t once = PTHREAD_ONCE_INIT;

bool load(volatile void *bar, size_t at, uint32_t *value)
{
	pthread_once(&once, catch_sigbus);
	if (sigsetjmp(back, 0)) {
		expected = 0;
		return false;
	}
	expected = 1;
	*value = *(volatile uint32_t *)((volatile char *)bar + at);
	expected = 0;
	return true;
}

bool store(volatile void *bar, size_t at, uint32_t value)
{
	pthread_once(&once, catch_sigbus);
	if (sigsetjmp(back, 0)) {
		expected = 0;
		return false;
	}
	expected = 1;
	*(volatile uint32_t *)((volatile char *)bar + at) = value;
	expected = 0;
	return true;
}

/* ---- DMA ---- */

int dma_map(int container, void *memory, size_t size, uint64_t iova)
{
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map),
		.flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
		.vaddr = (uintptr_t)memory,
		.iova = iova,
		.size = size,
	};

	return ioctl(container, VFIO_IOMMU_MAP_DMA, &map);
}

int dma_unmap(int container, size_t size, uint64_t iova)
{
	struct vfio_iommu_type1_dma_unmap unmap = { .argsz = sizeof(unmap), .iova = iova, .size = size };

	return ioctl(container, VFIO_IOMMU_UNMAP_DMA, &unmap);
}

bool dma_start(volatile void *bar, uint64_t from, uint64_t to, uint32_t size, uint32_t command)
{
	return store(bar, EDU_DMA_SRC, (uint32_t)from) && store(bar, EDU_DMA_DST, (uint32_t)to) &&
	       store(bar, EDU_DMA_COUNT, size) && store(bar, EDU_DMA_CMD, EDU_DMA_START | command);
}

bool dma_wait(volatile void *bar)
{
	uint32_t command;

	do
		if (!load(bar, EDU_DMA_CMD, &command))
			return false;
	while (command & EDU_DMA_START);
	return true;
}

/* ---- interrupts ---- */

int irq_enable(int device, unsigned int index, int eventfd)
{
	char space[sizeof(struct vfio_irq_set) + sizeof(eventfd)];
	struct vfio_irq_set *set = (struct vfio_irq_set *)space;

	*set = (struct vfio_irq_set){
		.argsz = sizeof(space),
		.flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER,
		.index = index,
		.count = 1,
	};
	memcpy(set->data, &eventfd, sizeof(eventfd));
	if (eventfd < 0) {
		set->flags = VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_TRIGGER;
		set->count = 0;
	}
	return ioctl(device, VFIO_DEVICE_SET_IRQS, set);
}

bool irq_wait(int eventfd, int timeout_ms)
{
	struct pollfd wait = { .fd = eventfd, .events = POLLIN };
	uint64_t count;

	return poll(&wait, 1, timeout_ms) == 1 && read(eventfd, &count, sizeof(count)) == sizeof(count);
}
