/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How many handles are in the module's table, with those that have ended and are not forgotten; or, with "leases", a
 * line for each device that has not ended, by what vfiod has noted with it: address, user and process of the client.
 */
#include "tests/vm/clients/broker.h"

#include "proto/address.h"

#include <endian.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void print_lease(const struct vfiod_handle_info *info)
{
	char address[PROTO_ADDRESS_LEN];
	uint64_t number;
	uint32_t pid;

	memcpy(&number, info->tag, sizeof(number));
	memcpy(&pid, info->tag + sizeof(number), sizeof(pid));
	printf("%s %u %u\n", proto_address_format(le64toh(number), address), info->uid, le32toh(pid));
}

int main(int argc, char **argv)
{
	struct vfiod_handle_info *entries;
	__u32 count = table_read(node_open(0), &entries);

	if (argc != 2 || strcmp(argv[1], "leases"))
		return printf("%u\n", count) < 0;
	for (__u32 i = 0; i < count; i++)
		if (entries[i].kind == VFIOD_HANDLE_DEVICE && entries[i].state != VFIOD_HANDLE_ENDED)
			print_lease(&entries[i]);
	free(entries);
	return 0;
}
