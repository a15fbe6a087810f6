/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLIENTS_STALLING_H
#define CLIENTS_STALLING_H

/* How a client (client.h) keeps an operation on its handles in the kernel; vm.unprivileged_userfaultfd has to be 1. */
enum {
	STALL_READ,
	STALL_WRITE,
	STALL_DEVICE_IOCTL,
	STALL_CONTAINER_IOCTL,
};

/** make_page_that_never_comes() - for each process once, before it stalls. */
long make_page_that_never_comes(long unused);

/** begin_to_stall() - in a thread of its own; returns when that is stuck in the kernel. */
long begin_to_stall(long way);

#endif
