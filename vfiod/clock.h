/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIOD_CLOCK_H
#define VFIOD_CLOCK_H

#include <stdint.h>

/** clock_us() - microseconds by a clock that goes on over a restart of vfiod, and stands still while the machine
 * sleeps. */
uint64_t clock_us(void);

/** clock_ms() - its milliseconds. */
uint64_t clock_ms(void);

#endif
