/* What the parts of ctwatch share. */
#ifndef CTWATCH_H
#define CTWATCH_H

#include "follow.h"
#include "session.h"
#include "summary.h"

#define BIT(event) (1u << (event))

struct ctwatch {
	struct session session;
	unsigned wanted;		/* bits of 1 << enum event */
	bool events_given, limited, failed, expect, track, invalid;
	unsigned long long limit;
	double duration, resync, every;	/* seconds; 0: not asked for */
	uint64_t buffer;
	/* at work; times are of the monotonic clock, in nanoseconds */
	uint64_t want;
	struct printer *printer;
	struct summary *summary;
	struct follow *follow;
	struct source *dump;		/* NULL: none is running */
	unsigned long long seen, matched, lost, lost_known, dumped, others;
	uint32_t dropped;		/* by the kernel, as far as it is reported */
	bool overrun, done, synced, line_by_line;
	uint64_t recalled;		/* HAS_ bits of the event at hand: not in its message, but remembered */
	unsigned long long printed;	/* summaries */
	bool unsummed;			/* something is in no summary yet */
	uint64_t summed, last;		/* wall clock: of the last summary, the last event */
	uint64_t now, flushed, end, summary_at, resync_at, earliest, dump_began;
};

extern const struct command ctwatch_command;

/* A line about the stream itself: on stderr, or in its place where the format allows it. */
void watch_remark(struct ctwatch *watch, enum event event, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* The events of the kernel until it is enough, or those of files. */
void watch_live(struct ctwatch *watch);
void watch_files(struct ctwatch *watch);

/* Prints what --summary has counted since the last one. */
void watch_last_summary(struct ctwatch *watch);

/* The next summary is due: summary_at. */
void watch_next_summary(struct ctwatch *watch, uint64_t now);

/* ctwatch --invalid; the exit status. */
int watch_invalid(struct ctwatch *watch);

#endif
