/* Tests of lib/jsonin.c: our own JSON becomes the flows it was made from. */
#include "textin.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/socket.h>

#include <cmocka.h>
#include <linux/netfilter/nf_conntrack_common.h>

static char web[] = "web", rule[] = "seen-by-rule", last[] = "last";
static const struct names names = { .label = { [1] = web, [5] = rule, [127] = last } };

static void assert_addr(const union address *addr, const char *text)
{
	union address want;
	uint8_t family;

	assert_true(read_address(text, &want, &family));
	assert_memory_equal(addr, &want, sizeof(want));
}

static struct flow flow_of_json(const char *line)
{
	const char *wrong = NULL;
	struct flow flow;
	enum text text = textin_json(&flow, line, &names, &wrong);

	if (text == TEXT_BAD)
		fail_msg("%s: %s", wrong, line);
	assert_int_equal(text, TEXT_FLOW);
	return flow;
}

static void json_object(void **state)
{
	struct flow flow = flow_of_json(
		"{\"family\":\"ipv6\",\"proto\":\"tcp\",\"protonum\":6,\"state\":\"ESTABLISHED\","
		"\"timeout\":431999,\"idle\":1,\"age\":20,\"orig\":{\"src\":\"2001:db8::1\","
		"\"dst\":\"2001:db8::2\",\"sport\":1000,\"dport\":80,\"packets\":5,"
		"\"bytes\":18446744073709551615},\"reply\":{\"src\":\"2001:db8::2\","
		"\"dst\":\"2001:db8::9\",\"sport\":80,\"dport\":99,\"packets\":6,\"bytes\":7},"
		"\"status\":[\"SEEN_REPLY\",\"ASSURED\",\"SRC_NAT\",\"UNHEARD\"],\"nat\":[\"snat\"],"
		"\"snat\":{\"addr\":\"2001:db8::9\",\"port\":99},\"mark\":17,\"zone\":3,\"id\":4118239400,"
		"\"use\":1,\"helper\":\"ftp\",\"labels\":[\"web\",\"127\",\"unheard\"],"
		"\"start\":\"2026-11-22T05:56:05.179942123Z\",\"tcp\":{\"wscale\":{\"orig\":7,\"reply\":9},"
		"\"flags\":{\"orig\":[\"WINDOW_SCALE\",\"SACK_PERM\"]}},\"newer\":{\"x\":[1]}}\n");

	(void)state;
	assert_int_equal(flow.family, AF_INET6);
	assert_int_equal(flow.protonum, 6);
	assert_int_equal(flow.orig.protonum, 6);
	assert_string_equal(state_name(flow.state), "ESTABLISHED");
	assert_int_equal(flow.timeout, 431999);
	assert_int_equal(flow.idle, 1);
	assert_int_equal(flow.age, 20);
	assert_addr(&flow.orig.src.addr, "2001:db8::1");
	assert_addr(&flow.reply.dst.addr, "2001:db8::9");
	assert_int_equal(flow.reply.dst.port, 99);
	assert_int_equal(flow.counters[0].bytes, UINT64_MAX);
	assert_int_equal(flow.status, IPS_SEEN_REPLY | IPS_ASSURED | IPS_SRC_NAT);
	assert_int_equal(flow.has & (HAS_NAT | HAS_SNAT | HAS_DNAT), HAS_NAT | HAS_SNAT);
	assert_int_equal(flow.id, 4118239400);
	assert_int_equal(flow.labels[0], 2);
	assert_int_equal(flow.labels[15], 128);
	assert_int_equal(flow.start, UINT64_C(1795326965179942123));
	assert_int_equal(flow.wscale[1], 9);
	assert_int_equal(flow.tcpflags[0], 3);
	assert_false(flow.has & (HAS_EVENT | HAS_TIME | HAS_SECCTX | HAS_MASTER_ADDR));
	assert_true(flow.multi);
}

static void json_event(void **state)
{
	struct flow flow = flow_of_json(
		"{\"type\":\"destroy\",\"time\":\"2026-11-22T05:56:05.5Z\",\"family\":\"ipv4\","
		"\"proto\":\"200\",\"protonum\":200,\"orig\":{\"src\":\"1.1.1.1\",\"dst\":\"2.2.2.2\"},"
		"\"reply\":{\"src\":\"2.2.2.2\",\"dst\":\"1.1.1.1\"},\"status\":[],\"duration\":1.250000000,"
		"\"reason\":\"idle-timeout\",\"portid\":12,\"synthetic\":true}");

	(void)state;
	assert_int_equal(flow.event, EVENT_DESTROY);
	assert_int_equal(flow.time, UINT64_C(1795326965500000000));
	assert_int_equal(flow.duration, 1250000000);
	assert_int_equal(flow.status, 0);
	assert_int_equal(flow.portid, 12);
	assert_true(flow.has & HAS_STATUS && flow.has & HAS_REASON && flow.has & HAS_SYNTHETIC);
	assert_false(flow.has & HAS_ORIG_PORTS);
	assert_false(flow.multi);
}

static void json_expectation(void **state)
{
	struct flow flow = flow_of_json(
		"{\"family\":\"ipv4\",\"proto\":\"tcp\",\"orig\":{\"src\":\"1.1.1.1\",\"dst\":\"2.2.2.2\","
		"\"sport\":0,\"dport\":20},\"master\":{\"proto\":\"tcp\",\"src\":\"1.1.1.1\","
		"\"dst\":\"2.2.2.2\",\"sport\":1,\"dport\":21},\"mask\":{\"src\":\"255.255.255.255\","
		"\"dst\":\"255.255.255.255\",\"sport\":0,\"dport\":65535},\"expect\":{\"flags\":"
		"[\"PERMANENT\"],\"class\":1}}");

	(void)state;
	assert_int_equal(flow.what, WHAT_EXPECT);
	assert_int_equal(flow.expect.flags, 1);
	assert_int_equal(flow.expect.class, 1);
	assert_int_equal(flow.expect.mask.dst.port, 65535);
	assert_int_equal(flow.master.protonum, 6);
	assert_int_equal(flow.master.dst.port, 21);
}

static void json_without_a_flow(void **state)
{
#define TUPLE "\"orig\":{\"src\":\"1.1.1.1\",\"dst\":\"2.2.2.2\"}"
	static const char *const skipped[] = {
		"", "  \n", "{\"type\":\"lost\",\"lost\":3}", "{\"type\":\"resync\"}",
		"{\"type\":\"note\",\"text\":\"x\"}",
	};
	static const char *const bad[] = {
		"hello", "[]", "3", "null", "\"x\"", "{", "{}", "{\"orig\":3}", "{\"orig\":{\"src\":\"1.1.1.1\"}}",
		"{" TUPLE "}", "{\"proto\":\"tcp\"," TUPLE "} trailing", "{\"proto\":\"nonsense\"," TUPLE "}",
		"{\"proto\":\"tcp\",\"family\":\"ipv6\"," TUPLE "}", "{\"proto\":\"tcp\",\"state\":\"?\"," TUPLE "}",
		"{\"proto\":\"tcp\",\"timeout\":\"soon\"," TUPLE "}", "{\"proto\":\"tcp\",\"timeout\":{}," TUPLE "}",
		"{\"proto\":\"tcp\",\"timeout\":4294967296," TUPLE "}", "{\"proto\":\"tcp\",\"type\":7," TUPLE "}",
		"{\"proto\":\"tcp\",\"type\":\"melt\"," TUPLE "}", "{\"proto\":\"tcp\",\"mark\":-1," TUPLE "}",
		"{\"proto\":256," TUPLE "}", "{\"proto\":\"tcp\",\"orig\":{\"src\":[\"1.1.1.1\"],\"dst\":\"x\"}}",
	};
	const char *wrong;
	struct flow flow;

	(void)state;
	for (unsigned i = 0; i < sizeof(skipped) / sizeof(*skipped); i++)
		assert_int_equal(textin_json(&flow, skipped[i], &names, &wrong), TEXT_SKIP);
	for (unsigned i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		wrong = NULL;
		if (textin_json(&flow, bad[i], &names, &wrong) != TEXT_BAD || !wrong)
			fail_msg("read as a flow: %s", bad[i]);
	}
}

static void deep_json_is_refused(void **state)
{
	char *line = malloc(200001);
	const char *wrong = NULL;
	struct flow flow;

	(void)state;
	memset(line, '[', 200000);
	line[200000] = '\0';
	assert_int_equal(textin_json(&flow, line, &names, &wrong), TEXT_BAD);
	free(line);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(json_object),
		cmocka_unit_test(json_event),
		cmocka_unit_test(json_expectation),
		cmocka_unit_test(json_without_a_flow),
		cmocka_unit_test(deep_json_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
