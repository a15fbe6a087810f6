// SPDX-License-Identifier: GPL-2.0-only
/*
 * libpcicfg's engine, as it is in user space: one unit, so that the compiler sees through it where
 * every access passes.
 */
#include "libpcicfg/effects.c"
#include "libpcicfg/engine.c"
#include "libpcicfg/interrupts.c"
#include "libpcicfg/open.c"
#include "libpcicfg/quirks.c"
#include "libpcicfg/reset.c"
#include "libpcicfg/shape.c"
#include "libpcicfg/state.c"
#include "libpcicfg/tables.c"
#include "libpcicfg/tables_ext.c"
#include "libpcicfg/tables_header.c"
#include "libpcicfg/tables_std.c"
#include "libpcicfg/transfer.c"
#include "libpcicfg/walk.c"
