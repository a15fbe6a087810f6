# SPDX-License-Identifier: LGPL-2.1-or-later
include_HEADERS += libvfiodma/vfiodma.h
pkgconfig_DATA += libvfiodma/libvfiodma.pc
EXTRA_DIST += libvfiodma/libvfiodma.map

# All of the library, with its inner functions to be seen: unit tests link this.
noinst_LTLIBRARIES += libvfiodma/libvfiodma-all.la
libvfiodma_libvfiodma_all_la_SOURCES = \
	libvfiodma/admin.c \
	libvfiodma/device.c libvfiodma/device.h \
	libvfiodma/domain.c \
	libvfiodma/errors.c libvfiodma/errors.h \
	libvfiodma/events.c libvfiodma/events.h \
	libvfiodma/iova.c libvfiodma/iova.h \
	libvfiodma/irq.c \
	libvfiodma/kernel_info.c libvfiodma/kernel_info.h \
	libvfiodma/lease.c libvfiodma/lease.h \
	libvfiodma/list.c \
	libvfiodma/pool.c \
	libvfiodma/session.c libvfiodma/session.h \
	libvfiodma/stats.c \
	libvfiodma/type1.c libvfiodma/type1.h
libvfiodma_libvfiodma_all_la_CPPFLAGS = $(AM_CPPFLAGS) -DVFIOD_RUNTIMEDIR='"$(vfiod_runtimedir)"'
libvfiodma_libvfiodma_all_la_CFLAGS = $(AM_CFLAGS) -pthread
libvfiodma_libvfiodma_all_la_LIBADD = proto/libproto.la

# current:revision:age.  A change of the code: revision + 1.  New functions: current + 1, 0, age + 1.  A function that
# goes or changes gets a new symbol version in libvfiodma.map, and the old one stays.
lib_LTLIBRARIES += libvfiodma/libvfiodma.la
libvfiodma_libvfiodma_la_SOURCES =
libvfiodma_libvfiodma_la_LIBADD = libvfiodma/libvfiodma-all.la
libvfiodma_libvfiodma_la_LDFLAGS = $(AM_LDFLAGS) -pthread -version-info 0:0:0 \
	-Wl,--version-script=$(top_srcdir)/libvfiodma/libvfiodma.map
EXTRA_libvfiodma_libvfiodma_la_DEPENDENCIES = $(top_srcdir)/libvfiodma/libvfiodma.map

# The examples: built to be run, and as text to be copied.
examplesdir = $(libexecdir)/vfiod/examples
examples_PROGRAMS = libvfiodma/examples/edu libvfiodma/examples/nvme-identify
exampledocdir = $(docdir)/examples
dist_exampledoc_DATA = libvfiodma/examples/edu.c libvfiodma/examples/nvme-identify.c

libvfiodma_examples_edu_SOURCES = libvfiodma/examples/edu.c
libvfiodma_examples_edu_CPPFLAGS = -I$(top_srcdir)/libvfiodma
libvfiodma_examples_edu_CFLAGS = $(PROGRAM_FLAGS)
libvfiodma_examples_edu_LDFLAGS = $(PROGRAM_LINK)
libvfiodma_examples_edu_LDADD = libvfiodma/libvfiodma.la

libvfiodma_examples_nvme_identify_SOURCES = libvfiodma/examples/nvme-identify.c
libvfiodma_examples_nvme_identify_CPPFLAGS = -I$(top_srcdir)/libvfiodma
libvfiodma_examples_nvme_identify_CFLAGS = $(PROGRAM_FLAGS)
libvfiodma_examples_nvme_identify_LDFLAGS = $(PROGRAM_LINK)
libvfiodma_examples_nvme_identify_LDADD = libvfiodma/libvfiodma.la
