/* Asks the kernel: here, or in a child for a parent that has given up the right to. */
#ifndef ASKER_H
#define ASKER_H

#include "request.h"

#include <stdbool.h>

/* All that is ever asked. Nothing else can be put into words, so nothing else is sent. */
struct question {
	enum { ASK_DUMP, ASK_STATISTICS, ASK_EVENTS } what;
	enum table table;		/* of ASK_DUMP */
	struct request request;
	enum statistics statistics;	/* of ASK_STATISTICS */
	unsigned groups;		/* of ASK_EVENTS: bits 1 << (enum nfnetlink_groups - 1) */
	size_t buffer;			/* as well: source_events() */
};

struct asker;

/*
 * A child with CAP_NET_ADMIN and the few system calls that asking takes, in the network namespace of
 * the caller. It reads no answer of the kernel, only questions, and ends when the parent does.
 * NULL with errno.
 */
struct asker *asker_new(bool sandbox);
void asker_free(struct asker *asker);

/* A netlink socket on which the answer, or the events, come. -1 with errno. NULL asks here. */
int asker_ask(const struct asker *asker, const struct question *question);

#endif
