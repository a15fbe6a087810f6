/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIOCTL_COMMAND_H
#define VFIOCTL_COMMAND_H

#include "vfioctl/failure.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * The tables of options and commands: parsing, help, completion and the check of the manual page all come from here.
 *
 * To add a command: an entry in command_table[] of command.c, its function's declaration below, and a file for it.
 */

enum option_id {
	OPTION_ALL,
	OPTION_WIDE,
	OPTION_USER,
	OPTION_GROUP,
	OPTION_VFS,
	OPTION_POOL,
	OPTION_GRACE,
	OPTION_MODE,
	OPTION_NUMA_NODE,
	OPTION_FROM_FILE,
	OPTION_LIVE,
	OPTION_RAW,
	OPTION_AS_USER,
	OPTION_DIFF,
	OPTION_PROMETHEUS,
	OPTION_JSON,
	OPTION_COLOR,
	OPTION_RUNTIME_DIR,
	OPTION_HELP,
	OPTION_VERSION,
	OPTION_COUNT,
};

#define OPTION(NAME)   (1u << OPTION_##NAME)
#define OPTIONS_GLOBAL (OPTION(COLOR) | OPTION(RUNTIME_DIR) | OPTION(HELP) | OPTION(VERSION))

struct option_spec {
	const char *name;
	char letter;	      /* 0: none */
	const char *argument; /* what it takes, for a person; NULL: nothing */
	const char *values;   /* the only words that it takes, "one two"; NULL: any */
	const char *summary;
};

extern const struct option_spec option_table[OPTION_COUNT];

/* One call of a command. */
struct invocation {
	const char *option[OPTION_COUNT]; /* the argument, "" where it takes none; NULL: the option is not there */
	char **arguments;
	int argument_count;
};

struct command {
	const char *name;
	const char *arguments; /* for a person, "DEVICE"; each word is one argument, "[WORD]" need not be there */
	unsigned int options;  /* OPTION() of those it takes besides OPTIONS_GLOBAL */
	const char *summary;   /* half a line */
	const char *text;      /* what else there is to know, in lines of up to 78 columns */
	enum exit_status (*run)(const struct invocation *invocation);
};

extern const struct command command_table[]; /* ends with a command without a name */

/** command_find() - look a command up by its name; NULL: there is none. */
const struct command *command_find(const char *name);

/** command_nearest() - the command that somebody who wrote @name might have meant; NULL: no idea. */
const struct command *command_nearest(const char *name);

enum exit_status list_run(const struct invocation *invocation);
enum exit_status show_run(const struct invocation *invocation);
enum exit_status assign_run(const struct invocation *invocation);
enum exit_status release_run(const struct invocation *invocation);
enum exit_status revoke_run(const struct invocation *invocation);
enum exit_status quarantine_run(const struct invocation *invocation);
enum exit_status reload_run(const struct invocation *invocation);
enum exit_status pool_run(const struct invocation *invocation);
enum exit_status why_run(const struct invocation *invocation);
enum exit_status stats_run(const struct invocation *invocation);
enum exit_status config_run(const struct invocation *invocation);
enum exit_status help_run(const struct invocation *invocation);

#endif
