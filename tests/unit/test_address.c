/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Addresses of PCI functions: what is one and what is not, and that reading and writing agree. */
#include "proto/address.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define UNTOUCHED 0x5555555555555555ull

static uint64_t parse(const char *text)
{
	uint64_t address = UNTOUCHED;

	ck_assert_msg(!proto_address_parse(text, &address), "'%s' was refused", text);
	return address;
}

/* ---- what is one ---- */

static const struct {
	const char *text;
	uint64_t address;
} good[] = {
	{ "0000:00:00.0", 0 },
	{ "0000:00:00.7", 7 },
	{ "0000:00:01.0", 1 << 3 },
	{ "0000:00:1f.0", 0x1f << 3 },
	{ "0000:01:00.0", 1 << 8 },
	{ "0000:ff:00.0", 0xff << 8 },
	{ "0001:00:00.0", 1 << 16 },
	{ "0000:ff:1f.7", 0xffff },
	{ "10000:e1:00.0", 0x10000e100 },
	{ "123456:00:00.0", 0x1234560000 },
	{ "1234567:00:00.0", 0x12345670000 },
	{ "ffffffff:ff:1f.7", 0xffffffffffff },
	{ "00:00.0", 0 },
	{ "1f:1f.7", 0x1fff },
	{ "AbCd:eF:1A.3", 0xabcdefd3 },
	{ "00000000:01:02.3", 0x113 },
};

START_TEST(reads_every_form_of_an_address)
{
	ck_assert_uint_eq(parse(good[_i].text), good[_i].address);
}
END_TEST

/* ---- what is not ---- */

static const char *const bad[] = {
	"",
	".",
	"..",
	"/",
	"0",
	"nvme0",
	"../../../etc/passwd",
	"0000:00:00.0/..",
	"0000:00:00.0/",
	"./0000:00:00.0",
	/* a part is missing */
	"0000",
	"0000:",
	"0000:00",
	"0000:00:",
	"0000:00:00",
	"0000:00:00.",
	"0000:00:.0",
	"0000::00.0",
	":00:00.0",
	"00:00",
	"00.0",
	"0000:00.0",
	/* too few or too many digits */
	"0:00:00.0",
	"00:00:00.0",
	"000:00:00.0",
	"000000000:00:00.0",
	"100000000:00:00.0",
	"0000:0:00.0",
	"0000:000:00.0",
	"0000:00:0.0",
	"0000:00:000.0",
	"0000:00:00.00",
	/* there is no such slot or function */
	"0000:00:20.0",
	"0000:00:ff.0",
	"0000:00:00.8",
	"0000:00:00.f",
	/* something in front, behind or between */
	" 0000:00:00.0",
	"0000:00:00.0 ",
	"0000:00:00.0\n",
	"0000:00:00.0,",
	"0000:00:00.0.0",
	"0x0000:00:00.0",
	"+000:00:00.0",
	"-000:00:00.0",
	"0000:00: 0.0",
	"0000:00:00:0",
	"0000.00.00.0",
	"0000-00-00.0",
	/* no hexadecimal digits */
	"000g:00:00.0",
	"0000:0g:00.0",
	"0000:00:0g.0",
	"0000:00:00.g",
	"０000:00:00.0",
};

START_TEST(refuses_what_is_no_address)
{
	uint64_t address = UNTOUCHED;

	ck_assert_msg(proto_address_parse(bad[_i], &address) == -EINVAL, "'%s' was accepted", bad[_i]);
}
END_TEST

START_TEST(leaves_the_result_alone_when_it_refuses)
{
	uint64_t address = UNTOUCHED;

	proto_address_parse(bad[_i], &address);
	ck_assert_uint_eq(address, UNTOUCHED);
}
END_TEST

START_TEST(refuses_an_address_that_is_cut_short_anywhere)
{
	char text[] = "12345678:9a:1b.5";
	uint64_t address = UNTOUCHED;

	text[_i] = '\0';
	ck_assert_int_eq(proto_address_parse(text, &address), -EINVAL);
}
END_TEST

/* ---- writing ---- */

START_TEST(writes_an_address_as_the_kernel_does)
{
	char text[PROTO_ADDRESS_LEN];

	ck_assert_str_eq(proto_address_format(0, text), "0000:00:00.0");
	ck_assert_str_eq(proto_address_format(0xabcdefd3, text), "abcd:ef:1a.3");
	ck_assert_str_eq(proto_address_format(0x10000e100, text), "10000:e1:00.0");
	ck_assert_str_eq(proto_address_format(0xffffffffffff, text), "ffffffff:ff:1f.7");
}
END_TEST

START_TEST(never_writes_beyond_its_room)
{
	struct {
		char text[PROTO_ADDRESS_LEN];
		char guard[8];
	} room;

	memset(&room, 'x', sizeof(room));
	proto_address_format(UINT64_MAX, room.text);
	ck_assert_mem_eq(room.guard, "xxxxxxxx", sizeof(room.guard));
	ck_assert_ptr_nonnull(memchr(room.text, '\0', sizeof(room.text)));
}
END_TEST

START_TEST(reads_back_every_bus_slot_and_function_that_it_writes)
{
	static const uint64_t domains[] = { 0, 1, 0xffff, 0x10000, 0xffffffff };
	uint64_t domain = domains[_i] << 16, address;
	char text[PROTO_ADDRESS_LEN];

	for (uint64_t low = 0; low <= 0xffff; low++)
		if (proto_address_parse(proto_address_format(domain | low, text), &address) ||
		    address != (domain | low))
			ck_abort_msg("%s is not what was written", text);
}
END_TEST

START_TEST(orders_by_domain_then_bus_then_slot_then_function)
{
	static const char *const ascending[] = { "0000:00:00.0", "0000:00:00.7", "0000:00:01.0",
						 "0000:00:1f.7", "0000:01:00.0", "0000:ff:1f.7",
						 "0001:00:00.0", "ffff:ff:1f.7", "10000:00:00.0" };

	for (size_t i = 1; i < sizeof(ascending) / sizeof(ascending[0]); i++)
		ck_assert_msg(parse(ascending[i - 1]) < parse(ascending[i]), "%s is not below %s", ascending[i - 1],
			      ascending[i]);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("address");
	TCase *reading = tcase_create("reading");
	TCase *writing = tcase_create("writing");
	SRunner *runner;
	int failed;

	tcase_add_loop_test(reading, reads_every_form_of_an_address, 0, sizeof(good) / sizeof(good[0]));
	tcase_add_loop_test(reading, refuses_what_is_no_address, 0, sizeof(bad) / sizeof(bad[0]));
	tcase_add_loop_test(reading, leaves_the_result_alone_when_it_refuses, 0, sizeof(bad) / sizeof(bad[0]));
	tcase_add_loop_test(reading, refuses_an_address_that_is_cut_short_anywhere, 0, sizeof("12345678:9a:1b.5") - 1);
	suite_add_tcase(suite, reading);
	tcase_add_test(writing, writes_an_address_as_the_kernel_does);
	tcase_add_test(writing, never_writes_beyond_its_room);
	tcase_add_loop_test(writing, reads_back_every_bus_slot_and_function_that_it_writes, 0, 5);
	tcase_add_test(writing, orders_by_domain_then_bus_then_slot_then_function);
	suite_add_tcase(suite, writing);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
