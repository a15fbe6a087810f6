/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Ways of having a lease and of losing it. A word on stdout says when the interesting point is reached.
 *
 *	lease hold ADDRESS		acquire, "leased", stay until killed
 *	lease asked ADDRESS		the same; at each SIGUSR1 a call on the device, and what it gives:
 *					"answers", or the error
 *	lease bare ADDRESS		the same without the container, which is closed
 *	lease group ADDRESS		the same with the group's descriptor and a container of its own, DMA mapped
 *	lease grouped ADDRESS		the same with the group's descriptor, and nothing else
 *	lease orphan ADDRESS		acquire, leave the descriptors to a child ("child PID") and end
 *	lease forgotten ADDRESS		the same, and the child closes the connection to vfiod
 *	lease shared ADDRESS		the same, but stay and release: the child is in the way
 *	lease mapped ADDRESS		map BAR 0, release: the mapping is in the way; stay until killed
 *	lease dirty ADDRESS		leave MSI, bus mastering and a DMA of an edu on, and be killed
 *	lease exec ADDRESS		acquire, "leased", and become another program, which has nothing of it
 *	lease keep ADDRESS		the same, but the other program has the device's descriptor
 *	lease stalled ADDRESS		read config space into a page that never comes, "stalled" just before that; the
 *					kernel has the call until the process is killed
 *	lease cycle COUNT ADDRESS	acquire and release, COUNT times; "going on" after the first few
 *	lease relay COUNT ADDRESS	COUNT processes, each acquires as soon as the one before is gone; likewise
 */
#include "libvfiodma/vfiodma.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <linux/vfio.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define EDU_MAGIC 0xedu
#define A_FEW	  5

struct client {
	const char *address;
	unsigned int count;
	struct vfiodma_session *session;
	struct vfiodma_lease *lease;
};

static int failed(const struct client *client)
{
	fprintf(stderr, "lease: %s\n", vfiodma_session_error(client->session));
	return 1;
}

static int broken(const char *what)
{
	fprintf(stderr, "lease: %s: %s\n", what, strerror(errno));
	return 1;
}

static int say(const char *what)
{
	puts(what);
	fflush(stdout);
	return 0;
}

/* pause() returns after a signal that is handled, and there is none. */
static int stay(const char *what)
{
	say(what);
	return pause();
}

static int acquire(struct client *client, unsigned int flags)
{
	if (vfiodma_session_open(NULL, &client->session) ||
	    vfiodma_lease_acquire(client->session, client->address, flags, &client->lease))
		return failed(client);
	return 0;
}

static int hold(struct client *client)
{
	return acquire(client, 0) ? 1 : stay("leased");
}

static int asked(struct client *client)
{
	struct vfio_device_info info = { .argsz = sizeof(info) };
	sigset_t signals;
	int which;

	sigemptyset(&signals);
	sigaddset(&signals, SIGUSR1);
	if (sigprocmask(SIG_BLOCK, &signals, NULL))
		return broken("sigprocmask");
	if (acquire(client, 0))
		return 1;
	say("leased");
	while (!sigwait(&signals, &which))
		say(ioctl(vfiodma_lease_device_fd(client->lease), VFIO_DEVICE_GET_INFO, &info) ? strerror(errno)
											       : "answers");
	return 1;
}

static int bare(struct client *client)
{
	if (acquire(client, 0))
		return 1;
	close(vfiodma_lease_container_fd(client->lease));
	return stay("leased");
}

static int become_another(void)
{
	say("leased");
	execlp("sleep", "sleep", "infinity", NULL);
	return broken("sleep");
}

static int exec(struct client *client)
{
	return acquire(client, 0) ? 1 : become_another();
}

static int keep(struct client *client)
{
	if (acquire(client, 0))
		return 1;
	if (fcntl(vfiodma_lease_device_fd(client->lease), F_SETFD, 0))
		return broken("F_SETFD");
	return become_another();
}

/* What a program does that brings a container of its own. */
static int set_up_container(const struct client *client)
{
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map), .flags = VFIO_DMA_MAP_FLAG_READ, .iova = 0x10000, .size = 4096
	};
	int group = vfiodma_lease_group_fd(client->lease);
	int device, container = open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC);
	struct vfio_region_info bar = { .argsz = sizeof(bar), .index = VFIO_PCI_BAR0_REGION_INDEX };
	uint32_t id;

	map.vaddr = (uintptr_t)mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (container < 0 || ioctl(group, VFIO_GROUP_SET_CONTAINER, &container) ||
	    ioctl(container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU) || ioctl(container, VFIO_IOMMU_MAP_DMA, &map))
		return broken("a container of its own");
	device = ioctl(group, VFIO_GROUP_GET_DEVICE_FD, client->address);
	if (device < 0 || ioctl(device, VFIO_DEVICE_GET_REGION_INFO, &bar) ||
	    pread(device, &id, sizeof(id), (off_t)bar.offset) != sizeof(id))
		return broken("the device of its own container");
	errno = EIO;
	return (id & 0xff) == EDU_MAGIC ? 0 : broken("the edu's identification");
}

static int grouped(struct client *client)
{
	return acquire(client, VFIODMA_LEASE_GROUP) ? 1 : stay("leased");
}

static int group(struct client *client)
{
	return acquire(client, VFIODMA_LEASE_GROUP) || set_up_container(client) ? 1 : stay("leased");
}

/* A child that keeps what it has inherited, but for this descriptor. */
static int leave_to_child(int but)
{
	pid_t child = fork();

	if (child < 0)
		return broken("fork");
	if (!child) {
		close(but);
		for (;;)
			pause();
	}
	printf("child %d\n", (int)child);
	fflush(stdout);
	return 0;
}

static int orphan(struct client *client)
{
	return acquire(client, 0) || leave_to_child(-1);
}

static int forgotten(struct client *client)
{
	return acquire(client, 0) || leave_to_child(vfiodma_session_fd(client->session));
}

static int shared(struct client *client)
{
	if (acquire(client, 0) || leave_to_child(-1))
		return 1;
	return vfiodma_lease_release(client->lease) ? failed(client) : 0;
}

static int mapped(struct client *client)
{
	struct vfio_region_info bar = { .argsz = sizeof(bar), .index = VFIO_PCI_BAR0_REGION_INDEX };
	int device;

	if (acquire(client, 0))
		return 1;
	device = vfiodma_lease_device_fd(client->lease);
	if (ioctl(device, VFIO_DEVICE_GET_REGION_INFO, &bar) ||
	    mmap(NULL, bar.size, PROT_READ | PROT_WRITE, MAP_SHARED, device, (off_t)bar.offset) == MAP_FAILED)
		return broken("BAR 0");
	if (vfiodma_lease_release(client->lease))
		failed(client);
	return stay("mapped");
}

/* The edu starts a transfer 100 ms after it was told to: by then this process is gone, and its memory with it. */
static void start_dma(void *registers, uint64_t iova)
{
	vfiodma_write32(registers, 0x80, 0x40000); /* from its own memory */
	vfiodma_write32(registers, 0x88, (uint32_t)iova);
	vfiodma_write32(registers, 0x90, 4096);
	vfiodma_write32(registers, 0x98, 0x7); /* start, to RAM, interrupt */
}

static int dirty(struct client *client)
{
	struct vfiodma_device *device;
	struct vfiodma_domain *domain;
	void *registers, *memory;
	uint64_t iova;
	int msi;

	if (acquire(client, 0))
		return 1;
	if (vfiodma_device_open(client->lease, &device) ||
	    vfiodma_region_map(device, VFIO_PCI_BAR0_REGION_INDEX, &registers, NULL) ||
	    vfiodma_domain_open(client->lease, 28, &domain) || vfiodma_dma_alloc(domain, 4096, &memory, &iova) ||
	    vfiodma_irq_enable(device, VFIO_PCI_MSI_IRQ_INDEX, 1, &msi) || vfiodma_bus_master(device, true))
		return failed(client);
	say("dirty");
	start_dma(registers, iova);
	return raise(SIGKILL);
}

static int stalled(struct client *client)
{
	struct vfio_region_info config = { .argsz = sizeof(config), .index = VFIO_PCI_CONFIG_REGION_INDEX };
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register pages = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int device, faults = (int)syscall(SYS_userfaultfd, O_CLOEXEC);

	pages.range.start = (uintptr_t)page;
	pages.range.len = 4096;
	if (faults < 0 || ioctl(faults, UFFDIO_API, &api) || ioctl(faults, UFFDIO_REGISTER, &pages))
		return broken("userfaultfd");
	if (acquire(client, 0))
		return 1;
	device = vfiodma_lease_device_fd(client->lease);
	if (ioctl(device, VFIO_DEVICE_GET_REGION_INFO, &config))
		return broken("VFIO_DEVICE_GET_REGION_INFO");
	say("stalled");
	return pread(device, page, 4, (off_t)config.offset) == 4 ? 0 : broken("pread");
}

static int cycle(struct client *client)
{
	if (vfiodma_session_open(NULL, &client->session))
		return failed(client);
	for (unsigned int i = 0; i < client->count; i++) {
		if (vfiodma_lease_acquire(client->session, client->address, 0, &client->lease) ||
		    vfiodma_lease_release(client->lease))
			return failed(client);
		if (i == A_FEW)
			say("going on");
	}
	return 0;
}

static int relay(struct client *client)
{
	for (unsigned int i = 0; i < client->count; i++) {
		pid_t child = fork();
		int status;

		if (child < 0)
			return broken("fork");
		if (!child)
			_exit(acquire(client, 0));
		if (waitpid(child, &status, 0) != child || status)
			return broken("one of them did not get it");
		if (i == A_FEW)
			say("going on");
	}
	return 0;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int arguments;
		int (*run)(struct client *client);
	} ways[] = {
		{ "hold", 1, hold },	 { "asked", 1, asked },	    { "bare", 1, bare },
		{ "group", 1, group },	 { "orphan", 1, orphan },   { "shared", 1, shared },
		{ "mapped", 1, mapped }, { "stalled", 1, stalled }, { "dirty", 1, dirty },
		{ "cycle", 2, cycle },	 { "relay", 2, relay },	    { "forgotten", 1, forgotten },
		{ "exec", 1, exec },	 { "keep", 1, keep },	    { "grouped", 1, grouped },
	};
	struct client client = { .address = argv[argc - 1], .count = argc == 4 ? (unsigned int)atoi(argv[2]) : 0 };

	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
		if (argc > 1 && !strcmp(argv[1], ways[i].name) && argc == 2 + ways[i].arguments)
			return ways[i].run(&client);
	fprintf(stderr, "usage: lease WAY [COUNT] ADDRESS\n");
	return 2;
}
