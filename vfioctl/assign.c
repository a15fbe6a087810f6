/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libvfiodma/vfiodma.h"
#include "vfioctl/command.h"
#include "vfioctl/connect.h"
#include "vfioctl/inventory.h"
#include "vfioctl/json.h"
#include "vfioctl/owner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VFS_MAX 65535 /* the field NumVFs has 16 bits (PCIe 6.0 §9.3.3.7) */

/* What the command line asks for. */
struct assignment {
	char address[INVENTORY_ADDRESS_SIZE];
	uint32_t uid, gid;
	unsigned int vfs; /* 0: the function itself */
	const char *pool; /* of these; NULL: what vfiod.conf says */
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

static enum exit_status read_vfs(const struct invocation *invocation, struct assignment *wanted)
{
	const char *vfs = invocation->option[OPTION_VFS];
	size_t digits = vfs ? strspn(vfs, "0123456789") : 0;

	wanted->pool = invocation->option[OPTION_POOL];
	if (!vfs && wanted->pool)
		return failure_say(
			STATUS_USAGE,
			"--pool goes with --vfs; which pool any other function is in, vfiod.conf says: pool = \"%s\"",
			wanted->pool);
	if (!vfs)
		return STATUS_OK;
	if (digits && digits <= 5 && !vfs[digits])
		wanted->vfs = (unsigned int)strtoul(vfs, NULL, 10);
	if (!wanted->vfs || wanted->vfs > VFS_MAX)
		return failure_say(STATUS_USAGE, "'%s' is no number of virtual functions; give one from 1 to %d", vfs,
				   VFS_MAX);
	return STATUS_OK;
}

static void print_assigned(const struct assignment *wanted, const struct inventory *inventory,
			   const struct vfiodma_info *info, const char *original_driver)
{
	const struct vfiodma_info *vf = NULL;
	char owner[260];

	if (!wanted->vfs) {
		printf("%s assigned to %s (driver %s -> %s)\n", wanted->address, owner_text(info, owner, sizeof(owner)),
		       *original_driver ? original_driver : "none", *info->driver ? info->driver : "none");
		return;
	}
	while ((vf = inventory_next_vf(inventory, info, vf)))
		printf("%s, a virtual function of %s, assigned to %s (driver %s)\n", vf->address, wanted->address,
		       owner_text(vf, owner, sizeof(owner)), *vf->driver ? vf->driver : "none");
}

static enum exit_status report(const struct invocation *invocation, struct vfiodma_session *session,
			       const struct assignment *wanted, const char *original_driver)
{
	const struct vfiodma_info *info;
	struct inventory inventory;
	enum exit_status status = inventory_fetch_device(session, wanted->address, &inventory, &info);

	if (status != STATUS_OK)
		return status;
	if (!invocation->option[OPTION_JSON])
		print_assigned(wanted, &inventory, info, original_driver);
	else if (json_print_device(&inventory, info, stdout))
		status = failure_no_memory();
	inventory_free(&inventory);
	return status;
}

enum exit_status assign_run(const struct invocation *invocation)
{
	struct vfiodma_session *session;
	struct assignment wanted = { .vfs = 0 };
	char original_driver[32] = "";
	enum exit_status status = inventory_address(invocation->arguments[0], wanted.address);
	int error;

	if (status == STATUS_OK)
		status = read_owner(invocation, &wanted);
	if (status == STATUS_OK)
		status = read_vfs(invocation, &wanted);
	if (status == STATUS_OK)
		status = connect_vfiod(invocation, true, &session);
	if (status != STATUS_OK)
		return status;
	if (wanted.vfs)
		error = vfiodma_assign_vfs(session, wanted.address, wanted.uid, wanted.gid, wanted.vfs, wanted.pool);
	else
		error = vfiodma_assign(session, wanted.address, wanted.uid, wanted.gid, original_driver);
	if (error)
		status = connect_failure(session, error);
	else
		status = report(invocation, session, &wanted, original_driver);
	vfiodma_session_close(session);
	return status;
}
