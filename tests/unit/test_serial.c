/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Serial numbers: as people write them, and in config spaces, which are files here. */
#include "vfiod/serial.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

START_TEST(a_serial_number_is_read_as_lspci_writes_it)
{
	uint64_t serial = 0;

	ck_assert_int_eq(serial_parse("00-01-02-ff-FF-03-04-05", &serial), 0);
	ck_assert_uint_eq(serial, 0x000102ffff030405);
}
END_TEST

START_TEST(what_is_no_serial_number_is_refused)
{
	static const char *const texts[] = {
		"",
		"1",
		"0001020304050607",
		"00-01-02-ff-ff-03-04-0",
		"00-01-02-ff-ff-03-04-055",
		"00:01:02:ff:ff:03:04:05",
		"0x-01-02-ff-ff-03-04-05",
		" 0-01-02-ff-ff-03-04-05",
		"00-01-02-ff-ff-03-04--5",
		"00-00-00-00-00-00-00-00",
	};
	uint64_t serial = 7;

	ck_assert_int_eq(serial_parse(texts[_i], &serial), -EINVAL);
}
END_TEST

/* ---- config spaces ---- */

static int config;
static unsigned char space[4096];

static void put(unsigned int offset, uint32_t value)
{
	for (unsigned int i = 0; i < 4; i++)
		space[offset + i] = (unsigned char)(value >> 8 * i);
}

/* A capability of the extended space, of @id, that leads to @next. */
static void put_cap(unsigned int offset, unsigned int id, unsigned int next)
{
	put(offset, id | 1u << 16 | next << 20);
}

static uint64_t find(size_t size)
{
	ck_assert_int_eq(ftruncate(config, 0), 0);
	ck_assert_int_eq(pwrite(config, space, size, 0), (ssize_t)size);
	return serial_find(config);
}

static void set_up(void)
{
	config = memfd_create("config", MFD_CLOEXEC);
	ck_assert_int_ge(config, 0);
	memset(space, 0, sizeof(space));
	put_cap(0x100, 0x0001, 0x148);
	put_cap(0x148, 0x0003, 0);
	put(0x14c, 0xff030405);
	put(0x150, 0x000102ff);
}

static void tear_down(void)
{
	close(config);
}

START_TEST(a_serial_number_is_found_behind_other_capabilities)
{
	ck_assert_uint_eq(find(4096), 0x000102ffff030405);
}
END_TEST

START_TEST(a_function_without_that_capability_has_none)
{
	put_cap(0x148, 0x0010, 0);
	ck_assert_uint_eq(find(4096), 0);
}
END_TEST

START_TEST(a_function_without_an_extended_space_has_none)
{
	ck_assert_uint_eq(find(256), 0);
	ck_assert_uint_eq(find(64), 0);
}
END_TEST

START_TEST(a_space_that_ends_within_the_number_has_none)
{
	ck_assert_uint_eq(find(0x150), 0);
}
END_TEST

START_TEST(a_chain_that_leads_in_circles_or_out_of_the_extended_space_ends)
{
	static const unsigned int next[] = { 0x100, 0x148, 0x40, 0x4, 0xffc };

	put_cap(0x148, 0x0010, next[_i]);
	ck_assert_uint_eq(find(4096), 0);
}
END_TEST

START_TEST(a_function_that_is_gone_has_none)
{
	memset(space, 0xff, sizeof(space));
	ck_assert_uint_eq(find(4096), 0);
}
END_TEST

static Suite *serial_suite(void)
{
	Suite *suite = suite_create("serial");
	TCase *text = tcase_create("text"), *spaces = tcase_create("config space");

	tcase_add_test(text, a_serial_number_is_read_as_lspci_writes_it);
	tcase_add_loop_test(text, what_is_no_serial_number_is_refused, 0, 10);
	suite_add_tcase(suite, text);
	tcase_add_checked_fixture(spaces, set_up, tear_down);
	tcase_add_test(spaces, a_serial_number_is_found_behind_other_capabilities);
	tcase_add_test(spaces, a_function_without_that_capability_has_none);
	tcase_add_test(spaces, a_function_without_an_extended_space_has_none);
	tcase_add_test(spaces, a_space_that_ends_within_the_number_has_none);
	tcase_add_loop_test(spaces, a_chain_that_leads_in_circles_or_out_of_the_extended_space_ends, 0, 5);
	tcase_add_test(spaces, a_function_that_is_gone_has_none);
	suite_add_tcase(suite, spaces);
	return suite;
}

int main(void)
{
	SRunner *runner = srunner_create(serial_suite());
	int failed;

	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
