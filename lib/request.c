/* Builds requests. Only reading messages have a row here, so nothing else can be sent. */
#include "request.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <sys/socket.h>

#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

enum { STATUS_MASK = 26, FILTER_ORIG_FLAGS = 1, FILTER_REPLY_FLAGS = 2 };

static const struct {
	uint16_t type;
	bool filters;		/* takes more than a family */
} messages[] = {
	[TABLE_CONNTRACK] = { NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET, true },
	[TABLE_EXPECT] = { NFNL_SUBSYS_CTNETLINK_EXP << 8 | IPCTNL_MSG_EXP_GET, false },
	[TABLE_DYING] = { NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET_DYING, false },
	[TABLE_UNCONFIRMED] = { NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET_UNCONFIRMED, false },
};

/* An answer to GET_STATS carries NLM_F_MULTI but no DONE follows: the ACK is the end. */
static const struct {
	uint16_t type, flags;
} statistics_messages[] = {
	[STATISTICS_GLOBAL] = { NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET_STATS, NLM_F_ACK },
	[STATISTICS_CPU] = { NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET_STATS_CPU, NLM_F_DUMP },
	[STATISTICS_EXPECT_CPU] = { NFNL_SUBSYS_CTNETLINK_EXP << 8 | IPCTNL_MSG_EXP_GET_STATS_CPU,
				    NLM_F_DUMP },
};

/* The whole tuple goes along; the flags say which parts count. */
static void put_tuple(struct nlmsghdr *message, unsigned type, uint8_t family,
		      const struct tuple *tuple)
{
	struct nlattr *nest = mnl_attr_nest_start(message, type), *inner;

	inner = mnl_attr_nest_start(message, CTA_TUPLE_IP);
	if (family == AF_INET) {
		mnl_attr_put(message, CTA_IP_V4_SRC, 4, &tuple->src.addr);
		mnl_attr_put(message, CTA_IP_V4_DST, 4, &tuple->dst.addr);
	} else {
		mnl_attr_put(message, CTA_IP_V6_SRC, 16, &tuple->src.addr);
		mnl_attr_put(message, CTA_IP_V6_DST, 16, &tuple->dst.addr);
	}
	mnl_attr_nest_end(message, inner);
	inner = mnl_attr_nest_start(message, CTA_TUPLE_PROTO);
	mnl_attr_put_u8(message, CTA_PROTO_NUM, tuple->protonum);
	mnl_attr_put_u16(message, CTA_PROTO_SRC_PORT, htons(tuple->src.port));
	mnl_attr_put_u16(message, CTA_PROTO_DST_PORT, htons(tuple->dst.port));
	mnl_attr_nest_end(message, inner);
	mnl_attr_nest_end(message, nest);
}

/* The flags are in host order, unlike everything else here. */
static void put_filter(struct nlmsghdr *message, const struct request *request)
{
	struct nlattr *nest;

	if (!request->side[0].flags && !request->side[1].flags)
		return;
	for (int i = 0; i < 2; i++)
		if (request->side[i].flags)
			put_tuple(message, i ? CTA_TUPLE_REPLY : CTA_TUPLE_ORIG, request->family,
				  &request->side[i].tuple);
	nest = mnl_attr_nest_start(message, CTA_FILTER);
	mnl_attr_put_u32(message, FILTER_ORIG_FLAGS, request->side[0].flags);
	mnl_attr_put_u32(message, FILTER_REPLY_FLAGS, request->side[1].flags);
	mnl_attr_nest_end(message, nest);
}

static struct nlmsghdr *put_head(void *buffer, uint16_t type, uint16_t flags, uint8_t family)
{
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
	struct nfgenmsg *nfgen;

	message->nlmsg_type = type;
	message->nlmsg_flags = NLM_F_REQUEST | flags;
	nfgen = mnl_nlmsg_put_extra_header(message, sizeof(*nfgen));
	nfgen->nfgen_family = family;
	nfgen->version = NFNETLINK_V0;
	return message;
}

size_t request_statistics(void *buffer, enum statistics statistics)
{
	if (statistics >= sizeof(statistics_messages) / sizeof(*statistics_messages))
		return 0;
	return put_head(buffer, statistics_messages[statistics].type,
			statistics_messages[statistics].flags, AF_UNSPEC)->nlmsg_len;
}

size_t request_dump(void *buffer, enum table table, const struct request *request)
{
	struct nlmsghdr *message;

	if (table >= sizeof(messages) / sizeof(*messages))
		return 0;
	message = put_head(buffer, messages[table].type, NLM_F_DUMP, request->family);
	if (!messages[table].filters)
		return message->nlmsg_len;
	if (request->by_mark) {
		mnl_attr_put_u32(message, CTA_MARK, htonl(request->mark));
		mnl_attr_put_u32(message, CTA_MARK_MASK, htonl(request->mark_mask));
	}
	if (request->by_status) {
		mnl_attr_put_u32(message, CTA_STATUS, htonl(request->status));
		mnl_attr_put_u32(message, STATUS_MASK, htonl(request->status_mask));
	}
	if (request->by_zone)
		mnl_attr_put_u16(message, CTA_ZONE, htons(request->zone));
	put_filter(message, request);
	return message->nlmsg_len;
}

bool request_send(int fd, const void *request, size_t length)
{
	ssize_t sent;

	do
		sent = send(fd, request, length, 0);
	while (sent < 0 && errno == EINTR);
	return sent >= 0;
}
