/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vfiod/config_text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MAX (1024 * 1024)

/* Reads up to @room bytes; a directory can be opened, but not read. */
static int read_file(const char *path, char *bytes, size_t room, size_t *size)
{
	FILE *file = fopen(path, "re");
	int err = 0;

	if (!file)
		return -errno;
	*size = fread(bytes, 1, room, file);
	if (ferror(file))
		err = -errno;
	else if (*size == room)
		err = -EFBIG;
	fclose(file);
	return err;
}

static char *blank(char *from, const char *end)
{
	for (; from < end; from++)
		if (*from != '\n')
			*from = ' ';
	return from;
}

/* What stands at @at: its end, after which the scan goes on, with comments blanked; NULL where the file ends before. */
static char *take_token(char *at, const char **what)
{
	char *end;

	if (*at == '#' || (at[0] == '/' && at[1] == '/'))
		return blank(at, at + strcspn(at, "\n"));
	if (at[0] == '/' && at[1] == '*') {
		*what = "the comment";
		end = strstr(at + 2, "*/");
		return end ? blank(at, end + 2) : NULL;
	}
	if (*at != '"' && *at != '\'')
		return at + 1;
	*what = "the string";
	for (end = at + 1; *end && *end != *at; end++)
		if (*end == '\\' && end[1])
			end++;
	return *end ? end + 1 : NULL;
}

static int blank_comments(const char *path, char *text, struct failure *failure)
{
	int line = 1, depth = 0, outermost = 0;
	const char *what = "";
	char *next;

	for (char *at = text; *at; at = next) {
		if (*at == '{' && !depth++)
			outermost = line;
		else if (*at == '}' && depth)
			depth--;
		next = take_token(at, &what);
		if (!next)
			return failure_set(failure, -EINVAL, "%s:%d: %s that begins here does not end", path, line,
					   what);
		for (; at < next; at++)
			line += *at == '\n';
	}
	if (depth)
		return failure_set(failure, -EINVAL, "%s:%d: the brace that is opened here is not closed", path,
				   outermost);
	return 0;
}

int config_text_read(const char *path, char **text, struct failure *failure)
{
	char *bytes = malloc(FILE_MAX + 1);
	size_t size = 0;
	int err;

	if (!bytes)
		return failure_set(failure, -ENOMEM, "out of memory");
	err = read_file(path, bytes, FILE_MAX + 1, &size);
	if (err) {
		failure_set(failure, err, "%s: %s", path, strerror(-err));
		goto free_bytes;
	}
	bytes[size] = '\0';
	err = memchr(bytes, '\0', size) ? failure_set(failure, -EINVAL, "%s: not a text file", path)
					: blank_comments(path, bytes, failure);
	if (err)
		goto free_bytes;
	*text = bytes;
	return 0;

free_bytes:
	free(bytes);
	return err;
}
