/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIOD_INTERRUPTS_H
#define VFIOD_INTERRUPTS_H

#include "vfiod/failure.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * Interrupt remapping.  An MSI is a write to memory; where the IOMMU does not look at which one a function writes, its
 * user can have it raise any interrupt of the machine.  VFIO refuses such a function (VFIO_SET_IOMMU says EPERM, in
 * vfio_iommu_type1_attach_group() of drivers/vfio/vfio_iommu_type1.c), unless root has told it not to ask, by a
 * parameter of its module.  Then nobody knows, and so the rule of the function has to accept it.
 */

#define INTERRUPTS_PARAMETER "/sys/module/vfio_iommu_type1/parameters/allow_unsafe_interrupts"
#define INTERRUPTS_IOMMUFD   "/sys/module/iommufd/parameters/allow_unsafe_interrupts"

/* The one of the type1 driver, and of iommufd, which has the containers where that is not there; then NULL. */
extern const char *const interrupts_parameters[];

/**
 * interrupts_unchecked() - has VFIO been told not to ask?
 * @parameters: interrupts_parameters
 *
 * Return: by which of them, or NULL.
 */
const char *interrupts_unchecked(const char *const parameters[]);

/** interrupts_check() - refuse a function, whose rule does not accept it, where VFIO does not ask. Return: 0 or -EPERM.
 */
int interrupts_check(const char *const parameters[], uint64_t address, struct failure *failure);

/**
 * interrupts_explain() - say why VFIO did not take a group.
 * @error: of VFIO_GROUP_SET_CONTAINER or of VFIO_SET_IOMMU
 * Return: false: that says nothing of its own.
 */
bool interrupts_explain(uint64_t address, uint32_t group, int error, struct failure *failure);

/** interrupts_has_direct() - whether @path, a group's "reserved_regions", has memory that the firmware works with. */
bool interrupts_has_direct(const char *path);

#endif
