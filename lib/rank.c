/* Sorts pointers to groups; keys are compared as their kinds compare flows. */
#include "rank.h"

#include <stdlib.h>

static int compare_values(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

static int compare_key(const struct groups *groups, unsigned index, const struct group *a,
		       const struct group *b, bool *absent)
{
	const struct field *key = groups_keys(groups, index);
	struct group_row x, y;

	groups_row(groups, a, &x);
	groups_row(groups, b, &y);
	*absent = !field_present(key, &x.flow) || !field_present(key, &y.flow);
	return field_compare(key, &x.flow, &y.flow);
}

static int compare_sum(unsigned index, const struct group *a, const struct group *b, bool *absent)
{
	bool x = a->summed >> index & 1, y = b->summed >> index & 1;

	*absent = !x || !y;
	return *absent ? y - x : compare_values(a->sum[index], b->sum[index]);
}

static int compare_by(const struct groups *groups, const struct rank_order *order,
		      const struct ranked *a, const struct ranked *b)
{
	bool absent = false;
	int result = 0;

	switch (order->by) {
	case RANK_COUNT:
		result = compare_values(a->group->count, b->group->count);
		break;
	case RANK_UNREPLIED:
		result = compare_values(a->group->unreplied, b->group->unreplied);
		break;
	case RANK_DELTA:
		result = (a->delta > b->delta) - (a->delta < b->delta);
		break;
	case RANK_KEY:
		result = compare_key(groups, order->index, a->group, b->group, &absent);
		break;
	case RANK_SUM:
		result = compare_sum(order->index, a->group, b->group, &absent);
		break;
	}
	return order->descending && !absent ? -result : result;
}

static int compare_ranked(const void *x, const void *y, void *data)
{
	const struct ranking *ranking = data;
	const struct ranked *a = x, *b = y;
	bool absent;
	int result = 0;

	for (unsigned i = 0; i < ranking->orders_count && !result; i++)
		result = compare_by(ranking->groups, &ranking->orders[i], a, b);
	for (unsigned i = 0; i < ranking->keys_count && !result; i++)
		result = compare_key(ranking->groups, i, a->group, b->group, &absent);
	return result;
}

static void adopt_gone(struct groups *groups, const struct groups *previous)
{
	for (uint32_t i = 0; i < groups_count(previous); i++) {
		const struct group *group = groups_at(previous, i);

		if (group->count)
			groups_adopt(groups, previous, group);
	}
}

void ranking_make(struct ranking *ranking, struct groups *groups, const struct groups *previous)
{
	if (previous)
		adopt_gone(groups, previous);
	ranking->groups = groups;
	ranking->matched = 0;
	ranking->count = groups_count(groups);
	ranking->list = malloc((ranking->count + 1) * sizeof(*ranking->list));
	if (!ranking->list)
		abort();
	for (uint32_t i = 0; i < ranking->count; i++) {
		const struct group *group = groups_at(groups, i);
		const struct group *peer = previous ? groups_peer(previous, groups, group) : NULL;

		ranking->list[i] = (struct ranked){ group, group->count - (peer ? peer->count : 0) };
		ranking->matched += group->count;
	}
	qsort_r(ranking->list, ranking->count, sizeof(*ranking->list), compare_ranked, ranking);
}

void ranking_release(struct ranking *ranking)
{
	free(ranking->list);
	ranking->list = NULL;
}
