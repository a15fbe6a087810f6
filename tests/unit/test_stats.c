/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What vfiod counts: how the daemon does, and how vfioctl prints it, read back as Prometheus reads it. */
#include "libvfiodma/vfiodma.h"
#include "proto/vfiod_stats.h"
#include "vfioctl/stats.h"
#include "vfiod/metrics.h"

#include <check.h>
#include <errno.h>
#include <json-c/json.h>
#include <regex.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- numbers to print ---- */

static const uint32_t ends[] = VFIOD_BUCKET_ENDS;
static uint64_t buckets[VFIOD_BUCKETS];

static const struct vfiodma_stat numbers[] = {
#define X(NAME, stat_kind, stat_name, stat_label, text) \
	{ .name = stat_name, \
	  .label = stat_label, \
	  .help = text, \
	  .kind = VFIODMA_##stat_kind, \
	  .value = VFIOD_STAT_##NAME * 11 + 3 },
	VFIOD_STAT_TABLE(X)
#undef X
};

static const struct vfiodma_stat times[] = {
#define X(NAME, name, text) { name, "", text, VFIODMA_HISTOGRAM, 21, 1234567, VFIOD_BUCKETS, ends, buckets },
	VFIOD_LATENCY_TABLE(X)
#undef X
};

#define NUMBERS (sizeof(numbers) / sizeof(numbers[0]))
#define TIMES	(sizeof(times) / sizeof(times[0]))

static const struct vfiodma_stat *stat_at(size_t i)
{
	return i < NUMBERS ? &numbers[i] : &times[i - NUMBERS];
}

static void begin(void)
{
	buckets[3] = 10;
	buckets[4] = 10;
	buckets[VFIOD_BUCKETS - 1] = 1;
}

static char *printed(bool prometheus)
{
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	for (size_t i = 0; i < NUMBERS + TIMES; i++) {
		if (prometheus)
			stats_print_prometheus(stat_at(i), i ? stat_at(i - 1) : NULL, out);
		else
			stats_print_line(stat_at(i), out);
	}
	ck_assert_int_eq(fclose(out), 0);
	return text;
}

/* ---- as Prometheus reads it ---- */

/* Its rules (exposition formats, text version 0.0.4), as far as vfiod has to do with them. */
struct reader {
	char family[128], type[16]; /* of the last # TYPE */
	char seen[4096];	    /* families so far, each between blanks */
	char series[16384];	    /* and time series, each on a line */
	uint64_t bucket;	    /* the count of the last one */
	double end;
	bool ended; /* by +Inf */
	unsigned int samples;
};

static bool matches(const char *pattern, const char *text, regmatch_t *parts, size_t count)
{
	regex_t compiled;
	int err;

	ck_assert_int_eq(regcomp(&compiled, pattern, REG_EXTENDED), 0);
	err = regexec(&compiled, text, count, parts, 0);
	regfree(&compiled);
	return !err;
}

static void copy(const char *text, const regmatch_t *part, char *copy, size_t size)
{
	ck_assert_uint_lt((size_t)(part->rm_eo - part->rm_so), size);
	snprintf(copy, size, "%.*s", (int)(part->rm_eo - part->rm_so), text + part->rm_so);
}

/* A family begins with its help, and is not seen a second time. */
static void read_help(struct reader *reader, const char *line)
{
	regmatch_t parts[2];
	char word[130];

	ck_assert_msg(matches("^# HELP ([a-zA-Z_:][a-zA-Z0-9_:]*) [^\\]+$", line, parts, 2), "%s", line);
	copy(line, &parts[1], reader->family, sizeof(reader->family));
	snprintf(word, sizeof(word), " %.126s ", reader->family);
	ck_assert_msg(!strstr(reader->seen, word), "%s for a second time", reader->family);
	strcat(reader->seen, word);
	reader->type[0] = '\0';
}

static void read_type(struct reader *reader, const char *line)
{
	regmatch_t parts[3];
	char family[128];

	ck_assert_msg(matches("^# TYPE ([^ ]+) (counter|gauge|histogram)$", line, parts, 3), "%s", line);
	copy(line, &parts[1], family, sizeof(family));
	ck_assert_str_eq(family, reader->family);
	copy(line, &parts[2], reader->type, sizeof(reader->type));
	if (!strcmp(reader->type, "counter"))
		ck_assert_msg(matches("_total$", family, NULL, 0), "%s", family);
	reader->bucket = 0;
	reader->end = -1;
	reader->ended = false;
}

static void read_bucket(struct reader *reader, const char *line, uint64_t value)
{
	regmatch_t parts[2];
	char end[32];

	ck_assert_msg(matches("_bucket\\{le=\"([0-9.e+-]+|\\+Inf)\"\\} ", line, parts, 2), "%s", line);
	copy(line, &parts[1], end, sizeof(end));
	ck_assert(!reader->ended);
	ck_assert_msg(strtod(end, NULL) > reader->end, "%s", line);
	ck_assert_uint_ge(value, reader->bucket);
	reader->end = strtod(end, NULL);
	reader->bucket = value;
	reader->ended = !strcmp(end, "+Inf");
}

static void read_histogram(struct reader *reader, const char *line, const char *suffix, const char *value)
{
	if (!strcmp(suffix, "_bucket")) {
		read_bucket(reader, line, strtoull(value, NULL, 10));
		return;
	}
	ck_assert_msg(reader->ended, "%s before the last bucket", suffix);
	if (!strcmp(suffix, "_count"))
		ck_assert_uint_eq(strtoull(value, NULL, 10), reader->bucket);
	else
		ck_assert_str_eq(suffix, "_sum");
}

static void read_sample(struct reader *reader, const char *line)
{
	regmatch_t parts[5];
	char name[128], series[256], value[32];
	size_t length = strlen(reader->family);

	ck_assert_msg(matches("^(([a-z_]+)(\\{[a-z]+=\"[^\"\\]*\"\\})?) ([0-9]+(\\.[0-9]+)?)$", line, parts, 5), "%s",
		      line);
	copy(line, &parts[1], series + 1, sizeof(series) - 2);
	series[0] = '\n';
	strcat(series, "\n");
	ck_assert_msg(!strstr(reader->series, series), "%s for a second time", line);
	strcat(reader->series, series);
	copy(line, &parts[2], name, sizeof(name));
	copy(line, &parts[4], value, sizeof(value));
	ck_assert_msg(!strncmp(name, reader->family, length), "%s is not of %s", line, reader->family);
	ck_assert_msg(reader->type[0], "%s has no type", line);
	if (!strcmp(reader->type, "histogram"))
		read_histogram(reader, line, name + length, value);
	else
		ck_assert_str_eq(name, reader->family);
	reader->samples++;
}

START_TEST(prometheus_can_read_it)
{
	struct reader reader = { 0 };
	char *text = printed(true), *rest = text, *line;

	ck_assert_int_eq(text[strlen(text) - 1], '\n');
	while ((line = strsep(&rest, "\n")) && rest) {
		if (!strncmp(line, "# HELP ", 7))
			read_help(&reader, line);
		else if (!strncmp(line, "# TYPE ", 7))
			read_type(&reader, line);
		else
			read_sample(&reader, line);
	}
	ck_assert_uint_eq(reader.samples, NUMBERS + TIMES * (VFIOD_BUCKETS + 2));
	free(text);
}
END_TEST

START_TEST(prometheus_gets_the_numbers)
{
	char *text = printed(true);

	ck_assert_ptr_nonnull(strstr(text, "# HELP vfiod_leases_granted_total Leases granted.\n"
					   "# TYPE vfiod_leases_granted_total counter\n"
					   "vfiod_leases_granted_total 3\n"));
	ck_assert_ptr_nonnull(strstr(text, "\nvfiod_requests_denied_total{reason=\"busy\"} 69\n"));
	ck_assert_ptr_nonnull(strstr(text, "\n# TYPE vfiod_connections_open gauge\n"));
	ck_assert_ptr_nonnull(strstr(text, "\nvfiod_acquire_seconds_bucket{le=\"5e-05\"} 0\n"));
	ck_assert_ptr_nonnull(strstr(text, "\nvfiod_acquire_seconds_bucket{le=\"0.0005\"} 10\n"));
	ck_assert_ptr_nonnull(strstr(text, "\nvfiod_acquire_seconds_bucket{le=\"5\"} 20\n"
					   "vfiod_acquire_seconds_bucket{le=\"+Inf\"} 21\n"
					   "vfiod_acquire_seconds_sum 1.234567\n"
					   "vfiod_acquire_seconds_count 21\n"));
	free(text);
}
END_TEST

/* ---- as people and programs do ---- */

START_TEST(people_get_a_line_for_each)
{
	char *text = printed(false);
	size_t lines = 0;

	for (const char *at = text; (at = strchr(at, '\n')); at++)
		lines++;
	ck_assert_uint_eq(lines, NUMBERS + TIMES);
	ck_assert_ptr_nonnull(strstr(text, "vfiod_requests_denied_total{reason=\"busy\"} "));
	ck_assert_ptr_nonnull(strstr(text, " 21: mean 0.058789 s, 50 % within 0.001 s, 99 % above 5 s\n"));
	free(text);
}
END_TEST

START_TEST(programs_get_an_object)
{
	struct json_object *object = json_object_new_object(), *denied, *busy, *acquire, *count;

	for (size_t i = 0; i < NUMBERS + TIMES; i++)
		ck_assert_int_eq(stats_add_json(object, stat_at(i)), 0);
	ck_assert(json_object_object_get_ex(object, "vfiod_requests_denied_total", &denied));
	ck_assert_int_eq(json_object_object_length(denied), 8);
	ck_assert(json_object_object_get_ex(denied, "busy", &busy));
	ck_assert_int_eq(json_object_get_int64(busy), 69);
	ck_assert(json_object_object_get_ex(object, "vfiod_acquire_seconds", &acquire));
	ck_assert(json_object_object_get_ex(acquire, "count", &count));
	ck_assert_int_eq(json_object_get_int64(count), 21);
	json_object_put(object);
}
END_TEST

/* ---- how it is counted ---- */

START_TEST(a_time_is_counted_in_the_bucket_that_it_fits_into)
{
	static const struct {
		uint64_t us;
		unsigned int bucket;
	} cases[] = { { 0, 0 },	   { 50, 0 },	    { 51, 1 },	     { 100, 1 },
		      { 1000, 4 }, { 5000000, 14 }, { 5000001, 15 }, { UINT32_MAX, 15 } };
	struct metrics metrics = { 0 };

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t before = metrics.latencies[VFIOD_LATENCY_RESET].buckets[cases[i].bucket];

		metrics_time(&metrics, VFIOD_LATENCY_RESET, cases[i].us);
		ck_assert_uint_eq(metrics.latencies[VFIOD_LATENCY_RESET].buckets[cases[i].bucket], before + 1);
		ck_assert_uint_eq(metrics.latencies[VFIOD_LATENCY_RESET].count, i + 1);
	}
	ck_assert_uint_eq(metrics.latencies[VFIOD_LATENCY_RESET].sum_us, 10001202ull + UINT32_MAX);
	ck_assert_uint_eq(metrics.latencies[VFIOD_LATENCY_ACQUIRE].count, 0);
}
END_TEST

START_TEST(a_refusal_is_counted_by_its_reason)
{
	struct metrics metrics = { 0 };

	metrics_deny(&metrics, -EACCES);
	metrics_deny(&metrics, -EPERM);
	metrics_deny(&metrics, -EBUSY);
	metrics_deny(&metrics, -4711);
	ck_assert_uint_eq(metrics.counts[VFIOD_STAT_DENIED_NOT_ALLOWED], 2);
	ck_assert_uint_eq(metrics.counts[VFIOD_STAT_DENIED_BUSY], 1);
	ck_assert_uint_eq(metrics.counts[VFIOD_STAT_DENIED_OTHER], 1);
	ck_assert_uint_eq(metrics.counts[VFIOD_STAT_DENIED_LIMIT], 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("stats");
	TCase *tcase = tcase_create("stats");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tcase, begin, NULL);
	tcase_add_test(tcase, prometheus_can_read_it);
	tcase_add_test(tcase, prometheus_gets_the_numbers);
	tcase_add_test(tcase, people_get_a_line_for_each);
	tcase_add_test(tcase, programs_get_an_object);
	tcase_add_test(tcase, a_time_is_counted_in_the_bucket_that_it_fits_into);
	tcase_add_test(tcase, a_refusal_is_counted_by_its_reason);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
