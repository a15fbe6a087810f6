/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vfiod.conf, from files: what good ones say, and that every mistake in a bad one is named with its file and line. */
#include "vfiod/config.h"

#include "proto/vfiod_proto.h"
#include "tests/temporary.h"

#include <check.h>
#include <errno.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NOBODY 65534

/* A folder per test: the main file in it, and conf.d. */
static char root[TEMPORARY_MAX];
static char dir[TEMPORARY_MAX + 8], main_file[96], conf_d[96];

static struct config *config;
static struct failure failure;

static void make_dir(void)
{
	snprintf(dir, sizeof(dir), "%s/XXXXXX", root);
	ck_assert_ptr_nonnull(mkdtemp(dir));
	ck_assert_int_eq(chmod(dir, 0755), 0);
	snprintf(main_file, sizeof(main_file), "%s/vfiod.conf", dir);
	snprintf(conf_d, sizeof(conf_d), "%s/conf.d", dir);
	ck_assert_int_eq(mkdir(conf_d, 0755), 0);
}

static void free_config(void)
{
	config_free(config);
	config = NULL;
}

static void write_bytes(const char *path, const char *bytes, size_t size)
{
	FILE *file = fopen(path, "we");

	ck_assert_msg(file, "cannot write %s", path);
	ck_assert_uint_eq(fwrite(bytes, 1, size, file), size);
	ck_assert_int_eq(fclose(file), 0);
}

static const char *in_conf_d(const char *name)
{
	static char path[160];

	snprintf(path, sizeof(path), "%s/%s", conf_d, name);
	return path;
}

static void write_text(const char *path, const char *text)
{
	write_bytes(path, text, strlen(text));
}

static int load(void)
{
	return config_load(main_file, true, conf_d, &config, &failure);
}

/* The rules of @text, which is good. */
static const struct rule *rules_of(const char *text)
{
	write_text(main_file, text);
	ck_assert_msg(!load(), "refused: %s", failure.text);
	return config->rules;
}

static void assert_refused_at(const char *path, int line, const char *words)
{
	char begin[200];

	snprintf(begin, sizeof(begin), "%s:%d: ", path, line);
	ck_assert_int_eq(load(), -EINVAL);
	ck_assert_int_eq(failure.error, -EINVAL);
	ck_assert_msg(!strncmp(failure.text, begin, strlen(begin)), "'%s' does not begin with '%s'", failure.text,
		      begin);
	ck_assert_msg(strstr(failure.text, words), "'%s' is not in: %s", words, failure.text);
	ck_assert_ptr_null(config);
}

/* ---- what good files say ---- */

START_TEST(an_empty_file_has_no_rules)
{
	static const char *const texts[] = {
		"", "\n", "\n\n\n", "# nothing\n", "# nothing", "/* nothing */", "// nothing\n", "\t \n",
	};

	rules_of(texts[_i]);
	ck_assert_uint_eq(config->rule_count, 0);
}
END_TEST

START_TEST(a_missing_file_is_an_empty_one)
{
	ck_assert_int_eq(config_load(main_file, false, conf_d, &config, &failure), 0);
	ck_assert_uint_eq(config->rule_count, 0);
}
END_TEST

START_TEST(a_missing_folder_is_an_empty_one)
{
	write_text(main_file, "rule \"a\" { class = \"02\" }\n");
	ck_assert_int_eq(rmdir(conf_d), 0);
	ck_assert_int_eq(load(), 0);
	ck_assert_uint_eq(config->rule_count, 1);
}
END_TEST

START_TEST(no_folder_can_be_given)
{
	write_text(main_file, "rule \"a\" { class = \"02\" }\n");
	write_text(in_conf_d("bad.conf"), "bad\n");
	ck_assert_int_eq(config_load(main_file, true, NULL, &config, &failure), 0);
	ck_assert_uint_eq(config->rule_count, 1);
}
END_TEST

START_TEST(a_rule_says_no_more_than_is_written)
{
	const struct rule *rule = rules_of("rule \"nics\" { class = \"02\" }\n");

	ck_assert_uint_eq(config->rule_count, 1);
	ck_assert_str_eq(rule->name, "nics");
	ck_assert(!rule->has_address);
	ck_assert_uint_eq(rule->vendor, CONFIG_ANY);
	ck_assert_uint_eq(rule->device, CONFIG_ANY);
	ck_assert_uint_eq(rule->class_code, 0x020000);
	ck_assert_uint_eq(rule->class_mask, 0xff0000);
	ck_assert_uint_eq(rule->subsystem_vendor, CONFIG_ANY);
	ck_assert_uint_eq(rule->subsystem_device, CONFIG_ANY);
	ck_assert_ptr_null(rule->host_driver);
	ck_assert_ptr_null(rule->path);
	ck_assert_ptr_null(rule->label);
	ck_assert_ptr_null(rule->in_pool);
	ck_assert(!rule->has_physical_function);
	ck_assert(rule->assign);
	ck_assert_int_eq(rule->reset, CLEAN_RESET_REQUIRED);
	ck_assert_ptr_null(rule->reset_reason);
	ck_assert(rule->warm);
	ck_assert_int_eq(rule->driver, DRIVER_CHOICE_AUTO);
	ck_assert_int_eq(rule->companions, COMPANIONS_REFUSE);
	ck_assert(!rule->unsafe_interrupts);
	ck_assert_uint_eq(rule->modes, 0);
	ck_assert_uint_eq(rule->leases_per_user, 0);
	ck_assert_uint_eq(rule->user_count, 0);
	ck_assert_uint_eq(rule->group_count, 0);
}
END_TEST

START_TEST(everything_that_is_written_is_read)
{
	const struct rule *rule = rules_of("rule \"all of it\" {\n"
					   "	address = \"0001:02:03.4\"\n"
					   "	vendor = \"1b36\"\n"
					   "	device = \"00AB\"\n"
					   "	class = \"010802\"\n"
					   "	subsystem-vendor = \"1AF4\"\n"
					   "	subsystem-device = \"1100\"\n"
					   "	host-driver = \"nvme\"\n"
					   "	path = \"0001:00:1C.0/00.7\"\n"
					   "	label = \"Slot 3\"\n"
					   "	serial = \"00-01-02-FF-ff-03-04-05\"\n"
					   "	physical-function = \"0001:02:03.0\"\n"
					   "	in-pool = \"nics\"\n"
					   "	pool = \"nvme-fast_2.0\"\n"
					   "	assign = false\n"
					   "	reset = \"best-effort\"\n"
					   "	users = { \"root\", \"1000\" }\n"
					   "	groups = { \"0\", \"root\", \"4294967294\" }\n"
					   "	security-labels = { \"lab\", \"web (enforce)\" }\n"
					   "	modes = { \"group\", \"group\" }\n"
					   "	leases-per-user = 65536\n"
					   "	lease-time = 2592000\n"
					   "	memlock = \"16G\"\n"
					   "	warm = false\n"
					   "	driver = \"vfio-pci\"\n"
					   "	companions = \"unbind\"\n"
					   "	unsafe-interrupts = true\n"
					   "}\n");

	ck_assert_str_eq(rule->name, "all of it");
	ck_assert(rule->has_address);
	ck_assert_uint_eq(rule->address, 0x1021c);
	ck_assert_uint_eq(rule->vendor, 0x1b36);
	ck_assert_uint_eq(rule->device, 0x00ab);
	ck_assert_uint_eq(rule->class_code, 0x010802);
	ck_assert_uint_eq(rule->class_mask, 0xffffff);
	ck_assert_uint_eq(rule->subsystem_vendor, 0x1af4);
	ck_assert_uint_eq(rule->subsystem_device, 0x1100);
	ck_assert_str_eq(rule->host_driver, "nvme");
	ck_assert_str_eq(rule->path, "0001:00:1c.0/00.7");
	ck_assert_str_eq(rule->label, "Slot 3");
	ck_assert_str_eq(rule->in_pool, "nics");
	ck_assert(rule->has_physical_function);
	ck_assert_uint_eq(rule->physical_function, 0x10218);
	ck_assert_uint_eq(rule->serial, 0x000102ffff030405);
	ck_assert_str_eq(rule->pool, "nvme-fast_2.0");
	ck_assert(!rule->assign);
	ck_assert_int_eq(rule->reset, CLEAN_RESET_BEST_EFFORT);
	ck_assert_ptr_null(rule->reset_reason);
	ck_assert_uint_eq(rule->user_count, 2);
	ck_assert_uint_eq(rule->users[0], 0);
	ck_assert_uint_eq(rule->users[1], 1000);
	ck_assert_uint_eq(rule->group_count, 3);
	ck_assert_uint_eq(rule->groups[0], 0);
	ck_assert_uint_eq(rule->groups[1], 0);
	ck_assert_uint_eq(rule->groups[2], 4294967294);
	ck_assert_uint_eq(rule->label_count, 2);
	ck_assert_str_eq(rule->labels[0], "lab");
	ck_assert_str_eq(rule->labels[1], "web (enforce)");
	ck_assert_uint_eq(rule->modes, CONFIG_MODE(VFIOD_MODE_GROUP));
	ck_assert_uint_eq(rule->leases_per_user, 65536);
	ck_assert_uint_eq(rule->lease_time, 2592000);
	ck_assert_uint_eq(rule->memlock, 16ull << 30);
	ck_assert(!rule->warm);
	ck_assert_int_eq(rule->driver, DRIVER_CHOICE_STOCK);
	ck_assert_int_eq(rule->companions, COMPANIONS_UNBIND);
	ck_assert(rule->unsafe_interrupts);
}
END_TEST

START_TEST(who_wants_no_reset_says_why)
{
	const struct rule *rule = rules_of("rule \"a\" {\n"
					   "	class = \"12\"\n"
					   "	reset-reason = \"a reset loses its firmware\"\n"
					   "	reset = \"none\"\n"
					   "}\n");

	ck_assert_int_eq(rule->reset, CLEAN_RESET_NONE);
	ck_assert_str_eq(rule->reset_reason, "a reset loses its firmware");
}
END_TEST

START_TEST(a_reason_has_255_bytes_at_most)
{
	char text[400];

	snprintf(text, sizeof(text), "rule \"a\" { class = \"12\" reset = none reset-reason = \"%0*d\" }\n", 255, 0);
	ck_assert_uint_eq(strlen(rules_of(text)->reset_reason), 255);
	free_config();
	snprintf(text, sizeof(text), "rule \"a\" { class = \"12\" reset = none reset-reason = \"%0*d\" }\n", 256, 0);
	write_text(main_file, text);
	assert_refused_at(main_file, 1, "1 to 255 bytes");
}
END_TEST

START_TEST(without_a_word_64_devices_are_kept_warm_and_a_grace_is_5_seconds)
{
	rules_of(_i ? "rule \"a\" { class = \"02\" }\n" : "");
	ck_assert_uint_eq(config->warm_devices, 64);
	ck_assert_uint_eq(config->revoke_grace, 5);
	ck_assert_uint_eq(config->quotas.connections, 4096);
	ck_assert_uint_eq(config->quotas.connections_per_user, 256);
	ck_assert_uint_eq(config->quotas.requests_per_second, 1000);
	ck_assert_uint_eq(config->quotas.client_timeout, 10);
}
END_TEST

START_TEST(a_rule_that_names_no_driver_has_the_one_for_all_wherever_that_is_written)
{
	const struct rule *rule = rules_of("rule \"a\" { class = \"02\" }\n"
					   "rule \"b\" { class = \"01\" driver = auto }\n"
					   "driver = \"vfiod-pci\"\n");

	ck_assert_int_eq(config->driver, DRIVER_CHOICE_STRICT);
	ck_assert_int_eq(rule[0].driver, DRIVER_CHOICE_STRICT);
	ck_assert_int_eq(rule[1].driver, DRIVER_CHOICE_AUTO);
	free_config();
	write_text(in_conf_d("10.conf"), "driver = vfio-pci\n");
	rule = rules_of("driver = vfiod-pci\nrule \"a\" { class = \"02\" }\n");
	ck_assert_int_eq(config->driver, DRIVER_CHOICE_STOCK);
	ck_assert_int_eq(rule[0].driver, DRIVER_CHOICE_STOCK);
}
END_TEST

START_TEST(the_last_file_has_the_last_word_on_what_is_said_once)
{
	write_text(in_conf_d("10.conf"), "warm-devices = 7\n");
	rules_of("warm-devices = 3\nrevoke-grace = 86400\n");
	ck_assert_uint_eq(config->warm_devices, 7);
	ck_assert_uint_eq(config->revoke_grace, 86400);
	free_config();
	rules_of("warm-devices = 65536\nrevoke-grace = 0\n");
	ck_assert_uint_eq(config->warm_devices, 7);
	ck_assert_uint_eq(config->revoke_grace, 0);
}
END_TEST

START_TEST(ids_of_all_zeros_and_ones_are_ids)
{
	const struct rule *rule = rules_of("rule \"a\" {\n"
					   "	vendor = \"ffff\"\n"
					   "	device = \"0000\"\n"
					   "	class = \"00\"\n"
					   "}\n");

	ck_assert_uint_eq(rule->vendor, 0xffff);
	ck_assert_uint_eq(rule->device, 0);
	ck_assert_uint_eq(rule->class_code, 0);
	ck_assert_uint_eq(rule->class_mask, 0xff0000);
}
END_TEST

START_TEST(a_class_can_have_2_4_or_6_digits)
{
	static const struct {
		const char *text;
		uint32_t class_code, mask;
	} classes[] = {
		{ "rule \"a\" { class = \"01\" }", 0x010000, 0xff0000 },
		{ "rule \"a\" { class = \"0108\" }", 0x010800, 0xffff00 },
		{ "rule \"a\" { class = \"0c03Fe\" }", 0x0c03fe, 0xffffff },
	};
	const struct rule *rule = rules_of(classes[_i].text);

	ck_assert_uint_eq(rule->class_code, classes[_i].class_code);
	ck_assert_uint_eq(rule->class_mask, classes[_i].mask);
}
END_TEST

/* Sizes of memlock. */
static const struct {
	const char *text;
	uint64_t size;
} sizes[] = {
	{ "1", 1 },
	{ "65536", 65536 },
	{ "1K", 1024 },
	{ "512M", 512ull << 20 },
	{ "3T", 3ull << 40 },
	{ "9223372036854775807", INT64_MAX },
	{ "unlimited", UINT64_MAX },
};

START_TEST(memory_is_in_bytes_or_with_a_unit)
{
	char text[100];

	snprintf(text, sizeof(text), "rule \"a\" { class = \"02\" memlock = \"%s\" }", sizes[_i].text);
	ck_assert_uint_eq(rules_of(text)->memlock, sizes[_i].size);
}
END_TEST

START_TEST(a_rule_can_be_about_any_one_thing)
{
	static const char *const texts[] = {
		"rule \"a\" { address = \"01:00.0\" }",	 "rule \"a\" { vendor = \"1b36\" }",
		"rule \"a\" { class = \"01\" }",	 "rule \"a\" { subsystem-vendor = \"1af4\" }",
		"rule \"a\" { host-driver = \"nvme\" }", "rule \"a\" { path = \"0000:00:1c.0\" }",
		"rule \"a\" { label = \"Slot 3\" }",	 "rule \"a\" { physical-function = \"0000:01:00.0\" }",
		"rule \"a\" { in-pool = \"nics\" }",	 "rule \"a\" { serial = \"00-01-02-ff-ff-03-04-05\" }",
	};

	rules_of(texts[_i]);
	ck_assert_uint_eq(config->rule_count, 1);
}
END_TEST

START_TEST(a_number_is_a_user_that_need_not_exist)
{
	const struct rule *rule = rules_of("rule \"a\" { class = \"02\" users = { \"3999999999\", \"007\" } }\n");

	ck_assert_uint_eq(rule->users[0], 3999999999);
	ck_assert_uint_eq(rule->users[1], 7);
}
END_TEST

START_TEST(rules_keep_the_order_that_they_are_written_in)
{
	const struct rule *rules = rules_of("rule \"z\" { class = \"01\" }\n"
					    "rule \"a\" { class = \"02\" }\n"
					    "rule \"m\" { class = \"03\" }\n");

	ck_assert_uint_eq(config->rule_count, 3);
	ck_assert_str_eq(rules[0].name, "z");
	ck_assert_str_eq(rules[1].name, "a");
	ck_assert_str_eq(rules[2].name, "m");
}
END_TEST

START_TEST(further_files_follow_in_the_order_of_their_names)
{
	write_text(in_conf_d("20.conf"), "rule \"third\" { class = \"01\" }\n");
	write_text(in_conf_d("10.conf"), "rule \"second\" { class = \"01\" }\n");
	write_text(in_conf_d("a.conf"), "rule \"fifth\" { class = \"01\" }\n");
	write_text(in_conf_d("B.conf"), "rule \"fourth\" { class = \"01\" }\n");
	rules_of("rule \"first\" { class = \"01\" }\n");
	ck_assert_uint_eq(config->rule_count, 5);
	ck_assert_str_eq(config->rules[0].name, "first");
	ck_assert_str_eq(config->rules[1].name, "second");
	ck_assert_str_eq(config->rules[2].name, "third");
	ck_assert_str_eq(config->rules[3].name, "fourth");
	ck_assert_str_eq(config->rules[4].name, "fifth");
}
END_TEST

START_TEST(files_of_other_names_are_not_read)
{
	static const char *const names[] = { "README", "a.conf~", "a.conf.dpkg-old", ".hidden.conf", "aconf" };

	write_text(in_conf_d(names[_i]), "no configuration\n");
	rules_of("");
	ck_assert_uint_eq(config->rule_count, 0);
}
END_TEST

START_TEST(comments_say_nothing)
{
	const struct rule *rule = rules_of("# rule \"no\" { class = \"01\" }\n"
					   "// rule \"no\" {\n"
					   "/* rule \"no\" {\n"
					   " * \" */ rule \"a\" { # }\n"
					   "	class = \"02\" // \"\n"
					   "	/* assign = false */\n"
					   "}\n");

	ck_assert_uint_eq(config->rule_count, 1);
	ck_assert_str_eq(rule->name, "a");
	ck_assert(rule->assign);
}
END_TEST

START_TEST(what_looks_like_a_comment_in_a_string_is_of_the_string)
{
	const struct rule *rules = rules_of("rule \"# a // b /* c \\\" }\" { class = \"02\" }\n"
					    "rule '# \"{' { class = \"03\" }\n");

	ck_assert_uint_eq(config->rule_count, 2);
	ck_assert_str_eq(rules[0].name, "# a // b /* c \" }");
	ck_assert_str_eq(rules[1].name, "# \"{");
}
END_TEST

START_TEST(lines_may_end_as_on_other_systems)
{
	rules_of("rule \"a\" {\r\n	class = \"02\"\r\n}\r\n");
	ck_assert_uint_eq(config->rule_count, 1);
}
END_TEST

START_TEST(the_file_that_is_installed_is_good)
{
	const char *srcdir = getenv("srcdir"); /* set by automake */
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/contrib/vfiod.conf", srcdir ? srcdir : ".");
	ck_assert_msg(!config_load(path, true, NULL, &config, &failure), "%s", failure.text);
	ck_assert_uint_eq(config->rule_count, 0);
}
END_TEST

/* ---- mistakes, each with the line that it is in ---- */

static const struct {
	const char *text;
	int line;
	const char *words;
} mistakes[] = {
	/* names */
	{ "color = \"red\"\n", 1, "color" },
	{ "\n\nrule \"a\" {\n	class = \"02\"\n	color = \"red\"\n}\n", 5, "color" },
	{ "include(\"other\")\n", 1, "include" },
	{ "Rule \"a\" { class = \"02\" }\n", 1, "Rule" },
	/* addresses */
	{ "rule \"a\" {\n	address = \"0000:00:20.0\"\n}\n", 2, "0000:00:20.0" },
	{ "rule \"a\" {\n	address = \"\"\n}\n", 2, "PCI address" },
	{ "rule \"a\" {\n	address = \"../0000:00:00.0\"\n}\n", 2, "PCI address" },
	{ "rule \"a\" {\n	address =\n	\"nvme0\"\n}\n", 3, "nvme0" },
	/* ids */
	{ "rule \"a\" {\n	vendor = \"12345\"\n}\n", 2, "four hexadecimal digits" },
	{ "rule \"a\" {\n	vendor = \"123\"\n}\n", 2, "'123'" },
	{ "rule \"a\" {\n	vendor = \"0x12\"\n}\n", 2, "'0x12'" },
	{ "rule \"a\" {\n	vendor = \" 123\"\n}\n", 2, "' 123'" },
	{ "rule \"a\" {\n	vendor = \"+123\"\n}\n", 2, "'+123'" },
	{ "rule \"a\" {\n	vendor = \"\"\n}\n", 2, "''" },
	{ "rule \"a\" {\n	vendor = \"1234\"\n	device = \"ghij\"\n}\n", 3, "'ghij'" },
	/* classes */
	{ "rule \"a\" {\n	class = \"\"\n}\n", 2, "PCI class" },
	{ "rule \"a\" {\n	class = \"1\"\n}\n", 2, "PCI class" },
	{ "rule \"a\" {\n	class = \"012\"\n}\n", 2, "PCI class" },
	{ "rule \"a\" {\n	class = \"01080\"\n}\n", 2, "PCI class" },
	{ "rule \"a\" {\n	class = \"01080201\"\n}\n", 2, "PCI class" },
	{ "rule \"a\" {\n	class = \"nvme\"\n}\n", 2, "'nvme'" },
	/* other things that a rule is about */
	{ "rule \"a\" {\n	subsystem-vendor = \"1af\"\n}\n", 2, "'1af'" },
	{ "rule \"a\" {\n	subsystem-vendor = \"1af4\"\n	subsystem-device = \"x\"\n}\n", 3, "'x'" },
	{ "rule \"a\" {\n	vendor = \"1af4\"\n	subsystem-device = \"1100\"\n}\n", 4, "without its vendor" },
	{ "rule \"a\" {\n	host-driver = \"\"\n}\n", 2, "host-driver is ''" },
	{ "rule \"a\" {\n	host-driver = \"a-name-of-32-characters-or-bytes\"\n}\n", 2, "1 to 31 bytes" },
	{ "rule \"a\" {\n	host-driver = \"vfio-pci\"\n}\n", 2, "no driver of the host's" },
	{ "rule \"a\" {\n	host-driver = \"vfiod-pci\"\n}\n", 2, "no driver of the host's" },
	{ "rule \"a\" {\n	path = \"\"\n}\n", 2, "path of a PCI function" },
	{ "rule \"a\" {\n	path = \"pci-0000:00:1c.0\"\n}\n", 2, "lspci -DP" },
	{ "rule \"a\" {\n	path = \"0000:00:1c.0/0000:01:00.0\"\n}\n", 2, "lspci -DP" },
	{ "rule \"a\" {\n	label = \"\"\n}\n", 2, "label is ''" },
	{ "rule \"a\" {\n	physical-function = \"0000:01\"\n}\n", 2, "'0000:01'" },
	{ "rule \"a\" {\n	serial = \"\"\n}\n", 2, "serial number" },
	{ "rule \"a\" {\n	serial = \"S4EVNX0R\"\n}\n", 2, "'S4EVNX0R'" },
	/* words */
	{ "rule \"a\" {\n	class = \"02\"\n	reset = \"never\"\n}\n", 3, "best-effort" },
	{ "rule \"a\" {\n	class = \"02\"\n	reset = \"Required\"\n}\n", 3, "best-effort" },
	{ "rule \"a\" {\n	class = \"02\"\n	reset = \"none\"\n}\n", 4, "reset-reason" },
	{ "rule \"a\" {\n	class = \"02\"\n	reset = \"none\"\n	reset-reason = \"\"\n}\n", 4,
	  "reset-reason is ''" },
	{ "rule \"a\" {\n	class = \"02\"\n	reset-reason = \"so\"\n}\n", 4, "without reset = \"none\"" },
	{ "rule \"a\" {\n	class = \"02\"\n	reset = \"best-effort\"\n	reset-reason = \"so\"\n}\n", 5,
	  "without reset = \"none\"" },
	{ "rule \"a\" {\n	class = \"02\"\n	assign = \"perhaps\"\n}\n", 3, "assign" },
	{ "rule \"a\" {\n	class = \"02\"\n	companions = \"yes\"\n}\n", 3,
	  "\"refuse\", \"bind\" or \"unbind\"" },
	{ "rule \"a\" {\n	class = \"02\"\n	companions = \"\"\n}\n", 3, "companions is ''" },
	{ "rule \"a\" {\n	class = \"02\"\n	unsafe-interrupts = \"perhaps\"\n}\n", 3, "unsafe-interrupts" },
	{ "companions = \"bind\"\n", 1, "companions" },
	{ "driver = \"vfio\"\n", 1, "\"vfiod-pci\", \"vfio-pci\" or \"auto\"" },
	{ "driver = \"\"\n", 1, "driver is ''" },
	{ "rule \"a\" {\n	class = \"02\"\n	driver = \"uio_pci_generic\"\n}\n", 3, "uio_pci_generic" },
	/* numbers */
	{ "warm-devices = -1\n", 1, "0 to 65536" },
	{ "connections = -1\n", 1, "0 to 65536" },
	{ "connections-per-user = 65537\n", 1, "0 to 65536" },
	{ "requests-per-second = 100000\n", 1, "0 to 65536" },
	{ "client-timeout = 3601\n", 1, "0 to 3600" },
	{ "\nwarm-devices = 65537\n", 2, "warm-devices is 65537" },
	{ "warm-devices = 4294967297\n", 1, "0 to 65536" },
	{ "warm-devices = 99999999999999999999\n", 1, "warm-devices" },
	{ "warm-devices = \"all\"\n", 1, "warm-devices" },
	{ "warm-devices = true\n", 1, "warm-devices" },
	{ "revoke-grace = 86401\n", 1, "0 to 86400" },
	{ "revoke-grace = 0.5\n", 1, "revoke-grace" },
	{ "revoke-grace = 5s\n", 1, "revoke-grace" },
	{ "rule \"a\" {\n	class = \"02\"\n	warm = 2\n}\n", 3, "warm" },
	{ "rule \"a\" {\n	class = \"02\"\n	warm-devices = 2\n}\n", 3, "warm-devices" },
	{ "warm = true\n", 1, "warm" },
	{ "rule \"a\" {\n	class = \"02\"\n	leases-per-user = 0\n}\n", 3, "1 to 65536" },
	{ "rule \"a\" {\n	class = \"02\"\n	leases-per-user = 65537\n}\n", 3, "leases-per-user is 65537" },
	{ "rule \"a\" {\n	class = \"02\"\n	leases-per-user = \"all\"\n}\n", 3, "leases-per-user" },
	{ "leases-per-user = 1\n", 1, "leases-per-user" },
	{ "rule \"a\" {\n	class = \"02\"\n	lease-time = 0\n}\n", 3, "1 to 2592000" },
	{ "rule \"a\" {\n	class = \"02\"\n	lease-time = 2592001\n}\n", 3, "lease-time is 2592001" },
	{ "rule \"a\" {\n	class = \"02\"\n	memlock = \"\"\n}\n", 3, "memlock is ''" },
	{ "rule \"a\" {\n	class = \"02\"\n	memlock = \"0\"\n}\n", 3, "memlock is '0'" },
	{ "rule \"a\" {\n	class = \"02\"\n	memlock = \"-1\"\n}\n", 3, "memlock is '-1'" },
	{ "rule \"a\" {\n	class = \"02\"\n	memlock = \"1k\"\n}\n", 3, "memlock is '1k'" },
	{ "rule \"a\" {\n	class = \"02\"\n	memlock = \"1MB\"\n}\n", 3, "memlock is '1MB'" },
	{ "rule \"a\" {\n	class = \"02\"\n	memlock = \"8388608T\"\n}\n", 3, "memlock is '8388608T'" },
	{ "rule \"a\" {\n	class = \"02\"\n	memlock = \"18446744073709551617\"\n}\n", 3,
	  "memlock is '1844" },
	/* modes */
	{ "rule \"a\" {\n	class = \"02\"\n	modes = { \"cdev\" }\n}\n", 3, "no mode 'cdev'" },
	{ "rule \"a\" {\n	class = \"02\"\n	modes = { \"group\",\n	\"\" }\n}\n", 4, "no mode ''" },
	{ "rule \"a\" {\n	class = \"02\"\n	modes = {}\n}\n", 4, "empty list" },
	/* pools */
	{ "rule \"a\" {\n	class = \"02\"\n	pool = \"\"\n}\n", 3, "no name of a pool" },
	{ "rule \"a\" {\n	class = \"02\"\n	pool = \"two words\"\n}\n", 3, "'two words'" },
	{ "rule \"a\" {\n	class = \"02\"\n	pool = \"pool:a\"\n}\n", 3, "'pool:a'" },
	{ "rule \"a\" {\n	class = \"02\"\n	pool = \"--all\"\n}\n", 3, "'--all'" },
	{ "rule \"a\" {\n	class = \"02\"\n	pool = \"a-name-of-32-characters-or-bytes\"\n}\n", 3,
	  "1 to 31" },
	{ "rule \"a\" {\n	pool = \"fast\"\n}\n", 3, "what it is about" },
	/* security labels */
	{ "rule \"a\" {\n	class = \"02\"\n	security-labels = { \"a\", \"\" }\n}\n", 3, "1 to 255 bytes" },
	{ "rule \"a\" {\n	class = \"02\"\n	security-labels = {}\n}\n", 4, "empty list" },
	{ "rule \"a\" {\n	security-labels = { \"lab\" }\n}\n", 3, "what it is about" },
	/* users and groups */
	{ "rule \"a\" {\n	class = \"02\"\n	users = { \"no-such-user\" }\n}\n", 3, "no-such-user" },
	{ "rule \"a\" {\n	class = \"02\"\n	users = { \"root\",\n	\"no-such-user\" }\n}\n", 4,
	  "no-such-user" },
	{ "rule \"a\" {\n	class = \"02\"\n	users = { \"\" }\n}\n", 3, "no such user" },
	{ "rule \"a\" {\n	class = \"02\"\n	users = { \"4294967295\" }\n}\n", 3, "4294967295" },
	{ "rule \"a\" {\n	class = \"02\"\n	users = { \"18446744073709551617\" }\n}\n", 3,
	  "18446744073709551617" },
	{ "rule \"a\" {\n	class = \"02\"\n	users = { \"-1\" }\n}\n", 3, "'-1'" },
	{ "rule \"a\" {\n	class = \"02\"\n	users = { \"1000x\" }\n}\n", 3, "1000x" },
	{ "rule \"a\" {\n	class = \"02\"\n	groups = { \"root\", \"no-such-group\" }\n}\n", 3,
	  "no-such-group" },
	{ "rule \"a\" {\n	class = \"02\"\n	groups = { \"4294967295\" }\n}\n", 3, "4294967295" },
	/* a list of nobody would limit nothing */
	{ "rule \"a\" {\n	class = \"02\"\n	users = {}\n}\n", 4, "\"a\"" },
	{ "rule \"a\" {\n	class = \"02\"\n	groups = {}\n}\n", 4, "\"a\"" },
	{ "rule \"a\" {\n	class = \"02\"\n	users = { \"root\" }\n	groups = {}\n}\n", 5, "\"a\"" },
	/* rules that are about nothing, or about too much */
	{ "rule \"empty\" {\n}\n", 2, "\"empty\"" },
	{ "rule \"a\" { class = \"02\" }\nrule \"b\" {\n	assign = false\n}\n", 4, "\"b\"" },
	{ "rule \"a\" {\n	device = \"1234\"\n}\n", 3, "\"a\"" },
	{ "rule \"a\" {\n	class = \"02\"\n	device = \"1234\"\n}\n", 4, "without its vendor" },
	/* titles */
	{ "rule \"a\" {\n	class = \"02\"\n}\n\nrule \"a\" {\n	class = \"01\"\n}\n", 5, "'a'" },
	{ "rule {\n	class = \"02\"\n}\n", 1, "title" },
	{ "rule \"a\" \"b\" {\n	class = \"02\"\n}\n", 1, "brace" },
	/* grammar */
	{ "rule \"a\" {\n	class = \"02\"\n", 1, "not closed" },
	{ "\nrule \"a\" {\n	class = \"02\"\n\nrule \"b\" {\n	class = \"02\"\n}\n", 2, "not closed" },
	{ "rule \"a\" {", 1, "not closed" },
	{ "rule \"a\" {\n	class = \"02\"\n}\n}\n", 4, "brace" },
	{ "rule \"a\" {\n	class = \"02\n}\n", 2, "string" },
	{ "rule 'a {\n	class = \"02\"\n}\n", 1, "string" },
	{ "rule \"a\\", 1, "string" },
	{ "rule \"a\" { class = \"02\" }\n/* rule \"b\" {\n	class = \"01\"\n}\n", 2, "comment" },
	{ "/*/", 1, "comment" },
	{ "rule \"a\" {\n	class \"02\"\n}\n", 2, "class" },
	{ "rule \"a\" {\n	class = { \"02\" }\n}\n", 2, "{" },
	{ "rule \"a\" {\n	class += \"02\"\n}\n", 2, "class" },
	{ "rule \"a\" {\n	class =\n}\n", 3, "}" },
	{ "rule \"a\" {\n	class = \"02\"\n	rule \"b\" { class = \"01\" }\n}\n", 3, "rule" },
	{ "rule\n", 2, "end of file" },
	{ "class = \"02\"\n", 1, "class" },
	/* lines are counted right behind whatever has several of them */
	{ "# one\n# two\n\n# four\nbad\n", 5, "bad" },
	{ "// one\nrule \"a\" { // two\n	class = \"02\" # three\n	bad = 1\n}\n", 4, "bad" },
	{ "/* one */\n/* two\n */\n/**\n *\n **/ bad\n", 6, "bad" },
	{ "rule \"a\nb\" {\n	class = \"02\"\n	bad = 1\n}\n", 4, "bad" },
	{ "rule \"a\" {\r\n	class = \"02\"\r\n	bad = 1\r\n}\r\n", 3, "bad" },
	/* the first mistake is the one that is named */
	{ "rule \"a\" {\n	class = \"x\"\n	vendor = \"y\"\n}\nbad\n", 2, "class" },
};

START_TEST(a_mistake_is_named_with_its_file_and_line)
{
	write_text(main_file, mistakes[_i].text);
	assert_refused_at(main_file, mistakes[_i].line, mistakes[_i].words);
}
END_TEST

START_TEST(a_mistake_in_a_further_file_is_named_with_that_file_and_line)
{
	write_text(main_file, "# good\n\nrule \"good\" { class = \"02\" }\n");
	write_text(in_conf_d("10.conf"), "rule \"good too\" { class = \"02\" }\n");
	write_text(in_conf_d("20.conf"), mistakes[_i].text);
	write_text(in_conf_d("30.conf"), "bad\n");
	assert_refused_at(in_conf_d("20.conf"), mistakes[_i].line, mistakes[_i].words);
}
END_TEST

START_TEST(a_title_that_another_file_has_is_a_mistake)
{
	write_text(main_file, "rule \"a\" { class = \"02\" }\n");
	write_text(in_conf_d("10.conf"), "\nrule \"a\" { class = \"01\" }\n");
	assert_refused_at(in_conf_d("10.conf"), 2, "'a'");
}
END_TEST

START_TEST(a_rule_cannot_go_on_in_the_next_file)
{
	write_text(main_file, "rule \"a\" { class = \"02\"\n");
	write_text(in_conf_d("10.conf"), "}\n");
	assert_refused_at(main_file, 1, "not closed");
}
END_TEST

START_TEST(a_file_that_is_cut_short_anywhere_is_good_only_where_a_rule_has_ended)
{
	static const char text[] = "# a comment\n"
				   "rule \"a\" { /* c */ class = \"02\"\n"
				   "	groups = { \"root\", '0' }\n"
				   "}";

	for (size_t length = 0; length < sizeof(text) - 1; length++) {
		write_bytes(main_file, text, length);
		if (length <= strlen("# a comment\n")) {
			ck_assert_msg(!load(), "at %zu: %s", length, failure.text);
			config_free(config);
			config = NULL;
		} else {
			ck_assert_msg(load() == -EINVAL, "accepted at %zu", length);
		}
	}
}
END_TEST

/* ---- files that are none ---- */

static void assert_unreadable(const char *path, int error)
{
	ck_assert_int_eq(load(), error);
	ck_assert_int_eq(failure.error, error);
	ck_assert_msg(!strncmp(failure.text, path, strlen(path)), "%s", failure.text);
	ck_assert_msg(strstr(failure.text, strerror(-error)), "%s", failure.text);
}

START_TEST(a_file_that_is_asked_for_has_to_be_there)
{
	assert_unreadable(main_file, -ENOENT);
}
END_TEST

START_TEST(a_link_that_leads_nowhere_is_no_missing_file)
{
	ck_assert_int_eq(symlink("nowhere", main_file), 0);
	ck_assert_int_eq(config_load(main_file, false, conf_d, &config, &failure), -ENOENT);
	ck_assert_ptr_nonnull(strstr(failure.text, main_file));
}
END_TEST

START_TEST(a_file_behind_a_file_is_no_missing_file)
{
	char path[200];

	write_text(main_file, "");
	snprintf(path, sizeof(path), "%s/vfiod.conf", main_file);
	ck_assert_int_eq(config_load(path, false, NULL, &config, &failure), -ENOTDIR);
}
END_TEST

START_TEST(a_link_is_followed)
{
	write_text(in_conf_d("real"), "rule \"a\" { class = \"02\" }\n");
	ck_assert_int_eq(symlink("conf.d/real", main_file), 0);
	ck_assert_int_eq(load(), 0);
	ck_assert_uint_eq(config->rule_count, 1);
}
END_TEST

START_TEST(a_folder_is_no_configuration)
{
	ck_assert_int_eq(mkdir(main_file, 0755), 0);
	assert_unreadable(main_file, -EISDIR);
}
END_TEST

START_TEST(a_folder_among_the_further_files_is_no_configuration)
{
	write_text(main_file, "");
	ck_assert_int_eq(mkdir(in_conf_d("10.conf"), 0755), 0);
	assert_unreadable(in_conf_d("10.conf"), -EISDIR);
}
END_TEST

START_TEST(a_further_file_that_leads_nowhere_is_a_mistake)
{
	write_text(main_file, "");
	ck_assert_int_eq(symlink("nowhere", in_conf_d("10.conf")), 0);
	assert_unreadable(in_conf_d("10.conf"), -ENOENT);
}
END_TEST

START_TEST(a_file_in_place_of_the_folder_is_a_mistake)
{
	write_text(main_file, "");
	ck_assert_int_eq(rmdir(conf_d), 0);
	write_text(conf_d, "");
	assert_unreadable(conf_d, -ENOTDIR);
}
END_TEST

START_TEST(a_link_that_leads_nowhere_is_no_missing_folder)
{
	write_text(main_file, "");
	ck_assert_int_eq(rmdir(conf_d), 0);
	ck_assert_int_eq(symlink("nowhere", conf_d), 0);
	ck_assert_int_ne(load(), 0);
	ck_assert_ptr_nonnull(strstr(failure.text, conf_d));
}
END_TEST

START_TEST(a_folder_that_may_not_be_read_is_an_error)
{
	write_text(main_file, "");
	ck_assert_int_eq(chmod(conf_d, 0), 0);
	/* nothing stops root */
	if (!geteuid())
		ck_assert_int_eq(seteuid(NOBODY), 0);
	assert_unreadable(conf_d, -EACCES);
	if (!getuid())
		ck_assert_int_eq(seteuid(0), 0);
	ck_assert_int_eq(chmod(conf_d, 0755), 0);
}
END_TEST

START_TEST(a_file_that_may_not_be_read_is_an_error)
{
	write_text(main_file, "");
	ck_assert_int_eq(chmod(main_file, 0), 0);
	/* nothing stops root */
	if (!geteuid())
		ck_assert_int_eq(seteuid(NOBODY), 0);
	assert_unreadable(main_file, -EACCES);
	if (!getuid())
		ck_assert_int_eq(seteuid(0), 0);
}
END_TEST

START_TEST(a_file_of_bytes_is_no_configuration)
{
	write_bytes(main_file, "rule \"a\" { class = \"02\" }\n\0\n", 28);
	ck_assert_int_eq(load(), -EINVAL);
	ck_assert_ptr_nonnull(strstr(failure.text, main_file));
}
END_TEST

START_TEST(a_file_without_end_is_no_configuration)
{
	ck_assert_int_eq(symlink("/dev/zero", main_file), 0);
	assert_unreadable(main_file, -EFBIG);
}
END_TEST

START_TEST(the_null_device_is_an_empty_file)
{
	ck_assert_int_eq(config_load("/dev/null", true, NULL, &config, &failure), 0);
	ck_assert_uint_eq(config->rule_count, 0);
}
END_TEST

START_TEST(a_good_file_is_read_after_a_bad_one)
{
	write_text(main_file, "rule \"a\" {\n	class = \"x\"\n}\n");
	ck_assert_int_eq(load(), -EINVAL);
	rules_of("rule \"a\" {\n	class = \"02\"\n}\n");
	ck_assert_int_eq(failure.error, 0);
}
END_TEST

static TCase *case_of(const char *name)
{
	TCase *tcase = tcase_create(name);

	tcase_add_checked_fixture(tcase, make_dir, free_config);
	return tcase;
}

static TCase *good_case(void)
{
	TCase *tcase = case_of("good");

	tcase_add_loop_test(tcase, an_empty_file_has_no_rules, 0, 8);
	tcase_add_test(tcase, a_missing_file_is_an_empty_one);
	tcase_add_test(tcase, a_missing_folder_is_an_empty_one);
	tcase_add_test(tcase, no_folder_can_be_given);
	tcase_add_test(tcase, a_rule_says_no_more_than_is_written);
	tcase_add_test(tcase, everything_that_is_written_is_read);
	tcase_add_test(tcase, who_wants_no_reset_says_why);
	tcase_add_test(tcase, a_reason_has_255_bytes_at_most);
	tcase_add_loop_test(tcase, without_a_word_64_devices_are_kept_warm_and_a_grace_is_5_seconds, 0, 2);
	tcase_add_test(tcase, a_rule_that_names_no_driver_has_the_one_for_all_wherever_that_is_written);
	tcase_add_test(tcase, the_last_file_has_the_last_word_on_what_is_said_once);
	tcase_add_test(tcase, ids_of_all_zeros_and_ones_are_ids);
	tcase_add_loop_test(tcase, a_class_can_have_2_4_or_6_digits, 0, 3);
	tcase_add_loop_test(tcase, memory_is_in_bytes_or_with_a_unit, 0, sizeof(sizes) / sizeof(sizes[0]));
	tcase_add_loop_test(tcase, a_rule_can_be_about_any_one_thing, 0, 10);
	tcase_add_test(tcase, a_number_is_a_user_that_need_not_exist);
	tcase_add_test(tcase, rules_keep_the_order_that_they_are_written_in);
	tcase_add_test(tcase, further_files_follow_in_the_order_of_their_names);
	tcase_add_loop_test(tcase, files_of_other_names_are_not_read, 0, 5);
	tcase_add_test(tcase, comments_say_nothing);
	tcase_add_test(tcase, what_looks_like_a_comment_in_a_string_is_of_the_string);
	tcase_add_test(tcase, lines_may_end_as_on_other_systems);
	tcase_add_test(tcase, the_file_that_is_installed_is_good);
	return tcase;
}

static TCase *mistakes_case(void)
{
	TCase *tcase = case_of("mistakes");
	int count = sizeof(mistakes) / sizeof(mistakes[0]);

	tcase_add_loop_test(tcase, a_mistake_is_named_with_its_file_and_line, 0, count);
	tcase_add_loop_test(tcase, a_mistake_in_a_further_file_is_named_with_that_file_and_line, 0, count);
	tcase_add_test(tcase, a_title_that_another_file_has_is_a_mistake);
	tcase_add_test(tcase, a_rule_cannot_go_on_in_the_next_file);
	tcase_add_test(tcase, a_file_that_is_cut_short_anywhere_is_good_only_where_a_rule_has_ended);
	return tcase;
}

static TCase *files_case(void)
{
	TCase *tcase = case_of("files");

	tcase_add_test(tcase, a_file_that_is_asked_for_has_to_be_there);
	tcase_add_test(tcase, a_link_that_leads_nowhere_is_no_missing_file);
	tcase_add_test(tcase, a_file_behind_a_file_is_no_missing_file);
	tcase_add_test(tcase, a_link_is_followed);
	tcase_add_test(tcase, a_folder_is_no_configuration);
	tcase_add_test(tcase, a_folder_among_the_further_files_is_no_configuration);
	tcase_add_test(tcase, a_further_file_that_leads_nowhere_is_a_mistake);
	tcase_add_test(tcase, a_file_in_place_of_the_folder_is_a_mistake);
	tcase_add_test(tcase, a_link_that_leads_nowhere_is_no_missing_folder);
	tcase_add_test(tcase, a_folder_that_may_not_be_read_is_an_error);
	tcase_add_test(tcase, a_file_that_may_not_be_read_is_an_error);
	tcase_add_test(tcase, a_file_of_bytes_is_no_configuration);
	tcase_add_test(tcase, a_file_without_end_is_no_configuration);
	tcase_add_test(tcase, the_null_device_is_an_empty_file);
	tcase_add_test(tcase, a_good_file_is_read_after_a_bad_one);
	return tcase;
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

int main(void)
{
	Suite *suite = suite_create("config");
	SRunner *runner;
	int failed;

	if (!mkdtemp(temporary_path(root, "config")) || chmod(root, 0755)) {
		perror(root);
		return EXIT_FAILURE;
	}
	suite_add_tcase(suite, good_case());
	suite_add_tcase(suite, mistakes_case());
	suite_add_tcase(suite, files_case());
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	/* here, because a test that fails cleans up nothing */
	nftw(root, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
