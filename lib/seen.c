/* A hash table of marks: open addressing, linear probing, removal by moving back. */
#include "seen.h"

#include "memory.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST = 1024 };

struct seen {
	struct mark *marks;
	size_t mask, count;
};

static struct mark *room(size_t slots)
{
	struct mark *marks = calloc(slots, sizeof(*marks));

	if (!marks)
		memory_exhausted();
	return marks;
}

struct seen *seen_new(void)
{
	struct seen *seen = malloc(sizeof(*seen));

	if (!seen)
		memory_exhausted();
	*seen = (struct seen){ room(FIRST), FIRST - 1, 0 };
	return seen;
}

void seen_free(struct seen *seen)
{
	if (seen)
		free(seen->marks);
	free(seen);
}

void seen_clear(struct seen *seen)
{
	free(seen->marks);
	*seen = (struct seen){ room(FIRST), FIRST - 1, 0 };
}

size_t seen_count(const struct seen *seen)
{
	return seen->count;
}

uint64_t seen_identity(const struct flow *flow)
{
	uint64_t h = flow_hash(flow);

	if (flow->has & HAS_ID) {
		h = (h ^ flow->id) * UINT64_C(0xff51afd7ed558ccd);
		h ^= h >> 32;
	}
	return h ? h : 1;
}

static void resize(struct seen *seen, size_t slots)
{
	struct mark *old = seen->marks;
	size_t old_mask = seen->mask;

	seen->marks = room(slots);
	seen->mask = slots - 1;
	for (size_t i = 0; i <= old_mask; i++) {
		size_t at = old[i].identity & seen->mask;

		if (!old[i].identity)
			continue;
		while (seen->marks[at].identity)
			at = (at + 1) & seen->mask;
		seen->marks[at] = old[i];
	}
	free(old);
}

void seen_reserve(struct seen *seen, size_t count)
{
	size_t slots = seen->mask + 1;

	while (count > slots / 4 * 3)
		slots *= 2;
	if (slots > seen->mask + 1)
		resize(seen, slots);
}

struct mark *seen_find(struct seen *seen, uint64_t identity)
{
	size_t at = identity & seen->mask;

	for (; seen->marks[at].identity; at = (at + 1) & seen->mask)
		if (seen->marks[at].identity == identity)
			return &seen->marks[at];
	return NULL;
}

struct mark *seen_add(struct seen *seen, uint64_t identity)
{
	size_t at;

	seen_reserve(seen, seen->count + 1);
	at = identity & seen->mask;
	while (seen->marks[at].identity)
		at = (at + 1) & seen->mask;
	seen->marks[at] = (struct mark){ .identity = identity };
	seen->count++;
	return &seen->marks[at];
}

/* Those behind the hole move up unless that puts them in front of their place. */
void seen_remove(struct seen *seen, struct mark *mark)
{
	size_t hole = mark - seen->marks, at = hole;

	for (;;) {
		size_t home;

		at = (at + 1) & seen->mask;
		if (!seen->marks[at].identity)
			break;
		home = seen->marks[at].identity & seen->mask;
		if (((at - home) & seen->mask) >= ((at - hole) & seen->mask)) {
			seen->marks[hole] = seen->marks[at];
			hole = at;
		}
	}
	seen->marks[hole].identity = 0;
	seen->count--;
}

size_t seen_sweep(struct seen *seen, uint32_t round)
{
	size_t before = seen->count;

	for (size_t i = 0; i <= seen->mask; i++)
		while (seen->marks[i].identity && seen->marks[i].round != round)
			seen_remove(seen, &seen->marks[i]);
	return before - seen->count;
}
