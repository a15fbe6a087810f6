/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vfioctl/holder.h"

#include "vfioctl/terminal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

int holder_command(uint32_t pid, char *command)
{
	char path[32], line[HOLDER_COMMAND_MAX];
	FILE *file;
	char *read;

	snprintf(path, sizeof(path), "/proc/%" PRIu32 "/comm", pid);
	file = fopen(path, "re");
	if (!file)
		return -ENOENT;
	read = fgets(line, sizeof(line), file);
	fclose(file);
	if (!read)
		return -ENOENT;
	line[strcspn(line, "\n")] = '\0';
	strcpy(command, terminal_clean(line, true));
	return 0;
}
