// SPDX-License-Identifier: GPL-2.0-only
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>

#include "vfiod_pci.h"

/*
 * BARs by mmap. No page is there before somebody touches it, and none stays when the BARs may not
 * answer any more: a load then gets SIGBUS, or waits for a reset to be over.
 */

/* ---- what can be mapped ---- */

/* Whole pages of memory. What shares a page with somebody else's registers is not for mmap. */
bool mapping_possible(const struct vfiod_pci *vp, unsigned int bar)
{
	const struct resource *resource = &vp->pdev->resource[bar];

	return resource->flags & IORESOURCE_MEM && bar_length(vp, bar) >= PAGE_SIZE &&
	       !(resource->start & ~PAGE_MASK) && !compat_bars_are_not_mappable(vp->pdev);
}

/* The pages with the table of MSI-X, which is the host's. */
void mapping_hole(const struct vfiod_pci *vp, u64 *from, u64 *to)
{
	*from = round_down(vp->table.offset, PAGE_SIZE);
	*to = round_up(vp->table.offset + vp->table.length, PAGE_SIZE);
}

static bool in_hole(const struct vfiod_pci *vp, unsigned int bar, u64 offset, u64 length)
{
	u64 from, to;

	if (vp->table.bar != bar)
		return false;
	mapping_hole(vp, &from, &to);
	return offset < to && offset + length > from;
}

/* ---- faults ---- */

static unsigned long pfn_at(struct vm_area_struct *vma, struct vfiod_pci *vp, unsigned long address)
{
	u64 at = ((u64)vma->vm_pgoff << PAGE_SHIFT) + (address - vma->vm_start);

	return PHYS_PFN(pci_resource_start(vp->pdev, REGION_INDEX(at)) + OFFSET_IN_REGION(at));
}

#ifdef HAVE_VFIO_DEVICE_INODE

/* All mappings of a device, whatever file they were made on, are in one address_space. */
static vm_fault_t huge_fault(struct vm_fault *vmf, unsigned int order)
{
	struct vfiod_pci *vp = vmf->vma->vm_private_data;
	unsigned long address = vmf->address & ~((PAGE_SIZE << order) - 1);
	vm_fault_t result = VM_FAULT_SIGBUS;
	unsigned long pfn;

	if (address < vmf->vma->vm_start || address + (PAGE_SIZE << order) > vmf->vma->vm_end)
		return VM_FAULT_FALLBACK;
	pfn = pfn_at(vmf->vma, vp, address);
	if (pfn & ((1UL << order) - 1))
		return VM_FAULT_FALLBACK;
	down_read(&vp->memory_lock);
	if (vp->memory_on)
		result = compat_insert_pfn(vmf, pfn, order);
	up_read(&vp->memory_lock);
	return result;
}

static vm_fault_t fault(struct vm_fault *vmf)
{
	return huge_fault(vmf, 0);
}

static const struct vm_operations_struct vm_ops = { .fault = fault, COMPAT_HUGE_FAULT(huge_fault) };

static int track(struct vm_area_struct *vma, struct vfiod_pci *vp)
{
	vma->vm_private_data = vp;
	return 0;
}

void memory_block_nested(struct vfiod_pci *vp, bool zap, int subclass)
{
	down_write_nested(&vp->memory_lock, subclass);
	if (zap)
		unmap_mapping_range(vp->vdev.inode->i_mapping, 0, 0, 1);
}

void mapping_init(struct vfiod_pci *vp)
{
}

#else

/*
 * Here the files of all VFIO devices share one address_space with others, so the vmas that have
 * pages are tracked. Pages are taken from a vma under its owner's mmap_lock, which a fault holds
 * when it takes the locks below: so they are taken before memory_lock, and vma_lock keeps new ones
 * out until that is held.
 */
struct mapping {
	struct list_head node;
	struct vm_area_struct *vma;
	struct vfiod_pci *vp;
	bool has_pages; /* and is in vp->vmas */
};

/* Under vma_lock. Whose pages are first is first to lose them. */
static void note_pages(struct mapping *m)
{
	if (!m->has_pages)
		list_add_tail(&m->node, &m->vp->vmas);
	m->has_pages = true;
}

static vm_fault_t fault(struct vm_fault *vmf)
{
	struct mapping *m = vmf->vma->vm_private_data;
	struct vfiod_pci *vp = m->vp;
	vm_fault_t result = VM_FAULT_SIGBUS;

	mutex_lock(&vp->vma_lock);
	down_read(&vp->memory_lock);
	if (vp->blocking) {
		result = VM_FAULT_NOPAGE; /* faults again */
	} else if (vp->memory_on) {
		result = vmf_insert_pfn(vmf->vma, vmf->address, pfn_at(vmf->vma, vp, vmf->address));
		note_pages(m);
	}
	up_read(&vp->memory_lock);
	mutex_unlock(&vp->vma_lock);
	cond_resched(); /* who takes pages away may be on this processor */
	return result;
}

static struct mapping *new_mapping(struct vm_area_struct *vma, struct vfiod_pci *vp, gfp_t flags)
{
	struct mapping *m = kmalloc(sizeof(*m), GFP_KERNEL_ACCOUNT | flags);

	if (m) {
		m->vma = vma;
		m->vp = vp;
		m->has_pages = false;
	}
	return m;
}

/*
 * A fork, or a vma that is split or moved, which cannot be refused here. It will have the pages of
 * the vma that it comes from, whose mmap_lock is held: it gets and loses none in between.
 */
static void open_vma(struct vm_area_struct *vma)
{
	struct mapping *from = vma->vm_private_data;
	struct mapping *m = new_mapping(vma, from->vp, __GFP_NOFAIL);

	vma->vm_private_data = m;
	mutex_lock(&m->vp->vma_lock);
	/* Who is born while pages are taken away has no heirs: else forks could put that off. */
	if (m->vp->blocking && vma->vm_mm != from->vma->vm_mm)
		vm_flags_set(vma, VM_DONTCOPY);
	if (from->has_pages)
		note_pages(m);
	mutex_unlock(&m->vp->vma_lock);
}

static void close_vma(struct vm_area_struct *vma)
{
	struct mapping *m = vma->vm_private_data;
	struct vfiod_pci *vp = m->vp;

	mutex_lock(&vp->vma_lock);
	if (m->has_pages)
		list_del(&m->node);
	mutex_unlock(&vp->vma_lock);
	kfree(m);
}

static const struct vm_operations_struct vm_ops = {
	.open = open_vma,
	.close = close_vma,
	.fault = fault,
};

static int track(struct vm_area_struct *vma, struct vfiod_pci *vp)
{
	vma->vm_private_data = new_mapping(vma, vp, 0);
	return vma->vm_private_data ? 0 : -ENOMEM;
}

/* The memory of a process that has pages. Who is about to be gone unmaps by itself. */
static struct mm_struct *next_owner(struct vfiod_pci *vp)
{
	struct mapping *m, *next;

	list_for_each_entry_safe(m, next, &vp->vmas, node) {
		if (mmget_not_zero(m->vma->vm_mm))
			return m->vma->vm_mm;
		list_del(&m->node);
		m->has_pages = false;
	}
	return NULL;
}

static void zap_vmas_of(struct vfiod_pci *vp, struct mm_struct *owner)
{
	struct mapping *m, *next;

	/* Not for reading: munmap() frees page tables with that held, before close_vma(). */
	mmap_write_lock(owner);
	mutex_lock(&vp->vma_lock);
	list_for_each_entry_safe(m, next, &vp->vmas, node) {
		if (m->vma->vm_mm != owner)
			continue;
		zap_vma_ptes(m->vma, m->vma->vm_start, m->vma->vm_end - m->vma->vm_start);
		list_del(&m->node);
		m->has_pages = false;
	}
	mutex_unlock(&vp->vma_lock);
	mmap_write_unlock(owner);
}

void memory_block_nested(struct vfiod_pci *vp, bool zap, int subclass)
{
	struct mm_struct *owner;

	mutex_lock(&vp->vma_lock);
	vp->blocking = zap;
	while (zap && (owner = next_owner(vp))) {
		mutex_unlock(&vp->vma_lock);
		zap_vmas_of(vp, owner);
		mmput_async(owner); /* the last one may take long */
		mutex_lock(&vp->vma_lock);
	}
	down_write_nested(&vp->memory_lock, subclass);
	vp->blocking = false;
	mutex_unlock(&vp->vma_lock);
}

void mapping_init(struct vfiod_pci *vp)
{
	mutex_init(&vp->vma_lock);
	INIT_LIST_HEAD(&vp->vmas);
}

#endif

int mapping_mmap(struct vfio_device *vdev, struct vm_area_struct *vma)
{
	struct vfiod_pci *vp = to_vfiod_pci(vdev);
	u64 at = (u64)vma->vm_pgoff << PAGE_SHIFT, offset = OFFSET_IN_REGION(at);
	u64 length = vma->vm_end - vma->vm_start;
	unsigned int bar = REGION_INDEX(at);

	if (!(vma->vm_flags & VM_SHARED) || bar >= PCI_STD_NUM_BARS || !mapping_possible(vp, bar) ||
	    offset + length > round_down(bar_length(vp, bar), PAGE_SIZE) ||
	    in_hole(vp, bar, offset, length))
		return -EINVAL;
	vm_flags_set(vma, VM_IO | VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP);
	vma->vm_page_prot = pgprot_decrypted(pgprot_noncached(vma->vm_page_prot));
	vma->vm_ops = &vm_ops;
	return track(vma, vp);
}
