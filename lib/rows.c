/* The table of cttop: cells, the widths of columns, which of them give way, and the rows. */
#include "top.h"

#include "memory.h"

#include <ctype.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <stdlib.h>

enum { GAP = 1, BAR_LEAST = 10, BAR_MOST = 30 };

/* The texts of all cells that may be shown. */
struct cells {
	struct out text;
	struct cell { uint32_t start; uint16_t length; uint8_t style; bool absent; } *cells;
	size_t count, room;
	unsigned columns;
};

/* The terminal codes that the kinds know, as styles. */
static enum style colour_style(const char *colour)
{
	return !colour ? STYLE_PLAIN : !strcmp(colour, "32") ? STYLE_GOOD : !strcmp(colour, "33")
		? STYLE_YOUNG : !strcmp(colour, "2") ? STYLE_DIM : !strcmp(colour, "31") ? STYLE_BAD : STYLE_PLAIN;
}

static bool is_zero(const struct field *field, const struct flow *flow)
{
	return field->kind->number && field->kind->right && field->kind != &kind_port &&
	       !field->kind->number(field, flow);
}

static enum style reason_style(const struct flow *flow)
{
	static const char *const fine[] = { "closed", "expired", "replaced" };
	const struct field *field = field_find("reason", 6);
	const char *name = field->names[flow->reason];

	for (unsigned i = 0; i < 3; i++)
		if (!strcmp(name, fine[i]))
			return STYLE_DIM;
	return STYLE_BAD;
}

static enum style event_style(const struct flow *flow)
{
	return flow->event == EVENT_NEW ? STYLE_GOOD : flow->event == EVENT_DESTROY ? STYLE_DIM : STYLE_PLAIN;
}

/* A loss that goes on; row 0, the total, may be of long ago. */
static enum style loss_style(const struct field *field, const struct row *row)
{
	int counter = counter_find(field->name, strlen(field->name));

	if (counter < 0 || !strcmp(row->cpu, "total"))
		return STYLE_PLAIN;
	return counters[counter].loud == LOUD_DROP ? STYLE_ALARM
		: counters[counter].loud == LOUD_NEVER ? STYLE_PLAIN : STYLE_BAD;
}

static enum style cell_style(const struct top *top, const struct field *field, const struct row *row)
{
	const struct flow *flow = &row->group.flow;

	if (!strcmp(field->name, "reason"))
		return reason_style(flow);
	if (!strcmp(field->name, "type"))
		return event_style(flow);
	if (!strcmp(field->name, "ports.share"))
		return row->share >= 9500 ? STYLE_ALARM : row->share >= 8000 ? STYLE_WARN : STYLE_PLAIN;
	if (is_zero(field, flow))
		return STYLE_ZERO;
	if (!strcmp(field->name, "unreplied"))
		return row->unreplied * 2 > row->count ? STYLE_WARN : STYLE_YOUNG;
	if (!strcmp(field->name, "states.SYN_SENT"))
		return STYLE_YOUNG;
	if (!strcmp(field->name, "states.ESTABLISHED"))
		return STYLE_GOOD;
	if (!strcmp(field->name, "service"))
		return STYLE_DIM;
	if (top->sample.view->rows == ROWS_CPUS)
		return loss_style(field, row);
	return colour_style(field->kind->colour ? field->kind->colour(field, flow) : NULL);
}

static bool put_name(const struct top *top, struct out *out, const struct field *field,
		     const struct flow *flow)
{
	bool end = field->kind == &kind_endpoint;
	const union address *address = field_value(field, flow);
	const char *name = NULL;

	if (top->names && top->look_up && (end || field->kind == &kind_address))
		name = top->look_up(top->look_up_data, flow->family, address);
	if (!name)
		return false;
	out_escaped(out, name);
	if (end && (flow->has & field->uses))
		out_format(out, ":%u", ((const struct endpoint *)field_value(field, flow))->port);
	return true;
}

static void put_value(const struct top *top, struct out *out, const struct field *field,
		      const struct row *row)
{
	const struct flow *flow = &row->group.flow;
	size_t start = out_length(out);

	if (put_name(top, out, field, flow))
		return;
	if (field->kind == &kind_size || field->kind == &kind_total) {
		put_human(out, field->kind->number(field, flow));
		return;
	}
	if (top->bits && !strcmp(field->name, "bytes_per_second")) {
		put_rate(out, row->bytes * 8);
		return;
	}
	field->kind->text(out, field, flow);
	if (!strcmp(field->name, "cpu") && isdigit((unsigned char)*row->cpu))
		out_text(out, "/s");
	/* The time alone: the day is known. */
	if (field->kind == &kind_time && out_length(out) - start == 24 && !strcmp(field->name, "time")) {
		memmove(out->buf + start, out->buf + start + 11, 12);
		out->at = out->buf + start + 12;
	}
}

/* A flow's own service is in its port; a group's is that of its destination port. */
static void name_service(const struct top *top, struct row *row)
{
	const struct flow *flow = &row->group.flow;
	const char *name = NULL;

	if (top->services && top->sample.view->rows == ROWS_GROUPS && (flow->has & HAS_ORIG_PORTS))
		name = service_name(top->services, flow->protonum, flow->orig.dst.port);
	if (!name)
		return;
	strncpy(row->service, name, sizeof(row->service) - 1);
	row->group.flow.has |= ROW_SERVICE;
}

enum style cell_put(const struct top *top, struct out *out, const struct shown_column *column,
		    const struct row *row)
{
	struct field field;

	if (!column->field || !field_present(column->field, &row->group.flow))
		return STYLE_DIM;
	field = *column->field;
	field.labels = top->labels;
	out_room(out, OUT_ROOM);
	put_value(top, out, &field, row);
	return row->is_gone ? STYLE_GONE : cell_style(top, &field, row);
}

void top_row(const struct top *top, size_t place, struct row *row)
{
	memset(row->service, 0, sizeof(row->service));
	listing_row(&top->listing, place, row);
	name_service(top, row);
}

static void add_cell(struct cells *cells, const struct top *top, struct shown_column *column,
		     const struct row *row)
{
	struct cell *cell;

	if (cells->count == cells->room) {
		cells->room = cells->room ? 2 * cells->room : 1024;
		cells->cells = must(realloc(cells->cells, cells->room * sizeof(*cells->cells)));
	}
	cell = &cells->cells[cells->count++];
	cell->start = out_length(&cells->text);
	cell->style = cell_put(top, &cells->text, column, row);
	cell->length = out_length(&cells->text) - cell->start;
	cell->absent = !cell->length;
	if (cell->absent) {
		out_text(&cells->text, "-");
		cell->length = 1;
		cell->style = row->is_gone ? STYLE_GONE : STYLE_ZERO;
	} else if (!is_zero(column->field, &row->group.flow)) {
		column->idle = false;
	}
	if (cell->length > column->width)
		column->width = cell->length;
}

static const char *heading(const struct top *top, const struct shown_column *column)
{
	if (!column->field)
		return "";
	if (top->bits && !strcmp(column->field->name, "bytes_per_second"))
		return "BITS/S";
	if (column->other)
		return column->column->both;
	return column->column->heading ? column->column->heading : column->field->heading;
}

/* Of a heading in two lines: line 0 or 1; a short one stands on line 1. */
static const char *heading_line(const char *text, int line, size_t *length)
{
	const char *newline = strchr(text, '\n');

	if (!newline) {
		*length = line ? strlen(text) : 0;
		return text;
	}
	*length = line ? strlen(newline + 1) : (size_t)(newline - text);
	return line ? newline + 1 : text;
}

/* Where there is room for one line of headings only, the halves are joined. */
static size_t one_line(const char *text, char *joined)
{
	size_t length = 0;

	for (; *text; text++)
		if (*text != '\n' && *text != '-')
			joined[length++] = *text;
	joined[length] = '\0';
	return length;
}

static unsigned heading_width(const struct top *top, const struct shown_column *column, bool two)
{
	const char *text = heading(top, column);
	char joined[64];
	size_t first, second;

	if (!two)
		return one_line(text, joined);
	heading_line(text, 0, &first);
	heading_line(text, 1, &second);
	return first > second ? first : second;
}

static bool is_sorted(const struct top *top, const struct shown_column *column)
{
	return column->field && column->field == top->sample.order.field;
}

static unsigned total_width(const struct top *top)
{
	unsigned width = 1;

	for (unsigned i = 0; i < top->layout.columns_count; i++)
		if (top->layout.columns[i].width)
			width += top->layout.columns[i].width + GAP;
	return width;
}

/* How much a column is missed: those that nobody asked for go first, then those without a value. */
static unsigned give_of(const struct top *top, const struct shown_column *column)
{
	int level = column->column->level;

	if (!column->width || !column->column->give || is_sorted(top, column))
		return 0;
	return column->column->give + (column->idle ? 100 : 0) + (level > top->level ? 200 * level : 0);
}

/* Whether all columns have room; behind the last one nothing needs to be, but an arrow. */
static bool too_wide(const struct top *top)
{
	const struct layout *layout = &top->layout;
	unsigned last = layout->columns_count, behind;

	while (last && !layout->columns[last - 1].width)
		last--;
	behind = last && !is_sorted(top, &layout->columns[last - 1]) ? GAP : 0;
	return top->width && total_width(top) - behind > top->width;
}

/* Cuts the texts of a column, if that makes all the room that is needed. */
static bool narrow(struct top *top, struct shown_column *column)
{
	unsigned width = column->width, least = column->column->least;

	if (!least || width <= least)
		return false;
	while (column->width > least && too_wide(top))
		column->width--;
	if (!too_wide(top))
		return true;
	column->width = width;
	return false;
}

/* Another column may take its values in. */
static void take_in(struct top *top, const struct shown_column *dropped)
{
	for (unsigned i = 0; i < top->layout.columns_count; i++) {
		struct shown_column *column = &top->layout.columns[i];

		if (!column->width || !column->column->other ||
		    strcmp(column->column->other, dropped->column->field))
			continue;
		column->other = dropped;
		if (column->width < dropped->width)
			column->width = dropped->width;
		if (column->width < strlen(column->column->both))
			column->width = strlen(column->column->both);
	}
}

static bool drop_column(struct top *top)
{
	struct layout *layout = &top->layout;
	struct shown_column *first = NULL;

	for (unsigned i = 0; i < layout->columns_count; i++)
		if (give_of(top, &layout->columns[i]) > (first ? give_of(top, first) : 0))
			first = &layout->columns[i];
	if (!first || narrow(top, first))
		return first;
	take_in(top, first);
	first->width = 0;
	return true;
}

/* Columns go, and at last the widest texts are cut. */
static void give_way(struct top *top)
{
	struct layout *layout = &top->layout;

	layout->hidden = false;
	while (too_wide(top) && drop_column(top))
		layout->hidden = true;
	for (int i = top->level; i < 0; i++)
		drop_column(top);
	while (too_wide(top)) {
		struct shown_column *widest = &layout->columns[0];

		for (unsigned i = 1; i < layout->columns_count; i++)
			if (layout->columns[i].width > widest->width)
				widest = &layout->columns[i];
		if (widest->width <= 8)
			break;
		widest->width--;
	}
}

static void widen_bar(struct top *top)
{
	unsigned used = total_width(top);

	for (unsigned i = 0; i < top->layout.columns_count; i++) {
		struct shown_column *column = &top->layout.columns[i];

		if (column->field || !column->width || !top->width || used >= top->width)
			continue;
		column->width += top->width - used;
		if (column->width > BAR_MOST)
			column->width = BAR_MOST;
	}
}

/* Columns keep the width that they once needed, so that they do not dance. */
static void plan_widths(struct top *top, bool two)
{
	struct layout *layout = &top->layout;
	unsigned x = 1;

	for (unsigned i = 0; i < layout->columns_count; i++) {
		struct shown_column *column = &layout->columns[i];
		unsigned least = heading_width(top, column, two);

		top->seen_value[i] |= !column->idle;
		column->idle = column->field && !top->seen_value[i];
		if (column->column->idle && column->idle && !is_sorted(top, column)) {
			column->width = 0;
			continue;
		}
		if (column->field && column->field->kind->right && least < column->field->width)
			least = column->field->width;
		if (column->width < least)
			column->width = least;
		if (column->width < top->widths[i])
			column->width = top->widths[i];
		top->widths[i] = column->width;
		if (!column->field)
			column->width = BAR_LEAST;
		if (i && i <= top->left)
			column->width = 0;
	}
	give_way(top);
	widen_bar(top);
	for (unsigned i = 0; i < layout->columns_count; i++) {
		layout->columns[i].from = x;
		x += layout->columns[i].width ? layout->columns[i].width + GAP : 0;
	}
}

static void put_padded(struct page *page, enum style style, const char *text, size_t length,
		       unsigned width, bool right)
{
	unsigned start = page_column(page);

	if (length > width) {
		page_mem(page, style, text, width - 1);
		page_text(page, style, page->utf8 ? "\u2026" : "~");
		return;
	}
	if (right)
		page_to(page, style, start + width - length);
	page_mem(page, style, text, length);
	page_to(page, style, start + width);
}

/* In the gap behind the heading that rows are sorted by: which way. */
static void sort_arrow(const struct top *top, struct page *page, int line)
{
	bool down = top->sample.order.descending;

	if (!line)
		page_text(page, STYLE_SORTED, " ");
	else if (page->utf8)
		page_text(page, STYLE_SORTED, down ? "\u25be" : "\u25b4");
	else
		page_text(page, STYLE_SORTED, down ? "v" : "^");
}

static void render_heading(const struct top *top, struct page *page, int line, bool two)
{
	char joined[64];

	page_line(page);
	page_text(page, STYLE_HEADING, " ");
	for (unsigned i = 0; i < top->layout.columns_count; i++) {
		const struct shown_column *column = &top->layout.columns[i];
		enum style style = is_sorted(top, column) ? STYLE_SORTED : STYLE_HEADING;
		const char *text = heading(top, column);
		size_t length;

		if (!column->width)
			continue;
		if (two) {
			text = heading_line(text, line, &length);
		} else {
			length = one_line(text, joined);
			text = joined;
		}
		put_padded(page, style, text, length, column->width,
			   column->field && column->field->kind->right);
		if (is_sorted(top, column))
			sort_arrow(top, page, line);
		else
			page_text(page, STYLE_HEADING, " ");
	}
	if (top->width)
		page_to(page, STYLE_HEADING, top->width);
}

static const struct cell *cell_of(const struct top *top, const struct cells *cells, size_t number, unsigned i)
{
	const struct shown_column *columns = top->layout.columns, *other = columns[i].other;
	const struct cell *row = &cells->cells[number * cells->columns];

	return row[i].absent && other ? &row[other - columns] : &row[i];
}

static void render_row(const struct top *top, struct page *page, const struct cells *cells,
		       size_t number, const struct row *row)
{
	page_line(page);
	page_text(page, STYLE_PLAIN, row->is_gone ? "-" : row->is_fresh && top->sample.totals.rated ? "+" : " ");
	for (unsigned i = 0; i < cells->columns; i++) {
		const struct shown_column *column = &top->layout.columns[i];
		const struct cell *cell = cell_of(top, cells, number, i);

		if (!column->width)
			continue;
		if (column->field)
			put_padded(page, cell->style, cells->text.buf + cell->start, cell->length,
				   column->width, column->field->kind->right);
		else
			page_bar(page, row->is_gone ? STYLE_GONE : STYLE_BAR, column->width,
				 (strcmp(top->sample.view->name, "nat") ? row->percent : row->share) / 10000.0, false);
		page_text(page, STYLE_PLAIN, " ");
	}
}

static void scroll_to_cursor(struct top *top, size_t rows)
{
	size_t count = top->listing.count;

	if (top->cursor < top->scroll)
		top->scroll = top->cursor;
	if (rows && top->cursor >= top->scroll + rows)
		top->scroll = top->cursor - rows + 1;
	if (top->scroll + rows > count)
		top->scroll = count > rows ? count - rows : 0;
}

static const char *why_nothing(const struct top *top)
{
	if (top->sample.view->rows == ROWS_CPUS)
		return top->replay ? "saved flows do not tell" : "the counters of this kernel cannot be read";
	if (!top->sample.complete && !top->replay)
		return "reading the table";
	if (top->sample.view->rows == ROWS_EVENTS)
		return "nothing has happened yet";
	if (*top->filter_text)
		return "no flow passes the filter (f changes it, Backspace goes back)";
	if (top->active)
		return "nothing is active (a shows all)";
	if (top->sample.view->needs && top->sample.totals.flows)
		return "no source is translated here";
	if (top->replay)
		return "no flow has been read";
	return "the table is empty: perhaps no rule in this network namespace uses connection tracking";
}

static void nothing_line(const struct top *top, struct page *page)
{
	page_line(page);
	page_line(page);
	page_wrapped(page, STYLE_DIM, why_nothing(top), 3);
}

/* Whether some heading of the view is in two lines. */
static bool has_two_lines(const struct view *view)
{
	for (const struct view_column *column = view->columns; column->field; column++)
		if (view_field(column) && !column->heading && strchr(view_field(column)->heading, '\n'))
			return true;
	return false;
}

void render_table(struct top *top, struct page *page, unsigned lines)
{
	struct layout *layout = &top->layout;
	bool two = !top_small(top) && has_two_lines(top->sample.view);
	size_t rows = lines > 2 ? lines - (two ? 2 : 1) : lines ? 1 : 0;
	struct cells cells = { .cells = NULL };
	struct row *drawn;

	if (!top->height)
		rows = top->listing.count;
	scroll_to_cursor(top, rows);
	if (rows > top->listing.count - top->scroll)
		rows = top->listing.count - top->scroll;
	layout->columns_count = top_columns(top, layout->columns);
	cells.columns = layout->columns_count;
	out_init(&cells.text, -1);
	drawn = must(calloc(rows ? rows : 1, sizeof(*drawn)));
	for (unsigned i = 0; i < cells.columns; i++)
		layout->columns[i].idle = true;
	for (size_t r = 0; r < rows; r++) {
		top_row(top, top->scroll + r, &drawn[r]);
		for (unsigned i = 0; i < cells.columns; i++)
			add_cell(&cells, top, &layout->columns[i], &drawn[r]);
	}
	plan_widths(top, two);
	layout->heading = page->lines_count;
	for (int line = two ? 0 : 1; line < 2; line++)
		render_heading(top, page, line, two);
	layout->first_row = page->lines_count;
	layout->rows = rows;
	for (size_t r = 0; r < rows; r++) {
		render_row(top, page, &cells, r, &drawn[r]);
		page_mark(page, STYLE_MATCH, top->search);
		page->lines[page->lines_count - 1].selected = top->height && top->scroll + r == top->cursor;
	}
	if (!rows)
		nothing_line(top, page);
	free(drawn);
	free(cells.cells);
	out_release(&cells.text);
}
