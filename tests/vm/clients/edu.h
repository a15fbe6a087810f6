/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLIENTS_EDU_H
#define CLIENTS_EDU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* QEMU's educational device (qemu: docs/specs/edu.rst) by a VFIO device file, or a handle of it. */

enum {
	EDU_ID = 0x00,
	EDU_INVERT = 0x04, /* reads as the inverse of what was written */
	EDU_IRQ_STATUS = 0x24,
	EDU_RAISE = 0x60, /* an interrupt */
	EDU_ACK = 0x64,
	EDU_DMA_SRC = 0x80,
	EDU_DMA_DST = 0x88,
	EDU_DMA_COUNT = 0x90,
	EDU_DMA_CMD = 0x98,
};

#define EDU_SIZE       0x100000u /* of BAR 0 */
#define EDU_DMA_START  0x01u	 /* reads as 1 while a transfer is on */
#define EDU_DMA_TO_RAM 0x02u
#define EDU_DMA_IRQ    0x04u
#define EDU_IRQ_DMA    0x100u	/* in EDU_IRQ_STATUS and EDU_ACK */
#define EDU_BUFFER     0x40000u /* the device's own memory, of 4 KiB */

/* Where things are in config space (PCI Local Bus 3.0 §6.2). */
#define PCI_COMMAND_AT	 0x04
#define COMMAND_MEMORY	 0x2
#define COMMAND_MASTER	 0x4
#define CONFIG_LINE_AT	 0x3c /* the interrupt line, which VFIO keeps for the user */
#define CONFIG_VENDOR_AT 0x00

/** region_offset() - where region @index of a device file is, in file offsets. */
uint64_t region_offset(int device, unsigned int index);

/** config_read(), config_write() - @size bytes, 1 to 4; false with errno. */
bool config_read(int device, unsigned int at, void *value, size_t size);
bool config_write(int device, unsigned int at, const void *value, size_t size);

/** command_change() - set and clear bits of COMMAND; 0 or -1 with errno. */
int command_change(int device, uint16_t set, uint16_t clear);

/** bar_map() - BAR 0 from @offset on; MAP_FAILED with errno. */
volatile void *bar_map(int device, size_t offset, size_t size);

/** load(), store() - one access to a register; false: it gave SIGBUS. Any thread may. */
bool load(volatile void *bar, size_t at, uint32_t *value);
bool store(volatile void *bar, size_t at, uint32_t value);

/** dma_map(), dma_unmap() - by a container file or a handle of it; 0 or -1 with errno. */
int dma_map(int container, void *memory, size_t size, uint64_t iova);
int dma_unmap(int container, size_t size, uint64_t iova);

/** dma_start() - a transfer of @size bytes; false: SIGBUS. dma_wait(): until none is on, or SIGBUS. */
bool dma_start(volatile void *bar, uint64_t from, uint64_t to, uint32_t size, uint32_t command);
bool dma_wait(volatile void *bar);

/** irq_enable() - signal @eventfd on vector 0 of interrupt @index, or disable that (-1); 0 or -1 with errno. */
int irq_enable(int device, unsigned int index, int eventfd);

/** irq_wait() - whether the eventfd is signalled within @timeout_ms; the signals are taken. */
bool irq_wait(int eventfd, int timeout_ms);

#endif
