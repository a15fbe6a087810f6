/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vfiod/saved.h"

#include "vfiod/clock.h"
#include "vfiod/daemon.h"
#include "vfiod/log.h"
#include "vfiod/sriov.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define SLOTS_MIN 7 /* with the head, a page */

struct saved {
	char path[PATH_MAX];
	int fd; /* -1: it could not be made */
	size_t slots;
	struct device **at; /* whose record each slot has, or NULL */
};

/* ---- what a function is ---- */

static void describe(const struct daemon *daemon, const struct device *device, struct journal_record *record)
{
	enum vfiod_state state = state_noted(device->state);

	if (state == VFIOD_LEASED && !device->lease.id)
		state = VFIOD_FREE; /* and not known to be clean, which no free one is to the next vfiod */

	*record = (struct journal_record){
		.address = device->facts.address,
		.state = state,
		.last_lease = daemon->last_lease,
		.identity = journal_identity_of(&device->facts),
		.owner = device->owner,
		.companion = device->companion,
		.has_origin = device->has_origin,
		.has_header = device->has_header,
		.origin = device->origin,
		.header = device->header,
		.lease.deadline_ms = JOURNAL_NO_TIME,
	};
	if (state == VFIOD_UNMANAGED)
		record->owner = (struct owner){ VFIOD_NONE, VFIOD_NONE };
	if (state == VFIOD_UNMANAGED && sriov_is_noted(device))
		sriov_describe(device, record);
	if (state == VFIOD_LEASED || state == VFIOD_REVOKING)
		record->lease = (struct journal_lease){
			.id = device->lease.id,
			.uid = device->lease.uid,
			.pid = device->lease.pid,
			.by_handles = device->lease.by_handles,
			.deadline_ms = device->lease.deadline ? device->lease.ends_ms : JOURNAL_NO_TIME,
		};
	if (state == VFIOD_QUARANTINED)
		snprintf(record->reason, sizeof(record->reason), "%s",
			 device->reason[0] ? device->reason : "it is not known to be clean");
}

static bool is_noted(const struct device *device)
{
	return device->state != VFIOD_GONE &&
	       (device->state != VFIOD_UNMANAGED || device->left_to_host || sriov_is_noted(device));
}

/* ---- the file ---- */

/* Puts a file in the place of the one that there is. Return: its descriptor, or a negative errno. */
static int replace(const char *path, const unsigned char *bytes, size_t size)
{
	char fresh[PATH_MAX + 4];
	int fd, err = 0;
	ssize_t written;

	snprintf(fresh, sizeof(fresh), "%s.new", path);
	fd = open(fresh, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	written = write(fd, bytes, size);
	if (written < 0 || (size_t)written != size)
		err = written < 0 ? -errno : -ENOSPC;
	else if (rename(fresh, path))
		err = -errno;
	if (!err)
		return fd;
	close(fd);
	unlink(fresh);
	return err;
}

void saved_contents_free(struct saved_contents *contents)
{
	free(contents->records);
	free(contents->devices);
}

int saved_contents_new(size_t room, struct saved_contents *contents)
{
	*contents = (struct saved_contents){
		.records = calloc(room + 1, sizeof(contents->records[0])),
		.devices = calloc(room + 1, sizeof(contents->devices[0])),
	};
	if (contents->records && contents->devices)
		return 0;
	saved_contents_free(contents);
	return -ENOMEM;
}

/* Who had a place and is not among @contents has none: its number is another one's now, or no place at all. */
static void take_slots(struct saved *saved, const struct saved_contents *contents, struct device **at, size_t slots)
{
	for (size_t i = 0; i < saved->slots; i++)
		if (saved->at[i])
			saved->at[i]->slot = 0;
	for (size_t i = 0; i < contents->count; i++) {
		at[i] = contents->devices[i];
		at[i]->slot = i + 1;
	}
	free(saved->at);
	saved->at = at;
	saved->slots = slots;
}

/* The file anew, with at least one slot that is free. */
static int rewrite(struct saved *saved, const struct saved_contents *contents)
{
	size_t slots = SLOTS_MIN;
	struct device **at;
	unsigned char *bytes;
	int fd = -ENOMEM;

	while (slots <= contents->count)
		slots = slots * 2 + 1;
	at = calloc(slots, sizeof(at[0]));
	bytes = calloc(slots + 1, JOURNAL_SIZE);
	if (at && bytes) {
		journal_encode_head((uint32_t)slots, bytes);
		for (size_t i = 0; i < contents->count; i++)
			journal_encode(&contents->records[i], bytes + (i + 1) * JOURNAL_SIZE);
		for (size_t i = contents->count; i < slots; i++)
			journal_encode_none(contents->last_lease, bytes + (i + 1) * JOURNAL_SIZE);
		fd = replace(saved->path, bytes, (slots + 1) * JOURNAL_SIZE);
	}
	free(bytes);
	if (fd < 0) {
		free(at);
		return fd;
	}
	if (saved->fd >= 0)
		close(saved->fd);
	saved->fd = fd;
	take_slots(saved, contents, at, slots);
	return 0;
}

/* The same, of all functions as they are now. */
static int rewrite_all(struct daemon *daemon)
{
	struct saved_contents contents;
	int err = saved_contents_new(daemon->devices.count, &contents);

	if (err)
		return err;
	for (size_t i = 0; i < daemon->devices.count; i++) {
		struct device *device = daemon->devices.list[i];

		if (!is_noted(device))
			continue;
		describe(daemon, device, &contents.records[contents.count]);
		contents.devices[contents.count++] = device;
	}
	contents.last_lease = daemon->last_lease;
	err = rewrite(daemon->saved, &contents);
	saved_contents_free(&contents);
	return err;
}

static int write_slot(const struct saved *saved, size_t slot, const unsigned char bytes[JOURNAL_SIZE])
{
	ssize_t written = pwrite(saved->fd, bytes, JOURNAL_SIZE, (off_t)(slot * JOURNAL_SIZE));

	if (written < 0)
		return -errno;
	return written == JOURNAL_SIZE ? 0 : -ENOSPC;
}

/* Return: whether device->slot is one of the file's now. */
static bool find_slot(struct saved *saved, struct device *device)
{
	for (size_t i = 0; !device->slot && i < saved->slots; i++)
		if (!saved->at[i]) {
			saved->at[i] = device;
			device->slot = i + 1;
		}
	return device->slot;
}

static int put(struct daemon *daemon, struct device *device)
{
	struct saved *saved = daemon->saved;
	unsigned char bytes[JOURNAL_SIZE];
	struct journal_record record;

	if (saved->fd < 0 || !find_slot(saved, device))
		return rewrite_all(daemon);
	describe(daemon, device, &record);
	journal_encode(&record, bytes);
	return write_slot(saved, device->slot, bytes);
}

/* Where that fails, what comes next goes into a file that is made anew: in this one a function could be there twice. */
static int clear(struct daemon *daemon, struct device *device)
{
	struct saved *saved = daemon->saved;
	unsigned char bytes[JOURNAL_SIZE];
	int err;

	if (!device->slot)
		return 0;
	saved->at[device->slot - 1] = NULL;
	journal_encode_none(daemon->last_lease, bytes);
	if (saved->fd < 0)
		err = rewrite_all(daemon);
	else
		err = write_slot(saved, device->slot, bytes);
	device->slot = 0;
	if (err && saved->fd >= 0) {
		close(saved->fd);
		saved->fd = -1;
	}
	return err;
}

int saved_note(struct daemon *daemon, struct device *device)
{
	int err;

	if (!daemon->saved)
		return 0;
	err = is_noted(device) ? put(daemon, device) : clear(daemon, device);
	device->is_behind = err;
	if (!err)
		return 0;
	metrics_count(&daemon->metrics, VFIOD_STAT_SAVE_FAILURES);
	log_event(LOG_EVENT_NOT_SAVED, &(struct log_about){ .device = &device->facts.address },
		  "%s cannot be written: %s; after a restart vfiod would not know of what has changed",
		  daemon->saved->path, strerror(-err));
	return err;
}

bool saved_is_noted(const struct daemon *daemon, const struct device *device)
{
	return daemon->saved && daemon->saved->fd >= 0 && device->slot && !device->is_behind;
}

void saved_free(struct saved *saved)
{
	if (!saved)
		return;
	if (saved->fd >= 0)
		close(saved->fd);
	free(saved->at);
	free(saved);
}

int saved_begin(struct daemon *daemon, const char *path, const struct saved_contents *contents)
{
	struct saved *made = calloc(1, sizeof(*made));

	if (!made)
		return -ENOMEM;
	snprintf(made->path, sizeof(made->path), "%s", path);
	made->fd = -1;
	daemon->saved = made;
	return rewrite(made, contents);
}
