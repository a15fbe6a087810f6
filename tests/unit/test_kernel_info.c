/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The capability chains of VFIO's answers, with all that a kernel should never send. */
#include "libvfiodma/kernel_info.h"

#include <check.h>
#include <errno.h>
#include <linux/vfio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define FIRST 16 /* where the chain begins; before it is the fixed part of the answer */

struct example_cap {
	struct vfio_info_cap_header header;
	uint32_t value;
};

/* An answer of exactly @size bytes in memory of its own, so that a sanitizer sees what is read beyond it. */
static unsigned char *answer_of(size_t size)
{
	unsigned char *answer = calloc(1, size);

	ck_assert_ptr_nonnull(answer);
	return answer;
}

static void put_cap(unsigned char *answer, size_t at, uint16_t id, uint32_t next, uint32_t value)
{
	const struct example_cap cap = { { .id = id, .version = 1, .next = next }, value };

	memcpy(answer + at, &cap, sizeof(cap));
}

static int find(const unsigned char *answer, size_t size, uint32_t offset, uint16_t id, struct example_cap *cap)
{
	const void *rest;
	size_t rest_size;

	return kernel_info_cap(answer, size, offset, id, cap, sizeof(*cap), &rest, &rest_size);
}

START_TEST(a_capability_is_found_behind_others_also_where_it_is_not_aligned)
{
	unsigned char *answer = answer_of(64);
	struct example_cap cap;

	/* as on Linux 6.1, whose capability of 12 bytes pushes the next one off its alignment */
	put_cap(answer, FIRST, 3, FIRST + 12, 30);
	put_cap(answer, FIRST + 12, 1, 0, 10);
	ck_assert_int_eq(find(answer, 64, FIRST, 1, &cap), 0);
	ck_assert_uint_eq(cap.value, 10);
	free(answer);
}
END_TEST

START_TEST(what_follows_the_fixed_part_ends_with_the_answer)
{
	unsigned char *answer = answer_of(FIRST + sizeof(struct example_cap) + 5);
	struct example_cap cap;
	const void *rest;
	size_t rest_size;

	put_cap(answer, FIRST, 1, 0, 10);
	ck_assert_int_eq(
		kernel_info_cap(answer, FIRST + sizeof(cap) + 5, FIRST, 1, &cap, sizeof(cap), &rest, &rest_size), 0);
	ck_assert_ptr_eq(rest, answer + FIRST + sizeof(cap));
	ck_assert_uint_eq(rest_size, 5);
	free(answer);
}
END_TEST

START_TEST(a_capability_that_is_not_there_is_not_found)
{
	unsigned char *answer = answer_of(64);
	struct example_cap cap;

	put_cap(answer, FIRST, 3, 0, 30);
	ck_assert_int_eq(find(answer, 64, FIRST, 1, &cap), -ENOENT);
	ck_assert_int_eq(find(answer, 64, 0, 3, &cap), -ENOENT);
	free(answer);
}
END_TEST

START_TEST(a_chain_that_leaves_the_answer_is_refused)
{
	static const uint32_t outside[] = { 60, 64, 65, 0x80000000, 0xfffffff8, 0xffffffff };
	unsigned char *answer = answer_of(64);
	struct example_cap cap;

	put_cap(answer, FIRST, 3, outside[_i], 30);
	ck_assert_int_eq(find(answer, 64, FIRST, 1, &cap), -EBADMSG);
	ck_assert_int_eq(find(answer, 64, outside[_i], 1, &cap), -EBADMSG);
	free(answer);
}
END_TEST

START_TEST(a_chain_that_turns_back_is_refused)
{
	static const uint32_t back[] = { FIRST, FIRST - 8, FIRST + 12 };
	unsigned char *answer = answer_of(64);
	struct example_cap cap;

	put_cap(answer, FIRST, 3, FIRST + 12, 30);
	put_cap(answer, FIRST + 12, 4, back[_i], 40);
	ck_assert_int_eq(find(answer, 64, FIRST, 1, &cap), -EBADMSG);
	free(answer);
}
END_TEST

START_TEST(a_capability_cut_off_by_the_end_is_refused)
{
	const size_t size = FIRST + sizeof(struct vfio_info_cap_header);
	const struct vfio_info_cap_header header = { .id = 1, .version = 1 };
	unsigned char *answer = answer_of(size);
	struct example_cap cap;

	memcpy(answer + FIRST, &header, sizeof(header));
	ck_assert_int_eq(find(answer, size, FIRST, 1, &cap), -EBADMSG);
	free(answer);
}
END_TEST

START_TEST(the_kernels_refusal_is_passed_on)
{
	const struct vfio_iommu_type1_info question = { .argsz = sizeof(question) };
	int not_vfio = eventfd(0, EFD_CLOEXEC);
	void *info = NULL;
	size_t size;

	ck_assert_int_eq(kernel_info(not_vfio, VFIO_IOMMU_GET_INFO, &question, &info, &size), -ENOTTY);
	ck_assert_ptr_null(info);
	close(not_vfio);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("kernel_info");
	TCase *chain = tcase_create("capabilities");
	TCase *ask = tcase_create("ask");
	SRunner *runner;
	int failed;

	tcase_add_test(chain, a_capability_is_found_behind_others_also_where_it_is_not_aligned);
	tcase_add_test(chain, what_follows_the_fixed_part_ends_with_the_answer);
	tcase_add_test(chain, a_capability_that_is_not_there_is_not_found);
	tcase_add_loop_test(chain, a_chain_that_leaves_the_answer_is_refused, 0, 6);
	tcase_add_loop_test(chain, a_chain_that_turns_back_is_refused, 0, 3);
	tcase_add_test(chain, a_capability_cut_off_by_the_end_is_refused);
	suite_add_tcase(suite, chain);
	tcase_add_test(ask, the_kernels_refusal_is_passed_on);
	suite_add_tcase(suite, ask);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
