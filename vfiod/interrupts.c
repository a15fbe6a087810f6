/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vfiod/interrupts.h"

#include "proto/address.h"
#include "vfiod/sysfs.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

const char *const interrupts_parameters[] = { INTERRUPTS_PARAMETER, INTERRUPTS_IOMMUFD, NULL };

const char *interrupts_unchecked(const char *const parameters[])
{
	char value[8];

	for (size_t i = 0; parameters[i]; i++)
		if (!sysfs_read_file(parameters[i], value, sizeof(value)) && value[0] == 'Y')
			return parameters[i];
	return NULL;
}

int interrupts_check(const char *const parameters[], uint64_t address, struct failure *failure)
{
	const char *parameter = interrupts_unchecked(parameters);
	char text[PROTO_ADDRESS_LEN];

	if (!parameter)
		return 0;
	return failure_set(
		failure, -EPERM,
		"%s: nobody knows whether this machine remaps interrupts, without which a user of the function "
		"could raise any: VFIO was told not to ask; have it ask: echo N > %s or accept it by a rule with "
		"unsafe-interrupts = true in vfiod.conf",
		proto_address_format(address, text), parameter);
}

/* Lines of "0x… 0x… direct"; "direct-relaxable" is what the kernel does without. */
bool interrupts_has_direct(const char *path)
{
	FILE *file = fopen(path, "re");
	char line[128], type[32];
	bool found = false;

	while (file && !found && fgets(line, sizeof(line), file))
		found = sscanf(line, "%*s %*s %31s", type) == 1 && !strcmp(type, "direct");
	if (file)
		fclose(file);
	return found;
}

bool interrupts_explain(uint64_t address, uint32_t group, int error, struct failure *failure)
{
	char text[PROTO_ADDRESS_LEN], path[64];

	if (error != -EPERM && error != -EINVAL)
		return false;
	proto_address_format(address, text);
	snprintf(path, sizeof(path), "/sys/kernel/iommu_groups/%u/reserved_regions", group);
	if (interrupts_has_direct(path))
		failure_set(failure, error,
			    "%s: the firmware works with memory by way of this function (RMRR), so the kernel does not "
			    "let a "
			    "user have it; its maker may have a firmware that does without",
			    text);
	else if (error == -EPERM)
		failure_set(
			failure, error,
			"%s: this machine does not remap interrupts, so a user of the function could raise any; switch "
			"that on in the firmware and boot with intremap=on, or accept it by a rule with "
			"unsafe-interrupts = true in vfiod.conf and by: echo Y > " INTERRUPTS_PARAMETER,
			text);
	else
		return false;
	return true;
}
