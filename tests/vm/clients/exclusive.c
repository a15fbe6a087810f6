/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * exclusive FILE: opens a block device for itself alone, as a volume manager does, says "open" and stays until it is
 * killed.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	if (argc != 2 || open(argv[1], O_RDONLY | O_EXCL | O_CLOEXEC) < 0) {
		fprintf(stderr, "exclusive: %s\n", argc == 2 ? strerror(errno) : "usage: exclusive FILE");
		return 1;
	}
	puts("open");
	fflush(stdout);
	for (;;)
		pause();
}
