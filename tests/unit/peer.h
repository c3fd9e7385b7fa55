/* A flow as libnetfilter_conntrack decodes it, against ours. */
#ifndef PEER_H
#define PEER_H

#include "flow.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include <libnetfilter_conntrack/libnetfilter_conntrack.h>

/* A member of struct flow under the library's name. `net`: the library has it in network order. */
struct row {
	int attr;
	uint64_t has;
	size_t offset;
	uint8_t size, family;
	bool net;
};
#define AT(member) offsetof(struct flow, member), sizeof(((struct flow *)0)->member)
#define ADDR(attr, bit, member) \
	{ ATTR_##attr##_IPV4_SRC, bit, offsetof(struct flow, member.src.addr), 4, AF_INET, false }, \
	{ ATTR_##attr##_IPV4_DST, bit, offsetof(struct flow, member.dst.addr), 4, AF_INET, false }, \
	{ ATTR_##attr##_IPV6_SRC, bit, offsetof(struct flow, member.src.addr), 16, AF_INET6, false }, \
	{ ATTR_##attr##_IPV6_DST, bit, offsetof(struct flow, member.dst.addr), 16, AF_INET6, false }
#define PORTS(attr, bits, member) \
	{ ATTR_##attr##_PORT_SRC, bits, AT(member.src.port), 0, true }, \
	{ ATTR_##attr##_PORT_DST, bits, AT(member.dst.port), 0, true }

static const struct row rows[] = {
	ADDR(ORIG, HAS_ORIG_ADDR, orig), ADDR(REPL, HAS_REPLY_ADDR, reply),
	ADDR(MASTER, HAS_MASTER_ADDR, master),
	PORTS(ORIG, HAS_ORIG_PORTS | HAS_ORIG_GRE, orig),
	PORTS(REPL, HAS_REPLY_PORTS | HAS_REPLY_GRE, reply),
	PORTS(MASTER, HAS_MASTER_PORTS | HAS_MASTER_GRE, master),
	{ ATTR_ORIG_L3PROTO, HAS_FAMILY, AT(family), 0, false },
	{ ATTR_REPL_L3PROTO, HAS_FAMILY, AT(family), 0, false },
	{ ATTR_ORIG_L4PROTO, HAS_PROTO, AT(protonum), 0, false },
	{ ATTR_REPL_L4PROTO, HAS_REPLY_ADDR, AT(reply.protonum), 0, false },
	{ ATTR_MASTER_L4PROTO, HAS_MASTER_ADDR, AT(master.protonum), 0, false },
	{ ATTR_TIMEOUT, HAS_TIMEOUT, AT(timeout), 0, false },
	{ ATTR_MARK, HAS_MARK, AT(mark), 0, false },
	{ ATTR_USE, HAS_USE, AT(use), 0, false },
	{ ATTR_ID, HAS_ID, AT(id), 0, false },
	{ ATTR_STATUS, HAS_STATUS, AT(status), 0, false },
	{ ATTR_ZONE, HAS_ZONE, AT(zone), 0, false },
	{ ATTR_ORIG_ZONE, HAS_ORIG_ZONE, AT(orig.zone), 0, false },
	{ ATTR_REPL_ZONE, HAS_REPLY_ZONE, AT(reply.zone), 0, false },
	{ ATTR_ORIG_COUNTER_PACKETS, HAS_ORIG_COUNTERS, AT(counters[0].packets), 0, false },
	{ ATTR_ORIG_COUNTER_BYTES, HAS_ORIG_COUNTERS, AT(counters[0].bytes), 0, false },
	{ ATTR_REPL_COUNTER_PACKETS, HAS_REPLY_COUNTERS, AT(counters[1].packets), 0, false },
	{ ATTR_REPL_COUNTER_BYTES, HAS_REPLY_COUNTERS, AT(counters[1].bytes), 0, false },
	{ ATTR_TIMESTAMP_START, HAS_START, AT(start), 0, false },
	{ ATTR_TIMESTAMP_STOP, HAS_STOP, AT(stop), 0, false },
	{ ATTR_TCP_FLAGS_ORIG, HAS_TCPFLAGS_ORIG, AT(tcpflags[0]), 0, false },
	{ ATTR_TCP_FLAGS_REPL, HAS_TCPFLAGS_REPLY, AT(tcpflags[1]), 0, false },
	{ ATTR_TCP_WSCALE_ORIG, HAS_WSCALE_ORIG, AT(wscale[0]), 0, false },
	{ ATTR_TCP_WSCALE_REPL, HAS_WSCALE_REPLY, AT(wscale[1]), 0, false },
	{ ATTR_SCTP_VTAG_ORIG, HAS_VTAG_ORIG, AT(vtag[0]), 0, false },
	{ ATTR_SCTP_VTAG_REPL, HAS_VTAG_REPLY, AT(vtag[1]), 0, false },
	{ ATTR_ORIG_NAT_SEQ_CORRECTION_POS, HAS_SEQADJ_ORIG, AT(seqadj[0].correction_pos), 0, false },
	{ ATTR_ORIG_NAT_SEQ_OFFSET_BEFORE, HAS_SEQADJ_ORIG, AT(seqadj[0].offset_before), 0, false },
	{ ATTR_ORIG_NAT_SEQ_OFFSET_AFTER, HAS_SEQADJ_ORIG, AT(seqadj[0].offset_after), 0, false },
	{ ATTR_REPL_NAT_SEQ_CORRECTION_POS, HAS_SEQADJ_REPLY, AT(seqadj[1].correction_pos), 0, false },
	{ ATTR_REPL_NAT_SEQ_OFFSET_BEFORE, HAS_SEQADJ_REPLY, AT(seqadj[1].offset_before), 0, false },
	{ ATTR_REPL_NAT_SEQ_OFFSET_AFTER, HAS_SEQADJ_REPLY, AT(seqadj[1].offset_after), 0, false },
	{ ATTR_SYNPROXY_ISN, HAS_SYNPROXY, AT(synproxy.isn), 0, false },
	{ ATTR_SYNPROXY_ITS, HAS_SYNPROXY, AT(synproxy.its), 0, false },
	{ ATTR_SYNPROXY_TSOFF, HAS_SYNPROXY, AT(synproxy.tsoff), 0, false },
};

enum { ROWS = sizeof(rows) / sizeof(*rows) };

static bool same_row(const struct row *row, const struct flow *flow, const struct nf_conntrack *ct)
{
	const void *theirs = nfct_get_attr(ct, row->attr);
	const uint8_t *mine = (const uint8_t *)flow + row->offset;
	bool has = (flow->has & row->has) && (!row->family || flow->family == row->family);
	uint8_t turned[16];

	/* The kernel sends synproxy's zeros along: to us they are absent. */
	if (!has && row->has == HAS_SYNPROXY && theirs)
		return *(const uint32_t *)theirs == 0;
	if (has != (theirs != NULL))
		return false;
	for (unsigned i = 0; i < row->size; i++)
		turned[i] = mine[row->net ? row->size - 1u - i : i];
	return !has || !memcmp(turned, theirs, row->size);
}

/* The library has one number of each for a flow: that of the original direction. */
static bool same_icmp(const struct flow *flow, const struct nf_conntrack *ct)
{
	if ((nfct_attr_is_set(ct, ATTR_ICMP_TYPE) > 0) != ((flow->has & HAS_ORIG_ICMP) != 0))
		return false;
	return !(flow->has & HAS_ORIG_ICMP) ||
	       (nfct_get_attr_u8(ct, ATTR_ICMP_TYPE) == flow->orig.icmp_type &&
		nfct_get_attr_u8(ct, ATTR_ICMP_CODE) == flow->orig.icmp_code &&
		ntohs(nfct_get_attr_u16(ct, ATTR_ICMP_ID)) == flow->orig.icmp_id);
}

static bool same_state(const struct flow *flow, const struct nf_conntrack *ct)
{
	static const struct { int attr; uint8_t protonum; } states[] = {
		{ ATTR_TCP_STATE, IPPROTO_TCP }, { ATTR_SCTP_STATE, IPPROTO_SCTP },
		{ ATTR_DCCP_STATE, IPPROTO_DCCP },
	};
	bool any = false;

	for (unsigned i = 0; i < sizeof(states) / sizeof(*states); i++) {
		if (nfct_attr_is_set(ct, states[i].attr) <= 0)
			continue;
		any = true;
		if (flow->protonum != states[i].protonum ||
		    state_raw(flow->protonum, flow->state) != nfct_get_attr_u8(ct, states[i].attr))
			return false;
	}
	return any == ((flow->has & HAS_STATE) != 0);
}

static bool same_labels(const struct flow *flow, const struct nf_conntrack *ct)
{
	const struct nfct_bitmask *labels = nfct_get_attr(ct, ATTR_CONNLABELS);

	if ((labels != NULL) != ((flow->has & HAS_LABELS) != 0))
		return false;
	for (unsigned i = 0; labels && i < LABELS; i++)
		if (nfct_bitmask_test_bit(labels, i) != (flow->labels[i / 8] >> i % 8 & 1))
			return false;
	return true;
}

static bool same_helper(const struct flow *flow, const struct nf_conntrack *ct)
{
	const char *helper = nfct_get_attr(ct, ATTR_HELPER_NAME);

	return helper ? (flow->has & HAS_HELPER) && !strcmp(helper, flow->helper) : !(flow->has & HAS_HELPER);
}

/* What differs, NULL if nothing does. seen[i] counts the flows that have rows[i]; it may be NULL. */
static const char *peer_difference(const struct flow *flow, const struct nf_conntrack *ct, unsigned *seen)
{
	static char number[16];

	for (unsigned i = 0; i < ROWS; i++) {
		if (!same_row(&rows[i], flow, ct)) {
			snprintf(number, sizeof(number), "attribute %d", rows[i].attr);
			return number;
		}
		if (seen)
			seen[i] += nfct_attr_is_set(ct, rows[i].attr) > 0;
	}
	return !same_icmp(flow, ct) ? "icmp" : !same_state(flow, ct) ? "state" :
	       !same_labels(flow, ct) ? "labels" : !same_helper(flow, ct) ? "helper" : NULL;
}

#endif
