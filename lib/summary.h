/* Counts events over an interval: rates, protocols, reasons, ports. */
#ifndef SUMMARY_H
#define SUMMARY_H

#include "flow.h"
#include "out.h"

struct summary;

struct summary *summary_new(void);	/* memory_exhausted() ends it when memory is out */
void summary_free(struct summary *summary);
void summary_add(struct summary *summary, const struct flow *flow);
void summary_lost(struct summary *summary, uint32_t lost);

/* Writes what was counted since the last time, and begins anew. `seconds` is how long that was,
 * `time` when it ended in nanoseconds since 1970, 0 if that is unknown. */
void summary_print(struct summary *summary, struct out *out, bool json, uint64_t time, double seconds);

#endif
