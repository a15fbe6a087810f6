/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vfiod/sriov.h"

#include "proto/address.h"
#include "vfiod/assign.h"
#include "vfiod/daemon.h"
#include "vfiod/driver.h"
#include "vfiod/kept.h"
#include "vfiod/log.h"
#include "vfiod/numvfs.h"
#include "vfiod/request.h"
#include "vfiod/revoke.h"
#include "vfiod/saved.h"
#include "vfiod/warm.h"
#include "vfiod/worker.h"

#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

struct vf_set {
	struct daemon *daemon;
	struct device *device;	      /* the physical function; NULL: it has gone while a worker had the set */
	char name[PROTO_ADDRESS_LEN]; /* its address */
	struct journal_vfs vfs;	      /* its phase is 0 until something is about to be done */
	struct owner owner;
	struct clean_header header; /* of the physical function */
	bool again;		    /* it is kept: nobody asks for it now */
	bool working;		    /* a worker has it */
	bool made;		    /* they are there, and are being assigned */
	struct request *request;    /* that is answered when all is done; or NULL */
	struct failure failure;	    /* why it is undone */
};

struct sriov_job {
	struct job job;	    /* first: it is what the worker knows of us */
	struct vf_set *set; /* the loop's: not to be touched in the thread */
	/* what the thread needs */
	const char *state_dir;
	uint64_t address;
	uint32_t group;
	struct journal_vfs vfs;
	bool again;
	bool undone;		      /* it was never what it was to be */
	struct journal_record record; /* to be kept; then what was found */
	struct failure failure;
	uint64_t found[]; /* the functions that have been made */
};

static bool is_changing(const struct vf_set *set)
{
	return set->vfs.phase != JOURNAL_VFS_THERE;
}

static void enter(struct vf_set *set, enum journal_vfs_phase phase)
{
	set->daemon->changing_sets -= is_changing(set);
	set->vfs.phase = phase;
	set->daemon->changing_sets += is_changing(set);
}

static struct vf_set *set_new(struct device *device, const struct owner *owner, const struct journal_vfs *vfs)
{
	struct vf_set *made = calloc(1, sizeof(*made));

	if (!made)
		return NULL;
	made->daemon = device->daemon;
	made->device = device;
	proto_address_format(device->facts.address, made->name);
	made->owner = *owner;
	made->vfs = *vfs;
	made->daemon->changing_sets += is_changing(made);
	device->set = made;
	return made;
}

void sriov_free(struct vf_set *set)
{
	if (!set)
		return;
	set->daemon->changing_sets -= is_changing(set);
	if (set->request) /* of a client that is gone, since vfiod ends: what it asked for is the next one's to do */
		request_reply(set->request, NULL, 0, NULL, 0);
	free(set);
}

/* The set that a virtual function is of; or NULL.  Where nothing has been done yet what is there is somebody else's. */
static struct vf_set *set_of(const struct device *device)
{
	const struct device *parent = NULL;

	if (device->facts.is_virtual)
		parent = devices_find(&device->daemon->devices, device->facts.physical_function);
	return parent && sriov_is_noted(parent) ? parent->set : NULL;
}

/* The virtual function behind @last, which is NULL for the first one; or NULL. */
static struct device *next_member(const struct vf_set *set, const struct device *last)
{
	const struct devices *devices = &set->daemon->devices;
	size_t i = last ? devices_from(devices, last->facts.address + 1) : 0;

	for (; i < devices->count; i++)
		if (devices->list[i]->facts.is_virtual &&
		    devices->list[i]->facts.physical_function == set->device->facts.address)
			return devices->list[i];
	return NULL;
}

/* Those that are companions of others in their IOMMU group come and go with these. */
static bool is_assigned(const struct device *vf)
{
	return vf->state != VFIOD_UNMANAGED && vf->state != VFIOD_COMPANION;
}

static void put_into_pool(const struct vf_set *set)
{
	for (struct device *vf = next_member(set, NULL); vf; vf = next_member(set, vf))
		memcpy(vf->facts.pool, set->vfs.pool, sizeof(vf->facts.pool));
}

/* ---- what others ask ---- */

struct vfio_token sriov_token(const struct device *device)
{
	const struct vf_set *set = set_of(device);

	/* the strict driver knows of no token */
	return set && !device->facts.strict ? set->vfs.token : (struct vfio_token){ .is = false };
}

bool sriov_is_member(const struct device *device)
{
	return set_of(device);
}

int sriov_check_lease(const struct device *device, uint32_t mode, struct failure *failure)
{
	const struct vf_set *set = set_of(device);
	char text[PROTO_ADDRESS_LEN];

	if (!set)
		return 0;
	proto_address_format(device->facts.address, text);
	if (mode != VFIOD_MODE_CONTAINER && sriov_token(device).is)
		return failure_set(
			failure, -EOPNOTSUPP,
			"%s is a virtual function of %s, which is with vfio-pci: who has its file or its group's could "
			"not open it without the VF token, which vfiod tells nobody; ask for it in mode "
			"\"container\"",
			text, set->name);
	if (!is_changing(set))
		return 0;
	return failure_set(failure, -EBUSY, "%s is a virtual function of %s, and these are being %s; try again later",
			   text, set->name, set->vfs.phase == JOURNAL_VFS_LEAVING ? "removed" : "made");
}

int sriov_check_alone(const struct device *device, struct failure *failure)
{
	const struct vf_set *set = device->set ? device->set : set_of(device);
	char text[PROTO_ADDRESS_LEN];

	if (!set)
		return 0;
	proto_address_format(device->facts.address, text);
	if (device->set)
		return failure_set(
			failure, -EBUSY,
			"%s has virtual functions that vfiod has made; remove them first: vfioctl release %s", text,
			text);
	return failure_set(
		failure, -EBUSY,
		"%s is one of the virtual functions that vfiod has made of %s, which go to one owner and back "
		"together; to remove them: vfioctl release %s",
		text, set->name, set->name);
}

uint64_t sriov_released_by(const struct device *device)
{
	return set_of(device) ? device->facts.physical_function : device->facts.address;
}

bool sriov_is_noted(const struct device *device)
{
	return device->set && device->set->vfs.phase;
}

void sriov_describe(const struct device *device, struct journal_record *record)
{
	const struct vf_set *set = device->set;

	record->vfs = set->vfs;
	record->owner = set->owner;
	/* what is undone and stays kept: LEAVING would tell the next vfiod to keep it no longer, so it tries again */
	if (set->again && set->vfs.phase == JOURNAL_VFS_LEAVING)
		record->vfs.phase = JOURNAL_VFS_MAKING;
}

/* ---- a worker has it ---- */

static int start_job(struct vf_set *set, void (*run)(struct job *), void (*done)(struct job *))
{
	struct sriov_job *job = calloc(1, sizeof(*job) + set->vfs.count * sizeof(job->found[0]));
	struct device *device = set->device;

	if (!job)
		return -ENOMEM;
	job->job.run = run;
	job->job.done = done;
	job->set = set;
	job->state_dir = set->daemon->state_dir;
	job->address = device->facts.address;
	job->group = device->facts.group;
	job->vfs = set->vfs;
	job->again = set->again;
	job->undone = set->failure.error;
	job->record = (struct journal_record){
		.address = device->facts.address,
		.state = VFIOD_UNMANAGED,
		.identity = journal_identity_of(&device->facts),
		.owner = set->owner,
		.has_header = true,
		.header = set->header,
		.lease.deadline_ms = JOURNAL_NO_TIME,
		.vfs = { .count = set->vfs.count, .phase = JOURNAL_VFS_THERE },
	};
	memcpy(job->record.vfs.pool, set->vfs.pool, sizeof(set->vfs.pool));
	set->working = true;
	workers_start(set->daemon->workers, &job->job);
	return 0;
}

static void set_begin_failure(struct failure *failure, int err)
{
	failure_set(failure, err, "vfiod could not begin with it: %s; try again", strerror(-err));
}

/* ---- the end of a set ---- */

static void answer(struct vf_set *set, const void *rep, size_t size, const struct failure *failure)
{
	struct request *request = set->request;

	set->request = NULL;
	if (request && failure)
		request_refuse(request, failure);
	else if (request)
		request_reply(request, rep, size, NULL, 0);
}

/* It was to be made anew, and was not: nobody is told, so who asks finds it with the function. */
static void leave_to_host(struct device *device, const struct failure *failure)
{
	char text[PROTO_ADDRESS_LEN];

	device->left_to_host = true;
	snprintf(device->reason, sizeof(device->reason), "its virtual functions are not made again: %.80s",
		 failure->text);
	log_event(LOG_EVENT_NOT_ASSIGNED,
		  &(struct log_about){ .device = &device->facts.address,
				       .reason = failure_reason_word(failure->error) },
		  "the virtual functions of %s are not made again: %s",
		  proto_address_format(device->facts.address, text), failure->text);
}

/* There is nothing left of it. */
static void end(struct vf_set *set, const void *rep, size_t size)
{
	const struct failure *failure = set->failure.error ? &set->failure : NULL;
	struct device *device = set->device;
	struct daemon *daemon = set->daemon;

	device->set = NULL;
	if (failure && set->again)
		leave_to_host(device, failure);
	saved_note(daemon, device);
	answer(set, rep, size, failure);
	sriov_free(set);
}

/* The physical function was unplugged, and all of them with it. */
static void end_gone(struct vf_set *set)
{
	struct failure failure;

	failure_set(&failure, -ENODEV, "the physical function was unplugged");
	answer(set, NULL, 0, &failure);
	sriov_free(set);
}

void sriov_gone(struct device *device)
{
	struct vf_set *set = device->set;

	if (!set)
		return;
	device->set = NULL;
	set->device = NULL;
	if (!set->working)
		end_gone(set);
}

/* What has been done is undone: whether that can be noted or not, the next vfiod would do the same, or try again. */
static void undo(struct vf_set *set, const struct failure *failure)
{
	set->failure = *failure;
	set->made = false;
	enter(set, JOURNAL_VFS_LEAVING);
	saved_note(set->daemon, set->device);
}

static unsigned int count_members(const struct vf_set *set)
{
	unsigned int count = 0;

	for (struct device *vf = next_member(set, NULL); vf; vf = next_member(set, vf))
		count++;
	return count;
}

/* Somebody had a reason: they are not made again before the next boot. */
static void dissolve(struct vf_set *set)
{
	struct device *device = set->device;

	log_event(LOG_EVENT_VFS_LOST, &(struct log_about){ .device = &device->facts.address },
		  "the virtual functions of %s were removed behind vfiod's back", set->name);
	device->left_to_host = kept_find(set->daemon->kept, device->facts.address);
	snprintf(device->reason, sizeof(device->reason), "somebody has removed its virtual functions%s",
		 device->left_to_host ? "; they are made again after the next boot" : "");
	end(set, NULL, 0);
}

/* They cannot be removed: what is left of them stays as it is. */
static void get_stuck(struct vf_set *set, const struct failure *failure)
{
	struct device *device = set->device;
	struct failure both = *failure;

	log_event(LOG_EVENT_VFS_NOT_REMOVED,
		  &(struct log_about){ .device = &device->facts.address,
				       .reason = failure_reason_word(failure->error) },
		  "the virtual functions of %s are not removed: %s", set->name, failure->text);
	snprintf(device->reason, sizeof(device->reason), "its virtual functions could not be removed: %.80s",
		 failure->text);
	if (set->failure.error)
		failure_set(&both, set->failure.error, "%.240s; and then: %.200s", set->failure.text, failure->text);
	set->failure.error = 0;
	enter(set, JOURNAL_VFS_THERE);
	saved_note(set->daemon, device);
	answer(set, NULL, 0, &both);
	/* somebody else has removed them meanwhile, and all that tells of that has come already */
	if (!count_members(set) && !facts_count_vfs(device->facts.address))
		dissolve(set);
}

bool sriov_refused(struct device *device, const struct failure *failure)
{
	struct vf_set *set = set_of(device);

	if (!set || !is_changing(set))
		return false;
	if (set->vfs.phase == JOURNAL_VFS_LEAVING)
		get_stuck(set, failure);
	else
		undo(set, failure);
	return true;
}

/*
 * The one that has been looked at may have gone since, and another one have come to its address: what somebody asked
 * for is not for that.  One that does not answer now may be the same.
 */
static bool is_another(const struct sriov_job *job)
{
	const struct clean_header *before = &job->record.header;
	struct clean_header now;

	clean_look(job->address, &now);
	return now.id != UINT32_MAX &&
	       (now.id != before->id || memcmp(now.serial, before->serial, sizeof(now.serial)) != 0);
}

/* ---- they are removed ---- */

/* What was never whole is kept by accident at most: it is more important that all is put back. */
static void remove_run(struct job *job)
{
	struct sriov_job *remove = (struct sriov_job *)job;
	bool was_kept = !remove->again && !remove->undone;
	struct failure failure;
	int err = 0;

	if (was_kept && kept_remove(remove->state_dir, remove->address, &remove->failure))
		return;
	/* nothing is known of one that a vfiod before this one has begun with; any other has taken its own with it */
	if (!remove->record.header.id || !is_another(remove)) {
		err = numvfs_remove(NUMVFS_ROOT, remove->address, &remove->failure);
		if (remove->vfs.autoprobe && (!err || remove->undone))
			numvfs_put_autoprobe(NUMVFS_ROOT, remove->address, true, &failure);
	}
	if (err && was_kept)
		kept_write(remove->state_dir, &remove->record, &failure);
	else if (!err && remove->undone && !remove->again)
		kept_remove(remove->state_dir, remove->address, &remove->failure);
}

/* The kernel has removed them: its events, which are on their way, find nothing more to do. */
static void forget_members(struct vf_set *set)
{
	struct device *next;

	set->device->set = NULL;
	for (struct device *vf = next_member(set, NULL); vf; vf = next) {
		next = next_member(set, vf);
		if (vf->state == VFIOD_UNMANAGED)
			daemon_device_gone(set->daemon, vf);
	}
}

static void removed(struct vf_set *set)
{
	struct device *device = set->device;
	struct vfiod_unassign_rep rep = { 0 };

	facts_refresh_driver(&device->facts);
	device->facts.vfs = 0;
	device->reason[0] = '\0';
	snprintf(rep.driver, sizeof(rep.driver), "%s", device->facts.driver);
	log_event(LOG_EVENT_UNASSIGNED, &(struct log_about){ .device = &device->facts.address, .op = "UNASSIGN" },
		  "%s has no virtual functions any more", set->name);
	forget_members(set);
	end(set, &rep, sizeof(rep));
}

static void remove_done(struct job *job)
{
	struct sriov_job *remove = (struct sriov_job *)job;
	struct vf_set *set = remove->set;

	set->working = false;
	if (!remove->failure.error && !set->again)
		kept_drop(set->daemon->kept, remove->address);
	if (!set->device)
		end_gone(set);
	else if (remove->failure.error)
		get_stuck(set, &remove->failure);
	else
		removed(set);
	free(remove);
}

static void give_back(struct vf_set *set, struct device *vf)
{
	struct device *sibling = devices_occupied_sibling(&set->daemon->devices, vf);
	struct failure failure;

	if (sibling && sibling->state == VFIOD_FREE)
		warm_down(set->daemon, sibling);
	else if (!sibling && assign_leave(set->daemon, vf, &failure))
		get_stuck(set, &failure);
}

/* Return: whether any of them is anybody's still. */
static bool end_leases(struct vf_set *set)
{
	uint32_t grace_ms = set->daemon->config->revoke_grace * 1000;
	bool some = false;

	for (struct device *vf = next_member(set, NULL); vf; vf = next_member(set, vf)) {
		if (vf->state == VFIOD_LEASED && vf->lease.by_handles && !vf->lease.deadline)
			revoke_announce(set->daemon, vf, grace_ms);
		some = some || vf->state == VFIOD_LEASED || device_is_busy(vf);
	}
	return some;
}

static void leave_next(struct vf_set *set)
{
	struct failure failure;
	int err;

	if (end_leases(set))
		return;
	for (struct device *vf = next_member(set, NULL); vf; vf = next_member(set, vf))
		if (is_assigned(vf)) {
			give_back(set, vf);
			return;
		}
	err = start_job(set, remove_run, remove_done);
	if (!err)
		return;
	set_begin_failure(&failure, err);
	get_stuck(set, &failure);
}

/* A lease that cannot be taken back is nothing to begin with. */
static int check_release(const struct vf_set *set, struct failure *failure)
{
	char text[PROTO_ADDRESS_LEN];

	if (is_changing(set))
		return failure_set(failure, -EBUSY, "the virtual functions of %s are being %s; try again later",
				   set->name, set->vfs.phase == JOURNAL_VFS_LEAVING ? "removed" : "made");
	for (struct device *vf = next_member(set, NULL); vf; vf = next_member(set, vf))
		if (vf->lease.id && !vf->lease.by_handles)
			return failure_set(
				failure, -EBUSY,
				"%s, a virtual function of %s, is leased to user %u (asked for by process %u), and "
				"cannot be taken back; when that program ends, release %s again",
				proto_address_format(vf->facts.address, text), set->name, vf->lease.uid, vf->lease.pid,
				set->name);
	return 0;
}

void sriov_release(struct request *request, struct device *device)
{
	struct vf_set *set = device->set;
	struct failure failure;
	int err = check_release(set, &failure);

	if (!err) {
		set->again = false; /* it is kept no longer, which its note has to say */
		enter(set, JOURNAL_VFS_LEAVING);
		err = saved_note(set->daemon, device);
		if (err) {
			enter(set, JOURNAL_VFS_THERE);
			set_begin_failure(&failure, err);
		}
	}
	if (err) {
		request_refuse(request, &failure);
		return;
	}
	set->request = request;
	sriov_go_on(set->daemon);
}

/* ---- they are assigned ---- */

static void finish_run(struct job *job)
{
	struct sriov_job *finish = (struct sriov_job *)job;

	/* they have their drivers, each by its driver_override: what appears from now on is the host's to drive */
	if (finish->vfs.autoprobe && numvfs_put_autoprobe(NUMVFS_ROOT, finish->address, true, &finish->failure))
		return;
	if (!finish->again)
		kept_write(finish->state_dir, &finish->record, &finish->failure);
}

static void finished(struct vf_set *set, const struct journal_record *record)
{
	const struct vfiod_assign_vfs_rep rep = { .count = htole32(set->vfs.count) };
	struct device *device = set->device;
	bool to_user = set->owner.uid != VFIOD_NONE;

	if (!set->again)
		kept_note(set->daemon->kept, record);
	device->reason[0] = '\0';
	device->left_to_host = false;
	enter(set, JOURNAL_VFS_THERE);
	saved_note(set->daemon, device);
	log_event(LOG_EVENT_ASSIGNED, &(struct log_about){ .device = &device->facts.address, .op = "ASSIGN_VFS" },
		  "%s has %u virtual functions%s, assigned to %s %u", set->name, set->vfs.count,
		  set->again ? " again" : "", to_user ? "user" : "group", to_user ? set->owner.uid : set->owner.gid);
	answer(set, &rep, sizeof(rep), NULL);
}

/* The physical function was unplugged after that was kept: they are made again when it is back. */
static void finished_and_gone(struct vf_set *set, const struct journal_record *record)
{
	const struct vfiod_assign_vfs_rep rep = { .count = htole32(set->vfs.count) };

	if (!set->again)
		kept_note(set->daemon->kept, record);
	answer(set, &rep, sizeof(rep), NULL);
	sriov_free(set);
}

static void finish_done(struct job *job)
{
	struct sriov_job *finish = (struct sriov_job *)job;
	struct vf_set *set = finish->set;
	struct daemon *daemon = set->daemon;

	set->working = false;
	if (!set->device && !finish->failure.error)
		finished_and_gone(set, &finish->record);
	else if (!set->device)
		end_gone(set);
	else if (finish->failure.error)
		undo(set, &finish->failure);
	else
		finished(set, &finish->record);
	free(finish);
	sriov_go_on(daemon);
}

static void finish(struct vf_set *set)
{
	struct failure failure;
	int err = start_job(set, finish_run, finish_done);

	if (!err)
		return;
	set_begin_failure(&failure, err);
	undo(set, &failure);
}

static bool is_owners(const struct vf_set *set, const struct device *vf)
{
	return vf->owner.uid == set->owner.uid && vf->owner.gid == set->owner.gid;
}

/* One after the other, in the order of their addresses. */
static void assign_next(struct vf_set *set)
{
	char text[PROTO_ADDRESS_LEN];
	struct failure failure = { 0 };
	unsigned int assigned = 0;

	for (struct device *vf = next_member(set, NULL); vf && !failure.error; vf = next_member(set, vf)) {
		if (device_is_busy(vf))
			return;
		proto_address_format(vf->facts.address, text);
		if (vf->state == VFIOD_QUARANTINED)
			failure_set(&failure, -EIO, "%s is quarantined: %s", text, vf->reason);
		else if (is_assigned(vf) && !is_owners(set, vf))
			failure_set(&failure, -EBUSY, "%s is another owner's; release it: vfioctl release %s", text,
				    text);
		else if (is_assigned(vf))
			assigned++;
		else if (!assign_member(set->daemon, vf, &set->owner, &failure))
			return;
	}
	if (!failure.error && assigned != set->vfs.count)
		failure_set(&failure, -ENODEV,
			    "only %u of the %u virtual functions of %s are there: somebody removes them", assigned,
			    set->vfs.count, set->name);
	if (failure.error)
		undo(set, &failure);
	else
		finish(set);
}

void sriov_go_on(struct daemon *daemon)
{
	for (size_t i = 0; daemon->changing_sets && i < daemon->devices.count; i++) {
		struct vf_set *set = daemon->devices.list[i]->set;

		if (set && set->vfs.phase == JOURNAL_VFS_MAKING && set->made && !set->working)
			assign_next(set);
		if (set && set->vfs.phase == JOURNAL_VFS_LEAVING && !set->working)
			leave_next(set);
	}
}

/* ---- they are made ---- */

static void make_run(struct job *job)
{
	struct sriov_job *make = (struct sriov_job *)job;
	struct vfio_files files = VFIO_NO_FILES;

	if (is_another(make)) {
		failure_set(&make->failure, -ENODEV, "it was unplugged meanwhile");
		return;
	}
	/* while none of them is open, which none can be before it is there */
	if (make->vfs.token.is &&
	    vfio_open_device(make->address, make->group, &make->vfs.token, &files, &make->failure))
		return;
	vfio_close(&files);
	numvfs_make(NUMVFS_ROOT, make->address, make->vfs.count, make->found, &make->failure);
}

/* The kernel's events of them may come later, or came before their links to the physical function were there. */
static void look_at_members(struct vf_set *set, const struct sriov_job *make, struct failure *failure)
{
	struct facts facts;
	int err;

	for (unsigned int i = 0; i < make->vfs.count; i++) {
		err = facts_read(set->daemon->udev, make->found[i], &facts);
		if (err == -ENODEV)
			continue; /* somebody has removed it already: it is missed when they are counted */
		if (!err)
			err = devices_put(&set->daemon->devices, &facts);
		if (err)
			failure_set(failure, err, "vfiod cannot read what they are: %s; try again", strerror(-err));
	}
	if (!facts_read(set->daemon->udev, make->address, &facts))
		devices_put(&set->daemon->devices, &facts);
	put_into_pool(set);
}

static void make_done(struct job *job)
{
	struct sriov_job *make = (struct sriov_job *)job;
	struct vf_set *set = make->set;
	struct daemon *daemon = set->daemon;

	set->working = false;
	if (!set->device) {
		end_gone(set);
	} else {
		if (!make->failure.error)
			look_at_members(set, make, &make->failure);
		if (make->failure.error)
			undo(set, &make->failure);
		else
			set->made = true;
	}
	free(make);
	sriov_go_on(daemon);
}

/* Return: 0, or a negative errno: nothing is done. */
static int make_start(struct vf_set *set)
{
	int err;

	enter(set, JOURNAL_VFS_MAKING);
	err = saved_note(set->daemon, set->device);
	return err ? err : start_job(set, make_run, make_done);
}

/* First it is only looked at, so that the journal can have how it was before anything is changed. */
static void look_run(struct job *job)
{
	struct sriov_job *look = (struct sriov_job *)job;

	if (numvfs_look(NUMVFS_ROOT, look->address, look->vfs.count, look->again, &look->vfs.autoprobe, &look->failure))
		return;
	if (!look->again)
		clean_look(look->address, &look->record.header);
	else if (is_another(look))
		failure_set(&look->failure, -ENODEV, "another device of the same kind is in its place");
}

/* The secret of a physical function that vfio-pci has. */
static int make_token(struct vf_set *set, struct failure *failure)
{
	struct device *device = set->device;
	struct vfio_token *token = &set->vfs.token;

	facts_refresh_driver(&device->facts);
	token->is = !strcmp(device->facts.driver, DRIVER_STOCK) && !device->facts.strict;
	if (!token->is || getrandom(token->bytes, sizeof(token->bytes), 0) == sizeof(token->bytes))
		return 0;
	token->is = false;
	return failure_set(failure, -EIO, "the kernel gives no random bytes");
}

static void look_done(struct job *job)
{
	struct sriov_job *look = (struct sriov_job *)job;
	struct vf_set *set = look->set;
	int err = 0;

	set->working = false;
	if (!set->device) {
		end_gone(set);
		free(look);
		return;
	}
	if (!look->failure.error)
		err = make_token(set, &look->failure);
	if (!look->failure.error) {
		set->header = look->record.header;
		set->vfs.autoprobe = look->vfs.autoprobe;
		err = make_start(set);
	}
	if (err && !look->failure.error)
		set_begin_failure(&look->failure, err);
	if (look->failure.error) { /* nothing has been done yet */
		set->failure = look->failure;
		end(set, NULL, 0);
	}
	free(look);
}

static int start(struct device *device, const struct owner *owner, const struct journal_vfs *vfs,
		 const struct journal_record *kept, struct vf_set **made)
{
	struct vf_set *set = set_new(device, owner, vfs);
	int err = -ENOMEM;

	if (set) {
		set->again = kept;
		if (kept)
			set->header = kept->header;
		err = start_job(set, look_run, look_done);
	}
	if (!err) {
		*made = set;
		return 0;
	}
	device->set = NULL;
	sriov_free(set);
	return err;
}

/* ---- ASSIGN_VFS ---- */

static int check_body(const struct vfiod_assign_vfs_req *body, struct failure *failure)
{
	uint32_t count = le32toh(body->vfs);

	if ((body->uid == htole32(VFIOD_NONE)) == (body->gid == htole32(VFIOD_NONE)))
		return failure_set(failure, -EINVAL, "virtual functions are assigned to either a user or a group");
	if (!count || count > NUMVFS_MAX)
		return failure_set(failure, -EINVAL, "a function can have 1 to %u virtual functions, not %u",
				   NUMVFS_MAX, count);
	return request_check_pool(body->pool, failure);
}

/* It has to be the host's: who had it could do to its virtual functions what he likes. */
static int check_parent(const struct device *device, struct failure *failure)
{
	const struct journal_record *kept = kept_find(device->daemon->kept, device->facts.address);
	char text[PROTO_ADDRESS_LEN];
	int err = sriov_check_alone(device, failure);

	proto_address_format(device->facts.address, text);
	if (!err && device->facts.is_virtual)
		err = failure_set(failure, -EINVAL, "%s is a virtual function itself", text);
	if (!err && (device->state != VFIOD_UNMANAGED || device->returns || (kept && !kept->vfs.count)))
		err = failure_set(
			failure, -EBUSY,
			"%s is assigned itself, and has to be the host's to have virtual functions; release it "
			"first: vfioctl release %s",
			text, text);
	return err;
}

void request_assign_vfs(struct request *request, const struct vfiod_assign_vfs_req *body)
{
	const struct owner owner = { le32toh(body->uid), le32toh(body->gid) };
	struct journal_vfs vfs = { .count = le32toh(body->vfs) };
	struct failure failure;
	struct device *device;
	struct vf_set *set;
	int err = check_body(body, &failure);

	if (err) {
		request_refuse(request, &failure);
		return;
	}
	memcpy(vfs.pool, body->pool, sizeof(vfs.pool));
	device = request_find(request, le64toh(body->address));
	if (!device || !request_step(request, device, EVENT_ASSIGN))
		return;
	err = check_parent(device, &failure);
	if (!err) {
		err = start(device, &owner, &vfs, NULL, &set);
		if (err)
			set_begin_failure(&failure, err);
	}
	if (err)
		request_refuse(request, &failure);
	else
		set->request = request;
}

/* ---- what is kept ---- */

static bool has_driver(struct device *device)
{
	facts_refresh_driver(&device->facts);
	return device->facts.driver[0];
}

void sriov_again(struct device *device, const struct journal_record *kept)
{
	struct journal_vfs vfs = { .count = kept->vfs.count };
	struct failure failure;
	struct vf_set *set;
	int err;

	if (device->set || device->left_to_host || device->state != VFIOD_UNMANAGED)
		return;
	if (!has_driver(device)) {
		snprintf(device->reason, sizeof(device->reason),
			 "its virtual functions are made again when it has a driver");
		return;
	}
	memcpy(vfs.pool, kept->vfs.pool, sizeof(vfs.pool));
	err = start(device, &kept->owner, &vfs, kept, &set);
	if (!err)
		return;
	set_begin_failure(&failure, err);
	leave_to_host(device, &failure);
	saved_note(device->daemon, device);
}

bool sriov_waits(const struct device *device)
{
	const struct journal_record *kept = kept_find(device->daemon->kept, device->facts.address);
	const struct journal_identity now = journal_identity_of(&device->facts);

	return kept && kept->vfs.count && !device->set && !device->left_to_host && device->facts.driver[0] &&
	       !memcmp(&kept->identity, &now, sizeof(now));
}

/* ---- somebody else removes them ---- */

static void note_loss(struct vf_set *set, unsigned int left)
{
	struct device *device = set->device;

	if (!device->reason[0])
		log_event(LOG_EVENT_VFS_LOST, &(struct log_about){ .device = &device->facts.address },
			  "%s loses virtual functions behind vfiod's back", set->name);
	snprintf(device->reason, sizeof(device->reason), "somebody has removed %u of its %u virtual functions",
		 set->vfs.count - left, set->vfs.count);
}

void sriov_lost(struct daemon *daemon, uint64_t physical_function)
{
	struct device *device = devices_find(&daemon->devices, physical_function);
	struct vf_set *set = device ? device->set : NULL;
	unsigned int left;

	if (!set)
		return;
	if (is_changing(set)) {
		sriov_go_on(daemon);
		return;
	}
	left = count_members(set);
	if (left)
		note_loss(set, left);
	else
		dissolve(set);
}

/* ---- what the vfiod before has left ---- */

int sriov_adopt(struct device *device, const struct journal_record *record)
{
	struct vf_set *set = set_new(device, &record->owner, &record->vfs);

	if (!set)
		return -ENOMEM;
	put_into_pool(set);
	return 0;
}

void sriov_resume(struct device *device, const struct journal_record *kept)
{
	struct vf_set *set = device->set;
	struct failure failure;
	int err;

	if (set && kept)
		set->header = kept->header;
	if (!set || set->vfs.phase != JOURNAL_VFS_MAKING)
		return; /* they are there; or leave, as soon as all is known: sriov_go_on() */
	if (!kept) {
		failure_set(&failure, -ECANCELED, "the vfiod before this one ended over making them");
		undo(set, &failure);
		return;
	}
	set->again = true;
	err = make_start(set);
	if (!err)
		return;
	set_begin_failure(&failure, err);
	undo(set, &failure);
}
