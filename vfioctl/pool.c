/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vfioctl/pool.h"

#include "libvfiodma/vfiodma.h"
#include "vfioctl/command.h"
#include "vfioctl/connect.h"
#include "vfioctl/inventory.h"
#include "vfioctl/json.h"
#include "vfioctl/owner.h"
#include "vfioctl/pcinames.h"
#include "vfioctl/table.h"
#include "vfioctl/terminal.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static const struct column columns[] = { { "POOL", 0, 0 }, { "FUNCTIONS", 0, 0 }, { "FREE", 0, 0 }, { "USERS", 5, 0 } };

static int compare(const void *a, const void *b)
{
	const struct vfiodma_member *left = a, *right = b;
	int by_pool = strcmp(left->pool, right->pool);

	return by_pool ? by_pool : strcmp(left->address, right->address);
}

void pool_sort(struct members *members)
{
	if (members->count)
		qsort(members->list, members->count, sizeof(members->list[0]), compare);
}

/* The member's function; NULL: it has gone since. */
static const struct vfiodma_info *info_of(const struct vfiodma_member *member, const struct inventory *inventory)
{
	for (size_t i = 0; i < inventory->count; i++)
		if (!strcmp(inventory->infos[i].address, member->address))
			return &inventory->infos[i];
	return NULL;
}

/* How many of the pool that begins at @first there are. */
static size_t pool_size(const struct members *members, size_t first)
{
	size_t end = first;

	while (end < members->count && !strcmp(members->list[end].pool, members->list[first].pool))
		end++;
	return end - first;
}

/* Who has functions of a pool. */
struct share {
	uint32_t uid;
	unsigned int count;
};

/* @shares: room for @size; it begins as empty */
static size_t count_shares(const struct vfiodma_member *list, size_t size, const struct inventory *inventory,
			   struct share *shares)
{
	size_t count = 0, at;

	for (size_t i = 0; i < size; i++) {
		const struct vfiodma_info *info = info_of(&list[i], inventory);

		if (!info || info->holder_uid == VFIODMA_NONE)
			continue;
		for (at = 0; at < count && shares[at].uid != info->holder_uid; at++)
			;
		if (at == count)
			shares[count++] = (struct share){ .uid = info->holder_uid };
		shares[at].count++;
	}
	return count;
}

/* "alice 2, bob 1", or "-"; the caller's to free(3); NULL: no memory */
static char *users_text(const struct vfiodma_member *list, size_t size, const struct inventory *inventory)
{
	struct share *shares = calloc(size, sizeof(*shares));
	char user[260], *text = NULL;
	size_t count, length;
	FILE *out = shares ? open_memstream(&text, &length) : NULL;

	if (!out) {
		free(shares);
		return NULL;
	}
	count = count_shares(list, size, inventory, shares);
	if (!count)
		fputc('-', out);
	for (size_t i = 0; i < count; i++)
		fprintf(out, "%s%s %u", i ? ", " : "", owner_user_text(shares[i].uid, user, sizeof(user)),
			shares[i].count);
	free(shares);
	if (fclose(out)) {
		free(text);
		return NULL;
	}
	return text;
}

static size_t count_free(const struct vfiodma_member *list, size_t size, const struct inventory *inventory)
{
	size_t count = 0;

	for (size_t i = 0; i < size; i++) {
		const struct vfiodma_info *info = info_of(&list[i], inventory);

		count += info && info->state == VFIODMA_FREE;
	}
	return count;
}

static int add_row(struct table *table, const struct vfiodma_member *list, size_t size,
		   const struct inventory *inventory)
{
	size_t count = count_free(list, size, inventory);
	char number[24], *users = users_text(list, size, inventory);

	if (!users)
		return -ENOMEM;
	table_add(table, list->pool, TONE_PLAIN);
	snprintf(number, sizeof(number), "%zu", size);
	table_add(table, number, TONE_PLAIN);
	snprintf(number, sizeof(number), "%zu", count);
	table_add(table, number, count ? TONE_GOOD : TONE_BUSY);
	table_add(table, users, TONE_PLAIN);
	free(users);
	return 0;
}

int pool_print(const struct members *members, const struct inventory *inventory, const struct terminal *terminal,
	       FILE *out)
{
	struct table *table;
	size_t size;
	int error = table_create(columns, sizeof(columns) / sizeof(*columns), &table);

	if (error)
		return error;
	for (size_t i = 0; !error && i < members->count; i += size) {
		size = pool_size(members, i);
		error = add_row(table, &members->list[i], size, inventory);
	}
	if (!error)
		error = table_print(table, terminal, out);
	table_free(table);
	return error;
}

static struct json_object *json_pool(const struct vfiodma_member *list, size_t size, const struct inventory *inventory,
				     struct pcinames *names)
{
	struct json_object *object = json_object_new_object(), *functions = json_object_new_array();

	for (size_t i = 0; i < size; i++) {
		const struct vfiodma_info *info = info_of(&list[i], inventory);

		if (info)
			json_object_array_add(functions, json_device(inventory, names, info));
	}
	json_object_object_add(object, "pool", json_object_new_string(list->pool));
	json_object_object_add(object, "free", json_object_new_int64((int64_t)count_free(list, size, inventory)));
	json_object_object_add(object, "functions", functions);
	return object;
}

int pool_print_json(const struct members *members, const struct inventory *inventory, FILE *out)
{
	struct json_object *array = json_object_new_array();
	struct pcinames *names;
	size_t size;
	int error = pcinames_open(NULL, &names);

	if (error) {
		json_object_put(array);
		return error;
	}
	for (size_t i = 0; i < members->count; i += size) {
		size = pool_size(members, i);
		json_object_array_add(array, json_pool(&members->list[i], size, inventory, names));
	}
	error = json_print(array, out);
	pcinames_close(names);
	return error;
}

static int print(const struct invocation *invocation, struct members *members, const struct inventory *inventory)
{
	struct terminal terminal;

	pool_sort(members);
	if (invocation->option[OPTION_JSON])
		return pool_print_json(members, inventory, stdout);
	terminal_look(stdout, invocation->option[OPTION_COLOR], &terminal);
	return pool_print(members, inventory, &terminal, stdout);
}

enum exit_status pool_run(const struct invocation *invocation)
{
	struct vfiodma_session *session;
	struct inventory inventory;
	struct members members;
	enum exit_status status = connect_vfiod(invocation, false, &session);
	int error;

	if (status != STATUS_OK)
		return status;
	error = vfiodma_members(session, &members.list, &members.count);
	status = error ? connect_failure(session, error) : inventory_fetch(session, &inventory);
	vfiodma_session_close(session);
	if (status == STATUS_OK) {
		if (print(invocation, &members, &inventory))
			status = failure_no_memory();
		inventory_free(&inventory);
	}
	if (!error)
		free(members.list);
	return status;
}
