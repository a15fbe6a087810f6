/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "libpcicfg/tables.h"

/* Dwords that need no table of their own. */
static const struct pcicfg_row plain_rows[PLAIN_COUNT] = {
	[PLAIN_HIDDEN] = { .virt = ALL },
	[PLAIN_STD_HEADER_ONLY] = { .virt = ALL },
	[PLAIN_STD_HEADER] = { .virt = STD_HEADER },
	[PLAIN_STD_HEADER_3] = { .virt = STD_HEADER | BYTE3(0xff) },
	[PLAIN_STD_HEADER_RAW] = { .virt = STD_HEADER, .write = BYTE3(0xff) },
	[PLAIN_EXT_HEADER] = { .virt = ALL },
	[PLAIN_READ] = { .virt = 0 },
	[PLAIN_READ_1] = { .virt = ~BYTE0(0xff) },
	[PLAIN_READ_2] = { .virt = ~WORD0(0xffff) },
	[PLAIN_READ_3] = { .virt = BYTE3(0xff) },
	[PLAIN_RAW] = { .write = ALL },
};

#define TABLE(rows) \
	{ \
		(rows), ARRAY_SIZE(rows) \
	}

const struct pcicfg_table pcicfg_tables[TABLE_COUNT] = {
	[TABLE_PLAIN] = TABLE(plain_rows),
	[TABLE_HEADER] = TABLE(pcicfg_header_rows),
	[TABLE_HEADER_VF] = TABLE(pcicfg_header_vf_rows),
	[TABLE_PM] = TABLE(pcicfg_pm_rows),
	[TABLE_VPD] = TABLE(pcicfg_vpd_rows),
	[TABLE_MSI_32] = TABLE(pcicfg_msi_32_rows),
	[TABLE_MSI_64] = TABLE(pcicfg_msi_64_rows),
	[TABLE_MSI_32_MASK] = TABLE(pcicfg_msi_32_mask_rows),
	[TABLE_MSI_64_MASK] = TABLE(pcicfg_msi_64_mask_rows),
	[TABLE_PCIX] = TABLE(pcicfg_pcix_rows),
	[TABLE_EXP] = TABLE(pcicfg_exp_rows),
	[TABLE_MSIX] = TABLE(pcicfg_msix_rows),
	[TABLE_AF] = TABLE(pcicfg_af_rows),
	[TABLE_AER] = TABLE(pcicfg_aer_rows),
	[TABLE_PWR] = TABLE(pcicfg_pwr_rows),
	[TABLE_VSEC] = TABLE(pcicfg_vsec_rows),
};
