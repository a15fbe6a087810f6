/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIOD_WORKER_H
#define VFIOD_WORKER_H

#include <stdbool.h>
#include <sys/queue.h>

struct event_base;
struct workers;

/*
 * Whatever can sleep in the kernel (bind, unbind, open, reset, writes to sysfs) is a job: it runs in a thread of its
 * own and reports back to the loop.  The state table lets one job at a time work on a PCI function, so a job has its
 * function to itself.
 */
struct job {
	void (*run)(struct job *job);  /* in the thread: touches nothing that the loop touches */
	void (*done)(struct job *job); /* in the loop, afterwards; may free the job */
	STAILQ_ENTRY(job) next;	       /* workers' */
	struct workers *workers;       /* workers' */
};

/**
 * workers_new() - make ready to run jobs.
 * @idle: called with @data whenever the last of the running jobs has reported; or NULL
 * @workers: the caller's to free with workers_free(), when no job runs any more
 */
int workers_new(struct event_base *base, void (*idle)(void *data), void *data, struct workers **workers);

void workers_free(struct workers *workers);

/**
 * workers_start() - run a job.
 *
 * Return: 0, or a negative errno when no thread could be had: neither run() nor done() is called then.
 */
int workers_start(struct workers *workers, struct job *job);

/**
 * workers_close() - close a file whose close may take its time.
 *
 * The last close of a VFIO device resets it, and that of a socket closes whatever somebody has sent in it.
 */
void workers_close(struct workers *workers, int fd);

/** workers_busy() - jobs that have not reported yet. */
unsigned int workers_busy(const struct workers *workers);

#endif
