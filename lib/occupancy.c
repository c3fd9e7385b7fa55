/* Counts the flows by who could throw them out of a full table. */
#include "stats.h"

#include "source.h"

#include <netinet/in.h>
#include <string.h>

#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_sctp.h>
#include <linux/netfilter/nf_conntrack_tcp.h>

/*
 * The states in which can_early_drop() of the tracker says yes; nf_conntrack_proto_tcp.c, _sctp.c
 * and _dccp.c (gone in 6.18: CLOSEREQ 5 to TIMEWAIT 7).
 */
static const struct {
	uint8_t protonum, low, high;
} closing_states[] = {
	{ IPPROTO_TCP, TCP_CONNTRACK_FIN_WAIT, TCP_CONNTRACK_CLOSE },
	{ IPPROTO_SCTP, SCTP_CONNTRACK_SHUTDOWN_SENT, SCTP_CONNTRACK_SHUTDOWN_ACK_SENT },
	{ IPPROTO_DCCP, 5, 7 },
};

static bool closing(const struct flow *flow)
{
	for (unsigned i = 0; i < sizeof(closing_states) / sizeof(*closing_states); i++) {
		int raw = state_raw(flow->protonum, flow->state);

		if (flow->protonum == closing_states[i].protonum && (flow->has & HAS_STATE) &&
		    raw >= closing_states[i].low && raw <= closing_states[i].high)
			return true;
	}
	return false;
}

static void count(struct occupancy *occupancy, const struct flow *flow)
{
	if (flow->status & (IPS_OFFLOAD | IPS_HW_OFFLOAD))
		occupancy->offloaded++;
	if (!(flow->status & IPS_ASSURED))
		occupancy->evictable++;
	else if (closing(flow))
		occupancy->closing++;
	else
		occupancy->hard++;
}

int occupancy_read(const struct asker *asker, struct occupancy *occupancy)
{
	struct request everything = { 0 };
	struct source *source = source_dump(asker, TABLE_CONNTRACK, &everything, 1);
	struct flow flow;
	int result;

	memset(occupancy, 0, sizeof(*occupancy));
	if (!source)
		return -1;
	source_want(source, HAS_PROTO | HAS_STATUS | HAS_STATE);
	while ((result = source_read(source)) > 0)
		while (source_flow(source, &flow))
			count(occupancy, &flow);
	source_close(source);
	return result;
}
