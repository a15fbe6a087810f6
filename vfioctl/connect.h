/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIOCTL_CONNECT_H
#define VFIOCTL_CONNECT_H

#include "vfioctl/failure.h"

#include <stdbool.h>

struct invocation;
struct vfiodma_session;

/**
 * connect_vfiod() - open the session that a command works with; a failure is told to the person.
 * @admin: for a request that only root may make
 * @session: the caller's to close, when the status is STATUS_OK
 */
enum exit_status connect_vfiod(const struct invocation *invocation, bool admin, struct vfiodma_session **session);

/** connect_status() - what vfioctl exits with when the library returned @error, 0 for one. */
enum exit_status connect_status(int error);

/** connect_failure() - tell the person why a request failed. @error: what the library returned */
enum exit_status connect_failure(const struct vfiodma_session *session, int error);

#endif
