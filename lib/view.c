/* The table of views. A new one is a row here. */
#include "view.h"

#include <ctype.h>
#include <strings.h>

#define STATE_COLUMNS \
	{ "states.SYN_SENT", NULL, 32 }, { "states.SYN_SENT2", NULL, 39, .idle = true }, \
	{ "states.SYN_RECV", NULL, 36 }, { "states.ESTABLISHED", NULL, 22 }, \
	{ "states.FIN_WAIT", NULL, 35 }, { "states.CLOSE_WAIT", NULL, 33 }, \
	{ "states.LAST_ACK", NULL, 37 }, { "states.TIME_WAIT", NULL, 31 }, \
	{ "states.CLOSE", NULL, 34 }

#define RATE_COLUMNS \
	{ "new_per_second", NULL, 15 }, { "gone_per_second", NULL, 28, .level = 1 }, \
	{ "bytes_per_second", NULL, 20 }, { "packets_per_second", NULL, 29, .level = 1 }

#define HOST_COLUMNS \
	{ "count", NULL }, { "percent", NULL, 25 }, { "bar", NULL, 40 }, \
	{ "states.ESTABLISHED", NULL, 26 }, { "states.SYN_SENT", NULL, 27 }, \
	{ "states.TIME_WAIT", NULL, 30 }, { "unreplied", NULL, 10 }, RATE_COLUMNS

const struct view views[] = {
	{ "ports", "destination ports by TCP state", ROWS_GROUPS, "proto,orig.dport", "-count",
	  .states = true, .columns = {
		{ "proto" }, { "orig.dport", "PORT" }, { "service", NULL, 38, .least = 7 }, { "count" },
		STATE_COLUMNS, { "unreplied", NULL, 10 }, RATE_COLUMNS,
		{ "percent", NULL, 45, .level = 1 } } },
	{ "states", "protocols and their states", ROWS_GROUPS, "proto,state", "-count", .columns = {
		{ "proto" }, { "state" }, { "count" }, { "percent", NULL, 25 }, { "bar", NULL, 40 },
		{ "unreplied", NULL, 10 }, RATE_COLUMNS } },
	{ "sources", "who opens flows", ROWS_GROUPS, "orig.src", "-count", .states = true, .columns = {
		{ "orig.src", "SOURCE" }, HOST_COLUMNS } },
	{ "destinations", "to whom flows are opened", ROWS_GROUPS, "orig.dst", "-count",
	  .states = true, .columns = {
		{ "orig.dst", "DESTINATION" }, HOST_COLUMNS } },
	{ "flows", "the flows themselves", ROWS_FLOWS, NULL, "-bytes_per_second", .columns = {
		{ "proto" }, { "state", NULL, 5 }, { "source" }, { "destination" },
		{ "nat", NULL, 30, .idle = true }, { "timeout", NULL, 20 }, { "flags", NULL, 25 },
		{ "bytes_per_second", NULL, 10, .idle = true }, { "bytes", NULL, 22, .idle = true },
		{ "packets", NULL, 35, .idle = true }, { "packets_per_second", NULL, 36, .level = 1, .idle = true },
		{ "idle", NULL, 40, .level = 1 }, { "age", NULL, 40, .level = 1, .idle = true },
		{ "mark", NULL, 41, .level = 1, .idle = true }, { "zone", NULL, 41, .level = 1, .idle = true },
		{ "helper", NULL, 42, .level = 2, .idle = true }, { "labels", NULL, 42, .level = 2, .idle = true },
		{ "id", NULL, 44, .level = 2 }, { "start", NULL, 45, .level = 2, .idle = true } } },
	{ "nat", "ports that source NAT has in use", ROWS_GROUPS,
	  "snat.addr,proto,reply.src,reply.sport", "-count", .needs = HAS_SNAT, .states = true, .columns = {
		{ "snat.addr", "NAT ADDRESS" }, { "proto", NULL, 1 }, { "reply.src", "REMOTE" },
		{ "reply.sport", "PORT" }, { "count", "PORTS" }, { "ports.share" },
		{ "bar", NULL, 40 }, { "states.TIME_WAIT", NULL, 20 }, { "unreplied", NULL, 21 },
		{ "new_per_second", NULL, 15 }, { "bytes_per_second", NULL, 25, .level = 1 },
		{ "ports.low", NULL, 30, .level = 1 }, { "ports.high", NULL, 30, .level = 1 } } },
	{ "events", "what happens, and why flows end", ROWS_EVENTS, NULL, NULL, .columns = {
		{ "time", NULL, 2 }, { "type", "EVENT" },
		{ "reason", NULL, 5, .other = "state", .both = "STATE/REASON" }, { "proto", NULL, 3 },
		{ "state", NULL, 20 },
		{ "source" }, { "destination" }, { "duration", NULL, 22 }, { "bytes", NULL, 30, .idle = true },
		{ "nat", NULL, 35, .idle = true }, { "packets", NULL, 31, .level = 1, .idle = true },
		{ "portid", NULL, 40, .level = 1, .idle = true } } },
	{ "counters", "what the kernel counts, per CPU", ROWS_CPUS, NULL, NULL, .columns = {
		{ "cpu" }, { "drop" }, { "insert_failed" }, { "early_drop" }, { "invalid" },
		{ "chaintoolong", NULL, 20 }, { "error", NULL, 21 }, { "clash_resolve", NULL, 22 },
		{ "found", NULL, 23 }, { "search_restart", NULL, 24 }, { "insert", NULL, 25 } } },
	{ NULL },
};

unsigned view_count(void)
{
	return sizeof(views) / sizeof(*views) - 1;
}

const struct view *view_find(const char *name)
{
	for (const struct view *view = views; view->name; view++)
		if (!strcmp(view->name, name))
			return view;
	return NULL;
}

void view_plan(const struct view *view, struct group_plan *plan)
{
	memset(plan, 0, sizeof(*plan));
	for (const char *word = view->by; *word;) {
		size_t length = strcspn(word, ",");

		plan->keys[plan->keys_count++] = *field_find(word, length);
		word += length + (word[length] == ',');
	}
	plan->extra = view->states ? sizeof(struct sums) : offsetof(struct sums, states);
}

static uint64_t field_wants(const struct field *field)
{
	return field->has | field->uses;
}

uint64_t view_wants(const struct view *view)
{
	uint64_t want = HAS_ORIG_COUNTERS | HAS_REPLY_COUNTERS | HAS_STATUS | HAS_STATE | HAS_ID |
			HAS_ZONE | HAS_ORIG_ADDR | HAS_ORIG_PORTS | HAS_ORIG_ICMP | HAS_ORIG_GRE |
			HAS_ORIG_ZONE | HAS_PROTO | HAS_FAMILY | view->needs;

	for (const struct view_column *column = view->columns; column->field; column++) {
		const struct field *field = view_field(column);

		if (field && field->offset < sizeof(struct flow))
			want |= field_wants(field);
	}
	for (const char *word = view->by; word && *word;) {
		size_t length = strcspn(word, ",");

		want |= field_wants(field_find(word, length));
		word += length + (word[length] == ',');
	}
	return want & ~ROW_BITS;
}

const struct field *view_field(const struct view_column *column)
{
	return row_field(column->field, strlen(column->field));
}

/* Headings may be in two lines: TIME_WAIT, TIMEWAIT and "time wait" are the same. */
static bool same_heading(const char *word, const char *heading)
{
	bool any = false;

	if (!strcasecmp(word, heading))
		return true;
	for (;;) {
		while (*word && !isalnum((unsigned char)*word))
			word++;
		while (*heading && !isalnum((unsigned char)*heading))
			heading++;
		if (!*word || tolower((unsigned char)*word) != tolower((unsigned char)*heading))
			return any && !*word && !*heading;
		any = true;
		word++, heading++;
	}
}

/* Headings are short for longer words. */
static bool named(const struct view_column *column, const char *word)
{
	const struct field *field = view_field(column), *other;

	if (!field)
		return false;
	other = row_field(word, strlen(word));
	if (other && field->kind == &kind_endpoint && other->offset == field->offset)
		return true;
	return !strcasecmp(word, field->name) || same_heading(word, field->heading) ||
	       (column->heading && same_heading(word, column->heading)) ||
	       other == field;
}

bool view_order(const struct view *view, const char *word, struct order *order)
{
	bool descending = *word == '-';

	for (const struct view_column *column = view->columns; column->field; column++)
		if (named(column, word + descending)) {
			*order = (struct order){ view_field(column), descending };
			return true;
		}
	return false;
}
