/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_FAILING_H
#define TESTS_FAILING_H

#include <stdint.h>

/* Shared by a program whose allocations are counted, and who says which of them fails. */
struct failing {
	uint64_t count; /* that there have been */
	uint64_t at;	/* the number of the one that fails */
};

#endif
