// SPDX-License-Identifier: GPL-2.0-only
#include <linux/pci.h>

#include "trace.h"
#include "vfiod_pci.h"

/*
 * Resets, and power states. After either the kernel puts back what it saved before, with the pin of
 * INTx as it was then: an interrupt in between has held it back since. So it is set again.
 */

/*
 * Brings the function into @state; @vp->memory_lock is held for writing. One that forgets all in
 * D3hot (No_Soft_Reset is off) gets it back. Return: 0 or an errno.
 */
int power_set(struct vfiod_pci *vp, pci_power_t state)
{
	struct pci_dev *pdev = vp->pdev;
	int error;

	if (pdev->current_state == state)
		return 0;
	if (state != PCI_D0 && pdev->current_state == PCI_D0)
		pci_save_state(pdev);
	error = pci_set_power_state(pdev, state);
	if (!error && state == PCI_D0) {
		pci_restore_state(pdev);
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
 * Return: 0, -ENOTTY (it has no reset), -EAGAIN (somebody else has the device's lock), or another
 * errno.
 */
int power_reset(struct vfiod_pci *vp)
{
	int error;

	memory_block(vp, true);
	/* The reset would wake it, but not put back what it has forgotten in D3. */
	error = power_set(vp, PCI_D0);
	if (!error) {
		pcicfg_power_is(&vp->cfg, 0);
		error = pci_try_reset_function(vp->pdev);
		interrupts_sync_pin(vp);
	}
	config_update_decoding(vp);
	memory_unblock(vp);
	interrupts_apply_masks(vp);
	trace_vfiod_pci_reset(vp, "function", error);
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
