/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The way to a function through the bridges above it: from sysfs, and as somebody writes it. */
#include "vfiod/topology.h"

#include "proto/vfiod_proto.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Paths of sysfs as machines have them. */
static const struct {
	const char *syspath, *path;
} functions[] = {
	{ "/sys/devices/pci0000:00/0000:00:02.0", "0000:00:02.0" },
	{ "/sys/devices/pci0000:00/0000:00:1c.0/0000:01:00.0", "0000:00:1c.0/00.0" },
	{ "/sys/devices/pci0000:00/0000:00:1c.4/0000:04:00.0/0000:05:1f.7", "0000:00:1c.4/00.0/1f.7" },
	{ "/sys/devices/pci0000:c0/0000:c0:03.1/0000:c1:00.0", "0000:c0:03.1/00.0" },
	{ "/sys/devices/platform/4010000000.pcie/pci0000:00/0000:00:01.0", "0000:00:01.0" },
	/* Intel's VMD: a domain of its own below a function, which lspci begins anew for */
	{ "/sys/devices/pci0000:00/0000:00:0e.0/pci10000:e0/10000:e0:06.0/10000:e1:00.0", "10000:e0:06.0/00.0" },
};

START_TEST(a_path_has_the_bus_of_its_root_and_no_other)
{
	char path[TOPOLOGY_PATH_MAX];

	ck_assert_int_eq(topology_of(functions[_i].syspath, path), 0);
	ck_assert_str_eq(path, functions[_i].path);
}
END_TEST

START_TEST(the_bridge_above_a_function_is_the_last_one_before_it)
{
	ck_assert_uint_eq(topology_parent("/sys/devices/pci0000:00/0000:00:1c.0/0000:01:00.0"), 0x00e0);
	ck_assert_uint_eq(topology_parent("/sys/devices/pci0000:00/0000:00:08.0/0000:08:00.0/0000:09:01.0"), 0x0800);
	ck_assert_uint_eq(topology_parent("/sys/devices/pci0000:00/0000:00:1f.2"), VFIOD_NO_ADDRESS);
	ck_assert_uint_eq(topology_parent(
				  "/sys/devices/pci0000:00/0000:00:0e.0/pci10000:e0/10000:e0:06.0/10000:e1:00.0"),
			  0x10000e030);
	ck_assert_uint_eq(topology_parent("/sys/devices/pci0000:00/0000:00:0e.0/pci10000:e0/10000:e0:06.0"),
			  VFIOD_NO_ADDRESS);
	ck_assert_uint_eq(topology_parent(""), VFIOD_NO_ADDRESS);
}
END_TEST

START_TEST(a_card_that_was_renumbered_has_the_same_path)
{
	char before[TOPOLOGY_PATH_MAX], after[TOPOLOGY_PATH_MAX];

	ck_assert_int_eq(topology_of("/sys/devices/pci0000:00/0000:00:1c.0/0000:01:00.0", before), 0);
	ck_assert_int_eq(topology_of("/sys/devices/pci0000:00/0000:00:1c.0/0000:05:00.0", after), 0);
	ck_assert_str_eq(before, after);
}
END_TEST

START_TEST(what_is_no_pci_function_has_no_path)
{
	static const char *const syspaths[] = { "", "/", "/sys/devices/pci0000:00", "/sys/devices/virtual/net/lo" };
	char path[TOPOLOGY_PATH_MAX] = "before";

	ck_assert_int_eq(topology_of(syspaths[_i], path), -EINVAL);
	ck_assert_str_eq(path, "");
}
END_TEST

START_TEST(what_a_function_has_can_be_written_in_a_rule)
{
	char path[TOPOLOGY_PATH_MAX];

	ck_assert_int_eq(topology_parse(functions[_i].path, path), 0);
	ck_assert_str_eq(path, functions[_i].path);
}
END_TEST

START_TEST(a_path_may_be_written_without_domain_and_in_capitals)
{
	char path[TOPOLOGY_PATH_MAX];

	ck_assert_int_eq(topology_parse("00:1C.0/0A.0", path), 0);
	ck_assert_str_eq(path, "0000:00:1c.0/0a.0");
}
END_TEST

static const char *const wrong[] = {
	"",
	"/",
	"1c.0",
	"0000:00:1c.0/",
	"/0000:00:1c.0",
	"0000:00:1c.0//00.0",
	"0000:00:1c.0/01:00.0",
	"0000:00:1c.0/0000:01:00.0",
	"0000:00:1c.0/0.0",
	"0000:00:1c.0/00.8",
	"0000:00:1c.0/20.0",
	"0000:00:1c.0/00.0 ",
	"0000:00:1c.0/00.00",
	"0000:00:1c.0 /00.0",
	"000000000:00:1c.0/00.0",
	"00000000:00:1c.00000/00.0",
	"pci-0000:00:1c.0",
};

START_TEST(a_path_that_is_written_otherwise_is_none)
{
	char path[TOPOLOGY_PATH_MAX] = "before";

	ck_assert_msg(topology_parse(wrong[_i], path) == -EINVAL, "'%s' is taken for %s", wrong[_i], path);
	ck_assert_str_eq(path, "");
}
END_TEST

START_TEST(a_path_behind_more_bridges_than_there_is_room_for_is_too_long)
{
	char syspath[400] = "/sys/devices/pci0000:00/0000:00:1c.0", text[200] = "0000:00:1c.0";
	char path[TOPOLOGY_PATH_MAX];

	for (int i = 0; i < 16; i++) {
		strcat(syspath, "/0000:01:00.0");
		strcat(text, "/00.0");
	}
	ck_assert_int_eq(topology_of(syspath, path), 0);
	ck_assert_str_eq(path, text);
	strcat(syspath, "/0000:01:00.0");
	strcat(text, "/00.0");
	ck_assert_int_eq(topology_of(syspath, path), -ENAMETOOLONG);
	ck_assert_str_eq(path, "");
	ck_assert_int_eq(topology_parse(text, path), -ENAMETOOLONG);
	ck_assert_str_eq(path, "");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("topology");
	TCase *tcase = tcase_create("paths");
	SRunner *runner;
	int failed, count = sizeof(functions) / sizeof(functions[0]);

	tcase_add_loop_test(tcase, a_path_has_the_bus_of_its_root_and_no_other, 0, count);
	tcase_add_test(tcase, the_bridge_above_a_function_is_the_last_one_before_it);
	tcase_add_test(tcase, a_card_that_was_renumbered_has_the_same_path);
	tcase_add_loop_test(tcase, what_is_no_pci_function_has_no_path, 0, 4);
	tcase_add_loop_test(tcase, what_a_function_has_can_be_written_in_a_rule, 0, count);
	tcase_add_test(tcase, a_path_may_be_written_without_domain_and_in_capitals);
	tcase_add_loop_test(tcase, a_path_that_is_written_otherwise_is_none, 0, sizeof(wrong) / sizeof(wrong[0]));
	tcase_add_test(tcase, a_path_behind_more_bridges_than_there_is_room_for_is_too_long);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
