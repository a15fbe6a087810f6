/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vfiod/seccomp.h"

#ifdef HAVE_SECCOMP

#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

/*
 * What is not allowed fails with ENOSYS, and the kernel's audit log has it: a C library of next year, which tries a new
 * call before the old one, then goes on as on an older kernel.  To kill vfiod for it would be worse than what it guards
 * from: in the middle of a reset that leaves a function in quarantine.
 *
 * What vfiod never does, and an attacker in it would want to, ends it at once: leases go on, and the next vfiod cleans
 * what was under way.
 */
#define OTHERWISE SCMP_ACT_ERRNO(ENOSYS)

/* clang-format off */
/* What the loop and its workers do, libevent and libudev for them, and the name service for a reload. */
static const char *const allowed[] = {
	/* files: sysfs, /dev/vfio, the state, the configuration */
	"open", "openat", "close", "close_range", "read", "readv", "write", "writev", "pread64", "preadv",
	"pwrite64", "pwritev", "lseek", "_llseek", "fcntl", "fcntl64", "ioctl", "flock", "fsync", "fdatasync",
	"ftruncate", "ftruncate64", "stat", "stat64", "fstat", "fstat64", "lstat", "lstat64", "newfstatat",
	"fstatat64", "statx", "statfs", "statfs64", "fstatfs", "fstatfs64", "access", "faccessat", "faccessat2",
	"readlink", "readlinkat", "getdents", "getdents64", "getcwd", "rename", "renameat", "renameat2", "unlink",
	"unlinkat", "mkdir", "mkdirat", "umask", "dup", "dup2", "dup3", "fadvise64", "fadvise64_64",
	/* clients, udev, the service manager, the journal */
	"bind", "listen", "accept", "accept4", "connect", "shutdown", "getsockname", "getpeername", "getsockopt",
	"setsockopt", "send", "sendto", "sendmsg", "sendmmsg", "recv", "recvfrom", "recvmsg", "recvmmsg",
	/* the loop */
	"epoll_create", "epoll_create1", "epoll_ctl", "epoll_wait", "epoll_pwait", "epoll_pwait2", "poll", "ppoll",
	"ppoll_time64", "select", "_newselect", "pselect6", "pselect6_time64", "eventfd", "eventfd2",
	"timerfd_create", "timerfd_settime", "timerfd_settime64", "timerfd_gettime", "timerfd_gettime64",
	"inotify_init", "inotify_init1", "inotify_add_watch", "inotify_rm_watch", "pipe", "pipe2",
	/* memory; see allow_by_arguments() for the rest */
	"brk", "munmap", "mremap", "madvise",
	/* threads and signals; of clone3 see hide_clone3() */
	"clone3", "futex", "futex_time64", "futex_waitv", "set_robust_list", "get_robust_list", "rseq",
	"set_tid_address", "sched_getaffinity", "sched_yield", "membarrier", "exit", "exit_group", "gettid",
	"getpid", "getppid", "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sigreturn", "sigaltstack",
	"rt_sigtimedwait", "restart_syscall",
	/* a client may lock as much memory as policy says */
	"pidfd_open", "getrlimit", "ugetrlimit", "prlimit64",
	/* time, identity, the rest */
	"clock_gettime", "clock_gettime64", "clock_getres", "clock_getres_time64", "clock_nanosleep",
	"clock_nanosleep_time64", "nanosleep", "gettimeofday", "time", "getuid", "getuid32", "geteuid", "geteuid32",
	"getgid", "getgid32", "getegid", "getegid32", "getrandom", "uname", "sysinfo",
};

/* What it never does. */
static const char *const deadly[] = {
	"execve", "execveat", "ptrace", "process_vm_readv", "process_vm_writev", "process_madvise", "kcmp",
	"init_module", "finit_module", "delete_module", "kexec_load", "kexec_file_load", "bpf", "perf_event_open",
	"userfaultfd", "io_uring_setup", "mount", "umount", "umount2", "move_mount", "open_tree", "fsopen",
	"fsmount", "fspick", "mount_setattr", "pivot_root", "chroot", "setns", "unshare", "swapon", "swapoff",
	"reboot", "setuid", "setuid32", "setgid", "setgid32", "setreuid", "setreuid32", "setregid", "setregid32",
	"setresuid", "setresuid32", "setresgid", "setresgid32", "setfsuid", "setfsuid32", "setfsgid", "setfsgid32",
	"setgroups", "setgroups32", "capset", "keyctl", "add_key", "request_key", "open_by_handle_at", "iopl",
	"ioperm", "modify_ldt", "personality", "acct", "quotactl", "settimeofday", "clock_settime", "adjtimex",
	"sethostname", "setdomainname", "syslog", "chmod", "fchmod", "fchmodat", "chown", "chown32", "fchown",
	"fchown32", "lchown", "lchown32", "fchownat", "mknod", "mknodat", "setxattr", "lsetxattr", "fsetxattr",
	"kill", "tkill", "pidfd_send_signal", "pidfd_getfd", "uselib", "vhangup",
};
/* clang-format on */

static int allow_names(scmp_filter_ctx filter)
{
	int err = 0;

	for (size_t i = 0; i < sizeof(allowed) / sizeof(allowed[0]) && !err; i++) {
		int number = seccomp_syscall_resolve_name(allowed[i]);

		if (number != __NR_SCMP_ERROR) /* one that libseccomp does not know of vfiod cannot be built to call */
			err = seccomp_rule_add(filter, SCMP_ACT_ALLOW, number, 0);
	}
	return err;
}

static int forbid_names(scmp_filter_ctx filter)
{
	int err = 0;

	for (size_t i = 0; i < sizeof(deadly) / sizeof(deadly[0]) && !err; i++) {
		int number = seccomp_syscall_resolve_name(deadly[i]);

		if (number != __NR_SCMP_ERROR)
			err = seccomp_rule_add(filter, SCMP_ACT_KILL_PROCESS, number, 0);
	}
	return err;
}

/* Allowed if of the bits @mask of an argument those of @value are set, and no others. */
struct bits {
	int number;
	unsigned int argument;
	uint64_t mask, value;
};

#ifdef __s390x__
#define CLONE_FLAGS 1
#else
#define CLONE_FLAGS 0
#endif
#define ALL UINT64_MAX

static int allow_by_arguments(scmp_filter_ctx filter)
{
	const struct bits rules[] = {
		/* threads, and no processes */
		{ SCMP_SYS(clone), CLONE_FLAGS, CLONE_THREAD, CLONE_THREAD },
		{ SCMP_SYS(socket), 0, ALL, AF_UNIX },
		{ SCMP_SYS(socket), 0, ALL, AF_NETLINK },
		/* abort(), and nobody else's signals */
		{ SCMP_SYS(tgkill), 0, ALL, (uint64_t)getpid() },
		/* what is executable is a file: a module of the name service */
		{ SCMP_SYS(mmap), 2, PROT_WRITE | PROT_EXEC, 0 },
		{ SCMP_SYS(mmap), 2, PROT_WRITE | PROT_EXEC, PROT_WRITE },
		{ SCMP_SYS(mmap), 2, PROT_WRITE | PROT_EXEC, PROT_EXEC },
		{ SCMP_SYS(mmap2), 2, PROT_WRITE | PROT_EXEC, 0 },
		{ SCMP_SYS(mmap2), 2, PROT_WRITE | PROT_EXEC, PROT_WRITE },
		{ SCMP_SYS(mmap2), 2, PROT_WRITE | PROT_EXEC, PROT_EXEC },
		{ SCMP_SYS(mprotect), 2, PROT_EXEC, 0 },
	};
	int err = 0;

	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]) && !err; i++)
		err = seccomp_rule_add(filter, SCMP_ACT_ALLOW, rules[i].number, 1,
				       SCMP_CMP(rules[i].argument, SCMP_CMP_MASKED_EQ, rules[i].mask, rules[i].value));
	return err;
}

/*
 * clone3() has its flags where a filter cannot look.  Told that there is none, the C library takes clone(); but it
 * tries for each thread, so this is a filter of its own, which tells the log nothing.
 */
static int hide_clone3(void)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	int err = filter ? seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0) : -ENOMEM;

	if (!err)
		err = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
	if (!err)
		err = seccomp_load(filter);
	seccomp_release(filter);
	return err;
}

static int load(scmp_filter_ctx filter)
{
	int err = hide_clone3();

	if (!err)
		err = allow_names(filter);
	if (!err)
		err = forbid_names(filter);
	if (!err)
		err = allow_by_arguments(filter);
	/* all of our threads; and what is refused is in the kernel's log, as far as that wants to know */
	if (!err)
		err = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
	if (!err)
		err = seccomp_attr_set(filter, SCMP_FLTATR_CTL_LOG, 1);
	return err ? err : seccomp_load(filter);
}

int seccomp_install(struct failure *failure)
{
	scmp_filter_ctx filter = seccomp_init(OTHERWISE);
	int err = filter ? load(filter) : -ENOMEM;

	seccomp_release(filter);
	if (!err)
		return 0;
	return failure_set(
		failure, err,
		"its own system calls cannot be limited: %s; the kernel needs CONFIG_SECCOMP_FILTER, or vfiod "
		"has to be built with --without-seccomp",
		strerror(-err));
}

#else

int seccomp_install(struct failure *failure)
{
	(void)failure;
	return 0;
}

#endif
