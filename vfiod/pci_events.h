/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIOD_PCI_EVENTS_H
#define VFIOD_PCI_EVENTS_H

#include <stdint.h>

struct daemon;
struct device;
struct pci_events;

/*
 * What happens to the functions of vfiod_pci(4), which tells it through its node: errors and their recovery, removal,
 * suspend.  Each event goes to the client that has the lease; what the kernel wants an answer to is answered by that
 * client (ANSWER, whose handler is here), or by us at once where there is none that could.
 */

/**
 * pci_events_new() - read the events from the loop.
 * @node: open on the module's node, non-blocking; closed by pci_events_free(), and by nobody on error
 *
 * Return: 0 or -ENOMEM.
 */
int pci_events_new(struct daemon *daemon, int node, struct pci_events **events);

void pci_events_free(struct pci_events *events);

/**
 * pci_events_follow() - have the module's node open as long as it has functions, and no longer: it can be unloaded
 * then.
 *
 * To be called when a function has got another driver.
 */
void pci_events_follow(struct daemon *daemon);

/** pci_events_settle() - the lease of @device ends, or its client is gone: what is not answered yet is now, by us. */
void pci_events_settle(struct daemon *daemon, struct device *device);

/** pci_events_client_gone() - the same for all leases of a connection of @uid, by its number. */
void pci_events_client_gone(struct daemon *daemon, uint32_t uid, uint64_t serial);

#endif
