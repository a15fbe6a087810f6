# SPDX-License-Identifier: GPL-2.0-or-later
# The modules are built for a kernel by "make -C kmod" or by DKMS; here their sources are installed for the latter, in
# the tree's own layout, and the headers of /dev/vfiod and /dev/vfiod-pci.
include_HEADERS += kmod/uapi/vfiod_handle.h kmod/uapi/vfiod_pci.h
EXTRA_DIST += build-aux/kmod

kmodsrcdir = $(prefix)/src/$(PACKAGE)-$(PACKAGE_VERSION)
nodist_kmodsrc_DATA = kmod/dkms.conf
nobase_dist_kmodsrc_DATA = \
	kmod/Kbuild \
	kmod/Makefile \
	kmod/compat.h \
	kmod/uapi/vfiod_handle.h \
	kmod/uapi/vfiod_pci.h \
	kmod/vfiod_handle/Kbuild \
	kmod/vfiod_handle/control.c \
	kmod/vfiod_handle/handle.c \
	kmod/vfiod_handle/handle.h \
	kmod/vfiod_handle/mapping.c \
	kmod/vfiod_handle/trace.h \
	kmod/vfiod_pci/Kbuild \
	kmod/vfiod_pci/EDGE-CASES.md \
	kmod/vfiod_pci/bar.c \
	kmod/vfiod_pci/config.c \
	kmod/vfiod_pci/device.c \
	kmod/vfiod_pci/events.c \
	kmod/vfiod_pci/interrupts.c \
	kmod/vfiod_pci/main.c \
	kmod/vfiod_pci/mapping.c \
	kmod/vfiod_pci/pcicfg.c \
	kmod/vfiod_pci/power.c \
	kmod/vfiod_pci/trace.h \
	kmod/vfiod_pci/vfiod_pci.h \
	$(PCICFG_ENGINE)
