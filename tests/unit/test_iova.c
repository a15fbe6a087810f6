/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The IOVA allocator: by example, and against a model that is too simple to be wrong. */
#include "libvfiodma/iova.h"

#include <check.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#define PAGE 0x1000ull
#define MIB  0x100000ull

static const struct iova_range everything = { 0, UINT64_MAX };

static struct iova_space *space_of(const struct iova_range *ranges, size_t count, uint64_t last)
{
	struct iova_space *space = NULL;

	ck_assert_int_eq(iova_space_new(ranges, count, last, PAGE, &space), 0);
	ck_assert_ptr_nonnull(space);
	return space;
}

static uint64_t alloc(struct iova_space *space, uint64_t size)
{
	uint64_t iova = 0;

	ck_assert_int_eq(iova_alloc(space, size, &iova), 0);
	return iova;
}

static void assert_full(struct iova_space *space, uint64_t size)
{
	uint64_t iova = 4711;

	ck_assert_int_eq(iova_alloc(space, size, &iova), -ENOSPC);
	ck_assert_uint_eq(iova, 4711);
}

/* ---- the space ---- */

START_TEST(the_first_page_is_never_handed_out)
{
	struct iova_space *space = space_of(&everything, 1, UINT64_MAX);

	ck_assert_uint_eq(alloc(space, PAGE), PAGE);
	ck_assert_uint_eq(alloc(space, PAGE), 2 * PAGE);
	iova_space_free(space);
}
END_TEST

START_TEST(nothing_is_handed_out_beyond_the_width_of_the_device)
{
	struct iova_space *space = space_of(&everything, 1, (1ull << 14) - 1);

	ck_assert_uint_eq(alloc(space, PAGE), PAGE);
	ck_assert_uint_eq(alloc(space, 2 * PAGE), 2 * PAGE);
	assert_full(space, PAGE);
	iova_space_free(space);
}
END_TEST

START_TEST(nothing_is_handed_out_between_the_ranges)
{
	/* as x86 has it: between them is where interrupts go */
	static const struct iova_range ranges[] = { { 0, 0xfedfffff }, { 0xfef00000, 0x7fffffffff } };
	struct iova_space *space = space_of(ranges, 2, 0xfef02fff);

	/* all but the last page below the gap */
	ck_assert_uint_eq(alloc(space, 0xfee00000 - 2 * PAGE), PAGE);
	ck_assert_uint_eq(alloc(space, 2 * PAGE), 0xfef00000);
	ck_assert_uint_eq(alloc(space, PAGE), 0xfee00000 - PAGE);
	ck_assert_uint_eq(alloc(space, PAGE), 0xfef02000);
	assert_full(space, PAGE);
	iova_space_free(space);
}
END_TEST

START_TEST(ranges_may_come_in_any_order_and_overlap_and_touch)
{
	static const struct iova_range mixed[] = {
		{ 0x8000, 0x8fff }, { 0x3000, 0x4fff }, { 0x1000, 0x3fff }, { 0x5000, 0x5fff }, { 0x2000, 0x2fff },
	};
	struct iova_space *space = space_of(mixed, 5, UINT64_MAX);

	ck_assert_uint_eq(alloc(space, 5 * PAGE), 0x1000);
	ck_assert_uint_eq(alloc(space, PAGE), 0x8000);
	assert_full(space, PAGE);
	iova_space_free(space);
}
END_TEST

START_TEST(parts_of_pages_are_not_handed_out)
{
	static const struct iova_range ragged[] = { { 0x1001, 0x3ffe }, { 0x4800, 0x57ff }, { 0x6000, 0x6ffe } };
	struct iova_space *space = space_of(ragged, 3, UINT64_MAX);

	ck_assert_uint_eq(alloc(space, PAGE), 0x2000);
	assert_full(space, PAGE);
	iova_space_free(space);
}
END_TEST

START_TEST(the_last_page_of_64_bits_can_be_used)
{
	static const struct iova_range top = { UINT64_MAX - 2 * PAGE + 1, UINT64_MAX };
	struct iova_space *space = space_of(&top, 1, UINT64_MAX);

	ck_assert_uint_eq(alloc(space, PAGE), UINT64_MAX - 2 * PAGE + 1);
	ck_assert_uint_eq(alloc(space, PAGE), UINT64_MAX - PAGE + 1);
	assert_full(space, PAGE);
	ck_assert_int_eq(iova_release(space, UINT64_MAX - PAGE + 1, PAGE), 0);
	ck_assert_int_eq(iova_release(space, UINT64_MAX - 2 * PAGE + 1, PAGE), 0);
	ck_assert_uint_eq(alloc(space, 2 * PAGE), UINT64_MAX - 2 * PAGE + 1);
	iova_space_free(space);
}
END_TEST

START_TEST(a_space_without_a_page_is_refused)
{
	static const struct iova_range small = { 0x1000, 0x1ffe };
	struct iova_space *space = NULL;

	ck_assert_int_eq(iova_space_new(NULL, 0, UINT64_MAX, PAGE, &space), -ENOSPC);
	ck_assert_int_eq(iova_space_new(&small, 1, UINT64_MAX, PAGE, &space), -ENOSPC);
	ck_assert_int_eq(iova_space_new(&everything, 1, 0xfff, PAGE, &space), -ENOSPC);
	ck_assert_int_eq(iova_space_new(&everything, 1, 1, PAGE, &space), -ENOSPC);
	ck_assert_ptr_null(space);
}
END_TEST

START_TEST(a_space_that_makes_no_sense_is_refused)
{
	static const struct iova_range backward = { 0x3000, 0x2fff };
	struct iova_space *space = NULL;

	ck_assert_int_eq(iova_space_new(&backward, 1, UINT64_MAX, PAGE, &space), -EINVAL);
	ck_assert_int_eq(iova_space_new(&everything, 1, UINT64_MAX, 0, &space), -EINVAL);
	ck_assert_int_eq(iova_space_new(&everything, 1, UINT64_MAX, 3 * PAGE, &space), -EINVAL);
	ck_assert_ptr_null(space);
}
END_TEST

/* ---- handing out and taking back ---- */

START_TEST(sizes_that_are_no_pages_are_refused)
{
	static const uint64_t sizes[] = { 0, 1, PAGE - 1, PAGE + 1, UINT64_MAX };
	struct iova_space *space = space_of(&everything, 1, UINT64_MAX);
	uint64_t iova = 4711;

	ck_assert_int_eq(iova_alloc(space, sizes[_i], &iova), -EINVAL);
	ck_assert_uint_eq(iova, 4711);
	iova_space_free(space);
}
END_TEST

START_TEST(a_size_that_would_overflow_finds_no_room)
{
	struct iova_space *space = space_of(&everything, 1, UINT64_MAX);

	/* all that there is but the first page: 2^64 less two pages fit behind a page that is taken, one more does not
	 */
	ck_assert_uint_eq(alloc(space, PAGE), PAGE);
	assert_full(space, 0 - PAGE);
	ck_assert_uint_eq(alloc(space, 0 - 2 * PAGE), 2 * PAGE);
	iova_space_free(space);
}
END_TEST

START_TEST(two_mebibytes_and_more_are_aligned_to_two_mebibytes)
{
	struct iova_space *space = space_of(&everything, 1, UINT64_MAX);

	ck_assert_uint_eq(alloc(space, 2 * MIB), 2 * MIB);
	ck_assert_uint_eq(alloc(space, 3 * MIB), 4 * MIB);
	ck_assert_uint_eq(alloc(space, 2 * MIB), 8 * MIB);
	/* small ones come from the gaps that this leaves */
	ck_assert_uint_eq(alloc(space, PAGE), PAGE);
	ck_assert_uint_eq(alloc(space, MIB), 2 * PAGE);
	ck_assert_uint_eq(alloc(space, MIB), 7 * MIB);
	iova_space_free(space);
}
END_TEST

START_TEST(an_area_that_fits_only_unaligned_is_handed_out_all_the_same)
{
	static const struct iova_range odd = { 1 * MIB, 4 * MIB - 1 };
	struct iova_space *space = space_of(&odd, 1, UINT64_MAX);

	ck_assert_uint_eq(alloc(space, 3 * MIB), 1 * MIB);
	iova_space_free(space);
}
END_TEST

START_TEST(the_lowest_place_that_fits_is_taken)
{
	struct iova_space *space = space_of(&everything, 1, UINT64_MAX);

	for (unsigned int i = 1; i <= 6; i++)
		ck_assert_uint_eq(alloc(space, PAGE), i * PAGE);
	ck_assert_int_eq(iova_release(space, 2 * PAGE, PAGE), 0);
	ck_assert_int_eq(iova_release(space, 4 * PAGE, PAGE), 0);
	ck_assert_int_eq(iova_release(space, 5 * PAGE, PAGE), 0);
	ck_assert_uint_eq(alloc(space, 2 * PAGE), 4 * PAGE);
	ck_assert_uint_eq(alloc(space, PAGE), 2 * PAGE);
	ck_assert_uint_eq(alloc(space, PAGE), 7 * PAGE);
	iova_space_free(space);
}
END_TEST

START_TEST(what_is_given_back_joins_its_neighbours)
{
	static const int orders[][3] = { { 1, 2, 3 }, { 1, 3, 2 }, { 2, 1, 3 }, { 2, 3, 1 }, { 3, 1, 2 }, { 3, 2, 1 } };
	static const struct iova_range three = { 1 * PAGE, 4 * PAGE - 1 };
	struct iova_space *space = space_of(&three, 1, UINT64_MAX);

	for (int i = 0; i < 3; i++)
		alloc(space, PAGE);
	assert_full(space, PAGE);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(iova_release(space, (uint64_t)orders[_i][i] * PAGE, PAGE), 0);
	ck_assert_uint_eq(alloc(space, 3 * PAGE), PAGE);
	iova_space_free(space);
}
END_TEST

START_TEST(what_was_not_handed_out_cannot_be_given_back)
{
	struct iova_space *space = space_of(&everything, 1, UINT64_MAX);

	ck_assert_int_eq(iova_release(space, PAGE, PAGE), -EINVAL); /* nothing was handed out yet */
	ck_assert_uint_eq(alloc(space, 4 * PAGE), PAGE);
	ck_assert_int_eq(iova_release(space, 5 * PAGE, PAGE), -EINVAL);	    /* is free */
	ck_assert_int_eq(iova_release(space, PAGE, 5 * PAGE), -EINVAL);	    /* the end of it is free */
	ck_assert_int_eq(iova_release(space, PAGE, 0), -EINVAL);	    /* no size */
	ck_assert_int_eq(iova_release(space, PAGE + 1, PAGE), -EINVAL);	    /* not a page */
	ck_assert_int_eq(iova_release(space, PAGE, PAGE + 1), -EINVAL);	    /* not pages */
	ck_assert_int_eq(iova_release(space, 0, PAGE), -EINVAL);	    /* the first page */
	ck_assert_int_eq(iova_release(space, 2 * PAGE, 0 - PAGE), -EINVAL); /* beyond the end */
	ck_assert_int_eq(iova_release(space, PAGE, 4 * PAGE), 0);
	ck_assert_int_eq(iova_release(space, PAGE, 4 * PAGE), -EINVAL); /* once is enough */
	iova_space_free(space);
}
END_TEST

START_TEST(ten_thousand_areas_given_back_leave_the_space_whole)
{
	enum { AREAS = 10000 };
	struct iova_space *space = space_of(&everything, 1, (AREAS + 1) * PAGE - 1);

	for (uint64_t i = 1; i <= AREAS; i++)
		ck_assert_uint_eq(alloc(space, PAGE), i * PAGE);
	assert_full(space, PAGE);
	for (uint64_t i = 1; i <= AREAS; i += 2)
		ck_assert_int_eq(iova_release(space, i * PAGE, PAGE), 0);
	for (uint64_t i = 2; i <= AREAS; i += 2)
		ck_assert_int_eq(iova_release(space, i * PAGE, PAGE), 0);
	ck_assert_uint_eq(alloc(space, AREAS * PAGE), PAGE);
	iova_space_free(space);
}
END_TEST

/* ---- against the model ---- */

#define UNITS 64 /* of the model's space */
#define STEPS 20000

/* A space of some units, each free or not; an area of @large units or more prefers a multiple of @large. */
struct model {
	bool usable[UNITS], taken[UNITS];
	unsigned int large;
};

static bool model_free(const struct model *model, unsigned int at, unsigned int count)
{
	if (at + count > UNITS)
		return false;
	for (unsigned int i = at; i < at + count; i++)
		if (!model->usable[i] || model->taken[i])
			return false;
	return true;
}

/* The first unit of the area that should be handed out; 0: none, since the first unit never is. */
static unsigned int model_find(const struct model *model, unsigned int count)
{
	if (count >= model->large)
		for (unsigned int at = model->large; at < UNITS; at += model->large)
			if (model_free(model, at, count))
				return at;
	for (unsigned int at = 1; at < UNITS; at++)
		if (model_free(model, at, count))
			return at;
	return 0;
}

static void model_mark(struct model *model, unsigned int at, unsigned int count, bool taken)
{
	for (unsigned int i = at; i < at + count; i++)
		model->taken[i] = taken;
}

static unsigned int next_random(uint32_t *state, unsigned int below)
{
	*state = *state * 1664525 + 1013904223;
	return (*state >> 16) % below;
}

static void model_step(struct model *model, struct iova_space *space, uint64_t unit, uint32_t *random,
		       unsigned int lengths[UNITS])
{
	unsigned int at = next_random(random, UNITS);

	if (lengths[at]) {
		ck_assert_int_eq(iova_release(space, at * unit, lengths[at] * unit), 0);
		model_mark(model, at, lengths[at], false);
		lengths[at] = 0;
	} else {
		unsigned int count = 1 + next_random(random, 9), expected = model_find(model, count);
		uint64_t iova = 0;

		ck_assert_int_eq(iova_alloc(space, count * unit, &iova), expected ? 0 : -ENOSPC);
		ck_assert_uint_eq(iova, expected * unit);
		model_mark(model, expected, expected ? count : 0, true);
		lengths[expected] = expected ? count : 0;
	}
}

START_TEST(a_random_life_goes_as_the_model_says)
{
	/* units of a page never reach 2 MiB; units of 512 KiB and 1 MiB do, and 2 MiB are aligned anyway */
	static const struct {
		uint64_t unit;
		unsigned int large;
		uint32_t seed;
	} lives[] = { { PAGE, UNITS, 1 }, { MIB / 2, 4, 2 }, { MIB, 2, 3 }, { 2 * MIB, 1, 4 } };
	const uint64_t unit = lives[_i].unit;
	const struct iova_range ranges[] = { { 0, 24 * unit - 1 },
					     { 27 * unit, 50 * unit - 1 },
					     { 51 * unit, UINT64_MAX } };
	struct model model = { .large = lives[_i].large };
	unsigned int lengths[UNITS] = { 0 };
	uint32_t random = lives[_i].seed;
	struct iova_space *space = NULL;

	printf("seed %u, units of 0x%llx\n", random, (unsigned long long)unit);
	fflush(stdout);
	ck_assert_int_eq(iova_space_new(ranges, 3, UNITS * unit - 1, unit, &space), 0);
	for (unsigned int i = 1; i < UNITS; i++)
		model.usable[i] = i < 24 || (i >= 27 && i < 50) || i >= 51;
	for (unsigned int i = 0; i < STEPS; i++)
		model_step(&model, space, unit, &random, lengths);
	iova_space_free(space);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("iova");
	TCase *limits = tcase_create("the space");
	TCase *areas = tcase_create("areas");
	TCase *model = tcase_create("model");
	SRunner *runner;
	int failed;

	tcase_add_test(limits, the_first_page_is_never_handed_out);
	tcase_add_test(limits, nothing_is_handed_out_beyond_the_width_of_the_device);
	tcase_add_test(limits, nothing_is_handed_out_between_the_ranges);
	tcase_add_test(limits, ranges_may_come_in_any_order_and_overlap_and_touch);
	tcase_add_test(limits, parts_of_pages_are_not_handed_out);
	tcase_add_test(limits, the_last_page_of_64_bits_can_be_used);
	tcase_add_test(limits, a_space_without_a_page_is_refused);
	tcase_add_test(limits, a_space_that_makes_no_sense_is_refused);
	suite_add_tcase(suite, limits);
	tcase_add_loop_test(areas, sizes_that_are_no_pages_are_refused, 0, 5);
	tcase_add_test(areas, a_size_that_would_overflow_finds_no_room);
	tcase_add_test(areas, two_mebibytes_and_more_are_aligned_to_two_mebibytes);
	tcase_add_test(areas, an_area_that_fits_only_unaligned_is_handed_out_all_the_same);
	tcase_add_test(areas, the_lowest_place_that_fits_is_taken);
	tcase_add_loop_test(areas, what_is_given_back_joins_its_neighbours, 0, 6);
	tcase_add_test(areas, what_was_not_handed_out_cannot_be_given_back);
	tcase_add_test(areas, ten_thousand_areas_given_back_leave_the_space_whole);
	suite_add_tcase(suite, areas);
	tcase_add_loop_test(model, a_random_life_goes_as_the_model_says, 0, 4);
	tcase_set_timeout(model, 60);
	suite_add_tcase(suite, model);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
