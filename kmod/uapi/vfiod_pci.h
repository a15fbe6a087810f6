/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
#ifndef _UAPI_VFIOD_PCI_H
#define _UAPI_VFIOD_PCI_H

#include <linux/types.h>

/**
 * DOC: /dev/vfiod-pci, what happens to the functions of the driver vfiod-pci
 *
 * For root (CAP_SYS_ADMIN). read() gives as many whole struct vfiod_pci_event as there are and fit,
 * and waits for one (EAGAIN with O_NONBLOCK); poll() says when. Every opener gets every event from
 * its open on.
 *
 * An event with an id waits for an answer, a struct vfiod_pci_answer by write(), as long as it
 * says; without one, and with no opener, the driver goes on as if it had been VFIOD_PCI_GO_ON.
 */

/**
 * enum vfiod_pci_event_kind - what happened
 * @VFIOD_PCI_LOST: this opener has not read for too long, and events are missing here
 * @VFIOD_PCI_ERROR: the function reported an error, detail says how bad (enum vfiod_pci_channel).
 *	The answer may ask for a reset. In a channel that is not normal BARs give SIGBUS
 * @VFIOD_PCI_RESET: it has been reset, its registers are accessible. Bus mastering is off
 * @VFIOD_PCI_RESUMED: errors are over
 * @VFIOD_PCI_REMOVAL: somebody waits for the function: it is unbound, or pulled out. Its users
 *	should close it
 * @VFIOD_PCI_SUSPEND: the machine is about to sleep, and the function loses its state. The answer
 *	says that all is saved
 * @VFIOD_PCI_WOKEN: it is awake again
 */
enum vfiod_pci_event_kind {
	VFIOD_PCI_LOST = 1,
	VFIOD_PCI_ERROR,
	VFIOD_PCI_RESET,
	VFIOD_PCI_RESUMED,
	VFIOD_PCI_REMOVAL,
	VFIOD_PCI_SUSPEND,
	VFIOD_PCI_WOKEN,
};

/* pci_channel_state_t of linux/pci.h. */
enum vfiod_pci_channel {
	VFIOD_PCI_CHANNEL_NORMAL = 1,
	VFIOD_PCI_CHANNEL_FROZEN,
	VFIOD_PCI_CHANNEL_DEAD,
};

/**
 * struct vfiod_pci_event - one event
 * @size: of this struct
 * @kind: enum vfiod_pci_event_kind
 * @id: for the answer; 0: none is waited for
 * @domain: of the function's address
 * @bus: likewise
 * @devfn: device and function: PCI_SLOT(), PCI_FUNC()
 * @zero: 0
 * @detail: see the kinds
 * @time_ms: for the answer
 */
struct vfiod_pci_event {
	__u32 size;
	__u32 kind;
	__aligned_u64 id;
	__u32 domain;
	__u8 bus;
	__u8 devfn;
	__u16 zero;
	__u32 detail;
	__u32 time_ms;
};

/**
 * enum vfiod_pci_verdict - an answer, which counts for this function alone
 * @VFIOD_PCI_GO_ON: to an error: the user can go on; to a reset: the function works; to a suspend:
 *	all is saved
 * @VFIOD_PCI_NEED_RESET: to an error: the function has to be reset
 * @VFIOD_PCI_GIVE_UP: the function is not to be used any more: it is reset, and its BARs give
 *	SIGBUS
 */
enum vfiod_pci_verdict {
	VFIOD_PCI_GO_ON = 1,
	VFIOD_PCI_NEED_RESET,
	VFIOD_PCI_GIVE_UP,
};

/**
 * struct vfiod_pci_answer - the answer to an event that waits for one
 * @size: of this struct
 * @verdict: enum vfiod_pci_verdict
 * @id: of the event
 *
 * write() gives EINVAL for another size or verdict, ENOENT when nobody waits for it any more.
 */
struct vfiod_pci_answer {
	__u32 size;
	__u32 verdict;
	__aligned_u64 id;
};

#endif
