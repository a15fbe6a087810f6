/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vfioctl/complete.h"

#include "libvfiodma/vfiodma.h"
#include "vfioctl/command.h"
#include "vfioctl/inventory.h"
#include "vfioctl/pool.h"

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
static void print_devices(const char *runtime_dir, FILE *out)
{
	struct vfiodma_options options = { .runtime_dir = runtime_dir };
	struct vfiodma_session *session;
	struct vfiodma_info *infos;
	size_t count, i;

	if (!vfiodma_session_open(&options, &session) && !vfiodma_list(session, &infos, &count)) {
		for (i = 0; i < count; i++) {
			if (!inventory_is_bridge(&infos[i]))
				fprintf(out, "%s\n", infos[i].address);
		}
		free(infos);
	}
	vfiodma_session_close(session);
}

/* Each once: the library has them by address. */
static void print_pools(const char *runtime_dir, FILE *out)
{
	struct vfiodma_options options = { .runtime_dir = runtime_dir };
	struct vfiodma_session *session;
	struct members members;

	if (!vfiodma_session_open(&options, &session) && !vfiodma_members(session, &members.list, &members.count)) {
		pool_sort(&members);
		for (size_t i = 0; i < members.count; i++)
			if (!i || strcmp(members.list[i].pool, members.list[i - 1].pool) != 0)
				fprintf(out, "pool:%s\n", members.list[i].pool);
		free(members.list);
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

/* What is known of a command line by the words that are there already. */
struct line {
	const struct command *command;
	int arguments;		/* of the command */
	enum option_id waiting; /* for its value; OPTION_COUNT: none is */
	const char *runtime_dir;
};

static unsigned int allowed(const struct line *line)
{
	return OPTIONS_GLOBAL | (line->command ? line->command->options : 0);
}

/* The option that @word is; OPTION_COUNT: none that the command has. @value: what stands behind "=", or NULL */
static enum option_id option_of(const struct line *line, const char *word, const char **value)
{
	size_t length = strcspn(word, "=");
	int id;

	*value = word[length] ? word + length + 1 : NULL;
	for (id = 0; id < OPTION_COUNT; id++) {
		const struct option_spec *option = &option_table[id];
		bool by_name = !strncmp(word, "--", 2) && strlen(option->name) == length - 2 &&
			       !strncmp(word + 2, option->name, length - 2);
		bool by_letter = word[0] == '-' && option->letter && word[1] == option->letter && !word[2];

		if ((allowed(line) & 1u << id) && (by_name || by_letter))
			break;
	}
	return (enum option_id)id;
}

static void take_value(struct line *line, enum option_id id, const char *value)
{
	if (id == OPTION_RUNTIME_DIR)
		line->runtime_dir = value;
}

static void take_option(struct line *line, const char *word)
{
	const char *value;
	enum option_id id = option_of(line, word, &value);

	if (id == OPTION_COUNT || !option_table[id].argument)
		return;
	if (value)
		take_value(line, id, value);
	else
		line->waiting = id;
}

static void take_word(struct line *line, const char *word)
{
	if (line->waiting != OPTION_COUNT) {
		if (!strcmp(word, "=")) /* bash makes three words of --option=value */
			return;
		take_value(line, line->waiting, word);
		line->waiting = OPTION_COUNT;
	} else if (word[0] == '-') {
		take_option(line, word);
	} else if (line->command) {
		line->arguments++;
	} else {
		line->command = command_find(word);
	}
}

/* What may stand where the next argument of the command is: "DEVICE", "[COMMAND]", or a word as it is. */
static void print_argument(const struct line *line, FILE *out)
{
	const char *at = line->command->arguments;
	int i, length;

	for (i = 0; at && i < line->arguments; i++) {
		at = strchr(at, ' ');
		at += at != NULL;
	}
	if (!at)
		return;
	at += *at == '[';
	length = (int)strcspn(at, " ]");
	if (!strncmp(at, "WHAT", (size_t)length))
		print_pools(line->runtime_dir, out);
	if (!strncmp(at, "DEVICE", (size_t)length) || !strncmp(at, "WHAT", (size_t)length))
		print_devices(line->runtime_dir, out);
	else if (!strncmp(at, "COMMAND", (size_t)length))
		print_commands(out);
	else
		fprintf(out, "%.*s\n", length, at);
}

enum exit_status complete_words(int count, char **words, FILE *out)
{
	struct line line = { .waiting = OPTION_COUNT };
	int i;

	for (i = 0; i < count; i++)
		take_word(&line, words[i]);
	if (line.waiting != OPTION_COUNT) {
		print_values(line.waiting, out);
		return STATUS_OK;
	}
	print_options(allowed(&line), out);
	if (line.command)
		print_argument(&line, out);
	else
		print_commands(out);
	return STATUS_OK;
}
