/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vfioctl/list.h"

#include "libvfiodma/vfiodma.h"
#include "vfioctl/command.h"
#include "vfioctl/connect.h"
#include "vfioctl/inventory.h"
#include "vfioctl/json.h"
#include "vfioctl/owner.h"
#include "vfioctl/pcinames.h"
#include "vfioctl/table.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

static const struct column columns[] = {
	{ "ADDRESS", 0, 0 }, { "DEVICE", 12, 32 }, { "CLASS", 0, 0 }, { "GROUP", 0, 0 },
	{ "DRIVER", 8, 0 },  { "OWNER", 6, 0 },	   { "STATE", 0, 0 },
};

/* What is given up, one after the other, where the terminal is narrow; after that words are cut off. */
enum detail {
	DETAIL_FULL,
	DETAIL_BRIEF_NAMES,
	DETAIL_BRIEF_GROUPS, /* and how many other functions are in a group, not which */
	DETAIL_COUNT
};

static bool is_listed(const struct vfiodma_info *info, bool all)
{
	return all || !inventory_is_bridge(info) || info->state != VFIODMA_UNMANAGED;
}

static int add_row(struct table *table, const struct inventory *inventory, struct pcinames *names,
		   const struct vfiodma_info *info, bool all, enum detail detail)
{
	struct pcinames_text text;
	char title[260], *group;
	bool brief = detail >= DETAIL_BRIEF_NAMES;
	int error = inventory_group_text(inventory, info, all, detail >= DETAIL_BRIEF_GROUPS, &group);

	if (error)
		return error;
	pcinames_lookup(names, info, &text);
	table_add(table, info->address, TONE_PLAIN);
	table_add(table, pcinames_device(&text, info, brief, title, sizeof(title)), TONE_PLAIN);
	table_add(table, pcinames_class(&text, info, brief, title, sizeof(title)), TONE_PLAIN);
	table_add(table, group, TONE_PLAIN);
	table_add(table, *info->driver ? info->driver : "-", TONE_PLAIN);
	table_add(table, owner_text(info, title, sizeof(title)), TONE_PLAIN);
	table_add(table, vfiodma_state_name(info->state), inventory_tone(info));
	free(group);
	return 0;
}

static int make_table(const struct inventory *inventory, struct pcinames *names, bool all, enum detail detail,
		      struct table **table)
{
	struct table *made;
	int error = table_create(columns, sizeof(columns) / sizeof(*columns), &made);
	size_t i;

	if (error)
		return error;
	for (i = 0; !error && i < inventory->count; i++) {
		if (is_listed(&inventory->infos[i], all))
			error = add_row(made, inventory, names, &inventory->infos[i], all, detail);
	}
	if (error) {
		table_free(made);
		return error;
	}
	*table = made;
	return 0;
}

/* What a companion was taken along with. */
static void print_leaders(const struct inventory *inventory, const struct vfiodma_info *info, FILE *out)
{
	const struct vfiodma_info *leader = inventory_next_leader(inventory, info, NULL);

	for (bool first = true; leader; leader = inventory_next_leader(inventory, info, leader), first = false)
		fprintf(out, "%s%s%s", first ? info->address : "", first ? " is companion of " : ", ", leader->address);
	if (inventory_next_leader(inventory, info, NULL))
		fputc('\n', out);
}

/* What is wrong with a function, or what it is there for, which the table has no room for. */
static void print_reasons(const struct inventory *inventory, bool all, const struct terminal *terminal, FILE *out)
{
	char reason[sizeof(inventory->infos->reason)];

	for (size_t i = 0; i < inventory->count; i++) {
		const struct vfiodma_info *info = &inventory->infos[i];

		if (info->state == VFIODMA_COMPANION)
			print_leaders(inventory, info, out);
		if (!*info->reason || !is_listed(info, all))
			continue;
		memcpy(reason, info->reason, sizeof(reason));
		terminal_clean(reason, terminal->utf8);
		fprintf(out, "%s is %s: %s\n", info->address, vfiodma_state_name(info->state), reason);
	}
}

/* Which functions have virtual ones, and which these are: nothing else in the table says so. */
static void print_vfs(const struct inventory *inventory, bool all, FILE *out)
{
	for (size_t i = 0; i < inventory->count; i++) {
		const struct vfiodma_info *info = &inventory->infos[i], *vf = inventory_next_vf(inventory, info, NULL);

		if (!vf || !is_listed(info, all))
			continue;
		fprintf(out, "%s has virtual functions:", info->address);
		for (; vf; vf = inventory_next_vf(inventory, info, vf))
			fprintf(out, " %s", inventory_short_address(vf->address, info->address));
		fputc('\n', out);
	}
}

int list_print(const struct inventory *inventory, struct pcinames *names, bool all, const struct terminal *terminal,
	       FILE *out)
{
	enum detail detail = DETAIL_FULL;
	struct table *table;
	int error = make_table(inventory, names, all, detail, &table);

	while (!error && terminal->width && detail + 1 < DETAIL_COUNT &&
	       table_width(table, detail > DETAIL_FULL) > terminal->width) {
		table_free(table);
		error = make_table(inventory, names, all, ++detail, &table);
	}
	if (error)
		return error;
	error = table_print(table, terminal, out);
	table_free(table);
	if (error)
		return error;
	print_vfs(inventory, all, out);
	print_reasons(inventory, all, terminal, out);
	return 0;
}

int list_print_json(const struct inventory *inventory, struct pcinames *names, bool all, FILE *out)
{
	struct json_object *array = json_object_new_array();
	size_t i;

	if (!array)
		return -ENOMEM;
	for (i = 0; i < inventory->count; i++) {
		if (is_listed(&inventory->infos[i], all))
			json_object_array_add(array, json_device(inventory, names, &inventory->infos[i]));
	}
	return json_print(array, out);
}

static int print(const struct invocation *invocation, const struct inventory *inventory)
{
	bool all = invocation->option[OPTION_ALL];
	struct terminal terminal;
	struct pcinames *names;
	int error = pcinames_open(NULL, &names);

	if (error)
		return error;
	terminal_look(stdout, invocation->option[OPTION_COLOR], &terminal);
	if (invocation->option[OPTION_WIDE])
		terminal.width = 0;
	if (invocation->option[OPTION_JSON])
		error = list_print_json(inventory, names, all, stdout);
	else
		error = list_print(inventory, names, all, &terminal, stdout);
	pcinames_close(names);
	return error;
}

enum exit_status list_run(const struct invocation *invocation)
{
	struct vfiodma_session *session;
	struct inventory inventory;
	enum exit_status status = connect_vfiod(invocation, false, &session);

	if (status != STATUS_OK)
		return status;
	status = inventory_fetch(session, &inventory);
	vfiodma_session_close(session);
	if (status != STATUS_OK)
		return status;
	if (print(invocation, &inventory))
		status = failure_no_memory();
	inventory_free(&inventory);
	return status;
}
