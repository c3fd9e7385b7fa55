/* A line that is typed: with a history, and a place for what is wrong with it. */
#ifndef PROMPT_H
#define PROMPT_H

#include <stdbool.h>
#include <stddef.h>

enum { PROMPT_SIZE = 4096, PROMPT_HISTORY = 32 };

struct history {
	char *lines[PROMPT_HISTORY];
	unsigned count;
};

struct prompt {
	const char *label;
	char text[PROMPT_SIZE];
	size_t length, cursor;
	struct history *history;	/* the caller's; may be NULL */
	unsigned back;			/* how far back in the history the text is from */
	char draft[PROMPT_SIZE];	/* what was typed before going back */
	char error[256];		/* empty: nothing is wrong */
	size_t error_at, error_length;
};

enum prompt_result { PROMPT_GOES_ON, PROMPT_CHANGED, PROMPT_DONE, PROMPT_CANCELLED };

/* False: the text is too long to be edited. */
bool prompt_open(struct prompt *prompt, const char *label, const char *text, struct history *history);

/* A key (key.h) goes in. */
enum prompt_result prompt_key(struct prompt *prompt, int code);

/* Puts a line at the end unless it stands there already. */
void history_add(struct history *history, const char *line);
void history_release(struct history *history);

#endif
