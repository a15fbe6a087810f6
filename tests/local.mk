# SPDX-License-Identifier: GPL-2.0-or-later
# "make check" runs the unit tests; each file is a program of its own. To run one program:
#	make check TESTS=tests/unit/test_wire
# To run one of its test cases without fork(), as a debugger wants it (libcheck's manual has more):
#	make tests/unit/test_wire && CK_RUN_CASE=framing CK_FORK=no tests/unit/test_wire
UNIT_TESTS = \
	tests/unit/test_address \
	tests/unit/test_clean \
	tests/unit/test_companion \
	tests/unit/test_config \
	tests/unit/test_config_view \
	tests/unit/test_driver \
	tests/unit/test_facts \
	tests/unit/test_group \
	tests/unit/test_iova \
	tests/unit/test_isolation \
	tests/unit/test_journal \
	tests/unit/test_journal_next \
	tests/unit/test_kernel_info \
	tests/unit/test_limits \
	tests/unit/test_log \
	tests/unit/test_memlock \
	tests/unit/test_numvfs \
	tests/unit/test_pcicfg \
	tests/unit/test_pcicfg_dumps \
	tests/unit/test_pcicfg_properties \
	tests/unit/test_policy \
	tests/unit/test_pool \
	tests/unit/test_reconcile \
	tests/unit/test_request \
	tests/unit/test_saved \
	tests/unit/test_serial \
	tests/unit/test_server \
	tests/unit/test_session \
	tests/unit/test_space \
	tests/unit/test_state \
	tests/unit/test_stats \
	tests/unit/test_systemd \
	tests/unit/test_topology \
	tests/unit/test_vfioctl \
	tests/unit/test_wire \
	tests/unit/test_worker
if HAVE_SECCOMP
UNIT_TESTS += tests/unit/test_seccomp
endif
SCRIPT_TESTS = tests/unit/pcicfg_dumps.sh tests/unit/pcicfg_source.sh tests/unit/units.sh tests/unit/vfioctl.sh

TEST_EXTENSIONS = .sh
SH_LOG_COMPILER = $(SHELL)
# What the tests run, by its full name; and the seconds that a test has, for a busy machine and a slow build.
AM_TESTS_ENVIRONMENT = \
	CK_DEFAULT_TIMEOUT=60; export CK_DEFAULT_TIMEOUT; \
	VFIOD='$(abs_top_builddir)/vfiod/vfiod'; export VFIOD; \
	VFIOCTL='$(abs_top_builddir)/vfioctl/vfioctl'; export VFIOCTL; \
	PCICFG_KERNEL='$(abs_top_builddir)/libpcicfg/libpcicfg-kernel.a'; export PCICFG_KERNEL; \
	PCICFG_DUMPS='$(abs_top_srcdir)/tests/dumps'; export PCICFG_DUMPS; \
	VFIOD_MAN='$(abs_top_srcdir)/man'; export VFIOD_MAN; \
	VFIOD_UNITS='$(abs_top_builddir)/contrib/systemd'; export VFIOD_UNITS; \
	NM='$(NM)'; export NM;

TESTS += $(SCRIPT_TESTS)
EXTRA_DIST += tests/temporary.h $(SCRIPT_TESTS) tests/faults.tsv tests/proofs.tsv tests/prove \
	tests/bench/daemon.sh tests/bench/neighbours.sh tests/bench/pcicfg.sh tests/bench/restarts.sh tests/bench/scale.sh \
	tests/coverage-pcicfg tests/cross tests/cross-pcicfg tests/dumps tests/fuzz tests/kernel-pcicfg \
	tests/lint tests/mutate-pcicfg

if HAVE_CHECK
check_PROGRAMS += $(UNIT_TESTS)
TESTS += $(UNIT_TESTS)
else
# Not to be taken for a success: it is counted as skipped, and said on the terminal.
NO_CHECK = SKIPPED: the unit tests need Debian's package check
TESTS += tests/unit/libcheck.sh
CLEANFILES += tests/unit/libcheck.sh

tests/unit/libcheck.sh: Makefile
	$(AM_V_GEN)$(MKDIR_P) tests/unit && echo "echo \"$(NO_CHECK)\"; exit 77" >$@

check-local: check-TESTS
	@echo "$(NO_CHECK)" >&2
endif

TEST_FLAGS = $(PROGRAM_FLAGS) $(CHECK_CFLAGS)

tests_unit_test_address_CFLAGS = $(TEST_FLAGS)
tests_unit_test_address_LDFLAGS = $(PROGRAM_LINK)
tests_unit_test_address_LDADD = proto/libproto.la $(CHECK_LIBS)

tests_unit_test_clean_CFLAGS = $(TEST_FLAGS)
tests_unit_test_clean_LDFLAGS = $(PROGRAM_LINK)
tests_unit_test_clean_LDADD = vfiod/libvfiod.la $(CHECK_LIBS)

tests_unit_test_companion_CFLAGS = $(TEST_FLAGS)
tests_unit_test_companion_LDFLAGS = $(PROGRAM_LINK)
tests_unit_test_companion_LDADD = vfiod/libvfiod.la $(CHECK_LIBS)

tests_unit_test_config_CFLAGS = $(TEST_FLAGS)
tests_unit_test_config_LDFLAGS = $(PROGRAM_LINK)
tests_unit_test_config_LDADD = vfiod/libvfiod.la $(CHECK_LIBS)

tests_unit_test_config_view_CFLAGS = $(TEST_FLAGS) $(JSONC_CFLAGS)
tests_unit_test_config_view_LDFLAGS = $(PROGRAM_LINK)
tests_unit_test_config_view_LDADD = vfioctl/libvfioctl.la $(JSONC_LIBS) $(CHECK_LIBS)

tests_unit_test_driver_CFLAGS = $(TEST_FLAGS)
tests_unit_test_driver_LDFLAGS = $(PROGRAM_LINK)
tests_unit_test_driver_LDADD = vfiod/libvfiod.la $(CHECK_LIBS)

tests_unit_test_facts_CFLAGS = $(TEST_FLAGS) $(LIBUDEV_CFLAGS)
tests_unit_test_facts_LDFLAGS = $(PROGRAM_LINK)
tests_unit_test_facts_LDADD = vfiod/libvfiod.la $(CHECK_LIBS)

tests_unit_test_group_CFLAGS = $(TEST_FLAGS)
tests_unit_test_group_LDFLAGS = $(PROGRAM_LINK)
tests_unit_test_group_LDADD = vfiod/libvfiod.la $(CHECK_LIBS)

tests_unit_test_iova_CFLAGS = $(TEST_FLAGS)
tests_unit_test_iova_LDFLAGS = $(PROGRAM_LINK)
tests_unit_test_iova_LDADD = libvfiodma/libvfiodma-all.la $(CHECK_LIBS)

tests_unit_test_isolation_CFLAGS = $(TEST_FLAGS)
tests_unit_test_isolation_LDFLAGS = $(PROGRAM_LINK)
tests_unit_test_isolation_LDADD = vfiod/libvfiod.la $(CHECK_LIBS)

tests_unit_test_journal_CFLAGS = $(TEST_FLAGS)
tests_unit_test_journal_LDFLAGS = $(PROGRAM_LINK)
tests_unit_test_journal_LDADD = vfiod/libvfiod.la $(CHECK_LIBS)

# The same of the next version of it, which reads this one's, too.
tests_unit_test_journal_next_SOURCES = tests/unit/test_journal.c vfiod/journal.c
tests_unit_test_journal_next_CFLAGS = $(TEST_FLAGS) -DJOURNAL_VERSION=2
tests_unit_test_journal_next_LDFLAGS = $(PROGRAM_LINK)
tests_unit_test_journal_next_LDADD = vfiod/libvfiod.la $(CHECK_LIBS)

tests_unit_test_kernel_info_CFLAGS = $(TEST_FLAGS)
tests_unit_test_kernel_info_LDFLAGS = $(PROGRAM_LINK)
tests_unit_test_kernel_info_LDADD = libvfiodma/libvfiodma-all.la $(CHECK_LIBS)

tests_unit_test_limits_CFLAGS = $(TEST_FLAGS)
tests_unit_test_limits_LDFLAGS = $(PROGRAM_LINK)
tests_unit_test_limits_LDADD = vfiod/libvfiod.la $(CHECK_LIBS)

tests_unit_test_log_CFLAGS = $(TEST_FLAGS)
tests_unit_test_log_LDFLAGS = $(PROGRAM_LINK)
tests_unit_test_log_LDADD = vfiod/libvfiod.la $(CHECK_LIBS)

tests_unit_test_memlock_CFLAGS = $(TEST_FLAGS)
tests_unit_test_memlock_LDFLAGS = $(PROGRAM_LINK)
tests_unit_test_memlock_LDADD = vfiod/libvfiod.la $(CHECK_LIBS)

tests_unit_test_numvfs_CFLAGS = $(TEST_FLAGS) -pthread
tests_unit_test_numvfs_LDFLAGS = $(PROGRAM_LINK) -pthread
tests_unit_test_numvfs_LDADD = vfiod/libvfiod.la $(CHECK_LIBS)

tests_unit_test_pcicfg_SOURCES = tests/unit/test_pcicfg.c tests/unit/pcicfg_hw.c tests/unit/pcicfg_hw.h
tests_unit_test_pcicfg_CFLAGS = $(TEST_FLAGS)
tests_unit_test_pcicfg_LDFLAGS = $(PROGRAM_LINK)
tests_unit_test_pcicfg_LDADD = libpcicfg/libpcicfg-all.la $(CHECK_LIBS)

tests_unit_test_pcicfg_dumps_SOURCES = tests/unit/test_pcicfg_dumps.c \
	tests/unit/pcicfg_hw.c tests/unit/pcicfg_hw.h \
	tests/unit/pcicfg_owner.c tests/unit/pcicfg_owner.h
tests_unit_test_pcicfg_dumps_CFLAGS = $(TEST_FLAGS)
tests_unit_test_pcicfg_dumps_LDFLAGS = $(PROGRAM_LINK)
tests_unit_test_pcicfg_dumps_LDADD = libpcicfg/libpcicfg-all.la $(CHECK_LIBS)

tests_unit_test_pcicfg_properties_SOURCES = tests/unit/test_pcicfg_properties.c \
	tests/unit/pcicfg_hw.c tests/unit/pcicfg_hw.h \
	tests/unit/pcicfg_layout.c tests/unit/pcicfg_layout.h \
	tests/unit/pcicfg_owner.c tests/unit/pcicfg_owner.h
tests_unit_test_pcicfg_properties_CFLAGS = $(TEST_FLAGS)
tests_unit_test_pcicfg_properties_LDFLAGS = $(PROGRAM_LINK)
tests_unit_test_pcicfg_properties_LDADD = libpcicfg/libpcicfg-all.la $(CHECK_LIBS)

tests_unit_test_policy_CFLAGS = $(TEST_FLAGS)
tests_unit_test_policy_LDFLAGS = $(PROGRAM_LINK)
tests_unit_test_policy_LDADD = vfiod/libvfiod.la $(CHECK_LIBS)

tests_unit_test_pool_CFLAGS = $(TEST_FLAGS)
tests_unit_test_pool_LDFLAGS = $(PROGRAM_LINK)
tests_unit_test_pool_LDADD = vfiod/libvfiod.la $(CHECK_LIBS)

tests_unit_test_reconcile_CFLAGS = $(TEST_FLAGS)
tests_unit_test_reconcile_LDFLAGS = $(PROGRAM_LINK)
tests_unit_test_reconcile_LDADD = vfiod/libvfiod.la $(CHECK_LIBS)

tests_unit_test_request_CFLAGS = $(TEST_FLAGS) $(LIBEVENT_CFLAGS) $(LIBUDEV_CFLAGS)
tests_unit_test_request_LDFLAGS = $(PROGRAM_LINK) -pthread
tests_unit_test_request_LDADD = vfiod/libvfiod.la $(LIBEVENT_LIBS) $(LIBUDEV_LIBS) $(CHECK_LIBS)

tests_unit_test_saved_CFLAGS = $(TEST_FLAGS) $(LIBEVENT_CFLAGS)
tests_unit_test_saved_LDFLAGS = $(PROGRAM_LINK) -pthread
tests_unit_test_saved_LDADD = vfiod/libvfiod.la $(LIBEVENT_LIBS) $(CHECK_LIBS)

tests_unit_test_seccomp_CFLAGS = $(TEST_FLAGS) -pthread
tests_unit_test_seccomp_LDFLAGS = $(PROGRAM_LINK) -pthread
tests_unit_test_seccomp_LDADD = vfiod/libvfiod.la $(CHECK_LIBS)

tests_unit_test_serial_CFLAGS = $(TEST_FLAGS)
tests_unit_test_serial_LDFLAGS = $(PROGRAM_LINK)
tests_unit_test_serial_LDADD = vfiod/libvfiod.la $(CHECK_LIBS)

tests_unit_test_server_CFLAGS = $(TEST_FLAGS)
tests_unit_test_server_LDFLAGS = $(PROGRAM_LINK)
tests_unit_test_server_LDADD = proto/libproto.la $(CHECK_LIBS)

tests_unit_test_session_CFLAGS = $(TEST_FLAGS) -pthread
tests_unit_test_session_LDFLAGS = $(PROGRAM_LINK) -pthread
tests_unit_test_session_LDADD = libvfiodma/libvfiodma-all.la $(CHECK_LIBS)

tests_unit_test_space_CFLAGS = $(TEST_FLAGS)
tests_unit_test_space_LDFLAGS = $(PROGRAM_LINK)
tests_unit_test_space_LDADD = vfiod/libvfiod.la $(CHECK_LIBS)

tests_unit_test_state_CFLAGS = $(TEST_FLAGS)
tests_unit_test_state_LDFLAGS = $(PROGRAM_LINK)
tests_unit_test_state_LDADD = vfiod/libvfiod.la $(CHECK_LIBS)

tests_unit_test_stats_CFLAGS = $(TEST_FLAGS) $(JSONC_CFLAGS)
tests_unit_test_stats_LDFLAGS = $(PROGRAM_LINK)
tests_unit_test_stats_LDADD = vfiod/libvfiod.la vfioctl/libvfioctl.la $(JSONC_LIBS) $(CHECK_LIBS)

tests_unit_test_systemd_CFLAGS = $(TEST_FLAGS)
tests_unit_test_systemd_LDFLAGS = $(PROGRAM_LINK)
tests_unit_test_systemd_LDADD = vfiod/libvfiod.la $(CHECK_LIBS)

tests_unit_test_topology_CFLAGS = $(TEST_FLAGS)
tests_unit_test_topology_LDFLAGS = $(PROGRAM_LINK)
tests_unit_test_topology_LDADD = vfiod/libvfiod.la $(CHECK_LIBS)

tests_unit_test_vfioctl_CFLAGS = $(TEST_FLAGS) $(LIBPCI_CFLAGS) $(JSONC_CFLAGS)
tests_unit_test_vfioctl_LDFLAGS = $(PROGRAM_LINK)
tests_unit_test_vfioctl_LDADD = vfioctl/libvfioctl.la $(LIBPCI_LIBS) $(JSONC_LIBS) $(CHECK_LIBS)

tests_unit_test_wire_CFLAGS = $(TEST_FLAGS)
tests_unit_test_wire_LDFLAGS = $(PROGRAM_LINK)
tests_unit_test_wire_LDADD = proto/libproto.la $(CHECK_LIBS)

tests_unit_test_worker_CFLAGS = $(TEST_FLAGS) $(LIBEVENT_CFLAGS)
tests_unit_test_worker_LDFLAGS = $(PROGRAM_LINK)
tests_unit_test_worker_LDADD = vfiod/libvfiod.la $(LIBEVENT_LIBS) $(CHECK_LIBS)

EXTRA_PROGRAMS += tests/bench/pcicfg
tests_bench_pcicfg_SOURCES = tests/bench/pcicfg.c
tests_bench_pcicfg_CFLAGS = $(PROGRAM_FLAGS)
tests_bench_pcicfg_LDFLAGS = $(PROGRAM_LINK) -no-install -static
tests_bench_pcicfg_LDADD = libpcicfg/libpcicfg-all.la

# A machine that is not there, for vfiod: tests/fake/machine --help
EXTRA_PROGRAMS += tests/fake/machine
tests_fake_machine_SOURCES = tests/fake/main.c \
	tests/fake/machine.c tests/fake/machine.h \
	tests/fake/uevent.c \
	tests/fake/vfio.c tests/fake/vfio.h \
	tests/fake/wire.h
EXTRA_DIST += tests/fake/faults.sh tests/fake/vfiod.sh
tests_fake_machine_CFLAGS = $(PROGRAM_FLAGS)
tests_fake_machine_LDFLAGS = $(PROGRAM_LINK) -no-install
tests_fake_machine_LDADD = proto/libproto.la

EXTRA_LTLIBRARIES = tests/fake/preload.la
tests_fake_preload_la_SOURCES = tests/fake/preload.c tests/fake/wire.h
tests_fake_preload_la_LDFLAGS = $(AM_LDFLAGS) -module -avoid-version -shared -rpath /nowhere
tests_fake_preload_la_LIBADD = -ldl

EXTRA_PROGRAMS += tests/bench/client
tests_bench_client_SOURCES = tests/bench/client.c
tests_bench_client_CFLAGS = $(PROGRAM_FLAGS)
tests_bench_client_LDFLAGS = $(PROGRAM_LINK) -no-install
tests_bench_client_LDADD = proto/libproto.la

# Allocations that fail: tests/failing/nth --help
EXTRA_PROGRAMS += tests/failing/nth
tests_failing_nth_SOURCES = tests/failing/nth.c tests/failing/failing.h
tests_failing_nth_CFLAGS = $(PROGRAM_FLAGS)
tests_failing_nth_LDFLAGS = $(PROGRAM_LINK) -no-install

EXTRA_LTLIBRARIES += tests/failing/preload.la
tests_failing_preload_la_SOURCES = tests/failing/preload.c tests/failing/failing.h
tests_failing_preload_la_LDFLAGS = $(AM_LDFLAGS) -module -avoid-version -shared -rpath /nowhere
tests_failing_preload_la_LIBADD = -ldl

EXTRA_PROGRAMS += tests/bench/churn
tests_bench_churn_SOURCES = tests/bench/churn.c
tests_bench_churn_CFLAGS = $(PROGRAM_FLAGS)
tests_bench_churn_LDFLAGS = $(PROGRAM_LINK) -no-install
tests_bench_churn_LDADD = proto/libproto.la
