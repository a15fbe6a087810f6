/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIODMA_DEVICE_H
#define VFIODMA_DEVICE_H

#include "libvfiodma/lease.h"

#include <linux/vfio.h>

struct vfiodma_device {
	struct vfiodma_lease *lease;
	unsigned int region_count, irq_count;
	struct {
		void *base; /* NULL: not mapped */
		uint64_t size;
	} maps[VFIO_PCI_NUM_REGIONS];
	struct {
		int *eventfds; /* NULL: not enabled */
		unsigned int count;
	} irqs[VFIO_PCI_NUM_IRQS];
};

#endif
