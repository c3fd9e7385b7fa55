/* The terminal: the only user of ncurses. What is shown comes as a page, keys go out as codes. */
#ifndef SCREEN_H
#define SCREEN_H

#include "page.h"

/* What a mouse did. */
struct mouse {
	unsigned x, y;
	int wheel;		/* lines to go, or 0: a click */
	bool twice;
};

/*
 * Takes the terminal over; `colour` false: none. NULL, or why not. From here on any end of the
 * process that can be caught gives it back, also a failed assertion and a fault.
 */
const char *screen_open(bool colour);
void screen_close(void);

void screen_size(unsigned *width, unsigned *height);
void screen_draw(const struct page *page, int cursor_x, int cursor_y);	/* -1: no cursor */
void screen_clear(void);		/* the next draw paints everything */

/* The next key (key.h), CODE_NONE if there is none. CODE_RESIZE: ask for the size. CODE_MOUSE: see
 * *mouse. */
int screen_key(struct mouse *mouse);

/* The terminal is gone (SIGHUP). */
bool screen_gone(void);

#endif
