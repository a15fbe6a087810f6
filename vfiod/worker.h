/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIOD_WORKER_H
#define VFIOD_WORKER_H

#include <stdbool.h>
#include <sys/queue.h>

struct event_base;
struct workers;

/*
 * Whatever can sleep in the kernel (bind, unbind, open, reset, writes to sysfs) is a job: it runs in a thread and
 * reports back to the loop.  The state table lets one job at a time work on a PCI function, so a job has its function
 * to itself. There are so many threads and no more; a job that finds none waits for its turn, and never fails for want
 * of one.
 */
struct job {
	void (*run)(struct job *job);  /* in the thread: touches nothing that the loop touches */
	void (*done)(struct job *job); /* in the loop, afterwards; may free the job */
	STAILQ_ENTRY(job) next;	       /* workers' */
};

/**
 * struct workers_how - what threads there are, and who is told.
 * @threads: at most; they are made when they are needed, but for the first
 * @hurried: whatever sleeps in a job is woken after a while, if a signal can: a close of somebody's socket, whose owner
 *           would have it wait an hour (SO_LINGER)
 * @idle: called with @data whenever the last of the jobs has reported; or NULL
 */
struct workers_how {
	unsigned int threads;
	bool hurried;
	void (*idle)(void *data);
	void *data;
};

/**
 * workers_new() - make ready to run jobs.
 * @workers: the caller's to free with workers_free(), when no job runs any more
 */
int workers_new(struct event_base *base, const struct workers_how *how, struct workers **workers);

void workers_free(struct workers *workers);

/** workers_start() - run a job, as soon as a thread is free. */
void workers_start(struct workers *workers, struct job *job);

/**
 * workers_close() - close a file whose close may take its time.
 *
 * The last close of a VFIO device resets it, and that of a socket closes whatever somebody has sent in it.
 */
void workers_close(struct workers *workers, int fd);

/** workers_busy() - jobs that have not reported yet. */
unsigned int workers_busy(const struct workers *workers);

#endif
