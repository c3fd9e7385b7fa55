/* Tests of cttop without its terminal: every view at several sizes as text, sorting, rates, identity.
 * The expected screens are tests/expected/cttop-*.txt; REFRESH=1 writes them anew. */
#include "key.h"
#include "source.h"
#include "top.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>
#include <linux/netfilter/nf_conntrack_common.h>

static const uint64_t second = 1000000000;
static const uint64_t start = UINT64_C(1790000000) * 1000000000;

/* Flows that the tests make up: TCP and UDP between a few addresses. */
static struct row made(uint32_t id, uint16_t dport, uint8_t state, uint64_t bytes)
{
	struct row row;
	struct flow *flow = &row.group.flow;

	memset(&row, 0, sizeof(row));
	flow->has = HAS_FAMILY | HAS_PROTO | HAS_ORIG_ADDR | HAS_ORIG_PORTS | HAS_REPLY_ADDR |
		    HAS_REPLY_PORTS | HAS_STATE | HAS_STATUS | HAS_ID | HAS_ORIG_COUNTERS |
		    HAS_REPLY_COUNTERS | HAS_TIMEOUT;
	flow->family = AF_INET;
	flow->protonum = flow->orig.protonum = flow->reply.protonum = IPPROTO_TCP;
	flow->orig.src.addr.word[0] = htonl(0x0a000000 + id % 7);
	flow->orig.dst.addr.word[0] = htonl(0xc0000201);
	flow->orig.src.port = 20000 + id;
	flow->orig.dst.port = dport;
	flow->reply.src = flow->orig.dst;
	flow->reply.dst = flow->orig.src;
	flow->id = id;
	flow->state = state;
	flow->status = IPS_SEEN_REPLY | IPS_CONFIRMED | IPS_ASSURED;
	flow->timeout = 100;
	flow->counters[0] = (struct counters){ bytes / 100, bytes };
	return row;
}

enum { SYN_SENT = 1, ESTABLISHED = 4, TIME_WAIT = 8 };

static void begin(struct top *top, unsigned seconds)
{
	sample_begin(&top->sample, start + seconds * second, 0);
}

static void dump(struct top *top, struct row row)
{
	sample_flow(&top->sample, &row);
}

static void end(struct top *top, unsigned seconds)
{
	sample_end(&top->sample, start + seconds * second);
	top->now = start + seconds * second;
	top_update(top);
}

static bool event(struct top *top, enum event what, struct row row)
{
	bool ours;

	row.group.flow.event = what;
	row.group.flow.has |= HAS_EVENT;
	if (what != EVENT_DESTROY)
		row.group.flow.has &= ~(HAS_ORIG_COUNTERS | HAS_REPLY_COUNTERS);
	ours = sample_event(&top->sample, &row);
	if (ours)
		eventlog_add(top->log, &row.group.flow);
	return ours;
}

/* Without names of services, which are those of the system. */
static void open_top(struct top *top)
{
	setenv("TZ", "UTC", 1);
	top_init(top);
	services_free(top->services);
	top->services = NULL;
	top->utf8 = true;
}

static void close_top(struct top *top)
{
	top_release(top);
}

/* The capture as one dump. */
static void load(struct top *top, const char *path, unsigned seconds)
{
	const char *files[] = { path };
	struct source *source = source_files(files, 1, NULL, NULL);
	struct row row;

	assert_non_null(source);
	source_want(source, HAS_ALL);
	begin(top, seconds);
	memset(&row, 0, sizeof(row));
	while (source_read(source) > 0)
		while (source_flow(source, &row.group.flow))
			if (row.group.flow.what == WHAT_FLOW)
				sample_flow(&top->sample, &row);
	source_close(source);
	end(top, seconds);
}

static void load_events(struct top *top, const char *path)
{
	const char *files[] = { path };
	struct source *source = source_files(files, 1, NULL, NULL);
	struct row row;

	assert_non_null(source);
	source_want(source, HAS_ALL);
	memset(&row, 0, sizeof(row));
	while (source_read(source) > 0)
		while (source_flow(source, &row.group.flow))
			if (sample_event(&top->sample, &row))
				eventlog_add(top->log, &row.group.flow);
	source_close(source);
	top_update(top);
}

static void draw(struct top *top, struct page *page, unsigned width, unsigned height)
{
	top->width = width;
	top->height = height;
	top_render(top, page);
}

static char *text_of(const struct page *page)
{
	struct out out;
	char *text;

	out_init(&out, -1);
	page_write(page, &out, 0);
	out_mem(&out, "", 1);
	text = strdup(out.buf);
	out_release(&out);
	return text;
}

static char *read_file(const char *path)
{
	char *text = calloc(1, 1 << 20);
	FILE *file = fopen(path, "r");

	if (file) {
		text[fread(text, 1, (1 << 20) - 1, file)] = '\0';
		fclose(file);
	}
	return text;
}

static void expect(const struct page *page, const char *name)
{
	char path[128], *text = text_of(page), *wanted;

	snprintf(path, sizeof(path), "tests/expected/cttop-%s.txt", name);
	if (getenv("REFRESH")) {
		FILE *file = fopen(path, "w");

		assert_non_null(file);
		fputs(text, file);
		fclose(file);
	}
	wanted = read_file(path);
	if (strcmp(text, wanted))
		print_error("%s: expected\n%s\ngot\n%s\n", path, wanted, text);
	assert_string_equal(text, wanted);
	free(text);
	free(wanted);
}

static void set_history(struct top *top)
{
	for (unsigned i = 0; i < 100; i++)
		vitals_history(&top->vitals, start + i * second, 40 + i % 30);
}

static void test_views(void **state)
{
	static const struct { unsigned width, height; } sizes[] = { { 80, 24 }, { 160, 50 }, { 40, 10 } };
	struct page page;
	struct top top;

	(void)state;
	open_top(&top);
	page_init(&page, 80, true);
	set_history(&top);
	for (const struct view *view = views; view->name; view++) {
		top_view(&top, view);
		load(&top, "tests/captures/mixed.pcap", 1);
		load(&top, "tests/captures/mixed.pcap", 2);
		if (view->rows == ROWS_EVENTS)
			load_events(&top, "tests/captures/conntrack-E-timestamp.txt");
		for (unsigned i = 0; i < 3; i++) {
			char name[64];

			draw(&top, &page, sizes[i].width, sizes[i].height);
			assert_int_equal(page.lines_count, sizes[i].height);
			snprintf(name, sizeof(name), "%s-%ux%u", view->name, sizes[i].width, sizes[i].height);
			expect(&page, name);
		}
		sample_filter(&top.sample, top.filter);
	}
	page_release(&page);
	close_top(&top);
}

static void test_plain(void **state)
{
	struct page page;
	struct top top;

	(void)state;
	open_top(&top);
	top.utf8 = false;
	page_init(&page, 80, false);
	top_view(&top, view_find("states"));
	set_history(&top);
	load(&top, "tests/captures/mixed.pcap", 1);
	draw(&top, &page, 100, 24);
	for (size_t i = 0; i < out_length(&page.text); i++)
		assert_true((unsigned char)page.text.buf[i] < 0x80);
	expect(&page, "plain");
	page_release(&page);
	close_top(&top);
}

/* How often a style is there. */
static unsigned count_style(const struct page *page, enum style style)
{
	unsigned count = 0;

	for (unsigned i = 0; i < page->lines_count; i++)
		for (unsigned j = 0; j < page->lines[i].count; j++)
			count += page->spans[page->lines[i].spans + j].style == style;
	return count;
}

static bool shows(const struct page *page, const char *text)
{
	char *all = text_of(page);
	bool found = strstr(all, text);

	free(all);
	return found;
}

static void lose(struct stats *stats, uint64_t seconds, uint32_t drop, uint32_t found)
{
	struct cpu *cpu = stats_cpu(stats, 1);

	stats->clock = seconds * second;
	stats->counters = (UINT64_C(1) << COUNTERS) - 1;
	cpu->count[counter_find("drop", 4)] = drop;
	cpu->count[counter_find("found", 5)] = found;
	stats_finish(stats);
}

/* Losses are loud in the header and in the table, where a total of long ago and other counters are not. */
static void test_losses(void **state)
{
	struct page page;
	struct top top;

	(void)state;
	open_top(&top);
	page_init(&page, 80, true);
	/* Two readings, then a gap: 77 in the last two seconds, none of them in the last one. */
	lose(&top.vitals.past[1], 1, 423, 1);
	lose(&top.vitals.past[2], 2, 577, 177);
	lose(&top.vitals.now, 3, 577, 177);
	vitals_compare(&top.vitals);
	top.vitals.time = start;
	top_view(&top, view_find("counters"));
	top_update(&top);
	draw(&top, &page, 80, 24);
	assert_int_equal(count_style(&page, STYLE_ALARM), 3);	/* the header, all CPUs, this one */
	assert_true(shows(&page, "\n total     577 "));
	assert_true(shows(&page, "\n all/s      77 "));
	assert_true(shows(&page, "\n 1/s        77 "));
	draw(&top, &page, 40, 10);
	assert_int_equal(count_style(&page, STYLE_ALARM), 3);
	page_release(&page);
	close_top(&top);
}

/* What has no room goes elsewhere: a note into a second line, the state to where the reason of an end would be. */
static void test_narrow(void **state)
{
	struct page page;
	struct top top;

	(void)state;
	open_top(&top);
	page_init(&page, 80, true);
	top_note(&top, 0, "%s", "accounting is off: no bytes; sysctl net.netfilter.nf_conntrack_acct=1 counts flows made from then on");
	top_view(&top, view_find("events"));
	for (unsigned i = 0; i < 2; i++) {
		struct row row = made(1, 443, ESTABLISHED, 0);

		row.group.flow.family = AF_INET6;
		row.group.flow.orig.src.addr.word[0] = htonl(0xfd000000);
		row.group.flow.orig.src.addr.word[3] = htonl(0x12345);
		row.group.flow.time = start;
		row.group.flow.reason = i;
		row.group.flow.has |= HAS_TIME | (i ? HAS_REASON : 0);
		event(&top, i ? EVENT_DESTROY : EVENT_NEW, row);
	}
	top_update(&top);
	draw(&top, &page, 80, 24);
	assert_true(shows(&page, "=1 counts\n   flows made from then on\n"));
	assert_true(shows(&page, " NEW     ESTABLISHED "));
	assert_true(shows(&page, " STATE/REASON "));
	draw(&top, &page, 160, 24);
	assert_true(shows(&page, " made from then on\n"));
	assert_true(shows(&page, " REASON "));
	assert_false(shows(&page, "/REASON"));
	top_key(&top, '?');
	draw(&top, &page, 40, 60);
	assert_true(shows(&page, " open the row: its\n                    flows; of a flow:\n                    every field\n"));
	page_release(&page);
	close_top(&top);
}

/* No size makes a line too long or a screen too high, in any mode. */
static void test_sizes(void **state)
{
	struct page page;
	struct top top;

	(void)state;
	open_top(&top);
	page_init(&page, 80, true);
	for (const struct view *view = views; view->name; view++) {
		top_view(&top, view);
		load(&top, "tests/captures/mixed.pcap", 1);
		load_events(&top, "tests/captures/conntrack-E-timestamp.txt");
		for (unsigned mode = 0; mode < 5; mode++) {
			if (mode == 1)
				top_key(&top, '?');
			if (mode == 2) {
				top_key(&top, '?');
				top_key(&top, 'f');
				for (const char *p = "tcp and nonsense"; *p; p++)
					top_key(&top, *p);
				top_key(&top, '\r');
			}
			if (mode == 3)
				top_key(&top, CODE_ESCAPE);
			if (mode == 4)
				top_key(&top, '\r');
			for (unsigned width = 1; width <= 300; width += width < 100 ? 3 : 40)
				for (unsigned height = 1; height <= 100; height += height < 30 ? 1 : 20) {
					draw(&top, &page, width, height);
					assert_true(page.lines_count <= height);
					for (unsigned i = 0; i < page.lines_count; i++)
						assert_true(page.lines[i].columns <= width);
				}
		}
		top_key(&top, CODE_BACKSPACE);
	}
	page_release(&page);
	close_top(&top);
}

static void check_order(struct top *top, const struct order *order)
{
	struct row before, row;

	for (size_t i = 0; i < top->listing.count; i++) {
		top_row(top, i, &row);
		if (i)
			if (order_compare(order, &before, &row) > 0)
				fail_msg("%s of %s is not in order (%d) at %zu: %d then %d", order->field->name, top->sample.view->name, order->descending, i, before.group.flow.state, row.group.flow.state);
		before = row;
	}
}

static void test_sorts(void **state)
{
	unsigned sorted = 0;
	struct top top;

	(void)state;
	open_top(&top);
	for (const struct view *view = views; view->name; view++) {
		if (!view->sort)
			continue;
		for (const struct view_column *column = view->columns; column->field; column++)
			for (int minus = 0; minus < 2; minus++) {
				char word[64];

				if (!view_field(column))
					continue;
				top_view(&top, view);
				snprintf(word, sizeof(word), "%s%s", minus ? "-" : "", column->field);
				assert_true(top_sort(&top, word));
				load(&top, "tests/captures/mixed.pcap", 1);
				assert_true(top.listing.count > 10);
				check_order(&top, &top.order);
				sorted++;
			}
	}
	assert_true(sorted > 100);
	assert_false(top_sort(&top, "nonsense"));
	close_top(&top);
}

/* Another order shows at once: before the dump that it asks for, and while one runs. */
static void test_sort_at_once(void **state)
{
	static const char *const names[] = { "flows", "ports" };
	struct page page;
	struct top top;

	(void)state;
	open_top(&top);
	page_init(&page, 120, true);
	for (unsigned dumping = 0; dumping < 2; dumping++)
		for (unsigned i = 0; i < 2; i++) {
			top_view(&top, view_find(names[i]));
			load(&top, "tests/captures/mixed.pcap", 1 + dumping);
			draw(&top, &page, 120, 30);
			if (dumping)
				begin(&top, 3);
			for (unsigned step = 0; step < 6; step++) {
				size_t count = top.listing.count;
				struct row row;

				top_key(&top, step % 2 ? 'r' : 's');
				draw(&top, &page, 120, 30);
				assert_int_equal(top.listing.count, count);
				check_order(&top, &top.order);
				top_row(&top, count - 1, &row);
				assert_true(row.group.flow.has & HAS_PROTO);
			}
		}
	page_release(&page);
	close_top(&top);
}

/* Rows whose flow has been forgotten since they were listed show nothing, and no other flow. */
static void test_forgotten(void **state)
{
	enum { FLOWS = 2 * KEPT };
	struct page page;
	struct row row;
	struct top top;

	(void)state;
	open_top(&top);
	page_init(&page, 80, true);
	top_view(&top, view_find("flows"));
	assert_true(top_sort(&top, "-bytes"));
	begin(&top, 0);
	for (unsigned i = 0; i < FLOWS; i++)
		dump(&top, made(i, 443, ESTABLISHED, i * 100));
	end(&top, 0);
	for (unsigned i = 0; i < KEPT; i++)
		event(&top, EVENT_NEW, made(FLOWS + i, 80, SYN_SENT, 0));
	draw(&top, &page, 80, 24);
	for (size_t i = 0; i < top.listing.count; i++) {
		uint64_t identity = top.listing.items[i].identity;

		top_row(&top, i, &row);
		assert_int_equal(row.identity, identity);
		assert_true(!(row.group.flow.has & HAS_ID) || seen_identity(&row.group.flow) == identity);
	}
	page_release(&page);
	close_top(&top);
}

static uint64_t number_of(struct top *top, size_t place, const char *name)
{
	const struct field *field = row_field(name, strlen(name));
	struct row row;

	top_row(top, place, &row);
	if (!field_present(field, &row.group.flow))
		return UINT64_MAX;
	return field->kind->number(field, &row.group.flow);
}

static void test_rates(void **state)
{
	struct top top;

	(void)state;
	open_top(&top);
	begin(&top, 0);
	dump(&top, made(1, 80, ESTABLISHED, 1000));
	dump(&top, made(2, 80, SYN_SENT, 500));
	end(&top, 0);
	assert_int_equal(number_of(&top, 0, "count"), 2);
	assert_int_equal(number_of(&top, 0, "states.ESTABLISHED"), 1);
	assert_true(number_of(&top, 0, "bytes_per_second") == UINT64_MAX);	/* one sample has no rate */
	begin(&top, 2);
	dump(&top, made(1, 80, ESTABLISHED, 5000));
	dump(&top, made(2, 80, SYN_SENT, 100));		/* zeroed by somebody: 100 since then */
	dump(&top, made(3, 80, ESTABLISHED, 700));	/* new: all of its bytes */
	dump(&top, made(3, 80, ESTABLISHED, 700));	/* told twice */
	end(&top, 2);
	assert_int_equal(number_of(&top, 0, "count"), 3);
	assert_int_equal(number_of(&top, 0, "bytes_per_second"), (4000 + 100 + 700) * 1000 / 2);
	assert_int_equal(number_of(&top, 0, "new_per_second"), 500);
	assert_true(top.sample.totals.fresh_rate == 0.5f);
	begin(&top, 3);
	dump(&top, made(1, 80, ESTABLISHED, 5000));
	end(&top, 3);
	assert_int_equal(number_of(&top, 0, "count"), 1);
	assert_true(top.sample.totals.gone_rate == 2.0f);
	assert_int_equal(number_of(&top, 0, "bytes_per_second"), 0);
	close_top(&top);
}

/* A dump for another view, in the middle of an interval: its rows have rates since the interval began, the
 * totals keep theirs, and at its end nothing is missing and nothing counted twice. */
static void test_extra(void **state)
{
	struct top top;

	(void)state;
	open_top(&top);
	for (unsigned i = 0; i < 2; i++) {
		begin(&top, i * 10);
		dump(&top, made(1, 80, ESTABLISHED, 1000 + i * 4000));
		dump(&top, made(4, 80, TIME_WAIT, 0));
		dump(&top, made(5, 80, TIME_WAIT, 0));
		if (i)
			dump(&top, made(2, 80, ESTABLISHED, 0));
		end(&top, i * 10);
	}
	event(&top, EVENT_NEW, made(3, 80, ESTABLISHED, 0));
	for (unsigned i = 0; i < 3; i++) {
		top_view(&top, view_find(i == 1 ? "ports" : "states"));
		sample_begin_extra(&top.sample, start + (11 + i) * second, 0);
		dump(&top, made(1, 80, ESTABLISHED, 7000));
		dump(&top, made(2, 80, ESTABLISHED, 0));
		dump(&top, made(3, 80, ESTABLISHED, 200));
		dump(&top, made(4, 80, TIME_WAIT, 0));
		dump(&top, made(5, 80, TIME_WAIT, 0));
		end(&top, 11 + i);
		assert_int_equal(number_of(&top, 0, "new_per_second"), 1000 / (1 + i));
		assert_int_equal(number_of(&top, 0, "bytes_per_second"), (2200 * 1000 + i / 2) / (1 + i));
		assert_true(number_of(&top, 0, "gone_per_second") == UINT64_MAX);
		assert_true(top.sample.totals.fresh_rate == 0.1f);
		assert_true(top.sample.totals.bytes_rate == 400);
	}
	event(&top, EVENT_DESTROY, made(4, 80, TIME_WAIT, 0));
	begin(&top, 20);
	dump(&top, made(1, 80, ESTABLISHED, 15000));
	dump(&top, made(2, 80, ESTABLISHED, 0));
	dump(&top, made(3, 80, ESTABLISHED, 200));
	dump(&top, made(5, 80, TIME_WAIT, 0));
	end(&top, 20);
	assert_int_equal(number_of(&top, 0, "new_per_second"), 100);
	assert_int_equal(number_of(&top, 0, "bytes_per_second"), 10200 * 1000 / 10);
	assert_int_equal(number_of(&top, 1, "gone_per_second"), 1000 / 7 + 1);
	assert_true(top.sample.totals.fresh_rate == 0.1f);
	assert_true(top.sample.totals.gone_rate == 0.1f);
	assert_true(top.sample.totals.bytes_rate == 1020);
	close_top(&top);
}

/* What comes to pass the filter is new there, without the bytes of its life before; what ceases to is gone. */
static void test_filtered_events(void **state)
{
	struct filter_error error;
	struct row row;
	struct top top;

	(void)state;
	open_top(&top);
	assert_null(top_filter(&top, "state ESTABLISHED", &error));
	top_view(&top, view_find("flows"));
	begin(&top, 0);
	dump(&top, made(1, 80, ESTABLISHED, 100));
	dump(&top, made(2, 80, SYN_SENT, 0));
	end(&top, 0);
	assert_int_equal(top.listing.count, 1);
	sample_watch(&top.sample, top.listing.items[0].identity, NULL);
	assert_true(event(&top, EVENT_UPDATE, made(2, 80, ESTABLISHED, 0)));
	assert_true(event(&top, EVENT_UPDATE, made(1, 80, TIME_WAIT, 0)));
	assert_false(event(&top, EVENT_DESTROY, made(1, 80, TIME_WAIT, 100)));
	assert_true(top.sample.watched_left && !top.sample.watched_gone);
	top_update(&top);
	assert_int_equal(top.sample.totals.flows, 1);
	for (size_t i = 0; i < top.listing.count; i++) {
		top_row(&top, i, &row);
		assert_int_equal(row.is_gone, row.group.flow.id == 1);
	}
	begin(&top, 1);
	dump(&top, made(2, 80, ESTABLISHED, 1000000));
	dump(&top, made(3, 80, ESTABLISHED, 1000000));
	row = made(4, 80, ESTABLISHED, 700);
	row.group.flow.has |= HAS_START;
	row.group.flow.start = start + second / 2;
	dump(&top, row);
	end(&top, 1);
	assert_true(top.sample.totals.fresh_rate == 3);
	assert_true(top.sample.totals.gone_rate == 1);
	assert_true(top.sample.totals.bytes_rate == 700);
	close_top(&top);
}

/* Between dumps events count, and the dump after them counts nothing twice. */
static void test_events(void **state)
{
	struct top top;

	(void)state;
	open_top(&top);
	begin(&top, 0);
	dump(&top, made(1, 80, ESTABLISHED, 0));
	end(&top, 0);
	assert_true(event(&top, EVENT_NEW, made(2, 80, SYN_SENT, 0)));
	top_update(&top);
	assert_int_equal(number_of(&top, 0, "count"), 2);
	assert_int_equal(number_of(&top, 0, "states.SYN_SENT"), 1);
	event(&top, EVENT_UPDATE, made(2, 80, ESTABLISHED, 0));
	top_update(&top);
	assert_int_equal(number_of(&top, 0, "states.SYN_SENT"), 0);
	assert_int_equal(number_of(&top, 0, "states.ESTABLISHED"), 2);
	event(&top, EVENT_DESTROY, made(1, 80, ESTABLISHED, 900));
	top_update(&top);
	assert_int_equal(number_of(&top, 0, "count"), 1);
	assert_int_equal(top.sample.totals.flows, 1);
	begin(&top, 1);
	dump(&top, made(2, 80, ESTABLISHED, 300));
	end(&top, 1);
	assert_int_equal(number_of(&top, 0, "count"), 1);
	assert_int_equal(number_of(&top, 0, "new_per_second"), 1000);
	assert_int_equal(number_of(&top, 0, "gone_per_second"), 1000);
	assert_int_equal(number_of(&top, 0, "bytes_per_second"), 1200 * 1000);
	assert_int_equal(eventlog_count(top.log), 3);
	close_top(&top);
}

/* While a dump runs, events of flows that it has not come to yet are left to it. */
static void test_events_in_dump(void **state)
{
	struct top top;

	(void)state;
	open_top(&top);
	begin(&top, 0);
	dump(&top, made(1, 80, ESTABLISHED, 0));
	dump(&top, made(2, 80, ESTABLISHED, 0));
	end(&top, 0);
	begin(&top, 1);
	event(&top, EVENT_DESTROY, made(2, 80, ESTABLISHED, 0));
	event(&top, EVENT_NEW, made(3, 80, SYN_SENT, 0));
	dump(&top, made(1, 80, TIME_WAIT, 0));
	event(&top, EVENT_UPDATE, made(1, 80, ESTABLISHED, 0));
	dump(&top, made(3, 80, SYN_SENT, 0));
	end(&top, 1);
	assert_int_equal(number_of(&top, 0, "count"), 2);
	assert_int_equal(number_of(&top, 0, "states.ESTABLISHED"), 1);
	assert_int_equal(number_of(&top, 0, "states.TIME_WAIT"), 0);
	assert_int_equal(number_of(&top, 0, "new_per_second"), 1000);
	assert_int_equal(number_of(&top, 0, "gone_per_second"), 1000);
	close_top(&top);
}

static void test_gone(void **state)
{
	struct row row;
	struct top top;

	(void)state;
	open_top(&top);
	begin(&top, 0);
	dump(&top, made(1, 80, ESTABLISHED, 0));
	dump(&top, made(2, 443, ESTABLISHED, 0));
	end(&top, 0);
	for (unsigned i = 1; i < 3; i++) {
		begin(&top, i);
		dump(&top, made(1, 80, ESTABLISHED, 0));
		end(&top, i);
		top_update(&top);		/* as after an event */
		assert_int_equal(top.listing.count, i == 1 ? 2 : 1);
	}
	top_row(&top, 0, &row);
	assert_false(row.is_gone);
	close_top(&top);
}

static void test_gone_flows(void **state)
{
	struct page page;
	struct row row;
	struct top top;

	(void)state;
	open_top(&top);
	page_init(&page, 80, true);
	top_view(&top, view_find("flows"));
	begin(&top, 0);
	dump(&top, made(1, 80, ESTABLISHED, 0));
	dump(&top, made(2, 443, ESTABLISHED, 0));
	end(&top, 0);
	begin(&top, 1);
	dump(&top, made(2, 443, ESTABLISHED, 0));
	end(&top, 1);
	assert_int_equal(top.listing.count, 2);
	event(&top, EVENT_DESTROY, made(2, 443, ESTABLISHED, 0));
	top_update(&top);
	for (size_t i = 0; i < 2; i++) {
		top_row(&top, i, &row);
		assert_true(row.is_gone);
	}
	begin(&top, 2);
	end(&top, 2);
	assert_int_equal(top.listing.count, 0);
	page_release(&page);
	close_top(&top);
}

static uint16_t selected_port(struct top *top)
{
	struct row row;

	top_row(top, top->cursor, &row);
	return row.group.flow.orig.dst.port;
}

/* The cursor stays with the row, and rows stay where they are while it moves. */
static void test_cursor(void **state)
{
	struct page page;
	struct top top;

	(void)state;
	open_top(&top);
	page_init(&page, 80, true);
	begin(&top, 0);
	for (unsigned i = 0; i < 30; i++)
		dump(&top, made(i, i < 20 ? 80 : i < 29 ? 443 : 22, ESTABLISHED, 0));
	end(&top, 0);
	draw(&top, &page, 80, 24);
	assert_int_equal(selected_port(&top), 80);
	top.ticks = second;
	top_key(&top, CODE_DOWN);
	assert_int_equal(selected_port(&top), 443);
	for (unsigned round = 1; round < 3; round++) {
		begin(&top, round);
		for (unsigned i = 0; i < 30; i++)
			dump(&top, made(100 + i, i < 20 ? 443 : i < 29 ? 22 : 80, ESTABLISHED, 0));
		if (round == 2)
			top.ticks += 10 * second;
		end(&top, round);
		assert_int_equal(selected_port(&top), 443);
		assert_int_equal(top.cursor, round == 1 ? 1 : 0);
	}
	top_key(&top, 'r');
	draw(&top, &page, 80, 24);
	assert_int_equal(selected_port(&top), 443);
	assert_int_equal(top.cursor, top.listing.count - 1);
	top_click(&top, 3, top.layout.first_row, false);
	assert_int_equal(top.cursor, top.scroll);
	page_release(&page);
	close_top(&top);
}

static void type(struct top *top, const char *text)
{
	for (; *text; text++)
		top_key(top, *text);
}

static void test_drill(void **state)
{
	struct page page;
	struct top top;

	(void)state;
	open_top(&top);
	page_init(&page, 80, true);
	begin(&top, 0);
	dump(&top, made(1, 80, ESTABLISHED, 0));
	dump(&top, made(2, 443, ESTABLISHED, 0));
	dump(&top, made(3, 443, TIME_WAIT, 0));
	end(&top, 0);
	top_key(&top, '\r');
	assert_string_equal(top.filter_text, "proto tcp and orig.dport 443");
	assert_string_equal(top.sample.view->name, "flows");
	assert_true(top.read_now);
	draw(&top, &page, 80, 24);
	assert_true(shows(&page, " Backspace back  Enter open "));
	begin(&top, 1);
	for (unsigned i = 1; i < 4; i++)
		dump(&top, made(i, i == 1 ? 80 : 443, ESTABLISHED, 0));
	end(&top, 1);
	assert_int_equal(top.listing.count, 2);
	top_key(&top, '\r');
	assert_int_equal(top.mode, MODE_DETAIL);
	draw(&top, &page, 80, 24);
	assert_non_null(strstr(page.text.buf, "orig.dport"));
	top_key(&top, CODE_BACKSPACE);
	assert_int_equal(top.mode, MODE_TABLE);
	top_key(&top, CODE_BACKSPACE);
	assert_string_equal(top.filter_text, "");
	assert_string_equal(top.sample.view->name, "ports");
	top_key(&top, CODE_BACKSPACE);		/* nothing to go back to */
	assert_string_equal(top.sample.view->name, "ports");
	page_release(&page);
	close_top(&top);
}

static void test_filter(void **state)
{
	struct top top;

	(void)state;
	open_top(&top);
	top_key(&top, 'f');
	type(&top, "tcp and dprt 443");
	top_key(&top, '\r');
	assert_int_equal(top.asking, ASK_FILTER);
	assert_int_equal(top.prompt.error_at, 8);
	assert_int_equal(top.prompt.error_length, 4);
	assert_string_equal(top.filter_text, "");
	for (unsigned i = 0; i < 3; i++)
		top_key(&top, CODE_LEFT);
	for (unsigned i = 0; i < 6; i++)
		top_key(&top, CODE_LEFT);
	top_key(&top, CTRL('k'));
	type(&top, "port 443");
	top_key(&top, '\r');
	assert_int_equal(top.asking, ASK_FILTER);	/* "tcp anport 443" */
	top_key(&top, CTRL('u'));
	type(&top, "port 443");
	top_key(&top, '\r');
	assert_int_equal(top.asking, ASK_NOTHING);
	assert_string_equal(top.filter_text, "port 443");
	top_key(&top, 'f');
	top_key(&top, CTRL('u'));
	type(&top, "udp");
	top_key(&top, '\r');
	top_key(&top, 'f');
	top_key(&top, CODE_UP);
	top_key(&top, CODE_UP);
	assert_string_equal(top.prompt.text, "port 443");
	top_key(&top, CODE_DOWN);
	assert_string_equal(top.prompt.text, "udp");
	top_key(&top, CODE_ESCAPE);
	assert_string_equal(top.filter_text, "udp");
	close_top(&top);
}

/* Whether all that is marked is this text, and something is. */
static bool marked(const struct page *page, const char *text)
{
	unsigned count = 0;

	for (unsigned i = 0; i < page->lines_count; i++)
		for (unsigned j = 0; j < page->lines[i].count; j++) {
			const struct span *span = &page->spans[page->lines[i].spans + j];

			if (span->style != STYLE_MATCH)
				continue;
			count++;
			if (span->length != strlen(text) || strncmp(page->text.buf + span->start, text, span->length))
				return false;
		}
	return count;
}

static void test_search(void **state)
{
	struct page page;
	struct top top;

	(void)state;
	open_top(&top);
	page_init(&page, 80, true);
	begin(&top, 0);
	for (unsigned i = 0; i < 50; i++)
		dump(&top, made(i, 8000 + i, ESTABLISHED, 0));
	end(&top, 0);
	draw(&top, &page, 80, 24);
	top_key(&top, '/');
	type(&top, "804");
	assert_int_equal(selected_port(&top), 8040);
	type(&top, "7");
	assert_int_equal(selected_port(&top), 8047);
	top_key(&top, CODE_BACKSPACE);
	draw(&top, &page, 80, 24);
	assert_true(marked(&page, "804"));
	top_key(&top, '\r');
	top_key(&top, 'N');
	assert_int_equal(selected_port(&top), 8048);
	top_key(&top, '/');
	type(&top, "8001");
	assert_int_equal(selected_port(&top), 8001);
	type(&top, "9999");
	assert_true(*top.prompt.error);
	/* Given up: the cursor is where it was, and nothing is marked. */
	top_key(&top, CODE_ESCAPE);
	assert_int_equal(selected_port(&top), 8048);
	draw(&top, &page, 80, 24);
	assert_false(marked(&page, ""));
	page_release(&page);
	close_top(&top);
}

/* What comes from outside cannot speak to the terminal. */
static void test_escapes(void **state)
{
	struct filter_error error;
	struct page page;
	struct top top;

	(void)state;
	open_top(&top);
	page_init(&page, 200, true);
	top.source = "evil\033[2J\nname\x9b";
	top_note(&top, 0, "%s", "\033]0;title\007");
	top_say(&top, true, "%s", "\033c");
	assert_null(top_filter(&top, "helper \033[31m", &error));
	load(&top, "tests/captures/mixed.pcap", 1);
	draw(&top, &page, 200, 40);
	for (size_t i = 0; i < out_length(&page.text); i++)
		assert_true((unsigned char)page.text.buf[i] >= ' ' && page.text.buf[i] != 0x7f);
	page_release(&page);
	close_top(&top);
}

static void test_keys(void **state)
{
	(void)state;
	for (const struct key *a = keys; a->name; a++) {
		assert_true(a->help && *a->help && a->act && a->codes[0]);
		for (unsigned i = 0; i < 5 && a->codes[i]; i++)
			assert_ptr_equal(key_with(a->codes[i]), a);
	}
	assert_null(key_with('x'));
	for (unsigned i = 0; i < view_count(); i++) {
		char help[128];

		snprintf(help, sizeof(help), "view %s: %s", views[i].name, views[i].help);
		assert_string_equal(key_with('1' + i)->help, help);
	}
}

static void test_seen(void **state)
{
	enum { KEYS = 5000 };
	static bool there[KEYS];
	struct seen *seen = seen_new();
	unsigned count = 0, seed = 7;

	(void)state;
	memset(there, 0, sizeof(there));
	for (unsigned i = 0; i < 200000; i++) {
		unsigned key = (seed = seed * 1103515245 + 12345) / 65536 % KEYS;
		uint64_t identity = key % 50 ? key + 1 : ((uint64_t)(key + 1) << 32) + 5;	/* with collisions */
		struct mark *mark = seen_find(seen, identity);

		assert_int_equal(mark != NULL, there[key]);
		if (mark) {
			assert_int_equal(mark->bytes, key);
			seen_remove(seen, mark);
		} else {
			seen_add(seen, identity)->bytes = key;
			seen_find(seen, identity)->round = key % 2;
		}
		there[key] = !there[key];
		count += there[key] ? 1 : -1;
		assert_int_equal(seen_count(seen), count);
	}
	for (unsigned key = 0; key < KEYS; key++)
		count -= there[key] && key % 2;
	seen_sweep(seen, 0);
	assert_int_equal(seen_count(seen), count);
	seen_free(seen);
}

/* More flows than are kept: the first in order are the right ones. */
static void test_kept(void **state)
{
	enum { FLOWS = 35000 };
	struct top top;

	(void)state;
	open_top(&top);
	top_view(&top, view_find("flows"));
	assert_true(top_sort(&top, "-bytes"));
	begin(&top, 0);
	for (unsigned i = 0; i < FLOWS; i++)
		dump(&top, made(i, 80, ESTABLISHED, (uint64_t)i * 7919 % FLOWS * 100));
	end(&top, 0);
	assert_int_equal(top.listing.total, FLOWS);
	assert_true(top.listing.count >= KEPT);
	for (unsigned i = 0; i < KEPT; i++)
		assert_int_equal(number_of(&top, i, "bytes"), (uint64_t)(FLOWS - 1 - i) * 100);
	close_top(&top);
}

static void test_human(void **state)
{
	static const struct { uint64_t value; const char *text; } rows[] = {
		{ 0, "0" }, { 999, "999" }, { 1000, "1.0k" }, { 9949, "9.9k" }, { 9950, "10k" },
		{ 999499, "999k" }, { 999500, "1.0M" }, { UINT64_MAX, "18E" },
	};
	struct out out;

	(void)state;
	out_init(&out, -1);
	for (unsigned i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		out_clear(&out);
		put_human(&out, rows[i].value);
		out_mem(&out, "", 1);
		assert_string_equal(out.buf, rows[i].text);
	}
	out_release(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_views), cmocka_unit_test(test_plain), cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_losses), cmocka_unit_test(test_narrow),
		cmocka_unit_test(test_sorts), cmocka_unit_test(test_sort_at_once),
		cmocka_unit_test(test_forgotten), cmocka_unit_test(test_rates), cmocka_unit_test(test_events),
		cmocka_unit_test(test_extra), cmocka_unit_test(test_filtered_events),
		cmocka_unit_test(test_events_in_dump), cmocka_unit_test(test_gone),
		cmocka_unit_test(test_gone_flows), cmocka_unit_test(test_cursor),
		cmocka_unit_test(test_drill), cmocka_unit_test(test_filter),
		cmocka_unit_test(test_search), cmocka_unit_test(test_escapes), cmocka_unit_test(test_keys),
		cmocka_unit_test(test_seen), cmocka_unit_test(test_kept), cmocka_unit_test(test_human),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
