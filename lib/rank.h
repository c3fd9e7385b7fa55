/* Groups in order: by count, by a key, by a sum, by the change since the sample before. */
#ifndef RANK_H
#define RANK_H

#include "group.h"

enum { RANK_ORDERS = 16 };

enum rank_by { RANK_COUNT, RANK_UNREPLIED, RANK_DELTA, RANK_KEY, RANK_SUM };

struct rank_order {
	enum rank_by by;
	unsigned index;			/* of the key or sum */
	bool descending;		/* the absent come last in both directions */
};

/* `major` orders as the first of the orders does, and `minor` as the first key, as far as 64 bits go. */
struct ranked {
	const struct group *group;
	int64_t delta;
	uint64_t major, minor;
};

struct ranking {
	const struct groups *groups;
	struct rank_order orders[RANK_ORDERS];	/* equal ones: the larger first, then by keys */
	unsigned orders_count, keys_count;
	unsigned long long top, least;	/* keep so many; keep groups with so many flows; 0: all */
	struct ranked *list;		/* first those that are kept, in order, then the others */
	uint32_t kept, count;
	uint64_t matched;		/* flows in all groups */
};

/*
 * Lists the groups of `groups` in order. `previous`: the sample before, or NULL; the groups that
 * have gone since are added to `groups` with nothing counted, and each gets its change.
 */
void ranking_make(struct ranking *ranking, struct groups *groups, const struct groups *previous);
void ranking_release(struct ranking *ranking);

#endif
