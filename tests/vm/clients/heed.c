/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A program that heeds what happens to its function, and says each event in a line on stdout.
 *
 *	heed go-on ADDRESS	answers every question so that it goes on
 *	heed reset ADDRESS	answers an error by asking for a reset, and everything else as above
 *	heed give-up ADDRESS	answers an error by giving up
 *	heed late ADDRESS	answers an error when the next event is told, which is too late
 *	heed never ADDRESS	answers nothing
 *	heed stay ADDRESS	answers nothing, and does not release what is to be removed
 *
 * It ends when its function is to be removed.
 */
#include "libvfiodma/vfiodma.h"

#include <inttypes.h>
#include <linux/vfio.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct client {
	const char *way;
	struct vfiodma_session *session;
	struct vfiodma_lease *lease;
	struct vfiodma_device *device;
	uint64_t unanswered; /* the id of an error that is to be answered too late */
	bool leave;
};

static const char *const kinds[] = {
	[VFIODMA_EVENT_REVOKE_ANNOUNCED] = "revocation",
	[VFIODMA_EVENT_REVOKED] = "revoked",
	[VFIODMA_EVENT_LOST] = "lost",
	[VFIODMA_EVENT_ERROR] = "error",
	[VFIODMA_EVENT_RESET] = "reset",
	[VFIODMA_EVENT_RESUMED] = "resumed",
	[VFIODMA_EVENT_REMOVAL] = "removal",
	[VFIODMA_EVENT_SUSPEND] = "suspend",
	[VFIODMA_EVENT_WOKEN] = "woken",
};

static const char *const severities[] = { "", " usable", " frozen", " dead" };

static bool is(const struct client *client, const char *way)
{
	return !strcmp(client->way, way);
}

static int failed(const struct client *client)
{
	fprintf(stderr, "heed: %s\n", vfiodma_session_error(client->session));
	return 1;
}

static void answer(struct client *client, uint64_t id, uint32_t verdict)
{
	if (vfiodma_lease_answer(client->lease, id, verdict))
		printf("refused: %s\n", vfiodma_session_error(client->session));
	else
		puts("answered");
}

/* The registers are there: the features of a virtio device do not read as all ones. */
static void look(struct client *client)
{
	uint32_t features = UINT32_MAX;

	if (vfiodma_region_read(client->device, VFIO_PCI_BAR4_REGION_INDEX, 4, &features, sizeof(features)))
		puts("unreachable");
	else
		puts(features == UINT32_MAX ? "all ones" : "works");
}

static void happened(void *data, const struct vfiodma_event *event)
{
	struct client *client = data;
	bool error = event->kind == VFIODMA_EVENT_ERROR;

	printf("%s%s%s\n", kinds[event->kind], severities[event->severity], event->id ? " asked" : "");
	if (client->unanswered)
		answer(client, client->unanswered, VFIODMA_GO_ON);
	client->unanswered = 0;
	if (event->kind == VFIODMA_EVENT_RESET || event->kind == VFIODMA_EVENT_RESUMED)
		look(client);
	if (error && is(client, "late"))
		client->unanswered = event->id;
	else if (event->id && !is(client, "never") && !is(client, "stay"))
		answer(client, event->id,
		       error && is(client, "reset")	? VFIODMA_NEED_RESET
		       : error && is(client, "give-up") ? VFIODMA_GIVE_UP
							: VFIODMA_GO_ON);
	if (event->kind == VFIODMA_EVENT_REMOVAL && !is(client, "stay"))
		client->leave = true;
	fflush(stdout);
}

int main(int argc, char **argv)
{
	struct client client = { .way = argv[1] };
	struct pollfd readable = { .events = POLLIN };
	int err;

	if (argc != 3) {
		fprintf(stderr, "usage: heed WAY ADDRESS\n");
		return 2;
	}
	if (vfiodma_session_open(NULL, &client.session) ||
	    vfiodma_lease_acquire(client.session, argv[2], 0, &client.lease) ||
	    vfiodma_device_open(client.lease, &client.device))
		return failed(&client);
	vfiodma_session_set_event_fn(client.session, happened, &client);
	puts("leased");
	fflush(stdout);
	readable.fd = vfiodma_session_fd(client.session);
	while (!client.leave) {
		if (poll(&readable, 1, -1) != 1 || vfiodma_session_dispatch(client.session))
			return failed(&client);
	}
	vfiodma_device_close(client.device);
	err = vfiodma_lease_release(client.lease);
	if (err)
		return failed(&client);
	puts("released");
	vfiodma_session_close(client.session);
	return 0;
}
