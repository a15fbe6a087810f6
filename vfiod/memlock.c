/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vfiod/memlock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

struct memlock {
	struct memlock *next;
	pid_t pid;
	int pidfd;
	unsigned int leases;
	struct rlimit before, set;
};

/* A pidfd is readable when its process has ended; until it has been waited for its number is nobody else's. */
static bool has_ended(int pidfd)
{
	struct pollfd end = { .fd = pidfd, .events = POLLIN };

	return poll(&end, 1, 0) != 0;
}

static bool is_same(const struct rlimit *a, const struct rlimit *b)
{
	return a->rlim_cur == b->rlim_cur && a->rlim_max == b->rlim_max;
}

static rlim_t lower(rlim_t a, rlim_t b)
{
	return a < b ? a : b; /* RLIM_INFINITY is the highest */
}

/*
 * What a process has of its own will and right: @before, but for what it has made of the limit since that was @set.  It
 * may choose any soft limit up to the hard one that it had, and a lower hard one.
 */
static struct rlimit own_limit(const struct rlimit *now, const struct rlimit *set, const struct rlimit *before)
{
	struct rlimit own = { .rlim_max = lower(now->rlim_max, before->rlim_max) };

	own.rlim_cur = lower(now->rlim_cur == set->rlim_cur ? before->rlim_cur : now->rlim_cur, own.rlim_max);
	return own;
}

static void put_down(const struct memlock *raised)
{
	struct rlimit now, own;

	if (prlimit(raised->pid, RLIMIT_MEMLOCK, NULL, &now))
		return;
	own = own_limit(&now, &raised->set, &raised->before);
	prlimit(raised->pid, RLIMIT_MEMLOCK, &own, NULL);
}

/* Sets the limit back to @before, where it is what we have @set: a process that we took for another one's. */
static void put_back(pid_t pid, const struct rlimit *set, const struct rlimit *before)
{
	struct rlimit now;

	if (!prlimit(pid, RLIMIT_MEMLOCK, NULL, &now) && is_same(&now, set))
		prlimit(pid, RLIMIT_MEMLOCK, before, NULL);
}

/* prlimit(2) takes a number: what has it is looked at before and after. */
static int set_limit(pid_t pid, int pidfd, const struct rlimit *before, const struct rlimit *set)
{
	if (has_ended(pidfd))
		return -ESRCH;
	if (prlimit(pid, RLIMIT_MEMLOCK, set, NULL))
		return -errno;
	if (!has_ended(pidfd))
		return 0;
	put_back(pid, set, before);
	return -ESRCH;
}

static struct memlock *find(struct memlock *list, pid_t pid)
{
	while (list && (list->pid != pid || has_ended(list->pidfd)))
		list = list->next;
	return list;
}

static struct memlock *add(struct memlock **list, pid_t pid, int pidfd)
{
	struct memlock *made = calloc(1, sizeof(*made));

	if (!made)
		return NULL;
	made->pid = pid;
	made->pidfd = fcntl(pidfd, F_DUPFD_CLOEXEC, 0);
	if (made->pidfd < 0) {
		free(made);
		return NULL;
	}
	made->next = *list;
	*list = made;
	return made;
}

static void take_out(struct memlock **list, struct memlock *raised)
{
	while (*list != raised)
		list = &(*list)->next;
	*list = raised->next;
	close(raised->pidfd);
	free(raised);
}

int memlock_raise(struct memlock **list, pid_t pid, int pidfd, uint64_t limit, struct memlock **raised)
{
	struct memlock *found = find(*list, pid);
	struct rlimit now, wanted;
	int err;

	/* a process that we cannot see has no number, and 0 would be our own */
	if (pid <= 0)
		return -ESRCH;
	if (prlimit(pid, RLIMIT_MEMLOCK, NULL, &now))
		return -errno;
	wanted.rlim_cur = now.rlim_cur > limit ? now.rlim_cur : limit;
	wanted.rlim_max = now.rlim_max > limit ? now.rlim_max : limit;
	if (!found && is_same(&now, &wanted)) {
		*raised = NULL;
		return has_ended(pidfd) ? -ESRCH : 0;
	}
	if (!found && !(found = add(list, pid, pidfd)))
		return -ENOMEM;
	err = set_limit(pid, pidfd, &now, &wanted);
	if (err) {
		if (!found->leases)
			take_out(list, found);
		return err;
	}
	found->before = found->leases ? own_limit(&now, &found->set, &found->before) : now;
	found->set = wanted;
	found->leases++;
	*raised = found;
	return 0;
}

void memlock_drop(struct memlock **list, struct memlock *raised)
{
	if (!raised || --raised->leases)
		return;
	if (!has_ended(raised->pidfd))
		put_down(raised);
	take_out(list, raised);
}
