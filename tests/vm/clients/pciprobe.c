/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pciprobe DRIVER ADDRESS WAY...: a VFIO PCI driver takes a function with its first allocation (or copy of user memory)
 * failing, then its second, and so on, until it needs no more (Documentation/fault-injection/fault-injection.rst:
 * fail-nth), by each WAY: the driver's `bind`, or `drivers_probe`. It has the function then, which works, or has not,
 * all is as it was, and it takes it the next time. The function's driver_override is that driver.
 */
#include "tests/vm/clients/broker.h"
#include "tests/vm/clients/chance.h"
#include "tests/vm/clients/edu.h"
#include "tests/vm/clients/expect.h"
#include "tests/vm/clients/function.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/pci_regs.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#define CONFIG_SIZE 4096

static const char *driver, *address;

static bool is_bound(void)
{
	char path[PATH_MAX], link[PATH_MAX] = "";

	if (!function_has(address, "driver"))
		return false;
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/driver", address);
	expect(readlink(path, link, sizeof(link) - 1) > 0);
	return !strcmp(strrchr(link, '/') + 1, driver);
}

/* ---- as it was ---- */

static unsigned char before[CONFIG_SIZE];
static size_t config_size;

/* Without decoding, so that one that is enabled and left so shows. */
static void begin(void)
{
	char path[PATH_MAX];
	uint16_t command = 0;
	int file;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/config", address);
	file = open(path, O_WRONLY | O_CLOEXEC);
	expect(file >= 0 && pwrite(file, &command, 2, PCI_COMMAND) == 2 && !close(file));
	config_size = function_config(address, before, sizeof(before));
}

/* @path: of @folder/GROUP@file. */
static void group_path(char *path, const char *folder, const char *file)
{
	char link[PATH_MAX] = "", from[PATH_MAX];

	snprintf(from, sizeof(from), "/sys/bus/pci/devices/%s/iommu_group", address);
	expect(readlink(from, link, sizeof(link) - 1) > 0);
	snprintf(path, PATH_MAX, "%s%s%s", folder, strrchr(link, '/'), file);
}

static bool has_group_of_vfio(void)
{
	char path[PATH_MAX];

	group_path(path, "/sys/class/vfio", "");
	return !access(path, F_OK);
}

static void is_as_it_was(void)
{
	unsigned char after[CONFIG_SIZE];

	expect(function_config(address, after, sizeof(after)) == config_size);
	for (size_t i = 0; i < config_size; i++)
		if (after[i] != before[i])
			dprintf(2, "pciprobe: byte 0x%zx was 0x%02x, is 0x%02x\n", i, before[i], after[i]);
	expect(!memcmp(after, before, config_size));
	expect(!function_has(address, "driver") && !function_has(address, "vfio-dev") &&
	       !function_has(address, "user_config") && !has_group_of_vfio());
	expect(function_is(address, "enable", "0") && function_is_balanced(address));
}

/* ---- and works ---- */

/* A group's node is made in /dev by a thread of the kernel's, which says so to nobody if it could not. */
static void need_node(void)
{
	char path[PATH_MAX], said[32];
	unsigned int major, minor;
	FILE *file;

	group_path(path, "/sys/class/vfio", "/dev");
	file = fopen(path, "r");
	expect(file && fgets(said, sizeof(said), file) && !fclose(file));
	expect(sscanf(said, "%u:%u", &major, &minor) == 2);
	group_path(path, "/dev/vfio", "");
	expect(!mknod(path, S_IFCHR | 0600, makedev(major, minor)) || errno == EEXIST);
}

static void works(void)
{
	struct vfio vfio;
	uint32_t id;

	need_node();
	function_is_drowsy(address);
	expect(function_falls_asleep(address));
	vfio = vfio_open(address);
	expect(config_read(vfio.device, PCI_VENDOR_ID, &id, 4) && !memcmp(&id, before, 4));
	expect(!command_change(vfio.device, COMMAND_MEMORY, 0));
	expect(pread(vfio.device, &id, 4, 0) == 4);
	expect(function_stays_awake(address));
	vfio_detach(&vfio);
	close_fd(&vfio.group);
}

/* ---- each allocation ---- */

static void unbind(void)
{
	char path[PATH_MAX];

	expect(!function_tell(address, "driver/unbind", address));
	is_as_it_was();
	/* of need_node(); the kernel takes away what it has made */
	group_path(path, "/dev/vfio", "");
	expect(!unlink(path) || errno == ENOENT);
}

static bool is_clean(int error)
{
	return error == ENOMEM || error == EFAULT;
}

/* To the driver's `bind`, or to drivers_probe. 0, or -1 with errno. */
static int bind_by(int file)
{
	return pwrite(file, address, strlen(address), 0) == (ssize_t)strlen(address) ? 0 : -1;
}

/* Return: whether there was a failure; @missed counts those with which it was not bound. */
static bool try(int file, bool tells, int chance, int *missed)
{
	int result, error;
	bool made;

	begin();
	chance_arm(chance);
	result = bind_by(file);
	made = chance_disarm();
	error = errno;
	if (is_bound()) {
		expect(!result);
		if (made)
			works();
		unbind();
		return made;
	}
	++*missed;
	if (!made || (tells && (!result || !is_clean(error))))
		dprintf(2, "pciprobe: failure %d: %s\n", chance, strerror(error));
	expect(made && (!tells || (result && is_clean(error))));
	is_as_it_was();
	expect(!bind_by(file) && is_bound());
	unbind();
	return made;
}

/* @tells: the write says whether the driver took it. */
static int each(const char *path, bool tells)
{
	int file = open(path, O_WRONLY | O_CLOEXEC), chance = 1, missed = 0;

	expect(file >= 0);
	while (try(file, tells, chance, &missed))
		chance++;
	printf("# %s: %d places to fail, with %d of which it is not bound\n", strrchr(path, '/') + 1, chance - 1,
	       missed);
	expect(missed && !close(file));
	return chance - 1;
}

int main(int argc, char **argv)
{
	char path[PATH_MAX];
	int places = 0;

	if (argc < 4)
		return 2;
	setlinebuf(stdout);
	driver = argv[1];
	address = argv[2];
	expect(is_bound() && !function_tell(address, "driver/unbind", address));
	snprintf(path, sizeof(path), "/sys/bus/pci/drivers/%s/bind", driver);
	for (int i = 3; i < argc; i++)
		places += strcmp(argv[i], "bind") ? each("/sys/bus/pci/drivers_probe", false) : each(path, true);
	printf("figure: %s: %d failures made while it is bound, one at a time\n", address, places);
	return 0;
}
