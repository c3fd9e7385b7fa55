/* The table of keys, and what each of them does. */
#include "key.h"

#include "memory.h"
#include "top.h"

#include <stdio.h>
#include <stdlib.h>

enum { CALM = 3 };	/* seconds without sorting after the cursor moved */

static const struct view *view_of(const struct top *top)
{
	return top->sample.view;
}

static void be_calm(struct top *top)
{
	top->calm_until = top->ticks + CALM * UINT64_C(1000000000);
}

static void select_place(struct top *top, long place)
{
	long last = (long)top->listing.count - 1;

	place = place > last ? last : place;
	top->cursor = place < 0 ? 0 : place;
	top->selected = top->listing.count ? top->listing.items[top->cursor].identity : 0;
	top->follow = (long)top->cursor == last;
	be_calm(top);
}

static void move(struct top *top, int lines)
{
	if (top->mode != MODE_TABLE) {
		long at = (long)top->pane_scroll + lines;

		top->pane_scroll = at < 0 ? 0 : at;
		return;
	}
	select_place(top, (long)top->cursor + lines);
}

static void move_page(struct top *top, int direction)
{
	int page = top->mode == MODE_TABLE ? (int)top->layout.rows : (int)top->height / 2;

	move(top, direction * (page > 1 ? page - 1 : 1));
}

static void move_end(struct top *top, int direction)
{
	if (top->mode != MODE_TABLE)
		top->pane_scroll = direction < 0 ? 0 : SIZE_MAX / 2;
	else
		select_place(top, direction < 0 ? 0 : (long)top->listing.count - 1);
}

static void leave(struct top *top)
{
	top->mode = MODE_TABLE;
	top->pane_scroll = 0;
	sample_watch(&top->sample, 0, NULL);
}

static void go_view(struct top *top, int number)
{
	leave(top);
	if ((unsigned)number < view_count() && &views[number] != view_of(top))
		top_view(top, &views[number]);
}

static void go_next_view(struct top *top, int step)
{
	unsigned count = view_count();

	go_view(top, (unsigned)(view_of(top) - views + count + step) % count);
}

static void remember(struct top *top)
{
	struct visit *visit;

	if (top->depth == DEPTH) {
		free(top->visits[0].filter);
		memmove(top->visits, top->visits + 1, sizeof(top->visits) - sizeof(*top->visits));
		top->depth--;
	}
	visit = &top->visits[top->depth++];
	*visit = (struct visit){ view_of(top), top->order, top->level, top->selected,
				 strdup(top->filter_text) };
	if (!visit->filter)
		memory_exhausted();
}

/* The row as a filter: every field that makes its group. */
static char *row_filter(const struct top *top, const struct row *row)
{
	const struct sample *sample = &top->sample;
	struct out out;
	char *text;

	out_init(&out, -1);
	if (*top->filter_text)
		out_format(&out, strpbrk(top->filter_text, " ") ? "(%s)" : "%s", top->filter_text);
	for (unsigned i = 0; i < sample->plan.keys_count; i++) {
		const struct field *field = &sample->plan.keys[i];

		if (out_length(&out))
			out_text(&out, " and ");
		if (!field_present(field, &row->group.flow)) {
			out_format(&out, "%s -", field->name);
			continue;
		}
		out_format(&out, "%s ", field->name);
		out_room(&out, OUT_ROOM);
		field->kind->raw(&out, field, &row->group.flow);
	}
	out_mem(&out, "", 1);
	text = strdup(out.buf);
	out_release(&out);
	if (!text)
		memory_exhausted();
	return text;
}

static void open_flow(struct top *top, const struct row *row)
{
	top->mode = MODE_DETAIL;
	top->pane_scroll = 0;
	sample_watch(&top->sample, view_of(top)->rows == ROWS_FLOWS ? row->identity : 0, row);
	top->read_now = view_of(top)->rows == ROWS_FLOWS;
}

static void open_row(struct top *top, int argument)
{
	struct filter_error error;
	struct row row;
	char *filter;

	(void)argument;
	if (top->mode != MODE_TABLE || !top->listing.count)
		return;
	listing_row(&top->listing, top->cursor, &row);
	switch (view_of(top)->rows) {
	case ROWS_GROUPS:
		filter = row_filter(top, &row);
		remember(top);
		if (top_filter(top, filter, &error))
			top_say(top, true, "%s", error.message);
		else
			top_view(top, view_find("flows"));
		free(filter);
		break;
	case ROWS_FLOWS:
	case ROWS_EVENTS:
		open_flow(top, &row);
		break;
	case ROWS_CPUS:
		top->mode = MODE_DETAIL;
		top->pane_scroll = 0;
	}
}

static void go_back(struct top *top, int argument)
{
	struct filter_error error;
	struct visit *visit;

	(void)argument;
	if (top->mode != MODE_TABLE) {
		leave(top);
		return;
	}
	if (!top->depth)
		return;
	visit = &top->visits[--top->depth];
	if (strcmp(visit->filter, top->filter_text))
		top_filter(top, visit->filter, &error);
	top_view(top, visit->view);
	top->order = visit->order;
	top->level = visit->level;
	sample_order(&top->sample, &top->order);
	top->selected = visit->selected;
	free(visit->filter);
}

/* Big numbers are looked for first, names from the beginning. */
static void sort_step(struct top *top, int step)
{
	const struct layout *layout = &top->layout;
	unsigned count = layout->columns_count, at = 0;
	struct order order;

	if (!view_of(top)->sort || !count)
		return;
	while (at < count && layout->columns[at].field != top->order.field)
		at++;
	for (unsigned i = 0; i < count; i++) {
		at = (at + count + step) % count;
		if (layout->columns[at].width && layout->columns[at].field)
			break;
	}
	order = (struct order){ layout->columns[at].field, false };
	if (!order.field)
		return;
	order.descending = order.field->kind->right && order.field->kind != &kind_port;
	top_order(top, &order);
}

static void reverse(struct top *top, int argument)
{
	struct order order = top->order;

	(void)argument;
	order.descending = !order.descending;
	if (order.field)
		top_order(top, &order);
}

static void ask(struct top *top, int what)
{
	static const char *const labels[] = {
		[ASK_FILTER] = "filter", [ASK_SEARCH] = "search", [ASK_DELAY] = "seconds between samples",
		[ASK_SAVE] = "save the screen to (cttop.txt)",
	};

	if (!prompt_open(&top->prompt, labels[what], what == ASK_FILTER ? top->filter_text : "",
			 what == ASK_FILTER ? &top->filters : what == ASK_SEARCH ? &top->searches : NULL)) {
		top_say(top, true, "the filter is too long to be edited here");
		return;
	}
	top->asking = what;
	if (what == ASK_SEARCH)
		top->before_search = top->selected;
}

static void pause_it(struct top *top, int argument)
{
	(void)argument;
	top->paused = !top->paused;
	top->read_now = !top->paused;
}

static void toggle_names(struct top *top, int argument)
{
	(void)argument;
	top->names = !top->names;
	memset(top->widths, 0, sizeof(top->widths));
}

static void toggle_bits(struct top *top, int argument)
{
	(void)argument;
	top->bits = !top->bits;
}

static void toggle_active(struct top *top, int argument)
{
	(void)argument;
	top->active = !top->active;
	top_update(top);
}

static void more_columns(struct top *top, int step)
{
	int level = top->level + step;

	if (level >= LEVELS || -level >= (int)top->layout.columns_count)
		return;
	top->level = level;
	memset(top->widths, 0, sizeof(top->widths));
}

static void show_help(struct top *top, int argument)
{
	(void)argument;
	top->pane_scroll = 0;
	top->mode = top->mode == MODE_HELP ? MODE_TABLE : MODE_HELP;
}

/* In a paused replay sideways is time. At the left edge there is nothing but help. */
static void go_left(struct top *top, int argument)
{
	if (top->replay && top->paused)
		top->step--;
	else if (top->left)
		top->left--;
	else if (argument == 'h')
		show_help(top, 0);
}

static void go_right(struct top *top, int argument)
{
	(void)argument;
	if (top->replay && top->paused)
		top->step++;
	else if (top->layout.hidden && top->left + 2 < top->layout.columns_count)
		top->left++;
}

static void redraw(struct top *top, int argument)
{
	(void)argument;
	top->redraw_all = true;
}

static void quit(struct top *top, int argument)
{
	(void)argument;
	top->quit = true;
}

static void find_next(struct top *top, int step);

const struct key keys[] = {
	{ { '\r', '\n' }, "Enter", "open", "open the row: its flows; of a flow: every field", open_row },
	{ { CODE_BACKSPACE, CODE_ESCAPE }, "Backspace, Esc", NULL, "go back to where Enter was pressed", go_back },
	{ { '1' }, "1", NULL, "view ports: destination ports by TCP state", go_view, 0 },
	{ { '2' }, "2", NULL, "view states: protocols and their states", go_view, 1 },
	{ { '3' }, "3", NULL, "view sources: who opens flows", go_view, 2 },
	{ { '4' }, "4", NULL, "view destinations: to whom flows are opened", go_view, 3 },
	{ { '5' }, "5", NULL, "view flows: the flows themselves", go_view, 4 },
	{ { '6' }, "6", NULL, "view nat: ports that source NAT has in use", go_view, 5 },
	{ { '7' }, "7", NULL, "view events: what happens, and why flows end", go_view, 6 },
	{ { '8' }, "8", NULL, "view counters: what the kernel counts, per CPU", go_view, 7 },
	{ { '\t' }, "Tab", NULL, "next view", go_next_view, 1 },
	{ { CODE_BACKTAB }, "S-Tab", NULL, "previous view", go_next_view, -1 },
	{ { 'f' }, "f", "filter", "filter flows: ct-filter(7); Up recalls, empty shows all", ask, ASK_FILTER },
	{ { '/' }, "/", "search", "search in the rows while you type", ask, ASK_SEARCH },
	{ { 'N' }, "N", NULL, "next row that fits the search", find_next, 1 },
	{ { 's', '>' }, "s, >", "sort", "sort by the next column", sort_step, 1 },
	{ { '<' }, "<", NULL, "sort by the column before", sort_step, -1 },
	{ { 'r' }, "r", NULL, "reverse the order", reverse },
	{ { ' ', 'p' }, "Space, p", "pause", "pause; the screen stands still", pause_it },
	{ { 'a' }, "a", NULL, "only rows that something happens to", toggle_active },
	{ { 'n' }, "n", NULL, "names for addresses, from the system's resolver", toggle_names },
	{ { 'u' }, "u", NULL, "bits or bytes per second", toggle_bits },
	{ { '+', '=' }, "+", NULL, "more columns", more_columns, 1 },
	{ { '-' }, "-", NULL, "fewer columns", more_columns, -1 },
	{ { 'd' }, "d", NULL, "seconds between samples", ask, ASK_DELAY },
	{ { 'w' }, "w", NULL, "write the screen to a new file", ask, ASK_SAVE },
	{ { CODE_UP, 'k' }, "Up, k", NULL, "one row up", move, -1 },
	{ { CODE_DOWN, 'j' }, "Down, j", NULL, "one row down", move, 1 },
	{ { CODE_PAGE_UP, CTRL('u'), CTRL('b') }, "PgUp, ^U", NULL, "one page up", move_page, -1 },
	{ { CODE_PAGE_DOWN, CTRL('d'), CTRL('f') }, "PgDn, ^D", NULL, "one page down", move_page, 1 },
	{ { CODE_HOME, 'g' }, "Home, g", NULL, "first row", move_end, -1 },
	{ { CODE_END, 'G' }, "End, G", NULL, "last row", move_end, 1 },
	{ { CODE_LEFT }, "Left", NULL, "columns to the left; in a paused replay one interval back", go_left },
	{ { CODE_RIGHT, 'l' }, "Right, l", NULL, "columns to the right; in a paused replay one interval on", go_right },
	{ { CTRL('l') }, "^L", NULL, "draw the screen anew", redraw },
	{ { '?', CODE_F1 }, "?, F1", "help", "this help", show_help },
	{ { 'h' }, "h", NULL, "as Left, and at the left edge help", go_left, 'h' },
	{ { 'q', CODE_F10, CTRL('c') }, "q, F10, ^C", "quit", "quit", quit },
	{ .name = NULL },
};

const struct key *key_with(int code)
{
	for (const struct key *key = keys; key->name; key++)
		for (unsigned i = 0; i < 5 && key->codes[i]; i++)
			if (key->codes[i] == code)
				return key;
	return NULL;
}

/* Whether some cell of the row has the text, in any case. */
static bool row_has(const struct top *top, size_t place, const char *text)
{
	struct shown_column columns[VIEW_COLUMNS];
	unsigned count = top_columns(top, columns);
	struct row row;
	struct out out;
	bool found;

	out_init(&out, -1);
	top_row(top, place, &row);
	for (unsigned i = 0; i < count; i++) {
		cell_put(top, &out, &columns[i], &row);
		out_text(&out, " ");
	}
	out_mem(&out, "", 1);
	found = strcasestr(out.buf, text);
	out_release(&out);
	return found;
}

/* From the cursor on (step 1: behind it), and around. */
static void find_next(struct top *top, int step)
{
	size_t count = top->listing.count;

	for (size_t i = 0; *top->search && i < count; i++) {
		size_t place = (top->cursor + i + step) % count;

		if (row_has(top, place, top->search)) {
			select_place(top, place);
			return;
		}
	}
	if (*top->search)
		top_say(top, true, "'%s' is nowhere here", top->search);
}

static void answer_filter(struct top *top)
{
	struct filter_error error;

	if (!strcmp(top->prompt.text, top->filter_text)) {
		top->asking = ASK_NOTHING;
		return;
	}
	if (top_filter(top, top->prompt.text, &error)) {
		snprintf(top->prompt.error, sizeof(top->prompt.error), "%s", error.message);
		top->prompt.error_at = error.position;
		top->prompt.error_length = error.length;
		return;
	}
	history_add(&top->filters, top->filter_text);
	top->asking = ASK_NOTHING;
	leave(top);
}

static void answer_delay(struct top *top)
{
	char *end;
	double delay = strtod(top->prompt.text, &end);

	if (end == top->prompt.text || *end || !(delay >= 0.1 && delay <= 3600)) {
		strcpy(top->prompt.error, "a number of seconds from 0.1 to 3600");
		top->prompt.error_at = 0;
		top->prompt.error_length = top->prompt.length;
		return;
	}
	top->delay = delay;
	top->asking = ASK_NOTHING;
	top->read_now = true;
}

static void answer(struct top *top)
{
	switch (top->asking) {
	case ASK_FILTER:
		answer_filter(top);
		break;
	case ASK_DELAY:
		answer_delay(top);
		break;
	case ASK_SEARCH:
		history_add(&top->searches, top->prompt.text);
		top->asking = ASK_NOTHING;
		break;
	case ASK_SAVE:
		snprintf(top->save, sizeof(top->save), "%s", top->prompt.length ? top->prompt.text : "cttop.txt");
		top->asking = ASK_NOTHING;
		break;
	case ASK_NOTHING:
		break;
	}
}

static void search_typed(struct top *top)
{
	snprintf(top->search, sizeof(top->search), "%.*s", (int)sizeof(top->search) - 1, top->prompt.text);
	top->message[0] = '\0';
	find_next(top, 0);
	if (*top->message) {
		strcpy(top->prompt.error, "nowhere here");
		top->prompt.error_at = 0;
		top->prompt.error_length = top->prompt.length;
		top->message[0] = '\0';
	}
}

/* Everything is as it was. */
static void cancel(struct top *top)
{
	long place = top->before_search ? listing_find(&top->listing, top->before_search) : 0;

	if (top->asking == ASK_SEARCH) {
		top->search[0] = '\0';
		select_place(top, place < 0 ? 0 : place);
	}
	top->asking = ASK_NOTHING;
}

static void prompt_typed(struct top *top, int code)
{
	enum prompt_result result = prompt_key(&top->prompt, code);

	if (result == PROMPT_CANCELLED)
		cancel(top);
	else if (result == PROMPT_DONE)
		answer(top);
	else if (result == PROMPT_CHANGED && top->asking == ASK_SEARCH)
		search_typed(top);
}

void top_key(struct top *top, int code)
{
	const struct key *key = key_with(code);

	top->message[0] = '\0';
	top_refresh(top);
	if (top->asking)
		prompt_typed(top, code);
	else if (key)
		key->act(top, key->argument ? key->argument : 0);
}

static void click_heading(struct top *top, unsigned x)
{
	const struct layout *layout = &top->layout;

	for (unsigned i = 0; i < layout->columns_count; i++) {
		const struct shown_column *column = &layout->columns[i];
		struct order order = { column->field, false };

		if (!column->width || !column->field || x < column->from || x >= column->from + column->width)
			continue;
		if (!view_of(top)->sort)
			return;
		order.descending = column->field == top->order.field ? !top->order.descending
			: column->field->kind->right && column->field->kind != &kind_port;
		top_order(top, &order);
	}
}

void top_wheel(struct top *top, int lines)
{
	if (!top->asking)
		move(top, lines);
}

void top_click(struct top *top, unsigned x, unsigned y, bool twice)
{
	const struct layout *layout = &top->layout;

	top_refresh(top);
	if (y == layout->tabs)
		for (unsigned i = 0; i < view_count(); i++)
			if (x >= layout->tabs_from[i] && x < layout->tabs_from[i + 1])
				go_view(top, i);
	if (top->mode != MODE_TABLE)
		return;
	if (y >= layout->heading && y < layout->first_row) {
		click_heading(top, x);
	} else if (y >= layout->first_row && y < layout->first_row + layout->rows) {
		select_place(top, (long)(top->scroll + y - layout->first_row));
		if (twice)
			open_row(top, 0);
	}
}
