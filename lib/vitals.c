/* Reads how full the table is and what the kernel counted since the last look. */
#include "vitals.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const vital_names[VITAL_COUNTERS + 1] = {
	"invalid", "insert_failed", "drop", "early_drop", "error", "chaintoolong", "clash_resolve",
	"found", "insert", "search_restart", NULL,
};

void vitals_init(struct vitals *vitals)
{
	memset(vitals, 0, sizeof(*vitals));
	vitals->accounting = -1;
	for (unsigned i = 0; i < HISTORY; i++)
		vitals->history[i] = -1;
}

void vitals_release(struct vitals *vitals)
{
	free(vitals->cpus);
	vitals->cpus = NULL;
}

static bool read_sysctl(const char *name, uint64_t *value)
{
	char path[128];
	unsigned long long number;
	bool found;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/sys/net/netfilter/%s", name);
	file = fopen(path, "re");
	if (!file)
		return false;
	found = fscanf(file, "%llu", &number) == 1;
	fclose(file);
	*value = number;
	return found;
}

void vitals_read(struct vitals *vitals, uint64_t time)
{
	uint64_t accounting;

	vitals->has_entries = read_sysctl("nf_conntrack_count", &vitals->entries);
	vitals->has_max = read_sysctl("nf_conntrack_max", &vitals->max);
	vitals->accounting = read_sysctl("nf_conntrack_acct", &accounting) ? (int)accounting : -1;
	vitals->time = time;
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
