/* Editing one line: the keys that readline users have in their fingers. */
#include "prompt.h"

#include "key.h"
#include "memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void set(struct prompt *prompt, const char *text)
{
	snprintf(prompt->text, sizeof(prompt->text), "%s", text);
	prompt->length = prompt->cursor = strlen(prompt->text);
}

bool prompt_open(struct prompt *prompt, const char *label, const char *text, struct history *history)
{
	if (strlen(text) >= sizeof(prompt->text))
		return false;
	memset(prompt, 0, sizeof(*prompt));
	prompt->label = label;
	prompt->history = history;
	set(prompt, text);
	return true;
}

static void cut(struct prompt *prompt, size_t from, size_t to)
{
	memmove(prompt->text + from, prompt->text + to, prompt->length - to + 1);
	prompt->length -= to - from;
	prompt->cursor = from;
}

static enum prompt_result insert(struct prompt *prompt, int code)
{
	if (code < ' ' || code > '~' || prompt->length + 1 >= sizeof(prompt->text))
		return PROMPT_GOES_ON;
	memmove(prompt->text + prompt->cursor + 1, prompt->text + prompt->cursor,
		prompt->length - prompt->cursor + 1);
	prompt->text[prompt->cursor++] = code;
	prompt->length++;
	return PROMPT_CHANGED;
}

static void recall(struct prompt *prompt, int step)
{
	const struct history *history = prompt->history;
	unsigned back = prompt->back + step;

	if (!history || back > history->count)
		return;
	if (!prompt->back)
		strcpy(prompt->draft, prompt->text);
	prompt->back = back;
	set(prompt, back ? history->lines[history->count - back] : prompt->draft);
}

static size_t word_start(const struct prompt *prompt)
{
	size_t at = prompt->cursor;

	while (at && prompt->text[at - 1] == ' ')
		at--;
	while (at && prompt->text[at - 1] != ' ')
		at--;
	return at;
}

enum prompt_result prompt_key(struct prompt *prompt, int code)
{
	size_t before = prompt->length;

	prompt->error[0] = '\0';
	switch (code) {
	case '\r':
	case '\n':
		return PROMPT_DONE;
	case CODE_ESCAPE:
	case CTRL('g'):
	case CTRL('c'):
		return PROMPT_CANCELLED;
	case CODE_LEFT:
	case CTRL('b'):
		prompt->cursor -= prompt->cursor > 0;
		return PROMPT_GOES_ON;
	case CODE_RIGHT:
	case CTRL('f'):
		prompt->cursor += prompt->cursor < prompt->length;
		return PROMPT_GOES_ON;
	case CODE_HOME:
	case CTRL('a'):
		prompt->cursor = 0;
		return PROMPT_GOES_ON;
	case CODE_END:
	case CTRL('e'):
		prompt->cursor = prompt->length;
		return PROMPT_GOES_ON;
	case CODE_UP:
	case CTRL('p'):
		recall(prompt, 1);
		return PROMPT_CHANGED;
	case CODE_DOWN:
	case CTRL('n'):
		recall(prompt, -1);
		return PROMPT_CHANGED;
	case CODE_BACKSPACE:
		if (!prompt->length)
			return PROMPT_CANCELLED;
		if (prompt->cursor)
			cut(prompt, prompt->cursor - 1, prompt->cursor);
		break;
	case CODE_DELETE:
	case CTRL('d'):
		if (prompt->cursor < prompt->length)
			cut(prompt, prompt->cursor, prompt->cursor + 1);
		break;
	case CTRL('u'):
		cut(prompt, 0, prompt->cursor);
		break;
	case CTRL('k'):
		cut(prompt, prompt->cursor, prompt->length);
		break;
	case CTRL('w'):
		cut(prompt, word_start(prompt), prompt->cursor);
		break;
	default:
		return insert(prompt, code);
	}
	return prompt->length == before ? PROMPT_GOES_ON : PROMPT_CHANGED;
}

void history_add(struct history *history, const char *line)
{
	char *copy;

	if (!*line || (history->count && !strcmp(history->lines[history->count - 1], line)))
		return;
	copy = strdup(line);
	if (!copy)
		memory_exhausted();
	if (history->count == PROMPT_HISTORY) {
		free(history->lines[0]);
		memmove(history->lines, history->lines + 1, sizeof(history->lines) - sizeof(*history->lines));
		history->count--;
	}
	history->lines[history->count++] = copy;
}

void history_release(struct history *history)
{
	for (unsigned i = 0; i < history->count; i++)
		free(history->lines[i]);
	history->count = 0;
}
