/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "libpcicfg/engine.h"

/*
 * Registers whose write means something: one function for each mark. change->after is in the user's dword already; a
 * function corrects it where hardware would not have taken all of it, and tells the owner what is to be done.
 */

static void tell(struct pcicfg_events *events, enum pcicfg_event_kind kind, __u32 before, __u32 after)
{
	struct pcicfg_event *event = &events->event[events->count++];

	event->kind = kind;
	event->before = before;
	event->after = after;
}

static void effect_command(struct pcicfg *cfg, const struct change *change, struct pcicfg_events *events)
{
	const __u32 decode = PCI_COMMAND_IO | PCI_COMMAND_MEMORY;
	__u32 changed = change->before ^ change->after;

	/* Nobody but the user switches decoding, so if it is off where the user left it on, a reset has done it. */
	if (!(cfg->flags & CFG_VF) && (change->before & ~change->hw & change->hw_lanes & decode))
		tell(events, PCICFG_WAS_RESET, 0, 0);
	if (changed & decode)
		tell(events, PCICFG_DECODE, change->before & decode, change->after & decode);
	if (changed & PCI_COMMAND_INTX_DISABLE)
		tell(events, PCICFG_INTX, !!(change->before & PCI_COMMAND_INTX_DISABLE),
		     !!(change->after & PCI_COMMAND_INTX_DISABLE));
}

/* PCIe 6.0 §7.5.1.2.1: address bits below the size read as 0, so that writing ones tells the size. */
static void effect_bar(struct pcicfg *cfg, const struct change *change, struct pcicfg_events *events)
{
	unsigned int bar = change->offset == PCI_ROM_ADDRESS ? PCICFG_ROM : (change->offset - PCI_BASE_ADDRESS_0) / 4u;

	(void)events;
	set_user_dword(cfg, change->offset, (change->after & cfg->bar_mask[bar]) | cfg->bar_type[bar]);
}

/* PCI Power Management 1.2 §3.2.4: a write of a state that is not supported is completed and ignored. */
static void effect_power(struct pcicfg *cfg, const struct change *change, struct pcicfg_events *events)
{
	__u32 from = change->before & PCI_PM_CTRL_STATE_MASK, to = change->after & PCI_PM_CTRL_STATE_MASK;

	if (!cfg->pm || (to == 1 && !(cfg->flags & CFG_D1)) || (to == 2 && !(cfg->flags & CFG_D2))) {
		set_user_dword(cfg, change->offset, (change->after & ~(__u32)PCI_PM_CTRL_STATE_MASK) | from);
		return;
	}
	if (from != to)
		tell(events, PCICFG_POWER, from, to);
}

static __u32 read_request(__u32 devctl)
{
	return 128u << ((devctl & PCI_EXP_DEVCTL_READRQ) >> 12);
}

/* PCIe 6.0 §7.5.3.4: the FLR bit always reads as 0; sizes beyond 4096 bytes are reserved. */
static void effect_devctl(struct pcicfg *cfg, const struct change *change, struct pcicfg_events *events)
{
	set_user_dword(cfg, change->offset, change->after & ~(__u32)PCI_EXP_DEVCTL_BCR_FLR);
	if (((change->before ^ change->after) & PCI_EXP_DEVCTL_READRQ) && read_request(change->after) <= 4096)
		tell(events, PCICFG_READ_REQUEST, read_request(change->before), read_request(change->after));
	if ((change->after & PCI_EXP_DEVCTL_BCR_FLR) && (cfg->flags & CFG_FLR))
		tell(events, PCICFG_FLR, 0, 1);
}

static void effect_af(struct pcicfg *cfg, const struct change *change, struct pcicfg_events *events)
{
	set_user_dword(cfg, change->offset, change->after & ~(__u32)PCI_AF_CTRL_FLR);
	if ((change->after & PCI_AF_CTRL_FLR) && (cfg->flags & CFG_AF_FLR))
		tell(events, PCICFG_FLR, 0, 1);
}

/* How many vectors message control asks for; 0 when it is disabled. */
static __u32 msi_enabled(__u32 dword)
{
	__u32 control = dword >> 16;

	return control & PCI_MSI_FLAGS_ENABLE ? 1u << ((control & PCI_MSI_FLAGS_QSIZE) >> 4) : 0;
}

/* More vectors than the function can have are as many as it can have: so a driver learns how many it got. */
static void effect_msi(struct pcicfg *cfg, const struct change *change, struct pcicfg_events *events)
{
	__u32 after = change->after;

	while (1u << ((after >> 16 & PCI_MSI_FLAGS_QSIZE) >> 4) > cfg->msi_vectors &&
	       (after >> 16 & PCI_MSI_FLAGS_QSIZE))
		after -= 0x10u << 16;
	set_user_dword(cfg, change->offset, after);
	if (cfg->msi && msi_enabled(change->before) != msi_enabled(after))
		tell(events, PCICFG_MSI, msi_enabled(change->before), msi_enabled(after));
}

static void effect_msi_mask(struct pcicfg *cfg, const struct change *change, struct pcicfg_events *events)
{
	__u32 after = change->after & (__u32)((1ull << cfg->msi_vectors) - 1);

	set_user_dword(cfg, change->offset, after);
	if (change->before != after)
		tell(events, PCICFG_MSI_MASK, change->before, after);
}

static void effect_msix(struct pcicfg *cfg, const struct change *change, struct pcicfg_events *events)
{
	const __u32 flags = PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL;

	if (cfg->msix && ((change->before ^ change->after) >> 16 & flags))
		tell(events, PCICFG_MSIX, change->before >> 16 & flags, change->after >> 16 & flags);
}

/* PCIe 6.0 §7.9.18.1: writing the half with the flag starts the access. */
static void effect_vpd(struct pcicfg *cfg, const struct change *change, struct pcicfg_events *events)
{
	if (cfg->vpd && (change->lanes & 0xff000000u))
		tell(events, PCICFG_VPD, user_dword(cfg, cfg->vpd + PCI_VPD_DATA), change->after >> 16);
}

static void (*const effects[PCICFG_MARK_COUNT])(struct pcicfg *, const struct change *, struct pcicfg_events *) = {
	[PCICFG_MARK_COMMAND] = effect_command,	  [PCICFG_MARK_BAR] = effect_bar,   [PCICFG_MARK_POWER] = effect_power,
	[PCICFG_MARK_DEVCTL] = effect_devctl,	  [PCICFG_MARK_AF] = effect_af,	    [PCICFG_MARK_MSI] = effect_msi,
	[PCICFG_MARK_MSI_MASK] = effect_msi_mask, [PCICFG_MARK_MSIX] = effect_msix, [PCICFG_MARK_VPD] = effect_vpd,
};

void pcicfg_effect(struct pcicfg *cfg, enum pcicfg_mark mark, const struct change *change, struct pcicfg_events *events)
{
	effects[mark](cfg, change, events);
}
