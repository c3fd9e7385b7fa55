/* ctcount: counts the flows of the connection tracking table in groups. */
#include "session.h"
#include "tabulate.h"

#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

struct ctcount {
	struct session session;
	const char *by, *across, *sum, *sort;
	struct tabulate_options options;
	unsigned long long samples;
	double interval;
	/* at work */
	struct group_plan plan;
	struct groups *groups, *previous;
	struct tabulation *tabulation;
	unsigned long long seen, others, events;
	uint64_t had;			/* HAS_ bits: what some flow has */
};

#define AT(member) offsetof(struct ctcount, member)
static const struct option_row options[] = {
	{ "by", 'g', "LIST", "FIELDS", "count by these fields (proto,state); src/24 cuts an address",
	  cli_text, AT(by) },
	{ "across", 'x', "FIELD", "FIELD", "a column for each value of this field", cli_text, AT(across) },
	{ "sum", 0, "LIST", "FIELDS", "add up these fields: bytes, packets, orig.bytes ...", cli_text, AT(sum) },
	{ "top", 0, "N", NULL, "the first N groups; the rest becomes one line, others", cli_positive, AT(options.top) },
	{ "min", 0, "N", NULL, "groups with N flows or more; the rest becomes one line, others",
	  cli_positive, AT(options.least) },
	{ "sort", 's', "LIST", "SORT", "sort by columns (-count); -COLUMN descends", cli_text, AT(sort) },
	{ "total", 0, NULL, NULL, "a last line with the total", cli_flag, AT(options.total) },
	{ "interval", 'i', "SEC", NULL, "count again every SEC seconds, with the change", cli_seconds, AT(interval) },
	{ "samples", 'n', "N", NULL, "with --interval: end after N samples", cli_positive, AT(samples) },
	{ NULL },
};

static const struct format_row formats[] = {
	{ "table", FORMAT_TABLE }, { "json", FORMAT_JSON }, { "csv", FORMAT_CSV }, { NULL },
};

static const char *const examples[] = {
	"ctcount", "by protocol and state",
	"ctcount --by dport --across state tcp", "the port by state matrix",
	"ctcount --by src/24 --top 10 unreplied", "which networks wait for answers?",
	"ctcount --by src --sum bytes -s -bytes --top 5", "who has moved most (with accounting)",
	"ctcount -i 5 --by src --top 10", "again every 5 seconds, with the change",
	NULL,
};

static const struct command command = {
	.name = "ctcount",
	.summary = "Counts the flows in the connection tracking table of Linux in groups",
	.options = options,
	.shared = WITH_ALL | WITH_FILES | WITH_COLUMNS | WITH_FILTER | WITH_NETNS | WITH_FORMAT,
	.fields = IN_FLOW,
	.formats = formats,
	.examples = examples,
};

/* The next word of a list that commas separate; false past the last. A list ends with a word. */
static bool next_word(const char **list, const char **word, size_t *length)
{
	if (!*list)
		return false;
	*word = *list;
	*length = strcspn(*list, ",");
	*list = (*list)[*length] ? *list + *length + 1 : NULL;
	return true;
}

static bool read_length(const char *text, size_t length, unsigned most, uint8_t *value)
{
	char copy[8];
	uint64_t number;

	if (!length || length >= sizeof(copy))
		return false;
	memcpy(copy, text, length);
	copy[length] = '\0';
	if (!read_number(copy, &number) || !number || number > most)
		return false;
	*value = number;
	return true;
}

/* "/24" or "/24/56": how much of an IPv4 and of an IPv6 address counts. */
static void read_prefix(struct field *key, const char *option, const char *word, size_t length,
			const char *slash)
{
	const char *end = word + length, *first = slash + 1;
	const char *second = memchr(first, '/', end - first);
	bool good = read_length(first, (second ? second : end) - first, 32, &key->prefix[0]);

	if (key->kind != &kind_address)
		cli_usage(&command, "--%s: '%.*s': only an address has a prefix", option, (int)length,
			  word);
	key->prefix[1] = 64;
	if (good && second)
		good = read_length(second + 1, end - second - 1, 128, &key->prefix[1]);
	if (!good)
		cli_usage(&command, "--%s: '%.*s': the prefix is /1 to /32, for IPv6 a second one /1 to "
			  "/128, as in src/24/56", option, (int)length, word);
}

static bool has_key(const struct group_plan *plan, const struct field *field)
{
	for (unsigned i = 0; i < plan->keys_count; i++)
		if (!strcmp(plan->keys[i].name, field->name))
			return true;
	return false;
}

static struct field read_key(const struct ctcount *count, const char *option, const char *word,
			     size_t length)
{
	const char *slash = memchr(word, '/', length);
	struct field key = *session_field(&count->session, option, word,
					  slash ? (size_t)(slash - word) : length);

	if (slash)
		read_prefix(&key, option, word, length, slash);
	if (has_key(&count->plan, &key))
		cli_usage(&command, "--%s: '%.*s': %s is there already, and only one prefix of it can be",
			  option, (int)length, word, key.name);
	return key;
}

/* What goes across is not in the rows as well. */
static const char *default_by(const char *across)
{
	if (across && !strcmp(across, "state"))
		return "proto";
	return across && !strcmp(across, "proto") ? "state" : "proto,state";
}

static void read_by(struct ctcount *count)
{
	const char *list = count->by, *word;
	size_t length;

	while (next_word(&list, &word, &length)) {
		if (count->plan.keys_count == GROUP_KEYS)
			cli_usage(&command, "--by: more than %d fields", GROUP_KEYS);
		count->plan.keys[count->plan.keys_count] = read_key(count, "by", word, length);
		count->plan.keys_count++;
	}
}

static void read_across(struct ctcount *count)
{
	if (!count->across)
		return;
	count->plan.across_key = read_key(count, "across", count->across, strlen(count->across));
	count->plan.across = true;
}

static bool adds_up(const struct field *field)
{
	return field->kind == &kind_count || field->kind == &kind_size || field->kind == &kind_total;
}

static void read_sum(struct ctcount *count)
{
	struct group_plan *plan = &count->plan;
	const char *list = count->sum, *word;
	size_t length;

	while (next_word(&list, &word, &length)) {
		const struct field *field = session_field(&count->session, "sum", word, length);

		if (!adds_up(field))
			cli_usage(&command, "--sum: '%.*s' does not add up (packets and bytes do)",
				  (int)length, word);
		if (plan->sums_count == GROUP_SUMS)
			cli_usage(&command, "--sum: more than %d fields", GROUP_SUMS);
		for (unsigned i = 0; i < plan->sums_count; i++)
			if (plan->sums[i] == field)
				cli_usage(&command, "--sum: '%.*s' is there twice", (int)length, word);
		plan->sums[plan->sums_count++] = field;
	}
}

static void read_sort(struct ctcount *count)
{
	const char *list = count->sort, *word;
	size_t length;

	while (next_word(&list, &word, &length)) {
		bool minus = *word == '-';

		if (!tabulate_order(count->tabulation, word + minus, length - minus, minus))
			cli_usage(&command, "--sort: '%.*s' is neither a field of --by or --sum nor count, "
				  "percent, unreplied or delta", (int)length, word);
	}
}

static void read_columns(struct ctcount *count)
{
	const char *list = count->session.columns, *word;
	size_t length;

	if (list && *list == '+') {
		tabulate_keep(count->tabulation);
		list++;
	}
	while (next_word(&list, &word, &length))
		if (!tabulate_column(count->tabulation, word, length))
			cli_usage(&command, "--columns: '%.*s' is neither a field of --by or --sum nor count, "
				  "percent, unreplied, delta, across, time or group", (int)length, word);
}

static struct groups *new_groups(const struct ctcount *count)
{
	struct groups *groups = groups_new(&count->plan);

	if (!groups)
		cli_usage(&command, "--by: '%s': these fields are too long to count by", count->by);
	return groups;
}

static void make_plan(struct ctcount *count)
{
	struct print_options print = session_print(&count->session);

	print.keep = count->session.columns ? UINT32_MAX : 0;
	count->options.repeated = count->interval > 0;
	if (count->samples && !count->options.repeated)
		cli_usage(&command, "--samples needs --interval (the first N groups: --top)");
	if (count->options.repeated && !count->session.live)
		cli_usage(&command, "--interval and --read exclude each other");
	if (!count->by)
		count->by = default_by(count->across);
	read_by(count);
	read_across(count);
	read_sum(count);
	count->groups = new_groups(count);
	count->tabulation = tabulate_new(&count->session.out, &print, &count->plan, &count->options);
	read_sort(count);
	read_columns(count);
}

static void take_all(struct ctcount *count, struct source *source)
{
	const struct filter *filter = count->session.filter;
	struct flow flow;

	while (source_flow(source, &flow)) {
		if (flow.what != WHAT_FLOW) {
			count->others++;
			continue;
		}
		count->seen++;
		count->had |= flow.has;
		if (!filter_match(filter, &flow))
			continue;
		count->events += (flow.has & HAS_EVENT) != 0;
		group_add(count->groups, &flow);
	}
}

/* True if the end was reached. */
static bool read_all(struct ctcount *count)
{
	struct session *session = &count->session;
	struct source *source = session_dump(session, TABLE_CONNTRACK, groups_wants(count->groups));
	int result = 0;

	while (source && !session_stopped(session) && (result = source_read(source)) > 0)
		take_all(count, source);
	if (result < 0 && errno != EINTR)
		session_fail(session, "reading the table");
	return !session_stopped(session);
}

/* Only flows that began with accounting on have counters. */
static void explain_absent(const struct ctcount *count)
{
	const uint64_t counters = HAS_ORIG_COUNTERS | HAS_REPLY_COUNTERS;
	uint64_t asked = count->session.filter->wants, had = count->had;
	uint32_t groups = groups_count(count->groups), summed = 0;

	for (uint32_t i = 0; i < groups; i++)
		summed |= groups_at(count->groups, i)->summed;
	if (groups && count->plan.sums_count && !summed) {
		asked |= counters;
		had &= ~counters;
	}
	if (count->seen)
		session_explain_absent(&count->session, asked, had);
}

/* Below the table, which is on a terminal. */
static void explain_narrow(struct ctcount *count)
{
	unsigned narrow = count->across ? tabulate_narrow(count->tabulation) : 0;

	if (!narrow)
		return;
	out_flush(&count->session.out);
	warnx("%u %s not shown: the terminal is too narrow (-o keeps those that it names)", narrow,
	      narrow == 1 ? "column is" : "columns are");
}

static uint64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_REALTIME, &time);
	return (uint64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static void print_time(struct ctcount *count, uint64_t time, bool first)
{
	struct out *out = &count->session.out;

	out_text(out, first ? "" : "\n");
	out_room(out, OUT_ROOM);
	put_time(out, time, 0);
	out_text(out, "\n");
}

static void sleep_until(struct timespec *next, double seconds)
{
	struct timespec time;

	next->tv_sec += (time_t)seconds;
	next->tv_nsec += (seconds - (time_t)seconds) * 1e9;
	next->tv_sec += next->tv_nsec / 1000000000;
	next->tv_nsec %= 1000000000;
	clock_gettime(CLOCK_MONOTONIC, &time);
	if (time.tv_sec > next->tv_sec || (time.tv_sec == next->tv_sec && time.tv_nsec > next->tv_nsec))
		*next = time;	/* the table took longer to read than the interval: no catching up */
	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, next, NULL);
}

/* One sample; the one before it is remembered. A sample that was cut short is not shown. */
static bool sample(struct ctcount *count, unsigned long long number)
{
	struct groups *older = count->previous;
	uint64_t time = now();

	if (!read_all(count))
		return false;
	if (count->session.format == FORMAT_TABLE && !count->session.no_header)
		print_time(count, time, !number);
	tabulate(count->tabulation, count->groups, number ? older : NULL, time);
	if (!number) {
		explain_narrow(count);
		explain_absent(count);
	}
	count->previous = count->groups;
	count->groups = older;
	groups_clear(count->groups);
	return out_flush(&count->session.out) == 0;
}

static void repeat(struct ctcount *count)
{
	struct timespec next;

	session_asks_again(&count->session);
	count->previous = new_groups(count);
	clock_gettime(CLOCK_MONOTONIC, &next);
	for (unsigned long long i = 0; !session_stopped(&count->session); i++) {
		if (!sample(count, i) || i + 1 == count->samples)
			break;
		sleep_until(&next, count->interval);
	}
}

static void print_once(struct ctcount *count)
{
	tabulate(count->tabulation, count->groups, NULL, now());
	explain_narrow(count);
	explain_absent(count);
	if (!count->seen)
		session_explain_empty(&count->session);
	if (count->events)
		warnx("%llu events were counted as flows, each event of a flow anew: ctwatch --summary "
		      "counts events", count->events);
	if (count->others && !count->seen)
		warnx("%llu expectations are not counted: ctlist --table expect lists them", count->others);
}

int main(int argc, char **argv)
{
	struct ctcount count = { 0 };
	int status;

	session_start(&count.session, &command, argc, argv);
	make_plan(&count);
	if (count.options.repeated) {
		repeat(&count);
	} else {
		read_all(&count);
		if (!session_unread(&count.session))
			print_once(&count);
	}
	status = session_end(&count.session);
	tabulate_free(count.tabulation);
	groups_free(count.groups);
	groups_free(count.previous);
	return status;
}
