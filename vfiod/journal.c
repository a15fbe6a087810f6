/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vfiod/journal.h"

#include "vfiod/facts.h"

#include <endian.h>
#include <errno.h>
#include <string.h>
#include <zlib.h>

static const unsigned char magic[8] = "vfiodjnl";

struct head {
	unsigned char magic[8];
	uint32_t version;
	uint32_t slots;
	unsigned char zero[JOURNAL_SIZE - 20];
	uint32_t crc; /* of all that is before it */
};

#define FLAG_ORIGIN    (1u << 0)
#define FLAG_HEADER    (1u << 1)
#define FLAG_HANDLES   (1u << 2)
#define FLAG_DEADLINE  (1u << 3)
#define FLAG_COMPANION (1u << 4)
#define FLAG_AUTOPROBE (1u << 5)
#define FLAG_TOKEN     (1u << 6)
#define FLAGS_VFS      (FLAG_AUTOPROBE | FLAG_TOKEN)
#define FLAGS_ALL      (FLAG_ORIGIN | FLAG_HEADER | FLAG_HANDLES | FLAG_DEADLINE | FLAG_COMPANION | FLAGS_VFS)

#define ADDRESS_LAST ((UINT64_C(1) << 48) - 1) /* 32 bits of domain, 16 of bus, slot and function */

#define HEADER_WORDS (sizeof(struct clean_header) / sizeof(uint32_t))

/* All numbers are little-endian.  The fields are in the order of their sizes, so that nothing is between them. */
struct slot {
	uint64_t address;
	uint64_t last_lease;
	uint64_t lease;
	uint64_t deadline_ms;
	uint32_t state;
	uint32_t flags;
	uint32_t owner_uid, owner_gid;
	uint32_t lease_uid, lease_pid;
	uint16_t vendor, device, subsystem_vendor, subsystem_device;
	uint32_t header[HEADER_WORDS];
	char driver[VFIOD_NAME_MAX], override[VFIOD_NAME_MAX];
	char reason[128];
	char pool[VFIOD_NAME_MAX];
	unsigned char token[16];
	uint16_t vfs, vfs_phase;
	unsigned char zero[JOURNAL_SIZE - 312 - HEADER_WORDS * sizeof(uint32_t)];
	uint32_t crc;
};

_Static_assert(sizeof(struct head) == JOURNAL_SIZE, "the head is of the size of a record");
_Static_assert(sizeof(struct slot) == JOURNAL_SIZE, "a record has no holes");

/* CRC-32 as of IEEE 802.3. */
static uint32_t checksum(const void *bytes)
{
	return (uint32_t)crc32(0, bytes, JOURNAL_SIZE - sizeof(uint32_t));
}

static bool is_zero(const void *bytes, size_t size)
{
	const unsigned char *at = bytes;

	for (size_t i = 0; i < size; i++)
		if (at[i])
			return false;
	return true;
}

struct journal_identity journal_identity_of(const struct facts *facts)
{
	return (struct journal_identity){ facts->vendor, facts->device, facts->subsystem_vendor,
					  facts->subsystem_device };
}

/* ---- to bytes ---- */

void journal_encode_head(uint32_t slots, unsigned char bytes[JOURNAL_SIZE])
{
	struct head head = { .version = htole32(JOURNAL_VERSION), .slots = htole32(slots) };

	memcpy(head.magic, magic, sizeof(magic));
	head.crc = htole32(checksum(&head));
	memcpy(bytes, &head, JOURNAL_SIZE);
}

/* Both are of one size, and what is behind the end of @from is nobody's business. */
static void put_text(char *to, const char *from, size_t size)
{
	memset(to, 0, size);
	memcpy(to, from, strnlen(from, size - 1));
}

static uint32_t flags_of(const struct journal_record *record)
{
	return (record->has_origin ? FLAG_ORIGIN : 0) | (record->has_header ? FLAG_HEADER : 0) |
	       (record->companion ? FLAG_COMPANION : 0) |
	       (record->lease.id && record->lease.by_handles ? FLAG_HANDLES : 0) |
	       (record->lease.id && record->lease.deadline_ms != JOURNAL_NO_TIME ? FLAG_DEADLINE : 0) |
	       (record->vfs.count && record->vfs.autoprobe ? FLAG_AUTOPROBE : 0) |
	       (record->vfs.count && record->vfs.token.is ? FLAG_TOKEN : 0);
}

static void put_lease(struct slot *slot, const struct journal_lease *lease)
{
	slot->lease = htole64(lease->id);
	slot->lease_uid = htole32(lease->uid);
	slot->lease_pid = htole32(lease->pid);
	if (slot->flags & htole32(FLAG_DEADLINE))
		slot->deadline_ms = htole64(lease->deadline_ms);
}

static void put_header(struct slot *slot, const struct clean_header *header)
{
	memcpy(slot->header, header, sizeof(slot->header));
	for (size_t i = 0; i < HEADER_WORDS; i++)
		slot->header[i] = htole32(slot->header[i]);
}

static void put_vfs(struct slot *slot, const struct journal_vfs *vfs)
{
	slot->vfs = htole16((uint16_t)vfs->count);
	slot->vfs_phase = htole16((uint16_t)vfs->phase);
	if (vfs->token.is)
		memcpy(slot->token, vfs->token.bytes, sizeof(slot->token));
	put_text(slot->pool, vfs->pool, sizeof(slot->pool));
}

void journal_encode(const struct journal_record *record, unsigned char bytes[JOURNAL_SIZE])
{
	struct slot slot = { 0 };

	slot.address = htole64(record->address);
	slot.last_lease = htole64(record->last_lease);
	slot.state = htole32(record->state);
	slot.flags = htole32(flags_of(record));
	slot.owner_uid = htole32(record->owner.uid);
	slot.owner_gid = htole32(record->owner.gid);
	slot.vendor = htole16(record->identity.vendor);
	slot.device = htole16(record->identity.device);
	slot.subsystem_vendor = htole16(record->identity.subsystem_vendor);
	slot.subsystem_device = htole16(record->identity.subsystem_device);
	if (record->lease.id)
		put_lease(&slot, &record->lease);
	if (record->has_header)
		put_header(&slot, &record->header);
	if (record->has_origin) {
		put_text(slot.driver, record->origin.driver, sizeof(slot.driver));
		put_text(slot.override, record->origin.override, sizeof(slot.override));
	}
	put_text(slot.reason, record->reason, sizeof(slot.reason));
	if (record->vfs.count)
		put_vfs(&slot, &record->vfs);
	slot.crc = htole32(checksum(&slot));
	memcpy(bytes, &slot, JOURNAL_SIZE);
}

void journal_encode_none(uint64_t last_lease, unsigned char bytes[JOURNAL_SIZE])
{
	struct slot slot = { .last_lease = htole64(last_lease) };

	if (last_lease)
		slot.crc = htole32(checksum(&slot));
	memcpy(bytes, &slot, JOURNAL_SIZE);
}

/* ---- from bytes ---- */

static bool is_noted_state(uint32_t state)
{
	return state < STATE_COUNT && state != VFIOD_GONE && state_noted(state) == state;
}

/* It ends, with nothing behind its end. */
static bool is_text(const char *text, size_t size)
{
	size_t length = strnlen(text, size);

	return length < size && is_zero(text + length, size - length);
}

static bool lease_fits(const struct slot *slot)
{
	uint32_t state = le32toh(slot->state), flags = le32toh(slot->flags);

	if (!slot->lease)
		return state != VFIOD_LEASED && !slot->lease_uid && !slot->lease_pid && !slot->deadline_ms &&
		       !(flags & (FLAG_HANDLES | FLAG_DEADLINE));
	return (state == VFIOD_LEASED || state == VFIOD_REVOKING) &&
	       le64toh(slot->lease) <= le64toh(slot->last_lease) &&
	       (flags & FLAG_DEADLINE ? le64toh(slot->deadline_ms) != JOURNAL_NO_TIME : !slot->deadline_ms);
}

/* It is either a user's or a group's; nobody's where it is the host's, and has no virtual functions that are. */
static bool owner_fits(const struct slot *slot)
{
	unsigned int owners = (slot->owner_uid != htole32(VFIOD_NONE)) + (slot->owner_gid != htole32(VFIOD_NONE));

	return owners == (slot->state != htole32(VFIOD_UNMANAGED) || slot->vfs);
}

static bool vfs_fit(const struct slot *slot)
{
	uint32_t flags = le32toh(slot->flags), phase = le16toh(slot->vfs_phase);

	if (!(flags & FLAG_TOKEN) && !is_zero(slot->token, sizeof(slot->token)))
		return false;
	if (!slot->vfs)
		return !phase && !(flags & FLAGS_VFS) && is_zero(slot->pool, sizeof(slot->pool));
	return slot->state == htole32(VFIOD_UNMANAGED) && phase >= JOURNAL_VFS_MAKING && phase <= JOURNAL_VFS_LEAVING &&
	       is_text(slot->pool, sizeof(slot->pool));
}

/* What is a companion is noted as one with where it was, and nothing else is but on the ways to that and from there. */
static bool companion_fits(const struct slot *slot)
{
	uint32_t state = le32toh(slot->state), flags = le32toh(slot->flags);

	if (!(flags & FLAG_COMPANION))
		return state != VFIOD_COMPANION;
	return flags & FLAG_ORIGIN &&
	       (state == VFIOD_COMPANION || state == VFIOD_ASSIGNING || state == VFIOD_UNASSIGNING);
}

/* Nothing is where nothing has to be, so that there is one way to write a record. */
static bool slot_fits(const struct slot *slot)
{
	uint32_t flags = le32toh(slot->flags);

	return le32toh(slot->crc) == checksum(slot) && is_noted_state(le32toh(slot->state)) && !(flags & ~FLAGS_ALL) &&
	       le64toh(slot->address) <= ADDRESS_LAST && owner_fits(slot) && lease_fits(slot) && companion_fits(slot) &&
	       vfs_fit(slot) && is_text(slot->driver, sizeof(slot->driver)) &&
	       is_text(slot->override, sizeof(slot->override)) && is_text(slot->reason, sizeof(slot->reason)) &&
	       (flags & FLAG_ORIGIN || (!slot->driver[0] && !slot->override[0])) &&
	       (flags & FLAG_HEADER || is_zero(slot->header, sizeof(slot->header))) &&
	       !!slot->reason[0] == (slot->state == htole32(VFIOD_QUARANTINED)) &&
	       is_zero(slot->zero, sizeof(slot->zero));
}

/* It has nothing but the number of a lease, and not even that where there was none yet. */
static bool is_none(const struct slot *slot)
{
	struct slot none = { .last_lease = slot->last_lease };

	if (none.last_lease)
		none.crc = htole32(checksum(&none));
	return !memcmp(slot, &none, sizeof(none));
}

static void take_header(const struct slot *slot, struct clean_header *header)
{
	uint32_t words[HEADER_WORDS];

	for (size_t i = 0; i < HEADER_WORDS; i++)
		words[i] = le32toh(slot->header[i]);
	memcpy(header, words, sizeof(words));
}

static void take_vfs(const struct slot *slot, struct journal_vfs *vfs)
{
	uint32_t flags = le32toh(slot->flags);

	*vfs = (struct journal_vfs){
		.count = le16toh(slot->vfs),
		.phase = le16toh(slot->vfs_phase),
		.autoprobe = flags & FLAG_AUTOPROBE,
		.token.is = flags & FLAG_TOKEN,
	};
	memcpy(vfs->token.bytes, slot->token, sizeof(slot->token));
	memcpy(vfs->pool, slot->pool, sizeof(slot->pool));
}

static void take(const struct slot *slot, struct journal_record *record)
{
	uint32_t flags = le32toh(slot->flags);

	*record = (struct journal_record){
		.address = le64toh(slot->address),
		.state = le32toh(slot->state),
		.last_lease = le64toh(slot->last_lease),
		.identity = { le16toh(slot->vendor), le16toh(slot->device), le16toh(slot->subsystem_vendor),
			      le16toh(slot->subsystem_device) },
		.owner = { le32toh(slot->owner_uid), le32toh(slot->owner_gid) },
		.companion = flags & FLAG_COMPANION,
		.has_origin = flags & FLAG_ORIGIN,
		.has_header = flags & FLAG_HEADER,
		.lease = {
			.id = le64toh(slot->lease),
			.uid = le32toh(slot->lease_uid),
			.pid = le32toh(slot->lease_pid),
			.by_handles = flags & FLAG_HANDLES,
			.deadline_ms = flags & FLAG_DEADLINE ? le64toh(slot->deadline_ms) : JOURNAL_NO_TIME,
		},
	};
	take_header(slot, &record->header);
	take_vfs(slot, &record->vfs);
	memcpy(record->origin.driver, slot->driver, sizeof(slot->driver));
	memcpy(record->origin.override, slot->override, sizeof(slot->override));
	memcpy(record->reason, slot->reason, sizeof(slot->reason));
}

/* Return: 0, and how many slots there are; or as journal_decode(). */
static int check_head(const unsigned char *bytes, size_t size, size_t *slots)
{
	struct head head;

	if (size < sizeof(head))
		return -EBADMSG;
	memcpy(&head, bytes, sizeof(head));
	if (memcmp(head.magic, magic, sizeof(magic)) || le32toh(head.crc) != checksum(&head))
		return -EBADMSG;
	/* what else is in the head of a newer one is not ours to judge */
	if (le32toh(head.version) > JOURNAL_VERSION)
		return -EPROTONOSUPPORT;
	if (le32toh(head.version) < JOURNAL_VERSION_MIN || !is_zero(head.zero, sizeof(head.zero)) ||
	    size % JOURNAL_SIZE || size / JOURNAL_SIZE - 1 != le32toh(head.slots))
		return -EBADMSG;
	*slots = le32toh(head.slots);
	return 0;
}

static bool has(const struct journal_record *records, size_t count, uint64_t address)
{
	for (size_t i = 0; i < count; i++)
		if (records[i].address == address)
			return true;
	return false;
}

int journal_decode(const void *bytes, size_t size, struct journal_record *records, size_t *count, size_t *damaged,
		   uint64_t *last_lease)
{
	const unsigned char *at = bytes;
	size_t slots, found = 0, bad = 0;
	uint64_t newest = 0;
	int err = check_head(at, size, &slots);

	if (err)
		return err;
	for (size_t i = 1; i <= slots; i++) {
		struct slot slot;

		memcpy(&slot, at + i * JOURNAL_SIZE, JOURNAL_SIZE);
		if (!is_none(&slot) && !slot_fits(&slot)) {
			bad++;
			continue;
		}
		if (le64toh(slot.last_lease) > newest)
			newest = le64toh(slot.last_lease);
		if (is_none(&slot))
			continue;
		if (has(records, found, le64toh(slot.address)))
			return -EEXIST;
		take(&slot, &records[found++]);
	}
	*count = found;
	*damaged = bad;
	*last_lease = newest;
	return 0;
}
