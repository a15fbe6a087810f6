/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Interrupts of a PCI function through VFIO, as root: this program is the user of the function, and looks from outside,
 * through sysfs and /proc/irq, too.
 *
 *	interrupts ADDRESS [OTHER...]		the names of the tests that the function and its driver have, sentences
 *	interrupts TEST ADDRESS [OTHER...]	runs one; OTHER: functions of which one shares ADDRESS's line
 *
 * Stock vfio-pci has no masks of MSI and MSI-X and leaves an unhandled line on: it gets the tests of the rest.
 */
#include "tests/vm/clients/broker.h"
#include "tests/vm/clients/client.h"
#include "tests/vm/clients/edu.h"
#include "tests/vm/clients/expect.h"
#include "tests/vm/clients/raiser.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/pci_regs.h>
#include <linux/vfio.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#define INTX	    VFIO_PCI_INTX_IRQ_INDEX
#define MSI	    VFIO_PCI_MSI_IRQ_INDEX
#define MSIX	    VFIO_PCI_MSIX_IRQ_INDEX
#define VECTORS_MAX 32

static const char *address;
static char **others;

/* ---- the function that is used ---- */

struct user {
	const char *address;
	struct vfio vfio;
	const struct raiser *raiser;
	volatile void *bar;
	int irq[VECTORS_MAX];
};

static struct user user_open(const char *of)
{
	struct user u = { .address = of, .vfio = vfio_open(of) };

	expect(!command_change(u.vfio.device, COMMAND_MEMORY | COMMAND_MASTER, 0));
	u.raiser = raiser_of(u.vfio.device);
	u.bar = bar_map(u.vfio.device, 0, u.raiser->size);
	expect(u.bar != MAP_FAILED);
	for (size_t i = 0; i < VECTORS_MAX; i++) {
		u.irq[i] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
		expect(u.irq[i] >= 0);
	}
	return u;
}

static void user_close(struct user *u)
{
	for (size_t i = 0; i < VECTORS_MAX; i++)
		close_fd(&u->irq[i]);
	expect(!munmap((void *)u->bar, u->raiser->size));
	vfio_detach(&u->vfio);
	close_fd(&u->vfio.group);
}

/* ---- VFIO_DEVICE_SET_IRQS ---- */

/* @data of @size bytes in all, for @count vectors from @start on. 0 or -1 with errno. */
static int set_irqs(struct user *u, uint32_t flags, unsigned int index, unsigned int start, unsigned int count,
		    const void *data, size_t size)
{
	char space[sizeof(struct vfio_irq_set) + VECTORS_MAX * sizeof(int)];
	struct vfio_irq_set *set = (struct vfio_irq_set *)space;

	*set = (struct vfio_irq_set){
		.argsz = (uint32_t)(sizeof(*set) + size), .flags = flags, .index = index, .start = start, .count = count
	};
	if (size)
		memcpy(set->data, data, size);
	return ioctl(u->vfio.device, VFIO_DEVICE_SET_IRQS, set);
}

/* All vectors of @index, each with its eventfd. */
static void enable(struct user *u, unsigned int index)
{
	unsigned int count = vector_count(u->vfio.device, index);

	expect(count && count <= VECTORS_MAX);
	expect(!set_irqs(u, VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER, index, 0, count, u->irq,
			 count * sizeof(int)));
	expect(u->raiser->arm(u->bar, index));
}

static void disable(struct user *u, unsigned int index)
{
	expect(!set_irqs(u, VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_TRIGGER, index, 0, 0, NULL, 0));
}

static int act(struct user *u, uint32_t action, unsigned int index, unsigned int vector)
{
	return set_irqs(u, VFIO_IRQ_SET_DATA_NONE | action, index, vector, 1, NULL, 0);
}

static void mask(struct user *u, unsigned int index, unsigned int vector)
{
	expect(!act(u, VFIO_IRQ_SET_ACTION_MASK, index, vector));
}

static void unmask(struct user *u, unsigned int index, unsigned int vector)
{
	expect(!act(u, VFIO_IRQ_SET_ACTION_UNMASK, index, vector));
}

static void raise_irq_of(struct user *u, unsigned int index, unsigned int vector)
{
	expect(u->raiser->raise(u->bar, index, vector));
}

static void ack(struct user *u, unsigned int index, unsigned int vector)
{
	expect(u->raiser->ack(u->bar, index, vector));
}

/* How many signals @fd got; waits for the first. */
static uint64_t signals(int fd, int timeout_ms)
{
	struct pollfd wait = { .fd = fd, .events = POLLIN };
	uint64_t count;

	return poll(&wait, 1, timeout_ms) == 1 && read(fd, &count, sizeof(count)) == sizeof(count) ? count : 0;
}

static bool arrives(struct user *u, unsigned int vector)
{
	return signals(u->irq[vector], PATIENCE_MS) == 1;
}

/* It does not come, although there was the time for it. */
static bool stays_away(struct user *u, unsigned int vector)
{
	return signals(u->irq[vector], HOPELESS_IRQ) == 0;
}

static void delivered(struct user *u, unsigned int index, unsigned int vector)
{
	raise_irq_of(u, index, vector);
	expect(arrives(u, vector));
	ack(u, index, vector);
	if (index == INTX)
		unmask(u, INTX, 0);
}

/* Raised while masked by @hold: @pending says so, if there is a way to ask, and it comes once when @release has
 * unmasked it. */
static void held_back(struct user *u, unsigned int index, unsigned int vector,
		      void (*hold)(struct user *, unsigned int), void (*release)(struct user *, unsigned int),
		      bool (*pending)(struct user *, unsigned int))
{
	for (int i = 0; i < 3; i++) {
		expect(!pending || !pending(u, vector));
		hold(u, vector);
		raise_irq_of(u, index, vector);
		expect(stays_away(u, vector) && (!pending || pending(u, vector)));
		release(u, vector);
		expect(arrives(u, vector) && (!pending || !pending(u, vector)));
		ack(u, index, vector);
	}
	delivered(u, index, vector);
	expect(stays_away(u, vector));
}

/* ---- registers of config space, as the user sees them ---- */

static uint16_t word(struct user *u, unsigned int at)
{
	uint16_t value;

	expect(config_read(u->vfio.device, at, &value, 2));
	return value;
}

static void set_word(struct user *u, unsigned int at, uint16_t value)
{
	expect(config_write(u->vfio.device, at, &value, 2));
}

static uint32_t dword(struct user *u, unsigned int at)
{
	uint32_t value;

	expect(config_read(u->vfio.device, at, &value, 4));
	return value;
}

static void set_dword(struct user *u, unsigned int at, uint32_t value)
{
	expect(config_write(u->vfio.device, at, &value, 4));
}

/* Where MSI's mask bits are, 0 for nowhere; the pending bits are behind them. */
static unsigned int msi_mask_at(struct user *u)
{
	unsigned int msi = capability_at(u->vfio.device, PCI_CAP_ID_MSI);
	uint16_t flags = msi ? word(u, msi + PCI_MSI_FLAGS) : 0;

	if (!(flags & PCI_MSI_FLAGS_MASKBIT))
		return 0;
	return msi + (flags & PCI_MSI_FLAGS_64BIT ? PCI_MSI_MASK_64 : PCI_MSI_MASK_32);
}

/* Where the MSI-X table (PCI_MSIX_TABLE) or the pending bits (PCI_MSIX_PBA) are, as an offset of the device file. */
static off_t msix_at(struct user *u, unsigned int what)
{
	uint32_t place = dword(u, capability_at(u->vfio.device, PCI_CAP_ID_MSIX) + what);

	return (off_t)(region_offset(u->vfio.device, place & PCI_MSIX_TABLE_BIR) + (place & PCI_MSIX_TABLE_OFFSET));
}

/* ---- from outside ---- */

static void sysfs_path(char *path, const char *of, const char *name)
{
	snprintf(path, PATH_MAX, "/sys/bus/pci/devices/%s/%s", of, name);
}

/* COMMAND as it is in hardware. */
static uint16_t physical_command(const char *of)
{
	char path[PATH_MAX];
	uint16_t command;
	int fd;

	sysfs_path(path, of, "config");
	fd = open(path, O_RDONLY | O_CLOEXEC);
	expect(fd >= 0 && pread(fd, &command, 2, PCI_COMMAND_AT) == 2 && !close(fd));
	return command;
}

static bool line_is_off(const char *of)
{
	return physical_command(of) & PCI_COMMAND_INTX_DISABLE;
}

/* The number of the function's line; none of its MSI is on. */
static int line_of(const char *of)
{
	char path[PATH_MAX];
	int number = -1;
	FILE *file;

	sysfs_path(path, of, "irq");
	file = fopen(path, "r");
	expect(file && fscanf(file, "%d", &number) == 1 && !fclose(file));
	return number;
}

/* The numbers of its MSI or MSI-X interrupts, that of the first vector first. Return: how many. */
static unsigned int msi_numbers(const char *of, int *numbers)
{
	char path[PATH_MAX];
	unsigned int count = 0;
	struct dirent *entry;
	DIR *folder;

	sysfs_path(path, of, "msi_irqs");
	folder = opendir(path);
	expect(folder);
	while ((entry = readdir(folder)))
		if (atoi(entry->d_name) && count < VECTORS_MAX)
			numbers[count++] = atoi(entry->d_name);
	closedir(folder);
	return count;
}

/* How often that interrupt came, on all processors. */
static unsigned long times(int number)
{
	unsigned long sum = 0, here;
	char line[4096], *at, *end;
	FILE *file = fopen("/proc/interrupts", "r");

	expect(file);
	while (fgets(line, sizeof(line), file)) {
		if (strtol(line, &at, 10) != number || *at != ':')
			continue;
		for (at++; here = strtoul(at, &end, 10), end != at; at = end)
			sum += here;
	}
	fclose(file);
	return sum;
}

/* ---- INTx ---- */

static void INTx_is_delivered_masked_until_it_is_unmasked_and_comes_again_if_it_is_still_up(void)
{
	struct user u = user_open(address);

	enable(&u, INTX);
	for (int i = 0; i < 3; i++) {
		raise_irq_of(&u, INTX, 0);
		expect(arrives(&u, 0));
		expect(stays_away(&u, 0));
		unmask(&u, INTX, 0);
		expect(arrives(&u, 0));
		ack(&u, INTX, 0);
		unmask(&u, INTX, 0);
		expect(stays_away(&u, 0));
	}
	for (int i = 0; i < 100; i++)
		delivered(&u, INTX, 0);
	disable(&u, INTX);
	user_close(&u);
}

static bool pin_is_up(struct user *u)
{
	return word(u, PCI_STATUS) & PCI_STATUS_INTERRUPT;
}

static void a_masked_INTx_is_pending_and_comes_when_it_is_unmasked(void)
{
	const uint8_t yes = 1, no = 0;
	struct user u = user_open(address);

	enable(&u, INTX);
	for (int i = 0; i < 3; i++) {
		mask(&u, INTX, 0);
		expect(!pin_is_up(&u));
		raise_irq_of(&u, INTX, 0);
		expect(stays_away(&u, 0) && pin_is_up(&u));
		/* no is no */
		expect(!set_irqs(&u, VFIO_IRQ_SET_DATA_BOOL | VFIO_IRQ_SET_ACTION_UNMASK, INTX, 0, 1, &no, 1));
		expect(stays_away(&u, 0));
		expect(!set_irqs(&u, VFIO_IRQ_SET_DATA_BOOL | VFIO_IRQ_SET_ACTION_UNMASK, INTX, 0, 1, &yes, 1));
		expect(arrives(&u, 0) && pin_is_up(&u));
		ack(&u, INTX, 0);
		expect(!pin_is_up(&u));
		unmask(&u, INTX, 0);
		expect(stays_away(&u, 0));
	}
	disable(&u, INTX);
	user_close(&u);
}

static void INTx_is_masked_by_the_bit_in_COMMAND(void)
{
	struct user u = user_open(address);

	expect(!(word(&u, PCI_COMMAND) & PCI_COMMAND_INTX_DISABLE));
	enable(&u, INTX);
	for (int i = 0; i < 3; i++) {
		expect(!command_change(u.vfio.device, PCI_COMMAND_INTX_DISABLE, 0));
		expect(word(&u, PCI_COMMAND) & PCI_COMMAND_INTX_DISABLE);
		raise_irq_of(&u, INTX, 0);
		expect(stays_away(&u, 0));
		expect(!command_change(u.vfio.device, 0, PCI_COMMAND_INTX_DISABLE));
		expect(!(word(&u, PCI_COMMAND) & PCI_COMMAND_INTX_DISABLE));
		expect(arrives(&u, 0));
		ack(&u, INTX, 0);
		unmask(&u, INTX, 0);
	}
	disable(&u, INTX);
	user_close(&u);
}

static void the_bit_in_COMMAND_masks_INTx_also_when_MSI_was_there_in_between(void)
{
	struct user u = user_open(address);

	for (int i = 0; i < 3; i++) {
		enable(&u, INTX);
		expect(!command_change(u.vfio.device, PCI_COMMAND_INTX_DISABLE, 0));
		disable(&u, INTX);
		enable(&u, MSI);
		delivered(&u, MSI, 0);
		disable(&u, MSI);
		expect(word(&u, PCI_COMMAND) & PCI_COMMAND_INTX_DISABLE);
		enable(&u, INTX);
		raise_irq_of(&u, INTX, 0);
		expect(stays_away(&u, 0));
		expect(!command_change(u.vfio.device, 0, PCI_COMMAND_INTX_DISABLE) && arrives(&u, 0));
		ack(&u, INTX, 0);
		unmask(&u, INTX, 0);
		disable(&u, INTX);
	}
	user_close(&u);
}

static void INTx_is_unmasked_by_an_eventfd_until_that_is_taken_away(void)
{
	const uint32_t flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_UNMASK;
	int unmasker = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC), nobody = -1;
	struct user u = user_open(address);

	expect(unmasker >= 0);
	enable(&u, INTX);
	expect(!set_irqs(&u, flags, INTX, 0, 1, &unmasker, sizeof(unmasker)));
	for (int i = 0; i < 100; i++) {
		raise_irq_of(&u, INTX, 0);
		expect(arrives(&u, 0));
		/* still up: it comes again, each time the eventfd says so */
		expect(!eventfd_write(unmasker, 1) && arrives(&u, 0));
		ack(&u, INTX, 0);
		expect(!eventfd_write(unmasker, 1));
	}
	expect(stays_away(&u, 0));
	expect(!set_irqs(&u, flags, INTX, 0, 1, &nobody, sizeof(nobody)));
	raise_irq_of(&u, INTX, 0);
	expect(arrives(&u, 0));
	expect(!eventfd_write(unmasker, 1) && stays_away(&u, 0));
	unmask(&u, INTX, 0);
	expect(arrives(&u, 0));
	ack(&u, INTX, 0);

	/* with one in place it can be disabled, and closed; the eventfd is then no more than an eventfd */
	expect(!set_irqs(&u, flags, INTX, 0, 1, &unmasker, sizeof(unmasker)));
	disable(&u, INTX);
	expect(!eventfd_write(unmasker, 1));
	enable(&u, INTX);
	expect(!set_irqs(&u, flags, INTX, 0, 1, &unmasker, sizeof(unmasker)));
	user_close(&u);
	expect(!eventfd_write(unmasker, 1));
	close_fd(&unmasker);
}

static void *close_it(void *file)
{
	close_fd(file);
	return NULL;
}

/* Its last close takes it away as well, and what was taken away twice has been freed twice. */
static void an_eventfd_that_unmasks_INTx_is_closed_while_it_is_taken_away(void)
{
	const uint32_t flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_UNMASK;
	struct user u = user_open(address);
	const int nobody = -1;
	pthread_t closer;

	enable(&u, INTX);
	for (int i = 0; i < 200; i++) {
		int unmasker = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);

		expect(unmasker >= 0);
		expect(!set_irqs(&u, flags, INTX, 0, 1, &unmasker, sizeof(unmasker)));
		expect(!pthread_create(&closer, NULL, close_it, &unmasker));
		if (i % 2) {
			expect(!set_irqs(&u, flags, INTX, 0, 1, &nobody, sizeof(nobody)));
		} else {
			disable(&u, INTX);
			enable(&u, INTX);
		}
		expect(!pthread_join(closer, NULL));
	}
	delivered(&u, INTX, 0);
	disable(&u, INTX);
	user_close(&u);
}

/* What the handler signals unmasks in the same moment; whether its user sees a signal, too, is a race that nobody wins
 * for certain. */
static void signals_itself(struct user *u)
{
	unsigned long before = times(line_of(address));

	for (int i = 0; i < 100; i++) {
		raise_irq_of(u, INTX, 0);
		/* up as long as it takes to signal itself again */
		for (int look = 0; look < 10; look++)
			signals(u->irq[0], 1);
		ack(u, INTX, 0);
		expect(!pin_is_up(u));
	}
	/* hardly ever 100: the next one is up before the loop has looked again */
	expect(times(line_of(address)) > before);
}

static void unmask_with(struct user *u, int file)
{
	expect(!set_irqs(u, VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_UNMASK, INTX, 0, 1, &file, sizeof(file)));
}

static void an_eventfd_that_INTx_signals_may_unmask_it_too(void)
{
	struct user u = user_open(address);

	enable(&u, INTX);
	unmask_with(&u, u.irq[0]);
	signals_itself(&u);
	unmask_with(&u, -1);
	unmask(&u, INTX, 0);
	signals(u.irq[0], 0);
	for (int i = 0; i < 10; i++)
		delivered(&u, INTX, 0);
	disable(&u, INTX);
	user_close(&u);
}

static void INTx_is_disabled_and_closed_while_its_eventfd_signals_itself(void)
{
	struct user u = user_open(address);

	for (int i = 0; i < 10; i++) {
		enable(&u, INTX);
		unmask_with(&u, u.irq[0]);
		raise_irq_of(&u, INTX, 0);
		disable(&u, INTX);
		ack(&u, INTX, 0);
	}
	enable(&u, INTX);
	unmask_with(&u, u.irq[0]);
	raise_irq_of(&u, INTX, 0);
	user_close(&u);
	u = user_open(address);
	ack(&u, INTX, 0);
	enable(&u, INTX);
	delivered(&u, INTX, 0);
	disable(&u, INTX);
	user_close(&u);
}

/* ---- the line, when nobody handles it ---- */

static void set_power(struct user *u, uint16_t state)
{
	unsigned int pm = capability_at(u->vfio.device, PCI_CAP_ID_PM);

	if (pm)
		set_word(u, pm + PCI_PM_CTRL, state);
}

static void flr(struct user *u)
{
	unsigned int exp = capability_at(u->vfio.device, PCI_CAP_ID_EXP);

	if (exp && dword(u, exp + PCI_EXP_DEVCAP) & PCI_EXP_DEVCAP_FLR)
		set_word(u, exp + PCI_EXP_DEVCTL, word(u, exp + PCI_EXP_DEVCTL) | PCI_EXP_DEVCTL_BCR_FLR);
}

static void off_and_on_again(struct user *u)
{
	expect(line_is_off(address));
	expect(!command_change(u->vfio.device, PCI_COMMAND_INTX_DISABLE, 0) && line_is_off(address));
	expect(!command_change(u->vfio.device, 0, PCI_COMMAND_INTX_DISABLE) && line_is_off(address));
	enable(u, INTX);
	expect(!line_is_off(address));
	raise_irq_of(u, INTX, 0);
	expect(arrives(u, 0) && line_is_off(address));
	ack(u, INTX, 0);
	unmask(u, INTX, 0);
	expect(!line_is_off(address));
	disable(u, INTX);
	expect(line_is_off(address));
}

static void the_line_is_off_in_hardware_whenever_nobody_handles_it(void)
{
	struct user u = user_open(address);

	off_and_on_again(&u);
	enable(&u, MSI);
	expect(line_is_off(address));
	disable(&u, MSI);
	off_and_on_again(&u);
	expect(!ioctl(u.vfio.device, VFIO_DEVICE_RESET));
	expect(!command_change(u.vfio.device, COMMAND_MEMORY | COMMAND_MASTER, 0));
	off_and_on_again(&u);
	flr(&u);
	expect(line_is_off(address));
	set_power(&u, 3);
	expect(line_is_off(address));
	set_power(&u, 0);
	expect(!command_change(u.vfio.device, COMMAND_MEMORY | COMMAND_MASTER, 0));
	off_and_on_again(&u);
	/* its user goes with it on */
	enable(&u, INTX);
	raise_irq_of(&u, INTX, 0);
	expect(arrives(&u, 0));
	user_close(&u);
	expect(line_is_off(address));
}

/* One of the others, that is on the line of @u and has an interrupt on it. */
static struct user neighbour_of(struct user *u)
{
	int line = line_of(u->address);

	for (char **other = others; *other; other++) {
		struct user n = user_open(*other);

		if (line_of(*other) == line)
			return n;
		user_close(&n);
	}
	expect(!"one of the others is on the same line");
	return *u;
}

static void neighbour_is_left_alone(struct user *n)
{
	int line = line_of(n->address);
	unsigned long before = times(line);

	for (int i = 0; i < 10; i++)
		delivered(n, INTX, 0);
	expect(stays_away(n, 0) && times(line) < before + 20);
}

/* With the line left on the kernel counts 100,000 interrupts that nobody cares for, and switches the line off. */
static void a_pin_that_is_up_for_nobody_does_not_disturb_the_others_on_its_line(void)
{
	struct user u = user_open(address), n = neighbour_of(&u);

	enable(&n, INTX);
	raise_irq_of(&u, INTX, 0);
	expect(pin_is_up(&u));
	neighbour_is_left_alone(&n);
	ack(&u, INTX, 0);

	enable(&u, MSI);
	delivered(&u, MSI, 0);
	disable(&u, MSI);
	u.raiser->arm(u.bar, INTX);
	raise_irq_of(&u, INTX, 0);
	expect(pin_is_up(&u));
	neighbour_is_left_alone(&n);

	/* its own handler is told at once; and when that goes, the line is quiet with the pin up */
	enable(&u, INTX);
	expect(arrives(&u, 0));
	disable(&u, INTX);
	expect(pin_is_up(&u));
	neighbour_is_left_alone(&n);

	enable(&u, INTX);
	expect(arrives(&u, 0));
	user_close(&u);
	neighbour_is_left_alone(&n);
	user_close(&n);
}

/* ---- all kinds ---- */

static const unsigned int kinds[] = { INTX, MSI, MSIX };
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

static void every_kind_is_delivered_on_each_vector(void)
{
	struct user u = user_open(address);

	for (size_t k = 0; k < 2 * KINDS; k++) {
		unsigned int index = kinds[k % KINDS], count = vector_count(u.vfio.device, index);

		if (!count)
			continue;
		enable(&u, index);
		for (unsigned int i = 0; i < 5 * count; i++)
			delivered(&u, index, 7 * i % count);
		for (unsigned int v = 0; v < count; v++)
			expect(!signals(u.irq[v], 0));
		disable(&u, index);
	}
	user_close(&u);
}

static void every_kind_is_triggered_by_hand(void)
{
	const uint8_t yes = 1, no = 0;
	struct user u = user_open(address);

	for (size_t k = 0; k < KINDS; k++) {
		unsigned int index = kinds[k], count = vector_count(u.vfio.device, index);

		if (!count)
			continue;
		enable(&u, index);
		for (unsigned int v = 0; v < count; v++) {
			const uint32_t by_bool = VFIO_IRQ_SET_DATA_BOOL | VFIO_IRQ_SET_ACTION_TRIGGER;

			expect(!act(&u, VFIO_IRQ_SET_ACTION_TRIGGER, index, v) && arrives(&u, v));
			expect(!set_irqs(&u, by_bool, index, v, 1, &yes, 1) && arrives(&u, v));
			expect(!set_irqs(&u, by_bool, index, v, 1, &no, 1) && !signals(u.irq[v], 0));
		}
		/* and the device's own come as before */
		delivered(&u, index, 0);
		disable(&u, index);
	}
	user_close(&u);
}

static void error_and_request_are_triggered_by_hand(void)
{
	const unsigned int indexes[] = { VFIO_PCI_ERR_IRQ_INDEX, VFIO_PCI_REQ_IRQ_INDEX };
	struct user u = user_open(address);

	for (size_t i = 0; i < 2; i++) {
		unsigned int index = indexes[i];
		int nobody = -1;

		if (!vector_count(u.vfio.device, index))
			continue;
		expect(!set_irqs(&u, VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER, index, 0, 1, u.irq,
				 sizeof(int)));
		expect(!act(&u, VFIO_IRQ_SET_ACTION_TRIGGER, index, 0) && arrives(&u, 0));
		expect(!set_irqs(&u, VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER, index, 0, 1, &nobody,
				 sizeof(int)));
		act(&u, VFIO_IRQ_SET_ACTION_TRIGGER, index, 0);
		expect(!signals(u.irq[0], 0));
	}
	user_close(&u);
}

/* Vector @v, and no other one, is signalled. */
static void only_arrives(struct user *u, unsigned int v, unsigned int count)
{
	expect(arrives(u, v));
	for (unsigned int other = 0; other < count; other++)
		expect(!signals(u->irq[other], 0));
}

static void each_message_by_hand(struct user *u, unsigned int count)
{
	for (unsigned int v = 0; v < count; v++) {
		expect(!act(u, VFIO_IRQ_SET_ACTION_TRIGGER, MSI, v));
		only_arrives(u, v, count);
		mask(u, MSI, v);
		/* by hand is not by the device: a mask does not hold it back */
		expect(!act(u, VFIO_IRQ_SET_ACTION_TRIGGER, MSI, v));
		only_arrives(u, v, count);
	}
	expect(!set_irqs(u, VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_UNMASK, MSI, 0, count, NULL, 0));
	for (unsigned int v = 0; v < count; v++)
		expect(!signals(u->irq[v], 0));
}

/* Those that it says, by an array of bools, of some in the middle. */
static void some_messages_by_hand(struct user *u, unsigned int count)
{
	const uint8_t odd[] = { 0, 1, 0, 1 };

	expect(count >= 8);
	expect(!set_irqs(u, VFIO_IRQ_SET_DATA_BOOL | VFIO_IRQ_SET_ACTION_MASK, MSI, 3, 4, odd, 4));
	expect(!set_irqs(u, VFIO_IRQ_SET_DATA_BOOL | VFIO_IRQ_SET_ACTION_TRIGGER, MSI, 3, 4, odd, 4));
	for (unsigned int v = 0; v < count; v++)
		expect(signals(u->irq[v], 0) == (v == 4 || v == 6));
	expect(!set_irqs(u, VFIO_IRQ_SET_DATA_BOOL | VFIO_IRQ_SET_ACTION_UNMASK, MSI, 3, 4, odd, 4));
}

static void no_message_behind_the_last(struct user *u, unsigned int count)
{
	const uint32_t actions[] = { VFIO_IRQ_SET_ACTION_MASK, VFIO_IRQ_SET_ACTION_UNMASK,
				     VFIO_IRQ_SET_ACTION_TRIGGER };

	for (size_t i = 0; i < 3; i++) {
		expect_errno(EINVAL, act(u, actions[i], MSI, count));
		expect_errno(EINVAL, set_irqs(u, VFIO_IRQ_SET_DATA_NONE | actions[i], MSI, count - 1, 2, NULL, 0));
	}
}

static void every_one_of_many_messages_is_masked_and_triggered_by_hand(void)
{
	const uint32_t flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER;
	struct user u = user_open(address);
	unsigned int all = vector_count(u.vfio.device, MSI);

	expect(all > 1);
	for (unsigned int count = all; count >= 8; count -= 4) {
		int numbers[VECTORS_MAX];

		expect(!set_irqs(&u, flags, MSI, 0, count, u.irq, count * sizeof(int)));
		expect(msi_numbers(address, numbers) >= count);
		each_message_by_hand(&u, count);
		some_messages_by_hand(&u, count);
		no_message_behind_the_last(&u, count);
		disable(&u, MSI);
		expect_errno(EINVAL, act(&u, VFIO_IRQ_SET_ACTION_TRIGGER, MSI, 0));
	}
	user_close(&u);
}

static void another_eventfd_takes_over_and_none_is_silence(void)
{
	const uint32_t flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER;
	struct user u = user_open(address);
	int nobody = -1;

	for (size_t k = 0; k < KINDS; k++) {
		unsigned int index = kinds[k], count = vector_count(u.vfio.device, index);

		if (!count)
			continue;
		enable(&u, index);
		delivered(&u, index, 0);
		/* the last vector's eventfd for the first vector, which stays enabled */
		expect(!set_irqs(&u, flags, index, 0, 1, &u.irq[VECTORS_MAX - 1], sizeof(int)));
		raise_irq_of(&u, index, 0);
		expect(arrives(&u, VECTORS_MAX - 1) && !signals(u.irq[0], 0));
		ack(&u, index, 0);
		if (index == INTX) {
			unmask(&u, INTX, 0);
		} else {
			expect(!set_irqs(&u, flags, index, 0, 1, &nobody, sizeof(int)));
			raise_irq_of(&u, index, 0);
			expect(stays_away(&u, 0) && !signals(u.irq[VECTORS_MAX - 1], 0));
			ack(&u, index, 0);
			expect(!set_irqs(&u, flags, index, 0, 1, &u.irq[0], sizeof(int)));
			/* whether it is told of what came meanwhile is not promised */
			signals(u.irq[0], HOPELESS_IRQ);
			delivered(&u, index, 0);
		}
		disable(&u, index);
	}
	user_close(&u);
}

static void every_kind_works_after_resets(void)
{
	struct user u = user_open(address);

	for (size_t k = 0; k < KINDS; k++) {
		unsigned int index = kinds[k], count = vector_count(u.vfio.device, index);

		if (!count)
			continue;
		enable(&u, index);
		for (int i = 0; i < 2; i++) {
			expect(!ioctl(u.vfio.device, VFIO_DEVICE_RESET));
			expect(!command_change(u.vfio.device, COMMAND_MEMORY | COMMAND_MASTER, 0));
			expect(u.raiser->arm(u.bar, index));
			for (unsigned int v = 0; v < count; v++)
				delivered(&u, index, v);
		}
		disable(&u, index);
	}
	user_close(&u);
}

/* ---- a reset that nobody saw ---- */

/* By root, past the driver: the driver is told of no write. */
static void write_physical(unsigned int at, const void *value, size_t size)
{
	char path[PATH_MAX];
	int fd;

	sysfs_path(path, address, "config");
	fd = open(path, O_WRONLY | O_CLOEXEC);
	expect(fd >= 0 && pwrite(fd, value, size, (off_t)at) == (ssize_t)size && !close(fd));
}

/* What a reset takes: decoding, the address of BAR 0, and that messages are enabled. */
static void lose_registers(struct user *u, unsigned int index)
{
	const uint32_t zero = 0;

	write_physical(PCI_COMMAND, &zero, 2);
	write_physical(PCI_BASE_ADDRESS_0, &zero, 4);
	if (index == MSI)
		write_physical(capability_at(u->vfio.device, PCI_CAP_ID_MSI) + PCI_MSI_FLAGS, &zero, 2);
	if (index == MSIX)
		write_physical(capability_at(u->vfio.device, PCI_CAP_ID_MSIX) + PCI_MSIX_FLAGS, &zero, 2);
}

static uint32_t first_register(struct user *u)
{
	uint32_t value;

	expect(load(u->bar, 0, &value) && value && value != ~0u);
	return value;
}

static void decode_again(struct user *u)
{
	expect(!command_change(u->vfio.device, COMMAND_MEMORY | COMMAND_MASTER, 0));
}

static void registers_that_a_reset_took_are_back_when_the_user_writes_COMMAND(void)
{
	struct user u = user_open(address);
	uint32_t was = first_register(&u);

	for (size_t k = 0; k < 2 * KINDS; k++) {
		unsigned int index = kinds[k % KINDS], count = vector_count(u.vfio.device, index);

		if (!count)
			continue;
		enable(&u, index);
		delivered(&u, index, 0);
		lose_registers(&u, index);
		decode_again(&u);
		expect(first_register(&u) == was);
		for (unsigned int v = 0; v < count; v++)
			delivered(&u, index, v);
		disable(&u, index);
	}
	user_close(&u);
}

/* As drivers do that reset their device by a register of it, and set all up again. */
static void registers_that_a_reset_took_are_back_although_the_user_sets_interrupts_up_before_COMMAND(void)
{
	struct user u = user_open(address);
	uint32_t was = first_register(&u);

	for (size_t k = 0; k < KINDS; k++) {
		unsigned int index = kinds[k];

		if (!vector_count(u.vfio.device, index))
			continue;
		enable(&u, index);
		lose_registers(&u, index);
		disable(&u, index);
		expect(!irq_enable(u.vfio.device, index, u.irq[0]));
		decode_again(&u);
		expect(first_register(&u) == was);
		expect(u.raiser->arm(u.bar, index));
		delivered(&u, index, 0);
		disable(&u, index);
	}
	user_close(&u);
}

/* A reset lets the pin of INTx go. */
static void a_masked_INTx_is_held_back_again_when_the_user_writes_COMMAND_after_a_reset(void)
{
	struct user u = user_open(address);

	enable(&u, INTX);
	mask(&u, INTX, 0);
	lose_registers(&u, INTX);
	expect(!line_is_off(address));
	decode_again(&u);
	expect(line_is_off(address));
	raise_irq_of(&u, INTX, 0);
	expect(stays_away(&u, 0));
	unmask(&u, INTX, 0);
	expect(arrives(&u, 0));
	ack(&u, INTX, 0);
	disable(&u, INTX);
	user_close(&u);
}

/* A real one, which takes the table of MSI-X, too. */
static void reset_unseen(struct user *u)
{
	unsigned int exp = capability_at(u->vfio.device, PCI_CAP_ID_EXP);
	const uint16_t control = PCI_EXP_DEVCTL_BCR_FLR;

	expect(exp && dword(u, exp + PCI_EXP_DEVCAP) & PCI_EXP_DEVCAP_FLR);
	write_physical(exp + PCI_EXP_DEVCTL, &control, 2);
	expect(!(physical_command(address) & COMMAND_MEMORY));
}

static void every_vector_works(struct user *u, unsigned int index)
{
	expect(u->raiser->arm(u->bar, index));
	for (unsigned int v = 0; v < vector_count(u->vfio.device, index); v++)
		delivered(u, index, v);
}

/* @before: what the user writes to COMMAND before the reset, and @after: after it, before it decodes again; -1:
 * nothing. */
static void works_after_unseen_reset(unsigned int index, int before, int after)
{
	struct user u = user_open(address);

	enable(&u, index);
	every_vector_works(&u, index);
	if (before >= 0)
		set_word(&u, PCI_COMMAND, (uint16_t)before);
	reset_unseen(&u);
	if (after >= 0)
		set_word(&u, PCI_COMMAND, (uint16_t)after);
	decode_again(&u);
	first_register(&u);
	every_vector_works(&u, index);
	disable(&u, index);
	user_close(&u);
}

static void MSIX_works_after_a_reset_that_nobody_saw(void)
{
	works_after_unseen_reset(MSIX, -1, -1);
}

static void MSIX_works_after_a_reset_that_nobody_saw_while_memory_was_off(void)
{
	works_after_unseen_reset(MSIX, 0, -1);
}

static void MSIX_works_after_a_reset_that_nobody_saw_and_that_shows_when_memory_goes_off(void)
{
	works_after_unseen_reset(MSIX, -1, 0);
}

static void MSI_works_after_a_reset_that_nobody_saw(void)
{
	works_after_unseen_reset(MSI, -1, -1);
	works_after_unseen_reset(MSI, 0, -1);
	works_after_unseen_reset(MSI, -1, 0);
}

/* ---- MSI, masked ---- */

static void hold_msi(struct user *u, unsigned int vector)
{
	mask(u, MSI, vector);
}

static void release_msi(struct user *u, unsigned int vector)
{
	unmask(u, MSI, vector);
}

static void set_msi_mask(struct user *u, unsigned int vector, bool masked)
{
	unsigned int at = msi_mask_at(u);
	uint32_t value = dword(u, at), bit = 1u << vector;

	set_dword(u, at, masked ? value | bit : value & ~bit);
	expect(dword(u, at) == (masked ? value | bit : value & ~bit));
}

static void hold_msi_by_register(struct user *u, unsigned int vector)
{
	set_msi_mask(u, vector, true);
}

static void release_msi_by_register(struct user *u, unsigned int vector)
{
	set_msi_mask(u, vector, false);
}

static bool msi_is_pending(struct user *u, unsigned int vector)
{
	return dword(u, msi_mask_at(u) + 4) >> vector & 1;
}

static void MSI_masked_by_ioctl_comes_when_it_is_unmasked(void)
{
	struct user u = user_open(address);

	enable(&u, MSI);
	/* the pending bits of config space go with the mask bits there */
	held_back(&u, MSI, 0, hold_msi, release_msi, NULL);
	disable(&u, MSI);
	user_close(&u);
}

static void MSI_masked_in_config_space_is_pending_there_and_comes_when_it_is_unmasked(void)
{
	struct user u = user_open(address);

	enable(&u, MSI);
	held_back(&u, MSI, 0, hold_msi_by_register, release_msi_by_register, msi_is_pending);
	disable(&u, MSI);
	user_close(&u);
}

/* Masked by @first and @second, it stays masked while one of them says so. */
static void both_hold(struct user *u, unsigned int index, unsigned int vector,
		      void (*const hold[2])(struct user *, unsigned int),
		      void (*const release[2])(struct user *, unsigned int))
{
	for (int i = 0; i < 4; i++) {
		hold[i & 1](u, vector);
		hold[!(i & 1)](u, vector);
		raise_irq_of(u, index, vector);
		expect(stays_away(u, vector));
		release[i >> 1](u, vector);
		expect(stays_away(u, vector));
		release[!(i >> 1)](u, vector);
		expect(arrives(u, vector));
		ack(u, index, vector);
	}
	delivered(u, index, vector);
}

static void MSI_is_masked_as_long_as_one_of_both_ways_says_so(void)
{
	struct user u = user_open(address);

	enable(&u, MSI);
	both_hold(&u, MSI, 0, (void (*const[])(struct user *, unsigned int)){ hold_msi, hold_msi_by_register },
		  (void (*const[])(struct user *, unsigned int)){ release_msi, release_msi_by_register });
	disable(&u, MSI);
	user_close(&u);
}

/* ---- MSI-X, masked ---- */

static void hold_msix(struct user *u, unsigned int vector)
{
	mask(u, MSIX, vector);
}

static void release_msix(struct user *u, unsigned int vector)
{
	unmask(u, MSIX, vector);
}

static void set_table_mask(struct user *u, unsigned int vector, uint32_t value)
{
	off_t at = msix_at(u, PCI_MSIX_TABLE) + vector * PCI_MSIX_ENTRY_SIZE + PCI_MSIX_ENTRY_VECTOR_CTRL;
	uint32_t got;

	expect(pwrite(u->vfio.device, &value, 4, at) == 4);
	expect(pread(u->vfio.device, &got, 4, at) == 4 && (got & PCI_MSIX_ENTRY_CTRL_MASKBIT) == value);
}

static void hold_msix_in_table(struct user *u, unsigned int vector)
{
	set_table_mask(u, vector, PCI_MSIX_ENTRY_CTRL_MASKBIT);
}

static void release_msix_in_table(struct user *u, unsigned int vector)
{
	set_table_mask(u, vector, 0);
}

static void set_mask_all(struct user *u, bool masked)
{
	unsigned int at = capability_at(u->vfio.device, PCI_CAP_ID_MSIX) + PCI_MSIX_FLAGS;
	uint16_t flags = word(u, at);

	flags = (uint16_t)(masked ? flags | PCI_MSIX_FLAGS_MASKALL : flags & ~PCI_MSIX_FLAGS_MASKALL);
	set_word(u, at, flags);
	expect(word(u, at) == flags);
}

static void hold_msix_as_a_whole(struct user *u, unsigned int vector)
{
	(void)vector;
	set_mask_all(u, true);
}

static void release_msix_as_a_whole(struct user *u, unsigned int vector)
{
	(void)vector;
	set_mask_all(u, false);
}

static bool msix_is_pending(struct user *u, unsigned int vector)
{
	uint32_t pending;

	expect(pread(u->vfio.device, &pending, 4, msix_at(u, PCI_MSIX_PBA) + vector / 32 * 4) == 4);
	return pending >> vector % 32 & 1;
}

static void every_vector_is_held_back(void (*hold)(struct user *, unsigned int),
				      void (*release)(struct user *, unsigned int))
{
	struct user u = user_open(address);
	unsigned int count = vector_count(u.vfio.device, MSIX);

	enable(&u, MSIX);
	held_back(&u, MSIX, 0, hold, release, msix_is_pending);
	held_back(&u, MSIX, count - 1, hold, release, msix_is_pending);
	disable(&u, MSIX);
	user_close(&u);
}

static void MSIX_masked_by_ioctl_is_pending_and_comes_when_it_is_unmasked(void)
{
	every_vector_is_held_back(hold_msix, release_msix);
}

static void MSIX_masked_in_the_table_is_pending_and_comes_when_it_is_unmasked(void)
{
	every_vector_is_held_back(hold_msix_in_table, release_msix_in_table);
}

static void MSIX_masked_as_a_whole_is_pending_and_comes_when_it_is_unmasked(void)
{
	every_vector_is_held_back(hold_msix_as_a_whole, release_msix_as_a_whole);
}

static void MSIX_is_masked_as_long_as_one_of_all_ways_says_so(void)
{
	void (*const hold[])(struct user *, unsigned int) = { hold_msix, hold_msix_in_table, hold_msix_as_a_whole };
	void (*const release[])(struct user *, unsigned int) = { release_msix, release_msix_in_table,
								 release_msix_as_a_whole };
	struct user u = user_open(address);

	enable(&u, MSIX);
	for (int i = 0; i < 3; i++) {
		int j = (i + 1) % 3;

		both_hold(&u, MSIX, 1, (void (*const[])(struct user *, unsigned int)){ hold[i], hold[j] },
			  (void (*const[])(struct user *, unsigned int)){ release[i], release[j] });
	}
	disable(&u, MSIX);
	user_close(&u);
}

static void a_masked_MSIX_vector_holds_no_other_one_back(void)
{
	struct user u = user_open(address);
	unsigned int count = vector_count(u.vfio.device, MSIX);

	enable(&u, MSIX);
	for (unsigned int masked = 0; masked < count; masked++) {
		hold_msix_in_table(&u, masked);
		raise_irq_of(&u, MSIX, masked);
		for (unsigned int v = 0; v < count; v++)
			if (v != masked)
				delivered(&u, MSIX, v);
		expect(!signals(u.irq[masked], 0) && msix_is_pending(&u, masked));
		release_msix_in_table(&u, masked);
		expect(arrives(&u, masked));
		ack(&u, MSIX, masked);
	}
	disable(&u, MSIX);
	user_close(&u);
}

/* What was masked before it was enabled is masked then. */
static void a_mask_in_the_MSIX_table_is_there_before_and_after_it_is_enabled(void)
{
	struct user u = user_open(address);

	hold_msix_in_table(&u, 2);
	enable(&u, MSIX);
	raise_irq_of(&u, MSIX, 2);
	expect(stays_away(&u, 2));
	delivered(&u, MSIX, 1);
	release_msix_in_table(&u, 2);
	expect(arrives(&u, 2));
	ack(&u, MSIX, 2);
	hold_msix_in_table(&u, 1);
	disable(&u, MSIX);
	enable(&u, MSIX);
	raise_irq_of(&u, MSIX, 1);
	expect(stays_away(&u, 1));
	delivered(&u, MSIX, 2);
	release_msix_in_table(&u, 1);
	expect(arrives(&u, 1));
	disable(&u, MSIX);
	user_close(&u);
}

static void the_MSIX_table_is_neither_mapped_nor_read_nor_written(void)
{
	struct user u = user_open(address);
	unsigned int count = vector_count(u.vfio.device, MSIX), last = count - 1;
	off_t table = msix_at(&u, PCI_MSIX_TABLE), pending = msix_at(&u, PCI_MSIX_PBA);
	off_t page = table / PAGE * PAGE;
	volatile void *mapped;
	uint32_t value;

	enable(&u, MSIX);
	for (unsigned int i = 0; i < 4 * count; i++) {
		off_t at = table + i * 4;

		if (i % 4 == PCI_MSIX_ENTRY_VECTOR_CTRL / 4)
			continue;
		value = 0xfee00000 + i;
		expect(pwrite(u.vfio.device, &value, 4, at) == 4);
		expect(pread(u.vfio.device, &value, 4, at) == 4 && !value);
	}
	for (unsigned int v = 0; v < count; v++)
		delivered(&u, MSIX, v);
	expect_errno(EINVAL, bar_map(u.vfio.device, (size_t)page, PAGE) == MAP_FAILED ? -1 : 0);
	mapped = bar_map(u.vfio.device, (size_t)pending / PAGE * PAGE, PAGE);
	expect(mapped != MAP_FAILED);
	hold_msix_in_table(&u, last);
	raise_irq_of(&u, MSIX, last);
	expect(stays_away(&u, last) && load(mapped, (size_t)pending % PAGE, &value) && value == 1u << last);
	release_msix_in_table(&u, last);
	expect(arrives(&u, last) && load(mapped, (size_t)pending % PAGE, &value) && !value);
	expect(!munmap((void *)mapped, PAGE));
	disable(&u, MSIX);
	user_close(&u);
}

/* ---- root moves interrupts from processor to processor ---- */

static struct mover {
	pthread_t thread;
	int numbers[VECTORS_MAX];
	unsigned int count;
	volatile bool end;
	unsigned long moves;
} mover;

static bool move(int number, unsigned int processor)
{
	char path[64];
	int fd, length;
	bool moved;

	snprintf(path, sizeof(path), "/proc/irq/%d/smp_affinity", number);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	expect(fd >= 0);
	length = snprintf(path, sizeof(path), "%x", 1u << processor);
	moved = write(fd, path, (size_t)length) == length;
	/* busy: the last move has not been finished yet */
	expect(moved || errno == EBUSY);
	close(fd);
	return moved;
}

static void *move_about(void *unused)
{
	for (unsigned int i = 0; !mover.end; i++)
		for (unsigned int n = 0; n < mover.count; n++)
			mover.moves += move(mover.numbers[n], i % 2);
	return unused;
}

static void move_begin(struct user *u, unsigned int index)
{
	memset(&mover, 0, sizeof(mover));
	if (index == INTX)
		mover.numbers[mover.count++] = line_of(u->address);
	else
		mover.count = msi_numbers(u->address, mover.numbers);
	expect(mover.count == vector_count(u->vfio.device, index));
	expect(!pthread_create(&mover.thread, NULL, move_about, NULL));
}

static void move_end(void)
{
	mover.end = true;
	expect(!pthread_join(mover.thread, NULL));
	expect(mover.moves > 10);
}

static void every_kind_arrives_while_root_moves_it_from_processor_to_processor(void)
{
	struct user u = user_open(address);

	for (size_t k = 0; k < KINDS; k++) {
		unsigned int index = kinds[k], count = vector_count(u.vfio.device, index);

		if (!count)
			continue;
		enable(&u, index);
		move_begin(&u, index);
		for (unsigned int i = 0; i < 500 || mover.moves <= 10; i++)
			delivered(&u, index, i % count);
		move_end();
		disable(&u, index);
	}
	user_close(&u);
}

static void masked_kinds_arrive_while_root_moves_them_from_processor_to_processor(void)
{
	struct user u = user_open(address);

	for (size_t k = 0; k < KINDS; k++) {
		unsigned int index = kinds[k], count = vector_count(u.vfio.device, index);

		if (!count)
			continue;
		enable(&u, index);
		move_begin(&u, index);
		for (unsigned int i = 0; i < 300 || mover.moves <= 10; i++) {
			unsigned int v = i % count;

			mask(&u, index, v);
			raise_irq_of(&u, index, v);
			expect(!signals(u.irq[v], 0));
			unmask(&u, index, v);
			expect(arrives(&u, v));
			ack(&u, index, v);
			if (index == INTX)
				unmask(&u, INTX, 0);
		}
		move_end();
		disable(&u, index);
	}
	user_close(&u);
}

/* ---- a machine that sleeps, as far as the kernel's own test of that has it go --------------------------------------
 */

static void set(const char *path, const char *value)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	expect(fd >= 0 && write(fd, value, strlen(value)) == (ssize_t)strlen(value) && !close(fd));
}

static void sleep_as_far_as(const char *level)
{
	set("/sys/power/pm_test", level);
	set("/sys/module/suspend/parameters/pm_test_delay", "0");
	set("/sys/power/state", "freeze");
	set("/sys/power/pm_test", "none");
}

/* The function may have lost what its user has told it (VFIOD_PCI_SUSPEND), but nothing that is the kernel's. */
static void works_after_a_sleep(unsigned int index, const char *level)
{
	struct user u = user_open(address);
	unsigned int count = vector_count(u.vfio.device, index);

	if (count) {
		enable(&u, index);
		delivered(&u, index, count - 1);
		sleep_as_far_as(level);
		expect(u.raiser->arm(u.bar, index));
		for (unsigned int v = 0; v < count; v++)
			delivered(&u, index, v);
		for (unsigned int v = 0; v < count; v++)
			expect(!signals(u.irq[v], 0));
		disable(&u, index);
	}
	user_close(&u);
}

static void every_kind_and_the_BARs_work_after_the_machine_has_slept(void)
{
	static const char *const levels[] = { "freezer", "devices", "platform" };

	for (size_t l = 0; l < 3; l++)
		for (size_t k = 0; k < KINDS; k++)
			works_after_a_sleep(kinds[k], levels[l]);
}

/* ---- which tests a function has ---- */

enum needs {
	NEEDS_STRICT = 1,    /* stock vfio-pci does not promise it */
	NEEDS_MSI_MASKS = 2, /* mask bits in config space */
	NEEDS_MSIX = 4,
	NEEDS_NEIGHBOUR = 8, /* one that shares its line, among the others */
	NEEDS_INTX = 16,
	NEEDS_MSI = 32,
	NEEDS_MESSAGES = 64, /* more than one of MSI */
	NEEDS_SLEEP = 128,   /* which few machines survive: only who asks for it by name has it */
};

#define TEST(name, needs) \
	{ \
#name, name, needs \
	}
static const struct {
	const char *name;
	void (*run)(void);
	unsigned int needs;
} tests[] = {
	TEST(INTx_is_delivered_masked_until_it_is_unmasked_and_comes_again_if_it_is_still_up, NEEDS_INTX),
	TEST(a_masked_INTx_is_pending_and_comes_when_it_is_unmasked, NEEDS_INTX),
	TEST(INTx_is_masked_by_the_bit_in_COMMAND, NEEDS_INTX),
	TEST(the_bit_in_COMMAND_masks_INTx_also_when_MSI_was_there_in_between, NEEDS_INTX | NEEDS_MSI),
	TEST(INTx_is_unmasked_by_an_eventfd_until_that_is_taken_away, NEEDS_INTX),
	TEST(an_eventfd_that_unmasks_INTx_is_closed_while_it_is_taken_away, NEEDS_INTX),
	TEST(an_eventfd_that_INTx_signals_may_unmask_it_too, NEEDS_STRICT | NEEDS_INTX),
	TEST(INTx_is_disabled_and_closed_while_its_eventfd_signals_itself, NEEDS_STRICT | NEEDS_INTX),
	TEST(the_line_is_off_in_hardware_whenever_nobody_handles_it, NEEDS_STRICT | NEEDS_INTX | NEEDS_MSI),
	TEST(a_pin_that_is_up_for_nobody_does_not_disturb_the_others_on_its_line,
	     NEEDS_STRICT | NEEDS_NEIGHBOUR | NEEDS_INTX | NEEDS_MSI),
	TEST(every_kind_is_delivered_on_each_vector, 0),
	TEST(every_kind_is_triggered_by_hand, 0),
	TEST(every_one_of_many_messages_is_masked_and_triggered_by_hand, NEEDS_STRICT | NEEDS_MESSAGES),
	TEST(error_and_request_are_triggered_by_hand, 0),
	TEST(another_eventfd_takes_over_and_none_is_silence, 0),
	TEST(every_kind_works_after_resets, 0),
	/* a virtual function, which has no INTx, has its BARs and their decoding in its physical one */
	TEST(registers_that_a_reset_took_are_back_when_the_user_writes_COMMAND, NEEDS_STRICT | NEEDS_INTX),
	TEST(registers_that_a_reset_took_are_back_although_the_user_sets_interrupts_up_before_COMMAND,
	     NEEDS_STRICT | NEEDS_INTX),
	TEST(a_masked_INTx_is_held_back_again_when_the_user_writes_COMMAND_after_a_reset, NEEDS_STRICT | NEEDS_INTX),
	TEST(MSIX_works_after_a_reset_that_nobody_saw, NEEDS_STRICT | NEEDS_INTX | NEEDS_MSIX),
	TEST(MSIX_works_after_a_reset_that_nobody_saw_while_memory_was_off, NEEDS_STRICT | NEEDS_INTX | NEEDS_MSIX),
	TEST(MSIX_works_after_a_reset_that_nobody_saw_and_that_shows_when_memory_goes_off,
	     NEEDS_STRICT | NEEDS_INTX | NEEDS_MSIX),
	TEST(MSI_works_after_a_reset_that_nobody_saw, NEEDS_STRICT | NEEDS_INTX | NEEDS_MSIX | NEEDS_MSI),
	TEST(MSI_masked_by_ioctl_comes_when_it_is_unmasked, NEEDS_STRICT | NEEDS_MSI),
	TEST(MSI_masked_in_config_space_is_pending_there_and_comes_when_it_is_unmasked, NEEDS_STRICT | NEEDS_MSI_MASKS),
	TEST(MSI_is_masked_as_long_as_one_of_both_ways_says_so, NEEDS_STRICT | NEEDS_MSI_MASKS),
	TEST(MSIX_masked_by_ioctl_is_pending_and_comes_when_it_is_unmasked, NEEDS_STRICT | NEEDS_MSIX),
	TEST(MSIX_masked_in_the_table_is_pending_and_comes_when_it_is_unmasked, NEEDS_STRICT | NEEDS_MSIX),
	TEST(MSIX_masked_as_a_whole_is_pending_and_comes_when_it_is_unmasked, NEEDS_STRICT | NEEDS_MSIX),
	TEST(MSIX_is_masked_as_long_as_one_of_all_ways_says_so, NEEDS_STRICT | NEEDS_MSIX),
	TEST(a_masked_MSIX_vector_holds_no_other_one_back, NEEDS_STRICT | NEEDS_MSIX),
	TEST(a_mask_in_the_MSIX_table_is_there_before_and_after_it_is_enabled, NEEDS_STRICT | NEEDS_MSIX),
	TEST(the_MSIX_table_is_neither_mapped_nor_read_nor_written, NEEDS_STRICT | NEEDS_MSIX),
	TEST(every_kind_arrives_while_root_moves_it_from_processor_to_processor, 0),
	TEST(masked_kinds_arrive_while_root_moves_them_from_processor_to_processor, NEEDS_STRICT),
	TEST(every_kind_and_the_BARs_work_after_the_machine_has_slept, NEEDS_SLEEP),
};
#define TESTS (sizeof(tests) / sizeof(tests[0]))

static bool driver_is_stock(void)
{
	char path[PATH_MAX], link[PATH_MAX] = "";

	sysfs_path(path, address, "driver");
	expect(readlink(path, link, sizeof(link) - 1) > 0);
	return !strcmp(strrchr(link, '/'), "/vfio-pci");
}

static void print_names(void)
{
	struct user u = user_open(address);
	unsigned int has = *others ? NEEDS_NEIGHBOUR : 0;

	has |= driver_is_stock() ? 0 : NEEDS_STRICT;
	has |= vector_count(u.vfio.device, INTX) ? NEEDS_INTX : 0;
	has |= vector_count(u.vfio.device, MSI) ? NEEDS_MSI : 0;
	has |= vector_count(u.vfio.device, MSI) > 1 ? NEEDS_MESSAGES : 0;
	has |= msi_mask_at(&u) ? NEEDS_MSI_MASKS : 0;
	has |= vector_count(u.vfio.device, MSIX) ? NEEDS_MSIX : 0;
	for (size_t i = 0; i < TESTS; i++)
		if (!(tests[i].needs & ~has))
			printf("%s\n", tests[i].name);
	user_close(&u);
}

int main(int argc, char **argv)
{
	if (argc > 1 && strchr(argv[1], ':')) {
		address = argv[1];
		others = argv + 2;
		print_names();
		return 0;
	}
	for (size_t i = 0; argc > 2 && i < TESTS; i++)
		if (!strcmp(argv[1], tests[i].name)) {
			address = argv[2];
			others = argv + 3;
			tests[i].run();
			return 0;
		}
	fprintf(stderr, "usage: interrupts ADDRESS [OTHER...], or interrupts TEST ADDRESS [OTHER...]\n");
	return 2;
}
