// SPDX-License-Identifier: GPL-2.0-only
#include <linux/pm_runtime.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "trace.h"
#include "vfiod_pci.h"

/* ---- open: the function is reset, unless nobody has used it since its last reset ---- */

static int reset_before(struct vfiod_pci *vp)
{
	int error;

	if (vp->clean)
		return 0;
	error = pci_try_reset_function(vp->pdev);
	trace_vfiod_pci_reset(vp, "open", error);
	if (error != -EAGAIN)
		vp->can_reset = !error;
	return error == -EAGAIN ? error : 0;
}

/* VFIO holds the lock of the device set, over close, too. */
int device_open(struct vfio_device *vdev)
{
	struct vfiod_pci *vp = to_vfiod_pci(vdev);
	struct pci_dev *pdev = vp->pdev;
	int error = pm_runtime_resume_and_get(&pdev->dev);

	if (error < 0)
		return error;
	mutex_lock(&vp->lock);
	/* In the middle of a recovery it is not as its user should find it. */
	error = pci_channel_offline(pdev) ? -EAGAIN : 0;
	if (error)
		goto put;
	pci_clear_master(pdev);
	error = reset_before(vp);
	if (error)
		goto put;
	/* Not in the middle of somebody else's reset, which hides what is to be saved. */
	error = pci_dev_trylock(pdev) ? power_save(pdev, &vp->saved) : -EAGAIN;
	if (error != -EAGAIN)
		pci_dev_unlock(pdev);
	if (error)
		goto put;
	error = bar_open(vp);
	if (error)
		goto free;
	error = config_open(vp);
	vp->is_open = !error;
	vp->clean = false;
	if (error)
		goto close;
	mutex_unlock(&vp->lock);
	return 0;
close:
	bar_close(vp);
free:
	kfree(vp->saved);
	vp->saved = NULL;
put:
	mutex_unlock(&vp->lock);
	pm_runtime_put(&pdev->dev);
	return error;
}

/* Nobody's, as found: bus mastering and interrupts are off, and it has been reset if it can be. */
static void clean(struct vfiod_pci *vp)
{
	struct pci_dev *pdev = vp->pdev;
	int error;

	pci_clear_master(pdev);
	error = pci_try_reset_function(pdev);
	trace_vfiod_pci_reset(vp, "close", error);
	pci_load_and_free_saved_state(pdev, &vp->saved);
	pci_restore_state(pdev);
	vp->clean = !error && power_is_clean(vp);
}

void device_close(struct vfio_device *vdev)
{
	struct vfiod_pci *vp = to_vfiod_pci(vdev);

	mutex_lock(&vp->lock);
	vp->is_open = false;
	memory_block(vp, true);
	vp->memory_on = false;
	vp->io_on = false;
	power_set(vp, PCI_D0);
	memory_unblock(vp);
	interrupts_close(vp);
	clean(vp);
	mutex_unlock(&vp->lock);
	bar_close(vp);
	pm_runtime_mark_last_busy(&vp->pdev->dev);
	pm_runtime_put_autosuspend(&vp->pdev->dev);
}

/* ---- what there is ---- */

static long get_info(struct vfiod_pci *vp, void __user *argument)
{
	size_t least = offsetofend(struct vfio_device_info, num_irqs);
	struct vfio_device_info info = {};

	if (copy_from_user(&info, argument, least))
		return -EFAULT;
	if (info.argsz < least)
		return -EINVAL;
	info.flags = VFIO_DEVICE_FLAGS_PCI | (vp->can_reset ? VFIO_DEVICE_FLAGS_RESET : 0);
	info.num_regions = VFIO_PCI_NUM_REGIONS;
	info.num_irqs = VFIO_PCI_NUM_IRQS;
	return copy_to_user(argument, &info, least) ? -EFAULT : 0;
}

/* Where a BAR can be mapped, when that is not all of it. */
static int add_areas(struct vfiod_pci *vp, struct vfio_region_info *info,
		     struct vfio_info_cap *caps)
{
	struct vfio_region_info_cap_sparse_mmap *sparse;
	unsigned int n = 0;
	u64 from, to;
	int error = 0;

	if (vp->table.bar != info->index)
		return 0;
	sparse = kzalloc(struct_size(sparse, areas, 2), GFP_KERNEL_ACCOUNT);
	if (!sparse)
		return -ENOMEM;
	mapping_hole(vp, &from, &to);
	if (from)
		sparse->areas[n++].size = min_t(u64, from, info->size);
	if (to < info->size) {
		sparse->areas[n].offset = to;
		sparse->areas[n++].size = info->size - to;
	}
	sparse->header.id = VFIO_REGION_INFO_CAP_SPARSE_MMAP;
	sparse->header.version = 1;
	sparse->nr_areas = n;
	if (n)
		error = vfio_info_add_capability(caps, &sparse->header,
						 struct_size(sparse, areas, n));
	else
		info->flags &= ~VFIO_REGION_INFO_FLAG_MMAP;
	kfree(sparse);
	return error;
}

static int bar_info(struct vfiod_pci *vp, struct vfio_region_info *info, struct vfio_info_cap *caps)
{
	info->size = bar_length(vp, info->index);
	info->flags = info->size ? VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE : 0;
	if (!mapping_possible(vp, info->index))
		return 0;
	info->flags |= VFIO_REGION_INFO_FLAG_MMAP;
	return add_areas(vp, info, caps);
}

int device_region_info(struct vfio_device *vdev, struct vfio_region_info *info,
		       struct vfio_info_cap *caps)
{
	struct vfiod_pci *vp = to_vfiod_pci(vdev);

	if (info->index > VFIO_PCI_CONFIG_REGION_INDEX)
		return -EINVAL;
	info->offset = REGION_OFFSET(info->index);
	if (info->index < PCI_STD_NUM_BARS)
		return bar_info(vp, info, caps);
	if (info->index == VFIO_PCI_ROM_REGION_INDEX) {
		info->size = bar_length(vp, PCI_ROM_RESOURCE);
		info->flags = info->size ? VFIO_REGION_INFO_FLAG_READ : 0;
		return 0;
	}
	info->size = vp->cfg.size;
	info->flags = VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE;
	return 0;
}

/* ---- interrupts ---- */

static const u32 irq_flags[VFIO_PCI_NUM_IRQS] = {
	[VFIO_PCI_INTX_IRQ_INDEX] =
		VFIO_IRQ_INFO_EVENTFD | VFIO_IRQ_INFO_MASKABLE | VFIO_IRQ_INFO_AUTOMASKED,
	[VFIO_PCI_MSI_IRQ_INDEX] =
		VFIO_IRQ_INFO_EVENTFD | VFIO_IRQ_INFO_MASKABLE | VFIO_IRQ_INFO_NORESIZE,
	[VFIO_PCI_MSIX_IRQ_INDEX] =
		VFIO_IRQ_INFO_EVENTFD | VFIO_IRQ_INFO_MASKABLE | VFIO_IRQ_INFO_NORESIZE,
	[VFIO_PCI_ERR_IRQ_INDEX] = VFIO_IRQ_INFO_EVENTFD | VFIO_IRQ_INFO_NORESIZE,
	[VFIO_PCI_REQ_IRQ_INDEX] = VFIO_IRQ_INFO_EVENTFD | VFIO_IRQ_INFO_NORESIZE,
};

static long get_irq_info(struct vfiod_pci *vp, void __user *argument)
{
	size_t least = offsetofend(struct vfio_irq_info, count);
	struct vfio_irq_info info;

	if (copy_from_user(&info, argument, least))
		return -EFAULT;
	if (info.argsz < least || info.index >= VFIO_PCI_NUM_IRQS)
		return -EINVAL;
	/* Errors are not reported of what is not PCI Express, as with vfio-pci. */
	if (info.index == VFIO_PCI_ERR_IRQ_INDEX && !pci_is_pcie(vp->pdev))
		return -EINVAL;
	info.flags = irq_flags[info.index];
	info.count = interrupts_count(vp, info.index);
	return copy_to_user(argument, &info, least) ? -EFAULT : 0;
}

static long set_irqs(struct vfiod_pci *vp, u8 __user *argument)
{
	size_t least = offsetofend(struct vfio_irq_set, count), size = 0;
	struct vfio_irq_set set;
	void *data = NULL;
	int result;

	if (copy_from_user(&set, argument, least))
		return -EFAULT;
	result = vfio_set_irqs_validate_and_prepare(&set, interrupts_count(vp, set.index),
						    VFIO_PCI_NUM_IRQS, &size);
	if (result)
		return result;
	if (size) {
		data = memdup_user(argument + least, size);
		if (IS_ERR(data))
			return PTR_ERR(data);
	}
	mutex_lock(&vp->lock);
	result = interrupts_set(vp, &set, data);
	mutex_unlock(&vp->lock);
	kfree(data);
	return result;
}

/* ---- the rest ---- */

static long reset(struct vfiod_pci *vp)
{
	int error;

	if (!vp->can_reset)
		return -EINVAL;
	mutex_lock(&vp->lock);
	error = power_reset(vp);
	mutex_unlock(&vp->lock);
	return error;
}

long device_ioctl(struct vfio_device *vdev, unsigned int command, unsigned long argument)
{
	struct vfiod_pci *vp = to_vfiod_pci(vdev);
	void __user *pointer = (void __user *)argument;

	switch (command) {
	case VFIO_DEVICE_GET_INFO:
		return get_info(vp, pointer);
	case VFIO_DEVICE_GET_REGION_INFO:
		return compat_region_info(vdev, pointer, device_region_info);
	case VFIO_DEVICE_GET_IRQ_INFO:
		return get_irq_info(vp, pointer);
	case VFIO_DEVICE_SET_IRQS:
		return set_irqs(vp, pointer);
	case VFIO_DEVICE_RESET:
		return reset(vp);
	}
	return -ENOTTY;
}
