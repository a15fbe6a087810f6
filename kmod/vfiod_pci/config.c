// SPDX-License-Identifier: GPL-2.0-only
#include <linux/pci.h>

#include "trace.h"
#include "vfiod_pci.h"

/*
 * The config region. libpcicfg says what is read and what reaches the hardware; what a write asks
 * for beyond that comes back as events, and is carried out here, under the same lock.
 */

/* ---- the way to the hardware ---- */

static int hardware_read(void *context, __u16 offset, unsigned int width, __u32 *value)
{
	struct vfiod_pci *vp = context;
	u16 word = 0;
	u8 byte = 0;
	int error;

	if (width == 4)
		return pci_user_read_config_dword(vp->pdev, offset, value);
	error = width == 2 ? pci_user_read_config_word(vp->pdev, offset, &word)
			   : pci_user_read_config_byte(vp->pdev, offset, &byte);
	if (!error)
		*value = word | byte;
	return error;
}

static int hardware_write(void *context, __u16 offset, unsigned int width, __u32 value)
{
	struct vfiod_pci *vp = context;

	trace_vfiod_pci_config_write(vp, offset, width, value);
	if (width == 4)
		return pci_user_write_config_dword(vp->pdev, offset, value);
	return width == 2 ? pci_user_write_config_word(vp->pdev, offset, value)
			  : pci_user_write_config_byte(vp->pdev, offset, value);
}

static const struct pcicfg_hw hardware = { .read = hardware_read, .write = hardware_write };

/* ---- set up ---- */

static void bar_facts(const struct vfiod_pci *vp, unsigned int bar, struct pcicfg_bar *fact)
{
	unsigned long flags = vp->pdev->resource[bar].flags;

	fact->length = bar_length(vp, bar);
	if (flags & IORESOURCE_IO)
		fact->flags |= PCICFG_BAR_IO;
	if (flags & IORESOURCE_MEM_64)
		fact->flags |= PCICFG_BAR_64BIT;
	if (flags & IORESOURCE_PREFETCH)
		fact->flags |= PCICFG_BAR_PREFETCH;
}

/* Its INTx cannot be told from others on the line, and the kernel has no quirk for it. */
static bool is_x550(const struct pci_dev *pdev)
{
	return pdev->vendor == PCI_VENDOR_ID_INTEL && pdev->device == 0x1563;
}

/* A pin that cannot be held back would be a way to stop whoever shares its line. */
static bool has_intx(struct pci_dev *pdev)
{
	return !is_x550(pdev) && !pdev->is_virtfn && pdev->pin && pdev->irq &&
	       pdev->irq != IRQ_NOTCONNECTED && pci_intx_mask_supported(pdev);
}

/* A driver finds its function decoding, as vfio-pci leaves it: many do not switch that on. */
static int begin_decoding(struct vfiod_pci *vp)
{
	struct pcicfg_events events;
	u32 command;
	int error = pcicfg_read(&vp->cfg, PCI_COMMAND, 2, &command);

	/* As it is, so that the model has it from its user, too. */
	return error ? error : pcicfg_write(&vp->cfg, PCI_COMMAND, 2, command, &events);
}

/* Under memory_lock, held for writing, once there are users. */
void config_update_decoding(struct vfiod_pci *vp)
{
	vp->memory_on = !vp->cut_off && pcicfg_memory_enabled(&vp->cfg);
	vp->io_on = !vp->cut_off && pcicfg_io_enabled(&vp->cfg);
}

/* The model of a function that is in D0, enabled, without a user yet. Return: 0 or an errno. */
int config_open(struct vfiod_pci *vp)
{
	struct pci_dev *pdev = vp->pdev;
	struct pcicfg_facts facts = {
		.size = pdev->cfg_size > PCICFG_SIZE_PCI ? PCICFG_SIZE_PCIE : PCICFG_SIZE_PCI,
		.vendor = pdev->vendor,
		.device = pdev->device,
		.flags = (pdev->is_virtfn ? PCICFG_VF : 0) | (has_intx(pdev) ? 0 : PCICFG_NO_INTX),
	};
	unsigned int bar;
	int error;

	for (bar = 0; bar < PCI_STD_NUM_BARS; bar++)
		bar_facts(vp, bar, &facts.bar[bar]);
	facts.bar[PCICFG_ROM].length = bar_length(vp, PCI_ROM_RESOURCE);
	error = pcicfg_open(&vp->cfg, &facts, &hardware, vp);
	if (!error)
		error = begin_decoding(vp);
	vp->cut_off = false;
	if (!error)
		config_update_decoding(vp);
	return error;
}

/* The host has changed registers that are its own: interrupts were set up, or taken down. */
void config_remember(struct vfiod_pci *vp)
{
	/* What cannot be read now is as it was before: the function is gone, or will be reset. */
	if (pcicfg_remember(&vp->cfg))
		pci_dbg(vp->pdev, "config space cannot be read\n");
}

/* ---- what a write asks for ---- */

/*
 * Has the function been reset behind our back? Then what is the host's is put back, and BARs do not
 * answer until its user has switched them on again. Under memory_lock, held for writing. Return:
 * whether it has.
 */
bool config_repair(struct vfiod_pci *vp)
{
	bool was_reset = false;
	u16 command;

	if (pcicfg_repair(&vp->cfg, &was_reset) || !was_reset)
		return false;
	trace_vfiod_pci_reset(vp, "unseen", 0);
	/* The table of MSI-X, too. */
	command = power_decode(vp->pdev);
	pci_restore_msi_state(vp->pdev);
	pci_write_config_word(vp->pdev, PCI_COMMAND, command);
	interrupts_sync_pin(vp);
	vp->memory_on = vp->memory_on && pcicfg_memory_enabled(&vp->cfg);
	vp->io_on = vp->io_on && pcicfg_io_enabled(&vp->cfg);
	return true;
}

static void set_power(struct vfiod_pci *vp, u32 state)
{
	/* The kernel calls one that it cannot wake D3cold, which no register has a number for. */
	if (power_set(vp, (__force pci_power_t)state))
		pcicfg_power_is(&vp->cfg, min_t(u32, (__force u32)vp->pdev->current_state, 3));
}

/* The data is not the user's to change: it is for ever. A write is left without an answer. */
static void read_vpd(struct vfiod_pci *vp, u32 address)
{
	__le32 data;

	if (address & PCI_VPD_ADDR_F || vp->pdev->current_state != PCI_D0)
		return;
	if (pci_read_vpd(vp->pdev, address & PCI_VPD_ADDR_MASK, sizeof(data), &data) ==
	    sizeof(data))
		pcicfg_vpd_done(&vp->cfg, le32_to_cpu(data));
}

/* Reads of less than the payload size have brought functions down. */
static void set_read_request(struct vfiod_pci *vp, u32 bytes)
{
	pcie_set_readrq(vp->pdev, max_t(int, bytes, pcie_get_mps(vp->pdev)));
	config_remember(vp);
}

static void carry_out(struct vfiod_pci *vp, const struct pcicfg_event *event)
{
	switch (event->kind) {
	case PCICFG_INTX:
		interrupts_disable_intx(vp, event->after);
		break;
	case PCICFG_POWER:
		set_power(vp, event->after);
		break;
	case PCICFG_FLR:
		power_reset(vp);
		break;
	case PCICFG_READ_REQUEST:
		set_read_request(vp, event->after);
		break;
	case PCICFG_MSI_MASK:
	case PCICFG_MSIX:
		interrupts_apply_masks(vp);
		break;
	case PCICFG_VPD:
		read_vpd(vp, event->after);
		break;
	case PCICFG_WAS_RESET:
		config_repair(vp);
		break;
	}
}

/*
 * Whether a write takes BARs away from their mappings: whoever loads from one then may bring the
 * machine down.
 */
static bool stops_memory(struct vfiod_pci *vp, enum pcicfg_mark mark, u32 value)
{
	if (mark == PCICFG_MARK_POWER)
		return value & PCI_PM_CTRL_STATE_MASK;
	return vp->memory_on && !(value & PCI_COMMAND_MEMORY);
}

/*
 * Whether to look for a reset behind our back before a write: before decoding begins, or sleep. One
 * that has stopped decoding shows in the write itself (PCICFG_WAS_RESET).
 */
static bool looks_before(struct vfiod_pci *vp, enum pcicfg_mark mark, u32 value)
{
	return mark == PCICFG_MARK_POWER || (value & PCI_COMMAND_MEMORY && !vp->memory_on) ||
	       (value & PCI_COMMAND_IO && !vp->io_on);
}

static void trace_denied(struct vfiod_pci *vp, u16 offset, unsigned int width, u32 value)
{
	if (trace_vfiod_pci_config_denied_enabled() && !pcicfg_writable(&vp->cfg, offset, width))
		trace_vfiod_pci_config_denied(vp, offset, width, value);
}

static int write_piece(struct vfiod_pci *vp, u16 offset, unsigned int width, u32 value)
{
	enum pcicfg_mark mark = pcicfg_mark(&vp->cfg, offset);
	bool decodes = mark == PCICFG_MARK_COMMAND || mark == PCICFG_MARK_POWER;
	bool says = !(offset & 3); /* whether to: in the first byte of either */
	struct pcicfg_events events;
	unsigned int i;
	int error;

	trace_denied(vp, offset, width, value);
	if (decodes) {
		memory_block(vp, says && stops_memory(vp, mark, value));
		if (says && looks_before(vp, mark, value))
			config_repair(vp);
	}
	error = pcicfg_write(&vp->cfg, offset, width, value, &events);
	for (i = 0; i < events.count; i++)
		carry_out(vp, &events.event[i]);
	if (decodes) {
		config_update_decoding(vp);
		memory_unblock(vp);
	}
	if (mark == PCICFG_MARK_POWER)
		interrupts_apply_masks(vp);
	/* An interrupt may have held the pin back between COMMAND's read and its write. */
	if (mark == PCICFG_MARK_COMMAND)
		interrupts_sync_pin(vp);
	return error;
}

/* ---- accesses ---- */

/* The hardware keeps what is pending of a vector that is masked in it. */
static void note_pending(struct vfiod_pci *vp)
{
	u32 pending;
	int vector;

	if (hardware_read(vp, vp->cfg.msi_mask + 4, 4, &pending))
		return;
	for (vector = 0; vector < vp->cfg.msi_vectors; vector++)
		if (pending >> vector & 1)
			pcicfg_msi_raise(&vp->cfg, vector);
}

static int read_piece(struct vfiod_pci *vp, u16 offset, unsigned int width, u32 *value)
{
	if (vp->cfg.msi_mask && (offset & ~3) == vp->cfg.msi_mask + 4)
		note_pending(vp);
	return pcicfg_read(&vp->cfg, offset, width, value);
}

/* In the widest aligned pieces. Return: bytes, also when an error follows them, or an errno. */
static ssize_t access_pieces(struct vfiod_pci *vp, u8 *bytes, size_t count, u64 offset, bool write)
{
	unsigned int width;
	size_t done = 0;
	u32 value;
	int error;

	while ((width = pcicfg_piece(&vp->cfg, offset + done, count - done))) {
		if (write)
			error = write_piece(vp, offset + done, width,
					    from_bytes(bytes + done, width));
		else
			error = read_piece(vp, offset + done, width, &value);
		if (error)
			return done ? done : error;
		if (!write)
			to_bytes(bytes + done, width, value);
		done += width;
	}
	return done;
}

ssize_t config_access(struct vfiod_pci *vp, u8 *bytes, size_t count, u64 offset, bool write)
{
	ssize_t result;

	if (offset >= vp->cfg.size)
		return -EINVAL;
	mutex_lock(&vp->lock);
	result = access_pieces(vp, bytes, count, offset, write);
	mutex_unlock(&vp->lock);
	return result;
}

/* ---- for root: config space as the user sees it ---- */

static ssize_t user_config_read(struct file *file, struct kobject *kobject,
				compat_bin_attribute *attribute, char *to, loff_t at, size_t count)
{
	struct vfiod_pci *vp = dev_get_drvdata(kobj_to_dev(kobject));
	ssize_t result = -ENODEV;

	mutex_lock(&vp->lock);
	if (vp->is_open)
		result = access_pieces(vp, to, count, at, false);
	mutex_unlock(&vp->lock);
	return result;
}

static compat_bin_attribute user_config = {
	.attr = { .name = "user_config", .mode = 0400 },
	.size = PCICFG_SIZE_PCIE,
	.read = user_config_read,
};

static compat_bin_attribute *compat_const config_attributes[] = { &user_config, NULL };

static const struct attribute_group config_group = { .bin_attrs = config_attributes };

const struct attribute_group *config_groups[] = { &config_group, NULL };
