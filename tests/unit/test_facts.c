/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is read of a function, against a kernel and a udev of this file.  test_server has the list against the sysfs of
 * the machine that it runs on; here is what few machines have.
 */
#include "vfiod/facts.h"

#include "vfiod/sysfs.h"

#include <check.h>
#include <errno.h>
#include <libudev.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ADDRESS 0x100

static const char *group, *name; /* of the IOMMU group: its number and its name; NULL: none */
static int name_error;		 /* what the kernel says to who reads the name */
static unsigned int last_event;	 /* 0: the kernel does not say */
static bool tells;		 /* of an event whenever an attribute is read */

/* ---- sysfs ---- */

static int give(const char *text, char *value)
{
	strcpy(value, text ? text : "");
	return text ? 0 : -ENOENT;
}

int sysfs_read(uint64_t address, const char *attribute, char *value, size_t size)
{
	bool is_name = !strcmp(attribute, "iommu_group/name");

	(void)size;
	ck_assert_uint_eq(address, ADDRESS);
	if (!is_name || !name_error)
		return give(is_name ? name : NULL, value);
	value[0] = '\0';
	return name_error;
}

int sysfs_link(uint64_t address, const char *attribute, char *value, size_t size)
{
	(void)size;
	ck_assert_uint_eq(address, ADDRESS);
	return give(strcmp(attribute, "iommu_group") ? NULL : group, value);
}

int sysfs_read_file(const char *path, char *value, size_t size)
{
	char text[24];

	(void)size;
	ck_assert_str_eq(path, "/sys/kernel/uevent_seqnum");
	snprintf(text, sizeof(text), "%u", last_event);
	return give(last_event ? text : NULL, value);
}

/* ---- libudev ---- */

struct udev {
	int nothing;
};

struct udev_device {
	int nothing;
};

static struct udev_device function;

struct udev_device *udev_device_new_from_subsystem_sysname(struct udev *udev, const char *subsystem,
							   const char *sysname)
{
	(void)udev;
	(void)subsystem;
	(void)sysname;
	return &function;
}

struct udev_device *udev_device_unref(struct udev_device *udev_device)
{
	(void)udev_device;
	return NULL;
}

const char *udev_device_get_sysname(struct udev_device *udev_device)
{
	(void)udev_device;
	return "0000:01:00.0";
}

const char *udev_device_get_syspath(struct udev_device *udev_device)
{
	(void)udev_device;
	return "/sys/devices/pci0000:00/0000:00:1c.0/0000:01:00.0";
}

const char *udev_device_get_driver(struct udev_device *udev_device)
{
	(void)udev_device;
	return NULL;
}

const char *udev_device_get_sysattr_value(struct udev_device *udev_device, const char *sysattr)
{
	(void)udev_device;
	(void)sysattr;
	last_event += tells;
	return "0x1234";
}

/* ---- the IOMMU group ---- */

static void set_up(void)
{
	group = NULL;
	name = NULL;
	name_error = 0;
	last_event = 0;
	tells = false;
}

static struct facts read_facts(void)
{
	struct facts facts;

	ck_assert_int_eq(facts_read(NULL, ADDRESS, &facts), 0);
	ck_assert_uint_eq(facts.vendor, 0x1234);
	return facts;
}

START_TEST(a_function_has_the_group_that_the_kernel_has_put_it_into_or_none)
{
	struct facts facts = read_facts();

	ck_assert_uint_eq(facts.group, VFIOD_NONE);
	ck_assert(!facts.no_iommu);
	group = "14";
	facts = read_facts();
	ck_assert_uint_eq(facts.group, 14);
	ck_assert(!facts.no_iommu);
}
END_TEST

START_TEST(a_group_with_another_name_is_one)
{
	struct facts facts;

	group = "0";
	name = "vfio-noiommu-not";
	facts = read_facts();
	ck_assert_uint_eq(facts.group, 0);
	ck_assert(!facts.no_iommu);
}
END_TEST

START_TEST(the_group_of_vfios_mode_without_an_iommu_is_none_as_long_as_it_is_there)
{
	struct facts facts;

	group = "0";
	name = "vfio-noiommu";
	facts = read_facts();
	ck_assert_uint_eq(facts.group, VFIOD_NONE);
	ck_assert(facts.no_iommu);
	group = NULL;
	name = NULL;
	facts = read_facts();
	ck_assert_uint_eq(facts.group, VFIOD_NONE);
	ck_assert(!facts.no_iommu);
}
END_TEST

START_TEST(a_group_whose_name_cannot_be_read_for_want_of_something_is_not_taken_for_one)
{
	struct facts facts = { .vendor = 7 };

	group = "0";
	name_error = -EMFILE;
	ck_assert_int_eq(facts_read(NULL, ADDRESS, &facts), -EMFILE);
	ck_assert_uint_eq(facts.vendor, 7);
}
END_TEST

/* ---- events ---- */

START_TEST(what_is_told_while_a_function_is_looked_at_is_later_than_that)
{
	ck_assert_uint_eq(read_facts().seen, 0);
	last_event = 41;
	tells = true;
	ck_assert_uint_eq(read_facts().seen, 41);
	ck_assert_uint_gt(last_event, 41);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("facts");
	TCase *tcase = tcase_create("group");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tcase, set_up, NULL);
	tcase_add_test(tcase, a_function_has_the_group_that_the_kernel_has_put_it_into_or_none);
	tcase_add_test(tcase, a_group_with_another_name_is_one);
	tcase_add_test(tcase, the_group_of_vfios_mode_without_an_iommu_is_none_as_long_as_it_is_there);
	tcase_add_test(tcase, a_group_whose_name_cannot_be_read_for_want_of_something_is_not_taken_for_one);
	tcase_add_test(tcase, what_is_told_while_a_function_is_looked_at_is_later_than_that);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
