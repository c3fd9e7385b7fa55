/* Lays out rows. The plan is made once per run; a row is then a walk over it. */
#include "print.h"

#include "conntrack.h"
#include "memory.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

enum { SAMPLE = 256, TIGHT = 6, LEAST = 9, USUAL = 15, GOOD = 17, FEW = 4, ROW_ROOM = 16384, FLUSH = 96 * 1024, OBJECTS = 32 };

struct column {
	struct field field;
	unsigned width;
	bool optional, hidden, seen;
	unsigned object;
	char *key;		/* `,"key":` */
	size_t key_length;
};

/* A JSON object within the row; the row itself is number 0. */
struct object {
	char path[64];
	char open[72];		/* `,"name":{` */
	unsigned parent, depth;
};

struct printer {
	struct out *out;
	struct print_options options;
	struct column *columns;
	unsigned count;
	struct object objects[OBJECTS];
	unsigned objects_count;
	struct flow *sample;	/* rows held while widths are unknown; NULL afterwards */
	unsigned held;
	bool measured, started;
	unsigned gap;		/* blanks between columns */
	unsigned spare;		/* what the terminal is wider than the columns */
};

/* The number of the object with this path, made with its parents if it is new. */
static unsigned object_find(struct printer *printer, const char *path, size_t length)
{
	const char *name = path;
	struct object *object;
	unsigned parent = 0;
	size_t end = length;

	if (!length)
		return 0;
	for (unsigned i = 1; i < printer->objects_count; i++)
		if (!strncmp(printer->objects[i].path, path, length) &&
		    !printer->objects[i].path[length])
			return i;
	while (end > 0 && path[end - 1] != '.')
		end--;
	if (end) {
		name = path + end;
		parent = object_find(printer, path, end - 1);
	}
	assert(printer->objects_count < OBJECTS);
	object = &printer->objects[printer->objects_count];
	snprintf(object->path, sizeof(object->path), "%.*s", (int)length, path);
	snprintf(object->open, sizeof(object->open), ",\"%.*s\":{", (int)(path + length - name), name);
	object->parent = parent;
	object->depth = printer->objects[parent].depth + 1;
	return printer->objects_count++;
}

static void plan_json(struct printer *printer, struct column *column)
{
	const char *key = column->field.name, *dot = strrchr(key, '.');
	struct out text;

	if (column->field.object) {
		column->object = object_find(printer, column->field.object, strlen(column->field.object));
	} else if (dot) {
		column->object = object_find(printer, key, dot - key);
		key = dot + 1;
	}
	out_init(&text, -1);
	out_text(&text, ",\"");
	out_json(&text, key, strlen(key));
	out_text(&text, "\":");
	column->key_length = out_length(&text);
	column->key = must(strndup(text.buf, column->key_length));
	out_release(&text);
}

struct printer *printer_new(struct out *out, const struct print_options *options,
			    const struct field *const *columns, unsigned count)
{
	struct printer *printer = must(calloc(1, sizeof(*printer)));

	printer->out = out;
	printer->options = *options;
	printer->count = count;
	printer->columns = must(calloc(count ? count : 1, sizeof(*printer->columns)));
	printer->objects_count = 1;
	printer->gap = 2;
	for (unsigned i = 0; i < count; i++) {
		struct column *column = &printer->columns[i];

		column->field = *columns[i];
		column->field.labels = options->names;
		column->width = options->live ? column->field.width : 0;
		if (column->width < strlen(column->field.heading))
			column->width = strlen(column->field.heading);
		plan_json(printer, column);
	}
	if (options->format == FORMAT_TABLE && !options->live)
		printer->sample = must(malloc(SAMPLE * sizeof(*printer->sample)));
	return printer;
}

void printer_free(struct printer *printer)
{
	if (!printer)
		return;
	for (unsigned i = 0; i < printer->count; i++)
		free(printer->columns[i].key);
	free(printer->columns);
	free(printer->sample);
	free(printer);
}

void printer_optional(struct printer *printer, const struct field *field)
{
	for (unsigned i = 0; i < printer->count; i++)
		if (!strcmp(printer->columns[i].field.name, field->name))
			printer->columns[i].optional = printer->options.hide;
}

/* Text that is measured and laid out is ASCII: bytes are columns. */
void printer_measure(struct printer *printer, const struct flow *flow)
{
	struct out *out = printer->out;
	bool hold = out->hold;

	printer->measured = true;
	out_room(out, ROW_ROOM);
	out->hold = true;
	for (unsigned i = 0; i < printer->count; i++) {
		struct column *column = &printer->columns[i];
		size_t start = out_length(out), width;

		if (!field_present(&column->field, flow))
			continue;
		column->seen = true;
		out_room(out, OUT_ROOM);
		column->field.kind->text(out, &column->field, flow);
		width = out_length(out) - start;
		out->at = out->buf + start;
		if (width > column->width)
			column->width = width;
	}
	out->hold = hold;
}

static unsigned total_width(const struct printer *printer)
{
	unsigned total = 0;

	for (unsigned i = 0; i < printer->count; i++)
		if (!printer->columns[i].hidden)
			total += printer->columns[i].width + printer->gap;
	return total ? total - printer->gap : 0;
}

/* The widest column above `least`; of sets of flags, or of addresses, states and other words. */
static struct column *widest(struct printer *printer, bool sets, unsigned least)
{
	struct column *found = NULL;

	for (unsigned i = 0; i < printer->count; i++) {
		struct column *column = &printer->columns[i];

		if (!column->hidden && !column->field.kind->right && column->width > least &&
		    !sets == !column->field.kind->bits && (!found || column->width > found->width))
			found = column;
	}
	return found;
}

/* The last column, as long as more than `least` are left. */
static struct column *dispensable(struct printer *printer, unsigned least)
{
	struct column *last = NULL;
	unsigned shown = 0;

	for (unsigned i = 0; i < printer->count; i++)
		if (!printer->columns[i].hidden) {
			last = &printer->columns[i];
			shown++;
		}
	return shown > least ? last : NULL;
}

/* One step towards the width of the terminal, what hurts least first; false if none is left. */
static bool give_way(struct printer *printer)
{
	static const struct { bool sets; unsigned least; } steps[] = {
		{ true, LEAST }, { false, GOOD }, { true, TIGHT }, { false, TIGHT },
	};
	struct column *column;

	for (unsigned i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
		column = widest(printer, steps[i].sets, steps[i].least);
		if (column) {
			column->width--;
			return true;
		}
		if (i != 1)
			continue;
		column = dispensable(printer, printer->options.keep > FEW ? printer->options.keep : FEW);
		if (column) {
			column->hidden = true;
			return true;
		}
	}
	return false;
}

unsigned printer_narrow(const struct printer *printer)
{
	unsigned count = 0;

	for (unsigned i = 0; i < printer->count; i++) {
		const struct column *column = &printer->columns[i];

		count += column->hidden && (column->seen || !column->optional);
	}
	return count;
}

static void shrink(struct printer *printer)
{
	if (printer->options.width && total_width(printer) > printer->options.width)
		printer->gap = 1;
	while (printer->options.width && total_width(printer) > printer->options.width)
		if (!give_way(printer))
			break;
	if (printer->options.width > total_width(printer))
		printer->spare = printer->options.width - total_width(printer);
}

/* Rows to come are not known: columns go, and room that few rows need, but nothing is cut. */
static void shrink_live(struct printer *printer)
{
	unsigned width = printer->options.width;
	struct column *column;

	printer->options.width = 0;
	if (!width || total_width(printer) <= width)
		return;
	printer->gap = 1;
	while (total_width(printer) > width && (column = dispensable(printer, printer->options.keep)))
		column->hidden = true;
	while (total_width(printer) > width && (column = widest(printer, false, USUAL)))
		column->width--;
}

static void put_cut(struct printer *printer, size_t start, unsigned width)
{
	struct out *out = printer->out;

	out->at = out->buf + start + width - 1;
	if (printer->options.utf8)
		put_mem(out, "\u2026", strlen("\u2026"));
	else
		put_char(out, '~');
}

/* Moves a cell right by its missing width, for numbers. */
static void align_right(struct out *out, size_t start, size_t length, unsigned width)
{
	char *cell = out->buf + start;

	memmove(cell + width - length, cell, length);
	memset(cell, ' ', width - length);
	out->at += width - length;
}

static void pad(struct out *out, size_t count)
{
	out_room(out, count);
	memset(out->at, ' ', count);
	out->at += count;
}

static void put_colour(struct out *out, const char *code)
{
	out_room(out, 16);
	put_mem(out, "\033[", 2);
	put_mem(out, code, strlen(code));
	put_char(out, 'm');
}

/* A cell that is longer than those before may use what is left of the line; numbers are never cut. */
static bool too_long(const struct printer *printer, const struct column *column, size_t length,
		     unsigned *spare)
{
	size_t more = length > column->width ? length - column->width : 0;

	if (!printer->options.width || !more || column->field.kind->right)
		return false;
	if (more > *spare)
		return true;
	*spare -= more;
	return false;
}

static void put_cell(struct printer *printer, const struct column *column, const struct flow *flow,
		     bool last, unsigned *spare)
{
	struct out *out = printer->out;
	const struct kind *kind = column->field.kind;
	bool present = field_present(&column->field, flow);
	const char *colour = printer->options.colour && present && kind->colour
		? kind->colour(&column->field, flow) : NULL;
	size_t start, length;
	bool cut;

	out_room(out, OUT_ROOM);
	if (colour)
		put_colour(out, colour);
	start = out_length(out);
	if (present)
		kind->text(out, &column->field, flow);
	if (out_length(out) == start)	/* absent, or a set with nothing in it */
		put_char(out, '-');
	length = out_length(out) - start;
	cut = too_long(printer, column, length, spare);
	if (cut && kind->bits) {
		out->at = out->buf + start;	/* without what the flags are about, if there is more */
		kind->raw(out, &column->field, flow);
		length = out_length(out) - start;
		cut = length > column->width;
	}
	if (cut) {
		put_cut(printer, start, column->width);
		length = column->width;
	}
	if (kind->right && length < column->width) {
		out_room(out, column->width);
		align_right(out, start, length, column->width);
		length = column->width;
	}
	if (colour)
		put_colour(out, "0");
	if (!last)
		pad(out, (length < column->width ? column->width - length : 0) + printer->gap);
}

static unsigned last_shown(const struct printer *printer)
{
	unsigned last = 0;

	for (unsigned i = 0; i < printer->count; i++)
		if (!printer->columns[i].hidden)
			last = i;
	return last;
}

static void row_begin(struct out *out)
{
	if (out_length(out) > FLUSH)
		out_flush(out);
	out_room(out, ROW_ROOM);
	out->hold = true;
}

static void row_end(struct out *out)
{
	out_room(out, 4);
	put_char(out, '\n');
	out->hold = false;
}

static void row_table(struct printer *printer, const struct flow *flow)
{
	unsigned last = last_shown(printer), spare = printer->spare;

	row_begin(printer->out);
	for (unsigned i = 0; i < printer->count; i++)
		if (!printer->columns[i].hidden)
			put_cell(printer, &printer->columns[i], flow, i == last, &spare);
	row_end(printer->out);
}

static void head_table(struct printer *printer)
{
	struct out *out = printer->out;
	unsigned last = last_shown(printer);

	row_begin(out);
	if (printer->options.colour)
		put_colour(out, "1");
	for (unsigned i = 0; i < printer->count; i++) {
		const struct column *column = &printer->columns[i];
		size_t length = strlen(column->field.heading);
		size_t fill = length < column->width ? column->width - length : 0;

		if (column->hidden)
			continue;
		if (column->field.kind->right)
			pad(out, fill);
		if (printer->options.width && length > column->width)
			length = column->width;
		out_mem(out, column->field.heading, length);
		if (i != last)
			pad(out, (column->field.kind->right ? 0 : fill) + printer->gap);
	}
	if (printer->options.colour)
		put_colour(out, "0");
	row_end(out);
}

static void json_value(struct out *out, const struct field *field, const struct flow *flow)
{
	const struct kind *kind = field->kind;

	if (kind->json) {
		kind->json(out, field, flow);
	} else if (kind->quoted) {
		put_char(out, '"');
		kind->raw(out, field, flow);
		put_char(out, '"');
	} else {
		kind->raw(out, field, flow);
	}
}

/* Opens the objects from `from` down to `to`; the comma of the outermost goes if it is the first. */
static void json_open(struct printer *printer, unsigned from, unsigned to, bool first)
{
	const struct object *object = &printer->objects[to];

	if (object->parent != from) {
		json_open(printer, from, object->parent, first);
		first = true;
	}
	put_mem(printer->out, object->open + first, strlen(object->open) - first);
}

/* Closes and opens what lies between two objects. True if the new one is still empty. */
static bool json_move(struct printer *printer, unsigned from, unsigned to, bool first)
{
	const struct object *objects = printer->objects;
	unsigned common = to;

	while (common && objects[common].depth > objects[from].depth)
		common = objects[common].parent;
	while (from != common) {
		put_char(printer->out, '}');
		first = false;
		from = objects[from].parent;
		if (objects[common].depth > objects[from].depth)
			common = objects[common].parent;
	}
	if (from == to)
		return first;
	json_open(printer, from, to, first);
	return true;
}

static void row_json(struct printer *printer, const struct flow *flow)
{
	struct out *out = printer->out;
	unsigned object = 0;
	bool first = true;

	row_begin(out);
	put_char(out, '{');
	for (unsigned i = 0; i < printer->count; i++) {
		const struct column *column = &printer->columns[i];

		if (!field_present(&column->field, flow))
			continue;
		out_room(out, OUT_ROOM);
		if (column->object != object) {
			first = json_move(printer, object, column->object, first);
			object = column->object;
		}
		put_mem(out, column->key + first, column->key_length - first);
		first = false;
		json_value(out, &column->field, flow);
	}
	out_room(out, OUT_ROOM);
	for (; object; object = printer->objects[object].parent)
		put_char(out, '}');
	put_char(out, '}');
	row_end(out);
}

/* RFC 4180: a cell with a comma, a quote or a line end is quoted, quotes are doubled. */
static void csv_quote(struct out *out, size_t start)
{
	size_t length = out_length(out) - start;
	char *copy;

	out_room(out, 1);
	*out->at = '\0';
	if (!strpbrk(out->buf + start, ",\"\r\n"))
		return;
	copy = must(strndup(out->buf + start, length));
	out->at = out->buf + start;
	out_mem(out, "\"", 1);
	for (size_t i = 0; i < length; i++) {
		if (copy[i] == '"')
			out_mem(out, "\"", 1);
		out_mem(out, &copy[i], 1);
	}
	out_mem(out, "\"", 1);
	free(copy);
}

static void row_csv(struct printer *printer, const struct flow *flow)
{
	struct out *out = printer->out;

	row_begin(out);
	for (unsigned i = 0; i < printer->count; i++) {
		const struct field *field = &printer->columns[i].field;
		size_t start;

		out_room(out, OUT_ROOM);
		if (i)
			put_char(out, ',');
		start = out_length(out);
		if (!field_present(field, flow))
			continue;
		field->kind->raw(out, field, flow);
		if (!field->kind->right)
			csv_quote(out, start);
	}
	row_end(out);
}

static void head_csv(struct printer *printer)
{
	struct out *out = printer->out;

	row_begin(out);
	for (unsigned i = 0; i < printer->count; i++) {
		const struct field *field = &printer->columns[i].field;
		size_t start;

		if (i)
			out_mem(out, ",", 1);
		start = out_length(out);
		if (field->object)
			out_format(out, "%s.", field->object);
		out_text(out, field->name);
		csv_quote(out, start);
	}
	row_end(out);
}

/* The widths are known: the heading goes out. */
static void start(struct printer *printer)
{
	printer->started = true;
	for (unsigned i = 0; i < printer->count; i++) {
		struct column *column = &printer->columns[i];

		column->hidden = column->optional && !column->seen;
	}
	if (printer->options.format == FORMAT_TABLE) {
		(printer->options.live ? shrink_live : shrink)(printer);
		if (printer->options.header)
			head_table(printer);
	} else if (printer->options.format == FORMAT_CSV && printer->options.header) {
		head_csv(printer);
	}
}

static void row(struct printer *printer, const struct flow *flow)
{
	switch (printer->options.format) {
	case FORMAT_TABLE:
		row_table(printer, flow);
		break;
	case FORMAT_JSON:
		row_json(printer, flow);
		break;
	case FORMAT_CSV:
		row_csv(printer, flow);
		break;
	case FORMAT_CONNTRACK:
		row_begin(printer->out);
		put_conntrack(printer->out, flow, printer->options.conntrack, printer->options.names);
		printer->out->hold = false;
		break;
	}
}

static void release_sample(struct printer *printer)
{
	struct flow *sample = printer->sample;

	if (!sample)
		return;
	printer->sample = NULL;
	for (unsigned i = 0; i < printer->held; i++)
		printer_measure(printer, &sample[i]);
	start(printer);
	for (unsigned i = 0; i < printer->held; i++)
		row(printer, &sample[i]);
	free(sample);
}

void printer_row(struct printer *printer, const struct flow *flow)
{
	if (printer->sample && !printer->measured) {
		printer->sample[printer->held++] = *flow;
		if (printer->held == SAMPLE)
			release_sample(printer);
		return;
	}
	if (!printer->started)
		start(printer);
	row(printer, flow);
}

void printer_end(struct printer *printer)
{
	if (printer->sample && !printer->measured)
		release_sample(printer);
	if (!printer->started)
		start(printer);
}
