/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which functions go along with one that is assigned, whose they are meanwhile, and when nobody has them any more. */
#include "vfiod/companion.h"

#include "vfiod/config.h"
#include "vfiod/daemon.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LEADER 0xfffffffe0000ull
#define GROUP  7

static struct daemon vfiod;
static struct config config;
static struct rule rule; /* about the leader */
static struct device *leader, *one, *two;

static const struct owner alice = { 1000, VFIOD_NONE };

static struct device *put(uint64_t address, uint32_t group)
{
	const struct facts facts = {
		.address = address,
		.group = group,
		.class_code = 0x020000,
		.parent = VFIOD_NO_ADDRESS,
		.isolation.is_known = true,
	};

	ck_assert_int_eq(devices_put(&vfiod.devices, &facts), 0);
	return devices_find(&vfiod.devices, address);
}

static void set_up(void)
{
	memset(&vfiod, 0, sizeof(vfiod));
	rule = (struct rule){
		.vendor = CONFIG_ANY,
		.device = CONFIG_ANY,
		.subsystem_vendor = CONFIG_ANY,
		.subsystem_device = CONFIG_ANY,
		.class_code = CONFIG_ANY,
		.has_address = true,
		.address = LEADER,
		.assign = true,
		.companions = COMPANIONS_BIND,
	};
	config = (struct config){ .rules = &rule, .rule_count = 1, .driver = DRIVER_CHOICE_STOCK };
	vfiod.config = &config;
	vfiod.devices.daemon = &vfiod;
	leader = put(LEADER, GROUP);
	one = put(LEADER + 1, GROUP);
	two = put(LEADER + 2, GROUP);
}

static void tear_down(void)
{
	devices_free(&vfiod.devices);
}

static struct companion_list find(void)
{
	struct companion_list list;

	ck_assert_int_eq(companions_find(&vfiod, leader, &list), 0);
	return list;
}

START_TEST(without_a_word_nothing_goes_along)
{
	struct companion_list list;

	config.rule_count = 0;
	list = find();
	ck_assert_int_eq(list.how, COMPANIONS_REFUSE);
	ck_assert_uint_eq(list.count, 0);
	companions_free(&list);
}
END_TEST

START_TEST(all_of_the_group_go_along_in_order_with_the_driver_that_they_would_get)
{
	struct companion_list list = find();

	ck_assert_int_eq(list.how, COMPANIONS_BIND);
	ck_assert_uint_eq(list.count, 2);
	ck_assert_uint_eq(list.list[0].address, one->facts.address);
	ck_assert_uint_eq(list.list[1].address, two->facts.address);
	ck_assert_int_eq(list.list[0].choice, DRIVER_CHOICE_STOCK);
	ck_assert(!list.list[0].has_origin);
	companions_free(&list);
}
END_TEST

START_TEST(bridges_and_other_groups_and_what_is_assigned_or_to_be_stays_where_it_is)
{
	struct companion_list list;

	put(LEADER + 8, GROUP)->facts.class_code = 0x060400;
	put(LEADER + 16, GROUP + 1);
	put(LEADER + 24, VFIOD_NONE);
	one->state = VFIOD_FREE;
	two->returns = true;
	list = find();
	ck_assert_uint_eq(list.count, 0);
	companions_free(&list);
}
END_TEST

static void take_along(void)
{
	struct companion_list list = find();

	strcpy(list.list[0].origin.driver, "e1000");
	ck_assert_int_eq(companions_note(&vfiod, &list, &alice), 0);
	companions_free(&list);
	leader->state = VFIOD_FREE;
	leader->owner = alice;
}

START_TEST(what_goes_along_is_the_owners_and_knows_where_it_was)
{
	struct companion_list list;

	take_along();
	ck_assert_int_eq(one->state, VFIOD_COMPANION);
	ck_assert_int_eq(two->state, VFIOD_COMPANION);
	ck_assert(one->companion && one->has_origin);
	ck_assert_str_eq(one->origin.driver, "e1000");
	ck_assert_uint_eq(one->owner.uid, 1000);
	list = find(); /* it may have to be gone on with */
	ck_assert_uint_eq(list.count, 2);
	ck_assert(list.list[0].has_origin);
	ck_assert_str_eq(list.list[0].origin.driver, "e1000");
	companions_free(&list);
}
END_TEST

START_TEST(a_new_owner_has_them_too)
{
	take_along();
	leader->owner = (struct owner){ VFIOD_NONE, 50 };
	companions_follow(&vfiod, leader);
	ck_assert_uint_eq(one->owner.uid, VFIOD_NONE);
	ck_assert_uint_eq(two->owner.gid, 50);
}
END_TEST

START_TEST(they_have_a_leader_for_as_long_as_anything_of_the_group_is_assigned)
{
	static const enum vfiod_state assigned[] = { VFIOD_ASSIGNING,	VFIOD_FREE,	VFIOD_GRANTING,
						     VFIOD_LEASED,	VFIOD_REVOKING, VFIOD_UNASSIGNING,
						     VFIOD_QUARANTINED, VFIOD_WARMING };

	take_along();
	leader->state = assigned[_i];
	ck_assert_ptr_eq(companions_leader(&vfiod.devices, one), leader);
	ck_assert_ptr_null(companions_orphan(&vfiod.devices, GROUP, false));
}
END_TEST

START_TEST(without_one_they_are_given_back_one_after_the_other_the_last_one_first)
{
	take_along();
	leader->state = VFIOD_UNMANAGED;
	ck_assert_ptr_eq(companions_orphan(&vfiod.devices, GROUP, false), two);
	two->state = VFIOD_UNASSIGNING; /* a worker has it */
	ck_assert_ptr_null(companions_orphan(&vfiod.devices, GROUP, false));
	two->state = VFIOD_UNMANAGED;
	ck_assert_ptr_eq(companions_orphan(&vfiod.devices, GROUP, false), one);
	leader->returns = true;
	ck_assert_ptr_null(companions_orphan(&vfiod.devices, GROUP, false));
}
END_TEST

START_TEST(those_that_joined_for_what_could_not_be_taken_go_back_though_another_one_has_the_group)
{
	struct companion_list list;

	take_along();
	two->joining = false; /* it has been one for longer */
	ck_assert_ptr_null(companions_orphan(&vfiod.devices, GROUP, false));
	ck_assert_ptr_eq(companions_orphan(&vfiod.devices, GROUP, true), one);
	list = find();
	companions_settle(&vfiod, &list);
	companions_free(&list);
	ck_assert_ptr_null(companions_orphan(&vfiod.devices, GROUP, true));
}
END_TEST

START_TEST(one_that_is_released_stays_where_the_rule_of_another_one_has_it)
{
	take_along();
	one->state = VFIOD_FREE;
	one->companion = false;
	ck_assert_int_eq(companions_stay(&vfiod, one), COMPANIONS_BIND);
	rule.companions = COMPANIONS_UNBIND;
	ck_assert_int_eq(companions_stay(&vfiod, one), COMPANIONS_UNBIND);
	ck_assert_int_eq(companions_stay(&vfiod, leader), COMPANIONS_REFUSE);
	leader->state = VFIOD_UNMANAGED;
	ck_assert_int_eq(companions_stay(&vfiod, one), COMPANIONS_REFUSE);
}
END_TEST

START_TEST(functions_without_a_group_are_nobodys_companions)
{
	for (size_t i = 0; i < vfiod.devices.count; i++)
		vfiod.devices.list[i]->facts.group = VFIOD_NONE;
	leader->state = VFIOD_FREE;
	ck_assert_ptr_null(companions_leader(&vfiod.devices, one));
	ck_assert_int_eq(companions_stay(&vfiod, one), COMPANIONS_REFUSE);
}
END_TEST

START_TEST(a_word_of_the_configuration_is_one_of_three)
{
	enum companions how;

	ck_assert_int_eq(companions_parse("refuse", &how), 0);
	ck_assert_int_eq(how, COMPANIONS_REFUSE);
	ck_assert_int_eq(companions_parse("bind", &how), 0);
	ck_assert_int_eq(how, COMPANIONS_BIND);
	ck_assert_int_eq(companions_parse("unbind", &how), 0);
	ck_assert_int_eq(how, COMPANIONS_UNBIND);
	ck_assert_int_eq(companions_parse("", &how), -EINVAL);
	ck_assert_int_eq(companions_parse("Bind", &how), -EINVAL);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("companion");
	TCase *tcase = tcase_create("companions");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, without_a_word_nothing_goes_along);
	tcase_add_test(tcase, all_of_the_group_go_along_in_order_with_the_driver_that_they_would_get);
	tcase_add_test(tcase, bridges_and_other_groups_and_what_is_assigned_or_to_be_stays_where_it_is);
	tcase_add_test(tcase, what_goes_along_is_the_owners_and_knows_where_it_was);
	tcase_add_test(tcase, a_new_owner_has_them_too);
	tcase_add_loop_test(tcase, they_have_a_leader_for_as_long_as_anything_of_the_group_is_assigned, 0, 8);
	tcase_add_test(tcase, without_one_they_are_given_back_one_after_the_other_the_last_one_first);
	tcase_add_test(tcase, those_that_joined_for_what_could_not_be_taken_go_back_though_another_one_has_the_group);
	tcase_add_test(tcase, one_that_is_released_stays_where_the_rule_of_another_one_has_it);
	tcase_add_test(tcase, functions_without_a_group_are_nobodys_companions);
	tcase_add_test(tcase, a_word_of_the_configuration_is_one_of_three);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
