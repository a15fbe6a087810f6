/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIOD_CONFIG_H
#define VFIOD_CONFIG_H

#include "vfiod/clean.h"
#include "vfiod/companion.h"
#include "vfiod/driver.h"
#include "vfiod/failure.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* vfiod.conf(5), read. Names of users and groups are looked up once, here: the loop never asks the name service. */

#define CONFIG_ANY 0xffffffffu

/* The bit of a VFIOD_MODE_… among a rule's modes. */
#define CONFIG_MODE(mode) (1u << (mode))

struct rule {
	char *name;
	/* what it is about: all that are given have to fit */
	bool has_address;
	uint64_t address;
	uint32_t vendor, device; /* or CONFIG_ANY */
	uint32_t class_code;	 /* of 24 bits, of which class_mask's count; or CONFIG_ANY */
	uint32_t class_mask;
	uint32_t subsystem_vendor, subsystem_device; /* or CONFIG_ANY */
	char *host_driver, *path, *label;	     /* as in struct facts, or NULL */
	char *in_pool;				     /* likewise, its pool */
	bool has_physical_function;
	uint64_t physical_function;
	uint64_t serial; /* as in struct facts, or 0 */
	/* what it says */
	char *pool;  /* that the functions are in, or NULL */
	bool assign; /* may be taken from the host */
	enum clean_reset reset;
	char *reset_reason; /* of CLEAN_RESET_NONE: why, in the site's own words; else NULL */
	uid_t *users;	    /* who may have it, beside being its owner; none: no such limit */
	size_t user_count;
	gid_t *groups;
	size_t group_count;
	char **labels; /* of security, one of which its program has to have besides; none: no such limit */
	size_t label_count;
	uint32_t modes;		      /* that it may be acquired in, or 0: all */
	unsigned int leases_per_user; /* of functions that the rule is about, or 0: no limit */
	unsigned int lease_time;      /* seconds that a lease lasts at most, or 0: no limit */
	uint64_t memlock;	      /* bytes that its program may lock at least, or 0: as many as it may anyway */
	bool warm;		      /* may be kept open and clean while nobody has it */
	enum driver_choice driver;
	enum companions companions; /* what becomes of the rest of its IOMMU group */
	bool unsafe_interrupts;	    /* may be assigned where nothing keeps its interrupts apart from others */
};

/* How much of vfiod its users may have; 0: no limit. */
struct quotas {
	unsigned int connections; /* of the public socket */
	unsigned int connections_per_user;
	unsigned int requests_per_second; /* of one user */
	unsigned int client_timeout;	  /* seconds that a client has to greet, and to read its answer */
};

struct config {
	struct rule *rules; /* in the order of the files: the first that fits counts */
	size_t rule_count;
	unsigned int warm_devices; /* kept open and clean at most; 0: none */
	unsigned int revoke_grace; /* seconds between the word to a client that its device is taken, and the taking */
	struct quotas quotas;
	enum driver_choice driver; /* of functions whose rule says nothing of it, or that have none */
};

/* Where it is read from. */
struct config_source {
	const char *path, *dir; /* as config_load() has them */
	bool required;
};

/**
 * config_load() - read the configuration.
 * @path: the main file; a missing one is an empty one, unless @required
 * @dir: its further files, "*.conf" in the order of their names, are read after it; NULL: none
 * @config: the caller's to free with config_free()
 * @failure: file, line and what is wrong there
 */
int config_load(const char *path, bool required, const char *dir, struct config **config, struct failure *failure);

/** config_is_pool() - whether a text can be the name of a pool; else CONFIG_POOL_WRONG says so of it. */
bool config_is_pool(const char *name);
#define CONFIG_POOL_WRONG \
	"'%.80s' is no name of a pool; it can have 1 to %d letters, digits, '.', '_' and '-', which is not the first"

/** config_mode_name() - how vfiod.conf calls a VFIOD_MODE_… that there is. */
const char *config_mode_name(uint32_t mode);

void config_free(struct config *config);

#endif
