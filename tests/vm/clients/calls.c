/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * calls.so, for LD_PRELOAD: notes each call that an unmodified program makes on a VFIO file, with what came of it, a
 * call a line, in the file $CALLS_FILE.
 *
 * With $CALLS_NODE, the number of a file that is /dev/vfiod, the program gets a handle instead of each container and
 * device that it opens, under the number that the real file had. A group stays what it is: it has no handles, and the
 * kernel wants to see the container itself in VFIO_GROUP_SET_CONTAINER.
 */
#include "tests/vm/clients/expect.h"

#include "kmod/uapi/vfiod_handle.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/vfio.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/types.h>

#define OWN_FILES 800 /* ours have numbers from here on, and do not change those of the program */
#define LEASE	  1

enum kind { OTHER, CONTAINER, GROUP, DEVICE, IOMMUFD };
static const char *const kind_names[] = { "other", "container", "group", "device", "iommufd" };

/* What the program has open, by number; the files below OWN_FILES. */
static struct file {
	enum kind kind;
	int container; /* of a group: the number of its container */
	int real;      /* of a container that is a handle; else -1 */
	__u32 handle;  /* its number in the table, or 0 */
} files[OWN_FILES];

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of files[] and of the order of lines */
static int notes = -1, node = -1;

static struct {
	int (*open)(const char *path, int flags, ...);
	int (*ioctl)(int fd, unsigned long request, ...);
	int (*close)(int fd);
	ssize_t (*pread)(int fd, void *buffer, size_t count, off_t at);
	ssize_t (*pwrite)(int fd, const void *buffer, size_t count, off_t at);
	void *(*mmap)(void *to, size_t size, int protection, int flags, int fd, off_t at);
} libc;

static void *real_function(const char *name)
{
	void *function = dlsym(RTLD_NEXT, name);

	expect(function);
	return function;
}

static struct file *file_of(int fd)
{
	return fd >= 0 && fd < OWN_FILES ? &files[fd] : NULL;
}

static enum kind kind_of(int fd)
{
	struct file *file = file_of(fd);

	return file && notes >= 0 ? file->kind : OTHER;
}

static enum kind kind_of_path(const char *path)
{
	static const struct {
		const char *path;
		bool more; /* a number follows */
		enum kind kind;
	} paths[] = {
		{ "/dev/vfio/vfio", false, CONTAINER },
		{ "/dev/vfio/devices/vfio", true, DEVICE },
		{ "/dev/vfio/", true, GROUP },
		{ "/dev/iommu", false, IOMMUFD },
		{ "anon_inode:[vfiod-device]", false, DEVICE },
		{ "anon_inode:[vfiod-iommufd]", false, IOMMUFD },
	};

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		size_t length = strlen(paths[i].path);

		if (!strncmp(path, paths[i].path, length) &&
		    (paths[i].more ? strspn(path + length, "0123456789") == strlen(path + length) && path[length]
				   : !path[length]))
			return paths[i].kind;
	}
	return OTHER;
}

/* ---- notes ---- */

/* In hexadecimal; but where something is in the program's memory is chance. */
static int describe(char *to, const unsigned char *data, size_t size)
{
	int length = 0;

	for (size_t i = 0; i < size; i++) {
		uint64_t value = 0;

		if (i % 8 == 0 && i + sizeof(value) <= size)
			memcpy(&value, data + i, sizeof(value));
		if (value >> 40 >= 0x50 && value >> 40 <= 0x7f) {
			length += sprintf(to + length, " pointer");
			i += sizeof(value) - 1;
		} else {
			length += sprintf(to + length, "%s%02x", i % 4 ? "" : " ", data[i]);
		}
	}
	return length;
}

/* note() - a line: "KIND CALL: RESULT" and the bytes at @data. */
static void note(enum kind kind, long result, const void *data, size_t size, const char *call, ...)
	__attribute__((format(printf, 5, 6)));

static void note(enum kind kind, long result, const void *data, size_t size, const char *call, ...)
{
	int error = errno;
	char line[1024];
	va_list arguments;
	int length = snprintf(line, sizeof(line), "%s ", kind_names[kind]);

	va_start(arguments, call);
	length += vsnprintf(line + length, 200, call, arguments);
	va_end(arguments);
	length += snprintf(line + length, 100, result < 0 ? ": error %ld" : ": %ld", result < 0 ? (long)error : result);
	length += describe(line + length, data, size < 256 ? size : 256);
	line[length++] = '\n';
	expect(write(notes, line, (size_t)length) == length);
	errno = error;
}

/* The number that a new file gets: which is free then is a matter of the program's other threads. */
static int number(int fd)
{
	return fd < 0 ? fd : 0;
}

/* ---- handles instead of files ---- */

/* Puts a handle in the place of @fd; @container: the handle of that, or 0. */
static __u32 replace(int fd, __u32 kind, __u32 container)
{
	struct vfiod_handle_create how = {
		.size = sizeof(how), .kind = kind, .fd = fd, .lease = LEASE, .container = container
	};
	int flags = fcntl(fd, F_GETFD);

	expect(!libc.ioctl(node, VFIOD_HANDLE_CREATE, &how));
	expect(dup3(how.handle_fd, fd, flags & FD_CLOEXEC ? O_CLOEXEC : 0) == fd);
	libc.close(how.handle_fd);
	return how.id;
}

static void opened(int fd, enum kind kind)
{
	struct file *file = file_of(fd);

	expect(file);
	*file = (struct file){ .kind = kind, .container = -1, .real = -1 };
	if (kind == CONTAINER && node >= 0) {
		file->real = fcntl(fd, F_DUPFD_CLOEXEC, OWN_FILES);
		expect(file->real >= 0);
		file->handle = replace(fd, VFIOD_HANDLE_CONTAINER, 0);
	}
}

static int set_container(int group, int container)
{
	struct file *file = file_of(container);
	int real = file && file->real >= 0 ? file->real : container;
	int result = libc.ioctl(group, VFIO_GROUP_SET_CONTAINER, &real);

	if (!result)
		files[group].container = container;
	return result;
}

static int get_device(int group, const char *name)
{
	int fd = libc.ioctl(group, VFIO_GROUP_GET_DEVICE_FD, name);
	struct file *container = file_of(files[group].container);

	if (fd < 0)
		return fd;
	expect(container);
	opened(fd, DEVICE);
	if (node >= 0)
		files[fd].handle = replace(fd, VFIOD_HANDLE_DEVICE, container->handle);
	return fd;
}

/* ---- the beginning ---- */

/* Files that were passed to the program. */
static void find_passed(void)
{
	char name[64], path[PATH_MAX];

	for (int fd = 3; fd < 64; fd++) {
		ssize_t length;

		snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
		length = readlink(name, path, sizeof(path) - 1);
		if (length > 0) {
			path[length] = '\0';
			files[fd] = (struct file){ .kind = kind_of_path(path), .container = -1, .real = -1 };
		}
	}
}

/* With the first call, which may come from another library's constructor. */
static void begin(void)
{
	static bool begun;
	const char *to = getenv("CALLS_FILE"), *number = getenv("CALLS_NODE");
	int fd;

	if (begun)
		return;
	begun = true;
	libc.open = real_function("open");
	libc.ioctl = real_function("ioctl");
	libc.close = real_function("close");
	libc.pread = real_function("pread64");
	libc.pwrite = real_function("pwrite64");
	libc.mmap = real_function("mmap");
	if (!to)
		return;
	fd = libc.open(to, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	notes = fcntl(fd, F_DUPFD_CLOEXEC, OWN_FILES);
	expect(notes >= 0 && !libc.close(fd));
	if (number)
		node = atoi(number);
	find_passed();
}

/* ---- what the program calls ---- */

/*
 * How much there is at @argument of that the kernel reads or writes. VFIO's structures begin with their size, an
 * iommufd's too, but for the calls that take none; for interrupts a program may give more room than it fills.
 */
static size_t size_at(unsigned long request, const void *argument)
{
	struct vfio_irq_set set;
	uint32_t size;

	switch (request) {
	case VFIO_GET_API_VERSION:
	case VFIO_CHECK_EXTENSION:
	case VFIO_SET_IOMMU:
	case VFIO_GROUP_SET_CONTAINER:
	case VFIO_GROUP_UNSET_CONTAINER:
	case VFIO_GROUP_GET_DEVICE_FD:
	case VFIO_DEVICE_RESET:
		return 0;
	case VFIO_DEVICE_SET_IRQS:
		memcpy(&set, argument, sizeof(set));
		return sizeof(set) + (set.flags & VFIO_IRQ_SET_DATA_EVENTFD ? set.count * sizeof(int) : 0) +
		       (set.flags & VFIO_IRQ_SET_DATA_BOOL ? set.count : 0);
	}
	memcpy(&size, argument, sizeof(size));
	return size;
}

int ioctl(int fd, unsigned long request, ...)
{
	va_list arguments;
	void *argument;
	enum kind kind;
	size_t size = 0;
	int result;

	va_start(arguments, request);
	argument = va_arg(arguments, void *);
	va_end(arguments);
	begin();
	pthread_mutex_lock(&lock);
	kind = _IOC_TYPE(request) == VFIO_TYPE ? kind_of(fd) : OTHER;
	if (kind != OTHER)
		size = size_at(request, argument);
	if (kind == GROUP && request == VFIO_GROUP_SET_CONTAINER)
		result = set_container(fd, *(int *)argument);
	else if (kind == GROUP && request == VFIO_GROUP_GET_DEVICE_FD)
		result = get_device(fd, argument);
	else
		result = libc.ioctl(fd, request, argument);
	if (kind != OTHER)
		note(kind, request == VFIO_GROUP_GET_DEVICE_FD ? number(result) : result, argument, size, "ioctl %lu",
		     _IOC_NR(request));
	pthread_mutex_unlock(&lock);
	return result;
}

static int note_open(const char *path, int flags, mode_t mode)
{
	enum kind kind;
	int fd;

	begin();
	kind = notes >= 0 ? kind_of_path(path) : OTHER;
	if (kind == OTHER)
		return libc.open(path, flags, mode);
	pthread_mutex_lock(&lock);
	fd = libc.open(path, flags, mode);
	if (fd >= 0)
		opened(fd, kind);
	note(kind, number(fd), NULL, 0, "open");
	pthread_mutex_unlock(&lock);
	return fd;
}

int open(const char *path, int flags, ...)
{
	mode_t mode = 0;
	va_list arguments;

	va_start(arguments, flags);
	if (flags & (O_CREAT | __O_TMPFILE))
		mode = va_arg(arguments, mode_t);
	va_end(arguments);
	return note_open(path, flags, mode);
}

int close(int fd)
{
	struct file *file = file_of(fd);
	enum kind kind;
	int result;

	begin();
	kind = kind_of(fd);
	if (kind == OTHER)
		return libc.close(fd);
	pthread_mutex_lock(&lock);
	result = libc.close(fd);
	if (file->real >= 0)
		libc.close(file->real);
	*file = (struct file){ .kind = OTHER };
	note(kind, result, NULL, 0, "close");
	pthread_mutex_unlock(&lock);
	return result;
}

/* Without the lock: what one thread does with registers is not to wait for what another does. */
ssize_t pread(int fd, void *buffer, size_t count, off_t at)
{
	ssize_t result;

	begin();
	result = libc.pread(fd, buffer, count, at);
	if (kind_of(fd) != OTHER)
		note(kind_of(fd), result, buffer, result > 0 ? (size_t)result : 0, "read %zu at 0x%lx", count, at);
	return result;
}

ssize_t pwrite(int fd, const void *buffer, size_t count, off_t at)
{
	ssize_t result;

	begin();
	result = libc.pwrite(fd, buffer, count, at);
	if (kind_of(fd) != OTHER)
		note(kind_of(fd), result, buffer, count, "write %zu at 0x%lx", count, at);
	return result;
}

void *mmap(void *to, size_t size, int protection, int flags, int fd, off_t at)
{
	void *result;

	begin();
	result = libc.mmap(to, size, protection, flags, fd, at);
	if (kind_of(fd) != OTHER)
		note(kind_of(fd), result == MAP_FAILED ? -1 : 0, NULL, 0, "mmap %zu at 0x%lx", size, at);
	return result;
}

/* The other names of the same. */
int open64(const char *path, int flags, ...) __attribute__((alias("open")));
ssize_t pread64(int fd, void *buffer, size_t count, off_t at) __attribute__((alias("pread")));
ssize_t pwrite64(int fd, const void *buffer, size_t count, off_t at) __attribute__((alias("pwrite")));
void *mmap64(void *to, size_t size, int protection, int flags, int fd, off_t at) __attribute__((alias("mmap")));

int __open64_2(const char *path, int flags);
ssize_t __pread64_chk(int fd, void *buffer, size_t count, off_t at, size_t room);

int __open64_2(const char *path, int flags)
{
	return note_open(path, flags, 0);
}

ssize_t __pread64_chk(int fd, void *buffer, size_t count, off_t at, size_t room)
{
	expect(count <= room);
	return pread(fd, buffer, count, at);
}
