/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vfioctl/complete.h"

#include "libvfiodma/vfiodma.h"
#include "vfioctl/command.h"
#include "vfioctl/inventory.h"

#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

static void print_options(unsigned int which, FILE *out)
{
	int id;

	for (id = 0; id < OPTION_COUNT; id++) {
		if (which & 1u << id)
			fprintf(out, "--%s\n", option_table[id].name);
	}
}

static void print_commands(FILE *out)
{
	const struct command *command;

	for (command = command_table; command->name; command++)
		fprintf(out, "%s\n", command->name);
}

/* The addresses that vfiod knows of; bridges cannot be assigned. */
static void print_devices(FILE *out)
{
	struct vfiodma_session *session;
	struct vfiodma_info *infos;
	size_t count, i;

	if (!vfiodma_session_open(NULL, &session) && !vfiodma_list(session, &infos, &count)) {
		for (i = 0; i < count; i++) {
			if (!inventory_is_bridge(&infos[i]))
				fprintf(out, "%s\n", infos[i].address);
		}
		free(infos);
	}
	vfiodma_session_close(session);
}

static void print_users(FILE *out)
{
	const struct passwd *entry;

	while ((entry = getpwent()))
		fprintf(out, "%s\n", entry->pw_name);
	endpwent();
}

static void print_groups(FILE *out)
{
	const struct group *entry;

	while ((entry = getgrent()))
		fprintf(out, "%s\n", entry->gr_name);
	endgrent();
}

static void print_values(enum option_id id, FILE *out)
{
	const char *at;

	if (id == OPTION_USER)
		print_users(out);
	if (id == OPTION_GROUP)
		print_groups(out);
	for (at = option_table[id].values; at && *at; at += strcspn(at, " ") + (strchr(at, ' ') != NULL))
		fprintf(out, "%.*s\n", (int)strcspn(at, " "), at);
}

/* The option that @word is, if it takes a value; OPTION_COUNT: it is none. */
static enum option_id option_with_value(const char *word)
{
	int id;

	for (id = 0; id < OPTION_COUNT; id++) {
		bool by_name = !strncmp(word, "--", 2) && !strcmp(word + 2, option_table[id].name);
		bool by_letter =
			word[0] == '-' && option_table[id].letter && word[1] == option_table[id].letter && !word[2];

		if (option_table[id].argument && (by_name || by_letter))
			break;
	}
	return (enum option_id)id;
}

enum exit_status complete_words(int count, char **words, FILE *out)
{
	const struct command *command = NULL;
	enum option_id waiting = OPTION_COUNT;
	int i;

	for (i = 0; i < count; i++) {
		bool is_value = waiting != OPTION_COUNT;

		waiting = is_value ? OPTION_COUNT : option_with_value(words[i]);
		if (!is_value && !command && words[i][0] != '-')
			command = command_find(words[i]);
	}
	if (waiting != OPTION_COUNT) {
		print_values(waiting, out);
		return STATUS_OK;
	}
	print_options(OPTIONS_GLOBAL | (command ? command->options : 0), out);
	if (!command || (command->arguments && strstr(command->arguments, "COMMAND")))
		print_commands(out);
	if (command && command->arguments && strstr(command->arguments, "DEVICE"))
		print_devices(out);
	return STATUS_OK;
}
