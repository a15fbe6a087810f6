/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vfioctl/failure.h"

#include "vfioctl/terminal.h"

#include <stdarg.h>
#include <stdio.h>

static const char *const status_text[STATUS_COUNT] = {
	[STATUS_OK] = "done",
	[STATUS_FAILED] = "the request failed",
	[STATUS_USAGE] = "the command line is wrong",
	[STATUS_NO_DAEMON] = "vfiod cannot be reached",
	[STATUS_DENIED] = "not permitted",
	[STATUS_BUSY] = "the device is in use",
};

const char *failure_status_text(enum exit_status status)
{
	return status_text[status];
}

enum exit_status failure_say(enum exit_status status, const char *format, ...)
{
	char text[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	fprintf(stderr, "vfioctl: %s\n", terminal_clean(text, terminal_is_utf8()));
	return status;
}

enum exit_status failure_no_memory(void)
{
	return failure_say(STATUS_FAILED, "cannot show what vfiod said: out of memory; end other programs first");
}
