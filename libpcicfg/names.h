/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef PCICFG_NAMES_H
#define PCICFG_NAMES_H

#include "libpcicfg/pcicfg_people.h"

/** pcicfg_names() - the registers that a table has rows for. */
const struct pcicfg_register *pcicfg_names(unsigned int table, size_t *count);

#endif
