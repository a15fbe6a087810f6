/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Workers: jobs take turns where threads are few, and who sleeps in a close is woken. */
#include "vfiod/worker.h"

#include <check.h>
#include <event2/event.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define JOBS 100

static struct event_base *base;
static struct workers *workers;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned int at_once, most, ran, reported, idle_told;

struct counted {
	struct job job;
	unsigned int number, place; /* the how manieth to run */
	int wait;		    /* for the end of this pipe, or -1 */
};

static void count_run(struct job *job)
{
	struct counted *counted = (struct counted *)job;
	char byte;

	pthread_mutex_lock(&lock);
	counted->place = ran++;
	at_once++;
	most = at_once > most ? at_once : most;
	pthread_mutex_unlock(&lock);
	if (counted->wait >= 0)
		ck_assert_int_eq(read(counted->wait, &byte, 1), 0);
	pthread_mutex_lock(&lock);
	at_once--;
	pthread_mutex_unlock(&lock);
}

static void count_done(struct job *job)
{
	(void)job;
	reported++;
}

static void idle(void *data)
{
	ck_assert_ptr_eq(data, &base);
	idle_told++;
}

static void begin(void)
{
	base = event_base_new();
	ck_assert_ptr_nonnull(base);
	at_once = most = ran = reported = idle_told = 0;
}

static void make(unsigned int threads, bool hurried)
{
	const struct workers_how how = { .threads = threads, .hurried = hurried, .idle = idle, .data = &base };

	ck_assert_int_eq(workers_new(base, &how, &workers), 0);
}

static void end(void)
{
	ck_assert_uint_eq(workers_busy(workers), 0);
	workers_free(workers);
	event_base_free(base);
}

static void until_idle(void)
{
	while (workers_busy(workers))
		ck_assert_int_eq(event_base_loop(base, EVLOOP_ONCE), 0);
}

static struct counted jobs[JOBS];

static void start_all(int wait)
{
	for (unsigned int i = 0; i < JOBS; i++) {
		jobs[i] =
			(struct counted){ .job = { .run = count_run, .done = count_done }, .number = i, .wait = wait };
		workers_start(workers, &jobs[i].job);
	}
}

START_TEST(each_job_runs_once_and_reports_and_then_it_is_told_that_all_have)
{
	make(4, false);
	start_all(-1);
	ck_assert_uint_eq(workers_busy(workers), JOBS);
	until_idle();
	ck_assert_uint_eq(ran, JOBS);
	ck_assert_uint_eq(reported, JOBS);
	ck_assert_uint_eq(idle_told, 1);
}
END_TEST

START_TEST(jobs_wait_for_their_turn_where_threads_are_few)
{
	int ends[2];

	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	make(4, false);
	start_all(ends[0]);
	for (bool all = false; !all;) {
		pthread_mutex_lock(&lock);
		all = at_once == 4;
		pthread_mutex_unlock(&lock);
	}
	ck_assert_uint_eq(ran, 4);
	close(ends[1]);
	until_idle();
	close(ends[0]);
	ck_assert_uint_eq(ran, JOBS);
	ck_assert_uint_eq(most, 4);
}
END_TEST

START_TEST(one_thread_does_its_jobs_in_order)
{
	make(1, false);
	start_all(-1);
	until_idle();
	for (unsigned int i = 0; i < JOBS; i++)
		ck_assert_uint_eq(jobs[i].place, jobs[i].number);
}
END_TEST

/* One end of a connection over loopback, full of what the other end never reads; its close waits for that an hour. */
static int lingering(int listener)
{
	struct sockaddr_in address;
	socklen_t size = sizeof(address);
	char bytes[65536] = { 0 };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(getsockname(listener, (struct sockaddr *)&address, &size), 0);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, size), 0);
	while (send(fd, bytes, sizeof(bytes), MSG_DONTWAIT) > 0)
		;
	ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_LINGER, &(struct linger){ 1, 3600 }, sizeof(struct linger)), 0);
	return fd;
}

START_TEST(a_close_that_would_wait_an_hour_for_its_peer_is_woken)
{
	struct sockaddr_in loopback = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_ge(listener, 0);
	ck_assert_int_eq(bind(listener, (struct sockaddr *)&loopback, sizeof(loopback)), 0);
	ck_assert_int_eq(listen(listener, 16), 0);
	make(2, true);
	for (int i = 0; i < 8; i++)
		workers_close(workers, lingering(listener));
	until_idle(); /* otherwise the test's time is over long before the hour is */
	close(listener);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("worker");
	TCase *tcase = tcase_create("workers");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tcase, begin, end);
	tcase_add_test(tcase, each_job_runs_once_and_reports_and_then_it_is_told_that_all_have);
	tcase_add_test(tcase, jobs_wait_for_their_turn_where_threads_are_few);
	tcase_add_test(tcase, one_thread_does_its_jobs_in_order);
	tcase_add_test(tcase, a_close_that_would_wait_an_hour_for_its_peer_is_woken);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
