/* One sample as it is told: what was read, the rates, and what is remarkable about it. */
#ifndef REPORT_H
#define REPORT_H

#include "grid.h"
#include "out.h"
#include "stats.h"
#include "sysctl.h"

struct report {
	struct stats stats;
	struct rates rates;		/* has 0: a single reading */
	struct occupancy occupancy;
	bool occupied;			/* occupancy was asked for and read */
	bool occupancy_asked;		/* lines have columns for it */
	bool per_cpu;
	const char *no_new;		/* why new flows are not known; NULL: they are, or not asked for */
};

void report_init(struct report *report);
void report_clear(struct report *report);	/* ready for another sample */
void report_release(struct report *report);

/* The average chain: each flow is in the hash twice. False if it is not known. */
bool report_load(const struct report *report, double *load);
/* Entries that the dump did not show; false if there are none, or no dump. */
bool report_unlisted(const struct report *report, uint64_t *count);
bool report_percent(const struct report *report, double *percent);

enum level { LEVEL_NONE, LEVEL_WARNING, LEVEL_BAD };

struct warning {
	enum level level;
	const char *about;		/* a counter, a measure */
	char text[240];
};

enum { WARNINGS = 16 };
/* What deserves attention, the worst first; how many. */
unsigned report_warnings(const struct report *report, struct warning *warnings);

/* One JSON document in one line. False if memory is out. */
bool report_json(struct out *out, const struct report *report);
/* The reverse; false if it is no such document. The report was initialised. */
struct json_object;
bool report_from_json(struct report *report, struct json_object *root);

/*
 * The text that a Prometheus textfile collector reads. `typed`: counters have their type, under the
 * name of the samples, as that format wants it. OpenMetrics wants help and type under the name without
 * _total, where promtool and the collector miss the help: so there they have no type, and both read it.
 */
void report_metrics(struct out *out, const struct report *report, bool typed);

/* Everything on one screen. */
void report_screen(struct out *out, const struct print_options *options,
		   const struct report *report);

/* Like vmstat: columns for lines of rates, and a line. In csv all that is known. */
void report_columns(struct grid *grid, const struct report *report, bool csv);
void report_line(struct grid *grid, const struct report *report, bool csv);

/* A row per CPU: totals, or rates if `before` is not NULL. Its columns depend on the counters that
 * the kernel has. */
void report_cpus(struct out *out, const struct print_options *options, const struct report *report,
		 const struct stats *before);

void report_settings(struct out *out, const struct print_options *options,
		     const struct settings *settings, const struct kernel *kernel);

#endif
