/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/vm/clients/client.h"

#include "tests/vm/clients/edu.h"
#include "tests/vm/clients/expect.h"

#include <linux/vfio.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

struct client my;

struct actor client_start(struct lease *lease, uid_t uid)
{
	const int fds[] = { lease->container.fd, lease->device.fd };
	struct actor client;

	my.lease = *lease;
	client = actor_start(uid, fds, 2);
	lease_close(lease);
	return client;
}

static uint32_t hash(uint32_t sum, const void *data, size_t size)
{
	for (size_t i = 0; i < size; i++)
		sum = (sum ^ ((const unsigned char *)data)[i]) * 16777619u;
	return sum;
}

/* All that can be asked of a device file, as one number. */
long facts(int device)
{
	struct vfio_device_info info = { .argsz = sizeof(info) };
	unsigned char config[256];
	uint32_t sum = 2166136261u;

	expect(!ioctl(device, VFIO_DEVICE_GET_INFO, &info));
	sum = hash(sum, &info, sizeof(info));
	for (unsigned int i = 0; i < info.num_regions; i++) {
		struct vfio_region_info region = { .argsz = sizeof(region), .index = i };
		int error = ioctl(device, VFIO_DEVICE_GET_REGION_INFO, &region) ? errno : 0;

		sum = hash(hash(sum, &error, sizeof(error)), &region, sizeof(region));
	}
	for (unsigned int i = 0; i < info.num_irqs; i++) {
		struct vfio_irq_info irq = { .argsz = sizeof(irq), .index = i };
		int error = ioctl(device, VFIO_DEVICE_GET_IRQ_INFO, &irq) ? errno : 0;

		sum = hash(hash(sum, &error, sizeof(error)), &irq, sizeof(irq));
	}
	for (unsigned int at = 0; at < sizeof(config); at += 4)
		expect(config_read(device, at, config + at, 4));
	config[6] = config[7] = 0; /* status: what the device is doing */
	return hash(sum, config, sizeof(config));
}

long facts_of_handle(long unused)
{
	(void)unused;
	return facts(my.lease.device.fd);
}

long config_keeps_what_is_written(long unused)
{
	uint8_t line = 0x5a, got = 0;

	(void)unused;
	expect(config_write(my.lease.device.fd, CONFIG_LINE_AT, &line, 1));
	expect(config_read(my.lease.device.fd, CONFIG_LINE_AT, &got, 1));
	return got != line;
}

long map_bar(long unused)
{
	(void)unused;
	my.bar = bar_map(my.lease.device.fd, 0, EDU_SIZE);
	return my.bar == MAP_FAILED ? -errno : 0;
}

/* Whether the registers answer at @bar: 1, 0, or -SIGBUS. */
static long answers_at(volatile void *bar)
{
	uint32_t value;

	if (!store(bar, EDU_INVERT, 0x12345678) || !load(bar, EDU_INVERT, &value))
		return -SIGBUS;
	return value == ~0x12345678u;
}

long bar_answers(long unused)
{
	(void)unused;
	return answers_at(my.bar);
}

long bar_answers_in_a_fork(long unused)
{
	pid_t child = fork();
	int status;

	(void)unused;
	if (!child)
		_exit(answers_at(my.bar) == 1 ? 1 : answers_at(my.bar) == -SIGBUS ? 7 : 0);
	expect(child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status));
	return WEXITSTATUS(status) == 7 ? -SIGBUS : WEXITSTATUS(status);
}

/* A fork that lives on and says through a pipe, each time it is asked, whether the registers answer. */
static int fork_question[2], fork_answer[2];

long fork_off(long unused)
{
	pid_t child;

	(void)unused;
	expect(!pipe(fork_question) && !pipe(fork_answer));
	child = fork();
	expect(child >= 0);
	if (!child) {
		char question;

		close(fork_question[1]);
		while (read(fork_question[0], &question, 1) == 1) {
			long answer = answers_at(my.bar);

			expect(write(fork_answer[1], &answer, sizeof(answer)) == sizeof(answer));
		}
		_exit(0);
	}
	return child;
}

long ask_fork(long unused)
{
	long answer;

	(void)unused;
	expect(write(fork_question[1], "?", 1) == 1);
	expect(read(fork_answer[0], &answer, sizeof(answer)) == sizeof(answer));
	return answer;
}

long command(long bits)
{
	return command_change(my.lease.device.fd, (uint16_t)bits, (uint16_t)(bits >> 16)) ? -errno : 0;
}

long map_memory(long iova)
{
	my.memory = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	expect(my.memory != MAP_FAILED);
	return dma_map(my.lease.container.fd, my.memory, 2 * (size_t)PAGE, (uint64_t)iova) ? -errno : 0;
}

static unsigned char pattern(unsigned int i)
{
	return (unsigned char)(i * 7 + i / 256);
}

/* One page to the device, and back into the page behind it. */
long dma_round_trip(long iova)
{
	for (unsigned int i = 0; i < PAGE; i++)
		my.memory[i] = pattern(i);
	memset(my.memory + PAGE, 0, PAGE);
	if (!dma_wait(my.bar) || !dma_start(my.bar, (uint64_t)iova, EDU_BUFFER, PAGE, 0) || !dma_wait(my.bar) ||
	    !dma_start(my.bar, EDU_BUFFER, (uint64_t)iova + PAGE, PAGE, EDU_DMA_TO_RAM) || !dma_wait(my.bar))
		return -SIGBUS;
	return memcmp(my.memory, my.memory + PAGE, PAGE) != 0;
}

long dma_fetch(long iova)
{
	memset(my.memory, 0, PAGE);
	if (!dma_wait(my.bar) || !dma_start(my.bar, EDU_BUFFER, (uint64_t)iova, PAGE, EDU_DMA_TO_RAM) ||
	    !dma_wait(my.bar))
		return -SIGBUS;
	for (unsigned int i = 0; i < PAGE; i++)
		if (my.memory[i] != pattern(i))
			return 1;
	return 0;
}

long enable_irq(long index)
{
	my.irq = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	expect(my.irq >= 0);
	return irq_enable(my.lease.device.fd, (unsigned int)index, my.irq) ? -errno : 0;
}

long raise_irq(long unused)
{
	(void)unused;
	return store(my.bar, EDU_RAISE, 1) ? 0 : -SIGBUS;
}

long irq_arrives(long timeout_ms)
{
	return irq_wait(my.irq, (int)timeout_ms);
}

long acknowledge(long unused)
{
	(void)unused;
	return store(my.bar, EDU_ACK, 1) ? 0 : -SIGBUS;
}

long intx_works(long unused)
{
	struct vfio_irq_set unmask = { .argsz = sizeof(unmask),
				       .flags = VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_UNMASK,
				       .index = VFIO_PCI_INTX_IRQ_INDEX,
				       .count = 1 };

	(void)unused;
	expect(!enable_irq(VFIO_PCI_INTX_IRQ_INDEX));
	for (int i = 0; i < 2; i++) {
		expect(!raise_irq(0) && irq_arrives(PATIENCE_MS) && !acknowledge(0));
		/* VFIO masks an interrupt of this kind until its user has seen to it */
		expect(!ioctl(my.lease.device.fd, VFIO_DEVICE_SET_IRQS, &unmask));
	}
	expect(!irq_enable(my.lease.device.fd, VFIO_PCI_INTX_IRQ_INDEX, -1));
	close_fd(&my.irq);
	return 0;
}

long msi_works(long unused)
{
	(void)unused;
	expect(!enable_irq(VFIO_PCI_MSI_IRQ_INDEX));
	expect(!raise_irq(0) && irq_arrives(PATIENCE_MS) && !acknowledge(0));
	return 0;
}

long reset(long unused)
{
	(void)unused;
	return ioctl(my.lease.device.fd, VFIO_DEVICE_RESET) ? -errno : 0;
}

/* Each call on a dead handle gives ENODEV, but poll, which says that it is dead. */
long calls_are_refused(long unused)
{
	struct vfio_device_info info = { .argsz = sizeof(info) };
	struct pollfd polls[2] = { { .fd = my.lease.device.fd, .events = POLLIN },
				   { .fd = my.lease.container.fd, .events = POLLIN } };
	char buffer[4] = "";

	(void)unused;
	expect_errno(ENODEV, ioctl(my.lease.device.fd, VFIO_DEVICE_GET_INFO, &info));
	expect_errno(ENODEV, ioctl(my.lease.device.fd, VFIO_DEVICE_RESET));
	expect_errno(ENODEV, ioctl(my.lease.device.fd, 0x12345));
	expect_errno(ENODEV, pread(my.lease.device.fd, buffer, 4, (off_t)VFIO_PCI_CONFIG_REGION_INDEX << 40));
	expect_errno(ENODEV, pwrite(my.lease.device.fd, buffer, 4, (off_t)VFIO_PCI_CONFIG_REGION_INDEX << 40));
	expect_errno(ENODEV, read(my.lease.device.fd, buffer, 4));
	errno = 0;
	expect(bar_map(my.lease.device.fd, 0, EDU_SIZE) == MAP_FAILED && errno == ENODEV);
	expect_errno(ENODEV, ioctl(my.lease.container.fd, VFIO_GET_API_VERSION));
	expect_errno(ENODEV, dma_map(my.lease.container.fd, my.memory, PAGE, 0x40000));
	expect_errno(ENODEV, dma_unmap(my.lease.container.fd, PAGE, OLD_IOVA));
	expect(poll(polls, 2, 0) == 2);
	expect(polls[0].revents & POLLHUP && polls[0].revents & POLLERR);
	expect(polls[1].revents & POLLHUP && polls[1].revents & POLLERR);
	return 0;
}

long wait_for_hangup(long unused)
{
	struct pollfd wait = { .fd = my.lease.device.fd };

	(void)unused;
	expect(poll(&wait, 1, PATIENCE_MS) == 1);
	return wait.revents & POLLHUP;
}

long fill_memory(long byte)
{
	memset(my.memory, (int)byte, 2 * PAGE);
	return 0;
}

long memory_is_all(long byte)
{
	for (unsigned int i = 0; i < 2 * PAGE; i++)
		if (my.memory[i] != byte)
			return 0;
	return 1;
}

long start_transfer(long iova)
{
	return dma_wait(my.bar) && dma_start(my.bar, EDU_BUFFER, (uint64_t)iova, PAGE, EDU_DMA_TO_RAM | EDU_DMA_IRQ)
		       ? 0
		       : -SIGBUS;
}

long close_device(long unused)
{
	(void)unused;
	close_fd(&my.lease.device.fd);
	return 0;
}

long close_container(long unused)
{
	(void)unused;
	close_fd(&my.lease.container.fd);
	return 0;
}

long unmap_bar(long unused)
{
	(void)unused;
	return munmap((void *)my.bar, EDU_SIZE);
}
