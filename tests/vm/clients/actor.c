/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/vm/clients/actor.h"

#include "tests/vm/clients/expect.h"

#include <grp.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

struct request {
	long (*what)(long argument);
	long argument;
};

static int by_number(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

static void close_others(const int *fds, size_t count, int socket)
{
	int keep[16] = { 0, 1, 2, socket };
	size_t kept = 4;

	expect(count <= 12);
	memcpy(keep + kept, fds, count * sizeof(*fds));
	kept += count;
	qsort(keep, kept, sizeof(*keep), by_number);
	for (size_t i = 0; i < kept; i++) {
		unsigned int first = (unsigned int)keep[i] + 1, last = i + 1 < kept ? (unsigned int)keep[i + 1] : ~0u;

		if (first < last)
			expect(!close_range(first, last == ~0u ? last : last - 1, 0));
	}
}

static void become(uid_t uid)
{
	expect(!setgroups(0, NULL) && !setresgid(uid, uid, uid) && !setresuid(uid, uid, uid));
	/* a change of user forgets it */
	expect(!prctl(PR_SET_PDEATHSIG, SIGKILL));
}

static void serve(int socket)
{
	struct request request;

	while (recv(socket, &request, sizeof(request), 0) == sizeof(request)) {
		long result = request.what(request.argument);

		expect(send(socket, &result, sizeof(result), 0) == sizeof(result));
	}
	_exit(0);
}

struct actor actor_start(uid_t uid, const int *fds, size_t count)
{
	struct actor actor;
	int ends[2];

	expect(!socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends));
	actor.pid = fork();
	expect(actor.pid >= 0);
	if (!actor.pid) {
		close_others(fds, count, ends[1]);
		become(uid);
		serve(ends[1]);
	}
	close(ends[1]);
	actor.socket = ends[0];
	return actor;
}

void actor_tell(const struct actor *actor, long (*what)(long argument), long argument)
{
	const struct request request = { .what = what, .argument = argument };

	expect(send(actor->socket, &request, sizeof(request), MSG_NOSIGNAL) == sizeof(request));
}

long actor_answer(const struct actor *actor)
{
	long result;

	expect(recv(actor->socket, &result, sizeof(result), 0) == sizeof(result));
	return result;
}

long actor_ask(const struct actor *actor, long (*what)(long argument), long argument)
{
	actor_tell(actor, what, argument);
	return actor_answer(actor);
}

void actor_stop(const struct actor *actor)
{
	char path[64], state = 0;

	expect(!kill(actor->pid, SIGSTOP));
	snprintf(path, sizeof(path), "/proc/%d/stat", actor->pid);
	while (state != 'T') {
		FILE *stat = fopen(path, "r");

		expect(stat && fscanf(stat, "%*d (%*[^)]) %c", &state) == 1 && !fclose(stat));
	}
}

void actor_end(struct actor *actor)
{
	kill(actor->pid, SIGKILL);
	expect(waitpid(actor->pid, NULL, 0) == actor->pid);
	close(actor->socket);
}
