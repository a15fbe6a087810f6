/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vfiod/driver.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#define DRIVERS_DIR   "/sys/bus/pci/drivers"
#define STRICT_MODULE "vfiod_pci"

int driver_choice_parse(const char *text, enum driver_choice *choice)
{
	if (!strcmp(text, "auto"))
		*choice = DRIVER_CHOICE_AUTO;
	else if (!strcmp(text, DRIVER_STRICT))
		*choice = DRIVER_CHOICE_STRICT;
	else if (!strcmp(text, DRIVER_STOCK))
		*choice = DRIVER_CHOICE_STOCK;
	else
		return -EINVAL;
	return 0;
}

bool driver_is_vfio(const char *name)
{
	return !strcmp(name, DRIVER_STRICT) || !strcmp(name, DRIVER_STOCK);
}

bool driver_is_disguised(void)
{
	static const char link[] = DRIVERS_DIR "/" DRIVER_STOCK "/module", module[] = "/" STRICT_MODULE;
	char target[PATH_MAX];
	ssize_t length = readlink(link, target, sizeof(target));
	size_t wanted = sizeof(module) - 1;

	return length >= (ssize_t)wanted && !memcmp(target + length - wanted, module, wanted);
}

void driver_look(struct drivers *drivers)
{
	*drivers = (struct drivers){
		.strict = !access(DRIVERS_DIR "/" DRIVER_STRICT, F_OK),
		.stock = !access(DRIVERS_DIR "/" DRIVER_STOCK, F_OK),
		.disguised = driver_is_disguised(),
	};
}

static void add(struct driver_names *names, const char *name)
{
	names->name[names->count++] = name;
}

static int explain(enum driver_choice choice, const struct drivers *drivers, struct failure *failure)
{
	if (choice == DRIVER_CHOICE_STRICT)
		return failure_set(failure, -ENOENT,
				   "the " DRIVER_STRICT " driver is not loaded; load it: modprobe " STRICT_MODULE);
	if (drivers->disguised)
		return failure_set(failure, -EEXIST,
				   "the kernel's own " DRIVER_STOCK " driver is not loaded: " STRICT_MODULE
				   " has its name; load it instead: modprobe -r " STRICT_MODULE
				   " && modprobe " DRIVER_STOCK);
	return failure_set(failure, -ENOENT,
			   "the " DRIVER_STOCK " driver is not loaded; load it: modprobe " DRIVER_STOCK);
}

int driver_choose(enum driver_choice choice, const struct drivers *drivers, struct driver_names *names,
		  struct failure *failure)
{
	struct driver_names found = { .count = 0 };

	if (drivers->strict && choice != DRIVER_CHOICE_STOCK)
		add(&found, DRIVER_STRICT);
	if (drivers->stock && (drivers->disguised ? choice != DRIVER_CHOICE_STOCK : choice != DRIVER_CHOICE_STRICT))
		add(&found, DRIVER_STOCK);
	if (!found.count)
		return explain(choice, drivers, failure);
	*names = found;
	return 0;
}
