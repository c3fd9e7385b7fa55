/* What every command does around its own work. The talking is done here, not in the library. */
#include "session.h"

#include "asker.h"
#include "capture.h"
#include "conntrack.h"
#include "memory.h"
#include "lists.h"
#include "netns.h"
#include "privs.h"
#include "pushdown.h"
#include "sandbox.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <langinfo.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { COMPLAINTS = 10 };

static volatile sig_atomic_t stopped;

static void stop(int signal)
{
	(void)signal;
	stopped = 1;
}

static const char *set_read(void *config, const char *argument)
{
	struct session *session = config;

	if (session->files_count == FILES)
		return "too many files";
	session->files[session->files_count++] = argument;
	return NULL;
}

/* conntrack,extended,id: what follows the first word are conntrack's own -o words. */
static const char *set_format(void *config, const char *argument)
{
	struct session *session = config;
	size_t length = strcspn(argument, ",");
	const struct format_row *row = session->command->formats;

	while (row->name && (strlen(row->name) != length || strncmp(row->name, argument, length)))
		row++;
	if (!row->name)
		return "no such format";
	session->format = row->value;
	session->conntrack = 0;
	for (argument += length; *argument; argument += length) {
		unsigned bit;

		argument++;
		length = strcspn(argument, ",");
		bit = conntrack_option(argument, length);
		if (row->value != FORMAT_CONNTRACK || !bit)
			return "not an option of this format";
		session->conntrack |= bit;
	}
	return NULL;
}

static const char *set_json(void *config, const char *argument)
{
	(void)argument;
	return set_format(config, "json");
}

static const char *set_color(void *config, const char *argument)
{
	static const char *const words[] = { "auto", "always", "never" };
	struct session *session = config;

	if (!argument)
		argument = "always";
	for (unsigned i = 0; i < 3; i++)
		if (!strcmp(argument, words[i])) {
			session->color = i;
			return NULL;
		}
	return "not auto, always or never";
}

#define AT(member) offsetof(struct session, member)
const struct option_row shared_options[] = {
	{ "netns", 'N', "NS", "NETNS", "look at another network namespace: a name, a path or a PID",
	  cli_text, AT(netns), WITH_NETNS },
	{ "read", 'r', "FILE", "FILE", "read saved data instead of the kernel; - is standard input",
	  set_read, 0, WITH_FILES },
	{ "write", 'w', "FILE", "FILE", "save the raw netlink messages as pcap", cli_text, AT(write), WITH_WRITE },
	{ "format", 'f', "FORMAT", "FORMAT", "how to print",
	  set_format, 0, WITH_FORMAT },
	{ "json", 'j', NULL, NULL, "the same as --format json", set_json, 0, WITH_FORMAT },
	{ "columns", 'o', "LIST", "FIELDS", "the columns, comma separated; +LIST adds to the default",
	  cli_text, AT(columns), WITH_COLUMNS },
	{ "list-fields", 'F', NULL, NULL, "print every field: name, kind, help", cli_flag, AT(list_fields),
	  WITH_COLUMNS },
	{ "no-header", 'H', NULL, NULL, "no heading", cli_flag, AT(no_header), WITH_FORMAT },
	{ "color", 0, "[=WHEN]", "auto,always,never", "when to use colours", set_color, 0,
	  WITH_ALL },
	{ "list-words", 0, NULL, NULL, "print the words of the filter for completion", cli_flag, AT(list_words),
	  WITH_FILTER },
	{ "explain-filter", 0, NULL, NULL, "print which part of the filter the kernel does, and exit",
	  cli_flag, AT(explain), WITH_FILTER },
	{ "no-sandbox", 0, NULL, NULL, "leave all system calls allowed, for debuggers", cli_flag, AT(no_sandbox),
	  WITH_ALL },
	{ "verbose", 0, NULL, NULL, "say which privileges are left while data are read", cli_flag, AT(verbose),
	  WITH_ALL },
	{ "list-options", 0, NULL, NULL, "print the options for completion", NULL, 0, WITH_ALL },
	{ "help", 'h', NULL, NULL, "print this help", NULL, 0, WITH_ALL },
	{ "version", 'V', NULL, NULL, "print the version", NULL, 0, WITH_ALL },
	{ NULL },
};

static char *join_words(int count, char **words)
{
	struct out text;
	char *joined;

	out_init(&text, -1);
	for (int i = 0; i < count; i++) {
		if (i)
			out_text(&text, " ");
		out_text(&text, words[i]);
	}
	out_mem(&text, "", 1);
	joined = strdup(text.buf);
	out_release(&text);
	if (!joined)
		err(2, "memory");
	return joined;
}

/* The expression, and a caret under the word. */
static _Noreturn void filter_trouble(const struct session *session, const char *text,
				     const struct filter_error *error)
{
	struct out line;

	out_init(&line, STDERR_FILENO);
	out_format(&line, "%s: filter: ", session->command->name);
	out_escaped(&line, error->message);
	out_text(&line, "\n  ");
	for (const char *p = text; *p; p++) {
		char c[2] = { *p >= ' ' && *p < 0x7f ? *p : '?', '\0' };

		out_text(&line, c);
	}
	out_text(&line, "\n  ");
	for (size_t i = 0; i < error->position; i++)
		out_text(&line, " ");
	out_text(&line, "^");
	for (size_t i = 1; i < error->length; i++)
		out_text(&line, "~");
	out_format(&line, "\ntry '%s --help' or ct-filter(7)\n", session->command->name);
	out_flush(&line);
	exit(2);
}

/* What can never match is refused. */
static void check_fields(const struct session *session)
{
	const struct test *test = filter_misfit(session->filter, session->command->fields, session->rows);
	struct filter_error error;

	if (!test)
		return;
	error = (struct filter_error){ test->position, test->length, "" };
	snprintf(error.message, sizeof(error.message), "nothing here has all of these fields (%s)",
		 session->rows ? "packets have those of --list-fields"
			       : "some are of events: ctwatch, or of expectations");
	filter_trouble(session, session->filter_text, &error);
}

static void read_filter(struct session *session, int count, char **words)
{
	struct filter_error error;

	if (count && !(session->command->shared & WITH_FILTER))
		cli_usage(session->command, "'%s' is not understood: there is no filter here", words[0]);
	session->filter_text = join_words(count, words);
	session->filter = filter_parse(session->filter_text, &session->names, &error);
	if (!session->filter)
		filter_trouble(session, session->filter_text, &error);
	if ((session->command->shared & WITH_FILTER) && session->command->fields)
		check_fields(session);
}

static void explain_dump(struct out *out, const struct filter *filter)
{
	struct request requests[REQUESTS];
	unsigned count = pushdown(filter, requests);

	for (unsigned i = 0; i < count; i++) {
		size_t start;

		out_text(out, i ? "kernel, second dump: " : "kernel: ");
		start = out_length(out);
		pushdown_explain(out, &requests[i]);
		out_text(out, out_length(out) == start ? "everything\n" : "\n");
	}
}

static void explain_filter(struct session *session)
{
	struct out *out = &session->out;

	out_text(out, "filter: ");
	out_escaped(out, *session->filter_text ? session->filter_text : "(everything)");
	out_text(out, "\n");
	if (session->command->explain)
		session->command->explain(out, session->filter);
	else
		explain_dump(out, session->filter);
	out_text(out, "here: every flow that the kernel sends is tested with the whole filter\n");
	if (out_flush(out) < 0 && errno != EPIPE)
		err(2, "standard output");
	exit(0);
}

void memory_exhausted(void)
{
	errx(2, "out of memory");
}

static void catch_signals(void)
{
	struct sigaction action = { .sa_handler = stop }, old;

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	/* nohup wants it ignored. */
	if (sigaction(SIGHUP, NULL, &old) == 0 && old.sa_handler != SIG_IGN)
		sigaction(SIGHUP, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
}

/* What is opened must not get the number of a standard stream that is closed: rows would go to the kernel.
 * Writing to this one, or reading, is the same error as before. */
static void hold_places(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 && errno == EBADF &&
		    open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) < 0)
			exit(2);
}

void session_start(struct session *session, const struct command *command, int argc, char **argv)
{
	int first;

	hold_places();
	session->command = command;
	session->fields = command->fields;
	setlocale(LC_CTYPE, "");
	catch_signals();
	out_init(&session->out, STDOUT_FILENO);
	session->out.stop = &stopped;
	first = cli_parse(command, session, argc, argv);
	if (session->list_fields || session->list_words) {
		if (session->list_fields)
			list_fields(session->rows ? session->rows : fields, command->fields);
		else
			list_words(command->fields);
		cli_leave();
	}
	if (session->netns && session->files_count)
		cli_usage(command, "--netns and --read exclude each other");
	names_load(&session->names);
	read_filter(session, argc - first, argv + first);
	if (session->explain)
		explain_filter(session);
	session->live = !session->files_count;
	if (command->before_netns)
		command->before_netns(session);
	if (session->netns && netns_join(session->netns) < 0) {
		if (errno == ENOENT)
			errx(2, "network namespace '%s' does not exist: neither a name (ip netns list) nor a PID "
			     "or path", session->netns);
		if (errno == EINVAL)
			errx(2, "'%s' is no network namespace", session->netns);
		if (errno == EPERM || errno == EACCES)
			errx(2, "entering network namespace '%s' needs CAP_SYS_ADMIN: use sudo", session->netns);
		err(2, "network namespace '%s'", session->netns);
	}
}

void session_complain(void *data, const char *file, unsigned long long number, const char *what)
{
	struct session *session = data;

	if (++session->complaints > COMPLAINTS)
		return;
	if (number)
		warnx("%s:%llu: %s", file, number, what);
	else
		warnx("%s: %s", file, what);
}

const char *session_path(char *path, size_t size)
{
	ssize_t length = readlink("/proc/self/exe", path, size - 1);

	if (length < 0)
		return program_invocation_name;
	path[length] = '\0';
	return path;
}

void session_fail(struct session *session, const char *what)
{
	int error = errno;
	char path[4096];

	out_flush(&session->out);
	errno = error;
	if (session->source && source_tee_failed(session->source) && error == EPIPE)
		exit(0);	/* who read the capture went away */
	if (error == ENOMSG)
		errx(2, "%s: only netlink messages can be saved, and this input is text", session->write);
	if (session->source && source_tee_failed(session->source))
		err(2, "%s", session->write);
	if (error == EPERM && session->live)
		errx(2, "the conntrack table can only be read with CAP_NET_ADMIN: use sudo, or once "
		     "'setcap cap_net_admin+ep %s'", session_path(path, sizeof(path)));
	err(2, "%s", what);
}

static bool file_status(const char *name, struct stat *status)
{
	return strcmp(name, "-") ? stat(name, status) == 0 : fstat(STDIN_FILENO, status) == 0;
}

/* Refuses to write over what is read, before anything is lost. */
static int create_file(const struct session *session)
{
	struct stat out, in;
	int fd = open(session->write, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);

	if (fd < 0 || fstat(fd, &out) < 0)
		err(2, "%s", session->write);
	for (unsigned i = 0; i < session->files_count; i++)
		if (file_status(session->files[i], &in) && S_ISREG(in.st_mode) &&
		    in.st_dev == out.st_dev && in.st_ino == out.st_ino)
			cli_usage(session->command, "--write: '%s' is one of the files to read",
				  session->write);
	if (S_ISREG(out.st_mode) && ftruncate(fd, 0) < 0)
		err(2, "%s", session->write);
	return fd;
}

/* The capture gets standard output for itself; what would be printed there is not. */
static int take_stdout(struct session *session)
{
	int fd = dup(STDOUT_FILENO), null = open("/dev/null", O_WRONLY | O_CLOEXEC);

	if (fd < 0 || null < 0)
		err(2, "standard output");
	session->out.fd = null;
	return fd;
}

void session_capture(struct session *session)
{
	FILE *file;

	if (!session->write)
		return;
	file = fdopen(strcmp(session->write, "-") ? create_file(session) : take_stdout(session), "w");
	if (!file)
		err(2, "%s", session->write);
	session->capture = capture_create(file);
	if (!session->capture)
		err(2, "%s", session->write);
	if (session->source)
		source_tee(session->source, session->capture);
}

static struct source *open_live(struct session *session, enum table table)
{
	struct request requests[REQUESTS];
	unsigned count = pushdown(session->filter, requests);

	return source_dump(session->asker, table, requests, count);
}

void session_asks_again(struct session *session)
{
	if (!session->live || !privs_admin())
		return;
	session->asker = asker_new(!session->no_sandbox);
	if (!session->asker)
		err(2, "fork");
}

void session_confine(const struct session *session, unsigned needs)
{
	bool dropped = privs_drop(false), held = privs_admin(), entered = false;

	if (!dropped)
		warnx("the capabilities could not be dropped");
	if (!session->no_sandbox)
		entered = sandbox_enter(needs);
	if (session->verbose)
		warnx("%s held, system calls are %s", held ? "CAP_NET_ADMIN is"
		      : session->asker ? "CAP_NET_ADMIN is left to a child that asks, nothing is" : "no capability is",
		      entered ? "restricted" : session->no_sandbox ? "not restricted: --no-sandbox"
		      : "not restricted: the kernel has no seccomp filter");
}

static struct source *open_files(struct session *session)
{
	struct complaint complaint = { session_complain, session };

	return source_files(session->files, session->files_count, &complaint, &session->names);
}

/* What is the same for dumps, events and files. NULL: there is no conntrack. */
static struct source *opened(struct session *session, uint64_t want)
{
	session->nothing = session->live && !session->source && errno == ENOENT;
	if (!session->source && !session->nothing)
		session_fail(session, session->live ? "ctnetlink" : "memory");
	if (!session->source)
		return NULL;
	source_want(session->source, want | session->filter->wants);
	return session->source;
}

static void close_source(struct session *session)
{
	if (session->source && source_resized(session->source))
		warnx("the hash table was resized while it was read: flows may be missing or there twice");
	source_close(session->source);
}

struct source *session_dump(struct session *session, enum table table, uint64_t want)
{
	struct source *source;

	close_source(session);
	if (session->live && ((want | session->filter->wants) & HAS_IDLE))
		timeouts_read(&session->timeouts);
	session->source = session->live ? open_live(session, table) : open_files(session);
	source = opened(session, want);
	if (!source)
		return NULL;
	source_timeouts(source, session->live ? &session->timeouts : NULL);
	if (session->confined)
		return source;
	session_capture(session);
	session_confine(session, 0);
	session->confined = true;
	return source;
}

struct source *session_events(struct session *session, unsigned groups, size_t buffer, uint64_t want)
{
	session->source = session->live ? source_events(NULL, groups, buffer) : open_files(session);
	if (!opened(session, want))
		return NULL;
	session_capture(session);
	return session->source;
}

static const struct field *find_row(const struct session *session, const char *name, size_t length)
{
	if (!session->rows)
		return field_find(name, length);
	for (const struct field *field = session->rows; field->name; field++)
		if (!strncmp(field->name, name, length) && !field->name[length])
			return field;
	return NULL;
}

const struct field *session_field(const struct session *session, const char *option,
				  const char *name, size_t length)
{
	const struct field *field = length ? find_row(session, name, length) : NULL;

	if (!field || !(field->in & session->command->fields))
		cli_usage(session->command, "--%s: '%.*s' is no field (%s --list-fields prints all)", option,
			  (int)length, name, session->command->name);
	if (!(field->in & session->fields))
		cli_usage(session->command, "--%s: '%s' is no field of what is listed here", option,
			  field->name);
	return field;
}

static void add_list(struct session *session, const char *list, const struct field **columns,
		     unsigned *count, unsigned most)
{
	if (!*list)
		session_field(session, "columns", "", 0);
	while (*list && *count < most) {
		size_t length = strcspn(list, ",");

		columns[(*count)++] = session_field(session, "columns", list, length);
		list += length;
		if (*list == ',' && !*++list)
			session_field(session, "columns", "", 0);
	}
}

static int by_place(const void *a, const void *b)
{
	const struct field *const *x = a, *const *y = b;

	return (*x > *y) - (*x < *y);
}

/* What is there already is not added. */
static void drop_known(const struct field **columns, unsigned *count)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < *count; i++) {
		unsigned at = 0;

		while (at < kept && columns[at] != columns[i])
			at++;
		if (at == kept)
			columns[kept++] = columns[i];
	}
	*count = kept;
}

/* Keys of one JSON object must stand together: table order, each once. */
static void order_for_json(const struct field **columns, unsigned *count)
{
	unsigned kept = 0;

	qsort(columns, *count, sizeof(*columns), by_place);
	for (unsigned i = 0; i < *count; i++)
		if (!i || columns[i] != columns[kept - 1])
			columns[kept++] = columns[i];
	*count = kept;
}

const struct field **session_columns(struct session *session, const char *preset, unsigned *count)
{
	enum { MOST = 512 };
	const struct field **columns = calloc(MOST, sizeof(*columns));
	const char *list = session->columns;
	bool all = session->format == FORMAT_JSON && (!list || *list == '+');

	if (!columns)
		err(2, "memory");
	*count = 0;
	for (const struct field *field = session->rows ? session->rows : fields; all && field->name;
	     field++)
		if ((field->in & session->fields) && !(field->in & JOINED))
			columns[(*count)++] = field;
	if (!all && (!list || *list == '+'))
		add_list(session, preset, columns, count, MOST);
	if (list)
		add_list(session, list + (*list == '+'), columns, count, MOST);
	if (list && *list == '+')
		drop_known(columns, count);
	if (session->format == FORMAT_JSON)
		order_for_json(columns, count);
	return columns;
}

uint64_t session_wants(const struct field *const *columns, unsigned count)
{
	uint64_t want = 0;

	for (unsigned i = 0; i < count; i++)
		want |= columns[i]->has | columns[i]->uses;
	return want;
}

static unsigned terminal_width(void)
{
	struct winsize size;
	const char *columns = getenv("COLUMNS");

	if (!isatty(STDOUT_FILENO))
		return 0;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col)
		return size.ws_col;
	return columns && atoi(columns) > 0 ? atoi(columns) : 80;
}

static bool want_colour(const struct session *session)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	if (session->color != COLOR_AUTO)
		return session->color == COLOR_ALWAYS;
	return isatty(STDOUT_FILENO) && !(no && *no) && !(term && !strcmp(term, "dumb"));
}

struct print_options session_print(const struct session *session)
{
	return (struct print_options){
		.format = session->format,
		.width = terminal_width(),
		.header = !session->no_header,
		.colour = want_colour(session),
		.utf8 = !strcmp(nl_langinfo(CODESET), "UTF-8"),
		.conntrack = session->conntrack,
		.names = &session->names,
	};
}

bool session_stopped(const struct session *session)
{
	/* A reader that went away does not end what is being saved. */
	return stopped || (session->out.error && !(session->out.error == EPIPE && session->capture));
}

/* With a filter the kernel may have sent nothing of a full table. */
void session_explain_empty(const struct session *session)
{
	if (session->nothing)
		warnx("connection tracking is not loaded in this kernel: there are no flows");
	else if (session->live && !session->filter->root && isatty(STDERR_FILENO))
		warnx("the table is empty: probably no rule in this network namespace uses connection "
		      "tracking (another one: --netns)");
}

bool session_unread(const struct session *session)
{
	const struct source *source = session->source;

	return source && !source_good(source) && (source_bad(source) || source_files_lost(source));
}

void session_explain_absent(const struct session *session, uint64_t asked, uint64_t had)
{
	static const struct { uint64_t bits; bool saved; const char *why; } causes[] = {
		{ HAS_ORIG_COUNTERS | HAS_REPLY_COUNTERS, false,
		  "no flow has counters: net.netfilter.nf_conntrack_acct was 0 when they began" },
		{ HAS_START | HAS_AGE, false,
		  "no flow has a start: net.netfilter.nf_conntrack_timestamp was 0 when they began" },
		{ HAS_IDLE, true, "saved flows have no idle time: the timeouts of that system are not known" },
	};

	for (unsigned i = 0; i < sizeof(causes) / sizeof(*causes); i++)
		if ((asked & causes[i].bits) && !(had & causes[i].bits) &&
		    !(causes[i].saved && session->live))
			warnx("%s", causes[i].why);
}

static void report_bad(struct session *session)
{
	unsigned long long bad = source_bad(session->source), good = source_good(session->source);

	if (session->complaints > COMPLAINTS)
		warnx("%llu more could not be read", session->complaints - COMPLAINTS);
	if (bad)
		warnx("%llu read, %llu not", good, bad);
	if (source_untold(session->source))
		warnx("%llu events were lost when this was saved", source_untold(session->source));
	if (session_unread(session) || source_files_lost(session->source))
		session->failed = true;
}

int session_end(struct session *session)
{
	int status;

	if (session->source)
		report_bad(session);
	close_source(session);
	asker_free(session->asker);
	if (session->capture && capture_close(session->capture) < 0 && errno != EPIPE) {
		warn("%s", session->write);
		session->failed = true;
	}
	if (out_flush(&session->out) < 0 && session->out.error != EPIPE) {
		warn("standard output");
		session->failed = true;
	}
	status = session->failed ? 2 : 0;
	out_release(&session->out);
	names_release(&session->names);
	filter_free(session->filter);
	free(session->filter_text);
	return status;
}
