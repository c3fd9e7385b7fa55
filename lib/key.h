/* The keys of cttop: one table that help, footer and manual are made from. */
#ifndef KEY_H
#define KEY_H

struct top;

/* A key is its character, or one of these. */
#define CTRL(c) ((c) & 31)
enum {
	CODE_ESCAPE = 27,
	CODE_UP = 0x200000, CODE_DOWN, CODE_LEFT, CODE_RIGHT, CODE_PAGE_UP, CODE_PAGE_DOWN, CODE_HOME,
	CODE_END, CODE_BACKSPACE, CODE_DELETE, CODE_BACKTAB, CODE_F1, CODE_F10, CODE_RESIZE, CODE_MOUSE,
	CODE_NONE,
};

struct key {
	int codes[5];			/* 0 ends; the first one is the key's own */
	const char *name;		/* as the manual writes it: "PgDn, ^F" */
	const char *label;		/* for the footer; NULL: not there */
	const char *help;
	void (*act)(struct top *top, int argument);
	int argument;
};

/* In the order of the help screen. Ends with a row whose name is NULL. */
extern const struct key keys[];

const struct key *key_with(int code);	/* NULL: no key has it */

#endif
