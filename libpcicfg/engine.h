/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef PCICFG_ENGINE_H
#define PCICFG_ENGINE_H

#include "libpcicfg/tables.h"

/* What the files of the engine share. struct pcicfg.flags: */
#define CFG_VF	   0x01 /* a virtual function */
#define CFG_FLR	   0x02 /* PCI Express says that it can be reset (FLR) */
#define CFG_AF_FLR 0x04 /* Advanced Features says so */
#define CFG_D1	   0x08 /* power state D1 is supported */
#define CFG_D2	   0x10

/* An entry of struct pcicfg.map. */
#define ENTRY(table, row) ((__u16)((table) << 8 | (row)))

static inline const struct pcicfg_row *row_of(const struct pcicfg *cfg, __u16 offset)
{
	__u16 entry = cfg->map[offset / 4];

	return &pcicfg_tables[entry >> 8].row[entry & 0xff];
}

/* The dword that @offset is in, as the user sees its virtual bits. */
static inline __u32 user_dword(const struct pcicfg *cfg, __u16 offset)
{
	return le32_to_cpu(cfg->user[offset / 4]);
}

static inline void set_user_dword(struct pcicfg *cfg, __u16 offset, __u32 value)
{
	cfg->user[offset / 4] = cpu_to_le32(value);
}

/* The bits of its dword that an access covers. */
static inline __u32 lanes_of(__u16 offset, unsigned int width)
{
	return (width == 4 ? 0xffffffffu : (1u << 8 * width) - 1) << 8 * (offset & 3);
}

static inline int hw_read(const struct pcicfg *cfg, __u16 offset, unsigned int width, __u32 *value)
{
	return cfg->hw->read(cfg->context, offset, width, value);
}

static inline int hw_write(const struct pcicfg *cfg, __u16 offset, unsigned int width, __u32 value)
{
	return cfg->hw->write(cfg->context, offset, width, value);
}

/* shape.c */

/* How a capability that was found is laid out. */
struct shape {
	__u8 decision; /* enum pcicfg_decision */
	__u8 table;    /* enum pcicfg_table_id; TABLE_PLAIN: first and rest say which rows */
	__u8 first;    /* enum pcicfg_plain_row of the header */
	__u8 rest;     /* of the other dwords; PLAIN_READ or PLAIN_RAW */
	bool has_tail; /* may end within a dword: what is its own there is read-only, as a write would reach beyond */
	__u16 length;
};

/**
 * pcicfg_shape() - how long the capability at @pos is and which rows it has
 * @capability: its entry in pcicfg_std_caps[] or pcicfg_ext_caps[]
 * @header: its first dword
 * @end: where its space ends
 *
 * A length that is too short for what it has to hold, or that reaches beyond @end, makes it a hidden one.
 *
 * Return: 0, or what a read returned.
 */
int pcicfg_shape(const struct pcicfg *cfg, const struct pcicfg_capability *capability, __u16 pos, __u32 header,
		 __u16 end, struct shape *shape);

/* walk.c */

/** pcicfg_walk() - fill map and the user's chain in from the hardware's chains, and open the gaps of quirks. */
int pcicfg_walk(struct pcicfg *cfg, const struct pcicfg_facts *facts);

/* reset.c */

/** pcicfg_list_host_regs() - which registers there are to be remembered. */
void pcicfg_list_host_regs(struct pcicfg *cfg);

/* effects.c */

/* A write as its side effect sees it. */
struct change {
	__u16 offset; /* of the dword */
	__u32 lanes;  /* the bits that the access covered */
	__u32 before; /* the user's dword */
	__u32 after;
	__u32 hw; /* what the hardware had, as far as hw_lanes says that it was asked */
	__u32 hw_lanes;
};

/** pcicfg_effect() - carry out in the model what a write to a marked register means, and say what the owner has to do.
 */
void pcicfg_effect(struct pcicfg *cfg, enum pcicfg_mark mark, const struct change *change,
		   struct pcicfg_events *events);

#endif
