/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vfiod/decide.h"

#include "proto/address.h"
#include "vfiod/clock.h"
#include "vfiod/companion.h"
#include "vfiod/config.h"
#include "vfiod/daemon.h"
#include "vfiod/numa.h"
#include "vfiod/peer.h"
#include "vfiod/request.h"
#include "vfiod/sriov.h"
#include "vfiod/vfio.h"
#include "vfiod/warm.h"

#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

/* ---- the state of things ---- */

/* It is nobody's to have; what it is taken along with is. */
static void explain_companion(const struct device *device, enum state_event event, struct failure *failure)
{
	const struct device *leader = companions_leader(&device->daemon->devices, device);
	char text[PROTO_ADDRESS_LEN], other[PROTO_ADDRESS_LEN];

	proto_address_format(device->facts.address, text);
	if (!leader)
		failure_set(failure, -EBUSY, "%s is on its way back to the host; try again", text);
	else if (event == EVENT_UNASSIGN)
		failure_set(failure, -EINVAL,
			    "%s is not assigned: it is taken along with %s, and goes back with it: vfioctl release %s",
			    text, proto_address_format(leader->facts.address, other), other);
	else
		failure_set(failure, -EACCES,
			    "%s is not assigned: it is taken along with %s; an administrator can assign it to the same "
			    "owner: vfioctl assign %s --user NAME",
			    text, proto_address_format(leader->facts.address, other), text);
}

/* In words, why @event cannot happen to @device in its present state. */
static void explain(const struct device *device, enum state_event event, struct failure *failure)
{
	char text[PROTO_ADDRESS_LEN], released[PROTO_ADDRESS_LEN];

	proto_address_format(device->facts.address, text);
	if (event == EVENT_REVOKE)
		failure_set(failure, -EINVAL, "%s is not leased to anybody", text);
	else if (event == EVENT_CLEAR)
		failure_set(failure, -EINVAL, "%s is not quarantined", text);
	else if (device->state == VFIOD_COMPANION)
		explain_companion(device, event, failure);
	else if (device->state == VFIOD_LEASED && device->lease.by_handles)
		failure_set(failure, -EBUSY,
			    "%s is leased to user %u (asked for by process %u); an administrator can take it back: "
			    "vfioctl revoke %s",
			    text, device->lease.uid, device->lease.pid, text);
	else if (device->state == VFIOD_LEASED)
		failure_set(
			failure, -EBUSY,
			"%s is leased to user %u (asked for by process %u); it is free when the last program that has "
			"it open ends",
			text, device->lease.uid, device->lease.pid);
	else if (device->state == VFIOD_QUARANTINED)
		failure_set(
			failure, event == EVENT_ACQUIRE ? -EIO : -EBUSY,
			"%s is quarantined: %s; an administrator can have it reset once more: vfioctl quarantine clear "
			"%s, or give it back to the host: vfioctl release %s",
			text, device->reason, text, proto_address_format(sriov_released_by(device), released));
	else if (event == EVENT_ACQUIRE)
		failure_set(
			failure, -EACCES,
			"%s is not assigned to anybody; an administrator can do that: vfioctl assign %s --user NAME",
			text, text);
	else if (facts_on_vfio(&device->facts))
		failure_set(failure, -EINVAL,
			    "%s is not assigned to anybody, though %s has it; to give it back, assign it first: "
			    "vfioctl assign %s --user root",
			    text, device->facts.driver, text);
	else
		failure_set(failure, -EINVAL, "%s is not assigned to anybody", text);
}

static void explain_sibling(const struct device *device, const struct device *sibling, struct failure *failure)
{
	bool by_handles = sibling->lease.by_handles;
	char text[PROTO_ADDRESS_LEN], other[PROTO_ADDRESS_LEN];

	proto_address_format(sibling->facts.address, other);
	if (sibling->state == VFIOD_QUARANTINED) {
		failure_set(
			failure, -EIO,
			"%s shares IOMMU group %u with %s, which is quarantined, and would reach the same memory; an "
			"administrator can have that reset once more: vfioctl quarantine clear %s",
			proto_address_format(device->facts.address, text), device->facts.group, other, other);
		return;
	}
	failure_set(
		failure, -EBUSY,
		"%s shares IOMMU group %u with %s, which is leased to user %u (asked for by process %u): a group has "
		"one lease at a time; %s%s",
		proto_address_format(device->facts.address, text), device->facts.group, other, sibling->lease.uid,
		sibling->lease.pid,
		by_handles ? "an administrator can take that one back: vfioctl revoke "
			   : "that one ends with the last program that has it open",
		by_handles ? other : "");
}

static void explain_wait(const struct device *device, const struct device *in_the_way, struct failure *failure)
{
	char text[PROTO_ADDRESS_LEN], other[PROTO_ADDRESS_LEN];

	proto_address_format(in_the_way->facts.address, other);
	if (device == in_the_way)
		failure_set(failure, -EAGAIN,
			    "%s is in the hands of vfiod (%s); who asks for it waits until that is done", other,
			    state_name(device->state));
	else
		failure_set(
			failure, -EAGAIN,
			"%s shares IOMMU group %u with %s, which is in the hands of vfiod (%s); who asks for it waits "
			"until that is done",
			proto_address_format(device->facts.address, text), device->facts.group, other,
			state_name(in_the_way->state));
}

enum state_verdict decide_step(const struct devices *devices, struct device *device, enum state_event event,
			       struct device **in_the_way, struct failure *failure)
{
	enum state_verdict verdict = state_step(device->state, event).verdict;
	struct device *sibling = verdict == STATE_GO ? devices_occupied_sibling(devices, device) : NULL;

	/* whose DMA nobody vouches for goes where that of the whole group goes */
	if (verdict == STATE_GO && !sibling && event == EVENT_ACQUIRE)
		sibling = devices_quarantined_sibling(devices, device);

	*in_the_way = sibling ? sibling : device;
	if (sibling)
		verdict = device_is_busy(sibling) || sibling->state == VFIOD_FREE ? STATE_WAIT : STATE_REFUSE;
	if (verdict == STATE_WAIT)
		explain_wait(device, *in_the_way, failure);
	else if (sibling)
		explain_sibling(device, sibling, failure);
	else if (verdict != STATE_GO)
		explain(device, event, failure);
	return verdict;
}

/* ---- one function ---- */

static void grant(struct verdict *verdict, struct device *device)
{
	*verdict = (struct verdict){ .decision = DECISION_GRANT, .device = device };
}

/* @remedy: who can change what verdict->failure says */
static void refuse(struct verdict *verdict, uint32_t remedy)
{
	verdict->decision = DECISION_REFUSE;
	verdict->device = NULL;
	verdict->remedy = remedy;
}

/* What is asked, and what has been counted for it: once for all functions of a pool, not for each. */
struct question {
	struct daemon *daemon;
	const struct wish *wish;
	const struct rule *rule; /* whose functions the peer has so many leases of */
	size_t leases;
	const char *pool; /* of whose functions, as far as they are this owner's, this is who comes first */
	struct owner owner;
	struct rival rival;
};

static bool is_member(const struct daemon *daemon, const struct device *device, const char *pool)
{
	const char *of = policy_pool(daemon->config, &device->facts);

	return of && !strcmp(of, pool);
}

/* Leases of a user: of functions of a pool, or else that a rule is about. */
static size_t count_leases(const struct daemon *daemon, uint32_t uid, const struct rule *rule, const char *pool)
{
	const struct device *device = NULL;
	size_t count = 0;

	while ((device = devices_held_by(&daemon->devices, uid, device)))
		count += pool ? is_member(daemon, device, pool) : policy_rule(daemon->config, &device->facts) == rule;
	return count;
}

/* A lease of @device itself has ended before the next one begins. */
static size_t other_leases(struct question *question, const struct device *device, const struct rule *rule)
{
	uint32_t uid = question->wish->peer->uid;

	if (question->rule != rule)
		question->leases = count_leases(question->daemon, uid, rule, NULL);
	question->rule = rule;
	return question->leases - (device->lease.id && device->lease.uid == uid);
}

/* Who has fewer functions of the pool than the peer, and asked for one in vain. */
static struct rival find_rival(const struct daemon *daemon, const char *pool, const struct owner *owner, uint32_t uid)
{
	struct rival rival = { .own = count_leases(daemon, uid, NULL, pool) };
	const struct claim *claim = NULL;
	uint64_t now = clock_ms();

	while (rival.own && !rival.is && (claim = claims_next(&daemon->claims, claim, pool, owner, now))) {
		rival.uid = claim->uid;
		rival.leases = count_leases(daemon, claim->uid, NULL, pool);
		rival.seconds = (unsigned int)((claim->until_ms - now + 999) / 1000);
		rival.is = rival.leases < rival.own;
	}
	return rival;
}

static int check_rivals(struct question *question, const struct device *device, struct failure *failure)
{
	const struct daemon *daemon = question->daemon;
	const char *pool = policy_pool(daemon->config, &device->facts);
	const struct owner *owner = &device->owner;

	if (!pool)
		return 0;
	if (!question->pool || strcmp(question->pool, pool) != 0 ||
	    memcmp(&question->owner, owner, sizeof(*owner)) != 0)
		question->rival = find_rival(daemon, pool, owner, question->wish->peer->uid);
	question->pool = pool;
	question->owner = *owner;
	return policy_may_go_first(daemon->config, &device->facts, &question->rival, failure);
}

static int check_policy(struct question *question, const struct device *device, struct failure *failure)
{
	struct daemon *daemon = question->daemon;
	const struct rule *rule = policy_rule(daemon->config, &device->facts);
	struct demand demand = { .peer = question->wish->peer, .mode = question->wish->mode };

	/* to look for the module costs a system call */
	if (rule && rule->lease_time)
		demand.revocable = demand.mode != VFIOD_MODE_GROUP && daemon_handles(daemon);
	if (rule && rule->leases_per_user)
		demand.leases = other_leases(question, device, rule);
	return policy_may_acquire(daemon->config, &device->facts, &device->owner, &demand, failure);
}

/* Who can change what policy says. */
static uint32_t remedy_of(const struct config *config, const struct device *device, const struct wish *wish, int error)
{
	const struct rule *rule = policy_rule(config, &device->facts);

	if (error == -EDQUOT || (error == -EOPNOTSUPP && wish->mode == VFIOD_MODE_GROUP))
		return VFIOD_REMEDY_YOU;
	if (error == -EACCES && rule && policy_wants_other_mode(rule, wish->mode))
		return VFIOD_REMEDY_YOU | VFIOD_REMEDY_ADMIN;
	return VFIOD_REMEDY_ADMIN;
}

/* Whoever has a group's file can open every function of it that a VFIO driver has, whoever's that is. */
static int check_group_mode(const struct devices *devices, const struct device *device, struct failure *failure)
{
	char text[PROTO_ADDRESS_LEN], other[PROTO_ADDRESS_LEN];
	struct device *sibling = NULL;

	while ((sibling = devices_in_group(devices, device->facts.group, sibling))) {
		if (sibling == device)
			continue;
		facts_refresh_driver(&sibling->facts);
		if (sibling->facts.driver[0] && !facts_is_bridge(&sibling->facts))
			return failure_set(
				failure, -EBUSY,
				"%s shares IOMMU group %u with %s, which the group's file would give away too; "
				"ask for the device in a container instead",
				proto_address_format(device->facts.address, text), device->facts.group,
				proto_address_format(sibling->facts.address, other));
	}
	return 0;
}

/* Without the module nobody would learn that a client has closed a function's own file. */
static int check_iommufd_mode(struct daemon *daemon, struct failure *failure)
{
	if (!vfio_has_iommufd())
		return failure_set(failure, -EOPNOTSUPP,
				   "this kernel has no iommufd (CONFIG_IOMMUFD); ask for it in mode \"container\"");
	if (!daemon_handles(daemon))
		return failure_set(failure, -EOPNOTSUPP,
				   "mode \"iommufd\" takes the module vfiod_handle, which an administrator can load: "
				   "modprobe vfiod_handle; or ask for it in mode \"container\"");
	return 0;
}

static void refuse_by_state(const struct device *device, struct verdict *verdict)
{
	bool held = verdict->failure.error == -EBUSY;

	refuse(verdict,
	       held ? VFIOD_REMEDY_HOLDER | (device->lease.by_handles ? VFIOD_REMEDY_ADMIN : 0) : VFIOD_REMEDY_ADMIN);
}

static void decide_device(struct question *question, struct device *device, struct verdict *verdict)
{
	struct daemon *daemon = question->daemon;
	const struct wish *wish = question->wish;
	enum state_verdict step;
	int err = 0;

	*verdict = (struct verdict){ .owner = device->owner };
	/* a stranger is told so at once, and does not wait in front of the owner */
	if (device->state != VFIOD_UNMANAGED && device->state != VFIOD_COMPANION)
		err = check_policy(question, device, &verdict->failure);
	if (err) {
		refuse(verdict, remedy_of(daemon->config, device, wish, err));
		return;
	}
	if (sriov_check_lease(device, wish->mode, &verdict->failure)) {
		refuse(verdict, verdict->failure.error == -EBUSY ? VFIOD_REMEDY_TIME : VFIOD_REMEDY_YOU);
		return;
	}
	step = decide_step(&daemon->devices, device, EVENT_ACQUIRE, &verdict->device, &verdict->failure);
	if (step == STATE_REFUSE) {
		refuse_by_state(verdict->device, verdict);
	} else if (check_rivals(question, device, &verdict->failure)) {
		refuse(verdict, VFIOD_REMEDY_TIME);
	} else if (step == STATE_WAIT) {
		verdict->decision = DECISION_WAIT;
		verdict->remedy = VFIOD_REMEDY_TIME;
	} else if (wish->mode == VFIOD_MODE_GROUP && check_group_mode(&daemon->devices, device, &verdict->failure)) {
		refuse(verdict, VFIOD_REMEDY_YOU);
	} else if (wish->mode == VFIOD_MODE_IOMMUFD && check_iommufd_mode(daemon, &verdict->failure)) {
		refuse(verdict, VFIOD_REMEDY_YOU | (vfio_has_iommufd() ? VFIOD_REMEDY_ADMIN : 0));
	} else {
		grant(verdict, device);
	}
}

/* ---- one of a pool ---- */

/* What has been found among the functions of a pool. */
struct search {
	struct numa numa;      /* from the node that was asked for */
	bool cold;	       /* one that is open would have to be closed first */
	struct verdict chosen; /* the best so far, or what has to be waited for, or the most telling refusal */
	uint32_t yours;	       /* VFIOD_REMEDY_YOU: one could be had, if something else were asked for */
	size_t members;
};

/* The nearest is the best; of these one that is open already, or is not, as it is wanted; of these the first. */
static bool is_better(const struct search *search, const struct device *device)
{
	const struct device *best = search->chosen.device;
	unsigned int distance = numa_distance(&search->numa, device->facts.numa_node);
	unsigned int best_distance = numa_distance(&search->numa, best->facts.numa_node);

	return distance < best_distance ||
	       (distance == best_distance && warm_is(device) != search->cold && warm_is(best) == search->cold);
}

/* Of all refusals the one is told that is the least far from a grant. */
static unsigned int rank(const struct verdict *verdict)
{
	static const int order[] = { -EACCES, -EOPNOTSUPP, -EIO, -EDQUOT, -EBUSY };
	unsigned int at = 0;

	while (at < sizeof(order) / sizeof(order[0]) && verdict->failure.error != order[at])
		at++;
	return 2 * at + (verdict->remedy == VFIOD_REMEDY_TIME);
}

static void consider(struct search *search, const struct verdict *verdict)
{
	const struct verdict *chosen = &search->chosen;
	bool first = !search->members++;

	if (verdict->decision == DECISION_REFUSE)
		search->yours |= verdict->remedy & VFIOD_REMEDY_YOU;
	if (first || verdict->decision < chosen->decision ||
	    (verdict->decision == DECISION_GRANT && chosen->decision == DECISION_GRANT &&
	     is_better(search, verdict->device)) ||
	    (verdict->decision == DECISION_REFUSE && chosen->decision == DECISION_REFUSE &&
	     rank(verdict) > rank(chosen)))
		search->chosen = *verdict;
}

static void refuse_pool(const struct wish *wish, const struct search *search, struct verdict *verdict)
{
	const struct failure why = search->chosen.failure;

	verdict->failure.error = 0;
	if (!search->members)
		failure_set(&verdict->failure, -ENODEV,
			    "there is no pool \"%s\", or no function in it; see which there are: vfioctl pool",
			    wish->pool);
	else if (search->members == 1)
		verdict->failure = why;
	else
		failure_set(&verdict->failure, why.error, "none of the %zu functions of pool \"%s\": %.380s",
			    search->members, wish->pool, why.text);
	verdict->owner = search->chosen.owner;
	refuse(verdict,
	       search->members ? search->chosen.remedy | search->yours : VFIOD_REMEDY_YOU | VFIOD_REMEDY_ADMIN);
}

static void decide_pool(struct question *question, struct verdict *verdict)
{
	struct daemon *daemon = question->daemon;
	const struct wish *wish = question->wish;
	struct search search = { .cold = wish->mode == VFIOD_MODE_GROUP };

	memset(&search.numa, 0xff, sizeof(search.numa)); /* all are NUMA_FAR where nothing is asked */
	if (wish->node != VFIOD_NONE && numa_read(daemon->numa ? daemon->numa : NUMA_ROOT, wish->node, &search.numa)) {
		failure_set(&verdict->failure, -EINVAL, "this machine has no NUMA node %u", wish->node);
		refuse(verdict, VFIOD_REMEDY_YOU);
		return;
	}
	for (size_t i = 0; i < daemon->devices.count; i++) {
		struct device *device = daemon->devices.list[i];
		struct verdict one;

		if (!is_member(daemon, device, wish->pool))
			continue;
		/* of one that would not be chosen nothing has to be known */
		if (search.chosen.decision == DECISION_GRANT && search.members && !is_better(&search, device))
			continue;
		decide_device(question, device, &one);
		consider(&search, &one);
	}
	if (search.members && search.chosen.decision != DECISION_REFUSE)
		*verdict = search.chosen;
	else
		refuse_pool(wish, &search, verdict);
}

/* ---- either ---- */

void decide(struct daemon *daemon, const struct wish *wish, struct verdict *verdict)
{
	struct device *device = wish->pool ? NULL : devices_find(&daemon->devices, wish->address);
	struct question question = { .daemon = daemon, .wish = wish };
	char text[PROTO_ADDRESS_LEN];

	*verdict = (struct verdict){ .device = NULL };
	if (wish->mode < VFIOD_MODE_CONTAINER || wish->mode > VFIOD_MODE_IOMMUFD) {
		failure_set(&verdict->failure, -EINVAL, "there is no mode %u to acquire a function in", wish->mode);
		refuse(verdict, VFIOD_REMEDY_YOU);
	} else if (wish->pool) {
		decide_pool(&question, verdict);
	} else if (device) {
		decide_device(&question, device, verdict);
	} else {
		failure_set(&verdict->failure, -ENODEV, "there is no PCI function %s; see: vfioctl list --all",
			    proto_address_format(wish->address, text));
		refuse(verdict, VFIOD_REMEDY_YOU);
	}
}

/* What there is to tell of a verdict, for who has only asked. */
static void tell(const struct verdict *verdict, struct vfiod_why_rep *rep)
{
	bool granted = verdict->decision == DECISION_GRANT;

	rep->address = htole64(verdict->device ? verdict->device->facts.address : VFIOD_NO_ADDRESS);
	rep->code = htole32(granted ? 0 : (uint32_t)-verdict->failure.error);
	rep->remedy = htole32(verdict->remedy);
	if (!granted)
		snprintf(rep->text, sizeof(rep->text), "%s", verdict->failure.text);
}

void request_why(struct request *request, const struct vfiod_why_req *body)
{
	const struct wish wish = {
		.peer = request_peer(request),
		.pool = body->pool[0] ? body->pool : NULL,
		.address = le64toh(body->address),
		.mode = le32toh(body->mode),
		.node = le32toh(body->numa_node),
	};
	struct vfiod_why_rep rep = { 0 };
	struct verdict verdict;
	struct failure failure;

	if (request_check_pool(body->pool, &failure)) {
		request_refuse(request, &failure);
		return;
	}
	decide(request->daemon, &wish, &verdict);
	tell(&verdict, &rep);
	request_reply(request, &rep, sizeof(rep), NULL, 0);
}
