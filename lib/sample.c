/* Compares what dumps and events tell with what was known, and adds it up. */
#include "sample.h"

#include "memory.h"

#include <stdlib.h>

#include <linux/netfilter/nf_conntrack_common.h>

void sample_init(struct sample *sample)
{
	memset(sample, 0, sizeof(*sample));
	sample->seen = seen_new();
	sample->number = 1;
	sample->watched_row = must(calloc(1, sizeof(*sample->watched_row)));
}

void sample_release(struct sample *sample)
{
	seen_free(sample->seen);
	groups_free(sample->groups);
	kept_free(sample->kept);
	kept_free(sample->coming);
	free(sample->watched_row);
}

static uint64_t kept_want(const struct sample *sample)
{
	return sample->all ? HAS_ALL & ~ROW_BITS : sample->want;
}

static void forget_rows(struct sample *sample)
{
	groups_free(sample->groups);
	kept_free(sample->kept);
	kept_free(sample->coming);
	sample->groups = NULL;
	sample->kept = sample->coming = NULL;
	sample->epoch++;
	sample->regrouped = sample->complete;
	sample->grouped = 0;
	if (sample->view->rows == ROWS_GROUPS) {
		view_plan(sample->view, &sample->plan);
		sample->groups = groups_new(&sample->plan);
	} else if (sample->view->rows == ROWS_FLOWS) {
		sample->kept = kept_new(&sample->order, kept_want(sample));
	}
	sample->changes++;
}

/* What a flow keeps from its first packet on, and what every event tells beside it. */
static const uint64_t lasting = HAS_FAMILY | HAS_PROTO | HAS_ORIG_ADDR | HAS_ORIG_PORTS | HAS_ORIG_ICMP |
	HAS_ORIG_GRE | HAS_ORIG_ZONE | HAS_REPLY_ADDR | HAS_REPLY_PORTS | HAS_REPLY_ICMP | HAS_REPLY_GRE |
	HAS_REPLY_ZONE | HAS_ZONE | HAS_ID | HAS_SNAT | HAS_DNAT | HAS_NAT;
static const uint64_t told = lasting | HAS_STATE | HAS_STATUS;

void sample_filter(struct sample *sample, const struct filter *filter)
{
	sample->filter = filter;
	sample->lasting = !(filter->wants & ~lasting);
	sample->told = !(filter->wants & ~told);
	seen_clear(sample->seen);
	memset(&sample->totals, 0, sizeof(sample->totals));
	sample->dumping = sample->complete = sample->broken = false;
	sample->interval = 0;
	if (sample->view)
		forget_rows(sample);
}

void sample_view(struct sample *sample, const struct view *view, const struct order *order)
{
	if (sample->dumping)
		sample_abort(sample);
	sample->view = view;
	sample->order = *order;
	sample->want = view_wants(view);
	forget_rows(sample);
}

void sample_order(struct sample *sample, const struct order *order)
{
	sample->order = *order;
	sample->changes++;
}

uint64_t sample_wants(const struct sample *sample)
{
	if (sample->watched || (sample->all && sample->view->rows == ROWS_FLOWS))
		return HAS_ALL;
	return sample->want | sample->filter->wants | (sample->lasting ? 0 : HAS_START);
}

void sample_begin(struct sample *sample, uint64_t time, size_t expected)
{
	sample->dumping = true;
	sample->extra = false;
	sample->begun = time;
	if (!sample->grouped)
		sample->grouped = time;
	sample->round++;
	sample->matching = sample->visited = 0;
	seen_reserve(sample->seen, expected + expected / 16);
	if (sample->view->rows == ROWS_FLOWS) {
		kept_free(sample->coming);
		sample->coming = kept_new(&sample->order, kept_want(sample));
	}
}

void sample_begin_extra(struct sample *sample, uint64_t time, size_t expected)
{
	sample_begin(sample, time, expected);
	sample->extra = sample->complete;
}

/* An extra dump leaves what flows are compared with as it was. */
void sample_abort(struct sample *sample)
{
	sample->dumping = false;
	sample->broken |= !sample->extra;
	kept_free(sample->coming);
	sample->coming = NULL;
}

static bool counters(const struct flow *flow, uint64_t *bytes, uint64_t *packets)
{
	const uint64_t both = HAS_ORIG_COUNTERS | HAS_REPLY_COUNTERS;

	if (!(flow->has & both))
		return false;
	*bytes = flow->counters[0].bytes + flow->counters[1].bytes;
	*packets = flow->counters[0].packets + flow->counters[1].packets;
	return true;
}

/* A counter that went back was zeroed by another program: it counts from there. */
static uint64_t since(uint64_t now, uint64_t before)
{
	return now >= before ? now - before : now;
}

/* What a flow added in this interval, into row->sums. A fresh one began with nothing. */
static void count_traffic(struct sample *sample, struct mark *mark, struct row *row, bool fresh)
{
	uint64_t bytes, packets;

	row->sums.counted = counters(&row->group.flow, &bytes, &packets);
	row->sums.bytes = row->sums.packets = 0;
	if (!row->sums.counted)
		return;
	if ((mark->bits & MARK_BASE) || fresh) {
		row->sums.bytes = since(bytes, mark->bytes);
		row->sums.packets = since(packets, mark->packets);
	}
	sample->totals.counted = true;
	if (fresh)
		mark->bits |= MARK_BASE;
}

/* The next interval counts from here. */
static void take_traffic(struct sample *sample, struct mark *mark, const struct row *row)
{
	if (!counters(&row->group.flow, &mark->bytes, &mark->packets))
		return;
	mark->bits |= MARK_BASE;
	sample->totals.bytes += row->sums.bytes;
	sample->totals.packets += row->sums.packets;
}

static void note_state(struct mark *mark, const struct flow *flow)
{
	if (flow->has & HAS_STATE) {
		mark->state = flow->state;
		mark->bits |= MARK_STATE;
	}
	if (flow->has & HAS_STATUS)
		mark->bits = (mark->bits & ~MARK_REPLIED) |
			     (flow->status & IPS_SEEN_REPLY ? MARK_REPLIED : 0);
}

/* A message may lack what an earlier one told. */
static void recall_state(const struct mark *mark, struct flow *flow)
{
	if (!(flow->has & HAS_STATE) && (mark->bits & MARK_STATE)) {
		flow->state = mark->state;
		flow->has |= HAS_STATE;
	}
	if (!(flow->has & HAS_STATUS)) {
		flow->status = mark->bits & MARK_REPLIED ? IPS_SEEN_REPLY : 0;
		flow->has |= HAS_STATUS;
	}
}

/* What is counted of the group that the flow is in; NULL if it is in none. */
static struct sums *sums_of(struct sample *sample, const struct flow *flow)
{
	struct sums *sums;

	if (!sample->groups || (flow->has & sample->view->needs) != sample->view->needs)
		return NULL;
	sums = group_extra(sample->groups, group_get(sample->groups, flow));
	if (sums->round == sample->round)
		return sums;
	sums->round = sample->round;
	sums->count = sums->unreplied = 0;
	sums->low = sums->high = 0;
	if (sample->view->states)
		memset(sums->states, 0, sizeof(sums->states));
	return sums;
}

/* Adds a flow to its group, or takes it away. */
static void count_flow(const struct sample *sample, struct sums *sums, const struct flow *flow, int one)
{
	uint16_t port = flow->reply.dst.port;

	if (!sums)
		return;
	sums->count += one;
	sums->unreplied += flow->status & IPS_SEEN_REPLY ? 0 : one;
	if (sample->view->states && flow->has & HAS_STATE && flow->state < TCP_STATES)
		sums->states[flow->state] += one;
	if (!(flow->has & HAS_REPLY_PORTS) || one < 0)
		return;
	if (!sums->low || port < sums->low)
		sums->low = port;
	if (port > sums->high)
		sums->high = port;
}

static void count_change(struct sums *sums, const struct row *row, bool fresh, bool gone)
{
	if (!sums)
		return;
	sums->fresh += fresh;
	sums->gone += gone;
	sums->counted |= row->sums.counted;
	sums->bytes += row->sums.bytes;
	sums->packets += row->sums.packets;
}

static float per_second(uint64_t count, uint64_t ns)
{
	return ns ? count * 1e9f / ns : 0;
}

static void rate_flow(const struct sample *sample, struct row *row)
{
	uint64_t ns = sample->begun > sample->ended ? sample->begun - sample->ended : 0;

	row->sums.rated = sample->complete && !sample->broken && ns;
	row->sums.bytes_rate = per_second(row->sums.bytes, ns);
	row->sums.packets_rate = per_second(row->sums.packets, ns);
}

static void watch_flow(struct sample *sample, const struct row *row)
{
	if (row->identity == sample->watched)
		*sample->watched_row = *row;
}

/* The flows view ranks by rates too, so the row is finished first. */
static void keep_flow(struct sample *sample, struct kept *kept, struct row *row)
{
	if (!kept)
		return;
	rate_flow(sample, row);
	row->sums.count = 1;
	row_finish(row, 0);
	kept_add(kept, row);
}

/* Whether all that a flow has counted is of this interval. One that only comes to pass the filter has counted
 * for long, unless it tells when it began. */
static bool is_whole(const struct sample *sample, const struct flow *flow, bool fresh)
{
	return (fresh && sample->lasting) ||
	       (sample->complete && (flow->has & HAS_START) && flow->start >= sample->ended);
}

static struct mark *add_mark(struct sample *sample, uint64_t identity, bool fresh)
{
	struct mark *mark = seen_add(sample->seen, identity);

	mark->interval = fresh ? sample->number : 0;
	return mark;
}

void sample_flow(struct sample *sample, struct row *row)
{
	struct flow *flow = &row->group.flow;
	struct sums *sums;
	struct mark *mark;
	bool fresh;

	sample->visited++;
	if (!filter_match(sample->filter, flow))
		return;
	row->identity = seen_identity(flow);
	mark = seen_find(sample->seen, row->identity);
	if (mark && mark->round == sample->round)
		return;		/* dumps may tell a flow twice, and events come before them */
	fresh = !mark && sample->complete;
	if (!mark)
		mark = add_mark(sample, row->identity, fresh);
	mark->round = sample->round;
	sample->matching++;
	sample->totals.fresh += fresh;
	row->is_fresh = mark->interval == sample->number;
	count_traffic(sample, mark, row, is_whole(sample, flow, fresh));
	if (!sample->extra)
		take_traffic(sample, mark, row);
	note_state(mark, flow);
	sums = sums_of(sample, flow);
	count_flow(sample, sums, flow, 1);
	count_change(sums, row, sample->regrouped ? row->is_fresh : fresh, false);
	keep_flow(sample, sample->coming, row);
	if (row->identity == sample->watched)
		watch_flow(sample, row);
}

/* `ns`: of the interval so far; `ending`: the part of it in which the group was told of flows that end. */
static void rate_group(struct sums *sums, uint64_t ns, uint64_t ending)
{
	sums->rated = ns;
	sums->ended = ending;
	sums->fresh_rate = per_second(sums->fresh, ns);
	sums->gone_rate = per_second(sums->gone, ending);
	sums->bytes_rate = per_second(sums->bytes, ns);
	sums->packets_rate = per_second(sums->packets, ns);
	sums->bytes = sums->packets = 0;
}

/* Returns the number of groups that nothing is left of. A million groups are walked once only. */
static uint32_t rate_groups(struct sample *sample, uint64_t ns, uint64_t ending, bool over)
{
	uint32_t dead = 0;

	for (uint32_t i = 0; i < sample_groups(sample); i++) {
		struct sums *sums = sample_sums(sample, i);

		rate_group(sums, ns, ending);
		if (over)
			sums->fresh = sums->gone = 0;
		dead += sums->round != sample->round;
	}
	return dead;
}

static void rate_totals(struct totals *totals, uint64_t ns)
{
	totals->rated = ns;
	totals->fresh_rate = per_second(totals->fresh, ns);
	totals->gone_rate = per_second(totals->gone, ns);
	totals->bytes_rate = per_second(totals->bytes, ns);
	totals->packets_rate = per_second(totals->packets, ns);
	totals->fresh = totals->gone = totals->bytes = totals->packets = 0;
}

/* An interval is over. */
static uint32_t finish_rates(struct sample *sample, uint64_t time)
{
	uint64_t ns = sample->broken ? 0 : sample->interval, ending = ns;
	uint32_t dead;

	if (ns && sample->grouped > sample->ended)
		ending = time > sample->grouped ? time - sample->grouped : 0;
	rate_totals(&sample->totals, ns);
	dead = rate_groups(sample, ns, ending, true);
	sample->ended = time;
	sample->number += sample->number == UINT16_MAX ? 2 : 1;
	sample->broken = false;
	return dead;
}

/* They are dropped when they are the most. */
static void drop_groups(struct sample *sample, uint32_t dead)
{
	uint32_t count = sample_groups(sample);
	struct groups *old = sample->groups;

	if (dead < 1024 || dead < count / 2)
		return;
	sample->groups = groups_new(&sample->plan);
	for (uint32_t i = 0; i < count; i++) {
		struct group *from = groups_at(old, i);
		struct sums *sums = group_extra(old, from);

		if (sums->round == sample->round)
			memcpy(group_extra(sample->groups, groups_adopt(sample->groups, old, from)), sums,
			       sample->plan.extra);
	}
	groups_free(old);
	sample->epoch++;
}

/* What was shown and is not there any more stays for one interval. */
static void show_coming(struct sample *sample)
{
	for (size_t i = 0; sample->kept && i < kept_count(sample->kept); i++) {
		const struct kept_item *item = kept_at(sample->kept, i);

		if ((!item->gone || sample->extra) && !seen_find(sample->seen, item->identity))
			kept_carry(sample->coming, sample->kept, item);
	}
	kept_free(sample->kept);
	sample->kept = sample->coming;
	sample->coming = NULL;
}

void sample_end(struct sample *sample, uint64_t time)
{
	sample->dumping = false;
	sample->totals.gone += seen_sweep(sample->seen, sample->round);
	sample->totals.flows = seen_count(sample->seen);
	if (sample->watched && !sample->watched_gone && !seen_find(sample->seen, sample->watched)) {
		sample->watched_left = !sample->lasting;
		sample->watched_gone = sample->lasting;
	}
	if (sample->coming)
		show_coming(sample);
	sample->regrouped = false;
	sample->changes++;
	if (sample->extra) {
		rate_groups(sample, sample->broken ? 0 : time - sample->ended, 0, false);
		return;
	}
	sample->interval = sample->complete && time > sample->ended ? time - sample->ended : 0;
	sample->complete = true;
	drop_groups(sample, finish_rates(sample, time));
}

void sample_tick(struct sample *sample, uint64_t time)
{
	sample->interval = sample->ended && time > sample->ended ? time - sample->ended : 0;
	sample->totals.flows = seen_count(sample->seen);
	sample->changes++;
	finish_rates(sample, time);
}

static struct kept *shown(struct sample *sample)
{
	return sample->dumping ? sample->coming : sample->kept;
}

static void event_new(struct sample *sample, struct row *row, bool fresh)
{
	struct mark *mark = add_mark(sample, row->identity, fresh);
	struct sums *sums;

	mark->round = sample->round;
	note_state(mark, &row->group.flow);
	recall_state(mark, &row->group.flow);
	memset(&row->sums, 0, offsetof(struct sums, states));
	sample->totals.fresh += fresh;
	sample->totals.flows++;
	row->is_fresh = fresh;
	mark->bits |= row->group.flow.event == EVENT_NEW ? MARK_BASE : 0;
	sums = sums_of(sample, &row->group.flow);
	count_flow(sample, sums, &row->group.flow, 1);
	count_change(sums, row, fresh, false);
	keep_flow(sample, shown(sample), row);
}

/* What an UPDATE can change. */
static void merge(struct flow *flow, const struct flow *event)
{
	const uint64_t nat = HAS_SNAT | HAS_DNAT | HAS_NAT;
	const uint64_t parts = HAS_STATE | HAS_STATUS | HAS_TIMEOUT | HAS_MARK;

	if (event->has & HAS_STATE)
		flow->state = event->state;
	if (event->has & HAS_STATUS) {
		flow->status = event->status;
		flow->has = (flow->has & ~nat) | (event->has & nat);
	}
	if (event->has & HAS_TIMEOUT)
		flow->timeout = event->timeout;
	if (event->has & HAS_MARK)
		flow->mark = event->mark;
	flow->has |= event->has & parts;
}

static void update_kept(struct sample *sample, const struct row *row)
{
	struct kept *kept = shown(sample);
	struct kept_item *item = kept ? kept_find(kept, row->identity) : NULL;
	struct row known;

	if (row->identity == sample->watched)
		merge(&sample->watched_row->group.flow, &row->group.flow);
	if (!item)
		return;
	kept_row(kept, item, &known);
	merge(&known.group.flow, &row->group.flow);
	kept_replace(kept, item, &known.group.flow);
}

/* The state decides in which group and column a flow is, so it leaves the old ones first. */
static void event_update(struct sample *sample, struct mark *mark, struct row *row)
{
	struct flow before = row->group.flow;

	before.has &= ~(HAS_STATE | HAS_STATUS);
	recall_state(mark, &before);
	note_state(mark, &row->group.flow);
	recall_state(mark, &row->group.flow);
	if (mark->round == sample->round) {
		count_flow(sample, sums_of(sample, &before), &before, -1);
		count_flow(sample, sums_of(sample, &row->group.flow), &row->group.flow, 1);
	}
	update_kept(sample, row);
}

/* Nothing is left of it; or it does not pass the filter any more. */
static void event_end(struct sample *sample, struct mark *mark, struct row *row)
{
	struct kept_item *item = shown(sample) ? kept_find(shown(sample), row->identity) : NULL;
	struct flow before = row->group.flow;
	struct sums *sums;

	before.has &= ~(HAS_STATE | HAS_STATUS);
	recall_state(mark, &before);
	recall_state(mark, &row->group.flow);
	count_traffic(sample, mark, row, false);
	take_traffic(sample, mark, row);
	sums = sums_of(sample, &before);
	if (mark->round == sample->round)
		count_flow(sample, sums, &before, -1);
	count_change(sums, row, false, true);
	sample->totals.gone++;
	sample->totals.flows--;
	if (item)
		item->gone = true;
	if (row->identity == sample->watched) {
		merge(&sample->watched_row->group.flow, &row->group.flow);
		sample->watched_gone = row->group.flow.event == EVENT_DESTROY;
		sample->watched_left = !sample->watched_gone;
	}
	seen_remove(sample->seen, mark);
}

/* Whether what an event tells of a flow has made it one that the filter does not let through. */
static bool leaves(const struct sample *sample, const struct mark *mark, const struct flow *event)
{
	struct flow flow;

	if (sample->lasting || !sample->told || !(event->has & HAS_STATUS))
		return false;
	flow = *event;
	recall_state(mark, &flow);
	return !filter_match(sample->filter, &flow);
}

bool sample_event(struct sample *sample, struct row *row)
{
	struct flow *flow = &row->group.flow;
	struct mark *mark;

	row->identity = seen_identity(flow);
	mark = seen_find(sample->seen, row->identity);
	sample->changes++;
	if (mark && (flow->event == EVENT_DESTROY || leaves(sample, mark, flow))) {
		event_end(sample, mark, row);
		return true;
	}
	if (mark) {
		event_update(sample, mark, row);
		return true;
	}
	if (!filter_match(sample->filter, flow))
		return false;
	if (flow->event == EVENT_DESTROY)
		sample->totals.gone++;
	else
		event_new(sample, row, flow->event == EVENT_NEW || (sample->complete && !sample->lasting));
	return true;
}

void sample_watch(struct sample *sample, uint64_t identity, const struct row *row)
{
	sample->watched = identity;
	sample->watched_gone = sample->watched_left = false;
	if (row)
		*sample->watched_row = *row;
}

uint32_t sample_groups(const struct sample *sample)
{
	return sample->groups ? groups_count(sample->groups) : 0;
}

struct sums *sample_sums(const struct sample *sample, uint32_t number)
{
	return group_extra(sample->groups, groups_at(sample->groups, number));
}

static void add_sums(const struct sample *sample, const struct sums *sums, struct row *row)
{
	memset(&row->sums, 0, sizeof(row->sums));
	memcpy(&row->sums, sums, sample->plan.extra);
	if (sums->round != sample->round)
		row->sums.count = row->sums.unreplied = 0;
	row->is_gone = row->is_fresh = false;
	row_finish(row, sample->totals.flows);
}

void sample_group_sums(const struct sample *sample, uint32_t number, struct row *row)
{
	row->group.flow.has = 0;
	add_sums(sample, sample_sums(sample, number), row);
}

/* The values go back to where flows have them, so that every field of a flow can be used. */
void sample_group_row(const struct sample *sample, uint32_t number, struct row *row)
{
	struct flow *flow = &row->group.flow;

	memset(flow, 0, sizeof(*flow));
	groups_row(sample->groups, groups_at(sample->groups, number), &row->group);
	for (unsigned i = 0; i < sample->plan.keys_count; i++) {
		const struct field *from = groups_keys(sample->groups, i), *to = &sample->plan.keys[i];

		memcpy((char *)flow + to->offset, (const char *)&row->group + from->offset, to->size);
	}
	add_sums(sample, sample_sums(sample, number), row);
}
