# SPDX-License-Identifier: GPL-2.0-or-later
noinst_LTLIBRARIES += vfiod/libvfiod.la
vfiod_libvfiod_la_SOURCES = \
	vfiod/assign.c vfiod/assign.h \
	vfiod/bind.c vfiod/bind.h \
	vfiod/claims.c vfiod/claims.h \
	vfiod/clean.c vfiod/clean.h \
	vfiod/clock.c vfiod/clock.h \
	vfiod/companion.c vfiod/companion.h \
	vfiod/config.c vfiod/config.h \
	vfiod/config_text.c vfiod/config_text.h \
	vfiod/daemon.c vfiod/daemon.h \
	vfiod/decide.c vfiod/decide.h \
	vfiod/device.c vfiod/device.h \
	vfiod/driver.c vfiod/driver.h \
	vfiod/facts.c vfiod/facts.h \
	vfiod/failure.c vfiod/failure.h \
	vfiod/group.c vfiod/group.h \
	vfiod/handles.c vfiod/handles.h \
	vfiod/holder.c vfiod/holder.h \
	vfiod/hotplug.c vfiod/hotplug.h \
	vfiod/interrupts.c vfiod/interrupts.h \
	vfiod/inuse.c vfiod/inuse.h \
	vfiod/isolation.c vfiod/isolation.h \
	vfiod/journal.c vfiod/journal.h \
	vfiod/kept.c vfiod/kept.h \
	vfiod/lease.c vfiod/lease.h \
	vfiod/limits.c vfiod/limits.h \
	vfiod/log.c vfiod/log.h \
	vfiod/memlock.c vfiod/memlock.h \
	vfiod/metrics.c vfiod/metrics.h \
	vfiod/numa.c vfiod/numa.h \
	vfiod/numvfs.c vfiod/numvfs.h \
	vfiod/pci_events.c vfiod/pci_events.h \
	vfiod/peer.c vfiod/peer.h \
	vfiod/policy.c vfiod/policy.h \
	vfiod/pool.c \
	vfiod/reconcile.c vfiod/reconcile.h \
	vfiod/reload.c vfiod/reload.h \
	vfiod/request.c vfiod/request.h \
	vfiod/restore.c vfiod/restore.h \
	vfiod/revoke.c vfiod/revoke.h \
	vfiod/saved.c vfiod/saved.h \
	vfiod/seccomp.c vfiod/seccomp.h \
	vfiod/serial.c vfiod/serial.h \
	vfiod/server.c vfiod/server.h \
	vfiod/space.c vfiod/space.h \
	vfiod/sriov.c vfiod/sriov.h \
	vfiod/state.c vfiod/state.h \
	vfiod/step.c vfiod/step.h \
	vfiod/sysfs.c vfiod/sysfs.h \
	vfiod/systemd.c vfiod/systemd.h \
	vfiod/terms.c vfiod/terms.h \
	vfiod/topology.c vfiod/topology.h \
	vfiod/vfio.c vfiod/vfio.h \
	vfiod/warm.c vfiod/warm.h \
	vfiod/watch.c vfiod/watch.h \
	vfiod/worker.c vfiod/worker.h
vfiod_libvfiod_la_CPPFLAGS = $(AM_CPPFLAGS) \
	-DVFIOD_SYSCONFDIR='"$(sysconfdir)"' \
	-DVFIOD_RUNTIMEDIR='"$(vfiod_runtimedir)"' \
	-DVFIOD_STATEDIR='"$(vfiod_statedir)"'
vfiod_libvfiod_la_CFLAGS = $(PROGRAM_FLAGS) -pthread \
	$(LIBEVENT_CFLAGS) $(LIBUDEV_CFLAGS) $(LIBCONFUSE_CFLAGS) $(SECCOMP_CFLAGS) $(ZLIB_CFLAGS)
vfiod_libvfiod_la_LIBADD = proto/libproto.la \
	$(LIBEVENT_LIBS) $(LIBUDEV_LIBS) $(LIBCONFUSE_LIBS) $(SECCOMP_LIBS) $(ZLIB_LIBS)

sbin_PROGRAMS += vfiod/vfiod
vfiod_vfiod_SOURCES = vfiod/main.c
vfiod_vfiod_CFLAGS = $(PROGRAM_FLAGS)
vfiod_vfiod_LDFLAGS = $(PROGRAM_LINK) -pthread
vfiod_vfiod_LDADD = vfiod/libvfiod.la
