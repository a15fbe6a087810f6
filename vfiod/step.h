/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIOD_STEP_H
#define VFIOD_STEP_H

#include "vfiod/state.h"

struct daemon;
struct device;
struct job;

/*
 * How a function goes from one state to the next: the only way, but for what saved.c finds of the vfiod before.
 */

/**
 * step_take() - @event happens to @device, which the state table lets it.
 *
 * Where the journal is to have something else of the function now, it is written: what there is to say of it, beside
 * its state, is set before.
 *
 * Return: what is to be done now.
 */
enum state_action step_take(struct daemon *daemon, struct device *device, enum state_event event);

/**
 * step_try() - the same, for what is not to be begun when it cannot be written down.
 *
 * Return: 0, or a negative errno of the journal: the function is in the state that it was in.
 */
int step_try(struct daemon *daemon, struct device *device, enum state_event event);

/**
 * step_ahead() - the same, for what the next vfiod finds elsewhere: the journal is told by saved_note(), later.
 */
void step_ahead(struct device *device, enum state_event event);

/**
 * step_start() - as step_try(), where what is to be done is a worker's: has it begin.
 *
 * Return: 0, or a negative errno (the journal could not be written): neither of @job's functions is called, and the
 * function is in the state that it was in.  The end of a lease (EVENT_CLOSED) does not fail.
 */
int step_start(struct daemon *daemon, struct device *device, enum state_event event, struct job *job);

#endif
