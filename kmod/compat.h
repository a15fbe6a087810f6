/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef VFIOD_COMPAT_H
#define VFIOD_COMPAT_H

/*
 * All that differs between kernels. HAVE_… comes from Kbuild, which looks into the kernel's
 * headers.
 */

#include <linux/eventfd.h>
#include <linux/file.h>
#if IS_ENABLED(CONFIG_IOMMUFD)
#include <linux/iommufd.h>
#endif
#include <linux/magic.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/pci.h>
#ifdef HAVE_PFN_T
#include <linux/pfn_t.h>
#endif
#include <linux/slab.h>
#include <linux/sysfs.h>
#ifdef HAVE_LINUX_UNALIGNED
#include <linux/unaligned.h>
#else
#include <asm/unaligned.h>
#endif
#include <linux/uaccess.h>
#include <linux/version.h>
#include <linux/vfio.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 1, 0)
#error "vfiod's modules are for Linux 6.1 and newer"
#endif

#ifdef HAVE_HUGE_FAULT_ORDER
typedef unsigned int compat_fault_order;
#else
typedef enum page_entry_size compat_fault_order;
#endif

/* A file that a VFIO driver's operations are behind, from a group or from /dev/vfio/devices. */
static inline bool compat_file_is_vfio_device(struct file *file)
{
#ifdef HAVE_VFIO_FILE_IS_VALID
	return vfio_file_is_valid(file) && !vfio_file_is_group(file);
#else
	/*
	 * Nothing is exported that tells. Only kernel code gives names to anonymous inodes, and
	 * VFIO gives this one.
	 */
	return file->f_path.dentry->d_sb->s_magic == ANON_INODE_FS_MAGIC &&
	       !strcmp(file->f_path.dentry->d_name.name, "[vfio-device]");
#endif
}

static inline bool compat_file_is_iommufd(struct file *file)
{
#if IS_ENABLED(CONFIG_IOMMUFD)
	struct iommufd_ctx *context = iommufd_ctx_from_file(file);

	if (IS_ERR(context))
		return false;
	iommufd_ctx_put(context);
	return true;
#else
	return false;
#endif
}

#if IS_ENABLED(CONFIG_IOMMUFD)
/* MODULE_IMPORT_NS() wants a name in older kernels and a string in newer ones. */
#define COMPAT_IMPORT_IOMMUFD MODULE_INFO(import_ns, "IOMMUFD")
#else
#define COMPAT_IMPORT_IOMMUFD
#endif

/* Called when an interrupt, or what stands for one, arrives. */
static inline void compat_eventfd_signal(struct eventfd_ctx *context)
{
#ifdef HAVE_EVENTFD_SIGNAL_ONCE
	eventfd_signal(context);
#else
	eventfd_signal(context, 1);
#endif
}

#ifndef HAVE_VM_FLAGS_SET
static inline void vm_flags_set(struct vm_area_struct *vma, unsigned long flags)
{
	vma->vm_flags |= flags;
}
#endif

/* The end of vfio_device_ops.release: older kernels leave it to the driver to free the device. */
static inline void compat_vfio_free(struct vfio_device *vdev)
{
#ifdef HAVE_VFIO_FREE_DEVICE
	vfio_free_device(vdev);
#endif
}

#ifdef HAVE_VFIO_IOMMUFD
#define COMPAT_IOMMUFD_OPS \
	.bind_iommufd = vfio_iommufd_physical_bind, \
	.unbind_iommufd = vfio_iommufd_physical_unbind, \
	.attach_ioas = vfio_iommufd_physical_attach_ioas, \
	.detach_ioas = vfio_iommufd_physical_detach_ioas,
#else
#define COMPAT_IOMMUFD_OPS
#endif

/*
 * VFIO_DEVICE_GET_REGION_INFO: newer kernels have an operation for it, which fills in @info and
 * @caps, and copy both themselves.
 */
typedef int (*compat_region_info_op)(struct vfio_device *vdev, struct vfio_region_info *info,
				     struct vfio_info_cap *caps);

#ifdef HAVE_REGION_INFO_OP
#define COMPAT_REGION_INFO_OP(op) .get_region_info_caps = (op),

static inline long compat_region_info(struct vfio_device *vdev, void __user *argument,
				      compat_region_info_op op)
{
	return -ENOTTY; /* does not come here */
}
#else
#define COMPAT_REGION_INFO_OP(op)

/* What does not fit is not given, but how much it would be is said. */
static inline int compat_give_caps(struct vfio_region_info *info, struct vfio_info_cap *caps,
				   u8 __user *argument)
{
	info->flags |= VFIO_REGION_INFO_FLAG_CAPS;
	info->cap_offset = 0;
	if (info->argsz < sizeof(*info) + caps->size) {
		info->argsz = sizeof(*info) + caps->size;
		return 0;
	}
	vfio_info_cap_shift(caps, sizeof(*info));
	info->cap_offset = sizeof(*info);
	return copy_to_user(argument + sizeof(*info), caps->buf, caps->size) ? -EFAULT : 0;
}

static inline long compat_region_info(struct vfio_device *vdev, void __user *argument,
				      compat_region_info_op op)
{
	size_t least = offsetofend(struct vfio_region_info, offset);
	struct vfio_info_cap caps = {};
	struct vfio_region_info info;
	int error;

	if (copy_from_user(&info, argument, least))
		return -EFAULT;
	if (info.argsz < least)
		return -EINVAL;
	error = op(vdev, &info, &caps);
	if (!error && caps.size)
		error = compat_give_caps(&info, &caps, argument);
	if (!error && copy_to_user(argument, &info, least))
		error = -EFAULT;
	kfree(caps.buf);
	return error;
}
#endif

#ifdef HAVE_CONST_BIN_ATTRIBUTES
typedef const struct bin_attribute compat_bin_attribute;
#define compat_const const
#else
typedef struct bin_attribute compat_bin_attribute;
#define compat_const
#endif

/* A page, or as many as a PMD is for, where the kernel can have those of a device. */
#ifdef CONFIG_ARCH_SUPPORTS_PMD_PFNMAP
#define COMPAT_HUGE_FAULT(fault) .huge_fault = (fault),
#ifdef HAVE_PFN_T
#define compat_insert_pfn_pmd(vmf, pfn, write) \
	vmf_insert_pfn_pmd(vmf, __pfn_to_pfn_t(pfn, PFN_DEV), write)
#else
#define compat_insert_pfn_pmd(vmf, pfn, write) vmf_insert_pfn_pmd(vmf, pfn, write)
#endif
#else
#define COMPAT_HUGE_FAULT(fault)
#define compat_insert_pfn_pmd(vmf, pfn, write) VM_FAULT_FALLBACK
#endif

/* A page that a load has brought may be read-only until a store asks for more. */
static inline vm_fault_t compat_insert_pfn(struct vm_fault *vmf, unsigned long pfn,
					   unsigned int order)
{
	if (!order)
		return vmf_insert_pfn(vmf->vma, vmf->address, pfn);
	if (order != PMD_SHIFT - PAGE_SHIFT)
		return VM_FAULT_FALLBACK;
	return compat_insert_pfn_pmd(vmf, pfn, vmf->flags & FAULT_FLAG_WRITE);
}

static inline bool compat_bars_are_not_mappable(const struct pci_dev *pdev)
{
#ifdef HAVE_NON_MAPPABLE_BARS
	return pdev->non_mappable_bars;
#else
	return false;
#endif
}

#ifdef HAVE_ASSIGN_STR_ONCE
#define compat_assign_str(field, value) __assign_str(field)
#else
#define compat_assign_str(field, value) __assign_str(field, value)
#endif

#endif
