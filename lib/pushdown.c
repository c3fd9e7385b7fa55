/* Turns the parts of a filter that every match must fulfil into a kernel request. */
#include "pushdown.h"

#include <netinet/in.h>

/* CTA_FILTER_F_ in net/netfilter/nf_internals.h; not in the exported headers. */
enum {
	F_IP_SRC = 1 << 0, F_IP_DST = 1 << 1, F_PROTO_NUM = 1 << 3,
	F_SRC_PORT = 1 << 4, F_DST_PORT = 1 << 5,
};

/* Where a member of struct flow stands in a request: side, flag, and the field to explain it. */
static const struct part {
	uint16_t offset;
	uint8_t side;
	uint32_t flag;
	const char *name;
} parts[] = {
	{ offsetof(struct flow, orig.src.addr), 0, F_IP_SRC, "orig.src" },
	{ offsetof(struct flow, orig.dst.addr), 0, F_IP_DST, "orig.dst" },
	{ offsetof(struct flow, reply.src.addr), 1, F_IP_SRC, "reply.src" },
	{ offsetof(struct flow, reply.dst.addr), 1, F_IP_DST, "reply.dst" },
	{ offsetof(struct flow, orig.src.port), 0, F_SRC_PORT, "orig.sport" },
	{ offsetof(struct flow, orig.dst.port), 0, F_DST_PORT, "orig.dport" },
	{ offsetof(struct flow, reply.src.port), 1, F_SRC_PORT, "reply.sport" },
	{ offsetof(struct flow, reply.dst.port), 1, F_DST_PORT, "reply.dport" },
};

enum { PARTS = sizeof(parts) / sizeof(*parts) };

/* All that the conjunction asks for, before it is known which of it can be sent. */
struct wish {
	struct request request;
	uint8_t protonum;
	bool by_proto, none;
};

static const struct part *part_of(const struct field *field)
{
	for (unsigned i = 0; i < PARTS; i++)
		if (parts[i].offset == field->offset)
			return &parts[i];
	return NULL;
}

static struct endpoint *endpoint_of(struct request *request, const struct part *part)
{
	struct tuple *tuple = &request->side[part->side].tuple;

	return part->flag & (F_IP_SRC | F_SRC_PORT) ? &tuple->src : &tuple->dst;
}

static void wish_family(struct wish *wish, uint8_t family)
{
	if (wish->request.family && wish->request.family != family)
		wish->none = true;
	wish->request.family = family;
}

static void wish_address(struct wish *wish, const struct field *field, const struct term *term)
{
	const struct part *part = part_of(field);

	wish_family(wish, term->family);
	if (!part || term->family != AF_INET || memcmp(&term->from, &term->to, sizeof(term->to)))
		return;
	endpoint_of(&wish->request, part)->addr = term->from;
	wish->request.side[part->side].flags |= part->flag;
}

static void wish_port(struct wish *wish, const struct field *field, const struct term *term)
{
	const struct part *part = part_of(field);

	if (!part || term->low != term->high)
		return;
	endpoint_of(&wish->request, part)->port = term->low;
	wish->request.side[part->side].flags |= part->flag;
}

/* The kernel compares (mark & mask) == value and does not mask the value. */
static void wish_mark(struct wish *wish, const struct term *term)
{
	if (term->low != term->high || term->low > UINT32_MAX || wish->request.by_mark)
		return;
	wish->request.by_mark = true;
	wish->request.mark = term->low;
	wish->request.mark_mask = term->mask & UINT32_MAX;
}

static void wish_status(struct wish *wish, uint64_t value, uint64_t mask)
{
	if (wish->request.by_status &&
	    ((wish->request.status ^ value) & wish->request.status_mask & mask)) {
		wish->none = true;
		return;
	}
	wish->request.by_status = true;
	wish->request.status |= value;
	wish->request.status_mask |= mask;
}

static void wish_test(struct wish *wish, const struct test *test)
{
	const struct field *field = test->fields[0];
	const struct term *term = test->terms;

	if (test->count != 1 || test->terms_count != 1 || !test->exact)
		return;
	if (field->kind == &kind_family) {
		wish_family(wish, term->low);
	} else if (field->kind == &kind_address) {
		wish_address(wish, field, term);
	} else if (field->kind == &kind_port) {
		wish_port(wish, field, term);
	} else if (field->offset == offsetof(struct flow, protonum) && term->low == term->high &&
		   term->mask == UINT64_MAX && term->low <= UINT8_MAX) {
		wish->none |= wish->by_proto && wish->protonum != term->low;
		wish->by_proto = true;
		wish->protonum = term->low;
	} else if (field->kind == &kind_mark) {
		wish_mark(wish, term);
	} else if (field->offset == offsetof(struct flow, status)) {
		wish_status(wish, term->low, term->mask);
	} else if (field->offset == offsetof(struct flow, zone) && term->low == term->high &&
		   term->mask == UINT64_MAX && term->low <= UINT16_MAX) {
		wish->request.by_zone = true;
		wish->request.zone = term->low;
	}
}

/* `not assured` and its like: one bit that must be clear. */
static void wish_not(struct wish *wish, const struct node *node)
{
	const struct test *test = &node->test;
	const struct term *term = test->terms;

	if (node->type != NODE_TEST || test->count != 1 || test->terms_count != 1 || !test->exact ||
	    test->fields[0]->offset != offsetof(struct flow, status))
		return;
	/* Only a single bit has one opposite. */
	if (term->mask && !(term->mask & (term->mask - 1)))
		wish_status(wish, term->mask & ~term->low, term->mask);
}

static void collect(struct wish *wish, const struct node *node)
{
	switch (node->type) {
	case NODE_AND:
		collect(wish, node->left);
		collect(wish, node->right);
		break;
	case NODE_NOT:
		wish_not(wish, node->left);
		break;
	case NODE_TEST:
		wish_test(wish, &node->test);
		break;
	case NODE_OR:
		break;
	}
}

/* Ports need the protocol beside them and are compared for TCP and UDP only; a tuple needs the
 * family (kernel: ctnetlink_alloc_filter()). */
static void settle(struct wish *wish)
{
	bool ports = wish->by_proto &&
		     (wish->protonum == IPPROTO_TCP || wish->protonum == IPPROTO_UDP);

	for (int i = 0; i < 2; i++) {
		if (!ports)
			wish->request.side[i].flags &= ~(F_SRC_PORT | F_DST_PORT);
		if (wish->request.family == AF_INET6)
			wish->request.side[i].flags &= ~(F_IP_SRC | F_IP_DST);
	}
	if (!wish->by_proto)
		return;
	for (int i = 0; i < 2; i++) {
		if (i && !wish->request.side[i].flags)
			continue;
		wish->request.side[i].tuple.protonum = wish->protonum;
		wish->request.side[i].flags |= F_PROTO_NUM;
	}
}

unsigned pushdown(const struct filter *filter, struct request *requests)
{
	struct wish wish = { .none = false };

	if (filter->root)
		collect(&wish, filter->root);
	requests[0] = (struct request){ 0 };
	if (wish.none)		/* it contradicts itself: let the tests say so */
		return 1;
	settle(&wish);
	requests[0] = wish.request;
	if (wish.request.family || !wish.request.side[0].flags)
		return 1;
	requests[0].family = AF_INET;
	requests[1] = wish.request;
	requests[1].family = AF_INET6;
	return 2;
}

static void explain_side(struct out *out, const struct request *request, unsigned side)
{
	uint32_t flags = request->side[side].flags;
	const struct tuple *tuple = &request->side[side].tuple;

	if (flags & F_PROTO_NUM)
		out_format(out, ", %s protocol %u", side ? "reply" : "original", tuple->protonum);
	for (unsigned i = 0; i < PARTS; i++) {
		const struct endpoint *end = parts[i].flag & (F_IP_SRC | F_SRC_PORT) ? &tuple->src
										      : &tuple->dst;

		if (parts[i].side != side || !(flags & parts[i].flag))
			continue;
		out_format(out, ", %s ", parts[i].name);
		out_room(out, OUT_ROOM);
		if (parts[i].flag & (F_IP_SRC | F_IP_DST))
			put_address(out, request->family, &end->addr);
		else
			put_number(out, end->port);
	}
}

void pushdown_explain(struct out *out, const struct request *request)
{
	size_t start = out_length(out);

	if (request->family)
		out_format(out, ", family %s", request->family == AF_INET ? "ipv4" : "ipv6");
	explain_side(out, request, 0);
	explain_side(out, request, 1);
	if (request->by_mark)
		out_format(out, ", mark 0x%x/0x%x", request->mark, request->mark_mask);
	if (request->by_status)
		out_format(out, ", status 0x%x/0x%x", request->status, request->status_mask);
	if (request->by_zone)
		out_format(out, ", zone %u", request->zone);
	if (out_length(out) >= start + 2) {
		memmove(out->buf + start, out->buf + start + 2, out_length(out) - start - 2);
		out->at -= 2;
	}
}
