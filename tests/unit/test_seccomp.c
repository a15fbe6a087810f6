/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the filter of system calls lets through, and what it does not: each is tried, in a process of its own. */
#include "vfiod/seccomp.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Return: the exit status of @try under the filter, or the negative number of the signal that ended it. */
static int outcome_of(int (*try)(void))
{
	struct failure failure;
	int status;
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (!pid) {
		prctl(PR_SET_DUMPABLE, 0); /* no core */
		_exit(seccomp_install(&failure) ? 99 : try());
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static int result_of(long result)
{
	return result < 0 ? errno : 0;
}

/* ---- what vfiod does ---- */

static void *in_a_thread(void *data)
{
	free(malloc(1000000));
	*(int *)data = getpid();
	return NULL;
}

static int start_thread(void)
{
	pthread_t thread;
	int pid = 0;

	if (pthread_create(&thread, NULL, in_a_thread, &pid))
		return 1;
	pthread_join(thread, NULL);
	return pid != getpid();
}

static int use_files(void)
{
	char text[64];
	int fd = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);

	return fd < 0 || read(fd, text, sizeof(text)) <= 0 || lseek(fd, 0, SEEK_SET) || close(fd);
}

static int use_unix_sockets(void)
{
	return result_of(socket(AF_UNIX, SOCK_SEQPACKET, 0));
}

static int use_netlink(void)
{
	return result_of(socket(AF_NETLINK, SOCK_RAW, 0));
}

static int use_inotify(void)
{
	return result_of(inotify_init1(IN_CLOEXEC));
}

static int look_a_user_up(void)
{
	return !getpwnam("root");
}

static int (*const done[])(void) = {
	start_thread, use_files, use_unix_sockets, use_netlink, use_inotify, look_a_user_up
};

START_TEST(what_vfiod_does_is_let_through)
{
	ck_assert_int_eq(outcome_of(done[_i]), 0);
}
END_TEST

static int give_up(void)
{
	abort();
}

START_TEST(it_can_abort)
{
	ck_assert_int_eq(outcome_of(give_up), -SIGABRT);
}
END_TEST

/* ---- what it does not ---- */

static int use_inet(void)
{
	return result_of(socket(AF_INET, SOCK_STREAM, 0));
}

static int use_packets(void)
{
	return result_of(socket(AF_PACKET, SOCK_RAW, 0));
}

static int start_process(void)
{
	return result_of(fork());
}

static int map_writable_code(void)
{
	void *map = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return result_of(map == MAP_FAILED ? -1 : 0);
}

static int make_code(void)
{
	void *map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return result_of(mprotect(map, 4096, PROT_READ | PROT_EXEC));
}

static int use_something_new(void)
{
	return result_of(syscall(SYS_memfd_secret, 0));
}

static int (*const refused[])(void) = { use_inet,	   use_packets, start_process,
					map_writable_code, make_code,	use_something_new };

START_TEST(what_vfiod_does_not_do_is_as_if_the_kernel_did_not_know_it)
{
	ck_assert_int_eq(outcome_of(refused[_i]), ENOSYS);
}
END_TEST

static int execute(void)
{
	return execl("/bin/true", "true", NULL);
}

static int trace(void)
{
	return result_of(ptrace(PTRACE_TRACEME, 0, NULL, NULL));
}

static int load_a_module(void)
{
	return result_of(syscall(SYS_finit_module, -1, "", 0));
}

static int mount_something(void)
{
	return result_of(mount("none", "/nowhere", "tmpfs", 0, NULL));
}

static int leave_the_namespace(void)
{
	return result_of(unshare(CLONE_NEWUSER));
}

static int become_somebody(void)
{
	return result_of(syscall(SYS_setresuid, -1, -1, -1));
}

static int kill_by_number(void)
{
	return result_of(kill(getppid(), 0));
}

static int kill_by_descriptor(void)
{
	int fd = (int)syscall(SYS_pidfd_open, getpid(), 0);

	return result_of((int)syscall(SYS_pidfd_send_signal, fd, 0, NULL, 0));
}

static int open_a_file_to_all(void)
{
	return result_of(chmod("/nowhere/at/all", 0777));
}

static int (*const deadly[])(void) = {
	execute,	 trace,		 load_a_module,	     mount_something,	 leave_the_namespace,
	become_somebody, kill_by_number, kill_by_descriptor, open_a_file_to_all,
};

START_TEST(what_only_an_attacker_would_do_ends_the_process)
{
	ck_assert_int_eq(outcome_of(deadly[_i]), -SIGSYS);
}
END_TEST

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

int main(void)
{
	Suite *suite = suite_create("seccomp");
	TCase *tcase = tcase_create("calls");
	SRunner *runner;
	int failed;

	tcase_add_loop_test(tcase, what_vfiod_does_is_let_through, 0, COUNT(done));
	tcase_add_test(tcase, it_can_abort);
	tcase_add_loop_test(tcase, what_vfiod_does_not_do_is_as_if_the_kernel_did_not_know_it, 0, COUNT(refused));
	tcase_add_loop_test(tcase, what_only_an_attacker_would_do_ends_the_process, 0, COUNT(deadly));
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
