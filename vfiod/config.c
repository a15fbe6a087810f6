/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vfiod/config.h"

#include "proto/address.h"
#include "vfiod/config_text.h"
#include "vfiod/facts.h"
#include "vfiod/peer.h"
#include "vfiod/serial.h"
#include "vfiod/topology.h"

#include <confuse.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define REASON_MAX     256     /* it is to fit into a line of the log */
#define LEASE_TIME_MAX 2592000 /* 30 days: in milliseconds it has to fit into 32 bits */

/*
 * libconfuse reports an error by a callback that takes no argument of ours.  Configuration is read by one thread
 * before or beside nothing else, so the failure that the callback fills hangs here while config_load() runs.
 */
static struct failure *reporting;

static void report(cfg_t *cfg, const char *format, va_list args) __attribute__((format(printf, 2, 0)));

static void report(cfg_t *cfg, const char *format, va_list args)
{
	char text[256];

	if (reporting->error)
		return; /* the first mistake is the one to mend first */
	vsnprintf(text, sizeof(text), format, args);
	failure_set(reporting, -EINVAL, "%s:%d: %s", cfg && cfg->filename ? cfg->filename : "vfiod.conf",
		    cfg ? cfg->line : 0, text);
}

static int parse_hex(const char *text, unsigned int digits, uint32_t *value)
{
	char *end;
	size_t length = strlen(text);

	if (length != digits || strspn(text, "0123456789abcdefABCDEF") != length)
		return -EINVAL;
	*value = (uint32_t)strtoul(text, &end, 16);
	return 0;
}

static int check_address(cfg_t *cfg, cfg_opt_t *opt)
{
	uint64_t address;

	if (!proto_address_parse(cfg_opt_getnstr(opt, 0), &address))
		return 0;
	cfg_error(cfg, "'%s' is not a PCI address; write it as 0000:01:00.0", cfg_opt_getnstr(opt, 0));
	return -1;
}

static int check_id(cfg_t *cfg, cfg_opt_t *opt)
{
	uint32_t id;

	if (!parse_hex(cfg_opt_getnstr(opt, 0), 4, &id))
		return 0;
	cfg_error(cfg, "'%s' is not a PCI id; write its four hexadecimal digits, as lspci -n shows them",
		  cfg_opt_getnstr(opt, 0));
	return -1;
}

/* "01", "0108" or "010802": base class, sub-class, programming interface */
static int parse_class(const char *text, uint32_t *class_code, uint32_t *mask)
{
	unsigned int digits = (unsigned int)strlen(text);
	unsigned int shift = (6 - digits) * 4;

	if ((digits != 2 && digits != 4 && digits != 6) || parse_hex(text, digits, class_code))
		return -EINVAL;
	*class_code <<= shift;
	*mask = 0xffffffu >> shift << shift;
	return 0;
}

static int check_class(cfg_t *cfg, cfg_opt_t *opt)
{
	uint32_t class_code, mask;

	if (!parse_class(cfg_opt_getnstr(opt, 0), &class_code, &mask))
		return 0;
	cfg_error(cfg, "'%s' is not a PCI class; write 2, 4 or 6 hexadecimal digits, as \"0108\" for NVMe",
		  cfg_opt_getnstr(opt, 0));
	return -1;
}

static int check_path(cfg_t *cfg, cfg_opt_t *opt)
{
	const char *text = cfg_opt_getnstr(opt, 0);
	char path[TOPOLOGY_PATH_MAX];

	if (!topology_parse(text, path))
		return 0;
	cfg_error(cfg, "'%s' is not the path of a PCI function; write it as lspci -DP prints it, 0000:00:1c.0/00.0",
		  text);
	return -1;
}

static int check_length(cfg_t *cfg, cfg_opt_t *opt, size_t room)
{
	const char *text = cfg_opt_getnstr(opt, 0);

	if (text[0] && strlen(text) < room)
		return 0;
	cfg_error(cfg, "%s is '%.80s'; it can have 1 to %zu bytes", cfg_opt_name(opt), text, room - 1);
	return -1;
}

static int check_serial(cfg_t *cfg, cfg_opt_t *opt)
{
	const char *text = cfg_opt_getnstr(opt, 0);
	uint64_t serial;

	if (!serial_parse(text, &serial))
		return 0;
	cfg_error(cfg, "'%.80s' is not a serial number; write it as lspci -v does, 00-01-02-ff-ff-03-04-05", text);
	return -1;
}

/* It is written behind "pool:" on command lines. */
bool config_is_pool(const char *name)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
	size_t length = strspn(name, letters);

	return length && length < VFIOD_NAME_MAX && !name[length] && name[0] != '-';
}

static int check_pool(cfg_t *cfg, cfg_opt_t *opt)
{
	const char *name = cfg_opt_getnstr(opt, 0);

	if (config_is_pool(name))
		return 0;
	cfg_error(cfg, CONFIG_POOL_WRONG, name, VFIOD_NAME_MAX - 1);
	return -1;
}

static int check_label(cfg_t *cfg, cfg_opt_t *opt)
{
	return check_length(cfg, opt, FACTS_LABEL_MAX);
}

static int check_host_driver(cfg_t *cfg, cfg_opt_t *opt)
{
	const char *text = cfg_opt_getnstr(opt, 0);

	if (!driver_is_vfio(text))
		return check_length(cfg, opt, VFIOD_NAME_MAX);
	cfg_error(cfg,
		  "host-driver is '%s', which is no driver of the host's: it is what a function gets that is taken "
		  "from the host",
		  text);
	return -1;
}

static int parse_reset(const char *text, enum clean_reset *reset)
{
	static const char *const words[] = {
		[CLEAN_RESET_REQUIRED] = "required",
		[CLEAN_RESET_BEST_EFFORT] = "best-effort",
		[CLEAN_RESET_NONE] = "none",
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcmp(text, words[i]))
			continue;
		*reset = (enum clean_reset)i;
		return 0;
	}
	return -EINVAL;
}

static int check_reset(cfg_t *cfg, cfg_opt_t *opt)
{
	const char *text = cfg_opt_getnstr(opt, 0);
	enum clean_reset reset;

	if (!parse_reset(text, &reset))
		return 0;
	cfg_error(cfg, "reset is '%s'; it can be \"required\", \"best-effort\" or \"none\"", text);
	return -1;
}

static int check_reset_reason(cfg_t *cfg, cfg_opt_t *opt)
{
	return check_length(cfg, opt, REASON_MAX);
}

static int check_companions(cfg_t *cfg, cfg_opt_t *opt)
{
	const char *text = cfg_opt_getnstr(opt, 0);
	enum companions companions;

	if (!companions_parse(text, &companions))
		return 0;
	cfg_error(cfg, "companions is '%s'; it can be \"refuse\", \"bind\" or \"unbind\"", text);
	return -1;
}

static int check_driver(cfg_t *cfg, cfg_opt_t *opt)
{
	const char *text = cfg_opt_getnstr(opt, 0);
	enum driver_choice choice;

	if (!driver_choice_parse(text, &choice))
		return 0;
	cfg_error(cfg, "driver is '%s'; it can be \"vfiod-pci\", \"vfio-pci\" or \"auto\"", text);
	return -1;
}

static int check_range(cfg_t *cfg, cfg_opt_t *opt, long min, long max)
{
	long value = cfg_opt_getnint(opt, 0);

	if (value >= min && value <= max)
		return 0;
	cfg_error(cfg, "%s is %ld; it can be %ld to %ld", cfg_opt_name(opt), value, min, max);
	return -1;
}

static int check_warm_devices(cfg_t *cfg, cfg_opt_t *opt)
{
	return check_range(cfg, opt, 0, 65536);
}

static int check_revoke_grace(cfg_t *cfg, cfg_opt_t *opt)
{
	return check_range(cfg, opt, 0, 86400);
}

static int check_quota(cfg_t *cfg, cfg_opt_t *opt)
{
	return check_range(cfg, opt, 0, 65536);
}

static int check_client_timeout(cfg_t *cfg, cfg_opt_t *opt)
{
	return check_range(cfg, opt, 0, 3600);
}

static int check_leases_per_user(cfg_t *cfg, cfg_opt_t *opt)
{
	return check_range(cfg, opt, 1, 65536);
}

static int check_lease_time(cfg_t *cfg, cfg_opt_t *opt)
{
	return check_range(cfg, opt, 1, LEASE_TIME_MAX);
}

/* "4096", "64K", "512M", "16G", "1T" or "unlimited"; whole bytes that fit into a limit. */
static int parse_size(const char *text, uint64_t *size)
{
	static const char units[] = "KMGT";
	unsigned long long number;
	unsigned int shift = 0;
	const char *unit;
	char *end;

	if (!strcmp(text, "unlimited")) {
		*size = RLIM_INFINITY;
		return 0;
	}
	if (text[0] < '0' || text[0] > '9')
		return -EINVAL;
	errno = 0;
	number = strtoull(text, &end, 10);
	unit = *end ? strchr(units, *end) : NULL;
	if (unit)
		shift = 10 * (unsigned int)(unit - units + 1);
	if (errno || !number || number > (uint64_t)INT64_MAX >> shift || end[unit != NULL])
		return -EINVAL;
	*size = number << shift;
	return 0;
}

static int check_memlock(cfg_t *cfg, cfg_opt_t *opt)
{
	const char *text = cfg_opt_getnstr(opt, 0);
	uint64_t size;

	if (!parse_size(text, &size))
		return 0;
	cfg_error(cfg, "memlock is '%.80s'; it can be bytes, as \"65536\", \"512M\" or \"16G\", or \"unlimited\"",
		  text);
	return -1;
}

static const char *const mode_names[] = {
	[VFIOD_MODE_CONTAINER] = "container",
	[VFIOD_MODE_GROUP] = "group",
	[VFIOD_MODE_IOMMUFD] = "iommufd",
};

const char *config_mode_name(uint32_t mode)
{
	return mode_names[mode];
}

static int parse_mode(const char *name, uint32_t *mode)
{
	for (uint32_t i = 0; i < sizeof(mode_names) / sizeof(mode_names[0]); i++) {
		if (!mode_names[i] || strcmp(name, mode_names[i]))
			continue;
		*mode = i;
		return 0;
	}
	return -EINVAL;
}

static int parse_number(const char *text, uint32_t *value)
{
	char *end;
	unsigned long number;

	if (text[0] < '0' || text[0] > '9')
		return -EINVAL;
	errno = 0;
	number = strtoul(text, &end, 10);
	if (*end || errno || number >= UINT32_MAX)
		return -EINVAL;
	*value = (uint32_t)number;
	return 0;
}

static int find_user(const char *name, uint32_t *uid)
{
	const struct passwd *entry;

	if (!parse_number(name, uid))
		return 0;
	entry = getpwnam(name);
	if (!entry)
		return -ENOENT;
	*uid = entry->pw_uid;
	return 0;
}

static int find_group(const char *name, uint32_t *gid)
{
	const struct group *entry;

	if (!parse_number(name, gid))
		return 0;
	entry = getgrnam(name);
	if (!entry)
		return -ENOENT;
	*gid = entry->gr_gid;
	return 0;
}

/* Called for each element of a list; the newest is the last. */
static int check_user(cfg_t *cfg, cfg_opt_t *opt)
{
	const char *name = cfg_opt_getnstr(opt, cfg_opt_size(opt) - 1);
	uint32_t uid;

	if (!find_user(name, &uid))
		return 0;
	cfg_error(cfg, "no such user: '%s'", name);
	return -1;
}

static int check_group(cfg_t *cfg, cfg_opt_t *opt)
{
	const char *name = cfg_opt_getnstr(opt, cfg_opt_size(opt) - 1);
	uint32_t gid;

	if (!find_group(name, &gid))
		return 0;
	cfg_error(cfg, "no such group: '%s'", name);
	return -1;
}

static int check_security_label(cfg_t *cfg, cfg_opt_t *opt)
{
	const char *text = cfg_opt_getnstr(opt, cfg_opt_size(opt) - 1);

	if (text[0] && strlen(text) < PEER_LABEL_MAX)
		return 0;
	cfg_error(cfg, "a security label is '%.80s'; it can have 1 to %d bytes", text, PEER_LABEL_MAX - 1);
	return -1;
}

static int check_mode(cfg_t *cfg, cfg_opt_t *opt)
{
	const char *name = cfg_opt_getnstr(opt, cfg_opt_size(opt) - 1);
	uint32_t mode;

	if (!parse_mode(name, &mode))
		return 0;
	cfg_error(cfg, "there is no mode '%s'; there are \"container\", \"group\" and \"iommufd\"", name);
	return -1;
}

static bool is_set_to_nothing(cfg_t *rule, const char *list)
{
	return !cfg_size(rule, list) && cfg_getopt(rule, list)->flags & CFGF_MODIFIED;
}

static bool lacks_vendor(cfg_t *rule, const char *device, const char *vendor)
{
	return cfg_size(rule, device) && !cfg_size(rule, vendor);
}

static bool is_about_something(cfg_t *rule)
{
	static const char *const subjects[] = {
		"address", "vendor", "class",  "subsystem-vendor",  "host-driver",
		"path",	   "label",  "serial", "physical-function", "in-pool",
	};

	for (size_t i = 0; i < sizeof(subjects) / sizeof(subjects[0]); i++)
		if (cfg_size(rule, subjects[i]))
			return true;
	return false;
}

/* A reason is given where there is something to give one for, and only there. */
static int check_reason(cfg_t *cfg, cfg_t *rule)
{
	bool needed = !strcmp(cfg_getstr(rule, "reset"), "none");

	if (needed == (cfg_size(rule, "reset-reason") > 0))
		return 0;
	cfg_error(cfg,
		  needed ? "rule \"%s\" has reset = \"none\" and says not why; write that into its reset-reason"
			 : "rule \"%s\" has a reset-reason without reset = \"none\"",
		  cfg_title(rule));
	return -1;
}

static int check_rule(cfg_t *cfg, cfg_opt_t *opt)
{
	cfg_t *rule = cfg_opt_getnsec(opt, cfg_opt_size(opt) - 1);

	if (is_set_to_nothing(rule, "users") || is_set_to_nothing(rule, "groups") || is_set_to_nothing(rule, "modes") ||
	    is_set_to_nothing(rule, "security-labels")) {
		cfg_error(cfg, "rule \"%s\" has an empty list, which would limit nothing; leave the list out",
			  cfg_title(rule));
		return -1;
	}
	if (lacks_vendor(rule, "device", "vendor") || lacks_vendor(rule, "subsystem-device", "subsystem-vendor")) {
		cfg_error(cfg, "rule \"%s\" names a device id without its vendor", cfg_title(rule));
		return -1;
	}
	if (is_about_something(rule))
		return check_reason(cfg, rule);
	cfg_error(cfg,
		  "rule \"%s\" says not what it is about; give it an address, a vendor, a class, or another thing that "
		  "vfiod.conf(5) names",
		  cfg_title(rule));
	return -1;
}

/* What is looked at as soon as it has been read, while the line is known. */
static const struct {
	const char *option;
	cfg_validate_callback_t check;
} checks[] = {
	{ "warm-devices", check_warm_devices },
	{ "revoke-grace", check_revoke_grace },
	{ "connections", check_quota },
	{ "connections-per-user", check_quota },
	{ "requests-per-second", check_quota },
	{ "client-timeout", check_client_timeout },
	{ "driver", check_driver },
	{ "rule", check_rule },
	{ "rule|address", check_address },
	{ "rule|vendor", check_id },
	{ "rule|device", check_id },
	{ "rule|class", check_class },
	{ "rule|subsystem-vendor", check_id },
	{ "rule|subsystem-device", check_id },
	{ "rule|host-driver", check_host_driver },
	{ "rule|path", check_path },
	{ "rule|label", check_label },
	{ "rule|serial", check_serial },
	{ "rule|physical-function", check_address },
	{ "rule|pool", check_pool },
	{ "rule|in-pool", check_pool },
	{ "rule|reset", check_reset },
	{ "rule|reset-reason", check_reset_reason },
	{ "rule|driver", check_driver },
	{ "rule|companions", check_companions },
	{ "rule|users", check_user },
	{ "rule|groups", check_group },
	{ "rule|security-labels", check_security_label },
	{ "rule|modes", check_mode },
	{ "rule|leases-per-user", check_leases_per_user },
	{ "rule|lease-time", check_lease_time },
	{ "rule|memlock", check_memlock },
};

static cfg_t *make_parser(void)
{
	static char empty_list[] = "{}"; /* libconfuse takes no const text here, though it changes none */
	/* clang-format off */
	cfg_opt_t rule_options[] = {
		CFG_STR("address", NULL, CFGF_NODEFAULT),
		CFG_STR("vendor", NULL, CFGF_NODEFAULT),
		CFG_STR("device", NULL, CFGF_NODEFAULT),
		CFG_STR("class", NULL, CFGF_NODEFAULT),
		CFG_STR("subsystem-vendor", NULL, CFGF_NODEFAULT),
		CFG_STR("subsystem-device", NULL, CFGF_NODEFAULT),
		CFG_STR("host-driver", NULL, CFGF_NODEFAULT),
		CFG_STR("path", NULL, CFGF_NODEFAULT),
		CFG_STR("label", NULL, CFGF_NODEFAULT),
		CFG_STR("in-pool", NULL, CFGF_NODEFAULT),
		CFG_STR("serial", NULL, CFGF_NODEFAULT),
		CFG_STR("physical-function", NULL, CFGF_NODEFAULT),
		CFG_STR("pool", NULL, CFGF_NODEFAULT),
		CFG_BOOL("assign", cfg_true, CFGF_NONE),
		CFG_STR("reset", "required", CFGF_NONE),
		CFG_STR("reset-reason", NULL, CFGF_NODEFAULT),
		CFG_STR_LIST("users", empty_list, CFGF_NONE),
		CFG_STR_LIST("groups", empty_list, CFGF_NONE),
		CFG_STR_LIST("security-labels", empty_list, CFGF_NONE),
		CFG_STR_LIST("modes", empty_list, CFGF_NONE),
		CFG_INT("leases-per-user", 0, CFGF_NONE),
		CFG_INT("lease-time", 0, CFGF_NONE),
		CFG_STR("memlock", NULL, CFGF_NODEFAULT),
		CFG_BOOL("warm", cfg_true, CFGF_NONE),
		CFG_STR("driver", NULL, CFGF_NODEFAULT),
		CFG_STR("companions", "refuse", CFGF_NONE),
		CFG_BOOL("unsafe-interrupts", cfg_false, CFGF_NONE),
		CFG_END(),
	};
	/* clang-format on */
	cfg_opt_t options[] = {
		CFG_INT("warm-devices", 64, CFGF_NONE),
		CFG_INT("revoke-grace", 5, CFGF_NONE),
		CFG_INT("connections", 4096, CFGF_NONE),
		CFG_INT("connections-per-user", 256, CFGF_NONE),
		CFG_INT("requests-per-second", 1000, CFGF_NONE),
		CFG_INT("client-timeout", 10, CFGF_NONE),
		CFG_STR("driver", "auto", CFGF_NONE),
		CFG_SEC("rule", rule_options, CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES),
		CFG_END(),
	};
	cfg_t *cfg = cfg_init(options, CFGF_NONE);

	if (!cfg)
		return NULL;
	cfg_set_error_function(cfg, report);
	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++)
		cfg_set_validate_func(cfg, checks[i].option, checks[i].check);
	return cfg;
}

/* As cfg_parse() does it, but with config_text_read() in front. */
static int parse_text(cfg_t *cfg, const char *path, char *text)
{
	FILE *stream = fmemopen(text, strlen(text), "r");
	int result = CFG_FILE_ERROR;

	if (!stream)
		return result;
	free(cfg->filename);
	cfg->filename = strdup(path);
	if (cfg->filename)
		result = cfg_parse_fp(cfg, stream);
	fclose(stream);
	return result;
}

static int parse_file(cfg_t *cfg, const char *path, struct failure *failure)
{
	char *text;
	int result = CFG_SUCCESS, err = config_text_read(path, &text, failure);

	if (err)
		return err;
	if (text[0])
		result = parse_text(cfg, path, text);
	free(text);
	if (result == CFG_SUCCESS)
		return 0;
	if (!failure->error)
		failure_set(failure, -EINVAL, "%s: not a configuration file", path);
	return failure->error;
}

/* -ENOENT: there is none.  To glob() a folder that it may not read, and a file, are as good as that. */
static int check_dir(const char *dir, struct failure *failure)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int err = fd < 0 ? -errno : 0;

	if (fd >= 0)
		close(fd);
	/* a link that leads nowhere is a mistake, not a missing folder */
	if (err == -ENOENT && faccessat(AT_FDCWD, dir, F_OK, AT_SYMLINK_NOFOLLOW))
		return err;
	return err ? failure_set(failure, err == -ENOENT ? -ENOTDIR : err, "%s: %s", dir, strerror(-err)) : 0;
}

static int parse_dir(cfg_t *cfg, const char *dir, struct failure *failure)
{
	char pattern[PATH_MAX];
	glob_t found;
	int err = 0;

	err = check_dir(dir, failure);
	if (err)
		return err == -ENOENT ? 0 : err;
	snprintf(pattern, sizeof(pattern), "%s/*.conf", dir);
	err = glob(pattern, GLOB_ERR, NULL, &found);
	if (err)
		return err == GLOB_NOMATCH ? 0 : failure_set(failure, -EIO, "%s cannot be read", dir);
	for (size_t i = 0; i < found.gl_pathc && !err; i++)
		err = parse_file(cfg, found.gl_pathv[i], failure);
	globfree(&found);
	return err;
}

/* The names were found when the file was checked; one that has gone since fits nobody. */
static int read_ids(cfg_t *section, const char *option, int (*find)(const char *, uint32_t *), uint32_t **ids,
		    size_t *count)
{
	size_t size = cfg_size(section, option);
	uint32_t *list = size ? calloc(size, sizeof(*list)) : NULL;

	if (size && !list)
		return -ENOMEM;
	for (size_t i = 0; i < size; i++)
		if (find(cfg_getnstr(section, option, (unsigned int)i), &list[i]))
			list[i] = CONFIG_ANY;
	*ids = list;
	*count = size;
	return 0;
}

/* An option that is not given is NULL, and so is its copy. */
static int copy_text(const char *text, char **copy)
{
	*copy = text ? strdup(text) : NULL;
	return text && !*copy ? -ENOMEM : 0;
}

static int read_labels(cfg_t *section, struct rule *rule)
{
	size_t size = cfg_size(section, "security-labels");

	rule->labels = size ? calloc(size, sizeof(rule->labels[0])) : NULL;
	if (size && !rule->labels)
		return -ENOMEM;
	for (; rule->label_count < size; rule->label_count++)
		if (copy_text(cfg_getnstr(section, "security-labels", (unsigned int)rule->label_count),
			      &rule->labels[rule->label_count]))
			return -ENOMEM;
	return 0;
}

static bool read_address(cfg_t *section, const char *option, uint64_t *address)
{
	return cfg_size(section, option) && !proto_address_parse(cfg_getstr(section, option), address);
}

static uint32_t read_id(cfg_t *section, const char *option)
{
	uint32_t id = CONFIG_ANY;

	if (cfg_size(section, option))
		parse_hex(cfg_getstr(section, option), 4, &id);
	return id;
}

/* What the rule is about. */
static int read_subject(cfg_t *section, struct rule *rule)
{
	char path[TOPOLOGY_PATH_MAX];
	bool has_path = cfg_size(section, "path") && !topology_parse(cfg_getstr(section, "path"), path);

	rule->has_address = read_address(section, "address", &rule->address);
	rule->has_physical_function = read_address(section, "physical-function", &rule->physical_function);
	rule->vendor = read_id(section, "vendor");
	rule->device = read_id(section, "device");
	rule->subsystem_vendor = read_id(section, "subsystem-vendor");
	rule->subsystem_device = read_id(section, "subsystem-device");
	rule->class_code = CONFIG_ANY;
	if (cfg_size(section, "class"))
		parse_class(cfg_getstr(section, "class"), &rule->class_code, &rule->class_mask);
	if (cfg_size(section, "serial"))
		serial_parse(cfg_getstr(section, "serial"), &rule->serial);
	if (copy_text(has_path ? path : NULL, &rule->path) ||
	    copy_text(cfg_getstr(section, "host-driver"), &rule->host_driver) ||
	    copy_text(cfg_getstr(section, "label"), &rule->label) ||
	    copy_text(cfg_getstr(section, "in-pool"), &rule->in_pool))
		return -ENOMEM;
	return 0;
}

static uint32_t read_modes(cfg_t *section)
{
	uint32_t mode, modes = 0;

	for (unsigned int i = 0; i < cfg_size(section, "modes"); i++)
		if (!parse_mode(cfg_getnstr(section, "modes", i), &mode))
			modes |= CONFIG_MODE(mode);
	return modes;
}

static int read_rule(cfg_t *section, enum driver_choice driver, struct rule *rule)
{
	if (copy_text(cfg_title(section), &rule->name) || read_subject(section, rule) ||
	    copy_text(cfg_getstr(section, "pool"), &rule->pool) ||
	    copy_text(cfg_getstr(section, "reset-reason"), &rule->reset_reason))
		return -ENOMEM;
	rule->assign = cfg_getbool(section, "assign");
	parse_reset(cfg_getstr(section, "reset"), &rule->reset);
	rule->modes = read_modes(section);
	rule->leases_per_user = (unsigned int)cfg_getint(section, "leases-per-user");
	rule->lease_time = (unsigned int)cfg_getint(section, "lease-time");
	if (cfg_size(section, "memlock"))
		parse_size(cfg_getstr(section, "memlock"), &rule->memlock);
	rule->warm = cfg_getbool(section, "warm");
	rule->driver = driver;
	if (cfg_size(section, "driver"))
		driver_choice_parse(cfg_getstr(section, "driver"), &rule->driver);
	companions_parse(cfg_getstr(section, "companions"), &rule->companions);
	rule->unsafe_interrupts = cfg_getbool(section, "unsafe-interrupts");
	if (read_labels(section, rule) || read_ids(section, "users", find_user, &rule->users, &rule->user_count))
		return -ENOMEM;
	return read_ids(section, "groups", find_group, &rule->groups, &rule->group_count);
}

static void read_quotas(cfg_t *cfg, struct quotas *quotas)
{
	*quotas = (struct quotas){
		.connections = (unsigned int)cfg_getint(cfg, "connections"),
		.connections_per_user = (unsigned int)cfg_getint(cfg, "connections-per-user"),
		.requests_per_second = (unsigned int)cfg_getint(cfg, "requests-per-second"),
		.client_timeout = (unsigned int)cfg_getint(cfg, "client-timeout"),
	};
}

static int read_options(cfg_t *cfg, struct config *config)
{
	size_t count = cfg_size(cfg, "rule");

	config->warm_devices = (unsigned int)cfg_getint(cfg, "warm-devices");
	config->revoke_grace = (unsigned int)cfg_getint(cfg, "revoke-grace");
	read_quotas(cfg, &config->quotas);
	driver_choice_parse(cfg_getstr(cfg, "driver"), &config->driver);
	config->rules = count ? calloc(count, sizeof(config->rules[0])) : NULL;
	if (count && !config->rules)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		config->rule_count++; /* before it is read, so that config_free() sees what is there of it */
		if (read_rule(cfg_getnsec(cfg, "rule", (unsigned int)i), config->driver, &config->rules[i]))
			return -ENOMEM;
	}
	return 0;
}

int config_load(const char *path, bool required, const char *dir, struct config **config, struct failure *failure)
{
	struct config *found = calloc(1, sizeof(*found));
	cfg_t *cfg = make_parser();
	int err = 0;

	memset(failure, 0, sizeof(*failure));
	reporting = failure;
	if (!found || !cfg) {
		err = failure_set(failure, -ENOMEM, "out of memory");
		goto free_parser;
	}
	/* a link that leads nowhere is a mistake, not a missing file */
	if (required || !faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW) || errno != ENOENT)
		err = parse_file(cfg, path, failure);
	if (!err && dir)
		err = parse_dir(cfg, dir, failure);
	if (!err && read_options(cfg, found))
		err = failure_set(failure, -ENOMEM, "out of memory");
	if (!err) {
		*config = found;
		found = NULL;
	}
free_parser:
	if (cfg)
		cfg_free(cfg);
	config_free(found);
	reporting = NULL;
	return err;
}

static void free_rule(struct rule *rule)
{
	free(rule->name);
	free(rule->host_driver);
	free(rule->path);
	free(rule->label);
	free(rule->in_pool);
	free(rule->pool);
	free(rule->reset_reason);
	for (size_t i = 0; i < rule->label_count; i++)
		free(rule->labels[i]);
	free(rule->labels);
	free(rule->users);
	free(rule->groups);
}

void config_free(struct config *config)
{
	if (!config)
		return;
	for (size_t i = 0; i < config->rule_count; i++)
		free_rule(&config->rules[i]);
	free(config->rules);
	free(config);
}
