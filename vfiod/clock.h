/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIOD_CLOCK_H
#define VFIOD_CLOCK_H

#include <stdint.h>

/** clock_ms() - a clock that goes on over a restart of vfiod, and stands still while the machine sleeps. */
uint64_t clock_ms(void);

#endif
