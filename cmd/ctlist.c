/* ctlist: lists the flows of the connection tracking table. */
#include "session.h"
#include "sorter.h"

#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/utsname.h>
#include <unistd.h>

struct ctlist {
	struct session session;
	enum table table;
	unsigned long long limit;
	bool limited, count, quiet;
	bool silent;			/* nothing is printed: -q, or a capture goes to stdout */
	const char *sort;
	struct order orders[ORDERS];
	unsigned orders_count;
	/* at work */
	enum what what;
	struct printer *printer;
	struct sorter *sorter;
	unsigned long long matched, seen, others;
	uint64_t named, had;		/* HAS_ bits: of the columns in -o; what some flow has */
};

static const char *const tables[] = {
	[TABLE_CONNTRACK] = "conntrack", [TABLE_EXPECT] = "expect", [TABLE_DYING] = "dying",
	[TABLE_UNCONFIRMED] = "unconfirmed",
};

static const char *set_table(void *config, const char *argument)
{
	struct ctlist *list = config;

	for (unsigned i = 0; i < sizeof(tables) / sizeof(*tables); i++)
		if (!strcmp(argument, tables[i])) {
			list->table = i;
			return NULL;
		}
	return "not conntrack, expect, dying or unconfirmed";
}

static const char *set_limit(void *config, const char *argument)
{
	struct ctlist *list = config;

	list->limited = true;
	return cli_number(&list->limit, argument);
}

#define AT(member) offsetof(struct ctlist, member)
static const struct option_row options[] = {
	{ "sort", 's', "LIST", "SORT", "sort by fields, comma separated; -FIELD descends", cli_text, AT(sort) },
	{ "limit", 'n', "N", NULL, "print N flows at most; with --sort the first N in order", set_limit },
	{ "count", 'c', NULL, NULL, "print the number of flows only", cli_flag, AT(count) },
	{ "quiet", 'q', NULL, NULL, "print nothing: exit 0 if any flow matches, 1 if none", cli_flag, AT(quiet) },
	{ "table", 't', "TABLE", "conntrack,expect,dying,unconfirmed", "which table to list", set_table },
	{ NULL },
};

static const struct format_row formats[] = {
	{ "table", FORMAT_TABLE }, { "json", FORMAT_JSON }, { "csv", FORMAT_CSV },
	{ "conntrack", FORMAT_CONNTRACK }, { NULL },
};

static const char *const examples[] = {
	"ctlist tcp and dport 443", "connections to port 443",
	"ctlist -s -bytes -n 20", "the twenty largest (with accounting)",
	"ctlist -j udp port 53", "one JSON object a line",
	"ctlist -q dst 10.0.0.9 dport 5432 && echo open", "a question for a script",
	"ctlist snat.addr 203.0.113.50 snat.port 32768", "who was that?",
	"ctlist -r sosreport/conntrack_-L", "saved data, on any machine",
	NULL,
};

static const struct command command = {
	.name = "ctlist",
	.summary = "Lists the flows in the connection tracking table of Linux",
	.options = options,
	.shared = WITH_ALL | WITH_FILES | WITH_WRITE | WITH_COLUMNS | WITH_FILTER | WITH_NETNS | WITH_FORMAT,
	.fields = IN_FLOW | IN_EXPECT,
	.formats = formats,
	.examples = examples,
};

/* What is shown without -o; csv has the joined columns apart. */
static const char *preset(const struct ctlist *list)
{
	bool csv = list->session.format == FORMAT_CSV;

	if (list->what == WHAT_EXPECT)
		return csv ? "proto,src,sport,dst,dport,master.src,master.sport,master.dst,master.dport,timeout,helper,expect.flags"
			   : "proto,source,destination,master.src,master.dst,master.dport,timeout,helper,expect.flags";
	return csv ? "proto,state,src,sport,dst,dport,nat,snat.addr,snat.port,dnat.addr,dnat.port,timeout,status,packets,bytes"
		   : "proto,state,source,destination,nat,timeout,flags,packets,bytes";
}

static void read_orders(struct ctlist *list)
{
	const char *word = list->sort;

	if (!word)
		return;
	while (*word) {
		size_t length = strcspn(word, ",");
		bool minus = *word == '-';

		if (list->orders_count == ORDERS)
			cli_usage(&command, "--sort: more than %d fields", ORDERS);
		list->orders[list->orders_count++] = (struct order){
			session_field(&list->session, "sort", word + minus, length - minus), minus,
		};
		word += length;
		if (*word == ',' && !*++word)
			session_field(&list->session, "sort", "", 0);
	}
	if (!list->orders_count)
		cli_usage(&command, "--sort needs a field");
}

static uint64_t open_printer(struct ctlist *list)
{
	struct print_options print = session_print(&list->session);
	const struct field **columns;
	uint64_t want;
	unsigned count;

	if (list->count || list->silent)
		return 0;
	if (list->session.columns && list->session.format == FORMAT_CONNTRACK)
		cli_usage(&command, "--columns has no meaning with --format conntrack");
	columns = session_columns(&list->session, preset(list), &count);
	print.hide = !list->session.columns;
	print.keep = list->session.columns ? count : 0;
	list->printer = printer_new(&list->session.out, &print, columns, count);
	printer_optional(list->printer, field_find("packets", 7));
	printer_optional(list->printer, field_find("bytes", 5));
	want = list->session.format == FORMAT_CONNTRACK ? HAS_ALL & ~(HAS_IDLE | HAS_AGE)
							 : session_wants(columns, count);
	if (list->session.columns && *list->session.columns != '+')
		list->named = want;
	else if (list->session.columns && list->session.format != FORMAT_JSON)
		list->named = want & ~(HAS_ORIG_COUNTERS | HAS_REPLY_COUNTERS);	/* these stand there anyway */
	free(columns);
	if (list->orders_count)
		list->sorter = sorter_new(list->orders, list->orders_count, list->limit, want);
	for (unsigned i = 0; i < list->orders_count; i++)
		want |= list->orders[i].field->has;
	return want;
}

/* Both lists went with the per-CPU lists in 5.19; dying lists what could not be reported. */
static void check_table(const struct ctlist *list)
{
	unsigned major = 0, minor = 0;
	struct utsname name;

	if (list->table != TABLE_UNCONFIRMED || !list->session.live || uname(&name) < 0 ||
	    sscanf(name.release, "%u.%u", &major, &minor) != 2)
		return;
	if (major > 5 || (major == 5 && minor >= 19))
		errx(2, "this kernel (%s) does not list unconfirmed flows: none does since 5.19",
		     name.release);
}

/* False if no more flows are needed. */
static bool take(struct ctlist *list, const struct flow *flow)
{
	list->matched++;
	if (list->sorter) {
		sorter_add(list->sorter, flow);
		return true;
	}
	if (list->printer)
		printer_row(list->printer, flow);
	return !list->quiet && !(list->limited && list->matched >= list->limit);
}

/* False at the end of what was asked for. */
static bool take_all(struct ctlist *list, struct source *source)
{
	struct flow flow;

	while (source_flow(source, &flow)) {
		if (flow.what != list->what) {
			list->others++;
			continue;
		}
		list->seen++;
		list->had |= flow.has;
		if (filter_match(list->session.filter, &flow) && !take(list, &flow))
			return false;
	}
	return true;
}

static void read_all(struct ctlist *list, struct source *source)
{
	int result = 0;

	if (list->limited && !list->limit)
		return;
	while (!session_stopped(&list->session) && (result = source_read(source)) > 0)
		if (!take_all(list, source))
			return;
	if (result < 0 && errno != EINTR)
		session_fail(&list->session, "reading the table");
}

static void print_sorted(struct ctlist *list)
{
	struct flow flow;

	while (!session_stopped(&list->session) && sorter_next(list->sorter, &flow))
		printer_row(list->printer, &flow);
}

/* What was named: in the filter, to sort by, as a column. */
static uint64_t asked(const struct ctlist *list)
{
	uint64_t bits = list->session.filter->wants | list->named;

	for (unsigned i = 0; i < list->orders_count; i++)
		bits |= list->orders[i].field->has;
	return bits;
}

static void last_words(struct ctlist *list)
{
	if (list->sorter)
		print_sorted(list);
	if (list->printer)
		printer_end(list->printer);
	if (list->count && !list->silent)
		out_format(&list->session.out, "%llu\n", list->matched);
	if (!list->seen && !list->quiet && list->table == TABLE_CONNTRACK &&
	    !(list->limited && !list->limit))
		session_explain_empty(&list->session);
	if (list->seen && !list->quiet)
		session_explain_absent(&list->session, asked(list), list->had);
	if (list->others && !list->seen)
		warnx("%llu %s not shown: they need --table %s", list->others,
		      list->what == WHAT_FLOW ? "expectations are" : "flows are",
		      list->what == WHAT_FLOW ? "expect" : "conntrack");
}

/* With -q, no flow is an answer only if all were looked at. */
static int answer(const struct ctlist *list)
{
	const struct source *source = list->session.source;

	if (!list->quiet || list->matched)
		return 0;
	return session_stopped(&list->session) || (source && source_bad(source)) ? 2 : 1;
}

int main(int argc, char **argv)
{
	struct ctlist list = { .table = TABLE_CONNTRACK };
	struct source *source;
	uint64_t want;
	int status, found;

	session_start(&list.session, &command, argc, argv);
	list.what = list.table == TABLE_EXPECT ? WHAT_EXPECT : WHAT_FLOW;
	list.session.fields = list.what == WHAT_EXPECT ? IN_EXPECT : IN_FLOW;
	list.silent = list.quiet || (list.session.write && !strcmp(list.session.write, "-"));
	read_orders(&list);
	check_table(&list);
	want = open_printer(&list);
	source = session_dump(&list.session, list.table, want);
	if (source)
		read_all(&list, source);
	if (!session_unread(&list.session))
		last_words(&list);
	printer_free(list.printer);
	sorter_free(list.sorter);
	found = answer(&list);
	status = session_end(&list.session);
	return status ? status : found;
}
