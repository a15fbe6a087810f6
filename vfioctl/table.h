/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIOCTL_TABLE_H
#define VFIOCTL_TABLE_H

#include "vfioctl/terminal.h"

#include <stdbool.h>
#include <stddef.h>

struct column {
	const char *heading;
	unsigned int narrowest;	  /* it may be shortened to this many columns; 0: never */
	unsigned int comfortable; /* and to this many before anything else suffers; 0: not at all */
};

struct table;

/**
 * table_create() - an empty table.
 * @columns: stays the caller's, and has to outlive the table
 * @table: the caller's to free with table_free()
 *
 * Return: 0 or -ENOMEM.
 */
int table_create(const struct column *columns, size_t count, struct table **table);

/** table_free() - free a table and its cells; NULL is fine. */
void table_free(struct table *table);

/** table_add() - add the next cell: rows are filled from left to right. Lack of memory is reported by table_print(). */
void table_add(struct table *table, const char *text, enum tone tone);

/**
 * table_width() - the columns of a terminal that the whole table takes.
 * @shortened: with each column as narrow as is comfortable
 */
unsigned int table_width(const struct table *table, bool shortened);

/**
 * table_print() - print the table, aligned, and cut to the terminal's width.
 *
 * Return: 0, or -ENOMEM (also when an earlier table_add() found no memory).
 */
int table_print(const struct table *table, const struct terminal *terminal, FILE *out);

#endif
