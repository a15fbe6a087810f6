/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is said to the service manager, and what is had from it, with a socket of the test's in its place. */
#include "tests/temporary.h"
#include "vfiod/systemd.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static char dir[TEMPORARY_MAX], path[80];
static int manager = -1;

static void listen_as(const char *name, size_t size)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	memcpy(address.sun_path, name, size);
	manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	ck_assert_int_eq(bind(manager, (struct sockaddr *)&address,
			      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size)),
			 0);
}

static void begin(void)
{
	ck_assert_ptr_nonnull(mkdtemp(temporary_path(dir, "systemd")));
	snprintf(path, sizeof(path), "%s/notify", dir);
	listen_as(path, strlen(path) + 1);
	setenv("NOTIFY_SOCKET", path, 1);
}

static void end(void)
{
	close(manager);
	unlink(path);
	rmdir(dir);
}

static const char *heard(void)
{
	static char text[1024];
	ssize_t size = recv(manager, text, sizeof(text) - 1, 0);

	text[size > 0 ? size : 0] = '\0';
	return text;
}

/* ---- what is said ---- */

START_TEST(what_is_said_arrives_as_one_message)
{
	systemd_notify("READY=1\nSTATUS=%s, %d", "serving", 3);
	ck_assert_str_eq(heard(), "READY=1\nSTATUS=serving, 3");
	ck_assert_str_eq(heard(), "");
}
END_TEST

START_TEST(a_name_in_the_abstract_namespace_is_one_too)
{
	char name[64], variable[64];

	close(manager);
	snprintf(name, sizeof(name), "-vfiod-test-%d", (int)getpid());
	snprintf(variable, sizeof(variable), "@%s", name + 1);
	name[0] = '\0';
	listen_as(name, strlen(name + 1) + 1);
	setenv("NOTIFY_SOCKET", variable, 1);
	systemd_notify("READY=1");
	ck_assert_str_eq(heard(), "READY=1");
}
END_TEST

START_TEST(without_a_service_manager_nothing_is_said)
{
	static const char *const none[] = { NULL, "", "/", "relative/path", "/there/is/none" };

	if (none[_i])
		setenv("NOTIFY_SOCKET", none[_i], 1);
	else
		unsetenv("NOTIFY_SOCKET");
	systemd_notify("READY=1");
	ck_assert_str_eq(heard(), "");
}
END_TEST

START_TEST(a_manager_that_does_not_listen_holds_nobody_up)
{
	for (int i = 0; i < 10000; i++)
		systemd_notify("WATCHDOG=1");
	ck_assert_str_eq(heard(), "WATCHDOG=1");
}
END_TEST

START_TEST(what_is_said_leaves_no_descriptor_behind)
{
	int before = dup(0), after;

	close(before);
	systemd_notify("READY=1");
	after = dup(0);
	close(after);
	ck_assert_int_eq(before, after);
}
END_TEST

/* ---- the watchdog ---- */

static const struct {
	const char *usec, *pid; /* "self": our own */
	uint64_t told;
} watchdogs[] = {
	{ NULL, NULL, 0 },
	{ "30000000", NULL, 30000000 },
	{ "30000000", "self", 30000000 },
	{ "30000000", "1", 0 },
	{ "30000000", "", 0 },
	{ "", NULL, 0 },
	{ "0", NULL, 0 },
	{ "-1", NULL, 0 },
	{ "1s", NULL, 0 },
	{ " 1000", NULL, 0 },
	{ "99999999999999999999999", NULL, 0 },
};

START_TEST(the_watchdog_is_for_who_is_meant_by_it)
{
	char self[16];

	snprintf(self, sizeof(self), "%d", (int)getpid());
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
	if (watchdogs[_i].usec)
		setenv("WATCHDOG_USEC", watchdogs[_i].usec, 1);
	if (watchdogs[_i].pid)
		setenv("WATCHDOG_PID", strcmp(watchdogs[_i].pid, "self") ? watchdogs[_i].pid : self, 1);
	ck_assert_uint_eq(systemd_watchdog(), watchdogs[_i].told);
}
END_TEST

/* ---- sockets ---- */

static void make_socket(int fd, int type, int listening)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int made = socket(AF_UNIX, type, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s/%d", dir, fd);
	ck_assert_int_eq(bind(made, (struct sockaddr *)&address, sizeof(address)), 0);
	unlink(address.sun_path);
	ck_assert(!listening || !listen(made, 4));
	if (made != fd) {
		ck_assert_int_eq(dup2(made, fd), fd);
		close(made);
	}
}

/* Three sockets from number 3 on, as a service manager passes them. */
static void pass_sockets(const char *names, const char *pid)
{
	char self[16];

	manager = fcntl(manager, F_DUPFD_CLOEXEC, 16);
	make_socket(3, SOCK_SEQPACKET, 1);
	make_socket(4, SOCK_STREAM, 1);
	make_socket(5, SOCK_SEQPACKET, 0);
	make_socket(6, SOCK_SEQPACKET, 1);
	snprintf(self, sizeof(self), "%d", (int)getpid());
	setenv("LISTEN_PID", pid ? pid : self, 1);
	setenv("LISTEN_FDS", "4", 1);
	setenv("LISTEN_FDNAMES", names, 1);
}

static const struct {
	const char *names, *name;
	int fd;
} sockets[] = {
	{ "pub:stream:mute:admin", "pub", 3 },
	{ "pub:stream:mute:admin", "admin", 6 },
	{ "pub:stream:mute:admin", "stream", -1 }, /* of another type */
	{ "pub:stream:mute:admin", "mute", -1 },   /* nobody listens on it */
	{ "pub:stream:mute:admin", "pu", -1 },
	{ "pub:stream:mute:admin", "pub:stream", -1 },
	{ "public:stream:mute:admin", "pub", -1 },
	{ "pub:stream:mute", "admin", -1 },
	{ "pub", "pub", 3 },
	{ "", "pub", -1 },
	{ "mute:mute:mute:mute", "mute", 3 },
};

START_TEST(a_socket_is_found_by_its_name_if_it_is_one_to_listen_on)
{
	pass_sockets(sockets[_i].names, NULL);
	ck_assert_int_eq(systemd_socket(sockets[_i].name), sockets[_i].fd);
	if (sockets[_i].fd >= 0)
		ck_assert_int_eq(fcntl(sockets[_i].fd, F_GETFD), FD_CLOEXEC);
}
END_TEST

START_TEST(sockets_that_another_process_was_meant_to_get_are_left_alone)
{
	pass_sockets("pub:stream:mute:admin", "1");
	ck_assert_int_eq(systemd_socket("pub"), -1);
	unsetenv("LISTEN_PID");
	ck_assert_int_eq(systemd_socket("pub"), -1);
}
END_TEST

START_TEST(nonsense_in_the_environment_passes_no_socket)
{
	static const char *const counts[] = { "", "-1", "x", "65", "4x", "18446744073709551620" };

	pass_sockets("pub:stream:mute:admin", NULL);
	setenv("LISTEN_FDS", counts[_i], 1);
	ck_assert_int_eq(systemd_socket("pub"), -1);
}
END_TEST

static TCase *case_of(const char *name)
{
	TCase *tcase = tcase_create(name);

	tcase_add_checked_fixture(tcase, begin, end);
	return tcase;
}

int main(void)
{
	Suite *suite = suite_create("systemd");
	TCase *notify = case_of("notify"), *watchdog = case_of("watchdog"), *passed = case_of("sockets");
	SRunner *runner;
	int failed;

	tcase_add_test(notify, what_is_said_arrives_as_one_message);
	tcase_add_test(notify, a_name_in_the_abstract_namespace_is_one_too);
	tcase_add_loop_test(notify, without_a_service_manager_nothing_is_said, 0, 5);
	tcase_add_test(notify, a_manager_that_does_not_listen_holds_nobody_up);
	tcase_add_test(notify, what_is_said_leaves_no_descriptor_behind);
	tcase_add_loop_test(watchdog, the_watchdog_is_for_who_is_meant_by_it, 0,
			    sizeof(watchdogs) / sizeof(watchdogs[0]));
	tcase_add_loop_test(passed, a_socket_is_found_by_its_name_if_it_is_one_to_listen_on, 0,
			    sizeof(sockets) / sizeof(sockets[0]));
	tcase_add_test(passed, sockets_that_another_process_was_meant_to_get_are_left_alone);
	tcase_add_loop_test(passed, nonsense_in_the_environment_passes_no_socket, 0, 6);
	suite_add_tcase(suite, notify);
	suite_add_tcase(suite, watchdog);
	suite_add_tcase(suite, passed);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
