/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "libpcicfg/names.h"

#include "libpcicfg/tables.h"

/* Registers and fields as the specifications call them, in short. */

static const struct pcicfg_register header[] = {
	{ PCI_VENDOR_ID, 2, "Vendor ID", { { 0, NULL } } },
	{ PCI_DEVICE_ID, 2, "Device ID", { { 0, NULL } } },
	{ PCI_COMMAND,
	  2,
	  "Command",
	  { { PCI_COMMAND_IO, "IO" },
	    { PCI_COMMAND_MEMORY, "Mem" },
	    { PCI_COMMAND_MASTER, "BusMaster" },
	    { PCI_COMMAND_SPECIAL, "SpecCycle" },
	    { PCI_COMMAND_INVALIDATE, "MemWINV" },
	    { PCI_COMMAND_VGA_PALETTE, "VGASnoop" },
	    { PCI_COMMAND_PARITY, "ParErr" },
	    { PCI_COMMAND_WAIT, "Stepping" },
	    { PCI_COMMAND_SERR, "SERR" },
	    { PCI_COMMAND_FAST_BACK, "FastB2B" },
	    { PCI_COMMAND_INTX_DISABLE, "DisINTx" },
	    { 0, NULL } } },
	{ PCI_STATUS,
	  2,
	  "Status",
	  { { PCI_STATUS_INTERRUPT, "INTx" },
	    { PCI_STATUS_CAP_LIST, "Cap" },
	    { PCI_STATUS_66MHZ, "66MHz" },
	    { PCI_STATUS_FAST_BACK, "FastB2B" },
	    { PCI_STATUS_PARITY, "ParErr" },
	    { PCI_STATUS_DEVSEL_MASK, "DevSel" },
	    { PCI_STATUS_SIG_TARGET_ABORT, "SigTAbort" },
	    { PCI_STATUS_REC_TARGET_ABORT, "RecTAbort" },
	    { PCI_STATUS_REC_MASTER_ABORT, "RecMAbort" },
	    { PCI_STATUS_SIG_SYSTEM_ERROR, "SigSERR" },
	    { PCI_STATUS_DETECTED_PARITY, "DetParErr" },
	    { 0, NULL } } },
	{ PCI_REVISION_ID, 1, "Revision ID", { { 0, NULL } } },
	{ PCI_CLASS_PROG, 1, "Programming Interface", { { 0, NULL } } },
	{ PCI_CLASS_DEVICE, 2, "Class Code", { { 0, NULL } } },
	{ PCI_CACHE_LINE_SIZE, 1, "Cache Line Size", { { 0, NULL } } },
	{ PCI_LATENCY_TIMER, 1, "Latency Timer", { { 0, NULL } } },
	{ PCI_HEADER_TYPE,
	  1,
	  "Header Type",
	  { { PCICFG_HEADER_TYPE_MASK, "Layout" }, { 0x80, "MultiFunction" }, { 0, NULL } } },
	{ PCI_BIST,
	  1,
	  "BIST",
	  { { PCI_BIST_CODE_MASK, "Code" },
	    { PCI_BIST_START, "Start" },
	    { PCI_BIST_CAPABLE, "Capable" },
	    { 0, NULL } } },
	{ PCI_BASE_ADDRESS_0, 4, "BAR 0", { { 0, NULL } } },
	{ PCI_BASE_ADDRESS_1, 4, "BAR 1", { { 0, NULL } } },
	{ PCI_BASE_ADDRESS_2, 4, "BAR 2", { { 0, NULL } } },
	{ PCI_BASE_ADDRESS_3, 4, "BAR 3", { { 0, NULL } } },
	{ PCI_BASE_ADDRESS_4, 4, "BAR 4", { { 0, NULL } } },
	{ PCI_BASE_ADDRESS_5, 4, "BAR 5", { { 0, NULL } } },
	{ PCI_CARDBUS_CIS, 4, "CardBus CIS Pointer", { { 0, NULL } } },
	{ PCI_SUBSYSTEM_VENDOR_ID, 2, "Subsystem Vendor ID", { { 0, NULL } } },
	{ PCI_SUBSYSTEM_ID, 2, "Subsystem ID", { { 0, NULL } } },
	{ PCI_ROM_ADDRESS, 4, "Expansion ROM", { { PCI_ROM_ADDRESS_ENABLE, "Enable" }, { 0, NULL } } },
	{ PCI_CAPABILITY_LIST, 1, "Capabilities Pointer", { { 0, NULL } } },
	{ 0x38, 4, "Reserved", { { 0, NULL } } },
	{ PCI_INTERRUPT_LINE, 1, "Interrupt Line", { { 0, NULL } } },
	{ PCI_INTERRUPT_PIN, 1, "Interrupt Pin", { { 0, NULL } } },
	{ PCI_MIN_GNT, 1, "Min_Gnt", { { 0, NULL } } },
	{ PCI_MAX_LAT, 1, "Max_Lat", { { 0, NULL } } },
};

static const struct pcicfg_register pm[] = {
	{ PCI_PM_PMC,
	  2,
	  "PM Capabilities",
	  { { PCI_PM_CAP_VER_MASK, "Version" },
	    { PCI_PM_CAP_DSI, "DSI" },
	    { PCI_PM_CAP_D1, "D1" },
	    { PCI_PM_CAP_D2, "D2" },
	    { PCI_PM_CAP_PME_MASK, "PME" },
	    { 0, NULL } } },
	{ PCI_PM_CTRL,
	  2,
	  "PM Control/Status",
	  { { PCI_PM_CTRL_STATE_MASK, "State" },
	    { PCI_PM_CTRL_NO_SOFT_RESET, "NoSoftRst" },
	    { PCI_PM_CTRL_PME_ENABLE, "PME-Enable" },
	    { PCI_PM_CTRL_DATA_SEL_MASK, "DataSel" },
	    { PCI_PM_CTRL_DATA_SCALE_MASK, "DataScale" },
	    { PCI_PM_CTRL_PME_STATUS, "PME-Status" },
	    { 0, NULL } } },
	{ PCI_PM_PPB_EXTENSIONS, 1, "Bridge Extensions", { { 0, NULL } } },
	{ PCI_PM_DATA_REGISTER, 1, "Data", { { 0, NULL } } },
};

static const struct pcicfg_register vpd[] = {
	{ PCI_VPD_ADDR, 2, "VPD Address", { { PCI_VPD_ADDR_MASK, "Address" }, { PCI_VPD_ADDR_F, "F" }, { 0, NULL } } },
	{ PCI_VPD_DATA, 4, "VPD Data", { { 0, NULL } } },
};

static const struct pcicfg_register msi_32[] = {
	{ PCI_MSI_FLAGS,
	  2,
	  "Message Control",
	  { { PCI_MSI_FLAGS_ENABLE, "Enable" },
	    { PCI_MSI_FLAGS_QMASK, "Capable" },
	    { PCI_MSI_FLAGS_QSIZE, "Vectors" },
	    { PCI_MSI_FLAGS_64BIT, "64bit" },
	    { PCI_MSI_FLAGS_MASKBIT, "Maskable" },
	    { 0, NULL } } },
	{ PCI_MSI_ADDRESS_LO, 4, "Message Address", { { 0, NULL } } },
	{ PCI_MSI_DATA_32, 2, "Message Data", { { 0, NULL } } },
};

static const struct pcicfg_register msi_64[] = {
	{ PCI_MSI_FLAGS,
	  2,
	  "Message Control",
	  { { PCI_MSI_FLAGS_ENABLE, "Enable" },
	    { PCI_MSI_FLAGS_QMASK, "Capable" },
	    { PCI_MSI_FLAGS_QSIZE, "Vectors" },
	    { PCI_MSI_FLAGS_64BIT, "64bit" },
	    { PCI_MSI_FLAGS_MASKBIT, "Maskable" },
	    { 0, NULL } } },
	{ PCI_MSI_ADDRESS_LO, 4, "Message Address", { { 0, NULL } } },
	{ PCI_MSI_ADDRESS_HI, 4, "Message Upper Address", { { 0, NULL } } },
	{ PCI_MSI_DATA_64, 2, "Message Data", { { 0, NULL } } },
};

static const struct pcicfg_register msi_32_mask[] = {
	{ PCI_MSI_FLAGS,
	  2,
	  "Message Control",
	  { { PCI_MSI_FLAGS_ENABLE, "Enable" },
	    { PCI_MSI_FLAGS_QMASK, "Capable" },
	    { PCI_MSI_FLAGS_QSIZE, "Vectors" },
	    { PCI_MSI_FLAGS_64BIT, "64bit" },
	    { PCI_MSI_FLAGS_MASKBIT, "Maskable" },
	    { 0, NULL } } },
	{ PCI_MSI_ADDRESS_LO, 4, "Message Address", { { 0, NULL } } },
	{ PCI_MSI_DATA_32, 2, "Message Data", { { 0, NULL } } },
	{ PCI_MSI_MASK_32, 4, "Mask Bits", { { 0, NULL } } },
	{ PCI_MSI_PENDING_32, 4, "Pending Bits", { { 0, NULL } } },
};

static const struct pcicfg_register msi_64_mask[] = {
	{ PCI_MSI_FLAGS,
	  2,
	  "Message Control",
	  { { PCI_MSI_FLAGS_ENABLE, "Enable" },
	    { PCI_MSI_FLAGS_QMASK, "Capable" },
	    { PCI_MSI_FLAGS_QSIZE, "Vectors" },
	    { PCI_MSI_FLAGS_64BIT, "64bit" },
	    { PCI_MSI_FLAGS_MASKBIT, "Maskable" },
	    { 0, NULL } } },
	{ PCI_MSI_ADDRESS_LO, 4, "Message Address", { { 0, NULL } } },
	{ PCI_MSI_ADDRESS_HI, 4, "Message Upper Address", { { 0, NULL } } },
	{ PCI_MSI_DATA_64, 2, "Message Data", { { 0, NULL } } },
	{ PCI_MSI_MASK_64, 4, "Mask Bits", { { 0, NULL } } },
	{ PCI_MSI_PENDING_64, 4, "Pending Bits", { { 0, NULL } } },
};

static const struct pcicfg_register pcix[] = {
	{ PCI_X_CMD,
	  2,
	  "PCI-X Command",
	  { { PCI_X_CMD_DPERR_E, "DPERE" },
	    { PCI_X_CMD_ERO, "ERO" },
	    { PCI_X_CMD_MAX_READ, "MaxRead" },
	    { PCI_X_CMD_MAX_SPLIT, "MaxSplit" },
	    { 0, NULL } } },
	{ PCI_X_STATUS,
	  4,
	  "PCI-X Status",
	  { { PCI_X_STATUS_SPL_DISC, "SplitDiscarded" },
	    { PCI_X_STATUS_UNX_SPL, "UnexpectedSplit" },
	    { PCI_X_STATUS_SPL_ERR, "SplitError" },
	    { 0, NULL } } },
	{ PCI_X_ECC_CSR, 4, "ECC Control/Status", { { 0, NULL } } },
	{ 0x0c, 4, "ECC First Address", { { 0, NULL } } },
	{ 0x10, 4, "ECC Second Address", { { 0, NULL } } },
	{ 0x14, 4, "ECC Attribute", { { 0, NULL } } },
};

static const struct pcicfg_register express[] = {
	{ PCI_EXP_FLAGS,
	  2,
	  "PCI Express Capabilities",
	  { { PCI_EXP_FLAGS_VERS, "Version" },
	    { PCI_EXP_FLAGS_TYPE, "Type" },
	    { PCI_EXP_FLAGS_IRQ, "Message" },
	    { 0, NULL } } },
	{ PCI_EXP_DEVCAP,
	  4,
	  "Device Capabilities",
	  { { PCI_EXP_DEVCAP_PAYLOAD, "MaxPayload" },
	    { PCI_EXP_DEVCAP_PHANTOM, "Phantom" },
	    { PCI_EXP_DEVCAP_EXT_TAG, "ExtTag" },
	    { PCI_EXP_DEVCAP_RBER, "RBE" },
	    { PCI_EXP_DEVCAP_FLR, "FLReset" },
	    { 0, NULL } } },
	{ PCI_EXP_DEVCTL,
	  2,
	  "Device Control",
	  { { PCI_EXP_DEVCTL_CERE, "CorrErr" },
	    { PCI_EXP_DEVCTL_NFERE, "NonFatalErr" },
	    { PCI_EXP_DEVCTL_FERE, "FatalErr" },
	    { PCI_EXP_DEVCTL_URRE, "UnsupReq" },
	    { PCI_EXP_DEVCTL_RELAX_EN, "RlxdOrd" },
	    { PCI_EXP_DEVCTL_PAYLOAD, "MaxPayload" },
	    { PCI_EXP_DEVCTL_EXT_TAG, "ExtTag" },
	    { PCI_EXP_DEVCTL_PHANTOM, "PhantFunc" },
	    { PCI_EXP_DEVCTL_AUX_PME, "AuxPwr" },
	    { PCI_EXP_DEVCTL_NOSNOOP_EN, "NoSnoop" },
	    { PCI_EXP_DEVCTL_READRQ, "MaxReadReq" },
	    { PCI_EXP_DEVCTL_BCR_FLR, "FLReset" },
	    { 0, NULL } } },
	{ PCI_EXP_DEVSTA,
	  2,
	  "Device Status",
	  { { PCI_EXP_DEVSTA_CED, "CorrErr" },
	    { PCI_EXP_DEVSTA_NFED, "NonFatalErr" },
	    { PCI_EXP_DEVSTA_FED, "FatalErr" },
	    { PCI_EXP_DEVSTA_URD, "UnsupReq" },
	    { PCI_EXP_DEVSTA_AUXPD, "AuxPwr" },
	    { PCI_EXP_DEVSTA_TRPND, "TransPend" },
	    { 0, NULL } } },
	{ PCI_EXP_LNKCAP,
	  4,
	  "Link Capabilities",
	  { { PCI_EXP_LNKCAP_SLS, "Speed" },
	    { PCI_EXP_LNKCAP_MLW, "Width" },
	    { PCI_EXP_LNKCAP_ASPMS, "ASPM" },
	    { PCI_EXP_LNKCAP_PN, "Port" },
	    { 0, NULL } } },
	{ PCI_EXP_LNKCTL,
	  2,
	  "Link Control",
	  { { PCI_EXP_LNKCTL_ASPMC, "ASPM" },
	    { PCI_EXP_LNKCTL_RCB, "RCB" },
	    { PCI_EXP_LNKCTL_LD, "Disabled" },
	    { PCI_EXP_LNKCTL_RL, "Retrain" },
	    { PCI_EXP_LNKCTL_CCC, "CommClk" },
	    { PCI_EXP_LNKCTL_ES, "ExtSynch" },
	    { PCI_EXP_LNKCTL_CLKREQ_EN, "ClockPM" },
	    { 0, NULL } } },
	{ PCI_EXP_LNKSTA,
	  2,
	  "Link Status",
	  { { PCI_EXP_LNKSTA_CLS, "Speed" },
	    { PCI_EXP_LNKSTA_NLW, "Width" },
	    { PCI_EXP_LNKSTA_LT, "Train" },
	    { PCI_EXP_LNKSTA_SLC, "SlotClk" },
	    { PCI_EXP_LNKSTA_DLLLA, "DLActive" },
	    { PCI_EXP_LNKSTA_LBMS, "BWMgmt" },
	    { PCI_EXP_LNKSTA_LABS, "ABWMgmt" },
	    { 0, NULL } } },
	{ PCI_EXP_SLTCAP, 4, "Slot Capabilities", { { 0, NULL } } },
	{ PCI_EXP_SLTCTL, 2, "Slot Control", { { 0, NULL } } },
	{ PCI_EXP_SLTSTA, 2, "Slot Status", { { 0, NULL } } },
	{ PCI_EXP_RTCTL, 2, "Root Control", { { 0, NULL } } },
	{ PCI_EXP_RTCAP, 2, "Root Capabilities", { { 0, NULL } } },
	{ PCI_EXP_RTSTA, 4, "Root Status", { { 0, NULL } } },
	{ PCI_EXP_DEVCAP2, 4, "Device Capabilities 2", { { 0, NULL } } },
	{ PCI_EXP_DEVCTL2,
	  2,
	  "Device Control 2",
	  { { PCI_EXP_DEVCTL2_COMP_TIMEOUT, "Timeout" },
	    { PCI_EXP_DEVCTL2_COMP_TMOUT_DIS, "TimeoutDis" },
	    { PCI_EXP_DEVCTL2_ARI, "ARIFwd" },
	    { PCI_EXP_DEVCTL2_ATOMIC_REQ, "AtomicOps" },
	    { PCI_EXP_DEVCTL2_ATOMIC_EGRESS_BLOCK, "AtomicBlk" },
	    { PCI_EXP_DEVCTL2_IDO_REQ_EN, "IDOReq" },
	    { PCI_EXP_DEVCTL2_IDO_CMP_EN, "IDOCompl" },
	    { PCI_EXP_DEVCTL2_LTR_EN, "LTR" },
	    { 0x1000, "10BitTag" },
	    { PCI_EXP_DEVCTL2_OBFF_WAKE_EN, "OBFF" },
	    { 0x8000, "PrefixBlk" },
	    { 0, NULL } } },
	{ PCI_EXP_DEVSTA2, 2, "Device Status 2", { { 0, NULL } } },
	{ PCI_EXP_LNKCAP2, 4, "Link Capabilities 2", { { 0, NULL } } },
	{ PCI_EXP_LNKCTL2,
	  2,
	  "Link Control 2",
	  { { PCI_EXP_LNKCTL2_TLS, "TargetSpeed" }, { PCI_EXP_LNKCTL2_ENTER_COMP, "Compliance" }, { 0, NULL } } },
	{ PCI_EXP_LNKSTA2, 2, "Link Status 2", { { 0, NULL } } },
};

static const struct pcicfg_register msix[] = {
	{ PCI_MSIX_FLAGS,
	  2,
	  "Message Control",
	  { { PCI_MSIX_FLAGS_QSIZE, "LastVector" },
	    { PCI_MSIX_FLAGS_MASKALL, "Masked" },
	    { PCI_MSIX_FLAGS_ENABLE, "Enable" },
	    { 0, NULL } } },
	{ PCI_MSIX_TABLE, 4, "Table Offset", { { PCI_MSIX_TABLE_BIR, "BAR" }, { 0, NULL } } },
	{ PCI_MSIX_PBA, 4, "Pending Bit Array Offset", { { PCI_MSIX_PBA_BIR, "BAR" }, { 0, NULL } } },
};

static const struct pcicfg_register af[] = {
	{ PCI_AF_LENGTH, 1, "Length", { { 0, NULL } } },
	{ PCI_AF_CAP, 1, "AF Capabilities", { { PCI_AF_CAP_TP, "TP" }, { PCI_AF_CAP_FLR, "FLR" }, { 0, NULL } } },
	{ PCI_AF_CTRL, 1, "AF Control", { { PCI_AF_CTRL_FLR, "FLR" }, { 0, NULL } } },
	{ PCI_AF_STATUS, 1, "AF Status", { { PCI_AF_STATUS_TP, "TP" }, { 0, NULL } } },
};

static const struct pcicfg_register aer[] = {
	{ PCI_ERR_UNCOR_STATUS, 4, "Uncorrectable Error Status", { { 0, NULL } } },
	{ PCI_ERR_UNCOR_MASK, 4, "Uncorrectable Error Mask", { { 0, NULL } } },
	{ PCI_ERR_UNCOR_SEVER, 4, "Uncorrectable Error Severity", { { 0, NULL } } },
	{ PCI_ERR_COR_STATUS, 4, "Correctable Error Status", { { 0, NULL } } },
	{ PCI_ERR_COR_MASK, 4, "Correctable Error Mask", { { 0, NULL } } },
	{ PCI_ERR_CAP,
	  4,
	  "AER Capabilities and Control",
	  { { PCI_ERR_CAP_ECRC_GENC, "ECRCGenCap" },
	    { PCI_ERR_CAP_ECRC_GENE, "ECRCGenEn" },
	    { PCI_ERR_CAP_ECRC_CHKC, "ECRCChkCap" },
	    { PCI_ERR_CAP_ECRC_CHKE, "ECRCChkEn" },
	    { 0, NULL } } },
	{ PCI_ERR_HEADER_LOG + 0, 4, "Header Log 0", { { 0, NULL } } },
	{ PCI_ERR_HEADER_LOG + 4, 4, "Header Log 1", { { 0, NULL } } },
	{ PCI_ERR_HEADER_LOG + 8, 4, "Header Log 2", { { 0, NULL } } },
	{ PCI_ERR_HEADER_LOG + 12, 4, "Header Log 3", { { 0, NULL } } },
};

static const struct pcicfg_register pwr[] = {
	{ PCI_PWR_DSR, 1, "Data Select", { { 0, NULL } } },
	{ PCI_PWR_DATA, 4, "Data", { { 0, NULL } } },
	{ PCI_PWR_CAP, 1, "Capability", { { 0, NULL } } },
};

static const struct pcicfg_register vsec[] = {
	{ PCI_VNDR_HEADER,
	  4,
	  "Vendor-Specific Header",
	  { { 0xffff, "ID" }, { 0xf0000, "Revision" }, { 0xfff00000, "Length" }, { 0, NULL } } },
};

#define NAMES(array) \
	{ \
		(array), ARRAY_SIZE(array) \
	}

static const struct {
	const struct pcicfg_register *registers;
	size_t count;
} names[TABLE_COUNT] = {
	[TABLE_HEADER] = NAMES(header),
	[TABLE_HEADER_VF] = NAMES(header),
	[TABLE_PM] = NAMES(pm),
	[TABLE_VPD] = NAMES(vpd),
	[TABLE_MSI_32] = NAMES(msi_32),
	[TABLE_MSI_64] = NAMES(msi_64),
	[TABLE_MSI_32_MASK] = NAMES(msi_32_mask),
	[TABLE_MSI_64_MASK] = NAMES(msi_64_mask),
	[TABLE_PCIX] = NAMES(pcix),
	[TABLE_EXP] = NAMES(express),
	[TABLE_MSIX] = NAMES(msix),
	[TABLE_AF] = NAMES(af),
	[TABLE_AER] = NAMES(aer),
	[TABLE_PWR] = NAMES(pwr),
	[TABLE_VSEC] = NAMES(vsec),
};

const struct pcicfg_register *pcicfg_names(unsigned int table, size_t *count)
{
	*count = names[table].count;
	return names[table].registers;
}

/*
 * ---- capabilities without a table: hidden, or read-only as a whole ----
 * What their first registers are; of what is not named here people see bytes.
 */
/* clang-format off */
#define FIELD(mask, name) { (mask), (name) }
#define REG(offset, width, name, ...) { (offset), (width), (name), { __VA_ARGS__, { 0, NULL } } }
#define REG0(offset, width, name) { (offset), (width), (name), { { 0, NULL } } }

static const struct pcicfg_register agp[] = {
	REG(PCI_AGP_VERSION, 1, "Revision", FIELD(0xf0, "Major"), FIELD(0x0f, "Minor")),
	REG(PCI_AGP_STATUS, 4, "AGP Status", FIELD(7, "Rates"), FIELD(PCI_AGP_STATUS_FW, "FW"),
	    FIELD(PCI_AGP_STATUS_64BIT, "64bit"), FIELD(PCI_AGP_STATUS_SBA, "SBA")),
	REG(PCI_AGP_COMMAND, 4, "AGP Command", FIELD(7, "Rate"), FIELD(PCI_AGP_COMMAND_FW, "FW"),
	    FIELD(PCI_AGP_COMMAND_64BIT, "64bit"), FIELD(PCI_AGP_COMMAND_AGP, "AGP"), FIELD(PCI_AGP_COMMAND_SBA, "SBA")),
};

static const struct pcicfg_register slot_id[] = {
	REG(PCI_SID_ESR, 1, "Expansion Slot", FIELD(PCI_SID_ESR_NSLOTS, "Slots"), FIELD(PCI_SID_ESR_FIC, "First")),
	REG0(PCI_SID_CHASSIS_NR, 1, "Chassis Number"),
};

static const struct pcicfg_register ht[] = {
	REG(PCI_CAP_FLAGS, 2, "Command", FIELD(0xe000, "Type")),
};

static const struct pcicfg_register debug_port[] = {
	REG(PCI_CAP_FLAGS, 2, "Debug Port", FIELD(0x1fff, "Offset"), FIELD(0xe000, "BAR")),
};

static const struct pcicfg_register ssvid[] = {
	REG0(PCI_SSVID_VENDOR_ID, 2, "Subsystem Vendor ID"),
	REG0(PCI_SSVID_DEVICE_ID, 2, "Subsystem ID"),
};

static const struct pcicfg_register sata[] = {
	REG(PCI_CAP_FLAGS, 2, "Revision", FIELD(0xf0, "Major"), FIELD(0x0f, "Minor")),
	REG(PCI_SATA_REGS, 4, "Location", FIELD(PCI_SATA_REGS_MASK, "BAR"), FIELD(0xfffff0, "Offset")),
};

static const struct pcicfg_register ea[] = {
	REG(PCI_EA_NUM_ENT, 1, "Entries", FIELD(PCI_EA_NUM_ENT_MASK, "Count")),
};

static const struct pcicfg_register vc[] = {
	REG(PCI_VC_PORT_CAP1, 4, "Port VC Capability 1", FIELD(PCI_VC_CAP1_EVCC, "Extended")),
	REG0(PCI_VC_PORT_CAP2, 4, "Port VC Capability 2"),
	REG0(PCI_VC_PORT_CTRL, 2, "Port VC Control"),
	REG0(PCI_VC_PORT_STATUS, 2, "Port VC Status"),
	REG0(PCI_VC_RES_CAP, 4, "VC 0 Resource Capability"),
	REG(PCI_VC_RES_CTRL, 4, "VC 0 Resource Control", FIELD(0xff, "TC"), FIELD(PCI_VC_RES_CTRL_ID, "ID"),
	    FIELD(PCI_VC_RES_CTRL_ENABLE, "Enable")),
	REG(PCI_VC_RES_STATUS, 2, "VC 0 Resource Status", FIELD(PCI_VC_RES_STATUS_NEGO, "Negotiating")),
};

static const struct pcicfg_register dsn[] = {
	REG0(4, 4, "Serial Number"),
	REG0(8, 4, "Serial Number, Upper Half"),
};

#define ACS_FIELDS \
	FIELD(PCI_ACS_SV, "SrcValid"), FIELD(PCI_ACS_TB, "TransBlk"), FIELD(PCI_ACS_RR, "ReqRedir"), \
	FIELD(PCI_ACS_CR, "CmpltRedir"), FIELD(PCI_ACS_UF, "UpstreamFwd"), FIELD(PCI_ACS_EC, "EgressCtrl"), \
	FIELD(PCI_ACS_DT, "DirectTrans")
static const struct pcicfg_register acs[] = {
	REG(PCI_ACS_CAP, 2, "ACS Capability", ACS_FIELDS),
	REG(PCI_ACS_CTRL, 2, "ACS Control", ACS_FIELDS),
};

static const struct pcicfg_register ari[] = {
	REG(PCI_ARI_CAP, 2, "ARI Capability", FIELD(PCI_ARI_CAP_MFVC, "MFVC"), FIELD(PCI_ARI_CAP_ACS, "ACS"),
	    FIELD(0xff00, "NextFunction")),
	REG(PCI_ARI_CTRL, 2, "ARI Control", FIELD(PCI_ARI_CTRL_MFVC, "MFVC"), FIELD(PCI_ARI_CTRL_ACS, "ACS"),
	    FIELD(0x70, "Group")),
};

static const struct pcicfg_register ats[] = {
	REG(PCI_ATS_CAP, 2, "ATS Capability", FIELD(0x1f, "QueueDepth"), FIELD(PCI_ATS_CAP_PAGE_ALIGNED, "PageAligned")),
	REG(PCI_ATS_CTRL, 2, "ATS Control", FIELD(0x1f, "SmallestUnit"), FIELD(PCI_ATS_CTRL_ENABLE, "Enable")),
};

static const struct pcicfg_register sriov[] = {
	REG(PCI_SRIOV_CAP, 4, "SR-IOV Capabilities", FIELD(PCI_SRIOV_CAP_VFM, "Migration")),
	REG(PCI_SRIOV_CTRL, 2, "SR-IOV Control", FIELD(PCI_SRIOV_CTRL_VFE, "Enable"), FIELD(PCI_SRIOV_CTRL_VFM, "Migration"),
	    FIELD(PCI_SRIOV_CTRL_MSE, "Mem"), FIELD(PCI_SRIOV_CTRL_ARI, "ARI")),
	REG0(PCI_SRIOV_STATUS, 2, "SR-IOV Status"),
	REG0(PCI_SRIOV_INITIAL_VF, 2, "InitialVFs"),
	REG0(PCI_SRIOV_TOTAL_VF, 2, "TotalVFs"),
	REG0(PCI_SRIOV_NUM_VF, 2, "NumVFs"),
	REG0(PCI_SRIOV_FUNC_LINK, 1, "Function Dependency Link"),
	REG0(PCI_SRIOV_VF_OFFSET, 2, "First VF Offset"),
	REG0(PCI_SRIOV_VF_STRIDE, 2, "VF Stride"),
	REG0(PCI_SRIOV_VF_DID, 2, "VF Device ID"),
	REG0(PCI_SRIOV_SUP_PGSIZE, 4, "Supported Page Sizes"),
	REG0(PCI_SRIOV_SYS_PGSIZE, 4, "System Page Size"),
	REG0(PCI_SRIOV_BAR + 0, 4, "VF BAR 0"),
	REG0(PCI_SRIOV_BAR + 4, 4, "VF BAR 1"),
	REG0(PCI_SRIOV_BAR + 8, 4, "VF BAR 2"),
	REG0(PCI_SRIOV_BAR + 12, 4, "VF BAR 3"),
	REG0(PCI_SRIOV_BAR + 16, 4, "VF BAR 4"),
	REG0(PCI_SRIOV_BAR + 20, 4, "VF BAR 5"),
	REG0(PCI_SRIOV_VFM, 4, "VF Migration State Array"),
};

static const struct pcicfg_register pri[] = {
	REG(PCI_PRI_CTRL, 2, "Page Request Control", FIELD(PCI_PRI_CTRL_ENABLE, "Enable"), FIELD(PCI_PRI_CTRL_RESET, "Reset")),
	REG(PCI_PRI_STATUS, 2, "Page Request Status", FIELD(PCI_PRI_STATUS_RF, "Failure"),
	    FIELD(PCI_PRI_STATUS_UPRGI, "UnexpectedIndex"), FIELD(PCI_PRI_STATUS_STOPPED, "Stopped"),
	    FIELD(PCI_PRI_STATUS_PASID, "PASID")),
	REG0(PCI_PRI_MAX_REQ, 4, "Capacity"),
	REG0(PCI_PRI_ALLOC_REQ, 4, "Allocation"),
};

static const struct pcicfg_register rebar[] = {
	REG(PCI_REBAR_CAP, 4, "Resizable BAR Capability", FIELD(PCI_REBAR_CAP_SIZES, "Sizes")),
	REG(PCI_REBAR_CTRL, 4, "Resizable BAR Control", FIELD(PCI_REBAR_CTRL_BAR_IDX, "BAR"),
	    FIELD(PCI_REBAR_CTRL_NBAR_MASK, "Count"), FIELD(PCI_REBAR_CTRL_BAR_SIZE, "Size")),
};

static const struct pcicfg_register dpa[] = {
	REG(PCI_DPA_CAP, 4, "DPA Capability", FIELD(PCI_DPA_CAP_SUBSTATE_MASK, "LastSubstate")),
	REG0(8, 4, "DPA Latency Indicator"),
	REG(0x0c, 2, "DPA Status", FIELD(0x1f, "Substate"), FIELD(0x100, "Enable")),
	REG(0x0e, 2, "DPA Control", FIELD(0x1f, "Substate")),
};

static const struct pcicfg_register tph[] = {
	REG(PCI_TPH_CAP, 4, "TPH Requester Capability", FIELD(1, "NoTags"), FIELD(2, "ByVector"), FIELD(4, "ByDevice"),
	    FIELD(0x100, "Extended"), FIELD(PCI_TPH_CAP_LOC_MASK, "Location"), FIELD(0x07ff0000, "LastTag")),
	REG(8, 4, "TPH Requester Control", FIELD(7, "Mode"), FIELD(0x300, "Enable")),
};

static const struct pcicfg_register ltr[] = {
	REG(PCI_LTR_MAX_SNOOP_LAT, 2, "Max Snoop Latency", FIELD(PCI_LTR_VALUE_MASK, "Value"),
	    FIELD(PCI_LTR_SCALE_MASK, "Scale")),
	REG(PCI_LTR_MAX_NOSNOOP_LAT, 2, "Max No-Snoop Latency", FIELD(PCI_LTR_VALUE_MASK, "Value"),
	    FIELD(PCI_LTR_SCALE_MASK, "Scale")),
};

static const struct pcicfg_register pasid[] = {
	REG(PCI_PASID_CAP, 2, "PASID Capability", FIELD(PCI_PASID_CAP_EXEC, "Exec"), FIELD(PCI_PASID_CAP_PRIV, "Priv"),
	    FIELD(0x1f00, "Width")),
	REG(PCI_PASID_CTRL, 2, "PASID Control", FIELD(PCI_PASID_CTRL_ENABLE, "Enable"), FIELD(PCI_PASID_CTRL_EXEC, "Exec"),
	    FIELD(PCI_PASID_CTRL_PRIV, "Priv")),
};

#define L1SS_FIELDS \
	FIELD(1, "PCI-PM_L1.2"), FIELD(2, "PCI-PM_L1.1"), FIELD(4, "ASPM_L1.2"), FIELD(8, "ASPM_L1.1")
static const struct pcicfg_register l1ss[] = {
	REG(PCI_L1SS_CAP, 4, "L1 PM Substates Capability", L1SS_FIELDS, FIELD(PCI_L1SS_CAP_L1_PM_SS, "L1_PM_Substates")),
	REG(PCI_L1SS_CTL1, 4, "L1 PM Substates Control 1", L1SS_FIELDS),
	REG0(PCI_L1SS_CTL2, 4, "L1 PM Substates Control 2"),
};

static const struct pcicfg_register ptm[] = {
	REG(PCI_PTM_CAP, 4, "PTM Capability", FIELD(1, "Requester"), FIELD(2, "Responder"), FIELD(4, "Root"),
	    FIELD(0xff00, "Granularity")),
	REG(PCI_PTM_CTRL, 4, "PTM Control", FIELD(1, "Enable"), FIELD(2, "RootSelected"), FIELD(0xff00, "Granularity")),
};

static const struct pcicfg_register rtr[] = {
	REG(4, 4, "Readiness Time Reporting 1", FIELD(0xfff, "Reset"), FIELD(0xfff000, "DLUp"), FIELD(0x80000000, "Valid")),
	REG(8, 4, "Readiness Time Reporting 2", FIELD(0xfff, "FLR"), FIELD(0xfff000, "D3hotD0")),
};

static const struct pcicfg_register dvsec[] = {
	REG(PCI_DVSEC_HEADER1, 4, "DVSEC Header 1", FIELD(0xffff, "Vendor"), FIELD(0xf0000, "Revision"),
	    FIELD(0xfff00000, "Length")),
	REG0(PCI_DVSEC_HEADER2, 2, "DVSEC Header 2"),
};

static const struct pcicfg_register doe[] = {
	REG(4, 4, "DOE Capabilities", FIELD(1, "Interrupt"), FIELD(0xffe, "Message")),
	REG(8, 4, "DOE Control", FIELD(1, "Abort"), FIELD(2, "Interrupt"), FIELD(0x80000000, "Go")),
	REG(0x0c, 4, "DOE Status", FIELD(1, "Busy"), FIELD(2, "Interrupt"), FIELD(4, "Error"), FIELD(0x80000000, "Ready")),
	REG0(0x10, 4, "DOE Write Data Mailbox"),
	REG0(0x14, 4, "DOE Read Data Mailbox"),
};

static const struct pcicfg_register dev3[] = {
	REG0(4, 4, "Device Capabilities 3"),
	REG0(8, 4, "Device Control 3"),
	REG0(0x0c, 4, "Device Status 3"),
};

struct names {
	const struct pcicfg_register *registers;
	size_t count;
};

static const struct names std_names[PCICFG_STD_CAPS] = {
	[PCI_CAP_ID_AGP] = NAMES(agp),	   [PCI_CAP_ID_SLOTID] = NAMES(slot_id), [PCI_CAP_ID_HT] = NAMES(ht),
	[PCI_CAP_ID_DBG] = NAMES(debug_port), [PCI_CAP_ID_SSVID] = NAMES(ssvid), [PCI_CAP_ID_SATA] = NAMES(sata),
	[PCI_CAP_ID_EA] = NAMES(ea),
};

static const struct names ext_names[PCICFG_EXT_CAPS] = {
	[PCI_EXT_CAP_ID_VC] = NAMES(vc),	   [PCI_EXT_CAP_ID_MFVC] = NAMES(vc),	  [PCI_EXT_CAP_ID_VC9] = NAMES(vc),
	[PCI_EXT_CAP_ID_DSN] = NAMES(dsn),	   [PCI_EXT_CAP_ID_ACS] = NAMES(acs),	  [PCI_EXT_CAP_ID_ARI] = NAMES(ari),
	[PCI_EXT_CAP_ID_ATS] = NAMES(ats),	   [PCI_EXT_CAP_ID_SRIOV] = NAMES(sriov), [PCI_EXT_CAP_ID_PRI] = NAMES(pri),
	[PCI_EXT_CAP_ID_REBAR] = NAMES(rebar),	   [PCI_EXT_CAP_ID_DPA] = NAMES(dpa),	  [PCI_EXT_CAP_ID_TPH] = NAMES(tph),
	[PCI_EXT_CAP_ID_LTR] = NAMES(ltr),	   [PCI_EXT_CAP_ID_PASID] = NAMES(pasid), [PCI_EXT_CAP_ID_L1SS] = NAMES(l1ss),
	[PCI_EXT_CAP_ID_PTM] = NAMES(ptm),	   [PCICFG_EXT_CAP_ID_RTR] = NAMES(rtr),  [PCI_EXT_CAP_ID_DVSEC] = NAMES(dvsec),
	[PCI_EXT_CAP_ID_VF_REBAR] = NAMES(rebar), [PCI_EXT_CAP_ID_DOE] = NAMES(doe),	  [PCI_EXT_CAP_ID_DEV3] = NAMES(dev3),
};
/* clang-format on */

const struct pcicfg_register *pcicfg_names_without_table(bool is_extended, unsigned int id, size_t *count)
{
	const struct names *found = is_extended ? &ext_names[id] : &std_names[id];

	*count = found->count;
	return found->registers;
}
