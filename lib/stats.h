/* A reading of the counters and of the fill, from the running kernel; rates between two of them. */
#ifndef STATS_H
#define STATS_H

#include "counter.h"
#include "flow.h"

enum {
	STATS_ENTRIES = 1, STATS_MAX = 2, STATS_BUCKETS = 4, STATS_EXPECTATIONS = 8,
	STATS_EXPECT_MAX = 16, STATS_OBJECTS = 32,
};

enum { CPUS = 8192 };		/* CONFIG_NR_CPUS goes no further */

/* The kernel counts in 32 bits, for each possible CPU. */
struct cpu {
	unsigned number;
	uint32_t count[COUNTERS];
};

struct stats {
	uint64_t time;		/* nanoseconds since 1970; 0: not known */
	uint64_t clock;		/* nanoseconds that never go back, for rates; 0: not known */
	struct kernel kernel;
	unsigned has;		/* STATS_ bits: which of these six mean something */
	uint64_t entries, max, buckets, expectations, expect_max;
	uint64_t objects, object_bytes;		/* of all namespaces */
	uint64_t counters;	/* bit i: the kernel has counters[i] */
	uint64_t total[COUNTERS];
	struct cpu *cpus;	/* none where only totals were saved */
	unsigned cpus_count, cpus_size;
	uint16_t *rows;		/* by number: which row of cpus, if that has the number */
};

void stats_init(struct stats *stats);
void stats_release(struct stats *stats);
void stats_clear(struct stats *stats);		/* ready for another reading */

/* The row of a CPU, made if it is new; NULL if memory is out, or no kernel has a CPU of this number. */
struct cpu *stats_cpu(struct stats *stats, unsigned number);
/* NULL if there is none. */
struct cpu *stats_find(const struct stats *stats, unsigned number);
/* Sums the CPUs, and what follows from the counters: how many expectations there are. Counters that
 * this kernel leaves at 0 are made absent. */
void stats_finish(struct stats *stats);

static inline bool stats_has(const struct stats *stats, int counter)
{
	return stats->counters >> counter & 1;
}

/* A counter by name, total over the CPUs; false if it is absent. */
bool stats_total(const struct stats *stats, const char *name, uint64_t *value);

/* The numbers besides the counters; measures[] says what they are. */
struct gauge {
	const char *name;	/* the JSON key */
	unsigned has;
	uint16_t offset;	/* in struct stats, uint64_t */
	const char *sysctl;	/* where it can be read; NULL: nowhere */
};
extern const struct gauge gauges[];	/* ends with a row whose name is NULL */

static inline uint64_t gauge_value(const struct gauge *gauge, const struct stats *stats)
{
	return *(const uint64_t *)((const char *)stats + gauge->offset);
}

void gauge_set(const struct gauge *gauge, struct stats *stats, uint64_t value);

struct asker;
struct meter;

/*
 * Opens what can be had: ctnetlink with CAP_NET_ADMIN, else /proc. NULL with errno; ENOENT: this
 * kernel has no conntrack. `asker` (asker.h) stays the caller's. `kernel`: what meanings depend on.
 */
struct meter *meter_open(const struct asker *asker, const struct kernel *kernel);
void meter_close(struct meter *meter);
bool meter_netlink(const struct meter *meter);	/* privileged */
/* One reading; 0, or -1 with errno. What cannot be had is absent. */
int meter_read(struct meter *meter, struct stats *stats);

enum { RATES_COUNTERS = 1, RATES_GROWTH = 2, RATES_NEW = 4 };

/* Between two readings. */
struct rates {
	unsigned has;			/* RATES_ bits */
	double seconds;
	uint64_t counters;		/* bit i: known in both readings */
	uint64_t delta[COUNTERS];
	double growth;			/* entries per second, may be negative */
	uint64_t new_flows, events_lost;	/* from events; what was lost is in new_flows */
};

/*
 * Differences per CPU modulo 2^32. Where a counter was set back, it counted from 0. `seconds`: the
 * time between, where the readings do not say it.
 */
void rates_between(struct rates *rates, const struct stats *before, const struct stats *now,
		   double seconds);
/* Of one CPU alone. */
uint64_t rates_cpu(const struct stats *before, const struct cpu *now, int counter, double seconds);
double rates_of(const struct rates *rates, int counter);	/* per second */
/* Seconds until the table is full; false if it does not grow. */
bool rates_full_in(const struct rates *rates, const struct stats *stats, double *seconds);

/* Why conntrack dropped packets. Known from 5.10 on only. */
struct drops {
	uint64_t full;		/* table full, no memory, and rarities */
	uint64_t clash;		/* tuple taken: no NAT port, or a race */
	uint64_t chain;		/* hash chain too long */
};
/* Of the totals, or between two readings. False where it cannot be told. */
bool drops_split(struct drops *drops, const struct stats *stats, const struct rates *rates);

/* Who could be thrown out when the table is full, see measures[]. */
struct occupancy {
	uint64_t hard, closing, evictable, offloaded;
};
/* Dumps the table (CAP_NET_ADMIN), in constant memory. 0, or -1 with errno. */
int occupancy_read(const struct asker *asker, struct occupancy *occupancy);

#endif
