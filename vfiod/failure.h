/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIOD_FAILURE_H
#define VFIOD_FAILURE_H

/* Why something did not work: for the program that asked, and in one line for the person behind it. */
struct failure {
	int error; /* a negative errno; 0: nothing failed */
	char text[480];
};

/* The same for those who count, from the errno. */
enum failure_reason {
	REASON_NOT_ALLOWED,
	REASON_BUSY,
	REASON_LIMIT,  /* a quota */
	REASON_ABSENT, /* no such function, driver, lease */
	REASON_FAULT,  /* of the hardware: what is quarantined is one */
	REASON_UNSUPPORTED,
	REASON_INVALID,
	REASON_OTHER,
	REASON_COUNT
};

/**
 * failure_set() - say what failed, why, and what to do next.
 * @failure: overwritten
 * @error: a negative errno
 *
 * Return: @error, so that a function can end with "return failure_set(…)".
 */
int failure_set(struct failure *failure, int error, const char *format, ...) __attribute__((format(printf, 3, 4)));

/** failure_reason() - of a negative errno. */
enum failure_reason failure_reason(int error);

/** failure_reason_word() - one word, the same in every release. */
const char *failure_reason_word(int error);

#endif
