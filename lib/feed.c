/* Reads dumps in pieces and events in between, and slows down where that costs too much. */
#include "feed.h"

#include "memory.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>

#include <linux/netfilter/nfnetlink.h>

enum { SLICE = 4000000, EVENT_BUFFER = 32 << 20, WINDOW_SECONDS = 3, AGAIN_SECONDS = 30 };
static const uint64_t SECOND = 1000000000;
enum { QUIET = 1000 };	/* intervals without anything, when a replay leaps */
static const uint64_t PAUSE = 250000000;	/* between two dumps of a capture */
/* Waking up for each event costs several times what the event itself does: they are let gather. */
static const uint64_t GATHER = 100000000;

static uint64_t clock_of(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (uint64_t)ts.tv_sec * SECOND + ts.tv_nsec;
}

uint64_t feed_ticks(void)
{
	return clock_of(CLOCK_MONOTONIC);
}

void feed_init(struct feed *feed, struct top *top)
{
	memset(feed, 0, sizeof(*feed));
	feed->top = top;
	feed->shown = true;
	feed->row = calloc(1, sizeof(*feed->row));
	if (!feed->row)
		memory_exhausted();
}

void feed_release(struct feed *feed)
{
	source_close(feed->dump);
	source_close(feed->events);
	source_close(feed->file);
	follow_free(feed->follow);
	free(feed->row);
}

void feed_listen(struct feed *feed)
{
	const unsigned groups = 1 << (NFNLGRP_CONNTRACK_NEW - 1) | 1 << (NFNLGRP_CONNTRACK_UPDATE - 1) |
				1 << (NFNLGRP_CONNTRACK_DESTROY - 1);

	feed->events = source_events(feed->asker, groups, EVENT_BUFFER);
	if (feed->events)
		source_want(feed->events, HAS_ALL & ~(HAS_IDLE | HAS_AGE));
	feed->event_window = feed_ticks();
	feed->event_cost = feed->event_count = 0;
}

static void begin_dump(struct feed *feed, struct source *dump, bool extra)
{
	struct top *top = feed->top;

	feed->dump = dump;
	feed->started = feed_ticks();
	feed->cost = feed->visited = 0;
	if (*top->filter_text || !vitals_entries(&top->vitals, &feed->expected))
		feed->expected = top->sample.totals.flows;
	source_want(dump, sample_wants(&top->sample));
	source_timeouts(dump, &feed->timeouts);
	(extra ? sample_begin_extra : sample_begin)(&top->sample, clock_of(CLOCK_REALTIME), feed->expected);
}

static void look_at_kernel(struct feed *feed)
{
	struct top *top = feed->top;
	uint64_t time = clock_of(CLOCK_REALTIME), entries;

	feed->vitals_next = feed_ticks() + SECOND;
	vitals_read(&top->vitals, time);
	if (vitals_entries(&top->vitals, &entries))
		vitals_history(&top->vitals, time, entries);
	if (!top->vitals.accounting && top->sample.view->rows != ROWS_CPUS)
		top_note(top, NOTE_ACCOUNTING, "accounting is off: no bytes; sysctl "
			 "net.netfilter.nf_conntrack_acct=1 counts flows made from then on");
	else
		top_note(top, NOTE_ACCOUNTING, "%s", "");
}

void feed_live(struct feed *feed, struct source *dump)
{
	struct flow syn_sent = { .protonum = IPPROTO_TCP, .state = state_code(IPPROTO_TCP, 1) };

	timeouts_read(&feed->timeouts);
	feed->follow = follow_new(FOLLOW_NOTHING, timeouts_of(&feed->timeouts, &syn_sent), true);
	vitals_open(&feed->top->vitals, feed->asker);
	look_at_kernel(feed);
	if (dump)
		begin_dump(feed, dump, false);
}

/* The interval that keeps dumps within what events leave of the budget. */
static uint64_t interval(const struct feed *feed, uint64_t asked)
{
	double share = BUDGET / 100.0 - feed->event_share, least = BUDGET_DUMPS / 100.0;
	uint64_t needed = feed->cost / (share > least ? share : least);

	return needed > asked ? needed : asked;
}

/* The next dump is due so long after the beginning of this one; the second, from which rates come, soon. */
static void set_pace(struct feed *feed)
{
	struct top *top = feed->top;
	uint64_t asked = top->delay * 1e9, time = interval(feed, asked);
	bool soon = feed->lively && !top->sample.interval && asked > SECOND;
	uint64_t next = feed->started + interval(feed, top->sample.extra ? 0 : soon ? SECOND : asked);

	/* One in between does not put off the next, unless there is too much to do. */
	if (!top->sample.extra || next > feed->next)
		feed->next = next;
	top->interval = time / 1e9;
	if (time > top->delay * 1.05e9)
		top_note(top, NOTE_PACE, "a dump takes %.1f s of CPU: one every %.0f s keeps it at a fifth of a core",
			 feed->cost / 1e9, time / 1e9);
	else
		top_note(top, NOTE_PACE, "%s", "");
}

/* What was done since the dump ended: sorting and drawing what it brought. */
static void count_showing(struct feed *feed)
{
	if (feed->shown || feed->dump)
		return;
	feed->cost += clock_of(CLOCK_PROCESS_CPUTIME_ID) - feed->showing;
	feed->shown = true;
	set_pace(feed);
}

static void end_dump(struct feed *feed)
{
	source_close(feed->dump);
	feed->dump = NULL;
	feed->top->progress = -1;
	feed->showing = clock_of(CLOCK_PROCESS_CPUTIME_ID);
	feed->shown = false;
	sample_end(&feed->top->sample, clock_of(CLOCK_REALTIME));
	set_pace(feed);
	feed->samples = true;
}

/* The modules may still be loaded while we look. */
static int nothing_there(struct feed *feed)
{
	struct sample *sample = &feed->top->sample;
	uint64_t time = clock_of(CLOCK_REALTIME);

	top_note(feed->top, NOTE_PACE, "connection tracking is not loaded in this kernel: there are no flows");
	feed->next = feed_ticks() + (uint64_t)(feed->top->delay * 1e9);
	sample_begin(sample, time, 0);
	sample_end(sample, time);
	feed->samples = true;
	return 0;
}

static int start_dump(struct feed *feed, bool extra)
{
	struct request requests[REQUESTS];
	unsigned count = pushdown(feed->top->filter, requests);
	struct source *dump = source_dump(feed->asker, TABLE_CONNTRACK, requests, count);

	if (!dump && errno == ENOENT)
		return nothing_there(feed);
	if (!dump)
		return -1;
	begin_dump(feed, dump, extra);
	return 0;
}

static void give_up_dump(struct feed *feed)
{
	if (!feed->dump)
		return;
	source_close(feed->dump);
	feed->dump = NULL;
	feed->top->progress = -1;
	if (feed->top->sample.dumping)
		sample_abort(&feed->top->sample);
}

/* The slice ends by the clock, so that a key never waits for a whole dump. */
static int read_dump(struct feed *feed)
{
	uint64_t cpu = clock_of(CLOCK_PROCESS_CPUTIME_ID), until = feed_ticks() + SLICE;
	struct sample *sample = &feed->top->sample;
	int result;

	do {
		result = source_read(feed->dump);
		while (result > 0 && source_flow(feed->dump, &feed->row->group.flow)) {
			feed->visited++;
			if (feed->row->group.flow.what == WHAT_FLOW)
				sample_flow(sample, feed->row);
		}
	} while (result > 0 && feed_ticks() < until);
	feed->cost += clock_of(CLOCK_PROCESS_CPUTIME_ID) - cpu;
	if (!result && source_resized(feed->dump)) {
		give_up_dump(feed);
		return start_dump(feed, feed->top->sample.extra);
	}
	if (!result)
		end_dump(feed);
	else if (feed->expected && feed_ticks() - feed->started > SECOND / 4)
		feed->top->progress = feed->visited < feed->expected ? (double)feed->visited / feed->expected : 1;
	return result < 0 && errno != EINTR ? -1 : 0;
}

static void take_event(struct feed *feed)
{
	struct row *row = feed->row;

	feed->event_count++;
	row->is_fresh = false;
	if (!sample_event(&feed->top->sample, row))
		return;
	follow_event(feed->follow, &row->group.flow);
	eventlog_add(feed->top->log, &row->group.flow);
}

/* Where events come faster than they can be had cheaply, dumps must do for a while. */
static void check_events(struct feed *feed)
{
	uint64_t now = feed_ticks(), window = now - feed->event_window;

	if (window < WINDOW_SECONDS * SECOND)
		return;
	feed->event_share = (double)feed->event_cost / window;
	if (feed->event_share > BUDGET_EVENTS / 100.0) {
		top_note(feed->top, NOTE_EVENTS, "%.0f events per second cost %.0f%% of a core: "
			 "listening again in %d s, until then dumps tell what is new and gone",
			 feed->event_count * 1e9 / window, feed->event_share * 100, AGAIN_SECONDS);
		feed->event_share = 0;
		source_close(feed->events);
		feed->events = NULL;
		feed->events_again = now + AGAIN_SECONDS * SECOND;
	} else if (source_lost(feed->events) == feed->lost) {
		top_note(feed->top, NOTE_EVENTS, "%s", "");
	}
	if (feed->events)
		feed->lost = source_lost(feed->events);
	feed->event_window = now;
	feed->event_cost = feed->event_count = 0;
}

static void read_events(struct feed *feed)
{
	uint64_t cpu = clock_of(CLOCK_PROCESS_CPUTIME_ID), until = feed_ticks() + SLICE;
	unsigned long long count = feed->event_count;
	int result;

	do {
		result = source_read(feed->events);
		if (result < 0 && errno == ENOBUFS) {
			top_note(feed->top, NOTE_EVENTS, "events came too fast, %u were lost: the next dump puts it right",
				 source_lost(feed->events) - feed->lost);
			result = 1;
			continue;
		}
		while (result > 0 && source_flow(feed->events, &feed->row->group.flow))
			if (feed->row->group.flow.what == WHAT_FLOW)
				take_event(feed);
	} while (result > 0 && feed_ticks() < until);
	feed->quiet = feed->event_count == count;
	feed->event_cost += clock_of(CLOCK_PROCESS_CPUTIME_ID) - cpu;
	check_events(feed);
}

void feed_fds(const struct feed *feed, int *dump, int *events)
{
	*dump = feed->dump ? source_fd(feed->dump) : -1;
	*events = feed->events && feed->quiet && !feed->top->paused ? source_fd(feed->events) : -1;
}

static uint64_t until(uint64_t when, uint64_t now)
{
	return when > now ? when - now : 0;
}

/* Rates over less than half an interval would jump with every key that wants other rows. */
static bool is_early(const struct feed *feed)
{
	const struct top *top = feed->top;

	return clock_of(CLOCK_REALTIME) < top->sample.ended + (uint64_t)(top->interval * 5e8);
}

static int work_live(struct feed *feed)
{
	struct top *top = feed->top;
	uint64_t now = feed_ticks();

	if (top->read_now) {		/* in a pause too: there is something else to show */
		top->read_now = false;
		give_up_dump(feed);
		return start_dump(feed, is_early(feed));
	}
	if (top->paused && !feed->dump)
		return 0;
	if (now >= feed->vitals_next)
		look_at_kernel(feed);
	if (!feed->events && feed->events_again && now >= feed->events_again) {
		feed->events_again = 0;
		feed_listen(feed);
	}
	if (feed->events)
		read_events(feed);
	if (feed->dump)
		return read_dump(feed);
	return now >= feed->next ? start_dump(feed, false) : 0;
}

/* --- replay ------------------------------------------------------------------------------------- */

void feed_replay(struct feed *feed, struct source *file)
{
	feed->file = file;
	source_keep(file);
	feed->clock_ticks = feed_ticks();
	feed->follow = follow_new(FOLLOW_NOTHING, 0, false);
	source_want(file, HAS_ALL);
	feed->top->replay = true;
}

/* The next flow of the file into the row; false at the end. */
static bool next_saved(struct feed *feed)
{
	while (!feed->held && !feed->ended) {
		if (source_flow(feed->file, &feed->row->group.flow))
			feed->held = feed->row->group.flow.what == WHAT_FLOW;
		else if (source_read(feed->file) <= 0)
			feed->ended = true;
	}
	return feed->held;
}

/* Of the screen, in ns. */
static uint64_t step_of(const struct feed *feed)
{
	return feed->top->delay * 1e9;
}

/* Files say what they like: time does not wrap. */
static uint64_t later(uint64_t time, uint64_t by)
{
	return time < UINT64_MAX - by ? time + by : UINT64_MAX;
}

static uint64_t saved_time(const struct feed *feed)
{
	const struct flow *flow = &feed->row->group.flow;

	return flow->has & HAS_TIME ? flow->time : feed->clock;
}

static void finish_saved_dump(struct feed *feed)
{
	if (!feed->top->sample.dumping)
		return;
	sample_end(&feed->top->sample, feed->last_dump ? feed->last_dump : feed->clock);
	feed->next_tick = later(feed->last_dump, step_of(feed));
	vitals_history(&feed->top->vitals, feed->last_dump, feed->top->sample.totals.flows);
	feed->samples = true;
}

static void end_saved_dump(struct feed *feed, uint64_t time)
{
	if (time > later(feed->last_dump, PAUSE))
		finish_saved_dump(feed);
}

/* A capture does not say where a dump ends: a pause or the end of the file does. Events come in between. */
static void apply_saved(struct feed *feed)
{
	struct flow *flow = &feed->row->group.flow;
	uint64_t time = saved_time(feed);

	feed->held = false;
	if (flow->has & HAS_EVENT) {
		take_event(feed);
		return;
	}
	if (!feed->top->sample.dumping)
		sample_begin(&feed->top->sample, time, 0);
	feed->last_dump = time;
	sample_flow(&feed->top->sample, feed->row);
}

static void tick(struct feed *feed)
{
	struct top *top = feed->top;

	if (!top->sample.dumping) {
		sample_tick(&top->sample, feed->next_tick);
		feed->samples = true;
	}
	feed->next_tick = later(feed->next_tick, step_of(feed));
}

static bool tick_due(const struct feed *feed, uint64_t time)
{
	return feed->next_tick && feed->next_tick < UINT64_MAX && time >= feed->next_tick;
}

/* Days without a word, or a clock that was set, are not played: a tick is due shortly before what comes next. */
static void leap(struct feed *feed)
{
	uint64_t step = step_of(feed), time, next;

	if (!next_saved(feed))
		return;
	time = saved_time(feed);
	next = feed->top->sample.dumping ? later(feed->last_dump, step) : feed->next_tick;
	if (!next || time < next || (time - next) / step <= QUIET)
		return;
	end_saved_dump(feed, time);
	feed->clock = feed->top->now = feed->next_tick;
	tick(feed);
	feed->next_tick = time - (time - feed->next_tick) % step;
	feed->clock = feed->next_tick;
}

/* Applies everything up to a time of the capture, with a sample at each interval. */
static void advance(struct feed *feed, uint64_t time)
{
	while (next_saved(feed) && saved_time(feed) <= time) {
		uint64_t at = saved_time(feed);

		leap(feed);
		end_saved_dump(feed, at);
		if (!feed->next_tick)
			feed->next_tick = later(at, step_of(feed));
		while (tick_due(feed, at))
			tick(feed);
		feed->last = at;
		apply_saved(feed);
		if (!feed->top->sample.dumping)
			vitals_history(&feed->top->vitals, at, feed->top->sample.totals.flows);
	}
	end_saved_dump(feed, feed->ended ? UINT64_MAX : time);
	while (tick_due(feed, time) && !feed->ended)
		tick(feed);
	feed->clock = time;
	feed->top->now = time;
}

static void start_clock(struct feed *feed)
{
	if (!feed->clock && next_saved(feed))
		feed->clock = saved_time(feed);
	if (!feed->top->now)
		feed->top->now = feed->clock;
}

static bool rewind_file(struct feed *feed)
{
	if (!source_rewind(feed->file)) {
		top_say(feed->top, true, "a pipe cannot be read again");
		return false;
	}
	feed->held = feed->ended = false;
	feed->clock = feed->next_tick = feed->last_dump = feed->last = 0;
	vitals_forget(&feed->top->vitals);
	sample_filter(&feed->top->sample, feed->top->filter);
	eventlog_clear(feed->top->log);
	return true;
}

/* Another view or filter: the file is read again up to now. */
static void again(struct feed *feed)
{
	uint64_t clock = feed->clock;

	if (!rewind_file(feed))
		return;
	start_clock(feed);
	advance(feed, clock);
}

/* What there was last stays on the screen for an interval. */
static void play(struct feed *feed, uint64_t time)
{
	if (feed->clock >= later(feed->last, step_of(feed)))
		leap(feed);
	advance(feed, later(feed->clock, time));
}

static int work_replay(struct feed *feed)
{
	uint64_t now = feed_ticks();

	start_clock(feed);
	if (feed->top->read_now && feed->rewind)
		again(feed);
	feed->top->read_now = false;
	feed->rewind = true;
	if (feed->top->paused)
		feed->clock_ticks = now;
	else if (!feed->ended || feed->held)
		play(feed, now - feed->clock_ticks);
	feed->clock_ticks = now;
	return 0;
}

/* Half a dump says nothing: a step goes to its end. */
static void complete_dump(struct feed *feed)
{
	while (feed->top->sample.dumping && next_saved(feed) &&
	       saved_time(feed) <= later(feed->last_dump, PAUSE))
		apply_saved(feed);
	finish_saved_dump(feed);
}

void feed_step(struct feed *feed, int steps)
{
	int64_t by = steps * feed->top->delay * 1e9;
	uint64_t to = feed->clock + by;

	if (steps > 0 && feed->ended && !feed->held)
		return;
	if (steps < 0 && !rewind_file(feed))
		return;
	start_clock(feed);
	advance(feed, to > feed->clock ? to : feed->clock);
	complete_dump(feed);
	feed->clock_ticks = feed_ticks();
}

/* --- both --------------------------------------------------------------------------------------- */

uint64_t feed_wait(const struct feed *feed)
{
	uint64_t now = feed_ticks(), next = feed->next;

	if (feed->file)
		return feed->ended && !feed->held ? SECOND : feed->top->paused ? SECOND : SECOND / 10;
	if (feed->top->read_now || feed->dump)
		return 0;
	if (feed->top->paused)
		return SECOND;
	if (feed->vitals_next < next)
		next = feed->vitals_next;
	if (feed->events && !feed->quiet && next > now + GATHER)
		next = now + GATHER;
	return until(next, now);
}

int feed_work(struct feed *feed)
{
	feed->top->ticks = feed_ticks();
	if (feed->file)
		return work_replay(feed);
	count_showing(feed);
	feed->top->now = clock_of(CLOCK_REALTIME);
	return work_live(feed);
}

bool feed_sampled(struct feed *feed)
{
	bool samples = feed->samples;

	feed->samples = false;
	return samples;
}

static int sample_file(struct feed *feed)
{
	bool more;

	start_clock(feed);
	feed->samples = false;
	while ((more = next_saved(feed)) && !feed->samples) {
		uint64_t time = saved_time(feed);

		leap(feed);
		if (!feed->samples)
			advance(feed, feed->next_tick && time > feed->next_tick ? feed->next_tick : time);
	}
	if (more)
		return 1;
	if (!feed->top->sample.complete)
		sample_tick(&feed->top->sample, feed->clock);
	finish_saved_dump(feed);
	return 0;
}

int feed_sample(struct feed *feed)
{
	if (feed->file)
		return sample_file(feed);
	while (!feed_sampled(feed)) {
		struct pollfd fds[2] = { { .events = POLLIN }, { .events = POLLIN } };

		feed_fds(feed, &fds[0].fd, &fds[1].fd);
		if (poll(fds, 2, feed_wait(feed) / 1000000 + 1) < 0 || feed_work(feed) < 0)
			return -1;
	}
	return 1;
}
