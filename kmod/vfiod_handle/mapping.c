// SPDX-License-Identifier: GPL-2.0-only
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>

#include "compat.h"
#include "handle.h"

/*
 * A vma that a driver made on a handle keeps all that the driver gave it, but that its
 * vm_operations are ours: they let a fault through while the handle lives. All of a handle's vmas
 * are in one address_space, which unmap_mapping_range() empties.
 *
 * A fault finds its handle by its vma's file (vm_private_data stays the driver's), and the vma
 * holds the file.
 */

struct wrapped {
	struct list_head node;
	const struct vm_operations_struct *real;
	struct vm_operations_struct ops;
};

struct tracked {
	struct list_head node;
	struct vm_area_struct *vma;
	u32 zapped; /* the latest zap that has come here; a copy begins without pages */
};

static const struct vm_operations_struct *real_ops(struct vm_area_struct *vma)
{
	return container_of(vma->vm_ops, struct wrapped, ops)->real;
}

static struct handle *handle_of(struct vm_area_struct *vma)
{
	return vma->vm_file->private_data;
}

static vm_fault_t wrapped_fault(struct vm_fault *vmf)
{
	struct handle *h = handle_of(vmf->vma);
	vm_fault_t result = VM_FAULT_SIGBUS;
	struct visit visit;

	if (gate_enter(&h->faults, &visit)) {
		result = real_ops(vmf->vma)->fault(vmf);
		gate_leave(&h->faults, &visit);
	}
	return result;
}

static vm_fault_t wrapped_huge_fault(struct vm_fault *vmf, compat_fault_order order)
{
	struct handle *h = handle_of(vmf->vma);
	vm_fault_t result = VM_FAULT_SIGBUS;
	struct visit visit;

	if (gate_enter(&h->faults, &visit)) {
		result = real_ops(vmf->vma)->huge_fault(vmf, order);
		gate_leave(&h->faults, &visit);
	}
	return result;
}

/*
 * A driver whose vm_operations have open or close keeps account of its vmas, and has to have
 * forgotten them all before its file is closed: those of a revoked handle outlive that. So they are
 * tracked here, too.
 */
static void wrapped_open(struct vm_area_struct *vma)
{
	/*
	 * A fork cannot be refused here, and to lose track of a vma is worse than to wait for 32
	 * bytes.
	 */
	struct tracked *t = kmalloc(sizeof(*t), GFP_KERNEL_ACCOUNT | __GFP_NOFAIL);
	const struct vm_operations_struct *real = real_ops(vma);
	struct handle *h = handle_of(vma);

	mutex_lock(&h->vma_lock);
	if (h->vmas_gone) {
		kfree(t);
	} else {
		if (real->open)
			real->open(vma);
		t->vma = vma;
		t->zapped = h->zaps;
		list_add(&t->node, &h->vmas);
	}
	mutex_unlock(&h->vma_lock);
}

static void close_tracked(struct tracked *t)
{
	const struct vm_operations_struct *real = real_ops(t->vma);

	if (real->close)
		real->close(t->vma);
	list_del(&t->node);
	kfree(t);
}

static void wrapped_close(struct vm_area_struct *vma)
{
	struct handle *h = handle_of(vma);
	struct tracked *t;

	mutex_lock(&h->vma_lock);
	list_for_each_entry(t, &h->vmas, node) {
		if (t->vma == vma) {
			close_tracked(t);
			break;
		}
	}
	mutex_unlock(&h->vma_lock);
}

/* Has the driver forget the vmas of a handle that is shut: its file is about to be closed. */
void mapping_forget(struct handle *h)
{
	struct tracked *t, *next;

	mutex_lock(&h->vma_lock);
	WRITE_ONCE(h->vmas_gone, true);
	list_for_each_entry_safe(t, next, &h->vmas, node)
		close_tracked(t);
	mutex_unlock(&h->vma_lock);
}

/*
 * Only mappings whose ptes come from a fault handler can be stopped. A driver that fills them in
 * mmap does so before the vma is in the address_space, where a revocation in that moment would not
 * see it. And of other vm_operations nothing is known here.
 */
static bool can_be_stopped(const struct vm_operations_struct *real)
{
	struct vm_operations_struct known;

	if (!real || !real->fault)
		return false;
	memset(&known, 0, sizeof(known));
	known.open = real->open;
	known.close = real->close;
	known.fault = real->fault;
	known.huge_fault = real->huge_fault;
	return !memcmp(&known, real, sizeof(known));
}

/* Our vm_operations for these of a driver; they live as long as the handle. */
static struct wrapped *find_wrapped(struct handle *h, const struct vm_operations_struct *real)
{
	struct wrapped *w;

	list_for_each_entry(w, &h->wrapped, node)
		if (w->real == real)
			return w;
	w = kzalloc(sizeof(*w), GFP_KERNEL_ACCOUNT);
	if (!w)
		return NULL;
	w->real = real;
	w->ops.fault = wrapped_fault;
	if (real->huge_fault)
		w->ops.huge_fault = wrapped_huge_fault;
	if (real->open || real->close) {
		w->ops.open = wrapped_open;
		w->ops.close = wrapped_close;
	}
	list_add(&w->node, &h->wrapped);
	return w;
}

/* Takes over a vma that the driver has just made on the handle's file. */
int mapping_wrap(struct handle *h, struct vm_area_struct *vma)
{
	const struct vm_operations_struct *real = vma->vm_ops;
	struct tracked *t = NULL;
	struct wrapped *w;
	int error = -EOPNOTSUPP;

	if (!h->inode || vma->vm_file->private_data != h || !can_be_stopped(real))
		goto undo;
	error = -ENOMEM;
	if (real->open || real->close) {
		t = kmalloc(sizeof(*t), GFP_KERNEL_ACCOUNT);
		if (!t)
			goto undo;
	}
	mutex_lock(&h->vma_lock);
	w = find_wrapped(h, real);
	if (w && t) {
		t->vma = vma;
		t->zapped = h->zaps;
		list_add(&t->node, &h->vmas);
	}
	mutex_unlock(&h->vma_lock);
	if (!w)
		goto free;
	vma->vm_ops = &w->ops;
	return 0;
free:
	kfree(t);
undo:
	/*
	 * The kernel frees the vma of an mmap that fails without a word to the driver, for which it
	 * has not failed.
	 */
	if (real && real->close)
		real->close(vma);
	return error;
}

#ifdef HAVE_VFIO_DEVICE_INODE
static bool zap_in_order(struct handle *h)
{
	return false;
}
#else
/*
 * In these kernels a driver fills a vma as a whole at its first fault, and the kernel marks it as
 * filled (VM_PAT). Pages that are taken away while a fault, a fork, munmap() or the driver itself
 * is at work on the same vma leave a mark without pages: the kernel warns of it, and forks no more.
 * All of these hold the mmap_lock of the vma's owner, so who takes the pages away has to.
 *
 * But a client can have its mmap_lock held for as long as it likes. So a worker takes it, for whom
 * nobody waits for ever.
 */
#define ZAP_TIMEOUT msecs_to_jiffies(100)

/* An owner that zap number @zap has not come to. Who is about to be gone unmaps by itself. */
static struct mm_struct *next_owner(struct handle *h, u32 zap)
{
	struct mm_struct *owner = NULL;
	struct tracked *t;

	mutex_lock(&h->vma_lock);
	list_for_each_entry(t, &h->vmas, node) {
		if (t->zapped != zap && mmget_not_zero(t->vma->vm_mm)) {
			owner = t->vma->vm_mm;
			break;
		}
	}
	mutex_unlock(&h->vma_lock);
	return owner;
}

static void zap_vmas_of(struct handle *h, struct mm_struct *owner, u32 zap)
{
	struct tracked *t;

	mmap_write_lock(owner);
	mutex_lock(&h->vma_lock);
	list_for_each_entry(t, &h->vmas, node) {
		if (t->vma->vm_mm == owner) {
			zap_vma_ptes(t->vma, t->vma->vm_start, t->vma->vm_end - t->vma->vm_start);
			t->zapped = zap;
		}
	}
	mutex_unlock(&h->vma_lock);
	mmap_write_unlock(owner);
}

static void zap_work(struct work_struct *work)
{
	struct handle *h = container_of(work, struct handle, zap);
	struct mm_struct *owner;
	u32 zap;

	mutex_lock(&h->vma_lock);
	zap = h->zaps;
	mutex_unlock(&h->vma_lock);
	while ((owner = next_owner(h, zap))) {
		zap_vmas_of(h, owner, zap);
		mmput(owner);
	}
	WRITE_ONCE(h->zaps_done, zap);
	wake_up_all(&h->zapped);
	handle_put(h);
}

/* Return: whether all is gone; else no vma is tracked, or an owner's lock was not to be had. */
static bool zap_in_order(struct handle *h)
{
	bool any;
	u32 zap;

	mutex_lock(&h->vma_lock);
	any = !list_empty(&h->vmas);
	zap = ++h->zaps;
	mutex_unlock(&h->vma_lock);
	if (!any)
		return false;
	/* Should it run already, it runs once more. */
	handle_get(h);
	if (!queue_work(enders, &h->zap))
		handle_put(h);
	return wait_event_timeout(h->zapped, (s32)(READ_ONCE(h->zaps_done) - zap) >= 0,
				  ZAP_TIMEOUT);
}
#endif

/*
 * Every page that the handle's users have mapped is gone afterwards. Once the driver has forgotten
 * the vmas there is none, and the address_space has those of the device's next user.
 */
void mapping_zap(struct handle *h)
{
	if (h->inode && !READ_ONCE(h->vmas_gone) && !zap_in_order(h))
		unmap_mapping_range(h->inode->i_mapping, 0, 0, 1);
}

#ifdef HAVE_VFIO_DEVICE_INODE
/*
 * The vmas are in the address_space of the device itself, where the driver's own zaps find them.
 * Those of a revoked handle may outlive the device: the inode is held, and the super block below
 * it, which the last device takes along.
 */
static struct inode *get_inode(struct handle *h)
{
	struct inode *inode = h->real->f_mapping->host;

	ihold(inode);
	atomic_inc(&inode->i_sb->s_active);
	return inode;
}

static void put_inode(struct inode *inode)
{
	struct super_block *sb = inode->i_sb;

	iput(inode);
	deactivate_super(sb);
}
#else
/*
 * All VFIO devices share one inode, and the driver zaps by its own list of vmas: the address_space
 * is our own.
 */
#include <linux/mount.h>
#include <linux/pseudo_fs.h>

static struct vfsmount *mount;
static int mount_count;

static int init_context(struct fs_context *context)
{
	return init_pseudo(context, 0x76666864) ? 0 : -ENOMEM;
}

/*
 * No owner: the entries of the table, which hold inodes of it, are let go of when the module is
 * unloaded, and must not keep it from being.
 */
static struct file_system_type file_system = {
	.name = "vfiod_handle",
	.init_fs_context = init_context,
	.kill_sb = kill_anon_super,
};

static struct inode *get_inode(struct handle *h)
{
	struct inode *inode;
	int error = simple_pin_fs(&file_system, &mount, &mount_count);

	if (error)
		return ERR_PTR(error);
	inode = alloc_anon_inode(mount->mnt_sb);
	if (IS_ERR(inode))
		simple_release_fs(&mount, &mount_count);
	return inode;
}

static void put_inode(struct inode *inode)
{
	iput(inode);
	simple_release_fs(&mount, &mount_count);
}
#endif

int mapping_init(struct handle *h)
{
	struct inode *inode = NULL;

	if (h->kind == VFIOD_HANDLE_DEVICE)
		inode = get_inode(h);
	if (IS_ERR(inode))
		return PTR_ERR(inode);
	h->inode = inode;
	mutex_init(&h->vma_lock);
	INIT_LIST_HEAD(&h->wrapped);
	INIT_LIST_HEAD(&h->vmas);
#ifndef HAVE_VFIO_DEVICE_INODE
	INIT_WORK(&h->zap, zap_work);
	init_waitqueue_head(&h->zapped);
#endif
	return 0;
}

/* The handle's file is gone, and with it the last vma. */
void mapping_exit(struct handle *h)
{
	struct wrapped *w, *next;

	WARN_ON(!list_empty(&h->vmas));
	list_for_each_entry_safe(w, next, &h->wrapped, node)
		kfree(w);
	if (h->inode)
		put_inode(h->inode);
}
