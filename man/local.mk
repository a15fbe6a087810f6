# SPDX-License-Identifier: GPL-2.0-or-later
dist_man_MANS += man/libpcicfg.3 man/libvfiodma.3 man/vfioctl.1 man/vfiod.8 \
	man/vfiod.conf.5 man/vfiod_handle.4 man/vfiod_pci.4
