/* Remembers flows and compares: with events as they come, with dumps as they are asked for. */
#include "follow.h"

#include "memory.h"
#include "reason.h"
#include "table.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include <linux/netfilter/nf_conntrack_common.h>

/* What events lack if it did not change, and what an end is to tell. */
static const uint64_t inherited = HAS_STATE | HAS_MARK | HAS_LABELS | HAS_HELPER | HAS_SECCTX |
				  HAS_ZONE | HAS_START | HAS_MASTER_ADDR | HAS_MASTER_PORTS |
				  HAS_MASTER_ICMP | HAS_MASTER_GRE | HAS_MASTER_ZONE;
static const uint64_t kept[] = {
	[FOLLOW_BIRTHS] = HAS_STATE | HAS_STATUS | HAS_MARK | HAS_LABELS | HAS_HELPER | HAS_SECCTX,
	[FOLLOW_ALL] = HAS_STATE | HAS_STATUS | HAS_MARK | HAS_LABELS | HAS_HELPER | HAS_SECCTX |
		       HAS_REPLY_ADDR | HAS_REPLY_PORTS | HAS_REPLY_ICMP | HAS_REPLY_GRE |
		       HAS_REPLY_ZONE | HAS_MASTER_ADDR | HAS_MASTER_PORTS | HAS_MASTER_ICMP |
		       HAS_MASTER_GRE | HAS_MASTER_ZONE,
};

/* Births that may be left from before a loss are thrown away when there are more than this. */
enum { LEFTOVERS = 1 << 20 };

/* Beside each flow, and small: there may be millions. */
struct life {
	uint64_t born;		/* when its NEW came; 0: not seen */
	uint32_t deadline;	/* when its timer has run out if nothing comes, in ticks; 0: unknown */
	uint16_t piece;		/* of the dump that was asked for last when an event came, roughly */
	uint16_t dead:1;	/* ended during a dump, which may still show it */
	uint16_t untold:1;	/* found by a dump, its NEW was not seen */
	uint16_t pending:14;	/* CHANGED_ bits that a dump showed and no event told */
};

/* A tick is a tenth of a second, counted from a moment before the first event: enough for ten years. */
static const uint64_t tick = 100000000;

struct follow {
	struct flow_table *table;
	enum follow_mode mode;
	uint32_t syn_sent;
	bool live, dumping, complete;
	uint16_t piece, begun;	/* begun: when the dump did */
	uint64_t origin;	/* of ticks */
	enum pressure pressure;
	uint64_t pressure_time;
};

struct follow *follow_new(enum follow_mode mode, uint32_t syn_sent, bool live)
{
	struct follow *follow = calloc(1, sizeof(*follow));

	if (!follow)
		memory_exhausted();
	follow->mode = mode;
	follow->syn_sent = syn_sent;
	follow->live = live;
	if (mode != FOLLOW_NOTHING)
		follow->table = table_new(kept[mode], sizeof(struct life));
	return follow;
}

void follow_free(struct follow *follow)
{
	if (!follow)
		return;
	table_free(follow->table);
	free(follow);
}

size_t follow_count(const struct follow *follow)
{
	return follow->table ? table_count(follow->table) : 0;
}

static uint32_t status_changes(uint32_t changed)
{
	static const struct { uint32_t status, bit; } rows[] = {
		{ IPS_SEEN_REPLY, CHANGED_REPLIED },
		{ IPS_ASSURED, CHANGED_ASSURED },
		{ IPS_NAT_MASK, CHANGED_NAT },
		{ IPS_OFFLOAD | IPS_HW_OFFLOAD, CHANGED_OFFLOAD },
		/* Not told: the NAT hooks looked, the flow was confirmed, it is dying. */
		{ IPS_EXPECTED | IPS_SEQ_ADJUST | IPS_FIXED_TIMEOUT | IPS_HELPER, CHANGED_STATUS },
	};
	uint32_t bits = 0;

	for (unsigned i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		if (changed & rows[i].status)
			bits |= rows[i].bit;
	return bits;
}

/* An event without a part leaves it as it was; a mark of 0 may be absent on both sides. */
static uint32_t changes(const struct flow *old, const struct flow *flow)
{
	uint64_t both = old->has & flow->has;
	uint32_t bits = 0;

	if (both & HAS_STATUS)
		bits |= status_changes(old->status ^ flow->status);
	if ((both & HAS_STATE) && old->state != flow->state)
		bits |= CHANGED_STATE;
	if ((flow->has & HAS_MARK) && flow->mark != (old->has & HAS_MARK ? old->mark : 0))
		bits |= CHANGED_MARK;
	if ((flow->has & HAS_LABELS) &&
	    (!(both & HAS_LABELS) || memcmp(old->labels, flow->labels, LABEL_BYTES)))
		bits |= CHANGED_LABELS;
	if ((flow->has & HAS_HELPER) && (!(both & HAS_HELPER) || strcmp(old->helper, flow->helper)))
		bits |= CHANGED_HELPER;
	if ((flow->has & HAS_SECCTX) && (!(both & HAS_SECCTX) || strcmp(old->secctx, flow->secctx)))
		bits |= CHANGED_SECCTX;
	return bits;
}

/* What the message itself admits to have changed: ctnetlink_conntrack_event() adds these parts to
 * an UPDATE only if they did. */
static uint32_t admitted(const struct flow *flow)
{
	uint32_t bits = 0;

	if (flow->has & HAS_LABELS)
		bits |= CHANGED_LABELS;
	if (flow->has & (HAS_SEQADJ_ORIG | HAS_SEQADJ_REPLY))
		bits |= CHANGED_SEQADJ;
	if (flow->has & HAS_SYNPROXY)
		bits |= CHANGED_SYNPROXY;
	return bits;
}

/* The kernel tells whole seconds; a second more has run out for sure. */
static void remember_deadline(struct follow *follow, struct life *life, const struct flow *flow)
{
	uint64_t end = flow->time + (flow->timeout + UINT64_C(1)) * 1000000000;

	if (!(flow->has & HAS_TIMEOUT) || !(flow->has & HAS_TIME))
		return;
	life->deadline = 0;
	if (!follow->origin)
		follow->origin = flow->time - 3600 * UINT64_C(1000000000);
	if (end > follow->origin && (end - follow->origin) / tick < UINT32_MAX)
		life->deadline = (end - follow->origin) / tick + 1;
}

static bool run_out(const struct follow *follow, const struct life *life, uint64_t time)
{
	return life->deadline && time > follow->origin &&
	       life->deadline <= (time - follow->origin) / tick;
}

static struct life *life_of(struct entry *entry)
{
	return entry_extra(entry);
}

static void event_new(struct follow *follow, struct flow *flow)
{
	struct entry *entry = table_find(follow->table, flow);
	struct life *life;

	entry = entry ? table_replace(follow->table, entry, flow) : table_insert(follow->table, flow);
	life = life_of(entry);
	*life = (struct life){ .piece = follow->piece };
	if (flow->has & HAS_TIME)
		life->born = flow->time;
	remember_deadline(follow, life, flow);
}

static void event_update(struct follow *follow, struct flow *flow)
{
	struct entry *entry = table_find(follow->table, flow);
	bool known = flow->has & HAS_CHANGED;	/* our own JSON */
	struct life *life;
	struct flow old;

	if (!entry && follow->mode != FOLLOW_ALL)
		return;
	if (!known)
		flow->changed = admitted(flow);
	if (!entry) {
		entry = table_insert(follow->table, flow);
	} else {
		entry_flow(follow->table, entry, &old);
		if (!known)
			flow->changed |= changes(&old, flow) | life_of(entry)->pending;
		flow->has |= HAS_CHANGED;
		flow_inherit(flow, &old, inherited);
		entry = table_replace(follow->table, entry, flow);
	}
	life = life_of(entry);
	life->piece = follow->piece;
	life->pending = 0;
	life->untold = life->dead = false;
	remember_deadline(follow, life, flow);
}

/* What remains of a flow that ended: what is known of its life. During a dump it is kept, dead,
 * because a piece may show it that was made before it ended. */
static void event_destroy(struct follow *follow, struct flow *flow, struct life *was)
{
	struct entry *entry = table_find(follow->table, flow);
	struct flow old;

	if (entry) {
		entry_flow(follow->table, entry, &old);
		flow_inherit(flow, &old, inherited);
		*was = *life_of(entry);
		if (!follow->dumping) {
			table_remove(follow->table, entry);
			return;
		}
	} else if (follow->dumping) {
		entry = table_insert(follow->table, flow);
	} else {
		return;
	}
	*life_of(entry) = (struct life){ .dead = true, .piece = follow->piece };
}

static enum pressure pressure(struct follow *follow, const struct flow *flow)
{
	const uint64_t second = 1000000000;

	if (!follow->live || !(flow->has & HAS_TIMEOUT) || flow->portid)
		return PRESSURE_UNKNOWN;
	if (flow->time > follow->pressure_time + second || flow->time + second < follow->pressure_time) {
		follow->pressure = pressure_read();
		follow->pressure_time = flow->time;
	}
	return follow->pressure;
}

static void set_duration(struct flow *flow, uint64_t born)
{
	uint64_t from = flow->has & HAS_START ? flow->start : born;
	uint64_t to = flow->has & HAS_STOP ? flow->stop : flow->has & HAS_TIME ? flow->time : 0;

	if (!from || to < from)
		return;
	flow->duration = to - from;
	flow->has |= HAS_DURATION;
}

static bool has_states(uint8_t protonum)
{
	return protonum == IPPROTO_TCP || protonum == IPPROTO_SCTP || protonum == IPPROTO_DCCP;
}

/* In seconds, as its NEW said, so that a replay says the same; else what is set now. Of a flow that was
 * opened and no more, nothing later said another. */
static uint32_t opening_timeout(const struct follow *follow, const struct life *was)
{
	uint64_t end = follow->origin + was->deadline * tick;

	if (!was->born || !was->deadline || end < was->born + 1000000000)
		return follow->syn_sent;
	return (end - was->born) / 1000000000 - 1;
}

static void finish(struct follow *follow, struct flow *flow)
{
	bool told = (flow->has & HAS_STATE) || !has_states(flow->protonum);
	struct life was = { 0 };

	if (follow->table)
		event_destroy(follow, flow, &was);
	if (!(flow->has & HAS_DURATION))
		set_duration(flow, was.born);
	if (flow->has & (HAS_REASON | HAS_SYNTHETIC))	/* said before, in our own JSON */
		return;
	flow->reason = reason_of(flow, told, opening_timeout(follow, &was), pressure(follow, flow));
	flow->has |= HAS_REASON;
}

void follow_event(struct follow *follow, struct flow *flow)
{
	if (flow->what != WHAT_FLOW)
		return;
	if (flow->event == EVENT_DESTROY)
		finish(follow, flow);
	else if (follow->table && flow->event == EVENT_NEW)
		event_new(follow, flow);
	else if (follow->table && flow->event == EVENT_UPDATE)
		event_update(follow, flow);
}

static void remove_stale(struct follow *follow)
{
	struct place place = { 0 };
	struct entry *entry;

	while ((entry = table_next(follow->table, &place)))
		if (entry_stale(follow->table, entry))
			table_remove(follow->table, entry);
}

/* Without dumps nobody tells that a birth is obsolete: after a loss those from before are doubtful. */
void follow_lost(struct follow *follow)
{
	if (follow->mode != FOLLOW_BIRTHS)
		return;
	if (table_count(follow->table) > LEFTOVERS)
		remove_stale(follow);
	table_age(follow->table);
}

void follow_begin(struct follow *follow)
{
	table_age(follow->table);
	follow->begun = ++follow->piece;
	follow->dumping = true;
}

void follow_piece(struct follow *follow)
{
	follow->piece++;
}

/*
 * A flow that an event told about since the kernel made the piece is known better than the piece does. The
 * kernel makes two with the request, because the answer is looked at first, and then one more whenever one is
 * received; net/netlink/af_netlink.c, netlink_recvmsg().
 */
static bool known_better(const struct follow *follow, const struct life *life)
{
	enum { AHEAD = 2 };
	uint16_t number = follow->piece - follow->begun, ago = follow->piece - life->piece;

	return life->dead || ago <= (number < AHEAD ? number : AHEAD);
}

void follow_found(struct follow *follow, const struct flow *flow)
{
	struct entry *entry = table_find(follow->table, flow);
	struct flow old, merged;
	struct life *life;

	if (flow->status & IPS_DYING)
		return;
	if (!entry) {
		entry = table_insert(follow->table, flow);
		life = life_of(entry);
		life->untold = follow->complete;
		remember_deadline(follow, life, flow);
		return;
	}
	life = life_of(entry);
	if (known_better(follow, life)) {
		table_mark(follow->table, entry);
		return;
	}
	entry_flow(follow->table, entry, &old);
	life->pending |= changes(&old, flow);
	remember_deadline(follow, life, flow);
	merged = *flow;		/* the dump of an offloaded flow lacks the state */
	flow_inherit(&merged, &old, HAS_STATE);
	table_replace(follow->table, entry, &merged);
}

/* The end was not seen. Why is only said if the timer must have run out. */
static void invent_end(const struct follow *follow, const struct life *life, uint64_t time,
		       struct flow *flow)
{
	flow->event = EVENT_DESTROY;
	if (run_out(follow, life, time)) {
		flow->reason = reason_of_expired(flow);
		flow->has |= HAS_REASON;
	}
}

static void invent(const struct follow *follow, struct entry *entry, uint64_t time, struct flow *flow)
{
	const struct life *life = life_of(entry);

	entry_flow(follow->table, entry, flow);
	flow_set_nat(flow);
	flow->time = time;
	flow->has |= HAS_EVENT | HAS_TIME | HAS_SYNTHETIC;
	if (entry_stale(follow->table, entry)) {
		invent_end(follow, life, time, flow);
	} else if (life->untold) {
		flow->event = EVENT_NEW;
	} else {
		flow->event = EVENT_UPDATE;
		flow->changed = life->pending;
		flow->has |= HAS_CHANGED;
	}
}

unsigned long long follow_end(struct follow *follow, uint64_t time,
			 void (*emit)(void *data, struct flow *flow), void *data)
{
	struct place place = { 0 };
	unsigned long long told = 0;
	struct entry *entry;
	struct flow flow;

	follow->dumping = false;
	while ((entry = table_next(follow->table, &place))) {
		struct life *life = life_of(entry);
		bool gone = entry_stale(follow->table, entry);

		if (!life->dead && (gone || life->untold || life->pending)) {
			invent(follow, entry, time, &flow);
			emit(data, &flow);
			told++;
		}
		life->untold = false;
		life->pending = 0;
		if (life->dead || gone)
			table_remove(follow->table, entry);
	}
	follow->complete = true;
	return told;
}

void follow_cancel(struct follow *follow)
{
	struct place place = { 0 };
	struct entry *entry;

	follow->dumping = false;
	while ((entry = table_next(follow->table, &place)))
		if (life_of(entry)->dead)
			table_remove(follow->table, entry);
}
