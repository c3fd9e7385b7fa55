/* A screen as lines of styled text: what the terminal, --batch and the tests all show. */
#ifndef PAGE_H
#define PAGE_H

#include "out.h"

/* What a piece of text is; how that looks is up to the terminal (style_looks). */
enum style {
	STYLE_PLAIN, STYLE_DIM, STYLE_BOLD, STYLE_TITLE, STYLE_HEADING, STYLE_SORTED, STYLE_GOOD,
	STYLE_YOUNG, STYLE_WARN, STYLE_BAD, STYLE_ALARM, STYLE_BAR, STYLE_TROUGH, STYLE_GRAPH,
	STYLE_ZERO, STYLE_KEY, STYLE_TAB, STYLE_TAB_ON, STYLE_MATCH, STYLE_GONE, STYLE_NOTE, STYLES
};

/* Colours of the 256-colour and of the 8-colour palette, -1 for the terminal's own. */
struct look {
	int16_t fore, back, fore8, back8;
	int16_t lit;			/* fore of 256 colours under the cursor; 0: the same */
	bool bold, dim, reverse, underline;
};
extern const struct look style_looks[STYLES];
extern const int16_t selected_back, selected_back8;

struct span {
	uint32_t start, length;		/* bytes of page->text */
	uint16_t columns;
	uint8_t style;
};

struct line {
	uint32_t spans, count;		/* the first one and how many */
	uint16_t columns;
	bool selected;			/* the row under the cursor */
};

/*
 * Text beyond `width` is cut; 0: nothing is. What is put must be printable: strings from outside go
 * through page_escaped(). Every character is one column wide.
 */
struct page {
	unsigned width;
	bool utf8;
	struct out text;
	struct span *spans;
	struct line *lines;
	unsigned spans_count, spans_room, lines_count, lines_room;
};

void page_init(struct page *page, unsigned width, bool utf8);
void page_release(struct page *page);
void page_clear(struct page *page, unsigned width);

/* Gives each place of the last line that has the text, in any case, this style. */
void page_mark(struct page *page, enum style style, const char *text);

/* Begins a line; what is put from now on stands there. */
void page_line(struct page *page);
void page_drop(struct page *page, unsigned lines);	/* the first lines */
unsigned page_column(const struct page *page);	/* where the next text goes */

void page_text(struct page *page, enum style style, const char *text);
void page_mem(struct page *page, enum style style, const char *text, size_t length);
void page_format(struct page *page, enum style style, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void page_escaped(struct page *page, enum style style, const char *text);
/* Escaped, from a column on, and in further lines from the same one, by whole words where that can be. */
void page_wrapped(struct page *page, enum style style, const char *text, unsigned column);
/* Blanks up to a column; none if the line is there already. */
void page_to(struct page *page, enum style style, unsigned column);
void page_repeat(struct page *page, enum style style, const char *glyph, unsigned count);

/* A bar of `width` columns filled to share (0 to 1); with a trough, or on nothing. */
void page_bar(struct page *page, enum style style, unsigned width, double share, bool trough);
/* A sparkline: values scaled from `low` to `high`. */
void page_spark(struct page *page, enum style style, const double *values, unsigned count, double low,
		double high);

/* The page as text: with escape sequences if `colours` is 8 or 256. Trailing blanks are left out. */
void page_write(const struct page *page, struct out *out, int colours);

/* Numbers for people, at most five characters: 999, 1.2k, 34k, 5.6M; a rate below 10 has a decimal. */
void put_human(struct out *out, uint64_t value);
void put_rate(struct out *out, uint64_t thousandths);

#endif
