/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libFuzzer on what the kernel and udev say: events of functions with whatever attributes, the bytes of the nodes of
 * both modules, the config space that a serial number is looked for in.
 *
 * The input is lines: "@ACTION ADDRESS" is an event, "=NAME VALUE" behind it what the function has from then on,
 * "-NAME" what it has no longer; "@lost" says that events were lost, "@vanish ADDRESS" that one of them was the
 * function's end.  A line "~" begins the bytes of the nodes.
 *
 * After each event vfiod knows the functions that are there, each once, in order, and nothing of others.
 */
#include "kmod/uapi/vfiod_handle.h"
#include "kmod/uapi/vfiod_pci.h"
#include "proto/address.h"
#include "tests/fuzz/fake_kernel.h"
#include "tests/fuzz/want.h"
#include "vfiod/config.h"
#include "vfiod/daemon.h"
#include "vfiod/handles.h"
#include "vfiod/hotplug.h"
#include "vfiod/pci_events.h"
#include "vfiod/policy.h"
#include "vfiod/serial.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <libudev.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct daemon vfiod;
static struct config no_rules;
static int config_space, handles_end = -1;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);
int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);

/* The node of handles is there when its bytes are to be read; that of functions is opened below. */
int __wrap_open(const char *path, int flags, ...)
{
	int fd = handles_end;

	if (strcmp(path, VFIOD_HANDLE_NODE) && strcmp(path, "/dev/vfiod-pci"))
		return __real_open(path, flags, 0600);
	handles_end = -1;
	errno = ENOENT;
	return strcmp(path, VFIOD_HANDLE_NODE) ? -1 : fd;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	config_space = memfd_create("config", MFD_CLOEXEC);
	want(config_space >= 0);
	want(freopen("/dev/null", "w", stdout));
	return 0;
}

/* ---- functions ---- */

static bool is_in_no_iommu_mode(const struct fake_function *function)
{
	const char *name = fake_attribute(function, "iommu_group/name");

	return name && !strcmp(name, "vfio-noiommu");
}

static void check_facts(const struct facts *facts, const struct fake_function *function)
{
	const char *vendor = fake_attribute(function, "vendor");
	struct failure failure;

	want(vendor);
	want(strnlen(facts->driver, sizeof(facts->driver)) < sizeof(facts->driver));
	want(strnlen(facts->path, sizeof(facts->path)) < sizeof(facts->path));
	want(strnlen(facts->label, sizeof(facts->label)) < sizeof(facts->label));
	want(strnlen(facts->reset, sizeof(facts->reset)) < sizeof(facts->reset));
	want(!facts->is_virtual || !facts->path[0]);
	/* one that was virtual stays so, though its link goes before it does */
	want(facts->is_virtual || !fake_attribute(function, "physfn") ||
	     proto_address_parse(fake_attribute(function, "physfn"), &(uint64_t){ 0 }));
	/* what is behind no IOMMU is never given away, whatever VFIO makes of it */
	if (!fake_attribute(function, "iommu_group") || is_in_no_iommu_mode(function))
		want(facts->group == VFIOD_NONE && policy_may_assign(&no_rules, facts, &failure));
}

static void check_functions(void)
{
	const struct devices *devices = &vfiod.devices;

	for (size_t i = 0; i < devices->count; i++) {
		const struct fake_function *function = fake_function(devices->list[i]->facts.address);

		want(!i || devices->list[i - 1]->facts.address < devices->list[i]->facts.address);
		want(function && function->present);
		check_facts(&devices->list[i]->facts, function);
	}
}

static void run(void)
{
	while (fake_untold())
		event_base_loop(vfiod.base, EVLOOP_NONBLOCK);
	check_functions();
}

/* @action: empty: and the event is lost */
static void remove_function(uint64_t address, const char *action)
{
	struct fake_function *function = fake_function(address);

	if (function)
		function->present = false;
	fake_tell(action, address);
}

static const char *const every_function_has[] = { "vendor", "device", "subsystem_vendor", "subsystem_device", "class" };

static bool has_always(const char *attribute)
{
	for (size_t i = 0; i < COUNT(every_function_has); i++)
		if (!strcmp(attribute, every_function_has[i]))
			return true;
	return false;
}

/* Return: the function that the lines after this one are of, or NULL. */
static struct fake_function *take_event(const char *line)
{
	char action[16], name[32];
	struct fake_function *function;
	uint64_t address;

	if (!strcmp(line, "@lost")) {
		fake_tell("", 0);
		return NULL;
	}
	if (sscanf(line, "@%15s %31s", action, name) != 2 || proto_address_parse(name, &address))
		return NULL;
	if (!strcmp(action, "remove") || !strcmp(action, "vanish")) {
		remove_function(address, action[0] == 'v' ? "" : action);
		return NULL;
	}
	/* one that was there already, and whose going nobody has told, is another one now */
	function = strcmp(action, "change") ? fake_add(address) : fake_function(address);
	if (!function || !function->present)
		return NULL;
	for (size_t i = 0; i < COUNT(every_function_has); i++)
		if (!fake_attribute(function, every_function_has[i]))
			fake_set(function, every_function_has[i], "0x1");
	fake_tell(action, address);
	return function;
}

static void take_line(char *line, struct fake_function **function)
{
	char *value = strchr(line, ' ');

	if (line[0] == '@') {
		run();
		*function = take_event(line);
		return;
	}
	if (!*function || !line[0])
		return;
	if (value)
		*value++ = '\0';
	if (line[0] == '=' && value)
		fake_set(*function, line + 1, value);
	else if (line[0] == '-' && !has_always(line + 1))
		fake_set(*function, line + 1, NULL);
	if (!strcmp(line, "=serial"))
		(*function)->serial = strtoull(value ? value : "", NULL, 16);
}

static void take_lines(char *text)
{
	struct fake_function *function = NULL;
	char *rest = text, *line;

	while ((line = strsep(&rest, "\n")))
		take_line(line, &function);
	run();
}

/* ---- nodes ---- */

static int node(const void *bytes, size_t size, int *end)
{
	int ends[2];

	want(!socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends));
	if (size)
		want(send(ends[1], bytes, size, 0) == (ssize_t)size);
	*end = ends[1];
	return ends[0];
}

static void read_events(const uint8_t *bytes, size_t size)
{
	struct vfiod_pci_answer answer;
	int end, mine = node(bytes, size, &end);
	ssize_t got;

	want(!pci_events_new(&vfiod, mine, &vfiod.pci_events));
	event_base_loop(vfiod.base, EVLOOP_NONBLOCK);
	/* nobody has a lease: what waits for an answer has got one */
	while ((got = recv(end, &answer, sizeof(answer), 0)) > 0)
		want(got == sizeof(answer) && answer.size == sizeof(answer) && answer.id &&
		     answer.verdict == VFIOD_PCI_GO_ON);
	pci_events_free(vfiod.pci_events);
	vfiod.pci_events = NULL;
	close(end);
}

static void count_handle(void *data, const struct vfiod_handle_info *info)
{
	struct handle_note note;

	handles_note(info, &note);
	want(note.lease == info->lease);
	++*(size_t *)data;
}

static void read_handles(const uint8_t *bytes, size_t size)
{
	struct handles *handles;
	size_t count = 0;
	int end;

	handles_end = node(bytes, size, &end);
	want(!handles_new(vfiod.base, count_handle, &count, &handles));
	event_base_loop(vfiod.base, EVLOOP_NONBLOCK);
	want(count <= size / sizeof(struct vfiod_handle_info));
	handles_free(handles);
	close(end);
}

/* A second reading of PCIe 6.0 §7.6.3 and §7.9.3, of at most as many capabilities as there is room for. */
static uint64_t find_serial(const uint8_t *space, size_t size)
{
	size_t at = 0x100;

	for (int i = 0; i < 480 && at >= 0x100; i++) {
		uint32_t header, words[2];

		if (at + 4 > size)
			return 0;
		memcpy(&header, space + at, 4);
		if (!header || header == ~0u)
			return 0;
		if ((header & 0xffff) == 3) {
			if (at + 12 > size)
				return 0;
			memcpy(words, space + at + 4, 8);
			return (uint64_t)words[1] << 32 | words[0];
		}
		at = header >> 20 & ~3u;
	}
	return 0;
}

static void read_config(const uint8_t *bytes, size_t size)
{
	static uint8_t space[4096];
	size_t end = 0x100 + size < sizeof(space) ? 0x100 + size : sizeof(space);

	memset(space, 0, sizeof(space));
	memcpy(space + 0x100, bytes, end - 0x100);
	want(!ftruncate(config_space, 0) && pwrite(config_space, space, end, 0) == (ssize_t)end);
	want(serial_find(config_space) == find_serial(space, end));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *bytes = memmem(data, size, "~\n", 2);
	size_t length = bytes ? (size_t)(bytes - data) : size, rest = bytes ? size - length - 2 : 0;
	char *text = malloc(length + 1);

	memcpy(text, data, length);
	text[length] = '\0';
	memset(&fake_kernel, 0, sizeof(fake_kernel));
	vfiod = (struct daemon){ .config = &no_rules, .base = event_base_new(), .udev = udev_new() };
	event_base_priority_init(vfiod.base, 2);
	vfiod.devices.daemon = &vfiod;
	want(!hotplug_new(&vfiod, &vfiod.hotplug));
	take_lines(text);
	if (bytes) {
		read_events(bytes + 2, rest);
		read_handles(bytes + 2, rest);
		read_config(bytes + 2, rest);
	}
	hotplug_free(vfiod.hotplug);
	devices_free(&vfiod.devices);
	udev_unref(vfiod.udev);
	event_base_free(vfiod.base);
	free(text);
	return 0;
}
