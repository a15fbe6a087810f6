/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libFuzzer on what people write of a function: its address, the path to it, a serial number.
 *
 * What is taken for one of these means what it says: written again it is the same, but for the ways of writing that
 * there are.  What is not taken leaves all as it was.
 */
#include "proto/address.h"
#include "tests/fuzz/want.h"
#include "vfiod/serial.h"
#include "vfiod/topology.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define UNTOUCHED 0x5555555555555555ull

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void lower(char *text)
{
	for (; *text; text++)
		*text = (char)tolower((unsigned char)*text);
}

/* The address as vfiod writes it: in small letters, a domain of four digits or as many as it takes. */
static void spell(const char *text, char *spelled, size_t room)
{
	const char *at = text;

	if (strlen(text) == strlen("00:00.0")) {
		snprintf(spelled, room, "0000:%s", text);
	} else {
		while (*at == '0' && strlen(at) > strlen("0000:00:00.0"))
			at++;
		snprintf(spelled, room, "%s", at);
	}
	lower(spelled);
}

static void try_address(const char *text)
{
	uint64_t address = UNTOUCHED;
	char formatted[PROTO_ADDRESS_LEN], spelled[32];

	if (proto_address_parse(text, &address)) {
		want(address == UNTOUCHED);
		return;
	}
	want(address <= PROTO_ADDRESS_LAST);
	spell(text, spelled, sizeof(spelled));
	want(!strcmp(proto_address_format(address, formatted), spelled));
}

static void try_number(uint64_t number)
{
	uint64_t address = number & PROTO_ADDRESS_LAST, parsed;
	char text[PROTO_ADDRESS_LEN];

	want(!proto_address_parse(proto_address_format(address, text), &parsed) && parsed == address);
}

static void try_path(const char *text)
{
	char path[TOPOLOGY_PATH_MAX], again[TOPOLOGY_PATH_MAX];
	uint64_t address;

	if (topology_parse(text, path)) {
		want(!path[0]);
		return;
	}
	want(!topology_parse(path, again) && !strcmp(path, again));
	/* one without a '/' is an address, and none that is none is a path */
	if (!strchr(text, '/'))
		want(!proto_address_parse(text, &address));
	want(strchr(path, '.'));
}

/* The same, found in the kernel's words: what it finds is a path to people, too. */
static void try_syspath(const char *text)
{
	char path[TOPOLOGY_PATH_MAX], again[TOPOLOGY_PATH_MAX];

	if (topology_of(text, path))
		want(!path[0]);
	else
		want(!topology_parse(path, again) && !strcmp(path, again));
}

static void try_serial(const char *text)
{
	uint64_t serial = UNTOUCHED;
	char written[32], as_read[24];

	if (serial_parse(text, &serial))
		return;
	want(serial != 0);
	for (int i = 0; i < 8; i++)
		sprintf(written + 3 * i, "%02x-", (unsigned)(serial >> (56 - 8 * i)) & 0xff);
	written[23] = '\0';
	snprintf(as_read, sizeof(as_read), "%s", text);
	lower(as_read);
	want(!strcmp(written, as_read));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	uint64_t number = 0;

	memcpy(text, data, size);
	text[size] = '\0';
	memcpy(&number, data, size < sizeof(number) ? size : sizeof(number));
	try_number(number);
	try_address(text);
	try_path(text);
	try_syspath(text);
	try_serial(text);
	free(text);
	return 0;
}
