/* Names of protocols and of their states. */
#include "flow.h"

#include <linux/in.h>
#include <string.h>
#include <strings.h>

/*
 * A row per state name, in the order in which states are shown. Numbers are the kernel's, enum
 * tcp_conntrack and its siblings of sctp and dccp; none: -1. HEARTBEAT_ACKED left the kernel in 6.3.
 * IGNORE and INVALID of DCCP are verdicts on packets, no flow is ever in them.
 */
static const struct {
	const char *name;
	int8_t tcp, sctp, dccp;
} states[] = {
	[STATE_NONE] = { "NONE", 0, 0, 0 },
	[STATE_SYN_SENT] = { "SYN_SENT", 1, -1, -1 },
	[STATE_SYN_SENT2] = { "SYN_SENT2", 9, -1, -1 },
	[STATE_SYN_RECV] = { "SYN_RECV", 2, -1, -1 },
	[STATE_ESTABLISHED] = { "ESTABLISHED", 3, 4, -1 },
	[STATE_FIN_WAIT] = { "FIN_WAIT", 4, -1, -1 },
	[STATE_CLOSE_WAIT] = { "CLOSE_WAIT", 5, -1, -1 },
	[STATE_LAST_ACK] = { "LAST_ACK", 6, -1, -1 },
	[STATE_TIME_WAIT] = { "TIME_WAIT", 7, -1, -1 },
	[STATE_CLOSE] = { "CLOSE", 8, -1, -1 },
	[STATE_CLOSED] = { "CLOSED", -1, 1, -1 },
	[STATE_COOKIE_WAIT] = { "COOKIE_WAIT", -1, 2, -1 },
	[STATE_COOKIE_ECHOED] = { "COOKIE_ECHOED", -1, 3, -1 },
	[STATE_SHUTDOWN_SENT] = { "SHUTDOWN_SENT", -1, 5, -1 },
	[STATE_SHUTDOWN_RECD] = { "SHUTDOWN_RECD", -1, 6, -1 },
	[STATE_SHUTDOWN_ACK_SENT] = { "SHUTDOWN_ACK_SENT", -1, 7, -1 },
	[STATE_HEARTBEAT_SENT] = { "HEARTBEAT_SENT", -1, 8, -1 },
	[STATE_HEARTBEAT_ACKED] = { "HEARTBEAT_ACKED", -1, 9, -1 },
	[STATE_REQUEST] = { "REQUEST", -1, -1, 1 },
	[STATE_RESPOND] = { "RESPOND", -1, -1, 2 },
	[STATE_PARTOPEN] = { "PARTOPEN", -1, -1, 3 },
	[STATE_OPEN] = { "OPEN", -1, -1, 4 },
	[STATE_CLOSEREQ] = { "CLOSEREQ", -1, -1, 5 },
	[STATE_CLOSING] = { "CLOSING", -1, -1, 6 },
	[STATE_TIMEWAIT] = { "TIMEWAIT", -1, -1, 7 },
};

enum { STATES = sizeof(states) / sizeof(*states) };

static int column(unsigned row, uint8_t protonum)
{
	switch (protonum) {
	case IPPROTO_TCP:
		return states[row].tcp;
	case IPPROTO_SCTP:
		return states[row].sctp;
	case IPPROTO_DCCP:
		return states[row].dccp;
	}
	return -1;
}

uint8_t state_code(uint8_t protonum, uint8_t raw)
{
	/* The hot path: TCP by its number, a second reading of the rows above. */
	static const uint8_t tcp[] = { 0, 1, 3, 4, 5, 6, 7, 8, 9, 2 };

	if (protonum == IPPROTO_TCP && raw < sizeof(tcp))
		return tcp[raw];
	for (unsigned i = 0; i < STATES; i++)
		if (column(i, protonum) == raw)
			return i;
	return STATE_UNKNOWN + (raw & 0x7f);
}

int state_raw(uint8_t protonum, uint8_t code)
{
	if (code >= STATE_UNKNOWN)
		return code - STATE_UNKNOWN;
	return code < STATES ? column(code, protonum) : -1;
}

const char *state_name(uint8_t code)
{
	return code < STATES ? states[code].name : NULL;
}

unsigned state_count(void)
{
	return STATES;
}

static const char *const protos[256] = {
	[IPPROTO_ICMP] = "icmp", [IPPROTO_IGMP] = "igmp", [IPPROTO_IPIP] = "ipip",
	[IPPROTO_TCP] = "tcp", [IPPROTO_UDP] = "udp", [IPPROTO_DCCP] = "dccp",
	[IPPROTO_RSVP] = "rsvp", [IPPROTO_GRE] = "gre", [IPPROTO_ESP] = "esp",
	[IPPROTO_AH] = "ah", [58] = "icmpv6", [88] = "eigrp", [89] = "ospf",
	[IPPROTO_PIM] = "pim", [112] = "vrrp", [115] = "l2tp",
	[IPPROTO_SCTP] = "sctp", [IPPROTO_UDPLITE] = "udplite",
};

const char *proto_name(uint8_t protonum)
{
	return protos[protonum];
}

int proto_number(const char *name, size_t length)
{
	for (unsigned i = 0; i < 256; i++)
		if (protos[i] && strlen(protos[i]) == length && !strncasecmp(protos[i], name, length))
			return i;
	return -1;
}
