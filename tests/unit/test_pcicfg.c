/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libpcicfg by example. "review N" is an objection of the review of 2010 that asked for this library, in its order;
 * "DN" a defect of the driver in the kernel. tests/mutate-pcicfg puts each of these faults in and wants the test to
 * fail.
 */
#include "libpcicfg/tables.h"
#include "tests/unit/pcicfg_hw.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct hw hw;
static struct pcicfg cfg;
static struct pcicfg_facts facts;
static struct pcicfg_events events;

/* ---- words for the tests ---- */

/* A NIC of 4096 bytes without capabilities: a memory BAR of 64 bits and 128 KiB, I/O ports, a ROM. */
static void a_function(void)
{
	hw_init(&hw, 4096);
	hw_put(&hw, PCI_VENDOR_ID, 4, 0x10d38086);
	hw_put(&hw, PCI_COMMAND, 2, 0);
	hw_put(&hw, PCI_CLASS_REVISION, 4, 0x02000001);
	hw_put(&hw, PCI_BASE_ADDRESS_0, 4, 0xfebc0004);
	hw_put(&hw, PCI_BASE_ADDRESS_2, 4, 0x0000c001);
	hw_put(&hw, PCI_INTERRUPT_PIN, 1, 1);
	hw_mark_rw1c(&hw, PCI_STATUS, 2, 0xf900);
	memset(&facts, 0, sizeof(facts));
	facts.size = PCICFG_SIZE_PCIE;
	facts.vendor = 0x8086;
	facts.device = 0x10d3;
	facts.bar[0].length = 128 << 10;
	facts.bar[0].flags = PCICFG_BAR_64BIT;
	facts.bar[2].length = 32;
	facts.bar[2].flags = PCICFG_BAR_IO;
	facts.bar[PCICFG_ROM].length = 256 << 10;
}

/* The first capability is at @pos. */
static void begin_chain(uint8_t pos)
{
	hw_put(&hw, PCI_STATUS, 2, hw_get(&hw, PCI_STATUS, 2) | PCI_STATUS_CAP_LIST);
	hw_put(&hw, PCI_CAPABILITY_LIST, 1, pos);
}

static void capability(uint8_t pos, uint8_t id, uint8_t next, uint16_t flags)
{
	hw_put(&hw, pos, 4, id | (uint32_t)next << 8 | (uint32_t)flags << 16);
}

static void ext_capability(uint16_t pos, uint16_t id, uint16_t next)
{
	hw_put(&hw, pos, 4, id | 1u << 16 | (uint32_t)next << 20);
}

static void open_function(void)
{
	ck_assert_int_eq(pcicfg_open(&cfg, &facts, &hw_access, &hw), 0);
	hw_forget(&hw);
}

static uint32_t reads(uint16_t offset, unsigned int width)
{
	uint32_t value = 0;

	ck_assert_int_eq(pcicfg_read(&cfg, offset, width, &value), 0);
	return value;
}

static void writes(uint16_t offset, unsigned int width, uint32_t value)
{
	hw_user_writes(&hw, offset, width, value);
	ck_assert_int_eq(pcicfg_write(&cfg, offset, width, value, &events), 0);
	ck_assert_uint_eq(hw.bad, 0);
	ck_assert(!hw.cleared_unasked);
}

static void assert_no_event(void)
{
	ck_assert_uint_eq(events.count, 0);
}

static void assert_event(enum pcicfg_event_kind kind, uint32_t before, uint32_t after)
{
	ck_assert_uint_eq(events.count, 1);
	ck_assert_uint_eq(events.event[0].kind, kind);
	ck_assert_uint_eq(events.event[0].before, before);
	ck_assert_uint_eq(events.event[0].after, after);
}

/* The user sees no capability at all. */
static void assert_no_chain(void)
{
	ck_assert_uint_eq(reads(PCI_CAPABILITY_LIST, 1), 0);
	ck_assert_uint_eq(reads(PCI_STATUS, 2) & PCI_STATUS_CAP_LIST, 0);
}

/* What is there is hidden: it reads 0, and ones that are written do not arrive. */
static void assert_hidden(uint16_t offset, unsigned int bytes)
{
	for (unsigned int i = 0; i < bytes; i++) {
		uint32_t before = hw_get(&hw, (uint16_t)(offset + i), 1);

		ck_assert_uint_eq(reads((uint16_t)(offset + i), 1), 0);
		writes((uint16_t)(offset + i), 1, 0xff);
		ck_assert_uint_eq(hw_get(&hw, (uint16_t)(offset + i), 1), before);
		ck_assert_uint_eq(reads((uint16_t)(offset + i), 1), 0);
	}
}

#define MSI	  0x50
#define EXP	  0x70
#define PM	  0x40
#define MSIX	  0xb0
#define VNDR	  0xc0
#define VECTORS_8 0x0006 /* PCI_MSI_FLAGS_QMASK */

/* PM, MSI with 64 bits and masks for 8 vectors, PCI Express, MSI-X with 40 vectors */
static void a_usual_function(void)
{
	a_function();
	begin_chain(PM);
	capability(PM, PCI_CAP_ID_PM, MSI, 0xc803 | PCI_PM_CAP_D1);
	hw_mark_rw1c(&hw, PM + PCI_PM_CTRL, 2, PCI_PM_CTRL_PME_STATUS);
	capability(MSI, PCI_CAP_ID_MSI, EXP, PCI_MSI_FLAGS_64BIT | PCI_MSI_FLAGS_MASKBIT | VECTORS_8);
	capability(EXP, PCI_CAP_ID_EXP, MSIX, 2);
	hw_put(&hw, EXP + PCI_EXP_DEVCAP, 4, PCI_EXP_DEVCAP_FLR | 2);
	hw_put(&hw, EXP + PCI_EXP_DEVCTL, 2, 0x2810 | 0x20);
	hw_mark_rw1c(&hw, EXP + PCI_EXP_DEVSTA, 2, 0x4f);
	capability(MSIX, PCI_CAP_ID_MSIX, 0, 39);
	hw_put(&hw, MSIX + PCI_MSIX_TABLE, 4, 3);
	open_function();
}

/* ---- the review ---- */

/* review 2, 12: byte order */
START_TEST(the_user_reads_config_space_in_little_endian_bytes)
{
	uint8_t bytes[64];
	__u64 done;

	a_usual_function();
	writes(PCI_BASE_ADDRESS_0, 4, 0x12340000);
	writes(PCI_INTERRUPT_LINE, 1, 11);
	ck_assert_int_eq(pcicfg_read_bytes(&cfg, 0, bytes, sizeof(bytes), &done), 0);
	ck_assert_uint_eq(done, 64);
	ck_assert_uint_eq(bytes[0] | bytes[1] << 8, 0x8086);
	ck_assert_uint_eq(bytes[PCI_BASE_ADDRESS_0], 0x04);
	ck_assert_uint_eq(bytes[PCI_BASE_ADDRESS_0 + 2], 0x34);
	ck_assert_uint_eq(bytes[PCI_BASE_ADDRESS_0 + 3], 0x12);
	ck_assert_uint_eq(bytes[PCI_INTERRUPT_LINE], 11);
	/* the model itself is in the order of config space, too */
	ck_assert_uint_eq(((uint8_t *)cfg.user)[PCI_BASE_ADDRESS_0 + 3], 0x12);
	ck_assert_uint_eq(((uint8_t *)cfg.user)[PCI_INTERRUPT_LINE], 11);
}
END_TEST

/* review 4: "Interrupt disable bit is under host control" */
START_TEST(interrupt_disable_stays_the_hosts_and_the_user_has_a_virtual_one)
{
	a_usual_function();
	writes(PCI_COMMAND, 2, PCI_COMMAND_INTX_DISABLE | PCI_COMMAND_MEMORY);
	ck_assert_uint_eq(reads(PCI_COMMAND, 2), PCI_COMMAND_INTX_DISABLE | PCI_COMMAND_MEMORY);
	ck_assert_uint_eq(hw_get(&hw, PCI_COMMAND, 2), PCI_COMMAND_MEMORY);
	ck_assert_uint_eq(events.count, 2);
	ck_assert_uint_eq(events.event[1].kind, PCICFG_INTX);
	ck_assert_uint_eq(events.event[1].after, 1);
	/* the host masks, and the user's next write does not unmask */
	hw_put(&hw, PCI_COMMAND, 2, PCI_COMMAND_INTX_DISABLE | PCI_COMMAND_MEMORY);
	writes(PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	assert_event(PCICFG_INTX, 1, 0);
	ck_assert_uint_eq(hw_get(&hw, PCI_COMMAND, 2), PCI_COMMAND_INTX_DISABLE | PCI_COMMAND_MEMORY);
	ck_assert_uint_eq(reads(PCI_COMMAND, 2), PCI_COMMAND_MEMORY);
}
END_TEST

/* review 5: "You let guest control MSI mask and do not virtualize, but the host expects to control this register" */
START_TEST(the_hosts_msi_mask_bits_survive_whatever_the_user_masks)
{
	a_usual_function();
	hw_put(&hw, MSI + PCI_MSI_MASK_64, 4, 0x05);
	writes(MSI + PCI_MSI_MASK_64, 4, 0xffffffff);
	assert_event(PCICFG_MSI_MASK, 0, 0xff);
	ck_assert_uint_eq(hw_get(&hw, MSI + PCI_MSI_MASK_64, 4), 0x05);
	ck_assert_uint_eq(reads(MSI + PCI_MSI_MASK_64, 4), 0xff); /* eight vectors, eight bits */
	writes(MSI + PCI_MSI_MASK_64, 1, 0x80);
	assert_event(PCICFG_MSI_MASK, 0xff, 0x80);
	ck_assert_uint_eq(reads(MSI + PCI_MSI_MASK_64, 4), 0x80);
	ck_assert_uint_eq(hw.reads + hw.writes, 0);
}
END_TEST

/* review 5: "Note that if you virtualize it, you will have to virtualize the pending bits too." */
START_TEST(an_msi_that_comes_while_masked_is_pending_and_due_when_unmasked)
{
	a_usual_function();
	hw_put(&hw, MSI + PCI_MSI_PENDING_64, 4, 0xff);
	ck_assert_uint_eq(reads(MSI + PCI_MSI_PENDING_64, 4), 0);
	writes(MSI + PCI_MSI_MASK_64, 4, 0x0a);
	ck_assert(pcicfg_msi_held(&cfg, 1) && !pcicfg_msi_held(&cfg, 2) && !pcicfg_msi_held(&cfg, 8));
	ck_assert(pcicfg_msi_raise(&cfg, 0));
	ck_assert(!pcicfg_msi_raise(&cfg, 1));
	ck_assert(!pcicfg_msi_raise(&cfg, 3));
	ck_assert(!pcicfg_msi_raise(&cfg, 3));
	ck_assert(!pcicfg_msi_raise(&cfg, 8)); /* there is no such vector */
	ck_assert_uint_eq(reads(MSI + PCI_MSI_PENDING_64, 4), 0x0a);
	ck_assert_int_eq(pcicfg_msi_due(&cfg), -ENOENT);
	writes(MSI + PCI_MSI_PENDING_64, 4, 0);
	ck_assert_uint_eq(reads(MSI + PCI_MSI_PENDING_64, 4), 0x0a);
	writes(MSI + PCI_MSI_MASK_64, 4, 0x02);
	ck_assert_int_eq(pcicfg_msi_due(&cfg), 3);
	ck_assert_int_eq(pcicfg_msi_due(&cfg), -ENOENT);
	ck_assert_uint_eq(reads(MSI + PCI_MSI_PENDING_64, 4), 0x02);
	writes(MSI + PCI_MSI_MASK_64, 4, 0);
	ck_assert_int_eq(pcicfg_msi_due(&cfg), 1);
	ck_assert_uint_eq(reads(MSI + PCI_MSI_PENDING_64, 4), 0);
}
END_TEST

/* review 5, for MSI-X, whose mask bits are in a BAR and in message control */
START_TEST(an_msix_that_comes_while_masked_is_pending_and_due_when_unmasked)
{
	a_usual_function();
	writes(MSIX + PCI_MSIX_FLAGS, 2, PCI_MSIX_FLAGS_ENABLE);
	assert_event(PCICFG_MSIX, 0, PCI_MSIX_FLAGS_ENABLE);
	ck_assert_uint_eq(hw_get(&hw, MSIX + PCI_MSIX_FLAGS, 2), 39);
	ck_assert(pcicfg_msix_raise(&cfg, 39));
	ck_assert(!pcicfg_msix_raise(&cfg, 40)); /* there are 40 */
	ck_assert_int_eq(pcicfg_msix_set_mask(&cfg, 39, true), 0);
	ck_assert_int_eq(pcicfg_msix_set_mask(&cfg, 40, true), -EINVAL);
	ck_assert(pcicfg_msix_masked(&cfg, 39));
	ck_assert(!pcicfg_msix_masked(&cfg, 38) && !pcicfg_msix_masked(&cfg, 40));
	ck_assert(!pcicfg_msix_raise(&cfg, 39));
	ck_assert_uint_eq(pcicfg_msix_pending(&cfg, 1), 1u << 7);
	ck_assert_uint_eq(pcicfg_msix_pending(&cfg, 2), 0);
	ck_assert_int_eq(pcicfg_msix_due(&cfg), -ENOENT);
	writes(MSIX + PCI_MSIX_FLAGS, 2, PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL);
	assert_event(PCICFG_MSIX, PCI_MSIX_FLAGS_ENABLE, PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL);
	ck_assert(pcicfg_msix_held(&cfg, 3) && pcicfg_msix_held(&cfg, 39) && !pcicfg_msix_held(&cfg, 40));
	ck_assert(!pcicfg_msix_raise(&cfg, 3));
	ck_assert_int_eq(pcicfg_msix_set_mask(&cfg, 39, false), 0);
	ck_assert(pcicfg_msix_held(&cfg, 39));
	ck_assert_int_eq(pcicfg_msix_due(&cfg), -ENOENT);
	writes(MSIX + PCI_MSIX_FLAGS, 2, PCI_MSIX_FLAGS_ENABLE);
	ck_assert_int_eq(pcicfg_msix_due(&cfg), 3);
	ck_assert_int_eq(pcicfg_msix_due(&cfg), 39);
	ck_assert_int_eq(pcicfg_msix_due(&cfg), -ENOENT);
}
END_TEST

/* review 6: "Where do you get the number 48?" From nowhere: a chain is as long as it is. */
START_TEST(as_many_capabilities_as_fit_are_found)
{
	unsigned int count = 0;

	a_function();
	begin_chain(0x40);
	for (unsigned int pos = 0x40; pos < 0x100; pos += 4)
		capability((uint8_t)pos, PCI_CAP_ID_VNDR, (uint8_t)(pos + 4), 3);
	for (unsigned int pos = 0x100; pos < 0x1000; pos += 8) {
		ext_capability((uint16_t)pos, PCI_EXT_CAP_ID_VNDR, pos + 8 < 0x1000 ? (uint16_t)(pos + 8) : 0);
		hw_put(&hw, (uint16_t)(pos + 4), 4, 8u << 20);
	}
	open_function();
	for (uint32_t pos = reads(PCI_CAPABILITY_LIST, 1); pos; pos = reads((uint16_t)(pos + 1), 1))
		count++;
	ck_assert_uint_eq(count, 48);
	for (uint32_t pos = 0x100; pos; pos = reads((uint16_t)pos, 4) >> 20)
		count++;
	ck_assert_uint_eq(count, 48 + 480);
}
END_TEST

/* review 8: "this will allocate a 4K for express, but you never even look at express capabilities" */
START_TEST(extended_capabilities_are_walked_and_ruled)
{
	a_function();
	ext_capability(0x100, PCI_EXT_CAP_ID_ERR, 0x140);
	ext_capability(0x140, PCI_EXT_CAP_ID_DSN, 0);
	hw_put(&hw, 0x144, 4, 0x12345678);
	hw_put(&hw, 0x100 + PCI_ERR_UNCOR_MASK, 4, 0x100000);
	open_function();
	ck_assert_uint_eq(reads(0x100, 4), hw_get(&hw, 0x100, 4));
	ck_assert_uint_eq(reads(0x140, 4), hw_get(&hw, 0x140, 4));
	ck_assert_uint_eq(reads(0x144, 4), 0x12345678);
	ck_assert_uint_eq(reads(0x100 + PCI_ERR_UNCOR_MASK, 4), 0x100000);
	writes(0x100 + PCI_ERR_UNCOR_MASK, 4, 0xffff);
	ck_assert_uint_eq(reads(0x100 + PCI_ERR_UNCOR_MASK, 4), 0xffff);
	ck_assert_uint_eq(hw_get(&hw, 0x100 + PCI_ERR_UNCOR_MASK, 4), 0x100000);
}
END_TEST

/* review 9: "it's sometimes indexed by position which is up to cfg_size, so it can crash for pci express" */
START_TEST(the_last_dword_of_4096_bytes_is_the_models_as_well)
{
	uint32_t value;

	a_function();
	ext_capability(0x100, PCI_EXT_CAP_ID_VNDR, 0xff8);
	hw_put(&hw, 0x104, 4, 8u << 20);
	ext_capability(0xff8, PCI_EXT_CAP_ID_VNDR, 0);
	hw_put(&hw, 0xffc, 4, 8u << 20 | 0x1111);
	open_function();
	ck_assert_uint_eq(reads(0xffc, 4), 8u << 20 | 0x1111);
	ck_assert_uint_eq(reads(0xfff, 1), 0);
	ck_assert_int_eq(pcicfg_read(&cfg, 0x1000, 4, &value), -EINVAL);
	ck_assert_uint_eq(sizeof(cfg.user), 4096);
	ck_assert_uint_le(sizeof(cfg), 12 << 10);
}
END_TEST

START_TEST(a_function_of_256_bytes_has_nothing_behind_them)
{
	uint32_t value;

	a_function();
	hw.size = facts.size = 256;
	begin_chain(0xfc);
	capability(0xfc, PCI_CAP_ID_VNDR, 0, 4);
	open_function();
	ck_assert_uint_eq(reads(PCI_CAPABILITY_LIST, 1), 0xfc);
	ck_assert_int_eq(pcicfg_read(&cfg, 0x100, 4, &value), -EINVAL);
	ck_assert_int_eq(pcicfg_write(&cfg, 0x100, 4, 0, &events), -EINVAL);
	ck_assert_uint_eq(pcicfg_mark(&cfg, 0x100), PCICFG_MARK_NONE);
}
END_TEST

/* review 10: "Why don't you mask the appropriate bits on write? This is what real hardware does, after all." */
START_TEST(a_bar_is_masked_as_it_is_written)
{
	a_usual_function();
	ck_assert_uint_eq(reads(PCI_BASE_ADDRESS_0, 4), PCI_BASE_ADDRESS_MEM_TYPE_64);
	writes(PCI_BASE_ADDRESS_0, 4, 0xffffffff);
	/* the model's own memory says so, before anything is read */
	ck_assert_uint_eq(((uint8_t *)cfg.user)[PCI_BASE_ADDRESS_0], PCI_BASE_ADDRESS_MEM_TYPE_64);
	ck_assert_uint_eq(((uint8_t *)cfg.user)[PCI_BASE_ADDRESS_0 + 1], 0);
	ck_assert_uint_eq(reads(PCI_BASE_ADDRESS_0, 4), 0xfffe0004);
	writes(PCI_BASE_ADDRESS_1, 4, 0xffffffff);
	ck_assert_uint_eq(reads(PCI_BASE_ADDRESS_1, 4), 0xffffffff);
	writes(PCI_BASE_ADDRESS_2, 2, 0xffff);
	ck_assert_uint_eq(reads(PCI_BASE_ADDRESS_2, 4), 0x0000ffe1);
	writes(PCI_BASE_ADDRESS_0 + 3, 1, 0x12);
	ck_assert_uint_eq(reads(PCI_BASE_ADDRESS_0, 4), 0x12fe0004);
	ck_assert_uint_eq(hw_get(&hw, PCI_BASE_ADDRESS_0, 4), 0xfebc0004);
	ck_assert_uint_eq(hw.reads + hw.writes, 0);
}
END_TEST

/* review 11: "Not if (pci_resource_len)?" Where a resource is does not matter, and so nobody is asked. */
START_TEST(a_bar_and_a_rom_are_sized_by_the_length_of_their_resource)
{
	a_function();
	facts.bar[3].length = 0x1001; /* of a resource that is no power of two */
	facts.bar[4].length = 1;
	hw_put(&hw, PCI_BASE_ADDRESS_0, 4, 4);	 /* at address 0 */
	hw_put(&hw, PCI_ROM_ADDRESS, 4, 0);	 /* not assigned */
	hw_put(&hw, PCI_BASE_ADDRESS_5, 4, ~0u); /* no resource: not there, whatever it says */
	open_function();
	for (uint16_t at = PCI_BASE_ADDRESS_0; at <= PCI_BASE_ADDRESS_5; at += 4)
		writes(at, 4, 0xffffffff);
	writes(PCI_ROM_ADDRESS, 4, 0xffffffff);
	ck_assert_uint_eq(reads(PCI_BASE_ADDRESS_0, 4), 0xfffe0004);
	ck_assert_uint_eq(reads(PCI_BASE_ADDRESS_3, 4), 0xffffe000);
	ck_assert_uint_eq(reads(PCI_BASE_ADDRESS_4, 4), 0xfffffff0);
	ck_assert_uint_eq(reads(PCI_BASE_ADDRESS_5, 4), 0);
	ck_assert_uint_eq(reads(PCI_ROM_ADDRESS, 4), 0xfffc0001);
}
END_TEST

/* review 13: "Why don't you init all this on open? [...] Less state -> less bugs." */
START_TEST(all_is_set_up_at_open_and_reading_changes_nothing)
{
	struct pcicfg before;

	a_usual_function();
	ck_assert_uint_eq(hw.reads + hw.writes, 0);
	before = cfg;
	for (uint16_t at = 0; at < 4096; at += 4) {
		hw_forget(&hw);
		reads(at, 4);
		ck_assert_uint_le(hw.reads, 1);
		ck_assert_uint_eq(hw.writes, 0);
	}
	ck_assert_int_eq(memcmp(&before, &cfg, sizeof(cfg)), 0);
	hw_forget(&hw);
	ck_assert_uint_eq(reads(MSI + PCI_MSI_ADDRESS_LO, 4), 0);
	ck_assert_uint_eq(hw.reads, 0);
}
END_TEST

/* review 14: "So you split each access to 1 byte accesses. [...] Not atomic at the processor level, atomic at the PCI
 * level." */
START_TEST(an_access_is_one_transaction_of_its_width_or_refused)
{
	uint32_t value;

	a_usual_function();
	for (unsigned int width = 1; width <= 4; width *= 2) {
		hw_forget(&hw);
		reads(PCI_CLASS_REVISION, width);
		ck_assert_uint_eq(hw.reads, 1);
		ck_assert_uint_eq(hw.read_width, width);
	}
	writes(EXP + PCI_EXP_DEVCTL2, 2, 0x0100);
	ck_assert_uint_eq(hw.writes, 1);
	ck_assert_uint_eq(hw.write_width, 2);
	ck_assert_uint_eq(hw.reads, 1); /* the bits beside them */
	hw_forget(&hw);
	ck_assert_int_eq(pcicfg_read(&cfg, 1, 2, &value), -EINVAL);
	ck_assert_int_eq(pcicfg_read(&cfg, 2, 4, &value), -EINVAL);
	ck_assert_int_eq(pcicfg_read(&cfg, 0, 3, &value), -EINVAL);
	ck_assert_int_eq(pcicfg_read(&cfg, 0, 8, &value), -EINVAL);
	ck_assert_int_eq(pcicfg_write(&cfg, 3, 2, 0, &events), -EINVAL);
	ck_assert_int_eq(pcicfg_write(&cfg, 0, 0, 0, &events), -EINVAL);
	ck_assert_uint_eq(hw.reads + hw.writes, 0);
}
END_TEST

/* ---- the defects of the kernel's driver ---- */

/* D1: a length that reaches beyond the end of the space was believed, and memory behind the tables written */
START_TEST(a_capability_that_reaches_beyond_the_space_is_hidden)
{
	static const uint8_t lengths[] = { 0xff, 0x11, 0x12 };

	for (unsigned int i = 0; i < sizeof(lengths); i++) {
		a_function();
		begin_chain(0xf0);
		capability(0xf0, PCI_CAP_ID_VNDR, 0, lengths[i]);
		ext_capability(0x100, PCI_EXT_CAP_ID_DSN, 0xfe0);
		ext_capability(0xfe0, PCI_EXT_CAP_ID_VNDR, 0xff0);
		hw_put(&hw, 0xfe4, 4, 0xfff00000);
		ext_capability(0xff0, PCI_EXT_CAP_ID_DVSEC, 0xffc);
		hw_put(&hw, 0xff4, 4, 0x01100000);
		ext_capability(0xffc, PCI_EXT_CAP_ID_VNDR, 0);
		open_function();
		assert_no_chain();
		assert_hidden(0xf0, 16);
		ck_assert_uint_eq(reads(0x100, 4) >> 20, 0);
		assert_hidden(0xfe0, 32);
	}
	a_function();
	begin_chain(0xf0);
	capability(0xf0, PCI_CAP_ID_VNDR, 0, 16); /* one that just fits is shown */
	open_function();
	ck_assert_uint_eq(reads(PCI_CAPABILITY_LIST, 1), 0xf0);
	writes(0xfc, 4, 0x12345678);
	ck_assert_uint_eq(hw_get(&hw, 0xfc, 4), 0x12345678);
}
END_TEST

/* D2: hidden capabilities were unlinked, and their registers open to raw writes */
START_TEST(registers_of_hidden_capabilities_read_zero_and_ignore_writes)
{
	static const uint16_t ids[] = { PCI_EXT_CAP_ID_PASID, PCI_EXT_CAP_ID_L1SS, PCI_EXT_CAP_ID_DOE,
					PCI_EXT_CAP_ID_SRIOV, PCI_EXT_CAP_ID_ATS,  PCI_EXT_CAP_ID_ARI,
					PCI_EXT_CAP_ID_IDE,   PCI_EXT_CAP_ID_REBAR };
	uint16_t pos = 0x100;

	a_function();
	begin_chain(0x40);
	capability(0x40, PCI_CAP_ID_EA, 0x50, 2);
	capability(0x50, PCI_CAP_ID_HT, 0x60, 0xa801);
	capability(0x60, PCI_CAP_ID_SHPC, 0, 0x1234);
	for (unsigned int i = 0; i < sizeof(ids) / sizeof(*ids); i++, pos += 0x40) {
		ext_capability(pos, ids[i], (uint16_t)(pos + 0x40));
		for (uint16_t at = 4; at < 0x40; at += 4)
			hw_put(&hw, (uint16_t)(pos + at), 4, 0x5a5a5a5a);
	}
	ext_capability(pos, PCI_EXT_CAP_ID_DSN, 0);
	open_function();
	assert_no_chain();
	assert_hidden(0x40, 0xc0);
	ck_assert_uint_eq(reads(0x100, 4), (uint32_t)pos << 20);
	assert_hidden(0x104, pos - 0x104u);
	ck_assert_uint_eq(reads(pos, 2), PCI_EXT_CAP_ID_DSN);
}
END_TEST

/* D3: a read-modify-write wrote back, as a 1, what was pending in rw1c bits beside it */
START_TEST(writing_a_register_does_not_clear_the_status_beside_it)
{
	a_usual_function();
	hw_put(&hw, PCI_STATUS, 2, 0xf910);
	writes(PCI_COMMAND, 4, PCI_COMMAND_MEMORY | 0xf9100000);
	ck_assert_uint_eq(hw_get(&hw, PCI_STATUS, 2), 0xf910);
	writes(PCI_COMMAND, 4, PCI_COMMAND_MASTER);
	ck_assert_uint_eq(hw_get(&hw, PCI_STATUS, 2), 0xf910);
	hw_put(&hw, EXP + PCI_EXP_DEVSTA, 2, 0x4f);
	writes(EXP + PCI_EXP_DEVCTL, 4, 0x004f0000);
	ck_assert_uint_eq(hw_get(&hw, EXP + PCI_EXP_DEVSTA, 2), 0x4f);
	ck_assert_uint_eq(hw_get(&hw, EXP + PCI_EXP_DEVCTL, 2), 0x2820); /* all but relaxed ordering stays */
	hw_put(&hw, PM + PCI_PM_CTRL, 2, PCI_PM_CTRL_PME_STATUS);
	writes(PM + PCI_PM_CTRL, 2, 0x0200 | PCI_PM_CTRL_PME_STATUS);
	ck_assert_uint_eq(hw_get(&hw, PM + PCI_PM_CTRL, 2), 0x0200 | PCI_PM_CTRL_PME_STATUS);
}
END_TEST

/* D4: the number of vectors was clamped in the capability's id byte, and by >= */
START_TEST(more_msi_vectors_than_there_are_become_as_many_as_there_are)
{
	a_usual_function();
	ck_assert_uint_eq(reads(MSI + PCI_MSI_FLAGS, 2) & PCI_MSI_FLAGS_QMASK, VECTORS_8);
	writes(MSI + PCI_MSI_FLAGS, 2, 5 << 4 | PCI_MSI_FLAGS_ENABLE);
	assert_event(PCICFG_MSI, 0, 8);
	ck_assert_uint_eq(reads(MSI + PCI_MSI_FLAGS, 2),
			  3 << 4 | PCI_MSI_FLAGS_ENABLE | VECTORS_8 | PCI_MSI_FLAGS_64BIT | PCI_MSI_FLAGS_MASKBIT);
	ck_assert_uint_eq(reads(MSI, 1), PCI_CAP_ID_MSI);
	writes(MSI + PCI_MSI_FLAGS, 2, 3 << 4 | PCI_MSI_FLAGS_ENABLE);
	assert_no_event();
	ck_assert_uint_eq(reads(MSI + PCI_MSI_FLAGS, 2) & PCI_MSI_FLAGS_QSIZE, 3 << 4);
	writes(MSI + PCI_MSI_FLAGS, 1, 2 << 4 | PCI_MSI_FLAGS_ENABLE);
	assert_event(PCICFG_MSI, 8, 4);
	writes(MSI + PCI_MSI_FLAGS, 2, 0);
	assert_event(PCICFG_MSI, 4, 0);
	ck_assert_uint_eq(hw_get(&hw, MSI + PCI_MSI_FLAGS, 2), PCI_MSI_FLAGS_64BIT | PCI_MSI_FLAGS_MASKBIT | VECTORS_8);
}
END_TEST

/* D5: two capabilities of one id that touch were taken for one, and the second one's header was raw */
START_TEST(two_vendor_capabilities_that_touch_are_two)
{
	a_function();
	begin_chain(0x40);
	capability(0x40, PCI_CAP_ID_VNDR, 0x48, 8);
	capability(0x48, PCI_CAP_ID_VNDR, 0x50, 8);
	capability(0x50, PCI_CAP_ID_EA, 0, 0);
	ext_capability(0x100, PCI_EXT_CAP_ID_VNDR, 0x10c);
	hw_put(&hw, 0x104, 4, 12u << 20);
	ext_capability(0x10c, PCI_EXT_CAP_ID_VNDR, 0x118);
	hw_put(&hw, 0x110, 4, 12u << 20);
	ext_capability(0x118, PCI_EXT_CAP_ID_PASID, 0);
	open_function();
	ck_assert_uint_eq(reads(0x48, 2), PCI_CAP_ID_VNDR); /* its next one is hidden */
	writes(0x48, 4, 0xffffffff);
	ck_assert_uint_eq(hw_get(&hw, 0x48, 4), 0xff085009);
	writes(0x4c, 4, 0x01020304);
	ck_assert_uint_eq(hw_get(&hw, 0x4c, 4), 0x01020304);
	ck_assert_uint_eq(reads(0x10c, 4), PCI_EXT_CAP_ID_VNDR | 1u << 16);
	writes(0x10c, 4, 0xffffffff);
	writes(0x110, 4, 0xffffffff);
	ck_assert_uint_eq(hw_get(&hw, 0x10c, 4), PCI_EXT_CAP_ID_VNDR | 1u << 16 | 0x118u << 20);
	ck_assert_uint_eq(hw_get(&hw, 0x110, 4), 12u << 20);
}
END_TEST

/* D6: pointers into the header, and pointers that are not aligned, were followed */
START_TEST(a_pointer_into_the_header_ends_the_chain)
{
	a_function();
	begin_chain(0x10);
	hw_put(&hw, PCI_BASE_ADDRESS_0, 4, 0x00000001); /* would be Power Management */
	open_function();
	assert_no_chain();
	writes(PCI_BASE_ADDRESS_1, 4, 0x00000003);
	assert_no_event();
	writes(PCI_BASE_ADDRESS_0, 4, 0xffffffff); /* is a BAR still */
	ck_assert_uint_eq(reads(PCI_BASE_ADDRESS_0, 4), 0xfffe0004);
	a_function();
	ext_capability(0x100, PCI_EXT_CAP_ID_DSN, 0x0fc);
	capability(0xfc, PCI_EXT_CAP_ID_VNDR, 0, 0);
	open_function();
	ck_assert_uint_eq(reads(0x100, 4) >> 20, 0);
}
END_TEST

/* D6 */
START_TEST(the_low_two_bits_of_a_pointer_are_ignored)
{
	a_function();
	begin_chain(0x43);
	capability(0x40, PCI_CAP_ID_PM, 0x52, 3);
	capability(0x50, PCI_CAP_ID_SSVID, 0x03, 0);
	ext_capability(0x100, PCI_EXT_CAP_ID_DSN, 0x143);
	ext_capability(0x140, PCI_EXT_CAP_ID_LTR, 0);
	open_function();
	ck_assert_uint_eq(reads(PCI_CAPABILITY_LIST, 1), 0x40);
	ck_assert_uint_eq(reads(0x41, 1), 0x50);
	ck_assert_uint_eq(reads(0x51, 1), 0);
	ck_assert_uint_eq(reads(0x100, 4) >> 20, 0x140);
}
END_TEST

/* D6: a header of all ones is nobody's */
START_TEST(a_header_of_all_ones_ends_the_chain)
{
	a_function();
	begin_chain(0x40);
	capability(0x40, PCI_CAP_ID_PM, 0x50, 3);
	hw_put(&hw, 0x50, 4, ~0u);
	capability(0xfc, PCI_CAP_ID_DBG, 0, 0); /* where all ones would point */
	ext_capability(0x100, PCI_EXT_CAP_ID_DSN, 0x200);
	hw_put(&hw, 0x200, 4, ~0u);
	open_function();
	ck_assert_uint_eq(reads(0x40, 2), PCI_CAP_ID_PM);
	ck_assert_uint_eq(reads(0x100, 4) >> 20, 0);
	assert_hidden(0x50, 4);
}
END_TEST

/* D7: a loop was left in what the user sees */
START_TEST(a_loop_is_cut_where_it_closes)
{
	a_function();
	begin_chain(0x40);
	capability(0x40, PCI_CAP_ID_PM, 0x50, 3);
	capability(0x50, PCI_CAP_ID_VNDR, 0x40, 8);
	ext_capability(0x100, PCI_EXT_CAP_ID_DSN, 0x200);
	ext_capability(0x200, PCI_EXT_CAP_ID_LTR, 0x200);
	open_function();
	ck_assert_uint_eq(reads(0x40, 2), PCI_CAP_ID_PM | 0x50 << 8);
	ck_assert_uint_eq(reads(0x50, 2), PCI_CAP_ID_VNDR);
	ck_assert_uint_eq(reads(0x100, 4) >> 20, 0x200);
	ck_assert_uint_eq(reads(0x200, 4) >> 20, 0);
	/* a loop of nothing but hidden ones */
	a_function();
	begin_chain(0x40);
	capability(0x40, PCI_CAP_ID_EA, 0x50, 0);
	capability(0x50, PCI_CAP_ID_HT, 0x40, 0);
	open_function();
	assert_no_chain();
}
END_TEST

/* D8: an id of 16 bits was cut to 8, and 0x01ff taken for "unassigned" */
START_TEST(an_extended_id_is_one_of_16_bits)
{
	a_function();
	ext_capability(0x100, 0x01ff, 0x120);
	ext_capability(0x120, 0x0103, 0x140); /* no serial number */
	ext_capability(0x140, PCI_EXT_CAP_ID_DSN, 0);
	open_function();
	ck_assert_uint_eq(reads(0x100, 4), 0x140u << 20);
	writes(0x100, 4, ~0u);
	ck_assert_uint_eq(hw_get(&hw, 0x100, 4), 0x01ff | 1u << 16 | 0x120u << 20);
	assert_hidden(0x120, 0x20);
}
END_TEST

/* D9: a vendor capability of one byte left its next pointer unguarded */
START_TEST(a_vendor_capability_that_is_too_short_is_hidden)
{
	for (uint16_t length = 0; length < 3; length++) {
		a_function();
		begin_chain(0x40);
		capability(0x40, PCI_CAP_ID_VNDR, 0x50, length);
		capability(0x50, PCI_CAP_ID_EA, 0, 0);
		ext_capability(0x100, PCI_EXT_CAP_ID_VNDR, 0x140);
		hw_put(&hw, 0x104, 4, (5u + length) << 20);
		ext_capability(0x140, PCI_EXT_CAP_ID_DVSEC, 0);
		hw_put(&hw, 0x144, 4, (9u + length) << 20);
		open_function();
		assert_no_chain();
		assert_hidden(0x40, 0x20);
		ck_assert_uint_eq(reads(0x100, 4), 0);
		assert_hidden(0x100, 0x60);
	}
}
END_TEST

/* D10: of power budgeting the data register could be written, and its selector could not */
START_TEST(the_selector_of_power_budgeting_can_be_written_and_its_data_cannot)
{
	a_function();
	ext_capability(0x100, PCI_EXT_CAP_ID_PWR, 0);
	hw_put(&hw, 0x100 + PCI_PWR_DATA, 4, 0x11);
	open_function();
	writes(0x100 + PCI_PWR_DSR, 1, 3);
	ck_assert_uint_eq(hw_get(&hw, 0x100 + PCI_PWR_DSR, 4), 3);
	writes(0x100 + PCI_PWR_DATA, 1, 0xff);
	ck_assert_uint_eq(hw_get(&hw, 0x100 + PCI_PWR_DATA, 4), 0x11);
}
END_TEST

/*
 * D11: two threads in one register at once. The engine is called under its owner's lock and has nothing outside of its
 * struct pcicfg that a second one could change: here another function is written while this one waits for hardware.
 */
static struct pcicfg other;
static struct hw other_hw;

static int interrupted_read(void *context, __u16 offset, unsigned int width, __u32 *value)
{
	static bool inside;
	struct pcicfg_events ignored;
	int error = hw_access.read(context, offset, width, value);

	if (!inside) {
		inside = true;
		ck_assert_int_eq(pcicfg_write(&other, PCI_BASE_ADDRESS_0, 4, ~0u, &ignored), 0);
		ck_assert_int_eq(
			pcicfg_write(&other, PCI_COMMAND, 2, PCI_COMMAND_IO | PCI_COMMAND_INTX_DISABLE, &ignored), 0);
		inside = false;
	}
	return error;
}

START_TEST(two_functions_at_once_do_not_meet)
{
	static const struct pcicfg_hw interrupted = { .read = interrupted_read };
	struct pcicfg_hw both = interrupted;

	both.write = hw_access.write;
	a_usual_function();
	other_hw = hw;
	hw_put(&other_hw, PCI_COMMAND, 2, PCI_COMMAND_SERR);
	ck_assert_int_eq(pcicfg_open(&other, &facts, &hw_access, &other_hw), 0);
	cfg.hw = &both;
	writes(PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	ck_assert_uint_eq(hw_get(&hw, PCI_COMMAND, 2), PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	assert_event(PCICFG_DECODE, 0, PCI_COMMAND_MEMORY);
	ck_assert_uint_eq(hw_get(&other_hw, PCI_COMMAND, 2), PCI_COMMAND_IO | PCI_COMMAND_SERR);
	cfg.hw = &hw_access;
	ck_assert_uint_eq(reads(PCI_COMMAND, 2), PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
}
END_TEST

/* D12: an error in the middle lost the count of what was done before it */
START_TEST(bytes_that_were_done_before_an_error_are_counted)
{
	uint8_t bytes[32] = { 0 };
	__u64 done = 4711;

	a_usual_function();
	hw.read_error = -EIO;
	hw.healthy = 3;
	ck_assert_int_eq(pcicfg_read_bytes(&cfg, PCI_VENDOR_ID, bytes, sizeof(bytes), &done), -EIO);
	ck_assert_uint_eq(done, 12);
	ck_assert_uint_eq(bytes[0] | bytes[1] << 8, 0x8086);
	hw.read_error = 0;
	a_function();
	begin_chain(0x40);
	capability(0x40, PCI_CAP_ID_VNDR, 0, 0x20);
	open_function();
	hw.write_error = -EIO;
	hw.healthy = 2;
	memset(bytes, 0x77, sizeof(bytes));
	ck_assert_int_eq(pcicfg_write_bytes(&cfg, 0x45, bytes, 16, &done, &events), -EIO);
	ck_assert_uint_eq(done, 3); /* a byte, a word, and then no dword */
	ck_assert_uint_eq(hw_get(&hw, 0x44, 4), 0x77777700);
	ck_assert_uint_eq(hw_get(&hw, 0x48, 4), 0);
	assert_no_event();
}
END_TEST

/* ---- the rest of the contract ---- */

START_TEST(an_access_of_any_length_is_cut_into_the_widest_aligned_pieces)
{
	a_usual_function();
	ck_assert_uint_eq(pcicfg_piece(&cfg, 0, 100), 4);
	ck_assert_uint_eq(pcicfg_piece(&cfg, 1, 100), 1);
	ck_assert_uint_eq(pcicfg_piece(&cfg, 2, 100), 2);
	ck_assert_uint_eq(pcicfg_piece(&cfg, 4, 3), 2);
	ck_assert_uint_eq(pcicfg_piece(&cfg, 6, 1), 1);
	ck_assert_uint_eq(pcicfg_piece(&cfg, 4095, 100), 1);
	ck_assert_uint_eq(pcicfg_piece(&cfg, 4094, 100), 2);
	ck_assert_uint_eq(pcicfg_piece(&cfg, 4096, 100), 0);
	ck_assert_uint_eq(pcicfg_piece(&cfg, ~0ull, 100), 0);
	ck_assert_uint_eq(pcicfg_piece(&cfg, 0, 0), 0);
}
END_TEST

START_TEST(a_long_write_stops_behind_a_piece_that_its_owner_has_to_act_on)
{
	const uint8_t bytes[8] = { PCI_COMMAND_MEMORY };
	__u64 done;

	a_usual_function();
	ck_assert_int_eq(pcicfg_write_bytes(&cfg, PCI_COMMAND, bytes, 8, &done, &events), 0);
	ck_assert_uint_eq(done, 4);
	assert_event(PCICFG_DECODE, 0, PCI_COMMAND_MEMORY);
	ck_assert_int_eq(pcicfg_write_bytes(&cfg, PCI_COMMAND + 4, bytes + 4, 4, &done, &events), 0);
	ck_assert_uint_eq(done, 4);
	assert_no_event();
	ck_assert_int_eq(pcicfg_write_bytes(&cfg, 4095, bytes, 8, &done, &events), 0);
	ck_assert_uint_eq(done, 1);
}
END_TEST

START_TEST(what_hardware_said_no_to_changes_nothing)
{
	uint32_t value = 4711;

	a_usual_function();
	hw.read_error = -EIO;
	ck_assert_int_eq(pcicfg_read(&cfg, 0, 4, &value), -EIO);
	ck_assert_uint_eq(value, 4711);
	ck_assert_int_eq(pcicfg_write(&cfg, PCI_COMMAND, 2, 0xffff, &events), -EIO);
	assert_no_event();
	hw.read_error = 0;
	hw.write_error = -EPERM;
	ck_assert_int_eq(pcicfg_write(&cfg, PCI_COMMAND, 2, 0xffff, &events), -EPERM);
	assert_no_event();
	ck_assert_uint_eq(reads(PCI_COMMAND, 2), 0);
}
END_TEST

START_TEST(a_function_that_was_pulled_out_reads_as_ones_and_is_not_written)
{
	a_usual_function();
	hw.is_gone = true;
	ck_assert_uint_eq(reads(PCI_VENDOR_ID, 2), 0xffff);
	hw_forget(&hw);
	ck_assert_int_eq(pcicfg_write(&cfg, PCI_COMMAND, 2, PCI_COMMAND_MASTER, &events), -ENODEV);
	ck_assert_uint_eq(hw.writes, 0);
	ck_assert_int_eq(pcicfg_open(&cfg, &facts, &hw_access, &hw), -ENODEV);
}
END_TEST

START_TEST(open_fails_as_the_transaction_that_failed_did)
{
	int error;

	a_usual_function();
	begin_chain(PM);
	capability(MSIX, PCI_CAP_ID_MSIX, 0xc0, 39);
	capability(0xc0, PCI_CAP_ID_SATA, 0, 0);
	ext_capability(0x100, PCI_EXT_CAP_ID_ERR, 0x140);
	ext_capability(0x140, PCI_EXT_CAP_ID_VNDR, 0x180);
	hw_put(&hw, 0x144, 4, 12u << 20);
	ext_capability(0x180, PCI_EXT_CAP_ID_DSN, 0);
	hw.read_error = -EIO;
	for (int healthy = 0;; healthy++) {
		hw.healthy = healthy;
		error = pcicfg_open(&cfg, &facts, &hw_access, &hw);
		if (!error)
			break;
		ck_assert_int_eq(error, -EIO);
		ck_assert_int_lt(healthy, 200);
	}
	ck_assert_uint_eq(reads(0x100, 2), PCI_EXT_CAP_ID_ERR);
}
END_TEST

START_TEST(facts_that_cannot_be_are_refused)
{
	a_function();
	facts.size = 512;
	ck_assert_int_eq(pcicfg_open(&cfg, &facts, &hw_access, &hw), -EINVAL);
	a_function();
	facts.flags = 0x80;
	ck_assert_int_eq(pcicfg_open(&cfg, &facts, &hw_access, &hw), -EINVAL);
	a_function();
	facts.bar[5].length = 4096; /* no room for an upper half */
	facts.bar[5].flags = PCICFG_BAR_64BIT;
	ck_assert_int_eq(pcicfg_open(&cfg, &facts, &hw_access, &hw), -EINVAL);
	a_function();
	facts.bar[1].length = 4096; /* is the upper half of the one before */
	ck_assert_int_eq(pcicfg_open(&cfg, &facts, &hw_access, &hw), -EINVAL);
	a_function();
	facts.bar[0].flags = PCICFG_BAR_64BIT | PCICFG_BAR_IO;
	ck_assert_int_eq(pcicfg_open(&cfg, &facts, &hw_access, &hw), -EINVAL);
	a_function();
	facts.bar[3].length = 1ull << 32;
	ck_assert_int_eq(pcicfg_open(&cfg, &facts, &hw_access, &hw), -EINVAL);
	a_function();
	facts.bar[0].length = 1ull << 40;
	open_function();
	writes(PCI_BASE_ADDRESS_1, 4, ~0u);
	ck_assert_uint_eq(reads(PCI_BASE_ADDRESS_1, 4), 0xffffff00);
}
END_TEST

START_TEST(a_bridge_is_refused)
{
	a_function();
	hw_put(&hw, PCI_HEADER_TYPE, 1, PCI_HEADER_TYPE_BRIDGE);
	ck_assert_int_eq(pcicfg_open(&cfg, &facts, &hw_access, &hw), -EOPNOTSUPP);
	hw_put(&hw, PCI_HEADER_TYPE, 1, 0x80); /* one of several functions */
	ck_assert_int_eq(pcicfg_open(&cfg, &facts, &hw_access, &hw), 0);
	hw_put(&hw, PCI_HEADER_TYPE, 1, 0xff);
	ck_assert_int_eq(pcicfg_open(&cfg, &facts, &hw_access, &hw), -ENODEV);
}
END_TEST

START_TEST(a_virtual_function_has_its_ids_from_the_kernel_no_pin_and_memory_always)
{
	a_function();
	hw_put(&hw, PCI_VENDOR_ID, 4, ~0u);
	memset(hw.stuck, 0xff, 0x40);
	hw.stuck[PCI_COMMAND] = (uint8_t)~PCI_COMMAND_MASTER;
	facts.flags = PCICFG_VF;
	facts.device = 0x10ca;
	open_function();
	ck_assert_uint_eq(reads(PCI_VENDOR_ID, 4), 0x10ca8086);
	ck_assert_uint_eq(reads(PCI_INTERRUPT_PIN, 1), 0);
	ck_assert_uint_eq(reads(PCI_COMMAND, 2), PCI_COMMAND_MEMORY);
	ck_assert(pcicfg_memory_enabled(&cfg) && !pcicfg_io_enabled(&cfg));
	writes(PCI_COMMAND, 2, PCI_COMMAND_MASTER | PCI_COMMAND_INTX_DISABLE | PCI_COMMAND_IO);
	assert_no_event();
	ck_assert_uint_eq(reads(PCI_COMMAND, 2), PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	ck_assert_uint_eq(hw_get(&hw, PCI_COMMAND, 2), PCI_COMMAND_MASTER);
	writes(PCI_BASE_ADDRESS_0, 4, ~0u);
	ck_assert_uint_eq(reads(PCI_BASE_ADDRESS_0, 4), 0xfffe0004);
}
END_TEST

START_TEST(a_pin_that_leads_nowhere_is_not_shown)
{
	a_function();
	open_function();
	ck_assert_uint_eq(reads(PCI_INTERRUPT_PIN, 1), 1);
	hw_put(&hw, PCI_INTERRUPT_PIN, 1, 7);
	open_function();
	ck_assert_uint_eq(reads(PCI_INTERRUPT_PIN, 1), 0);
	hw_put(&hw, PCI_INTERRUPT_PIN, 1, 1);
	facts.flags = PCICFG_NO_INTX;
	open_function();
	ck_assert_uint_eq(reads(PCI_INTERRUPT_PIN, 1), 0);
}
END_TEST

START_TEST(which_bits_are_the_users_can_be_asked)
{
	a_usual_function();
	ck_assert_uint_eq(pcicfg_writable(&cfg, PCI_VENDOR_ID, 4), 0);
	ck_assert_uint_eq(pcicfg_writable(&cfg, PCI_INTERRUPT_LINE, 1), 0xff);
	ck_assert_uint_eq(pcicfg_writable(&cfg, PCI_INTERRUPT_LINE, 4), 0xff);
	ck_assert_uint_eq(pcicfg_writable(&cfg, PCI_COMMAND, 2) & PCI_COMMAND_MASTER, PCI_COMMAND_MASTER);
	ck_assert_uint_eq(pcicfg_writable(&cfg, PCI_COMMAND, 3), 0);
	ck_assert_uint_eq(pcicfg_writable(&cfg, PCI_COMMAND + 1, 2), 0);
	ck_assert_uint_eq(pcicfg_writable(&cfg, 0x1000, 4), 0);
}
END_TEST

START_TEST(memory_can_be_reached_while_it_is_decoded_in_d0)
{
	a_usual_function();
	ck_assert(!pcicfg_memory_enabled(&cfg) && !pcicfg_io_enabled(&cfg));
	ck_assert_uint_eq(pcicfg_mark(&cfg, PCI_COMMAND), PCICFG_MARK_COMMAND);
	writes(PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_IO);
	assert_event(PCICFG_DECODE, 0, PCI_COMMAND_MEMORY | PCI_COMMAND_IO);
	ck_assert(pcicfg_memory_enabled(&cfg) && pcicfg_io_enabled(&cfg));
	ck_assert_uint_eq(pcicfg_mark(&cfg, PM + PCI_PM_CTRL), PCICFG_MARK_POWER);
	writes(PM + PCI_PM_CTRL, 2, 3);
	assert_event(PCICFG_POWER, 0, 3);
	ck_assert(!pcicfg_memory_enabled(&cfg) && !pcicfg_io_enabled(&cfg));
	pcicfg_power_is(&cfg, 0);
	ck_assert(pcicfg_memory_enabled(&cfg));
	writes(PCI_COMMAND, 2, PCI_COMMAND_IO);
	assert_event(PCICFG_DECODE, PCI_COMMAND_MEMORY | PCI_COMMAND_IO, PCI_COMMAND_IO);
	ck_assert(!pcicfg_memory_enabled(&cfg));
}
END_TEST

START_TEST(the_power_state_is_a_request_to_the_owner)
{
	a_usual_function();
	writes(PM + PCI_PM_CTRL, 2, 1);
	assert_event(PCICFG_POWER, 0, 1);
	ck_assert_uint_eq(hw_get(&hw, PM + PCI_PM_CTRL, 2), 0);
	ck_assert_uint_eq(reads(PM + PCI_PM_CTRL, 2), 1);
	writes(PM + PCI_PM_CTRL, 2, 2); /* D2 is not supported: ignored */
	assert_no_event();
	ck_assert_uint_eq(reads(PM + PCI_PM_CTRL, 2), 1);
	pcicfg_power_is(&cfg, 0);
	ck_assert_uint_eq(reads(PM + PCI_PM_CTRL, 2), 0);
	ck_assert_uint_eq(reads(PM + PCI_PM_PMC, 2) & PCI_PM_CAP_PME_MASK, 0);
	writes(PM + PCI_PM_CTRL, 2, PCI_PM_CTRL_PME_ENABLE);
	ck_assert_uint_eq(reads(PM + PCI_PM_CTRL, 2), 0);
	a_function();
	open_function();
	pcicfg_power_is(&cfg, 3); /* has none */
	writes(PCI_COMMAND, 1, PCI_COMMAND_MEMORY);
	ck_assert(pcicfg_memory_enabled(&cfg));
}
END_TEST

/* PCIe 6.0 §7.5.3: it has no link, and what is behind its short capability is not its. */
START_TEST(an_endpoint_of_the_root_complex_has_no_link_registers)
{
	static const struct {
		uint16_t flags, length;
	} versions[] = { { 1 | PCI_EXP_TYPE_RC_END << 4, 0x0c }, { 2 | PCI_EXP_TYPE_RC_END << 4, 0x2c } };

	for (size_t i = 0; i < 2; i++) {
		uint8_t behind = (uint8_t)(EXP + versions[i].length);

		a_function();
		begin_chain(EXP);
		capability(EXP, PCI_CAP_ID_EXP, behind, versions[i].flags);
		hw_put(&hw, EXP + PCI_EXP_DEVCAP, 4, PCI_EXP_DEVCAP_FLR);
		capability(behind, PCI_CAP_ID_VNDR, 0, 8);
		hw_put(&hw, behind + 4, 4, 0x12345678);
		hw_put(&hw, behind + 8, 4, 0x12345678);
		open_function();
		ck_assert_uint_eq(reads(EXP, 4),
				  PCI_CAP_ID_EXP | (uint32_t)behind << 8 | (uint32_t)versions[i].flags << 16);
		ck_assert_uint_eq(reads(behind, 4), PCI_CAP_ID_VNDR | 8 << 16);
		writes(behind + 4, 4, 0xabcdabcd);
		ck_assert_uint_eq(hw_get(&hw, behind + 4, 4), 0xabcdabcd);
		assert_hidden(behind + 8, 4);
		writes(EXP + PCI_EXP_DEVCTL, 2, PCI_EXP_DEVCTL_BCR_FLR);
		assert_event(PCICFG_FLR, 0, 1);
	}
}
END_TEST

START_TEST(a_self_test_cannot_be_started)
{
	a_function();
	hw_put(&hw, PCI_BIST, 1, PCI_BIST_CAPABLE);
	open_function();
	writes(PCI_BIST, 1, PCI_BIST_CAPABLE | PCI_BIST_START);
	writes(PCI_CACHE_LINE_SIZE, 4, (uint32_t)PCI_BIST_START << 24 | 0x10);
	assert_no_event();
	ck_assert_uint_eq(hw_get(&hw, PCI_BIST, 1), PCI_BIST_CAPABLE);
	ck_assert_uint_eq(reads(PCI_BIST, 1), PCI_BIST_CAPABLE);
}
END_TEST

START_TEST(an_extended_space_of_zeros_or_ones_has_no_chain)
{
	static const uint32_t nothing[] = { 0, ~0u, 0x0000ffff };

	for (size_t i = 0; i < 3; i++) {
		a_usual_function();
		for (unsigned int at = 0x100; at < 0x1000; at += 4)
			hw_put(&hw, (uint16_t)at, 4, nothing[i]);
		open_function();
		ck_assert_uint_eq(reads(PCI_CAPABILITY_LIST, 1), PM);
		assert_hidden(0x100, 8);
		assert_hidden(0xffc, 4);
	}
}
END_TEST

START_TEST(a_function_level_reset_is_a_request_to_the_owner_and_reads_as_zero)
{
	a_usual_function();
	writes(EXP + PCI_EXP_DEVCTL, 2, PCI_EXP_DEVCTL_BCR_FLR | 0x2830);
	assert_event(PCICFG_FLR, 0, 1);
	ck_assert_uint_eq(hw_get(&hw, EXP + PCI_EXP_DEVCTL, 2) & PCI_EXP_DEVCTL_BCR_FLR, 0);
	ck_assert_uint_eq(reads(EXP + PCI_EXP_DEVCTL, 2) & PCI_EXP_DEVCTL_BCR_FLR, 0);
	hw_put(&hw, EXP + PCI_EXP_DEVCAP, 4, 2); /* cannot be reset */
	capability(MSIX, PCI_CAP_ID_MSIX, 0xc0, 39);
	capability(0xc0, PCI_CAP_ID_AF, 0, 6 | (PCI_AF_CAP_TP | PCI_AF_CAP_FLR) << 8);
	open_function();
	writes(EXP + PCI_EXP_DEVCTL, 2, PCI_EXP_DEVCTL_BCR_FLR | 0x2830);
	assert_no_event();
	writes(0xc0 + PCI_AF_CTRL, 1, PCI_AF_CTRL_FLR);
	assert_event(PCICFG_FLR, 0, 1);
	ck_assert_uint_eq(reads(0xc0 + PCI_AF_CTRL, 1), 0);
	ck_assert_uint_eq(hw_get(&hw, 0xc0 + PCI_AF_CTRL, 1), 0);
	capability(0xc0, PCI_CAP_ID_AF, 0, 6 | PCI_AF_CAP_TP << 8);
	open_function();
	writes(0xc0 + PCI_AF_CTRL, 1, PCI_AF_CTRL_FLR);
	assert_no_event();
}
END_TEST

START_TEST(payload_size_tags_reports_and_no_snoop_stay_the_hosts)
{
	a_usual_function();
	ck_assert_uint_eq(reads(EXP + PCI_EXP_DEVCTL, 2), 0x2830);
	writes(EXP + PCI_EXP_DEVCTL, 2, 0x7fef);
	ck_assert_uint_eq(hw_get(&hw, EXP + PCI_EXP_DEVCTL, 2), 0x2820);
	ck_assert_uint_eq(reads(EXP + PCI_EXP_DEVCTL, 2), 0x78ef);
	assert_no_event(); /* a read request of 16 KiB is reserved */
	writes(EXP + PCI_EXP_DEVCTL, 2, 0x5000);
	assert_event(PCICFG_READ_REQUEST, 16384, 4096);
	writes(EXP + PCI_EXP_LNKCTL, 2, 0x0143);
	ck_assert_uint_eq(hw_get(&hw, EXP + PCI_EXP_LNKCTL, 2), 0);
	writes(EXP + PCI_EXP_DEVCTL2, 2, 0xffff);
	ck_assert_uint_eq(hw_get(&hw, EXP + PCI_EXP_DEVCTL2, 2), 0x031f);
}
END_TEST

START_TEST(msi_messages_stay_the_hosts)
{
	a_usual_function();
	hw_put(&hw, MSI + PCI_MSI_ADDRESS_LO, 4, 0xfee01000);
	hw_put(&hw, MSI + PCI_MSI_DATA_64, 2, 0x4021);
	ck_assert_uint_eq(reads(MSI + PCI_MSI_ADDRESS_LO, 4), 0);
	writes(MSI + PCI_MSI_ADDRESS_LO, 4, 0xfee00fff);
	writes(MSI + PCI_MSI_ADDRESS_HI, 4, 1);
	writes(MSI + PCI_MSI_DATA_64, 4, 0xffff1234);
	ck_assert_uint_eq(reads(MSI + PCI_MSI_ADDRESS_LO, 4), 0xfee00ffc);
	ck_assert_uint_eq(reads(MSI + PCI_MSI_ADDRESS_HI, 4), 1);
	ck_assert_uint_eq(reads(MSI + PCI_MSI_DATA_64, 4), 0x1234);
	ck_assert_uint_eq(hw_get(&hw, MSI + PCI_MSI_ADDRESS_LO, 4), 0xfee01000);
	ck_assert_uint_eq(hw_get(&hw, MSI + PCI_MSI_ADDRESS_HI, 4), 0);
	ck_assert_uint_eq(hw_get(&hw, MSI + PCI_MSI_DATA_64, 4), 0x4021);
}
END_TEST

/* message control, length, and where mask and pending bits are (0: none) */
static const struct {
	uint16_t flags;
	uint16_t length, mask;
} msi_layouts[] = { { 0, 10, 0 }, { 0x80, 14, 0 }, { 0x100, 20, 12 }, { 0x180, 24, 16 } };

START_TEST(msi_has_four_layouts)
{
	uint16_t flags = msi_layouts[_i].flags | 10, length = msi_layouts[_i].length, mask = msi_layouts[_i].mask;

	a_function();
	begin_chain(0x50);
	capability(0x50, PCI_CAP_ID_MSI, 0, flags);
	for (uint16_t at = 0x54; at < 0x70; at += 4)
		hw_put(&hw, at, 4, 0x5a5a5a5a);
	open_function();
	for (uint16_t at = 4; at + 4 <= length; at += 4) {
		writes((uint16_t)(0x50 + at), 4, ~0u);
		ck_assert_uint_eq(hw_get(&hw, (uint16_t)(0x50 + at), 4), 0x5a5a5a5a);
	}
	assert_hidden((uint16_t)(0x50 + length), 28u - length);
	if (mask) {
		ck_assert_uint_eq(reads((uint16_t)(0x50 + mask), 4), ~0u); /* 32 vectors */
		ck_assert(!pcicfg_msi_raise(&cfg, 31));
		ck_assert_uint_eq(reads((uint16_t)(0x54 + mask), 4), 1u << 31);
	} else {
		ck_assert(pcicfg_msi_raise(&cfg, 31));
		ck_assert_int_eq(pcicfg_msi_due(&cfg), -ENOENT);
	}
}
END_TEST

START_TEST(without_interrupts_none_is_raised)
{
	a_function();
	open_function();
	ck_assert(!pcicfg_msi_raise(&cfg, 0));
	ck_assert(!pcicfg_msix_raise(&cfg, 0));
	ck_assert_int_eq(pcicfg_msi_due(&cfg), -ENOENT);
	ck_assert_int_eq(pcicfg_msix_due(&cfg), -ENOENT);
	ck_assert_uint_eq(pcicfg_msix_pending(&cfg, 0), 0);
}
END_TEST

START_TEST(vital_product_data_is_read_by_the_owner)
{
	a_function();
	begin_chain(0x60);
	capability(0x60, PCI_CAP_ID_VPD, 0, 0);
	open_function();
	writes(0x60 + PCI_VPD_ADDR, 2, 0x0010);
	assert_event(PCICFG_VPD, 0, 0x0010);
	ck_assert_uint_eq(reads(0x60 + PCI_VPD_ADDR, 2), 0x0010); /* not yet */
	pcicfg_vpd_done(&cfg, 0x12345678);
	ck_assert_uint_eq(reads(0x60 + PCI_VPD_ADDR, 2), PCI_VPD_ADDR_F | 0x0010);
	ck_assert_uint_eq(reads(0x60 + PCI_VPD_DATA, 4), 0x12345678);
	writes(0x60 + PCI_VPD_DATA, 4, 0xcafe);
	assert_no_event();
	writes(0x60 + PCI_VPD_ADDR, 1, 0x20); /* without the flag nothing happens */
	assert_no_event();
	writes(0x60 + PCI_VPD_ADDR, 2, PCI_VPD_ADDR_F | 0x20);
	assert_event(PCICFG_VPD, 0xcafe, PCI_VPD_ADDR_F | 0x20);
	pcicfg_vpd_done(&cfg, 0);
	ck_assert_uint_eq(reads(0x60 + PCI_VPD_ADDR, 2), 0x20);
	ck_assert_uint_eq(reads(0x60 + PCI_VPD_DATA, 4), 0xcafe);
	ck_assert_uint_eq(hw_get(&hw, 0x60 + PCI_VPD_ADDR, 2), 0);
	ck_assert_uint_eq(hw_get(&hw, 0x60 + PCI_VPD_DATA, 4), 0);
	a_function();
	open_function();
	pcicfg_vpd_done(&cfg, 1); /* has none */
	ck_assert_uint_eq(reads(0, 4), 0x10d38086);
}
END_TEST

START_TEST(gaps_read_zero_and_ignore_writes)
{
	a_usual_function();
	for (uint16_t at = 0xc0; at < 0x1000; at += 4)
		hw_put(&hw, at, 4, 0x5a5a5a5a);
	assert_hidden(0xbc, 0x44);
	a_function();
	begin_chain(0x40);
	capability(0x40, PCI_CAP_ID_VNDR, 0, 6); /* ends within a dword */
	hw_put(&hw, 0x44, 4, 0x5a5a5a5a);
	open_function();
	ck_assert_uint_eq(reads(0x44, 4), 0x5a5a);
	writes(0x44, 4, ~0u); /* would reach beyond: not at all */
	writes(0x44, 2, ~0u);
	ck_assert_uint_eq(hw_get(&hw, 0x44, 4), 0x5a5a5a5a);
}
END_TEST

START_TEST(a_gap_that_a_known_device_needs_is_open_for_it_alone)
{
	a_function();
	facts.vendor = 0x19a2;
	facts.device = 0x0710;
	hw_put(&hw, 0x58, 4, 0x11);
	begin_chain(0xa0);
	capability(0xa0, PCI_CAP_ID_EA, 0, 0); /* a quirk opens no hidden capability */
	open_function();
	writes(0xfc, 4, 1u << 29);
	ck_assert_uint_eq(hw_get(&hw, 0xfc, 4), 1u << 29);
	ck_assert_uint_eq(reads(0xfc, 4), 1u << 29);
	ck_assert_uint_eq(reads(0x58, 4), 0x11);
	writes(0x58, 4, ~0u);
	ck_assert_uint_eq(hw_get(&hw, 0x58, 4), 0x11);
	ck_assert_uint_eq(reads(0xa0, 4), 0);
	facts.device = 0x0711;
	open_function();
	ck_assert_uint_eq(reads(0xfc, 4), 0);
}
END_TEST

START_TEST(a_dword_that_two_capabilities_claim_is_nobodys)
{
	a_function();
	begin_chain(0x40);
	capability(0x40, PCI_CAP_ID_VNDR, 0x50, 0x20); /* over the next two */
	capability(0x50, PCI_CAP_ID_SHPC, 0x58, 0x1111);
	capability(0x58, PCI_CAP_ID_PM, 0x80, 3);
	capability(0x80, PCI_CAP_ID_PM, 0x90, 3);
	capability(0x90, PCI_CAP_ID_VNDR, 0x94, 8); /* over half of the next */
	capability(0x94, PCI_CAP_ID_SSVID, 0xa0, 0);
	capability(0xa0, PCI_CAP_ID_AF, 0, 6);
	open_function();
	writes(0x4c, 4, 0x55555555); /* the vendor's alone */
	ck_assert_uint_eq(hw_get(&hw, 0x4c, 4), 0x55555555);
	assert_hidden(0x50, 0x10);
	ck_assert_uint_eq(reads(0x40, 2), PCI_CAP_ID_VNDR | 0x90 << 8); /* PM again is one too many */
	ck_assert_uint_eq(reads(0x90, 2), PCI_CAP_ID_VNDR | 0xa0 << 8);
	assert_hidden(0x94, 4);
	assert_hidden(0x80, 8);
}
END_TEST

START_TEST(a_capability_that_lost_a_register_has_no_side_effects)
{
	/* to a capability that nobody knows, but for the last one: to a vendor's that ends in a header */
	static const uint8_t lost[] = { PM + 4, MSI + 0x10, EXP + 8, 0xd4, MSIX - 8 };

	a_usual_function();
	capability(MSIX, PCI_CAP_ID_MSIX, 0xd0, 39);
	capability(0xd0, PCI_CAP_ID_VPD, lost[_i], 0);
	capability(lost[_i], _i < 4 ? 0xee : PCI_CAP_ID_VNDR, 0, _i < 4 ? 0 : 12);
	open_function();
	writes(PM + PCI_PM_CTRL, 2, 3);
	ck_assert_uint_eq(events.count, _i != 0);
	writes(MSI + PCI_MSI_FLAGS, 2, 1);
	ck_assert_uint_eq(events.count, _i != 1);
	writes(MSI + PCI_MSI_MASK_64, 4, 1);
	ck_assert(_i != 1 || !pcicfg_msi_raise(&cfg, 0));
	writes(EXP + PCI_EXP_DEVCTL, 2, PCI_EXP_DEVCTL_BCR_FLR | 0x2830);
	ck_assert_uint_eq(events.count, _i != 2);
	writes(0xd0 + PCI_VPD_ADDR, 2, 0);
	ck_assert_uint_eq(events.count, _i != 3);
	writes(MSIX + PCI_MSIX_FLAGS, 2, PCI_MSIX_FLAGS_ENABLE);
	ck_assert_uint_eq(events.count, _i != 4);
	ck_assert_uint_eq(reads(MSIX, 1), PCI_CAP_ID_MSIX); /* stays in the chain */
}
END_TEST

/* ---- a reset behind our back ---- */

static void reset_function(void)
{
	hw_put(&hw, PCI_COMMAND, 2, 0);
	hw_put(&hw, PCI_BASE_ADDRESS_0, 4, 4);
	hw_put(&hw, PCI_BASE_ADDRESS_2, 4, 1);
	hw_put(&hw, MSI + PCI_MSI_FLAGS, 2, PCI_MSI_FLAGS_64BIT | PCI_MSI_FLAGS_MASKBIT | VECTORS_8);
	hw_put(&hw, MSI + PCI_MSI_ADDRESS_LO, 4, 0);
	hw_put(&hw, MSI + PCI_MSI_DATA_64, 2, 0);
	hw_put(&hw, EXP + PCI_EXP_DEVCTL, 2, 0x2800);
}

START_TEST(a_reset_behind_our_back_is_noticed_and_repaired)
{
	bool was_reset = true;

	a_usual_function();
	hw_put(&hw, PCI_COMMAND, 2, PCI_COMMAND_SERR);
	hw_put(&hw, MSI + PCI_MSI_ADDRESS_LO, 4, 0xfee01000);
	hw_put(&hw, MSI + PCI_MSI_DATA_64, 2, 0x4021);
	hw_put(&hw, MSI + PCI_MSI_FLAGS, 2, hw_get(&hw, MSI + PCI_MSI_FLAGS, 2) | PCI_MSI_FLAGS_ENABLE);
	ck_assert_int_eq(pcicfg_remember(&cfg), 0);
	writes(PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	ck_assert_int_eq(pcicfg_repair(&cfg, &was_reset), 0);
	ck_assert(!was_reset);

	reset_function();
	hw_mark_rw1c(&hw, PCI_STATUS, 2, 0xf900);
	ck_assert_int_eq(pcicfg_repair(&cfg, &was_reset), 0);
	ck_assert(was_reset);
	ck_assert_uint_eq(hw_get(&hw, PCI_BASE_ADDRESS_0, 4), 0xfebc0004);
	ck_assert_uint_eq(hw_get(&hw, PCI_BASE_ADDRESS_2, 4), 0xc001);
	ck_assert_uint_eq(hw_get(&hw, MSI + PCI_MSI_ADDRESS_LO, 4), 0xfee01000);
	ck_assert_uint_eq(hw_get(&hw, MSI + PCI_MSI_DATA_64, 2), 0x4021);
	ck_assert_uint_eq(hw_get(&hw, MSI + PCI_MSI_FLAGS, 2) & PCI_MSI_FLAGS_ENABLE, PCI_MSI_FLAGS_ENABLE);
	ck_assert_uint_eq(hw_get(&hw, EXP + PCI_EXP_DEVCTL, 2) & PCI_EXP_DEVCTL_PAYLOAD, 0x20);
	/* what is the user's stays as the reset left it */
	ck_assert_uint_eq(hw_get(&hw, PCI_COMMAND, 2), PCI_COMMAND_SERR);
	ck_assert(!pcicfg_memory_enabled(&cfg));
	ck_assert_int_eq(pcicfg_repair(&cfg, &was_reset), 0);
	ck_assert(!was_reset);
}
END_TEST

START_TEST(msi_that_went_off_tells_of_a_reset_too)
{
	bool was_reset = false;

	a_usual_function();
	hw_put(&hw, MSI + PCI_MSI_FLAGS, 2, hw_get(&hw, MSI + PCI_MSI_FLAGS, 2) | PCI_MSI_FLAGS_ENABLE);
	ck_assert_int_eq(pcicfg_remember(&cfg), 0);
	hw_put(&hw, MSI + PCI_MSI_ADDRESS_LO, 4, 0xfee02000); /* moved to another CPU: no reset */
	ck_assert_int_eq(pcicfg_repair(&cfg, &was_reset), 0);
	ck_assert(!was_reset);
	hw_put(&hw, MSI + PCI_MSI_FLAGS, 2, hw_get(&hw, MSI + PCI_MSI_FLAGS, 2) & ~PCI_MSI_FLAGS_ENABLE);
	ck_assert_int_eq(pcicfg_repair(&cfg, &was_reset), 0);
	ck_assert(was_reset);
}
END_TEST

START_TEST(a_write_of_command_notices_a_reset)
{
	a_usual_function();
	writes(PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	reset_function();
	writes(PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	assert_event(PCICFG_WAS_RESET, 0, 0);
	writes(PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	assert_no_event();
	writes(PCI_COMMAND + 1, 1, 0); /* does not ask the hardware */
	assert_no_event();
}
END_TEST

START_TEST(a_repair_fails_as_the_transaction_that_failed_did)
{
	bool was_reset = false;
	int error;

	a_usual_function();
	hw.read_error = hw.write_error = -EIO;
	for (int healthy = 0;; healthy++) {
		reset_function();
		hw.healthy = healthy;
		error = pcicfg_repair(&cfg, &was_reset);
		if (!error)
			break;
		ck_assert_int_eq(error, -EIO);
		ck_assert(!was_reset);
		ck_assert_int_lt(healthy, 200);
	}
	ck_assert(was_reset);
	for (hw.healthy = 0, error = -EIO; error; hw.healthy++) {
		int healthy = hw.healthy;

		error = pcicfg_remember(&cfg);
		ck_assert(!error || error == -EIO);
		hw.healthy = healthy;
	}
	hw.read_error = hw.write_error = 0;
	hw.is_gone = true;
	ck_assert_int_eq(pcicfg_repair(&cfg, &was_reset), -ENODEV);
}
END_TEST

START_TEST(a_virtual_functions_bars_cannot_get_lost)
{
	bool was_reset = true;

	a_function();
	hw_put(&hw, PCI_VENDOR_ID, 4, ~0u);
	facts.flags = PCICFG_VF;
	open_function();
	hw_put(&hw, PCI_BASE_ADDRESS_0, 4, 0);
	ck_assert_int_eq(pcicfg_repair(&cfg, &was_reset), 0);
	ck_assert(!was_reset);
}
END_TEST

/* ---- the tables ---- */

START_TEST(every_capability_id_that_the_kernel_knows_has_been_decided_on)
{
	/* A new id in pci_regs.h ends here: decide, in tables_std.c or tables_ext.c. */
	ck_assert_uint_lt(PCI_CAP_ID_MAX, PCICFG_STD_CAPS);
	ck_assert_uint_lt(PCI_EXT_CAP_ID_MAX, PCICFG_EXT_CAPS);
	for (unsigned int id = 0; id < PCICFG_STD_CAPS; id++)
		ck_assert_msg(pcicfg_std_caps[id].decision != DECISION_NONE, "capability %#x is undecided", id);
	for (unsigned int id = 0; id < PCICFG_EXT_CAPS; id++)
		ck_assert_msg(pcicfg_ext_caps[id].decision != DECISION_NONE, "extended capability %#x is undecided",
			      id);
}
END_TEST

static void assert_entry(const struct pcicfg_capability *capability, unsigned int id)
{
	ck_assert_msg(capability->length || capability->shape, "%#x has no length", id);
	ck_assert_msg(capability->name && *capability->name && capability->why && *capability->why && capability->spec,
		      "%#x has no name or no reason", id);
	ck_assert_msg(capability->decision == DECISION_SHOWN || !capability->table, "%#x has a table for nothing", id);
	if (capability->decision == DECISION_SHOWN && capability->table && capability->length)
		ck_assert_uint_eq(pcicfg_tables[capability->table].count, (capability->length + 3u) / 4);
}

START_TEST(every_decision_has_a_reason)
{
	for (unsigned int id = 0; id < PCICFG_STD_CAPS; id++)
		assert_entry(&pcicfg_std_caps[id], id);
	for (unsigned int id = 0; id < PCICFG_EXT_CAPS; id++)
		assert_entry(&pcicfg_ext_caps[id], id);
	for (unsigned int table = TABLE_HEADER; table < TABLE_COUNT; table++)
		for (unsigned int row = 0; row < pcicfg_tables[table].count; row++)
			ck_assert_msg(pcicfg_tables[table].row[row].why && pcicfg_tables[table].row[row].spec,
				      "row %u of table %u has no reason", row, table);
	for (unsigned int i = 0; i < pcicfg_quirk_count; i++)
		ck_assert_msg(pcicfg_quirks[i].why && *pcicfg_quirks[i].why, "quirk %u has no reason", i);
}
END_TEST

START_TEST(no_row_contradicts_itself)
{
	for (unsigned int table = 0; table < TABLE_COUNT; table++)
		for (unsigned int i = 0; i < pcicfg_tables[table].count; i++) {
			const struct pcicfg_row *row = &pcicfg_tables[table].row[i];

			/* what is ours is not cleared by a write of 1, unless it hides one of hardware */
			ck_assert_uint_eq(row->virt & row->write & row->rw1c, 0);
			/* only what can change has a start; what is fixed is set by the walk */
			ck_assert_uint_eq(row->start & ~row->write, 0);
			ck_assert_uint_lt(row->mark, PCICFG_MARK_COUNT);
		}
	for (unsigned int i = 0; i < pcicfg_quirk_count; i++) {
		ck_assert_uint_ge(pcicfg_quirks[i].first, PCI_STD_HEADER_SIZEOF);
		ck_assert_uint_eq(pcicfg_quirks[i].first % 4, 0);
		ck_assert_uint_eq(pcicfg_quirks[i].last % 4, 3);
	}
}
END_TEST

static Suite *pcicfg_suite(void)
{
	Suite *suite = suite_create("pcicfg");
	TCase *review = tcase_create("the review"), *defects = tcase_create("the defects");
	TCase *contract = tcase_create("the contract"), *reset = tcase_create("resets"),
	      *tables = tcase_create("tables");

	tcase_add_test(review, the_user_reads_config_space_in_little_endian_bytes);
	tcase_add_test(review, interrupt_disable_stays_the_hosts_and_the_user_has_a_virtual_one);
	tcase_add_test(review, the_hosts_msi_mask_bits_survive_whatever_the_user_masks);
	tcase_add_test(review, an_msi_that_comes_while_masked_is_pending_and_due_when_unmasked);
	tcase_add_test(review, an_msix_that_comes_while_masked_is_pending_and_due_when_unmasked);
	tcase_add_test(review, as_many_capabilities_as_fit_are_found);
	tcase_add_test(review, extended_capabilities_are_walked_and_ruled);
	tcase_add_test(review, the_last_dword_of_4096_bytes_is_the_models_as_well);
	tcase_add_test(review, a_function_of_256_bytes_has_nothing_behind_them);
	tcase_add_test(review, a_bar_is_masked_as_it_is_written);
	tcase_add_test(review, a_bar_and_a_rom_are_sized_by_the_length_of_their_resource);
	tcase_add_test(review, all_is_set_up_at_open_and_reading_changes_nothing);
	tcase_add_test(review, an_access_is_one_transaction_of_its_width_or_refused);
	suite_add_tcase(suite, review);

	tcase_add_test(defects, a_capability_that_reaches_beyond_the_space_is_hidden);
	tcase_add_test(defects, registers_of_hidden_capabilities_read_zero_and_ignore_writes);
	tcase_add_test(defects, writing_a_register_does_not_clear_the_status_beside_it);
	tcase_add_test(defects, more_msi_vectors_than_there_are_become_as_many_as_there_are);
	tcase_add_test(defects, two_vendor_capabilities_that_touch_are_two);
	tcase_add_test(defects, a_pointer_into_the_header_ends_the_chain);
	tcase_add_test(defects, the_low_two_bits_of_a_pointer_are_ignored);
	tcase_add_test(defects, a_header_of_all_ones_ends_the_chain);
	tcase_add_test(defects, a_loop_is_cut_where_it_closes);
	tcase_add_test(defects, an_extended_id_is_one_of_16_bits);
	tcase_add_test(defects, a_vendor_capability_that_is_too_short_is_hidden);
	tcase_add_test(defects, the_selector_of_power_budgeting_can_be_written_and_its_data_cannot);
	tcase_add_test(defects, two_functions_at_once_do_not_meet);
	tcase_add_test(defects, bytes_that_were_done_before_an_error_are_counted);
	suite_add_tcase(suite, defects);

	tcase_add_test(contract, an_access_of_any_length_is_cut_into_the_widest_aligned_pieces);
	tcase_add_test(contract, a_long_write_stops_behind_a_piece_that_its_owner_has_to_act_on);
	tcase_add_test(contract, what_hardware_said_no_to_changes_nothing);
	tcase_add_test(contract, a_function_that_was_pulled_out_reads_as_ones_and_is_not_written);
	tcase_add_test(contract, open_fails_as_the_transaction_that_failed_did);
	tcase_add_test(contract, facts_that_cannot_be_are_refused);
	tcase_add_test(contract, a_bridge_is_refused);
	tcase_add_test(contract, a_virtual_function_has_its_ids_from_the_kernel_no_pin_and_memory_always);
	tcase_add_test(contract, a_pin_that_leads_nowhere_is_not_shown);
	tcase_add_test(contract, which_bits_are_the_users_can_be_asked);
	tcase_add_test(contract, memory_can_be_reached_while_it_is_decoded_in_d0);
	tcase_add_test(contract, the_power_state_is_a_request_to_the_owner);
	tcase_add_test(contract, an_endpoint_of_the_root_complex_has_no_link_registers);
	tcase_add_test(contract, a_self_test_cannot_be_started);
	tcase_add_test(contract, an_extended_space_of_zeros_or_ones_has_no_chain);
	tcase_add_test(contract, a_function_level_reset_is_a_request_to_the_owner_and_reads_as_zero);
	tcase_add_test(contract, payload_size_tags_reports_and_no_snoop_stay_the_hosts);
	tcase_add_test(contract, msi_messages_stay_the_hosts);
	tcase_add_loop_test(contract, msi_has_four_layouts, 0, 4);
	tcase_add_test(contract, without_interrupts_none_is_raised);
	tcase_add_test(contract, vital_product_data_is_read_by_the_owner);
	tcase_add_test(contract, gaps_read_zero_and_ignore_writes);
	tcase_add_test(contract, a_gap_that_a_known_device_needs_is_open_for_it_alone);
	tcase_add_test(contract, a_dword_that_two_capabilities_claim_is_nobodys);
	tcase_add_loop_test(contract, a_capability_that_lost_a_register_has_no_side_effects, 0, 5);
	suite_add_tcase(suite, contract);

	tcase_add_test(reset, a_reset_behind_our_back_is_noticed_and_repaired);
	tcase_add_test(reset, msi_that_went_off_tells_of_a_reset_too);
	tcase_add_test(reset, a_write_of_command_notices_a_reset);
	tcase_add_test(reset, a_repair_fails_as_the_transaction_that_failed_did);
	tcase_add_test(reset, a_virtual_functions_bars_cannot_get_lost);
	suite_add_tcase(suite, reset);

	tcase_add_test(tables, every_capability_id_that_the_kernel_knows_has_been_decided_on);
	tcase_add_test(tables, every_decision_has_a_reason);
	tcase_add_test(tables, no_row_contradicts_itself);
	suite_add_tcase(suite, tables);
	return suite;
}

int main(void)
{
	SRunner *runner = srunner_create(pcicfg_suite());
	int failed;

	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
