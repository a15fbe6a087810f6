/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIOD_WATCH_H
#define VFIOD_WATCH_H

struct event_base;
struct watch;

/* Tells when a file was closed for the last time by somebody who had opened it (inotify(7), IN_CLOSE). */

/* What closed() is called with when the kernel had more to tell than it could keep: any watch may have been meant. */
#define WATCH_ANY (-1)

/** watch_new() - @closed is called with @data and the watch for every close; @watch is the caller's to free. */
int watch_new(struct event_base *base, void (*closed)(void *data, int watch), void *data, struct watch **watch);

void watch_free(struct watch *watch);

/**
 * watch_add() - watch a file that is not watched yet.
 * @id: what closed() is called with, and watch_remove() wants
 */
int watch_add(struct watch *watch, const char *path, int *id);

/** watch_remove() - what was closed before and is not told yet, is not told any more. */
void watch_remove(struct watch *watch, int id);

#endif
