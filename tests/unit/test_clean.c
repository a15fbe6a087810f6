/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whether a function is reset between two users, against a sysfs of this file: all that clean.c needs of sysfs.c. */
#include "vfiod/clean.h"

#include "vfiod/sysfs.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ADDRESS 0x100

static int answer; /* of the kernel to who writes to "reset" */
static int resets;

int sysfs_read(uint64_t address, const char *attribute, char *value, size_t size)
{
	(void)address;
	(void)attribute;
	(void)size;
	value[0] = '\0';
	return -ENOENT;
}

int sysfs_write(uint64_t address, const char *attribute, const char *value)
{
	ck_assert_uint_eq(address, ADDRESS);
	ck_assert_str_eq(attribute, "reset");
	ck_assert_str_eq(value, "1");
	resets++;
	return answer;
}

static const struct {
	enum clean_reset wanted;
	int answer, result, resets;
} cases[] = {
	{ CLEAN_RESET_REQUIRED, 0, 0, 1 },
	{ CLEAN_RESET_REQUIRED, -ENOENT, -EOPNOTSUPP, 1 },
	{ CLEAN_RESET_REQUIRED, -ENOTTY, -EOPNOTSUPP, 1 },
	{ CLEAN_RESET_REQUIRED, -EIO, -EIO, 1 },
	{ CLEAN_RESET_BEST_EFFORT, 0, 0, 1 },
	{ CLEAN_RESET_BEST_EFFORT, -ENOENT, 0, 1 },
	{ CLEAN_RESET_BEST_EFFORT, -ENOTTY, 0, 1 },
	{ CLEAN_RESET_BEST_EFFORT, -EIO, -EIO, 1 },
	{ CLEAN_RESET_NONE, 0, 0, 0 },
	{ CLEAN_RESET_NONE, -ENOENT, 0, 0 },
	{ CLEAN_RESET_NONE, -EIO, 0, 0 },
};

START_TEST(a_function_is_reset_as_far_as_that_is_wanted_and_possible)
{
	struct failure failure = { 0 };

	answer = cases[_i].answer;
	resets = 0;
	ck_assert_int_eq(clean_reset(ADDRESS, cases[_i].wanted, &failure), cases[_i].result);
	ck_assert_int_eq(resets, cases[_i].resets);
	ck_assert_int_eq(failure.error, cases[_i].result);
	ck_assert(!failure.error || strstr(failure.text, "0000:01:00.0"));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("clean");
	TCase *tcase = tcase_create("reset");
	SRunner *runner;
	int failed;

	tcase_add_loop_test(tcase, a_function_is_reset_as_far_as_that_is_wanted_and_possible, 0,
			    sizeof(cases) / sizeof(cases[0]));
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
