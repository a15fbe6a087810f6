/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vfioctl/stats.h"

#include "libvfiodma/vfiodma.h"
#include "vfioctl/command.h"
#include "vfioctl/connect.h"
#include "vfioctl/json.h"

#include <errno.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <string.h>

#define VALUE_MAX 32

/* ---- for people ---- */

/* The first end of a bucket that at least so many percent of the times were within, in seconds; -1: that has no end. */
static double within(const struct vfiodma_stat *stat, unsigned int percent)
{
	uint64_t seen = 0;

	for (unsigned int i = 0; i + 1 < stat->bucket_count; i++) {
		seen += stat->buckets[i];
		if (seen * 100 >= stat->value * percent)
			return stat->bucket_ends_us[i] / 1e6;
	}
	return -1;
}

static void print_within(const struct vfiodma_stat *stat, unsigned int percent, FILE *out)
{
	double seconds = within(stat, percent);

	if (seconds < 0)
		fprintf(out, ", %u %% above %g s", percent, stat->bucket_ends_us[stat->bucket_count - 2] / 1e6);
	else
		fprintf(out, ", %u %% within %g s", percent, seconds);
}

static void print_histogram(const struct vfiodma_stat *stat, FILE *out)
{
	fprintf(out, "%-56s %" PRIu64, stat->name, stat->value);
	if (stat->value) {
		fprintf(out, ": mean %.6f s", (double)stat->sum_us / 1e6 / (double)stat->value);
		print_within(stat, 50, out);
		print_within(stat, 99, out);
	}
	fputc('\n', out);
}

void stats_print_line(const struct vfiodma_stat *stat, FILE *out)
{
	char name[128];

	if (stat->kind == VFIODMA_HISTOGRAM) {
		print_histogram(stat, out);
		return;
	}
	snprintf(name, sizeof(name), stat->label[0] ? "%s{%s}" : "%s", stat->name, stat->label);
	fprintf(out, "%-56s %" PRIu64 "\n", name, stat->value);
}

/* ---- for Prometheus ---- */

static void print_buckets(const struct vfiodma_stat *stat, FILE *out)
{
	uint64_t count = 0;

	for (unsigned int i = 0; i + 1 < stat->bucket_count; i++) {
		count += stat->buckets[i];
		fprintf(out, "%s_bucket{le=\"%g\"} %" PRIu64 "\n", stat->name, stat->bucket_ends_us[i] / 1e6, count);
	}
	fprintf(out, "%s_bucket{le=\"+Inf\"} %" PRIu64 "\n", stat->name, stat->value);
	fprintf(out, "%s_sum %.6f\n", stat->name, (double)stat->sum_us / 1e6);
	fprintf(out, "%s_count %" PRIu64 "\n", stat->name, stat->value);
}

void stats_print_prometheus(const struct vfiodma_stat *stat, const struct vfiodma_stat *before, FILE *out)
{
	static const char *const types[] = {
		[VFIODMA_COUNTER] = "counter", [VFIODMA_GAUGE] = "gauge", [VFIODMA_HISTOGRAM] = "histogram"
	};

	if (!before || strcmp(before->name, stat->name)) {
		fprintf(out, "# HELP %s %s\n", stat->name, stat->help);
		fprintf(out, "# TYPE %s %s\n", stat->name, types[stat->kind]);
	}
	if (stat->kind == VFIODMA_HISTOGRAM)
		print_buckets(stat, out);
	else if (stat->label[0])
		fprintf(out, "%s{%s} %" PRIu64 "\n", stat->name, stat->label, stat->value);
	else
		fprintf(out, "%s %" PRIu64 "\n", stat->name, stat->value);
}

/* ---- for programs ---- */

/* The value in a label: busy of reason="busy". */
static void label_value(const char *label, char value[VALUE_MAX])
{
	const char *begin = strchr(label, '"');

	snprintf(value, VALUE_MAX, "%.*s", begin ? (int)strcspn(begin + 1, "\"") : 0, begin ? begin + 1 : "");
}

static struct json_object *histogram(const struct vfiodma_stat *stat)
{
	struct json_object *object = json_object_new_object(), *buckets = json_object_new_array();

	json_object_object_add(object, "count", json_object_new_int64((int64_t)stat->value));
	json_object_object_add(object, "sum", json_object_new_double((double)stat->sum_us / 1e6));
	for (unsigned int i = 0; i < stat->bucket_count; i++) {
		struct json_object *bucket = json_object_new_object();
		bool last = i + 1 == stat->bucket_count;

		json_object_object_add(bucket, "up_to",
				       last ? NULL : json_object_new_double(stat->bucket_ends_us[i] / 1e6));
		json_object_object_add(bucket, "count", json_object_new_int64((int64_t)stat->buckets[i]));
		json_object_array_add(buckets, bucket);
	}
	json_object_object_add(object, "buckets", buckets);
	return object;
}

int stats_add_json(struct json_object *object, const struct vfiodma_stat *stat)
{
	struct json_object *several = NULL, *number;
	char value[VALUE_MAX];

	if (stat->kind == VFIODMA_HISTOGRAM)
		return json_object_object_add(object, stat->name, histogram(stat)) ? -ENOMEM : 0;
	number = json_object_new_int64((int64_t)stat->value);
	if (!stat->label[0])
		return json_object_object_add(object, stat->name, number) ? -ENOMEM : 0;
	if (!json_object_object_get_ex(object, stat->name, &several)) {
		several = json_object_new_object();
		if (json_object_object_add(object, stat->name, several)) {
			json_object_put(number);
			return -ENOMEM;
		}
	}
	label_value(stat->label, value);
	return json_object_object_add(several, value, number) ? -ENOMEM : 0;
}

/* ---- the command ---- */

struct printing {
	bool prometheus;
	struct json_object *json;   /* NULL: not wanted */
	struct vfiodma_stat before; /* without a name: there is none */
	int err;
};

static void print(void *data, const struct vfiodma_stat *stat)
{
	struct printing *printing = data;

	if (printing->json && !printing->err)
		printing->err = stats_add_json(printing->json, stat);
	else if (printing->prometheus)
		stats_print_prometheus(stat, printing->before.name ? &printing->before : NULL, stdout);
	else if (!printing->json)
		stats_print_line(stat, stdout);
	printing->before = *stat;
}

enum exit_status stats_run(const struct invocation *invocation)
{
	struct printing printing = { .prometheus = invocation->option[OPTION_PROMETHEUS] };
	struct vfiodma_session *session;
	enum exit_status status;
	int error;

	if (printing.prometheus && invocation->option[OPTION_JSON])
		return failure_say(STATUS_USAGE, "--json and --prometheus are two formats; give one of them");
	status = connect_vfiod(invocation, true, &session);
	if (status != STATUS_OK)
		return status;
	if (invocation->option[OPTION_JSON])
		printing.json = json_object_new_object();
	error = vfiodma_stats(session, print, &printing);
	if (error)
		status = connect_failure(session, error);
	else if (printing.err || (printing.json && json_print(json_object_get(printing.json), stdout)))
		status = failure_no_memory();
	json_object_put(printing.json);
	vfiodma_session_close(session);
	return status;
}
