/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIOCTL_OWNER_H
#define VFIOCTL_OWNER_H

#include <stddef.h>
#include <stdint.h>

struct vfiodma_info;

/**
 * owner_user_id() - the user whom a person means.
 * @text: a name, or a number, which need not have a name
 *
 * Return: 0 or -ENOENT.
 */
int owner_user_id(const char *text, uint32_t *uid);

/** owner_group_id() - the group of users whom a person means; as owner_user_id(). */
int owner_group_id(const char *text, uint32_t *gid);

/** owner_user_name() - the name of a user, or NULL; it is valid until the next call. */
const char *owner_user_name(uint32_t uid);

/** owner_group_name() - the name of a group of users, or NULL; it is valid until the next call. */
const char *owner_group_name(uint32_t gid);

/** owner_user_text() - "alice", or "1000" where the number has no name. Return: @text. */
const char *owner_user_text(uint32_t uid, char *text, size_t size);

/** owner_text() - whom a function is assigned to: "alice", "@staff", "1000", "@1000", or "-". Return: @text. */
const char *owner_text(const struct vfiodma_info *info, char *text, size_t size);

#endif
