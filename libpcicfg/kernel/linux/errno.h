/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef SHIM_LINUX_ERRNO_H
#define SHIM_LINUX_ERRNO_H

#define ENOENT	   2
#define ENODEV	   19
#define EINVAL	   22
#define EOPNOTSUPP 95

#endif
