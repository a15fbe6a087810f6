/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Limits of locked memory of processes that are really there, children of this test; and how a client's is found. */
#include "vfiod/memlock.h"

#include "vfiod/peer.h"

#include <check.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define KIB   1024u
#define LIMIT (64u * KIB)

static pid_t child;
static int pidfd;
static struct memlock *list;

/* A process that waits for its end, with a limit that may be raised without privilege. */
static void set_up(void)
{
	const struct rlimit limit = { LIMIT, 1024 * KIB };

	ck_assert_int_eq(setrlimit(RLIMIT_MEMLOCK, &limit), 0);
	child = fork();
	ck_assert_int_ge(child, 0);
	if (!child)
		for (;;)
			pause();
	pidfd = (int)syscall(SYS_pidfd_open, child, 0);
	ck_assert_int_ge(pidfd, 0);
	list = NULL;
}

static void end_child(void)
{
	struct pollfd end = { .fd = pidfd, .events = POLLIN };

	kill(child, SIGKILL);
	ck_assert_int_eq(poll(&end, 1, 10000), 1);
}

static void tear_down(void)
{
	end_child();
	waitpid(child, NULL, 0);
	close(pidfd);
}

static struct rlimit limit_of(pid_t pid)
{
	struct rlimit limit;

	ck_assert_int_eq(prlimit(pid, RLIMIT_MEMLOCK, NULL, &limit), 0);
	return limit;
}

static void assert_limit(rlim_t soft, rlim_t hard)
{
	struct rlimit limit = limit_of(child);

	ck_assert_uint_eq(limit.rlim_cur, soft);
	ck_assert_uint_eq(limit.rlim_max, hard);
}

static struct memlock *raise_to(uint64_t limit)
{
	struct memlock *raised = NULL;

	ck_assert_int_eq(memlock_raise(&list, child, pidfd, limit, &raised), 0);
	return raised;
}

START_TEST(a_limit_is_raised_and_put_back)
{
	struct memlock *raised = raise_to(512 * KIB);

	assert_limit(512 * KIB, 1024 * KIB);
	memlock_drop(&list, raised);
	assert_limit(LIMIT, 1024 * KIB);
	ck_assert_ptr_null(list);
}
END_TEST

START_TEST(the_hard_limit_is_raised_where_that_is_permitted_and_put_back)
{
	struct memlock *raised = NULL;
	int err = memlock_raise(&list, child, pidfd, RLIM_INFINITY, &raised);

	if (err == -EPERM) { /* without CAP_SYS_RESOURCE */
		assert_limit(LIMIT, 1024 * KIB);
		ck_assert_ptr_null(list);
		return;
	}
	ck_assert_int_eq(err, 0);
	assert_limit(RLIM_INFINITY, RLIM_INFINITY);
	memlock_drop(&list, raised);
	assert_limit(LIMIT, 1024 * KIB);
}
END_TEST

START_TEST(a_limit_that_is_high_enough_stays_as_it_is)
{
	ck_assert_ptr_null(raise_to(LIMIT));
	ck_assert_ptr_null(raise_to(1));
	assert_limit(LIMIT, 1024 * KIB);
	ck_assert_ptr_null(list);
	memlock_drop(&list, NULL);
}
END_TEST

START_TEST(a_limit_that_was_changed_meanwhile_stays_as_it_is)
{
	const struct rlimit changed = { 100 * KIB, 1024 * KIB };
	struct memlock *raised = raise_to(512 * KIB);

	ck_assert_int_eq(prlimit(child, RLIMIT_MEMLOCK, &changed, NULL), 0);
	memlock_drop(&list, raised);
	assert_limit(100 * KIB, 1024 * KIB);
}
END_TEST

START_TEST(who_lowers_what_was_raised_a_little_keeps_nothing_of_it)
{
	const struct rlimit changed = { 2000 * KIB, 2000 * KIB };
	struct memlock *raised = NULL;
	int err = memlock_raise(&list, child, pidfd, 2048 * KIB, &raised);

	if (err == -EPERM) /* without CAP_SYS_RESOURCE */
		return;
	ck_assert_int_eq(err, 0);
	ck_assert_int_eq(prlimit(child, RLIMIT_MEMLOCK, &changed, NULL), 0);
	memlock_drop(&list, raised);
	assert_limit(1024 * KIB, 1024 * KIB);
}
END_TEST

START_TEST(what_was_raised_for_one_lease_is_not_what_was_there_before_the_next)
{
	const struct rlimit lowered = { 100 * KIB, 2048 * KIB };
	struct memlock *first = NULL, *second;

	if (memlock_raise(&list, child, pidfd, 2048 * KIB, &first) == -EPERM)
		return;
	ck_assert_int_eq(prlimit(child, RLIMIT_MEMLOCK, &lowered, NULL), 0);
	second = raise_to(2048 * KIB);
	memlock_drop(&list, first);
	memlock_drop(&list, second);
	assert_limit(100 * KIB, 1024 * KIB);
}
END_TEST

START_TEST(with_several_leases_the_highest_counts_and_the_last_puts_back)
{
	struct memlock *first = raise_to(256 * KIB), *second = raise_to(512 * KIB), *third = raise_to(128 * KIB);

	assert_limit(512 * KIB, 1024 * KIB);
	memlock_drop(&list, second);
	memlock_drop(&list, first);
	assert_limit(512 * KIB, 1024 * KIB);
	memlock_drop(&list, third);
	assert_limit(LIMIT, 1024 * KIB);
	ck_assert_ptr_null(list);
}
END_TEST

START_TEST(what_a_program_chose_between_two_leases_is_put_back)
{
	const struct rlimit chosen = { 100 * KIB, 1024 * KIB };
	struct memlock *first = raise_to(256 * KIB), *second;

	ck_assert_int_eq(prlimit(child, RLIMIT_MEMLOCK, &chosen, NULL), 0);
	second = raise_to(512 * KIB);
	memlock_drop(&list, first);
	memlock_drop(&list, second);
	assert_limit(100 * KIB, 1024 * KIB);
}
END_TEST

START_TEST(the_limit_of_a_process_that_has_ended_is_not_raised)
{
	struct memlock *raised = NULL;

	end_child(); /* its number stays its own until it is waited for */
	ck_assert_int_eq(memlock_raise(&list, child, pidfd, 512 * KIB, &raised), -ESRCH);
	assert_limit(LIMIT, 1024 * KIB);
	ck_assert_ptr_null(list);
}
END_TEST

START_TEST(a_process_without_a_number_is_not_this_one)
{
	struct rlimit before = limit_of(0), after;
	struct memlock *raised = NULL;

	ck_assert_int_eq(memlock_raise(&list, 0, pidfd, 512 * KIB, &raised), -ESRCH);
	after = limit_of(0);
	ck_assert_uint_eq(after.rlim_cur, before.rlim_cur);
	ck_assert_ptr_null(list);
}
END_TEST

START_TEST(a_process_that_ended_with_its_leases_is_forgotten_with_them)
{
	struct memlock *raised = raise_to(512 * KIB);

	end_child();
	memlock_drop(&list, raised);
	assert_limit(512 * KIB, 1024 * KIB);
	ck_assert_ptr_null(list);
}
END_TEST

START_TEST(whoever_has_the_number_of_a_process_that_has_ended_is_not_touched)
{
	struct memlock *raised = NULL;
	pid_t dead = fork();
	int dead_pidfd;

	if (!dead)
		_exit(0);
	dead_pidfd = (int)syscall(SYS_pidfd_open, dead, 0);
	ck_assert_int_ge(dead_pidfd, 0);
	ck_assert_int_eq(waitpid(dead, NULL, 0), dead);
	/* as if the child had got its number */
	ck_assert_int_eq(memlock_raise(&list, child, dead_pidfd, 512 * KIB, &raised), -ESRCH);
	assert_limit(LIMIT, 1024 * KIB);
	ck_assert_ptr_null(list);
	close(dead_pidfd);
}
END_TEST

/* ---- which process is a client's ---- */

static bool is_child(int fd)
{
	siginfo_t info = { 0 };

	ck_assert_int_ge(fd, 0);
	end_child();
	ck_assert_int_eq(waitid(P_PIDFD, (id_t)fd, &info, WEXITED | WNOWAIT), 0);
	close(fd);
	return info.si_pid == child;
}

START_TEST(a_process_is_found_by_its_number_if_it_is_the_users)
{
	struct peer peer = { .uid = getuid(), .pid = child };

	peer.uid++;
	ck_assert_int_eq(peer_pidfd_by_number(&peer), -EPERM);
	peer.uid--;
	ck_assert(is_child(peer_pidfd_by_number(&peer)));
}
END_TEST

START_TEST(a_process_is_found_by_its_connection)
{
	int ends[2];
	struct peer peer;
	int fd;

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
	ck_assert_int_eq(peer_read(ends[0], &peer), 0);
	ck_assert_int_eq(peer.pid, getpid());
	fd = peer_pidfd(ends[0], &peer);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq((int)syscall(SYS_pidfd_send_signal, fd, 0, NULL, 0), 0);
	peer_free(&peer);
	close(fd);
	close(ends[0]);
	close(ends[1]);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("memlock");
	TCase *tcase = tcase_create("limits");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, a_limit_is_raised_and_put_back);
	tcase_add_test(tcase, the_hard_limit_is_raised_where_that_is_permitted_and_put_back);
	tcase_add_test(tcase, a_limit_that_is_high_enough_stays_as_it_is);
	tcase_add_test(tcase, a_limit_that_was_changed_meanwhile_stays_as_it_is);
	tcase_add_test(tcase, with_several_leases_the_highest_counts_and_the_last_puts_back);
	tcase_add_test(tcase, who_lowers_what_was_raised_a_little_keeps_nothing_of_it);
	tcase_add_test(tcase, what_was_raised_for_one_lease_is_not_what_was_there_before_the_next);
	tcase_add_test(tcase, what_a_program_chose_between_two_leases_is_put_back);
	tcase_add_test(tcase, the_limit_of_a_process_that_has_ended_is_not_raised);
	tcase_add_test(tcase, a_process_without_a_number_is_not_this_one);
	tcase_add_test(tcase, a_process_that_ended_with_its_leases_is_forgotten_with_them);
	tcase_add_test(tcase, whoever_has_the_number_of_a_process_that_has_ended_is_not_touched);
	tcase_add_test(tcase, a_process_is_found_by_its_number_if_it_is_the_users);
	tcase_add_test(tcase, a_process_is_found_by_its_connection);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
