/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIODMA_ERRORS_H
#define VFIODMA_ERRORS_H

#include "libvfiodma/vfiodma.h"

/* The texts of a session's errors; its leases, devices and domains write here too. */
struct errors;

struct errors *errors_new(vfiodma_log_fn log, void *log_data);
void errors_free(struct errors *errors);

/**
 * errors_add() - keep the text of a failure and pass it to the log function; any thread may call it.
 * @error: a negative errno
 * @format: one line for a person: what failed, why, what to do
 *
 * Return: @error, so that a caller can fail and explain in one statement.
 */
int errors_add(struct errors *errors, int error, const char *format, ...) __attribute__((format(printf, 3, 4)));

/** errors_last() - the last text; it stays as it is until the next call of this function. */
const char *errors_last(struct errors *errors);

#endif
