/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The journal as a file, and the folder of what is kept: what is written is what the next vfiod reads.
 *
 * The functions are made up: they are at addresses that no machine has.
 */
#include "proto/address.h"
#include "tests/temporary.h"
#include "vfiod/daemon.h"
#include "vfiod/device.h"
#include "vfiod/kept.h"
#include "vfiod/log.h"
#include "vfiod/restore.h"
#include "vfiod/saved.h"
#include "vfiod/step.h"
#include "vfiod/worker.h"

#include <check.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define FIRST 0xfffffffe0000ull
#define MANY  40

static char root[TEMPORARY_MAX];
static char dir[TEMPORARY_MAX + 8], path[96], state_dir[96];
static struct daemon vfiod;

static struct device *put(uint64_t address)
{
	const struct facts facts = { .address = address, .vendor = 0x1b36, .device = 0x10, .group = 7 };
	struct device *device;

	ck_assert_int_eq(devices_put(&vfiod.devices, &facts), 0);
	device = devices_find(&vfiod.devices, address);
	device->owner.uid = 1000;
	return device;
}

static void set_up(void)
{
	const struct saved_contents nothing = { 0 };

	snprintf(dir, sizeof(dir), "%s/XXXXXX", root);
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/journal", dir);
	snprintf(state_dir, sizeof(state_dir), "%s/state", dir);
	memset(&vfiod, 0, sizeof(vfiod));
	vfiod.base = event_base_new();
	ck_assert_int_eq(workers_new(vfiod.base, &(struct workers_how){ .threads = 8 }, &vfiod.workers), 0);
	ck_assert_int_eq(saved_begin(&vfiod, path, &nothing), 0);
}

static void tear_down(void)
{
	saved_free(vfiod.saved);
	devices_free(&vfiod.devices);
	workers_free(vfiod.workers);
	event_base_free(vfiod.base);
}

/* ---- the journal ---- */

static struct journal_record records[MANY + 8];
static size_t count, damaged;
static uint64_t last_lease;

/* As the next vfiod would. */
static void read_journal(void)
{
	static unsigned char bytes[(MANY + 100) * JOURNAL_SIZE];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t size = read(fd, bytes, sizeof(bytes));

	close(fd);
	ck_assert_int_gt(size, 0);
	ck_assert_int_eq(journal_decode(bytes, (size_t)size, records, &count, &damaged, &last_lease), 0);
	ck_assert_uint_eq(damaged, 0);
}

static const struct journal_record *find(uint64_t address)
{
	read_journal();
	for (size_t i = 0; i < count; i++)
		if (records[i].address == address)
			return &records[i];
	return NULL;
}

static enum vfiod_state state_of(uint64_t address)
{
	const struct journal_record *record = find(address);

	return record ? record->state : VFIOD_GONE;
}

START_TEST(a_journal_is_there_from_the_beginning_and_for_root_alone)
{
	struct stat st;

	read_journal();
	ck_assert_uint_eq(count, 0);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0600);
}
END_TEST

/* What a job's thread finds in the journal, which the loop has written before. */
struct look {
	struct job job;
	enum vfiod_state found;
	bool done;
};

static void look_run(struct job *job)
{
	((struct look *)job)->found = state_of(FIRST);
}

static void look_done(struct job *job)
{
	((struct look *)job)->done = true;
}

static const struct {
	enum vfiod_state from;
	enum state_event event;
	enum vfiod_state noted;
} begins[] = {
	{ VFIOD_UNMANAGED, EVENT_ASSIGN, VFIOD_ASSIGNING },	  { VFIOD_FREE, EVENT_ACQUIRE, VFIOD_LEASED },
	{ VFIOD_LEASED, EVENT_CLOSED, VFIOD_REVOKING },		  { VFIOD_FREE, EVENT_UNASSIGN, VFIOD_UNASSIGNING },
	{ VFIOD_QUARANTINED, EVENT_UNASSIGN, VFIOD_UNASSIGNING }, { VFIOD_QUARANTINED, EVENT_CLEAR, VFIOD_REVOKING },
};

START_TEST(what_a_worker_is_about_to_do_is_noted_before_it_begins)
{
	struct look look = { .job = { .run = look_run, .done = look_done } };
	struct device *device = put(FIRST);

	device->state = begins[_i].from;
	if (device->state == VFIOD_LEASED || begins[_i].event == EVENT_ACQUIRE)
		device_lease(device, 5, 1000);
	vfiod.last_lease = 5;
	ck_assert_int_eq(step_start(&vfiod, device, begins[_i].event, &look.job), 0);
	while (!look.done)
		event_base_loop(vfiod.base, EVLOOP_ONCE);
	ck_assert_int_eq(look.found, begins[_i].noted);
}
END_TEST

/* No file may become longer than that, also not that in which libcheck notes how far a test is. */
static void limit_files(rlim_t bytes)
{
	struct rlimit limit;

	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &limit);
	limit.rlim_cur = bytes;
	setrlimit(RLIMIT_FSIZE, &limit);
}

static void no_run(struct job *job)
{
	(void)job;
	abort();
}

START_TEST(what_cannot_be_noted_is_not_begun)
{
	struct job job = { .run = no_run };
	struct device *device = put(FIRST);
	int err;

	device->state = begins[_i].from;
	limit_files(0);
	err = step_start(&vfiod, device, begins[_i].event, &job);
	limit_files(RLIM_INFINITY);
	ck_assert_int_eq(err, -EFBIG);
	ck_assert_int_eq(device->state, begins[_i].from);
}
END_TEST

START_TEST(an_end_is_begun_whether_it_can_be_noted_or_not)
{
	struct look look = { .job = { .run = look_run, .done = look_done } };
	struct device *device = put(FIRST);
	int err;

	device->state = VFIOD_LEASED;
	vfiod.last_lease = 5;
	device_lease(device, vfiod.last_lease, 1000);
	limit_files(0);
	err = step_start(&vfiod, device, EVENT_CLOSED, &look.job);
	limit_files(RLIM_INFINITY);
	ck_assert_int_eq(err, 0);
	ck_assert_int_eq(device->state, VFIOD_REVOKING);
	while (!look.done)
		event_base_loop(vfiod.base, EVLOOP_ONCE);
}
END_TEST

START_TEST(a_life_is_noted_step_by_step)
{
	struct device *device = put(FIRST);

	device->origin = (struct bind_origin){ "nvme", "" };
	device->has_origin = true;
	step_take(&vfiod, device, EVENT_ASSIGN);
	ck_assert_int_eq(state_of(FIRST), VFIOD_ASSIGNING);
	ck_assert_str_eq(find(FIRST)->origin.driver, "nvme");
	step_take(&vfiod, device, EVENT_DONE);
	ck_assert_int_eq(state_of(FIRST), VFIOD_FREE);
	vfiod.last_lease = 9;
	device_lease(device, vfiod.last_lease, 1000);
	step_take(&vfiod, device, EVENT_ACQUIRE);
	ck_assert_uint_eq(find(FIRST)->lease.id, 9);
	step_take(&vfiod, device, EVENT_DONE);
	ck_assert_int_eq(state_of(FIRST), VFIOD_LEASED);
	step_take(&vfiod, device, EVENT_CLOSED);
	ck_assert_int_eq(state_of(FIRST), VFIOD_REVOKING);
	ck_assert_uint_eq(find(FIRST)->lease.id, 9);
	strcpy(device->reason, "it does not answer");
	step_take(&vfiod, device, EVENT_FAILED);
	ck_assert_int_eq(state_of(FIRST), VFIOD_QUARANTINED);
	ck_assert_str_eq(find(FIRST)->reason, "it does not answer");
	ck_assert_uint_eq(find(FIRST)->last_lease, 9);
	step_take(&vfiod, device, EVENT_UNASSIGN);
	ck_assert_int_eq(state_of(FIRST), VFIOD_UNASSIGNING);
	step_take(&vfiod, device, EVENT_DONE);
	ck_assert_ptr_null(find(FIRST));
	/* whoever had that lease may still have its number */
	ck_assert_uint_eq(last_lease, 9);
}
END_TEST

START_TEST(a_function_that_is_unplugged_leaves_no_record)
{
	struct device *device = put(FIRST);

	device->state = VFIOD_FREE;
	ck_assert_int_eq(saved_note(&vfiod, device), 0);
	ck_assert_int_eq(state_of(FIRST), VFIOD_FREE);
	step_take(&vfiod, device, EVENT_UNPLUG);
	ck_assert_ptr_null(find(FIRST));
}
END_TEST

/* Whoever it was assigned to. */
START_TEST(what_is_left_to_the_host_is_noted_as_such)
{
	struct device *device = put(FIRST);

	device->left_to_host = true;
	ck_assert_int_eq(saved_note(&vfiod, device), 0);
	ck_assert_int_eq(state_of(FIRST), VFIOD_UNMANAGED);
}
END_TEST

/* No more is leased than there are; but until that has been found out there is a time in which it has no number. */
START_TEST(what_is_to_be_looked_at_first_is_not_noted_as_leased)
{
	struct device *device = put(FIRST);

	device->state = VFIOD_LEASED;
	ck_assert_int_eq(saved_note(&vfiod, device), 0);
	ck_assert_int_eq(state_of(FIRST), VFIOD_FREE);
}
END_TEST

START_TEST(the_journal_grows_and_places_are_used_again)
{
	struct stat st, later;

	for (uint64_t i = 0; i < MANY; i++) {
		struct device *device = put(FIRST + i);

		device->state = VFIOD_FREE;
		ck_assert_int_eq(saved_note(&vfiod, device), 0);
		read_journal();
		ck_assert_uint_eq(count, i + 1);
	}
	ck_assert_int_eq(stat(path, &st), 0);
	for (int round = 0; round < 3; round++)
		for (uint64_t i = 0; i < MANY; i++) {
			struct device *device = devices_find(&vfiod.devices, FIRST + i);

			step_take(&vfiod, device, EVENT_UNASSIGN);
			step_take(&vfiod, device, EVENT_DONE);
			ck_assert_ptr_null(find(FIRST + i));
			step_take(&vfiod, device, EVENT_ASSIGN);
			step_take(&vfiod, device, EVENT_DONE);
			ck_assert_int_eq(state_of(FIRST + i), VFIOD_FREE);
		}
	ck_assert_int_eq(stat(path, &later), 0);
	ck_assert_int_eq(st.st_size, later.st_size);
	ck_assert_uint_eq(st.st_ino, later.st_ino);
}
END_TEST

/* What is to be taken again has the record of the vfiod before until it is its turn, or the file is written anew. */
START_TEST(who_has_lost_its_place_takes_no_others)
{
	struct device *first = put(FIRST);

	first->state = VFIOD_FREE;
	ck_assert_int_eq(saved_note(&vfiod, first), 0);
	first->state = VFIOD_UNMANAGED;
	for (uint64_t i = 1; i < MANY; i++) {
		struct device *device = put(FIRST + i);

		device->state = VFIOD_FREE;
		ck_assert_int_eq(saved_note(&vfiod, device), 0);
	}
	read_journal();
	ck_assert_uint_eq(count, MANY - 1);
	ck_assert_ptr_null(find(FIRST));
	first->state = VFIOD_FREE;
	ck_assert_int_eq(saved_note(&vfiod, first), 0);
	for (uint64_t i = 0; i < MANY; i++)
		ck_assert_int_eq(state_of(FIRST + i), VFIOD_FREE);
	first->state = VFIOD_UNMANAGED;
	ck_assert_int_eq(saved_note(&vfiod, first), 0);
	read_journal();
	ck_assert_uint_eq(count, MANY - 1);
}
END_TEST

START_TEST(a_journal_that_could_not_be_made_is_made_when_it_can)
{
	const struct saved_contents nothing = { 0 };
	char elsewhere[96];
	struct device *device = put(FIRST), *second = put(FIRST + 1);

	saved_free(vfiod.saved);
	vfiod.saved = NULL;
	snprintf(elsewhere, sizeof(elsewhere), "%s/later", dir);
	snprintf(path, sizeof(path), "%s/later/journal", dir);
	ck_assert_int_eq(saved_begin(&vfiod, path, &nothing), -ENOENT);
	device->state = second->state = VFIOD_FREE;
	ck_assert_int_eq(saved_note(&vfiod, device), -ENOENT);
	ck_assert_int_eq(mkdir(elsewhere, 0700), 0);
	ck_assert_int_eq(saved_note(&vfiod, device), 0);
	read_journal();
	ck_assert_uint_eq(count, 2); /* also what could not be noted then */
}
END_TEST

START_TEST(a_record_that_cannot_be_cleared_is_not_there_twice_later)
{
	struct device *device = put(FIRST), *second = put(FIRST + 1);

	device->state = second->state = VFIOD_FREE;
	ck_assert_int_eq(saved_note(&vfiod, device), 0);
	ck_assert(saved_is_noted(&vfiod, device));
	device->state = VFIOD_UNMANAGED;
	limit_files(0);
	ck_assert_int_eq(saved_note(&vfiod, device), -EFBIG);
	limit_files(RLIM_INFINITY);
	ck_assert(!saved_is_noted(&vfiod, device));
	device->state = VFIOD_FREE;
	ck_assert_int_eq(saved_note(&vfiod, second), 0);
	ck_assert_int_eq(saved_note(&vfiod, device), 0);
	read_journal();
	ck_assert_uint_eq(count, 2);
	ck_assert(saved_is_noted(&vfiod, device) && saved_is_noted(&vfiod, second));
}
END_TEST

static void change_byte(const char *name, off_t offset)
{
	int fd = open(name, O_RDWR | O_CLOEXEC);
	unsigned char byte;

	ck_assert_int_eq(pread(fd, &byte, 1, offset), 1);
	byte ^= 1;
	ck_assert_int_eq(pwrite(fd, &byte, 1, offset), 1);
	close(fd);
}

/* ---- the next vfiod ---- */

static void write_records(const struct journal_record *list, size_t number)
{
	static unsigned char bytes[8 * JOURNAL_SIZE];
	FILE *file = fopen(path, "we");

	journal_encode_head((uint32_t)number, bytes);
	for (size_t i = 0; i < number; i++)
		journal_encode(&list[i], bytes + (i + 1) * JOURNAL_SIZE);
	ck_assert_uint_eq(fwrite(bytes, JOURNAL_SIZE, number + 1, file), number + 1);
	fclose(file);
}

/* Of a function of put(), which has no driver at all. */
static struct journal_record record_of(uint64_t address, enum vfiod_state state)
{
	return (struct journal_record){
		.address = address,
		.state = state,
		.last_lease = 12,
		.identity = { .vendor = 0x1b36, .device = 0x10 },
		.owner = { state == VFIOD_UNMANAGED ? VFIOD_NONE : 1000, VFIOD_NONE },
		.lease.deadline_ms = JOURNAL_NO_TIME,
	};
}

static void start_anew(void)
{
	struct failure failure;

	saved_free(vfiod.saved);
	vfiod.saved = NULL;
	ck_assert_int_eq(kept_new(state_dir, &vfiod.kept), 0);
	ck_assert_int_eq(restore(&vfiod, dir, &failure), 0);
}

static void keep(uint64_t address)
{
	const struct journal_record record = record_of(address, VFIOD_FREE);
	struct failure failure;

	ck_assert_int_eq(kept_write(state_dir, &record, &failure), 0);
}

START_TEST(what_another_driver_has_is_the_hosts_and_stays_so_where_it_is_assigned)
{
	struct journal_record list[] = { record_of(FIRST, VFIOD_FREE), record_of(FIRST + 1, VFIOD_LEASED) };
	const struct device *first = put(FIRST), *second = put(FIRST + 1);

	list[1].lease = (struct journal_lease){ 11, 1000, 1, true, JOURNAL_NO_TIME };
	write_records(list, 2);
	keep(FIRST + 1);
	for (int i = 0; i < 2; i++) {
		start_anew();
		ck_assert_int_eq(first->state, VFIOD_UNMANAGED);
		ck_assert_int_eq(second->state, VFIOD_UNMANAGED);
		ck_assert_uint_eq(second->lease.id, 0);
		ck_assert_ptr_null(find(FIRST));
		ck_assert_int_eq(state_of(FIRST + 1), VFIOD_UNMANAGED);
		ck_assert(!second->returns);
		ck_assert_ptr_nonnull(strstr(second->reason, "not assigned again"));
		kept_free(vfiod.kept);
	}
	ck_assert_uint_eq(vfiod.last_lease, 12);
}
END_TEST

/* A vfiod that does not know what is in it could only lose it. */
START_TEST(the_journal_of_a_newer_vfiod_is_left_alone_and_the_next_step_is_said)
{
	/* the head of version 255, with no slot, and its sum */
	static const unsigned char newer[JOURNAL_SIZE] = {
		'v', 'f', 'i', 'o', 'd', 'j', 'n', 'l', 255, [JOURNAL_SIZE - 4] = 0xad, 0x68, 0x89, 0xa4,
	};
	unsigned char bytes[JOURNAL_SIZE + 1];
	struct failure failure;
	FILE *file = fopen(path, "we");

	ck_assert_uint_eq(fwrite(newer, 1, sizeof(newer), file), sizeof(newer));
	fclose(file);
	put(FIRST);
	keep(FIRST);
	saved_free(vfiod.saved);
	vfiod.saved = NULL;
	ck_assert_int_eq(kept_new(state_dir, &vfiod.kept), 0);
	ck_assert_int_eq(restore(&vfiod, dir, &failure), -EPROTONOSUPPORT);
	ck_assert_ptr_nonnull(strstr(failure.text, path));
	ck_assert_ptr_nonnull(strstr(failure.text, "install the newer vfiod again, or"));
	ck_assert_ptr_null(vfiod.saved);
	file = fopen(path, "re");
	ck_assert_uint_eq(fread(bytes, 1, sizeof(bytes), file), sizeof(newer));
	ck_assert_mem_eq(bytes, newer, sizeof(newer));
	fclose(file);
	ck_assert_ptr_nonnull(kept_find(vfiod.kept, FIRST));
	kept_free(vfiod.kept);
}
END_TEST

START_TEST(a_companion_is_one_for_the_next_vfiod_too_wherever_it_was_on_its_way)
{
	static const enum vfiod_state states[] = { VFIOD_COMPANION, VFIOD_ASSIGNING, VFIOD_UNASSIGNING };
	struct journal_record record = record_of(FIRST, states[_i]);
	const struct device *companion = put(FIRST);

	record.companion = record.has_origin = true;
	strcpy(record.origin.driver, "e1000");
	write_records(&record, 1);
	start_anew();
	ck_assert_int_eq(companion->state, VFIOD_COMPANION);
	ck_assert(companion->companion && companion->has_origin);
	ck_assert_str_eq(companion->origin.driver, "e1000");
	ck_assert(vfiod.orphans);
	ck_assert(find(FIRST)->companion);
	kept_free(vfiod.kept);
}
END_TEST

START_TEST(what_is_kept_and_new_is_to_be_taken)
{
	struct device *device = put(FIRST);

	keep(FIRST);
	keep(FIRST + 1);
	start_anew();
	ck_assert(device->returns);
	ck_assert_uint_eq(vfiod.returning, 1);
	ck_assert_uint_eq(device->owner.uid, 1000);
	ck_assert_int_eq(device->state, VFIOD_UNMANAGED);
	kept_free(vfiod.kept);
}
END_TEST

START_TEST(another_device_in_the_place_of_one_that_is_kept_is_left_and_says_so)
{
	struct device *device = put(FIRST);

	device->facts.device = 0x11;
	keep(FIRST);
	start_anew();
	ck_assert(!device->returns);
	ck_assert_int_eq(device->state, VFIOD_UNMANAGED);
	ck_assert_ptr_nonnull(strstr(device->reason, "another device"));
	kept_free(vfiod.kept);
}
END_TEST

START_TEST(of_a_journal_with_a_damaged_record_the_others_are_believed)
{
	const struct journal_record list[] = { record_of(FIRST, VFIOD_UNMANAGED),
					       record_of(FIRST + 1, VFIOD_UNMANAGED) };
	struct device *first = put(FIRST), *second = put(FIRST + 1);

	write_records(list, 2);
	change_byte(path, JOURNAL_SIZE + 40);
	keep(FIRST);
	keep(FIRST + 1);
	start_anew();
	ck_assert(first->returns && !first->left_to_host);
	ck_assert(!second->returns && second->left_to_host);
	ck_assert_int_eq(state_of(FIRST + 1), VFIOD_UNMANAGED);
	kept_free(vfiod.kept);
}
END_TEST

/* ---- what is kept ---- */

static struct journal_record assignment(uint64_t address, uint32_t uid)
{
	return (struct journal_record){
		.address = address,
		.state = VFIOD_FREE,
		.identity = { 0x1b36, 0x10, 0x1af4, 0x1100 },
		.owner = { uid, VFIOD_NONE },
		.has_header = true,
		.header = { .id = 0x00101b36, .serial = { 1, 2 } },
		.lease.deadline_ms = JOURNAL_NO_TIME,
	};
}

static void write_kept(uint64_t address, uint32_t uid)
{
	const struct journal_record record = assignment(address, uid);
	struct failure failure;

	ck_assert_msg(!kept_write(state_dir, &record, &failure), "%s", failure.text);
}

static const char *file_of(uint64_t address)
{
	static char name[128];
	char text[PROTO_ADDRESS_LEN];

	snprintf(name, sizeof(name), "%s/assigned/%s", state_dir, proto_address_format(address, text));
	return name;
}

static struct kept *read_kept(void)
{
	struct kept *kept;

	ck_assert_int_eq(kept_new(state_dir, &kept), 0);
	return kept;
}

START_TEST(what_is_kept_is_found_by_the_next_vfiod)
{
	struct kept *kept;
	size_t number;

	write_kept(0x100, 1000);
	write_kept(0x200, 1001);
	write_kept(0x100, 1002); /* another owner */
	kept = read_kept();
	kept_list(kept, &number);
	ck_assert_uint_eq(number, 2);
	ck_assert_uint_eq(kept_find(kept, 0x100)->owner.uid, 1002);
	ck_assert_uint_eq(kept_find(kept, 0x200)->owner.uid, 1001);
	ck_assert_uint_eq(kept_find(kept, 0x200)->header.serial[1], 2);
	ck_assert_ptr_null(kept_find(kept, 0x300));
	kept_free(kept);
}
END_TEST

START_TEST(what_is_removed_is_not)
{
	struct failure failure;
	struct kept *kept;
	size_t number;

	ck_assert_int_eq(kept_remove(state_dir, 0x100, &failure), 0); /* nothing is kept yet */
	write_kept(0x100, 1000);
	ck_assert_int_eq(kept_remove(state_dir, 0x100, &failure), 0);
	ck_assert_int_eq(kept_remove(state_dir, 0x100, &failure), 0);
	kept = read_kept();
	kept_list(kept, &number);
	ck_assert_uint_eq(number, 0);
	kept_free(kept);
}
END_TEST

START_TEST(the_loop_knows_what_a_worker_has_written_and_removed)
{
	struct journal_record record = assignment(0x100, 1000);
	struct kept *kept = read_kept();

	kept_note(kept, &record);
	record.owner.uid = 1001;
	kept_note(kept, &record);
	ck_assert_uint_eq(kept_find(kept, 0x100)->owner.uid, 1001);
	kept_drop(kept, 0x100);
	ck_assert_ptr_null(kept_find(kept, 0x100));
	kept_free(kept);
	ck_assert_ptr_null(kept_find(NULL, 0x100));
}
END_TEST

START_TEST(a_file_that_is_not_what_it_should_be_is_no_assignment_and_the_others_are)
{
	char moved[128];
	struct kept *kept;
	size_t number;

	write_kept(0x100, 1000);
	switch (_i) {
	case 0:
		change_byte(file_of(0x100), 40);
		break;
	case 1:
		change_byte(file_of(0x100), JOURNAL_SIZE + 40);
		break;
	case 2:
		ck_assert_int_eq(truncate(file_of(0x100), JOURNAL_SIZE), 0);
		break;
	case 3:
		ck_assert_int_eq(truncate(file_of(0x100), (off_t)JOURNAL_SIZE * 3), 0);
		break;
	case 4: /* of another function */
		strcpy(moved, file_of(0x100));
		ck_assert_int_eq(rename(moved, file_of(0x108)), 0);
		break;
	case 5: /* a link, to what would be one */
		snprintf(moved, sizeof(moved), "%s/elsewhere", dir);
		ck_assert_int_eq(rename(file_of(0x100), moved), 0);
		ck_assert_int_eq(symlink(moved, file_of(0x100)), 0);
		break;
	}
	write_kept(0x200, 1001);
	kept = read_kept();
	kept_list(kept, &number);
	ck_assert_uint_eq(number, 1);
	ck_assert_uint_eq(kept_find(kept, 0x200)->owner.uid, 1001);
	kept_free(kept);
}
END_TEST

START_TEST(what_cannot_be_kept_is_said_and_what_was_kept_stays)
{
	const struct journal_record next = assignment(0x100, 1001);
	struct failure failure;
	struct kept *kept;
	int err;

	write_kept(0x100, 1000);
	limit_files(100);
	err = kept_write(state_dir, &next, &failure);
	limit_files(RLIM_INFINITY);
	ck_assert_int_ne(err, 0);
	ck_assert_ptr_nonnull(strstr(failure.text, "cannot be kept in"));
	ck_assert_ptr_nonnull(strstr(failure.text, state_dir));
	kept = read_kept();
	ck_assert_uint_eq(kept_find(kept, 0x100)->owner.uid, 1000);
	kept_free(kept);
}
END_TEST

START_TEST(without_a_state_directory_nothing_is_kept)
{
	const struct journal_record record = assignment(0x100, 1000);
	struct failure failure;
	struct kept *kept;
	size_t number;

	ck_assert_int_eq(kept_new(NULL, &kept), 0);
	ck_assert_int_eq(kept_write(NULL, &record, &failure), 0);
	ck_assert_int_eq(kept_remove(NULL, 0x100, &failure), 0);
	kept_list(kept, &number);
	ck_assert_uint_eq(number, 0);
	kept_free(kept);
}
END_TEST

static int remove_entry(const char *name, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(name);
}

static Suite *make_suite(void)
{
	Suite *suite = suite_create("saved");
	TCase *journal = tcase_create("journal"), *kept = tcase_create("kept");
	int ways = sizeof(begins) / sizeof(begins[0]);

	tcase_add_checked_fixture(journal, set_up, tear_down);
	tcase_add_test(journal, a_journal_is_there_from_the_beginning_and_for_root_alone);
	tcase_add_loop_test(journal, what_a_worker_is_about_to_do_is_noted_before_it_begins, 0, ways);
	tcase_add_loop_test(journal, what_cannot_be_noted_is_not_begun, 0, 2);
	tcase_add_loop_test(journal, what_cannot_be_noted_is_not_begun, 3, ways);
	tcase_add_test(journal, an_end_is_begun_whether_it_can_be_noted_or_not);
	tcase_add_test(journal, a_life_is_noted_step_by_step);
	tcase_add_test(journal, a_function_that_is_unplugged_leaves_no_record);
	tcase_add_test(journal, what_is_left_to_the_host_is_noted_as_such);
	tcase_add_test(journal, what_is_to_be_looked_at_first_is_not_noted_as_leased);
	tcase_add_test(journal, the_journal_grows_and_places_are_used_again);
	tcase_add_test(journal, who_has_lost_its_place_takes_no_others);
	tcase_add_test(journal, a_journal_that_could_not_be_made_is_made_when_it_can);
	tcase_add_test(journal, a_record_that_cannot_be_cleared_is_not_there_twice_later);
	tcase_add_test(journal, what_another_driver_has_is_the_hosts_and_stays_so_where_it_is_assigned);
	tcase_add_test(journal, the_journal_of_a_newer_vfiod_is_left_alone_and_the_next_step_is_said);
	tcase_add_test(journal, what_is_kept_and_new_is_to_be_taken);
	tcase_add_loop_test(journal, a_companion_is_one_for_the_next_vfiod_too_wherever_it_was_on_its_way, 0, 3);
	tcase_add_test(journal, another_device_in_the_place_of_one_that_is_kept_is_left_and_says_so);
	tcase_add_test(journal, of_a_journal_with_a_damaged_record_the_others_are_believed);
	suite_add_tcase(suite, journal);
	tcase_add_checked_fixture(kept, set_up, tear_down);
	tcase_add_test(kept, what_is_kept_is_found_by_the_next_vfiod);
	tcase_add_test(kept, what_is_removed_is_not);
	tcase_add_test(kept, the_loop_knows_what_a_worker_has_written_and_removed);
	tcase_add_loop_test(kept, a_file_that_is_not_what_it_should_be_is_no_assignment_and_the_others_are, 0, 6);
	tcase_add_test(kept, what_cannot_be_kept_is_said_and_what_was_kept_stays);
	tcase_add_test(kept, without_a_state_directory_nothing_is_kept);
	suite_add_tcase(suite, kept);
	return suite;
}

int main(void)
{
	SRunner *runner;
	int failed;

	if (!mkdtemp(temporary_path(root, "saved"))) {
		perror(root);
		return EXIT_FAILURE;
	}
	log_setup(false);
	runner = srunner_create(make_suite());
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	/* here, because a test that fails cleans up nothing */
	nftw(root, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
