/* The views of cttop as data: what is grouped, which columns, in which order. */
#ifndef VIEW_H
#define VIEW_H

#include "row.h"
#include "sorter.h"

enum rows { ROWS_GROUPS, ROWS_FLOWS, ROWS_EVENTS, ROWS_CPUS };

enum { VIEW_COLUMNS = 32, LEVELS = 3 };

/*
 * A column. Where the terminal is narrow, the one with the highest `give` goes first; 0 stays.
 * `level`: shown from so many presses of + on, or where the terminal is wide. `idle`: left out while
 * it has no value anywhere. `least`: its texts are cut to that before it goes.
 * `other`: the field of a column whose values stand here where that column has no room and this one no value,
 * and `both` is the heading then.
 */
struct view_column {
	const char *field;		/* NULL ends the list; "bar" is the share as a bar */
	const char *heading;		/* NULL: the field's */
	uint8_t give, level;
	bool idle;
	uint8_t least;
	const char *other, *both;
};

struct view {
	const char *name;		/* for --view and on the tab */
	const char *help;
	enum rows rows;
	const char *by;			/* the fields that make a group, comma separated */
	const char *sort;		/* a field, with - for descending; NULL: in order of arrival */
	uint64_t needs;			/* only flows that have all these bits */
	bool states;			/* count the TCP states apart */
	struct view_column columns[VIEW_COLUMNS];
};

/* All views; view_at(i) is reached by the digit i + 1. Ends with a row whose name is NULL. */
extern const struct view views[];
unsigned view_count(void);
const struct view *view_find(const char *name);		/* NULL if there is none */

/* What makes the groups of a view. Rows have room for struct sums. */
void view_plan(const struct view *view, struct group_plan *plan);

/* What must be decoded for a view: keys and columns. */
uint64_t view_wants(const struct view *view);

/* "FIELD" or "-FIELD", a field of a column of this view by its name or heading; false if there is
 * none. */
bool view_order(const struct view *view, const char *word, struct order *order);

/* The fields of the i-th column; NULL for the bar. */
const struct field *view_field(const struct view_column *column);

#endif
