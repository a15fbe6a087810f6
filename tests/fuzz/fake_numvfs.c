/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/fuzz/fake_numvfs.h"

#include "proto/address.h"
#include "tests/fuzz/fake_kernel.h"
#include "tests/fuzz/fake_vfio.h"
#include "tests/fuzz/want.h"
#include "vfiod/driver.h"
#include "vfiod/numvfs.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define AUTOPROBE "sriov_drivers_autoprobe"

struct fake_numvfs fake_numvfs;

static struct fake_function *parent(void)
{
	struct fake_function *function = fake_numvfs.is ? fake_function(fake_numvfs.parent) : NULL;

	return function && function->present ? function : NULL;
}

static bool is_parent(uint64_t address)
{
	return parent() && address == fake_numvfs.parent;
}

static bool has_driver(void)
{
	return parent() && fake_attribute(parent(), "driver");
}

/* Attributes that are not set are as they are at first: the host's drivers take what appears. */
static bool may_probe(void)
{
	const char *autoprobe = fake_attribute(parent(), AUTOPROBE);

	return !autoprobe || strcmp(autoprobe, "0") != 0;
}

unsigned int fake_vfs(void)
{
	unsigned int count = 0;

	for (size_t i = 0; fake_numvfs.is && i < FAKE_VFS; i++)
		count += fake_function(fake_numvfs.vfs[i])->present;
	return count;
}

bool fake_vfs_are_open(void)
{
	for (size_t i = 0; fake_numvfs.is && i < FAKE_VFS; i++) {
		const struct fake_function *vf = fake_function(fake_numvfs.vfs[i]);

		if (vf->present && fake_group_is_open((uint32_t)strtoul(fake_attribute(vf, "iommu_group"), NULL, 10)))
			return true;
	}
	return false;
}

/* The links between a virtual function and its parent come with it, and go. */
static void link_parent(size_t which, bool there)
{
	char name[16], text[PROTO_ADDRESS_LEN];

	snprintf(name, sizeof(name), "virtfn%zu", which);
	proto_address_format(fake_numvfs.vfs[which], text);
	fake_set(parent(), name, there ? text : NULL);
}

static void appear(size_t which)
{
	struct fake_function *vf = fake_function(fake_numvfs.vfs[which]);
	char text[PROTO_ADDRESS_LEN];

	fake_numvfs.plug(fake_numvfs.vfs[which]);
	fake_set(vf, "physfn", proto_address_format(fake_numvfs.parent, text));
	if (!may_probe())
		fake_set(vf, "driver", NULL);
	link_parent(which, true);
	fake_tell("add", fake_numvfs.vfs[which]);
}

static void disappear(size_t which)
{
	struct fake_function *vf = fake_function(fake_numvfs.vfs[which]);

	if (!vf->present)
		return;
	vf->present = false;
	if (parent())
		link_parent(which, false);
	fake_tell("remove", fake_numvfs.vfs[which]);
}

bool fake_vfs_enable(unsigned int count)
{
	if (count ? !has_driver() || fake_vfs() : !fake_vfs())
		return false;
	for (size_t i = 0; i < FAKE_VFS; i++) {
		if (i < count)
			appear(i);
		else if (!count)
			disappear(i);
	}
	fake_numvfs.by_vfiod = false;
	return true;
}

static bool is_stock(const struct fake_function *function)
{
	const char *driver = function && function->present ? fake_attribute(function, "driver") : NULL;

	return driver && !strcmp(driver, DRIVER_STOCK);
}

bool fake_vfs_open(uint64_t address, const struct vfio_token *token)
{
	bool is_vf = false;

	for (size_t i = 0; fake_numvfs.is && i < FAKE_VFS; i++)
		is_vf = is_vf || address == fake_numvfs.vfs[i];
	if (is_parent(address) && token->is)
		fake_numvfs.token = *token;
	if (!is_vf || !is_stock(parent()) || !is_stock(fake_function(address)))
		return true;
	return token->is && fake_numvfs.token.is &&
	       !memcmp(token->bytes, fake_numvfs.token.bytes, sizeof(token->bytes));
}

static bool has(uint64_t set)
{
	return set >> fake_index(fake_numvfs.parent) & 1;
}

/* ---- numvfs.h ---- */

int numvfs_look(const char *root, uint64_t address, unsigned int count, bool again, bool *autoprobe,
		struct failure *failure)
{
	(void)root;
	if (!is_parent(address))
		return failure_set(failure, -EOPNOTSUPP, "it has no virtual functions to offer");
	if (count > FAKE_VFS)
		return failure_set(failure, -EINVAL, "it can have %d virtual functions", FAKE_VFS);
	if (!has_driver())
		return failure_set(failure, -ENOENT, "it has no driver");
	if (fake_vfs() && !(again && fake_vfs() == count))
		return failure_set(failure, -EBUSY, "it has virtual functions already");
	*autoprobe = may_probe();
	return 0;
}

int numvfs_put_autoprobe(const char *root, uint64_t address, bool on, struct failure *failure)
{
	(void)root;
	if (fake_vfio.frozen || !is_parent(address))
		return failure_set(failure, -ENOENT, AUTOPROBE ": it is not there");
	fake_set(parent(), AUTOPROBE, on ? "1" : "0");
	return 0;
}

/* A driver that fails may have made some of them. */
int numvfs_make(const char *root, uint64_t address, unsigned int count, uint64_t *vfs, struct failure *failure)
{
	unsigned int made = is_parent(address) && has(fake_vfio.broken) ? 1 : count;
	int err = numvfs_put_autoprobe(root, address, false, failure);

	if (err)
		return err;
	if (fake_vfs() != count) {
		if (!fake_vfs_enable(made))
			return failure_set(failure, -EBUSY, "its driver makes none");
		fake_numvfs.by_vfiod = true;
	}
	if (fake_vfs() != count)
		return failure_set(failure, -EIO, "not all of them have appeared");
	memcpy(vfs, fake_numvfs.vfs, count * sizeof(*vfs));
	return 0;
}

int numvfs_remove(const char *root, uint64_t address, struct failure *failure)
{
	(void)root;
	if (!is_parent(address) || !has_driver())
		return 0;
	if (fake_vfio.frozen || has(fake_vfio.in_use))
		return failure_set(failure, -EBUSY, "the driver keeps them");
	want(!fake_vfs_are_open()); /* the kernel would wait, and so would the worker */
	fake_vfs_enable(0);
	return 0;
}
