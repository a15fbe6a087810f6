/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "libpcicfg/engine.h"

/*
 * A user can reset the function in ways that nobody sees: a register in a BAR, a firmware command. It comes back with
 * the addresses, the interrupts and the settings of power-on in the registers that are the host's.
 */

static void list(struct pcicfg *cfg, __u16 offset, __u16 width, __u32 telltale)
{
	struct pcicfg_host_reg *reg = &cfg->host_reg[cfg->host_reg_count++];

	reg->offset = offset;
	reg->width = width;
	reg->telltale = telltale;
}

/* The kernel moves a message to another CPU when it likes to; the enable bit it does not touch behind its driver. */
static void list_msi(struct pcicfg *cfg)
{
	bool is_64 = cfg->map[cfg->msi / 4] >> 8 == TABLE_MSI_64 || cfg->map[cfg->msi / 4] >> 8 == TABLE_MSI_64_MASK;

	list(cfg, cfg->msi + PCI_MSI_ADDRESS_LO, 4, 0);
	if (is_64)
		list(cfg, cfg->msi + PCI_MSI_ADDRESS_HI, 4, 0);
	list(cfg, cfg->msi + (is_64 ? PCI_MSI_DATA_64 : PCI_MSI_DATA_32), 2, 0);
	if (cfg->msi_mask)
		list(cfg, cfg->msi_mask, 4, 0);
	/* the last one, so that it is enabled with its message in place */
	list(cfg, cfg->msi + PCI_MSI_FLAGS, 2, PCI_MSI_FLAGS_ENABLE);
}

static void list_exp(struct pcicfg *cfg)
{
	static const __u16 offsets[] = { PCI_EXP_DEVCTL, PCI_EXP_LNKCTL, PCI_EXP_DEVCTL2, PCI_EXP_LNKCTL2 };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(offsets); i++)
		if (cfg->map[(cfg->exp + offsets[i]) / 4] == ENTRY(TABLE_EXP, offsets[i] / 4))
			list(cfg, cfg->exp + offsets[i], 2, 0);
}

void pcicfg_list_host_regs(struct pcicfg *cfg)
{
	__u16 offset;

	/* A VF's BARs are in its PF, and cannot get lost. The kernel switches the enable bit of the ROM. */
	for (offset = PCI_BASE_ADDRESS_0; !(cfg->flags & CFG_VF) && offset <= PCI_BASE_ADDRESS_5; offset += 4)
		list(cfg, offset, 4, ~0u);
	list(cfg, PCI_ROM_ADDRESS, 4, 0);
	list(cfg, PCI_CACHE_LINE_SIZE, 2, 0);
	if (cfg->exp)
		list_exp(cfg);
	if (cfg->msi)
		list_msi(cfg);
	if (cfg->msix)
		list(cfg, cfg->msix + PCI_MSIX_FLAGS, 2, PCI_MSIX_FLAGS_ENABLE);
	list(cfg, PCI_COMMAND, 2, 0);
}

int pcicfg_remember(struct pcicfg *cfg)
{
	__u32 value[PCICFG_HOST_REGS_MAX];
	unsigned int i;
	int error;

	for (i = 0; i < cfg->host_reg_count; i++) {
		error = hw_read(cfg, cfg->host_reg[i].offset, cfg->host_reg[i].width, &value[i]);
		if (error)
			return error;
	}
	for (i = 0; i < cfg->host_reg_count; i++)
		cfg->host_reg[i].value = value[i];
	return 0;
}

/* The bits of a register of the host that are passed through to the user. */
static __u32 passed(const struct pcicfg *cfg, const struct pcicfg_host_reg *reg)
{
	const struct pcicfg_row *row = row_of(cfg, reg->offset);

	return (row->write & ~row->virt & lanes_of(reg->offset, reg->width)) >> 8 * (reg->offset & 3);
}

/* The user's bits stay as the reset left them: nobody decodes and nobody masters the bus until the user says so. */
static int restore(const struct pcicfg *cfg, const struct pcicfg_host_reg *reg)
{
	__u32 pass = passed(cfg, reg), hw;
	int error = hw_read(cfg, reg->offset, reg->width, &hw);

	if (!error && ((hw ^ reg->value) & ~pass))
		error = hw_write(cfg, reg->offset, reg->width, (reg->value & ~pass) | (hw & pass));
	return error;
}

static int look(const struct pcicfg *cfg, bool *was_reset)
{
	unsigned int i;
	__u32 hw;
	int error = hw_read(cfg, PCI_COMMAND, 4, &hw);

	if (error)
		return error;
	if (hw == 0xffffffffu)
		return -ENODEV;
	*was_reset = false;
	for (i = 0; i < cfg->host_reg_count && !*was_reset; i++) {
		const struct pcicfg_host_reg *reg = &cfg->host_reg[i];

		if (!reg->telltale)
			continue;
		error = hw_read(cfg, reg->offset, reg->width, &hw);
		if (error)
			return error;
		*was_reset = (hw ^ reg->value) & reg->telltale;
	}
	return 0;
}

int pcicfg_repair(struct pcicfg *cfg, bool *was_reset)
{
	const struct pcicfg_row *row = row_of(cfg, PCI_COMMAND);
	__u32 pass = row->write & ~row->virt & 0xffff, hw;
	unsigned int i;
	bool found;
	int error = look(cfg, &found);

	for (i = 0; !error && found && i < cfg->host_reg_count; i++)
		error = restore(cfg, &cfg->host_reg[i]);
	if (!error && found)
		error = hw_read(cfg, PCI_COMMAND, 2, &hw);
	if (error)
		return error;
	if (found)
		set_user_dword(cfg, PCI_COMMAND, (user_dword(cfg, PCI_COMMAND) & ~pass) | (hw & pass));
	*was_reset = found;
	return 0;
}
