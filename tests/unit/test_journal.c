/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The journal as bytes: what is written is read, and nothing else is taken for it. */
#include "vfiod/journal.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS 4
#define SIZE  ((SLOTS + 1) * JOURNAL_SIZE)

static const struct journal_record leased = {
	.address = 0x100,
	.state = VFIOD_LEASED,
	.last_lease = 9,
	.identity = { 0x1b36, 0x0010, 0x1af4, 0x1100 },
	.owner = { 1000, VFIOD_NONE },
	.has_origin = true,
	.has_header = true,
	.origin = { "nvme", "" },
	.header = { 0x00101b36, 0x01080202, { 0xfe000004, 0, 0, 0, 0, 0, 1 }, { 0x12345678, 0x9abcdef0 } },
	.lease = { 7, 1000, 4711, true, 123456 },
};
static const struct journal_record quarantined = {
	.address = 0xffffffffffffull,
	.state = VFIOD_QUARANTINED,
	.last_lease = 7,
	.owner = { VFIOD_NONE, 0 },
	.lease = { .deadline_ms = JOURNAL_NO_TIME },
	.reason = "it does not answer",
};
static const struct journal_record empty = {
	.address = 0,
	.state = VFIOD_FREE,
	.owner = { 0, VFIOD_NONE },
	.lease = { .deadline_ms = JOURNAL_NO_TIME },
};

static const struct journal_record parent = {
	.address = 0x500,
	.state = VFIOD_UNMANAGED,
	.owner = { VFIOD_NONE, 1100 },
	.lease = { .deadline_ms = JOURNAL_NO_TIME },
	.vfs = { 7,
		 JOURNAL_VFS_LEAVING,
		 true,
		 { true, { 0x81, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16 } },
		 "nics" },
};

/* The head, two records with a free slot between them, and one behind. */
static unsigned char bytes[SIZE];
static struct journal_record found[SLOTS + 1];
static size_t count, damaged;
static uint64_t last_lease;

static unsigned char *slot(size_t number)
{
	return bytes + (number + 1) * JOURNAL_SIZE;
}

static void write_journal(void)
{
	journal_encode_head(SLOTS, bytes);
	journal_encode(&leased, slot(0));
	journal_encode_none(0, slot(1));
	journal_encode(&quarantined, slot(2));
	journal_encode(&empty, slot(3));
	count = damaged = 99;
}

static int decode(size_t size)
{
	/* on the heap, so that a read behind its end is found */
	unsigned char *copy = malloc(size ? size : 1);
	int err;

	memcpy(copy, bytes, size);
	err = journal_decode(copy, size, found, &count, &damaged, &last_lease);
	free(copy);
	return err;
}

static void expect_same(const struct journal_record *a, const struct journal_record *b)
{
	unsigned char one[JOURNAL_SIZE], other[JOURNAL_SIZE];

	journal_encode(a, one);
	journal_encode(b, other);
	ck_assert_mem_eq(one, other, JOURNAL_SIZE);
}

START_TEST(what_was_written_is_read)
{
	write_journal();
	ck_assert_int_eq(decode(SIZE), 0);
	ck_assert_uint_eq(count, 3);
	ck_assert_uint_eq(damaged, 0);
	expect_same(&found[0], &leased);
	expect_same(&found[1], &quarantined);
	expect_same(&found[2], &empty);
	ck_assert_uint_eq(found[0].address, 0x100);
	ck_assert_int_eq(found[0].state, VFIOD_LEASED);
	ck_assert_uint_eq(found[0].last_lease, 9);
	ck_assert_uint_eq(last_lease, 9);
	ck_assert_uint_eq(found[0].identity.vendor, 0x1b36);
	ck_assert_uint_eq(found[0].identity.device, 0x0010);
	ck_assert_uint_eq(found[0].identity.subsystem_vendor, 0x1af4);
	ck_assert_uint_eq(found[0].identity.subsystem_device, 0x1100);
	ck_assert_uint_eq(found[0].owner.uid, 1000);
	ck_assert_uint_eq(found[0].owner.gid, VFIOD_NONE);
	ck_assert(found[0].has_origin && found[0].has_header);
	ck_assert_str_eq(found[0].origin.driver, "nvme");
	ck_assert_str_eq(found[0].origin.override, "");
	ck_assert_mem_eq(&found[0].header, &leased.header, sizeof(leased.header));
	ck_assert_uint_eq(found[0].lease.id, 7);
	ck_assert_uint_eq(found[0].lease.uid, 1000);
	ck_assert_uint_eq(found[0].lease.pid, 4711);
	ck_assert(found[0].lease.by_handles);
	ck_assert_uint_eq(found[0].lease.deadline_ms, 123456);
	ck_assert_uint_eq(found[1].lease.id, 0);
	ck_assert_uint_eq(found[1].lease.deadline_ms, JOURNAL_NO_TIME);
	ck_assert_str_eq(found[1].reason, "it does not answer");
	ck_assert(!found[1].has_origin && !found[1].has_header);
}
END_TEST

START_TEST(what_was_written_of_virtual_functions_is_read)
{
	write_journal();
	journal_encode(&parent, slot(2));
	ck_assert_int_eq(decode(SIZE), 0);
	ck_assert_uint_eq(damaged, 0);
	expect_same(&found[1], &parent);
	ck_assert_uint_eq(found[1].owner.gid, 1100);
	ck_assert_uint_eq(found[1].vfs.count, 7);
	ck_assert_int_eq(found[1].vfs.phase, JOURNAL_VFS_LEAVING);
	ck_assert(found[1].vfs.autoprobe && found[1].vfs.token.is);
	ck_assert_mem_eq(found[1].vfs.token.bytes, parent.vfs.token.bytes, sizeof(parent.vfs.token.bytes));
	ck_assert_str_eq(found[1].vfs.pool, "nics");
	ck_assert_uint_eq(found[0].vfs.count, 0);
	ck_assert(!found[0].vfs.token.is);
}
END_TEST

START_TEST(the_newest_lease_may_be_where_no_record_is)
{
	write_journal();
	journal_encode_none(4711, slot(1));
	ck_assert_int_eq(decode(SIZE), 0);
	ck_assert_uint_eq(count, 3);
	ck_assert_uint_eq(damaged, 0);
	ck_assert_uint_eq(last_lease, 4711);
	/* which is not to be anything else */
	slot(1)[100] = 1;
	ck_assert_int_eq(decode(SIZE), 0);
	ck_assert_uint_eq(count, 3);
	ck_assert_uint_eq(damaged, 1);
	ck_assert_uint_eq(last_lease, 9);
}
END_TEST

START_TEST(a_journal_of_no_slot_is_one)
{
	journal_encode_head(0, bytes);
	ck_assert_int_eq(decode(JOURNAL_SIZE), 0);
	ck_assert_uint_eq(count, 0);
}
END_TEST

START_TEST(a_text_that_does_not_end_is_cut)
{
	struct journal_record record = quarantined;

	write_journal();
	memset(record.reason, 'x', sizeof(record.reason));
	journal_encode(&record, slot(2));
	ck_assert_int_eq(decode(SIZE), 0);
	ck_assert_uint_eq(count, 3);
	ck_assert_uint_eq(strlen(found[1].reason), sizeof(record.reason) - 1);
}
END_TEST

START_TEST(torn_at_any_byte_it_is_refused)
{
	write_journal();
	for (size_t size = 0; size < SIZE; size++) {
		ck_assert_int_eq(decode(size), -EBADMSG);
		ck_assert_uint_eq(count, 99);
	}
}
END_TEST

START_TEST(with_more_behind_its_end_it_is_refused)
{
	static unsigned char longer[SIZE + JOURNAL_SIZE];

	write_journal();
	memcpy(longer, bytes, SIZE);
	for (size_t size = SIZE + 1; size <= sizeof(longer); size++)
		ck_assert_int_eq(journal_decode(longer, size, found, &count, &damaged, &last_lease), -EBADMSG);
}
END_TEST

static bool is_one_of_ours(const struct journal_record *record)
{
	const struct journal_record *const ours[] = { &leased, &quarantined, &empty };
	unsigned char one[JOURNAL_SIZE], other[JOURNAL_SIZE];

	journal_encode(record, one);
	for (size_t i = 0; i < 3; i++) {
		journal_encode(ours[i], other);
		if (!memcmp(one, other, sizeof(one)))
			return true;
	}
	return false;
}

/* A slot that was free is damaged by it, too. */
START_TEST(with_any_bit_flipped_nothing_is_believed_of_what_has_it)
{
	for (size_t bit = 0; bit < SIZE * 8; bit++) {
		size_t number = bit / 8 / JOURNAL_SIZE;
		int err;

		write_journal();
		bytes[bit / 8] ^= (unsigned char)(1u << bit % 8);
		err = decode(SIZE);
		if (!number) {
			ck_assert_int_eq(err, -EBADMSG);
			continue;
		}
		ck_assert_int_eq(err, 0);
		ck_assert_uint_eq(damaged, 1);
		ck_assert_uint_eq(count, number == 2 ? 3 : 2);
		for (size_t i = 0; i < count; i++)
			ck_assert(is_one_of_ours(&found[i]));
	}
}
END_TEST

/* A write that was cut off leaves the beginning of the new record, and the end of the old one. */
START_TEST(a_record_that_is_half_another_is_not_believed)
{
	struct journal_record next = leased;
	unsigned char fresh[JOURNAL_SIZE];

	next.state = VFIOD_FREE;
	memset(&next.lease, 0, sizeof(next.lease));
	next.lease.deadline_ms = JOURNAL_NO_TIME;
	next.last_lease = 10;
	journal_encode(&next, fresh);
	for (size_t cut = 1; cut < JOURNAL_SIZE; cut++) {
		write_journal();
		if (!memcmp(slot(0), fresh, cut) || !memcmp(slot(0) + cut, fresh + cut, JOURNAL_SIZE - cut))
			continue; /* it is the one or the other */
		memcpy(slot(0), fresh, cut);
		ck_assert_int_eq(decode(SIZE), 0);
		ck_assert_uint_eq(damaged, 1);
		ck_assert_uint_eq(count, 2);
	}
}
END_TEST

START_TEST(two_records_of_one_function_are_refused)
{
	write_journal();
	journal_encode(&leased, slot(1));
	ck_assert_int_eq(decode(SIZE), -EEXIST);
}
END_TEST

/* ---- what has the right sum, and is no journal all the same ---- */

/* The sum, by the definition: bit by bit. */
static void sum(unsigned char *at)
{
	uint32_t crc = ~0u;

	for (size_t i = 0; i < JOURNAL_SIZE - 4; i++) {
		crc ^= at[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc & 1 ? crc >> 1 ^ 0xedb88320u : crc >> 1;
	}
	crc = ~crc;
	for (int i = 0; i < 4; i++)
		at[JOURNAL_SIZE - 4 + i] = (unsigned char)(crc >> 8 * i);
}

START_TEST(the_sum_is_the_one_of_ieee_802_3)
{
	unsigned char before[JOURNAL_SIZE];

	write_journal();
	memcpy(before, slot(0), JOURNAL_SIZE);
	sum(slot(0));
	ck_assert_mem_eq(before, slot(0), JOURNAL_SIZE);
}
END_TEST

START_TEST(the_journal_of_a_newer_vfiod_is_told_as_such)
{
	write_journal();
	bytes[8] = JOURNAL_VERSION + 1;
	bytes[40] = 1; /* something that only that one knows */
	sum(bytes);
	ck_assert_int_eq(decode(SIZE), -EPROTONOSUPPORT);
	ck_assert_int_eq(decode(SIZE - 1), -EPROTONOSUPPORT);
}
END_TEST

START_TEST(each_version_from_the_oldest_on_is_read)
{
	for (unsigned char version = JOURNAL_VERSION_MIN; version <= JOURNAL_VERSION; version++) {
		write_journal();
		bytes[8] = version;
		sum(bytes);
		ck_assert_int_eq(decode(SIZE), 0);
		ck_assert_uint_eq(count, 3);
		ck_assert_uint_eq(damaged, 0);
		expect_same(&found[0], &leased);
	}
}
END_TEST

static const struct {
	size_t offset;
	unsigned char value;
} heads[] = {
	{ 0, 'V' },	   /* the magic */
	{ 8, 0 },	   /* no version has this */
	{ 12, SLOTS - 1 }, /* fewer slots than there are */
	{ 12, SLOTS + 1 }, /* and more */
	{ 15, 0x80 },	   /* very many more */
	{ 16, 1 },	   /* something where nothing is */
	{ 507, 1 },
};

START_TEST(a_head_that_makes_no_sense_is_refused)
{
	write_journal();
	bytes[heads[_i].offset] = heads[_i].value;
	sum(bytes);
	ck_assert_int_eq(decode(SIZE), -EBADMSG);
}
END_TEST

/* Into the record of a lease. */
static const struct {
	size_t offset;
	unsigned char value;
} records[] = {
	{ 6, 1 },		 /* an address beyond all */
	{ 16, 10 },		 /* a lease that is newer than the newest */
	{ 16, 0 },		 /* no lease, and yet leased */
	{ 32, VFIOD_UNMANAGED }, /* a lease of what is the host's */
	{ 32, VFIOD_FREE },	 /* of what is free */
	{ 32, VFIOD_QUARANTINED },
	{ 32, VFIOD_GRANTING }, /* what is not noted */
	{ 32, VFIOD_WARMING },
	{ 32, VFIOD_GONE },
	{ 32, VFIOD_COMPANION }, /* and is not said to be one */
	{ 32, VFIOD_COMPANION + 1 },
	{ 35, 1 },
	{ 36, 0x07 }, /* a deadline, and not that there is one */
	{ 36, 0x0d }, /* a header, and not that there is one */
	{ 36, 0x0e }, /* an origin, and not that there is one */
	{ 36, 0x1f }, /* a companion that is leased */
	{ 36, 0x2f }, /* what is said of virtual functions, and there are none */
	{ 36, 0x4f },
	{ 36, 0x8f }, /* an unknown flag */
	{ 300, 'x' }, /* their pool */
	{ 332, 1 },   /* their token */
	{ 348, 1 },   /* so many, of what is leased */
	{ 350, 1 },   /* their phase */
	{ 39, 0x80 },
	{ 44, 0 },	   /* a group beside the user */
	{ 108 + 31, 'x' }, /* a name with something behind its end */
	{ 140 + 31, 'x' },
	{ 172, 'x' }, /* a reason, and no quarantine */
	{ 352, 1 },   /* something where nothing is */
	{ 507, 1 },
};

START_TEST(a_record_that_makes_no_sense_is_not_believed)
{
	write_journal();
	slot(0)[records[_i].offset] = records[_i].value;
	sum(slot(0));
	ck_assert_int_eq(decode(SIZE), 0);
	ck_assert_uint_eq(damaged, 1);
	ck_assert_uint_eq(count, 2);
}
END_TEST

static const struct journal_record companion = {
	.address = 0x100,
	.state = VFIOD_COMPANION,
	.owner = { 1000, VFIOD_NONE },
	.companion = true,
	.has_origin = true,
	.origin = { "e1000", "" },
	.lease = { .deadline_ms = JOURNAL_NO_TIME },
};

/* Of @record alone. Return: how many are believed. */
static size_t believed(const struct journal_record *record)
{
	journal_encode_head(SLOTS, bytes);
	memset(bytes + JOURNAL_SIZE, 0, SIZE - JOURNAL_SIZE);
	journal_encode(record, slot(0));
	ck_assert_int_eq(decode(SIZE), 0);
	ck_assert_uint_eq(count + damaged, 1);
	return count;
}

START_TEST(a_companion_is_noted_with_where_it_was_wherever_it_is_on_its_way)
{
	static const enum vfiod_state states[] = { VFIOD_COMPANION, VFIOD_ASSIGNING, VFIOD_UNASSIGNING };
	struct journal_record record = companion;

	record.state = states[_i];
	ck_assert_uint_eq(believed(&record), 1);
	ck_assert(found[0].companion && found[0].has_origin);
	ck_assert_int_eq(found[0].state, record.state);
	ck_assert_str_eq(found[0].origin.driver, "e1000");
	record.has_origin = false;
	ck_assert_uint_eq(believed(&record), 0);
}
END_TEST

START_TEST(what_is_assigned_is_no_companion_and_what_is_none_is_not_noted_as_one)
{
	struct journal_record record = companion;

	record.state = VFIOD_FREE;
	ck_assert_uint_eq(believed(&record), 0);
	record.companion = false;
	ck_assert_uint_eq(believed(&record), 1);
	record.state = VFIOD_COMPANION;
	ck_assert_uint_eq(believed(&record), 0);
}
END_TEST

/* Into the record of a physical function. */
static const struct {
	size_t offset;
	unsigned char value;
} parents[] = {
	{ 32, VFIOD_FREE }, /* it is not the host's */
	{ 36, 0x20 },	    /* a token, and not that there is one */
	{ 40, 0 },	    /* a user beside the group */
	{ 45, 0xff },	    /* damaged further below: nobody's */
	{ 300 + 31, 'x' },  /* a pool that does not end */
	{ 348, 0 },	    /* no virtual functions, and yet all that */
	{ 350, 0 },	    /* no phase */
	{ 350, JOURNAL_VFS_LEAVING + 1 },
};

START_TEST(a_record_of_virtual_functions_that_makes_no_sense_is_not_believed)
{
	write_journal();
	journal_encode(&parent, slot(0));
	slot(0)[parents[_i].offset] = parents[_i].value;
	if (parents[_i].offset == 45) /* the group's number as a whole */
		memset(slot(0) + 44, 0xff, 4);
	sum(slot(0));
	ck_assert_int_eq(decode(SIZE), 0);
	ck_assert_uint_eq(damaged, 1);
	ck_assert_uint_eq(count, 2);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("journal");
	TCase *bytes_case = tcase_create("bytes"), *sense = tcase_create("sense");
	SRunner *runner;
	int failed;

	tcase_add_test(bytes_case, the_newest_lease_may_be_where_no_record_is);
	tcase_add_test(bytes_case, what_was_written_is_read);
	tcase_add_test(bytes_case, what_was_written_of_virtual_functions_is_read);
	tcase_add_test(bytes_case, a_journal_of_no_slot_is_one);
	tcase_add_test(bytes_case, a_text_that_does_not_end_is_cut);
	tcase_add_test(bytes_case, torn_at_any_byte_it_is_refused);
	tcase_add_test(bytes_case, with_more_behind_its_end_it_is_refused);
	tcase_add_test(bytes_case, with_any_bit_flipped_nothing_is_believed_of_what_has_it);
	tcase_add_test(bytes_case, a_record_that_is_half_another_is_not_believed);
	tcase_add_test(bytes_case, two_records_of_one_function_are_refused);
	suite_add_tcase(suite, bytes_case);
	tcase_add_test(sense, the_sum_is_the_one_of_ieee_802_3);
	tcase_add_test(sense, the_journal_of_a_newer_vfiod_is_told_as_such);
	tcase_add_test(sense, each_version_from_the_oldest_on_is_read);
	tcase_add_loop_test(sense, a_head_that_makes_no_sense_is_refused, 0, sizeof(heads) / sizeof(heads[0]));
	tcase_add_loop_test(sense, a_record_that_makes_no_sense_is_not_believed, 0,
			    sizeof(records) / sizeof(records[0]));
	tcase_add_loop_test(sense, a_companion_is_noted_with_where_it_was_wherever_it_is_on_its_way, 0, 3);
	tcase_add_test(sense, what_is_assigned_is_no_companion_and_what_is_none_is_not_noted_as_one);
	tcase_add_loop_test(sense, a_record_of_virtual_functions_that_makes_no_sense_is_not_believed, 0,
			    sizeof(parents) / sizeof(parents[0]));
	suite_add_tcase(suite, sense);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
