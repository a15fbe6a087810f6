/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vfioctl/revoke.h"

#include "libvfiodma/vfiodma.h"
#include "vfioctl/command.h"
#include "vfioctl/connect.h"
#include "vfioctl/holder.h"
#include "vfioctl/inventory.h"
#include "vfioctl/json.h"
#include "vfioctl/owner.h"
#include "vfioctl/terminal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define GRACE_MAX_MS 86400000 /* a day, as in vfiod.conf */

int revoke_grace(const char *text, unsigned int *grace_ms)
{
	size_t whole = strspn(text, "0123456789"), part = 0;
	unsigned int ms = 0;

	if (text[whole] == '.')
		part = strspn(text + whole + 1, "0123456789");
	/* a digit on both sides of a point, and not so many that the number overflows */
	if (!whole || whole > 5 || part > 3 || text[whole + (part ? 1 + part : 0)])
		return -EINVAL;
	for (size_t i = 0; i < 3; i++)
		ms = ms * 10 + (i < part ? (unsigned int)(text[whole + 1 + i] - '0') : 0);
	ms += (unsigned int)strtoul(text, NULL, 10) * 1000;
	if (ms > GRACE_MAX_MS)
		return -EINVAL;
	*grace_ms = ms;
	return 0;
}

/* "alice (pid 123, edu)", as far as it is known */
static const char *holder_text(const struct vfiodma_info *info, char *text, size_t size)
{
	char user[260], command[HOLDER_COMMAND_MAX];

	if (info->holder_uid == VFIODMA_NONE)
		snprintf(text, size, "nobody");
	else if (info->holder_pid == VFIODMA_NONE)
		snprintf(text, size, "user %s", owner_user_text(info->holder_uid, user, sizeof(user)));
	else if (holder_command(info->holder_pid, command))
		snprintf(text, size, "user %s (pid %" PRIu32 ")", owner_user_text(info->holder_uid, user, sizeof(user)),
			 info->holder_pid);
	else
		snprintf(text, size, "user %s (pid %" PRIu32 ", %s)",
			 owner_user_text(info->holder_uid, user, sizeof(user)), info->holder_pid, command);
	return text;
}

const char *revoke_explain(const struct vfiodma_info *info, char *text, size_t size)
{
	char holder[320];

	snprintf(text, size,
		 "%s cannot be taken back from %s: it was leased without the kernel module vfiod_handle, or as a whole "
		 "IOMMU group; end that program, and for the leases to come: modprobe vfiod_handle",
		 info->address, holder_text(info, holder, sizeof(holder)));
	return text;
}

void revoke_print(const struct vfiodma_info *before, unsigned int killed, FILE *out)
{
	char holder[320];

	holder_text(before, holder, sizeof(holder));
	fprintf(out, "%s revoked from %s; it is clean and free\n", before->address,
		terminal_clean(holder, terminal_is_utf8()));
	if (killed)
		fprintf(out, "%u process%s, stuck in a call on it, had to be killed\n", killed,
			killed == 1 ? "" : "es");
}

static enum exit_status report_json(struct vfiodma_session *session, const struct vfiodma_info *before,
				    unsigned int killed)
{
	const struct vfiodma_info *after;
	struct inventory inventory;
	enum exit_status status = inventory_fetch_device(session, before->address, &inventory, &after);

	if (status != STATUS_OK)
		return status;
	if (json_print_revoked(&inventory, after, before, killed, stdout))
		status = failure_no_memory();
	inventory_free(&inventory);
	return status;
}

static enum exit_status revoke(const struct invocation *invocation, struct vfiodma_session *session,
			       const struct vfiodma_info *info, unsigned int grace_ms)
{
	bool leased = info->state == VFIODMA_LEASED || info->state == VFIODMA_GRANTING;
	unsigned int killed;
	char text[700];
	int error = vfiodma_revoke(session, info->address, grace_ms, NULL, &killed);

	if (error == -EOPNOTSUPP && leased)
		return failure_say(STATUS_FAILED, "%s", revoke_explain(info, text, sizeof(text)));
	if (error)
		return connect_failure(session, error);
	if (invocation->option[OPTION_JSON])
		return report_json(session, info, killed);
	revoke_print(info, killed, stdout);
	return STATUS_OK;
}

enum exit_status revoke_run(const struct invocation *invocation)
{
	char address[INVENTORY_ADDRESS_SIZE];
	const char *grace = invocation->option[OPTION_GRACE];
	unsigned int grace_ms = VFIODMA_NONE;
	const struct vfiodma_info *info;
	struct vfiodma_session *session;
	struct inventory inventory;
	enum exit_status status = inventory_address(invocation->arguments[0], address);

	if (status == STATUS_OK && grace && revoke_grace(grace, &grace_ms))
		status =
			failure_say(STATUS_USAGE, "'%s' is no grace; give seconds from 0 to 86400, as 5 or 0.5", grace);
	if (status == STATUS_OK)
		status = connect_vfiod(invocation, true, &session);
	if (status != STATUS_OK)
		return status;
	/* first, for who has it: afterwards nobody does */
	status = inventory_fetch_device(session, address, &inventory, &info);
	if (status == STATUS_OK) {
		status = revoke(invocation, session, info, grace_ms);
		inventory_free(&inventory);
	}
	vfiodma_session_close(session);
	return status;
}
