/* Lines of styled text, and the bars and sparklines on them. */
#include "page.h"

#include "memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

const struct look style_looks[STYLES] = {
	[STYLE_PLAIN]	= { -1, -1, -1, -1 },
	[STYLE_DIM]	= { 244, -1, -1, -1, .lit = 252, .dim = true },
	[STYLE_BOLD]	= { -1, -1, -1, -1, .bold = true },
	[STYLE_TITLE]	= { 117, -1, 6, -1, .bold = true },
	[STYLE_HEADING]	= { 251, 237, -1, -1, .bold = true },
	[STYLE_SORTED]	= { 232, 110, 0, 6, .bold = true },
	[STYLE_GOOD]	= { 114, -1, 2, -1 },
	[STYLE_YOUNG]	= { 222, -1, 3, -1 },
	[STYLE_WARN]	= { 215, -1, 3, -1, .bold = true },
	[STYLE_BAD]	= { 203, -1, 1, -1, .bold = true },
	[STYLE_ALARM]	= { 231, 160, 7, 1, .bold = true },
	[STYLE_BAR]	= { 74, -1, 6, -1 },
	[STYLE_TROUGH]	= { 240, -1, -1, -1, .dim = true },
	[STYLE_ZERO]	= { 239, -1, -1, -1, .lit = 110, .dim = true },
	[STYLE_GRAPH]	= { 110, -1, 6, -1 },
	[STYLE_KEY]	= { 117, -1, 6, -1, .bold = true },
	[STYLE_TAB]	= { 248, -1, -1, -1 },
	[STYLE_TAB_ON]	= { 232, 117, 0, 6, .bold = true },
	[STYLE_MATCH]	= { 232, 222, 0, 3 },
	[STYLE_GONE]	= { 240, -1, -1, -1, .lit = 110, .dim = true },
	[STYLE_NOTE]	= { 180, -1, 3, -1 },
};
const int16_t selected_back = 24, selected_back8 = 4;

void page_init(struct page *page, unsigned width, bool utf8)
{
	memset(page, 0, sizeof(*page));
	page->utf8 = utf8;
	page->width = width;
	out_init(&page->text, -1);
}

void page_release(struct page *page)
{
	out_release(&page->text);
	free(page->spans);
	free(page->lines);
}

void page_clear(struct page *page, unsigned width)
{
	page->width = width;
	page->spans_count = page->lines_count = 0;
	out_clear(&page->text);
}

void page_line(struct page *page)
{
	if (page->lines_count == page->lines_room) {
		page->lines_room = page->lines_room ? 2 * page->lines_room : 64;
		page->lines = must(realloc(page->lines, page->lines_room * sizeof(*page->lines)));
	}
	page->lines[page->lines_count++] = (struct line){ .spans = page->spans_count };
}

void page_drop(struct page *page, unsigned lines)
{
	if (lines > page->lines_count)
		lines = page->lines_count;
	page->lines_count -= lines;
	memmove(page->lines, page->lines + lines, page->lines_count * sizeof(*page->lines));
}

unsigned page_column(const struct page *page)
{
	return page->lines_count ? page->lines[page->lines_count - 1].columns : 0;
}

static struct span *new_span(struct page *page, enum style style)
{
	struct line *line = &page->lines[page->lines_count - 1];

	if (page->spans_count == page->spans_room) {
		page->spans_room = page->spans_room ? 2 * page->spans_room : 256;
		page->spans = must(realloc(page->spans, page->spans_room * sizeof(*page->spans)));
	}
	line->count++;
	page->spans[page->spans_count] = (struct span){ .start = out_length(&page->text), .style = style };
	return &page->spans[page->spans_count++];
}

/* The span to add to: the last one of the line if it has this style. */
static struct span *span_of(struct page *page, enum style style)
{
	const struct line *line = &page->lines[page->lines_count - 1];

	if (line->count && page->spans[page->spans_count - 1].style == style)
		return &page->spans[page->spans_count - 1];
	return new_span(page, style);
}

static size_t glyph_length(const char *text, size_t left)
{
	size_t length = 1;

	while (length < left && ((unsigned char)text[length] & 0xc0) == 0x80)
		length++;
	return length;
}

void page_mem(struct page *page, enum style style, const char *text, size_t length)
{
	struct line *line = &page->lines[page->lines_count - 1];
	struct span *span;
	size_t end = 0;
	unsigned columns = 0;

	while (end < length && (!page->width || line->columns + columns < page->width)) {
		end += glyph_length(text + end, length - end);
		columns++;
	}
	if (!end)
		return;
	span = span_of(page, style);
	out_mem(&page->text, text, end);
	span->length += end;
	span->columns += columns;
	line->columns += columns;
}

void page_text(struct page *page, enum style style, const char *text)
{
	page_mem(page, style, text, strlen(text));
}

void page_format(struct page *page, enum style style, const char *format, ...)
{
	char text[1024];
	va_list args;
	int length;

	va_start(args, format);
	length = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (length > 0)
		page_mem(page, style, text, length < (int)sizeof(text) ? (size_t)length : sizeof(text) - 1);
}

void page_escaped(struct page *page, enum style style, const char *text)
{
	struct out plain;

	out_init(&plain, -1);
	out_escaped(&plain, text);
	page_mem(page, style, plain.buf, out_length(&plain));
	out_release(&plain);
}

/* How much of a text goes on a line of so many columns. */
static size_t fitting(const char *text, size_t room)
{
	size_t length = strlen(text), cut = room;

	if (length <= room)
		return length;
	while (cut && text[cut] != ' ')
		cut--;
	return cut ? cut : room;
}

void page_wrapped(struct page *page, enum style style, const char *text, unsigned column)
{
	const unsigned least = 8;
	unsigned room = page->width > column + least ? page->width - column - 1 : least;
	struct out piece;

	out_init(&piece, -1);
	while (*text) {
		size_t length = fitting(text, page->width ? room : SIZE_MAX);

		out_clear(&piece);
		out_mem(&piece, text, length);
		out_mem(&piece, "", 1);
		page_to(page, STYLE_PLAIN, column);
		page_escaped(page, style, piece.buf);
		text += length + (text[length] == ' ');
		if (*text)
			page_line(page);
	}
	out_release(&piece);
}

/* Where the text comes next, or `end`. */
static size_t find_text(const struct page *page, size_t from, size_t end, const char *text)
{
	size_t length = strlen(text);

	for (; from + length <= end; from++)
		if (!strncasecmp(page->text.buf + from, text, length))
			return from;
	return end;
}

static void add_piece(struct page *page, enum style style, size_t from, size_t to)
{
	struct span *span = new_span(page, style);

	span->start = from;
	span->length = to - from;
	for (size_t at = from; at < to; at += glyph_length(page->text.buf + at, to - at))
		span->columns++;
}

void page_mark(struct page *page, enum style style, const char *text)
{
	struct line *line = &page->lines[page->lines_count - 1];
	size_t size = line->count * sizeof(struct span), length = strlen(text), end = out_length(&page->text);
	struct span *old;
	size_t hit;

	if (!line->count || !length)
		return;
	old = must(malloc(size));
	memcpy(old, &page->spans[line->spans], size);
	hit = find_text(page, old->start, end, text);
	page->spans_count = line->spans;
	line->count = 0;
	for (const struct span *span = old; span < old + size / sizeof(*old); span++)
		for (size_t at = span->start, last = at + span->length, to; at < last; at = to) {
			bool in;

			if (at >= hit + length)
				hit = find_text(page, at, end, text);
			in = at >= hit;
			to = in ? hit + length : hit;
			to = to < last ? to : last;
			add_piece(page, in ? style : span->style, at, to);
		}
	free(old);
}

void page_repeat(struct page *page, enum style style, const char *glyph, unsigned count)
{
	while (count-- && (!page->width || page_column(page) < page->width))
		page_text(page, style, glyph);
}

void page_to(struct page *page, enum style style, unsigned column)
{
	unsigned at = page_column(page);

	if (column > at)
		page_repeat(page, style, " ", column - at);
}

static const char *const eighths[] = { " ", "\u258f", "\u258e", "\u258d", "\u258c", "\u258b", "\u258a", "\u2589" };
static const char *const levels[] = { "\u2581", "\u2582", "\u2583", "\u2584", "\u2585", "\u2586", "\u2587", "\u2588" };
static const char *const plain_levels[] = { "_", ".", ":", "-", "=", "+", "*", "#" };

static unsigned nearest(double value)
{
	return ((unsigned)(value * 2) + 1) / 2;
}

static void plain_bar(struct page *page, enum style style, unsigned width, double share, bool trough)
{
	unsigned inside = trough ? width - 2 : width, full = nearest(share * inside);

	if (!trough) {
		page_repeat(page, style, "#", full);
		page_repeat(page, STYLE_PLAIN, " ", width - full);
		return;
	}
	page_text(page, STYLE_DIM, "[");
	page_repeat(page, style, "#", full);
	page_repeat(page, STYLE_DIM, ".", inside - full);
	page_text(page, STYLE_DIM, "]");
}

void page_bar(struct page *page, enum style style, unsigned width, double share, bool trough)
{
	unsigned parts;

	share = share < 0 ? 0 : share > 1 ? 1 : share;
	if (width < 3)
		return;
	if (!page->utf8) {
		plain_bar(page, style, width, share, trough);
		return;
	}
	parts = nearest(share * width * 8);
	page_repeat(page, style, "\u2588", parts / 8);
	if (parts % 8)
		page_text(page, style, eighths[parts % 8]);
	page_repeat(page, trough ? STYLE_TROUGH : STYLE_PLAIN, trough ? "\u2591" : " ", width - (parts + 7) / 8);
}

/* A value that is not known (negative) is a gap. */
void page_spark(struct page *page, enum style style, const double *values, unsigned count, double low,
		double high)
{
	const char *const *glyphs = page->utf8 ? levels : plain_levels;

	for (unsigned i = 0; i < count; i++) {
		double share = high > low ? (values[i] - low) / (high - low) : 0;
		int level = share > 0 ? (int)nearest(share * 7) : 0;

		page_text(page, style, values[i] < 0 ? " " : glyphs[level < 0 ? 0 : level > 7 ? 7 : level]);
	}
}

static void put_colour(struct out *out, int which, int colour, int colours)
{
	if (colour < 0)
		return;
	if (colours > 8)
		out_format(out, ";%d;5;%d", which + 8, colour);
	else
		out_format(out, ";%d", which + colour);
}

static void put_look(struct out *out, const struct look *look, int colours)
{
	out_text(out, "\033[0");
	if (look->bold)
		out_text(out, ";1");
	if (look->dim && colours <= 8)
		out_text(out, ";2");
	if (look->underline)
		out_text(out, ";4");
	if (look->reverse)
		out_text(out, ";7");
	put_colour(out, 30, colours > 8 ? look->fore : look->fore8, colours);
	put_colour(out, 40, colours > 8 ? look->back : look->back8, colours);
	out_text(out, "m");
}

static void write_span(const struct page *page, struct out *out, const struct span *span,
		       bool selected, int colours)
{
	struct look look = style_looks[span->style];

	if (selected && look.back < 0) {
		look.back = selected_back;
		look.back8 = selected_back8;
	}
	if (selected && look.lit)
		look.fore = look.lit;
	if (colours && (span->style != STYLE_PLAIN || selected))
		put_look(out, &look, colours);
	out_mem(out, page->text.buf + span->start, span->length);
	if (colours && (span->style != STYLE_PLAIN || selected))
		out_text(out, "\033[0m");
}

void page_write(const struct page *page, struct out *out, int colours)
{
	bool hold = out->hold;

	for (unsigned i = 0; i < page->lines_count; i++) {
		const struct line *line = &page->lines[i];
		size_t start;

		out_room(out, OUT_ROOM);
		out->hold = true;
		start = out_length(out);
		for (unsigned s = 0; s < line->count; s++)
			write_span(page, out, &page->spans[line->spans + s], line->selected, colours);
		while (out_length(out) > start && out->at[-1] == ' ')
			out->at--;
		out->hold = hold;
		out_text(out, "\n");
	}
}

static void put_scaled(struct out *out, double value, bool decimal)
{
	static const char units[] = { 0, 'k', 'M', 'G', 'T', 'P', 'E' };
	unsigned unit = 0;

	while (value >= 999.5 && unit < sizeof(units) - 1) {
		value /= 1000;
		unit++;
	}
	if (unit)
		out_format(out, value < 9.95 ? "%.1f%c" : "%.0f%c", value, units[unit]);
	else
		out_format(out, "%.*f", decimal, value);
}

void put_human(struct out *out, uint64_t value)
{
	put_scaled(out, value, false);
}

void put_rate(struct out *out, uint64_t thousandths)
{
	double value = thousandths / 1000.0;

	put_scaled(out, value, value < 9.95 && thousandths % 1000);
}
