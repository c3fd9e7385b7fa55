/* Prints flows as conntrack(8) does, to the letter, so that existing scripts keep working. */
#ifndef CONNTRACK_H
#define CONNTRACK_H

#include "field.h"
#include "flow.h"

enum {
	CONNTRACK_EXTENDED = 1,		/* -o extended: the family in front */
	CONNTRACK_ID = 2,
	CONNTRACK_KTIMESTAMP = 4,
	CONNTRACK_LABELS = 8,
	CONNTRACK_TIMESTAMP = 16,	/* -E -o timestamp */
	CONNTRACK_USERSPACE = 32,
};

/* The bit of an -o word ("extended"), 0 if there is none; and the words, NULL past the last. */
unsigned conntrack_option(const char *word, size_t length);
const char *conntrack_option_name(unsigned i);

/*
 * A whole line with its newline: the flow or expectation, with [NEW] and the like before an event.
 * Layout: libnetfilter_conntrack, src/conntrack/snprintf_default.c and src/expect/snprintf_default.c.
 * Needs HAS_ALL decoded.
 */
void put_conntrack(struct out *out, const struct flow *flow, unsigned wanted,
		   const struct names *names);

#endif
