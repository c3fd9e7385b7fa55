/* Counts flows: a few wait in a queue until the memory that counting them takes is near. */
#include "group.h"

#include "index.h"
#include "memory.h"

#include <errno.h>
#include <stdlib.h>

#include <linux/netfilter/nf_conntrack_common.h>

/* So many flows are counted late: with many groups, a table in memory far away costs more than all
 * else. After half of them the slot is there, and the record is asked for. */
enum { QUEUE = 16 };

/* `second`: the member of the other direction, where the field is the total of both. */
struct sum {
	const struct field *field;
	bool direct;
	uint16_t first, second;
};

/* What is counted of a flow. */
struct pending {
	uint32_t tag, summed;
	bool unreplied;
	uint64_t sum[GROUP_SUMS];
	union words key;
};

struct groups {
	struct index rows, columns, cells;
	bool across;
	struct sum sums[GROUP_SUMS];
	unsigned sums_count;
	uint64_t wants;
	struct pending queue[QUEUE];
	unsigned head, waiting;
};

static void plan_sum(struct groups *groups, const struct field *field)
{
	struct sum *sum = &groups->sums[groups->sums_count++];
	bool total = field->kind == &kind_total;

	sum->field = field;
	sum->direct = field->size == sizeof(uint64_t) &&
		      (total || field->kind == &kind_count || field->kind == &kind_size);
	sum->first = field->offset;
	sum->second = total ? field->offset + sizeof(struct counters) : 0;
	groups->wants |= field->has | field->uses;
}

/* NAT shows the two bits of the status alone, so the reply tuple is not needed. */
static uint64_t wants(const struct field *field)
{
	return field->kind->bits ? field->has == HAS_NAT ? HAS_STATUS : field->has
				 : field->has | field->uses;
}

struct groups *groups_new(const struct group_plan *plan)
{
	struct groups *groups = must(calloc(1, sizeof(*groups)));
	unsigned extra;
	bool fits;

	groups->wants = HAS_STATUS;
	groups->across = plan->across;
	for (unsigned i = 0; i < plan->keys_count; i++)
		groups->wants |= wants(&plan->keys[i]);
	for (unsigned i = 0; i < plan->sums_count; i++)
		plan_sum(groups, plan->sums[i]);
	extra = (plan->extra + sizeof(uint64_t) - 1) / sizeof(uint64_t);
	fits = index_plan(&groups->rows, plan->keys, plan->keys_count);
	if (plan->across) {
		groups->wants |= wants(&plan->across_key);
		fits = fits && index_plan(&groups->columns, &plan->across_key, 1) &&
		       index_plan(&groups->cells, plan->keys, plan->keys_count) &&
		       index_plan(&groups->cells, &plan->across_key, 1);
	}
	if (!fits) {
		free(groups);
		errno = E2BIG;
		return NULL;
	}
	index_open(&groups->rows, plan->sums_count + extra);
	if (plan->across) {
		index_open(&groups->columns, 0);
		index_open(&groups->cells, plan->sums_count);
	}
	return groups;
}

void groups_free(struct groups *groups)
{
	if (!groups)
		return;
	index_release(&groups->rows);
	index_release(&groups->columns);
	index_release(&groups->cells);
	free(groups);
}

uint64_t groups_wants(const struct groups *groups)
{
	return groups->wants;
}

void groups_clear(struct groups *groups)
{
	index_clear(&groups->rows);
	index_clear(&groups->columns);
	index_clear(&groups->cells);
	groups->waiting = 0;
}

static inline void read_sums(const struct groups *groups, struct pending *pending,
			     const struct flow *flow)
{
	const char *base = (const char *)flow;

	pending->summed = 0;
	for (unsigned i = 0; i < groups->sums_count; i++) {
		const struct sum *sum = &groups->sums[i];

		pending->sum[i] = 0;
		if (!field_present(sum->field, flow))
			continue;
		pending->summed |= UINT32_C(1) << i;
		if (!sum->direct)
			pending->sum[i] = sum->field->kind->number(sum->field, flow);
		else
			pending->sum[i] = *(const uint64_t *)(base + sum->first) +
				(sum->second ? *(const uint64_t *)(base + sum->second) : 0);
	}
}

static inline struct index *counted(struct groups *groups)
{
	return groups->across ? &groups->cells : &groups->rows;
}

static inline void count(struct groups *groups, const struct pending *pending)
{
	struct group *group = index_get(counted(groups), pending->key.word, pending->tag);

	group->count++;
	group->unreplied += pending->unreplied;
	group->summed |= pending->summed;
	for (unsigned i = 0; i < groups->sums_count; i++)
		group->sum[i] += pending->sum[i];
}

static inline void hash(const struct index *index, struct pending *pending)
{
	pending->tag = index_hash(index, pending->key.word);
	index_touch_slot(index, pending->tag);
}

void group_add(struct groups *groups, const struct flow *flow)
{
	struct index *index = counted(groups);
	struct pending *pending = &groups->queue[groups->head % QUEUE];

	if (groups->waiting == QUEUE)
		count(groups, pending);
	else
		groups->waiting++;
	index_make_key(index, flow, &pending->key);
	pending->unreplied = (flow->has & HAS_STATUS) && !(flow->status & IPS_SEEN_REPLY);
	read_sums(groups, pending, flow);
	/* The key was just written in bytes, and hashing would have to wait for them; the one before is there. */
	if (groups->waiting > 1)
		hash(index, &groups->queue[(groups->head - 1) % QUEUE]);
	groups->head++;
	if (groups->waiting > QUEUE / 2)
		index_touch_record(index, groups->queue[(groups->head + QUEUE / 2) % QUEUE].tag);
}

static struct group *get_part(struct index *index, const struct index *from, unsigned first,
			      const struct group *cell)
{
	union words words;

	index_cut(index, from, first, index_key(from, cell), &words);
	return index_get(index, words.word, index_hash(index, words.word));
}

static void zero(struct index *index, unsigned sums)
{
	for (uint32_t i = 0; i < index->count; i++) {
		struct group *group = index_at(index, i);

		group->count = group->unreplied = 0;
		group->summed = 0;
		group->cell = 0;
		memset(group->sum, 0, sums * sizeof(*group->sum));
	}
}

/* A group is the sum of its cells. */
static void join_cell(struct groups *groups, struct group *cell)
{
	struct group *row = get_part(&groups->rows, &groups->cells, 0, cell);
	struct group *column = get_part(&groups->columns, &groups->cells, groups->rows.keys_count, cell);

	column->count += cell->count;
	cell->column = column->number;
	cell->cell = row->cell;
	row->cell = cell->number + 1;
	row->count += cell->count;
	row->unreplied += cell->unreplied;
	row->summed |= cell->summed;
	for (unsigned i = 0; i < groups->sums_count; i++)
		row->sum[i] += cell->sum[i];
}

void groups_settle(struct groups *groups)
{
	unsigned first = groups->head + QUEUE - groups->waiting;

	if (groups->waiting)
		hash(counted(groups), &groups->queue[(groups->head - 1) % QUEUE]);
	for (; groups->waiting; groups->waiting--)
		count(groups, &groups->queue[first++ % QUEUE]);
	if (!groups->across)
		return;
	zero(&groups->rows, groups->sums_count);
	zero(&groups->columns, 0);
	for (uint32_t i = 0; i < groups->cells.count; i++)
		join_cell(groups, index_at(&groups->cells, i));
}

struct group *group_get(struct groups *groups, const struct flow *flow)
{
	union words words;

	index_make_key(&groups->rows, flow, &words);
	return index_get(&groups->rows, words.word, index_hash(&groups->rows, words.word));
}

void *group_extra(const struct groups *groups, struct group *group)
{
	return group->sum + groups->sums_count;
}

uint32_t groups_count(const struct groups *groups)
{
	return groups->rows.count;
}

struct group *groups_at(const struct groups *groups, uint32_t number)
{
	return index_at(&groups->rows, number);
}

uint32_t groups_columns_count(const struct groups *groups)
{
	return groups->columns.count;
}

struct group *groups_column(const struct groups *groups, uint32_t number)
{
	return index_at(&groups->columns, number);
}

const struct group *groups_cell(const struct groups *groups, const struct group *group)
{
	return group->cell ? index_at(&groups->cells, group->cell - 1) : NULL;
}

const struct field *groups_keys(const struct groups *groups, unsigned i)
{
	return &groups->rows.keys[i].field;
}

const struct field *groups_across(const struct groups *groups)
{
	return &groups->columns.keys[0].field;
}

void groups_row(const struct groups *groups, const struct group *group, struct group_row *row)
{
	index_fill(&groups->rows, group, row);
}

void groups_column_row(const struct groups *groups, const struct group *column, struct group_row *row)
{
	index_fill(&groups->columns, column, row);
}

int groups_compare(const struct groups *groups, unsigned key, const struct group *a,
		   const struct group *b, bool *both)
{
	const struct index *index = &groups->rows;
	const struct field *field = &index->keys[key].field;
	struct group_row x, y;

	index_fill(index, a, &x);
	index_fill(index, b, &y);
	*both = field_present(field, &x.flow) && field_present(field, &y.flow);
	return field_compare(field, &x.flow, &y.flow);
}

struct group *groups_peer(const struct groups *other, const struct groups *groups,
			  const struct group *group)
{
	const uint64_t *word = index_key(&groups->rows, group);

	return index_find(&other->rows, word, index_hash(&other->rows, word));
}

struct group *groups_adopt(struct groups *other, const struct groups *groups,
			   const struct group *group)
{
	const uint64_t *word = index_key(&groups->rows, group);

	return index_get(&other->rows, word, index_hash(&other->rows, word));
}
