/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef FAKE_MACHINE_H
#define FAKE_MACHINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>

/* The fake machine: its PCI functions, and the folders of sysfs that show them. */

#define CONFIG_SIZE 4096
#define NAME_ROOM   64

/* What goes wrong with a function, and how often it is to. */
struct fault {
	char key[NAME_ROOM], value[NAME_ROOM];
	int times; /* -1: always */
	STAILQ_ENTRY(fault) next;
};
STAILQ_HEAD(faults, fault);

struct function {
	uint64_t address;
	size_t at; /* among all */
	uint32_t group;
	uint16_t vendor, device;
	uint32_t class_code;
	int numa;
	char path[256];		/* below /sys/devices */
	char native[NAME_ROOM]; /* the driver that it is for; empty: none */
	char driver[NAME_ROOM]; /* that has it */
	char override[NAME_ROOM];
	char reset[NAME_ROOM]; /* methods */
	unsigned char config[CONFIG_SIZE];
	uint64_t parent; /* whose virtual function it is, or 0 */
	unsigned int vfs, total_vfs;
	bool manual;  /* no driver takes these by itself */
	bool locked;  /* its config space */
	bool leaving; /* as soon as nobody has it open */
	unsigned int resets, opens;
	struct faults faults;
	/* vfio.c: */
	uint32_t opened; /* the object of its device file; 0: it is not open */
	int request;	 /* the eventfd that asks for it back, or -1 */
};

/** machine_init() - the empty machine: folders that are there without any function. */
void machine_init(void);

/** machine_register() - have a driver be loaded. */
void machine_register(const char *driver);

/** machine_plug() - a line of words "ADDRESS NAME=VALUE..."; tells udev. Return: 0 or a negative errno. */
int machine_plug(char *words);

/**
 * machine_unplug() - it is gone from now on, but its folder stays until nobody has it open; tells udev then.
 *
 * Its virtual functions go before it.
 */
void machine_unplug(struct function *function);

/** machine_closed() - nobody has it open any more, or a virtual function of it is gone. */
void machine_closed(struct function *function);

struct function *machine_find(uint64_t address);

/** machine_next() - one after the other, NULL first. */
struct function *machine_next(const struct function *before);

/** machine_bind() - have a driver take it. Return: 0, -ENODEV (there is no such, or it does not want to). */
int machine_bind(struct function *function, const char *driver);

/** machine_unbind() - take it from its driver. Return: -EAGAIN: as soon as it is closed. */
int machine_unbind(struct function *function);

/** machine_reset() - have it as it was when it was plugged in. */
void machine_reset(struct function *function);

/** machine_lock_config() - what is written to its config space is lost from now on, or is not. */
int machine_lock_config(struct function *function, bool locked);

/** machine_write() - somebody writes to the file @path of sysfs. Return: how much, or a negative errno. */
ssize_t machine_write(const char *path, char *text, size_t length, uint32_t *sleep_ms);

/** machine_fault() - what is to go wrong with @key now, or NULL; counted. */
const char *machine_fault(struct function *function, const char *key);

/** machine_errno() - of a fault's value: a name such as EIO; 0: it is none. */
int machine_errno(const char *name);

bool machine_is_vfio(const char *driver);

/** uevent_send() - as udev does, when its rules are through. */
void uevent_send(const struct function *function, const char *action);

/** uevent_hold() - have all that udev tells come later, in order, when it is not held any more. */
void uevent_hold(bool hold);

#endif
