/* Tells what is in the tables; the same sentences as text, as JSON and as mdoc. */
#include "explain.h"

#include "grid.h"
#include "memory.h"

#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

enum { LABEL = 12, LINE = 400, PARAGRAPHS = 16 };

/* An entry is a name, a one-line text and labelled paragraphs: what all three forms are made of. */
struct entry {
	const char *type, *name;
	unsigned count;
	struct {
		const char *key;	/* JSON */
		const char *label;
		const char *text;
	} paragraphs[PARAGRAPHS];
	char lines[12][LINE];		/* for texts that are put together */
	unsigned lines_count;
};

static void add(struct entry *entry, const char *key, const char *label, const char *text)
{
	if (!text || entry->count == PARAGRAPHS)
		return;
	entry->paragraphs[entry->count].key = key;
	entry->paragraphs[entry->count].label = label;
	entry->paragraphs[entry->count++].text = text;
}

static char *line(struct entry *entry)
{
	return entry->lines[entry->lines_count++];
}

/* "a(), b()" as functions. */
static void put_functions(struct out *out, const char *text)
{
	const char *end;

	for (; (end = strstr(text, "()")); text = end + strspn(end, "(), "))
		out_format(out, ".Fn %.*s%s\n", (int)(end - text), text, end[2] ? " ," : "");
}

/* mdoc: a line that begins with a dot or a quote would be a request. */
static void put_mdoc(const struct explanation *explanation, const struct entry *entry)
{
	struct out *out = explanation->out;

	out_format(out, ".It Sy %s\n", entry->name);
	for (unsigned i = 0; i < entry->count; i++) {
		if (i)
			out_text(out, ".br\n");
		if (*entry->paragraphs[i].label)
			out_format(out, ".Em %s :\n", entry->paragraphs[i].label);
		if (!strcmp(entry->paragraphs[i].label, "kernel") && strstr(entry->paragraphs[i].text, "()")) {
			put_functions(out, entry->paragraphs[i].text);
			continue;
		}
		out_text(out, strchr(".'", *entry->paragraphs[i].text) ? "\\&" : "");
		for (const char *p = entry->paragraphs[i].text; *p; p++) {
			/* A sentence ends at the end of an input line. */
			if (p[0] == '.' && p[1] == ' ') {
				out_text(out, ".\n");
				p++;
			} else if (*p == '-') {
				out_text(out, "\\-");
			} else {
				out_mem(out, p, 1);
			}
		}
		out_text(out, "\n");
	}
}

static void put_text(const struct explanation *explanation, const struct entry *entry)
{
	struct out *out = explanation->out;

	out_format(out, explanation->colour ? "\033[1m%s\033[0m\n" : "%s\n", entry->name);
	for (unsigned i = 0; i < entry->count; i++) {
		out_format(out, "  %-*s  ", LABEL, entry->paragraphs[i].label);
		put_wrapped(out, entry->paragraphs[i].text, LABEL + 4, explanation->width);
		out_text(out, "\n");
	}
	out_text(out, "\n");
}

static void put_json(const struct explanation *explanation, const struct entry *entry)
{
	struct json_object *root = json_object_new_object();

	json_object_object_add(root, "type", json_object_new_string(entry->type));
	json_object_object_add(root, "name", json_object_new_string(entry->name));
	for (unsigned i = 0; i < entry->count; i++)
		if (entry->paragraphs[i].key)
			json_object_object_add(root, entry->paragraphs[i].key,
					       json_object_new_string(entry->paragraphs[i].text));
	out_text(explanation->out, must_text(json_object_to_json_string_ext(root, JSON_C_TO_STRING_PLAIN |
								  JSON_C_TO_STRING_NOSLASHESCAPE)));
	out_text(explanation->out, "\n");
	json_object_put(root);
}

static void put(const struct explanation *explanation, const struct entry *entry)
{
	static void (*const forms[])(const struct explanation *, const struct entry *) = {
		[EXPLAIN_TEXT] = put_text, [EXPLAIN_JSON] = put_json, [EXPLAIN_MDOC] = put_mdoc,
	};

	forms[explanation->form](explanation, entry);
}

/* "4.7 or later, before 5.10"; empty where it holds for all. */
static void sense_range(char *text, size_t size, const struct counter *counter,
			const struct sense *sense)
{
	struct kernel range = { .low = sense->since, .high = sense_until(counter, sense) };

	*text = '\0';
	if (range.high != KERNEL_LAST)
		range.high--;
	if (range.low || range.high != KERNEL_LAST)
		kernel_text(text, size, &range);
}

static const char *sense_text(const struct sense *sense)
{
	return sense->text ? sense->text : "not counted";
}

static void add_sense(const struct explanation *explanation, struct entry *entry,
		      const struct counter *counter, const struct sense *sense)
{
	char range[64], *text = line(entry);

	sense_range(range, sizeof(range), counter, sense);
	if (explanation->form == EXPLAIN_MDOC || !*range) {
		strcpy(text, range);
		add(entry, NULL, text, sense_text(sense));
	} else {
		snprintf(text, LINE, "%s: %s", range, sense_text(sense));
		add(entry, NULL, "elsewhere", text);
	}
}

/* What it means here comes first; the manual knows no here. */
static void add_kernels(const struct explanation *explanation, struct entry *entry,
			const struct counter *counter)
{
	const struct sense *here = counter_sense(counter, &explanation->kernel);
	bool told = explanation->form != EXPLAIN_MDOC && kernel_known(&explanation->kernel);
	char version[32], *label;

	if (told) {
		label = line(entry);
		kernel_text(version, sizeof(version), &explanation->kernel);
		snprintf(label, LINE, "here (%s)", version);
		add(entry, NULL, label, sense_text(here));
	}
	for (const struct sense *sense = counter->senses; sense < counter->senses + SENSES; sense++) {
		if (sense > counter->senses && !sense->since)
			break;
		if (!told || sense != here)
			add_sense(explanation, entry, counter, sense);
	}
}

void explain_counter(const struct explanation *explanation, const struct counter *counter)
{
	const struct sense *here = counter_sense(counter, &explanation->kernel);
	struct entry entry = { .type = "counter", .name = counter->name };

	if (explanation->form == EXPLAIN_JSON)
		add(&entry, "meaning", "", here->text);
	else
		add_kernels(explanation, &entry, counter);
	add(&entry, "detail", explanation->form == EXPLAIN_TEXT ? "more" : "", counter->detail);
	add(&entry, "cause", "causes", counter->cause);
	add(&entry, "remedy", "remedy", counter->remedy);
	add(&entry, "function", "kernel", counter->function);
	add(&entry, "proc", "in /proc", counter->column);
	put(explanation, &entry);
}

void explain_measure(const struct explanation *explanation, const struct measure *measure)
{
	struct entry entry = { .type = "measure", .name = measure->name };
	bool text = explanation->form == EXPLAIN_TEXT;

	add(&entry, "meaning", text ? "is" : "", measure->text);
	add(&entry, "detail", text ? "more" : "", measure->detail);
	add(&entry, "remedy", "remedy", measure->remedy);
	add(&entry, "metric", "OpenMetrics", measure->metric);
	put(explanation, &entry);
}

static const char *defaults_line(struct entry *entry, const struct sysctl *sysctl)
{
	char *text = line(entry), version[16];
	size_t length = 0;

	for (unsigned i = 0; i < SYSCTL_DEFAULTS; i++) {
		const char *value = sysctl->defaults[i].value;
		unsigned since = sysctl->defaults[i].since;

		if (i && !since)
			break;
		if (!value)
			continue;
		kernel_version(version, sizeof(version), since);
		length += snprintf(text + length, LINE - length, "%s%s%s%s", length ? "; " : "",
				   since ? "from " : "", since ? version : "", since ? ": " : "");
		length += snprintf(text + length, LINE - length, "%s", value);
	}
	return length ? text : NULL;
}

static const char *life_line(struct entry *entry, const struct sysctl *sysctl)
{
	struct kernel life = { .low = sysctl->since, .high = sysctl->gone ? sysctl->gone - 1 : KERNEL_LAST };
	char *text = line(entry);

	if (!sysctl->since && !sysctl->gone)
		return NULL;
	kernel_text(text, LINE, &life);
	return text;
}

static const char *limits_line(struct entry *entry, const struct sysctl *sysctl)
{
	char *text = line(entry);

	if (sysctl->below_text)
		snprintf(text, LINE, "below %llu: %s", (unsigned long long)sysctl->below, sysctl->below_text);
	else if (sysctl->above_text)
		snprintf(text, LINE, "above %llu: %s", (unsigned long long)sysctl->above, sysctl->above_text);
	else
		return NULL;
	return text;
}

void explain_sysctl(const struct explanation *explanation, const struct sysctl *sysctl)
{
	struct entry entry = { .type = "sysctl", .name = sysctl->name };
	bool text = explanation->form == EXPLAIN_TEXT;

	add(&entry, "meaning", text ? "is" : "", sysctl->text);
	add(&entry, "detail", text ? "more" : "", sysctl->detail);
	add(&entry, "unit", "unit", sysctl->unit);
	add(&entry, "default", "default", defaults_line(&entry, sysctl));
	add(&entry, "scope", "scope", sysctl->global ? "the machine; other namespaces can only read it"
						     : "each network namespace");
	add(&entry, "kernels", "kernels", life_line(&entry, sysctl));
	add(&entry, "warning", "warn", limits_line(&entry, sysctl));
	put(explanation, &entry);
}

bool explain_name(const struct explanation *explanation, const char *name, size_t length)
{
	int counter = counter_find(name, length);
	const struct measure *measure = measure_find(name, length);
	const struct sysctl *sysctl = sysctl_find(name, length);

	if (counter >= 0)
		explain_counter(explanation, &counters[counter]);
	else if (measure)
		explain_measure(explanation, measure);
	else if (sysctl)
		explain_sysctl(explanation, sysctl);
	return counter >= 0 || measure || sysctl;
}

static void list_begin(const struct explanation *explanation)
{
	if (explanation->form == EXPLAIN_MDOC)
		out_text(explanation->out, ".Bl -tag -width Ds\n");
}

static void list_end(const struct explanation *explanation)
{
	if (explanation->form == EXPLAIN_MDOC)
		out_text(explanation->out, ".El\n");
}

void explain_counters(const struct explanation *explanation)
{
	list_begin(explanation);
	for (int i = 0; i < COUNTERS; i++)
		explain_counter(explanation, &counters[i]);
	for (const struct measure *measure = measures; measure->name; measure++)
		explain_measure(explanation, measure);
	list_end(explanation);
}

void explain_sysctls(const struct explanation *explanation)
{
	list_begin(explanation);
	for (const struct sysctl *sysctl = sysctls; sysctl->name; sysctl++)
		explain_sysctl(explanation, sysctl);
	list_end(explanation);
}
