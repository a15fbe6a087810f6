/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIOCTL_TERMINAL_H
#define VFIOCTL_TERMINAL_H

#include <stdbool.h>
#include <stdio.h>

/* What can be shown where the output goes. */
struct terminal {
	unsigned int width; /* columns; 0: as wide as it takes */
	bool color;
	bool utf8;
};

/* How a text stands out. */
enum tone {
	TONE_PLAIN,
	TONE_STRONG,
	TONE_FAINT,
	TONE_GOOD,
	TONE_BUSY,
	TONE_BAD,
};

/**
 * terminal_look() - find out what @out can show.
 * @color: "always", "never", or anything else for: on a terminal, unless $NO_COLOR or $TERM is against it
 */
void terminal_look(FILE *out, const char *color, struct terminal *terminal);

/** terminal_is_utf8() - whether the locale's character set is UTF-8. */
bool terminal_is_utf8(void);

/** terminal_tone_on() - what switches to a tone, and back: empty where there is no colour. */
const char *terminal_tone_on(const struct terminal *terminal, enum tone tone);
const char *terminal_tone_off(const struct terminal *terminal, enum tone tone);

/** terminal_columns() - how many columns a text takes, one for each character of UTF-8. */
unsigned int terminal_columns(const char *text);

/**
 * terminal_clean() - make a text of unknown origin (a process chooses its name) fit for a terminal and for JSON.
 * @text: changed in place: '?' for every control character and every byte that is not UTF-8
 * @utf8: false: also for every character beyond ASCII
 *
 * Return: @text.
 */
char *terminal_clean(char *text, bool utf8);

#endif
