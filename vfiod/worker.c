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

#define HURRY_SIGNAL SIGUSR1

struct worker {
	struct workers *workers;
	pthread_t thread;
	bool works; /* under the lock: it is in a job */
};

struct workers {
	struct workers_how how;
	struct event *wakeup, *hurry;
	int eventfd;
	unsigned int busy;    /* the loop's */
	pthread_mutex_t lock; /* protects all that follows, and what a worker does */
	pthread_cond_t work;  /* there is some, or it is over */
	STAILQ_HEAD(job_queue, job) waiting, finished;
	unsigned int idle, queued; /* threads and jobs */
	bool over;
	unsigned int count;
	struct worker workers[];
};

/* ---- in the threads ---- */

/* With the lock held, as it is afterwards. */
static void work(struct worker *worker, struct job *job)
{
	struct workers *workers = worker->workers;
	const uint64_t one = 1;

	worker->works = true;
	pthread_mutex_unlock(&workers->lock);
	job->run(job);
	pthread_mutex_lock(&workers->lock);
	worker->works = false;
	STAILQ_INSERT_TAIL(&workers->finished, job, next);
	if (write(workers->eventfd, &one, sizeof(one)) < 0)
		abort(); /* an eventfd takes 2^64 - 2 of them */
}

static void *thread(void *data)
{
	struct worker *worker = data;
	struct workers *workers = worker->workers;
	struct job *job;

	pthread_mutex_lock(&workers->lock);
	for (;;) {
		workers->idle++;
		while (!workers->queued && !workers->over)
			pthread_cond_wait(&workers->work, &workers->lock);
		workers->idle--;
		if (workers->over)
			break;
		job = STAILQ_FIRST(&workers->waiting);
		STAILQ_REMOVE_HEAD(&workers->waiting, next);
		workers->queued--;
		work(worker, job);
	}
	pthread_mutex_unlock(&workers->lock);
	return NULL;
}

/* ---- in the loop ---- */

static void collect(evutil_socket_t fd, short what, void *data)
{
	struct workers *workers = data;
	struct job_queue jobs = STAILQ_HEAD_INITIALIZER(jobs);
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
	if (!workers->busy && workers->hurry)
		event_del(workers->hurry);
	if (!workers->busy && workers->how.idle)
		workers->how.idle(workers->how.data);
}

/* Signals are the loop's, but for the one that wakes. */
static int make_thread(struct workers *workers)
{
	struct worker *worker = &workers->workers[workers->count];
	sigset_t all, before;
	int err;

	worker->workers = workers;
	sigfillset(&all);
	if (workers->how.hurried)
		sigdelset(&all, HURRY_SIGNAL);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	err = pthread_create(&worker->thread, NULL, thread, worker);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (!err)
		workers->count++;
	return -err;
}

void workers_start(struct workers *workers, struct job *job)
{
	static const struct timeval while_busy = { .tv_usec = 1000 };

	workers->busy++;
	if (workers->hurry && !event_pending(workers->hurry, EV_TIMEOUT, NULL))
		event_add(workers->hurry, &while_busy);
	pthread_mutex_lock(&workers->lock);
	STAILQ_INSERT_TAIL(&workers->waiting, job, next);
	workers->queued++;
	if (workers->queued > workers->idle && workers->count < workers->how.threads)
		make_thread(workers); /* otherwise those that are there do it */
	pthread_cond_signal(&workers->work);
	pthread_mutex_unlock(&workers->lock);
}

unsigned int workers_busy(const struct workers *workers)
{
	return workers->busy;
}

/* ---- haste ---- */

static void nothing(int signal)
{
	(void)signal;
}

/* Again and again: a signal that comes before a thread sleeps does not wake it. */
static void hurry(evutil_socket_t fd, short what, void *data)
{
	struct workers *workers = data;

	(void)fd;
	(void)what;
	pthread_mutex_lock(&workers->lock);
	for (unsigned int i = 0; i < workers->count; i++)
		if (workers->workers[i].works)
			pthread_kill(workers->workers[i].thread, HURRY_SIGNAL);
	pthread_mutex_unlock(&workers->lock);
}

static int make_hurry(struct workers *workers, struct event_base *base)
{
	const struct sigaction action = { .sa_handler = nothing };

	if (!workers->how.hurried)
		return 0;
	workers->hurry = event_new(base, -1, EV_PERSIST, hurry, workers);
	return workers->hurry && !sigaction(HURRY_SIGNAL, &action, NULL) ? 0 : -ENOMEM;
}

/* ---- closing ---- */

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

	if (!made) {
		close(fd); /* rather slowly than not at all */
		return;
	}
	*made = (struct close_job){ .job = { .run = close_run, .done = close_done }, .fd = fd };
	workers_start(workers, &made->job);
}

/* ---- start and end ---- */

static int make_events(struct workers *workers, struct event_base *base)
{
	workers->eventfd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (workers->eventfd < 0)
		return -errno;
	workers->wakeup = event_new(base, workers->eventfd, EV_READ | EV_PERSIST, collect, workers);
	if (!workers->wakeup || event_add(workers->wakeup, NULL))
		return -ENOMEM;
	return make_hurry(workers, base);
}

int workers_new(struct event_base *base, const struct workers_how *how, struct workers **workers)
{
	struct workers *made = calloc(1, sizeof(*made) + how->threads * sizeof(made->workers[0]));
	int err;

	if (!made)
		return -ENOMEM;
	made->how = *how;
	made->eventfd = -1;
	STAILQ_INIT(&made->waiting);
	STAILQ_INIT(&made->finished);
	pthread_mutex_init(&made->lock, NULL);
	pthread_cond_init(&made->work, NULL);
	err = make_events(made, base);
	if (!err)
		err = make_thread(made);
	if (err) {
		workers_free(made);
		return err;
	}
	*workers = made;
	return 0;
}

void workers_free(struct workers *workers)
{
	if (!workers)
		return;
	pthread_mutex_lock(&workers->lock);
	workers->over = true;
	pthread_cond_broadcast(&workers->work);
	pthread_mutex_unlock(&workers->lock);
	for (unsigned int i = 0; i < workers->count; i++)
		pthread_join(workers->workers[i].thread, NULL);
	if (workers->wakeup)
		event_free(workers->wakeup);
	if (workers->hurry)
		event_free(workers->hurry);
	if (workers->eventfd >= 0)
		close(workers->eventfd);
	pthread_cond_destroy(&workers->work);
	pthread_mutex_destroy(&workers->lock);
	free(workers);
}
