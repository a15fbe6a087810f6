/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who may have what: the pure functions of policy.c. Each refusal says which function, and what to do about it. */
#include "vfiod/policy.h"

#include "vfiod/config.h"
#include "vfiod/facts.h"
#include "vfiod/peer.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NVME 0x010802

/* A function that there is nothing against. */
static struct facts nvme(void)
{
	return (struct facts){
		.address = 0x100,
		.vendor = 0x1b36,
		.device = 0x0010,
		.subsystem_vendor = 0x1af4,
		.subsystem_device = 0x1100,
		.class_code = NVME,
		.group = 7,
		.numa_node = VFIOD_NONE,
		.driver = "nvme",
		.host_driver = "nvme",
		.path = "0000:00:1c.0/00.0",
		.label = "Slot 3",
		.reset = "flr",
	};
}

/* A rule that says nothing yet, about everything. */
static struct rule any(void)
{
	static char name[] = "the rule";

	return (struct rule){
		.name = name,
		.vendor = CONFIG_ANY,
		.device = CONFIG_ANY,
		.class_code = CONFIG_ANY,
		.subsystem_vendor = CONFIG_ANY,
		.subsystem_device = CONFIG_ANY,
		.assign = true,
		.reset = CLEAN_RESET_REQUIRED,
	};
}

static const struct config no_rules;

static void assert_says(const struct failure *failure, int error, const char *const words[])
{
	ck_assert_int_eq(failure->error, error);
	for (; *words; words++)
		ck_assert_msg(strstr(failure->text, *words), "'%s' is not in: %s", *words, failure->text);
}

#define ASSERT_SAYS(failure, error, ...) assert_says(failure, error, (const char *const[]){ __VA_ARGS__, NULL })

/* ---- which rule ---- */

static int fits(const struct rule *rule, const struct facts *facts)
{
	struct rule copy = *rule;
	struct config config = { .rules = &copy, .rule_count = 1 };

	return policy_rule(&config, facts) == &copy;
}

START_TEST(a_rule_of_an_address_fits_that_function_alone)
{
	struct facts facts = nvme();
	struct rule rule = any();

	rule.has_address = true;
	rule.address = facts.address;
	ck_assert(fits(&rule, &facts));
	facts.address++;
	ck_assert(!fits(&rule, &facts));
}
END_TEST

START_TEST(a_rule_of_address_zero_is_not_one_of_any_address)
{
	struct facts facts = nvme();
	struct rule rule = any();

	rule.has_address = true;
	ck_assert(!fits(&rule, &facts));
	facts.address = 0;
	ck_assert(fits(&rule, &facts));
}
END_TEST

START_TEST(a_rule_of_a_vendor_fits_all_of_its_devices)
{
	struct facts facts = nvme();
	struct rule rule = any();

	rule.vendor = 0x1b36;
	ck_assert(fits(&rule, &facts));
	facts.device = 0xffff;
	ck_assert(fits(&rule, &facts));
	facts.vendor = 0x8086;
	ck_assert(!fits(&rule, &facts));
}
END_TEST

START_TEST(a_rule_of_vendor_and_device_needs_both)
{
	struct facts facts = nvme();
	struct rule rule = any();

	rule.vendor = 0x1b36;
	rule.device = 0x0010;
	ck_assert(fits(&rule, &facts));
	facts.device = 0x0011;
	ck_assert(!fits(&rule, &facts));
	facts.device = 0x0010;
	facts.vendor = 0x8086;
	ck_assert(!fits(&rule, &facts));
}
END_TEST

START_TEST(a_rule_of_a_vendor_of_all_ones_is_not_one_of_any_vendor)
{
	struct facts facts = nvme();
	struct rule rule = any();

	rule.vendor = 0xffff;
	ck_assert(!fits(&rule, &facts));
}
END_TEST

/* A class of 2, 4 or 6 digits against class codes. */
static const struct {
	uint32_t class_code, mask, of_function;
	int fits;
} classes[] = {
	{ 0x010000, 0xff0000, 0x010802, 1 }, { 0x010000, 0xff0000, 0x010601, 1 }, { 0x010000, 0xff0000, 0x020802, 0 },
	{ 0x010000, 0xff0000, 0x000000, 0 }, { 0x010800, 0xffff00, 0x010802, 1 }, { 0x010800, 0xffff00, 0x010803, 1 },
	{ 0x010800, 0xffff00, 0x010602, 0 }, { 0x010800, 0xffff00, 0x030802, 0 }, { 0x010802, 0xffffff, 0x010802, 1 },
	{ 0x010802, 0xffffff, 0x010801, 0 }, { 0x000000, 0xff0000, 0x000100, 1 }, { 0x000000, 0xff0000, 0x010802, 0 },
	{ 0x000000, 0xffffff, 0x000000, 1 }, { 0x000000, 0xffffff, 0x000001, 0 }, { 0xff0000, 0xff0000, 0xff0000, 1 },
};

START_TEST(a_class_counts_as_far_as_it_is_given)
{
	struct facts facts = nvme();
	struct rule rule = any();

	rule.class_code = classes[_i].class_code;
	rule.class_mask = classes[_i].mask;
	facts.class_code = classes[_i].of_function;
	ck_assert_int_eq(fits(&rule, &facts), classes[_i].fits);
}
END_TEST

START_TEST(a_rule_of_a_subsystem_vendor_fits_all_of_its_devices)
{
	struct facts facts = nvme();
	struct rule rule = any();

	rule.subsystem_vendor = 0x1af4;
	ck_assert(fits(&rule, &facts));
	rule.subsystem_device = 0x1100;
	ck_assert(fits(&rule, &facts));
	facts.subsystem_device = 0;
	ck_assert(!fits(&rule, &facts));
	rule.subsystem_device = CONFIG_ANY;
	facts.subsystem_vendor = 0x1b36;
	ck_assert(!fits(&rule, &facts));
}
END_TEST

/* What a rule names by a text, against what a function has. */
static const struct {
	const char *host_driver, *path, *label;
	int fits;
} texts[] = {
	{ "nvme", NULL, NULL, 1 },
	{ "nvm", NULL, NULL, 0 },
	{ "nvme2", NULL, NULL, 0 },
	{ "vfio-pci", NULL, NULL, 0 },
	{ NULL, "0000:00:1c.0/00.0", NULL, 1 },
	{ NULL, "0000:00:1c.0", NULL, 0 },
	{ NULL, "0000:00:1c.0/00.1", NULL, 0 },
	{ NULL, "0000:00:1c.0/00.0/00.0", NULL, 0 },
	{ NULL, NULL, "Slot 3", 1 },
	{ NULL, NULL, "slot 3", 0 },
	{ NULL, NULL, "Slot", 0 },
	{ "nvme", "0000:00:1c.0/00.0", "Slot 3", 1 },
	{ "e1000e", "0000:00:1c.0/00.0", "Slot 3", 0 },
	{ "nvme", "0000:00:1d.0/00.0", "Slot 3", 0 },
	{ "nvme", "0000:00:1c.0/00.0", "Slot 4", 0 },
};

START_TEST(a_host_driver_a_path_and_a_label_have_to_be_the_same_to_the_letter)
{
	struct facts facts = nvme();
	struct rule rule = any();

	rule.host_driver = (char *)texts[_i].host_driver;
	rule.path = (char *)texts[_i].path;
	rule.label = (char *)texts[_i].label;
	ck_assert_int_eq(fits(&rule, &facts), texts[_i].fits);
}
END_TEST

START_TEST(a_rule_of_a_text_does_not_fit_a_function_that_has_none)
{
	struct facts facts = nvme();
	struct rule rule = any();

	facts.host_driver[0] = facts.path[0] = facts.label[0] = '\0';
	rule.host_driver = (char *)texts[_i].host_driver;
	rule.path = (char *)texts[_i].path;
	rule.label = (char *)texts[_i].label;
	ck_assert(!fits(&rule, &facts));
}
END_TEST

START_TEST(a_rule_of_the_hosts_driver_fits_while_a_vfio_driver_has_the_function)
{
	struct facts facts = nvme();
	struct rule rule = any();

	strcpy(facts.driver, "vfio-pci");
	facts_note_host_driver(&facts, facts.driver);
	rule.host_driver = (char *)"nvme";
	ck_assert(fits(&rule, &facts));
}
END_TEST

START_TEST(a_rule_of_a_physical_function_fits_its_virtual_functions_alone)
{
	struct facts facts = nvme(), parent = nvme();
	struct rule rule = any();

	facts.address = 0x180;
	facts.is_virtual = true;
	facts.physical_function = parent.address;
	rule.has_physical_function = true;
	rule.physical_function = parent.address;
	ck_assert(fits(&rule, &facts));
	ck_assert(!fits(&rule, &parent));
	facts.physical_function++;
	ck_assert(!fits(&rule, &facts));
}
END_TEST

START_TEST(a_function_that_is_not_virtual_has_no_physical_function_at_address_zero)
{
	struct facts facts = nvme();
	struct rule rule = any();

	rule.has_physical_function = true;
	ck_assert(!fits(&rule, &facts));
	facts.is_virtual = true;
	ck_assert(fits(&rule, &facts));
}
END_TEST

START_TEST(a_rule_of_a_serial_number_fits_the_function_of_that_number_alone)
{
	struct facts facts = nvme();
	struct rule rule = any();

	rule.serial = 0x000102ffff030405;
	ck_assert(!fits(&rule, &facts));
	facts.serial = rule.serial;
	ck_assert(fits(&rule, &facts));
	facts.serial++;
	ck_assert(!fits(&rule, &facts));
	rule.serial = 0;
	ck_assert(fits(&rule, &facts));
}
END_TEST

START_TEST(a_rule_of_a_pool_fits_the_functions_that_were_put_into_it_alone)
{
	struct facts facts = nvme();
	struct rule rule = any();

	rule.in_pool = (char[]){ "nics" };
	ck_assert(!fits(&rule, &facts));
	strcpy(facts.pool, "nics");
	ck_assert(fits(&rule, &facts));
	strcpy(facts.pool, "nic");
	ck_assert(!fits(&rule, &facts));
}
END_TEST

START_TEST(all_that_a_rule_names_has_to_fit)
{
	struct facts facts = nvme();
	struct rule rule = any();

	rule.has_address = true;
	rule.address = facts.address;
	rule.vendor = facts.vendor;
	rule.device = facts.device;
	rule.class_code = NVME;
	rule.class_mask = 0xffffff;
	ck_assert(fits(&rule, &facts));
	rule.class_code = 0x020000;
	ck_assert(!fits(&rule, &facts));
}
END_TEST

START_TEST(the_first_rule_that_fits_counts)
{
	struct facts facts = nvme();
	struct rule rules[] = { any(), any(), any() };
	struct config config = { .rules = rules, .rule_count = 3 };

	rules[0].vendor = 0x8086;
	ck_assert_ptr_eq(policy_rule(&config, &facts), &rules[1]);
}
END_TEST

START_TEST(there_may_be_no_rule_that_fits)
{
	struct facts facts = nvme();
	struct rule rules[] = { any(), any() };
	struct config config = { .rules = rules, .rule_count = 2 };

	rules[0].vendor = 0x8086;
	rules[1].device = 0x1234;
	ck_assert_ptr_null(policy_rule(&config, &facts));
	ck_assert_ptr_null(policy_rule(&no_rules, &facts));
}
END_TEST

START_TEST(a_function_is_kept_warm_unless_its_rule_or_the_number_of_warm_devices_says_no)
{
	struct facts facts = nvme(), other = nvme();
	struct rule rule = any();
	struct config config = { .rules = &rule, .rule_count = 1, .warm_devices = 1 };

	other.vendor = 0x1234;
	rule.vendor = facts.vendor;
	ck_assert(!policy_may_keep_warm(&config, &facts));
	ck_assert(policy_may_keep_warm(&config, &other));
	rule.warm = true;
	ck_assert(policy_may_keep_warm(&config, &facts));
	config.warm_devices = 0;
	ck_assert(!policy_may_keep_warm(&config, &facts));
	ck_assert(!policy_may_keep_warm(&config, &other));
}
END_TEST

START_TEST(a_function_gets_the_driver_of_its_rule_or_else_the_one_for_all)
{
	struct facts facts = nvme(), other = nvme();
	struct rule rule = any();
	struct config config = { .rules = &rule, .rule_count = 1, .driver = DRIVER_CHOICE_STOCK };

	other.vendor = 0x1234;
	rule.vendor = facts.vendor;
	rule.driver = DRIVER_CHOICE_STRICT;
	ck_assert_int_eq(policy_driver(&config, &facts), DRIVER_CHOICE_STRICT);
	ck_assert_int_eq(policy_driver(&config, &other), DRIVER_CHOICE_STOCK);
	ck_assert_int_eq(policy_driver(&no_rules, &facts), DRIVER_CHOICE_AUTO);
}
END_TEST

START_TEST(a_function_has_to_be_reset_unless_its_rule_says_otherwise)
{
	struct facts facts = nvme(), other = nvme();
	struct rule rule = any();
	struct config config = { .rules = &rule, .rule_count = 1 };

	other.vendor = 0x1234;
	rule.vendor = facts.vendor;
	rule.reset = (enum clean_reset)_i;
	ck_assert_int_eq(policy_reset(&config, &facts), (enum clean_reset)_i);
	ck_assert_int_eq(policy_reset(&config, &other), CLEAN_RESET_REQUIRED);
	ck_assert_int_eq(policy_reset(&no_rules, &facts), CLEAN_RESET_REQUIRED);
}
END_TEST

/* ---- assign ---- */

static int may_assign(const struct rule *rule, const struct facts *facts, struct failure *failure)
{
	struct rule copy = rule ? *rule : (struct rule){ 0 };
	struct config config = { .rules = &copy, .rule_count = rule ? 1 : 0 };

	memset(failure, 0, sizeof(*failure));
	return policy_may_assign(&config, facts, failure);
}

START_TEST(without_rules_a_function_that_can_be_reset_may_be_assigned)
{
	struct facts facts = nvme();
	struct failure failure;

	ck_assert_int_eq(may_assign(NULL, &facts, &failure), 0);
	ck_assert_int_eq(failure.error, 0);
}
END_TEST

START_TEST(what_goes_along_need_not_be_cleaned_but_has_to_be_free_to_be_taken)
{
	struct facts facts = nvme();
	struct rule rule = any();
	struct config config = { .rules = &rule, .rule_count = 1 };
	struct failure failure;

	facts.reset[0] = '\0';
	ck_assert_int_eq(policy_may_take(&config, &facts, &failure), 0);
	facts.vfs = 1;
	ck_assert_int_eq(policy_may_take(&config, &facts, &failure), -EBUSY);
	facts.boot_display = true;
	ck_assert_int_eq(policy_may_take(&config, &facts, &failure), -EBUSY);
	rule.assign = false;
	ck_assert_int_eq(policy_may_take(&config, &facts, &failure), -EPERM);
}
END_TEST

START_TEST(companions_and_unsafe_interrupts_are_as_the_rule_that_fits_says_and_else_refused)
{
	struct facts facts = nvme();
	struct rule rule = any();
	struct config config = { .rules = &rule, .rule_count = 1 };

	ck_assert_int_eq(policy_companions(&no_rules, &facts), COMPANIONS_REFUSE);
	ck_assert(!policy_unsafe_interrupts(&no_rules, &facts));
	ck_assert_int_eq(policy_companions(&config, &facts), COMPANIONS_REFUSE);
	ck_assert(!policy_unsafe_interrupts(&config, &facts));
	rule.companions = COMPANIONS_UNBIND;
	rule.unsafe_interrupts = true;
	ck_assert_int_eq(policy_companions(&config, &facts), COMPANIONS_UNBIND);
	ck_assert(policy_unsafe_interrupts(&config, &facts));
	rule.vendor = 0x8086;
	ck_assert_int_eq(policy_companions(&config, &facts), COMPANIONS_REFUSE);
	ck_assert(!policy_unsafe_interrupts(&config, &facts));
}
END_TEST

START_TEST(a_bridge_stays_the_hosts)
{
	struct facts facts = nvme();
	struct failure failure;

	facts.class_code = 0x060000 + (uint32_t)_i * 0x100;
	ck_assert_int_eq(may_assign(NULL, &facts, &failure), -EOPNOTSUPP);
	ASSERT_SAYS(&failure, -EOPNOTSUPP, "0000:01:00.0", "bridge", "behind it");
}
END_TEST

START_TEST(no_rule_makes_a_bridge_assignable)
{
	struct facts facts = nvme();
	struct rule rule = any();
	struct failure failure;

	facts.class_code = 0x060400;
	rule.reset = CLEAN_RESET_NONE;
	ck_assert_int_eq(may_assign(&rule, &facts, &failure), -EOPNOTSUPP);
}
END_TEST

START_TEST(what_a_rule_keeps_stays_the_hosts)
{
	struct facts facts = nvme();
	struct rule rule = any();
	struct failure failure;

	rule.assign = false;
	ck_assert_int_eq(may_assign(&rule, &facts, &failure), -EPERM);
	ASSERT_SAYS(&failure, -EPERM, "0000:01:00.0", "\"the rule\"", "assign = false", "vfiod.conf");
}
END_TEST

START_TEST(a_rule_that_does_not_fit_keeps_nothing)
{
	struct facts facts = nvme();
	struct rule rule = any();
	struct failure failure;

	rule.assign = false;
	rule.vendor = 0x8086;
	ck_assert_int_eq(may_assign(&rule, &facts, &failure), 0);
}
END_TEST

START_TEST(an_earlier_rule_can_except_a_function_from_a_later_one)
{
	struct facts facts = nvme();
	struct rule rules[] = { any(), any() };
	struct config config = { .rules = rules, .rule_count = 2 };
	struct failure failure = { 0 };

	rules[0].has_address = true;
	rules[0].address = facts.address;
	rules[1].assign = false;
	ck_assert_int_eq(policy_may_assign(&config, &facts, &failure), 0);
	facts.address++;
	ck_assert_int_eq(policy_may_assign(&config, &facts, &failure), -EPERM);
}
END_TEST

START_TEST(the_boot_display_stays_the_hosts)
{
	struct facts facts = nvme();
	struct failure failure;

	facts.boot_display = true;
	ck_assert_int_eq(may_assign(NULL, &facts, &failure), -EBUSY);
	ASSERT_SAYS(&failure, -EBUSY, "0000:01:00.0", "display", "firmware");
}
END_TEST

START_TEST(a_function_with_virtual_functions_says_how_to_disable_them)
{
	struct facts facts = nvme();
	struct failure failure;

	facts.vfs = 3;
	ck_assert_int_eq(may_assign(NULL, &facts, &failure), -EBUSY);
	ASSERT_SAYS(&failure, -EBUSY, "0000:01:00.0", "3 virtual functions",
		    "echo 0 > /sys/bus/pci/devices/0000:01:00.0/sriov_numvfs");
}
END_TEST

START_TEST(a_function_behind_no_iommu_is_refused)
{
	struct facts facts = nvme();
	struct failure failure;

	facts.group = VFIOD_NONE;
	ck_assert_int_eq(may_assign(NULL, &facts, &failure), -EOPNOTSUPP);
	ASSERT_SAYS(&failure, -EOPNOTSUPP, "0000:01:00.0", "IOMMU", "intel_iommu=on");
}
END_TEST

START_TEST(a_function_in_vfios_mode_without_an_iommu_is_refused_with_what_that_mode_means)
{
	struct facts facts = nvme();
	struct failure failure;

	facts.group = VFIOD_NONE;
	facts.no_iommu = true;
	ck_assert_int_eq(may_assign(NULL, &facts, &failure), -EOPNOTSUPP);
	ASSERT_SAYS(&failure, -EOPNOTSUPP, "0000:01:00.0", "no-IOMMU mode", "all of the machine's memory",
		    "intel_iommu=on", "amd_iommu=on");
}
END_TEST

START_TEST(no_rule_makes_up_for_an_iommu)
{
	struct facts facts = nvme();
	struct rule rule = any();
	struct failure failure;

	facts.group = VFIOD_NONE;
	rule.reset = CLEAN_RESET_NONE;
	ck_assert_int_eq(may_assign(&rule, &facts, &failure), -EOPNOTSUPP);
}
END_TEST

START_TEST(iommu_group_zero_is_a_group)
{
	struct facts facts = nvme();
	struct failure failure;

	facts.group = 0;
	ck_assert_int_eq(may_assign(NULL, &facts, &failure), 0);
}
END_TEST

START_TEST(a_function_that_cannot_be_reset_is_refused)
{
	struct facts facts = nvme();
	struct failure failure;

	facts.reset[0] = '\0';
	ck_assert_int_eq(may_assign(NULL, &facts, &failure), -EOPNOTSUPP);
	ASSERT_SAYS(&failure, -EOPNOTSUPP, "0000:01:00.0", "reset", "reset = \"best-effort\"", "vfiod.conf");
}
END_TEST

START_TEST(a_rule_does_not_accept_a_missing_reset_by_itself)
{
	struct facts facts = nvme();
	struct rule rule = any();
	struct failure failure;

	facts.reset[0] = '\0';
	ck_assert_int_eq(may_assign(&rule, &facts, &failure), -EOPNOTSUPP);
	ASSERT_SAYS(&failure, -EOPNOTSUPP, "0000:01:00.0", "reset = \"best-effort\" in rule \"the rule\"");
}
END_TEST

START_TEST(a_rule_can_accept_that_a_function_cannot_be_reset)
{
	struct facts facts = nvme();
	struct rule rule = any();
	struct failure failure;

	facts.reset[0] = '\0';
	rule.reset = (enum clean_reset)_i;
	ck_assert_int_eq(may_assign(&rule, &facts, &failure), 0);
}
END_TEST

/* ---- acquire ---- */

static gid_t some_groups[] = { 20, 30 };

/* User 1000 of group 10, and of groups 20 and 30 beside. */
static struct peer alice(void)
{
	return (struct peer){ .uid = 1000, .gid = 10, .pid = 4711, .groups = some_groups, .group_count = 2 };
}

static const struct owner of_alice = { 1000, VFIOD_NONE };
static const struct owner of_bob = { 1001, VFIOD_NONE };
static const struct owner of_root = { 0, VFIOD_NONE };
static const struct owner nobodys = { VFIOD_NONE, VFIOD_NONE };

static int may_acquire(const struct rule *rule, const struct owner *owner, const struct peer *peer,
		       struct failure *failure)
{
	struct rule copy = rule ? *rule : (struct rule){ 0 };
	struct config config = { .rules = &copy, .rule_count = rule ? 1 : 0 };
	struct facts facts = nvme();
	const struct demand demand = { .peer = peer, .mode = VFIOD_MODE_CONTAINER };

	memset(failure, 0, sizeof(*failure));
	return policy_may_acquire(&config, &facts, owner, &demand, failure);
}

START_TEST(the_user_that_a_function_is_assigned_to_may_have_it)
{
	struct peer peer = alice();
	struct failure failure;

	ck_assert_int_eq(may_acquire(NULL, &of_alice, &peer, &failure), 0);
}
END_TEST

START_TEST(another_user_is_told_whose_it_is_and_whom_to_ask)
{
	struct peer peer = alice();
	struct failure failure;

	ck_assert_int_eq(may_acquire(NULL, &of_bob, &peer, &failure), -EACCES);
	ASSERT_SAYS(&failure, -EACCES, "0000:01:00.0", "user 1001", "user 1000", "ask the administrator");
}
END_TEST

START_TEST(user_0_has_no_privilege)
{
	struct peer peer = { .uid = 0, .gid = 0 };
	const struct owner of_group = { VFIOD_NONE, 10 };
	struct failure failure;

	ck_assert_int_eq(may_acquire(NULL, &of_alice, &peer, &failure), -EACCES);
	ck_assert_int_eq(may_acquire(NULL, &of_group, &peer, &failure), -EACCES);
	ck_assert_int_eq(may_acquire(NULL, &of_root, &peer, &failure), 0);
}
END_TEST

START_TEST(a_function_of_user_0_is_not_everybodys)
{
	struct peer peer = alice();
	struct failure failure;

	ck_assert_int_eq(may_acquire(NULL, &of_root, &peer, &failure), -EACCES);
}
END_TEST

START_TEST(a_function_that_is_assigned_to_nobody_is_for_nobody)
{
	struct peer peer = alice(), root = { .uid = 0, .gid = 0 };
	struct failure failure;

	ck_assert_int_eq(may_acquire(NULL, &nobodys, &peer, &failure), -EACCES);
	ASSERT_SAYS(&failure, -EACCES, "0000:01:00.0", "not assigned", "vfioctl assign 0000:01:00.0");
	ck_assert_int_eq(may_acquire(NULL, &nobodys, &root, &failure), -EACCES);
}
END_TEST

static const struct {
	uint32_t gid;
	int verdict;
} memberships[] = {
	{ 10, 0 }, { 20, 0 }, { 30, 0 }, { 40, -EACCES }, { 0, -EACCES }, { 1000, -EACCES },
};

START_TEST(members_of_its_group_may_have_a_function_by_primary_and_by_supplementary_group)
{
	struct peer peer = alice();
	const struct owner owner = { VFIOD_NONE, memberships[_i].gid };
	struct failure failure;

	ck_assert_int_eq(may_acquire(NULL, &owner, &peer, &failure), memberships[_i].verdict);
}
END_TEST

START_TEST(who_is_not_in_the_group_is_told_which_and_whom_to_ask)
{
	struct peer peer = alice();
	const struct owner owner = { VFIOD_NONE, 40 };
	struct failure failure;

	ck_assert_int_eq(may_acquire(NULL, &owner, &peer, &failure), -EACCES);
	ASSERT_SAYS(&failure, -EACCES, "0000:01:00.0", "group 40", "user 1000", "when it connected",
		    "ask the administrator");
}
END_TEST

START_TEST(a_rule_limits_the_owner_to_the_users_that_it_names)
{
	struct peer peer = alice();
	uid_t users[] = { 1001, 1000 };
	struct rule rule = any();
	struct failure failure;

	rule.users = users;
	rule.user_count = 2;
	ck_assert_int_eq(may_acquire(&rule, &of_alice, &peer, &failure), 0);
	rule.user_count = 1;
	ck_assert_int_eq(may_acquire(&rule, &of_alice, &peer, &failure), -EACCES);
	ASSERT_SAYS(&failure, -EACCES, "0000:01:00.0", "user 1000", "\"the rule\"", "ask the administrator");
}
END_TEST

START_TEST(a_rule_that_names_a_user_does_not_make_it_the_owner)
{
	struct peer peer = alice();
	uid_t users[] = { 1000 };
	struct rule rule = any();
	struct failure failure;

	rule.users = users;
	rule.user_count = 1;
	ck_assert_int_eq(may_acquire(&rule, &of_bob, &peer, &failure), -EACCES);
}
END_TEST

START_TEST(a_rule_limits_the_owner_to_the_groups_that_it_names)
{
	struct peer peer = alice();
	gid_t groups[] = { 40, memberships[_i].gid };
	struct rule rule = any();
	struct failure failure;

	rule.groups = groups;
	rule.group_count = 2;
	ck_assert_int_eq(may_acquire(&rule, &of_alice, &peer, &failure), memberships[_i].verdict);
}
END_TEST

START_TEST(a_rule_of_users_and_groups_admits_both)
{
	struct peer peer = alice();
	uid_t users[] = { 1001 };
	gid_t groups[] = { 20 };
	struct rule rule = any();
	struct failure failure;

	rule.users = users;
	rule.user_count = 1;
	rule.groups = groups;
	rule.group_count = 1;
	ck_assert_int_eq(may_acquire(&rule, &of_alice, &peer, &failure), 0);
	groups[0] = 40;
	users[0] = 1000;
	ck_assert_int_eq(may_acquire(&rule, &of_alice, &peer, &failure), 0);
	users[0] = 1001;
	ck_assert_int_eq(may_acquire(&rule, &of_alice, &peer, &failure), -EACCES);
}
END_TEST

/* Labels of a rule for "lab" and "web (enforce)", against the one that a program has. */
static const struct {
	const char *label;
	int verdict;
} labels[] = {
	{ "lab", 0 },	     { "web (enforce)", 0 }, { "", -EACCES },	 { "la", -EACCES },
	{ "labs", -EACCES }, { "LAB", -EACCES },     { "web", -EACCES },
};

START_TEST(a_rule_limits_the_owner_to_programs_of_the_labels_that_it_names)
{
	struct peer peer = alice();
	char *names[] = { (char *)"lab", (char *)"web (enforce)" };
	uid_t users[] = { 1000 };
	struct rule rule = any();
	struct failure failure;

	strcpy(peer.label, labels[_i].label);
	rule.labels = names;
	rule.label_count = 2;
	ck_assert_int_eq(may_acquire(&rule, &of_alice, &peer, &failure), labels[_i].verdict);
	if (failure.error)
		ASSERT_SAYS(&failure, -EACCES, "0000:01:00.0", "security label", "\"the rule\"",
			    peer.label[0] ? peer.label : "the kernel tells none of yours");
	/* to be one of its users does not help, and the label makes nobody one of its users */
	rule.users = users;
	rule.user_count = 1;
	ck_assert_int_eq(may_acquire(&rule, &of_alice, &peer, &failure), labels[_i].verdict);
	users[0] = 1001;
	ck_assert_int_eq(may_acquire(&rule, &of_alice, &peer, &failure), -EACCES);
}
END_TEST

START_TEST(user_0_is_limited_by_a_rule_like_everybody)
{
	struct peer peer = { .uid = 0, .gid = 0 };
	uid_t users[] = { 1000 };
	struct rule rule = any();
	struct failure failure;

	rule.users = users;
	rule.user_count = 1;
	ck_assert_int_eq(may_acquire(&rule, &of_root, &peer, &failure), -EACCES);
}
END_TEST

static int may_demand(const struct rule *rule, uint32_t mode, size_t leases, struct failure *failure)
{
	struct rule copy = *rule;
	struct config config = { .rules = &copy, .rule_count = 1 };
	struct peer peer = alice();
	struct facts facts = nvme();
	const struct demand demand = { .peer = &peer, .mode = mode, .leases = leases };

	memset(failure, 0, sizeof(*failure));
	return policy_may_acquire(&config, &facts, &of_alice, &demand, failure);
}

static const struct {
	uint32_t modes, mode;
	int verdict;
	const char *words;
} modes[] = {
	{ 0, VFIOD_MODE_CONTAINER, 0, "" },
	{ 0, VFIOD_MODE_GROUP, 0, "" },
	{ CONFIG_MODE(VFIOD_MODE_CONTAINER), VFIOD_MODE_CONTAINER, 0, "" },
	{ CONFIG_MODE(VFIOD_MODE_CONTAINER), VFIOD_MODE_GROUP, -EACCES, "ask for it in mode \"container\"" },
	{ CONFIG_MODE(VFIOD_MODE_GROUP), VFIOD_MODE_CONTAINER, -EACCES, "ask for it in mode \"group\"" },
	{ CONFIG_MODE(VFIOD_MODE_GROUP), VFIOD_MODE_GROUP, 0, "" },
	{ CONFIG_MODE(VFIOD_MODE_CONTAINER) | CONFIG_MODE(VFIOD_MODE_GROUP), VFIOD_MODE_GROUP, 0, "" },
	{ 0, VFIOD_MODE_IOMMUFD, 0, "" },
	{ CONFIG_MODE(VFIOD_MODE_IOMMUFD), VFIOD_MODE_IOMMUFD, 0, "" },
	{ CONFIG_MODE(VFIOD_MODE_IOMMUFD), VFIOD_MODE_CONTAINER, -EACCES, "ask for it in mode \"iommufd\"" },
	{ CONFIG_MODE(VFIOD_MODE_GROUP), VFIOD_MODE_IOMMUFD, -EACCES, "is not for mode \"iommufd\"" },
};

START_TEST(a_rule_limits_the_modes_and_says_which_is_left)
{
	struct rule rule = any();
	struct failure failure;

	rule.modes = modes[_i].modes;
	ck_assert_int_eq(may_demand(&rule, modes[_i].mode, 0, &failure), modes[_i].verdict);
	if (failure.error)
		ASSERT_SAYS(&failure, -EACCES, "0000:01:00.0", "\"the rule\"", modes[_i].words);
}
END_TEST

static const struct {
	unsigned int limit;
	size_t leases;
	int verdict;
} quotas[] = {
	{ 0, 0, 0 }, { 0, 1000, 0 }, { 1, 0, 0 }, { 1, 1, -EDQUOT }, { 1, 2, -EDQUOT }, { 3, 2, 0 }, { 3, 3, -EDQUOT },
};

START_TEST(a_rule_limits_the_leases_of_a_user_and_says_how_many_it_has)
{
	struct rule rule = any();
	struct failure failure;
	char has[64];

	rule.leases_per_user = quotas[_i].limit;
	ck_assert_int_eq(may_demand(&rule, VFIOD_MODE_CONTAINER, quotas[_i].leases, &failure), quotas[_i].verdict);
	snprintf(has, sizeof(has), "user 1000 has %zu of the %u leases", quotas[_i].leases, quotas[_i].limit);
	if (failure.error)
		ASSERT_SAYS(&failure, -EDQUOT, "0000:01:00.0", "\"the rule\"", has, "release one");
}
END_TEST

START_TEST(a_lease_for_a_time_has_to_be_one_that_can_be_taken_back)
{
	struct peer peer = alice();
	struct facts facts = nvme();
	struct rule rule = any();
	struct config config = { .rules = &rule, .rule_count = 1 };
	struct demand demand = { .peer = &peer, .mode = VFIOD_MODE_CONTAINER, .revocable = true };
	struct failure failure;

	rule.lease_time = 3600;
	ck_assert_int_eq(policy_may_acquire(&config, &facts, &of_alice, &demand, &failure), 0);
	demand.revocable = false;
	ck_assert_int_eq(policy_may_acquire(&config, &facts, &of_alice, &demand, &failure), -EOPNOTSUPP);
	ASSERT_SAYS(&failure, -EOPNOTSUPP, "0000:01:00.0", "\"the rule\"", "after 3600 s", "modprobe vfiod_handle");
	demand.mode = VFIOD_MODE_GROUP;
	ck_assert_int_eq(policy_may_acquire(&config, &facts, &of_alice, &demand, &failure), -EOPNOTSUPP);
	ASSERT_SAYS(&failure, -EOPNOTSUPP, "mode \"container\"");
	rule.lease_time = 0;
	ck_assert_int_eq(policy_may_acquire(&config, &facts, &of_alice, &demand, &failure), 0);
}
END_TEST

START_TEST(who_is_no_owner_is_told_that_and_not_of_limits)
{
	struct peer peer = alice();
	struct facts facts = nvme();
	struct rule rule = any();
	struct config config = { .rules = &rule, .rule_count = 1 };
	const struct demand demand = { .peer = &peer, .mode = VFIOD_MODE_GROUP, .leases = 5 };
	struct failure failure;

	rule.modes = CONFIG_MODE(VFIOD_MODE_CONTAINER);
	rule.leases_per_user = 1;
	ck_assert_int_eq(policy_may_acquire(&config, &facts, &of_bob, &demand, &failure), -EACCES);
	ASSERT_SAYS(&failure, -EACCES, "assigned to user 1001");
}
END_TEST

START_TEST(a_function_is_in_the_pool_of_the_rule_that_fits)
{
	struct facts facts = nvme();
	struct rule rules[] = { any(), any() };
	struct config config = { .rules = rules, .rule_count = 2 };

	rules[0].vendor = 0x8086;
	rules[0].pool = (char *)"network";
	rules[1].pool = (char *)"fast";
	ck_assert_str_eq(policy_pool(&config, &facts), "fast");
	strcpy(facts.pool, "lab"); /* an administrator's word comes before a rule's */
	ck_assert_str_eq(policy_pool(&config, &facts), "lab");
	ck_assert_str_eq(policy_pool(&no_rules, &facts), "lab");
	facts.pool[0] = '\0';
	rules[1].pool = NULL;
	ck_assert_ptr_null(policy_pool(&config, &facts));
	ck_assert_ptr_null(policy_pool(&no_rules, &facts));
}
END_TEST

START_TEST(whoever_has_more_of_a_pool_than_one_who_asked_in_vain_is_told_of_that_one)
{
	struct facts facts = nvme();
	struct rule rule = any();
	struct config config = { .rules = &rule, .rule_count = 1 };
	struct rival rival = { .is = true, .uid = 1001, .leases = 1, .own = 3, .seconds = 42 };
	struct failure failure;

	rule.pool = (char *)"fast";
	ck_assert_int_eq(policy_may_go_first(&config, &facts, &rival, &failure), -EBUSY);
	ASSERT_SAYS(&failure, -EBUSY, "0000:01:00.0", "user 1001 has 1 of pool \"fast\"", "you have 3", "in 42 s");
	rival.is = false;
	ck_assert_int_eq(policy_may_go_first(&config, &facts, &rival, &failure), 0);
}
END_TEST

START_TEST(the_name_of_a_long_rule_does_not_overflow_the_text)
{
	struct facts facts = nvme();
	struct rule rule = any();
	struct failure failure;
	char name[2000];

	memset(name, 'n', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	rule.name = name;
	rule.assign = false;
	may_assign(&rule, &facts, &failure);
	ck_assert_ptr_nonnull(memchr(failure.text, '\0', sizeof(failure.text)));
}
END_TEST

static TCase *rules_case(void)
{
	TCase *tcase = tcase_create("rules");
	int text_count = sizeof(texts) / sizeof(texts[0]);

	tcase_add_test(tcase, a_rule_of_an_address_fits_that_function_alone);
	tcase_add_test(tcase, a_rule_of_address_zero_is_not_one_of_any_address);
	tcase_add_test(tcase, a_rule_of_a_vendor_fits_all_of_its_devices);
	tcase_add_test(tcase, a_rule_of_vendor_and_device_needs_both);
	tcase_add_test(tcase, a_rule_of_a_vendor_of_all_ones_is_not_one_of_any_vendor);
	tcase_add_loop_test(tcase, a_class_counts_as_far_as_it_is_given, 0, sizeof(classes) / sizeof(classes[0]));
	tcase_add_test(tcase, a_rule_of_a_subsystem_vendor_fits_all_of_its_devices);
	tcase_add_loop_test(tcase, a_host_driver_a_path_and_a_label_have_to_be_the_same_to_the_letter, 0, text_count);
	tcase_add_loop_test(tcase, a_rule_of_a_text_does_not_fit_a_function_that_has_none, 0, text_count);
	tcase_add_test(tcase, a_rule_of_the_hosts_driver_fits_while_a_vfio_driver_has_the_function);
	tcase_add_test(tcase, a_rule_of_a_physical_function_fits_its_virtual_functions_alone);
	tcase_add_test(tcase, a_function_that_is_not_virtual_has_no_physical_function_at_address_zero);
	tcase_add_test(tcase, a_rule_of_a_serial_number_fits_the_function_of_that_number_alone);
	tcase_add_test(tcase, a_rule_of_a_pool_fits_the_functions_that_were_put_into_it_alone);
	tcase_add_test(tcase, all_that_a_rule_names_has_to_fit);
	tcase_add_test(tcase, the_first_rule_that_fits_counts);
	tcase_add_test(tcase, there_may_be_no_rule_that_fits);
	tcase_add_loop_test(tcase, a_function_has_to_be_reset_unless_its_rule_says_otherwise, CLEAN_RESET_REQUIRED,
			    CLEAN_RESET_NONE + 1);
	tcase_add_test(tcase, a_function_gets_the_driver_of_its_rule_or_else_the_one_for_all);
	tcase_add_test(tcase, a_function_is_kept_warm_unless_its_rule_or_the_number_of_warm_devices_says_no);
	return tcase;
}

static TCase *assign_case(void)
{
	TCase *tcase = tcase_create("assign");

	tcase_add_test(tcase, without_rules_a_function_that_can_be_reset_may_be_assigned);
	/* host, ISA, EISA … down to the sub-classes that are still to come */
	tcase_add_test(tcase, what_goes_along_need_not_be_cleaned_but_has_to_be_free_to_be_taken);
	tcase_add_test(tcase, companions_and_unsafe_interrupts_are_as_the_rule_that_fits_says_and_else_refused);
	tcase_add_loop_test(tcase, a_bridge_stays_the_hosts, 0x00, 0x0c);
	tcase_add_loop_test(tcase, a_bridge_stays_the_hosts, 0x80, 0x81);
	tcase_add_test(tcase, no_rule_makes_a_bridge_assignable);
	tcase_add_test(tcase, what_a_rule_keeps_stays_the_hosts);
	tcase_add_test(tcase, a_rule_that_does_not_fit_keeps_nothing);
	tcase_add_test(tcase, an_earlier_rule_can_except_a_function_from_a_later_one);
	tcase_add_test(tcase, the_boot_display_stays_the_hosts);
	tcase_add_test(tcase, a_function_with_virtual_functions_says_how_to_disable_them);
	tcase_add_test(tcase, a_function_behind_no_iommu_is_refused);
	tcase_add_test(tcase, no_rule_makes_up_for_an_iommu);
	tcase_add_test(tcase, a_function_in_vfios_mode_without_an_iommu_is_refused_with_what_that_mode_means);
	tcase_add_test(tcase, iommu_group_zero_is_a_group);
	tcase_add_test(tcase, a_function_that_cannot_be_reset_is_refused);
	tcase_add_test(tcase, a_rule_does_not_accept_a_missing_reset_by_itself);
	tcase_add_loop_test(tcase, a_rule_can_accept_that_a_function_cannot_be_reset, CLEAN_RESET_BEST_EFFORT,
			    CLEAN_RESET_NONE + 1);
	tcase_add_test(tcase, the_name_of_a_long_rule_does_not_overflow_the_text);
	return tcase;
}

static TCase *acquire_case(void)
{
	TCase *tcase = tcase_create("acquire");
	int count = sizeof(memberships) / sizeof(memberships[0]);

	tcase_add_test(tcase, the_user_that_a_function_is_assigned_to_may_have_it);
	tcase_add_test(tcase, another_user_is_told_whose_it_is_and_whom_to_ask);
	tcase_add_test(tcase, user_0_has_no_privilege);
	tcase_add_test(tcase, a_function_of_user_0_is_not_everybodys);
	tcase_add_test(tcase, a_function_that_is_assigned_to_nobody_is_for_nobody);
	tcase_add_loop_test(tcase, members_of_its_group_may_have_a_function_by_primary_and_by_supplementary_group, 0,
			    count);
	tcase_add_test(tcase, who_is_not_in_the_group_is_told_which_and_whom_to_ask);
	tcase_add_test(tcase, a_rule_limits_the_owner_to_the_users_that_it_names);
	tcase_add_test(tcase, a_rule_that_names_a_user_does_not_make_it_the_owner);
	/* group 40 is one that the rule names in any case, and alice is not in it */
	tcase_add_loop_test(tcase, a_rule_limits_the_owner_to_the_groups_that_it_names, 0, count);
	tcase_add_test(tcase, a_rule_of_users_and_groups_admits_both);
	tcase_add_loop_test(tcase, a_rule_limits_the_owner_to_programs_of_the_labels_that_it_names, 0,
			    sizeof(labels) / sizeof(labels[0]));
	tcase_add_test(tcase, user_0_is_limited_by_a_rule_like_everybody);
	tcase_add_loop_test(tcase, a_rule_limits_the_modes_and_says_which_is_left, 0, sizeof(modes) / sizeof(modes[0]));
	tcase_add_loop_test(tcase, a_rule_limits_the_leases_of_a_user_and_says_how_many_it_has, 0,
			    sizeof(quotas) / sizeof(quotas[0]));
	tcase_add_test(tcase, a_lease_for_a_time_has_to_be_one_that_can_be_taken_back);
	tcase_add_test(tcase, who_is_no_owner_is_told_that_and_not_of_limits);
	tcase_add_test(tcase, a_function_is_in_the_pool_of_the_rule_that_fits);
	tcase_add_test(tcase, whoever_has_more_of_a_pool_than_one_who_asked_in_vain_is_told_of_that_one);
	return tcase;
}

int main(void)
{
	Suite *suite = suite_create("policy");
	SRunner *runner;
	int failed;

	suite_add_tcase(suite, rules_case());
	suite_add_tcase(suite, assign_case());
	suite_add_tcase(suite, acquire_case());
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
