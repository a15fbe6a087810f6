/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "libpcicfg/tables.h"

/* clang-format off */

/* Capabilities of the extended space. Sections in WHY(): see tables.h. */

#define EXT_HEADER { .virt = ALL, WHY("7.6.3", "Id, version and next pointer are what the walk put there.") }

/* ---- Advanced Error Reporting ---- */
#define AER_STATUS_ROW(section) \
	{ .rw1c = ALL, WHY(section, "Errors are for the host to see and to clear: they may be the link's.") }
#define AER_MASK_ROW(section) \
	{ .virt = ALL, .write = ALL, .start = ALL, WHY(section, "Which errors reach the root port, and how, is the host's: virtual.") }
#define AER_LOG_ROW { WHY("7.8.4.8", "A log.") }

const struct pcicfg_row pcicfg_aer_rows[PCICFG_SIZEOF_AER / 4] = {
	[0] = EXT_HEADER,
	[PCI_ERR_UNCOR_STATUS / 4] = AER_STATUS_ROW("7.8.4.2"),
	[PCI_ERR_UNCOR_MASK / 4] = AER_MASK_ROW("7.8.4.3"),
	[PCI_ERR_UNCOR_SEVER / 4] = AER_MASK_ROW("7.8.4.4"),
	[PCI_ERR_COR_STATUS / 4] = AER_STATUS_ROW("7.8.4.5"),
	[PCI_ERR_COR_MASK / 4] = AER_MASK_ROW("7.8.4.6"),
	[PCI_ERR_CAP / 4] = { WHY("7.8.4.7", "ECRC has to agree with the other end: the host's.") },
	[PCI_ERR_HEADER_LOG / 4] = AER_LOG_ROW,
	[PCI_ERR_HEADER_LOG / 4 + 1] = AER_LOG_ROW,
	[PCI_ERR_HEADER_LOG / 4 + 2] = AER_LOG_ROW,
	[PCI_ERR_HEADER_LOG / 4 + 3] = AER_LOG_ROW,
};

/* ---- Power Budgeting ---- */
const struct pcicfg_row pcicfg_pwr_rows[PCI_EXT_CAP_PWR_SIZEOF / 4] = {
	[0] = EXT_HEADER,
	[PCI_PWR_DSR / 4] = {
		.write = BYTE0(PCICFG_PWR_DATA_SELECT_MASK),
		WHY("7.8.1.2", "Selects what the data register shows, and nothing else.")
	},
	[PCI_PWR_DATA / 4] = { WHY("7.8.1.4", "Read-only in hardware.") },
	[PCI_PWR_CAP / 4] = { WHY("7.8.1.5", "Read-only in hardware.") },
};

/* ---- Vendor-specific: header, the vendor's header, then the last row for all that follows ---- */
const struct pcicfg_row pcicfg_vsec_rows[3] = {
	[0] = EXT_HEADER,
	[PCI_VNDR_HEADER / 4] = { WHY("7.9.5.2", "Id, revision and length; read-only in hardware.") },
	[2] = { .write = ALL, WHY("7.9.5", "The device's own registers, as those in its BARs.") },
};

#define HIDDEN	  .decision = DECISION_HIDDEN
#define READ_ONLY .decision = DECISION_READ_ONLY
#define SHOWN	  .decision = DECISION_SHOWN

/* ---- which are shown ---- */
const struct pcicfg_capability pcicfg_ext_caps[PCICFG_EXT_CAPS] = {
	[PCICFG_EXT_CAP_ID_NULL] = {
		NAMED("Null") HIDDEN, .length = 4, .many = 1,
		WHY("7.9.28", "Nothing but a header.")
	},
	[PCI_EXT_CAP_ID_ERR] = {
		NAMED("Advanced Error Reporting") SHOWN, .table = TABLE_AER, .length = PCICFG_SIZEOF_AER,
		WHY("7.8.4", "To be seen; handling errors is the host's.")
	},
	[PCI_EXT_CAP_ID_VC] = {
		NAMED("Virtual Channel") READ_ONLY, .shape = SHAPE_VC,
		WHY("7.9.1", "Traffic classes have to agree with every port on the way.")
	},
	[PCI_EXT_CAP_ID_DSN] = {
		NAMED("Device Serial Number") READ_ONLY, .length = PCI_EXT_CAP_DSN_SIZEOF,
		WHY("7.9.3", "Read-only in hardware.")
	},
	[PCI_EXT_CAP_ID_PWR] = {
		NAMED("Power Budgeting") SHOWN, .table = TABLE_PWR, .length = PCI_EXT_CAP_PWR_SIZEOF,
		WHY("7.8.1", "Facts, behind an index.")
	},
	[PCI_EXT_CAP_ID_RCLD] = {
		NAMED("Root Complex Link Declaration") HIDDEN, .length = 0x10,
		WHY("7.9.8", "Where the host's links are, with addresses.")
	},
	[PCI_EXT_CAP_ID_RCILC] = {
		NAMED("Root Complex Internal Link Control") HIDDEN, .length = 0x0c,
		WHY("7.9.9", "A link of the host.")
	},
	[PCI_EXT_CAP_ID_RCEC] = {
		NAMED("Root Complex Event Collector") HIDDEN, .length = 8,
		WHY("7.9.10", "Which functions of the host report errors where.")
	},
	[PCI_EXT_CAP_ID_MFVC] = {
		NAMED("Multi-Function Virtual Channel") READ_ONLY, .shape = SHAPE_VC,
		WHY("7.9.2", "Arbitrates between functions that may have different owners.")
	},
	[PCI_EXT_CAP_ID_VC9] = {
		NAMED("Virtual Channel (MFVC)") READ_ONLY, .shape = SHAPE_VC,
		WHY("7.9.1", "Traffic classes have to agree with every port on the way.")
	},
	[PCI_EXT_CAP_ID_RCRB] = {
		NAMED("Root Complex Register Block") HIDDEN, .length = 0x14,
		WHY("7.9.7", "Of the root complex.")
	},
	[PCI_EXT_CAP_ID_VNDR] = {
		NAMED("Vendor-Specific") SHOWN, .shape = SHAPE_VSEC, .table = TABLE_VSEC, .many = 1,
		WHY("7.9.5", "The device's own registers, as those in its BARs, which the user has as well.")
	},
	[PCI_EXT_CAP_ID_CAC] = {
		NAMED("Configuration Access Correlation") HIDDEN, .length = 8,
		WHY("PCIe Trusted Configuration Space 1.0", "Obsolete; says which software may configure the host.")
	},
	[PCI_EXT_CAP_ID_ACS] = {
		NAMED("Access Control Services") READ_ONLY, .length = PCICFG_SIZEOF_ACS,
		WHY("7.7.11", "What keeps functions apart is the host's to set; a user who passes the function on may see it.")
	},
	[PCI_EXT_CAP_ID_ARI] = {
		NAMED("Alternative Routing-ID") HIDDEN, .length = PCI_EXT_CAP_ARI_SIZEOF,
		WHY("7.8.8", "Next function number and groups are of the host's bus, where the user has one function.")
	},
	[PCI_EXT_CAP_ID_ATS] = {
		NAMED("Address Translation Services") HIDDEN, .length = PCI_EXT_CAP_ATS_SIZEOF,
		WHY("10.5.1", "A function with ATS on is trusted with translated addresses: between it and the host's IOMMU.")
	},
	[PCI_EXT_CAP_ID_SRIOV] = {
		NAMED("SR-IOV") HIDDEN, .length = PCI_EXT_CAP_SRIOV_SIZEOF,
		WHY("9.3.3", "Makes new functions on the host's bus, in nobody's IOMMU group yet.")
	},
	[PCI_EXT_CAP_ID_MRIOV] = {
		NAMED("MR-IOV") HIDDEN, .length = 4,
		WHY("MR-IOV 1.0 4.2", "Shares a device between hosts.")
	},
	[PCI_EXT_CAP_ID_MCAST] = {
		NAMED("Multicast") HIDDEN, .length = PCI_EXT_CAP_MCAST_ENDPOINT_SIZEOF,
		WHY("7.9.11", "Address windows of the host, past the IOMMU.")
	},
	[PCI_EXT_CAP_ID_PRI] = {
		NAMED("Page Request Interface") HIDDEN, .length = PCI_EXT_CAP_PRI_SIZEOF,
		WHY("10.5.2", "Between the function and the host's IOMMU.")
	},
	[PCI_EXT_CAP_ID_AMD_XXX] = {
		NAMED("Reserved for AMD") HIDDEN, .length = 4,
		WHY("none", "Not documented.")
	},
	[PCI_EXT_CAP_ID_REBAR] = {
		NAMED("Resizable BAR") HIDDEN, .length = 0x0c,
		WHY("7.8.6", "The bus is laid out by the host. A driver that finds it resizes, and believes in the new size.")
	},
	[PCI_EXT_CAP_ID_DPA] = {
		NAMED("Dynamic Power Allocation") READ_ONLY, .shape = SHAPE_DPA,
		WHY("7.9.12", "How much power a slot gives is the host's budget.")
	},
	[PCI_EXT_CAP_ID_TPH] = {
		NAMED("TPH Requester") READ_ONLY, .length = PCI_TPH_BASE_SIZEOF,
		WHY("7.9.13", "Steering tags name caches of the host's CPUs. The table of tags, where there is one, is hidden.")
	},
	[PCI_EXT_CAP_ID_LTR] = {
		NAMED("Latency Tolerance Reporting") READ_ONLY, .length = PCI_EXT_CAP_LTR_SIZEOF,
		WHY("7.8.2", "What the platform can bear, written by its firmware.")
	},
	[PCI_EXT_CAP_ID_SECPCI] = {
		NAMED("Secondary PCI Express") HIDDEN, .length = 0x0c,
		WHY("7.7.3", "Equalization of the link: the host's.")
	},
	[PCI_EXT_CAP_ID_PMUX] = {
		NAMED("Protocol Multiplexing") HIDDEN, .length = 0x10,
		WHY("PCIe 6.0 G.5", "Other protocols on the host's link.")
	},
	[PCI_EXT_CAP_ID_PASID] = {
		NAMED("Process Address Space ID") HIDDEN, .length = PCI_EXT_CAP_PASID_SIZEOF,
		WHY("7.8.9", "Which address space a DMA is in: between the function and the host's IOMMU.")
	},
	[PCICFG_EXT_CAP_ID_LNR] = {
		NAMED("LN Requester") HIDDEN, .length = 8,
		WHY("PCIe 5.0 7.9.14", "Cache line notifications of the host's memory; withdrawn from PCIe 6.0.")
	},
	[PCI_EXT_CAP_ID_DPC] = {
		NAMED("Downstream Port Containment") HIDDEN, .length = 0x0c,
		WHY("7.9.14", "Of ports: cuts off what is below.")
	},
	[PCI_EXT_CAP_ID_L1SS] = {
		NAMED("L1 PM Substates") HIDDEN, .length = 0x10,
		WHY("7.8.3", "Has to be set at both ends of the link, in order: the host's.")
	},
	[PCI_EXT_CAP_ID_PTM] = {
		NAMED("Precision Time Measurement") READ_ONLY, .length = PCICFG_SIZEOF_PTM,
		WHY("7.9.15", "Enabled along the whole path, by the host; its user has to know whether.")
	},
	[PCICFG_EXT_CAP_ID_MPCIE] = {
		NAMED("PCIe over M-PHY") HIDDEN, .length = 4,
		WHY("PCIe 3.1 8", "A physical layer: the host's.")
	},
	[PCICFG_EXT_CAP_ID_FRSQ] = {
		NAMED("FRS Queueing") HIDDEN, .length = 0x10,
		WHY("7.8.10", "Of root ports: messages of other functions.")
	},
	[PCICFG_EXT_CAP_ID_RTR] = {
		NAMED("Readiness Time Reporting") READ_ONLY, .length = 0x0c,
		WHY("7.9.16", "How long a reset takes; read-only in hardware.")
	},
	[PCI_EXT_CAP_ID_DVSEC] = {
		NAMED("Designated Vendor-Specific") READ_ONLY, .shape = SHAPE_DVSEC, .many = 1,
		WHY("7.9.6", "Defined by somebody else than the device's maker, for the platform's software. One of the CXL "
			     "Consortium is hidden: it maps the host's memory.")
	},
	[PCI_EXT_CAP_ID_VF_REBAR] = {
		NAMED("VF Resizable BAR") HIDDEN, .length = 0x0c,
		WHY("7.8.7", "Of VFs, which a user does not make.")
	},
	[PCI_EXT_CAP_ID_DLF] = {
		NAMED("Data Link Feature") HIDDEN, .length = 0x0c,
		WHY("7.7.4", "Of the link: the host's.")
	},
	[PCI_EXT_CAP_ID_PL_16GT] = {
		NAMED("Physical Layer 16 GT/s") HIDDEN, .length = 0x20,
		WHY("7.7.5", "Of the link: the host's.")
	},
	[PCICFG_EXT_CAP_ID_LMR] = {
		NAMED("Lane Margining") HIDDEN, .length = 8,
		WHY("7.7.10", "Disturbs the link until it fails.")
	},
	[PCICFG_EXT_CAP_ID_HID] = {
		NAMED("Hierarchy ID") HIDDEN, .length = 0x0c,
		WHY("7.9.17", "Which machine and which port this is.")
	},
	[PCI_EXT_CAP_ID_NPEM] = {
		NAMED("Native Enclosure Management") HIDDEN, .length = 0x10,
		WHY("7.9.19", "Lamps and status of the host's enclosure.")
	},
	[PCI_EXT_CAP_ID_PL_32GT] = {
		NAMED("Physical Layer 32 GT/s") HIDDEN, .length = 0x20,
		WHY("7.7.6", "Of the link: the host's.")
	},
	[PCICFG_EXT_CAP_ID_AP] = {
		NAMED("Alternate Protocol") HIDDEN, .length = 0x0c,
		WHY("7.9.20", "Other protocols on the host's link.")
	},
	[PCICFG_EXT_CAP_ID_SFI] = {
		NAMED("System Firmware Intermediary") HIDDEN, .length = 0x14,
		WHY("7.9.22", "Of ports: a firmware's way to what is below.")
	},
	[PCICFG_EXT_CAP_ID_SHADOW] = {
		NAMED("Shadow Functions") HIDDEN, .length = 0x0c,
		WHY("7.9.25", "Requests in the name of other function numbers.")
	},
	[PCI_EXT_CAP_ID_DOE] = {
		NAMED("Data Object Exchange") HIDDEN, .length = 0x18, .many = 1,
		WHY("7.9.24", "A mailbox that the host uses to attest and to key the device.")
	},
	[PCI_EXT_CAP_ID_DEV3] = {
		NAMED("Device 3") HIDDEN, .length = 0x10,
		WHY("7.7.9", "Tags and routing that need the ports on the way: the host's.")
	},
	[PCI_EXT_CAP_ID_IDE] = {
		NAMED("Integrity and Data Encryption") HIDDEN, .length = 0x0c,
		WHY("7.9.26", "Keys and streams between the device and the host's root port.")
	},
	[PCI_EXT_CAP_ID_PL_64GT] = {
		NAMED("Physical Layer 64 GT/s") HIDDEN, .length = 0x10,
		WHY("7.7.7", "Of the link: the host's.")
	},
	[PCICFG_EXT_CAP_ID_FLIT_LOG] = {
		NAMED("Flit Logging") HIDDEN, .length = 0x10,
		WHY("7.7.8", "Of the link: the host's.")
	},
	[PCICFG_EXT_CAP_ID_FLIT_PM] = {
		NAMED("Flit Performance Measurement") HIDDEN, .length = 0x10,
		WHY("7.8.12", "Of the link: the host's.")
	},
	[PCICFG_EXT_CAP_ID_FLIT_EI] = {
		NAMED("Flit Error Injection") HIDDEN, .length = 0x10,
		WHY("7.8.13", "Breaks the host's link, on purpose.")
	},
	[PCICFG_EXT_CAP_ID_SVC] = {
		NAMED("Streamlined Virtual Channel") HIDDEN, .length = 0x14,
		WHY("PCIe 6.3 7.9.29", "Traffic classes have to agree with every port on the way.")
	},
	[PCICFG_EXT_CAP_ID_MRBL] = {
		NAMED("MMIO Register Block Locator") HIDDEN, .length = 8,
		WHY("PCIe 6.3 7.9.30", "Where in a BAR the mailboxes of the platform's software are.")
	},
	[PCICFG_EXT_CAP_ID_NOP_FLIT] = {
		NAMED("NOP Flit") HIDDEN, .length = 0x14,
		WHY("PCIe 6.3 7.8.14", "Of the link: the host's.")
	},
	[PCICFG_EXT_CAP_ID_SIOV] = {
		NAMED("Scalable I/O Virtualization") HIDDEN, .length = 4,
		WHY("PCIe 7.0", "Makes more of a function than one, each in an address space of the host's IOMMU.")
	},
	[PCICFG_EXT_CAP_ID_PL_128GT] = {
		NAMED("Physical Layer 128 GT/s") HIDDEN, .length = 0x10,
		WHY("PCIe 7.0", "Of the link: the host's.")
	},
	[PCICFG_EXT_CAP_ID_CAPTURED] = {
		NAMED("Captured Data") HIDDEN, .length = 4,
		WHY("PCIe 7.0", "Nobody has decided otherwise so far.")
	},
};
