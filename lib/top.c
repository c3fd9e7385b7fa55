/* What cttop shows: view, filter, order, and where the cursor is. */
#include "top.h"

#include "memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void top_init(struct top *top)
{
	struct filter_error error;

	memset(top, 0, sizeof(*top));
	top->source = "";
	top->delay = top->interval = 3;
	top->progress = -1;
	top->width = 80;
	top->height = 24;
	top->services = services_new();
	top->log = eventlog_new();
	sample_init(&top->sample);
	vitals_init(&top->vitals);
	listing_init(&top->listing, &top->sample, top->log, &top->vitals);
	top->filter_text = must(strdup(""));
	top->filter = must(filter_parse("", NULL, &error));
	sample_filter(&top->sample, top->filter);
	top_view(top, &views[0]);
}

void top_release(struct top *top)
{
	listing_release(&top->listing);
	sample_release(&top->sample);
	vitals_release(&top->vitals);
	eventlog_free(top->log);
	services_free(top->services);
	history_release(&top->filters);
	history_release(&top->searches);
	filter_free(top->filter);
	free(top->filter_text);
	for (unsigned i = 0; i < top->depth; i++)
		free(top->visits[i].filter);
}

void top_say(struct top *top, bool bad, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(top->message, sizeof(top->message), format, args);
	va_end(args);
	top->message_bad = bad;
}

void top_note(struct top *top, unsigned which, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(top->notes[which], sizeof(top->notes[which]), format, args);
	va_end(args);
}

static void forget_layout(struct top *top)
{
	memset(top->widths, 0, sizeof(top->widths));
	memset(top->seen_value, 0, sizeof(top->seen_value));
	top->left = 0;
}

/* The rows begin anew, at the top. */
static void restart(struct top *top)
{
	listing_clear(&top->listing);
	forget_layout(top);
	top->cursor = top->scroll = 0;
	top->selected = 0;
	top->follow = true;
	top->read_now = true;
}

const char *top_filter(struct top *top, const char *text, struct filter_error *error)
{
	struct filter *filter = filter_parse(text, top->labels, error);
	char *copy;

	if (!filter)
		return error->message;
	copy = must(strdup(text));
	filter_free(top->filter);
	free(top->filter_text);
	top->filter = filter;
	top->filter_text = copy;
	sample_filter(&top->sample, filter);
	eventlog_clear(top->log);
	restart(top);
	return NULL;
}

void top_view(struct top *top, const struct view *view)
{
	struct order order = { NULL, false };

	if (view->sort)
		view_order(view, view->sort, &order);
	top->order = order;
	top->level = 0;
	top->sample.watched = 0;
	top->mode = MODE_TABLE;
	sample_view(&top->sample, view, &order);
	restart(top);
}

bool top_sort(struct top *top, const char *word)
{
	struct order order;

	if (!top->sample.view->sort || !view_order(top->sample.view, word, &order))
		return false;
	top_order(top, &order);
	return true;
}

/* The cursor follows the identity; where that is gone, it stays on its line. */
static void place_cursor(struct top *top)
{
	size_t count = top->listing.count;
	long place;

	if (top->sample.view->rows == ROWS_EVENTS && top->follow && count)
		top->selected = top->listing.items[count - 1].identity;
	place = top->selected ? listing_find(&top->listing, top->selected) : 0;
	if (place >= 0)
		top->cursor = place;
	if (top->cursor >= count)
		top->cursor = count ? count - 1 : 0;
}

/* While a dump runs the rows are those before it. */
static bool standing(const struct top *top)
{
	enum rows rows = top->sample.view->rows;

	return top->sample.dumping && top->sample.complete && (rows == ROWS_GROUPS || rows == ROWS_FLOWS);
}

void top_order(struct top *top, const struct order *order)
{
	top->order = *order;
	sample_order(&top->sample, order);
	top->calm_until = 0;
	if (standing(top) && !listing_stale(&top->listing)) {
		listing_sort(&top->listing);
		place_cursor(top);
	} else {
		top_update(top);
	}
	top->read_now |= top->sample.view->rows == ROWS_FLOWS;
}

void top_refresh(struct top *top)
{
	if (listing_stale(&top->listing))
		top_update(top);
}

void top_update(struct top *top)
{
	if (standing(top) && top->listing.count && !listing_stale(&top->listing))
		return;
	listing_update(&top->listing, top->ticks < top->calm_until, top->active);
	top->listed_changes = top->sample.changes;
	place_cursor(top);
}

unsigned top_columns(const struct top *top, struct shown_column *columns)
{
	unsigned count = 0;

	for (const struct view_column *column = top->sample.view->columns; column->field; column++) {
		if (column->level > top->level && !top->width)
			continue;
		columns[count++] = (struct shown_column){ .column = column, .field = view_field(column) };
	}
	return count;
}

bool top_small(const struct top *top)
{
	return top->height && (top->height < 16 || top->width < 60);
}

void top_render(struct top *top, struct page *page)
{
	unsigned foot = footer_lines(top), rest;

	top_refresh(top);
	page_clear(page, top->width);
	page->utf8 = top->utf8;
	render_header(top, page);
	rest = top->height > page->lines_count + foot ? top->height - page->lines_count - foot : 0;
	if (top->mode == MODE_HELP)
		render_help(top, page, rest);
	else if (top->mode == MODE_DETAIL)
		render_detail(top, page, rest);
	else
		render_table(top, page, rest);
	if (!top->height)
		return;
	while (page->lines_count + foot < top->height)
		page_line(page);
	/* On a screen that is too low the header gives way, then the footer. */
	if (page->lines_count + foot > top->height)
		page->lines_count = top->height > foot ? top->height - foot : 0;
	render_footer(top, page);
	if (page->lines_count > top->height)
		page->lines_count = top->height;
}
