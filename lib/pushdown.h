/* Which part of a filter the kernel can do: the requests for a dump that holds all that matches. */
#ifndef PUSHDOWN_H
#define PUSHDOWN_H

#include "filter.h"
#include "source.h"

enum { REQUESTS = 2 };

/*
 * Fills at most REQUESTS rows and returns their number, at least 1. What they ask for is the filter
 * or more than it: every flow is to be tested again, because kernels ignore what they do not know.
 * IPv6 addresses are never sent: nearly all kernels compare them the wrong way round
 * (ctnetlink_filter_match_tuple() in net/netfilter/nf_conntrack_netlink.c), and what such an answer
 * lacks no second test brings back.
 */
unsigned pushdown(const struct filter *filter, struct request *requests);

/* What a request asks for in words: "family ipv4, orig.dport 443". Nothing if it asks for all. */
void pushdown_explain(struct out *out, const struct request *request);

#endif
