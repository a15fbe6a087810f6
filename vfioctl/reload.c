/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libvfiodma/vfiodma.h"
#include "vfioctl/command.h"
#include "vfioctl/connect.h"
#include "vfioctl/json.h"

#include <json-c/json.h>

static int print_json(unsigned int rules)
{
	struct json_object *object = json_object_new_object();

	json_object_object_add(object, "rules", json_object_new_int64(rules));
	return json_print(object, stdout);
}

enum exit_status reload_run(const struct invocation *invocation)
{
	struct vfiodma_session *session;
	unsigned int rules;
	enum exit_status status = connect_vfiod(invocation, true, &session);
	int error;

	if (status != STATUS_OK)
		return status;
	error = vfiodma_reload(session, &rules);
	if (error)
		status = connect_failure(session, error);
	else if (!invocation->option[OPTION_JSON])
		printf("vfiod goes by its configuration as it is now: %u rule%s\n", rules, rules == 1 ? "" : "s");
	else if (print_json(rules))
		status = failure_no_memory();
	vfiodma_session_close(session);
	return status;
}
