/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_TEMPORARY_H
#define TESTS_TEMPORARY_H

#include <stdio.h>
#include <stdlib.h>

/* Of a path below the temporary folder, which leaves room for a socket's name behind it. */
#define TEMPORARY_MAX 64

/**
 * temporary_path() - a template for mkdtemp(3) or mkstemp(3), in $TMPDIR or /tmp.
 * @name: what it is the test of
 *
 * Return: @path.
 */
static inline char *temporary_path(char path[TEMPORARY_MAX], const char *name)
{
	const char *dir = getenv("TMPDIR");
	int length = snprintf(path, TEMPORARY_MAX, "%s/vfiod-test-%s-XXXXXX", dir && dir[0] ? dir : "/tmp", name);

	if (length >= TEMPORARY_MAX) {
		fprintf(stderr, "%s: too long for the tests; set TMPDIR to a shorter one\n", dir);
		exit(EXIT_FAILURE);
	}
	return path;
}

#endif
