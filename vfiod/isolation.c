/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vfiod/isolation.h"

#include "proto/address.h"
#include "vfiod/daemon.h"
#include "vfiod/device.h"
#include "vfiod/request.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/pci_regs.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define EXTENDED_BEGIN 0x100
#define STANDARD_MAX   48			     /* capabilities; more than these are a loop */
#define EXTENDED_MAX   ((4096 - EXTENDED_BEGIN) / 8) /* the same */
#define MULTI_FUNCTION 0x80			     /* of PCI_HEADER_TYPE */
#define BRIDGES_MAX    32			     /* above one another; a loop, or nothing that we could explain */

/* Those without which the kernel keeps nothing apart: REQ_ACS_FLAGS in drivers/iommu/iommu.c. */
#define WANTED (PCI_ACS_SV | PCI_ACS_RR | PCI_ACS_CR | PCI_ACS_UF)

/* ---- what a function says ---- */

static uint32_t read_bytes(int config, unsigned int offset, size_t size)
{
	uint32_t raw = 0;

	return pread(config, &raw, size, offset) == (ssize_t)size ? le32toh(raw) : UINT32_MAX >> (32 - 8 * size);
}

static unsigned int find_standard(int config, uint8_t id)
{
	unsigned int at = PCI_CAPABILITY_LIST;

	if (!(read_bytes(config, PCI_STATUS, 2) & PCI_STATUS_CAP_LIST))
		return 0;
	for (unsigned int i = 0; i < STANDARD_MAX; i++) {
		at = read_bytes(config, at, 1) & 0xfc;
		if (at < PCI_STD_HEADER_SIZEOF)
			return 0;
		if (read_bytes(config, at, 1) == id)
			return at;
		at += PCI_CAP_LIST_NEXT;
	}
	return 0;
}

static unsigned int find_extended(int config, uint16_t id)
{
	unsigned int at = EXTENDED_BEGIN;

	for (unsigned int i = 0; i < EXTENDED_MAX && at >= EXTENDED_BEGIN; i++) {
		uint32_t header = read_bytes(config, at, 4);

		/* a function that is gone reads as ones */
		if (!header || header == UINT32_MAX)
			return 0;
		if (PCI_EXT_CAP_ID(header) == id)
			return at;
		at = PCI_EXT_CAP_NEXT(header);
	}
	return 0;
}

/* What a function does not implement it does not need: the kernel goes by that, too. */
static void find_acs(int config, struct isolation *isolation)
{
	unsigned int acs = find_extended(config, PCI_EXT_CAP_ID_ACS);

	isolation->has_acs = acs;
	if (acs)
		isolation->acs_missing = (uint16_t)(WANTED & read_bytes(config, acs + PCI_ACS_CAP, 2) &
						    ~read_bytes(config, acs + PCI_ACS_CTRL, 2));
}

void isolation_find(int config, struct isolation *isolation)
{
	struct isolation found = { .is_known = true };
	unsigned int express = find_standard(config, PCI_CAP_ID_EXP);

	found.multifunction = read_bytes(config, PCI_HEADER_TYPE, 1) & MULTI_FUNCTION;
	if (express) {
		found.is_express = true;
		found.type = (read_bytes(config, express + PCI_EXP_FLAGS, 2) & PCI_EXP_FLAGS_TYPE) >> 4;
		find_acs(config, &found);
	}
	*isolation = found;
}

int isolation_read(uint64_t address, struct isolation *isolation)
{
	char text[PROTO_ADDRESS_LEN], path[64];
	int config;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/config", proto_address_format(address, text));
	config = open(path, O_RDONLY | O_CLOEXEC);
	if (config < 0)
		return -errno;
	isolation_find(config, isolation);
	close(config);
	return 0;
}

/* ---- what follows ---- */

/* A function and the bridges above it, upwards. */
struct way {
	const struct device *step[BRIDGES_MAX];
	size_t count;
};

static struct way way_of(const struct devices *devices, const struct device *device)
{
	struct way way = { .count = 0 };

	while (device && way.count < BRIDGES_MAX) {
		way.step[way.count++] = device;
		device = device->facts.parent == VFIOD_NO_ADDRESS ? NULL : devices_find(devices, device->facts.parent);
	}
	return way;
}

/* The first step of @way that is one of @other, too; or its end. */
static size_t meeting(const struct way *way, const struct way *other)
{
	for (size_t i = 0; i < way->count; i++)
		for (size_t k = 0; k < other->count; k++)
			if (way->step[i] == other->step[k])
				return i;
	return way->count;
}

/* Whether what is below a bridge, or one bus with it, is kept apart is nothing that conventional PCI could say. */
static bool is_conventional(const struct device *bridge)
{
	const struct isolation *isolation = &bridge->facts.isolation;

	return isolation->is_known && (!isolation->is_express || isolation->type == PCI_EXP_TYPE_PCI_BRIDGE ||
				       isolation->type == PCI_EXP_TYPE_PCIE_BRIDGE);
}

static bool is_port(const struct device *device)
{
	const struct isolation *isolation = &device->facts.isolation;

	return isolation->is_express &&
	       (isolation->type == PCI_EXP_TYPE_ROOT_PORT || isolation->type == PCI_EXP_TYPE_DOWNSTREAM);
}

/* As pci_acs_enabled() in drivers/pci/pci.c, but for the exceptions that it has for devices that it knows. */
static bool keeps_apart(const struct device *device)
{
	const struct isolation *isolation = &device->facts.isolation;
	bool alone = !isolation->multifunction && !(device->facts.address & 7);

	if (!isolation->is_known)
		return true; /* it is not to be blamed */
	if (!isolation->is_express || isolation->type == PCI_EXP_TYPE_RC_EC || is_conventional(device))
		return false;
	return (alone && !is_port(device)) || (isolation->has_acs && !isolation->acs_missing);
}

static void blame(struct isolation_reason *reason, enum isolation_cause cause, const struct device *device)
{
	*reason = (struct isolation_reason){
		.cause = cause,
		.at = device->facts.address,
		.has_acs = device->facts.isolation.has_acs,
		.acs_missing = device->facts.isolation.acs_missing,
	};
}

/* The bridges of @way from the step @from on, up to where it meets the other one, and that, too. */
static bool blame_bus(const struct way *way, size_t from, size_t meets, struct isolation_reason *reason)
{
	for (size_t i = from; i < way->count && i <= meets; i++) {
		if (!facts_is_bridge(&way->step[i]->facts) || !is_conventional(way->step[i]))
			continue;
		blame(reason, ISOLATION_BUS, way->step[i]);
		return true;
	}
	return false;
}

static bool blame_port(const struct way *way, size_t from, size_t meets, struct isolation_reason *reason)
{
	for (size_t i = from; i < way->count && i <= meets; i++) {
		if (!facts_is_bridge(&way->step[i]->facts) || keeps_apart(way->step[i]))
			continue;
		blame(reason, ISOLATION_PORT, way->step[i]);
		return true;
	}
	return false;
}

static bool blame_slot(const struct device *one, const struct device *other, struct isolation_reason *reason)
{
	if (one->facts.address >> 3 != other->facts.address >> 3 || (keeps_apart(one) && keeps_apart(other)))
		return false;
	blame(reason, ISOLATION_DEVICE, keeps_apart(one) ? other : one);
	return true;
}

/* Where both come together, they are two functions of one slot, or lead to two. */
static bool blame_branches(const struct way *a, size_t at_a, const struct way *b, size_t at_b,
			   struct isolation_reason *reason)
{
	return at_a && at_b && blame_slot(a->step[at_a - 1], b->step[at_b - 1], reason);
}

void isolation_explain(const struct devices *devices, const struct device *device, const struct device *other,
		       struct isolation_reason *reason)
{
	const struct way a = way_of(devices, device), b = way_of(devices, other);
	const size_t at_a = meeting(&a, &b), at_b = meeting(&b, &a);
	/* a bridge is to blame for what is below it, not for what is beside it */
	const size_t from_a = at_a ? 1 : 0, from_b = at_b ? 1 : 0;
	bool same_slot = at_a == 1 && at_b == 1;

	*reason = (struct isolation_reason){ .cause = ISOLATION_UNKNOWN, .at = VFIOD_NO_ADDRESS };
	if (blame_bus(&a, from_a, at_a, reason) || blame_bus(&b, from_b, at_b, reason) ||
	    (same_slot && blame_branches(&a, at_a, &b, at_b, reason)))
		return;
	if (blame_port(&a, from_a, at_a, reason) || blame_port(&b, from_b, at_b, reason))
		return;
	blame_branches(&a, at_a, &b, at_b, reason);
}

/* ---- in words ---- */

static void name_missing(uint16_t missing, char names[24])
{
	static const struct {
		uint16_t bit;
		const char *name;
	} bits[] = { { PCI_ACS_SV, "SV" }, { PCI_ACS_RR, "RR" }, { PCI_ACS_CR, "CR" }, { PCI_ACS_UF, "UF" } };

	names[0] = '\0';
	for (size_t i = 0; i < sizeof(bits) / sizeof(bits[0]); i++)
		if (missing & bits[i].bit)
			sprintf(names + strlen(names), "%s%s", names[0] ? " " : "", bits[i].name);
}

const char *isolation_text(const struct isolation_reason *reason, char text[ISOLATION_TEXT_MAX])
{
	char address[PROTO_ADDRESS_LEN], missing[24], acs[48] = "no ACS";

	name_missing(reason->acs_missing, missing);
	if (reason->has_acs && missing[0])
		snprintf(acs, sizeof(acs), "ACS, but %s of it off", missing);
	text[0] = '\0';
	if (reason->cause == ISOLATION_UNKNOWN)
		return text;
	proto_address_format(reason->at, address);
	if (reason->cause == ISOLATION_BUS)
		snprintf(text, ISOLATION_TEXT_MAX, "%s is a bridge to conventional PCI", address);
	else if (reason->cause == ISOLATION_PORT)
		snprintf(text, ISOLATION_TEXT_MAX, "the port %s has %s", address, acs);
	else
		snprintf(text, ISOLATION_TEXT_MAX, "they are one device, whose function %s has %s", address, acs);
	return text;
}

/* ---- for who asks ---- */

_Static_assert((int)ISOLATION_UNKNOWN == (int)VFIOD_ISOLATION_UNKNOWN &&
		       (int)ISOLATION_BUS == (int)VFIOD_ISOLATION_BUS &&
		       (int)ISOLATION_PORT == (int)VFIOD_ISOLATION_PORT &&
		       (int)ISOLATION_DEVICE == (int)VFIOD_ISOLATION_DEVICE,
	       "causes are told as they are");

void request_isolation(struct request *request, const struct vfiod_isolation_req *body)
{
	struct device *device = request_find(request, le64toh(body->address));
	struct device *other = device ? devices_find(&request->daemon->devices, le64toh(body->other)) : NULL;
	struct isolation_reason reason;
	struct vfiod_isolation_rep rep = { 0 };
	struct failure failure;

	if (!device)
		return;
	if (!other || other == device || other->facts.group != device->facts.group ||
	    device->facts.group == VFIOD_NONE) {
		failure_set(&failure, -EINVAL,
			    "these are not two functions of one IOMMU group; see: vfioctl list --all");
		request_refuse(request, &failure);
		return;
	}
	isolation_explain(&request->daemon->devices, device, other, &reason);
	rep.at = htole64(reason.at);
	rep.cause = htole32(reason.cause);
	rep.acs = htole32(reason.has_acs || reason.cause == ISOLATION_UNKNOWN ? reason.acs_missing : VFIOD_ACS_NONE);
	request_reply(request, &rep, sizeof(rep), NULL, 0);
}
