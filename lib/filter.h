/* The filter language of every command: ct-filter(7). */
#ifndef FILTER_H
#define FILTER_H

#include "field.h"

/* One comparison: some field of `fields` is present and one of the values fits (or, negated,
 * none does); with `absent` also, or only, that none of the fields is there. */
struct test {
	const struct field *fields[4];
	unsigned count;
	struct term *terms;
	unsigned terms_count;
	bool negate;
	bool absent;		/* "-" is one of the values */
	bool exact;		/* the operator was = and each term is what the user typed */
	size_t position, length;	/* of the word in the text */
};

enum node_type { NODE_TEST, NODE_NOT, NODE_AND, NODE_OR };

struct node {
	enum node_type type;
	struct node *left, *right;	/* NODE_NOT has left alone */
	struct test test;
};

/* No root: everything matches. */
struct filter {
	struct node *root;
	uint64_t wants;		/* what must be decoded */
};

/* Where it went wrong: `position` and `length` in bytes of the text, and a sentence. */
struct filter_error {
	size_t position, length;
	char message[256];
};

/* Reads an expression; an empty one matches everything. NULL, *error filled, if it is not
 * understood. `names` may be NULL. The caller frees the filter. */
struct filter *filter_parse(const char *text, const struct names *names,
			    struct filter_error *error);
void filter_free(struct filter *filter);

/* The first test that leaves none of the objects `in` (IN_ bits) with all fields up to there; with `rows`,
 * that looks at no member of these rows. NULL: there may be such objects. */
const struct test *filter_misfit(const struct filter *filter, unsigned in, const struct field *rows);

bool node_match(const struct node *node, const struct flow *flow);

static inline bool filter_match(const struct filter *filter, const struct flow *flow)
{
	return !filter->root || node_match(filter->root, flow);
}

/* The i-th bare word with its help (assured, unreplied, host ...); NULL past the last. Protocols,
 * families and states are words too. */
const char *filter_word(unsigned i, const char **help);

#endif
