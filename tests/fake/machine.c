/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/fake/machine.h"

#include "proto/address.h"
#include "tests/fake/vfio.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/pci_regs.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#define BUS	   "/sys/bus/pci"
#define FUNCTIONS  8192
#define SLOTS	   16384
#define REGISTERED 32

static struct function *functions[FUNCTIONS]; /* in the order in which they came */
static size_t count;
static struct function *by_address[SLOTS]; /* open addressing; what goes leaves a stone */
static struct function stone;
static char drivers[REGISTERED][NAME_ROOM];
static size_t driver_count;

/* ---- files ---- */

static void __attribute__((format(printf, 2, 3))) put(const char *path, const char *format, ...)
{
	FILE *file = fopen(path, "we");
	va_list args;

	if (!file) {
		fprintf(stderr, "fake: %s: %s\n", path, strerror(errno));
		exit(1);
	}
	va_start(args, format);
	vfprintf(file, format, args);
	va_end(args);
	fclose(file);
}

static const char *in(const struct function *function, const char *name)
{
	static char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", function->path, name);
	return path;
}

static void make_dirs(const char *path)
{
	char part[PATH_MAX];

	for (const char *at = strchr(path + 1, '/'); at; at = strchr(at + 1, '/')) {
		snprintf(part, sizeof(part), "%.*s", (int)(at - path), path);
		mkdir(part, 0755);
	}
	mkdir(path, 0755);
}

static void remove_tree(const char *path)
{
	char command[PATH_MAX + 16];

	snprintf(command, sizeof(command), "rm -rf '%s'", path);
	if (system(command))
		fprintf(stderr, "fake: %s stays\n", path);
}

/* Config space that cannot be written is a mount of its own. */
int machine_lock_config(struct function *function, bool locked)
{
	const char *path = in(function, "config");

	if (locked == function->locked)
		return 0;
	function->locked = locked;
	if (!locked)
		return umount2(path, MNT_DETACH) ? -errno : 0; /* somebody may have it open */
	return mount(path, path, NULL, MS_BIND, NULL) || mount(NULL, path, NULL, MS_BIND | MS_REMOUNT | MS_RDONLY, NULL)
		       ? -errno
		       : 0;
}

static void write_config(struct function *function, const unsigned char *config)
{
	bool locked = function->locked;
	int fd;

	machine_lock_config(function, false);
	fd = open(in(function, "config"), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	if (fd < 0 || pwrite(fd, config, CONFIG_SIZE, 0) != CONFIG_SIZE)
		fprintf(stderr, "fake: %s: %s\n", in(function, "config"), strerror(errno));
	close(fd);
	machine_lock_config(function, locked);
}

/* ---- the functions ---- */

static const char *name_of(const struct function *function)
{
	static char text[PROTO_ADDRESS_LEN];

	return proto_address_format(function->address, text);
}

static size_t slot_of(uint64_t address)
{
	return (size_t)(address * 0x9e3779b97f4a7c15ull >> 50);
}

struct function *machine_find(uint64_t address)
{
	for (size_t i = slot_of(address); by_address[i % SLOTS]; i++)
		if (by_address[i % SLOTS] != &stone && by_address[i % SLOTS]->address == address)
			return by_address[i % SLOTS];
	return NULL;
}

static void add(struct function *function)
{
	size_t i = slot_of(function->address);

	while (by_address[i % SLOTS] && by_address[i % SLOTS] != &stone)
		i++;
	by_address[i % SLOTS] = function;
	function->at = count;
	functions[count++] = function;
}

static void take_out(struct function *function)
{
	for (size_t i = slot_of(function->address); by_address[i % SLOTS]; i++)
		if (by_address[i % SLOTS] == function)
			by_address[i % SLOTS] = &stone;
	functions[function->at] = functions[--count];
	functions[function->at]->at = function->at;
}

struct function *machine_next(const struct function *before)
{
	size_t i = before ? before->at + 1 : 0;

	return i < count ? functions[i] : NULL;
}

static struct function *find_text(const char *text)
{
	uint64_t address;

	return proto_address_parse(text, &address) ? NULL : machine_find(address);
}

/* ---- config space ---- */

static void set16(unsigned char *config, unsigned int at, uint16_t value)
{
	config[at] = (unsigned char)value;
	config[at + 1] = (unsigned char)(value >> 8);
}

static void set32(unsigned char *config, unsigned int at, uint32_t value)
{
	set16(config, at, (uint16_t)value);
	set16(config, at + 2, (uint16_t)(value >> 16));
}

/* PCI Express, MSI-X and a serial number; one BAR of its own. */
static void make_config(struct function *function, uint64_t serial)
{
	unsigned char *config = function->config;
	uint32_t number = (uint32_t)(function->address & 0xffff);

	set16(config, PCI_VENDOR_ID, function->vendor);
	set16(config, PCI_DEVICE_ID, function->device);
	set16(config, PCI_COMMAND, PCI_COMMAND_MEMORY);
	set16(config, PCI_STATUS, PCI_STATUS_CAP_LIST);
	set32(config, PCI_CLASS_REVISION, function->class_code << 8 | 1);
	set32(config, PCI_BASE_ADDRESS_0, 0x80000000u | number << 14);
	set16(config, PCI_SUBSYSTEM_VENDOR_ID, function->vendor);
	set16(config, PCI_SUBSYSTEM_ID, 1);
	config[PCI_CAPABILITY_LIST] = 0x40;
	config[0x40] = PCI_CAP_ID_EXP;
	config[0x41] = 0x80;
	set16(config, 0x42, 2); /* version 2, an endpoint */
	config[0x80] = PCI_CAP_ID_MSIX;
	set16(config, 0x82, 7); /* eight vectors */
	set32(config, 0x84, 0x2000);
	set32(config, 0x88, 0x3000);
	if (serial) {
		set32(config, 0x100, PCI_EXT_CAP_ID_DSN | 1 << 16);
		set32(config, 0x104, (uint32_t)serial);
		set32(config, 0x108, (uint32_t)(serial >> 32));
	}
}

/* What "after-reset" says of it then. */
static void spoil(const char *how, unsigned char *config)
{
	if (!strcmp(how, "ones"))
		memset(config, 0xff, CONFIG_SIZE);
	else if (!strcmp(how, "id"))
		set16(config, PCI_DEVICE_ID, 0xbad1);
	else if (!strcmp(how, "bars"))
		set32(config, PCI_BASE_ADDRESS_0, 0);
	else if (!strcmp(how, "serial"))
		set32(config, 0x104, 0xbad1);
	else if (!strcmp(how, "msix"))
		set16(config, 0x82, PCI_MSIX_FLAGS_ENABLE | 7);
	else if (!strcmp(how, "master"))
		config[PCI_COMMAND] |= PCI_COMMAND_MASTER;
}

void machine_reset(struct function *function)
{
	unsigned char config[CONFIG_SIZE];
	const char *how = machine_fault(function, "after-reset");

	memcpy(config, function->config, sizeof(config));
	if (how)
		spoil(how, config);
	if (function->leaving)
		memset(config, 0xff, sizeof(config));
	write_config(function, config);
}

/* ---- faults ---- */

int machine_errno(const char *name)
{
	static const struct {
		const char *name;
		int number;
	} known[] = {
		{ "EACCES", EACCES }, { "EAGAIN", EAGAIN },	  { "EBUSY", EBUSY },
		{ "EEXIST", EEXIST }, { "EINVAL", EINVAL },	  { "EIO", EIO },
		{ "EMFILE", EMFILE }, { "ENODEV", ENODEV },	  { "ENOENT", ENOENT },
		{ "ENOMEM", ENOMEM }, { "ENOSPC", ENOSPC },	  { "ENOTTY", ENOTTY },
		{ "EPERM", EPERM },   { "ETIMEDOUT", ETIMEDOUT },
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (!strcmp(known[i].name, name))
			return known[i].number;
	return 0;
}

const char *machine_fault(struct function *function, const char *key)
{
	struct fault *fault;

	STAILQ_FOREACH (fault, &function->faults, next) {
		if (strcmp(fault->key, key) != 0 || !fault->times)
			continue;
		if (fault->times > 0)
			fault->times--;
		return fault->value;
	}
	return NULL;
}

/* ---- drivers ---- */

bool machine_is_vfio(const char *driver)
{
	return !strcmp(driver, "vfio-pci") || !strcmp(driver, "vfiod-pci");
}

static bool is_registered(const char *driver)
{
	for (size_t i = 0; i < driver_count; i++)
		if (!strcmp(drivers[i], driver))
			return true;
	return false;
}

void machine_register(const char *driver)
{
	static const char *const files[] = { "bind", "unbind", "new_id" };
	char path[PATH_MAX];

	if (!driver[0] || is_registered(driver) || driver_count == REGISTERED)
		return;
	snprintf(drivers[driver_count++], NAME_ROOM, "%s", driver);
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		snprintf(path, sizeof(path), BUS "/drivers/%s", driver);
		make_dirs(path);
		snprintf(path, sizeof(path), BUS "/drivers/%s/%s", driver, files[i]);
		put(path, "%s", "");
	}
}

static void show_driver(const struct function *function)
{
	char target[256], link[PATH_MAX];

	snprintf(target, sizeof(target), BUS "/drivers/%s", function->driver);
	if (symlink(target, in(function, "driver")))
		fprintf(stderr, "fake: %s: %s\n", in(function, "driver"), strerror(errno));
	snprintf(link, sizeof(link), "%s/%s", target, name_of(function));
	if (symlink(function->path, link))
		fprintf(stderr, "fake: %s: %s\n", link, strerror(errno));
}

static void hide_driver(const struct function *function)
{
	char link[PATH_MAX];

	snprintf(link, sizeof(link), BUS "/drivers/%s/%s", function->driver, name_of(function));
	unlink(link);
	unlink(in(function, "driver"));
}

int machine_bind(struct function *function, const char *driver)
{
	char key[2 * NAME_ROOM];

	snprintf(key, sizeof(key), "probe:%s", driver);
	if (function->driver[0])
		return -EBUSY;
	if (!is_registered(driver) || machine_fault(function, key))
		return -ENODEV;
	snprintf(function->driver, sizeof(function->driver), "%s", driver);
	show_driver(function);
	vfio_group_changed(function->group);
	uevent_send(function, "bind");
	return 0;
}

int machine_unbind(struct function *function)
{
	if (!function->driver[0])
		return 0;
	if (function->opened) { /* the kernel waits */
		vfio_ask_back(function);
		return -EAGAIN;
	}
	hide_driver(function);
	function->driver[0] = '\0';
	vfio_group_changed(function->group);
	uevent_send(function, "unbind");
	return 0;
}

/* A virtual function is for no driver where its physical function says so. */
static bool may_probe(const struct function *function)
{
	const struct function *parent = function->parent ? machine_find(function->parent) : NULL;

	return !parent || !parent->manual;
}

/* The kernel's choice: the override, or what it is for. */
static void probe(struct function *function)
{
	const char *driver = function->override[0] ? function->override : function->native;

	if (driver[0] && !function->driver[0] && (function->override[0] || may_probe(function)))
		machine_bind(function, driver);
}

/* ---- coming and going ---- */

static void make_files(struct function *function)
{
	put(in(function, "vendor"), "0x%04x\n", function->vendor);
	put(in(function, "device"), "0x%04x\n", function->device);
	put(in(function, "subsystem_vendor"), "0x%04x\n", function->vendor);
	put(in(function, "subsystem_device"), "0x0001\n");
	put(in(function, "class"), "0x%06x\n", function->class_code);
	put(in(function, "numa_node"), "%d\n", function->numa);
	put(in(function, "driver_override"), "(null)\n");
	put(in(function, "uevent"), "PCI_SLOT_NAME=%s\n", name_of(function));
	put(in(function, "remove"), "%s", "");
	put(in(function, "rescan"), "%s", "");
	make_dirs(in(function, "power"));
	put(in(function, "power/control"), "auto\n");
	if (function->reset[0]) {
		put(in(function, "reset_method"), "%s\n", function->reset);
		put(in(function, "reset"), "%s", "");
	}
	if (function->total_vfs) {
		put(in(function, "sriov_totalvfs"), "%u\n", function->total_vfs);
		put(in(function, "sriov_numvfs"), "0\n");
		put(in(function, "sriov_drivers_autoprobe"), "1\n");
	}
	write_config(function, function->config);
}

static void make_links(const struct function *function)
{
	char path[PATH_MAX], target[256];

	snprintf(path, sizeof(path), BUS "/devices/%s", name_of(function));
	if (symlink(function->path, path) || symlink(BUS, in(function, "subsystem")))
		fprintf(stderr, "fake: %s: %s\n", path, strerror(errno));
	if (function->group == UINT32_MAX)
		return;
	snprintf(target, sizeof(target), "/sys/kernel/iommu_groups/%u", function->group);
	snprintf(path, sizeof(path), "%s/devices", target);
	make_dirs(path);
	snprintf(path, sizeof(path), "%s/devices/%s", target, name_of(function));
	if (symlink(function->path, path) || symlink(target, in(function, "iommu_group")))
		fprintf(stderr, "fake: %s: %s\n", path, strerror(errno));
}

/* Links from a physical function to its virtual ones, and back. */
static void make_vf_links(struct function *parent, const struct function *function)
{
	char name[32];

	snprintf(name, sizeof(name), "virtfn%u", parent->vfs);
	if (symlink(function->path, in(parent, name)) || symlink(parent->path, in(function, "physfn")))
		fprintf(stderr, "fake: %s: %s\n", name, strerror(errno));
	parent->vfs++;
	put(in(parent, "sriov_numvfs"), "%u\n", parent->vfs);
}

/* What a line says of a function beside its address. */
struct description {
	const char *under, *label;
	uint64_t serial;
	bool boot_vga;
};

static void set(struct function *function, struct description *more, const char *name, const char *value)
{
	if (!strcmp(name, "group"))
		function->group = strcmp(value, "none") ? (uint32_t)strtoul(value, NULL, 10) : UINT32_MAX;
	else if (!strcmp(name, "driver"))
		snprintf(function->native, sizeof(function->native), "%s", value);
	else if (!strcmp(name, "vendor"))
		function->vendor = (uint16_t)strtoul(value, NULL, 16);
	else if (!strcmp(name, "device"))
		function->device = (uint16_t)strtoul(value, NULL, 16);
	else if (!strcmp(name, "class"))
		function->class_code = (uint32_t)strtoul(value, NULL, 16);
	else if (!strcmp(name, "numa"))
		function->numa = atoi(value);
	else if (!strcmp(name, "reset"))
		snprintf(function->reset, sizeof(function->reset), "%s", strcmp(value, "none") ? value : "");
	else if (!strcmp(name, "serial"))
		more->serial = strtoull(value, NULL, 16);
	else if (!strcmp(name, "vfs"))
		function->total_vfs = (unsigned int)strtoul(value, NULL, 10);
	else if (!strcmp(name, "of"))
		proto_address_parse(value, &function->parent);
	else if (!strcmp(name, "under"))
		more->under = value;
	else if (!strcmp(name, "label"))
		more->label = value;
	else if (!strcmp(name, "boot_vga"))
		more->boot_vga = true;
	else
		fprintf(stderr, "fake: a function has no '%s'\n", name);
}

static void describe(struct function *function, struct description *more, char *words)
{
	for (char *name = strtok_r(NULL, " ", &words); name; name = strtok_r(NULL, " ", &words)) {
		char *value = strchr(name, '=');

		if (value)
			*value++ = '\0';
		set(function, more, name, value ? value : "");
	}
}

int machine_plug(char *words)
{
	struct function *function, *under = NULL, *parent;
	char *text = strtok_r(words, " ", &words);
	struct description more = { 0 };
	uint64_t address;

	if (!text || proto_address_parse(text, &address))
		return -EINVAL;
	if (machine_find(address) || count == FUNCTIONS)
		return -EEXIST;
	function = calloc(1, sizeof(*function));
	if (!function)
		return -ENOMEM;
	*function = (struct function){ .address = address,
				       .vendor = 0x1b36,
				       .device = 0x0010,
				       .class_code = 0x010802,
				       .numa = -1,
				       .reset = "flr",
				       .native = "nvme",
				       .request = -1 };
	STAILQ_INIT(&function->faults);
	more.serial = 0x525400ull << 40 | address << 4 | 1;
	describe(function, &more, words);
	if (more.under)
		under = find_text(more.under);
	parent = function->parent ? machine_find(function->parent) : NULL;
	if (under)
		snprintf(function->path, sizeof(function->path), "%.200s/%s", under->path, name_of(function));
	else
		snprintf(function->path, sizeof(function->path), "/sys/devices/pci%04x:%02x/%s",
			 (unsigned)(address >> 16), (unsigned)(address >> 8) & 0xff, name_of(function));
	make_config(function, more.serial);
	make_dirs(function->path);
	make_files(function);
	if (more.label)
		put(in(function, "label"), "%s\n", more.label);
	if (more.boot_vga)
		put(in(function, "boot_vga"), "1\n");
	add(function);
	make_links(function);
	if (parent)
		make_vf_links(parent, function);
	uevent_send(function, "add");
	machine_register(function->native);
	probe(function);
	return 0;
}

static bool has_vfs(const struct function *function)
{
	for (size_t i = 0; function->total_vfs && i < count; i++)
		if (functions[i]->parent == function->address)
			return true;
	return false;
}

/* Neither it nor a virtual function of it is open, which goes before it does. */
static void leave(struct function *function)
{
	struct function *parent = function->parent ? machine_find(function->parent) : NULL;
	char path[PATH_MAX];

	machine_unbind(function);
	machine_lock_config(function, false);
	take_out(function);
	snprintf(path, sizeof(path), BUS "/devices/%s", name_of(function));
	unlink(path);
	snprintf(path, sizeof(path), "/sys/kernel/iommu_groups/%u/devices/%s", function->group, name_of(function));
	unlink(path);
	remove_tree(function->path);
	uevent_send(function, "remove");
	free(function);
	if (parent)
		machine_closed(parent);
}

static void remove_vfs(struct function *parent)
{
	char link[32];

	for (size_t i = count; i-- > 0;)
		if (functions[i]->parent == parent->address)
			machine_unplug(functions[i]);
	for (unsigned int i = 0; i < parent->vfs; i++) {
		snprintf(link, sizeof(link), "virtfn%u", i);
		unlink(in(parent, link));
	}
	parent->vfs = 0;
	put(in(parent, "sriov_numvfs"), "0\n");
}

void machine_unplug(struct function *function)
{
	unsigned char gone[CONFIG_SIZE];

	if (function->vfs)
		remove_vfs(function);
	memset(gone, 0xff, sizeof(gone));
	write_config(function, gone);
	function->leaving = true;
	if (function->opened)
		vfio_ask_back(function);
	machine_closed(function);
}

void machine_closed(struct function *function)
{
	if (function->leaving && !function->opened && !has_vfs(function))
		leave(function);
}

/* ---- virtual functions ---- */

/* From the next slot on, each in a group of its own. */
static int set_vfs(struct function *parent, unsigned int wanted)
{
	char line[256], address[PROTO_ADDRESS_LEN];

	if (wanted > parent->total_vfs)
		return -ERANGE;
	if (!wanted) {
		remove_vfs(parent);
		return 0;
	}
	if (parent->vfs)
		return -EBUSY;
	for (unsigned int i = 0; i < wanted; i++) {
		uint64_t next = parent->address + 8 + i;

		snprintf(line, sizeof(line), "%s of=%s group=%u vendor=%x device=%x class=%x driver=%s serial=0",
			 proto_address_format(next, address), name_of(parent), 0x8000u + (unsigned int)(next & 0x7fff),
			 parent->vendor, parent->device + 1u, parent->class_code, parent->native);
		if (machine_plug(line))
			return -ENOMEM;
	}
	return 0;
}

/* ---- writing ---- */

static int write_override(struct function *function, const char *text)
{
	snprintf(function->override, sizeof(function->override), "%.63s", text);
	put(in(function, "driver_override"), "%s\n", text[0] ? text : "(null)");
	return 0;
}

static int write_reset(struct function *function)
{
	if (!function->reset[0])
		return -ENOTTY;
	function->resets++;
	machine_reset(function);
	return 0;
}

static int write_remove(struct function *function)
{
	if (function->opened) {
		vfio_ask_back(function);
		return -EAGAIN;
	}
	machine_unplug(function);
	return 0;
}

/* An attribute of a function. */
static int write_attribute(struct function *function, const char *name, const char *text)
{
	if (!strcmp(name, "driver_override"))
		return write_override(function, text);
	if (!strcmp(name, "reset"))
		return write_reset(function);
	if (!strcmp(name, "remove"))
		return write_remove(function);
	if (!strcmp(name, "sriov_numvfs"))
		return set_vfs(function, (unsigned int)strtoul(text, NULL, 10));
	if (!strcmp(name, "sriov_drivers_autoprobe"))
		function->manual = text[0] == '0';
	if (!strcmp(name, "reset_method"))
		snprintf(function->reset, sizeof(function->reset), "%.63s", text);
	put(in(function, name), "%s\n", text);
	return 0;
}

/* A file of a driver's, or of the bus, whose text is an address. */
static int write_bus(const char *path, const char *name, const char *text)
{
	struct function *function = find_text(text);
	char driver[NAME_ROOM] = "";

	sscanf(path, BUS "/drivers/%63[^/]/", driver);
	if (!function)
		return -ENODEV;
	if (!strcmp(name, "drivers_probe")) {
		probe(function);
		return 0;
	}
	if (!strcmp(name, "bind"))
		return machine_bind(function, driver);
	if (strcmp(name, "unbind") != 0)
		return -EINVAL;
	return strcmp(function->driver, driver) ? -ENODEV : machine_unbind(function);
}

/* "/sys/devices/pci0000:00/0000:00:01.0/power/control": whose that is; @name: behind its folder */
static struct function *owner_of(const char *path, const char **name)
{
	char part[PATH_MAX];
	struct function *function = NULL;

	for (const char *at = path, *next; (next = strchr(at + 1, '/')); at = next) {
		struct function *found;

		snprintf(part, sizeof(part), "%.*s", (int)(next - at - 1), at + 1);
		found = find_text(part);
		if (found) {
			function = found;
			*name = next + 1;
		}
	}
	return function;
}

/* What is wrong with writing to @name: an error, or that it is short, or takes its time. */
static int check_write(struct function *function, const char *name, bool *short_write, uint32_t *sleep_ms)
{
	char key[2 * NAME_ROOM];
	const char *value;

	snprintf(key, sizeof(key), "delay:%.63s", name);
	value = machine_fault(function, key);
	*sleep_ms = value ? (uint32_t)strtoul(value, NULL, 10) : 0;
	snprintf(key, sizeof(key), "write:%.63s", name);
	value = machine_fault(function, key);
	*short_write = value && !strcmp(value, "short");
	return value ? -machine_errno(value) : 0;
}

ssize_t machine_write(const char *path, char *text, size_t length, uint32_t *sleep_ms)
{
	const char *name = strrchr(path, '/') + 1;
	struct function *function = owner_of(path, &name), *about;
	bool short_write = false;
	int err = 0;

	text[strcspn(text, "\n")] = '\0';
	about = function ? function : find_text(text);
	if (about)
		err = check_write(about, name, &short_write, sleep_ms);
	if (err || short_write)
		return err ? err : 1;
	err = function ? write_attribute(function, name, text) : write_bus(path, name, text);
	return err ? err : (ssize_t)length;
}

/* ---- the empty machine ---- */

void machine_init(void)
{
	static const char *const dirs[] = {
		BUS "/devices",
		BUS "/drivers",
		"/sys/class/net",
		"/sys/class/block",
		"/sys/devices/system",
		"/sys/kernel/iommu_groups",
		"/sys/devices/system/node",
		"/sys/module",
	};

	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++)
		make_dirs(dirs[i]);
	put(BUS "/drivers_probe", "%s", "");
	put(BUS "/rescan", "%s", "");
	put("/sys/devices/system/node/online", "0\n");
	make_dirs("/sys/devices/system/node/node0");
	put("/sys/devices/system/node/node0/distance", "10\n");
}
