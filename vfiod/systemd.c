/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vfiod/systemd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define FIRST_FD 3 /* the sockets that are passed begin behind standard error */
#define FDS_MAX	 64

/* The value of a variable that is a number and nothing else. */
static bool read_number(const char *variable, uint64_t *number)
{
	const char *text = getenv(variable);
	char *end;

	if (!text || text[0] < '0' || text[0] > '9')
		return false;
	errno = 0;
	*number = strtoull(text, &end, 10);
	return !errno && !*end;
}

/* The variables may be a parent's, which has handed them down with the rest of its environment. */
static bool is_for_us(const char *variable, bool when_not_set)
{
	uint64_t pid;

	if (!getenv(variable))
		return when_not_set;
	return read_number(variable, &pid) && pid == (uint64_t)getpid();
}

/* ---- what is said ---- */

/* A path, or behind "@" a name in the abstract namespace. */
static bool notify_address(struct sockaddr_un *address, socklen_t *length)
{
	const char *path = getenv("NOTIFY_SOCKET");
	size_t size = path ? strlen(path) : 0;

	if (size < 2 || size >= sizeof(address->sun_path) || (path[0] != '/' && path[0] != '@'))
		return false;
	*address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	memcpy(address->sun_path, path, size);
	if (path[0] == '@')
		address->sun_path[0] = '\0';
	*length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size);
	return true;
}

void systemd_notify(const char *format, ...)
{
	struct sockaddr_un address;
	socklen_t length;
	char text[512];
	va_list args;
	int fd, size;

	if (!notify_address(&address, &length))
		return;
	va_start(args, format);
	size = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (size < 0 || (size_t)size >= sizeof(text))
		return;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	(void)!sendto(fd, text, (size_t)size, MSG_DONTWAIT | MSG_NOSIGNAL, (struct sockaddr *)&address, length);
	close(fd);
}

uint64_t systemd_watchdog(void)
{
	uint64_t usec;

	if (!read_number("WATCHDOG_USEC", &usec) || !is_for_us("WATCHDOG_PID", true))
		return 0;
	return usec;
}

/* ---- the sockets ---- */

static bool option_is(int fd, int option, int wanted)
{
	int value;
	socklen_t size = sizeof(value);

	return !getsockopt(fd, SOL_SOCKET, option, &value, &size) && value == wanted;
}

static bool listens(int fd)
{
	return option_is(fd, SO_DOMAIN, AF_UNIX) && option_is(fd, SO_TYPE, SOCK_SEQPACKET) &&
	       option_is(fd, SO_ACCEPTCONN, 1);
}

/* Is @name the word in front of the next colon? */
static bool is_word(const char *words, const char *name)
{
	size_t length = strcspn(words, ":");

	return length == strlen(name) && !memcmp(words, name, length);
}

int systemd_socket(const char *name)
{
	const char *names = getenv("LISTEN_FDNAMES");
	uint64_t count;

	if (!names || !is_for_us("LISTEN_PID", false) || !read_number("LISTEN_FDS", &count) || count > FDS_MAX)
		return -1;
	for (int fd = FIRST_FD; fd < FIRST_FD + (int)count; fd++) {
		if (is_word(names, name) && listens(fd) && !fcntl(fd, F_SETFD, FD_CLOEXEC))
			return fd;
		names += strcspn(names, ":");
		names += *names == ':';
	}
	return -1;
}
