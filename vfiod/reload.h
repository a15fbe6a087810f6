/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIOD_RELOAD_H
#define VFIOD_RELOAD_H

struct daemon;

/**
 * reload_start() - read the configuration anew, and go by it from then on.
 *
 * It is read by a worker, since the name service may take its time.  A mistake in it changes nothing: the one before
 * stays, and the log names file and line.  Leases that are there go on as they are.
 */
void reload_start(struct daemon *daemon);

#endif
