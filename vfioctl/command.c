/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vfioctl/command.h"

#include <string.h>

const struct option_spec option_table[OPTION_COUNT] = {
	[OPTION_ALL] = { "all", 'a', NULL, NULL, "bridges too" },
	[OPTION_WIDE] = { "wide", 'w', NULL, NULL, "shorten nothing, however narrow the terminal is" },
	[OPTION_USER] = { "user", 'u', "USER", NULL, "the user who may have it: a name or a number" },
	[OPTION_GROUP] = { "group", 'g', "GROUP", NULL, "the group of users who may have it: a name or a number" },
	[OPTION_VFS] = { "vfs", 0, "NUMBER", NULL, "so many virtual functions of it, and not itself" },
	[OPTION_POOL] = { "pool", 0, "NAME", NULL, "the pool to put these into" },
	[OPTION_GRACE] = { "grace", 0, "SECONDS", NULL, "how long its program has to give it back" },
	[OPTION_MODE] = { "mode", 0, "MODE", "container group iommufd", "how the program asks for it" },
	[OPTION_NUMA_NODE] = { "numa-node", 0, "NODE", NULL, "the NUMA node that one of a pool is to be near to" },
	[OPTION_FROM_FILE] = { "from-file", 'f', "DUMP", NULL, "a recording instead of a function of this machine" },
	[OPTION_LIVE] = { "live", 0, NULL, NULL, "as the program that has it sees it now" },
	[OPTION_RAW] = { "raw", 0, NULL, NULL, "the bytes that the hardware has" },
	[OPTION_AS_USER] = { "user", 0, NULL, NULL, "the bytes that its user sees" },
	[OPTION_DIFF] = { "diff", 0, NULL, NULL, "where the two differ" },
	[OPTION_PROMETHEUS] = { "prometheus", 0, NULL, NULL, "print Prometheus' text format" },
	[OPTION_JSON] = { "json", 'j', NULL, NULL, "print JSON, for programs" },
	[OPTION_COLOR] = { "color", 0, "WHEN", "auto always never", "colour the output" },
	[OPTION_RUNTIME_DIR] = { "runtime-dir", 0, "DIR", NULL, "where vfiod keeps its sockets" },
	[OPTION_HELP] = { "help", 'h', NULL, NULL, "show this help" },
	[OPTION_VERSION] = { "version", 'V', NULL, NULL, "show the version" },
};

const struct command command_table[] = {
	{
		.name = "list",
		.options = OPTION(ALL) | OPTION(WIDE) | OPTION(JSON),
		.summary = "show the PCI functions, and who has them",
		.text = "GROUP is a function's IOMMU group, and which other functions (on a narrow\n"
			"terminal: how many) are in it: all of them go to one owner.  Bridges stay\n"
			"with the host, and are left out.\n",
		.run = list_run,
	},
	{
		.name = "show",
		.arguments = "DEVICE",
		.options = OPTION(JSON),
		.summary = "show everything that is known of a function",
		.text = "The last line says what can be done with it next.\n",
		.run = show_run,
	},
	{
		.name = "assign",
		.arguments = "DEVICE",
		.options = OPTION(USER) | OPTION(GROUP) | OPTION(VFS) | OPTION(POOL) | OPTION(JSON),
		.summary = "let a user or a group have a function of the host",
		.text = "Its driver is replaced by a VFIO driver.  A function that the host uses is\n"
			"refused.  Either --user or --group is needed.  It is assigned until it is\n"
			"released, also after a reboot.  Only root may do this.\n"
			"\n"
			"With --vfs the function stays the host's and keeps its driver, which makes\n"
			"virtual functions of it (SR-IOV): these are assigned, all or none.\n",
		.run = assign_run,
	},
	{
		.name = "release",
		.arguments = "DEVICE",
		.options = OPTION(JSON),
		.summary = "give a function back to the host and to its driver",
		.text = "It is not assigned any more then, also after a reboot.  A function that\n"
			"somebody has is refused.  Only root may do this.\n"
			"\n"
			"Of a function that was assigned with --vfs its virtual functions are taken\n"
			"from whoever has them, with the grace of vfiod.conf, and removed.\n",
		.run = release_run,
	},
	{
		.name = "revoke",
		.arguments = "DEVICE",
		.options = OPTION(GRACE) | OPTION(JSON),
		.summary = "take a function back from the program that has it",
		.text = "The program is told, and has SECONDS (0.5 is possible; 0: none) to give it\n"
			"back; without --grace, as many as vfiod.conf says.  Then it is taken, reset\n"
			"and free for its owner.  Needs the kernel module vfiod_handle.  Only root\n"
			"may do this.\n",
		.run = revoke_run,
	},
	{
		.name = "quarantine",
		.arguments = "clear DEVICE",
		.options = OPTION(JSON),
		.summary = "reset a quarantined function once more",
		.text = "Where it is clean then, it is free for its owner; where it is not, it stays in\n"
			"quarantine, and you are told why.  Only root may do this.\n",
		.run = quarantine_run,
	},
	{
		.name = "reload",
		.options = OPTION(JSON),
		.summary = "have vfiod read its configuration anew",
		.text = "A mistake in it changes nothing, and is told with file and line.  Leases go\n"
			"on as they are.  Only root may do this.\n",
		.run = reload_run,
	},
	{
		.name = "pool",
		.options = OPTION(JSON),
		.summary = "show the pools, and who has functions of them",
		.text = "Which functions are in a pool, vfiod.conf says.  A program that takes a\n"
			"DEVICE can be told to take one of a pool by pool:NAME.\n",
		.run = pool_run,
	},
	{
		.name = "why",
		.arguments = "WHAT",
		.options = OPTION(MODE) | OPTION(NUMA_NODE) | OPTION(JSON),
		.summary = "tell whether you would get a function, or why not",
		.text = "WHAT is a DEVICE, or pool:NAME for any one of a pool.  It is decided just as\n"
			"if a program of yours had asked for it, in mode container unless --mode is\n"
			"given, and nothing else is done.  The exit status is 0 where the program would\n"
			"get it, or would wait first.\n",
		.run = why_run,
	},
	{
		.name = "config",
		.arguments = "show [DEVICE]",
		.options =
			OPTION(FROM_FILE) | OPTION(LIVE) | OPTION(RAW) | OPTION(AS_USER) | OPTION(DIFF) | OPTION(JSON),
		.summary = "show what users may see and change of config space",
		.text = "Each register with the hardware's value, and the user's where it is another;\n"
			"and which of its bits are hidden, fixed, read-only, virtual (the user's own,\n"
			"which hardware never sees) or passed through.  DUMP is what lspci -xxxx\n"
			"prints, or the bytes as sysfs has them.  Capabilities need root; so does\n"
			"--live, which asks the driver vfiod-pci of a function that somebody has.\n",
		.run = config_run,
	},
	{
		.name = "stats",
		.options = OPTION(PROMETHEUS) | OPTION(JSON),
		.summary = "show what vfiod has counted, and how long it took",
		.text = "Leases, refusals by reason, functions by state, times to acquire and to clean;\n"
			"since vfiod started.  With --prometheus for a file of node_exporter's\n"
			"textfile collector.  Only root may do this.\n",
		.run = stats_run,
	},
	{
		.name = "help",
		.arguments = "[COMMAND]",
		.summary = "explain a command",
		.run = help_run,
	},
	{ .name = NULL },
};

const struct command *command_find(const char *name)
{
	const struct command *command;

	for (command = command_table; command->name; command++) {
		if (!strcmp(command->name, name))
			return command;
	}
	return NULL;
}

static unsigned int least(unsigned int a, unsigned int b, unsigned int c)
{
	a = a < b ? a : b;
	return a < c ? a : c;
}

#define WORD_MAX 32

/* How many letters have to be added, removed or replaced to make one word of the other (Levenshtein). */
static unsigned int distance(const char *from, const char *to)
{
	unsigned int row[WORD_MAX + 1], i, j, length = (unsigned int)strlen(to);

	if (length > WORD_MAX)
		return WORD_MAX;
	for (j = 0; j <= length; j++)
		row[j] = j;
	for (i = 1; from[i - 1]; i++) {
		unsigned int diagonal = row[0];

		row[0] = i;
		for (j = 1; j <= length; j++) {
			unsigned int replaced = diagonal + (from[i - 1] != to[j - 1]);

			diagonal = row[j];
			row[j] = least(replaced, row[j] + 1, row[j - 1] + 1);
		}
	}
	return row[length];
}

const struct command *command_nearest(const char *name)
{
	const struct command *command, *nearest = NULL;
	unsigned int best = 3; /* two slips of the finger at most */

	for (command = command_table; command->name; command++) {
		bool begins = strlen(name) > 1 && !strncmp(command->name, name, strlen(name));
		unsigned int apart = begins ? 0 : distance(name, command->name);

		if (apart < best && apart < strlen(name)) {
			best = apart;
			nearest = command;
		}
	}
	return nearest;
}
