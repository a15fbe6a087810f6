/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libvfiodma/vfiodma.h"
#include "vfioctl/command.h"
#include "vfioctl/connect.h"
#include "vfioctl/inventory.h"
#include "vfioctl/json.h"

#include <errno.h>
#include <stdio.h>

static enum exit_status report_json(struct vfiodma_session *session, const char *address)
{
	const struct vfiodma_info *info;
	struct vfiodma_info shown;
	struct inventory inventory;
	enum exit_status status;

	if (vfiodma_show(session, address, &shown) == -ENODEV) {
		puts("null"); /* it was assigned, and is not there */
		return STATUS_OK;
	}
	status = inventory_fetch_device(session, address, &inventory, &info);
	if (status != STATUS_OK)
		return status;
	if (json_print_device(&inventory, info, stdout))
		status = failure_no_memory();
	inventory_free(&inventory);
	return status;
}

/* What else of its group is assigned has it stay where it is, by its rule. */
static bool is_companion(struct vfiodma_session *session, const char *address)
{
	struct vfiodma_info info;

	return !vfiodma_show(session, address, &info) && info.state == VFIODMA_COMPANION;
}

static void report(struct vfiodma_session *session, const char *address, const char *driver)
{
	if (is_companion(session, address))
		printf("%s released; it goes back to the host with the last function of its IOMMU group\n", address);
	else if (*driver)
		printf("%s released to the host (driver %s)\n", address, driver);
	else
		printf("%s released to the host (no driver)\n", address);
}

enum exit_status release_run(const struct invocation *invocation)
{
	char address[INVENTORY_ADDRESS_SIZE], driver[32];
	struct vfiodma_session *session;
	enum exit_status status = inventory_address(invocation->arguments[0], address);
	int error;

	if (status == STATUS_OK)
		status = connect_vfiod(invocation, true, &session);
	if (status != STATUS_OK)
		return status;
	error = vfiodma_unassign(session, address, driver);
	if (error)
		status = connect_failure(session, error);
	else if (invocation->option[OPTION_JSON])
		status = report_json(session, address);
	else
		report(session, address, driver);
	vfiodma_session_close(session);
	return status;
}
