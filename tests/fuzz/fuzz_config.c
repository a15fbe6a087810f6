/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libFuzzer on vfiod.conf, and on what policy makes of it.
 *
 * What is refused is refused in one sentence that names the file.  What is taken is written anew from what was
 * understood of it, one option on a line: read again it is the same, and so is what it says of each of some functions
 * and users. A rule fits what it names, and only that, by a second reading of vfiod.conf(5).
 */
#include "proto/address.h"
#include "tests/fuzz/want.h"
#include "vfiod/config.h"
#include "vfiod/facts.h"
#include "vfiod/peer.h"
#include "vfiod/policy.h"

#include <errno.h>
#include <grp.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static int file;
static char path[32];

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

/* ---- a machine whose users are known ---- */

struct passwd *getpwnam(const char *name)
{
	static struct passwd alice = { .pw_uid = 1001 };

	return strcmp(name, "alice") ? NULL : &alice;
}

struct group *getgrnam(const char *name)
{
	static struct group lab = { .gr_gid = 2001 };

	return strcmp(name, "lab") ? NULL : &lab;
}

static const struct facts functions[] = {
	{ .address = 0x100,
	  .vendor = 0x8086,
	  .device = 0x10c9,
	  .class_code = 0x020000,
	  .group = 1,
	  .reset = "flr",
	  .driver = "igb",
	  .host_driver = "igb",
	  .path = "0000:00:1c.0/00.0",
	  .label = "NIC 1",
	  .serial = 0x000102ffff030405 },
	{ .address = 0x118,
	  .vendor = 0x8086,
	  .device = 0x10ca,
	  .subsystem_vendor = 0x8086,
	  .subsystem_device = 0x1,
	  .class_code = 0x020000,
	  .group = 2,
	  .is_virtual = true,
	  .physical_function = 0x100,
	  .reset = "flr" },
	{ .address = 0x10000200,
	  .vendor = 0x1b36,
	  .device = 0x0010,
	  .class_code = 0x010802,
	  .group = 3,
	  .driver = "nvme",
	  .host_driver = "nvme",
	  .path = "1000:02:00.0",
	  .numa_node = 1 },
	{ .address = 0x300,
	  .vendor = 0x1234,
	  .device = 0x11e8,
	  .class_code = 0x00ff00,
	  .group = VFIOD_NONE,
	  .reset = "pm",
	  .path = "0000:03:00.0" },
	{ .address = 0x8, .vendor = 0x8086, .class_code = 0x060400, .group = 4, .path = "0000:00:01.0" },
};

static gid_t lab[] = { 2001 };
static const struct peer peers[] = {
	{ .uid = 0, .gid = 0 },
	{ .uid = 1001, .gid = 1001, .groups = lab, .group_count = 1, .label = "unconfined_t" },
	{ .uid = 1002, .gid = 2001 },
};

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	file = memfd_create("vfiod.conf", MFD_CLOEXEC);
	want(file >= 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
	return 0;
}

static int load(const void *text, size_t size, struct config **config, struct failure *failure)
{
	want(!ftruncate(file, 0) && pwrite(file, text, size, 0) == (ssize_t)size);
	return config_load(path, true, NULL, config, failure);
}

/* ---- written anew ---- */

static void __attribute__((format(printf, 3, 4))) put(FILE *to, const char *option, const char *format, ...)
{
	va_list args;

	fprintf(to, "%s = ", option);
	va_start(args, format);
	vfprintf(to, format, args);
	va_end(args);
	fputc('\n', to);
}

/* In quotes, whatever is in it. */
static void put_string(FILE *to, const char *text)
{
	fputc('"', to);
	for (; *text; text++)
		fprintf(to, "\\x%02x", (unsigned char)*text);
	fputc('"', to);
}

static void put_text(FILE *to, const char *option, const char *text)
{
	if (!text)
		return;
	fprintf(to, "%s = ", option);
	put_string(to, text);
	fputc('\n', to);
}

static void put_id(FILE *to, const char *option, uint32_t id)
{
	if (id != CONFIG_ANY)
		put(to, option, "\"%04x\"", id);
}

static void put_address(FILE *to, const char *option, bool has, uint64_t address)
{
	char text[PROTO_ADDRESS_LEN];

	if (has)
		put(to, option, "\"%s\"", proto_address_format(address, text));
}

static void put_ids(FILE *to, const char *option, const uint32_t *ids, size_t count)
{
	for (size_t i = 0; i < count; i++)
		fprintf(to, "%s %s { \"%u\" }\n", option, i ? "+=" : "=", ids[i]);
}

static void put_labels(FILE *to, const struct rule *rule)
{
	for (size_t i = 0; i < rule->label_count; i++) {
		fprintf(to, "security-labels %s {", i ? "+=" : "=");
		put_string(to, rule->labels[i]);
		fputs("}\n", to);
	}
}

static void put_subject(FILE *to, const struct rule *rule)
{
	int digits = rule->class_mask == 0xffffff ? 6 : rule->class_mask == 0xffff00 ? 4 : 2;

	put_address(to, "address", rule->has_address, rule->address);
	put_address(to, "physical-function", rule->has_physical_function, rule->physical_function);
	put_id(to, "vendor", rule->vendor);
	put_id(to, "device", rule->device);
	put_id(to, "subsystem-vendor", rule->subsystem_vendor);
	put_id(to, "subsystem-device", rule->subsystem_device);
	if (rule->class_code != CONFIG_ANY)
		put(to, "class", "\"%0*x\"", digits, rule->class_code >> (6 - digits) * 4);
	put_text(to, "host-driver", rule->host_driver);
	put_text(to, "path", rule->path);
	put_text(to, "label", rule->label);
	put_text(to, "in-pool", rule->in_pool);
	if (rule->serial) {
		fputs("serial = \"", to);
		for (int shift = 56; shift >= 0; shift -= 8)
			fprintf(to, "%02x%s", (unsigned)(rule->serial >> shift) & 0xff, shift ? "-" : "\"\n");
	}
}

static const char *reset_word(enum clean_reset reset)
{
	return reset == CLEAN_RESET_REQUIRED ? "required" : reset == CLEAN_RESET_NONE ? "none" : "best-effort";
}

static const char *driver_word(enum driver_choice driver)
{
	return driver == DRIVER_CHOICE_AUTO ? "auto" : driver == DRIVER_CHOICE_STRICT ? "vfiod-pci" : "vfio-pci";
}

static void put_rule(FILE *to, const struct rule *rule)
{
	fputs("rule ", to);
	put_string(to, rule->name);
	fputs(" {\n", to);
	put_subject(to, rule);
	put_text(to, "pool", rule->pool);
	put(to, "assign", "%s", rule->assign ? "yes" : "no");
	put(to, "reset", "\"%s\"", reset_word(rule->reset));
	put_text(to, "reset-reason", rule->reset_reason);
	put_ids(to, "users", rule->users, rule->user_count);
	put_ids(to, "groups", rule->groups, rule->group_count);
	put_labels(to, rule);
	if (rule->modes)
		put(to, "modes", "{ %s }",
		    rule->modes == CONFIG_MODE(VFIOD_MODE_GROUP)       ? "group"
		    : rule->modes == CONFIG_MODE(VFIOD_MODE_CONTAINER) ? "container"
								       : "group, container");
	if (rule->leases_per_user)
		put(to, "leases-per-user", "%u", rule->leases_per_user);
	if (rule->lease_time)
		put(to, "lease-time", "%u", rule->lease_time);
	if (rule->memlock == RLIM_INFINITY)
		put(to, "memlock", "\"unlimited\"");
	else if (rule->memlock)
		put(to, "memlock", "\"%" PRIu64 "\"", rule->memlock);
	put(to, "warm", "%s", rule->warm ? "true" : "false");
	put(to, "driver", "\"%s\"", driver_word(rule->driver));
	fputs("}\n", to);
}

static char *write_anew(const struct config *config, size_t *size)
{
	char *text;
	FILE *to = open_memstream(&text, size);

	put(to, "warm-devices", "%u", config->warm_devices);
	put(to, "revoke-grace", "%u", config->revoke_grace);
	put(to, "connections", "%u", config->quotas.connections);
	put(to, "connections-per-user", "%u", config->quotas.connections_per_user);
	put(to, "requests-per-second", "%u", config->quotas.requests_per_second);
	put(to, "client-timeout", "%u", config->quotas.client_timeout);
	put(to, "driver", "\"%s\"", driver_word(config->driver));
	for (size_t i = 0; i < config->rule_count; i++)
		put_rule(to, &config->rules[i]);
	fclose(to);
	return text;
}

/* ---- what policy says ---- */

static bool same_text(const char *one, const char *other)
{
	return one && other ? !strcmp(one, other) : one == other;
}

static bool fits_id(uint32_t wanted, uint32_t is)
{
	return wanted == CONFIG_ANY || wanted == is;
}

/* vfiod.conf(5): "all that are given have to fit". */
static bool fits(const struct rule *rule, const struct facts *facts)
{
	if (rule->has_address && rule->address != facts->address)
		return false;
	if (!fits_id(rule->vendor, facts->vendor) || !fits_id(rule->device, facts->device) ||
	    !fits_id(rule->subsystem_vendor, facts->subsystem_vendor) ||
	    !fits_id(rule->subsystem_device, facts->subsystem_device))
		return false;
	if (rule->class_code != CONFIG_ANY && (facts->class_code ^ rule->class_code) & rule->class_mask)
		return false;
	if ((rule->host_driver && strcmp(rule->host_driver, facts->host_driver)) ||
	    (rule->path && strcmp(rule->path, facts->path)) || (rule->label && strcmp(rule->label, facts->label)) ||
	    (rule->in_pool && strcmp(rule->in_pool, facts->pool)))
		return false;
	if (rule->serial && rule->serial != facts->serial)
		return false;
	return !rule->has_physical_function ||
	       (facts->is_virtual && facts->physical_function == rule->physical_function);
}

static bool names_peer(const struct rule *rule, const struct peer *peer)
{
	bool named = !rule->user_count && !rule->group_count, labelled = !rule->label_count;

	for (size_t i = 0; i < rule->user_count; i++)
		named = named || rule->users[i] == peer->uid;
	for (size_t i = 0; i < rule->group_count; i++)
		named = named || peer_in_group(peer, rule->groups[i]);
	for (size_t i = 0; i < rule->label_count; i++)
		labelled = labelled || !strcmp(rule->labels[i], peer->label);
	return named && labelled;
}

static bool is_reason(int err, const struct failure *failure)
{
	return err < 0 && failure->error == err && failure->text[0];
}

static void check_acquire(const struct config *config, const struct facts *facts, const struct rule *rule,
			  const struct peer *peer)
{
	const struct owner owner = { .uid = peer->uid, .gid = VFIOD_NONE };
	const struct owner other = { .uid = peer->uid + 1, .gid = VFIOD_NONE };

	for (unsigned int i = 0; i < 8; i++) {
		const struct demand demand = { .peer = peer,
					       .mode = i & 1 ? VFIOD_MODE_GROUP : VFIOD_MODE_CONTAINER,
					       .revocable = i & 2,
					       .leases = i & 4 ? 1 : 0 };
		struct failure failure = { 0 };
		int err = policy_may_acquire(config, facts, &owner, &demand, &failure);
		bool may =
			!rule || (names_peer(rule, peer) && (!rule->modes || rule->modes & CONFIG_MODE(demand.mode)) &&
				  (!rule->lease_time || demand.revocable) &&
				  (!rule->leases_per_user || demand.leases < rule->leases_per_user));

		want(may ? !err : is_reason(err, &failure));
		want(policy_may_acquire(config, facts, &other, &demand, &failure) == -EACCES);
	}
}

static void check_function(const struct config *config, const struct facts *facts)
{
	const struct rule *rule = NULL;
	struct failure failure = { 0 };
	int err = policy_may_assign(config, facts, &failure);

	for (size_t i = 0; !rule && i < config->rule_count; i++)
		if (fits(&config->rules[i], facts))
			rule = &config->rules[i];
	want(policy_rule(config, facts) == rule);
	want(!err || is_reason(err, &failure));
	if (!err)
		want(facts->class_code >> 16 != 6 && facts->group != VFIOD_NONE && (!rule || rule->assign) &&
		     (facts->reset[0] || (rule && rule->reset != CLEAN_RESET_REQUIRED)));
	want(policy_reset(config, facts) == (rule ? rule->reset : CLEAN_RESET_REQUIRED));
	want(policy_driver(config, facts) == (rule ? rule->driver : config->driver));
	want(same_text(policy_pool(config, facts), rule ? rule->pool : NULL));
	for (size_t i = 0; i < COUNT(peers); i++)
		check_acquire(config, facts, rule, &peers[i]);
}

/* ---- */

static void check_limits(const struct config *config)
{
	want(config->warm_devices <= 65536 && config->revoke_grace <= 86400 && config->quotas.client_timeout <= 3600);
	for (size_t i = 0; i < config->rule_count; i++) {
		const struct rule *rule = &config->rules[i];

		want((rule->reset == CLEAN_RESET_NONE) == (rule->reset_reason != NULL));
		want(!rule->pool || strlen(rule->pool) < VFIOD_NAME_MAX);
		want(rule->lease_time <= 2592000 && rule->leases_per_user <= 65536);
	}
}

static void check_config(const struct config *config)
{
	struct failure failure;
	struct config *again;
	size_t size, size_again;
	char *text = write_anew(config, &size), *text_again;

	check_limits(config);
	for (size_t i = 0; i < COUNT(functions); i++)
		check_function(config, &functions[i]);
	want(!load(text, size, &again, &failure));
	text_again = write_anew(again, &size_again);
	want(size == size_again && !memcmp(text, text_again, size));
	config_free(again);
	free(text);
	free(text_again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct config *config = NULL;
	struct failure failure;
	int err = load(data, size, &config, &failure);

	if (err)
		want(!config && is_reason(err, &failure) && !strncmp(failure.text, path, strlen(path)));
	else
		check_config(config);
	config_free(config);
	return 0;
}
