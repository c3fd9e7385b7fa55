/* cttop: the table, live, on one screen. */
#include "feed.h"
#include "key.h"
#include "resolve.h"
#include "sandbox.h"
#include "samplejson.h"
#include "saver.h"
#include "screen.h"
#include "session.h"

#include <err.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct cttop {
	struct session session;
	bool batch;
	unsigned long long samples;		/* 0: no end */
	double delay;
	const struct view *view;
	const char *sort;
	/* at work */
	struct top top;
	struct feed feed;
	struct source *source;		/* for the feed, from open_feed() to begin() */
	struct resolver *resolver;	/* NULL: no names */
	int saver;			/* who makes the file for `w` */
	struct complaint complaint;	/* on the screen */
};

static const char *set_delay(void *config, const char *argument)
{
	struct cttop *self = config;
	const char *error = cli_seconds(&self->delay, argument);

	return error ? error : self->delay >= 0.1 && self->delay <= 3600 ? NULL : "from 0.1 to 3600 seconds";
}

static const char *set_view(void *config, const char *argument)
{
	struct cttop *self = config;

	self->view = view_find(argument);
	return self->view ? NULL : "no such view: ports, states, sources, destinations, flows, nat, events, counters";
}

/* Names are the system's own, also of addresses in a namespace that has another resolver. */
static void start_resolver(void *config)
{
	struct cttop *self = config;

	self->batch |= self->session.format == FORMAT_JSON;
	if (!self->batch)
		self->resolver = resolver_new(!self->session.no_sandbox);
}

#define AT(member) offsetof(struct cttop, member)
static const struct option_row options[] = {
	{ "batch", 'b', NULL, NULL, "print the screen as text instead of showing it", cli_flag, AT(batch) },
	{ "samples", 'n', "N", NULL, "with --batch: so many samples", cli_positive, AT(samples) },
	{ "delay", 'd', "SEC", NULL, "seconds between samples (3)", set_delay },
	{ "view", 'v', "NAME", "ports,states,sources,destinations,flows,nat,events,counters",
	  "the view to begin with (ports)", set_view },
	{ "sort", 's', "COLUMN", "SORT", "the column to sort by; -COLUMN descends", cli_text, AT(sort) },
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
	.before_netns = start_resolver,
};

/* For the manual page and its test; not an option for people. */
static int list_keys(void)
{
	for (const struct key *key = keys; key->name; key++)
		printf("%s\t%s\n", key->name, key->help);
	return fflush(stdout) == EOF ? 2 : 0;
}

static const char *name_of(void *data, uint8_t family, const union address *address)
{
	return resolver_name(data, family, address);
}

static void setup(struct cttop *self)
{
	struct session *session = &self->session;
	struct top *top = &self->top;
	struct filter_error error;

	top_init(top);
	top->labels = &session->names;
	top->look_up = self->resolver ? name_of : NULL;
	top->look_up_data = self->resolver;
	top->source = session->netns ? session->netns : session->files_count ? session->files[0] : "";
	if (self->delay)
		top->delay = top->interval = self->delay;
	top->utf8 = session_print(session).utf8;
	if (top_filter(top, session->filter_text, &error))
		errx(2, "%s", error.message);
	if (self->view)
		top_view(top, self->view);
	if (self->sort && !top_sort(top, self->sort))
		cli_usage(&command, "--sort: the view %s has no column '%s'", top->sample.view->name, self->sort);
	top->read_now = false;
}

/* On the screen a complaint is a note; nothing may be written there. */
static void note_complaint(void *data, const char *file, unsigned long long number, const char *what)
{
	struct cttop *self = data;

	self->session.complaints++;
	top_note(&self->top, NOTE_FILE, "%s:%llu: %s (%llu could not be read)", file, number, what,
		 self->session.complaints);
}

/* The first dump, or the files. What is given up is up to begin(), later. */
static struct source *open_source(struct cttop *self)
{
	struct session *session = &self->session;
	struct source *source;

	session->confined = true;
	if (!session->live && !self->batch)
		return source_files(session->files, session->files_count, &self->complaint, &session->names);
	source = session_dump(session, TABLE_CONNTRACK, sample_wants(&self->top.sample));
	session->source = NULL;
	return source;
}

/* Nothing is read from it before begin(). */
static void open_feed(struct cttop *self)
{
	struct session *session = &self->session;

	feed_init(&self->feed, &self->top);
	self->top.sample.all = session->format == FORMAT_JSON;
	session_asks_again(session);
	self->feed.asker = session->asker;
	if (session->live)
		feed_listen(&self->feed);
	self->complaint = (struct complaint){ note_complaint, self };
	self->source = open_source(self);
	if (!self->source && !session->nothing)
		session_fail(session, "memory");
}

static void begin(struct cttop *self)
{
	struct session *session = &self->session;

	session_confine(session, self->batch ? 0 : SANDBOX_SCREEN);
	if (session->live)
		feed_live(&self->feed, self->source);
	else
		feed_replay(&self->feed, self->source);
}

static void print_screen(struct cttop *self, bool first)
{
	struct session *session = &self->session;
	struct print_options print = session_print(session);
	struct page page;

	if (!first && !session->no_header)
		out_text(&session->out, "\n");
	self->top.width = print.width;
	self->top.height = 0;
	page_init(&page, print.width, self->top.utf8);
	top_render(&self->top, &page);
	if (session->no_header)
		page_drop(&page, self->top.layout.first_row);
	page_write(&page, &session->out, print.colour ? 256 : 0);
	page_release(&page);
}

static void run_batch(struct cttop *self)
{
	struct session *session = &self->session;

	for (unsigned long long i = 0; (!self->samples || i < self->samples) && !session_stopped(session);) {
		int more = feed_sample(&self->feed);

		if (more < 0 && errno == EINTR)
			continue;
		if (more < 0)
			session_fail(session, "reading the table");
		top_update(&self->top);
		if (session->format == FORMAT_JSON)
			sample_json(&self->top, &session->out);
		else
			print_screen(self, !i);
		i++;
		out_flush(&session->out);
		if (!more)
			break;
	}
}

/* The page as it would be printed, without colours. */
static void save_screen(struct cttop *self, const struct page *page)
{
	const char *path = self->top.save;
	int fd = saver_open(self->saver, path);
	struct out out;

	if (fd < 0) {
		top_say(&self->top, true, "%s: %s", path, errno != EINVAL ? strerror(errno)
			: "only a file where cttop was started, without '/' and no dot first");
		self->top.save[0] = '\0';
		return;
	}
	out_init(&out, fd);
	page_write(page, &out, 0);
	if (out_flush(&out) < 0 || close(fd) < 0)
		top_say(&self->top, true, "%s: %s", path, strerror(errno));
	else
		top_say(&self->top, false, "written to %s", path);
	out_release(&out);
	self->top.save[0] = '\0';
}

static void draw(struct cttop *self, struct page *page)
{
	unsigned x, y;
	bool typing;

	screen_size(&self->top.width, &self->top.height);
	if (*self->top.save) {
		top_render(&self->top, page);
		save_screen(self, page);
	}
	top_render(&self->top, page);
	typing = top_cursor(&self->top, &x, &y);
	if (self->top.redraw_all)
		screen_clear();
	self->top.redraw_all = false;
	screen_draw(page, typing ? (int)x : -1, typing ? (int)y : -1);
}

/* True if there was any. */
static bool read_keys(struct cttop *self)
{
	struct mouse mouse;
	bool any = false;
	int code;

	while ((code = screen_key(&mouse)) != CODE_NONE) {
		any = true;
		if (code != CODE_MOUSE)
			top_key(&self->top, code);
		else if (mouse.wheel)
			top_wheel(&self->top, mouse.wheel);
		else
			top_click(&self->top, mouse.x, mouse.y, mouse.twice);
	}
	return any;
}

/* Waits for a key, for data, or for the next thing to do. */
static void wait_for(struct cttop *self, uint64_t most)
{
	struct pollfd fds[] = { { STDIN_FILENO, POLLIN, 0 }, { -1, POLLIN, 0 }, { -1, POLLIN, 0 },
				{ self->resolver ? resolver_fd(self->resolver) : -1, POLLIN, 0 } };
	uint64_t wait = feed_wait(&self->feed);

	feed_fds(&self->feed, &fds[1].fd, &fds[2].fd);
	if (wait > most)
		wait = most;
	poll(fds, 4, (wait + 999999) / 1000000);
	if (fds[3].revents & POLLHUP) {
		resolver_free(self->resolver);
		self->resolver = NULL;
		self->top.look_up = NULL;
	}
	if (fds[0].revents & (POLLHUP | POLLERR | POLLNVAL))
		self->top.quit = true;
}

static void work(struct cttop *self)
{
	if (self->top.step)
		feed_step(&self->feed, self->top.step);
	self->top.step = 0;
	if (feed_work(&self->feed) == 0 || errno == EINTR)
		return;
	screen_close();
	session_fail(&self->session, "reading the table");
}

/* Events are shown twice a second, keys at once, samples when they are there. */
static void run_screen(struct cttop *self)
{
	const uint64_t pace = 500000000;
	struct top *top = &self->top;
	uint64_t drawn = 0;
	struct page page;
	const char *error = screen_open(session_print(&self->session).colour);

	if (error)
		errx(2, "%s", error);
	begin(self);
	self->feed.lively = true;
	page_init(&page, 80, top->utf8);
	while (!top->quit && !session_stopped(&self->session) && !screen_gone()) {
		bool typed = read_keys(self), sampled, late;

		if (self->resolver)
			typed |= resolver_read(self->resolver);
		work(self);
		sampled = feed_sampled(&self->feed);
		late = top->ticks - drawn >= pace;
		if (sampled || (late && top->listed_changes != top->sample.changes))
			top_update(top);
		if (typed || sampled || late) {
			draw(self, &page);
			drawn = feed_ticks();
		}
		wait_for(self, pace);
	}
	page_release(&page);
	screen_close();
}

int main(int argc, char **argv)
{
	struct cttop self = { .batch = false };

	if (argc > 1 && !strcmp(argv[argc - 1], "--list-keys"))
		return list_keys();
	session_start(&self.session, &command, argc, argv);
	setup(&self);
	open_feed(&self);
	if (self.batch) {
		begin(&self);
		run_batch(&self);
	} else {
		self.saver = saver_new(!self.session.no_sandbox);
		run_screen(&self);
	}
	resolver_free(self.resolver);
	self.session.source = self.feed.file;	/* for its last words */
	self.feed.file = NULL;
	feed_release(&self.feed);
	top_release(&self.top);
	return session_end(&self.session);
}
