/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_FUZZ_FAKE_KERNEL_H
#define TESTS_FUZZ_FAKE_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * What the kernel and udev say of PCI functions, made up: sysfs.h and the part of libudev that vfiod calls.  A function
 * is a list of attributes; links ("driver", "iommu_group") are attributes whose value is where they lead to.
 */

#define FAKE_FUNCTIONS	16
#define FAKE_ATTRIBUTES 24

struct fake_attribute {
	char name[24];
	char value[96];
};

struct fake_function {
	bool present;
	uint64_t address;
	uint64_t serial;
	struct fake_attribute attributes[FAKE_ATTRIBUTES];
	size_t count;
};

struct fake_event {
	char action[16]; /* empty: events were lost */
	uint64_t address;
	uint64_t number;
};

struct fake_kernel {
	struct fake_function functions[FAKE_FUNCTIONS];
	size_t count;
	struct fake_event events[32]; /* that udev has not told yet */
	size_t event_count;
	uint64_t event_number;					    /* of the last one */
	bool strict, stock;					    /* VFIO drivers that are loaded */
	bool (*may_bind)(uint64_t address, const char *driver);	    /* NULL: any may */
	bool (*may_write)(uint64_t address, const char *attribute); /* likewise */
};

extern struct fake_kernel fake_kernel;

/** fake_function() - by address, whether it is there or not; NULL where there never was one. */
struct fake_function *fake_function(uint64_t address);

/** fake_add() - a function that is there from now on, without attributes. NULL: there is no room. */
struct fake_function *fake_add(uint64_t address);

/** fake_attribute() - its value, or NULL. */
const char *fake_attribute(const struct fake_function *function, const char *name);

/** fake_set() - @value: NULL: it has none any more. What is too long is cut. */
void fake_set(struct fake_function *function, const char *name, const char *value);

/** fake_tell() - have udev tell of an event; where there are too many they are lost, as with udev. */
void fake_tell(const char *action, uint64_t address);

/** fake_untold() - events that the daemon has not taken. */
bool fake_untold(void);

#endif
