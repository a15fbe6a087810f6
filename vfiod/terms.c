/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vfiod/terms.h"

#include "proto/address.h"
#include "vfiod/clock.h"
#include "vfiod/config.h"
#include "vfiod/daemon.h"
#include "vfiod/lease.h"
#include "vfiod/log.h"
#include "vfiod/memlock.h"
#include "vfiod/peer.h"
#include "vfiod/revoke.h"
#include "vfiod/server.h"

#include <errno.h>
#include <event2/event.h>
#include <string.h>
#include <unistd.h>

/* From this version of the protocol on a client knows that a lease may have a time. */
#define SINCE_VERSION 3

static uint64_t left_ms(const struct lease *lease)
{
	uint64_t now = clock_ms();

	return lease->until_ms > now ? lease->until_ms - now : 0;
}

/* One whose end has been announced already has the time that was announced. */
static void time_is_over(evutil_socket_t fd, short what, void *data)
{
	static const struct timeval moment = { .tv_usec = 100000 };
	struct device *device = data;
	const struct log_about about = {
		.device = &device->facts.address,
		.uid = &device->lease.uid,
		.lease = device->lease.id,
	};
	char text[PROTO_ADDRESS_LEN];

	(void)fd;
	(void)what;
	if (device->state == VFIOD_GRANTING)
		evtimer_add(device->lease.term, &moment); /* it has just been in use: that takes no memory */
	if (device->state != VFIOD_LEASED || device->lease.deadline)
		return;
	log_event(LOG_EVENT_TIME_IS_UP, &about, "%s: the time of lease %llu of user %u is over",
		  proto_address_format(device->facts.address, text), (unsigned long long)device->lease.id,
		  device->lease.uid);
	revoke_announce(device->daemon, device, device->daemon->config->revoke_grace * 1000);
}

/* Return: 0, or -ENOMEM: nobody would see to its end. */
static int start_timer(struct daemon *daemon, struct device *device)
{
	uint64_t left = left_ms(&device->lease);
	const struct timeval wait = { .tv_sec = (time_t)(left / 1000), .tv_usec = (suseconds_t)(left % 1000) * 1000 };

	if (!device->lease.until_ms)
		return 0;
	device->lease.term = evtimer_new(daemon->base, time_is_over, device);
	return !device->lease.term || evtimer_add(device->lease.term, &wait) ? -ENOMEM : 0;
}

int terms_set(struct daemon *daemon, struct device *device)
{
	const struct rule *rule = policy_rule(daemon->config, &device->facts);

	device->lease.until_ms = rule && rule->lease_time ? clock_ms() + rule->lease_time * 1000ull : 0;
	return start_timer(daemon, device);
}

static void raise_memlock(struct daemon *daemon, struct device *device, const struct client *client)
{
	const struct rule *rule = policy_rule(daemon->config, &device->facts);
	const struct peer *peer = client ? client_peer(client) : NULL;
	int pidfd, err;

	if (!peer || !rule || !rule->memlock)
		return;
	pidfd = client_pidfd(client);
	err = pidfd < 0 ? pidfd
			: memlock_raise(&daemon->memlock, peer->pid, pidfd, rule->memlock, &device->lease.memlock);
	if (pidfd >= 0)
		close(pidfd);
	if (err)
		log_line(LOG_WARNING,
			 "process %d of user %u has lease %llu, but its limit of locked memory stays as it "
			 "is: %s",
			 (int)peer->pid, (unsigned)peer->uid, (unsigned long long)device->lease.id, strerror(-err));
}

void terms_begin(struct daemon *daemon, struct device *device, const struct client *client)
{
	raise_memlock(daemon, device, client);
}

void terms_tell(struct daemon *daemon, struct device *device)
{
	const struct client *client = daemon->server ? server_client(daemon->server, device->lease.client) : NULL;

	if (device->lease.until_ms && client && client_version(client) >= SINCE_VERSION)
		lease_tell(daemon, device, VFIOD_LEASE_LIMITED, (uint32_t)left_ms(&device->lease));
}

void terms_resume(struct daemon *daemon, struct device *device)
{
	if (start_timer(daemon, device))
		time_is_over(-1, EV_TIMEOUT, device);
}

void terms_end(struct daemon *daemon, struct device *device)
{
	if (device->lease.term)
		event_free(device->lease.term);
	device->lease.term = NULL;
	memlock_drop(&daemon->memlock, device->lease.memlock);
	device->lease.memlock = NULL;
}
