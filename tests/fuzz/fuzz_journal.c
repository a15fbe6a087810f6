/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libFuzzer on the decoder of the journal, and on what is kept of an assignment, which is a journal of one record.
 *
 * The first byte of the input says of each of the first eight records, the head being the first, whether its checksum
 * is put right before it is decoded: what the checksum keeps out would be all that is ever tried otherwise.
 *
 * Of what is taken for a record, all bytes are known: encoded again, it is the same.
 */
#include "proto/address.h"
#include "tests/fuzz/want.h"
#include "vfiod/journal.h"
#include "vfiod/kept.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char state_dir[] = "build/fuzz/kept-XXXXXX";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

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

/* ---- kept.c ---- */

static void remove_state(void)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/assigned", state_dir);
	rmdir(path);
	rmdir(state_dir);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	char path[PATH_MAX];

	(void)argc;
	(void)argv;
	want(mkdtemp(state_dir));
	snprintf(path, sizeof(path), "%s/assigned", state_dir);
	want(!mkdir(path, 0700));
	atexit(remove_state);
	/* what cannot be read is said, which is not looked at here */
	want(freopen("/dev/null", "w", stdout));
	return 0;
}

/* The file of a function: what is taken of it is that function's, and is what the journal's decoder sees in it. */
static void keep(const unsigned char *bytes, size_t size, const struct journal_record *expected, uint64_t address)
{
	char path[PATH_MAX], name[PROTO_ADDRESS_LEN];
	const struct journal_record *list;
	struct kept *kept = NULL;
	size_t count;
	int fd;

	snprintf(path, sizeof(path), "%s/assigned/%s", state_dir, proto_address_format(address, name));
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	want(fd >= 0 && write(fd, bytes, size) == (ssize_t)size);
	close(fd);
	want(!kept_new(state_dir, &kept));
	list = kept_list(kept, &count);
	want(count == (expected != NULL) && kept_find(kept, address) == (expected ? list : NULL));
	if (expected) {
		unsigned char one[JOURNAL_SIZE], other[JOURNAL_SIZE];

		journal_encode(expected, one);
		journal_encode(list, other);
		want(!memcmp(one, other, JOURNAL_SIZE));
	}
	kept_free(kept);
	unlink(path);
}

static void try_kept(const unsigned char *bytes, size_t size, const struct journal_record *records, size_t count)
{
	bool fits = size == (size_t)2 * JOURNAL_SIZE && count == 1 && records[0].state == VFIOD_FREE;
	uint64_t address = count ? records[0].address : 0;

	keep(bytes, size, fits ? &records[0] : NULL, address);
	keep(bytes, size, NULL, address ^ 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct journal_record *records;
	unsigned char *bytes;
	size_t count = 0, damaged = 0;
	uint64_t last_lease = 0;

	if (!size)
		return 0;
	size--;
	bytes = malloc(size + 1);
	records = malloc((size / JOURNAL_SIZE + 1) * sizeof(*records));
	memcpy(bytes, data + 1, size);
	for (size_t i = 0; i < 8 && (i + 1) * JOURNAL_SIZE <= size; i++)
		if (data[0] & 1u << i)
			put_right(bytes + i * JOURNAL_SIZE);
	if (!journal_decode(bytes, size, records, &count, &damaged, &last_lease)) {
		want(count + damaged < size / JOURNAL_SIZE);
		for (size_t i = 0; i < count; i++)
			want(is_in(bytes, size, &records[i]) && records[i].last_lease <= last_lease);
	} else {
		want(!count && !damaged && !last_lease);
	}
	/* about as long as it has to be: the rest is all the same, and each takes a file */
	if (size + 1 >= (size_t)2 * JOURNAL_SIZE && size <= (size_t)2 * JOURNAL_SIZE + 1)
		try_kept(bytes, size, records, count);
	free(records);
	free(bytes);
	return 0;
}
