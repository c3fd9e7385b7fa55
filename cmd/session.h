/* What every command does around its own work: options, namespace, source, privileges, last words. */
#ifndef SESSION_H
#define SESSION_H

#include "cli.h"
#include "filter.h"
#include "print.h"
#include "source.h"
#include "timeouts.h"

enum { FILES = 256 };

struct session {
	const struct command *command;
	/* what was asked for */
	const char *netns, *write, *columns;
	const char *files[FILES];
	unsigned files_count;
	int format;			/* from the command's formats */
	unsigned conntrack;		/* CONNTRACK_ bits of -f conntrack,... */
	unsigned fields;		/* IN_ bits that -o takes; the command's, until it says less */
	const struct field *rows;	/* what -F lists and -o takes; NULL: the table of flows */
	bool no_header, list_fields, list_words, explain, no_sandbox, verbose;
	enum { COLOR_AUTO, COLOR_ALWAYS, COLOR_NEVER } color;
	/* what came of it */
	struct filter *filter;
	char *filter_text;
	struct names names;
	struct timeouts timeouts;
	struct out out;			/* standard output */
	struct asker *asker;		/* who asks when we may not any more; NULL: nobody */
	struct source *source;
	struct capture *capture;
	unsigned long long complaints;
	bool live, nothing;		/* nothing: conntrack is not there at all */
	bool confined;
	bool failed;
};

/*
 * Reads options and filter, joins the namespace. Exits as cli_parse() does; -F and --explain-filter
 * end here too. config is the command's structure with the session as its first member.
 */
void session_start(struct session *session, const struct command *command, int argc, char **argv);

/* For commands that ask the kernel more than once: to be called before anything is opened. */
void session_asks_again(struct session *session);

/*
 * Opens -r or the dump of a table, with what the kernel can filter, and -w; then gives up all
 * capabilities. `want`: what the columns need, the filter's part is added. Exits with a message if
 * that fails. NULL if conntrack is not there: an empty table. After session_asks_again() it may be
 * called for another sample; the source before it is closed.
 */
struct source *session_dump(struct session *session, enum table table, uint64_t want);

/* Opens -w, if it was asked for: session->capture. The dump and the events above are written there. */
void session_capture(struct session *session);

/* For commands that open their sources themselves: gives up all capabilities, and all system calls
 * but those for reading and for `needs` (SANDBOX_ bits), just before the first byte is parsed. */
void session_confine(const struct session *session, unsigned needs);

/* The same with the events of `groups` (source_events()) instead of a dump. Nothing is given up: that
 * is left to the caller (session_confine()). */
struct source *session_events(struct session *session, unsigned groups, size_t buffer, uint64_t want);

/* Tells why source_read() returned -1: exits. */
_Noreturn void session_fail(struct session *session, const char *what);

/* The columns of -o, or `preset`, as a list that the caller frees; +LIST adds to the preset. JSON
 * without -o: all fields of the command. Exits if a name is unknown. */
const struct field **session_columns(struct session *session, const char *preset, unsigned *count);

/* Width, colour and format as asked for, and as the terminal is. */
struct print_options session_print(const struct session *session);

/* What fields need to be decoded. */
uint64_t session_wants(const struct field *const *columns, unsigned count);

/* SIGINT and SIGTERM were caught, or nobody reads us any more: come to an end. */
bool session_stopped(const struct session *session);

/* On an empty answer, when stderr is a terminal: why that may be. */
void session_explain_empty(const struct session *session);

/* Says why no flow has some of what was asked for, both HAS_ bits: settings that were off. */
void session_explain_absent(const struct session *session, uint64_t asked, uint64_t had);

/* For struct complaint, with the session as data: the first few go to stderr, all are counted. */
void session_complain(void *data, const char *file, unsigned long long number, const char *what);

/* The path of this program, for advice on how to get at its privileges. */
const char *session_path(char *path, size_t size);

/* Nothing could be read of the files: an empty table, or a 0, would be a false answer. */
bool session_unread(const struct session *session);

/* Flushes, closes, reports what could not be read or written; the exit status. */
int session_end(struct session *session);

/* A field name, exits if unknown: "--sort: 'foo' is no field". */
const struct field *session_field(const struct session *session, const char *option,
				  const char *name, size_t length);

#endif
