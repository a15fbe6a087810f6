/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The same sequence of config accesses, by VFIO and to libpcicfg in user space, on the config space that root recorded
 * just after the open: the user has to see the same, and the same has to reach the hardware.
 *
 *	replay measure ADDRESS FILE		what the hardware takes of what can reach it, into FILE; without a
 * driver replay sysfs ADDRESS FILE SEED COUNT	libpcicfg on the function itself, without a driver: is the hardware that
 *						the recording is put on (owned.c) as this one?
 *	replay driver ADDRESS FILE SEED COUNT	the strict driver, traced, on the function itself
 *	replay events ADDRESS			which lines the other tracepoints have of what its user does; it was
 *						just bound, so that it is not known to be clean
 */
#include "tests/vm/clients/broker.h"
#include "tests/vm/clients/edu.h"
#include "tests/vm/clients/expect.h"
#include "tests/vm/clients/owned.h"
#include "tests/vm/clients/raiser.h"

#include <fcntl.h>
#include <linux/pci_regs.h>
#include <linux/vfio.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>

#define TRACING "/sys/kernel/tracing/"
#define EVENT	"vfiod_pci_config_write:"

/* ---- the sequence ---- */

enum what { READ, WRITE, RESET };

/* An access, and what came of it. */
struct access {
	enum what what;
	uint16_t offset;
	uint16_t size;
	uint32_t value; /* what is written, or was read */
	int result;	/* a count, or a negative errno */
};

/* Of so many accesses one is a reset by ioctl; those by config space come by themselves. */
#define RESET_EVERY 5000

static uint64_t random_state;

/* xorshift64*: the same numbers from the same seed. */
static uint32_t draw(uint32_t below)
{
	random_state ^= random_state >> 12;
	random_state ^= random_state << 25;
	random_state ^= random_state >> 27;
	return (uint32_t)((random_state * 2685821657736338717ull) >> 32) % below;
}

/* Dwords in which there is something of the hardware that the user may change. */
static uint16_t passed[PCICFG_DWORDS];
static uint32_t passed_count;

static void find_passed(const struct pcicfg *cfg)
{
	__u32 masks[PCICFG_CONDITIONS];

	passed_count = 0;
	for (uint16_t at = 0; at < cfg->size; at += 4) {
		pcicfg_conditions(cfg, at, masks);
		if (masks[PCICFG_PASSED])
			passed[passed_count++] = at;
	}
}

/* The whole space, the 256 bytes in which most registers are that do something, and those that do most. */
static uint16_t draw_offset(uint16_t size)
{
	uint32_t kind = draw(10);

	if (!kind)
		return (uint16_t)(passed[draw(passed_count)] + draw(4));
	return (uint16_t)draw(kind < 6 ? PCICFG_SIZE_PCI : size);
}

static uint32_t recorded(const struct pcicfg_dump *dump, uint16_t offset)
{
	uint32_t value = 0;

	for (unsigned int i = 0; i < 4 && offset + i < dump->size; i++)
		value |= (uint32_t)dump->memory[offset + i] << 8 * i;
	return value;
}

static uint32_t draw_value(const struct pcicfg_dump *dump, uint16_t offset)
{
	switch (draw(8)) {
	case 0:
		return 0;
	case 1:
		return ~0u;
	case 2:
		return 1u << draw(32);
	case 3:
		return ~(1u << draw(32));
	case 4: /* what a driver does: a bit of what was there */
		return recorded(dump, offset) ^ 1u << draw(32);
	case 5:
		return recorded(dump, offset);
	default:
		return draw(1u << 16) << 16 | draw(1u << 16);
	}
}

static struct access draw_access(const struct pcicfg_dump *dump)
{
	struct access access = { .what = draw(2) ? WRITE : READ, .size = (uint16_t)(1 << draw(3)) };

	if (!draw(RESET_EVERY))
		access.what = RESET;
	access.offset = draw_offset(dump->size);
	if (access.what == WRITE)
		access.value = draw_value(dump, access.offset);
	return access;
}

/* ---- who carries it out ---- */

static uint64_t config_space(uint16_t offset)
{
	return ((uint64_t)VFIO_PCI_CONFIG_REGION_INDEX << 40) + offset;
}

static int or_errno(ssize_t result)
{
	return result < 0 ? -errno : (int)result;
}

static void by_vfio(int device, struct access *access)
{
	switch (access->what) {
	case READ:
		access->result =
			or_errno(pread(device, &access->value, access->size, (off_t)config_space(access->offset)));
		break;
	case WRITE:
		access->result =
			or_errno(pwrite(device, &access->value, access->size, (off_t)config_space(access->offset)));
		break;
	case RESET:
		access->result = or_errno(ioctl(device, VFIO_DEVICE_RESET));
		break;
	}
}

static void by_libpcicfg(struct owned *owned, struct access *access)
{
	switch (access->what) {
	case READ:
		access->result = owned_read(owned, access->offset, &access->value, access->size);
		break;
	case WRITE:
		access->result = owned_write(owned, access->offset, &access->value, access->size);
		break;
	case RESET:
		access->result = owned_reset(owned);
		break;
	}
	owned->access++;
}

/* ---- what reached the hardware, as the driver's tracepoint says ---- */

static void write_tracing(const char *name, const char *text)
{
	char path[128];
	int file;

	snprintf(path, sizeof(path), TRACING "%s", name);
	file = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
	expect(file >= 0 && write(file, text, strlen(text)) == (ssize_t)strlen(text));
	expect(!close(file));
}

static void enable_event(const char *name, bool on)
{
	char path[128];

	snprintf(path, sizeof(path), "events/vfiod_pci/vfiod_pci_%s/enable", name);
	write_tracing(path, on ? "1" : "0");
}

/* One processor has all of it in one buffer, in order. */
static void prepare_tracing(void)
{
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(0, &cpus);
	expect(!sched_setaffinity(0, sizeof(cpus), &cpus));
	write_tracing("trace", "\n");
	write_tracing("buffer_size_kb", "65536");
}

static void none_is_lost(void)
{
	FILE *file = fopen(TRACING "per_cpu/cpu0/stats", "re");
	unsigned long overrun = 1, dropped = 1;
	char line[128];

	expect(file);
	while (fgets(line, sizeof(line), file)) {
		sscanf(line, "overrun: %lu", &overrun);
		sscanf(line, "dropped events: %lu", &dropped);
	}
	fclose(file);
	expect(!overrun && !dropped);
}

static size_t read_trace(const char *address, struct hw_write *writes)
{
	FILE *file = fopen(TRACING "trace", "re");
	size_t count = 0;
	char line[512];

	enable_event("config_write", false);
	none_is_lost();
	expect(file);
	while (fgets(line, sizeof(line), file)) {
		char *text = strstr(line, EVENT), name[32];
		unsigned int offset, width, value;

		if (!text)
			continue;
		expect(sscanf(text + strlen(EVENT), " %31s offset=%x width=%u value=%x", name, &offset, &width,
			      &value) == 4);
		expect(!strcmp(name, address) && count < HW_WRITES_MAX);
		writes[count++] = (struct hw_write){ 0, (uint16_t)offset, (uint16_t)width, value };
	}
	fclose(file);
	write_tracing("trace", "\n");
	return count;
}

/* ---- the comparison ---- */

static const char *const names[] = { [READ] = "read", [WRITE] = "write", [RESET] = "reset" };

static void say_access(const char *who, const struct access *access)
{
	fprintf(stderr, "%s: %s of %u at 0x%03x: 0x%0*x, result %d\n", who, names[access->what], access->size,
		access->offset, 2 * access->size, access->value & ~0u >> (32 - 8 * access->size), access->result);
}

static uint32_t mask(const struct access *access)
{
	return access->result <= 0 ? 0 : ~0u >> (32 - 8 * access->result);
}

static bool is_same(const struct access *a, const struct access *b)
{
	return a->result == b->result && !((a->value ^ b->value) & mask(a));
}

#define HISTORY 8 /* accesses that are shown before the first that differs */
#define SHOWN	4 /* of those that differ */

static void say_difference(const struct access *done, size_t i, const struct access *again, unsigned int history)
{
	fprintf(stderr, "access %zu differs\n", i);
	for (size_t j = i < history ? 0 : i - history; j < i; j++)
		say_access("  before", &done[j]);
	say_access("  live", &done[i]);
	say_access("  recording", again);
}

/* Return: how many differ. */
static unsigned int compare_accesses(struct owned *owned, const struct access *done, size_t count)
{
	unsigned int different = 0;

	for (size_t i = 0; i < count; i++) {
		struct access again = done[i];

		if (again.what == READ)
			again.value = 0;
		by_libpcicfg(owned, &again);
		if (is_same(&done[i], &again))
			continue;
		if (different++ < SHOWN)
			say_difference(done, i, &again, different == 1 ? HISTORY : 0);
	}
	return different;
}

static void say_write(const char *who, const struct hw_write *write)
{
	fprintf(stderr, "%s: %u at 0x%03x: 0x%0*x\n", who, write->width, write->offset, 2 * write->width, write->value);
}

/* Return: whether the same has reached the hardware. */
static bool compare_writes(const struct hw_write *live, size_t count, const struct owned *owned)
{
	const struct hw_write *again = owned->writes;
	size_t i, least = count < owned->write_count ? count : owned->write_count;

	for (i = 0; i < least; i++)
		if (live[i].offset != again[i].offset || live[i].width != again[i].width ||
		    live[i].value != again[i].value)
			break;
	if (i == count && i == owned->write_count)
		return true;
	fprintf(stderr, "write %zu to the hardware differs (live: %zu, recording: %zu)\n", i, count,
		owned->write_count);
	if (i < count)
		say_write("  live", &live[i]);
	if (i < owned->write_count) {
		say_write("  recording", &again[i]);
		fprintf(stderr, "  of access %u\n", again[i].access);
	}
	return false;
}

/* Return: whether the function's config space, as root sees it, is that of the made-up hardware. */
static bool compare_hardware(const struct owned *owned, const char *address)
{
	static struct pcicfg_dump now;
	struct pcicfg_facts facts;
	bool same = true;

	expect(!pcicfg_sysfs_read("/sys", address, &now, &facts));
	for (unsigned int at = 0; at < now.size; at++)
		if (now.memory[at] != owned->memory[at]) {
			fprintf(stderr, "in the end the hardware has 0x%02x at 0x%03x, and the recording 0x%02x\n",
				now.memory[at], at, owned->memory[at]);
			same = false;
		}
	return same;
}

/* ---- the runs ---- */

static struct owned recording, itself;
static struct pcicfg_dump dump;
static struct pcicfg_facts facts;
static uint8_t changeable[PCICFG_SIZE_PCIE];
static struct hw_write traced[HW_WRITES_MAX];
static struct access *sequence;
static size_t sequence_length;

static void record(const char *address)
{
	expect(!pcicfg_sysfs_read("/sys", address, &dump, &facts));
	owned_open(&recording, address, &dump, &facts, changeable, true);
	find_passed(&recording.cfg);
}

static int run_again(const char *address, const struct hw_write *writes, size_t write_count)
{
	unsigned int different;
	bool same;

	different = compare_accesses(&recording, sequence, sequence_length);
	same = compare_writes(writes, write_count, &recording);
	same &= compare_hardware(&recording, address);
	printf("figure: %s: %zu accesses, %u of them different; %zu writes to the hardware, %u resets, %u changes of "
	       "power\n",
	       address, sequence_length, different, write_count, recording.resets, recording.power_changes);
	return same && !different ? 0 : 1;
}

static int sysfs(const char *address)
{
	record(address);
	owned_open(&itself, address, &dump, &facts, changeable, false);
	for (size_t i = 0; i < sequence_length; i++) {
		sequence[i] = draw_access(&dump);
		by_libpcicfg(&itself, &sequence[i]);
	}
	return run_again(address, itself.writes, itself.write_count);
}

/* What the driver says that the user sees is what the user of the recording sees. */
static bool compare_views(const char *address)
{
	static uint8_t live[PCICFG_SIZE_PCIE], again[PCICFG_SIZE_PCIE];
	int file = owned_sysfs(address, "user_config", O_RDONLY);

	expect(pread(file, live, dump.size, 0) == dump.size && !close(file));
	expect(owned_read(&recording, 0, again, dump.size) == dump.size);
	if (!memcmp(live, again, dump.size))
		return true;
	fprintf(stderr, "user_config differs\n");
	return false;
}

static int driver(const char *address)
{
	struct vfio vfio = vfio_open(address);
	size_t write_count;
	int bad;

	record(address);
	prepare_tracing();
	enable_event("config_write", true);
	for (size_t i = 0; i < sequence_length; i++) {
		sequence[i] = draw_access(&dump);
		by_vfio(vfio.device, &sequence[i]);
	}
	write_count = read_trace(address, traced);
	bad = run_again(address, traced, write_count);
	bad |= !compare_views(address);
	return bad;
}

/* ---- the other tracepoints ---- */

/* Takes the function's address, which has to be there, from a line. Return: "event: what it tells", or NULL. */
static const char *event_of(char *line, const char *address)
{
	char *text = strstr(line, "vfiod_pci_"), *name = text ? strstr(text, ": ") + 2 : NULL;
	size_t length = strlen(address);

	if (!text)
		return NULL;
	expect(!strncmp(name, address, length) && name[length] == ' ');
	memmove(name, name + length + 1, strlen(name + length));
	text[strcspn(text, "\n")] = '\0';
	return text;
}

/* What the tracepoints have said since this was asked last has to be that, line by line. */
static void expect_lines(const char *address, const char *const *lines)
{
	FILE *file = fopen(TRACING "trace", "re");
	char line[512];

	expect(file);
	while (fgets(line, sizeof(line), file)) {
		const char *text = event_of(line, address);

		if (!text)
			continue;
		if (!*lines || strcmp(text, *lines))
			fprintf(stderr, "traced: '%s'\nshould: '%s'\n", text, *lines ? *lines : "");
		expect(*lines && !strcmp(text, *lines));
		lines++;
	}
	if (*lines)
		fprintf(stderr, "not traced: '%s'\n", *lines);
	expect(!*lines);
	fclose(file);
	write_tracing("trace", "\n");
}

#define EXPECT_LINES(address, ...) expect_lines(address, (const char *const[]){ __VA_ARGS__ __VA_OPT__(, ) NULL })

static void of_config_writes(int device, const char *address)
{
	const uint32_t id = 0x5678beef;
	uint16_t command;

	expect(config_write(device, PCI_VENDOR_ID, &id, 4));
	EXPECT_LINES(address, "vfiod_pci_config_denied: offset=0x000 width=4 value=0x5678beef");
	expect(config_write(device, PCI_REVISION_ID, &id, 1));
	EXPECT_LINES(address, "vfiod_pci_config_denied: offset=0x008 width=1 value=0xef");
	/* the user's, and the user's alone, which the hardware never sees */
	expect(config_read(device, PCI_COMMAND, &command, 2) && config_write(device, PCI_COMMAND, &command, 2));
	expect(config_write(device, PCI_BASE_ADDRESS_0, &id, 4));
	EXPECT_LINES(address);
}

/* Of vector 0 of what the function has, until it is disabled. */
static void of_interrupts(int device, const char *address)
{
	static const char *const enabled[] = {
		"vfiod_pci_irq: index=0 flags=0x24 start=0 count=1 result=0",
		"vfiod_pci_irq: index=1 flags=0x24 start=0 count=1 result=0",
		"vfiod_pci_irq: index=2 flags=0x24 start=0 count=1 result=0",
	};
	static const char *const disabled[] = {
		"vfiod_pci_irq: index=0 flags=0x21 start=0 count=0 result=0",
		"vfiod_pci_irq: index=1 flags=0x21 start=0 count=0 result=0",
		"vfiod_pci_irq: index=2 flags=0x21 start=0 count=0 result=0",
	};
	int interrupt = eventfd(0, EFD_CLOEXEC);
	unsigned int tried = 0;

	for (unsigned int index = VFIO_PCI_INTX_IRQ_INDEX; index <= VFIO_PCI_MSIX_IRQ_INDEX; index++) {
		if (!vector_count(device, index))
			continue;
		expect(!irq_enable(device, index, interrupt));
		EXPECT_LINES(address, enabled[index]);
		expect(!irq_enable(device, index, -1));
		EXPECT_LINES(address, disabled[index]);
		tried++;
	}
	expect(tried && !close(interrupt));
}

/* Root takes what a reset would take, past the driver, and the user goes on. */
static void of_unseen_resets(int device, const char *address)
{
	int physical = owned_sysfs(address, "config", O_WRONLY);
	const uint32_t zero = 0;

	expect(!command_change(device, COMMAND_MEMORY, 0));
	EXPECT_LINES(address);
	expect(pwrite(physical, &zero, 2, PCI_COMMAND) == 2 && pwrite(physical, &zero, 4, PCI_BASE_ADDRESS_0) == 4);
	expect(!close(physical));
	expect(!command_change(device, COMMAND_MEMORY, 0));
	EXPECT_LINES(address, "vfiod_pci_reset: unseen error=0");
	expect(!command_change(device, COMMAND_MEMORY, 0));
	EXPECT_LINES(address);
}

static int events(const char *address)
{
	static const char *const tracepoints[] = { "config_denied", "irq", "reset" };
	struct vfio vfio;

	prepare_tracing();
	for (size_t i = 0; i < sizeof(tracepoints) / sizeof(tracepoints[0]); i++)
		enable_event(tracepoints[i], true);
	vfio = vfio_open(address);
	EXPECT_LINES(address, "vfiod_pci_reset: open error=0");
	of_config_writes(vfio.device, address);
	of_interrupts(vfio.device, address);
	expect(!ioctl(vfio.device, VFIO_DEVICE_RESET));
	EXPECT_LINES(address, "vfiod_pci_reset: function error=0");
	of_unseen_resets(vfio.device, address);
	vfio_detach(&vfio);
	EXPECT_LINES(address, "vfiod_pci_reset: close error=0");
	/* it is known to be clean, and not reset a second time */
	vfio_attach(&vfio, address);
	EXPECT_LINES(address);
	vfio_detach(&vfio);
	EXPECT_LINES(address, "vfiod_pci_reset: close error=0");
	for (size_t i = 0; i < sizeof(tracepoints) / sizeof(tracepoints[0]); i++)
		enable_event(tracepoints[i], false);
	return 0;
}

static void transfer_file(const char *path, int flags)
{
	int file = open(path, flags | O_CLOEXEC, 0600);
	ssize_t size = (flags & O_ACCMODE) == O_RDONLY ? read(file, changeable, sizeof(changeable))
						       : write(file, changeable, sizeof(changeable));

	expect(file >= 0 && size == sizeof(changeable) && !close(file));
}

int main(int argc, char **argv)
{
	if (argc == 4 && !strcmp(argv[1], "measure")) {
		owned_measure(argv[2], changeable);
		transfer_file(argv[3], O_WRONLY | O_CREAT | O_TRUNC);
		return 0;
	}
	if (argc == 3 && !strcmp(argv[1], "events"))
		return events(argv[2]);
	if (argc != 6 || (strcmp(argv[1], "sysfs") && strcmp(argv[1], "driver"))) {
		fprintf(stderr,
			"usage: replay measure ADDRESS FILE\n       replay sysfs|driver ADDRESS FILE SEED COUNT\n"
			"       replay events ADDRESS\n");
		return 2;
	}
	transfer_file(argv[3], O_RDONLY);
	random_state = strtoull(argv[4], NULL, 0) * 2 + 1;
	sequence_length = strtoull(argv[5], NULL, 0);
	sequence = calloc(sequence_length, sizeof(*sequence));
	expect(sequence);
	return strcmp(argv[1], "sysfs") ? driver(argv[2]) : sysfs(argv[2]);
}
