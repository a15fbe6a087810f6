/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIOD_PEER_H
#define VFIOD_PEER_H

#include <stdbool.h>
#include <sys/types.h>

#define PEER_LABEL_MAX 256

/* Who is at the other end of a connection: what the kernel said when it was made. The pid is for messages only. */
struct peer {
	uid_t uid;
	gid_t gid;
	pid_t pid;
	gid_t *groups; /* supplementary, the peer's to free */
	size_t group_count;
	char label[PEER_LABEL_MAX]; /* of SELinux, AppArmor …, as in /proc/PID/attr/current; empty: none, or a longer
				       one */
};

/**
 * peer_read() - ask the kernel for the credentials of a connected socket (unix(7), SO_PEERCRED, SO_PEERGROUPS,
 * SO_PEERSEC).
 * @peer: to be freed with peer_free()
 */
int peer_read(int fd, struct peer *peer);

void peer_free(struct peer *peer);

/**
 * peer_pidfd() - a descriptor of the peer's process (pidfd_open(2)).
 * @fd: the socket
 *
 * Before Linux 6.5, which has SO_PEERPIDFD, it is that of peer_pidfd_by_number().
 *
 * Return: the caller's to close; -ESRCH: it is gone; or another negative errno.
 */
int peer_pidfd(int fd, const struct peer *peer);

/**
 * peer_pidfd_by_number() - of the process that has the peer's number now, if that is the user's.
 *
 * A /proc that hides the processes of others (hidepid=, or ProtectProc= of systemd's unit) does not say whose it is. It
 * is taken for the peer's then: a limit of somebody else's that is raised does no harm (memlock.h), nor does a lease
 * that ends later than it might, when a process ends that came after its holder (holder.h).
 *
 * Return: -EPERM: it does not seem so; -ESRCH: there is none.
 */
int peer_pidfd_by_number(const struct peer *peer);

/** peer_in_group() - @gid is the peer's own or a supplementary group of it. */
bool peer_in_group(const struct peer *peer, gid_t gid);

#endif
