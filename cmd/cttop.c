/* cttop: the table, live, on one screen. */
#include "feed.h"
#include "key.h"
#include "samplejson.h"
#include "session.h"

#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct cttop {
	struct session session;
	bool batch;
	unsigned long samples;		/* 0: no end */
	double delay;
	const struct view *view;
	const char *sort;
	/* at work */
	struct top top;
	struct feed feed;
};

static const char *set_batch(void *config, const char *argument)
{
	(void)argument;
	((struct cttop *)config)->batch = true;
	return NULL;
}

static const char *set_samples(void *config, const char *argument)
{
	struct cttop *self = config;
	const char *error = cli_number(argument, &self->samples);

	return error ? error : self->samples ? NULL : "at least 1";
}

static const char *set_delay(void *config, const char *argument)
{
	struct cttop *self = config;
	const char *error = cli_seconds(argument, &self->delay);

	return error ? error : self->delay >= 0.1 && self->delay <= 3600 ? NULL : "from 0.1 to 3600 seconds";
}

static const char *set_view(void *config, const char *argument)
{
	struct cttop *self = config;

	self->view = view_find(argument);
	return self->view ? NULL : "no such view: ports, states, sources, destinations, flows, nat, events, counters";
}

static const char *set_sort(void *config, const char *argument)
{
	((struct cttop *)config)->sort = argument;
	return NULL;
}

static const struct option_row options[] = {
	{ "batch", 'b', NULL, NULL, "print the screen as text instead of showing it", set_batch },
	{ "samples", 'n', "N", NULL, "with --batch: so many samples", set_samples },
	{ "delay", 'd', "SEC", NULL, "seconds between samples (1)", set_delay },
	{ "view", 'v', "NAME", "ports,states,sources,destinations,flows,nat,events,counters",
	  "the view to begin with (ports)", set_view },
	{ "sort", 's', "COLUMN", "SORT", "the column to sort by; -COLUMN descends", set_sort },
	{ NULL },
};

static const struct format_row formats[] = {
	{ "table", FORMAT_TABLE }, { "json", FORMAT_JSON }, { NULL },
};

static const char *const examples[] = {
	"cttop", "everything, live",
	"cttop -v sources tcp and not assured", "who opens connections that come to nothing?",
	"cttop -v nat", "are the ports of a NAT address used up?",
	"cttop -b -n 1", "one screen as text",
	"cttop -j -d 10", "a JSON object every ten seconds",
	"cttop -r events.pcap", "a saved capture at its own pace",
	NULL,
};

static const struct command command = {
	.name = "cttop",
	.summary = "Shows the connection tracking table of Linux live",
	.options = options,
	.shared = WITH_ALL | WITH_FILES | WITH_FILTER | WITH_NETNS | WITH_FORMAT,
	.fields = IN_FLOW,
	.formats = formats,
	.examples = examples,
};

/* For the manual page and its test; not an option for people. */
static int list_keys(void)
{
	for (const struct key *key = keys; key->name; key++)
		printf("%s\t%s\n", key->name, key->help);
	return fflush(stdout) == EOF ? 2 : 0;
}

static void setup(struct cttop *self)
{
	struct session *session = &self->session;
	struct top *top = &self->top;
	struct filter_error error;

	top_init(top);
	top->labels = &session->names;
	top->source = session->netns ? session->netns : session->files_count ? session->files[0] : "";
	top->delay = top->interval = self->delay ? self->delay : 1;
	top->utf8 = session_print(session).utf8;
	if (top_filter(top, session->filter_text, &error))
		errx(2, "%s", error.message);
	if (self->view)
		top_view(top, self->view);
	if (self->sort && !top_sort(top, self->sort))
		cli_usage(&command, "--sort: the view %s has no column '%s'", top->sample.view->name, self->sort);
	top->read_now = false;
}

static void open_feed(struct cttop *self)
{
	struct session *session = &self->session;
	struct source *source;

	feed_init(&self->feed, &self->top);
	self->top.sample.all = session->format == FORMAT_JSON;
	if (session->live)
		feed_listen(&self->feed);
	source = session_dump(session, TABLE_CONNTRACK, sample_wants(&self->top.sample), true);
	session->source = NULL;
	if (session->live)
		feed_live(&self->feed, source);
	else
		feed_replay(&self->feed, source, session->files, session->files_count, NULL);
}

static void print_screen(struct cttop *self, bool first)
{
	struct session *session = &self->session;
	struct print_options print = session_print(session);
	struct page page;

	if (!first)
		out_text(&session->out, "\n");
	self->top.width = print.width;
	self->top.height = 0;
	page_init(&page, print.width, self->top.utf8);
	top_render(&self->top, &page);
	page_write(&page, &session->out, print.colour ? 256 : 0);
	page_release(&page);
}

static void run_batch(struct cttop *self)
{
	struct session *session = &self->session;

	for (unsigned long i = 0; (!self->samples || i < self->samples) && !session_stopped(session); i++) {
		int more = feed_sample(&self->feed);

		if (more < 0 && errno == EINTR)
			break;
		if (more < 0)
			session_fail(session, "reading the table");
		top_update(&self->top);
		if (session->format == FORMAT_JSON)
			sample_json(&self->top, &session->out);
		else
			print_screen(self, !i);
		out_flush(&session->out);
		if (!more)
			break;
	}
}

int main(int argc, char **argv)
{
	struct cttop self = { .batch = false };

	if (argc == 2 && !strcmp(argv[1], "--list-keys"))
		return list_keys();
	session_start(&self.session, &command, argc, argv);
	setup(&self);
	open_feed(&self);
	run_batch(&self);
	feed_release(&self.feed);
	top_release(&self.top);
	return session_end(&self.session);
}
