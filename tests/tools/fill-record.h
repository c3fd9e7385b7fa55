/* The entries of fill.c as lines of JSON, with the keys of ct-json(5). */

#include <stdio.h>

static void json_side(FILE *out, const char *name, const struct entry *e, const struct side *side)
{
	char src[INET6_ADDRSTRLEN], dst[INET6_ADDRSTRLEN];

	inet_ntop(e->family, side->src, src, sizeof(src));
	inet_ntop(e->family, side->dst, dst, sizeof(dst));
	fprintf(out, ",\"%s\":{\"src\":\"%s\",\"dst\":\"%s\"", name, src, dst);
	if (e->proto->shape == PORTS)
		fprintf(out, ",\"sport\":%u,\"dport\":%u", side->a, side->b);
	if (e->proto->shape == KEYS)
		fprintf(out, ",\"gre\":{\"srckey\":%u,\"dstkey\":%u}", side->a, side->b);
	if (e->proto->shape == PING)
		fprintf(out, ",\"icmp\":{\"type\":%u,\"code\":0,\"id\":%u}", side->b, side->a);
	if (side->zone)
		fprintf(out, ",\"zone\":%u", side->zone);
	fputc('}', out);
}

static void json_status(FILE *out, uint32_t status)
{
	static const char *const names[] = { "EXPECTED", "SEEN_REPLY", "ASSURED", "CONFIRMED", "SRC_NAT",
		"DST_NAT", "SEQ_ADJUST", "SRC_NAT_DONE", "DST_NAT_DONE", "DYING", "FIXED_TIMEOUT",
		"TEMPLATE", "UNTRACKED", "HELPER" };
	const char *comma = "";

	fputs(",\"status\":[", out);
	for (size_t bit = 0; bit < sizeof(names) / sizeof(*names); bit++) {
		if (!(status & 1u << bit))
			continue;
		fprintf(out, "%s\"%s\"", comma, names[bit]);
		comma = ",";
	}
	fputc(']', out);
}

static void json_translation(FILE *out, const char *name, const struct entry *e, const uint8_t *to,
			     uint16_t port)
{
	char text[INET6_ADDRSTRLEN];

	fprintf(out, ",\"%s\":{\"addr\":\"%s\"", name, inet_ntop(e->family, to, text, sizeof(text)));
	if (e->proto->shape == PORTS)
		fprintf(out, ",\"port\":%u", port);
	fputc('}', out);
}

static void json_nat(FILE *out, const struct entry *e)
{
	if (!e->snat && !e->dnat)
		return;
	fprintf(out, ",\"nat\":[%s%s%s]", e->snat ? "\"snat\"" : "", e->snat && e->dnat ? "," : "",
		e->dnat ? "\"dnat\"" : "");
	if (e->snat)
		json_translation(out, "snat", e, e->reply.dst, e->reply.b);
	if (e->dnat)
		json_translation(out, "dnat", e, e->reply.src, e->reply.a);
}

static void json_labels(FILE *out, const uint64_t *labels)
{
	const char *comma = "";

	if (!(labels[0] | labels[1]))
		return;
	fputs(",\"labels\":[", out);
	for (int bit = 0; bit < 128; bit++) {
		if (!(labels[bit / 64] >> bit % 64 & 1))
			continue;
		fprintf(out, "%s%d", comma, bit);
		comma = ",";
	}
	fputc(']', out);
}

static void json_protoinfo(FILE *out, const struct entry *e)
{
	if (e->proto->states)
		fprintf(out, ",\"state\":\"%s\"", e->proto->state[e->state]);
	/* A tracker that is told no state has its first. */
	if (e->proto == &dccp && dccp.shape == PORTS)
		fputs(",\"state\":\"NONE\"", out);
	if (e->proto == &tcp)
		fprintf(out, ",\"tcp\":{\"wscale\":{\"orig\":%u,\"reply\":%u},\"flags\":{\"orig\":%u,\"reply\":%u}}",
			e->wscale[0], e->wscale[1], e->flags[0], e->flags[1]);
	if (e->proto == &sctp)
		fprintf(out, ",\"sctp\":{\"vtag\":{\"orig\":%u,\"reply\":%u}}", e->vtag[0], e->vtag[1]);
}

static void json_extras(FILE *out, const struct entry *e)
{
	static const char form[] = "{\"pos\":%u,\"before\":%u,\"after\":%u}";

	if (e->seqadj) {
		fputs(",\"seqadj\":{\"orig\":", out);
		fprintf(out, form, e->adjust[0], e->adjust[1], e->adjust[2]);
		fputs(",\"reply\":", out);
		fprintf(out, form, e->adjust[3], e->adjust[4], e->adjust[5]);
		fputc('}', out);
	}
	if (e->synproxy)
		fprintf(out, ",\"synproxy\":{\"isn\":%u,\"its\":%u,\"tsoff\":%u}", e->proxy[0], e->proxy[1], e->proxy[2]);
	if (e->has_master)
		json_side(out, "master", e, &e->master);
}

static void json_entry(FILE *out, const struct entry *e)
{
	fprintf(out, "{\"family\":\"%s\",\"proto\":\"%s\",\"protonum\":%u,\"timeout\":%u",
		e->family == AF_INET ? "ipv4" : "ipv6", e->proto->name, e->proto->num, e->timeout);
	json_protoinfo(out, e);
	json_side(out, "orig", e, &e->orig);
	json_side(out, "reply", e, &e->reply);
	json_status(out, e->status);
	json_nat(out, e);
	fprintf(out, ",\"mark\":%u", e->mark);
	if (e->zone)
		fprintf(out, ",\"zone\":%u", e->zone);
	if (e->helper)
		fprintf(out, ",\"helper\":\"%s\"", e->helper);
	json_labels(out, e->labels);
	json_extras(out, e);
	fputs("}\n", out);
}

/* The kernel does not tell an expectation's zone. */
static void json_expectation(FILE *out, const struct entry *e)
{
	struct side tuple = expected(e), mask = { .b = 0xffff }, saved = expected_saved(e);

	memset(mask.src, 0xff, sizeof(mask.src));
	memset(mask.dst, 0xff, sizeof(mask.dst));
	fprintf(out, "{\"family\":\"%s\",\"proto\":\"%s\",\"protonum\":%u,\"timeout\":%u",
		e->family == AF_INET ? "ipv4" : "ipv6", e->proto->name, e->proto->num, e->timeout);
	json_side(out, "orig", e, &tuple);
	json_side(out, "mask", e, &mask);
	json_side(out, "master", e, &e->orig);
	fprintf(out, ",\"helper\":\"%s\",\"expect\":{\"flags\":%u,\"class\":%u", e->helper,
		e->expect_flags, e->expect_class);
	if (e->snat) {
		json_side(out, "nat", e, &saved);
		fputs(",\"dir\":1,\"fn\":\"nat-follow-master\"", out);
	}
	fputs("}}\n", out);
}
