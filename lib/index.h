/* Groups by key: a hash table of records, each a struct group with its sums and its key. */
#ifndef INDEX_H
#define INDEX_H

#include "group.h"

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

/* A key, in whole words. */
union words {
	uint64_t word[GROUP_VALUES / sizeof(uint64_t)];
	uint8_t byte[GROUP_VALUES];
	struct head head;
};

struct slot {
	uint32_t tag;			/* the upper half of the hash */
	uint32_t number;		/* of the group, from 1; 0: free */
};

struct index {
	struct key keys[GROUP_KEYS];
	unsigned keys_count, words, sums;
	size_t record, end;
	uint64_t *secrets;
	struct slot *slots;
	uint32_t mask, count;
	uint8_t **chunks;
	uint32_t chunks_count;
};

/* Adds keys while planning; false if they are too many or too long. Then the index is opened. */
bool index_plan(struct index *index, const struct field *keys, unsigned count);
void index_open(struct index *index, unsigned sums);
void index_release(struct index *index);
void index_clear(struct index *index);

struct group *index_at(const struct index *index, uint32_t number);
const uint64_t *index_key(const struct index *index, const struct group *group);

/* The key of a flow, and its hash. */
void index_make_key(const struct index *index, const struct flow *flow, union words *words);
uint32_t index_hash(const struct index *index, const uint64_t *word);

/* The part of a key of `from` that is the key of `index`; its fields begin at the one numbered
 * `first` there. */
void index_cut(const struct index *index, const struct index *from, unsigned first,
	       const uint64_t *word, union words *words);

/* Two steps ahead of index_get(), so that it need not wait for memory: for the slot, then for the
 * record that the slot names. */
void index_touch_slot(const struct index *index, uint32_t tag);
void index_touch_record(const struct index *index, uint32_t tag);

/* The group with this key; NULL, or made with nothing counted. */
struct group *index_find(const struct index *index, const uint64_t *word, uint32_t tag);
struct group *index_get(struct index *index, const uint64_t *word, uint32_t tag);

/* What kinds look at to show a value: presence and family, beside the value itself. */
void index_fill(const struct index *index, const struct group *group, struct group_row *row);

#endif
