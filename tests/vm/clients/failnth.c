/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * failnth ADDRESS: each operation of the module of handles with its first allocation (or copy of user memory) failing,
 * then its second, and so on, until it needs no more (Documentation/fault-injection/fault-injection.rst: fail-nth).
 */
#include "tests/vm/clients/broker.h"
#include "tests/vm/clients/chance.h"
#include "tests/vm/clients/edu.h"
#include "tests/vm/clients/expect.h"

#include <fcntl.h>
#include <linux/vfio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

static int node;
static struct vfio vfio;
static int chance; /* of the operation that is next, which fails; counted from 1 */

static void arm(void)
{
	chance_arm(chance);
}

/* ---- operations: each says whether it has failed, with errno, and whether a failure was made ---- */

static bool create(__u32 kind, int fd, bool *made)
{
	struct vfiod_handle_create how = { .kind = kind, .fd = fd, .lease = 1 };
	__u32 before = table_count(node);
	struct handle h;
	bool failed;

	arm();
	failed = handle_create(node, &how, &h);
	*made = chance_disarm();
	if (failed) {
		int error = errno;

		expect(table_count(node) == before);
		errno = error;
		return true;
	}
	close_fd(&h.fd);
	return false;
}

static bool create_device(bool *made)
{
	return create(VFIOD_HANDLE_DEVICE, vfio.device, made);
}

static bool create_container(bool *made)
{
	return create(VFIOD_HANDLE_CONTAINER, vfio.container, made);
}

/*
 * A mapping, its first fault and its split. Not its fork, in which nothing of the module's can fail: the kernel shows a
 * stack when it has none for the child.
 */
static bool map_bar(bool *made)
{
	struct lease lease = lease_make(node, &vfio, 1, false);
	volatile void *bar;
	uint32_t value;

	arm();
	bar = bar_map(lease.device.fd, 0, EDU_SIZE);
	*made = chance_disarm();
	if (bar != MAP_FAILED) {
		expect(load(bar, EDU_ID, &value));
		expect(!munmap((void *)bar, EDU_SIZE));
	}
	lease_close(&lease);
	return bar == MAP_FAILED;
}

static bool touch_bar(bool *made)
{
	struct lease lease = lease_make(node, &vfio, 1, false);
	volatile void *bar = bar_map(lease.device.fd, 0, EDU_SIZE);
	uint32_t value;
	bool worked;

	expect(bar != MAP_FAILED);
	arm();
	worked = load(bar, EDU_ID, &value);
	*made = chance_disarm();
	errno = ENOMEM;
	expect(load(bar, EDU_ID, &value) && !munmap((void *)bar, EDU_SIZE));
	lease_close(&lease);
	return !worked;
}

static bool split_bar(bool *made)
{
	struct lease lease = lease_make(node, &vfio, 1, false);
	volatile void *bar = bar_map(lease.device.fd, 0, EDU_SIZE);
	uint32_t value;
	bool failed;

	expect(bar != MAP_FAILED && load(bar, EDU_ID, &value));
	arm();
	failed = munmap((char *)bar + EDU_SIZE / 2, 4096);
	*made = chance_disarm();
	lease_close(&lease);
	expect(!revoke_lease(node, 1, 20000).pending && !load(bar, EDU_ID, &value));
	if (failed)
		expect(!munmap((void *)bar, EDU_SIZE));
	return failed;
}

static bool take_back(bool *made)
{
	struct lease lease = lease_make(node, &vfio, 1, false);
	volatile void *bar = bar_map(lease.device.fd, 0, EDU_SIZE);
	struct vfiod_handle_revoke how = {
		.size = sizeof(how), .flags = VFIOD_HANDLE_REVOKE_LEASE, .lease = 1, .timeout_ms = 20000
	};
	uint32_t value;
	bool failed;

	expect(bar != MAP_FAILED && load(bar, EDU_ID, &value));
	arm();
	failed = ioctl(node, VFIOD_HANDLE_REVOKE, &how);
	*made = chance_disarm();
	if (!failed)
		expect(!how.pending);
	{
		int error = errno;

		/* what has failed can be done again */
		expect(!revoke_lease(node, 1, 20000).pending && !load(bar, EDU_ID, &value));
		expect(!munmap((void *)bar, EDU_SIZE));
		errno = error;
	}
	lease_close(&lease);
	return failed;
}

static bool list(bool *made)
{
	struct lease lease = lease_make(node, &vfio, 1, false);
	struct vfiod_handle_info entries[4];
	struct vfiod_handle_list how = { .size = sizeof(how),
					 .count = 4,
					 .entries = (__u64)(unsigned long)entries,
					 .entry_size = sizeof(entries[0]) };
	bool failed;

	arm();
	failed = ioctl(node, VFIOD_HANDLE_LIST, &how);
	*made = chance_disarm();
	lease_close(&lease);
	return failed;
}

/* A change that could not be told is told the next time. */
static bool read_changes(bool *made)
{
	struct lease lease = lease_make(node, &vfio, 1, false);
	struct vfiod_handle_info entries[2];
	ssize_t size;
	int other;

	arm();
	other = open(VFIOD_HANDLE_NODE, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	size = other < 0 ? -1 : read(other, entries, sizeof(entries));
	*made = chance_disarm();
	if (other >= 0) {
		int error = errno;

		if (size != (ssize_t)sizeof(entries))
			expect(read(other, entries, sizeof(entries)) ==
			       (ssize_t)sizeof(entries) - (size > 0 ? size : 0));
		close_fd(&other);
		errno = error;
	}
	lease_close(&lease);
	return size < 0;
}

static const struct {
	const char *name;
	bool (*run)(bool *made);
} operations[] = {
	{ "CREATE of a device", create_device },
	{ "CREATE of a container", create_container },
	{ "mmap", map_bar },
	{ "a first fault", touch_bar },
	{ "a split", split_bar },
	{ "REVOKE", take_back },
	{ "LIST", list },
	{ "open and read of the node", read_changes },
};

static bool is_clean(int error)
{
	return error == ENOMEM || error == EFAULT || error == ENFILE;
}

int main(int argc, char **argv)
{
	int places = 0;

	if (argc != 2)
		return 2;
	setlinebuf(stdout);
	vfio = vfio_open(argv[1]);
	node = node_open(O_NONBLOCK);
	for (size_t i = 0; i < sizeof(operations) / sizeof(operations[0]); i++) {
		int heard = 0;
		bool made;

		for (chance = 1;; chance++) {
			if (operations[i].run(&made)) {
				heard++;
				expect(made && is_clean(errno));
			}
			table_clear(node);
			if (!made)
				break;
		}
		printf("# %s: %d places to fail, of %d of which the caller hears\n", operations[i].name, chance - 1,
		       heard);
		/* a fault may find all that it needs */
		expect(chance > 1 || operations[i].run == touch_bar);
		places += chance - 1;
	}
	/* the device is as it was */
	vfio_detach(&vfio);
	vfio_attach(&vfio, argv[1]);
	vfio_detach(&vfio);
	printf("figure: %d failures made, one at a time\n", places);
	return 0;
}
