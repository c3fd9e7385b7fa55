/* Why a flow ended. The rules stand in a table; the first that fits wins. */
#include "reason.h"

#include <netinet/in.h>
#include <stdio.h>

#include <linux/netfilter/nf_conntrack_common.h>

const char *const reason_names[] = {
	[REASON_NONE] = "", [REASON_REFUSED] = "refused", [REASON_NO_ANSWER] = "no-answer",
	[REASON_HALF_OPEN] = "half-open", [REASON_CLOSED] = "closed", [REASON_RESET] = "reset",
	[REASON_IDLE_TIMEOUT] = "idle-timeout", [REASON_UNANSWERED] = "unanswered",
	[REASON_EVICTED] = "evicted", [REASON_REPLACED] = "replaced", [REASON_DELETED] = "deleted",
	[REASON_KILLED] = "killed", [REASON_EXPIRED] = "expired", [REASONS] = NULL,
};

bool reason_failed(uint8_t reason)
{
	return reason && reason != REASON_CLOSED && reason != REASON_EXPIRED &&
	       reason != REASON_REPLACED;
}

/* What a rule may ask; two bits of a pair never stand together. */
enum {
	PORT = 1 << 0,			/* a process asked for it */
	LEFT = 1 << 1, RAN_OUT = 1 << 2,	/* the timer had time left, or not */
	REPLIED = 1 << 3, UNREPLIED = 1 << 4,
	UNASSURED = 1 << 5,
	ANSWERED = 1 << 6,		/* counters show packets in the other direction */
	SILENT = 1 << 7,		/* counters show none */
	UNCOUNTED = 1 << 8,		/* there are no counters */
	FULL = 1 << 9,			/* the table is */
	FULL_UNKNOWN = 1 << 10,
	SHORT = 1 << 11,		/* lived clearly less than its timeout */
};

#define S(name) (UINT32_C(1) << STATE_##name)
#define CLOSING (S(FIN_WAIT) | S(CLOSE_WAIT) | S(LAST_ACK) | S(TIME_WAIT) | S(CLOSE) | \
	S(SHUTDOWN_SENT) | S(SHUTDOWN_RECD) | S(SHUTDOWN_ACK_SENT) | S(CLOSEREQ) | S(CLOSING) | \
	S(TIMEWAIT))

static const struct rule {
	uint16_t asks;
	uint32_t states;	/* one of them; 0: any, or none */
	uint8_t reason;
} rules[] = {
	{ PORT, 0, REASON_DELETED },
	/* An RST as the only answer removes the flow at once: nf_conntrack_tcp_packet(). */
	{ LEFT | UNREPLIED | ANSWERED, S(CLOSE) | S(REQUEST), REASON_REFUSED },
	{ LEFT | UNREPLIED | UNCOUNTED, S(CLOSE), REASON_REFUSED },
	{ LEFT | UNREPLIED | SILENT, S(CLOSE), REASON_RESET },
	{ LEFT | FULL | UNASSURED, 0, REASON_EVICTED },
	{ LEFT | FULL, CLOSING, REASON_EVICTED },
	{ LEFT, S(TIME_WAIT) | S(CLOSE) | S(SYN_SENT2), REASON_REPLACED },
	{ LEFT | FULL_UNKNOWN | UNASSURED, 0, REASON_EVICTED },
	{ LEFT, 0, REASON_KILLED },
	/* From here on the timer ran out. */
	{ SHORT | UNREPLIED, S(SYN_SENT), REASON_REFUSED },
	{ 0, S(SYN_SENT) | S(REQUEST), REASON_NO_ANSWER },
	{ UNREPLIED, S(CLOSED) | S(HEARTBEAT_SENT), REASON_NO_ANSWER },
	{ 0, S(SYN_RECV) | S(SYN_SENT2) | S(COOKIE_WAIT) | S(COOKIE_ECHOED) | S(RESPOND) |
	     S(PARTOPEN), REASON_HALF_OPEN },
	{ 0, S(ESTABLISHED) | S(OPEN), REASON_IDLE_TIMEOUT },
	{ 0, S(LAST_ACK) | S(TIME_WAIT) | S(SHUTDOWN_ACK_SENT) | S(CLOSED) | S(TIMEWAIT),
	  REASON_CLOSED },
	{ 0, S(CLOSE), REASON_RESET },
	{ 0, S(FIN_WAIT) | S(CLOSE_WAIT) | S(SHUTDOWN_SENT) | S(SHUTDOWN_RECD) | S(CLOSEREQ) |
	     S(CLOSING), REASON_EXPIRED },
	{ UNREPLIED, 0, REASON_UNANSWERED },
	{ 0, 0, REASON_EXPIRED },
};

static uint8_t decide(unsigned facts, uint32_t state)
{
	const struct rule *rule = rules;

	while ((rule->asks & facts) != rule->asks || (rule->states && !(rule->states & state)))
		rule++;
	return rule->reason;
}

static uint32_t state_of(const struct flow *flow)
{
	return (flow->has & HAS_STATE) && flow->state < 32 ? UINT32_C(1) << flow->state : 0;
}

/* What the status bits and counters say. Without a status nothing is known of a reply. */
static unsigned facts_of(const struct flow *flow)
{
	unsigned facts = flow->status & IPS_SEEN_REPLY ? REPLIED : UNREPLIED;

	if (!(flow->status & IPS_ASSURED))
		facts |= UNASSURED;
	if (!(flow->has & HAS_REPLY_COUNTERS))
		facts |= UNCOUNTED;
	else
		facts |= flow->counters[1].packets ? ANSWERED : SILENT;
	return facts;
}

/* Half of the timeout is clearly less: the kernel reports an expired flow late, never early. */
static bool lived_short(const struct flow *flow, uint32_t syn_sent)
{
	return (flow->has & HAS_DURATION) && flow->duration / 500000000 < syn_sent;
}

uint8_t reason_of(const struct flow *flow, bool told, uint32_t syn_sent, enum pressure pressure)
{
	unsigned facts = facts_of(flow);

	if (flow->portid)
		facts |= PORT;
	facts |= flow->has & HAS_TIMEOUT ? LEFT : RAN_OUT;
	if (pressure != PRESSURE_NO)
		facts |= pressure == PRESSURE_YES ? FULL : FULL_UNKNOWN;
	if (!told && lived_short(flow, syn_sent))
		facts |= SHORT;
	return decide(facts, state_of(flow));
}

uint8_t reason_of_expired(const struct flow *flow)
{
	return decide(facts_of(flow) | RAN_OUT, state_of(flow));
}

static bool read_count(const char *path, unsigned long *value)
{
	FILE *file = fopen(path, "re");
	bool good = file && fscanf(file, "%lu", value) == 1;

	if (file)
		fclose(file);
	return good;
}

enum pressure pressure_read(void)
{
	unsigned long count, most;

	if (!read_count("/proc/sys/net/netfilter/nf_conntrack_count", &count) ||
	    !read_count("/proc/sys/net/netfilter/nf_conntrack_max", &most) || !most)
		return PRESSURE_UNKNOWN;
	return count >= most - most / 20 ? PRESSURE_YES : PRESSURE_NO;
}
