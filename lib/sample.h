/* What cttop knows of the table: groups and rates out of dumps, kept up to date by events. */
#ifndef SAMPLE_H
#define SAMPLE_H

#include "filter.h"
#include "kept.h"
#include "seen.h"
#include "view.h"

/* Of all flows that the filter lets through. Rates are per second, and known if `rated`. */
struct totals {
	uint64_t flows, fresh, gone, bytes, packets;
	float fresh_rate, gone_rate, bytes_rate, packets_rate;
	bool rated, counted;		/* counted: some flow has byte counters */
};

struct sample {
	const struct view *view;
	const struct filter *filter;	/* the caller's */
	uint64_t want;
	bool all;			/* flows are wanted with everything that is known */
	struct seen *seen;
	struct groups *groups;		/* of views that group */
	struct group_plan plan;
	struct kept *kept, *coming;	/* of the flows view: shown, and filled by the dump under way */
	struct order order;
	uint32_t round;
	bool dumping, complete;		/* complete: at least one dump was read to its end */
	bool broken;			/* a dump was given up: the next rates would be wrong */
	bool extra;			/* the dump is one between two that end intervals */
	bool regrouped;			/* the groups do not know yet what began in this interval */
	uint16_t number;		/* of this interval, from 1 */
	bool lasting;			/* the filter asks only what stays as it is while a flow lives */
	bool told;			/* events tell all that the filter asks */
	uint64_t begun, ended;		/* of the last round, and of the last interval, ns */
	uint64_t grouped;		/* since when the groups are told of flows that end, ns */
	uint64_t interval;		/* how long the last one was, ns; 0: only one dump yet */
	uint64_t matching, visited;	/* in the dump under way */
	struct totals totals;
	unsigned long long changes;		/* counts up whenever rows may have changed */
	unsigned long long epoch;		/* counts up when groups get other numbers */
	/* the flow that the detail pane follows */
	uint64_t watched;
	struct row *watched_row;
	bool watched_gone, watched_left;	/* it ended; it does not pass the filter any more */
};

void sample_init(struct sample *sample);		/* memory_exhausted() ends it when memory is out, as all here */
void sample_release(struct sample *sample);

/* Another filter: everything is forgotten. Another view: the groups are. Another order: the flows that are
 * kept stay until the next dump brings those that are first in it. */
void sample_filter(struct sample *sample, const struct filter *filter);
void sample_view(struct sample *sample, const struct view *view, const struct order *order);
void sample_order(struct sample *sample, const struct order *order);

/* What must be decoded. */
uint64_t sample_wants(const struct sample *sample);

/*
 * A dump: sample_begin(), sample_flow() for each flow of it, sample_end(); `time` in nanoseconds.
 * `expected`: about how many flows there will be. The row's flow is the input, the rest is room to
 * work in. sample_abort() gives a dump up. An extra one brings the rows of another view without waiting
 * for the end of the interval, which goes on: rows get rates since it began, totals keep theirs.
 */
void sample_begin(struct sample *sample, uint64_t time, size_t expected);
void sample_begin_extra(struct sample *sample, uint64_t time, size_t expected);
void sample_flow(struct sample *sample, struct row *row);
void sample_end(struct sample *sample, uint64_t time);
void sample_abort(struct sample *sample);

/* An event. True if it is one of the flows that are looked at; a DESTROY may get the state that it
 * does not carry itself. */
bool sample_event(struct sample *sample, struct row *row);

/* Ends an interval without a dump, as a replay of events does: rates from what was counted. */
void sample_tick(struct sample *sample, uint64_t time);

/* Looks at one flow in whole from now on; 0: none. */
void sample_watch(struct sample *sample, uint64_t identity, const struct row *row);

/* Of a group: its row, or of it only what does not say which group it is. */
void sample_group_sums(const struct sample *sample, uint32_t number, struct row *row);
void sample_group_row(const struct sample *sample, uint32_t number, struct row *row);
struct sums *sample_sums(const struct sample *sample, uint32_t number);
uint32_t sample_groups(const struct sample *sample);

#endif
