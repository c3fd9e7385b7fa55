/* Tests of lib/flow.c: another decoder agrees, what is unknown is skipped, what is broken is refused. */
#include "dump.h"

#include "field.h"

#include <arpa/inet.h>
#include <sys/mman.h>

#include <libnetfilter_conntrack/libnetfilter_conntrack.h>
#include <linux/netfilter/nf_conntrack_common.h>

static struct dump table;
static bool filled;

static int fill(void **state)
{
	(void)state;
	filled = dump_fill(&table);
	return 0;
}

static int release(void **state)
{
	(void)state;
	dump_release(&table);
	return 0;
}

static void need_table(void)
{
	if (!filled)
		skip();
}

/* A member of struct flow under the library's name. `net`: the library has it in network order. */
struct row {
	int attr;
	uint64_t has;
	size_t offset;
	uint8_t size, family;
	bool net;
};
#define AT(member) offsetof(struct flow, member), sizeof(((struct flow *)0)->member)
#define ADDR(attr, bit, member) \
	{ ATTR_##attr##_IPV4_SRC, bit, offsetof(struct flow, member.src.addr), 4, AF_INET, false }, \
	{ ATTR_##attr##_IPV4_DST, bit, offsetof(struct flow, member.dst.addr), 4, AF_INET, false }, \
	{ ATTR_##attr##_IPV6_SRC, bit, offsetof(struct flow, member.src.addr), 16, AF_INET6, false }, \
	{ ATTR_##attr##_IPV6_DST, bit, offsetof(struct flow, member.dst.addr), 16, AF_INET6, false }
#define PORTS(attr, bits, member) \
	{ ATTR_##attr##_PORT_SRC, bits, AT(member.src.port), 0, true }, \
	{ ATTR_##attr##_PORT_DST, bits, AT(member.dst.port), 0, true }

static const struct row rows[] = {
	ADDR(ORIG, HAS_ORIG_ADDR, orig), ADDR(REPL, HAS_REPLY_ADDR, reply),
	ADDR(MASTER, HAS_MASTER_ADDR, master),
	PORTS(ORIG, HAS_ORIG_PORTS | HAS_ORIG_GRE, orig),
	PORTS(REPL, HAS_REPLY_PORTS | HAS_REPLY_GRE, reply),
	PORTS(MASTER, HAS_MASTER_PORTS | HAS_MASTER_GRE, master),
	{ ATTR_ORIG_L3PROTO, HAS_FAMILY, AT(family), 0, false },
	{ ATTR_REPL_L3PROTO, HAS_FAMILY, AT(family), 0, false },
	{ ATTR_ORIG_L4PROTO, HAS_PROTO, AT(protonum), 0, false },
	{ ATTR_REPL_L4PROTO, HAS_REPLY_ADDR, AT(reply.protonum), 0, false },
	{ ATTR_MASTER_L4PROTO, HAS_MASTER_ADDR, AT(master.protonum), 0, false },
	{ ATTR_TIMEOUT, HAS_TIMEOUT, AT(timeout), 0, false },
	{ ATTR_MARK, HAS_MARK, AT(mark), 0, false },
	{ ATTR_USE, HAS_USE, AT(use), 0, false },
	{ ATTR_ID, HAS_ID, AT(id), 0, false },
	{ ATTR_STATUS, HAS_STATUS, AT(status), 0, false },
	{ ATTR_ZONE, HAS_ZONE, AT(zone), 0, false },
	{ ATTR_ORIG_ZONE, HAS_ORIG_ZONE, AT(orig.zone), 0, false },
	{ ATTR_REPL_ZONE, HAS_REPLY_ZONE, AT(reply.zone), 0, false },
	{ ATTR_ORIG_COUNTER_PACKETS, HAS_ORIG_COUNTERS, AT(counters[0].packets), 0, false },
	{ ATTR_ORIG_COUNTER_BYTES, HAS_ORIG_COUNTERS, AT(counters[0].bytes), 0, false },
	{ ATTR_REPL_COUNTER_PACKETS, HAS_REPLY_COUNTERS, AT(counters[1].packets), 0, false },
	{ ATTR_REPL_COUNTER_BYTES, HAS_REPLY_COUNTERS, AT(counters[1].bytes), 0, false },
	{ ATTR_TIMESTAMP_START, HAS_START, AT(start), 0, false },
	{ ATTR_TIMESTAMP_STOP, HAS_STOP, AT(stop), 0, false },
	{ ATTR_TCP_FLAGS_ORIG, HAS_TCPFLAGS_ORIG, AT(tcpflags[0]), 0, false },
	{ ATTR_TCP_FLAGS_REPL, HAS_TCPFLAGS_REPLY, AT(tcpflags[1]), 0, false },
	{ ATTR_TCP_WSCALE_ORIG, HAS_WSCALE_ORIG, AT(wscale[0]), 0, false },
	{ ATTR_TCP_WSCALE_REPL, HAS_WSCALE_REPLY, AT(wscale[1]), 0, false },
	{ ATTR_SCTP_VTAG_ORIG, HAS_VTAG_ORIG, AT(vtag[0]), 0, false },
	{ ATTR_SCTP_VTAG_REPL, HAS_VTAG_REPLY, AT(vtag[1]), 0, false },
	{ ATTR_ORIG_NAT_SEQ_CORRECTION_POS, HAS_SEQADJ_ORIG, AT(seqadj[0].correction_pos), 0, false },
	{ ATTR_ORIG_NAT_SEQ_OFFSET_BEFORE, HAS_SEQADJ_ORIG, AT(seqadj[0].offset_before), 0, false },
	{ ATTR_ORIG_NAT_SEQ_OFFSET_AFTER, HAS_SEQADJ_ORIG, AT(seqadj[0].offset_after), 0, false },
	{ ATTR_REPL_NAT_SEQ_CORRECTION_POS, HAS_SEQADJ_REPLY, AT(seqadj[1].correction_pos), 0, false },
	{ ATTR_REPL_NAT_SEQ_OFFSET_BEFORE, HAS_SEQADJ_REPLY, AT(seqadj[1].offset_before), 0, false },
	{ ATTR_REPL_NAT_SEQ_OFFSET_AFTER, HAS_SEQADJ_REPLY, AT(seqadj[1].offset_after), 0, false },
	{ ATTR_SYNPROXY_ISN, HAS_SYNPROXY, AT(synproxy.isn), 0, false },
	{ ATTR_SYNPROXY_ITS, HAS_SYNPROXY, AT(synproxy.its), 0, false },
	{ ATTR_SYNPROXY_TSOFF, HAS_SYNPROXY, AT(synproxy.tsoff), 0, false },
};

enum { ROWS = sizeof(rows) / sizeof(*rows) };

static void compare_row(const struct row *row, const struct flow *flow, const struct nf_conntrack *ct,
			unsigned *seen)
{
	const void *theirs = nfct_get_attr(ct, row->attr);
	const uint8_t *mine = (const uint8_t *)flow + row->offset;
	bool has = (flow->has & row->has) && (!row->family || flow->family == row->family);
	uint8_t turned[16];

	/* The kernel sends synproxy's zeros along: to us they are absent. */
	if (!has && row->has == HAS_SYNPROXY && theirs) {
		assert_int_equal(*(const uint32_t *)theirs, 0);
		return;
	}
	assert_int_equal(has, theirs != NULL);
	if (!has)
		return;
	++*seen;
	for (unsigned i = 0; i < row->size; i++)
		turned[i] = mine[row->net ? row->size - 1u - i : i];
	assert_memory_equal(turned, theirs, row->size);
}

/* The library has one number of each for a flow: that of the original direction. */
static void compare_icmp(const struct flow *flow, const struct nf_conntrack *ct)
{
	assert_int_equal(nfct_attr_is_set(ct, ATTR_ICMP_TYPE) > 0, (flow->has & HAS_ORIG_ICMP) != 0);
	if (!(flow->has & HAS_ORIG_ICMP))
		return;
	assert_int_equal(nfct_get_attr_u8(ct, ATTR_ICMP_TYPE), flow->orig.icmp_type);
	assert_int_equal(nfct_get_attr_u8(ct, ATTR_ICMP_CODE), flow->orig.icmp_code);
	assert_int_equal(ntohs(nfct_get_attr_u16(ct, ATTR_ICMP_ID)), flow->orig.icmp_id);
}

static void compare_state(const struct flow *flow, const struct nf_conntrack *ct)
{
	static const struct { int attr; uint8_t protonum; } states[] = {
		{ ATTR_TCP_STATE, IPPROTO_TCP }, { ATTR_SCTP_STATE, IPPROTO_SCTP },
		{ ATTR_DCCP_STATE, IPPROTO_DCCP },
	};
	bool any = false;

	for (unsigned i = 0; i < sizeof(states) / sizeof(*states); i++) {
		if (nfct_attr_is_set(ct, states[i].attr) <= 0)
			continue;
		any = true;
		assert_int_equal(flow->protonum, states[i].protonum);
		assert_int_equal(state_raw(flow->protonum, flow->state), nfct_get_attr_u8(ct, states[i].attr));
	}
	assert_int_equal(any, (flow->has & HAS_STATE) != 0);
}

static void compare_labels(const struct flow *flow, const struct nf_conntrack *ct)
{
	const struct nfct_bitmask *labels = nfct_get_attr(ct, ATTR_CONNLABELS);

	assert_int_equal(labels != NULL, (flow->has & HAS_LABELS) != 0);
	for (unsigned i = 0; labels && i < LABELS; i++)
		assert_int_equal(nfct_bitmask_test_bit(labels, i), flow->labels[i / 8] >> i % 8 & 1);
}

static void compare_helper(const struct flow *flow, const struct nf_conntrack *ct)
{
	const char *helper = nfct_get_attr(ct, ATTR_HELPER_NAME);

	assert_int_equal(helper != NULL, (flow->has & HAS_HELPER) != 0);
	if (helper)
		assert_string_equal(helper, flow->helper);
}

static void the_library_reads_the_same(void **state)
{
	unsigned seen[ROWS] = { 0 };

	(void)state;
	need_table();
	for (unsigned i = 0; i < table.count; i++) {
		struct nf_conntrack *ct = nfct_new();
		struct flow flow;

		assert_int_equal(nfct_nlmsg_parse(table.message[i], ct), 0);
		assert_true(flow_decode(&flow, table.message[i], HAS_ALL));
		for (unsigned j = 0; j < ROWS; j++)
			compare_row(&rows[j], &flow, ct, &seen[j]);
		compare_icmp(&flow, ct);
		compare_state(&flow, ct);
		compare_labels(&flow, ct);
		compare_helper(&flow, ct);
		nfct_destroy(ct);
	}
	/* A table that lacks something would prove nothing about it. */
	for (unsigned j = 0; j < ROWS; j++)
		if (!seen[j] && rows[j].attr != ATTR_TIMESTAMP_STOP)
			fail_msg("no flow with attribute %d", rows[j].attr);
}

static void compare_tuple(const struct nf_conntrack *ct, uint8_t family, const struct tuple *tuple)
{
	bool six = family == AF_INET6;

	assert_memory_equal(nfct_get_attr(ct, six ? ATTR_ORIG_IPV6_SRC : ATTR_ORIG_IPV4_SRC), &tuple->src.addr,
			    six ? 16 : 4);
	assert_memory_equal(nfct_get_attr(ct, six ? ATTR_ORIG_IPV6_DST : ATTR_ORIG_IPV4_DST), &tuple->dst.addr,
			    six ? 16 : 4);
	assert_int_equal(nfct_get_attr_u8(ct, ATTR_ORIG_L4PROTO), tuple->protonum);
	assert_int_equal(ntohs(nfct_get_attr_u16(ct, ATTR_ORIG_PORT_SRC)), tuple->src.port);
	assert_int_equal(ntohs(nfct_get_attr_u16(ct, ATTR_ORIG_PORT_DST)), tuple->dst.port);
}

static void compare_expectation(const struct nf_expect *exp, const struct flow *flow)
{
	compare_tuple(nfexp_get_attr(exp, ATTR_EXP_EXPECTED), flow->family, &flow->orig);
	compare_tuple(nfexp_get_attr(exp, ATTR_EXP_MASK), flow->family, &flow->expect.mask);
	compare_tuple(nfexp_get_attr(exp, ATTR_EXP_MASTER), flow->family, &flow->master);
	assert_int_equal(nfexp_get_attr_u32(exp, ATTR_EXP_TIMEOUT), flow->timeout);
	assert_int_equal(nfexp_get_attr_u32(exp, ATTR_EXP_FLAGS), flow->expect.flags);
	assert_int_equal(nfexp_get_attr_u32(exp, ATTR_EXP_CLASS), flow->expect.class);
	assert_string_equal(nfexp_get_attr(exp, ATTR_EXP_HELPER_NAME), flow->helper);
	assert_int_equal(nfexp_attr_is_set(exp, ATTR_EXP_NAT_TUPLE) > 0, (flow->has & HAS_EXPECT_NAT) != 0);
	if (!(flow->has & HAS_EXPECT_NAT))
		return;
	compare_tuple(nfexp_get_attr(exp, ATTR_EXP_NAT_TUPLE), flow->family, &flow->expect.nat);
	assert_string_equal(nfexp_get_attr(exp, ATTR_EXP_FN), flow->expect.fn);
}

static void the_library_reads_the_same_expectations(void **state)
{
	unsigned translated = 0;
	struct dump expected = { .count = 0 };

	(void)state;
	need_table();
	dump_table(&expected, NFNL_SUBSYS_CTNETLINK_EXP);
	assert_int_equal(expected.count, EXPECTATIONS);
	for (unsigned i = 0; i < expected.count; i++) {
		struct nf_expect *exp = nfexp_new();
		struct flow flow;

		assert_int_equal(nfexp_nlmsg_parse(expected.message[i], exp), 0);
		assert_true(flow_decode(&flow, expected.message[i], HAS_ALL));
		assert_int_equal(flow.what, WHAT_EXPECT);
		compare_expectation(exp, &flow);
		translated += (flow.has & HAS_EXPECT_NAT) != 0;
		nfexp_destroy(exp);
	}
	assert_true(translated > 0);
	dump_release(&expected);
}

/* ---- what is unknown ---- */

static uint64_t seed = 88172645463325252u;

static uint32_t draw(uint32_t below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (seed >> 16) % below;
}

/* An attribute of a kernel to come: its number is above all that are known. */
static void put_unknown(struct nlmsghdr *message)
{
	uint8_t payload[16];

	memset(payload, 0xff, sizeof(payload));
	mnl_attr_put(message, 200 + draw(16000), draw(sizeof(payload)), payload);
}

static void copy_attributes(struct nlmsghdr *to, const struct nlattr *attr, size_t left)
{
	put_unknown(to);
	while (mnl_attr_ok(attr, left)) {
		size_t step = MNL_ALIGN(attr->nla_len);

		if (attr->nla_type & NLA_F_NESTED) {
			struct nlattr *nest = mnl_attr_nest_start(to, mnl_attr_get_type(attr));

			copy_attributes(to, mnl_attr_get_payload(attr), mnl_attr_get_payload_len(attr));
			mnl_attr_nest_end(to, nest);
		} else {
			mnl_attr_put(to, mnl_attr_get_type(attr), mnl_attr_get_payload_len(attr),
				     mnl_attr_get_payload(attr));
		}
		put_unknown(to);
		left -= step < left ? step : left;
		attr = mnl_attr_next(attr);
	}
}

static size_t pack(const struct flow *flow, uint8_t *buffer)
{
	memset(buffer, 0, FLOW_PACKED);
	return flow_pack(flow, HAS_ALL, buffer);
}

static void unknown_attributes_are_skipped(void **state)
{
	static char buffer[65536];
	uint8_t before[FLOW_PACKED], after[FLOW_PACKED];
	struct nlmsghdr *message = (void *)buffer;
	const size_t head = NLMSG_HDRLEN + sizeof(struct nfgenmsg);
	struct flow flow;

	(void)state;
	need_table();
	for (unsigned i = 0; i < table.count; i++) {
		const struct nlmsghdr *plain = table.message[i];

		memcpy(buffer, plain, head);
		message->nlmsg_len = head;
		copy_attributes(message, (const void *)((const char *)plain + head), plain->nlmsg_len - head);
		assert_true(flow_decode(&flow, plain, HAS_ALL));
		memset(after, 0, sizeof(after));
		size_t length = pack(&flow, before);
		assert_true(flow_decode(&flow, message, HAS_ALL));
		assert_int_equal(pack(&flow, after), length);
		assert_memory_equal(before, after, length);
	}
}

static void only_what_is_wanted_is_decoded(void **state)
{
	struct flow flow;

	(void)state;
	need_table();
	for (unsigned i = 0; i < table.count; i++) {
		assert_true(flow_decode(&flow, table.message[i], HAS_ORIG_PORTS));
		assert_false(flow.has & (HAS_TIMEOUT | HAS_MARK | HAS_ID | HAS_REPLY_ADDR | HAS_STATUS | HAS_STATE));
		assert_true(flow.has & HAS_ORIG_ADDR);
	}
}

/* ---- what is broken ---- */

static void check_flow(const struct flow *flow)
{
	assert_true(flow->has & HAS_ORIG_ADDR);
	if (flow->has & HAS_HELPER)
		assert_true(strnlen(flow->helper, HELPER_SIZE) < HELPER_SIZE);
	if (flow->has & HAS_SECCTX)
		assert_true(strnlen(flow->secctx, SECCTX_SIZE) < SECCTX_SIZE);
	if (flow->has & HAS_EXPECT_FN)
		assert_true(strnlen(flow->expect.fn, FN_SIZE) < FN_SIZE);
}

/* The last byte lies before a page that cannot be read: no sanitizer is needed to see. */
static uint8_t *page_end(void)
{
	size_t page = sysconf(_SC_PAGESIZE);
	uint8_t *pages = mmap(NULL, 3 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_true(pages != MAP_FAILED);
	assert_int_equal(mprotect(pages + 2 * page, page, PROT_NONE), 0);
	return pages + 2 * page;
}

/* The head still claims the whole length: then it is no message; and with the length put right. */
static void cut(const struct nlmsghdr *whole, size_t length, uint8_t *end)
{
	struct nlmsghdr *message = malloc(length ? length : 1);
	struct flow flow;

	memcpy(message, whole, length);
	assert_false(message_ok(message, length));
	if (length >= NLMSG_HDRLEN) {
		message->nlmsg_len = length;
		assert_true(message_ok(message, length));
		if (flow_decode(&flow, message, HAS_ALL))
			check_flow(&flow);
		if (length % 4 == 0) {
			memcpy(end - length, message, length);
			flow_decode(&flow, (void *)(end - length), HAS_ALL);
		}
	}
	free(message);
}

static void every_truncation_stays_within_its_bytes(void **state)
{
	uint8_t *end = page_end();

	(void)state;
	need_table();
	for (unsigned i = 0; i < table.count && i < 400; i++)
		for (size_t length = 0; length < table.message[i]->nlmsg_len; length++)
			cut(table.message[i], length, end);
}

static void every_corruption_stays_within_its_bytes(void **state)
{
	uint8_t *end = page_end();
	unsigned refused = 0;
	struct flow flow;

	(void)state;
	need_table();
	for (unsigned i = 0; i < 200000; i++) {
		const struct nlmsghdr *whole = table.message[draw(table.count)];
		size_t length = whole->nlmsg_len, head = NLMSG_HDRLEN;
		struct nlmsghdr *message = (void *)(end - length);

		memcpy(message, whole, length);
		for (unsigned n = 1 + draw(4); n; n--)
			((uint8_t *)message)[head + draw(length - head)] = draw(2) ? draw(256) : draw(2) ? 0 : 255;
		if (flow_decode(&flow, message, HAS_ALL))
			check_flow(&flow);
		else
			refused++;
	}
	assert_true(refused > 1000);
}

static void lengths_beyond_the_buffer_are_no_messages(void **state)
{
	static const uint32_t bad[] = { 0, 1, 15, 21, 4096, 0x7fffffff, 0x80000000, 0xffffffff };
	struct nlmsghdr head[2] = { { 0 } };

	(void)state;
	for (unsigned i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		head[0].nlmsg_len = bad[i];
		assert_false(message_ok(head, 20));
	}
	head[0].nlmsg_len = 20;
	assert_true(message_ok(head, 20));
	assert_false(message_ok(head, 15));
}

/* ---- made by hand ---- */

static void put_tuple(struct nlmsghdr *message, unsigned type, uint32_t src, uint32_t dst, uint16_t sport,
		      uint16_t dport)
{
	struct nlattr *nest = mnl_attr_nest_start(message, type);
	struct nlattr *inner = mnl_attr_nest_start(message, CTA_TUPLE_IP);

	mnl_attr_put_u32(message, CTA_IP_V4_SRC, htonl(src));
	mnl_attr_put_u32(message, CTA_IP_V4_DST, htonl(dst));
	mnl_attr_nest_end(message, inner);
	inner = mnl_attr_nest_start(message, CTA_TUPLE_PROTO);
	mnl_attr_put_u8(message, CTA_PROTO_NUM, IPPROTO_TCP);
	mnl_attr_put_u16(message, CTA_PROTO_SRC_PORT, htons(sport));
	mnl_attr_put_u16(message, CTA_PROTO_DST_PORT, htons(dport));
	mnl_attr_nest_end(message, inner);
	mnl_attr_nest_end(message, nest);
}

static struct nlmsghdr *begin(void *buffer, unsigned flags)
{
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
	struct nfgenmsg *nfgen = mnl_nlmsg_put_extra_header(message, sizeof(*nfgen));

	message->nlmsg_type = NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_NEW;
	message->nlmsg_flags = flags;
	nfgen->nfgen_family = AF_INET;
	put_tuple(message, CTA_TUPLE_ORIG, 0x0a000001, 0xc0000201, 4000, 443);
	put_tuple(message, CTA_TUPLE_REPLY, 0xc0000201, 0xcb007105, 443, 5000);
	return message;
}

/* In a dump the kernel leaves out timeout and state of what is in a flowtable (kernel.md 4). */
static void offloaded_flow_has_no_time_and_no_state(void **state)
{
	static char buffer[4096];
	struct nlmsghdr *message = begin(buffer, NLM_F_MULTI);
	const struct field *flags = field_find("flags", 5);
	struct out out;
	struct flow flow;

	(void)state;
	mnl_attr_put_u32(message, CTA_STATUS, htonl(IPS_SEEN_REPLY | IPS_CONFIRMED | IPS_ASSURED | IPS_OFFLOAD |
						    IPS_SRC_NAT));
	assert_true(flow_decode(&flow, message, HAS_ALL));
	assert_false(flow.has & (HAS_TIMEOUT | HAS_STATE | HAS_IDLE | HAS_EVENT));
	assert_true(flow.has & HAS_SNAT);
	assert_false(flow.has & HAS_DNAT);
	assert_false(field_present(field_find("timeout", 7), &flow));
	assert_false(field_present(field_find("state", 5), &flow));
	out_init(&out, -1);
	flags->kind->text(&out, flags, &flow);
	put_char(&out, '\0');
	assert_string_equal(out.buf, "ASSURED,OFFLOAD");
	out_release(&out);
}

static void flags_tell_new_from_update(void **state)
{
	static const struct { unsigned type, flags; enum event event; } cases[] = {
		{ IPCTNL_MSG_CT_NEW, NLM_F_MULTI, EVENT_NONE },
		{ IPCTNL_MSG_CT_NEW, NLM_F_CREATE | NLM_F_EXCL, EVENT_NEW },
		{ IPCTNL_MSG_CT_NEW, 0, EVENT_UPDATE },
		{ IPCTNL_MSG_CT_DELETE, 0, EVENT_DESTROY },
	};
	static char buffer[4096];
	struct flow flow;

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct nlmsghdr *message = begin(buffer, cases[i].flags);

		message->nlmsg_type = NFNL_SUBSYS_CTNETLINK << 8 | cases[i].type;
		message->nlmsg_pid = 77;
		assert_true(flow_decode(&flow, message, HAS_ALL));
		assert_int_equal(flow.event, cases[i].event);
		assert_int_equal((flow.has & HAS_EVENT) != 0, cases[i].event != EVENT_NONE);
		assert_int_equal((flow.has & HAS_PORTID) != 0, cases[i].event != EVENT_NONE);
	}
}

/* kernel.md, section 4: the name may lack its NUL; ours may not. */
static void a_name_without_end_is_ended(void **state)
{
	static char buffer[4096], name[200];
	struct nlmsghdr *message = begin(buffer, NLM_F_MULTI);
	struct nlattr *nest = mnl_attr_nest_start(message, CTA_HELP);
	struct flow flow;

	(void)state;
	memset(name, 'x', sizeof(name));
	mnl_attr_put(message, CTA_HELP_NAME, sizeof(name), name);
	mnl_attr_nest_end(message, nest);
	assert_true(flow_decode(&flow, message, HAS_ALL));
	assert_int_equal(strlen(flow.helper), HELPER_SIZE - 1);
}

static void what_is_no_entry_is_refused(void **state)
{
	static char buffer[4096];
	struct nlmsghdr *message = begin(buffer, NLM_F_MULTI);
	struct flow flow;

	(void)state;
	assert_true(flow_decode(&flow, message, HAS_ALL));
	message->nlmsg_flags |= NLM_F_REQUEST;
	assert_false(flow_decode(&flow, message, HAS_ALL));
	message->nlmsg_flags = 0;
	message->nlmsg_type = NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET_STATS;
	assert_false(flow_decode(&flow, message, HAS_ALL));
	message->nlmsg_type = NFNL_SUBSYS_NFTABLES << 8 | IPCTNL_MSG_CT_NEW;
	assert_false(flow_decode(&flow, message, HAS_ALL));
	/* Without addresses it is nobody's flow. */
	message->nlmsg_type = NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_NEW;
	message->nlmsg_len = NLMSG_HDRLEN + sizeof(struct nfgenmsg);
	assert_false(flow_decode(&flow, message, HAS_ALL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_library_reads_the_same),
		cmocka_unit_test(the_library_reads_the_same_expectations),
		cmocka_unit_test(unknown_attributes_are_skipped),
		cmocka_unit_test(only_what_is_wanted_is_decoded),
		cmocka_unit_test(every_truncation_stays_within_its_bytes),
		cmocka_unit_test(every_corruption_stays_within_its_bytes),
		cmocka_unit_test(lengths_beyond_the_buffer_are_no_messages),
		cmocka_unit_test(offloaded_flow_has_no_time_and_no_state),
		cmocka_unit_test(flags_tell_new_from_update),
		cmocka_unit_test(a_name_without_end_is_ended),
		cmocka_unit_test(what_is_no_entry_is_refused),
	};

	return cmocka_run_group_tests(tests, fill, release);
}
