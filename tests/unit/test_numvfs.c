/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Virtual functions by the kernel's means, in a folder that looks like a physical function's of sysfs.  What the kernel
 * does when a number is written there, the tests have done before, or do in a thread.
 */
#include "proto/address.h"
#include "tests/temporary.h"
#include "vfiod/numvfs.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#define PHYSICAL 0x500u /* 0000:05:00.0 */
#define FIRST_VF 0x580u /* 0000:05:10.0 */

static char root[TEMPORARY_MAX];
static char folder[96];
static struct failure failure;

static const char *in_folder(const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

static void put(const char *name, const char *text)
{
	FILE *file = fopen(in_folder(name), "w");

	ck_assert_ptr_nonnull(file);
	fprintf(file, "%s\n", text);
	ck_assert_int_eq(fclose(file), 0);
}

/* What was written last: the file is not cut, as a file of sysfs is not. */
static void expect_file(const char *name, const char *text)
{
	char found[16] = "";
	FILE *file = fopen(in_folder(name), "r");

	ck_assert_ptr_nonnull(file);
	ck_assert_ptr_nonnull(fgets(found, sizeof(found), file));
	fclose(file);
	ck_assert_msg(!strncmp(found, text, strlen(text)), "%s has %s, not %s", name, found, text);
}

static void link_to(const char *name, const char *target)
{
	ck_assert_int_eq(symlink(target, in_folder(name)), 0);
}

static void link_vf(unsigned int number)
{
	char name[32], address[PROTO_ADDRESS_LEN], target[32];

	snprintf(name, sizeof(name), "virtfn%u", number);
	snprintf(target, sizeof(target), "../%s", proto_address_format(FIRST_VF + 2 * number, address));
	link_to(name, target);
}

/* An igb that can have seven, and has none. */
static void set_up(void)
{
	ck_assert_ptr_nonnull(mkdtemp(temporary_path(root, "numvfs")));
	snprintf(folder, sizeof(folder), "%s/0000:05:00.0", root);
	ck_assert_int_eq(mkdir(folder, 0700), 0);
	put("sriov_totalvfs", "7");
	put("sriov_numvfs", "0");
	put("sriov_drivers_autoprobe", "1");
	link_to("driver", "../../../bus/pci/drivers/igb");
	memset(&failure, 0, sizeof(failure));
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static void tear_down(void)
{
	nftw(root, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void expect_refusal(int err, int wanted, const char *words)
{
	ck_assert_msg(err == wanted, "%d: %s", err, failure.text);
	ck_assert_int_eq(failure.error, wanted);
	ck_assert_msg(strstr(failure.text, words), "'%s' is not in: %s", words, failure.text);
	ck_assert_msg(strstr(failure.text, "0000:05:00.0"), "no address in: %s", failure.text);
	ck_assert_ptr_null(strchr(failure.text, '\n'));
}

static int look(unsigned int count, bool again)
{
	bool autoprobe;

	return numvfs_look(root, PHYSICAL, count, again, &autoprobe, &failure);
}

/* ---- before ---- */

START_TEST(as_many_as_it_can_have_are_possible)
{
	bool autoprobe = false;

	ck_assert_int_eq(numvfs_look(root, PHYSICAL, 7, false, &autoprobe, &failure), 0);
	ck_assert(autoprobe);
	put("sriov_drivers_autoprobe", "0");
	ck_assert_int_eq(numvfs_look(root, PHYSICAL, 1, false, &autoprobe, &failure), 0);
	ck_assert(!autoprobe);
	expect_file("sriov_numvfs", "0");
}
END_TEST

START_TEST(more_than_it_can_have_are_refused_with_how_many_that_is)
{
	expect_refusal(look(8, false), -EINVAL, "can have 7 virtual functions at most, not 8");
}
END_TEST

START_TEST(a_function_without_the_capability_is_refused)
{
	unlink(in_folder("sriov_totalvfs"));
	expect_refusal(look(1, false), -EOPNOTSUPP, "no SR-IOV capability");
	put("sriov_totalvfs", "0");
	expect_refusal(look(1, false), -EOPNOTSUPP, "firmware has switched it off");
}
END_TEST

START_TEST(a_function_without_a_driver_is_refused_with_what_to_do)
{
	unlink(in_folder("driver"));
	expect_refusal(look(1, false), -ENOENT, "echo 0000:05:00.0 > /sys/bus/pci/drivers_probe");
}
END_TEST

START_TEST(what_somebody_else_has_made_is_refused_with_what_to_do)
{
	put("sriov_numvfs", "3");
	expect_refusal(look(2, false), -EBUSY, "3 virtual functions already, which vfiod has not made");
	expect_refusal(look(3, false), -EBUSY, "echo 0 > /sys/bus/pci/devices/0000:05:00.0/sriov_numvfs");
	expect_refusal(look(2, true), -EBUSY, "already");
}
END_TEST

START_TEST(what_a_vfiod_before_has_made_is_taken_over)
{
	put("sriov_numvfs", "3");
	ck_assert_int_eq(look(3, true), 0);
}
END_TEST

/* ---- making ---- */

START_TEST(they_are_told_in_the_order_of_the_kernel_and_no_driver_is_to_take_them)
{
	uint64_t vfs[3] = { 0 };

	for (unsigned int i = 0; i < 3; i++)
		link_vf(i);
	ck_assert_int_eq(numvfs_make(root, PHYSICAL, 3, vfs, &failure), 0);
	expect_file("sriov_numvfs", "3");
	expect_file("sriov_drivers_autoprobe", "0");
	for (unsigned int i = 0; i < 3; i++)
		ck_assert_uint_eq(vfs[i], FIRST_VF + 2 * i);
}
END_TEST

static int watch; /* of writes to sriov_numvfs */

/* As a driver that takes its time. */
static void *make_late(void *data)
{
	char event[sizeof(struct inotify_event) + NAME_MAX + 1];

	(void)data;
	ck_assert_int_gt(read(watch, event, sizeof(event)), 0);
	link_vf(1);
	link_vf(0);
	return NULL;
}

START_TEST(those_that_come_late_are_waited_for)
{
	uint64_t vfs[2] = { 0 };
	pthread_t thread;

	watch = inotify_init1(IN_CLOEXEC);
	ck_assert_int_ge(inotify_add_watch(watch, in_folder("sriov_numvfs"), IN_MODIFY), 0);
	ck_assert_int_eq(pthread_create(&thread, NULL, make_late, NULL), 0);
	ck_assert_int_eq(numvfs_make(root, PHYSICAL, 2, vfs, &failure), 0);
	pthread_join(thread, NULL);
	close(watch);
	ck_assert_uint_eq(vfs[0], FIRST_VF);
	ck_assert_uint_eq(vfs[1], FIRST_VF + 2);
}
END_TEST

/* As a driver that has made fewer, which the kernel's number says. */
static void *make_fewer(void *data)
{
	char event[sizeof(struct inotify_event) + NAME_MAX + 1];

	(void)data;
	ck_assert_int_gt(read(watch, event, sizeof(event)), 0);
	put("sriov_numvfs", "1");
	return NULL;
}

START_TEST(fewer_than_were_asked_for_are_a_failure_at_once)
{
	uint64_t vfs[2] = { 0 };
	pthread_t thread;

	link_vf(0);
	watch = inotify_init1(IN_CLOEXEC);
	ck_assert_int_ge(inotify_add_watch(watch, in_folder("sriov_numvfs"), IN_MODIFY), 0);
	ck_assert_int_eq(pthread_create(&thread, NULL, make_fewer, NULL), 0);
	expect_refusal(numvfs_make(root, PHYSICAL, 2, vfs, &failure), -EIO, "not all of them have appeared");
	pthread_join(thread, NULL);
	close(watch);
}
END_TEST

START_TEST(a_driver_that_makes_none_is_told_as_such)
{
	uint64_t vfs[1];

	unlink(in_folder("sriov_numvfs"));
	expect_refusal(numvfs_make(root, PHYSICAL, 1, vfs, &failure), -EOPNOTSUPP,
		       "driver igb makes no virtual functions");
	unlink(in_folder("driver"));
	link_to("driver", "../../../bus/pci/drivers/vfio-pci");
	expect_refusal(numvfs_make(root, PHYSICAL, 1, vfs, &failure), -EOPNOTSUPP,
		       "echo 1 > /sys/module/vfio_pci/parameters/enable_sriov");
}
END_TEST

START_TEST(what_the_driver_says_of_a_failure_is_told)
{
	uint64_t vfs[1];

	unlink(in_folder("sriov_numvfs"));
	ck_assert_int_eq(mkdir(in_folder("sriov_numvfs"), 0700), 0);
	expect_refusal(numvfs_make(root, PHYSICAL, 1, vfs, &failure), -EISDIR,
		       "driver igb has not made 1 virtual functions: Is a directory");
}
END_TEST

/* ---- afterwards ---- */

START_TEST(they_are_removed_and_where_there_are_none_nothing_is_done)
{
	put("sriov_numvfs", "3");
	ck_assert_int_eq(numvfs_remove(root, PHYSICAL, &failure), 0);
	expect_file("sriov_numvfs", "0");
	chmod(in_folder("sriov_numvfs"), 0400);
	ck_assert_int_eq(numvfs_remove(root, PHYSICAL, &failure), 0);
	unlink(in_folder("sriov_numvfs"));
	ck_assert_int_eq(numvfs_remove(root, PHYSICAL, &failure), 0);
}
END_TEST

START_TEST(what_cannot_be_removed_is_told)
{
	unlink(in_folder("sriov_numvfs"));
	ck_assert_int_eq(mkdir(in_folder("sriov_numvfs"), 0700), 0);
	expect_refusal(numvfs_remove(root, PHYSICAL, &failure), -EISDIR, "keeps its virtual functions: Is a directory");
}
END_TEST

START_TEST(the_hosts_drivers_take_what_appears_again)
{
	put("sriov_drivers_autoprobe", "0");
	ck_assert_int_eq(numvfs_put_autoprobe(root, PHYSICAL, true, &failure), 0);
	expect_file("sriov_drivers_autoprobe", "1");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("numvfs");
	TCase *tcase = tcase_create("numvfs");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, as_many_as_it_can_have_are_possible);
	tcase_add_test(tcase, more_than_it_can_have_are_refused_with_how_many_that_is);
	tcase_add_test(tcase, a_function_without_the_capability_is_refused);
	tcase_add_test(tcase, a_function_without_a_driver_is_refused_with_what_to_do);
	tcase_add_test(tcase, what_somebody_else_has_made_is_refused_with_what_to_do);
	tcase_add_test(tcase, what_a_vfiod_before_has_made_is_taken_over);
	tcase_add_test(tcase, they_are_told_in_the_order_of_the_kernel_and_no_driver_is_to_take_them);
	tcase_add_test(tcase, those_that_come_late_are_waited_for);
	tcase_add_test(tcase, fewer_than_were_asked_for_are_a_failure_at_once);
	tcase_add_test(tcase, a_driver_that_makes_none_is_told_as_such);
	tcase_add_test(tcase, what_the_driver_says_of_a_failure_is_told);
	tcase_add_test(tcase, they_are_removed_and_where_there_are_none_nothing_is_done);
	tcase_add_test(tcase, what_cannot_be_removed_is_told);
	tcase_add_test(tcase, the_hosts_drivers_take_what_appears_again);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
