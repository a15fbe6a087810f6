/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIOD_SAVED_H
#define VFIOD_SAVED_H

struct daemon;

/*
 * What a vfiod leaves to the next one, in the file "state" of the run-time directory: the assignments, and of the
 * leases what the table of the module vfiod_handle does not hold.  It is replaced as a whole, so it is of one moment.
 */

/** saved_write() - write it anew; nothing before saved_restore() is done. A failure is logged: what is lost then is the
 * next vfiod's knowledge. */
void saved_write(struct daemon *daemon);

/**
 * saved_restore() - take over what is in it, and in the module's table.
 * @runtime_dir: becomes the daemon's
 *
 * To be called when the functions are known, before requests are taken.  A lease by a handle that lives goes on; one
 * whose end had come is ended now, and a function of which nothing is known is cleaned.  What the function is without
 * the file: unassigned, and its lease, if it has one, revoked.
 */
void saved_restore(struct daemon *daemon, const char *runtime_dir);

#endif
