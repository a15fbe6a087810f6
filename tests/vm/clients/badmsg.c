/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * badmsg SOCKET: sends one bad message after the other, each on a connection of its own, and prints a line for each:
 *
 *	KIND ERROR STATE TEXT
 *
 * ERROR is the name of the reply's errno, "silence" when the connection ended without a reply, or "accepted"; STATE is
 * "closed" or "open": what became of the connection; or "unsent", with the errno of the kernel that did not take it.
 */
#include "proto/address.h"
#include "tests/vm/clients/connect.h"

#include <endian.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define PATIENCE_MS 20000
#define MANY_FDS    253 /* as many as the kernel passes in one message (SCM_MAX_FD) */

/* A packet to be spoilt. */
struct packet {
	unsigned char bytes[2 * VFIOD_MSG_MAX];
	size_t size;
	unsigned int fds;
};

static struct vfiod_hdr *header(struct packet *packet)
{
	return (struct vfiod_hdr *)(void *)packet->bytes;
}

static void resize(struct packet *packet, size_t size)
{
	packet->size = size;
	header(packet)->length = htole32((uint32_t)size);
}

/* A good LIST of one function, in the version that HELLO agreed on. */
static void make_list(struct packet *packet)
{
	struct vfiod_list_req *body = (struct vfiod_list_req *)(void *)(packet->bytes + sizeof(struct vfiod_hdr));

	memset(packet, 0, sizeof(*packet));
	*header(packet) = (struct vfiod_hdr){
		.magic = htole32(VFIOD_MAGIC),
		.version = htole16(VFIOD_VERSION_MAX),
		.opcode = htole16(VFIOD_LIST),
		.cookie = htole64(7),
	};
	body->max = htole32(1);
	resize(packet, sizeof(struct vfiod_hdr) + sizeof(*body));
}

/* A HELLO that speaks of versions @min to @max. */
static void make_hello(struct packet *packet, uint16_t min, uint16_t max)
{
	struct vfiod_hello_req *body = (struct vfiod_hello_req *)(void *)(packet->bytes + sizeof(struct vfiod_hdr));

	make_list(packet);
	memset(body, 0, sizeof(struct vfiod_list_req));
	header(packet)->version = htole16(VFIOD_VERSION_NONE);
	header(packet)->opcode = htole16(VFIOD_HELLO);
	body->version_min = htole16(min);
	body->version_max = htole16(max);
	resize(packet, sizeof(struct vfiod_hdr) + sizeof(*body));
}

static void spoil_empty(struct packet *packet)
{
	packet->size = 0;
}

static void spoil_byte(struct packet *packet)
{
	packet->size = 1;
}

static void spoil_half_header(struct packet *packet)
{
	packet->size = sizeof(struct vfiod_hdr) - 1;
}

static void spoil_no_body(struct packet *packet)
{
	resize(packet, sizeof(struct vfiod_hdr));
}

static void spoil_short(struct packet *packet)
{
	resize(packet, packet->size - 1);
}

static void spoil_long(struct packet *packet)
{
	resize(packet, packet->size + 1);
}

static void spoil_huge(struct packet *packet)
{
	resize(packet, sizeof(packet->bytes));
}

static void spoil_length(struct packet *packet)
{
	header(packet)->length = htole32((uint32_t)packet->size + 8);
}

static void spoil_magic(struct packet *packet)
{
	header(packet)->magic = htole32(VFIOD_MAGIC + 1);
}

static void spoil_version(struct packet *packet)
{
	header(packet)->version = htole16(VFIOD_VERSION_MAX + 1);
}

static void spoil_opcode(struct packet *packet)
{
	header(packet)->opcode = htole16(0xfff0);
}

static void spoil_flags(struct packet *packet)
{
	header(packet)->flags = htole32(VFIOD_REPLY);
}

static void spoil_reserved(struct packet *packet)
{
	packet->bytes[packet->size - 1] = 1;
}

static void spoil_fd(struct packet *packet)
{
	packet->fds = 1;
}

static void spoil_fds(struct packet *packet)
{
	packet->fds = MANY_FDS;
}

static void spoil_second_hello(struct packet *packet)
{
	make_hello(packet, VFIOD_VERSION_MIN, VFIOD_VERSION_MAX);
}

static void spoil_list_max(struct packet *packet)
{
	packet->bytes[sizeof(struct vfiod_hdr) + offsetof(struct vfiod_list_req, max) + 3] = 0xff;
}

/* An operation of the other socket, well formed. */
static void spoil_other_socket(struct packet *packet, uint16_t opcode)
{
	const struct proto_op *op = proto_op(opcode);

	memset(packet->bytes + sizeof(struct vfiod_hdr), 0, op->request);
	header(packet)->opcode = htole16(opcode);
	resize(packet, sizeof(struct vfiod_hdr) + op->request);
}

static void spoil_assign(struct packet *packet)
{
	spoil_other_socket(packet, VFIOD_ASSIGN);
}

static void spoil_unassign(struct packet *packet)
{
	spoil_other_socket(packet, VFIOD_UNASSIGN);
}

static void spoil_revoke(struct packet *packet)
{
	spoil_other_socket(packet, VFIOD_REVOKE);
}

/* What only vfiod says. */
static void spoil_event(struct packet *packet)
{
	header(packet)->opcode = htole16(VFIOD_LEASE_EVENT);
	header(packet)->flags = htole32(VFIOD_EVENT);
	header(packet)->cookie = 0;
	resize(packet, sizeof(struct vfiod_hdr) + sizeof(struct vfiod_lease_event));
}

static void spoil_acquire(struct packet *packet)
{
	spoil_other_socket(packet, VFIOD_ACQUIRE);
}

static void spoil_no_hello(struct packet *packet)
{
	(void)packet; /* a good LIST, too early */
}

static void spoil_new_versions(struct packet *packet)
{
	make_hello(packet, VFIOD_VERSION_MAX + 1, VFIOD_VERSION_MAX + 3);
}

static void spoil_old_versions(struct packet *packet)
{
	make_hello(packet, VFIOD_VERSION_NONE, VFIOD_VERSION_MIN - 1);
}

static void spoil_no_versions(struct packet *packet)
{
	make_hello(packet, VFIOD_VERSION_MAX, VFIOD_VERSION_MIN - 1);
}

static void spoil_early_fd(struct packet *packet)
{
	make_hello(packet, VFIOD_VERSION_MIN, VFIOD_VERSION_MAX);
	packet->fds = 1;
}

static const struct kind {
	const char *name;
	int greeted; /* HELLO comes first */
	void (*spoil)(struct packet *packet);
} kinds[] = {
	{ "empty", 1, spoil_empty },
	{ "one-byte", 1, spoil_byte },
	{ "half-a-header", 1, spoil_half_header },
	{ "no-body", 1, spoil_no_body },
	{ "a-byte-short", 1, spoil_short },
	{ "a-byte-long", 1, spoil_long },
	{ "huge", 1, spoil_huge },
	{ "another-length", 1, spoil_length },
	{ "another-magic", 1, spoil_magic },
	{ "another-version", 1, spoil_version },
	{ "unknown-opcode", 1, spoil_opcode },
	{ "event", 1, spoil_event },
	{ "flags", 1, spoil_flags },
	{ "reserved-bits", 1, spoil_reserved },
	{ "one-fd", 1, spoil_fd },
	{ "many-fds", 1, spoil_fds },
	{ "second-hello", 1, spoil_second_hello },
	{ "list-of-too-many", 1, spoil_list_max },
	{ "assign", 1, spoil_assign },
	{ "unassign", 1, spoil_unassign },
	{ "revoke", 1, spoil_revoke },
	{ "acquire", 1, spoil_acquire },
	{ "no-hello", 0, spoil_no_hello },
	{ "newer-versions", 0, spoil_new_versions },
	{ "older-versions", 0, spoil_old_versions },
	{ "no-versions", 0, spoil_no_versions },
	{ "hello-with-fd", 0, spoil_early_fd },
};

static int send_packet(int fd, struct packet *packet)
{
	static int fds[MANY_FDS];
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(sizeof(fds))];
	} control = { 0 };
	struct iovec iov = { packet->bytes, packet->size };
	struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (packet->fds) {
		struct cmsghdr *cmsg;

		for (unsigned int i = 0; i < packet->fds; i++)
			fds[i] = STDIN_FILENO;
		mh.msg_control = control.room;
		mh.msg_controllen = CMSG_SPACE(packet->fds * sizeof(int));
		cmsg = CMSG_FIRSTHDR(&mh);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(packet->fds * sizeof(int));
		memcpy(CMSG_DATA(cmsg), fds, packet->fds * sizeof(int));
	}
	return sendmsg(fd, &mh, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

static const char *error_name(int error)
{
	static const int known[] = { EBADMSG, EPROTONOSUPPORT, ENOSYS, EACCES, EPERM, EINVAL };

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (known[i] == error)
			return strerrorname_np(error);
	return "another";
}

static void wait_readable(const struct proto_conn *conn)
{
	struct pollfd pollfd = { conn->fd, POLLIN, 0 };

	errno = ETIMEDOUT;
	if (poll(&pollfd, 1, PATIENCE_MS) <= 0)
		give_up("no reply");
}

/* A connection that is closed says so; one that is open answers a good request. */
static const char *state_of(struct proto_conn *conn)
{
	struct proto_msg msg;
	int err = send_hello(conn);

	if (!err) {
		wait_readable(conn);
		err = receive(conn, &msg);
	}
	return err ? "closed" : "open";
}

static void try(const char *path, const struct kind *kind)
{
	struct proto_conn conn = kind->greeted ? greeted(path) : connect_to(path);
	const struct vfiod_error *error;
	struct packet packet;
	struct proto_msg reply;
	int err;

	make_list(&packet);
	kind->spoil(&packet);
	err = send_packet(conn.fd, &packet);
	if (err) {
		printf("%s %s unsent %s\n", kind->name, error_name(-err), strerror(-err));
		close(conn.fd);
		return;
	}
	wait_readable(&conn);
	/* to one whose header cannot be believed, or that came before HELLO, the reply has the version of before */
	err = receive(&conn, &reply);
	error = proto_msg_body(&reply);
	if (err == -ECONNRESET)
		printf("%s silence closed\n", kind->name);
	else if (err)
		printf("%s unintelligible closed %s\n", kind->name, strerror(-err));
	else
		printf("%s %s %s %.504s\n", kind->name, error_of(&reply) ? error_name(error_of(&reply)) : "accepted",
		       state_of(&conn), error_of(&reply) ? error->text : "");
	fflush(stdout);
	close(conn.fd);
}

int main(int argc, char **argv)
{
	if (argc != 2) {
		fprintf(stderr, "usage: badmsg SOCKET\n");
		return 2;
	}
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		try(argv[1], &kinds[i]);
	return 0;
}
