/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "libpcicfg/tables.h"

/* clang-format off */

/* The type 0 header: PCIe 6.0 §7.5.1.1 and §7.5.1.2, PCI 3.0 §6.1. Sections in WHY(): see tables.h. */

#define STATUS_RW1C \
	(PCI_STATUS_PARITY | PCI_STATUS_SIG_TARGET_ABORT | PCI_STATUS_REC_TARGET_ABORT | \
	 PCI_STATUS_REC_MASTER_ABORT | PCI_STATUS_SIG_SYSTEM_ERROR | PCI_STATUS_DETECTED_PARITY)

/* SPECIAL, VGA_PALETTE, WAIT and FAST_BACK are neither: what a function does to its bus is the host's. */
#define COMMAND_PASSED \
	(PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER | PCI_COMMAND_INVALIDATE | PCI_COMMAND_PARITY)
#define COMMAND_VIRTUAL (PCI_COMMAND_SERR | PCI_COMMAND_INTX_DISABLE)

#define BAR_ROW(section) \
	{ \
		.virt = ALL, .write = ALL, .mark = PCICFG_MARK_BAR, \
		WHY(section, "Addresses on the bus are the host's to give. The user's are virtual: they can be sized " \
				 "and set as in hardware, masked as they are written, and start at 0.") \
	}

#define LATENCY_ROW \
	{ \
		.virt = WORD0(0xffff), .write = WORD0(0xffff), .start = WORD0(0xffff), \
		WHY("7.5.1.1.7", "Cache line size and latency timer describe the host's CPU and bus: virtual. Header type " \
				 "is read-only, and so is BIST: a function in self test does not answer, and is reset " \
				 "behind the host's back.") \
	}

#define POINTER_ROW { .virt = ALL, WHY("7.5.1.1.11", "The chain is ours: it leads to what is shown, and nowhere else.") }

#define INTERRUPT_ROW \
	{ \
		.virt = WORD0(0xffff), .write = BYTE0(0xff), .start = BYTE0(0xff), \
		WHY("7.5.1.1.12", "The line is a note of the user's firmware to its drivers: virtual. The pin is fixed, and " \
				  "0 where INTx leads nowhere, as for every VF.") \
	}

const struct pcicfg_row pcicfg_header_rows[PCI_STD_HEADER_SIZEOF / 4] = {
	[PCI_VENDOR_ID / 4] = {
		WHY("7.5.1.1.1", "Read from hardware, so that a function that was pulled out reads as all ones.")
	},
	[PCI_COMMAND / 4] = {
		.virt = WORD0(COMMAND_VIRTUAL) | WORD1(PCI_STATUS_CAP_LIST),
		.write = WORD0(COMMAND_PASSED | COMMAND_VIRTUAL),
		.rw1c = WORD1(STATUS_RW1C),
		.start = WORD0(COMMAND_PASSED | PCI_COMMAND_SERR),
		.mark = PCICFG_MARK_COMMAND,
		WHY("7.5.1.1.3", "Decoding and bus mastering are the function's own. Interrupt Disable is how the host "
				 "masks INTx, and SERR how errors reach its root port: both stay the host's behind a "
				 "virtual bit. Status is the host's to clear.")
	},
	[PCI_CLASS_REVISION / 4] = { WHY("7.5.1.1.5", "Read-only in hardware.") },
	[PCI_CACHE_LINE_SIZE / 4] = LATENCY_ROW,
	[PCI_BASE_ADDRESS_0 / 4] = BAR_ROW("7.5.1.2.1"),
	[PCI_BASE_ADDRESS_1 / 4] = BAR_ROW("7.5.1.2.1"),
	[PCI_BASE_ADDRESS_2 / 4] = BAR_ROW("7.5.1.2.1"),
	[PCI_BASE_ADDRESS_3 / 4] = BAR_ROW("7.5.1.2.1"),
	[PCI_BASE_ADDRESS_4 / 4] = BAR_ROW("7.5.1.2.1"),
	[PCI_BASE_ADDRESS_5 / 4] = BAR_ROW("7.5.1.2.1"),
	[PCI_CARDBUS_CIS / 4] = { WHY("7.5.1.2.2", "Read-only in hardware.") },
	[PCI_SUBSYSTEM_VENDOR_ID / 4] = { WHY("7.5.1.2.3", "Read-only in hardware.") },
	[PCI_ROM_ADDRESS / 4] = BAR_ROW("7.5.1.2.4"),
	[PCI_CAPABILITY_LIST / 4] = POINTER_ROW,
	[0x38 / 4] = { .virt = ALL, WHY("7.5.1.2", "Reserved: hidden.") },
	[PCI_INTERRUPT_LINE / 4] = INTERRUPT_ROW,
};

/* A VF has a header of which most is hardwired to 0 (PCIe 6.0 §9.3.4; each register of §7.5.1 says what it is in a VF). */
const struct pcicfg_row pcicfg_header_vf_rows[PCI_STD_HEADER_SIZEOF / 4] = {
	[PCI_VENDOR_ID / 4] = {
		.virt = ALL,
		WHY("7.5.1.1.1", "A VF's own register reads as all ones: fixed, as the kernel computed them.")
	},
	[PCI_COMMAND / 4] = {
		.virt = WORD0(~PCI_COMMAND_MASTER & 0xffff) | WORD1(PCI_STATUS_CAP_LIST),
		.write = WORD0(PCI_COMMAND_MASTER),
		.rw1c = WORD1(STATUS_RW1C),
		.start = WORD0(PCI_COMMAND_MASTER),
		.mark = PCICFG_MARK_COMMAND,
		WHY("7.5.1.1.3", "A VF decodes memory whenever its PF lets it, and its own bit is wired to 0: the user sees a "
				 "1 that cannot be changed. There is no I/O and no INTx. Bus mastering is its own.")
	},
	[PCI_CLASS_REVISION / 4] = { WHY("7.5.1.1.5", "Read-only in hardware.") },
	[PCI_CACHE_LINE_SIZE / 4] = LATENCY_ROW,
	[PCI_BASE_ADDRESS_0 / 4] = BAR_ROW("7.5.1.2.1"),
	[PCI_BASE_ADDRESS_1 / 4] = BAR_ROW("7.5.1.2.1"),
	[PCI_BASE_ADDRESS_2 / 4] = BAR_ROW("7.5.1.2.1"),
	[PCI_BASE_ADDRESS_3 / 4] = BAR_ROW("7.5.1.2.1"),
	[PCI_BASE_ADDRESS_4 / 4] = BAR_ROW("7.5.1.2.1"),
	[PCI_BASE_ADDRESS_5 / 4] = BAR_ROW("7.5.1.2.1"),
	[PCI_CARDBUS_CIS / 4] = { WHY("7.5.1.2.2", "Read-only in hardware.") },
	[PCI_SUBSYSTEM_VENDOR_ID / 4] = { WHY("7.5.1.2.3", "Read-only in hardware.") },
	[PCI_ROM_ADDRESS / 4] = BAR_ROW("7.5.1.2.4"),
	[PCI_CAPABILITY_LIST / 4] = POINTER_ROW,
	[0x38 / 4] = { .virt = ALL, WHY("7.5.1.2", "Reserved: hidden.") },
	[PCI_INTERRUPT_LINE / 4] = INTERRUPT_ROW,
};
