/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef VFIOD_PCI_H
#define VFIOD_PCI_H

#include <linux/eventfd.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/rwsem.h>
#include <linux/spinlock.h>
#include <linux/vfio.h>

#include "compat.h"
#include "libpcicfg/pcicfg.h"

/*
 * A function that an unprivileged program drives. What the program may do to its config space is
 * libpcicfg's to say; these files carry it out.
 *
 *	main.c		the driver: which functions, under which name
 *	device.c	open and close, and VFIO's ioctls
 *	config.c	the config region, and what a write to it asks for
 *	bar.c		BARs and ROM by read and write
 *	mapping.c	BARs by mmap, and taking the mappings away
 *	interrupts.c	INTx, MSI, MSI-X, their masks; error and request
 *	power.c		resets and power states, and what has to be put back after them
 *	events.c	/dev/vfiod-pci: errors, removal and suspend, told and answered
 *	pcicfg.c	libpcicfg
 *
 * Locks, each taken before the ones below it; none is held over a copy from or to user memory:
 *
 *	the device's (driver core), VFIO's of the device set
 *	lock		the model of config space, all set-up of interrupts, resets (mutex)
 *	mmap_lock	of whoever faults; before 6.10 of whoever loses mappings
 *	vma_lock	before 6.10: which vmas have pages (mutex)
 *	memory_lock	for reading: uses BARs. For writing: they may not answer (rwsem)
 *	intx.lock	what INTx's pin may do (spinlock, taken in the interrupt)
 *	signal_lock	the eventfds of errors and requests (spinlock)
 *
 * Who holds the device's lock may take "lock"; a reset, which needs both, tries the device's.
 *
 * The recovery from an error comes with the kernel's pci_bus_sem, which a reset takes under lock
 * and memory_lock. That is no circle, since both have the lock of the device then, but lockdep
 * does not know: what recovery takes is a class of its own (IN_RECOVERY).
 */

/* INTx. Its pin is held back in hardware (DisINTx) unless it is enabled, unmasked, not disabled. */
struct intx {
	spinlock_t lock; /* the three flags */
	bool enabled;
	bool masked;   /* by ACTION_MASK, or by an interrupt that was delivered */
	bool disabled; /* by Interrupt Disable in the user's COMMAND */
	/* Changed under vfiod_pci.lock; the handler reads it. */
	struct eventfd_ctx *trigger;
	struct virqfd *unmask;
};

/* A vector of MSI or MSI-X. */
struct vector {
	struct eventfd_ctx *trigger; /* changed under lock; the handler reads it */
	bool masked;		     /* by ACTION_MASK */
	bool off;		     /* in the kernel's interrupt layer */
};

struct msix_table {
	int bar; /* -1: there is none */
	u64 offset, length;
};

/* An event that its user may answer; under events.c's lock. */
struct question {
	u64 id;	     /* 0: none is open */
	u32 verdict; /* 0: none yet */
};

struct vfiod_pci {
	struct vfio_device vdev; /* first, as VFIO allocates it */
	struct pci_dev *pdev;

	struct mutex lock; /* what is between here and intx */
	/* In open and close under the device set's lock, too. */
	struct pcicfg cfg;
	bool is_open;
	bool clean; /* has been reset since its last user, and looked it */
	bool can_reset;
	struct pci_saved_state *saved; /* of the function as its user got it */
	struct pci_saved_state *found; /* as its driver before us left it; set at probe */
	const char *irq_name;
	u32 irq_index; /* which of the VFIO_PCI_*_IRQ_INDEX is set up, or NO_IRQ */
	u32 vector_count;
	struct vector *vectors;
	void *rom; /* a copy, made at the first read */

	struct intx intx;

	struct rw_semaphore memory_lock;
	/* Changed under lock and memory_lock, so read under either. */
	bool memory_on, io_on; /* BARs answer */
	bool cut_off;	       /* they do not, whatever its user switches on: see events.c */

	/* Set in open. */
	void __iomem *bar[PCI_STD_NUM_BARS];
	struct msix_table table;

	spinlock_t signal_lock; /* these two */
	struct eventfd_ctx *error_trigger, *request_trigger;

	/* events.c's. */
	struct list_head node;
	struct question error_question, suspend_question;
	/* Of the error that is being recovered from, under the device's lock. */
	u32 verdict;
	bool frozen; /* the link is reset */

#ifndef HAVE_VFIO_DEVICE_INODE
	struct mutex vma_lock; /* these */
	struct list_head vmas;
	bool blocking; /* no vma gets pages */
#endif
};

#define NO_IRQ	    VFIO_PCI_NUM_IRQS
#define IN_RECOVERY SINGLE_DEPTH_NESTING

#define REGION_SHIFT	     40 /* as of vfio-pci: some programs do not ask where a region is */
#define REGION_INDEX(at)     ((unsigned int)((u64)(at) >> REGION_SHIFT))
#define REGION_OFFSET(i)     ((u64)(i) << REGION_SHIFT)
#define OFFSET_IN_REGION(at) ((u64)(at) & (REGION_OFFSET(1) - 1))

static inline struct vfiod_pci *to_vfiod_pci(struct vfio_device *vdev)
{
	return container_of(vdev, struct vfiod_pci, vdev);
}

/* The bytes of a BAR, or of the ROM; 0 for none. */
static inline u64 bar_length(const struct vfiod_pci *vp, unsigned int bar)
{
	if (vp->pdev->resource[bar].flags & IORESOURCE_UNSET)
		return 0;
	return pci_resource_len(vp->pdev, bar);
}

/* The value of up to eight bytes, which are in the order of PCI. */
static inline u64 from_bytes(const u8 *bytes, unsigned int width)
{
	switch (width) {
	case 1:
		return *bytes;
	case 2:
		return get_unaligned_le16(bytes);
	case 4:
		return get_unaligned_le32(bytes);
	}
	return get_unaligned_le64(bytes);
}

static inline void to_bytes(u8 *bytes, unsigned int width, u64 value)
{
	__le64 ordered = cpu_to_le64(value);

	memcpy(bytes, &ordered, width);
}

/* device.c */
int device_open(struct vfio_device *vdev);
void device_close(struct vfio_device *vdev);
long device_ioctl(struct vfio_device *vdev, unsigned int command, unsigned long argument);
int device_region_info(struct vfio_device *vdev, struct vfio_region_info *info,
		       struct vfio_info_cap *caps);

/* config.c */
int config_open(struct vfiod_pci *vp);
ssize_t config_access(struct vfiod_pci *vp, u8 *bytes, size_t count, u64 offset, bool write);
void config_update_decoding(struct vfiod_pci *vp);
void config_remember(struct vfiod_pci *vp);
bool config_repair(struct vfiod_pci *vp);
extern const struct attribute_group *config_groups[];

/* bar.c */
int bar_open(struct vfiod_pci *vp);
void bar_close(struct vfiod_pci *vp);
ssize_t bar_access(struct vfiod_pci *vp, unsigned int bar, u8 *bytes, size_t count, u64 offset,
		   bool write);
ssize_t rom_access(struct vfiod_pci *vp, u8 *bytes, size_t count, u64 offset);

/* mapping.c */
void mapping_init(struct vfiod_pci *vp);
bool mapping_possible(const struct vfiod_pci *vp, unsigned int bar);
void mapping_hole(const struct vfiod_pci *vp, u64 *from, u64 *to);
int mapping_mmap(struct vfio_device *vdev, struct vm_area_struct *vma);
void memory_block_nested(struct vfiod_pci *vp, bool zap, int subclass);

static inline void memory_block(struct vfiod_pci *vp, bool zap)
{
	memory_block_nested(vp, zap, 0);
}

static inline void memory_unblock(struct vfiod_pci *vp)
{
	up_write(&vp->memory_lock);
}

/* interrupts.c */
void interrupts_init(struct vfiod_pci *vp);
void interrupts_close(struct vfiod_pci *vp);
u32 interrupts_count(struct vfiod_pci *vp, unsigned int index);
int interrupts_set(struct vfiod_pci *vp, const struct vfio_irq_set *set, const void *data);
void interrupts_apply_masks(struct vfiod_pci *vp);
void interrupts_disable_intx(struct vfiod_pci *vp, bool disabled);
void interrupts_sync_pin(struct vfiod_pci *vp);
void interrupts_signal(struct vfiod_pci *vp, struct eventfd_ctx *const *which);

/* power.c */
int power_save(struct pci_dev *pdev, struct pci_saved_state **saved);
int power_reset(struct vfiod_pci *vp);
int power_reset_locked(struct vfiod_pci *vp);
u16 power_decode(struct pci_dev *pdev);
int power_set(struct vfiod_pci *vp, pci_power_t state);
bool power_is_clean(struct vfiod_pci *vp);

/* events.c */
extern const struct pci_error_handlers events_error_handlers;
int events_init(void);
void events_exit(void);
void events_add(struct vfiod_pci *vp);
void events_remove(struct vfiod_pci *vp);
void events_request(struct vfio_device *vdev, unsigned int count);

#endif
