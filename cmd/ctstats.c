/* ctstats: how full is the table, what is dropped, what does each counter mean? */
#include "session.h"

#include "explain.h"
#include "report.h"
#include "sandbox.h"
#include "saved.h"

#include <err.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include <linux/netfilter/nfnetlink.h>

enum { FORMAT_OPENMETRICS = 32, FORMAT_PROMETHEUS, FORMAT_MDOC };
enum { EVENTS_BUFFER = 32 * 1024 * 1024 };

struct ctstats {
	struct session session;
	double interval;
	unsigned long long times;
	bool limited, per_cpu, occupancy, sysctl, explain, no_events;
	const char *word;		/* of --explain */
	struct kernel kernel;
	bool kernel_given;
	/* at work */
	struct print_options print;
	struct meter *meter;
	struct source *events;
	struct report report;
	struct stats before;
	const char *no_new;
	uint64_t new_flows;
	uint32_t lost;
	struct grid *grid;
	unsigned long long printed;
};

static const char *set_times(void *config, const char *argument)
{
	struct ctstats *self = config;

	self->limited = true;
	return cli_number(&self->times, argument);
}

static const char *set_explain(void *config, const char *argument)
{
	struct ctstats *self = config;

	self->explain = true;
	self->word = argument;
	return NULL;
}

static const char *set_kernel(void *config, const char *argument)
{
	struct ctstats *self = config;

	self->kernel_given = true;
	return kernel_parse(&self->kernel, argument) ? NULL : "not a kernel version (as in 5.10)";
}

#define AT(member) offsetof(struct ctstats, member)
static const struct option_row options[] = {
	{ "interval", 'i', "SEC", NULL, "a line of rates every SEC seconds", cli_seconds, AT(interval) },
	{ "count", 'n', "N", NULL, "end after N samples", set_times },
	{ "per-cpu", 'p', NULL, NULL, "the counters of each CPU as well", cli_flag, AT(per_cpu) },
	{ "occupancy", 'O', NULL, NULL, "read the table: how much of it could not be thrown out if it were full",
	  cli_flag, AT(occupancy) },
	{ "explain", 0, "[=COUNTER]", NULL, "what a counter (or sysctl) means, its causes and remedies",
	  set_explain },
	{ "sysctl", 's', NULL, NULL, "the sysctls of conntrack: value, default, meaning", cli_flag, AT(sysctl) },
	{ "kernel", 'k', "VERSION", NULL, "which kernel meanings are told for, and saved data are from",
	  set_kernel },
	{ "no-events", 0, NULL, NULL, "do not listen to events to count new flows", cli_flag, AT(no_events) },
	{ NULL },
};

static const struct format_row formats[] = {
	{ "table", FORMAT_TABLE }, { "json", FORMAT_JSON }, { "csv", FORMAT_CSV },
	{ "openmetrics", FORMAT_OPENMETRICS }, { "prometheus", FORMAT_PROMETHEUS },
	{ "mdoc", FORMAT_MDOC }, { NULL },
};

static const char *const examples[] = {
	"ctstats", "how full, what is dropped, since boot and just now",
	"ctstats -i 1", "a line of rates every second",
	"ctstats --explain insert_failed", "what does that counter mean here?",
	"ctstats --occupancy", "how much of the table could make room?",
	"ctstats --sysctl", "timeouts and limits in force",
	"ctstats -f openmetrics > conntrack.prom", "for a textfile collector",
	"ctstats -r proc_net_stat_nf_conntrack -k 5.10", "saved counters, on any machine",
	NULL,
};

static const struct command command = {
	.name = "ctstats",
	.summary = "Shows how full the connection tracking table of Linux is, and explains its counters",
	.options = options,
	.shared = WITH_ALL | WITH_FILES | WITH_NETNS | WITH_FORMAT,
	.formats = formats,
	.examples = examples,
};

/* Samples that are told as rates need two readings. */
static bool rated(const struct ctstats *self)
{
	return self->interval > 0;
}

static bool lines(const struct ctstats *self)
{
	return self->grid;
}

static void find_kernel(struct ctstats *self)
{
	if (self->kernel_given)
		return;
	if (self->session.live)
		kernel_running(&self->kernel);
	else
		kernel_unknown(&self->kernel);
}

static struct explanation explanation_of(struct ctstats *self)
{
	struct explanation explanation = {
		.out = &self->session.out, .colour = self->print.colour, .kernel = self->kernel,
		.form = self->session.format == FORMAT_JSON ? EXPLAIN_JSON
		      : self->session.format == FORMAT_MDOC ? EXPLAIN_MDOC : EXPLAIN_TEXT,
		.width = self->print.width && self->print.width < 100 ? self->print.width : 100,
	};

	if (!kernel_known(&explanation.kernel))
		kernel_running(&explanation.kernel);
	return explanation;
}

static void explain(struct ctstats *self)
{
	struct explanation explanation = explanation_of(self);
	const char *word = self->word;
	size_t length;

	if (!word)
		explain_counters(&explanation);
	for (; word; word = word[length] ? word + length + 1 : NULL) {
		length = strcspn(word, ",");
		if (!explain_name(&explanation, word, length))
			cli_usage(&command, "--explain: '%.*s' is neither a counter nor a sysctl "
				  "(ctstats --explain tells all)", (int)length, word);
	}
}

static unsigned terminal_lines(void)
{
	struct winsize size;

	if (isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 8)
		return size.ws_row - 4;
	return 0;
}

static void print_settings(struct ctstats *self, const struct settings *settings)
{
	report_settings(&self->session.out, &self->print, settings, &self->kernel);
}

static void run_sysctl(struct ctstats *self)
{
	static struct settings settings;

	settings_read(&settings);
	session_confine(&self->session, 0);
	print_settings(self, &settings);
}

static void print_line(struct ctstats *self)
{
	unsigned page = terminal_lines();
	bool csv = self->session.format == FORMAT_CSV;

	report_line(self->grid, &self->report, csv);
	grid_print(self->grid, !self->printed || (page && !csv && self->printed % page == 0));
}

static void print_sample(struct ctstats *self)
{
	struct out *out = &self->session.out;
	const struct stats *before = self->session.live && rated(self) ? &self->before : NULL;

	switch (self->session.format) {
	case FORMAT_JSON:
		if (!report_json(out, &self->report))
			err(2, "memory");
		break;
	case FORMAT_OPENMETRICS:
	case FORMAT_PROMETHEUS:
		report_metrics(out, &self->report, self->session.format == FORMAT_PROMETHEUS);
		break;
	default:
		if (lines(self)) {
			if (self->per_cpu)
				report_cpus(out, &self->print, &self->report, before);
			else
				print_line(self);
			/* csv has one heading; a table for each sample has its own. */
			self->print.header &= self->session.format == FORMAT_TABLE;
			break;
		}
		report_screen(out, &self->print, &self->report);
		if (self->per_cpu) {
			out_text(out, "\n");
			report_cpus(out, &self->print, &self->report, NULL);
		}
	}
	self->printed++;
	out_flush(out);
}

static void open_events(struct ctstats *self)
{
	uint64_t on = 1;

	if (self->no_events || !rated(self))
		return;
	if (!meter_netlink(self->meter)) {
		self->no_new = "needs CAP_NET_ADMIN";
		return;
	}
	if (sysctl_number("nf_conntrack_events", &on) && !on) {
		self->no_new = "nf_conntrack_events is 0: no events are made";
		return;
	}
	self->events = source_events(self->session.asker, 1 << (NFNLGRP_CONNTRACK_NEW - 1), EVENTS_BUFFER);
	if (!self->events)
		self->no_new = strerror(errno);
	else
		source_want(self->events, 0);
}

static uint64_t monotonic(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

/* Until there is no more, or the sample ends. */
static void count_events(struct ctstats *self, uint64_t end)
{
	struct flow flow;

	while (monotonic() < end) {
		if (source_read(self->events) <= 0) {
			if (errno == ENOBUFS)
				continue;
			return;
		}
		while (source_flow(self->events, &flow))
			self->new_flows++;
	}
}

static void wait_until(struct ctstats *self, uint64_t end)
{
	struct pollfd poll_fd = { .fd = -1, .events = POLLIN };
	uint64_t now;

	if (self->events)
		poll_fd.fd = source_fd(self->events);
	while (!session_stopped(&self->session) && (now = monotonic()) < end) {
		uint64_t left = (end - now + 999999) / 1000000;

		if (poll(&poll_fd, 1, left > 60000 ? 60000 : left) > 0)
			count_events(self, end);
	}
}

/* What was lost was a NEW event each, since nothing else is listened to. */
static void take_events(struct ctstats *self)
{
	struct rates *rates = &self->report.rates;
	uint32_t lost;

	if (!self->events || !rates->has)
		return;
	lost = source_lost(self->events);
	rates->events_lost = (uint32_t)(lost - self->lost);
	rates->new_flows = self->new_flows + rates->events_lost;
	rates->has |= RATES_NEW;
	self->lost = lost;
	self->new_flows = 0;
}

static void read_occupancy(struct ctstats *self)
{
	if (!self->occupancy)
		return;
	self->report.occupied = occupancy_read(self->session.asker, &self->report.occupancy) == 0;
	if (self->report.occupied)
		return;
	if (errno == EPERM)
		warnx("--occupancy needs CAP_NET_ADMIN");
	else
		warn("--occupancy");
	self->occupancy = false;
}

static void read_meter(struct ctstats *self, struct stats *stats)
{
	if (meter_read(self->meter, stats) < 0)
		session_fail(&self->session, "reading the counters");
}

static void swap(struct stats *a, struct stats *b)
{
	struct stats keep = *a;

	*a = *b;
	*b = keep;
}

/* False when it is time to end. */
static bool live_sample(struct ctstats *self, uint64_t end)
{
	struct report *report = &self->report;

	if (rated(self))
		wait_until(self, end);
	/* Who is interrupted while he waits for the first answer gets it, over a shorter time. */
	if (session_stopped(&self->session) && self->printed)
		return false;
	read_meter(self, &report->stats);
	if (rated(self)) {
		rates_between(&report->rates, &self->before, &report->stats, 0);
		take_events(self);
	}
	read_occupancy(self);
	print_sample(self);
	swap(&self->before, &report->stats);
	return rated(self) && !session_stopped(&self->session) &&
	       !(self->limited && self->printed >= self->times);
}

/* What cannot be seen is told once, where the output does not say it. */
static void tell_missing(const struct ctstats *self)
{
	char path[4096];
	bool screen = self->session.format == FORMAT_TABLE && !lines(self);

	if (self->no_new && !meter_netlink(self->meter))
		warnx("new flows per second need CAP_NET_ADMIN: use sudo, or once 'setcap cap_net_admin+ep %s'",
		      session_path(path, sizeof(path)));
	else if (self->no_new && !screen)
		warnx("new flows per second: %s", self->no_new);
}

static void run_live(struct ctstats *self)
{
	uint64_t step = self->interval * 1e9, end;

	session_asks_again(&self->session);
	session_confine(&self->session, 0);
	self->meter = meter_open(self->session.asker, &self->kernel);
	if (!self->meter && errno != ENOENT)
		err(2, "reading the counters");
	if (!self->meter) {
		warnx("connection tracking is not loaded in this kernel: there is nothing to count");
		if (self->session.format != FORMAT_TABLE)
			print_sample(self);
		return;
	}
	open_events(self);
	self->report.no_new = self->no_new;
	tell_missing(self);
	if (rated(self))
		read_meter(self, &self->before);
	if (rated(self) && !self->before.counters)
		warnx("this kernel does not show its counters without CAP_NET_ADMIN");
	for (end = monotonic() + step; live_sample(self, end); end += step)
		if (end + step < monotonic())
			end = monotonic();	/* after a suspend: no burst of samples */
}

/* A file says the rates, or the time of its samples, or nothing: then --interval is between them. */
static void saved_sample(struct ctstats *self)
{
	struct report *report = &self->report;

	if (!report->rates.has && self->before.counters)
		rates_between(&report->rates, &self->before, &report->stats, self->interval);
	if (!kernel_known(&report->stats.kernel) && !self->printed) {
		char text[64];

		kernel_text(text, sizeof(text), &report->stats.kernel);
		warnx("the files do not say their kernel, on which meanings depend; by what they hold: %s "
		      "(--kernel VERSION)", text);
	}
	print_sample(self);
	swap(&self->before, &report->stats);
}

static void run_saved(struct ctstats *self)
{
	struct session *session = &self->session;
	struct complaint complaint = { session_complain, session };
	struct saved *saved = saved_open(session->files, session->files_count, &complaint,
					 self->kernel_given ? &self->kernel : NULL, session->out.stop);
	int result = 0;

	session_confine(session, 0);
	if (!saved)
		err(2, "memory");
	while (!session_stopped(session) && !(self->limited && self->printed >= self->times) &&
	       (result = saved_next(saved, &self->report)) > 0)
		if (!self->sysctl)
			saved_sample(self);
	if (result < 0)
		err(2, "memory");
	if (self->sysctl)
		print_settings(self, saved_settings(saved));
	if (session->complaints && saved_good(saved))
		warnx("%llu lines read, %llu not", saved_good(saved), session->complaints);
	if (!saved_good(saved) && !session_stopped(session)) {
		if (!session->complaints)
			warnx("nothing could be read");
		session->failed = true;
	}
	if (saved_lost(saved))
		session->failed = true;
	saved_close(saved);
}

static void check(struct ctstats *self)
{
	int format = self->session.format;

	if (self->explain && self->sysctl)
		cli_usage(&command, "--explain and --sysctl exclude each other");
	if (format == FORMAT_MDOC && !self->explain && !self->sysctl)
		cli_usage(&command, "--format: 'mdoc' goes with --explain or --sysctl only");
	if (format == FORMAT_CSV && self->explain)
		cli_usage(&command, "--format: 'csv' does not go with --explain");
	if ((format == FORMAT_OPENMETRICS || format == FORMAT_PROMETHEUS) &&
	    (self->explain || self->sysctl || self->interval > 0 || self->limited))
		cli_usage(&command, "--format openmetrics and prometheus are for one reading");
	if (self->limited && !self->times)
		cli_usage(&command, "--count: '0': nothing would be printed");
}

/* Without --interval: one screen, with rates over a second; other formats one reading at once. */
static void choose(struct ctstats *self)
{
	bool table = self->session.format == FORMAT_TABLE, live = self->session.live;

	if (self->limited && live && !self->interval)
		self->interval = 1;
	self->report.occupancy_asked = self->occupancy;
	if (self->session.format == FORMAT_CSV || (table && self->interval > 0)) {
		self->grid = grid_new(&self->session.out, &self->print);
		report_columns(self->grid, &self->report, self->session.format == FORMAT_CSV);
	}
	if (table && live && !self->interval) {
		self->interval = 1;
		self->limited = true;
		self->times = 1;
	}
	self->report.per_cpu = self->per_cpu;
}

static void run(struct ctstats *self)
{
	struct explanation explanation = explanation_of(self);

	if (self->explain) {
		explain(self);
	} else if (self->sysctl && self->session.format == FORMAT_MDOC) {
		explain_sysctls(&explanation);
	} else if (!self->session.live) {
		run_saved(self);
	} else if (self->sysctl) {
		run_sysctl(self);
	} else {
		run_live(self);
	}
}

/* `--explain insert_failed` is what people type; an optional argument needs a "=" in getopt. */
static void join_explain(int *argc, char **argv)
{
	for (int i = 1; i + 1 < *argc; i++) {
		if (strcmp(argv[i], "--explain") || *argv[i + 1] == '-')
			continue;
		if (asprintf(&argv[i], "--explain=%s", argv[i + 1]) < 0)
			err(2, "memory");
		memmove(&argv[i + 1], &argv[i + 2], (*argc - i - 1) * sizeof(*argv));
		--*argc;
	}
}

int main(int argc, char **argv)
{
	struct ctstats self = { .interval = 0 };
	int status;

	report_init(&self.report);
	stats_init(&self.before);
	join_explain(&argc, argv);
	session_start(&self.session, &command, argc, argv);
	check(&self);
	self.print = session_print(&self.session);
	find_kernel(&self);
	choose(&self);
	run(&self);
	grid_free(self.grid);
	source_close(self.events);
	meter_close(self.meter);
	stats_release(&self.before);
	report_release(&self.report);
	status = session_end(&self.session);
	return status;
}
