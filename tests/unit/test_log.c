/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The log as the journal gets it, with a socket of the test's in the journal's place, and as a file gets it.
 * VFIOD_MAN: the folder of the manual pages
 */
#include "tests/temporary.h"
#include "vfiod/log.h"

#include "vfiod/failure.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static char dir[TEMPORARY_MAX], socket_path[80], file_path[80];
static int journal = -1, old_stderr = -1;

/* ---- a journal ---- */

static void take_stderr(void)
{
	int fd = open(file_path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	old_stderr = dup(STDERR_FILENO);
	ck_assert_int_ge(fd, 0);
	dup2(fd, STDERR_FILENO);
	close(fd);
}

static void give_stderr_back(void)
{
	fflush(stderr);
	dup2(old_stderr, STDERR_FILENO);
	close(old_stderr);
}

static void begin(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	char stream[64];
	struct stat st;

	ck_assert_ptr_nonnull(mkdtemp(temporary_path(dir, "log")));
	snprintf(socket_path, sizeof(socket_path), "%s/journal", dir);
	snprintf(file_path, sizeof(file_path), "%s/stderr", dir);
	strcpy(address.sun_path, socket_path);
	journal = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	ck_assert_int_eq(bind(journal, (struct sockaddr *)&address, sizeof(address)), 0);
	take_stderr();
	fstat(STDERR_FILENO, &st);
	snprintf(stream, sizeof(stream), "%llu:%llu", (unsigned long long)st.st_dev, (unsigned long long)st.st_ino);
	setenv("JOURNAL_STREAM", stream, 1);
	setenv("VFIOD_JOURNAL_SOCKET", socket_path, 1);
}

static void end(void)
{
	give_stderr_back();
	close(journal);
	unlink(socket_path);
	unlink(file_path);
	rmdir(dir);
}

static const char *entry(void)
{
	static char text[4096];
	ssize_t size = recv(journal, text, sizeof(text) - 1, 0);

	text[size > 0 ? size : 0] = '\0';
	return text;
}

static const char *written(void)
{
	static char text[4096];
	int fd = open(file_path, O_RDONLY | O_CLOEXEC);
	ssize_t size;

	fflush(stderr);
	size = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[size > 0 ? size : 0] = '\0';
	return text;
}

/* ---- entries ---- */

START_TEST(a_line_is_an_entry_with_its_priority)
{
	log_setup(false);
	log_line(LOG_WARNING, "%s is %d", "it", 3);
	ck_assert_str_eq(entry(), "PRIORITY=4\nSYSLOG_IDENTIFIER=vfiod\nMESSAGE=it is 3\n");
	ck_assert_str_eq(written(), "");
}
END_TEST

START_TEST(an_event_has_its_id_and_all_that_it_is_about)
{
	const uint64_t device = 0x100;
	const uint32_t uid = 0;

	log_setup(false);
	log_event(LOG_EVENT_GRANTED,
		  &(struct log_about){ .device = &device, .uid = &uid, .lease = 12, .op = "ACQUIRE", .reason = "busy" },
		  "leased");
	ck_assert_str_eq(entry(),
			 "PRIORITY=6\nSYSLOG_IDENTIFIER=vfiod\nMESSAGE=leased\n"
			 "MESSAGE_ID=27cf7a0eeb624e8a86d753fd532e8442\nVFIOD_DEVICE=0000:01:00.0\nVFIOD_UID=0\n"
			 "VFIOD_LEASE=12\nVFIOD_OP=ACQUIRE\nVFIOD_REASON=busy\n");
}
END_TEST

START_TEST(an_event_may_have_another_priority_than_its_kind)
{
	log_setup(false);
	log_event(LOG_EVENT_QUARANTINED, &(struct log_about){ .priority = LOG_WARNING }, "still");
	ck_assert_str_eq(entry(), "PRIORITY=4\nSYSLOG_IDENTIFIER=vfiod\nMESSAGE=still\n"
				  "MESSAGE_ID=81842bebfa0e44ce9cae310214932485\n");
}
END_TEST

START_TEST(an_event_has_no_field_that_does_not_apply)
{
	log_setup(false);
	log_event(LOG_EVENT_STOPPING, NULL, "ending");
	ck_assert_str_eq(entry(), "PRIORITY=6\nSYSLOG_IDENTIFIER=vfiod\nMESSAGE=ending\n"
				  "MESSAGE_ID=2ad2c0c5fc4148cf8690b6f6d8c06cbd\n");
}
END_TEST

START_TEST(a_line_break_in_what_is_told_makes_no_field_of_its_own)
{
	log_setup(false);
	log_event(LOG_EVENT_STOPPING, &(struct log_about){ .op = "X\n_UID=0" }, "one\nPRIORITY=0");
	ck_assert_str_eq(entry(), "PRIORITY=6\nSYSLOG_IDENTIFIER=vfiod\nMESSAGE=one PRIORITY=0\n"
				  "MESSAGE_ID=2ad2c0c5fc4148cf8690b6f6d8c06cbd\nVFIOD_OP=X _UID=0\n");
}
END_TEST

START_TEST(a_long_line_is_cut)
{
	static char line[5000];

	memset(line, 'x', sizeof(line) - 1);
	log_setup(false);
	log_event(LOG_EVENT_STOPPING, NULL, "%s", line);
	ck_assert_ptr_nonnull(strstr(entry(), "xxx\nMESSAGE_ID=2ad2c0c5fc4148cf8690b6f6d8c06cbd\n"));
}
END_TEST

START_TEST(a_journal_that_is_behind_is_not_waited_for_and_told_how_much_it_missed)
{
	unsigned int count = 0;

	log_setup(false);
	for (int i = 0; i < 20000; i++)
		log_line(LOG_INFO, "line");
	while (*entry())
		count++;
	ck_assert_uint_lt(count, 20000);
	log_line(LOG_INFO, "another line");
	ck_assert_ptr_nonnull(strstr(entry(), "the log did not take "));
	ck_assert_ptr_nonnull(strstr(entry(), "MESSAGE=another line\n"));
	ck_assert_str_eq(written(), "");
}
END_TEST

/* ---- without it ---- */

START_TEST(a_journal_that_has_gone_gets_lines)
{
	log_setup(false);
	unlink(socket_path);
	log_line(LOG_WARNING, "where is it");
	ck_assert_str_eq(written(), "<4>where is it\n");
}
END_TEST

START_TEST(what_is_not_the_journal_gets_plain_lines)
{
	static const char *const streams[] = { NULL, "", "1:1", "nonsense", "1:" };

	if (streams[_i])
		setenv("JOURNAL_STREAM", streams[_i], 1);
	else
		unsetenv("JOURNAL_STREAM");
	log_setup(false);
	log_event(LOG_EVENT_STOPPING, NULL, "ending");
	ck_assert_str_eq(written(), "vfiod: ending\n");
	ck_assert_str_eq(entry(), "");
}
END_TEST

START_TEST(a_pipe_that_nobody_reads_is_not_waited_for_and_told_how_much_it_missed)
{
	static char text[1 << 20];
	const char *told;
	int ends[2];

	unsetenv("JOURNAL_STREAM");
	log_setup(false);
	ck_assert_int_eq(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
	fcntl(ends[1], F_SETFL, 0);
	dup2(ends[1], STDERR_FILENO);
	close(ends[1]);
	for (int i = 0; i < 50000; i++)
		log_line(LOG_INFO, "line");
	ck_assert_int_gt(read(ends[0], text, sizeof(text)), 0);
	log_line(LOG_INFO, "another line");
	text[read(ends[0], text, sizeof(text) - 1)] = '\0';
	told = strstr(text, "vfiod: the log did not take ");
	ck_assert_ptr_nonnull(told);
	ck_assert_ptr_nonnull(strstr(told, "\nvfiod: another line\n"));
	close(ends[0]);
}
END_TEST

START_TEST(lines_for_the_curious_are_written_when_they_are_wanted)
{
	log_setup(false);
	log_line(LOG_DEBUG, "one");
	ck_assert_str_eq(entry(), "");
	log_setup(true);
	log_line(LOG_DEBUG, "two");
	ck_assert_ptr_nonnull(strstr(entry(), "PRIORITY=7\n"));
}
END_TEST

/* ---- ids and words ---- */

static const struct {
	const char *name, *id;
} events[] = {
#define X(NAME, id, priority, text) { #NAME, id },
	LOG_EVENTS(X)
#undef X
};
#define EVENT_COUNT ((int)(sizeof(events) / sizeof(events[0])))

START_TEST(every_event_has_an_id_of_its_own)
{
	ck_assert_uint_eq(strlen(events[_i].id), 32);
	ck_assert_uint_eq(strspn(events[_i].id, "0123456789abcdef"), 32);
	for (int i = 0; i < _i; i++)
		ck_assert_str_ne(events[i].id, events[_i].id);
}
END_TEST

static const char *manual(void)
{
	static char text[65536];
	const char *folder = getenv("VFIOD_MAN");
	char path[256];
	FILE *file;

	snprintf(path, sizeof(path), "%s/vfiod.8", folder ? folder : "man");
	file = fopen(path, "re");
	ck_assert_msg(file, "cannot read %s", path);
	text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
	fclose(file);
	return text;
}

START_TEST(the_manual_page_has_the_id_of_every_event)
{
	ck_assert_msg(strstr(manual(), events[_i].id), "%s is not in vfiod.8", events[_i].id);
}
END_TEST

START_TEST(every_reason_has_a_word_that_the_manual_page_has)
{
	static const int errors[] = { EACCES, EPERM,	  EBUSY,  EAGAIN, EDQUOT,  ENODEV, ENOENT,
				      EIO,    EOPNOTSUPP, ENOSYS, EINVAL, EBADMSG, ENOMEM, ETIMEDOUT };

	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		char words[64];

		snprintf(words, sizeof(words), "\n.It Li %s\n", failure_reason_word(-errors[i]));
		ck_assert_msg(strstr(manual(), words), "'%s' is not in vfiod.8", words);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("log");
	TCase *entries = tcase_create("entries"), *lines = tcase_create("lines"), *words = tcase_create("words");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(entries, begin, end);
	tcase_add_checked_fixture(lines, begin, end);
	tcase_add_test(entries, a_line_is_an_entry_with_its_priority);
	tcase_add_test(entries, an_event_has_its_id_and_all_that_it_is_about);
	tcase_add_test(entries, an_event_may_have_another_priority_than_its_kind);
	tcase_add_test(entries, an_event_has_no_field_that_does_not_apply);
	tcase_add_test(entries, a_line_break_in_what_is_told_makes_no_field_of_its_own);
	tcase_add_test(entries, a_long_line_is_cut);
	tcase_add_test(entries, a_journal_that_is_behind_is_not_waited_for_and_told_how_much_it_missed);
	tcase_add_test(lines, a_journal_that_has_gone_gets_lines);
	tcase_add_loop_test(lines, what_is_not_the_journal_gets_plain_lines, 0, 5);
	tcase_add_test(lines, a_pipe_that_nobody_reads_is_not_waited_for_and_told_how_much_it_missed);
	tcase_add_test(lines, lines_for_the_curious_are_written_when_they_are_wanted);
	tcase_add_loop_test(words, every_event_has_an_id_of_its_own, 0, EVENT_COUNT);
	tcase_add_loop_test(words, the_manual_page_has_the_id_of_every_event, 0, EVENT_COUNT);
	tcase_add_test(words, every_reason_has_a_word_that_the_manual_page_has);
	suite_add_tcase(suite, entries);
	suite_add_tcase(suite, lines);
	suite_add_tcase(suite, words);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
