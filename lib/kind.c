/* Kinds of values that are numbers, times and plain text. */
#include "field.h"

#include <ctype.h>
#include <stdio.h>

static uint64_t load(const struct field *field, const struct flow *flow)
{
	const void *p = field_value(field, flow);

	switch (field->size) {
	case 1:
		return *(const uint8_t *)p;
	case 2:
		return *(const uint16_t *)p;
	case 4:
		return *(const uint32_t *)p;
	}
	return *(const uint64_t *)p;
}

static bool store(struct flow *flow, const struct field *field, uint64_t value)
{
	void *p = (char *)flow + field->offset;

	if (field->size < 8 && value >> (8 * field->size))
		return false;
	switch (field->size) {
	case 1:
		*(uint8_t *)p = value;
		break;
	case 2:
		*(uint16_t *)p = value;
		break;
	case 4:
		*(uint32_t *)p = value;
		break;
	default:
		*(uint64_t *)p = value;
	}
	flow->has |= field->has;
	return true;
}

static int compare_numbers(const struct field *field, const struct flow *a, const struct flow *b)
{
	uint64_t x = field->kind->number(field, a), y = field->kind->number(field, b);

	return (x > y) - (x < y);
}

static bool match_number(const struct term *term, const struct field *field,
			 const struct flow *flow)
{
	uint64_t value = field->kind->number(field, flow) & term->mask;

	return value >= term->low && value <= term->high;
}

/* "a", "a-b" or "value/mask", each number read by `reader`. */
static const char *parse_range(struct term *term, const char *word, const char *what,
			       bool (*reader)(const char *, uint64_t *))
{
	char text[64];
	char *second;

	if (strlen(word) >= sizeof(text))
		return what;
	strcpy(text, word);
	term->mask = UINT64_MAX;
	second = strpbrk(text, "-/");
	if (second) {
		bool range = *second == '-';

		*second++ = '\0';
		if (!reader(text, &term->low) || !reader(second, &term->high))
			return what;
		if (!range) {
			term->mask = term->high;
			term->low &= term->mask;
			term->high = term->low;
		}
		return term->low > term->high ? "the range ends before it begins" : NULL;
	}
	if (!reader(text, &term->low))
		return what;
	term->high = term->low;
	return NULL;
}

static const char *parse_number(struct term *term, const struct field *field, const char *word,
				const struct names *names)
{
	(void)field, (void)names;
	return parse_range(term, word, "not a number", read_number);
}

static const char *parse_size(struct term *term, const struct field *field, const char *word,
			      const struct names *names)
{
	(void)field, (void)names;
	return parse_range(term, word, "not a size (as in 500, 10k, 3M, 1Gi)", read_size);
}

/* The whole seconds within: none between two of them, so that then low is above high. */
static const char *parse_seconds(struct term *term, const struct field *field, const char *word,
				 const struct names *names)
{
	const char *wrong = parse_range(term, word, "not a time (as in 500ms, 30s, 5m, 2h, 1d)", read_time);
	bool range = !wrong && term->low != term->high;

	(void)field, (void)names;
	if (wrong)
		return wrong;
	if (term->mask != UINT64_MAX)
		return "a time has no mask";
	term->low = term->low / 1000000000 + (term->low % 1000000000 != 0);
	term->high /= 1000000000;
	return range && term->low > term->high ? "no whole second is in this range" : NULL;
}

static const char *parse_duration(struct term *term, const struct field *field, const char *word,
				  const struct names *names)
{
	(void)field, (void)names;
	return parse_range(term, word, "not a time (as in 50ms, 30s, 5m, 2h)", read_time);
}

static const char *parse_time(struct term *term, const struct field *field, const char *word,
			      const struct names *names)
{
	(void)field, (void)names;
	if (!read_timestamp(word, &term->low))
		return "not a time (as in 2026-11-22T05:56:05Z)";
	term->high = term->low;
	term->mask = UINT64_MAX;
	return NULL;
}

static void raw_number(struct out *out, const struct field *field, const struct flow *flow)
{
	put_number(out, field->kind->number(field, flow));
}

static bool set_number(struct flow *flow, const struct field *field, const char *text)
{
	uint64_t value;

	return read_number(text, &value) && store(flow, field, value);
}

#define NUMBER .right = true, .ordered = true, .number = load, .compare = compare_numbers, \
	.match = match_number, .raw = raw_number

const struct kind kind_number = {
	NUMBER, .name = "number", .text = raw_number, .parse = parse_number, .set = set_number,
};

const struct kind kind_count = {
	NUMBER, .name = "count", .text = raw_number, .parse = parse_size, .set = set_number,
};

const struct kind kind_size = {
	NUMBER, .name = "size", .text = raw_number, .parse = parse_size, .set = set_number,
};

static void text_mark(struct out *out, const struct field *field, const struct flow *flow)
{
	put_mem(out, "0x", 2);
	put_hex(out, load(field, flow));
}

const struct kind kind_mark = {
	NUMBER, .name = "mark", .text = text_mark, .parse = parse_number, .set = set_number,
};

/* Both directions together: the member is that of the original direction. */
static uint64_t load_total(const struct field *field, const struct flow *flow)
{
	const struct counters *both = (const void *)field_value(field, flow);

	return both[0].packets + both[1].packets;
}

const struct kind kind_total = {
	.name = "total", .right = true, .ordered = true, .number = load_total, .text = raw_number,
	.raw = raw_number, .compare = compare_numbers, .parse = parse_size, .match = match_number,
};

static void text_seconds(struct out *out, const struct field *field, const struct flow *flow)
{
	put_seconds(out, load(field, flow));
}

const struct kind kind_seconds = {
	NUMBER, .name = "time", .text = text_seconds, .parse = parse_seconds, .set = set_number,
};

static void raw_duration(struct out *out, const struct field *field, const struct flow *flow)
{
	char text[40];
	uint64_t ns = load(field, flow);
	int len = snprintf(text, sizeof(text), "%llu.%09llu", (unsigned long long)(ns / 1000000000),
			   (unsigned long long)(ns % 1000000000));

	put_mem(out, text, len);
}

static void text_duration(struct out *out, const struct field *field, const struct flow *flow)
{
	uint64_t ns = load(field, flow);
	char text[40];

	if (ns >= UINT64_C(9950000000)) {	/* what would be rounded to 10.0 */
		put_seconds(out, (ns + 50000000) / 1000000000);
		return;
	}
	if (ns >= 999950000)
		snprintf(text, sizeof(text), "%.1fs", ns / 1e9);
	else
		snprintf(text, sizeof(text), ns < 1000000 ? "%.3fms" : "%.1fms", ns / 1e6);
	put_mem(out, text, strlen(text));
}

static bool set_duration(struct flow *flow, const struct field *field, const char *text)
{
	uint64_t ns;

	return read_time(text, &ns) && store(flow, field, ns);
}

const struct kind kind_duration = {
	.name = "duration", .right = true, .ordered = true, .number = load, .text = text_duration,
	.raw = raw_duration, .compare = compare_numbers, .parse = parse_duration,
	.match = match_number, .set = set_duration,
};

static void raw_time(struct out *out, const struct field *field, const struct flow *flow)
{
	put_time(out, load(field, flow), 9);
}

static void text_time(struct out *out, const struct field *field, const struct flow *flow)
{
	put_time(out, load(field, flow), 3);
}

static bool set_time(struct flow *flow, const struct field *field, const char *text)
{
	uint64_t ns;

	return read_timestamp(text, &ns) && store(flow, field, ns);
}

const struct kind kind_time = {
	.name = "timestamp", .quoted = true, .ordered = true, .number = load, .text = text_time,
	.raw = raw_time, .compare = compare_numbers, .parse = parse_time, .match = match_number,
	.set = set_time,
};

static void raw_name(struct out *out, const struct field *field, const struct flow *flow)
{
	uint64_t value = load(field, flow);

	for (uint64_t i = 0; field->names[i]; i++)
		if (i == value) {
			out_text(out, field->names[i]);
			return;
		}
	put_number(out, value);
}

/* For people in capitals, as conntrack(8) has it; the names of files and programs stay small. */
static void text_event(struct out *out, const struct field *field, const struct flow *flow)
{
	char *from = out->at;

	raw_name(out, field, flow);
	for (; from < out->at; from++)
		*from = toupper((unsigned char)*from);
}

static const char *colour_event(const struct field *field, const struct flow *flow)
{
	static const char *const colours[] = {
		[EVENT_NEW] = "32", [EVENT_DESTROY] = "31", [EVENT_LOST] = "1;31",
	};
	uint64_t event = load(field, flow);

	return event < sizeof(colours) / sizeof(*colours) ? colours[event] : NULL;
}

static void text_clock(struct out *out, const struct field *field, const struct flow *flow)
{
	uint64_t ns = load(field, flow);
	time_t seconds = ns / 1000000000;
	struct tm tm;

	localtime_r(&seconds, &tm);
	out_format(out, "%02d:%02d:%02d.%03d", tm.tm_hour, tm.tm_min, tm.tm_sec,
		   (int)(ns / 1000000 % 1000));
}

static bool find_name(const struct field *field, const char *word, uint64_t *value)
{
	for (*value = 0; field->names[*value]; ++*value)
		if (!strcasecmp(field->names[*value], word))
			return true;
	return read_number(word, value);
}

static const char *parse_name(struct term *term, const struct field *field, const char *word,
			      const struct names *names)
{
	(void)names;
	if (!find_name(field, word, &term->low))
		return "no such name";
	term->high = term->low;
	term->mask = UINT64_MAX;
	return NULL;
}

/* All events have names: a number is meant for something else. */
static const char *parse_event(struct term *term, const struct field *field, const char *word,
			       const struct names *names)
{
	return isdigit((unsigned char)*word) ? "no event" : parse_name(term, field, word, names);
}

static bool set_name(struct flow *flow, const struct field *field, const char *text)
{
	uint64_t value;

	return find_name(field, text, &value) && store(flow, field, value);
}

const struct kind kind_name = {
	.name = "name", .quoted = true, .number = load, .text = raw_name, .raw = raw_name,
	.compare = compare_numbers, .parse = parse_name, .match = match_number, .set = set_name,
};

const struct kind kind_event = {
	.name = "name", .quoted = true, .number = load, .text = text_event, .raw = raw_name,
	.compare = compare_numbers, .parse = parse_event, .match = match_number, .set = set_name,
	.colour = colour_event,
};

const struct kind kind_clock = {
	.name = "timestamp", .quoted = true, .ordered = true, .number = load, .text = text_clock,
	.raw = raw_time, .compare = compare_numbers, .parse = parse_time, .match = match_number,
	.set = set_time,
};

static void raw_bool(struct out *out, const struct field *field, const struct flow *flow)
{
	(void)field, (void)flow;
	put_mem(out, "true", 4);
}

static const char *parse_bool(struct term *term, const struct field *field, const char *word,
			      const struct names *names)
{
	(void)term, (void)field, (void)names;
	return strcasecmp(word, "true") ? "not true" : NULL;
}

static bool match_bool(const struct term *term, const struct field *field, const struct flow *flow)
{
	(void)term, (void)field, (void)flow;
	return true;
}

static int compare_bool(const struct field *field, const struct flow *a, const struct flow *b)
{
	(void)field, (void)a, (void)b;
	return 0;
}

static bool set_bool(struct flow *flow, const struct field *field, const char *text)
{
	if (!strcmp(text, "true") || !strcmp(text, "1"))
		flow->has |= field->has;
	return true;
}

/* Present or absent, nothing else. */
const struct kind kind_bool = {
	.name = "flag", .text = raw_bool, .raw = raw_bool, .compare = compare_bool,
	.parse = parse_bool, .match = match_bool, .set = set_bool,
};

static void raw_text(struct out *out, const struct field *field, const struct flow *flow)
{
	out_escaped(out, field_value(field, flow));
}

static void json_text(struct out *out, const struct field *field, const struct flow *flow)
{
	const char *text = field_value(field, flow);

	out_mem(out, "\"", 1);
	out_json(out, text, strlen(text));
	out_mem(out, "\"", 1);
}

static int compare_text(const struct field *field, const struct flow *a, const struct flow *b)
{
	int order = strcmp(field_value(field, a), field_value(field, b));

	return (order > 0) - (order < 0);
}

static const char *parse_text(struct term *term, const struct field *field, const char *word,
			      const struct names *names)
{
	(void)field, (void)names;
	if (strlen(word) >= sizeof(term->text))
		return "too long";
	strcpy(term->text, word);
	return NULL;
}

static bool match_text(const struct term *term, const struct field *field, const struct flow *flow)
{
	return !strcmp(term->text, field_value(field, flow));
}

static bool set_text(struct flow *flow, const struct field *field, const char *text)
{
	char *to = (char *)flow + field->offset;
	size_t len = strlen(text);

	if (!len || len >= field->size)
		return false;
	memcpy(to, text, len + 1);
	flow->has |= field->has;
	return true;
}

const struct kind kind_text = {
	.name = "text",
	.quoted = true, .text = raw_text, .raw = raw_text, .json = json_text,
	.compare = compare_text, .parse = parse_text, .match = match_text, .set = set_text,
};
