# SPDX-License-Identifier: LGPL-2.1-or-later
noinst_LTLIBRARIES += proto/libproto.la
proto_libproto_la_SOURCES = \
	proto/address.c proto/address.h \
	proto/conn.c proto/conn.h \
	proto/vfiod_proto.h proto/vfiod_stats.h
proto_libproto_la_CFLAGS = $(AM_CFLAGS)
