/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIODMA_SESSION_H
#define VFIODMA_SESSION_H

#include "libvfiodma/errors.h"
#include "libvfiodma/vfiodma.h"
#include "proto/conn.h"

#include <sys/queue.h>

#define ERRNO_MAX 4095 /* as in the kernel */

struct vfiodma_session {
	struct proto_conn conn; /* fd is -1 when it was closed, or never opened */
	bool broken;		/* the two ends no longer agree: no request is sent any more */
	uint64_t cookie;	/* of the last request */
	unsigned int users;	/* the caller until vfiodma_session_close(), and every lease */
	LIST_HEAD(, vfiodma_lease) leases;
	vfiodma_event_fn event_fn; /* NULL: the program does not want to know */
	void *event_data;
	struct errors *errors;
};

/**
 * session_request() - send a request and wait for its reply.
 * @body: as the operation's struct, in wire order
 * @length: its size
 * @reply: on success a reply that is not an error, of the operation's size; its fds are the caller's
 *
 * Return: 0, the errno that vfiod sent (with its text), -ECONNRESET (vfiod went away), -EBADMSG (it sent something
 * else than the reply), -ENOTCONN (one of these happened before).
 */
int session_request(struct vfiodma_session *session, uint16_t opcode, const void *body, size_t length,
		    struct proto_msg *reply);

/**
 * session_receive() - receive the next message, whatever it is.
 * @max_fds: how many descriptors it may have; they are the caller's
 *
 * Return: 0, or -ECONNRESET, -EBADMSG …: the session has ended.
 */
int session_receive(struct vfiodma_session *session, struct proto_msg *msg, unsigned int max_fds);

/**
 * session_bad_reply() - give the connection up after a reply with nonsense in it, and close the reply's fds.
 * @why: in words
 *
 * Return: -EBADMSG.
 */
int session_bad_reply(struct vfiodma_session *session, struct proto_msg *reply, const char *why);

/** session_address() - read an address that the caller of the library gave. Return: 0 or -EINVAL, explained. */
int session_address(struct vfiodma_session *session, const char *text, uint64_t *address);

/** session_pool_of() - the name in "pool:NAME", or NULL: it is not of a pool. */
const char *session_pool_of(const char *what);

/**
 * session_pool() - take over the name of a pool that the caller of the library gave.
 * @pool: room for it; zeros behind it
 * Return: 0, -EINVAL (no such name), -EPROTONOSUPPORT (vfiod knows no pools), explained.
 */
int session_pool(struct vfiodma_session *session, const char *name, char pool[VFIOD_NAME_MAX]);

/**
 * session_needs() - refuse what an older vfiod does not know, and would end the connection for.
 * @version: of the protocol, from which on there is
 * @what: it does not do, "knows no pools"
 * Return: 0 or -EPROTONOSUPPORT, explained.
 */
int session_needs(struct vfiodma_session *session, uint16_t version, const char *what);

/** session_put() - one user less; the last one frees the session. */
void session_put(struct vfiodma_session *session);

/** session_text_ends() - whether a string from the wire is one: there is a NUL within its @size bytes. */
bool session_text_ends(const char *text, size_t size);

#endif
