/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vfiod/assign.h"

#include "proto/address.h"
#include "vfiod/bind.h"
#include "vfiod/clean.h"
#include "vfiod/companion.h"
#include "vfiod/config.h"
#include "vfiod/daemon.h"
#include "vfiod/group.h"
#include "vfiod/interrupts.h"
#include "vfiod/inuse.h"
#include "vfiod/kept.h"
#include "vfiod/log.h"
#include "vfiod/pci_events.h"
#include "vfiod/request.h"
#include "vfiod/saved.h"
#include "vfiod/sriov.h"
#include "vfiod/step.h"
#include "vfiod/sysfs.h"
#include "vfiod/vfio.h"
#include "vfiod/warm.h"
#include "vfiod/worker.h"

#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* How long the group of a function that is taken again may be open: a lease that is nobody's is being revoked. */
#define PATIENCE_MS 10000
/* How often it is tried to bind a function that may have just come, every 50 ms. */
#define APPEARING_TRIES 40

/* What is told at the end: not before all companions that have nobody any more are back. */
struct ending {
	struct request *request; /* or NULL */
	bool undo;		 /* have them where they were, rather than where they belong */
	struct failure failure;	 /* what is told; or, where nothing failed: */
	char driver[VFIOD_NAME_MAX];
};

struct assign_job {
	struct job job; /* first: it is what the worker knows of us */
	struct daemon *daemon;
	struct request *request; /* NULL: vfiod does it of itself */
	struct device *device;	 /* the loop's: not to be touched in the thread */
	/* what the thread needs */
	const char *state_dir;
	uint64_t address;
	uint32_t group;
	enum clean_reset reset;
	enum driver_choice choice;
	bool is_known;	 /* it is to be the function with this identity and serial number */
	bool undo;	 /* have it where it was, rather than where it belongs */
	bool is_dirty;	 /* it was in quarantine: nobody knows what it does */
	bool waits;	 /* for others of its group, where that is not viable yet */
	bool is_member;	 /* of a set of virtual functions, which is what is kept */
	bool has_origin; /* where it was is known: the vfiod before had begun with it, or it is a companion */
	bool companion;	 /* and is to be one again, if it cannot be taken */
	struct companion_list along;
	enum companions stay; /* of one that is given back: it becomes a companion, unless this is COMPANIONS_REFUSE */
	struct ending ending;
	/* what is kept of it: the header of before, then what it found out */
	struct journal_record record;
	struct bind_origin origin, here; /* where it is to be again one day; and where it is before it is taken */
	char driver[VFIOD_NAME_MAX];
	struct failure failure;
	/* open in advance, to be closed before the driver lets go of the function */
	struct vfio_files files;
};

static const char *owner_text(const struct owner *owner, char text[32])
{
	if (owner->uid != VFIOD_NONE)
		snprintf(text, 32, "user %u", owner->uid);
	else
		snprintf(text, 32, "group %u", owner->gid);
	return text;
}

/* The group is open to nobody else, and no host driver has a part of it: the kernel's own word. */
static int check_group_is_ours(uint32_t group, unsigned int patience_ms, struct failure *failure)
{
	int fd, err = vfio_await_group(group, patience_ms, &fd, failure);

	if (!err)
		close(fd);
	return err;
}

static void answer(const struct ending *ending);
static void conclude(struct daemon *daemon, uint32_t group, const struct ending *ending);
static void give_back_orphans(struct daemon *daemon);

static struct assign_job *job_new(struct daemon *daemon, struct request *request, struct device *device,
				  void (*run)(struct job *), void (*done)(struct job *))
{
	struct assign_job *made = calloc(1, sizeof(*made));

	if (!made)
		return NULL;
	made->job.run = run;
	made->job.done = done;
	made->daemon = daemon;
	made->request = request;
	made->device = device;
	made->is_member = sriov_is_member(device);
	made->state_dir = made->is_member ? NULL : daemon->state_dir;
	made->address = device->facts.address;
	made->group = device->facts.group;
	made->has_origin = device->has_origin;
	made->companion = device->companion;
	made->origin = device->origin;
	made->files = VFIO_NO_FILES;
	made->record = (struct journal_record){
		.address = device->facts.address,
		.state = VFIOD_FREE,
		.identity = journal_identity_of(&device->facts),
		.owner = device->owner,
		.has_header = true,
		.header = device->header,
		.lease.deadline_ms = JOURNAL_NO_TIME,
	};
	return made;
}

static void job_free(struct assign_job *job)
{
	vfio_close(&job->files);
	companions_free(&job->along);
	free(job);
}

/* Hands it to a worker; @made may be NULL. */
static int job_start(struct assign_job *made, struct daemon *daemon, struct device *device, enum state_event event,
		     struct failure *failure)
{
	int err = made ? step_start(daemon, device, event, &made->job) : -ENOMEM;

	return err ? failure_set(failure, err, "vfiod could not begin with it: %s; try again", strerror(-err)) : 0;
}

/* ---- in the thread: taking it ---- */

/* An assignment is not that of another card of the same kind. */
static int check_is_known(struct assign_job *assign)
{
	const struct clean_header *before = &assign->record.header;
	struct clean_header now;
	char text[PROTO_ADDRESS_LEN];

	clean_look(assign->address, &now);
	if (now.id == before->id && !memcmp(now.serial, before->serial, sizeof(now.serial)))
		return 0;
	return failure_set(&assign->failure, -ENODEV,
			   "another device of the same kind is in its place; assign it anew: vfioctl assign %s --user "
			   "NAME",
			   proto_address_format(assign->address, text));
}

/* First it is only looked at, so that the journal can have where it was before anything is changed. */
static void look_run(struct job *job)
{
	struct assign_job *assign = (struct assign_job *)job;
	int err;

	if (inuse_check(assign->address, &assign->failure))
		return;
	/* a VFIO driver of another maker may have it, open in a virtual machine: to unbind it would hang */
	err = check_group_is_ours(assign->group, assign->is_known ? PATIENCE_MS : 0, &assign->failure);
	if (err == -EBUSY || facts_is_want(-err))
		return;
	assign->failure.error = 0;
	if (assign->is_known && check_is_known(assign))
		return;
	if (companions_look(assign->address, &assign->along, &assign->failure) ||
	    bind_look(assign->address, &assign->here, &assign->failure))
		return;
	if (!assign->has_origin)
		assign->origin = assign->here;
	else if (!assign->companion)
		assign->here = assign->origin;
}

/* The function has the driver that it had before. */
static bool is_unmoved(uint64_t address, const struct bind_origin *origin)
{
	struct facts facts = { .address = address };

	facts_refresh_driver(&facts);
	return !strcmp(facts.driver, origin->driver);
}

/*
 * The kernel tells of a function that has just come before it lets a driver have it (pci_bus_add_device() in
 * drivers/pci/bus.c), and says nothing when it does.
 */
static int bind_patiently(struct assign_job *assign)
{
	static const struct timespec pause = { .tv_nsec = 50000000 };
	int err = -ENODEV;

	for (int tries = assign->is_known ? APPEARING_TRIES : 1; err == -ENODEV && tries; tries--) {
		assign->failure.error = 0;
		err = bind_take(assign->address, assign->choice, &assign->here, &assign->failure);
		if (err == -ENODEV && tries > 1)
			nanosleep(&pause, NULL);
	}
	return err;
}

static void take_run(struct job *job)
{
	struct assign_job *assign = (struct assign_job *)job;
	struct journal_record *record = &assign->record;
	struct failure undo, why;

	if (assign->failure.error)
		return; /* it has gone while it was parked */
	if (companions_take(assign->address, &assign->along, &assign->failure) || bind_patiently(assign)) {
		assign->waits = false;
		return;
	}
	if (assign->waits && check_group_is_ours(assign->group, 0, &assign->failure) == -EPERM)
		return;
	assign->waits = false;
	assign->failure.error = 0;
	if (!vfio_try_group(assign->address, assign->group, &assign->failure) &&
	    !clean_function(assign->address, assign->reset, NULL, &record->header, &assign->failure) &&
	    (assign->is_known || !kept_write(assign->state_dir, record, &assign->failure)))
		return;
	/* one that was there already may be open in a client of the vfiod before us: to unbind it would hang */
	if (is_unmoved(assign->address, &assign->here))
		return;
	if (!bind_undo(assign->address, &assign->here, assign->driver, &undo))
		return;
	why = assign->failure;
	failure_set(&assign->failure, why.error, "%.240s; and then: %.200s", why.text, undo.text);
}

/* ---- in the loop ---- */

/* Who looks into why a function has another user's state finds the site's reason for it. */
static void tell_of_no_reset(const struct daemon *daemon, const struct device *device)
{
	const struct rule *rule = policy_rule(daemon->config, &device->facts);
	char text[PROTO_ADDRESS_LEN];

	if (rule && rule->reset == CLEAN_RESET_NONE)
		log_line(LOG_WARNING, "%s is not reset between its users, by rule \"%s\": %s",
			 proto_address_format(device->facts.address, text), rule->name, rule->reset_reason);
}

static void tell_of_companions(const struct assign_job *assign)
{
	char text[PROTO_ADDRESS_LEN], other[PROTO_ADDRESS_LEN];

	for (size_t i = 0; i < assign->along.count; i++) {
		const struct companion *companion = &assign->along.list[i];

		if (companion->has_origin)
			continue; /* it was one before */
		log_event(LOG_EVENT_TAKEN_ALONG, &(struct log_about){ .device = &companion->address, .op = "ASSIGN" },
			  "%s taken along with %s, from driver %s", proto_address_format(companion->address, other),
			  proto_address_format(assign->address, text),
			  companion->origin.driver[0] ? companion->origin.driver : "none");
	}
}

/* The rule that accepts it, where nobody asks the kernel whether it has to be accepted. */
static void tell_of_interrupts(const struct daemon *daemon, const struct device *device)
{
	const struct rule *rule = policy_rule(daemon->config, &device->facts);
	char text[PROTO_ADDRESS_LEN];

	if (rule && rule->unsafe_interrupts && interrupts_unchecked(interrupts_parameters))
		log_line(LOG_WARNING,
			 "%s may be able to raise any interrupt of the machine, which rule \"%s\" accepts: VFIO was "
			 "told not to ask (allow_unsafe_interrupts)",
			 proto_address_format(device->facts.address, text), rule->name);
}

static void reply_assigned(struct request *request, const struct device *device)
{
	struct vfiod_assign_rep rep = { 0 };

	if (!request)
		return;
	snprintf(rep.driver, sizeof(rep.driver), "%s", device->facts.driver);
	snprintf(rep.original_driver, sizeof(rep.original_driver), "%s", device->origin.driver);
	request_reply(request, &rep, sizeof(rep), NULL, 0);
}

static void taken(struct assign_job *assign)
{
	struct device *device = assign->device;
	char text[PROTO_ADDRESS_LEN], owner[32];

	device->header = assign->record.header;
	device->has_header = true;
	device->companion = device->left_to_host = false;
	device->reason[0] = '\0';
	if (!assign->is_known && !assign->is_member)
		kept_note(assign->daemon->kept, &assign->record);
	step_take(assign->daemon, device, EVENT_DONE);
	log_event(LOG_EVENT_ASSIGNED, &(struct log_about){ .device = &assign->address, .op = "ASSIGN" },
		  "%s assigned to %s%s, taken from driver %s, bound to %s", proto_address_format(assign->address, text),
		  owner_text(&device->owner, owner), assign->is_known ? " again" : "",
		  device->origin.driver[0] ? device->origin.driver : "none", device->facts.driver);
	companions_settle(assign->daemon, &assign->along);
	tell_of_companions(assign);
	tell_of_no_reset(assign->daemon, device);
	tell_of_interrupts(assign->daemon, device);
	reply_assigned(assign->request, device);
}

/* It is not said to anybody: so who asks finds it with the function. */
static void not_again(struct device *device, const struct failure *failure)
{
	char text[PROTO_ADDRESS_LEN];

	snprintf(device->reason, sizeof(device->reason), "not assigned again: %.100s", failure->text);
	log_event(LOG_EVENT_NOT_ASSIGNED,
		  &(struct log_about){ .device = &device->facts.address,
				       .reason = failure_reason_word(failure->error) },
		  "%s is assigned, and stays with the host: %s", proto_address_format(device->facts.address, text),
		  failure->text);
}

/* @undo: it has still to go back to where it was, and its companions not before it. */
static void not_taken(struct assign_job *assign, bool undo)
{
	const struct ending ending = { .request = assign->request, .undo = true, .failure = assign->failure };
	struct device *device = assign->device;

	step_take(assign->daemon, device, assign->companion ? EVENT_JOIN : EVENT_FAILED);
	if (!assign->has_origin) {
		device->owner = (struct owner){ VFIOD_NONE, VFIOD_NONE };
		device->has_origin = false;
		memset(&device->origin, 0, sizeof(device->origin));
	}
	if (!assign->request && !sriov_refused(device, &assign->failure))
		not_again(device, &assign->failure);
	if (!undo) {
		conclude(assign->daemon, assign->group, &ending);
		return;
	}
	assign->daemon->orphans = true; /* when it is back itself */
	answer(&ending);
}

/* It is bound, but its group is not viable before a function that is to be taken after it is bound, too. */
static void park(struct daemon *daemon, struct device *device, struct job *job)
{
	device->parked = job;
	daemon->returning++;
	assign_go_on(daemon);
}

static void take_done(struct job *job)
{
	struct assign_job *assign = (struct assign_job *)job;
	struct device *device = assign->device;
	struct daemon *daemon = assign->daemon;
	bool gone = device->gone, undo = assign->failure.error && assign->has_origin && !assign->companion;

	if (assign->waits) {
		park(daemon, device, job);
		return;
	}
	facts_refresh_driver(&device->facts);
	pci_events_follow(daemon);
	if (assign->failure.error)
		not_taken(assign, undo);
	else
		taken(assign);
	job_free(assign);
	if (undo && !gone && !assign_undo(daemon, device))
		return;
	daemon_settled(daemon, device);
	if (!gone)
		warm_up(daemon, device);
}

/* What is at its address now is another one, which nobody has looked at. */
static void check_there(struct assign_job *assign)
{
	char text[PROTO_ADDRESS_LEN];

	if (assign->device->gone && !assign->failure.error)
		failure_set(&assign->failure, -ENODEV, "%s was unplugged meanwhile",
			    proto_address_format(assign->address, text));
}

static void look_done(struct job *job)
{
	struct assign_job *assign = (struct assign_job *)job;
	struct device *device = assign->device;
	int err;

	check_there(assign);
	if (!assign->failure.error) {
		device->origin = assign->origin;
		device->has_origin = true;
		job->run = take_run;
		job->done = take_done;
		err = companions_note(assign->daemon, &assign->along, &device->owner);
		if (!err)
			err = saved_note(assign->daemon, device);
		if (!err) {
			workers_start(assign->daemon->workers, job);
			return;
		}
		failure_set(&assign->failure, err, "vfiod could not begin with it: %s; try again", strerror(-err));
	}
	assign->waits = false;
	take_done(job);
}

/* Another function of the group is to be taken again, and has a host driver perhaps. */
static bool returns_sibling(const struct daemon *daemon, const struct device *device)
{
	for (size_t i = 0; i < daemon->devices.count; i++) {
		const struct device *other = daemon->devices.list[i];

		if (other != device && other->returns && other->facts.group == device->facts.group)
			return true;
	}
	return false;
}

static int take(struct daemon *daemon, struct request *request, struct device *device, const struct owner *owner,
		const struct journal_record *kept, struct failure *failure)
{
	struct assign_job *assign = job_new(daemon, request, device, look_run, look_done);
	int err;

	if (assign && companions_find(daemon, device, &assign->along)) {
		job_free(assign);
		assign = NULL;
	}
	device->owner = *owner;
	if (assign) {
		assign->record.owner = *owner;
		assign->reset = policy_reset(daemon->config, &device->facts);
		assign->choice = policy_driver(daemon->config, &device->facts);
	}
	if (assign && kept) {
		assign->is_known = true;
		assign->waits = returns_sibling(daemon, device);
		assign->record.header = kept->header;
	}
	err = job_start(assign, daemon, device, EVENT_ASSIGN, failure);
	if (!err)
		return 0;
	if (!device->has_origin)
		device->owner = (struct owner){ VFIOD_NONE, VFIOD_NONE };
	if (assign)
		job_free(assign);
	return err;
}

/* Everything that can be said without a thread: policy, and the neighbours in the IOMMU group. */
static int check_assign(struct daemon *daemon, struct device *device, const struct owner *owner,
			struct failure *failure)
{
	struct facts fresh;
	int err;

	err = facts_read(daemon->udev, device->facts.address, &fresh);
	if (err == -ENODEV)
		return failure_set(failure, err, "the function has just been unplugged");
	if (err)
		return failure_set(failure, err, "vfiod cannot read what it is: %s; try again", strerror(-err));
	devices_put(&daemon->devices, &fresh); /* it is there already: nothing that could fail */
	for (size_t i = 0; i < daemon->devices.count; i++)
		if (daemon->devices.list[i]->facts.group == fresh.group)
			facts_refresh_driver(&daemon->devices.list[i]->facts);
	err = policy_may_assign(daemon->config, &device->facts, failure);
	if (!err && !policy_unsafe_interrupts(daemon->config, &device->facts))
		err = interrupts_check(interrupts_parameters, device->facts.address, failure);
	return err ? err : group_check(&daemon->devices, device, owner, daemon->config, failure);
}

/* ---- from one owner to the next ---- */

static void hand_on_run(struct job *job)
{
	struct assign_job *hand_on = (struct assign_job *)job;

	kept_write(hand_on->state_dir, &hand_on->record, &hand_on->failure);
}

static void hand_on_done(struct job *job)
{
	struct assign_job *hand_on = (struct assign_job *)job;
	struct device *device = hand_on->device;
	struct daemon *daemon = hand_on->daemon;
	bool gone = device->gone;
	char text[PROTO_ADDRESS_LEN], name[32];

	if (hand_on->failure.error) {
		step_take(daemon, device, EVENT_FAILED);
		request_refuse(hand_on->request, &hand_on->failure);
	} else {
		device->owner = hand_on->record.owner;
		kept_note(daemon->kept, &hand_on->record);
		saved_note(daemon, device);
		step_take(daemon, device, EVENT_DONE);
		companions_follow(daemon, device);
		log_event(LOG_EVENT_ASSIGNED, &(struct log_about){ .device = &hand_on->address, .op = "ASSIGN" },
			  "%s assigned to %s", proto_address_format(device->facts.address, text),
			  owner_text(&device->owner, name));
		reply_assigned(hand_on->request, device);
	}
	job_free(hand_on);
	daemon_settled(daemon, device);
	if (!gone)
		warm_up(daemon, device); /* it was not free when whoever cleaned it looked, or was closed for this */
}

/* A clean function goes from one owner to the next without the host's seeing it. */
static int hand_on(struct request *request, struct device *device, const struct owner *owner, struct failure *failure)
{
	struct assign_job *made;
	char text[PROTO_ADDRESS_LEN];
	int err;

	if (!facts_on_vfio(&device->facts))
		return failure_set(
			failure, -EBUSY,
			"%s is with driver %s now, behind vfiod's back; release it first: vfioctl release %s",
			proto_address_format(device->facts.address, text),
			device->facts.driver[0] ? device->facts.driver : "none", text);
	made = job_new(request->daemon, request, device, hand_on_run, hand_on_done);
	if (made)
		made->record.owner = *owner;
	err = job_start(made, request->daemon, device, EVENT_ASSIGN, failure);
	if (err)
		free(made);
	return err;
}

void request_assign(struct request *request, const struct vfiod_assign_req *body)
{
	struct daemon *daemon = request->daemon;
	struct owner owner = { le32toh(body->uid), le32toh(body->gid) };
	/* last: without a device there is no request any more */
	struct device *device = request_find(request, le64toh(body->address));
	struct failure failure;
	int err;

	if (!device)
		return;
	if ((owner.uid == VFIOD_NONE) == (owner.gid == VFIOD_NONE)) {
		failure_set(&failure, -EINVAL, "a function is assigned to either a user or a group");
		request_refuse(request, &failure);
		return;
	}
	if (sriov_check_alone(device, &failure)) {
		request_refuse(request, &failure);
		return;
	}
	if (!request_step(request, device, EVENT_ASSIGN))
		return;
	err = check_assign(daemon, device, &owner, &failure);
	if (!err && state_step(device->state, EVENT_ASSIGN).action == ACT_HAND_ON)
		err = hand_on(request, device, &owner, &failure);
	else if (!err)
		err = take(daemon, request, device, &owner, NULL, &failure);
	if (err)
		request_refuse(request, &failure);
}

int assign_member(struct daemon *daemon, struct device *device, const struct owner *owner, struct failure *failure)
{
	int err = check_assign(daemon, device, owner, failure);

	return err ? err : take(daemon, NULL, device, owner, NULL, failure);
}

/* ---- what is kept ---- */

static void take_again(struct daemon *daemon, struct device *device)
{
	const struct journal_record *kept = kept_find(daemon->kept, device->facts.address);
	struct failure failure;

	device->returns = false;
	daemon->returning--;
	if (device->state != VFIOD_UNMANAGED)
		return; /* somebody was faster */
	if (kept && !check_assign(daemon, device, &kept->owner, &failure) &&
	    !take(daemon, NULL, device, &kept->owner, kept, &failure))
		return;
	if (kept)
		not_again(device, &failure);
	daemon->orphans = true;
	if (device->has_origin) {
		assign_undo(daemon, device);
		return;
	}
	device->owner = (struct owner){ VFIOD_NONE, VFIOD_NONE };
	saved_note(daemon, device); /* the vfiod before may have noted that it had begun */
}

/* All of its group that was to come has come, or will not. */
static void unpark(struct daemon *daemon, struct device *device)
{
	struct assign_job *assign = (struct assign_job *)device->parked;

	device->parked = NULL;
	daemon->returning--;
	assign->waits = false;
	assign->failure.error = 0;
	check_there(assign);
	workers_start(daemon->workers, &assign->job);
}

void assign_go_on(struct daemon *daemon)
{
	for (size_t i = 0; daemon->returning && i < daemon->devices.count; i++) {
		struct device *device = daemon->devices.list[i], *sibling;

		if (!device->returns && !device->parked)
			continue;
		sibling = devices_occupied_sibling(&daemon->devices, device);
		if (sibling && sibling->state == VFIOD_FREE)
			warm_down(daemon, sibling);
		else if (!sibling && device->returns)
			take_again(daemon, device);
		else if (!sibling && !returns_sibling(daemon, device))
			unpark(daemon, device);
	}
	if (daemon->orphans)
		give_back_orphans(daemon);
}

void assign_again(struct daemon *daemon, struct device *device)
{
	const struct journal_record *kept = kept_find(daemon->kept, device->facts.address);

	if (device->returns || !kept)
		return;
	if (kept->vfs.count) {
		sriov_again(device, kept);
		return;
	}
	device->returns = true;
	device->owner = kept->owner;
	daemon->returning++;
}

void assign_appeared(struct daemon *daemon, struct device *device)
{
	const struct journal_record *kept = kept_find(daemon->kept, device->facts.address);
	const struct journal_identity now = journal_identity_of(&device->facts);
	char text[PROTO_ADDRESS_LEN];

	if (!kept || device->state != VFIOD_UNMANAGED || sriov_is_member(device))
		return;
	if (memcmp(&kept->identity, &now, sizeof(now))) {
		snprintf(device->reason, sizeof(device->reason),
			 "not assigned: it is another device than the one that was assigned here");
		log_event(LOG_EVENT_NOT_ASSIGNED,
			  &(struct log_about){ .device = &device->facts.address, .priority = LOG_WARNING },
			  "%s: another device than the one that is assigned there; it stays with the host",
			  proto_address_format(device->facts.address, text));
		return;
	}
	assign_again(daemon, device);
	assign_go_on(daemon);
}

/* ---- giving it back ---- */

/* Somebody else has taken it from its VFIO driver: by hand, or the kernel, when a driver that was missing came back. */
static bool left_vfio(uint64_t address)
{
	struct facts facts = { .address = address };

	facts_refresh_driver(&facts);
	return !facts_on_vfio(&facts);
}

/* Never an unbind under an open file: it would hang until that is closed.  A group that is not viable (-EPERM) could be
 * opened, so nobody else has. */
static int check_is_closed(struct assign_job *unassign)
{
	int err;

	if (left_vfio(unassign->address))
		return 0;
	err = check_group_is_ours(unassign->group, 0, &unassign->failure);
	if (err && err != -EPERM)
		return err;
	unassign->failure.error = 0;
	return unassign->is_dirty ? clean_for_host(unassign->address, &unassign->failure) : 0;
}

static int give_back(struct assign_job *unassign)
{
	int err = check_is_closed(unassign);

	if (err)
		return err;
	return (unassign->undo ? bind_undo : bind_give_back)(unassign->address, &unassign->origin, unassign->driver,
							     &unassign->failure);
}

/* Not to the host: what else of its group is assigned could not be used then. */
static int put_aside(struct assign_job *unassign)
{
	int err = check_is_closed(unassign);

	if (!err)
		err = companions_place(unassign->address, unassign->stay, unassign->choice, &unassign->failure);
	sysfs_link(unassign->address, "driver", unassign->driver, sizeof(unassign->driver));
	return err;
}

/* It is kept no longer before it goes: else it could come back with the next boot. */
static void unassign_run(struct job *job)
{
	struct assign_job *unassign = (struct assign_job *)job;
	struct failure failure;

	vfio_close(&unassign->files);
	if (!unassign->undo && kept_remove(unassign->state_dir, unassign->address, &unassign->failure))
		return;
	if ((unassign->stay ? put_aside(unassign) : give_back(unassign)) && !unassign->undo)
		kept_write(unassign->state_dir, &unassign->record, &failure);
}

static void forget_owner(struct device *device)
{
	device->owner = (struct owner){ VFIOD_NONE, VFIOD_NONE };
	device->has_origin = device->has_header = device->companion = device->joining = false;
	memset(&device->origin, 0, sizeof(device->origin));
}

static void unassigned(struct assign_job *unassign)
{
	struct device *device = unassign->device;
	char text[PROTO_ADDRESS_LEN];
	struct ending ending = { .request = unassign->request, .undo = unassign->undo };

	if (!unassign->undo)
		kept_drop(unassign->daemon->kept, unassign->address);
	if (unassign->stay) {
		device->companion = true;
		device->has_header = false;
		step_take(unassign->daemon, device, EVENT_JOIN);
	} else {
		step_take(unassign->daemon, device, EVENT_DONE);
		forget_owner(device);
	}
	if (!unassign->undo || !kept_find(unassign->daemon->kept, unassign->address))
		device->reason[0] = '\0'; /* else it is why it could not be taken again */
	log_event(LOG_EVENT_UNASSIGNED, &(struct log_about){ .device = &unassign->address, .op = "UNASSIGN" },
		  "%s %s, driver %s", proto_address_format(unassign->address, text),
		  unassign->stay ? "is not assigned any more, and stays as a companion of its IOMMU group"
				 : "given back to the host",
		  unassign->driver[0] ? unassign->driver : "none");
	memcpy(ending.driver, unassign->driver, sizeof(ending.driver));
	conclude(unassign->daemon, unassign->group, &ending);
}

static void not_unassigned(struct assign_job *unassign)
{
	struct device *device = unassign->device;
	char text[PROTO_ADDRESS_LEN];

	snprintf(device->reason, sizeof(device->reason), "%.127s", unassign->failure.text);
	step_take(unassign->daemon, device, EVENT_FAILED);
	metrics_count(&unassign->daemon->metrics, VFIOD_STAT_QUARANTINES);
	log_event(LOG_EVENT_QUARANTINED,
		  &(struct log_about){ .device = &unassign->address,
				       .op = "UNASSIGN",
				       .reason = failure_reason_word(unassign->failure.error) },
		  "%s is quarantined: %s", proto_address_format(unassign->address, text), unassign->failure.text);
	if (unassign->request)
		request_refuse(unassign->request, &unassign->failure);
	else
		sriov_refused(device, &unassign->failure);
}

static void unassign_done(struct job *job)
{
	struct assign_job *unassign = (struct assign_job *)job;
	struct device *device = unassign->device;
	struct daemon *daemon = unassign->daemon;

	facts_refresh_driver(&device->facts);
	pci_events_follow(daemon);
	if (unassign->failure.error)
		not_unassigned(unassign);
	else
		unassigned(unassign);
	job_free(unassign);
	daemon_settled(daemon, device);
}

static int unassign(struct daemon *daemon, struct request *request, struct device *device, bool undo,
		    struct failure *failure)
{
	struct assign_job *made = job_new(daemon, request, device, unassign_run, unassign_done);
	int err;

	if (made) {
		made->undo = undo;
		made->is_dirty = !undo && device->state == VFIOD_QUARANTINED;
		made->files = warm_take(device);
		made->choice = policy_driver(daemon->config, &device->facts);
		made->stay = device->has_origin ? companions_stay(daemon, device) : COMPANIONS_REFUSE;
	}
	err = job_start(made, daemon, device, EVENT_UNASSIGN, failure);
	if (err && made)
		job_free(made);
	return err;
}

int assign_leave(struct daemon *daemon, struct device *device, struct failure *failure)
{
	return unassign(daemon, NULL, device, true, failure);
}

int assign_undo(struct daemon *daemon, struct device *device)
{
	struct failure failure;
	int err;

	device->state = VFIOD_QUARANTINED;
	err = unassign(daemon, NULL, device, true, &failure);
	if (err) {
		log_line(LOG_ERR, "%s", failure.text);
		saved_note(daemon, device); /* it stays what it is now */
	}
	return err;
}

void assign_give_back(struct daemon *daemon, struct device *device)
{
	struct failure failure;

	if (unassign(daemon, NULL, device, false, &failure))
		log_line(LOG_ERR, "%s", failure.text);
}

/* ---- companions, when nothing of their group is assigned any more ---- */

static void leave_run(struct job *job)
{
	give_back((struct assign_job *)job);
}

/* One that did not go back to where it was is the host's all the same: nobody has used it. */
static void left(struct assign_job *leave)
{
	struct device *device = leave->device;
	char text[PROTO_ADDRESS_LEN];

	facts_refresh_driver(&device->facts);
	step_take(leave->daemon, device, EVENT_DONE);
	forget_owner(device);
	proto_address_format(leave->address, text);
	if (leave->failure.error) {
		snprintf(device->reason, sizeof(device->reason), "%.127s", leave->failure.text);
		log_event(LOG_EVENT_WENT_BACK,
			  &(struct log_about){ .device = &leave->address,
					       .reason = failure_reason_word(leave->failure.error),
					       .priority = LOG_ERR },
			  "%s, which was taken along, is the host's again: %s", text, leave->failure.text);
	} else {
		log_event(LOG_EVENT_WENT_BACK, &(struct log_about){ .device = &leave->address },
			  "%s, which was taken along, is given back to the host, driver %s", text,
			  leave->driver[0] ? leave->driver : "none");
	}
	if (leave->failure.error && !leave->ending.failure.error)
		failure_set(&leave->ending.failure, leave->failure.error, "all is given back, but %.440s",
			    leave->failure.text);
}

static void leave_done(struct job *job)
{
	struct assign_job *leave = (struct assign_job *)job;
	struct device *device = leave->device;
	struct daemon *daemon = leave->daemon;

	left(leave);
	pci_events_follow(daemon);
	conclude(daemon, leave->group, &leave->ending);
	job_free(leave);
	daemon_settled(daemon, device);
}

static int leave(struct daemon *daemon, struct device *device, const struct ending *ending)
{
	struct assign_job *made = job_new(daemon, NULL, device, leave_run, leave_done);
	struct failure failure;
	int err;

	if (made) {
		made->undo = ending->undo;
		made->ending = *ending;
	}
	err = job_start(made, daemon, device, EVENT_LEAVE, &failure);
	if (!err)
		return 0;
	log_line(LOG_ERR, "a companion cannot be given back: %s", failure.text);
	if (made)
		job_free(made);
	return err;
}

static void answer(const struct ending *ending)
{
	struct vfiod_unassign_rep rep = { 0 };

	if (!ending->request)
		return;
	memcpy(rep.driver, ending->driver, sizeof(rep.driver));
	if (ending->failure.error)
		request_refuse(ending->request, &ending->failure);
	else
		request_reply(ending->request, &rep, sizeof(rep), NULL, 0);
}

/* A request is answered when the last one is back; so an answer means that all is as it was, or as it has to be. */
static void conclude(struct daemon *daemon, uint32_t group, const struct ending *ending)
{
	struct device *orphan = companions_orphan(&daemon->devices, group, ending->undo);

	if (orphan && !leave(daemon, orphan, ending))
		return;
	daemon->orphans = daemon->orphans || orphan;
	answer(ending);
}

static void give_back_orphans(struct daemon *daemon)
{
	const struct ending nobody = { .request = NULL };

	daemon->orphans = false;
	for (size_t i = 0; i < daemon->devices.count; i++) {
		struct device *device = daemon->devices.list[i];

		if (device->state == VFIOD_COMPANION && !companions_leader(&daemon->devices, device) &&
		    leave(daemon, device, &nobody))
			daemon->orphans = true;
	}
}

/* ---- an assignment of what the host has, or what is not there ---- */

struct forget_job {
	struct job job; /* first: it is what the worker knows of us */
	struct request *request;
	struct device *device; /* the loop's: not to be touched in the thread; or NULL */
	const char *state_dir;
	struct journal_record kept;
	struct failure failure;
};

static void forget_run(struct job *job)
{
	struct forget_job *forget = (struct forget_job *)job;

	kept_remove(forget->state_dir, forget->kept.address, &forget->failure);
}

static void forget_done(struct job *job)
{
	struct forget_job *forget = (struct forget_job *)job;
	struct daemon *daemon = forget->request->daemon;
	struct device *device = forget->device;
	struct vfiod_unassign_rep rep = { 0 };
	char text[PROTO_ADDRESS_LEN];

	if (forget->failure.error) {
		kept_note(daemon->kept, &forget->kept);
		request_refuse(forget->request, &forget->failure);
	} else {
		log_event(LOG_EVENT_UNASSIGNED,
			  &(struct log_about){ .device = &forget->kept.address, .op = "UNASSIGN" },
			  "%s is not assigned any more", proto_address_format(forget->kept.address, text));
		if (device && device->state == VFIOD_UNMANAGED) {
			device->left_to_host = false;
			device->reason[0] = '\0';
			saved_note(daemon, device);
			snprintf(rep.driver, sizeof(rep.driver), "%s", device->facts.driver);
		}
		request_reply(forget->request, &rep, sizeof(rep), NULL, 0);
	}
	free(forget);
	if (device) {
		device->forgetting = false;
		daemon_settled(daemon, device);
	}
}

/* @device is the host's, or not there (NULL). */
static void forget(struct request *request, struct device *device, const struct journal_record *kept)
{
	struct daemon *daemon = request->daemon;
	struct forget_job *made = calloc(1, sizeof(*made));
	struct failure failure;

	if (!made) {
		failure_set(&failure, -ENOMEM, "vfiod is out of memory");
		request_refuse(request, &failure);
		return;
	}
	made->job.run = forget_run;
	made->job.done = forget_done;
	made->request = request;
	made->device = device;
	made->state_dir = daemon->state_dir;
	made->kept = *kept;
	if (device)
		device->forgetting = true;
	workers_start(daemon->workers, &made->job);
	kept_drop(daemon->kept, made->kept.address); /* at once: it is not to be taken again meanwhile */
}

void request_unassign(struct request *request, const struct vfiod_unassign_req *body)
{
	struct daemon *daemon = request->daemon;
	uint64_t address = le64toh(body->address);
	struct device *device = devices_find(&daemon->devices, address);
	const struct journal_record *kept = kept_find(daemon->kept, address);
	struct failure failure;

	if (device && device->set) {
		sriov_release(request, device);
		return;
	}
	if ((!device || device->state == VFIOD_UNMANAGED) && kept) {
		forget(request, device, kept);
		return;
	}
	device = request_find(request, address);
	if (device && sriov_check_alone(device, &failure)) {
		request_refuse(request, &failure);
		return;
	}
	if (!device || !request_step(request, device, EVENT_UNASSIGN))
		return;
	if (unassign(daemon, request, device, false, &failure))
		request_refuse(request, &failure);
}
