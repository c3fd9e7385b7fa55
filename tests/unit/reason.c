/* Every rule of why a flow ended, and what stands in where a kernel tells nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "reason.h"

#include <linux/netfilter/nf_conntrack_common.h>
#include <string.h>

enum { NONE = -1, REPLIED = IPS_SEEN_REPLY, ASSURED = IPS_SEEN_REPLY | IPS_ASSURED };
enum { UNCOUNTED = -1 };

static const struct row {
	const char *expected;
	int state;		/* NONE: the protocol has none */
	uint32_t status;
	bool left;		/* time was */
	int answers;		/* packets in reply direction */
	enum pressure pressure;
	uint32_t portid;
} rows[] = {
	{ "deleted", STATE_ESTABLISHED, ASSURED, true, 5, PRESSURE_YES, 4711 },
	{ "deleted", NONE, 0, false, UNCOUNTED, PRESSURE_NO, 1 },
	{ "refused", STATE_CLOSE, 0, true, 1, PRESSURE_NO, 0 },
	{ "refused", STATE_CLOSE, 0, true, UNCOUNTED, PRESSURE_NO, 0 },
	{ "refused", STATE_REQUEST, 0, true, 1, PRESSURE_NO, 0 },
	{ "reset", STATE_CLOSE, 0, true, 0, PRESSURE_NO, 0 },
	{ "reset", STATE_CLOSE, 0, true, 0, PRESSURE_YES, 0 },
	{ "evicted", STATE_SYN_SENT, 0, true, 0, PRESSURE_YES, 0 },
	{ "evicted", NONE, REPLIED, true, 1, PRESSURE_YES, 0 },
	{ "evicted", STATE_TIME_WAIT, ASSURED, true, 1, PRESSURE_YES, 0 },
	{ "evicted", STATE_SHUTDOWN_SENT, ASSURED, true, 1, PRESSURE_YES, 0 },
	{ "killed", STATE_ESTABLISHED, ASSURED, true, 1, PRESSURE_YES, 0 },
	{ "replaced", STATE_TIME_WAIT, ASSURED, true, 1, PRESSURE_NO, 0 },
	{ "replaced", STATE_CLOSE, ASSURED, true, 1, PRESSURE_NO, 0 },
	{ "replaced", STATE_SYN_SENT2, 0, true, 1, PRESSURE_UNKNOWN, 0 },
	{ "replaced", STATE_TIME_WAIT, REPLIED, true, 1, PRESSURE_UNKNOWN, 0 },
	{ "evicted", NONE, 0, true, 0, PRESSURE_UNKNOWN, 0 },
	{ "killed", NONE, ASSURED, true, 1, PRESSURE_UNKNOWN, 0 },
	{ "killed", NONE, 0, true, 0, PRESSURE_NO, 0 },
	{ "killed", STATE_ESTABLISHED, REPLIED, true, 1, PRESSURE_NO, 0 },
	{ "no-answer", STATE_SYN_SENT, 0, false, 0, PRESSURE_NO, 0 },
	{ "no-answer", STATE_CLOSED, 0, false, 0, PRESSURE_NO, 0 },
	{ "no-answer", STATE_HEARTBEAT_SENT, 0, false, 0, PRESSURE_NO, 0 },
	{ "no-answer", STATE_REQUEST, 0, false, 0, PRESSURE_NO, 0 },
	{ "half-open", STATE_SYN_RECV, REPLIED, false, 1, PRESSURE_NO, 0 },
	{ "half-open", STATE_SYN_SENT2, 0, false, 1, PRESSURE_NO, 0 },
	{ "half-open", STATE_COOKIE_WAIT, REPLIED, false, 1, PRESSURE_NO, 0 },
	{ "half-open", STATE_COOKIE_ECHOED, REPLIED, false, 1, PRESSURE_NO, 0 },
	{ "half-open", STATE_RESPOND, REPLIED, false, 1, PRESSURE_NO, 0 },
	{ "half-open", STATE_PARTOPEN, REPLIED, false, 1, PRESSURE_NO, 0 },
	{ "idle-timeout", STATE_ESTABLISHED, ASSURED, false, 9, PRESSURE_YES, 0 },
	{ "idle-timeout", STATE_ESTABLISHED, 0, false, 0, PRESSURE_NO, 0 },
	{ "idle-timeout", STATE_OPEN, ASSURED, false, 9, PRESSURE_NO, 0 },
	{ "closed", STATE_LAST_ACK, ASSURED, false, 9, PRESSURE_NO, 0 },
	{ "closed", STATE_TIME_WAIT, ASSURED, false, 9, PRESSURE_NO, 0 },
	{ "closed", STATE_SHUTDOWN_ACK_SENT, ASSURED, false, 9, PRESSURE_NO, 0 },
	{ "closed", STATE_CLOSED, REPLIED, false, 9, PRESSURE_NO, 0 },
	{ "closed", STATE_TIMEWAIT, ASSURED, false, 9, PRESSURE_NO, 0 },
	{ "reset", STATE_CLOSE, ASSURED, false, 9, PRESSURE_NO, 0 },
	{ "expired", STATE_FIN_WAIT, ASSURED, false, 9, PRESSURE_NO, 0 },
	{ "expired", STATE_CLOSE_WAIT, ASSURED, false, 9, PRESSURE_NO, 0 },
	{ "expired", STATE_SHUTDOWN_SENT, ASSURED, false, 9, PRESSURE_NO, 0 },
	{ "expired", STATE_SHUTDOWN_RECD, ASSURED, false, 9, PRESSURE_NO, 0 },
	{ "expired", STATE_CLOSEREQ, ASSURED, false, 9, PRESSURE_NO, 0 },
	{ "expired", STATE_CLOSING, ASSURED, false, 9, PRESSURE_NO, 0 },
	{ "unanswered", NONE, 0, false, 0, PRESSURE_NO, 0 },
	{ "unanswered", NONE, 0, false, UNCOUNTED, PRESSURE_UNKNOWN, 0 },
	{ "expired", NONE, REPLIED, false, 1, PRESSURE_NO, 0 },
	{ "expired", NONE, ASSURED, false, 1, PRESSURE_UNKNOWN, 0 },
};

static void fill(struct flow *flow, const struct row *row)
{
	memset(flow, 0, sizeof(*flow));
	flow->event = EVENT_DESTROY;
	flow->has = HAS_EVENT | HAS_STATUS;
	flow->status = row->status | IPS_DYING;
	flow->portid = row->portid;
	if (row->portid)
		flow->has |= HAS_PORTID;
	if (row->left) {
		flow->timeout = 7;
		flow->has |= HAS_TIMEOUT;
	}
	if (row->state != NONE) {
		flow->state = row->state;
		flow->has |= HAS_STATE;
	}
	if (row->answers != UNCOUNTED) {
		flow->counters[1].packets = row->answers;
		flow->has |= HAS_REPLY_COUNTERS;
	}
}

static void test_rules(void **state)
{
	struct flow flow;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		fill(&flow, &rows[i]);
		assert_string_equal(reason_names[reason_of(&flow, true, 120, rows[i].pressure)],
				    rows[i].expected);
	}
}

/* The timer's end alone leads to the same words. */
static void test_expired(void **state)
{
	struct flow flow;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		if (rows[i].left || rows[i].portid)
			continue;
		fill(&flow, &rows[i]);
		assert_string_equal(reason_names[reason_of_expired(&flow)], rows[i].expected);
	}
}

/* Kernels before 6.1: the state is remembered, the time left is not known. */
static void test_untold(void **state)
{
	static const struct row syn = { "", STATE_SYN_SENT, 0, false, UNCOUNTED, PRESSURE_NO, 0 };
	struct flow flow;

	(void)state;
	fill(&flow, &syn);
	assert_int_equal(reason_of(&flow, false, 120, PRESSURE_NO), REASON_NO_ANSWER);
	flow.has |= HAS_DURATION;
	flow.duration = 130 * UINT64_C(1000000000);
	assert_int_equal(reason_of(&flow, false, 120, PRESSURE_NO), REASON_NO_ANSWER);
	flow.duration = 1000000;
	assert_int_equal(reason_of(&flow, false, 120, PRESSURE_NO), REASON_REFUSED);
	assert_int_equal(reason_of(&flow, true, 120, PRESSURE_NO), REASON_NO_ANSWER);
	assert_int_equal(reason_of(&flow, false, 0, PRESSURE_NO), REASON_NO_ANSWER);
}

static void test_failures(void **state)
{
	(void)state;
	for (uint8_t i = 0; i < REASONS; i++) {
		bool good = !i || i == REASON_CLOSED || i == REASON_EXPIRED || i == REASON_REPLACED;

		assert_int_equal(reason_failed(i), !good);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rules),
		cmocka_unit_test(test_expired),
		cmocka_unit_test(test_untold),
		cmocka_unit_test(test_failures),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
