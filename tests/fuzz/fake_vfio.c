/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/fuzz/fake_vfio.h"

#include "proto/vfiod_proto.h"
#include "tests/fuzz/fake_kernel.h"
#include "tests/fuzz/fake_numvfs.h"
#include "tests/fuzz/want.h"
#include "vfiod/clean.h"
#include "vfiod/driver.h"
#include "vfiod/handles.h"
#include "vfiod/inuse.h"
#include "vfiod/vfio.h"
#include "vfiod/watch.h"
#include "vfiod/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#define WATCHES 32
#define NODE	1000 /* of the handles: no descriptor */

struct fake_vfio fake_vfio;

struct watch {
	void (*closed)(void *data, int watch);
	void *data;
	struct {
		int id; /* 0: none */
		uint32_t group;
		unsigned int untold;
	} list[WATCHES];
	int last;
};

struct handles {
	handles_fn changed;
	void *data;
};

static struct watch the_watch, *watching;
static struct handles the_handles, *node;
static struct fake_opening *last_opened;

/* ---- files ---- */

static int make_file(int *ours)
{
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends))
		abort();
	*ours = ends[0];
	return ends[1];
}

static bool is_open(int ours)
{
	struct pollfd end = { .fd = ours, .events = POLLIN };

	return ours >= 0 && !(poll(&end, 1, 0) == 1 && end.revents & POLLHUP);
}

static void shut(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

unsigned int fake_index(uint64_t address)
{
	const struct fake_function *function = fake_function(address);

	want(function);
	return (unsigned int)(function - fake_kernel.functions);
}

static bool has(uint64_t set, uint64_t address)
{
	return fake_function(address) && set >> fake_index(address) & 1;
}

/* ---- groups ---- */

static void note_close(uint32_t group)
{
	for (size_t i = 0; watching && i < WATCHES; i++)
		if (watching->list[i].id && watching->list[i].group == group)
			watching->list[i].untold++;
}

/* The group's file lasts as long as it and a device of it are open. */
static void reap(void)
{
	for (size_t i = 0; i < FAKE_OPENINGS; i++) {
		struct fake_opening *opening = &fake_vfio.openings[i];

		if (!opening->is || is_open(opening->files[0]) || is_open(opening->files[1]))
			continue;
		for (int k = 0; k < 3; k++)
			shut(&opening->files[k]);
		shut(&opening->unplug);
		opening->is = false;
		note_close(opening->group);
	}
}

bool fake_group_is_open(uint32_t group)
{
	reap();
	for (size_t i = 0; i < FAKE_OPENINGS; i++)
		if (fake_vfio.openings[i].is && fake_vfio.openings[i].group == group)
			return true;
	return false;
}

static uint32_t group_of(const struct fake_function *function)
{
	const char *group = fake_attribute(function, "iommu_group");

	return group ? (uint32_t)strtoul(group, NULL, 10) : VFIOD_NONE;
}

/* Return: 0, -ENOENT: there is no node, or -EPERM: a host driver has a part of it. */
static int look_at_group(uint32_t group)
{
	int err = -ENOENT;

	for (size_t i = 0; i < fake_kernel.count; i++) {
		const struct fake_function *function = &fake_kernel.functions[i];
		const char *driver = fake_attribute(function, "driver");

		if (!function->present || group_of(function) != group || !driver)
			continue;
		if (!driver_is_vfio(driver))
			return -EPERM;
		err = 0;
	}
	return err;
}

/* By the group's own file, or without that one. */
static struct fake_opening *new_opening(uint32_t group, struct failure *failure)
{
	int err = fake_vfio.frozen ? -EIO : look_at_group(group);

	if (!err && fake_group_is_open(group))
		err = -EBUSY;
	for (size_t i = 0; !err && i < FAKE_OPENINGS; i++) {
		struct fake_opening *opening = &fake_vfio.openings[i];

		if (opening->is)
			continue;
		*opening = (struct fake_opening){ true, group, 0, { -1, -1, -1 }, -1 };
		return opening;
	}
	failure_set(failure, err ? err : -EMFILE, "group %u: %s", group, strerror(-err));
	return NULL;
}

static struct fake_opening *open_group(uint32_t group, int *fd, struct failure *failure)
{
	struct fake_opening *opening = new_opening(group, failure);

	if (opening)
		*fd = make_file(&opening->files[0]);
	return opening;
}

void vfio_group_node(uint32_t group, char path[32])
{
	snprintf(path, 32, "/dev/vfio/%u", group);
}

int vfio_open_group(uint32_t group, int *fd, struct failure *failure)
{
	return open_group(group, fd, failure) ? 0 : failure->error;
}

int vfio_await_group(uint32_t group, unsigned int limit_ms, int *fd, struct failure *failure)
{
	int err = vfio_open_group(group, fd, failure);

	(void)limit_ms; /* nobody closes it meanwhile */
	if (!err)
		failure->error = 0;
	return err;
}

static bool has_vfio_driver(uint64_t address)
{
	const struct fake_function *function = fake_function(address);
	const char *driver = function && function->present ? fake_attribute(function, "driver") : NULL;

	return driver && driver_is_vfio(driver);
}

int vfio_open_device(uint64_t address, uint32_t group, const struct vfio_token *token, struct vfio_files *files,
		     struct failure *failure)
{
	struct vfio_files opened = VFIO_NO_FILES;
	struct fake_opening *opening;

	if (!has_vfio_driver(address))
		return failure_set(failure, -ENODEV, "it is not there");
	if (!fake_vfs_open(address, token))
		return failure_set(failure, -EACCES, "it wants another VF token");
	opening = open_group(group, &opened.group, failure);
	if (!opening)
		return failure->error;
	opening->address = address;
	opened.device = make_file(&opening->files[1]);
	opened.container = make_file(&opening->files[2]);
	last_opened = opening;
	*files = opened;
	return 0;
}

bool vfio_has_iommufd(void)
{
	return fake_vfio.has_iommufd;
}

int vfio_open_iommufd(uint64_t address, struct vfio_files *files, struct failure *failure)
{
	struct vfio_files opened = VFIO_NO_FILES;
	struct fake_opening *opening;

	want(fake_vfio.has_iommufd && fake_vfio.has_handles);
	if (!has_vfio_driver(address))
		return failure_set(failure, -ENODEV, "it is not there");
	opening = new_opening(group_of(fake_function(address)), failure);
	if (!opening)
		return failure->error;
	opening->address = address;
	opened.device = make_file(&opening->files[1]);
	opened.iommufd = make_file(&opening->files[2]);
	*files = opened;
	return 0;
}

int vfio_try_group(uint64_t address, uint32_t group, struct failure *failure)
{
	int fd, err = vfio_open_group(group, &fd, failure);

	(void)address;
	if (!err)
		close(fd);
	return err;
}

/* Of what has been opened right before. */
int vfio_watch_unplug(struct vfio_files *files, struct failure *failure)
{
	(void)failure;
	last_opened->unplug = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	files->unplug = fcntl(last_opened->unplug, F_DUPFD_CLOEXEC, 0);
	return 0;
}

void vfio_close(struct vfio_files *files)
{
	shut(&files->device);
	shut(&files->group);
	shut(&files->container);
	shut(&files->iommufd);
	shut(&files->unplug);
}

void fake_unplug(uint64_t address)
{
	for (size_t i = 0; i < FAKE_OPENINGS; i++)
		if (fake_vfio.openings[i].is && fake_vfio.openings[i].address == address &&
		    fake_vfio.openings[i].unplug >= 0)
			want(!eventfd_write(fake_vfio.openings[i].unplug, 1));
}

/* ---- watch.h ---- */

int watch_new(struct event_base *base, void (*closed)(void *data, int watch), void *data, struct watch **watch)
{
	(void)base;
	the_watch = (struct watch){ .closed = closed, .data = data };
	watching = *watch = &the_watch;
	return 0;
}

void watch_free(struct watch *watch)
{
	(void)watch;
	watching = NULL;
}

int watch_add(struct watch *watch, const char *path, int *id)
{
	uint32_t group = (uint32_t)strtoul(strrchr(path, '/') + 1, NULL, 10);
	size_t place = WATCHES;

	reap(); /* what was closed before is not told */
	for (size_t i = 0; i < WATCHES; i++) {
		want(!watch->list[i].id || watch->list[i].group != group); /* the kernel would give both one number */
		place = watch->list[i].id ? place : i;
	}
	want(place < WATCHES);
	watch->list[place].id = *id = ++watch->last;
	watch->list[place].group = group;
	watch->list[place].untold = 0;
	return 0;
}

void watch_remove(struct watch *watch, int id)
{
	for (size_t i = 0; i < WATCHES; i++)
		if (watch->list[i].id == id)
			watch->list[i].id = 0;
}

static bool tell_closed(void)
{
	bool told = false;

	for (size_t i = 0; watching && i < WATCHES; i++) {
		if (!watching->list[i].id || !watching->list[i].untold)
			continue;
		watching->list[i].untold = 0;
		told = true;
		watching->closed(watching->data, watching->list[i].id);
	}
	return told;
}

/* ---- handles.h ---- */

int handles_new(struct event_base *base, handles_fn changed, void *data, struct handles **handles)
{
	(void)base;
	if (!fake_vfio.has_handles)
		return -ENOENT;
	the_handles = (struct handles){ changed, data };
	node = *handles = &the_handles;
	for (size_t i = 0; i < FAKE_HANDLES; i++)
		fake_vfio.handles[i].untold = fake_vfio.handles[i].id != 0;
	return 0;
}

void handles_free(struct handles *handles)
{
	(void)handles;
	node = NULL;
}

int handles_node(const struct handles *handles)
{
	want(handles);
	return NODE;
}

static bool tell_of(struct fake_handle *handle, handles_fn changed, void *data)
{
	const struct vfiod_handle_info info = {
		.size = sizeof(info),
		.id = handle->id,
		.lease = handle->lease,
		.kind = handle->kind,
		.uid = handle->uid,
		.state = handle->state,
		.flags = handle->flags,
	};

	if (!handle->id || !handle->untold)
		return false;
	handle->untold = false;
	changed(data, &info);
	return true;
}

static bool tell_handles(handles_fn changed, void *data)
{
	bool told = false;

	for (size_t i = 0; i < FAKE_HANDLES; i++)
		told = tell_of(&fake_vfio.handles[i], changed, data) || told;
	return told;
}

void handles_read(struct handles *handles, handles_fn changed, void *data)
{
	(void)handles;
	tell_handles(changed, data);
}

static void end_handle(struct fake_handle *handle)
{
	shut(&handle->file);
	shut(&handle->real);
	handle->state = VFIOD_HANDLE_ENDED;
	handle->untold = true;
}

static void reap_handles(void)
{
	for (size_t i = 0; i < FAKE_HANDLES; i++) {
		struct fake_handle *handle = &fake_vfio.handles[i];

		if (!handle->id || handle->flags & VFIOD_HANDLE_CLOSED || is_open(handle->file))
			continue;
		if (has(fake_vfio.stuck, handle->address))
			continue;
		handle->flags |= VFIOD_HANDLE_CLOSED;
		end_handle(handle);
	}
}

static struct fake_handle *make_handle(uint32_t kind, int real, const struct handle_note *note, int *fd)
{
	for (size_t i = 0; i < FAKE_HANDLES; i++) {
		struct fake_handle *handle = &fake_vfio.handles[i];

		if (handle->id)
			continue;
		*handle = (struct fake_handle){
			.id = ++fake_vfio.last_handle,
			.kind = kind,
			.state = VFIOD_HANDLE_LIVE,
			.uid = note->uid,
			.pid = note->pid,
			.lease = note->lease,
			.address = note->address,
			.until_ms = note->until_ms,
			.real = fcntl(real, F_DUPFD_CLOEXEC, 0),
			.untold = true,
		};
		want(handle->real >= 0);
		*fd = make_file(&handle->file);
		return handle;
	}
	return NULL;
}

/* A function is given away clean, or not at all: to another user in any case. */
int handles_lease(struct handles *handles, const struct vfio_files *files, const struct handle_note *note, int fds[2],
		  struct failure *failure)
{
	unsigned int index = fake_index(note->address);

	want(handles && files->device >= 0 && !fake_vfio.used[index]);
	want((files->container >= 0) != (files->iommufd >= 0));
	fds[1] = -1;
	if (fake_vfio.frozen || fake_vfio.full ||
	    (files->container >= 0 && !make_handle(VFIOD_HANDLE_CONTAINER, files->container, note, &fds[1])))
		return failure_set(failure, -ENOSPC, "there is no room for a handle");
	if (make_handle(VFIOD_HANDLE_DEVICE, files->device, note, &fds[0])) {
		fake_vfio.used[index] = note->lease;
		fake_vfio.used_uid[index] = note->uid;
		return 0;
	}
	shut(&fds[1]);
	return failure_set(failure, -ENOSPC, "there is no room for a handle");
}

void handles_note(const struct vfiod_handle_info *info, struct handle_note *note)
{
	*note = (struct handle_note){ .lease = info->lease, .uid = info->uid };
	for (size_t i = 0; i < FAKE_HANDLES; i++)
		if (fake_vfio.handles[i].id == info->id) {
			note->address = fake_vfio.handles[i].address;
			note->pid = fake_vfio.handles[i].pid;
			note->until_ms = fake_vfio.handles[i].until_ms;
		}
}

void handles_forget(struct handles *handles, uint32_t id)
{
	(void)handles;
	for (size_t i = 0; i < FAKE_HANDLES; i++)
		if (fake_vfio.handles[i].id == id && fake_vfio.handles[i].state == VFIOD_HANDLE_ENDED &&
		    !fake_vfio.frozen)
			fake_vfio.handles[i].id = 0;
}

void handles_shut(int fd, uint64_t lease)
{
	want(fd == NODE && lease);
	for (size_t i = 0; i < FAKE_HANDLES && !fake_vfio.frozen; i++) {
		struct fake_handle *handle = &fake_vfio.handles[i];

		if (!handle->id || handle->lease != lease || handle->state != VFIOD_HANDLE_LIVE)
			continue;
		shut(&handle->file);
		handle->state = VFIOD_HANDLE_REVOKING;
		handle->untold = true;
		if (!has(fake_vfio.stuck, handle->address))
			end_handle(handle);
	}
}

int handles_revoke(int fd, uint64_t lease, unsigned int *killed, struct failure *failure)
{
	*killed = 0;
	handles_shut(fd, lease);
	for (size_t i = 0; i < FAKE_HANDLES; i++)
		if (fake_vfio.handles[i].id && fake_vfio.handles[i].lease == lease &&
		    fake_vfio.handles[i].state != VFIOD_HANDLE_ENDED)
			return failure_set(failure, -ETIMEDOUT, "it is stuck");
	return 0;
}

void fake_unstick(void)
{
	fake_vfio.stuck = 0;
	for (size_t i = 0; i < FAKE_HANDLES; i++)
		if (fake_vfio.handles[i].id && fake_vfio.handles[i].state == VFIOD_HANDLE_REVOKING)
			end_handle(&fake_vfio.handles[i]);
}

bool fake_vfio_tell(void)
{
	bool told;

	reap_handles();
	reap();
	told = tell_closed();
	if (node)
		told = tell_handles(node->changed, node->data) || told;
	return told;
}

/* ---- clean.h, inuse.h ---- */

void clean_stop_dma(uint64_t address)
{
	(void)address;
}

void clean_look(uint64_t address, struct clean_header *header)
{
	const struct fake_function *function = fake_function(address);

	*header = (struct clean_header){ .id = 0xffffffff, .class_revision = 0xffffffff };
	if (!function || !function->present)
		return;
	header->id = (uint32_t)strtoul(fake_attribute(function, "device"), NULL, 16) << 16 | 0x8086;
	header->class_revision = 0x01080200;
	header->serial[0] = (uint32_t)function->serial;
	header->serial[1] = (uint32_t)(function->serial >> 32);
}

int clean_function(uint64_t address, enum clean_reset wanted, const struct clean_header *before,
		   struct clean_header *after, struct failure *failure)
{
	const struct fake_function *function = fake_function(address);
	const char *driver = function && function->present ? fake_attribute(function, "driver") : NULL;
	struct clean_header now;

	(void)wanted;
	if (fake_vfio.frozen || !driver || !driver_is_vfio(driver) || has(fake_vfio.broken, address))
		return failure_set(failure, -EIO, "its reset failed");
	/* nobody may have it open */
	want(!fake_group_is_open(group_of(function)));
	clean_look(address, &now);
	if (before && memcmp(before, &now, sizeof(now)))
		return failure_set(failure, -EIO, "another device of the same kind is in its place");
	*after = now;
	fake_vfio.used[fake_index(address)] = 0;
	return 0;
}

int clean_for_host(uint64_t address, struct failure *failure)
{
	return has(fake_vfio.broken, address) ? failure_set(failure, -EIO, "its bus mastering is on") : 0;
}

int inuse_check(uint64_t address, struct failure *failure)
{
	return has(fake_vfio.in_use, address) ? failure_set(failure, -EBUSY, "the host uses it") : 0;
}

/* ---- worker.h ---- */

/* What closes files has none of the jobs: it does so at once. */
struct workers {
	void (*idle)(void *data);
	void *data;
	unsigned int busy;
};

static struct workers both[2];
static struct job *jobs[64];
static struct workers *whose[64];
static bool has_run[64];
static size_t job_count;

int workers_new(struct event_base *base, const struct workers_how *how, struct workers **workers)
{
	(void)base;
	*workers = &both[how->hurried];
	want(!(*workers)->busy);
	**workers = (struct workers){ how->idle, how->data, 0 };
	return 0;
}

void workers_free(struct workers *workers)
{
	want(!workers->busy);
}

void workers_start(struct workers *workers, struct job *job)
{
	want(job_count < sizeof(jobs) / sizeof(jobs[0]));
	workers->busy++;
	whose[job_count] = workers;
	has_run[job_count] = false;
	jobs[job_count++] = job;
}

void workers_close(struct workers *workers, int fd)
{
	(void)workers;
	close(fd);
}

unsigned int workers_busy(const struct workers *workers)
{
	return workers->busy;
}

size_t fake_jobs(void)
{
	return job_count;
}

void fake_job_run(size_t i)
{
	if (i < job_count && !has_run[i])
		jobs[i]->run(jobs[i]);
	if (i < job_count)
		has_run[i] = true;
}

void fake_job_report(size_t i)
{
	struct workers *workers;
	struct job *job;

	if (i >= job_count || !has_run[i])
		return;
	job = jobs[i];
	workers = whose[i];
	job_count--;
	memmove(&jobs[i], &jobs[i + 1], (job_count - i) * sizeof(jobs[0]));
	memmove(&whose[i], &whose[i + 1], (job_count - i) * sizeof(whose[0]));
	memmove(&has_run[i], &has_run[i + 1], (job_count - i) * sizeof(has_run[0]));
	workers->busy--;
	job->done(job);
	if (!workers->busy && workers->idle)
		workers->idle(workers->data);
}

/* ---- */

unsigned int fake_files(void)
{
	unsigned int count = 0;

	for (size_t i = 0; i < FAKE_OPENINGS; i++)
		if (fake_vfio.openings[i].is)
			for (int k = 0; k < 4; k++)
				count += (k < 3 ? fake_vfio.openings[i].files[k] : fake_vfio.openings[i].unplug) >= 0;
	for (size_t i = 0; i < FAKE_HANDLES; i++)
		if (fake_vfio.handles[i].id)
			count += (fake_vfio.handles[i].file >= 0) + (fake_vfio.handles[i].real >= 0);
	return count;
}

void fake_vfio_reset(void)
{
	for (size_t i = 0; i < FAKE_HANDLES; i++)
		if (fake_vfio.handles[i].id)
			end_handle(&fake_vfio.handles[i]);
	for (size_t i = 0; i < FAKE_OPENINGS; i++) {
		struct fake_opening *opening = &fake_vfio.openings[i];

		for (int k = 0; opening->is && k < 3; k++)
			shut(&opening->files[k]);
		if (opening->is)
			shut(&opening->unplug);
	}
	memset(&fake_vfio, 0, sizeof(fake_vfio));
}
