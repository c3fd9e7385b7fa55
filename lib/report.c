/* Judges a sample: what in it deserves attention. */
#include "report.h"

#include <stdio.h>
#include <string.h>

void report_init(struct report *report)
{
	memset(report, 0, sizeof(*report));
	stats_init(&report->stats);
}

void report_clear(struct report *report)
{
	stats_clear(&report->stats);
	report->rates = (struct rates){ 0 };
	report->occupied = false;
}

void report_release(struct report *report)
{
	stats_release(&report->stats);
}

static bool has(const struct report *report, unsigned bits)
{
	return (report->stats.has & bits) == bits;
}

bool report_load(const struct report *report, double *load)
{
	if (!has(report, STATS_ENTRIES | STATS_BUCKETS) || !report->stats.buckets)
		return false;
	*load = 2.0 * report->stats.entries / report->stats.buckets;
	return true;
}

bool report_percent(const struct report *report, double *percent)
{
	if (!has(report, STATS_ENTRIES | STATS_MAX) || !report->stats.max)
		return false;
	*percent = 100.0 * report->stats.entries / report->stats.max;
	return true;
}

bool report_unlisted(const struct report *report, uint64_t *count)
{
	uint64_t listed = report->occupancy.hard + report->occupancy.closing + report->occupancy.evictable;

	if (!report->occupied || !has(report, STATS_ENTRIES) || report->stats.entries <= listed)
		return false;
	*count = report->stats.entries - listed;
	return true;
}

static double rate(const struct report *report, const char *name)
{
	int i = counter_find(name, strlen(name));

	return report->rates.counters >> i & 1 ? rates_of(&report->rates, i) : 0;
}

#define SAY(warning, ...) snprintf((warning)->text, sizeof((warning)->text), __VA_ARGS__)

static void check_fill(const struct report *report, struct warning *warning)
{
	const char *hard = report->occupied ? "" : "; --occupancy tells how much of it cannot be thrown out";
	double percent;

	if (!report_percent(report, &percent) || percent <= 80)
		return;
	warning->about = "entries";
	warning->level = percent >= 95 ? LEVEL_BAD : LEVEL_WARNING;
	SAY(warning, "the table is %.1f %% full%s", percent, hard);
}

static void check_growth(const struct report *report, struct warning *warning)
{
	double seconds, percent;

	/* A small table that fills from nothing is no news. */
	if (!rates_full_in(&report->rates, &report->stats, &seconds) || seconds >= 600 ||
	    !report_percent(report, &percent) || percent < 50)
		return;
	warning->about = "growth";
	warning->level = LEVEL_WARNING;
	SAY(warning, "full in %.0f seconds at this growth", seconds);
}

static void check_hard(const struct report *report, struct warning *warning)
{
	double share = report->occupied && has(report, STATS_MAX) && report->stats.max
		? 100.0 * report->occupancy.hard / report->stats.max : 0;

	if (share <= 60)
		return;
	warning->about = "occupancy";
	warning->level = share >= 90 ? LEVEL_BAD : LEVEL_WARNING;
	SAY(warning, "%.1f %% of the maximum cannot be thrown out: raise nf_conntrack_max", share);
}

static void check_full(const struct report *report, struct warning *warning)
{
	struct drops drops;

	if (!report->rates.has || !drops_split(&drops, &report->stats, &report->rates) || !drops.full)
		return;
	warning->about = "drop";
	warning->level = LEVEL_BAD;
	SAY(warning, "packets are dropped because no entry can be made, %.1f/s: raise nf_conntrack_max, find who "
	    "fills the table (ctcount --by src --top 5)", drops.full / report->rates.seconds);
}

static void check_clash(const struct report *report, struct warning *warning)
{
	bool ports = rate(report, "found") > 0;
	struct drops drops;

	if (!report->rates.has || !drops_split(&drops, &report->stats, &report->rates) || !drops.clash)
		return;
	warning->about = "insert_failed";
	warning->level = LEVEL_BAD;
	SAY(warning, "first packets of new flows are dropped, %.1f/s: %s", drops.clash / report->rates.seconds,
	    ports ? "NAT finds its ports in use (ctcount --by snat.addr,proto,reply.src,reply.sport --top 5)"
		  : "no NAT port, or two packets raced (--explain insert_failed)");
}

/* Kernels whose drops cannot be split. */
static void check_drop(const struct report *report, struct warning *warning)
{
	struct drops drops;

	if (rate(report, "drop") <= 0 || drops_split(&drops, &report->stats, &report->rates))
		return;
	warning->about = "drop";
	warning->level = LEVEL_BAD;
	SAY(warning, "conntrack drops packets, %.1f/s: table full, or clash", rate(report, "drop"));
}

static void check_chain(const struct report *report, struct warning *warning)
{
	if (rate(report, "chaintoolong") <= 0)
		return;
	warning->about = "chaintoolong";
	warning->level = LEVEL_BAD;
	SAY(warning, "hash chains are too long, %.1f flows/s refused: raise nf_conntrack_buckets",
	    rate(report, "chaintoolong"));
}

static void check_early(const struct report *report, struct warning *warning)
{
	if (rate(report, "early_drop") <= 0)
		return;
	warning->about = "early_drop";
	warning->level = LEVEL_WARNING;
	SAY(warning, "entries are thrown out to make room, %.1f/s: the table is too small or flooded",
	    rate(report, "early_drop"));
}

static void check_invalid(const struct report *report, struct warning *warning)
{
	double invalid = rate(report, "invalid");

	if (invalid <= 1 || ((report->rates.has & RATES_NEW) &&
			     invalid < 0.1 * report->rates.new_flows / report->rates.seconds))
		return;
	warning->about = "invalid";
	warning->level = LEVEL_WARNING;
	SAY(warning, "%.1f packets/s are INVALID: ctwatch --invalid --summary 10 names the reasons", invalid);
}

/* The hash holds the entries of all namespaces; how many there are only root can see. */
static void check_load(const struct report *report, struct warning *warning)
{
	double own, all = 0;

	if (!report_load(report, &own))
		return;
	if (has(report, STATS_OBJECTS))
		all = 2.0 * report->stats.objects / report->stats.buckets;
	if (own <= 4 && all <= 4)
		return;
	warning->about = "load";
	warning->level = own > 15 || all > 15 ? LEVEL_BAD : LEVEL_WARNING;
	SAY(warning, "%.1f entries in each hash chain%s: raise nf_conntrack_buckets", own > 4 ? own : all,
	    own > 4 ? "" : ", of all namespaces together");
}

static void check_buckets(const struct report *report, struct warning *warning)
{
	if (!has(report, STATS_MAX | STATS_BUCKETS) || report->stats.max <= 8 * report->stats.buckets)
		return;
	warning->about = "buckets";
	warning->level = LEVEL_WARNING;
	SAY(warning, "nf_conntrack_max is more than 8 times nf_conntrack_buckets: raise the buckets as well");
}

static void check_expectations(const struct report *report, struct warning *warning)
{
	if (!has(report, STATS_EXPECTATIONS | STATS_EXPECT_MAX) ||
	    report->stats.expectations * 10 <= report->stats.expect_max * 8)
		return;
	warning->about = "expectations";
	warning->level = LEVEL_WARNING;
	SAY(warning, "expectations are near their maximum: raise nf_conntrack_expect_max");
}

static void (*const checks[])(const struct report *report, struct warning *warning) = {
	check_full, check_drop, check_clash, check_chain, check_fill, check_hard, check_load,
	check_growth, check_early, check_buckets, check_invalid, check_expectations,
};

unsigned report_warnings(const struct report *report, struct warning *warnings)
{
	unsigned count = 0;

	for (enum level level = LEVEL_BAD; level > LEVEL_NONE; level--)
		for (unsigned i = 0; i < sizeof(checks) / sizeof(*checks); i++) {
			warnings[count] = (struct warning){ .level = LEVEL_NONE };
			checks[i](report, &warnings[count]);
			if (warnings[count].level == level)
				count++;
		}
	return count;
}
