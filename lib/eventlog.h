/* The last events, for a view that scrolls. */
#ifndef EVENTLOG_H
#define EVENTLOG_H

#include "row.h"

enum { EVENTLOG = 5000 };

struct eventlog;

struct eventlog *eventlog_new(void);	/* memory_exhausted() ends it when memory is out */
void eventlog_free(struct eventlog *log);
void eventlog_clear(struct eventlog *log);

void eventlog_add(struct eventlog *log, const struct flow *flow);

/* How many there are (EVENTLOG at most); 0 is the oldest. Each has a serial number that it keeps. */
size_t eventlog_count(const struct eventlog *log);
uint64_t eventlog_serial(const struct eventlog *log, size_t number);
void eventlog_row(const struct eventlog *log, size_t number, struct row *row);

#endif
