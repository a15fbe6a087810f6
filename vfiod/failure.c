/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vfiod/failure.h"

#include <errno.h>
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

enum failure_reason failure_reason(int error)
{
	switch (-error) {
	case EACCES:
	case EPERM:
		return REASON_NOT_ALLOWED;
	case EBUSY:
		return REASON_BUSY;
	case EAGAIN:
	case EDQUOT:
	case EUSERS:
		return REASON_LIMIT;
	case ENODEV:
	case ENOENT:
		return REASON_ABSENT;
	case EIO:
		return REASON_FAULT;
	case EOPNOTSUPP:
	case ENOSYS:
	case EPROTONOSUPPORT:
		return REASON_UNSUPPORTED;
	case EINVAL:
	case EBADMSG:
		return REASON_INVALID;
	default:
		return REASON_OTHER;
	}
}

const char *failure_reason_word(int error)
{
	static const char *const words[REASON_COUNT] = {
		[REASON_NOT_ALLOWED] = "not-allowed", [REASON_BUSY] = "busy",	[REASON_LIMIT] = "limit",
		[REASON_ABSENT] = "absent",	      [REASON_FAULT] = "fault", [REASON_UNSUPPORTED] = "unsupported",
		[REASON_INVALID] = "invalid",	      [REASON_OTHER] = "other",
	};

	return words[failure_reason(error)];
}
