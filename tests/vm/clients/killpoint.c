/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Kills a process at a chosen system call:
 *
 *	killpoint PID			say what calls it makes, until SIGTERM
 *	killpoint PID THREAD NUMBER	kill it before the NUMBERth such call of its THREADth thread
 *
 * Only calls count by which something outside of the process is changed. Thread 1 is the process's first; all others
 * are thread 2, since any of the workers may get what there is to do. "ready" on stdout: from now on. A line for each
 * call, or for the one at which it was killed, has thread, number and name. Exit status 1: the process ended before.
 */
#include "tests/vm/clients/expect.h"

#include <dirent.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static const struct {
	unsigned long long number;
	const char *name;
} calls[] = {
	{ SYS_openat, "openat" },     { SYS_close, "close" },	    { SYS_ioctl, "ioctl" },
	{ SYS_write, "write" },	      { SYS_pwrite64, "pwrite64" }, { SYS_rename, "rename" },
	{ SYS_renameat, "renameat" }, { SYS_unlink, "unlink" },	    { SYS_unlinkat, "unlinkat" },
	{ SYS_recvmsg, "recvmsg" },   { SYS_sendmsg, "sendmsg" },   { SYS_accept4, "accept4" },
	{ SYS_fsync, "fsync" },	      { SYS_clone3, "clone3" },	    { SYS_clone, "clone" },
	{ SYS_exit, "exit" },
};

static pid_t first;
static int counts[2]; /* of the first thread's calls, and of the others' */

/* The name of the call that @tid is about to make; NULL: none that counts. */
static const char *call_of(pid_t tid)
{
	struct __ptrace_syscall_info info;

	if (ptrace(PTRACE_GET_SYSCALL_INFO, tid, sizeof(info), &info) < 0 || info.op != PTRACE_SYSCALL_INFO_ENTRY)
		return NULL;
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		if (calls[i].number == info.entry.nr)
			return calls[i].name;
	return NULL;
}

/* Return: whether @tid is at the call that is meant. */
static bool at_call(pid_t tid, int thread, int number)
{
	const char *name = call_of(tid);
	int i = tid != first;

	if (!name)
		return false;
	counts[i]++;
	if (number && (i + 1 != thread || counts[i] != number))
		return false;
	printf("%d %d %s\n", i + 1, counts[i], name);
	return number;
}

/* Return: whether that was the call that is meant; else the thread goes on. */
static bool stopped(pid_t tid, int status, int thread, int number)
{
	int signal = WSTOPSIG(status);

	if (signal == (SIGTRAP | 0x80)) {
		if (at_call(tid, thread, number))
			return true;
		signal = 0;
	} else if (status >> 16) {
		signal = 0; /* a thread begins */
	}
	ptrace(PTRACE_SYSCALL, tid, 0, signal);
	return false;
}

static void seize(pid_t tid)
{
	int status;

	expect(!ptrace(PTRACE_SEIZE, tid, 0, PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE));
	expect(!ptrace(PTRACE_INTERRUPT, tid, 0, 0));
	expect(waitpid(tid, &status, __WALL) == tid && WIFSTOPPED(status));
	expect(!ptrace(PTRACE_SYSCALL, tid, 0, 0));
}

/* Those that there are; more come by themselves. */
static void seize_all(pid_t pid)
{
	char path[64];
	struct dirent *entry;
	DIR *tasks;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	tasks = opendir(path);
	expect(tasks);
	while ((entry = readdir(tasks)))
		if (entry->d_name[0] != '.')
			seize(atoi(entry->d_name));
	closedir(tasks);
}

int main(int argc, char **argv)
{
	pid_t pid = argc == 2 || argc == 4 ? atoi(argv[1]) : 0, tid;
	int thread = argc == 4 ? atoi(argv[2]) : 0, number = argc == 4 ? atoi(argv[3]) : 0;
	int status;
	sigset_t set;

	if (pid <= 0) {
		fprintf(stderr, "usage: killpoint PID [THREAD NUMBER]\n");
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	first = pid;
	seize_all(pid);
	puts("ready");
	do {
		while ((tid = waitpid(-1, &status, __WALL | WNOHANG)) > 0) {
			if (WIFSTOPPED(status) && stopped(tid, status, thread, number))
				return kill(pid, SIGKILL);
			if (!WIFSTOPPED(status) && tid == pid)
				return 1;
		}
	} while (sigwaitinfo(&set, NULL) != SIGTERM);
	return 0; /* who was stopped goes on */
}
