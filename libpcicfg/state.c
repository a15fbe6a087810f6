/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "libpcicfg/engine.h"

/* What the owner asks of the model, and tells it. */

static unsigned int power_state(const struct pcicfg *cfg)
{
	return cfg->pm ? user_dword(cfg, cfg->pm + PCI_PM_CTRL) & PCI_PM_CTRL_STATE_MASK : 0;
}

bool pcicfg_memory_enabled(const struct pcicfg *cfg)
{
	return (user_dword(cfg, PCI_COMMAND) & PCI_COMMAND_MEMORY) && !power_state(cfg);
}

bool pcicfg_io_enabled(const struct pcicfg *cfg)
{
	return (user_dword(cfg, PCI_COMMAND) & PCI_COMMAND_IO) && !power_state(cfg);
}

void pcicfg_power_is(struct pcicfg *cfg, unsigned int state)
{
	__u16 control = cfg->pm + PCI_PM_CTRL;

	if (cfg->pm)
		set_user_dword(cfg, control,
			       (user_dword(cfg, control) & ~(__u32)PCI_PM_CTRL_STATE_MASK) |
				       (state & PCI_PM_CTRL_STATE_MASK));
}

void pcicfg_vpd_done(struct pcicfg *cfg, __u32 data)
{
	__u32 address;

	if (!cfg->vpd)
		return;
	address = user_dword(cfg, cfg->vpd);
	if (!(address >> 16 & PCI_VPD_ADDR_F))
		set_user_dword(cfg, cfg->vpd + PCI_VPD_DATA, data);
	set_user_dword(cfg, cfg->vpd, address ^ (__u32)PCI_VPD_ADDR_F << 16);
}
