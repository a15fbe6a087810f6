/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIOD_SERIAL_H
#define VFIOD_SERIAL_H

#include <stdint.h>

/*
 * The serial number of a card (PCIe 6.0 §7.9.3, Device Serial Number), written as lspci does, most significant byte
 * first: "00-01-02-ff-ff-03-04-05". 0 stands for none.
 */

/** serial_parse() - read a serial number that somebody wrote. Return: 0 or -EINVAL. */
int serial_parse(const char *text, uint64_t *serial);

/** serial_find() - the serial number in a config space. @config: a file of it. Return: 0 if there is none. */
uint64_t serial_find(int config);

/**
 * serial_read() - the serial number of a function.
 *
 * It reads config space, for which the kernel may have to wake the function up, or to wait for the end of a reset: once
 * in a function's life, when it is new.
 * @serial: 0 if there is none
 *
 * Return: 0, or a negative errno: its config space cannot be opened.
 */
int serial_read(uint64_t address, uint64_t *serial);

#endif
