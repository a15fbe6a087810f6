/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Clients that get an edu, or any function, by its own file and an iommufd.
 *
 *	byiommufd hold EDU
 *		acquire, bind, move data by DMA, "leased"; at each SIGUSR1 once more, and what that comes to:
 *		"answers", or the error
 *
 *	byiommufd stalled EDU
 *		acquire, bind, map a page that never comes, "stalled" just before that: the kernel has the call
 *		until the process is killed; vm.unprivileged_userfaultfd has to be 1
 *
 *	byiommufd run FUNCTION COMMAND...
 *		acquire, and become COMMAND, which has the iommufd as file 8 and the function's as 9
 */
#include "tests/vm/clients/client.h"
#include "tests/vm/clients/edu.h"
#include "tests/vm/clients/expect.h"
#include "tests/vm/clients/iommufd.h"

#include "libvfiodma/vfiodma.h"

#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#define IOMMUFD 8
#define DEVICE	9

static struct vfiodma_session *session;
static struct vfiodma_lease *lease;

static void acquire(const char *address)
{
	if (vfiodma_session_open(NULL, &session) ||
	    vfiodma_lease_acquire(session, address, VFIODMA_LEASE_IOMMUFD, &lease)) {
		fprintf(stderr, "byiommufd: %s\n", vfiodma_session_error(session));
		_exit(1);
	}
}

static void say(const char *what)
{
	puts(what);
	fflush(stdout);
}

/* What vfiod has set, and what is to come after that. */
static void check_iommufd(int iommufd)
{
	struct iommu_option option = { .size = sizeof(option), .option = OPTION_RLIMIT_MODE, .op = OPTION_GET };

	expect(!ioctl(iommufd, IOMMU_OPTION, &option) && option.value == 1);
}

/* Return: the number of what maps memory for it. */
static uint32_t bind_device(int iommufd)
{
	struct bind_iommufd bind = { .argsz = sizeof(bind), .iommufd = iommufd };
	struct ioas_alloc alloc = { .size = sizeof(alloc) };
	struct attach_ioas attach = { .argsz = sizeof(attach) };
	struct ioas_map map = { .size = sizeof(map), .flags = 7, .length = 2 * PAGE, .iova = OLD_IOVA };

	expect(!ioctl(my.lease.device.fd, BIND_IOMMUFD, &bind) && !ioctl(iommufd, IOAS_ALLOC, &alloc));
	attach.id = map.id = alloc.id;
	expect(!ioctl(my.lease.device.fd, ATTACH_IOAS, &attach));
	my.memory = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	expect(my.memory != MAP_FAILED);
	map.address = (uintptr_t)my.memory;
	expect(!ioctl(iommufd, IOAS_MAP, &map));
	return alloc.id;
}

static const char *use(void)
{
	long result = dma_round_trip(OLD_IOVA);

	if (!result)
		return "answers";
	return result == -SIGBUS ? "SIGBUS" : strerror((int)-result);
}

static void hold(const char *address)
{
	sigset_t signals;
	int which;

	sigemptyset(&signals);
	sigaddset(&signals, SIGUSR1);
	expect(!sigprocmask(SIG_BLOCK, &signals, NULL));
	acquire(address);
	my.lease.device.fd = vfiodma_lease_device_fd(lease);
	check_iommufd(vfiodma_lease_iommufd(lease));
	expect(vfiodma_lease_container_fd(lease) < 0 && vfiodma_lease_group_fd(lease) < 0);
	bind_device(vfiodma_lease_iommufd(lease));
	expect(!map_bar(0) && !command(COMMAND_MASTER | COMMAND_MEMORY) && !strcmp(use(), "answers"));
	say("leased");
	while (!sigwait(&signals, &which))
		say(use());
}

static void stalled(const char *address)
{
	struct ioas_map map = { .size = sizeof(map), .flags = 7, .length = PAGE, .iova = OLD_IOVA + 16 * PAGE };
	void *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct uffdio_register pages = { .range = { (uintptr_t)page, PAGE }, .mode = UFFDIO_REGISTER_MODE_MISSING };
	struct uffdio_api api = { .api = UFFD_API };
	int faults = (int)syscall(SYS_userfaultfd, O_CLOEXEC);

	expect(faults >= 0 && !ioctl(faults, UFFDIO_API, &api) && !ioctl(faults, UFFDIO_REGISTER, &pages));
	acquire(address);
	my.lease.device.fd = vfiodma_lease_device_fd(lease);
	map.id = bind_device(vfiodma_lease_iommufd(lease));
	map.address = (uintptr_t)page;
	say("stalled");
	ioctl(vfiodma_lease_iommufd(lease), IOAS_MAP, &map);
	expect(!"the page came");
}

/* Puts @fd where the command looks for it. */
static void place(int fd, int to)
{
	expect(dup2(fd, to) == to);
}

static void run(const char *address, char **command)
{
	int device, iommufd;

	acquire(address);
	device = fcntl(vfiodma_lease_device_fd(lease), F_DUPFD_CLOEXEC, DEVICE + 1);
	iommufd = fcntl(vfiodma_lease_iommufd(lease), F_DUPFD_CLOEXEC, DEVICE + 1);
	expect(device > DEVICE && iommufd > DEVICE);
	place(iommufd, IOMMUFD);
	place(device, DEVICE);
	execvp(command[0], command);
	expect(!"the command can be run");
}

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "hold"))
		hold(argv[2]);
	else if (argc == 3 && !strcmp(argv[1], "stalled"))
		stalled(argv[2]);
	else if (argc > 3 && !strcmp(argv[1], "run"))
		run(argv[2], argv + 3);
	fprintf(stderr, "usage: byiommufd hold|stalled EDU\n       byiommufd run FUNCTION COMMAND...\n");
	return 2;
}
