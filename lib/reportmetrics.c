/* A sample as Prometheus and OpenMetrics text. */
#include "report.h"

#include <string.h>

/* The texts hold no backslash and no quote, which would have to be escaped here. */
static void put_help(struct out *out, const char *name, const char *text)
{
	out_format(out, "# HELP %s %s\n", name, text);
}

static void put_gauge_head(struct out *out, const struct measure *measure)
{
	put_help(out, measure->metric, measure->text);
	out_format(out, "# TYPE %s gauge\n", measure->metric);
}

static void put_gauges(struct out *out, const struct report *report)
{
	const struct stats *stats = &report->stats;

	for (const struct gauge *gauge = gauges; gauge->name; gauge++) {
		const struct measure *measure = measure_find(gauge->name, strlen(gauge->name));

		if (!(stats->has & gauge->has))
			continue;
		put_gauge_head(out, measure);
		out_format(out, "%s %llu\n", measure->metric,
			   (unsigned long long)gauge_value(gauge, stats));
	}
}

static void put_occupancy(struct out *out, const struct occupancy *occupancy)
{
	const struct measure *measure = measure_find("occupancy", strlen("occupancy"));
	const struct {
		const char *name;
		uint64_t value;
	} rows[] = {
		{ "hard", occupancy->hard }, { "closing", occupancy->closing },
		{ "evictable", occupancy->evictable },
	};

	put_gauge_head(out, measure);
	for (unsigned i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		out_format(out, "%s{class=\"%s\"} %llu\n", measure->metric, rows[i].name,
			   (unsigned long long)rows[i].value);
}

static void put_counter(struct out *out, const struct stats *stats, int i, bool typed)
{
	char name[80] = "conntrack_";

	strcat(strcat(name, counters[i].name), "_total");
	put_help(out, name, counter_sense(&counters[i], &stats->kernel)->text);
	if (typed)
		out_format(out, "# TYPE %s counter\n", name);
	for (unsigned row = 0; row < stats->cpus_count; row++)
		out_format(out, "%s{cpu=\"%u\"} %u\n", name, stats->cpus[row].number,
			   stats->cpus[row].count[i]);
	if (!stats->cpus_count)
		out_format(out, "%s %llu\n", name, (unsigned long long)stats->total[i]);
}

void report_metrics(struct out *out, const struct report *report, bool typed)
{
	put_gauges(out, report);
	if (report->occupied)
		put_occupancy(out, &report->occupancy);
	for (int i = 0; i < COUNTERS; i++)
		if (stats_has(&report->stats, i))
			put_counter(out, &report->stats, i, typed);
	if (!typed)
		out_text(out, "# EOF\n");
}
