/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the administrator asks of vfiod. */
#include "libvfiodma/session.h"

#include <endian.h>
#include <errno.h>
#include <string.h>

int vfiodma_assign(struct vfiodma_session *session, const char *address, uint32_t uid, uint32_t gid,
		   char *original_driver)
{
	struct vfiod_assign_req request = { .uid = htole32(uid), .gid = htole32(gid) };
	struct proto_msg reply;
	const struct vfiod_assign_rep *assigned = proto_msg_body(&reply);
	uint64_t number;
	int err = session_address(session, address, &number);

	if (err)
		return err;
	if ((uid == VFIODMA_NONE) == (gid == VFIODMA_NONE))
		return errors_add(session->errors, -EINVAL,
				  "%s has to be assigned either to a user or to a group of users", address);
	request.address = htole64(number);
	err = session_request(session, VFIOD_ASSIGN, &request, sizeof(request), &reply);
	if (err)
		return err;
	if (!session_text_ends(assigned->original_driver, sizeof(assigned->original_driver)))
		return session_bad_reply(session, &reply, "the driver's name does not end");
	if (original_driver)
		memcpy(original_driver, assigned->original_driver, sizeof(assigned->original_driver));
	return 0;
}

int vfiodma_assign_vfs(struct vfiodma_session *session, const char *address, uint32_t uid, uint32_t gid,
		       unsigned int count, const char *pool)
{
	struct vfiod_assign_vfs_req request = { .uid = htole32(uid), .gid = htole32(gid), .vfs = htole32(count) };
	struct proto_msg reply;
	uint64_t number;
	int err = session_address(session, address, &number);

	if (!err)
		err = session_needs(session, 3, "makes no virtual functions");
	if (err)
		return err;
	if ((uid == VFIODMA_NONE) == (gid == VFIODMA_NONE))
		return errors_add(session->errors, -EINVAL,
				  "the virtual functions of %s have to be assigned either to a user or to a group of "
				  "users",
				  address);
	if (pool && strlen(pool) >= sizeof(request.pool))
		return errors_add(session->errors, -EINVAL, "the name of a pool has at most %zu bytes",
				  sizeof(request.pool) - 1);
	if (pool)
		strcpy(request.pool, pool);
	request.address = htole64(number);
	return session_request(session, VFIOD_ASSIGN_VFS, &request, sizeof(request), &reply);
}

int vfiodma_unassign(struct vfiodma_session *session, const char *address, char *driver)
{
	struct vfiod_unassign_req request = { 0 };
	struct proto_msg reply;
	const struct vfiod_unassign_rep *unassigned = proto_msg_body(&reply);
	uint64_t number;
	int err = session_address(session, address, &number);

	if (err)
		return err;
	request.address = htole64(number);
	err = session_request(session, VFIOD_UNASSIGN, &request, sizeof(request), &reply);
	if (err)
		return err;
	if (!session_text_ends(unassigned->driver, sizeof(unassigned->driver)))
		return session_bad_reply(session, &reply, "the driver's name does not end");
	if (driver)
		memcpy(driver, unassigned->driver, sizeof(unassigned->driver));
	return 0;
}

int vfiodma_revoke(struct vfiodma_session *session, const char *address, unsigned int grace_ms, uint64_t *lease,
		   unsigned int *killed)
{
	struct vfiod_revoke_req request = { .grace_ms = htole32(grace_ms) };
	struct proto_msg reply;
	const struct vfiod_revoke_rep *revoked = proto_msg_body(&reply);
	uint64_t number;
	int err = session_address(session, address, &number);

	if (err)
		return err;
	request.address = htole64(number);
	err = session_request(session, VFIOD_REVOKE, &request, sizeof(request), &reply);
	if (err)
		return err;
	if (lease)
		*lease = le64toh(revoked->lease);
	if (killed)
		*killed = le32toh(revoked->killed);
	return 0;
}

int vfiodma_reload(struct vfiodma_session *session, unsigned int *rules)
{
	const struct vfiod_reload_req request = { 0 };
	struct proto_msg reply;
	const struct vfiod_reload_rep *reloaded = proto_msg_body(&reply);
	int err = session_needs(session, 3, "does not reload its configuration");

	if (!err)
		err = session_request(session, VFIOD_RELOAD, &request, sizeof(request), &reply);
	if (!err && rules)
		*rules = le32toh(reloaded->rules);
	return err;
}

int vfiodma_clear(struct vfiodma_session *session, const char *address)
{
	struct vfiod_clear_req request = { 0 };
	struct proto_msg reply;
	uint64_t number;
	int err = session_address(session, address, &number);

	if (!err)
		err = session_needs(session, 3, "does not end a quarantine by a reset");
	if (err)
		return err;
	request.address = htole64(number);
	return session_request(session, VFIOD_CLEAR, &request, sizeof(request), &reply);
}
