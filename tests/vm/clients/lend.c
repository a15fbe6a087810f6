/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lend ADDRESS file|handle COMMAND...: runs COMMAND with an iommufd as file 8 and with the device's own node, or a
 * handle of it, as file 9. lend back: revokes all that has been lent.
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

static int wrap(int device)
{
	struct vfiod_handle_create how = { .kind = VFIOD_HANDLE_DEVICE, .fd = device, .lease = LEASE };
	struct handle handle;

	expect(!handle_create(node_open(0), &how, &handle));
	return handle.fd;
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
	int iommufd, device;

	if (argc == 2 && !strcmp(argv[1], "back")) {
		expect(!revoke_lease(node_open(0), LEASE, TIME_LIMIT).pending);
		return 0;
	}
	if (argc < 4) {
		fprintf(stderr, "usage: lend ADDRESS file|handle COMMAND...\n       lend back\n");
		return 2;
	}
	iommufd = raised(open("/dev/iommu", O_RDWR | O_CLOEXEC));
	device = vfio_cdev(argv[1]);
	device = raised(strcmp(argv[2], "handle") ? device : wrap(device));
	place(iommufd, IOMMUFD);
	place(device, DEVICE);
	execvp(argv[3], argv + 3);
	expect(!"the command can be run");
}
