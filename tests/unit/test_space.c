/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Config space as vfiod reads it: of files that look like one, and of nothing. */
#include "vfiod/space.h"

#include <check.h>
#include <fcntl.h>
#include <linux/pci_regs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static int space;
static unsigned char bytes[256];

static void make(void)
{
	memset(bytes, 0, sizeof(bytes));
	bytes[PCI_STATUS] = PCI_STATUS_CAP_LIST;
	space = memfd_create("config", MFD_CLOEXEC);
	ck_assert_int_ge(space, 0);
}

static void put(unsigned int at, uint8_t id, uint8_t next)
{
	bytes[at] = id;
	bytes[at + 1] = next;
}

static unsigned int find(uint8_t id)
{
	ck_assert_int_eq(pwrite(space, bytes, sizeof(bytes), 0), sizeof(bytes));
	return space_find(space, id);
}

START_TEST(a_capability_is_found_wherever_it_is_in_the_chain)
{
	bytes[PCI_CAPABILITY_LIST] = 0x43; /* the low two bits mean nothing */
	put(0x40, PCI_CAP_ID_PM, 0x80);
	put(0x80, PCI_CAP_ID_MSI, 0xfc);
	put(0xfc, PCI_CAP_ID_MSIX, 0);
	ck_assert_uint_eq(find(PCI_CAP_ID_PM), 0x40);
	ck_assert_uint_eq(find(PCI_CAP_ID_MSI), 0x80);
	ck_assert_uint_eq(find(PCI_CAP_ID_MSIX), 0xfc);
	ck_assert_uint_eq(find(PCI_CAP_ID_EXP), 0);
}
END_TEST

START_TEST(a_chain_that_is_a_loop_or_leads_into_the_header_ends)
{
	bytes[PCI_CAPABILITY_LIST] = 0x40;
	put(0x40, PCI_CAP_ID_PM, 0x50);
	put(0x50, PCI_CAP_ID_VPD, 0x40);
	ck_assert_uint_eq(find(PCI_CAP_ID_MSI), 0);
	put(0x50, PCI_CAP_ID_VPD, 0x3c);
	put(0x3c, PCI_CAP_ID_MSI, 0);
	ck_assert_uint_eq(find(PCI_CAP_ID_MSI), 0);
}
END_TEST

/* Vendor and device id of a virtual function are ones (PCIe 6.0 §9.3.4.1.1). */
START_TEST(a_virtual_function_has_capabilities)
{
	memset(bytes, 0xff, 4);
	bytes[PCI_CAPABILITY_LIST] = 0x40;
	put(0x40, PCI_CAP_ID_MSIX, 0);
	ck_assert_uint_eq(find(PCI_CAP_ID_MSIX), 0x40);
}
END_TEST

START_TEST(a_function_without_the_status_bit_has_none)
{
	bytes[PCI_STATUS] = 0;
	bytes[PCI_CAPABILITY_LIST] = 0x40;
	put(0x40, PCI_CAP_ID_MSIX, 0);
	ck_assert_uint_eq(find(PCI_CAP_ID_MSIX), 0);
}
END_TEST

START_TEST(what_does_not_answer_reads_as_ones_and_has_no_capabilities)
{
	memset(bytes, 0xff, sizeof(bytes));
	ck_assert_uint_eq(find(0xff), 0);
	ck_assert_uint_eq(space_read32(-1, 0), 0xffffffff);
	ck_assert_uint_eq(space_read16(-1, 0), 0xffff);
	ck_assert_uint_eq(space_find(-1, PCI_CAP_ID_MSI), 0);
	space_write16(-1, 0, 0);
	space_close(-1);
	ck_assert_int_eq(space_open(0xfffffffe0000), -1);
}
END_TEST

START_TEST(registers_are_little_endian)
{
	memcpy(bytes, "\x34\x12\x78\x56", 4);
	find(0);
	ck_assert_uint_eq(space_read32(space, 0), 0x56781234);
	ck_assert_uint_eq(space_read16(space, 2), 0x5678);
	space_write16(space, 2, 0xabcd);
	ck_assert_uint_eq(space_read32(space, 0), 0xabcd1234);
}
END_TEST

static void drop(void)
{
	close(space);
}

int main(void)
{
	Suite *suite = suite_create("space");
	TCase *registers = tcase_create("registers");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(registers, make, drop);
	tcase_add_test(registers, a_capability_is_found_wherever_it_is_in_the_chain);
	tcase_add_test(registers, a_chain_that_is_a_loop_or_leads_into_the_header_ends);
	tcase_add_test(registers, a_virtual_function_has_capabilities);
	tcase_add_test(registers, a_function_without_the_status_bit_has_none);
	tcase_add_test(registers, what_does_not_answer_reads_as_ones_and_has_no_capabilities);
	tcase_add_test(registers, registers_are_little_endian);
	suite_add_tcase(suite, registers);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
