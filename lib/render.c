/* The header of cttop: how full, how fast, what is lost, what the last minutes were like. */
#include "top.h"

#include "key.h"

#include <stdio.h>

enum { GRAPH_LINES = 3, GRAPH_MOST = 75, LABEL = 6, POSITION = 64 };

static void put_clock(char *text, size_t size, uint64_t ns)
{
	time_t seconds = ns / 1000000000;
	struct tm tm;

	localtime_r(&seconds, &tm);
	if (!ns || !strftime(text, size, "%H:%M:%S", &tm))
		text[0] = '\0';
}

static enum style fill_style(double share)
{
	return share >= 0.95 ? STYLE_BAD : share >= 0.8 ? STYLE_WARN : STYLE_BAR;
}

static void number(struct page *page, enum style style, uint64_t value)
{
	page_format(page, style, "%llu", (unsigned long long)value);
}

static void rate(struct page *page, const char *name, float value, bool known, enum style style)
{
	char text[32];

	page_text(page, STYLE_DIM, name);
	page_text(page, STYLE_DIM, " ");
	if (known) {
		struct out out;

		out_init(&out, -1);
		put_rate(&out, value > 0 ? value * 1000.0 + 0.5 : 0);
		snprintf(text, sizeof(text), "%.*s/s", (int)out_length(&out), out.buf);
		out_release(&out);
	} else {
		strcpy(text, "-");
	}
	page_text(page, style, text);
}

static uint64_t entries(const struct top *top)
{
	uint64_t count;

	return vitals_entries(&top->vitals, &count) ? count : top->sample.totals.flows;
}

static void title_line(struct top *top, struct page *page)
{
	const char *help = top->sample.view->help;
	char clock[16], right[96], reading[24] = "";
	size_t length;

	put_clock(clock, sizeof(clock), top->now);
	if (top->progress >= 0)
		snprintf(reading, sizeof(reading), "reading %.0f%%  ", top->progress * 100);
	snprintf(right, sizeof(right), "%s%s%severy %.1f s  %s", reading, top->paused ? "paused  " : "",
		 top->replay ? "replay  " : "", top->interval, clock);
	page_line(page);
	page_text(page, STYLE_TITLE, " cttop ");
	if (*top->source) {
		page_text(page, STYLE_DIM, page->utf8 ? "\u00b7 " : "- ");
		page_escaped(page, STYLE_BOLD, top->source);
		page_text(page, STYLE_PLAIN, " ");
	}
	page_text(page, STYLE_DIM, page->utf8 ? "\u00b7 " : "- ");
	length = strlen(help);
	if (top->width && page_column(page) + length + strlen(right) + 3 > top->width)
		length = 0;
	page_mem(page, STYLE_PLAIN, help, length);
	page_text(page, STYLE_PLAIN, "  ");
	if (top->width > strlen(right) + 1)
		page_to(page, STYLE_PLAIN, top->width - strlen(right) - 1);
	page_text(page, top->paused ? STYLE_WARN : STYLE_DIM, right);
}

static void fill_line(const struct top *top, struct page *page)
{
	double share;
	bool known = vitals_share(&top->vitals, &share);

	page_line(page);
	page_text(page, STYLE_DIM, " table  ");
	if (known) {
		page_bar(page, fill_style(share), 20, share, true);
		page_format(page, share >= 0.8 ? fill_style(share) : STYLE_BOLD, " %4.1f%%  ", share * 100);
	}
	number(page, STYLE_BOLD, entries(top));
	if (known) {
		page_text(page, STYLE_DIM, " of ");
		number(page, STYLE_PLAIN, top->vitals.now.max);
	} else {
		page_text(page, STYLE_DIM, " flows");
	}
}

static void flow_line(const struct top *top, struct page *page)
{
	const struct totals *totals = &top->sample.totals;

	page_line(page);
	page_text(page, STYLE_DIM, " flows  ");
	rate(page, "new", totals->fresh_rate, totals->rated, STYLE_GOOD);
	page_text(page, STYLE_PLAIN, "  ");
	rate(page, "gone", totals->gone_rate, totals->rated, STYLE_PLAIN);
	if (totals->counted) {
		page_text(page, STYLE_PLAIN, "  ");
		rate(page, top->bits ? "bits" : "bytes", totals->bytes_rate * (top->bits ? 8 : 1),
		     totals->rated, STYLE_PLAIN);
	}
	if (*top->filter_text) {
		page_text(page, STYLE_DIM, "  matching ");
		number(page, STYLE_BOLD, totals->flows);
	}
}

/* What means losses is always there; a counter that is rarely of interest only while it grows. */
static void loss_line(const struct top *top, struct page *page)
{
	page_line(page);
	page_text(page, STYLE_DIM, " loss   ");
	if (top->replay)
		page_text(page, STYLE_DIM, "saved flows do not tell");
	for (unsigned i = 0; i < COUNTERS; i++) {
		double value = 0;
		bool known = vitals_rate(&top->vitals, i, NULL, &value);
		bool rare = !strcmp(counters[i].name, "chaintoolong");
		enum style loud = counters[i].loud == LOUD_DROP ? STYLE_ALARM : STYLE_BAD;

		if (top->replay || counters[i].loud == LOUD_NEVER || (rare && !(value > 0)))
			continue;
		rate(page, counters[i].name, value, known, value > 0 ? loud : STYLE_PLAIN);
		page_text(page, STYLE_PLAIN, top->width && top->width < 70 ? " " : "  ");
	}
}

/* The last seconds as `width` columns: the mean in each, negative where nothing is known. */
static void squeeze(const struct vitals *vitals, unsigned span, unsigned width, double *values)
{
	unsigned start = HISTORY - span;

	for (unsigned i = 0; i < width; i++) {
		unsigned from = start + i * span / width, to = start + (i + 1) * span / width, count = 0;
		double sum = 0;

		for (unsigned j = from; j < to || j == from; j++)
			if (vitals->history[j] >= 0) {
				sum += vitals->history[j];
				count++;
			}
		values[i] = count ? sum / count : -1;
	}
}

/* One minute to begin with, five in the end. */
static unsigned history_span(const struct vitals *vitals)
{
	unsigned first = 0;

	while (first < HISTORY && vitals->history[first] < 0)
		first++;
	return HISTORY - first < 60 ? 60 : HISTORY - first;
}

/* One line of a graph that is GRAPH_LINES high; line 0 is the lowest. */
static void graph_line(struct page *page, const double *values, unsigned width, double high, int line)
{
	double step = high / GRAPH_LINES;

	for (unsigned i = 0; i < width; i++) {
		double above = values[i] - line * step, part = above > step ? step : above;

		if (values[i] < 0 || (above <= 0 && line))
			page_text(page, STYLE_PLAIN, " ");
		else
			page_spark(page, STYLE_GRAPH, &part, 1, 0, step);
	}
}

/* What the top of the graph stands for, and how much time it shows. */
static void graph_label(struct page *page, double high, unsigned span, int line)
{
	struct out out;

	out_init(&out, -1);
	if (line == GRAPH_LINES - 1)
		put_human(&out, high);
	else if (!line)
		out_format(&out, span < 120 ? "%us" : "%um", span < 120 ? span : span / 60);
	page_to(page, STYLE_PLAIN, page_column(page) + LABEL - 1 - out_length(&out));
	page_mem(page, STYLE_DIM, out.buf, out_length(&out));
	page_text(page, STYLE_PLAIN, " ");
	out_release(&out);
}

/* To the right of the three lines of numbers, where there is room. */
static void add_graph(const struct top *top, struct page *page, int line)
{
	const unsigned least = 10, numbers = 58;
	unsigned span = history_span(&top->vitals);
	unsigned room = top->width > numbers + LABEL ? top->width - numbers - LABEL : 0;
	unsigned width = room > GRAPH_MOST ? GRAPH_MOST : room;
	double values[GRAPH_MOST], high = 1;

	if (width < least || page_column(page) > top->width - width - LABEL - 1)
		return;
	squeeze(&top->vitals, span, width, values);
	for (unsigned i = 0; i < width; i++)
		high = values[i] > high ? values[i] : high;
	page_to(page, STYLE_PLAIN, top->width - width - LABEL - 1);
	graph_label(page, high, span, line);
	graph_line(page, values, width, high, line);
}

static void filter_line(const struct top *top, struct page *page)
{
	if (!*top->filter_text)
		return;
	page_line(page);
	page_text(page, STYLE_DIM, " filter ");
	page_escaped(page, STYLE_KEY, top->filter_text);
}

static void note_lines(const struct top *top, struct page *page)
{
	for (unsigned i = 0; i < NOTES; i++)
		if (*top->notes[i]) {
			page_line(page);
			page_text(page, STYLE_NOTE, page->utf8 ? " \u25b8 " : " * ");
			page_wrapped(page, STYLE_NOTE, top->notes[i], 3);
		}
}

/* Where there is room they stay in their places; where there is little, the others are digits. */
static void tabs_line(struct top *top, struct page *page)
{
	bool names = !top->width || top->width >= 80, wide = !top->width || top->width >= 94;

	page_line(page);
	top->layout.tabs = page->lines_count - 1;
	page_text(page, STYLE_PLAIN, wide ? "" : " ");
	for (unsigned i = 0; i < view_count(); i++) {
		bool on = &views[i] == top->sample.view;

		top->layout.tabs_from[i] = page_column(page);
		page_format(page, on ? STYLE_TAB_ON : STYLE_KEY, on || wide ? " %u" : "%u", i + 1);
		if (on || names)
			page_format(page, on ? STYLE_TAB_ON : STYLE_TAB, on || wide ? " %s " : " %s", views[i].name);
		page_text(page, STYLE_PLAIN, " ");
	}
	top->layout.tabs_from[view_count()] = page_column(page);
}

/* At the right end, if there is room: that time stands still, or how slowly it goes. */
static void small_state(const struct top *top, struct page *page)
{
	char text[24];

	if (top->paused)
		strcpy(text, "paused");
	else if (top->progress >= 0)
		snprintf(text, sizeof(text), "%.0f%%", top->progress * 100);
	else
		snprintf(text, sizeof(text), "%.0fs", top->interval);
	if (page_column(page) + strlen(text) + 1 >= top->width)
		return;
	page_to(page, STYLE_PLAIN, top->width - strlen(text) - 1);
	page_text(page, top->paused ? STYLE_WARN : STYLE_DIM, text);
}

/* Two lines for a small screen: what is worth knowing in the fewest columns. */
static void small_header(struct top *top, struct page *page)
{
	const struct totals *totals = &top->sample.totals;
	bool loud = false;
	double share, value;

	page_line(page);
	page_format(page, STYLE_TAB_ON, " %s ", top->sample.view->name);
	page_text(page, STYLE_PLAIN, " ");
	if (vitals_share(&top->vitals, &share)) {
		page_bar(page, fill_style(share), 8, share, true);
		page_format(page, STYLE_BOLD, " %.0f%% ", share * 100);
	}
	number(page, STYLE_BOLD, entries(top));
	if (totals->rated)
		page_format(page, STYLE_DIM, " +%.0f -%.0f/s", totals->fresh_rate, totals->gone_rate);
	small_state(top, page);
	for (unsigned i = 0; i < COUNTERS; i++)
		if (counters[i].loud == LOUD_DROP && vitals_rate(&top->vitals, i, NULL, &value) && value > 0) {
			if (!loud)
				page_line(page);
			page_text(page, STYLE_PLAIN, " ");
			rate(page, counters[i].name, value, true, STYLE_ALARM);
			loud = true;
		}
	filter_line(top, page);
}

void render_header(struct top *top, struct page *page)
{
	top->layout.tabs = UINT32_MAX;
	if (top_small(top)) {
		small_header(top, page);
		return;
	}
	title_line(top, page);
	fill_line(top, page);
	add_graph(top, page, 2);
	flow_line(top, page);
	add_graph(top, page, 1);
	loss_line(top, page);
	add_graph(top, page, 0);
	filter_line(top, page);
	note_lines(top, page);
	tabs_line(top, page);
}

static size_t prompt_shift(const struct top *top)
{
	size_t end = strlen(top->prompt.label) + 3 + top->prompt.cursor + 1;

	return top->width && end > top->width ? end - top->width : 0;
}

bool top_cursor(const struct top *top, unsigned *x, unsigned *y)
{
	unsigned lines = footer_lines(top);

	if (!top->asking)
		return false;
	*x = strlen(top->prompt.label) + 3 + top->prompt.cursor - prompt_shift(top);
	*y = top->height > lines ? top->height - lines : 0;
	return true;
}

static size_t error_width(const struct top *top)
{
	return top->width > 2 ? top->width - 1 : 1;
}

/* What is wrong stands under the word that is wrong. */
static void prompt_lines(const struct top *top, struct page *page)
{
	const struct prompt *prompt = &top->prompt;
	size_t indent = strlen(prompt->label) + 3, shift = prompt_shift(top);

	page_line(page);
	page_format(page, STYLE_KEY, " %s: ", prompt->label);
	page_mem(page, STYLE_PLAIN, prompt->text + shift, prompt->length - shift);
	if (!*prompt->error)
		return;
	page_line(page);
	page_to(page, STYLE_PLAIN, indent + (prompt->error_at > shift ? prompt->error_at - shift : 0));
	page_text(page, STYLE_BAD, "^");
	for (size_t i = 1; i < prompt->error_length; i++)
		page_text(page, STYLE_BAD, "~");
	for (size_t at = 0; at < strlen(prompt->error); at += error_width(top)) {
		page_line(page);
		page_text(page, STYLE_PLAIN, " ");
		page_mem(page, STYLE_BAD, prompt->error + at, strnlen(prompt->error + at, error_width(top)));
	}
}

unsigned footer_lines(const struct top *top)
{
	size_t length = top->asking ? strlen(top->prompt.error) : 0;

	return length ? 2 + (length + error_width(top) - 1) / error_width(top) : 1;
}

static void position(const struct top *top, struct page *page)
{
	char text[POSITION] = "";
	size_t count = top->listing.count, last = top->pane_scroll + top->pane_shown;

	if (top->mode != MODE_TABLE && top->pane_shown < top->pane_count)
		snprintf(text, sizeof(text), "%zu-%zu of %zu ", top->pane_scroll + 1, last, top->pane_count);
	else if (top->mode == MODE_TABLE && count && count < top->listing.total && top->cursor + 1 == count)
		snprintf(text, sizeof(text), "the first %zu of %zu ", count, top->listing.total);
	else if (top->mode == MODE_TABLE && count)
		snprintf(text, sizeof(text), "%zu of %zu ", top->cursor + 1, top->listing.total);
	if (top->width > page_column(page) + strlen(text)) {
		page_to(page, STYLE_PLAIN, top->width - strlen(text));
		page_text(page, STYLE_DIM, text);
	}
}

static unsigned hint_width(const struct key *key)
{
	return strcspn(key->name, ",") + strlen(key->label) + 3;
}

static void key_hint(struct page *page, const struct key *key, const char *label)
{
	page_format(page, STYLE_KEY, " %.*s", (int)strcspn(key->name, ","), key->name);
	page_format(page, STYLE_DIM, " %s ", label);
}

/* What position() takes for the last row: more than for the others. */
static unsigned position_width(const struct top *top)
{
	const char *first = top->listing.count < top->listing.total ? "the first " : "";

	return snprintf(NULL, 0, "%s%zu of %zu ", first, top->listing.count, top->listing.total);
}

/* As many keys as there is room for, and always the way to help, back and out. */
static void key_hints(const struct top *top, struct page *page)
{
	const struct key *help = key_with('?'), *quit = key_with('q'), *sort = key_with('s');
	unsigned rest = hint_width(help) + hint_width(quit) + position_width(top);

	if (top->mode != MODE_TABLE || top->depth)
		key_hint(page, key_with(CODE_BACKSPACE), "back");
	for (const struct key *key = keys; key->name && top->mode == MODE_TABLE; key++)
		if (key->label && key != help && key != quit && (key != sort || top->sample.view->sort) &&
		    page_column(page) + hint_width(key) + rest <= top->width)
			key_hint(page, key, key->label);
	key_hint(page, help, help->label);
	key_hint(page, quit, quit->label);
}

void render_footer(struct top *top, struct page *page)
{
	if (top->asking) {
		prompt_lines(top, page);
		return;
	}
	page_line(page);
	if (*top->message) {
		page_text(page, STYLE_PLAIN, " ");
		page_escaped(page, top->message_bad ? STYLE_BAD : STYLE_NOTE, top->message);
		return;
	}
	key_hints(top, page);
	position(top, page);
}
