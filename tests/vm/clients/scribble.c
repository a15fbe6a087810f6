/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * scribble [--gently] ADDRESS SEED [COMMAND]: an ordinary user with the VFIO device file of a function writes zeros,
 * ones and each single bit, with 1, 2 and 4 bytes, to every offset of its config space, and the same with 2, 4 and 8
 * bytes across the bounds of registers and the end, with fewer bits: once in order, and once more in an order that SEED
 * gives, while its interrupts are enabled. Root looks at the hardware meanwhile: nothing but what the tables of
 * libpcicfg pass through to the user may be different, in that function or in any other. What those may not pass
 * through in any case is listed here a second time: a wrong table would permit itself.
 *
 * COMMAND is run when the function is open, to do something to its hardware that has to stay. With --gently the user
 * asks for no reset and no power state, in which a function loses such things by right.
 */
#include "libpcicfg/pcicfg_people.h"
#include "tests/vm/clients/actor.h"
#include "tests/vm/clients/broker.h"
#include "tests/vm/clients/edu.h"
#include "tests/vm/clients/expect.h"

#include <dirent.h>
#include <endian.h>
#include <fcntl.h>
#include <linux/pci_regs.h>
#include <linux/vfio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define ALICE	      1001
#define SYSFS	      "/sys/bus/pci/devices"
#define SPACE	      PCICFG_SIZE_PCIE
#define DWORDS	      (SPACE / 4)
#define FUNCTIONS_MAX 64
#define TOLD_MAX      40	  /* differences that are shown, per process */
#define PLACES	      (4 * SPACE) /* offsets of each width */

/* ---- what root sees ---- */

struct function {
	char address[16];
	unsigned int size;
	unsigned char bytes[SPACE];
};

struct machine {
	size_t count;
	struct function function[FUNCTIONS_MAX];
};

static int physical_open(const char *address)
{
	char path[64];
	int file;

	snprintf(path, sizeof(path), SYSFS "/%s/config", address);
	file = open(path, O_RDONLY | O_CLOEXEC);
	expect(file >= 0);
	return file;
}

static void function_read(struct function *function, const char *address)
{
	int file = physical_open(address);
	ssize_t size = pread(file, function->bytes, SPACE, 0);

	expect(size == PCICFG_SIZE_PCI || size == PCICFG_SIZE_PCIE);
	function->size = (unsigned int)size;
	snprintf(function->address, sizeof(function->address), "%.15s", address);
	close(file);
}

static void machine_read(struct machine *machine)
{
	DIR *folder = opendir(SYSFS);
	struct dirent *entry;

	expect(folder);
	machine->count = 0;
	while ((entry = readdir(folder)))
		if (entry->d_name[0] != '.') {
			expect(machine->count < FUNCTIONS_MAX);
			function_read(&machine->function[machine->count++], entry->d_name);
		}
	closedir(folder);
}

static const struct function *function_of(const struct machine *machine, const char *address)
{
	for (size_t i = 0; i < machine->count; i++)
		if (!strcmp(machine->function[i].address, address))
			return &machine->function[i];
	expect(!"the function is there");
	return NULL;
}

static uint32_t dword(const unsigned char *bytes, unsigned int at)
{
	uint32_t value;

	memcpy(&value, bytes + (at & ~3u), sizeof(value));
	return le32toh(value);
}

/* ---- what may be different ---- */

/* By dword. What a user asks the owner for is in effects: the hardware may have it until the user takes it back. */
static struct {
	uint32_t passed[DWORDS];   /* bits that the tables pass through */
	uint32_t granted[DWORDS];  /* what the owner sets for its user, by its own lights: the size of read requests */
	uint32_t effects[DWORDS];  /* power state; while interrupts are enabled, whether and which of them are masked */
	uint32_t triggers[DWORDS]; /* resets and power states */
	uint32_t kept[DWORDS];	   /* what the user leaves behind in spite of a reset */
} policy;

/* Where the user's registers are that have such effects, 0 for none. */
static unsigned int pm, msi, msix;

/*
 * Which register of which BAR is behind a window of a virtio device (Virtual I/O Device 1.2 §4.1.4.9), and how much of
 * it: a reset of QEMU's leaves that as it is, and the kernel saves no vendor's registers. It does no harm: a driver has
 * to set it before each access, and BARs are the next user's in any case.
 */
static void policy_of_window(const struct pcicfg_dump *dump, unsigned int start)
{
	const unsigned char type_of_window = 5;

	if ((dword(dump->memory, 0) & 0xffff) != 0x1af4 || dump->memory[start + 3] != type_of_window)
		return;
	policy.kept[start / 4 + 1] = 0xff;
	for (unsigned int at = start + 8; at < start + 20; at += 4)
		policy.kept[at / 4] = 0xffffffffu;
}

static void policy_of_capability(const struct pcicfg_dump *dump, const struct pcicfg_found *found)
{
	unsigned int at = found->offset / 4;

	if (found->is_extended || !found->is_shown || !at)
		return;
	switch (found->id) {
	case PCI_CAP_ID_PM:
		pm = found->offset;
		policy.effects[at + 1] = policy.triggers[at + 1] = PCI_PM_CTRL_STATE_MASK;
		/* which of its consumptions the data register shows, that nobody of the host reads: the kernel does not
		 * save it, and QEMU's e1000e has it still after a reset by way of D3 */
		policy.kept[at + 1] = PCI_PM_CTRL_DATA_SEL_MASK;
		break;
	case PCI_CAP_ID_VPD: /* root reads it by sysfs through the same window */
		policy.granted[at] = 0xffff0000u;
		policy.granted[at + 1] = 0xffffffffu;
		break;
	case PCI_CAP_ID_MSI:
		msi = found->offset;
		break;
	case PCI_CAP_ID_VNDR:
		policy_of_window(dump, found->offset);
		break;
	case PCI_CAP_ID_EXP:
		policy.granted[at + PCI_EXP_DEVCTL / 4] = PCI_EXP_DEVCTL_READRQ;
		policy.triggers[at + PCI_EXP_DEVCTL / 4] = PCI_EXP_DEVCTL_BCR_FLR;
		break;
	case PCI_CAP_ID_MSIX:
		msix = found->offset;
		break;
	case PCI_CAP_ID_AF:
		policy.triggers[at + PCI_AF_CTRL / 4] = PCI_AF_CTRL_FLR;
		break;
	}
}

static void policy_read(const char *address)
{
	static struct pcicfg_found found[PCICFG_FOUND_MAX];
	static struct pcicfg_dump dump;
	static struct pcicfg cfg;
	struct pcicfg_facts facts;
	uint32_t masks[PCICFG_CONDITIONS];
	int count;

	expect(!pcicfg_sysfs_read("/sys", address, &dump, &facts));
	expect(!pcicfg_open(&cfg, &facts, &pcicfg_dump_hw, &dump));
	for (unsigned int at = 0; at < facts.size; at += 4) {
		pcicfg_conditions(&cfg, (__u16)at, masks);
		policy.passed[at / 4] = masks[PCICFG_PASSED];
	}
	count = pcicfg_find(&cfg, found);
	expect(count > 0 && count < PCICFG_FOUND_MAX);
	for (int i = 0; i < count; i++)
		policy_of_capability(&dump, &found[i]);
}

/* While its interrupts are enabled the user can have them masked, which the host may do in the hardware's registers. */
static void policy_with_interrupts(const unsigned char *hardware)
{
	if (msi) {
		uint32_t control = dword(hardware, msi) >> 16;
		unsigned int mask = msi + (control & PCI_MSI_FLAGS_64BIT ? PCI_MSI_MASK_64 : PCI_MSI_MASK_32);

		policy.effects[msi / 4] |= (uint32_t)PCI_MSI_FLAGS_ENABLE << 16;
		if (control & PCI_MSI_FLAGS_MASKBIT) {
			policy.effects[mask / 4] = 0xffffffffu;
			policy.effects[mask / 4 + 1] = 0xffffffffu;
		}
	}
	/* INTx is masked by Interrupt Disable, the user's and the hardware's. */
	if (!msi && !msix)
		policy.effects[PCI_COMMAND / 4] |= PCI_COMMAND_INTX_DISABLE;
	if (msix)
		policy.effects[msix / 4] |= (uint32_t)(PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL) << 16;
}

/* ---- what may not be passed through, whatever the tables say: the registers by the numbers of the specification ---
 */

#define HEADER	  0xffffu /* in place of an id */
#define ALL	  0xffffffffu
#define EXPRESS	  0x10u
#define VERSION_2 0x24u /* where what only version 2 of PCI Express has begins */

/* @never: of the dwords from @at to before @end of a capability. */
static const struct guarded {
	const char *name;
	bool is_extended;
	uint16_t id, at, end;
	uint32_t never;
} guarded[] = {
	{ "ids", false, HEADER, 0x00, 0x04, ALL },
	/* but decoding, bus mastering, memory write and invalidate, parity errors */
	{ "command and status", false, HEADER, 0x04, 0x08, ~0x57u },
	{ "class to BIST", false, HEADER, 0x08, 0x10, ALL },
	{ "BARs", false, HEADER, 0x10, 0x28, ALL },
	{ "subsystem", false, HEADER, 0x28, 0x30, ALL },
	{ "ROM", false, HEADER, 0x30, 0x34, ALL },
	{ "interrupt line", false, HEADER, 0x34, 0x40, ALL },
	{ "PM", false, 0x01, 0x00, 0x04, ALL },
	/* but which data it shows */
	{ "PM control", false, 0x01, 0x04, 0x08, ~0x1e00u },
	{ "VPD", false, 0x03, 0x00, 0x08, ALL },
	{ "MSI", false, 0x05, 0x00, 0x18, ALL }, /* or shorter: see msi_end() */
	{ "MSI-X", false, 0x11, 0x00, 0x0c, ALL },
	{ "AF", false, 0x13, 0x00, 0x06, ALL },
	/* but relaxed ordering */
	{ "device control", false, EXPRESS, 0x08, 0x0c, ~0x10u },
	{ "link control", false, EXPRESS, 0x0c, 0x14, ALL },
	/* but completion timeouts and ordering by id */
	{ "device control 2", false, EXPRESS, 0x28, 0x2c, ~0x31fu },
	{ "link control 2", false, EXPRESS, 0x2c, 0x34, ALL },
	{ "AER", true, 0x01, 0x00, 0x2c, ALL },
	{ "ACS", true, 0x0d, 0x00, 0x08, ALL },
	{ "ARI", true, 0x0e, 0x00, 0x08, ALL },
	{ "ATS", true, 0x0f, 0x00, 0x08, ALL },
	{ "SR-IOV", true, 0x10, 0x00, 0x40, ALL },
	{ "PRI", true, 0x13, 0x00, 0x10, ALL },
	{ "resizable BARs", true, 0x15, 0x00, 0x0c, ALL },
	{ "LTR", true, 0x18, 0x00, 0x08, ALL },
	{ "PASID", true, 0x1b, 0x00, 0x08, ALL },
	{ "L1 PM substates", true, 0x1e, 0x00, 0x10, ALL },
	{ "PTM", true, 0x1f, 0x00, 0x0c, ALL },
};
#define GUARDED (sizeof(guarded) / sizeof(guarded[0]))

/* By Message Control: an address of 64 bits, masks of each vector. */
static unsigned int msi_end(uint32_t header)
{
	return 12 + (header & 0x80u << 16 ? 4 : 0) + (header & 0x100u << 16 ? 8 : 0);
}

static bool has_version_2(uint32_t header)
{
	return (header >> 16 & 0xf) >= 2;
}

/* What the tables pass through of registers that are the host's, in the capability at @start. */
static long guard_registers(const struct guarded *what, unsigned int start, unsigned int end)
{
	long faults = 0;

	for (unsigned int at = start + what->at; at < start + end; at += 4) {
		uint32_t bits = policy.passed[at / 4] & what->never;

		if (bits)
			printf("# the tables pass %08x of %#05x through, which is of %s\n", bits, at, what->name);
		faults += bits != 0;
	}
	return faults;
}

static bool is_guarded[GUARDED];

static long guard_capability(bool is_extended, uint16_t id, unsigned int start, uint32_t header)
{
	long faults = 0;

	for (size_t i = 0; i < GUARDED; i++) {
		const struct guarded *what = &guarded[i];
		bool is_msi = !is_extended && id == PCI_CAP_ID_MSI;

		if (what->is_extended != is_extended || what->id != id)
			continue;
		if (!is_extended && id == EXPRESS && what->at >= VERSION_2 && !has_version_2(header))
			continue;
		is_guarded[i] = true;
		faults += guard_registers(what, start, is_msi ? msi_end(header) : what->end);
	}
	return faults;
}

/* The chain of the hardware that begins at @at, which nobody but this walks. */
static long guard_chain(const unsigned char *bytes, bool is_extended, unsigned int at)
{
	long faults = 0;

	for (unsigned int left = 64; at && left; left--) {
		uint32_t header = dword(bytes, at);

		faults += guard_capability(is_extended, (uint16_t)(header & (is_extended ? 0xffff : 0xff)), at, header);
		at = is_extended ? header >> 20 & 0xffc : header >> 8 & 0xfc;
	}
	return faults;
}

/* Return: how many dwords the tables pass through that they must not. Which registers there were is shown. */
static long guard(const struct function *function)
{
	long faults = guard_capability(false, HEADER, 0, 0);

	faults += guard_chain(function->bytes, false, function->bytes[PCI_CAPABILITY_LIST] & 0xfcu);
	if (function->size > PCICFG_SIZE_PCI)
		faults += guard_chain(function->bytes, true, PCICFG_SIZE_PCI);
	for (size_t i = 0; i < GUARDED; i++)
		if (is_guarded[i])
			printf("# guarded: %s\n", guarded[i].name);
	return faults;
}

/* ---- faults ---- */

static bool known[DWORDS]; /* each dword is told once */

static bool differs(const char *address, const char *when, unsigned int at, uint32_t was, uint32_t is, uint32_t may)
{
	static unsigned int told;

	if (!((was ^ is) & ~may))
		return false;
	if (told++ < TOLD_MAX)
		printf("# %s, %s: %#05x was %08x and is %08x; only %08x may change\n", address, when, at, was, is, may);
	if (told == TOLD_MAX)
		printf("# and so on\n");
	return true;
}

enum strictness { ALL_STAYS, PASSED_MAY, GRANTED_MAY, EFFECTS_MAY };

static uint32_t may_change(unsigned int at, enum strictness strictness)
{
	uint32_t may = strictness >= PASSED_MAY ? policy.passed[at / 4] : 0;

	if (strictness >= GRANTED_MAY)
		may |= policy.granted[at / 4];
	if (strictness >= EFFECTS_MAY)
		may |= policy.effects[at / 4];
	return may;
}

static long compare(const struct function *was, const struct function *is, enum strictness strictness, const char *when)
{
	long faults = 0;

	expect(was->size == is->size);
	for (unsigned int at = 0; at < was->size; at += 4)
		faults += differs(was->address, when, at, dword(was->bytes, at), dword(is->bytes, at),
				  may_change(at, strictness));
	return faults;
}

/* All functions but the one at @address, which may differ as @strictness says. */
static long compare_machine(const struct machine *was, const char *address, enum strictness strictness,
			    const char *when)
{
	static struct machine now;
	long faults = 0;

	machine_read(&now);
	expect(now.count == was->count);
	for (size_t i = 0; i < was->count; i++)
		faults += compare(&was->function[i], function_of(&now, was->function[i].address),
				  strcmp(was->function[i].address, address) ? ALL_STAYS : strictness, when);
	return faults;
}

/* ---- the user ---- */

static const char *address;
static bool gently;
static struct vfio vfio;
static int physical;		  /* of that function: opened by root, read by the user's process */
static struct function reference; /* it, before the user writes */
static uint64_t config_space;	  /* where it is in the device file */
static unsigned long writes;

/* What the user sees when it begins, and leaves behind: it switches off what it has asked for. */
static unsigned char seen[SPACE];

/* What is written beyond the end is not taken, and not counted. */
static bool write_value(unsigned int at, unsigned int width, uint64_t value)
{
	unsigned int there = at + width > reference.size ? reference.size - at : width;
	unsigned char bytes[8];

	value = htole64(value);
	memcpy(bytes, &value, sizeof(bytes));
	for (unsigned int i = 0; gently && i < there; i++)
		bytes[i] &= (unsigned char)~(policy.triggers[(at + i) / 4] >> 8 * ((at + i) & 3));
	writes++;
	return pwrite(vfio.device, bytes, width, (off_t)(config_space + at)) == (ssize_t)there;
}

/* A dword that was written to, as the hardware has it now. */
static long look_at(unsigned int start, const char *when)
{
	uint32_t is;

	if (known[start / 4])
		return 0;
	expect(pread(physical, &is, 4, (off_t)start) == 4);
	known[start / 4] = differs(address, when, start, dword(reference.bytes, start), le32toh(is),
				   may_change(start, EFFECTS_MAY));
	return known[start / 4];
}

static long look(unsigned int at, unsigned int width, const char *when)
{
	long faults = 0;

	for (unsigned int start = at & ~3u; start < at + width && start < reference.size; start += 4)
		faults += look_at(start, when);
	return faults;
}

/* Each bit where a register may be; else one of each byte, another one at the next place. */
static unsigned int next_bit(unsigned int at, unsigned int width, unsigned int bit)
{
	return width <= 4 && !(at % width) ? bit + 1 : (bit / 8 + 1) * 8 + (at + bit / 8) % 8;
}

static long write_place(unsigned int at, unsigned int width)
{
	char when[64];
	long faults;

	snprintf(when, sizeof(when), "after a write of %u bytes to %#05x", width, at);
	expect(write_value(at, width, 0));
	faults = look(at, width, when);
	expect(write_value(at, width, ~0ull));
	faults += look(at, width, when);
	for (unsigned int bit = 0; bit < 8 * width; bit = next_bit(at, width, bit))
		expect(write_value(at, width, 1ull << bit));
	return faults + look(at, width, when);
}

struct place {
	uint16_t at;
	uint16_t width;
};

static size_t places(struct place *place)
{
	size_t count = 0;

	for (unsigned int width = 1; width <= 8; width *= 2)
		for (unsigned int at = 0; at < reference.size; at++)
			place[count++] = (struct place){ .at = (uint16_t)at, .width = (uint16_t)width };
	return count;
}

static void shuffle(struct place *place, size_t count, unsigned int seed)
{
	while (count > 1) {
		size_t other = (size_t)rand_r(&seed) % count--;
		struct place kept = place[count];

		place[count] = place[other];
		place[other] = kept;
	}
}

/* A pass over all places: how many dwords of the hardware have changed that must not. 0: in order. */
static long scribble(long seed)
{
	static struct place place[PLACES];
	size_t count = places(place);
	long faults = 0;

	if (seed)
		shuffle(place, count, (unsigned int)seed);
	for (size_t i = 0; i < count; i++)
		faults += write_place(place[i].at, place[i].width);
	fflush(stdout);
	return faults;
}

static long count_writes(long unused)
{
	(void)unused;
	return (long)writes;
}

static long begin(long unused)
{
	(void)unused;
	for (unsigned int at = 0; at < reference.size; at += 4)
		expect(config_read(vfio.device, at, seen + at, 4));
	return 0;
}

static void write_back(unsigned int at, unsigned int width)
{
	expect(config_write(vfio.device, at, seen + at, width));
}

static long leave(long unused)
{
	(void)unused;
	if (pm)
		write_back(pm + PCI_PM_CTRL, 2);
	write_back(PCI_COMMAND, 2);
	if (msi) {
		uint32_t control = dword(seen, msi) >> 16;

		write_back(msi + PCI_MSI_FLAGS, 2);
		if (control & PCI_MSI_FLAGS_MASKBIT)
			write_back(msi + (control & PCI_MSI_FLAGS_64BIT ? PCI_MSI_MASK_64 : PCI_MSI_MASK_32), 4);
	}
	if (msix)
		write_back(msix + PCI_MSIX_FLAGS, 2);
	return 0;
}

/* ---- the two together ---- */

static struct machine before, open_now;

static struct actor user_start(void)
{
	const int fds[] = { vfio.device, physical };

	return actor_start(ALICE, fds, 2);
}

/* One pass from what the hardware has now on. */
static long pass(unsigned int seed, const char *when, unsigned long *count)
{
	struct actor user;
	long faults;

	machine_read(&open_now);
	reference = *function_of(&open_now, address);
	user = user_start();
	expect(!actor_ask(&user, begin, 0));
	faults = actor_ask(&user, scribble, (long)seed);
	expect(!actor_ask(&user, leave, 0));
	*count += (unsigned long)actor_ask(&user, count_writes, 0);
	actor_end(&user);
	return faults + compare_machine(&open_now, address, GRANTED_MAY, when);
}

/* Vector 0 of what the function has. */
static bool interrupts_on(int eventfd)
{
	static const unsigned int kinds[] = { VFIO_PCI_MSI_IRQ_INDEX, VFIO_PCI_MSIX_IRQ_INDEX,
					      VFIO_PCI_INTX_IRQ_INDEX };

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct vfio_irq_info info = { .argsz = sizeof(info), .index = kinds[i] };

		expect(!ioctl(vfio.device, VFIO_DEVICE_GET_IRQ_INFO, &info));
		if (info.count) {
			expect(!irq_enable(vfio.device, kinds[i], eventfd));
			return true;
		}
	}
	return false;
}

/* Such as bus mastering: who closes it has all bits that are the user's the other way round. */
static void turn_passed_bits_over(void)
{
	for (unsigned int at = 0; at < reference.size; at += 4) {
		uint32_t value;

		if (!policy.passed[at / 4])
			continue;
		expect(config_read(vfio.device, at, &value, 4));
		value ^= htole32(policy.passed[at / 4]);
		expect(config_write(vfio.device, at, &value, 4));
	}
}

/* What COMMAND has done to the hardware has to be there, to be of use. */
static void prepare(const char *command)
{
	struct function then, now;
	unsigned int bits = 0;

	function_read(&then, address);
	expect(!system(command));
	function_read(&now, address);
	for (unsigned int at = 0; at < now.size; at += 4) {
		uint32_t set = dword(now.bytes, at) & ~dword(then.bytes, at);

		if (set)
			printf("# %s: %#05x has %08x set\n", address, at, set);
		bits += (unsigned int)__builtin_popcount(set);
	}
	expect(bits);
}

static bool has_pin(void)
{
	return reference.bytes[PCI_INTERRUPT_PIN] != 0;
}

int main(int argc, char **argv)
{
	int first = argc > 1 && !strcmp(argv[1], "--gently") ? 2 : 1,
	    interrupt = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	unsigned long count = 0;
	unsigned int seed;
	long faults = 0;

	if (argc < first + 2 || argc > first + 3)
		return 2;
	setlinebuf(stdout);
	gently = first == 2;
	address = argv[first];
	seed = (unsigned int)strtoul(argv[first + 1], NULL, 10) | 1u << 16;
	machine_read(&before);
	vfio = vfio_open(address);
	config_space = region_offset(vfio.device, VFIO_PCI_CONFIG_REGION_INDEX);
	physical = physical_open(address);
	if (argc == first + 3)
		prepare(argv[first + 2]);
	policy_read(address);
	faults += guard(function_of(&before, address));

	faults += pass(0, "after all writes in order", &count);
	/* a level that nobody sees to would hold the line of the host's devices */
	if (has_pin() && !(dword(reference.bytes, PCI_COMMAND) & PCI_COMMAND_INTX_DISABLE)) {
		printf("# %s: INTx is not disabled where nobody handles it\n", address);
		faults++;
	}
	if (interrupts_on(interrupt)) {
		function_read(&reference, address);
		policy_with_interrupts(reference.bytes);
	}
	faults += pass(seed, "after all writes in any order", &count);
	turn_passed_bits_over();
	vfio_detach(&vfio);
	/* its power state, its pin and its decoding are the business of whoever has it closed; all else is as it was,
	 * the user's bits, too: above all, bus mastering is off */
	memset(policy.passed, 0, sizeof(policy.passed));
	memcpy(policy.granted, policy.kept, sizeof(policy.granted));
	policy.granted[PCI_COMMAND / 4] = PCI_COMMAND_INTX_DISABLE | PCI_COMMAND_MEMORY | PCI_COMMAND_IO;
	if (pm)
		policy.granted[pm / 4 + 1] |= PCI_PM_CTRL_STATE_MASK;
	/* what COMMAND has done was not there before */
	if (argc < first + 3)
		faults += compare_machine(&before, address, GRANTED_MAY, "after the last close");
	printf("%s %s: %lu writes, %ld faults\n", faults ? "#" : "figure:", address, count, faults);
	return faults != 0;
}
