/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The interrupts of a device, signalled by eventfds. */
#include "libvfiodma/device.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

static const char *irq_name(unsigned int index)
{
	static const char *const names[] = {
		[VFIO_PCI_INTX_IRQ_INDEX] = "INTx",   [VFIO_PCI_MSI_IRQ_INDEX] = "MSI",
		[VFIO_PCI_MSIX_IRQ_INDEX] = "MSI-X",  [VFIO_PCI_ERR_IRQ_INDEX] = "error",
		[VFIO_PCI_REQ_IRQ_INDEX] = "request",
	};

	return index < sizeof(names) / sizeof(names[0]) ? names[index] : "such";
}

int vfiodma_irq_count(struct vfiodma_device *device, unsigned int index, unsigned int *count)
{
	struct vfio_irq_info info = { .argsz = sizeof(info), .index = index };

	if (index >= device->irq_count) {
		*count = 0;
		return 0;
	}
	if (!ioctl(device->lease->device_fd, VFIO_DEVICE_GET_IRQ_INFO, &info)) {
		*count = info.count;
		return 0;
	}
	/* EINVAL is how the kernel says that there is none */
	if (errno != EINVAL)
		return lease_error(device->lease, -errno, "VFIO tells nothing of %s interrupts of %s: %m",
				   irq_name(index), device->lease->address);
	*count = 0;
	return 0;
}

/* ---- eventfds ---- */

static void close_eventfds(int *eventfds, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		close(eventfds[i]);
	free(eventfds);
}

static int make_eventfds(unsigned int count, int **eventfds)
{
	int *made = calloc(count, sizeof(*made));

	if (!made)
		return -ENOMEM;
	for (unsigned int i = 0; i < count; i++) {
		made[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		if (made[i] < 0) {
			int err = -errno;

			close_eventfds(made, i);
			return err;
		}
	}
	*eventfds = made;
	return 0;
}

/* VFIO_DEVICE_SET_IRQS: the kernel answers with a positive number where fewer vectors are to be had. */
static int set_irqs(struct vfiodma_device *device, unsigned int index, const int *eventfds, unsigned int count)
{
	size_t data_size = count * sizeof(*eventfds);
	struct vfio_irq_set *set = malloc(sizeof(*set) + data_size);
	int ret;

	if (!set)
		return -ENOMEM;
	*set = (struct vfio_irq_set){
		.argsz = (uint32_t)(sizeof(*set) + data_size),
		.flags = VFIO_IRQ_SET_ACTION_TRIGGER | (count ? VFIO_IRQ_SET_DATA_EVENTFD : VFIO_IRQ_SET_DATA_NONE),
		.index = index,
		.count = count,
	};
	if (count)
		memcpy(set->data, eventfds, data_size); /* NOLINT(clang-analyzer-core.NonNullParamChecker): see below */
	ret = ioctl(device->lease->device_fd, VFIO_DEVICE_SET_IRQS, set);
	if (ret < 0)
		ret = -errno;
	free(set);
	return ret > 0 ? -ENOSPC : ret;
}

/* ---- enable and disable ---- */

/* INTx, MSI and MSI-X exclude each other (PCI Local Bus 3.0 §6.8); the error and request interrupts are the kernel's.
 */
static bool in_use(const struct vfiodma_device *device, unsigned int index, unsigned int *by)
{
	for (unsigned int i = 0; i < VFIO_PCI_NUM_IRQS; i++) {
		bool excludes = i <= VFIO_PCI_MSIX_IRQ_INDEX && index <= VFIO_PCI_MSIX_IRQ_INDEX;

		if (device->irqs[i].eventfds && (i == index || excludes)) {
			*by = i;
			return true;
		}
	}
	return false;
}

static int check_enable(struct vfiodma_device *device, unsigned int index, unsigned int count)
{
	struct errors *errors = device->lease->session->errors;
	unsigned int available = 0, by;
	int err = vfiodma_irq_count(device, index, &available);

	if (err)
		return err;
	if (!count || count > available)
		return errors_add(errors, -EINVAL, "cannot enable %u %s interrupts of %s: it has %u", count,
				  irq_name(index), device->lease->address, available);
	if (in_use(device, index, &by))
		return errors_add(errors, -EBUSY, "cannot enable %s interrupts of %s: its %s interrupts are enabled",
				  irq_name(index), device->lease->address, irq_name(by));
	return 0;
}

int vfiodma_irq_enable(struct vfiodma_device *device, unsigned int index, unsigned int count, int *eventfds)
{
	int *made = NULL;
	int err = check_enable(device, index, count);

	if (err)
		return err;
	err = make_eventfds(count, &made);
	if (err)
		goto explain;
	err = set_irqs(device, index, made, count);
	if (err)
		goto close_eventfds;
	device->irqs[index].eventfds = made;
	device->irqs[index].count = count;
	/* NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker): check_enable() never lets a count of 0 by */
	memcpy(eventfds, made, count * sizeof(*made));
	return 0;

close_eventfds:
	close_eventfds(made, count);
explain:
	return lease_error(device->lease, err, "cannot enable %u %s interrupts of %s: %s", count, irq_name(index),
			   device->lease->address,
			   err == -ENOSPC ? "the machine has fewer vectors left" : strerror(-err));
}

int vfiodma_irq_disable(struct vfiodma_device *device, unsigned int index)
{
	int err;

	if (index >= VFIO_PCI_NUM_IRQS || !device->irqs[index].eventfds)
		return 0;
	err = set_irqs(device, index, NULL, 0);
	close_eventfds(device->irqs[index].eventfds, device->irqs[index].count);
	device->irqs[index].eventfds = NULL;
	device->irqs[index].count = 0;
	if (err && err != -ENODEV) /* the lease was revoked, and its interrupts went with it */
		return lease_error(device->lease, err, "cannot disable %s interrupts of %s: %s", irq_name(index),
				   device->lease->address, strerror(-err));
	return 0;
}

int vfiodma_irq_unmask(struct vfiodma_device *device, unsigned int index)
{
	struct vfio_irq_set set = {
		.argsz = sizeof(set),
		.flags = VFIO_IRQ_SET_ACTION_UNMASK | VFIO_IRQ_SET_DATA_NONE,
		.index = index,
		.count = 1,
	};

	if (!ioctl(device->lease->device_fd, VFIO_DEVICE_SET_IRQS, &set))
		return 0;
	return lease_error(device->lease, -errno, "cannot unmask %s interrupts of %s: %m", irq_name(index),
			   device->lease->address);
}

int vfiodma_irq_wait(int eventfd, int timeout_ms, uint64_t *count)
{
	struct pollfd ready = { .fd = eventfd, .events = POLLIN };
	uint64_t signalled;
	int found = poll(&ready, 1, timeout_ms);
	ssize_t got;

	if (found < 0)
		return -errno;
	if (!found)
		return -ETIMEDOUT;
	got = read(eventfd, &signalled, sizeof(signalled));
	if (got != sizeof(signalled))
		return got < 0 ? -errno : -EINVAL;
	if (count)
		*count = signalled;
	return 0;
}
