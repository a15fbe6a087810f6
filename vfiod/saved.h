/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIOD_SAVED_H
#define VFIOD_SAVED_H

#include "vfiod/journal.h"

struct daemon;
struct device;
struct saved;

/*
 * The journal: what a vfiod leaves to the next one, in the run-time directory.  It has a record for each function that
 * is assigned, or on its way there or back; journal.h has its bytes, and restore.c reads it.
 *
 * A record is written before what it says is done, but for a lease that the module's table of handles has already (see
 * reconcile_catch_up()): in its place in the file, with one write within one page of memory, which the end of a process
 * does not cut in two, which needs no room that is not there yet, and costs the same whatever else is in the file.  The
 * file is replaced as a whole where it has to grow, and when vfiod starts.  After a reboot there is none.
 */

/**
 * saved_note() - write down what @device is now.
 *
 * Nothing is written before saved_begin().
 *
 * Return: 0, or a negative errno, which is logged: what is not noted must not be begun.
 */
int saved_note(struct daemon *daemon, struct device *device);

/**
 * saved_is_noted() - whether the journal has a record of @device, and that is of what it was when saved_note() was last
 * called.
 */
bool saved_is_noted(const struct daemon *daemon, const struct device *device);

/* What is to be in the file, and whose it is. */
struct saved_contents {
	struct journal_record *records;
	struct device **devices;
	size_t count;
	uint64_t last_lease;
};

int saved_contents_new(size_t room, struct saved_contents *contents);
void saved_contents_free(struct saved_contents *contents);

/**
 * saved_begin() - put a journal with @contents in the place of the one that is there.
 * Return: 0, or a negative errno: the old one is still there, and saved_note() will try again.
 */
int saved_begin(struct daemon *daemon, const char *path, const struct saved_contents *contents);

void saved_free(struct saved *saved);

#endif
