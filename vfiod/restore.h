/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIOD_RESTORE_H
#define VFIOD_RESTORE_H

struct daemon;
struct failure;

/**
 * restore() - take over what the vfiod before has left, as reconcile.h says.
 * @daemon: its devices and what is kept are known
 * @runtime_dir: where the journal is
 *
 * To be called before requests are taken, by the one vfiod that there is.
 *
 * Return: 0, -ENOMEM, or -EPROTONOSUPPORT: a newer vfiod has written the journal, and nothing was touched.
 */
int restore(struct daemon *daemon, const char *runtime_dir, struct failure *failure);

#endif
