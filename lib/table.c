/* A hash table of packed flows: chains, because a walk must stand removals. */
#include "table.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST = 1024 };

/* The extra comes first in data[], so that it is aligned. */
struct entry {
	struct entry *next;
	uint32_t hash;
	uint16_t generation;
	uint8_t data[] __attribute__((aligned(8)));
};

struct flow_table {
	struct entry **buckets;
	size_t size, count;	/* size is a power of two */
	uint64_t want;
	size_t extra;
	uint16_t generation;
};

static const uint64_t identity = HAS_ORIG_ADDR | HAS_ORIG_PORTS | HAS_ORIG_ICMP | HAS_ORIG_GRE |
				 HAS_ORIG_ZONE | HAS_ZONE | HAS_ID | HAS_START;

static void *must(void *memory)
{
	if (!memory)
		abort();
	return memory;
}

struct flow_table *table_new(uint64_t want, size_t extra)
{
	struct flow_table *table = must(calloc(1, sizeof(*table)));

	table->size = FIRST;
	table->buckets = must(calloc(table->size, sizeof(*table->buckets)));
	table->want = want | identity;
	table->extra = (extra + 7) & ~(size_t)7;
	return table;
}

void table_free(struct flow_table *table)
{
	struct place place = { 0 };
	struct entry *entry;

	if (!table)
		return;
	while ((entry = table_next(table, &place)))
		free(entry);
	free(table->buckets);
	free(table);
}

size_t table_count(const struct flow_table *table)
{
	return table->count;
}

static struct entry **bucket_of(const struct flow_table *table, uint32_t hash)
{
	return &table->buckets[hash & (table->size - 1)];
}

static void grow(struct flow_table *table)
{
	struct entry **old = table->buckets, *entry, *next;
	size_t size = table->size;

	table->size *= 2;
	table->buckets = must(calloc(table->size, sizeof(*table->buckets)));
	for (size_t i = 0; i < size; i++)
		for (entry = old[i]; entry; entry = next) {
			struct entry **bucket = bucket_of(table, entry->hash);

			next = entry->next;
			entry->next = *bucket;
			*bucket = entry;
		}
	free(old);
}

struct entry *table_find(const struct flow_table *table, const struct flow *flow)
{
	uint32_t hash = flow_hash(flow);
	struct entry *entry = *bucket_of(table, hash);
	struct flow other;

	for (; entry; entry = entry->next) {
		if (entry->hash != hash)
			continue;
		entry_flow(table, entry, &other);
		if (flow_same(&other, flow))
			return entry;
	}
	return NULL;
}

static struct entry *fill(const struct flow_table *table, struct entry *old, const struct flow *flow)
{
	uint8_t packed[FLOW_PACKED];
	size_t length = flow_pack(flow, table->want, packed);
	struct entry *entry = must(realloc(old, offsetof(struct entry, data) + table->extra + length));

	memcpy(entry->data + table->extra, packed, length);
	entry->generation = table->generation;
	return entry;
}

struct entry *table_insert(struct flow_table *table, const struct flow *flow)
{
	struct entry *entry = fill(table, NULL, flow), **bucket;

	if (table->count++ >= table->size)
		grow(table);
	entry->hash = flow_hash(flow);
	memset(entry->data, 0, table->extra);
	bucket = bucket_of(table, entry->hash);
	entry->next = *bucket;
	*bucket = entry;
	return entry;
}

static struct entry **link_of(const struct flow_table *table, const struct entry *entry)
{
	struct entry **link = bucket_of(table, entry->hash);

	while (*link != entry)
		link = &(*link)->next;
	return link;
}

struct entry *table_replace(struct flow_table *table, struct entry *entry, const struct flow *flow)
{
	struct entry **link = link_of(table, entry);

	*link = fill(table, entry, flow);
	return *link;
}

void table_remove(struct flow_table *table, struct entry *entry)
{
	struct entry **link = link_of(table, entry);

	*link = entry->next;
	free(entry);
	table->count--;
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
	struct entry *entry = place->next;

	while (!entry && place->bucket < table->size)
		entry = table->buckets[place->bucket++];
	place->next = entry ? entry->next : NULL;
	return entry;
}
