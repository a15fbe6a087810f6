/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a vfiod that starts makes of what it finds, as a table: each row has a sentence, what is found, and what
 * follows. */
#include "vfiod/reconcile.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define A 0x100u
#define B 0x200u

static const struct journal_identity card = { 0x1b36, 0x10, 0x1af4, 0x1100 };
static const struct journal_identity other_card = { 0x1b36, 0x11, 0x1af4, 0x1100 };

/* A record of the function @at; HANDLES and FILES: it is leased to user 1000 in that way. */
#define RECORD(at, what) \
	{ \
		.address = (at), .state = VFIOD_##what, .identity = { 0x1b36, 0x10, 0x1af4, 0x1100 }, .owner = { \
			1000, \
			VFIOD_NONE \
		} \
	}
#define LEASE(at, what, number, handles) \
	{ \
		.address = (at), .state = VFIOD_##what, .identity = { 0x1b36, 0x10, 0x1af4, 0x1100 }, \
		.owner = { 1000, VFIOD_NONE }, .lease = { \
			.id = (number), \
			.uid = 1000, \
			.by_handles = (handles) \
		} \
	}
#define TAKEN(at) \
	{ \
		.address = (at), .state = VFIOD_ASSIGNING, .identity = { 0x1b36, 0x10, 0x1af4, 0x1100 }, \
		.owner = { 1000, VFIOD_NONE }, .has_origin = true \
	}
#define COMPANION(at, what) \
	{ \
		.address = (at), .state = VFIOD_##what, .identity = { 0x1b36, 0x10, 0x1af4, 0x1100 }, \
		.owner = { 1000, VFIOD_NONE }, .companion = true, .has_origin = true \
	}
#define CONTAINER(at, lease) \
	{ \
		(at), (lease), 1000, 40, false, true, false \
	}
#define DEVICE(at, lease) \
	{ \
		(at), (lease), 1000, 40, true, true, false \
	}
#define STRANGERS(at, lease) \
	{ \
		(at), (lease), 1001, 40, true, true, false \
	}
#define CLOSED(at, lease) \
	{ \
		(at), (lease), 1000, 40, true, false, false \
	}
#define ENDED(at, lease) \
	{ \
		(at), (lease), 1000, 40, true, false, true \
	}
#define ON_VFIO(at) \
	{ \
		(at), { 0x1b36, 0x10, 0x1af4, 0x1100 }, true, 0 \
	}
#define ON_HOST(at) \
	{ \
		(at), { 0x1b36, 0x10, 0x1af4, 0x1100 }, false, 0 \
	}
#define WITH_VFS(at, number) \
	{ \
		(at), { 0x1b36, 0x10, 0x1af4, 0x1100 }, false, (number) \
	}
#define REPLACED(at) \
	{ \
		(at), { 0x1b36, 0x11, 0x1af4, 0x1100 }, true, 0 \
	}
/* A record of a physical function, of which vfiod was about four virtual ones. */
#define PARENT(at, what) \
	{ \
		.address = (at), .state = VFIOD_UNMANAGED, .identity = { 0x1b36, 0x10, 0x1af4, 0x1100 }, \
		.owner = { 1000, VFIOD_NONE }, \
		.vfs = {.count = 4, \
			.phase = JOURNAL_VFS_##what } \
	}

#define MOST 3

static const struct {
	const char *sentence;
	struct journal_record journal[MOST], kept[MOST];
	size_t journals, keeps;
	struct reconcile_handle handles[4];
	size_t handle_count;
	struct reconcile_function functions[MOST];
	size_t function_count;
	struct {
		enum reconcile_act act;
		uint64_t address, lease;
		const char *why; /* in it; NULL: nothing is said */
	} actions[MOST];
	size_t count;
} rows[] = {
	{ "of nothing nothing follows", .count = 0 },

	/* leases */
	{ "a lease on which the journal and the module agree goes on",
	  { LEASE(A, LEASED, 7, true) },
	  .journals = 1,
	  .handles = { CONTAINER(A, 7), DEVICE(A, 7) },
	  .handle_count = 2,
	  .functions = { ON_VFIO(A) },
	  .function_count = 1,
	  .actions = { { RECONCILE_GO_ON, A, 7, NULL } },
	  .count = 1 },
	{ "so does one whose client has closed the container",
	  { LEASE(A, LEASED, 7, true) },
	  .journals = 1,
	  .handles = { DEVICE(A, 7) },
	  .handle_count = 1,
	  .functions = { ON_VFIO(A) },
	  .function_count = 1,
	  .actions = { { RECONCILE_GO_ON, A, 7, NULL } },
	  .count = 1 },
	{ "one that was being made, and has a container alone, ends",
	  { LEASE(A, LEASED, 7, true) },
	  .journals = 1,
	  .handles = { CONTAINER(A, 7) },
	  .handle_count = 1,
	  .functions = { ON_VFIO(A) },
	  .function_count = 1,
	  .actions = { { RECONCILE_END, A, 7, NULL } },
	  .count = 1 },
	{ "one that has no handle ends",
	  { LEASE(A, LEASED, 7, true) },
	  .journals = 1,
	  .functions = { ON_VFIO(A) },
	  .function_count = 1,
	  .actions = { { RECONCILE_END, A, 7, NULL } },
	  .count = 1 },
	{ "one whose device is closed ends",
	  { LEASE(A, LEASED, 7, true) },
	  .journals = 1,
	  .handles = { CONTAINER(A, 7), CLOSED(A, 7) },
	  .handle_count = 2,
	  .functions = { ON_VFIO(A) },
	  .function_count = 1,
	  .actions = { { RECONCILE_END, A, 7, NULL } },
	  .count = 1 },
	{ "one whose handles have ended ends",
	  { LEASE(A, LEASED, 7, true) },
	  .journals = 1,
	  .handles = { ENDED(A, 7) },
	  .handle_count = 1,
	  .functions = { ON_VFIO(A) },
	  .function_count = 1,
	  .actions = { { RECONCILE_END, A, 7, NULL } },
	  .count = 1 },
	{ "one that was to end ends, though its handles live",
	  { LEASE(A, REVOKING, 7, true) },
	  .journals = 1,
	  .handles = { CONTAINER(A, 7), DEVICE(A, 7) },
	  .handle_count = 2,
	  .functions = { ON_VFIO(A) },
	  .function_count = 1,
	  .actions = { { RECONCILE_END, A, 7, NULL } },
	  .count = 1 },
	{ "one whose handle is another user's ends",
	  { LEASE(A, LEASED, 7, true) },
	  .journals = 1,
	  .handles = { STRANGERS(A, 7) },
	  .handle_count = 1,
	  .functions = { ON_VFIO(A) },
	  .function_count = 1,
	  .actions = { { RECONCILE_END, A, 7, NULL } },
	  .count = 1 },
	{ "one whose handle is another function's ends",
	  { LEASE(A, LEASED, 7, true) },
	  .journals = 1,
	  .handles = { DEVICE(B, 7) },
	  .handle_count = 1,
	  .functions = { ON_VFIO(A) },
	  .function_count = 1,
	  .actions = { { RECONCILE_END, A, 7, NULL } },
	  .count = 1 },
	{ "a handle of another lease is revoked with the one that the journal has",
	  { LEASE(A, LEASED, 7, true) },
	  .journals = 1,
	  .handles = { DEVICE(A, 7), DEVICE(A, 8) },
	  .handle_count = 2,
	  .functions = { ON_VFIO(A) },
	  .function_count = 1,
	  .actions = { { RECONCILE_END, A, 7, "handles of two leases" }, { RECONCILE_REVOKE, A, 8, NULL } },
	  .count = 2 },
	{ "a free function that has a handle is no free function",
	  { RECORD(A, FREE) },
	  .journals = 1,
	  .handles = { CONTAINER(A, 8), DEVICE(A, 8) },
	  .handle_count = 2,
	  .functions = { ON_VFIO(A) },
	  .function_count = 1,
	  .actions = { { RECONCILE_END, A, 8, "knows nothing of" } },
	  .count = 1 },
	{ "of a lease of the files the kernel knows",
	  { LEASE(A, LEASED, 7, false) },
	  .journals = 1,
	  .functions = { ON_VFIO(A) },
	  .function_count = 1,
	  .actions = { { RECONCILE_LOOK, A, 7, NULL } },
	  .count = 1 },
	{ "also of one of which a close had been told",
	  { LEASE(A, REVOKING, 7, false) },
	  .journals = 1,
	  .functions = { ON_VFIO(A) },
	  .function_count = 1,
	  .actions = { { RECONCILE_LOOK, A, 7, NULL } },
	  .count = 1 },
	{ "a free function is cleaned",
	  { RECORD(A, FREE) },
	  .journals = 1,
	  .functions = { ON_VFIO(A) },
	  .function_count = 1,
	  .actions = { { RECONCILE_CLEAN, A, 0, NULL } },
	  .count = 1 },
	{ "one that was being cleaned, too",
	  { RECORD(A, REVOKING) },
	  .journals = 1,
	  .functions = { ON_VFIO(A) },
	  .function_count = 1,
	  .actions = { { RECONCILE_END, A, 0, NULL } },
	  .count = 1 },
	{ "entries that have ended are in nobody's way",
	  { RECORD(A, FREE) },
	  .journals = 1,
	  .handles = { ENDED(A, 6), ENDED(B, 5) },
	  .handle_count = 2,
	  .functions = { ON_VFIO(A) },
	  .function_count = 1,
	  .actions = { { RECONCILE_CLEAN, A, 0, NULL } },
	  .count = 1 },

	/* what the vfiod before died over */
	{ "what was being taken goes back",
	  { TAKEN(A) },
	  .journals = 1,
	  .functions = { ON_VFIO(A) },
	  .function_count = 1,
	  .actions = { { RECONCILE_UNDO, A, 0, NULL } },
	  .count = 1 },
	{ "also where the host has it still, or again",
	  { TAKEN(A) },
	  .journals = 1,
	  .functions = { ON_HOST(A) },
	  .function_count = 1,
	  .actions = { { RECONCILE_UNDO, A, 0, NULL } },
	  .count = 1 },
	{ "and is left alone where nothing had been done",
	  { RECORD(A, ASSIGNING) },
	  .journals = 1,
	  .functions = { ON_HOST(A) },
	  .function_count = 1,
	  .actions = { { RECONCILE_LEAVE, A, 0, NULL } },
	  .count = 1 },
	{ "what was being taken since it is assigned is taken",
	  { TAKEN(A) },
	  { RECORD(A, FREE) },
	  1,
	  1,
	  .functions = { ON_VFIO(A) },
	  .function_count = 1,
	  .actions = { { RECONCILE_TAKE, A, 0, NULL } },
	  .count = 1 },
	{ "what was being given back is given back",
	  { RECORD(A, UNASSIGNING) },
	  .journals = 1,
	  .functions = { ON_VFIO(A) },
	  .function_count = 1,
	  .actions = { { RECONCILE_GIVE_BACK, A, 0, NULL } },
	  .count = 1 },
	{ "also where it is kept still, and the host has it",
	  { RECORD(A, UNASSIGNING) },
	  { RECORD(A, FREE) },
	  1,
	  1,
	  .functions = { ON_HOST(A) },
	  .function_count = 1,
	  .actions = { { RECONCILE_GIVE_BACK, A, 0, NULL } },
	  .count = 1 },
	{ "what is quarantined stays so",
	  { RECORD(A, QUARANTINED) },
	  .journals = 1,
	  .functions = { ON_VFIO(A) },
	  .function_count = 1,
	  .actions = { { RECONCILE_QUARANTINE, A, 0, NULL } },
	  .count = 1 },
	{ "and what there is of a lease of it ends",
	  { RECORD(A, QUARANTINED) },
	  .journals = 1,
	  .handles = { DEVICE(A, 7) },
	  .handle_count = 1,
	  .functions = { ON_VFIO(A) },
	  .function_count = 1,
	  .actions = { { RECONCILE_QUARANTINE, A, 0, NULL }, { RECONCILE_REVOKE, A, 7, NULL } },
	  .count = 2 },

	/* what is not as it was */
	{ "a function that has gone is left",
	  { LEASE(A, LEASED, 7, true) },
	  .journals = 1,
	  .handles = { CONTAINER(A, 7), DEVICE(A, 7) },
	  .handle_count = 2,
	  .actions = { { RECONCILE_LEAVE, A, 0, "not there any more" }, { RECONCILE_REVOKE, A, 7, NULL } },
	  .count = 2 },
	{ "one that another driver has is the host's",
	  { LEASE(A, LEASED, 7, true) },
	  .journals = 1,
	  .handles = { DEVICE(A, 7) },
	  .handle_count = 1,
	  .functions = { ON_HOST(A) },
	  .function_count = 1,
	  .actions = { { RECONCILE_LEAVE, A, 0, "no VFIO driver" }, { RECONCILE_REVOKE, A, 7, NULL } },
	  .count = 2 },
	{ "also where it is kept: somebody has taken it, and has a reason",
	  { RECORD(A, FREE) },
	  { RECORD(A, FREE) },
	  1,
	  1,
	  .functions = { ON_HOST(A) },
	  .function_count = 1,
	  .actions = { { RECONCILE_LEAVE, A, 0, "no VFIO driver" } },
	  .count = 1 },
	{ "and stays so when vfiod starts once more",
	  { RECORD(A, UNMANAGED) },
	  { RECORD(A, FREE) },
	  1,
	  1,
	  .functions = { ON_HOST(A) },
	  .function_count = 1,
	  .actions = { { RECONCILE_LEAVE, A, 0, NULL } },
	  .count = 1 },
	{ "another card in the slot is another function",
	  { LEASE(A, LEASED, 7, true) },
	  { RECORD(A, FREE) },
	  1,
	  1,
	  .handles = { DEVICE(A, 7) },
	  .handle_count = 1,
	  .functions = { REPLACED(A) },
	  .function_count = 1,
	  .actions = { { RECONCILE_LEAVE, A, 0, "another device" }, { RECONCILE_REVOKE, A, 7, NULL } },
	  .count = 2 },
	{ "also where it was being taken",
	  { TAKEN(A) },
	  .journals = 1,
	  .functions = { REPLACED(A) },
	  .function_count = 1,
	  .actions = { { RECONCILE_LEAVE, A, 0, "another device" } },
	  .count = 1 },
	{ "also where it was quarantined",
	  { RECORD(A, QUARANTINED) },
	  .journals = 1,
	  .functions = { REPLACED(A) },
	  .function_count = 1,
	  .actions = { { RECONCILE_LEAVE, A, 0, "another device" } },
	  .count = 1 },

	/* companions */
	{ "a companion stays one, whatever becomes of its group",
	  { COMPANION(A, COMPANION) },
	  .journals = 1,
	  .functions = { ON_VFIO(A) },
	  .function_count = 1,
	  .actions = { { RECONCILE_JOIN, A, 0, NULL } },
	  .count = 1 },
	{ "also where it was not taken from its driver yet",
	  { COMPANION(A, COMPANION) },
	  .journals = 1,
	  .functions = { ON_HOST(A) },
	  .function_count = 1,
	  .actions = { { RECONCILE_JOIN, A, 0, NULL } },
	  .count = 1 },
	{ "one that was being assigned is a companion again",
	  { COMPANION(A, ASSIGNING) },
	  .journals = 1,
	  .functions = { ON_VFIO(A) },
	  .function_count = 1,
	  .actions = { { RECONCILE_JOIN, A, 0, NULL } },
	  .count = 1 },
	{ "unless its assignment is kept already",
	  { COMPANION(A, ASSIGNING) },
	  { RECORD(A, FREE) },
	  .journals = 1,
	  .keeps = 1,
	  .functions = { ON_VFIO(A) },
	  .function_count = 1,
	  .actions = { { RECONCILE_TAKE, A, 0, NULL } },
	  .count = 1 },
	{ "one that was on its way back to the host is one until that is gone on with",
	  { COMPANION(A, UNASSIGNING) },
	  .journals = 1,
	  .functions = { ON_HOST(A) },
	  .function_count = 1,
	  .actions = { { RECONCILE_JOIN, A, 0, NULL } },
	  .count = 1 },
	{ "what has come in the place of one is the host's",
	  { COMPANION(A, COMPANION) },
	  .journals = 1,
	  .functions = { REPLACED(A) },
	  .function_count = 1,
	  .actions = { { RECONCILE_LEAVE, A, 0, "another device" } },
	  .count = 1 },
	{ "one that is gone is no more",
	  { COMPANION(A, COMPANION) },
	  .journals = 1,
	  .functions = { ON_HOST(B) },
	  .function_count = 1,
	  .actions = { { RECONCILE_LEAVE, A, 0, "not there" } },
	  .count = 1 },
	{ "a handle on one is nobody's",
	  { COMPANION(A, COMPANION) },
	  .journals = 1,
	  .handles = { DEVICE(A, 7) },
	  .handle_count = 1,
	  .functions = { ON_VFIO(A) },
	  .function_count = 1,
	  .actions = { { RECONCILE_JOIN, A, 0, NULL }, { RECONCILE_REVOKE, A, 7, NULL } },
	  .count = 2 },

	/* virtual functions */
	{ "virtual functions that are there stay there",
	  { PARENT(A, THERE) },
	  { PARENT(A, THERE) },
	  1,
	  1,
	  .functions = { WITH_VFS(A, 4) },
	  .function_count = 1,
	  .actions = { { RECONCILE_VFS, A, 0, NULL } },
	  .count = 1 },
	{ "also where somebody has removed some of them",
	  { PARENT(A, THERE) },
	  .journals = 1,
	  .functions = { WITH_VFS(A, 1) },
	  .function_count = 1,
	  .actions = { { RECONCILE_VFS, A, 0, NULL } },
	  .count = 1 },
	{ "where somebody has removed them all, they are not made again",
	  { PARENT(A, THERE) },
	  { PARENT(A, THERE) },
	  1,
	  1,
	  .functions = { WITH_VFS(A, 0) },
	  .function_count = 1,
	  .actions = { { RECONCILE_LEAVE, A, 0, "removed its virtual functions" } },
	  .count = 1 },
	{ "what was being made of them, or removed, goes on, however many there are",
	  { PARENT(A, MAKING), PARENT(B, LEAVING) },
	  .journals = 2,
	  .functions = { WITH_VFS(A, 0), WITH_VFS(B, 2) },
	  .function_count = 2,
	  .actions = { { RECONCILE_VFS, A, 0, NULL }, { RECONCILE_VFS, B, 0, NULL } },
	  .count = 2 },
	{ "after a boot they are made again", .kept = { PARENT(A, THERE) }, .keeps = 1, .functions = { ON_HOST(A) },
	  .function_count = 1, .actions = { { RECONCILE_TAKE, A, 0, NULL } }, .count = 1 },
	{ "but not of another card in the slot",
	  { PARENT(A, THERE) },
	  .journals = 1,
	  .functions = { REPLACED(A) },
	  .function_count = 1,
	  .actions = { { RECONCILE_LEAVE, A, 0, "another device" } },
	  .count = 1 },

	/* without a journal */
	{ "after a boot what is kept is taken", .kept = { RECORD(A, FREE), RECORD(B, FREE) }, .keeps = 2,
	  .functions = { ON_HOST(A), ON_HOST(B) }, .function_count = 2,
	  .actions = { { RECONCILE_TAKE, A, 0, NULL }, { RECONCILE_TAKE, B, 0, NULL } }, .count = 2 },
	{ "but not what has not come yet", .kept = { RECORD(A, FREE) }, .keeps = 1, .functions = { ON_HOST(B) },
	  .function_count = 1, .count = 0 },
	{ "and not another card in its slot", .kept = { RECORD(A, FREE) }, .keeps = 1, .functions = { REPLACED(A) },
	  .function_count = 1, .actions = { { RECONCILE_LEAVE, A, 0, "another device" } }, .count = 1 },
	{ "a lease of which the journal is lost ends", .kept = { RECORD(A, FREE) }, .keeps = 1,
	  .handles = { CONTAINER(A, 7), DEVICE(A, 7) }, .handle_count = 2, .functions = { ON_VFIO(A) },
	  .function_count = 1, .actions = { { RECONCILE_TAKE, A, 0, NULL }, { RECONCILE_REVOKE, A, 7, NULL } },
	  .count = 2 },
	{ "also where nothing is kept", .handles = { CONTAINER(A, 7), DEVICE(A, 7), DEVICE(B, 8) }, .handle_count = 3,
	  .functions = { ON_VFIO(A), ON_VFIO(B) }, .function_count = 2,
	  .actions = { { RECONCILE_REVOKE, A, 7, NULL }, { RECONCILE_REVOKE, B, 8, NULL } }, .count = 2 },

	/* several */
	{ "each function is judged by itself",
	  { LEASE(A, LEASED, 7, true), RECORD(B, FREE) },
	  { RECORD(B, FREE) },
	  2,
	  1,
	  .handles = { DEVICE(A, 7) },
	  .handle_count = 1,
	  .functions = { ON_VFIO(A), ON_VFIO(B) },
	  .function_count = 2,
	  .actions = { { RECONCILE_GO_ON, A, 7, NULL }, { RECONCILE_CLEAN, B, 0, NULL } },
	  .count = 2 },
};

#define ROWS (sizeof(rows) / sizeof(rows[0]))

static struct reconcile_input input_of(size_t row)
{
	return (struct reconcile_input){
		.journal = rows[row].journal,
		.journal_count = rows[row].journals,
		.kept = rows[row].kept,
		.kept_count = rows[row].keeps,
		.handles = rows[row].handles,
		.handle_count = rows[row].handle_count,
		.functions = rows[row].functions,
		.function_count = rows[row].function_count,
	};
}

START_TEST(what_is_found_has_its_consequence)
{
	const struct reconcile_input input = input_of((size_t)_i);
	struct reconcile_action actions[16];
	size_t count = reconcile(&input, actions);
	const char *sentence = rows[_i].sentence;

	ck_assert_msg(count == rows[_i].count, "%s: %zu actions, not %zu", sentence, count, rows[_i].count);
	for (size_t i = 0; i < count; i++) {
		const char *why = rows[_i].actions[i].why;

		ck_assert_msg(actions[i].act == rows[_i].actions[i].act, "%s: act %d", sentence, actions[i].act);
		ck_assert_msg(actions[i].address == rows[_i].actions[i].address, "%s", sentence);
		ck_assert_msg(actions[i].lease == rows[_i].actions[i].lease, "%s: lease %d", sentence,
			      (int)actions[i].lease);
		ck_assert_msg(!why == !actions[i].why && (!why || strstr(actions[i].why, why)), "%s: said: %s",
			      sentence, actions[i].why ? actions[i].why : "nothing");
	}
}
END_TEST

/* ---- whatever is found ---- */

static bool agrees(const struct reconcile_input *input, uint64_t lease, uint64_t address)
{
	const struct journal_record *record = NULL;

	for (size_t i = 0; i < input->journal_count; i++)
		if (input->journal[i].address == address)
			record = &input->journal[i];
	for (size_t i = 0; record && i < input->handle_count; i++) {
		const struct reconcile_handle *handle = &input->handles[i];

		if (handle->lease == lease && handle->address == address && handle->is_device && handle->is_live &&
		    handle->uid == record->lease.uid)
			return record->state == VFIOD_LEASED && record->lease.id == lease;
	}
	return false;
}

/* Every live handle is of a lease that goes on, or that something is done about. */
static void expect_safe(const struct reconcile_input *input, const struct reconcile_action *actions, size_t count)
{
	for (size_t i = 0; i < input->handle_count; i++) {
		const struct reconcile_handle *handle = &input->handles[i];
		unsigned int cared = 0;

		for (size_t j = 0; j < count; j++)
			cared += actions[j].lease == handle->lease && actions[j].act != RECONCILE_LEAVE;
		ck_assert(handle->has_ended || cared == 1);
	}
	for (size_t j = 0; j < count; j++)
		if (actions[j].act == RECONCILE_GO_ON)
			ck_assert(agrees(input, actions[j].lease, actions[j].address));
	for (size_t j = 0; j < count; j++)
		for (size_t k = 0; k < j; k++)
			ck_assert(actions[j].act == RECONCILE_REVOKE || actions[k].act == RECONCILE_REVOKE ||
				  actions[j].address != actions[k].address);
}

static uint32_t some(uint32_t *seed, uint32_t limit)
{
	*seed = *seed * 1664525 + 1013904223;
	return (*seed >> 16) % limit;
}

static struct journal_record some_record(uint32_t *seed, uint64_t address)
{
	static const enum vfiod_state states[] = { VFIOD_UNMANAGED,   VFIOD_ASSIGNING, VFIOD_FREE,
						   VFIOD_LEASED,      VFIOD_REVOKING,  VFIOD_UNASSIGNING,
						   VFIOD_QUARANTINED, VFIOD_COMPANION };
	struct journal_record record = RECORD(address, FREE);

	record.state = states[some(seed, 8)];
	record.companion = record.state == VFIOD_COMPANION ||
			   ((record.state == VFIOD_ASSIGNING || record.state == VFIOD_UNASSIGNING) && some(seed, 2));
	record.identity = some(seed, 4) ? card : other_card;
	record.has_origin = some(seed, 2);
	if (record.state == VFIOD_LEASED || (record.state == VFIOD_REVOKING && some(seed, 2))) {
		record.lease.id = 1 + address / 0x100 * 4 + some(seed, 2);
		record.lease.uid = 1000 + some(seed, 2);
		record.lease.by_handles = some(seed, 4);
	}
	return record;
}

START_TEST(whatever_is_found_no_lease_goes_on_that_is_not_agreed_on_and_none_is_forgotten)
{
	uint32_t seed = (uint32_t)_i;

	for (int round = 0; round < 2000; round++) {
		struct journal_record journal[3], kept[3];
		struct reconcile_function functions[3];
		struct reconcile_handle handles[4];
		struct reconcile_action actions[10];
		struct reconcile_input input = { journal, 0, kept, 0, handles, some(&seed, 5), functions, 0 };

		for (uint64_t address = 0x100; address <= 0x300; address += 0x100) {
			if (some(&seed, 4))
				journal[input.journal_count++] = some_record(&seed, address);
			if (some(&seed, 2))
				kept[input.kept_count++] = (struct journal_record)RECORD(address, FREE);
			if (some(&seed, 4))
				functions[input.function_count++] =
					(struct reconcile_function){ address, some(&seed, 4) ? card : other_card,
								     some(&seed, 4), some(&seed, 2) };
		}
		for (size_t i = 0; i < input.handle_count; i++) {
			uint64_t address = 0x100 + 0x100 * some(&seed, 3);

			handles[i] = (struct reconcile_handle){ address,
								1 + address / 0x100 * 4 + some(&seed, 2),
								1000 + some(&seed, 2),
								40,
								some(&seed, 2),
								some(&seed, 4),
								false };
			handles[i].has_ended = !handles[i].is_live && some(&seed, 2);
		}
		expect_safe(&input, actions, reconcile(&input, actions));
	}
}
END_TEST

/* What the journal was still to be told of, when its vfiod died: leases of A, of which it has the record @before. */
static const struct {
	const char *sentence;
	struct journal_record before;
	uint64_t last_lease; /* of the record */
	struct reconcile_handle handles[2];
	enum vfiod_state state;
	uint64_t lease;
	enum reconcile_act act;
} behind[] = {
	{ "a lease that is newer than its record goes on",
	  RECORD(A, FREE),
	  7,
	  { CONTAINER(A, 8), DEVICE(A, 8) },
	  VFIOD_LEASED,
	  8,
	  RECONCILE_GO_ON },
	{ "one of which its client has got nothing yet ends",
	  RECORD(A, FREE),
	  7,
	  { CONTAINER(A, 8), CONTAINER(B, 9) },
	  VFIOD_LEASED,
	  8,
	  RECONCILE_END },
	{ "one that is over since then, too",
	  RECORD(A, FREE),
	  7,
	  { ENDED(A, 8), CLOSED(A, 8) },
	  VFIOD_LEASED,
	  8,
	  RECONCILE_END },
	{ "one that the record knew of is none",
	  RECORD(A, FREE),
	  8,
	  { CONTAINER(A, 8), DEVICE(A, 8) },
	  VFIOD_FREE,
	  0,
	  RECONCILE_END },
	{ "another function's is none of this one",
	  RECORD(A, FREE),
	  7,
	  { CONTAINER(B, 8), DEVICE(B, 8) },
	  VFIOD_FREE,
	  0,
	  RECONCILE_CLEAN },
	{ "what was not free is as it was",
	  LEASE(A, LEASED, 7, true),
	  7,
	  { DEVICE(A, 7), DEVICE(A, 8) },
	  VFIOD_LEASED,
	  7,
	  RECONCILE_END },
	{ "nor is what is in quarantine leased",
	  RECORD(A, QUARANTINED),
	  7,
	  { CONTAINER(A, 8), DEVICE(A, 8) },
	  VFIOD_QUARANTINED,
	  0,
	  RECONCILE_QUARANTINE },
};

START_TEST(the_journal_catches_up_with_the_modules_table)
{
	static const struct reconcile_function there[] = { ON_VFIO(A), ON_VFIO(B) };
	struct journal_record record = behind[_i].before;
	struct reconcile_action actions[4];
	const struct reconcile_input input = {
		.journal = &record,
		.journal_count = 1,
		.handles = behind[_i].handles,
		.handle_count = 2,
		.functions = there,
		.function_count = 2,
	};

	record.last_lease = behind[_i].last_lease;
	reconcile_catch_up(&record, 1, behind[_i].handles, 2);
	ck_assert_msg(record.state == behind[_i].state && record.lease.id == behind[_i].lease,
		      "%s: it is in state %d with lease %llu", behind[_i].sentence, (int)record.state,
		      (unsigned long long)record.lease.id);
	if (record.lease.id == 8)
		ck_assert(record.lease.uid == 1000 && record.lease.pid == 40 && record.lease.by_handles &&
			  record.lease.deadline_ms == JOURNAL_NO_TIME);
	ck_assert_uint_ge(reconcile(&input, actions), 1);
	ck_assert_msg(actions[0].act == behind[_i].act, "%s: %d is done", behind[_i].sentence, (int)actions[0].act);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("reconcile");
	TCase *table = tcase_create("table"), *any = tcase_create("any");
	SRunner *runner;
	int failed;

	tcase_add_loop_test(table, what_is_found_has_its_consequence, 0, ROWS);
	tcase_add_loop_test(table, the_journal_catches_up_with_the_modules_table, 0,
			    sizeof(behind) / sizeof(behind[0]));
	suite_add_tcase(suite, table);
	tcase_add_loop_test(any, whatever_is_found_no_lease_goes_on_that_is_not_agreed_on_and_none_is_forgotten, 0, 20);
	suite_add_tcase(suite, any);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
