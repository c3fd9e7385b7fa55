/* A sample as a JSON document, and back. */
#include "report.h"

#include "field.h"

#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

/* Of what a document may say, in seconds and per second: nothing that is computed overflows. */
static const double LEAST = 1e-6, MOST = 1e9;

/* Rates and shares have as many digits as they deserve. */
static struct json_object *number(double value)
{
	char text[40];

	snprintf(text, sizeof(text), "%.6f", value);
	for (char *end = text + strlen(text) - 1; *end == '0' || *end == '.'; end--) {
		char last = *end;

		*end = '\0';
		if (last == '.')
			break;
	}
	return json_object_new_double_s(value, strcmp(text, "-0") ? text : "0");
}

static void add(struct json_object *object, const char *key, struct json_object *value)
{
	json_object_object_add(object, key, value);
}

static void add_count(struct json_object *object, const char *key, uint64_t value)
{
	add(object, key, json_object_new_uint64(value));
}

static struct json_object *stamp(uint64_t time)
{
	struct json_object *text;
	struct out out;

	out_init(&out, -1);
	out_room(&out, OUT_ROOM);
	put_time(&out, time, 9);
	text = json_object_new_string_len(out.buf, out_length(&out));
	out_release(&out);
	return text;
}

static void add_head(struct json_object *root, const struct report *report)
{
	const struct stats *stats = &report->stats;

	if (stats->time)
		add(root, "time", stamp(stats->time));
	if (*stats->kernel.release)
		add(root, "kernel", json_object_new_string(stats->kernel.release));
	if (report->rates.has)
		add(root, "interval", number(report->rates.seconds));
}

static void add_gauges(struct json_object *root, const struct report *report)
{
	const struct stats *stats = &report->stats;
	double value;

	for (const struct gauge *gauge = gauges; gauge->name; gauge++)
		if (stats->has & gauge->has)
			add_count(root, gauge->name, gauge_value(gauge, stats));
	if (report_percent(report, &value))
		add(root, "percent", number(value));
	if (report_load(report, &value)) {
		add(root, "entries_per_bucket", number(value / 2));
		add(root, "load", number(value));
	}
}

static void add_rates(struct json_object *root, const struct report *report)
{
	const struct rates *rates = &report->rates;
	double seconds;

	if (rates->has & RATES_GROWTH)
		add(root, "growth", number(rates->growth));
	if (rates_full_in(rates, &report->stats, &seconds))
		add(root, "full_in", number(seconds));
	if (rates->has & RATES_NEW) {
		add(root, "new_per_second", number(rates->new_flows / rates->seconds));
		add_count(root, "new_flows", rates->new_flows);
		add_count(root, "events_lost", rates->events_lost);
	}
}

static void add_counters(struct json_object *root, const struct report *report)
{
	struct json_object *all = json_object_new_object();

	for (int i = 0; i < COUNTERS; i++) {
		struct json_object *one;

		if (!stats_has(&report->stats, i))
			continue;
		one = json_object_new_object();
		add_count(one, "total", report->stats.total[i]);
		if (report->rates.counters >> i & 1)
			add(one, "rate", number(rates_of(&report->rates, i)));
		add(all, counters[i].name, one);
	}
	add(root, "counters", all);
}

static void add_part(struct json_object *object, const char *name, const uint64_t *total,
		     const uint64_t *delta, double seconds)
{
	struct json_object *part = json_object_new_object();

	if (total)
		add_count(part, "total", *total);
	if (delta)
		add(part, "rate", number(*delta / seconds));
	add(object, name, part);
}

static void add_drops(struct json_object *root, const struct report *report)
{
	const struct rates *rates = &report->rates;
	struct json_object *object;
	struct drops total, delta;
	bool rated = rates->has && drops_split(&delta, &report->stats, rates);

	if (!drops_split(&total, &report->stats, NULL))
		return;
	object = json_object_new_object();
	add_part(object, "table_full", &total.full, rated ? &delta.full : NULL, rates->seconds);
	add_part(object, "clash", &total.clash, rated ? &delta.clash : NULL, rates->seconds);
	add_part(object, "chain_too_long", &total.chain, rated ? &delta.chain : NULL, rates->seconds);
	add(root, "drops", object);
}

static void add_cpus(struct json_object *root, const struct report *report)
{
	struct json_object *list;

	if (!report->per_cpu || !report->stats.cpus_count)
		return;
	list = json_object_new_array();
	for (unsigned row = 0; row < report->stats.cpus_count; row++) {
		const struct cpu *cpu = &report->stats.cpus[row];
		struct json_object *one = json_object_new_object();

		add_count(one, "cpu", cpu->number);
		for (int i = 0; i < COUNTERS; i++)
			if (stats_has(&report->stats, i))
				add_count(one, counters[i].name, cpu->count[i]);
		json_object_array_add(list, one);
	}
	add(root, "cpus", list);
}

static void add_occupancy(struct json_object *root, const struct occupancy *occupancy)
{
	struct json_object *object = json_object_new_object();

	add_count(object, "hard", occupancy->hard);
	add_count(object, "closing", occupancy->closing);
	add_count(object, "evictable", occupancy->evictable);
	add_count(object, "offloaded", occupancy->offloaded);
	add(root, "occupancy", object);
}

static void add_warnings(struct json_object *root, const struct report *report)
{
	static const char *const levels[] = { "none", "warning", "critical" };
	struct warning warnings[WARNINGS];
	unsigned count = report_warnings(report, warnings);
	struct json_object *list = json_object_new_array();

	for (unsigned i = 0; i < count; i++) {
		struct json_object *one = json_object_new_object();

		add(one, "about", json_object_new_string(warnings[i].about));
		add(one, "level", json_object_new_string(levels[warnings[i].level]));
		add(one, "text", json_object_new_string(warnings[i].text));
		json_object_array_add(list, one);
	}
	add(root, "warnings", list);
}

bool report_json(struct out *out, const struct report *report)
{
	struct json_object *root = json_object_new_object();
	const char *text;

	if (!root)
		return false;
	add_head(root, report);
	add_gauges(root, report);
	add_rates(root, report);
	if (report->occupied)
		add_occupancy(root, &report->occupancy);
	add_drops(root, report);
	add_counters(root, report);
	add_cpus(root, report);
	add_warnings(root, report);
	text = json_object_to_json_string_ext(root, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
	if (text) {
		out_text(out, text);
		out_text(out, "\n");
	}
	json_object_put(root);
	return text;
}

static bool get_number(struct json_object *object, const char *key, double *value)
{
	struct json_object *found;

	if (!json_object_object_get_ex(object, key, &found) ||
	    (!json_object_is_type(found, json_type_int) && !json_object_is_type(found, json_type_double)))
		return false;
	*value = json_object_get_double(found);
	return *value == *value;
}

static bool get_count(struct json_object *object, const char *key, uint64_t *value)
{
	struct json_object *found;

	if (!json_object_object_get_ex(object, key, &found) || !json_object_is_type(found, json_type_int))
		return false;
	*value = json_object_get_uint64(found);
	return true;
}

static const char *get_text(struct json_object *object, const char *key)
{
	struct json_object *found;

	if (!json_object_object_get_ex(object, key, &found) || !json_object_is_type(found, json_type_string))
		return NULL;
	return json_object_get_string(found);
}

static void take_counters(struct report *report, struct json_object *all)
{
	for (int i = 0; i < COUNTERS; i++) {
		struct json_object *one;
		double rate;

		if (!json_object_object_get_ex(all, counters[i].name, &one) ||
		    !get_count(one, "total", &report->stats.total[i]))
			continue;
		report->stats.counters |= UINT64_C(1) << i;
		if (!report->rates.seconds || !get_number(one, "rate", &rate) || rate < 0 || rate > MOST)
			continue;
		report->rates.counters |= UINT64_C(1) << i;
		report->rates.delta[i] = rate * report->rates.seconds + 0.5;
		report->rates.has |= RATES_COUNTERS;
	}
}

static bool take_cpus(struct report *report, struct json_object *list)
{
	for (size_t row = 0; row < json_object_array_length(list); row++) {
		struct json_object *one = json_object_array_get_idx(list, row);
		uint64_t value;
		struct cpu *cpu;

		if (!get_count(one, "cpu", &value) || value >= CPUS)
			return false;
		cpu = stats_cpu(&report->stats, value);
		if (!cpu)
			return false;
		for (int i = 0; i < COUNTERS; i++)
			if (get_count(one, counters[i].name, &value))
				cpu->count[i] = value;
	}
	return true;
}

static void take_rates(struct report *report, struct json_object *root)
{
	struct rates *rates = &report->rates;

	if (!get_number(root, "interval", &rates->seconds) || rates->seconds < LEAST || rates->seconds > MOST) {
		rates->seconds = 0;
		return;
	}
	if (get_number(root, "growth", &rates->growth) && rates->growth > -MOST && rates->growth < MOST)
		rates->has |= RATES_GROWTH;
	if (get_count(root, "new_flows", &rates->new_flows)) {
		get_count(root, "events_lost", &rates->events_lost);
		rates->has |= RATES_NEW;
	}
}

static void take_occupancy(struct report *report, struct json_object *root)
{
	struct occupancy *occupancy = &report->occupancy;
	struct json_object *object;

	report->occupied = json_object_object_get_ex(root, "occupancy", &object) &&
			   get_count(object, "hard", &occupancy->hard) &&
			   get_count(object, "closing", &occupancy->closing) &&
			   get_count(object, "evictable", &occupancy->evictable) &&
			   get_count(object, "offloaded", &occupancy->offloaded);
}

static bool take(struct report *report, struct json_object *root)
{
	struct json_object *object;
	const char *text;
	uint64_t value;

	text = get_text(root, "kernel");
	if (text)
		kernel_parse(&report->stats.kernel, text);
	text = get_text(root, "time");
	if (text && !read_timestamp(text, &report->stats.time))
		return false;
	report->stats.clock = report->stats.time;
	for (const struct gauge *gauge = gauges; gauge->name; gauge++)
		if (get_count(root, gauge->name, &value))
			gauge_set(gauge, &report->stats, value);
	take_rates(report, root);
	take_occupancy(report, root);
	if (!json_object_object_get_ex(root, "counters", &object) ||
	    !json_object_is_type(object, json_type_object))
		return false;
	take_counters(report, object);
	if (!json_object_object_get_ex(root, "cpus", &object))
		return true;
	return json_object_is_type(object, json_type_array) && take_cpus(report, object);
}

bool report_from_json(struct report *report, struct json_object *root)
{
	return json_object_is_type(root, json_type_object) && take(report, root);
}
