/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libvfiodma/vfiodma.h"
#include "vfioctl/command.h"
#include "vfioctl/connect.h"
#include "vfioctl/inventory.h"
#include "vfioctl/json.h"
#include "vfioctl/owner.h"

#include <stdio.h>

/* What the command line asks for. */
struct assignment {
	char address[INVENTORY_ADDRESS_SIZE];
	uint32_t uid, gid;
};

static enum exit_status read_owner(const struct invocation *invocation, struct assignment *wanted)
{
	const char *user = invocation->option[OPTION_USER], *group = invocation->option[OPTION_GROUP];

	wanted->uid = wanted->gid = VFIODMA_NONE;
	if (!user && !group)
		return failure_say(STATUS_USAGE, "cannot assign %s: no owner given; add --user NAME or --group NAME",
				   wanted->address);
	if (user && group)
		return failure_say(STATUS_USAGE, "cannot assign %s: it has one owner; give --user or --group, not both",
				   wanted->address);
	if (user && owner_user_id(user, &wanted->uid))
		return failure_say(STATUS_FAILED, "no such user: '%s'; see who there is: getent passwd", user);
	if (group && owner_group_id(group, &wanted->gid))
		return failure_say(STATUS_FAILED, "no such group: '%s'; see which there are: getent group", group);
	return STATUS_OK;
}

static enum exit_status report(const struct invocation *invocation, struct vfiodma_session *session,
			       const char *address, const char *original_driver)
{
	const struct vfiodma_info *info;
	struct inventory inventory;
	enum exit_status status = inventory_fetch_device(session, address, &inventory, &info);
	char owner[260];

	if (status != STATUS_OK)
		return status;
	if (!invocation->option[OPTION_JSON])
		printf("%s assigned to %s (driver %s -> %s)\n", address, owner_text(info, owner, sizeof(owner)),
		       *original_driver ? original_driver : "none", *info->driver ? info->driver : "none");
	else if (json_print_device(&inventory, info, stdout))
		status = failure_no_memory();
	inventory_free(&inventory);
	return status;
}

enum exit_status assign_run(const struct invocation *invocation)
{
	struct vfiodma_session *session;
	struct assignment wanted;
	char original_driver[32];
	enum exit_status status = inventory_address(invocation->arguments[0], wanted.address);
	int error;

	if (status == STATUS_OK)
		status = read_owner(invocation, &wanted);
	if (status == STATUS_OK)
		status = connect_vfiod(invocation, true, &session);
	if (status != STATUS_OK)
		return status;
	error = vfiodma_assign(session, wanted.address, wanted.uid, wanted.gid, original_driver);
	if (error)
		status = connect_failure(session, error);
	else
		status = report(invocation, session, wanted.address, original_driver);
	vfiodma_session_close(session);
	return status;
}
