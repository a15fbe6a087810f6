/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef PCICFG_PORT_H
#define PCICFG_PORT_H

/*
 * The only place that knows the kernel from user space. The engine's files take all of the outside from here: the names
 * of PCI registers, errno, memset(), cpu_to_le32() and le32_to_cpu(), ARRAY_SIZE(), __ffs(), noinline.
 *
 * PCICFG_FOR_PEOPLE: the tables carry names and reasons, too.
 */
#ifdef __KERNEL__

#include <asm/byteorder.h>
#include <linux/bitops.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/pci_regs.h>
#include <linux/string.h>
#include <linux/types.h>

#define PCICFG_FOR_PEOPLE 0

#else

#include <endian.h>
#include <errno.h>
#include <linux/pci_regs.h>
#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#define PCICFG_FOR_PEOPLE 1

#ifndef __force
#ifdef __CHECKER__
#define __force __attribute__((force))
#else
#define __force
#endif
#endif

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))
#define noinline	  __attribute__((noinline))

static inline __le32 cpu_to_le32(__u32 value)
{
	return (__force __le32)htole32(value);
}

static inline __u32 le32_to_cpu(__le32 value)
{
	return le32toh((__force __u32)value);
}

/* The lowest bit of a word that is not 0. */
static inline unsigned long __ffs(unsigned long word)
{
	return (unsigned long)__builtin_ctzl(word);
}

#endif /* __KERNEL__ */

#include "libpcicfg/regs.h"

#endif
