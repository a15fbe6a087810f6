/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "libpcicfg/tables.h"

/* clang-format off */

/*
 * Devices whose drivers need registers that are in no capability. A quirk opens bytes that no capability claims, and
 * never those of a hidden one. Each entry says who needs it; what it lets the user do the user can do in a BAR as well.
 */
const struct pcicfg_quirk pcicfg_quirks[] = {
#define BE2NET(id) \
	{ 0x19a2, id, 0x58, 0x5b, PLAIN_READ, WHY("SLI_INTF", "be2net, be2iscsi: which interface the chip speaks.") }, \
	{ 0x19a2, id, 0xa0, 0xaf, PLAIN_READ, WHY("UE_STATUS", "be2net, be2iscsi: unrecoverable errors and their masks.") }, \
	{ 0x19a2, id, 0xfc, 0xff, PLAIN_RAW, WHY("MEMBAR_CTRL_INT_CTRL", "be2net, be2iscsi: the chip's interrupt enable.") }
	BE2NET(0x0211), BE2NET(0x0212), BE2NET(0x0221), BE2NET(0x0222), BE2NET(0x0700), BE2NET(0x0702), BE2NET(0x0710),
	BE2NET(0x0712),
#undef BE2NET
#define TG3(id) \
	{ 0x14e4, id, 0x68, 0x87, PLAIN_RAW, WHY("MISC_HOST_CTRL to MEM_WIN_DATA", "tg3: its window into the chip's registers, " \
						"which are in BAR 0, too; it is used before BAR 0 can be.") }
	TG3(0x1657), TG3(0x165f), TG3(0x1682), TG3(0x1686), TG3(0x1687),
#undef TG3
};

const unsigned int pcicfg_quirk_count = ARRAY_SIZE(pcicfg_quirks);
