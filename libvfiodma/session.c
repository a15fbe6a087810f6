/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The connection to vfiod: connect, agree on a version, one request and its reply at a time. */
#include "libvfiodma/session.h"
#include "libvfiodma/events.h"
#include "proto/address.h"

#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define START_VFIOD "start it with \"systemctl start vfiod\" or as root \"vfiod\""

/* ---- one request ---- */

/* The socket is shut, not closed: its number stays the session's, and whoever polls it wakes up. */
static void give_up(struct vfiodma_session *session)
{
	session->broken = true;
	shutdown(session->conn.fd, SHUT_RDWR);
}

int session_bad_reply(struct vfiodma_session *session, struct proto_msg *reply, const char *why)
{
	const struct proto_op *op = proto_op(reply->opcode);

	proto_msg_close_fds(reply);
	give_up(session);
	return errors_add(session->errors, -EBADMSG,
			  "vfiod's reply%s%s cannot be used (%s): the session has ended; are vfiod and libvfiodma of "
			  "the same release?",
			  op ? " to " : "", op ? op->name : "", why);
}

static int connection_failed(struct vfiodma_session *session, int err)
{
	give_up(session);
	if (err == -EPIPE || err == -ECONNRESET)
		return errors_add(
			session->errors, -ECONNRESET,
			"vfiod closed the connection: it was stopped, or its log says why; open a new session");
	return errors_add(session->errors, err, "cannot talk to vfiod: %s", strerror(-err));
}

/* Checks what proto_check_reply() leaves open of an error: a code that is not an errno could pass for success. */
static bool error_makes_sense(struct proto_msg *reply)
{
	const struct vfiod_error *error = proto_msg_body(reply);

	return le32toh(error->code) >= 1 && le32toh(error->code) <= ERRNO_MAX;
}

int session_receive(struct vfiodma_session *session, struct proto_msg *msg, unsigned int max_fds)
{
	const char *why = NULL;
	int err = proto_conn_recv(&session->conn, msg, max_fds, &why);

	if (!err)
		return 0;
	return why ? session_bad_reply(session, msg, why) : connection_failed(session, err);
}

/* Receives the reply to a request; events that come before it are noted. */
static int receive_reply(struct vfiodma_session *session, uint16_t opcode, struct proto_msg *reply)
{
	for (;;) {
		int err = session_receive(session, reply, proto_op(opcode)->fds);

		if (err || !(reply->flags & VFIOD_EVENT))
			return err;
		err = events_take(session, reply);
		if (err)
			return err;
	}
}

/* Before we could ask. */
static bool turned_away(const struct proto_msg *reply)
{
	return reply->opcode == VFIOD_HELLO && reply->flags & VFIOD_ERROR && !reply->cookie;
}

/* Sends a request and receives its reply, which may be an error. */
static int exchange(struct vfiodma_session *session, uint16_t opcode, const void *body, size_t length,
		    struct proto_msg *reply)
{
	int err;

	if (session->broken)
		return errors_add(session->errors, -ENOTCONN,
				  "there is no connection to vfiod any more: open a new session");
	err = proto_conn_send(&session->conn, opcode, 0, ++session->cookie, body, length, NULL, 0);
	/* who turns us away before we have greeted has said why */
	if (err && !(err == -EPIPE && opcode == VFIOD_HELLO))
		return connection_failed(session, err);
	err = receive_reply(session, opcode, reply);
	if (err)
		return err;
	if (turned_away(reply))
		reply->cookie = session->cookie;
	if (proto_check_reply(reply, opcode, session->cookie))
		return session_bad_reply(session, reply, "it is not the one that this request has to get");
	if (reply->flags & VFIOD_ERROR && !error_makes_sense(reply))
		return session_bad_reply(session, reply, "its error is not an errno value");
	return 0;
}

int session_request(struct vfiodma_session *session, uint16_t opcode, const void *body, size_t length,
		    struct proto_msg *reply)
{
	const struct vfiod_error *error = proto_msg_body(reply);
	int err = exchange(session, opcode, body, length, reply);

	if (err || !(reply->flags & VFIOD_ERROR))
		return err;
	err = -(int)le32toh(error->code);
	return errors_add(session->errors, err, "%s", error->text[0] ? error->text : strerror(-err));
}

int session_needs(struct vfiodma_session *session, uint16_t version, const char *what)
{
	if (session->broken || session->conn.version >= version)
		return 0;
	return errors_add(session->errors, -EPROTONOSUPPORT, "this vfiod %s: it is older than libvfiodma; upgrade it",
			  what);
}

int session_address(struct vfiodma_session *session, const char *text, uint64_t *address)
{
	if (text && !proto_address_parse(text, address))
		return 0;
	return errors_add(session->errors, -EINVAL,
			  "\"%s\" is not the address of a PCI function: write it as in \"0000:01:00.0\" or \"01:00.0\"",
			  text ? text : "");
}

bool session_text_ends(const char *text, size_t size)
{
	return memchr(text, '\0', size) != NULL;
}

/* ---- open and close ---- */

static const char *default_runtime_dir(void)
{
	/* not getenv(): in a set-user-id program the environment is somebody else's */
	const char *dir = secure_getenv("VFIOD_RUNTIME_DIR");

	return dir && *dir ? dir : VFIOD_RUNTIMEDIR;
}

static int explain_connect(struct vfiodma_session *session, const char *path, bool admin, int err)
{
	if (err == -ENOENT)
		return errors_add(session->errors, err, "vfiod is not running (no %s): " START_VFIOD, path);
	if (err == -ECONNREFUSED)
		return errors_add(session->errors, err, "vfiod is not running (nobody listens on %s): " START_VFIOD,
				  path);
	if (err == -EACCES && admin)
		return errors_add(session->errors, err, "%s is the administrator's: run this as root", path);
	if (err == -EACCES)
		return errors_add(session->errors, err,
				  "this user may not connect to %s: its folder has to let everybody in (mode 0755)",
				  path);
	return errors_add(session->errors, err, "cannot connect to vfiod at %s: %s", path, strerror(-err));
}

static int connect_to(struct vfiodma_session *session, const struct sockaddr_un *where)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	/* interrupted while the queue of the listening socket was full: it has not begun, try again */
	while (connect(fd, (const struct sockaddr *)where, sizeof(*where)) < 0) {
		if (errno == EINTR)
			continue;
		int err = -errno;
		close(fd);
		return err;
	}
	session->conn.fd = fd;
	session->broken = false;
	return 0;
}

static int reach_vfiod(struct vfiodma_session *session, const struct vfiodma_options *options)
{
	struct sockaddr_un where = { .sun_family = AF_UNIX };
	const char *dir = options->runtime_dir ? options->runtime_dir : default_runtime_dir();
	const char *name = options->admin ? VFIOD_ADMIN_SOCKET : VFIOD_PUB_SOCKET;
	int length = snprintf(where.sun_path, sizeof(where.sun_path), "%s/%s", dir, name);
	int err;

	if (length < 0 || (size_t)length >= sizeof(where.sun_path))
		return errors_add(session->errors, -ENAMETOOLONG,
				  "the run-time directory %s is too long for a socket's name: use a shorter one", dir);
	err = connect_to(session, &where);
	return err ? explain_connect(session, where.sun_path, options->admin, err) : 0;
}

static int version_refused(struct vfiodma_session *session, struct proto_msg *reply)
{
	const struct vfiod_error *error = proto_msg_body(reply);

	give_up(session);
	return errors_add(session->errors, -EPROTONOSUPPORT,
			  "vfiod refuses versions %d to %d of the protocol, which libvfiodma speaks: install vfiod and "
			  "libvfiodma of the same release (vfiod says: %s)",
			  VFIOD_VERSION_MIN, VFIOD_VERSION_MAX, error->text);
}

static int version_unknown(struct vfiodma_session *session, unsigned int version)
{
	give_up(session);
	return errors_add(session->errors, -EPROTONOSUPPORT,
			  "vfiod wants version %u of the protocol, libvfiodma speaks %d to %d: install vfiod and "
			  "libvfiodma of the same release",
			  version, VFIOD_VERSION_MIN, VFIOD_VERSION_MAX);
}

static int say_hello(struct vfiodma_session *session)
{
	const struct vfiod_hello_req request = {
		.version_min = htole16(VFIOD_VERSION_MIN),
		.version_max = htole16(VFIOD_VERSION_MAX),
	};
	struct proto_msg reply;
	const struct vfiod_hello_rep *hello = proto_msg_body(&reply);
	const struct vfiod_error *error = proto_msg_body(&reply);
	int err = exchange(session, VFIOD_HELLO, &request, sizeof(request), &reply);
	unsigned int version;

	if (err)
		return err;
	if (reply.flags & VFIOD_ERROR) {
		err = -(int)le32toh(error->code);
		if (err == -EPROTONOSUPPORT)
			return version_refused(session, &reply);
		give_up(session);
		return errors_add(session->errors, err, "%s", error->text);
	}
	version = le16toh(hello->version);
	if (version < VFIOD_VERSION_MIN || version > VFIOD_VERSION_MAX)
		return version_unknown(session, version);
	session->conn.version = (uint16_t)version;
	return 0;
}

static struct vfiodma_session *session_new(const struct vfiodma_options *options)
{
	struct vfiodma_session *session = calloc(1, sizeof(*session));

	if (!session)
		return NULL;
	session->errors = errors_new(options->log, options->log_data);
	if (!session->errors) {
		free(session);
		return NULL;
	}
	session->conn.fd = -1;
	session->conn.version = VFIOD_VERSION_NONE;
	session->broken = true;
	session->users = 1;
	LIST_INIT(&session->leases);
	return session;
}

int vfiodma_session_open(const struct vfiodma_options *options, struct vfiodma_session **session)
{
	const struct vfiodma_options defaults = { 0 };
	int err;

	if (!options)
		options = &defaults;
	*session = session_new(options);
	if (!*session)
		return -ENOMEM;
	err = reach_vfiod(*session, options);
	return err ? err : say_hello(*session);
}

void session_put(struct vfiodma_session *session)
{
	if (--session->users)
		return;
	errors_free(session->errors);
	free(session);
}

void vfiodma_session_close(struct vfiodma_session *session)
{
	if (!session)
		return;
	if (session->conn.fd >= 0)
		close(session->conn.fd);
	session->conn.fd = -1;
	session->broken = true;
	session_put(session);
}

const char *vfiodma_session_error(const struct vfiodma_session *session)
{
	return session ? errors_last(session->errors) : "out of memory";
}

int vfiodma_session_fd(const struct vfiodma_session *session)
{
	return session->conn.fd;
}
