/* Tests of lib/flow.c: another decoder agrees, what is unknown is skipped, what is broken is refused. */
#include "dump.h"
#include "peer.h"

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

static void the_library_reads_the_same(void **state)
{
	unsigned seen[ROWS] = { 0 };

	(void)state;
	need_table();
	for (unsigned i = 0; i < table.count; i++) {
		struct nf_conntrack *ct = nfct_new();
		const char *wrong;
		struct flow flow;

		assert_int_equal(nfct_nlmsg_parse(table.message[i], ct), 0);
		assert_true(flow_decode(&flow, table.message[i], HAS_ALL));
		wrong = peer_difference(&flow, ct, seen);
		if (wrong)
			fail_msg("flow %u: %s", i, wrong);
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
