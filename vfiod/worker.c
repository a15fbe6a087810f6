/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vfiod/worker.h"

#include <errno.h>
#include <event2/event.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct workers {
	struct event *wakeup;
	void (*idle)(void *data);
	void *data;
	int eventfd;
	unsigned int busy;    /* the loop's */
	pthread_mutex_t lock; /* protects finished */
	STAILQ_HEAD(, job) finished;
};

static void collect(evutil_socket_t fd, short what, void *data)
{
	struct workers *workers = data;
	STAILQ_HEAD(, job) jobs = STAILQ_HEAD_INITIALIZER(jobs);
	struct job *job;
	uint64_t count;

	(void)what;
	if (read(fd, &count, sizeof(count)) < 0)
		return;
	pthread_mutex_lock(&workers->lock);
	STAILQ_CONCAT(&jobs, &workers->finished);
	pthread_mutex_unlock(&workers->lock);
	while ((job = STAILQ_FIRST(&jobs))) {
		STAILQ_REMOVE_HEAD(&jobs, next);
		workers->busy--;
		job->done(job);
	}
	if (!workers->busy && workers->idle)
		workers->idle(workers->data);
}

static void *thread(void *data)
{
	struct job *job = data;
	struct workers *workers = job->workers;
	const uint64_t one = 1;

	job->run(job);
	pthread_mutex_lock(&workers->lock);
	STAILQ_INSERT_TAIL(&workers->finished, job, next);
	/* under the lock: once it is open, the loop may be done with us and free the workers */
	if (write(workers->eventfd, &one, sizeof(one)) < 0)
		abort(); /* an eventfd takes 2^64 - 2 of them */
	pthread_mutex_unlock(&workers->lock);
	return NULL;
}

int workers_start(struct workers *workers, struct job *job)
{
	pthread_attr_t attr;
	sigset_t all, before;
	pthread_t id;
	int err;

	job->workers = workers;
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	/* signals are the loop's */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	err = pthread_create(&id, &attr, thread, job);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attr);
	if (!err)
		workers->busy++;
	return -err;
}

unsigned int workers_busy(const struct workers *workers)
{
	return workers->busy;
}

struct close_job {
	struct job job; /* first: it is what the worker knows of us */
	int fd;
};

static void close_run(struct job *job)
{
	close(((struct close_job *)job)->fd);
}

static void close_done(struct job *job)
{
	free(job);
}

void workers_close(struct workers *workers, int fd)
{
	struct close_job *made = malloc(sizeof(*made));

	if (made) {
		*made = (struct close_job){ .job = { .run = close_run, .done = close_done }, .fd = fd };
		if (!workers_start(workers, &made->job))
			return;
	}
	free(made);
	close(fd); /* rather slowly than not at all */
}

int workers_new(struct event_base *base, void (*idle)(void *data), void *data, struct workers **workers)
{
	struct workers *made = calloc(1, sizeof(*made));
	int err;

	if (!made)
		return -ENOMEM;
	made->idle = idle;
	made->data = data;
	STAILQ_INIT(&made->finished);
	pthread_mutex_init(&made->lock, NULL);
	made->eventfd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (made->eventfd < 0) {
		err = -errno;
		goto free_workers;
	}
	made->wakeup = event_new(base, made->eventfd, EV_READ | EV_PERSIST, collect, made);
	if (!made->wakeup || event_add(made->wakeup, NULL)) {
		err = -ENOMEM;
		goto close_eventfd;
	}
	*workers = made;
	return 0;

close_eventfd:
	if (made->wakeup)
		event_free(made->wakeup);
	close(made->eventfd);
free_workers:
	pthread_mutex_destroy(&made->lock);
	free(made);
	return err;
}

void workers_free(struct workers *workers)
{
	if (!workers)
		return;
	event_free(workers->wakeup);
	/* the last thread may still be on its way out of the lock */
	pthread_mutex_lock(&workers->lock);
	pthread_mutex_unlock(&workers->lock);
	close(workers->eventfd);
	pthread_mutex_destroy(&workers->lock);
	free(workers);
}
