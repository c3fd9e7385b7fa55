/* What can stand in the place of the table: the help, and one flow with all that is known of it. */
#include "top.h"

#include "key.h"

static void scroll_pane(struct top *top, size_t count, unsigned lines)
{
	size_t most = count > lines ? count - lines : 0;

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
		page_to(page, STYLE_PLAIN, 20);
		page_text(page, STYLE_PLAIN, legend[i].help);
	}
}

void render_help(struct top *top, struct page *page, unsigned lines)
{
	unsigned first = page->lines_count, total = sizeof(legend) / sizeof(*legend) + 1;
	size_t skip;

	for (const struct key *key = keys; key->name; key++)
		total++;
	scroll_pane(top, total, lines);
	skip = top->pane_scroll;
	for (const struct key *key = keys; key->name && page->lines_count - first < lines; key++) {
		if (skip) {
			skip--;
			continue;
		}
		page_line(page);
		page_format(page, STYLE_KEY, "  %s", key->name);
		page_to(page, STYLE_PLAIN, 19);
		page_text(page, STYLE_PLAIN, " ");
		page_text(page, STYLE_PLAIN, key->help);
	}
	if (page->lines_count - first + total - (total - 4) <= lines) {
		page_line(page);
		legend_lines(page);
	}
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
	page_to(page, STYLE_HEADING, top->width);
	out_release(&out);
}

static void detail_line(struct page *page, const struct top *top, const struct field *row_field_,
			const struct flow *flow)
{
	struct field field = *row_field_;
	struct out out;

	field.labels = top->labels;
	out_init(&out, -1);
	out_room(&out, OUT_ROOM);
	field.kind->text(&out, &field, flow);
	page_line(page);
	page_format(page, STYLE_KEY, "  %s", field.name);
	page_to(page, STYLE_PLAIN, 21);
	page_text(page, STYLE_PLAIN, " ");
	page_mem(page, STYLE_BOLD, out.buf, out_length(&out));
	page_to(page, STYLE_PLAIN, 52);
	page_text(page, STYLE_PLAIN, " ");
	page_text(page, STYLE_DIM, field.help);
	out_release(&out);
}

/* Every field that this flow has. */
void render_detail(struct top *top, struct page *page, unsigned lines)
{
	const struct row *row = top->sample.watched_row;
	const struct flow *flow = &row->group.flow;
	const struct field *tables[] = { fields, row_fields };
	unsigned first = page->lines_count;
	size_t skip, total = 1;

	for (const struct field *field = fields; field->name; field++)
		total += field_present(field, flow) && !(field->in & JOINED) && field->has;
	scroll_pane(top, total + 2, lines);
	skip = top->pane_scroll;
	detail_title(page, top, row);
	for (unsigned t = 0; t < 2; t++)
		for (const struct field *field = tables[t]; field->name; field++) {
			if (!field->has || !field_present(field, flow) || (field->in & JOINED))
				continue;
			if (skip)
				skip--;
			else if (page->lines_count - first < lines)
				detail_line(page, top, field, flow);
		}
}
