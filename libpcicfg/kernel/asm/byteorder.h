/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef SHIM_ASM_BYTEORDER_H
#define SHIM_ASM_BYTEORDER_H

#include <linux/types.h>

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define cpu_to_le32(value) ((__force __le32)(__u32)(value))
#define le32_to_cpu(value) ((__force __u32)(__le32)(value))
#else
#define cpu_to_le32(value) ((__force __le32)__builtin_bswap32(value))
#define le32_to_cpu(value) __builtin_bswap32((__force __u32)(__le32)(value))
#endif

#endif
