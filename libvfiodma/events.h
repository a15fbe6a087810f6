/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIODMA_EVENTS_H
#define VFIODMA_EVENTS_H

#include "libvfiodma/lease.h"

/**
 * events_take() - note an event on its lease, until vfiodma_session_dispatch() tells the program.
 *
 * A lease can have each kind of event pending once, so that nothing has to be allocated: one that was not told yet is
 * forgotten over a newer one of its kind.
 *
 * @msg: with VFIOD_EVENT among its flags
 *
 * Return: 0, or -EBADMSG: the session has ended.
 */
int events_take(struct vfiodma_session *session, struct proto_msg *msg);

#endif
