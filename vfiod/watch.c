/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vfiod/watch.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <unistd.h>

struct watch {
	int fd;
	struct event *event;
	void (*closed)(void *data, int watch);
	void *data;
};

static void read_events(evutil_socket_t fd, short what, void *data)
{
	struct watch *watch = data;
	_Alignas(struct inotify_event) char buffer[4096];
	ssize_t size;

	(void)what;
	while ((size = read(fd, buffer, sizeof(buffer))) > 0) {
		for (char *at = buffer; at < buffer + size;) {
			const struct inotify_event *event = (const struct inotify_event *)(void *)at;

			/* a watch ends with IN_IGNORED, and its number is never used again */
			if (event->mask & IN_CLOSE)
				watch->closed(watch->data, event->wd);
			else if (event->mask & IN_Q_OVERFLOW)
				watch->closed(watch->data, WATCH_ANY);
			at += sizeof(*event) + event->len;
		}
	}
}

int watch_add(struct watch *watch, const char *path, int *id)
{
	int added = inotify_add_watch(watch->fd, path, IN_CLOSE);

	if (added < 0)
		return -errno;
	*id = added;
	return 0;
}

void watch_remove(struct watch *watch, int id)
{
	inotify_rm_watch(watch->fd, id);
}

int watch_new(struct event_base *base, void (*closed)(void *data, int watch), void *data, struct watch **watch)
{
	struct watch *made = calloc(1, sizeof(*made));
	int err;

	if (!made)
		return -ENOMEM;
	made->closed = closed;
	made->data = data;
	made->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (made->fd < 0) {
		err = -errno;
		goto free_watch;
	}
	made->event = event_new(base, made->fd, EV_READ | EV_PERSIST, read_events, made);
	/* before any request: who asks for what another has just closed has to find it closed */
	if (!made->event || event_priority_set(made->event, 0) || event_add(made->event, NULL)) {
		err = -ENOMEM;
		goto close_fd;
	}
	*watch = made;
	return 0;

close_fd:
	if (made->event)
		event_free(made->event);
	close(made->fd);
free_watch:
	free(made);
	return err;
}

void watch_free(struct watch *watch)
{
	if (!watch)
		return;
	event_free(watch->event);
	close(watch->fd);
	free(watch);
}
