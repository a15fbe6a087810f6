/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLIENTS_OWNED_H
#define CLIENTS_OWNED_H

#include "libpcicfg/pcicfg_people.h"

#include <stddef.h>
#include <stdint.h>

/*
 * A function in the hands of libpcicfg, in user space: what the strict driver does with it in the kernel is done here a
 * second time, from pcicfg.h alone. Below it is either what root has recorded of a function, with hardware that is made
 * up of that, or the function itself by sysfs, which has to be the same, or the made-up hardware is wrong.
 */

/* One transaction that reached the hardware on behalf of the user, and by which access of the sequence. */
struct hw_write {
	uint32_t access;
	uint16_t offset;
	uint16_t width;
	uint32_t value;
};

#define HW_WRITES_MAX 400000

struct owned {
	struct pcicfg cfg;
	const char *address;
	int config;			      /* of sysfs; -1: it is made up */
	uint8_t memory[PCICFG_SIZE_PCIE];     /* what the made-up hardware has */
	uint8_t changeable[PCICFG_SIZE_PCIE]; /* of bits that can reach it, those that it takes */
	struct hw_write writes[HW_WRITES_MAX];
	size_t write_count;
	uint32_t access; /* which one it is at */
	unsigned int resets, power_changes;
};

/**
 * owned_measure() - find out which of the bits that can reach a function it takes: root writes the opposite of each of
 * them by sysfs, while the function has no driver
 */
void owned_measure(const char *address, uint8_t changeable[PCICFG_SIZE_PCIE]);

/** owned_open() - from @dump; @is_made_up: else by sysfs. */
void owned_open(struct owned *owned, const char *address, const struct pcicfg_dump *dump,
		const struct pcicfg_facts *facts, const uint8_t changeable[PCICFG_SIZE_PCIE], bool is_made_up);

/** owned_read(), owned_write() - as pread() and pwrite() of the user: a count, or a negative errno. */
int owned_read(struct owned *owned, uint16_t offset, void *buffer, size_t size);
int owned_write(struct owned *owned, uint16_t offset, const void *buffer, size_t size);

/** owned_reset() - VFIO_DEVICE_RESET. */
int owned_reset(struct owned *owned);

/** owned_sysfs() - open a file of the function's folder. */
int owned_sysfs(const char *address, const char *name, int flags);

#endif
