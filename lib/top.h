/* The state of cttop without its terminal: what is shown, and what keys do to it. */
#ifndef TOP_H
#define TOP_H

#include "listing.h"
#include "page.h"
#include "prompt.h"
#include "service.h"

enum { DEPTH = 16, MESSAGE_SIZE = 256, NOTES = 4 };

enum mode { MODE_TABLE, MODE_HELP, MODE_DETAIL };
enum asking { ASK_NOTHING, ASK_FILTER, ASK_SEARCH, ASK_DELAY, ASK_SAVE };

/* Where Backspace goes back to. */
struct visit {
	const struct view *view;
	struct order order;
	int level;
	uint64_t selected;
	char *filter;
};

/* A column on the screen, for clicks. */
struct shown_column {
	const struct view_column *column;
	const struct field *field;	/* NULL: the bar */
	unsigned from, width;		/* on the screen */
	bool idle;			/* no row had a value so far */
	const struct shown_column *other;	/* has no room: its values stand here */
};

struct layout {
	struct shown_column columns[VIEW_COLUMNS];
	unsigned columns_count;
	unsigned heading, first_row, rows;	/* lines of the screen */
	unsigned tabs, tabs_from[16];		/* line and columns of the tabs */
	bool hidden;				/* some columns had no room */
};

/* Looks an address up without waiting: its name, or NULL for now. */
typedef const char *look_up(void *data, uint8_t family, const union address *address);

struct top {
	/* of the caller */
	const char *source;		/* "gateway", a file, "" for here */
	const struct names *labels;
	look_up *look_up;
	void *look_up_data;
	bool replay;
	/* what is shown */
	struct sample sample;
	struct vitals vitals;
	struct eventlog *log;
	struct listing listing;
	struct services *services;	/* NULL: ports have no names */
	char *filter_text;
	struct filter *filter;
	struct order order;
	int level;			/* of columns; below 0: so many are left out */
	unsigned left;			/* columns that are scrolled away */
	struct visit visits[DEPTH];
	unsigned depth;
	uint64_t selected;		/* identity of the row under the cursor; 0: the first one */
	size_t cursor, scroll;
	bool follow;			/* events: the cursor stays at the newest */
	enum mode mode;
	size_t pane_scroll, pane_shown, pane_count;	/* lines of help and detail */
	char search[64];		/* what fits is marked */
	uint64_t before_search;		/* the row that was selected then */
	bool paused, names, bits, active;
	double delay;			/* asked for, seconds */
	double interval;		/* what it really takes, seconds */
	double progress;		/* of the dump under way, 0 to 1; negative: none */
	uint64_t now;			/* the clock of the data, ns since 1970 */
	uint64_t calm_until;		/* of the clock in `ticks` */
	uint64_t ticks;			/* a clock that only goes forward, ns */
	char message[MESSAGE_SIZE];
	bool message_bad;
	char notes[NOTES][160];		/* what the reader ought to know; empty ones are not shown */
	/* asking */
	enum asking asking;
	struct prompt prompt;
	struct history filters, searches;
	/* the screen */
	unsigned width, height;
	bool utf8;
	struct layout layout;
	unsigned widths[VIEW_COLUMNS];
	bool seen_value[VIEW_COLUMNS];
	unsigned long long listed_changes;
	/* what the caller is to do: it clears these */
	bool quit, read_now, redraw_all;
	int step;			/* replay: so many intervals on, or back */
	char save[PROMPT_SIZE];		/* a file to write the screen to */
};

void top_init(struct top *top);		/* memory_exhausted() ends it when memory is out, as all here */
void top_release(struct top *top);

/* NULL, or what is wrong: then the old filter stays. */
const char *top_filter(struct top *top, const char *text, struct filter_error *error);
void top_view(struct top *top, const struct view *view);
void top_order(struct top *top, const struct order *order);
/* "FIELD" or "-FIELD"; false if this view has no such column. */
bool top_sort(struct top *top, const char *word);

/* A key, lines to go, or a click on a cell of the screen. */
void top_key(struct top *top, int code);
void top_wheel(struct top *top, int lines);
void top_click(struct top *top, unsigned x, unsigned y, bool twice);

/* After a sample or an event: new rows. top_refresh(): only where the old ones cannot be shown any more. */
void top_update(struct top *top);
void top_refresh(struct top *top);

/* The screen: height lines of width columns; height 0: as many as there are rows. */
void top_render(struct top *top, struct page *page);

/* Where the terminal's cursor belongs: in a line that is typed. False: nowhere. */
bool top_cursor(const struct top *top, unsigned *x, unsigned *y);

void top_say(struct top *top, bool bad, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void top_note(struct top *top, unsigned which, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* parts of the screen, for top_render() */
void render_header(struct top *top, struct page *page);
void render_table(struct top *top, struct page *page, unsigned lines);
void render_help(struct top *top, struct page *page, unsigned lines);
void render_detail(struct top *top, struct page *page, unsigned lines);
void render_footer(struct top *top, struct page *page);
unsigned footer_lines(const struct top *top);
bool top_small(const struct top *top);

/* The text of a cell, and its style. Outputs nothing for an absent value. */
enum style cell_put(const struct top *top, struct out *out, const struct shown_column *column,
		    const struct row *row);

/* The columns that the view has now, without widths. */
void top_row(const struct top *top, size_t place, struct row *row);
unsigned top_columns(const struct top *top, struct shown_column *columns);

#endif
