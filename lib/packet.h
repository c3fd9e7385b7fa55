/* A packet that conntrack logged, as plain data, and its fields. */
#ifndef PACKET_H
#define PACKET_H

#include "field.h"
#include "flow.h"

#include <net/if.h>

/*
 * What the tracker did: INVALID packets are counted and usually dropped by the rules; accepted ones
 * were ignored by the tracker; errors are counted as such (net/netfilter/nf_conntrack_proto_*.c).
 */
enum verdict { VERDICT_INVALID, VERDICT_ACCEPTED, VERDICT_ERROR };

enum { REASON_SIZE = 128 };	/* NF_LOG_PREFIXLEN */

/* The flow has family, protocol and time, and in orig the addresses and ports of this packet, whose
 * direction nobody knows; filters apply to it. */
struct packet {
	struct flow flow;
	char reason[REASON_SIZE];	/* the kernel's words without its prefix */
	char in[IF_NAMESIZE], out[IF_NAMESIZE];
	uint32_t in_index, out_index;	/* 0: none */
	uint32_t sequence;		/* of the record within its group */
	uint8_t verdict;
	uint8_t tcp;			/* flags as in the header */
};

/* Bits of packet->flow.has that mean something else here. */
#define HAS_PACKET_REASON HAS_REASON
#define HAS_PACKET_TCP HAS_TCPFLAGS_ORIG
#define HAS_PACKET_IN HAS_LABELS
#define HAS_PACKET_OUT HAS_HELPER
#define HAS_PACKET_SEQUENCE HAS_DCCP_SEQ

/* Rows like those of `fields`, for struct packet. Ends with a row whose name is NULL. */
extern const struct field packet_fields[];
const struct field *packet_field_find(const char *name, size_t length);

/*
 * Reads a message of NFLOG. False if it is none, or was not logged by conntrack but by a rule that
 * logs to the same group. Interfaces come by number; the caller names them.
 */
bool packet_decode(struct packet *packet, const struct nlmsghdr *message);

#endif
