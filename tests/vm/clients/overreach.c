/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a VFIO device file gives beyond and across the ends of its regions, in odd pieces, and where it may not be
 * mapped.
 *
 *	overreach			the names of the tests
 *	overreach TEST ADDRESS		runs one on a function
 *	overreach --ports ADDRESS	how many BARs of a function are I/O ports, as its user sees it
 *
 * Each looks at all regions of whatever function it gets. What is expected is linux/vfio.h, and where that is silent
 * vfiod_pci(4).
 */
#include "tests/vm/clients/broker.h"
#include "tests/vm/clients/edu.h"
#include "tests/vm/clients/expect.h"
#include "tests/vm/clients/raiser.h"

#include <fcntl.h>
#include <linux/pci_regs.h>
#include <linux/vfio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE	    4096u
#define CONFIG	    VFIO_PCI_CONFIG_REGION_INDEX
#define ROM	    VFIO_PCI_ROM_REGION_INDEX
#define BARS	    6u
#define COMMAND_IO  PCI_COMMAND_IO
#define ENTRY_SIZE  PCI_MSIX_ENTRY_SIZE
#define REGION_SIZE (1ull << 40) /* of file offsets, which a region has for itself */
#define AREAS_MAX   16
#define PATIENCE_MS 20000
#define SILENCE_MS  300 /* in which an interrupt that must not come would have come */

struct area {
	uint64_t offset, size;
};

struct region {
	unsigned int index;
	uint64_t size;
	uint32_t flags;
	bool is_io, is_mappable; /* the table of MSI-X, too */
	size_t areas;		 /* that may be mapped */
	struct area area[AREAS_MAX];
};

static struct vfio vfio;
static unsigned char config[4096];
static struct region regions[VFIO_PCI_NUM_REGIONS];

/* ---- what there is ---- */

static off_t place(unsigned int index, uint64_t at)
{
	return (off_t)(index * REGION_SIZE + at);
}

static ssize_t region_read(const struct region *region, uint64_t at, void *buffer, size_t count)
{
	return pread(vfio.device, buffer, count, place(region->index, at));
}

static ssize_t region_write(const struct region *region, uint64_t at, const void *buffer, size_t count)
{
	return pwrite(vfio.device, buffer, count, place(region->index, at));
}

static void find_areas(struct region *region, const unsigned char *info, uint32_t at)
{
	while (at) {
		const struct vfio_info_cap_header *header = (const void *)(info + at);
		const struct vfio_region_info_cap_sparse_mmap *sparse = (const void *)header;

		region->is_mappable |= header->id == VFIO_REGION_INFO_CAP_MSIX_MAPPABLE;
		if (header->id == VFIO_REGION_INFO_CAP_SPARSE_MMAP) {
			expect(sparse->nr_areas <= AREAS_MAX);
			region->areas = sparse->nr_areas;
			for (uint32_t i = 0; i < sparse->nr_areas; i++)
				region->area[i] = (struct area){ sparse->areas[i].offset, sparse->areas[i].size };
		}
		at = header->next;
	}
}

static void region_find(struct region *region, unsigned int index)
{
	union {
		struct vfio_region_info info;
		unsigned char bytes[1024];
	} answer = { .info = { .argsz = sizeof(answer), .index = index } };

	memset(region, 0, sizeof(*region));
	region->index = index;
	if (ioctl(vfio.device, VFIO_DEVICE_GET_REGION_INFO, &answer.info)) {
		expect(errno == EINVAL && index == VFIO_PCI_VGA_REGION_INDEX);
		return;
	}
	expect(answer.info.offset == (uint64_t)place(index, 0));
	region->size = answer.info.size;
	region->flags = answer.info.flags;
	if (index < BARS && region->size)
		region->is_io = config[PCI_BASE_ADDRESS_0 + 4 * index] & PCI_BASE_ADDRESS_SPACE_IO;
	if (!(region->flags & VFIO_REGION_INFO_FLAG_MMAP))
		return;
	region->areas = 1;
	region->area[0].size = region->size;
	if (region->flags & VFIO_REGION_INFO_FLAG_CAPS)
		find_areas(region, answer.bytes, answer.info.cap_offset);
}

static void find_all(const char *address)
{
	vfio = vfio_open(address);
	expect(!command_change(vfio.device, COMMAND_MEMORY | COMMAND_IO, 0));
	region_find(&regions[CONFIG], CONFIG);
	expect(regions[CONFIG].size == 256 || regions[CONFIG].size == 4096);
	for (unsigned int at = 0; at < regions[CONFIG].size; at += 4)
		expect(region_read(&regions[CONFIG], at, config + at, 4) == 4);
	for (unsigned int i = 0; i < VFIO_PCI_NUM_REGIONS; i++)
		region_find(&regions[i], i);
}

static bool is_edu(void)
{
	return config[0] == 0x34 && config[1] == 0x12 && config[2] == 0xe8 && config[3] == 0x11;
}

/* Where the user's capability with @id is, or 0. */
static unsigned int capability(unsigned int id)
{
	unsigned int at = config[PCI_STATUS] & PCI_STATUS_CAP_LIST ? config[PCI_CAPABILITY_LIST] : 0;

	while (at && config[at] != id)
		at = config[at + 1];
	return at;
}

static uint32_t number(unsigned int at, unsigned int width)
{
	uint32_t value = 0;

	memcpy(&value, config + at, width);
	return value;
}

/* ---- config space ---- */

static void expect_config(unsigned int at, size_t count)
{
	const struct region *space = &regions[CONFIG];
	size_t should = at + count > space->size ? space->size - at : count;
	unsigned char bytes[256];

	memset(bytes, 0xee, sizeof(bytes));
	expect(region_read(space, at, bytes, count) == (ssize_t)should);
	expect(!memcmp(bytes, config + at, should));
	for (size_t i = should; i < sizeof(bytes); i++)
		expect(bytes[i] == 0xee);
}

static void a_config_read_of_any_length_and_place_gives_the_same_bytes(void)
{
	const unsigned int size = (unsigned int)regions[CONFIG].size;

	for (unsigned int at = 0; at < size; at += at < 128 ? 1 : 13)
		for (size_t count = 0; count <= 17; count++)
			expect_config(at, count);
	for (unsigned int at = size - 20; at < size; at++)
		for (size_t count = 0; count < 40; count++)
			expect_config(at, count);
}

static void a_config_access_that_is_too_long_ends_where_the_space_ends(void)
{
	const struct region *space = &regions[CONFIG];
	const size_t sizes[] = { 8192, 65536, 1u << 20 };
	volatile size_t more = 1ul << 31; /* than a system call takes, or the compiler lets pass */
	unsigned char *buffer = calloc(1, 1u << 20);

	expect(buffer);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		expect(region_read(space, 0, buffer, sizes[i]) == (ssize_t)space->size);
		expect(!memcmp(buffer, config, space->size));
		expect(region_read(space, 0x3d, buffer, sizes[i]) == (ssize_t)space->size - 0x3d);
		expect(!memcmp(buffer, config + 0x3d, space->size - 0x3d));
	}
	/* as it is: to most of it nothing happens, and to the rest nothing new */
	expect(region_read(space, 0, buffer, 4096) == (ssize_t)space->size);
	expect(region_write(space, 0, buffer, 8192) == (ssize_t)space->size);
	for (size_t left = 1; left < 16; left++)
		expect(region_write(space, space->size - left, buffer + space->size - left, 64) == (ssize_t)left);
	expect(region_read(space, 0, buffer, more) == (ssize_t)space->size);
	free(buffer);
}

static void a_config_access_behind_the_end_is_refused(void)
{
	const uint64_t size = regions[CONFIG].size;
	const uint64_t places[] = { size, size + 1, size + 2, size + 4,	       4096,
				    4097, 8192,	    1u << 20, REGION_SIZE - 4, REGION_SIZE - 1 };
	uint64_t value = 0;

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		for (size_t count = 1; count <= 8; count++) {
			expect_errno(EINVAL, region_read(&regions[CONFIG], places[i], &value, count));
			expect_errno(EINVAL, region_write(&regions[CONFIG], places[i], &value, count));
		}
}

/* By the registers that are the user's alone: what the BARs and the interrupt line keep shows what was written. */
static void a_config_write_of_any_length_and_place_writes_these_bytes(void)
{
	const struct region *space = &regions[CONFIG];

	for (unsigned int at = PCI_BASE_ADDRESS_0; at < PCI_BASE_ADDRESS_5; at++)
		for (size_t count = 1; count <= 24 && at + count <= PCI_BASE_ADDRESS_5 + 4; count++) {
			unsigned char pattern[24], all[24], single[24];
			unsigned int left = PCI_BASE_ADDRESS_0;

			for (size_t i = 0; i < count; i++)
				pattern[i] = (unsigned char)(0x90 + i * 7 + at);
			memset(all, 0, sizeof(all));
			expect(region_write(space, left, all, 24) == 24);
			expect(region_write(space, at, pattern, count) == (ssize_t)count);
			expect(region_read(space, left, all, 24) == 24);
			memset(single, 0, sizeof(single));
			expect(region_write(space, left, single, 24) == 24);
			for (size_t i = 0; i < count; i++)
				expect(region_write(space, at + i, pattern + i, 1) == 1);
			expect(region_read(space, left, single, 24) == 24);
			expect(!memcmp(all, single, 24));
		}
	for (unsigned int from = 0x39; from <= PCI_INTERRUPT_LINE; from++) {
		unsigned char bytes[8] = "", line = (unsigned char)(0x30 + from), got;

		bytes[PCI_INTERRUPT_LINE - from] = line;
		expect(region_write(space, from, bytes, 8) == 8);
		expect(region_read(space, PCI_INTERRUPT_LINE, &got, 1) == 1 && got == line);
	}
}

/* Memory of which the first @count bytes are there. */
static unsigned char *edge(size_t count)
{
	unsigned char *pages = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	expect(pages != MAP_FAILED && !munmap(pages + PAGE, PAGE));
	return pages + PAGE - count;
}

static void *volatile nowhere[] = { NULL, (void *)0xffff888000000000ul, (void *)0xffffffff81000000ul };

static void a_buffer_that_ends_early_ends_the_access_after_the_bytes_that_were_done(void)
{
	const struct region *space = &regions[CONFIG];

	for (size_t room = 0; room < 16; room++) {
		unsigned char *buffer = edge(room);
		ssize_t done;

		errno = 0;
		done = region_read(space, 0, buffer, 32);
		/* in whole pieces, or to the last byte: but never more than there is room for, and an error for none */
		expect(room < 4 ? (done == -1 && errno == EFAULT) || (done > 0 && done <= (ssize_t)room)
				: done >= (ssize_t)(room & ~3ul) && done <= (ssize_t)room);
		if (done > 0)
			expect(!memcmp(buffer, config, (size_t)done));
		memset(buffer, 0, room);
		errno = 0;
		/* to the BARs, which are virtual */
		done = region_write(space, PCI_BASE_ADDRESS_0, buffer, 24);
		expect(room < 4 ? (done == -1 && errno == EFAULT) || (done > 0 && done <= (ssize_t)room)
				: done >= (ssize_t)(room & ~3ul) && done <= (ssize_t)room);
	}
	for (size_t i = 0; i < sizeof(nowhere) / sizeof(nowhere[0]); i++) {
		expect_errno(EFAULT, region_read(space, 0, nowhere[i], 4));
		expect_errno(EFAULT, region_write(space, 0, nowhere[i], 4));
	}
}

/* ---- BARs ---- */

static void expect_end(const struct region *region)
{
	const uint64_t behind[] = { region->size,     region->size + 1, region->size + 4,
				    region->size * 2, REGION_SIZE - 8,	REGION_SIZE - 1 };
	unsigned char bytes[64];

	for (size_t left = 1; left <= 16 && left <= region->size; left++) {
		memset(bytes, 0xee, sizeof(bytes));
		expect(region_read(region, region->size - left, bytes, 40) == (ssize_t)left);
		expect(bytes[left] == 0xee);
	}
	memset(bytes, 0, sizeof(bytes));
	for (size_t i = 0; i < sizeof(behind) / sizeof(behind[0]); i++)
		for (size_t count = 1; count <= 16; count++) {
			expect_errno(EINVAL, region_read(region, behind[i], bytes, count));
			expect_errno(EINVAL, region_write(region, behind[i], bytes, count));
		}
}

static void a_bar_ends_where_its_length_says(void)
{
	for (unsigned int i = 0; i < BARS; i++)
		if (regions[i].size)
			expect_end(&regions[i]);
	/* where a write does no harm */
	if (is_edu()) {
		unsigned char zeros[64] = "";

		for (size_t left = 1; left <= 16; left++)
			expect(region_write(&regions[0], regions[0].size - left, zeros, 40) == (ssize_t)left);
	}
}

static void expect_nothing(unsigned int index)
{
	const uint64_t places[] = { 0, 1, 4, PAGE, REGION_SIZE - 1 };
	uint64_t value = 0;

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		for (size_t count = 1; count <= 8; count++) {
			expect_errno(EINVAL, pread(vfio.device, &value, count, place(index, places[i])));
			expect_errno(EINVAL, pwrite(vfio.device, &value, count, place(index, places[i])));
		}
	errno = 0;
	expect(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, vfio.device, place(index, 0)) == MAP_FAILED && errno == EINVAL);
}

static void regions_that_are_not_there_give_nothing(void)
{
	for (unsigned int i = 0; i < VFIO_PCI_NUM_REGIONS; i++)
		if (!regions[i].size)
			expect_nothing(i);
	expect(!regions[VFIO_PCI_VGA_REGION_INDEX].size);
	for (unsigned int i = VFIO_PCI_NUM_REGIONS; i < 1u << 22; i = i * 2 + 1)
		expect_nothing(i);
}

static void a_bar_can_be_read_in_pieces_of_any_length_and_place(void)
{
	unsigned char bytes[80];

	for (unsigned int i = 0; i < BARS; i++)
		for (uint64_t at = 0; regions[i].size > 128 && at < 32; at++)
			for (size_t count = 0; count <= 33; count++) {
				memset(bytes, 0xee, sizeof(bytes));
				expect(region_read(&regions[i], at, bytes, count) == (ssize_t)count);
				expect(bytes[count] == 0xee);
			}
	if (is_edu()) {
		uint32_t id, inverse = 0x12345678;
		uint64_t wide = 0x1122334455667788, got = 0;

		expect(region_read(&regions[0], EDU_ID, &id, 4) == 4 && id == 0x010000ed);
		expect(region_write(&regions[0], EDU_INVERT, &inverse, 4) == 4);
		expect(region_read(&regions[0], EDU_INVERT, &inverse, 4) == 4 && inverse == ~0x12345678u);
		expect(region_write(&regions[0], EDU_DMA_SRC, &wide, 8) == 8);
		expect(region_read(&regions[0], EDU_DMA_SRC, &got, 8) == 8 && got == wide);
	}
}

static void a_buffer_that_ends_early_ends_the_access_to_a_bar_too(void)
{
	for (unsigned int i = 0; i < BARS; i++) {
		if (regions[i].size < 64)
			continue;
		for (size_t room = 0; room < 24; room += 4) {
			ssize_t done;

			errno = 0;
			done = region_read(&regions[i], 0, edge(room), 32);
			expect(room < 8 ? (done == -1 && errno == EFAULT) || (done > 0 && done <= (ssize_t)room)
					: done >= (ssize_t)(room & ~7ul) && done <= (ssize_t)room);
		}
		expect_errno(EFAULT, region_read(&regions[i], 0, nowhere[0], 4));
		expect_errno(EFAULT, region_write(&regions[i], 0, nowhere[0], 4));
	}
}

/* ---- decoding off ---- */

static void expect_dead(const struct region *region)
{
	uint64_t value = 0;

	for (size_t count = 1; count <= 8; count++) {
		expect_errno(EIO, region_read(region, 0, &value, count));
		expect_errno(EIO, region_write(region, 0, &value, count));
	}
	/* what is wrong in any case stays so */
	expect_errno(EINVAL, region_read(region, region->size, &value, 4));
	for (size_t i = 0; i < region->areas; i++) {
		volatile void *bar = bar_map(vfio.device, (size_t)place(region->index, region->area[i].offset), PAGE);
		uint32_t loaded;

		expect(bar != MAP_FAILED && !load(bar, 0, &loaded));
		expect(!munmap((void *)bar, PAGE));
	}
}

static void a_bar_that_is_not_decoded_gives_EIO_and_SIGBUS(void)
{
	uint16_t command;
	uint32_t value;

	expect(!command_change(vfio.device, 0, COMMAND_MEMORY | COMMAND_IO));
	expect(config_read(vfio.device, PCI_COMMAND, &command, 2));
	if (command & COMMAND_MEMORY) {
		/* a virtual function has no such bit */
		expect(!(number(PCI_VENDOR_ID, 4) == 0xffffffffu || is_edu()));
		return;
	}
	for (unsigned int i = 0; i < BARS; i++)
		if (regions[i].size)
			expect_dead(&regions[i]);
	expect(!command_change(vfio.device, COMMAND_MEMORY | COMMAND_IO, 0));
	for (unsigned int i = 0; i < BARS; i++)
		if (regions[i].size)
			expect(region_read(&regions[i], 0, &value, 4) == 4);
}

static void a_bar_of_a_function_that_is_not_in_D0_gives_EIO_and_SIGBUS(void)
{
	unsigned int pm = capability(PCI_CAP_ID_PM);
	uint16_t state = 3, now;

	if (!pm)
		return;
	expect(config_write(vfio.device, pm + PCI_PM_CTRL, &state, 2));
	expect(config_read(vfio.device, pm + PCI_PM_CTRL, &now, 2) && (now & 3) == 3);
	for (unsigned int i = 0; i < BARS; i++)
		if (regions[i].size)
			expect_dead(&regions[i]);
	state = 0;
	expect(config_write(vfio.device, pm + PCI_PM_CTRL, &state, 2));
	expect(config_read(vfio.device, pm + PCI_PM_CTRL, &now, 2) && !(now & 3));
	expect(!command_change(vfio.device, COMMAND_MEMORY | COMMAND_IO, 0));
	for (unsigned int i = 0; i < BARS; i++)
		if (regions[i].size)
			expect(region_read(&regions[i], 0, &now, 2) == 2);
}

/* ---- the ROM, and I/O ports ----------------------------------------------------------------------------------------
 */

/* devices.sh has one made of a header and the same line over and over. */
static void the_rom_can_be_read_and_nothing_else(void)
{
	const struct region *rom = &regions[ROM];
	const char line[] = "vfiod\n";
	unsigned char *image;
	uint32_t value = 0;

	if (!rom->size)
		return;
	expect(rom->flags == VFIO_REGION_INFO_FLAG_READ);
	image = malloc(rom->size);
	expect(image && region_read(rom, 0, image, rom->size) == (ssize_t)rom->size);
	expect(image[0] == 0x55 && image[1] == 0xaa);
	for (size_t i = 64; i < rom->size; i++)
		expect(image[i] == line[(i - 64) % 6]);
	for (uint64_t at = 0; at < 100; at++)
		for (size_t count = 1; count < 20; count++) {
			unsigned char bytes[20];

			expect(region_read(rom, at, bytes, count) == (ssize_t)count &&
			       !memcmp(bytes, image + at, count));
		}
	for (uint64_t at = 0; at <= rom->size; at += rom->size / 4)
		for (size_t count = 1; count <= 8; count++)
			expect_errno(EINVAL, region_write(rom, at, &value, count));
	expect_end(rom);
	errno = 0;
	expect(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, vfio.device, place(ROM, 0)) == MAP_FAILED && errno == EINVAL);
	free(image);
}

/*
 * Intel e1000e and igb: a register of 32 bits that keeps what is written, and one that shows the register of BAR 0
 * whose place the first one has (82576 Datasheet 2.61 §8.1.1.3).
 */
enum { IO_ADDRESS = 0, IO_DATA = 4, STATUS_REGISTER = 8 };

static bool has_known_ports(void)
{
	return number(PCI_VENDOR_ID, 4) == 0x10d38086 || number(PCI_VENDOR_ID, 4) == 0x10c98086;
}

static void expect_known_ports(const struct region *region)
{
	const uint32_t numbers[] = { 0, STATUS_REGISTER, 0x00015a3c };
	uint32_t data = 0, same = 1, place_of_status = STATUS_REGISTER;

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		expect(region_write(region, IO_ADDRESS, &numbers[i], 4) == 4);
		for (size_t width = 1; width <= 4; width *= 2) {
			uint32_t value = 0, should = numbers[i] & ~0u >> (32 - 8 * width);

			expect(region_read(region, IO_ADDRESS, &value, width) == (ssize_t)width && value == should);
		}
	}
	expect(region_write(region, IO_ADDRESS, &place_of_status, 4) == 4);
	expect(region_read(region, IO_DATA, &data, 4) == 4);
	expect(region_read(&regions[0], STATUS_REGISTER, &same, 4) == 4 && data == same && data);
}

static unsigned int count_ports(void)
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < BARS; i++)
		count += regions[i].is_io;
	return count;
}

static void io_ports_are_read_and_written_but_not_mapped(void)
{
	for (unsigned int i = 0; i < BARS; i++) {
		const struct region *region = &regions[i];
		unsigned char bytes[4];

		if (!region->is_io)
			continue;
		expect(region->flags == (VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE));
		for (size_t width = 1; width <= 4; width *= 2) {
			expect(region_read(region, 0, bytes, width) == (ssize_t)width);
			expect(region_write(region, 0, bytes, width) == (ssize_t)width);
		}
		if (has_known_ports())
			expect_known_ports(region);
		errno = 0;
		expect(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, vfio.device, place(i, 0)) == MAP_FAILED &&
		       errno == EINVAL);
	}
	expect(count_ports() || !has_known_ports());
}

/* ---- mappings ------------------------------------------------------------------------------------------------------
 */

static void expect_no_mapping(int error, unsigned int index, uint64_t at, size_t size, int protection, int flags)
{
	errno = 0;
	expect(mmap(NULL, size, protection, flags, vfio.device, place(index, at)) == MAP_FAILED && errno == error);
}

static void expect_mapping(unsigned int index, const struct area *area)
{
	volatile void *bar = bar_map(vfio.device, (size_t)place(index, area->offset), area->size);
	uint32_t value;

	expect(bar != MAP_FAILED);
	expect(load(bar, 0, &value) && load(bar, area->size - 4, &value));
	expect(!munmap((void *)bar, area->size));
}

/* Every page of a BAR is in an area that may be mapped, or cannot be. */
static void expect_gaps(const struct region *region)
{
	for (uint64_t at = 0; at < region->size; at += PAGE) {
		bool inside = false;

		for (size_t i = 0; i < region->areas; i++)
			inside |= at >= region->area[i].offset && at - region->area[i].offset < region->area[i].size;
		if (inside)
			continue;
		expect_no_mapping(EINVAL, region->index, at, PAGE, PROT_READ, MAP_SHARED);
		if (at + PAGE < region->size)
			expect_no_mapping(EINVAL, region->index, at, 2 * PAGE, PROT_READ, MAP_SHARED);
		if (at)
			expect_no_mapping(EINVAL, region->index, at - PAGE, 2 * PAGE, PROT_READ, MAP_SHARED);
	}
}

static void a_mapping_is_shared_and_within_what_the_region_offers(void)
{
	for (unsigned int i = 0; i < VFIO_PCI_NUM_REGIONS; i++) {
		const struct region *region = &regions[i];
		const uint64_t end = (region->size + PAGE - 1) & ~(uint64_t)(PAGE - 1);

		for (size_t j = 0; j < region->areas; j++) {
			expect_mapping(i, &region->area[j]);
			expect_no_mapping(EINVAL, i, region->area[j].offset, PAGE, PROT_READ, MAP_PRIVATE);
			expect_no_mapping(EINVAL, i, region->area[j].offset, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE);
		}
		if (!(region->flags & VFIO_REGION_INFO_FLAG_MMAP))
			expect_no_mapping(EINVAL, i, 0, PAGE, PROT_READ, MAP_SHARED);
		expect_gaps(region);
		expect_no_mapping(EINVAL, i, end, PAGE, PROT_READ, MAP_SHARED);
		expect_no_mapping(EINVAL, i, 0, end + PAGE, PROT_READ, MAP_SHARED);
		if (end)
			expect_no_mapping(EINVAL, i, end - PAGE, 2 * PAGE, PROT_READ, MAP_SHARED);
		expect_no_mapping(EINVAL, i, REGION_SIZE - PAGE, PAGE, PROT_READ, MAP_SHARED);
		expect_no_mapping(EINVAL, i, REGION_SIZE - PAGE, 2 * PAGE, PROT_READ, MAP_SHARED);
	}
	errno = 0;
	expect(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, vfio.device, place(0, 1)) == MAP_FAILED && errno == EINVAL);
}

/* ---- the table of MSI-X ---- */

static void expect_pages_without_mapping(unsigned int bar, uint64_t from, uint64_t size)
{
	for (uint64_t at = from & ~(uint64_t)(PAGE - 1); at < from + size; at += PAGE)
		expect_no_mapping(EINVAL, bar, at, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED);
}

static void expect_entry(const struct region *region, uint64_t at)
{
	const uint32_t ones = ~0u, zero = 0, masked = PCI_MSIX_ENTRY_CTRL_MASKBIT;
	uint32_t value[4];

	for (unsigned int word = 0; word < 3; word++) {
		expect(region_write(region, at + 4 * word, &ones, 4) == 4);
		expect(region_read(region, at + 4 * word, value, 4) == 4 && !value[0]);
	}
	for (int round = 0; round < 2; round++) {
		expect(region_write(region, at + PCI_MSIX_ENTRY_VECTOR_CTRL, &ones, 4) == 4);
		expect(region_read(region, at, value, 16) == 16 && !value[0] && !value[1] && !value[2] &&
		       value[3] == masked);
		expect(region_write(region, at + PCI_MSIX_ENTRY_VECTOR_CTRL, &zero, 4) == 4);
		expect(region_read(region, at, value, 16) == 16 && !value[0] && !value[1] && !value[2] && !value[3]);
	}
	/* in any pieces */
	expect(region_write(region, at, (const uint32_t[]){ ones, ones, ones, ones }, 16) == 16);
	expect(region_read(region, at, value, 16) == 16 && !value[0] && !value[1] && !value[2] && value[3] == masked);
	for (unsigned int byte = 0; byte < ENTRY_SIZE; byte++)
		expect(region_write(region, at + byte, &zero, 1) == 1);
	expect(region_read(region, at, value, 16) == 16 && !value[0] && !value[1] && !value[2] && !value[3]);
}

static void the_table_of_interrupts_is_virtual_and_cannot_be_mapped(void)
{
	unsigned int at = capability(PCI_CAP_ID_MSIX);
	uint32_t table, vectors;

	if (!at)
		return;
	/* who may map it may aim interrupts */
	for (unsigned int i = 0; i < BARS; i++)
		expect(!regions[i].is_mappable);
	table = number(at + PCI_MSIX_TABLE, 4);
	vectors = (number(at + PCI_MSIX_FLAGS, 2) & PCI_MSIX_FLAGS_QSIZE) + 1;
	expect_pages_without_mapping(table & PCI_MSIX_TABLE_BIR, table & PCI_MSIX_TABLE_OFFSET,
				     (uint64_t)vectors * ENTRY_SIZE);
	for (uint32_t i = 0; i < vectors; i++)
		expect_entry(&regions[table & PCI_MSIX_TABLE_BIR], (table & PCI_MSIX_TABLE_OFFSET) + i * ENTRY_SIZE);
}

/* By ACTION_MASK or ACTION_UNMASK, while no register of the function answers. */
static void set_mask_in_the_dark(uint32_t action)
{
	struct vfio_irq_set set = { .argsz = sizeof(set),
				    .flags = VFIO_IRQ_SET_DATA_NONE | action,
				    .index = VFIO_PCI_MSIX_IRQ_INDEX,
				    .count = 1 };

	expect(!command_change(vfio.device, 0, COMMAND_MEMORY));
	expect(!ioctl(vfio.device, VFIO_DEVICE_SET_IRQS, &set));
	expect(!command_change(vfio.device, COMMAND_MEMORY | COMMAND_MASTER, 0));
}

/* On an igb, which can be told to raise them. */
static void interrupts_set_and_masked_while_their_table_is_not_decoded_are_so_when_it_is(void)
{
	int interrupt = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	const struct raiser *raiser;
	volatile void *bar;

	if (number(PCI_VENDOR_ID, 4) != 0x10c98086)
		return;
	raiser = raiser_of(vfio.device);
	bar = bar_map(vfio.device, 0, raiser->size);
	expect(!command_change(vfio.device, 0, COMMAND_MEMORY));
	expect(!irq_enable(vfio.device, VFIO_PCI_MSIX_IRQ_INDEX, interrupt));
	expect(!command_change(vfio.device, COMMAND_MEMORY | COMMAND_MASTER, 0));
	expect(raiser->arm(bar, VFIO_PCI_MSIX_IRQ_INDEX) && raiser->raise(bar, VFIO_PCI_MSIX_IRQ_INDEX, 0));
	expect(irq_wait(interrupt, PATIENCE_MS) && raiser->ack(bar, VFIO_PCI_MSIX_IRQ_INDEX, 0));

	set_mask_in_the_dark(VFIO_IRQ_SET_ACTION_MASK);
	expect(raiser->raise(bar, VFIO_PCI_MSIX_IRQ_INDEX, 0) && !irq_wait(interrupt, SILENCE_MS));
	set_mask_in_the_dark(VFIO_IRQ_SET_ACTION_UNMASK);
	expect(irq_wait(interrupt, PATIENCE_MS));
	expect(!munmap((void *)bar, raiser->size) && !close(interrupt));
}

/* ------------------------------------------------------------------------------------------------------------------ */

#define TEST(name) \
	{ \
#name, name \
	}

static const struct {
	const char *name;
	void (*run)(void);
} tests[] = {
	TEST(a_config_read_of_any_length_and_place_gives_the_same_bytes),
	TEST(a_config_access_that_is_too_long_ends_where_the_space_ends),
	TEST(a_config_access_behind_the_end_is_refused),
	TEST(a_config_write_of_any_length_and_place_writes_these_bytes),
	TEST(a_buffer_that_ends_early_ends_the_access_after_the_bytes_that_were_done),
	TEST(a_bar_ends_where_its_length_says),
	TEST(regions_that_are_not_there_give_nothing),
	TEST(a_bar_can_be_read_in_pieces_of_any_length_and_place),
	TEST(a_buffer_that_ends_early_ends_the_access_to_a_bar_too),
	TEST(a_bar_that_is_not_decoded_gives_EIO_and_SIGBUS),
	TEST(a_bar_of_a_function_that_is_not_in_D0_gives_EIO_and_SIGBUS),
	TEST(the_rom_can_be_read_and_nothing_else),
	TEST(io_ports_are_read_and_written_but_not_mapped),
	TEST(a_mapping_is_shared_and_within_what_the_region_offers),
	TEST(the_table_of_interrupts_is_virtual_and_cannot_be_mapped),
	TEST(interrupts_set_and_masked_while_their_table_is_not_decoded_are_so_when_it_is),
};

static int run(void (*test)(void), const char *address)
{
	find_all(address);
	test();
	vfio_detach(&vfio);
	return 0;
}

static void print_ports(void)
{
	printf("%u\n", count_ports());
}

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "--ports"))
		return run(print_ports, argv[2]);
	for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
		if (argc == 1)
			puts(tests[i].name);
		if (argc == 3 && !strcmp(argv[1], tests[i].name))
			return run(tests[i].run, argv[2]);
	}
	return argc > 1 ? 2 : 0;
}
