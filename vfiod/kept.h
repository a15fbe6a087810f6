/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIOD_KEPT_H
#define VFIOD_KEPT_H

#include "vfiod/failure.h"
#include "vfiod/journal.h"

struct kept;

/*
 * Assignments, kept over reboots: a file for each below the state directory, "assigned/0000:01:00.0", which is a
 * journal of one record: of a function that is assigned, or of one whose virtual functions vfiod makes and assigns.
 *
 * A file is written and removed by the worker that has the function; what is in them is known to the loop.
 */

/**
 * kept_new() - read what is there, and say what cannot be read.
 * @dir: the state directory, which need not be there; NULL: nothing is kept
 * @kept: the caller's to free
 *
 * Return: 0; or want of memory or descriptors (facts_is_want()), for which it is not known what is kept.
 */
int kept_new(const char *dir, struct kept **kept);

void kept_free(struct kept *kept);

/** kept_list() - all of them. */
const struct journal_record *kept_list(const struct kept *kept, size_t *count);

/** kept_find() - the assignment of a function, or NULL. */
const struct journal_record *kept_find(const struct kept *kept, uint64_t address);

/** kept_note() - what a worker has written. */
void kept_note(struct kept *kept, const struct journal_record *record);

/** kept_drop() - what a worker has removed. */
void kept_drop(struct kept *kept, uint64_t address);

/* ---- for worker threads ---- */

/**
 * kept_write() - keep an assignment: when it returns, a loss of power does not undo that.
 * @dir: as kept_new()'s
 */
int kept_write(const char *dir, const struct journal_record *record, struct failure *failure);

/** kept_remove() - keep it no longer; it is no error where it was not kept. */
int kept_remove(const char *dir, uint64_t address, struct failure *failure);

#endif
