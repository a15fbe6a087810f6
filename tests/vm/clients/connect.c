/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/vm/clients/connect.h"

#include "proto/address.h"

#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

void give_up(const char *what)
{
	fprintf(stderr, "client: %s: %s\n", what, strerror(errno));
	exit(3);
}

struct proto_conn connect_to(const char *path)
{
	struct sockaddr_un where = { .sun_family = AF_UNIX };
	struct proto_conn conn = { .version = VFIOD_VERSION_NONE };

	if (strlen(path) >= sizeof(where.sun_path)) {
		errno = ENAMETOOLONG;
		give_up(path);
	}
	strcpy(where.sun_path, path);
	conn.fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (conn.fd < 0 || connect(conn.fd, (struct sockaddr *)&where, sizeof(where)))
		give_up(path);
	return conn;
}

int send_hello(struct proto_conn *conn)
{
	const struct vfiod_hello_req request = {
		.version_min = htole16(VFIOD_VERSION_MIN),
		.version_max = htole16(VFIOD_VERSION_MAX),
	};

	return proto_conn_send(conn, VFIOD_HELLO, 0, 1, &request, sizeof(request), NULL, 0);
}

int send_acquire(struct proto_conn *conn, const char *address)
{
	struct vfiod_acquire_req request = { .mode = htole32(VFIOD_MODE_CONTAINER) };
	uint64_t number;

	if (proto_address_parse(address, &number)) {
		errno = EINVAL;
		give_up(address);
	}
	request.address = htole64(number);
	return proto_conn_send(conn, VFIOD_ACQUIRE, 0, 2, &request, sizeof(request), NULL, 0);
}

int receive(struct proto_conn *conn, struct proto_msg *msg)
{
	const char *why;

	return proto_conn_recv(conn, msg, VFIOD_FDS_MAX, &why);
}

int error_of(struct proto_msg *msg)
{
	const struct vfiod_error *error = proto_msg_body(msg);

	return msg->flags & VFIOD_ERROR ? (int)le32toh(error->code) : 0;
}

struct proto_conn greeted(const char *path)
{
	struct proto_conn conn = connect_to(path);
	struct proto_msg reply;
	int err = send_hello(&conn);

	if (!err)
		err = receive(&conn, &reply);
	if (err || error_of(&reply)) {
		errno = err ? -err : error_of(&reply);
		give_up("HELLO");
	}
	conn.version = VFIOD_VERSION_MAX;
	return conn;
}
