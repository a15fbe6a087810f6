/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "proto/conn.h"

#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

static_assert(sizeof(struct vfiod_hdr) == 24, "the header is part of the contract");
static_assert(sizeof(struct vfiod_device) == 280, "the record is part of the contract");
static_assert(sizeof(struct vfiod_member) == 40, "the record is part of the contract");
static_assert(sizeof(struct vfiod_list_rep) == sizeof(struct vfiod_members_rep), "records begin at the same place");
static_assert(sizeof(struct vfiod_lease_event) == 24, "the event is part of the contract");
static_assert(sizeof(struct vfiod_function_event) == 40, "the event is part of the contract");
#define X(opcode, NAME, name, sockets, fds) \
	static_assert(sizeof(struct vfiod_##name##_req) % 8 == 0 && sizeof(struct vfiod_##name##_rep) % 8 == 0, \
		      "no padding that a compiler chooses"); \
	static_assert(offsetof(struct vfiod_##name##_req, zero) + sizeof(((struct vfiod_##name##_req *)0)->zero) == \
			      sizeof(struct vfiod_##name##_req), \
		      "a request ends with its reserved bits"); \
	static_assert((fds) <= VFIOD_FDS_MAX, "VFIOD_FDS_MAX is too small");
VFIOD_OPS(X)
#undef X

static_assert(sizeof(struct vfiod_stats_rep) <= VFIOD_MSG_MAX - sizeof(struct vfiod_hdr), "it fits into a message");

static const struct proto_op ops[] = {
#define X(opcode, NAME, name, sockets, fds) \
	{ opcode, \
	  sockets, \
	  #NAME, \
	  sizeof(struct vfiod_##name##_req), \
	  offsetof(struct vfiod_##name##_req, zero), \
	  sizeof(struct vfiod_##name##_rep), \
	  fds },
	VFIOD_OPS(X)
#undef X
};

const struct proto_op *proto_op(uint16_t opcode)
{
	for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++)
		if (ops[i].opcode == opcode)
			return &ops[i];
	return NULL;
}

void *proto_msg_body(struct proto_msg *msg)
{
	return msg->bytes + sizeof(struct vfiod_hdr);
}

void proto_msg_close_fds(struct proto_msg *msg)
{
	for (unsigned int i = 0; i < msg->fd_count; i++)
		if (msg->fds[i] >= 0)
			close(msg->fds[i]);
	msg->fds[0] = msg->fds[1] = -1;
	msg->fd_count = 0;
}

int proto_conn_send(struct proto_conn *conn, uint16_t opcode, uint32_t flags, uint64_t cookie, const void *body,
		    size_t length, const int *fds, unsigned int fd_count)
{
	struct vfiod_hdr hdr = {
		.magic = htole32(VFIOD_MAGIC),
		.version = htole16(opcode == VFIOD_HELLO ? VFIOD_VERSION_NONE : conn->version),
		.opcode = htole16(opcode),
		.length = htole32((uint32_t)(sizeof(hdr) + length)),
		.flags = htole32(flags),
		.cookie = htole64(cookie),
	};
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(VFIOD_FDS_MAX * sizeof(int))];
	} control = { 0 };
	/* sendmsg() only reads: the cast is the interface's, not ours */
	struct iovec iov[] = { { &hdr, sizeof(hdr) }, { (void *)(uintptr_t)body, length } };
	struct msghdr mh = { .msg_iov = iov, .msg_iovlen = length ? 2 : 1 };

	if (length > VFIOD_MSG_MAX - sizeof(hdr) || fd_count > VFIOD_FDS_MAX)
		return -EMSGSIZE;
	if (fd_count) {
		mh.msg_control = control.room;
		mh.msg_controllen = CMSG_SPACE(fd_count * sizeof(int));
		struct cmsghdr *cmsg = CMSG_FIRSTHDR(&mh);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(fd_count * sizeof(int));
		memcpy(CMSG_DATA(cmsg), fds, fd_count * sizeof(int));
	}
	for (;;) {
		if (sendmsg(conn->fd, &mh, MSG_NOSIGNAL) >= 0)
			return 0;
		if (errno != EINTR)
			return errno == EWOULDBLOCK ? -EAGAIN : -errno;
	}
}

int proto_conn_send_error(struct proto_conn *conn, uint16_t opcode, uint64_t cookie, int error, const char *text)
{
	struct vfiod_error body = { .code = htole32((uint32_t)-error) };

	snprintf(body.text, sizeof(body.text), "%s", text);
	return proto_conn_send(conn, opcode, VFIOD_REPLY | VFIOD_ERROR, cookie, &body, sizeof(body), NULL, 0);
}

/* Takes over every descriptor that came along: the kernel may have installed one more than the buffer was meant for. */
static void collect_fds(struct msghdr *mh, struct proto_msg *msg, unsigned int *strays)
{
	for (struct cmsghdr *cmsg = CMSG_FIRSTHDR(mh); cmsg; cmsg = CMSG_NXTHDR(mh, cmsg)) {
		if (cmsg->cmsg_level != SOL_SOCKET || cmsg->cmsg_type != SCM_RIGHTS)
			continue;
		size_t count = (cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < count; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(cmsg) + i * sizeof(int), sizeof(fd));
			if (msg->fd_count < VFIOD_FDS_MAX) {
				msg->fds[msg->fd_count++] = fd;
			} else {
				close(fd);
				(*strays)++;
			}
		}
	}
}

static int check_framing(const struct proto_conn *conn, struct proto_msg *msg, size_t size, const char **why)
{
	struct vfiod_hdr hdr;

	if (size < sizeof(hdr)) {
		*why = "the message is shorter than a header";
		return -EBADMSG;
	}
	memcpy(&hdr, msg->bytes, sizeof(hdr));
	if (le32toh(hdr.magic) != VFIOD_MAGIC) {
		*why = "the message does not begin with vfiod's magic number";
		return -EBADMSG;
	}
	msg->version = le16toh(hdr.version);
	msg->opcode = le16toh(hdr.opcode);
	msg->flags = le32toh(hdr.flags);
	msg->cookie = le64toh(hdr.cookie);
	if (size > VFIOD_MSG_MAX || le32toh(hdr.length) != size) {
		*why = "the message's length is not what its header says";
		return -EBADMSG;
	}
	msg->length = size - sizeof(hdr);
	if (msg->opcode == VFIOD_HELLO) {
		if (msg->version == VFIOD_VERSION_NONE)
			return 0;
		*why = "the header of HELLO carries version 0, whatever its body asks for";
		return -EPROTONOSUPPORT;
	}
	/* only an error can answer what came before HELLO */
	if (msg->version != conn->version || (msg->version == VFIOD_VERSION_NONE && !(msg->flags & VFIOD_REPLY))) {
		*why = conn->version == VFIOD_VERSION_NONE ? "the first message has to be HELLO"
							   : "the message's version is not the one agreed on";
		return -EPROTONOSUPPORT;
	}
	return 0;
}

static ssize_t receive(int fd, struct msghdr *mh, int flags)
{
	ssize_t size;

	do
		size = recvmsg(fd, mh, flags | MSG_CMSG_CLOEXEC | MSG_TRUNC);
	while (size < 0 && errno == EINTR);
	return size < 0 ? -errno : size;
}

/*
 * Where no files are wanted the message is looked at before it is taken: to take one with files would close these, and
 * a file's last close can last as long as whoever made it likes (a socket that lingers).  Without a control buffer the
 * kernel installs nothing, and says by MSG_CTRUNC that there was something.
 */
static ssize_t receive_without_fds(int fd, struct msghdr *mh)
{
	ssize_t size = receive(fd, mh, MSG_PEEK);

	if (size < 0 || (mh->msg_flags & MSG_CTRUNC))
		return size;
	while (recv(fd, NULL, 0, 0) < 0 && errno == EINTR)
		;
	return size;
}

int proto_conn_recv(struct proto_conn *conn, struct proto_msg *msg, unsigned int max_fds, const char **why)
{
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(VFIOD_FDS_MAX * sizeof(int))];
	} control;
	struct iovec iov = { msg->bytes, sizeof(msg->bytes) };
	struct msghdr mh = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = max_fds ? control.room : NULL,
		.msg_controllen = max_fds ? sizeof(control.room) : 0,
	};
	unsigned int strays = 0;
	ssize_t size;
	int err;

	memset(msg, 0, offsetof(struct proto_msg, bytes));
	msg->fds[0] = msg->fds[1] = -1;
	size = max_fds || conn->no_fds ? receive(conn->fd, &mh, 0) : receive_without_fds(conn->fd, &mh);
	if (size < 0)
		return size == -EWOULDBLOCK ? -EAGAIN : (int)size;
	if (mh.msg_controllen)
		collect_fds(&mh, msg, &strays);
	if (size == 0 && !msg->fd_count && !(mh.msg_flags & MSG_CTRUNC))
		return -ECONNRESET;
	err = check_framing(conn, msg, (size_t)size, why);
	if (strays || msg->fd_count > max_fds || (mh.msg_flags & MSG_CTRUNC)) {
		*why = "the message carries file descriptors that nobody asked for";
		err = -EPERM;
	}
	if (err)
		proto_msg_close_fds(msg);
	return err;
}

static bool reserved_is_zero(const struct proto_msg *msg, const struct proto_op *op)
{
	const unsigned char *body = msg->bytes + sizeof(struct vfiod_hdr);

	for (size_t i = op->reserved; i < op->request; i++)
		if (body[i])
			return false;
	return true;
}

int proto_check_request(struct proto_msg *msg, unsigned int socket, const struct proto_op **op, const char **why)
{
	const struct proto_op *found = proto_op(msg->opcode);

	if (!found) {
		*why = "this vfiod does not know the operation";
		return -ENOSYS;
	}
	if (msg->length != found->request) {
		*why = "the request is not of its operation's size";
		return -EBADMSG;
	}
	if (msg->flags || !reserved_is_zero(msg, found)) {
		*why = "reserved bits of the request are not zero";
		return -EBADMSG;
	}
	if (!(found->sockets & socket)) {
		*why = socket == VFIOD_ON_PUB ? "the operation is the administrator's: it is taken from admin.sock only"
					      : "the operation is a client's: it is taken from pub/vfiod.sock only";
		return -EACCES;
	}
	*op = found;
	return 0;
}

/* LIST and MEMBERS: a number of records, and the records. */
static bool records_agree(struct proto_msg *msg, size_t max, size_t size)
{
	const struct vfiod_list_rep *rep = proto_msg_body(msg);

	return le32toh(rep->count) <= max && msg->length == sizeof(*rep) + le32toh(rep->count) * size;
}

int proto_check_reply(struct proto_msg *msg, uint16_t opcode, uint64_t cookie)
{
	const struct proto_op *op = proto_op(opcode);

	if (!op || msg->opcode != opcode || msg->cookie != cookie || !(msg->flags & VFIOD_REPLY))
		return -EBADMSG;
	if (msg->flags & VFIOD_ERROR) {
		struct vfiod_error *error = proto_msg_body(msg);

		if (msg->fd_count || msg->length != sizeof(*error) || error->text[sizeof(error->text) - 1])
			return -EBADMSG;
		return 0;
	}
	if (msg->fd_count > op->fds || msg->length < op->reply)
		return -EBADMSG;
	if (opcode == VFIOD_LIST)
		return records_agree(msg, VFIOD_LIST_MAX, sizeof(struct vfiod_device)) ? 0 : -EBADMSG;
	if (opcode == VFIOD_MEMBERS)
		return records_agree(msg, VFIOD_MEMBERS_MAX, sizeof(struct vfiod_member)) ? 0 : -EBADMSG;
	return msg->length == op->reply ? 0 : -EBADMSG;
}

static bool lease_event_makes_sense(struct proto_msg *msg)
{
	const struct vfiod_lease_event *event = proto_msg_body(msg);
	uint32_t kind = le32toh(event->kind);

	return msg->length == sizeof(*event) &&
	       (kind == VFIOD_LEASE_REVOKE_ANNOUNCED || (kind == VFIOD_LEASE_LIMITED && msg->version >= 3) ||
		(kind == VFIOD_LEASE_REVOKED && !event->grace_ms));
}

/* An error says how bad it is, and nothing else does; only what can be answered has a time for it. */
static bool function_event_makes_sense(struct proto_msg *msg)
{
	const struct vfiod_function_event *event = proto_msg_body(msg);
	uint32_t kind, severity;

	if (msg->length != sizeof(*event) || msg->version < 2)
		return false;
	kind = le32toh(event->kind);
	severity = le32toh(event->severity);
	return kind >= VFIOD_FUNCTION_LOST && kind <= VFIOD_FUNCTION_WOKEN && severity <= VFIOD_SEVERITY_DEAD &&
	       (kind == VFIOD_FUNCTION_ERROR) == (severity != VFIOD_SEVERITY_NONE) &&
	       (event->id || !event->answer_ms) && !event->zero;
}

int proto_check_event(struct proto_msg *msg)
{
	if (msg->flags != VFIOD_EVENT || msg->cookie || msg->fd_count)
		return -EBADMSG;
	if (msg->opcode == VFIOD_LEASE_EVENT)
		return lease_event_makes_sense(msg) ? 0 : -EBADMSG;
	return msg->opcode == VFIOD_FUNCTION_EVENT && function_event_makes_sense(msg) ? 0 : -EBADMSG;
}
