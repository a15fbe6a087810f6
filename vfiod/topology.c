/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vfiod/topology.h"

#include "proto/address.h"
#include "proto/vfiod_proto.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static int append(char path[TOPOLOGY_PATH_MAX], uint64_t address)
{
	size_t length = strlen(path), room = TOPOLOGY_PATH_MAX - length;
	char text[PROTO_ADDRESS_LEN];
	int n;

	if (length)
		n = snprintf(path + length, room, "/%02x.%x", (unsigned)(address >> 3) & 0x1f, (unsigned)address & 7);
	else
		n = snprintf(path, room, "%s", proto_address_format(address, text));
	return (size_t)n < room ? 0 : -ENAMETOOLONG;
}

/* Copies what stands before the next '/' or the end, as far as it fits, and says where the one behind it begins. */
static const char *take_component(const char *at, char *component, size_t size)
{
	size_t length = strcspn(at, "/");

	snprintf(component, size, "%.*s", (int)(length < size ? length : size), at);
	return at[length] ? at + length + 1 : NULL;
}

/* A host bridge's, "pci0000:00". */
static bool is_root_bus(const char *component)
{
	return !strncmp(component, "pci", 3) && strchr(component, ':');
}

int topology_of(const char *syspath, char path[TOPOLOGY_PATH_MAX])
{
	char component[PROTO_ADDRESS_LEN + 1]; /* what is cut off is no address even so */
	uint64_t address;
	int err = 0;

	path[0] = '\0';
	while (syspath && !err) {
		syspath = take_component(syspath, component, sizeof(component));
		/* there may be one below another: a controller's that has a domain of its own (VMD) */
		if (is_root_bus(component))
			path[0] = '\0';
		else if (!proto_address_parse(component, &address))
			err = append(path, address);
	}
	if (!err && !path[0])
		err = -EINVAL;
	if (err)
		path[0] = '\0';
	return err;
}

uint64_t topology_parent(const char *syspath)
{
	char component[PROTO_ADDRESS_LEN + 1];
	uint64_t address, last = VFIOD_NO_ADDRESS, parent = VFIOD_NO_ADDRESS;

	while (syspath) {
		syspath = take_component(syspath, component, sizeof(component));
		if (is_root_bus(component))
			last = VFIOD_NO_ADDRESS;
		else if (!proto_address_parse(component, &address)) {
			parent = last;
			last = address;
		}
	}
	return parent;
}

/* "00.0", on whichever bus */
static int parse_step(const char *component, uint64_t *address)
{
	char whole[32];

	snprintf(whole, sizeof(whole), "00:%s", component);
	return strlen(component) == strlen("00.0") ? proto_address_parse(whole, address) : -EINVAL;
}

int topology_parse(const char *text, char path[TOPOLOGY_PATH_MAX])
{
	char component[PROTO_ADDRESS_LEN + 1];
	uint64_t address = 0;
	int err = 0;

	path[0] = '\0';
	while (text && !err) {
		text = take_component(text, component, sizeof(component));
		err = path[0] ? parse_step(component, &address) : proto_address_parse(component, &address);
		if (!err)
			err = append(path, address);
	}
	if (err)
		path[0] = '\0';
	return err;
}
