/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_FUZZ_WANT_H
#define TESTS_FUZZ_WANT_H

#include <stdio.h>
#include <stdlib.h>

/* What has to be true, whatever the input is; else the input is kept, and its line here is told. */
#define want(condition) \
	((condition) ? (void)0 : (fprintf(stderr, "%s:%d: wanted: %s\n", __FILE__, __LINE__, #condition), abort()))

#endif
