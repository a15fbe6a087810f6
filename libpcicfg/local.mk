# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
pcicfgincludedir = $(includedir)
pcicfginclude_HEADERS = libpcicfg/pcicfg.h libpcicfg/pcicfg_people.h
pkgconfig_DATA += libpcicfg/libpcicfg.pc

# The engine and its tables: the files that are compiled into the kernel, too.
PCICFG_ENGINE = \
	libpcicfg/effects.c \
	libpcicfg/engine.c libpcicfg/engine.h \
	libpcicfg/interrupts.c \
	libpcicfg/open.c \
	libpcicfg/pcicfg.h \
	libpcicfg/port.h \
	libpcicfg/quirks.c \
	libpcicfg/regs.h \
	libpcicfg/reset.c \
	libpcicfg/shape.c \
	libpcicfg/state.c \
	libpcicfg/tables.c libpcicfg/tables.h \
	libpcicfg/tables_ext.c \
	libpcicfg/tables_header.c \
	libpcicfg/tables_std.c \
	libpcicfg/transfer.c \
	libpcicfg/walk.c

# For people: user space only.
PCICFG_PEOPLE = \
	libpcicfg/dump.c \
	libpcicfg/names.c libpcicfg/names.h \
	libpcicfg/pcicfg_people.h \
	libpcicfg/people.c \
	libpcicfg/sysfs.c

# All of the library, with its inner functions to be seen: unit tests link this.
noinst_LTLIBRARIES += libpcicfg/libpcicfg-all.la
libpcicfg_libpcicfg_all_la_SOURCES = $(PCICFG_ENGINE) $(PCICFG_PEOPLE)
libpcicfg_libpcicfg_all_la_CFLAGS = $(AM_CFLAGS)

# current:revision:age, see libvfiodma/local.mk.
lib_LTLIBRARIES += libpcicfg/libpcicfg.la
libpcicfg_libpcicfg_la_SOURCES =
libpcicfg_libpcicfg_la_LIBADD = libpcicfg/libpcicfg-all.la
libpcicfg_libpcicfg_la_LDFLAGS = $(AM_LDFLAGS) -version-info 0:0:0 \
	-Wl,--version-script=$(top_srcdir)/libpcicfg/libpcicfg.map
EXTRA_libpcicfg_libpcicfg_la_DEPENDENCIES = $(top_srcdir)/libpcicfg/libpcicfg.map
EXTRA_DIST += libpcicfg/libpcicfg.map

# The same files as a kernel module has them: the kernel's flags, none of libc's headers. Nothing links it; a build
# that makes it has shown that the engine stands on its own.
PCICFG_SHIM = \
	libpcicfg/kernel/asm/byteorder.h \
	libpcicfg/kernel/linux/bitops.h \
	libpcicfg/kernel/linux/errno.h \
	libpcicfg/kernel/linux/kernel.h \
	libpcicfg/kernel/linux/pci_regs.h \
	libpcicfg/kernel/linux/string.h \
	libpcicfg/kernel/linux/types.h
noinst_LIBRARIES += libpcicfg/libpcicfg-kernel.a
libpcicfg_libpcicfg_kernel_a_SOURCES = $(PCICFG_ENGINE) $(PCICFG_SHIM)
libpcicfg_libpcicfg_kernel_a_CPPFLAGS = -nostdinc -D__KERNEL__ -DPCI_REGS_H='"$(PCI_REGS_H)"' \
	-I$(top_srcdir)/libpcicfg/kernel -I$(top_srcdir)
libpcicfg_libpcicfg_kernel_a_CFLAGS = -std=gnu11 $(WARN_CFLAGS) $(KERNEL_CFLAGS)

# The policy, register by register, as a manual page: from the tables.
noinst_PROGRAMS += man/policy-page
man_policy_page_SOURCES = man/policy_page.c
man_policy_page_CFLAGS = $(PROGRAM_FLAGS)
man_policy_page_LDFLAGS = $(PROGRAM_LINK)
man_policy_page_LDADD = libpcicfg/libpcicfg-all.la
nodist_man_MANS += man/pcicfg-policy.7
CLEANFILES += man/pcicfg-policy.7

man/pcicfg-policy.7: man/policy-page$(EXEEXT)
	$(AM_V_GEN)$(MKDIR_P) man && man/policy-page >$@.new && mv $@.new $@
