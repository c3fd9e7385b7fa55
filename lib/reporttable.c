/* A sample for people: the screen, lines as of vmstat, a table of CPUs; and csv. */
#include "report.h"

#include "field.h"
#include "memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LABEL = 13 };

static const char RED[] = "1;31", YELLOW[] = "33", DIM[] = "2";

static void label(struct out *out, const char *text)
{
	out_format(out, "%-*s ", LABEL, text);
}

/* A file may say numbers with which it takes more seconds than an integer holds. */
static void put_duration(struct out *out, double seconds)
{
	out_room(out, OUT_ROOM);
	put_seconds(out, seconds < 1e18 ? seconds : 1e18);
}

static void fact_entries(struct out *out, const struct report *report)
{
	const struct stats *stats = &report->stats;
	double percent, seconds;

	if (!(stats->has & STATS_ENTRIES))
		return;
	label(out, "entries");
	out_format(out, "%llu", (unsigned long long)stats->entries);
	if (stats->has & STATS_MAX)
		out_format(out, " of %llu", (unsigned long long)stats->max);
	if (report_percent(report, &percent))
		out_format(out, "   %.1f %%", percent);
	if ((report->rates.has & RATES_GROWTH) && report->rates.growth != 0)
		out_format(out, "   %+.1f/s", report->rates.growth);
	if (rates_full_in(&report->rates, stats, &seconds)) {
		out_text(out, "   full in ");
		put_duration(out, seconds);
	}
	out_text(out, "\n");
}

static void fact_occupancy(struct out *out, const struct report *report)
{
	const struct occupancy *occupancy = &report->occupancy;
	uint64_t unlisted;

	if (!report->occupied)
		return;
	label(out, "occupancy");
	out_format(out, "%llu hard", (unsigned long long)occupancy->hard);
	if ((report->stats.has & STATS_MAX) && report->stats.max)
		out_format(out, " (%.1f %% of max)",
			   100.0 * occupancy->hard / report->stats.max);
	out_format(out, ", %llu closing, %llu evictable", (unsigned long long)occupancy->closing,
		   (unsigned long long)occupancy->evictable);
	out_text(out, "\n");
	if (occupancy->offloaded) {
		label(out, "");
		out_format(out, "%llu of them offloaded\n", (unsigned long long)occupancy->offloaded);
	}
	if (report_unlisted(report, &unlisted)) {
		label(out, "");
		out_format(out, "%llu not listed (expired, dying, unconfirmed)\n",
			   (unsigned long long)unlisted);
	}
}

static void fact_hash(struct out *out, const struct report *report)
{
	const struct stats *stats = &report->stats;
	double load;

	if (!(stats->has & STATS_BUCKETS))
		return;
	label(out, "hash");
	out_format(out, "%llu buckets", (unsigned long long)stats->buckets);
	if (report_load(report, &load))
		out_format(out, ", %.2f entries per bucket, load %.2f (two per flow)",
			   load / 2, load);
	out_text(out, "\n");
	if (!(stats->has & STATS_OBJECTS))
		return;
	label(out, "");
	out_format(out, "of all namespaces: about %llu entries, %.1f MB",
		   (unsigned long long)stats->objects, stats->object_bytes / 1e6);
	if (stats->buckets)
		out_format(out, ", load %.2f", 2.0 * stats->objects / stats->buckets);
	out_text(out, "\n");
}

static void fact_expectations(struct out *out, const struct report *report)
{
	const struct stats *stats = &report->stats;

	if (!(stats->has & STATS_EXPECTATIONS))
		return;
	label(out, "expectations");
	out_format(out, "%llu", (unsigned long long)stats->expectations);
	if (stats->has & STATS_EXPECT_MAX)
		out_format(out, " of %llu", (unsigned long long)stats->expect_max);
	out_text(out, "\n");
}

static void fact_new(struct out *out, const struct report *report)
{
	const struct rates *rates = &report->rates;

	if (!(rates->has & RATES_NEW) && !report->no_new)
		return;
	label(out, "new flows");
	if (rates->has & RATES_NEW)
		out_format(out, "%.1f/s", rates->new_flows / rates->seconds);
	else
		out_format(out, "- (%s)", report->no_new);
	if (rates->events_lost)
		out_format(out, " (%llu of %llu events were lost, but counted)",
			   (unsigned long long)rates->events_lost, (unsigned long long)rates->new_flows);
	out_text(out, "\n");
}

static void put_part(struct out *out, const char *name, uint64_t total, const uint64_t *delta,
		     double seconds)
{
	out_format(out, "%s %llu", name, (unsigned long long)total);
	if (delta && *delta)
		out_format(out, " (%.1f/s)", *delta / seconds);
	else if (delta)
		out_text(out, " (0/s)");
}

static void fact_drops(struct out *out, const struct report *report)
{
	struct drops total, delta;
	bool rated = report->rates.has && drops_split(&delta, &report->stats, &report->rates);
	double seconds = report->rates.seconds;

	if (!stats_has(&report->stats, counter_find("drop", 4)))
		return;
	label(out, "dropped");
	if (drops_split(&total, &report->stats, NULL)) {
		put_part(out, "table full", total.full, rated ? &delta.full : NULL, seconds);
		put_part(out, ", clash", total.clash, rated ? &delta.clash : NULL, seconds);
		put_part(out, ", chain too long", total.chain, rated ? &delta.chain : NULL, seconds);
		out_text(out, "\n");
	} else {
		out_text(out, "cannot be split on this kernel: full table and clash are one number\n");
	}
}

/* Red while packets are lost, yellow if some were. */
static const char *colour_of(const struct report *report, int i)
{
	bool grows = (report->rates.counters >> i & 1) && report->rates.delta[i];

	if (counters[i].loud == LOUD_DROP)
		return grows ? RED : report->stats.total[i] ? YELLOW : NULL;
	return counters[i].loud == LOUD_RATE && grows ? YELLOW : NULL;
}

static void counter_row(struct grid *grid, const struct report *report, int i)
{
	const struct kernel *kernel = &report->stats.kernel;
	const struct sense *sense = counter_sense(&counters[i], kernel);
	const char *colour = colour_of(report, i), *unsure;
	char version[16];

	if (!stats_has(&report->stats, i)) {
		grid_cell(grid, DIM, "%s", counters[i].name);
		grid_absent(grid);
		grid_absent(grid);
		kernel_version(version, sizeof(version), sense->since);
		if (sense->text || !sense->since)
			grid_cell(grid, DIM, "not told%s", sense->text ? "" : " by this kernel");
		else
			grid_cell(grid, DIM, "not counted since %s", version);
		return;
	}
	unsure = counter_sure(&counters[i], kernel) ? "" : " (depends on the kernel: --explain)";
	grid_cell(grid, colour, "%s", counters[i].name);
	grid_cell(grid, colour, "%llu", (unsigned long long)report->stats.total[i]);
	if (report->rates.counters >> i & 1)
		grid_cell(grid, colour, "%.1f", rates_of(&report->rates, i));
	else
		grid_absent(grid);
	grid_cell(grid, NULL, "%s%s", sense->text, unsure);
}

static void put_counters(struct out *out, const struct print_options *options,
			 const struct report *report)
{
	struct grid *grid = grid_new(out, options);
	char kernel[64], heading[96];

	kernel_text(kernel, sizeof(kernel), &report->stats.kernel);
	snprintf(heading, sizeof(heading), "ON THIS KERNEL (%s)", kernel);
	grid_text_column(grid, "counter", "COUNTER");
	grid_number_column(grid, "total", "TOTAL");
	grid_number_column(grid, "rate", "PER S");
	grid_text_column(grid, "meaning", heading);
	for (int i = 0; i < COUNTERS; i++)
		counter_row(grid, report, i);
	grid_print(grid, true);
	grid_free(grid);
}

static void put_warnings(struct out *out, const struct print_options *options,
			 const struct report *report)
{
	struct warning warnings[WARNINGS];
	unsigned count = report_warnings(report, warnings);

	if (count)
		out_text(out, "\n");
	for (unsigned i = 0; i < count; i++) {
		if (options->colour)
			out_format(out, "\033[%sm", warnings[i].level == LEVEL_BAD ? RED : YELLOW);
		out_text(out, warnings[i].level == LEVEL_BAD ? "!! " : "!  ");
		put_wrapped(out, warnings[i].text, 3, options->width);
		if (options->colour)
			out_text(out, "\033[0m");
		out_text(out, "\n");
	}
}

void report_screen(struct out *out, const struct print_options *options,
		   const struct report *report)
{
	fact_entries(out, report);
	fact_occupancy(out, report);
	fact_hash(out, report);
	fact_expectations(out, report);
	fact_new(out, report);
	fact_drops(out, report);
	if (report->stats.counters) {
		out_text(out, "\n");
		put_counters(out, options, report);
	}
	put_warnings(out, options, report);
}

/* The counters of a line of rates, with a heading in two lines. */
static const struct {
	const char *name, *heading;
} line_counters[] = {
	{ "drop", "\nDROP/S" }, { "insert_failed", "INSERT\nFAILED/S" }, { "early_drop", "EARLY\nDROP/S" },
	{ "chaintoolong", "CHAIN TOO\nLONG/S" }, { "invalid", "\nINVALID/S" }, { "error", "\nERROR/S" },
	{ "clash_resolve", "CLASH\nRESOLVE/S" }, { "found", "\nFOUND/S" },
	{ "search_restart", "SEARCH\nRESTART/S" },
};
enum { LINE_COUNTERS = sizeof(line_counters) / sizeof(*line_counters) };

/* What stands behind the counters in csv. */
static const char *const csv_last[] = {
	"entries_per_bucket", "load", "occupancy.hard", "occupancy.closing", "occupancy.evictable",
	"occupancy.offloaded", "drops.table_full.total", "drops.table_full.rate", "drops.clash.total",
	"drops.clash.rate", "drops.chain_too_long.total", "drops.chain_too_long.rate", "new_flows",
	"events_lost", "interval",
};

static void csv_columns(struct grid *grid)
{
	char name[64];

	grid_text_column(grid, "time", "");
	for (const struct gauge *gauge = gauges; gauge->name; gauge++)
		grid_number_column(grid, gauge->name, "");
	grid_number_column(grid, "percent", "");
	grid_number_column(grid, "growth", "");
	grid_number_column(grid, "full_in", "");
	grid_number_column(grid, "new_per_second", "");
	for (int i = 0; i < COUNTERS; i++) {
		snprintf(name, sizeof(name), "counters.%s.total", counters[i].name);
		grid_number_column(grid, name, "");
		snprintf(name, sizeof(name), "counters.%s.rate", counters[i].name);
		grid_number_column(grid, name, "");
	}
	for (unsigned i = 0; i < sizeof(csv_last) / sizeof(*csv_last); i++)
		grid_number_column(grid, csv_last[i], "");
	grid_text_column(grid, "kernel", "");
}

void report_columns(struct grid *grid, const struct report *report, bool csv)
{
	if (csv) {
		csv_columns(grid);
		return;
	}
	grid_text_column(grid, "time", "\nTIME");
	grid_number_column(grid, "entries", "\nENTRIES");
	grid_number_column(grid, "percent", "\nFULL %");
	if (report->occupancy_asked) {
		grid_number_column(grid, "hard", "\nHARD");
		grid_number_column(grid, "closing", "\nCLOSING");
		grid_number_column(grid, "evictable", "\nEVICTABLE");
	}
	grid_number_column(grid, "growth", "\nGROWTH/S");
	grid_number_column(grid, "new_per_second", "\nNEW/S");
	for (unsigned i = 0; i < LINE_COUNTERS; i++)
		grid_number_column(grid, line_counters[i].name, line_counters[i].heading);
	grid_text_column(grid, "warnings", "\nWARNINGS");
}

static void cell_if(struct grid *grid, bool known, int decimals, double value)
{
	if (known)
		grid_cell(grid, NULL, "%.*f", decimals, value);
	else
		grid_absent(grid);
}

static void cell_percent(struct grid *grid, const struct report *report, int decimals)
{
	double percent = 0;
	bool known = report_percent(report, &percent);

	cell_if(grid, known, decimals, percent);
}

static void cell_time(struct grid *grid, uint64_t time, bool csv)
{
	time_t seconds = time / 1000000000;
	struct tm local;
	struct out text;
	char clock[16];

	if (!time) {
		grid_absent(grid);
	} else if (!csv && localtime_r(&seconds, &local)) {
		strftime(clock, sizeof(clock), "%H:%M:%S", &local);
		grid_cell(grid, NULL, "%s", clock);
	} else {
		out_init(&text, -1);
		out_room(&text, OUT_ROOM);
		put_time(&text, time, 9);
		grid_cell(grid, NULL, "%.*s", (int)out_length(&text), text.buf);
		out_release(&text);
	}
}

static void cells_occupancy(struct grid *grid, const struct report *report)
{
	cell_if(grid, report->occupied, 0, report->occupancy.hard);
	cell_if(grid, report->occupied, 0, report->occupancy.closing);
	cell_if(grid, report->occupied, 0, report->occupancy.evictable);
}

static void cells_drops(struct grid *grid, const struct report *report)
{
	struct drops total = { 0 }, delta = { 0 };
	bool split = drops_split(&total, &report->stats, NULL);
	bool rated = split && report->rates.has && drops_split(&delta, &report->stats, &report->rates);
	const uint64_t cells[][2] = {
		{ total.full, delta.full }, { total.clash, delta.clash }, { total.chain, delta.chain },
	};

	for (unsigned i = 0; i < sizeof(cells) / sizeof(*cells); i++) {
		cell_if(grid, split, 0, cells[i][0]);
		cell_if(grid, rated, 3, rated ? cells[i][1] / report->rates.seconds : 0);
	}
}

/* In the order of csv_last. */
static void csv_last_cells(struct grid *grid, const struct report *report)
{
	const struct rates *rates = &report->rates;
	const char *release = report->stats.kernel.release;
	double load = 0;
	bool known = report_load(report, &load);

	cell_if(grid, known, 3, load / 2);
	cell_if(grid, known, 3, load);
	cells_occupancy(grid, report);
	cell_if(grid, report->occupied, 0, report->occupancy.offloaded);
	cells_drops(grid, report);
	cell_if(grid, rates->has & RATES_NEW, 0, rates->new_flows);
	cell_if(grid, rates->has & RATES_NEW, 0, rates->events_lost);
	cell_if(grid, rates->has, 6, rates->seconds);
	if (*release)
		grid_cell(grid, NULL, "%s", release);
	else
		grid_absent(grid);
}

static void csv_row(struct grid *grid, const struct report *report)
{
	const struct rates *rates = &report->rates;
	double full_in = 0;
	bool fills = rates_full_in(rates, &report->stats, &full_in);

	cell_time(grid, report->stats.time, true);
	for (const struct gauge *gauge = gauges; gauge->name; gauge++)
		cell_if(grid, report->stats.has & gauge->has, 0, gauge_value(gauge, &report->stats));
	cell_percent(grid, report, 3);
	cell_if(grid, rates->has & RATES_GROWTH, 3, rates->growth);
	cell_if(grid, fills, 3, full_in);
	cell_if(grid, rates->has & RATES_NEW, 3, rates->new_flows / rates->seconds);
	for (int i = 0; i < COUNTERS; i++) {
		bool rated = rates->counters >> i & 1;

		cell_if(grid, stats_has(&report->stats, i), 0, report->stats.total[i]);
		cell_if(grid, rated, 3, rated ? rates_of(rates, i) : 0);
	}
	csv_last_cells(grid, report);
}

static void cell_warnings(struct grid *grid, const struct report *report)
{
	struct warning warnings[WARNINGS];
	unsigned count = report_warnings(report, warnings);
	char text[256] = "";

	for (unsigned i = 0; i < count; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s", i ? "," : "",
			 warnings[i].about);
	grid_cell(grid, !count ? NULL : warnings[0].level == LEVEL_BAD ? RED : YELLOW, "%s", text);
}

static void cell_rate(struct grid *grid, const struct report *report, int i)
{
	if (report->rates.counters >> i & 1)
		grid_cell(grid, report->rates.delta[i] ? colour_of(report, i) : NULL, "%.1f",
			  rates_of(&report->rates, i));
	else
		grid_absent(grid);
}

void report_line(struct grid *grid, const struct report *report, bool csv)
{
	const struct rates *rates = &report->rates;

	if (csv) {
		csv_row(grid, report);
		return;
	}
	cell_time(grid, report->stats.time, false);
	cell_if(grid, report->stats.has & STATS_ENTRIES, 0, report->stats.entries);
	cell_percent(grid, report, 1);
	if (report->occupancy_asked)
		cells_occupancy(grid, report);
	cell_if(grid, rates->has & RATES_GROWTH, 1, rates->growth);
	cell_if(grid, rates->has & RATES_NEW, 1, rates->new_flows / rates->seconds);
	for (unsigned i = 0; i < LINE_COUNTERS; i++)
		cell_rate(grid, report, counter_find(line_counters[i].name, strlen(line_counters[i].name)));
	cell_warnings(grid, report);
}

/* The name in two lines, cut at the first underscore. */
static char *stacked(const char *name)
{
	char *heading = malloc(strlen(name) + 2), *at = heading, *cut;

	if (!heading)
		memory_exhausted();
	if (!strchr(name, '_'))
		*at++ = '\n';
	strcpy(at, name);
	cut = strchr(heading, '_');
	if (cut)
		*cut = '\n';
	for (char *p = heading; *p; p++)
		if (*p >= 'a' && *p <= 'z')
			*p &= ~0x20;
	return heading;
}

static void cpu_row(struct grid *grid, const struct report *report, const struct stats *before,
		    const struct cpu *cpu, bool csv)
{
	double seconds = report->rates.seconds;

	if (before)
		cell_time(grid, report->stats.time, csv);
	grid_cell(grid, NULL, "%u", cpu->number);
	for (int i = 0; i < COUNTERS; i++) {
		if (!stats_has(&report->stats, i))
			continue;
		if (!before)
			grid_cell(grid, NULL, "%u", cpu->count[i]);
		else
			grid_cell(grid, NULL, "%.1f", rates_cpu(before, cpu, i, seconds) / seconds);
	}
}

void report_cpus(struct out *out, const struct print_options *options, const struct report *report,
		 const struct stats *before)
{
	struct grid *grid = grid_new(out, options);

	if (before)
		grid_text_column(grid, "time", "\nTIME");
	grid_number_column(grid, "cpu", "\nCPU");
	for (int i = 0; i < COUNTERS; i++)
		if (stats_has(&report->stats, i)) {
			char *heading = stacked(counters[i].name);

			grid_number_column(grid, counters[i].name, heading);
			free(heading);
		}
	for (unsigned row = 0; row < report->stats.cpus_count; row++)
		cpu_row(grid, report, before, &report->stats.cpus[row],
			options->format == FORMAT_CSV);
	grid_print(grid, true);
	grid_free(grid);
}
