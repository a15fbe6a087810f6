/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One thing that libpcicfg does, a thousand times: tests/bench/pcicfg.sh counts the instructions. What is not the
 * library's is in functions called bench_*, and left out of the count.
 */
#include "libpcicfg/pcicfg.h"

#include <linux/pci_regs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TIMES 1000

static unsigned char memory[4096];
static struct pcicfg cfg;
static struct pcicfg_facts facts = { .size = PCICFG_SIZE_PCIE, .vendor = 0x8086, .device = 0x10d3 };

static int __attribute__((noinline)) bench_hw_read(void *context, __u16 offset, unsigned int width, __u32 *value)
{
	(void)context;
	*value = 0;
	for (unsigned int i = width; i-- > 0;)
		*value = *value << 8 | memory[offset + i];
	return 0;
}

static int __attribute__((noinline)) bench_hw_write(void *context, __u16 offset, unsigned int width, __u32 value)
{
	(void)context;
	for (unsigned int i = 0; i < width; i++)
		memory[offset + i] = (unsigned char)(value >> 8 * i);
	return 0;
}

static const struct pcicfg_hw hw = { bench_hw_read, bench_hw_write };

static void put(unsigned int offset, __u32 value)
{
	bench_hw_write(NULL, (__u16)offset, 4, value);
}

/* The eight that a server's NIC has, at their usual places. */
static void std_capabilities(void)
{
	static const struct {
		unsigned char at, id;
		unsigned short flags;
	} list[] = {
		{ 0x40, PCI_CAP_ID_PM, 3 },	 { 0x48, PCI_CAP_ID_VPD, 0 },	{ 0x50, PCI_CAP_ID_MSI, 0x180 },
		{ 0x70, PCI_CAP_ID_MSIX, 63 },	 { 0x80, PCI_CAP_ID_SSVID, 0 }, { 0x88, PCI_CAP_ID_AF, 0x0306 },
		{ 0x90, PCI_CAP_ID_VNDR, 0x10 }, { 0xa0, PCI_CAP_ID_EXP, 2 },
	};
	unsigned int count = sizeof(list) / sizeof(*list);

	memory[PCI_STATUS] = PCI_STATUS_CAP_LIST;
	memory[PCI_CAPABILITY_LIST] = list[0].at;
	for (unsigned int i = 0; i < count; i++)
		put(list[i].at, list[i].id | (i + 1 < count ? list[i + 1].at : 0u) << 8 | (__u32)list[i].flags << 16);
}

static void ext_capabilities(void)
{
	static const unsigned short ids[] = {
		PCI_EXT_CAP_ID_ERR,   PCI_EXT_CAP_ID_DSN, PCI_EXT_CAP_ID_VC,   PCI_EXT_CAP_ID_SRIOV,
		PCI_EXT_CAP_ID_ARI,   PCI_EXT_CAP_ID_TPH, PCI_EXT_CAP_ID_LTR,  PCI_EXT_CAP_ID_ACS,
		PCI_EXT_CAP_ID_PASID, PCI_EXT_CAP_ID_ATS, PCI_EXT_CAP_ID_VNDR, PCI_EXT_CAP_ID_PWR,
	};
	unsigned int count = sizeof(ids) / sizeof(*ids), at = 0x100;

	for (unsigned int i = 0; i < count; i++, at += 0x40) {
		put(at, ids[i] | 1u << 16 | (i + 1 < count ? at + 0x40 : 0) << 20);
		if (ids[i] == PCI_EXT_CAP_ID_VNDR)
			put(at + 4, 0x40u << 20);
	}
}

static void __attribute__((noinline)) bench_times(const char *what)
{
	struct pcicfg_events events;
	__u32 value;

	for (unsigned int i = 0; i < TIMES; i++) {
		if (!strcmp(what, "read"))
			pcicfg_read(&cfg, PCI_CLASS_REVISION, 4, &value);
		else if (!strcmp(what, "read-virtual"))
			pcicfg_read(&cfg, PCI_INTERRUPT_LINE, 1, &value);
		else if (!strcmp(what, "write"))
			pcicfg_write(&cfg, 0x94, 4, i, &events);
		else if (!strcmp(what, "write-beside"))
			pcicfg_write(&cfg, 0xa0 + PCI_EXP_DEVCTL2, 2, i & 0xf, &events);
		else if (!strcmp(what, "write-virtual"))
			pcicfg_write(&cfg, PCI_INTERRUPT_LINE, 1, i & 0xf, &events);
		else if (!strcmp(what, "open"))
			pcicfg_open(&cfg, &facts, &hw, NULL);
	}
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "size")) {
		printf("%zu\n", sizeof(cfg));
		return 0;
	}
	if (argc != 3) {
		fputs("usage: pcicfg read|read-virtual|write|write-beside|write-virtual|open 8|20\n", stderr);
		return 2;
	}
	put(PCI_VENDOR_ID, 0x10d38086);
	std_capabilities();
	if (!strcmp(argv[2], "20"))
		ext_capabilities();
	if (pcicfg_open(&cfg, &facts, &hw, NULL))
		return 1;
	bench_times(argv[1]);
	return 0;
}
