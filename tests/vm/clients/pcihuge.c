/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A BAR of memory that is 4 MiB large, as root: pages of 2 MiB where the kernel can have them of a device, small ones
 * elsewhere and where they do not fit, and all of them away while the BAR is.
 *
 *	pcihuge				the names of the tests
 *	pcihuge TEST ADDRESS		runs one, on an ivshmem, which has such a BAR
 */
#include "tests/vm/clients/broker.h"
#include "tests/vm/clients/client.h"
#include "tests/vm/clients/edu.h"
#include "tests/vm/clients/expect.h"

#include <fcntl.h>
#include <linux/vfio.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>

#define BAR  VFIO_PCI_BAR2_REGION_INDEX
#define SIZE (4u << 20)
#define HUGE (2u << 20)

/* ---- the BAR ---- */

static const char *address;
static struct vfio vfio;
static off_t bar_at; /* in the file */

static void memory(bool on)
{
	expect(!command_change(vfio.device, on ? COMMAND_MEMORY : 0, on ? 0 : COMMAND_MEMORY));
}

/* In the first bytes of each page; another one in each call. */
static uint32_t seed;

static uint32_t value_of(size_t at)
{
	return seed ^ (uint32_t)(at / PAGE * 2654435761u);
}

static void fill_pages(void)
{
	seed += 0x1001;
	for (size_t at = 0; at < SIZE; at += PAGE) {
		const uint32_t value = value_of(at);

		expect(pwrite(vfio.device, &value, 4, bar_at + (off_t)at) == 4);
	}
}

static void user_open(void)
{
	struct vfio_region_info info = { .argsz = sizeof(info), .index = BAR };

	vfio = vfio_open(address);
	expect(!ioctl(vfio.device, VFIO_DEVICE_GET_REGION_INFO, &info) && info.size == SIZE);
	bar_at = (off_t)info.offset;
	memory(true);
	fill_pages();
}

/* ---- mappings of it ---- */

/* @size bytes of the BAR from @from on, at an address that is @off behind a multiple of 2 MiB; the BAR's is one. */
static struct mapping {
	char *space; /* that was set aside for it */
	volatile char *at;
	size_t from, size;
} map;

#define SPACE (SIZE + 2 * HUGE)

static void map_from(int device, size_t from, size_t size, size_t off)
{
	char *space = mmap(NULL, SPACE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	char *at = (char *)(((uintptr_t)space + HUGE - 1) / HUGE * HUGE) + off;

	expect(space != MAP_FAILED);
	expect(mmap(at, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, device, bar_at + (off_t)from) == at);
	map = (struct mapping){ .space = space, .at = at, .from = from, .size = size };
}

static void map_all(void)
{
	map_from(vfio.device, 0, SIZE, 0);
}

static void unmap(void)
{
	expect(!munmap(map.space, SPACE));
}

static void user_close(void)
{
	unmap();
	vfio_detach(&vfio);
	close_fd(&vfio.group);
}

/* Whether a load gives what is there, at @at of the mapping. */
static bool is_right(size_t at)
{
	uint32_t value;

	return load(map.at, at, &value) && value == value_of(map.from + at);
}

static bool are_right(size_t from, size_t to)
{
	while (from < to && is_right(from))
		from += PAGE;
	return from >= to;
}

static bool are_away(size_t from, size_t to)
{
	uint32_t value;

	while (from < to && !load(map.at, from, &value))
		from += PAGE;
	return from >= to;
}

/* How many faults a load from each page takes; of what else the program needs all is there (see run()). */
static long faults(void)
{
	struct rusage before, after;

	expect(!getrusage(RUSAGE_THREAD, &before));
	expect(are_right(0, map.size));
	expect(!getrusage(RUSAGE_THREAD, &after));
	return after.ru_minflt - before.ru_minflt;
}

/* Pages of 2 MiB of what is no memory of the kernel's: Linux 6.12 is the first that has them. */
static bool kernel_has_huge_pages(void)
{
	struct utsname name;
	int major, minor;

	expect(!uname(&name) && sscanf(name.release, "%d.%d", &major, &minor) == 2);
	return major > 6 || (major == 6 && minor >= 12);
}

/* ---- the tests ---- */

static void it_takes_two_faults_where_the_kernel_has_huge_pages_and_one_each_page_elsewhere(void)
{
	const long should = kernel_has_huge_pages() ? SIZE / HUGE : SIZE / PAGE;
	long took = 0;

	map_all();
	for (int i = 0; i < 3; i++) {
		took = faults();
		printf("# %ld faults\n", took);
		expect(took == should && faults() == 0);
		memory(false);
		expect(are_away(0, SIZE));
		memory(true);
	}
	printf("figure: 4 MiB of a BAR are mapped by %ld faults\n", took);
}

/* Small pages where a large one does not fit: its ends, or its address, or the address of the BAR behind it. */
static void what_does_not_fit_takes_small_pages(void)
{
	static const struct {
		size_t from, size, off;
		long huge; /* pages */
	} table[] = {
		{ 0, SIZE, 0, 2 },
		{ HUGE, HUGE, 0, 1 },
		{ 0, HUGE, HUGE, 1 },
		{ 0, SIZE - PAGE, 0, 1 },
		{ PAGE, SIZE - PAGE, PAGE, 1 },
		{ PAGE, SIZE - 2 * PAGE, PAGE, 0 },
		{ 0, SIZE, PAGE, 0 },
		{ PAGE, SIZE - PAGE, 0, 0 },
		{ PAGE, HUGE, PAGE, 0 },
		{ 0, PAGE, 0, 0 },
		{ HUGE - PAGE, 2 * PAGE, HUGE - PAGE, 0 },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		const long huge = kernel_has_huge_pages() ? table[i].huge : 0;
		const long should = huge + ((long)table[i].size - huge * (long)HUGE) / (long)PAGE;

		map_from(vfio.device, table[i].from, table[i].size, table[i].off);
		for (int again = 0; again < 2; again++) {
			long took = faults();

			printf("# row %zu: %ld faults\n", i, took);
			expect(took == should);
			memory(false);
			expect(are_away(0, map.size));
			memory(true);
		}
		unmap();
	}
	map_all();
}

static uint32_t pattern(size_t at)
{
	return (uint32_t)(at * 2654435761u) ^ seed;
}

static void expect_file_has_pattern(void)
{
	static uint32_t bytes[SIZE / 4];

	for (size_t done = 0; done < SIZE; done += 1u << 16)
		expect(pread(vfio.device, (char *)bytes + done, 1u << 16, bar_at + (off_t)done) == 1 << 16);
	for (size_t at = 0; at < SIZE; at += 4)
		expect(bytes[at / 4] == pattern(at));
}

static void write_pattern_to_file(void)
{
	static uint32_t bytes[SIZE / 4];

	for (size_t at = 0; at < SIZE; at += 4)
		bytes[at / 4] = pattern(at);
	for (size_t done = 0; done < SIZE; done += 1u << 16)
		expect(pwrite(vfio.device, (char *)bytes + done, 1u << 16, bar_at + (off_t)done) == 1 << 16);
}

/* By large pages, and by small ones. */
static void what_is_stored_is_read_and_what_is_written_is_loaded(void)
{
	for (size_t off = 0; off <= PAGE; off += PAGE) {
		map_from(vfio.device, 0, SIZE, off);
		seed += 0x77;
		for (size_t at = 0; at < SIZE; at += 4)
			expect(store(map.at, at, pattern(at)));
		expect_file_has_pattern();
		seed += 0x77;
		write_pattern_to_file();
		for (size_t at = 0; at < SIZE; at += 4) {
			uint32_t value;

			expect(load(map.at, at, &value) && value == pattern(at));
		}
		unmap();
	}
	map_all();
}

static void the_first_access_may_be_a_store(void)
{
	map_all();
	for (size_t at = HUGE - PAGE; at < SIZE; at += HUGE) {
		expect(store(map.at, at, value_of(at)));
		memory(false);
		expect(!store(map.at, at, 0));
		memory(true);
	}
	expect(are_right(0, SIZE));
}

/* Pages are read-only at first where the kernel is to note which are stored to: soft-dirty bits, see clear_refs in
 * proc(5). A store behind a load has to come to its end, by a page of 2 MiB, too. */
static void stores_that_the_kernel_is_to_note_are_not_held_up(void)
{
	int refs = open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC);

	map_all();
	expect(refs >= 0 && write(refs, "4", 1) == 1);
	alarm(PATIENCE_MS / 1000);
	for (size_t at = 0; at < SIZE; at += HUGE / 2)
		expect(is_right(at) && store(map.at, at, value_of(at)));
	alarm(0);
	expect(are_right(0, SIZE));
	close_fd(&refs);
}

static void a_reset_takes_it_away_and_memory_brings_it_back(void)
{
	map_all();
	for (int i = 0; i < 3; i++) {
		expect(are_right(0, SIZE));
		expect(!ioctl(vfio.device, VFIO_DEVICE_RESET));
		memory(true);
		expect(faults());
	}
}

/* ---- parts of it ---- */

static void a_part_that_is_unmapped_is_nothing_to_the_rest(void)
{
	map_all();
	expect(are_right(0, SIZE));
	expect(!munmap((char *)map.at + HUGE / 2, HUGE));
	for (int i = 0; i < 3; i++) {
		expect(are_right(0, HUGE / 2) && are_right(HUGE / 2 + HUGE, SIZE));
		memory(false);
		expect(are_away(0, HUGE / 2) && are_away(HUGE / 2 + HUGE, SIZE));
		memory(true);
	}
}

static void a_part_that_is_protected_is_nothing_to_the_rest(void)
{
	map_all();
	expect(are_right(0, SIZE));
	expect(!mprotect((char *)map.at + PAGE, PAGE, PROT_READ));
	for (int i = 0; i < 3; i++) {
		expect(are_right(0, SIZE) && store(map.at, 0, value_of(0)) &&
		       store(map.at, 2 * PAGE, value_of(2 * PAGE)));
		memory(false);
		expect(are_away(0, SIZE));
		memory(true);
	}
}

static void a_mapping_that_is_moved_goes_on(void)
{
	char *to = mmap(NULL, SPACE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	expect(to != MAP_FAILED);
	map_all();
	expect(are_right(0, SIZE));
	expect(mremap((char *)map.at, SIZE, SIZE, MREMAP_MAYMOVE | MREMAP_FIXED, to + PAGE) == to + PAGE);
	unmap();
	map.space = to;
	map.at = to + PAGE;
	for (int i = 0; i < 3; i++) {
		expect(are_right(0, SIZE));
		memory(false);
		expect(are_away(0, SIZE));
		memory(true);
	}
}

/* ---- others that have it ---- */

static void say(int pipe)
{
	expect(write(pipe, "", 1) == 1);
}

static void hear(int pipe)
{
	char byte;

	expect(read(pipe, &byte, 1) == 1);
}

static void forked(int from_parent, int to_parent)
{
	for (int i = 0; i < 3; i++) {
		expect(are_right(0, SIZE));
		say(to_parent);
		hear(from_parent);
		expect(are_away(0, SIZE));
		say(to_parent);
		hear(from_parent);
	}
	expect(are_right(0, SIZE));
	_exit(0);
}

static void a_fork_has_it_and_loses_it_with_its_parent(void)
{
	int down[2], up[2], status;
	pid_t child;

	expect(!pipe(down) && !pipe(up));
	map_all();
	expect(are_right(0, SIZE));
	child = fork();
	expect(child >= 0);
	if (!child)
		forked(down[0], up[1]);
	for (int i = 0; i < 3; i++) {
		hear(up[0]);
		memory(false);
		say(down[1]);
		hear(up[0]);
		memory(true);
		say(down[1]);
	}
	expect(waitpid(child, &status, 0) == child && !status);
	expect(are_right(0, SIZE));
}

static void a_handle_of_it_is_mapped_alike_and_revoked_at_once(void)
{
	const long should = kernel_has_huge_pages() ? SIZE / HUGE : SIZE / PAGE;
	int node = node_open(O_NONBLOCK);
	struct lease lease = lease_make(node, &vfio, 7, true);

	map_from(lease.device.fd, 0, SIZE, 0);
	expect(faults() == should);
	expect(!revoke_lease(node, 7, TIME_LIMIT).pending);
	expect(are_away(0, SIZE));
	unmap();
	lease_close(&lease);
	table_clear(node);
	close_fd(&node);
	expect(!ioctl(vfio.group, VFIO_GROUP_UNSET_CONTAINER));
	vfio_attach(&vfio, address);
	map_all();
}

static volatile bool end;
static unsigned long values, away, wrong;

static void *load_on(void *unused)
{
	unsigned int state = (unsigned int)(uintptr_t)&state;

	while (!end) {
		size_t at = (size_t)rand_r(&state) % SIZE / PAGE * PAGE;
		uint32_t value;

		if (!load(map.at, at, &value))
			__atomic_fetch_add(&away, 1, __ATOMIC_RELAXED);
		else
			__atomic_fetch_add(value == value_of(at) ? &values : &wrong, 1, __ATOMIC_RELAXED);
	}
	return unused;
}

/* Until all have had the chance to be in the middle of something. */
static void let_them_run(void)
{
	unsigned long before = __atomic_load_n(&values, __ATOMIC_RELAXED) + __atomic_load_n(&away, __ATOMIC_RELAXED);

	while (__atomic_load_n(&values, __ATOMIC_RELAXED) + __atomic_load_n(&away, __ATOMIC_RELAXED) < before + 20)
		nanosleep(&(struct timespec){ .tv_nsec = 100000 }, NULL);
}

static void while_memory_is_switched_loads_give_the_value_or_SIGBUS(void)
{
	pthread_t threads[4];

	map_all();
	for (size_t i = 0; i < 4; i++)
		expect(!pthread_create(&threads[i], NULL, load_on, NULL));
	for (int i = 0; i < 100; i++) {
		let_them_run();
		memory(false);
		let_them_run();
		memory(true);
	}
	end = true;
	for (size_t i = 0; i < 4; i++)
		expect(!pthread_join(threads[i], NULL));
	printf("# %lu loads gave the value, %lu SIGBUS, %lu something else\n", values, away, wrong);
	expect(values && away && !wrong && are_right(0, SIZE));
}

#define TEST(name) \
	{ \
#name, name \
	}

static const struct {
	const char *name;
	void (*run)(void);
} tests[] = {
	TEST(it_takes_two_faults_where_the_kernel_has_huge_pages_and_one_each_page_elsewhere),
	TEST(what_does_not_fit_takes_small_pages),
	TEST(what_is_stored_is_read_and_what_is_written_is_loaded),
	TEST(the_first_access_may_be_a_store),
	TEST(a_reset_takes_it_away_and_memory_brings_it_back),
	TEST(a_part_that_is_unmapped_is_nothing_to_the_rest),
	TEST(a_part_that_is_protected_is_nothing_to_the_rest),
	TEST(a_mapping_that_is_moved_goes_on),
	TEST(a_fork_has_it_and_loses_it_with_its_parent),
	TEST(a_handle_of_it_is_mapped_alike_and_revoked_at_once),
	TEST(while_memory_is_switched_loads_give_the_value_or_SIGBUS),
	TEST(stores_that_the_kernel_is_to_note_are_not_held_up),
};

/* A test leaves all of the BAR mapped, and memory on. */
static int run(void (*test)(void))
{
	setvbuf(stdout, NULL, _IONBF, 0);
	expect(!mlockall(MCL_CURRENT));
	user_open();
	test();
	user_close();
	return 0;
}

int main(int argc, char **argv)
{
	for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
		if (argc == 1)
			puts(tests[i].name);
		if (argc == 3 && !strcmp(argv[1], tests[i].name)) {
			address = argv[2];
			return run(tests[i].run);
		}
	}
	return argc > 1 ? 2 : 0;
}
