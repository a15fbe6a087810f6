/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "proto/address.h"
#include "tests/fake/machine.h"
#include "tests/fake/vfio.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define STATE FAKE_DIR "/state"

static const char usage[] =
	"Usage: machine run [OPTION]... -- COMMAND [ARG]...\n"
	"       machine do LINE...\n"
	"\n"
	"run: runs a command on a machine of its own: /sys, /dev, /run and the network are not those of this one. "
	"Programs\n"
	"that have LD_PRELOAD=$FAKE_PRELOAD find the kernel's VFIO there, and what they write into /sys is carried "
	"out.\n"
	"All ends with the command, whatever it has left running. Needs root.\n"
	"\n"
	"  --functions N   PCI functions (default 4), in order from 0000:00:00.0 on\n"
	"  --groups N      IOMMU groups that they are in (default: one for each)\n"
	"  --driver NAME   that has them (default nvme; vfio-pci: they are given to it already)\n"
	"  --no-handles    without the module vfiod_handle\n"
	"\n"
	"do: what happens to the machine, from within. A LINE is one of\n"
	"\n"
	"  function ADDRESS [group=N|none] [driver=NAME] [vendor=H] [device=H] [class=H] [numa=N] "
	"[reset=METHODS|none]\n"
	"           [serial=H] [label=TEXT] [vfs=N] [under=ADDRESS] [boot_vga]\n"
	"                                   plug one in\n"
	"  unplug ADDRESS                   it answers no more, and is gone when nobody has it open\n"
	"  request ADDRESS                  tell who has it open that it is wanted back\n"
	"  uevent ADDRESS ACTION            an event that means nothing\n"
	"  uevents hold|go                  have all events come later, as of a udev that is busy; and then\n"
	"  driver NAME                      load a driver\n"
	"  bind ADDRESS NAME | unbind ADDRESS    as somebody does by hand\n"
	"  write PATH TEXT                  to a file of sysfs, what the shell's echo would do there\n"
	"  handles on|off                   load or unload the module vfiod_handle\n"
	"  fault ADDRESS KEY VALUE [TIMES]  have something go wrong, always or so many times; VALUE off: no more\n"
	"  opened ADDRESS                   whether somebody has it open\n"
	"  state                            all functions and what is open, in words\n"
	"\n"
	"KEY and VALUE of a fault:\n"
	"  write:ATTRIBUTE ERRNO|short      a write to sysfs, also write:unbind, write:drivers_probe\n"
	"  delay:ATTRIBUTE|device MS        that it takes so long; device: opening it\n"
	"  probe:DRIVER yes                 the driver does not take it\n"
	"  after-reset ones|id|bars|serial|msix|master   what is wrong with it after a reset by sysfs\n"
	"  config read-only                 what is written to config space is lost\n"
	"  open|container|iommu|device|irqs ERRNO   opening the group, VFIO_GROUP_SET_CONTAINER, VFIO_SET_IOMMU,\n"
	"                                   VFIO_GROUP_GET_DEVICE_FD, VFIO_DEVICE_SET_IRQS\n"
	"  viable no                        its group is not\n"
	"  stuck PID|0                      a revocation waits for that process\n";

static void __attribute__((noreturn)) die(const char *what)
{
	fprintf(stderr, "machine: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* ---- commands ---- */

static int set_fault(struct function *function, char *words)
{
	char *key = strtok_r(NULL, " ", &words), *value = strtok_r(NULL, " ", &words), *times;
	struct fault *fault;

	if (!key || !value)
		return -EINVAL;
	times = strtok_r(NULL, " ", &words);
	if (!strcmp(key, "config"))
		return machine_lock_config(function, strcmp(value, "off") != 0);
	STAILQ_FOREACH (fault, &function->faults, next)
		if (!strcmp(fault->key, key))
			break;
	if (!fault) {
		fault = calloc(1, sizeof(*fault));
		if (!fault)
			return -ENOMEM;
		snprintf(fault->key, sizeof(fault->key), "%s", key);
		STAILQ_INSERT_TAIL(&function->faults, fault, next);
	}
	snprintf(fault->value, sizeof(fault->value), "%s", value);
	fault->times = !strcmp(value, "off") ? 0 : times ? atoi(times) : -1;
	return 0;
}

static int unplug(struct function *function, char *words)
{
	(void)words;
	machine_unplug(function);
	return 0;
}

static int request(struct function *function, char *words)
{
	(void)words;
	vfio_ask_back(function);
	return 0;
}

static int uevent(struct function *function, char *words)
{
	uevent_send(function, *words ? words : "change");
	return 0;
}

static int opened(struct function *function, char *words)
{
	(void)words;
	return function->opened ? 0 : -EAGAIN;
}

static int bind_by_hand(struct function *function, char *words)
{
	return machine_bind(function, words);
}

static int unbind_by_hand(struct function *function, char *words)
{
	(void)words;
	return machine_unbind(function);
}

/* Into a file: it may be long. */
static int tell_state(void)
{
	FILE *to = fopen(STATE, "we");
	char text[PROTO_ADDRESS_LEN];

	if (!to)
		return -errno;
	for (struct function *f = machine_next(NULL); f; f = machine_next(f))
		fprintf(to, "function %s group %d driver %s override %s %s resets %u opens %u\n",
			proto_address_format(f->address, text), (int)f->group, f->driver[0] ? f->driver : "-",
			f->override[0] ? f->override : "-", f->opened ? "open" : "closed", f->resets, f->opens);
	vfio_tell(to);
	return fclose(to) ? -errno : 0;
}

static int write_by_hand(char *words)
{
	char *path = strtok_r(NULL, " ", &words), real[PATH_MAX];
	uint32_t sleep_ms;
	ssize_t written;

	if (!path || !realpath(path, real))
		return -ENOENT;
	written = machine_write(real, words, strlen(words), &sleep_ms);
	return written < 0 ? (int)written : 0;
}

static const struct {
	const char *name;
	int (*run)(struct function *function, char *words);
} commands[] = {
	{ "unplug", unplug },	{ "request", request },	  { "opened", opened },		{ "uevent", uevent },
	{ "fault", set_fault }, { "bind", bind_by_hand }, { "unbind", unbind_by_hand },
};

static int on_function(const char *name, char *words)
{
	char *text = strtok_r(NULL, " ", &words);
	struct function *function;
	uint64_t address;

	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(commands[i].name, name) != 0)
			continue;
		if (!text || proto_address_parse(text, &address))
			return -EINVAL;
		function = machine_find(address);
		return function ? commands[i].run(function, words) : -ENODEV;
	}
	return -EINVAL;
}

static int carry_out(char *line)
{
	char *words, *name = strtok_r(line, " \n", &words);

	if (!name)
		return 0;
	if (!strcmp(name, "function"))
		return machine_plug(words);
	if (!strcmp(name, "driver"))
		machine_register(words);
	else if (!strcmp(name, "handles"))
		vfio_handles_loaded(!strcmp(words, "on"));
	else if (!strcmp(name, "uevents"))
		uevent_hold(!strcmp(words, "hold"));
	else if (!strcmp(name, "state"))
		return tell_state();
	else if (!strcmp(name, "write"))
		return write_by_hand(words);
	else
		return on_function(name, words);
	return 0;
}

/* ---- the kernel's process ---- */

static int receive_call(int fd, struct fake_call *call, int files[2])
{
	struct iovec bytes = { call, sizeof(*call) };
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(2 * sizeof(int))];
	} control;
	struct msghdr msg = {
		.msg_iov = &bytes, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)
	};

	files[0] = files[1] = -1;
	if (recvmsg(fd, &msg, MSG_CMSG_CLOEXEC) < (ssize_t)offsetof(struct fake_call, data))
		return -1;
	if (msg.msg_controllen)
		memcpy(files, CMSG_DATA(&control.header), control.header.cmsg_len - CMSG_LEN(0));
	return 0;
}

static void send_answer(int fd, const struct fake_answer *answer, const int *fds, size_t count)
{
	struct iovec bytes = { (void *)answer, offsetof(struct fake_answer, data) + answer->length };
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(FAKE_POOL_MAX * sizeof(int))];
	} control;
	struct msghdr msg = { .msg_iov = &bytes, .msg_iovlen = 1 };

	if (count) {
		msg.msg_control = &control;
		msg.msg_controllen = CMSG_SPACE(count * sizeof(int));
		control.header = (struct cmsghdr){ CMSG_LEN(count * sizeof(int)), SOL_SOCKET, SCM_RIGHTS };
		memcpy(CMSG_DATA(&control.header), fds, count * sizeof(int));
	}
	sendmsg(fd, &msg, MSG_NOSIGNAL);
}

/* Which file of sysfs it is that was passed, by its real path. */
static int64_t write_attribute(int file, struct fake_call *call, uint32_t *sleep_ms)
{
	char link[32], path[4096];
	ssize_t length, written;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", file);
	length = readlink(link, path, sizeof(path) - 1);
	if (length < 0)
		return -EBADF;
	path[length] = '\0';
	call->data[call->length] = '\0';
	written = machine_write(path, call->data, call->length, sleep_ms);
	return written == -EAGAIN ? FAKE_AGAIN : written;
}

static size_t handle_call(struct fake_call *call, const int files[2], struct fake_answer *answer,
			  int fds[FAKE_POOL_MAX])
{
	size_t count = 0;

	switch (call->op) {
	case FAKE_OPEN:
		answer->value = vfio_open(call->data, &fds[0], &answer->object);
		count = !answer->value;
		break;
	case FAKE_WRITE:
		answer->value = write_attribute(files[0], call, &answer->sleep_ms);
		break;
	case FAKE_IOCTL:
		answer->value = vfio_ioctl(call, files, answer, &fds[0]);
		count = fds[0] >= 0;
		break;
	case FAKE_POOL:
		count = vfio_pool((uint32_t *)(void *)answer->data, fds);
		answer->length = (uint32_t)(count * sizeof(uint32_t));
		answer->value = count ? 0 : -ENOSPC;
		break;
	case FAKE_CONTROL:
		answer->value = carry_out(call->data);
		break;
	default:
		answer->value = -EINVAL;
	}
	return count;
}

static void serve(int listener)
{
	static struct fake_call call;
	static struct fake_answer answer;
	int files[2], fds[FAKE_POOL_MAX], fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	size_t count;

	if (fd < 0)
		return;
	if (!receive_call(fd, &call, files) && call.length < FAKE_DATA_MAX) {
		call.data[call.length] = '\0';
		memset(&answer, 0, offsetof(struct fake_answer, data));
		count = handle_call(&call, files, &answer, fds);
		send_answer(fd, &answer, fds, count);
		while (count)
			close(fds[--count]);
	}
	for (int i = 0; i < 2; i++)
		if (files[i] >= 0)
			close(files[i]);
	close(fd);
}

static int listen_here(void)
{
	const struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = FAKE_SOCKET };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof(address)) || listen(fd, 1024))
		die(FAKE_SOCKET);
	chmod(FAKE_SOCKET, 0666);
	return fd;
}

static void __attribute__((noreturn)) be_kernel(int listener, int epoll)
{
	struct epoll_event events[64], event = { .events = EPOLLIN, .data.u64 = UINT64_MAX };
	int count;

	epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event);
	for (;;) {
		count = epoll_wait(epoll, events, 64, -1);
		/* what has ended first: a call may be about it */
		for (int i = 0; i < count; i++)
			if (events[i].data.u64 != UINT64_MAX)
				vfio_ended(events[i].data.u64);
		for (int i = 0; i < count; i++)
			if (events[i].data.u64 == UINT64_MAX)
				serve(listener);
	}
}

/* ---- the machine's place ---- */

static void bind_node(const char *name)
{
	char from[64], to[64];

	snprintf(from, sizeof(from), "/dev/%s", name);
	snprintf(to, sizeof(to), "/sys/dev/%s", name);
	if (access(from, F_OK))
		return;
	close(open(to, O_WRONLY | O_CREAT | O_CLOEXEC, 0666));
	if (mount(from, to, NULL, MS_BIND, NULL))
		die(from);
}

/* The new /dev is made in what will be /sys, and moved; the host's is not to be seen any more. */
static void make_dev(void)
{
	static const char *const nodes[] = { "null", "zero", "full", "random", "urandom", "tty" };

	mkdir("/sys/dev", 0755);
	if (mount("fake", "/sys/dev", "tmpfs", 0, "mode=755"))
		die("/dev");
	for (size_t i = 0; i < sizeof(nodes) / sizeof(nodes[0]); i++)
		bind_node(nodes[i]);
	mkdir("/sys/dev/vfio", 0755);
	mkdir("/sys/dev/shm", 01777);
	if (symlink("/proc/self/fd", "/sys/dev/fd") || symlink("/proc/self/fd/0", "/sys/dev/stdin") ||
	    symlink("/proc/self/fd/1", "/sys/dev/stdout") || symlink("/proc/self/fd/2", "/sys/dev/stderr") ||
	    mount("/sys/dev", "/dev", NULL, MS_MOVE, NULL))
		die("/dev");
	rmdir("/sys/dev");
}

static void make_place(void)
{
	if (unshare(CLONE_NEWNS | CLONE_NEWNET) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		die("no namespace of its own");
	if (mount("fake", "/sys", "tmpfs", 0, "mode=755,nr_inodes=0") || mount("fake", "/run", "tmpfs", 0, "mode=755"))
		die("/sys");
	make_dev();
	mkdir(FAKE_DIR, 0755);
	mkdir("/run/udev", 0755);
	close(open("/run/udev/control", O_WRONLY | O_CREAT | O_CLOEXEC, 0600)); /* udev runs, it says */
}

struct options {
	unsigned int functions, groups;
	const char *driver;
	bool handles;
};

/* Group after group, each in a slot of its own. */
static void plug_all(const struct options *options)
{
	unsigned int each = options->groups ? (options->functions + options->groups - 1) / options->groups : 1;
	char line[256], address[PROTO_ADDRESS_LEN];

	for (unsigned int i = 0; i < options->functions; i++) {
		uint64_t slot = i / each, where = slot << 3 | i % each;

		snprintf(line, sizeof(line), "%s group=%u driver=%s", proto_address_format(where, address),
			 (unsigned)slot, options->driver);
		if (machine_plug(line)) {
			fprintf(stderr, "machine: %s: cannot be plugged in\n", line);
			exit(1);
		}
	}
}

static void raise_file_limit(void)
{
	struct rlimit limit;

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

/* Return: the kernel's process; the machine is there. */
static pid_t start_kernel(const struct options *options)
{
	int listener, epoll = epoll_create1(EPOLL_CLOEXEC);
	pid_t parent = getpid(), child;

	machine_init();
	vfio_init(epoll);
	vfio_handles_loaded(options->handles);
	machine_register("vfio-pci");
	plug_all(options);
	listener = listen_here();
	child = fork();
	if (child < 0)
		die("fork");
	if (!child) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(1);
		raise_file_limit();
		be_kernel(listener, epoll);
	}
	close(listener);
	close(epoll);
	return child;
}

/* What the command has started and left is ours now, and ends with it. */
static void end_all(pid_t kernel)
{
	char path[64], pids[4096];
	FILE *children;
	int pid, left = 1;

	snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
	while (left) {
		left = 0;
		children = fopen(path, "re");
		if (!children || !fgets(pids, sizeof(pids), children))
			pids[0] = '\0';
		if (children)
			fclose(children);
		for (char *save, *word = strtok_r(pids, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
			pid = atoi(word);
			if (pid == kernel)
				continue;
			kill(pid, SIGKILL);
			waitpid(pid, NULL, 0);
			left = 1;
		}
	}
	kill(kernel, SIGKILL);
	waitpid(kernel, NULL, 0);
}

static void set_preload(void)
{
	char path[4096], *end;
	ssize_t length = readlink("/proc/self/exe", path, sizeof(path) - 32);

	if (length < 0)
		die("/proc/self/exe");
	path[length] = '\0';
	end = strstr(path, "/.libs/");
	if (!end)
		end = strrchr(path, '/');
	strcpy(end, "/.libs/preload.so");
	setenv("FAKE_PRELOAD", path, 1);
	setenv("SYSTEMD_DEVICE_VERIFY_SYSFS", "0", 1); /* libudev would look whether /sys is a sysfs */
}

static int run(const struct options *options, char **command)
{
	pid_t kernel, child, ended;
	int status;

	set_preload();
	make_place();
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	kernel = start_kernel(options);
	child = fork();
	if (child < 0)
		die("fork");
	if (!child) {
		execvp(command[0], command);
		die(command[0]);
	}
	signal(SIGINT, SIG_IGN);
	do
		ended = wait(&status);
	while (ended != child && ended > 0);
	end_all(kernel);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* ---- from within ---- */

static int ask(const char *line)
{
	const struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = FAKE_SOCKET };
	static struct fake_call call = { .op = FAKE_CONTROL };
	static struct fake_answer answer;
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	ssize_t size;

	call.length = (uint32_t)snprintf(call.data, sizeof(call.data), "%s", line);
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)))
		die("there is no fake machine here");
	if (send(fd, &call, offsetof(struct fake_call, data) + call.length, 0) < 0)
		die("send");
	size = recv(fd, &answer, sizeof(answer), 0);
	close(fd);
	if (size < (ssize_t)offsetof(struct fake_answer, data))
		die("no answer");
	if (answer.value < 0)
		fprintf(stderr, "machine: %s: %s\n", line, strerror((int)-answer.value));
	return answer.value < 0;
}

static int print_state(void)
{
	char line[256];
	FILE *from;

	if (ask("state"))
		return 1;
	from = fopen(STATE, "re");
	if (!from)
		die(STATE);
	while (fgets(line, sizeof(line), from))
		fputs(line, stdout);
	fclose(from);
	return 0;
}

static int parse(int argc, char **argv, struct options *options)
{
	static const struct option known[] = {
		{ "functions", required_argument, NULL, 'f' },
		{ "groups", required_argument, NULL, 'g' },
		{ "driver", required_argument, NULL, 'd' },
		{ "no-handles", no_argument, NULL, 'n' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, "+h", known, NULL)) != -1)
		switch (option) {
		case 'f':
			options->functions = (unsigned int)strtoul(optarg, NULL, 10);
			break;
		case 'g':
			options->groups = (unsigned int)strtoul(optarg, NULL, 10);
			break;
		case 'd':
			options->driver = optarg;
			break;
		case 'n':
			options->handles = false;
			break;
		case 'h':
			fputs(usage, stdout);
			exit(0);
		default:
			exit(2);
		}
	return optind;
}

int main(int argc, char **argv)
{
	struct options options = { .functions = 4, .driver = "nvme", .handles = true };
	int at = parse(argc, argv, &options), failed = 0;

	if (at < argc && !strcmp(argv[at], "run")) {
		optind = at + 1;
		at = parse(argc, argv, &options);
		if (at < argc)
			return run(&options, &argv[at]);
	} else if (at < argc && !strcmp(argv[at], "do")) {
		while (++at < argc)
			failed |= strcmp(argv[at], "state") ? ask(argv[at]) : print_state();
		return failed;
	}
	fputs(usage, stderr);
	return 2;
}
