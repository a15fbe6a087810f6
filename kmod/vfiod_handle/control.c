// SPDX-License-Identifier: GPL-2.0-only
#include <linux/capability.h>
#include <linux/file.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/xarray.h>

#include "compat.h"
#include "handle.h"

#define CREATE_TRACE_POINTS
#include "trace.h"

#define TIMEOUT_MAX_MS 600000

static unsigned int max_handles = 4096;
module_param(max_handles, uint, 0644);
MODULE_PARM_DESC(max_handles, "handles at a time, with those that ended and are not forgotten");

/* Each entry holds a reference. */
DEFINE_MUTEX(table_lock);
static DEFINE_XARRAY_ALLOC1(table);
static u32 table_next;
static unsigned int table_count;
static u64 table_seq; /* of the newest change */
static DECLARE_WAIT_QUEUE_HEAD(table_news);

/* One open file of the node. */
struct opener {
	u64 seen; /* the newest change that it has read; under table_lock */
};

/* ---- the table ---- */

/* table_lock is held. An entry that is not in the table (any more) is nobody's business. */
void table_changed(struct handle *h)
{
	h->seq = ++table_seq;
	wake_up_interruptible_poll(&table_news, EPOLLIN | EPOLLRDNORM);
}

static int table_add(struct handle *h)
{
	int error = -ENOSPC;

	mutex_lock(&table_lock);
	if (table_count < max_handles)
		error = xa_alloc_cyclic(&table, &h->id, h, XA_LIMIT(1, INT_MAX), &table_next,
					GFP_KERNEL);
	if (error >= 0) {
		handle_get(h);
		table_count++;
		table_changed(h);
	}
	mutex_unlock(&table_lock);
	return error < 0 ? error : 0;
}

/* table_lock is held; the table's reference becomes the caller's. */
static void table_remove(struct handle *h)
{
	xa_erase(&table, h->id);
	table_count--;
}

/*
 * Takes back what table_add() has done. Others have seen the entry since, and may have revoked and
 * forgotten it.
 */
static void table_withdraw(struct handle *h)
{
	bool there;

	mutex_lock(&table_lock);
	there = xa_load(&table, h->id) == h;
	if (there)
		table_remove(h);
	mutex_unlock(&table_lock);
	if (there)
		handle_put(h);
}

static struct handle *table_find(u32 id)
{
	struct handle *h;

	mutex_lock(&table_lock);
	h = xa_load(&table, id);
	if (h)
		handle_get(h);
	mutex_unlock(&table_lock);
	return h;
}

/* table_lock is held. */
static void describe(struct handle *h, struct vfiod_handle_info *info)
{
	pid_t pid = 0;

	memset(info, 0, sizeof(*info));
	info->size = sizeof(*info);
	info->id = h->id;
	info->seq = h->seq;
	info->lease = h->lease;
	info->kind = h->kind;
	info->uid = h->uid;
	info->container = h->container ? h->container->id : 0;
	info->creator = h->creator;
	info->state = h->state;
	info->flags = h->closed ? VFIOD_HANDLE_CLOSED : 0;
	info->busy = gate_inside(&h->ops, &pid) + gate_inside(&h->faults, &pid);
	info->busy_pid = pid;
	memcpy(info->tag, h->tag, sizeof(info->tag));
}

/* ---- ioctls: each gets its structure whole, and gives it back ---- */

static long create(struct vfiod_handle_create *how, void __user *to)
{
	struct handle *h, *container = NULL;
	struct file *file;
	int fd, error;

	if (how->flags || !how->lease || (how->container && how->kind != VFIOD_HANDLE_DEVICE))
		return -EINVAL;
	if (how->container) {
		container = table_find(how->container);
		if (!container)
			return -ENOENT;
	}
	if (container && container->kind == VFIOD_HANDLE_DEVICE) {
		handle_put(container);
		return -EINVAL;
	}
	error = handle_create(how, container, &h);
	if (error)
		return error;
	fd = get_unused_fd_flags(O_CLOEXEC);
	if (fd < 0) {
		error = fd;
		goto abandon;
	}
	error = table_add(h);
	if (error)
		goto put_fd;
	how->id = h->id;
	how->handle_fd = fd;
	file = handle_file(h);
	if (IS_ERR(file)) {
		error = PTR_ERR(file);
		goto remove;
	}
	/* The last thing that can fail: once the number is there for others to see, the file is. */
	if (copy_to_user(to, how, min_t(size_t, how->size, sizeof(*how)))) {
		put_unused_fd(fd);
		table_withdraw(h);
		fput(file);
		return -EFAULT;
	}
	trace_vfiod_handle_created(h);
	fd_install(fd, file);
	return 0;
remove:
	table_withdraw(h);
put_fd:
	put_unused_fd(fd);
abandon:
	handle_abandon(h);
	return error;
}

static long list(struct vfiod_handle_list *what, void __user *to)
{
	struct vfiod_handle_info *all = NULL;
	u8 __user *entry = u64_to_user_ptr(what->entries);
	u32 room = what->count, count = 0, i;
	unsigned long index;
	struct handle *h;
	long error = 0;

	if (what->reserved || what->entry_size < sizeof(*all))
		return -EINVAL;
	/* Described first, copied later: user memory may be slow, and the table is everybody's. */
	mutex_lock(&table_lock);
	what->count = table_count;
	if (what->count > room)
		error = -ENOSPC;
	else
		all = kvcalloc(what->count + 1, sizeof(*all), GFP_KERNEL_ACCOUNT);
	if (all)
		xa_for_each(&table, index, h)
			describe(h, &all[count++]);
	mutex_unlock(&table_lock);
	if (!error && !all)
		return -ENOMEM;
	for (i = 0; i < count && !error; i++, entry += what->entry_size)
		if (copy_to_user(entry, &all[i], sizeof(*all)) ||
		    clear_user(entry + sizeof(*all), what->entry_size - sizeof(*all)))
			error = -EFAULT;
	kvfree(all);
	if (copy_to_user(to, what, min_t(size_t, what->size, sizeof(*what))))
		error = -EFAULT;
	return error;
}

/*
 * The first handle from *id on that is meant, and shut already if it has to be, with a reference,
 * and *id behind it; NULL: there is none.
 */
static struct handle *next_meant(const struct vfiod_handle_revoke *what, bool device, bool shut,
				 unsigned long *id)
{
	struct handle *h, *found = NULL;

	mutex_lock(&table_lock);
	xa_for_each_start(&table, *id, h, *id) {
		bool is_device = h->kind == VFIOD_HANDLE_DEVICE;
		bool meant = what->flags & VFIOD_HANDLE_REVOKE_LEASE ? h->lease == what->lease
								     : h->id == what->id;

		if (shut && h->state == VFIOD_HANDLE_LIVE)
			continue;
		if (meant && device == is_device) {
			handle_get(h);
			found = h;
			break;
		}
	}
	++*id;
	mutex_unlock(&table_lock);
	return found;
}

static u32 shut_all(const struct vfiod_handle_revoke *what)
{
	struct handle *h;
	u32 count = 0;
	int device;

	for (device = 0; device <= 1; device++) {
		unsigned long id = 0;

		while ((h = next_meant(what, device, false, &id))) {
			handle_shut(h);
			handle_put(h);
			count++;
		}
	}
	return count;
}

/* A handle that has not ended in time; one process of all of them is named, or killed. */
static void note_stuck(struct vfiod_handle_revoke *what, struct handle *h)
{
	pid_t pid = 0;
	u32 busy = gate_inside(&h->ops, &pid) + gate_inside(&h->faults, &pid);

	what->pending++;
	trace_vfiod_handle_stuck(h, busy, pid);
	if (what->busy_pid || !pid)
		return;
	if (what->flags & VFIOD_HANDLE_REVOKE_KILL)
		pid = gate_kill(&h->ops) ?: gate_kill(&h->faults);
	what->busy_pid = pid;
}

/*
 * Containers first: a device's file is held until its container has ended. A handle that was made
 * for the lease since shut_all() is not shut, and must not lose its file.
 */
static long finish_all(struct vfiod_handle_revoke *what)
{
	unsigned long deadline = jiffies + msecs_to_jiffies(what->timeout_ms);
	struct handle *h;
	int device;

	for (device = 0; device <= 1; device++) {
		unsigned long id = 0;

		while ((h = next_meant(what, device, true, &id))) {
			long left = handle_finish(h, max_t(long, deadline - jiffies, 0));

			if (!left)
				note_stuck(what, h);
			handle_put(h);
			if (left < 0)
				return left;
		}
	}
	return 0;
}

static long revoke(struct vfiod_handle_revoke *what, void __user *to)
{
	bool by_lease = what->flags & VFIOD_HANDLE_REVOKE_LEASE;
	long error;

	if (what->flags & ~(VFIOD_HANDLE_REVOKE_LEASE | VFIOD_HANDLE_REVOKE_KILL) ||
	    what->timeout_ms > TIMEOUT_MAX_MS ||
	    (by_lease ? !what->lease || what->id : what->lease || !what->id))
		return -EINVAL;
	what->pending = 0;
	what->busy_pid = 0;
	if (!shut_all(what))
		return -ENOENT;
	error = finish_all(what);
	if (error)
		return -EINTR;
	return copy_to_user(to, what, min_t(size_t, what->size, sizeof(*what))) ? -EFAULT : 0;
}

static long forget(struct vfiod_handle_forget *what, void __user *to)
{
	struct handle *h;
	long error = 0;

	mutex_lock(&table_lock);
	h = xa_load(&table, what->id);
	if (!h)
		error = -ENOENT;
	else if (h->state != VFIOD_HANDLE_ENDED)
		error = -EBUSY;
	else
		table_remove(h);
	mutex_unlock(&table_lock);
	if (!error)
		handle_put(h);
	return error;
}

static long control_ioctl(struct file *file, unsigned int command, unsigned long argument)
{
	void __user *user = (void __user *)argument;
	union {
		u32 size;
		struct vfiod_handle_create create;
		struct vfiod_handle_list list;
		struct vfiod_handle_revoke revoke;
		struct vfiod_handle_forget forget;
	} what = {};
	static const u32 known[] = {
		[_IOC_NR(VFIOD_HANDLE_CREATE)] = sizeof(what.create),
		[_IOC_NR(VFIOD_HANDLE_LIST)] = sizeof(what.list),
		[_IOC_NR(VFIOD_HANDLE_REVOKE)] = sizeof(what.revoke),
		[_IOC_NR(VFIOD_HANDLE_FORGET)] = sizeof(what.forget),
	};
	u32 size, number = _IOC_NR(command);
	int error;

	if (number >= ARRAY_SIZE(known) || command != _IO(VFIOD_HANDLE_IOCTL, number))
		return -ENOTTY;
	if (get_user(size, (u32 __user *)user))
		return -EFAULT;
	/* These are the first versions: all of their fields are there. */
	if (size < known[number])
		return -EINVAL;
	if (size > PAGE_SIZE)
		return -E2BIG;
	error = copy_struct_from_user(&what, known[number], user, size);
	if (error)
		return error;
	what.size = size; /* the caller may have changed it since */
	switch (command) {
	case VFIOD_HANDLE_CREATE:
		return create(&what.create, user);
	case VFIOD_HANDLE_LIST:
		return list(&what.list, user);
	case VFIOD_HANDLE_REVOKE:
		return revoke(&what.revoke, user);
	default:
		return forget(&what.forget, user);
	}
}

/* ---- changes ---- */

/* The first change that comes after the ones that this opener has seen. */
static bool next_change(struct opener *opener, struct vfiod_handle_info *info)
{
	struct handle *h, *first = NULL;
	unsigned long index;

	mutex_lock(&table_lock);
	xa_for_each(&table, index, h)
		if (h->seq > opener->seen && (!first || h->seq < first->seq))
			first = h;
	if (first)
		describe(first, info);
	else
		opener->seen = table_seq; /* what is newer has been forgotten */
	mutex_unlock(&table_lock);
	return first;
}

static void has_read(struct opener *opener, u64 seq)
{
	mutex_lock(&table_lock);
	opener->seen = max(opener->seen, seq);
	mutex_unlock(&table_lock);
}

static ssize_t control_read(struct file *file, char __user *buffer, size_t count, loff_t *position)
{
	struct opener *opener = file->private_data;
	struct vfiod_handle_info info;
	size_t done = 0;
	int error;

	if (count < sizeof(info))
		return -EINVAL;
	for (;;) {
		while (done + sizeof(info) <= count && next_change(opener, &info)) {
			if (copy_to_user(buffer + done, &info, sizeof(info)))
				return done ? done : -EFAULT;
			has_read(opener, info.seq);
			done += sizeof(info);
		}
		if (done)
			return done;
		if (file->f_flags & O_NONBLOCK)
			return -EAGAIN;
		error = wait_event_interruptible(table_news,
						 READ_ONCE(table_seq) > READ_ONCE(opener->seen));
		if (error)
			return error;
	}
}

static __poll_t control_poll(struct file *file, poll_table *wait)
{
	struct vfiod_handle_info info;

	poll_wait(file, &table_news, wait);
	return next_change(file->private_data, &info) ? EPOLLIN | EPOLLRDNORM : 0;
}

static int control_open(struct inode *inode, struct file *file)
{
	struct opener *opener;

	/* Whoever could open the node by its mode alone, in a container say, gets no further. */
	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	opener = kzalloc(sizeof(*opener), GFP_KERNEL_ACCOUNT);
	if (!opener)
		return -ENOMEM;
	file->private_data = opener;
	return stream_open(inode, file);
}

static int control_release(struct inode *inode, struct file *file)
{
	kfree(file->private_data);
	return 0;
}

static const struct file_operations control_fops = {
	.owner = THIS_MODULE,
	.open = control_open,
	.release = control_release,
	.read = control_read,
	.poll = control_poll,
	.unlocked_ioctl = control_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
};

static struct miscdevice node = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "vfiod",
	.fops = &control_fops,
	.mode = 0600,
};

static int __init vfiod_handle_init(void)
{
	int error = handle_init();

	if (error)
		return error;
	error = misc_register(&node);
	if (error)
		handle_exit();
	return error;
}

/* The node and the handles hold the module: every entry that is left has ended. */
static void __exit vfiod_handle_exit(void)
{
	unsigned long index;
	struct handle *h;

	misc_deregister(&node);
	xa_for_each(&table, index, h)
		handle_put(h);
	xa_destroy(&table);
	handle_exit();
}

module_init(vfiod_handle_init);
module_exit(vfiod_handle_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Revocable handles over VFIO files");
COMPAT_IMPORT_IOMMUFD;
