/* A hash table of flows, for those who follow the kernel's table over time. */
#ifndef TABLE_H
#define TABLE_H

#include "flow.h"

struct flow_table;
struct entry;		/* a flow in it; stays where it is until it is replaced or removed */

/*
 * `want`: what is kept of each flow; its identity is added. `extra`: bytes beside each flow that are
 * the owner's, zero at first. A flow costs 23 to 31 bytes, the extra, and what flow_pack() makes of it.
 * Running out of memory aborts.
 */
struct flow_table *table_new(uint64_t want, size_t extra);
void table_free(struct flow_table *table);
size_t table_count(const struct flow_table *table);

/* By identity (flow_same()); NULL if there is none. */
struct entry *table_find(const struct flow_table *table, const struct flow *flow);

/* Adds a flow that is not there. */
struct entry *table_insert(struct flow_table *table, const struct flow *flow);

/* Puts new contents for the same identity; the extra stays. The entry may move: use the result. */
struct entry *table_replace(struct flow_table *table, struct entry *entry, const struct flow *flow);
void table_remove(struct flow_table *table, struct entry *entry);

void entry_flow(const struct flow_table *table, const struct entry *entry, struct flow *flow);
void *entry_extra(struct entry *entry);

/*
 * Generations tell who is missing in a dump: table_age() begins one, and what is inserted, replaced
 * or marked from then on belongs to it. The others are stale.
 */
void table_age(struct flow_table *table);
void table_mark(const struct flow_table *table, struct entry *entry);
bool entry_stale(const struct flow_table *table, const struct entry *entry);

/* Walks over all; begin with a zeroed place. NULL at the end. What it returned may be replaced or
 * removed before the next call, nothing else may change. */
struct place {
	size_t slot;
};
struct entry *table_next(const struct flow_table *table, struct place *place);

#endif
