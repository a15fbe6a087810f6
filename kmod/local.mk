# SPDX-License-Identifier: GPL-2.0-or-later
# The modules are built for a kernel by "make -C kmod" or by DKMS; here their sources are installed for the latter, in
# the tree's own layout, and the header of /dev/vfiod.
include_HEADERS += kmod/uapi/vfiod_handle.h
EXTRA_DIST += build-aux/kmod

kmodsrcdir = $(prefix)/src/$(PACKAGE)-$(PACKAGE_VERSION)
nodist_kmodsrc_DATA = kmod/dkms.conf
nobase_dist_kmodsrc_DATA = \
	kmod/Kbuild \
	kmod/Makefile \
	kmod/compat.h \
	kmod/uapi/vfiod_handle.h \
	kmod/vfiod_handle/Kbuild \
	kmod/vfiod_handle/control.c \
	kmod/vfiod_handle/handle.c \
	kmod/vfiod_handle/handle.h \
	kmod/vfiod_handle/mapping.c \
	kmod/vfiod_handle/trace.h
