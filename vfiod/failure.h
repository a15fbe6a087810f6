/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIOD_FAILURE_H
#define VFIOD_FAILURE_H

/* Why something did not work: for the program that asked, and in one line for the person behind it. */
struct failure {
	int error; /* a negative errno; 0: nothing failed */
	char text[480];
};

/**
 * failure_set() - say what failed, why, and what to do next.
 * @failure: overwritten
 * @error: a negative errno
 *
 * Return: @error, so that a function can end with "return failure_set(…)".
 */
int failure_set(struct failure *failure, int error, const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif
