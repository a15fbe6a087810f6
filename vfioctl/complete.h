/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIOCTL_COMPLETE_H
#define VFIOCTL_COMPLETE_H

#include "vfioctl/failure.h"

#include <stdio.h>

/**
 * complete_words() - what may follow on a command line, one word a line, for the shells' completion.
 * @words: what stands between "vfioctl" and the word to be completed
 *
 * Return: STATUS_OK: with nobody to tell an error to, there are just no words.
 */
enum exit_status complete_words(int count, char **words, FILE *out);

#endif
