/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/failing/failing.h"
#include "tests/temporary.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const char usage[] =
	"Usage: nth run [--first N] [--step N] [--last N] [--until WORD] -- COMMAND [ARG]...\n"
	"       nth new FILE\n"
	"       nth arm FILE N\n"
	"       nth hit FILE\n"
	"\n"
	"run: runs a command over and over, with its first allocation failing, then the second, until all have. It\n"
	"must not die of a signal; where it fails it has to say so, in one line of its standard error; with --until "
	"it\n"
	"is ended (SIGTERM) when it has written WORD there, and goes well then.\n"
	"new: makes the file by which a program is told which one fails; FAIL_CONTROL names it to preload.so.\n"
	"arm: of a program that runs, the N-th from now fails. hit: has it?\n"
	"\n"
	"FAIL_PRELOAD: preload.so, and what else is to be preloaded.\n";

#define PATIENCE_MS 20000

struct options {
	unsigned long first, step, last;
	const char *until;
	char **command;
};

static void __attribute__((noreturn)) die(const char *what)
{
	fprintf(stderr, "nth: %s: %s\n", what, strerror(errno));
	exit(2);
}

static struct failing *share(const char *path, int flags)
{
	int fd = open(path, O_RDWR | O_CLOEXEC | flags, 0600);
	void *shared;

	if (fd < 0 || (flags && ftruncate(fd, sizeof(struct failing))))
		die(path);
	shared = mmap(NULL, sizeof(struct failing), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (shared == MAP_FAILED)
		die(path);
	close(fd);
	return shared;
}

/* ---- one run ---- */

struct result {
	int status;
	bool ready; /* it has said the word that is waited for */
	bool hangs;
	char text[4096];
	size_t size;
};

static void become(const struct options *options, const char *control, int error)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	dup2(null, STDIN_FILENO);
	dup2(null, STDOUT_FILENO);
	dup2(error, STDERR_FILENO);
	setenv("FAIL_CONTROL", control, 1);
	setenv("LD_PRELOAD", getenv("FAIL_PRELOAD"), 1);
	execvp(options->command[0], options->command);
	_exit(127);
}

/* Until it ends, or hangs. */
static void read_all(const struct options *options, pid_t pid, int from, struct result *result)
{
	struct pollfd ready = { .fd = from, .events = POLLIN };
	ssize_t got;

	while (result->size < sizeof(result->text) - 1) {
		result->hangs = poll(&ready, 1, PATIENCE_MS) != 1;
		if (result->hangs)
			kill(pid, SIGKILL);
		got = read(from, result->text + result->size, sizeof(result->text) - 1 - result->size);
		if (got <= 0)
			return;
		result->size += (size_t)got;
		result->text[result->size] = '\0';
		if (!options->until || result->ready || !strstr(result->text, options->until))
			continue;
		result->ready = true;
		kill(pid, SIGTERM);
	}
}

static void run_once(const struct options *options, const char *control, struct result *result)
{
	int error[2];
	pid_t pid;

	*result = (struct result){ 0 };
	if (pipe2(error, O_CLOEXEC))
		die("pipe");
	pid = fork();
	if (pid < 0)
		die("fork");
	if (!pid)
		become(options, control, error[1]);
	close(error[1]);
	read_all(options, pid, error[0], result);
	close(error[0]);
	if (waitpid(pid, &result->status, 0) != pid)
		die("waitpid");
}

/* Lines, but for those of preload.so. */
static unsigned int lines(const char *text)
{
	unsigned int count = 0;

	for (const char *at = text; *at; at += strcspn(at, "\n") + (strchr(at, '\n') != NULL))
		count += strncmp(at, "failing: ", 9) != 0;
	return count;
}

/* Return: what is wrong with it, or NULL. */
static const char *judge(const struct options *options, const struct result *result)
{
	if (result->hangs)
		return "it hangs";
	if (WIFSIGNALED(result->status))
		return "it died of a signal";
	if (result->ready)
		return WEXITSTATUS(result->status) ? "it did not end well" : NULL;
	if (options->until && !WEXITSTATUS(result->status))
		return "it ended as if all were well";
	if (WEXITSTATUS(result->status) && !lines(result->text))
		return "it failed without a word";
	if (!options->until && lines(result->text) > 1)
		return "it said more than one line";
	return NULL;
}

static int run(const struct options *options)
{
	char control[TEMPORARY_MAX];
	struct failing *failing;
	struct result result;
	unsigned long tried = 0, failed = 0;
	const char *wrong = NULL;

	close(mkstemp(temporary_path(control, "failing")));
	failing = share(control, O_CREAT);
	for (unsigned long n = options->first; !wrong && n <= options->last; n += options->step) {
		*failing = (struct failing){ .at = n };
		run_once(options, control, &result);
		wrong = judge(options, &result);
		if (wrong)
			fprintf(stderr, "nth: %s: allocation %lu failed: %s (status %d): %s\n", options->command[0], n,
				wrong, result.status, result.text);
		if (failing->count < n)
			break;
		tried++;
		failed += WIFEXITED(result.status) && WEXITSTATUS(result.status);
	}
	unlink(control);
	if (!wrong)
		printf("%lu allocations failed, %lu runs with them\n", tried, failed);
	return wrong != NULL;
}

/* ---- the command line ---- */

static int run_by(int argc, char **argv)
{
	static const struct option known[] = { { "first", required_argument, NULL, 'f' },
					       { "step", required_argument, NULL, 's' },
					       { "last", required_argument, NULL, 'l' },
					       { "until", required_argument, NULL, 'u' },
					       { 0 } };
	struct options options = { .first = 1, .step = 1, .last = ULONG_MAX / 2 };
	int option;

	while ((option = getopt_long(argc, argv, "+", known, NULL)) != -1)
		switch (option) {
		case 'f':
			options.first = strtoul(optarg, NULL, 10);
			break;
		case 's':
			options.step = strtoul(optarg, NULL, 10);
			break;
		case 'l':
			options.last = strtoul(optarg, NULL, 10);
			break;
		case 'u':
			options.until = optarg;
			break;
		default:
			return 2;
		}
	options.command = argv + optind;
	return run(&options);
}

int main(int argc, char **argv)
{
	const char *what = argc > 2 ? argv[1] : "";
	struct failing *failing;

	if (!strcmp(what, "run") && getenv("FAIL_PRELOAD"))
		return run_by(argc - 1, argv + 1);
	if (!strcmp(what, "new")) {
		*share(argv[2], O_CREAT) = (struct failing){ 0 };
		return 0;
	}
	if (!strcmp(what, "arm") && argc == 4) {
		failing = share(argv[2], 0);
		__atomic_store_n(&failing->at,
				 __atomic_load_n(&failing->count, __ATOMIC_RELAXED) + strtoul(argv[3], NULL, 10),
				 __ATOMIC_RELAXED);
		return 0;
	}
	if (!strcmp(what, "hit")) {
		failing = share(argv[2], 0);
		return failing->count < failing->at;
	}
	fputs(usage, stderr);
	return 2;
}
