/* The rows of a view in order, as they are shown: they stand still while a dump runs. */
#ifndef LISTING_H
#define LISTING_H

#include "eventlog.h"
#include "sample.h"
#include "vitals.h"

enum { TIES = 4 };

struct item {
	uint64_t identity;		/* the same for the same flow or group from sample to sample */
	uint64_t key, rest[2];		/* what it is sorted by; see order_key() and order_rest() */
	uint64_t ties[TIES];		/* the keys of a group, as far as they are numbers */
	uint32_t number;		/* of the group, flow, event or CPU */
	uint32_t before;		/* its place in the listing before this one */
	uint64_t gone_since;		/* time of the sample after which it was gone; 0: it is there */
	struct sums sums;		/* of a group */
};

struct listing {
	struct sample *sample;		/* the caller's, as are the next two */
	const struct eventlog *log;
	const struct vitals *vitals;
	struct item *items;
	unsigned long long epoch;		/* of the sample that the numbers of groups refer to */
	size_t count, room;
	size_t total;			/* rows that there are; more than count: only the first are kept */
};

void listing_init(struct listing *listing, struct sample *sample, const struct eventlog *log,
		  const struct vitals *vitals);
void listing_release(struct listing *listing);
void listing_clear(struct listing *listing);

/* Whether its rows can be had no more: listing_update() makes new ones. */
bool listing_stale(const struct listing *listing);

/* Gathers and sorts. `calm`: rows that were there stay where they are. `active`: only rows that
 * something happened to in the last interval. */
void listing_update(struct listing *listing, bool calm, bool active);

/* Puts the rows that there are into the order that the sample has now. */
void listing_sort(struct listing *listing);

void listing_row(const struct listing *listing, size_t place, struct row *row);

/* The place of the row with this identity, or -1. */
long listing_find(const struct listing *listing, uint64_t identity);

#endif
