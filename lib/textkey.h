/* The words of conntrack's text, and what each of them sets: used by textin.c only. */
#ifndef TEXTKEY_H
#define TEXTKEY_H

#include "field.h"
#include "flow.h"

enum side { ORIG, REPLY, MASTER, MASK, SIDES };
enum { CURRENT = SIDES };	/* of a key: the tuple that the last src= began */

/* What a tuple is made of, its counters included. */
enum part { SRC, DST, SPORT, DPORT, TYPE, CODE, ID, SRCKEY, DSTKEY, ZONE, PACKETS, BYTES };

/* A line as far as it is read. */
struct reader {
	struct flow *flow;
	const struct names *names;
	enum side side;
	unsigned seen[SIDES];	/* bits: 1 << enum part */
};

struct key {
	const char *word;
	/* NULL, or what is wrong. */
	const char *(*set)(struct reader *reader, const struct key *key, const char *value);
	uint16_t offset, size;	/* in struct flow */
	uint64_t has;
	uint8_t side, part;
};

/* key=value of conntrack -L, -E and of /proc; options and their arguments of -o save. Both end with
 * a row whose word is NULL. */
extern const struct key text_keys[], save_keys[];
const struct key *textkey_find(const struct key *keys, const char *word);

/* The presence bits of all parts that were seen. */
uint64_t keys_seen(const struct reader *reader);

/* A number of 1, 2, 4 or 8 bytes, all of `text`. NULL, or what is wrong. */
const char *store_number(void *to, size_t size, const char *text);

/* A state that a newer kernel made is left out. `key` may be NULL. */
const char *set_state(struct reader *reader, const struct key *key, const char *value);

#endif
