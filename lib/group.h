/* Counts flows in groups: by any fields, across the values of another, with sums. */
#ifndef GROUP_H
#define GROUP_H

#include "field.h"

enum { GROUP_KEYS = 16, GROUP_SUMS = 16, GROUP_VALUES = 1024 };

/*
 * What a group is made by. Keys are copies of rows: their `prefix` cuts addresses, so src/24 is the
 * row of orig.src with prefix { 24, 64 }. Sums are fields that are numbers.
 */
struct group_plan {
	struct field keys[GROUP_KEYS], across_key;
	unsigned keys_count;
	bool across;
	const struct field *sums[GROUP_SUMS];
	unsigned sums_count;
	unsigned extra;			/* bytes behind the sums of a group for the caller's own use */
};

/*
 * A group, a value of `across` (a column), or a cell, which is where both meet. The sum i means
 * something only if `summed` has bit i: at least one flow had the field. The sums of a cell are
 * those of its flows, too.
 */
struct group {
	uint64_t count, unreplied;
	uint32_t number;		/* in order of arrival, from 0 */
	uint32_t summed;
	uint32_t cell;			/* see groups_cell() */
	uint32_t column;		/* of a cell: the number of its column */
	uint64_t sum[];
};

/* The keys of a group in a flow of their own, for the kinds, which look at `has`, `family` and their
 * value only. Their rows are groups_keys(). */
struct group_row {
	struct flow flow;
	uint64_t values[GROUP_VALUES / sizeof(uint64_t)];
};

struct groups;

/* NULL, errno E2BIG: the keys take more than GROUP_VALUES bytes. Ends by memory_exhausted() when memory is out. */
struct groups *groups_new(const struct group_plan *plan);
void groups_free(struct groups *groups);

/* What must be decoded of the flows. */
uint64_t groups_wants(const struct groups *groups);

/* Forgets all groups, and keeps the memory for the next ones. */
void groups_clear(struct groups *groups);

/* Some of what is added shows in the groups only after groups_settle(), and all cells do. */
void group_add(struct groups *groups, const struct flow *flow);
void groups_settle(struct groups *groups);

/* The group of a flow, made with nothing counted if it is new; and its bytes for the caller, which
 * begin as 0. */
struct group *group_get(struct groups *groups, const struct flow *flow);
void *group_extra(const struct groups *groups, struct group *group);

/* The groups in order of arrival; likewise the columns, of which there are none without across. */
uint32_t groups_count(const struct groups *groups);
struct group *groups_at(const struct groups *groups, uint32_t number);
uint32_t groups_columns_count(const struct groups *groups);
struct group *groups_column(const struct groups *groups, uint32_t number);

/* The first cell of a group, and of a cell the next one of its group; NULL: no more. */
const struct group *groups_cell(const struct groups *groups, const struct group *group);

/* The rows of the keys in the order of the plan, and of `across`; their values lie in a struct
 * group_row, which these fill; other members stay as they are. */
const struct field *groups_keys(const struct groups *groups, unsigned i);
const struct field *groups_across(const struct groups *groups);
void groups_row(const struct groups *groups, const struct group *group, struct group_row *row);
void groups_column_row(const struct groups *groups, const struct group *column, struct group_row *row);

/* Compares two groups by one key as field_compare() does; *both: neither lacks it. */
int groups_compare(const struct groups *groups, unsigned key, const struct group *a,
		   const struct group *b, bool *both);

/* The group with the same keys in another set of the same plan, as of the sample before; NULL if
 * it has none. groups_adopt() makes one there, with nothing counted. */
struct group *groups_peer(const struct groups *other, const struct groups *groups,
			  const struct group *group);
struct group *groups_adopt(struct groups *other, const struct groups *groups,
			   const struct group *group);

#endif
