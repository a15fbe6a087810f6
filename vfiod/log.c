/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vfiod/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* Set once, before there are threads. */
static bool to_journal;
static int lowest = LOG_INFO;

void log_setup(bool verbose)
{
	to_journal = getenv("JOURNAL_STREAM") != NULL;
	lowest = verbose ? LOG_DEBUG : LOG_INFO;
}

void log_line(int priority, const char *format, ...)
{
	char text[1024];
	va_list args;

	if (priority > lowest)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (to_journal)
		fprintf(stderr, "<%d>%s\n", priority, text);
	else
		fprintf(stderr, "vfiod: %s\n", text);
}
