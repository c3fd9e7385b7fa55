/* Memory for millions of small pieces of few sizes. */
#include "pool.h"

#include "memory.h"

#include <stdlib.h>

enum { SLAB = 256 * 1024 };

/* Each slab begins with the address of the one before. */
static void new_slab(struct pool *pool)
{
	void **slab = must(malloc(SLAB));

	*slab = pool->slabs;
	pool->slabs = slab;
	pool->at = (char *)(slab + 1);
	pool->end = (char *)slab + SLAB;
}

static size_t rounded(size_t size)
{
	return (size + POOL_STEP - 1) / POOL_STEP * POOL_STEP;
}

void *pool_take(struct pool *pool, size_t size)
{
	void **piece;

	size = rounded(size);
	if (size > POOL_LARGEST)
		return must(malloc(size));
	piece = pool->free[size / POOL_STEP];
	if (piece) {
		pool->free[size / POOL_STEP] = *piece;
		return piece;
	}
	if ((size_t)(pool->end - pool->at) < size)
		new_slab(pool);
	piece = (void *)pool->at;
	pool->at += size;
	return piece;
}

void pool_give(struct pool *pool, void *piece, size_t size)
{
	void **link = piece;

	size = rounded(size);
	if (size > POOL_LARGEST) {
		free(piece);
		return;
	}
	*link = pool->free[size / POOL_STEP];
	pool->free[size / POOL_STEP] = link;
}

void pool_release(struct pool *pool)
{
	while (pool->slabs) {
		void **slab = pool->slabs;

		pool->slabs = *slab;
		free(slab);
	}
}
