/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TEST_CROSS_CHECK_H
#define TEST_CROSS_CHECK_H

/*
 * As much of libcheck as the tests of libpcicfg use, for machines that have no libcheck: those that are emulated. All
 * tests run in one process; one that fails ends there, and the next one begins.
 */
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct cross_test {
	void (*run)(int);
	const char *name;
	int first, last;
};

typedef struct cross_suite {
	struct cross_test test[200];
	int count, failed;
} Suite, TCase, SRunner;

static jmp_buf cross_end;
static Suite cross_all;

#define CK_NORMAL 0

#define START_TEST(test) static void test(int _i __attribute__((unused)))
#define END_TEST

#define ck_abort_msg(...) \
	do { \
		printf("%s:%d:F: ", __FILE__, __LINE__); \
		printf(__VA_ARGS__); \
		printf("\n"); \
		longjmp(cross_end, 1); \
	} while (0)
#define ck_assert_msg(condition, ...) \
	do { \
		if (!(condition)) \
			ck_abort_msg(__VA_ARGS__); \
	} while (0)
#define ck_assert(condition) ck_assert_msg(condition, "%s", #condition)

#define cross_compare(type, format, a, op, b) \
	do { \
		type cross_a = (type)(a), cross_b = (type)(b); \
		if (!(cross_a op cross_b)) \
			ck_abort_msg("%s: " format ", " format, #a " " #op " " #b, cross_a, cross_b); \
	} while (0)
#define ck_assert_int_eq(a, b)	cross_compare(long long, "%lld", a, ==, b)
#define ck_assert_int_lt(a, b)	cross_compare(long long, "%lld", a, <, b)
#define ck_assert_uint_eq(a, b) cross_compare(unsigned long long, "%#llx", a, ==, b)
#define ck_assert_uint_lt(a, b) cross_compare(unsigned long long, "%#llx", a, <, b)
#define ck_assert_uint_le(a, b) cross_compare(unsigned long long, "%#llx", a, <=, b)
#define ck_assert_uint_gt(a, b) cross_compare(unsigned long long, "%#llx", a, >, b)
#define ck_assert_uint_ge(a, b) cross_compare(unsigned long long, "%#llx", a, >=, b)
#define ck_assert_str_eq(a, b)	ck_assert_msg(!strcmp(a, b), "\"%s\" is not \"%s\"", a, b)

static inline Suite *suite_create(const char *name)
{
	printf("Running suite(s): %s\n", name);
	return &cross_all;
}

static inline TCase *tcase_create(const char *name)
{
	(void)name;
	return &cross_all;
}

static inline void cross_add(void (*run)(int), const char *name, int first, int last)
{
	cross_all.test[cross_all.count++] = (struct cross_test){ run, name, first, last };
}

#define tcase_add_loop_test(tcase, test, first, last) cross_add(test, #test, first, last)
#define tcase_add_test(tcase, test)		      cross_add(test, #test, 0, 1)
#define tcase_set_timeout(tcase, seconds)	      ((void)0)
#define suite_add_tcase(suite, tcase)		      ((void)(suite), (void)(tcase))
#define srunner_create(suite)			      (suite)
#define srunner_ntests_failed(runner)		      ((runner)->failed)
#define srunner_free(runner)			      ((void)(runner))

static inline void srunner_run_all(SRunner *runner, int how)
{
	static int i, each, checks;

	(void)how;
	for (i = 0; i < runner->count; i++)
		for (each = runner->test[i].first; each < runner->test[i].last; each++) {
			checks++;
			if (!setjmp(cross_end)) {
				runner->test[i].run(each);
			} else {
				printf("failed: %s:%d\n", runner->test[i].name, each);
				runner->failed++;
			}
		}
	printf("%d%%: Checks: %d, Failures: %d\n", checks ? 100 * (checks - runner->failed) / checks : 0, checks,
	       runner->failed);
}

#endif
