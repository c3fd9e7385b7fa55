/* The table of flows against a plain array, through a hundred thousand random steps. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "follow.h"
#include "table.h"

#include <malloc.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include <linux/netfilter/nf_conntrack_common.h>

enum { FLOWS = 3000, STEPS = 100000 };

static struct flow make(unsigned i)
{
	struct flow flow = {
		.has = HAS_FAMILY | HAS_PROTO | HAS_ORIG_ADDR | HAS_ORIG_PORTS | HAS_REPLY_ADDR |
		       HAS_REPLY_PORTS | HAS_STATE | HAS_STATUS | HAS_MARK | HAS_ID,
		.family = i & 1 ? AF_INET6 : AF_INET, .protonum = IPPROTO_TCP, .state = i % 7,
		.status = i, .mark = i * 3, .id = i / 2,
	};

	flow.orig.protonum = flow.reply.protonum = IPPROTO_TCP;
	flow.orig.src.addr.word[0] = htonl(0x0a000000 | i);
	flow.orig.dst.addr.word[0] = htonl(0xc6120000 | i % 50);
	if (flow.family == AF_INET6)
		flow.orig.src.addr.word[3] = i;
	flow.orig.src.port = i;
	flow.orig.dst.port = 443;
	flow.reply.src = flow.orig.dst;
	flow.reply.dst = flow.orig.src;
	return flow;
}

static void test_random(void **state)
{
	struct flow_table *table = table_new(HAS_STATE | HAS_MARK, sizeof(uint64_t));
	static bool there[FLOWS];
	static uint32_t marks[FLOWS];
	size_t count = 0;

	(void)state;
	srandom(1);
	for (unsigned step = 0; step < STEPS; step++) {
		unsigned i = random() % FLOWS;
		struct flow flow = make(i), found;
		struct entry *entry = table_find(table, &flow);

		assert_int_equal(entry != NULL, there[i]);
		flow.mark = step;
		if (!entry) {
			entry = table_insert(table, &flow);
			assert_int_equal(*(uint64_t *)entry_extra(entry), 0);
			*(uint64_t *)entry_extra(entry) = i;
			there[i] = true;
			marks[i] = step;
			count++;
			continue;
		}
		entry_flow(table, entry, &found);
		assert_int_equal(found.mark, marks[i]);
		assert_int_equal(found.state, flow.state);
		assert_int_equal(*(uint64_t *)entry_extra(entry), i);
		if (random() % 2) {
			table_replace(table, entry, &flow);
			marks[i] = step;
		} else {
			table_remove(table, entry);
			there[i] = false;
			count--;
		}
		assert_int_equal(table_count(table), count);
	}
	table_free(table);
}

/* The id tells two lives of one tuple apart. */
static void test_identity(void **state)
{
	struct flow_table *table = table_new(0, 0);
	struct flow first = make(8), second = make(8);

	(void)state;
	second.id++;
	table_insert(table, &first);
	assert_null(table_find(table, &second));
	second.has &= ~HAS_ID;		/* saved text has none */
	assert_non_null(table_find(table, &second));
	table_free(table);
}

static void test_walk(void **state)
{
	struct flow_table *table = table_new(HAS_MARK, 0);
	struct place place = { 0 };
	struct entry *entry;
	unsigned seen = 0;

	(void)state;
	for (unsigned i = 0; i < FLOWS; i++) {
		struct flow flow = make(i);

		table_insert(table, &flow);
	}
	table_age(table);
	for (unsigned i = 0; i < FLOWS; i += 3) {
		struct flow flow = make(i);

		table_mark(table, table_find(table, &flow));
	}
	while ((entry = table_next(table, &place))) {
		seen++;
		if (entry_stale(table, entry))
			table_remove(table, entry);
	}
	assert_int_equal(seen, FLOWS);
	assert_int_equal(table_count(table), FLOWS / 3);
	table_free(table);
}

static void ignore(void *data, struct flow *flow)
{
	(void)data;
	(void)flow;
}

/* What --track may take: 160 bytes a flow, also where every one is translated and IPv6. */
static void test_memory(void **state)
{
	enum { MANY = 200000 };
	struct follow *follow;
	size_t before, bytes;

	(void)state;
	before = mallinfo2().uordblks + mallinfo2().hblkhd;
	follow = follow_new(FOLLOW_ALL, 0, false);
	follow_begin(follow);
	follow_piece(follow);
	for (unsigned i = 0; i < MANY; i++) {
		struct flow flow = make(2 * i + 1);

		flow.orig.src.port = i / 60000;
		flow.reply.dst.addr.word[1] = 1;
		flow.status = IPS_SRC_NAT | IPS_CONFIRMED;
		flow.timeout = 100;
		flow.start = flow.time = i;
		flow.has |= HAS_TIMEOUT | HAS_TIME | HAS_START | HAS_NAT | HAS_SNAT;
		follow_found(follow, &flow);
	}
	bytes = mallinfo2().uordblks + mallinfo2().hblkhd - before;
	assert_int_equal(follow_count(follow), MANY);
	print_message("# %zu bytes a flow\n", bytes / MANY);
	assert_true(bytes / MANY <= 160);
	follow_free(follow);
}

/* One event ago, a dump that shows another state in piece `piece`: how much was missed. */
static unsigned long long missed(unsigned event_at, unsigned piece)
{
	struct follow *follow = follow_new(FOLLOW_ALL, 0, false);
	struct flow flow = make(1), other = make(1);
	unsigned long long told;

	flow.event = EVENT_NEW;
	other.state = flow.state + 1;
	follow_begin(follow);
	follow_end(follow, 0, NULL, NULL);
	if (!event_at)
		follow_event(follow, &flow);
	follow_begin(follow);
	for (unsigned i = 1; i <= piece; i++) {
		follow_piece(follow);
		if (i == event_at)
			follow_event(follow, &flow);
	}
	follow_found(follow, &other);
	told = follow_end(follow, 0, ignore, NULL);
	follow_free(follow);
	return told;
}

/* The kernel fills two pieces with the request and then is two ahead of what is received. */
static void test_pieces(void **state)
{
	(void)state;
	assert_int_equal(missed(0, 1), 1);
	assert_int_equal(missed(0, 2), 1);
	assert_int_equal(missed(1, 1), 0);
	assert_int_equal(missed(1, 2), 0);
	assert_int_equal(missed(1, 3), 0);
	assert_int_equal(missed(1, 4), 1);
	assert_int_equal(missed(3, 5), 0);
	assert_int_equal(missed(3, 6), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_identity),
		cmocka_unit_test(test_walk),
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_pieces),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
