/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Quotas by a clock of the test's: who may connect, ask and fill the log, and what is remembered of whom. */
#include "vfiod/limits.h"

#include <check.h>
#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#define SECOND 1000000ull
#define START  (1000 * SECOND)

static const struct quotas quotas = { .connections = 6, .connections_per_user = 4, .requests_per_second = 10 };
static struct limits *limits;
static struct failure failure;
static unsigned int forgotten_lines;

static void forgotten(uid_t uid, unsigned int left_out)
{
	ck_assert_uint_eq(uid % 1000, 0); /* the only ones who had too many */
	forgotten_lines += left_out;
}

static void begin(void)
{
	limits = limits_new(forgotten);
	ck_assert_ptr_nonnull(limits);
}

static void end(void)
{
	limits_free(limits);
}

static struct account *account_of(uid_t uid, uint64_t now)
{
	struct account *account = limits_account(limits, uid, now);

	ck_assert_ptr_nonnull(account);
	return account;
}

static int try_connect(uid_t uid, const struct quotas *by)
{
	return limits_connect(limits, account_of(uid, START), by, &failure);
}

/* ---- buckets ---- */

START_TEST(a_bucket_gives_what_fits_in_and_then_one_at_a_time)
{
	struct bucket bucket = { 0 };

	for (int i = 0; i < 5; i++)
		ck_assert(bucket_take(&bucket, START, 100, 5));
	ck_assert(!bucket_take(&bucket, START, 100, 5));
	ck_assert(!bucket_take(&bucket, START + 99, 100, 5));
	ck_assert(bucket_take(&bucket, START + 100, 100, 5));
	ck_assert(!bucket_take(&bucket, START + 199, 100, 5));
	ck_assert(bucket_take(&bucket, START + 200, 100, 5));
}
END_TEST

START_TEST(a_bucket_is_never_more_than_full)
{
	struct bucket bucket = { 0 };

	ck_assert(bucket_take(&bucket, START, 100, 5));
	for (int i = 0; i < 5; i++)
		ck_assert(bucket_take(&bucket, START * 1000, 100, 5));
	ck_assert(!bucket_take(&bucket, START * 1000, 100, 5));
}
END_TEST

START_TEST(what_is_refused_costs_nothing)
{
	struct bucket bucket = { 0 };

	for (int i = 0; i < 5; i++)
		bucket_take(&bucket, START, 100, 5);
	for (int i = 0; i < 1000; i++)
		ck_assert(!bucket_take(&bucket, START + 50, 100, 5));
	ck_assert(bucket_take(&bucket, START + 100, 100, 5));
}
END_TEST

/* ---- connections ---- */

START_TEST(a_user_has_so_many_connections_and_is_told_of_the_limit)
{
	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(try_connect(7, &quotas), 0);
	ck_assert_int_eq(try_connect(7, &quotas), -EAGAIN);
	ck_assert_ptr_nonnull(strstr(failure.text, "user 7 has 4 connections"));
	ck_assert_ptr_nonnull(strstr(failure.text, "connections-per-user"));
	ck_assert_int_eq(try_connect(8, &quotas), 0);
	limits_disconnect(limits, account_of(7, START), START);
	ck_assert_int_eq(try_connect(7, &quotas), 0);
}
END_TEST

START_TEST(all_together_have_so_many_connections)
{
	for (uid_t uid = 1; uid <= 6; uid++)
		ck_assert_int_eq(try_connect(uid, &quotas), 0);
	ck_assert_int_eq(try_connect(7, &quotas), -EAGAIN);
	ck_assert_ptr_nonnull(strstr(failure.text, "vfiod has 6 connections"));
	limits_disconnect(limits, account_of(3, START), START);
	ck_assert_int_eq(try_connect(7, &quotas), 0);
}
END_TEST

START_TEST(a_limit_of_zero_is_none)
{
	static const struct quotas none = { 0 };

	for (int i = 0; i < 10000; i++)
		ck_assert_int_eq(try_connect(7, &none), 0);
	for (int i = 0; i < 10000; i++)
		ck_assert(account_may_ask(account_of(7, START), &none, START));
}
END_TEST

/* ---- requests and lines ---- */

START_TEST(the_requests_of_a_user_are_those_of_all_its_connections)
{
	try_connect(7, &quotas);
	try_connect(7, &quotas);
	for (int i = 0; i < 10; i++)
		ck_assert(account_may_ask(account_of(7, START), &quotas, START));
	ck_assert(!account_may_ask(account_of(7, START), &quotas, START));
	ck_assert(account_may_ask(account_of(8, START), &quotas, START));
	ck_assert(account_may_ask(account_of(7, START), &quotas, START + SECOND / 10));
}
END_TEST

START_TEST(to_connect_anew_does_not_fill_the_bucket)
{
	try_connect(7, &quotas);
	while (account_may_ask(account_of(7, START), &quotas, START))
		;
	limits_disconnect(limits, account_of(7, START), START);
	for (uid_t uid = 100; uid < 200; uid++)
		account_of(uid, START);
	try_connect(7, &quotas);
	ck_assert(!account_may_ask(account_of(7, START), &quotas, START));
}
END_TEST

START_TEST(lines_of_the_log_that_were_left_out_are_counted)
{
	unsigned int left_out = 99, written = 0;

	try_connect(7, &quotas);
	while (account_may_log(account_of(7, START), START, &left_out)) {
		ck_assert_uint_eq(left_out, 0);
		written++;
	}
	ck_assert_uint_ge(written, 10);
	ck_assert_uint_le(written, 100);
	for (int i = 0; i < 999; i++)
		ck_assert(!account_may_log(account_of(7, START), START, &left_out));
	ck_assert(account_may_log(account_of(7, START), START + 3600 * SECOND, &left_out));
	ck_assert_uint_eq(left_out, 1000);
	ck_assert(account_may_log(account_of(7, START), START + 3600 * SECOND, &left_out));
	ck_assert_uint_eq(left_out, 0);
}
END_TEST

/* ---- what is remembered ---- */

static size_t memory(void)
{
	return mallinfo2().uordblks;
}

START_TEST(users_who_come_and_go_are_forgotten)
{
	const struct quotas none = { .requests_per_second = 10 };
	uint64_t now = START;
	unsigned int left_out;
	size_t after_some = 0;

	for (uid_t uid = 0; uid < 200000; uid++) {
		struct account *account = account_of(uid, now);

		limits_connect(limits, account, &none, &failure);
		account_may_ask(account, &none, now);
		if (uid % 1000 == 0) /* one that is remembered for long is in nobody's way */
			while (account_may_log(account, now, &left_out))
				;
		limits_disconnect(limits, account, now);
		now += 1000;
		if (uid == 20000)
			after_some = memory();
	}
	ck_assert_uint_lt(memory(), after_some + 4096);
	ck_assert_uint_ge(forgotten_lines, 100);
}
END_TEST

START_TEST(what_was_left_out_and_not_told_is_told_at_the_end)
{
	unsigned int left_out;

	while (account_may_log(account_of(1000, START), START, &left_out))
		;
	limits_free(limits);
	ck_assert_uint_eq(forgotten_lines, 1);
	limits = NULL;
}
END_TEST

static TCase *case_of(const char *name)
{
	TCase *tcase = tcase_create(name);

	tcase_add_checked_fixture(tcase, begin, end);
	return tcase;
}

int main(void)
{
	Suite *suite = suite_create("limits");
	TCase *buckets = case_of("buckets"), *connections = case_of("connections"), *asking = case_of("asking");
	SRunner *runner;
	int failed;

	tcase_add_test(buckets, a_bucket_gives_what_fits_in_and_then_one_at_a_time);
	tcase_add_test(buckets, a_bucket_is_never_more_than_full);
	tcase_add_test(buckets, what_is_refused_costs_nothing);
	tcase_add_test(connections, a_user_has_so_many_connections_and_is_told_of_the_limit);
	tcase_add_test(connections, all_together_have_so_many_connections);
	tcase_add_test(connections, a_limit_of_zero_is_none);
	tcase_add_test(asking, the_requests_of_a_user_are_those_of_all_its_connections);
	tcase_add_test(asking, to_connect_anew_does_not_fill_the_bucket);
	tcase_add_test(asking, lines_of_the_log_that_were_left_out_are_counted);
	tcase_add_test(asking, users_who_come_and_go_are_forgotten);
	tcase_add_test(asking, what_was_left_out_and_not_told_is_told_at_the_end);
	suite_add_tcase(suite, buckets);
	suite_add_tcase(suite, connections);
	suite_add_tcase(suite, asking);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
