/* Sorting packed flows: 16 bytes an entry beside the flow itself. */
#include "sorter.h"

#include "memory.h"

#include <stdlib.h>

enum { CHUNK = 1 << 20 };

/* The key orders as the first field does, as far as 64 bits go; flows are unpacked for the rest. */
struct entry {
	uint64_t key;
	uint8_t *flow;
};

struct chunk {
	struct chunk *next;
	size_t used;
	uint8_t bytes[CHUNK];
};

struct sorter {
	struct order orders[ORDERS];
	unsigned orders_count;
	size_t limit, count, room, next;
	uint64_t want, arrived;
	struct entry *entries;
	struct chunk *chunks;
	bool sorted;
};

/* In front of each packed flow: its turn, which decides between equals. */
enum { TURN = sizeof(uint64_t) };

struct sorter *sorter_new(const struct order *orders, unsigned count, size_t limit, uint64_t want)
{
	struct sorter *sorter = calloc(1, sizeof(*sorter));

	if (!sorter)
		memory_exhausted();
	for (unsigned i = 0; i < count; i++) {
		sorter->orders[i] = orders[i];
		want |= orders[i].field->has | orders[i].field->uses;
	}
	sorter->orders_count = count;
	sorter->limit = limit;
	sorter->want = want;
	return sorter;
}

void sorter_free(struct sorter *sorter)
{
	struct chunk *next;

	if (!sorter)
		return;
	for (size_t i = 0; sorter->limit && i < sorter->count; i++)
		free(sorter->entries[i].flow);
	for (struct chunk *chunk = sorter->chunks; chunk; chunk = next) {
		next = chunk->next;
		free(chunk);
	}
	free(sorter->entries);
	free(sorter);
}

static int compare_flows(const struct sorter *sorter, const struct flow *a, const struct flow *b)
{
	for (unsigned i = 0; i < sorter->orders_count; i++) {
		const struct order *order = &sorter->orders[i];
		bool both = field_present(order->field, a) && field_present(order->field, b);
		int result = field_compare(order->field, a, b);

		if (result)
			return both && order->descending ? -result : result;
	}
	return 0;
}

/* Absent values and kinds without a number share the last key. */
static uint64_t key_of(const struct sorter *sorter, const struct flow *flow)
{
	const struct order *order = &sorter->orders[0];
	uint64_t key;

	if (!order->field->kind->number || !field_present(order->field, flow))
		return UINT64_MAX;
	key = order->field->kind->number(order->field, flow);
	return order->descending ? ~key : key;
}

static int compare_entries(const void *x, const void *y, void *data)
{
	const struct entry *a = x, *b = y;
	struct flow first, second;
	uint64_t turn_a, turn_b;
	int result;

	if (a->key != b->key)
		return a->key < b->key ? -1 : 1;
	flow_unpack(&first, a->flow + TURN);
	flow_unpack(&second, b->flow + TURN);
	result = compare_flows(data, &first, &second);
	if (result)
		return result;
	memcpy(&turn_a, a->flow, TURN);
	memcpy(&turn_b, b->flow, TURN);
	return turn_a < turn_b ? -1 : turn_a > turn_b;
}

static uint8_t *store(struct sorter *sorter, const uint8_t *bytes, size_t size)
{
	struct chunk *chunk = sorter->chunks;
	uint8_t *to;

	if (sorter->limit) {
		to = malloc(size);
		if (!to)
			memory_exhausted();
	} else {
		if (!chunk || chunk->used + size > CHUNK) {
			chunk = malloc(sizeof(*chunk));
			if (!chunk)
				memory_exhausted();
			chunk->next = sorter->chunks;
			chunk->used = 0;
			sorter->chunks = chunk;
		}
		to = chunk->bytes + chunk->used;
		chunk->used += size;
	}
	memcpy(to, bytes, size);
	return to;
}

static void append(struct sorter *sorter, struct entry entry)
{
	if (sorter->count == sorter->room) {
		sorter->room = sorter->room ? sorter->room * 2 : 1024;
		sorter->entries = realloc(sorter->entries, sorter->room * sizeof(*sorter->entries));
		if (!sorter->entries)
			memory_exhausted();
	}
	sorter->entries[sorter->count++] = entry;
}

static void swap(struct entry *a, struct entry *b)
{
	struct entry copy = *a;

	*a = *b;
	*b = copy;
}

/* The heap has its last in order, the first to go, at the top. */
static void sift_up(struct sorter *sorter, size_t i)
{
	struct entry *heap = sorter->entries;

	while (i && compare_entries(&heap[i], &heap[(i - 1) / 2], sorter) > 0) {
		swap(&heap[i], &heap[(i - 1) / 2]);
		i = (i - 1) / 2;
	}
}

static void sift_down(struct sorter *sorter)
{
	struct entry *heap = sorter->entries;
	size_t i = 0, child;

	while ((child = 2 * i + 1) < sorter->count) {
		if (child + 1 < sorter->count &&
		    compare_entries(&heap[child + 1], &heap[child], sorter) > 0)
			child++;
		if (compare_entries(&heap[child], &heap[i], sorter) <= 0)
			return;
		swap(&heap[child], &heap[i]);
		i = child;
	}
}

void sorter_add(struct sorter *sorter, const struct flow *flow)
{
	uint8_t bytes[TURN + FLOW_PACKED];
	struct entry entry = { key_of(sorter, flow), bytes };
	bool full = sorter->limit && sorter->count == sorter->limit;
	size_t size;

	if (full && entry.key > sorter->entries[0].key)
		return;
	memcpy(bytes, &sorter->arrived, TURN);
	sorter->arrived++;
	size = TURN + flow_pack(flow, sorter->want, bytes + TURN);
	if (full && compare_entries(&entry, &sorter->entries[0], sorter) > 0)
		return;
	entry.flow = store(sorter, bytes, size);
	if (full) {
		free(sorter->entries[0].flow);
		sorter->entries[0] = entry;
		sift_down(sorter);
		return;
	}
	append(sorter, entry);
	if (sorter->limit)
		sift_up(sorter, sorter->count - 1);
}

bool sorter_next(struct sorter *sorter, struct flow *flow)
{
	if (!sorter->sorted && sorter->count)
		qsort_r(sorter->entries, sorter->count, sizeof(*sorter->entries), compare_entries, sorter);
	sorter->sorted = true;
	if (sorter->next == sorter->count)
		return false;
	flow_unpack(flow, sorter->entries[sorter->next++].flow + TURN);
	return true;
}
