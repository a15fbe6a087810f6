/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libFuzzer on the decoder of messages: what one end sends, with files or without, through a real socket, and what the
 * other makes of it, as a server and as a client.
 *
 * The input: what the receiver has agreed on (bits 0 and 1: the version, 2: it takes files, 3: it is the
 * administrator's socket), how many files come along, what of the header is put right before it is sent (bit 0: the
 * magic number, 1: the length, 2: the version), an opcode that was asked for; then the message.
 *
 * What is taken is known to the last bit: sent again it is the same.  Nothing is left open, whatever came.
 */
#include "proto/conn.h"
#include "tests/fuzz/want.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define FILES_MAX 8
#define LOOK_AT	  (FILES_MAX + VFIOD_FDS_MAX) /* descriptors that are to be free afterwards */

enum { AGREED, FILES, RIGHT, ASKED, MESSAGE };

static int ends[2], file;
static struct proto_msg msg;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	file = open("/dev/null", O_RDONLY | O_CLOEXEC);
	want(file >= 0);
	return 0;
}

static void send_raw(const void *bytes, size_t size, unsigned int count)
{
	struct iovec iov = { (void *)(uintptr_t)bytes, size };
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(FILES_MAX * sizeof(int))];
	} control = { .align = { .cmsg_len = CMSG_LEN(count * sizeof(int)),
				 .cmsg_level = SOL_SOCKET,
				 .cmsg_type = SCM_RIGHTS } };
	struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (count) {
		for (unsigned int i = 0; i < count; i++)
			memcpy(CMSG_DATA(&control.align) + i * sizeof(int), &file, sizeof(int));
		mh.msg_control = control.room;
		mh.msg_controllen = CMSG_SPACE(count * sizeof(int));
	}
	want(sendmsg(ends[0], &mh, 0) == (ssize_t)size);
}

/* Those that would be had next: the same as before where nothing was left open. */
static void look_for_free(int fds[LOOK_AT])
{
	for (int i = 0; i < LOOK_AT; i++)
		fds[i] = dup(file);
	for (int i = 0; i < LOOK_AT; i++)
		close(fds[i]);
}

/* What has been taken apart is put together again, and is what was sent. */
static void send_again(const struct proto_conn *conn, const unsigned char *bytes, size_t size)
{
	struct proto_conn other = { .fd = ends[0], .version = conn->version };
	unsigned char again[VFIOD_MSG_MAX];

	want(!proto_conn_send(&other, msg.opcode, msg.flags, msg.cookie, proto_msg_body(&msg), msg.length, NULL, 0));
	want(recv(ends[1], again, sizeof(again), MSG_DONTWAIT | MSG_TRUNC) == (ssize_t)size);
	want(!memcmp(again, bytes, size));
}

static void check_message(unsigned int socket, uint16_t asked)
{
	const struct proto_op *op = NULL;
	const char *why = NULL;
	int err = proto_check_request(&msg, socket, &op, &why);

	if (err)
		want(why && why[0] && !op && (err == -ENOSYS || err == -EACCES || err == -EBADMSG));
	else
		want(op->opcode == msg.opcode && op->request == msg.length && op->sockets & socket && !msg.flags);
	err = proto_check_reply(&msg, asked, msg.cookie);
	want(!err || err == -EBADMSG);
	if (!err)
		want(proto_op(asked) && msg.opcode == asked && msg.flags & VFIOD_REPLY &&
		     msg.fd_count <= proto_op(asked)->fds);
	want(proto_check_reply(&msg, asked, msg.cookie + 1) == -EBADMSG);
	err = proto_check_event(&msg);
	want(!err || err == -EBADMSG);
	if (!err)
		want(!proto_op(msg.opcode) && msg.flags == VFIOD_EVENT && !msg.fd_count);
}

static void put_right(unsigned char *bytes, size_t size, uint8_t how, uint16_t version)
{
	struct vfiod_hdr hdr;

	if (size < sizeof(hdr))
		return;
	memcpy(&hdr, bytes, sizeof(hdr));
	if (how & 1)
		hdr.magic = htole32(VFIOD_MAGIC);
	if (how & 2)
		hdr.length = htole32((uint32_t)size);
	if (how & 4)
		hdr.version = htole16(le16toh(hdr.opcode) == VFIOD_HELLO ? VFIOD_VERSION_NONE : version);
	memcpy(bytes, &hdr, sizeof(hdr));
}

static void receive(struct proto_conn *conn, const uint8_t *how, const unsigned char *bytes, size_t size)
{
	unsigned int files = how[FILES] % (FILES_MAX + 1), max_fds = how[AGREED] & 4 ? VFIOD_FDS_MAX : 0;
	const char *why = NULL;
	int err = proto_conn_recv(conn, &msg, max_fds, &why);

	if (err == -ECONNRESET) {
		want(!size && !files);
		return;
	}
	if (err) {
		want(why && why[0] && !msg.fd_count);
		want(err == -EBADMSG || err == -EPROTONOSUPPORT || err == -EPERM);
	}
	/* too many, and nothing but that, is refused for being files */
	want((files > max_fds) == (err == -EPERM));
	if (err)
		return;
	want(msg.fd_count == files && size == msg.length + sizeof(struct vfiod_hdr));
	check_message(how[AGREED] & 8 ? VFIOD_ON_ADMIN : VFIOD_ON_PUB, how[ASKED]);
	proto_msg_close_fds(&msg);
	send_again(conn, bytes, size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct proto_conn conn = { .version = size ? data[AGREED] & 3 : 0 };
	int before[LOOK_AT], after[LOOK_AT];
	unsigned char *bytes;

	if (size < MESSAGE)
		return 0;
	look_for_free(before);
	want(!socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends));
	conn.fd = ends[1];
	size -= MESSAGE;
	bytes = malloc(size + 1);
	memcpy(bytes, data + MESSAGE, size);
	put_right(bytes, size, data[RIGHT], conn.version);
	send_raw(bytes, size, data[FILES] % (FILES_MAX + 1));
	receive(&conn, data, bytes, size);
	shutdown(ends[0], SHUT_RDWR);
	close(ends[0]);
	close(ends[1]);
	look_for_free(after);
	want(!memcmp(before, after, sizeof(before)));
	free(bytes);
	return 0;
}
