/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIOD_LOG_H
#define VFIOD_LOG_H

#include <stdbool.h>
#include <syslog.h>

/* The daemon's one log is its standard error.  Under systemd each line begins with its priority, as sd-daemon(3) has
 * it, so that the journal knows it.  Safe in every thread. */

/** log_setup() - LOG_DEBUG lines are written only when @verbose is set. To be called before any thread is made. */
void log_setup(bool verbose);

/** log_line() - write one line; @priority is one of syslog(3)'s. */
void log_line(int priority, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
