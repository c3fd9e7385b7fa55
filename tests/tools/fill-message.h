/* The entries of fill.c as ctnetlink requests. */

#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_conntrack_tcp.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

static struct nlmsghdr *message(void *to, int type, int family, int flags)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(to);
	struct nfgenmsg *nfg;

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST | flags;
	nfg = mnl_nlmsg_put_extra_header(nlh, sizeof(*nfg));
	nfg->nfgen_family = family;
	nfg->version = NFNETLINK_V0;
	return nlh;
}

static void put_be16(struct nlmsghdr *nlh, int type, uint16_t value)
{
	mnl_attr_put_u16(nlh, type, htons(value));
}

static void put_be32(struct nlmsghdr *nlh, int type, uint32_t value)
{
	mnl_attr_put_u32(nlh, type, htonl(value));
}

static void put_protocol(struct nlmsghdr *nlh, const struct protocol *proto, const struct side *side)
{
	bool six = proto == &icmpv6;

	mnl_attr_put_u8(nlh, CTA_PROTO_NUM, proto->num);
	if (proto->shape == PING) {
		put_be16(nlh, six ? CTA_PROTO_ICMPV6_ID : CTA_PROTO_ICMP_ID, side->a);
		mnl_attr_put_u8(nlh, six ? CTA_PROTO_ICMPV6_TYPE : CTA_PROTO_ICMP_TYPE, side->b);
		mnl_attr_put_u8(nlh, six ? CTA_PROTO_ICMPV6_CODE : CTA_PROTO_ICMP_CODE, 0);
	} else if (proto->shape != PLAIN) {
		put_be16(nlh, CTA_PROTO_SRC_PORT, side->a);
		put_be16(nlh, CTA_PROTO_DST_PORT, side->b);
	}
}

static void put_tuple(struct nlmsghdr *nlh, int type, const struct protocol *proto, int family,
		      const struct side *side)
{
	struct nlattr *tuple = mnl_attr_nest_start(nlh, type), *nest;
	bool six = family == AF_INET6;

	nest = mnl_attr_nest_start(nlh, CTA_TUPLE_IP);
	mnl_attr_put(nlh, six ? CTA_IP_V6_SRC : CTA_IP_V4_SRC, address_size(family), side->src);
	mnl_attr_put(nlh, six ? CTA_IP_V6_DST : CTA_IP_V4_DST, address_size(family), side->dst);
	mnl_attr_nest_end(nlh, nest);
	nest = mnl_attr_nest_start(nlh, CTA_TUPLE_PROTO);
	put_protocol(nlh, proto, side);
	mnl_attr_nest_end(nlh, nest);
	if (side->zone)
		put_be16(nlh, CTA_TUPLE_ZONE, side->zone);
	mnl_attr_nest_end(nlh, tuple);
}

static void put_nat(struct nlmsghdr *nlh, int type, int family, const uint8_t *to, uint16_t port)
{
	struct nlattr *nat = mnl_attr_nest_start(nlh, type), *nest;

	mnl_attr_put(nlh, family == AF_INET ? CTA_NAT_V4_MINIP : CTA_NAT_V6_MINIP, address_size(family), to);
	if (port) {
		nest = mnl_attr_nest_start(nlh, CTA_NAT_PROTO);
		put_be16(nlh, CTA_PROTONAT_PORT_MIN, port);
		put_be16(nlh, CTA_PROTONAT_PORT_MAX, port);
		mnl_attr_nest_end(nlh, nest);
	}
	mnl_attr_nest_end(nlh, nat);
}

static void put_protoinfo(struct nlmsghdr *nlh, const struct entry *e)
{
	struct nlattr *info = mnl_attr_nest_start(nlh, CTA_PROTOINFO), *nest;
	struct nf_ct_tcp_flags flags[2] = { { e->flags[0], 0xff }, { e->flags[1], 0xff } };

	if (e->proto == &tcp) {
		nest = mnl_attr_nest_start(nlh, CTA_PROTOINFO_TCP);
		mnl_attr_put_u8(nlh, CTA_PROTOINFO_TCP_STATE, e->state);
		mnl_attr_put_u8(nlh, CTA_PROTOINFO_TCP_WSCALE_ORIGINAL, e->wscale[0]);
		mnl_attr_put_u8(nlh, CTA_PROTOINFO_TCP_WSCALE_REPLY, e->wscale[1]);
		mnl_attr_put(nlh, CTA_PROTOINFO_TCP_FLAGS_ORIGINAL, sizeof(*flags), &flags[0]);
		mnl_attr_put(nlh, CTA_PROTOINFO_TCP_FLAGS_REPLY, sizeof(*flags), &flags[1]);
	} else {
		nest = mnl_attr_nest_start(nlh, CTA_PROTOINFO_SCTP);
		mnl_attr_put_u8(nlh, CTA_PROTOINFO_SCTP_STATE, e->state);
		put_be32(nlh, CTA_PROTOINFO_SCTP_VTAG_ORIGINAL, e->vtag[0]);
		put_be32(nlh, CTA_PROTOINFO_SCTP_VTAG_REPLY, e->vtag[1]);
	}
	mnl_attr_nest_end(nlh, nest);
	mnl_attr_nest_end(nlh, info);
}

static void put_numbers(struct nlmsghdr *nlh, int type, const uint32_t *numbers)
{
	struct nlattr *nest = mnl_attr_nest_start(nlh, type);

	for (int n = 0; n < 3; n++)
		put_be32(nlh, n + 1, numbers[n]);
	mnl_attr_nest_end(nlh, nest);
}

static void put_extras(struct nlmsghdr *nlh, const struct entry *e)
{
	struct nlattr *nest;

	if (e->labels[0] | e->labels[1])
		mnl_attr_put(nlh, CTA_LABELS, sizeof(e->labels), e->labels);
	if (e->seqadj) {
		put_numbers(nlh, CTA_SEQ_ADJ_ORIG, e->adjust);
		put_numbers(nlh, CTA_SEQ_ADJ_REPLY, e->adjust + 3);
	}
	if (e->synproxy)
		put_numbers(nlh, CTA_SYNPROXY, e->proxy);
	if (e->has_master)
		put_tuple(nlh, CTA_TUPLE_MASTER, e->proto, e->family, &e->master);
	if (e->helper) {
		nest = mnl_attr_nest_start(nlh, CTA_HELP);
		mnl_attr_put_strz(nlh, CTA_HELP_NAME, e->helper);
		mnl_attr_nest_end(nlh, nest);
	}
}

/* The reply tuple goes untranslated: the kernel translates it itself, as it does for a packet. */
static struct nlmsghdr *message_new(void *to, const struct entry *e)
{
	struct nlmsghdr *nlh = message(to, NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_NEW, e->family,
				       NLM_F_CREATE | NLM_F_EXCL);
	uint16_t port = e->proto->shape == PORTS || e->proto->shape == PING;
	struct side reply = inverse(e->proto, &e->orig);

	reply.zone = e->reply.zone;
	put_tuple(nlh, CTA_TUPLE_ORIG, e->proto, e->family, &e->orig);
	put_tuple(nlh, CTA_TUPLE_REPLY, e->proto, e->family, &reply);
	if (e->snat)
		put_nat(nlh, CTA_NAT_SRC, e->family, e->reply.dst,
			e->proto->shape == PING ? e->reply.a : port * e->reply.b);
	if (e->dnat)
		put_nat(nlh, CTA_NAT_DST, e->family, e->reply.src, e->proto->shape == PORTS ? e->reply.a : 0);
	put_be32(nlh, CTA_STATUS, e->status & ~IPS_EXPECTED);	/* the master sets that one */
	put_be32(nlh, CTA_TIMEOUT, e->timeout);
	if (e->mark)
		put_be32(nlh, CTA_MARK, e->mark);
	if (e->zone)
		put_be16(nlh, CTA_ZONE, e->zone);
	if (e->proto->states)
		put_protoinfo(nlh, e);
	put_extras(nlh, e);
	return nlh;
}

static struct nlmsghdr *message_delete(void *to, const struct entry *e)
{
	struct nlmsghdr *nlh = message(to, NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_DELETE, e->family, 0);

	put_tuple(nlh, CTA_TUPLE_ORIG, e->proto, e->family, &e->orig);
	if (e->zone)
		put_be16(nlh, CTA_ZONE, e->zone);
	return nlh;
}

static struct nlmsghdr *message_update(void *to, const struct entry *e)
{
	struct nlmsghdr *nlh = message(to, NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_NEW, e->family, 0);

	put_tuple(nlh, CTA_TUPLE_ORIG, e->proto, e->family, &e->orig);
	put_be32(nlh, CTA_STATUS, e->status | IPS_SEEN_REPLY | IPS_ASSURED);
	put_be32(nlh, CTA_TIMEOUT, 1200);
	if (e->proto->states)
		put_protoinfo(nlh, e);
	return nlh;
}

static struct nlmsghdr *message_expect(void *to, const struct entry *e)
{
	struct nlmsghdr *nlh = message(to, NFNL_SUBSYS_CTNETLINK_EXP << 8 | IPCTNL_MSG_EXP_NEW, e->family,
				       NLM_F_CREATE | NLM_F_EXCL);
	struct side tuple = expected(e), mask = { .b = 0xffff }, saved = expected_saved(e);
	struct nlattr *nat;

	memset(mask.src, 0xff, sizeof(mask.src));
	memset(mask.dst, 0xff, sizeof(mask.dst));
	put_tuple(nlh, CTA_EXPECT_MASTER, e->proto, e->family, &e->orig);
	put_tuple(nlh, CTA_EXPECT_TUPLE, e->proto, e->family, &tuple);
	put_tuple(nlh, CTA_EXPECT_MASK, e->proto, e->family, &mask);
	mnl_attr_put_strz(nlh, CTA_EXPECT_HELP_NAME, e->helper);
	put_be32(nlh, CTA_EXPECT_TIMEOUT, e->timeout);
	put_be32(nlh, CTA_EXPECT_FLAGS, e->expect_flags);
	put_be32(nlh, CTA_EXPECT_CLASS, e->expect_class);
	if (e->zone)
		put_be16(nlh, CTA_EXPECT_ZONE, e->zone);
	if (e->snat) {
		nat = mnl_attr_nest_start(nlh, CTA_EXPECT_NAT);
		put_be32(nlh, CTA_EXPECT_NAT_DIR, 1);
		put_tuple(nlh, CTA_EXPECT_NAT_TUPLE, e->proto, e->family, &saved);
		mnl_attr_nest_end(nlh, nat);
		mnl_attr_put_strz(nlh, CTA_EXPECT_FN, "nat-follow-master");
	}
	return nlh;
}
