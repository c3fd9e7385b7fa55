/* Which flows are in the table, in 32 bytes each: what a dump is compared with. */
#ifndef SEEN_H
#define SEEN_H

#include "flow.h"

enum {
	MARK_REPLIED = 1,
	MARK_STATE = 2,		/* state is known */
	MARK_BASE = 4,		/* bytes and packets are known: there is something to compare with */
};

/* A flow: its counters (both directions) and its state when it was last heard of. */
struct mark {
	uint64_t identity;
	uint64_t bytes, packets;
	uint32_t round;		/* the caller's: when it was last heard of */
	uint16_t interval;	/* the caller's: in which it began; 0: before all of them */
	uint8_t state, bits;
};

struct seen;

struct seen *seen_new(void);		/* memory_exhausted() ends it when memory is out, as the others do */
void seen_free(struct seen *seen);
void seen_clear(struct seen *seen);

/* Room for so many flows, so that no later call has to move all of them. */
void seen_reserve(struct seen *seen, size_t count);
size_t seen_count(const struct seen *seen);

/*
 * A flow's identity in 64 bits: original tuple, zone and, where it has one, id; never 0. Two flows
 * of a million share one with a probability of 3 in 10^8, which costs a wrong count until one ends.
 */
uint64_t seen_identity(const struct flow *flow);

/* Marks live until the next call that adds or removes one. */
struct mark *seen_find(struct seen *seen, uint64_t identity);
struct mark *seen_add(struct seen *seen, uint64_t identity);	/* which must not be there */
void seen_remove(struct seen *seen, struct mark *mark);

/* Removes all marks of other rounds; how many there were. */
size_t seen_sweep(struct seen *seen, uint32_t round);

#endif
