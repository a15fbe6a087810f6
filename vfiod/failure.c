/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vfiod/failure.h"

#include <stdarg.h>
#include <stdio.h>

int failure_set(struct failure *failure, int error, const char *format, ...)
{
	va_list args;

	failure->error = error;
	va_start(args, format);
	vsnprintf(failure->text, sizeof(failure->text), format, args);
	va_end(args);
	return error;
}
