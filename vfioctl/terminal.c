/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vfioctl/terminal.h"

#include <langinfo.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* What a terminal that does not say is taken for: serial consoles report no size. */
#define USUAL_WIDTH 80

static const char *const tone_code[] = {
	[TONE_PLAIN] = "",	  [TONE_STRONG] = "\033[1m", [TONE_FAINT] = "\033[2m",
	[TONE_GOOD] = "\033[32m", [TONE_BUSY] = "\033[33m",  [TONE_BAD] = "\033[1;31m",
};

static bool wants_color(bool is_terminal, const char *color)
{
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");

	if (color && !strcmp(color, "always"))
		return true;
	if (!is_terminal || (color && !strcmp(color, "never")) || (no_color && *no_color))
		return false;
	return term && *term && strcmp(term, "dumb") != 0;
}

/* $COLUMNS counts wherever the output goes, as it does for ls(1) and ps(1). 0: as wide as it likes. */
static unsigned int width_of(int fd, bool is_terminal)
{
	const char *columns = getenv("COLUMNS");
	unsigned long asked = columns ? strtoul(columns, NULL, 10) : 0;
	struct winsize size;

	if (asked && asked <= USHRT_MAX)
		return (unsigned int)asked;
	if (!is_terminal)
		return 0;
	return !ioctl(fd, TIOCGWINSZ, &size) && size.ws_col ? size.ws_col : USUAL_WIDTH;
}

void terminal_look(FILE *out, const char *color, struct terminal *terminal)
{
	bool is_terminal = isatty(fileno(out));

	terminal->width = width_of(fileno(out), is_terminal);
	terminal->color = wants_color(is_terminal, color);
	terminal->utf8 = terminal_is_utf8();
}

bool terminal_is_utf8(void)
{
	return !strcmp(nl_langinfo(CODESET), "UTF-8");
}

const char *terminal_tone_on(const struct terminal *terminal, enum tone tone)
{
	return terminal->color ? tone_code[tone] : "";
}

const char *terminal_tone_off(const struct terminal *terminal, enum tone tone)
{
	return terminal->color && tone != TONE_PLAIN ? "\033[0m" : "";
}

static bool continues_character(unsigned char byte)
{
	return (byte & 0xc0) == 0x80;
}

unsigned int terminal_columns(const char *text)
{
	unsigned int columns = 0;

	for (; *text; text++)
		columns += !continues_character((unsigned char)*text);
	return columns;
}

/* Bytes of the UTF-8 character at @text (RFC 3629 §4), or 0 where there is none, or a control character. */
static size_t character_length(const unsigned char *text)
{
	size_t length = text[0] < 0xe0 ? 2 : text[0] < 0xf0 ? 3 : 4, i;

	if (text[0] < 0x80)
		return text[0] >= 0x20 && text[0] != 0x7f;
	if (text[0] < 0xc2 || text[0] > 0xf4)
		return 0;
	for (i = 1; i < length; i++) {
		if (!continues_character(text[i]))
			return 0;
	}
	/* C1 controls; overlong forms; surrogates; beyond U+10FFFF */
	if ((text[0] == 0xc2 && text[1] < 0xa0) || (text[0] == 0xe0 && text[1] < 0xa0) ||
	    (text[0] == 0xed && text[1] > 0x9f) || (text[0] == 0xf0 && text[1] < 0x90) ||
	    (text[0] == 0xf4 && text[1] > 0x8f))
		return 0;
	return length;
}

char *terminal_clean(char *text, bool utf8)
{
	const unsigned char *from = (const unsigned char *)text;
	char *to = text;

	while (*from) {
		size_t length = character_length(from);

		if (length == 1 || (length && utf8)) {
			memmove(to, from, length);
			to += length;
		} else {
			*to++ = '?';
		}
		from += length ? length : 1;
	}
	*to = '\0';
	return text;
}
