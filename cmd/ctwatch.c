/* ctwatch: prints what happens to flows, as it happens, and why they end. */
#include "ctwatch.h"

#include "bpf.h"
#include "packet.h"
#include "sandbox.h"
#include "sysctl.h"

#include <err.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/utsname.h>
#include <unistd.h>

/* What -e takes: the event, and its multicast groups for flows and expectations as bits. */
static const struct {
	const char *name;
	enum event event;
	unsigned flows, expectations;
} event_rows[] = {
	{ "new", EVENT_NEW, 1 << 0, 1 << 3 },
	{ "update", EVENT_UPDATE, 1 << 1, 1 << 4 },
	{ "destroy", EVENT_DESTROY, 1 << 2, 1 << 5 },
};

enum { EVENT_ROWS = sizeof(event_rows) / sizeof(*event_rows) };

/* The columns up to `detail`, which a narrow terminal shows too. */
enum { ESSENTIAL = 7 };

static const unsigned all_events = BIT(EVENT_NEW) | BIT(EVENT_UPDATE) | BIT(EVENT_DESTROY);

/* An event takes 1280 bytes of it: two hundred thousand can wait. Memory is only used when they do. */
static const uint64_t default_buffer = UINT64_C(256) << 20;

static const char *set_events(void *config, const char *argument)
{
	struct ctwatch *watch = config;

	watch->wanted = 0;
	watch->events_given = true;
	while (*argument) {
		size_t length = strcspn(argument, ",");
		unsigned i = 0;

		while (i < EVENT_ROWS && (strlen(event_rows[i].name) != length ||
					  strncasecmp(event_rows[i].name, argument, length)))
			i++;
		if (i == EVENT_ROWS)
			return "not a list of new, update, destroy";
		watch->wanted |= BIT(event_rows[i].event);
		argument += length;
		if (*argument == ',' && !*++argument)
			return "ends with a comma";
	}
	return watch->wanted ? NULL : "empty";
}

static const char *set_count(void *config, const char *argument)
{
	struct ctwatch *watch = config;

	watch->limited = true;
	return cli_number(&watch->limit, argument);
}

static const char *set_buffer(void *config, const char *argument)
{
	struct ctwatch *watch = config;

	if (!read_size(argument, &watch->buffer) || watch->buffer > INT32_MAX)
		return "not a size up to 2G (as in 500k, 8Mi)";
	return NULL;
}

static const char *set_resync(void *config, const char *argument)
{
	struct ctwatch *watch = config;

	watch->track = true;
	return cli_seconds(&watch->resync, argument);
}

static const char *set_invalid(void *config, const char *argument)
{
	struct ctwatch *watch = config;

	(void)argument;
	watch->invalid = true;
	watch->session.rows = packet_fields;
	return NULL;
}

#define AT(member) offsetof(struct ctwatch, member)
static const struct option_row options[] = {
	{ "events", 'e', "LIST", "new,update,destroy", "which events, comma separated (all)", set_events },
	{ "count", 'c', "N", NULL, "stop after N lines", set_count },
	{ "duration", 0, "SEC", NULL, "stop after that time", cli_seconds, AT(duration) },
	{ "failed", 0, NULL, NULL, "only ends that are no success: not closed, expired or replaced",
	  cli_flag, AT(failed) },
	{ "expect", 0, NULL, NULL, "the events of expectations instead of flows", cli_flag, AT(expect) },
	{ "buffer", 'B', "SIZE", NULL, "receive buffer of the socket (256Mi)", set_buffer },
	{ "track", 0, NULL, NULL, "keep the table: say what changed, find what no event told", cli_flag, AT(track) },
	{ "resync", 0, "SEC", NULL, "with --track, dump the table again so often", set_resync },
	{ "summary", 0, "SEC", NULL, "rates and counts so often, instead of lines", cli_seconds, AT(every) },
	{ "invalid", 0, NULL, NULL, "packets that are INVALID, and why (sets sysctls and restores them)",
	  set_invalid },
	{ NULL },
};

static const struct format_row formats[] = {
	{ "table", FORMAT_TABLE }, { "json", FORMAT_JSON }, { "csv", FORMAT_CSV },
	{ "conntrack", FORMAT_CONNTRACK }, { NULL },
};

static const char *const examples[] = {
	"ctwatch -e new,destroy tcp dport 443", "connections to port 443, their begin and end",
	"ctwatch --failed", "only ends that are no success, and why",
	"ctwatch -j -e destroy snat >> nat.jsonl", "a log of translations",
	"ctwatch --track --resync 60", "also what the kernel does not report",
	"ctwatch --summary 5", "rates instead of lines",
	"ctwatch --invalid dport 443", "packets that conntrack judges INVALID, and why",
	NULL,
};

static void explain(struct out *out, const struct filter *filter)
{
	size_t start;

	out_text(out, "kernel, by a socket filter:");
	start = out_length(out);
	bpf_explain(out, filter);
	out_text(out, out_length(out) == start ? " everything\n" : "\n");
}

const struct command ctwatch_command = {
	.name = "ctwatch",
	.summary = "Prints the events of Linux connection tracking, and why flows end",
	.options = options,
	.shared = WITH_ALL | WITH_FILES | WITH_WRITE | WITH_COLUMNS | WITH_FILTER | WITH_NETNS | WITH_FORMAT,
	.fields = IN_EVENT | IN_EXPECT,
	.formats = formats,
	.explain = explain,
	.examples = examples,
};

/* ---- what is printed ---- */

static const char *preset(const struct ctwatch *watch)
{
	bool csv = watch->session.format == FORMAT_CSV;
	uint64_t accounting = 1;

	if (watch->expect)
		return csv ? "type,time,lost,proto,src,sport,dst,dport,master.src,master.sport,master.dst,master.dport,timeout,helper,expect.flags"
			   : "clock,type,proto,source,destination,master.src,master.dst,master.dport,timeout,helper,expect.flags";
	if (csv)
		return "type,time,lost,proto,state,src,sport,dst,dport,snat.addr,snat.port,dnat.addr,dnat.port,"
		       "duration,packets,bytes,reason,changed,portid,synthetic";
	if (watch->session.live)
		sysctl_number("nf_conntrack_acct", &accounting);
	return accounting ? "clock,type,proto,state,source,destination,detail,duration,packets,bytes,nat"
			  : "clock,type,proto,state,source,destination,detail,duration,nat";
}

static uint64_t open_printer(struct ctwatch *watch)
{
	struct print_options print = session_print(&watch->session);
	const struct field **columns;
	uint64_t want;
	unsigned count;

	watch->session.fields = watch->expect ? IN_EVENT | IN_EXPECT : IN_EVENT;
	columns = session_columns(&watch->session, preset(watch), &count);
	print.live = true;
	print.keep = watch->session.columns || watch->expect ? count : ESSENTIAL;
	watch->printer = printer_new(&watch->session.out, &print, columns, count);
	watch->line_by_line = isatty(STDOUT_FILENO);
	want = watch->session.format == FORMAT_CONNTRACK ? HAS_ALL : session_wants(columns, count);
	free(columns);
	return want & ~HAS_IDLE;
}

/* ---- before and after ---- */

static bool kernel_before(unsigned major, unsigned minor)
{
	unsigned a = 0, b = 0;
	struct utsname name;

	if (uname(&name) < 0 || sscanf(name.release, "%u.%u", &a, &b) != 2)
		return false;
	return a < major || (a == major && b < minor);
}

/*
 * What the messages do not tell has to be remembered from the NEW: what an UPDATE changes, the birth
 * where the kernel keeps no timestamps, the last state before 6.1. For the last two --failed needs
 * other events than it prints.
 */
static enum follow_mode remember(struct ctwatch *watch, unsigned *joined)
{
	uint64_t timestamps = 0;
	bool old = kernel_before(6, 1);

	*joined = watch->wanted;
	if (watch->expect)
		return FOLLOW_NOTHING;
	if (watch->track)
		*joined = all_events;
	if (watch->track || !watch->session.live)
		return watch->track ? FOLLOW_ALL : FOLLOW_BIRTHS;
	sysctl_number("nf_conntrack_timestamp", &timestamps);
	if (watch->failed && !watch->events_given && (!timestamps || old))
		*joined |= old ? all_events : BIT(EVENT_NEW) | BIT(EVENT_DESTROY);
	if ((*joined & BIT(EVENT_NEW)) && (*joined & BIT(EVENT_DESTROY)))
		return FOLLOW_BIRTHS;
	return FOLLOW_NOTHING;
}

static unsigned groups(const struct ctwatch *watch, unsigned joined)
{
	unsigned bits = 0;

	for (unsigned i = 0; i < EVENT_ROWS; i++)
		if (joined & BIT(event_rows[i].event))
			bits |= watch->expect ? event_rows[i].expectations : event_rows[i].flows;
	return bits;
}

/* Set after the groups are joined: the few events that came before are tested like all others. */
static void filter_in_kernel(const struct ctwatch *watch)
{
	enum { MOST = 2048 };
	struct sock_filter code[MOST];
	unsigned count = bpf_compile(watch->session.filter, code, MOST);

	if (count && !source_filter(watch->session.source, &(struct sock_fprog){ count, code }))
		warn("the filter is not taken by the kernel and done here");
}

/* Why nothing may come, or not all. */
static void first_words(struct ctwatch *watch)
{
	uint64_t events = 1, count = 1;
	size_t buffer = source_buffer(watch->session.source);

	sysctl_number("nf_conntrack_events", &events);
	sysctl_number("nf_conntrack_count", &count);
	if (buffer < watch->buffer)
		watch_remark(watch, EVENT_NOTE, "the receive buffer is %zu bytes instead of %" PRIu64
			     ": larger ones need CAP_NET_ADMIN outside any container", buffer, watch->buffer);
	if (!events)
		watch_remark(watch, EVENT_NOTE, "nf_conntrack_events is 0 in this network namespace: "
			     "the kernel reports nothing");
	else if (!count)
		watch_remark(watch, EVENT_NOTE, "no flow is tracked in this network namespace: events come "
			     "once a rule in it uses connection tracking (another namespace: --netns)");
	else if (events == 2 && !watch->track && !watch->expect &&
		 (watch->wanted & (BIT(EVENT_UPDATE) | BIT(EVENT_DESTROY))))
		watch_remark(watch, EVENT_NOTE, "%" PRIu64 " flows exist already: those that began when nobody "
			     "listened will end silently (nf_conntrack_events=2); --track finds out", count);
}

static void print_end(struct ctwatch *watch)
{
	if (!watch->every)
		printer_end(watch->printer);
	else
		watch_last_summary(watch);
}

static void last_words(const struct ctwatch *watch)
{
	const char *what = watch->expect ? "expectation events" : "events";

	if (watch->session.live)
		warnx("%llu %s seen, %llu lost, by a receive buffer of %zu bytes", watch->seen, what,
		      watch->lost, source_buffer(watch->session.source));
	else
		warnx("%llu %s read, %llu lost", watch->seen, what, watch->lost);
	if (watch->session.live && watch->lost)
		warnx("to lose less: a larger --buffer, a filter on addresses or ports, fewer --events, a "
		      "faster reader of the output");
	if (watch->others && !watch->seen)
		warnx("%llu events are not shown: they are of %s", watch->others, watch->expect ? "flows" :
		      "expectations, which need --expect");
	if (!watch->session.live && watch->dumped && !watch->seen)
		warnx("%llu flows of a table are not shown: ctlist prints them", watch->dumped);
}

static void start(struct ctwatch *watch)
{
	struct session *session = &watch->session;
	unsigned joined;
	enum follow_mode mode;

	if (watch->failed && !watch->events_given)
		watch->wanted = BIT(EVENT_DESTROY);
	mode = remember(watch, &joined);
	watch->want = open_printer(watch) | HAS_ID | HAS_ZONE | HAS_STATUS | HAS_STATE | HAS_START |
		      HAS_STOP | HAS_TIMEOUT | HAS_REPLY_COUNTERS | HAS_ORIG_PORTS |
		      session->filter->wants;
	if (watch->track) {
		watch->want = HAS_ALL & ~HAS_IDLE;
		session_asks_again(session);
	}
	if (!session_events(session, groups(watch, joined), watch->buffer, watch->want))
		errx(2, "connection tracking is not loaded in this kernel: there is nothing to watch");
	source_tell_lost(session->source);
	if (session->live) {
		filter_in_kernel(watch);
		timeouts_read(&session->timeouts);
	}
	watch->follow = follow_new(mode, session->timeouts.state[0][STATE_SYN_SENT], session->live);
	if (watch->every)
		watch->summary = summary_new();
	if (watch->track && session->live)
		watch->resync_at = 1;	/* at once */
	session_confine(session, SANDBOX_FILTER);
}

/* What would be ignored is refused. */
static void check_options(const struct ctwatch *watch)
{
	const char *mode = watch->invalid ? "--invalid" : watch->expect ? "--expect" : NULL;
	const struct { bool given; const char *name; } others[] = {
		{ watch->invalid && watch->expect, "--expect" },
		{ watch->invalid && watch->events_given, "--events" },
		{ watch->track, "--track" },
		{ watch->failed, "--failed" },
	};

	for (unsigned i = 0; mode && i < sizeof(others) / sizeof(*others); i++)
		if (others[i].given)
			cli_usage(&ctwatch_command, "%s and %s exclude each other", mode, others[i].name);
	if (watch->every && watch->session.format != FORMAT_TABLE && watch->session.format != FORMAT_JSON)
		cli_usage(&ctwatch_command, "--summary has the formats table and json");
	if (watch->every && watch->session.columns)
		cli_usage(&ctwatch_command, "--summary and --columns exclude each other");
	if (watch->failed && !(watch->wanted & BIT(EVENT_DESTROY)))
		cli_usage(&ctwatch_command, "--failed needs the event destroy");
}

int main(int argc, char **argv)
{
	struct ctwatch watch = { .wanted = all_events, .buffer = default_buffer };
	int status;

	session_start(&watch.session, &ctwatch_command, argc, argv);
	check_options(&watch);
	if (watch.invalid)
		return watch_invalid(&watch);
	watch.done = watch.limited && !watch.limit;
	start(&watch);
	if (watch.session.live) {
		first_words(&watch);
		watch_live(&watch);
	} else {
		watch_files(&watch);
	}
	if (!session_unread(&watch.session))
		print_end(&watch);
	out_flush(&watch.session.out);
	last_words(&watch);
	source_close(watch.dump);
	printer_free(watch.printer);
	follow_free(watch.follow);
	summary_free(watch.summary);
	status = session_end(&watch.session);
	return status;
}
