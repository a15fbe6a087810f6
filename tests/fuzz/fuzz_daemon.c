/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libFuzzer on vfiod's dispatcher as a whole: its server, state machine, journal and reconciliation as they are, with
 * the machine made up below them (fake_kernel.c, fake_vfio.c) and the clock and the workers in the hands of the test.
 *
 * The input is a byte of how it begins and then operations: a byte that says which, and what that takes.  After each of
 * them what vfiod, its journal, the module's table and its clients take for true has to agree; at the end everybody
 * closes what he has, and then nothing may be left.
 */
#include "kmod/uapi/vfiod_handle.h"
#include "kmod/uapi/vfiod_pci.h"
#include "proto/conn.h"
#include "tests/fuzz/fake_kernel.h"
#include "tests/fuzz/fake_numvfs.h"
#include "tests/fuzz/fake_vfio.h"
#include "tests/fuzz/want.h"
#include "vfiod/assign.h"
#include "vfiod/config.h"
#include "vfiod/daemon.h"
#include "vfiod/handles.h"
#include "vfiod/hotplug.h"
#include "vfiod/journal.h"
#include "vfiod/kept.h"
#include "vfiod/lease.h"
#include "vfiod/pci_events.h"
#include "vfiod/peer.h"
#include "vfiod/reload.h"
#include "vfiod/request.h"
#include "vfiod/restore.h"
#include "vfiod/saved.h"
#include "vfiod/server.h"
#include "vfiod/sriov.h"
#include "vfiod/warm.h"
#include "vfiod/watch.h"
#include "vfiod/worker.h"

#include <dirent.h>
#include <endian.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <libudev.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define CLIENTS	  8
#define HELD	  8 /* leases that a client can have the files of */
#define ASKED	  4 /* requests of a client that are not answered */
#define FUNCTIONS 8
#define FILES_MAX 192
#define SAVED_MAX (64 * JOURNAL_SIZE)

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

/* Of a lease, in a client's hands. */
struct held {
	uint64_t lease; /* 0: none */
	uint64_t address;
	int files[VFIOD_FDS_MAX];
};

struct client_end {
	struct proto_conn conn; /* fd -1: none */
	uint32_t uid;
	bool admin;
	bool wild; /* it has sent what is no request: whatever it is answered */
	struct {
		uint16_t opcode;
		uint64_t cookie;
	} asked[ASKED];
	size_t asked_count;
	struct held held[HELD];
};

static struct daemon vfiod;
static struct client_end clients[CLIENTS];
static char run_dir[] = "build/fuzz/run-XXXXXX";
static char config_path[PATH_MAX], journal_path[PATH_MAX], kept_path[PATH_MAX];
static uint64_t now_us, last_cookie;
static uint32_t next_uid;
static bool processes_end; /* of clients, with their connections */
static int lock = -1, pci_node = -1;
static unsigned int baseline; /* vfiod's files when nobody has anything */

/* What the kernel waits for an answer to. */
static uint64_t question;

static const uint8_t *input, *input_end;

static uint8_t next(void)
{
	return input < input_end ? *input++ : 0;
}

/* ---- in the place of what is outside of vfiod ---- */

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __real_peer_read(int fd, struct peer *peer);
int __wrap_peer_read(int fd, struct peer *peer);
int __wrap_peer_pidfd(int fd, const struct peer *peer);
int __wrap_flock(int fd, int operation);
int __wrap_fsync(int fd);

int clock_gettime(clockid_t id, struct timespec *time)
{
	if (id != CLOCK_MONOTONIC && id != CLOCK_MONOTONIC_COARSE)
		return (int)syscall(SYS_clock_gettime, id, time);
	*time = (struct timespec){ .tv_sec = (time_t)(now_us / 1000000), .tv_nsec = (long)(now_us % 1000000) * 1000 };
	return 0;
}

int __wrap_open(const char *path, int flags, ...)
{
	int ends[2];

	if (strcmp(path, "/dev/vfiod-pci"))
		return __real_open(path, flags, 0600);
	if (pci_node >= 0)
		close(pci_node);
	want(!socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends));
	pci_node = ends[1];
	return ends[0];
}

int __wrap_peer_read(int fd, struct peer *peer)
{
	int err = __real_peer_read(fd, peer);

	if (!err)
		peer->uid = next_uid;
	return err;
}

/* A process that has ended already, or one that does not end. */
int __wrap_peer_pidfd(int fd, const struct peer *peer)
{
	(void)fd;
	(void)peer;
	return eventfd(processes_end, EFD_CLOEXEC | EFD_NONBLOCK);
}

/* The lock goes with the process, of which there is one here. */
int __wrap_flock(int fd, int operation)
{
	(void)operation;
	lock = fd;
	return 0;
}

/* The state directory is none that has to outlast anything. */
int __wrap_fsync(int fd)
{
	(void)fd;
	return 0;
}

/* ---- memory ---- */

/* The allocation that fails, counted from now; 0: none. */
static unsigned int fails_in;

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *at, size_t size);
void *__real_reallocarray(void *at, size_t count, size_t size);
char *__real_strdup(const char *text);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *at, size_t size);
void *__wrap_reallocarray(void *at, size_t count, size_t size);
char *__wrap_strdup(const char *text);

static bool fails(void)
{
	bool now = fails_in && !--fails_in;

	if (now)
		errno = ENOMEM;
	return now;
}

void *__wrap_malloc(size_t size)
{
	return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
	return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *at, size_t size)
{
	return fails() ? NULL : __real_realloc(at, size);
}

void *__wrap_reallocarray(void *at, size_t count, size_t size)
{
	return fails() ? NULL : __real_reallocarray(at, count, size);
}

char *__wrap_strdup(const char *text)
{
	return fails() ? NULL : __real_strdup(text);
}

/* ---- files ---- */

static unsigned int count_files(void)
{
	unsigned int count = 0;

	for (int fd = 0; fd < FILES_MAX; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

static void write_whole(const char *path, const void *bytes, size_t size)
{
	int fd = __real_open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	want(fd >= 0 && write(fd, bytes, size) == (ssize_t)size);
	close(fd);
}

static size_t read_whole(const char *path, unsigned char *bytes, size_t room)
{
	int fd = __real_open(path, O_RDONLY | O_CLOEXEC);
	ssize_t size = fd >= 0 ? read(fd, bytes, room) : 0;

	if (fd >= 0)
		close(fd);
	want(size >= 0 && (size_t)size < room);
	return (size_t)size;
}

static void for_each_kept(void (*act)(const char *path, const char *name))
{
	DIR *dir = opendir(kept_path);
	const struct dirent *entry;
	char path[PATH_MAX * 2];

	while (dir && (entry = readdir(dir))) {
		snprintf(path, sizeof(path), "%s/%s", kept_path, entry->d_name);
		if (entry->d_name[0] != '.')
			act(path, entry->d_name);
	}
	if (dir)
		closedir(dir);
}

static void remove_kept(const char *path, const char *name)
{
	(void)name;
	unlink(path);
}

static void forget_files(void)
{
	unlink(journal_path);
	for_each_kept(remove_kept);
}

static void remove_dir(void)
{
	char path[PATH_MAX * 2];
	static const char *const names[] = { "vfiod.conf", "lock", "pub", "assigned" };

	forget_files();
	for (size_t i = 0; i < COUNT(names); i++) {
		snprintf(path, sizeof(path), "%s/%s", run_dir, names[i]);
		remove(path);
	}
	rmdir(run_dir);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	event_set_mem_functions(__wrap_malloc, __wrap_realloc, free);
	want(mkdtemp(run_dir));
	snprintf(config_path, sizeof(config_path), "%s/vfiod.conf", run_dir);
	snprintf(journal_path, sizeof(journal_path), "%s/journal", run_dir);
	snprintf(kept_path, sizeof(kept_path), "%s/assigned", run_dir);
	atexit(remove_dir);
	return 0;
}

/* ---- configuration ---- */

static const char *const configurations[] = {
	"connections-per-user = 0\nrequests-per-second = 0\n",
	"rule \"pool\" { vendor = \"8086\" pool = \"p\" leases-per-user = 1 lease-time = 3 driver = \"vfio-pci\" }\n",
	"warm-devices = 0\nrevoke-grace = 0\nrule \"all\" { class = \"01\" reset = \"best-effort\" pool = \"p\" }\n",
	"connections-per-user = 2\nrequests-per-second = 3\nconnections = 3\nclient-timeout = 2\n"
	"rule \"a\" { address = \"0000:01:00.0\" users = { \"1001\" } modes = { \"container\" } }\n"
	"rule \"b\" { class = \"01\" warm = false reset = \"none\" reset-reason = \"why not\" }\n",
	"rule \"broken\" { class = \"1\" }\n",
	"rule \"along\" { class = \"01\" companions = \"bind\" }\n",
	"rule \"along\" { class = \"01\" companions = \"unbind\" warm = false }\n",
};

static void configure(uint8_t which)
{
	const char *text = configurations[which % COUNT(configurations)];

	write_whole(config_path, text, strlen(text));
}

/* ---- functions ---- */

/* Three of one group, two of another, which may be virtual ones of the next, and three for themselves. */
static const uint64_t addresses[FUNCTIONS] = { 0x100, 0x101, 0x102, 0x200, 0x208, 0x300, 0x400, 0x10000 };
static const char *groups[FUNCTIONS] = { "1", "1", "1", "2", "2", "3", "4", "5" };
enum { FIRST_VF = 3, PARENT = FIRST_VF + FAKE_VFS };

static uint64_t address_of(uint8_t byte)
{
	return addresses[byte % FUNCTIONS];
}

static const char *parents_driver; /* of the host */

static void plug(size_t i, bool another)
{
	struct fake_function *function;

	function = fake_add(addresses[i]);
	function->serial = 1 + i + (another ? 100 : 0);
	fake_set(function, "vendor", "0x8086");
	fake_set(function, "device", another ? "0x0002" : "0x0001");
	fake_set(function, "subsystem_vendor", "0x1af4");
	fake_set(function, "subsystem_device", "0x1100");
	fake_set(function, "class", "0x010802");
	fake_set(function, "iommu_group", groups[i]);
	fake_set(function, "reset_method", "flr");
	fake_set(function, "driver_override", "");
	/* the first of a group has none of the host's: companions need not be in the way */
	if (i % 3 != 1) {
		fake_set(function, "home", i == PARENT ? parents_driver : "nvme");
		fake_set(function, "driver", fake_attribute(function, "home"));
	}
	fake_vfio.used[i] = 0;
}

static void plug_vf(uint64_t address)
{
	plug(fake_index(address), false);
}

static uint64_t refuses; /* by function: bits of those that their VFIO driver does not want */

static bool may_bind(uint64_t address, const char *driver)
{
	return !fake_vfio.frozen && (driver[0] != 'v' || !(refuses >> fake_index(address) & 1));
}

/* A driver that lets its function go removes the virtual ones. */
static bool may_write(uint64_t address, const char *attribute)
{
	if (!fake_vfio.frozen && fake_numvfs.is && address == fake_numvfs.parent &&
	    !strcmp(attribute, "driver/unbind")) {
		want(!fake_vfs_are_open());
		fake_vfs_enable(0);
	}
	return !fake_vfio.frozen;
}

/* Two of the functions are virtual ones that there are none of yet, in a group each or in one. */
static void make_virtual(uint8_t how)
{
	groups[FIRST_VF + 1] = how & 64 ? "6" : "2";
	parents_driver = (how & 160) == 160 ? "vfio-pci" : "nvme";
	fake_numvfs = (struct fake_numvfs){ .is = how & 32, .parent = addresses[PARENT], .plug = plug_vf };
	memcpy(fake_numvfs.vfs, &addresses[FIRST_VF], sizeof(fake_numvfs.vfs));
}

static void make_machine(uint8_t how)
{
	memset(&fake_kernel, 0, sizeof(fake_kernel));
	fake_vfio_reset();
	fake_kernel.stock = true;
	fake_kernel.strict = how & 1;
	fake_kernel.may_bind = may_bind;
	fake_kernel.may_write = may_write;
	fake_vfio.has_handles = how & 2;
	fake_vfio.has_iommufd = how & 16;
	refuses = question = processes_end = 0;
	make_virtual(how);
	for (size_t i = 0; i < FUNCTIONS; i++)
		plug(i, false);
	for (size_t i = 0; fake_numvfs.is && i < FAKE_VFS; i++)
		fake_kernel.functions[FIRST_VF + i].present = false;
	configure(how >> 2 & 3);
}

/* ---- vfiod ---- */

/* Of what vfiod has counted: leases that it has taken up from the one before. */
static uint64_t taken_up;

static uint64_t leases_ended(void)
{
	return vfiod.metrics.counts[VFIOD_STAT_ENDS] + vfiod.metrics.counts[VFIOD_STAT_REVOKES] +
	       vfiod.metrics.counts[VFIOD_STAT_ENDS_UNPLUGGED] + vfiod.metrics.counts[VFIOD_STAT_ENDS_QUARANTINED];
}

static uint64_t leases_now(void)
{
	uint64_t count = 0;

	for (size_t i = 0; i < vfiod.devices.count; i++) {
		const struct device *device = vfiod.devices.list[i];

		count += device->lease.id && (device->state != VFIOD_GRANTING || device->lease.granted);
	}
	return count;
}

static void start(void)
{
	const struct workers_how jobs = { .threads = 1 }, closes = { .threads = 1, .hurried = true };
	struct event_config *wanted;
	struct failure failure;

	fails_in = 0; /* who cannot start says so, and is started again */
	wanted = event_config_new();
	vfiod = (struct daemon){ .state_dir = run_dir, .source = { .path = config_path, .required = true } };
	vfiod.devices.daemon = &vfiod;
	want(!event_config_require_features(wanted, EV_FEATURE_EARLY_CLOSE));
	vfiod.base = event_base_new_with_config(wanted);
	event_config_free(wanted);
	event_base_priority_init(vfiod.base, 2);
	vfiod.udev = udev_new();
	if (config_load(config_path, true, NULL, &vfiod.config, &failure)) {
		configure(0); /* it would not start; the administrator looks what is wrong */
		want(!config_load(config_path, true, NULL, &vfiod.config, &failure));
	}
	want(!workers_new(vfiod.base, &jobs, &vfiod.workers));
	want(!workers_new(vfiod.base, &closes, &vfiod.closers));
	want(!watch_new(vfiod.base, lease_closed, &vfiod, &vfiod.watch));
	want(!hotplug_new(&vfiod, &vfiod.hotplug));
	want(!server_new(&vfiod, run_dir, &vfiod.server, &failure));
	want(!kept_new(run_dir, &vfiod.kept));
	want(!restore(&vfiod, run_dir, &failure));
	taken_up = leases_now() + leases_ended();
	pci_events_follow(&vfiod);
	assign_go_on(&vfiod);
	sriov_go_on(&vfiod);
}

/* What goes with the process. */
static void drop(struct device *device)
{
	struct vfio_files files = warm_take(device);

	vfio_close(&files);
	free(device->parked);
}

/* As daemon.c does it. */
static void stop(void)
{
	vfiod.stopping = true;
	server_free(vfiod.server);
	vfiod.server = NULL;
	for (int i = 0; i < 200 && fake_jobs(); i++) {
		fake_job_run(0);
		fake_job_report(0);
	}
	want(!fake_jobs());
	hotplug_free(vfiod.hotplug);
	watch_free(vfiod.watch);
	pci_events_free(vfiod.pci_events);
	handles_free(vfiod.handles);
	workers_free(vfiod.workers);
	workers_free(vfiod.closers);
	for (size_t i = 0; i < vfiod.devices.count; i++)
		drop(vfiod.devices.list[i]);
	devices_free(&vfiod.devices);
	saved_free(vfiod.saved);
	kept_free(vfiod.kept);
	udev_unref(vfiod.udev);
	event_base_free(vfiod.base);
	config_free(vfiod.config);
	close(lock);
	if (pci_node >= 0)
		close(pci_node);
	lock = pci_node = -1;
	question = 0;
}

/* What a process leaves that dies: what it has written until then. */
static struct {
	unsigned char journal[SAVED_MAX];
	size_t journal_size;
	struct {
		char name[32];
		unsigned char bytes[4 * JOURNAL_SIZE];
		size_t size;
	} kept[FUNCTIONS];
	size_t kept_count;
	struct fake_kernel kernel;
} left;

static void note_kept(const char *path, const char *name)
{
	want(left.kept_count < COUNT(left.kept));
	snprintf(left.kept[left.kept_count].name, sizeof(left.kept[0].name), "%s", name);
	left.kept[left.kept_count].size =
		read_whole(path, left.kept[left.kept_count].bytes, sizeof(left.kept[0].bytes));
	left.kept_count++;
}

/* From here on nothing of vfiod's doing has an effect; what it has written since is taken back. */
static void die(void)
{
	char path[PATH_MAX * 2];

	left.journal_size = read_whole(journal_path, left.journal, sizeof(left.journal));
	left.kept_count = 0;
	for_each_kept(note_kept);
	left.kernel = fake_kernel;
	fake_vfio.frozen = true;
	stop();
	fake_vfio.frozen = false;
	fake_kernel = left.kernel;
	forget_files();
	write_whole(journal_path, left.journal, left.journal_size);
	for (size_t i = 0; i < left.kept_count; i++) {
		snprintf(path, sizeof(path), "%s/%s", kept_path, left.kept[i].name);
		write_whole(path, left.kept[i].bytes, left.kept[i].size);
	}
}

/* ---- clients ---- */

static void close_held(struct held *held)
{
	for (int i = 0; i < VFIOD_FDS_MAX; i++)
		if (held->lease && held->files[i] >= 0)
			close(held->files[i]);
	held->lease = 0;
}

static void disconnect(struct client_end *client)
{
	if (client->conn.fd >= 0)
		close(client->conn.fd);
	client->conn = (struct proto_conn){ .fd = -1 };
	client->asked_count = 0;
	client->wild = false;
}

static void connect_client(struct client_end *client, bool admin, uint32_t uid)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	if (client->conn.fd >= 0)
		return;
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/%s", run_dir,
		 admin ? VFIOD_ADMIN_SOCKET : VFIOD_PUB_SOCKET);
	client->conn.fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	want(client->conn.fd >= 0);
	client->admin = admin;
	client->uid = next_uid = admin ? 0 : uid;
	if (connect(client->conn.fd, (struct sockaddr *)&address, sizeof(address)))
		disconnect(client);
}

static void ask(struct client_end *client, uint16_t opcode, const void *body)
{
	size_t size = proto_op(opcode)->request;

	if (client->conn.fd < 0 || client->asked_count == ASKED)
		return;
	if (proto_conn_send(&client->conn, opcode, 0, ++last_cookie, body, size, NULL, 0))
		return;
	client->asked[client->asked_count].opcode = opcode;
	client->asked[client->asked_count++].cookie = last_cookie;
}

static void greet(struct client_end *client, uint8_t version)
{
	const struct vfiod_hello_req body = { htole16(1), htole16(version & 3 ? version & 3 : VFIOD_VERSION_MAX), 0 };

	if (client->conn.version != VFIOD_VERSION_NONE)
		client->wild = true;
	ask(client, VFIOD_HELLO, &body);
}

static struct device *find_device(uint64_t lease)
{
	return devices_by_lease(&vfiod.devices, lease);
}

/* Whoever gets files is who the function was assigned to, and the only one who has them. */
static void check_grant(const struct client_end *client, uint64_t lease)
{
	const struct device *device = find_device(lease);

	if (!device)
		return; /* it has ended before it was read */
	want(device->lease.uid == client->uid && device->owner.uid == client->uid);
	for (size_t i = 0; i < CLIENTS; i++)
		for (size_t k = 0; k < HELD; k++)
			want(clients[i].held[k].lease != lease);
}

static void take_grant(struct client_end *client, struct proto_msg *msg)
{
	const struct vfiod_acquire_rep *rep = proto_msg_body(msg);
	struct held *held = NULL;

	check_grant(client, le64toh(rep->lease));
	want(msg->fd_count == (msg->fd_count == 1 ? 1u : 2u) && msg->fd_count);
	for (size_t i = 0; i < HELD; i++)
		if (!client->held[i].lease)
			held = &client->held[i];
	if (!held) {
		proto_msg_close_fds(msg);
		return;
	}
	*held = (struct held){ .lease = le64toh(rep->lease), .files = { msg->fds[0], msg->fds[1] } };
	msg->fd_count = 0;
}

static void take_reply(struct client_end *client, struct proto_msg *msg)
{
	bool error = msg->flags & VFIOD_ERROR;
	const struct vfiod_error *said = proto_msg_body(msg);

	/* one that was turned away has not been asked */
	if (!client->asked_count) {
		want(error && msg->opcode == VFIOD_HELLO);
		return;
	}
	want(!proto_check_reply(msg, client->asked[0].opcode, client->asked[0].cookie));
	client->asked_count--;
	memmove(&client->asked[0], &client->asked[1], client->asked_count * sizeof(client->asked[0]));
	if (error)
		want(said->code && said->text[0] && !strchr(said->text, '\n'));
	else if (msg->opcode == VFIOD_HELLO)
		client->conn.version = le16toh(((struct vfiod_hello_rep *)proto_msg_body(msg))->version);
	else if (msg->opcode == VFIOD_ACQUIRE || msg->opcode == VFIOD_ACQUIRE_POOL)
		take_grant(client, msg);
}

static void take_event(struct client_end *client, struct proto_msg *msg)
{
	const struct vfiod_function_event *event = proto_msg_body(msg);

	want(!proto_check_event(msg));
	if (msg->opcode == VFIOD_FUNCTION_EVENT && event->id)
		question = le64toh(event->id);
	(void)client;
}

/* Return: whether there was a message. */
static bool read_message(struct client_end *client)
{
	struct proto_msg msg;
	const char *why;
	int err;

	if (client->conn.fd < 0)
		return false;
	err = proto_conn_recv(&client->conn, &msg, VFIOD_FDS_MAX, &why);
	if (err == -EAGAIN)
		return false;
	if (err || client->wild) {
		want(client->wild || err == -ECONNRESET || err == -EPIPE || err == -EPROTONOSUPPORT);
		if (!err)
			proto_msg_close_fds(&msg);
		else
			disconnect(client);
		return !err;
	}
	if (msg.flags & VFIOD_EVENT)
		take_event(client, &msg);
	else
		take_reply(client, &msg);
	proto_msg_close_fds(&msg);
	return true;
}

/* ---- what has to be true ---- */

static bool is_leased(const struct device *device)
{
	return device->lease.id &&
	       (device->state == VFIOD_LEASED || (device->state == VFIOD_GRANTING && device->lease.granted));
}

/* Nobody gets what another had, without its having been cleaned. */
static void check_clean(const struct device *device)
{
	unsigned int index = fake_index(device->facts.address);
	uint64_t *used = &fake_vfio.used[index];

	if (device->gone || !fake_kernel.functions[index].present)
		return;
	if (is_leased(device) && !device->lease.by_handles && *used != device->lease.id) {
		want(!*used);
		*used = device->lease.id;
		fake_vfio.used_uid[index] = device->lease.uid;
	}
	if (device->state == VFIOD_FREE)
		want(!*used);
	if (is_leased(device))
		want(*used == device->lease.id);
}

static void check_device(const struct device *device)
{
	bool leases =
		device->state == VFIOD_LEASED || device->state == VFIOD_GRANTING || device->state == VFIOD_REVOKING;

	want(device->state != VFIOD_GONE);
	want(!device->lease.id || leases);
	want(device->state != VFIOD_LEASED || device->lease.id);
	want(TAILQ_EMPTY(&device->waiting) || device_is_busy(device));
	want((device->owner.uid == VFIOD_NONE && device->owner.gid == VFIOD_NONE) ==
		     (device->state == VFIOD_UNMANAGED && !device->returns) ||
	     device->state == VFIOD_UNMANAGED);
	want(device->files.device < 0 || device->state == VFIOD_FREE || device->state == VFIOD_LEASED ||
	     device->state == VFIOD_WARMING);
	want(!device->lease.id || device->lease.id <= vfiod.last_lease);
	want(device->files.iommufd < 0); /* it is the client's alone */
	check_clean(device);
}

/* What is looked up is what one would find by looking at all. */
static void check_lists(const struct device *device)
{
	const struct devices *devices = &vfiod.devices;
	const struct device *found = NULL;
	size_t in_group = 0, held = 0;

	for (size_t i = 0; i < devices->count; i++) {
		in_group += devices->list[i]->facts.group == device->facts.group;
		held += device->lease.id && devices->list[i]->lease.id &&
			devices->list[i]->lease.uid == device->lease.uid;
	}
	while ((found = devices_in_group(devices, device->facts.group, found)))
		want(found->facts.group == device->facts.group && in_group--);
	want(!in_group);
	if (!device->lease.id)
		return;
	want(devices_by_lease(devices, device->lease.id) == device);
	while ((found = devices_held_by(devices, device->lease.uid, found)))
		want(found->lease.id && held--);
	want(!held);
	if (!device->lease.by_handles && device->lease.watch)
		want(devices_by_watch(devices, device->lease.watch) == device);
}

static void check_warm(void)
{
	size_t warm = 0;

	for (size_t i = 0; i < vfiod.devices.count; i++) {
		const struct device *device = vfiod.devices.list[i];

		warm += device->state == VFIOD_WARMING || (device->state == VFIOD_FREE && warm_is(device));
	}
	want(warm == vfiod.devices.warm);
}

static void check_devices(void)
{
	size_t busy = 0;

	for (size_t i = 0; i < vfiod.devices.count; i++) {
		const struct device *device = vfiod.devices.list[i];

		check_device(device);
		check_lists(device);
		busy += device_is_busy(device);
		for (size_t k = 0; k < i; k++) {
			const struct device *other = vfiod.devices.list[k];

			want(!device->lease.id || device->lease.id != other->lease.id);
			/* a group can be opened once */
			want(!is_leased(device) || !is_leased(other) || device->facts.group != other->facts.group);
		}
	}
	/* and a few that are of no function: reloads, assignments of what is not there, the parked */
	want(busy <= fake_jobs() + vfiod.returning);
}

/* No two leases of one function can be used; and what can be used, vfiod knows, or has begun to end. */
static void check_handles(void)
{
	for (size_t i = 0; i < FAKE_HANDLES; i++) {
		const struct fake_handle *handle = &fake_vfio.handles[i];

		if (!handle->id || handle->state != VFIOD_HANDLE_LIVE || handle->kind != VFIOD_HANDLE_DEVICE)
			continue;
		for (size_t k = 0; k < i; k++)
			want(!fake_vfio.handles[k].id || fake_vfio.handles[k].state != VFIOD_HANDLE_LIVE ||
			     fake_vfio.handles[k].address != handle->address ||
			     fake_vfio.handles[k].lease == handle->lease);
	}
}

/* The next vfiod would find what this one knows. */
static void check_journal(void)
{
	static unsigned char bytes[SAVED_MAX];
	static struct journal_record records[SAVED_MAX / JOURNAL_SIZE];
	size_t size = read_whole(journal_path, bytes, sizeof(bytes)), count = 0, damaged = 0, noted = 0;
	uint64_t last_lease = 0;

	if (vfiod.metrics.counts[VFIOD_STAT_SAVE_FAILURES])
		return;
	want(!journal_decode(bytes, size, records, &count, &damaged, &last_lease) && !damaged);
	want(last_lease <= vfiod.last_lease);
	for (size_t i = 0; i < vfiod.devices.count; i++) {
		const struct device *device = vfiod.devices.list[i];
		const struct journal_record *record = NULL;

		for (size_t k = 0; k < count; k++)
			if (records[k].address == device->facts.address)
				record = &records[k];
		if (record && device->returns && (record->state == VFIOD_ASSIGNING || record->companion)) {
			noted++; /* a restart has found it half taken, or along: its record stays until its turn */
			continue;
		}
		want((device->state != VFIOD_UNMANAGED || device->left_to_host || sriov_is_noted(device)) ==
		     (record != NULL));
		if (!record)
			continue;
		noted++;
		want(record->state == state_noted(device->state));
		want(record->state == VFIOD_UNMANAGED ||
		     (record->owner.uid == device->owner.uid && record->owner.gid == device->owner.gid));
		want(record->lease.id ==
		     (record->state == VFIOD_LEASED || record->state == VFIOD_REVOKING ? device->lease.id : 0));
	}
	want(noted == count);
}

static void check(void)
{
	check_devices();
	check_warm();
	check_handles();
	check_journal();
	want(vfiod.metrics.counts[VFIOD_STAT_GRANTS] + taken_up == leases_ended() + leases_now());
	want(server_connections(vfiod.server) <= CLIENTS + 16);
}

/* All that can be done without waiting is done. */
static void settle(void)
{
	do {
		for (int i = 0; i < 3; i++)
			event_base_loop(vfiod.base, EVLOOP_NONBLOCK);
	} while (fake_vfio_tell() || fake_untold());
	event_base_loop(vfiod.base, EVLOOP_NONBLOCK);
}

/* ---- operations ---- */

static struct client_end *client_of(uint8_t byte)
{
	return &clients[byte % CLIENTS];
}

static void op_connect(void)
{
	uint8_t byte = next();
	struct client_end *client = client_of(byte);

	connect_client(client, byte & 128, 1001 + (byte >> 5 & 1));
	settle(); /* the kernel says who it is at once; here it is said when it is taken */
	greet(client, byte >> 3);
}

static void op_greet(void)
{
	uint8_t byte = next();

	greet(client_of(byte), byte >> 6);
}

static void op_close(void)
{
	disconnect(client_of(next()));
}

static void op_read(void)
{
	uint8_t byte = next();

	for (int i = 0; i < 1 + (byte >> 4) && read_message(client_of(byte)); i++)
		;
}

static void op_raw(void)
{
	struct client_end *client = client_of(next());
	unsigned char bytes[64];
	size_t size = next() % sizeof(bytes);
	unsigned int files = next() % 4;
	struct iovec iov = { bytes, size };
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(4 * sizeof(int))];
	} control = { .align = { CMSG_LEN(files * sizeof(int)), SOL_SOCKET, SCM_RIGHTS } };
	struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1 };

	for (size_t i = 0; i < size; i++)
		bytes[i] = next();
	for (unsigned int i = 0; i < files; i++)
		memcpy(CMSG_DATA(&control.align) + i * sizeof(int), &(int){ STDIN_FILENO }, sizeof(int));
	if (files) {
		mh.msg_control = control.room;
		mh.msg_controllen = CMSG_SPACE(files * sizeof(int));
	}
	if (client->conn.fd < 0)
		return;
	client->wild = true;
	if (sendmsg(client->conn.fd, &mh, MSG_NOSIGNAL) < 0)
		want(errno == EAGAIN || errno == EPIPE || errno == ECONNRESET || errno == EPERM || errno == EINVAL);
}

static void op_assign(void)
{
	uint8_t who = next(), what = next();
	const struct vfiod_assign_req body = { .address = htole64(address_of(what)),
					       .uid = htole32(what & 128 ? VFIOD_NONE : 1001 + (what >> 6 & 1)),
					       .gid = htole32(what & 128 ? 7 : VFIOD_NONE) };

	ask(client_of(who), VFIOD_ASSIGN, &body);
}

static void op_assign_vfs(void)
{
	uint8_t who = next(), what = next();
	const struct vfiod_assign_vfs_req body = {
		.address = htole64(what & 4 ? address_of(what >> 5) : fake_numvfs.parent),
		.vfs = htole32(what & 3),
		.uid = htole32(what & 16 ? VFIOD_NONE : 1001),
		.gid = htole32(what & 16 ? 7 : VFIOD_NONE),
		.pool = { what & 8 ? 'p' : '\0' },
	};

	ask(client_of(who), VFIOD_ASSIGN_VFS, &body);
}

static void op_isolation(void)
{
	uint8_t who = next(), what = next();
	const struct vfiod_isolation_req body = { .address = htole64(address_of(what)),
						  .other = htole64(address_of(what >> 4)) };

	ask(client_of(who), VFIOD_ISOLATION, &body);
}

static void op_unassign(void)
{
	uint8_t who = next();
	const struct vfiod_unassign_req body = { .address = htole64(address_of(next())) };

	ask(client_of(who), VFIOD_UNASSIGN, &body);
}

static const uint32_t modes[] = { VFIOD_MODE_CONTAINER, VFIOD_MODE_GROUP, VFIOD_MODE_CONTAINER, VFIOD_MODE_IOMMUFD };

static void op_acquire(void)
{
	uint8_t who = next(), what = next();
	const struct vfiod_acquire_req body = { .address = htole64(address_of(what)),
						.mode = htole32(modes[what >> 6]) };

	ask(client_of(who), VFIOD_ACQUIRE, &body);
}

static void op_acquire_pool(void)
{
	uint8_t who = next(), what = next();
	const struct vfiod_acquire_pool_req body = { .pool = "p",
						     .mode = htole32(modes[what & 3]),
						     .numa_node = htole32(VFIOD_NONE) };

	ask(client_of(who), VFIOD_ACQUIRE_POOL, &body);
}

static void op_release(void)
{
	uint8_t who = next(), what = next();
	struct client_end *client = client_of(who);
	struct held *held = &client->held[what % HELD];
	const struct vfiod_release_req body = { .lease = htole64(what & 64 ? what & 15 : held->lease) };

	if (!(what & 128))
		close_held(held);
	ask(client, VFIOD_RELEASE, &body);
}

static void op_let_go(void)
{
	uint8_t who = next();

	close_held(&client_of(who)->held[next() % HELD]);
}

static void op_revoke(void)
{
	uint8_t who = next(), what = next();
	static const uint32_t graces[] = { 0, 100, VFIOD_NONE, 5000 };
	const struct vfiod_revoke_req body = { .address = htole64(address_of(what)),
					       .grace_ms = htole32(graces[what >> 6]) };

	ask(client_of(who), VFIOD_REVOKE, &body);
}

static void op_clear(void)
{
	uint8_t who = next();
	const struct vfiod_clear_req body = { .address = htole64(address_of(next())) };

	ask(client_of(who), VFIOD_CLEAR, &body);
}

static void op_look(void)
{
	uint8_t who = next(), what = next();
	const struct vfiod_list_req list = { .start = htole64(address_of(what)), .max = htole32(what >> 4) };
	const struct vfiod_members_req members = { .max = htole32(what >> 4) };
	const struct vfiod_why_req why = { .address = htole64(address_of(what)), .mode = htole32(1 + (what >> 7)) };
	const struct vfiod_stats_req stats = { 0 };

	switch (what >> 6) {
	case 0:
		ask(client_of(who), VFIOD_LIST, &list);
		break;
	case 1:
		ask(client_of(who), VFIOD_MEMBERS, &members);
		break;
	case 2:
		ask(client_of(who), VFIOD_WHY, &why);
		break;
	default:
		ask(client_of(who), VFIOD_STATS, &stats);
	}
}

static void op_reload(void)
{
	uint8_t who = next(), what = next();
	const struct vfiod_reload_req body = { 0 };

	configure(what);
	if (what & 128)
		reload_start(&vfiod);
	else
		ask(client_of(who), VFIOD_RELOAD, &body);
}

static void op_answer(void)
{
	uint8_t who = next(), what = next();
	const struct vfiod_answer_req body = { .lease = htole64(client_of(who)->held[what % HELD].lease),
					       .id = htole64(question),
					       .verdict = htole32(what >> 6) };

	ask(client_of(who), VFIOD_ANSWER, &body);
}

static void op_run(void)
{
	fake_job_run(next());
}

static void op_report(void)
{
	fake_job_report(next());
}

static void op_work(void)
{
	for (int i = 0; i < 16 && fake_jobs(); i++) {
		fake_job_run(0);
		fake_job_report(0);
		settle();
	}
}

/* It goes with what somebody has open of it, those files are dead from then on; and with its virtual functions. */
static void unplug(size_t i)
{
	if (i == PARENT)
		fake_vfs_enable(0);
	fake_kernel.functions[i].present = false;
	fake_tell("remove", addresses[i]);
}

/* The kernel waits with the removal until nobody has it open, nor its virtual functions. Return: whether it does. */
static bool waits(size_t i)
{
	bool virtual_ones = fake_numvfs.is && i == PARENT && fake_vfs_are_open();

	if (!fake_kernel.functions[i].present ||
	    !(virtual_ones || fake_group_is_open((uint32_t)strtoul(groups[i], NULL, 10))))
		return false;
	fake_unplug(addresses[i]);
	for (size_t k = 0; virtual_ones && k < FAKE_VFS; k++)
		fake_unplug(fake_numvfs.vfs[k]);
	return true;
}

/* The host makes virtual functions, or removes them, whosever they are. */
static void change_vfs(uint8_t what)
{
	if (fake_vfs_are_open())
		for (size_t k = 0; k < FAKE_VFS; k++)
			fake_unplug(fake_numvfs.vfs[k]);
	else if (what & 128)
		fake_tell(fake_vfs() ? "change" : "remove", addresses[what % FUNCTIONS]);
	else
		fake_vfs_enable(fake_vfs() ? 0 : 1 + (what >> 6 & 1));
}

static void op_device(void)
{
	uint8_t what = next();
	size_t i = what % FUNCTIONS;

	if (fake_numvfs.is && i >= FIRST_VF && i < PARENT) {
		change_vfs(what);
		return;
	}
	if (waits(i))
		return;
	switch (what >> 6) {
	case 0:
		if (fake_kernel.functions[i].present)
			unplug(i);
		else
			plug(i, false), fake_tell("add", addresses[i]);
		break;
	case 1: /* another one, and nobody has told that the one before went */
		if (i == PARENT)
			fake_vfs_enable(0);
		plug(i, true);
		fake_tell("add", addresses[i]);
		break;
	case 2:
		if (fake_kernel.functions[i].present)
			fake_tell("change", addresses[i]);
		break;
	default:
		if (fake_kernel.functions[i].present)
			unplug(i);
		fake_tell("", 0);
	}
}

static void op_pci_event(void)
{
	uint8_t what = next(), kind = next();
	uint64_t address = address_of(what);
	const struct vfiod_pci_event event = { .size = sizeof(event),
					       .kind = kind % 9,
					       .id = kind & 64 ? kind : 0,
					       .bus = (uint8_t)(address >> 8),
					       .devfn = (uint8_t)address,
					       .detail = kind >> 4 & 3,
					       .time_ms = 100 };
	struct vfiod_pci_answer answer;

	if (pci_node < 0)
		return;
	send(pci_node, &event, sizeof(event), MSG_NOSIGNAL);
	settle();
	while (recv(pci_node, &answer, sizeof(answer), 0) > 0)
		want(answer.id && answer.verdict >= VFIOD_PCI_GO_ON && answer.verdict <= VFIOD_PCI_GIVE_UP);
}

/* What can go wrong, or is right again. */
static void op_luck(void)
{
	uint8_t what = next();
	uint64_t bit = 1u << what % FUNCTIONS;

	switch (what >> 5) {
	case 0:
		fake_vfio.broken ^= bit;
		break;
	case 1:
		fake_vfio.in_use ^= bit;
		break;
	case 2:
		refuses ^= bit;
		break;
	case 3:
		fake_vfio.stuck ^= bit;
		break;
	case 4:
		fake_unstick();
		break;
	case 5:
		processes_end = !processes_end;
		break;
	case 6:
		fake_vfio.has_handles = true;
		fake_vfio.full = what & 1;
		break;
	default:
		fake_vfio.broken = fake_vfio.in_use = refuses = 0;
		fake_vfio.full = false;
	}
}

/* Memory is short, for a moment. */
static void op_memory(void)
{
	fails_in = 1 + next() % 64;
}

static void op_time(void)
{
	static const uint64_t steps[] = { 1000, 20000, 101000, 500000, 2100000, 5100000, 11000000, 61000000 };

	now_us += steps[next() % COUNT(steps)];
}

static void after_restart(void)
{
	for (size_t i = 0; i < CLIENTS; i++) {
		while (read_message(&clients[i]))
			;
		disconnect(&clients[i]);
	}
	start();
}

/* What was assigned, and is still there and with its VFIO driver, has not become the host's. */
static void check_takeover(const struct journal_record *records, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct device *device = devices_find(&vfiod.devices, records[i].address);
		bool assigned = records[i].state == VFIOD_FREE || records[i].state == VFIOD_LEASED ||
				records[i].state == VFIOD_REVOKING || records[i].state == VFIOD_QUARANTINED;

		if (device && assigned && facts_on_vfio(&device->facts) &&
		    device->facts.device == records[i].identity.device)
			want(device->state != VFIOD_UNMANAGED);
	}
}

/* What happens while there is no vfiod, it finds. */
static void op_crash(void)
{
	static struct journal_record records[SAVED_MAX / JOURNAL_SIZE];
	uint8_t meanwhile = next();
	size_t count = 0, damaged = 0;
	uint64_t last_lease;

	die();
	if (meanwhile & 1)
		op_let_go();
	if (meanwhile & 2)
		op_device();
	after_restart();
	if (!journal_decode(left.journal, left.journal_size, records, &count, &damaged, &last_lease))
		check_takeover(records, count);
}

static void op_restart(void)
{
	stop();
	after_restart();
}

static void (*const operations[])(void) = {
	op_connect, op_greet,	     op_close,	 op_read,    op_raw,	op_assign,     op_unassign,
	op_acquire, op_acquire_pool, op_release, op_let_go,  op_revoke, op_clear,      op_look,
	op_reload,  op_answer,	     op_run,	 op_report,  op_work,	op_device,     op_pci_event,
	op_luck,    op_time,	     op_crash,	 op_restart, op_memory, op_assign_vfs, op_isolation,
};

/* ---- the end ---- */

static void everybody_leaves(void)
{
	for (size_t i = 0; i < CLIENTS; i++) {
		for (size_t k = 0; k < HELD; k++)
			close_held(&clients[i].held[k]);
		while (read_message(&clients[i]))
			;
		for (size_t k = 0; k < HELD; k++)
			close_held(&clients[i].held[k]);
	}
	fake_unstick();
	fake_vfio.full = false;
	fails_in = 0;
}

/* vfiod's own, without what it holds open in advance. */
static unsigned int files_of_vfiod(void)
{
	unsigned int count = count_files() - fake_files() - (pci_node >= 0) - (vfiod.pci_events != NULL);

	for (size_t i = 0; i < vfiod.devices.count; i++) {
		const struct vfio_files *files = &vfiod.devices.list[i]->files;

		count -= (files->device >= 0) + (files->group >= 0) + (files->container >= 0) + (files->unplug >= 0);
	}
	return count;
}

/* None is left that vfiod has made and knows nothing of, and it waits for none that there is not. */
static void check_vfs(void)
{
	const struct device *parent = devices_find(&vfiod.devices, fake_numvfs.parent);

	want(!vfiod.changing_sets);
	if (fake_numvfs.is && fake_vfs() && fake_numvfs.by_vfiod && !vfiod.metrics.counts[VFIOD_STAT_SAVE_FAILURES])
		want(parent && sriov_is_noted(parent));
	if (fake_numvfs.is && !fake_vfs())
		want(!parent || !sriov_is_noted(parent));
}

static void check_end(void)
{
	for (size_t i = 0; i < vfiod.devices.count; i++) {
		const struct device *device = vfiod.devices.list[i];

		want(!device_is_busy(device) && !device->lease.id && device->state != VFIOD_LEASED);
		want(!device->returns && !device->parked && !device->unclean);
	}
	want(!vfiod.unclean && !vfiod.returning);
	for (size_t i = 0; i < FAKE_HANDLES; i++)
		want(!fake_vfio.handles[i].id || !vfiod.handles);
	check_vfs();
	want(!server_connections(vfiod.server));
	want(files_of_vfiod() == baseline);
}

static void end(void)
{
	for (int i = 0; i < 12; i++) {
		everybody_leaves();
		settle();
		op_work();
		settle();
		now_us += 12000000;
	}
	/* each request has been answered */
	for (size_t i = 0; i < CLIENTS; i++) {
		want(clients[i].conn.fd < 0 || clients[i].wild || !clients[i].asked_count);
		disconnect(&clients[i]);
	}
	settle();
	check();
	check_end();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned int before = count_files();

	input = data;
	input_end = data + size;
	now_us = 1000000000;
	for (size_t i = 0; i < CLIENTS; i++)
		clients[i] = (struct client_end){ .conn.fd = -1 };
	forget_files();
	make_machine(next());
	start();
	want(vfiod.devices.count == FUNCTIONS - (fake_numvfs.is ? FAKE_VFS : 0));
	baseline = files_of_vfiod();
	while (input < input_end) {
		operations[next() % COUNT(operations)]();
		settle();
		check();
	}
	end();
	stop();
	fake_vfio_reset();
	want(count_files() == before);
	return 0;
}
