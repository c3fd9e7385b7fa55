/* What stands in the header of cttop: how full the table is, what is dropped, the last minutes. */
#ifndef VITALS_H
#define VITALS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { HISTORY = 300, VITAL_COUNTERS = 16 };

/* A counter of the kernel; rates per second. */
struct vital {
	bool known;		/* this kernel fills it */
	uint64_t total;
	double rate;		/* meaningful if vitals->rated */
};

struct vitals_cpu {
	int cpu;
	struct vital counters[VITAL_COUNTERS];
};

struct vitals {
	uint64_t time;			/* of the last look, ns since 1970; 0: none yet */
	bool has_entries, has_max, has_counters, rated;
	uint64_t entries, max;
	int accounting;			/* nf_conntrack_acct; -1: not known */
	struct vital counters[VITAL_COUNTERS];	/* all CPUs; in the order of vital_names */
	struct vitals_cpu *cpus;
	size_t cpus_count;
	/* A value per second, the newest last; negative where nothing was looked at. */
	double history[HISTORY];
	uint64_t history_end;		/* the second of the last value */
};

/* The kernel's names; NULL at the end. The first VITAL_LOUD of them are losses. */
enum { VITAL_LOUD = 4 };
extern const char *const vital_names[VITAL_COUNTERS + 1];

void vitals_init(struct vitals *vitals);
void vitals_release(struct vitals *vitals);

/* Looks at the kernel of the namespace that this process is in. */
void vitals_read(struct vitals *vitals, uint64_t time);

/* Notes the number of flows at a time. */
void vitals_history(struct vitals *vitals, uint64_t time, double flows);

#endif
