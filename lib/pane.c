/* What can stand in the place of the table: the help, and one flow with all that is known of it. */
#include "top.h"

#include "key.h"

static void scroll_pane(struct top *top, size_t count, unsigned lines)
{
	size_t most = count > lines ? count - lines : 0;

	top->pane_count = count;
	top->pane_shown = count < lines ? count : lines;
	if (top->pane_scroll > most)
		top->pane_scroll = most;
}

static const struct { enum style style; const char *sample, *help; } legend[] = {
	{ STYLE_GOOD, "+ row", "new since the last sample" },
	{ STYLE_GONE, "- row", "just gone, stays for one interval" },
	{ STYLE_ALARM, "1/s", "packets or flows are being lost" },
};

static void legend_lines(struct page *page)
{
	for (unsigned i = 0; i < sizeof(legend) / sizeof(*legend); i++) {
		page_line(page);
		page_text(page, STYLE_PLAIN, "  ");
		page_text(page, legend[i].style, legend[i].sample);
		page_wrapped(page, STYLE_PLAIN, legend[i].help, 20);
	}
}

/* What was drawn from line `first` on moves up by the scroll, into `lines` lines. */
static void show_part(struct top *top, struct page *page, unsigned first, unsigned lines)
{
	unsigned count = page->lines_count - first;

	scroll_pane(top, count, lines);
	count -= top->pane_scroll;
	memmove(&page->lines[first], &page->lines[first + top->pane_scroll], count * sizeof(*page->lines));
	page->lines_count = first + (count < lines ? count : lines);
}

void render_help(struct top *top, struct page *page, unsigned lines)
{
	unsigned first = page->lines_count;

	for (const struct key *key = keys; key->name; key++) {
		page_line(page);
		page_format(page, STYLE_KEY, "  %s", key->name);
		page_wrapped(page, STYLE_PLAIN, key->help, 20);
	}
	page_line(page);
	legend_lines(page);
	show_part(top, page, first, lines);
}

static void detail_title(struct page *page, const struct top *top, const struct row *row)
{
	const struct flow *flow = &row->group.flow;
	struct out out;

	out_init(&out, -1);
	out_text(&out, proto_name(flow->protonum) ? proto_name(flow->protonum) : "flow");
	out_text(&out, " ");
	out_room(&out, OUT_ROOM);
	put_endpoint(&out, flow->family, &flow->orig.src, flow->has & HAS_ORIG_PORTS);
	out_text(&out, page->utf8 ? " \u2192 " : " -> ");
	out_room(&out, OUT_ROOM);
	put_endpoint(&out, flow->family, &flow->orig.dst, flow->has & HAS_ORIG_PORTS);
	page_line(page);
	page_text(page, STYLE_HEADING, " ");
	page_mem(page, STYLE_HEADING, out.buf, out_length(&out));
	if (top->sample.watched_gone)
		page_text(page, STYLE_ALARM, " gone ");
	else if (top->sample.watched_left)
		page_text(page, STYLE_ALARM, " no longer passes the filter ");
	page_to(page, STYLE_HEADING, top->width);
	out_release(&out);
}

static void put_value(struct out *out, const struct top *top, const struct field *field,
		      const struct flow *flow)
{
	struct field own = *field;

	own.labels = top->labels;
	out_clear(out);
	out_room(out, OUT_ROOM);
	own.kind->text(out, &own, flow);
}

/* The columns where values and explanations begin: as far to the left as all lines allow. */
struct detail {
	const struct field *list[256];
	unsigned count, value, help;
};

static void measure(struct detail *detail, const struct top *top, const struct flow *flow)
{
	unsigned most;		/* a longer value moves its own explanation only */
	unsigned name = 0, value = 0;
	struct out out;

	for (unsigned i = 0; i < detail->count; i++) {
		unsigned length = strlen(detail->list[i]->name);

		name = length > name ? length : name;
	}
	detail->value = name + 4;
	most = top->width > detail->value ? (top->width - detail->value) / 3 : 0;
	out_init(&out, -1);
	for (unsigned i = 0; i < detail->count; i++) {
		unsigned length;

		put_value(&out, top, detail->list[i], flow);
		length = out_length(&out);
		value = length > value && length <= most ? length : value;
	}
	out_release(&out);
	detail->help = detail->value + value + 2;
}

static void put_help(struct page *page, const struct top *top, const char *text)
{
	unsigned room = top->width > page_column(page) ? top->width - page_column(page) : 0;

	if (strlen(text) < room) {
		page_text(page, STYLE_DIM, text);
	} else if (room > 3) {
		page_mem(page, STYLE_DIM, text, room - 2);
		page_text(page, STYLE_DIM, page->utf8 ? "\u2026" : "~");
	}
}

static void detail_line(struct page *page, const struct top *top, const struct detail *detail,
			const struct field *field, const struct flow *flow)
{
	struct out out;

	out_init(&out, -1);
	put_value(&out, top, field, flow);
	page_line(page);
	page_format(page, STYLE_KEY, "  %s", field->name);
	page_to(page, STYLE_PLAIN, detail->value);
	page_mem(page, STYLE_BOLD, out.buf, out_length(&out));
	page_to(page, STYLE_PLAIN, detail->help - 1);
	page_text(page, STYLE_PLAIN, " ");
	put_help(page, top, field->help);
	out_release(&out);
}

/* Every field that this flow has, and its rates. */
static unsigned detail_fields(const struct flow *flow, const struct field **list)
{
	static const char *const rates[] = { "bytes_per_second", "packets_per_second" };
	unsigned count = 0;

	for (const struct field *field = fields; field->name; field++)
		if ((field->in & (IN_FLOW | IN_EVENT)) && field_present(field, flow) && !(field->in & JOINED))
			list[count++] = field;
	for (unsigned i = 0; i < 2; i++) {
		const struct field *field = row_field(rates[i], strlen(rates[i]));

		if (field_present(field, flow))
			list[count++] = field;
	}
	return count;
}

static void render_flow(struct top *top, struct page *page, unsigned lines)
{
	const struct row *row = top->sample.watched_row;
	const struct flow *flow = &row->group.flow;
	struct detail detail = { .count = 0 };

	detail.count = detail_fields(flow, detail.list);
	measure(&detail, top, flow);
	scroll_pane(top, detail.count, lines ? lines - 1 : 0);
	detail_title(page, top, row);
	for (unsigned i = top->pane_scroll; i < detail.count && i + 1 < top->pane_scroll + lines; i++)
		detail_line(page, top, &detail, detail.list[i], flow);
}

/* A counter with what it means on this kernel; the text goes on in further lines. */
static void counter_lines(const struct top *top, struct page *page, int i)
{
	const struct stats *stats = &top->vitals.now;
	const struct sense *sense = counter_sense(&counters[i], &stats->kernel);
	const char *text = sense && sense->text ? sense->text : "";
	const unsigned indent = 34;
	double rate;

	page_line(page);
	page_format(page, STYLE_KEY, "  %-16s", counters[i].name);
	page_format(page, STYLE_BOLD, "%10llu", (unsigned long long)stats->total[i]);
	if (vitals_rate(&top->vitals, i, NULL, &rate))
		page_format(page, rate > 0 ? STYLE_BAD : STYLE_DIM, " %.0f/s", rate);
	page_wrapped(page, STYLE_DIM, text, indent);
}

static void render_counters(struct top *top, struct page *page, unsigned lines)
{
	unsigned first = page->lines_count;

	for (int i = 0; i < COUNTERS; i++)
		if (stats_has(&top->vitals.now, i))
			counter_lines(top, page, i);
	show_part(top, page, first, lines);
}

void render_detail(struct top *top, struct page *page, unsigned lines)
{
	if (top->sample.view->rows == ROWS_CPUS)
		render_counters(top, page, lines);
	else
		render_flow(top, page, lines);
}
