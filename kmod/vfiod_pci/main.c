// SPDX-License-Identifier: GPL-2.0-only
#include <linux/module.h>
#include <linux/pm_runtime.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "vfiod_pci.h"
#define CREATE_TRACE_POINTS
#include "trace.h"

static bool stock_name;
module_param(stock_name, bool, 0444);
MODULE_PARM_DESC(stock_name,
		 "Be called vfio-pci, instead of the stock driver, which must not be there");

#define IDLE_MS 5000 /* until a function that nobody has open may sleep */

/* ---- which functions ---- */

/* Known to hang, or to let their users out, when they are used by whom the host does not trust. */
static const struct pci_device_id denied[] = {
	{ PCI_DEVICE(PCI_VENDOR_ID_INTEL, 0x0435) }, /* QAT DH895XCC */
	{ PCI_DEVICE(PCI_VENDOR_ID_INTEL, 0x0443) }, /* its VFs */
	{ PCI_DEVICE(PCI_VENDOR_ID_INTEL, 0x37c8) }, /* QAT C62X */
	{ PCI_DEVICE(PCI_VENDOR_ID_INTEL, 0x37c9) }, /* its VFs */
	{ PCI_DEVICE(PCI_VENDOR_ID_INTEL, 0x19e2) }, /* QAT C3XXX */
	{ PCI_DEVICE(PCI_VENDOR_ID_INTEL, 0x19e3) }, /* its VFs */
	{ PCI_DEVICE(PCI_VENDOR_ID_INTEL, 0x0b25) }, /* DSA of Sapphire Rapids */
	{ PCI_DEVICE(PCI_VENDOR_ID_INTEL, 0x0cfe) }, /* IAX of Sapphire Rapids */
	{}
};

/* Why a function is refused, or NULL. */
static const char *refusal(struct pci_dev *pdev)
{
	if (pdev->hdr_type != PCI_HEADER_TYPE_NORMAL)
		return "it is a bridge";
	if (pdev->class >> 8 == PCI_CLASS_DISPLAY_VGA)
		return "it answers to the addresses of VGA";
	if (pci_num_vf(pdev))
		return "it has virtual functions; remove them first (sriov_numvfs)";
	if (!device_iommu_mapped(&pdev->dev))
		return "it is behind no IOMMU";
	if (pci_match_id(denied, pdev))
		return "it is known not to be safe in a program's hands";
	return NULL;
}

/* ---- a function comes and goes ---- */

static int device_init(struct vfio_device *vdev)
{
	struct vfiod_pci *vp = to_vfiod_pci(vdev);

	vp->pdev = to_pci_dev(vdev->dev);
	mutex_init(&vp->lock);
	init_rwsem(&vp->memory_lock);
	interrupts_init(vp);
	mapping_init(vp);
	/* VFIO would see to that, but goes on without one when there is no memory. */
	return vfio_assign_device_set(vdev, vdev);
}

static void device_release(struct vfio_device *vdev)
{
	struct vfiod_pci *vp = to_vfiod_pci(vdev);

	kfree(vp->found);
	kfree(vp->irq_name);
	compat_vfio_free(vdev);
}

static ssize_t access_region(struct vfiod_pci *vp, u8 *bytes, size_t count, loff_t at, bool write)
{
	unsigned int index = REGION_INDEX(at);
	u64 offset = OFFSET_IN_REGION(at);

	if (index == VFIO_PCI_CONFIG_REGION_INDEX)
		return config_access(vp, bytes, count, offset, write);
	if (index < PCI_STD_NUM_BARS)
		return bar_access(vp, index, bytes, count, offset, write);
	if (index == VFIO_PCI_ROM_REGION_INDEX && !write)
		return rom_access(vp, bytes, count, offset);
	return -EINVAL;
}

/*
 * Nothing is locked while user memory is copied: that may fault in a mapping of this very function.
 * Return: bytes, or an errno.
 */
#define BOUNCE 64

static __always_inline ssize_t transfer_piece(struct vfiod_pci *vp, char __user *user, size_t count,
					      loff_t at, bool write)
{
	u8 bytes[BOUNCE] __aligned(8);
	ssize_t done;

	count = min_t(size_t, count, BOUNCE - (at & 7));
	if (write)
		count -= copy_from_user(bytes, user, count);
	if (!count)
		return -EFAULT;
	done = access_region(vp, bytes, count, at, write);
	if (done <= 0 || write)
		return done;
	done -= copy_to_user(user, bytes, done);
	return done ? done : -EFAULT;
}

/*
 * One access may have all of a large BAR to go through: others may run in between, and its user may
 * be ended. An error behind some bytes is left for the next call.
 */
static __always_inline ssize_t transfer(struct vfio_device *vdev, char __user *user, size_t count,
					loff_t *at, bool write)
{
	ssize_t done = 0, now = 0;

	for (; (size_t)done < count; done += now, *at += now) {
		if (done) {
			cond_resched();
			if (fatal_signal_pending(current))
				break;
		}
		now = transfer_piece(to_vfiod_pci(vdev), user + done, count - done, *at, write);
		if (now <= 0)
			break;
	}
	return done ? done : now;
}

static ssize_t device_read(struct vfio_device *vdev, char __user *to, size_t count, loff_t *at)
{
	return transfer(vdev, to, count, at, false);
}

static ssize_t device_write(struct vfio_device *vdev, const char __user *from, size_t count,
			    loff_t *at)
{
	return transfer(vdev, (char __user *)from, count, at, true);
}

/* clang-format off */
static const struct vfio_device_ops vfiod_pci_ops = {
	.name = "vfiod-pci",
	.init = device_init,
	.release = device_release,
	.open_device = device_open,
	.close_device = device_close,
	.read = device_read,
	.write = device_write,
	.ioctl = device_ioctl,
	.mmap = mapping_mmap,
	.request = events_request,
	COMPAT_IOMMUFD_OPS COMPAT_REGION_INFO_OP(device_region_info)
};

/* clang-format on */

static void leave_as_found(struct vfiod_pci *vp)
{
	pci_disable_device(vp->pdev);
	if (!pci_load_saved_state(vp->pdev, vp->found))
		pci_restore_state(vp->pdev);
}

static void let_sleep(struct device *dev)
{
	pm_runtime_set_autosuspend_delay(dev, IDLE_MS);
	pm_runtime_use_autosuspend(dev);
	pm_runtime_allow(dev);
	pm_runtime_mark_last_busy(dev);
	pm_runtime_put_autosuspend(dev);
}

static void keep_awake(struct device *dev)
{
	pm_runtime_forbid(dev);
	pm_runtime_get_noresume(dev);
	pm_runtime_dont_use_autosuspend(dev);
}

static int probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	const char *why = refusal(pdev);
	struct vfiod_pci *vp;
	int error;

	if (why) {
		pci_info(pdev, "vfiod-pci does not take this function: %s\n", why);
		return -ENODEV; /* of which the driver core says no more */
	}
	vp = vfio_alloc_device(vfiod_pci, vdev, &pdev->dev, &vfiod_pci_ops);
	if (IS_ERR(vp))
		return PTR_ERR(vp);
	/* To be there again for the driver behind us, but for DMA, which firmware may leave on. */
	pci_clear_master(pdev);
	error = power_save(pdev, &vp->found);
	if (error)
		goto put;
	vp->irq_name = kasprintf(GFP_KERNEL_ACCOUNT, "vfiod-pci(%s)", pci_name(pdev));
	/* For as long as it is ours: to look its interrupt up takes longer than a warm open. */
	error = vp->irq_name ? pci_enable_device(pdev) : -ENOMEM;
	if (error)
		goto put;
	pci_intx(pdev, 0);
	dev_set_drvdata(&pdev->dev, vp);
	error = vfio_register_group_dev(&vp->vdev);
	if (error)
		goto disable;
	events_add(vp);
	let_sleep(&pdev->dev);
	return 0;
disable:
	leave_as_found(vp);
put:
	vfio_put_device(&vp->vdev);
	return error;
}

/*
 * Who closes a function's last file while it is removed cannot reset it: that takes the device's
 * lock, which is held here.
 */
static void reset_at_last(struct vfiod_pci *vp)
{
	int error;

	if (vp->clean || !vp->can_reset || !pci_device_is_present(vp->pdev))
		return;
	error = power_reset_locked(vp);
	trace_vfiod_pci_reset(vp, "remove", error);
}

static void remove(struct pci_dev *pdev)
{
	struct vfiod_pci *vp = dev_get_drvdata(&pdev->dev);

	vfio_unregister_group_dev(&vp->vdev);
	events_remove(vp);
	keep_awake(&pdev->dev);
	reset_at_last(vp);
	leave_as_found(vp);
	vfio_put_device(&vp->vdev);
}

/* None is bound by itself: only by driver_override. */
static const struct pci_device_id ids[] = {
	{ PCI_DRIVER_OVERRIDE_DEVICE_VFIO(PCI_ANY_ID, PCI_ANY_ID) }, {}
};
MODULE_DEVICE_TABLE(pci, ids);

/* That there are any has VFIO wake the function for an ioctl. */
static const struct dev_pm_ops pm_ops = {};

static struct pci_driver vfiod_pci_driver = {
	.name = "vfiod-pci",
	.id_table = ids,
	.probe = probe,
	.remove = remove,
	.err_handler = &events_error_handlers,
	.dev_groups = config_groups,
	.driver_managed_dma = true,
	.driver.pm = &pm_ops,
};

/* The node is last: a file of it, once open, would not keep a module whose loading fails. */
static int __init vfiod_pci_init(void)
{
	int error;

	if (stock_name)
		vfiod_pci_driver.name = "vfio-pci";
	error = pci_register_driver(&vfiod_pci_driver);
	if (error)
		return error;
	error = events_init();
	if (error)
		pci_unregister_driver(&vfiod_pci_driver);
	return error;
}

static void __exit vfiod_pci_exit(void)
{
	events_exit();
	pci_unregister_driver(&vfiod_pci_driver);
}

module_init(vfiod_pci_init);
module_exit(vfiod_pci_exit);
MODULE_DESCRIPTION("Strict VFIO driver for PCI functions");
MODULE_LICENSE("GPL");
