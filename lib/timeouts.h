/* The configured timeouts of this namespace: what idle is computed from. */
#ifndef TIMEOUTS_H
#define TIMEOUTS_H

#include "flow.h"

/* Seconds; 0 where this kernel has none. By state code where the protocol has states. */
struct timeouts {
	uint32_t generic, icmp, icmpv6, udp, udp_stream, gre, gre_stream;
	uint32_t tcp_max_retrans, tcp_unacknowledged;
	uint32_t state[2][64];		/* TCP and SCTP, DCCP apart: they share no member */
};

/* Reads net.netfilter.nf_conntrack_*timeout* of the namespace that this process is in. */
void timeouts_read(struct timeouts *timeouts);

/* The timeout that a flow was last given, or 0 if it is not known. */
uint32_t timeouts_of(const struct timeouts *timeouts, const struct flow *flow);

#endif
