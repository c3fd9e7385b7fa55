/* Decodes ctnetlink messages into struct flow: a direct walk over the attributes. */
#include "flow.h"

#include "secret.h"

#include <endian.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

/* Presence bits of the three tuples are the same row, moved. */
enum { ORIG = 0, REPLY = 6, MASTER = 12 };

/* `at` may be past the end by the padding that the last attribute lacks. */
struct walk {
	const uint8_t *base;
	size_t at, length;
	bool broken;
};

static struct walk walk_nest(const struct nlattr *nest)
{
	return (struct walk){ (const uint8_t *)nest, NLA_HDRLEN, nest->nla_len, false };
}

static inline const struct nlattr *walk_next(struct walk *walk)
{
	const struct nlattr *attr = (const void *)(walk->base + walk->at);
	const size_t head = NLA_HDRLEN;

	if (walk->at + head > walk->length)
		return NULL;
	if (attr->nla_len - head > walk->length - walk->at - head) {	/* a length below `head` wraps */
		walk->broken = true;
		return NULL;
	}
	walk->at += NLA_ALIGN((size_t)attr->nla_len);
	return attr;
}

static inline unsigned attr_type(const struct nlattr *attr)
{
	return attr->nla_type & NLA_TYPE_MASK;
}

static inline const void *attr_data(const struct nlattr *attr)
{
	return (const uint8_t *)attr + NLA_HDRLEN;
}

static inline size_t attr_size(const struct nlattr *attr)
{
	return attr->nla_len - NLA_HDRLEN;
}

/* Reads a big-endian integer; false, and nothing stored, if the payload is too short. */
#define GET(name, type, convert) \
static inline bool name(const struct nlattr *attr, type *value) \
{ \
	type raw; \
	if (attr_size(attr) < sizeof(raw)) \
		return false; \
	memcpy(&raw, attr_data(attr), sizeof(raw)); \
	*value = convert(raw); \
	return true; \
}
GET(get_u8, uint8_t, )
GET(get_u16, uint16_t, be16toh)
GET(get_u32, uint32_t, be32toh)
GET(get_u64, uint64_t, be64toh)

/* Copies a string that may lack its NUL; what does not fit is cut. */
static bool get_text(const struct nlattr *attr, char *text, size_t size)
{
	size_t len = strnlen(attr_data(attr), attr_size(attr));

	if (len >= size)
		len = size - 1;
	memcpy(text, attr_data(attr), len);
	text[len] = '\0';
	return len > 0;
}

static bool get_address(const struct nlattr *attr, union address *addr, size_t size)
{
	if (attr_size(attr) < size)
		return false;
	memset(addr, 0, sizeof(*addr));
	memcpy(addr, attr_data(attr), size);
	return true;
}

/*
 * Nearly all nests of a tuple hold just two addresses, or a protocol and two ports, in the order in
 * which ctnetlink_dump_tuples() writes them. Whoever finds exactly that need not walk.
 */
static inline bool is_attr(const struct nlattr *attr, unsigned type, unsigned size)
{
	return attr->nla_type == type && attr->nla_len == NLA_HDRLEN + size;
}

static inline bool decode_two_addresses(const struct nlattr *nest, struct tuple *tuple, bool v4)
{
	const unsigned size = v4 ? 4 : 16;
	const struct nlattr *src = attr_data(nest);
	const struct nlattr *dst = (const void *)((const uint8_t *)src + NLA_HDRLEN + size);

	if (nest->nla_len != 3 * NLA_HDRLEN + 2 * size ||
	    !is_attr(src, v4 ? CTA_IP_V4_SRC : CTA_IP_V6_SRC, size) ||
	    !is_attr(dst, v4 ? CTA_IP_V4_DST : CTA_IP_V6_DST, size))
		return false;
	memcpy(&tuple->src.addr, attr_data(src), size);
	memcpy(&tuple->dst.addr, attr_data(dst), size);
	return true;
}

static inline bool decode_two_ports(const struct nlattr *nest, struct tuple *tuple)
{
	const struct {
		struct nlattr number_head;
		uint8_t number, number_pad[3];
		struct nlattr src_head;
		uint16_t src, src_pad;
		struct nlattr dst_head;
		uint16_t dst, dst_pad;
	} *all = attr_data(nest);

	if (nest->nla_len != NLA_HDRLEN + sizeof(*all) || !is_attr(&all->number_head, CTA_PROTO_NUM, 1) ||
	    !is_attr(&all->src_head, CTA_PROTO_SRC_PORT, 2) ||
	    !is_attr(&all->dst_head, CTA_PROTO_DST_PORT, 2))
		return false;
	tuple->protonum = all->number;
	tuple->src.port = be16toh(all->src);
	tuple->dst.port = be16toh(all->dst);
	return true;
}

/* Addresses of the other family are not what `family` promises: they are skipped. */
static uint64_t decode_ip(const struct nlattr *nest, struct tuple *tuple, uint8_t family, bool *broken)
{
	struct walk walk = walk_nest(nest);
	const bool v4 = family == AF_INET;
	const struct nlattr *attr;
	unsigned seen = 0;

	if (decode_two_addresses(nest, tuple, v4))
		return HAS_ORIG_ADDR;
	while ((attr = walk_next(&walk))) {
		switch (attr_type(attr)) {
		case CTA_IP_V4_SRC:
			seen |= v4 && get_address(attr, &tuple->src.addr, 4);
			break;
		case CTA_IP_V4_DST:
			seen |= (v4 && get_address(attr, &tuple->dst.addr, 4)) << 1;
			break;
		case CTA_IP_V6_SRC:
			seen |= !v4 && get_address(attr, &tuple->src.addr, 16);
			break;
		case CTA_IP_V6_DST:
			seen |= (!v4 && get_address(attr, &tuple->dst.addr, 16)) << 1;
			break;
		}
	}
	*broken |= walk.broken;
	if (seen == 3)
		return HAS_ORIG_ADDR;
	tuple->src.addr = tuple->dst.addr = (union address){ .word = { 0 } };
	return 0;
}

/* GRE keys come in the port attributes (net/netfilter/nf_conntrack_proto_gre.c). */
static inline uint64_t has_ports(const struct tuple *tuple)
{
	return tuple->protonum == IPPROTO_GRE ? HAS_ORIG_GRE : HAS_ORIG_PORTS;
}

static uint64_t decode_proto(const struct nlattr *nest, struct tuple *tuple, bool *broken)
{
	struct walk walk = walk_nest(nest);
	const struct nlattr *attr;
	unsigned ports = 0, icmp = 0;

	if (decode_two_ports(nest, tuple))
		return has_ports(tuple);
	while ((attr = walk_next(&walk))) {
		switch (attr_type(attr)) {
		case CTA_PROTO_NUM:
			get_u8(attr, &tuple->protonum);
			break;
		case CTA_PROTO_SRC_PORT:
			ports |= get_u16(attr, &tuple->src.port);
			break;
		case CTA_PROTO_DST_PORT:
			ports |= get_u16(attr, &tuple->dst.port) << 1;
			break;
		case CTA_PROTO_ICMP_ID:
		case CTA_PROTO_ICMPV6_ID:
			icmp |= get_u16(attr, &tuple->icmp_id);
			break;
		case CTA_PROTO_ICMP_TYPE:
		case CTA_PROTO_ICMPV6_TYPE:
			icmp |= get_u8(attr, &tuple->icmp_type) << 1;
			break;
		case CTA_PROTO_ICMP_CODE:
		case CTA_PROTO_ICMPV6_CODE:
			icmp |= get_u8(attr, &tuple->icmp_code) << 2;
			break;
		}
	}
	*broken |= walk.broken;
	if (ports != 3)
		tuple->src.port = tuple->dst.port = 0;	/* half of it is nothing */
	if (ports == 3 || icmp != 7)
		tuple->icmp_id = tuple->icmp_type = tuple->icmp_code = 0;
	if (ports == 3)
		return has_ports(tuple);
	return icmp == 7 ? HAS_ORIG_ICMP : 0;
}

static bool decode_tuple(struct flow *flow, struct tuple *tuple, unsigned side,
			 const struct nlattr *nest)
{
	struct walk walk = walk_nest(nest);
	const struct nlattr *attr;
	uint64_t has = 0;

	while ((attr = walk_next(&walk))) {
		switch (attr_type(attr)) {
		case CTA_TUPLE_IP:
			has |= decode_ip(attr, tuple, flow->family, &walk.broken);
			break;
		case CTA_TUPLE_PROTO:
			has |= decode_proto(attr, tuple, &walk.broken);
			break;
		case CTA_TUPLE_ZONE:
			if (get_u16(attr, &tuple->zone))
				has |= HAS_ORIG_ZONE;
			break;
		}
	}
	flow->has |= has << side;
	return !walk.broken;
}

static bool decode_counters(struct flow *flow, unsigned dir, const struct nlattr *nest)
{
	struct walk walk = walk_nest(nest);
	const struct nlattr *attr;
	unsigned seen = 0;

	while ((attr = walk_next(&walk))) {
		if (attr_type(attr) == CTA_COUNTERS_PACKETS)
			seen |= get_u64(attr, &flow->counters[dir].packets);
		else if (attr_type(attr) == CTA_COUNTERS_BYTES)
			seen |= get_u64(attr, &flow->counters[dir].bytes) << 1;
	}
	if (seen == 3)
		flow->has |= dir ? HAS_REPLY_COUNTERS : HAS_ORIG_COUNTERS;
	return !walk.broken;
}

/* The first one counts: whoever wants no more does not look for a second. */
static bool decode_state(struct flow *flow, const struct nlattr *attr, uint8_t protonum)
{
	uint8_t raw;

	if (!get_u8(attr, &raw))
		return false;
	if (flow->has & HAS_STATE)
		return true;
	flow->state = state_code(protonum, raw);
	flow->has |= HAS_STATE;
	return true;
}

#define TCP_DETAILS (HAS_WSCALE_ORIG | HAS_WSCALE_REPLY | HAS_TCPFLAGS_ORIG | HAS_TCPFLAGS_REPLY)

static bool decode_tcp(struct flow *flow, const struct nlattr *nest, uint64_t want)
{
	struct walk walk = walk_nest(nest);
	const struct nlattr *attr;

	while ((attr = walk_next(&walk))) {
		switch (attr_type(attr)) {
		case CTA_PROTOINFO_TCP_STATE:
			if (decode_state(flow, attr, IPPROTO_TCP) && !(want & TCP_DETAILS))
				return true;
			break;
		case CTA_PROTOINFO_TCP_WSCALE_ORIGINAL:
			if (get_u8(attr, &flow->wscale[0]))
				flow->has |= HAS_WSCALE_ORIG;
			break;
		case CTA_PROTOINFO_TCP_WSCALE_REPLY:
			if (get_u8(attr, &flow->wscale[1]))
				flow->has |= HAS_WSCALE_REPLY;
			break;
		case CTA_PROTOINFO_TCP_FLAGS_ORIGINAL:
			if (get_u8(attr, &flow->tcpflags[0]))
				flow->has |= HAS_TCPFLAGS_ORIG;
			break;
		case CTA_PROTOINFO_TCP_FLAGS_REPLY:
			if (get_u8(attr, &flow->tcpflags[1]))
				flow->has |= HAS_TCPFLAGS_REPLY;
			break;
		}
	}
	return !walk.broken;
}

static bool decode_sctp(struct flow *flow, const struct nlattr *nest, uint64_t want)
{
	struct walk walk = walk_nest(nest);
	const struct nlattr *attr;

	(void)want;
	while ((attr = walk_next(&walk))) {
		switch (attr_type(attr)) {
		case CTA_PROTOINFO_SCTP_STATE:
			decode_state(flow, attr, IPPROTO_SCTP);
			break;
		case CTA_PROTOINFO_SCTP_VTAG_ORIGINAL:
			if (get_u32(attr, &flow->vtag[0]))
				flow->has |= HAS_VTAG_ORIG;
			break;
		case CTA_PROTOINFO_SCTP_VTAG_REPLY:
			if (get_u32(attr, &flow->vtag[1]))
				flow->has |= HAS_VTAG_REPLY;
			break;
		}
	}
	return !walk.broken;
}

static bool decode_dccp(struct flow *flow, const struct nlattr *nest, uint64_t want)
{
	struct walk walk = walk_nest(nest);
	const struct nlattr *attr;

	(void)want;
	while ((attr = walk_next(&walk))) {
		switch (attr_type(attr)) {
		case CTA_PROTOINFO_DCCP_STATE:
			decode_state(flow, attr, IPPROTO_DCCP);
			break;
		case CTA_PROTOINFO_DCCP_ROLE:
			if (get_u8(attr, &flow->dccp.role))
				flow->has |= HAS_DCCP_ROLE;
			break;
		case CTA_PROTOINFO_DCCP_HANDSHAKE_SEQ:
			if (get_u64(attr, &flow->dccp.seq))
				flow->has |= HAS_DCCP_SEQ;
			break;
		}
	}
	return !walk.broken;
}

static bool decode_protoinfo(struct flow *flow, const struct nlattr *nest, uint64_t want)
{
	static bool (*const decoders[])(struct flow *, const struct nlattr *, uint64_t) = {
		[CTA_PROTOINFO_TCP] = decode_tcp,
		[CTA_PROTOINFO_DCCP] = decode_dccp,
		[CTA_PROTOINFO_SCTP] = decode_sctp,
	};
	struct walk walk = walk_nest(nest);
	const struct nlattr *attr;

	while ((attr = walk_next(&walk))) {
		unsigned type = attr_type(attr);

		if (type && type < sizeof(decoders) / sizeof(*decoders) && !decoders[type](flow, attr, want))
			return false;
	}
	return !walk.broken;
}

/* The first attribute of HELP and of SECCTX is the name. */
static bool decode_name(struct flow *flow, uint64_t has, const struct nlattr *nest,
			char *text, size_t size)
{
	struct walk walk = walk_nest(nest);
	const struct nlattr *attr;

	while ((attr = walk_next(&walk)))
		if (attr_type(attr) == CTA_HELP_NAME && get_text(attr, text, size))
			flow->has |= has;
	return !walk.broken;
}

static bool decode_timestamp(struct flow *flow, const struct nlattr *nest)
{
	struct walk walk = walk_nest(nest);
	const struct nlattr *attr;

	while ((attr = walk_next(&walk))) {
		if (attr_type(attr) == CTA_TIMESTAMP_START && get_u64(attr, &flow->start))
			flow->has |= HAS_START;
		else if (attr_type(attr) == CTA_TIMESTAMP_STOP && get_u64(attr, &flow->stop))
			flow->has |= HAS_STOP;
	}
	return !walk.broken;
}

/* Nests of three 32-bit numbers: sequence adjustment and synproxy. */
static bool decode_three(const struct nlattr *nest, uint32_t *values)
{
	struct walk walk = walk_nest(nest);
	const struct nlattr *attr;

	memset(values, 0, 3 * sizeof(*values));
	while ((attr = walk_next(&walk))) {
		unsigned type = attr_type(attr);

		if (type >= 1 && type <= 3)
			get_u32(attr, &values[type - 1]);
	}
	return !walk.broken;
}

static bool decode_seqadj(struct flow *flow, unsigned dir, const struct nlattr *nest)
{
	uint32_t values[3];

	if (!decode_three(nest, values))
		return false;
	flow->seqadj[dir] = (struct seqadj){ values[0], values[1], values[2] };
	flow->has |= dir ? HAS_SEQADJ_REPLY : HAS_SEQADJ_ORIG;
	return true;
}

/* Flows that never met synproxy carry it with zeros. */
static bool decode_synproxy(struct flow *flow, const struct nlattr *nest)
{
	uint32_t values[3];

	if (!decode_three(nest, values))
		return false;
	flow->synproxy.isn = values[0];
	flow->synproxy.its = values[1];
	flow->synproxy.tsoff = values[2];
	if (values[0] | values[1] | values[2])
		flow->has |= HAS_SYNPROXY;
	return true;
}

/* Longs of the kernel (struct nf_conn_labels), 64 bits each. On big endian libnetfilter_conntrack takes them
 * for words of 32 bits. */
static void decode_labels(struct flow *flow, const struct nlattr *attr)
{
	uint64_t words[LABEL_BYTES / sizeof(uint64_t)] = { 0 };
	size_t size = attr_size(attr);

	if (!size)
		return;
	memcpy(words, attr_data(attr), size < sizeof(words) ? size : sizeof(words));
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		words[i] = htole64(words[i]);
	memcpy(flow->labels, words, sizeof(flow->labels));
	flow->has |= HAS_LABELS;
}

static bool decode_master(struct flow *flow, const struct nlattr *attr)
{
	memset(&flow->master, 0, sizeof(flow->master));
	return decode_tuple(flow, &flow->master, MASTER, attr);
}

/* The kernel's own event time; numbered after the constants of older headers. */
enum { TIMESTAMP_EVENT = 27 };

/* What each attribute can tell, so that what nobody wants is not even looked at. */
static const uint64_t gives[] = {
	[CTA_TUPLE_ORIG] = HAS_ALL,
	[CTA_TUPLE_REPLY] = HAS_REPLY_ADDR | HAS_REPLY_PORTS | HAS_REPLY_ICMP | HAS_REPLY_GRE |
			    HAS_REPLY_ZONE,
	[CTA_STATUS] = HAS_STATUS,
	[CTA_PROTOINFO] = HAS_STATE | TCP_DETAILS | HAS_VTAG_ORIG | HAS_VTAG_REPLY | HAS_DCCP_ROLE |
			  HAS_DCCP_SEQ,
	[CTA_HELP] = HAS_HELPER,
	[CTA_TIMEOUT] = HAS_TIMEOUT,
	[CTA_MARK] = HAS_MARK,
	[CTA_COUNTERS_ORIG] = HAS_ORIG_COUNTERS,
	[CTA_COUNTERS_REPLY] = HAS_REPLY_COUNTERS,
	[CTA_USE] = HAS_USE,
	[CTA_ID] = HAS_ID,
	[CTA_TUPLE_MASTER] = HAS_MASTER_ADDR | HAS_MASTER_PORTS | HAS_MASTER_ICMP |
			     HAS_MASTER_GRE | HAS_MASTER_ZONE,
	[CTA_SEQ_ADJ_ORIG] = HAS_SEQADJ_ORIG,
	[CTA_SEQ_ADJ_REPLY] = HAS_SEQADJ_REPLY,
	[CTA_SECMARK] = HAS_SECMARK,
	[CTA_ZONE] = HAS_ZONE,
	[CTA_SECCTX] = HAS_SECCTX,
	[CTA_TIMESTAMP] = HAS_START | HAS_STOP,
	[CTA_LABELS] = HAS_LABELS,
	[CTA_SYNPROXY] = HAS_SYNPROXY,
	[TIMESTAMP_EVENT] = HAS_ALL,
};

static bool decode_number(struct flow *flow, const struct nlattr *attr, uint32_t *to, uint64_t has)
{
	if (get_u32(attr, to))
		flow->has |= has;
	return true;
}

static bool decode_attribute(struct flow *flow, unsigned type, const struct nlattr *attr, uint64_t want)
{
	switch (type) {
	case CTA_TUPLE_ORIG:
		return decode_tuple(flow, &flow->orig, ORIG, attr);
	case CTA_TUPLE_REPLY:
		return decode_tuple(flow, &flow->reply, REPLY, attr);
	case CTA_STATUS:
		return decode_number(flow, attr, &flow->status, HAS_STATUS);
	case CTA_PROTOINFO:
		return decode_protoinfo(flow, attr, want);
	case CTA_HELP:
		return decode_name(flow, HAS_HELPER, attr, flow->helper, HELPER_SIZE);
	case CTA_TIMEOUT:
		return decode_number(flow, attr, &flow->timeout, HAS_TIMEOUT);
	case CTA_MARK:
		return decode_number(flow, attr, &flow->mark, HAS_MARK);
	case CTA_COUNTERS_ORIG:
	case CTA_COUNTERS_REPLY:
		return decode_counters(flow, type == CTA_COUNTERS_REPLY, attr);
	case CTA_USE:
		return decode_number(flow, attr, &flow->use, HAS_USE);
	case CTA_ID:
		return decode_number(flow, attr, &flow->id, HAS_ID);
	case CTA_TUPLE_MASTER:
		return decode_master(flow, attr);
	case CTA_SEQ_ADJ_ORIG:
	case CTA_SEQ_ADJ_REPLY:
		return decode_seqadj(flow, type == CTA_SEQ_ADJ_REPLY, attr);
	case CTA_SECMARK:
		return decode_number(flow, attr, &flow->secmark, HAS_SECMARK);
	case CTA_ZONE:
		if (get_u16(attr, &flow->zone))
			flow->has |= HAS_ZONE;
		return true;
	case CTA_SECCTX:
		return decode_name(flow, HAS_SECCTX, attr, flow->secctx, SECCTX_SIZE);
	case CTA_TIMESTAMP:
		return decode_timestamp(flow, attr);
	case CTA_LABELS:
		decode_labels(flow, attr);
		return true;
	case CTA_SYNPROXY:
		return decode_synproxy(flow, attr);
	case TIMESTAMP_EVENT:
		if (get_u64(attr, &flow->time))
			flow->has |= HAS_TIME;
		return true;
	}
	return true;
}

static bool decode_conntrack(struct flow *flow, struct walk walk, uint64_t want)
{
	const struct nlattr *attr;

	while ((attr = walk_next(&walk))) {
		unsigned type = attr_type(attr);

		if (type >= sizeof(gives) / sizeof(*gives) || !(gives[type] & want))
			continue;
		if (!decode_attribute(flow, type, attr, want))
			return false;
	}
	flow_set_nat(flow);
	return !walk.broken;
}

static bool decode_expect_nat(struct flow *flow, const struct nlattr *nest)
{
	struct walk walk = walk_nest(nest);
	const struct nlattr *attr;
	struct flow inner = { .family = flow->family };

	flow->expect.nat_dir = 0;
	while ((attr = walk_next(&walk))) {
		if (attr_type(attr) == CTA_EXPECT_NAT_DIR)
			get_u32(attr, &flow->expect.nat_dir);
		else if (attr_type(attr) == CTA_EXPECT_NAT_TUPLE)
			walk.broken |= !decode_tuple(&inner, &inner.orig, ORIG, attr);
	}
	flow->expect.nat = inner.orig;
	if (inner.has & HAS_ORIG_ADDR)
		flow->has |= HAS_EXPECT_NAT;
	return !walk.broken;
}

static bool decode_mask(struct flow *flow, const struct nlattr *attr)
{
	struct flow inner = { .family = flow->family };

	if (!decode_tuple(&inner, &inner.orig, ORIG, attr))
		return false;
	flow->expect.mask = inner.orig;
	if (inner.has & HAS_ORIG_ADDR)
		flow->has |= HAS_MASK_ADDR;
	if (inner.has & HAS_ORIG_PORTS)
		flow->has |= HAS_MASK_PORTS;
	return true;
}

static bool decode_expect_attribute(struct flow *flow, const struct nlattr *attr)
{
	switch (attr_type(attr)) {
	case CTA_EXPECT_MASTER:
		return decode_master(flow, attr);
	case CTA_EXPECT_TUPLE:
		return decode_tuple(flow, &flow->orig, ORIG, attr);
	case CTA_EXPECT_MASK:
		return decode_mask(flow, attr);
	case CTA_EXPECT_TIMEOUT:
		return decode_number(flow, attr, &flow->timeout, HAS_TIMEOUT);
	case CTA_EXPECT_ID:
		return decode_number(flow, attr, &flow->id, HAS_ID);
	case CTA_EXPECT_HELP_NAME:
		if (get_text(attr, flow->helper, HELPER_SIZE))
			flow->has |= HAS_HELPER;
		return true;
	case CTA_EXPECT_ZONE:
		if (get_u16(attr, &flow->zone))
			flow->has |= HAS_ZONE;
		return true;
	case CTA_EXPECT_FLAGS:
		return decode_number(flow, attr, &flow->expect.flags, HAS_EXPECT_FLAGS);
	case CTA_EXPECT_CLASS:
		return decode_number(flow, attr, &flow->expect.class, HAS_EXPECT_CLASS);
	case CTA_EXPECT_NAT:
		return decode_expect_nat(flow, attr);
	case CTA_EXPECT_FN:
		if (get_text(attr, flow->expect.fn, FN_SIZE))
			flow->has |= HAS_EXPECT_FN;
		return true;
	}
	return true;
}

static bool decode_expect(struct flow *flow, struct walk walk)
{
	const struct nlattr *attr;

	while ((attr = walk_next(&walk)))
		if (!decode_expect_attribute(flow, attr))
			return false;
	return !walk.broken;
}

/* NEW and UPDATE have the same message type; the flags tell them apart. */
static uint8_t event_of(const struct nlmsghdr *message)
{
	unsigned type = message->nlmsg_type & 0xff;

	if (message->nlmsg_flags & NLM_F_MULTI)
		return EVENT_NONE;
	if (type == IPCTNL_MSG_CT_DELETE)
		return EVENT_DESTROY;
	return message->nlmsg_flags & NLM_F_CREATE ? EVENT_NEW : EVENT_UPDATE;
}

static bool is_request(const struct nlmsghdr *message)
{
	return message->nlmsg_flags & NLM_F_REQUEST;
}

static bool is_entry(const struct nlmsghdr *message)
{
	unsigned type = message->nlmsg_type & 0xff;

	return type == IPCTNL_MSG_CT_NEW || type == IPCTNL_MSG_CT_DELETE;
}

bool flow_decode(struct flow *flow, const struct nlmsghdr *message, uint64_t want)
{
	const size_t head = NLMSG_HDRLEN + sizeof(struct nfgenmsg);
	unsigned subsystem = message->nlmsg_type >> 8;
	const struct nfgenmsg *nfgen = (const void *)((const uint8_t *)message + NLMSG_HDRLEN);
	struct walk walk = { (const uint8_t *)message, head, message->nlmsg_len, false };
	bool good;

	if (message->nlmsg_len < head || is_request(message) || !is_entry(message) ||
	    (subsystem != NFNL_SUBSYS_CTNETLINK && subsystem != NFNL_SUBSYS_CTNETLINK_EXP))
		goto bad;
	/* In parts: gcc makes the whole a `rep stos`, which is slow to start. */
	memset(flow, 0, offsetof(struct flow, reply));
	memset(&flow->reply, 0, sizeof(flow->reply));
	memset(&flow->status, 0, offsetof(struct flow, start) - offsetof(struct flow, status));
	flow->has = HAS_FAMILY;
	flow->family = nfgen->nfgen_family;
	flow->multi = message->nlmsg_flags & NLM_F_MULTI;
	flow->event = event_of(message);
	if (flow->event) {
		flow->has |= HAS_EVENT;
		flow->portid = message->nlmsg_pid;
		if (flow->portid)
			flow->has |= HAS_PORTID;
	}
	if (subsystem == NFNL_SUBSYS_CTNETLINK) {
		good = decode_conntrack(flow, walk, want);
	} else {
		flow->what = WHAT_EXPECT;
		good = decode_expect(flow, walk);
	}
	if (!good || !(flow->has & HAS_ORIG_ADDR))
		goto bad;
	flow->protonum = flow->orig.protonum;
	flow->has |= HAS_PROTO;
	return true;
bad:
	errno = EBADMSG;
	return false;
}

bool message_ok(const struct nlmsghdr *message, size_t left)
{
	return left >= NLMSG_HDRLEN && message->nlmsg_len >= NLMSG_HDRLEN &&
	       message->nlmsg_len <= left;
}

uint64_t flow_closure(uint64_t want)
{
	want |= HAS_FAMILY | HAS_PROTO | HAS_ORIG_ADDR;	/* without which it is no flow */
	if (want & (HAS_NAT | HAS_SNAT | HAS_DNAT))
		want |= HAS_STATUS | HAS_REPLY_ADDR;
	if (want & HAS_AGE)
		want |= HAS_START;
	if (want & HAS_IDLE)
		want |= HAS_TIMEOUT | HAS_STATUS | HAS_STATE | HAS_TCPFLAGS_ORIG | HAS_TCPFLAGS_REPLY;
	if (want & (HAS_DURATION | HAS_REASON))
		want |= HAS_START | HAS_STOP | HAS_TIMEOUT | HAS_STATUS | HAS_STATE |
			HAS_REPLY_COUNTERS;
	return want;
}

void flow_set_nat(struct flow *flow)
{
	if (!(flow->status & (IPS_SRC_NAT | IPS_DST_NAT)) || !(flow->has & HAS_STATUS))
		return;
	flow->has |= HAS_NAT;
	if (!(flow->has & HAS_REPLY_ADDR))
		return;
	if (flow->status & IPS_SRC_NAT)
		flow->has |= HAS_SNAT;
	if (flow->status & IPS_DST_NAT)
		flow->has |= HAS_DNAT;
}

bool flow_same(const struct flow *a, const struct flow *b)
{
	if (a->protonum != b->protonum || a->family != b->family || a->zone != b->zone)
		return false;
	if ((a->has & b->has & HAS_ID) && a->id != b->id)
		return false;
	if ((a->has & b->has & HAS_START) && a->start != b->start)
		return false;
	/* The padding is equal too: a flow is made from zeroes. NOLINTNEXTLINE(*-memory-comparison,cert-*) */
	return !memcmp(&a->orig, &b->orig, sizeof(a->orig));
}

/* The tuple is the part that every source has. */
uint64_t flow_hash(const struct flow *flow)
{
	enum { WORDS = 6 };
	static uint64_t secrets[2 * SECRETS(WORDS)];
	const struct tuple *t = &flow->orig;
	uint64_t word[WORDS];

	if (!*secrets)
		secrets_make(secrets, 2 * SECRETS(WORDS));
	memcpy(&word[0], &t->src.addr, sizeof(t->src.addr));
	memcpy(&word[2], &t->dst.addr, sizeof(t->dst.addr));
	word[4] = (uint64_t)t->src.port << 48 | (uint64_t)t->dst.port << 32 | (uint32_t)t->icmp_id << 16 |
		  t->icmp_type << 8 | t->icmp_code;
	word[5] = (uint32_t)flow->zone << 8 | flow->protonum;
	return (uint64_t)secret_hash(secrets, word, WORDS) << 32 |
	       secret_hash(secrets + SECRETS(WORDS), word, WORDS);
}
