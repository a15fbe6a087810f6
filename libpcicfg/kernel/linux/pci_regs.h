/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The machine's own: it includes nothing. configure found out where it is. */
#include PCI_REGS_H
