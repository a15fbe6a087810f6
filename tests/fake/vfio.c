/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/fake/vfio.h"

#include "proto/address.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/vfio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define GROUPS 65536
#define BELLS  1024
#define HANDLE (1ull << 32) /* in what epoll tells: a handle, and not an object */

/* A file of VFIO that somebody has open, or had. */
struct object {
	uint32_t id;
	ino_t inode; /* of the end that is given away */
	int end;     /* the kernel's; -1: the other one is closed everywhere */
	bool iommu;  /* of a container */
	unsigned int groups;
	struct group *group;
	struct function *function;
	LIST_ENTRY(object) next;
};

struct group {
	uint32_t number;
	struct object *file, *container;
	unsigned int devices; /* that are open */
	bool has_node;
};

/* A handle that is in the table, or is somebody's to make. */
struct pending {
	uint32_t id;
	int end; /* the kernel's, or -1 */
};

static LIST_HEAD(objects, object) objects = LIST_HEAD_INITIALIZER(objects);
static struct group *groups[GROUPS];
static struct pending handles[FAKE_HANDLES];
static size_t handle_count;
static struct fake_table *table;
static int bells[BELLS]; /* eventfds: the nodes that are open */
static size_t bell_count;
static uint32_t last_object, last_handle;
static int poller;
static bool loaded = true;

/* ---- objects ---- */

/* A socket pair: one end is watched, the other one is given away. */
static int make_pair(uint64_t which, int *end, int *other)
{
	struct epoll_event event = { .events = EPOLLRDHUP, .data.u64 = which };
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends))
		return -errno;
	epoll_ctl(poller, EPOLL_CTL_ADD, ends[0], &event);
	*end = ends[0];
	*other = ends[1];
	return 0;
}

static struct object *object_new(enum fake_kind kind, int *fd)
{
	struct object *made = calloc(1, sizeof(*made));
	struct stat st;

	if (!made)
		return NULL;
	made->id = (uint32_t)kind << 28 | (++last_object & 0xfffffff);
	if (make_pair(made->id, &made->end, fd)) {
		free(made);
		return NULL;
	}
	fstat(*fd, &st);
	made->inode = st.st_ino;
	LIST_INSERT_HEAD(&objects, made, next);
	return made;
}

static struct object *object_by_id(uint32_t id)
{
	struct object *object;

	LIST_FOREACH (object, &objects, next)
		if (object->id == id)
			return object;
	return NULL;
}

/* Which a file that was passed to us is the other end of. */
static struct object *object_of(int fd)
{
	struct object *object;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) || !S_ISSOCK(st.st_mode))
		return NULL;
	LIST_FOREACH (object, &objects, next)
		if (object->inode == st.st_ino && object->end >= 0)
			return object;
	return NULL;
}

static struct fake_handle *entry(uint32_t id)
{
	return &table->handles[id % FAKE_HANDLES];
}

/* A handle has it open, too. */
static bool has_handle(const struct object *object)
{
	for (size_t i = 0; i < handle_count; i++) {
		const struct fake_handle *handle = entry(handles[i].id);
		uint32_t state = atomic_load(&handle->state);

		if ((state == VFIOD_HANDLE_LIVE || state == VFIOD_HANDLE_REVOKING) && handle->object == object->id)
			return true;
	}
	return false;
}

static void object_free(struct object *object)
{
	LIST_REMOVE(object, next);
	free(object);
}

/* ---- groups ---- */

static struct group *group_of(uint32_t number)
{
	if (number >= GROUPS)
		return NULL;
	if (!groups[number]) {
		groups[number] = calloc(1, sizeof(*groups[number]));
		if (groups[number])
			groups[number]->number = number;
	}
	return groups[number];
}

static void node_path(const struct group *group, char path[32])
{
	snprintf(path, 32, "/dev/vfio/%u", group->number);
}

void vfio_group_changed(uint32_t number)
{
	struct group *group = group_of(number);
	bool wanted = false;
	char path[32];

	if (!group)
		return;
	for (struct function *f = machine_next(NULL); f; f = machine_next(f))
		wanted = wanted || (f->group == number && machine_is_vfio(f->driver));
	if (wanted == group->has_node)
		return;
	node_path(group, path);
	group->has_node = wanted;
	if (wanted)
		close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	else
		unlink(path);
}

/* What goes wrong with any function of it. */
static const char *group_fault(const struct group *group, const char *key)
{
	const char *value = NULL;

	for (struct function *f = machine_next(NULL); f && !value; f = machine_next(f))
		if (f->group == group->number && !STAILQ_EMPTY(&f->faults))
			value = machine_fault(f, key);
	return value;
}

static bool is_viable(const struct group *group)
{
	for (struct function *f = machine_next(NULL); f; f = machine_next(f))
		if (f->group == group->number && f->driver[0] && !machine_is_vfio(f->driver) &&
		    f->class_code >> 16 != 6)
			return false;
	return !group_fault(group, "viable");
}

/* Who watches the node is told of a close. */
static void tell_close(const struct group *group)
{
	char path[32];
	int fd;

	node_path(group, path);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0)
		close(fd);
}

/* ---- the end of each ---- */

static void settle(struct object *object);

static void leave_container(struct group *group)
{
	struct object *container = group->container;

	group->container = NULL;
	if (!container)
		return;
	if (!--container->groups)
		container->iommu = false;
	settle(container);
}

static void end_device(struct object *object)
{
	struct function *function = object->function;
	struct group *group = object->group;

	function->opened = 0;
	if (function->request >= 0)
		close(function->request);
	function->request = -1;
	group->devices--;
	object_free(object);
	if (group->file)
		settle(group->file);
	machine_closed(function);
}

static void end_group(struct object *object)
{
	struct group *group = object->group;

	group->file = NULL;
	leave_container(group);
	object_free(object);
	tell_close(group);
}

/* Whether nobody has it open any more: neither a program, nor a handle, nor what was made of it. */
static void settle(struct object *object)
{
	if (object->end >= 0 || has_handle(object))
		return;
	switch (FAKE_KIND(object->id)) {
	case FAKE_DEVICE:
		end_device(object);
		break;
	case FAKE_GROUP:
		if (!object->group->devices)
			end_group(object);
		break;
	case FAKE_CONTAINER:
		if (!object->groups)
			object_free(object);
		break;
	default:
		break;
	}
}

void vfio_ask_back(const struct function *function)
{
	const uint64_t one = 1;

	if (function->request >= 0 && write(function->request, &one, sizeof(one)) < 0)
		perror("fake: a request");
}

/* ---- the table of handles ---- */

static void tell_change(uint32_t id)
{
	const uint64_t one = 1;
	uint64_t at = atomic_load(&table->changes);

	atomic_store(&table->changed[at % FAKE_HANDLES], id);
	atomic_store(&table->changes, at + 1);
	for (size_t i = 0; i < bell_count; i++)
		if (write(bells[i], &one, sizeof(one)) < 0 && errno != EAGAIN)
			perror("fake: a bell");
}

static void drop(size_t i)
{
	if (handles[i].end >= 0)
		close(handles[i].end);
	handles[i] = handles[--handle_count];
}

/* The real file is let go of. */
static void end_handle(struct pending *pending)
{
	struct fake_handle *handle = entry(pending->id);
	struct object *object;

	atomic_store(&handle->state, VFIOD_HANDLE_ENDED);
	object = object_by_id(handle->object);
	if (object)
		settle(object);
	tell_change(pending->id);
}

static size_t find_handle(uint32_t id)
{
	size_t i = 0;

	while (i < handle_count && handles[i].id != id)
		i++;
	return i;
}

/* Its user has closed it. */
static void handle_closed(uint32_t id)
{
	size_t i = find_handle(id);

	if (i == handle_count)
		return;
	if (atomic_load(&entry(id)->state) == FAKE_FREE) {
		drop(i); /* nobody got it */
		return;
	}
	close(handles[i].end);
	handles[i].end = -1;
	atomic_store(&entry(id)->flags, VFIOD_HANDLE_CLOSED);
	end_handle(&handles[i]);
}

size_t vfio_pool(uint32_t ids[FAKE_POOL_MAX], int fds[FAKE_POOL_MAX])
{
	size_t made = 0;

	while (made < FAKE_POOL_MAX && handle_count < FAKE_HANDLES / 2) {
		struct pending *pending = &handles[handle_count];

		do
			last_handle = (last_handle + 1) & 0xfffffff;
		while (!last_handle || atomic_load(&entry(last_handle)->state) != FAKE_FREE);
		pending->id = last_handle;
		if (make_pair(HANDLE | last_handle, &pending->end, &fds[made]))
			break;
		ids[made++] = last_handle;
		handle_count++;
	}
	return made;
}

/* A process that has an operation in flight is a fault: its number, or 0 if it is nobody's. */
static bool is_stuck(struct fake_handle *handle)
{
	struct object *object = object_by_id(handle->object);
	const char *pid = object && object->function ? machine_fault(object->function, "stuck") : NULL;

	handle->busy_pid = pid ? (uint32_t)strtoul(pid, NULL, 10) : 0;
	return pid;
}

static void revoke_one(struct pending *pending, struct vfiod_handle_revoke *what)
{
	struct fake_handle *handle = entry(pending->id);

	if (atomic_load(&handle->state) == VFIOD_HANDLE_ENDED)
		return;
	if (is_stuck(handle)) {
		atomic_store(&handle->state, VFIOD_HANDLE_REVOKING);
		what->pending++;
		what->busy_pid = handle->busy_pid;
		return;
	}
	/* its user's file says that it is dead */
	close(pending->end);
	pending->end = -1;
	end_handle(pending);
}

static int64_t revoke_all(struct vfiod_handle_revoke *what)
{
	bool by_lease = what->flags & VFIOD_HANDLE_REVOKE_LEASE;
	bool found = false;

	what->pending = what->busy_pid = 0;
	for (size_t i = 0; i < handle_count; i++) {
		const struct fake_handle *handle = entry(handles[i].id);

		if (atomic_load(&handle->state) == FAKE_FREE ||
		    (by_lease ? handle->lease != what->lease : handle->id != what->id))
			continue;
		found = true;
		revoke_one(&handles[i], what);
	}
	return found ? 0 : -ENOENT;
}

static int64_t forget(uint32_t id)
{
	size_t i = find_handle(id);

	if (i == handle_count || atomic_load(&entry(id)->state) == FAKE_FREE)
		return -ENOENT;
	if (atomic_load(&entry(id)->state) != VFIOD_HANDLE_ENDED)
		return -EBUSY;
	atomic_store(&entry(id)->state, FAKE_FREE);
	drop(i);
	return 0;
}

/* ---- opening ---- */

static int open_node(int *fd, uint32_t *object)
{
	if (!loaded)
		return -ENOENT;
	if (bell_count == BELLS) { /* those of programs that are long gone */
		for (size_t i = 0; i < BELLS - 16; i++)
			close(bells[i]);
		memmove(bells, bells + BELLS - 16, 16 * sizeof(bells[0]));
		bell_count = 16;
	}
	*fd = eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK);
	if (*fd < 0)
		return -errno;
	bells[bell_count++] = fcntl(*fd, F_DUPFD_CLOEXEC, 0);
	*object = (uint32_t)FAKE_NODE << 28;
	return 0;
}

static int open_group(uint32_t number, int *fd, uint32_t *object)
{
	struct group *group = group_of(number);
	const char *value;
	struct object *made;

	if (!group || !group->has_node)
		return -ENOENT;
	value = group_fault(group, "open");
	if (value)
		return -machine_errno(value);
	if (group->file)
		return -EBUSY;
	made = object_new(FAKE_GROUP, fd);
	if (!made)
		return -ENOMEM;
	made->group = group;
	group->file = made;
	*object = made->id;
	return 0;
}

int vfio_open(const char *path, int *fd, uint32_t *object)
{
	struct object *made;
	char *end;
	unsigned long number;

	if (!strcmp(path, VFIOD_HANDLE_NODE))
		return open_node(fd, object);
	if (!strcmp(path, "/dev/vfio/vfio")) {
		made = object_new(FAKE_CONTAINER, fd);
		if (!made)
			return -ENOMEM;
		*object = made->id;
		return 0;
	}
	number = strtoul(path + strlen("/dev/vfio/"), &end, 10);
	return *end ? -ENOENT : open_group((uint32_t)number, fd, object);
}

/* ---- ioctls ---- */

static int64_t group_status(const struct object *group, struct fake_answer *answer)
{
	struct vfio_group_status *status = (struct vfio_group_status *)(void *)answer->data;

	status->flags = (is_viable(group->group) ? VFIO_GROUP_FLAGS_VIABLE : 0) |
			(group->group->container ? VFIO_GROUP_FLAGS_CONTAINER_SET : 0);
	return 0;
}

static int64_t set_container(struct object *group, struct object *container)
{
	const char *value = group_fault(group->group, "container");

	if (value)
		return -machine_errno(value);
	if (!container || FAKE_KIND(container->id) != FAKE_CONTAINER)
		return -EBADF;
	if (group->group->container)
		return -EINVAL;
	if (!is_viable(group->group))
		return -EPERM;
	group->group->container = container;
	container->groups++;
	return 0;
}

/* As the kernel does, the function is reset when it is opened. */
static int64_t get_device(struct object *group, const char *name, struct fake_answer *answer, int *fd)
{
	struct function *function = NULL;
	struct object *made;
	const char *value;
	uint64_t address;

	if (!proto_address_parse(name, &address))
		function = machine_find(address);
	if (!group->group->container || !group->group->container->iommu)
		return -EINVAL;
	if (!function || function->group != group->group->number || !machine_is_vfio(function->driver) ||
	    function->leaving)
		return -ENODEV;
	value = machine_fault(function, "device");
	if (value || function->opened)
		return value ? -machine_errno(value) : -EBUSY;
	value = machine_fault(function, "delay:device");
	answer->sleep_ms = value ? (uint32_t)strtoul(value, NULL, 10) : 0;
	made = object_new(FAKE_DEVICE, fd);
	if (!made)
		return -ENOMEM;
	made->group = group->group;
	made->function = function;
	group->group->devices++;
	function->opened = made->id;
	function->opens++;
	answer->object = made->id;
	return 0;
}

static int64_t group_ioctl(struct object *group, const struct fake_call *call, int file, struct fake_answer *answer,
			   int *fd)
{
	switch (call->command) {
	case VFIO_GROUP_GET_STATUS:
		return group_status(group, answer);
	case VFIO_GROUP_SET_CONTAINER:
		return set_container(group, object_of(file));
	case VFIO_GROUP_UNSET_CONTAINER:
		if (group->group->devices)
			return -EBUSY;
		leave_container(group->group);
		return 0;
	case VFIO_GROUP_GET_DEVICE_FD:
		return get_device(group, call->data, answer, fd);
	default:
		return -ENOTTY;
	}
}

static const struct group *first_of(const struct object *container)
{
	for (size_t i = 0; i < GROUPS; i++)
		if (groups[i] && groups[i]->container == container)
			return groups[i];
	return NULL;
}

static int64_t set_iommu(struct object *container)
{
	const char *value;

	if (!container->groups || container->iommu)
		return -EINVAL;
	value = group_fault(first_of(container), "iommu");
	if (value)
		return -machine_errno(value);
	container->iommu = true;
	return 0;
}

static int64_t container_ioctl(struct object *container, const struct fake_call *call)
{
	switch (call->command) {
	case VFIO_GET_API_VERSION:
		return VFIO_API_VERSION;
	case VFIO_CHECK_EXTENSION:
		return call->argument == VFIO_TYPE1_IOMMU || call->argument == VFIO_TYPE1v2_IOMMU;
	case VFIO_SET_IOMMU:
		return set_iommu(container);
	case VFIO_IOMMU_MAP_DMA:
	case VFIO_IOMMU_UNMAP_DMA:
		return container->iommu ? 0 : -EINVAL;
	default:
		return -ENOTTY;
	}
}

static int64_t set_irqs(struct object *device, const struct fake_call *call, int file)
{
	const struct vfio_irq_set *set = (const struct vfio_irq_set *)(const void *)call->data;
	const char *value = machine_fault(device->function, "irqs");

	if (value)
		return -machine_errno(value);
	if (set->index != VFIO_PCI_REQ_IRQ_INDEX)
		return 0;
	if (device->function->request >= 0)
		close(device->function->request);
	device->function->request = file >= 0 ? fcntl(file, F_DUPFD_CLOEXEC, 0) : -1;
	/* the kernel asks again every 10 s */
	if (device->function->leaving)
		vfio_ask_back(device->function);
	return 0;
}

static int64_t region_info(struct fake_answer *answer)
{
	struct vfio_region_info *info = (struct vfio_region_info *)(void *)answer->data;

	info->flags = VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE;
	info->size = info->index == VFIO_PCI_CONFIG_REGION_INDEX ? CONFIG_SIZE
		     : info->index == VFIO_PCI_BAR0_REGION_INDEX ? 16384
								 : 0;
	info->offset = (uint64_t)info->index << 40;
	return 0;
}

static int64_t device_ioctl(struct object *device, const struct fake_call *call, int file, struct fake_answer *answer)
{
	struct vfio_device_info *info = (struct vfio_device_info *)(void *)answer->data;

	switch (call->command) {
	case VFIO_DEVICE_GET_INFO:
		info->flags = VFIO_DEVICE_FLAGS_PCI | (device->function->reset[0] ? VFIO_DEVICE_FLAGS_RESET : 0);
		info->num_regions = VFIO_PCI_NUM_REGIONS;
		info->num_irqs = VFIO_PCI_NUM_IRQS;
		return 0;
	case VFIO_DEVICE_GET_REGION_INFO:
		return region_info(answer);
	case VFIO_DEVICE_SET_IRQS:
		return set_irqs(device, call, file);
	case VFIO_DEVICE_RESET:
		machine_reset(device->function);
		return 0;
	default:
		return -ENOTTY;
	}
}

static int64_t node_ioctl(const struct fake_call *call, struct fake_answer *answer)
{
	struct vfiod_handle_forget what;

	switch (call->command) {
	case VFIOD_HANDLE_REVOKE:
		return revoke_all((struct vfiod_handle_revoke *)(void *)answer->data);
	case VFIOD_HANDLE_FORGET:
		memcpy(&what, call->data, sizeof(what));
		return forget(what.id);
	default:
		return -ENOTTY;
	}
}

int64_t vfio_ioctl(const struct fake_call *call, const int files[2], struct fake_answer *answer, int *fd)
{
	struct object *object = object_of(files[0]);

	/* what a structure is not changed in stays */
	memcpy(answer->data, call->data, call->length);
	answer->length = call->length;
	*fd = -1;
	if (call->command >> 8 == VFIOD_HANDLE_IOCTL)
		return node_ioctl(call, answer);
	if (!object)
		return -ENOTTY;
	/* who has it open can be asked for it */
	if (object->function && object->function->leaving && call->command != VFIO_DEVICE_SET_IRQS)
		return -ENODEV;
	switch (FAKE_KIND(object->id)) {
	case FAKE_GROUP:
		return group_ioctl(object, call, files[1], answer, fd);
	case FAKE_CONTAINER:
		return container_ioctl(object, call);
	default:
		return device_ioctl(object, call, files[1], answer);
	}
}

/* ---- what is told ---- */

void vfio_ended(uint64_t which)
{
	struct object *object;

	if (which & HANDLE) {
		handle_closed((uint32_t)which);
		return;
	}
	object = object_by_id((uint32_t)which);
	if (!object || object->end < 0)
		return;
	close(object->end);
	object->end = -1;
	settle(object);
}

void vfio_handles_loaded(bool is)
{
	loaded = is;
}

void vfio_tell(FILE *to)
{
	static const char *const kinds[] = { "?", "group", "container", "device", "node" };
	struct object *object;
	char text[PROTO_ADDRESS_LEN];

	LIST_FOREACH (object, &objects, next)
		fprintf(to, "open %s %s\n", kinds[FAKE_KIND(object->id)],
			object->function ? proto_address_format(object->function->address, text) : "-");
	for (size_t i = 0; i < handle_count; i++) {
		const struct fake_handle *handle = entry(handles[i].id);
		uint32_t state = atomic_load(&handle->state);

		if (state != FAKE_FREE)
			fprintf(to, "handle %u lease %llu kind %u uid %u state %u\n", handle->id,
				(unsigned long long)handle->lease, handle->kind, handle->uid, state);
	}
}

void vfio_init(int epoll)
{
	int fd = open(FAKE_TABLE, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	poller = epoll;
	if (fd < 0 || ftruncate(fd, sizeof(*table))) {
		perror("fake: " FAKE_TABLE);
		exit(1);
	}
	table = mmap(NULL, sizeof(*table), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (table == MAP_FAILED)
		exit(1);
	close(open("/dev/vfio/vfio", O_WRONLY | O_CREAT | O_CLOEXEC, 0666));
}
