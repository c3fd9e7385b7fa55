/* Keeps flows in order: all of them, or the first N in a heap. */
#ifndef SORTER_H
#define SORTER_H

#include "field.h"

enum { ORDERS = 16 };

struct order {
	const struct field *field;
	bool descending;
};

struct sorter;

/* `limit` 0: all. `want`: what is to be kept of each flow; the orders' fields are added. Equal ones
 * stay in the order in which they came; the absent come last. */
struct sorter *sorter_new(const struct order *orders, unsigned count, size_t limit, uint64_t want);
void sorter_add(struct sorter *sorter, const struct flow *flow);

/* The flows in order, one a call; the first call ends the adding. False after the last. */
bool sorter_next(struct sorter *sorter, struct flow *flow);
void sorter_free(struct sorter *sorter);

#endif
