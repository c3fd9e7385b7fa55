/* A hash table of packed flows: open addressing, with the hashes apart from the entries. */
#include "table.h"

#include "memory.h"
#include "pool.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST = 1024 };

/* The extra comes first in data[], so that it is aligned. */
struct entry {
	uint32_t hash;
	uint16_t generation;
	uint16_t length;	/* of data */
	uint8_t data[] __attribute__((aligned(8)));
};

/* A search touches the dense hashes alone until one fits: most searches cost one cache line. A
 * removed entry leaves a mark behind, so that a walk may remove what it stands on. */
enum { EMPTY, REMOVED, USED };	/* hashes from USED on */

struct flow_table {
	uint32_t *hashes;
	struct entry **entries;
	size_t size, count, taken;	/* taken: with removed ones */
	uint64_t want;
	size_t extra;
	struct pool pool;
	uint16_t generation;
};

static const uint64_t identity = HAS_ORIG_ADDR | HAS_ORIG_PORTS | HAS_ORIG_ICMP | HAS_ORIG_GRE |
				 HAS_ORIG_ZONE | HAS_ZONE | HAS_ID | HAS_START;

static void make_slots(struct flow_table *table, size_t size)
{
	table->size = size;
	table->hashes = must(calloc(size, sizeof(*table->hashes)));
	table->entries = must(malloc(size * sizeof(*table->entries)));
}

struct flow_table *table_new(uint64_t want, size_t extra)
{
	struct flow_table *table = must(calloc(1, sizeof(*table)));

	make_slots(table, FIRST);
	table->want = want | identity;
	table->extra = (extra + 7) & ~(size_t)7;
	return table;
}

static void release(struct flow_table *table, struct entry *entry)
{
	pool_give(&table->pool, entry, sizeof(*entry) + entry->length);
}

void table_free(struct flow_table *table)
{
	struct place place = { 0 };
	struct entry *entry;

	if (!table)
		return;
	while ((entry = table_next(table, &place)))
		if (entry->length > POOL_LARGEST - sizeof(*entry))
			release(table, entry);
	pool_release(&table->pool);
	free(table->hashes);
	free(table->entries);
	free(table);
}

size_t table_count(const struct flow_table *table)
{
	return table->count;
}

static uint32_t hash_of(const struct flow *flow)
{
	uint32_t hash = flow_hash(flow) >> 32;

	return hash < USED ? hash + USED : hash;
}

/* The slots need not be a power of two: growing by halves wastes less. */
static size_t first_slot(const struct flow_table *table, uint32_t hash)
{
	return (uint64_t)hash * table->size >> 32;
}

static size_t next_slot(const struct flow_table *table, size_t slot)
{
	return slot + 1 < table->size ? slot + 1 : 0;
}

static void place_entry(struct flow_table *table, struct entry *entry)
{
	size_t slot = first_slot(table, entry->hash);

	while (table->hashes[slot] != EMPTY)
		slot = next_slot(table, slot);
	table->hashes[slot] = entry->hash;
	table->entries[slot] = entry;
}

/* Rid of the marks; larger if most of what is taken is in use. */
static void rebuild(struct flow_table *table)
{
	struct flow_table old = *table;
	struct place place = { 0 };
	struct entry *entry;

	make_slots(table, table->count * 2 > table->size ? table->size + table->size / 2 : table->size);
	while ((entry = table_next(&old, &place)))
		place_entry(table, entry);
	table->taken = table->count;
	free(old.hashes);
	free(old.entries);
}

struct entry *table_find(const struct flow_table *table, const struct flow *flow)
{
	uint32_t hash = hash_of(flow);
	size_t slot = first_slot(table, hash);
	struct flow other;

	for (; table->hashes[slot] != EMPTY; slot = next_slot(table, slot)) {
		if (table->hashes[slot] != hash)
			continue;
		entry_flow(table, table->entries[slot], &other);
		if (flow_same(&other, flow))
			return table->entries[slot];
	}
	return NULL;
}

/* An old entry is given up for one of another size; its extra stays. */
static struct entry *fill(struct flow_table *table, struct entry *old, const struct flow *flow)
{
	uint8_t packed[FLOW_PACKED];
	size_t length = table->extra + flow_pack(flow, table->want, packed);
	struct entry *entry = old;

	if (!old || old->length != length) {
		entry = pool_take(&table->pool, sizeof(*entry) + length);
		entry->length = length;
	}
	if (old && entry != old) {
		entry->hash = old->hash;
		memcpy(entry->data, old->data, table->extra);
		release(table, old);
	}
	memcpy(entry->data + table->extra, packed, length - table->extra);
	entry->generation = table->generation;
	return entry;
}

struct entry *table_insert(struct flow_table *table, const struct flow *flow)
{
	struct entry *entry;

	if ((table->taken + 1) * 5 > table->size * 4)
		rebuild(table);
	entry = fill(table, NULL, flow);
	entry->hash = hash_of(flow);
	memset(entry->data, 0, table->extra);
	place_entry(table, entry);
	table->count++;
	table->taken++;
	return entry;
}

static size_t slot_of(const struct flow_table *table, const struct entry *entry)
{
	size_t slot = first_slot(table, entry->hash);

	while (table->hashes[slot] != entry->hash || table->entries[slot] != entry)
		slot = next_slot(table, slot);
	return slot;
}

struct entry *table_replace(struct flow_table *table, struct entry *entry, const struct flow *flow)
{
	size_t slot = slot_of(table, entry);

	table->entries[slot] = fill(table, entry, flow);
	return table->entries[slot];
}

/* No mark is needed where no search goes on: before an empty slot. */
void table_remove(struct flow_table *table, struct entry *entry)
{
	size_t slot = slot_of(table, entry);

	release(table, entry);
	table->count--;
	table->hashes[slot] = REMOVED;
	if (table->hashes[next_slot(table, slot)] != EMPTY)
		return;
	for (; table->hashes[slot] == REMOVED; slot = slot ? slot - 1 : table->size - 1) {
		table->hashes[slot] = EMPTY;
		table->taken--;
	}
}

void entry_flow(const struct flow_table *table, const struct entry *entry, struct flow *flow)
{
	flow_unpack(flow, entry->data + table->extra);
}

void *entry_extra(struct entry *entry)
{
	return entry->data;
}

void table_age(struct flow_table *table)
{
	table->generation++;
}

void table_mark(const struct flow_table *table, struct entry *entry)
{
	entry->generation = table->generation;
}

bool entry_stale(const struct flow_table *table, const struct entry *entry)
{
	return entry->generation != table->generation;
}

struct entry *table_next(const struct flow_table *table, struct place *place)
{
	while (place->slot < table->size) {
		size_t slot = place->slot++;

		if (table->hashes[slot] >= USED)
			return table->entries[slot];
	}
	return NULL;
}
