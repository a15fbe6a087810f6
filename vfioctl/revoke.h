/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIOCTL_REVOKE_H
#define VFIOCTL_REVOKE_H

#include <stdint.h>
#include <stdio.h>

struct vfiodma_info;

/**
 * revoke_grace() - read a time that a person gave.
 * @text: seconds, up to a day, with up to three digits behind a point: "5", "0.25"
 *
 * Return: 0 or -EINVAL.
 */
int revoke_grace(const char *text, unsigned int *grace_ms);

/** revoke_print() - say what was done. @before: the function as it was leased */
void revoke_print(const struct vfiodma_info *before, unsigned int killed, FILE *out);

/** revoke_explain() - why a lease cannot be revoked, and what to do. @text: room for it. Return: @text. */
const char *revoke_explain(const struct vfiodma_info *info, char *text, size_t size);

#endif
