/* The functions of err.h as all commands use them: names of files and other words come from strangers, so
 * what is no printable character of this locale is shown as \xNN. Nothing is allocated. */
#include "cli.h"

#include <err.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>
#include <wctype.h>

enum { LONGEST = 8192 };	/* two paths and what is said of them */
enum { NAME = 64 };	/* argv[0] is the caller's, who may be a stranger where the file has capabilities */

/* Length of the printable character at text; 0 if there is none. */
static size_t printable(const char *text)
{
	mbstate_t state = { 0 };
	wchar_t wide;
	size_t length = mbrtowc(&wide, text, strlen(text), &state);

	return length > 0 && length <= MB_LEN_MAX && iswprint(wide) ? length : 0;
}

static void escape(char *to, size_t size, const char *text)
{
	char *end = to + size - MB_LEN_MAX - 1;

	while (*text && to < end) {
		size_t length = printable(text);

		if (length) {
			memcpy(to, text, length);
			to += length;
			text += length;
		} else {
			to += sprintf(to, "\\x%02x", (unsigned char)*text++);
		}
	}
	strcpy(to, "\n");
}

void say(const char *name, const char *format, va_list args, const char *last)
{
	char text[LONGEST], line[LONGEST];
	size_t length;

	snprintf(text, sizeof(text), "%.*s: ", NAME, name);
	length = strlen(text);
	vsnprintf(text + length, sizeof(text) - length, format, args);
	length = strlen(text);
	snprintf(text + length, sizeof(text) - length, "%s", last);
	escape(line, sizeof(line), text);
	fputs(line, stderr);
}

#define SAY(last) \
	do { \
		va_list args; \
		va_start(args, format); \
		say(program_invocation_short_name, format, args, last); \
		va_end(args); \
	} while (0)

/* ": " and what errno says. */
static const char *reason(char *text, size_t size)
{
	int error = errno;

	snprintf(text, size, ": %s", strerror(error));
	errno = error;
	return text;
}

void warnx(const char *format, ...)
{
	SAY("");
}

void warn(const char *format, ...)
{
	char text[128];

	reason(text, sizeof(text));
	SAY(text);
}

void errx(int status, const char *format, ...)
{
	SAY("");
	exit(status);
}

void err(int status, const char *format, ...)
{
	char text[128];

	reason(text, sizeof(text));
	SAY(text);
	exit(status);
}
