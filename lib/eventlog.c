/* A ring of packed flows. */
#include "eventlog.h"

#include "memory.h"

#include <stdlib.h>

struct eventlog {
	uint8_t *flows[EVENTLOG];
	uint64_t next;			/* serial number of the next one, from 1 */
	size_t count;
};

struct eventlog *eventlog_new(void)
{
	struct eventlog *log = calloc(1, sizeof(*log));

	if (!log)
		memory_exhausted();
	log->next = 1;
	return log;
}

void eventlog_clear(struct eventlog *log)
{
	for (size_t i = 0; i < EVENTLOG; i++) {
		free(log->flows[i]);
		log->flows[i] = NULL;
	}
	log->count = 0;
}

void eventlog_free(struct eventlog *log)
{
	if (log)
		eventlog_clear(log);
	free(log);
}

void eventlog_add(struct eventlog *log, const struct flow *flow)
{
	uint8_t packed[FLOW_PACKED];
	size_t length = flow_pack(flow, HAS_ALL & ~ROW_BITS, packed);
	uint8_t **slot = &log->flows[log->next % EVENTLOG];

	free(*slot);
	*slot = malloc(length);
	if (!*slot)
		memory_exhausted();
	memcpy(*slot, packed, length);
	log->next++;
	if (log->count < EVENTLOG)
		log->count++;
}

size_t eventlog_count(const struct eventlog *log)
{
	return log->count;
}

uint64_t eventlog_serial(const struct eventlog *log, size_t number)
{
	return log->next - log->count + number;
}

void eventlog_row(const struct eventlog *log, size_t number, struct row *row)
{
	flow_unpack(&row->group.flow, log->flows[eventlog_serial(log, number) % EVENTLOG]);
	memset(&row->sums, 0, sizeof(row->sums));
	row->identity = eventlog_serial(log, number);
	row->is_gone = row->is_fresh = false;
	row_finish(row, 0);
}
