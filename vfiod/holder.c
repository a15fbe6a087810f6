/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vfiod/holder.h"

#include "proto/address.h"
#include "vfiod/daemon.h"
#include "vfiod/log.h"
#include "vfiod/peer.h"
#include "vfiod/revoke.h"
#include "vfiod/server.h"

#include <errno.h>
#include <event2/event.h>
#include <string.h>
#include <unistd.h>

static void is_over(struct device *device)
{
	char text[PROTO_ADDRESS_LEN];

	if (device->state != VFIOD_LEASED)
		return;
	log_line(LOG_INFO, "%s: the process and the connection that asked for lease %llu of user %u are gone",
		 proto_address_format(device->facts.address, text), (unsigned long long)device->lease.id,
		 device->lease.uid);
	revoke_start(device->daemon, device);
}

static void process_ended(evutil_socket_t pidfd, short what, void *data)
{
	(void)pidfd;
	(void)what;
	is_over(data);
}

/* The handles alone count. */
static void not_watched(const struct device *device, int err)
{
	char text[PROTO_ADDRESS_LEN];

	log_line(LOG_WARNING, "%s: vfiod will not hear when process %u ends, which asked for lease %llu: %s",
		 proto_address_format(device->facts.address, text), device->lease.pid,
		 (unsigned long long)device->lease.id, strerror(-err));
}

/* @pidfd: is taken over */
static void watch_process(struct device *device, int pidfd)
{
	device->lease.process = event_new(device->daemon->base, pidfd, EV_READ, process_ended, device);
	if (device->lease.process && !event_add(device->lease.process, NULL))
		return;
	not_watched(device, -ENOMEM);
	if (device->lease.process)
		holder_end(device);
	else
		close(pidfd);
}

static void connection_ended(struct device *device, const struct client *client)
{
	int pidfd = client_pidfd(client);

	if (pidfd >= 0)
		watch_process(device, pidfd);
	else if (pidfd == -ESRCH)
		is_over(device);
	else
		not_watched(device, pidfd);
}

void holder_disconnected(struct daemon *daemon, struct client *client)
{
	struct device *device = NULL;

	while ((device = devices_held_by(&daemon->devices, client_peer(client)->uid, device)))
		if (device->lease.client == client_serial(client) && device->lease.by_handles &&
		    device->state == VFIOD_LEASED)
			connection_ended(device, client);
}

void holder_resume(struct device *device)
{
	const struct peer peer = { .uid = device->lease.uid, .pid = (pid_t)device->lease.pid };
	int pidfd = device->lease.by_handles ? peer_pidfd_by_number(&peer) : -ESRCH;

	if (pidfd >= 0)
		watch_process(device, pidfd);
}

void holder_end(struct device *device)
{
	int pidfd;

	if (!device->lease.process)
		return;
	pidfd = event_get_fd(device->lease.process);
	event_free(device->lease.process);
	close(pidfd);
	device->lease.process = NULL;
}
