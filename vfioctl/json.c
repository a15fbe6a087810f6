/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vfioctl/json.h"

#include "libvfiodma/vfiodma.h"
#include "vfioctl/holder.h"
#include "vfioctl/inventory.h"
#include "vfioctl/owner.h"
#include "vfioctl/pcinames.h"

#include <errno.h>
#include <json-c/json.h>
#include <string.h>

/* What is not there is null, never an empty string. */
static void add_text(struct json_object *object, const char *key, const char *text)
{
	json_object_object_add(object, key, text && *text ? json_object_new_string(text) : NULL);
}

static void add_hex(struct json_object *object, const char *key, int digits, unsigned int value)
{
	char text[16];

	snprintf(text, sizeof(text), "0x%0*x", digits, value);
	add_text(object, key, text);
}

static void add_number(struct json_object *object, const char *key, uint32_t value)
{
	json_object_object_add(object, key, value == VFIODMA_NONE ? NULL : json_object_new_int64(value));
}

static void add_identity(struct json_object *object, struct pcinames *names, const struct vfiodma_info *info)
{
	struct pcinames_text text;

	pcinames_lookup(names, info, &text);
	add_hex(object, "vendor_id", 4, info->vendor);
	add_hex(object, "device_id", 4, info->device);
	add_hex(object, "subsystem_vendor_id", 4, info->subsystem_vendor);
	add_hex(object, "subsystem_device_id", 4, info->subsystem_device);
	add_hex(object, "class_code", 6, info->class_code);
	add_text(object, "vendor_name", text.vendor);
	add_text(object, "device_name", text.device);
	add_text(object, "subsystem_vendor_name", text.subsystem_vendor);
	add_text(object, "subsystem_name", text.subsystem);
	add_text(object, "class_name", text.class_name);
	add_number(object, "numa_node", info->numa_node);
}

static void add_group(struct json_object *object, const struct inventory *inventory, const struct vfiodma_info *info)
{
	const struct vfiodma_info *member = NULL;
	struct json_object *members = json_object_new_array();

	add_number(object, "iommu_group", info->group);
	while ((member = inventory_next_member(inventory, info, member))) {
		struct json_object *entry = json_object_new_object();

		add_text(entry, "address", member->address);
		add_text(entry, "driver", member->driver);
		json_object_array_add(members, entry);
	}
	json_object_object_add(object, "group_members", members);
}

/* Of a function that was taken along with others: with which. */
static void add_companion_of(struct json_object *object, const struct inventory *inventory,
			     const struct vfiodma_info *info)
{
	const struct vfiodma_info *leader = NULL;
	struct json_object *leaders = json_object_new_array();

	while (info->state == VFIODMA_COMPANION && (leader = inventory_next_leader(inventory, info, leader)))
		json_object_array_add(leaders, json_object_new_string(leader->address));
	json_object_object_add(object, "companion_of", leaders);
}

static void add_vfs(struct json_object *object, const struct inventory *inventory, const struct vfiodma_info *info)
{
	struct json_object *vfs = json_object_new_array();
	const struct vfiodma_info *vf = NULL;

	while ((vf = inventory_next_vf(inventory, info, vf)))
		json_object_array_add(vfs, json_object_new_string(vf->address));
	add_text(object, "physical_function", info->physical_function);
	json_object_object_add(object, "virtual_functions", vfs);
	json_object_object_add(object, "virtual_functions_assigned",
			       json_object_new_boolean((info->flags & VFIODMA_INFO_HAS_VFS) != 0));
}

static void add_reset_methods(struct json_object *object, const struct vfiodma_info *info)
{
	struct json_object *methods = json_object_new_array();
	const char *at = info->reset;

	while (*(at += strspn(at, " "))) {
		size_t length = strcspn(at, " ");

		json_object_array_add(methods, json_object_new_string_len(at, (int)length));
		at += length;
	}
	json_object_object_add(object, "reset_methods", methods);
}

static void add_people(struct json_object *object, const struct vfiodma_info *info)
{
	char command[HOLDER_COMMAND_MAX] = "";

	if (info->holder_pid != VFIODMA_NONE)
		holder_command(info->holder_pid, command);
	add_number(object, "owner_uid", info->owner_uid);
	add_text(object, "owner_user", info->owner_uid == VFIODMA_NONE ? NULL : owner_user_name(info->owner_uid));
	add_number(object, "owner_gid", info->owner_gid);
	add_text(object, "owner_group", info->owner_gid == VFIODMA_NONE ? NULL : owner_group_name(info->owner_gid));
	add_number(object, "holder_uid", info->holder_uid);
	add_text(object, "holder_user", info->holder_uid == VFIODMA_NONE ? NULL : owner_user_name(info->holder_uid));
	add_number(object, "holder_pid", info->holder_pid);
	add_text(object, "holder_command", command);
}

struct json_object *json_device(const struct inventory *inventory, struct pcinames *names,
				const struct vfiodma_info *info)
{
	struct json_object *object = json_object_new_object();

	if (!object)
		return NULL;
	add_text(object, "address", info->address);
	add_identity(object, names, info);
	add_group(object, inventory, info);
	add_companion_of(object, inventory, info);
	add_vfs(object, inventory, info);
	add_text(object, "driver", info->driver);
	json_object_object_add(object, "strict", json_object_new_boolean((info->flags & VFIODMA_INFO_STRICT) != 0));
	add_text(object, "original_driver", info->original_driver);
	add_reset_methods(object, info);
	add_text(object, "state", vfiodma_state_name(info->state));
	add_text(object, "quarantine_reason", info->reason);
	add_people(object, info);
	json_object_object_add(object, "revocable",
			       json_object_new_boolean((info->flags & VFIODMA_INFO_REVOCABLE) != 0));
	json_object_object_add(object, "warm", json_object_new_boolean((info->flags & VFIODMA_INFO_WARM) != 0));
	return object;
}

int json_print(struct json_object *object, FILE *out)
{
	const char *text = json_object_to_json_string_ext(object, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED |
									  JSON_C_TO_STRING_NOSLASHESCAPE);

	if (text)
		fprintf(out, "%s\n", text);
	json_object_put(object);
	return text ? 0 : -ENOMEM;
}

int json_print_revoked(const struct inventory *inventory, const struct vfiodma_info *info,
		       const struct vfiodma_info *before, unsigned int killed, FILE *out)
{
	struct pcinames *names;
	struct json_object *object;
	int error = pcinames_open(NULL, &names);

	if (error)
		return error;
	object = json_device(inventory, names, info);
	pcinames_close(names);
	if (!object)
		return -ENOMEM;
	add_number(object, "revoked_uid", before->holder_uid);
	add_text(object, "revoked_user",
		 before->holder_uid == VFIODMA_NONE ? NULL : owner_user_name(before->holder_uid));
	add_number(object, "revoked_pid", before->holder_pid);
	add_number(object, "killed_processes", killed);
	return json_print(object, out);
}

int json_print_device(const struct inventory *inventory, const struct vfiodma_info *info, FILE *out)
{
	struct pcinames *names;
	int error = pcinames_open(NULL, &names);

	if (error)
		return error;
	error = json_print(json_device(inventory, names, info), out);
	pcinames_close(names);
	return error;
}
