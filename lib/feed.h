/* Where cttop's data come from: dumps and events of the kernel, or a saved file at its own pace. */
#ifndef FEED_H
#define FEED_H

#include "follow.h"
#include "pushdown.h"
#include "timeouts.h"
#include "top.h"

/* The notes of the screen. */
enum { NOTE_ACCOUNTING, NOTE_EVENTS, NOTE_PACE, NOTE_FILE };

struct feed {
	struct top *top;
	const struct asker *asker;	/* live; asker.h */
	struct timeouts timeouts;
	struct row *row;		/* room for the flow at hand */
	/* live */
	bool lively;			/* the caller's: somebody waits for the first rates */
	struct source *dump, *events;
	uint64_t started, next;		/* of the dump under way, and when the next is due: ticks */
	uint64_t cost;			/* CPU time of this dump so far, and of showing it, ns */
	bool shown;			/* the CPU time of showing it is known */
	uint64_t showing;		/* CPU time of the process when it ended */
	uint64_t expected, visited;
	uint32_t lost;
	bool quiet;			/* no event came at the last look */
	uint64_t event_cost, event_window;	/* CPU time of events in this window, and its start */
	double event_share;		/* of a core, in the window before */
	unsigned long long event_count;
	uint64_t events_again;		/* when to listen again after having stopped */
	uint64_t vitals_next;
	struct follow *follow;		/* completes events: how long, and why */
	/* replay */
	struct source *file;
	bool held, ended;		/* the row waits for its time; nothing more comes */
	bool rewind;			/* something was shown: another view must read anew */
	uint64_t clock, clock_ticks;	/* the capture's time, and when it was that: ticks */
	uint64_t last_dump, last, next_tick;	/* last: the last flow of all */
	bool samples;			/* a sample was finished since feed_sampled() */
};

/* Of a core, in percent: what looking may cost, how much of it events may take, and what dumps always have. */
enum { BUDGET = 20, BUDGET_EVENTS = 15, BUDGET_DUMPS = 5 };

void feed_init(struct feed *feed, struct top *top);	/* memory_exhausted() ends it when memory is out */
void feed_release(struct feed *feed);

/* Listens to events; to be called before the first dump. Without them dumps must do. */
void feed_listen(struct feed *feed);

/* Takes over an open dump as the first one, or a file. */
void feed_live(struct feed *feed, struct source *dump);
void feed_replay(struct feed *feed, struct source *file);

/* Files for poll(), -1 where there is none: dump, events. */
void feed_fds(const struct feed *feed, int *dump, int *events);

/* How long there is nothing to do but for these files, ns; 0: there is something to do now. */
uint64_t feed_wait(const struct feed *feed);

/* Does what is due, for some milliseconds at most. -1 with errno: a dump is refused. */
int feed_work(struct feed *feed);

/* For those who do not wait: a whole sample. 1, 0 if there will be no other, -1 with errno. */
int feed_sample(struct feed *feed);

/* Whether a sample was finished since the last call. */
bool feed_sampled(struct feed *feed);

/* A replay goes on or back by intervals. */
void feed_step(struct feed *feed, int steps);

uint64_t feed_ticks(void);		/* CLOCK_MONOTONIC, ns */

#endif
