/* The first thousands of flows in some order, whole: what the flows view shows. */
#ifndef KEPT_H
#define KEPT_H

#include "row.h"
#include "sorter.h"

enum { KEPT = 10000 };

struct kept;

struct kept_item {
	uint64_t identity, key;		/* key: smaller is in front */
	float bytes_rate, packets_rate;
	uint32_t at;
	uint16_t room;
	bool rated, counted, gone, fresh;
};

/* `want`: what is kept of each flow. Of a million flows KEPT remain; who holds more, forgets. */
struct kept *kept_new(const struct order *order, uint64_t want);
void kept_free(struct kept *kept);

/* row->identity, ->group.flow, ->sums and is_fresh; what cannot be among the first is refused. */
void kept_add(struct kept *kept, const struct row *row);

size_t kept_count(const struct kept *kept);
struct kept_item *kept_at(struct kept *kept, size_t number);
struct kept_item *kept_find(const struct kept *kept, uint64_t identity);	/* NULL if it is not kept */

void kept_row(const struct kept *kept, const struct kept_item *item, struct row *row);

/* Takes a flow that is gone over from another one, to be shown for a while. */
void kept_carry(struct kept *kept, const struct kept *from, const struct kept_item *item);

/* Puts a new flow in the place of the same one. */
void kept_replace(struct kept *kept, struct kept_item *item, const struct flow *flow);

/* A number that orders rows, the smallest first; where it cannot be had, the same for all. The
 * absent are last. */
uint64_t order_key(const struct order *order, const struct row *row);

/* What order_key() leaves out: the rest of an address, and its port. False: order_compare() must tell. */
bool order_rest(const struct order *order, const struct row *row, uint64_t rest[2]);

/* Compares by the field and then for good, without the key. */
int order_compare(const struct order *order, const struct row *a, const struct row *b);

#endif
