/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vfiod/device.h"

#include "vfiod/holder.h"
#include "vfiod/serial.h"
#include "vfiod/sriov.h"

#include <errno.h>
#include <event2/event.h>
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

static struct device_list *group_slot(struct devices *devices, uint32_t group)
{
	return &devices->by_group[group % DEVICES_SLOTS];
}

struct device *devices_by_lease(const struct devices *devices, uint64_t lease)
{
	struct device *device;

	LIST_FOREACH (device, &devices->by_lease[lease % DEVICES_SLOTS], by_lease)
		if (device->lease.id == lease)
			return device;
	return NULL;
}

struct device *devices_in_group(const struct devices *devices, uint32_t group, const struct device *before)
{
	struct device *device =
		before ? LIST_NEXT(before, by_group) : LIST_FIRST(&devices->by_group[group % DEVICES_SLOTS]);

	while (device && device->facts.group != group)
		device = LIST_NEXT(device, by_group);
	return device;
}

struct device *devices_held_by(const struct devices *devices, uint32_t uid, const struct device *before)
{
	struct device *device =
		before ? LIST_NEXT(before, by_holder) : LIST_FIRST(&devices->by_holder[uid % DEVICES_SLOTS]);

	while (device && device->lease.uid != uid)
		device = LIST_NEXT(device, by_holder);
	return device;
}

void device_lease(struct device *device, uint64_t id, uint32_t uid)
{
	struct devices *devices = device->devices;

	device_unlease(device);
	device->lease.id = id;
	device->lease.uid = uid;
	LIST_INSERT_HEAD(&devices->by_lease[id % DEVICES_SLOTS], device, by_lease);
	LIST_INSERT_HEAD(&devices->by_holder[uid % DEVICES_SLOTS], device, by_holder);
}

void device_watch(struct device *device, int watch)
{
	device->lease.watch = watch;
	LIST_INSERT_HEAD(&device->devices->by_watch[(unsigned int)watch % DEVICES_SLOTS], device, by_watch);
}

struct device *devices_by_watch(const struct devices *devices, int watch)
{
	struct device *device;

	LIST_FOREACH (device, &devices->by_watch[(unsigned int)watch % DEVICES_SLOTS], by_watch)
		if (device->lease.watch == watch)
			return device;
	return NULL;
}

void device_unlease(struct device *device)
{
	holder_end(device);
	if (device->lease.watch)
		LIST_REMOVE(device, by_watch);
	if (device->lease.id) {
		LIST_REMOVE(device, by_lease);
		LIST_REMOVE(device, by_holder);
	}
	memset(&device->lease, 0, sizeof(device->lease));
}

static struct device *device_new(struct devices *devices, const struct facts *facts)
{
	struct device *device = calloc(1, sizeof(*device));

	if (!device)
		return NULL;
	device->daemon = devices->daemon;
	device->devices = devices;
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

/* A virtual function stays one: the kernel removes its link to the physical one before it takes it from its driver. */
static void keep_parent(struct facts *facts, const struct facts *before)
{
	facts->is_virtual = true;
	facts->physical_function = before->physical_function;
	memcpy(facts->path, before->path, sizeof(facts->path));
}

/* Once in its life, so that want of something must not pass for a function that has none of it. */
static int read_config_space(struct facts *facts)
{
	int err = 0;

	if (!facts->serial)
		err = serial_read(facts->address, &facts->serial);
	if (!facts_is_want(-err) && !facts->isolation.is_known)
		err = isolation_read(facts->address, &facts->isolation);
	return facts_is_want(-err) ? err : 0;
}

int devices_put(struct devices *devices, const struct facts *facts)
{
	size_t i = devices_from(devices, facts->address);
	struct device *device = devices_find(devices, facts->address);
	int err;

	if (device) {
		const struct facts before = device->facts;

		LIST_REMOVE(device, by_group);
		device->facts = *facts;
		LIST_INSERT_HEAD(group_slot(devices, facts->group), device, by_group);
		if (!facts->host_driver[0])
			facts_note_host_driver(&device->facts, before.host_driver);
		device->facts.serial = before.serial;
		/* it may have gone, and this be another one: then that is yet to be told */
		device->facts.seen = before.seen;
		device->facts.isolation = before.isolation;
		memcpy(device->facts.pool, before.pool, sizeof(before.pool));
		if (before.is_virtual)
			keep_parent(&device->facts, &before);
		return 0;
	}
	if (make_room(devices))
		return -ENOMEM;
	device = device_new(devices, facts);
	if (!device)
		return -ENOMEM;
	err = read_config_space(&device->facts);
	if (err) {
		free(device);
		return err;
	}
	memmove(&devices->list[i + 1], &devices->list[i], (devices->count - i) * sizeof(devices->list[0]));
	devices->list[i] = device;
	devices->count++;
	LIST_INSERT_HEAD(group_slot(devices, facts->group), device, by_group);
	return 0;
}

/* What there still is of those where vfiod ends: its leases go on. */
static void free_events(const struct device *device)
{
	struct event *const events[] = { device->unplug, device->lease.term, device->lease.deadline };

	for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++)
		if (events[i])
			event_free(events[i]);
}

void devices_remove(struct devices *devices, struct device *device)
{
	size_t i = devices_from(devices, device->facts.address);

	devices->count--;
	memmove(&devices->list[i], &devices->list[i + 1], (devices->count - i) * sizeof(devices->list[0]));
	devices->warm -= device->counted_warm;
	free_events(device);
	device_unlease(device);
	LIST_REMOVE(device, by_group);
	sriov_free(device->set);
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

struct device *devices_quarantined_sibling(const struct devices *devices, const struct device *device)
{
	struct device *other = NULL;

	if (device->facts.group == VFIOD_NONE)
		return NULL;
	while ((other = devices_in_group(devices, device->facts.group, other)))
		if (other != device && other->state == VFIOD_QUARANTINED)
			return other;
	return NULL;
}

struct device *devices_occupied_sibling(const struct devices *devices, const struct device *device)
{
	struct device *other = NULL;

	if (device->facts.group == VFIOD_NONE)
		return NULL;
	while ((other = devices_in_group(devices, device->facts.group, other)))
		if (other != device && ((device_is_busy(other) && !other->parked) || other->state == VFIOD_LEASED ||
					other->files.device >= 0))
			return other;
	return NULL;
}
