/* Counts events over an interval: rates, protocols, reasons, ports. */
#include "summary.h"

#include "field.h"
#include "memory.h"
#include "reason.h"

#include <json-c/json.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>

enum { TOP = 8, PORTS = 65536 };

static const uint8_t with_ports[] = { IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP, IPPROTO_DCCP,
				      IPPROTO_UDPLITE };

enum { KINDS = sizeof(with_ports) };

struct summary {
	unsigned long long events[EVENT_DESTROY + 1];
	unsigned long long protos[256][EVENT_DESTROY + 1];
	unsigned long long reasons[REASONS], unknown, failed, lost;
	uint32_t ports[KINDS][PORTS];	/* of new flows */
};

/* The busiest first. */
struct port {
	uint8_t protonum;
	uint16_t port;
	uint32_t count;
};

struct summary *summary_new(void)
{
	struct summary *summary = calloc(1, sizeof(*summary));

	if (!summary)
		memory_exhausted();
	return summary;
}

void summary_free(struct summary *summary)
{
	free(summary);
}

static void add_port(struct summary *summary, const struct flow *flow)
{
	for (unsigned i = 0; i < KINDS; i++)
		if (with_ports[i] == flow->protonum)
			summary->ports[i][flow->orig.dst.port]++;
}

void summary_add(struct summary *summary, const struct flow *flow)
{
	if (flow->event > EVENT_DESTROY)
		return;
	summary->events[flow->event]++;
	summary->protos[flow->protonum][flow->event]++;
	if (flow->event == EVENT_NEW && (flow->has & HAS_ORIG_PORTS))
		add_port(summary, flow);
	if (flow->event != EVENT_DESTROY)
		return;
	if (!(flow->has & HAS_REASON)) {
		summary->unknown++;
		return;
	}
	summary->reasons[flow->reason]++;
	summary->failed += reason_failed(flow->reason);
}

void summary_lost(struct summary *summary, uint32_t lost)
{
	summary->lost += lost;
}

static void place(struct port *top, const struct port *port)
{
	unsigned i = TOP;

	while (i > 0 && top[i - 1].count < port->count) {
		if (i < TOP)
			top[i] = top[i - 1];
		i--;
	}
	if (i < TOP)
		top[i] = *port;
}

static void find_top(const struct summary *summary, struct port *top)
{
	memset(top, 0, TOP * sizeof(*top));
	for (unsigned i = 0; i < KINDS; i++)
		for (unsigned j = 0; j < PORTS; j++)
			if (summary->ports[i][j])
				place(top, &(struct port){ with_ports[i], j, summary->ports[i][j] });
}

/* The name, or the number as text: `text` has room for three digits. */
static const char *proto_text(unsigned protonum, char *text)
{
	const char *name = proto_name(protonum);

	if (name)
		return name;
	sprintf(text, "%u", protonum);
	return text;
}

static const struct {
	enum event event;
	const char *name, *rate;
} shown[] = {
	{ EVENT_NEW, "new", "new_per_second" },
	{ EVENT_UPDATE, "update", "update_per_second" },
	{ EVENT_DESTROY, "destroy", "destroy_per_second" },
};

enum { SHOWN = sizeof(shown) / sizeof(*shown) };

static void text_protos(const struct summary *summary, struct out *out)
{
	const char *gap = "  proto    ";
	char number[4];

	for (unsigned i = 0; i < 256; i++) {
		const unsigned long long *count = summary->protos[i];

		if (!(count[EVENT_NEW] | count[EVENT_UPDATE] | count[EVENT_DESTROY]))
			continue;
		out_format(out, "%s%s %llu new, %llu destroyed", gap, proto_text(i, number),
			   count[EVENT_NEW], count[EVENT_DESTROY]);
		gap = "   ";
	}
	out_text(out, "\n");
}

static void text_reasons(const struct summary *summary, struct out *out)
{
	out_text(out, "  reason ");
	for (unsigned i = 1; i < REASONS; i++)
		if (summary->reasons[i])
			out_format(out, "  %s %llu", reason_names[i], summary->reasons[i]);
	if (summary->unknown)
		out_format(out, "  unknown %llu", summary->unknown);
	out_text(out, "\n");
}

static void text_ports(const struct port *top, struct out *out)
{
	char number[4];

	out_text(out, "  port   ");
	for (unsigned i = 0; i < TOP && top[i].count; i++)
		out_format(out, "  %s/%u %u", proto_text(top[i].protonum, number), top[i].port,
			   top[i].count);
	out_text(out, "\n");
}

static void print_text(const struct summary *summary, struct out *out, uint64_t time, double seconds)
{
	struct port top[TOP];

	if (time) {
		const struct flow at = { .time = time };
		const struct field *clock = field_find("clock", 5);

		out_room(out, OUT_ROOM);
		clock->kind->text(out, clock, &at);
		out_text(out, "  ");
	}
	for (unsigned i = 0; i < SHOWN; i++) {
		unsigned long long count = summary->events[shown[i].event];

		out_format(out, "%s %llu", shown[i].name, count);
		if (seconds > 0)
			out_format(out, " (%.1f/s)", count / seconds);
		out_text(out, "   ");
	}
	out_format(out, "failed %llu   lost %llu\n", summary->failed, summary->lost);
	if (summary->events[EVENT_NEW] + summary->events[EVENT_UPDATE] + summary->events[EVENT_DESTROY])
		text_protos(summary, out);
	if (summary->events[EVENT_DESTROY])
		text_reasons(summary, out);
	find_top(summary, top);
	if (top[0].count)
		text_ports(top, out);
}

static void add(struct json_object *object, const char *key, unsigned long long value)
{
	json_object_object_add(object, key, json_object_new_int64(value));
}

static struct json_object *json_protos(const struct summary *summary)
{
	struct json_object *all = json_object_new_object(), *one;
	char number[4];

	for (unsigned i = 0; i < 256; i++) {
		const unsigned long long *count = summary->protos[i];

		if (!(count[EVENT_NEW] | count[EVENT_UPDATE] | count[EVENT_DESTROY]))
			continue;
		one = json_object_new_object();
		for (unsigned j = 0; j < SHOWN; j++)
			add(one, shown[j].name, count[shown[j].event]);
		json_object_object_add(all, proto_text(i, number), one);
	}
	return all;
}

static struct json_object *json_reasons(const struct summary *summary)
{
	struct json_object *all = json_object_new_object();

	for (unsigned i = 1; i < REASONS; i++)
		if (summary->reasons[i])
			add(all, reason_names[i], summary->reasons[i]);
	if (summary->unknown)
		add(all, "unknown", summary->unknown);
	return all;
}

static struct json_object *json_ports(const struct summary *summary)
{
	struct json_object *all = json_object_new_array(), *one;
	struct port top[TOP];
	char number[4];

	find_top(summary, top);
	for (unsigned i = 0; i < TOP && top[i].count; i++) {
		one = json_object_new_object();
		json_object_object_add(one, "proto",
				       json_object_new_string(proto_text(top[i].protonum, number)));
		add(one, "port", top[i].port);
		add(one, "new", top[i].count);
		json_object_array_add(all, one);
	}
	return all;
}

/* A number with so many decimals as are meant. */
static struct json_object *rounded(double value)
{
	char text[32];

	snprintf(text, sizeof(text), "%.3f", value);
	return json_object_new_double_s(value, text);
}

static void json_time(struct json_object *object, uint64_t time)
{
	struct out text;

	out_init(&text, -1);
	put_time(&text, time, 9);
	json_object_object_add(object, "time", json_object_new_string_len(text.buf, out_length(&text)));
	out_release(&text);
}

static void print_json(const struct summary *summary, struct out *out, uint64_t time, double seconds)
{
	struct json_object *object = json_object_new_object();

	json_object_object_add(object, "type", json_object_new_string("summary"));
	if (time)
		json_time(object, time);
	if (seconds > 0)
		json_object_object_add(object, "seconds", rounded(seconds));
	for (unsigned i = 0; i < SHOWN; i++) {
		add(object, shown[i].name, summary->events[shown[i].event]);
		if (seconds > 0)
			json_object_object_add(object, shown[i].rate,
					       rounded(summary->events[shown[i].event] / seconds));
	}
	add(object, "failed", summary->failed);
	add(object, "lost", summary->lost);
	json_object_object_add(object, "proto", json_protos(summary));
	json_object_object_add(object, "reason", json_reasons(summary));
	json_object_object_add(object, "ports", json_ports(summary));
	out_text(out, must_text(json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN |
						     JSON_C_TO_STRING_NOSLASHESCAPE)));
	out_text(out, "\n");
	json_object_put(object);
}

void summary_print(struct summary *summary, struct out *out, bool json, uint64_t time, double seconds)
{
	(json ? print_json : print_text)(summary, out, time, seconds);
	memset(summary, 0, sizeof(*summary));
}
