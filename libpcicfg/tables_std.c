/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "libpcicfg/tables.h"

/* clang-format off */

/* Capabilities of the first 256 bytes. Sections in WHY(): see tables.h. */

/* ---- Power Management ---- */
const struct pcicfg_row pcicfg_pm_rows[PCI_PM_SIZEOF / 4] = {
	[0] = {
		.virt = STD_HEADER | WORD1(PCI_PM_CAP_PME_MASK),
		WHY("7.5.2.1", "Waking the machine is the host's: no power state says that it supports PME.")
	},
	[PCI_PM_CTRL / 4] = {
		.virt = PCI_PM_CTRL_STATE_MASK | PCI_PM_CTRL_PME_ENABLE | PCI_PM_CTRL_PME_STATUS,
		.write = PCI_PM_CTRL_STATE_MASK | PCI_PM_CTRL_DATA_SEL_MASK,
		.rw1c = PCI_PM_CTRL_PME_STATUS,
		.start = PCI_PM_CTRL_STATE_MASK,
		.mark = PCICFG_MARK_POWER,
		WHY("7.5.2.2", "The owner changes the power state: what D3hot loses has to be saved and restored, and BARs "
			       "must not be touched in it. PME is hidden; its status is the host's to clear.")
	},
};

/* ---- Vital Product Data ---- */
const struct pcicfg_row pcicfg_vpd_rows[PCI_CAP_VPD_SIZEOF / 4] = {
	[0] = {
		.virt = ALL,
		.write = WORD1(PCI_VPD_ADDR_MASK | PCI_VPD_ADDR_F),
		.mark = PCICFG_MARK_VPD,
		WHY("7.9.18.1", "The kernel reads VPD, too (sysfs): one window, two users. The owner does the access for the "
				"user under the kernel's lock.")
	},
	[PCI_VPD_DATA / 4] = { .virt = ALL, .write = ALL, WHY("7.9.18.2", "What the owner read, or is to write.") },
};

/*
 * ---- MSI, in its four layouts ----
 * Which interrupt of which CPU a message raises is the host's; its mask bits are how the host moves an interrupt from
 * CPU to CPU, and it keeps their value in a cache of its own. Nothing of it is passed through.
 */
#define MSI_CONTROL_ROW \
	{ \
		.virt = STD_HEADER | WORD1(~(PCI_MSI_FLAGS_QMASK | PCI_MSI_FLAGS_64BIT | PCI_MSI_FLAGS_MASKBIT) & 0xffff), \
		.write = WORD1(PCI_MSI_FLAGS_ENABLE | PCI_MSI_FLAGS_QSIZE), .mark = PCICFG_MARK_MSI, \
		WHY("7.7.1.2", "Enabling is a request to the owner, who allocates vectors and programs the function. Extended " \
			       "message data is hidden: messages are the host's.") \
	}
#define MSI_ADDRESS_LO_ROW \
	{ \
		.virt = ALL, .write = PCICFG_MSI_ADDRESS_LO_MASK, \
		WHY("7.7.1.3", "Virtual: a message to an address of the user's choice could raise any interrupt of the host.") \
	}
#define MSI_ADDRESS_HI_ROW { .virt = ALL, .write = ALL, WHY("7.7.1.4", "Virtual, as the lower half.") }
#define MSI_DATA_ROW	   { .virt = ALL, .write = WORD0(PCICFG_MSI_DATA_MASK), WHY("7.7.1.5", "Virtual, as the address.") }
#define MSI_MASK_ROW \
	{ \
		.virt = ALL, .write = ALL, .mark = PCICFG_MARK_MSI_MASK, \
		WHY("7.7.1.7", "Virtual: the host masks with the hardware's bits while it moves an interrupt, and would " \
			       "find them changed. As many bits as the function has vectors.") \
	}
#define MSI_PENDING_ROW \
	{ .virt = ALL, WHY("7.7.1.8", "Computed: what came while the virtual mask was set. The hardware's belong to its mask.") }

const struct pcicfg_row pcicfg_msi_32_rows[3] = {
	[0] = MSI_CONTROL_ROW,
	[PCI_MSI_ADDRESS_LO / 4] = MSI_ADDRESS_LO_ROW,
	[PCI_MSI_DATA_32 / 4] = MSI_DATA_ROW,
};

const struct pcicfg_row pcicfg_msi_64_rows[4] = {
	[0] = MSI_CONTROL_ROW,
	[PCI_MSI_ADDRESS_LO / 4] = MSI_ADDRESS_LO_ROW,
	[PCI_MSI_ADDRESS_HI / 4] = MSI_ADDRESS_HI_ROW,
	[PCI_MSI_DATA_64 / 4] = MSI_DATA_ROW,
};

const struct pcicfg_row pcicfg_msi_32_mask_rows[5] = {
	[0] = MSI_CONTROL_ROW,
	[PCI_MSI_ADDRESS_LO / 4] = MSI_ADDRESS_LO_ROW,
	[PCI_MSI_DATA_32 / 4] = MSI_DATA_ROW,
	[PCI_MSI_MASK_32 / 4] = MSI_MASK_ROW,
	[PCI_MSI_PENDING_32 / 4] = MSI_PENDING_ROW,
};

const struct pcicfg_row pcicfg_msi_64_mask_rows[6] = {
	[0] = MSI_CONTROL_ROW,
	[PCI_MSI_ADDRESS_LO / 4] = MSI_ADDRESS_LO_ROW,
	[PCI_MSI_ADDRESS_HI / 4] = MSI_ADDRESS_HI_ROW,
	[PCI_MSI_DATA_64 / 4] = MSI_DATA_ROW,
	[PCI_MSI_MASK_64 / 4] = MSI_MASK_ROW,
	[PCI_MSI_PENDING_64 / 4] = MSI_PENDING_ROW,
};

/* ---- PCI-X: version 0 ends after the status register ---- */
const struct pcicfg_row pcicfg_pcix_rows[PCI_CAP_PCIX_SIZEOF_V2 / 4] = {
	[0] = {
		.virt = STD_HEADER,
		.write = WORD1(PCI_X_CMD_ERO | PCI_X_CMD_MAX_READ | PCI_X_CMD_MAX_SPLIT),
		WHY("PCI-X 2.0 7.2.3", "How the function orders and sizes its own transactions is its own. Parity error "
				       "recovery decides whether the host hears of an error.")
	},
	[PCI_X_STATUS / 4] = {
		.rw1c = PCICFG_PCI_X_STATUS_RW1C,
		WHY("PCI-X 2.0 7.2.4", "The host's to clear.")
	},
	[PCI_X_ECC_CSR / 4] = { WHY("PCI-X 2.0 7.2.5", "Error correction of a shared bus is the host's.") },
	[0x0c / 4] = { WHY("PCI-X 2.0 7.2.6", "A log.") },
	[0x10 / 4] = { WHY("PCI-X 2.0 7.2.7", "A log.") },
	[0x14 / 4] = { WHY("PCI-X 2.0 7.2.8", "A log.") },
};

/*
 * ---- PCI Express ----
 * Version 1 ends after the link registers, or before them on a root complex integrated endpoint; version 2 likewise.
 */
#define DEVCTL_REPORTS (PCI_EXP_DEVCTL_CERE | PCI_EXP_DEVCTL_NFERE | PCI_EXP_DEVCTL_FERE | PCI_EXP_DEVCTL_URRE)
#define DEVCTL_VIRTUAL \
	(DEVCTL_REPORTS | PCI_EXP_DEVCTL_PAYLOAD | PCI_EXP_DEVCTL_NOSNOOP_EN | PCI_EXP_DEVCTL_READRQ | \
	 PCI_EXP_DEVCTL_BCR_FLR)
#define DEVSTA_RW1C \
	(PCI_EXP_DEVSTA_CED | PCI_EXP_DEVSTA_NFED | PCI_EXP_DEVSTA_FED | PCI_EXP_DEVSTA_URD | PCICFG_EXP_DEVSTA_EPRD)

const struct pcicfg_row pcicfg_exp_rows[PCICFG_SIZEOF_EXP_V2 / 4] = {
	[0] = { .virt = STD_HEADER, WHY("7.5.3.2", "Read-only in hardware.") },
	[PCI_EXP_DEVCAP / 4] = { WHY("7.5.3.3", "Read-only in hardware.") },
	[PCI_EXP_DEVCTL / 4] = {
		.virt = WORD0(DEVCTL_VIRTUAL),
		.write = WORD0(DEVCTL_VIRTUAL | PCI_EXP_DEVCTL_RELAX_EN),
		.rw1c = WORD1(DEVSTA_RW1C),
		.start = WORD0(DEVCTL_VIRTUAL & ~PCI_EXP_DEVCTL_BCR_FLR),
		.mark = PCICFG_MARK_DEVCTL,
		WHY("7.5.3.4", "Payload size has to agree with every port on the way, tags with every completer, error "
			       "reports with the host's root port: the host's. No Snoop lets DMA go around the caches, and "
			       "so read what a page held for its last owner: the host's. FLR and read request size are "
			       "requests to the owner. Relaxed ordering is the function's own. Device Status is the "
			       "host's to clear.")
	},
	[PCI_EXP_LNKCAP / 4] = { WHY("7.5.3.6", "Read-only in hardware.") },
	[PCI_EXP_LNKCTL / 4] = {
		.rw1c = WORD1(PCI_EXP_LNKSTA_LBMS | PCI_EXP_LNKSTA_LABS),
		WHY("7.5.3.7", "A link has two ends: ASPM, clocking and retraining are the host's.")
	},
	[PCI_EXP_SLTCAP / 4] = { WHY("7.5.3.9", "Of ports; an endpoint has zeros.") },
	[PCI_EXP_SLTCTL / 4] = { WHY("7.5.3.10", "Of ports; an endpoint has zeros.") },
	[PCI_EXP_RTCTL / 4] = { WHY("7.5.3.12", "Of root ports; an endpoint has zeros.") },
	[PCI_EXP_RTSTA / 4] = { WHY("7.5.3.14", "Of root ports; an endpoint has zeros.") },
	[PCI_EXP_DEVCAP2 / 4] = { WHY("7.5.3.15", "Read-only in hardware.") },
	[PCI_EXP_DEVCTL2 / 4] = {
		.write = WORD0(PCI_EXP_DEVCTL2_COMP_TIMEOUT | PCI_EXP_DEVCTL2_COMP_TMOUT_DIS | PCI_EXP_DEVCTL2_IDO_REQ_EN |
			       PCI_EXP_DEVCTL2_IDO_CMP_EN),
		WHY("7.5.3.16", "How long the function waits and how it orders is its own. ARI forwarding, AtomicOps, LTR, "
				"OBFF, 10-bit tags and prefixes need the ports on the way: the host's.")
	},
	[PCI_EXP_LNKCAP2 / 4] = { WHY("7.5.3.18", "Read-only in hardware.") },
	[PCI_EXP_LNKCTL2 / 4] = {
		.rw1c = WORD1(PCICFG_EXP_LNKSTA2_LER),
		WHY("7.5.3.19", "Link speed and compliance modes are the host's.")
	},
};

/* ---- MSI-X ---- */
const struct pcicfg_row pcicfg_msix_rows[PCI_CAP_MSIX_SIZEOF / 4] = {
	[0] = {
		.virt = STD_HEADER | WORD1(PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL),
		.write = WORD1(PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL),
		.mark = PCICFG_MARK_MSIX,
		WHY("7.7.2.2", "Requests to the owner. The function mask is virtual, as each vector's.")
	},
	[PCI_MSIX_TABLE / 4] = { WHY("7.7.2.3", "Read-only in hardware. The table itself is in a BAR, and the owner's to guard.") },
	[PCI_MSIX_PBA / 4] = { WHY("7.7.2.4", "Read-only in hardware.") },
};

/* ---- Advanced Features: six bytes ---- */
const struct pcicfg_row pcicfg_af_rows[2] = {
	[0] = { .virt = STD_HEADER, WHY("7.9.21.2", "Read-only in hardware.") },
	[PCI_AF_CTRL / 4] = {
		.virt = BYTE0(0xff) | WORD1(0xffff),
		.write = BYTE0(PCI_AF_CTRL_FLR),
		.mark = PCICFG_MARK_AF,
		WHY("7.9.21.3", "A reset is a request to the owner, who restores what it loses. Transactions Pending is read-only.")
	},
};

/* ---- which are shown ---- */
const struct pcicfg_capability pcicfg_std_caps[PCICFG_STD_CAPS] = {
	[0x00] = {
		NAMED("Null") .decision = DECISION_HIDDEN, .length = PCI_CAP_SIZEOF, .many = 1,
		WHY("7.9.27", "Nothing but a header.")
	},
	[PCI_CAP_ID_PM] = {
		NAMED("Power Management") .decision = DECISION_SHOWN, .table = TABLE_PM, .length = PCI_PM_SIZEOF,
		WHY("7.5.2", "The function's own, through its owner.")
	},
	[PCI_CAP_ID_AGP] = {
		NAMED("AGP") .decision = DECISION_READ_ONLY, .length = PCI_AGP_SIZEOF,
		WHY("AGP 3.0", "Its command register has to agree with the host's bridge.")
	},
	[PCI_CAP_ID_VPD] = {
		NAMED("Vital Product Data") .decision = DECISION_SHOWN, .table = TABLE_VPD, .length = PCI_CAP_VPD_SIZEOF,
		WHY("7.9.18", "Shared with the kernel: the owner does the accesses.")
	},
	[PCI_CAP_ID_SLOTID] = {
		NAMED("Slot Identification") .decision = DECISION_HIDDEN, .length = PCI_CAP_SIZEOF,
		WHY("PCI-to-PCI Bridge 1.2 13", "Of bridges: where the host's chassis are.")
	},
	[PCI_CAP_ID_MSI] = {
		NAMED("MSI") .decision = DECISION_SHOWN, .shape = SHAPE_MSI,
		WHY("7.7.1", "Virtual; the owner programs the function.")
	},
	[PCI_CAP_ID_CHSWP] = {
		NAMED("CompactPCI Hot Swap") .decision = DECISION_HIDDEN, .length = PCI_CAP_SIZEOF,
		WHY("PICMG 2.1", "Inserting and extracting boards is the host's.")
	},
	[PCI_CAP_ID_PCIX] = {
		NAMED("PCI-X") .decision = DECISION_SHOWN, .shape = SHAPE_PCIX, .table = TABLE_PCIX,
		WHY("PCI-X 2.0 7.2", "Sizes and ordering of its own transactions; the bus stays the host's.")
	},
	[PCI_CAP_ID_HT] = {
		NAMED("HyperTransport") .decision = DECISION_HIDDEN, .length = PCI_CAP_SIZEOF, .many = 1,
		WHY("HyperTransport 3.10 7", "Links, address and interrupt mapping of the host. Each type has another length.")
	},
	[PCI_CAP_ID_VNDR] = {
		NAMED("Vendor-Specific") .decision = DECISION_SHOWN, .shape = SHAPE_VNDR, .many = 1,
		WHY("7.9.4", "The device's own registers, as those in its BARs, which the user has as well; virtio drivers need "
			     "them. A register that is not, in a device that we know, is a case for the quirk table.")
	},
	[PCI_CAP_ID_DBG] = {
		NAMED("Debug Port") .decision = DECISION_READ_ONLY, .length = PCICFG_SIZEOF_DEBUG,
		WHY("EHCI 1.0 C", "Says in which BAR the debug port is.")
	},
	[PCI_CAP_ID_CCRC] = {
		NAMED("CompactPCI Resource Control") .decision = DECISION_HIDDEN, .length = PCI_CAP_SIZEOF,
		WHY("PICMG 2.13", "Of the chassis.")
	},
	[PCI_CAP_ID_SHPC] = {
		NAMED("Hot-Plug Controller") .decision = DECISION_HIDDEN, .length = 8,
		WHY("SHPC 1.0", "Of bridges: slots of the host, behind an index and a data register.")
	},
	[PCI_CAP_ID_SSVID] = {
		NAMED("Subsystem ID") .decision = DECISION_READ_ONLY, .length = PCICFG_SIZEOF_SSVID,
		WHY("7.9.23", "Ids; read-only in hardware.")
	},
	[PCI_CAP_ID_AGP3] = {
		NAMED("AGP8x Bridge") .decision = DECISION_HIDDEN, .length = PCI_CAP_SIZEOF,
		WHY("AGP 3.0", "Of bridges.")
	},
	[PCI_CAP_ID_SECDEV] = {
		NAMED("Secure Device") .decision = DECISION_HIDDEN, .length = PCI_CAP_SIZEOF,
		WHY("AMD I/O Virtualization 3", "Of an IOMMU: where the host's confinement is programmed.")
	},
	[PCI_CAP_ID_EXP] = {
		NAMED("PCI Express") .decision = DECISION_SHOWN, .shape = SHAPE_EXP, .table = TABLE_EXP,
		WHY("7.5.3", "In part the function's own, in part the link's and so the host's.")
	},
	[PCI_CAP_ID_MSIX] = {
		NAMED("MSI-X") .decision = DECISION_SHOWN, .table = TABLE_MSIX, .length = PCI_CAP_MSIX_SIZEOF,
		WHY("7.7.2", "Virtual; the owner programs the function.")
	},
	[PCI_CAP_ID_SATA] = {
		NAMED("SATA") .decision = DECISION_READ_ONLY, .shape = SHAPE_SATA,
		WHY("Serial ATA AHCI 1.3.1 2.4", "An index into registers that are in a BAR as well.")
	},
	[PCI_CAP_ID_AF] = {
		NAMED("Advanced Features") .decision = DECISION_SHOWN, .table = TABLE_AF, .length = PCI_CAP_AF_SIZEOF,
		WHY("7.9.21", "Its reset, through its owner.")
	},
	[PCI_CAP_ID_EA] = {
		NAMED("Enhanced Allocation") .decision = DECISION_HIDDEN, .length = PCI_CAP_SIZEOF,
		WHY("7.8.5", "Real addresses of the host. The user has virtual BARs instead.")
	},
	[PCICFG_CAP_ID_FPB] = {
		NAMED("Flattening Portal Bridge") .decision = DECISION_HIDDEN, .length = 0x24,
		WHY("7.8.11", "Of bridges: which addresses and functions are behind them.")
	},
};
