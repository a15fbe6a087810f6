# SPDX-License-Identifier: GPL-2.0-or-later
# Programs that scenarios run in the test machine, never installed. Linked so that the file in the build folder is the
# program itself, and not libtool's script around it.
noinst_PROGRAMS += tests/vm/clients/lease tests/vm/clients/badmsg tests/vm/clients/hostile tests/vm/clients/exclusive
noinst_LTLIBRARIES += tests/vm/clients/libconnect.la

tests_vm_clients_libconnect_la_SOURCES = tests/vm/clients/connect.c tests/vm/clients/connect.h
tests_vm_clients_libconnect_la_CFLAGS = $(PROGRAM_FLAGS)

tests_vm_clients_lease_SOURCES = tests/vm/clients/lease.c
tests_vm_clients_lease_CFLAGS = $(PROGRAM_FLAGS)
tests_vm_clients_lease_LDFLAGS = $(PROGRAM_LINK) -pthread
tests_vm_clients_lease_LDADD = libvfiodma/libvfiodma-all.la

noinst_PROGRAMS += tests/vm/clients/instant
tests_vm_clients_instant_SOURCES = tests/vm/clients/instant.c
tests_vm_clients_instant_CFLAGS = $(PROGRAM_FLAGS)
tests_vm_clients_instant_LDFLAGS = $(PROGRAM_LINK) -pthread
tests_vm_clients_instant_LDADD = libvfiodma/libvfiodma-all.la

noinst_PROGRAMS += tests/vm/clients/pattern
tests_vm_clients_pattern_SOURCES = tests/vm/clients/pattern.c tests/vm/clients/edu.h
tests_vm_clients_pattern_CFLAGS = $(PROGRAM_FLAGS)
tests_vm_clients_pattern_LDFLAGS = $(PROGRAM_LINK) -pthread
tests_vm_clients_pattern_LDADD = libvfiodma/libvfiodma-all.la

noinst_PROGRAMS += tests/vm/clients/killpoint
tests_vm_clients_killpoint_SOURCES = tests/vm/clients/killpoint.c tests/vm/clients/expect.h
tests_vm_clients_killpoint_CFLAGS = $(PROGRAM_FLAGS)
tests_vm_clients_killpoint_LDFLAGS = $(PROGRAM_LINK)

tests_vm_clients_badmsg_SOURCES = tests/vm/clients/badmsg.c
tests_vm_clients_badmsg_CFLAGS = $(PROGRAM_FLAGS)
tests_vm_clients_badmsg_LDFLAGS = $(PROGRAM_LINK)
tests_vm_clients_badmsg_LDADD = tests/vm/clients/libconnect.la proto/libproto.la

tests_vm_clients_hostile_SOURCES = tests/vm/clients/hostile.c
tests_vm_clients_hostile_CFLAGS = $(PROGRAM_FLAGS)
tests_vm_clients_hostile_LDFLAGS = $(PROGRAM_LINK)
tests_vm_clients_hostile_LDADD = tests/vm/clients/libconnect.la proto/libproto.la

tests_vm_clients_exclusive_SOURCES = tests/vm/clients/exclusive.c
tests_vm_clients_exclusive_CFLAGS = $(PROGRAM_FLAGS)
tests_vm_clients_exclusive_LDFLAGS = $(PROGRAM_LINK)

# Those of revocable handles (kmod/vfiod_handle), which talk to the kernel alone.
noinst_PROGRAMS += tests/vm/clients/handles tests/vm/clients/misuse tests/vm/clients/fire tests/vm/clients/stall \
	tests/vm/clients/handlecost tests/vm/clients/failnth tests/vm/clients/storm tests/vm/clients/table
noinst_LTLIBRARIES += tests/vm/clients/libhandles.la

tests_vm_clients_libhandles_la_SOURCES = kmod/uapi/vfiod_handle.h tests/vm/clients/expect.h \
	tests/vm/clients/actor.c tests/vm/clients/actor.h tests/vm/clients/broker.c tests/vm/clients/broker.h \
	tests/vm/clients/chance.c tests/vm/clients/chance.h tests/vm/clients/client.c tests/vm/clients/client.h \
	tests/vm/clients/edu.c tests/vm/clients/edu.h tests/vm/clients/function.c tests/vm/clients/function.h \
	tests/vm/clients/raiser.c tests/vm/clients/raiser.h tests/vm/clients/stalling.c tests/vm/clients/stalling.h
tests_vm_clients_libhandles_la_CFLAGS = $(PROGRAM_FLAGS)

tests_vm_clients_handles_SOURCES = tests/vm/clients/handles.c tests/vm/clients/iommufd.h
tests_vm_clients_handles_CFLAGS = $(PROGRAM_FLAGS)
tests_vm_clients_handles_LDFLAGS = $(PROGRAM_LINK) -pthread
tests_vm_clients_handles_LDADD = tests/vm/clients/libhandles.la

tests_vm_clients_misuse_SOURCES = tests/vm/clients/misuse.c
tests_vm_clients_misuse_CFLAGS = $(PROGRAM_FLAGS)
tests_vm_clients_misuse_LDFLAGS = $(PROGRAM_LINK) -pthread
tests_vm_clients_misuse_LDADD = tests/vm/clients/libhandles.la

tests_vm_clients_fire_SOURCES = tests/vm/clients/fire.c
tests_vm_clients_fire_CFLAGS = $(PROGRAM_FLAGS)
tests_vm_clients_fire_LDFLAGS = $(PROGRAM_LINK) -pthread
tests_vm_clients_fire_LDADD = tests/vm/clients/libhandles.la

tests_vm_clients_stall_SOURCES = tests/vm/clients/stall.c
tests_vm_clients_stall_CFLAGS = $(PROGRAM_FLAGS)
tests_vm_clients_stall_LDFLAGS = $(PROGRAM_LINK) -pthread
tests_vm_clients_stall_LDADD = tests/vm/clients/libhandles.la

tests_vm_clients_handlecost_SOURCES = tests/vm/clients/handlecost.c
tests_vm_clients_handlecost_CFLAGS = $(PROGRAM_FLAGS)
tests_vm_clients_handlecost_LDFLAGS = $(PROGRAM_LINK) -pthread
tests_vm_clients_handlecost_LDADD = tests/vm/clients/libhandles.la

tests_vm_clients_failnth_SOURCES = tests/vm/clients/failnth.c
tests_vm_clients_failnth_CFLAGS = $(PROGRAM_FLAGS)
tests_vm_clients_failnth_LDFLAGS = $(PROGRAM_LINK) -pthread
tests_vm_clients_failnth_LDADD = tests/vm/clients/libhandles.la

tests_vm_clients_storm_SOURCES = tests/vm/clients/storm.c
tests_vm_clients_storm_CFLAGS = $(PROGRAM_FLAGS)
tests_vm_clients_storm_LDFLAGS = $(PROGRAM_LINK) -pthread
tests_vm_clients_storm_LDADD = tests/vm/clients/libhandles.la

noinst_PROGRAMS += tests/vm/clients/lend
tests_vm_clients_lend_SOURCES = tests/vm/clients/lend.c
tests_vm_clients_lend_CFLAGS = $(PROGRAM_FLAGS)
tests_vm_clients_lend_LDFLAGS = $(PROGRAM_LINK)
tests_vm_clients_lend_LDADD = tests/vm/clients/libhandles.la

# Preloaded into programs of others. A library that is never installed is a shared one only where it has an -rpath.
noinst_LTLIBRARIES += tests/vm/clients/calls.la tests/vm/clients/labelled.la
tests_vm_clients_calls_la_SOURCES = tests/vm/clients/calls.c
tests_vm_clients_calls_la_LDFLAGS = $(AM_LDFLAGS) -module -avoid-version -shared -rpath /nowhere
tests_vm_clients_labelled_la_SOURCES = tests/vm/clients/labelled.c
tests_vm_clients_labelled_la_LDFLAGS = $(AM_LDFLAGS) -module -avoid-version -shared -rpath /nowhere

tests_vm_clients_table_SOURCES = tests/vm/clients/table.c
tests_vm_clients_table_CFLAGS = $(PROGRAM_FLAGS)
tests_vm_clients_table_LDFLAGS = $(PROGRAM_LINK) -pthread
tests_vm_clients_table_LDADD = tests/vm/clients/libhandles.la proto/libproto.la

# With vfiod.
noinst_PROGRAMS += tests/vm/clients/byiommufd
tests_vm_clients_byiommufd_SOURCES = tests/vm/clients/byiommufd.c tests/vm/clients/iommufd.h
tests_vm_clients_byiommufd_CFLAGS = $(PROGRAM_FLAGS)
tests_vm_clients_byiommufd_LDFLAGS = $(PROGRAM_LINK) -pthread
tests_vm_clients_byiommufd_LDADD = tests/vm/clients/libhandles.la libvfiodma/libvfiodma-all.la

noinst_PROGRAMS += tests/vm/clients/stuck
tests_vm_clients_stuck_SOURCES = tests/vm/clients/stuck.c
tests_vm_clients_stuck_CFLAGS = $(PROGRAM_FLAGS)
tests_vm_clients_stuck_LDFLAGS = $(PROGRAM_LINK) -pthread
tests_vm_clients_stuck_LDADD = tests/vm/clients/libhandles.la libvfiodma/libvfiodma-all.la

noinst_PROGRAMS += tests/vm/clients/heed
tests_vm_clients_heed_SOURCES = tests/vm/clients/heed.c
tests_vm_clients_heed_CFLAGS = $(PROGRAM_FLAGS)
tests_vm_clients_heed_LDFLAGS = $(PROGRAM_LINK) -pthread
tests_vm_clients_heed_LDADD = libvfiodma/libvfiodma-all.la

# Those of the strict driver (kmod/vfiod_pci), which work with vfio-pci, too.
noinst_PROGRAMS += tests/vm/clients/scribble tests/vm/clients/overreach tests/vm/clients/pcimisuse \
	tests/vm/clients/pcifuzz tests/vm/clients/pcifailnth

tests_vm_clients_scribble_SOURCES = tests/vm/clients/scribble.c
tests_vm_clients_scribble_CFLAGS = $(PROGRAM_FLAGS)
tests_vm_clients_scribble_LDFLAGS = $(PROGRAM_LINK) -pthread
tests_vm_clients_scribble_LDADD = tests/vm/clients/libhandles.la libpcicfg/libpcicfg-all.la

tests_vm_clients_overreach_SOURCES = tests/vm/clients/overreach.c
tests_vm_clients_overreach_CFLAGS = $(PROGRAM_FLAGS)
tests_vm_clients_overreach_LDFLAGS = $(PROGRAM_LINK) -pthread
tests_vm_clients_overreach_LDADD = tests/vm/clients/libhandles.la

tests_vm_clients_pcimisuse_SOURCES = tests/vm/clients/pcimisuse.c
tests_vm_clients_pcimisuse_CFLAGS = $(PROGRAM_FLAGS)
tests_vm_clients_pcimisuse_LDFLAGS = $(PROGRAM_LINK) -pthread
tests_vm_clients_pcimisuse_LDADD = tests/vm/clients/libhandles.la

tests_vm_clients_pcifuzz_SOURCES = tests/vm/clients/pcifuzz.c
tests_vm_clients_pcifuzz_CFLAGS = $(PROGRAM_FLAGS)
tests_vm_clients_pcifuzz_LDFLAGS = $(PROGRAM_LINK) -pthread
tests_vm_clients_pcifuzz_LDADD = tests/vm/clients/libhandles.la

tests_vm_clients_pcifailnth_SOURCES = tests/vm/clients/pcifailnth.c
tests_vm_clients_pcifailnth_CFLAGS = $(PROGRAM_FLAGS)
tests_vm_clients_pcifailnth_LDFLAGS = $(PROGRAM_LINK) -pthread
tests_vm_clients_pcifailnth_LDADD = tests/vm/clients/libhandles.la

noinst_PROGRAMS += tests/vm/clients/interrupts tests/vm/clients/irqrounds tests/vm/clients/pcifaults \
	tests/vm/clients/pcierrors tests/vm/clients/pcinode tests/vm/clients/pcihuge \
	tests/vm/clients/pciprobe tests/vm/clients/pcislot

tests_vm_clients_interrupts_SOURCES = tests/vm/clients/interrupts.c
tests_vm_clients_interrupts_CFLAGS = $(PROGRAM_FLAGS)
tests_vm_clients_interrupts_LDFLAGS = $(PROGRAM_LINK) -pthread
tests_vm_clients_interrupts_LDADD = tests/vm/clients/libhandles.la

tests_vm_clients_irqrounds_SOURCES = tests/vm/clients/irqrounds.c
tests_vm_clients_irqrounds_CFLAGS = $(PROGRAM_FLAGS)
tests_vm_clients_irqrounds_LDFLAGS = $(PROGRAM_LINK) -pthread
tests_vm_clients_irqrounds_LDADD = tests/vm/clients/libhandles.la

tests_vm_clients_pcierrors_SOURCES = tests/vm/clients/pcierrors.c kmod/uapi/vfiod_pci.h
tests_vm_clients_pcierrors_CFLAGS = $(PROGRAM_FLAGS)
tests_vm_clients_pcierrors_LDFLAGS = $(PROGRAM_LINK) -pthread
tests_vm_clients_pcierrors_LDADD = tests/vm/clients/libhandles.la

tests_vm_clients_pcinode_SOURCES = tests/vm/clients/pcinode.c kmod/uapi/vfiod_pci.h
tests_vm_clients_pcinode_CFLAGS = $(PROGRAM_FLAGS)
tests_vm_clients_pcinode_LDFLAGS = $(PROGRAM_LINK) -pthread
tests_vm_clients_pcinode_LDADD = tests/vm/clients/libhandles.la

tests_vm_clients_pcihuge_SOURCES = tests/vm/clients/pcihuge.c
tests_vm_clients_pcihuge_CFLAGS = $(PROGRAM_FLAGS)
tests_vm_clients_pcihuge_LDFLAGS = $(PROGRAM_LINK) -pthread
tests_vm_clients_pcihuge_LDADD = tests/vm/clients/libhandles.la

tests_vm_clients_pciprobe_SOURCES = tests/vm/clients/pciprobe.c
tests_vm_clients_pciprobe_CFLAGS = $(PROGRAM_FLAGS)
tests_vm_clients_pciprobe_LDFLAGS = $(PROGRAM_LINK) -pthread
tests_vm_clients_pciprobe_LDADD = tests/vm/clients/libhandles.la

tests_vm_clients_pcislot_SOURCES = tests/vm/clients/pcislot.c
tests_vm_clients_pcislot_CFLAGS = $(PROGRAM_FLAGS)
tests_vm_clients_pcislot_LDFLAGS = $(PROGRAM_LINK) -pthread
tests_vm_clients_pcislot_LDADD = tests/vm/clients/libhandles.la

tests_vm_clients_pcifaults_SOURCES = tests/vm/clients/pcifaults.c
tests_vm_clients_pcifaults_CFLAGS = $(PROGRAM_FLAGS)
tests_vm_clients_pcifaults_LDFLAGS = $(PROGRAM_LINK) -pthread
tests_vm_clients_pcifaults_LDADD = tests/vm/clients/libhandles.la

noinst_PROGRAMS += tests/vm/clients/replay
tests_vm_clients_replay_SOURCES = tests/vm/clients/replay.c tests/vm/clients/owned.c tests/vm/clients/owned.h
tests_vm_clients_replay_CFLAGS = $(PROGRAM_FLAGS)
tests_vm_clients_replay_LDFLAGS = $(PROGRAM_LINK)
tests_vm_clients_replay_LDADD = tests/vm/clients/libhandles.la libpcicfg/libpcicfg-all.la

noinst_PROGRAMS += tests/vm/clients/pcicost
tests_vm_clients_pcicost_SOURCES = tests/vm/clients/pcicost.c
tests_vm_clients_pcicost_CFLAGS = $(PROGRAM_FLAGS)
tests_vm_clients_pcicost_LDFLAGS = $(PROGRAM_LINK) -pthread
tests_vm_clients_pcicost_LDADD = tests/vm/clients/libhandles.la
