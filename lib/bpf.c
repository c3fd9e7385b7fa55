/* Compiles the unchanging part of a filter to classic BPF for a socket of events. */
#include "bpf.h"

#include <arpa/inet.h>
#include <string.h>

#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

enum { CODE = 2048, LABELS_MOST = 1024 };

/* Where a datagram holds what: nlmsghdr, nfgenmsg, attributes. */
enum { AT_FAMILY = 16, AT_ATTRIBUTES = 20 };

/*
 * The members of struct flow that can be tested, and where they are in the message. `exact`: the
 * field is present in every event, so that the test may be negated.
 */
static const struct where {
	uint16_t offset;
	uint8_t tuple, nest, attribute;	/* for addresses that of IPv4; IPv6 is two further on */
	bool exact;
} wheres[] = {
	{ offsetof(struct flow, orig.src.addr), CTA_TUPLE_ORIG, CTA_TUPLE_IP, CTA_IP_V4_SRC, true },
	{ offsetof(struct flow, orig.dst.addr), CTA_TUPLE_ORIG, CTA_TUPLE_IP, CTA_IP_V4_DST, true },
	{ offsetof(struct flow, reply.src.addr), CTA_TUPLE_REPLY, CTA_TUPLE_IP, CTA_IP_V4_SRC, true },
	{ offsetof(struct flow, reply.dst.addr), CTA_TUPLE_REPLY, CTA_TUPLE_IP, CTA_IP_V4_DST, true },
	/* GRE has its keys there, which are no ports. */
	{ offsetof(struct flow, orig.src.port), CTA_TUPLE_ORIG, CTA_TUPLE_PROTO, CTA_PROTO_SRC_PORT, false },
	{ offsetof(struct flow, orig.dst.port), CTA_TUPLE_ORIG, CTA_TUPLE_PROTO, CTA_PROTO_DST_PORT, false },
	{ offsetof(struct flow, reply.src.port), CTA_TUPLE_REPLY, CTA_TUPLE_PROTO, CTA_PROTO_SRC_PORT, false },
	{ offsetof(struct flow, reply.dst.port), CTA_TUPLE_REPLY, CTA_TUPLE_PROTO, CTA_PROTO_DST_PORT, false },
	{ offsetof(struct flow, protonum), CTA_TUPLE_ORIG, CTA_TUPLE_PROTO, CTA_PROTO_NUM, true },
	{ offsetof(struct flow, family), 0, 0, 0, true },
};

static const struct where *where_of(const struct field *field)
{
	for (unsigned i = 0; i < sizeof(wheres) / sizeof(*wheres); i++)
		if (wheres[i].offset == field->offset)
			return &wheres[i];
	return NULL;
}

static bool is_kind(const struct field *field)
{
	return field->kind == &kind_family || field->kind == &kind_proto ||
	       field->kind == &kind_number || field->kind == &kind_port ||
	       field->kind == &kind_address;
}

/* Whether the kernel can do this test at all. One that is negated must be exact. */
static bool can(const struct test *test)
{
	if (test->absent)
		return false;
	for (unsigned i = 0; i < test->count; i++) {
		const struct where *where = where_of(test->fields[i]);

		if (!where || !is_kind(test->fields[i]) || (test->negate && test->count > 1))
			return false;
	}
	for (unsigned i = 0; i < test->terms_count; i++)
		if (test->fields[0]->kind != &kind_address && test->terms[i].mask != UINT64_MAX)
			return false;
	return true;
}

static bool exact(const struct node *node)
{
	const struct test *test = &node->test;

	if (node->type != NODE_TEST)
		return exact(node->left) && (node->type == NODE_NOT || exact(node->right));
	if (!can(test))
		return false;
	for (unsigned i = 0; i < test->count; i++)
		if (!where_of(test->fields[i])->exact ||
		    (test->fields[i]->has & (HAS_SNAT | HAS_DNAT)))
			return false;
	return true;
}

/* Jumps are written to labels and resolved at the end; all go forward. */
struct builder {
	struct sock_filter code[CODE];
	int label[CODE];		/* of a jump; -1: none */
	unsigned places[LABELS_MOST];
	unsigned count, labels;
	bool full;
};

static void put(struct builder *b, uint16_t code, uint8_t jt, uint8_t jf, uint32_t k, int label)
{
	if (b->count == CODE) {
		b->full = true;
		return;
	}
	b->label[b->count] = label;
	b->code[b->count++] = (struct sock_filter){ code, jt, jf, k };
}

static int new_label(struct builder *b)
{
	if (b->labels == LABELS_MOST) {
		b->full = true;
		return 0;
	}
	return b->labels++;
}

static void set_label(struct builder *b, int label)
{
	b->places[label] = b->count;
}

static void jump(struct builder *b, int label)
{
	put(b, BPF_JMP | BPF_JA, 0, 0, 0, label);
}

/* If the comparison of A with k holds, go to `yes`, else to `no`; -1: go on. Conditional jumps reach
 * 255 instructions, so they only step over the long ones. */
static void branch(struct builder *b, unsigned comparison, uint32_t k, int yes, int no)
{
	put(b, BPF_JMP | comparison | BPF_K, yes < 0 && no >= 0, yes >= 0, k, -1);
	if (yes >= 0)
		jump(b, yes);
	if (no >= 0)
		jump(b, no);
}

/* A becomes the offset of an attribute within the attributes, or within the nest at A; 0: absent. */
static void find(struct builder *b, unsigned attribute, bool nested)
{
	put(b, BPF_LDX | BPF_IMM, 0, 0, attribute, -1);
	put(b, BPF_LD | BPF_B | BPF_ABS, 0, 0,
	    SKF_AD_OFF + (nested ? SKF_AD_NLATTR_NEST : SKF_AD_NLATTR), -1);
}

/* X becomes the offset of the value; to `absent` if it is not there. */
static void locate(struct builder *b, const struct where *where, unsigned attribute, int absent)
{
	put(b, BPF_LD | BPF_IMM, 0, 0, AT_ATTRIBUTES, -1);
	find(b, where->tuple, false);
	branch(b, BPF_JEQ, 0, absent, -1);
	find(b, where->nest, true);
	branch(b, BPF_JEQ, 0, absent, -1);
	find(b, attribute, true);
	branch(b, BPF_JEQ, 0, absent, -1);
	put(b, BPF_MISC | BPF_TAX, 0, 0, 0, -1);
}

static void load(struct builder *b, unsigned size, unsigned offset)
{
	put(b, BPF_LD | size | BPF_IND, 0, 0, NLA_HDRLEN + offset, -1);
}

/* A between low and high: yes, else no. */
static void range(struct builder *b, uint64_t low, uint64_t high, int yes, int no)
{
	if (low > UINT32_MAX) {
		jump(b, no);
		return;
	}
	if (low == high) {
		branch(b, BPF_JEQ, low, yes, no);
		return;
	}
	branch(b, BPF_JGE, low, -1, no);
	if (high < UINT32_MAX)
		branch(b, BPF_JGT, high, no, yes);
	else
		jump(b, yes);
}

/* Word by word while the ends are the same; what follows the first difference is only a prefix if
 * the rest is all zeros and ones, else let pass what has the right beginning. */
static void address(struct builder *b, const struct where *where, const struct term *term, int yes,
		    int no)
{
	unsigned words = term->family == AF_INET ? 1 : 4;

	put(b, BPF_LD | BPF_B | BPF_ABS, 0, 0, AT_FAMILY, -1);
	branch(b, BPF_JEQ, term->family, -1, no);
	locate(b, where, where->attribute + (words == 4 ? CTA_IP_V6_SRC - CTA_IP_V4_SRC : 0), no);
	for (unsigned i = 0; i < words; i++) {
		uint32_t low = ntohl(term->from.word[i]), high = ntohl(term->to.word[i]);

		load(b, BPF_W, 4 * i);
		if (low != high || i == words - 1) {
			range(b, low, high, yes, no);
			return;
		}
		branch(b, BPF_JEQ, low, -1, no);
	}
}

/* Whether address() says neither more nor less than the term. */
static bool is_prefix(const struct term *term)
{
	unsigned words = term->family == AF_INET ? 1 : 4, i = 0;

	while (i < words && term->from.word[i] == term->to.word[i])
		i++;
	for (i++; i < words; i++)
		if (term->from.word[i] || term->to.word[i] != UINT32_MAX)
			return false;
	return true;
}

static void term(struct builder *b, const struct field *field, const struct term *value, int yes, int no)
{
	const struct where *where = where_of(field);
	uint64_t high = field->kind == &kind_proto || field->kind == &kind_family ? value->low
										  : value->high;

	if (field->kind == &kind_address) {
		address(b, where, value, yes, no);
		return;
	}
	if (field->kind == &kind_family) {
		put(b, BPF_LD | BPF_B | BPF_ABS, 0, 0, AT_FAMILY, -1);
	} else {
		locate(b, where, where->attribute, no);
		load(b, field->kind == &kind_port ? BPF_H : BPF_B, 0);
	}
	range(b, value->low, high, yes, no);
}

/* Any field, any value. A negated test holds if the field is there and none fits. */
static void test(struct builder *b, const struct test *t, int yes, int no)
{
	for (unsigned i = 0; i < t->count; i++)
		for (unsigned j = 0; j < t->terms_count; j++) {
			int next = new_label(b);

			term(b, t->fields[i], &t->terms[j], t->negate ? no : yes, next);
			set_label(b, next);
		}
	jump(b, t->negate ? yes : no);
}

static bool all_prefixes(const struct test *t)
{
	for (unsigned i = 0; t->fields[0]->kind == &kind_address && i < t->terms_count; i++)
		if (!is_prefix(&t->terms[i]))
			return false;
	return true;
}

static bool invertible(const struct node *node)
{
	if (node->type != NODE_TEST)
		return invertible(node->left) && (node->type == NODE_NOT || invertible(node->right));
	return exact(node) && all_prefixes(&node->test);
}

static bool testable(const struct test *t)
{
	return can(t) && (!t->negate || all_prefixes(t));
}

static void compile(struct builder *b, const struct node *node, int yes, int no)
{
	int next;

	switch (node->type) {
	case NODE_NOT:
		if (invertible(node->left))
			compile(b, node->left, no, yes);
		else
			jump(b, yes);
		break;
	case NODE_AND:
	case NODE_OR:
		next = new_label(b);
		compile(b, node->left, node->type == NODE_AND ? next : yes,
			node->type == NODE_AND ? no : next);
		set_label(b, next);
		compile(b, node->right, yes, no);
		break;
	case NODE_TEST:
		if (testable(&node->test))
			test(b, &node->test, yes, no);
		else
			jump(b, yes);
	}
}

static bool tests_anything(const struct node *node)
{
	switch (node->type) {
	case NODE_NOT:
		return invertible(node->left);
	case NODE_AND:
		return tests_anything(node->left) || tests_anything(node->right);
	case NODE_OR:
		return tests_anything(node->left) && tests_anything(node->right);
	case NODE_TEST:
		break;
	}
	return testable(&node->test);
}

/* The subsystem is the high byte of nlmsg_type, which is in host order. */
static unsigned subsystem_offset(void)
{
	return 4 + (htons(1) != 1);
}

static unsigned resolve(const struct builder *b, struct sock_filter *program)
{
	for (unsigned i = 0; i < b->count; i++) {
		program[i] = b->code[i];
		if (b->label[i] >= 0)
			program[i].k = b->places[b->label[i]] - i - 1;
	}
	return b->count;
}

unsigned bpf_compile(const struct filter *filter, struct sock_filter *program, unsigned most)
{
	struct builder b = { .count = 0 };
	int yes, no;

	if (!filter->root || !tests_anything(filter->root))
		return 0;
	yes = new_label(&b);
	no = new_label(&b);
	put(&b, BPF_LD | BPF_B | BPF_ABS, 0, 0, subsystem_offset(), -1);
	branch(&b, BPF_JEQ, NFNL_SUBSYS_CTNETLINK, -1, yes);
	compile(&b, filter->root, yes, no);
	set_label(&b, yes);
	put(&b, BPF_RET | BPF_K, 0, 0, UINT32_MAX, -1);
	set_label(&b, no);
	put(&b, BPF_RET | BPF_K, 0, 0, 0, -1);
	return b.full || b.count > most ? 0 : resolve(&b, program);
}

static bool passes(const struct node *node, const struct flow *flow)
{
	switch (node->type) {
	case NODE_NOT:
		return !invertible(node->left) || !node_match(node->left, flow);
	case NODE_AND:
		return passes(node->left, flow) && passes(node->right, flow);
	case NODE_OR:
		return passes(node->left, flow) || passes(node->right, flow);
	case NODE_TEST:
		break;
	}
	return !testable(&node->test) || node_match(node, flow);
}

bool bpf_passes(const struct filter *filter, const struct flow *flow)
{
	return !filter->root || passes(filter->root, flow);
}

static void explain(struct out *out, const struct node *node)
{
	const struct test *t = &node->test;

	if (!tests_anything(node))
		return;
	if (node->type != NODE_TEST) {
		explain(out, node->left);
		if (node->type != NODE_NOT)
			explain(out, node->right);
		return;
	}
	for (unsigned i = 0; i < t->count; i++) {
		out_text(out, " ");
		out_text(out, t->fields[i]->name);
	}
}

void bpf_explain(struct out *out, const struct filter *filter)
{
	if (filter->root)
		explain(out, filter->root);
}
