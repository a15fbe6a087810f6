# SPDX-License-Identifier: GPL-2.0-or-later
systemdsystemunit_DATA = contrib/systemd/vfiod.service contrib/systemd/vfiod.socket contrib/systemd/vfiod-admin.socket
modulesloaddir = $(prefix)/lib/modules-load.d
sysusersdir = $(prefix)/lib/sysusers.d
tmpfilesdir = $(prefix)/lib/tmpfiles.d
udevrulesdir = $(prefix)/lib/udev/rules.d
dist_udevrules_DATA = contrib/systemd/60-vfiod.rules
vfiodconfdir = $(sysconfdir)/vfiod

EXTRA_DIST += contrib/systemd/vfiod.service.in contrib/systemd/vfiod.socket.in contrib/systemd/vfiod-admin.socket.in \
	contrib/systemd/vfiod-modules.conf contrib/systemd/vfiod.sysusers contrib/systemd/vfiod.tmpfiles.in \
	contrib/apparmor/usr.sbin.vfiod contrib/vfiod.conf
noinst_DATA = contrib/systemd/vfiod.tmpfiles
CLEANFILES += $(systemdsystemunit_DATA) contrib/systemd/vfiod.tmpfiles

contrib/systemd/%: contrib/systemd/%.in Makefile
	$(AM_V_GEN)$(MKDIR_P) contrib/systemd && \
	$(SED) -e 's|@sbindir[@]|$(sbindir)|g' \
		-e 's|@vfiod_runtimedir[@]|$(vfiod_runtimedir)|g' -e 's|@vfiod_runtimename[@]|$(vfiod_runtimename)|g' \
		-e 's|@vfiod_statedir[@]|$(vfiod_statedir)|g' -e 's|@vfiod_statename[@]|$(vfiod_statename)|g' $< >$@

# The administrator's own vfiod.conf is never overwritten.
install-data-hook:
	$(MKDIR_P) '$(DESTDIR)$(modulesloaddir)' '$(DESTDIR)$(sysusersdir)' '$(DESTDIR)$(tmpfilesdir)' \
		'$(DESTDIR)$(vfiodconfdir)/conf.d'
	$(INSTALL_DATA) '$(srcdir)/contrib/systemd/vfiod.sysusers' '$(DESTDIR)$(sysusersdir)/vfiod.conf'
	$(INSTALL_DATA) contrib/systemd/vfiod.tmpfiles '$(DESTDIR)$(tmpfilesdir)/vfiod.conf'
	$(INSTALL_DATA) '$(srcdir)/contrib/systemd/vfiod-modules.conf' '$(DESTDIR)$(modulesloaddir)/vfiod.conf'
	test -e '$(DESTDIR)$(vfiodconfdir)/vfiod.conf' || \
		$(INSTALL_DATA) '$(srcdir)/contrib/vfiod.conf' '$(DESTDIR)$(vfiodconfdir)/vfiod.conf'

uninstall-hook:
	rm -f '$(DESTDIR)$(modulesloaddir)/vfiod.conf' '$(DESTDIR)$(sysusersdir)/vfiod.conf' \
		'$(DESTDIR)$(tmpfilesdir)/vfiod.conf'
	cmp -s '$(srcdir)/contrib/vfiod.conf' '$(DESTDIR)$(vfiodconfdir)/vfiod.conf' && \
		rm -f '$(DESTDIR)$(vfiodconfdir)/vfiod.conf' || :
	-rmdir '$(DESTDIR)$(vfiodconfdir)/conf.d' '$(DESTDIR)$(vfiodconfdir)' 2>/dev/null
