/* Readings of the counters, and what follows from two of them. */
#include "stats.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* More than this per second on one CPU is no packet rate: the counter was set back. */
enum { FASTEST = 100000000 };

const struct gauge gauges[] = {
#define ROW(member, has, sysctl) { #member, has, offsetof(struct stats, member), sysctl }
	ROW(entries, STATS_ENTRIES, "nf_conntrack_count"),
	ROW(max, STATS_MAX, "nf_conntrack_max"),
	ROW(buckets, STATS_BUCKETS, "nf_conntrack_buckets"),
	ROW(expectations, STATS_EXPECTATIONS, NULL),
	ROW(expect_max, STATS_EXPECT_MAX, "nf_conntrack_expect_max"),
	ROW(objects, STATS_OBJECTS, NULL),
	ROW(object_bytes, STATS_OBJECTS, NULL),
#undef ROW
	{ NULL },
};

void gauge_set(const struct gauge *gauge, struct stats *stats, uint64_t value)
{
	*(uint64_t *)((char *)stats + gauge->offset) = value;
	stats->has |= gauge->has;
}

void stats_init(struct stats *stats)
{
	memset(stats, 0, sizeof(*stats));
	kernel_unknown(&stats->kernel);
}

void stats_release(struct stats *stats)
{
	free(stats->cpus);
	free(stats->rows);
	stats_init(stats);
}

void stats_clear(struct stats *stats)
{
	struct cpu *cpus = stats->cpus;
	unsigned size = stats->cpus_size;
	uint16_t *rows = stats->rows;

	stats_init(stats);
	stats->cpus = cpus;
	stats->rows = rows;
	stats->cpus_size = size;
}

struct cpu *stats_find(const struct stats *stats, unsigned number)
{
	unsigned row;

	if (!stats->rows || number >= CPUS)
		return NULL;
	row = stats->rows[number];
	return row < stats->cpus_count && stats->cpus[row].number == number ? &stats->cpus[row] : NULL;
}

static bool grow(struct stats *stats)
{
	unsigned size = stats->cpus_size ? 2 * stats->cpus_size : 16;
	struct cpu *cpus = reallocarray(stats->cpus, size, sizeof(*cpus));

	if (!cpus)
		return false;
	stats->cpus = cpus;
	stats->cpus_size = size;
	if (!stats->rows)
		stats->rows = calloc(CPUS, sizeof(*stats->rows));
	return stats->rows;
}

struct cpu *stats_cpu(struct stats *stats, unsigned number)
{
	struct cpu *cpu = stats_find(stats, number);

	if (cpu || number >= CPUS)
		return cpu;
	if ((stats->cpus_count == stats->cpus_size || !stats->rows) && !grow(stats))
		return NULL;
	stats->rows[number] = stats->cpus_count;
	cpu = &stats->cpus[stats->cpus_count++];
	*cpu = (struct cpu){ .number = number };
	return cpu;
}

bool stats_total(const struct stats *stats, const char *name, uint64_t *value)
{
	int i = counter_find(name, strlen(name));

	if (!stats_has(stats, i))
		return false;
	*value = stats->total[i];
	return true;
}

/* Made less removed, in 32 bits, whichever CPU did it. */
static void count_expectations(struct stats *stats)
{
	uint64_t made, removed;

	if (!stats_total(stats, "expect_create", &made) || !stats_total(stats, "expect_delete", &removed))
		return;
	stats->expectations = (uint32_t)(made - removed);
	stats->has |= STATS_EXPECTATIONS;
}

void stats_finish(struct stats *stats)
{
	for (int i = 0; i < COUNTERS; i++) {
		if (!counter_sense(&counters[i], &stats->kernel)->text)
			stats->counters &= ~(UINT64_C(1) << i);
		if (!stats_has(stats, i))
			continue;
		stats->total[i] = 0;
		for (unsigned cpu = 0; cpu < stats->cpus_count; cpu++)
			stats->total[i] += stats->cpus[cpu].count[i];
	}
	count_expectations(stats);
}

/* From `old` to `now`: it may have wrapped, or somebody began at 0 again. */
static uint64_t difference(uint32_t old, uint32_t now, double seconds)
{
	uint32_t wrapped = now - old;

	if (now < old && wrapped > seconds * FASTEST)
		return now;
	return wrapped;
}

/* A CPU that appears late counted from 0. */
uint64_t rates_cpu(const struct stats *before, const struct cpu *now, int counter, double seconds)
{
	const struct cpu *old = stats_find(before, now->number);

	return old ? difference(old->count[counter], now->count[counter], seconds) : now->count[counter];
}

static uint64_t difference_of(const struct stats *before, const struct stats *now, int counter,
			      double seconds)
{
	uint64_t sum = 0;

	if (!before->cpus_count || !now->cpus_count) {
		uint64_t old = before->total[counter], total = now->total[counter];

		return total < old ? difference(old, total, seconds) : total - old;
	}
	for (unsigned i = 0; i < now->cpus_count; i++)
		sum += rates_cpu(before, &now->cpus[i], counter, seconds);
	return sum;
}

void rates_between(struct rates *rates, const struct stats *before, const struct stats *now,
		   double seconds)
{
	memset(rates, 0, sizeof(*rates));
	if (before->clock && now->clock > before->clock)
		seconds = (now->clock - before->clock) / 1e9;
	if (seconds <= 0)
		return;
	rates->seconds = seconds;
	rates->counters = before->counters & now->counters;
	rates->has = rates->counters ? RATES_COUNTERS : 0;
	for (int i = 0; i < COUNTERS; i++)
		if (rates->counters >> i & 1)
			rates->delta[i] = difference_of(before, now, i, seconds);
	if (before->has & now->has & STATS_ENTRIES) {
		rates->growth = ((double)now->entries - before->entries) / seconds;
		rates->has |= RATES_GROWTH;
	}
}

double rates_of(const struct rates *rates, int counter)
{
	return rates->delta[counter] / rates->seconds;
}

bool rates_full_in(const struct rates *rates, const struct stats *stats, double *seconds)
{
	unsigned need = STATS_ENTRIES | STATS_MAX;

	if (!(rates->has & RATES_GROWTH) || rates->growth < 1e-6 || (stats->has & need) != need)
		return false;
	*seconds = stats->entries < stats->max ? (stats->max - stats->entries) / rates->growth : 0;
	return true;
}

/*
 * Clashes raise insert_failed and drop, long chains raise insert_failed alone: nf_ct_resolve_clash()
 * and __nf_conntrack_confirm() since 5.10. Before, insert_failed held resolved clashes as well.
 */
bool drops_split(struct drops *drops, const struct stats *stats, const struct rates *rates)
{
	const uint64_t *value = rates ? rates->delta : stats->total;
	uint64_t has = rates ? rates->counters : stats->counters;
	int drop = counter_find("drop", 4), failed = counter_find("insert_failed", 13);
	int chain = counter_find("chaintoolong", 12);

	if (stats->kernel.low < KERNEL(5, 10) || !(has >> drop & 1) || !(has >> failed & 1))
		return false;
	/* The CPUs are not read at the same moment, so a part may seem larger than the whole. */
	drops->chain = has >> chain & 1 ? value[chain] : 0;
	drops->clash = value[failed] > drops->chain ? value[failed] - drops->chain : 0;
	drops->full = value[drop] > drops->clash ? value[drop] - drops->clash : 0;
	return true;
}
