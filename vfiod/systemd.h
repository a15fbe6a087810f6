/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIOD_SYSTEMD_H
#define VFIOD_SYSTEMD_H

#include <stdint.h>

/*
 * What a service manager and its service say to each other: sd_notify(3) and sd_listen_fds(3), of which a daemon needs
 * these few lines.  Without a service manager the environment has none of it, and nothing happens.
 */

/**
 * systemd_notify() - tell the service manager, if there is one.
 * @format: of lines "NAME=value" as sd_notify(3) has them
 *
 * It never blocks: what the manager's socket has no room for is lost, and the next thing said follows soon.
 */
void systemd_notify(const char *format, ...) __attribute__((format(printf, 1, 2)));

/**
 * systemd_socket() - the listening AF_UNIX, SOCK_SEQPACKET socket that we were started with under this name.
 * Return: its descriptor, close-on-exec; or -1.
 */
int systemd_socket(const char *name);

/**
 * systemd_watchdog() - the time in which the service manager wants to hear "WATCHDOG=1".
 * Return: microseconds, or 0: it does not want to.
 */
uint64_t systemd_watchdog(void);

#endif
