/* Fuzzes the decoder of counters: a byte says what was asked for, netlink messages follow. */
#include "messages.h"
#include "report.h"
#include "request.h"

#include <assert.h>

struct answer {
	struct stats stats;
	enum statistics what;
};

static void take(const struct nlmsghdr *message, void *context)
{
	struct answer *answer = context;

	assert(statistics_decode(&answer->stats, message, answer->what));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct answer answer;
	struct rates rates;

	if (!size)
		return 0;
	stats_init(&answer.stats);
	answer.what = *data % (STATISTICS_EXPECT_CPU + 1);
	messages_each(data + 1, size - 1, take, &answer);
	stats_finish(&answer.stats);
	rates_between(&rates, &answer.stats, &answer.stats, 1);
	for (int i = 0; i < COUNTERS; i++)
		assert(!(rates.counters >> i & 1) || !rates.delta[i]);
	stats_release(&answer.stats);
	return 0;
}
