/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vfioctl/owner.h"

#include "libvfiodma/vfiodma.h"

#include <errno.h>
#include <grp.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>

static int number(const char *text, uint32_t *id)
{
	unsigned long long value;
	char *end;

	if (*text < '0' || *text > '9')
		return -ENOENT;
	errno = 0;
	value = strtoull(text, &end, 10);
	if (errno || *end || value >= VFIODMA_NONE)
		return -ENOENT;
	*id = (uint32_t)value;
	return 0;
}

int owner_user_id(const char *text, uint32_t *uid)
{
	const struct passwd *entry = getpwnam(text);

	if (!entry)
		return number(text, uid);
	*uid = entry->pw_uid;
	return 0;
}

int owner_group_id(const char *text, uint32_t *gid)
{
	const struct group *entry = getgrnam(text);

	if (!entry)
		return number(text, gid);
	*gid = entry->gr_gid;
	return 0;
}

const char *owner_user_name(uint32_t uid)
{
	const struct passwd *entry = getpwuid(uid);

	return entry ? entry->pw_name : NULL;
}

const char *owner_group_name(uint32_t gid)
{
	const struct group *entry = getgrgid(gid);

	return entry ? entry->gr_name : NULL;
}

const char *owner_user_text(uint32_t uid, char *text, size_t size)
{
	const char *name = owner_user_name(uid);

	if (name)
		snprintf(text, size, "%s", name);
	else
		snprintf(text, size, "%" PRIu32, uid);
	return text;
}

const char *owner_text(const struct vfiodma_info *info, char *text, size_t size)
{
	const char *name;

	if (info->owner_uid != VFIODMA_NONE)
		return owner_user_text(info->owner_uid, text, size);
	if (info->owner_gid == VFIODMA_NONE) {
		snprintf(text, size, "-");
		return text;
	}
	name = owner_group_name(info->owner_gid);
	if (name)
		snprintf(text, size, "@%s", name);
	else
		snprintf(text, size, "@%" PRIu32, info->owner_gid);
	return text;
}
