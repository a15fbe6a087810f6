/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How many handles are in the module's table, with those that have ended and are not forgotten. */
#include "tests/vm/clients/broker.h"

#include <stdio.h>

int main(void)
{
	printf("%u\n", table_count(node_open(0)));
	return 0;
}
