/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef VFIOD_COMPAT_H
#define VFIOD_COMPAT_H

/*
 * All that differs between kernels. HAVE_… comes from Kbuild, which looks into the kernel's
 * headers.
 */

#include <linux/file.h>
#if IS_ENABLED(CONFIG_IOMMUFD)
#include <linux/iommufd.h>
#endif
#include <linux/magic.h>
#include <linux/mm.h>
#include <linux/module.h>
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

#endif
