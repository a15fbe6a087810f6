// SPDX-License-Identifier: GPL-2.0-only
#include <linux/anon_inodes.h>
#include <linux/compat.h>
#include <linux/file.h>
#include <linux/major.h>
#include <linux/miscdevice.h>
#include <linux/poll.h>
#include <linux/sched/signal.h>
#include <linux/seq_file.h>
#include <linux/slab.h>

#include "compat.h"
#include "handle.h"
#include "trace.h"

/* What a client's busy threads must not keep from running. */
struct workqueue_struct *enders;

/* ---- gates ---- */

static void gate_init(struct gate *gate)
{
	spin_lock_init(&gate->lock);
	gate->shut = false;
	INIT_HLIST_HEAD(&gate->inside);
	init_waitqueue_head(&gate->empty);
}

static void gate_shut(struct gate *gate)
{
	spin_lock(&gate->lock);
	gate->shut = true;
	spin_unlock(&gate->lock);
}

/*
 * How many are inside, and the process of one of them that has not been killed: who has been is on
 * the way out. *pid stays as it is where there is none.
 */
u32 gate_inside(struct gate *gate, pid_t *pid)
{
	struct visit *visit;
	u32 count = 0;

	spin_lock(&gate->lock);
	hlist_for_each_entry(visit, &gate->inside, node) {
		if (!fatal_signal_pending(visit->task))
			*pid = visit->task->tgid;
		count++;
	}
	spin_unlock(&gate->lock);
	return count;
}

/*
 * Kills the process of one that is inside and has not been killed. Whose task is in the list is
 * inside, so this is nobody who has just got the number of one that was.
 * Return: the number of the process, 0: there is none.
 */
pid_t gate_kill(struct gate *gate)
{
	struct visit *visit;
	pid_t pid = 0;

	spin_lock(&gate->lock);
	hlist_for_each_entry(visit, &gate->inside, node) {
		if (fatal_signal_pending(visit->task))
			continue;
		pid = visit->task->tgid;
		send_sig(SIGKILL, visit->task, 1);
		break;
	}
	spin_unlock(&gate->lock);
	return pid;
}

static bool gate_is_empty(struct gate *gate)
{
	bool empty;

	spin_lock(&gate->lock);
	empty = hlist_empty(&gate->inside);
	spin_unlock(&gate->lock);
	return empty;
}

/*
 * Waits until nobody is inside a gate that is shut. Return: what is left of the time, 0: it is
 * over, or -ERESTARTSYS.
 */
static long gate_wait(struct gate *gate, long timeout)
{
	return wait_event_killable_timeout(gate->empty, gate_is_empty(gate), timeout);
}

/* ---- the end of a handle ---- */

static void handle_free(struct kref *ref)
{
	struct handle *h = container_of(ref, struct handle, ref);

	if (h->container)
		handle_put(h->container);
	mapping_exit(h);
	kfree(h);
}

void handle_get(struct handle *h)
{
	kref_get(&h->ref);
}

void handle_put(struct handle *h)
{
	kref_put(&h->ref, handle_free);
}

/* Lets go of the real file. Nobody is inside a gate. */
static void end(struct handle *h)
{
	struct handle *device, *next;
	LIST_HEAD(kept);

	mapping_forget(h);
	__fput_sync(h->real);

	mutex_lock(&table_lock);
	h->state = VFIOD_HANDLE_ENDED;
	list_splice_init(&h->kept, &kept);
	table_changed(h);
	mutex_unlock(&table_lock);
	trace_vfiod_handle_ended(h);

	/* A device's handle keeps nothing, so this goes no deeper. */
	list_for_each_entry_safe(device, next, &kept, kept_node) {
		list_del_init(&device->kept_node);
		end(device);
		handle_put(device);
	}
	/* Last: who waits for a container may detach from it then. */
	complete_all(&h->ended);
}

/*
 * A kernel thread closes a file there and then when it lets go of the last reference; a task would
 * close it on its way back to user space, and nobody could tell when that has been done. And a
 * device may take its time, for which a revocation does not have to wait.
 */
static void end_work(struct work_struct *work)
{
	struct handle *h = container_of(work, struct handle, end);

	end(h);
	handle_put(h);
}

/*
 * The kernel detaches a group from its container when the last file of its device is closed, and
 * frees what a call on the container may be in the middle of: so the file is held until the
 * container's handle is through with its calls. Not one that nobody ever had: the caller has it
 * open.
 *
 * Return: whether @h->end has been queued, once in a handle's life.
 */
static bool let_go(struct handle *h, bool used)
{
	bool mine, held;

	mutex_lock(&table_lock);
	mine = !h->let_go;
	h->let_go = true;
	held = mine && used && h->container && h->container->state != VFIOD_HANDLE_ENDED;
	if (mine)
		handle_get(h);
	if (held)
		list_add_tail(&h->kept_node, &h->container->kept);
	mutex_unlock(&table_lock);
	return mine && !held && queue_work(enders, &h->end);
}

/* The same for who expects, as with any file, that it is closed when close() returns. */
static void let_go_now(struct handle *h, bool used)
{
	if (let_go(h, used))
		flush_work(&h->end);
}

/*
 * From here on nothing new of the handle's users reaches the real file, and their mappings are
 * gone.
 */
void handle_shut(struct handle *h)
{
	gate_shut(&h->ops);
	gate_shut(&h->faults);
	mapping_zap(h);
	mutex_lock(&table_lock);
	if (h->state == VFIOD_HANDLE_LIVE) {
		h->state = VFIOD_HANDLE_REVOKING;
		table_changed(h);
		trace_vfiod_handle_shut(h);
	}
	mutex_unlock(&table_lock);
	wake_up_poll(&h->poll, EPOLLHUP | EPOLLERR);
}

/**
 * handle_finish() - waits until nobody uses a handle that is shut, and ends it
 * @h: the handle
 * @timeout: jiffies
 *
 * Return: what is left of the time, at least 1; 0: it has not ended in time, and may be finished
 * again; -ERESTARTSYS: a fatal signal.
 */
long handle_finish(struct handle *h, long timeout)
{
	long left = gate_wait(&h->faults, timeout);

	if (left <= 0)
		return left;
	/* What the last faults have put in since handle_shut(). */
	mapping_zap(h);
	/* What nobody was waited for leaves a jiffy: no time at all must not become that. */
	left = gate_wait(&h->ops, timeout ? left : 0);
	if (left <= 0)
		return left;
	let_go(h, true);
	if (!timeout)
		return completion_done(&h->ended);
	return wait_for_completion_killable_timeout(&h->ended, left);
}

/* ---- file operations ---- */

static int handle_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct handle *h = file->private_data;
	struct visit visit;
	int error = -ENODEV;

	if (!gate_enter(&h->ops, &visit))
		return error;
	if (h->real->f_op->mmap)
		error = h->real->f_op->mmap(h->real, vma);
	if (!error)
		error = mapping_wrap(h, vma);
	gate_leave(&h->ops, &visit);
	return error;
}

static long handle_ioctl(struct file *file, unsigned int command, unsigned long argument)
{
	struct handle *h = file->private_data;
	struct visit visit;
	long result = -ENOTTY;

	if (!gate_enter(&h->ops, &visit))
		return -ENODEV;
	if (h->real->f_op->unlocked_ioctl)
		result = h->real->f_op->unlocked_ioctl(h->real, command, argument);
	gate_leave(&h->ops, &visit);
	return result;
}

static ssize_t handle_read(struct file *file, char __user *buffer, size_t count, loff_t *position)
{
	struct handle *h = file->private_data;
	struct visit visit;
	ssize_t result = -EINVAL;

	if (!gate_enter(&h->ops, &visit))
		return -ENODEV;
	if (h->real->f_op->read)
		result = h->real->f_op->read(h->real, buffer, count, position);
	gate_leave(&h->ops, &visit);
	return result;
}

static ssize_t handle_write(struct file *file, const char __user *buffer, size_t count,
			    loff_t *position)
{
	struct handle *h = file->private_data;
	struct visit visit;
	ssize_t result = -EINVAL;

	if (!gate_enter(&h->ops, &visit))
		return -ENODEV;
	if (h->real->f_op->write)
		result = h->real->f_op->write(h->real, buffer, count, position);
	gate_leave(&h->ops, &visit);
	return result;
}

static __poll_t handle_poll(struct file *file, poll_table *wait)
{
	struct handle *h = file->private_data;

	poll_wait(file, &h->poll, wait);
	return READ_ONCE(h->ops.shut) ? EPOLLHUP | EPOLLERR : 0;
}

/* Operations and vmas hold the file: none is left. */
static int handle_release(struct inode *inode, struct file *file)
{
	struct handle *h = file->private_data;

	mutex_lock(&table_lock);
	h->closed = true;
	table_changed(h);
	mutex_unlock(&table_lock);
	trace_vfiod_handle_closed(h);
	handle_shut(h);
	let_go_now(h, true);
	handle_put(h);
	return 0;
}

static void handle_show_fdinfo(struct seq_file *to, struct file *file)
{
	struct handle *h = file->private_data;
	struct visit visit;
	bool live = gate_enter(&h->ops, &visit);

	seq_printf(to, "vfiod-handle:\t%u\nvfiod-lease:\t%llu\nvfiod-state:\t%s\n", h->id, h->lease,
		   live ? "live" : "revoked");
	if (!live)
		return;
	if (h->real->f_op->show_fdinfo)
		h->real->f_op->show_fdinfo(to, h->real);
	gate_leave(&h->ops, &visit);
}

static const struct file_operations handle_fops = {
	.owner = THIS_MODULE,
	.release = handle_release,
	.read = handle_read,
	.write = handle_write,
	.unlocked_ioctl = handle_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.mmap = handle_mmap,
	.poll = handle_poll,
	.show_fdinfo = handle_show_fdinfo,
};

/* ---- the beginning ---- */

/*
 * The node of containers is a character device whose number is VFIO's alone; whatever file system
 * it is in.
 */
static bool is_container(struct file *file)
{
	struct inode *inode = file_inode(file);

	return S_ISCHR(inode->i_mode) && inode->i_rdev == MKDEV(MISC_MAJOR, VFIO_MINOR) &&
	       !compat_file_is_iommufd(file);
}

static bool is_kind(struct file *file, u32 kind)
{
	switch (kind) {
	case VFIOD_HANDLE_DEVICE:
		return compat_file_is_vfio_device(file);
	case VFIOD_HANDLE_CONTAINER:
		return is_container(file);
	case VFIOD_HANDLE_IOMMUFD:
		return compat_file_is_iommufd(file);
	}
	return false;
}

/**
 * handle_create() - makes a handle that has no file and is not in the table yet
 * @how: checked, but for @how->fd and whether it is of @how->kind
 * @container: its reference is taken over, also on failure; or NULL
 * @made: the handle, with one reference; handle_abandon() is for one that gets no file
 *
 * Return: 0, -EBADF, -EINVAL, -ENOMEM.
 */
int handle_create(const struct vfiod_handle_create *how, struct handle *container,
		  struct handle **made)
{
	struct handle *h;
	int error = -EBADF;

	h = kzalloc(sizeof(*h), GFP_KERNEL_ACCOUNT);
	if (!h) {
		error = -ENOMEM;
		goto put_container;
	}
	h->real = fget(how->fd);
	if (!h->real)
		goto free;
	error = -EINVAL;
	if (!is_kind(h->real, how->kind))
		goto put_real;
	kref_init(&h->ref);
	h->kind = how->kind;
	h->uid = how->uid;
	h->lease = how->lease;
	h->creator = current->tgid;
	memcpy(h->tag, how->tag, sizeof(h->tag));
	h->container = container;
	gate_init(&h->ops);
	gate_init(&h->faults);
	init_waitqueue_head(&h->poll);
	INIT_WORK(&h->end, end_work);
	init_completion(&h->ended);
	h->state = VFIOD_HANDLE_LIVE;
	INIT_LIST_HEAD(&h->kept);
	INIT_LIST_HEAD(&h->kept_node);
	error = mapping_init(h);
	if (error)
		goto put_real;
	*made = h;
	return 0;
put_real:
	fput(h->real);
free:
	kfree(h);
put_container:
	if (container)
		handle_put(container);
	return error;
}

/* Ends a handle that has got no file. */
void handle_abandon(struct handle *h)
{
	handle_shut(h);
	let_go_now(h, false);
	handle_put(h);
}

/* The handle's file takes over the caller's reference. */
struct file *handle_file(struct handle *h)
{
	static const char *const names[] = {
		[VFIOD_HANDLE_DEVICE] = "[vfiod-device]",
		[VFIOD_HANDLE_CONTAINER] = "[vfiod-container]",
		[VFIOD_HANDLE_IOMMUFD] = "[vfiod-iommufd]",
	};
	struct file *file = anon_inode_getfile(names[h->kind], &handle_fops, h, O_RDWR);

	if (IS_ERR(file))
		return file;
	file->f_mode |= FMODE_PREAD | FMODE_PWRITE;
	if (h->inode)
		file->f_mapping = h->inode->i_mapping;
	return file;
}

int handle_init(void)
{
	enders = alloc_workqueue("vfiod_handle", WQ_UNBOUND | WQ_HIGHPRI, 0);
	return enders ? 0 : -ENOMEM;
}

void handle_exit(void)
{
	destroy_workqueue(enders);
}
