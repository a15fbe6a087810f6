/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vfioctl/show.h"

#include "libvfiodma/vfiodma.h"
#include "vfioctl/command.h"
#include "vfioctl/connect.h"
#include "vfioctl/holder.h"
#include "vfioctl/inventory.h"
#include "vfioctl/isolation.h"
#include "vfioctl/json.h"
#include "vfioctl/owner.h"
#include "vfioctl/pcinames.h"
#include "vfioctl/terminal.h"

#include <errno.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* Where a report goes, and how it looks there. */
struct page {
	const struct terminal *terminal;
	FILE *out;
};

/* One line; without a label it goes on with the one before. */
static void __attribute__((format(printf, 4, 5)))
line(const struct page *page, const char *label, enum tone tone, const char *format, ...)
{
	const struct terminal *terminal = page->terminal;
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	terminal_clean(text, terminal->utf8);
	fprintf(page->out, "%s%-14s%s  %s%s%s\n", terminal_tone_on(terminal, TONE_STRONG), label,
		terminal_tone_off(terminal, TONE_STRONG), terminal_tone_on(terminal, tone), text,
		terminal_tone_off(terminal, tone));
}

static const char *or_none(const char *text)
{
	return *text ? text : "none";
}

static void print_ids(const struct page *page, const char *label, const char *vendor, const char *device,
		      unsigned int vendor_id, unsigned int device_id)
{
	if (!vendor_id && !device_id)
		line(page, label, TONE_PLAIN, "none");
	else if (!*vendor)
		line(page, label, TONE_PLAIN, "unknown (%04x:%04x)", vendor_id, device_id);
	else
		line(page, label, TONE_PLAIN, "%s%s%s (%04x:%04x)", vendor, *device ? " " : "", device, vendor_id,
		     device_id);
}

static void print_identity(const struct page *page, struct pcinames *names, const struct vfiodma_info *info)
{
	struct pcinames_text text;
	char title[260];

	pcinames_lookup(names, info, &text);
	line(page, "Function", TONE_STRONG, "%s", info->address);
	print_ids(page, "Device", text.vendor, text.device, info->vendor, info->device);
	print_ids(page, "Subsystem", text.subsystem_vendor, text.subsystem, info->subsystem_vendor,
		  info->subsystem_device);
	pcinames_class(&text, info, false, title, sizeof(title));
	line(page, "Class", TONE_PLAIN, "%s%s%s (%06x)", title, *text.interface ? ", " : "", text.interface,
	     info->class_code);
	if (info->numa_node == VFIODMA_NONE)
		line(page, "NUMA node", TONE_PLAIN, "none");
	else
		line(page, "NUMA node", TONE_PLAIN, "%" PRIu32, info->numa_node);
}

/* Reasons that several members have are said once. */
static bool is_new_reason(const struct vfiodma_isolation *isolations, size_t at)
{
	for (size_t i = 0; i < at; i++)
		if (isolations[i].cause == isolations[at].cause && !strcmp(isolations[i].at, isolations[at].at))
			return false;
	return true;
}

static void print_isolation(const struct page *page, const struct vfiodma_isolation *isolations, size_t count)
{
	char text[ISOLATION_TEXT_SIZE];

	for (size_t i = 0; i < count; i++) {
		if (!is_new_reason(isolations, i))
			continue;
		isolation_text(&isolations[i], text);
		line(page, i ? "" : "Shared since", TONE_PLAIN, "%s%s%s", text, *text ? "; " : "",
		     isolation_advice(&isolations[i]));
	}
}

static void print_group(const struct page *page, const struct inventory *inventory, const struct vfiodma_info *info,
			const struct vfiodma_isolation *isolations)
{
	const struct vfiodma_info *member = inventory_next_member(inventory, info, NULL);
	size_t count = 0;

	if (info->group == VFIODMA_NONE)
		line(page, "IOMMU group", TONE_PLAIN, "none");
	else
		line(page, "IOMMU group", TONE_PLAIN, "%" PRIu32 "%s", info->group,
		     member ? ", handed out as a whole, together with" : ", with no other function");
	for (; member; member = inventory_next_member(inventory, info, member), count++)
		line(page, "", TONE_PLAIN, "%s  %s, %s", member->address,
		     *member->driver ? member->driver : "no driver",
		     inventory_is_bridge(member) ? "a bridge" : vfiodma_state_name(member->state));
	if (isolations)
		print_isolation(page, isolations, count);
}

static void print_vfs(const struct page *page, const struct inventory *inventory, const struct vfiodma_info *info)
{
	const struct vfiodma_info *vf = inventory_next_vf(inventory, info, NULL);
	bool made = info->flags & VFIODMA_INFO_HAS_VFS;

	if (*info->physical_function)
		line(page, "Virtual", TONE_PLAIN, "a virtual function of %s%s", info->physical_function,
		     inventory_parent(inventory, info) ? ", assigned together with the others of it" : "");
	if (vf || made)
		line(page, "Virtual", TONE_PLAIN, "it has virtual functions%s",
		     made ? ", which vfiod has made" : ", which vfiod has not made");
	for (; vf; vf = inventory_next_vf(inventory, info, vf))
		line(page, "", TONE_PLAIN, "%s  %s, %s", vf->address, or_none(vf->driver),
		     vfiodma_state_name(vf->state));
}

/* What a VFIO driver lets the user of the function do. */
static void print_driver(const struct page *page, const struct vfiodma_info *info)
{
	bool strict = info->flags & VFIODMA_INFO_STRICT, named_stock = !strcmp(info->driver, "vfio-pci");

	if (strict) {
		line(page, "Driver", TONE_PLAIN, "%s: vfiod's strict VFIO driver%s", info->driver,
		     named_stock ? ", under the name of the kernel's own" : "");
		line(page, "", TONE_PLAIN,
		     "config space: what is hidden reads as 0 and ignores writes, see pcicfg-policy(7)");
		line(page, "", TONE_PLAIN,
		     "interrupts: MSI and MSI-X vectors can be masked; a page with the MSI-X table cannot be mapped");
	} else if (named_stock) {
		line(page, "Driver", TONE_PLAIN, "%s: the kernel's own VFIO driver", info->driver);
		line(page, "", TONE_PLAIN,
		     "config space: what is hidden can be read and written by whoever knows its offset");
		line(page, "", TONE_PLAIN,
		     "interrupts: mask bits of MSI go to the hardware; a page with the MSI-X table can be mapped");
	} else {
		line(page, "Driver", TONE_PLAIN, "%s", or_none(info->driver));
	}
}

static void print_people(const struct page *page, const struct vfiodma_info *info)
{
	char name[260], command[HOLDER_COMMAND_MAX];

	if (info->owner_uid != VFIODMA_NONE)
		line(page, "Owner", TONE_PLAIN, "%s (uid %" PRIu32 ")", owner_text(info, name, sizeof(name)),
		     info->owner_uid);
	else if (info->owner_gid != VFIODMA_NONE)
		line(page, "Owner", TONE_PLAIN, "%s (the users of gid %" PRIu32 ")",
		     owner_text(info, name, sizeof(name)), info->owner_gid);
	else
		line(page, "Owner", TONE_PLAIN, "none");
	if (info->holder_uid == VFIODMA_NONE)
		return;
	owner_user_text(info->holder_uid, name, sizeof(name));
	if (info->holder_pid == VFIODMA_NONE)
		line(page, "Held by", TONE_PLAIN, "%s (uid %" PRIu32 ")", name, info->holder_uid);
	else if (holder_command(info->holder_pid, command))
		line(page, "Held by", TONE_PLAIN, "%s (uid %" PRIu32 "), asked for by process %" PRIu32, name,
		     info->holder_uid, info->holder_pid);
	else
		line(page, "Held by", TONE_PLAIN, "%s (uid %" PRIu32 "), asked for by process %" PRIu32 " (%s)", name,
		     info->holder_uid, info->holder_pid, command);
}

static void print_state(const struct page *page, const struct vfiodma_info *info)
{
	static const char *const meanings[] = {
		[VFIODMA_UNMANAGED] = "it is the host's",
		[VFIODMA_ASSIGNING] = "it is being taken from the host",
		[VFIODMA_FREE] = "clean, and nobody has it",
		[VFIODMA_GRANTING] = "it is being handed out",
		[VFIODMA_LEASED] = "a program has it",
		[VFIODMA_REVOKING] = "it is being reset and verified",
		[VFIODMA_UNASSIGNING] = "it is being given back to the host",
		[VFIODMA_QUARANTINED] = "it is not known to be clean, and nobody gets it",
		[VFIODMA_COMPANION] = "taken from the host along with others of its IOMMU group, and nobody gets it",
	};
	const char *name = vfiodma_state_name(info->state);

	if (info->state < sizeof(meanings) / sizeof(*meanings) && meanings[info->state])
		line(page, "State", inventory_tone(info), "%s: %s", name, meanings[info->state]);
	else
		line(page, "State", TONE_PLAIN, "%s (%" PRIu32 ")", name, info->state);
	if (*info->reason)
		line(page, "Reason", TONE_PLAIN, "%s", info->reason);
}

/* Bridges are never handed out, so there is nothing to say. */
static void print_lease(const struct page *page, const struct vfiodma_info *info)
{
	bool leased = info->holder_uid != VFIODMA_NONE;

	if (inventory_is_bridge(info))
		return;
	if (info->flags & VFIODMA_INFO_REVOCABLE)
		line(page, "Revocation", TONE_PLAIN, "at once, by handles");
	else if (leased)
		line(page, "Revocation", TONE_PLAIN,
		     "not possible: it was leased without the module vfiod_handle, or as a whole IOMMU group");
	else
		line(page, "Revocation", TONE_PLAIN,
		     "not possible: the module vfiod_handle is not loaded; load it with: modprobe vfiod_handle");
	if (info->state == VFIODMA_FREE)
		line(page, "Warm", TONE_PLAIN, "%s",
		     info->flags & VFIODMA_INFO_WARM ? "yes: held open and clean, so that a lease waits for no reset"
						     : "no: a lease opens and resets it first");
}

static void print_next_unmanaged(const struct page *page, const struct vfiodma_info *info)
{
	if (inventory_is_bridge(info))
		line(page, "Next", TONE_PLAIN, "nothing: bridges stay with the host");
	else if (info->group == VFIODMA_NONE)
		line(page, "Next", TONE_PLAIN,
		     "it cannot be assigned without an IOMMU: switch VT-d or AMD-Vi on in the firmware, and boot with "
		     "intel_iommu=on or amd_iommu=on");
	else if (!*info->reset)
		line(page, "Next", TONE_PLAIN,
		     "it cannot be assigned, unless a rule in vfiod.conf accepts that the kernel cannot reset it");
	else
		line(page, "Next", TONE_PLAIN, "assign it with: vfioctl assign %s --user NAME", info->address);
}

static void print_next_companion(const struct page *page, const struct inventory *inventory,
				 const struct vfiodma_info *info)
{
	const struct vfiodma_info *leader = inventory_next_leader(inventory, info, NULL);

	if (leader)
		line(page, "Next", TONE_PLAIN, "it goes back to the host together with %s: vfioctl release %s",
		     leader->address, leader->address);
	else
		line(page, "Next", TONE_PLAIN, "wait a moment, and look again");
}

/* Virtual functions that vfiod has made go together. */
static bool print_next_vfs(const struct page *page, const struct inventory *inventory, const struct vfiodma_info *info)
{
	const struct vfiodma_info *parent = inventory_parent(inventory, info);

	if (info->flags & VFIODMA_INFO_HAS_VFS)
		line(page, "Next", TONE_PLAIN, "remove its virtual functions with: vfioctl release %s", info->address);
	else if (parent && info->state == VFIODMA_FREE)
		line(page, "Next", TONE_PLAIN,
		     "its owner can use it; remove it, with the others, with: vfioctl release %s", parent->address);
	else if (parent && info->state == VFIODMA_QUARANTINED)
		line(page, "Next", TONE_PLAIN,
		     "have it reset once more with: vfioctl quarantine clear %s, or remove it, with the others, with: "
		     "vfioctl release %s",
		     info->address, parent->address);
	else
		return false;
	return true;
}

static void print_next(const struct page *page, const struct inventory *inventory, const struct vfiodma_info *info)
{
	if (print_next_vfs(page, inventory, info))
		return;
	switch (info->state) {
	case VFIODMA_UNMANAGED:
		print_next_unmanaged(page, info);
		break;
	case VFIODMA_FREE:
		line(page, "Next", TONE_PLAIN,
		     "its owner can use it; give it back to the host with: vfioctl release %s", info->address);
		break;
	case VFIODMA_GRANTING:
	case VFIODMA_LEASED:
		line(page, "Next", TONE_PLAIN, "it is free again when the program that has it closes it or ends%s%s",
		     info->flags & VFIODMA_INFO_REVOCABLE ? ", or take it back with: vfioctl revoke " : "",
		     info->flags & VFIODMA_INFO_REVOCABLE ? info->address : "");
		break;
	case VFIODMA_QUARANTINED:
		line(page, "Next", TONE_PLAIN,
		     "have it reset once more with: vfioctl quarantine clear %s, or give it back to the host with: "
		     "vfioctl release %s",
		     info->address, info->address);
		break;
	case VFIODMA_COMPANION:
		print_next_companion(page, inventory, info);
		break;
	default:
		line(page, "Next", TONE_PLAIN, "wait a moment, and look again");
	}
}

void show_print(const struct inventory *inventory, struct pcinames *names, const struct vfiodma_info *info,
		const struct vfiodma_isolation *isolations, const struct terminal *terminal, FILE *out)
{
	const struct page page = { terminal, out };

	print_identity(&page, names, info);
	print_group(&page, inventory, info, isolations);
	print_vfs(&page, inventory, info);
	print_driver(&page, info);
	if (info->state != VFIODMA_UNMANAGED)
		line(&page, "Driver before", TONE_PLAIN, "%s", or_none(info->original_driver));
	line(&page, "Reset methods", TONE_PLAIN, "%s", or_none(info->reset));
	print_people(&page, info);
	print_state(&page, info);
	print_lease(&page, info);
	print_next(&page, inventory, info);
}

static int print_json(const struct inventory *inventory, const struct vfiodma_info *info,
		      const struct vfiodma_isolation *isolations)
{
	struct json_object *object;
	struct pcinames *names;
	int error = pcinames_open(NULL, &names);

	if (error)
		return error;
	object = json_device(inventory, names, info);
	pcinames_close(names);
	if (!object)
		return -ENOMEM;
	isolation_add_json(object, isolations);
	return json_print(object, stdout);
}

static int print(const struct invocation *invocation, const struct inventory *inventory,
		 const struct vfiodma_info *info, const struct vfiodma_isolation *isolations)
{
	struct terminal terminal;
	struct pcinames *names;
	int error;

	if (invocation->option[OPTION_JSON])
		return print_json(inventory, info, isolations);
	error = pcinames_open(NULL, &names);
	if (error)
		return error;
	terminal_look(stdout, invocation->option[OPTION_COLOR], &terminal);
	show_print(inventory, names, info, isolations, &terminal, stdout);
	pcinames_close(names);
	return 0;
}

enum exit_status show_run(const struct invocation *invocation)
{
	char address[INVENTORY_ADDRESS_SIZE];
	enum exit_status status = inventory_address(invocation->arguments[0], address);
	struct vfiodma_isolation *isolations = NULL;
	const struct vfiodma_info *info;
	struct vfiodma_session *session;
	struct inventory inventory = { NULL, 0 };

	if (status == STATUS_OK)
		status = connect_vfiod(invocation, false, &session);
	if (status != STATUS_OK)
		return status;
	status = inventory_fetch_device(session, address, &inventory, &info);
	if (status == STATUS_OK && (isolation_fetch(session, &inventory, info, &isolations) ||
				    print(invocation, &inventory, info, isolations)))
		status = failure_no_memory();
	vfiodma_session_close(session);
	free(isolations);
	inventory_free(&inventory);
	return status;
}
