/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Revocable handles over stock vfio-pci, without vfiod: this program is the broker, as root, and a process of alice's
 * is the client.
 *
 *	handles				the names of the tests, which are sentences
 *	handles TEST ADDRESS		runs one on an edu device
 */
#include "tests/vm/clients/client.h"
#include "tests/vm/clients/edu.h"
#include "tests/vm/clients/expect.h"
#include "tests/vm/clients/iommufd.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/vfio.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *address;

/* ---- a broker with one client ---- */

struct stage {
	int node;
	struct vfio vfio;
	struct lease lease; /* its numbers; the files are the client's */
	struct actor client;
};

static struct stage stage_open(void)
{
	struct stage s = { .node = node_open(O_NONBLOCK), .vfio = vfio_open(address) };

	s.lease = lease_make(s.node, &s.vfio, 7, true);
	s.client = client_start(&s.lease, ALICE);
	return s;
}

static void stage_close(struct stage *s)
{
	actor_end(&s->client);
	table_clear(s->node);
	expect(!table_count(s->node));
	vfio_detach(&s->vfio);
	close_fd(&s->vfio.group);
	close_fd(&s->node);
}

#define asked(s, ...) actor_ask(&(s)->client, __VA_ARGS__)

/* The client has all that a revocation takes away: mappings, a fork, DMA, an interrupt. */
static void client_uses_all(struct stage *s)
{
	expect(!asked(s, map_bar, 0) && asked(s, bar_answers, 0) == 1);
	expect(!asked(s, map_memory, OLD_IOVA) && !asked(s, command, COMMAND_MASTER | COMMAND_MEMORY));
	expect(!asked(s, msi_works, 0) && !asked(s, dma_round_trip, OLD_IOVA));
	expect(asked(s, fork_off, 0) > 0 && asked(s, ask_fork, 0) == 1);
}

static void revoke_it(struct stage *s)
{
	struct vfiod_handle_revoke done = revoke_lease(s->node, s->lease.number, TIME_LIMIT);

	expect(!done.pending && !done.busy_pid);
}

/* ---- the tests ---- */

static void a_handle_says_what_the_device_says(void)
{
	struct vfio vfio = vfio_open(address);
	long bare = facts(vfio.device);
	struct stage s = { .node = node_open(0), .vfio = vfio };

	s.lease = lease_make(s.node, &s.vfio, 7, true);
	s.client = client_start(&s.lease, ALICE);
	expect(asked(&s, facts_of_handle, 0) == bare);
	expect(!asked(&s, config_keeps_what_is_written, 0));
	stage_close(&s);
}

static void registers_dma_and_interrupts_work_through_handles(void)
{
	struct stage s = stage_open();

	expect(!asked(&s, map_bar, 0) && asked(&s, bar_answers, 0) == 1);
	expect(!asked(&s, map_memory, OLD_IOVA) && !asked(&s, command, COMMAND_MASTER | COMMAND_MEMORY));
	expect(!asked(&s, dma_round_trip, OLD_IOVA));
	expect(!asked(&s, intx_works, 0) && !asked(&s, msi_works, 0));
	expect(!asked(&s, reset, 0) && asked(&s, bar_answers, 0) == 1);
	stage_close(&s);
}

static void memory_off_takes_pages_away_from_handles_mappings(void)
{
	struct stage s = stage_open();

	expect(!asked(&s, map_bar, 0) && asked(&s, fork_off, 0) > 0);
	for (int i = 0; i < 3; i++) {
		expect(asked(&s, bar_answers, 0) == 1 && asked(&s, ask_fork, 0) == 1);
		expect(!asked(&s, command, (long)COMMAND_MEMORY << 16));
		expect(asked(&s, bar_answers, 0) == -SIGBUS && asked(&s, ask_fork, 0) == -SIGBUS);
		expect(!asked(&s, command, COMMAND_MEMORY));
	}
	expect(asked(&s, bar_answers, 0) == 1 && asked(&s, ask_fork, 0) == 1);
	stage_close(&s);
}

/* How many faults a load takes. */
static long load_faults(long unused)
{
	struct rusage before, after;
	uint32_t value;

	(void)unused;
	expect(!getrusage(RUSAGE_THREAD, &before) && load(my.bar, 0, &value) && !getrusage(RUSAGE_THREAD, &after));
	return after.ru_minflt + after.ru_majflt - before.ru_minflt - before.ru_majflt;
}

static void a_reset_takes_pages_away_from_handles_mappings(void)
{
	struct stage s = stage_open();

	expect(!asked(&s, map_bar, 0));
	for (int i = 0; i < 3; i++) {
		asked(&s, load_faults, 0);
		expect(!asked(&s, load_faults, 0));
		expect(!asked(&s, reset, 0) && asked(&s, load_faults, 0) > 0);
	}
	stage_close(&s);
}

/* Where the power management capability has its state: 0 is D0, 3 D3. */
static unsigned int power_at(void)
{
	uint8_t at = 0, id = 0;

	expect(config_read(my.lease.device.fd, 0x34, &at, 1));
	while (at) {
		expect(config_read(my.lease.device.fd, at, &id, 1));
		if (id == 1)
			return at + 4u;
		expect(config_read(my.lease.device.fd, at + 1u, &at, 1));
	}
	expect(!"the device has power management");
	return 0;
}

static long set_power(long state)
{
	uint16_t power = (uint16_t)state;

	return config_write(my.lease.device.fd, power_at(), &power, sizeof(power)) ? 0 : -errno;
}

static long map_page(long unused)
{
	(void)unused;
	my.bar = bar_map(my.lease.device.fd, 0, PAGE);
	return my.bar == MAP_FAILED ? -errno : 0;
}

static long page_answers(long unused)
{
	uint32_t value;

	(void)unused;
	return load(my.bar, 0, &value) ? 1 : -SIGBUS;
}

/* For the scenario, since an edu has no power management. */
static void a_device_in_D3_has_taken_pages_away_from_handles_mappings(void)
{
	struct stage s = stage_open();

	expect(!asked(&s, map_page, 0) && !asked(&s, command, COMMAND_MEMORY));
	for (int i = 0; i < 3; i++) {
		expect(asked(&s, page_answers, 0) == 1);
		expect(!asked(&s, set_power, 3) && asked(&s, page_answers, 0) == -SIGBUS);
		expect(!asked(&s, set_power, 0) && !asked(&s, command, COMMAND_MEMORY));
	}
	expect(asked(&s, page_answers, 0) == 1);
	stage_close(&s);
}

/* Linux 6.1 warns (arch/x86/mm/pat/memtype.c) when a BAR's mapping is moved, also one of the device itself. */
static bool can_move(void)
{
	struct utsname name;

	return !uname(&name) && strncmp(name.release, "6.1.", 4) != 0;
}

/* The mapping's halves: the first stays, the second is split off, moved if @move, and partly unmapped. */
static long split_and_move(long move)
{
	char *second = (char *)my.bar + EDU_SIZE / 2;
	char *place = NULL;

	expect(!mprotect(second, EDU_SIZE / 2, PROT_READ));
	expect(!mprotect(second, EDU_SIZE / 2, PROT_READ | PROT_WRITE));
	if (move) {
		place = mmap(NULL, EDU_SIZE / 2, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		expect(place != MAP_FAILED);
		second = mremap(second, EDU_SIZE / 2, EDU_SIZE / 2, MREMAP_MAYMOVE | MREMAP_FIXED, place);
		expect(second == place);
	}
	expect(!munmap(second + 2 * PAGE, PAGE));
	return (long)second;
}

static long second_half_answers(long at)
{
	uint32_t value;

	return load((volatile void *)at, 0, &value) && load((volatile void *)at, PAGE, &value) &&
			       load((volatile void *)at, 3 * PAGE, &value)
		       ? 1
		       : -SIGBUS;
}

static void mappings_that_were_split_moved_and_forked_are_revoked(void)
{
	struct stage s = stage_open();
	long second;

	expect(!asked(&s, map_bar, 0));
	second = asked(&s, split_and_move, can_move());
	expect(asked(&s, fork_off, 0) > 0);
	expect(asked(&s, bar_answers, 0) == 1 && asked(&s, ask_fork, 0) == 1);
	expect(asked(&s, second_half_answers, second) == 1);
	revoke_it(&s);
	expect(asked(&s, bar_answers, 0) == -SIGBUS && asked(&s, ask_fork, 0) == -SIGBUS);
	expect(asked(&s, second_half_answers, second) == -SIGBUS);
	expect(asked(&s, bar_answers_in_a_fork, 0) == -SIGBUS);
	stage_close(&s);
}

static void after_revoke_no_load_call_or_interrupt_gets_through(void)
{
	struct stage s = stage_open();

	client_uses_all(&s);
	actor_tell(&s.client, wait_for_hangup, 0);
	revoke_it(&s);
	expect(actor_answer(&s.client));
	expect(asked(&s, bar_answers, 0) == -SIGBUS && asked(&s, ask_fork, 0) == -SIGBUS);
	expect(asked(&s, bar_answers_in_a_fork, 0) == -SIGBUS);
	expect(!asked(&s, calls_are_refused, 0));
	expect(asked(&s, irq_arrives, 0) == 0);
	/* a second time there is nothing to do */
	revoke_it(&s);
	stage_close(&s);
}

static void the_next_user_has_the_device_while_the_first_one_lives(void)
{
	struct stage s = stage_open();
	struct actor first;

	client_uses_all(&s);
	expect(!asked(&s, start_transfer, OLD_IOVA));
	revoke_it(&s);
	expect(!asked(&s, fill_memory, 0xa5));
	asked(&s, irq_arrives, 0); /* what came before */
	expect(!ioctl(s.vfio.group, VFIO_GROUP_UNSET_CONTAINER));

	/* the next one, in a container of its own */
	first = s.client;
	vfio_attach(&s.vfio, address);
	s.lease = lease_make(s.node, &s.vfio, 8, true);
	s.client = client_start(&s.lease, BOB);
	expect(!asked(&s, map_bar, 0) && !asked(&s, map_memory, NEW_IOVA));
	expect(!asked(&s, command, COMMAND_MASTER | COMMAND_MEMORY));
	expect(!asked(&s, dma_round_trip, NEW_IOVA) && !asked(&s, msi_works, 0));

	/* the first one's transfer and interrupt would have come by now */
	expect(actor_ask(&first, memory_is_all, 0xa5));
	expect(!actor_ask(&first, irq_arrives, HOPELESS_IRQ));
	expect(actor_ask(&first, bar_answers, 0) == -SIGBUS && !actor_ask(&first, calls_are_refused, 0));
	/* to revoke the first one's dead handles once more, or to close them, is nothing to the second */
	expect(!revoke_lease(s.node, 7, TIME_LIMIT).pending);
	expect(asked(&s, bar_answers, 0) == 1 && !asked(&s, dma_round_trip, NEW_IOVA));
	actor_end(&first);
	expect(asked(&s, bar_answers, 0) == 1 && !asked(&s, dma_round_trip, NEW_IOVA));
	stage_close(&s);
}

/* Reads the next change, for which it waits. */
static struct vfiod_handle_info next_change(int node)
{
	struct pollfd wait = { .fd = node, .events = POLLIN };
	struct vfiod_handle_info info;

	expect(poll(&wait, 1, PATIENCE_MS) == 1 && wait.revents & POLLIN);
	expect(read(node, &info, sizeof(info)) == sizeof(info));
	return info;
}

static bool is_quiet(int node)
{
	struct pollfd wait = { .fd = node, .events = POLLIN };
	struct vfiod_handle_info info;

	return poll(&wait, 1, 0) == 0 && read(node, &info, sizeof(info)) == -1 && errno == EAGAIN;
}

static void changes_are_read_and_waited_for(void)
{
	struct vfio vfio = vfio_open(address);
	struct vfiod_handle_create how = { .kind = VFIOD_HANDLE_CONTAINER, .lease = 99, .uid = 4711, .tag = "name" };
	struct vfiod_handle_info info, table[4];
	int node = node_open(O_NONBLOCK), other;
	struct handle h, second;

	expect(is_quiet(node));
	expect_errno(EINVAL, read(node, table, sizeof(*table) - 1));
	how.fd = vfio.container;
	expect(!handle_create(node, &how, &h));
	info = next_change(node);
	expect(info.size == sizeof(info) && info.id == h.id && info.lease == 99 && info.uid == 4711);
	expect(info.kind == VFIOD_HANDLE_CONTAINER && !info.container && info.creator == (__u32)getpid());
	expect(info.state == VFIOD_HANDLE_LIVE && !info.flags && !info.busy && !info.busy_pid);
	expect(!memcmp(info.tag, how.tag, sizeof(info.tag)) && is_quiet(node));
	expect(table_entry(node, h.id).seq == info.seq);

	how.kind = VFIOD_HANDLE_DEVICE;
	how.fd = vfio.device;
	how.container = h.id;
	expect(!handle_create(node, &how, &second));
	info = next_change(node);
	expect(info.id == second.id && info.container == h.id && second.id != h.id && is_quiet(node));

	/* a new opener gets all; who forgets must have ended it first */
	other = node_open(O_NONBLOCK);
	expect(read(other, table, sizeof(table)) == 2 * sizeof(*table));
	expect(table[0].id == h.id && table[1].id == second.id && table[0].seq < table[1].seq && is_quiet(other));
	expect_errno(EBUSY, forget(node, h.id));
	expect_errno(ENOENT, forget(node, 12345));

	/* what changed twice is told once, as it is now */
	close_fd(&second.fd);
	info = next_change(node);
	expect(info.id == second.id && info.flags == VFIOD_HANDLE_CLOSED && info.state == VFIOD_HANDLE_REVOKING);
	expect(is_quiet(node));
	expect(!revoke_handle(node, h.id, TIME_LIMIT).pending);
	expect(read(node, table, sizeof(table)) == 2 * sizeof(*table));
	expect(table[0].id == h.id && table[0].state == VFIOD_HANDLE_ENDED && !table[0].flags);
	expect(table[1].id == second.id && table[1].state == VFIOD_HANDLE_ENDED);
	expect(!forget(node, h.id) && !forget(node, second.id) && !table_count(node) && is_quiet(node));
	expect_errno(ENOENT, forget(node, h.id));
	close_fd(&h.fd);
	expect(is_quiet(node) && (is_quiet(other) || next_change(other).id));
	close_fd(&other);
	close_fd(&node);
	vfio_detach(&vfio);
	close_fd(&vfio.group);
}

/* A read of a node opened without O_NONBLOCK waits. */
static void a_blocking_read_waits_for_a_change(void)
{
	struct vfio vfio = vfio_open(address);
	int node = node_open(0), ends[2], writer = node_open(0);
	struct lease lease;
	char byte;
	pid_t child;

	expect(!pipe(ends));
	child = fork();
	expect(child >= 0);
	if (!child) {
		struct vfiod_handle_info info;

		expect(write(ends[1], "r", 1) == 1);
		expect(read(node, &info, sizeof(info)) == sizeof(info));
		expect(write(ends[1], "d", 1) == 1);
		_exit(0);
	}
	expect(read(ends[0], &byte, 1) == 1 && byte == 'r');
	lease = lease_make(writer, &vfio, 3, false);
	expect(read(ends[0], &byte, 1) == 1 && byte == 'd');
	expect(waitpid(child, NULL, 0) == child);
	lease_close(&lease);
	table_clear(writer);
	close_fd(&writer);
	close_fd(&node);
	vfio_detach(&vfio);
	close_fd(&vfio.group);
}

static void closing_handles_ends_them_and_is_told(void)
{
	struct stage s = stage_open();
	struct vfiod_handle_info info;

	client_uses_all(&s);
	expect(table_entry(s.node, s.lease.device.id).state == VFIOD_HANDLE_LIVE);
	/* its fork ends with it, and both with all their files */
	actor_end(&s.client);
	for (const __u32 *id = (const __u32[]){ s.lease.container.id, s.lease.device.id, 0 }; *id; id++) {
		do
			info = table_entry(s.node, *id);
		while (info.state != VFIOD_HANDLE_ENDED);
		expect(info.flags == VFIOD_HANDLE_CLOSED);
	}
	s.client = actor_start(ALICE, NULL, 0);
	stage_close(&s);

	/* and the plain way */
	s = stage_open();
	expect(!asked(&s, map_bar, 0));
	expect(!asked(&s, close_container, 0) && !asked(&s, close_device, 0));
	info = table_entry(s.node, s.lease.container.id);
	expect(info.flags == VFIOD_HANDLE_CLOSED && info.state == VFIOD_HANDLE_ENDED);
	/* a mapping holds the file that it was made from, as ever */
	info = table_entry(s.node, s.lease.device.id);
	expect(!info.flags && info.state == VFIOD_HANDLE_LIVE && asked(&s, bar_answers, 0) == 1);
	expect(!asked(&s, unmap_bar, 0));
	do
		info = table_entry(s.node, s.lease.device.id);
	while (info.state != VFIOD_HANDLE_ENDED);
	expect(info.flags == VFIOD_HANDLE_CLOSED);
	/* the real files are gone, too */
	expect(!ioctl(s.vfio.group, VFIO_GROUP_UNSET_CONTAINER));
	vfio_attach(&s.vfio, address);
	stage_close(&s);
}

static void a_closed_devices_file_is_held_until_its_container_ends(void)
{
	struct stage s = stage_open();
	struct vfiod_handle_revoke done;
	struct vfiod_handle_info info;

	expect(!asked(&s, close_device, 0));
	info = table_entry(s.node, s.lease.device.id);
	expect(info.state == VFIOD_HANDLE_REVOKING && info.flags == VFIOD_HANDLE_CLOSED && !info.busy);
	expect_errno(EBUSY, ioctl(s.vfio.group, VFIO_GROUP_UNSET_CONTAINER));
	done = revoke_handle(s.node, s.lease.device.id, 100);
	expect(done.pending == 1 && !done.busy_pid);
	expect_errno(EBUSY, forget(s.node, s.lease.device.id));
	/* the container works on meanwhile */
	expect(!asked(&s, map_memory, OLD_IOVA));
	expect(!asked(&s, close_container, 0));
	expect(table_entry(s.node, s.lease.container.id).state == VFIOD_HANDLE_ENDED);
	expect(table_entry(s.node, s.lease.device.id).state == VFIOD_HANDLE_ENDED);
	expect(!ioctl(s.vfio.group, VFIO_GROUP_UNSET_CONTAINER));
	vfio_attach(&s.vfio, address);
	stage_close(&s);
}

/* The device's handle by itself: its file waits for the container's handle, but its user has lost it at once. */
static void a_device_alone_can_be_revoked(void)
{
	struct stage s = stage_open();
	struct vfiod_handle_revoke done;

	expect(!asked(&s, map_bar, 0) && asked(&s, bar_answers, 0) == 1);
	done = revoke_handle(s.node, s.lease.device.id, 100);
	expect(done.pending == 1 && !done.busy_pid);
	expect(asked(&s, bar_answers, 0) == -SIGBUS);
	expect(!asked(&s, map_memory, OLD_IOVA));
	expect(!revoke_handle(s.node, s.lease.container.id, TIME_LIMIT).pending);
	expect(!revoke_handle(s.node, s.lease.device.id, TIME_LIMIT).pending);
	expect(!asked(&s, calls_are_refused, 0));
	stage_close(&s);
}

static void handles_outlive_their_broker(void)
{
	struct stage s = { .node = node_open(O_NONBLOCK) };
	int ends[2], group;
	pid_t child;

	/* a broker that gives the group's file and the handles to this process, and dies */
	expect(!socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends));
	child = fork();
	expect(child >= 0);
	if (!child) {
		struct vfio vfio = vfio_open(address);
		int node = node_open(0);
		struct lease lease = lease_make(node, &vfio, 7, true);
		const int fds[] = { lease.container.fd, lease.device.fd, vfio.group };
		char space[CMSG_SPACE(sizeof(fds))];
		struct iovec body = { &lease, sizeof(lease) };
		struct msghdr msg = {
			.msg_iov = &body, .msg_iovlen = 1, .msg_control = space, .msg_controllen = sizeof(space)
		};
		struct cmsghdr *header = CMSG_FIRSTHDR(&msg);

		header->cmsg_level = SOL_SOCKET;
		header->cmsg_type = SCM_RIGHTS;
		header->cmsg_len = CMSG_LEN(sizeof(fds));
		memcpy(CMSG_DATA(header), fds, sizeof(fds));
		expect(sendmsg(ends[1], &msg, 0) == sizeof(lease));
		raise(SIGKILL);
	}
	{
		int fds[3];
		char space[CMSG_SPACE(sizeof(fds))];
		struct iovec body = { &s.lease, sizeof(s.lease) };
		struct msghdr msg = {
			.msg_iov = &body, .msg_iovlen = 1, .msg_control = space, .msg_controllen = sizeof(space)
		};

		expect(recvmsg(ends[0], &msg, MSG_CMSG_CLOEXEC) == sizeof(s.lease));
		memcpy(fds, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(fds));
		s.lease.container.fd = fds[0];
		s.lease.device.fd = fds[1];
		group = fds[2];
	}
	expect(waitpid(child, NULL, 0) == child);
	s.vfio = (struct vfio){ .group = group, .container = -1, .device = -1 };
	s.client = client_start(&s.lease, ALICE);
	client_uses_all(&s);
	expect(table_count(s.node) == 2 && next_change(s.node).id == s.lease.container.id);
	expect(table_entry(s.node, s.lease.device.id).creator == (__u32)child);
	revoke_it(&s);
	expect(asked(&s, bar_answers, 0) == -SIGBUS && !asked(&s, calls_are_refused, 0));
	stage_close(&s);
}

/* ---- iommufd and the device's own node, where the kernel has them --------------------------------------------------
 */

static long map_memory_by_iommufd(long ioas)
{
	struct ioas_map map = {
		.size = sizeof(map), .flags = 7, .id = (__u32)ioas, .length = 2 * PAGE, .iova = OLD_IOVA
	};

	my.memory = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	expect(my.memory != MAP_FAILED);
	map.address = (uintptr_t)my.memory;
	return ioctl(my.lease.container.fd, IOAS_MAP, &map) ? -errno : 0;
}

/* A lease of the device by its own node; @ioas is where its memory goes. */
static struct stage cdev_open(__u64 number, uid_t uid, __u32 *ioas)
{
	struct stage s = { .node = node_open(O_NONBLOCK),
			   .vfio = { .group = -1,
				     .container = open("/dev/iommu", O_RDWR | O_CLOEXEC),
				     .device = vfio_cdev(address) } };
	struct bind_iommufd bind = { .argsz = sizeof(bind), .iommufd = s.vfio.container };
	struct ioas_alloc alloc = { .size = sizeof(alloc) };
	struct attach_ioas attach = { .argsz = sizeof(attach) };
	struct vfiod_handle_create how = { .kind = VFIOD_HANDLE_IOMMUFD, .fd = s.vfio.container, .lease = number };

	expect(s.vfio.container >= 0 && !ioctl(s.vfio.container, IOAS_ALLOC, &alloc));
	attach.id = *ioas = alloc.id;
	expect(!ioctl(s.vfio.device, BIND_IOMMUFD, &bind) && !ioctl(s.vfio.device, ATTACH_IOAS, &attach));
	s.lease.number = number;
	/* an iommufd is no container */
	how.kind = VFIOD_HANDLE_CONTAINER;
	expect_errno(EINVAL, handle_create(s.node, &how, &s.lease.container));
	how.kind = VFIOD_HANDLE_IOMMUFD;
	expect(!handle_create(s.node, &how, &s.lease.container));
	how.kind = VFIOD_HANDLE_DEVICE;
	how.fd = s.vfio.device;
	how.container = s.lease.container.id;
	expect(!handle_create(s.node, &how, &s.lease.device));
	close_fd(&s.vfio.device);
	close_fd(&s.vfio.container);
	s.client = client_start(&s.lease, uid);
	return s;
}

static void a_device_by_its_own_node_and_an_iommufd_are_revoked_alike(void)
{
	__u32 ioas;
	struct stage s = cdev_open(7, ALICE, &ioas), second;

	expect(!asked(&s, map_bar, 0) && asked(&s, bar_answers, 0) == 1 && asked(&s, fork_off, 0) > 0);
	expect(!asked(&s, map_memory_by_iommufd, ioas) && !asked(&s, command, COMMAND_MASTER | COMMAND_MEMORY));
	expect(!asked(&s, dma_round_trip, OLD_IOVA) && !asked(&s, msi_works, 0));
	revoke_it(&s);
	expect(asked(&s, bar_answers, 0) == -SIGBUS && asked(&s, ask_fork, 0) == -SIGBUS);
	expect(!asked(&s, calls_are_refused, 0) && !asked(&s, fill_memory, 0xa5));

	second = cdev_open(8, BOB, &ioas);
	expect(!asked(&second, map_bar, 0) && !asked(&second, map_memory_by_iommufd, ioas));
	expect(!asked(&second, command, COMMAND_MASTER | COMMAND_MEMORY) && !asked(&second, dma_round_trip, OLD_IOVA));
	expect(asked(&s, memory_is_all, 0xa5) && asked(&s, bar_answers, 0) == -SIGBUS);
	actor_end(&s.client);
	expect(asked(&second, bar_answers, 0) == 1);
	actor_end(&second.client);
	table_clear(s.node);
}

/* Who gets a device that is not bound yet binds it by an iommufd of its own, which must not be a handle: the kernel
 * does not know one for what it stands for. */
static long bind_to(long iommufd)
{
	struct bind_iommufd bind = { .argsz = sizeof(bind), .iommufd = (__s32)iommufd };

	return ioctl(my.lease.device.fd, BIND_IOMMUFD, &bind) ? -errno : 0;
}

static long bind_to_handle(long unused)
{
	(void)unused;
	return bind_to(my.lease.container.fd);
}

static long bind_to_own(long unused)
{
	(void)unused;
	return bind_to(open("/dev/iommu", O_RDWR | O_CLOEXEC));
}

static void a_device_by_a_handle_is_bound_to_the_clients_own_iommufd(void)
{
	struct vfiod_handle_create how = { .kind = VFIOD_HANDLE_IOMMUFD, .lease = 7 };
	struct stage s = { .node = node_open(O_NONBLOCK),
			   .vfio = { .group = -1,
				     .container = open("/dev/iommu", O_RDWR | O_CLOEXEC),
				     .device = vfio_cdev(address) } };

	expect(s.vfio.container >= 0 && !chmod("/dev/iommu", 0666));
	s.lease.number = 7;
	how.fd = s.vfio.container;
	expect(!handle_create(s.node, &how, &s.lease.container));
	how.kind = VFIOD_HANDLE_DEVICE;
	how.fd = s.vfio.device;
	expect(!handle_create(s.node, &how, &s.lease.device));
	close_fd(&s.vfio.device);
	close_fd(&s.vfio.container);
	s.client = client_start(&s.lease, ALICE);
	expect(asked(&s, bind_to_handle, 0) == -EBADFD);
	expect(!asked(&s, bind_to_own, 0) && asked(&s, facts_of_handle, 0));
	revoke_it(&s);
	expect(asked(&s, bind_to_own, 0) == -ENODEV);
	actor_end(&s.client);
	table_clear(s.node);
	close_fd(&s.node);
}

/* Opening the node takes CAP_SYS_ADMIN in the first user namespace, whatever the node's mode says. */
static long open_node(long unused)
{
	(void)unused;
	return open(VFIOD_HANDLE_NODE, O_RDWR | O_CLOEXEC) < 0 ? -errno : 0;
}

static long open_node_as_root_of_a_namespace(long unused)
{
	(void)unused;
	expect(!unshare(CLONE_NEWUSER));
	return open_node(0);
}

static void only_root_may_open_the_node(void)
{
	struct actor alice = actor_start(ALICE, NULL, 0), root = actor_start(0, NULL, 0);

	expect(actor_ask(&alice, open_node, 0) == -EACCES);
	expect(!chmod(VFIOD_HANDLE_NODE, 0666));
	expect(actor_ask(&alice, open_node, 0) == -EPERM);
	expect(actor_ask(&root, open_node, 0) == 0);
	expect(actor_ask(&root, open_node_as_root_of_a_namespace, 0) == -EPERM);
	expect(!chmod(VFIOD_HANDLE_NODE, 0600));
	actor_end(&alice);
	actor_end(&root);
}

/* For the scenario: a client that has a mapping, "ready", until it is killed, and the broker ends. */
static void hold(void)
{
	struct stage s = stage_open();

	expect(!asked(&s, map_bar, 0) && asked(&s, bar_answers, 0) == 1);
	puts("ready");
	fflush(stdout);
	expect(waitpid(s.client.pid, NULL, 0) == s.client.pid);
}

/* For the scenario: leave entries that have ended in the table. */
static void leave_entries(void)
{
	struct stage s = stage_open();

	revoke_it(&s);
	actor_end(&s.client);
	vfio_detach(&s.vfio);
}

#define TEST(name) \
	{ \
#name, name, ALWAYS \
	}
#define TEST_OF_IOMMUFD(name) \
	{ \
#name, name, WITH_IOMMUFD \
	}
#define SERVICE(name) \
	{ \
#name, name, NEVER \
	}

static const struct {
	const char *name;
	void (*run)(void);
	enum { ALWAYS, WITH_IOMMUFD, NEVER } listed;
} tests[] = {
	TEST(a_handle_says_what_the_device_says),
	TEST(registers_dma_and_interrupts_work_through_handles),
	TEST(memory_off_takes_pages_away_from_handles_mappings),
	TEST(a_reset_takes_pages_away_from_handles_mappings),
	TEST(mappings_that_were_split_moved_and_forked_are_revoked),
	TEST(after_revoke_no_load_call_or_interrupt_gets_through),
	TEST(the_next_user_has_the_device_while_the_first_one_lives),
	TEST(changes_are_read_and_waited_for),
	TEST(a_blocking_read_waits_for_a_change),
	TEST(closing_handles_ends_them_and_is_told),
	TEST(a_closed_devices_file_is_held_until_its_container_ends),
	TEST(a_device_alone_can_be_revoked),
	TEST(handles_outlive_their_broker),
	TEST(only_root_may_open_the_node),
	TEST_OF_IOMMUFD(a_device_by_its_own_node_and_an_iommufd_are_revoked_alike),
	TEST_OF_IOMMUFD(a_device_by_a_handle_is_bound_to_the_clients_own_iommufd),
	SERVICE(a_device_in_D3_has_taken_pages_away_from_handles_mappings),
	SERVICE(hold),
	SERVICE(leave_entries),
};

int main(int argc, char **argv)
{
	for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
		if (argc == 1 &&
		    (tests[i].listed == ALWAYS || (tests[i].listed == WITH_IOMMUFD && !access("/dev/iommu", F_OK))))
			puts(tests[i].name);
		if (argc == 3 && !strcmp(argv[1], tests[i].name)) {
			address = argv[2];
			tests[i].run();
			return 0;
		}
	}
	if (argc > 1)
		fprintf(stderr, "usage: handles [TEST ADDRESS]\n");
	return argc > 1 ? 2 : 0;
}
