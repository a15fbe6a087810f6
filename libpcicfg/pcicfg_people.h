/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef PCICFG_PEOPLE_H
#define PCICFG_PEOPLE_H

/*
 * libpcicfg for people: names, reasons, and where a config space comes from. User space only.
 */
#include "pcicfg.h"
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * enum pcicfg_condition - what a bit is to the user
 * @PCICFG_HIDDEN: reads as 0, ignores writes
 * @PCICFG_FIXED: what we put there, for ever
 * @PCICFG_READ_ONLY: the hardware's, to be seen
 * @PCICFG_VIRTUAL: the user's own, that hardware never sees
 * @PCICFG_PASSED: the hardware's, and the user's to change
 */
enum pcicfg_condition {
	PCICFG_HIDDEN,
	PCICFG_FIXED,
	PCICFG_READ_ONLY,
	PCICFG_VIRTUAL,
	PCICFG_PASSED,
	PCICFG_CONDITIONS
};

/** pcicfg_condition_name() - "hidden", "fixed", "read-only", "virtual", "passed". */
const char *pcicfg_condition_name(enum pcicfg_condition condition);

/** pcicfg_conditions() - of the dword at @offset, which bits are in which condition: 32 bits that are each in one mask.
 */
void pcicfg_conditions(const struct pcicfg *cfg, __u16 offset, __u32 masks[PCICFG_CONDITIONS]);

/* A field of a register: one flag, or a number. */
struct pcicfg_field {
	__u32 mask;
	const char *name;
};

#define PCICFG_FIELDS_MAX 16

/* A register of a capability, or of the header. */
struct pcicfg_register {
	__u16 offset; /* in its capability */
	__u16 width;
	const char *name;
	struct pcicfg_field field[PCICFG_FIELDS_MAX]; /* ends with a mask of 0 */
};

/**
 * struct pcicfg_found - a capability of the hardware
 * @offset: where it is; 0: the header
 * @id: its id
 * @is_extended: whether it is one of the extended space
 * @is_shown: whether the user's chain leads to it
 * @length: how much of it is known, in bytes
 * @name: NULL: nobody knows it
 * @why: why it is shown or hidden; NULL with the name
 * @registers: its first registers, or all, in ascending order of offset
 * @register_count: how many; 0: nobody named them
 */
struct pcicfg_found {
	__u16 offset;
	__u16 id;
	bool is_extended;
	bool is_shown;
	__u16 length;
	const char *name;
	const char *why;
	const struct pcicfg_register *registers;
	size_t register_count;
};

#define PCICFG_FOUND_MAX 64

/**
 * pcicfg_find() - all of a function's capabilities, hidden ones too, in the order of its chains; the header first
 * @found: PCICFG_FOUND_MAX of them; a function that has more has the rest left out
 *
 * Return: how many, or what a read returned.
 */
int pcicfg_find(const struct pcicfg *cfg, struct pcicfg_found found[PCICFG_FOUND_MAX]);

/* ---- where a config space comes from ---- */

/* A recorded config space, and pcicfg_dump_hw's context: reads and writes go to the memory. */
struct pcicfg_dump {
	__u16 size;	/* PCICFG_SIZE_PCI or PCICFG_SIZE_PCIE */
	__u16 recorded; /* bytes that were there, at least the header's 64; the others are 0 */
	__u8 memory[PCICFG_SIZE_PCIE];
};

extern const struct pcicfg_hw pcicfg_dump_hw;

/**
 * pcicfg_dump_parse() - read a recording: what "lspci -x", "-xxx" or "-xxxx" prints (of its first function), or the
 * bytes as they are in sysfs: 64, 256 or 4096
 *
 * Return: 0, -EINVAL (neither of both), -ENODATA (less than the header's 64 bytes) or -EILSEQ (a line is missing, twice
 * there, damaged, or beyond the space).
 */
int pcicfg_dump_parse(struct pcicfg_dump *dump, const void *data, size_t size);

/**
 * pcicfg_dump_facts() - what a recording lets one guess: a BAR is as long as its address is aligned, and at most 1 MiB
 */
void pcicfg_dump_facts(const struct pcicfg_dump *dump, struct pcicfg_facts *facts);

/**
 * pcicfg_sysfs_read() - record a function of this machine, and ask the kernel for the facts
 * @root: "/sys", or where a copy of it is
 * @address: "0000:01:00.0"
 *
 * Only root sees more than the header: others get a dump whose capabilities are missing.
 *
 * Return: 0, or a negative errno: -ENODEV (no such function), -EIO (what sysfs says makes no sense).
 */
int pcicfg_sysfs_read(const char *root, const char *address, struct pcicfg_dump *dump, struct pcicfg_facts *facts);

/**
 * pcicfg_sysfs_read_user() - record what the user of a function of this machine sees of it now, as vfiod_pci(4) tells
 * @root: "/sys", or where a copy of it is
 * @address: "0000:01:00.0"
 *
 * Return: 0, or a negative errno: -ENODEV (no such function), -EOPNOTSUPP (its driver is not vfiod_pci), -EACCES (only
 * root may), -ENOTCONN (nobody has it open), -EIO (what sysfs says makes no sense).
 */
int pcicfg_sysfs_read_user(const char *root, const char *address, struct pcicfg_dump *dump);

#ifdef __cplusplus
}
#endif

#endif
