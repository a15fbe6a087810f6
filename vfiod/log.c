/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vfiod/log.h"

#include "proto/address.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define JOURNAL_SOCKET "/run/systemd/journal/socket"

static const struct {
	const char *id;
	int priority;
} events[] = {
#define X(NAME, id, priority, text) [LOG_EVENT_##NAME] = { id, priority },
	LOG_EVENTS(X)
#undef X
};

/* Set once, before there are threads. */
static bool to_journal;	 /* standard error is the journal's */
static int journal = -1; /* a socket to send entries from, or -1 */
static struct sockaddr_un journal_address;
static int lowest = LOG_INFO;

/* Lines that were not taken, since it was told how many. */
static unsigned int lost;

/* ---- where to ---- */

/* systemd says which file the journal's end is, since a shell between may have put another in its place. */
static bool stderr_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long device, inode;
	struct stat st;
	int end = 0;

	return stream && sscanf(stream, "%llu:%llu%n", &device, &inode, &end) == 2 && !stream[end] &&
	       !fstat(STDERR_FILENO, &st) && st.st_dev == device && st.st_ino == inode;
}

/* Another place is for tests, and for a journal that is not at its usual one. */
static int open_journal(void)
{
	const char *path = getenv("VFIOD_JOURNAL_SOCKET");

	if (!path)
		path = JOURNAL_SOCKET;
	if (strlen(path) >= sizeof(journal_address.sun_path))
		return -1;
	journal_address.sun_family = AF_UNIX;
	strcpy(journal_address.sun_path, path);
	return socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

void log_setup(bool verbose)
{
	to_journal = stderr_is_journal();
	if (to_journal && journal < 0)
		journal = open_journal();
	lowest = verbose ? LOG_DEBUG : LOG_INFO;
}

/* ---- an entry of the journal ---- */

struct entry {
	char bytes[2048];
	size_t size;
};

/* One field. A line break would end it: what comes from elsewhere has none, and if it has, it does not get through. */
static void __attribute__((format(printf, 2, 3))) add(struct entry *entry, const char *format, ...)
{
	char *at = entry->bytes + entry->size;
	size_t room = sizeof(entry->bytes) - entry->size;
	va_list args;
	int size;

	va_start(args, format);
	size = vsnprintf(at, room, format, args);
	va_end(args);
	if (size < 0 || (size_t)size + 1 >= room)
		return;
	for (char *c = at; *c; c++)
		if (*c == '\n')
			*c = ' ';
	at[size] = '\n';
	entry->size += (size_t)size + 1;
}

static void add_about(struct entry *entry, const struct log_about *about)
{
	char text[PROTO_ADDRESS_LEN];

	if (about->device)
		add(entry, "VFIOD_DEVICE=%s", proto_address_format(*about->device, text));
	if (about->uid)
		add(entry, "VFIOD_UID=%u", *about->uid);
	if (about->lease)
		add(entry, "VFIOD_LEASE=%llu", (unsigned long long)about->lease);
	if (about->op)
		add(entry, "VFIOD_OP=%s", about->op);
	if (about->reason)
		add(entry, "VFIOD_REASON=%s", about->reason);
}

/* Return: 0, or a negative errno: -EAGAIN or -ENOBUFS of a journal that is behind, which is not waited for. */
static int send_entry(const struct entry *entry)
{
	ssize_t size = sendto(journal, entry->bytes, entry->size, MSG_DONTWAIT | MSG_NOSIGNAL,
			      (const struct sockaddr *)&journal_address, sizeof(journal_address));

	return size < 0 ? -errno : 0;
}

static int send_line(int priority, const char *id, const struct log_about *about, const char *text)
{
	struct entry entry = { .size = 0 };

	add(&entry, "PRIORITY=%d", priority);
	add(&entry, "SYSLOG_IDENTIFIER=vfiod");
	add(&entry, "MESSAGE=%s", text);
	if (id)
		add(&entry, "MESSAGE_ID=%s", id);
	if (about)
		add_about(&entry, about);
	return send_entry(&entry);
}

/* ---- a line ---- */

/* Return: 0, or -EAGAIN: nobody reads it, be it a pipe or a terminal that was stopped, which is not waited for. */
static int print_line(int priority, const char *text)
{
	static pthread_mutex_t alone = PTHREAD_MUTEX_INITIALIZER; /* from the look to the line */
	struct pollfd out = { .fd = STDERR_FILENO, .events = POLLOUT };
	bool takes;

	pthread_mutex_lock(&alone);
	takes = poll(&out, 1, 0) == 1 && out.revents & POLLOUT;
	if (takes && to_journal) /* which takes lines, too: sd-daemon(3) */
		fprintf(stderr, "<%d>%s\n", priority, text);
	else if (takes)
		fprintf(stderr, "vfiod: %s\n", text);
	pthread_mutex_unlock(&alone);
	return takes ? 0 : -EAGAIN;
}

static int deliver(int priority, const char *id, const struct log_about *about, const char *text)
{
	int err = journal < 0 ? -ENOTCONN : send_line(priority, id, about, text);

	return err && err != -EAGAIN && err != -ENOBUFS ? print_line(priority, text) : err;
}

static void tell_lost(void)
{
	unsigned int count = __atomic_exchange_n(&lost, 0, __ATOMIC_RELAXED);
	char text[64];

	if (!count)
		return;
	snprintf(text, sizeof(text), "the log did not take %u lines before this one", count);
	if (deliver(LOG_WARNING, NULL, NULL, text))
		__atomic_fetch_add(&lost, count, __ATOMIC_RELAXED);
}

static void __attribute__((format(printf, 4, 0)))
write_line(int priority, const char *id, const struct log_about *about, const char *format, va_list args)
{
	char text[1024];

	if (priority > lowest)
		return;
	vsnprintf(text, sizeof(text), format, args);
	for (char *c = text; *c; c++)
		if ((unsigned char)*c < ' ' ||
		    *c == 0x7f) /* nobody's words make a line of their own, or steer a terminal */
			*c = ' ';
	tell_lost();
	if (deliver(priority, id, about, text))
		__atomic_fetch_add(&lost, 1, __ATOMIC_RELAXED);
}

void log_line(int priority, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	write_line(priority, NULL, NULL, format, args);
	va_end(args);
}

void log_event(enum log_event event, const struct log_about *about, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	write_line(about && about->priority ? about->priority : events[event].priority, events[event].id, about, format,
		   args);
	va_end(args);
}
