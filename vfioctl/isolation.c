/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vfioctl/isolation.h"

#include "libvfiodma/vfiodma.h"
#include "vfioctl/inventory.h"

#include <errno.h>
#include <json-c/json.h>
#include <linux/pci_regs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	uint32_t bit;
	const char *name;
} services[] = {
	{ PCI_ACS_SV, "SV" },
	{ PCI_ACS_RR, "RR" },
	{ PCI_ACS_CR, "CR" },
	{ PCI_ACS_UF, "UF" },
};

#define SERVICE_COUNT (sizeof(services) / sizeof(services[0]))

static const char *const cause_words[] = {
	[VFIODMA_ISOLATION_UNKNOWN] = NULL,
	[VFIODMA_ISOLATION_BUS] = "conventional-bus",
	[VFIODMA_ISOLATION_PORT] = "port",
	[VFIODMA_ISOLATION_DEVICE] = "device",
};

#define CAUSE_COUNT (sizeof(cause_words) / sizeof(cause_words[0]))

int isolation_fetch(struct vfiodma_session *session, const struct inventory *inventory, const struct vfiodma_info *info,
		    struct vfiodma_isolation **isolations)
{
	const struct vfiodma_info *member = NULL;
	struct vfiodma_isolation *made;
	size_t count = 0;
	int error = 0;

	*isolations = NULL;
	made = calloc(inventory->count, sizeof(made[0]));
	if (!made)
		return -ENOMEM;
	while (!error && (member = inventory_next_member(inventory, info, member)))
		error = vfiodma_isolation(session, info->address, member->address, &made[count++]);
	if (!error && count)
		*isolations = made;
	else
		free(made);
	return 0;
}

static const char *acs_text(const struct vfiodma_isolation *isolation, char text[64])
{
	if (isolation->acs & VFIODMA_ACS_NONE || !isolation->acs)
		return strcpy(text, "no ACS");
	strcpy(text, "ACS, but");
	for (size_t i = 0; i < SERVICE_COUNT; i++)
		if (isolation->acs & services[i].bit)
			sprintf(text + strlen(text), " %s", services[i].name);
	return strcat(text, " of it off");
}

const char *isolation_text(const struct vfiodma_isolation *isolation, char text[ISOLATION_TEXT_SIZE])
{
	char acs[64];

	acs_text(isolation, acs);
	text[0] = '\0';
	if (isolation->cause == VFIODMA_ISOLATION_BUS)
		snprintf(text, ISOLATION_TEXT_SIZE, "%s is a bridge to conventional PCI", isolation->at);
	else if (isolation->cause == VFIODMA_ISOLATION_PORT)
		snprintf(text, ISOLATION_TEXT_SIZE, "the port %s has %s", isolation->at, acs);
	else if (isolation->cause == VFIODMA_ISOLATION_DEVICE)
		snprintf(text, ISOLATION_TEXT_SIZE, "they are one device, whose function %s has %s", isolation->at,
			 acs);
	return text;
}

const char *isolation_advice(const struct vfiodma_isolation *isolation)
{
	switch (isolation->cause) {
	case VFIODMA_ISOLATION_BUS:
		return "in a slot that is not behind this bridge the card would be apart from them";
	case VFIODMA_ISOLATION_PORT:
		return "in a slot that is not behind this port the card may be apart from them";
	case VFIODMA_ISOLATION_DEVICE:
		return "they stay together in every slot";
	default:
		return "their config space does not say why; the kernel knows of devices that use each other's ids";
	}
}

static struct json_object *services_json(uint32_t acs)
{
	struct json_object *off = json_object_new_array();

	for (size_t i = 0; i < SERVICE_COUNT; i++)
		if (acs & services[i].bit)
			json_object_array_add(off, json_object_new_string(services[i].name));
	return off;
}

void isolation_add_json(struct json_object *device, const struct vfiodma_isolation *isolations)
{
	struct json_object *members = NULL;

	if (!isolations || !json_object_object_get_ex(device, "group_members", &members))
		return;
	for (size_t i = 0; i < json_object_array_length(members); i++) {
		struct json_object *entry = json_object_array_get_idx(members, i);
		const struct vfiodma_isolation *isolation = &isolations[i];
		const char *word = isolation->cause < CAUSE_COUNT ? cause_words[isolation->cause] : NULL;
		bool has_acs = word && !(isolation->acs & VFIODMA_ACS_NONE);

		json_object_object_add(entry, "shared_by", word ? json_object_new_string(word) : NULL);
		json_object_object_add(entry, "shared_at",
				       isolation->at[0] ? json_object_new_string(isolation->at) : NULL);
		json_object_object_add(entry, "acs_off", has_acs ? services_json(isolation->acs) : NULL);
	}
}
