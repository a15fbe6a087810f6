/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIOCTL_FAILURE_H
#define VFIOCTL_FAILURE_H

/* What vfioctl exits with. Scripts rely on the numbers: new ones go at the end, failure_status_text() names them. */
enum exit_status {
	STATUS_OK,
	STATUS_FAILED,
	STATUS_USAGE,
	STATUS_NO_DAEMON,
	STATUS_DENIED,
	STATUS_BUSY,
	STATUS_COUNT,
};

/** failure_status_text() - what an exit status means, in a few words. */
const char *failure_status_text(enum exit_status status);

/**
 * failure_say() - tell the person, in one line on standard error: what failed, why, and what to do next.
 * @status: what vfioctl is to exit with
 *
 * Return: @status, so that a command can end with "return failure_say(…)".
 */
enum exit_status failure_say(enum exit_status status, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** failure_no_memory() - tell the person that there is no memory. Return: STATUS_FAILED. */
enum exit_status failure_no_memory(void);

#endif
