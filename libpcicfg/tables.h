/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef PCICFG_TABLES_H
#define PCICFG_TABLES_H

/*
 * The policy, as data. Two kinds of tables:
 *
 * - per register, in rows of four bytes: what the user sees and may change in a capability that is shown (struct row);
 * - per capability id: whether it is shown at all (struct capability).
 *
 * Reading a row. Each of the 32 bits is in one of five conditions:
 *
 *	virt	write
 *	  0	  0	read-only: the user sees the hardware's bit and cannot change it
 *	  0	  1	passed through: the user's reads and writes reach the hardware
 *	  1	  1	virtual: a bit of ours behaves as the hardware's would; the hardware's stays the host's
 *	  1	  0	fixed: the user sees what we put there at open, and 0 where we put nothing: hidden
 *
 * and rw1c marks, whoever it belongs to, a hardware bit that writing 1 clears: a read-modify-write of its neighbours
 * must write 0 to it. The user may clear it only if it is in write, too.
 *
 * start says which bits begin, at open, as the hardware has them; all others begin at 0.
 *
 * To add a capability: (1) its registers as a table here and in tables_std.c or tables_ext.c, (2) its decision in
 * pcicfg_std_caps[] or pcicfg_ext_caps[], with how long it is, (3) its names in names.c and what its user may do in
 * tests/unit/pcicfg_owner.c, which knows the policy a second time.
 */
#include "libpcicfg/pcicfg.h"
#include "libpcicfg/port.h"

struct pcicfg_row {
	__u32 virt;
	__u32 write;
	__u32 rw1c;
	__u32 start;
	__u8 mark; /* enum pcicfg_mark */
#if PCICFG_FOR_PEOPLE
	const char *spec; /* section of the specification */
	const char *why;
#endif
};

/*
 * The reason of a row or a decision, for pcicfg-policy(7) and for who reads the table; nothing of it in the kernel. A
 * section without a name is one of the PCI Express Base Specification 6.0, as are those in comments that say
 * "PCIe 6.0"; up to 6.3 they are the same, before 6.0 many were others.
 */
#if PCICFG_FOR_PEOPLE
#define WHY(section, reason) .spec = (section), .why = (reason)
#define NAMED(short_name)    .name = (short_name),
#else
#define WHY(section, reason)
#define NAMED(short_name)
#endif

/* Where in its dword a register of less than four bytes is: byte or word number */
#define BYTE0(bits) ((__u32)(bits))
#define BYTE1(bits) ((__u32)(bits) << 8)
#define BYTE2(bits) ((__u32)(bits) << 16)
#define BYTE3(bits) ((__u32)(bits) << 24)
#define WORD0(bits) ((__u32)(bits))
#define WORD1(bits) ((__u32)(bits) << 16)
#define ALL	    0xffffffffu

/* Of each standard capability: id and next pointer are what the walk put there. */
#define STD_HEADER WORD0(0xffff)

/* Which table of rows a dword is in: the upper byte of struct pcicfg.map. */
enum pcicfg_table_id {
	TABLE_PLAIN, /* hidden, read-only and raw dwords; 0, so that an empty map hides everything */
	TABLE_HEADER,
	TABLE_HEADER_VF,
	TABLE_PM,
	TABLE_VPD,
	TABLE_MSI_32,
	TABLE_MSI_64,
	TABLE_MSI_32_MASK,
	TABLE_MSI_64_MASK,
	TABLE_PCIX,
	TABLE_EXP,
	TABLE_MSIX,
	TABLE_AF,
	TABLE_AER,
	TABLE_PWR,
	TABLE_VSEC,
	TABLE_COUNT
};

/* Rows of TABLE_PLAIN; a capability's last dword may be its own in part only. */
enum pcicfg_plain_row {
	PLAIN_HIDDEN,
	PLAIN_STD_HEADER_ONLY, /* id and next pointer, nothing else */
	PLAIN_STD_HEADER,      /* of a read-only capability */
	PLAIN_STD_HEADER_3,    /* of one of three bytes */
	PLAIN_STD_HEADER_RAW,  /* of a vendor's capability */
	PLAIN_EXT_HEADER,
	PLAIN_READ,
	PLAIN_READ_1, /* the first byte */
	PLAIN_READ_2,
	PLAIN_READ_3,
	PLAIN_RAW,
	PLAIN_COUNT
};

struct pcicfg_table {
	const struct pcicfg_row *row;
	__u16 count;
};

extern const struct pcicfg_table pcicfg_tables[TABLE_COUNT];

enum pcicfg_decision {
	DECISION_NONE,	    /* nobody thought about it: a test fails */
	DECISION_SHOWN,	    /* by the rows of its table */
	DECISION_READ_ONLY, /* the user sees all of it and changes nothing */
	DECISION_HIDDEN,    /* not in the user's chain; reads 0, ignores writes */
};

/* How long a capability is and which table it has, when its own registers say so. */
enum pcicfg_shape_id {
	SHAPE_FIXED, /* as long and with the table as the entry says */
	SHAPE_MSI,
	SHAPE_PCIX,
	SHAPE_VNDR,
	SHAPE_EXP,
	SHAPE_SATA,
	SHAPE_VC,
	SHAPE_DPA,
	SHAPE_VSEC,
	SHAPE_DVSEC,
};

struct pcicfg_capability {
	__u8 decision;
	__u8 shape;   /* enum pcicfg_shape_id */
	__u8 table;   /* enum pcicfg_table_id, for DECISION_SHOWN */
	__u8 many;    /* may be there more than once */
	__u16 length; /* in bytes; of a hidden one that varies: what it has at least */
#if PCICFG_FOR_PEOPLE
	const char *name;
	const char *spec;
	const char *why;
#endif
};

#define PCICFG_STD_CAPS (PCICFG_CAP_ID_FPB + 1)
#define PCICFG_EXT_CAPS (PCICFG_EXT_CAP_ID_CAPTURED + 1)

extern const struct pcicfg_capability pcicfg_std_caps[PCICFG_STD_CAPS];
extern const struct pcicfg_capability pcicfg_ext_caps[PCICFG_EXT_CAPS];

/* A gap between capabilities that a real device's driver needs. */
struct pcicfg_quirk {
	__u16 vendor;
	__u16 device;
	__u16 first; /* bytes; whole dwords */
	__u16 last;
	__u8 row; /* PLAIN_READ or PLAIN_RAW */
#if PCICFG_FOR_PEOPLE
	const char *spec;
	const char *why;
#endif
};

extern const struct pcicfg_quirk pcicfg_quirks[];
extern const unsigned int pcicfg_quirk_count;

extern const struct pcicfg_row pcicfg_header_rows[PCI_STD_HEADER_SIZEOF / 4];
extern const struct pcicfg_row pcicfg_header_vf_rows[PCI_STD_HEADER_SIZEOF / 4];
extern const struct pcicfg_row pcicfg_pm_rows[PCI_PM_SIZEOF / 4];
extern const struct pcicfg_row pcicfg_vpd_rows[PCI_CAP_VPD_SIZEOF / 4];
extern const struct pcicfg_row pcicfg_msi_32_rows[3];
extern const struct pcicfg_row pcicfg_msi_64_rows[4];
extern const struct pcicfg_row pcicfg_msi_32_mask_rows[5];
extern const struct pcicfg_row pcicfg_msi_64_mask_rows[6];
extern const struct pcicfg_row pcicfg_pcix_rows[PCI_CAP_PCIX_SIZEOF_V2 / 4];
extern const struct pcicfg_row pcicfg_exp_rows[PCICFG_SIZEOF_EXP_V2 / 4];
extern const struct pcicfg_row pcicfg_msix_rows[PCI_CAP_MSIX_SIZEOF / 4];
extern const struct pcicfg_row pcicfg_af_rows[2];
extern const struct pcicfg_row pcicfg_aer_rows[PCICFG_SIZEOF_AER / 4];
extern const struct pcicfg_row pcicfg_pwr_rows[PCI_EXT_CAP_PWR_SIZEOF / 4];
extern const struct pcicfg_row pcicfg_vsec_rows[3];

#endif
