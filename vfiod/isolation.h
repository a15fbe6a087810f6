/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIOD_ISOLATION_H
#define VFIOD_ISOLATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct device;
struct devices;

/*
 * Why functions share an IOMMU group.  The kernel puts into one what could reach each other without the IOMMU's seeing
 * it (pci_device_group() in drivers/iommu/iommu.c), and does not say why.  Here the same registers are looked at that
 * it goes by: which bridge is conventional PCI, and who has no Access Control Services (PCIe 6.0 §6.12) or has them
 * off.
 */

/* What the config space of a function says of that. */
struct isolation {
	bool is_known; /* it has been read */
	bool is_express;
	uint8_t type;	    /* of an express one: PCI_EXP_TYPE_… */
	bool multifunction; /* its slot has others */
	bool has_acs;
	uint16_t acs_missing; /* PCI_ACS_…: those that it has, that are wanted and that are off */
};

enum isolation_cause {
	ISOLATION_UNKNOWN, /* nothing that could be seen: the kernel knows of more, as functions that use each other's
			      ids */
	ISOLATION_BUS,	   /* they are behind a bridge to conventional PCI, or one of them is it */
	ISOLATION_PORT,	   /* a port between them does not keep them apart */
	ISOLATION_DEVICE,  /* they are functions of one slot, which does not keep them apart */
};

struct isolation_reason {
	enum isolation_cause cause;
	uint64_t at; /* the function that does not keep them apart; VFIOD_NO_ADDRESS where that is unknown */
	bool has_acs;
	uint16_t acs_missing; /* as in struct isolation */
};

/** isolation_find() - look at an open config space, or at a file of one. */
void isolation_find(int config, struct isolation *isolation);

/** isolation_read() - the same by address. Return: 0, or a negative errno: its config space cannot be opened. */
int isolation_read(uint64_t address, struct isolation *isolation);

/** isolation_explain() - why @device and @other, of one group, are that. */
void isolation_explain(const struct devices *devices, const struct device *device, const struct device *other,
		       struct isolation_reason *reason);

#define ISOLATION_TEXT_MAX 96

/** isolation_text() - the same in words, to go on behind "…: "; empty where it is unknown. */
const char *isolation_text(const struct isolation_reason *reason, char text[ISOLATION_TEXT_MAX]);

#endif
