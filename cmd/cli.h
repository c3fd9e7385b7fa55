/* One option table per command gives the parser, --help and what completion asks for. */
#ifndef CLI_H
#define CLI_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

struct filter;
struct out;

/*
 * An option. set() gets what stands `at` bytes into the command's own structure (whose first member
 * is a struct session; 0: the structure itself), and the argument, NULL if the option takes none; it
 * returns NULL, or what is wrong in a few words.
 * `values` tells completion what the argument is: FIELD, FIELDS, FILE, NETNS, or a list a,b,c.
 */
struct option_row {
	const char *name;
	char letter;			/* 0: none */
	const char *argument;		/* NULL: none */
	const char *values;
	const char *help;
	const char *(*set)(void *to, const char *argument);
	size_t at;
	unsigned shared;		/* the shared rows: which commands have it, WITH_ bits */
};

enum {
	WITH_ALL = 1,			/* every command */
	WITH_FILES = 2,			/* -r */
	WITH_WRITE = 4,			/* -w */
	WITH_COLUMNS = 8,		/* -o -F */
	WITH_FILTER = 16,		/* FILTER... and --explain-filter */
	WITH_NETNS = 32,
	WITH_FORMAT = 64,
};

struct format_row {
	const char *name;		/* NULL ends the list */
	int value;
};

struct command {
	const char *name;
	const char *summary;		/* "list the flows in the connection tracking table" */
	const struct option_row *options;	/* its own; ends with a row whose name is NULL */
	unsigned shared;		/* WITH_ bits */
	unsigned fields;		/* IN_ bits: which fields -F lists and -o takes */
	const struct format_row *formats;
	/* What the kernel does of a filter, as lines; NULL: that of a dump. */
	void (*explain)(struct out *out, const struct filter *filter);
	const char *const *examples;	/* pairs of command line and what it does; NULL ends */
	void (*before_netns)(void *config);	/* to be called before --netns is entered; NULL: nothing */
};

/* Rows that commands share; ends with a row whose name is NULL. */
extern const struct option_row shared_options[];

/*
 * Reads the options into config. Returns the index of the first word of the filter. Does not return
 * on --help, --version and the like (exit 0), or if a word is not understood: one line on stderr
 * that names it, exit 2.
 */
int cli_parse(const struct command *command, void *config, int argc, char **argv);

/* One line on stderr, "COMMAND: message" and "try 'COMMAND --help'", exit 2. */
_Noreturn void cli_usage(const struct command *command, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* One line on stderr, "NAME: message" and `last`, without anything that a terminal would obey. So do the
 * functions of err.h in this program. */
void say(const char *name, const char *format, va_list args, const char *last)
	__attribute__((format(printf, 2, 0)));

/* The end of what only prints: exit 0, or 2 if standard output did not take it. */
_Noreturn void cli_leave(void);

/* Setters of members: a bool becomes true, a const char * the argument, an unsigned long long
 * its number (at least 1, if so called), a double its seconds. */
const char *cli_flag(void *to, const char *argument);
const char *cli_text(void *to, const char *argument);
const char *cli_number(void *to, const char *argument);
const char *cli_positive(void *to, const char *argument);
const char *cli_seconds(void *to, const char *argument);

#endif
