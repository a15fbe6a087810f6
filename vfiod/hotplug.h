/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIOD_HOTPLUG_H
#define VFIOD_HOTPLUG_H

struct daemon;
struct hotplug;

/**
 * hotplug_new() - find all PCI functions, and follow their coming and going.
 * @daemon: its udev is set, and its devices are filled
 * @hotplug: the caller's to free
 */
int hotplug_new(struct daemon *daemon, struct hotplug **hotplug);

/** hotplug_look_again() - look for all anew, soon, and go on with what waits; see daemon_try_again(). */
void hotplug_look_again(struct hotplug *hotplug);

void hotplug_free(struct hotplug *hotplug);

#endif
