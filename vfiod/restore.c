/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vfiod/restore.h"

#include "proto/address.h"
#include "vfiod/assign.h"
#include "vfiod/clock.h"
#include "vfiod/companion.h"
#include "vfiod/daemon.h"
#include "vfiod/facts.h"
#include "vfiod/handles.h"
#include "vfiod/holder.h"
#include "vfiod/kept.h"
#include "vfiod/log.h"
#include "vfiod/reconcile.h"
#include "vfiod/revoke.h"
#include "vfiod/saved.h"
#include "vfiod/sriov.h"
#include "vfiod/terms.h"
#include "vfiod/watch.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SIZE_LIMIT ((off_t)65537 * JOURNAL_SIZE) /* of a journal that is read */

/* ---- what is found ---- */

/* Of a handle: its number in the module's table, and when the lease's time is over (terms.h). */
struct handle_entry {
	uint32_t id;
	uint64_t until_ms;
};

/* What the vfiod before has left, and what there is. */
struct found {
	struct journal_record *journal;
	uint64_t last_lease; /* that the journal knows of */
	struct reconcile_handle *handles;
	struct handle_entry *entries; /* of the handles, what reconcile() need not know */
	size_t handle_room;
	bool lacks_handles; /* for want of memory */
	struct reconcile_function *functions;
	struct reconcile_action *actions;
	size_t action_count;
	struct reconcile_input input;
};

static const char *explain(int err)
{
	switch (err) {
	case -EBADMSG:
		return "it is no journal, or is damaged";
	case -EEXIST:
		return "it has two records of one function";
	default:
		return strerror(-err);
	}
}

static int read_bytes(const char *path, unsigned char **bytes, size_t *size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK), err = 0;
	struct stat st;
	ssize_t got;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st))
		err = -errno;
	else if (!S_ISREG(st.st_mode) || st.st_size > SIZE_LIMIT)
		err = -EBADMSG;
	else if (!(*bytes = malloc((size_t)st.st_size + 1)))
		err = -ENOMEM;
	if (!err) {
		got = read(fd, *bytes, (size_t)st.st_size);
		*size = got < 0 ? 0 : (size_t)got;
	}
	close(fd);
	return err;
}

static int read_journal(const char *path, struct found *found)
{
	unsigned char *bytes = NULL;
	size_t size = 0, damaged = 0;
	int err = read_bytes(path, &bytes, &size);

	if (!err)
		found->journal = calloc(size / JOURNAL_SIZE + 1, sizeof(found->journal[0]));
	if (!err && !found->journal)
		err = -ENOMEM;
	if (!err)
		err = journal_decode(bytes, size, found->journal, &found->input.journal_count, &damaged,
				     &found->last_lease);
	free(bytes);
	if (damaged)
		log_line(
			LOG_ERR,
			"%s: %zu records are damaged; what they were about is revoked, and is reset before it is given "
			"to anybody again",
			path, damaged);
	return err;
}

/*
 * Whatever is wrong with it: without it all leases by handles are nobody's, and end.  But not where nothing is wrong
 * with it: a newer vfiod has written it, or there is no memory to read it.  Then leases go on without us, and the next
 * vfiod knows them again.
 */
static int look_at_journal(const char *path, struct found *found, struct failure *failure)
{
	int err = read_journal(path, found);

	if (err == -EPROTONOSUPPORT)
		return failure_set(
			failure, err,
			"%s is of a newer vfiod, and this one would lose the leases in it: so it changes "
			"nothing, and they go on; install the newer vfiod again, or, to end all leases, remove "
			"that file; then start vfiod",
			path);
	if (facts_is_want(-err))
		return failure_set(failure, err, "%s cannot be read now: %s; leases go on; start vfiod again", path,
				   strerror(-err));
	if (err && err != -ENOENT)
		log_line(LOG_ERR,
			 "%s cannot be read: %s; leases of before are revoked, and functions are reset before they are "
			 "given to anybody again",
			 path, explain(err));
	found->input.journal = found->journal;
	return 0;
}

static void add_handle(void *data, const struct vfiod_handle_info *info)
{
	struct found *found = data;
	size_t count = found->input.handle_count;
	struct handle_note note;

	if (count == found->handle_room) {
		size_t room = count ? count * 2 : 64;
		struct reconcile_handle *handles = reallocarray(found->handles, room, sizeof(handles[0]));
		struct handle_entry *entries = handles ? reallocarray(found->entries, room, sizeof(entries[0])) : NULL;

		if (handles)
			found->handles = handles;
		if (!entries) {
			found->lacks_handles = true;
			return;
		}
		found->entries = entries;
		found->handle_room = room;
	}
	handles_note(info, &note);
	found->handles[count] = (struct reconcile_handle){
		.address = note.address,
		.lease = info->lease,
		.uid = note.uid,
		.pid = note.pid,
		.is_device = info->kind == VFIOD_HANDLE_DEVICE,
		.is_live = info->state == VFIOD_HANDLE_LIVE && !(info->flags & VFIOD_HANDLE_CLOSED),
		.has_ended = info->state == VFIOD_HANDLE_ENDED,
	};
	found->entries[count] = (struct handle_entry){ info->id, note.until_ms };
	found->input.handle_count++;
}

static int look_at_functions(struct daemon *daemon, struct found *found)
{
	struct reconcile_function *functions = calloc(daemon->devices.count + 1, sizeof(functions[0]));

	if (!functions)
		return -ENOMEM;
	for (size_t i = 0; i < daemon->devices.count; i++) {
		struct facts *facts = &daemon->devices.list[i]->facts;

		facts_refresh_driver(facts);
		functions[i] = (struct reconcile_function){ facts->address, journal_identity_of(facts),
							    facts_on_vfio(facts), facts->vfs };
	}
	found->functions = functions;
	found->input.functions = functions;
	found->input.function_count = daemon->devices.count;
	return 0;
}

static int judge(struct daemon *daemon, struct found *found)
{
	struct reconcile_input *input = &found->input;

	if (look_at_functions(daemon, found))
		return -ENOMEM;
	input->handles = found->handles;
	input->kept = kept_list(daemon->kept, &input->kept_count);
	found->actions =
		calloc(input->journal_count + input->kept_count + input->handle_count + 1, sizeof(found->actions[0]));
	if (!found->actions)
		return -ENOMEM;
	found->action_count = reconcile(input, found->actions);
	return 0;
}

/* Numbers of leases are never given twice. */
static void find_last_lease(struct daemon *daemon, const struct found *found)
{
	daemon->last_lease = found->last_lease;
	for (size_t i = 0; i < found->input.handle_count; i++)
		if (found->handles[i].lease > daemon->last_lease)
			daemon->last_lease = found->handles[i].lease;
}

/* ---- taking it over ---- */

static void adopt_lease(struct device *device, const struct found *found, const struct reconcile_action *action)
{
	const struct journal_lease *noted = &action->record->lease;
	struct lease lease = { .id = action->lease, .uid = noted->uid, .pid = noted->pid };

	for (size_t i = 0; lease.id && i < found->input.handle_count; i++)
		if (found->handles[i].lease == lease.id) {
			lease.handles[found->handles[i].is_device] = found->entries[i].id;
			lease.until_ms = found->entries[i].until_ms;
			lease.by_handles = true;
		}
	/* the module knows no such lease any more: it has ended */
	if (noted->by_handles && !lease.by_handles)
		lease.id = 0;
	if (lease.id)
		device_lease(device, lease.id, lease.uid);
	else
		device_unlease(device);
	device->lease = lease;
}

/* What it is until the action is taken: leased to somebody, or nothing that could be given away. */
static enum vfiod_state adopted_state(enum reconcile_act act)
{
	switch (act) {
	case RECONCILE_GO_ON:
	case RECONCILE_LOOK:
	case RECONCILE_END:
		return VFIOD_LEASED;
	case RECONCILE_CLEAN:
		return VFIOD_FREE;
	case RECONCILE_QUARANTINE:
	case RECONCILE_UNDO:
	case RECONCILE_GIVE_BACK:
		return VFIOD_QUARANTINED;
	case RECONCILE_JOIN:
		return VFIOD_COMPANION;
	default:
		return VFIOD_UNMANAGED;
	}
}

static int adopt(struct daemon *daemon, struct device *device, const struct found *found,
		 const struct reconcile_action *action)
{
	const struct journal_record *record = action->record;

	if (!record)
		return 0;
	if (action->act == RECONCILE_LEAVE) {
		/* the host has it, though it is assigned: somebody wanted that */
		device->left_to_host = action->kept && record->state != VFIOD_ASSIGNING;
		if (device->left_to_host)
			snprintf(device->reason, sizeof(device->reason), "%s",
				 action->kept->vfs.count
					 ? "somebody has removed its virtual functions; they are made again after the "
					   "next boot"
					 : "not assigned again: somebody has taken it from its VFIO driver");
		return 0;
	}
	if (action->act == RECONCILE_VFS)
		return sriov_adopt(device, record);
	device->state = adopted_state(action->act);
	device->owner = action->kept ? action->kept->owner : record->owner;
	device->companion = action->act == RECONCILE_JOIN;
	device->has_origin = record->has_origin;
	device->origin = record->origin;
	device->has_header = record->has_header;
	device->header = record->header;
	facts_note_host_driver(&device->facts, device->origin.driver);
	device->unclean = action->act == RECONCILE_CLEAN;
	daemon->unclean += device->unclean;
	if (device->state == VFIOD_LEASED)
		adopt_lease(device, found, action);
	if (action->act == RECONCILE_QUARANTINE)
		memcpy(device->reason, record->reason, sizeof(device->reason));
	else if (device->state == VFIOD_QUARANTINED)
		snprintf(device->reason, sizeof(device->reason), "a vfiod before this one ended over %s it",
			 action->act == RECONCILE_UNDO ? "taking" : "giving back");
	return 0;
}

/* The record as it was, until the action begins: this vfiod may die before that, too. */
static void carry_over(struct daemon *daemon, struct device *device, const struct reconcile_action *action,
		       struct saved_contents *contents)
{
	struct journal_record *record = &contents->records[contents->count];

	if (!action->record || (action->act == RECONCILE_LEAVE && !device->left_to_host))
		return;
	*record = *action->record;
	if (!device->set)
		record->owner = device->owner;
	record->last_lease = daemon->last_lease;
	/* wherever it had come on its way: it may have to wait for others of its group */
	if (action->act == RECONCILE_JOIN)
		record->state = VFIOD_COMPANION;
	if (device->left_to_host)
		*record = (struct journal_record){
			.address = record->address,
			.state = VFIOD_UNMANAGED,
			.last_lease = record->last_lease,
			.identity = record->identity,
			.owner = { VFIOD_NONE, VFIOD_NONE },
			.lease.deadline_ms = JOURNAL_NO_TIME,
		};
	contents->devices[contents->count++] = device;
}

static void log_what(const struct device *device, const struct reconcile_action *action)
{
	char text[PROTO_ADDRESS_LEN];

	proto_address_format(action->address, text);
	if (action->why)
		log_line(LOG_WARNING, "%s is not as the vfiod before has left it: %s", text, action->why);
	if (action->act == RECONCILE_QUARANTINE)
		log_event(LOG_EVENT_QUARANTINED,
			  &(struct log_about){ .device = &action->address, .priority = LOG_WARNING },
			  "%s is quarantined: %s", text, device->reason);
}

static void resume_lease(struct daemon *daemon, struct device *device, const struct journal_record *record)
{
	uint64_t now = clock_ms(), deadline = record->lease.deadline_ms;
	const struct log_about about = {
		.device = &device->facts.address,
		.uid = &device->lease.uid,
		.lease = device->lease.id,
	};
	char text[PROTO_ADDRESS_LEN];

	log_event(LOG_EVENT_RESUMED, &about, "%s: lease %llu of user %u goes on",
		  proto_address_format(device->facts.address, text), (unsigned long long)device->lease.id,
		  device->lease.uid);
	terms_resume(daemon, device);
	holder_resume(device);
	if (deadline != JOURNAL_NO_TIME)
		revoke_announce(daemon, device, deadline > now ? (uint32_t)(deadline - now) : 0);
}

/* Without it nobody would notice the end of the lease. */
static int watch_node(struct daemon *daemon, struct device *device, struct failure *failure)
{
	char node[32], text[PROTO_ADDRESS_LEN];
	int watch, err;

	vfio_group_node(device->facts.group, node);
	err = watch_add(daemon->watch, node, &watch);
	if (err == -ENOSPC)
		return failure_set(failure, -ENOMEM,
				   "cannot start: %s cannot be watched: there are as many watches as the sysctl "
				   "fs.inotify.max_user_watches allows; raise it; leases go on",
				   node);
	if (facts_is_want(-err))
		return failure_set(failure, err, "cannot start: %s cannot be watched: %s; leases go on", node,
				   strerror(-err));
	if (err)
		log_line(LOG_ERR,
			 "%s cannot be watched: %s; nobody will notice the end of lease %llu of %s; when its program "
			 "has ended, have vfiod look again: systemctl restart vfiod",
			 node, strerror(-err), (unsigned long long)device->lease.id,
			 proto_address_format(device->facts.address, text));
	else
		device_watch(device, watch);
	return 0;
}

/* Before anything is begun: where there is want of something the start fails, and the next one finds all as it was. */
static int watch_nodes(struct daemon *daemon, const struct found *found, struct failure *failure)
{
	int err = 0;

	for (size_t i = 0; !err && i < found->action_count; i++) {
		struct device *device = devices_find(&daemon->devices, found->actions[i].address);

		if (device && found->actions[i].act == RECONCILE_LOOK)
			err = watch_node(daemon, device, failure);
	}
	return err;
}

/* Who has its group may have got it after that was noted of it, or have it no longer. */
static void rejoin(struct daemon *daemon, struct device *device)
{
	const struct device *leader = companions_leader(&daemon->devices, device);

	if (leader && (device->owner.uid != leader->owner.uid || device->owner.gid != leader->owner.gid)) {
		device->owner = leader->owner;
		saved_note(daemon, device);
	}
	daemon->orphans = true;
}

static void carry_out(struct daemon *daemon, struct device *device, const struct reconcile_action *action)
{
	switch (action->act) {
	case RECONCILE_GO_ON:
		resume_lease(daemon, device, action->record);
		break;
	case RECONCILE_LOOK:
		revoke_check(daemon, device);
		break;
	case RECONCILE_END:
		revoke_start(daemon, device);
		break;
	case RECONCILE_CLEAN: /* when all others of its group are done, by revoke_go_on() */
	case RECONCILE_QUARANTINE:
		break;
	case RECONCILE_LEAVE:
		if (!device->left_to_host)
			assign_appeared(daemon, device); /* which says so where it is another device */
		break;
	case RECONCILE_VFS:
		sriov_resume(device, action->kept);
		break;
	case RECONCILE_UNDO:
		assign_undo(daemon, device);
		break;
	case RECONCILE_GIVE_BACK:
		assign_give_back(daemon, device);
		break;
	case RECONCILE_TAKE:
		assign_again(daemon, device);
		break;
	case RECONCILE_JOIN:
		rejoin(daemon, device);
		break;
	case RECONCILE_REVOKE:
		revoke_orphan(daemon, action->lease);
		break;
	}
}

/* Before anything is done: then all is known, and the vfiod after us misses nothing that we had not come to. */
static int take_over(struct daemon *daemon, const char *path, const struct found *found)
{
	struct saved_contents contents;
	int err = saved_contents_new(found->action_count, &contents);

	if (err)
		return err;
	for (size_t i = 0; !err && i < found->action_count; i++) {
		const struct reconcile_action *action = &found->actions[i];
		struct device *device = devices_find(&daemon->devices, action->address);

		if (device && action->act != RECONCILE_REVOKE) {
			err = adopt(daemon, device, found, action);
			carry_over(daemon, device, action, &contents);
		}
		log_what(device, action);
	}
	contents.last_lease = daemon->last_lease;
	if (!err)
		err = saved_begin(daemon, path, &contents);
	saved_contents_free(&contents);
	if (err && daemon->saved) {
		metrics_count(&daemon->metrics, VFIOD_STAT_SAVE_FAILURES);
		log_event(LOG_EVENT_NOT_SAVED, NULL,
			  "%s cannot be written: %s; nothing can be assigned or leased before that is possible", path,
			  strerror(-err));
	}
	return daemon->saved ? 0 : err;
}

static void forget_ended(struct daemon *daemon, const struct found *found)
{
	for (size_t i = 0; i < found->input.handle_count; i++)
		if (found->handles[i].has_ended)
			handles_forget(daemon->handles, found->entries[i].id);
}

static void found_free(struct found *found)
{
	free(found->journal);
	free(found->handles);
	free(found->entries);
	free(found->functions);
	free(found->actions);
}

static void carry_all_out(struct daemon *daemon, const struct found *found)
{
	for (size_t i = 0; i < found->action_count; i++) {
		const struct reconcile_action *action = &found->actions[i];
		struct device *device = devices_find(&daemon->devices, action->address);

		if (device || action->act == RECONCILE_REVOKE)
			carry_out(daemon, device, action);
	}
	revoke_go_on(daemon);
}

static int reconcile_all(struct daemon *daemon, const char *path, struct found *found)
{
	int err = daemon_open_handles(daemon);

	if (!err)
		handles_read(daemon->handles, add_handle, found);
	if (facts_is_want(-err))
		return err;
	if (found->lacks_handles)
		return -ENOMEM;
	find_last_lease(daemon, found);
	reconcile_catch_up(found->journal, found->input.journal_count, found->handles, found->input.handle_count);
	err = judge(daemon, found);
	return err ? err : take_over(daemon, path, found);
}

int restore(struct daemon *daemon, const char *runtime_dir, struct failure *failure)
{
	struct found found = { 0 };
	char path[PATH_MAX];
	int err;

	snprintf(path, sizeof(path), "%s/journal", runtime_dir);
	err = look_at_journal(path, &found, failure);
	if (!err) {
		err = reconcile_all(daemon, path, &found);
		if (err)
			failure_set(failure, err, "cannot start: %s", strerror(-err));
	}
	if (!err)
		err = watch_nodes(daemon, &found, failure);
	if (!err) {
		forget_ended(daemon, &found);
		carry_all_out(daemon, &found);
	}
	found_free(&found);
	return err;
}
