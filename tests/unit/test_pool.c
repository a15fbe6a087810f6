/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What pools are given out by: how far NUMA nodes are apart, and who asked in vain. */
#include "tests/temporary.h"
#include "vfiod/claims.h"
#include "vfiod/numa.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- nodes ---- */

static char root[TEMPORARY_MAX];
static struct numa numa;

static void write_file(const char *name, const char *text)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", root, name);
	file = fopen(path, "we");
	ck_assert_ptr_nonnull(file);
	fputs(text, file);
	ck_assert_int_eq(fclose(file), 0);
}

/* A machine whose node 1 has the given distances. */
static int read_node(const char *online, const char *distances)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/node1", root);
	mkdir(path, 0700);
	write_file("online", online);
	write_file("node1/distance", distances);
	return numa_read(root, 1, &numa);
}

START_TEST(distances_are_those_of_the_nodes_that_are_online_in_their_order)
{
	ck_assert_int_eq(read_node("0-2,5\n", "20 10 15 30\n"), 0);
	ck_assert_uint_eq(numa_distance(&numa, 0), 20);
	ck_assert_uint_eq(numa_distance(&numa, 1), 10);
	ck_assert_uint_eq(numa_distance(&numa, 2), 15);
	ck_assert_uint_eq(numa_distance(&numa, 5), 30);
	ck_assert_uint_eq(numa_distance(&numa, 3), NUMA_FAR);
}
END_TEST

START_TEST(a_node_that_nobody_knows_is_far)
{
	ck_assert_int_eq(read_node("0-1", "20 10"), 0);
	ck_assert_uint_eq(numa_distance(&numa, NUMA_NODES_MAX), NUMA_FAR);
	ck_assert_uint_eq(numa_distance(&numa, VFIOD_NONE), NUMA_FAR);
}
END_TEST

START_TEST(there_are_no_distances_from_a_node_that_is_not_there)
{
	ck_assert_int_eq(read_node("0-1", "20 10"), 0);
	ck_assert_int_eq(numa_read(root, 7, &numa), -ENOENT);
	ck_assert_int_eq(numa_read("/nonexistent", 0, &numa), -ENOENT);
}
END_TEST

START_TEST(files_that_make_no_sense_are_read_as_far_as_they_do)
{
	static const struct {
		const char *online, *distances;
	} texts[] = { { "", "" },      { "0-", "10" }, { "x", "10" }, { "0-4000000000", "" },
		      { "5-3", "10" }, { "0,,1", "x" } };

	ck_assert_int_eq(read_node(texts[_i].online, texts[_i].distances), 0);
	for (uint32_t node = 0; node < NUMA_NODES_MAX; node++)
		ck_assert_uint_eq(numa_distance(&numa, node), NUMA_FAR);
}
END_TEST

START_TEST(this_machine_has_nodes_or_none)
{
	int err = numa_read(NUMA_ROOT, 0, &numa);

	ck_assert(err == -ENOENT || !err);
	if (!err)
		ck_assert_uint_lt(numa_distance(&numa, 0), NUMA_FAR);
}
END_TEST

/* ---- claims ---- */

static struct claims claims;
static const struct owner owner = { 1, 2 };

static unsigned int count(const char *pool, uint64_t now_ms)
{
	const struct claim *claim = NULL;
	unsigned int found = 0;

	while ((claim = claims_next(&claims, claim, pool, &owner, now_ms)))
		found++;
	return found;
}

START_TEST(a_claim_is_good_for_its_pool_and_its_time)
{
	memset(&claims, 0, sizeof(claims));
	ck_assert_uint_eq(count("a", 1), 0);
	claims_note(&claims, "a", 1000, &owner, 1);
	ck_assert_uint_eq(count("a", 1), 1);
	ck_assert_uint_eq(count("b", 1), 0);
	ck_assert_uint_eq(count("a", CLAIM_MS), 1);
	ck_assert_uint_eq(count("a", CLAIM_MS + 1), 0);
}
END_TEST

START_TEST(a_user_has_one_claim_on_a_pool_and_the_last_one_counts)
{
	memset(&claims, 0, sizeof(claims));
	claims_note(&claims, "a", 1000, &owner, 1);
	claims_note(&claims, "a", 1000, &owner, 500);
	claims_note(&claims, "b", 1000, &owner, 500);
	ck_assert_uint_eq(count("a", 2), 1);
	ck_assert_uint_eq(count("a", CLAIM_MS + 499), 1);
}
END_TEST

START_TEST(who_got_one_has_no_claim_any_more)
{
	memset(&claims, 0, sizeof(claims));
	claims_note(&claims, "a", 1000, &owner, 1);
	claims_note(&claims, "a", 1001, &owner, 1);
	claims_note(&claims, "b", 1000, &owner, 1);
	claims_settle(&claims, "a", 1000);
	ck_assert_uint_eq(count("a", 1), 1);
	ck_assert_uint_eq(claims_next(&claims, NULL, "a", &owner, 1)->uid, 1001);
	ck_assert_uint_eq(count("b", 1), 1);
}
END_TEST

START_TEST(of_too_many_claims_the_oldest_goes)
{
	memset(&claims, 0, sizeof(claims));
	for (uint32_t uid = 0; uid <= CLAIMS_MAX; uid++)
		claims_note(&claims, "a", uid, &owner, uid);
	ck_assert_uint_eq(count("a", CLAIMS_MAX), CLAIMS_MAX);
	for (const struct claim *claim = claims_next(&claims, NULL, "a", &owner, 1); claim;
	     claim = claims_next(&claims, claim, "a", &owner, 1))
		ck_assert_uint_ne(claim->uid, 0);
}
END_TEST

static void remove_root(void)
{
	static const char *const names[] = { "node1/distance", "node1", "online", "" };
	char path[128];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", root, names[i]);
		remove(path);
	}
}

int main(void)
{
	Suite *suite = suite_create("pool");
	TCase *nodes = tcase_create("nodes"), *in_vain = tcase_create("claims");
	SRunner *runner;
	int failed;

	if (!mkdtemp(temporary_path(root, "pool")))
		return EXIT_FAILURE;
	tcase_add_test(nodes, distances_are_those_of_the_nodes_that_are_online_in_their_order);
	tcase_add_test(nodes, a_node_that_nobody_knows_is_far);
	tcase_add_test(nodes, there_are_no_distances_from_a_node_that_is_not_there);
	tcase_add_loop_test(nodes, files_that_make_no_sense_are_read_as_far_as_they_do, 0, 6);
	tcase_add_test(nodes, this_machine_has_nodes_or_none);
	suite_add_tcase(suite, nodes);
	tcase_add_test(in_vain, a_claim_is_good_for_its_pool_and_its_time);
	tcase_add_test(in_vain, a_user_has_one_claim_on_a_pool_and_the_last_one_counts);
	tcase_add_test(in_vain, who_got_one_has_no_claim_any_more);
	tcase_add_test(in_vain, of_too_many_claims_the_oldest_goes);
	suite_add_tcase(suite, in_vain);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	remove_root();
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
