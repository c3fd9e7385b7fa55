/* What stands in the header of cttop: how full the table is, what is dropped, the last minutes. */
#ifndef VITALS_H
#define VITALS_H

#include "stats.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { HISTORY = 300, LOOKS = 3 };

struct vitals {
	struct meter *meter;		/* NULL: there is no kernel to look at */
	struct stats now, past[LOOKS];	/* the oldest first: what is lost is seen for some seconds, and calmly */
	const struct stats *before;	/* the oldest that there is; NULL: none */
	struct rates rates;		/* between that and now; has 0: not known */
	uint64_t time;			/* of the last look, ns since 1970; 0: none yet */
	int accounting;			/* nf_conntrack_acct; -1: not known */
	/* A value per second, the newest last; negative where nothing was looked at. */
	double history[HISTORY];
	uint64_t history_end;		/* the second of the last value */
};

void vitals_init(struct vitals *vitals);
void vitals_release(struct vitals *vitals);

/* Opens the kernel's counters, in the namespace that this process is in. */
void vitals_open(struct vitals *vitals, const struct asker *asker);
void vitals_read(struct vitals *vitals, uint64_t time);
void vitals_compare(struct vitals *vitals);	/* `now` with `past` */

/* How many entries, and the share of the table; false where it is not known. */
bool vitals_entries(const struct vitals *vitals, uint64_t *entries);
bool vitals_share(const struct vitals *vitals, double *share);

/* A counter by its index: per second, of all CPUs or of one. False where it is not known. */
bool vitals_rate(const struct vitals *vitals, int counter, const struct cpu *cpu, double *rate);

/* Notes the number of flows at a time. */
void vitals_history(struct vitals *vitals, uint64_t time, double flows);
void vitals_forget(struct vitals *vitals);	/* the history */

#endif
