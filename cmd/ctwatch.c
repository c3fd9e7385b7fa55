/* ctwatch: prints what happens to flows, as it happens, and why they end. */
#include "ctwatch.h"

#include "bpf.h"
#include "packet.h"
#include "reason.h"
#include "sandbox.h"
#include "sysctl.h"

#include <err.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdarg.h>
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

#define BIT(event) (1u << (event))
static const unsigned all_events = BIT(EVENT_NEW) | BIT(EVENT_UPDATE) | BIT(EVENT_DESTROY);

/* An event takes 1280 bytes of it: two hundred thousand can wait. Memory is only used when they do. */
static const uint64_t default_buffer = UINT64_C(256) << 20;

static const uint64_t second = 1000000000, millisecond = 1000000;

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
	return cli_number(argument, &watch->limit);
}

static const char *set_duration(void *config, const char *argument)
{
	return cli_seconds(argument, &((struct ctwatch *)config)->duration);
}

static const char *set_failed(void *config, const char *argument)
{
	(void)argument;
	((struct ctwatch *)config)->failed = true;
	return NULL;
}

static const char *set_expect(void *config, const char *argument)
{
	(void)argument;
	((struct ctwatch *)config)->expect = true;
	return NULL;
}

static const char *set_buffer(void *config, const char *argument)
{
	struct ctwatch *watch = config;

	if (!read_size(argument, &watch->buffer) || watch->buffer > INT32_MAX)
		return "not a size up to 2G (as in 500k, 8Mi)";
	return NULL;
}

static const char *set_track(void *config, const char *argument)
{
	(void)argument;
	((struct ctwatch *)config)->track = true;
	return NULL;
}

static const char *set_resync(void *config, const char *argument)
{
	set_track(config, NULL);
	return cli_seconds(argument, &((struct ctwatch *)config)->resync);
}

static const char *set_summary(void *config, const char *argument)
{
	return cli_seconds(argument, &((struct ctwatch *)config)->every);
}

static const char *set_invalid(void *config, const char *argument)
{
	struct ctwatch *watch = config;

	(void)argument;
	watch->invalid = true;
	watch->session.rows = packet_fields;
	return NULL;
}

static const struct option_row options[] = {
	{ "events", 'e', "LIST", "new,update,destroy", "which events, comma separated (all)", set_events },
	{ "count", 'c', "N", NULL, "stop after N lines", set_count },
	{ "duration", 0, "SEC", NULL, "stop after that time", set_duration },
	{ "failed", 0, NULL, NULL, "only ends that are no success: not closed, expired or replaced",
	  set_failed },
	{ "expect", 0, NULL, NULL, "the events of expectations instead of flows", set_expect },
	{ "buffer", 'B', "SIZE", NULL, "receive buffer of the socket (256Mi)", set_buffer },
	{ "track", 0, NULL, NULL, "keep the table: say what changed, find what no event told", set_track },
	{ "resync", 0, "SEC", NULL, "with --track, dump the table again so often", set_resync },
	{ "summary", 0, "SEC", NULL, "rates and counts so often, instead of lines", set_summary },
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
	return accounting ? "clock,type,proto,state,source,destination,duration,packets,bytes,detail,nat"
			  : "clock,type,proto,state,source,destination,duration,detail,nat";
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
	print.width = 0;	/* an address that is cut says nothing; a line may wrap */
	watch->printer = printer_new(&watch->session.out, &print, columns, count);
	watch->line_by_line = isatty(STDOUT_FILENO);
	want = watch->session.format == FORMAT_CONNTRACK ? HAS_ALL : session_wants(columns, count);
	free(columns);
	return want & ~HAS_IDLE;
}

/* A line about the stream itself, in the clothes of a row. */
static void put_remark(struct ctwatch *watch, const struct flow *remark)
{
	static const struct flow none;
	struct out *out = &watch->session.out;
	const struct field *clock = field_find("clock", 5);

	printer_end(watch->printer);	/* the heading */
	out_room(out, OUT_ROOM);
	clock->kind->text(out, clock, remark->has & HAS_TIME ? remark : &none);
	if (remark->event == EVENT_LOST)
		out_format(out, "  LOST     %u events: the receive buffer was full\n", remark->lost);
	else
		out_format(out, "  %-7s  %s\n", remark->event == EVENT_RESYNC ? "RESYNC" : "NOTE",
			   remark->note);
}

static void flush(struct ctwatch *watch, uint64_t now)
{
	out_flush(&watch->session.out);
	watch->flushed = now;
}

/* Notes are for people; in JSON they are records as well. */
static void put_stream(struct ctwatch *watch, struct flow *remark)
{
	if (watch->every) {
		if (remark->event != EVENT_LOST)
			warnx("%s", remark->note);
		return;
	}
	switch (watch->session.format) {
	case FORMAT_JSON:
	case FORMAT_CSV:
		printer_row(watch->printer, remark);
		break;
	case FORMAT_TABLE:
		if (remark->event == EVENT_NOTE)
			warnx("%s", remark->note);
		else
			put_remark(watch, remark);
		break;
	case FORMAT_CONNTRACK:
		if (remark->event == EVENT_LOST)
			warnx("%u events were lost here", remark->lost);
		else
			warnx("%s", remark->note);
	}
	if (watch->line_by_line)
		flush(watch, watch->now);
}

static uint64_t clock_now(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * second + ts.tv_nsec;
}

void watch_remark(struct ctwatch *watch, enum event event, const char *format, ...)
{
	struct flow remark = { .event = event, .has = HAS_EVENT | HAS_NOTE };
	va_list args;

	if (watch->session.live) {
		remark.time = clock_now(CLOCK_REALTIME);
		remark.has |= HAS_TIME;
	}
	va_start(args, format);
	vsnprintf(remark.note, sizeof(remark.note), format, args);
	va_end(args);
	put_stream(watch, &remark);
}

static void print_summary(struct ctwatch *watch, uint64_t time)
{
	double seconds = watch->summed && time > watch->summed ? (time - watch->summed) / 1e9 : 0;

	summary_print(watch->summary, &watch->session.out, watch->session.format == FORMAT_JSON, time,
		      seconds);
	watch->summed = time;
	watch->printed++;
	if (watch->limited && watch->printed >= watch->limit)
		watch->done = true;
	flush(watch, watch->now);
}

/* In a replay time passes with the events. */
static void sum_up(struct ctwatch *watch, const struct flow *flow)
{
	uint64_t every = watch->every * second;

	if (!watch->session.live && flow->time) {
		if (!watch->summed)
			watch->summed = flow->time;
		if (flow->time >= watch->summed + every)
			print_summary(watch, watch->summed + every);
		watch->last = flow->time;
	}
	summary_add(watch->summary, flow);
}

/* ---- events ---- */

/* What was asked for is printed or counted. */
static void emit(void *data, struct flow *flow)
{
	struct ctwatch *watch = data;

	if (watch->done || !(watch->wanted & BIT(flow->event)))
		return;
	if (watch->failed && !(flow->event == EVENT_DESTROY && (flow->has & HAS_REASON) &&
			       reason_failed(flow->reason)))
		return;
	if (!filter_match(watch->session.filter, flow))
		return;
	watch->matched++;
	if (watch->every) {
		sum_up(watch, flow);
		return;
	}
	printer_row(watch->printer, flow);
	if (watch->line_by_line)
		flush(watch, watch->now);
	if (watch->limited && watch->matched >= watch->limit)
		watch->done = true;
}

static void lost(struct ctwatch *watch, struct flow *record)
{
	watch->lost += record->lost;
	if (watch->every)
		summary_lost(watch->summary, record->lost);
	follow_lost(watch->follow);
	put_stream(watch, record);
	if (watch->track && watch->session.live)
		watch->resync_at = watch->now;
}

/* Counts what the kernel dropped since the last time: to be asked when the buffer is empty, because
 * after an overrun the kernel takes nothing more until then (netlink_broadcast_deliver()). */
static void check_lost(struct ctwatch *watch)
{
	struct source *source = watch->session.source;
	uint32_t dropped = source_lost(source);
	struct flow record = {
		.has = HAS_EVENT | HAS_TIME | HAS_LOST, .event = EVENT_LOST,
		.time = clock_now(CLOCK_REALTIME), .lost = dropped - watch->dropped,
	};

	watch->overrun = false;
	watch->dropped = dropped;
	if (!record.lost)
		return;
	if (!source_tee_lost(source, record.lost, record.time))
		session_fail(&watch->session, watch->session.write);
	lost(watch, &record);
}

static void take_all(struct ctwatch *watch)
{
	struct source *source = watch->session.source;
	struct flow flow;

	while (!watch->done && source_flow(source, &flow)) {
		if (flow.event == EVENT_LOST) {
			lost(watch, &flow);
			continue;
		}
		if (flow.what != (watch->expect ? WHAT_EXPECT : WHAT_FLOW))
			continue;
		if (!flow.event) {
			watch->dumped++;
			if (watch->track && bpf_passes(watch->session.filter, &flow))
				follow_found(watch->follow, &flow);
			continue;
		}
		watch->seen++;
		follow_event(watch->follow, &flow);
		emit(watch, &flow);
	}
}

/* Reads all events there are. False if it has to be given up. */
static bool drain(struct ctwatch *watch)
{
	struct source *source = watch->session.source;

	do {
		if (source_read(source) > 0)
			take_all(watch);
		else if (errno == ENOBUFS)
			watch->overrun = true;
		else if (errno != EAGAIN && errno != EINTR)
			session_fail(&watch->session, "reading events");
		watch->now = clock_now(CLOCK_MONOTONIC);
		if (watch->now > watch->flushed + 100 * millisecond)
			flush(watch, watch->now);
	} while (!watch->done && !session_stopped(&watch->session) && !source_drained(source));
	if (watch->overrun && source_drained(source))
		check_lost(watch);
	return !watch->done;
}

/* ---- dumps ---- */

static void dump_begin(struct ctwatch *watch)
{
	static const struct request everything;

	watch->resync_at = 0;
	watch->dump = source_dump(TABLE_CONNTRACK, &everything, 1);
	if (!watch->dump)
		session_fail(&watch->session, "the dump for --track");
	source_want(watch->dump, watch->want);
	if (watch->session.capture)
		source_tee(watch->dump, watch->session.capture);
	watch->dump_began = watch->now;
	follow_begin(watch->follow);
}

/* The next dump: when asked for, but never so soon that dumping becomes all there is. */
static void schedule(struct ctwatch *watch)
{
	uint64_t took = watch->now - watch->dump_began;

	watch->earliest = watch->now + 4 * took + second / 10;
	if (watch->resync && !watch->resync_at)
		watch->resync_at = watch->now + (uint64_t)(watch->resync * second);
}

static void dump_end(struct ctwatch *watch)
{
	unsigned long missed;

	source_close(watch->dump);
	watch->dump = NULL;
	missed = follow_end(watch->follow, clock_now(CLOCK_REALTIME), emit, watch);
	if (!watch->synced)
		watch_remark(watch, EVENT_RESYNC, "%zu flows are known", follow_count(watch->follow));
	else if (missed || watch->lost != watch->lost_known)
		watch_remark(watch, EVENT_RESYNC, "%lu events were missed; %zu flows are known", missed,
			     follow_count(watch->follow));
	watch->lost_known = watch->lost;
	watch->synced = true;
	schedule(watch);
}

/* One piece: received, then the events from before it, then looked at (follow.h). */
static void dump_step(struct ctwatch *watch)
{
	struct flow flow;
	int result;

	follow_piece(watch->follow);
	result = source_read(watch->dump);
	if (result < 0 && errno != EINTR)
		session_fail(&watch->session, "reading the table");
	if (!drain(watch))
		return;
	while (result > 0 && source_flow(watch->dump, &flow))
		if (bpf_passes(watch->session.filter, &flow))
			follow_found(watch->follow, &flow);
	if (result == 0)
		dump_end(watch);
}

/* ---- the loop ---- */

static void least(uint64_t *wait, uint64_t now, uint64_t at)
{
	uint64_t left = at > now ? at - now : 0;

	if (at && left < *wait)
		*wait = left;
}

static uint64_t resync_time(const struct ctwatch *watch)
{
	if (!watch->resync_at || watch->dump)
		return 0;
	return watch->resync_at > watch->earliest ? watch->resync_at : watch->earliest;
}

/*
 * Waits for events or for the next thing to do. While events come thick and fast it sleeps a moment
 * with its eyes closed, so that one call brings many; a small buffer would not bear that.
 */
static void wait_for_events(struct ctwatch *watch)
{
	struct pollfd fds[] = {
		{ .fd = source_fd(watch->session.source), .events = POLLIN },
		{ .fd = STDOUT_FILENO },	/* a reader that went away */
	};
	bool pending = out_length(&watch->session.out) > 0;
	uint64_t wait = second / 2;	/* a signal may come just before poll() */

	if (pending)
		least(&wait, watch->now, watch->flushed + 10 * millisecond);
	least(&wait, watch->now, watch->end);
	least(&wait, watch->now, watch->every ? watch->summary_at : 0);
	least(&wait, watch->now, resync_time(watch));
	if (pending && source_buffer(watch->session.source) >= 4 << 20)
		poll(NULL, 0, 5);
	else if (poll(fds, 2, (wait + millisecond - 1) / millisecond) > 0 && (fds[1].revents & POLLERR))
		watch->session.out.error = EPIPE;
	watch->now = clock_now(CLOCK_MONOTONIC);
}

static void tick(struct ctwatch *watch)
{
	if (watch->every && watch->now >= watch->summary_at) {
		print_summary(watch, clock_now(CLOCK_REALTIME));
		watch->summary_at += (uint64_t)(watch->every * second);
	}
	if (out_length(&watch->session.out) && watch->now >= watch->flushed + 10 * millisecond)
		flush(watch, watch->now);
	if (watch->end && watch->now >= watch->end)
		watch->done = true;
}

/* What is in the buffer when we are to end is read, what comes later is not. */
static void last_events(struct ctwatch *watch)
{
	struct source *source = watch->session.source;

	if (watch->limited && watch->matched >= watch->limit)
		return;
	watch->done = false;
	source_shut(source);
	do {
		int result = source_read(source);

		if (result > 0)
			take_all(watch);
		else if (errno != ENOBUFS && errno != EINTR)
			break;
	} while (!watch->done && !watch->session.out.error);
	check_lost(watch);
}

static void watch_live(struct ctwatch *watch)
{
	watch->now = clock_now(CLOCK_MONOTONIC);
	watch->end = watch->duration ? watch->now + (uint64_t)(watch->duration * second) : 0;
	watch->summed = clock_now(CLOCK_REALTIME);
	watch->summary_at = watch->now + (uint64_t)(watch->every * second);
	while (!watch->done && !session_stopped(&watch->session)) {
		if (watch->dump) {
			dump_step(watch);
		} else if (resync_time(watch) && watch->now >= resync_time(watch)) {
			dump_begin(watch);
		} else {
			wait_for_events(watch);
			drain(watch);
		}
		tick(watch);
	}
	last_events(watch);
}

static void watch_files(struct ctwatch *watch)
{
	int result = 0;

	while (!watch->done && !session_stopped(&watch->session) &&
	       (result = source_read(watch->session.source)) > 0)
		take_all(watch);
	if (result < 0 && errno != EINTR)
		session_fail(&watch->session, "reading");
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

static void last_words(const struct ctwatch *watch)
{
	const char *what = watch->expect ? "expectation events" : "events";

	if (watch->session.live)
		warnx("%lu %s seen, %lu lost, by a receive buffer of %zu bytes", watch->seen, what,
		      watch->lost, source_buffer(watch->session.source));
	else
		warnx("%lu %s read, %lu lost", watch->seen, what, watch->lost);
	if (!watch->session.live && watch->dumped && !watch->seen)
		warnx("%lu flows of a table are not shown: ctlist prints them", watch->dumped);
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
	if (watch->track)
		watch->want = HAS_ALL & ~HAS_IDLE;
	if (!session_events(session, groups(watch, joined), watch->buffer, watch->want))
		errx(2, "connection tracking is not loaded in this kernel: there is nothing to watch");
	if (session->live) {
		filter_in_kernel(watch);
		timeouts_read(&session->timeouts);
	}
	watch->follow = follow_new(mode, session->timeouts.state[0][STATE_SYN_SENT], session->live);
	if (watch->every)
		watch->summary = summary_new();
	if (watch->track && session->live)
		watch->resync_at = 1;	/* at once */
	session_confine(session, watch->track, SANDBOX_SOCKET | (watch->track ? SANDBOX_SEND : 0));
}

int main(int argc, char **argv)
{
	struct ctwatch watch = { .wanted = all_events, .buffer = default_buffer };
	int status;

	session_start(&watch.session, &ctwatch_command, argc, argv);
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
	if (watch.every)
		print_summary(&watch, watch.session.live ? clock_now(CLOCK_REALTIME) : watch.last);
	else
		printer_end(watch.printer);
	out_flush(&watch.session.out);
	last_words(&watch);
	source_close(watch.dump);
	printer_free(watch.printer);
	follow_free(watch.follow);
	summary_free(watch.summary);
	status = session_end(&watch.session);
	return status;
}
