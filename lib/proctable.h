/* The table /proc/net/stat/nf_conntrack, live or saved, of any kernel. */
#ifndef PROCTABLE_H
#define PROCTABLE_H

#include "stats.h"

enum { PROC_COLUMNS = 32, PROC_NAME = 24 };

/* A row per possible CPU; columns go by the names in the first line. */
struct proctable {
	char names[PROC_COLUMNS][PROC_NAME];
	unsigned columns, rows, size;
	uint32_t *values;
};

/* The first line; false if it is no such line. Forgets what was there. */
bool proctable_head(struct proctable *table, const char *line);
/* A row of hexadecimal numbers; false if it does not fit the first line, or no machine has as many CPUs. */
bool proctable_row(struct proctable *table, const char *line);
/*
 * Puts the counters into *stats, and entries, which each row repeats. Where the kernel of *stats is
 * a range, it is narrowed by what the columns hold. False if memory is out.
 */
bool proctable_finish(const struct proctable *table, struct stats *stats);
void proctable_release(struct proctable *table);

#endif
