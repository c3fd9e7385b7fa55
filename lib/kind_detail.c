/* What a line about an event says at its end: why a flow ended, or what changed. */
#include "field.h"

#include "reason.h"

static void put_reason(struct out *out, const struct flow *flow)
{
	out_text(out, flow->has & HAS_REASON ? reason_names[flow->reason] : "gone");
	if (flow->reason == REASON_DELETED && (flow->has & HAS_PORTID))
		out_format(out, " by port %u", flow->portid);
}

static void put_changes(struct out *out, const struct flow *flow)
{
	const char *between = "";

	for (const struct bit *bit = changed_bits; bit->name; bit++) {
		if (!(flow->changed & bit->mask))
			continue;
		out_text(out, between);
		out_text(out, bit->name);
		between = ",";
	}
}

static void text_detail(struct out *out, const struct field *field, const struct flow *flow)
{
	size_t start = out_length(out);

	(void)field;
	if (flow->event == EVENT_DESTROY)
		put_reason(out, flow);
	else if (flow->event == EVENT_UPDATE && (flow->has & HAS_CHANGED))
		put_changes(out, flow);
	if (flow->has & HAS_SYNTHETIC)
		out_text(out, out_length(out) == start ? "found later" : " (found later)");
	if (out_length(out) == start)
		out_text(out, "-");
}

static int compare_detail(const struct field *field, const struct flow *a, const struct flow *b)
{
	(void)field;
	return (a->reason > b->reason) - (a->reason < b->reason);
}

static const char *parse_detail(struct term *term, const struct field *field, const char *word,
				const struct names *names)
{
	(void)term, (void)field, (void)word, (void)names;
	return "made of others: ask for reason or changed";
}

static bool match_detail(const struct term *term, const struct field *field, const struct flow *flow)
{
	(void)term, (void)field, (void)flow;
	return false;
}

static bool set_detail(struct flow *flow, const struct field *field, const char *text)
{
	(void)flow, (void)field, (void)text;
	return false;
}

static const char *colour_detail(const struct field *field, const struct flow *flow)
{
	(void)field;
	return flow->event == EVENT_DESTROY && reason_failed(flow->reason) ? "31" : NULL;
}

const struct kind kind_detail = {
	.name = "joined", .quoted = true, .text = text_detail, .raw = text_detail,
	.compare = compare_detail, .parse = parse_detail, .match = match_detail, .set = set_detail,
	.colour = colour_detail,
};
