/* Rows out: table, JSON, csv, or the lines of conntrack(8). */
#ifndef PRINT_H
#define PRINT_H

#include "field.h"
#include "out.h"

enum format { FORMAT_TABLE, FORMAT_JSON, FORMAT_CSV, FORMAT_CONNTRACK };

struct print_options {
	enum format format;
	unsigned width;			/* of the terminal; 0: nothing is cut */
	bool header, colour, utf8;
	bool hide;			/* table: leave out OPTIONAL columns that are absent in the sample */
	bool live;			/* print at once, without looking at the first rows; nothing is cut */
	unsigned keep;			/* so many columns stay where the terminal is narrow */
	unsigned conntrack;		/* CONNTRACK_ bits */
	const struct names *names;
};

struct printer;

/*
 * Columns are copied. JSON keys come in the order of the columns; those of one object must stand
 * together. A table looks at its first rows before it prints them, to find the widths.
 */
struct printer *printer_new(struct out *out, const struct print_options *options,
			    const struct field *const *columns, unsigned count);
void printer_free(struct printer *printer);

/* Makes the column that shows `field` one that is hidden while it is absent everywhere. */
void printer_optional(struct printer *printer, const struct field *field);

/* Widens the columns for a row that is still to come; the sample is not taken then. */
void printer_measure(struct printer *printer, const struct flow *flow);

/* How many columns the terminal is too narrow for. Known once a row is out, or at the end. */
unsigned printer_narrow(const struct printer *printer);

void printer_row(struct printer *printer, const struct flow *flow);

/* What is still held, and the heading if there was no row. The out is not flushed. */
void printer_end(struct printer *printer);

#endif
