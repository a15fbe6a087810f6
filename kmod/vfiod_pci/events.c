// SPDX-License-Identifier: GPL-2.0-only
#include <linux/kfifo.h>
#include <linux/list.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include <linux/suspend.h>

#include "trace.h"
#include "uapi/vfiod_pci.h"
#include "vfiod_pci.h"

/*
 * Errors, removal and suspend are told to whoever has /dev/vfiod-pci open, and may be answered by
 * who uses the function, within a time.
 */

static unsigned int answer_ms = 3000;
module_param(answer_ms, uint, 0644);
MODULE_PARM_DESC(answer_ms, "Time for the answer to an event of /dev/vfiod-pci");

#define EVENTS 64

struct reader {
	struct list_head node;
	DECLARE_KFIFO(events, struct vfiod_pci_event, EVENTS);
	bool lost;
};

/* All of this file, and a function's node and questions. */
static DEFINE_SPINLOCK(events_lock);
static LIST_HEAD(readers);
static LIST_HEAD(functions);
static u64 last_id;

static DECLARE_WAIT_QUEUE_HEAD(news);
static DECLARE_WAIT_QUEUE_HEAD(answers);

/* ---- to tell, and to ask ---- */

static void wake_readers(void)
{
	wake_up_interruptible_poll(&news, EPOLLIN | EPOLLRDNORM);
}

static void post(const struct vfiod_pci_event *event)
{
	struct reader *reader;

	/* Behind one that is lost there is none before that has been said. */
	list_for_each_entry(reader, &readers, node)
		if (reader->lost || !kfifo_put(&reader->events, *event))
			reader->lost = true;
}

static struct vfiod_pci_event event_of(struct vfiod_pci *vp, u32 kind, u32 detail)
{
	struct vfiod_pci_event event = {
		.size = sizeof(event),
		.kind = kind,
		.domain = pci_domain_nr(vp->pdev->bus),
		.bus = vp->pdev->bus->number,
		.devfn = vp->pdev->devfn,
		.detail = detail,
	};

	return event;
}

static void tell(struct vfiod_pci *vp, u32 kind, u32 detail)
{
	struct vfiod_pci_event event = event_of(vp, kind, detail);

	spin_lock(&events_lock);
	post(&event);
	spin_unlock(&events_lock);
	wake_readers();
}

/* Under events_lock. */
static void put_question(struct vfiod_pci *vp, struct question *question, u32 kind, u32 detail)
{
	struct vfiod_pci_event event = event_of(vp, kind, detail);

	*question = (struct question){};
	if (list_empty(&readers))
		return;
	event.id = ++last_id;
	event.time_ms = answer_ms;
	question->id = event.id;
	post(&event);
}

/* Under events_lock. */
static bool is_open(const struct question *question)
{
	return question->id && !question->verdict && !list_empty(&readers);
}

static bool is_answered(const struct question *question)
{
	bool answered;

	spin_lock(&events_lock);
	answered = !is_open(question);
	spin_unlock(&events_lock);
	return answered;
}

/*
 * Asks about an error. Return: the verdict; VFIOD_PCI_GO_ON when there is none in time, and when
 * nobody listens.
 */
static u32 ask(struct vfiod_pci *vp, u32 kind, u32 detail)
{
	struct question *question = &vp->error_question;
	u32 verdict;

	spin_lock(&events_lock);
	put_question(vp, question, kind, detail);
	spin_unlock(&events_lock);
	wake_readers();
	wait_event_timeout(answers, is_answered(question), msecs_to_jiffies(answer_ms));
	spin_lock(&events_lock);
	verdict = question->verdict ? question->verdict : VFIOD_PCI_GO_ON;
	question->id = 0;
	spin_unlock(&events_lock);
	return verdict;
}

/* ---- errors: Documentation/PCI/pci-error-recovery.rst has the steps ---- */

/* A channel that is not normal: loads of the BARs would give ones, or worse. */
static void take_memory_away(struct vfiod_pci *vp)
{
	mutex_lock_nested(&vp->lock, IN_RECOVERY);
	memory_block_nested(vp, true, IN_RECOVERY);
	vp->cut_off = true;
	vp->memory_on = false;
	vp->io_on = false;
	memory_unblock(vp);
	mutex_unlock(&vp->lock);
}

/*
 * The user's word counts for this function alone. Others take part in the recovery from an error,
 * the functions of its slot, or a physical function and all its virtual ones: to end it, or to have
 * them reset, is not up to the user of one of them.
 */
static pci_ers_result_t error_detected(struct pci_dev *pdev, pci_channel_state_t state)
{
	struct vfiod_pci *vp = dev_get_drvdata(&pdev->dev);

	if (state != pci_channel_io_normal)
		take_memory_away(vp);
	vp->frozen = state == pci_channel_io_frozen;
	interrupts_signal(vp, &vp->error_trigger);
	vp->verdict = ask(vp, VFIOD_PCI_ERROR, (__force u32)state);
	if (state == pci_channel_io_perm_failure)
		return PCI_ERS_RESULT_DISCONNECT;
	return state == pci_channel_io_normal ? PCI_ERS_RESULT_CAN_RECOVER
					      : PCI_ERS_RESULT_NEED_RESET;
}

/* The link was not reset. The device's lock is held. */
static int reset_alone(struct vfiod_pci *vp)
{
	int error = power_set(vp, PCI_D0);

	return error ? error : power_reset_locked(vp);
}

/* It begins again as its user found it; one who gives up is left without its BARs. */
static void begin_again(struct vfiod_pci *vp, bool alone)
{
	struct pci_dev *pdev = vp->pdev;
	int error;

	mutex_lock_nested(&vp->lock, IN_RECOVERY);
	memory_block_nested(vp, true, IN_RECOVERY);
	error = alone ? reset_alone(vp) : 0;
	pci_load_saved_state(pdev, vp->is_open ? vp->saved : vp->found);
	pci_restore_state(pdev);
	interrupts_sync_pin(vp);
	vp->cut_off = error || vp->verdict == VFIOD_PCI_GIVE_UP;
	if (vp->is_open)
		config_update_decoding(vp);
	else if (pci_reenable_device(pdev)) /* "found" may be of before it was */
		vp->clean = false;
	memory_unblock(vp);
	mutex_unlock(&vp->lock);
	trace_vfiod_pci_reset(vp, "error", error);
	if (vp->cut_off)
		return;
	vp->verdict = ask(vp, VFIOD_PCI_RESET, 0);
	if (vp->verdict == VFIOD_PCI_GIVE_UP)
		take_memory_away(vp);
}

/* The link works, and nobody needs it reset. */
static pci_ers_result_t mmio_enabled(struct pci_dev *pdev)
{
	struct vfiod_pci *vp = dev_get_drvdata(&pdev->dev);

	if (vp->verdict != VFIOD_PCI_GO_ON)
		begin_again(vp, true);
	return PCI_ERS_RESULT_RECOVERED;
}

static pci_ers_result_t slot_reset(struct pci_dev *pdev)
{
	struct vfiod_pci *vp = dev_get_drvdata(&pdev->dev);

	/* Also when the link was not reset, and somebody else's driver has asked for this. */
	begin_again(vp, !vp->frozen);
	return PCI_ERS_RESULT_RECOVERED;
}

static void resume(struct pci_dev *pdev)
{
	tell(dev_get_drvdata(&pdev->dev), VFIOD_PCI_RESUMED, 0);
}

/* Where this is not, the kernel has something to say at each reset. */
static void ignore_reset(struct pci_dev *pdev)
{
}

const struct pci_error_handlers events_error_handlers = {
	.error_detected = error_detected,
	.mmio_enabled = mmio_enabled,
	.slot_reset = slot_reset,
	.resume = resume,
	.reset_prepare = ignore_reset,
	.reset_done = ignore_reset,
};

/* ---- removal and suspend ---- */

/* VFIO asks again and again, the first time with a count of 0. */
void events_request(struct vfio_device *vdev, unsigned int count)
{
	struct vfiod_pci *vp = to_vfiod_pci(vdev);

	interrupts_signal(vp, &vp->request_trigger);
	if (!count)
		tell(vp, VFIOD_PCI_REMOVAL, 0);
}

static bool all_are_answered(void)
{
	struct vfiod_pci *vp;
	bool all = true;

	spin_lock(&events_lock);
	list_for_each_entry(vp, &functions, node)
		all = all && !is_open(&vp->suspend_question);
	spin_unlock(&events_lock);
	return all;
}

/* User space still runs. A user that does not answer does not keep the machine awake. */
static void announce_suspend(void)
{
	struct vfiod_pci *vp;

	spin_lock(&events_lock);
	list_for_each_entry(vp, &functions, node)
		if (READ_ONCE(vp->is_open))
			put_question(vp, &vp->suspend_question, VFIOD_PCI_SUSPEND, 0);
	spin_unlock(&events_lock);
	wake_readers();
	wait_event_timeout(answers, all_are_answered(), msecs_to_jiffies(answer_ms));
	/* who is late is told so */
	spin_lock(&events_lock);
	list_for_each_entry(vp, &functions, node)
		vp->suspend_question.id = 0;
	spin_unlock(&events_lock);
}

static void announce_wake(void)
{
	struct vfiod_pci_event event;
	struct vfiod_pci *vp;

	spin_lock(&events_lock);
	list_for_each_entry(vp, &functions, node) {
		if (!READ_ONCE(vp->is_open))
			continue;
		event = event_of(vp, VFIOD_PCI_WOKEN, 0);
		post(&event);
	}
	spin_unlock(&events_lock);
	wake_readers();
}

static int on_power(struct notifier_block *block, unsigned long what, void *unused)
{
	switch (what) {
	case PM_SUSPEND_PREPARE:
	case PM_HIBERNATION_PREPARE:
		announce_suspend();
		break;
	case PM_POST_SUSPEND:
	case PM_POST_HIBERNATION:
		announce_wake();
		break;
	}
	return NOTIFY_OK;
}

static struct notifier_block power_notifier = { .notifier_call = on_power };

/* ---- the node ---- */

static int node_open(struct inode *inode, struct file *file)
{
	struct reader *reader;

	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	reader = kzalloc(sizeof(*reader), GFP_KERNEL_ACCOUNT);
	if (!reader)
		return -ENOMEM;
	INIT_KFIFO(reader->events);
	file->private_data = reader;
	spin_lock(&events_lock);
	list_add(&reader->node, &readers);
	spin_unlock(&events_lock);
	return nonseekable_open(inode, file);
}

static int node_release(struct inode *inode, struct file *file)
{
	struct reader *reader = file->private_data;

	spin_lock(&events_lock);
	list_del(&reader->node);
	spin_unlock(&events_lock);
	wake_up(&answers); /* nobody is left to answer, perhaps */
	kfree(reader);
	return 0;
}

/* Return: whether there was one. */
static bool take_event(struct reader *reader, struct vfiod_pci_event *event)
{
	bool any;

	spin_lock(&events_lock);
	any = kfifo_get(&reader->events, event);
	if (!any && reader->lost) {
		reader->lost = false;
		*event = (struct vfiod_pci_event){ .size = sizeof(*event), .kind = VFIOD_PCI_LOST };
		any = true;
	}
	spin_unlock(&events_lock);
	return any;
}

static bool has_event(struct reader *reader)
{
	return !kfifo_is_empty(&reader->events) || READ_ONCE(reader->lost);
}

static ssize_t node_read(struct file *file, char __user *to, size_t count, loff_t *at)
{
	struct reader *reader = file->private_data;
	struct vfiod_pci_event event;
	size_t done = 0;

	if (count < sizeof(event))
		return -EINVAL;
	while (!done) {
		if (!has_event(reader) && file->f_flags & O_NONBLOCK)
			return -EAGAIN;
		if (wait_event_interruptible(news, has_event(reader)))
			return -ERESTARTSYS;
		while (done + sizeof(event) <= count && take_event(reader, &event)) {
			if (copy_to_user(to + done, &event, sizeof(event)))
				return -EFAULT;
			done += sizeof(event);
		}
	}
	return done;
}

/* Return: whether it was that one's, and the first. */
static bool take_answer(struct question *question, const struct vfiod_pci_answer *answer)
{
	if (question->id != answer->id || question->verdict)
		return false;
	question->verdict = answer->verdict;
	return true;
}

static int give_answer(const struct vfiod_pci_answer *answer)
{
	struct vfiod_pci *vp;
	int error = -ENOENT;

	spin_lock(&events_lock);
	list_for_each_entry(vp, &functions, node)
		if (take_answer(&vp->error_question, answer) ||
		    take_answer(&vp->suspend_question, answer))
			error = 0;
	spin_unlock(&events_lock);
	wake_up(&answers);
	return error;
}

static ssize_t node_write(struct file *file, const char __user *from, size_t count, loff_t *at)
{
	struct vfiod_pci_answer answer;
	int error;

	if (count != sizeof(answer))
		return -EINVAL;
	if (copy_from_user(&answer, from, sizeof(answer)))
		return -EFAULT;
	if (answer.size != sizeof(answer) || !answer.id || answer.verdict < VFIOD_PCI_GO_ON ||
	    answer.verdict > VFIOD_PCI_GIVE_UP)
		return -EINVAL;
	error = give_answer(&answer);
	return error ? error : count;
}

static __poll_t node_poll(struct file *file, poll_table *wait)
{
	poll_wait(file, &news, wait);
	return has_event(file->private_data) ? EPOLLIN | EPOLLRDNORM : 0;
}

static const struct file_operations node_fops = {
	.owner = THIS_MODULE,
	.open = node_open,
	.release = node_release,
	.read = node_read,
	.write = node_write,
	.poll = node_poll,
};

static struct miscdevice node = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "vfiod-pci",
	.mode = 0600,
	.fops = &node_fops,
};

/* ---- begin and end ---- */

void events_add(struct vfiod_pci *vp)
{
	spin_lock(&events_lock);
	list_add(&vp->node, &functions);
	spin_unlock(&events_lock);
}

void events_remove(struct vfiod_pci *vp)
{
	spin_lock(&events_lock);
	list_del(&vp->node);
	spin_unlock(&events_lock);
}

int events_init(void)
{
	int error = register_pm_notifier(&power_notifier);

	if (error)
		return error;
	error = misc_register(&node);
	if (error)
		unregister_pm_notifier(&power_notifier);
	return error;
}

void events_exit(void)
{
	misc_deregister(&node);
	unregister_pm_notifier(&power_notifier);
}
