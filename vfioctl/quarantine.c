/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libvfiodma/vfiodma.h"
#include "vfioctl/command.h"
#include "vfioctl/connect.h"
#include "vfioctl/inventory.h"
#include "vfioctl/json.h"

#include <stdio.h>
#include <string.h>

static enum exit_status report(const struct invocation *invocation, struct vfiodma_session *session,
			       const char *address)
{
	const struct vfiodma_info *info;
	struct inventory inventory;
	enum exit_status status = inventory_fetch_device(session, address, &inventory, &info);

	if (status != STATUS_OK)
		return status;
	if (!invocation->option[OPTION_JSON])
		printf("%s is clean and %s\n", address, vfiodma_state_name(info->state));
	else if (json_print_device(&inventory, info, stdout))
		status = failure_no_memory();
	inventory_free(&inventory);
	return status;
}

enum exit_status quarantine_run(const struct invocation *invocation)
{
	char address[INVENTORY_ADDRESS_SIZE];
	struct vfiodma_session *session;
	enum exit_status status;
	int error;

	if (strcmp(invocation->arguments[0], "clear") != 0)
		return failure_say(STATUS_USAGE, "there is no command 'quarantine %s'; see: vfioctl quarantine --help",
				   invocation->arguments[0]);
	status = inventory_address(invocation->arguments[1], address);
	if (status == STATUS_OK)
		status = connect_vfiod(invocation, true, &session);
	if (status != STATUS_OK)
		return status;
	error = vfiodma_clear(session, address);
	status = error ? connect_failure(session, error) : report(invocation, session, address);
	vfiodma_session_close(session);
	return status;
}
