/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vfiod/kept.h"

#include "proto/address.h"
#include "vfiod/facts.h"
#include "vfiod/log.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FOLDER "assigned"
#define SIZE   ((size_t)2 * JOURNAL_SIZE)

struct kept {
	struct journal_record *records;
	size_t count, room;
};

/* ---- what the loop knows ---- */

const struct journal_record *kept_list(const struct kept *kept, size_t *count)
{
	*count = kept ? kept->count : 0;
	return kept ? kept->records : NULL;
}

const struct journal_record *kept_find(const struct kept *kept, uint64_t address)
{
	for (size_t i = 0; kept && i < kept->count; i++)
		if (kept->records[i].address == address)
			return &kept->records[i];
	return NULL;
}

static int add(struct kept *kept, const struct journal_record *record)
{
	if (kept->count == kept->room) {
		size_t room = kept->room ? kept->room * 2 : 16;
		struct journal_record *records = reallocarray(kept->records, room, sizeof(records[0]));

		if (!records)
			return -ENOMEM;
		kept->records = records;
		kept->room = room;
	}
	kept->records[kept->count++] = *record;
	return 0;
}

void kept_note(struct kept *kept, const struct journal_record *record)
{
	if (!kept)
		return;
	kept_drop(kept, record->address);
	if (add(kept, record))
		log_line(LOG_ERR, "out of memory: an assignment is not made again before vfiod starts anew");
}

void kept_drop(struct kept *kept, uint64_t address)
{
	for (size_t i = 0; kept && i < kept->count; i++)
		if (kept->records[i].address == address)
			kept->records[i--] = kept->records[--kept->count];
}

void kept_free(struct kept *kept)
{
	if (kept)
		free(kept->records);
	free(kept);
}

/* ---- reading ---- */

static int decode(const unsigned char *bytes, size_t size, uint64_t address, struct journal_record *record)
{
	struct journal_record records[SIZE / JOURNAL_SIZE];
	size_t count, damaged;
	uint64_t last_lease;
	int err = journal_decode(bytes, size, records, &count, &damaged, &last_lease);

	if (err)
		return err;
	if (count != 1 || records[0].address != address || (records[0].state != VFIOD_FREE && !records[0].vfs.count))
		return -EBADMSG;
	*record = records[0];
	return 0;
}

static int read_one(int folder, const char *name, uint64_t address, struct journal_record *record)
{
	unsigned char bytes[SIZE + 1]; /* one more, to see what is too long */
	int fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK), err = 0;
	ssize_t size;

	if (fd < 0)
		return -errno;
	size = read(fd, bytes, sizeof(bytes));
	if (size < 0)
		err = -errno;
	close(fd);
	return err ? err : decode(bytes, (size_t)size, address, record);
}

static const char *explain(int err)
{
	if (err == -EPROTONOSUPPORT)
		return "a newer vfiod has written it, which knows it again";
	return err == -EBADMSG || err == -EEXIST ? "it is damaged" : strerror(-err);
}

static int read_all(struct kept *kept, const char *path, DIR *folder)
{
	const struct dirent *entry;
	int err = 0;

	while (!err && (entry = readdir(folder))) {
		struct journal_record record;
		uint64_t address;
		int wrong;

		if (proto_address_parse(entry->d_name, &address))
			continue; /* "." and "..", or a new one that was never finished */
		wrong = read_one(dirfd(folder), entry->d_name, address, &record);
		if (!wrong)
			err = add(kept, &record);
		else if (facts_is_want(-wrong))
			err = wrong;
		else
			log_line(
				LOG_ERR,
				"%s/%s cannot be read: %s; the function stays with the host until it is assigned again",
				path, entry->d_name, explain(wrong));
	}
	return err;
}

int kept_new(const char *dir, struct kept **kept)
{
	struct kept *made = calloc(1, sizeof(*made));
	char path[PATH_MAX];
	DIR *folder;
	int err = 0;

	if (!made)
		return -ENOMEM;
	snprintf(path, sizeof(path), "%s/" FOLDER, dir ? dir : "");
	folder = dir ? opendir(path) : NULL;
	if (folder) {
		err = read_all(made, path, folder);
		closedir(folder);
	} else if (dir && facts_is_want(errno)) {
		err = -errno;
	} else if (dir && errno != ENOENT) {
		log_line(LOG_ERR, "%s cannot be read: %s; no assignment of before is made again", path,
			 strerror(errno));
	}
	if (err)
		kept_free(made);
	else
		*kept = made;
	return err;
}

/* ---- writing ---- */

static int open_folder(const char *dir, char path[PATH_MAX], int *folder)
{
	snprintf(path, PATH_MAX, "%s/" FOLDER, dir);
	if ((mkdir(dir, 0700) && errno != EEXIST) || (mkdir(path, 0700) && errno != EEXIST))
		return -errno;
	*folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return *folder < 0 ? -errno : 0;
}

static int write_file(int folder, const char *name, const unsigned char *bytes)
{
	int fd = openat(folder, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600), err = 0;
	ssize_t size;

	if (fd < 0)
		return -errno;
	size = write(fd, bytes, SIZE);
	if (size < 0 || fsync(fd))
		err = -errno;
	else if ((size_t)size != SIZE)
		err = -ENOSPC;
	close(fd);
	return err;
}

/* As a whole or not at all, and for good. */
static int replace(int folder, const char *name, const unsigned char *bytes)
{
	char fresh[PROTO_ADDRESS_LEN + 4];
	int err;

	snprintf(fresh, sizeof(fresh), "%s.new", name);
	err = write_file(folder, fresh, bytes);
	if (!err && renameat(folder, fresh, folder, name))
		err = -errno;
	if (!err)
		return fsync(folder) ? -errno : 0;
	unlinkat(folder, fresh, 0);
	return err;
}

int kept_write(const char *dir, const struct journal_record *record, struct failure *failure)
{
	char path[PATH_MAX] = "", name[PROTO_ADDRESS_LEN];
	unsigned char bytes[SIZE];
	int folder = -1, err;

	if (!dir)
		return 0;
	journal_encode_head(1, bytes);
	journal_encode(record, bytes + JOURNAL_SIZE);
	err = open_folder(dir, path, &folder);
	if (!err) {
		err = replace(folder, proto_address_format(record->address, name), bytes);
		close(folder);
	}
	return err ? failure_set(
			     failure, err,
			     "the assignment cannot be kept in %s: %s; see that vfiod can write there, and try again",
			     path, strerror(-err))
		   : 0;
}

int kept_remove(const char *dir, uint64_t address, struct failure *failure)
{
	char path[PATH_MAX], name[PROTO_ADDRESS_LEN];
	int folder, err = 0;

	if (!dir)
		return 0;
	snprintf(path, sizeof(path), "%s/" FOLDER, dir);
	folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (folder < 0 && errno == ENOENT)
		return 0;
	if (folder < 0 || (unlinkat(folder, proto_address_format(address, name), 0) && errno != ENOENT) ||
	    fsync(folder))
		err = -errno;
	if (folder >= 0)
		close(folder);
	return err ? failure_set(failure, err,
				 "the assignment cannot be removed from %s: %s; see that vfiod can write there, and "
				 "try again",
				 path, strerror(-err))
		   : 0;
}
