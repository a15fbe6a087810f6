/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vfioctl/parse.h"

#include "vfioctl/command.h"
#include "vfioctl/complete.h"
#include "vfioctl/help.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#define LONG_ONLY 256 /* getopt_long() gives this + enum option_id, or the option's letter */

/* What getopt_long() wants to know, made from option_table[]. */
struct getopt_tables {
	char letters[2 + 2 * OPTION_COUNT + 1];
	struct option names[OPTION_COUNT + 1];
};

static void make_tables(unsigned int allowed, const char *mode, struct getopt_tables *tables)
{
	struct option *name = tables->names;
	char *letter = stpcpy(tables->letters, mode);
	int id;

	memset(tables->names, 0, sizeof(tables->names));
	for (id = 0; id < OPTION_COUNT; id++) {
		if (!(allowed & 1u << id))
			continue;
		*name = (struct option){
			.name = option_table[id].name,
			.has_arg = option_table[id].argument ? required_argument : no_argument,
			.val = LONG_ONLY + id,
		};
		name++;
		if (option_table[id].letter)
			*letter++ = option_table[id].letter;
		if (option_table[id].letter && option_table[id].argument)
			*letter++ = ':';
	}
	*letter = '\0';
}

static int option_id(int val)
{
	int id;

	if (val >= LONG_ONLY)
		return val - LONG_ONLY;
	for (id = 0; id < OPTION_COUNT; id++) {
		if (option_table[id].letter && option_table[id].letter == val)
			return id;
	}
	return -ENOENT;
}

static enum exit_status option_fault(int val, char **argv, const char *program)
{
	char letter[3] = { '-', (char)optopt, '\0' };
	int id = optopt ? option_id(optopt) : -ENOENT;

	if (id >= 0 && val == ':')
		return failure_say(STATUS_USAGE, "option --%s needs a value; see: %s --help", option_table[id].name,
				   program);
	if (id >= 0 && optopt >= LONG_ONLY)
		return failure_say(STATUS_USAGE, "option --%s takes no value; see: %s --help", option_table[id].name,
				   program);
	return failure_say(STATUS_USAGE, "unknown option '%s'; see: %s --help", optopt ? letter : argv[optind - 1],
			   program);
}

/* Whether @word is one of @words, "one two". */
static bool has_word(const char *words, const char *word)
{
	size_t length = strlen(word);
	const char *at;

	for (at = words; at; at = strchr(at, ' ')) {
		at += *at == ' ';
		if (length && !strchr(word, ' ') && !strncmp(at, word, length) && (at[length] == ' ' || !at[length]))
			return true;
	}
	return false;
}

/* @program: "vfioctl" or "vfioctl assign"; @mode: "+:" when options end at the first argument, ":" when they do not */
static enum exit_status read_options(int argc, char **argv, const char *program, unsigned int allowed, const char *mode,
				     struct invocation *invocation)
{
	struct getopt_tables tables;
	int val;

	make_tables(allowed, mode, &tables);
	opterr = 0;
	optind = 0; /* start afresh */
	while ((val = getopt_long(argc, argv, tables.letters, tables.names, NULL)) != -1) {
		int id = option_id(val);

		if (id < 0)
			return option_fault(val, argv, program);
		if (option_table[id].values && !has_word(option_table[id].values, optarg))
			return failure_say(STATUS_USAGE, "'%s' is no value for --%s; choose one of: %s", optarg,
					   option_table[id].name, option_table[id].values);
		invocation->option[id] = option_table[id].argument ? optarg : "";
	}
	invocation->arguments = argv + optind;
	invocation->argument_count = argc - optind;
	return STATUS_OK;
}

/* How many arguments a command takes at most, and how many of them at least. */
static void argument_bounds(const struct command *command, int *least, int *most)
{
	const char *at;

	*least = *most = 0;
	for (at = command->arguments; at && *at; at += strcspn(at, " ") + (strchr(at, ' ') != NULL)) {
		*least += *at != '[';
		++*most;
	}
}

static enum exit_status check_arguments(const struct command *command, const struct invocation *invocation)
{
	int least, most;

	argument_bounds(command, &least, &most);
	if (invocation->argument_count < least)
		return failure_say(STATUS_USAGE, "%s needs an argument: %s; see: vfioctl %s --help", command->name,
				   command->arguments, command->name);
	if (invocation->argument_count > most)
		return failure_say(STATUS_USAGE, "%s does not know what to do with '%s'; see: vfioctl %s --help",
				   command->name, invocation->arguments[most], command->name);
	return STATUS_OK;
}

static enum exit_status run_command(const struct command *command, struct invocation *invocation)
{
	unsigned int allowed = OPTIONS_GLOBAL | command->options;
	enum exit_status status;
	char program[64];

	snprintf(program, sizeof(program), "vfioctl %s", command->name);
	status = read_options(invocation->argument_count, invocation->arguments, program, allowed, ":", invocation);
	if (status != STATUS_OK)
		return status;
	if (invocation->option[OPTION_HELP]) {
		help_command(command, stdout);
		return STATUS_OK;
	}
	status = check_arguments(command, invocation);
	return status == STATUS_OK ? command->run(invocation) : status;
}

static enum exit_status parse(int argc, char **argv)
{
	struct invocation invocation = { .arguments = NULL };
	enum exit_status status = read_options(argc, argv, "vfioctl", OPTIONS_GLOBAL, "+:", &invocation);
	const struct command *command;

	if (status != STATUS_OK)
		return status;
	if (invocation.option[OPTION_HELP]) {
		help_all(stdout);
		return STATUS_OK;
	}
	if (invocation.option[OPTION_VERSION]) {
		puts("vfioctl " PACKAGE_VERSION);
		return STATUS_OK;
	}
	if (!invocation.argument_count)
		return failure_say(STATUS_USAGE, "no command given; see: vfioctl --help");
	command = command_find(invocation.arguments[0]);
	return command ? run_command(command, &invocation) : help_unknown(invocation.arguments[0]);
}

enum exit_status parse_and_run(int argc, char **argv)
{
	enum exit_status status;

	if (argc > 1 && !strcmp(argv[1], "--complete"))
		status = complete_words(argc - 2, argv + 2, stdout);
	else
		status = parse(argc, argv);
	if ((fflush(stdout) || ferror(stdout)) && status == STATUS_OK)
		status = failure_say(STATUS_FAILED, "cannot write the output: %s; see that there is room for it",
				     strerror(errno));
	return status;
}
