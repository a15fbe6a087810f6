/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What holds for every function, well-formed or not: against hardware of which every bit matters, and against a second
 * statement of who owns which bit (pcicfg_owner.c).
 *
 * PCICFG_SEED: where to begin; PCICFG_LAYOUTS: percent of the layouts, for slow machines.
 */
#include "tests/unit/pcicfg_layout.h"
#include "tests/unit/pcicfg_owner.h"

#include <check.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define EXHAUSTIVE 300
#define RANDOM	   10000
#define ACCESSES   500
#define PARTS	   10 /* so that each is a test of its own */

static uint64_t seed = 0x76666977;

/* One function, its model, and what should come out. */
struct trial {
	struct hw hw, expected;
	struct owner owner;
	struct pcicfg_facts facts;
	struct pcicfg cfg;
	uint8_t guard[64]; /* behind the model: for builds without ASan */
	unsigned int layout;
	uint64_t accesses;
};

static struct trial trial;

/* What was done, for the figure: shared with the processes that the tests are. */
static struct {
	uint64_t exhaustive, random, accesses;
} * done;

static unsigned int layouts(unsigned int all)
{
	const char *percent = getenv("PCICFG_LAYOUTS");

	return percent ? (unsigned int)(all * strtoul(percent, NULL, 0) / 100) : all;
}

static void open_layout(unsigned int layout, uint64_t *state)
{
	*state = seed ^ (layout + 1) * 0x9e3779b97f4a7c15ull;
	trial.layout = layout;
	layout_generate(state, &trial.hw, &trial.facts);
	owner_find_out(&trial.owner, &trial.hw, &trial.facts);
	owner_settle(&trial.owner, &trial.hw);
	memset(&trial.cfg, 0xa5, sizeof(trial.cfg) + sizeof(trial.guard));
	trial.expected = trial.hw;
	ck_assert_int_eq(pcicfg_open(&trial.cfg, &trial.facts, &hw_access, &trial.hw), 0);
	ck_assert_msg(!memcmp(trial.expected.memory, trial.hw.memory, sizeof(trial.hw.memory)), "layout %u: open wrote",
		      layout);
	ck_assert_uint_eq(trial.hw.bad, 0);
}

static void assert_hardware(void)
{
	ck_assert_msg(!memcmp(trial.expected.memory, trial.hw.memory, trial.hw.size),
		      "layout %u of seed %#" PRIx64 ": hardware is not as it should be", trial.layout, seed);
	for (unsigned int i = 0; i < sizeof(trial.guard); i++)
		ck_assert_uint_eq(trial.guard[i], 0xa5);
}

/* Millions of these: without ck_assert(), which writes to a file each time that it holds. */
static void assert_dword(uint16_t offset)
{
	offset &= 0xffc;
	if (memcmp(&trial.expected.memory[offset], &trial.hw.memory[offset], 4))
		ck_abort_msg("layout %u of seed %#" PRIx64 ": hardware at %#x is %#x, should be %#x", trial.layout,
			     seed, offset, hw_get(&trial.hw, offset, 4), hw_get(&trial.expected, offset, 4));
}

static void do_read(uint16_t offset, unsigned int width)
{
	uint32_t value = 0xdeadbeef, should = owner_reads(&trial.owner, &trial.hw, offset, width);

	trial.accesses++;
	hw_forget(&trial.hw);
	if (pcicfg_read(&trial.cfg, offset, width, &value) || value != should)
		ck_abort_msg("layout %u of seed %#" PRIx64 ": read of %u at %#x is %#x, should be %#x", trial.layout,
			     seed, width, offset, value, should);
	if (trial.hw.writes || trial.hw.reads > 1 || trial.hw.bad ||
	    (trial.hw.reads && (trial.hw.read_offset != offset || trial.hw.read_width != width)))
		ck_abort_msg("layout %u of seed %#" PRIx64 ": read of %u at %#x is not one transaction", trial.layout,
			     seed, width, offset);
}

static void do_write(uint16_t offset, unsigned int width, uint32_t value)
{
	const struct hw *hw = &trial.hw;
	struct pcicfg_events events;

	trial.accesses++;
	hw_user_writes(&trial.hw, offset, width, value);
	if (pcicfg_write(&trial.cfg, offset, width, value, &events) || events.count > PCICFG_EVENTS_MAX || hw->bad ||
	    hw->reads > 1 || hw->writes > 1 || (hw->reads && !hw->writes) ||
	    (hw->reads && (hw->read_offset != offset || hw->read_width != width)) ||
	    (hw->writes && (hw->write_offset != offset || hw->write_width != width)))
		ck_abort_msg("layout %u of seed %#" PRIx64 ": write of %u at %#x is not one transaction", trial.layout,
			     seed, width, offset);
	if (hw->cleared_unasked)
		ck_abort_msg("layout %u of seed %#" PRIx64 ": write of %u at %#x clears what the user did not",
			     trial.layout, seed, width, offset);
	owner_writes(&trial.owner, &trial.expected, offset, width, value);
	assert_dword(offset);
}

/* ---- the chains that the user sees ---- */

static uint32_t user(uint16_t offset, unsigned int width)
{
	uint32_t value = 0;

	ck_assert_int_eq(pcicfg_read(&trial.cfg, offset, width, &value), 0);
	return value;
}

static unsigned int follow_std(void)
{
	unsigned int count = 0;
	uint32_t pos = user(0x34, 1);

	ck_assert_int_eq(!!(user(0x06, 2) & 0x10), pos != 0);
	for (; pos; pos = user((uint16_t)(pos + 1), 1)) {
		ck_assert_uint_eq(pos & 3, 0);
		ck_assert_uint_ge(pos, 0x40);
		ck_assert_uint_lt(count, 48);
		ck_assert_msg(owner_is_shown(false, user((uint16_t)pos, 1)), "layout %u: hidden capability %#x at %#x",
			      trial.layout, user((uint16_t)pos, 1), pos);
		ck_assert_uint_eq(pos, trial.owner.chain[count++]);
	}
	return count;
}

static unsigned int follow_ext(unsigned int count)
{
	uint32_t pos = 0x100, header = trial.hw.size > 0x100 ? user(0x100, 4) : 0;

	while (header) {
		ck_assert_uint_eq(pos & 3, 0);
		ck_assert_uint_lt(count, 600);
		/* a null capability may stand for a hidden one that is first */
		if (pos != 0x100 || header & 0xfffff) {
			ck_assert_msg(owner_is_shown(true, header & 0xffff), "layout %u: hidden capability %#x at %#x",
				      trial.layout, header & 0xffff, pos);
			ck_assert_uint_eq(pos, trial.owner.chain[count++]);
		}
		pos = header >> 20;
		if (!pos)
			break;
		ck_assert_uint_gt(pos, 0x100);
		header = user((uint16_t)pos, 4);
	}
	return count;
}

static void assert_chains(void)
{
	ck_assert_uint_eq(follow_ext(follow_std()), trial.owner.chained);
}

/* At the end of a layout: nobody reached around the model, and one more is done. */
static void close_layout(uint64_t *layouts_done)
{
	assert_hardware();
	assert_chains();
	__atomic_fetch_add(layouts_done, 1, __ATOMIC_RELAXED);
	__atomic_fetch_add(&done->accesses, trial.accesses, __ATOMIC_RELAXED);
	trial.accesses = 0;
}

/* ---- the tests ---- */

static void every_value(uint16_t offset, unsigned int width)
{
	do_read(offset, width);
	do_write(offset, width, 0);
	do_read(offset, width);
	do_write(offset, width, ~0u);
	do_read(offset, width);
	for (unsigned int bit = 0; bit < 8 * width; bit++) {
		do_write(offset, width, 1u << bit);
		do_read(offset, width);
	}
}

START_TEST(every_access_of_every_width_and_bit_does_what_the_owner_of_each_bit_allows)
{
	uint64_t state;

	for (unsigned int layout = (unsigned int)_i; layout < layouts(EXHAUSTIVE); layout += PARTS) {
		open_layout(layout, &state);
		assert_chains();
		for (unsigned int width = 1; width <= 4; width *= 2)
			for (uint32_t offset = 0; offset < trial.hw.size; offset += width)
				every_value((uint16_t)offset, width);
		close_layout(&done->exhaustive);
	}
}
END_TEST

START_TEST(any_sequence_of_accesses_does_what_the_owner_of_each_bit_allows)
{
	uint64_t state;

	for (unsigned int layout = (unsigned int)_i; layout < layouts(RANDOM); layout += PARTS) {
		open_layout(layout, &state);
		assert_chains();
		for (unsigned int i = 0; i < ACCESSES; i++) {
			unsigned int width = 1u << random_below(&state, 3);
			uint32_t space = random_below(&state, 2) ? 256 : trial.hw.size;
			uint16_t offset = (uint16_t)(random_below(&state, space / width) * width);
			uint32_t value = (uint32_t)random_next(&state);

			if (random_below(&state, 4))
				do_write(offset, width, value);
			else
				do_read(offset, width);
		}
		close_layout(&done->random);
	}
}
END_TEST

START_TEST(nothing_but_one_aligned_transaction_within_the_space_is_taken)
{
	static const unsigned int widths[] = { 0, 1, 2, 3, 4, 5, 8, 16, ~0u };
	struct pcicfg_events events;
	uint64_t state;
	uint32_t value = 4711;

	open_layout((unsigned int)_i, &state);
	hw_forget(&trial.hw);
	for (unsigned int i = 0; i < sizeof(widths) / sizeof(*widths); i++)
		for (uint32_t offset = 0; offset < 0x10000; offset++) {
			unsigned int width = widths[i];

			if ((width == 1 || width == 2 || width == 4) && offset % width == 0 && offset < trial.hw.size)
				continue;
			if (pcicfg_read(&trial.cfg, (uint16_t)offset, width, &value) != -EINVAL ||
			    pcicfg_write(&trial.cfg, (uint16_t)offset, width, ~0u, &events) != -EINVAL)
				ck_abort_msg("%u bytes at %#x are taken", width, offset);
		}
	ck_assert_uint_eq(value, 4711);
	ck_assert_uint_eq(trial.hw.reads + trial.hw.writes, 0);
	assert_hardware();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("pcicfg properties");
	TCase *all = tcase_create("layouts");
	const char *wanted = getenv("PCICFG_SEED");
	SRunner *runner;
	int failed;

	if (wanted)
		seed = strtoull(wanted, NULL, 0);
	printf("seed %#" PRIx64 ", %u layouts exhaustively, %u at random (PCICFG_SEED, PCICFG_LAYOUTS=percent)\n", seed,
	       layouts(EXHAUSTIVE), layouts(RANDOM));
	fflush(stdout);
	done = mmap(NULL, sizeof(*done), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (done == MAP_FAILED)
		return EXIT_FAILURE;
	tcase_set_timeout(all, 3600);
	tcase_add_loop_test(all, nothing_but_one_aligned_transaction_within_the_space_is_taken, 0, 4);
	tcase_add_loop_test(all, every_access_of_every_width_and_bit_does_what_the_owner_of_each_bit_allows, 0, PARTS);
	tcase_add_loop_test(all, any_sequence_of_accesses_does_what_the_owner_of_each_bit_allows, 0, PARTS);
	suite_add_tcase(suite, all);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	printf("figure: %" PRIu64 " layouts exhaustively, %" PRIu64 " at random, %.1f million accesses, seed %#" PRIx64
	       "\n",
	       done->exhaustive, done->random, (double)done->accesses / 1e6, seed);
	if (done->exhaustive != layouts(EXHAUSTIVE) || done->random != layouts(RANDOM))
		failed = 1;
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
