/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vfioctl config show --live: a recording as the hardware, and beside it what a user is said to see. */
#include "libpcicfg/pcicfg_people.h"
#include "tests/temporary.h"
#include "vfioctl/config_view.h"

#include <check.h>
#include <errno.h>
#include <ftw.h>
#include <json-c/json.h>
#include <linux/pci_regs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NOBODY	65534
#define ADDRESS "0000:01:00.0"
#define COMMAND 0x04
#define SUBSYS	0x2c /* read-only */
#define LNKSTA	0x82 /* read-only, of the PCI Express capability at 70h */

static struct config_view view;
static char *written;

/* An NVMe drive, whose user sees what the model has for him at the start. */
static void open_view(void)
{
	const char *dumps = getenv("PCICFG_DUMPS");
	struct pcicfg_facts facts;
	char path[256], text[1 << 16];
	FILE *file;

	snprintf(path, sizeof(path), "%s/hand-nvme.txt", dumps ? dumps : "tests/dumps");
	file = fopen(path, "re");
	ck_assert_msg(file, "cannot read %s", path);
	memset(&view, 0, sizeof(view));
	ck_assert_int_eq(pcicfg_dump_parse(&view.dump, text, fread(text, 1, sizeof(text), file)), 0);
	fclose(file);
	pcicfg_dump_facts(&view.dump, &facts);
	ck_assert_int_eq(config_view_open(&view, &facts), 0);
	for (__u16 i = 0; i < view.dump.size; i++) {
		__u32 value;

		ck_assert_int_eq(pcicfg_read(&view.cfg, i, 1, &value), 0);
		view.live.memory[i] = (__u8)value;
	}
	view.live.size = view.live.recorded = view.dump.size;
}

static const char *printed(void (*print)(const struct config_view *view, FILE *out))
{
	size_t size;
	FILE *out = open_memstream(&written, &size);

	print(&view, out);
	ck_assert_int_eq(fclose(out), 0);
	return written;
}

/* The line of what was printed that has @words in it. */
static const char *line_of(const char *words)
{
	static char line[256];
	const char *at = strstr(written, words), *begin = at;

	ck_assert_msg(at, "no '%s' in: %s", words, written);
	while (begin > written && begin[-1] != '\n')
		begin--;
	snprintf(line, sizeof(line), "%.*s", (int)strcspn(begin, "\n"), begin);
	return line;
}

static void assert_line(const char *words, const char *beginning)
{
	const char *line = line_of(words);

	ck_assert_msg(!strncmp(line, beginning, strlen(beginning)), "'%s' does not begin with '%s'", line, beginning);
}

/* ---- by name ---- */

START_TEST(both_values_of_every_register_stand_side_by_side_and_differences_are_marked)
{
	printed(config_view_print);
	assert_line("hardware    user", "                                    hardware    user");
	assert_line("Vendor ID", "  000  Vendor ID                        144d    144d");
	assert_line("Command  ", "  004  Command                          0406  * 0006");
	assert_line("BAR 0", "  010  BAR 0                        fcf00004  * 00000004");
	ck_assert_ptr_null(strstr(written, "  ! "));
	ck_assert_ptr_null(strstr(written, " -> "));
	free(written);
}
END_TEST

START_TEST(a_field_that_the_hardware_has_otherwise_says_so)
{
	printed(config_view_print);
	ck_assert_ptr_nonnull(strstr(written, " FastB2B- DisINTx- (hardware +)\n"));
	free(written);
}
END_TEST

START_TEST(a_bit_that_should_be_the_same_and_is_not_stands_out)
{
	view.live.memory[SUBSYS] ^= 1;
	view.live.memory[COMMAND] ^= PCI_COMMAND_MASTER;
	view.live.memory[LNKSTA] ^= 1;
	printed(config_view_print);
	assert_line("Subsystem Vendor ID", "  02c  Subsystem Vendor ID              144d  ! 144c");
	assert_line("Command  ", "  004  Command                          0406  ! 0002");
	assert_line("Link Status  ", "  082  Link Status                      1044  ! 1045");
	ck_assert_ptr_nonnull(strstr(written, "BusMaster- (hardware +)"));
	free(written);
}
END_TEST

START_TEST(bits_of_the_users_own_may_be_anything)
{
	view.live.memory[PCI_INTERRUPT_LINE] = 0x77;
	view.live.memory[PCI_BASE_ADDRESS_1] = 0x55;
	printed(config_view_print);
	assert_line("Interrupt Line", "  03c  Interrupt Line                     0b  * 77");
	assert_line("BAR 1", "  014  BAR 1                        00000000  * 00000055");
	free(written);
}
END_TEST

/* Where the first line of bytes without a name is. */
static unsigned int nameless(void)
{
	const struct pcicfg_found *found = view.found;

	for (int i = 0; i < view.found_count; i++, found++)
		for (unsigned int at = found->offset; !found->register_count && at < found->offset + found->length;
		     at++)
			if (view.dump.memory[at])
				return at;
	ck_abort_msg("every byte of the recording has a name");
}

START_TEST(what_leaks_of_a_register_without_a_name_is_shown)
{
	unsigned int at = nameless();

	view.live.memory[at] = (__u8)~view.dump.memory[at];
	printed(config_view_print);
	ck_assert_msg(strstr(written, "\n  user "), "no user's bytes in: %s", written);
	free(written);
}
END_TEST

START_TEST(without_a_user_there_are_no_marks)
{
	view.live.size = 0;
	printed(config_view_print);
	assert_line("Command  ", "  004  Command                          0406 -> 0006");
	ck_assert_ptr_null(strstr(written, "hardware    user"));
	ck_assert_ptr_null(strstr(written, "(hardware"));
	ck_assert_ptr_null(strstr(written, "at fault"));
	free(written);
}
END_TEST

/* ---- otherwise ---- */

START_TEST(differences_in_bytes_are_those_of_the_user_that_there_is)
{
	printed(config_view_print_differences);
	ck_assert_ptr_null(strstr(written, "080 hardware"));
	free(written);
	view.live.memory[LNKSTA] ^= 1;
	printed(config_view_print_differences);
	ck_assert_str_eq(line_of("080 hardware"), "080 hardware 42 01 44 10 00 00 00 00 00 00 00 00 00 00 00 00");
	ck_assert_ptr_nonnull(strstr(written, "\n    user     42 01 45 10 "));
	free(written);
}
END_TEST

static void check_number(struct json_object *object, const char *key, int expected)
{
	struct json_object *value = NULL;

	ck_assert_msg(json_object_object_get_ex(object, key, &value), "there is no %s", key);
	ck_assert_int_eq(json_object_get_int(value), expected);
}

START_TEST(json_has_the_values_of_the_user_that_there_is)
{
	struct json_object *object, *header, *command;

	view.live.memory[COMMAND] ^= PCI_COMMAND_MASTER;
	object = config_view_json(&view);
	ck_assert(json_object_get_boolean(json_object_object_get(object, "live")));
	header = json_object_array_get_idx(json_object_object_get(object, "capabilities"), 0);
	command = json_object_array_get_idx(json_object_object_get(header, "registers"), 2);
	check_number(command, "offset", COMMAND);
	check_number(command, "hardware", 0x0406);
	check_number(command, "user", 0x0002);
	check_number(json_object_object_get(command, "fields"), "BusMaster", 0);
	json_object_put(object);
	view.live.size = 0;
	object = config_view_json(&view);
	ck_assert(!json_object_get_boolean(json_object_object_get(object, "live")));
	json_object_put(object);
}
END_TEST

/* ---- where it comes from: a copy of sysfs ---- */

static char root[TEMPORARY_MAX];
static char folder[128];

static void make_folder(void)
{
	static const char *const parts[] = { "/bus", "/pci", "/devices", ("/" ADDRESS) };

	strcpy(folder, root);
	ck_assert_int_eq(chmod(root, 0755), 0);
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		strcat(folder, parts[i]);
		ck_assert_int_eq(mkdir(folder, 0755), 0);
	}
}

static void write_attribute(const char *name, size_t size, mode_t mode)
{
	char path[160];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "we");
	ck_assert_ptr_nonnull(file);
	for (size_t i = 0; i < size; i++)
		fputc((int)i, file);
	ck_assert_int_eq(fclose(file), 0);
	ck_assert_int_eq(chmod(path, mode), 0);
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	return ftw->level ? remove(path) : 0;
}

static void remove_folder(void)
{
	nftw(root, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

START_TEST(what_the_user_sees_is_read_whole)
{
	struct pcicfg_dump dump;

	write_attribute("config", 256, 0644);
	write_attribute("user_config", _i ? 4096 : 256, 0400);
	ck_assert_int_eq(pcicfg_sysfs_read_user(root, ADDRESS, &dump), 0);
	ck_assert_uint_eq(dump.size, _i ? 4096 : 256);
	ck_assert_uint_eq(dump.recorded, dump.size);
	ck_assert_uint_eq(dump.memory[0x80], 0x80);
}
END_TEST

START_TEST(a_function_that_is_not_there_is_told_from_one_with_another_driver)
{
	struct pcicfg_dump dump = { .size = 77 };

	ck_assert_int_eq(pcicfg_sysfs_read_user(root, "0000:01:00.1", &dump), -ENODEV);
	write_attribute("config", 256, 0644);
	ck_assert_int_eq(pcicfg_sysfs_read_user(root, ADDRESS, &dump), -EOPNOTSUPP);
	write_attribute("user_config", 60, 0400);
	ck_assert_int_eq(pcicfg_sysfs_read_user(root, ADDRESS, &dump), -EIO);
	ck_assert_uint_eq(dump.size, 77);
}
END_TEST

START_TEST(who_may_not_read_it_is_told_so)
{
	struct pcicfg_dump dump;

	write_attribute("config", 256, 0644);
	write_attribute("user_config", 256, 0000);
	if (!geteuid())
		ck_assert_int_eq(seteuid(NOBODY), 0);
	ck_assert_int_eq(pcicfg_sysfs_read_user(root, ADDRESS, &dump), -EACCES);
	if (!getuid())
		ck_assert_int_eq(seteuid(0), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("config view");
	TCase *live = tcase_create("live"), *sysfs = tcase_create("sysfs");
	SRunner *runner;
	int failed;

	if (!mkdtemp(temporary_path(root, "config-view"))) {
		perror(root);
		return EXIT_FAILURE;
	}
	tcase_add_checked_fixture(live, open_view, NULL);
	tcase_add_test(live, both_values_of_every_register_stand_side_by_side_and_differences_are_marked);
	tcase_add_test(live, a_field_that_the_hardware_has_otherwise_says_so);
	tcase_add_test(live, a_bit_that_should_be_the_same_and_is_not_stands_out);
	tcase_add_test(live, bits_of_the_users_own_may_be_anything);
	tcase_add_test(live, what_leaks_of_a_register_without_a_name_is_shown);
	tcase_add_test(live, without_a_user_there_are_no_marks);
	tcase_add_test(live, differences_in_bytes_are_those_of_the_user_that_there_is);
	tcase_add_test(live, json_has_the_values_of_the_user_that_there_is);
	suite_add_tcase(suite, live);
	tcase_add_checked_fixture(sysfs, make_folder, remove_folder);
	tcase_add_loop_test(sysfs, what_the_user_sees_is_read_whole, 0, 2);
	tcase_add_test(sysfs, a_function_that_is_not_there_is_told_from_one_with_another_driver);
	tcase_add_test(sysfs, who_may_not_read_it_is_told_so);
	suite_add_tcase(suite, sysfs);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	/* here, because a test that fails cleans up nothing */
	remove_folder();
	rmdir(root);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
