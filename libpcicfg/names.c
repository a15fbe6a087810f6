/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "libpcicfg/names.h"

#include "libpcicfg/tables.h"

/* Registers and fields as the specifications call them, in short. */

/* clang-format off: tables */
static const struct pcicfg_register header[] = {
	{ PCI_VENDOR_ID, 2, "Vendor ID", { { 0, NULL } } },
	{ PCI_DEVICE_ID, 2, "Device ID", { { 0, NULL } } },
	{ PCI_COMMAND, 2, "Command", { { PCI_COMMAND_IO, "IO" }, { PCI_COMMAND_MEMORY, "Mem" }, { PCI_COMMAND_MASTER, "BusMaster" }, { PCI_COMMAND_SPECIAL, "SpecCycle" }, { PCI_COMMAND_INVALIDATE, "MemWINV" }, { PCI_COMMAND_VGA_PALETTE, "VGASnoop" }, { PCI_COMMAND_PARITY, "ParErr" }, { PCI_COMMAND_WAIT, "Stepping" }, { PCI_COMMAND_SERR, "SERR" }, { PCI_COMMAND_FAST_BACK, "FastB2B" }, { PCI_COMMAND_INTX_DISABLE, "DisINTx" }, { 0, NULL } } },
	{ PCI_STATUS, 2, "Status", { { PCI_STATUS_INTERRUPT, "INTx" }, { PCI_STATUS_CAP_LIST, "Cap" }, { PCI_STATUS_66MHZ, "66MHz" }, { PCI_STATUS_FAST_BACK, "FastB2B" }, { PCI_STATUS_PARITY, "ParErr" }, { PCI_STATUS_DEVSEL_MASK, "DevSel" }, { PCI_STATUS_SIG_TARGET_ABORT, "SigTAbort" }, { PCI_STATUS_REC_TARGET_ABORT, "RecTAbort" }, { PCI_STATUS_REC_MASTER_ABORT, "RecMAbort" }, { PCI_STATUS_SIG_SYSTEM_ERROR, "SigSERR" }, { PCI_STATUS_DETECTED_PARITY, "DetParErr" }, { 0, NULL } } },
	{ PCI_REVISION_ID, 1, "Revision ID", { { 0, NULL } } },
	{ PCI_CLASS_PROG, 1, "Programming Interface", { { 0, NULL } } },
	{ PCI_CLASS_DEVICE, 2, "Class Code", { { 0, NULL } } },
	{ PCI_CACHE_LINE_SIZE, 1, "Cache Line Size", { { 0, NULL } } },
	{ PCI_LATENCY_TIMER, 1, "Latency Timer", { { 0, NULL } } },
	{ PCI_HEADER_TYPE, 1, "Header Type", { { PCICFG_HEADER_TYPE_MASK, "Layout" }, { 0x80, "MultiFunction" }, { 0, NULL } } },
	{ PCI_BIST, 1, "BIST", { { PCI_BIST_CODE_MASK, "Code" }, { PCI_BIST_START, "Start" }, { PCI_BIST_CAPABLE, "Capable" }, { 0, NULL } } },
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
	{ PCI_PM_PMC, 2, "PM Capabilities", { { PCI_PM_CAP_VER_MASK, "Version" }, { PCI_PM_CAP_DSI, "DSI" }, { PCI_PM_CAP_D1, "D1" }, { PCI_PM_CAP_D2, "D2" }, { PCI_PM_CAP_PME_MASK, "PME" }, { 0, NULL } } },
	{ PCI_PM_CTRL, 2, "PM Control/Status", { { PCI_PM_CTRL_STATE_MASK, "State" }, { PCI_PM_CTRL_NO_SOFT_RESET, "NoSoftRst" }, { PCI_PM_CTRL_PME_ENABLE, "PME-Enable" }, { PCI_PM_CTRL_DATA_SEL_MASK, "DataSel" }, { PCI_PM_CTRL_DATA_SCALE_MASK, "DataScale" }, { PCI_PM_CTRL_PME_STATUS, "PME-Status" }, { 0, NULL } } },
	{ PCI_PM_PPB_EXTENSIONS, 1, "Bridge Extensions", { { 0, NULL } } },
	{ PCI_PM_DATA_REGISTER, 1, "Data", { { 0, NULL } } },
};

static const struct pcicfg_register vpd[] = {
	{ PCI_VPD_ADDR, 2, "VPD Address", { { PCI_VPD_ADDR_MASK, "Address" }, { PCI_VPD_ADDR_F, "F" }, { 0, NULL } } },
	{ PCI_VPD_DATA, 4, "VPD Data", { { 0, NULL } } },
};

static const struct pcicfg_register msi_32[] = {
	{ PCI_MSI_FLAGS, 2, "Message Control", { { PCI_MSI_FLAGS_ENABLE, "Enable" }, { PCI_MSI_FLAGS_QMASK, "Capable" }, { PCI_MSI_FLAGS_QSIZE, "Vectors" }, { PCI_MSI_FLAGS_64BIT, "64bit" }, { PCI_MSI_FLAGS_MASKBIT, "Maskable" }, { 0, NULL } } },
	{ PCI_MSI_ADDRESS_LO, 4, "Message Address", { { 0, NULL } } },
	{ PCI_MSI_DATA_32, 2, "Message Data", { { 0, NULL } } },
};

static const struct pcicfg_register msi_64[] = {
	{ PCI_MSI_FLAGS, 2, "Message Control", { { PCI_MSI_FLAGS_ENABLE, "Enable" }, { PCI_MSI_FLAGS_QMASK, "Capable" }, { PCI_MSI_FLAGS_QSIZE, "Vectors" }, { PCI_MSI_FLAGS_64BIT, "64bit" }, { PCI_MSI_FLAGS_MASKBIT, "Maskable" }, { 0, NULL } } },
	{ PCI_MSI_ADDRESS_LO, 4, "Message Address", { { 0, NULL } } },
	{ PCI_MSI_ADDRESS_HI, 4, "Message Upper Address", { { 0, NULL } } },
	{ PCI_MSI_DATA_64, 2, "Message Data", { { 0, NULL } } },
};

static const struct pcicfg_register msi_32_mask[] = {
	{ PCI_MSI_FLAGS, 2, "Message Control", { { PCI_MSI_FLAGS_ENABLE, "Enable" }, { PCI_MSI_FLAGS_QMASK, "Capable" }, { PCI_MSI_FLAGS_QSIZE, "Vectors" }, { PCI_MSI_FLAGS_64BIT, "64bit" }, { PCI_MSI_FLAGS_MASKBIT, "Maskable" }, { 0, NULL } } },
	{ PCI_MSI_ADDRESS_LO, 4, "Message Address", { { 0, NULL } } },
	{ PCI_MSI_DATA_32, 2, "Message Data", { { 0, NULL } } },
	{ PCI_MSI_MASK_32, 4, "Mask Bits", { { 0, NULL } } },
	{ PCI_MSI_PENDING_32, 4, "Pending Bits", { { 0, NULL } } },
};

static const struct pcicfg_register msi_64_mask[] = {
	{ PCI_MSI_FLAGS, 2, "Message Control", { { PCI_MSI_FLAGS_ENABLE, "Enable" }, { PCI_MSI_FLAGS_QMASK, "Capable" }, { PCI_MSI_FLAGS_QSIZE, "Vectors" }, { PCI_MSI_FLAGS_64BIT, "64bit" }, { PCI_MSI_FLAGS_MASKBIT, "Maskable" }, { 0, NULL } } },
	{ PCI_MSI_ADDRESS_LO, 4, "Message Address", { { 0, NULL } } },
	{ PCI_MSI_ADDRESS_HI, 4, "Message Upper Address", { { 0, NULL } } },
	{ PCI_MSI_DATA_64, 2, "Message Data", { { 0, NULL } } },
	{ PCI_MSI_MASK_64, 4, "Mask Bits", { { 0, NULL } } },
	{ PCI_MSI_PENDING_64, 4, "Pending Bits", { { 0, NULL } } },
};

static const struct pcicfg_register pcix[] = {
	{ PCI_X_CMD, 2, "PCI-X Command", { { PCI_X_CMD_DPERR_E, "DPERE" }, { PCI_X_CMD_ERO, "ERO" }, { PCI_X_CMD_MAX_READ, "MaxRead" }, { PCI_X_CMD_MAX_SPLIT, "MaxSplit" }, { 0, NULL } } },
	{ PCI_X_STATUS, 4, "PCI-X Status", { { PCI_X_STATUS_SPL_DISC, "SplitDiscarded" }, { PCI_X_STATUS_UNX_SPL, "UnexpectedSplit" }, { PCI_X_STATUS_SPL_ERR, "SplitError" }, { 0, NULL } } },
	{ PCI_X_ECC_CSR, 4, "ECC Control/Status", { { 0, NULL } } },
	{ 0x0c, 4, "ECC First Address", { { 0, NULL } } },
	{ 0x10, 4, "ECC Second Address", { { 0, NULL } } },
	{ 0x14, 4, "ECC Attribute", { { 0, NULL } } },
};

static const struct pcicfg_register express[] = {
	{ PCI_EXP_FLAGS, 2, "PCI Express Capabilities", { { PCI_EXP_FLAGS_VERS, "Version" }, { PCI_EXP_FLAGS_TYPE, "Type" }, { PCI_EXP_FLAGS_IRQ, "Message" }, { 0, NULL } } },
	{ PCI_EXP_DEVCAP, 4, "Device Capabilities", { { PCI_EXP_DEVCAP_PAYLOAD, "MaxPayload" }, { PCI_EXP_DEVCAP_PHANTOM, "Phantom" }, { PCI_EXP_DEVCAP_EXT_TAG, "ExtTag" }, { PCI_EXP_DEVCAP_RBER, "RBE" }, { PCI_EXP_DEVCAP_FLR, "FLReset" }, { 0, NULL } } },
	{ PCI_EXP_DEVCTL, 2, "Device Control", { { PCI_EXP_DEVCTL_CERE, "CorrErr" }, { PCI_EXP_DEVCTL_NFERE, "NonFatalErr" }, { PCI_EXP_DEVCTL_FERE, "FatalErr" }, { PCI_EXP_DEVCTL_URRE, "UnsupReq" }, { PCI_EXP_DEVCTL_RELAX_EN, "RlxdOrd" }, { PCI_EXP_DEVCTL_PAYLOAD, "MaxPayload" }, { PCI_EXP_DEVCTL_EXT_TAG, "ExtTag" }, { PCI_EXP_DEVCTL_PHANTOM, "PhantFunc" }, { PCI_EXP_DEVCTL_AUX_PME, "AuxPwr" }, { PCI_EXP_DEVCTL_NOSNOOP_EN, "NoSnoop" }, { PCI_EXP_DEVCTL_READRQ, "MaxReadReq" }, { PCI_EXP_DEVCTL_BCR_FLR, "FLReset" }, { 0, NULL } } },
	{ PCI_EXP_DEVSTA, 2, "Device Status", { { PCI_EXP_DEVSTA_CED, "CorrErr" }, { PCI_EXP_DEVSTA_NFED, "NonFatalErr" }, { PCI_EXP_DEVSTA_FED, "FatalErr" }, { PCI_EXP_DEVSTA_URD, "UnsupReq" }, { PCI_EXP_DEVSTA_AUXPD, "AuxPwr" }, { PCI_EXP_DEVSTA_TRPND, "TransPend" }, { 0, NULL } } },
	{ PCI_EXP_LNKCAP, 4, "Link Capabilities", { { PCI_EXP_LNKCAP_SLS, "Speed" }, { PCI_EXP_LNKCAP_MLW, "Width" }, { PCI_EXP_LNKCAP_ASPMS, "ASPM" }, { PCI_EXP_LNKCAP_PN, "Port" }, { 0, NULL } } },
	{ PCI_EXP_LNKCTL, 2, "Link Control", { { PCI_EXP_LNKCTL_ASPMC, "ASPM" }, { PCI_EXP_LNKCTL_RCB, "RCB" }, { PCI_EXP_LNKCTL_LD, "Disabled" }, { PCI_EXP_LNKCTL_RL, "Retrain" }, { PCI_EXP_LNKCTL_CCC, "CommClk" }, { PCI_EXP_LNKCTL_ES, "ExtSynch" }, { PCI_EXP_LNKCTL_CLKREQ_EN, "ClockPM" }, { 0, NULL } } },
	{ PCI_EXP_LNKSTA, 2, "Link Status", { { PCI_EXP_LNKSTA_CLS, "Speed" }, { PCI_EXP_LNKSTA_NLW, "Width" }, { PCI_EXP_LNKSTA_LT, "Train" }, { PCI_EXP_LNKSTA_SLC, "SlotClk" }, { PCI_EXP_LNKSTA_DLLLA, "DLActive" }, { PCI_EXP_LNKSTA_LBMS, "BWMgmt" }, { PCI_EXP_LNKSTA_LABS, "ABWMgmt" }, { 0, NULL } } },
	{ PCI_EXP_SLTCAP, 4, "Slot Capabilities", { { 0, NULL } } },
	{ PCI_EXP_SLTCTL, 2, "Slot Control", { { 0, NULL } } },
	{ PCI_EXP_SLTSTA, 2, "Slot Status", { { 0, NULL } } },
	{ PCI_EXP_RTCTL, 2, "Root Control", { { 0, NULL } } },
	{ PCI_EXP_RTCAP, 2, "Root Capabilities", { { 0, NULL } } },
	{ PCI_EXP_RTSTA, 4, "Root Status", { { 0, NULL } } },
	{ PCI_EXP_DEVCAP2, 4, "Device Capabilities 2", { { 0, NULL } } },
	{ PCI_EXP_DEVCTL2, 2, "Device Control 2", { { PCI_EXP_DEVCTL2_COMP_TIMEOUT, "Timeout" }, { PCI_EXP_DEVCTL2_COMP_TMOUT_DIS, "TimeoutDis" }, { PCI_EXP_DEVCTL2_ARI, "ARIFwd" }, { PCI_EXP_DEVCTL2_ATOMIC_REQ, "AtomicOps" }, { PCI_EXP_DEVCTL2_ATOMIC_EGRESS_BLOCK, "AtomicBlk" }, { PCI_EXP_DEVCTL2_IDO_REQ_EN, "IDOReq" }, { PCI_EXP_DEVCTL2_IDO_CMP_EN, "IDOCompl" }, { PCI_EXP_DEVCTL2_LTR_EN, "LTR" }, { 0x1000, "10BitTag" }, { PCI_EXP_DEVCTL2_OBFF_WAKE_EN, "OBFF" }, { 0x8000, "PrefixBlk" }, { 0, NULL } } },
	{ PCI_EXP_DEVSTA2, 2, "Device Status 2", { { 0, NULL } } },
	{ PCI_EXP_LNKCAP2, 4, "Link Capabilities 2", { { 0, NULL } } },
	{ PCI_EXP_LNKCTL2, 2, "Link Control 2", { { PCI_EXP_LNKCTL2_TLS, "TargetSpeed" }, { PCI_EXP_LNKCTL2_ENTER_COMP, "Compliance" }, { 0, NULL } } },
	{ PCI_EXP_LNKSTA2, 2, "Link Status 2", { { 0, NULL } } },
};

static const struct pcicfg_register msix[] = {
	{ PCI_MSIX_FLAGS, 2, "Message Control", { { PCI_MSIX_FLAGS_QSIZE, "LastVector" }, { PCI_MSIX_FLAGS_MASKALL, "Masked" }, { PCI_MSIX_FLAGS_ENABLE, "Enable" }, { 0, NULL } } },
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
	{ PCI_ERR_CAP, 4, "AER Capabilities and Control", { { PCI_ERR_CAP_ECRC_GENC, "ECRCGenCap" }, { PCI_ERR_CAP_ECRC_GENE, "ECRCGenEn" }, { PCI_ERR_CAP_ECRC_CHKC, "ECRCChkCap" }, { PCI_ERR_CAP_ECRC_CHKE, "ECRCChkEn" }, { 0, NULL } } },
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
	{ PCI_VNDR_HEADER, 4, "Vendor-Specific Header", { { 0xffff, "ID" }, { 0xf0000, "Revision" }, { 0xfff00000, "Length" }, { 0, NULL } } },
};

/* clang-format on */

#define NAMES(array) { (array), ARRAY_SIZE(array) }

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
