/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * labelled.so, for LD_PRELOAD: gives the program the security label $LABEL before its main() begins.  Not by
 * /proc/self/attr/exec: without a policy SELinux forgets that at the next execve(), since Linux 6.8.
 */
#include "tests/vm/clients/expect.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

__attribute__((constructor)) static void take_label(void)
{
	const char *label = getenv("LABEL");
	int fd = open("/proc/self/attr/current", O_WRONLY | O_CLOEXEC);

	expect(label && fd >= 0 && write(fd, label, strlen(label)) == (ssize_t)strlen(label));
	close(fd);
}
