/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/vm/clients/function.h"

#include "tests/vm/clients/expect.h"

#include <fcntl.h>
#include <limits.h>
#include <time.h>

#define PATIENCE_MS 20000
#define HOPELESS_MS 100

static int file_of(const char *address, const char *name, int flags)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/%s", address, name);
	return open(path, flags | O_CLOEXEC);
}

bool function_has(const char *address, const char *name)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/%s", address, name);
	return !access(path, F_OK);
}

void function_says(const char *address, const char *name, char *word, size_t size)
{
	int file = file_of(address, name, O_RDONLY);
	ssize_t got = file < 0 ? -1 : read(file, word, size - 1);

	expect(got > 0 && !close(file));
	word[got] = 0;
	word[strcspn(word, " \n")] = 0;
}

bool function_is(const char *address, const char *name, const char *word)
{
	char said[32];

	function_says(address, name, said, sizeof(said));
	return !strcmp(said, word);
}

int function_tell(const char *address, const char *name, const char *text)
{
	int file = file_of(address, name, O_WRONLY), error;
	ssize_t done;

	expect(file >= 0);
	done = write(file, text, strlen(text));
	error = errno;
	expect(!close(file));
	errno = error;
	return done == (ssize_t)strlen(text) ? 0 : -1;
}

size_t function_config(const char *address, void *space, size_t size)
{
	int file = file_of(address, "config", O_RDONLY);
	ssize_t got = file < 0 ? -1 : pread(file, space, size, 0);

	expect(got > 0 && !close(file));
	return (size_t)got;
}

/* ---- runtime power management ---- */

static bool sleeps(const char *address)
{
	return function_is(address, "power/runtime_status", "suspended");
}

static bool sleeps_within(const char *address, int ms)
{
	for (; ms && !sleeps(address); ms--)
		nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
	return sleeps(address);
}

void function_is_drowsy(const char *address)
{
	/* EIO: it does not wait anyway */
	expect(!function_tell(address, "power/autosuspend_delay_ms", "0") || errno == EIO);
}

bool function_falls_asleep(const char *address)
{
	return sleeps_within(address, PATIENCE_MS);
}

bool function_stays_awake(const char *address)
{
	return function_is(address, "power/runtime_status", "active") && !sleeps_within(address, HOPELESS_MS);
}

bool function_is_balanced(const char *address)
{
	bool asleep;

	expect(!function_tell(address, "power/control", "auto"));
	asleep = function_falls_asleep(address);
	expect(!function_tell(address, "power/control", "on"));
	return asleep && function_stays_awake(address);
}
