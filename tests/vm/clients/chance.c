/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/vm/clients/chance.h"

#include "tests/vm/clients/expect.h"

#include <fcntl.h>
#include <stdlib.h>

static int fail_nth(void)
{
	static int file = -1;

	if (file < 0)
		file = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
	expect(file >= 0);
	return file;
}

/* The copies that this takes can fail, too, and then have used the chance up. */
void chance_arm(int n)
{
	char text[16];
	int size = snprintf(text, sizeof(text), "%d", n), file = fail_nth();

	while (pwrite(file, text, (size_t)size, 0) != size)
		expect(errno == EFAULT);
}

bool chance_disarm(void)
{
	char text[16] = "";
	int error = errno;
	bool made = pread(fail_nth(), text, sizeof(text) - 1, 0) > 0 && atoi(text) == 0;

	chance_arm(0);
	errno = error;
	return made;
}
