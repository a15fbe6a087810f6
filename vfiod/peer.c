/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vfiod/peer.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static int read_groups(int fd, struct peer *peer)
{
	socklen_t size = 0;

	/* asked with no room, the kernel says how much it needs */
	if (!getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, NULL, &size))
		return 0;
	if (errno != ERANGE)
		return -errno;
	peer->groups = malloc(size);
	if (!peer->groups)
		return -ENOMEM;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, peer->groups, &size))
		return -errno;
	peer->group_count = size / sizeof(peer->groups[0]);
	return 0;
}

/* Some modules end it with a NUL, some with nothing, and AppArmor once did with a newline. */
static void read_label(int fd, struct peer *peer)
{
	socklen_t size = sizeof(peer->label) - 1;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERSEC, peer->label, &size))
		size = 0; /* no such module, or a label that is too long to be named by a rule */
	peer->label[size] = '\0';
	peer->label[strcspn(peer->label, "\n")] = '\0';
}

int peer_read(int fd, struct peer *peer)
{
	struct peer found = { 0 };
	struct ucred cred;
	socklen_t size = sizeof(cred);
	int err;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &size))
		return -errno;
	found.uid = cred.uid;
	found.gid = cred.gid;
	found.pid = cred.pid;
	read_label(fd, &found);
	err = read_groups(fd, &found);
	if (err) {
		peer_free(&found);
		return err;
	}
	*peer = found;
	return 0;
}

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77
#endif

static bool is_running(int pidfd)
{
	struct pollfd end = { .fd = pidfd, .events = POLLIN };

	return poll(&end, 1, 0) == 0;
}

/* Of one that runs; as far as /proc shows it. */
static bool is_of(int pidfd, pid_t pid, uid_t uid)
{
	char path[32];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%d", (int)pid);
	if (!stat(path, &st))
		return st.st_uid == uid;
	return errno == ENOENT && is_running(pidfd);
}

int peer_pidfd_by_number(const struct peer *peer)
{
	int pidfd = (int)syscall(SYS_pidfd_open, peer->pid, 0);

	if (pidfd < 0)
		return -errno;
	if (is_of(pidfd, peer->pid, peer->uid))
		return pidfd;
	close(pidfd);
	return -EPERM;
}

int peer_pidfd(int fd, const struct peer *peer)
{
	int pidfd;
	socklen_t size = sizeof(pidfd);

	if (!getsockopt(fd, SOL_SOCKET, SO_PEERPIDFD, &pidfd, &size))
		return pidfd;
	if (errno == EINVAL) /* what Linux says of one that has ended and was waited for, at first (pidfd_prepare()) */
		return -ESRCH;
	return errno == ENOPROTOOPT ? peer_pidfd_by_number(peer) : -errno;
}

void peer_free(struct peer *peer)
{
	free(peer->groups);
	peer->groups = NULL;
	peer->group_count = 0;
}

bool peer_in_group(const struct peer *peer, gid_t gid)
{
	if (peer->gid == gid)
		return true;
	for (size_t i = 0; i < peer->group_count; i++)
		if (peer->groups[i] == gid)
			return true;
	return false;
}
