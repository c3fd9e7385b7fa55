/* Messages as the kernel makes them, at random, and the text that libnetfilter_conntrack makes of them. */
#ifndef DRAW_H
#define DRAW_H

#include "conntrack.h"

#include <assert.h>
#include <endian.h>
#include <stdio.h>
#include <string.h>

#include <libmnl/libmnl.h>
#include <libnetfilter_conntrack/libnetfilter_conntrack.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

enum { DRAWN = 4096 };	/* bytes that a message fits in */

/* The caller's: a number below `below`. */
static uint32_t draw(uint32_t below);

static uint32_t draw_number(void)
{
	return draw(2) ? draw(100) : draw(UINT32_MAX);
}

static uint8_t draw_proto(void)
{
	static const uint8_t known[] = { 1, 6, 6, 6, 17, 17, 33, 47, 58, 132, 136, 2, 50 };

	return draw(10) ? known[draw(sizeof(known))] : draw(256);
}

static void draw_address(uint8_t *byte)
{
	for (int i = 0; i < 16; i++)
		byte[i] = draw(3) ? 0 : draw(256);
}

static void put_addresses(struct nlmsghdr *message, uint8_t family)
{
	struct nlattr *nest = mnl_attr_nest_start(message, CTA_TUPLE_IP);
	uint8_t addr[16];

	for (int i = 0; i < 2; i++) {
		draw_address(addr);
		if (family == AF_INET)
			mnl_attr_put(message, i ? CTA_IP_V4_DST : CTA_IP_V4_SRC, 4, addr);
		else
			mnl_attr_put(message, i ? CTA_IP_V6_DST : CTA_IP_V6_SRC, 16, addr);
	}
	mnl_attr_nest_end(message, nest);
}

static void put_proto(struct nlmsghdr *message, uint8_t protonum)
{
	struct nlattr *nest = mnl_attr_nest_start(message, CTA_TUPLE_PROTO);
	bool six = protonum == 58;

	mnl_attr_put_u8(message, CTA_PROTO_NUM, protonum);
	switch (protonum) {
	case 6: case 17: case 47: case 132: case 136:
		mnl_attr_put_u16(message, CTA_PROTO_SRC_PORT, draw(65536));
		mnl_attr_put_u16(message, CTA_PROTO_DST_PORT, draw(65536));
		break;
	case 1: case 58:
		mnl_attr_put_u16(message, six ? CTA_PROTO_ICMPV6_ID : CTA_PROTO_ICMP_ID, draw(65536));
		mnl_attr_put_u8(message, six ? CTA_PROTO_ICMPV6_TYPE : CTA_PROTO_ICMP_TYPE, draw(256));
		mnl_attr_put_u8(message, six ? CTA_PROTO_ICMPV6_CODE : CTA_PROTO_ICMP_CODE, draw(256));
		break;
	}
	mnl_attr_nest_end(message, nest);
}

static void put_tuple(struct nlmsghdr *message, uint16_t type, uint8_t family, uint8_t protonum,
		      bool zone)
{
	struct nlattr *nest = mnl_attr_nest_start(message, type);

	put_addresses(message, family);
	put_proto(message, protonum);
	if (zone)
		mnl_attr_put_u16(message, CTA_TUPLE_ZONE, htobe16(draw(65536)));
	mnl_attr_nest_end(message, nest);
}

static void put_of_proto(struct nlmsghdr *message, uint8_t protonum)
{
	static const uint16_t tcp[] = { CTA_PROTOINFO_TCP_WSCALE_ORIGINAL, CTA_PROTOINFO_TCP_WSCALE_REPLY };
	static const uint16_t flags[] = { CTA_PROTOINFO_TCP_FLAGS_ORIGINAL, CTA_PROTOINFO_TCP_FLAGS_REPLY };

	if (protonum == 33)
		mnl_attr_put_u8(message, CTA_PROTOINFO_DCCP_ROLE, draw(2));
	for (int i = 0; i < 2 && protonum == 6; i++) {
		if (draw(2))
			mnl_attr_put_u8(message, tcp[i], draw(16));
		if (draw(2))
			mnl_attr_put_u16(message, flags[i], draw(65536));	/* flags, mask */
	}
	for (int i = 0; i < 2 && protonum == 132; i++)
		mnl_attr_put_u32(message, CTA_PROTOINFO_SCTP_VTAG_ORIGINAL + i, draw_number());
}

static void put_protoinfo(struct nlmsghdr *message, uint8_t protonum)
{
	static const struct { uint8_t protonum, nest, state; } rows[] = {
		{ 6, CTA_PROTOINFO_TCP, CTA_PROTOINFO_TCP_STATE },
		{ 33, CTA_PROTOINFO_DCCP, CTA_PROTOINFO_DCCP_STATE },
		{ 132, CTA_PROTOINFO_SCTP, CTA_PROTOINFO_SCTP_STATE },
	};
	struct nlattr *outer, *inner;

	for (unsigned i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		if (rows[i].protonum != protonum)
			continue;
		outer = mnl_attr_nest_start(message, CTA_PROTOINFO);
		inner = mnl_attr_nest_start(message, rows[i].nest);
		mnl_attr_put_u8(message, rows[i].state, draw(20) ? draw(11) : draw(100));
		put_of_proto(message, protonum);
		mnl_attr_nest_end(message, inner);
		mnl_attr_nest_end(message, outer);
	}
}

static void put_pair(struct nlmsghdr *message, uint16_t type, uint64_t first, uint64_t second)
{
	struct nlattr *nest = mnl_attr_nest_start(message, type);

	mnl_attr_put_u64(message, 1, htobe64(first));
	if (second)
		mnl_attr_put_u64(message, 2, htobe64(second));
	mnl_attr_nest_end(message, nest);
}

static void put_numbers(struct nlmsghdr *message)
{
	static const uint16_t types[] = { CTA_TIMEOUT, CTA_MARK, CTA_USE, CTA_ID, CTA_SECMARK };

	for (unsigned i = 0; i < sizeof(types) / sizeof(*types); i++)
		if (draw(4))
			mnl_attr_put_u32(message, types[i], htobe32(draw_number()));
	if (draw(8))
		mnl_attr_put_u32(message, CTA_STATUS, htobe32(draw(4) ? draw(1 << 14) : draw(1 << 16)));
	if (!draw(4))
		mnl_attr_put_u16(message, CTA_ZONE, htobe16(1 + draw(65535)));
}

/* Sequence adjustment and synproxy. */
static void put_three(struct nlmsghdr *message, uint16_t type)
{
	struct nlattr *nest = mnl_attr_nest_start(message, type);

	for (uint16_t i = 1; i <= 3; i++)
		mnl_attr_put_u32(message, i, draw_number());
	mnl_attr_nest_end(message, nest);
}

static void put_extras(struct nlmsghdr *message, uint8_t family)
{
	uint64_t start = UINT64_C(1700000000000000000) + UINT64_C(1000003) * draw_number();
	uint8_t labels[LABEL_BYTES] = { 0 };
	struct nlattr *nest;

	for (int i = 0; i < 2; i++)
		if (!draw(4))
			put_three(message, CTA_SEQ_ADJ_ORIG + i);
	if (!draw(8))
		put_three(message, CTA_SYNPROXY);
	if (!draw(8))
		put_tuple(message, CTA_TUPLE_MASTER, family, draw(2) ? 6 : 17, false);
	if (draw(2))
		put_pair(message, CTA_TIMESTAMP, start, draw(2) ? start + draw_number() : 0);
	if (!draw(4)) {
		nest = mnl_attr_nest_start(message, CTA_HELP);
		mnl_attr_put_strz(message, CTA_HELP_NAME, draw(2) ? "ftp" : "sane-20000");
		mnl_attr_nest_end(message, nest);
	}
	if (!draw(4)) {
		nest = mnl_attr_nest_start(message, CTA_SECCTX);
		mnl_attr_put_strz(message, CTA_SECCTX_NAME, "system_u:object_r:unlabeled_t:s0");
		mnl_attr_nest_end(message, nest);
	}
	if (draw(2)) {
		for (uint32_t i = draw(4); i; i--)
			labels[draw(LABEL_BYTES)] |= 1 << draw(8);
		mnl_attr_put(message, CTA_LABELS, sizeof(labels), labels);
	}
}

static struct nlmsghdr *begin(void *buffer, unsigned subsystem, uint8_t family)
{
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
	struct nfgenmsg *nfgen = mnl_nlmsg_put_extra_header(message, sizeof(*nfgen));

	message->nlmsg_type = subsystem << 8 | (draw(4) ? IPCTNL_MSG_CT_NEW : IPCTNL_MSG_CT_DELETE);
	message->nlmsg_flags = draw(2) ? NLM_F_MULTI : draw(2) ? NLM_F_CREATE : 0;
	nfgen->nfgen_family = family;
	return message;
}

static struct nlmsghdr *draw_flow(void *buffer)
{
	uint8_t family = draw(2) ? AF_INET : AF_INET6;
	uint8_t protonum = draw_proto();
	struct nlmsghdr *message = begin(buffer, NFNL_SUBSYS_CTNETLINK, family);

	put_tuple(message, CTA_TUPLE_ORIG, family, protonum, !draw(8));
	put_tuple(message, CTA_TUPLE_REPLY, family, protonum, !draw(8));
	if (draw(4))
		put_protoinfo(message, protonum);
	put_numbers(message);
	if (draw(2))
		put_pair(message, CTA_COUNTERS_ORIG, draw_number(), UINT64_C(4321) << draw(40));
	if (draw(2))
		put_pair(message, CTA_COUNTERS_REPLY, draw_number(), UINT64_C(9876) << draw(40));
	put_extras(message, family);
	return message;
}

static struct nlmsghdr *draw_expect(void *buffer)
{
	static const uint16_t types[] = { CTA_EXPECT_TIMEOUT, CTA_EXPECT_CLASS };
	uint8_t family = draw(2) ? AF_INET : AF_INET6;
	uint8_t protonum = draw_proto();
	struct nlmsghdr *message = begin(buffer, NFNL_SUBSYS_CTNETLINK_EXP, family);

	put_tuple(message, CTA_EXPECT_TUPLE, family, protonum, false);
	put_tuple(message, CTA_EXPECT_MASK, family, protonum, false);
	put_tuple(message, CTA_EXPECT_MASTER, family, 6, false);
	for (unsigned i = 0; i < sizeof(types) / sizeof(*types); i++)
		if (draw(4))
			mnl_attr_put_u32(message, types[i], htobe32(draw_number()));
	if (draw(4))
		mnl_attr_put_u32(message, CTA_EXPECT_FLAGS, htobe32(draw(10)));
	if (draw(2))
		mnl_attr_put_u16(message, CTA_EXPECT_ZONE, htobe16(draw(9)));
	if (draw(2))
		mnl_attr_put_strz(message, CTA_EXPECT_HELP_NAME, "ftp");
	if (draw(2))
		mnl_attr_put_strz(message, CTA_EXPECT_FN, "nat-follow-master");
	return message;
}

static unsigned event_type(const struct flow *flow)
{
	static const unsigned types[] = {
		[EVENT_NEW] = NFCT_T_NEW, [EVENT_UPDATE] = NFCT_T_UPDATE,
		[EVENT_DESTROY] = NFCT_T_DESTROY,
	};

	return flow->event ? types[flow->event] : NFCT_T_UNKNOWN;
}

/* What the library prints; conntrack adds the newline. */
static void reference_flow(char *text, size_t size, const struct nlmsghdr *message,
			   const struct flow *flow, unsigned options, struct nfct_labelmap *map)
{
	struct nf_conntrack *ct = nfct_new();
	unsigned flags = 0;

	assert(nfct_nlmsg_parse(message, ct) == 0);
	flags |= options & CONNTRACK_EXTENDED ? NFCT_OF_SHOW_LAYER3 : 0;
	flags |= options & CONNTRACK_ID ? NFCT_OF_ID : 0;
	flags |= options & CONNTRACK_KTIMESTAMP ? NFCT_OF_TIMESTAMP : 0;
	nfct_snprintf_labels(text, size - 1, ct, event_type(flow), NFCT_O_DEFAULT, flags,
			     options & CONNTRACK_LABELS ? map : NULL);
	nfct_destroy(ct);
	strcat(text, "\n");
}

static void reference_expect(char *text, size_t size, const struct nlmsghdr *message,
			     const struct flow *flow)
{
	struct nf_expect *expect = nfexp_new();

	assert(nfexp_nlmsg_parse(message, expect) == 0);
	nfexp_snprintf(text, size - 1, expect, event_type(flow), NFCT_O_DEFAULT, 0);
	nfexp_destroy(expect);
	strcat(text, "\n");
}

#endif
