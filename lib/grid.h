/* A small table whose cells are texts, all in memory: measured, aligned, coloured; or csv. */
#ifndef GRID_H
#define GRID_H

#include "print.h"

struct grid;

/*
 * Format, width, header and colour count. On a terminal, columns that do not fit are left out from
 * the right, but for the last one: if it is text it is wrapped, else it stays.
 */
struct grid *grid_new(struct out *out, const struct print_options *options);
void grid_free(struct grid *grid);

/* Columns are made first. A line end in the heading makes a heading of two lines; `name` is what
 * csv prints. Text is aligned left, numbers right. Both texts are copied. */
void grid_text_column(struct grid *grid, const char *name, const char *heading);
void grid_number_column(struct grid *grid, const char *name, const char *heading);

/* The cells of a row, in order. `colour` is an SGR code or NULL. */
void grid_cell(struct grid *grid, const char *colour, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void grid_absent(struct grid *grid);

/* Prints what came since the last time, under a heading if that is asked for. Columns keep the
 * width that they had. */
void grid_print(struct grid *grid, bool heading);

/* Text in lines of `width` columns (0: one line), all but the first indented; the last is not ended. */
void put_wrapped(struct out *out, const char *text, unsigned indent, unsigned width);

#endif
