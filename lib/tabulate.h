/* Groups as lines: sorted, the tail folded into one, with shares, changes and the matrix. */
#ifndef TABULATE_H
#define TABULATE_H

#include "group.h"
#include "print.h"

struct tabulation;

/*
 * Columns and orders go by name: the keys' (long or short), count, percent, unreplied, delta,
 * across, sum.FIELD, time, group. The time and the change since the sample before belong to
 * repeated samples; group says what a line is that is none ("others", "total").
 */
struct tabulate_options {
	bool repeated;
	bool total;			/* a last line with the sum of all */
	unsigned long long top, least;	/* groups beyond, or smaller, are folded into "others"; 0: none */
};

/* Prints to `out`. The groups that are printed later have this plan. */
struct tabulation *tabulate_new(struct out *out, const struct print_options *print,
				const struct group_plan *plan,
				const struct tabulate_options *options);
void tabulate_free(struct tabulation *tabulation);

/* False if there is no such column. The first order decides; without any the largest come first.
 * A column that is asked for leaves only those that are, unless tabulate_keep() kept the usual. */
bool tabulate_order(struct tabulation *tabulation, const char *name, size_t length, bool descending);
bool tabulate_column(struct tabulation *tabulation, const char *name, size_t length);
void tabulate_keep(struct tabulation *tabulation);

/*
 * Prints one sample. `previous`: the sample before, or NULL; groups that have gone since are added
 * to `groups` with nothing counted. `time` in nanoseconds since 1970.
 */
void tabulate(struct tabulation *tabulation, struct groups *groups, const struct groups *previous,
	      uint64_t time);

/* How many columns of the last sample the terminal was too narrow for. */
unsigned tabulate_narrow(const struct tabulation *tabulation);

#endif
