/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vfiod/device.h"

#include "vfiod/serial.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

size_t devices_from(const struct devices *devices, uint64_t address)
{
	size_t low = 0, high = devices->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (devices->list[middle]->facts.address < address)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct device *devices_find(const struct devices *devices, uint64_t address)
{
	size_t i = devices_from(devices, address);

	return i < devices->count && devices->list[i]->facts.address == address ? devices->list[i] : NULL;
}

struct device *devices_by_lease(const struct devices *devices, uint64_t lease)
{
	for (size_t i = 0; i < devices->count; i++)
		if (lease && devices->list[i]->lease.id == lease)
			return devices->list[i];
	return NULL;
}

static struct device *device_new(struct daemon *daemon, const struct facts *facts)
{
	struct device *device = calloc(1, sizeof(*device));

	if (!device)
		return NULL;
	device->daemon = daemon;
	device->facts = *facts;
	device->state = VFIOD_UNMANAGED;
	device->owner = (struct owner){ VFIOD_NONE, VFIOD_NONE };
	device->files = VFIO_NO_FILES;
	TAILQ_INIT(&device->waiting);
	return device;
}

static int make_room(struct devices *devices)
{
	size_t room = devices->room ? devices->room * 2 : 64;
	struct device **list;

	if (devices->count < devices->room)
		return 0;
	list = reallocarray(devices->list, room, sizeof(list[0]));
	if (!list)
		return -ENOMEM;
	devices->list = list;
	devices->room = room;
	return 0;
}

int devices_put(struct devices *devices, const struct facts *facts)
{
	size_t i = devices_from(devices, facts->address);
	struct device *device = devices_find(devices, facts->address);

	if (device) {
		const struct facts before = device->facts;

		device->facts = *facts;
		if (!facts->host_driver[0])
			facts_note_host_driver(&device->facts, before.host_driver);
		device->facts.serial = before.serial;
		return 0;
	}
	if (make_room(devices))
		return -ENOMEM;
	device = device_new(devices->daemon, facts);
	if (!device)
		return -ENOMEM;
	if (!device->facts.serial)
		device->facts.serial = serial_read(facts->address);
	memmove(&devices->list[i + 1], &devices->list[i], (devices->count - i) * sizeof(devices->list[0]));
	devices->list[i] = device;
	devices->count++;
	return 0;
}

void devices_remove(struct devices *devices, struct device *device)
{
	size_t i = devices_from(devices, device->facts.address);

	devices->count--;
	memmove(&devices->list[i], &devices->list[i + 1], (devices->count - i) * sizeof(devices->list[0]));
	free(device);
}

void devices_free(struct devices *devices)
{
	while (devices->count)
		devices_remove(devices, devices->list[devices->count - 1]);
	free(devices->list);
	memset(devices, 0, sizeof(*devices));
}

bool device_is_busy(const struct device *device)
{
	return device->state == VFIOD_ASSIGNING || device->state == VFIOD_GRANTING || device->state == VFIOD_REVOKING ||
	       device->state == VFIOD_UNASSIGNING || device->state == VFIOD_WARMING;
}

struct device *devices_occupied_sibling(const struct devices *devices, const struct device *device)
{
	for (size_t i = 0; i < devices->count; i++) {
		struct device *other = devices->list[i];

		if (other != device && other->facts.group == device->facts.group && device->facts.group != VFIOD_NONE &&
		    ((device_is_busy(other) && !other->parked) || other->state == VFIOD_LEASED ||
		     other->files.device >= 0))
			return other;
	}
	return NULL;
}
