/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLIENTS_EXPECT_H
#define CLIENTS_EXPECT_H

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* What has to hold: otherwise the process says so and ends. */
#define expect(holds) \
	do { \
		if (!(holds)) { \
			dprintf(2, "%s:%d: not so: %s (errno: %s)\n", __FILE__, __LINE__, #holds, strerror(errno)); \
			_exit(1); \
		} \
	} while (0)

/* A call has to fail with that errno. */
#define expect_errno(error, call) \
	do { \
		errno = 0; \
		expect((call) == -1 && errno == (error)); \
	} while (0)

#endif
