/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A client that keeps an operation in the kernel on purpose, by a page that never comes (userfaultfd), and stops
 * itself.
 *
 *	stall			the names of the tests
 *	stall TEST ADDRESS	runs one on an edu device; vm.unprivileged_userfaultfd has to be 1
 */
#include "tests/vm/clients/client.h"
#include "tests/vm/clients/edu.h"
#include "tests/vm/clients/expect.h"
#include "tests/vm/clients/stalling.h"

#include <fcntl.h>
#include <linux/vfio.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SHORT_LIMIT 300	 /* ms: the limit of a REVOKE that cannot end in time */
#define SLACK	    1500 /* ms that it may take longer on an emulated, busy machine */

static const char *address;

/* ---- the broker ----------------------------------------------------------------------------------------------------
 */

static int node;
static struct vfio vfio;
static struct lease lease;
static struct actor client;

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return 1e3 * (double)t.tv_sec + 1e-6 * (double)t.tv_nsec;
}

static void begin_with(bool give)
{
	node = node_open(O_NONBLOCK);
	vfio = vfio_open(address);
	lease = lease_make(node, &vfio, 7, give);
	client = client_start(&lease, ALICE);
	expect(!actor_ask(&client, map_bar, 0) && actor_ask(&client, bar_answers, 0) == 1);
	expect(!actor_ask(&client, map_memory, OLD_IOVA));
	expect(!actor_ask(&client, command, COMMAND_MASTER | COMMAND_MEMORY));
	expect(!actor_ask(&client, make_page_that_never_comes, 0));
}

static void begin(void)
{
	begin_with(true);
}

/* The client is killed by what REVOKE said, and a second REVOKE takes no longer than the first one was allowed to. */
static void kill_and_finish(int pid)
{
	struct vfiod_handle_revoke done;
	double start = now();

	expect(pid == client.pid && !kill(pid, SIGKILL));
	done = revoke_lease(node, 7, TIME_LIMIT);
	expect(!done.pending && !done.busy_pid);
	printf("figure: free %.0f ms after the kill\n", now() - start);
	actor_end(&client);
	vfio_detach(&vfio);
	table_clear(node);

	/* the next client has all of it */
	vfio_attach(&vfio, address);
	lease = lease_make(node, &vfio, 8, true);
	client = client_start(&lease, BOB);
	expect(!actor_ask(&client, map_bar, 0) && actor_ask(&client, bar_answers, 0) == 1);
	expect(!actor_ask(&client, map_memory, NEW_IOVA));
	expect(!actor_ask(&client, command, COMMAND_MASTER | COMMAND_MEMORY));
	expect(!actor_ask(&client, dma_round_trip, NEW_IOVA) && !actor_ask(&client, msi_works, 0));
	actor_end(&client);
	table_clear(node);
	vfio_detach(&vfio);
}

static void revoke_what_stalls(long way, bool container)
{
	const __u32 id = container ? lease.container.id : lease.device.id;
	struct vfiod_handle_revoke done;
	double start, took;

	expect(!actor_ask(&client, begin_to_stall, way));
	expect(table_entry(node, id).busy == 1 && table_entry(node, id).busy_pid == (__u32)client.pid);
	expect(table_entry(node, id).state == VFIOD_HANDLE_LIVE);
	start = now();
	done = revoke_lease(node, 7, SHORT_LIMIT);
	took = now() - start;
	/* the device waits for its container; a container does not wait for its device */
	expect(done.pending == (container ? 2 : 1) && done.busy_pid == (__u32)client.pid);
	expect(took >= SHORT_LIMIT - 20 && took < SHORT_LIMIT + SLACK);
	expect(table_entry(node, id).state == VFIOD_HANDLE_REVOKING && table_entry(node, id).busy == 1);
	/* its instructions reach nothing any more, and no call gets in */
	expect(actor_ask(&client, bar_answers, 0) == -SIGBUS &&
	       actor_ask(&client, bar_answers_in_a_fork, 0) == -SIGBUS);
	expect(!actor_ask(&client, calls_are_refused, 0));
	/* what is in flight holds the device: it cannot be detached, and nobody is led to believe that it could */
	expect_errno(EBUSY, ioctl(vfio.group, VFIO_GROUP_UNSET_CONTAINER));
	/* to ask with no time at all gives the same answer at once */
	done = revoke_lease(node, 7, 0);
	expect(done.pending == (container ? 2 : 1) && done.busy_pid == (__u32)client.pid);
}

static void a_stalled_read_is_named_and_ends_with_its_process(void)
{
	begin();
	revoke_what_stalls(STALL_READ, false);
	kill_and_finish(client.pid);
}

static void a_stalled_write_is_named_and_ends_with_its_process(void)
{
	begin();
	revoke_what_stalls(STALL_WRITE, false);
	kill_and_finish(client.pid);
}

static void a_stalled_ioctl_is_named_and_ends_with_its_process(void)
{
	begin();
	revoke_what_stalls(STALL_DEVICE_IOCTL, false);
	kill_and_finish(client.pid);
}

static void a_stalled_container_is_named_and_ends_with_its_process(void)
{
	begin();
	revoke_what_stalls(STALL_CONTAINER_IOCTL, true);
	kill_and_finish(client.pid);
}

/*
 * The device goes on with what its client has told it, as long as an operation of the client's holds its file; but who
 * has the container's own file can take its memory away at once.
 */
static void dma_of_a_stalled_client_is_stopped_by_unmapping_all(void)
{
	struct vfio_iommu_type1_dma_unmap all = { .argsz = sizeof(all), .flags = VFIO_DMA_UNMAP_FLAG_ALL };
	int container;

	begin_with(false);
	container = vfio.container;
	close_fd(&vfio.device);
	expect(!actor_ask(&client, begin_to_stall, STALL_READ) && !actor_ask(&client, start_transfer, OLD_IOVA));
	expect(revoke_lease(node, 7, 0).pending);
	expect(!ioctl(container, VFIO_IOMMU_UNMAP_DMA, &all));
	expect(!actor_ask(&client, fill_memory, 0xa5));
	/* a transfer takes 100 ms */
	poll(NULL, 0, HOPELESS_IRQ);
	expect(actor_ask(&client, memory_is_all, 0xa5));
	kill_and_finish(client.pid);
}

static void a_client_that_stops_in_the_middle_is_killed_all_the_same(void)
{
	struct vfiod_handle_revoke done;

	begin();
	expect(!actor_ask(&client, begin_to_stall, STALL_READ));
	actor_stop(&client);
	done = revoke_lease(node, 7, SHORT_LIMIT);
	expect(done.pending == 1 && done.busy_pid == (__u32)client.pid);
	kill_and_finish((int)done.busy_pid);
}

static void a_client_that_stalls_is_killed_by_a_revocation_that_is_to(void)
{
	struct vfiod_handle_revoke done;

	begin();
	expect(!actor_ask(&client, begin_to_stall, STALL_READ));
	actor_stop(&client);
	done = revoke_lease_and_kill(node, 7, SHORT_LIMIT);
	expect(done.pending == 1 && done.busy_pid == (__u32)client.pid);
	done = revoke_lease_and_kill(node, 7, TIME_LIMIT);
	expect(!done.pending && !done.busy_pid);
	kill_and_finish(client.pid);
}

static void a_client_that_is_in_no_call_is_not_killed(void)
{
	struct vfiod_handle_revoke done;

	begin();
	done = revoke_lease_and_kill(node, 7, 0);
	expect(!done.busy_pid);
	expect(actor_ask(&client, bar_answers, 0) == -SIGBUS && !actor_ask(&client, calls_are_refused, 0));
	kill_and_finish(client.pid);
}

/* A stopped process that is in no call is in nobody's way. */
static void a_client_that_is_stopped_is_revoked(void)
{
	struct vfiod_handle_revoke done;

	begin();
	actor_stop(&client);
	done = revoke_lease(node, 7, TIME_LIMIT);
	expect(!done.pending && !done.busy_pid);
	expect(!kill(client.pid, SIGCONT));
	expect(actor_ask(&client, bar_answers, 0) == -SIGBUS && !actor_ask(&client, calls_are_refused, 0));
	kill_and_finish(client.pid);
}

/* A revoker that is killed leaves the handle shut, and the next one goes on. */
static void a_revoker_can_be_killed(void)
{
	pid_t revoker;

	begin();
	expect(!actor_ask(&client, begin_to_stall, STALL_READ));
	revoker = fork();
	expect(revoker >= 0);
	if (!revoker) {
		revoke_lease(node, 7, 600000);
		_exit(0);
	}
	while (table_entry(node, lease.device.id).state != VFIOD_HANDLE_REVOKING)
		;
	expect(!kill(revoker, SIGKILL) && waitpid(revoker, NULL, 0) == revoker);
	kill_and_finish(client.pid);
}

#define TEST(name) \
	{ \
#name, name \
	}

static const struct {
	const char *name;
	void (*run)(void);
} tests[] = {
	TEST(a_stalled_read_is_named_and_ends_with_its_process),
	TEST(a_stalled_write_is_named_and_ends_with_its_process),
	TEST(a_stalled_ioctl_is_named_and_ends_with_its_process),
	TEST(a_stalled_container_is_named_and_ends_with_its_process),
	TEST(dma_of_a_stalled_client_is_stopped_by_unmapping_all),
	TEST(a_client_that_stops_in_the_middle_is_killed_all_the_same),
	TEST(a_client_that_stalls_is_killed_by_a_revocation_that_is_to),
	TEST(a_client_that_is_in_no_call_is_not_killed),
	TEST(a_client_that_is_stopped_is_revoked),
	TEST(a_revoker_can_be_killed),
};

int main(int argc, char **argv)
{
	for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
		if (argc == 1)
			puts(tests[i].name);
		if (argc == 3 && !strcmp(argv[1], tests[i].name)) {
			address = argv[2];
			tests[i].run();
			return 0;
		}
	}
	return argc > 1 ? 2 : 0;
}
