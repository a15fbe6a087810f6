/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vfioctl without a daemon: what it makes of functions, owners and names, and whether its manual page tells all. */
#include "libvfiodma/vfiodma.h"
#include "tests/temporary.h"
#include "vfioctl/command.h"
#include "vfioctl/complete.h"
#include "vfioctl/help.h"
#include "vfioctl/inventory.h"
#include "vfioctl/isolation.h"
#include "vfioctl/json.h"
#include "vfioctl/list.h"
#include "vfioctl/owner.h"
#include "vfioctl/pcinames.h"
#include "vfioctl/pool.h"
#include "vfioctl/revoke.h"
#include "vfioctl/show.h"
#include "vfioctl/table.h"
#include "vfioctl/terminal.h"
#include "vfioctl/why.h"

#include <check.h>
#include <errno.h>
#include <json-c/json.h>
#include <locale.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define NAMELESS 4000000000u /* neither a user nor a group */

/* A PCI id database of our own: that of the machine changes. */
static const char ids[] = "8086  Intel Corporation\n\t10c9  82576 Gigabit Network Connection\n\t29c0  DRAM Controller\n"
			  "1002  Advanced Micro Devices, Inc. [AMD/ATI]\n\t73bf  Navi 21\n"
			  "1b36  Red Hat, Inc.\n\t000c  QEMU PCIe Root port\n"
			  "C 02  Network controller\n\t00  Ethernet controller\nC 03  Display controller\n"
			  "\t00  VGA compatible controller\nC 06  Bridge\n\t04  PCI bridge\n";

static struct vfiodma_info functions[] = {
	{ .address = "0000:00:02.0", .vendor = 0x1b36, .device = 0x000c, .class_code = 0x060400, .group = 14 },
	{ .address = "0000:07:00.0", .vendor = 0x8086, .device = 0x10c9, .class_code = 0x020000, .group = 14 },
	{ .address = "0000:07:00.1", .vendor = 0x8086, .device = 0x10c9, .class_code = 0x020000, .group = 14 },
	{ .address = "0000:41:00.0", .vendor = 0x1234, .device = 0x11e8, .class_code = 0x00ff00 },
	{ .address = "0001:07:00.0", .vendor = 0x1002, .device = 0xab28, .class_code = 0x030000, .group = 14 },
};

static const struct inventory inventory = { functions, sizeof(functions) / sizeof(*functions) };
static const struct vfiodma_info *const igb = &functions[1];

static void set_functions(void)
{
	size_t i;

	for (i = 0; i < inventory.count; i++) {
		struct vfiodma_info *info = &functions[i];

		info->size = sizeof(*info);
		info->flags = 0;
		info->physical_function[0] = '\0';
		info->owner_uid = info->owner_gid = info->holder_uid = info->holder_pid = VFIODMA_NONE;
		strcpy(info->driver, i == 0 ? "pcieport" : "igb");
		strcpy(info->reset, "flr bus");
	}
	functions[1].state = VFIODMA_LEASED;
	functions[1].owner_uid = functions[1].holder_uid = 0;
	functions[1].holder_pid = (uint32_t)getpid();
	strcpy(functions[1].driver, "vfio-pci");
	strcpy(functions[1].original_driver, "igb");
	functions[3].group = VFIODMA_NONE;
	functions[3].numa_node = VFIODMA_NONE;
	functions[3].driver[0] = functions[3].reset[0] = '\0';
	functions[4].state = VFIODMA_QUARANTINED;
	functions[4].owner_gid = NAMELESS;
	strcpy(functions[4].reason, "its reset failed\033[2J");
}

static struct pcinames *open_names(void)
{
	char path[TEMPORARY_MAX];
	int fd = mkstemp(temporary_path(path, "vfioctl"));
	struct pcinames_text text;
	struct pcinames *names;

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, ids, sizeof(ids) - 1), sizeof(ids) - 1);
	close(fd);
	ck_assert_int_eq(pcinames_open(path, &names), 0);
	pcinames_lookup(names, igb, &text); /* reads the file */
	unlink(path);
	return names;
}

/* What is written to @out of begin_output() is returned by end_output(). */
static char *written;
static size_t written_size;

static FILE *begin_output(void)
{
	FILE *out = open_memstream(&written, &written_size);

	ck_assert_ptr_nonnull(out);
	return out;
}

static const char *end_output(FILE *out)
{
	ck_assert_int_eq(fclose(out), 0);
	return written;
}

static bool has_line(const char *text, const char *line)
{
	size_t length = strlen(line);
	const char *at;

	for (at = text; at && *at; at = strchr(at, '\n') ? strchr(at, '\n') + 1 : NULL) {
		if (!strncmp(at, line, length) && (at[length] == '\n' || !at[length]))
			return true;
	}
	return false;
}

/* ---- tables ---- */

static const struct column two_columns[] = { { "NAME", 6, 0 }, { "STATE", 0, 0 } };
static const struct terminal endless = { .width = 0, .color = false, .utf8 = true };

static const char *two_column_table(const char *name, const char *state, const struct terminal *terminal)
{
	FILE *out = begin_output();
	struct table *table;

	ck_assert_int_eq(table_create(two_columns, 2, &table), 0);
	table_add(table, name, TONE_PLAIN);
	table_add(table, state, TONE_GOOD);
	ck_assert_int_eq(table_print(table, terminal, out), 0);
	table_free(table);
	return end_output(out);
}

START_TEST(columns_are_as_wide_as_their_widest_cell_and_nothing_trails)
{
	ck_assert_str_eq(two_column_table("a long name", "ok", &endless), "NAME         STATE\na long name  ok\n");
	free(written);
	ck_assert_str_eq(two_column_table("x", "ok", &endless), "NAME  STATE\nx     ok\n");
	free(written);
}
END_TEST

START_TEST(a_narrow_terminal_shortens_only_what_may_be_shortened)
{
	const struct terminal narrow = { .width = 15, .utf8 = true };

	ck_assert_str_eq(two_column_table("a long name", "okay", &narrow), "NAME      STATE\na long…   okay\n");
	free(written);
}
END_TEST

START_TEST(nothing_gets_narrower_than_it_may_even_if_lines_then_are_too_long)
{
	const struct terminal narrow = { .width = 4, .utf8 = false };

	ck_assert_str_eq(two_column_table("a long name", "okay", &narrow), "NAME    STATE\na l...  okay\n");
	free(written);
}
END_TEST

START_TEST(cells_are_measured_and_cut_in_characters_not_in_bytes)
{
	const struct terminal narrow = { .width = 13, .utf8 = true };

	ck_assert_str_eq(two_column_table("äöüß", "ok", &endless), "NAME  STATE\näöüß  ok\n");
	free(written);
	ck_assert_str_eq(two_column_table("äöüßäöüß", "ok", &narrow), "NAME    STATE\näöüßä…  ok\n");
	free(written);
}
END_TEST

START_TEST(a_terminal_without_utf8_gets_plain_ascii)
{
	const struct terminal plain = { .width = 13, .utf8 = false };

	ck_assert_str_eq(two_column_table("äöüßäöüß", "ok", &plain), "NAME    STATE\n???...  ok\n");
	free(written);
}
END_TEST

START_TEST(colour_does_not_move_columns)
{
	const struct terminal colored = { .width = 0, .color = true, .utf8 = true };

	ck_assert_str_eq(two_column_table("x", "ok", &colored),
			 "\033[1mNAME\033[0m  \033[1mSTATE\033[0m\nx     \033[32mok\033[0m\n");
	free(written);
}
END_TEST

START_TEST(control_characters_and_bytes_that_are_not_utf8_never_reach_the_terminal)
{
	static const char *const cases[][2] = {
		{ "a\033[2Jb\177\n", "a?[2Jb??" },
		{ "\xc2\x9b"
		  "31m",
		  "??31m" }, /* C1: begins a control sequence, too */
		{ "\xff\xc3 \xe2\x82", "?? ??" },
		{ "\xc0\xaf \xed\xa0\x80 \xf5\x80", "?? ??? ??" },
		{ "grün – \xf0\x9f\x90\xa7", "grün – \xf0\x9f\x90\xa7" },
	};
	char text[64];
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		strcpy(text, cases[i][0]);
		ck_assert_str_eq(terminal_clean(text, true), cases[i][1]);
	}
	strcpy(text, "grün");
	ck_assert_str_eq(terminal_clean(text, false), "gr?n");
}
END_TEST

/* ---- people ---- */

START_TEST(a_user_or_a_group_may_be_a_name_or_a_number)
{
	uint32_t id = 4711;

	ck_assert_int_eq(owner_user_id("root", &id), 0);
	ck_assert_uint_eq(id, 0);
	ck_assert_int_eq(owner_group_id("root", &id), 0);
	ck_assert_uint_eq(id, 0);
	ck_assert_int_eq(owner_user_id("4000000000", &id), 0);
	ck_assert_uint_eq(id, 4000000000u);
	ck_assert_int_eq(owner_group_id("1", &id), 0);
	ck_assert_uint_eq(id, 1);
}
END_TEST

START_TEST(what_is_neither_a_name_nor_a_number_is_nobody)
{
	static const char *const wrong[] = {
		"",	      "no such user",	     "-1", "+1", " 1", "1 ", "1x", "0x10", "4294967295",
		"4294967296", "99999999999999999999"
	};
	uint32_t id = 4711;
	size_t i;

	for (i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		ck_assert_int_eq(owner_user_id(wrong[i], &id), -ENOENT);
		ck_assert_int_eq(owner_group_id(wrong[i], &id), -ENOENT);
		ck_assert_uint_eq(id, 4711);
	}
}
END_TEST

START_TEST(an_owner_is_shown_by_name_and_without_a_name_by_number)
{
	struct vfiodma_info info = { .owner_uid = 0, .owner_gid = VFIODMA_NONE };
	char text[64];

	ck_assert_str_eq(owner_text(&info, text, sizeof(text)), "root");
	info.owner_uid = NAMELESS;
	ck_assert_str_eq(owner_text(&info, text, sizeof(text)), "4000000000");
	info.owner_uid = VFIODMA_NONE;
	ck_assert_str_eq(owner_text(&info, text, sizeof(text)), "-");
	info.owner_gid = 0;
	ck_assert_str_eq(owner_text(&info, text, sizeof(text)), "@root");
	info.owner_gid = NAMELESS;
	ck_assert_str_eq(owner_text(&info, text, sizeof(text)), "@4000000000");
}
END_TEST

/* ---- functions ---- */

static void check_group(size_t function, bool bridges, bool brief, const char *expected)
{
	char *text;

	ck_assert_int_eq(inventory_group_text(&inventory, &functions[function], bridges, brief, &text), 0);
	ck_assert_str_eq(text, expected);
	free(text);
}

START_TEST(a_group_is_shown_with_the_others_in_it)
{
	check_group(1, false, false, "14 +07:00.1 +0001:07:00.0");
	check_group(1, true, false, "14 +00:02.0 +07:00.1 +0001:07:00.0");
	check_group(4, false, false, "14 +0000:07:00.0 +0000:07:00.1");
	check_group(1, false, true, "14 +2");
	check_group(3, true, false, "-");
}
END_TEST

START_TEST(an_address_is_taken_with_or_without_its_domain)
{
	char address[INVENTORY_ADDRESS_SIZE] = "";

	ck_assert_int_eq(inventory_address("07:00.1", address), STATUS_OK);
	ck_assert_str_eq(address, "0000:07:00.1");
	ck_assert_int_eq(inventory_address("10000:E1:1F.7", address), STATUS_OK);
	ck_assert_str_eq(address, "10000:e1:1f.7");
}
END_TEST

static void check_device(unsigned int vendor, unsigned int device, bool brief, const char *expected)
{
	struct vfiodma_info info = { .vendor = (uint16_t)vendor, .device = (uint16_t)device };
	struct pcinames *names = open_names();
	struct pcinames_text text;
	char title[260];

	pcinames_lookup(names, &info, &text);
	ck_assert_str_eq(pcinames_device(&text, &info, brief, title, sizeof(title)), expected);
	pcinames_close(names);
}

START_TEST(a_device_is_shown_by_name_and_without_a_name_by_number)
{
	check_device(0x8086, 0x10c9, false, "Intel Corporation 82576 Gigabit Network Connection");
	check_device(0x8086, 0x1111, false, "Intel Corporation Device 1111");
	check_device(0x1234, 0x11e8, false, "Device 1234:11e8");
}
END_TEST

START_TEST(a_brief_name_leaves_out_the_legal_form_of_the_company)
{
	check_device(0x8086, 0x10c9, true, "Intel 82576 Gigabit Network Connection");
	check_device(0x1b36, 0x000c, true, "Red Hat QEMU PCIe Root port");
	check_device(0x1002, 0x73bf, true, "AMD/ATI Navi 21");
	check_device(0x1234, 0x11e8, true, "Device 1234:11e8");
}
END_TEST

static const char *printed_list(bool all, unsigned int width)
{
	const struct terminal terminal = { .width = width, .utf8 = true };
	struct pcinames *names = open_names();
	FILE *out = begin_output();

	ck_assert_int_eq(list_print(&inventory, names, all, &terminal, out), 0);
	pcinames_close(names);
	return end_output(out);
}

START_TEST(a_list_has_a_line_for_each_function_but_bridges)
{
	ck_assert_str_eq(printed_list(false, 0),
			 "ADDRESS       DEVICE                                              CLASS                      "
			 "GROUP                           DRIVER    OWNER        STATE\n"
			 "0000:07:00.0  Intel Corporation 82576 Gigabit Network Connection  Ethernet controller        "
			 "14 +07:00.1 +0001:07:00.0       vfio-pci  root         leased\n"
			 "0000:07:00.1  Intel Corporation 82576 Gigabit Network Connection  Ethernet controller        "
			 "14 +07:00.0 +0001:07:00.0       igb       -            unmanaged\n"
			 "0000:41:00.0  Device 1234:11e8                                    Class 00ff                 "
			 "-                               -         -            unmanaged\n"
			 "0001:07:00.0  Advanced Micro Devices, Inc. [AMD/ATI] Device ab28  VGA compatible controller  "
			 "14 +0000:07:00.0 +0000:07:00.1  igb       @4000000000  quarantined\n"
			 "0001:07:00.0 is quarantined: its reset failed?[2J\n");
	free(written);
}
END_TEST

START_TEST(a_narrow_list_uses_brief_words_before_it_cuts_words_off)
{
	ck_assert_str_eq(printed_list(false, 90),
			 "ADDRESS       DEVICE                    CLASS    GROUP  DRIVER    OWNER        STATE\n"
			 "0000:07:00.0  Intel 82576 Gigabit Net…  network  14 +2  vfio-pci  root         leased\n"
			 "0000:07:00.1  Intel 82576 Gigabit Net…  network  14 +2  igb       -            unmanaged\n"
			 "0000:41:00.0  Device 1234:11e8          other    -      -         -            unmanaged\n"
			 "0001:07:00.0  AMD/ATI Device ab28       display  14 +2  igb       @4000000000  quarantined\n"
			 "0001:07:00.0 is quarantined: its reset failed?[2J\n");
	free(written);
}
END_TEST

START_TEST(the_strict_driver_does_not_move_columns)
{
	strcpy(functions[1].driver, "vfiod-pci");
	ck_assert_str_eq(printed_list(false, 91),
			 "ADDRESS       DEVICE                    CLASS    GROUP  DRIVER     OWNER        STATE\n"
			 "0000:07:00.0  Intel 82576 Gigabit Net…  network  14 +2  vfiod-pci  root         leased\n"
			 "0000:07:00.1  Intel 82576 Gigabit Net…  network  14 +2  igb        -            unmanaged\n"
			 "0000:41:00.0  Device 1234:11e8          other    -      -          -            unmanaged\n"
			 "0001:07:00.0  AMD/ATI Device ab28       display  14 +2  igb        @4000000000  quarantined\n"
			 "0001:07:00.0 is quarantined: its reset failed?[2J\n");
	free(written);
}
END_TEST

START_TEST(a_list_names_the_other_functions_of_a_group_while_there_is_room)
{
	ck_assert_ptr_nonnull(strstr(printed_list(false, 125), "14 +07:00.1 +0001:07:00.0"));
	free(written);
}
END_TEST

START_TEST(all_means_bridges_too)
{
	ck_assert_ptr_null(strstr(printed_list(false, 0), "0000:00:02.0"));
	free(written);
	ck_assert_ptr_nonnull(strstr(printed_list(true, 0), "\n0000:00:02.0"));
	free(written);
}
END_TEST

/* Of functions[1] with the three others of its group; NULL: an older vfiod does not tell. */
static const struct vfiodma_isolation *isolations;

static const char *printed_function(size_t function)
{
	struct pcinames *names = open_names();
	FILE *out = begin_output();

	show_print(&inventory, names, &functions[function], isolations, &endless, out);
	pcinames_close(names);
	return end_output(out);
}

START_TEST(show_says_who_has_a_function_and_who_else_is_in_its_group)
{
	const char *text = printed_function(1);

	ck_assert(has_line(text, "Device          Intel Corporation 82576 Gigabit Network Connection (8086:10c9)"));
	ck_assert(has_line(text, "                0000:00:02.0  pcieport, a bridge"));
	ck_assert(has_line(text, "                0000:07:00.1  igb, unmanaged"));
	ck_assert(has_line(text, "Driver before   igb"));
	ck_assert(has_line(text, "Owner           root (uid 0)"));
	ck_assert_ptr_nonnull(strstr(text, "\nHeld by         root (uid 0), asked for by process "));
	free(written);
}
END_TEST

/* What vfiod tells of the three. */
static struct vfiodma_isolation told[3];

static void set_isolations(void)
{
	for (size_t i = 0; i < 3; i++)
		told[i] = (struct vfiodma_isolation){ .size = sizeof(told[i]) };
	told[0].cause = VFIODMA_ISOLATION_PORT;
	strcpy(told[0].at, "0000:00:02.0");
	told[0].acs = 0x14;
	told[1].cause = VFIODMA_ISOLATION_DEVICE;
	strcpy(told[1].at, "0000:07:00.0");
	told[1].acs = VFIODMA_ACS_NONE;
	isolations = told;
}

START_TEST(show_says_why_functions_share_a_group_each_reason_once)
{
	set_isolations();
	ck_assert(has_line(printed_function(1),
			   "Shared since    the port 0000:00:02.0 has ACS, but RR UF of it off; in a "
			   "slot that is not behind this port the card may be apart from them"));
	ck_assert(has_line(
		written,
		"                they are one device, whose function 0000:07:00.0 has no ACS; they stay together "
		"in every slot"));
	ck_assert(has_line(written,
			   "                their config space does not say why; the kernel knows of devices that "
			   "use each other's ids"));
	free(written);
	told[1] = told[2] = told[0];
	ck_assert_ptr_null(strstr(strstr(printed_function(1), "the port") + 1, "the port"));
	free(written);
	isolations = NULL;
	ck_assert_ptr_null(strstr(printed_function(1), "Shared since"));
	free(written);
}
END_TEST

START_TEST(show_and_list_say_whose_companion_a_function_is)
{
	functions[2].state = VFIODMA_COMPANION;
	functions[2].owner_uid = 0;
	ck_assert(has_line(printed_function(2),
			   "State           companion: taken from the host along with others of its "
			   "IOMMU group, and nobody gets it"));
	ck_assert(has_line(written,
			   "Next            it goes back to the host together with 0000:07:00.0: vfioctl release "
			   "0000:07:00.0"));
	free(written);
	ck_assert(has_line(printed_list(false, 0), "0000:07:00.1 is companion of 0000:07:00.0, 0001:07:00.0"));
	free(written);
}
END_TEST

static const char *const strict_words[] = { "hidden reads as 0 and ignores writes", "vectors can be masked",
					    "a page with the MSI-X table cannot be mapped" };
static const char *const stock_words[] = { "hidden can be read and written", "mask bits of MSI go to the hardware",
					   "a page with the MSI-X table can be mapped" };

static void assert_driver(const char *line, const char *const words[3])
{
	ck_assert_msg(has_line(printed_function(1), line), "no '%s' in: %s", line, written);
	for (size_t i = 0; words && i < 3; i++)
		ck_assert_msg(strstr(written, words[i]), "no '%s' in: %s", words[i], written);
	free(written);
}

START_TEST(a_list_and_show_tell_which_virtual_functions_a_function_has)
{
	strcpy(functions[2].physical_function, functions[1].address);
	functions[2].flags |= VFIODMA_INFO_VIRTUAL;
	ck_assert(has_line(printed_list(false, 0), "0000:07:00.0 has virtual functions: 07:00.1"));
	free(written);
	ck_assert(has_line(printed_function(1), "Virtual         it has virtual functions, which vfiod has not made"));
	ck_assert(has_line(written, "                0000:07:00.1  igb, unmanaged"));
	free(written);
	ck_assert(has_line(printed_function(2), "Virtual         a virtual function of 0000:07:00.0"));
	free(written);
}
END_TEST

START_TEST(show_says_that_virtual_functions_of_vfiods_go_together)
{
	strcpy(functions[2].physical_function, functions[1].address);
	functions[2].flags |= VFIODMA_INFO_VIRTUAL;
	functions[2].state = VFIODMA_FREE;
	functions[1].flags |= VFIODMA_INFO_HAS_VFS;
	ck_assert(has_line(printed_function(1), "Virtual         it has virtual functions, which vfiod has made"));
	ck_assert(has_line(written, "Next            remove its virtual functions with: vfioctl release 0000:07:00.0"));
	free(written);
	ck_assert(has_line(printed_function(2), "Virtual         a virtual function of 0000:07:00.0, assigned together "
						"with the others of it"));
	ck_assert(has_line(written, "Next            its owner can use it; remove it, with the others, with: vfioctl "
				    "release 0000:07:00.0"));
	free(written);
	functions[2].state = VFIODMA_QUARANTINED;
	ck_assert_ptr_nonnull(
		strstr(printed_function(2), "or remove it, with the others, with: vfioctl release 0000:07:00.0"));
	free(written);
}
END_TEST

START_TEST(show_says_which_driver_it_is_and_what_follows)
{
	assert_driver("Driver          vfio-pci: the kernel's own VFIO driver", stock_words);
	functions[1].flags = VFIODMA_INFO_STRICT;
	assert_driver("Driver          vfio-pci: vfiod's strict VFIO driver, under the name of the kernel's own",
		      strict_words);
	strcpy(functions[1].driver, "vfiod-pci");
	assert_driver("Driver          vfiod-pci: vfiod's strict VFIO driver", strict_words);
	functions[1].flags = 0;
	strcpy(functions[1].driver, "igb");
	assert_driver("Driver          igb", NULL);
	functions[1].driver[0] = '\0';
	assert_driver("Driver          none", NULL);
}
END_TEST

START_TEST(show_says_whether_a_lease_can_be_revoked_and_what_is_missing)
{
	ck_assert(has_line(printed_function(1), "Revocation      not possible: it was leased without the module "
						"vfiod_handle, or as a whole IOMMU group"));
	free(written);
	ck_assert(has_line(printed_function(2), "Revocation      not possible: the module vfiod_handle is not loaded; "
						"load it with: modprobe vfiod_handle"));
	free(written);
	ck_assert_ptr_null(strstr(printed_function(0), "Revocation")); /* a bridge */
	free(written);
	functions[1].flags = functions[2].flags = VFIODMA_INFO_REVOCABLE;
	ck_assert(has_line(printed_function(1), "Revocation      at once, by handles"));
	ck_assert_ptr_nonnull(strstr(written, ", or take it back with: vfioctl revoke 0000:07:00.0\n"));
	free(written);
	ck_assert(has_line(printed_function(2), "Revocation      at once, by handles"));
	free(written);
}
END_TEST

START_TEST(show_says_whether_a_free_function_is_warm)
{
	ck_assert_ptr_null(strstr(printed_function(1), "Warm"));
	free(written);
	functions[2].state = VFIODMA_FREE;
	ck_assert(has_line(printed_function(2), "Warm            no: a lease opens and resets it first"));
	free(written);
	functions[2].flags = VFIODMA_INFO_WARM;
	ck_assert(has_line(printed_function(2),
			   "Warm            yes: held open and clean, so that a lease waits for no reset"));
	free(written);
}
END_TEST

START_TEST(show_says_what_can_be_done_next)
{
	static const char *const next[] = { "nothing: bridges stay", "it is free again when",
					    "assign it with: vfioctl assign 0000:07:00.1 --user NAME",
					    "it cannot be assigned without an IOMMU",
					    ("have it reset once more with: vfioctl quarantine clear 0001:07:00.0, or "
					     "give it back to the host with: vfioctl release 0001:07:00.0") };
	size_t i;

	for (i = 0; i < inventory.count; i++) {
		const char *line = strstr(printed_function(i), "\nNext            ");

		ck_assert_ptr_nonnull(line);
		ck_assert_ptr_nonnull(strstr(line, next[i]));
		free(written);
	}
}
END_TEST

START_TEST(show_keeps_control_characters_from_the_terminal)
{
	ck_assert(has_line(printed_function(4), "Reason          its reset failed?[2J"));
	free(written);
}
END_TEST

/* ---- JSON ---- */

static struct json_object *json_of(size_t function)
{
	struct pcinames *names = open_names();
	struct json_object *object = json_device(&inventory, names, &functions[function]);

	ck_assert_ptr_nonnull(object);
	pcinames_close(names);
	return object;
}

static void check_json(struct json_object *object, const char *key, const char *expected)
{
	struct json_object *value = NULL;

	ck_assert_msg(json_object_object_get_ex(object, key, &value), "there is no %s", key);
	ck_assert_str_eq(json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN), expected);
}

START_TEST(json_tells_all_of_a_leased_function)
{
	struct json_object *object = json_of(1);
	char pid[16];

	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	check_json(object, "address", "\"0000:07:00.0\"");
	check_json(object, "vendor_id", "\"0x8086\"");
	check_json(object, "class_code", "\"0x020000\"");
	check_json(object, "class_name", "\"Ethernet controller\"");
	check_json(object, "iommu_group", "14");
	check_json(object, "group_members",
		   "[{\"address\":\"0000:00:02.0\",\"driver\":\"pcieport\"},{\"address\":\"0000:07:00.1\",\"driver\":"
		   "\"igb\"},{\"address\":\"0001:07:00.0\",\"driver\":\"igb\"}]");
	check_json(object, "driver", "\"vfio-pci\"");
	check_json(object, "physical_function", "null");
	check_json(object, "virtual_functions", "[]");
	check_json(object, "virtual_functions_assigned", "false");
	check_json(object, "strict", "false");
	check_json(object, "original_driver", "\"igb\"");
	check_json(object, "reset_methods", "[\"flr\",\"bus\"]");
	check_json(object, "state", "\"leased\"");
	check_json(object, "owner_uid", "0");
	check_json(object, "owner_user", "\"root\"");
	check_json(object, "holder_pid", pid);
	check_json(object, "quarantine_reason", "null");
	check_json(object, "revocable", "false");
	check_json(object, "warm", "false");
	json_object_put(object);
	functions[1].flags = VFIODMA_INFO_REVOCABLE;
	functions[2].flags = VFIODMA_INFO_WARM | VFIODMA_INFO_STRICT;
	object = json_of(1);
	check_json(object, "revocable", "true");
	check_json(object, "warm", "false");
	json_object_put(object);
	object = json_of(2);
	check_json(object, "revocable", "false");
	check_json(object, "warm", "true");
	check_json(object, "strict", "true");
	json_object_put(object);
}
END_TEST

static void check_member(struct json_object *object, size_t at, const char *expected)
{
	struct json_object *members = NULL;

	ck_assert(json_object_object_get_ex(object, "group_members", &members));
	ck_assert_str_eq(json_object_to_json_string_ext(json_object_array_get_idx(members, at), JSON_C_TO_STRING_PLAIN),
			 expected);
}

START_TEST(json_says_why_functions_share_a_group)
{
	struct json_object *object = json_of(1);

	set_isolations();
	isolation_add_json(object, isolations);
	check_member(object, 0,
		     "{\"address\":\"0000:00:02.0\",\"driver\":\"pcieport\",\"shared_by\":\"port\",\"shared_at\":"
		     "\"0000:00:02.0\",\"acs_off\":[\"RR\",\"UF\"]}");
	check_member(object, 1,
		     "{\"address\":\"0000:07:00.1\",\"driver\":\"igb\",\"shared_by\":\"device\",\"shared_at\":"
		     "\"0000:07:00.0\",\"acs_off\":null}");
	check_member(object, 2,
		     "{\"address\":\"0001:07:00.0\",\"driver\":\"igb\",\"shared_by\":null,\"shared_at\":null,"
		     "\"acs_off\":null}");
	json_object_put(object);
}
END_TEST

START_TEST(json_says_whose_companion_a_function_is)
{
	struct json_object *object;

	functions[2].state = VFIODMA_COMPANION;
	object = json_of(2);
	check_json(object, "state", "\"companion\"");
	check_json(object, "companion_of", "[\"0000:07:00.0\",\"0001:07:00.0\"]");
	json_object_put(object);
	object = json_of(1);
	check_json(object, "companion_of", "[]");
	json_object_put(object);
}
END_TEST

START_TEST(json_tells_virtual_functions)
{
	struct json_object *object;

	strcpy(functions[2].physical_function, functions[1].address);
	functions[1].flags = VFIODMA_INFO_HAS_VFS;
	object = json_of(1);
	check_json(object, "virtual_functions", "[\"0000:07:00.1\"]");
	check_json(object, "virtual_functions_assigned", "true");
	json_object_put(object);
	object = json_of(2);
	check_json(object, "physical_function", "\"0000:07:00.0\"");
	json_object_put(object);
}
END_TEST

START_TEST(json_has_null_for_what_is_not_there)
{
	static const char *const nothing[] = { "vendor_name",	 "device_name",	   "subsystem_vendor_name",
					       "subsystem_name", "class_name",	   "numa_node",
					       "iommu_group",	 "driver",	   "original_driver",
					       "owner_uid",	 "owner_user",	   "owner_gid",
					       "owner_group",	 "holder_uid",	   "holder_user",
					       "holder_pid",	 "holder_command", "quarantine_reason" };
	struct json_object *object = json_of(3);
	size_t i;

	for (i = 0; i < sizeof(nothing) / sizeof(*nothing); i++)
		check_json(object, nothing[i], "null");
	check_json(object, "group_members", "[]");
	check_json(object, "reset_methods", "[]");
	json_object_put(object);
}
END_TEST

START_TEST(a_json_list_is_an_array_of_the_same_functions_as_the_table)
{
	struct pcinames *names = open_names();
	struct json_object *array;
	FILE *out = begin_output();

	ck_assert_int_eq(list_print_json(&inventory, names, false, out), 0);
	pcinames_close(names);
	array = json_tokener_parse(end_output(out));
	ck_assert(json_object_is_type(array, json_type_array));
	ck_assert_uint_eq(json_object_array_length(array), inventory.count - 1);
	check_json(json_object_array_get_idx(array, 3), "address", "\"0001:07:00.0\"");
	json_object_put(array);
	free(written);
}
END_TEST

/* ---- commands ---- */

static char *manual;

static void read_manual(void)
{
	const char *folder = getenv("srcdir"); /* set by automake */
	char path[4096];
	size_t size = 1 << 20, length;
	FILE *file;

	snprintf(path, sizeof(path), "%s/man/vfioctl.1", folder ? folder : ".");
	file = fopen(path, "re");
	ck_assert_msg(file, "cannot open %s", path);
	manual = calloc(1, size);
	ck_assert_ptr_nonnull(manual);
	length = fread(manual, 1, size - 1, file);
	ck_assert_uint_gt(length, 0);
	fclose(file);
}

static void free_manual(void)
{
	free(manual);
}

/* Whether a line that begins with @begin has @word, with nothing but blanks around it. */
static bool manual_has(const char *begin, const char *word)
{
	char *copy = strdup(manual), *lines = copy, *line, *words, *at;
	bool found = false;

	while (!found && (line = strsep(&lines, "\n"))) {
		if (strncmp(line, begin, strlen(begin)) != 0)
			continue;
		words = line + strlen(begin);
		while (!found && (at = strsep(&words, " ")))
			found = !strcmp(at, word);
	}
	free(copy);
	return found;
}

START_TEST(the_manual_names_every_command_and_option_and_exit_status)
{
	const struct command *command;
	char word[64];
	int i;

	for (command = command_table; command->name; command++)
		ck_assert_msg(manual_has(".It Ic ", command->name), "it does not name the command %s", command->name);
	for (i = 0; i < OPTION_COUNT; i++) {
		snprintf(word, sizeof(word), "-%s", option_table[i].name);
		ck_assert_msg(manual_has(".It Fl ", word), "it does not name the option -%s", word);
		snprintf(word, sizeof(word), "%c", option_table[i].letter);
		ck_assert_msg(!*word || manual_has(".It Fl ", word), "it does not name the option -%s", word);
	}
	for (i = 0; i < STATUS_COUNT; i++) {
		snprintf(word, sizeof(word), "%d", i);
		ck_assert_msg(manual_has(".It ", word), "it does not name the exit status %d", i);
	}
}
END_TEST

START_TEST(the_manual_names_no_command_or_option_that_is_not_there)
{
	const char *at;
	char word[64];

	for (at = manual; (at = strstr(at, "\n.It Ic ")); at++) {
		ck_assert_int_eq(sscanf(at, "\n.It Ic %63s", word), 1);
		ck_assert_msg(command_find(word), "there is no command %s", word);
	}
	for (at = manual; (at = strstr(at, "Fl -")); at++) {
		bool found = false;
		int i;

		ck_assert_int_eq(sscanf(at, "Fl -%63[a-z-]", word), 1);
		for (i = 0; i < OPTION_COUNT; i++)
			found = found || !strcmp(option_table[i].name, word);
		ck_assert_msg(found, "there is no option --%s", word);
	}
}
END_TEST

START_TEST(the_manual_names_every_key_of_the_json)
{
	struct json_object *object = json_of(1);

	json_object_object_foreach(object, key, value)
	{
		char listed[64];

		(void)value;
		snprintf(listed, sizeof(listed), "%s", key);
		ck_assert_msg(manual_has(".It Va ", listed), "it does not name the key %s", key);
	}
	json_object_put(object);
}
END_TEST

/* ---- revoke ---- */

START_TEST(a_grace_is_read_in_milliseconds)
{
	static const struct {
		const char *text;
		unsigned int ms;
	} graces[] = {
		{ "0", 0 },	    { "0.0", 0 },   { "5", 5000 },     { "0.5", 500 },
		{ "12.34", 12340 }, { "0.001", 1 }, { "00005", 5000 }, { "86400", 86400000 },
	};
	unsigned int ms = 4711;
	size_t i;

	for (i = 0; i < sizeof(graces) / sizeof(*graces); i++) {
		ck_assert_int_eq(revoke_grace(graces[i].text, &ms), 0);
		ck_assert_uint_eq(ms, graces[i].ms);
	}
	ck_assert_int_eq(revoke_grace("86400.001", &ms), -EINVAL);
	ck_assert_uint_eq(ms, 86400000);
}
END_TEST

static const char *printed_revocation(unsigned int killed)
{
	FILE *out = begin_output();

	revoke_print(igb, killed, out);
	return end_output(out);
}

START_TEST(a_revocation_is_reported_with_whom_it_was_taken_from)
{
	char line[200];

	snprintf(line, sizeof(line), "0000:07:00.0 revoked from user root (pid %d, ", (int)getpid());
	ck_assert_ptr_eq(strstr(printed_revocation(0), line), written);
	ck_assert_ptr_nonnull(strstr(written, "); it is clean and free\n"));
	ck_assert_ptr_null(strstr(written, "killed"));
	free(written);
	ck_assert(has_line(printed_revocation(1), "1 process, stuck in a call on it, had to be killed"));
	free(written);
	functions[1].holder_pid = VFIODMA_NONE;
	functions[1].holder_uid = NAMELESS;
	ck_assert_str_eq(printed_revocation(2), "0000:07:00.0 revoked from user 4000000000; it is clean and free\n"
						"2 processes, stuck in a call on it, had to be killed\n");
	free(written);
}
END_TEST

START_TEST(who_has_what_cannot_be_revoked_is_named_with_what_to_do)
{
	char text[700];

	revoke_explain(igb, text, sizeof(text));
	ck_assert_ptr_eq(strstr(text, "0000:07:00.0 cannot be taken back from user root (pid "), text);
	ck_assert_ptr_nonnull(strstr(text, "; end that program, and for the leases to come: modprobe vfiod_handle"));
}
END_TEST

START_TEST(the_json_of_a_revocation_is_the_function_and_whom_it_was_taken_from)
{
	struct vfiodma_info before = *igb;
	struct json_object *object;
	FILE *out = begin_output();
	char pid[16];

	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	functions[1].state = VFIODMA_FREE;
	functions[1].holder_uid = functions[1].holder_pid = VFIODMA_NONE;
	ck_assert_int_eq(json_print_revoked(&inventory, igb, &before, 1, out), 0);
	object = json_tokener_parse(end_output(out));
	check_json(object, "state", "\"free\"");
	check_json(object, "holder_pid", "null");
	check_json(object, "revoked_uid", "0");
	check_json(object, "revoked_user", "\"root\"");
	check_json(object, "revoked_pid", pid);
	check_json(object, "killed_processes", "1");
	json_object_object_foreach(object, key, value)
	{
		char listed[64];

		(void)value;
		snprintf(listed, sizeof(listed), "%s", key);
		ck_assert_msg(manual_has(".It Va ", listed), "the manual does not name the key %s", key);
	}
	json_object_put(object);
	free(written);
}
END_TEST

START_TEST(help_fits_on_80_columns)
{
	const struct command *command;
	FILE *out = begin_output();
	char *lines, *line;

	help_all(out);
	for (command = command_table; command->name; command++)
		help_command(command, out);
	end_output(out);
	lines = written;
	while ((line = strsep(&lines, "\n")))
		ck_assert_msg(terminal_columns(line) < 80, "too long: %s", line);
	free(written);
}
END_TEST

START_TEST(a_slip_of_the_finger_finds_the_command_that_was_meant)
{
	ck_assert_str_eq(command_nearest("lsit")->name, "list");
	ck_assert_str_eq(command_nearest("relase")->name, "release");
	ck_assert_str_eq(command_nearest("assing")->name, "assign");
	ck_assert_str_eq(command_nearest("rel")->name, "release");
	ck_assert_ptr_null(command_nearest("frobnicate"));
	ck_assert_ptr_null(command_nearest(""));
	ck_assert_ptr_null(command_nearest("x"));
}
END_TEST

static const char *completions(int count, char **words)
{
	FILE *out = begin_output();

	ck_assert_int_eq(complete_words(count, words, out), STATUS_OK);
	return end_output(out);
}

START_TEST(completion_offers_what_the_tables_have)
{
	char *none[] = { NULL }, *list[] = { (char[]){ "list" } };
	char *color[] = { (char[]){ "list" }, (char[]){ "--color" } };
	char *mode[] = { (char[]){ "why" }, (char[]){ "--mode" } };
	char *user[] = { (char[]){ "--runtime-dir" }, (char[]){ "list" }, (char[]){ "assign" }, (char[]){ "-u" } };
	const char *text = completions(0, none);

	ck_assert(has_line(text, "list") && has_line(text, "release") && has_line(text, "--runtime-dir"));
	ck_assert(!has_line(text, "--wide"));
	free(written);
	text = completions(1, list);
	ck_assert(has_line(text, "--wide") && has_line(text, "--color") && !has_line(text, "release"));
	free(written);
	ck_assert_str_eq(completions(2, color), "auto\nalways\nnever\n");
	free(written);
	ck_assert_str_eq(completions(2, mode), "container\ngroup\niommufd\n");
	free(written);
	ck_assert(has_line(completions(4, user), "root"));
	free(written);
}
END_TEST

START_TEST(completion_knows_which_option_of_which_command_it_is)
{
	char *bytes[] = { (char[]){ "config" }, (char[]){ "show" }, (char[]){ "--user" } };
	char *equals[] = { (char[]){ "list" }, (char[]){ "--color" }, (char[]){ "=" } };
	char *inline_value[] = { (char[]){ "--color=always" } };
	const char *text = completions(3, bytes);

	/* what a user sees, and not the name of one */
	ck_assert(has_line(text, "--diff") && !has_line(text, "root"));
	free(written);
	ck_assert_str_eq(completions(3, equals), "auto\nalways\nnever\n");
	free(written);
	ck_assert(has_line(completions(1, inline_value), "list"));
	free(written);
}
END_TEST

/* A socket as vfiod's, below @dir. */
static int listen_below(const char *dir)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	char pub[64];
	int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);

	snprintf(pub, sizeof(pub), "%s/pub", dir);
	ck_assert_int_eq(mkdir(pub, 0700), 0);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/vfiod.sock", pub);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	ck_assert_int_eq(listen(fd, 1), 0);
	return fd;
}

START_TEST(completion_asks_the_daemon_that_the_command_line_names)
{
	char dir[TEMPORARY_MAX], path[80];
	char *words[] = { (char[]){ "--runtime-dir" }, dir, (char[]){ "show" } };
	struct pollfd daemon = { .fd = listen_below(mkdtemp(temporary_path(dir, "completion"))), .events = POLLIN };
	pid_t child = fork();

	if (!child) {
		complete_words(3, words, stdout);
		_exit(0);
	}
	ck_assert_int_eq(poll(&daemon, 1, 10000), 1);
	close(accept(daemon.fd, NULL, NULL));
	ck_assert_int_eq(waitpid(child, NULL, 0), child);
	close(daemon.fd);
	snprintf(path, sizeof(path), "%s/pub/vfiod.sock", dir);
	unlink(path);
	*strrchr(path, '/') = '\0';
	rmdir(path);
	rmdir(dir);
}
END_TEST

START_TEST(completion_offers_an_argument_where_it_stands)
{
	char *words[] = { (char[]){ "config" }, (char[]){ "show" }, (char[]){ "01:00.0" } };
	char *help[] = { (char[]){ "help" } };

	ck_assert(has_line(completions(1, words), "show"));
	free(written);
	ck_assert(!has_line(completions(2, words), "show"));
	free(written);
	ck_assert(!has_line(completions(3, words), "show"));
	free(written);
	ck_assert(has_line(completions(1, help), "release"));
	free(written);
}
END_TEST

/* ---- pools, and why ---- */

static struct vfiodma_member some_members[] = {
	{ .address = "0001:07:00.0", .pool = "slow" }, { .address = "0000:07:00.1", .pool = "fast" },
	{ .address = "0000:41:00.0", .pool = "fast" }, { .address = "0000:07:00.0", .pool = "fast" },
	{ .address = "0000:99:00.0", .pool = "fast" }, /* it has gone between two questions */
};

static struct members some_pools(void)
{
	struct members members = { some_members, sizeof(some_members) / sizeof(*some_members) };

	functions[2].holder_uid = functions[2].holder_pid = VFIODMA_NONE;
	functions[2].state = VFIODMA_FREE;
	functions[3].state = VFIODMA_LEASED;
	functions[3].holder_uid = NAMELESS;
	pool_sort(&members);
	return members;
}

START_TEST(pools_are_shown_with_what_is_free_and_who_has_the_rest)
{
	struct members members = some_pools(), none = { NULL, 0 };
	FILE *out = begin_output();

	ck_assert_int_eq(pool_print(&members, &inventory, &endless, out), 0);
	ck_assert_str_eq(end_output(out), "POOL  FUNCTIONS  FREE  USERS\n"
					  "fast  4          1     root 1, 4000000000 1\n"
					  "slow  1          0     -\n");
	free(written);
	out = begin_output();
	ck_assert_int_eq(pool_print(&none, &inventory, &endless, out), 0);
	ck_assert_str_eq(end_output(out), "POOL  FUNCTIONS  FREE  USERS\n");
	free(written);
}
END_TEST

static void assert_keys_are_in_the_manual(struct json_object *object)
{
	json_object_object_foreach(object, key, value)
	{
		char listed[64];

		(void)value;
		snprintf(listed, sizeof(listed), "%s", key);
		ck_assert_msg(manual_has(".It Va ", listed), "the manual does not name the key %s", key);
	}
}

START_TEST(the_json_of_pools_has_their_functions)
{
	struct members members = some_pools();
	struct json_object *array, *fast, *list;
	FILE *out = begin_output();

	ck_assert_int_eq(pool_print_json(&members, &inventory, out), 0);
	array = json_tokener_parse(end_output(out));
	ck_assert_uint_eq(json_object_array_length(array), 2);
	fast = json_object_array_get_idx(array, 0);
	check_json(fast, "pool", "\"fast\"");
	check_json(fast, "free", "1");
	list = json_object_object_get(fast, "functions");
	ck_assert_uint_eq(json_object_array_length(list), 3);
	check_json(json_object_array_get_idx(list, 0), "address", "\"0000:07:00.0\"");
	assert_keys_are_in_the_manual(fast);
	json_object_put(array);
	free(written);
}
END_TEST

static const char *printed_why(const struct vfiodma_why *why, const char *pool)
{
	FILE *out = begin_output();

	why_print(why, pool, out);
	return end_output(out);
}

START_TEST(why_is_answered_with_what_can_change_it)
{
	struct vfiodma_why why = { .address = "0000:01:00.0" };

	ck_assert_str_eq(printed_why(&why, NULL), "yes: you would get 0000:01:00.0 now\n");
	free(written);
	ck_assert_str_eq(printed_why(&why, "fast"), "yes: you would get 0000:01:00.0 of pool fast now\n");
	free(written);
	why.error = -EBUSY;
	why.remedy = VFIODMA_BY_HOLDER | VFIODMA_BY_ADMIN;
	strcpy(why.text, "somebody\033 has it");
	ck_assert_str_eq(printed_why(&why, NULL), "no: somebody? has it\n"
						  "what can change that: who has it, an administrator\n");
	free(written);
	why.error = -EAGAIN;
	why.remedy = VFIODMA_BY_TIME;
	ck_assert_str_eq(printed_why(&why, NULL), "not yet: somebody? has it\nwhat can change that: waiting\n");
	free(written);
}
END_TEST

START_TEST(the_json_of_why_tells_the_same)
{
	struct vfiodma_why why = { .error = -EACCES, .remedy = VFIODMA_BY_YOU | VFIODMA_BY_ADMIN, .text = "not yours" };
	struct json_object *object;
	FILE *out = begin_output();

	ck_assert_int_eq(why_print_json(&why, "fast", out), 0);
	object = json_tokener_parse(end_output(out));
	check_json(object, "granted", "false");
	check_json(object, "waits", "false");
	check_json(object, "pool", "\"fast\"");
	check_json(object, "address", "null");
	check_json(object, "reason", "\"not yours\"");
	check_json(object, "remedies", "[\"you\",\"administrator\"]");
	assert_keys_are_in_the_manual(object);
	json_object_put(object);
	free(written);
}
END_TEST

START_TEST(why_is_asked_with_the_flags_of_the_mode)
{
	ck_assert_uint_eq(why_flags(NULL), 0);
	ck_assert_uint_eq(why_flags("container"), 0);
	ck_assert_uint_eq(why_flags("group"), VFIODMA_LEASE_GROUP);
	ck_assert_uint_eq(why_flags("iommufd"), VFIODMA_LEASE_IOMMUFD);
	/* a mode that is added takes flags, and a line here */
	ck_assert_str_eq(option_table[OPTION_MODE].values, "container group iommufd");
}
END_TEST

START_TEST(a_numa_node_is_read_as_a_number)
{
	static const char *const wrong[] = { "", "-1", "1x", " 1", "1024", "9999", "4294967296" };
	uint32_t node = 4711;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		ck_assert_int_eq(why_numa_node(wrong[i], &node), -EINVAL);
		ck_assert_uint_eq(node, 4711);
	}
	ck_assert_int_eq(why_numa_node("0", &node), 0);
	ck_assert_uint_eq(node, 0);
	ck_assert_int_eq(why_numa_node("0010", &node), 0);
	ck_assert_uint_eq(node, 10);
	ck_assert_int_eq(why_numa_node("1023", &node), 0);
	ck_assert_uint_eq(node, 1023);
}
END_TEST

static void add_table_tests(Suite *suite)
{
	TCase *tables = tcase_create("tables");

	tcase_add_test(tables, columns_are_as_wide_as_their_widest_cell_and_nothing_trails);
	tcase_add_test(tables, a_narrow_terminal_shortens_only_what_may_be_shortened);
	tcase_add_test(tables, nothing_gets_narrower_than_it_may_even_if_lines_then_are_too_long);
	tcase_add_test(tables, cells_are_measured_and_cut_in_characters_not_in_bytes);
	tcase_add_test(tables, a_terminal_without_utf8_gets_plain_ascii);
	tcase_add_test(tables, colour_does_not_move_columns);
	tcase_add_test(tables, control_characters_and_bytes_that_are_not_utf8_never_reach_the_terminal);
	suite_add_tcase(suite, tables);
}

static void add_people_tests(Suite *suite)
{
	TCase *people = tcase_create("people");

	tcase_add_test(people, a_user_or_a_group_may_be_a_name_or_a_number);
	tcase_add_test(people, what_is_neither_a_name_nor_a_number_is_nobody);
	tcase_add_test(people, an_owner_is_shown_by_name_and_without_a_name_by_number);
	suite_add_tcase(suite, people);
}

static void add_function_tests(Suite *suite)
{
	TCase *shown = tcase_create("functions");

	tcase_add_checked_fixture(shown, set_functions, NULL);
	tcase_add_test(shown, a_group_is_shown_with_the_others_in_it);
	tcase_add_test(shown, an_address_is_taken_with_or_without_its_domain);
	tcase_add_test(shown, a_device_is_shown_by_name_and_without_a_name_by_number);
	tcase_add_test(shown, a_brief_name_leaves_out_the_legal_form_of_the_company);
	tcase_add_test(shown, a_list_has_a_line_for_each_function_but_bridges);
	tcase_add_test(shown, a_narrow_list_uses_brief_words_before_it_cuts_words_off);
	tcase_add_test(shown, the_strict_driver_does_not_move_columns);
	tcase_add_test(shown, a_list_names_the_other_functions_of_a_group_while_there_is_room);
	tcase_add_test(shown, all_means_bridges_too);
	tcase_add_test(shown, show_says_who_has_a_function_and_who_else_is_in_its_group);
	tcase_add_test(shown, show_says_why_functions_share_a_group_each_reason_once);
	tcase_add_test(shown, show_and_list_say_whose_companion_a_function_is);
	tcase_add_test(shown, a_list_and_show_tell_which_virtual_functions_a_function_has);
	tcase_add_test(shown, show_says_that_virtual_functions_of_vfiods_go_together);
	tcase_add_test(shown, show_says_which_driver_it_is_and_what_follows);
	tcase_add_test(shown, show_says_whether_a_lease_can_be_revoked_and_what_is_missing);
	tcase_add_test(shown, show_says_whether_a_free_function_is_warm);
	tcase_add_test(shown, show_says_what_can_be_done_next);
	tcase_add_test(shown, show_keeps_control_characters_from_the_terminal);
	suite_add_tcase(suite, shown);
}

static void add_json_tests(Suite *suite)
{
	TCase *json = tcase_create("JSON");

	tcase_add_checked_fixture(json, set_functions, NULL);
	tcase_add_test(json, json_tells_all_of_a_leased_function);
	tcase_add_test(json, json_says_why_functions_share_a_group);
	tcase_add_test(json, json_says_whose_companion_a_function_is);
	tcase_add_test(json, json_tells_virtual_functions);
	tcase_add_test(json, json_has_null_for_what_is_not_there);
	tcase_add_test(json, a_json_list_is_an_array_of_the_same_functions_as_the_table);
	suite_add_tcase(suite, json);
}

static void add_pool_tests(Suite *suite)
{
	TCase *pools = tcase_create("pools");

	tcase_add_checked_fixture(pools, set_functions, NULL);
	tcase_add_checked_fixture(pools, read_manual, free_manual);
	tcase_add_test(pools, pools_are_shown_with_what_is_free_and_who_has_the_rest);
	tcase_add_test(pools, the_json_of_pools_has_their_functions);
	tcase_add_test(pools, why_is_answered_with_what_can_change_it);
	tcase_add_test(pools, the_json_of_why_tells_the_same);
	tcase_add_test(pools, why_is_asked_with_the_flags_of_the_mode);
	tcase_add_test(pools, a_numa_node_is_read_as_a_number);
	suite_add_tcase(suite, pools);
}

static void add_revoke_tests(Suite *suite)
{
	TCase *revoke = tcase_create("revoke");

	tcase_add_checked_fixture(revoke, set_functions, NULL);
	tcase_add_checked_fixture(revoke, read_manual, free_manual);
	tcase_add_test(revoke, a_grace_is_read_in_milliseconds);
	tcase_add_test(revoke, a_revocation_is_reported_with_whom_it_was_taken_from);
	tcase_add_test(revoke, who_has_what_cannot_be_revoked_is_named_with_what_to_do);
	tcase_add_test(revoke, the_json_of_a_revocation_is_the_function_and_whom_it_was_taken_from);
	suite_add_tcase(suite, revoke);
}

static void add_command_tests(Suite *suite)
{
	TCase *help = tcase_create("commands");

	tcase_add_checked_fixture(help, set_functions, NULL);
	tcase_add_checked_fixture(help, read_manual, free_manual);
	tcase_add_test(help, the_manual_names_every_command_and_option_and_exit_status);
	tcase_add_test(help, the_manual_names_no_command_or_option_that_is_not_there);
	tcase_add_test(help, the_manual_names_every_key_of_the_json);
	tcase_add_test(help, help_fits_on_80_columns);
	tcase_add_test(help, a_slip_of_the_finger_finds_the_command_that_was_meant);
	tcase_add_test(help, completion_offers_what_the_tables_have);
	tcase_add_test(help, completion_knows_which_option_of_which_command_it_is);
	tcase_add_test(help, completion_asks_the_daemon_that_the_command_line_names);
	tcase_add_test(help, completion_offers_an_argument_where_it_stands);
	suite_add_tcase(suite, help);
}

int main(void)
{
	Suite *suite = suite_create("vfioctl");
	SRunner *runner;
	int failed;

	setlocale(LC_CTYPE, "C.UTF-8");
	add_table_tests(suite);
	add_people_tests(suite);
	add_function_tests(suite);
	add_json_tests(suite);
	add_revoke_tests(suite);
	add_pool_tests(suite);
	add_command_tests(suite);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
