/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vfioctl/why.h"

#include "libvfiodma/vfiodma.h"
#include "vfioctl/command.h"
#include "vfioctl/connect.h"
#include "vfioctl/inventory.h"
#include "vfioctl/json.h"
#include "vfioctl/terminal.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	uint32_t remedy;
	const char *for_people, *for_programs;
} remedies[] = {
	{ VFIODMA_BY_YOU, "you", "you" },
	{ VFIODMA_BY_HOLDER, "who has it", "holder" },
	{ VFIODMA_BY_ADMIN, "an administrator", "administrator" },
	{ VFIODMA_BY_TIME, "waiting", "time" },
};

#define REMEDY_COUNT (sizeof(remedies) / sizeof(*remedies))

#define NUMA_NODE_MAX 1023 /* Linux has ten bits at most for it (CONFIG_NODES_SHIFT) */

unsigned int why_flags(const char *mode)
{
	static const struct {
		const char *mode;
		unsigned int flags;
	} known[] = {
		{ "group", VFIODMA_LEASE_GROUP },
		{ "iommufd", VFIODMA_LEASE_IOMMUFD },
	};

	for (size_t i = 0; mode && i < sizeof(known) / sizeof(*known); i++)
		if (!strcmp(mode, known[i].mode))
			return known[i].flags;
	return 0;
}

int why_numa_node(const char *text, uint32_t *node)
{
	size_t digits = strspn(text, "0123456789");
	unsigned long number;

	if (!digits || digits > 4 || text[digits])
		return -EINVAL;
	number = strtoul(text, NULL, 10);
	if (number > NUMA_NODE_MAX)
		return -EINVAL;
	*node = (uint32_t)number;
	return 0;
}

static void print_remedies(uint32_t which, FILE *out)
{
	const char *between = "what can change that: ";

	for (size_t i = 0; i < REMEDY_COUNT; i++) {
		if (!(which & remedies[i].remedy))
			continue;
		fprintf(out, "%s%s", between, remedies[i].for_people);
		between = ", ";
	}
	if (which)
		fputc('\n', out);
}

void why_print(const struct vfiodma_why *why, const char *pool, FILE *out)
{
	char text[sizeof(why->text)];

	if (!why->error) {
		fprintf(out, "yes: you would get %s%s%s now\n", why->address, pool ? " of pool " : "",
			pool ? pool : "");
		return;
	}
	memcpy(text, why->text, sizeof(text));
	fprintf(out, "%s: %s\n", why->error == -EAGAIN ? "not yet" : "no", terminal_clean(text, terminal_is_utf8()));
	print_remedies(why->remedy, out);
}

static struct json_object *text_or_null(const char *text)
{
	return text && *text ? json_object_new_string(text) : NULL;
}

int why_print_json(const struct vfiodma_why *why, const char *pool, FILE *out)
{
	struct json_object *object = json_object_new_object(), *list = json_object_new_array();
	char text[sizeof(why->text)];

	memcpy(text, why->text, sizeof(text));
	for (size_t i = 0; i < REMEDY_COUNT; i++)
		if (why->remedy & remedies[i].remedy)
			json_object_array_add(list, json_object_new_string(remedies[i].for_programs));
	json_object_object_add(object, "granted", json_object_new_boolean(!why->error));
	json_object_object_add(object, "waits", json_object_new_boolean(why->error == -EAGAIN));
	json_object_object_add(object, "pool", text_or_null(pool));
	json_object_object_add(object, "address", text_or_null(why->address));
	json_object_object_add(object, "reason", text_or_null(terminal_clean(text, true)));
	json_object_object_add(object, "remedies", list);
	return json_print(object, out);
}

/* "pool:NAME" as it is, or an address in full. */
static enum exit_status read_what(const char *text, char address[INVENTORY_ADDRESS_SIZE], const char **what,
				  const char **pool)
{
	*pool = strncmp(text, "pool:", 5) ? NULL : text + 5;
	*what = *pool ? text : address;
	return *pool ? STATUS_OK : inventory_address(text, address);
}

/* A function is where it is: only of a pool there is a nearest one. */
static enum exit_status read_numa_node(const char *text, const char *what, const char *pool, uint32_t *node)
{
	*node = VFIODMA_NONE;
	if (!text)
		return STATUS_OK;
	if (!pool)
		return failure_say(STATUS_USAGE,
				   "--numa-node goes with pool:NAME, and %s is one function; leave it out", what);
	if (why_numa_node(text, node))
		return failure_say(STATUS_USAGE, "'%s' is no NUMA node; give the number of one, 0 to %d (see: lscpu)",
				   text, NUMA_NODE_MAX);
	return STATUS_OK;
}

enum exit_status why_run(const struct invocation *invocation)
{
	char address[INVENTORY_ADDRESS_SIZE];
	struct vfiodma_session *session;
	const char *what, *pool;
	struct vfiodma_why why;
	uint32_t node;
	enum exit_status status = read_what(invocation->arguments[0], address, &what, &pool);
	int error;

	if (status == STATUS_OK)
		status = read_numa_node(invocation->option[OPTION_NUMA_NODE], what, pool, &node);
	if (status == STATUS_OK)
		status = connect_vfiod(invocation, false, &session);
	if (status != STATUS_OK)
		return status;
	error = vfiodma_why(session, what, why_flags(invocation->option[OPTION_MODE]), node, &why);
	if (error)
		status = connect_failure(session, error);
	else if (!invocation->option[OPTION_JSON])
		why_print(&why, pool, stdout);
	else if (why_print_json(&why, pool, stdout))
		status = failure_no_memory();
	if (!error && status == STATUS_OK && why.error != -EAGAIN)
		status = connect_status(why.error);
	vfiodma_session_close(session);
	return status;
}
