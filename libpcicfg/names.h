/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef PCICFG_NAMES_H
#define PCICFG_NAMES_H

#include "libpcicfg/pcicfg_people.h"

/** pcicfg_names() - the registers that a table has rows for. */
const struct pcicfg_register *pcicfg_names(unsigned int table, size_t *count);

/** pcicfg_names_without_table() - the first registers of a known capability that is hidden, or read-only as a whole. */
const struct pcicfg_register *pcicfg_names_without_table(bool is_extended, unsigned int id, size_t *count);

#endif
