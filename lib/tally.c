/* Counts logged packets by reason. */
#include "tally.h"

#include "memory.h"

#include <ctype.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>

/* The kernel has some fifty reasons, a row is for one of a protocol; what is beyond is counted in the last row. */
enum { ROWS = 96, VERDICTS = 3 };

struct row {
	char reason[REASON_SIZE];
	unsigned long long count;
	struct packet last;
};

struct tally {
	struct row rows[ROWS];
	unsigned used;
	unsigned long long verdicts[VERDICTS], lost;
};

static const char *const verdict_words[VERDICTS] = { "invalid", "accepted", "error" };

struct tally *tally_new(void)
{
	struct tally *tally = calloc(1, sizeof(*tally));

	if (!tally)
		memory_exhausted();
	return tally;
}

void tally_free(struct tally *tally)
{
	free(tally);
}

/* Numbers and addresses differ in each packet. The length of one that begins here, or 0. */
static size_t number_at(const char *text)
{
	size_t length = strspn(text, "0123456789abcdefx.:");
	size_t digits = strcspn(text, "0123456789");

	if (isdigit((unsigned char)*text))
		return length;
	return digits < length && memchr(text, ':', length) ? length : 0;
}

/* They become %, where they begin a word. */
static void generalise(const char *reason, char *text)
{
	char before = ' ';

	while (*reason) {
		size_t length = isalnum((unsigned char)before) ? 0 : number_at(reason);

		before = *reason;
		if (length) {
			*text++ = '%';
			reason += length;
		} else {
			*text++ = *reason++;
		}
	}
	*text = '\0';
}

static struct row *row_of(struct tally *tally, uint8_t protonum, const char *reason)
{
	for (unsigned i = 0; i < tally->used; i++)
		if (tally->rows[i].last.flow.protonum == protonum &&
		    !strcmp(tally->rows[i].reason, reason))
			return &tally->rows[i];
	if (tally->used == ROWS)
		return &tally->rows[ROWS - 1];
	strcpy(tally->rows[tally->used].reason, tally->used == ROWS - 1 ? "others" : reason);
	return &tally->rows[tally->used++];
}

void tally_add(struct tally *tally, const struct packet *packet)
{
	char reason[REASON_SIZE];
	struct row *row;

	generalise(packet->reason, reason);
	row = row_of(tally, packet->flow.protonum, reason);
	row->count++;
	row->last = *packet;
	tally->verdicts[packet->verdict]++;
}

void tally_lost(struct tally *tally, uint32_t lost)
{
	tally->lost += lost;
}

static int by_count(const void *a, const void *b)
{
	const struct row *x = a, *y = b;

	return x->count != y->count ? (x->count < y->count) - (x->count > y->count)
				    : strcmp(x->reason, y->reason);
}

static void put_field(struct out *out, const char *name, const struct packet *packet)
{
	const struct field *field = packet_field_find(name, strlen(name));

	out_room(out, OUT_ROOM);
	if (!field_present(field, &packet->flow))
		return;
	put_char(out, ' ');
	field->kind->text(out, field, &packet->flow);
}

static void text_row(struct out *out, const struct row *row)
{
	out_format(out, "%8llu  %-60s ", row->count, row->reason);
	put_field(out, "proto", &row->last);
	put_field(out, "source", &row->last);
	out_text(out, " >");
	put_field(out, "destination", &row->last);
	put_field(out, "tcp.flags", &row->last);
	put_field(out, "in", &row->last);
	put_field(out, "out", &row->last);
	out_text(out, "\n");
}

static void print_text(const struct tally *tally, struct out *out, uint64_t time, double seconds)
{
	const struct field *clock = packet_field_find("clock", 5);
	const struct flow at = { .time = time };

	out_room(out, OUT_ROOM);
	if (time) {
		clock->kind->text(out, clock, &at);
		out_text(out, "  ");
	}
	for (unsigned i = 0; i < VERDICTS; i++)
		out_format(out, "%s %llu   ", verdict_words[i], tally->verdicts[i]);
	out_format(out, "lost %llu", tally->lost);
	if (seconds > 0)
		out_format(out, "   in %.1f s", seconds);
	out_text(out, "\n");
	for (unsigned i = 0; i < tally->used; i++)
		text_row(out, &tally->rows[i]);
}

static void add(struct json_object *object, const char *key, struct json_object *value)
{
	json_object_object_add(object, key, value);
}

/* The name, or the number as text. */
static struct json_object *json_proto(const struct flow *flow)
{
	const char *name = proto_name(flow->protonum);
	char number[8];

	snprintf(number, sizeof(number), "%u", flow->protonum);
	return json_object_new_string(name ? name : number);
}

static struct json_object *json_rows(const struct tally *tally)
{
	struct json_object *array = json_object_new_array(), *object;

	for (unsigned i = 0; i < tally->used; i++) {
		object = json_object_new_object();
		add(object, "reason", json_object_new_string(tally->rows[i].reason));
		add(object, "proto", json_proto(&tally->rows[i].last.flow));
		add(object, "verdict", json_object_new_string(verdict_words[tally->rows[i].last.verdict]));
		add(object, "count", json_object_new_int64(tally->rows[i].count));
		json_object_array_add(array, object);
	}
	return array;
}

static struct json_object *json_time(uint64_t time)
{
	struct json_object *text;
	struct out out;

	out_init(&out, -1);
	put_time(&out, time, 9);
	text = json_object_new_string_len(out.buf, out_length(&out));
	out_release(&out);
	return text;
}

static void print_json(const struct tally *tally, struct out *out, uint64_t time, double seconds)
{
	struct json_object *object = json_object_new_object();
	char text[32];

	snprintf(text, sizeof(text), "%.3f", seconds);
	add(object, "type", json_object_new_string("summary"));
	if (time)
		add(object, "time", json_time(time));
	if (seconds > 0)
		add(object, "seconds", json_object_new_double_s(seconds, text));
	for (unsigned i = 0; i < VERDICTS; i++)
		add(object, verdict_words[i], json_object_new_int64(tally->verdicts[i]));
	add(object, "lost", json_object_new_int64(tally->lost));
	add(object, "reasons", json_rows(tally));
	out_text(out, must_text(json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN |
						     JSON_C_TO_STRING_NOSLASHESCAPE)));
	out_text(out, "\n");
	json_object_put(object);
}

void tally_print(struct tally *tally, struct out *out, bool json, uint64_t time, double seconds)
{
	qsort(tally->rows, tally->used, sizeof(*tally->rows), by_count);
	(json ? print_json : print_text)(tally, out, time, seconds);
	memset(tally, 0, sizeof(*tally));
}
