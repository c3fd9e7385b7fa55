/* Builds the few requests that ctscope sends. None of them changes anything. */
#ifndef REQUEST_H
#define REQUEST_H

#include "source.h"

#include <stddef.h>

enum { REQUEST_SIZE = 1024 };

/* A dump request into `buffer`, REQUEST_SIZE bytes; its length, 0: there is no such table. */
size_t request_dump(void *buffer, enum table table, const struct request *request);

/* What GET_STATS and its relatives tell: fill, counters per CPU, counters of expectations per CPU.
 * The first is answered by one message, then an ACK; the others are dumps. */
enum statistics { STATISTICS_GLOBAL, STATISTICS_CPU, STATISTICS_EXPECT_CPU };
size_t request_statistics(void *buffer, enum statistics statistics);

/* Sends it through a netlink socket, again where a signal came between. */
bool request_send(int fd, const void *request, size_t length);

struct stats;

/* Takes one message of the answer, the length of which was checked (message_ok()); what it does not
 * know is skipped. False if memory is out. */
bool statistics_decode(struct stats *stats, const struct nlmsghdr *message, enum statistics what);

#endif
