/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vfioctl/inventory.h"

#include "libvfiodma/vfiodma.h"
#include "proto/address.h"
#include "vfioctl/connect.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum exit_status inventory_fetch(struct vfiodma_session *session, struct inventory *inventory)
{
	int error = vfiodma_list(session, &inventory->infos, &inventory->count);

	return error ? connect_failure(session, error) : STATUS_OK;
}

void inventory_free(struct inventory *inventory)
{
	free(inventory->infos);
	*inventory = (struct inventory){ NULL, 0 };
}

enum exit_status inventory_address(const char *text, char address[INVENTORY_ADDRESS_SIZE])
{
	uint64_t number;

	if (proto_address_parse(text, &number))
		return failure_say(STATUS_USAGE,
				   "'%s' is not a PCI address; write it as 0000:01:00.0 or 01:00.0 (see: vfioctl list)",
				   text);
	proto_address_format(number, address);
	return STATUS_OK;
}

enum exit_status inventory_fetch_device(struct vfiodma_session *session, const char *address,
					struct inventory *inventory, const struct vfiodma_info **info)
{
	enum exit_status status = inventory_fetch(session, inventory);
	size_t i;

	if (status != STATUS_OK)
		return status;
	for (i = 0; i < inventory->count; i++) {
		if (strcmp(inventory->infos[i].address, address) != 0)
			continue;
		*info = &inventory->infos[i];
		return STATUS_OK;
	}
	inventory_free(inventory);
	return failure_say(STATUS_FAILED, "there is no PCI function %s; see: vfioctl list --all", address);
}

bool inventory_is_bridge(const struct vfiodma_info *info)
{
	return info->class_code >> 16 == 0x06;
}

const struct vfiodma_info *inventory_next_member(const struct inventory *inventory, const struct vfiodma_info *info,
						 const struct vfiodma_info *last)
{
	const struct vfiodma_info *end = inventory->infos + inventory->count, *member;

	if (info->group == VFIODMA_NONE)
		return NULL;
	for (member = last ? last + 1 : inventory->infos; member < end; member++) {
		if (member != info && member->group == info->group)
			return member;
	}
	return NULL;
}

const struct vfiodma_info *inventory_next_leader(const struct inventory *inventory, const struct vfiodma_info *info,
						 const struct vfiodma_info *last)
{
	do
		last = inventory_next_member(inventory, info, last);
	while (last && (last->state == VFIODMA_UNMANAGED || last->state == VFIODMA_COMPANION));
	return last;
}

const struct vfiodma_info *inventory_next_vf(const struct inventory *inventory, const struct vfiodma_info *info,
					     const struct vfiodma_info *last)
{
	const struct vfiodma_info *end = inventory->infos + inventory->count, *vf;

	for (vf = last ? last + 1 : inventory->infos; vf < end; vf++) {
		if (!strcmp(vf->physical_function, info->address))
			return vf;
	}
	return NULL;
}

const struct vfiodma_info *inventory_parent(const struct inventory *inventory, const struct vfiodma_info *info)
{
	const struct vfiodma_info *end = inventory->infos + inventory->count, *parent;

	for (parent = inventory->infos; parent < end; parent++) {
		if (parent->flags & VFIODMA_INFO_HAS_VFS && !strcmp(parent->address, info->physical_function))
			return parent;
	}
	return NULL;
}

const char *inventory_short_address(const char *address, const char *from)
{
	const char *colon = strchr(address, ':');

	if (!colon || strncmp(address, from, (size_t)(colon + 1 - address)) != 0)
		return address;
	return colon + 1;
}

static void print_members(const struct inventory *inventory, const struct vfiodma_info *info, bool bridges, bool brief,
			  FILE *out)
{
	const struct vfiodma_info *member = NULL;
	unsigned int count = 0;

	while ((member = inventory_next_member(inventory, info, member))) {
		if (!bridges && inventory_is_bridge(member))
			continue;
		count++;
		if (!brief)
			fprintf(out, " +%s", inventory_short_address(member->address, info->address));
	}
	if (brief && count)
		fprintf(out, " +%u", count);
}

int inventory_group_text(const struct inventory *inventory, const struct vfiodma_info *info, bool bridges, bool brief,
			 char **text)
{
	char *made = NULL;
	size_t length;
	FILE *out = open_memstream(&made, &length);

	if (!out)
		return -ENOMEM;
	if (info->group == VFIODMA_NONE)
		fputc('-', out);
	else
		fprintf(out, "%" PRIu32, info->group);
	print_members(inventory, info, bridges, brief, out);
	if (fclose(out)) {
		free(made);
		return -ENOMEM;
	}
	*text = made;
	return 0;
}

enum tone inventory_tone(const struct vfiodma_info *info)
{
	static const enum tone tones[] = {
		[VFIODMA_UNMANAGED] = TONE_FAINT,  [VFIODMA_ASSIGNING] = TONE_BUSY,  [VFIODMA_FREE] = TONE_GOOD,
		[VFIODMA_GRANTING] = TONE_BUSY,	   [VFIODMA_LEASED] = TONE_BUSY,     [VFIODMA_REVOKING] = TONE_BUSY,
		[VFIODMA_UNASSIGNING] = TONE_BUSY, [VFIODMA_QUARANTINED] = TONE_BAD, [VFIODMA_COMPANION] = TONE_FAINT,
	};

	return info->state < sizeof(tones) / sizeof(*tones) ? tones[info->state] : TONE_PLAIN;
}
