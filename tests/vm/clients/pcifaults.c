/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * BARs of a PCI function through VFIO while they come and go: memory decoding, resets, power states, removal. As root:
 * this program is the user of the function, and looks from outside, through sysfs, too.
 *
 *	pcifaults ADDRESS		the names of the tests that the function and its driver have, sentences
 *	pcifaults TEST ADDRESS		runs one
 */
#include "tests/vm/clients/broker.h"
#include "tests/vm/clients/client.h"
#include "tests/vm/clients/edu.h"
#include "tests/vm/clients/expect.h"
#include "tests/vm/clients/function.h"
#include "tests/vm/clients/raiser.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/pci_regs.h>
#include <linux/vfio.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

static const char *address;

/* Devices with a register in BAR 0 that never changes, and some with one that a reset clears. */
static const struct target {
	const char *name;
	uint32_t id;
	size_t size; /* of BAR 0, up to a table of MSI-X, and not more than is enough */
	size_t constant;
	size_t scratch; /* 0: none */
	uint32_t scratch_value;
} targets[] = {
	{ "edu", 0x11e81234, 0x8000, EDU_ID, 0, 0 },
	{ "nvme", 0x00101b36, 0x2000, 0x08 /* version */, 0x14 /* configuration */, 0x00460000 },
	{ "e1000e", 0x10d38086, 0x8000, 0x5400 /* MAC address */, 0xd0 /* interrupts */, 1 },
	{ "igb", 0x10c98086, 0x8000, 0x5400, 0xd0, 1 },
	{ "VF of igb", 0x10ca8086, 0x4000, 0x08 /* status */, 0, 0 },
	{ "pci-testdev", 0x00051b36, 0x1000, 0x00, 0, 0 },
};

/* ---- the function that is used ---- */

static struct vfio vfio;
static const struct target *target;
static volatile void *bar;
static size_t bar_size; /* of what is mapped */
static uint32_t constant;

static void find_target(void)
{
	uint32_t id;

	expect(config_read(vfio.device, CONFIG_VENDOR_AT, &id, 4));
	for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++)
		if (targets[i].id == id)
			target = &targets[i];
	expect(target);
}

static struct vfio_region_info region(unsigned int index)
{
	struct vfio_region_info info = { .argsz = sizeof(info), .index = index };

	expect(!ioctl(vfio.device, VFIO_DEVICE_GET_REGION_INFO, &info));
	return info;
}

static int memory(bool on)
{
	return command_change(vfio.device, on ? COMMAND_MEMORY : 0, on ? 0 : COMMAND_MEMORY);
}

static void user_open(void)
{
	vfio = vfio_open(address);
	find_target();
	expect(!memory(true));
	bar_size = target->size;
	bar = bar_map(vfio.device, 0, bar_size);
	expect(bar != MAP_FAILED && load(bar, target->constant, &constant) && constant != ~0u);
}

static void user_close(void)
{
	expect(!munmap((void *)bar, bar_size));
	vfio_detach(&vfio);
	close_fd(&vfio.group);
}

/* ---- what can happen to it ---- */

static uint16_t word(unsigned int at)
{
	uint16_t value;

	expect(config_read(vfio.device, at, &value, 2));
	return value;
}

static bool can_be_reset(void)
{
	struct vfio_device_info info = { .argsz = sizeof(info) };

	return !ioctl(vfio.device, VFIO_DEVICE_GET_INFO, &info) && info.flags & VFIO_DEVICE_FLAGS_RESET;
}

static unsigned int pm_at(void)
{
	return capability_at(vfio.device, PCI_CAP_ID_PM);
}

static void set_power(uint16_t state)
{
	expect(config_write(vfio.device, pm_at() + PCI_PM_CTRL, &state, 2));
}

static unsigned int power(void)
{
	return word(pm_at() + PCI_PM_CTRL) & PCI_PM_CTRL_STATE_MASK;
}

/* 0: it has none. */
static unsigned int flr_at(void)
{
	unsigned int exp = capability_at(vfio.device, PCI_CAP_ID_EXP);
	uint32_t capabilities;

	if (!exp)
		return 0;
	expect(config_read(vfio.device, exp + PCI_EXP_DEVCAP, &capabilities, 4));
	return capabilities & PCI_EXP_DEVCAP_FLR ? exp + PCI_EXP_DEVCTL : 0;
}

static void flr(void)
{
	uint16_t control = word(flr_at()) | PCI_EXP_DEVCTL_BCR_FLR;

	expect(config_write(vfio.device, flr_at(), &control, 2));
	expect(!(word(flr_at()) & PCI_EXP_DEVCTL_BCR_FLR));
}

/* One by the device file: 4, or -1 with errno. */
static ssize_t read_bar(uint32_t *value)
{
	return pread(vfio.device, value, 4, (off_t)(region(0).offset + target->constant));
}

static ssize_t write_bar(uint32_t value)
{
	return pwrite(vfio.device, &value, 4, (off_t)(region(0).offset + target->constant));
}

static bool answers(void)
{
	uint32_t mapped, read = 0;

	return load(bar, target->constant, &mapped) && mapped == constant && read_bar(&read) == 4 && read == constant;
}

/* Neither by the mapping nor by the file. */
static bool is_away(void)
{
	uint32_t value;

	if (load(bar, target->constant, &value) || store(bar, target->constant, constant))
		return false;
	expect_errno(EIO, read_bar(&value));
	expect_errno(EIO, write_bar(constant));
	return true;
}

/* ---- one after the other ---- */

static void a_BAR_is_away_while_memory_is_off(void)
{
	user_open();
	for (int i = 0; i < 20; i++) {
		expect(answers());
		expect(!memory(false) && is_away());
		expect(!memory(true));
	}
	expect(answers());
	user_close();
}

/* What a mapping was made of while memory was off does not matter; nor where in it the access goes. */
static void a_mapping_that_was_made_while_memory_was_off_works_when_it_is_on(void)
{
	volatile void *second;
	uint32_t value;

	user_open();
	expect(!memory(false));
	second = bar_map(vfio.device, 0, bar_size);
	expect(second != MAP_FAILED && !load(second, target->constant, &value));
	expect(!memory(true));
	expect(load(second, target->constant, &value) && value == constant && answers());
	for (size_t at = 0; at < bar_size; at += PAGE)
		expect(load(second, at, &value));
	expect(!memory(false));
	for (size_t at = 0; at < bar_size; at += PAGE)
		expect(!load(second, at, &value));
	expect(!munmap((void *)second, bar_size));
	user_close();
}

static void a_BAR_is_away_in_D3_and_back_in_D0(void)
{
	uint16_t vendor;

	user_open();
	vendor = word(CONFIG_VENDOR_AT);
	for (int i = 0; i < 5; i++) {
		expect(answers() && power() == 0);
		set_power(3);
		expect(power() == 3 && word(CONFIG_VENDOR_AT) == vendor && is_away());
		/* memory on or off is nothing to that */
		expect(!memory(true) && is_away());
		set_power(0);
		expect(power() == 0 && !memory(true));
	}
	expect(answers());
	user_close();
}

static void what_COMMAND_was_told_in_D3_holds_in_D0(void)
{
	user_open();
	for (int i = 0; i < 3; i++) {
		expect(!memory(false));
		set_power(3);
		expect(!memory(true) && is_away());
		set_power(0);
		expect(answers());
		set_power(3);
		expect(!memory(false) && is_away());
		set_power(0);
		expect(is_away() && !memory(true) && answers());
	}
	user_close();
}

static void who_follows_a_user_that_left_it_in_D3_finds_D0(void)
{
	user_open();
	set_power(3);
	expect(function_is(address, "power_state", "D3hot"));
	user_close();
	user_open();
	expect(function_is(address, "power_state", "D0") && power() == 0 && answers());
	user_close();
}

static void who_follows_a_user_that_left_memory_off_finds_the_BARs(void)
{
	for (int i = 0; i < 3; i++) {
		user_open();
		expect(answers() && !memory(false));
		user_close();
	}
}

static void make_dirty(void)
{
	uint32_t value;

	expect(store(bar, target->scratch, target->scratch_value));
	expect(load(bar, target->scratch, &value) && value == target->scratch_value);
}

static bool is_clean(void)
{
	uint32_t value;

	return load(bar, target->scratch, &value) && value != target->scratch_value;
}

static void FLR_through_config_space_resets_it_and_nothing_is_lost(void)
{
	uint32_t bars[6], after[6];
	uint16_t command;

	user_open();
	expect(config_read(vfio.device, PCI_BASE_ADDRESS_0, bars, 4));
	for (unsigned int i = 0; i < 6; i++) {
		uint32_t value = 0x12340000u << (i & 1) | 0x10000u * i;

		expect(config_write(vfio.device, PCI_BASE_ADDRESS_0 + 4 * i, &value, 4));
		expect(config_read(vfio.device, PCI_BASE_ADDRESS_0 + 4 * i, &bars[i], 4));
	}
	expect(!command_change(vfio.device, COMMAND_MASTER | COMMAND_MEMORY, 0));
	command = word(PCI_COMMAND_AT);
	for (int i = 0; i < 3; i++) {
		make_dirty();
		flr();
		expect(word(PCI_COMMAND_AT) == command && answers() && is_clean());
	}
	for (unsigned int i = 0; i < 6; i++)
		expect(config_read(vfio.device, PCI_BASE_ADDRESS_0 + 4 * i, &after[i], 4) && after[i] == bars[i]);
	user_close();
}

static void VFIO_DEVICE_RESET_resets_it(void)
{
	user_open();
	for (int i = 0; i < 3; i++) {
		make_dirty();
		expect(!ioctl(vfio.device, VFIO_DEVICE_RESET));
		expect(!memory(true) && answers() && is_clean());
	}
	user_close();
}

static void the_next_user_finds_it_reset(void)
{
	for (int i = 0; i < 3; i++) {
		user_open();
		expect(is_clean());
		make_dirty();
		user_close();
	}
}

static void a_function_that_shares_its_slot_cannot_be_reset_by_its_user(void)
{
	struct vfio_pci_hot_reset hot = { .argsz = sizeof(hot) };

	user_open();
	expect(!can_be_reset());
	expect_errno(EINVAL, ioctl(vfio.device, VFIO_DEVICE_RESET));
	expect_errno(ENOTTY, ioctl(vfio.device, VFIO_DEVICE_PCI_HOT_RESET, &hot));
	expect(answers());
	user_close();
}

static void it_falls_asleep_when_nobody_has_it_open_and_never_before(void)
{
	function_is_drowsy(address);
	for (int i = 0; i < 4; i++) {
		expect(function_falls_asleep(address));
		user_open();
		if (i == 1 && can_be_reset())
			expect(!ioctl(vfio.device, VFIO_DEVICE_RESET));
		if (i >= 2 && pm_at())
			set_power(3);
		if (i == 3 && pm_at())
			set_power(0);
		expect(function_stays_awake(address));
		user_close();
	}
	expect(function_falls_asleep(address));
}

static void it_stays_awake_for_a_while_for_its_next_user(void)
{
	for (int i = 0; i < 2; i++) {
		expect(!function_tell(address, "power/autosuspend_delay_ms", "2000"));
		user_open();
		user_close();
		expect(function_stays_awake(address) && function_falls_asleep(address));
	}
}

static volatile pid_t resetter;

static void *reset_by_root(void *unused)
{
	resetter = gettid();
	expect(!function_tell(address, "reset", "1"));
	return unused;
}

/* It waits in the kernel, for the reset, and has the device's lock. */
static bool resetter_waits(void)
{
	char path[PATH_MAX], said[256] = "";
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", resetter);
	file = fopen(path, "r");
	/* gone already: it was too quick */
	if (!file || !fgets(said, sizeof(said), file))
		strcpy(said, ") D");
	expect(!file || !fclose(file));
	return strstr(said, ") D");
}

/* Whether an open was refused, as it has to be while the function is reset. */
static bool open_in_a_reset(void)
{
	pthread_t thread;
	bool refused;

	resetter = 0;
	expect(!pthread_create(&thread, NULL, reset_by_root, NULL));
	while (!resetter || !resetter_waits())
		sched_yield();
	vfio.device = ioctl(vfio.group, VFIO_GROUP_GET_DEVICE_FD, address);
	refused = vfio.device < 0;
	expect(!refused || errno == EAGAIN);
	expect(!pthread_join(thread, NULL));
	close_fd(&vfio.device);
	return refused;
}

static void opens_that_are_refused_while_root_resets_it_keep_nobody_awake(void)
{
	int refused = 0;

	function_is_drowsy(address);
	vfio = vfio_open(address);
	close_fd(&vfio.device);
	for (int i = 0; i < 50 && refused < 3; i++) {
		/* awake, since one that has to be woken up is waited for without the lock */
		expect(!function_tell(address, "power/control", "on"));
		refused += open_in_a_reset();
		expect(!function_tell(address, "power/control", "auto") && function_falls_asleep(address));
	}
	expect(refused);
	vfio_detach(&vfio);
	close_fd(&vfio.group);
	user_open();
	expect(answers() && function_stays_awake(address));
	user_close();
}

static void an_open_for_which_there_is_no_file_descriptor_leaves_it_asleep(void)
{
	struct rlimit before, none;

	function_is_drowsy(address);
	vfio = vfio_open(address);
	close_fd(&vfio.device);
	expect(function_falls_asleep(address) && !getrlimit(RLIMIT_NOFILE, &before));
	none = before;
	none.rlim_cur = 0;
	expect(!setrlimit(RLIMIT_NOFILE, &none));
	for (int i = 0; i < 3; i++)
		expect_errno(EMFILE, ioctl(vfio.group, VFIO_GROUP_GET_DEVICE_FD, address));
	expect(!setrlimit(RLIMIT_NOFILE, &before) && function_falls_asleep(address));
	vfio_detach(&vfio);
	close_fd(&vfio.group);
	user_open();
	expect(answers() && function_stays_awake(address));
	user_close();
}

/* ---- the expansion ROM ---- */

/* What tests/vm/devices.sh put into it behind 64 bytes of headers. */
static unsigned char rom_byte(size_t at)
{
	return (unsigned char)"vfiod\n"[(at - 64) % 6];
}

static void the_ROM_is_read_and_neither_written_nor_mapped(void)
{
	struct vfio_region_info rom;
	unsigned char byte, some[1024];
	off_t at;

	user_open();
	rom = region(VFIO_PCI_ROM_REGION_INDEX);
	at = (off_t)rom.offset;
	expect(rom.size >= 4096 && rom.flags == VFIO_REGION_INFO_FLAG_READ);
	for (int i = 0; i < 2; i++) {
		expect(pread(vfio.device, some, sizeof(some), at) == sizeof(some));
		expect(some[0] == 0x55 && some[1] == 0xaa);
		for (size_t b = 64; b < sizeof(some); b++)
			expect(some[b] == rom_byte(b));
		/* any length from anywhere */
		expect(pread(vfio.device, some, 7, at + 1001) == 7 && some[0] == rom_byte(1001) &&
		       some[6] == rom_byte(1007));
		expect(!ioctl(vfio.device, VFIO_DEVICE_RESET) && !memory(true));
	}
	expect(pread(vfio.device, some, 16, at + (off_t)rom.size - 4) == 4);
	expect_errno(EINVAL, pread(vfio.device, &byte, 1, at + (off_t)rom.size));
	expect_errno(EINVAL, pwrite(vfio.device, &byte, 1, at + 64));
	expect(pread(vfio.device, &byte, 1, at + 64) == 1 && byte == rom_byte(64));
	expect_errno(EINVAL, mmap(NULL, PAGE, PROT_READ, MAP_SHARED, vfio.device, at) == MAP_FAILED ? -1 : 0);
	expect(answers());
	user_close();
}

/* ---- a virtual function of SR-IOV ---- */

static uint16_t said_by_sysfs(const char *name)
{
	unsigned int value;
	char path[PATH_MAX];
	FILE *file;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/%s", address, name);
	file = fopen(path, "r");
	expect(file && fscanf(file, "%x", &value) == 1 && !fclose(file));
	return (uint16_t)value;
}

static void a_virtual_function_has_its_identity_no_INTx_and_memory_always_on(void)
{
	uint8_t pin = 0xff;

	user_open();
	expect(word(PCI_VENDOR_ID) == said_by_sysfs("vendor") && word(PCI_DEVICE_ID) == said_by_sysfs("device"));
	expect(word(PCI_VENDOR_ID) != 0xffff && word(PCI_DEVICE_ID) != 0xffff);
	expect(config_read(vfio.device, PCI_INTERRUPT_PIN, &pin, 1) && !pin);
	expect(!vector_count(vfio.device, VFIO_PCI_INTX_IRQ_INDEX) &&
	       vector_count(vfio.device, VFIO_PCI_MSIX_IRQ_INDEX));
	expect(!memory(false) && answers());
	expect(!memory(true) && answers());
	expect(can_be_reset() && !ioctl(vfio.device, VFIO_DEVICE_RESET) && answers());
	flr();
	expect(answers());
	user_close();
}

/* ---- all at the same time ---- */

/* Of all threads and the fork. */
static struct {
	volatile bool end;
	volatile unsigned long values, faults, wrong;
	volatile uint32_t wrong_value;
} * seen;

static void see(bool came, uint32_t value)
{
	if (!came) {
		__atomic_fetch_add(&seen->faults, 1, __ATOMIC_RELAXED);
	} else if (value == constant) {
		__atomic_fetch_add(&seen->values, 1, __ATOMIC_RELAXED);
	} else {
		__atomic_fetch_add(&seen->wrong, 1, __ATOMIC_RELAXED);
		seen->wrong_value = value;
	}
}

static void *load_on(void *unused)
{
	uint32_t value = 0;
	bool came;

	while (!seen->end) {
		came = load(bar, target->constant, &value);
		see(came, value);
	}
	return unused;
}

/* Each load needs a fault. */
static void *map_and_load_on(void *unused)
{
	uint32_t value = 0;

	while (!seen->end) {
		volatile void *mapped = bar_map(vfio.device, 0, bar_size);
		bool came;

		expect(mapped != MAP_FAILED);
		came = load(mapped, target->constant, &value);
		see(came, value);
		expect(!munmap((void *)mapped, bar_size));
	}
	return unused;
}

static void *read_on(void *unused)
{
	uint32_t value = 0;

	while (!seen->end) {
		ssize_t got = read_bar(&value);

		expect(got == 4 || (got == -1 && errno == EIO));
		see(got == 4, value);
	}
	return unused;
}

/* The kernel's copy from config space faults in the mapping. */
static void *read_into_it_on(void *unused)
{
	uint16_t command;

	while (!seen->end) {
		ssize_t got = pread(vfio.device, (char *)(uintptr_t)bar + target->constant, 4,
				    ((off_t)VFIO_PCI_CONFIG_REGION_INDEX << 40) + CONFIG_VENDOR_AT);

		expect(got == 4 || (got == -1 && errno == EFAULT));
		expect(config_read(vfio.device, PCI_COMMAND_AT, &command, 2));
	}
	return unused;
}

/* In BAR 0 of these, a write of the vendor id at the constant's place has no effect; igb and e1000e keep it. */
static bool constant_can_be_written(void)
{
	return target->constant == 0x5400;
}

#define THREADS 8
static pthread_t threads[THREADS];
static unsigned int thread_count;
static pid_t forked;

static void start(void *(*what)(void *))
{
	expect(thread_count < THREADS && !pthread_create(&threads[thread_count++], NULL, what, NULL));
}

static void storm_begin(void)
{
	seen = mmap(NULL, sizeof(*seen), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	expect(seen != MAP_FAILED);
	thread_count = 0;
	forked = fork();
	expect(forked >= 0);
	if (!forked) {
		load_on(NULL);
		_exit(0);
	}
	for (int i = 0; i < 2; i++) {
		start(load_on);
		start(map_and_load_on);
	}
	start(read_on);
	if (!constant_can_be_written())
		start(read_into_it_on);
}

/* Loads gave the value or SIGBUS. */
static void storm_end(bool faults_expected)
{
	int status;

	seen->end = true;
	while (thread_count)
		expect(!pthread_join(threads[--thread_count], NULL));
	expect(waitpid(forked, &status, 0) == forked && WIFEXITED(status) && !WEXITSTATUS(status));
	dprintf(1, "# %lu loads gave the value, %lu SIGBUS or EIO, %lu something else (0x%x)\n", seen->values,
		seen->faults, seen->wrong, seen->wrong_value);
	expect(!seen->wrong && seen->values);
	expect(!faults_expected || seen->faults);
	expect(!munmap((void *)(uintptr_t)seen, sizeof(*seen)));
}

/* Until all have had the chance to be in the middle of something. */
static void let_them_run(void)
{
	unsigned long before = seen->values + seen->faults + seen->wrong;

	while (seen->values + seen->faults + seen->wrong < before + 20)
		nanosleep(&(struct timespec){ .tv_nsec = 100000 }, NULL);
}

static void storm_of(int rounds, void (*action)(void), bool faults_expected)
{
	user_open();
	storm_begin();
	for (int i = 0; i < rounds; i++) {
		action();
		let_them_run();
	}
	storm_end(faults_expected);
	expect(answers());
	user_close();
}

static void off_and_on(void)
{
	expect(!memory(false));
	let_them_run();
	expect(!memory(true));
}

static void reset_it(void)
{
	expect(!ioctl(vfio.device, VFIO_DEVICE_RESET));
	expect(!memory(true));
}

static void down_and_up(void)
{
	set_power(3);
	let_them_run();
	set_power(0);
	expect(!memory(true));
}

static void while_memory_is_switched_loads_give_the_value_or_SIGBUS(void)
{
	storm_of(100, off_and_on, true);
}

static void while_it_is_reset_loads_give_the_value_or_SIGBUS(void)
{
	storm_of(5, reset_it, false);
}

static void while_its_power_state_changes_loads_give_the_value_or_SIGBUS(void)
{
	storm_of(20, down_and_up, true);
}

static void while_it_is_reset_by_FLR_loads_give_the_value_or_SIGBUS(void)
{
	storm_of(5, flr, false);
}

static volatile bool actions_end;

/* Config writes race with each other here, so what COMMAND says then is anybody's. */
static void *switch_memory_on(void *unused)
{
	while (!actions_end) {
		memory(false);
		memory(true);
	}
	return unused;
}

static void *change_power_on(void *unused)
{
	while (!actions_end) {
		if (!pm_at())
			break;
		set_power(3);
		set_power(0);
	}
	return unused;
}

static void *flr_on(void *unused)
{
	unsigned int at = flr_at();
	uint16_t control = at ? word(at) | PCI_EXP_DEVCTL_BCR_FLR : 0;

	while (at && !actions_end)
		expect(config_write(vfio.device, at, &control, 2));
	return unused;
}

static void *reset_on(void *unused)
{
	while (!actions_end && can_be_reset())
		expect(!ioctl(vfio.device, VFIO_DEVICE_RESET) || errno == EAGAIN);
	return unused;
}

static void *switch_MSI_on(void *unused)
{
	int irq = eventfd(0, EFD_CLOEXEC);

	expect(irq >= 0);
	while (!actions_end && vector_count(vfio.device, VFIO_PCI_MSI_IRQ_INDEX)) {
		/* not in D3 */
		expect(!irq_enable(vfio.device, VFIO_PCI_MSI_IRQ_INDEX, irq) || errno == EIO);
		expect(!irq_enable(vfio.device, VFIO_PCI_MSI_IRQ_INDEX, -1) || errno == EIO);
	}
	close(irq);
	return unused;
}

static long storm_seconds(void)
{
	const char *seconds = getenv("PCI_FAULTS_SECONDS");

	return seconds ? atol(seconds) : 3;
}

static void while_all_of_that_happens_at_once_loads_give_the_value_or_SIGBUS(void)
{
	void *(*const what[])(void *) = { switch_memory_on, change_power_on, flr_on, reset_on, switch_MSI_on };
	pthread_t actions[sizeof(what) / sizeof(what[0])];
	struct timespec start, now;

	user_open();
	storm_begin();
	actions_end = false;
	for (size_t i = 0; i < sizeof(what) / sizeof(what[0]); i++)
		expect(!pthread_create(&actions[i], NULL, what[i], NULL));
	clock_gettime(CLOCK_MONOTONIC, &start);
	do {
		let_them_run();
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while (now.tv_sec < start.tv_sec + storm_seconds());
	actions_end = true;
	for (size_t i = 0; i < sizeof(what) / sizeof(what[0]); i++)
		expect(!pthread_join(actions[i], NULL));
	storm_end(true);
	if (pm_at())
		set_power(0);
	expect(!memory(true) && answers());
	if (target->scratch) {
		make_dirty();
		expect(!ioctl(vfio.device, VFIO_DEVICE_RESET) && !memory(true) && answers() && is_clean());
	}
	user_close();
}

/* ---- removal ---- */

static pid_t remove_begin(void)
{
	pid_t child = fork();
	char path[PATH_MAX];
	int fd;

	expect(child >= 0);
	if (child)
		return child;
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/remove", address);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	_exit(fd >= 0 && write(fd, "1", 1) == 1 ? 0 : 1);
}

static void remove_end(pid_t child)
{
	char path[PATH_MAX];
	int status;

	expect(waitpid(child, &status, 0) == child && WIFEXITED(status) && !WEXITSTATUS(status));
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s", address);
	expect_errno(ENOENT, access(path, F_OK));
}

/* The scenario has to look for the function again afterwards. */
static void its_removal_is_asked_for_and_waits_for_its_user_whose_loads_go_on(void)
{
	int request = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	pid_t remover;

	expect(request >= 0);
	remover = 0;
	user_open();
	expect(!irq_enable(vfio.device, VFIO_PCI_REQ_IRQ_INDEX, request));
	remover = fork();
	expect(remover >= 0);
	if (!remover) {
		/* without the user's files */
		munmap((void *)(uintptr_t)bar, bar_size);
		close(vfio.device);
		close(vfio.group);
		close(vfio.container);
		remover = remove_begin();
		remove_end(remover);
		_exit(0);
	}
	storm_begin();
	expect(irq_wait(request, PATIENCE_MS));
	let_them_run();
	storm_end(false);
	expect(!waitpid(remover, NULL, WNOHANG));
	expect(answers());
	expect(!munmap((void *)bar, bar_size));
	close_fd(&vfio.device);
	/* EINVAL: with the last function of the group the kernel has done it */
	expect(!ioctl(vfio.group, VFIO_GROUP_UNSET_CONTAINER) || errno == EINVAL);
	close_fd(&vfio.container);
	close_fd(&vfio.group);
	remove_end(remover);
	close_fd(&request);
}

static volatile unsigned long *dead_loads; /* SIGBUS of the client of handles, in a row */

static void *load_until_dead(void *unused)
{
	uint32_t value;

	for (;;) {
		bool came = load(my.bar, target->constant, &value);

		expect(!came || value == constant);
		if (came)
			*dead_loads = 0;
		else
			__atomic_fetch_add(dead_loads, 1, __ATOMIC_RELAXED);
	}
	return unused;
}

static long load_in_threads(long unused)
{
	pthread_t thread;

	(void)unused;
	expect(!memory(true));
	my.bar = bar_map(my.lease.device.fd, 0, bar_size);
	expect(my.bar != MAP_FAILED);
	for (int i = 0; i < 4; i++)
		expect(!pthread_create(&thread, NULL, load_until_dead, NULL));
	return 0;
}

/* A broker revokes when it is asked for; the client has its mappings, which are dead, when the function has gone. */
static void its_removal_with_a_revoked_handle_does_not_wait_for_the_client(void)
{
	int request = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC), node = node_open(O_NONBLOCK);
	struct actor client;
	struct lease lease;
	pid_t remover;

	dead_loads = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	expect(dead_loads != MAP_FAILED && request >= 0);
	user_open();
	expect(!munmap((void *)(uintptr_t)bar, bar_size));
	expect(!irq_enable(vfio.device, VFIO_PCI_REQ_IRQ_INDEX, request));
	remover = 0;
	lease = lease_make(node, &vfio, 7, true);
	vfio.device = lease.device.fd;
	client = client_start(&lease, ALICE);
	vfio.device = -1;
	expect(!actor_ask(&client, load_in_threads, 0));
	remover = fork();
	expect(remover >= 0);
	if (!remover) {
		close(vfio.group);
		remover = remove_begin();
		remove_end(remover);
		_exit(0);
	}
	expect(irq_wait(request, PATIENCE_MS));
	expect(!revoke_lease(node, 7, TIME_LIMIT).pending);
	/* EINVAL: with the last function of the group the kernel has done it */
	expect(!ioctl(vfio.group, VFIO_GROUP_UNSET_CONTAINER) || errno == EINVAL);
	close_fd(&vfio.group);
	remove_end(remover);
	*dead_loads = 0;
	while (*dead_loads < 100)
		nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
	actor_end(&client);
	table_clear(node);
	close_fd(&node);
	close_fd(&request);
}

/* ---- which tests a function has ---- */

enum needs {
	NEEDS_STRICT = 1, /* stock vfio-pci does not promise it */
	NEEDS_RESET = 2,
	NEEDS_PM = 4,
	NEEDS_FLR = 8,
	NEEDS_SCRATCH = 16,
	NEEDS_ROM = 32,
	NEEDS_PF = 64, /* it is no VF */
	NEEDS_VF = 128,
	NEEDS_SHARED_SLOT = 256,
	BY_NAME = 512, /* the scenario has to do something afterwards */
};

#define TEST(name, needs) \
	{ \
#name, name, needs \
	}
/* clang-format off */
static const struct {
	const char *name;
	void (*run)(void);
	unsigned int needs;
} tests[] = {
	TEST(a_BAR_is_away_while_memory_is_off, NEEDS_PF),
	TEST(a_mapping_that_was_made_while_memory_was_off_works_when_it_is_on, NEEDS_PF),
	TEST(who_follows_a_user_that_left_memory_off_finds_the_BARs, 0),
	TEST(a_BAR_is_away_in_D3_and_back_in_D0, NEEDS_PM),
	TEST(what_COMMAND_was_told_in_D3_holds_in_D0, NEEDS_STRICT | NEEDS_PM | NEEDS_PF),
	TEST(who_follows_a_user_that_left_it_in_D3_finds_D0, NEEDS_PM),
	TEST(VFIO_DEVICE_RESET_resets_it, NEEDS_RESET | NEEDS_SCRATCH),
	TEST(FLR_through_config_space_resets_it_and_nothing_is_lost, NEEDS_FLR | NEEDS_SCRATCH | NEEDS_PF),
	TEST(the_next_user_finds_it_reset, NEEDS_RESET | NEEDS_SCRATCH),
	TEST(a_function_that_shares_its_slot_cannot_be_reset_by_its_user, NEEDS_STRICT | NEEDS_SHARED_SLOT),
	TEST(it_falls_asleep_when_nobody_has_it_open_and_never_before, 0),
	TEST(it_stays_awake_for_a_while_for_its_next_user, NEEDS_STRICT),
	TEST(opens_that_are_refused_while_root_resets_it_keep_nobody_awake, NEEDS_STRICT | NEEDS_RESET),
	TEST(an_open_for_which_there_is_no_file_descriptor_leaves_it_asleep, 0),
	TEST(the_ROM_is_read_and_neither_written_nor_mapped, NEEDS_ROM),
	TEST(a_virtual_function_has_its_identity_no_INTx_and_memory_always_on, NEEDS_VF),
	TEST(while_memory_is_switched_loads_give_the_value_or_SIGBUS, NEEDS_PF),
	TEST(while_it_is_reset_loads_give_the_value_or_SIGBUS, NEEDS_RESET),
	TEST(while_its_power_state_changes_loads_give_the_value_or_SIGBUS, NEEDS_PM),
	TEST(while_it_is_reset_by_FLR_loads_give_the_value_or_SIGBUS, NEEDS_FLR),
	TEST(while_all_of_that_happens_at_once_loads_give_the_value_or_SIGBUS, NEEDS_RESET | NEEDS_PF),
	TEST(its_removal_is_asked_for_and_waits_for_its_user_whose_loads_go_on, BY_NAME),
	TEST(its_removal_with_a_revoked_handle_does_not_wait_for_the_client, BY_NAME),
};
/* clang-format on */
#define TESTS (sizeof(tests) / sizeof(tests[0]))

static bool driver_is_stock(void)
{
	char path[PATH_MAX], link[PATH_MAX] = "";

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/driver", address);
	expect(readlink(path, link, sizeof(link) - 1) > 0);
	return !strcmp(strrchr(link, '/'), "/vfio-pci");
}

/* Whether there is a function 1 beside this one, or this is not function 0. */
static bool shares_its_slot(void)
{
	char other[PATH_MAX];

	snprintf(other, sizeof(other), "/sys/bus/pci/devices/%s", address);
	other[strlen(other) - 1] ^= 1;
	return !access(other, F_OK);
}

static void print_names(void)
{
	unsigned int has;

	user_open();
	has = function_has(address, "physfn") ? NEEDS_VF : NEEDS_PF;
	has |= driver_is_stock() ? 0 : NEEDS_STRICT;
	has |= can_be_reset() ? NEEDS_RESET : 0;
	has |= pm_at() ? NEEDS_PM : 0;
	has |= flr_at() ? NEEDS_FLR : 0;
	/* a virtual function of QEMU's nvme heeds no write before its PF has put it online */
	has |= target->scratch && !function_has(address, "physfn") ? NEEDS_SCRATCH : 0;
	has |= function_has(address, "rom") ? NEEDS_ROM : 0;
	has |= !function_has(address, "physfn") && shares_its_slot() ? NEEDS_SHARED_SLOT : 0;
	for (size_t i = 0; i < TESTS; i++)
		if (!(tests[i].needs & ~has))
			printf("%s\n", tests[i].name);
	user_close();
}

int main(int argc, char **argv)
{
	if (argc == 2) {
		address = argv[1];
		print_names();
		return 0;
	}
	for (size_t i = 0; argc == 3 && i < TESTS; i++)
		if (!strcmp(argv[1], tests[i].name)) {
			address = argv[2];
			tests[i].run();
			return 0;
		}
	fprintf(stderr, "usage: pcifaults ADDRESS, or pcifaults TEST ADDRESS\n");
	return 2;
}
