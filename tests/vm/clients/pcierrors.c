/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A function of the strict PCI driver reports errors (AER), which are told on /dev/vfiod-pci, answered, and recovered
 * from.
 *
 *	pcierrors				the names of the tests, which are sentences
 *	pcierrors TEST ADDRESS [NEIGHBOUR]	says "ready" when the error may come; it is reported by whoever started
 *						it. NEIGHBOUR: behind the same port, in the same group
 */
#include "kmod/uapi/vfiod_pci.h"
#include "tests/vm/clients/broker.h"
#include "tests/vm/clients/client.h"
#include "tests/vm/clients/edu.h"
#include "tests/vm/clients/expect.h"

#include <fcntl.h>
#include <linux/vfio.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>

/* Of the e1000e and the igb: the MAC address, and the interrupt mask, which a reset clears. */
#define CONSTANT 0x5400
#define SCRATCH	 0xd0

static const char *address, *neighbour;
static struct vfio vfio;
static volatile void *bar;
static uint32_t constant;
static int node, error_irq;

static bool answers(void)
{
	uint32_t value;

	return load(bar, CONSTANT, &value) && value == constant;
}

static bool is_dirty(void)
{
	uint32_t value;

	expect(load(bar, SCRATCH, &value));
	return value & 1;
}

static void begin(void)
{
	vfio = vfio_open(address);
	expect(!command_change(vfio.device, COMMAND_MEMORY, 0));
	bar = bar_map(vfio.device, 0, 0x8000);
	expect(bar != MAP_FAILED && load(bar, CONSTANT, &constant) && constant && constant != ~0u);
	expect(store(bar, SCRATCH, 1) && is_dirty());
	error_irq = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	expect(error_irq >= 0 && !irq_enable(vfio.device, VFIO_PCI_ERR_IRQ_INDEX, error_irq));
	node = open("/dev/vfiod-pci", O_RDWR | O_CLOEXEC | O_NONBLOCK);
	expect(node >= 0);
	puts("ready");
	fflush(stdout);
}

/* All is as it should be; the device is closed, and works for the next user. */
static void end(void)
{
	expect(!command_change(vfio.device, COMMAND_MEMORY, 0) && answers());
	expect(!munmap((void *)(uintptr_t)bar, 0x8000));
	vfio_detach(&vfio);
	vfio_attach(&vfio, address);
	expect(!command_change(vfio.device, COMMAND_MEMORY, 0));
	bar = bar_map(vfio.device, 0, 0x8000);
	expect(bar != MAP_FAILED && answers());
}

static bool is_of(const struct vfiod_pci_event *event, const char *whose)
{
	char name[32];

	snprintf(name, sizeof(name), "%04x:%02x:%02x.%x", event->domain, event->bus, event->devfn >> 3,
		 event->devfn & 7u);
	return !strcmp(name, whose);
}

/* The next one, which has to be of that kind. An error may be of several functions; others are of no interest. */
static struct vfiod_pci_event next(uint32_t kind)
{
	struct pollfd wait = { .fd = node, .events = POLLIN };
	struct vfiod_pci_event event;

	do {
		expect(poll(&wait, 1, PATIENCE_MS) == 1);
		expect(read(node, &event, sizeof(event)) == sizeof(event) && event.size == sizeof(event));
	} while (!is_of(&event, address));
	expect(event.kind == kind);
	return event;
}

static int answer(const struct vfiod_pci_event *event, uint32_t verdict)
{
	struct vfiod_pci_answer answer = { .size = sizeof(answer), .verdict = verdict, .id = event->id };

	return write(node, &answer, sizeof(answer)) == sizeof(answer) ? 0 : -1;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* ---- the tests ---- */

static void an_error_that_is_not_fatal_is_told_and_its_user_goes_on(void)
{
	struct vfiod_pci_event event;

	begin();
	event = next(VFIOD_PCI_ERROR);
	expect(event.detail == VFIOD_PCI_CHANNEL_NORMAL && event.id && event.time_ms);
	expect(irq_wait(error_irq, PATIENCE_MS));
	expect(answers());
	expect(!answer(&event, VFIOD_PCI_GO_ON));
	expect_errno(ENOENT, answer(&event, VFIOD_PCI_GO_ON));
	next(VFIOD_PCI_RESUMED);
	expect(answers() && is_dirty());
	end();
}

static void an_error_that_is_not_fatal_is_told_and_its_user_wants_a_reset(void)
{
	struct vfiod_pci_event event;

	begin();
	event = next(VFIOD_PCI_ERROR);
	expect(!answer(&event, VFIOD_PCI_NEED_RESET));
	event = next(VFIOD_PCI_RESET);
	expect(event.id && !command_change(vfio.device, COMMAND_MEMORY, 0) && answers() && !is_dirty());
	expect(!answer(&event, VFIOD_PCI_GO_ON));
	next(VFIOD_PCI_RESUMED);
	end();
}

static void an_error_that_nobody_answers_is_over_after_its_time(void)
{
	struct vfiod_pci_event event;
	double start, took;

	begin();
	event = next(VFIOD_PCI_ERROR);
	start = now();
	next(VFIOD_PCI_RESUMED);
	took = now() - start;
	expect(took > 0.0005 * event.time_ms && took < 0.002 * event.time_ms);
	expect_errno(ENOENT, answer(&event, VFIOD_PCI_GO_ON));
	expect(answers() && is_dirty());
	end();
}

static void a_fatal_error_takes_the_BARs_away_until_it_has_been_reset(void)
{
	struct vfiod_pci_event event;
	uint32_t value;

	begin();
	event = next(VFIOD_PCI_ERROR);
	expect(event.detail == VFIOD_PCI_CHANNEL_FROZEN && event.id);
	expect(irq_wait(error_irq, PATIENCE_MS));
	expect(!load(bar, CONSTANT, &value) && !store(bar, SCRATCH, 0));
	expect(!answer(&event, VFIOD_PCI_NEED_RESET));
	event = next(VFIOD_PCI_RESET);
	expect(!command_change(vfio.device, COMMAND_MEMORY, 0) && answers() && !is_dirty());
	expect(!answer(&event, VFIOD_PCI_GO_ON));
	next(VFIOD_PCI_RESUMED);
	expect(answers());
	end();
}

/* ---- two functions behind one port, which take part in the recovery together ---- */

/* What a user does with one of them; both are in a group, so one process has them. */
struct user {
	const char *address;
	uint32_t verdict; /* on an error */
	int device;
	volatile void *bar;
	uint32_t constant; /* its first register */
	int resets, resumes;
};

static void user_open(struct user *user)
{
	user->device = vfio_device(vfio.group, user->address);
	expect(!command_change(user->device, COMMAND_MEMORY, 0));
	user->bar = bar_map(user->device, 0, PAGE);
	expect(user->bar != MAP_FAILED && load(user->bar, 0, &user->constant) && user->constant != ~0u);
}

static bool user_has_it(const struct user *user)
{
	uint32_t value;

	return load(user->bar, 0, &value) && value == user->constant;
}

static void user_close(struct user *user)
{
	expect(!munmap((void *)(uintptr_t)user->bar, PAGE));
	close_fd(&user->device);
}

static void user_is_told(struct user *user, const struct vfiod_pci_event *event)
{
	expect(!user->resumes);
	user->resumes += event->kind == VFIOD_PCI_RESUMED;
	user->resets += event->kind == VFIOD_PCI_RESET;
	if (event->kind == VFIOD_PCI_RESET)
		expect(!command_change(user->device, COMMAND_MEMORY, 0) && user_has_it(user));
	if (event->id)
		expect(!answer(event, event->kind == VFIOD_PCI_ERROR ? user->verdict : VFIOD_PCI_GO_ON));
}

/* Until both have been told that it is over, each once. */
static void recover(struct user *both)
{
	struct pollfd wait = { .fd = node, .events = POLLIN };
	struct vfiod_pci_event event;

	while (!both[0].resumes || !both[1].resumes) {
		expect(poll(&wait, 1, PATIENCE_MS) == 1 && read(node, &event, sizeof(event)) == sizeof(event));
		for (int i = 0; i < 2; i++)
			if (is_of(&event, both[i].address))
				user_is_told(&both[i], &event);
	}
}

/* @verdict: the neighbour's; @resets: how often the user that goes on is told of one. */
static void goes_on_beside(uint32_t verdict, int resets)
{
	struct user both[] = { { .address = address, .verdict = VFIOD_PCI_GO_ON },
			       { .address = neighbour, .verdict = verdict } };

	vfio = vfio_open(address);
	close_fd(&vfio.device);
	user_open(&both[0]);
	user_open(&both[1]);
	node = open("/dev/vfiod-pci", O_RDWR | O_CLOEXEC | O_NONBLOCK);
	expect(node >= 0);
	puts("ready");
	fflush(stdout);
	recover(both);
	expect(both[0].resets == resets);
	expect(user_has_it(&both[0]));
	/* these have no reset of their own: without one there is no going on for the neighbour */
	expect(!user_has_it(&both[1]));
	user_close(&both[0]);
	user_close(&both[1]);
	/* and the next user has both */
	user_open(&both[0]);
	user_open(&both[1]);
	expect(user_has_it(&both[0]) && user_has_it(&both[1]));
}

static void its_user_goes_on_when_its_neighbour_gives_up(void)
{
	goes_on_beside(VFIOD_PCI_GIVE_UP, 0);
}

static void its_user_goes_on_when_its_neighbour_wants_a_reset(void)
{
	goes_on_beside(VFIOD_PCI_NEED_RESET, 0);
}

static void its_user_goes_on_when_its_neighbour_gives_up_after_a_fatal_error(void)
{
	goes_on_beside(VFIOD_PCI_GIVE_UP, 1);
}

#define TEST(name) \
	{ \
#name, name \
	}
static const struct {
	const char *name;
	void (*run)(void);
} tests[] = {
	TEST(an_error_that_is_not_fatal_is_told_and_its_user_goes_on),
	TEST(an_error_that_is_not_fatal_is_told_and_its_user_wants_a_reset),
	TEST(an_error_that_nobody_answers_is_over_after_its_time),
	TEST(a_fatal_error_takes_the_BARs_away_until_it_has_been_reset),
	TEST(its_user_goes_on_when_its_neighbour_gives_up),
	TEST(its_user_goes_on_when_its_neighbour_wants_a_reset),
	TEST(its_user_goes_on_when_its_neighbour_gives_up_after_a_fatal_error),
};

int main(int argc, char **argv)
{
	for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
		if (argc == 1)
			puts(tests[i].name);
		if (argc >= 3 && !strcmp(argv[1], tests[i].name)) {
			address = argv[2];
			neighbour = argv[3];
			tests[i].run();
			return 0;
		}
	}
	return argc == 1 ? 0 : 2;
}
