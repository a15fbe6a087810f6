// SPDX-License-Identifier: GPL-2.0-only
#include <linux/pci.h>

#include "trace.h"
#include "vfiod_pci.h"

/*
 * Resets, and power states. After either the kernel puts back what it saved before, with the pin of
 * INTx as it was then: an interrupt in between has held it back since. So it is set again.
 */

/* What pci_load_saved_state() takes: the caller's to free. Return: 0 or -ENOMEM. */
int power_save(struct pci_dev *pdev, struct pci_saved_state **saved)
{
	pci_save_state(pdev);
	*saved = pci_store_saved_state(pdev);
	return *saved ? 0 : -ENOMEM;
}

/* PCI Power Management 1.2 §3.2.4: No_Soft_Reset says that it keeps its state in D3hot. */
static bool forgets_in_d3(struct pci_dev *pdev)
{
	u16 control = PCI_PM_CTRL_NO_SOFT_RESET;

	if (pdev->pm_cap)
		pci_read_config_word(pdev, pdev->pm_cap + PCI_PM_CTRL, &control);
	return !(control & PCI_PM_CTRL_NO_SOFT_RESET);
}

/*
 * Has it decode memory, whose users are kept out: before Linux 7 the kernel restores the table of
 * MSI-X with COMMAND as it was when it was saved. Return: COMMAND as it was, to be written again,
 * and interrupts_sync_pin() called after that.
 */
u16 power_decode(struct pci_dev *pdev)
{
	u16 command;

	pci_read_config_word(pdev, PCI_COMMAND, &command);
	pci_write_config_word(pdev, PCI_COMMAND, command | PCI_COMMAND_MEMORY);
	return command;
}

/*
 * Brings the function into @state; @vp->memory_lock is held for writing. One that forgets all in
 * D3hot gets it back. Return: 0 or an errno.
 */
int power_set(struct vfiod_pci *vp, pci_power_t state)
{
	struct pci_dev *pdev = vp->pdev;
	u16 command;
	int error;

	if (pdev->current_state == state)
		return 0;
	/* In D3hot its user may have changed it since the rest was saved. */
	pci_read_config_word(pdev, PCI_COMMAND, &command);
	if (state != PCI_D0 && pdev->current_state == PCI_D0) {
		command = power_decode(pdev);
		pci_save_state(pdev);
		pci_write_config_word(pdev, PCI_COMMAND, command);
		interrupts_sync_pin(vp);
	}
	error = pci_set_power_state(pdev, state);
	if (!error && state == PCI_D0 && forgets_in_d3(pdev)) {
		pci_restore_state(pdev);
		pci_write_config_word(pdev, PCI_COMMAND, command);
		interrupts_sync_pin(vp);
	}
	return error;
}

/**
 * power_reset() - resets a function that is open, and leaves it as it was
 * @vp: its lock is held
 *
 * Its user finds config space and interrupts as before, but for what the function itself forgets.
 *
 * Return: 0, -ENOTTY (it has no reset), -EAGAIN (somebody has the device's lock), another errno.
 */
int power_reset(struct vfiod_pci *vp)
{
	u16 command;
	int error;

	memory_block(vp, true);
	/* The reset would wake it, but not put back what it has forgotten in D3. */
	error = power_set(vp, PCI_D0);
	if (!error) {
		pcicfg_power_is(&vp->cfg, 0);
		command = power_decode(vp->pdev);
		error = pci_try_reset_function(vp->pdev);
		pci_write_config_word(vp->pdev, PCI_COMMAND, command);
		interrupts_sync_pin(vp);
	}
	config_update_decoding(vp);
	memory_unblock(vp);
	interrupts_apply_masks(vp);
	trace_vfiod_pci_reset(vp, "function", error);
	return error;
}

/*
 * Resets a function whose device lock is held. What is its bridge's is kept as it is meanwhile, if
 * nobody else has that one: to do without is better than to leave a function as its user had it.
 */
int power_reset_locked(struct vfiod_pci *vp)
{
	struct pci_dev *bridge = pci_upstream_bridge(vp->pdev);
	int error;

	if (bridge && !pci_dev_trylock(bridge))
		bridge = NULL;
	pci_cfg_access_lock(vp->pdev);
	error = __pci_reset_function_locked(vp->pdev);
	pci_cfg_access_unlock(vp->pdev);
	if (bridge)
		pci_dev_unlock(bridge);
	return error;
}

static bool is_off(struct pci_dev *pdev, int capability, int flags, u16 enable)
{
	u16 value = 0;

	if (capability)
		pci_read_config_word(pdev, capability + flags, &value);
	return !(value & enable);
}

/* Whether a function that has been reset looks like it: it answers, and is silent. */
bool power_is_clean(struct vfiod_pci *vp)
{
	struct pci_dev *pdev = vp->pdev;
	u16 command;
	u32 id;

	pci_read_config_dword(pdev, PCI_VENDOR_ID, &id);
	pci_read_config_word(pdev, PCI_COMMAND, &command);
	if (!pdev->is_virtfn && id != (pdev->vendor | (u32)pdev->device << 16))
		return false;
	return !(command & PCI_COMMAND_MASTER) &&
	       is_off(pdev, pdev->msi_cap, PCI_MSI_FLAGS, PCI_MSI_FLAGS_ENABLE) &&
	       is_off(pdev, pdev->msix_cap, PCI_MSIX_FLAGS, PCI_MSIX_FLAGS_ENABLE);
}
