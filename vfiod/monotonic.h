/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIOD_MONOTONIC_H
#define VFIOD_MONOTONIC_H

#include <stdint.h>

/** monotonic_us() - microseconds by the clock that only goes forward (CLOCK_MONOTONIC). */
uint64_t monotonic_us(void);

#endif
