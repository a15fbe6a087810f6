/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLIENTS_CLIENT_H
#define CLIENTS_CLIENT_H

#include "tests/vm/clients/actor.h"
#include "tests/vm/clients/broker.h"

/* A client of an edu that is had by handles: what actor_ask() can have it do. */

#define ALICE	     1001
#define BOB	     1002
#define PAGE	     4096u
#define OLD_IOVA     0xdea0000u /* scenarios declare faults of DMA that still goes here after a revocation */
#define NEW_IOVA     0x0010000u
#define PATIENCE_MS  20000
#define TIME_LIMIT   10000 /* of REVOKE */
#define HOPELESS_IRQ 300   /* ms in which an interrupt that must not come would have come */

struct client {
	struct lease lease;
	volatile void *bar;
	unsigned char *memory; /* two pages */
	int irq;	       /* eventfd */
};

/** my - of the process that is the client; client_start() begins it. */
extern struct client my;

/** client_start() - a process of user @uid that has the two files of @lease, which are closed here. */
struct actor client_start(struct lease *lease, uid_t uid);

/** facts() - all that can be asked of a device file, as one number. */
long facts(int device);

/* Each takes one argument, which most have no use for, and gives 0 for success unless its name asks a question: then 1
 * or 0. -SIGBUS: an access to the BAR gave that; another negative number is an errno. */
long facts_of_handle(long unused);
long config_keeps_what_is_written(long unused);
long map_bar(long unused);
long unmap_bar(long unused);
long bar_answers(long unused);
long bar_answers_in_a_fork(long unused);
long fork_off(long unused); /* its pid; ask_fork(): bar_answers() there */
long ask_fork(long unused);
long command(long bits); /* of COMMAND: those to set, and << 16 those to clear */
long map_memory(long iova);
long fill_memory(long byte);
long memory_is_all(long byte);
long dma_round_trip(long iova);
long dma_fetch(long iova); /* back to the first page, what a round trip has left in the device */
long start_transfer(long iova);
long enable_irq(long index);
long raise_irq(long unused);
long irq_arrives(long timeout_ms);
long acknowledge(long unused);
long intx_works(long unused);
long msi_works(long unused);
long reset(long unused);
long calls_are_refused(long unused);
long wait_for_hangup(long unused);
long close_device(long unused);
long close_container(long unused);

#endif
