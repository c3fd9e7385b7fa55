/* Groups in a hash table. A key is the bytes of its fields side by side, in whole 64-bit words. */
#include "group.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/socket.h>

#include <linux/netfilter/nf_conntrack_common.h>

enum { CHUNK = 512, FIRST_SLOTS = 1024 };

/* How the value of a field gets into the key. */
enum copy { COPY_NOTHING, COPY_1, COPY_2, COPY_4, COPY_8, COPY_BYTES, COPY_ADDRESS, COPY_ENDPOINT,
	COPY_BITS, COPY_TEXT, COPY_TOTAL };

struct key {
	struct field field;		/* as the caller sees it, in struct group_row */
	enum copy copy;
	uint16_t from, to, size;
	bool family;			/* the value means nothing without the family */
	uint64_t has, port;
	uint32_t bits;
	union address mask[2];
};

/*
 * The first bytes of a key: which fields are present (and above, which endpoints have a port), and
 * the family if a field needs it. The values of absent fields, and all gaps, are 0.
 */
struct head {
	uint32_t present;
	uint8_t family;
};

enum { HEAD_SIZE = 5, PORT_SHIFT = 16 };

union words {
	uint64_t word[GROUP_VALUES / sizeof(uint64_t)];
	uint8_t byte[GROUP_VALUES];
	struct head head;
};

struct slot {
	uint32_t tag;			/* the upper half of the hash */
	uint32_t number;		/* of the group, from 1; 0: free */
};

/* Groups by key. A record is a struct group with its sums, and the key behind them. */
struct index {
	struct key keys[GROUP_KEYS];
	unsigned keys_count, words, sums;
	size_t record;
	uint64_t seed;
	struct slot *slots;
	uint32_t mask, count;
	uint8_t **chunks;
	uint32_t chunks_count;
};

/* `second`: the member of the other direction, where the field is the total of both. */
struct sum {
	const struct field *field;
	bool direct;
	uint16_t first, second;
};

struct groups {
	struct index rows, columns, cells;
	bool across;
	struct sum sums[GROUP_SUMS];
	unsigned sums_count;
	uint64_t wants;
};

static void *must(void *memory)
{
	if (!memory)
		abort();
	return memory;
}

static enum copy copy_of(const struct field *field)
{
	const struct kind *kind = field->kind;

	if (kind == &kind_family || kind == &kind_bool)
		return COPY_NOTHING;
	if (kind == &kind_address)
		return COPY_ADDRESS;
	if (kind == &kind_endpoint)
		return COPY_ENDPOINT;
	if (kind == &kind_text)
		return COPY_TEXT;
	if (kind == &kind_total)
		return COPY_TOTAL;
	if (kind->bits)
		return field->size == 4 ? COPY_BITS : COPY_1;
	switch (field->size) {
	case 1:
		return COPY_1;
	case 2:
		return COPY_2;
	case 4:
		return COPY_4;
	case 8:
		return COPY_8;
	}
	return COPY_BYTES;
}

static void set_mask(union address *mask, unsigned length)
{
	for (unsigned i = 0; i < length; i++)
		mask->byte[i / 8] |= 0x80 >> i % 8;
}

/* Bits that the kind does not show must not part what looks alike. */
static uint32_t shown_bits(const struct kind *kind)
{
	uint32_t bits = 0;

	for (const struct bit *bit = kind->bits; bit && bit->name; bit++)
		bits |= bit->mask;
	return bits;
}

static size_t align(size_t offset, size_t size)
{
	size_t unit = size & -size;

	if (unit > sizeof(uint64_t))
		unit = sizeof(uint64_t);
	return unit ? (offset + unit - 1) & -unit : offset;
}

/* Puts the key at *end of the key bytes. */
static bool plan_key(struct key *key, const struct field *field, size_t *end)
{
	bool cut = field->kind == &kind_address && (field->prefix[0] || field->prefix[1]);

	key->field = *field;
	key->copy = copy_of(field);
	key->from = field->offset;
	key->size = key->copy == COPY_NOTHING ? 0 : field->size;
	key->has = field->has;
	key->family = field->kind == &kind_family || key->copy == COPY_ADDRESS ||
		      key->copy == COPY_ENDPOINT;
	key->port = key->copy == COPY_ENDPOINT ? field->uses : 0;
	key->bits = shown_bits(field->kind);
	set_mask(&key->mask[0], cut ? field->prefix[0] : 32);
	set_mask(&key->mask[1], cut ? field->prefix[1] : 128);
	*end = align(*end, key->size);
	key->to = *end;
	*end += key->size;
	if (key->copy != COPY_NOTHING)
		key->field.offset = offsetof(struct group_row, values) + key->to;
	if (key->copy == COPY_TOTAL)
		key->field.kind = &kind_count;
	return *end <= GROUP_VALUES;
}

static bool index_plan(struct index *index, const struct field *keys, unsigned count, unsigned sums)
{
	size_t end = index->words ? index->words : HEAD_SIZE;

	for (unsigned i = 0; i < count; i++) {
		if (index->keys_count == GROUP_KEYS)
			return false;
		if (!plan_key(&index->keys[index->keys_count++], &keys[i], &end))
			return false;
	}
	index->words = end;
	index->sums = sums;
	return true;
}

static void index_open(struct index *index, uint64_t seed)
{
	index->words = (index->words + sizeof(uint64_t) - 1) / sizeof(uint64_t);
	index->record = sizeof(struct group) + (index->sums + index->words) * sizeof(uint64_t);
	index->seed = seed;
	index->mask = FIRST_SLOTS - 1;
	index->slots = must(calloc(FIRST_SLOTS, sizeof(*index->slots)));
}

static void index_release(struct index *index)
{
	for (uint32_t i = 0; i < index->chunks_count; i++)
		free(index->chunks[i]);
	free(index->chunks);
	free(index->slots);
}

static inline struct group *index_at(const struct index *index, uint32_t number)
{
	return (void *)(index->chunks[number / CHUNK] + number % CHUNK * index->record);
}

static inline uint64_t *key_of(const struct index *index, struct group *group)
{
	return group->sum + index->sums;
}

static inline void copy_address(const struct key *key, uint8_t family, union address *to,
				const union address *from)
{
	const union address *mask = &key->mask[family == AF_INET6];

	for (int i = 0; i < 4; i++)
		to->word[i] = from->word[i] & mask->word[i];
}

static void copy_long(const struct key *key, uint8_t *to, const uint8_t *from)
{
	const struct counters *both = (const void *)from;

	switch (key->copy) {
	case COPY_TEXT:
		memcpy(to, from, strnlen((const char *)from, key->size - 1));
		break;
	case COPY_TOTAL:
		*(uint64_t *)to = both[0].packets + both[1].packets;
		break;
	default:
		memcpy(to, from, key->size);
	}
}

static inline void copy_value(const struct key *key, const struct flow *flow, uint8_t *to)
{
	const uint8_t *from = (const uint8_t *)flow + key->from;

	switch (key->copy) {
	case COPY_NOTHING:
		break;
	case COPY_1:
		*to = *from;
		break;
	case COPY_2:
		memcpy(to, from, 2);
		break;
	case COPY_4:
		memcpy(to, from, 4);
		break;
	case COPY_8:
		memcpy(to, from, 8);
		break;
	case COPY_BITS:
		*(uint32_t *)to = *(const uint32_t *)from & key->bits;
		break;
	case COPY_ADDRESS:
		copy_address(key, flow->family, (void *)to, (const void *)from);
		break;
	case COPY_ENDPOINT:
		memcpy(to, from, offsetof(struct endpoint, port));
		break;
	default:
		copy_long(key, to, from);
	}
}

static inline void make_key(const struct index *index, const struct flow *flow, union words *words)
{
	uint32_t present = 0;
	uint8_t family = 0;

	for (unsigned i = 0; i < index->words; i++)
		words->word[i] = 0;
	for (unsigned i = 0; i < index->keys_count; i++) {
		const struct key *key = &index->keys[i];

		if ((flow->has & key->has) != key->has)
			continue;
		present |= UINT32_C(1) << i;
		if (key->family)
			family = flow->family;
		copy_value(key, flow, words->byte + key->to);
		if (key->port && (flow->has & key->port) == key->port) {
			present |= UINT32_C(1) << (PORT_SHIFT + i);
			memcpy(words->byte + key->to + offsetof(struct endpoint, port),
			       (const uint8_t *)flow + key->from + offsetof(struct endpoint, port),
			       sizeof(uint16_t));
		}
	}
	words->head.present = present;
	words->head.family = family;
}

/* Peers choose addresses and ports: the seed keeps them from choosing our chains. */
static inline uint32_t hash(const struct index *index, const uint64_t *word)
{
	const uint64_t k = UINT64_C(0x9e3779b97f4a7c15);
	uint64_t h = index->seed;

	for (unsigned i = 0; i < index->words; i++) {
		h = (h ^ word[i]) * k;
		h ^= h >> 32;
	}
	return (h * k) >> 32;
}

static inline bool same(const struct index *index, const uint64_t *a, const uint64_t *b)
{
	for (unsigned i = 0; i < index->words; i++)
		if (a[i] != b[i])
			return false;
	return true;
}

/* The group with this key, or NULL: then *place is the free slot. */
static inline struct group *index_find(const struct index *index, const uint64_t *word, uint32_t tag,
				       uint32_t *place)
{
	uint32_t at = tag & index->mask;

	for (; index->slots[at].number; at = (at + 1) & index->mask) {
		struct group *group;

		if (index->slots[at].tag != tag)
			continue;
		group = index_at(index, index->slots[at].number - 1);
		if (same(index, word, key_of(index, group)))
			return group;
	}
	*place = at;
	return NULL;
}

static void index_grow(struct index *index)
{
	struct slot *old = index->slots;
	uint32_t old_mask = index->mask;

	index->mask = old_mask * 2 + 1;
	index->slots = must(calloc((size_t)index->mask + 1, sizeof(*index->slots)));
	for (uint32_t i = 0; i <= old_mask; i++) {
		uint32_t at = old[i].tag & index->mask;

		if (!old[i].number)
			continue;
		while (index->slots[at].number)
			at = (at + 1) & index->mask;
		index->slots[at] = old[i];
	}
	free(old);
}

static struct group *index_make(struct index *index, const uint64_t *word, uint32_t tag,
				uint32_t place)
{
	struct group *group;

	if (index->count / CHUNK == index->chunks_count) {
		size_t size = (index->chunks_count + 1) * sizeof(*index->chunks);

		index->chunks = must(realloc(index->chunks, size));
		index->chunks[index->chunks_count++] = must(malloc(CHUNK * index->record));
	}
	group = index_at(index, index->count);
	memset(group, 0, sizeof(*group) + index->sums * sizeof(*group->sum));
	group->number = index->count;
	memcpy(key_of(index, group), word, index->words * sizeof(*word));
	index->slots[place] = (struct slot){ tag, ++index->count };
	if (index->count > index->mask / 2)
		index_grow(index);
	return group;
}

static struct group *index_get(struct index *index, const uint64_t *word, uint32_t tag)
{
	uint32_t place = 0;
	struct group *group = index_find(index, word, tag, &place);

	return group ? group : index_make(index, word, tag, place);
}

static struct group *index_of(struct index *index, const struct flow *flow)
{
	union words words;

	make_key(index, flow, &words);
	return index_get(index, words.word, hash(index, words.word));
}

static void index_clear(struct index *index)
{
	if (index->slots)
		memset(index->slots, 0, ((size_t)index->mask + 1) * sizeof(*index->slots));
	index->count = 0;
}

/* What kinds look at to show a value: presence and family, beside the value itself. */
static inline void fill_row(const struct index *index, const struct group *group,
			    struct group_row *row)
{
	const uint64_t *word = group->sum + index->sums;
	const struct head *head = (const void *)word;
	uint64_t has = 0;

	for (unsigned i = 0; i < index->words; i++)
		row->values[i] = word[i];
	for (unsigned i = 0; i < index->keys_count; i++) {
		if (head->present >> i & 1)
			has |= index->keys[i].has;
		if (head->present >> (PORT_SHIFT + i) & 1)
			has |= index->keys[i].port;
	}
	row->flow.family = head->family;
	row->flow.has = has;
}

static void index_row(const struct index *index, const struct group *group, struct group_row *row)
{
	memset(&row->flow, 0, sizeof(row->flow));
	fill_row(index, group, row);
}

static void plan_sum(struct groups *groups, const struct field *field)
{
	struct sum *sum = &groups->sums[groups->sums_count++];
	bool total = field->kind == &kind_total;

	sum->field = field;
	sum->direct = field->size == sizeof(uint64_t) &&
		      (total || field->kind == &kind_count || field->kind == &kind_size);
	sum->first = field->offset;
	sum->second = total ? field->offset + sizeof(struct counters) : 0;
	groups->wants |= field->has | field->uses;
}

/* NAT shows the two bits of the status alone, so the reply tuple is not needed. */
static uint64_t wants(const struct field *field)
{
	return field->kind->bits ? field->has == HAS_NAT ? HAS_STATUS : field->has
				 : field->has | field->uses;
}

struct groups *groups_new(const struct group_plan *plan)
{
	struct groups *groups = must(calloc(1, sizeof(*groups)));
	uint64_t seed = 0;
	unsigned extra;
	bool fits;

	groups->wants = HAS_STATUS;
	groups->across = plan->across;
	for (unsigned i = 0; i < plan->keys_count; i++)
		groups->wants |= wants(&plan->keys[i]);
	for (unsigned i = 0; i < plan->sums_count; i++)
		plan_sum(groups, plan->sums[i]);
	extra = (plan->extra + sizeof(uint64_t) - 1) / sizeof(uint64_t);
	fits = index_plan(&groups->rows, plan->keys, plan->keys_count, plan->sums_count + extra);
	if (plan->across) {
		groups->wants |= wants(&plan->across_key);
		fits = fits && index_plan(&groups->columns, &plan->across_key, 1, 0) &&
		       index_plan(&groups->cells, plan->keys, plan->keys_count, 0) &&
		       index_plan(&groups->cells, &plan->across_key, 1, 0);
	}
	if (!fits) {
		free(groups);
		errno = E2BIG;
		return NULL;
	}
	if (getrandom(&seed, sizeof(seed), GRND_NONBLOCK) < 0)
		seed = (uintptr_t)groups;
	index_open(&groups->rows, seed);
	if (plan->across) {
		index_open(&groups->columns, seed);
		index_open(&groups->cells, seed);
	}
	return groups;
}

void groups_free(struct groups *groups)
{
	if (!groups)
		return;
	index_release(&groups->rows);
	index_release(&groups->columns);
	index_release(&groups->cells);
	free(groups);
}

uint64_t groups_wants(const struct groups *groups)
{
	return groups->wants;
}

void groups_clear(struct groups *groups)
{
	index_clear(&groups->rows);
	index_clear(&groups->columns);
	index_clear(&groups->cells);
}

static inline void add_sums(const struct groups *groups, struct group *group,
			    const struct flow *flow)
{
	const char *base = (const char *)flow;

	for (unsigned i = 0; i < groups->sums_count; i++) {
		const struct sum *sum = &groups->sums[i];

		if (!field_present(sum->field, flow))
			continue;
		group->summed |= UINT32_C(1) << i;
		if (!sum->direct)
			group->sum[i] += sum->field->kind->number(sum->field, flow);
		else
			group->sum[i] += *(const uint64_t *)(base + sum->first) +
				(sum->second ? *(const uint64_t *)(base + sum->second) : 0);
	}
}

static struct group *new_cell(struct groups *groups, const struct flow *flow, struct group *cell)
{
	cell->row = index_of(&groups->rows, flow);
	cell->column = index_of(&groups->columns, flow);
	cell->next = cell->row->cells;
	cell->row->cells = cell;
	return cell;
}

/* One look into one table, also across: a cell knows its group and its column. */
void group_add(struct groups *groups, const struct flow *flow)
{
	struct group *group = index_of(groups->across ? &groups->cells : &groups->rows, flow);

	if (groups->across) {
		if (!group->row)
			new_cell(groups, flow, group);
		group->count++;
		group->column->count++;
		group = group->row;
	}
	group->count++;
	group->unreplied += (flow->has & HAS_STATUS) && !(flow->status & IPS_SEEN_REPLY);
	add_sums(groups, group, flow);
}

struct group *group_get(struct groups *groups, const struct flow *flow)
{
	return index_of(&groups->rows, flow);
}

void *group_extra(const struct groups *groups, struct group *group)
{
	return group->sum + groups->sums_count;
}

uint32_t groups_count(const struct groups *groups)
{
	return groups->rows.count;
}

struct group *groups_at(const struct groups *groups, uint32_t number)
{
	return index_at(&groups->rows, number);
}

uint32_t groups_columns_count(const struct groups *groups)
{
	return groups->columns.count;
}

struct group *groups_column(const struct groups *groups, uint32_t number)
{
	return index_at(&groups->columns, number);
}

const struct field *groups_keys(const struct groups *groups, unsigned i)
{
	return &groups->rows.keys[i].field;
}

const struct field *groups_across(const struct groups *groups)
{
	return &groups->columns.keys[0].field;
}

void groups_row(const struct groups *groups, const struct group *group, struct group_row *row)
{
	index_row(&groups->rows, group, row);
}

void groups_column_row(const struct groups *groups, const struct group *column, struct group_row *row)
{
	index_row(&groups->columns, column, row);
}

int groups_compare(const struct groups *groups, unsigned key, const struct group *a,
		   const struct group *b, bool *both)
{
	const struct index *index = &groups->rows;
	const struct field *field = &index->keys[key].field;
	struct group_row x, y;

	fill_row(index, a, &x);
	fill_row(index, b, &y);
	*both = field_present(field, &x.flow) && field_present(field, &y.flow);
	return field_compare(field, &x.flow, &y.flow);
}

struct group *groups_peer(const struct groups *other, const struct groups *groups,
			  const struct group *group)
{
	const uint64_t *word = group->sum + groups->rows.sums;
	uint32_t place;

	return index_find(&other->rows, word, hash(&other->rows, word), &place);
}

struct group *groups_adopt(struct groups *other, const struct groups *groups,
			   const struct group *group)
{
	const uint64_t *word = group->sum + groups->rows.sums;

	return index_get(&other->rows, word, hash(&other->rows, word));
}
