/* Which part of a filter the kernel can test on events: a program for SO_ATTACH_FILTER. */
#ifndef BPF_H
#define BPF_H

#include "filter.h"

#include <linux/filter.h>

/*
 * Makes a program of at most `most` instructions that lets through every event that may match, and
 * as few others as it can. It looks only at what does not change in the life of a flow: family,
 * protocol, addresses and ports; expectations all pass. Every event is to be tested again. Returns
 * the number of instructions, 0 if a program would let everything pass.
 */
unsigned bpf_compile(const struct filter *filter, struct sock_filter *program, unsigned most);

/* The same question here: whether this flow may match, now or later. */
bool bpf_passes(const struct filter *filter, const struct flow *flow);

/* What the program tests, in words; nothing if it tests nothing. */
void bpf_explain(struct out *out, const struct filter *filter);

#endif
