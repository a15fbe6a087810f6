/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where a config space comes from, that is to be shown. */
#include "libpcicfg/pcicfg_people.h"
#include "vfioctl/command.h"
#include "vfioctl/config_view.h"
#include "vfioctl/inventory.h"
#include "vfioctl/json.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

static const char *dump_fault(int error)
{
	switch (error) {
	case -ENODATA:
		return "has less than the 64 bytes of a header";
	case -EILSEQ:
		return "has a line that is damaged, missing, out of order, or beyond the space";
	default:
		return "is neither what lspci -x prints nor the 64, 256 or 4096 bytes of sysfs";
	}
}

static enum exit_status read_file(const char *path, struct config_view *view, struct pcicfg_facts *facts)
{
	static char text[1 << 16];
	FILE *file = fopen(path, "re");
	size_t size;
	int error;

	if (!file)
		return failure_say(STATUS_FAILED, "%s cannot be opened: %s", path, strerror(errno));
	size = fread(text, 1, sizeof(text), file);
	error = ferror(file) ? errno : 0;
	fclose(file);
	if (error)
		return failure_say(STATUS_FAILED, "%s cannot be read: %s", path, strerror(error));
	error = pcicfg_dump_parse(&view->dump, text, size);
	if (error)
		return failure_say(STATUS_FAILED, "%s %s; record one with: lspci -xxxx -s DEVICE >FILE (as root)", path,
				   dump_fault(error));
	pcicfg_dump_facts(&view->dump, facts);
	return STATUS_OK;
}

static enum exit_status read_device(const char *name, struct config_view *view, struct pcicfg_facts *facts)
{
	char address[INVENTORY_ADDRESS_SIZE];
	enum exit_status status = inventory_address(name, address);
	int error;

	if (status != STATUS_OK)
		return status;
	error = pcicfg_sysfs_read("/sys", address, &view->dump, facts);
	if (error == -ENODEV)
		return failure_say(STATUS_FAILED, "there is no PCI function %s; see: vfioctl list", address);
	if (error)
		return failure_say(STATUS_FAILED, "the config space of %s cannot be read: %s", address,
				   strerror(-error));
	return STATUS_OK;
}

/* The name of the driver that has it. */
static const char *driver_of(const char *address, char target[PATH_MAX])
{
	char link[64];
	ssize_t length;

	snprintf(link, sizeof(link), "/sys/bus/pci/devices/%s/driver", address);
	length = readlink(link, target, PATH_MAX - 1);
	if (length < 0)
		return "no driver";
	target[length] = '\0';
	return basename(target);
}

static enum exit_status read_live(const char *name, struct config_view *view)
{
	char address[INVENTORY_ADDRESS_SIZE], target[PATH_MAX];
	int error;

	inventory_address(name, address);
	error = pcicfg_sysfs_read_user("/sys", address, &view->live);
	switch (error) {
	case 0:
		return STATUS_OK;
	case -EOPNOTSUPP:
		return failure_say(STATUS_FAILED,
				   "%s has %s: vfiod-pci alone tells what the user of a function sees; what one would "
				   "see: vfioctl config show %s",
				   address, driver_of(address, target), address);
	case -ENOTCONN:
		return failure_say(STATUS_FAILED,
				   "nobody has %s open, so nobody sees anything of it; what one would see: vfioctl "
				   "config show %s",
				   address, address);
	case -EACCES:
		return failure_say(STATUS_DENIED,
				   "what the user of %s sees is for root alone; run it as root: sudo vfioctl config "
				   "show --live %s",
				   address, address);
	default:
		return failure_say(STATUS_FAILED, "what the user of %s sees cannot be read: %s", address,
				   strerror(-error));
	}
}

static enum exit_status open_view(const struct invocation *invocation, struct config_view *view)
{
	const char *device = invocation->arguments[1], *file = invocation->option[OPTION_FROM_FILE];
	bool live = invocation->option[OPTION_LIVE];
	struct pcicfg_facts facts;
	enum exit_status status;
	int error;

	if (!device == !file)
		return failure_say(STATUS_USAGE, "config show needs either a DEVICE or --from-file DUMP; see: vfioctl "
						 "config --help");
	if (file && live)
		return failure_say(STATUS_USAGE,
				   "a recording has no user, so --live is of a DEVICE; see: vfioctl config --help");
	status = file ? read_file(file, view, &facts) : read_device(device, view, &facts);
	if (status == STATUS_OK && live)
		status = read_live(device, view);
	if (status != STATUS_OK)
		return status;
	error = config_view_open(view, &facts);
	if (error == -EOPNOTSUPP)
		return failure_say(STATUS_FAILED, "%s is a bridge, which stays the host's; name a device behind it",
				   file ? file : device);
	if (error == -ENODEV)
		return failure_say(STATUS_FAILED, "%s is all ones: the function did not answer", file ? file : device);
	if (error)
		return failure_say(STATUS_FAILED, "the config space of %s makes no sense: %s", file ? file : device,
				   strerror(-error));
	return STATUS_OK;
}

static enum exit_status config_show(const struct invocation *invocation)
{
	static struct config_view view;
	enum exit_status status = open_view(invocation, &view);

	if (status != STATUS_OK)
		return status;
	if (invocation->option[OPTION_JSON])
		return json_print(config_view_json(&view), stdout) ? failure_no_memory() : STATUS_OK;
	terminal_look(stdout, invocation->option[OPTION_COLOR], &view.terminal);
	if (invocation->option[OPTION_RAW] || invocation->option[OPTION_AS_USER])
		config_view_print_bytes(&view, invocation->option[OPTION_AS_USER], stdout);
	else if (invocation->option[OPTION_DIFF])
		config_view_print_differences(&view, stdout);
	else
		config_view_print(&view, stdout);
	if (config_view_is_header_alone(&view))
		failure_say(STATUS_OK, "this is the header alone: the capabilities are for root to see");
	return STATUS_OK;
}

enum exit_status config_run(const struct invocation *invocation)
{
	if (strcmp(invocation->arguments[0], "show") != 0)
		return failure_say(STATUS_USAGE, "there is no command 'config %s'; see: vfioctl config --help",
				   invocation->arguments[0]);
	return config_show(invocation);
}
