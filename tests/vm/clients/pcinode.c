/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The node /dev/vfiod-pci, misused, as root. What it tells of is that the machine falls asleep, as far as the freezing
 *of processes, which takes neither errors nor a hand on the machine.
 *
 *	pcinode			the names of the tests
 *	pcinode TEST ADDRESS	runs one on any function
 */
#include "kmod/uapi/vfiod_pci.h"
#include "tests/vm/clients/broker.h"
#include "tests/vm/clients/client.h"
#include "tests/vm/clients/expect.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define NODE	  "/dev/vfiod-pci"
#define EVENT	  sizeof(struct vfiod_pci_event)
#define QUEUE	  64	/* events that wait for a reader, at most */
#define LONG_TIME 60000 /* ms; longer than anybody waits here */

#define ROWS(table) (sizeof(table) / sizeof((table)[0]))

static const char *address;
static struct vfio vfio;
static void *volatile nowhere; /* NULL */

static int reader_open(void)
{
	int node = open(NODE, O_RDWR | O_CLOEXEC | O_NONBLOCK);

	expect(node >= 0);
	return node;
}

/* ---- a machine that falls asleep ---- */

static void set(const char *path, const char *value)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	expect(fd >= 0 && write(fd, value, strlen(value)) == (ssize_t)strlen(value) && !close(fd));
}

/* A user of the function, who has so long to answer. */
static void begin(unsigned int answer_ms)
{
	char value[16];

	snprintf(value, sizeof(value), "%u", answer_ms);
	set("/sys/module/vfiod_pci/parameters/answer_ms", value);
	set("/sys/module/suspend/parameters/pm_test_delay", "0");
	set("/sys/power/pm_test", "freezer");
	vfio = vfio_open(address);
}

static void end(void)
{
	set("/sys/module/vfiod_pci/parameters/answer_ms", "3000");
	set("/sys/power/pm_test", "none");
	vfio_detach(&vfio);
}

/* Returns when it is awake again. */
static void *fall_asleep(void *unused)
{
	set("/sys/power/state", "freeze");
	return unused;
}

static pthread_t falls_asleep(void)
{
	pthread_t thread;

	expect(!pthread_create(&thread, NULL, fall_asleep, NULL));
	return thread;
}

static void is_awake(pthread_t thread)
{
	expect(!pthread_join(thread, NULL));
}

/* ---- the node's two calls ---- */

static struct vfiod_pci_event next(int node, uint32_t kind)
{
	struct pollfd wait = { .fd = node, .events = POLLIN };
	struct vfiod_pci_event event;

	expect(poll(&wait, 1, PATIENCE_MS) == 1 && wait.revents == POLLIN);
	expect(read(node, &event, EVENT) == EVENT && event.size == EVENT && event.kind == kind);
	return event;
}

static void nothing_more(int node)
{
	struct pollfd wait = { .fd = node, .events = POLLIN };
	struct vfiod_pci_event event;

	expect(!poll(&wait, 1, 0));
	expect_errno(EAGAIN, read(node, &event, EVENT));
}

static int answer(int node, uint64_t id)
{
	struct vfiod_pci_answer answer = { .size = sizeof(answer), .verdict = VFIOD_PCI_GO_ON, .id = id };

	return write(node, &answer, sizeof(answer)) == sizeof(answer) ? 0 : -1;
}

/* ---- the tests ---- */

/* Its status is the errno of open(). */
static int errno_of_alice(void)
{
	pid_t child = fork();
	int status;

	if (!child) {
		expect(!setresgid(ALICE, ALICE, ALICE) && !setresuid(ALICE, ALICE, ALICE));
		_exit(open(NODE, O_RDWR | O_CLOEXEC) < 0 ? errno : 0);
	}
	expect(child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void who_does_not_administer_cannot_open_it_whatever_its_mode(void)
{
	struct stat found;

	expect(!stat(NODE, &found) && (found.st_mode & 0777) == 0600);
	expect(errno_of_alice() == EACCES);
	expect(!chmod(NODE, 0666));
	expect(errno_of_alice() == EPERM);
	expect(!chmod(NODE, 0600));
}

static void wrong_answers_are_refused_and_the_right_one_is_taken_once(void)
{
	const uint32_t right = sizeof(struct vfiod_pci_answer);
	const struct {
		int error;
		size_t count; /* of write() */
		uint32_t size, verdict;
		uint64_t id; /* added to that of the event; ~0: an id of 0 */
	} table[] = {
		{ EINVAL, 0, right, VFIOD_PCI_GO_ON, 0 },
		{ EINVAL, 1, right, VFIOD_PCI_GO_ON, 0 },
		{ EINVAL, right - 1, right, VFIOD_PCI_GO_ON, 0 },
		{ EINVAL, right + 1, right, VFIOD_PCI_GO_ON, 0 },
		{ EINVAL, 2 * right, right, VFIOD_PCI_GO_ON, 0 },
		{ EINVAL, right, 0, VFIOD_PCI_GO_ON, 0 },
		{ EINVAL, right, right - 1, VFIOD_PCI_GO_ON, 0 },
		{ EINVAL, right, right + 1, VFIOD_PCI_GO_ON, 0 },
		{ EINVAL, right, ~0u, VFIOD_PCI_GO_ON, 0 },
		{ EINVAL, right, right, 0, 0 },
		{ EINVAL, right, right, VFIOD_PCI_GIVE_UP + 1, 0 },
		{ EINVAL, right, right, ~0u, 0 },
		{ EINVAL, right, right, VFIOD_PCI_GO_ON, ~0ull },
		{ ENOENT, right, right, VFIOD_PCI_GO_ON, 1 },
		{ ENOENT, right, right, VFIOD_PCI_GO_ON, 1000 },
		{ ENOENT, right, right, VFIOD_PCI_GIVE_UP, 1ull << 32 },
		{ ENOENT, right, right, VFIOD_PCI_GO_ON, 1ull << 63 },
	};
	struct vfiod_pci_answer answers[2];
	struct vfiod_pci_event event;
	int node = reader_open();
	pthread_t sleeper;

	begin(LONG_TIME);
	sleeper = falls_asleep();
	event = next(node, VFIOD_PCI_SUSPEND);
	expect(event.id && event.time_ms == LONG_TIME && !event.detail && !event.zero);
	for (size_t i = 0; i < ROWS(table); i++) {
		answers[0] = answers[1] = (struct vfiod_pci_answer){ .size = table[i].size,
								     .verdict = table[i].verdict,
								     .id = ~table[i].id ? event.id + table[i].id : 0 };
		dprintf(1, "# row %zu\n", i);
		expect_errno(table[i].error, write(node, answers, table[i].count));
	}
	expect_errno(EFAULT, write(node, nowhere, right));
	expect(!answer(node, event.id));
	expect_errno(ENOENT, answer(node, event.id));
	is_awake(sleeper);
	event = next(node, VFIOD_PCI_WOKEN);
	expect(!event.id);
	expect_errno(EINVAL, answer(node, event.id));
	nothing_more(node);
	end();
	close_fd(&node);
}

static void reads_give_whole_events_or_nothing(void)
{
	struct vfiod_pci_event events[3];
	int node = reader_open();

	begin(1);
	for (size_t count = 0; count < EVENT; count++)
		expect_errno(EINVAL, read(node, events, count));
	is_awake(falls_asleep());
	for (size_t count = 0; count < EVENT; count++)
		expect_errno(EINVAL, read(node, events, count));
	expect(read(node, events, 2 * EVENT - 1) == EVENT && events[0].kind == VFIOD_PCI_SUSPEND);
	/* nobody waits for it any more */
	expect_errno(ENOENT, answer(node, events[0].id));
	expect(read(node, events, sizeof(events)) == EVENT && events[0].kind == VFIOD_PCI_WOKEN);
	nothing_more(node);
	is_awake(falls_asleep());
	expect(read(node, events, sizeof(events)) == 2 * EVENT);
	expect(events[0].kind == VFIOD_PCI_SUSPEND && events[1].kind == VFIOD_PCI_WOKEN);
	nothing_more(node);
	/* what could not be written is gone, and nothing else */
	is_awake(falls_asleep());
	expect_errno(EFAULT, read(node, nowhere, EVENT));
	next(node, VFIOD_PCI_WOKEN);
	nothing_more(node);
	end();
	close_fd(&node);
}

static void every_reader_is_told_all_and_one_of_them_answers(void)
{
	int first = reader_open(), second = reader_open(), late;
	struct vfiod_pci_event event;
	pthread_t sleeper;

	begin(LONG_TIME);
	sleeper = falls_asleep();
	event = next(first, VFIOD_PCI_SUSPEND);
	expect(next(second, VFIOD_PCI_SUSPEND).id == event.id);
	late = reader_open();
	nothing_more(late);
	/* who goes takes no question along that others can answer */
	close_fd(&first);
	expect(!answer(late, event.id));
	expect_errno(ENOENT, answer(second, event.id));
	is_awake(sleeper);
	next(second, VFIOD_PCI_WOKEN);
	next(late, VFIOD_PCI_WOKEN);
	nothing_more(second);
	nothing_more(late);
	end();
	close_fd(&second);
	close_fd(&late);
}

static void nobody_is_waited_for_when_the_last_reader_has_gone(void)
{
	int first = reader_open(), second = reader_open();
	pthread_t sleeper;

	begin(LONG_TIME);
	sleeper = falls_asleep();
	next(first, VFIOD_PCI_SUSPEND);
	close_fd(&first);
	close_fd(&second);
	alarm(LONG_TIME / 1000 / 2);
	is_awake(sleeper);
	is_awake(falls_asleep());
	alarm(0);
	end();
}

/* In time order: what fitted, and then that events are missing. */
static void a_reader_that_is_late_is_told_that_it_has_lost_events(void)
{
	struct vfiod_pci_event events[2 * QUEUE];
	int node = reader_open(), other;

	begin(1);
	for (int i = 0; i < QUEUE / 2 + 2; i++)
		is_awake(falls_asleep());
	other = reader_open();
	expect(read(node, events, sizeof(events)) == (QUEUE + 1) * EVENT);
	for (int i = 0; i < QUEUE; i++)
		expect(events[i].kind == (i % 2 ? VFIOD_PCI_WOKEN : VFIOD_PCI_SUSPEND));
	expect(events[QUEUE].kind == VFIOD_PCI_LOST && events[QUEUE].size == EVENT && !events[QUEUE].id);
	nothing_more(node);
	nothing_more(other);
	/* once, and from here on all is told again */
	is_awake(falls_asleep());
	next(node, VFIOD_PCI_SUSPEND);
	next(node, VFIOD_PCI_WOKEN);
	nothing_more(node);
	end();
	close_fd(&node);
	close_fd(&other);
}

static void it_is_no_other_kind_of_file(void)
{
	int node = reader_open();
	char bytes[EVENT];

	expect_errno(ESPIPE, lseek(node, 0, SEEK_SET));
	expect_errno(ESPIPE, pread(node, bytes, sizeof(bytes), 0));
	expect_errno(ESPIPE, pwrite(node, bytes, sizeof(bytes), 0));
	expect_errno(ENOTTY, ioctl(node, 0));
	expect_errno(EINVAL, ftruncate(node, 0));
	expect(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, node, 0) == MAP_FAILED && errno == ENODEV);
	close_fd(&node);
}

#define TEST(name) \
	{ \
#name, name \
	}
static const struct {
	const char *name;
	void (*run)(void);
} tests[] = {
	TEST(who_does_not_administer_cannot_open_it_whatever_its_mode),
	TEST(wrong_answers_are_refused_and_the_right_one_is_taken_once),
	TEST(reads_give_whole_events_or_nothing),
	TEST(every_reader_is_told_all_and_one_of_them_answers),
	TEST(nobody_is_waited_for_when_the_last_reader_has_gone),
	TEST(a_reader_that_is_late_is_told_that_it_has_lost_events),
	TEST(it_is_no_other_kind_of_file),
};

int main(int argc, char **argv)
{
	for (size_t i = 0; i < ROWS(tests); i++) {
		if (argc == 1)
			puts(tests[i].name);
		if (argc == 3 && !strcmp(argv[1], tests[i].name)) {
			address = argv[2];
			tests[i].run();
			return 0;
		}
	}
	return argc == 1 ? 0 : 2;
}
