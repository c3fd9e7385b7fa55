/* Writes samples as JSON: the numbers of the header, then the rows of the view. */
#include "samplejson.h"

#include "print.h"

#include <stdlib.h>

enum { MOST = 512 };

static void put_double(struct out *out, const char *key, double value)
{
	out_format(out, ",\"%s\":%.3f", key, value);
}

static void put_text(struct out *out, const char *key, const char *text)
{
	out_format(out, ",\"%s\":\"", key);
	out_json(out, text, strlen(text));
	out_text(out, "\"");
}

static void put_counters(const struct vitals *vitals, struct out *out)
{
	unsigned count = 0;

	out_text(out, ",\"counters\":{");
	for (unsigned i = 0; i < COUNTERS; i++) {
		double rate;

		if (!stats_has(&vitals->now, i))
			continue;
		out_format(out, "%s\"%s\":{\"total\":%llu", count++ ? "," : "", counters[i].name,
			   (unsigned long long)vitals->now.total[i]);
		if (vitals_rate(vitals, i, NULL, &rate))
			put_double(out, "rate", rate);
		out_text(out, "}");
	}
	out_text(out, "}");
}

static void put_vitals(const struct top *top, struct out *out)
{
	const struct vitals *vitals = &top->vitals;
	uint64_t entries;
	double share;

	if (vitals_entries(vitals, &entries))
		out_format(out, ",\"entries\":%llu", (unsigned long long)entries);
	if (vitals_share(vitals, &share))
		out_format(out, ",\"max\":%llu,\"percent\":%.2f", (unsigned long long)vitals->now.max,
			   share * 100);
	if (vitals->now.counters)
		put_counters(vitals, out);
}

static void put_totals(const struct top *top, struct out *out)
{
	const struct totals *totals = &top->sample.totals;

	out_format(out, ",\"flows\":%llu", (unsigned long long)totals->flows);
	if (!totals->rated)
		return;
	put_double(out, "new_per_second", totals->fresh_rate);
	put_double(out, "gone_per_second", totals->gone_rate);
	if (!totals->counted)
		return;
	put_double(out, "bytes_per_second", totals->bytes_rate);
	put_double(out, "packets_per_second", totals->packets_rate);
}

static void put_notes(const struct top *top, struct out *out)
{
	unsigned count = 0;

	out_text(out, ",\"notes\":[");
	for (unsigned i = 0; i < NOTES; i++)
		if (*top->notes[i]) {
			out_text(out, count++ ? ",\"" : "\"");
			out_json(out, top->notes[i], strlen(top->notes[i]));
			out_text(out, "\"");
		}
	out_text(out, "]");
}

static bool is_row_field(const struct field *field)
{
	return field->offset >= sizeof(struct flow);
}

static int by_table(const void *x, const void *y)
{
	const struct field *a = *(const struct field *const *)x, *b = *(const struct field *const *)y;

	if (is_row_field(a) != is_row_field(b))
		return is_row_field(a) ? 1 : -1;
	return a < b ? -1 : a > b;
}

/* A group has what its view shows at any level; a flow or an event has all that is known. */
static unsigned columns(const struct view *view, const struct field **list)
{
	unsigned in = view->rows == ROWS_FLOWS ? IN_FLOW : view->rows == ROWS_EVENTS ? IN_EVENT : 0;
	unsigned count = 0;

	for (const struct field *field = fields; field->name; field++)
		if ((field->in & in) && !(field->in & JOINED))
			list[count++] = field;
	for (const struct view_column *column = view->columns; column->field; column++) {
		const struct field *field = view_field(column);

		if (field && (!in || is_row_field(field)))
			list[count++] = field;
	}
	qsort(list, count, sizeof(*list), by_table);
	return count;
}

static void put_rows(struct top *top, struct out *out)
{
	struct print_options options = { .format = FORMAT_JSON, .names = top->labels };
	const struct field *list[MOST];
	unsigned count = columns(top->sample.view, list);
	struct printer *printer;
	struct row row;
	struct out line;

	out_init(&line, -1);
	printer = printer_new(&line, &options, list, count);
	out_format(out, ",\"rows_total\":%zu,\"rows\":[", top->listing.total);
	for (size_t i = 0; i < top->listing.count; i++) {
		top_row(top, i, &row);
		out_clear(&line);
		printer_row(printer, &row.group.flow);
		printer_end(printer);
		if (i)
			out_text(out, ",");
		out_mem(out, line.buf, out_length(&line) - 1);	/* without its newline */
	}
	out_text(out, "]");
	printer_free(printer);
	out_release(&line);
}

void sample_json(struct top *top, struct out *out)
{
	out_text(out, "{\"time\":\"");
	out_room(out, OUT_ROOM);
	put_time(out, top->now, 9);
	out_text(out, "\"");
	put_text(out, "view", top->sample.view->name);
	if (*top->filter_text)
		put_text(out, "filter", top->filter_text);
	if (top->sample.interval)
		put_double(out, "interval", top->sample.interval / 1e9);
	put_vitals(top, out);
	put_totals(top, out);
	put_notes(top, out);
	put_rows(top, out);
	out_text(out, "}\n");
}
