/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef VFIOD_HANDLE_H
#define VFIOD_HANDLE_H

#include <linux/completion.h>
#include <linux/fs.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/mm_types.h>
#include <linux/mutex.h>
#include <linux/sched.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "uapi/vfiod_handle.h"

/*
 * A handle has a file of its own, whose operations go to the real file through a gate. To revoke is
 * to shut the gates, to take the mappings away, to wait until everybody is out, and to let go of
 * the real file.
 *
 *	control.c	/dev/vfiod: the table of handles, its changes, who may
 *	handle.c	a handle's life, and its file operations
 *	mapping.c	its mappings: their faults, and taking them away
 *
 * Locks, each taken before the ones below it, and none held over a real operation but the last two:
 *
 *	table_lock	the table and all that struct handle says of it (mutex)
 *	gate.lock	who is inside (spinlock)
 *	mmap_lock	of whoever maps or faults; the kernel takes it, and zap_work()
 *	handle.vma_lock	the wrapped vm_operations and the tracked vmas (mutex)
 *	the driver's	what its vm_operations take
 */

/* Counts who is inside, and lets nobody in once it is shut. */
struct gate {
	spinlock_t lock; /* the rest */
	bool shut;
	struct hlist_head inside;
	wait_queue_head_t empty;
};

/* One operation or fault that is inside; on the stack of the task that it is of. */
struct visit {
	struct hlist_node node;
	struct task_struct *task;
};

u32 gate_inside(struct gate *gate, pid_t *pid);
pid_t gate_kill(struct gate *gate);

static inline bool gate_enter(struct gate *gate, struct visit *visit)
{
	bool entered;

	visit->task = current;
	spin_lock(&gate->lock);
	entered = !gate->shut;
	if (entered)
		hlist_add_head(&visit->node, &gate->inside);
	spin_unlock(&gate->lock);
	return entered;
}

static inline void gate_leave(struct gate *gate, struct visit *visit)
{
	spin_lock(&gate->lock);
	__hlist_del(&visit->node);
	if (gate->shut && hlist_empty(&gate->inside))
		wake_up_all(&gate->empty);
	spin_unlock(&gate->lock);
}

struct handle {
	struct kref ref; /* of its file, the table, its devices' handles, whoever revokes it */

	/* Set when it is made. */
	u32 id, kind, uid;
	u64 lease;
	pid_t creator;
	u8 tag[VFIOD_HANDLE_TAG_SIZE];
	struct handle *container; /* of a device, or NULL */

	struct file *real;	 /* there for whoever is inside a gate, and until it is let go of */
	struct gate ops, faults; /* operations may stay in a user copy for long, faults do not */
	wait_queue_head_t poll;
	struct work_struct end;
	struct completion ended;

	/* Under table_lock. */
	u64 seq;
	u32 state;
	bool closed;
	bool let_go;	       /* somebody sees to it that it ends */
	struct list_head kept; /* of a container: devices that let go before it has ended */
	struct list_head kept_node;

	/* mapping.c's. */
	struct inode *inode;   /* of the mapping that the vmas are in; NULL: cannot be mapped */
	struct mutex vma_lock; /* the rest */
	struct list_head wrapped, vmas;
	bool vmas_gone;
	u32 zaps; /* the number of the latest zap */
#ifndef HAVE_VFIO_DEVICE_INODE
	struct work_struct zap;
	u32 zaps_done; /* without the lock; @zapped tells */
	wait_queue_head_t zapped;
#endif
};

/* control.c */
extern struct mutex table_lock;
void table_changed(struct handle *h);

/* handle.c */
extern struct workqueue_struct *enders;
int handle_create(const struct vfiod_handle_create *how, struct handle *container,
		  struct handle **made);
struct file *handle_file(struct handle *h);
void handle_abandon(struct handle *h);
void handle_shut(struct handle *h);
long handle_finish(struct handle *h, long timeout);
void handle_get(struct handle *h);
void handle_put(struct handle *h);
int handle_init(void);
void handle_exit(void);

/* mapping.c */
int mapping_init(struct handle *h);
void mapping_exit(struct handle *h);
int mapping_wrap(struct handle *h, struct vm_area_struct *vma);
void mapping_zap(struct handle *h);
void mapping_forget(struct handle *h);

#endif
