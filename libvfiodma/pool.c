/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Pools, and what would come of a request. */
#include "libvfiodma/lease.h"
#include "libvfiodma/session.h"
#include "proto/address.h"

#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static_assert(sizeof(((struct vfiodma_member *)0)->pool) == VFIOD_NAME_MAX, "names are copied whole");
static_assert(sizeof(((struct vfiodma_why *)0)->text) == sizeof(((struct vfiod_why_rep *)0)->text),
	      "the reason is copied whole");
/* NOLINTBEGIN(misc-redundant-expression): it is the values that are compared */
static_assert(VFIODMA_BY_YOU == VFIOD_REMEDY_YOU && VFIODMA_BY_HOLDER == VFIOD_REMEDY_HOLDER &&
		      VFIODMA_BY_ADMIN == VFIOD_REMEDY_ADMIN && VFIODMA_BY_TIME == VFIOD_REMEDY_TIME,
	      "remedies are passed on as they are");
/* NOLINTEND(misc-redundant-expression) */

#define SINCE_VERSION 3

static int needs_pools(struct vfiodma_session *session)
{
	return session_needs(session, SINCE_VERSION, "knows no pools, and does not tell why");
}

int session_pool(struct vfiodma_session *session, const char *name, char pool[VFIOD_NAME_MAX])
{
	if (!name || !name[0] || strlen(name) >= VFIOD_NAME_MAX)
		return errors_add(
			session->errors, -EINVAL,
			"\"%.80s\" is not the name of a pool, which has 1 to %d bytes: \"vfioctl pool\" tells which "
			"there are",
			name ? name : "", VFIOD_NAME_MAX - 1);
	memset(pool, 0, VFIOD_NAME_MAX);
	strcpy(pool, name);
	return needs_pools(session);
}

/* ---- which functions are in pools ---- */

static bool member_makes_sense(const struct vfiod_member *member, uint64_t start)
{
	return le64toh(member->address) >= start && le64toh(member->address) <= PROTO_ADDRESS_LAST &&
	       session_text_ends(member->pool, sizeof(member->pool));
}

/* The next members from @start on, in @reply. */
static int get_page(struct vfiodma_session *session, uint64_t start, struct proto_msg *reply, uint32_t *count)
{
	const struct vfiod_members_req request = { .start = htole64(start), .max = htole32(VFIOD_MEMBERS_MAX) };
	const struct vfiod_members_rep *page = proto_msg_body(reply);
	int err = session_request(session, VFIOD_MEMBERS, &request, sizeof(request), reply);

	if (err)
		return err;
	for (uint32_t i = 0; i < le32toh(page->count); i++) {
		if (!member_makes_sense(&page->members[i], start))
			return session_bad_reply(session, reply, "a record is out of order or not complete");
		start = le64toh(page->members[i].address) + 1;
	}
	*count = le32toh(page->count);
	return 0;
}

/* Appends a page; *members and *count always belong together, also on error. */
static int append(const struct vfiod_members_rep *page, uint32_t more, struct vfiodma_member **members, size_t *count)
{
	struct vfiodma_member *grown = realloc(*members, (*count + more) * sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	for (uint32_t i = 0; i < more; i++) {
		struct vfiodma_member *member = &grown[*count + i];

		*member = (struct vfiodma_member){ .size = sizeof(*member) };
		proto_address_format(le64toh(page->members[i].address), member->address);
		memcpy(member->pool, page->members[i].pool, sizeof(member->pool));
	}
	*members = grown;
	*count += more;
	return 0;
}

int vfiodma_members(struct vfiodma_session *session, struct vfiodma_member **members, size_t *count)
{
	struct vfiodma_member *found = NULL;
	size_t found_count = 0;
	uint64_t start = 0;
	struct proto_msg reply;
	const struct vfiod_members_rep *page = proto_msg_body(&reply);
	uint32_t more = 0;
	int err = needs_pools(session);

	while (!err && !(err = get_page(session, start, &reply, &more)) && more) {
		err = append(page, more, &found, &found_count);
		if (err)
			errors_add(session->errors, err, "no memory for the members of pools");
		else
			start = le64toh(page->members[more - 1].address) + 1;
	}
	if (err) {
		free(found);
		return err;
	}
	*members = found;
	*count = found_count;
	return 0;
}

/* ---- why ---- */

const char *session_pool_of(const char *what)
{
	return what && !strncmp(what, "pool:", 5) ? what + 5 : NULL;
}

static int ask_about(struct vfiodma_session *session, const char *what, struct vfiod_why_req *request)
{
	const char *pool = session_pool_of(what);
	uint64_t address;
	int err;

	if (pool)
		return session_pool(session, pool, request->pool);
	err = session_address(session, what, &address);
	if (err)
		return err;
	request->address = htole64(address);
	return needs_pools(session);
}

static bool answer_makes_sense(const struct vfiod_why_rep *answer)
{
	uint64_t address = le64toh(answer->address);

	return le32toh(answer->code) <= ERRNO_MAX && session_text_ends(answer->text, sizeof(answer->text)) &&
	       (address <= PROTO_ADDRESS_LAST || (address == VFIOD_NO_ADDRESS && answer->code));
}

int vfiodma_why(struct vfiodma_session *session, const char *what, unsigned int flags, uint32_t numa_node,
		struct vfiodma_why *why)
{
	struct vfiod_why_req request = { .numa_node = htole32(numa_node) };
	struct proto_msg reply;
	const struct vfiod_why_rep *answer = proto_msg_body(&reply);
	enum vfiod_mode mode;
	int err = lease_mode(session, flags, &mode);

	if (err)
		return err;
	request.mode = htole32(mode);
	err = ask_about(session, what, &request);
	if (!err)
		err = session_request(session, VFIOD_WHY, &request, sizeof(request), &reply);
	if (err)
		return err;
	if (!answer_makes_sense(answer))
		return session_bad_reply(session, &reply, "it is no answer to the question");
	*why = (struct vfiodma_why){ .size = sizeof(*why), .error = -(int)le32toh(answer->code) };
	why->remedy = le32toh(answer->remedy);
	if (le64toh(answer->address) != VFIOD_NO_ADDRESS)
		proto_address_format(le64toh(answer->address), why->address);
	memcpy(why->text, answer->text, sizeof(why->text));
	return 0;
}
