/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "libpcicfg/engine.h"

/* All that is set up, is set up here, once. */

/* PCIe 6.0 §7.5.1.1.9. A function that was pulled out answers all ones, and so does a VF's vendor id always. */
static int check_header(const struct pcicfg *cfg)
{
	__u32 id, type;
	int error = hw_read(cfg, PCI_VENDOR_ID, 4, &id);

	if (!error)
		error = hw_read(cfg, PCI_HEADER_TYPE, 1, &type);
	if (error)
		return error;
	if ((id == 0xffffffffu && !(cfg->flags & CFG_VF)) || type == 0xff)
		return -ENODEV;
	return (type & PCICFG_HEADER_TYPE_MASK) == PCI_HEADER_TYPE_NORMAL ? 0 : -EOPNOTSUPP;
}

/* All address bits from the size of a resource up; a length that is no power of two counts as the next one. */
static __u64 address_mask(__u64 length, __u64 least)
{
	__u64 size = least;

	while (size && size < length)
		size <<= 1;
	return length ? ~(size - 1) : 0;
}

static void set_bar(struct pcicfg *cfg, unsigned int bar, __u32 mask, __u32 type)
{
	cfg->bar_mask[bar] = mask;
	cfg->bar_type[bar] = type;
	set_user_dword(cfg, (__u16)(PCI_BASE_ADDRESS_0 + 4 * bar), type);
}

/* PCIe 6.0 §7.5.1.2.1. Returns how many registers it takes. */
static unsigned int open_bar(struct pcicfg *cfg, const struct pcicfg_bar *fact, unsigned int bar)
{
	__u64 mask;

	if (!fact->length)
		return 1;
	if (fact->flags & PCICFG_BAR_IO) {
		set_bar(cfg, bar, (__u32)address_mask(fact->length, 4), PCI_BASE_ADDRESS_SPACE_IO);
		return 1;
	}
	mask = address_mask(fact->length, 16);
	set_bar(cfg, bar, (__u32)mask,
		PCI_BASE_ADDRESS_SPACE_MEMORY |
			(fact->flags & PCICFG_BAR_PREFETCH ? PCI_BASE_ADDRESS_MEM_PREFETCH : 0) |
			(fact->flags & PCICFG_BAR_64BIT ? PCI_BASE_ADDRESS_MEM_TYPE_64 : 0));
	if (!(fact->flags & PCICFG_BAR_64BIT))
		return 1;
	set_bar(cfg, bar + 1, (__u32)(mask >> 32), 0);
	return 2;
}

static void open_bars(struct pcicfg *cfg, const struct pcicfg_facts *facts)
{
	unsigned int bar = 0;

	while (bar < PCICFG_ROM)
		bar += open_bar(cfg, &facts->bar[bar], bar);
	/* §7.5.1.2.4: the lowest address bit is 11, bit 0 is the enable bit. */
	cfg->bar_mask[PCICFG_ROM] = (__u32)address_mask(facts->bar[PCICFG_ROM].length, 0x800);
	if (cfg->bar_mask[PCICFG_ROM])
		cfg->bar_mask[PCICFG_ROM] |= PCI_ROM_ADDRESS_ENABLE;
}

/* What fits in a register: nothing above 4 GiB in one of 32 bits, and no upper half behind the last one. */
static bool is_possible(const struct pcicfg_facts *facts)
{
	unsigned int bar;

	if ((facts->size != PCICFG_SIZE_PCI && facts->size != PCICFG_SIZE_PCIE) ||
	    (facts->flags & ~(PCICFG_VF | PCICFG_NO_INTX)))
		return false;
	for (bar = 0; bar < PCICFG_BARS; bar++) {
		const struct pcicfg_bar *fact = &facts->bar[bar];
		bool is_64 = fact->flags & PCICFG_BAR_64BIT;

		if (is_64 && ((fact->flags & PCICFG_BAR_IO) || bar >= PCICFG_ROM - 1 || facts->bar[bar + 1].length))
			return false;
		if (fact->length > (is_64 ? 1ull << 63 : 1ull << 31))
			return false;
	}
	return true;
}

/* The interrupt pin, and what a VF does not know of itself. */
static int open_header(struct pcicfg *cfg, const struct pcicfg_facts *facts)
{
	__u32 line = user_dword(cfg, PCI_INTERRUPT_LINE), pin = 0;
	int error;

	if (cfg->flags & CFG_VF) {
		set_user_dword(cfg, PCI_VENDOR_ID, facts->vendor | (__u32)facts->device << 16);
		set_user_dword(cfg, PCI_COMMAND, user_dword(cfg, PCI_COMMAND) | PCI_COMMAND_MEMORY);
		return 0;
	}
	if (facts->flags & PCICFG_NO_INTX)
		return 0;
	error = hw_read(cfg, PCI_INTERRUPT_PIN, 1, &pin);
	if (!error && pin <= 4) /* §7.5.1.1.13: INTA to INTD; more is nonsense */
		set_user_dword(cfg, PCI_INTERRUPT_LINE, line | pin << 8);
	return error;
}

static int open_exp(struct pcicfg *cfg)
{
	__u32 devcap;
	int error;

	if (!cfg->exp)
		return 0;
	error = hw_read(cfg, cfg->exp + PCI_EXP_DEVCAP, 4, &devcap);
	if (!error && (devcap & PCI_EXP_DEVCAP_FLR))
		cfg->flags |= CFG_FLR;
	return error;
}

int pcicfg_open(struct pcicfg *cfg, const struct pcicfg_facts *facts, const struct pcicfg_hw *hw, void *context)
{
	int error;

	if (!is_possible(facts))
		return -EINVAL;
	memset(cfg, 0, sizeof(*cfg));
	cfg->hw = hw;
	cfg->context = context;
	cfg->size = facts->size;
	cfg->flags = facts->flags & PCICFG_VF ? CFG_VF : 0;
	error = check_header(cfg);
	if (!error)
		error = pcicfg_walk(cfg, facts);
	if (!error)
		error = open_header(cfg, facts);
	if (!error)
		error = open_exp(cfg);
	if (error)
		return error;
	open_bars(cfg, facts);
	pcicfg_list_host_regs(cfg);
	return pcicfg_remember(cfg);
}
