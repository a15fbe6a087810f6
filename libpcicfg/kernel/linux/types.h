/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef SHIM_LINUX_TYPES_H
#define SHIM_LINUX_TYPES_H

/*
 * The handful of kernel headers that port.h asks for, as far as the engine needs them: the ordinary build compiles the
 * engine with the kernel's flags against them alone, so that what would not compile in a module does not compile here.
 */
#ifdef __CHECKER__
#define __bitwise __attribute__((bitwise))
#define __force	  __attribute__((force))
#else
#define __bitwise
#define __force
#endif

typedef __UINT8_TYPE__ __u8;
typedef __UINT16_TYPE__ __u16;
typedef __UINT32_TYPE__ __u32;
typedef __UINT64_TYPE__ __u64;
typedef __u32 __bitwise __le32;
typedef __SIZE_TYPE__ size_t;
typedef _Bool bool;

#define true 1
#define false 0
#define NULL ((void *)0)

#endif
