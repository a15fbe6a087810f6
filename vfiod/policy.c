/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vfiod/policy.h"

#include "proto/address.h"
#include "vfiod/config.h"
#include "vfiod/facts.h"
#include "vfiod/peer.h"

#include <errno.h>
#include <string.h>

static bool id_fits(uint32_t wanted, uint32_t is)
{
	return wanted == CONFIG_ANY || wanted == is;
}

static bool text_fits(const char *wanted, const char *is)
{
	return !wanted || !strcmp(wanted, is);
}

static bool parent_fits(const struct rule *rule, const struct facts *facts)
{
	return !rule->has_physical_function ||
	       (facts->is_virtual && facts->physical_function == rule->physical_function);
}

static bool rule_fits(const struct rule *rule, const struct facts *facts)
{
	return (!rule->has_address || rule->address == facts->address) && id_fits(rule->vendor, facts->vendor) &&
	       id_fits(rule->device, facts->device) && id_fits(rule->subsystem_vendor, facts->subsystem_vendor) &&
	       id_fits(rule->subsystem_device, facts->subsystem_device) &&
	       id_fits(rule->class_code, facts->class_code & rule->class_mask) &&
	       text_fits(rule->host_driver, facts->host_driver) && text_fits(rule->path, facts->path) &&
	       text_fits(rule->label, facts->label) && text_fits(rule->in_pool, facts->pool) &&
	       (!rule->serial || rule->serial == facts->serial) && parent_fits(rule, facts);
}

const struct rule *policy_rule(const struct config *config, const struct facts *facts)
{
	for (size_t i = 0; i < config->rule_count; i++)
		if (rule_fits(&config->rules[i], facts))
			return &config->rules[i];
	return NULL;
}

/* Another rule behind the one that fits would not be asked. */
static int refuse_without_reset(const struct rule *rule, const char *address, struct failure *failure)
{
	static const char what[] = "cannot be reset by the kernel, so it could not be cleaned between users";

	if (rule)
		return failure_set(failure, -EOPNOTSUPP,
				   "%s %s; reset = \"best-effort\" in rule \"%s\" of vfiod.conf accepts that", address,
				   what, rule->name);
	return failure_set(failure, -EOPNOTSUPP,
			   "%s %s; a rule with reset = \"best-effort\" in vfiod.conf accepts that", address, what);
}

int policy_may_take(const struct config *config, const struct facts *facts, struct failure *failure)
{
	const struct rule *rule = policy_rule(config, facts);
	char address[PROTO_ADDRESS_LEN];

	proto_address_format(facts->address, address);
	if (rule && !rule->assign)
		return failure_set(
			failure, -EPERM,
			"%s stays the host's: rule \"%s\" says assign = false; who wants it assigned changes that in "
			"vfiod.conf",
			address, rule->name);
	if (facts->boot_display)
		return failure_set(
			failure, -EBUSY,
			"%s is the display that the machine booted with; choose another one in the firmware to free it",
			address);
	if (facts->vfs)
		return failure_set(failure, -EBUSY,
				   "%s has %u virtual functions enabled; disable them first: echo 0 > "
				   "/sys/bus/pci/devices/%s/sriov_numvfs",
				   address, facts->vfs, address);
	return 0;
}

static int refuse_without_iommu(const struct facts *facts, const char *address, struct failure *failure)
{
	return failure_set(
		failure, -EOPNOTSUPP,
		"%s is %s; switch VT-d or AMD-Vi on in the firmware and boot with intel_iommu=on or amd_iommu=on",
		address,
		facts->no_iommu ? "in VFIO's no-IOMMU mode, which lets a program write to all of the machine's memory"
				: "behind no IOMMU, so its DMA could not be confined");
}

int policy_may_assign(const struct config *config, const struct facts *facts, struct failure *failure)
{
	const struct rule *rule = policy_rule(config, facts);
	char address[PROTO_ADDRESS_LEN];

	proto_address_format(facts->address, address);
	if (facts_is_bridge(facts))
		return failure_set(failure, -EOPNOTSUPP,
				   "%s is a bridge, which stays the host's; name a device behind it", address);
	if (policy_may_take(config, facts, failure))
		return failure->error;
	if (facts->group == VFIOD_NONE)
		return refuse_without_iommu(facts, address, failure);
	if (!facts->reset[0] && policy_reset(config, facts) == CLEAN_RESET_REQUIRED)
		return refuse_without_reset(rule, address, failure);
	return 0;
}

static bool rule_admits(const struct rule *rule, const struct peer *peer)
{
	if (!rule->user_count && !rule->group_count)
		return true;
	for (size_t i = 0; i < rule->user_count; i++)
		if (rule->users[i] == peer->uid)
			return true;
	for (size_t i = 0; i < rule->group_count; i++)
		if (peer_in_group(peer, rule->groups[i]))
			return true;
	return false;
}

static bool rule_admits_label(const struct rule *rule, const struct peer *peer)
{
	if (!rule->label_count)
		return true;
	for (size_t i = 0; i < rule->label_count; i++)
		if (!strcmp(rule->labels[i], peer->label))
			return true;
	return false;
}

/* Kernels with AppArmor tell nobody's label before Linux 6.17. */
static int refuse_label(const struct rule *rule, const struct peer *peer, const char *address, struct failure *failure)
{
	if (!peer->label[0])
		return failure_set(failure, -EACCES,
				   "%s is for programs with a security label that rule \"%s\" names, and the kernel "
				   "tells none of yours (AppArmor's are told since Linux 6.17); ask the administrator",
				   address, rule->name);
	return failure_set(failure, -EACCES,
			   "%s is not for programs with the security label \"%s\": rule \"%s\" names others; ask "
			   "the administrator for it",
			   address, peer->label, rule->name);
}

static uint32_t lowest_mode(const struct rule *rule)
{
	uint32_t mode = 0;

	while (!(rule->modes & CONFIG_MODE(mode)))
		mode++;
	return mode;
}

bool policy_wants_other_mode(const struct rule *rule, uint32_t mode)
{
	return rule->modes && !(rule->modes & CONFIG_MODE(mode));
}

/* What a rule says to who may have the function otherwise. */
static int check_demand(const struct rule *rule, const char *address, const struct demand *demand,
			struct failure *failure)
{
	if (!rule_admits(rule, demand->peer))
		return failure_set(failure, -EACCES,
				   "%s is not for user %u: rule \"%s\" names others; ask the administrator for it",
				   address, (unsigned)demand->peer->uid, rule->name);
	if (!rule_admits_label(rule, demand->peer))
		return refuse_label(rule, demand->peer, address, failure);
	if (policy_wants_other_mode(rule, demand->mode))
		return failure_set(failure, -EACCES,
				   "%s is not for mode \"%s\": rule \"%s\" names others; ask for it in mode \"%s\"",
				   address, config_mode_name(demand->mode), rule->name,
				   config_mode_name(lowest_mode(rule)));
	if (rule->lease_time && !demand->revocable)
		return failure_set(failure, -EOPNOTSUPP,
				   "%s: rule \"%s\" ends a lease after %u s, and this one could not be taken back; %s",
				   address, rule->name, rule->lease_time,
				   demand->mode == VFIOD_MODE_GROUP
					   ? "ask for it in mode \"container\""
					   : "an administrator can change that: modprobe vfiod_handle");
	if (rule->leases_per_user && demand->leases >= rule->leases_per_user)
		return failure_set(
			failure, -EDQUOT,
			"%s: user %u has %zu of the %u leases that rule \"%s\" allows one; release one first", address,
			(unsigned)demand->peer->uid, demand->leases, rule->leases_per_user, rule->name);
	return 0;
}

static int check_owner(const struct owner *owner, const char *address, const struct peer *peer, struct failure *failure)
{
	if (owner->uid == VFIOD_NONE && owner->gid == VFIOD_NONE)
		return failure_set(failure, -EACCES,
				   "%s is not assigned to anybody; an administrator can do that: vfioctl assign %s "
				   "--user NAME",
				   address, address);
	if (owner->uid != VFIOD_NONE && owner->uid != peer->uid)
		return failure_set(failure, -EACCES,
				   "%s is assigned to user %u, and you are user %u; ask the administrator for it",
				   address, owner->uid, (unsigned)peer->uid);
	if (owner->gid != VFIOD_NONE && !peer_in_group(peer, owner->gid))
		return failure_set(failure, -EACCES,
				   "%s is assigned to group %u, which user %u was not in when it connected; ask the "
				   "administrator for it",
				   address, owner->gid, (unsigned)peer->uid);
	return 0;
}

int policy_may_acquire(const struct config *config, const struct facts *facts, const struct owner *owner,
		       const struct demand *demand, struct failure *failure)
{
	const struct rule *rule = policy_rule(config, facts);
	char address[PROTO_ADDRESS_LEN];
	int err;

	proto_address_format(facts->address, address);
	err = check_owner(owner, address, demand->peer, failure);
	return err || !rule ? err : check_demand(rule, address, demand, failure);
}

int policy_may_go_first(const struct config *config, const struct facts *facts, const struct rival *rival,
			struct failure *failure)
{
	char address[PROTO_ADDRESS_LEN];

	if (!rival->is)
		return 0;
	return failure_set(
		failure, -EBUSY,
		"%s: user %u has %zu of pool \"%s\", you have %zu, and that user asked for one in vain: it comes "
		"first; try again in %u s",
		proto_address_format(facts->address, address), rival->uid, rival->leases, policy_pool(config, facts),
		rival->own, rival->seconds);
}

const char *policy_pool(const struct config *config, const struct facts *facts)
{
	const struct rule *rule = facts->pool[0] ? NULL : policy_rule(config, facts);

	return rule ? rule->pool : facts->pool[0] ? facts->pool : NULL;
}

enum driver_choice policy_driver(const struct config *config, const struct facts *facts)
{
	const struct rule *rule = policy_rule(config, facts);

	return rule ? rule->driver : config->driver;
}

enum clean_reset policy_reset(const struct config *config, const struct facts *facts)
{
	const struct rule *rule = policy_rule(config, facts);

	return rule ? rule->reset : CLEAN_RESET_REQUIRED;
}

enum companions policy_companions(const struct config *config, const struct facts *facts)
{
	const struct rule *rule = policy_rule(config, facts);

	return rule ? rule->companions : COMPANIONS_REFUSE;
}

bool policy_unsafe_interrupts(const struct config *config, const struct facts *facts)
{
	const struct rule *rule = policy_rule(config, facts);

	return rule && rule->unsafe_interrupts;
}

bool policy_may_keep_warm(const struct config *config, const struct facts *facts)
{
	const struct rule *rule = policy_rule(config, facts);

	return config->warm_devices && (!rule || rule->warm);
}
