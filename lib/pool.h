/* Memory for millions of small pieces of few sizes: no header, no rounding to 16. */
#ifndef POOL_H
#define POOL_H

#include <stddef.h>

enum { POOL_STEP = 8, POOL_LARGEST = 1024 };

struct pool {
	void *free[POOL_LARGEST / POOL_STEP + 1];	/* a list per size */
	void *slabs;
	char *at, *end;					/* what is left of the newest slab */
};

/* The zeroed pool is empty. A piece is given back with the size it was asked for; what was given back
 * is used again, but goes to the system only with the whole pool. */
void *pool_take(struct pool *pool, size_t size);
void pool_give(struct pool *pool, void *piece, size_t size);
void pool_release(struct pool *pool);

#endif
