/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef PROTO_CONN_H
#define PROTO_CONN_H

#include "proto/vfiod_proto.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One end of a connection.  The owner of the struct owns the socket. */
struct proto_conn {
	int fd;
	uint16_t version; /* VFIOD_VERSION_NONE until HELLO */
	bool no_fds;	  /* the kernel lets nobody send us any (SO_PASSRIGHTS) */
};

/* A received message: checked, in the host's byte order where it is a number of its own. */
struct proto_msg {
	uint16_t version;
	uint16_t opcode;
	uint32_t flags;
	uint64_t cookie;
	size_t length;		/* of the body */
	int fds[VFIOD_FDS_MAX]; /* the receiver's to close; -1 where there is none */
	unsigned int fd_count;
	_Alignas(8) unsigned char bytes[VFIOD_MSG_MAX]; /* header and body */
};

/* What the op table says of one operation. */
struct proto_op {
	uint16_t opcode;
	uint16_t sockets; /* VFIOD_ON_* */
	const char *name; /* as in VFIOD_<NAME> */
	size_t request;	  /* size of the request's body */
	size_t reserved;  /* where in it the reserved bytes begin */
	size_t reply;	  /* size of the reply's body, without the records of LIST and MEMBERS */
	unsigned int fds; /* in the reply at most */
};

/**
 * proto_op() - look an operation up in the table.
 * Return: the operation, or NULL for an opcode that this version does not have.
 */
const struct proto_op *proto_op(uint16_t opcode);

/** proto_msg_body() - the body of a message, whose size proto_check_request() or proto_check_reply() has vouched for.
 */
void *proto_msg_body(struct proto_msg *msg);

/**
 * proto_conn_send() - send one message.
 * @conn: to whom; the header carries its version
 * @opcode: of the operation
 * @flags: VFIOD_REPLY, VFIOD_ERROR, VFIOD_EVENT
 * @cookie: the request's
 * @body: the body in wire order
 * @length: of the body
 * @fds: descriptors to pass; they stay the caller's
 * @fd_count: how many, VFIOD_FDS_MAX at most
 *
 * Return: 0, or a negative errno: -EMSGSIZE for a body that no message holds, -EAGAIN where a non-blocking socket is
 * full, -EPIPE when the other end is gone; or what sendmsg(2) says.  A message is sent whole or not at all.
 */
int proto_conn_send(struct proto_conn *conn, uint16_t opcode, uint32_t flags, uint64_t cookie, const void *body,
		    size_t length, const int *fds, unsigned int fd_count);

/**
 * proto_conn_send_error() - answer a request with an error.
 * @error: a negative errno
 * @text: one line for a person; cut where it does not fit
 */
int proto_conn_send_error(struct proto_conn *conn, uint16_t opcode, uint64_t cookie, int error, const char *text);

/**
 * proto_conn_recv() - receive one message and check its framing.
 * @conn: from whom
 * @msg: the message; its fds are the caller's.  After a framing error its opcode and cookie are those of the header
 *       as far as one came, and zero otherwise
 * @max_fds: how many descriptors the caller expects at most; more than that are closed and are an error
 * @why: set to a constant string in words when the framing is wrong
 *
 * Return: 0, or a negative errno: -EAGAIN, -ECONNRESET at the end of the connection, -EBADMSG (short, long, not our
 * magic, a length that does not agree), -EPROTONOSUPPORT (a version that was not agreed on), -EPERM (file descriptors
 * that nobody asked for, closed already).  After any error but -EAGAIN the connection is of no use.
 */
int proto_conn_recv(struct proto_conn *conn, struct proto_msg *msg, unsigned int max_fds, const char **why);

/** proto_msg_close_fds() - close what descriptors the message still holds. */
void proto_msg_close_fds(struct proto_msg *msg);

/**
 * proto_check_request() - check a request against the op table before any handler sees it.
 * @msg: as proto_conn_recv() gave it
 * @socket: VFIOD_ON_PUB or VFIOD_ON_ADMIN, where it came from
 * @op: the operation, when it is one
 * @why: set to a constant string in words when the request is refused
 *
 * Return: 0, or -ENOSYS (unknown opcode), -EACCES (not on this socket), -EBADMSG (size, flags or reserved bits).
 */
int proto_check_request(struct proto_msg *msg, unsigned int socket, const struct proto_op **op, const char **why);

/**
 * proto_check_reply() - check a reply against the op table.
 * @msg: as proto_conn_recv() gave it
 * @opcode: of the request
 * @cookie: of the request
 *
 * Return: 0, or -EBADMSG.  An error reply passes: the caller looks at VFIOD_ERROR in its flags.
 */
int proto_check_reply(struct proto_msg *msg, uint16_t opcode, uint64_t cookie);

/**
 * proto_check_event() - check a message that has VFIOD_EVENT among its flags.
 * @msg: as proto_conn_recv() gave it; its body is a struct vfiod_lease_event or a struct vfiod_function_event then, as
 *       its opcode says, of a kind that is known
 *
 * Return: 0, or -EBADMSG (size, flags, opcode, cookie, kind, or descriptors).
 */
int proto_check_event(struct proto_msg *msg);

#endif
