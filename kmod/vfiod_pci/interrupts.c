// SPDX-License-Identifier: GPL-2.0-only
#include <linux/interrupt.h>
#include <linux/irq.h>
#include <linux/slab.h>

#include "trace.h"
#include "vfiod_pci.h"

/*
 * Interrupts as eventfds. All set-up is under vp->lock; a handler takes no more than intx.lock, and
 * reads its eventfd, which is put only when no handler can have it any more.
 */

static bool is_set_up(const struct vfiod_pci *vp, unsigned int index)
{
	return vp->irq_index == index;
}

/* How many interrupts there are of an index; 0 also for one that does not exist. */
u32 interrupts_count(struct vfiod_pci *vp, unsigned int index)
{
	u32 pin = 0;

	switch (index) {
	case VFIO_PCI_INTX_IRQ_INDEX:
		pcicfg_read(&vp->cfg, PCI_INTERRUPT_PIN, 1, &pin);
		return !!pin;
	case VFIO_PCI_MSI_IRQ_INDEX:
		return vp->cfg.msi_vectors;
	case VFIO_PCI_MSIX_IRQ_INDEX:
		return vp->cfg.msix_vectors;
	case VFIO_PCI_ERR_IRQ_INDEX:
		return pci_is_pcie(vp->pdev);
	case VFIO_PCI_REQ_IRQ_INDEX:
		return 1;
	}
	return 0;
}

static struct eventfd_ctx *context_of(s32 fd)
{
	return fd == -1 ? NULL : eventfd_ctx_fdget(fd);
}

static void put(struct eventfd_ctx *context)
{
	if (context)
		eventfd_ctx_put(context);
}

static void signal(struct eventfd_ctx *context)
{
	if (context)
		compat_eventfd_signal(context);
}

/* ---- INTx ---- */

/* A quirk of some functions: while their pin is held back, they have no MSI either. */
static bool msi_needs_pin(const struct vfiod_pci *vp)
{
	return vp->vectors && vp->pdev->dev_flags & PCI_DEV_FLAGS_MSI_INTX_DISABLE_BUG;
}

/* Under intx.lock. */
static void sync_pin(struct vfiod_pci *vp)
{
	const struct intx *intx = &vp->intx;
	bool wanted = intx->enabled && !intx->masked && !intx->disabled;

	pci_intx(vp->pdev, wanted || msi_needs_pin(vp));
}

static void set_flag(struct vfiod_pci *vp, bool *flag, bool value)
{
	unsigned long flags;

	spin_lock_irqsave(&vp->intx.lock, flags);
	*flag = value;
	sync_pin(vp);
	spin_unlock_irqrestore(&vp->intx.lock, flags);
}

/* Has the pin of the hardware be as it should: a reset, a restore, a write may have changed it. */
void interrupts_sync_pin(struct vfiod_pci *vp)
{
	unsigned long flags;

	if (vp->pdev->is_virtfn)
		return;
	spin_lock_irqsave(&vp->intx.lock, flags);
	sync_pin(vp);
	spin_unlock_irqrestore(&vp->intx.lock, flags);
}

/*
 * The line is shared. An interrupt of a pin that should be held back, but is not, holds it back
 * again: a restore of config space may have let it go a moment ago.
 */
static irqreturn_t intx_handler(int irq, void *context)
{
	struct vfiod_pci *vp = context;
	struct intx *intx = &vp->intx;
	bool mine, deliver;
	unsigned long flags;

	spin_lock_irqsave(&intx->lock, flags);
	mine = pci_check_and_mask_intx(vp->pdev);
	deliver = mine && intx->enabled && !intx->masked && !intx->disabled;
	if (deliver)
		intx->masked = true;
	spin_unlock_irqrestore(&intx->lock, flags);
	if (deliver)
		signal(READ_ONCE(intx->trigger));
	return mine ? IRQ_HANDLED : IRQ_NONE;
}

/*
 * Return: whether it was pending: then it is masked again, and to be signalled. Also by an eventfd,
 * which is locked when this is called, so that the signal is left to a thread.
 */
static int unmask_intx(void *context, void *unused)
{
	struct vfiod_pci *vp = context;
	struct intx *intx = &vp->intx;
	unsigned long flags;
	bool pending = false;

	spin_lock_irqsave(&intx->lock, flags);
	if (intx->masked) {
		pending = intx->enabled && !intx->disabled && !pci_check_and_unmask_intx(vp->pdev);
		intx->masked = pending;
	}
	spin_unlock_irqrestore(&intx->lock, flags);
	return pending;
}

static void signal_intx(void *context, void *unused)
{
	struct vfiod_pci *vp = context;

	signal(READ_ONCE(vp->intx.trigger));
}

/* Interrupt Disable of the user's COMMAND. What is pending is delivered when it is cleared. */
void interrupts_disable_intx(struct vfiod_pci *vp, bool disabled)
{
	set_flag(vp, &vp->intx.disabled, disabled);
}

static int enable_intx(struct vfiod_pci *vp, struct eventfd_ctx *trigger)
{
	int error;

	vp->intx.trigger = trigger;
	vp->intx.masked = false;
	error = request_irq(vp->pdev->irq, intx_handler, IRQF_SHARED, vp->irq_name, vp);
	if (error) {
		vp->intx.trigger = NULL;
		return error;
	}
	vp->irq_index = VFIO_PCI_INTX_IRQ_INDEX;
	set_flag(vp, &vp->intx.enabled, true);
	return 0;
}

static void disable_intx(struct vfiod_pci *vp)
{
	vfio_virqfd_disable(&vp->intx.unmask);
	set_flag(vp, &vp->intx.enabled, false);
	free_irq(vp->pdev->irq, vp);
	put(vp->intx.trigger);
	vp->intx.trigger = NULL;
	vp->irq_index = NO_IRQ;
}

/* Takes @trigger over, also on failure. NULL: switches it off. */
static int set_intx(struct vfiod_pci *vp, struct eventfd_ctx *trigger)
{
	struct eventfd_ctx *old = vp->intx.trigger;
	int error;

	if (!trigger) {
		if (is_set_up(vp, VFIO_PCI_INTX_IRQ_INDEX))
			disable_intx(vp);
		return 0;
	}
	if (!is_set_up(vp, VFIO_PCI_INTX_IRQ_INDEX)) {
		error = enable_intx(vp, trigger);
		if (error)
			put(trigger);
		return error;
	}
	WRITE_ONCE(vp->intx.trigger, trigger);
	synchronize_irq(vp->pdev->irq);
	vfio_virqfd_flush_thread(&vp->intx.unmask);
	put(old);
	return 0;
}

static int set_unmask_eventfd(struct vfiod_pci *vp, s32 fd)
{
	if (fd < 0) {
		vfio_virqfd_disable(&vp->intx.unmask);
		return 0;
	}
	return vfio_virqfd_enable(vp, unmask_intx, signal_intx, NULL, &vp->intx.unmask, fd);
}

/* ---- MSI and MSI-X ---- */

static irqreturn_t vector_handler(int irq, void *context)
{
	struct vector *vector = context;

	signal(READ_ONCE(vector->trigger));
	return IRQ_HANDLED;
}

/*
 * MSI-X is set up, and masked, in a BAR, which has to answer for that: with its address, which a
 * reset behind our back has taken away.
 */
static bool enable_memory(struct vfiod_pci *vp)
{
	u16 command;

	memory_block(vp, false);
	if (config_repair(vp)) {
		memory_unblock(vp);
		memory_block(vp, true); /* from the mappings, too */
	}
	pci_read_config_word(vp->pdev, PCI_COMMAND, &command);
	if (command & PCI_COMMAND_MEMORY)
		return true;
	pci_write_config_word(vp->pdev, PCI_COMMAND, command | PCI_COMMAND_MEMORY);
	return false;
}

/* The kernel lets go of INTx's pin when MSI is switched off; and the host's registers are new. */
static void restore_memory(struct vfiod_pci *vp, bool was_on)
{
	u16 command;

	pci_read_config_word(vp->pdev, PCI_COMMAND, &command);
	if (!was_on)
		pci_write_config_word(vp->pdev, PCI_COMMAND, command & ~PCI_COMMAND_MEMORY);
	interrupts_sync_pin(vp);
	config_remember(vp);
	memory_unblock(vp);
}

/* By SET_IRQS, by a mask bit of the vector, or as one of all. */
static bool should_be_off(struct vfiod_pci *vp, u32 n)
{
	return vp->vectors[n].masked ||
	       (is_set_up(vp, VFIO_PCI_MSI_IRQ_INDEX) ? pcicfg_msi_held(&vp->cfg, n)
						      : pcicfg_msix_held(&vp->cfg, n));
}

/* The kernel's interrupt layer keeps what comes in the meantime, if the function does not. */
static void apply_mask(struct vfiod_pci *vp, u32 n)
{
	struct vector *vector = &vp->vectors[n];
	bool off = should_be_off(vp, n);

	if (!vector->trigger || vector->off == off)
		return;
	vector->off = off;
	if (off)
		disable_irq(pci_irq_vector(vp->pdev, n));
	else
		enable_irq(pci_irq_vector(vp->pdev, n));
}

static void apply_masks(struct vfiod_pci *vp, u32 start, u32 count)
{
	bool dark = is_set_up(vp, VFIO_PCI_MSIX_IRQ_INDEX) && !vp->memory_on, was_on = true;
	u32 n;

	if (vp->pdev->current_state != PCI_D0)
		return; /* when it wakes up */
	if (dark)
		was_on = enable_memory(vp);
	for (n = start; n < start + count; n++)
		apply_mask(vp, n);
	if (dark)
		restore_memory(vp, was_on);
}

/* The user has changed masks in config space or in the table, or the function is awake again. */
void interrupts_apply_masks(struct vfiod_pci *vp)
{
	apply_masks(vp, 0, vp->vector_count);
	/* The hardware delivers what was pending; the model need not tell. */
	while (pcicfg_msi_due(&vp->cfg) >= 0)
		;
}

static int request_vector(struct vfiod_pci *vp, u32 n, struct eventfd_ctx *trigger)
{
	struct vector *vector = &vp->vectors[n];
	int irq = pci_irq_vector(vp->pdev, n), error;

	vector->trigger = trigger;
	vector->off = should_be_off(vp, n);
	/* What is masked is masked in the hardware there and then, for its pending bit to tell. */
	irq_set_status_flags(irq, IRQ_DISABLE_UNLAZY);
	error = request_irq(irq, vector_handler, vector->off ? IRQF_NO_AUTOEN : 0, vp->irq_name,
			    vector);
	if (error)
		vector->trigger = NULL;
	return error;
}

/* Takes @trigger over, also on failure. NULL: nobody is told of the vector any more. */
static int set_vector(struct vfiod_pci *vp, u32 n, struct eventfd_ctx *trigger)
{
	struct vector *vector = &vp->vectors[n];
	struct eventfd_ctx *old = vector->trigger;
	int irq = pci_irq_vector(vp->pdev, n), error;

	if (!old && trigger) {
		error = request_vector(vp, n, trigger);
		if (error)
			put(trigger);
		return error;
	}
	if (!old)
		return 0;
	WRITE_ONCE(vector->trigger, trigger);
	if (trigger)
		synchronize_irq(irq);
	else
		free_irq(irq, vector);
	put(old);
	return 0;
}

/* Without the kernel's letting go of INTx's pin, which nobody may be there for. */
static void free_vectors(struct pci_dev *pdev)
{
	pci_dev_flags_t flags = pdev->dev_flags;

	pdev->dev_flags |= PCI_DEV_FLAGS_MSI_INTX_DISABLE_BUG;
	pci_free_irq_vectors(pdev);
	pdev->dev_flags = flags;
}

/* Return: 0, or how many there are where @count are too many, or an errno. */
static int enable_vectors(struct vfiod_pci *vp, unsigned int index, u32 count)
{
	unsigned int kind = index == VFIO_PCI_MSI_IRQ_INDEX ? PCI_IRQ_MSI : PCI_IRQ_MSIX;
	struct vector *vectors;
	bool was_on;
	int got;

	if (pci_channel_offline(vp->pdev))
		return -EIO;
	vectors = kcalloc(count, sizeof(*vectors), GFP_KERNEL_ACCOUNT);
	if (!vectors)
		return -ENOMEM;
	was_on = enable_memory(vp);
	got = pci_alloc_irq_vectors(vp->pdev, 1, count, kind);
	if (got == (int)count) {
		vp->vectors = vectors;
		vp->vector_count = count;
		vp->irq_index = index;
		got = 0;
	} else {
		if (got >= 0)
			free_vectors(vp->pdev);
		kfree(vectors);
	}
	restore_memory(vp, was_on);
	return got;
}

static void disable_vectors(struct vfiod_pci *vp)
{
	bool was_on;
	u32 n;

	was_on = enable_memory(vp);
	for (n = 0; n < vp->vector_count; n++)
		set_vector(vp, n, NULL);
	kfree(vp->vectors);
	vp->vectors = NULL;
	interrupts_sync_pin(vp); /* before MSI is off: nobody is there for the pin */
	free_vectors(vp->pdev);
	vp->vector_count = 0;
	vp->irq_index = NO_IRQ;
	restore_memory(vp, was_on);
}

/* All of them, or, after an error, none of them. */
static int set_vectors(struct vfiod_pci *vp, u32 start, u32 count, const s32 *fds)
{
	struct eventfd_ctx *trigger;
	int error = 0;
	u32 n;

	for (n = 0; !error && n < count; n++) {
		trigger = context_of(fds ? fds[n] : -1);
		error = IS_ERR(trigger) ? PTR_ERR(trigger) : set_vector(vp, start + n, trigger);
	}
	if (!error)
		return 0;
	while (n--)
		set_vector(vp, start + n, NULL);
	return error;
}

static int set_triggers(struct vfiod_pci *vp, const struct vfio_irq_set *set, const s32 *fds)
{
	bool fresh = is_set_up(vp, NO_IRQ), was_on;
	int error;

	if (!set->count)
		return -EINVAL;
	if (fresh)
		error = enable_vectors(vp, set->index, set->start + set->count);
	else
		error = set->start + set->count > vp->vector_count ? -EINVAL : 0;
	if (error)
		return error;
	was_on = enable_memory(vp);
	error = set_vectors(vp, set->start, set->count, fds);
	restore_memory(vp, was_on);
	if (error && fresh)
		disable_vectors(vp);
	return error;
}

/* ---- SET_IRQS ---- */

/* Whether interrupt @n of the call, from set->start on, is one that it speaks of. */
static bool concerns(const struct vfio_irq_set *set, const void *data, u32 n)
{
	return set->flags & VFIO_IRQ_SET_DATA_NONE ||
	       (set->flags & VFIO_IRQ_SET_DATA_BOOL && ((const u8 *)data)[n]);
}

static int mask_pin(struct vfiod_pci *vp, const struct vfio_irq_set *set, const void *data)
{
	if (!is_set_up(vp, set->index) || set->count != 1 || set->flags & VFIO_IRQ_SET_DATA_EVENTFD)
		return -EINVAL;
	if (concerns(set, data, 0))
		set_flag(vp, &vp->intx.masked, true);
	return 0;
}

static int unmask_pin_by(struct vfiod_pci *vp, const struct vfio_irq_set *set, const void *data)
{
	if (!is_set_up(vp, set->index) || set->count != 1)
		return -EINVAL;
	if (set->flags & VFIO_IRQ_SET_DATA_EVENTFD)
		return set_unmask_eventfd(vp, *(const s32 *)data);
	if (concerns(set, data, 0) && unmask_intx(vp, NULL))
		signal(vp->intx.trigger);
	return 0;
}

static int trigger_pin(struct vfiod_pci *vp, const struct vfio_irq_set *set, const void *data)
{
	struct eventfd_ctx *trigger;

	if (!set->count && set->flags & VFIO_IRQ_SET_DATA_NONE)
		return set_intx(vp, NULL);
	if (set->count != 1)
		return -EINVAL;
	if (set->flags & VFIO_IRQ_SET_DATA_EVENTFD) {
		if (!is_set_up(vp, set->index) && !is_set_up(vp, NO_IRQ))
			return -EINVAL;
		trigger = context_of(*(const s32 *)data);
		return IS_ERR(trigger) ? PTR_ERR(trigger) : set_intx(vp, trigger);
	}
	if (!is_set_up(vp, set->index))
		return -EINVAL;
	if (concerns(set, data, 0))
		signal(vp->intx.trigger);
	return 0;
}

static int mask_vectors(struct vfiod_pci *vp, const struct vfio_irq_set *set, const void *data)
{
	bool masked = set->flags & VFIO_IRQ_SET_ACTION_MASK;
	u32 n;

	if (!is_set_up(vp, set->index) || set->start + set->count > vp->vector_count ||
	    set->flags & VFIO_IRQ_SET_DATA_EVENTFD)
		return -EINVAL;
	for (n = 0; n < set->count; n++)
		if (concerns(set, data, n))
			vp->vectors[set->start + n].masked = masked;
	apply_masks(vp, set->start, set->count);
	return 0;
}

static int trigger_vectors(struct vfiod_pci *vp, const struct vfio_irq_set *set, const void *data)
{
	u32 n;

	if (!set->count && set->flags & VFIO_IRQ_SET_DATA_NONE) {
		if (is_set_up(vp, set->index))
			disable_vectors(vp);
		return 0;
	}
	if (set->flags & VFIO_IRQ_SET_DATA_EVENTFD)
		return is_set_up(vp, set->index) || is_set_up(vp, NO_IRQ)
			       ? set_triggers(vp, set, data)
			       : -EINVAL;
	if (!is_set_up(vp, set->index) || set->start + set->count > vp->vector_count)
		return -EINVAL;
	for (n = 0; n < set->count; n++)
		if (concerns(set, data, n))
			signal(vp->vectors[set->start + n].trigger);
	return 0;
}

/* Takes @context over. */
static void change_signal(struct vfiod_pci *vp, struct eventfd_ctx **which,
			  struct eventfd_ctx *context)
{
	unsigned long flags;

	spin_lock_irqsave(&vp->signal_lock, flags);
	swap(*which, context);
	spin_unlock_irqrestore(&vp->signal_lock, flags);
	put(context);
}

/* Of errors, or of the wish to have the device back: VFIO asks for it until the last close. */
void interrupts_signal(struct vfiod_pci *vp, struct eventfd_ctx *const *which)
{
	unsigned long flags;

	spin_lock_irqsave(&vp->signal_lock, flags);
	signal(*which);
	spin_unlock_irqrestore(&vp->signal_lock, flags);
}

static int set_signal(struct vfiod_pci *vp, const struct vfio_irq_set *set, const void *data)
{
	struct eventfd_ctx **where =
		set->index == VFIO_PCI_ERR_IRQ_INDEX ? &vp->error_trigger : &vp->request_trigger;
	bool off = !set->count && set->flags & VFIO_IRQ_SET_DATA_NONE;
	struct eventfd_ctx *context = NULL;

	if (!off && set->count != 1)
		return -EINVAL;
	if (!off && set->flags & VFIO_IRQ_SET_DATA_EVENTFD) {
		context = context_of(*(const s32 *)data);
		if (IS_ERR(context))
			return PTR_ERR(context);
		off = true;
	}
	if (off)
		change_signal(vp, where, context);
	else if (concerns(set, data, 0))
		interrupts_signal(vp, where);
	return 0;
}

typedef int (*action)(struct vfiod_pci *vp, const struct vfio_irq_set *set, const void *data);

/**
 * interrupts_set() - VFIO_DEVICE_SET_IRQS
 * @vp: its lock is held
 * @set: checked by vfio_set_irqs_validate_and_prepare()
 * @data: what follows it
 *
 * Return: 0; -ENOTTY (no such action); -EINVAL (not one, or not as they are set up); -EIO (the
 * function sleeps); how many vectors there are, when more were asked for; or another errno.
 */
int interrupts_set(struct vfiod_pci *vp, const struct vfio_irq_set *set, const void *data)
{
	static const action actions[VFIO_PCI_NUM_IRQS][3] = {
		[VFIO_PCI_INTX_IRQ_INDEX] = { mask_pin, unmask_pin_by, trigger_pin },
		[VFIO_PCI_MSI_IRQ_INDEX] = { mask_vectors, mask_vectors, trigger_vectors },
		[VFIO_PCI_MSIX_IRQ_INDEX] = { mask_vectors, mask_vectors, trigger_vectors },
		[VFIO_PCI_ERR_IRQ_INDEX] = { NULL, NULL, set_signal },
		[VFIO_PCI_REQ_IRQ_INDEX] = { NULL, NULL, set_signal },
	};
	u32 flag = set->flags & VFIO_IRQ_SET_ACTION_TYPE_MASK;
	action act;
	int result;

	if (hweight32(flag) != 1)
		return -EINVAL;
	/* A function that sleeps does not take writes to its table of MSI-X. */
	if ((set->index == VFIO_PCI_MSI_IRQ_INDEX || set->index == VFIO_PCI_MSIX_IRQ_INDEX) &&
	    vp->pdev->current_state != PCI_D0)
		return -EIO;
	act = actions[set->index][ilog2(flag) - ilog2(VFIO_IRQ_SET_ACTION_MASK)];
	if (!act)
		return -ENOTTY;
	result = act(vp, set, data);
	trace_vfiod_pci_irq(vp, set->index, set->flags, set->start, set->count, result);
	return result;
}

/* ---- begin and end ---- */

void interrupts_init(struct vfiod_pci *vp)
{
	spin_lock_init(&vp->intx.lock);
	spin_lock_init(&vp->signal_lock);
	vp->irq_index = NO_IRQ;
}

/* The function's last user has gone. It is in D0; @vp->lock is held. */
void interrupts_close(struct vfiod_pci *vp)
{
	if (is_set_up(vp, VFIO_PCI_INTX_IRQ_INDEX))
		disable_intx(vp);
	else if (!is_set_up(vp, NO_IRQ))
		disable_vectors(vp);
	vp->intx.disabled = false;
	change_signal(vp, &vp->error_trigger, NULL);
	change_signal(vp, &vp->request_trigger, NULL);
}
