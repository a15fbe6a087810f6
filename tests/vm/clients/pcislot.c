/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Two functions of a slot through VFIO, the second of which has a reset of its own: what it is done to is nothing to
 *the first. As root, who is the user of both, and looks from outside, too.
 *
 *	pcislot ADDRESS NEIGHBOUR		the names of the tests that the two have, sentences about ADDRESS
 *	pcislot TEST ADDRESS NEIGHBOUR		runs one
 */
#include "tests/vm/clients/broker.h"
#include "tests/vm/clients/client.h"
#include "tests/vm/clients/edu.h"
#include "tests/vm/clients/expect.h"
#include "tests/vm/clients/function.h"
#include "tests/vm/clients/raiser.h"

#include <linux/pci_regs.h>
#include <linux/vfio.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#define CONFIG_SIZE 4096
#define BAR_SIZE    0x2000u

/* A register of BAR 0 that keeps what is written to it, until a reset, if there is one. */
static const struct scratch {
	uint32_t id;
	size_t at;
	uint32_t value;
	uint32_t reads;
} scratches[] = {
	{ 0x11e81234, EDU_INVERT, 0x12345678, ~0x12345678u },
	{ 0x00101b36, 0x14 /* configuration */, 0x00460000, 0x00460000 },
	{ 0x10c98086, 0xd0 /* interrupts */, 1, 1 },
};

struct side {
	const char *address;
	struct vfio vfio; /* group and container: -1 where they are the other side's */
	volatile void *bar;
	const struct scratch *scratch;
};

static struct side mine, other;

/* ---- two functions that are used ---- */

static void make_dirty(struct side *side)
{
	uint32_t value;

	expect(store(side->bar, side->scratch->at, side->scratch->value));
	expect(load(side->bar, side->scratch->at, &value) && value == side->scratch->reads);
}

static bool is_dirty(struct side *side)
{
	uint32_t value;

	expect(load(side->bar, side->scratch->at, &value));
	return value == side->scratch->reads;
}

/* Its device is open. */
static void use(struct side *side)
{
	uint32_t id;

	expect(!command_change(side->vfio.device, COMMAND_MEMORY | COMMAND_MASTER, 0));
	expect(config_read(side->vfio.device, PCI_VENDOR_ID, &id, 4));
	for (size_t i = 0; i < sizeof(scratches) / sizeof(scratches[0]); i++)
		if (scratches[i].id == id)
			side->scratch = &scratches[i];
	expect(side->scratch);
	side->bar = bar_map(side->vfio.device, 0, BAR_SIZE);
	expect(side->bar != MAP_FAILED);
}

static void leave(struct side *side)
{
	expect(!munmap((void *)(uintptr_t)side->bar, BAR_SIZE));
	close_fd(&side->vfio.device);
}

static bool share_a_group(void)
{
	char path[64], one[256] = "", two[256] = "";

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/iommu_group", mine.address);
	expect(readlink(path, one, sizeof(one) - 1) > 0);
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/iommu_group", other.address);
	expect(readlink(path, two, sizeof(two) - 1) > 0);
	return !strcmp(strrchr(one, '/'), strrchr(two, '/'));
}

static void open_device(struct side *side)
{
	int group = side->vfio.group >= 0 ? side->vfio.group : mine.vfio.group;

	side->vfio.device = vfio_device(group, side->address);
	use(side);
}

static void both_open(void)
{
	mine.vfio = vfio_open(mine.address);
	use(&mine);
	if (share_a_group()) {
		other.vfio = (struct vfio){ .group = -1, .container = -1 };
		open_device(&other);
	} else {
		other.vfio = vfio_open(other.address);
		use(&other);
	}
}

static void both_close(void)
{
	leave(&other);
	if (other.vfio.group >= 0)
		vfio_detach(&other.vfio);
	close_fd(&other.vfio.group);
	leave(&mine);
	vfio_detach(&mine.vfio);
	close_fd(&mine.vfio.group);
}

static bool can_be_reset(const struct side *side)
{
	struct vfio_device_info info = { .argsz = sizeof(info) };

	expect(!ioctl(side->vfio.device, VFIO_DEVICE_GET_INFO, &info));
	return info.flags & VFIO_DEVICE_FLAGS_RESET;
}

/* ---- what is done to the neighbour ---- */

static void reset_by_ioctl(void)
{
	expect(!ioctl(other.vfio.device, VFIO_DEVICE_RESET));
	expect(!command_change(other.vfio.device, COMMAND_MEMORY, 0));
}

static void reset_by_config_space(void)
{
	unsigned int at = capability_at(other.vfio.device, PCI_CAP_ID_EXP) + PCI_EXP_DEVCTL;
	uint16_t control;

	expect(config_read(other.vfio.device, at, &control, 2));
	control |= PCI_EXP_DEVCTL_BCR_FLR;
	expect(config_write(other.vfio.device, at, &control, 2));
	expect(!command_change(other.vfio.device, COMMAND_MEMORY, 0));
}

static void reset_by_its_next_user(void)
{
	leave(&other);
	open_device(&other);
}

static void reset_by_root(void)
{
	expect(!function_tell(other.address, "reset", "1"));
	/* nobody has told its user */
	expect(!command_change(other.vfio.device, 0, COMMAND_MEMORY) &&
	       !command_change(other.vfio.device, COMMAND_MEMORY, 0));
}

static void (*const ways[])(void) = { reset_by_ioctl, reset_by_config_space, reset_by_its_next_user, reset_by_root };
#define WAYS (sizeof(ways) / sizeof(ways[0]))

static void reset_the_neighbour(size_t way)
{
	make_dirty(&other);
	ways[way]();
	expect(!is_dirty(&other));
}

/* ---- and what is nothing to the first ---- */

struct looks {
	unsigned char user[CONFIG_SIZE], root[CONFIG_SIZE];
};

/* Its config space. */
static void look(struct looks *looks)
{
	memset(looks, 0, sizeof(*looks));
	expect(pread(mine.vfio.device, looks->user, CONFIG_SIZE,
		     (off_t)region_offset(mine.vfio.device, VFIO_PCI_CONFIG_REGION_INDEX)) >= PCI_CFG_SPACE_SIZE);
	function_config(mine.address, looks->root, CONFIG_SIZE);
}

static void its_registers_and_config_space_stay_when_its_neighbour_is_reset(void)
{
	int irq = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	struct looks before, after;
	unsigned int index;

	both_open();
	index = vector_count(mine.vfio.device, VFIO_PCI_MSI_IRQ_INDEX) ? VFIO_PCI_MSI_IRQ_INDEX
								       : VFIO_PCI_MSIX_IRQ_INDEX;
	expect(irq >= 0 && !irq_enable(mine.vfio.device, index, irq));
	make_dirty(&mine);
	look(&before);
	for (size_t way = 0; way < 2 * WAYS; way++) {
		reset_the_neighbour(way % WAYS);
		look(&after);
		expect(!memcmp(&before, &after, sizeof(before)) && is_dirty(&mine));
	}
	expect(!irq_wait(irq, 0));
	both_close();
	close_fd(&irq);
}

/* Each way of a reset, once, in a thread of its own. */
static void *reset_on(void *end)
{
	for (size_t way = 0; way < WAYS; way++)
		reset_the_neighbour(way);
	__atomic_store_n((bool *)end, true, __ATOMIC_RELEASE);
	return NULL;
}

/* @once: does something with the first, that has to work, over and over while its neighbour is reset. */
static void during_resets(void (*once)(void *), void *context)
{
	bool end = false;
	pthread_t thread;

	expect(!pthread_create(&thread, NULL, reset_on, &end));
	while (!__atomic_load_n(&end, __ATOMIC_ACQUIRE))
		once(context);
	expect(!pthread_join(thread, NULL));
	once(context);
}

struct interrupt {
	unsigned int index;
	int irq;
};

static void comes_once(void *context)
{
	struct vfio_irq_set unmask = { .argsz = sizeof(unmask),
				       .flags = VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_UNMASK,
				       .index = VFIO_PCI_INTX_IRQ_INDEX,
				       .count = 1 };
	const struct raiser *raiser = raiser_of(mine.vfio.device);
	const struct interrupt *i = context;

	expect(raiser->raise(mine.bar, i->index, 0) && irq_wait(i->irq, PATIENCE_MS));
	expect(raiser->ack(mine.bar, i->index, 0));
	if (i->index == VFIO_PCI_INTX_IRQ_INDEX)
		expect(!ioctl(mine.vfio.device, VFIO_DEVICE_SET_IRQS, &unmask));
	expect(!irq_wait(i->irq, 0));
}

static void its_interrupts_come_while_its_neighbour_is_reset(void)
{
	struct interrupt i = { .irq = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC) };

	expect(i.irq >= 0);
	both_open();
	for (i.index = VFIO_PCI_INTX_IRQ_INDEX; i.index <= VFIO_PCI_MSIX_IRQ_INDEX; i.index++) {
		if (!vector_count(mine.vfio.device, i.index))
			continue;
		expect(!irq_enable(mine.vfio.device, i.index, i.irq));
		expect(raiser_of(mine.vfio.device)->arm(mine.bar, i.index));
		during_resets(comes_once, &i);
		expect(!irq_enable(mine.vfio.device, i.index, -1));
	}
	both_close();
	close_fd(&i.irq);
}

static void dma_round(void *context)
{
	static unsigned char byte;
	unsigned char *memory = context;

	memset(memory, ++byte, PAGE);
	expect(dma_start(mine.bar, NEW_IOVA, EDU_BUFFER, PAGE, 0) && dma_wait(mine.bar));
	memset(memory, 0, PAGE);
	expect(dma_start(mine.bar, EDU_BUFFER, NEW_IOVA, PAGE, EDU_DMA_TO_RAM) && dma_wait(mine.bar));
	for (size_t i = 0; i < PAGE; i++)
		expect(memory[i] == byte);
}

static void its_DMA_goes_on_while_its_neighbour_is_reset(void)
{
	void *memory = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	expect(memory != MAP_FAILED);
	both_open();
	expect(!dma_map(mine.vfio.container, memory, PAGE, NEW_IOVA));
	during_resets(dma_round, memory);
	both_close();
	expect(!munmap(memory, PAGE));
}

/* The only reset that it has would be that of the bus. */
static void it_cannot_be_reset_and_comes_and_goes_without_a_reset_of_its_neighbour(void)
{
	both_open();
	expect(can_be_reset(&other));
	make_dirty(&other);
	for (int i = 0; i < 3; i++) {
		expect(!can_be_reset(&mine));
		expect_errno(EINVAL, ioctl(mine.vfio.device, VFIO_DEVICE_RESET));
		leave(&mine);
		expect(is_dirty(&other));
		open_device(&mine);
		expect(is_dirty(&other));
	}
	both_close();
}

/* ---- which tests the two have ---- */

enum needs { NEEDS_EDU = 1, NEEDS_NO_RESET = 2, NEEDS_RAISER = 4 };

/* clang-format off */
#define TEST(name, needs) { #name, name, needs }
static const struct {
	const char *name;
	void (*run)(void);
	unsigned int needs;
} tests[] = {
	TEST(its_registers_and_config_space_stay_when_its_neighbour_is_reset, 0),
	TEST(its_interrupts_come_while_its_neighbour_is_reset, NEEDS_RAISER),
	TEST(its_DMA_goes_on_while_its_neighbour_is_reset, NEEDS_EDU),
	TEST(it_cannot_be_reset_and_comes_and_goes_without_a_reset_of_its_neighbour, NEEDS_NO_RESET),
};
/* clang-format on */
#define TESTS (sizeof(tests) / sizeof(tests[0]))

static void print_names(void)
{
	unsigned int has;

	both_open();
	has = mine.scratch == &scratches[0] ? NEEDS_EDU : 0;
	has |= can_be_reset(&mine) ? 0 : NEEDS_NO_RESET;
	/* an nvme raises nothing without queues in memory */
	has |= mine.scratch == &scratches[1] ? 0 : NEEDS_RAISER;
	for (size_t i = 0; i < TESTS; i++)
		if (!(tests[i].needs & ~has))
			printf("%s\n", tests[i].name);
	both_close();
}

int main(int argc, char **argv)
{
	if (argc < 3) {
		fprintf(stderr, "usage: pcislot ADDRESS NEIGHBOUR, or pcislot TEST ADDRESS NEIGHBOUR\n");
		return 2;
	}
	mine.address = argv[argc - 2];
	other.address = argv[argc - 1];
	if (argc == 3) {
		print_names();
		return 0;
	}
	for (size_t i = 0; i < TESTS; i++)
		if (!strcmp(argv[1], tests[i].name)) {
			tests[i].run();
			return 0;
		}
	return 2;
}
