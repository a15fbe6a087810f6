# SPDX-License-Identifier: GPL-2.0-or-later
# All of vfioctl but main(), so that tests can link it.
noinst_LTLIBRARIES += vfioctl/libvfioctl.la
vfioctl_libvfioctl_la_SOURCES = \
	vfioctl/assign.c \
	vfioctl/command.c vfioctl/command.h \
	vfioctl/complete.c vfioctl/complete.h \
	vfioctl/config.c \
	vfioctl/config_view.c vfioctl/config_view.h \
	vfioctl/connect.c vfioctl/connect.h \
	vfioctl/failure.c vfioctl/failure.h \
	vfioctl/help.c vfioctl/help.h \
	vfioctl/holder.c vfioctl/holder.h \
	vfioctl/inventory.c vfioctl/inventory.h \
	vfioctl/json.c vfioctl/json.h \
	vfioctl/isolation.c vfioctl/isolation.h \
	vfioctl/list.c vfioctl/list.h \
	vfioctl/owner.c vfioctl/owner.h \
	vfioctl/parse.c vfioctl/parse.h \
	vfioctl/pcinames.c vfioctl/pcinames.h \
	vfioctl/pool.c vfioctl/pool.h \
	vfioctl/quarantine.c \
	vfioctl/release.c \
	vfioctl/reload.c \
	vfioctl/revoke.c vfioctl/revoke.h \
	vfioctl/show.c vfioctl/show.h \
	vfioctl/stats.c vfioctl/stats.h \
	vfioctl/table.c vfioctl/table.h \
	vfioctl/terminal.c vfioctl/terminal.h \
	vfioctl/why.c vfioctl/why.h
vfioctl_libvfioctl_la_CFLAGS = $(PROGRAM_FLAGS) $(LIBPCI_CFLAGS) $(JSONC_CFLAGS)
vfioctl_libvfioctl_la_LIBADD = libpcicfg/libpcicfg.la proto/libproto.la libvfiodma/libvfiodma.la $(LIBPCI_LIBS) $(JSONC_LIBS)

bin_PROGRAMS += vfioctl/vfioctl
vfioctl_vfioctl_SOURCES = vfioctl/main.c
vfioctl_vfioctl_CFLAGS = $(PROGRAM_FLAGS)
vfioctl_vfioctl_LDFLAGS = $(PROGRAM_LINK)
vfioctl_vfioctl_LDADD = vfioctl/libvfioctl.la

bashcompletiondir = $(datadir)/bash-completion/completions
dist_bashcompletion_DATA = contrib/completion/vfioctl
