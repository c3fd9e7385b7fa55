/* Groups as lines for the printer: a struct line begins with a struct flow, as rows do. */
#include "tabulate.h"

#include "matrix.h"
#include "memory.h"
#include "rank.h"

#include <stdio.h>
#include <stdlib.h>

/* So many lines give a table its widths, and those that are no groups. */
enum { MEASURED = 1000 };

enum { FIXED = 64, NAME_SIZE = 80, AHEAD = 4 };

/* What a line has, in the bits of its flow: the keys from 0, their ports from 16, sums from 32. */
enum { PORT_BIT = 16, SUM_BIT = 32, TIME_BIT = 48, WORD_BIT, PERCENT_BIT, DELTA_BIT };

enum part { PART_TIME, PART_GROUP, PART_KEY, PART_COUNT, PART_PERCENT, PART_UNREPLIED, PART_DELTA,
	PART_ACROSS, PART_SUM };

struct column {
	enum part part;
	unsigned index;			/* of the key or sum */
	bool shown;
	struct field field;
	char name[NAME_SIZE];
};

struct line {
	struct group_row row;
	const char *word;		/* "others", "total" */
	const struct field *first;	/* what stands where the word would */
	uint64_t time, count, unreplied, sum[GROUP_SUMS];
	uint64_t *cells;
	uint64_t matched;		/* of which count is a share */
	int64_t delta;
};

struct tabulation {
	struct out *out;
	struct print_options print;
	struct tabulate_options options;
	struct column columns[FIXED];
	unsigned columns_count;
	const struct column *chosen[FIXED];
	unsigned chosen_count;
	unsigned keys_count, sums_count;
	bool across;
	struct kind first_kind;		/* of the first key in a table: shows the word as well */
	struct field first, wrapped;
	char *heading;			/* of the csv that was printed last */
	/* the sample at work */
	struct ranking ranking;
	struct matrix matrix;
	struct field *cells;		/* a field per column of the matrix */
	uint64_t time;
	bool change;
	unsigned narrow;		/* columns left out of it */
};

static const struct line *line_of(const struct flow *flow)
{
	return (const void *)flow;
}

static void text_first(struct out *out, const struct field *field, const struct flow *flow)
{
	const struct line *line = line_of(flow);

	(void)field;
	if (line->word)
		put_mem(out, line->word, strlen(line->word));
	else if (field_present(line->first, flow))
		line->first->kind->text(out, line->first, flow);
	else
		put_char(out, '-');
}

static const char *colour_first(const struct field *field, const struct flow *flow)
{
	const struct line *line = line_of(flow);

	(void)field;
	if (line->word || !line->first->kind->colour || !field_present(line->first, flow))
		return NULL;
	return line->first->kind->colour(line->first, flow);
}

/* The share in percent times `unit`, rounded. */
static uint64_t share(const struct flow *flow, unsigned unit)
{
	const struct line *line = line_of(flow);

	return (line->count * 100 * unit + line->matched / 2) / line->matched;
}

static void text_percent(struct out *out, const struct field *field, const struct flow *flow)
{
	uint64_t tenths = share(flow, 10);

	(void)field;
	put_number(out, tenths / 10);
	put_char(out, '.');
	put_char(out, '0' + tenths % 10);
}

static void raw_percent(struct out *out, const struct field *field, const struct flow *flow)
{
	uint64_t hundredths = share(flow, 100);

	(void)field;
	put_number(out, hundredths / 100);
	put_char(out, '.');
	put_char(out, '0' + hundredths / 10 % 10);
	put_char(out, '0' + hundredths % 10);
}

static void text_delta(struct out *out, const struct field *field, const struct flow *flow)
{
	int64_t delta = line_of(flow)->delta;

	(void)field;
	out_format(out, delta ? "%+lld" : "%lld", (long long)delta);
}

static void raw_delta(struct out *out, const struct field *field, const struct flow *flow)
{
	(void)field;
	out_format(out, "%lld", (long long)line_of(flow)->delta);
}

/* offset and size of the row are the halves of the cell's number. */
static void raw_cell(struct out *out, const struct field *field, const struct flow *flow)
{
	put_number(out, line_of(flow)->cells[field->offset | (uint32_t)field->size << 16]);
}

static void raw_word(struct out *out, const struct field *field, const struct flow *flow)
{
	(void)field;
	out_text(out, line_of(flow)->word);
}

static const struct kind kind_percent = {
	.name = "percent", .right = true, .text = text_percent, .raw = raw_percent,
};
static const struct kind kind_delta = {
	.name = "number", .right = true, .text = text_delta, .raw = raw_delta,
};
static const struct kind kind_cell = {
	.name = "number", .right = true, .text = raw_cell, .raw = raw_cell,
};
static const struct kind kind_word = {
	.name = "text", .quoted = true, .text = raw_word, .raw = raw_word,
};

#define LINE(member) offsetof(struct line, member), sizeof(((struct line *)0)->member)

/* The columns around the keys, in their order. */
static const struct {
	enum part part;
	struct field field;
} parts[] = {
	{ PART_TIME, { "time", "TIME", &kind_time, LINE(time), 24, 0, HAS(TIME_BIT) } },
	{ PART_GROUP, { "group", "GROUP", &kind_word, 0, 0, 6, 0, HAS(WORD_BIT) } },
	{ PART_KEY },
	{ PART_COUNT, { "count", "COUNT", &kind_number, LINE(count), 7, 0, 0 } },
	{ PART_PERCENT, { "percent", "PERCENT", &kind_percent, 0, 0, 7, 0, HAS(PERCENT_BIT) } },
	{ PART_UNREPLIED, { "unreplied", "UNREPLIED", &kind_number, LINE(unreplied), 9, 0, 0 } },
	{ PART_DELTA, { "delta", "CHANGE", &kind_delta, 0, 0, 7, 0, HAS(DELTA_BIT) } },
	{ PART_ACROSS, { "across", "", &kind_cell } },
	{ PART_SUM },
};

static struct column *add_column(struct tabulation *tabulation, enum part part, unsigned index,
				 const struct field *field)
{
	struct column *column = &tabulation->columns[tabulation->columns_count++];

	column->part = part;
	column->index = index;
	column->field = *field;
	snprintf(column->name, sizeof(column->name), "%s%s", part == PART_SUM ? "sum." : "",
		 field->name);
	column->field.name = column->name;
	return column;
}

/* The place of the value in struct group_row is that which groups_keys() tells. */
static void add_key(struct tabulation *tabulation, unsigned index, const struct field *key)
{
	struct field *field = &add_column(tabulation, PART_KEY, index, key)->field;

	field->has = HAS(index);
	field->uses = HAS(PORT_BIT + index);
	field->labels = tabulation->print.names;
}

static void add_sum(struct tabulation *tabulation, unsigned index, const struct field *sum)
{
	struct field *field = &add_column(tabulation, PART_SUM, index, sum)->field;

	field->kind = &kind_number;
	field->offset = offsetof(struct line, sum) + index * sizeof(uint64_t);
	field->size = sizeof(uint64_t);
	field->has = HAS(SUM_BIT + index);
}

static const struct field *in_table(const struct field *field)
{
	return field_find(field->name, strlen(field->name));
}

static int by_place(const void *a, const void *b)
{
	const unsigned *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* JSON has the keys of one object together, which is the order of the table of fields. */
static void order_fields(const struct tabulation *tabulation, const struct field *const *list,
			 unsigned count, unsigned *order)
{
	unsigned sort[GROUP_KEYS > GROUP_SUMS ? GROUP_KEYS : GROUP_SUMS];

	for (unsigned i = 0; i < count; i++)
		sort[i] = (unsigned)(in_table(list[i]) - fields) << 8 | i;
	if (tabulation->print.format == FORMAT_JSON)
		qsort(sort, count, sizeof(*sort), by_place);
	for (unsigned i = 0; i < count; i++)
		order[i] = sort[i] & 0xff;
}

static void add_keys(struct tabulation *tabulation, const struct group_plan *plan)
{
	const struct field *keys[GROUP_KEYS];
	unsigned order[GROUP_KEYS];

	for (unsigned i = 0; i < plan->keys_count; i++)
		keys[i] = &plan->keys[i];
	order_fields(tabulation, keys, plan->keys_count, order);
	for (unsigned i = 0; i < plan->keys_count; i++)
		add_key(tabulation, order[i], keys[order[i]]);
}

static void add_sums(struct tabulation *tabulation, const struct group_plan *plan)
{
	unsigned order[GROUP_SUMS];

	order_fields(tabulation, plan->sums, plan->sums_count, order);
	for (unsigned i = 0; i < plan->sums_count; i++)
		add_sum(tabulation, order[i], plan->sums[order[i]]);
}

/* Whether a part is shown unless columns are asked for. */
static bool preset(const struct tabulation *tabulation, enum part part)
{
	const struct tabulate_options *options = &tabulation->options;
	bool table = tabulation->print.format == FORMAT_TABLE;

	switch (part) {
	case PART_TIME:
		return options->repeated && !table;
	case PART_GROUP:
		return !table && (options->total || options->top || options->least);
	case PART_DELTA:
		return options->repeated;
	default:
		return true;
	}
}

struct tabulation *tabulate_new(struct out *out, const struct print_options *print,
				const struct group_plan *plan,
				const struct tabulate_options *options)
{
	struct tabulation *tabulation = must(calloc(1, sizeof(*tabulation)));

	tabulation->out = out;
	tabulation->print = *print;
	tabulation->options = *options;
	tabulation->keys_count = plan->keys_count;
	tabulation->sums_count = plan->sums_count;
	tabulation->across = plan->across;
	tabulation->ranking.keys_count = plan->keys_count;
	tabulation->ranking.top = options->top;
	tabulation->ranking.least = options->least;
	for (unsigned i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
		if (parts[i].part == PART_KEY)
			add_keys(tabulation, plan);
		else if (parts[i].part == PART_SUM)
			add_sums(tabulation, plan);
		else if (parts[i].part != PART_ACROSS || plan->across)
			add_column(tabulation, parts[i].part, 0, &parts[i].field);
	}
	for (unsigned i = 0; i < tabulation->columns_count; i++)
		tabulation->columns[i].shown = preset(tabulation, tabulation->columns[i].part);
	return tabulation;
}

void tabulate_free(struct tabulation *tabulation)
{
	if (!tabulation)
		return;
	free(tabulation->heading);
	free(tabulation);
}

static struct column *find_exact(struct tabulation *tabulation, const char *name, size_t length)
{
	for (unsigned i = 0; i < tabulation->columns_count; i++) {
		struct column *column = &tabulation->columns[i];

		if (!strncmp(column->name, name, length) && !column->name[length])
			return column;
	}
	return NULL;
}

/* A key or sum may be named shortly: src, bytes. */
static struct column *find_column(struct tabulation *tabulation, const char *name, size_t length)
{
	struct column *column = find_exact(tabulation, name, length);
	const struct field *field = column || !length ? NULL : field_find(name, length);
	char sum[NAME_SIZE];

	if (!field)
		return column;
	column = find_exact(tabulation, field->name, strlen(field->name));
	if (column)
		return column;
	snprintf(sum, sizeof(sum), "sum.%s", field->name);
	return find_exact(tabulation, sum, strlen(sum));
}

bool tabulate_order(struct tabulation *tabulation, const char *name, size_t length, bool descending)
{
	static const enum rank_by by[] = {
		[PART_COUNT] = RANK_COUNT, [PART_PERCENT] = RANK_COUNT, [PART_UNREPLIED] = RANK_UNREPLIED,
		[PART_DELTA] = RANK_DELTA, [PART_KEY] = RANK_KEY, [PART_SUM] = RANK_SUM,
	};
	const struct column *column = find_column(tabulation, name, length);
	struct ranking *ranking = &tabulation->ranking;

	if (!column || column->part == PART_ACROSS || column->part == PART_TIME ||
	    column->part == PART_GROUP || ranking->orders_count == RANK_ORDERS)
		return false;
	ranking->orders[ranking->orders_count++] =
		(struct rank_order){ by[column->part], column->index, descending };
	return true;
}

void tabulate_keep(struct tabulation *tabulation)
{
	for (unsigned i = 0; i < tabulation->columns_count; i++)
		if (tabulation->columns[i].shown)
			tabulation->chosen[tabulation->chosen_count++] = &tabulation->columns[i];
}

bool tabulate_column(struct tabulation *tabulation, const char *name, size_t length)
{
	struct column *column = find_column(tabulation, name, length);

	if (!column || tabulation->chosen_count == FIXED)
		return false;
	for (unsigned i = 0; i < tabulation->columns_count && !tabulation->chosen_count; i++)
		if (tabulation->columns[i].part != PART_GROUP || tabulation->print.format != FORMAT_JSON)
			tabulation->columns[i].shown = false;
	tabulation->chosen[tabulation->chosen_count++] = column;
	column->shown = true;
	return true;
}

static void line_clear(const struct tabulation *tabulation, struct line *line, const char *word)
{
	uint64_t *cells = line->cells;

	line->row.flow.has = 0;
	memset(&line->word, 0, sizeof(*line) - offsetof(struct line, word));
	memset(cells, 0, tabulation->matrix.count * sizeof(*cells));
	line->cells = cells;
	line->word = word;
	line->first = &tabulation->first;
}

/* Only here the bits of the flow become those of a line. */
static void line_keys(const struct tabulation *tabulation, struct line *line,
		      const struct group *group)
{
	uint64_t has = 0;

	groups_row(tabulation->ranking.groups, group, &line->row);
	for (unsigned i = 0; i < tabulation->keys_count; i++) {
		const struct field *key = groups_keys(tabulation->ranking.groups, i);

		if (!field_present(key, &line->row.flow))
			continue;
		has |= HAS(i);
		if (key->uses && (line->row.flow.has & key->uses) == key->uses)
			has |= HAS(PORT_BIT + i);
	}
	line->row.flow.has = has;
}

static void line_add(const struct tabulation *tabulation, struct line *line,
		     const struct ranked *ranked)
{
	const struct group *group = ranked->group;

	line->count += group->count;
	line->unreplied += group->unreplied;
	line->delta += ranked->delta;
	for (unsigned i = 0; i < tabulation->sums_count; i++) {
		if (!(group->summed >> i & 1))
			continue;
		line->row.flow.has |= HAS(SUM_BIT + i);
		line->sum[i] += group->sum[i];
	}
	matrix_add(&tabulation->matrix, group, line->cells);
}

static void line_finish(const struct tabulation *tabulation, struct line *line)
{
	uint64_t matched = tabulation->ranking.matched;

	line->time = tabulation->time;
	line->matched = matched;
	line->row.flow.has |= HAS(TIME_BIT) | (line->word ? HAS(WORD_BIT) : 0) |
			      (tabulation->change ? HAS(DELTA_BIT) : 0) |
			      (matched ? HAS(PERCENT_BIT) : 0);
}

static void sum_line(struct tabulation *tabulation, struct line *line, const char *word,
		     uint32_t first)
{
	line_clear(tabulation, line, word);
	for (uint32_t i = first; i < tabulation->ranking.count; i++)
		line_add(tabulation, line, &tabulation->ranking.list[i]);
	line_finish(tabulation, line);
}

/* Groups and cells come in another order than they lie in memory: what is needed soon is asked for. */
static void touch(const struct ranking *ranking, uint32_t i)
{
	if (i + 2 * AHEAD < ranking->kept)
		__builtin_prefetch(ranking->list[i + 2 * AHEAD].group);
	if (i + AHEAD < ranking->kept)
		__builtin_prefetch(groups_cell(ranking->groups, ranking->list[i + AHEAD].group));
}

/* Hands lines to the printer: the first `most` to measure, and all to print. */
static void each_line(struct tabulation *tabulation, struct printer *printer, struct line *line,
		      uint32_t most, void (*take)(struct printer *printer, const struct flow *flow))
{
	const struct ranking *ranking = &tabulation->ranking;

	for (uint32_t i = 0; i < ranking->kept && i < most; i++) {
		touch(ranking, i);
		line_clear(tabulation, line, NULL);
		line_keys(tabulation, line, ranking->list[i].group);
		line_add(tabulation, line, &ranking->list[i]);
		line_finish(tabulation, line);
		take(printer, &line->row.flow);
	}
	if (ranking->kept < ranking->count) {
		sum_line(tabulation, line, "others", ranking->kept);
		take(printer, &line->row.flow);
	}
	if (tabulation->options.total) {
		sum_line(tabulation, line, "total", 0);
		take(printer, &line->row.flow);
	}
}

/* In a table the first key shows the word as well. */
static const struct field *wrap_first(struct tabulation *tabulation, const struct field *field)
{
	tabulation->first = *field;
	tabulation->first_kind = *field->kind;
	tabulation->first_kind.text = text_first;
	tabulation->first_kind.colour = colour_first;
	tabulation->wrapped = *field;
	tabulation->wrapped.kind = &tabulation->first_kind;
	tabulation->wrapped.has = 0;
	return &tabulation->wrapped;
}

/* The values of keys lie where the groups at work say. */
static void place_keys(struct tabulation *tabulation)
{
	for (unsigned i = 0; i < tabulation->columns_count; i++) {
		struct column *column = &tabulation->columns[i];
		const struct field *key;

		if (column->part != PART_KEY)
			continue;
		key = groups_keys(tabulation->ranking.groups, column->index);
		column->field.kind = key->kind;
		column->field.offset = key->offset;
		column->field.size = key->size;
	}
}

static void make_cells(struct tabulation *tabulation)
{
	struct matrix *matrix = &tabulation->matrix;

	matrix_make(matrix, tabulation->ranking.groups, tabulation->print.names);
	tabulation->cells = must(calloc(matrix->count + 1, sizeof(*tabulation->cells)));
	for (uint32_t i = 0; i < matrix->count; i++)
		tabulation->cells[i] = (struct field){
			.name = matrix->names[i], .heading = matrix->names[i], .kind = &kind_cell,
			.offset = i & 0xffff, .size = i >> 16, .object = "across",
		};
}

/* The columns that are shown, with the matrix in its place. JSON keeps its order: there, what was
 * asked for is shown and the rest is not. The caller frees the list. */
static const struct field **list_columns(struct tabulation *tabulation, unsigned *count)
{
	size_t room = FIXED + (FIXED + 1) * (size_t)tabulation->matrix.count;
	const struct field **list = must(calloc(room, sizeof(*list)));
	bool chosen = tabulation->chosen_count && tabulation->print.format != FORMAT_JSON;
	bool first = tabulation->print.format == FORMAT_TABLE;
	unsigned all = chosen ? tabulation->chosen_count : tabulation->columns_count;

	*count = 0;
	for (unsigned i = 0; i < all; i++) {
		const struct column *column = chosen ? tabulation->chosen[i] : &tabulation->columns[i];

		if (!column->shown)
			continue;
		if (column->part == PART_ACROSS) {
			for (uint32_t j = 0; j < tabulation->matrix.count; j++)
				list[(*count)++] = &tabulation->cells[j];
			continue;
		}
		list[(*count)++] = first && column->part == PART_KEY
			? wrap_first(tabulation, &column->field) : &column->field;
		first = first && column->part != PART_KEY;
	}
	return list;
}

/* A csv of many samples has one heading, unless the columns of the matrix change. */
static bool same_heading(struct tabulation *tabulation, const struct field *const *list, unsigned count)
{
	struct out names;
	bool same;

	out_init(&names, -1);
	for (unsigned i = 0; i < count; i++)
		out_format(&names, "%s,", list[i]->name);
	out_mem(&names, "", 1);
	same = tabulation->heading && !strcmp(tabulation->heading, names.buf);
	free(tabulation->heading);
	tabulation->heading = must(strdup(names.buf));
	out_release(&names);
	return same;
}

unsigned tabulate_narrow(const struct tabulation *tabulation)
{
	return tabulation->narrow;
}

static void print_sample(struct tabulation *tabulation)
{
	struct print_options print = tabulation->print;
	struct line *line = must(calloc(1, sizeof(*line)));
	struct printer *printer;
	unsigned count;
	const struct field **list = list_columns(tabulation, &count);

	line->cells = must(calloc(tabulation->matrix.count + 1, sizeof(*line->cells)));
	if (print.format == FORMAT_CSV && same_heading(tabulation, list, count))
		print.header = false;
	printer = printer_new(tabulation->out, &print, list, count);
	if (print.format == FORMAT_TABLE)
		each_line(tabulation, printer, line, MEASURED, printer_measure);
	each_line(tabulation, printer, line, UINT32_MAX, printer_row);
	printer_end(printer);
	tabulation->narrow = printer_narrow(printer);
	printer_free(printer);
	free(line->cells);
	free(line);
	free(list);
}

void tabulate(struct tabulation *tabulation, struct groups *groups, const struct groups *previous,
	      uint64_t time)
{
	struct ranking *ranking = &tabulation->ranking;

	ranking_make(ranking, groups, previous);
	tabulation->time = time;
	tabulation->change = previous;
	place_keys(tabulation);
	make_cells(tabulation);
	print_sample(tabulation);
	free(tabulation->cells);
	matrix_release(&tabulation->matrix);
	ranking_release(ranking);
}
