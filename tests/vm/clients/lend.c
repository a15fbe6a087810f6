/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 *	lend ADDRESS WHAT COMMAND...	runs COMMAND with the files of a function: 8 is an iommufd, 9 the device's own
 *node lend back			revokes all that has been lent
 *
 * WHAT is "files", the plain ones; "device", with a handle of the node; "all", with a handle of the iommufd, too.
 */
#include "tests/vm/clients/broker.h"
#include "tests/vm/clients/expect.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#define LEASE	   1
#define IOMMUFD	   8
#define DEVICE	   9
#define TIME_LIMIT 10000

/* Puts @fd where the command looks for it. */
static void place(int fd, int to)
{
	expect(fd > DEVICE && dup2(fd, to) == to);
}

static struct handle wrap(int node, int fd, __u32 kind, __u32 container)
{
	struct vfiod_handle_create how = { .kind = kind, .fd = fd, .lease = LEASE, .container = container };
	struct handle handle;

	expect(!handle_create(node, &how, &handle));
	return handle;
}

/* Numbers below those of what is lent are not to be used. */
static int raised(int fd)
{
	int above = fcntl(fd, F_DUPFD_CLOEXEC, DEVICE + 1);

	expect(above > DEVICE);
	close_fd(&fd);
	return above;
}

int main(int argc, char **argv)
{
	int node, iommufd, device;
	struct handle container = { 0 };

	if (argc == 2 && !strcmp(argv[1], "back")) {
		expect(!revoke_lease(node_open(0), LEASE, TIME_LIMIT).pending);
		return 0;
	}
	if (argc < 4) {
		fprintf(stderr, "usage: lend ADDRESS files|device|all COMMAND...\n       lend back\n");
		return 2;
	}
	iommufd = raised(open("/dev/iommu", O_RDWR | O_CLOEXEC));
	device = raised(vfio_cdev(argv[1]));
	node = raised(node_open(0));
	if (!strcmp(argv[2], "all")) {
		container = wrap(node, iommufd, VFIOD_HANDLE_IOMMUFD, 0);
		iommufd = raised(container.fd);
	}
	if (strcmp(argv[2], "files") != 0)
		device = raised(wrap(node, device, VFIOD_HANDLE_DEVICE, container.id).fd);
	place(iommufd, IOMMUFD);
	place(device, DEVICE);
	execvp(argv[3], argv + 3);
	expect(!"the command can be run");
}
