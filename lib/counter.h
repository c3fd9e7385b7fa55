/* The one table of counters: names, kernel versions, what each one means and what to do about it. */
#ifndef COUNTER_H
#define COUNTER_H

#include "kernel.h"

#include <stdint.h>

/* What a counter counts from a version on, until the next row. */
struct sense {
	unsigned since;		/* KERNEL(); the first row has 0 */
	const char *text;	/* one line; NULL: these kernels do not have it, or leave it at 0 */
};

enum { SENSES = 5, COUNTERS = 18 };

enum loud {
	LOUD_NEVER,
	LOUD_RATE,		/* worth a look while it grows */
	LOUD_DROP,		/* packets are lost while it grows */
};

struct counter {
	const char *name;	/* the kernel's: CTA_STATS_ in small letters; the JSON key */
	uint16_t attribute;	/* in the answer to GET_STATS_CPU, or EXP_GET_STATS_CPU if expect */
	bool expect;
	const char *column;	/* in /proc/net/stat/nf_conntrack */
	const char *older;	/* ... which had this name before it was renamed */
	enum loud loud;
	struct sense senses[SENSES];	/* ends with a row that is all 0 */
	const char *function;	/* where the kernel counts it */
	const char *detail;	/* what one must know to read it; NULL: nothing more */
	const char *cause;	/* NULL: none to speak of */
	const char *remedy;
};

/* COUNTERS rows, the grave ones first. */
extern const struct counter counters[];

int counter_find(const char *name, size_t length);	/* -1: there is none */

/*
 * What a counter means on these kernels: the newest of them, if they differ. NULL text: it is not
 * counted there. counter_sure() is false if the range of kernels holds more than one sense.
 */
const struct sense *counter_sense(const struct counter *counter, const struct kernel *kernel);
bool counter_sure(const struct counter *counter, const struct kernel *kernel);

/* The version before which a sense ends; KERNEL_LAST: it still holds. */
unsigned sense_until(const struct counter *counter, const struct sense *sense);

/* The other numbers that ctstats prints: what they are and how to read them. */
struct measure {
	const char *name;	/* the JSON key */
	const char *metric;	/* the name in OpenMetrics; NULL: not there */
	const char *text;	/* one line */
	const char *detail;
	const char *remedy;
};

extern const struct measure measures[];		/* ends with a row whose name is NULL */
const struct measure *measure_find(const char *name, size_t length);

#endif
