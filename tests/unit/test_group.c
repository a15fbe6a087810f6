/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whether an IOMMU group is in the way of an assignment, and the list of functions that this is looked up in. */
#include "vfiod/group.h"

#include "proto/address.h"
#include "vfiod/config.h"
#include "vfiod/device.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#define GROUP 7

static struct devices devices;
static struct config config; /* no rule, unless a test has one */

static const struct owner alice = { 1000, VFIOD_NONE };

static void free_devices(void)
{
	devices_free(&devices);
}

static struct device *put(uint64_t address, const char *driver)
{
	struct facts facts = {
		.address = address,
		.class_code = 0x010802,
		.group = GROUP,
		.parent = VFIOD_NO_ADDRESS,
		.isolation = { .is_known = true, .is_express = true, .multifunction = true },
	};

	snprintf(facts.driver, sizeof(facts.driver), "%s", driver);
	ck_assert_int_eq(devices_put(&devices, &facts), 0);
	return devices_find(&devices, address);
}

static struct device *put_assigned(uint64_t address, struct owner owner, enum vfiod_state state)
{
	struct device *device = put(address, "vfio-pci");

	device->owner = owner;
	device->state = state;
	return device;
}

static int check(const struct device *device, struct failure *failure)
{
	memset(failure, 0, sizeof(*failure));
	return group_check(&devices, device, &alice, &config, failure);
}

static void assert_says(const struct failure *failure, const char *words)
{
	ck_assert_msg(strstr(failure->text, words), "'%s' is not in: %s", words, failure->text);
}

/* ---- who is in nobody's way ---- */

START_TEST(a_function_alone_in_its_group_may_be_assigned)
{
	struct failure failure;

	ck_assert_int_eq(check(put(0x100, "nvme"), &failure), 0);
	ck_assert_int_eq(failure.error, 0);
}
END_TEST

START_TEST(a_sibling_without_driver_is_in_nobodys_way)
{
	struct device *device = put(0x100, "nvme");
	struct failure failure;

	put(0x101, "");
	ck_assert_int_eq(check(device, &failure), 0);
}
END_TEST

START_TEST(a_sibling_on_a_vfio_driver_is_in_nobodys_way)
{
	struct device *device = put(0x100, "nvme");
	struct failure failure;

	put(0x101, "vfio-pci");
	put(0x102, "vfiod-pci");
	ck_assert_int_eq(check(device, &failure), 0);
}
END_TEST

START_TEST(a_bridge_with_its_driver_is_in_nobodys_way)
{
	struct device *device = put(0x100, "nvme");
	struct failure failure;

	put(0x008, "pcieport")->facts.class_code = 0x060400;
	ck_assert_int_eq(check(device, &failure), 0);
}
END_TEST

START_TEST(a_function_of_another_group_is_in_nobodys_way)
{
	struct device *device = put(0x100, "nvme");
	struct failure failure;

	put(0x101, "e1000e")->facts.group = GROUP + 1;
	put(0x102, "e1000e")->facts.group = VFIOD_NONE;
	ck_assert_int_eq(check(device, &failure), 0);
}
END_TEST

START_TEST(a_sibling_of_the_same_owner_is_in_nobodys_way_in_any_state)
{
	struct device *device = put(0x100, "nvme");
	struct failure failure;

	put_assigned(0x101, alice, (enum vfiod_state)_i);
	ck_assert_int_eq(check(device, &failure), 0);
}
END_TEST

/* ---- who is in the way ---- */

START_TEST(a_sibling_with_a_host_driver_is_named_with_what_to_do)
{
	struct device *device = put(0x100, "nvme");
	struct failure failure;

	put(0x101, "e1000e");
	ck_assert_int_eq(check(device, &failure), -EBUSY);
	ck_assert_int_eq(failure.error, -EBUSY);
	assert_says(&failure, "0000:01:00.0 shares IOMMU group 7 with 0000:01:00.1");
	assert_says(&failure, "driver e1000e");
	assert_says(&failure, "echo 0000:01:00.1 > /sys/bus/pci/drivers/e1000e/unbind");
}
END_TEST

START_TEST(a_driver_whose_name_begins_like_vfio_pci_is_a_host_driver)
{
	struct device *device = put(0x100, "nvme");
	struct failure failure;

	put(0x101, "vfio-pci-not");
	ck_assert_int_eq(check(device, &failure), -EBUSY);
}
END_TEST

START_TEST(a_sibling_below_the_function_is_in_the_way_as_well_as_one_above)
{
	struct device *device = put(0x100, "nvme");
	struct failure failure;

	put(0x0ff, "e1000e");
	ck_assert_int_eq(check(device, &failure), -EBUSY);
}
END_TEST

static const struct owner others[] = {
	{ 1001, VFIOD_NONE }, { 0, VFIOD_NONE }, { VFIOD_NONE, 1000 }, { VFIOD_NONE, 0 }, { VFIOD_NONE, VFIOD_NONE },
};

START_TEST(a_sibling_of_another_owner_is_named_with_what_to_do)
{
	struct device *device = put(0x100, "nvme");
	struct failure failure;

	put_assigned(0x101, others[_i], VFIOD_FREE);
	ck_assert_int_eq(check(device, &failure), -EBUSY);
	assert_says(&failure, "0000:01:00.1");
	assert_says(&failure, "another owner");
	assert_says(&failure, "vfioctl release 0000:01:00.1");
}
END_TEST

START_TEST(owners_that_are_groups_are_told_apart_too)
{
	struct device *device = put(0x100, "nvme");
	const struct owner staff = { VFIOD_NONE, 50 };
	struct failure failure;

	put_assigned(0x101, (struct owner){ VFIOD_NONE, _i ? 50 : 51 }, VFIOD_FREE);
	ck_assert_int_eq(group_check(&devices, device, &staff, &config, &failure), _i ? 0 : -EBUSY);
}
END_TEST

START_TEST(a_sibling_of_another_owner_is_in_the_way_in_any_state)
{
	struct device *device = put(0x100, "nvme");
	struct failure failure;

	put_assigned(0x101, others[0], (enum vfiod_state)_i);
	ck_assert_int_eq(check(device, &failure), -EBUSY);
}
END_TEST

START_TEST(a_sibling_that_the_host_has_back_is_judged_by_its_driver_not_by_its_last_owner)
{
	struct device *device = put(0x100, "nvme"), *sibling = put_assigned(0x101, others[0], VFIOD_UNMANAGED);
	struct failure failure;

	ck_assert_int_eq(check(device, &failure), 0);
	strcpy(sibling->facts.driver, "e1000e");
	ck_assert_int_eq(check(device, &failure), -EBUSY);
}
END_TEST

START_TEST(all_that_are_in_the_way_are_named)
{
	struct device *device = put(0x100, "nvme");
	char address[PROTO_ADDRESS_LEN];
	struct failure failure;

	for (uint64_t other = 0x101; other <= 0x107; other++)
		put(other, "snd_hda_intel");
	put(0x108, "");
	ck_assert_int_eq(check(device, &failure), -EBUSY);
	for (uint64_t other = 0x101; other <= 0x107; other++)
		assert_says(&failure, proto_address_format(other, address));
	ck_assert_ptr_null(strstr(failure.text, "0000:01:01.0"));
	ck_assert_ptr_null(strstr(failure.text, "more"));
}
END_TEST

START_TEST(those_that_there_is_no_room_for_are_counted)
{
	struct device *device = put(0xffffffff0000, "nvme");
	unsigned int named = 0, more = 0;
	struct failure failure;
	const char *tail;

	for (uint64_t other = 1; other <= (uint64_t)_i; other++) {
		put(0xffffffff0000 + other, "a_driver_with_a_name_as_long_as");
		if (other % 2)
			put_assigned(0xffffffff0000 + other, others[0], VFIOD_LEASED);
	}
	ck_assert_int_eq(check(device, &failure), -EBUSY);
	for (uint64_t other = 1; other <= (uint64_t)_i; other++) {
		char address[PROTO_ADDRESS_LEN];

		named += strstr(failure.text, proto_address_format(0xffffffff0000 + other, address)) != NULL;
	}
	tail = strstr(failure.text, " and ");
	if (tail)
		ck_assert_int_eq(sscanf(tail, " and %u more", &more), 1);
	ck_assert_uint_eq(named + more, (unsigned int)_i);
	ck_assert_uint_gt(named, 0);
}
END_TEST

START_TEST(the_text_is_whole_however_many_there_are)
{
	struct device *device = put(0xffffffff0000, "nvme");
	struct failure failure;

	for (uint64_t other = 1; other <= (uint64_t)_i; other++) {
		put(0xffffffff0000 + other, "a_driver_with_a_name_as_long_as");
		ck_assert_int_eq(check(device, &failure), -EBUSY);
		/* the wire has room for as much */
		ck_assert_uint_lt(strlen(failure.text), sizeof(failure.text) - 1);
		ck_assert_uint_lt(strlen(failure.text), sizeof(((struct vfiod_error *)0)->text));
	}
}
END_TEST

START_TEST(why_the_kernel_put_them_together_is_said)
{
	struct device *device = put(0x100, "nvme");
	struct failure failure;

	put(0x101, "e1000e");
	ck_assert_int_eq(check(device, &failure), -EBUSY);
	assert_says(&failure, "they are one device, whose function 0000:01:00.0 has no ACS");
	assert_says(&failure, "companions = \"unbind\"");
}
END_TEST

START_TEST(what_another_owner_has_no_rule_takes_along)
{
	struct device *device = put(0x100, "nvme");
	struct failure failure;

	put_assigned(0x101, others[0], VFIOD_FREE);
	ck_assert_int_eq(check(device, &failure), -EBUSY);
	ck_assert_ptr_null(strstr(failure.text, "companions"));
}
END_TEST

/* ---- companions ---- */

static struct rule rule = {
	.vendor = CONFIG_ANY,
	.device = CONFIG_ANY,
	.subsystem_vendor = CONFIG_ANY,
	.subsystem_device = CONFIG_ANY,
	.class_code = CONFIG_ANY,
	.assign = true,
};

static void have_companions(enum companions how)
{
	rule.companions = how;
	config = (struct config){ .rules = &rule, .rule_count = 1 };
}

START_TEST(where_the_rule_takes_siblings_along_their_drivers_are_in_nobodys_way)
{
	struct device *device = put(0x100, "nvme");
	struct failure failure;

	have_companions(_i ? COMPANIONS_BIND : COMPANIONS_UNBIND);
	put(0x101, "e1000e");
	put(0x102, "");
	put(0x008, "pcieport")->facts.class_code = 0x060400;
	ck_assert_int_eq(check(device, &failure), 0);
}
END_TEST

START_TEST(what_must_not_be_taken_from_the_host_is_not_taken_along)
{
	struct device *device = put(0x100, "nvme"), *other = put(0x101, "e1000e");
	static char name[] = "its own";
	struct rule rules[2] = { rule, rule };
	struct failure failure;

	rules[0].name = name;
	rules[0].has_address = true;
	rules[0].address = 0x101;
	rules[0].assign = _i != 0;
	rules[1].companions = COMPANIONS_BIND;
	config = (struct config){ .rules = rules, .rule_count = 2 };
	other->facts.boot_display = _i == 1;
	other->facts.vfs = _i == 2;
	ck_assert_int_eq(check(device, &failure), -EBUSY);
	assert_says(&failure, "0000:01:00.1");
	assert_says(&failure, _i == 0	? "rule \"its own\" says assign = false; change that in vfiod.conf"
			      : _i == 1 ? "display that the machine booted with; choose another one in the firmware"
					: "virtual functions enabled; disable them first");
}
END_TEST

START_TEST(a_companion_of_another_owner_is_in_the_way_and_has_no_release_of_its_own)
{
	struct device *device = put(0x100, "nvme");
	struct failure failure;

	put_assigned(0x101, others[0], VFIOD_COMPANION);
	ck_assert_int_eq(check(device, &failure), -EBUSY);
	assert_says(&failure, "0000:01:00.1 (on its way back to the host; try again)");
	put_assigned(0x102, others[0], VFIOD_FREE);
	ck_assert_int_eq(check(device, &failure), -EBUSY);
	assert_says(&failure, "0000:01:00.1 (taken along with 0000:01:00.2 of another owner; release that first: "
			      "vfioctl release 0000:01:00.2)");
	ck_assert_ptr_null(strstr(failure.text, "vfioctl release 0000:01:00.1"));
}
END_TEST

START_TEST(with_its_companions_a_function_goes_from_one_owner_to_the_next)
{
	struct device *device = put_assigned(0x100, others[0], VFIOD_FREE);
	struct failure failure;

	put_assigned(0x101, others[0], VFIOD_COMPANION);
	ck_assert_int_eq(check(device, &failure), 0);
	put_assigned(0x102, others[0], VFIOD_FREE);
	ck_assert_int_eq(check(device, &failure), -EBUSY);
	ck_assert_ptr_null(strstr(failure.text, "0000:01:00.1"));
}
END_TEST

/* ---- the list of functions ---- */

static uint64_t address_at(unsigned int i, unsigned int count)
{
	return (uint64_t)(i * 7919u % count) << 3; /* every one of them once, in no order */
}

START_TEST(functions_are_in_order_of_address_however_they_come)
{
	const unsigned int count = 1000;

	for (unsigned int i = 0; i < count; i++)
		put(address_at(i, count), "");
	ck_assert_uint_eq(devices.count, count);
	for (unsigned int i = 0; i < count; i++)
		ck_assert_uint_eq(devices.list[i]->facts.address, (uint64_t)i << 3);
}
END_TEST

START_TEST(every_function_is_found_by_its_address_and_nothing_else_is)
{
	const unsigned int count = 1000;

	for (unsigned int i = 0; i < count; i++)
		put(address_at(i, count), "");
	for (unsigned int i = 0; i < count; i++) {
		ck_assert_ptr_eq(devices_find(&devices, (uint64_t)i << 3), devices.list[i]);
		ck_assert_ptr_null(devices_find(&devices, ((uint64_t)i << 3) + 1));
	}
	ck_assert_ptr_null(devices_find(&devices, UINT64_MAX));
}
END_TEST

START_TEST(nothing_is_found_where_there_is_nothing)
{
	ck_assert_ptr_null(devices_find(&devices, 0));
	ck_assert_uint_eq(devices_from(&devices, 0), 0);
	ck_assert_ptr_null(devices_by_lease(&devices, 1));
}
END_TEST

START_TEST(a_walk_from_any_address_begins_at_the_next_one)
{
	put(0x10, "");
	put(0x20, "");
	put(UINT64_MAX, "");
	ck_assert_uint_eq(devices_from(&devices, 0), 0);
	ck_assert_uint_eq(devices_from(&devices, 0x10), 0);
	ck_assert_uint_eq(devices_from(&devices, 0x11), 1);
	ck_assert_uint_eq(devices_from(&devices, 0x20), 1);
	ck_assert_uint_eq(devices_from(&devices, 0x21), 2);
	ck_assert_uint_eq(devices_from(&devices, UINT64_MAX), 2);
	devices_remove(&devices, devices_find(&devices, UINT64_MAX));
	ck_assert_uint_eq(devices_from(&devices, UINT64_MAX), 2);
}
END_TEST

START_TEST(a_new_function_is_the_hosts)
{
	struct device *device = put(0x100, "nvme");

	ck_assert_int_eq(device->state, VFIOD_UNMANAGED);
	ck_assert_uint_eq(device->owner.uid, VFIOD_NONE);
	ck_assert_uint_eq(device->owner.gid, VFIOD_NONE);
	ck_assert_uint_eq(device->lease.id, 0);
	ck_assert(TAILQ_EMPTY(&device->waiting));
}
END_TEST

START_TEST(news_of_a_function_leave_its_state_alone)
{
	struct device *device = put_assigned(0x100, alice, VFIOD_LEASED);

	device_lease(device, 5, alice.uid);
	ck_assert_ptr_eq(put(0x100, "other"), device);
	ck_assert_uint_eq(devices.count, 1);
	ck_assert_str_eq(device->facts.driver, "other");
	ck_assert_int_eq(device->state, VFIOD_LEASED);
	ck_assert_uint_eq(device->owner.uid, alice.uid);
	ck_assert_uint_eq(device->lease.id, 5);
}
END_TEST

START_TEST(the_hosts_driver_is_remembered_while_a_vfio_driver_or_none_has_the_function)
{
	static const char *const later[] = { "vfio-pci", "vfiod-pci", "" };
	struct device *device;
	struct facts facts = { .address = 0x100 };

	facts_note_host_driver(&facts, "nvme");
	ck_assert_int_eq(devices_put(&devices, &facts), 0);
	device = devices_find(&devices, 0x100);
	facts.host_driver[0] = '\0';
	facts_note_host_driver(&facts, later[_i]);
	ck_assert_str_eq(facts.host_driver, "");
	ck_assert_int_eq(devices_put(&devices, &facts), 0);
	ck_assert_str_eq(device->facts.host_driver, "nvme");
	facts_note_host_driver(&facts, "other");
	ck_assert_int_eq(devices_put(&devices, &facts), 0);
	ck_assert_str_eq(device->facts.host_driver, "other");
}
END_TEST

START_TEST(the_serial_number_of_a_function_is_read_once_and_stays)
{
	struct facts facts = { .address = 0x100, .serial = 0x000102ffff030405 };
	const struct device *device;

	ck_assert_int_eq(devices_put(&devices, &facts), 0);
	device = devices_find(&devices, 0x100);
	facts.serial = 0;
	facts.vfs = 3;
	ck_assert_int_eq(devices_put(&devices, &facts), 0);
	ck_assert_uint_eq(device->facts.vfs, 3);
	ck_assert_uint_eq(device->facts.serial, 0x000102ffff030405);
}
END_TEST

START_TEST(a_function_whose_config_space_cannot_be_opened_for_want_of_descriptors_is_not_added)
{
	const struct facts facts = { .address = 0x100, .serial = _i ? 0x000102ffff030405 : 0 };
	struct rlimit all;

	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &all), 0);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &(struct rlimit){ 0, all.rlim_max }), 0);
	ck_assert_int_eq(devices_put(&devices, &facts), -EMFILE);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &all), 0);
	ck_assert_uint_eq(devices.count, 0);
	ck_assert_ptr_null(devices_in_group(&devices, facts.group, NULL));
	ck_assert_int_eq(devices_put(&devices, &facts), 0);
	ck_assert_uint_eq(devices.count, 1);
}
END_TEST

START_TEST(a_lease_is_found_by_its_number_and_no_lease_is_not)
{
	struct device *device;

	put(0x100, "");
	device = put(0x101, "");
	device_lease(put(0x102, ""), 6, alice.uid);
	device_lease(device, 5, alice.uid);
	ck_assert_ptr_eq(devices_by_lease(&devices, 5), device);
	ck_assert_ptr_null(devices_by_lease(&devices, 7));
	ck_assert_ptr_null(devices_by_lease(&devices, 0));
}
END_TEST

START_TEST(a_function_can_be_removed_from_any_place)
{
	for (uint64_t address = 0; address < 3; address++)
		put(address, "");
	devices_remove(&devices, devices_find(&devices, (uint64_t)_i));
	ck_assert_uint_eq(devices.count, 2);
	for (uint64_t address = 0; address < 3; address++)
		ck_assert_int_eq(devices_find(&devices, address) != NULL, address != (uint64_t)_i);
}
END_TEST

START_TEST(the_list_can_be_used_again_after_it_was_emptied)
{
	for (int round = 0; round < 3; round++) {
		for (uint64_t address = 0; address < 200; address++)
			put(address, "");
		while (devices.count)
			devices_remove(&devices, devices.list[devices.count / 2]);
	}
	put(5, "");
	ck_assert_uint_eq(devices.count, 1);
}
END_TEST

START_TEST(a_worker_is_at_work_in_the_states_that_end_in_ing)
{
	struct device *device = put(0x100, "");
	const char *name = state_name((enum vfiod_state)_i);

	device->state = (enum vfiod_state)_i;
	ck_assert_int_eq(device_is_busy(device), !strcmp(name + strlen(name) - 3, "ing"));
}
END_TEST

static TCase *case_of(const char *name)
{
	TCase *tcase = tcase_create(name);

	tcase_add_checked_fixture(tcase, NULL, free_devices);
	return tcase;
}

static TCase *nobodys_way_case(void)
{
	TCase *tcase = case_of("in nobody's way");

	tcase_add_test(tcase, a_function_alone_in_its_group_may_be_assigned);
	tcase_add_test(tcase, a_sibling_without_driver_is_in_nobodys_way);
	tcase_add_test(tcase, a_sibling_on_a_vfio_driver_is_in_nobodys_way);
	tcase_add_test(tcase, a_bridge_with_its_driver_is_in_nobodys_way);
	tcase_add_test(tcase, a_function_of_another_group_is_in_nobodys_way);
	tcase_add_loop_test(tcase, a_sibling_of_the_same_owner_is_in_nobodys_way_in_any_state, VFIOD_ASSIGNING,
			    STATE_COUNT);
	return tcase;
}

static TCase *in_the_way_case(void)
{
	TCase *tcase = case_of("in the way");

	tcase_add_test(tcase, a_sibling_with_a_host_driver_is_named_with_what_to_do);
	tcase_add_test(tcase, a_driver_whose_name_begins_like_vfio_pci_is_a_host_driver);
	tcase_add_test(tcase, a_sibling_below_the_function_is_in_the_way_as_well_as_one_above);
	tcase_add_loop_test(tcase, a_sibling_of_another_owner_is_named_with_what_to_do, 0,
			    sizeof(others) / sizeof(others[0]));
	tcase_add_loop_test(tcase, owners_that_are_groups_are_told_apart_too, 0, 2);
	tcase_add_loop_test(tcase, a_sibling_of_another_owner_is_in_the_way_in_any_state, VFIOD_ASSIGNING, STATE_COUNT);
	tcase_add_test(tcase, a_sibling_that_the_host_has_back_is_judged_by_its_driver_not_by_its_last_owner);
	tcase_add_test(tcase, all_that_are_in_the_way_are_named);
	tcase_add_loop_test(tcase, those_that_there_is_no_room_for_are_counted, 1, 64);
	tcase_add_loop_test(tcase, the_text_is_whole_however_many_there_are, 300, 301);
	return tcase;
}

static TCase *companions_case(void)
{
	TCase *tcase = case_of("companions");

	tcase_add_test(tcase, why_the_kernel_put_them_together_is_said);
	tcase_add_test(tcase, what_another_owner_has_no_rule_takes_along);
	tcase_add_loop_test(tcase, where_the_rule_takes_siblings_along_their_drivers_are_in_nobodys_way, 0, 2);
	tcase_add_loop_test(tcase, what_must_not_be_taken_from_the_host_is_not_taken_along, 0, 3);
	tcase_add_test(tcase, with_its_companions_a_function_goes_from_one_owner_to_the_next);
	tcase_add_test(tcase, a_companion_of_another_owner_is_in_the_way_and_has_no_release_of_its_own);
	return tcase;
}

static TCase *list_case(void)
{
	TCase *tcase = case_of("list");

	tcase_add_test(tcase, functions_are_in_order_of_address_however_they_come);
	tcase_add_test(tcase, every_function_is_found_by_its_address_and_nothing_else_is);
	tcase_add_test(tcase, nothing_is_found_where_there_is_nothing);
	tcase_add_test(tcase, a_walk_from_any_address_begins_at_the_next_one);
	tcase_add_test(tcase, a_new_function_is_the_hosts);
	tcase_add_test(tcase, news_of_a_function_leave_its_state_alone);
	tcase_add_loop_test(tcase, the_hosts_driver_is_remembered_while_a_vfio_driver_or_none_has_the_function, 0, 3);
	tcase_add_test(tcase, the_serial_number_of_a_function_is_read_once_and_stays);
	tcase_add_loop_test(tcase, a_function_whose_config_space_cannot_be_opened_for_want_of_descriptors_is_not_added,
			    0, 2);
	tcase_add_test(tcase, a_lease_is_found_by_its_number_and_no_lease_is_not);
	tcase_add_loop_test(tcase, a_function_can_be_removed_from_any_place, 0, 3);
	tcase_add_test(tcase, the_list_can_be_used_again_after_it_was_emptied);
	tcase_add_loop_test(tcase, a_worker_is_at_work_in_the_states_that_end_in_ing, 0, STATE_COUNT);
	return tcase;
}

int main(void)
{
	Suite *suite = suite_create("group");
	SRunner *runner;
	int failed;

	suite_add_tcase(suite, nobodys_way_case());
	suite_add_tcase(suite, in_the_way_case());
	suite_add_tcase(suite, companions_case());
	suite_add_tcase(suite, list_case());
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
