/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The contract between vfiod and its clients, whole.
 *
 * Transport: AF_UNIX, SOCK_SEQPACKET; one message is one packet of at most VFIOD_MSG_MAX bytes: a struct vfiod_hdr and
 * a fixed body.  Every integer is little-endian, every string is NUL-terminated and NUL-padded.  A client has one
 * request under way at a time and gets exactly one reply to it: the operation's reply (with its file descriptors as
 * SCM_RIGHTS), or a struct vfiod_error.  Requests never carry file descriptors.  Every request ends with reserved
 * bytes, the field "zero", which are zero, as are the flags of its header.  A message that breaks these rules is
 * answered with an error, and the connection is closed.
 *
 * The first request is HELLO, which fixes the version that every later header carries.
 *
 * A connection that vfiod does not take, since there are too many, is told so by a struct vfiod_error, as the reply to
 * HELLO; with cookie 0 where HELLO has not come yet.
 *
 * What happens to a lease is told unasked, on the connection that acquired it: an event may come at any time after
 * HELLO, also between a request and its reply.
 */
#ifndef VFIOD_PROTO_H
#define VFIOD_PROTO_H

#include <linux/types.h>

#include "proto/vfiod_stats.h"

#define VFIOD_MAGIC 0x64666676u /* "vffd" */

/* 2: VFIOD_FUNCTION_EVENT and ANSWER; 3: VFIOD_LEASE_LIMITED, pools, WHY, RELOAD, STATS, CLEAR and ASSIGN_VFS. A test
 * builds the next vfiod with higher numbers. */
#ifndef VFIOD_VERSION_MAX
#define VFIOD_VERSION_MAX 3
#endif
#ifndef VFIOD_VERSION_MIN
#define VFIOD_VERSION_MIN 1
#endif
#define VFIOD_VERSION_NONE 0 /* the version in the header of HELLO and of its reply */
#define VFIOD_MSG_MAX	   4096
#define VFIOD_FDS_MAX	   2
#define VFIOD_NAME_MAX	   32
#define VFIOD_NONE	   0xffffffffu /* no such user, group, IOMMU group, process */

#define VFIOD_PUB_SOCKET   "pub/vfiod.sock" /* below the run-time directory: anyone may connect */
#define VFIOD_ADMIN_SOCKET "admin.sock"	    /* root alone */

/* Which socket an operation is taken from. */
#define VFIOD_ON_PUB   (1u << 0)
#define VFIOD_ON_ADMIN (1u << 1)
#define VFIOD_ON_BOTH  (VFIOD_ON_PUB | VFIOD_ON_ADMIN)

/* X(opcode, NAME, name, sockets, fds in the reply at most): struct vfiod_<name>_req and struct vfiod_<name>_rep */
#define VFIOD_OPS(X) \
	X(1, HELLO, hello, VFIOD_ON_BOTH, 0) \
	X(2, LIST, list, VFIOD_ON_BOTH, 0) \
	X(3, ACQUIRE, acquire, VFIOD_ON_PUB, 2) \
	X(4, RELEASE, release, VFIOD_ON_PUB, 0) \
	X(5, ASSIGN, assign, VFIOD_ON_ADMIN, 0) \
	X(6, UNASSIGN, unassign, VFIOD_ON_ADMIN, 0) \
	X(7, REVOKE, revoke, VFIOD_ON_ADMIN, 0) \
	X(8, ANSWER, answer, VFIOD_ON_PUB, 0) \
	X(9, ACQUIRE_POOL, acquire_pool, VFIOD_ON_PUB, 2) \
	X(10, WHY, why, VFIOD_ON_PUB, 0) \
	X(11, MEMBERS, members, VFIOD_ON_BOTH, 0) \
	X(12, RELOAD, reload, VFIOD_ON_ADMIN, 0) \
	X(13, STATS, stats, VFIOD_ON_ADMIN, 0) \
	X(14, CLEAR, clear, VFIOD_ON_ADMIN, 0) \
	X(15, ISOLATION, isolation, VFIOD_ON_BOTH, 0) \
	X(16, ASSIGN_VFS, assign_vfs, VFIOD_ON_ADMIN, 0)

/* The opcodes of events, with VFIOD_EVENT; opcodes from 0x8000 on are no operations. Their cookie is 0. */
#define VFIOD_LEASE_EVENT    0x8000 /* struct vfiod_lease_event */
#define VFIOD_FUNCTION_EVENT 0x8001 /* struct vfiod_function_event; from version 2 on */

/* flags of a header */
#define VFIOD_REPLY (1u << 0)
#define VFIOD_ERROR (1u << 1) /* with VFIOD_REPLY: the body is a struct vfiod_error */
#define VFIOD_EVENT (1u << 2) /* alone: nobody asked for it */

struct vfiod_hdr {
	__le32 magic;
	__le16 version;
	__le16 opcode;
	__le32 length; /* of the whole message, this header included */
	__le32 flags;
	__le64 cookie; /* chosen by the client, repeated in the reply */
};

struct vfiod_error {
	__le32 code; /* a positive errno value of Linux */
	__le32 zero;
	char text[504]; /* one line for a person: what failed, why, what to do */
};

/* A PCI address on the wire: domain << 16 | bus << 8 | slot << 3 | function.  See proto/address.h. */

struct vfiod_hello_req {
	__le16 version_min;
	__le16 version_max;
	__le32 zero;
};

struct vfiod_hello_rep {
	__le16 version; /* the one that both speak from here on */
	__le16 version_min;
	__le16 version_max;
	__le16 features; /* none are defined yet */
	__le32 uid;	 /* who the server takes the client for */
	__le32 zero;
};

enum vfiod_state {
	VFIOD_UNMANAGED,   /* the host's */
	VFIOD_ASSIGNING,   /* on its way to FREE */
	VFIOD_FREE,	   /* assigned to an owner, clean, nobody has it */
	VFIOD_GRANTING,	   /* on its way to LEASED */
	VFIOD_LEASED,	   /* a client has it */
	VFIOD_REVOKING,	   /* taken back: being reset and verified, on its way to FREE */
	VFIOD_UNASSIGNING, /* on its way to UNMANAGED */
	VFIOD_QUARANTINED, /* assigned, but not known to be clean: nobody gets it */
	VFIOD_WARMING,	   /* FREE, and told as such: being opened in advance, or closed again */
	VFIOD_GONE,	   /* unplugged: never told */
	VFIOD_COMPANION,   /* not assigned: taken along with another function of its IOMMU group, for nobody's use */
};

struct vfiod_device {
	__le64 address;
	__le16 vendor;
	__le16 device;
	__le16 subsystem_vendor;
	__le16 subsystem_device;
	__le32 class_code; /* base class << 16 | sub-class << 8 | programming interface */
	__le32 group;	   /* IOMMU group or VFIOD_NONE */
	__le32 state;	   /* enum vfiod_state */
	__le32 numa_node;  /* or VFIOD_NONE */
	__le32 owner_uid;  /* VFIOD_NONE: not assigned to a user */
	__le32 owner_gid;  /* VFIOD_NONE: not assigned to a group of users */
	__le32 holder_uid; /* of the lease, or VFIOD_NONE */
	__le32 holder_pid; /* the process that asked for it, or VFIOD_NONE; it may have passed the device on */
	__le32 flags;	   /* VFIOD_DEVICE_* */
	__le32 physical;   /* of a VFIOD_DEVICE_VIRTUAL: the low 16 bits of its physical function's address */
	char driver[VFIOD_NAME_MAX];	      /* bound now; empty: none */
	char original_driver[VFIOD_NAME_MAX]; /* bound before vfiod took it; empty: none or not taken */
	char reset[VFIOD_NAME_MAX];	      /* the kernel's reset methods in their order; empty: none */
	char reason[128];		      /* why it is quarantined, or could not be assigned again */
};

/* flags of a device */
#define VFIOD_DEVICE_REVOCABLE (1u << 0) /* its lease, or the next if it has none, can be taken back at any time */
#define VFIOD_DEVICE_WARM      (1u << 1) /* held open and clean: to lease it waits for no reset */
#define VFIOD_DEVICE_STRICT    (1u << 2) /* its driver is vfiod_pci(4), under whichever name */
#define VFIOD_DEVICE_VIRTUAL   (1u << 3) /* a virtual function of another one (SR-IOV): "physical" says which */
#define VFIOD_DEVICE_HAS_VFS   (1u << 4) /* vfiod has made virtual functions of it, or is about that */

struct vfiod_list_req {
	__le64 start; /* the first address wanted */
	__le32 max;   /* 1 .. VFIOD_LIST_MAX */
	__le32 zero;
};

struct vfiod_list_rep {
	__le32 count; /* of the records that follow, in ascending order of address; 0: there are no more */
	__le32 zero;
	struct vfiod_device devices[];
};

#define VFIOD_LIST_MAX \
	((VFIOD_MSG_MAX - sizeof(struct vfiod_hdr) - sizeof(struct vfiod_list_rep)) / sizeof(struct vfiod_device))

enum vfiod_mode {
	VFIOD_MODE_CONTAINER = 1, /* fds: device, container (type1v2, IOMMU set) */
	VFIOD_MODE_GROUP = 2,	  /* fds: group, for programs that set up their own container */
	VFIOD_MODE_IOMMUFD = 3,	  /* fds: device (/dev/vfio/devices/vfioN, not bound yet), iommufd (by process) */
};

struct vfiod_acquire_req {
	__le64 address;
	__le32 mode; /* enum vfiod_mode */
	__le32 zero;
};

struct vfiod_acquire_rep {
	__le64 lease;
	__le32 mode;
	__le32 group; /* IOMMU group */
	char reset[VFIOD_NAME_MAX];
};

/* Sent after the client has closed all it got.  Answered when the lease has ended and the device is clean again, or
 * with EBUSY when somebody still has it open. */
struct vfiod_release_req {
	__le64 lease;
	__le64 zero;
};

struct vfiod_release_rep {
	__le64 lease;
};

/* Exactly one of uid and gid is not VFIOD_NONE. */
struct vfiod_assign_req {
	__le64 address;
	__le32 uid;
	__le32 gid;
	__le64 zero;
};

struct vfiod_assign_rep {
	char driver[VFIOD_NAME_MAX];	      /* the VFIO driver that it is bound to now */
	char original_driver[VFIOD_NAME_MAX]; /* the one that it was taken from; empty: none */
};

/*
 * From version 3 on.  Has virtual functions made of a function, which stays the host's, and assigns them, all or none;
 * UNASSIGN of the function takes them back, whoever has them, and removes them.  Exactly one of uid and gid is not
 * VFIOD_NONE.
 */
struct vfiod_assign_vfs_req {
	__le64 address; /* of the physical function */
	__le32 uid;
	__le32 gid;
	char pool[VFIOD_NAME_MAX]; /* that they are put into; empty: what vfiod.conf says of them */
	__le32 vfs;		   /* how many, 1 to 65535 */
	__le32 zero;
};

struct vfiod_assign_vfs_rep {
	__le32 count; /* that there are */
	__le32 zero;
};

struct vfiod_unassign_req {
	__le64 address;
	__le64 zero;
};

struct vfiod_unassign_rep {
	char driver[VFIOD_NAME_MAX]; /* the one that it is bound to now; empty: none */
};

/*
 * Takes a leased device back, whether its client likes it or not.  The client is told at once, and has the grace to
 * close what it got.  Answered when the lease has ended and the device is clean again, or with EINVAL (it is not
 * leased), EOPNOTSUPP (its lease cannot be taken back), EBUSY (another REVOKE comes sooner) or EIO (it was, but the
 * device is quarantined).
 */
struct vfiod_revoke_req {
	__le64 address;
	__le32 grace_ms; /* 0: at once; VFIOD_NONE: as vfiod.conf has it */
	__le32 zero;
};

struct vfiod_revoke_rep {
	__le64 lease;  /* the one that has ended */
	__le32 killed; /* processes that were stuck in the kernel and were killed */
	__le32 zero;
};

/* From version 3 on.  Has a quarantined device reset and verified once more.  Answered when it is clean and free again,
 * or with EINVAL (it is not quarantined), EBUSY (it has no VFIO driver any more) or the error of the step that failed:
 * it is quarantined still, with that for its reason. */
struct vfiod_clear_req {
	__le64 address;
	__le64 zero;
};

struct vfiod_clear_rep {
	__le64 address;
};

/* What happens to a lease; and to its function, where that has the driver vfiod-pci. */
enum vfiod_event_kind {
	/* in a struct vfiod_lease_event */
	VFIOD_LEASE_REVOKE_ANNOUNCED = 1, /* it ends in grace_ms */
	VFIOD_LEASE_REVOKED = 2,	  /* it has ended: its files are dead */
	/* in a struct vfiod_function_event */
	VFIOD_FUNCTION_LOST = 3,    /* some event was lost here: nobody knows which, or of which function */
	VFIOD_FUNCTION_ERROR = 4,   /* it has reported an error; may be answered */
	VFIOD_FUNCTION_RESET = 5,   /* it has been reset, and is as its client got it; may be answered */
	VFIOD_FUNCTION_RESUMED = 6, /* the errors are over */
	VFIOD_FUNCTION_REMOVAL = 7, /* the kernel waits until it is closed, to unbind it or since it is pulled out */
	VFIOD_FUNCTION_SUSPEND = 8, /* the machine is about to sleep, and it loses its state; may be answered */
	VFIOD_FUNCTION_WOKEN = 9,   /* the machine is awake again */
	/* in a struct vfiod_lease_event, from version 3 on */
	VFIOD_LEASE_LIMITED = 10, /* behind the reply to ACQUIRE: its end will be announced after grace_ms */
};

struct vfiod_lease_event {
	__le64 lease;
	__le64 address;
	__le32 kind;	 /* enum vfiod_event_kind */
	__le32 grace_ms; /* of VFIOD_LEASE_REVOKE_ANNOUNCED and VFIOD_LEASE_LIMITED; 0 otherwise */
};

/* How bad an error is. */
enum vfiod_severity {
	VFIOD_SEVERITY_NONE,   /* of an event that is no error */
	VFIOD_SEVERITY_USABLE, /* the function's registers can be reached, DMA goes on */
	VFIOD_SEVERITY_FROZEN, /* they cannot (mappings raise SIGBUS), until it has been reset */
	VFIOD_SEVERITY_DEAD,   /* they will not be any more */
};

struct vfiod_function_event {
	__le64 lease;
	__le64 address;
	__le64 id;	  /* for the answer; 0: none is waited for */
	__le32 kind;	  /* enum vfiod_event_kind */
	__le32 severity;  /* enum vfiod_severity, of VFIOD_FUNCTION_ERROR */
	__le32 answer_ms; /* after this the kernel goes on as if it had been VFIOD_VERDICT_GO_ON; 0 without an id */
	__le32 zero;
};

enum vfiod_verdict {
	VFIOD_VERDICT_GO_ON = 1, /* to an error: it can be used; to a reset: it works; to a suspend: all is saved */
	VFIOD_VERDICT_NEED_RESET = 2, /* to an error: the function has to be reset */
	VFIOD_VERDICT_GIVE_UP = 3,    /* it is not to be used any more: it is reset, and cannot be reached */
};

/* From version 2 on.  Taken from the connection that was told of the event, once, while the kernel waits for it:
 * otherwise ENOENT. */
struct vfiod_answer_req {
	__le64 lease;
	__le64 id;	/* of the event */
	__le32 verdict; /* enum vfiod_verdict */
	__le32 zero;
};

struct vfiod_answer_rep {
	__le64 lease;
};

/*
 * From version 3 on.  Pools: which functions are in one, vfiod.conf says.  A client that asks for one of a pool gets
 * the free one that is nearest to the NUMA node, or is refused as by ACQUIRE: there are no queues.
 */
struct vfiod_acquire_pool_req {
	char pool[VFIOD_NAME_MAX];
	__le32 mode;	  /* enum vfiod_mode */
	__le32 numa_node; /* or VFIOD_NONE */
	__le64 zero;
};

struct vfiod_acquire_pool_rep {
	__le64 lease;
	__le64 address; /* of the function that it is of */
	__le32 mode;
	__le32 group;
	char reset[VFIOD_NAME_MAX];
};

struct vfiod_member {
	__le64 address;
	char pool[VFIOD_NAME_MAX];
};

struct vfiod_members_req {
	__le64 start; /* the first address wanted */
	__le32 max;   /* 1 .. VFIOD_MEMBERS_MAX */
	__le32 zero;
};

struct vfiod_members_rep {
	__le32 count; /* of the records that follow, in ascending order of address; 0: there are no more */
	__le32 zero;
	struct vfiod_member members[];
};

#define VFIOD_MEMBERS_MAX \
	((VFIOD_MSG_MAX - sizeof(struct vfiod_hdr) - sizeof(struct vfiod_members_rep)) / sizeof(struct vfiod_member))

#define VFIOD_NO_ADDRESS 0xffffffffffffffffull

/* What would come of an ACQUIRE of the address, or, where a pool is named, of an ACQUIRE_POOL; nothing comes of it. */
struct vfiod_why_req {
	__le64 address;
	char pool[VFIOD_NAME_MAX]; /* or empty */
	__le32 mode;		   /* enum vfiod_mode */
	__le32 numa_node;	   /* or VFIOD_NONE */
	__le64 zero;
};

/* Who can change it: any of these. */
#define VFIOD_REMEDY_YOU    (1u << 0) /* whoever asks, by asking for something else or by giving something back */
#define VFIOD_REMEDY_HOLDER (1u << 1) /* who has it */
#define VFIOD_REMEDY_ADMIN  (1u << 2)
#define VFIOD_REMEDY_TIME   (1u << 3) /* it passes */

struct vfiod_why_rep {
	__le64 address; /* of the function that would be given, or waited for; or VFIOD_NO_ADDRESS */
	__le32 code;	/* 0: it would be given; EAGAIN: it would be waited for; else the error's */
	__le32 remedy;	/* VFIOD_REMEDY_… */
	char text[504]; /* the error's; empty: it would be given */
};

/* From version 3 on.  Has vfiod.conf read anew.  A mistake in it is the error, with file and line, and changes nothing.
 */
struct vfiod_reload_req {
	__le64 zero;
};

struct vfiod_reload_rep {
	__le32 rules; /* that there are now */
	__le32 zero;
};

/* How much vfiod has had to do: vfiod_stats.h. An older vfiod does not know this operation (ENOSYS). */
struct vfiod_stats_req {
	__le64 zero;
};

struct vfiod_stats_latency {
	__le64 count;
	__le64 sum_us;
	__le64 buckets[VFIOD_BUCKETS]; /* how many took as long as that, and longer than the bucket before */
};

struct vfiod_stats_rep {
	__le64 counts[VFIOD_STATS_MAX];				   /* by enum vfiod_stat */
	struct vfiod_stats_latency latencies[VFIOD_LATENCIES_MAX]; /* by enum vfiod_latency */
};

/* Why two functions share an IOMMU group. An older vfiod does not know this operation (ENOSYS). */
enum vfiod_isolation_cause {
	VFIOD_ISOLATION_UNKNOWN, /* nothing that could be seen */
	VFIOD_ISOLATION_BUS,	 /* a bridge to conventional PCI is above them, or is one of them */
	VFIOD_ISOLATION_PORT,	 /* a port between them lacks ACS (PCIe 6.0 §6.12), or has it off */
	VFIOD_ISOLATION_DEVICE,	 /* they are functions of one slot, one of which lacks ACS, or has it off */
};

struct vfiod_isolation_req {
	__le64 address;
	__le64 other;
	__le64 zero;
};

struct vfiod_isolation_rep {
	__le64 at;    /* the bridge, the port or the function; or VFIOD_NO_ADDRESS */
	__le32 cause; /* enum vfiod_isolation_cause */
	__le32 acs;   /* PCI_ACS_…: those that are off; or VFIOD_ACS_NONE: it has none */
};

#define VFIOD_ACS_NONE 0x80000000u

enum vfiod_opcode {
#define X(opcode, NAME, name, sockets, fds) VFIOD_##NAME = (opcode),
	VFIOD_OPS(X)
#undef X
};

#endif
