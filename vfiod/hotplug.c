/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vfiod/hotplug.h"

#include "proto/address.h"
#include "vfiod/assign.h"
#include "vfiod/daemon.h"
#include "vfiod/log.h"
#include "vfiod/pci_events.h"
#include "vfiod/sriov.h"
#include "vfiod/sysfs.h"

#include <dirent.h>
#include <errno.h>
#include <event2/event.h>
#include <libudev.h>
#include <limits.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct hotplug {
	struct daemon *daemon;
	struct udev_monitor *monitor;
	struct event *event;
	struct event *again; /* when all is looked for anew */
	bool lost;	     /* events were, and it has not been looked for what they were about */
};

/* Another card in the slot is another function, even if nobody told us that the one before went. */
static bool is_same(const struct facts *a, const struct facts *b)
{
	return a->vendor == b->vendor && a->device == b->device && a->subsystem_vendor == b->subsystem_vendor &&
	       a->subsystem_device == b->subsystem_device;
}

/* Return: 0, also where there is nothing to take; or what there is want of: all is as it was. */
static int take(struct daemon *daemon, struct udev_device *dev)
{
	struct device *device;
	struct facts facts;
	bool is_new;
	int err = facts_from_udev(dev, &facts);

	if (err)
		return err == -EINVAL || err == -ENODEV ? 0 : err;
	device = devices_find(&daemon->devices, facts.address);
	if (device && !is_same(&device->facts, &facts))
		daemon_device_gone(daemon, device);
	is_new = !devices_find(&daemon->devices, facts.address);
	err = devices_put(&daemon->devices, &facts);
	if (!err && (is_new || sriov_waits(device)))
		assign_appeared(daemon, devices_find(&daemon->devices, facts.address));
	return err;
}

static int take_listed(struct daemon *daemon, const char *name)
{
	struct udev_device *dev;
	uint64_t address;
	int err;

	if (proto_address_parse(name, &address))
		return 0; /* "." */
	errno = 0;
	dev = udev_device_new_from_subsystem_sysname(daemon->udev, "pci", name);
	if (!dev)
		return facts_is_want(errno) ? -errno : 0;
	err = take(daemon, dev);
	udev_device_unref(dev);
	return err;
}

/* Not by libudev, whose list is as empty where there is no memory for it as where there is nothing (ENODATA). */
static int scan(struct daemon *daemon)
{
	struct dirent **names;
	int count = scandir("/sys/bus/pci/devices", &names, NULL, alphasort), err = 0;

	if (count < 0)
		return errno == ENOENT ? 0 : -errno;
	for (int i = 0; i < count; i++) {
		if (!err)
			err = take_listed(daemon, names[i]->d_name);
		free(names[i]);
	}
	free(names);
	return err;
}

/*
 * udev may be late with it, and mean one that was at the address before what we know there.  The kernel takes a
 * function's attributes away before it numbers the "remove", so that of a function has a higher number than the last
 * event had before they could be read.  To look whether there is a function now would not do: it may be another one,
 * and then the one that we know has gone (F27).
 */
static void remove_function(struct daemon *daemon, struct udev_device *dev)
{
	struct device *device;
	uint64_t address;

	if (proto_address_parse(udev_device_get_sysname(dev), &address))
		return;
	device = devices_find(&daemon->devices, address);
	if (device && udev_device_get_seqnum(dev) > device->facts.seen)
		daemon_device_gone(daemon, device);
}

void hotplug_look_again(struct hotplug *hotplug)
{
	static const struct timeval pause = { .tv_sec = 1 };

	if (event_add(hotplug->again, &pause))
		log_line(LOG_ERR, "out of memory: what could not be done now waits until something else happens");
}

static void rescan(struct hotplug *hotplug)
{
	struct daemon *daemon = hotplug->daemon;
	char path[PATH_MAX];
	int err;

	for (size_t i = daemon->devices.count; i-- > 0;)
		if (sysfs_device_path(daemon->devices.list[i]->facts.address, path) == -ENOENT)
			daemon_device_gone(daemon, daemon->devices.list[i]);
	err = scan(daemon);
	if (err) {
		log_line(LOG_ERR, "not all PCI functions are known to vfiod: %s; it looks again soon", strerror(-err));
		hotplug_look_again(hotplug);
	}
	pci_events_follow(daemon);
}

static void look_again(evutil_socket_t fd, short what, void *data)
{
	struct hotplug *hotplug = data;

	(void)fd;
	(void)what;
	rescan(hotplug);
	daemon_go_on(hotplug->daemon);
}

/*
 * More came than the socket could hold, or than there was memory for.  Of the former the kernel drops what comes then,
 * without another word, until all that the socket holds has been read (netlink_overrun() in net/netlink/af_netlink.c):
 * only then is it looked for ourselves.
 */
static void catch_up(struct hotplug *hotplug, int fd)
{
	struct pollfd left = { .fd = fd, .events = POLLIN };

	if (poll(&left, 1, 0) > 0)
		return;
	log_line(LOG_WARNING, "events were lost: looking for all PCI functions anew");
	hotplug->lost = false;
	rescan(hotplug);
}

/* Also for want of memory, which libudev takes for a part of an event when it is asked for that. */
static bool is_lost(struct udev_device *dev)
{
	if (!dev)
		return errno == ENOBUFS || errno == ENOMEM;
	return !udev_device_get_sysname(dev) || !udev_device_get_action(dev);
}

static void receive(evutil_socket_t fd, short what, void *data)
{
	struct hotplug *hotplug = data;
	struct udev_device *dev = udev_monitor_receive_device(hotplug->monitor);
	int err;

	(void)what;
	if (is_lost(dev))
		hotplug->lost = true;
	if (hotplug->lost) {
		udev_device_unref(dev);
		catch_up(hotplug, fd);
		return;
	}
	if (!dev)
		return;
	if (!strcmp(udev_device_get_action(dev), "remove"))
		remove_function(hotplug->daemon, dev);
	else if ((err = take(hotplug->daemon, dev))) {
		log_line(LOG_ERR, "vfiod cannot read what %s is: %s; it looks again soon", udev_device_get_sysname(dev),
			 strerror(-err));
		hotplug_look_again(hotplug);
	}
	udev_device_unref(dev);
	pci_events_follow(hotplug->daemon);
}

/* After udev's rules where udev runs, so that nodes have their owners; straight from the kernel elsewhere. */
static const char *event_source(void)
{
	return access("/run/udev/control", F_OK) ? "kernel" : "udev";
}

int hotplug_new(struct daemon *daemon, struct hotplug **hotplug)
{
	struct hotplug *made = calloc(1, sizeof(*made));
	int err = -ENOMEM;

	if (!made)
		return -ENOMEM;
	made->daemon = daemon;
	made->monitor = udev_monitor_new_from_netlink(daemon->udev, event_source());
	if (!made->monitor)
		goto free_hotplug;
	err = udev_monitor_filter_add_match_subsystem_devtype(made->monitor, "pci", NULL);
	if (!err)
		err = udev_monitor_enable_receiving(made->monitor);
	if (err)
		goto unref_monitor;
	made->event = event_new(daemon->base, udev_monitor_get_fd(made->monitor), EV_READ | EV_PERSIST, receive, made);
	made->again = evtimer_new(daemon->base, look_again, made);
	if (!made->event || !made->again || event_add(made->event, NULL)) {
		err = -ENOMEM;
		goto free_event;
	}
	/* after the monitor is on: what comes meanwhile is seen twice rather than not at all */
	err = scan(daemon);
	if (err)
		goto free_event;
	*hotplug = made;
	return 0;

free_event:
	if (made->event)
		event_free(made->event);
	if (made->again)
		event_free(made->again);
unref_monitor:
	udev_monitor_unref(made->monitor);
free_hotplug:
	free(made);
	return err;
}

void hotplug_free(struct hotplug *hotplug)
{
	if (!hotplug)
		return;
	event_free(hotplug->event);
	event_free(hotplug->again);
	udev_monitor_unref(hotplug->monitor);
	free(hotplug);
}
