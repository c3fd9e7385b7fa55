/* Packs a flow into the bytes that it needs, for tables that hold a million of them. */
#include "flow.h"

#include <string.h>
#include <sys/socket.h>

/* The members behind each presence bit, in the order in which they are written. */
static const struct part {
	uint64_t has;
	uint16_t offset, size;
} parts[] = {
#define PART(bit, member) { bit, offsetof(struct flow, member), sizeof(((struct flow *)0)->member) }
	PART(HAS_ORIG_PORTS | HAS_ORIG_GRE, orig.src.port),
	PART(HAS_ORIG_PORTS | HAS_ORIG_GRE, orig.dst.port),
	PART(HAS_ORIG_ICMP, orig.icmp_id),
	PART(HAS_ORIG_ICMP, orig.icmp_type),
	PART(HAS_ORIG_ICMP, orig.icmp_code),
	PART(HAS_ORIG_ZONE, orig.zone),
	PART(HAS_REPLY_ICMP, reply.icmp_id),
	PART(HAS_REPLY_ICMP, reply.icmp_type),
	PART(HAS_REPLY_ICMP, reply.icmp_code),
	PART(HAS_REPLY_ZONE, reply.zone),
	PART(HAS_REPLY_ADDR, reply.protonum),
	PART(HAS_STATE, state),
	PART(HAS_STATUS, status),
	PART(HAS_TIMEOUT, timeout),
	PART(HAS_MARK, mark),
	PART(HAS_ZONE, zone),
	PART(HAS_ID, id),
	PART(HAS_USE, use),
	PART(HAS_IDLE, idle),
	PART(HAS_AGE, age),
	PART(HAS_WSCALE_ORIG, wscale[0]),
	PART(HAS_WSCALE_REPLY, wscale[1]),
	PART(HAS_TCPFLAGS_ORIG, tcpflags[0]),
	PART(HAS_TCPFLAGS_REPLY, tcpflags[1]),
	PART(HAS_START, start),
	PART(HAS_STOP, stop),
	PART(HAS_TIME, time),
	PART(HAS_DURATION, duration),
	PART(HAS_REASON, reason),
	PART(HAS_EVENT, event),
	PART(HAS_PORTID, portid),
	PART(HAS_ORIG_COUNTERS, counters[0]),
	PART(HAS_REPLY_COUNTERS, counters[1]),
	PART(HAS_VTAG_ORIG, vtag[0]),
	PART(HAS_VTAG_REPLY, vtag[1]),
	PART(HAS_SECMARK, secmark),
	PART(HAS_SEQADJ_ORIG, seqadj[0]),
	PART(HAS_SEQADJ_REPLY, seqadj[1]),
	PART(HAS_SYNPROXY, synproxy),
	PART(HAS_DCCP_ROLE, dccp.role),
	PART(HAS_DCCP_SEQ, dccp.seq),
	PART(HAS_MASTER_ADDR | HAS_MASTER_PORTS | HAS_MASTER_ICMP | HAS_MASTER_GRE | HAS_MASTER_ZONE, master),
	PART(HAS_MASK_ADDR | HAS_MASK_PORTS | HAS_EXPECT_FLAGS | HAS_EXPECT_CLASS | HAS_EXPECT_NAT | HAS_EXPECT_FN, expect),
	PART(HAS_LABELS, labels),
};

enum { PARTS = sizeof(parts) / sizeof(*parts) };

/* In the packed form only: the reply tuple is the original one turned round. */
#define MIRRORED HAS(63)

struct head {
	uint64_t has;
	uint8_t what, family, protonum;
};

static uint8_t *put(uint8_t *to, const void *from, size_t size)
{
	memcpy(to, from, size);
	return to + size;
}

static const uint8_t *get(void *to, const uint8_t *from, size_t size)
{
	memcpy(to, from, size);
	return from + size;
}

static bool mirrored(const struct flow *flow)
{
	return !memcmp(&flow->orig.src.addr, &flow->reply.dst.addr, sizeof(union address)) &&
	       !memcmp(&flow->orig.dst.addr, &flow->reply.src.addr, sizeof(union address)) &&
	       flow->orig.src.port == flow->reply.dst.port && flow->orig.dst.port == flow->reply.src.port;
}

static size_t address_size(uint8_t family)
{
	return family == AF_INET ? 4 : 16;
}

/* Strings go last, without what is behind their NUL. */
static uint8_t *put_string(uint8_t *to, const char *text)
{
	return put(to, text, strlen(text) + 1);
}

size_t flow_pack(const struct flow *flow, uint64_t want, void *buffer)
{
	struct head head = { flow->has & (want | HAS_FAMILY | HAS_PROTO), flow->what, flow->family,
			     flow->protonum };
	size_t size = address_size(flow->family);
	uint8_t *to = buffer;

	if (head.has & (HAS_SNAT | HAS_DNAT | HAS_REPLY_PORTS | HAS_REPLY_GRE))	/* which stand with it */
		head.has |= flow->has & HAS_REPLY_ADDR;
	if (head.has & (HAS_REPLY_PORTS | HAS_REPLY_GRE))	/* which may come from the mirror */
		head.has |= flow->has & (HAS_ORIG_PORTS | HAS_ORIG_GRE);
	if ((head.has & HAS_REPLY_ADDR) && (head.has & HAS_ORIG_ADDR) && mirrored(flow))
		head.has |= MIRRORED;
	to = put(to, &head.has, sizeof(head.has));
	to = put(to, &head.what, 3);
	if (head.has & HAS_ORIG_ADDR) {
		to = put(to, &flow->orig.src.addr, size);
		to = put(to, &flow->orig.dst.addr, size);
	}
	if ((head.has & HAS_REPLY_ADDR) && !(head.has & MIRRORED)) {
		to = put(to, &flow->reply.src.addr, size);
		to = put(to, &flow->reply.dst.addr, size);
	}
	if ((head.has & (HAS_REPLY_PORTS | HAS_REPLY_GRE)) && !(head.has & MIRRORED)) {
		to = put(to, &flow->reply.src.port, 2);
		to = put(to, &flow->reply.dst.port, 2);
	}
	for (unsigned i = 0; i < PARTS; i++)
		if (head.has & parts[i].has)
			to = put(to, (const char *)flow + parts[i].offset, parts[i].size);
	if (head.has & HAS_HELPER)
		to = put_string(to, flow->helper);
	if (head.has & HAS_SECCTX)
		to = put_string(to, flow->secctx);
	return to - (uint8_t *)buffer;
}

static void mirror(struct flow *flow)
{
	flow->reply.src = flow->orig.dst;
	flow->reply.dst = flow->orig.src;
}

void flow_unpack(struct flow *flow, const void *buffer)
{
	const uint8_t *from = buffer;
	size_t size;

	memset(flow, 0, offsetof(struct flow, start));
	from = get(&flow->has, from, sizeof(flow->has));
	flow->what = *from++;
	flow->family = *from++;
	flow->protonum = *from++;
	size = address_size(flow->family);
	flow->orig.protonum = flow->protonum;
	if (flow->has & HAS_ORIG_ADDR) {
		from = get(&flow->orig.src.addr, from, size);
		from = get(&flow->orig.dst.addr, from, size);
	}
	if ((flow->has & HAS_REPLY_ADDR) && !(flow->has & MIRRORED)) {
		from = get(&flow->reply.src.addr, from, size);
		from = get(&flow->reply.dst.addr, from, size);
	}
	if ((flow->has & (HAS_REPLY_PORTS | HAS_REPLY_GRE)) && !(flow->has & MIRRORED)) {
		from = get(&flow->reply.src.port, from, 2);
		from = get(&flow->reply.dst.port, from, 2);
	}
	for (unsigned i = 0; i < PARTS; i++)
		if (flow->has & parts[i].has)
			from = get((char *)flow + parts[i].offset, from, parts[i].size);
	if (flow->has & HAS_HELPER) {
		strcpy(flow->helper, (const char *)from);
		from += strlen(flow->helper) + 1;
	}
	if (flow->has & HAS_SECCTX)
		strcpy(flow->secctx, (const char *)from);
	if (flow->has & MIRRORED)
		mirror(flow);
	flow->has &= ~MIRRORED;
}

/* The tuples are not a matter of lacking: both flows are the same one. */
void flow_inherit(struct flow *flow, const struct flow *old, uint64_t which)
{
	uint64_t missing = which & old->has & ~flow->has;

	if (!missing)
		return;
	for (unsigned i = 0; i < PARTS; i++)
		if (missing & parts[i].has)
			memcpy((char *)flow + parts[i].offset, (const char *)old + parts[i].offset,
			       parts[i].size);
	if (missing & HAS_HELPER)
		memcpy(flow->helper, old->helper, sizeof(flow->helper));
	if (missing & HAS_SECCTX)
		memcpy(flow->secctx, old->secctx, sizeof(flow->secctx));
	flow->has |= missing;
}
