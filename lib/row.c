/* The fields of cttop's rows that flows do not have, and their kinds. */
#include "row.h"

#include "page.h"

#define AT(member) offsetof(struct row, member), sizeof(((struct row *)0)->member)
#define STATE(name, code, heading) \
	{ "states." name, heading, &kind_count, AT(states[code]), 5, 0, 0, 0, "flows in " name }

#define COUNTER(i, name, heading, help) \
	{ name, heading, &kind_rate, AT(counters[i]), 7, 0, HAS(i), 0, help }

static uint64_t load(const struct field *field, const struct flow *flow)
{
	return *(const uint64_t *)field_value(field, flow);
}

static int compare(const struct field *field, const struct flow *a, const struct flow *b)
{
	uint64_t x = load(field, a), y = load(field, b);

	return (x > y) - (x < y);
}

static void text_rate(struct out *out, const struct field *field, const struct flow *flow)
{
	put_rate(out, load(field, flow));
}

static void raw_rate(struct out *out, const struct field *field, const struct flow *flow)
{
	out_format(out, "%.3f", load(field, flow) / 1000.0);
}

const struct kind kind_rate = {
	.name = "rate", .right = true, .ordered = true, .text = text_rate, .raw = raw_rate,
	.number = load, .compare = compare,
};

static void text_percent(struct out *out, const struct field *field, const struct flow *flow)
{
	out_format(out, "%.1f", load(field, flow) / 100.0);
}

static void raw_percent(struct out *out, const struct field *field, const struct flow *flow)
{
	out_format(out, "%.2f", load(field, flow) / 100.0);
}

const struct kind kind_percent = {
	.name = "percent", .right = true, .ordered = true, .text = text_percent, .raw = raw_percent,
	.number = load, .compare = compare,
};

const struct field row_fields[] = {
	{ "service", "SERVICE", &kind_text, AT(service), 8, 0, ROW_SERVICE, 0,
	  "name of the port in /etc/services" },
	{ "count", "FLOWS", &kind_count, AT(count), 6, 0, 0, 0, "flows" },
	{ "percent", "%", &kind_percent, AT(percent), 5, 0, 0, 0, "share of all flows that are shown" },
	{ "unreplied", "UN-\nREPLIED", &kind_count, AT(unreplied), 5, 0, 0, 0,
	  "flows that were never answered" },
	STATE("SYN_SENT", 1, "SYN\nSENT"),
	STATE("SYN_SENT2", 2, "SYN\nSENT2"),
	STATE("SYN_RECV", 3, "SYN\nRECV"),
	STATE("ESTABLISHED", 4, "ESTAB-\nLISHED"),
	STATE("FIN_WAIT", 5, "FIN\nWAIT"),
	STATE("CLOSE_WAIT", 6, "CLOSE\nWAIT"),
	STATE("LAST_ACK", 7, "LAST\nACK"),
	STATE("TIME_WAIT", 8, "TIME\nWAIT"),
	STATE("CLOSE", 9, "\nCLOSE"),
	{ "ports.low", "LOW", &kind_count, AT(low), 5, 0, 0, 0, "lowest translated source port in use" },
	{ "ports.high", "HIGH", &kind_count, AT(high), 5, 0, 0, 0, "highest translated source port in use" },
	{ "ports.share", "USED%", &kind_percent, AT(share), 5, 0, 0, 0,
	  "ports in use of the 64512 that source NAT may choose for one remote address and port" },
	{ "new_per_second", "NEW/S", &kind_rate, AT(fresh), 5, 0, ROW_RATED, 0, "new flows per second" },
	{ "gone_per_second", "GONE/S", &kind_rate, AT(gone), 6, 0, ROW_ENDED, 0, "ended flows per second" },
	{ "bytes_per_second", "BYTES/S", &kind_rate, AT(bytes), 7, 0, ROW_RATED | ROW_COUNTED, 0,
	  "bytes per second, both directions; with accounting" },
	{ "packets_per_second", "PKTS/S", &kind_rate, AT(packets), 6, 0, ROW_RATED | ROW_COUNTED, 0,
	  "packets per second, both directions; with accounting" },
	{ "cpu", "CPU", &kind_text, AT(cpu), 5, 0, 0, 0, "processor, or all of them" },
	COUNTER(0, "drop", "\nDROP", "packets that conntrack dropped"),
	COUNTER(1, "insert_failed", "INSERT\nFAILED", "first packets of new flows that were dropped"),
	COUNTER(2, "early_drop", "EARLY\nDROP", "entries evicted to make room"),
	COUNTER(3, "invalid", "\nINVALID", "packets that got no flow"),
	COUNTER(4, "chaintoolong", "CHAIN\nTOOLONG", "first packets dropped because a hash chain was too long"),
	COUNTER(5, "error", "ICMP\nERROR", "ICMP errors that fit no flow"),
	COUNTER(6, "clash_resolve", "CLASH\nRESOLVE", "races of two packets that cost nothing"),
	COUNTER(7, "found", "\nFOUND", "ports that NAT wanted and that were taken"),
	COUNTER(8, "search_restart", "SEARCH\nRESTART", "lookups that had to begin again"),
	COUNTER(9, "insert", "\nINSERT", "entries made by programs"),
	{ NULL },
};

const char *const row_counters[CPU_COUNTERS] = {
	"drop", "insert_failed", "early_drop", "invalid", "chaintoolong", "error", "clash_resolve",
	"found", "search_restart", "insert",
};

const struct field *row_field(const char *name, size_t length)
{
	for (const struct field *field = row_fields; field->name; field++)
		if (!strncmp(field->name, name, length) && !field->name[length])
			return field;
	return field_find(name, length);
}

static uint64_t thousandths(float rate)
{
	return rate > 0 ? rate * 1000.0 + 0.5 : 0;
}

static uint64_t hundredths(double part, double total)
{
	return total > 0 ? part / total * 10000.0 + 0.5 : 0;
}

void row_finish(struct row *row, uint64_t total)
{
	const struct sums *sums = &row->sums;

	row->count = sums->count;
	row->unreplied = sums->unreplied;
	row->percent = hundredths(sums->count, total);
	row->share = hundredths(sums->count, NAT_PORTS);
	row->low = sums->low;
	row->high = sums->high;
	row->fresh = thousandths(sums->fresh_rate);
	row->gone = thousandths(sums->gone_rate);
	row->bytes = thousandths(sums->bytes_rate);
	row->packets = thousandths(sums->packets_rate);
	for (unsigned i = 0; i < TCP_STATES; i++)
		row->states[i] = sums->states[i];
	if (sums->rated)
		row->group.flow.has |= ROW_RATED;
	if (sums->ended)
		row->group.flow.has |= ROW_ENDED;
	if (sums->counted)
		row->group.flow.has |= ROW_COUNTED;
}
