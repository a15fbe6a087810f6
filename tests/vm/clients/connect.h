/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLIENTS_CONNECT_H
#define CLIENTS_CONNECT_H

#include "proto/conn.h"

/* What clients share that speak the protocol by hand. None of it gives up in silence: what goes wrong in the client
 * itself ends it with a line on stderr. */

/** connect_to() - a connection to the socket at @path, on which nothing has been said. */
struct proto_conn connect_to(const char *path);

/** send_hello() - the first request. Return: as proto_conn_send(). */
int send_hello(struct proto_conn *conn);

/** send_acquire() - ask for the function at @address. Return: as proto_conn_send(). */
int send_acquire(struct proto_conn *conn, const char *address);

/** receive() - the next reply, its descriptors accepted. Return: as proto_conn_recv(). */
int receive(struct proto_conn *conn, struct proto_msg *msg);

/** greeted() - a connection on which HELLO has been agreed on. */
struct proto_conn greeted(const char *path);

/** error_of() - the errno of an error reply, or 0. */
int error_of(struct proto_msg *msg);

/** give_up() - say what went wrong, and end. */
void give_up(const char *what) __attribute__((noreturn));

#endif
