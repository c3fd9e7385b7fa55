/* Keys are the bytes of their fields side by side, in whole 64-bit words; open addressing. */
#include "index.h"

#include "memory.h"
#include "secret.h"

#include <stdlib.h>
#include <sys/socket.h>

enum { CHUNK = 512, FIRST_SLOTS = 1024, CACHE_LINE = 64 };

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

bool index_plan(struct index *index, const struct field *keys, unsigned count)
{
	if (!index->end)
		index->end = HEAD_SIZE;
	for (unsigned i = 0; i < count; i++) {
		if (index->keys_count == GROUP_KEYS)
			return false;
		if (!plan_key(&index->keys[index->keys_count++], &keys[i], &index->end))
			return false;
	}
	return true;
}

void index_open(struct index *index, unsigned sums)
{
	index->sums = sums;
	index->words = (index->end + sizeof(uint64_t) - 1) / sizeof(uint64_t);
	index->record = sizeof(struct group) + (index->sums + index->words) * sizeof(uint64_t);
	/* A record that fits into one line of the cache does not lie in two. */
	if (index->record <= CACHE_LINE)
		index->record = CACHE_LINE;
	index->secrets = must(malloc(SECRETS(index->words) * sizeof(*index->secrets)));
	secrets_make(index->secrets, SECRETS(index->words));
	index->mask = FIRST_SLOTS - 1;
	index->slots = must(calloc(FIRST_SLOTS, sizeof(*index->slots)));
}

void index_release(struct index *index)
{
	for (uint32_t i = 0; i < index->chunks_count; i++)
		free(index->chunks[i]);
	free(index->chunks);
	free(index->slots);
	free(index->secrets);
}

static inline void *record(const struct index *index, uint32_t number)
{
	return index->chunks[number / CHUNK] + number % CHUNK * index->record;
}

struct group *index_at(const struct index *index, uint32_t number)
{
	return record(index, number);
}

const uint64_t *index_key(const struct index *index, const struct group *group)
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

void index_make_key(const struct index *index, const struct flow *flow, union words *words)
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

uint32_t index_hash(const struct index *index, const uint64_t *word)
{
	return secret_hash(index->secrets, word, index->words);
}

static inline bool same(const struct index *index, const uint64_t *a, const uint64_t *b)
{
	for (unsigned i = 0; i < index->words; i++)
		if (a[i] != b[i])
			return false;
	return true;
}

void index_touch_slot(const struct index *index, uint32_t tag)
{
	__builtin_prefetch(&index->slots[tag & index->mask], 0);
}

void index_touch_record(const struct index *index, uint32_t tag)
{
	uint32_t at = tag & index->mask;

	while (index->slots[at].number && index->slots[at].tag != tag)
		at = (at + 1) & index->mask;
	if (index->slots[at].number)
		__builtin_prefetch(record(index, index->slots[at].number - 1), 1);
}

/* The group with this key, or NULL: then *place is the free slot. */
static inline struct group *find(const struct index *index, const uint64_t *word, uint32_t tag,
				 uint32_t *place)
{
	uint32_t at = tag & index->mask;

	for (; index->slots[at].number; at = (at + 1) & index->mask) {
		struct group *group;

		if (index->slots[at].tag != tag)
			continue;
		group = record(index, index->slots[at].number - 1);
		if (same(index, word, group->sum + index->sums))
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

static struct group *make(struct index *index, const uint64_t *word, uint32_t tag, uint32_t place)
{
	struct group *group;

	if (index->count / CHUNK == index->chunks_count) {
		size_t size = (index->chunks_count + 1) * sizeof(*index->chunks);

		index->chunks = must(realloc(index->chunks, size));
		index->chunks[index->chunks_count++] = must(aligned_alloc(CACHE_LINE, CHUNK * index->record));
	}
	group = record(index, index->count);
	memset(group, 0, sizeof(*group) + index->sums * sizeof(*group->sum));
	group->number = index->count;
	memcpy(group->sum + index->sums, word, index->words * sizeof(*word));
	index->slots[place] = (struct slot){ tag, ++index->count };
	if (index->count > index->mask / 2)
		index_grow(index);
	return group;
}

struct group *index_find(const struct index *index, const uint64_t *word, uint32_t tag)
{
	uint32_t place;

	return find(index, word, tag, &place);
}

struct group *index_get(struct index *index, const uint64_t *word, uint32_t tag)
{
	uint32_t place = 0;
	struct group *group = find(index, word, tag, &place);

	return group ? group : make(index, word, tag, place);
}

void index_clear(struct index *index)
{
	if (index->slots)
		memset(index->slots, 0, ((size_t)index->mask + 1) * sizeof(*index->slots));
	index->count = 0;
}

void index_cut(const struct index *index, const struct index *from, unsigned first,
	       const uint64_t *word, union words *words)
{
	const struct head *head = (const void *)word;

	memset(words->word, 0, index->words * sizeof(uint64_t));
	for (unsigned i = 0; i < index->keys_count; i++) {
		const struct key *key = &index->keys[i];
		uint32_t bit = UINT32_C(1) << (first + i);

		if (!(head->present & bit))
			continue;
		words->head.present |= UINT32_C(1) << i;
		if (head->present & bit << PORT_SHIFT)
			words->head.present |= UINT32_C(1) << (PORT_SHIFT + i);
		if (key->family)
			words->head.family = head->family;
		memcpy(words->byte + key->to, (const uint8_t *)word + from->keys[first + i].to, key->size);
	}
}

void index_fill(const struct index *index, const struct group *group, struct group_row *row)
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
