/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libFuzzer on the decoder of the journal.
 *
 * The first byte of the input says of each of the first eight records, the head being the first, whether its checksum
 * is put right before it is decoded: what the checksum keeps out would be all that is ever tried otherwise.
 *
 * Of what is taken for a record, all bytes are known: encoded again, it is the same.
 */
#include "vfiod/journal.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void want(bool condition)
{
	if (!condition)
		abort();
}

static void put_right(unsigned char *at)
{
	uint32_t crc = ~0u;

	for (size_t i = 0; i < JOURNAL_SIZE - 4; i++) {
		crc ^= at[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc & 1 ? crc >> 1 ^ 0xedb88320u : crc >> 1;
	}
	crc = ~crc;
	for (int i = 0; i < 4; i++)
		at[JOURNAL_SIZE - 4 + i] = (unsigned char)(crc >> 8 * i);
}

static bool is_in(const unsigned char *bytes, size_t size, const struct journal_record *record)
{
	unsigned char again[JOURNAL_SIZE];

	journal_encode(record, again);
	for (size_t at = JOURNAL_SIZE; at < size; at += JOURNAL_SIZE)
		if (!memcmp(bytes + at, again, JOURNAL_SIZE))
			return true;
	return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct journal_record *records;
	unsigned char *bytes;
	size_t count = 0, damaged = 0;

	if (!size)
		return 0;
	size--;
	bytes = malloc(size + 1);
	records = malloc((size / JOURNAL_SIZE + 1) * sizeof(*records));
	memcpy(bytes, data + 1, size);
	for (size_t i = 0; i < 8 && (i + 1) * JOURNAL_SIZE <= size; i++)
		if (data[0] & 1u << i)
			put_right(bytes + i * JOURNAL_SIZE);
	if (!journal_decode(bytes, size, records, &count, &damaged)) {
		want(count + damaged < size / JOURNAL_SIZE);
		for (size_t i = 0; i < count; i++)
			want(is_in(bytes, size, &records[i]));
	} else {
		want(!count && !damaged);
	}
	free(records);
	free(bytes);
	return 0;
}
