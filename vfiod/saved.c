/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vfiod/saved.h"

#include "proto/address.h"
#include "vfiod/daemon.h"
#include "vfiod/handles.h"
#include "vfiod/lease.h"
#include "vfiod/log.h"
#include "vfiod/revoke.h"
#include "vfiod/terms.h"
#include "vfiod/watch.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define MAGIC	0x31766173u /* changes with each change of the structures: the file is of one version of vfiod */
#define NO_TIME UINT64_MAX

struct saved_head {
	uint32_t magic;
	uint32_t count;
	uint64_t last_lease;
};

struct saved_device {
	uint64_t address;
	uint32_t vendor_device; /* another card in the slot is another function */
	struct owner owner;
	struct bind_origin origin;
	struct clean_header header;
	char reason[128]; /* why it is quarantined; empty: it is not */
	/* its lease */
	uint64_t lease;
	uint32_t uid, pid;
	uint32_t by_handles;
	uint64_t deadline_ms; /* when it is to end, by the monotonic clock, or NO_TIME */
};

/* ---- writing ---- */

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static uint64_t deadline_of(const struct lease *lease)
{
	struct timeval when, now;

	if (!lease->deadline || !evtimer_pending(lease->deadline, &when))
		return NO_TIME;
	event_base_gettimeofday_cached(event_get_base(lease->deadline), &now);
	evutil_timersub(&when, &now, &when);
	if (when.tv_sec < 0) /* it is over, and about to be told */
		return now_ms();
	return now_ms() + (uint64_t)when.tv_sec * 1000 + (uint64_t)when.tv_usec / 1000;
}

/* What is being ended is to end, also when we die over it. */
static uint64_t end_of(const struct device *device)
{
	return device->state == VFIOD_REVOKING ? now_ms() : deadline_of(&device->lease);
}

static void describe(const struct device *device, struct saved_device *saved)
{
	*saved = (struct saved_device){
		.address = device->facts.address,
		.vendor_device = (uint32_t)device->facts.device << 16 | device->facts.vendor,
		.owner = device->owner,
		.origin = device->origin,
		.header = device->header,
		.lease = device->lease.id,
		.uid = device->lease.uid,
		.pid = device->lease.pid,
		.by_handles = device->lease.by_handles,
		.deadline_ms = end_of(device),
	};
	memcpy(saved->reason, device->reason, sizeof(saved->reason));
}

/* One that is on its way to being assigned, or away from it, is not. */
static bool is_assigned(const struct device *device)
{
	return device->state != VFIOD_UNMANAGED && device->state != VFIOD_ASSIGNING;
}

static int write_to(FILE *file, const struct daemon *daemon)
{
	struct saved_head head = { .magic = MAGIC, .last_lease = daemon->last_lease };
	struct saved_device saved;

	for (size_t i = 0; i < daemon->devices.count; i++)
		head.count += is_assigned(daemon->devices.list[i]);
	fwrite(&head, sizeof(head), 1, file);
	for (size_t i = 0; i < daemon->devices.count; i++) {
		if (!is_assigned(daemon->devices.list[i]))
			continue;
		describe(daemon->devices.list[i], &saved);
		fwrite(&saved, sizeof(saved), 1, file);
	}
	return fflush(file) || ferror(file) ? -EIO : 0;
}

void saved_write(struct daemon *daemon)
{
	char path[PATH_MAX], fresh[PATH_MAX + 4];
	FILE *file;
	int err;

	if (!daemon->runtime_dir)
		return;
	snprintf(path, sizeof(path), "%s/state", daemon->runtime_dir);
	snprintf(fresh, sizeof(fresh), "%s.new", path);
	file = fopen(fresh, "we");
	err = file ? write_to(file, daemon) : -errno;
	if (file)
		fclose(file);
	if (!err && rename(fresh, path))
		err = -errno;
	if (err)
		metrics_count(&daemon->metrics, VFIOD_STAT_SAVE_FAILURES);
	if (err)
		log_event(LOG_EVENT_NOT_SAVED, NULL,
			  "%s cannot be written: %s; after a restart vfiod would not know of what has changed", path,
			  strerror(-err));
}

/* ---- reading ---- */

static void restore_device(struct daemon *daemon, const struct saved_device *saved)
{
	struct device *device = devices_find(&daemon->devices, saved->address);
	char text[PROTO_ADDRESS_LEN];

	proto_address_format(saved->address, text);
	if (device)
		facts_refresh_driver(&device->facts);
	if (!device || ((uint32_t)device->facts.device << 16 | device->facts.vendor) != saved->vendor_device ||
	    !facts_on_vfio(&device->facts)) {
		log_line(LOG_WARNING, "%s was assigned, and is with no VFIO driver any more: it is the host's now",
			 text);
		return;
	}
	device->owner = saved->owner;
	device->origin = saved->origin;
	facts_note_host_driver(&device->facts, device->origin.driver);
	device->header = saved->header;
	memcpy(device->reason, saved->reason, sizeof(device->reason));
	device->state = saved->reason[0] ? VFIOD_QUARANTINED : VFIOD_LEASED;
	if (device->state == VFIOD_QUARANTINED)
		return;
	device->lease.id = saved->lease;
	device->lease.uid = saved->uid;
	device->lease.pid = saved->pid;
}

static int read_from(FILE *file, struct daemon *daemon, struct saved_device **saved, uint32_t *count)
{
	struct saved_head head;
	struct saved_device *list;

	if (fread(&head, sizeof(head), 1, file) != 1 || head.magic != MAGIC || head.count > 65536)
		return -EBADMSG;
	list = calloc(head.count + 1, sizeof(*list));
	if (!list)
		return -ENOMEM;
	if (fread(list, sizeof(*list), head.count, file) != head.count) {
		free(list);
		return -EBADMSG;
	}
	daemon->last_lease = head.last_lease;
	*saved = list;
	*count = head.count;
	return 0;
}

static void read_file(struct daemon *daemon, const char *runtime_dir, struct saved_device **saved, uint32_t *count)
{
	char path[PATH_MAX];
	FILE *file;
	int err;

	snprintf(path, sizeof(path), "%s/state", runtime_dir);
	file = fopen(path, "re");
	if (!file && errno == ENOENT)
		return;
	err = file ? read_from(file, daemon, saved, count) : -errno;
	if (file)
		fclose(file);
	if (err)
		log_line(LOG_ERR, "%s cannot be read (%s): what was assigned has to be assigned again", path,
			 err == -EBADMSG ? "it is not of this version of vfiod" : strerror(-err));
}

/* ---- the module's table ---- */

/* While the table is read for the first time: a lease that goes on, or is to be ended. */
static void adopt_handle(void *data, const struct vfiod_handle_info *info)
{
	struct daemon *daemon = data;
	struct handle_note note;
	struct device *device;

	handles_note(info, &note);
	if (info->lease > daemon->last_lease)
		daemon->last_lease = info->lease;
	if (info->state == VFIOD_HANDLE_ENDED) {
		handles_forget(daemon->handles, info->id);
		return;
	}
	device = devices_find(&daemon->devices, note.address);
	if (!device || device->state != VFIOD_LEASED || (device->lease.by_handles && device->lease.id != info->lease)) {
		lease_handle_changed(daemon, info);
		return;
	}
	device->lease.id = info->lease;
	device->lease.uid = note.uid;
	device->lease.pid = note.pid;
	device->lease.until_ms = note.until_ms;
	device->lease.by_handles = true;
	device->lease.handles[info->kind == VFIOD_HANDLE_DEVICE] = info->id;
	if (info->kind != VFIOD_HANDLE_DEVICE)
		return;
	device->lease.closed_again = info->state != VFIOD_HANDLE_LIVE || info->flags & VFIOD_HANDLE_CLOSED;
}

/*
 * A lease lives as long as its device's handle, which is made last and shut with the container's: else the vfiod before
 * us died over making or ending it.  The container's the client may have closed.
 */
static bool goes_on(const struct lease *lease)
{
	return lease->by_handles && lease->handles[1] && !lease->closed_again;
}

static void resume(struct daemon *daemon, struct device *device, const struct saved_device *saved)
{
	char text[PROTO_ADDRESS_LEN], node[32];

	proto_address_format(device->facts.address, text);
	if (goes_on(&device->lease)) {
		log_line(LOG_INFO, "%s: lease %llu of user %u goes on", text, (unsigned long long)device->lease.id,
			 device->lease.uid);
		terms_resume(daemon, device);
		if (saved->lease == device->lease.id && saved->deadline_ms != NO_TIME) {
			uint64_t now = now_ms();

			revoke_announce(daemon, device,
					saved->deadline_ms > now ? (uint32_t)(saved->deadline_ms - now) : 0);
		}
		return;
	}
	if (!device->lease.by_handles && saved->by_handles)
		device->lease.id = 0; /* the module knows no such lease any more: it has ended */
	if (device->lease.id && !device->lease.by_handles) {
		vfio_group_node(device->facts.group, node);
		watch_add(daemon->watch, node, &device->lease.watch);
	}
	revoke_check(daemon, device);
}

void saved_restore(struct daemon *daemon, const char *runtime_dir)
{
	struct saved_device *saved = NULL;
	struct device *device;
	uint32_t count = 0;

	read_file(daemon, runtime_dir, &saved, &count);
	for (uint32_t i = 0; i < count; i++)
		restore_device(daemon, &saved[i]);
	if (daemon_handles(daemon))
		handles_read(daemon->handles, adopt_handle, daemon);
	for (uint32_t i = 0; i < count; i++) {
		device = devices_find(&daemon->devices, saved[i].address);
		if (device && device->state == VFIOD_LEASED)
			resume(daemon, device, &saved[i]);
	}
	free(saved);
	/* not before all is known: the vfiod after us would miss what we had not come to */
	daemon->runtime_dir = runtime_dir;
	if (count)
		saved_write(daemon);
}
