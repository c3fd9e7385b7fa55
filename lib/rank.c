/* Sorts pointers to groups; keys are compared as their kinds compare flows, by two numbers first. */
#include "rank.h"

#include "memory.h"

#include <stdlib.h>

static int compare_values(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

static int compare_sum(unsigned index, const struct group *a, const struct group *b, bool *both)
{
	bool x = a->summed >> index & 1, y = b->summed >> index & 1;

	*both = x && y;
	return *both ? compare_values(a->sum[index], b->sum[index]) : y - x;
}

static int compare_by(const struct groups *groups, const struct rank_order *order,
		      const struct ranked *a, const struct ranked *b)
{
	bool both = true;
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
		result = groups_compare(groups, order->index, a->group, b->group, &both);
		break;
	case RANK_SUM:
		result = compare_sum(order->index, a->group, b->group, &both);
		break;
	}
	return order->descending && both ? -result : result;
}

/* The key of a group as a number; absent values and kinds without a number share the last one. */
static uint64_t number_of(const struct groups *groups, unsigned index, const struct group *group)
{
	const struct field *field = groups_keys(groups, index);
	struct group_row row;

	groups_row(groups, group, &row);
	if (!field->kind->number || !field_present(field, &row.flow))
		return UINT64_MAX;
	return field->kind->number(field, &row.flow);
}

static uint64_t major_of(const struct ranking *ranking, const struct ranked *ranked)
{
	const struct rank_order by_count = { RANK_COUNT, 0, true };
	const struct rank_order *order = ranking->orders_count ? &ranking->orders[0] : &by_count;
	const struct group *group = ranked->group;
	uint64_t value = UINT64_MAX;

	switch (order->by) {
	case RANK_COUNT:
		value = group->count;
		break;
	case RANK_UNREPLIED:
		value = group->unreplied;
		break;
	case RANK_DELTA:
		value = (uint64_t)ranked->delta ^ UINT64_C(1) << 63;
		break;
	case RANK_KEY:
		value = number_of(ranking->groups, order->index, group);
		break;
	case RANK_SUM:
		if (group->summed >> order->index & 1)
			value = group->sum[order->index];
		break;
	}
	return order->descending && value != UINT64_MAX ? ~value : value;
}

/* After equal counts the keys decide, so then `minor` goes on where `major` ends. */
static bool minor_follows(const struct ranking *ranking)
{
	return !ranking->orders_count || (ranking->orders_count == 1 && ranking->orders[0].by == RANK_COUNT);
}

static void rank(const struct ranking *ranking, struct ranked *ranked)
{
	ranked->major = major_of(ranking, ranked);
	ranked->minor = minor_follows(ranking) ? number_of(ranking->groups, 0, ranked->group) : UINT64_MAX;
}

/* Whether two such numbers tell the order: the last one is shared. */
static bool tells(uint64_t a, uint64_t b)
{
	return a != b && a != UINT64_MAX && b != UINT64_MAX;
}

static int compare_ranked(const void *x, const void *y, void *data)
{
	const struct ranking *ranking = data;
	const struct ranked *a = x, *b = y;
	bool both;
	int result = 0;

	if (tells(a->major, b->major))
		return compare_values(a->major, b->major);
	if (a->major == b->major && a->major != UINT64_MAX && tells(a->minor, b->minor))
		return compare_values(a->minor, b->minor);
	for (unsigned i = 0; i < ranking->orders_count && !result; i++)
		result = compare_by(ranking->groups, &ranking->orders[i], a, b);
	if (!result)
		result = compare_values(b->group->count, a->group->count);
	for (unsigned i = 0; i < ranking->keys_count && !result; i++)
		result = groups_compare(ranking->groups, i, a->group, b->group, &both);
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

static void swap(struct ranked *a, struct ranked *b)
{
	struct ranked copy = *a;

	*a = *b;
	*b = copy;
}

/* The heap has the one that would go first at its top. */
static void sift_down(struct ranking *ranking, uint32_t i, uint32_t count)
{
	struct ranked *heap = ranking->list;
	uint32_t child;

	while ((child = 2 * i + 1) < count) {
		if (child + 1 < count && compare_ranked(&heap[child + 1], &heap[child], ranking) > 0)
			child++;
		if (compare_ranked(&heap[child], &heap[i], ranking) <= 0)
			return;
		swap(&heap[child], &heap[i]);
		i = child;
	}
}

/* Brings the first `top` of `count` to the front, in no order: far cheaper than to sort them all. */
static void select_top(struct ranking *ranking, uint32_t top, uint32_t count)
{
	struct ranked *list = ranking->list;

	for (uint32_t i = top / 2; i-- > 0;)
		sift_down(ranking, i, top);
	for (uint32_t i = top; i < count; i++) {
		if (compare_ranked(&list[i], &list[0], ranking) >= 0)
			continue;
		swap(&list[i], &list[0]);
		sift_down(ranking, 0, top);
	}
}

/* Small groups go to the end, then those beyond the first. */
static void keep(struct ranking *ranking)
{
	struct ranked *list = ranking->list;

	ranking->kept = 0;
	for (uint32_t i = 0; i < ranking->count; i++)
		if (list[i].group->count >= ranking->least)
			swap(&list[i], &list[ranking->kept++]);
	if (ranking->top && ranking->top < ranking->kept) {
		select_top(ranking, ranking->top, ranking->kept);
		ranking->kept = ranking->top;
	}
}

void ranking_make(struct ranking *ranking, struct groups *groups, const struct groups *previous)
{
	groups_settle(groups);
	if (previous)
		adopt_gone(groups, previous);
	ranking->groups = groups;
	ranking->matched = 0;
	ranking->count = groups_count(groups);
	ranking->list = malloc((ranking->count + 1) * sizeof(*ranking->list));
	if (!ranking->list)
		memory_exhausted();
	for (uint32_t i = 0; i < ranking->count; i++) {
		const struct group *group = groups_at(groups, i);
		const struct group *peer = previous ? groups_peer(previous, groups, group) : NULL;

		ranking->list[i] = (struct ranked){ group, group->count - (peer ? peer->count : 0) };
		rank(ranking, &ranking->list[i]);
		ranking->matched += group->count;
	}
	keep(ranking);
	qsort_r(ranking->list, ranking->kept, sizeof(*ranking->list), compare_ranked, ranking);
}

void ranking_release(struct ranking *ranking)
{
	free(ranking->list);
	ranking->list = NULL;
}
