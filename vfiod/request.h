/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIOD_REQUEST_H
#define VFIOD_REQUEST_H

#include "proto/conn.h"
#include "vfiod/failure.h"
#include "vfiod/state.h"

#include <stdbool.h>
#include <sys/queue.h>

struct client;
struct daemon;
struct device;
struct event;
struct request_queue;
struct peer;

/* A request from its arrival to its one answer. Whoever has it has to answer it, or to have it wait. */
struct request {
	struct daemon *daemon;
	struct client *client; /* NULL: gone, and nobody to answer */
	const struct proto_op *op;
	uint64_t cookie;
	uint64_t begun;	  /* clock_us() */
	bool has_address; /* it is about a function */
	uint64_t address;
	uint64_t lease;		  /* that a REVOKE is about, which may wait; 0: of no lease yet */
	struct device *waits_for; /* in whose queue it is; NULL: in none */
	struct event *deadline;	  /* of a RELEASE, or NULL */
	TAILQ_ENTRY(request) next;
	union {
#define X(opcode, NAME, name, sockets, fds) struct vfiod_##name##_req name;
		VFIOD_OPS(X)
#undef X
	} body;
};

/**
 * request_new() - take a checked message over.
 * @msg: a request of @op's size
 * Return: the request, or NULL without memory.
 */
struct request *request_new(struct daemon *daemon, struct client *client, const struct proto_op *op,
			    struct proto_msg *msg);

/** request_run() - call the operation's handler. It answers the request, now or later, or has it wait. */
void request_run(struct request *request);

/** request_peer() - who asks; NULL when the client is gone. */
const struct peer *request_peer(const struct request *request);

/** request_reply() - answer and free it. @fds stay the caller's. */
void request_reply(struct request *request, const void *body, size_t length, const int *fds, unsigned int fd_count);

/** request_refuse() - answer with an error and free it. */
void request_refuse(struct request *request, const struct failure *failure);

/** request_wait() - run it again when @device has settled. */
void request_wait(struct request *request, struct device *device);

/** request_resume() - run all of @waiting. */
void request_resume(struct request_queue *waiting);

/** request_abandon() - its client is gone. */
void request_abandon(struct request *request);

/**
 * request_find() - the function that a request is about.
 * Return: NULL when there is none; the request is answered then.
 */
struct device *request_find(struct request *request, uint64_t address);

/** request_check_pool() - whether the name of a pool that a request has can be one, or is empty. */
int request_check_pool(const char name[VFIOD_NAME_MAX], struct failure *failure);

/**
 * request_step() - may @event happen to @device now?
 *
 * As decide_step() says; what is held open in advance and is in the way is closed for it.
 *
 * Return: true, and the step is the caller's to take; false when the request waits or was refused.
 */
bool request_step(struct request *request, struct device *device, enum state_event event);

/* The handlers, each in the file of its subject. What they get is checked: sizes, reserved bits, the socket. */
#define X(opcode, NAME, name, sockets, fds) \
	void request_##name(struct request *request, const struct vfiod_##name##_req *body);
VFIOD_OPS(X)
#undef X

#endif
