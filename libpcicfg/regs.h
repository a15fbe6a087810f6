/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef PCICFG_REGS_H
#define PCICFG_REGS_H

/*
 * Names that the tables use and that <linux/pci_regs.h> of Linux 6.1 has not got, or has with another value. From the
 * PCI Code and ID Assignment Specification and the PCI Express Base Specification 6.0, in the kernel's spelling where
 * it has one by now.
 */

/* A capability id without a name in any kernel so far */
#define PCICFG_CAP_ID_FPB 0x15 /* Flattening Portal Bridge */

/* Capability ids of the extended space, up to the newest that is known to be assigned */
#ifndef PCI_EXT_CAP_ID_NPEM
#define PCI_EXT_CAP_ID_NPEM 0x29
#endif
#ifndef PCI_EXT_CAP_ID_VF_REBAR
#define PCI_EXT_CAP_ID_VF_REBAR 0x24
#endif
#ifndef PCI_EXT_CAP_ID_PL_32GT
#define PCI_EXT_CAP_ID_PL_32GT 0x2a
#endif
#ifndef PCI_EXT_CAP_ID_DEV3
#define PCI_EXT_CAP_ID_DEV3 0x2f
#endif
#ifndef PCI_EXT_CAP_ID_IDE
#define PCI_EXT_CAP_ID_IDE 0x30
#endif
#ifndef PCI_EXT_CAP_ID_PL_64GT
#define PCI_EXT_CAP_ID_PL_64GT 0x31
#endif
/* without a name in any kernel so far */
#define PCICFG_EXT_CAP_ID_NULL	   0x00
#define PCICFG_EXT_CAP_ID_LNR	   0x1c /* LN Requester */
#define PCICFG_EXT_CAP_ID_MPCIE	   0x20 /* PCIe over M-PHY */
#define PCICFG_EXT_CAP_ID_FRSQ	   0x21 /* Function Readiness Status queueing */
#define PCICFG_EXT_CAP_ID_RTR	   0x22 /* Readiness Time Reporting */
#define PCICFG_EXT_CAP_ID_LMR	   0x27 /* Lane Margining at the Receiver */
#define PCICFG_EXT_CAP_ID_HID	   0x28 /* Hierarchy ID */
#define PCICFG_EXT_CAP_ID_AP	   0x2b /* Alternate Protocol */
#define PCICFG_EXT_CAP_ID_SFI	   0x2c /* System Firmware Intermediary */
#define PCICFG_EXT_CAP_ID_SHADOW   0x2d /* Shadow Functions */
#define PCICFG_EXT_CAP_ID_FLIT_LOG 0x32 /* Flit Logging */
#define PCICFG_EXT_CAP_ID_FLIT_PM  0x33 /* Flit Performance Measurement */
#define PCICFG_EXT_CAP_ID_FLIT_EI  0x34 /* Flit Error Injection */
#define PCICFG_EXT_CAP_ID_SVC	   0x35 /* Streamlined Virtual Channel */
#define PCICFG_EXT_CAP_ID_MRBL	   0x36 /* MMIO Register Block Locator */
#define PCICFG_EXT_CAP_ID_NOP_FLIT 0x37
#define PCICFG_EXT_CAP_ID_SIOV	   0x38 /* Scalable I/O Virtualization */
#define PCICFG_EXT_CAP_ID_PL_128GT 0x39 /* Physical Layer 128 GT/s */
#define PCICFG_EXT_CAP_ID_CAPTURED 0x3a /* Captured Data */

/* Lengths in bytes that have no name, or not the same value in all kernels */
#define PCICFG_SIZEOF_MSI_32	  10 /* PCIe 6.0 §7.7.1: up to Message Data */
#define PCICFG_SIZEOF_MSI_64	  14
#define PCICFG_SIZEOF_MSI_32_MASK 20 /* up to Pending Bits */
#define PCICFG_SIZEOF_MSI_64_MASK 24
#define PCICFG_SIZEOF_EXP_V2	  0x34 /* §7.5.3: up to Link Status 2; what follows is of slots */
#define PCICFG_SIZEOF_SSVID	  8
#define PCICFG_SIZEOF_DEBUG	  4
#define PCICFG_SIZEOF_ACS	  8
#define PCICFG_SIZEOF_AER	  0x2c /* §7.8.4: up to the Header Log; what follows is of root ports, or a prefix log */
#define PCICFG_SIZEOF_PTM	  12
#define PCICFG_SIZEOF_VNDR_MIN	  3  /* §7.9.4: up to the length byte */
#define PCICFG_SIZEOF_VSEC_MIN	  8  /* §7.9.5: up to the header */
#define PCICFG_SIZEOF_DVSEC_MIN	  12 /* §7.9.6 */

/* Registers and bits */
#define PCICFG_STD_CAP_LENGTH	    2 /* §7.9.4: the length byte of a vendor-specific capability */
#define PCICFG_HEADER_TYPE_MASK	    0x7f
#define PCICFG_MSI_DATA_MASK	    0xffff
#define PCICFG_MSI_ADDRESS_LO_MASK  0xfffffffcu
#define PCICFG_EXP_DEVSTA_EPRD	    0x0040 /* Emergency Power Reduction Detected */
#define PCICFG_EXP_LNKSTA2_LER	    0x0020 /* Link Equalization Request */
#define PCICFG_PCI_X_STATUS_RW1C    (PCI_X_STATUS_SPL_DISC | PCI_X_STATUS_UNX_SPL | PCI_X_STATUS_SPL_ERR)
#define PCICFG_VENDOR_CXL	    0x1e98 /* the CXL Consortium, as the vendor of a DVSEC */
#define PCICFG_PWR_DATA_SELECT_MASK 0xff

#endif
