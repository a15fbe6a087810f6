/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIOD_SPACE_H
#define VFIOD_SPACE_H

#include <stdint.h>

/*
 * The config space of a function, by its file in sysfs (pci_regs.h has the registers).  It takes no memory, and a
 * function that does not answer, or is not there, reads as ones.
 */

/** space_open() - the caller's to close with space_close(); -1, which reads as ones, when there is none. */
int space_open(uint64_t address);

void space_close(int space);

uint16_t space_read16(int space, unsigned int offset);
uint32_t space_read32(int space, unsigned int offset);
void space_write16(int space, unsigned int offset, uint16_t value);

/** space_find() - where the capability @id begins (PCIe 6.0 §7.5.3.1); 0: there is none. */
unsigned int space_find(int space, uint8_t id);

#endif
