/* Reads what conntrack(8), /proc/net/nf_conntrack and ctscope itself print. */
#ifndef TEXTIN_H
#define TEXTIN_H

#include "field.h"
#include "flow.h"

/* A line is one flow. TEXT_SKIP: a line that holds none and is no mistake (summary, empty,
 * heading). TEXT_BAD: *wrong says in a few words what is not understood. */
enum text { TEXT_FLOW, TEXT_SKIP, TEXT_BAD };

/*
 * The text of `conntrack -L` and `conntrack -E` with any -o (extended, id, ktimestamp, labels,
 * timestamp, userspace, save), expectations too, and of /proc/net/nf_conntrack. What the text does
 * not say is absent; status is made of the brackets, and NAT of the tuples. `names` may be NULL.
 * time is set where the line has one (-E -o timestamp). A line is cut up while it is read. Times in
 * words are local, age is what delta-time said, and -A of -o save is no event: a dump has it too.
 */
enum text textin_conntrack(struct flow *flow, char *line, const struct names *names,
			   const char **wrong);

/* One JSON object as printed by ctlist -j or ctwatch -j. */
enum text textin_json(struct flow *flow, const char *line, const struct names *names,
		      const char **wrong);

#endif
