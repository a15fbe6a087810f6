/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vfiod/server.h"

#include "proto/conn.h"
#include "vfiod/daemon.h"
#include "vfiod/log.h"
#include "vfiod/pci_events.h"
#include "vfiod/peer.h"
#include "vfiod/request.h"
#include "vfiod/systemd.h"
#include "vfiod/worker.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

struct listener {
	struct server *server;
	struct evconnlistener *accept;
	struct event *retry;
	unsigned int socket; /* VFIOD_ON_PUB or VFIOD_ON_ADMIN */
	char path[PATH_MAX]; /* to remove at the end; empty: systemd's */
};

struct client {
	struct server *server;
	struct proto_conn conn;
	struct peer peer;
	uint64_t serial;
	unsigned int socket;
	struct event *readable;
	struct event *closed;	 /* while a request is under way */
	struct request *request; /* the one under way, or NULL */
	bool broken;		 /* to be freed as soon as nobody is in the middle of something with it */
	LIST_ENTRY(client) next;
};

struct server {
	struct daemon *daemon;
	struct listener listeners[2];
	LIST_HEAD(, client) clients;
	uint64_t last_serial; /* of the newest connection */
};

/* ---- connections ---- */

static void client_free(struct client *client)
{
	if (client->request)
		request_abandon(client->request);
	LIST_REMOVE(client, next);
	pci_events_client_gone(client->server->daemon, client->serial);
	event_free(client->readable);
	event_free(client->closed);
	workers_close(client->server->daemon->workers, client->conn.fd); /* there may be files in its queue */
	peer_free(&client->peer);
	free(client);
}

const struct peer *client_peer(const struct client *client)
{
	return &client->peer;
}

uint64_t client_serial(const struct client *client)
{
	return client->serial;
}

struct client *server_client(struct server *server, uint64_t serial)
{
	struct client *client;

	LIST_FOREACH (client, &server->clients, next)
		if (client->serial == serial)
			return client;
	return NULL;
}

uint16_t client_version(const struct client *client)
{
	return client->conn.version;
}

void client_set_version(struct client *client, uint16_t version)
{
	client->conn.version = version;
}

/* A client that does not read its answers is not waited for. It is freed from the loop, not under anybody's feet. */
static void give_up(struct client *client, const char *what, int err)
{
	log_line(LOG_NOTICE, "user %u (pid %d) did not take its %s: %s", (unsigned)client->peer.uid,
		 (int)client->peer.pid, what, strerror(-err));
	client->broken = true;
}

/* The request is answered: the next one may come. */
static void answered(struct client *client, int err)
{
	client->request = NULL;
	event_del(client->closed);
	if (err)
		give_up(client, "answer", err);
	if (client->broken)
		event_active(client->readable, EV_READ, 0);
	else
		event_add(client->readable, NULL);
}

void client_reply(struct client *client, uint16_t opcode, uint64_t cookie, const void *body, size_t length,
		  const int *fds, unsigned int fd_count)
{
	answered(client, proto_conn_send(&client->conn, opcode, VFIOD_REPLY, cookie, body, length, fds, fd_count));
}

void client_refuse(struct client *client, uint16_t opcode, uint64_t cookie, int error, const char *text)
{
	answered(client, proto_conn_send_error(&client->conn, opcode, cookie, error, text));
}

bool client_event(struct client *client, uint16_t opcode, const void *body, size_t length)
{
	int err;

	if (client->broken)
		return false;
	err = proto_conn_send(&client->conn, opcode, VFIOD_EVENT, 0, body, length, NULL, 0);
	/* of the end of a connection the loop hears anyway; the expelled have had their last word */
	if (!err || err == -EPIPE || err == -ECONNRESET)
		return !err;
	give_up(client, "event", err);
	event_active(client->readable, EV_READ, 0);
	return false;
}

/*
 * What breaks the rules is answered in words, once, and ends the connection: nothing more is read, and the client sees
 * the answer and then the end.  Our end is closed when the client's is: closed before, with messages in its queue, it
 * would make the client's recv() fail before the answer is read.
 */
static void expel(struct client *client, const struct proto_msg *msg, int err, const char *why)
{
	log_line(LOG_NOTICE, "user %u (pid %d) sent a message that is refused: %s", (unsigned)client->peer.uid,
		 (int)client->peer.pid, why);
	proto_conn_send_error(&client->conn, msg->opcode, msg->cookie, err, why);
	shutdown(client->conn.fd, SHUT_WR);
	event_del(client->readable);
	event_add(client->closed, NULL);
}

static void start_request(struct client *client, const struct proto_op *op, struct proto_msg *msg)
{
	struct request *request = request_new(client->server->daemon, client, op, msg);

	if (!request) {
		expel(client, msg, -ENOMEM, "vfiod is out of memory");
		return;
	}
	log_line(LOG_DEBUG, "%s of user %u (pid %d)", op->name, (unsigned)client->peer.uid, (int)client->peer.pid);
	client->request = request;
	event_del(client->readable);
	event_add(client->closed, NULL);
	request_run(request);
}

static void client_readable(evutil_socket_t fd, short what, void *data)
{
	struct client *client = data;
	struct proto_msg msg;
	const struct proto_op *op;
	const char *why = "";
	int err;

	(void)fd;
	(void)what;
	if (client->broken) {
		client_free(client);
		return;
	}
	err = proto_conn_recv(&client->conn, &msg, 0, &why);
	if (err == -EAGAIN)
		return;
	if (err == -ECONNRESET || err == -EPIPE) {
		client_free(client);
		return;
	}
	if (!err)
		err = proto_check_request(&msg, client->socket, &op, &why);
	if (!err && op->opcode == VFIOD_HELLO && client->conn.version != VFIOD_VERSION_NONE) {
		err = -EBADMSG;
		why = "a connection begins with one HELLO, and this is another";
	}
	if (err == -EACCES) /* a good request, at the wrong door */
		client_refuse(client, msg.opcode, msg.cookie, err, why);
	else if (err)
		expel(client, &msg, err, why);
	else
		start_request(client, op, &msg);
}

/*
 * Something has happened to a client whose request is under way.  It is gone, or it has sent its next request already,
 * which has to wait.  Of one that leaves an answer unread the kernel tells by EPOLLERR, which libevent takes for
 * readable and writable, not for closed.
 */
static void client_closed(evutil_socket_t fd, short what, void *data)
{
	struct pollfd end = { .fd = fd, .events = POLLRDHUP };

	(void)what;
	if (poll(&end, 1, 0) == 1)
		client_free(data);
}

static struct client *client_new(struct listener *listener, int fd)
{
	struct event_base *base = listener->server->daemon->base;
	struct client *client = calloc(1, sizeof(*client));

	if (!client)
		return NULL;
	client->server = listener->server;
	client->socket = listener->socket;
	client->conn.fd = fd;
	if (peer_read(fd, &client->peer))
		goto free_client;
	client->readable = event_new(base, fd, EV_READ | EV_PERSIST, client_readable, client);
	client->closed = event_new(base, fd, EV_CLOSED | EV_READ | EV_ET | EV_PERSIST, client_closed, client);
	if (!client->readable || !client->closed || event_add(client->readable, NULL))
		goto free_events;
	client->serial = ++listener->server->last_serial;
	LIST_INSERT_HEAD(&listener->server->clients, client, next);
	return client;

free_events:
	if (client->readable)
		event_free(client->readable);
	if (client->closed)
		event_free(client->closed);
	peer_free(&client->peer);
free_client:
	free(client);
	return NULL;
}

static void accepted(struct evconnlistener *accept, evutil_socket_t fd, struct sockaddr *address, int length,
		     void *data)
{
	(void)accept;
	(void)address;
	(void)length;
	if (client_new(data, fd))
		return;
	log_line(LOG_ERR, "a connection could not be taken: out of memory, or its credentials are unknown");
	close(fd);
}

/* Without a free descriptor the connection stays in the queue: to try again at once would only spin. */
static void accept_failed(struct evconnlistener *accept, void *data)
{
	static const struct timeval pause = { .tv_usec = 100000 };
	struct listener *listener = data;

	log_line(LOG_ERR, "no connection can be taken: %s", strerror(EVUTIL_SOCKET_ERROR()));
	evconnlistener_disable(accept);
	evtimer_add(listener->retry, &pause);
}

static void accept_again(evutil_socket_t fd, short what, void *data)
{
	struct listener *listener = data;

	(void)fd;
	(void)what;
	evconnlistener_enable(listener->accept);
}

/* ---- sockets ---- */

/* Everybody has to get through to the public socket, whatever our umask is. */
static int make_dir(const char *path, struct failure *failure)
{
	mode_t before = umask(0022);
	int err = mkdir(path, 0755) && errno != EEXIST ? -errno : 0;

	umask(before);
	return err ? failure_set(failure, err, "cannot make %s: %s", path, strerror(-err)) : 0;
}

/*
 * One vfiod at a time has the run-time directory, so a socket that is there was left by one that is gone.  The lock is
 * never given back: it goes with the process, when no worker of it has a device in its hands any more.
 */
static int take_lock(const char *runtime_dir, struct failure *failure)
{
	char path[PATH_MAX];
	int fd;

	snprintf(path, sizeof(path), "%s/lock", runtime_dir);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return failure_set(failure, -errno, "cannot open %s: %s", path, strerror(errno));
	if (flock(fd, LOCK_EX | LOCK_NB)) {
		close(fd);
		return failure_set(failure, -EBUSY, "another vfiod runs already (it has %s locked)", path);
	}
	return 0;
}

static int remove_stale(const char *path, struct failure *failure)
{
	struct stat st;

	if (lstat(path, &st))
		return errno == ENOENT ? 0 : failure_set(failure, -errno, "%s: %s", path, strerror(errno));
	if (!S_ISSOCK(st.st_mode))
		return failure_set(failure, -EEXIST, "%s is there and is no socket; remove it", path);
	unlink(path);
	return 0;
}

static int make_socket(const char *path, mode_t mode, int *fd, struct failure *failure)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int made, err;
	mode_t before;

	if (strlen(path) >= sizeof(address.sun_path))
		return failure_set(failure, -ENAMETOOLONG, "%s is too long for a socket's name", path);
	strcpy(address.sun_path, path);
	err = remove_stale(path, failure);
	if (err)
		return err;
	made = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (made < 0)
		return failure_set(failure, -errno, "socket: %s", strerror(errno));
	/* there are no threads yet that the mask could bother; a chmod() afterwards would leave a moment between */
	before = umask((mode_t)(~mode & 0777));
	err = bind(made, (struct sockaddr *)&address, sizeof(address)) || listen(made, SOMAXCONN) ? -errno : 0;
	umask(before);
	if (err) {
		close(made);
		return failure_set(failure, err, "cannot listen on %s: %s", path, strerror(-err));
	}
	*fd = made;
	return 0;
}

/* Linux 6.16 and newer: whoever sends us files gets EPERM (socket(7)); accepted sockets inherit it. */
#ifndef SO_PASSRIGHTS
#define SO_PASSRIGHTS 83
#endif

static int listen_on(struct listener *listener, const char *name, const char *runtime_dir, const char *path,
		     mode_t mode, struct failure *failure)
{
	struct event_base *base = listener->server->daemon->base;
	int err, fd = systemd_socket(name);

	if (fd < 0) {
		char full[PATH_MAX];

		snprintf(full, sizeof(full), "%s/%s", runtime_dir, path);
		err = make_socket(full, mode, &fd, failure);
		if (err)
			return err;
		strcpy(listener->path, full);
	} else {
		evutil_make_socket_nonblocking(fd);
	}
	setsockopt(fd, SOL_SOCKET, SO_PASSRIGHTS, &(int){ 0 }, sizeof(int)); /* an older kernel knows it not */
	listener->retry = evtimer_new(base, accept_again, listener);
	if (listener->retry)
		listener->accept = evconnlistener_new(base, accepted, listener,
						      LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, fd);
	if (!listener->accept) {
		close(fd);
		return failure_set(failure, -ENOMEM, "out of memory");
	}
	evconnlistener_set_error_cb(listener->accept, accept_failed);
	return 0;
}

static int listen_on_both(struct server *server, const char *runtime_dir, struct failure *failure)
{
	char pub[PATH_MAX];
	int err;

	snprintf(pub, sizeof(pub), "%s/pub", runtime_dir);
	err = make_dir(runtime_dir, failure);
	if (!err)
		err = make_dir(pub, failure);
	if (!err)
		err = take_lock(runtime_dir, failure);
	if (!err)
		err = listen_on(&server->listeners[0], "pub", runtime_dir, VFIOD_PUB_SOCKET, 0666, failure);
	if (!err)
		err = listen_on(&server->listeners[1], "admin", runtime_dir, VFIOD_ADMIN_SOCKET, 0600, failure);
	return err;
}

int server_new(struct daemon *daemon, const char *runtime_dir, struct server **server, struct failure *failure)
{
	struct server *made = calloc(1, sizeof(*made));
	int err;

	if (!made)
		return failure_set(failure, -ENOMEM, "out of memory");
	made->daemon = daemon;
	LIST_INIT(&made->clients);
	for (int i = 0; i < 2; i++)
		made->listeners[i].server = made;
	made->listeners[0].socket = VFIOD_ON_PUB;
	made->listeners[1].socket = VFIOD_ON_ADMIN;
	err = listen_on_both(made, runtime_dir, failure);
	if (err) {
		server_free(made);
		return err;
	}
	*server = made;
	return 0;
}

void server_free(struct server *server)
{
	struct client *client;

	if (!server)
		return;
	while ((client = LIST_FIRST(&server->clients)))
		client_free(client); /* NOLINT(clang-analyzer-unix.Malloc): it takes itself out of the list */
	for (int i = 0; i < 2; i++) {
		struct listener *listener = &server->listeners[i];

		if (listener->accept)
			evconnlistener_free(listener->accept);
		if (listener->retry)
			event_free(listener->retry);
		if (listener->path[0])
			unlink(listener->path);
	}
	free(server);
}
