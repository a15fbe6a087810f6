/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The state table of a PCI function, every cell of it against a table of its own, and what has to hold of the whole. */
#include "vfiod/state.h"

#include <check.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

static const enum vfiod_state states[] = {
	VFIOD_UNMANAGED,   VFIOD_ASSIGNING,   VFIOD_FREE,    VFIOD_GRANTING, VFIOD_LEASED,    VFIOD_REVOKING,
	VFIOD_UNASSIGNING, VFIOD_QUARANTINED, VFIOD_WARMING, VFIOD_GONE,     VFIOD_COMPANION,
};

static const char *const names[] = {
	"unmanaged",   "assigning",   "free",	 "granting", "leased",	  "revoking",
	"unassigning", "quarantined", "warming", "gone",     "companion",
};

static const enum state_event events[] = {
	EVENT_ASSIGN, EVENT_ACQUIRE, EVENT_UNASSIGN, EVENT_REVOKE, EVENT_CLEAR,	     EVENT_CLOSED, EVENT_WARM,
	EVENT_UNPLUG, EVENT_JOIN,    EVENT_LEAVE,    EVENT_DONE,   EVENT_STILL_OPEN, EVENT_FAILED,
};

static const char *const actions[ACT_COUNT] = {
	[ACT_TAKE] = "take",	 [ACT_HAND_ON] = "hand on", [ACT_GIVE_BACK] = "give back", [ACT_OPEN] = "open",
	[ACT_WARM] = "warm",	 [ACT_CLEAN] = "clean",	    [ACT_ANNOUNCE] = "announce",   [ACT_GRANT] = "grant",
	[ACT_SETTLE] = "settle", [ACT_FORGET] = "forget",   [ACT_STAY] = "stay",
};

/* What each event does in each state: the action and the next state, by name, in the order of the lists above. "…"
 * waits, "-" is refused, "!" never happens. */
/* clang-format off */
static const char *const expected[][13] = {
	/* unmanaged */
	{ "take, assigning", "-", "-", "-", "-", "!", "!", "forget, gone", "stay, companion", "!", "!", "!", "!" },
	/* assigning */
	{ "…", "…", "…", "…", "…", "!", "!", "…", "stay, companion", "!", "settle, free", "!", "settle, unmanaged" },
	/* free */
	{ "hand on, warming", "open, granting", "give back, unassigning", "-", "-", "clean, revoking", "warm, warming", "forget, gone", "!", "!", "!", "!", "!" },
	/* granting */
	{ "…", "…", "…", "…", "…", "!", "!", "…", "!", "!", "grant, leased", "!", "settle, free" },
	/* leased */
	{ "-", "-", "-", "announce, leased", "-", "clean, revoking", "!", "forget, gone", "!", "!", "!", "!", "!" },
	/* revoking */
	{ "…", "…", "…", "…", "…", "!", "!", "…", "!", "!", "settle, free", "settle, leased", "settle, quarantined" },
	/* unassigning */
	{ "…", "…", "…", "…", "…", "!", "!", "…", "stay, companion", "!", "settle, unmanaged", "!", "settle, quarantined" },
	/* quarantined */
	{ "-", "-", "give back, unassigning", "-", "clean, revoking", "!", "!", "forget, gone", "!", "!", "!", "!", "!" },
	/* warming */
	{ "…", "…", "…", "…", "…", "!", "!", "…", "!", "!", "settle, free", "!", "settle, free" },
	/* gone */
	{ "-", "-", "-", "-", "-", "!", "!", "!", "!", "!", "!", "!", "!" },
	/* companion */
	{ "take, assigning", "-", "-", "-", "-", "!", "!", "forget, gone", "!", "give back, unassigning", "!", "!", "!" },
};
/* clang-format on */

static bool is_busy(enum vfiod_state state)
{
	return state == VFIOD_ASSIGNING || state == VFIOD_GRANTING || state == VFIOD_REVOKING ||
	       state == VFIOD_UNASSIGNING || state == VFIOD_WARMING;
}

static const char *verdict(enum vfiod_state state, enum state_event event)
{
	static char text[64];
	struct state_step step = state_step(state, event);

	switch (step.verdict) {
	case STATE_GO:
		ck_assert_uint_lt(step.next, STATE_COUNT);
		ck_assert_uint_lt(step.action, ACT_COUNT);
		snprintf(text, sizeof(text), "%s, %s", actions[step.action], names[step.next]);
		return text;
	case STATE_WAIT:
		return "…";
	case STATE_REFUSE:
		return "-";
	case STATE_NEVER:
		return "!";
	}
	ck_abort_msg("verdict %d is none", step.verdict);
}

START_TEST(knows_all_states_and_events_that_there_are)
{
	ck_assert_uint_eq(STATE_COUNT, sizeof(states) / sizeof(states[0]));
	ck_assert_uint_eq(EVENT_COUNT, sizeof(events) / sizeof(events[0]));
	ck_assert_uint_eq(STATE_COUNT, sizeof(expected) / sizeof(expected[0]));
	for (unsigned int i = 0; i < STATE_COUNT; i++)
		ck_assert_uint_eq(states[i], i);
	for (unsigned int i = 0; i < EVENT_COUNT; i++)
		ck_assert_uint_eq(events[i], i);
}
END_TEST

START_TEST(says_of_each_event_in_each_state_what_it_does)
{
	int state = _i / EVENT_COUNT, event = _i % EVENT_COUNT;

	ck_assert_str_eq(verdict(states[state], events[event]), expected[state][event]);
}
END_TEST

START_TEST(names_every_state)
{
	ck_assert_str_eq(state_name(states[_i]), names[_i]);
}
END_TEST

START_TEST(a_worker_can_report_success_and_failure_in_every_busy_state_and_in_no_other)
{
	enum state_verdict wanted = is_busy(states[_i]) ? STATE_GO : STATE_NEVER;

	ck_assert_int_eq(state_step(states[_i], EVENT_DONE).verdict, wanted);
	ck_assert_int_eq(state_step(states[_i], EVENT_FAILED).verdict, wanted);
}
END_TEST

START_TEST(every_request_waits_in_a_busy_state_and_in_no_other)
{
	for (enum state_event event = EVENT_ASSIGN; event <= EVENT_CLEAR; event++)
		ck_assert_int_eq(state_step(states[_i], event).verdict == STATE_WAIT, is_busy(states[_i]));
}
END_TEST

START_TEST(no_report_of_a_worker_and_of_the_kernel_has_to_wait_but_that_of_an_unplug)
{
	for (enum state_event event = EVENT_CLOSED; event < EVENT_COUNT; event++) {
		enum state_verdict found = state_step(states[_i], event).verdict;

		if (event != EVENT_UNPLUG)
			ck_assert(found == STATE_GO || found == STATE_NEVER);
	}
}
END_TEST

START_TEST(an_unplug_waits_for_the_worker_that_has_the_function_and_else_ends_it)
{
	struct state_step step = state_step(states[_i], EVENT_UNPLUG);

	if (states[_i] == VFIOD_GONE)
		ck_assert_int_eq(step.verdict, STATE_NEVER);
	else if (is_busy(states[_i]))
		ck_assert_int_eq(step.verdict, STATE_WAIT);
	else
		ck_assert(step.verdict == STATE_GO && step.action == ACT_FORGET && step.next == VFIOD_GONE);
}
END_TEST

START_TEST(what_is_a_workers_begins_a_busy_state_and_nothing_else_does)
{
	for (enum state_event event = EVENT_ASSIGN; event < EVENT_COUNT; event++) {
		struct state_step step = state_step(states[_i], event);

		if (step.verdict == STATE_GO)
			ck_assert_int_eq(step.action <= ACT_CLEAN, is_busy(step.next));
	}
}
END_TEST

/* Else a vfiod that dies in the middle would leave to the next one what is not so. */
START_TEST(the_journal_says_of_a_function_that_it_is_leased_before_the_client_can_have_it)
{
	for (enum state_event event = EVENT_ASSIGN; event < EVENT_COUNT; event++) {
		struct state_step step = state_step(states[_i], event);

		if (step.verdict == STATE_GO && step.action == ACT_OPEN)
			ck_assert_int_eq(state_noted(step.next), VFIOD_LEASED);
		if (step.verdict == STATE_GO && step.action == ACT_GRANT)
			ck_assert_int_eq(state_noted(states[_i]), VFIOD_LEASED);
	}
	ck_assert_int_eq(state_noted(state_noted(states[_i])), state_noted(states[_i]));
}
END_TEST

START_TEST(a_worker_is_started_only_where_none_is_at_work)
{
	for (enum state_event event = EVENT_ASSIGN; event < EVENT_COUNT; event++) {
		struct state_step step = state_step(states[_i], event);

		if (step.verdict == STATE_GO && is_busy(step.next))
			ck_assert(!is_busy(states[_i]));
	}
}
END_TEST

START_TEST(a_report_ends_the_work)
{
	static const enum state_event reports[] = { EVENT_DONE, EVENT_STILL_OPEN, EVENT_FAILED };

	for (size_t i = 0; i < sizeof(reports) / sizeof(reports[0]); i++) {
		struct state_step step = state_step(states[_i], reports[i]);

		if (step.verdict == STATE_GO)
			ck_assert(!is_busy(step.next));
	}
}
END_TEST

START_TEST(a_function_becomes_leased_only_from_clean_or_by_the_files_of_the_same_lease)
{
	for (enum state_event event = EVENT_ASSIGN; event < EVENT_COUNT; event++) {
		struct state_step step = state_step(states[_i], event);

		if (step.verdict != STATE_GO)
			continue;
		if (step.next == VFIOD_GRANTING)
			ck_assert_int_eq(states[_i], VFIOD_FREE);
		if (step.next == VFIOD_LEASED)
			ck_assert((states[_i] == VFIOD_GRANTING && event == EVENT_DONE) ||
				  (states[_i] == VFIOD_LEASED && event == EVENT_REVOKE) ||
				  (states[_i] == VFIOD_REVOKING && event == EVENT_STILL_OPEN));
	}
}
END_TEST

START_TEST(a_leased_function_leaves_its_client_only_by_the_end_of_the_lease_or_its_own)
{
	for (enum state_event event = EVENT_ASSIGN; event < EVENT_COUNT; event++)
		if (state_step(VFIOD_LEASED, event).next != VFIOD_LEASED &&
		    state_step(VFIOD_LEASED, event).verdict == STATE_GO)
			ck_assert(event == EVENT_CLOSED || event == EVENT_UNPLUG);
}
END_TEST

/* The states that can be reached from @from, as bits. */
static unsigned int reachable(enum vfiod_state from)
{
	unsigned int found = 1u << from, before = 0;

	while (found != before) {
		before = found;
		for (enum vfiod_state state = 0; state < STATE_COUNT; state++) {
			if (!(found & 1u << state))
				continue;
			for (enum state_event event = 0; event < EVENT_COUNT; event++)
				if (state_step(state, event).verdict == STATE_GO)
					found |= 1u << state_step(state, event).next;
		}
	}
	return found;
}

START_TEST(from_every_state_but_gone_there_is_a_way_to_free_and_back_to_the_host)
{
	if (states[_i] == VFIOD_GONE)
		return;
	ck_assert(reachable(states[_i]) & 1u << VFIOD_FREE);
	ck_assert(reachable(states[_i]) & 1u << VFIOD_UNMANAGED);
}
END_TEST

START_TEST(every_state_can_be_reached)
{
	ck_assert_uint_eq(reachable(VFIOD_UNMANAGED), (1u << STATE_COUNT) - 1);
}
END_TEST

START_TEST(only_an_administrator_or_an_unplug_gets_a_function_out_of_quarantine)
{
	for (enum state_event event = EVENT_ASSIGN; event < EVENT_COUNT; event++)
		if (state_step(VFIOD_QUARANTINED, event).verdict == STATE_GO)
			ck_assert(event == EVENT_UNASSIGN || event == EVENT_CLEAR || event == EVENT_UNPLUG);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("state");
	TCase *table = tcase_create("table");
	TCase *rules = tcase_create("rules");
	SRunner *runner;
	int failed;

	tcase_add_test(table, knows_all_states_and_events_that_there_are);
	tcase_add_loop_test(table, says_of_each_event_in_each_state_what_it_does, 0, STATE_COUNT * EVENT_COUNT);
	tcase_add_loop_test(table, names_every_state, 0, STATE_COUNT);
	suite_add_tcase(suite, table);
	tcase_add_loop_test(rules, a_worker_can_report_success_and_failure_in_every_busy_state_and_in_no_other, 0,
			    STATE_COUNT);
	tcase_add_loop_test(rules, every_request_waits_in_a_busy_state_and_in_no_other, 0, STATE_COUNT);
	tcase_add_loop_test(rules, no_report_of_a_worker_and_of_the_kernel_has_to_wait_but_that_of_an_unplug, 0,
			    STATE_COUNT);
	tcase_add_loop_test(rules, an_unplug_waits_for_the_worker_that_has_the_function_and_else_ends_it, 0,
			    STATE_COUNT);
	tcase_add_loop_test(rules, what_is_a_workers_begins_a_busy_state_and_nothing_else_does, 0, STATE_COUNT);
	tcase_add_loop_test(rules, the_journal_says_of_a_function_that_it_is_leased_before_the_client_can_have_it, 0,
			    STATE_COUNT);
	tcase_add_loop_test(rules, a_worker_is_started_only_where_none_is_at_work, 0, STATE_COUNT);
	tcase_add_loop_test(rules, a_report_ends_the_work, 0, STATE_COUNT);
	tcase_add_loop_test(rules, a_function_becomes_leased_only_from_clean_or_by_the_files_of_the_same_lease, 0,
			    STATE_COUNT);
	tcase_add_test(rules, a_leased_function_leaves_its_client_only_by_the_end_of_the_lease_or_its_own);
	tcase_add_loop_test(rules, from_every_state_but_gone_there_is_a_way_to_free_and_back_to_the_host, 0,
			    STATE_COUNT);
	tcase_add_test(rules, every_state_can_be_reached);
	tcase_add_test(rules, only_an_administrator_or_an_unplug_gets_a_function_out_of_quarantine);
	suite_add_tcase(suite, rules);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
