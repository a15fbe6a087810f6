/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIOD_FACTS_H
#define VFIOD_FACTS_H

#include "proto/vfiod_proto.h"
#include "vfiod/isolation.h"
#include "vfiod/topology.h"

#include <stdbool.h>
#include <stdint.h>

struct udev;
struct udev_device;

#define FACTS_LABEL_MAX 64

/* What the kernel says of one PCI function. Plain values: what decides over them can be tested without a machine. */
struct facts {
	uint64_t address;
	uint16_t vendor, device, subsystem_vendor, subsystem_device;
	uint32_t class_code; /* base class << 16 | sub-class << 8 | programming interface */
	uint32_t group;	     /* IOMMU group, or VFIOD_NONE */
	bool no_iommu;	     /* VFIO has it in its no-IOMMU mode: the group that it has confines nothing, and is none */
	uint32_t numa_node;  /* or VFIOD_NONE */
	uint32_t vfs;	     /* virtual functions that are enabled */
	bool boot_display;
	char driver[VFIOD_NAME_MAX]; /* empty: none */
	bool strict;		     /* which is vfiod_pci(4), under whichever name */
	/* the last driver that it was seen with and that is no VFIO driver: what a rule says of the host's driver is to
	 * hold while the function is assigned, too; empty: none */
	char host_driver[VFIOD_NAME_MAX];
	char reset[VFIOD_NAME_MAX];   /* the kernel's reset methods; empty: none */
	bool is_virtual;	      /* of SR-IOV */
	uint64_t physical_function;   /* whose it is then */
	char path[TOPOLOGY_PATH_MAX]; /* empty: a virtual function, whose own is not unique */
	uint64_t parent;	      /* the bridge that it is behind; VFIOD_NO_ADDRESS: none */
	struct isolation isolation;   /* see devices_put() */
	uint64_t serial;	      /* the card's, see serial.h; 0: none */
	uint64_t seen;		      /* the kernel's last event before it was first looked at, see devices_put() */
	char pool[VFIOD_NAME_MAX];    /* that an administrator has put it into; empty: what its rule says */
	char label[FACTS_LABEL_MAX];  /* the firmware's (SMBIOS type 41, ACPI _DSM); empty: none, or a longer one */
};

/** facts_is_want() - an errno that is want of memory, or of file descriptors, and says nothing of the function. */
bool facts_is_want(int error);

/**
 * facts_from_udev() - read the facts of a PCI function, but for those in its config space: see devices_put().
 * Return: 0, or -EINVAL when @dev is no PCI function, -ENODEV when it is gone, or one of which facts_is_want().
 */
int facts_from_udev(struct udev_device *dev, struct facts *facts);

/** facts_read() - the same by address. */
int facts_read(struct udev *udev, uint64_t address, struct facts *facts);

/**
 * facts_count_vfs() - how many virtual functions are enabled now.
 *
 * By their links: to read sriov_numvfs waits for the lock of a function whose driver is just coming or going.
 */
uint32_t facts_count_vfs(uint64_t address);

/** facts_refresh_driver() - read again what changes most often: the driver that is bound. */
void facts_refresh_driver(struct facts *facts);

/** facts_note_host_driver() - @driver was seen with it, unless that is none or a VFIO driver. */
void facts_note_host_driver(struct facts *facts, const char *driver);

/** facts_is_bridge() - a bridge (base class 06h, PCI Code and ID Assignment 1.11 §1.7) belongs to the host. */
bool facts_is_bridge(const struct facts *facts);

/** facts_on_vfio() - the driver that is bound is a VFIO driver, of those that driver.h knows. */
bool facts_on_vfio(const struct facts *facts);

#endif
