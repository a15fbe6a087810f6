/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vfiod/reconcile.h"

#include <string.h>

static const struct reconcile_function *find_function(const struct reconcile_input *input, uint64_t address)
{
	size_t low = 0, high = input->function_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (input->functions[middle].address < address)
			low = middle + 1;
		else
			high = middle;
	}
	return low < input->function_count && input->functions[low].address == address ? &input->functions[low] : NULL;
}

static const struct journal_record *find_record(const struct journal_record *records, size_t count, uint64_t address)
{
	for (size_t i = 0; i < count; i++)
		if (records[i].address == address)
			return &records[i];
	return NULL;
}

static bool is_same(const struct journal_record *record, const struct reconcile_function *function)
{
	return !memcmp(&record->identity, &function->identity, sizeof(record->identity));
}

/* The lease of a handle on the function that is not @lease's; 0: there is none. */
static uint64_t other_lease(const struct reconcile_input *input, uint64_t address, uint64_t lease)
{
	for (size_t i = 0; i < input->handle_count; i++) {
		const struct reconcile_handle *handle = &input->handles[i];

		if (handle->address == address && !handle->has_ended && handle->lease != lease)
			return handle->lease;
	}
	return 0;
}

/*
 * A lease lives as long as its device's handle, which is made last and shut with the container's: else the vfiod before
 * died over making or ending it.  The container's the client may have closed.
 */
static bool is_alive(const struct reconcile_input *input, const struct journal_record *record)
{
	bool alive = false;

	for (size_t i = 0; i < input->handle_count; i++) {
		const struct reconcile_handle *handle = &input->handles[i];

		if (handle->lease != record->lease.id || handle->has_ended)
			continue;
		/* a handle that says otherwise is not of the lease that the journal means */
		if (handle->address != record->address || handle->uid != record->lease.uid)
			return false;
		alive = alive || (handle->is_device && handle->is_live);
	}
	return alive;
}

static void say(struct reconcile_action *action, enum reconcile_act act, uint64_t lease, const char *why)
{
	action->act = act;
	action->lease = lease;
	action->why = why;
}

/* Of a lease of the files a close had been told, which may have been another program's. */
static bool is_over(const struct reconcile_input *input, const struct journal_record *record)
{
	bool by_files = record->lease.id && !record->lease.by_handles;

	if (record->state == VFIOD_REVOKING)
		return !by_files;
	return record->state == VFIOD_LEASED && !by_files && !is_alive(input, record);
}

/* A function that is assigned and on its VFIO driver, as the journal says. */
static void judge_lease(const struct reconcile_input *input, const struct journal_record *record,
			struct reconcile_action *action)
{
	uint64_t id = record->lease.id, other = other_lease(input, record->address, id);

	if (is_over(input, record))
		say(action, RECONCILE_END, id, NULL);
	else if (record->state == VFIOD_FREE && other)
		say(action, RECONCILE_END, other, "it has a handle that the journal knows nothing of");
	else if (record->state == VFIOD_FREE)
		say(action, RECONCILE_CLEAN, 0, NULL);
	else if (!record->lease.by_handles)
		say(action, RECONCILE_LOOK, id, NULL);
	else if (other)
		say(action, RECONCILE_END, id, "it has handles of two leases");
	else
		say(action, RECONCILE_GO_ON, id, NULL);
}

/* Without an origin nothing had been done yet. */
static void judge_taking(const struct journal_record *record, struct reconcile_action *action)
{
	if (action->kept)
		say(action, RECONCILE_TAKE, 0, NULL);
	else
		say(action, record->has_origin ? RECONCILE_UNDO : RECONCILE_LEAVE, 0, NULL);
}

static void judge_vfs(const struct journal_record *record, const struct reconcile_function *function,
		      struct reconcile_action *action)
{
	if (record->vfs.phase == JOURNAL_VFS_THERE && !function->vfs)
		say(action, RECONCILE_LEAVE, 0, "somebody has removed its virtual functions");
	else
		say(action, RECONCILE_VFS, 0, NULL);
}

static void judge(const struct reconcile_input *input, const struct journal_record *record,
		  const struct reconcile_function *function, struct reconcile_action *action)
{
	if (record->vfs.count)
		judge_vfs(record, function, action);
	else if (record->state == VFIOD_UNMANAGED)
		say(action, RECONCILE_LEAVE, 0, NULL);
	else if (record->companion)
		/* wherever it has come on its way: what is to become of it depends on what becomes of its group */
		say(action, action->kept ? RECONCILE_TAKE : RECONCILE_JOIN, 0, NULL);
	else if (record->state == VFIOD_ASSIGNING)
		judge_taking(record, action);
	else if (record->state == VFIOD_UNASSIGNING)
		say(action, RECONCILE_GIVE_BACK, 0, NULL);
	else if (!function->on_vfio)
		say(action, RECONCILE_LEAVE, 0, "it is with no VFIO driver any more: it is the host's now");
	else if (record->state == VFIOD_QUARANTINED)
		say(action, RECONCILE_QUARANTINE, 0, NULL);
	else
		judge_lease(input, record, action);
}

/* An assignment that is kept is that of the function which it was made of, and of no other in its place. */
static const struct journal_record *kept_for(const struct reconcile_input *input,
					     const struct reconcile_function *function)
{
	const struct journal_record *kept = find_record(input->kept, input->kept_count, function->address);

	return kept && is_same(kept, function) ? kept : NULL;
}

static struct reconcile_action judge_record(const struct reconcile_input *input, const struct journal_record *record)
{
	const struct reconcile_function *function = find_function(input, record->address);
	struct reconcile_action action = { .address = record->address, .record = record };

	if (!function) {
		say(&action, RECONCILE_LEAVE, 0, "it is not there any more");
		return action;
	}
	action.kept = kept_for(input, function);
	if (is_same(record, function)) {
		judge(input, record, function, &action);
		return action;
	}
	/* a new one, which may have been assigned before */
	action.record = NULL;
	say(&action, action.kept ? RECONCILE_TAKE : RECONCILE_LEAVE, 0, "another device is in its place");
	return action;
}

/* What is kept of a function that the journal says nothing of: the machine has been started anew, or the function has
 * come while there was no vfiod. */
static size_t judge_kept(const struct reconcile_input *input, const struct journal_record *kept,
			 struct reconcile_action *action)
{
	const struct reconcile_function *function = find_function(input, kept->address);

	if (!function || find_record(input->journal, input->journal_count, kept->address))
		return 0;
	*action = (struct reconcile_action){ .address = kept->address };
	action->kept = is_same(kept, function) ? kept : NULL;
	if (action->kept)
		say(action, RECONCILE_TAKE, 0, NULL);
	else
		say(action, RECONCILE_LEAVE, 0, "another device is in its place");
	return 1;
}

static bool is_judged(const struct reconcile_action *actions, size_t count, uint64_t lease)
{
	for (size_t i = 0; i < count; i++)
		if (actions[i].lease == lease)
			return true;
	return false;
}

void reconcile_catch_up(struct journal_record *records, size_t count, const struct reconcile_handle *handles,
			size_t handle_count)
{
	for (size_t i = 0; i < count; i++) {
		struct journal_record *record = &records[i];

		for (size_t k = 0; k < handle_count && record->state == VFIOD_FREE; k++) {
			const struct reconcile_handle *handle = &handles[k];

			if (handle->address != record->address || handle->lease <= record->last_lease)
				continue;
			record->state = VFIOD_LEASED;
			record->lease = (struct journal_lease){
				.id = handle->lease,
				.uid = handle->uid,
				.pid = handle->pid,
				.by_handles = true,
				.deadline_ms = JOURNAL_NO_TIME,
			};
		}
	}
}

size_t reconcile(const struct reconcile_input *input, struct reconcile_action *actions)
{
	size_t count = 0;

	for (size_t i = 0; i < input->journal_count; i++)
		actions[count++] = judge_record(input, &input->journal[i]);
	for (size_t i = 0; i < input->kept_count; i++)
		count += judge_kept(input, &input->kept[i], &actions[count]);
	for (size_t i = 0; i < input->handle_count; i++) {
		const struct reconcile_handle *handle = &input->handles[i];

		if (handle->has_ended || is_judged(actions, count, handle->lease))
			continue;
		actions[count++] = (struct reconcile_action){
			.act = RECONCILE_REVOKE,
			.address = handle->address,
			.lease = handle->lease,
		};
	}
	return count;
}
