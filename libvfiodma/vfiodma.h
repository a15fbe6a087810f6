/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * DOC: libvfiodma, the client side of vfiod
 *
 * session → lease → device (regions, interrupts) → domain (DMA).
 *
 * A session is a connection to vfiod.  A lease is the right to one PCI function and the VFIO file descriptors that
 * come with it.  A device is its regions and interrupts, a domain the memory that it may reach by DMA.  Each object
 * is made from the one before and has to be freed before it; a session alone may be closed early.
 *
 * Every function that returns int returns 0 or a negative errno; outputs come last and are untouched on error.  There
 * is no global state: objects of different sessions may be used from different threads at once, one session and what
 * was made from it from one thread at a time; a domain's map, unmap, alloc and free may be called from many threads.
 */
#ifndef VFIODMA_H
#define VFIODMA_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

struct vfiodma_session;
struct vfiodma_lease;
struct vfiodma_device;
struct vfiodma_domain;

/* ---- session ---- */

/* What a session says of errors goes to vfiodma_session_error(), and to this function where one is set: in the thread
 * that the error happened in. */
typedef void (*vfiodma_log_fn)(void *data, int error, const char *text);

/**
 * struct vfiodma_options - how to open a session; zero means the default everywhere
 * @runtime_dir: the daemon's run-time directory; NULL: $VFIOD_RUNTIME_DIR, or /run/vfiod
 * @admin: connect to the administrator's socket, which the functions "for administrators" need
 * @log: called with every error's text
 * @log_data: passed to @log
 * @reserved: room for what later versions offer; zero
 */
struct vfiodma_options {
	const char *runtime_dir;
	bool admin;
	vfiodma_log_fn log;
	void *log_data;
	uint64_t reserved[8];
};

/**
 * vfiodma_session_open() - connect to vfiod and agree on a protocol version.
 * @options: NULL for the defaults
 * @session: the caller's to close with vfiodma_session_close(); set even on error (but for -ENOMEM, where it is NULL),
 *           so that vfiodma_session_error() can be asked; nothing but that and vfiodma_session_close() may then be
 *           called
 *
 * Return: 0, -ENOENT or -ECONNREFUSED (no daemon), -EACCES (not this user's socket), -EAGAIN (too many connections:
 * try again later), -ENAMETOOLONG (the run-time directory's name), -EPROTONOSUPPORT, -ENOMEM.
 *
 * Every function that asks vfiod also returns -ECONNRESET when vfiod goes away meanwhile, -EBADMSG when its reply makes
 * no sense, and from then on -ENOTCONN: the session is of no more use.
 */
int vfiodma_session_open(const struct vfiodma_options *options, struct vfiodma_session **session);

/**
 * vfiodma_session_close() - end the connection and free @session; its leases stay usable until they are freed, or
 * the process ends: a child does not keep one that can be revoked.
 *
 * vfiodma_lease_release() then says -ENOTCONN, since vfiod cannot be asked: it notices by itself.
 */
void vfiodma_session_close(struct vfiodma_session *session);

/**
 * vfiodma_session_error() - the last failure of this session or of what was made from it, one line for a person.
 *
 * Return: text that stays as it is until the next call for the same session.
 */
const char *vfiodma_session_error(const struct vfiodma_session *session);

/**
 * vfiodma_session_fd() - the connection, for poll(2): readable when there are events, or vfiod has gone away.
 *
 * It stays the session's.  Whenever it is readable, vfiodma_session_dispatch() is to be called.
 */
int vfiodma_session_fd(const struct vfiodma_session *session);

/* ---- events ---- */

enum vfiodma_event_kind {
	VFIODMA_EVENT_REVOKE_ANNOUNCED = 1, /* the lease will be taken: release it within the grace */
	VFIODMA_EVENT_REVOKED = 2,	    /* the lease was taken: its descriptors and mappings are dead */

	/* of functions whose driver is vfiod_pci(4), and of vfiod of version 2 of the protocol */
	VFIODMA_EVENT_LOST = 3,	 /* events of some function were lost here: whoever depends on them looks for itself */
	VFIODMA_EVENT_ERROR = 4, /* the function has reported an error, see @severity: answer how to go on */
	VFIODMA_EVENT_RESET = 5, /* it was reset, and is as the lease began: set it up anew, answer whether it works */
	VFIODMA_EVENT_RESUMED = 6, /* errors are over */
	VFIODMA_EVENT_REMOVAL = 7, /* the kernel waits to take it from its driver, or it is pulled out: release it */
	VFIODMA_EVENT_SUSPEND =
		8,		 /* the machine is about to sleep, and it loses its state: answer when that is saved */
	VFIODMA_EVENT_WOKEN = 9, /* the machine is awake again */

	/* of vfiod of version 3 of the protocol */
	VFIODMA_EVENT_LIMITED =
		10, /* the lease is for a time only: after @grace_ms it will be announced that it ends */
};

/* How bad an error is. */
enum vfiodma_severity {
	VFIODMA_SEVERITY_USABLE = 1, /* the registers can be reached, DMA goes on */
	VFIODMA_SEVERITY_FROZEN =
		2,		   /* mappings of the function raise SIGBUS until it has been reset, which it will be */
	VFIODMA_SEVERITY_DEAD = 3, /* they do so from now on */
};

/**
 * struct vfiodma_event - what has happened to a lease
 * @size: sizeof(struct vfiodma_event) of the library that made it
 * @kind: enum vfiodma_event_kind; a later version may have others
 * @grace_ms: of VFIODMA_EVENT_REVOKE_ANNOUNCED and VFIODMA_EVENT_LIMITED: how long it was to be, when vfiod said so
 * @lease: one of the session's
 * @address: of the lease's function, "0000:01:00.0"
 * @severity: of VFIODMA_EVENT_ERROR: enum vfiodma_severity
 * @id: the kernel waits for vfiodma_lease_answer() with this; 0: it does not wait
 * @answer_ms: how long it was to wait for it, when it said so; 0 without @id
 */
struct vfiodma_event {
	size_t size;
	uint32_t kind;
	uint32_t grace_ms;
	struct vfiodma_lease *lease;
	char address[18];
	uint32_t severity;
	uint64_t id;
	uint32_t answer_ms;
};

typedef void (*vfiodma_event_fn)(void *data, const struct vfiodma_event *event);

/**
 * vfiodma_session_set_event_fn() - have a function called with each event, from vfiodma_session_dispatch() only.
 * @event_fn: it may release leases, that of the event among them, and close the session; NULL: none
 * @data: passed to it
 */
void vfiodma_session_set_event_fn(struct vfiodma_session *session, vfiodma_event_fn event_fn, void *data);

/**
 * vfiodma_session_dispatch() - take the events that have come, and those that came while a reply was waited for, to the
 * function that was set.
 *
 * It waits for nothing.  Events of one lease come in the order in which they happened; of those of the same kind that
 * came before the program was told it is told the last one.
 *
 * Return: 0, -ECONNRESET (vfiod has gone away: leases go on), -EBADMSG, -ENOTCONN.
 */
int vfiodma_session_dispatch(struct vfiodma_session *session);

/* ---- what devices there are ---- */

enum vfiodma_state {
	VFIODMA_UNMANAGED,
	VFIODMA_ASSIGNING,
	VFIODMA_FREE,
	VFIODMA_GRANTING,
	VFIODMA_LEASED,
	VFIODMA_REVOKING,
	VFIODMA_UNASSIGNING,
	VFIODMA_QUARANTINED,
	VFIODMA_COMPANION = 10, /* taken along with others of its IOMMU group, for nobody's use */
};

#define VFIODMA_NONE 0xffffffffu

/**
 * struct vfiodma_info - what vfiod knows of one PCI function
 * @size: sizeof(struct vfiodma_info) of the library that filled it
 * @state: enum vfiodma_state
 * @address: as in sysfs, "0000:01:00.0"
 * @class_code: base class << 16 | sub-class << 8 | programming interface (PCI Local Bus 3.0 appendix D)
 * @group: IOMMU group, or VFIODMA_NONE
 * @numa_node: or VFIODMA_NONE
 * @owner_uid: the user it is assigned to, or VFIODMA_NONE
 * @owner_gid: the group of users it is assigned to, or VFIODMA_NONE
 * @holder_uid: the user who has the lease, or VFIODMA_NONE
 * @holder_pid: the process that asked for the lease, or VFIODMA_NONE
 * @flags: VFIODMA_INFO_…
 * @driver: bound now; empty: none
 * @original_driver: bound before vfiod took the function; empty: none, or not taken
 * @reset: the kernel's reset methods, "flr bus"; empty: none
 * @reason: why the function is quarantined, or is assigned and yet the host's; empty: neither
 * @physical_function: the function that it is a virtual one of (SR-IOV); empty: it is none
 * @reserved: room for what later versions tell
 */
struct vfiodma_info {
	size_t size;
	uint32_t state;
	char address[18];
	uint16_t vendor, device, subsystem_vendor, subsystem_device;
	uint32_t class_code;
	uint32_t group, numa_node;
	uint32_t owner_uid, owner_gid;
	uint32_t holder_uid, holder_pid;
	char driver[32], original_driver[32], reset[32], reason[128];
	uint32_t flags;
	char physical_function[20];
	uint64_t reserved[6];
};

#define VFIODMA_INFO_REVOCABLE (1u << 0) /* its lease, or the next if it has none, can be taken back at any time */
#define VFIODMA_INFO_WARM      (1u << 1) /* held open and clean: to lease it waits for no reset */
#define VFIODMA_INFO_STRICT    (1u << 2) /* its driver is vfiod_pci(4), under whichever name */
#define VFIODMA_INFO_VIRTUAL   (1u << 3) /* it is a virtual function */
#define VFIODMA_INFO_HAS_VFS   (1u << 4) /* vfiod has made virtual functions of it, or is about that */

/** vfiodma_state_name() - "free", "leased" …; "unknown" for a state that this library does not know. */
const char *vfiodma_state_name(uint32_t state);

/**
 * vfiodma_list() - all PCI functions of the machine.
 * @session: open
 * @infos: an array in ascending order of address, the caller's to free(3)
 * @count: its length
 */
int vfiodma_list(struct vfiodma_session *session, struct vfiodma_info **infos, size_t *count);

/**
 * vfiodma_show() - one PCI function.
 * @address: "0000:01:00.0" or "01:00.0"
 *
 * Return: 0, -EINVAL (not an address), -ENODEV (no such function).
 */
int vfiodma_show(struct vfiodma_session *session, const char *address, struct vfiodma_info *info);

/* Why two functions share an IOMMU group. */
enum vfiodma_isolation_cause {
	VFIODMA_ISOLATION_UNKNOWN, /* nothing that could be seen */
	VFIODMA_ISOLATION_BUS,	   /* a bridge to conventional PCI is above them, or is one of them */
	VFIODMA_ISOLATION_PORT, /* a port between them has no Access Control Services (PCIe 6.0 §6.12), or has them off
				 */
	VFIODMA_ISOLATION_DEVICE, /* they are functions of one slot, one of which has no such, or has them off */
};

#define VFIODMA_ACS_NONE 0x80000000u

/**
 * struct vfiodma_isolation - why two functions share an IOMMU group
 * @size: sizeof(struct vfiodma_isolation) of the library that filled it
 * @cause: enum vfiodma_isolation_cause
 * @at: the bridge, the port or the function that does not keep them apart; empty: unknown
 * @acs: of its Access Control Services, PCI_ACS_… of linux/pci_regs.h that are off; or VFIODMA_ACS_NONE: it has none
 * @reserved: room for what later versions tell
 */
struct vfiodma_isolation {
	size_t size;
	uint32_t cause;
	char at[18];
	uint32_t acs;
	uint64_t reserved[4];
};

/**
 * vfiodma_isolation() - why two functions of one IOMMU group are that.
 * @address: "0000:01:00.0" or "01:00.0"
 * @other: the other one
 *
 * Return: 0, -EINVAL (not addresses, or not two functions of one group), -ENODEV (no such function), -EPROTONOSUPPORT
 * or -ENOSYS (vfiod is older than this library, and does not tell).
 */
int vfiodma_isolation(struct vfiodma_session *session, const char *address, const char *other,
		      struct vfiodma_isolation *isolation);

/* ---- pools ---- */

/**
 * struct vfiodma_member - a function that is in a pool
 * @size: sizeof(struct vfiodma_member) of the library that filled it
 * @address: of the function, "0000:01:00.0"
 * @pool: the name of its pool
 */
struct vfiodma_member {
	size_t size;
	char address[18];
	char pool[32];
};

/**
 * vfiodma_members() - which functions are in pools.
 * @members: an array in ascending order of address, the caller's to free(3)
 * @count: its length
 *
 * Return: 0, -EPROTONOSUPPORT (vfiod is older than this library, and knows no pools).
 */
int vfiodma_members(struct vfiodma_session *session, struct vfiodma_member **members, size_t *count);

/* Who can change what stands in the way. */
#define VFIODMA_BY_YOU	  (1u << 0) /* this user, by asking for something else or by giving something back */
#define VFIODMA_BY_HOLDER (1u << 1) /* who has it */
#define VFIODMA_BY_ADMIN  (1u << 2)
#define VFIODMA_BY_TIME	  (1u << 3) /* it passes */

/**
 * struct vfiodma_why - what would come of vfiodma_lease_acquire()
 * @size: sizeof(struct vfiodma_why) of the library that filled it
 * @error: 0; -EAGAIN: it would wait; or what it would return
 * @remedy: VFIODMA_BY_…: who can change that, any of them
 * @address: of the function that would be leased, or waited for; empty: none
 * @text: why, for a person; empty without @error
 * @reserved: room for what later versions tell
 */
struct vfiodma_why {
	size_t size;
	int error;
	uint32_t remedy;
	char address[18];
	char text[504];
	uint64_t reserved[4];
};

/**
 * vfiodma_why() - ask what would come of vfiodma_lease_acquire() by this user, now; nothing comes of it.
 * @what: "0000:01:00.0", "01:00.0", or "pool:NAME"
 * @flags: 0, or one VFIODMA_LEASE_…
 * @numa_node: of a pool: as for vfiodma_lease_acquire_pool()
 *
 * Return: 0, and the answer is in @why; -EINVAL (neither an address nor a pool), -EPROTONOSUPPORT (vfiod is older than
 * this library, and does not tell).
 */
int vfiodma_why(struct vfiodma_session *session, const char *what, unsigned int flags, uint32_t numa_node,
		struct vfiodma_why *why);

/* ---- for administrators ---- */

/**
 * vfiodma_assign() - take a function from the host, bind it to a VFIO driver, and let a user or a group have it; also
 * after a reboot, until vfiodma_unassign().
 * @session: opened with the option admin
 * @address: of the function
 * @uid: the user, or VFIODMA_NONE
 * @gid: the group of users, or VFIODMA_NONE; exactly one of both is given
 * @original_driver: room for 32 bytes: the driver it was taken from, or empty; NULL where that is of no interest
 *
 * Return: 0, -EINVAL, -ENODEV, -EBUSY (the host uses it, somebody has it, or its IOMMU group is not viable),
 * -EOPNOTSUPP (no IOMMU, a bridge, no reset method), -EPERM (a rule forbids it), or what the kernel said.
 */
int vfiodma_assign(struct vfiodma_session *session, const char *address, uint32_t uid, uint32_t gid,
		   char *original_driver);

/**
 * vfiodma_assign_vfs() - have virtual functions made of a function, which stays the host's, and let a user or a group
 * have these; also after a reboot, until vfiodma_unassign() of the function, which takes them back and removes them.
 * @address: of the physical function
 * @uid: the user, or VFIODMA_NONE
 * @gid: the group of users, or VFIODMA_NONE; exactly one of both is given
 * @count: how many
 * @pool: the pool that they are put into; NULL or empty: what vfiod.conf says
 *
 * Return: 0, and all of them are assigned; or none is: -EINVAL (it cannot have so many), -ENODEV, -EBUSY (it has some
 * already, or is assigned itself), -EOPNOTSUPP (it has no SR-IOV, or its driver makes none), -ENOENT (it has no
 * driver), -EPROTONOSUPPORT (vfiod is older than this library), or what vfiodma_assign() says of one of them.
 */
int vfiodma_assign_vfs(struct vfiodma_session *session, const char *address, uint32_t uid, uint32_t gid,
		       unsigned int count, const char *pool);

/**
 * vfiodma_unassign() - give a function back to the host; also one that is assigned and not there is the host's then.
 * @driver: room for 32 bytes: the driver that it is bound to now, or empty; or NULL
 *
 * Return: 0, -ENODEV, -EINVAL (it is not assigned), -EBUSY (somebody has it; the error's text says who).
 */
int vfiodma_unassign(struct vfiodma_session *session, const char *address, char *driver);

enum vfiodma_stat_kind {
	VFIODMA_COUNTER = 1, /* since vfiod started */
	VFIODMA_GAUGE = 2,   /* now */
	VFIODMA_HISTOGRAM = 3,
};

/**
 * struct vfiodma_stat - a number that vfiod counts, with names as Prometheus has them
 * @name: "vfiod_leases_granted_total"; those of one name come together
 * @label: what tells it from others of this name, as in "reason=\"busy\""; or empty
 * @help: a sentence
 * @kind: which of the fields below there are
 * @value: of a histogram: how many times were measured
 * @sum_us: of a histogram: all of them together, in microseconds
 * @bucket_count: of a histogram
 * @bucket_ends_us: up to which time a bucket counts, for all but the last one, which has no end
 * @buckets: how many times were in each
 */
struct vfiodma_stat {
	const char *name, *label, *help;
	enum vfiodma_stat_kind kind;
	uint64_t value;
	uint64_t sum_us;
	unsigned int bucket_count;
	const uint32_t *bucket_ends_us;
	const uint64_t *buckets;
};

/* @stat: as long as the function runs */
typedef void (*vfiodma_stat_fn)(void *data, const struct vfiodma_stat *stat);

/**
 * vfiodma_stats() - ask vfiod for all that it counts.
 * @session: opened with the option admin
 * @fn: is called with @data for each of them
 *
 * Return: 0, or -ENOSYS (a vfiod that is older than this); @fn is not called then.
 */
int vfiodma_stats(struct vfiodma_session *session, vfiodma_stat_fn fn, void *data);

/**
 * vfiodma_revoke() - take a function back from the program that has it, which it cannot prevent; wait until the
 * function is clean.
 * @grace_ms: how long the program has, after it was told, to release the function; 0: it is taken at once;
 *            VFIODMA_NONE: as long as vfiod.conf says
 * @lease: the number of the lease that has ended, as vfiodma_lease_id() has it; or NULL
 * @killed: how many processes were killed since a call into the kernel did not let go of the function; or NULL
 *
 * Return: 0, -ENODEV, -EINVAL (nobody has it), -EOPNOTSUPP (its lease cannot be revoked: vfiod has no kernel module
 * vfiod_handle, or had none when it was given), -EBUSY (another revocation of it comes sooner), -EIO (it was revoked,
 * but is quarantined).
 */
int vfiodma_revoke(struct vfiodma_session *session, const char *address, unsigned int grace_ms, uint64_t *lease,
		   unsigned int *killed);

/**
 * vfiodma_reload() - have vfiod read its configuration anew.
 * @session: opened with the option admin
 * @rules: how many rules it has now; or NULL
 *
 * Leases go on as they are.
 *
 * Return: 0, -EINVAL (there is a mistake in it, which the error's text names with file and line) or another error of
 * reading it; nothing has changed then. -EPROTONOSUPPORT (vfiod is older than this library).
 */
int vfiodma_reload(struct vfiodma_session *session, unsigned int *rules);

/**
 * vfiodma_clear() - have a quarantined function reset and verified once more.
 * @session: opened with the option admin
 * @address: the function's
 *
 * Return: 0 (it is free), -ENODEV, -EINVAL (it is not quarantined), -EBUSY (it has no VFIO driver any more, or is open
 * somewhere), -EPROTONOSUPPORT (vfiod is older than this library), or what has failed: then it is quarantined still,
 * and the error's text is its reason.
 */
int vfiodma_clear(struct vfiodma_session *session, const char *address);

/* ---- lease ---- */

/* vfiodma_lease_acquire(): ask for the group fd only, for a program that sets up its own container */
#define VFIODMA_LEASE_GROUP (1u << 0)
/*
 * The same: ask for the function's own file and an iommufd, for a program that binds the one to the other itself
 * (VFIO_DEVICE_BIND_IOMMUFD): QEMU, for one.  The kernel has to have both, and the module vfiod_handle be loaded.
 */
#define VFIODMA_LEASE_IOMMUFD (1u << 1)

/**
 * vfiodma_lease_acquire() - get a function from vfiod.
 * @session: open, on the public socket
 * @address: of the function; or "pool:NAME", as vfiodma_lease_acquire_pool() with VFIODMA_NONE
 * @flags: 0, or one VFIODMA_LEASE_…
 * @lease: the caller's to free with vfiodma_lease_release()
 *
 * Waits while the function is being cleaned after its last user.
 *
 * Return: 0, -ENODEV (no such function), -EACCES (not this user's, or not in this mode), -EBUSY (somebody has
 * it), -EDQUOT (the user has as many as it may), -EIO (it is quarantined), -EOPNOTSUPP (it cannot be had in this
 * mode, or not for a limited time: the text says what is missing), or what the kernel said.
 */
int vfiodma_lease_acquire(struct vfiodma_session *session, const char *address, unsigned int flags,
			  struct vfiodma_lease **lease);

/**
 * vfiodma_lease_acquire_pool() - get one of the functions of a pool, whichever is free.
 * @pool: its name
 * @numa_node: the NUMA node that the function is to be near to, or VFIODMA_NONE
 * @flags: 0, or one VFIODMA_LEASE_…
 * @lease: the caller's to free with vfiodma_lease_release(); vfiodma_lease_address() tells which it is
 *
 * Return: as vfiodma_lease_acquire(); -ENODEV: there is no such pool; -EBUSY: none is free, or another user comes
 * first; -EPROTONOSUPPORT (vfiod is older than this library, and knows no pools).
 */
int vfiodma_lease_acquire_pool(struct vfiodma_session *session, const char *pool, uint32_t numa_node,
			       unsigned int flags, struct vfiodma_lease **lease);

/** vfiodma_lease_address() - of the lease's function, "0000:01:00.0"; the lease's. */
const char *vfiodma_lease_address(const struct vfiodma_lease *lease);

/**
 * vfiodma_lease_release() - close the lease's descriptors, tell vfiod, wait until the function is clean, free @lease.
 *
 * Devices and domains made from the lease have to be freed before.  @lease is freed in any case.
 *
 * Return: 0, or -EBUSY when something (a mapping, a child process) still holds the function open: vfiod ends the
 * lease when that is gone; -EIO (the lease has ended, but the function is quarantined); or -ENOTCONN, -ECONNRESET or
 * -EBADMSG when vfiod cannot be asked.
 */
int vfiodma_lease_release(struct vfiodma_lease *lease);

/**
 * vfiodma_lease_revoked() - whether the lease was taken back: from then on calls fail with ENODEV, and mappings of the
 * function raise SIGBUS.
 *
 * It asks the kernel, so that the answer needs no vfiodma_session_dispatch(), and no vfiod.  What is left to do is to
 * free all as ever, down to vfiodma_lease_release().
 */
bool vfiodma_lease_revoked(const struct vfiodma_lease *lease);

/* Answers to an event with an id. */
enum vfiodma_verdict {
	VFIODMA_GO_ON = 1,	/* to an error: it can be used; to a reset: it works; to a suspend: all is saved */
	VFIODMA_NEED_RESET = 2, /* to an error: the function has to be reset */
	VFIODMA_GIVE_UP = 3,	/* the function is not to be used any more */
};

/**
 * vfiodma_lease_answer() - answer an event that waits for it.
 * @lease: the event's
 * @id: the event's
 * @verdict: enum vfiodma_verdict
 *
 * It may be called from the function that the event is told to, or later.  Without an answer in time the kernel goes on
 * as if it had been VFIODMA_GO_ON.  An answer counts for this function alone.
 *
 * Return: 0, -ENOENT (the kernel does not wait for it: its time is over, it was answered already, or it was never told
 * of this lease), -EINVAL (no such verdict).
 */
int vfiodma_lease_answer(struct vfiodma_lease *lease, uint64_t id, uint32_t verdict);

/* The lease's descriptors, which stay the lease's; -1 where the mode of the lease has none. */
int vfiodma_lease_device_fd(const struct vfiodma_lease *lease);
int vfiodma_lease_container_fd(const struct vfiodma_lease *lease);
int vfiodma_lease_group_fd(const struct vfiodma_lease *lease);
int vfiodma_lease_iommufd(const struct vfiodma_lease *lease);

/** vfiodma_lease_id() - the number by which vfiod knows the lease. */
uint64_t vfiodma_lease_id(const struct vfiodma_lease *lease);

/* ---- device: regions and interrupts ---- */

/**
 * vfiodma_device_open() - the regions and interrupts of a leased function.
 * @lease: acquired without flags; it has to outlive the device
 * @device: the caller's to free with vfiodma_device_close()
 *
 * Return: 0, -EINVAL (@lease has no device), -EOPNOTSUPP (it is by iommufd), -EBUSY (it is open already), or what the
 * kernel said.
 */
int vfiodma_device_open(struct vfiodma_lease *lease, struct vfiodma_device **device);

/** vfiodma_device_close() - unmap all regions, disable all interrupts, free @device. */
void vfiodma_device_close(struct vfiodma_device *device);

/**
 * vfiodma_region_size() - bytes of a region, 0 where it does not exist.
 * @index: VFIO_PCI_BAR0_REGION_INDEX … VFIO_PCI_CONFIG_REGION_INDEX of linux/vfio.h
 */
int vfiodma_region_size(struct vfiodma_device *device, unsigned int index, uint64_t *size);

/**
 * vfiodma_region_map() - map a BAR.
 * @base: the mapping, which stays the device's; mapping a region again gives the same
 * @size: in bytes; NULL where that is of no interest
 *
 * A register at an offset of the BAR is at that offset of the mapping. What the kernel does not have mapped (with the
 * driver vfiod-pci the pages with the table of MSI-X) is a hole, whose use is a SIGSEGV: vfiodma_region_read() reaches
 * it.
 *
 * Return: 0, -EINVAL (no such region), -EOPNOTSUPP (it cannot be mapped: use vfiodma_region_read()).
 */
int vfiodma_region_map(struct vfiodma_device *device, unsigned int index, void **base, uint64_t *size);

/**
 * vfiodma_region_read() - read a region through the kernel; write likewise.
 * @offset: in the region
 * @data: @length bytes; 1, 2 or 4 aligned bytes are one access of that width
 *
 * Return: 0, -EINVAL (no such region, or beyond its end), or what the kernel said; all or nothing was read.
 */
int vfiodma_region_read(struct vfiodma_device *device, unsigned int index, uint64_t offset, void *data, size_t length);
int vfiodma_region_write(struct vfiodma_device *device, unsigned int index, uint64_t offset, const void *data,
			 size_t length);

/** vfiodma_bus_master() - let the function start DMA, or stop it (PCI_COMMAND_MASTER, PCI Local Bus 3.0 §6.2.2). */
int vfiodma_bus_master(struct vfiodma_device *device, bool enable);

/** vfiodma_device_reset() - reset the function (VFIO_DEVICE_RESET). */
int vfiodma_device_reset(struct vfiodma_device *device);

/**
 * vfiodma_irq_count() - how many vectors an interrupt has.
 * @index: VFIO_PCI_INTX_IRQ_INDEX, VFIO_PCI_MSI_IRQ_INDEX, VFIO_PCI_MSIX_IRQ_INDEX …
 */
int vfiodma_irq_count(struct vfiodma_device *device, unsigned int index, unsigned int *count);

/**
 * vfiodma_irq_enable() - have interrupts signalled by eventfds.
 * @index: as above
 * @count: vectors, from the first
 * @eventfds: room for @count descriptors, which stay the device's: the library makes them, non-blocking
 *
 * MSI and MSI-X are memory writes of the function: none comes without vfiodma_bus_master().  An INTx is masked by the
 * kernel whenever it comes: see vfiodma_irq_unmask().
 *
 * Return: 0, -EINVAL (no such interrupt, or fewer vectors), -ENOSPC (the machine has fewer vectors left), -EBUSY
 * (enabled already, or another kind is).
 */
int vfiodma_irq_enable(struct vfiodma_device *device, unsigned int index, unsigned int count, int *eventfds);

/** vfiodma_irq_disable() - stop them and close their eventfds; 0 also where none were enabled. */
int vfiodma_irq_disable(struct vfiodma_device *device, unsigned int index);

/** vfiodma_irq_unmask() - let an INTx come again, once the device has been told that the last one was dealt with. */
int vfiodma_irq_unmask(struct vfiodma_device *device, unsigned int index);

/**
 * vfiodma_irq_wait() - wait for an interrupt.
 * @eventfd: from vfiodma_irq_enable()
 * @timeout_ms: -1: for ever
 * @count: interrupts since the last wait; or NULL
 *
 * Return: 0, -ETIMEDOUT, -EINTR.
 */
int vfiodma_irq_wait(int eventfd, int timeout_ms, uint64_t *count);

/* Registers behind a mapped region: one access of that width, little-endian as PCI is. */
static inline uint32_t vfiodma_read32(const void *base, size_t offset)
{
	uint32_t value = *(const volatile uint32_t *)((const char *)base + offset);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	value = __builtin_bswap32(value);
#endif
	return value;
}

static inline void vfiodma_write32(void *base, size_t offset, uint32_t value)
{
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	value = __builtin_bswap32(value);
#endif
	*(volatile uint32_t *)((char *)base + offset) = value;
}

/**
 * vfiodma_wmb() - the device sees stores to memory before it no later than stores to its registers after it.
 * vfiodma_rmb() - loads of memory after it are not done before loads of memory or registers before it.
 *
 * A fence of the C language orders processors only; where a device needs more, it is here.
 */
static inline void vfiodma_wmb(void)
{
#ifdef __aarch64__
	__asm__ __volatile__("dmb oshst" ::: "memory");
#elif defined(__riscv)
	__asm__ __volatile__("fence w, ow" ::: "memory");
#else
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
#endif
}

static inline void vfiodma_rmb(void)
{
#ifdef __aarch64__
	__asm__ __volatile__("dmb oshld" ::: "memory");
#elif defined(__riscv)
	__asm__ __volatile__("fence ir, r" ::: "memory");
#else
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
#endif
}

/* ---- domain: DMA ---- */

#define VFIODMA_READ  (1u << 0) /* the device may read the memory */
#define VFIODMA_WRITE (1u << 1) /* the device may write the memory */

/**
 * vfiodma_domain_open() - the I/O address space of a lease.
 * @lease: acquired without flags; it has to outlive the domain
 * @width: address bits that the function can drive, 1 to 64 (an edu has 28); IOVAs stay below 2^@width
 * @domain: the caller's to free with vfiodma_domain_close()
 *
 * Return: 0, -EINVAL (@lease has no container, or @width), -EBUSY (it has a domain already), -ENOSPC (the kernel allows
 * no I/O address that narrow), -EOPNOTSUPP (it does not tell which it allows), -ENOMEM.
 */
int vfiodma_domain_open(struct vfiodma_lease *lease, unsigned int width, struct vfiodma_domain **domain);

/**
 * vfiodma_domain_close() - unmap all that is mapped, free what vfiodma_dma_alloc() gave and @domain itself.
 *
 * Stop the device before, as by vfiodma_bus_master(): DMA that still goes on is then a fault in the kernel's log.
 */
void vfiodma_domain_close(struct vfiodma_domain *domain);

/**
 * vfiodma_dma_map() - let the device reach memory of this process.
 * @memory: page-aligned, stays the caller's and mapped in the process until it is unmapped here; a program that calls
 *          fork(2) should keep it from its children by madvise(2) with MADV_DONTFORK
 * @size: in bytes, a multiple of the page size
 * @access: VFIODMA_READ | VFIODMA_WRITE
 * @iova: where the device sees it; chosen by the library within the ranges that the kernel allows
 *
 * Return: 0, -EINVAL, -ENOSPC (no IOVA left below the width), -ENOMEM (mostly RLIMIT_MEMLOCK: the error's text says
 * the limit and the need), -EFAULT (@memory is not mapped).
 */
int vfiodma_dma_map(struct vfiodma_domain *domain, void *memory, size_t size, unsigned int access, uint64_t *iova);

/**
 * vfiodma_dma_unmap() - take back what vfiodma_dma_map() gave, whole.
 *
 * Return: 0, -ENOENT (nothing was mapped there), -EINVAL (the map there has another size), or what the kernel said:
 * then it is mapped as before.
 */
int vfiodma_dma_unmap(struct vfiodma_domain *domain, uint64_t iova, size_t size);

/**
 * vfiodma_dma_alloc() - zeroed memory that the device may read and write; child processes do not inherit it.
 * @size: in bytes; rounded up to whole pages
 * @memory: page-aligned
 * @iova: where the device sees it
 *
 * Return: as vfiodma_dma_map().
 */
int vfiodma_dma_alloc(struct vfiodma_domain *domain, size_t size, void **memory, uint64_t *iova);

/** vfiodma_dma_free() - unmap and free memory of vfiodma_dma_alloc(). Return: 0, -ENOENT (it is not such memory). */
int vfiodma_dma_free(struct vfiodma_domain *domain, void *memory);

#ifdef __cplusplus
}
#endif

#endif
