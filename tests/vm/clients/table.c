/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How many handles are in the module's table, with those that have ended and are not forgotten; or, with "leases", a
 * line for each device that has not ended, by what vfiod has noted with it: address, user and process of the client.
 */
#include "tests/vm/clients/broker.h"

#include "proto/address.h"

#include <endian.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void print_lease(const struct vfiod_handle_info *info)
{
	char address[PROTO_ADDRESS_LEN];
	uint64_t number;
	uint32_t pid;

	memcpy(&number, info->tag, sizeof(number));
	memcpy(&pid, info->tag + sizeof(number), sizeof(pid));
	if (info->kind == VFIOD_HANDLE_DEVICE && info->state != VFIOD_HANDLE_ENDED)
		printf("%s %u %u\n", proto_address_format(le64toh(number), address), info->uid, le32toh(pid));
}

/* Who opens the node reads all of the table first. */
static int print_leases(int node)
{
	struct vfiod_handle_info infos[64];
	ssize_t size;

	while ((size = read(node, infos, sizeof(infos))) > 0)
		for (size_t i = 0; i < (size_t)size / sizeof(infos[0]); i++)
			print_lease(&infos[i]);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "leases"))
		return print_leases(node_open(O_NONBLOCK));
	printf("%u\n", table_count(node_open(0)));
	return 0;
}
