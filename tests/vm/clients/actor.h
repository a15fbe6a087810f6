/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLIENTS_ACTOR_H
#define CLIENTS_ACTOR_H

#include <stddef.h>
#include <sys/types.h>

/* An ordinary user's process that does what it is asked to, one thing at a time. */
struct actor {
	pid_t pid;
	int socket;
};

/**
 * actor_start() - a fork of this process, as user @uid without capabilities; it keeps @fds (under the same numbers) and
 * closes all others
 */
struct actor actor_start(uid_t uid, const int *fds, size_t count);

/** actor_ask() - have it call a function of this program, and wait for what that returns. */
long actor_ask(const struct actor *actor, long (*what)(long argument), long argument);

/** actor_tell() and actor_answer() - the same in two steps. */
void actor_tell(const struct actor *actor, long (*what)(long argument), long argument);
long actor_answer(const struct actor *actor);

/** actor_stop() - by SIGSTOP: until its first thread has stopped; one in the kernel does when it leaves that. */
void actor_stop(const struct actor *actor);

/** actor_end() - kill it, and wait until it is gone. */
void actor_end(struct actor *actor);

#endif
