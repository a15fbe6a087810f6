/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Config spaces of real functions, and of functions written by hand from their manuals: tests/dumps. */
#include "libpcicfg/names.h"
#include "libpcicfg/pcicfg_people.h"
#include "libpcicfg/tables.h"
#include "tests/unit/pcicfg_owner.h"

#include <check.h>
#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct hw hw, expected;
static struct owner owner;
static struct pcicfg cfg;
static struct pcicfg_dump dump;
static glob_t dumps;

static size_t load(const char *path, char *text, size_t size)
{
	FILE *file = fopen(path, "re");
	size_t length;

	ck_assert_msg(file != NULL, "%s: %s", path, strerror(errno));
	length = fread(text, 1, size, file);
	fclose(file);
	return length;
}

static void write_and_read(uint16_t offset, unsigned int width, uint32_t value)
{
	struct pcicfg_events events;
	uint32_t seen = 0;
	int error;

	hw_user_writes(&hw, offset, width, value);
	error = pcicfg_write(&cfg, offset, width, value, &events);
	if (error || hw.reads > 1 || hw.writes > 1 || hw.cleared_unasked)
		ck_abort_msg("write of %u at %#x: error %d, %u reads, %u writes", width, offset, error, hw.reads,
			     hw.writes);
	owner_writes(&owner, &expected, offset, width, value);
	if (memcmp(hw.memory, expected.memory, hw.size))
		ck_abort_msg("write of %#x (%u) at %#x changed what is the host's", value, width, offset);
	if (pcicfg_read(&cfg, offset, width, &seen) || seen != owner_reads(&owner, &hw, offset, width))
		ck_abort_msg("read of %u at %#x is %#x", width, offset, seen);
}

/* What people are told of a dword: each bit in one condition, and what is hidden or read-only looks so. */
static void assert_conditions(uint16_t offset)
{
	uint32_t masks[PCICFG_CONDITIONS], all = 0, user = 0, bits = 0;

	pcicfg_conditions(&cfg, offset, masks);
	ck_assert_int_eq(pcicfg_read(&cfg, offset, 4, &user), 0);
	for (int i = 0; i < PCICFG_CONDITIONS; i++) {
		all |= masks[i];
		bits += (uint32_t)__builtin_popcount(masks[i]);
	}
	ck_assert_uint_eq(all, 0xffffffff);
	ck_assert_uint_eq(bits, 32);
	ck_assert_uint_eq(user & masks[PCICFG_HIDDEN], 0);
	ck_assert_uint_eq(user & masks[PCICFG_READ_ONLY], hw_get(&hw, offset, 4) & masks[PCICFG_READ_ONLY]);
	ck_assert_uint_eq(user & masks[PCICFG_PASSED], hw_get(&hw, offset, 4) & masks[PCICFG_PASSED]);
}

START_TEST(a_recorded_function_is_shown_and_guarded_as_its_owner_says)
{
	static char text[1 << 16];
	struct pcicfg_found found[PCICFG_FOUND_MAX];
	struct pcicfg_facts facts;
	const char *path = dumps.gl_pathv[_i];
	int error, count, shown = -1; /* the header is no capability */

	ck_assert_int_eq(pcicfg_dump_parse(&dump, text, load(path, text, sizeof(text))), 0);
	pcicfg_dump_facts(&dump, &facts);
	hw_init(&hw, dump.size);
	memcpy(hw.memory, dump.memory, dump.size);
	error = pcicfg_open(&cfg, &facts, &hw_access, &hw);
	if ((dump.memory[0x0e] & 0x7f) != 0) {
		ck_assert_int_eq(error, -EOPNOTSUPP);
		return;
	}
	ck_assert_int_eq(error, 0);
	owner_find_out(&owner, &hw, &facts);
	owner_settle(&owner, &hw);
	expected = hw;
	count = pcicfg_find(&cfg, found);
	for (int i = 0; i < count; i++)
		shown += found[i].is_shown;
	ck_assert_int_eq(shown, (int)owner.chained);
	for (uint32_t offset = 0; offset < dump.size; offset += 4)
		assert_conditions((uint16_t)offset);
	for (unsigned int width = 1; width <= 4; width *= 2)
		for (uint32_t offset = 0; offset < dump.size; offset += width) {
			write_and_read((uint16_t)offset, width, ~0u);
			write_and_read((uint16_t)offset, width, 0);
			write_and_read((uint16_t)offset, width, 0x5a5a5a5a);
		}
}
END_TEST

static void assert_names(const struct pcicfg_register *registers, size_t count, unsigned int length)
{
	for (size_t i = 0; i < count; i++) {
		const struct pcicfg_register *reg = &registers[i];
		unsigned int fields = 0;

		ck_assert_msg(reg->name && *reg->name, "a register at %#x has no name", reg->offset);
		ck_assert_msg(reg->width == 1 || reg->width == 2 || reg->width == 4, "%s has no width", reg->name);
		ck_assert_msg(reg->offset % reg->width == 0, "%s is not aligned", reg->name);
		ck_assert_msg(!i || reg->offset >= reg[-1].offset + reg[-1].width, "%s is not behind %s", reg->name,
			      reg[-1].name);
		ck_assert_msg(reg->offset + reg->width <= length, "%s is not in its capability", reg->name);
		for (const struct pcicfg_field *field = reg->field; field->mask; field++) {
			ck_assert_msg(!(fields & field->mask), "%s of %s is on another field", field->name, reg->name);
			fields |= field->mask;
		}
		ck_assert_msg(reg->width == 4 || !(fields >> 8 * reg->width), "a field is beyond %s", reg->name);
	}
}

/* As long as it is at least, where its length varies. */
static unsigned int least_length(const struct pcicfg_capability *capability)
{
	switch (capability->shape) {
	case SHAPE_VC:
		return PCI_CAP_VC_BASE_SIZEOF + PCI_CAP_VC_PER_VC_SIZEOF;
	case SHAPE_DPA:
		return PCI_DPA_BASE_SIZEOF;
	case SHAPE_SATA:
		return PCI_SATA_SIZEOF_SHORT;
	case SHAPE_DVSEC:
		return PCICFG_SIZEOF_DVSEC_MIN;
	default:
		return capability->length;
	}
}

START_TEST(registers_have_names_in_their_order_and_within_their_capability)
{
	const struct pcicfg_register *registers;
	size_t count;

	for (unsigned int table = TABLE_HEADER; table < TABLE_COUNT; table++) {
		registers = pcicfg_names(table, &count);
		assert_names(registers, count, 4u * pcicfg_tables[table].count);
	}
	for (unsigned int id = 0; id < PCICFG_STD_CAPS; id++) {
		registers = pcicfg_names_without_table(false, id, &count);
		assert_names(registers, count, least_length(&pcicfg_std_caps[id]));
	}
	for (unsigned int id = 0; id < PCICFG_EXT_CAPS; id++) {
		registers = pcicfg_names_without_table(true, id, &count);
		assert_names(registers, count, least_length(&pcicfg_ext_caps[id]));
	}
}
END_TEST

START_TEST(a_recording_may_be_text_or_bytes)
{
	static char text[1 << 16];
	struct pcicfg_dump bytes;

	ck_assert_int_eq(pcicfg_dump_parse(&dump, text, load(dumps.gl_pathv[0], text, sizeof(text))), 0);
	ck_assert_int_eq(pcicfg_dump_parse(&bytes, dump.memory, dump.size), 0);
	ck_assert_int_eq(memcmp(&bytes, &dump, sizeof(dump)), 0);
	/* what a user without privilege gets is the header */
	ck_assert_int_eq(pcicfg_dump_parse(&bytes, dump.memory, 64), 0);
	ck_assert_uint_eq(bytes.size, 256);
	ck_assert_uint_eq(bytes.recorded, 64);
	ck_assert_uint_eq(bytes.memory[64], 0);
}
END_TEST

START_TEST(what_is_no_recording_is_refused)
{
	static const char header[] = "00: 00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f\n"
				     "10: 00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f\n"
				     "20: 00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f\n";
	static char huge[8192];
	char text[512];

	ck_assert_int_eq(pcicfg_dump_parse(&dump, "", 0), -EINVAL);
	ck_assert_int_eq(pcicfg_dump_parse(&dump, "nothing", 7), -EINVAL);
	ck_assert_int_eq(pcicfg_dump_parse(&dump, huge, sizeof(huge)), -EINVAL);
	ck_assert_int_eq(pcicfg_dump_parse(&dump, huge, 100), -EINVAL); /* no size that sysfs has */
	ck_assert_int_eq(pcicfg_dump_parse(&dump, header, strlen(header)), -ENODATA);
	snprintf(text, sizeof(text), "00:02.0 Something\n%s30: 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00\n",
		 header);
	ck_assert_int_eq(pcicfg_dump_parse(&dump, text, strlen(text)), 0);
	ck_assert_uint_eq(dump.memory[0x2f], 0x0f);
	snprintf(text, sizeof(text), "%s40: 00 00 00 00\n", header); /* a line is missing */
	ck_assert_int_eq(pcicfg_dump_parse(&dump, text, strlen(text)), -EILSEQ);
	snprintf(text, sizeof(text), "fff: 00 11\n");
	ck_assert_int_eq(pcicfg_dump_parse(&dump, text, strlen(text)), -EILSEQ);
	snprintf(text, sizeof(text), "00: 00 0g\n10: 00\n"); /* a digit that is none */
	ck_assert_int_eq(pcicfg_dump_parse(&dump, text, strlen(text)), -EILSEQ);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("pcicfg dumps");
	TCase *all = tcase_create("dumps");
	const char *folder = getenv("PCICFG_DUMPS");
	char pattern[4096];
	SRunner *runner;
	int failed;

	snprintf(pattern, sizeof(pattern), "%s/*.txt", folder ? folder : "tests/dumps");
	if (glob(pattern, 0, NULL, &dumps) || dumps.gl_pathc < 10) {
		fprintf(stderr, "the recordings are not in %s\n", pattern);
		return EXIT_FAILURE;
	}
	tcase_set_timeout(all, 300);
	tcase_add_loop_test(all, a_recorded_function_is_shown_and_guarded_as_its_owner_says, 0, (int)dumps.gl_pathc);
	tcase_add_test(all, registers_have_names_in_their_order_and_within_their_capability);
	tcase_add_test(all, a_recording_may_be_text_or_bytes);
	tcase_add_test(all, what_is_no_recording_is_refused);
	suite_add_tcase(suite, all);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	printf("figure: %zu recordings\n", dumps.gl_pathc);
	globfree(&dumps);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
