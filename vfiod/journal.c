/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vfiod/journal.h"

#include "vfiod/facts.h"

#include <endian.h>
#include <errno.h>
#include <string.h>

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

/*
 * CRC-32 as of IEEE 802.3, four bytes at once: what each half byte of them comes to does not wait for another's.  A
 * lease has to wait for this.
 */
static uint32_t checksum(const void *bytes)
{
	/* of a half byte, by its place in the four bytes */
	static const uint32_t table[8][16] = {
		{ 0x00000000, 0xb8bc6765, 0xaa09c88b, 0x12b5afee, 0x8f629757, 0x37def032, 0x256b5fdc, 0x9dd738b9,
		  0xc5b428ef, 0x7d084f8a, 0x6fbde064, 0xd7018701, 0x4ad6bfb8, 0xf26ad8dd, 0xe0df7733, 0x58631056 },
		{ 0x00000000, 0x5019579f, 0xa032af3e, 0xf02bf8a1, 0x9b14583d, 0xcb0d0fa2, 0x3b26f703, 0x6b3fa09c,
		  0xed59b63b, 0xbd40e1a4, 0x4d6b1905, 0x1d724e9a, 0x764dee06, 0x2654b999, 0xd67f4138, 0x866616a7 },
		{ 0x00000000, 0x01c26a37, 0x0384d46e, 0x0246be59, 0x0709a8dc, 0x06cbc2eb, 0x048d7cb2, 0x054f1685,
		  0x0e1351b8, 0x0fd13b8f, 0x0d9785d6, 0x0c55efe1, 0x091af964, 0x08d89353, 0x0a9e2d0a, 0x0b5c473d },
		{ 0x00000000, 0x1c26a370, 0x384d46e0, 0x246be590, 0x709a8dc0, 0x6cbc2eb0, 0x48d7cb20, 0x54f16850,
		  0xe1351b80, 0xfd13b8f0, 0xd9785d60, 0xc55efe10, 0x91af9640, 0x8d893530, 0xa9e2d0a0, 0xb5c473d0 },
		{ 0x00000000, 0x191b3141, 0x32366282, 0x2b2d53c3, 0x646cc504, 0x7d77f445, 0x565aa786, 0x4f4196c7,
		  0xc8d98a08, 0xd1c2bb49, 0xfaefe88a, 0xe3f4d9cb, 0xacb54f0c, 0xb5ae7e4d, 0x9e832d8e, 0x87981ccf },
		{ 0x00000000, 0x4ac21251, 0x958424a2, 0xdf4636f3, 0xf0794f05, 0xbabb5d54, 0x65fd6ba7, 0x2f3f79f6,
		  0x3b83984b, 0x71418a1a, 0xae07bce9, 0xe4c5aeb8, 0xcbfad74e, 0x8138c51f, 0x5e7ef3ec, 0x14bce1bd },
		{ 0x00000000, 0x77073096, 0xee0e612c, 0x990951ba, 0x076dc419, 0x706af48f, 0xe963a535, 0x9e6495a3,
		  0x0edb8832, 0x79dcb8a4, 0xe0d5e91e, 0x97d2d988, 0x09b64c2b, 0x7eb17cbd, 0xe7b82d07, 0x90bf1d91 },
		{ 0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c,
		  0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c, 0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c },
	};
	const unsigned char *at = bytes;
	uint32_t crc = ~0u, word, next;

	_Static_assert((JOURNAL_SIZE - sizeof(crc)) % sizeof(word) == 0, "nothing is left over");
	for (size_t i = 0; i < JOURNAL_SIZE - sizeof(crc); i += sizeof(word)) {
		memcpy(&word, at + i, sizeof(word));
		word = crc ^ le32toh(word);
		next = 0;
		for (unsigned int half = 0; half < 8; half++)
			next ^= table[half][word >> (4 * half) & 15];
		crc = next;
	}
	return ~crc;
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

	memset(bytes, 0, JOURNAL_SIZE);
	if (!record)
		return;
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

int journal_decode(const void *bytes, size_t size, struct journal_record *records, size_t *count, size_t *damaged)
{
	const unsigned char *at = bytes;
	size_t slots, found = 0, bad = 0;
	int err = check_head(at, size, &slots);

	if (err)
		return err;
	for (size_t i = 1; i <= slots; i++) {
		struct slot slot;

		memcpy(&slot, at + i * JOURNAL_SIZE, JOURNAL_SIZE);
		if (is_zero(&slot, sizeof(slot)))
			continue;
		if (!slot_fits(&slot)) {
			bad++;
			continue;
		}
		if (has(records, found, le64toh(slot.address)))
			return -EEXIST;
		take(&slot, &records[found++]);
	}
	*count = found;
	*damaged = bad;
	return 0;
}
