/* Reads how full the table is and what the kernel counted since the last look. */
#include "vitals.h"

#include <stdio.h>
#include <string.h>

void vitals_init(struct vitals *vitals)
{
	memset(vitals, 0, sizeof(*vitals));
	stats_init(&vitals->now);
	for (unsigned i = 0; i < LOOKS; i++)
		stats_init(&vitals->past[i]);
	vitals->accounting = -1;
	vitals_forget(vitals);
}

void vitals_forget(struct vitals *vitals)
{
	for (unsigned i = 0; i < HISTORY; i++)
		vitals->history[i] = -1;
	vitals->history_end = 0;
}

void vitals_release(struct vitals *vitals)
{
	stats_release(&vitals->now);
	for (unsigned i = 0; i < LOOKS; i++)
		stats_release(&vitals->past[i]);
	meter_close(vitals->meter);
}

void vitals_open(struct vitals *vitals, const struct asker *asker)
{
	struct kernel kernel;

	kernel_running(&kernel);
	vitals->meter = meter_open(asker, &kernel);
}

static int read_accounting(void)
{
	FILE *file = fopen("/proc/sys/net/netfilter/nf_conntrack_acct", "re");
	int value = -1;

	if (file && fscanf(file, "%d", &value) != 1)
		value = -1;
	if (file)
		fclose(file);
	return value;
}

/* What was now is past, and the oldest reading makes room for another. */
static void move_on(struct vitals *vitals)
{
	struct stats oldest = vitals->past[0];

	memmove(vitals->past, vitals->past + 1, (LOOKS - 1) * sizeof(*vitals->past));
	vitals->past[LOOKS - 1] = vitals->now;
	vitals->now = oldest;
	stats_clear(&vitals->now);
}

void vitals_compare(struct vitals *vitals)
{
	vitals->before = NULL;
	for (unsigned i = 0; i < LOOKS && !vitals->before; i++)
		if (vitals->past[i].clock)
			vitals->before = &vitals->past[i];
	memset(&vitals->rates, 0, sizeof(vitals->rates));
	if (vitals->before)
		rates_between(&vitals->rates, vitals->before, &vitals->now, 0);
}

void vitals_read(struct vitals *vitals, uint64_t time)
{
	if (!vitals->meter)
		return;
	move_on(vitals);
	if (meter_read(vitals->meter, &vitals->now) < 0)
		return;
	vitals_compare(vitals);
	vitals->accounting = read_accounting();
	vitals->time = time;
}

bool vitals_entries(const struct vitals *vitals, uint64_t *entries)
{
	*entries = vitals->now.entries;
	return vitals->now.has & STATS_ENTRIES;
}

bool vitals_share(const struct vitals *vitals, double *share)
{
	const unsigned both = STATS_ENTRIES | STATS_MAX;

	if ((vitals->now.has & both) != both || !vitals->now.max)
		return false;
	*share = (double)vitals->now.entries / vitals->now.max;
	return true;
}

bool vitals_rate(const struct vitals *vitals, int counter, const struct cpu *cpu, double *rate)
{
	const struct rates *rates = &vitals->rates;

	if (!(rates->has & RATES_COUNTERS) || !(rates->counters >> counter & 1) || !(rates->seconds > 0))
		return false;
	*rate = cpu ? rates_cpu(vitals->before, cpu, counter, rates->seconds) / rates->seconds
		    : rates_of(rates, counter);
	return true;
}

void vitals_history(struct vitals *vitals, uint64_t time, double flows)
{
	uint64_t second = time / 1000000000, gap = second - vitals->history_end;

	if (!vitals->history_end || second < vitals->history_end)
		gap = HISTORY;
	if (gap > HISTORY)
		gap = HISTORY;
	if (gap) {
		memmove(vitals->history, vitals->history + gap,
			(HISTORY - gap) * sizeof(*vitals->history));
		/* Between two looks the number is taken to have stayed. */
		for (uint64_t i = HISTORY - gap; i < HISTORY; i++)
			vitals->history[i] = vitals->history_end && gap < 60 && i ? vitals->history[HISTORY - gap - 1] : -1;
	}
	vitals->history[HISTORY - 1] = flows;
	vitals->history_end = second;
}
