/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vfioctl/table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define GAP 2 /* columns between two cells */

struct cell {
	char *text;
	enum tone tone;
};

struct table {
	const struct column *columns;
	size_t column_count;
	struct cell *cells; /* row by row, the headings first */
	size_t cell_count, room;
	int error; /* of table_add() */
};

void table_free(struct table *table)
{
	size_t i;

	if (!table)
		return;
	for (i = 0; i < table->cell_count; i++)
		free(table->cells[i].text);
	free(table->cells);
	free(table);
}

static int make_room(struct table *table)
{
	size_t room = table->room ? table->room * 2 : 64;
	struct cell *cells;

	if (table->cell_count < table->room)
		return 0;
	cells = reallocarray(table->cells, room, sizeof(*cells));
	if (!cells)
		return -ENOMEM;
	table->cells = cells;
	table->room = room;
	return 0;
}

void table_add(struct table *table, const char *text, enum tone tone)
{
	char *copy = strdup(text);

	if (!copy || make_room(table)) {
		free(copy);
		table->error = -ENOMEM;
		return;
	}
	table->cells[table->cell_count++] = (struct cell){ terminal_clean(copy, true), tone };
}

int table_create(const struct column *columns, size_t count, struct table **table)
{
	struct table *made = calloc(1, sizeof(*made));
	size_t i;

	if (!made)
		return -ENOMEM;
	made->columns = columns;
	made->column_count = count;
	for (i = 0; i < count; i++)
		table_add(made, columns[i].heading, TONE_STRONG);
	*table = made;
	return 0;
}

/* The width that each column would like to have; returns that of the whole. */
static unsigned int natural_widths(const struct table *table, unsigned int *widths)
{
	unsigned int whole = 0;
	size_t i;

	memset(widths, 0, table->column_count * sizeof(*widths));
	for (i = 0; i < table->cell_count; i++) {
		unsigned int *width = &widths[i % table->column_count];
		unsigned int columns = terminal_columns(table->cells[i].text);

		*width = columns > *width ? columns : *width;
	}
	for (i = 0; i < table->column_count; i++)
		whole += widths[i] + (i ? GAP : 0);
	return whole;
}

unsigned int table_width(const struct table *table, bool shortened)
{
	unsigned int *widths = calloc(table->column_count, sizeof(*widths));
	unsigned int whole = widths ? natural_widths(table, widths) : 0;
	size_t i;

	for (i = 0; widths && shortened && i < table->column_count; i++) {
		unsigned int comfortable = table->columns[i].comfortable;

		if (comfortable && widths[i] > comfortable)
			whole -= widths[i] - comfortable;
	}
	free(widths);
	return whole;
}

/* Takes what is too much from the columns that may be shortened, always from the widest of them. */
static void shorten(const struct table *table, unsigned int *widths, unsigned int excess)
{
	while (excess--) {
		size_t widest = table->column_count, i;

		for (i = 0; i < table->column_count; i++) {
			if (!table->columns[i].narrowest || widths[i] <= table->columns[i].narrowest)
				continue;
			if (widest == table->column_count || widths[i] > widths[widest])
				widest = i;
		}
		if (widest == table->column_count)
			return;
		widths[widest]--;
	}
}

/* The bytes of the first @columns characters of @text. */
static size_t bytes_of(const char *text, unsigned int columns)
{
	size_t bytes = 0;

	while (text[bytes] && columns--) {
		do
			bytes++;
		while (((unsigned char)text[bytes] & 0xc0) == 0x80);
	}
	return bytes;
}

/* A copy of @text that takes @width columns at most: cut off where it is longer, with a mark that says so. */
static char *fit(const char *text, unsigned int width, const char *mark)
{
	unsigned int mark_width = terminal_columns(mark);
	char *fitting;
	size_t bytes;

	if (terminal_columns(text) <= width || width <= mark_width)
		return strdup(text);
	bytes = bytes_of(text, width - mark_width);
	while (bytes && text[bytes - 1] == ' ')
		bytes--;
	return asprintf(&fitting, "%.*s%s", (int)bytes, text, mark) < 0 ? NULL : fitting;
}

static int print_row(const struct table *table, const struct cell *cells, const unsigned int *widths,
		     const struct terminal *terminal, FILE *out)
{
	size_t i;

	for (i = 0; i < table->column_count; i++) {
		char *text = fit(cells[i].text, widths[i], terminal->utf8 ? "…" : "...");
		unsigned int columns;

		if (!text)
			return -ENOMEM;
		columns = terminal_columns(terminal_clean(text, terminal->utf8));
		fprintf(out, "%s%s%s", terminal_tone_on(terminal, cells[i].tone), text,
			terminal_tone_off(terminal, cells[i].tone));
		if (i + 1 < table->column_count)
			fprintf(out, "%*s", (int)(GAP + (columns < widths[i] ? widths[i] - columns : 0)), "");
		free(text);
	}
	fputc('\n', out);
	return 0;
}

int table_print(const struct table *table, const struct terminal *terminal, FILE *out)
{
	unsigned int *widths = calloc(table->column_count, sizeof(*widths)), whole;
	int error = table->error;
	size_t i;

	if (!widths)
		return -ENOMEM;
	whole = natural_widths(table, widths);
	if (terminal->width && whole > terminal->width)
		shorten(table, widths, whole - terminal->width);
	for (i = 0; !error && i + table->column_count <= table->cell_count; i += table->column_count)
		error = print_row(table, table->cells + i, widths, terminal, out);
	free(widths);
	return error;
}
