/* Lays out small tables. */
#include "grid.h"

#include "memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COLUMNS = 64, GAP = 2, LEAST_TEXT = 20 };

struct cell {
	char *text;		/* NULL: absent */
	const char *colour;
};

struct grid {
	struct out *out;
	struct print_options options;
	struct {
		char *name, *heading;
		bool right, hidden;
		unsigned width;
	} columns[COLUMNS];
	unsigned columns_count;
	struct cell *cells;
	unsigned cells_count, cells_size;
	bool printed;
};

struct grid *grid_new(struct out *out, const struct print_options *options)
{
	struct grid *grid = must(calloc(1, sizeof(*grid)));

	grid->out = out;
	grid->options = *options;
	return grid;
}

static void forget(struct grid *grid)
{
	for (unsigned i = 0; i < grid->cells_count; i++)
		free(grid->cells[i].text);
	grid->cells_count = 0;
}

void grid_free(struct grid *grid)
{
	if (!grid)
		return;
	forget(grid);
	for (unsigned i = 0; i < grid->columns_count; i++) {
		free(grid->columns[i].name);
		free(grid->columns[i].heading);
	}
	free(grid->cells);
	free(grid);
}

static void widen(struct grid *grid, unsigned column, size_t width)
{
	if (width > grid->columns[column].width)
		grid->columns[column].width = width;
}

static void add_column(struct grid *grid, const char *name, const char *heading, bool right)
{
	unsigned i = grid->columns_count;
	size_t first = strcspn(heading, "\n");

	if (i == COLUMNS)
		memory_exhausted();
	grid->columns[i].name = must(strdup(name));
	grid->columns[i].heading = must(strdup(heading));
	grid->columns[i].right = right;
	grid->columns_count++;
	widen(grid, i, first);
	if (heading[first])
		widen(grid, i, strlen(heading + first + 1));
}

void grid_text_column(struct grid *grid, const char *name, const char *heading)
{
	add_column(grid, name, heading, false);
}

void grid_number_column(struct grid *grid, const char *name, const char *heading)
{
	add_column(grid, name, heading, true);
}

static void add_cell(struct grid *grid, const char *colour, char *text)
{
	if (grid->cells_count == grid->cells_size) {
		grid->cells_size = grid->cells_size ? 2 * grid->cells_size : 64;
		grid->cells = must(reallocarray(grid->cells, grid->cells_size, sizeof(*grid->cells)));
	}
	widen(grid, grid->cells_count % grid->columns_count, text ? strlen(text) : 1);
	grid->cells[grid->cells_count++] = (struct cell){ text, colour };
}

void grid_cell(struct grid *grid, const char *colour, const char *format, ...)
{
	va_list args;
	char *text;

	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		memory_exhausted();
	va_end(args);
	add_cell(grid, colour, text);
}

void grid_absent(struct grid *grid)
{
	add_cell(grid, NULL, NULL);
}

static void blanks(struct out *out, size_t count)
{
	while (count-- > 0)
		out_mem(out, " ", 1);
}

/* The length of the part of `text` that fits a line, up to a blank if there is one. */
static size_t fitting(const char *text, size_t width)
{
	size_t length = strlen(text), end = width;

	if (!width || length <= width)
		return length;
	while (end > 0 && text[end] != ' ')
		end--;
	return end ? end : width;
}

void put_wrapped(struct out *out, const char *text, unsigned indent, unsigned width)
{
	unsigned room = !width ? 0 : width > indent + LEAST_TEXT ? width - indent : LEAST_TEXT;
	size_t length;

	for (;;) {
		length = fitting(text, room);
		out_mem(out, text, length);
		text += length;
		text += strspn(text, " ");
		if (!*text)
			return;
		out_text(out, "\n");
		blanks(out, indent);
	}
}

/* Where a column begins. */
static unsigned place(const struct grid *grid, unsigned column)
{
	unsigned at = 0;

	for (unsigned i = 0; i < column; i++)
		if (!grid->columns[i].hidden)
			at += grid->columns[i].width + GAP;
	return at;
}

static void hide(struct grid *grid)
{
	unsigned last = grid->columns_count - 1, need;

	need = !grid->columns[last].right && grid->columns[last].width > LEAST_TEXT
		? LEAST_TEXT : grid->columns[last].width;
	for (unsigned i = 0; i <= last; i++)
		grid->columns[i].hidden = false;
	for (unsigned i = last; grid->options.width && i-- > 1;)
		if (place(grid, last) + need > grid->options.width)
			grid->columns[i].hidden = true;
}

/* Nothing that is not seen stands at the end of a line. */
static void end_line(struct out *out)
{
	while (out->at > out->buf && out->at[-1] == ' ')
		out->at--;
	out_text(out, "\n");
}

static void put_aligned(struct grid *grid, unsigned column, const char *text, size_t length,
			const char *colour)
{
	struct out *out = grid->out;
	bool last = column == grid->columns_count - 1;
	size_t fill = length < grid->columns[column].width ? grid->columns[column].width - length : 0;

	if (grid->columns[column].right)
		blanks(out, fill);
	if (colour && grid->options.colour)
		out_format(out, "\033[%sm", colour);
	if (last && !grid->columns[column].right && text[length])
		length = strlen(text);
	out_mem(out, text, length);
	if (colour && grid->options.colour)
		out_text(out, "\033[0m");
	if (!last)
		blanks(out, (grid->columns[column].right ? 0 : fill) + GAP);
}

/* The line of a heading: the last one if there is only one. */
static const char *heading_line(const char *heading, bool upper, size_t *length)
{
	const char *second = strchr(heading, '\n');

	if (upper) {
		*length = second ? (size_t)(second - heading) : 0;
		return heading;
	}
	second = second ? second + 1 : heading;
	*length = strlen(second);
	return second;
}

static void put_heading(struct grid *grid, bool upper)
{
	size_t length;

	for (unsigned i = 0; i < grid->columns_count; i++) {
		const char *text = heading_line(grid->columns[i].heading, upper, &length);

		if (grid->columns[i].hidden)
			continue;
		if (i == grid->columns_count - 1 && !length)
			break;
		put_aligned(grid, i, length ? text : "", length, length ? "1" : NULL);
	}
	end_line(grid->out);
}

static void put_headings(struct grid *grid)
{
	bool two = false;

	for (unsigned i = 0; i < grid->columns_count; i++)
		two |= !grid->columns[i].hidden && strchr(grid->columns[i].heading, '\n');
	if (two)
		put_heading(grid, true);
	put_heading(grid, false);
}

static void put_last(struct grid *grid, const struct cell *cell)
{
	unsigned last = grid->columns_count - 1;
	const char *text = cell->text ? cell->text : "-";

	if (grid->columns[last].right) {
		put_aligned(grid, last, text, strlen(text), cell->colour);
		end_line(grid->out);
		return;
	}
	if (cell->colour && grid->options.colour)
		out_format(grid->out, "\033[%sm", cell->colour);
	put_wrapped(grid->out, text, place(grid, last), grid->options.width);
	if (cell->colour && grid->options.colour)
		out_text(grid->out, "\033[0m");
	end_line(grid->out);
}

static void put_row(struct grid *grid, const struct cell *cells)
{
	unsigned last = grid->columns_count - 1;

	for (unsigned i = 0; i < last; i++) {
		const char *text = cells[i].text ? cells[i].text : "-";

		if (!grid->columns[i].hidden)
			put_aligned(grid, i, text, strlen(text), cells[i].colour);
	}
	put_last(grid, &cells[last]);
}

/* RFC 4180 */
static void put_csv(struct out *out, const char *text)
{
	if (!strpbrk(text, ",\"\r\n")) {
		out_text(out, text);
		return;
	}
	out_text(out, "\"");
	for (; *text; text++) {
		if (*text == '"')
			out_text(out, "\"");
		out_mem(out, text, 1);
	}
	out_text(out, "\"");
}

static void csv_line(struct grid *grid, const struct cell *cells)
{
	for (unsigned i = 0; i < grid->columns_count; i++) {
		const char *text = cells ? cells[i].text : grid->columns[i].name;

		if (i)
			out_text(grid->out, ",");
		put_csv(grid->out, text ? text : "");
	}
	out_text(grid->out, "\n");
}

void grid_print(struct grid *grid, bool heading)
{
	bool csv = grid->options.format == FORMAT_CSV;

	/* What was hidden once stays so: the lines below each other belong together. */
	if (!grid->printed)
		hide(grid);
	grid->printed = true;
	if (heading && grid->options.header && csv)
		csv_line(grid, NULL);
	else if (heading && grid->options.header)
		put_headings(grid);
	for (unsigned i = 0; i + grid->columns_count <= grid->cells_count; i += grid->columns_count)
		if (csv)
			csv_line(grid, &grid->cells[i]);
		else
			put_row(grid, &grid->cells[i]);
	forget(grid);
}
