/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLIENTS_IOMMUFD_H
#define CLIENTS_IOMMUFD_H

#include <linux/types.h>
#include <sys/ioctl.h>

/* linux/iommufd.h and the newer part of linux/vfio.h, which Debian 12 does not have. */
struct ioas_alloc {
	__u32 size, flags, id;
};
struct ioas_map {
	__u32 size, flags, id, reserved;
	__u64 address, length, iova;
};
struct bind_iommufd {
	__u32 argsz, flags;
	__s32 iommufd;
	__u32 id;
};
struct attach_ioas {
	__u32 argsz, flags, id;
};
struct iommu_option {
	__u32 size, option;
	__u16 op, reserved;
	__u32 object;
	__u64 value;
};
#define IOAS_ALLOC   _IO(';', 0x81)
#define IOAS_MAP     _IO(';', 0x85)
#define IOMMU_OPTION _IO(';', 0x87)
#define BIND_IOMMUFD _IO(';', 118)
#define ATTACH_IOAS  _IO(';', 119)

/* Of an iommufd: whose pinned memory counts against RLIMIT_MEMLOCK, a user's (0) or a process's (1). */
#define OPTION_RLIMIT_MODE 0
#define OPTION_GET	   1

#endif
