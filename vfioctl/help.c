/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vfioctl/help.h"

#include "vfioctl/command.h"

static void print_options(unsigned int which, FILE *out)
{
	int id;

	for (id = 0; id < OPTION_COUNT; id++) {
		const struct option_spec *option = &option_table[id];
		char left[40], letter[5] = "    ";

		if (!(which & 1u << id))
			continue;
		if (option->letter)
			snprintf(letter, sizeof(letter), "-%c, ", option->letter);
		snprintf(left, sizeof(left), "%s--%s%s%s", letter, option->name, option->argument ? " " : "",
			 option->argument ? option->argument : "");
		fprintf(out, "  %-22s %s", left, option->summary);
		if (option->values)
			fprintf(out, ": %s", option->values);
		fputc('\n', out);
	}
}

void help_all(FILE *out)
{
	const struct command *command;
	int status;

	fputs("Usage: vfioctl [OPTION]... COMMAND [OPTION]... [ARGUMENT]...\n"
	      "Hand PCI devices to unprivileged programs, with vfiod.\n\nCommands:\n",
	      out);
	for (command = command_table; command->name; command++)
		fprintf(out, "  %-10s %-13s %s\n", command->name, command->arguments ? command->arguments : "",
			command->summary);
	fputs("\nOptions of every command:\n", out);
	print_options(OPTIONS_GLOBAL, out);
	fputs("\nDEVICE is the address of a PCI function: 0000:01:00.0, or 01:00.0 for short.\n\nExit status:\n", out);
	for (status = 0; status < STATUS_COUNT; status++)
		fprintf(out, "  %d  %s\n", status, failure_status_text((enum exit_status)status));
	fputs("\nOne command in detail: vfioctl help COMMAND.  Everything: man vfioctl.\n", out);
}

void help_command(const struct command *command, FILE *out)
{
	fprintf(out, "Usage: vfioctl %s%s%s%s\n", command->name, command->options ? " [OPTION]..." : "",
		command->arguments ? " " : "", command->arguments ? command->arguments : "");
	fprintf(out, "%c%s.\n%s", command->summary[0] - 'a' + 'A', command->summary + 1,
		command->text ? command->text : "");
	if (command->options) {
		fputs("\nOptions:\n", out);
		print_options(command->options, out);
	}
	fputs("\nOptions of every command:\n", out);
	print_options(OPTIONS_GLOBAL, out);
}

enum exit_status help_unknown(const char *name)
{
	const struct command *nearest = command_nearest(name);

	if (nearest)
		return failure_say(STATUS_USAGE, "there is no command '%s'; did you mean: vfioctl %s", name,
				   nearest->name);
	return failure_say(STATUS_USAGE, "there is no command '%s'; see: vfioctl --help", name);
}

enum exit_status help_run(const struct invocation *invocation)
{
	const char *name = invocation->arguments[0]; /* argv ends with NULL */
	const struct command *command = name ? command_find(name) : NULL;

	if (name && !command)
		return help_unknown(name);
	if (command)
		help_command(command, stdout);
	else
		help_all(stdout);
	return STATUS_OK;
}
