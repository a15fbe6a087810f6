/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLIENTS_FUNCTION_H
#define CLIENTS_FUNCTION_H

#include <stdbool.h>
#include <stddef.h>

/* A PCI function as root has it in sysfs, by its address (0000:01:00.0). */

/** function_has() - whether its folder has that file. */
bool function_has(const char *address, const char *name);

/** function_says() - the first word of the file, which has to be there. */
void function_says(const char *address, const char *name, char *word, size_t size);

/** function_is() - whether that is @word. */
bool function_is(const char *address, const char *name, const char *word);

/** function_tell() - write to the file; 0 or -1 with errno. */
int function_tell(const char *address, const char *name, const char *text);

/** function_config() - config space as root reads it; how many bytes there are. */
size_t function_config(const char *address, void *space, size_t size);

/* Runtime power management. Who counts wrong lets a function fall asleep that is in use, or none ever. */

/** function_is_drowsy() - it sleeps as soon as nobody needs it, where its driver has it wait before. */
void function_is_drowsy(const char *address);

/** function_falls_asleep() - whether it does. */
bool function_falls_asleep(const char *address);

/** function_stays_awake() - whether it does, in the time in which it would have fallen asleep. */
bool function_stays_awake(const char *address);

/** function_is_balanced() - whether one without a driver sleeps when it is allowed to, and only then. */
bool function_is_balanced(const char *address);

#endif
