/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIOD_SERVER_H
#define VFIOD_SERVER_H

#include "vfiod/failure.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct client;
struct daemon;
struct peer;
struct server;

/* The two sockets and the connections to them. A connection's next request is read when the one before is answered. */

/**
 * server_new() - listen.
 * @runtime_dir: where the sockets are made, unless systemd passed them (sd_listen_fds(3), named "pub" and "admin")
 * @server: the caller's to free; that closes all connections
 */
int server_new(struct daemon *daemon, const char *runtime_dir, struct server **server, struct failure *failure);

void server_free(struct server *server);

/**
 * server_client() - the connection of this number, or NULL when it is gone.
 *
 * Who has to do with a connection later than now (a lease with the one that acquired it) keeps its number, not it.
 */
struct client *server_client(struct server *server, uint64_t serial);

/** server_connections() - how many there are. @server: NULL is fine */
unsigned int server_connections(const struct server *server);

/** client_serial() - the connection's number, which no other ever has; never 0. */
uint64_t client_serial(const struct client *client);

/** client_version() - of the protocol, as was agreed on; or VFIOD_VERSION_NONE. */
uint16_t client_version(const struct client *client);

/** client_pidfd() - of the client's process, see peer_pidfd(). */
int client_pidfd(const struct client *client);

/**
 * client_event() - tell a client what happens to its lease; it never blocks.
 * @opcode: of the event
 * @body: in wire order
 *
 * A client whose queue is full is one that does not take its answers: it is let go, from the loop, so that @client
 * stays what it is until the caller returns.
 *
 * Return: whether it was sent.
 */
bool client_event(struct client *client, uint16_t opcode, const void *body, size_t length);

/** client_may_log() - may a line be written that this client has caused? Nobody can fill the log. */
bool client_may_log(const struct client *client);

/* For request.c alone: it knows a client by these. */
const struct peer *client_peer(const struct client *client);
void client_set_version(struct client *client, uint16_t version);
void client_reply(struct client *client, uint16_t opcode, uint64_t cookie, const void *body, size_t length,
		  const int *fds, unsigned int fd_count);
void client_refuse(struct client *client, uint16_t opcode, uint64_t cookie, int error, const char *text);

#endif
