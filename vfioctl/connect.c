/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vfioctl/connect.h"

#include "libvfiodma/vfiodma.h"
#include "vfioctl/command.h"

#include <errno.h>
#include <string.h>

static enum exit_status say(const struct vfiodma_session *session, int error, enum exit_status status)
{
	const char *text = session ? vfiodma_session_error(session) : NULL;

	if (text && *text)
		return failure_say(status, "%s", text);
	return failure_say(status, "vfiod did not do it: %s", strerror(-error));
}

enum exit_status connect_vfiod(const struct invocation *invocation, bool admin, struct vfiodma_session **session)
{
	struct vfiodma_options options = {
		.runtime_dir = invocation->option[OPTION_RUNTIME_DIR],
		.admin = admin,
	};
	struct vfiodma_session *opened;
	int error = vfiodma_session_open(&options, &opened);
	enum exit_status status = STATUS_NO_DAEMON;

	if (!error) {
		*session = opened;
		return STATUS_OK;
	}
	if (error == -EACCES || error == -EPERM)
		status = STATUS_DENIED;
	if (error == -ENOMEM)
		status = STATUS_FAILED;
	status = say(opened, error, status);
	vfiodma_session_close(opened);
	return status;
}

enum exit_status connect_status(int error)
{
	static const struct {
		int error;
		enum exit_status status;
	} known[] = {
		{ -EACCES, STATUS_DENIED },	   { -EPERM, STATUS_DENIED },	 { -EBUSY, STATUS_BUSY },
		{ -ECONNRESET, STATUS_NO_DAEMON }, { -EPIPE, STATUS_NO_DAEMON }, { -ENOTCONN, STATUS_NO_DAEMON },
	};
	enum exit_status status = error ? STATUS_FAILED : STATUS_OK;
	size_t i;

	for (i = 0; i < sizeof(known) / sizeof(*known); i++) {
		if (known[i].error == error)
			status = known[i].status;
	}
	return status;
}

enum exit_status connect_failure(const struct vfiodma_session *session, int error)
{
	return say(session, error, connect_status(error));
}
