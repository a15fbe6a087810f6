/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "proto/address.h"

#include <errno.h>
#include <stddef.h>

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* Reads @min to @max hexadecimal digits and the character @end behind them; NULL where they are not there. */
static const char *take_field(const char *text, int min, int max, char end, uint64_t *value)
{
	uint64_t sum = 0;
	int n;

	for (n = 0; n < max && hex_digit(text[n]) >= 0; n++)
		sum = sum << 4 | (uint64_t)hex_digit(text[n]);
	if (n < min || text[n] != end)
		return NULL;
	*value = sum;
	return end ? text + n + 1 : text + n;
}

int proto_address_parse(const char *text, uint64_t *address)
{
	uint64_t domain = 0, bus, slot, function;
	const char *rest = take_field(text, 4, 8, ':', &domain);

	text = rest ? rest : text;
	text = take_field(text, 2, 2, ':', &bus);
	if (text)
		text = take_field(text, 2, 2, '.', &slot);
	if (text)
		text = take_field(text, 1, 1, '\0', &function);
	if (!text || slot > 0x1f || function > 7)
		return -EINVAL;
	*address = domain << 16 | bus << 8 | slot << 3 | function;
	return 0;
}

/* The last @count hexadecimal digits of @value. Return: what is behind them. */
static char *put_digits(char *to, uint64_t value, int count)
{
	while (count--)
		*to++ = "0123456789abcdef"[value >> 4 * count & 0xf];
	return to;
}

const char *proto_address_format(uint64_t address, char text[PROTO_ADDRESS_LEN])
{
	uint64_t domain = address >> 16 & 0xffffffff;
	int digits = 4;
	char *to;

	while (digits < 8 && domain >> 4 * digits)
		digits++;
	to = put_digits(text, domain, digits);
	*to++ = ':';
	to = put_digits(to, address >> 8 & 0xff, 2);
	*to++ = ':';
	to = put_digits(to, address >> 3 & 0x1f, 2);
	*to++ = '.';
	*put_digits(to, address & 7, 1) = '\0';
	return text;
}
