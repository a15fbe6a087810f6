/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libFuzzer on libpcicfg: a config space and a sequence of accesses, held against pcicfg_owner.c as the property tests
 * do.
 *
 * The input: a byte of flags (bit 0: 4096 bytes, 1: VF, 2: no INTx) and one per BAR (0 to 5, ROM: log2 of the length in
 * bits 0 to 5, 64-bit in bit 6, I/O in bit 7); then records of 7 bytes (offset of 16 bits, a kind, a value of 32 bits):
 * kind 0 puts a dword into the config space, until the first of another kind; then bit 3 says write, bits 0 and 1 the
 * width.
 */
#include "libpcicfg/pcicfg_people.h"
#include "tests/unit/pcicfg_owner.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define RECORD 7

static struct hw hw, expected;
static struct owner owner;
static struct pcicfg cfg;

struct record {
	uint16_t offset;
	uint8_t kind;
	uint32_t value;
};

static bool next_record(const uint8_t **data, size_t *size, struct record *record)
{
	const uint8_t *at = *data;

	if (*size < RECORD)
		return false;
	record->offset = (uint16_t)(at[0] | at[1] << 8);
	record->kind = at[2];
	record->value = at[3] | (uint32_t)at[4] << 8 | (uint32_t)at[5] << 16 | (uint32_t)at[6] << 24;
	*data += RECORD;
	*size -= RECORD;
	return true;
}

static void read_facts(const uint8_t *data, struct pcicfg_facts *facts)
{
	memset(facts, 0, sizeof(*facts));
	facts->size = data[0] & 1 ? 4096 : 256;
	facts->flags = (data[0] & 2 ? PCICFG_VF : 0) | (data[0] & 4 ? PCICFG_NO_INTX : 0);
	facts->vendor = 0x1234;
	facts->device = 0x5678;
	for (unsigned int bar = 0; bar < PCICFG_BARS; bar++) {
		facts->bar[bar].length = data[1 + bar] & 63 ? 1ull << (data[1 + bar] & 63) : 0;
		facts->bar[bar].flags =
			(data[1 + bar] & 64 ? PCICFG_BAR_64BIT : 0) | (data[1 + bar] & 128 ? PCICFG_BAR_IO : 0);
	}
}

static void want(bool condition)
{
	if (!condition)
		abort();
}

static void do_read(const struct record *record, unsigned int width)
{
	uint32_t value = 0;
	bool is_good = record->offset % width == 0 && record->offset < hw.size;

	hw_forget(&hw);
	if (!is_good) {
		want(pcicfg_read(&cfg, record->offset, width, &value) == -EINVAL && !hw.reads);
		return;
	}
	want(!pcicfg_read(&cfg, record->offset, width, &value));
	want(value == owner_reads(&owner, &hw, record->offset, width));
	want(!hw.bad && !hw.writes && hw.reads <= 1 && (!hw.reads || hw.read_width == width));
}

static void do_write(const struct record *record, unsigned int width)
{
	struct pcicfg_events events;
	bool is_good = record->offset % width == 0 && record->offset < hw.size;
	int error;

	hw_user_writes(&hw, record->offset, width, record->value);
	error = pcicfg_write(&cfg, record->offset, width, record->value, &events);
	want(events.count <= PCICFG_EVENTS_MAX && !hw.bad && hw.reads <= 1 && hw.writes <= 1 && !hw.cleared_unasked);
	want(!hw.writes || (hw.write_offset == record->offset && hw.write_width == width));
	if (!is_good) {
		want(error == -EINVAL && !hw.reads && !hw.writes && !events.count);
		return;
	}
	/* a word of all ones that is in part the host's: nobody answered */
	if (error == -ENODEV) {
		want(!hw.writes && !events.count && width > 1 &&
		     hw_get(&hw, record->offset, width) == ~0u >> (32 - 8 * width));
		return;
	}
	want(!error);
	owner_writes(&owner, &expected, record->offset, width, record->value);
	want(!memcmp(hw.memory, expected.memory, hw.size));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What people are told of a function is within its space. */
static void look(void)
{
	static struct pcicfg_found found[PCICFG_FOUND_MAX];
	uint32_t masks[PCICFG_CONDITIONS];
	int count = pcicfg_find(&cfg, found);

	want(count >= 1 && count <= PCICFG_FOUND_MAX);
	for (int i = 0; i < count; i++) {
		want(found[i].length >= 1 && found[i].offset + found[i].length <= cfg.size);
		pcicfg_conditions(&cfg, found[i].offset, masks);
		want((masks[0] | masks[1] | masks[2] | masks[3] | masks[4]) == ~0u);
		for (size_t k = 0; k < found[i].register_count; k++)
			want(found[i].registers[k].offset < found[i].length);
	}
}

/* The other decoder: what is taken for a recording, as it is or as the bytes of sysfs, has a header and can be seen. */
static void parse_dump(const uint8_t *data, size_t size)
{
	static struct pcicfg_dump dump;
	static uint8_t bytes[4096];
	struct pcicfg_facts facts;

	if (pcicfg_dump_parse(&dump, data, size)) {
		memset(bytes, 0, sizeof(bytes));
		memcpy(bytes, data, size < sizeof(bytes) ? size : sizeof(bytes));
		if (pcicfg_dump_parse(&dump, bytes, size <= 256 ? 256 : 4096))
			return;
	}
	want((dump.size == 256 || dump.size == 4096) && dump.recorded >= 64 && dump.recorded <= dump.size);
	pcicfg_dump_facts(&dump, &facts);
	if (!pcicfg_open(&cfg, &facts, &pcicfg_dump_hw, &dump))
		look();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pcicfg_facts facts;
	struct record record = { .kind = 1 };
	bool more;

	parse_dump(data, size);
	if (size < 1 + PCICFG_BARS)
		return 0;
	read_facts(data, &facts);
	data += 1 + PCICFG_BARS;
	size -= 1 + PCICFG_BARS;
	hw_init(&hw, facts.size);
	hw_put(&hw, 0, 4, facts.flags & PCICFG_VF ? ~0u : 0x56781234);
	while ((more = next_record(&data, &size, &record)) && !record.kind)
		hw_put(&hw, (uint16_t)(record.offset % facts.size & ~3u), 4, record.value);
	for (unsigned int at = 0; at < facts.size; at++)
		hw.rw1c[at] = (uint8_t)(at * 0x9d);
	owner_find_out(&owner, &hw, &facts);
	owner_settle(&owner, &hw);
	expected = hw;
	if (pcicfg_open(&cfg, &facts, &hw_access, &hw))
		return 0;
	want(!memcmp(hw.memory, expected.memory, sizeof(hw.memory)));
	for (; more; more = next_record(&data, &size, &record)) {
		unsigned int width = 1u << (record.kind & 3) % 3;

		if (record.kind & 8)
			do_write(&record, width);
		else
			do_read(&record, width);
	}
	look();
	return 0;
}
