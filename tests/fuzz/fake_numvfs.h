/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_FUZZ_FAKE_NUMVFS_H
#define TESTS_FUZZ_FAKE_NUMVFS_H

#include "vfiod/vfio.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* SR-IOV made up, below vfiod's numvfs.h: one physical function of fake_kernel's that can have virtual ones. */

#define FAKE_VFS 2

struct fake_numvfs {
	bool is;		   /* there is one */
	uint64_t parent;	   /* the physical function */
	uint64_t vfs[FAKE_VFS];	   /* those that it can have; fake_kernel knows them all, there or not */
	void (*plug)(uint64_t vf); /* one of these appears */
	bool by_vfiod;		   /* it has made those that are there */
	struct vfio_token token;   /* of the physical function, if it has been opened with one */
};

extern struct fake_numvfs fake_numvfs;

/** fake_vfs() - how many virtual functions there are. */
unsigned int fake_vfs(void);

/** fake_vfs_are_open() - somebody has one of them open, so that the kernel would wait with their removal. */
bool fake_vfs_are_open(void);

/**
 * fake_vfs_enable() - the driver makes @count, or removes them: 0. The host's drivers take them where they may.
 * Return: whether that has changed anything: the physical function needs a driver, and none may be there, or all go.
 */
bool fake_vfs_enable(unsigned int count);

/**
 * fake_vfs_open() - a function is opened with @token; see vfio_pci_validate_vf_token() in
 * drivers/vfio/pci/vfio_pci_core.c.
 * Return: whether it may be.
 */
bool fake_vfs_open(uint64_t address, const struct vfio_token *token);

#endif
