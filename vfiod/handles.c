/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vfiod/handles.h"

#include "vfiod/log.h"
#include "vfiod/vfio.h"

#include <endian.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* An operation in flight gets this long to come back before its process is killed. */
#define STUCK_MS 20
/* Processes that were killed get this long to end, and the kernel to close the files, which resets the function. */
#define ENDING_MS 5000

struct handles {
	int node;
	struct event *event;
	handles_fn changed;
	void *data;
};

/* The tag of a handle. */
struct tag {
	uint64_t address; /* little-endian */
	uint32_t pid;	  /* the client's */
	uint64_t until_ms;
	unsigned char zero[VFIOD_HANDLE_TAG_SIZE - 20];
} __attribute__((packed));
_Static_assert(sizeof(struct tag) == VFIOD_HANDLE_TAG_SIZE, "the tag is of the module's size");

/* The module's entries may be longer than we know. Return: false when they make no sense. */
static bool take_all(const char *bytes, size_t size, handles_fn changed, void *data)
{
	struct vfiod_handle_info info;

	for (size_t at = 0; at < size; at += info.size) {
		if (size - at < sizeof(info))
			return false;
		memcpy(&info, bytes + at, sizeof(info));
		if (info.size < sizeof(info) || info.size > size - at)
			return false;
		changed(data, &info);
	}
	return true;
}

void handles_read(struct handles *handles, handles_fn changed, void *data)
{
	char bytes[64 * sizeof(struct vfiod_handle_info)];
	ssize_t size;

	while ((size = read(handles->node, bytes, sizeof(bytes))) > 0)
		if (!take_all(bytes, (size_t)size, changed, data))
			log_line(LOG_ERR, VFIOD_HANDLE_NODE ": its entries make no sense, and are left out");
}

static void readable(evutil_socket_t fd, short what, void *data)
{
	struct handles *handles = data;

	(void)fd;
	(void)what;
	handles_read(handles, handles->changed, handles->data);
}

int handles_new(struct event_base *base, handles_fn changed, void *data, struct handles **handles)
{
	struct handles *made = calloc(1, sizeof(*made));
	int err = -ENOMEM;

	if (!made)
		return err;
	made->changed = changed;
	made->data = data;
	made->node = open(VFIOD_HANDLE_NODE, O_RDWR | O_CLOEXEC | O_NONBLOCK);
	if (made->node < 0) {
		err = -errno;
		goto free_handles;
	}
	made->event = event_new(base, made->node, EV_READ | EV_PERSIST, readable, made);
	/* before any request: who asks for what another has just closed has to find it closed */
	if (!made->event || event_priority_set(made->event, 0) || event_add(made->event, NULL))
		goto close_node;
	*handles = made;
	return 0;

close_node:
	if (made->event)
		event_free(made->event);
	close(made->node);
free_handles:
	free(made);
	return err;
}

void handles_free(struct handles *handles)
{
	if (!handles)
		return;
	event_free(handles->event);
	close(handles->node);
	free(handles);
}

int handles_node(const struct handles *handles)
{
	return handles->node;
}

static int make(struct handles *handles, uint32_t kind, int fd, const struct handle_note *note, uint32_t container,
		struct vfiod_handle_create *how, struct failure *failure)
{
	struct tag tag = {
		.address = htole64(note->address),
		.pid = htole32(note->pid),
		.until_ms = htole64(note->until_ms),
	};

	*how = (struct vfiod_handle_create){
		.size = sizeof(*how),
		.kind = kind,
		.fd = fd,
		.lease = note->lease,
		.uid = note->uid,
		.container = container,
	};
	memcpy(how->tag, &tag, sizeof(how->tag));
	if (!ioctl(handles->node, VFIOD_HANDLE_CREATE, how))
		return 0;
	return failure_set(failure, -errno, "no revocable handle could be made: %s%s", strerror(errno),
			   errno == ENOSPC ? "; see max_handles in vfiod_handle(4)" : "");
}

int handles_lease(struct handles *handles, const struct vfio_files *files, const struct handle_note *note, int fds[2],
		  struct failure *failure)
{
	struct vfiod_handle_create container = { .handle_fd = -1 }, device;
	int err = 0;

	if (files->container >= 0)
		err = make(handles, VFIOD_HANDLE_CONTAINER, files->container, note, 0, &container, failure);
	if (err)
		return err;
	err = make(handles, VFIOD_HANDLE_DEVICE, files->device, note, container.id, &device, failure);
	if (err) {
		if (container.handle_fd >= 0)
			close(container.handle_fd);
		return err;
	}
	fds[0] = device.handle_fd;
	fds[1] = container.handle_fd;
	return 0;
}

void handles_note(const struct vfiod_handle_info *info, struct handle_note *note)
{
	struct tag tag;

	memcpy(&tag, info->tag, sizeof(tag));
	*note = (struct handle_note){
		.address = le64toh(tag.address),
		.lease = info->lease,
		.uid = info->uid,
		.pid = le32toh(tag.pid),
		.until_ms = le64toh(tag.until_ms),
	};
}

void handles_forget(struct handles *handles, uint32_t id)
{
	struct vfiod_handle_forget what = { .size = sizeof(what), .id = id };

	/* EBUSY: it has not ended, and the module tells when it has */
	if (ioctl(handles->node, VFIOD_HANDLE_FORGET, &what) && errno != ENOENT && errno != EBUSY)
		log_line(LOG_WARNING, "handle %u cannot be forgotten: %s", id, strerror(errno));
}

/* Return: 0, and @what says what is left; or a negative errno. */
static int revoke_once(int node, uint64_t lease, uint32_t flags, unsigned int timeout_ms,
		       struct vfiod_handle_revoke *what)
{
	*what = (struct vfiod_handle_revoke){
		.size = sizeof(*what),
		.flags = VFIOD_HANDLE_REVOKE_LEASE | flags,
		.lease = lease,
		.timeout_ms = timeout_ms,
	};
	return ioctl(node, VFIOD_HANDLE_REVOKE, what) ? -errno : 0;
}

/*
 * Kills who has an operation in flight.  Several may have inherited the files: all are killed before one is waited for;
 * nobody joins them any more.  It is the module that does so, which knows them by more than their numbers: vfiod itself
 * has no right to end anybody's process.
 */
static int kill_stuck(int node, uint64_t lease, struct vfiod_handle_revoke *what, unsigned int *killed)
{
	uint32_t last = 0;
	int err;

	while (!(err = revoke_once(node, lease, VFIOD_HANDLE_REVOKE_KILL, 0, what)) && what->pending &&
	       what->busy_pid && what->busy_pid != last) {
		last = what->busy_pid;
		++*killed;
		log_event(LOG_EVENT_KILLED, &(struct log_about){ .lease = lease },
			  "process %u was stuck in the kernel with lease %llu when that was revoked: killed", last,
			  (unsigned long long)lease);
	}
	return err;
}

void handles_shut(int node, uint64_t lease)
{
	struct vfiod_handle_revoke what;

	revoke_once(node, lease, 0, 0, &what); /* what there is to say of it handles_revoke() says */
}

int handles_revoke(int node, uint64_t lease, unsigned int *killed, struct failure *failure)
{
	struct vfiod_handle_revoke what;
	int err = revoke_once(node, lease, 0, STUCK_MS, &what);
	uint32_t stuck = err ? 0 : what.busy_pid;
	bool is_old = false;

	*killed = 0;
	if (!err && what.pending && stuck)
		err = kill_stuck(node, lease, &what, killed);
	is_old = err == -EINVAL; /* a module that kills nobody; what is stuck may come back all the same */
	if (is_old || (!err && what.pending))
		err = revoke_once(node, lease, 0, ENDING_MS, &what);
	if (err == -ENOENT)
		return 0;
	if (err)
		return failure_set(failure, err, "lease %llu cannot be revoked: %s", (unsigned long long)lease,
				   strerror(-err));
	if (what.pending && !stuck)
		return failure_set(
			failure, -ETIMEDOUT,
			"lease %llu is dead to its user, but the kernel does not close it; its log (dmesg) may say why",
			(unsigned long long)lease);
	if (what.pending)
		return failure_set(
			failure, -ETIMEDOUT,
			"lease %llu is dead to its user, but process %u does not come back from the kernel with it%s",
			(unsigned long long)lease, stuck,
			is_old ? "; the module vfiod_handle is older than this vfiod and cannot end it: kill it" : "");
	return 0;
}
