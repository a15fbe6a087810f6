/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Taking a function from the host, and giving it back: the handlers of ASSIGN and UNASSIGN, and their jobs. */
#include "proto/address.h"
#include "vfiod/bind.h"
#include "vfiod/clean.h"
#include "vfiod/config.h"
#include "vfiod/daemon.h"
#include "vfiod/group.h"
#include "vfiod/inuse.h"
#include "vfiod/log.h"
#include "vfiod/pci_events.h"
#include "vfiod/request.h"
#include "vfiod/saved.h"
#include "vfiod/step.h"
#include "vfiod/vfio.h"
#include "vfiod/warm.h"
#include "vfiod/worker.h"

#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct assign_job {
	struct job job; /* first: it is what the worker knows of us */
	struct request *request;
	struct device *device; /* the loop's: not to be touched in the thread */
	/* what the thread needs */
	uint64_t address;
	uint32_t group;
	struct owner owner;
	enum clean_reset reset;
	enum driver_choice choice;
	/* what it found out */
	struct bind_origin origin;
	struct clean_header header;
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
static int check_group_is_ours(uint32_t group, struct failure *failure)
{
	int fd, err = vfio_open_group(group, &fd, failure);

	if (!err)
		close(fd);
	return err;
}

/* The function has the driver that it had before. */
static bool is_unmoved(uint64_t address, const struct bind_origin *origin)
{
	struct facts facts = { .address = address };

	facts_refresh_driver(&facts);
	return !strcmp(facts.driver, origin->driver);
}

static void assign_run(struct job *job)
{
	struct assign_job *assign = (struct assign_job *)job;
	struct failure undo, why;

	if (inuse_check(assign->address, &assign->failure))
		return;
	/* a VFIO driver of another maker may have it, open in a virtual machine: to unbind it would hang */
	if (check_group_is_ours(assign->group, &assign->failure) == -EBUSY)
		return;
	assign->failure.error = 0;
	if (bind_take(assign->address, assign->choice, &assign->origin, &assign->failure))
		return;
	if (!check_group_is_ours(assign->group, &assign->failure) &&
	    !clean_function(assign->address, assign->reset, NULL, &assign->header, &assign->failure))
		return;
	/* one that was there already may be open in a client of the vfiod before us: to unbind it would hang */
	if (is_unmoved(assign->address, &assign->origin))
		return;
	if (!bind_undo(assign->address, &assign->origin, assign->driver, &undo))
		return;
	why = assign->failure;
	failure_set(&assign->failure, why.error, "%.240s; and then: %.200s", why.text, undo.text);
}

/* Who looks into why a function has another user's state finds the site's reason for it. */
static void tell_of_no_reset(const struct daemon *daemon, const struct device *device)
{
	const struct rule *rule = policy_rule(daemon->config, &device->facts);
	char text[PROTO_ADDRESS_LEN];

	if (rule && rule->reset == CLEAN_RESET_NONE)
		log_line(LOG_WARNING, "%s is not reset between its users, by rule \"%s\": %s",
			 proto_address_format(device->facts.address, text), rule->name, rule->reset_reason);
}

static void assign_done(struct job *job)
{
	struct assign_job *assign = (struct assign_job *)job;
	struct device *device = assign->device;
	struct daemon *daemon = assign->request->daemon;
	struct vfiod_assign_rep rep = { 0 };
	char text[PROTO_ADDRESS_LEN], owner[32];
	bool gone = device->gone;

	facts_refresh_driver(&device->facts);
	pci_events_follow(daemon);
	if (assign->failure.error) {
		step_take(daemon, device, EVENT_FAILED);
		device->owner = (struct owner){ VFIOD_NONE, VFIOD_NONE };
		request_refuse(assign->request, &assign->failure);
	} else {
		step_take(daemon, device, EVENT_DONE);
		device->origin = assign->origin;
		device->header = assign->header;
		log_line(LOG_INFO, "%s assigned to %s, taken from driver %s, bound to %s",
			 proto_address_format(assign->address, text), owner_text(&assign->owner, owner),
			 assign->origin.driver[0] ? assign->origin.driver : "none", device->facts.driver);
		tell_of_no_reset(daemon, device);
		snprintf(rep.driver, sizeof(rep.driver), "%s", device->facts.driver);
		snprintf(rep.original_driver, sizeof(rep.original_driver), "%s", device->origin.driver);
		saved_write(daemon);
		request_reply(assign->request, &rep, sizeof(rep), NULL, 0);
	}
	free(assign);
	daemon_settled(daemon, device);
	if (!gone)
		warm_up(daemon, device);
}

static struct assign_job *job_new(struct request *request, struct device *device, void (*run)(struct job *),
				  void (*done)(struct job *))
{
	struct assign_job *made = calloc(1, sizeof(*made));

	if (!made)
		return NULL;
	made->job.run = run;
	made->job.done = done;
	made->request = request;
	made->device = device;
	made->address = device->facts.address;
	made->group = device->facts.group;
	made->owner = device->owner;
	made->origin = device->origin;
	made->files = VFIO_NO_FILES;
	return made;
}

/* Hands the request to the job, or answers it; @made may be NULL. */
static int job_start(struct request *request, struct device *device, enum state_event event, struct assign_job *made)
{
	int err = made ? step_start(request->daemon, device, event, &made->job) : -ENOMEM;
	struct failure failure;

	if (!err)
		return 0;
	failure_set(&failure, err, "vfiod could not start a worker thread: %s; try again", strerror(-err));
	request_refuse(request, &failure);
	if (made)
		vfio_close(&made->files);
	free(made);
	return err;
}

/* A clean function goes from one owner to the next without the host's seeing it. */
static void reassign(struct request *request, struct device *device, const struct owner *owner)
{
	struct vfiod_assign_rep rep = { 0 };
	char text[PROTO_ADDRESS_LEN], name[32];

	device->owner = *owner;
	saved_write(request->daemon);
	log_line(LOG_INFO, "%s assigned to %s", proto_address_format(device->facts.address, text),
		 owner_text(owner, name));
	snprintf(rep.driver, sizeof(rep.driver), "%s", device->facts.driver);
	snprintf(rep.original_driver, sizeof(rep.original_driver), "%s", device->origin.driver);
	request_reply(request, &rep, sizeof(rep), NULL, 0);
}

/* Everything that can be said without a thread: policy, and the neighbours in the IOMMU group. */
static int check_assign(struct daemon *daemon, struct device *device, const struct owner *owner,
			struct failure *failure)
{
	struct facts fresh;
	int err;

	if (facts_read(daemon->udev, device->facts.address, &fresh))
		return failure_set(failure, -ENODEV, "the function has just been unplugged");
	devices_put(&daemon->devices, &fresh); /* it is there already: nothing that could fail */
	for (size_t i = 0; i < daemon->devices.count; i++)
		if (daemon->devices.list[i]->facts.group == fresh.group)
			facts_refresh_driver(&daemon->devices.list[i]->facts);
	err = policy_may_assign(daemon->config, &device->facts, failure);
	return err ? err : group_check(&daemon->devices, device, owner, failure);
}

void request_assign(struct request *request, const struct vfiod_assign_req *body)
{
	struct owner owner = { le32toh(body->uid), le32toh(body->gid) };
	/* last: without a device there is no request any more */
	struct device *device = request_find(request, le64toh(body->address));
	struct assign_job *assign;
	char text[PROTO_ADDRESS_LEN];
	struct failure failure;

	if (!device)
		return;
	if ((owner.uid == VFIOD_NONE) == (owner.gid == VFIOD_NONE)) {
		failure_set(&failure, -EINVAL, "a function is assigned to either a user or a group");
		request_refuse(request, &failure);
		return;
	}
	if (!request_step(request, device, EVENT_ASSIGN))
		return;
	if (check_assign(request->daemon, device, &owner, &failure)) {
		request_refuse(request, &failure);
		return;
	}
	if (device->state == VFIOD_FREE && facts_on_vfio(&device->facts)) {
		reassign(request, device, &owner);
		return;
	}
	if (device->state == VFIOD_FREE) {
		failure_set(&failure, -EBUSY,
			    "%s is with driver %s now, behind vfiod's back; release it first: vfioctl release %s",
			    proto_address_format(device->facts.address, text),
			    device->facts.driver[0] ? device->facts.driver : "none", text);
		request_refuse(request, &failure);
		return;
	}
	assign = job_new(request, device, assign_run, assign_done);
	if (assign) {
		assign->owner = owner;
		assign->reset = policy_reset(request->daemon->config, &device->facts);
		assign->choice = policy_driver(request->daemon->config, &device->facts);
	}
	if (!job_start(request, device, EVENT_ASSIGN, assign))
		device->owner = owner;
}

/* Somebody else has taken it from its VFIO driver: by hand, or the kernel, when a driver that was missing came back. */
static bool left_vfio(uint64_t address)
{
	struct facts facts = { .address = address };

	facts_refresh_driver(&facts);
	return !facts_on_vfio(&facts);
}

static void unassign_run(struct job *job)
{
	struct assign_job *unassign = (struct assign_job *)job;

	vfio_close(&unassign->files);
	/* Never an unbind under an open file: it would hang until that is closed.  A group that is not viable (-EPERM)
	 * could be opened, so nobody else has. */
	if (!left_vfio(unassign->address)) {
		int err = check_group_is_ours(unassign->group, &unassign->failure);

		if (err && err != -EPERM)
			return;
		unassign->failure.error = 0;
	}
	bind_give_back(unassign->address, &unassign->origin, unassign->driver, &unassign->failure);
}

static void unassign_done(struct job *job)
{
	struct assign_job *unassign = (struct assign_job *)job;
	struct device *device = unassign->device;
	struct daemon *daemon = unassign->request->daemon;
	struct vfiod_unassign_rep rep = { 0 };
	char text[PROTO_ADDRESS_LEN];

	facts_refresh_driver(&device->facts);
	pci_events_follow(daemon);
	if (unassign->failure.error) {
		step_take(daemon, device, EVENT_FAILED);
		snprintf(device->reason, sizeof(device->reason), "%.127s", unassign->failure.text);
		request_refuse(unassign->request, &unassign->failure);
	} else {
		step_take(daemon, device, EVENT_DONE);
		device->owner = (struct owner){ VFIOD_NONE, VFIOD_NONE };
		memset(&device->origin, 0, sizeof(device->origin));
		device->reason[0] = '\0';
		log_line(LOG_INFO, "%s given back to the host, driver %s",
			 proto_address_format(unassign->address, text),
			 unassign->driver[0] ? unassign->driver : "none");
		snprintf(rep.driver, sizeof(rep.driver), "%s", unassign->driver);
		request_reply(unassign->request, &rep, sizeof(rep), NULL, 0);
	}
	saved_write(daemon);
	free(unassign);
	daemon_settled(daemon, device);
}

void request_unassign(struct request *request, const struct vfiod_unassign_req *body)
{
	struct device *device = request_find(request, le64toh(body->address));
	struct assign_job *unassign;

	if (!device || !request_step(request, device, EVENT_UNASSIGN))
		return;
	unassign = job_new(request, device, unassign_run, unassign_done);
	if (unassign)
		unassign->files = warm_take(device);
	job_start(request, device, EVENT_UNASSIGN, unassign);
}
