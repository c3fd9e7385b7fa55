/* ctwatch at work: reads events and dumps, and prints what was asked for. */
#include "ctwatch.h"

#include "bpf.h"
#include "reason.h"

#include <err.h>
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

static const uint64_t second = 1000000000, millisecond = 1000000;

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
		out_format(out, "  LOST     %u events: the receive buffer was full%s\n", remark->lost,
			   watch->track && watch->session.live ? "; a dump follows" : "");
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
	watch->unsummed = false;
	watch->printed++;
	if (watch->limited && watch->printed >= watch->limit)
		watch->done = true;
	flush(watch, watch->now);
}

void watch_last_summary(struct ctwatch *watch)
{
	if (watch->limited && watch->printed >= watch->limit)
		return;
	if (!watch->printed || watch->unsummed)
		print_summary(watch, watch->session.live ? clock_now(CLOCK_REALTIME) : watch->last);
}

/* The last time up to `now` that is whole intervals after `from`. */
static uint64_t interval_begin(const struct ctwatch *watch, uint64_t from, uint64_t now)
{
	uint64_t every = watch->every * second;

	return now < from || !every ? from : now - (now - from) % every;
}

/* After a stop there is no burst of summaries: the intervals that it took are one. */
void watch_next_summary(struct ctwatch *watch, uint64_t now)
{
	watch->summary_at = interval_begin(watch, watch->summary_at, now);
	watch->summary_at += (uint64_t)(watch->every * second);
}

/* In a replay time passes with the events: intervals without any are not told. */
static void pass_time(struct ctwatch *watch, uint64_t time)
{
	uint64_t every = watch->every * second, begun;

	if (!watch->summed)
		watch->summed = time;
	begun = interval_begin(watch, watch->summed, time);
	if (begun != watch->summed) {
		print_summary(watch, watch->summed + every);
		watch->summed = begun;
	}
	watch->last = time;
}

static void sum_up(struct ctwatch *watch, const struct flow *flow)
{
	if (!watch->session.live && flow->time)
		pass_time(watch, flow->time);
	summary_add(watch->summary, flow);
	watch->unsummed = true;
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
	if (watch->session.format == FORMAT_CONNTRACK)
		flow->has &= ~watch->recalled;
	printer_row(watch->printer, flow);
	if (watch->line_by_line)
		flush(watch, watch->now);
	if (watch->limited && watch->matched >= watch->limit)
		watch->done = true;
}

static void lost(struct ctwatch *watch, struct flow *record)
{
	watch->lost += record->lost;
	if (watch->every) {
		summary_lost(watch->summary, record->lost);
		watch->unsummed = true;
	}
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
	const uint64_t concluded = HAS_CHANGED | HAS_DURATION | HAS_REASON;
	struct source *source = watch->session.source;
	struct flow flow;
	uint64_t told;

	while (!watch->done && source_flow(source, &flow)) {
		if (flow.event == EVENT_LOST) {
			lost(watch, &flow);
			continue;
		}
		if (flow.what != (watch->expect ? WHAT_EXPECT : WHAT_FLOW)) {
			watch->others++;
			continue;
		}
		if (!flow.event) {
			watch->dumped++;
			if (watch->track && bpf_passes(watch->session.filter, &flow))
				follow_found(watch->follow, &flow);
			continue;
		}
		watch->seen++;
		told = flow.has | concluded;
		follow_event(watch->follow, &flow);
		watch->recalled = flow.has & ~told;
		emit(watch, &flow);
		watch->recalled = 0;
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
	watch->dump = source_dump(watch->session.asker, TABLE_CONNTRACK, &everything, 1);
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
	unsigned long long missed;

	source_close(watch->dump);
	watch->dump = NULL;
	missed = follow_end(watch->follow, clock_now(CLOCK_REALTIME), emit, watch);
	if (!watch->synced)
		watch_remark(watch, EVENT_RESYNC, "%zu flows are known", follow_count(watch->follow));
	else if (missed || watch->lost != watch->lost_known)
		watch_remark(watch, EVENT_RESYNC, "%llu events were missed; %zu flows are known", missed,
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
	if (result == 0 && source_resized(watch->dump)) {
		source_close(watch->dump);
		dump_begin(watch);
	} else if (result == 0) {
		dump_end(watch);
	}
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
		watch_next_summary(watch, watch->now);
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

void watch_live(struct ctwatch *watch)
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

void watch_files(struct ctwatch *watch)
{
	int result = 0;

	while (!watch->done && !session_stopped(&watch->session) &&
	       (result = source_read(watch->session.source)) > 0)
		take_all(watch);
	if (result < 0 && errno != EINTR)
		session_fail(&watch->session, "reading");
}
