/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vfiod's log, of fuzzers: a line is made, and shown where somebody wants to read it (FUZZ_LOG=1, with one input). */
#include "tests/fuzz/want.h"
#include "vfiod/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static void __attribute__((format(printf, 1, 0))) make_line(const char *format, va_list args)
{
	static int shown = -1;
	char text[1024];

	if (shown < 0)
		shown = getenv("FUZZ_LOG") != NULL;
	vsnprintf(text, sizeof(text), format, args);
	if (shown)
		fprintf(stderr, "vfiod: %s\n", text);
}

void log_setup(bool verbose)
{
	(void)verbose;
}

void log_line(int priority, const char *format, ...)
{
	va_list args;

	want(priority != LOG_CRIT); /* a fault of vfiod's */
	va_start(args, format);
	make_line(format, args);
	va_end(args);
}

void log_event(enum log_event event, const struct log_about *about, const char *format, ...)
{
	va_list args;

	(void)event;
	(void)about;
	va_start(args, format);
	make_line(format, args);
	va_end(args);
}
