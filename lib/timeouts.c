/* Configured timeouts, and the two derived fields that need them or the clock: idle and age. */
#include "timeouts.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include <linux/netfilter/nf_conntrack_common.h>

enum { TCP, SCTP };

static const struct {
	const char *sysctl;
	size_t offset;
} plain[] = {
#define ROW(name, member) { "nf_conntrack_" name, offsetof(struct timeouts, member) }
	ROW("generic_timeout", generic), ROW("icmp_timeout", icmp), ROW("icmpv6_timeout", icmpv6),
	ROW("udp_timeout", udp), ROW("udp_timeout_stream", udp_stream), ROW("gre_timeout", gre),
	ROW("gre_timeout_stream", gre_stream), ROW("tcp_timeout_max_retrans", tcp_max_retrans),
	ROW("tcp_timeout_unacknowledged", tcp_unacknowledged),
};

static uint32_t read_sysctl(const char *name)
{
	char path[160];
	unsigned value = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/sys/net/netfilter/%s", name);
	file = fopen(path, "re");
	if (!file)
		return 0;
	if (fscanf(file, "%u", &value) != 1)
		value = 0;
	fclose(file);
	return value;
}

/* The sysctls of states are the names of the states in small letters. */
static uint32_t read_state(const char *proto, const char *state)
{
	char name[128];
	size_t length = snprintf(name, sizeof(name), "nf_conntrack_%s_timeout_%s", proto, state);

	for (size_t i = 0; i < length; i++)
		if (name[i] >= 'A' && name[i] <= 'Z')
			name[i] |= 0x20;
	return read_sysctl(name);
}

void timeouts_read(struct timeouts *timeouts)
{
	memset(timeouts, 0, sizeof(*timeouts));
	for (unsigned i = 0; i < sizeof(plain) / sizeof(*plain); i++)
		*(uint32_t *)((char *)timeouts + plain[i].offset) = read_sysctl(plain[i].sysctl);
	for (unsigned i = 0; i < state_count(); i++) {
		if (state_raw(IPPROTO_TCP, i) > 0)
			timeouts->state[TCP][i] = read_state("tcp", state_name(i));
		if (state_raw(IPPROTO_SCTP, i) > 0)
			timeouts->state[SCTP][i] = read_state("sctp", state_name(i));
		if (state_raw(IPPROTO_DCCP, i) > 0 && !timeouts->state[SCTP][i])
			timeouts->state[SCTP][i] = read_state("dccp", state_name(i));
	}
	/* SYN_SENT2 has no sysctl of its own: nf_conntrack_proto_tcp.c sets it to that of SYN_SENT. */
	timeouts->state[TCP][state_code(IPPROTO_TCP, 9)] =
		timeouts->state[TCP][state_code(IPPROTO_TCP, 1)];
}

static uint32_t least(uint32_t a, uint32_t b)
{
	return !b || (a && a < b) ? a : b;
}

/*
 * A TCP flow that waits for an acknowledgement, or was picked up mid-stream and not answered, got a
 * smaller timeout than that of its state; it shows in what is left (nf_conntrack_tcp_packet()).
 */
static uint32_t tcp_timeout(const struct timeouts *timeouts, const struct flow *flow)
{
	enum { BE_LIBERAL = 0x08, DATA_UNACKNOWLEDGED = 0x10 };
	uint32_t full = timeouts->state[TCP][flow->state];
	uint32_t small = least(timeouts->tcp_max_retrans, timeouts->tcp_unacknowledged);
	uint32_t close = timeouts->state[TCP][state_code(IPPROTO_TCP, 8)];
	uint8_t flags = flow->tcpflags[0] | flow->tcpflags[1];

	if (small && small < full && flow->timeout <= small &&
	    ((flags & DATA_UNACKNOWLEDGED) ||
	     ((flags & BE_LIBERAL) && !(flow->status & IPS_ASSURED))))
		return small;
	/* After an inexact RST: the state stays, the timeout becomes that of CLOSE. */
	if (flow->state == state_code(IPPROTO_TCP, 3) && close < full && flow->timeout <= close)
		return close;
	return full;
}

uint32_t timeouts_of(const struct timeouts *timeouts, const struct flow *flow)
{
	bool assured = flow->status & IPS_ASSURED;

	switch (flow->protonum) {
	case IPPROTO_TCP:
		return flow->state < 64 ? tcp_timeout(timeouts, flow) : 0;
	case IPPROTO_SCTP:
	case IPPROTO_DCCP:
		if (flow->has & HAS_STATE)
			return flow->state < 64 ? timeouts->state[SCTP][flow->state] : 0;
		return timeouts->generic;
	case IPPROTO_UDP:
		return assured ? timeouts->udp_stream : timeouts->udp;
	case IPPROTO_UDPLITE:
		if (flow->has & HAS_ORIG_PORTS)
			return assured ? timeouts->udp_stream : timeouts->udp;
		return timeouts->generic;
	case IPPROTO_GRE:
		return assured ? timeouts->gre_stream : timeouts->gre;
	case IPPROTO_ICMP:
		return timeouts->icmp;
	case IPPROTO_ICMPV6:
		return timeouts->icmpv6;
	}
	return timeouts->generic;
}

/* Absent where the configured value cannot be the one in force: set by hand, lowered since, or a
 * timeout policy, which ctnetlink does not show. */
static void set_idle(struct flow *flow, const struct timeouts *timeouts)
{
	uint32_t full;

	if (!timeouts || !(flow->has & HAS_TIMEOUT) || flow->event == EVENT_DESTROY ||
	    (flow->status & (IPS_FIXED_TIMEOUT | IPS_OFFLOAD | IPS_HW_OFFLOAD)))
		return;
	full = timeouts_of(timeouts, flow);
	if (!full || flow->timeout > full)
		return;
	flow->idle = full - flow->timeout;
	flow->has |= HAS_IDLE;
}

void flow_derive(struct flow *flow, const struct timeouts *timeouts)
{
	if ((flow->has & HAS_START) && (flow->has & HAS_TIME) && flow->time >= flow->start) {
		flow->age = (flow->time - flow->start) / 1000000000;
		flow->has |= HAS_AGE;
	}
	set_idle(flow, timeouts);
}
