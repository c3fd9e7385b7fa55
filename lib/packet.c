/* Decodes NFLOG records of conntrack: the reason in the prefix, the packet itself. */
#include "packet.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <endian.h>
#include <netinet/in.h>
#include <stdlib.h>

#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_log.h>

#define AT(member) offsetof(struct packet, member), sizeof(((struct packet *)0)->member)

static const char *const event_names[] = {
	"", "new", "update", "destroy", "lost", "resync", "note", "invalid", NULL,
};
static const char *const verdict_names[] = { "invalid", "accepted", "error", NULL };

const struct field packet_fields[] = {
	{ "type", "EVENT", &kind_event, AT(flow.event), 7, IN_EVENT, HAS_EVENT, 0,
	  "invalid; lost and note tell about the stream", .names = event_names },
	{ "time", "TIME", &kind_time, AT(flow.time), 24, IN_EVENT, HAS_TIME, 0, "when" },
	{ "clock", "TIME", &kind_clock, AT(flow.time), 12, IN_EVENT | JOINED, HAS_TIME, 0,
	  "time of day, local" },
	{ "lost", "LOST", &kind_number, AT(flow.lost), 7, IN_EVENT, HAS_LOST, 0,
	  "how many records the kernel dropped here, because the buffer was full" },
	{ "note", "NOTE", &kind_text, AT(flow.note), 20, IN_EVENT, HAS_NOTE, 0, "a remark" },
	{ "verdict", "VERDICT", &kind_name, AT(verdict), 8, IN_EVENT, HAS_PACKET_REASON, 0,
	  "invalid; accepted: logged, but the tracker ignored it; error: counted as such",
	  .names = verdict_names },
	{ "reason", "REASON", &kind_text, AT(reason), 20, IN_EVENT, HAS_PACKET_REASON, 0,
	  "the kernel's words" },
	{ "family", "FAMILY", &kind_family, AT(flow.family), 6, IN_EVENT, HAS_FAMILY, 0, "ipv4 or ipv6" },
	{ "proto", "PROTO", &kind_proto, AT(flow.protonum), 6, IN_EVENT, HAS_PROTO, 0,
	  "protocol name, or its number where there is no name" },
	{ "protonum", "PROTONUM", &kind_number, AT(flow.protonum), 8, IN_EVENT, HAS_PROTO, 0,
	  "protocol number" },
	{ "source", "SOURCE", &kind_endpoint, AT(flow.orig.src), 21, IN_EVENT | JOINED,
	  HAS_ORIG_ADDR, HAS_ORIG_PORTS, "address and port in one" },
	{ "destination", "DESTINATION", &kind_endpoint, AT(flow.orig.dst), 21, IN_EVENT | JOINED,
	  HAS_ORIG_ADDR, HAS_ORIG_PORTS, "address and port in one" },
	{ "src", "SRC", &kind_address, AT(flow.orig.src.addr), 15, IN_EVENT, HAS_ORIG_ADDR, 0,
	  "source address of the packet" },
	{ "dst", "DST", &kind_address, AT(flow.orig.dst.addr), 15, IN_EVENT, HAS_ORIG_ADDR, 0,
	  "destination address of the packet" },
	{ "sport", "SPORT", &kind_port, AT(flow.orig.src.port), 5, IN_EVENT, HAS_ORIG_PORTS, 0,
	  "source port" },
	{ "dport", "DPORT", &kind_port, AT(flow.orig.dst.port), 5, IN_EVENT, HAS_ORIG_PORTS, 0,
	  "destination port" },
	{ "icmp.type", "TYPE", &kind_number, AT(flow.orig.icmp_type), 4, IN_EVENT, HAS_ORIG_ICMP, 0,
	  "ICMP type" },
	{ "icmp.code", "CODE", &kind_number, AT(flow.orig.icmp_code), 4, IN_EVENT, HAS_ORIG_ICMP, 0,
	  "ICMP code" },
	{ "tcp.flags", "FLAGS", &kind_header, AT(tcp), 6, IN_EVENT, HAS_PACKET_TCP, 0,
	  "flags of the TCP header" },
	{ "in", "IN", &kind_text, AT(in), 8, IN_EVENT, HAS_PACKET_IN, 0, "interface it came from" },
	{ "out", "OUT", &kind_text, AT(out), 8, IN_EVENT, HAS_PACKET_OUT, 0, "interface it leaves by" },
	{ "mark", "MARK", &kind_mark, AT(flow.mark), 6, IN_EVENT, HAS_MARK, 0, "mark of the packet" },
	{ NULL },
};

const struct field *packet_field_find(const char *name, size_t length)
{
	for (const struct field *field = packet_fields; field->name; field++)
		if (!strncmp(field->name, name, length) && !field->name[length])
			return field;
	return NULL;
}

/* The ICMP trackers refuse; the TCP tracker only ignores what these words say. The rest is INVALID. */
static uint8_t verdict_of(uint8_t protonum, const char *reason)
{
	static const char *const ignored[] = {
		" ignored, state ", "challenge-ack ignored", "bytes more than expected",
		"SEQ is under lower bound", "ignored ACK under lower bound", "lowered timeout to UNACK",
		"invalid packet ignored in state",
	};

	if (protonum == IPPROTO_ICMP || protonum == IPPROTO_ICMPV6)
		return VERDICT_ERROR;
	for (unsigned i = 0; protonum == IPPROTO_TCP && i < sizeof(ignored) / sizeof(*ignored); i++)
		if (strstr(reason, ignored[i]))
			return VERDICT_ACCEPTED;
	return VERDICT_INVALID;
}

/* "nf_ct_proto_6: bad checksum ", "helper ftp dropping packet: ...". */
static void decode_prefix(struct packet *packet, const struct nlattr *attr)
{
	static const char before[] = "nf_ct_proto_";
	char text[REASON_SIZE], *reason = text;
	size_t length = strnlen(mnl_attr_get_payload(attr), mnl_attr_get_payload_len(attr));

	if (length >= sizeof(text))
		length = sizeof(text) - 1;
	memcpy(text, mnl_attr_get_payload(attr), length);
	text[length] = '\0';
	while (length && isspace((unsigned char)text[length - 1]))
		text[--length] = '\0';
	if (!strncmp(text, before, strlen(before))) {
		packet->flow.protonum = strtoul(text + strlen(before), &reason, 10);
		packet->flow.has |= HAS_PROTO;
		reason += strspn(reason, ": ");
	} else if (strncmp(text, "nf_ct_", 6) && strncmp(text, "helper ", 7)) {
		return;
	}
	for (char *c = reason; *c; c++)
		if (!isascii((unsigned char)*c) || !isprint((unsigned char)*c))
			*c = '?';
	memcpy(packet->reason, reason, strlen(reason) + 1);
	packet->flow.has |= HAS_PACKET_REASON;
}

static void decode_transport(struct packet *packet, const uint8_t *data, size_t left)
{
	struct flow *flow = &packet->flow;

	switch (flow->protonum) {
	case IPPROTO_TCP:
		if (left >= 14) {
			packet->tcp = data[13];
			flow->has |= HAS_PACKET_TCP;
		}
		/* fall through */
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE:
	case IPPROTO_SCTP:
	case IPPROTO_DCCP:
		if (left < 4)
			return;
		flow->orig.src.port = data[0] << 8 | data[1];
		flow->orig.dst.port = data[2] << 8 | data[3];
		flow->has |= HAS_ORIG_PORTS;
		return;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		if (left < 2)
			return;
		flow->orig.icmp_type = data[0];
		flow->orig.icmp_code = data[1];
		flow->has |= HAS_ORIG_ICMP;
	}
}

static void set_addresses(struct flow *flow, const uint8_t *src, const uint8_t *dst, size_t size)
{
	memcpy(&flow->orig.src.addr, src, size);
	memcpy(&flow->orig.dst.addr, dst, size);
	flow->has |= HAS_ORIG_ADDR | HAS_PROTO;
}

static void decode_ipv4(struct packet *packet, const uint8_t *data, size_t left)
{
	size_t head = left >= 20 ? (data[0] & 15) * 4 : 0;

	if (head < 20)
		return;
	packet->flow.protonum = data[9];
	set_addresses(&packet->flow, data + 12, data + 16, 4);
	if (head <= left && !((data[6] & 0x1f) | data[7]))	/* not a later fragment */
		decode_transport(packet, data + head, left - head);
}

/* Hop-by-hop, routing, fragment and destination headers may stand before the transport's. */
static void decode_ipv6(struct packet *packet, const uint8_t *data, size_t left)
{
	size_t head = 40;
	uint8_t next;

	if (left < head)
		return;
	next = data[6];
	while (next == 0 || next == 43 || next == 44 || next == 60) {
		size_t size;

		if (left < head + 8)
			break;
		if (next == 44 && ((data[head + 2] << 8 | data[head + 3]) & 0xfff8))
			left = head;
		size = next == 44 ? 8 : (data[head + 1] + 1) * 8;
		next = data[head];
		head += size;
		if (head > left)
			break;
	}
	packet->flow.protonum = next;
	set_addresses(&packet->flow, data + 8, data + 24, 16);
	if (head <= left)
		decode_transport(packet, data + head, left - head);
}

static uint32_t get_u32(const struct nlattr *attr)
{
	uint32_t value = 0;

	if (mnl_attr_get_payload_len(attr) >= sizeof(value))
		memcpy(&value, mnl_attr_get_payload(attr), sizeof(value));
	return be32toh(value);
}

static void decode_time(struct flow *flow, const struct nlattr *attr)
{
	uint64_t time[2];	/* seconds, microseconds */

	if (mnl_attr_get_payload_len(attr) < sizeof(time))
		return;
	memcpy(time, mnl_attr_get_payload(attr), sizeof(time));
	flow->time = be64toh(time[0]) * 1000000000 + be64toh(time[1]) * 1000;
	flow->has |= HAS_TIME;
}

static void decode_payload(struct packet *packet, const struct nlattr *attr)
{
	const uint8_t *data = mnl_attr_get_payload(attr);
	size_t length = mnl_attr_get_payload_len(attr);

	if (packet->flow.family == AF_INET)
		decode_ipv4(packet, data, length);
	else if (packet->flow.family == AF_INET6)
		decode_ipv6(packet, data, length);
}

static void decode_attribute(struct packet *packet, const struct nlattr *attr)
{
	switch (mnl_attr_get_type(attr)) {
	case NFULA_PREFIX:
		decode_prefix(packet, attr);
		break;
	case NFULA_TIMESTAMP:
		decode_time(&packet->flow, attr);
		break;
	case NFULA_IFINDEX_INDEV:
		packet->in_index = get_u32(attr);
		break;
	case NFULA_IFINDEX_OUTDEV:
		packet->out_index = get_u32(attr);
		break;
	case NFULA_MARK:
		packet->flow.mark = get_u32(attr);
		packet->flow.has |= HAS_MARK;
		break;
	case NFULA_SEQ:
		packet->sequence = get_u32(attr);
		packet->flow.has |= HAS_PACKET_SEQUENCE;
		break;
	case NFULA_PAYLOAD:
		decode_payload(packet, attr);
	}
}

bool packet_decode(struct packet *packet, const struct nlmsghdr *message)
{
	const size_t head = NLMSG_HDRLEN + sizeof(struct nfgenmsg);
	const struct nfgenmsg *nfgen = (const void *)((const uint8_t *)message + NLMSG_HDRLEN);
	const uint8_t *at = (const uint8_t *)message + head, *end;

	if (message->nlmsg_len < head ||
	    message->nlmsg_type != (NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_PACKET))
		return false;
	end = (const uint8_t *)message + message->nlmsg_len;
	memset(packet, 0, sizeof(*packet));
	packet->flow.event = EVENT_INVALID;
	packet->flow.family = nfgen->nfgen_family;
	packet->flow.has = HAS_EVENT | HAS_FAMILY;
	while (end - at >= NLA_HDRLEN) {
		const struct nlattr *attr = (const void *)at;

		if (attr->nla_len < NLA_HDRLEN || attr->nla_len > end - at)
			return false;
		decode_attribute(packet, attr);
		if (NLA_ALIGN(attr->nla_len) >= end - at)
			break;
		at += NLA_ALIGN(attr->nla_len);
	}
	packet->flow.orig.protonum = packet->flow.protonum;
	packet->verdict = verdict_of(packet->flow.protonum, packet->reason);
	return packet->flow.has & HAS_PACKET_REASON;
}
