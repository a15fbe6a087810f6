/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The control node of revocable handles, misused: each wrong call has to give the errno that kmod/uapi/vfiod_handle.h
 * promises, and to leave nothing behind.
 *
 *	misuse			the names of the tests
 *	misuse TEST ADDRESS	runs one on any function that vfio-pci has
 */
#include "tests/vm/clients/broker.h"
#include "tests/vm/clients/expect.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define PAGE 4096u

static int node;
static struct vfio vfio;
static struct lease lease; /* two handles that are all right */

static struct vfiod_handle_create good_create(void)
{
	return (struct vfiod_handle_create){
		.size = sizeof(struct vfiod_handle_create), .kind = VFIOD_HANDLE_DEVICE, .fd = vfio.device, .lease = 5
	};
}

static int try_create(struct vfiod_handle_create how)
{
	return ioctl(node, VFIOD_HANDLE_CREATE, &how);
}

static int open_files(void)
{
	DIR *folder = opendir("/proc/self/fd");
	int count = 0;

	expect(folder);
	while (readdir(folder))
		count++;
	closedir(folder);
	return count;
}

/* ---- each operation, with arguments of every size ---- */

union argument {
	__u32 size;
	struct vfiod_handle_create create;
	struct vfiod_handle_list list;
	struct vfiod_handle_revoke revoke;
	struct vfiod_handle_forget forget;
	unsigned char bytes[3 * PAGE];
};

/* A harmless call of each kind, and what it answers. */
static const struct operation {
	unsigned int command;
	__u32 size;
	union argument argument;
	int error;
} operations[] = {
	{ VFIOD_HANDLE_CREATE,
	  sizeof(struct vfiod_handle_create),
	  { .create = { .kind = VFIOD_HANDLE_DEVICE, .fd = -1, .lease = 5 } },
	  EBADF },
	{ VFIOD_HANDLE_LIST,
	  sizeof(struct vfiod_handle_list),
	  { .list = { .entry_size = sizeof(struct vfiod_handle_info) } },
	  ENOSPC },
	{ VFIOD_HANDLE_REVOKE, sizeof(struct vfiod_handle_revoke), { .revoke = { .id = 1u << 30 } }, ENOENT },
	{ VFIOD_HANDLE_FORGET, sizeof(struct vfiod_handle_forget), { .forget = { .id = 1u << 30 } }, ENOENT },
};
#define OPERATIONS (sizeof(operations) / sizeof(operations[0]))

static void arguments_of_any_size_get_the_answer_that_is_promised(void)
{
	for (size_t i = 0; i < OPERATIONS; i++) {
		const struct operation *o = &operations[i];

		for (__u32 size = 0; size <= 2 * PAGE; size++) {
			union argument a = o->argument;

			a.size = size;
			expect_errno(size < o->size ? EINVAL
				     : size > PAGE  ? E2BIG
						    : o->error,
				     ioctl(node, o->command, &a));
			if (size <= o->size || size > PAGE)
				continue;
			a = o->argument;
			a.size = size;
			a.bytes[size - 1] = 1;
			expect_errno(E2BIG, ioctl(node, o->command, &a));
			a.bytes[size - 1] = 0;
			a.bytes[o->size] = 0x80;
			expect_errno(E2BIG, ioctl(node, o->command, &a));
		}
		for (__u32 size = 0x7fffffff; size >= 0x7fffffff; size += 0x40000000) {
			union argument a = o->argument;

			a.size = size;
			expect_errno(E2BIG, ioctl(node, o->command, &a));
		}
	}
}

/* Two pages, of which the second is not there. */
static unsigned char *edge(int protection)
{
	unsigned char *pages = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	expect(pages != MAP_FAILED && !munmap(pages + PAGE, PAGE) && !mprotect(pages, PAGE, protection));
	return pages + PAGE;
}

static void bad_pointers_give_EFAULT(void)
{
	unsigned char *end = edge(PROT_READ | PROT_WRITE);
	void *const bad[] = { NULL,
			      (void *)1,
			      (void *)0xffff888000000000ul,
			      (void *)0xffffffff81000000ul,
			      (void *)0x7ffffffff000ul,
			      (void *)-1ul,
			      (void *)-4096ul,
			      end,
			      end - 3 };

	for (size_t i = 0; i < OPERATIONS; i++) {
		const struct operation *o = &operations[i];

		for (size_t j = 0; j < sizeof(bad) / sizeof(bad[0]); j++)
			expect_errno(EFAULT, ioctl(node, o->command, bad[j]));
		/* it ends where the page ends, exactly, and then one byte late */
		memcpy(end - o->size, &o->argument, o->size);
		*(__u32 *)(end - o->size) = o->size;
		expect_errno(o->error, ioctl(node, o->command, end - o->size));
		*(__u32 *)(end - o->size) = o->size + 1;
		expect_errno(EFAULT, ioctl(node, o->command, end - o->size));
	}
}

/* What cannot be answered must not have been done. */
static void an_answer_that_cannot_be_written_leaves_nothing(void)
{
	struct vfiod_handle_create *how = (void *)(edge(PROT_READ | PROT_WRITE) - PAGE);
	struct vfiod_handle_list *list = (void *)how;
	int before = open_files();

	*how = good_create();
	expect(!mprotect(how, PAGE, PROT_READ));
	for (int i = 0; i < 100; i++)
		expect_errno(EFAULT, ioctl(node, VFIOD_HANDLE_CREATE, how));
	expect(open_files() == before && table_count(node) == 2);
	expect(!mprotect(how, PAGE, PROT_READ | PROT_WRITE));
	*list = (struct vfiod_handle_list){
		.size = sizeof(*list), .entry_size = sizeof(struct vfiod_handle_info), .count = 10, .entries = 4096
	};
	expect_errno(EFAULT, ioctl(node, VFIOD_HANDLE_LIST, list));
	expect_errno(EFAULT, read(node, (void *)4096, sizeof(struct vfiod_handle_info)));
}

/* ---- fields ---- */

#define REFUSED_CREATE(error, change) \
	do { \
		struct vfiod_handle_create how = good_create(); \
		change; \
		expect_errno(error, try_create(how)); \
	} while (0)

static void create_refuses_each_wrong_field(void)
{
	for (__u32 kind = 0; kind < 70000; kind = kind < 64 ? kind + 1 : kind * 2)
		if (kind < VFIOD_HANDLE_DEVICE || kind > VFIOD_HANDLE_IOMMUFD)
			REFUSED_CREATE(EINVAL, how.kind = kind);
	REFUSED_CREATE(EINVAL, how.kind = ~0u);
	REFUSED_CREATE(EINVAL, how.lease = 0);
	for (int bit = 0; bit < 32; bit++)
		REFUSED_CREATE(EINVAL, how.flags = 1u << bit);
	REFUSED_CREATE(ENOENT, how.container = 1u << 30);
	REFUSED_CREATE(ENOENT, how.container = ~0u);
	REFUSED_CREATE(EINVAL, how.container = lease.device.id);
	REFUSED_CREATE(EINVAL, (how.container = lease.container.id, how.kind = VFIOD_HANDLE_CONTAINER));
	REFUSED_CREATE(EBADF, how.fd = -1);
	REFUSED_CREATE(EBADF, how.fd = 0x7fffffff);
	REFUSED_CREATE(EBADF, (how.fd = -1, how.container = lease.container.id));
}

static void list_refuses_each_wrong_field(void)
{
	unsigned char space[8 * PAGE];
	struct vfiod_handle_list list = { .size = sizeof(list), .entries = (__u64)(unsigned long)space };
	struct vfiod_handle_info *second = (void *)(space + 200);

	for (__u32 size = 0; size < sizeof(*second); size++) {
		list.count = 10;
		list.entry_size = size;
		expect_errno(EINVAL, ioctl(node, VFIOD_HANDLE_LIST, &list));
	}
	list.entry_size = 200;
	list.reserved = 1;
	expect_errno(EINVAL, ioctl(node, VFIOD_HANDLE_LIST, &list));
	list.reserved = 0;
	for (__u32 room = 0; room < 2; room++) {
		list.count = room;
		memset(space, 0xee, sizeof(space));
		expect_errno(ENOSPC, ioctl(node, VFIOD_HANDLE_LIST, &list));
		expect(list.count == 2 && space[0] == 0xee);
	}
	list.count = ~0u;
	memset(space, 0xee, sizeof(space));
	expect(!ioctl(node, VFIOD_HANDLE_LIST, &list) && list.count == 2);
	expect(second->size == sizeof(*second) && second->id == lease.device.id);
	for (size_t i = sizeof(*second); i < 200; i++)
		expect(!space[i] && !space[200 + i]);
	expect(space[400] == 0xee);
}

static int try_revoke(struct vfiod_handle_revoke how)
{
	how.size = sizeof(how);
	return ioctl(node, VFIOD_HANDLE_REVOKE, &how);
}

static void revoke_and_forget_refuse_each_wrong_field(void)
{
	const __u32 by_lease = VFIOD_HANDLE_REVOKE_LEASE, id = lease.device.id;

	for (int bit = 2; bit < 32; bit++)
		expect_errno(EINVAL, try_revoke((struct vfiod_handle_revoke){ .flags = 1u << bit, .id = id }));
	expect_errno(EINVAL, try_revoke((struct vfiod_handle_revoke){ .id = 0 }));
	expect_errno(EINVAL, try_revoke((struct vfiod_handle_revoke){ .id = id, .lease = 7 }));
	expect_errno(EINVAL, try_revoke((struct vfiod_handle_revoke){ .flags = by_lease }));
	expect_errno(EINVAL, try_revoke((struct vfiod_handle_revoke){ .flags = by_lease, .lease = 7, .id = id }));
	expect_errno(EINVAL, try_revoke((struct vfiod_handle_revoke){ .id = id, .timeout_ms = 600001 }));
	expect_errno(EINVAL, try_revoke((struct vfiod_handle_revoke){ .id = id, .timeout_ms = ~0u }));
	expect_errno(ENOENT, try_revoke((struct vfiod_handle_revoke){ .flags = by_lease, .lease = 4711 }));
	expect_errno(ENOENT, try_revoke((struct vfiod_handle_revoke){ .id = ~0u, .timeout_ms = 600000 }));
	expect_errno(EBUSY, forget(node, id));
	expect_errno(ENOENT, forget(node, 0));
	expect_errno(ENOENT, forget(node, ~0u));
	expect(table_entry(node, id).state == VFIOD_HANDLE_LIVE);
}

/* ---- files ---- */

static void no_other_file_becomes_a_handle(void)
{
	sigset_t none;
	int ends[2], sockets[2];

	sigemptyset(&none);
	expect(!pipe(ends) && !socketpair(AF_UNIX, SOCK_STREAM, 0, sockets));
	{
		const struct {
			int fd;
			unsigned int kinds; /* that it may be: bit 1 << kind */
			int error;
		} files[] = {
			{ vfio.device, 1u << VFIOD_HANDLE_DEVICE, EINVAL },
			{ vfio.container, 1u << VFIOD_HANDLE_CONTAINER, EINVAL },
			{ vfio.group, 0, EINVAL },
			{ lease.device.fd, 0, EINVAL },
			{ lease.container.fd, 0, EINVAL },
			{ node, 0, EINVAL },
			{ open("/etc/passwd", O_RDONLY), 0, EINVAL },
			{ open("/dev/shm", O_RDWR | O_TMPFILE, 0600), 0, EINVAL },
			{ open("/dev/vfio", O_RDONLY | O_DIRECTORY), 0, EINVAL },
			{ open("/dev/null", O_RDWR), 0, EINVAL },
			{ open("/dev/zero", O_RDWR), 0, EINVAL },
			{ open("/dev/mem", O_RDONLY), 0, EINVAL },
			{ open("/dev/ptmx", O_RDWR | O_NOCTTY), 0, EINVAL },
			{ open("/proc/self/maps", O_RDONLY), 0, EINVAL },
			{ open("/sys/bus/pci/devices/0000:01:00.0/resource0", O_RDWR), 0, EINVAL },
			{ open("/sys/bus/pci/devices/0000:01:00.0/config", O_RDWR), 0, EINVAL },
			{ ends[0], 0, EINVAL },
			{ ends[1], 0, EINVAL },
			{ sockets[0], 0, EINVAL },
			{ eventfd(0, 0), 0, EINVAL },
			{ epoll_create1(0), 0, EINVAL },
			{ timerfd_create(CLOCK_MONOTONIC, 0), 0, EINVAL },
			{ signalfd(-1, &none, 0), 0, EINVAL },
			{ inotify_init(), 0, EINVAL },
			{ memfd_create("[vfio-device]", 0), 0, EINVAL },
			{ (int)syscall(SYS_pidfd_open, getpid(), 0), 0, EINVAL },
			{ open("/dev/vfio/vfio", O_PATH), 0, EBADF },
			{ 900, 0, EBADF }, /* closed */
		};
		int before = open_files();

		for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
			for (__u32 kind = VFIOD_HANDLE_DEVICE; kind <= VFIOD_HANDLE_IOMMUFD; kind++) {
				expect(files[i].fd >= 0);
				if (!(files[i].kinds & 1u << kind))
					REFUSED_CREATE(files[i].error, (how.fd = files[i].fd, how.kind = kind));
			}
		expect(open_files() == before);
	}
}

/* ---- the rest of the node ---- */

static void unknown_ioctls_give_ENOTTY(void)
{
	union argument a = { .size = sizeof(a) };

	for (unsigned int type = VFIOD_HANDLE_IOCTL - 1; type <= VFIOD_HANDLE_IOCTL + 1; type++)
		for (unsigned int number = 0; number < 256; number++)
			for (unsigned int way = 0; way < 4; way++)
				for (unsigned int size = 0; size < 0x4000; size = size * 2 + 1)
					if (way || size || type != VFIOD_HANDLE_IOCTL || number >= OPERATIONS)
						expect_errno(ENOTTY, ioctl(node, _IOC(way, type, number, size), &a));
	/* a node is no VFIO file, and a handle is no node */
	expect_errno(ENOTTY, ioctl(node, _IO(';', 100), &a));
	expect_errno(ENOTTY, ioctl(lease.device.fd, VFIOD_HANDLE_LIST, &a));
}

static void the_node_can_be_read_and_polled_only(void)
{
	char bytes[sizeof(struct vfiod_handle_info)] = "";

	errno = 0;
	expect(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, node, 0) == MAP_FAILED && errno == ENODEV);
	expect_errno(EINVAL, write(node, bytes, 1));
	expect_errno(ESPIPE, lseek(node, 0, SEEK_SET));
	expect_errno(ESPIPE, pread(node, bytes, 1, 0));
	for (size_t size = 0; size < sizeof(bytes); size++)
		expect_errno(EINVAL, read(node, bytes, size));
}

static void limits_are_kept(void)
{
	struct rlimit limit = { .rlim_cur = (rlim_t)open_files() + 100, .rlim_max = 4096 };
	struct vfiod_handle_create how;
	struct handle made;
	int limits = open("/sys/module/vfiod_handle/parameters/max_handles", O_RDWR | O_CLOEXEC);

	expect(limits >= 0 && pwrite(limits, "2", 1, 0) == 1);
	how = good_create();
	expect_errno(ENOSPC, handle_create(node, &how, &made));
	expect(pwrite(limits, "4096", 4, 0) == 4);

	expect(!setrlimit(RLIMIT_NOFILE, &limit));
	do
		how = good_create();
	while (!handle_create(node, &how, &made));
	expect(errno == EMFILE);
	/* each of them holds the device's file: all are ended */
	expect(revoke_lease(node, how.lease, 20000).pending == 0);
	table_clear(node);
	exit(0);
}

#define TEST(name) \
	{ \
#name, name \
	}

static const struct {
	const char *name;
	void (*run)(void);
} tests[] = {
	TEST(arguments_of_any_size_get_the_answer_that_is_promised),
	TEST(bad_pointers_give_EFAULT),
	TEST(an_answer_that_cannot_be_written_leaves_nothing),
	TEST(create_refuses_each_wrong_field),
	TEST(list_refuses_each_wrong_field),
	TEST(revoke_and_forget_refuse_each_wrong_field),
	TEST(no_other_file_becomes_a_handle),
	TEST(unknown_ioctls_give_ENOTTY),
	TEST(the_node_can_be_read_and_polled_only),
	TEST(limits_are_kept),
};

/* After each test the table has the two handles that it had, and so have the files. */
static int run(void (*test)(void), const char *address)
{
	int before;

	vfio = vfio_open(address);
	node = node_open(O_NONBLOCK);
	lease = lease_make(node, &vfio, 7, false);
	before = open_files();
	test();
	expect(table_count(node) == 2 && open_files() >= before);
	expect(table_entry(node, lease.container.id).state == VFIOD_HANDLE_LIVE);
	expect(table_entry(node, lease.device.id).state == VFIOD_HANDLE_LIVE);
	lease_close(&lease);
	table_clear(node);
	vfio_detach(&vfio);
	return 0;
}

int main(int argc, char **argv)
{
	for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
		if (argc == 1)
			puts(tests[i].name);
		if (argc == 3 && !strcmp(argv[1], tests[i].name))
			return run(tests[i].run, argv[2]);
	}
	return argc > 1 ? 2 : 0;
}
