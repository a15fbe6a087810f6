/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIOD_CONFIG_TEXT_H
#define VFIOD_CONFIG_TEXT_H

#include "vfiod/failure.h"

/**
 * config_text_read() - read a configuration file for libconfuse.
 *
 * Three things that libconfuse 3.3 gets wrong are kept from it: it counts lines twice where a comment ends, it takes
 * the end of the file for the end of a section and of a comment, and it ends the process over a file that cannot be
 * read.
 *
 * @text: the file with its comments blanked out, so that every line keeps its number; the caller's to free
 *
 * Return: 0, or a negative errno with file, line and what is wrong there in @failure.
 */
int config_text_read(const char *path, char **text, struct failure *failure);

#endif
