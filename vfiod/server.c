/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vfiod/server.h"

#include "proto/conn.h"
#include "vfiod/clock.h"
#include "vfiod/config.h"
#include "vfiod/daemon.h"
#include "vfiod/holder.h"
#include "vfiod/limits.h"
#include "vfiod/log.h"
#include "vfiod/pci_events.h"
#include "vfiod/peer.h"
#include "vfiod/request.h"
#include "vfiod/systemd.h"
#include "vfiod/worker.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/sockios.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* Connections taken in one go. */
#define ACCEPT_MAX 16
/* Nor is any taken while so many are being closed with what somebody has sent in them. */
#define CLOSING_MAX 256

struct listener {
	struct server *server;
	int fd;
	struct event *readable, *retry;
	unsigned int socket; /* VFIOD_ON_PUB or VFIOD_ON_ADMIN */
	bool wants_none;     /* the kernel refuses what would send us files, from who connects from then on */
	bool no_fds;	     /* who is accepted now is one of them */
	char path[PATH_MAX]; /* to remove at the end; empty: systemd's */
	struct stat made;    /* what was there when it had been made */
};

struct client {
	struct server *server;
	struct proto_conn conn;
	struct peer peer;
	uint64_t serial;
	unsigned int socket;
	struct account *account; /* NULL: an administrator's, for whom there are no limits */
	struct event *readable;
	struct event *closed;	 /* while a request is under way, or it has to wait before its next one */
	struct event *pause;	 /* the end of that */
	struct event *deadline;	 /* by which it has greeted us, or has read its answer */
	uint64_t answered_at;	 /* clock_us() */
	bool unread, has_files;	 /* as far as we know its last answer is; and has file descriptors */
	int behind;		 /* what the kernel counts of its queue for events that were sent after that */
	struct request *request; /* the one under way, or NULL */
	bool broken;		 /* to be freed as soon as nobody is in the middle of something with it */
	LIST_ENTRY(client) next;
	struct job closing;
};

#define CLIENT_SLOTS 1024

struct server {
	struct daemon *daemon;
	struct listener listeners[2];
	LIST_HEAD(clients, client) clients[CLIENT_SLOTS]; /* by serial, which goes up by one */
	LIST_HEAD(, client) closing;			  /* they count for their users still */
	unsigned int connections;
	struct limits *limits;
	int reserve;		/* a descriptor to give up when there are no more, or -1 */
	struct bucket shortage; /* of lines about that */
	uint64_t last_serial;	/* of the newest connection */
};

/* ---- connections ---- */

static const struct quotas *quotas_of(const struct client *client)
{
	return &client->server->daemon->config->quotas;
}

static void free_events(struct client *client)
{
	struct event *events[] = { client->readable, client->closed, client->pause, client->deadline };

	for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++)
		if (events[i])
			event_free(events[i]);
}

/*
 * Files in the queue of a socket are closed with it, and that may take its time: whoever sent them can have it take an
 * hour.  With SO_PASSCRED the kernel has something to say of every message (MSG_CTRUNC), also of an empty one.
 *
 * Return: whether nothing is there; nor does anything come any more.
 */
static bool is_drained(int fd)
{
	struct msghdr peek = { 0 };
	ssize_t size;

	shutdown(fd, SHUT_RD);
	setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &(int){ 1 }, sizeof(int));
	size = recvmsg(fd, &peek, MSG_PEEK | MSG_DONTWAIT);
	if (size < 0 && errno == ECONNRESET) /* said once, and before the queue is looked at */
		size = recvmsg(fd, &peek, MSG_PEEK | MSG_DONTWAIT);
	return size < 0 ? errno == EAGAIN : size == 0 && !(peek.msg_flags & MSG_CTRUNC);
}

static void closing_run(struct job *job)
{
	close(((struct client *)((char *)job - offsetof(struct client, closing)))->conn.fd);
}

/* A client without a server is one that has outlived it. */
static void closing_done(struct job *job)
{
	struct client *client = (struct client *)((char *)job - offsetof(struct client, closing));

	if (client->server)
		LIST_REMOVE(client, next);
	if (client->server && client->account)
		limits_disconnect(client->server->limits, client->account, clock_us());
	free(client);
}

static void client_close(struct client *client)
{
	struct server *server = client->server;

	LIST_INSERT_HEAD(&server->closing, client, next);
	client->closing = (struct job){ .run = closing_run, .done = closing_done };
	if (!is_drained(client->conn.fd)) {
		workers_start(server->daemon->closers, &client->closing);
		return;
	}
	closing_run(&client->closing);
	closing_done(&client->closing);
}

static void client_free(struct client *client)
{
	if (client->request)
		request_abandon(client->request);
	LIST_REMOVE(client, next);
	client->server->connections--;
	pci_events_client_gone(client->server->daemon, client->peer.uid, client->serial);
	if (!client->server->daemon->stopping)
		holder_disconnected(client->server->daemon, client);
	free_events(client);
	peer_free(&client->peer);
	client_close(client);
}

const struct peer *client_peer(const struct client *client)
{
	return &client->peer;
}

uint64_t client_serial(const struct client *client)
{
	return client->serial;
}

static struct clients *slot_of(struct server *server, uint64_t serial)
{
	return &server->clients[serial % CLIENT_SLOTS];
}

struct client *server_client(struct server *server, uint64_t serial)
{
	struct client *client;

	LIST_FOREACH (client, slot_of(server, serial), next)
		if (client->serial == serial)
			return client;
	return NULL;
}

unsigned int server_connections(const struct server *server)
{
	return server ? server->connections : 0;
}

uint16_t client_version(const struct client *client)
{
	return client->conn.version;
}

int client_pidfd(const struct client *client)
{
	return peer_pidfd(client->conn.fd, &client->peer);
}

void client_set_version(struct client *client, uint16_t version)
{
	client->conn.version = version;
}

static void tell_left_out(uid_t uid, unsigned int left_out)
{
	log_event(LOG_EVENT_SUPPRESSED, &(struct log_about){ .uid = &uid },
		  "%u lines about user %u were left out: there were too many", left_out, (unsigned)uid);
}

/* Lines that a user causes are counted, so that nobody can fill the log. */
static bool may_log(struct account *account, uid_t uid)
{
	unsigned int left_out;

	if (!account)
		return true;
	if (!account_may_log(account, clock_us(), &left_out))
		return false;
	if (left_out)
		tell_left_out(uid, left_out);
	return true;
}

bool client_may_log(const struct client *client)
{
	return may_log(client->account, client->peer.uid);
}

/* A client that does not read its answers is not waited for. It is freed from the loop, not under anybody's feet. */
static void give_up(struct client *client, const char *what, const char *why)
{
	if (client_may_log(client))
		log_event(LOG_EVENT_DROPPED, &(struct log_about){ .uid = &client->peer.uid },
			  "user %u (pid %d) did not %s: %s", (unsigned)client->peer.uid, (int)client->peer.pid, what,
			  why);
	metrics_count(&client->server->daemon->metrics, VFIOD_STAT_DROPS);
	client->broken = true;
}

/* ---- what it has not read ---- */

/* By the kernel's way of counting, which takes more for a message than its bytes. */
static int queued(const struct client *client)
{
	int bytes = 0;

	ioctl(client->conn.fd, SIOCOUTQ, &bytes);
	return bytes;
}

/* Its queue is first in, first out: when no more is left than the events behind the answer, that was read. */
static bool has_read(struct client *client)
{
	if (client->unread && queued(client) <= client->behind)
		client->unread = false;
	return !client->unread;
}

static void set_deadline(struct client *client, uint64_t usec)
{
	const struct timeval when = { .tv_sec = (time_t)(usec / 1000000), .tv_usec = (suseconds_t)(usec % 1000000) };

	if (usec && !event_pending(client->deadline, EV_TIMEOUT, NULL))
		evtimer_add(client->deadline, &when);
}

static uint64_t timeout_of(const struct client *client)
{
	return quotas_of(client)->client_timeout * 1000000ull;
}

/* Since it was set, another answer may have taken the place of that which it was set for. */
static void deadline_over(evutil_socket_t fd, short what, void *data)
{
	struct client *client = data;
	uint64_t limit = timeout_of(client), waited = clock_us() - client->answered_at;
	bool silent = client->conn.version == VFIOD_VERSION_NONE && !client->request;

	(void)fd;
	(void)what;
	if (!limit || (!silent && has_read(client)))
		return;
	if (!silent && waited < limit) {
		set_deadline(client, limit - waited);
		return;
	}
	give_up(client, silent ? "greet" : "read its answer", "its time is over");
	client_free(client);
}

static void note_answer(struct client *client, bool has_files)
{
	client->unread = true;
	client->has_files = has_files;
	client->behind = 0;
	client->answered_at = clock_us();
	set_deadline(client, timeout_of(client));
}

/* The request is answered: the next one may come. */
static void answered(struct client *client, int err, bool has_files)
{
	client->request = NULL;
	event_del(client->closed);
	if (err)
		give_up(client, "take its answer", strerror(-err));
	else
		note_answer(client, has_files);
	if (!client->broken && event_add(client->readable, NULL))
		give_up(client, "get on", "vfiod is out of memory");
	if (client->broken)
		event_active(client->readable, EV_READ, 0);
}

void client_reply(struct client *client, uint16_t opcode, uint64_t cookie, const void *body, size_t length,
		  const int *fds, unsigned int fd_count)
{
	int err = proto_conn_send(&client->conn, opcode, VFIOD_REPLY, cookie, body, length, fds, fd_count);

	answered(client, err, fd_count > 0);
}

void client_refuse(struct client *client, uint16_t opcode, uint64_t cookie, int error, const char *text)
{
	answered(client, proto_conn_send_error(&client->conn, opcode, cookie, error, text), false);
}

/* Less in the queue than before: what it has read meanwhile is the answer, or was in front of it. */
static void note_event(struct client *client, int more)
{
	if (more > 0)
		client->behind += more;
	else
		client->unread = false;
}

bool client_event(struct client *client, uint16_t opcode, const void *body, size_t length)
{
	int err, before;

	if (client->broken)
		return false;
	before = has_read(client) ? 0 : queued(client);
	err = proto_conn_send(&client->conn, opcode, VFIOD_EVENT, 0, body, length, NULL, 0);
	if (!err && client->unread)
		note_event(client, queued(client) - before);
	/* of the end of a connection the loop hears anyway; the expelled have had their last word */
	if (!err || err == -EPIPE || err == -ECONNRESET)
		return !err;
	give_up(client, "take its event", strerror(-err));
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
	metrics_count(&client->server->daemon->metrics, VFIOD_STAT_EXPULSIONS);
	if (client_may_log(client))
		log_event(LOG_EVENT_EXPELLED,
			  &(struct log_about){ .uid = &client->peer.uid, .reason = failure_reason_word(err) },
			  "user %u (pid %d) sent a message that is refused: %s", (unsigned)client->peer.uid,
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
	request_run(request);
	/* Most have been answered by now.  Behind one that has not, nothing is read: only its client's end is looked
	 * for. */
	if (client->request) {
		event_del(client->readable);
		event_add(client->closed, NULL);
	}
}

/*
 * Its next message is left where it is for a while.  A user who asks too much waits, and costs nothing meanwhile; so
 * does who has not taken the files of its last answer: they count as ours in the kernel until then, and there is a
 * limit of these (ETOOMANYREFS) beyond which nobody would get any.
 */
static bool has_to_wait(struct client *client)
{
	static const struct timeval pause = { .tv_usec = 100000 };

	if (!(client->has_files && !has_read(client)) &&
	    (!client->account || account_may_ask(client->account, quotas_of(client), clock_us())))
		return false;
	/* rather at once than never */
	if (evtimer_add(client->pause, &pause))
		return false;
	event_del(client->readable);
	event_add(client->closed, NULL);
	return true;
}

static void pause_over(evutil_socket_t fd, short what, void *data)
{
	struct client *client = data;

	(void)fd;
	(void)what;
	event_del(client->closed);
	event_add(client->readable, NULL);
}

/* A good request, of a kind that this socket does not take. */
static void refuse_at_the_door(struct client *client, const struct proto_msg *msg, const char *why)
{
	const struct log_about about = {
		.uid = &client->peer.uid,
		.op = proto_op(msg->opcode)->name,
		.reason = failure_reason_word(-EACCES),
	};

	metrics_deny(&client->server->daemon->metrics, -EACCES);
	if (client_may_log(client))
		log_event(LOG_EVENT_DENIED, &about, "%s of user %u (pid %d) refused: %s", about.op,
			  (unsigned)client->peer.uid, (int)client->peer.pid, why);
	client_refuse(client, msg->opcode, msg->cookie, -EACCES, why);
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
	if (has_to_wait(client))
		return;
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
	if (err == -EACCES)
		refuse_at_the_door(client, &msg, why);
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

static int make_events(struct client *client)
{
	struct event_base *base = client->server->daemon->base;
	int fd = client->conn.fd;

	client->readable = event_new(base, fd, EV_READ | EV_PERSIST, client_readable, client);
	client->closed = event_new(base, fd, EV_CLOSED | EV_READ | EV_ET | EV_PERSIST, client_closed, client);
	client->pause = evtimer_new(base, pause_over, client);
	client->deadline = evtimer_new(base, deadline_over, client);
	if (!client->readable || !client->closed || !client->pause || !client->deadline ||
	    event_add(client->readable, NULL))
		return -ENOMEM;
	return 0;
}

/* The limits are for the public socket: root in a container is user 0 there, and must not be in root's way here. */
static int open_account(struct client *client, struct failure *failure)
{
	struct limits *limits = client->server->limits;
	struct account *account;
	int err;

	if (client->socket == VFIOD_ON_ADMIN)
		return 0;
	account = limits_account(limits, client->peer.uid, clock_us());
	if (!account)
		return failure_set(failure, -ENOMEM, "vfiod is out of memory");
	err = limits_connect(limits, account, quotas_of(client), failure);
	if (!err)
		client->account = account;
	else if (may_log(account, client->peer.uid))
		log_event(LOG_EVENT_CONNECTION_REFUSED,
			  &(struct log_about){ .uid = &client->peer.uid, .reason = failure_reason_word(err) },
			  "a connection of user %u (pid %d) was refused: %s", (unsigned)client->peer.uid,
			  (int)client->peer.pid, failure->text);
	return err;
}

static int client_new(struct listener *listener, int fd, struct failure *failure)
{
	struct client *client = calloc(1, sizeof(*client));
	int err;

	if (!client)
		return failure_set(failure, -ENOMEM, "vfiod is out of memory");
	client->server = listener->server;
	client->socket = listener->socket;
	client->conn.fd = fd;
	client->conn.no_fds = listener->no_fds;
	err = peer_read(fd, &client->peer);
	if (err) {
		failure_set(failure, err, "the kernel does not say who you are: %s", strerror(-err));
		goto free_client;
	}
	err = open_account(client, failure);
	if (err)
		goto free_peer;
	if (make_events(client)) {
		err = failure_set(failure, -ENOMEM, "vfiod is out of memory");
		goto close_account;
	}
	client->serial = ++listener->server->last_serial;
	LIST_INSERT_HEAD(slot_of(listener->server, client->serial), client, next);
	listener->server->connections++;
	metrics_count(&listener->server->daemon->metrics, VFIOD_STAT_CONNECTIONS);
	set_deadline(client, timeout_of(client));
	return 0;

close_account:
	free_events(client);
	if (client->account)
		limits_disconnect(listener->server->limits, client->account, clock_us());
free_peer:
	peer_free(&client->peer);
free_client:
	free(client);
	return err;
}

/*
 * Who cannot be served is told so, once: in answer to its HELLO if that has come, and otherwise unasked, as
 * vfiod_proto.h has it.  Nothing more comes in after the shutdown, so that nothing is left in our queue: closed with
 * that, the connection would fail for the client before it has read why.
 */
static void turn_away(struct server *server, int fd, const struct failure *failure)
{
	struct proto_conn conn = { .fd = fd, .version = VFIOD_VERSION_NONE };
	const char *why;
	struct proto_msg msg;
	int err;

	metrics_count(&server->daemon->metrics, VFIOD_STAT_CONNECTIONS_REFUSED);
	shutdown(fd, SHUT_RD);
	err = proto_conn_recv(&conn, &msg, 0, &why);
	proto_conn_send_error(&conn, VFIOD_HELLO, err ? 0 : msg.cookie, failure->error, failure->text);
	if (is_drained(fd))
		close(fd);
	else
		workers_close(server->daemon->closers, fd);
}

static void accepted(struct listener *listener, int fd)
{
	struct failure failure;

	if (!client_new(listener, fd, &failure))
		return;
	if (failure.error != -EAGAIN)
		log_line(LOG_ERR, "a connection could not be taken: %s", failure.text);
	turn_away(listener->server, fd, &failure);
}

static void open_reserve(struct server *server)
{
	if (server->reserve < 0)
		server->reserve = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

/* Return: whether there was one to be told. */
static bool use_reserve(struct listener *listener)
{
	struct server *server = listener->server;
	struct failure failure;
	int fd;

	if (server->reserve < 0)
		return false;
	close(server->reserve);
	server->reserve = -1;
	fd = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd >= 0) {
		failure_set(&failure, -EAGAIN, "vfiod has no free file descriptor; try again later");
		turn_away(server, fd, &failure);
	}
	open_reserve(server);
	return fd >= 0;
}

/* They stay in the queue for a while. */
static void pause_listener(struct listener *listener)
{
	static const struct timeval pause = { .tv_usec = 100000 };

	/* to spin is better than to be deaf for good */
	if (!evtimer_add(listener->retry, &pause))
		event_del(listener->readable);
}

/*
 * Without a free descriptor one is told so by means of the reserve.  Where that does not help either the connection
 * stays in the queue: to try again at once would only spin.
 */
static void accept_failed(struct listener *listener, int err)
{
	if (bucket_take(&listener->server->shortage, clock_us(), 10000000, 1))
		log_line(LOG_ERR, "no connection can be taken: %s", strerror(err));
	if ((err == EMFILE || err == ENFILE) && use_reserve(listener))
		return;
	pause_listener(listener);
}

/* Not all that are there: others have requests, and who connects without end must not keep us here. */
static void take_connections(evutil_socket_t fd, short what, void *data)
{
	struct listener *listener = data;

	(void)what;
	if (listener->socket == VFIOD_ON_PUB && workers_busy(listener->server->daemon->closers) > CLOSING_MAX) {
		pause_listener(listener);
		return;
	}
	for (int i = 0; i < ACCEPT_MAX; i++) {
		int made = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (made >= 0) {
			accepted(listener, made);
		} else if (errno != EINTR && errno != ECONNABORTED) {
			if (errno != EAGAIN)
				accept_failed(listener, errno);
			else
				listener->no_fds = listener->wants_none;
			return;
		}
	}
}

static void accept_again(evutil_socket_t fd, short what, void *data)
{
	struct listener *listener = data;

	(void)fd;
	(void)what;
	open_reserve(listener->server);
	event_add(listener->readable, NULL);
}

/* ---- sockets ---- */

/* Who starts it by hand may not be root, or want another folder. */
static const char *what_to_do(int err)
{
	return err == -EACCES || err == -EPERM ? "start it as root, or its service: systemctl start vfiod"
					       : "another folder can be given with --runtime-dir";
}

/* Everybody has to get through to the public socket, whatever our umask is. */
static int make_dir(const char *path, struct failure *failure)
{
	mode_t before = umask(0022);
	int err = mkdir(path, 0755) && errno != EEXIST ? -errno : 0;

	umask(before);
	return err ? failure_set(failure, err, "cannot make %s: %s; %s", path, strerror(-err), what_to_do(err)) : 0;
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
		return failure_set(failure, -errno, "cannot open %s: %s; %s", path, strerror(errno),
				   what_to_do(-errno));
	if (flock(fd, LOCK_EX | LOCK_NB)) {
		close(fd);
		return failure_set(
			failure, -EBUSY,
			"another vfiod runs already (it has %s locked); end that first: systemctl stop vfiod", path);
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
	/* no thread has work yet that the mask could bother; a chmod() afterwards would leave a moment between */
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
		lstat(full, &listener->made);
	} else {
		evutil_make_socket_nonblocking(fd);
	}
	/* an older kernel knows it not; and who had connected before may have sent files already */
	listener->wants_none = !setsockopt(fd, SOL_SOCKET, SO_PASSRIGHTS, &(int){ 0 }, sizeof(int));
	listener->fd = fd;
	listener->retry = evtimer_new(base, accept_again, listener);
	listener->readable = event_new(base, fd, EV_READ | EV_PERSIST, take_connections, listener);
	if (!listener->retry || !listener->readable || event_add(listener->readable, NULL))
		return failure_set(failure, -ENOMEM, "out of memory");
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
	made->reserve = -1;
	open_reserve(made);
	for (int i = 0; i < 2; i++)
		made->listeners[i] = (struct listener){ .server = made, .fd = -1 };
	made->listeners[0].socket = VFIOD_ON_PUB;
	made->listeners[1].socket = VFIOD_ON_ADMIN;
	made->limits = limits_new(tell_left_out);
	err = made->limits ? listen_on_both(made, runtime_dir, failure)
			   : failure_set(failure, -ENOMEM, "out of memory");
	if (err) {
		server_free(made);
		return err;
	}
	*server = made;
	return 0;
}

/* Somebody else may have put something in its place. */
static void remove_socket(const struct listener *listener)
{
	struct stat now;

	if (!lstat(listener->path, &now) && now.st_dev == listener->made.st_dev && now.st_ino == listener->made.st_ino)
		unlink(listener->path);
}

void server_free(struct server *server)
{
	struct client *client;

	if (!server)
		return;
	for (uint64_t slot = 0; slot < CLIENT_SLOTS; slot++)
		while ((client = LIST_FIRST(&server->clients[slot])))
			client_free(client); /* NOLINT(clang-analyzer-unix.Malloc): it takes itself out of the list */
	LIST_FOREACH (client, &server->closing, next)
		client->server = NULL;
	for (int i = 0; i < 2; i++) {
		struct listener *listener = &server->listeners[i];

		if (listener->readable)
			event_free(listener->readable);
		if (listener->retry)
			event_free(listener->retry);
		if (listener->fd >= 0)
			close(listener->fd);
		if (listener->path[0])
			remove_socket(listener);
	}
	if (server->reserve >= 0)
		close(server->reserve);
	limits_free(server->limits);
	free(server);
}
