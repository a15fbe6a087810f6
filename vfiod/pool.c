/* SPDX-License-Identifier: GPL-2.0-or-later */
/* MEMBERS: which functions are in pools.  Which of a pool somebody gets, decide.c says. */
#include "vfiod/config.h"
#include "vfiod/daemon.h"
#include "vfiod/request.h"

#include <endian.h>
#include <errno.h>
#include <stdio.h>

void request_members(struct request *request, const struct vfiod_members_req *body)
{
	_Alignas(8) unsigned char bytes[VFIOD_MSG_MAX] = { 0 };
	struct vfiod_members_rep *rep = (struct vfiod_members_rep *)(void *)bytes;
	const struct devices *devices = &request->daemon->devices;
	uint32_t max = le32toh(body->max), count = 0;
	struct failure failure;

	if (!max || max > VFIOD_MEMBERS_MAX) {
		failure_set(&failure, -EINVAL, "MEMBERS are 1 to %zu functions, not %u", VFIOD_MEMBERS_MAX, max);
		request_refuse(request, &failure);
		return;
	}
	for (size_t i = devices_from(devices, le64toh(body->start)); i < devices->count && count < max; i++) {
		const struct facts *facts = &devices->list[i]->facts;
		const char *pool = policy_pool(request->daemon->config, facts);

		if (!pool)
			continue;
		rep->members[count].address = htole64(facts->address);
		snprintf(rep->members[count].pool, sizeof(rep->members[count].pool), "%s", pool);
		count++;
	}
	rep->count = htole32(count);
	request_reply(request, rep, sizeof(*rep) + count * sizeof(rep->members[0]), NULL, 0);
}
