/* Keeps twice as many flows as are wanted, and throws away the worse half when that is full. */
#include "kept.h"

#include "memory.h"

#include <arpa/inet.h>
#include <stdlib.h>

enum { ROOM = 2 * KEPT, SLOTS = 65536 };

struct kept {
	struct order order;
	uint64_t want, worst;		/* once full: the key that is too far behind */
	bool full;
	struct kept_item *items;
	uint32_t count;
	uint32_t *slots;		/* item number + 1 by identity */
	uint8_t *arena;
	size_t used, room;
};

struct kept *kept_new(const struct order *order, uint64_t want)
{
	struct kept *kept = must(calloc(1, sizeof(*kept)));

	kept->order = *order;
	kept->want = want;
	kept->items = must(malloc(ROOM * sizeof(*kept->items)));
	kept->slots = must(calloc(SLOTS, sizeof(*kept->slots)));
	kept->room = 1 << 16;
	kept->arena = must(malloc(kept->room));
	return kept;
}

void kept_free(struct kept *kept)
{
	if (!kept)
		return;
	free(kept->items);
	free(kept->slots);
	free(kept->arena);
	free(kept);
}

uint64_t order_key(const struct order *order, const struct row *row)
{
	const struct field *field = order->field;
	/* An endpoint begins with its address. */
	const struct kind *kind = !field ? NULL : field->kind == &kind_endpoint ? &kind_address : field->kind;
	uint64_t key;

	if (!kind || !kind->number || !field_present(field, &row->group.flow))
		return UINT64_MAX;
	key = kind->number(field, &row->group.flow);
	if (key == UINT64_MAX)
		key--;		/* the absent alone are last */
	return order->descending ? UINT64_MAX - 1 - key : key;
}

bool order_rest(const struct order *order, const struct row *row, uint64_t rest[2])
{
	const struct field *field = order->field;
	const struct flow *flow = &row->group.flow;
	const struct endpoint *end;

	rest[0] = rest[1] = 0;
	if (!field || (field->kind != &kind_endpoint && field->kind != &kind_address))
		return !field || field->kind->number;
	if (!field_present(field, flow))
		return true;
	end = field_value(field, flow);
	if (flow->family != AF_INET) {
		uint64_t last = ntohl(end->addr.word[3]);

		rest[0] = (uint64_t)ntohl(end->addr.word[1]) << 63 | (uint64_t)ntohl(end->addr.word[2]) << 31 |
			  last >> 1;
		rest[1] = (last & 1) << 16;
	}
	if (field->kind == &kind_endpoint)
		rest[1] |= end->port;
	for (unsigned i = 0; i < 2 && order->descending; i++)
		rest[i] = ~rest[i];
	return true;
}

int order_compare(const struct order *order, const struct row *a, const struct row *b)
{
	const struct flow *x = &a->group.flow, *y = &b->group.flow;
	bool both;
	int result;

	if (!order->field)
		return 0;
	both = field_present(order->field, x) && field_present(order->field, y);
	result = field_compare(order->field, x, y);
	return both && order->descending ? -result : result;
}

static uint32_t *slot_of(const struct kept *kept, uint64_t identity)
{
	size_t at = identity % SLOTS;

	while (kept->slots[at] && kept->items[kept->slots[at] - 1].identity != identity)
		at = (at + 1) % SLOTS;
	return &kept->slots[at];
}

static int by_key(const void *x, const void *y)
{
	const struct kept_item *a = x, *b = y;

	if (a->key != b->key)
		return a->key < b->key ? -1 : 1;
	return a->at < b->at ? -1 : a->at > b->at;
}

/* Moves the packed flows of those that stay together. */
static void compact(struct kept *kept)
{
	uint8_t *arena = must(malloc(kept->room));
	size_t used = 0;

	for (uint32_t i = 0; i < kept->count; i++) {
		struct kept_item *item = &kept->items[i];

		memcpy(arena + used, kept->arena + item->at, item->room);
		item->at = used;
		used += item->room;
	}
	free(kept->arena);
	kept->arena = arena;
	kept->used = used;
}

static void prune(struct kept *kept)
{
	qsort(kept->items, kept->count, sizeof(*kept->items), by_key);
	kept->count = KEPT;
	kept->worst = kept->items[KEPT - 1].key;
	kept->full = true;
	compact(kept);
	memset(kept->slots, 0, SLOTS * sizeof(*kept->slots));
	for (uint32_t i = 0; i < kept->count; i++)
		*slot_of(kept, kept->items[i].identity) = i + 1;
}

static void store(struct kept *kept, struct kept_item *item, const struct flow *flow)
{
	uint8_t packed[FLOW_PACKED];
	size_t length = flow_pack(flow, kept->want, packed);

	if (length > item->room) {
		while (kept->used + length > kept->room) {
			kept->room *= 2;
			kept->arena = must(realloc(kept->arena, kept->room));
		}
		item->at = kept->used;
		item->room = length;
		kept->used += length;
	}
	memcpy(kept->arena + item->at, packed, length);
}

void kept_add(struct kept *kept, const struct row *row)
{
	uint64_t key = order_key(&kept->order, row);
	struct kept_item *item;

	if (kept->full && key >= kept->worst)
		return;
	if (kept->count == ROOM)
		prune(kept);
	item = &kept->items[kept->count++];
	*item = (struct kept_item){
		.identity = row->identity, .key = key, .bytes_rate = row->sums.bytes_rate,
		.packets_rate = row->sums.packets_rate, .rated = row->sums.rated,
		.counted = row->sums.counted, .fresh = row->is_fresh,
	};
	store(kept, item, &row->group.flow);
	*slot_of(kept, row->identity) = kept->count;
}

void kept_carry(struct kept *kept, const struct kept *from, const struct kept_item *item)
{
	struct flow flow;
	struct kept_item *copy;

	if (kept->count == ROOM)
		return;
	flow_unpack(&flow, from->arena + item->at);
	copy = &kept->items[kept->count++];
	*copy = *item;
	copy->room = 0;
	copy->gone = true;
	store(kept, copy, &flow);
	*slot_of(kept, copy->identity) = kept->count;
}

size_t kept_count(const struct kept *kept)
{
	return kept->count;
}

struct kept_item *kept_at(struct kept *kept, size_t number)
{
	return &kept->items[number];
}

struct kept_item *kept_find(const struct kept *kept, uint64_t identity)
{
	uint32_t number = *slot_of(kept, identity);

	return number ? &kept->items[number - 1] : NULL;
}

void kept_replace(struct kept *kept, struct kept_item *item, const struct flow *flow)
{
	store(kept, item, flow);
}

void kept_row(const struct kept *kept, const struct kept_item *item, struct row *row)
{
	flow_unpack(&row->group.flow, kept->arena + item->at);
	memset(&row->sums, 0, sizeof(row->sums));
	row->identity = item->identity;
	row->sums.count = 1;
	row->sums.rated = item->rated;
	row->sums.counted = item->counted;
	row->sums.bytes_rate = item->bytes_rate;
	row->sums.packets_rate = item->packets_rate;
	row->is_gone = item->gone;
	row->is_fresh = item->fresh;
	row_finish(row, 0);
}
