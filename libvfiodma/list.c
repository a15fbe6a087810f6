/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What PCI functions there are. */
#include "libvfiodma/session.h"
#include "proto/address.h"

#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static_assert(VFIODMA_NONE == VFIOD_NONE, "none is passed on as it is");
static_assert((int)VFIODMA_UNMANAGED == (int)VFIOD_UNMANAGED && (int)VFIODMA_QUARANTINED == (int)VFIOD_QUARANTINED &&
		      (int)VFIODMA_COMPANION == (int)VFIOD_COMPANION,
	      "states are passed on as they are");
static_assert(sizeof(((struct vfiodma_info *)0)->driver) == VFIOD_NAME_MAX, "names are copied whole");
static_assert(sizeof(((struct vfiodma_info *)0)->reason) == sizeof(((struct vfiod_device *)0)->reason),
	      "the reason is copied whole");
static_assert(sizeof(((struct vfiodma_info *)0)->address) == PROTO_ADDRESS_LEN &&
		      sizeof(((struct vfiodma_info *)0)->physical_function) >= PROTO_ADDRESS_LEN,
	      "every address fits");

/* NOLINTBEGIN(misc-redundant-expression): it is the values that are compared */
static_assert((int)VFIODMA_INFO_REVOCABLE == (int)VFIOD_DEVICE_REVOCABLE &&
		      (int)VFIODMA_INFO_WARM == (int)VFIOD_DEVICE_WARM &&
		      (int)VFIODMA_INFO_STRICT == (int)VFIOD_DEVICE_STRICT &&
		      (int)VFIODMA_INFO_VIRTUAL == (int)VFIOD_DEVICE_VIRTUAL &&
		      (int)VFIODMA_INFO_HAS_VFS == (int)VFIOD_DEVICE_HAS_VFS,
	      "flags are passed on as they are");
static_assert((int)VFIODMA_ISOLATION_BUS == (int)VFIOD_ISOLATION_BUS &&
		      (int)VFIODMA_ISOLATION_PORT == (int)VFIOD_ISOLATION_PORT &&
		      (int)VFIODMA_ISOLATION_DEVICE == (int)VFIOD_ISOLATION_DEVICE &&
		      VFIODMA_ACS_NONE == VFIOD_ACS_NONE,
	      "causes are passed on as they are");
/* NOLINTEND(misc-redundant-expression) */

const char *vfiodma_state_name(uint32_t state)
{
	static const char *const names[] = {
		[VFIODMA_UNMANAGED] = "unmanaged",
		[VFIODMA_ASSIGNING] = "assigning",
		[VFIODMA_FREE] = "free",
		[VFIODMA_GRANTING] = "granting",
		[VFIODMA_LEASED] = "leased",
		[VFIODMA_REVOKING] = "revoking",
		[VFIODMA_UNASSIGNING] = "unassigning",
		[VFIODMA_QUARANTINED] = "quarantined",
		[VFIODMA_COMPANION] = "companion",
	};

	return state < sizeof(names) / sizeof(names[0]) && names[state] ? names[state] : "unknown";
}

/* One page of the list: records in ascending order, in the message that they came in. */
struct page {
	struct proto_msg reply;
	const struct vfiod_device *devices;
	uint32_t count;
};

static bool record_makes_sense(const struct vfiod_device *device, uint64_t start)
{
	return le64toh(device->address) >= start && le64toh(device->address) <= PROTO_ADDRESS_LAST &&
	       session_text_ends(device->driver, sizeof(device->driver)) &&
	       session_text_ends(device->original_driver, sizeof(device->original_driver)) &&
	       session_text_ends(device->reset, sizeof(device->reset)) &&
	       session_text_ends(device->reason, sizeof(device->reason));
}

static int get_page(struct vfiodma_session *session, uint64_t start, uint32_t max, struct page *page)
{
	const struct vfiod_list_req request = { .start = htole64(start), .max = htole32(max) };
	const struct vfiod_list_rep *list = proto_msg_body(&page->reply);
	int err = session_request(session, VFIOD_LIST, &request, sizeof(request), &page->reply);

	if (err)
		return err;
	page->devices = list->devices;
	page->count = le32toh(list->count);
	if (page->count > max)
		return session_bad_reply(session, &page->reply, "it has more records than were asked for");
	for (uint32_t i = 0; i < page->count; i++) {
		if (!record_makes_sense(&page->devices[i], start))
			return session_bad_reply(session, &page->reply, "a record is out of order or not complete");
		start = le64toh(page->devices[i].address) + 1;
	}
	return 0;
}

static void note_physical_function(const struct vfiod_device *device, struct vfiodma_info *info)
{
	uint64_t domain = le64toh(device->address) & ~UINT64_C(0xffff);

	if (info->flags & VFIODMA_INFO_VIRTUAL)
		proto_address_format(domain | (le32toh(device->physical) & 0xffff), info->physical_function);
}

static void info_from_record(const struct vfiod_device *device, struct vfiodma_info *info)
{
	*info = (struct vfiodma_info){
		.size = sizeof(*info),
		.state = le32toh(device->state),
		.vendor = le16toh(device->vendor),
		.device = le16toh(device->device),
		.subsystem_vendor = le16toh(device->subsystem_vendor),
		.subsystem_device = le16toh(device->subsystem_device),
		.class_code = le32toh(device->class_code),
		.group = le32toh(device->group),
		.numa_node = le32toh(device->numa_node),
		.owner_uid = le32toh(device->owner_uid),
		.owner_gid = le32toh(device->owner_gid),
		.holder_uid = le32toh(device->holder_uid),
		.holder_pid = le32toh(device->holder_pid),
		.flags = le32toh(device->flags),
	};
	proto_address_format(le64toh(device->address), info->address);
	memcpy(info->driver, device->driver, sizeof(info->driver));
	memcpy(info->original_driver, device->original_driver, sizeof(info->original_driver));
	memcpy(info->reset, device->reset, sizeof(info->reset));
	memcpy(info->reason, device->reason, sizeof(info->reason));
	note_physical_function(device, info);
}

/* Appends a page; *infos and *count always belong together, also on error. */
static int append(const struct page *page, struct vfiodma_info **infos, size_t *count)
{
	struct vfiodma_info *grown = realloc(*infos, (*count + page->count) * sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	for (uint32_t i = 0; i < page->count; i++)
		info_from_record(&page->devices[i], &grown[*count + i]);
	*infos = grown;
	*count += page->count;
	return 0;
}

int vfiodma_list(struct vfiodma_session *session, struct vfiodma_info **infos, size_t *count)
{
	struct vfiodma_info *found = NULL;
	size_t found_count = 0;
	uint64_t start = 0;
	struct page page;
	int err;

	while (!(err = get_page(session, start, VFIOD_LIST_MAX, &page)) && page.count) {
		err = append(&page, &found, &found_count);
		if (err) {
			errors_add(session->errors, err, "no memory for the list of PCI functions");
			break;
		}
		start = le64toh(page.devices[page.count - 1].address) + 1;
	}
	if (err) {
		free(found);
		return err;
	}
	*infos = found;
	*count = found_count;
	return 0;
}

int vfiodma_show(struct vfiodma_session *session, const char *address, struct vfiodma_info *info)
{
	struct page page;
	uint64_t wanted;
	int err = session_address(session, address, &wanted);

	if (!err)
		err = get_page(session, wanted, 1, &page);
	if (err)
		return err;
	if (!page.count || le64toh(page.devices[0].address) != wanted)
		return errors_add(
			session->errors, -ENODEV,
			"there is no PCI function %s: vfiodma_list() and \"vfioctl list\" tell which there are",
			address);
	info_from_record(&page.devices[0], info);
	return 0;
}

int vfiodma_isolation(struct vfiodma_session *session, const char *address, const char *other,
		      struct vfiodma_isolation *isolation)
{
	struct vfiod_isolation_req request = { 0 };
	struct proto_msg reply;
	const struct vfiod_isolation_rep *told = proto_msg_body(&reply);
	uint64_t one, two, at;
	int err = session_address(session, address, &one);

	if (!err)
		err = session_address(session, other, &two);
	if (!err)
		err = session_needs(session, 3, "does not tell why functions share an IOMMU group");
	if (err)
		return err;
	request.address = htole64(one);
	request.other = htole64(two);
	err = session_request(session, VFIOD_ISOLATION, &request, sizeof(request), &reply);
	if (err)
		return err;
	at = le64toh(told->at);
	if (at > PROTO_ADDRESS_LAST && at != VFIOD_NO_ADDRESS)
		return session_bad_reply(session, &reply, "it names no function");
	*isolation = (struct vfiodma_isolation){ .size = sizeof(*isolation) };
	isolation->cause = le32toh(told->cause);
	isolation->acs = le32toh(told->acs);
	if (at != VFIOD_NO_ADDRESS)
		proto_address_format(at, isolation->at);
	return 0;
}
